"""Reading linear light: OpenEXR, Radiance HDR and PFM; floating-point TIFF comes from `tiff_read`.

1 is white. The light is encoded by the working curve, so the response is known. What lies outside
0..1 is clipped as a camera clips it, with a warning that states the share.

Source: OpenEXR, "Technical Introduction" and "Standard attributes" (windows, luminance and chroma);
Ward, "Real Pixels", Graphics Gems II, 1991 (RGBE), and "The RADIANCE Picture File Format".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Floats
from expinterp.core.encoding import TOP, Encoding, encode, to_xyz
from expinterp.core.parallel import parts_of
from expinterp.errors import ImageFileError
from expinterp.images.codecs import netpbm
from expinterp.images.developing.profiles import SRGB, icc_profile, matrix_to_srgb
from expinterp.images.developing.silence import quiet_stderr
from expinterp.images.limits import REMEDY, check_size
from expinterp.images.orientation import turn
from expinterp.images.photograph import Decoded, Metadata

Light = NDArray[np.float32]

NOTICED = 5e-4  # share of values from which on it is reported
BELOW = -1e-3  # linear light: slightly negative values come from rounding, or from other primaries
_HDR_SIZE = re.compile(rb"\n\r?\n([-+][XY]) +(\d{1,9}) +([-+][XY]) +(\d{1,9}) *\r?\n")
_HDR_TURNS = {  # orientation of EXIF, by the directions of rows and columns
    b"-Y+X": 1, b"-Y-X": 2, b"+Y-X": 3, b"+Y+X": 4, b"+X-Y": 5, b"-X-Y": 6, b"-X+Y": 7, b"+X+Y": 8,
}  # fmt: skip
_HDR_PRIMARIES = re.compile(rb"\nPRIMARIES=\s*((?:[\d.]+\s+){7}[\d.]+)")


def decode(stream: BinaryIO, form: str, max_pixels: int) -> Decoded:
    """Decode OpenEXR (``exr``), Radiance HDR (``hdr``) or PFM (``pfm``).

    Raises
    ------
    ImageFileError
        If the picture is larger than `max_pixels`, or of a kind that is not read.
    MissingExtraError
        If OpenEXR is not installed.
    Exception
        Any that the libraries raise on damage.
    """
    warnings: list[str] = []
    if form == "exr":
        from expinterp.images.developing import openexr

        light, primaries, exif = openexr.read(stream, max_pixels, warnings)
        return from_light(light, Metadata(exif), warnings, primaries=primaries)
    if form == "pfm":
        return from_light(netpbm.read_floats(stream.read(), max_pixels), Metadata(), warnings)
    light, primaries = _read_radiance(stream.read(), max_pixels)
    return from_light(light, Metadata(), warnings, primaries=primaries)


def read_size(data: bytes) -> tuple[int, int, int]:
    """Read the rows and columns of a Radiance HDR, upright, and 16 bits, from its first bytes."""
    _, _, rows, cols, orientation = _hdr_size(data)
    return (cols, rows, 16) if orientation >= 5 else (rows, cols, 16)


def from_light(
    light: Light, metadata: Metadata, warnings: list[str], *, primaries: tuple[float, ...] = SRGB
) -> Decoded:
    """Encode linear light as working code values.

    Parameters
    ----------
    light : float array, shape (rows, cols, channels)
        Grey, grey and opacity, R G B, or R G B and opacity; not multiplied by it.
    metadata : Metadata
        Its profile is replaced by that of sRGB, the output space.
    warnings : list of str
        Extended.
    primaries : tuple of float
        x, y of R, G, B and white.
    """
    channels = light.shape[2]
    colours = light[..., : channels - 1 + channels % 2]
    warnings += _describe_outside(colours)
    codes = np.empty(light.shape, np.uint16)
    count = colours.shape[2]
    for rows in parts_of(light.shape):  # the arrays between take seven times the memory
        part = colours[rows].astype(np.float32)
        codes[rows, :, :count] = encode(np.nan_to_num(part, nan=0.0, neginf=0.0))
    if count < channels:
        opacity = np.clip(np.nan_to_num(light[..., -1].astype(np.float64)), 0, 1)
        codes[..., -1] = np.rint(TOP * opacity)
    matrix = matrix_to_srgb(primaries) if count == 3 else None
    profile = icc_profile("srgb") if count == 3 else None
    return Decoded(codes, replace(metadata, icc=profile), warnings, Encoding(matrix))


def from_luminance(
    luminance: Light, red: Light, blue: Light, primaries: tuple[float, ...] = SRGB
) -> Light:
    """Convert luminance Y and chroma (R − Y)/Y, (B − Y)/Y, all of one size, to R G B."""
    weights = _luminance_weights(primaries)
    r, b = (red + 1) * luminance, (blue + 1) * luminance
    g = (luminance - weights[0] * r - weights[2] * b) / weights[1]
    return np.stack([r, g, b], axis=-1).astype(np.float32)


def _luminance_weights(primaries: tuple[float, ...]) -> Floats:
    """Return Y of R, G and B."""
    return np.asarray(to_xyz(primaries)[1])


def _describe_outside(colours: NDArray[Any]) -> list[str]:
    """Report the shares of values that are no light, or brighter than white."""
    with np.errstate(invalid="ignore"):
        shares = {
            "are brighter than white (1) and are clipped": np.mean(colours > 1),
            "are below 0 and become black": np.mean(colours < BELOW),
            "are no numbers (NaN) and become black": np.mean(np.isnan(colours)),
        }
    return [
        f"{100 * share:.3g} % of the values {what}"
        for what, share in shares.items()
        if share >= NOTICED
    ]


def _read_radiance(data: bytes, max_pixels: int) -> tuple[Light, tuple[float, ...]]:
    """Decode Radiance HDR with OpenCV, which reads upright files only, to (rows, cols, 3)."""
    import cv2
    import imageio.v3 as imageio

    head, start, rows, cols, orientation = _hdr_size(data)
    check_size(cols, rows, max_pixels)
    upright = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (rows, cols)
    with quiet_stderr():
        light = imageio.imread(
            upright + data[start:], plugin="opencv", extension=".hdr", flags=cv2.IMREAD_UNCHANGED
        )
    found = _HDR_PRIMARIES.search(head)
    primaries = tuple(map(float, found[1].split())) if found else SRGB
    return np.ascontiguousarray(turn(np.asarray(light, np.float32), orientation)), primaries


def _hdr_size(data: bytes) -> tuple[bytes, int, int, int, int]:
    """Read the header of a Radiance HDR: itself, its length, stored rows and columns, orientation."""
    found = _HDR_SIZE.search(data[:65_536])
    if b"32-bit_rle_xyze" in data[:4096]:
        message = "Radiance HDR in X Y Z; save it as R G B"
        raise ImageFileError(message)
    if not found or {found[1][1:], found[3][1:]} != {b"X", b"Y"}:
        message = f"damaged Radiance HDR (it states no size); {REMEDY}"
        raise ImageFileError(message)
    orientation = _HDR_TURNS[found[1] + found[3]]
    return data[: found.start()], found.end(), int(found[2]), int(found[4]), orientation

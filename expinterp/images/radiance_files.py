"""Writing the radiance of a scene: linear light, relative, as OpenEXR, Radiance HDR or float TIFF.

Colours are R G B of the primaries that the shots have, sRGB by default. OpenEXR states them by its
attribute ``chromaticities``, TIFF by a profile with a linear curve; Radiance HDR states none.

Sources: OpenEXR, "Standard attributes"; Ward, "Real Pixels", Graphics Gems II, 1991 (RGBE).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from expinterp.core.exposure import Exposure
from expinterp.errors import MissingExtraError, OutputError, how_to_install
from expinterp.files import STREAM, Source, check_output, replacing
from expinterp.images.codecs import tiff_write
from expinterp.images.formats import RADIANCE_FORMATS
from expinterp.images.metadata.exif_edit import fit_to_pixels
from expinterp.images.photograph import Metadata

Depth: TypeAlias = Literal["half", "float"]
Light: TypeAlias = NDArray[np.floating[Any]]  # float32 or float16

LARGEST_HALF = 65_504.0
ROWS = 64  # that one thread converts at a time
HDR_ROWS = 16  # that one thread encodes at a time
NEED_EXR = (
    f"needs the package OpenEXR; {how_to_install('exr', 'OpenEXR')}, or name a .hdr or .tif file"
)


def radiance_format(target: str | Path) -> str:
    """Return the format of a radiance map from the suffix of its file.

    Raises
    ------
    OutputError
        If the suffix is missing or unknown, or the target is standard output.
    """
    suffix = Path(target).suffix.lower()
    for name, form in RADIANCE_FORMATS.items():
        if suffix in form.suffixes and str(target) != STREAM:
            return name
    known = ", ".join(form.suffixes[0] for form in RADIANCE_FORMATS.values())
    message = f"{target}: radiance needs a file of linear light; use one of {known}"
    raise OutputError(message)


def check_radiance_target(
    target: str | Path, *, depth: Depth | None, overwrite: bool, inputs: Iterable[Source] = ()
) -> None:
    """Refuse an impossible output before any work is done.

    Raises
    ------
    OutputError, OutputExistsError
        As `write_radiance`.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    form = radiance_format(target)
    if depth is not None and form == "hdr":
        message = f"{target}: Radiance HDR has one depth only; leave --depth out, or use .exr"
        raise OutputError(message)
    if form == "exr" and find_spec("OpenEXR") is None:
        message = f"{target}: {NEED_EXR}"
        raise MissingExtraError(message)
    check_output(target, overwrite=overwrite, inputs=inputs)


def write_radiance(
    radiance: NDArray[np.float32],
    target: str | Path,
    *,
    alpha: NDArray[np.float32] | None = None,
    depth: Depth | None = None,
    metadata: Metadata | None = None,
    exposure: Exposure | None = None,
    overwrite: bool = False,
    inputs: Iterable[Source] = (),
) -> tuple[str, ...]:
    """Write linear light to a file; after a failure no half-written file is left.

    Parameters
    ----------
    radiance : float32 array, shape (rows, cols, 1 or 3)
    target : str or Path
    alpha : float32 array, shape (rows, cols), or None
        Opacity, 0..1, not multiplied into `radiance`.
    depth : {'half', 'float'} or None
        Of OpenEXR and TIFF; by default half in OpenEXR and float in TIFF.
    metadata : Metadata or None
        Blocks for TIFF. The profile states the primaries of `radiance`, and is stored with a linear
        curve.
    exposure : Exposure or None
        For attributes of OpenEXR.
    overwrite, inputs
        As for `write_photograph`.

    Returns
    -------
    tuple of str
        A sentence for each thing that the file does not hold.

    Raises
    ------
    OutputError
        If the suffix is unknown, or the file cannot be written.
    OutputExistsError
        If the target exists, or is one of the inputs.
    MissingExtraError
        If OpenEXR is not installed.
    """
    check_radiance_target(target, depth=depth, overwrite=overwrite, inputs=inputs)
    form, metadata, warnings = radiance_format(target), metadata or Metadata(), []
    dtype = np.float16 if depth == "half" or (depth is None and form == "exr") else np.float32
    if dtype == np.float16 and radiance.max() > LARGEST_HALF:
        warnings.append(
            f"values above {LARGEST_HALF:.0f} were cut, half floats hold no larger ones"
        )
    with replacing(target, overwrite=overwrite) as stream:
        if form == "exr":
            header = _attributes(exposure or Exposure(), metadata.icc)
            _write_exr(radiance, dtype, stream, alpha, header)
        elif form == "hdr":
            _write_hdr(radiance, stream)
        else:
            warnings += _write_tiff(_convert(radiance, dtype), stream, alpha, metadata)
    if alpha is not None and form == "hdr":
        warnings.append("Radiance HDR has no alpha channel; it was left out")
    if form == "hdr" and metadata.icc:
        warnings.append("Radiance HDR has no colour profile; it was left out")
    return tuple(warnings)


def _convert(radiance: NDArray[np.float32], dtype: Any) -> Light:
    """Convert to the depth of a file; values too large for half floats become the largest."""
    if radiance.dtype == dtype:
        return radiance
    from expinterp.core.parallel import map_threads, strips

    out = np.empty(radiance.shape, dtype)

    def convert(rows: slice) -> None:
        out[rows] = np.minimum(radiance[rows], LARGEST_HALF)

    map_threads(convert, strips(len(out), ROWS))
    return out


def _write_hdr(radiance: NDArray[np.float32], stream: BinaryIO) -> None:
    """Write RGBE; negative values, which it cannot hold, become 0.

    Rows are encoded each for itself, so that blocks of them, in threads, make one file.
    """
    import imageio.v3 as imageio

    from expinterp.core.parallel import map_threads, strips

    def encode(rows: slice) -> bytes:
        colour = np.maximum(radiance[rows], 0)
        colour = colour if colour.shape[2] == 3 else np.repeat(colour, 3, axis=2)
        data = imageio.imwrite("<bytes>", colour, plugin="opencv", extension=".hdr")
        return bytes(data).split(b"\n\n", 1)[1].split(b"\n", 1)[1]

    rows, cols = radiance.shape[:2]
    stream.write(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y %d +X %d\n" % (rows, cols))
    blocks = strips(rows, HDR_ROWS)
    for group in strips(len(blocks), 2 * HDR_ROWS):
        stream.writelines(map_threads(encode, blocks[group]))


def _write_tiff(
    radiance: Light, stream: BinaryIO, alpha: NDArray[np.float32] | None, metadata: Metadata
) -> list[str]:
    from expinterp.images.developing.profiles import linear_profile

    profile = linear_profile(metadata.icc) if radiance.shape[2] == 3 else None
    carried = fit_to_pixels(replace(metadata, icc=profile), *radiance.shape[:2])
    if alpha is not None:
        radiance = np.dstack([radiance, alpha.astype(radiance.dtype)])
    tiff_write.encode(radiance, stream, metadata=carried)
    lost = metadata.icc is not None and profile is None
    said = ["the colour profile has no linear form; it was left out"] * lost
    return said + carried.warnings_for("tiff")


def _write_exr(
    radiance: NDArray[np.float32],
    dtype: Any,
    stream: BinaryIO,
    alpha: NDArray[np.float32] | None,
    attributes: dict[str, Any],
) -> None:
    """Write OpenEXR, compressed without loss, into an open file; alpha is multiplied in."""
    import OpenEXR

    if alpha is not None:
        radiance = radiance * alpha[..., np.newaxis]
    names = "Y" if radiance.shape[2] == 1 else "RGB"
    planes = {name: radiance[..., c] for c, name in enumerate(names)}
    planes |= {} if alpha is None else {"A": alpha}
    channels = {
        name: np.ascontiguousarray(_convert(plane, dtype)) for name, plane in planes.items()
    }
    header: dict[str, Any] = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        **attributes,
    }
    try:
        OpenEXR.File(header, channels).write(stream.name)
    except RuntimeError as error:  # its text names the temporary file
        full = "no space" in str(error).lower()
        words = "no space left on device" if full else "OpenEXR failed"
        raise OSError(words) from error


def _attributes(exposure: Exposure, icc: bytes | None) -> dict[str, Any]:
    """List the standard attributes of a shot and its colours."""
    from expinterp.images.developing.profiles import read_primaries

    stated = {
        "chromaticities": read_primaries(icc),
        "expTime": exposure.time,
        "isoSpeed": exposure.iso,
        "aperture": exposure.f_number,
        "cameraModel": exposure.camera,
    }
    return {name: value for name, value in stated.items() if value is not None}

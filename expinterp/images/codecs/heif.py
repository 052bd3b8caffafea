"""HEIC and HEIF through pillow-heif: the primary picture, upright, with 8 or 16 bits.

libheif turns and mirrors by the properties of the container, as the standard requires; the
orientation in EXIF says the same once more, and is not applied.

Source: ISO/IEC 23008-12 (HEIF), annexes A.2.1 (EXIF) and B (HEVC); ITU-T H.273 (code points).
"""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from expinterp.errors import ImageFileError, MissingExtraError, how_to_install
from expinterp.images.developing.silence import quiet_stderr
from expinterp.images.limits import check_content, check_size, refuse_hdr
from expinterp.images.metadata.exif import exif_block
from expinterp.images.metadata.jpeg_metadata import holds_video
from expinterp.images.photograph import Decoded, Metadata

MISSING = f"HEIC files need the package pillow-heif: {how_to_install('heif', 'pillow-heif')}"
_SEARCHED = 1 << 16  # bytes of the container in which items are looked for
_GAIN_MAPS = (b"hdrgainmap", b"HDRGainMap", b"tmap")


def decode(stream: BinaryIO, max_pixels: int) -> Decoded:
    """Decode the primary picture of a HEIC or HEIF file.

    Raises
    ------
    ImageFileError
        If the picture is larger than `max_pixels`, HDR, or of a kind that libheif does not read.
    MissingExtraError
        If pillow-heif is not installed.
    Exception
        Any that libheif raises on damage.
    """
    data = stream.read()
    with quiet_stderr():
        file = _open(data)
        picture = file[file.primary_index]
        cols, rows = picture.size
        check_size(cols, rows, max_pixels)
        check_content(cols, rows, len(data), None, "HEIC")
        colours: dict[str, Any] = picture.info.get("nclx_profile") or {}
        refuse_hdr(int(colours.get("transfer_characteristics") or 0))
        pixels = np.array(picture)
    warnings = _describe_more(data, len(file), picture.info)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if "16" not in picture.mode and pixels.dtype != np.uint8:
        message = f"HEIC with pixels of the kind {picture.mode}; convert it to PNG"
        raise ImageFileError(message)
    return Decoded(pixels, _metadata(picture.info, colours), warnings)


def read_header(stream: BinaryIO) -> tuple[int, int, bytes | None, int]:
    """Read rows, columns, EXIF block and depth without decoding pixels."""
    with quiet_stderr():
        file = _open(stream.read())
        picture = file[file.primary_index]
        cols, rows = picture.size
        depth = 16 if "16" in picture.mode else 8
        return rows, cols, exif_block(picture.info.get("exif")), depth


def _open(data: bytes) -> Any:
    try:
        import pillow_heif
    except ModuleNotFoundError as error:
        raise MissingExtraError(MISSING) from error
    return pillow_heif.open_heif(data, convert_hdr_to_8bit=False)


def _metadata(info: dict[str, Any], colours: dict[str, Any]) -> Metadata:
    """Collect the blocks; colours that are stated by code points get the profile of their space."""
    icc = info.get("icc_profile") or None
    if icc is None:
        from expinterp.images.developing.profiles import profile_of_primaries

        icc = profile_of_primaries(int(colours.get("color_primaries") or 0))
    return Metadata(exif=exif_block(info.get("exif")), icc=icc, xmp=info.get("xmp") or None)


def _describe_more(data: bytes, pictures: int, info: dict[str, Any]) -> list[str]:
    """List what the file holds besides its primary picture."""
    auxiliary = " ".join(map(str, info.get("aux") or ())).encode()
    found = {
        f"the file holds {pictures} pictures; only its main one is read": pictures > 1,
        "the gain map of the file is left out": any(
            name in auxiliary + data[:_SEARCHED] for name in _GAIN_MAPS
        ),
        "the depth map of the file is left out": bool(info.get("depth_images")),
        "the video of the file is left out": holds_video(data),
    }
    return [words for words, there in found.items() if there]

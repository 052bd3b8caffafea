"""Small grey pictures, for comparing files without decoding them in full."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from expinterp.errors import ImageFileError
from expinterp.files import open_source
from expinterp.images.codecs.jpeg_scan import JpegFile
from expinterp.images.limits import MAX_PIXELS, check_size, damage_reported
from expinterp.images.read import read_photograph

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 160  # pixels of the longer side, as in the EXIF blocks of cameras


def decode_thumbnail(data: bytes) -> NDArray[np.uint8] | None:
    """Decode the small JPEG of an EXIF block to grey (rows, cols); None if damaged or large."""
    try:
        with damage_reported("thumbnail", "JPEG"):
            return _reduced_jpeg(BytesIO(data), 4 * SIDE * SIDE)
    except ImageFileError:
        return None


def read_thumbnail_of(path: str | Path, form: str) -> NDArray[np.uint8]:
    """Decode an image file to a small grey picture: JPEG at down to 1/8 of its size, others in full.

    `form` is its format, a key of `expinterp.images.FORMATS`.

    Returns
    -------
    uint8 array, shape (rows, cols)
        Display-encoded; JPEG and previews of raw files as stored (not rotated), others upright.

    Raises
    ------
    ImageFileError
        If the file cannot be read.
    """
    if form == "jpeg":
        with open_source(path) as stream, damage_reported(str(path), "JPEG"):
            return _reduced_jpeg(stream, MAX_PIXELS)
    if form == "raw":
        from expinterp.images.developing import raw

        with open_source(path) as stream, damage_reported(str(path), "RAW"):
            if preview := raw.read_preview(stream):
                return _reduced_jpeg(BytesIO(preview), MAX_PIXELS)
    pixels = read_photograph(path).pixels
    step = max(1, max(pixels.shape[:2]) // (4 * SIDE))
    small = pixels[::step, ::step].mean(axis=2)
    grey: NDArray[np.uint8] = (small / (257 if pixels.dtype == np.uint16 else 1)).astype(np.uint8)
    return grey


def _reduced_jpeg(stream: BinaryIO, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a JPEG to grey, as small as the decoder can make it but not below `SIDE`."""
    image = JpegFile(stream)
    check_size(*image.size, max_pixels)
    image.draft("L", (SIDE, SIDE))
    return np.array(image.convert("L"))

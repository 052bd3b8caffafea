"""TIFF compressions that tifffile cannot decode without more packages, such as LZW.

Pillow decodes 8 bits, because OpenCV does not report damage there. OpenCV decodes 16 bits, because
Pillow has no 16-bit colour. On damaged LZW in 8 bits libtiff writes a line to standard error. It
is not silenced, since that would redirect standard error for all threads.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from tifffile import PHOTOMETRIC, TiffPage

from expinterp.errors import ImageFileError
from expinterp.images.metadata import tags

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STRAIGHT = 2  # value of ExtraSamples: alpha, not multiplied into the colours
_AS_STORED = {"1", "L", "LA", "P", "RGB", "RGBA", "CMYK"}  # modes of Pillow

_opencv_level = threading.Lock()


def decode_page(page: TiffPage, stream: BinaryIO) -> NDArray[Any]:
    """Decode the first page of a file to (rows, cols, samples) as stored.

    Raises
    ------
    ImageFileError
        If it is damaged, or both libraries would convert its samples.
    Exception
        Any that Pillow raises on damage.
    """
    stream.seek(0)
    data = bytearray(stream.read())
    _neutralise(data, page)
    stored = _decode_16_bits(data) if page.bitspersample == 16 else _decode_8_bits(data)
    size = page.imagelength, page.imagewidth, page.samplesperpixel
    if stored is None or stored.size != np.prod(size):
        name = getattr(page.compression, "name", page.compression)
        message = f"TIFF whose {name} data cannot be decoded; save it uncompressed"
        raise ImageFileError(message)
    return stored.reshape(size)


def _neutralise(data: bytearray, page: TiffPage) -> None:
    """Overwrite tags by which a library would rotate, invert or divide samples itself."""
    neutral = {tags.ORIENTATION: 1, tags.EXTRA_SAMPLES: _STRAIGHT}
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        neutral[tags.PHOTOMETRIC] = int(PHOTOMETRIC.MINISBLACK)
    for code, value in neutral.items():
        tag = page.tags.get(code)
        if tag is not None and tag.valuebytecount == 2:
            struct.pack_into(page.parent.byteorder + "H", data, tag.valueoffset, value)


def _decode_8_bits(data: bytearray) -> NDArray[Any] | None:
    """Decode with Pillow, which raises on damage; None if it would convert the samples."""
    from PIL import TiffImagePlugin

    from expinterp.images.codecs.pillow import without_warnings

    with without_warnings():
        image = TiffImagePlugin.TiffImageFile(BytesIO(data))
    image.load()
    return np.array(image) if image.mode in _AS_STORED else None


def _decode_16_bits(data: bytearray) -> NDArray[Any] | None:
    """Decode with OpenCV; None on damage, or if it would convert the samples or their depth."""
    from expinterp.images.codecs.opencv import decode_unchanged

    with _quiet_opencv():
        stored = decode_unchanged(data)
    return stored if stored is not None and stored.dtype == np.uint16 else None


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Silence OpenCV's log; its level is global, so one thread at a time."""
    import cv2

    with _opencv_level:
        # The name is different in OpenCV 4 and 5.
        set_level = getattr(cv2, "setLogLevel", None) or cv2.utils.logging.setLogLevel
        level = set_level(0)
        try:
            yield
        finally:
            set_level(level)

"""Decoding a JPEG so that damage within a scan is seen.

libjpeg only counts such damage, and no library tells: blocks that are missing come out grey or
shifted. Here Pillow's decoder gets the file in pieces, and how much of them it takes shows where it
is:

- While blocks of a scan (or between two restart markers) are missing, it waits for more bytes and
  leaves some of the last piece untaken.
- When all of them are decoded, it looks for the next marker and takes every byte before it.

So before each marker it must still be waiting, and with a few bytes of padding it must be done.

An eighth of the size is enough for that: all codes are read, but pixels are not computed. Those
come from imagecodecs, which fills an array of NumPy itself. Both use libjpeg-turbo.

Source: ITU-T T.81, annexes B and F; jdhuff.c and jdmarker.c of libjpeg-turbo.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from expinterp.errors import ImageFileError
from expinterp.images.codecs.depths import stretch
from expinterp.images.jpeg_layout import LOST, Layout, read_layout
from expinterp.images.photograph import Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SPARE = 4  # bytes that encoders may write in excess before a marker
_PADDING = b"\xff\0" * 8  # 64 ones: no code begins so, and a missing block takes 34 of them
_OTHER_PADDINGS = (b"\x5a\xc3\x96\x3c\xa5\x69\xd2\x4b", b"\xb4\x2d\x1e\xe1\x78\x87\x4b\xd2")
PIXELS_PER_BYTE = 8 * 64 * 4  # one bit for a block of brightness, which may be subsampled


class JpegFile(JpegImagePlugin.JpegImageFile):
    """A JPEG whose EXIF block Pillow does not read: on some types of XResolution it fails."""

    def _read_dpi_from_exif(self) -> None:
        """Leave the resolution to `metadata.exif`."""


def as_eight_bits(data: bytes, layout: Layout) -> bytes:
    """Return a JPEG whose header Pillow can read: that of another kind states baseline and 8 bits."""
    if not layout.deep:
        return data
    head = bytearray(data[: layout.checks[0][0]])
    head[layout.bits_at - 3], head[layout.bits_at] = 0xC0, 8
    return bytes(head)


def load(
    image: ImageFile.ImageFile, data: bytes, layout: Layout, *, small: bool = False
) -> list[str]:
    """Decode an opened JPEG of 8 bits, or an eighth of its size to check it; return warnings.

    Raises
    ------
    ImageFileError
        If blocks are missing, or there are more of them than the picture has.
    Exception
        Any that Pillow raises on damage.
    """
    if small and layout.end is not None:  # without an end, pixels decide
        image.draft(image.mode, (1, 1))
    tile = image.tile[0]
    _decode(image, tile, data, layout, _PADDING)
    if layout.end is not None:
        return []
    pixels = np.array(image)
    for padding in _OTHER_PADDINGS:  # they give the same picture, if all of it is there
        _decode(image, tile, data, layout, padding)
        if not np.array_equal(pixels, np.asarray(image)):
            raise ImageFileError(LOST)
    return ["the end marker of the JPEG is missing, but all its pixels are there"]


def decode(
    image: ImageFile.ImageFile, data: bytes, layout: Layout
) -> tuple[NDArray[np.uint8], list[str]]:
    """Decode an opened JPEG of 8 bits, grey or R G B; see `load`.

    Returns
    -------
    uint8 array, shape (rows, cols, 1 or 3)
        As stored, not upright.
    list of str
        Warnings.
    """
    import imagecodecs

    cols, rows = image.size
    with ThreadPoolExecutor(1) as pool:
        pixels = pool.submit(imagecodecs.jpeg8_decode, data)
        warnings = load(image, data, layout, small=True)
        try:
            stored = pixels.result()
        except imagecodecs.Jpeg8Error:  # it also reads what lies behind the pixels
            whole = JpegFile(BytesIO(data))
            warnings = load(whole, data, layout)
            stored = np.asarray(whole)
    return stored.reshape(rows, cols, -1), warnings


def check(data: bytes) -> None:
    """Refuse a damaged JPEG, as `load` does; its pixels are not kept."""
    layout = read_layout(data)
    if not layout.deep and layout.channels in {1, 3, 4}:  # Pillow has no other kinds
        load(JpegFile(BytesIO(data)), data, layout, small=True)


def _decode(image: ImageFile.ImageFile, tile: Any, data: bytes, layout: Layout, pad: bytes) -> None:
    """Decode piece by piece, and check at each marker where the decoder is."""
    image.load_prepare()
    feeder, at = _Feeder(image, tile), 0
    for begin, end in layout.checks:
        cut = _last_bytes(data, begin, end)
        if cut is not None:
            feeder.feed(data[at : cut - 2])
            if feeder.takes_all(data[cut - 2 : cut]):
                raise ImageFileError(LOST)
            at = cut
        feeder.feed(data[at:end] + pad)
        if not feeder.takes_all(b"\0\0"):
            raise ImageFileError(LOST)
        at = end
    feeder.feed(data[at : layout.end] if layout.end is not None else b"")
    feeder.feed(b"\xff\xd9")
    if not feeder.done:
        raise ImageFileError(LOST)
    image.tile = []


def _last_bytes(data: bytes, begin: int, end: int) -> int | None:
    """Return where the last bytes that surely belong to blocks end; None if there are too few.

    The two bytes before it are no part of a marker, so the decoder can take each of them alone.
    """
    tail = data[max(begin, end - (1 << 16)) : end]
    cut = end - (len(tail) - len(tail.rstrip(b"\0"))) - _SPARE
    while cut - 2 > begin and 0xFF in data[cut - 2 : cut]:
        cut -= 1
    return cut if cut - 2 > begin else None


class _Feeder:
    """A decoder of Pillow that gets a file in pieces."""

    def __init__(self, image: ImageFile.ImageFile, tile: Any) -> None:
        mode, name, args, config = image.mode, tile[0], tile[3], image.decoderconfig
        self._decoder = Image._getdecoder(mode, name, args, config)
        self._decoder.setimage(image.im, tile[1])
        self._untaken = b""
        self.done = False

    def feed(self, piece: bytes) -> bool:
        """Decode as far as possible; return whether the decoder has taken all bytes."""
        if self.done:
            return True
        waiting = self._untaken + piece
        taken, error = self._decoder.decode(waiting)
        if error < 0:
            raise ImageFileError(LOST)
        self.done = taken < 0
        self._untaken = b"" if self.done else waiting[taken:]
        return not self._untaken

    def takes_all(self, piece: bytes) -> bool:
        """Return whether the decoder takes each of two bytes at once: it looks for a marker.

        Within blocks it takes several bytes at a time, so of two in a row it leaves one.
        """
        first, second = self.feed(piece[:1]), self.feed(piece[1:])
        return first and second


def decode_deep(data: bytes, layout: Layout) -> Pixels:
    """Decode a JPEG that Pillow does not, to 16 bits (8 where it has no more).

    Returns
    -------
    uint8 or uint16 array, shape (rows, cols, 1 or 3)
        As stored, not upright.
    """
    import imagecodecs

    stored = imagecodecs.jpeg8_decode(data)
    stored = stored.reshape(*stored.shape[:2], -1)
    if stored.shape[2] not in {1, 3}:
        message = f"JPEG with {layout.bits} bits and {stored.shape[2]} channels; save it as RGB"
        raise ImageFileError(message)
    return stretch(stored, 2**layout.bits - 1)

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

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from expinterp.errors import ImageFileError
from expinterp.images import jpeg_markers as markers
from expinterp.images.codecs.depths import stretch
from expinterp.images.limits import REMEDY
from expinterp.images.photograph import Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HUFFMAN = {0xC0, 0xC1, 0xC2}  # frames with the codes that this module checks
_PROGRESSIVE = {0xC2, 0xCA}
_NOT_STORED = 0xFF
_READ = {*_HUFFMAN, 0xC3, 0xC9, 0xCA}  # without loss; arithmetic codes
_MOST_SCANS = 100  # a progressive one has about 10
_MARKER = re.compile(rb"\xff[^\xff]", re.DOTALL)
_BLOCK = 1 << 24  # bytes in which markers are looked for at a time
_MOST_CHECKS = 4000  # of restart intervals
_SPARE = 4  # bytes that encoders may write in excess before a marker
_PADDING = b"\xff\0" * 8  # 64 ones: no code begins so, and a missing block takes 34 of them
_OTHER_PADDINGS = (b"\x5a\xc3\x96\x3c\xa5\x69\xd2\x4b", b"\xb4\x2d\x1e\xe1\x78\x87\x4b\xd2")
PIXELS_PER_BYTE = 8 * 64 * 4  # one bit for a block of brightness, which may be subsampled
_LOST = f"damaged JPEG (a part of its pixels is missing or spoilt); {REMEDY}"


class JpegFile(JpegImagePlugin.JpegImageFile):
    """A JPEG whose EXIF block Pillow does not read: on some types of XResolution it fails."""

    def _read_dpi_from_exif(self) -> None:
        """Leave the resolution to `metadata.exif`."""


@dataclass
class Layout:
    """Where the parts of a JPEG lie."""

    frame: int = 0  # marker of the frame
    bits: int = 0  # per sample
    bits_at: int = 0  # offset of `bits`
    channels: int = 0
    interval: int = 0  # blocks of all channels between restart markers; 0: there are none
    checks: list[tuple[int, int]] = field(default_factory=list)  # begin and end of coded data
    scans: int = 0
    lowest: dict[int, NDArray[np.uint8]] = field(default_factory=dict)  # of each component: lowest
    # bit of its 64 coefficients that a scan has stored so far
    end: int | None = None  # offset of the end marker

    @property
    def deep(self) -> bool:
        """Whether Pillow does not decode it: more than 8 bits, without loss, arithmetic codes."""
        return self.bits > 8 or self.frame not in _HUFFMAN


def read_layout(data: bytes) -> Layout:
    """Find the frame and the coded data of a JPEG.

    Raises
    ------
    ImageFileError
        If it has no pixels, more scans than any encoder writes, restart markers out of order, or if
        scans are missing.
    """
    found, at = Layout(), 2
    for _ in range(markers.MOST_SEGMENTS):
        at = _read_segment(data, at, found)
        if at < 0 or found.scans > _MOST_SCANS:
            break
    if at >= 0 and found.scans <= _MOST_SCANS:
        message = f"damaged JPEG (more than {markers.MOST_SEGMENTS} segments); {REMEDY}"
        raise ImageFileError(message)
    if found.scans > _MOST_SCANS:
        message = (
            f"JPEG with more than {_MOST_SCANS} scans; save it again without progressive scans"
        )
        raise ImageFileError(message)
    if found.frame and found.frame not in _READ:
        kind = "JPEG-LS" if found.frame == markers.LS else "hierarchical JPEG"
        message = f"is a {kind}, which is not supported; save it as an ordinary JPEG or a PNG"
        raise ImageFileError(message)
    if not found.frame or not found.scans:
        message = f"truncated JPEG; {REMEDY}"
        raise ImageFileError(message)
    if found.frame in _HUFFMAN | _PROGRESSIVE and any(map(np.any, found.lowest.values())):
        raise ImageFileError(_LOST)
    return found


def _read_segment(data: bytes, at: int, found: Layout) -> int:
    """Read the next segment, a scan with its data; return where it ends, or -1 at the end."""
    found_mark = _MARKER.search(data, at, at + markers.MOST_SKIPPED)
    if found_mark is None:
        return -1
    at = found_mark.end() - 2
    marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
    if marker == markers.END:
        found.end = at
        return -1
    if marker in markers.ALONE or not marker:
        return at + 2
    if marker in markers.FRAMES and not found.frame and 8 <= length < len(data) - at:
        found.frame, found.bits, found.bits_at = marker, data[at + 4], at + 4
        found.channels = data[at + 9]
        components = data[at + 10 : at + 10 + 3 * found.channels : 3]
        found.lowest = {each: np.full(64, _NOT_STORED, np.uint8) for each in components}
    if marker == markers.INTERVAL:
        found.interval = int.from_bytes(data[at + 4 : at + 6], "big")
    stop = at + 2 + max(length, 2)
    if marker != markers.START_OF_SCAN:
        return stop
    _note_scan(data[at + 4 : stop], found)
    whole = data[at + 4 : at + 5] == bytes([found.channels]) and found.frame in _HUFFMAN
    return _read_scan(data, stop, found, restarts=_count_restarts(data, found) if whole else 0)


def _note_scan(head: bytes, found: Layout) -> None:
    """Note which bits of which coefficients a scan stores; head is cut off at the end of the file."""
    count = head[0] if head else 0
    sequential = found.frame not in _PROGRESSIVE
    first, last, bits = (0, 63, 0) if sequential else (*head[1 + 2 * count :], 64, 0, 0)[:3]
    for component in head[1 : 1 + 2 * count : 2]:
        if component in found.lowest:
            found.lowest[component][first : last + 1] = bits & 15


def _count_restarts(data: bytes, found: Layout) -> int:
    """Count the restart markers that a scan of all channels must have."""
    rows, cols = (int.from_bytes(data[found.bits_at + k :][:2], "big") for k in (1, 3))
    sampling = data[found.bits_at + 7 : found.bits_at + 6 + 3 * found.channels : 3]
    if not (rows and found.interval and sampling):
        return 0
    across, down = max(each >> 4 for each in sampling), max(each & 15 for each in sampling)
    if found.channels == 1 or not (across and down):
        across = down = 1
    blocks = -(-cols // (8 * across)) * -(-rows // (8 * down))
    return -(-blocks // found.interval) - 1


def _read_scan(data: bytes, start: int, found: Layout, *, restarts: int) -> int:
    """Record the coded data of a scan, divided by its restart markers; return where they end.

    Raises
    ------
    ImageFileError
        If it has fewer than `restarts` of them, or not in order.
    """
    places: list[int] = []
    end, at = None, start
    while end is None and at < len(data):
        marks, kinds = _markers(data, at, at + _BLOCK)
        others = np.flatnonzero((kinds < markers.RESTARTS.start) | (kinds >= markers.RESTARTS.stop))
        count = int(others[0]) if len(others) else len(marks)
        places += marks[:count].tolist()
        end = int(marks[count]) if len(others) else None
        at += _BLOCK
    end = len(data.rstrip(b"\xff")) if end is None else end
    unordered = any((data[mark + 1] - number) % 8 for number, mark in enumerate(places))
    if unordered or len(places) < restarts:
        raise ImageFileError(_LOST)
    parts = list(zip([start, *(mark + 2 for mark in places)], [*places, end], strict=True))
    found.checks += [*parts[: -1 : 1 + len(places) // _MOST_CHECKS], parts[-1]]
    found.scans += 1
    return end


def _markers(data: bytes, begin: int, end: int) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Find the markers that begin in a part of the data; return their offsets and second bytes."""
    values = np.frombuffer(data, np.uint8)[begin : end + 1]
    marks = np.flatnonzero(values[:-1] == 0xFF)
    kinds = values[marks + 1]
    real = (kinds != 0) & (kinds != 0xFF)
    return marks[real] + begin, kinds[real]


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
            raise ImageFileError(_LOST)
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
                raise ImageFileError(_LOST)
            at = cut
        feeder.feed(data[at:end] + pad)
        if not feeder.takes_all(b"\0\0"):
            raise ImageFileError(_LOST)
        at = end
    feeder.feed(data[at : layout.end] if layout.end is not None else b"")
    feeder.feed(b"\xff\xd9")
    if not feeder.done:
        raise ImageFileError(_LOST)
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
            raise ImageFileError(_LOST)
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

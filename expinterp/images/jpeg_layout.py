"""Where the parts of a JPEG lie: segments, the frame, and the coded data of its scans.

Source: ITU-T T.81, annexes B and G (spectral selection and successive approximation).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from expinterp.errors import ImageFileError
from expinterp.images.limits import REMEDY

if TYPE_CHECKING:
    from numpy.typing import NDArray

START_OF_SCAN, END, INTERVAL, TABLES = 0xDA, 0xD9, 0xDD, 0xDB
APP1, COMMENT = 0xE1, 0xFE
RESTARTS = range(0xD0, 0xD8)
ALONE = {0x01, 0xD8, *RESTARTS}  # without a length
LS = 0xF7
FRAMES = {*range(0xC0, 0xD0), LS} - {0xC4, 0xC8, 0xCC}
MOST_SEGMENTS = 10_000  # a profile or XMP packet of 16 MiB has 255
MOST_SKIPPED = 1 << 20  # bytes before a marker that belong to no segment
HUFFMAN = {0xC0, 0xC1, 0xC2}  # frames with the codes that this module checks
_PROGRESSIVE = {0xC2, 0xCA}
_NOT_STORED = 0xFF
_READ = {*HUFFMAN, 0xC3, 0xC9, 0xCA}  # without loss; arithmetic codes
_MOST_SCANS = 100  # a progressive one has about 10
_MARKER = re.compile(rb"\xff[^\xff]", re.DOTALL)
_BLOCK = 1 << 24  # bytes in which markers are looked for at a time
_MOST_CHECKS = 4000  # of restart intervals
LOST = f"damaged JPEG (a part of its pixels is missing or spoilt); {REMEDY}"


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
        return self.bits > 8 or self.frame not in HUFFMAN


def read_layout(data: bytes) -> Layout:
    """Find the frame and the coded data of a JPEG.

    Raises
    ------
    ImageFileError
        If it has no pixels, more scans than any encoder writes, restart markers out of order, or if
        scans are missing.
    """
    found, at = Layout(), 2
    for _ in range(MOST_SEGMENTS):
        at = _read_segment(data, at, found)
        if at < 0 or found.scans > _MOST_SCANS:
            break
    if at >= 0 and found.scans <= _MOST_SCANS:
        message = f"damaged JPEG (more than {MOST_SEGMENTS} segments); {REMEDY}"
        raise ImageFileError(message)
    if found.scans > _MOST_SCANS:
        message = (
            f"JPEG with more than {_MOST_SCANS} scans; save it again without progressive scans"
        )
        raise ImageFileError(message)
    if found.frame and found.frame not in _READ:
        kind = "JPEG-LS" if found.frame == LS else "hierarchical JPEG"
        message = f"is a {kind}, which is not supported; save it as an ordinary JPEG or a PNG"
        raise ImageFileError(message)
    if not found.frame or not found.scans:
        message = f"truncated JPEG; {REMEDY}"
        raise ImageFileError(message)
    if found.frame in HUFFMAN | _PROGRESSIVE and any(map(np.any, found.lowest.values())):
        raise ImageFileError(LOST)
    return found


def _read_segment(data: bytes, at: int, found: Layout) -> int:
    """Read the next segment, a scan with its data; return where it ends, or -1 at the end."""
    found_mark = _MARKER.search(data, at, at + MOST_SKIPPED)
    if found_mark is None:
        return -1
    at = found_mark.end() - 2
    marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
    if marker == END:
        found.end = at
        return -1
    if marker in ALONE or not marker:
        return at + 2
    if marker in FRAMES and not found.frame and 8 <= length < len(data) - at:
        found.frame, found.bits, found.bits_at = marker, data[at + 4], at + 4
        found.channels = data[at + 9]
        components = data[at + 10 : at + 10 + 3 * found.channels : 3]
        found.lowest = {each: np.full(64, _NOT_STORED, np.uint8) for each in components}
    if marker == INTERVAL:
        found.interval = int.from_bytes(data[at + 4 : at + 6], "big")
    stop = at + 2 + max(length, 2)
    if marker != START_OF_SCAN:
        return stop
    _note_scan(data[at + 4 : stop], found)
    whole = data[at + 4 : at + 5] == bytes([found.channels]) and found.frame in HUFFMAN
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
        others = np.flatnonzero((kinds < RESTARTS.start) | (kinds >= RESTARTS.stop))
        count = int(others[0]) if len(others) else len(marks)
        places += marks[:count].tolist()
        end = int(marks[count]) if len(others) else None
        at += _BLOCK
    end = len(data.rstrip(b"\xff")) if end is None else end
    unordered = any((data[mark + 1] - number) % 8 for number, mark in enumerate(places))
    if unordered or len(places) < restarts:
        raise ImageFileError(LOST)
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

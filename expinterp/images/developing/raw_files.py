"""Finding where the sensor data of a raw file lie, and whether they are all there.

`expinterp.images.raw_kinds` recognises raw files.

Source: TIFF 6.0; Adobe DNG specification 1.4; TIFF/EP, ISO 12234-2 (colour filter arrays).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from typing import BinaryIO

from expinterp.errors import ImageFileError
from expinterp.images.metadata import ifd, tags

SUFFIXES = (
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2",
    ".rwl", ".pef", ".srw", ".3fr", ".fff", ".dcr", ".erf", ".gpr", ".iiq", ".kdc", ".mef", ".mos",
    ".mrw", ".raw", ".x3f",
)  # fmt: skip
PANASONIC = b"IIU\0"
SLICES = 0xC640
_MOSAIC = 32_803  # photometric interpretation: colour filter array
SENSOR = {_MOSAIC, 34_892}  # … or linear raw
_UNCOMPRESSED, _LOSSLESS_JPEG = 1, 7
_TILE_WIDTH, _TILE_LENGTH = 0x0142, 0x0143
_COMPRESSIONS = {262, 32_767, 32_770, 34_713, 65_000, 65_535}  # of raw files only
_TILES = 0x0144, 0x0145  # offsets, byte counts
_STRIPS = tags.STRIP_OFFSETS, tags.STRIP_BYTE_COUNTS
MOST = 32  # directories that are looked at
_LEAST_BITS = {PANASONIC: 9, b"": 0.5}  # per pixel of the compressed data, by magic
_CUT_OFF = "the sensor data are cut off or missing; copy the file again from the card"


@contextmanager
def mapped(stream: BinaryIO) -> Iterator[ifd.Block]:
    """Map a file into memory, or return the bytes of a stream."""
    if isinstance(stream, BytesIO):
        yield stream.getvalue()
        return
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as block:
        yield block


def is_dng(block: ifd.Block) -> bool:
    """Return whether a raw file is a DNG."""
    return any(tags.DNG_VERSION in directory.fields for directory in directories(block))


def as_tiff(head: bytes) -> bytes:
    """Return the first four bytes of the TIFF that a raw file is; they are changed in some."""
    return {b"IIRO": b"II*\0", b"IIRS": b"II*\0", b"MMOR": b"MM\0*", PANASONIC: b"II*\0"}.get(
        head[:4], head[:4]
    )


def check_sensor_data(block: ifd.Block, pixels: int) -> None:
    """Refuse a raw file whose sensor data reach beyond its end, or are too few for its pixels.

    LibRaw fills what is missing with black or noise.

    Raises
    ------
    ImageFileError
        With a remedy.
    """
    least = _LEAST_BITS.get(bytes(block[:4]), _LEAST_BITS[b""])
    described, checks = list(_sensor_directories(block)), [_is_whole]
    if is_dng(block):
        checks, least = [_is_whole, _is_complete], 0.0
    whole = all(check(block, directory) for directory in described for check in checks)
    if not whole or 8 * len(block) < least * pixels:
        raise ImageFileError(_CUT_OFF)


def _is_whole(block: ifd.Block, directory: ifd.Directory) -> bool:
    """Return whether the strips or tiles of a directory lie in the file."""
    places = _places(block, directory)
    inside = all(start + size <= len(block) for start, size in places)
    return inside and any(size for _, size in places)


def _is_complete(block: ifd.Block, directory: ifd.Directory) -> bool:
    """Return whether the strips or tiles of a DNG cover its picture, and hold enough.

    Fields of other raw files do not always describe their data.
    """
    order, places = ifd.byte_order(block), _places(block, directory)

    def number(tag: int, default: int) -> int:
        return int(ifd.read_number(block, order, directory.fields, tag) or default)

    cols, rows = number(tags.IMAGE_WIDTH, 1), number(tags.IMAGE_LENGTH, 1)
    wide, high = number(_TILE_WIDTH, cols), number(_TILE_LENGTH, number(tags.ROWS_PER_STRIP, rows))
    compression = number(tags.COMPRESSION, _UNCOMPRESSED)
    mosaic = number(tags.PHOTOMETRIC, 0) == _MOSAIC
    least = {_UNCOMPRESSED: number(tags.BITS_PER_SAMPLE, 8), _LOSSLESS_JPEG: 0.5 * mosaic}
    enough = 8 * sum(size for _, size in places) >= least.get(compression, 0) * cols * rows
    return enough and len(places) >= -(-cols // wide) * -(-rows // high)


def _places(block: ifd.Block, directory: ifd.Directory) -> list[tuple[int, int]]:
    """List the offset and size of each strip or tile of a directory."""
    order = ifd.byte_order(block)
    for tables in (_STRIPS, _TILES):
        fields = [directory.fields.get(tag) for tag in tables]
        if None not in fields:
            values = (ifd.read_numbers(block, order, field) for field in fields if field)
            return [(int(start), int(size)) for start, size in zip(*values, strict=False)]
    return []


def _sensor_directories(block: ifd.Block) -> Iterator[ifd.Directory]:
    """List the directories of a TIFF that describe sensor data."""
    for directory in directories(block):
        order, fields = ifd.byte_order(block), directory.fields
        kind, compression = (
            ifd.read_number(block, order, fields, tag)
            for tag in (tags.PHOTOMETRIC, tags.COMPRESSION)
        )
        if kind in SENSOR or compression in _COMPRESSIONS or SLICES in fields:
            yield directory


def directories(block: ifd.Block) -> Iterator[ifd.Directory]:
    """List the directories of a TIFF and those below them, each once; stop at a damaged one."""
    with suppress(ifd.DamagedBlockError, struct.error):
        order = ifd.byte_order(block)
        starts, seen = [ifd.read_offset(block, order, ifd.first_pointer(block))], set[int]()
        while starts and len(seen) < MOST:
            start = starts.pop(0)
            if start and start not in seen:
                seen.add(start)
                directory = ifd.read_directory(block, order, start)
                yield directory
                if below := directory.fields.get(tags.SUB_DIRECTORIES):
                    starts += map(int, ifd.read_numbers(block, order, below)[:MOST])
                starts.append(ifd.following_directory(block, order, directory))

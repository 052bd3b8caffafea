"""Copying the directories of a BigTIFF, whose offsets have 64 bits, into a block of classic TIFF.

All other code then reads them like those of any TIFF. Pixels are not copied.

Source: "The BigTIFF File Format", AWare Systems; TIFF 6.0.
"""

from __future__ import annotations

import struct

from expinterp.images.metadata import ifd, tags

_HEADS: dict[bytes, ifd.Order] = {b"II+\0": "<", b"MM\0+": ">"}
_RECORD = 20
_MOST_RECORDS = 4096  # of a directory
_LONGEST_VALUE = 1 << 20  # bytes; longer ones are left out
_LONGEST_BLOCK = 1 << 26  # bytes; records may share a value, which each of them copies
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_LONG8 = {16: "Q", 17: "q", 18: "Q"}  # types of 64 bits, stored here as LONG


def as_classic(file: ifd.Block) -> ifd.Block:
    """Return a block with the directories of a file; the file itself unless it is a BigTIFF.

    Raises
    ------
    DamagedBlockError
        If a directory lies outside the file.
    """
    order = _HEADS.get(bytes(file[:4]))
    if order is None:
        return file
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    (start,) = _unpack(file, order + "Q", 8)
    first = _copy_directory(file, order, start, block)
    struct.pack_into(order + "I", block, ifd.FIRST_POINTER, first)
    return bytes(block)


def _unpack(file: ifd.Block, layout: str, at: int) -> tuple[int, ...]:
    """Read numbers of the file."""
    if at + struct.calcsize(layout) > len(file):
        message = f"a directory at {at} lies outside the file"
        raise ifd.DamagedBlockError(message)
    return struct.unpack_from(layout, file, at)


def _copy_directory(
    file: ifd.Block, order: ifd.Order, start: int, block: bytearray, depth: int = 0
) -> int:
    """Append a directory, those below it, and the following one; return its offset."""
    (count,) = _unpack(file, order + "Q", start)
    if count > _MOST_RECORDS:
        message = f"the directory at {start} has {count} fields"
        raise ifd.DamagedBlockError(message)
    records: dict[int, bytes] = {}
    for at in range(start + 8, start + 8 + _RECORD * count, _RECORD):
        tag, kind, value = _read_field(file, order, at)
        if tag in tags.SUBDIRECTORIES and len(value) == 4 and depth < 2:
            below = int(struct.unpack(order + "I", value)[0])
            value = struct.pack(order + "I", _copy_directory(file, order, below, block, depth + 1))
        if value and len(block) + len(value) < _LONGEST_BLOCK:
            records.setdefault(tag, ifd.make_record(block, order, tag, kind, value))
    following = 0
    if not depth:
        (second,) = _unpack(file, order + "Q", start + 8 + _RECORD * count)
        following = second and _copy_directory(file, order, second, block, depth + 2)
    return ifd.append_directory(block, order, records.values(), following)


def _read_field(file: ifd.Block, order: ifd.Order, at: int) -> tuple[int, int, bytes]:
    """Read tag, classic type and value of a record; an empty value if it cannot be copied."""
    tag, kind, count = _unpack(file, order + "HHQ", at)
    size = (8 if kind in _LONG8 else _SIZES.get(kind, 0)) * count
    start = at + 12 if size <= 8 else _unpack(file, order + "Q", at + 12)[0]
    if not 0 < size <= _LONGEST_VALUE or start + size > len(file):
        return tag, kind, b""
    value = bytes(file[start : start + size])
    if kind not in _LONG8:
        return tag, kind, value
    numbers = struct.unpack(f"{order}{count}{_LONG8[kind]}", value)
    if not all(0 <= number < 1 << 32 for number in numbers):
        return tag, kind, b""
    return tag, ifd.LONG, struct.pack(f"{order}{count}I", *numbers)

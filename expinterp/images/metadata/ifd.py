"""TIFF directories (IFDs): reading fields, and changing some without moving the others.

EXIF is a TIFF without a picture: a header, then directories of 12-byte records. A record has a tag,
a type, a count, and the value or its offset from the start of the block. Maker notes hold such
offsets too, in undocumented ways. Therefore no byte is moved: records are overwritten in place, and
what does not fit is appended.

Source: TIFF 6.0 (Adobe 1992), section 2; CIPA DC-008 (Exif 2.32).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import Literal, TypeAlias

Block: TypeAlias = bytes | bytearray | mmap
Order: TypeAlias = Literal["<", ">"]  # of bytes, as struct writes it

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL = 1, 2, 3, 4, 5, 7, 10
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
EMPTY_BLOCK = b"II*\0\x08\0\0\0" + bytes(6)  # one directory without fields
_RECORD = 12
_LONGEST_TABLE = 16  # values; a longer field is not read as a number
_HEADER = 8
FIRST_POINTER = 4  # where the header stores the offset of the first directory


class DamagedBlockError(ValueError):
    """A directory is inconsistent, or points outside its block."""


@dataclass(frozen=True)
class Field:
    """One record of a directory."""

    kind: int  # TIFF type, 1..13
    count: int  # of values
    record: int  # offset of the 12 bytes
    start: int  # first byte of the value, inside the record or elsewhere
    stop: int  # end of the value


@dataclass(frozen=True)
class Directory:
    """Fields by tag, the offset of the directory, and where that of the next one is stored."""

    fields: dict[int, Field]
    start: int
    next_at: int


def byte_order(block: Block) -> Order:
    """Read the header of a block: ``<`` for II, ``>`` for MM.

    Raises
    ------
    DamagedBlockError
        If the block does not begin like a TIFF, or is a BigTIFF, which EXIF does not allow.
    """
    head = bytes(block[:4]) if len(block) >= _HEADER else b""
    if head == b"II*\0":
        return "<"
    if head == b"MM\0*":
        return ">"
    message = "no TIFF header"
    raise DamagedBlockError(message)


def read_offset(block: Block, order: Order, at: int) -> int:
    """Read the 32-bit offset stored at `at`."""
    if not 0 <= at <= len(block) - 4:
        message = f"an offset at {at} lies outside the block"
        raise DamagedBlockError(message)
    return int(struct.unpack_from(order + "I", block, at)[0])


def read_directory(block: Block, order: Order, start: int) -> Directory:
    """Read the directory at `start`; records of unknown type are skipped, as TIFF 6.0 requires.

    Raises
    ------
    DamagedBlockError
        If the directory or one of its values lies outside the block.
    """
    if not _HEADER <= start <= len(block) - 2:
        message = f"a directory at {start} lies outside the block"
        raise DamagedBlockError(message)
    (count,) = struct.unpack_from(order + "H", block, start)
    next_at = start + 2 + _RECORD * count
    if next_at > len(block):
        message = f"the directory at {start} is cut off"
        raise DamagedBlockError(message)
    fields: dict[int, Field] = {}
    for record in range(start + 2, next_at, _RECORD):
        tag, kind = struct.unpack_from(order + "HH", block, record)
        if kind in _SIZES:
            fields.setdefault(tag, _read_field(block, order, record))
    return Directory(fields, start, next_at)


def follow_pointer(block: Block, order: Order, at: int) -> Directory:
    """Read the directory whose offset is stored at `at`."""
    return read_directory(block, order, read_offset(block, order, at))


def _read_field(block: Block, order: Order, record: int) -> Field:
    """Read one record and check that its value lies inside the block."""
    tag, kind, count, offset = struct.unpack_from(order + "HHII", block, record)
    size = _SIZES[kind] * count
    start = record + 8 if size <= 4 else offset
    if start + size > len(block):
        message = f"the value of tag {tag:#06x} lies outside the block"
        raise DamagedBlockError(message)
    return Field(kind, count, record, start, start + size)


def following_directory(block: Block, order: Order, directory: Directory) -> int:
    """Read the offset of the next directory; 0 if there is none, or the block ends too early."""
    cut_off = directory.next_at + 4 > len(block)
    return 0 if cut_off else read_offset(block, order, directory.next_at)


def read_bytes(block: Block, field: Field) -> bytes:
    """Read the value of a field as it is stored."""
    return bytes(block[field.start : field.stop])


def read_numbers(block: Block, order: Order, field: Field) -> tuple[float, ...]:
    """Read the finite values of a numeric field."""
    if field.kind in {RATIONAL, SRATIONAL}:
        code = "I" if field.kind == RATIONAL else "i"
        parts = struct.unpack_from(f"{order}{2 * field.count}{code}", block, field.start)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return tuple(above / below for above, below in pairs if below)
    if field.kind not in _CODES:
        return ()
    values = struct.unpack_from(f"{order}{field.count}{_CODES[field.kind]}", block, field.start)
    return tuple(value for value in values if math.isfinite(value))


def read_number(block: Block, order: Order, fields: Mapping[int, Field], tag: int) -> float | None:
    """Read the first value of a numeric field; None if there is none."""
    field = fields.get(tag)
    if field is None or field.count > _LONGEST_TABLE:
        return None
    return next(iter(read_numbers(block, order, field)), None)


def make_record(block: bytearray, order: Order, tag: int, kind: int, value: bytes) -> bytes:
    """Build the record of a value; a value longer than four bytes is appended to `block`."""
    count = len(value) // _SIZES[kind]
    if len(value) > 4:
        block += bytes(len(block) % 2)
        value, stored = struct.pack(order + "I", len(block)), value
        block += stored
    return struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")


def append_directory(
    block: bytearray, order: Order, records: Iterable[bytes], following: int = 0
) -> int:
    """Append a directory of complete records, sorted by tag, and return its offset."""
    block += bytes(len(block) % 2)
    start = len(block)
    by_tag = sorted(records, key=lambda record: struct.unpack_from(order + "H", record))
    block += struct.pack(order + "H", len(by_tag)) + b"".join(by_tag)
    block += struct.pack(order + "I", following)
    return start


def raw_records(block: Block, directory: Directory) -> dict[int, bytes]:
    """Return the unchanged records of a directory by tag."""
    return {
        tag: bytes(block[field.record : field.record + _RECORD])
        for tag, field in directory.fields.items()
    }


def set_field(
    block: bytearray, pointer_at: int, *, tag: int, kind: int, value: bytes, in_place: bool
) -> None:
    """Set a field of a directory; no existing byte moves.

    If the directory lacks the field, a copy with the field is appended; see `add_fields`. `value`
    is in the byte order of the block. `in_place` says that no other field uses the bytes of an old
    value, so one of the same length may be overwritten.
    """
    order = byte_order(block)
    directory = follow_pointer(block, order, pointer_at)
    old = directory.fields.get(tag)
    if old is not None and in_place and old.stop - old.start == len(value) > 4:
        block[old.start : old.stop] = value
        struct.pack_into(order + "HI", block, old.record + 2, kind, len(value) // _SIZES[kind])
        return
    if old is not None:
        record = make_record(block, order, tag, kind, value)
        block[old.record : old.record + _RECORD] = record
        return
    add_fields(block, pointer_at, {tag: (kind, value)})


def add_fields(
    block: bytearray,
    pointer_at: int,
    values: Mapping[int, tuple[int, bytes]],
    *,
    at: int | None = None,
) -> None:
    """Write a copy of a directory with fields added or replaced, and point to it.

    All other records, those of unknown type included, are copied as they are.

    Parameters
    ----------
    block : bytearray
        Changed.
    pointer_at : int
        Where the offset of the directory is stored.
    values : mapping of int to (int, bytes)
        TIFF type and value by tag, in the byte order of the block.
    at : int or None
        Offset at which the copy and its values overwrite unused bytes; the next directory is then
        unlinked. None: they are appended.
    """
    order = byte_order(block)
    directory = follow_pointer(block, order, pointer_at)
    following = following_directory(block, order, directory) if at is None else 0
    at = len(block) if at is None else at
    table = range(directory.start + 2, directory.next_at, _RECORD)
    old = [bytes(block[record : record + _RECORD]) for record in table]
    records = [each for each in old if struct.unpack_from(order + "H", each)[0] not in values]
    written = block[:at]
    for tag, (kind, value) in values.items():
        records.append(make_record(written, order, tag, kind, value))
    start = append_directory(written, order, records, following)
    block[at : len(written)] = written[at:]
    struct.pack_into(order + "I", block, pointer_at, start)


def drop_field(block: bytearray, pointer_at: int, *, tag: int) -> None:
    """Remove the record of a field; its value stays in the block, unused."""
    order = byte_order(block)
    directory = follow_pointer(block, order, pointer_at)
    if tag not in directory.fields:
        return
    record = directory.fields[tag].record
    end = min(directory.next_at + 4, len(block))
    block[record:end] = block[record + _RECORD : end] + bytes(_RECORD)
    (count,) = struct.unpack_from(order + "H", block, directory.start)
    struct.pack_into(order + "H", block, directory.start, count - 1)

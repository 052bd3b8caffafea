"""TIFF directories (IFDs): reading fields, and changing some without moving the others.

EXIF is a TIFF without a picture: a header, then directories of 12-byte records. A record has a tag,
a type, a count, and the value or its offset from the start of the block. Maker notes hold such
offsets too, in undocumented ways. Therefore no byte is moved: records are overwritten in place, and
what does not fit is appended.

Source: TIFF 6.0 (Adobe 1992), section 2; CIPA DC-008 (Exif 2.32).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from mmap import mmap
from typing import Literal, TypeAlias

Block: TypeAlias = bytes | bytearray | mmap
Order: TypeAlias = Literal["<", ">"]  # of bytes, as struct writes it

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL = 1, 2, 3, 4, 5, 7, 10
LONG8, IFD8 = 16, 18  # of BigTIFF
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_SIZES |= {16: 8, 17: 8, 18: 8, 129: 1}  # BigTIFF; text in UTF-8 of Exif 3.0
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_CODES |= {16: "Q", 17: "q", 18: "Q"}
EMPTY_BLOCK = b"II*\0\x08\0\0\0" + bytes(6)  # one directory without fields
RECORD = 12
_LONGEST_TABLE = 16  # values; a longer field is not read as a number
_LONGEST_NUMBER = 64  # characters of a number that is stored as text
_NUMBER = re.compile(rb"\s*([+-]?\d{1,20}(?:\.\d{0,20})?)(?:\s*/\s*(\d{1,20}))?[\s\0]*")
HEADER = 8  # bytes
FIRST_POINTER = 4  # where the header stores the offset of the first directory; see `first_pointer`
_ORDERS: dict[bytes, Order] = {b"II": "<", b"MM": ">"}  # the number that follows is wrong at times


class DamagedBlockError(ValueError):
    """A directory is inconsistent, or points outside its block."""


@dataclass(frozen=True)
class Field:
    """One record of a directory."""

    kind: int  # TIFF type, a key of _SIZES
    count: int  # of values
    record: int  # offset of the 12 bytes; 20 in a BigTIFF
    start: int  # first byte of the value, inside the record or elsewhere
    stop: int  # end of the value


@dataclass(frozen=True)
class Directory:
    """Fields by tag, the offset of the directory, and where that of the next one is stored."""

    fields: dict[int, Field]
    start: int
    next_at: int
    unreadable: tuple[int, ...] = ()  # tags whose value lies outside the block
    cut_off: bool = False  # whether the block ends within the table


def is_big(block: Block) -> bool:
    """Return whether a block is a BigTIFF, with 64-bit offsets; EXIF is never stored so."""
    return bytes(block[:4]) in {b"II+\0", b"MM\0+"}


def byte_order(block: Block) -> Order:
    """Read the header of a block: ``<`` for II, ``>`` for MM.

    Raises
    ------
    DamagedBlockError
        If the block does not begin like a TIFF.
    """
    order = _ORDERS.get(bytes(block[:2])) if len(block) >= HEADER else None
    if order is None:
        message = "no TIFF header"
        raise DamagedBlockError(message)
    return order


def read_offset(block: Block, order: Order, at: int) -> int:
    """Read the offset stored at `at`; it has 32 bits, in a BigTIFF 64."""
    size, code = (8, "Q") if is_big(block) else (4, "I")
    if not 0 <= at <= len(block) - size:
        message = f"an offset at {at} lies outside the block"
        raise DamagedBlockError(message)
    return int(struct.unpack_from(order + code, block, at)[0])


def read_directory(block: Block, order: Order, start: int) -> Directory:
    """Read what can be read of the directory at `start`.

    Records of unknown type are skipped, as TIFF 6.0 requires, and values outside the block too. Of
    two records with one tag the first counts.

    Raises
    ------
    DamagedBlockError
        If `start` lies outside the block, no record is inside it, or most are of unknown type:
        then the pointer leads to other data.
    """
    head, size = (8, 20) if is_big(block) else (2, RECORD)
    if not HEADER <= start <= len(block) - head:
        message = f"a directory at {start} lies outside the block"
        raise DamagedBlockError(message)
    (announced,) = struct.unpack_from(order + ("Q" if head == 8 else "H"), block, start)
    count = min(announced, 1 << 16, (len(block) - start - head) // size)
    table = range(start + head, start + head + size * count, size)
    known = [at for at in table if struct.unpack_from(order + "H", block, at + 2)[0] in _SIZES]
    if 2 * len(known) < count or (announced and not count):
        message = f"there is no directory at {start}"
        raise DamagedBlockError(message)
    found = [_read_record(block, order, record) for record in known]
    inside = [field.start >= HEADER and field.stop <= len(block) for _, field in found]
    fields = dict(item for item, kept in reversed([*zip(found, inside, strict=True)]) if kept)
    lost = (tag for (tag, _), kept in zip(found, inside, strict=True) if not kept)
    unreadable = tuple(dict.fromkeys(tag for tag in lost if tag not in fields))
    return Directory(fields, start, table.stop, unreadable, cut_off=count < announced)


def follow_pointer(block: Block, order: Order, at: int) -> Directory:
    """Read the directory whose offset is stored at `at`."""
    return read_directory(block, order, read_offset(block, order, at))


def first_pointer(block: Block) -> int:
    """Return where the header stores the offset of the first directory."""
    return 8 if is_big(block) else FIRST_POINTER


def first_directory(block: Block, order: Order) -> Directory:
    """Read the directory to which the header points."""
    return follow_pointer(block, order, first_pointer(block))


def subdirectory(block: Block, order: Order, field: Field) -> Directory:
    """Read the directory to which a field points, whatever its type.

    Raises
    ------
    DamagedBlockError
        If there is none.
    """
    start = next(iter(read_numbers(block, order, field)), 0) if field.count == 1 else 0
    return read_directory(block, order, int(start))


def new_subdirectories(
    block: Block, order: Order, directory: Directory, pointers: AbstractSet[int], seen: set[int]
) -> dict[int, int]:
    """Find the directories to which the fields with some tags point; offsets by tag.

    What cannot be read is left out, and what was met before: programs would follow such pointers
    without end. `seen` holds the offsets that were met, and gets the new ones.
    """
    starts = {}
    for tag in sorted(pointers & directory.fields.keys()):
        with suppress(DamagedBlockError):
            start = subdirectory(block, order, directory.fields[tag]).start
            if start not in seen:
                starts[tag] = start
                seen.add(start)
    return starts


def _read_record(block: Block, order: Order, record: int) -> tuple[int, Field]:
    """Read the tag and the field of one record; its value may lie outside the block."""
    code, room = ("HHQQ", 8) if is_big(block) else ("HHII", 4)
    tag, kind, count, offset = struct.unpack_from(order + code, block, record)
    size = _SIZES[kind] * count
    start = record + 4 + room if size <= room else offset
    return tag, Field(kind, count, record, start, start + size)


def following_directory(block: Block, order: Order, directory: Directory) -> int:
    """Read the offset of the next directory; 0 if there is none, or the block ends too early."""
    end = directory.next_at + (8 if is_big(block) else 4)
    return 0 if end > len(block) else read_offset(block, order, directory.next_at)


def read_bytes(block: Block, field: Field) -> bytes:
    """Read the value of a field as it is stored."""
    return bytes(block[field.start : field.stop])


def read_numbers(block: Block, order: Order, field: Field) -> tuple[float, ...]:
    """Read the finite values of a field; of text, such as ``1/60``, the number that it states."""
    if field.kind in {ASCII, UNDEFINED}:
        return _number_in_text(read_bytes(block, field)[:_LONGEST_NUMBER])
    if field.kind in {RATIONAL, SRATIONAL}:
        code = "I" if field.kind == RATIONAL else "i"
        parts = struct.unpack_from(f"{order}{2 * field.count}{code}", block, field.start)
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return tuple(above / below for above, below in pairs if below)
    if field.kind not in _CODES:
        return ()
    values = struct.unpack_from(f"{order}{field.count}{_CODES[field.kind]}", block, field.start)
    return tuple(value for value in values if math.isfinite(value))


def _number_in_text(text: bytes) -> tuple[float, ...]:
    """Read a number or fraction that is stored as text; nothing if the text is not a number."""
    found = _NUMBER.fullmatch(text)
    if found is None or (found[2] and not int(found[2])):
        return ()
    return (float(found[1]) / float(found[2] or 1),)


def read_number(block: Block, order: Order, fields: Mapping[int, Field], tag: int) -> float | None:
    """Read the first value of a numeric field; None if there is none."""
    field = fields.get(tag)
    longest = _LONGEST_NUMBER if field and field.kind == ASCII else _LONGEST_TABLE
    if field is None or field.count > longest:
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
        tag: bytes(block[field.record : field.record + RECORD])
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
        block[old.record : old.record + RECORD] = record
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
    table = range(directory.start + 2, directory.next_at, RECORD)
    old = [bytes(block[record : record + RECORD]) for record in table]
    records = [each for each in old if struct.unpack_from(order + "H", each)[0] not in values]
    written = block[:at]
    for tag, (kind, value) in values.items():
        records.append(make_record(written, order, tag, kind, value))
    start = append_directory(written, order, records, following)
    block[at : len(written)] = written[at:]
    struct.pack_into(order + "I", block, pointer_at, start)


def records_of_unknown_type(block: Block, order: Order, directory: Directory) -> list[int]:
    """List the offsets of the records whose type is unknown; that of a later standard perhaps."""
    first = directory.start + 2
    table = range(first, directory.next_at, RECORD)
    return [at for at in table if struct.unpack_from(order + "H", block, at + 2)[0] not in _SIZES]


def replace_records(
    block: bytearray, pointer_at: int, directory: Directory, records: Sequence[bytes]
) -> None:
    """Replace the table of a directory by fewer records, in place.

    If the block ends within the table, a new directory is appended.
    """
    order = byte_order(block)
    table = range(directory.start + 2, directory.next_at, RECORD)
    if directory.cut_off:
        start = append_directory(block, order, records)
        struct.pack_into(order + "I", block, pointer_at, start)
    elif len(records) < len(table):
        following = bytes(block[directory.next_at : directory.next_at + 4])  # perhaps a value
        kept = b"".join(records) + following.ljust(4, b"\0")
        block[table.start : directory.next_at] = kept.ljust(len(table) * RECORD, b"\0")
        struct.pack_into(order + "H", block, directory.start, len(records))


def drop_field(block: bytearray, pointer_at: int, *, tag: int) -> None:
    """Remove the record of a field; its value stays in the block, unused."""
    directory = follow_pointer(block, byte_order(block), pointer_at)
    if tag in directory.fields:
        table = range(directory.start + 2, directory.next_at, RECORD)
        others = (at for at in table if at != directory.fields[tag].record)
        kept = [bytes(block[at : at + RECORD]) for at in others]
        replace_records(block, pointer_at, directory, kept)

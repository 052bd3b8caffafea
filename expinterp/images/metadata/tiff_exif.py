"""EXIF in a TIFF file: collected from its first directory, and repeated there on writing."""

from __future__ import annotations

import struct
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace

from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.exif import Fields, read_directories
from expinterp.images.metadata.iptc import resource_of_iptc

IPTC, RESOURCES = 0x83BB, 0x8649
# Tags of a first directory that describe the photograph, and not how one file stores it.
_DESCRIPTIVE = (
    range(0x000B, 0x000C),  # ProcessingSoftware
    range(0x010D, 0x0111),  # DocumentName, ImageDescription, Make, Model
    range(0x0112, 0x0113),  # Orientation
    *(range(0x011A, 0x011C), range(0x011D, 0x011E), range(0x0128, 0x0129)),  # resolution, PageName
    *(range(0x0131, 0x0133), range(0x013B, 0x013D)),  # Software, DateTime, Artist, HostComputer
    *(range(0x013E, 0x0140), range(0x0213, 0x0214)),  # white point, primaries, YCbCrPositioning
    *(
        range(0x4746, 0x474A),
        range(0x9C9B, 0x9CA0),
        range(0xC4A5, 0xC4A6),
    ),  # rating, Windows, print
    range(0x8298, 0x829E),  # Copyright, exposure of TIFF/EP
    *(range(0x8769, 0x876A), range(0x8822, 0x8836)),  # EXIF, GPS, exposure of TIFF/EP
    *(range(0x9000, 0x9300), range(0xA000, 0xA500)),  # misplaced fields of the EXIF directory
)
# First bytes of descriptions in which tifffile, ImageJ and OME state sizes and axes of the old file.
_OF_LAYOUT = (b'{"shape"', b"shape=", b"ImageJ=", b"<?xml", b"<OME")
_LONGEST_VALUE = 1 << 20  # bytes of a descriptive field; longer ones are private data
_LONGEST_BLOCK = 1 << 26  # bytes; each of the records that share a value copies it
_OUTSIDE = 2**32 - 1
_LONGS_OF_BIG_TIFF = {ifd.LONG8, ifd.IFD8}
_BIG_ENDIAN = b"MM\0*" + bytes(4)
_FIRST_VALUE = 16  # lowest offset of a value: some raw files are told by the bytes before it
_MAKER_NOTE_REACH = 1 << 15  # highest offset at which a maker note keeps its place


def descriptive_records(exif: bytes) -> tuple[ifd.Order, dict[int, bytes]]:
    """Return the byte order and, by tag, the records that a TIFF around the block should repeat."""
    order, first, _ = read_directories(exif)
    records = ifd.raw_records(exif, first)
    return order, {tag: record for tag, record in records.items() if _is_descriptive(tag)}


def _is_descriptive(tag: int) -> bool:
    """Return whether a tag describes the photograph, and not how one file stores it."""
    return any(tag in each for each in _DESCRIPTIVE)


def exif_of_tiff(file: ifd.Block) -> bytes | None:
    """Collect the descriptive fields of a TIFF file into a new EXIF block.

    Their values move. A maker note within the first 32 KiB keeps its offset, because it may hold
    offsets that count from there.

    A value or directory outside the file keeps its record, which then points outside the block:
    `exif_repair` names it when the block is written.

    Raises
    ------
    DamagedBlockError
        If the first directory of the file cannot be read.
    """
    order, first, _ = read_directories(file)
    kept = {tag: field for tag, field in first.fields.items() if _is_descriptive(tag)}
    unreadable = tuple(tag for tag in first.unreadable if _is_descriptive(tag))
    return _collect(file, order, replace(first, fields=kept, unreadable=unreadable))


def bytes_of_tiff(file: ifd.Block, tag: int) -> bytes | None:
    """Read a value of the first directory as it is stored, whatever its type; None if there is none.

    A value above 128 MiB is none.
    """
    _, first, _ = read_directories(file)
    field = first.fields.get(tag)
    if field is None or field.stop - field.start > 2 * _LONGEST_BLOCK:
        return None
    return ifd.read_bytes(file, field) or None


def resources_of_tiff(file: ifd.Block) -> bytes:
    """Return the IPTC fields as a resource, followed by Photoshop's other image resources."""
    iptc, others = (bytes_of_tiff(file, tag) or b"" for tag in (IPTC, RESOURCES))
    return (resource_of_iptc(iptc) if iptc else b"") + others


def _collect(file: ifd.Block, order: ifd.Order, first: ifd.Directory) -> bytes | None:
    """Copy a directory and those below it into a new block, with 32-bit offsets."""
    if not first.fields:
        return None
    block = bytearray(ifd.EMPTY_BLOCK if order == "<" else _BIG_ENDIAN)[:8]
    note = _maker_note(file, order, first.fields)
    if note is not None and 8 <= note.start <= _MAKER_NOTE_REACH:
        block += bytes(note.start - len(block)) + file[note.start : note.stop]
    block += bytes(max(_FIRST_VALUE - len(block), 0))
    start = _copy_directory(file, first, block, {first.start})
    struct.pack_into(order + "I", block, ifd.FIRST_POINTER, start)
    return bytes(block)


def _maker_note(file: ifd.Block, order: ifd.Order, fields: Fields) -> ifd.Field | None:
    """Find the maker note below the first directory."""
    if tags.EXIF_DIRECTORY not in fields:
        return None
    with suppress(ifd.DamagedBlockError):
        exif = ifd.subdirectory(file, order, fields[tags.EXIF_DIRECTORY])
        note = exif.fields.get(tags.MAKER_NOTE)
        return note if note is not None and 4 < note.count <= _LONGEST_VALUE else None
    return None


def _copy_directory(
    file: ifd.Block,
    directory: ifd.Directory,
    block: bytearray,
    seen: set[int],
    pointers: AbstractSet[int] = tags.SUBDIRECTORIES,
) -> int:
    """Append a directory, its values and its subdirectories; return its offset.

    `seen` holds the offsets of the directories in `file` that were met, `pointers` the tags of those
    that this directory may point to.
    """
    order = ifd.byte_order(file)
    below = ifd.new_subdirectories(file, order, directory, pointers, seen)
    lost = {*directory.unreadable} | (tags.SUBDIRECTORIES & directory.fields.keys()) - below.keys()
    records = {tag: _pointer_record(order, tag, _OUTSIDE) for tag in lost}
    for tag, start in below.items():
        inner = ifd.read_directory(file, order, start)
        copy = _copy_directory(file, inner, block, seen, tags.BELOW.get(tag, set()))
        records[tag] = _pointer_record(order, tag, copy)
    for tag in directory.fields.keys() - records.keys():
        if record := _copy_value(file, order, tag, directory.fields[tag], block):
            records[tag] = record
    return ifd.append_directory(block, order, records.values())


def _pointer_record(order: ifd.Order, tag: int, start: int) -> bytes:
    """Build a record that points to a directory; outside of every block if there is none."""
    return struct.pack(order + "HHII", tag, ifd.LONG, 1 if start < _OUTSIDE else _OUTSIDE, start)


def _copy_value(
    file: ifd.Block, order: ifd.Order, tag: int, field: ifd.Field, block: bytearray
) -> bytes:
    """Append a value, unless it is a maker note in its place already; return the record."""
    value = _value_to_copy(file, order, field, len(block))
    if tag == tags.DESCRIPTION and value.startswith(_OF_LAYOUT):
        return b""
    if tag == tags.MAKER_NOTE and len(value) > 4 and block[field.start : field.stop] == value:
        return struct.pack(order + "HHII", tag, ifd.UNDEFINED, len(value), field.start)
    kind = ifd.LONG if field.kind in _LONGS_OF_BIG_TIFF else field.kind
    return ifd.make_record(block, order, tag, kind, value) if value else b""


def _value_to_copy(file: ifd.Block, order: ifd.Order, field: ifd.Field, used: int) -> bytes:
    """Read a value; nothing if it is private data, or the block becomes too long."""
    size = field.stop - field.start
    if size > _LONGEST_VALUE or used + size > _LONGEST_BLOCK:
        return b""
    if field.kind not in _LONGS_OF_BIG_TIFF:
        return ifd.read_bytes(file, field)
    values = [int(value) for value in ifd.read_numbers(file, order, field)]
    fitting = all(0 <= value <= _OUTSIDE for value in values)
    return struct.pack(f"{order}{len(values)}I", *values) if fitting else b""


def shorten(exif: bytes, longest: int) -> tuple[bytes | None, set[int]]:
    """Shorten a sound block: unused bytes first, then the longest values.

    Returns
    -------
    bytes or None, set of int
        A block of at most `longest` bytes, and the tags of the values that are left out.
    """
    block, lost = exif_of_tiff(exif), set[int]()
    while block is not None and len(block) > longest:
        _, first, exif_fields = read_directories(block)
        size, tag, where = max(
            (field.stop - field.start, tag, pointer)
            for fields, pointer in ((first.fields, 0), (exif_fields, tags.EXIF_DIRECTORY))
            for tag, field in fields.items()
        )
        if size <= 4:
            return None, lost
        shorter = bytearray(block)
        pointer_at = first.fields[where].start if where else ifd.FIRST_POINTER
        ifd.drop_field(shorter, pointer_at, tag=tag)
        lost.add(tag)
        block = exif_of_tiff(shorter)
    return block, lost

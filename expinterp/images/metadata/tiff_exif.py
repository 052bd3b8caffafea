"""EXIF in a TIFF file: collected from its first directory, and repeated there on writing."""

from __future__ import annotations

import struct

from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.exif import Fields, read_directories
from expinterp.images.metadata.iptc import resource_of_iptc

IPTC, RESOURCES = 0x83BB, 0x8649
# Tags of a TIFF that describe its pixel layout, or belong to another page.
_STRUCTURE = frozenset(
    {
        0x00FE,
        0x00FF,
        tags.IMAGE_WIDTH,
        tags.IMAGE_LENGTH,
        0x0102,
        0x0103,
        0x0106,
        0x0107,
        0x0108,
        0x0109,
    }
    | {0x010A, 0x0111, 0x0115, 0x0116, 0x0117, 0x0118, 0x0119, 0x011C, 0x0120, 0x0121, 0x0122}
    | {0x0123, 0x0124, 0x0125, 0x0129, 0x012D, 0x013D, 0x0140, 0x0141, 0x0142, 0x0143, 0x0144}
    | {0x0145, 0x014A, 0x0150, 0x0152, 0x0153, 0x0154, 0x0155, 0x015B, 0x0200, 0x0201, 0x0202}
    | {
        0x0203,
        0x0205,
        0x0206,
        0x0207,
        0x0208,
        0x0209,
        0x0211,
        0x0212,
        tags.XMP_PACKET,
        tags.ICC_PROFILE,
    }
    | {RESOURCES, 0x935C}  # Photoshop: resources, which are carried separately; layers
)
_LONGEST_VALUE = 1 << 20  # bytes of a descriptive field; longer ones are private data
_LONGEST_BLOCK = 1 << 26  # bytes; each of the records that share a value copies it
_MAKER_NOTE_REACH = 1 << 15  # highest offset at which a maker note keeps its place


def descriptive_records(exif: bytes) -> tuple[ifd.Order, dict[int, bytes]]:
    """Return the byte order and, by tag, the records that a TIFF around the block should repeat."""
    order, first, _ = read_directories(exif)
    records = ifd.raw_records(exif, first)
    return order, {tag: record for tag, record in records.items() if tag not in _STRUCTURE}


def exif_of_tiff(file: ifd.Block) -> bytes | None:
    """Collect the descriptive fields of a TIFF file into a new EXIF block.

    Their values move. A maker note within the first 32 KiB keeps its offset, because it may hold
    offsets that count from there.

    Raises
    ------
    DamagedBlockError
        If the directories of the file are damaged, or it is a BigTIFF.
    """
    order, first, _ = read_directories(file)
    left_out = _STRUCTURE | {IPTC}  # see `resources_of_tiff`
    fields = {tag: field for tag, field in first.fields.items() if tag not in left_out}
    return _collect(file, order, fields)


def resources_of_tiff(file: ifd.Block) -> bytes:
    """Return the IPTC fields as a resource, followed by Photoshop's other image resources."""
    _, first, _ = read_directories(file)
    iptc, others = (
        ifd.read_bytes(file, first.fields[tag]) if tag in first.fields else b""
        for tag in (IPTC, RESOURCES)
    )
    return (resource_of_iptc(iptc) if iptc else b"") + others


def _collect(file: ifd.Block, order: ifd.Order, fields: Fields) -> bytes | None:
    """Copy fields and the directories below them into a new block."""
    if not fields:
        return None
    block = bytearray(file[:4]) + bytes(4)
    note = _maker_note(file, order, fields)
    if note is not None and 8 <= note.start <= _MAKER_NOTE_REACH:
        block += bytes(note.start - len(block)) + file[note.start : note.stop]
    start = _copy_directory(file, order, fields, block)
    struct.pack_into(order + "I", block, ifd.FIRST_POINTER, start)
    return bytes(block)


def _maker_note(file: ifd.Block, order: ifd.Order, fields: Fields) -> ifd.Field | None:
    """Find the maker note below the first directory."""
    if tags.EXIF_DIRECTORY not in fields:
        return None
    exif = ifd.follow_pointer(file, order, fields[tags.EXIF_DIRECTORY].start)
    note = exif.fields.get(tags.MAKER_NOTE)
    return note if note is not None and 4 < note.count <= _LONGEST_VALUE else None


def _copy_directory(
    file: ifd.Block, order: ifd.Order, fields: Fields, block: bytearray, depth: int = 0
) -> int:
    """Append a directory, its values and its subdirectories; return its offset."""
    records = {}
    for tag, field in fields.items():
        value = b"" if field.stop - field.start > _LONGEST_VALUE else ifd.read_bytes(file, field)
        if len(block) + len(value) > _LONGEST_BLOCK:
            message = "fields too long"
            raise ifd.DamagedBlockError(message)
        if tag in tags.SUBDIRECTORIES and depth < 2:
            below = ifd.follow_pointer(file, order, field.start).fields
            value = struct.pack(order + "I", _copy_directory(file, order, below, block, depth + 1))
            records[tag] = ifd.make_record(block, order, tag, ifd.LONG, value)
        elif tag == tags.MAKER_NOTE and len(value) > 4 and block[field.start : field.stop] == value:
            start = struct.pack(order + "I", field.start)
            records[tag] = struct.pack(order + "HHI", tag, ifd.UNDEFINED, len(value)) + start
        elif value:
            records[tag] = ifd.make_record(block, order, tag, field.kind, value)
    return ifd.append_directory(block, order, records.values())

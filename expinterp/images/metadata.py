"""What EXIF, XMP and colour profiles say, and what has to change when pixels do.

EXIF blocks are changed as `directories` describes: fields that would be wrong are overwritten or
unlinked, everything else, maker notes with their offsets included, stays byte for byte.

Source of tags: CIPA DC-008 (Exif 2.32), TIFF 6.0, XMP specification part 2, ICC.1:2010.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import replace
from typing import TypeAlias

from expinterp.exposure import Exposure
from expinterp.images.directories import (
    LONG,
    RATIONAL,
    SHORT,
    SRATIONAL,
    UNDEFINED,
    Block,
    DamagedBlockError,
    Directory,
    Field,
    Order,
    append_directory,
    byte_order,
    drop_field,
    following_directory,
    make_record,
    raw_records,
    read_bytes,
    read_directory,
    read_numbers,
    read_offset,
    set_field,
)
from expinterp.images.photograph import Metadata

Fields: TypeAlias = dict[int, Field]

IMAGE_WIDTH, IMAGE_LENGTH = 0x0100, 0x0101
MAKE, MODEL = 0x010F, 0x0110
ORIENTATION = 0x0112
XMP_PACKET, ICC_PROFILE = 0x02BC, 0x8773
EXPOSURE_TIME, F_NUMBER = 0x829A, 0x829D
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY = 0x8769, 0x8825, 0xA005
ISO, EXPOSURE_INDEX, ISO_SPEED = 0x8827, 0x8832, 0x8833
SHUTTER_SPEED, APERTURE = 0x9201, 0x9202
MAKER_NOTE = 0x927C
PIXEL_COLS, PIXEL_ROWS = 0xA002, 0xA003

_EXIF_PREFIX = b"Exif\0\0"
_FIRST_POINTER = 4  # where the header of a block stores the offset of its first directory
_SUBDIRECTORIES = {EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY}
_ISO_UNKNOWN = 65_535  # "look at the other sensitivity tags"
_TIME_TOLERANCE = 0.002  # of a time written as 1/n: 0.003 EV

# Tags of a TIFF that describe how its pixels are stored, or belong to another page.
_STRUCTURE = frozenset(
    {0x00FE, 0x00FF, IMAGE_WIDTH, IMAGE_LENGTH, 0x0102, 0x0103, 0x0106, 0x0107, 0x0108, 0x0109}
    | {0x010A, 0x0111, 0x0115, 0x0116, 0x0117, 0x0118, 0x0119, 0x011C, 0x0120, 0x0121, 0x0122}
    | {0x0123, 0x0124, 0x0125, 0x0129, 0x012D, 0x013D, 0x0140, 0x0141, 0x0142, 0x0143, 0x0144}
    | {0x0145, 0x014A, 0x0150, 0x0152, 0x0153, 0x0154, 0x0155, 0x015B, 0x0200, 0x0201, 0x0202}
    | {0x0203, 0x0205, 0x0206, 0x0207, 0x0208, 0x0209, 0x0211, 0x0212, XMP_PACKET, ICC_PROFILE}
    | {0x8649, 0x935C}  # Photoshop: thumbnails and layers
)
_LONGEST_VALUE = 1 << 20  # of a descriptive field; longer ones are somebody's private data
_MAKER_NOTE_REACH = 1 << 15  # highest offset at which a maker note keeps its place


def exif_block(data: bytes | None) -> bytes | None:
    """Strip the prefix that JPEG, and some writers of other formats, put before the block."""
    return (data or b"").removeprefix(_EXIF_PREFIX) or None


# --- reading -------------------------------------------------------------------------------------


def _directories(block: Block) -> tuple[Order, Directory, Fields]:
    """Read the order, the first directory, and the fields of the EXIF one (none: empty)."""
    order = byte_order(block)
    first = read_directory(block, order, read_offset(block, order, _FIRST_POINTER))
    pointer = first.fields.get(EXIF_DIRECTORY)
    if pointer is None:
        return order, first, {}
    exif = read_directory(block, order, read_offset(block, order, pointer.start))
    return order, first, exif.fields


def read_orientation(block: Block | None) -> int:
    """Read the orientation, 1..8; 1 where it is missing, damaged or out of range."""
    if block is None:
        return 1
    try:
        order, first, _ = _directories(block)
        value = _number(block, order, first.fields, ORIENTATION)
    except DamagedBlockError:
        return 1
    return int(value) if value is not None and value in range(1, 9) else 1


def read_exposure(block: Block | None) -> Exposure:
    """Read what a shot states about its exposure; a damaged block states nothing.

    The APEX values of shutter and aperture stand in where time or f-number are missing.
    """
    if block is None:
        return Exposure()
    try:
        order, first, exif = _directories(block)
        return _exposure_of_fields(block, order, first.fields, first.fields | exif)
    except DamagedBlockError:
        return Exposure()


def _exposure_of_fields(block: Block, order: Order, first: Fields, fields: Fields) -> Exposure:
    """Take an exposure from the fields of a block."""
    time = _positive(_number(block, order, fields, EXPOSURE_TIME))
    shutter = _number(block, order, fields, SHUTTER_SPEED)
    if time is None and shutter is not None and abs(shutter) < 32:
        time = 2.0**-shutter
    f_number = _positive(_number(block, order, fields, F_NUMBER))
    aperture = _number(block, order, fields, APERTURE)
    if f_number is None and aperture is not None and abs(aperture) < 32:
        f_number = 2.0 ** (aperture / 2)
    values = (_number(block, order, fields, tag) for tag in (ISO, ISO_SPEED, EXPOSURE_INDEX))
    iso = next((value for value in values if _positive(value) and value != _ISO_UNKNOWN), None)
    make, model = (_text(block, first, tag) for tag in (MAKE, MODEL))
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return Exposure(time=time, iso=iso, f_number=f_number, camera=camera or None)


def _number(block: Block, order: Order, fields: Fields, tag: int) -> float | None:
    """Read the first value of a numeric field."""
    field = fields.get(tag)
    if field is None or field.count > 16:  # a number, not a table that claims to be one
        return None
    return next(iter(read_numbers(block, order, field)), None)


def _positive(value: float | None) -> float | None:
    """Keep a value that is finite and above 0."""
    return value if value is not None and 0 < value < math.inf else None


def _text(block: Block, fields: Fields, tag: int) -> str:
    """Read a text field, up to its first NUL."""
    field = fields.get(tag)
    if field is None or field.count > 256:
        return ""
    return read_bytes(block, field).split(b"\0")[0].decode("utf-8", "replace").strip()


# --- changing ------------------------------------------------------------------------------------


def with_exposure_time(metadata: Metadata, time: float | None) -> Metadata:
    """State the exposure time of a virtual photograph in the metadata of a real one.

    Parameters
    ----------
    metadata : Metadata
        That of the shot the virtual one is derived from.
    time : float or None
        Seconds. Written even where there was no EXIF block. None if the time is not known: the
        time of the shot would be untrue, so it is unlinked.

    Raises
    ------
    ValueError
        If `time` is not positive and finite.
    """
    if time is not None and _positive(time) is None:
        message = f"an exposure time is positive and finite, not {time}"
        raise ValueError(message)
    fraction = None if time is None else time_as_fraction(time)
    exif = metadata.exif
    if fraction is not None and exif is None:
        exif = _build_block("<", {})
    if exif is not None:
        try:
            exif = _state_time(exif, fraction)
        except DamagedBlockError:
            exif = metadata.exif  # `fit_to_pixels` finds the damage again and reports it
    return replace(metadata, exif=exif, xmp=_state_time_in_xmp(metadata.xmp, fraction))


def time_as_fraction(time: float) -> tuple[int, int]:
    """Write a time as cameras do: 1/n s below a second where that is near, else decimals.

    Examples
    --------
    >>> time_as_fraction(1 / 120), time_as_fraction(0.4), time_as_fraction(2.83)
    ((1, 120), (10, 25), (283, 100))
    """
    largest = 2**32 - 1
    for scale in (1, 10, 100, 1000):
        above, below = (scale, round(scale / time)) if time < 1 else (round(time * scale), scale)
        if abs(above / max(below, 1) / time - 1) <= _TIME_TOLERANCE:
            break
    return max(1, min(above, largest)), max(1, min(below, largest))


def _state_time(exif: bytes, fraction: tuple[int, int] | None) -> bytes:
    """Set or unlink the exposure time, and the shutter speed with it."""
    block = bytearray(exif)
    order, first, fields = _directories(block)
    if fraction is None:
        for pointer_at in _exposure_pointers(first):
            for tag in (EXPOSURE_TIME, SHUTTER_SPEED):
                drop_field(block, pointer_at, tag=tag)
        return bytes(block)
    if EXIF_DIRECTORY not in first.fields:
        start = append_directory(block, order, {})
        value = struct.pack(order + "I", start)
        set_field(block, _FIRST_POINTER, tag=EXIF_DIRECTORY, kind=LONG, value=value, in_place=False)
        _, first, fields = _directories(block)
    pointer_at = first.fields[EXIF_DIRECTORY].start
    value = struct.pack(order + "II", *fraction)
    alone = _is_alone(block, EXPOSURE_TIME)
    set_field(block, pointer_at, tag=EXPOSURE_TIME, kind=RATIONAL, value=value, in_place=alone)
    if SHUTTER_SPEED in fields:
        speed = round(-math.log2(fraction[0] / fraction[1]) * 1_000_000)
        value = struct.pack(order + "ii", speed, 1_000_000)
        alone = _is_alone(block, SHUTTER_SPEED)
        set_field(block, pointer_at, tag=SHUTTER_SPEED, kind=SRATIONAL, value=value, in_place=alone)
    return bytes(block)


def _is_alone(block: Block, tag: int) -> bool:
    """Tell whether no other field of the block shares bytes with one of the EXIF directory.

    Cameras fill a JPEG segment to its last byte, so a value had better stay where it is.
    """
    order, first, exif = _directories(block)
    fields = [*first.fields.items(), *exif.items()]
    for pointer in (GPS_DIRECTORY, INTEROP_DIRECTORY):
        if pointer in (found := first.fields | exif):
            below = read_directory(block, order, read_offset(block, order, found[pointer].start))
            fields += below.fields.items()
    own = exif.get(tag)
    if own is None:
        return False
    overlapping = sum(field.start < own.stop and own.start < field.stop for _, field in fields)
    return overlapping == 1


def _exposure_pointers(first: Directory) -> list[int]:
    """List where the offsets of the directories that may state a time are stored."""
    exif = first.fields.get(EXIF_DIRECTORY)
    return [_FIRST_POINTER] + ([] if exif is None else [exif.start])


def fit_to_pixels(metadata: Metadata, rows: int, cols: int) -> tuple[Metadata, list[str]]:
    """Make metadata true for upright pixels of a given size.

    Orientation becomes 1 where it is stated, the size tags follow, and the thumbnail directory,
    which shows the picture as it was, is unlinked. A damaged EXIF block is not passed on.

    Returns
    -------
    Metadata
        The same object's blocks wherever nothing had to change.
    list of str
        Warnings.
    """
    warnings = []
    exif = metadata.exif
    if exif is not None:
        try:
            exif = _fit_exif(exif, rows, cols)
        except DamagedBlockError as error:
            exif = None
            warnings.append(f"the EXIF block is damaged ({error}) and was left out")
    return replace(metadata, exif=exif, xmp=_fit_xmp(metadata.xmp, rows, cols)), warnings


def _fit_exif(exif: bytes, rows: int, cols: int) -> bytes:
    """Reset orientation, sizes and thumbnail of a block."""
    block = bytearray(exif)
    order, first, fields = _directories(block)
    _check_subdirectories(block, order, first.fields | fields)
    sizes = {IMAGE_WIDTH: cols, IMAGE_LENGTH: rows}
    _overwrite_numbers(block, order, first.fields, sizes | {ORIENTATION: 1})
    _overwrite_numbers(block, order, fields, {PIXEL_COLS: cols, PIXEL_ROWS: rows})
    if following_directory(block, order, first):
        struct.pack_into(order + "I", block, first.next_at, 0)
    return bytes(block)


def _check_subdirectories(block: Block, order: Order, fields: Fields) -> None:
    """Raise `DamagedBlockError` if a directory that is pointed to cannot be read."""
    for tag in _SUBDIRECTORIES & fields.keys():
        read_directory(block, order, read_offset(block, order, fields[tag].start))


def _overwrite_numbers(
    block: bytearray, order: Order, fields: Fields, values: dict[int, int]
) -> None:
    """Overwrite whole-number fields that are present, as SHORT where it fits, else LONG."""
    for tag, value in values.items():
        if tag in fields:
            kind, code = (SHORT, "H") if value < 1 << 16 else (LONG, "I")
            record = make_record(block, order, tag, kind, struct.pack(order + code, value))
            block[fields[tag].record : fields[tag].record + len(record)] = record


def without_orientation(exif: bytes) -> bytes:
    """Unlink the orientation of a sound block, for containers that state it themselves."""
    block = bytearray(exif)
    drop_field(block, _FIRST_POINTER, tag=ORIENTATION)
    return bytes(block)


# --- XMP -----------------------------------------------------------------------------------------
# Patterns over bytes: a property is written either as name="value" or as <name>value</name>, and
# a packet in which none of them occurs stays byte-identical.


def _xmp_value(xmp: bytes, name: bytes, value: bytes) -> bytes:
    """Replace the value of a simple property wherever it is stated."""
    pattern = rb"(\b%s\s*=\s*[\"'])[^\"'<>]*|(<%s>)[^<]*" % (name, name)
    return re.sub(pattern, lambda found: (found[1] or found[2]) + value, xmp)


def _xmp_without(xmp: bytes, name: bytes) -> bytes:
    """Remove a property, simple or structured, wherever it is stated."""
    xmp = re.sub(rb"\s%s\s*=\s*(\"[^\"<>]*\"|'[^'<>]*')" % name, b"", xmp)
    return re.sub(rb"<%s(\s[^>]*)?>.*?</%s>\s*" % (name, name), b"", xmp, flags=re.DOTALL)


def _fit_xmp(xmp: bytes | None, rows: int, cols: int) -> bytes | None:
    """Make an XMP packet true for upright pixels without thumbnails or second images."""
    if xmp is None:
        return None
    for name, value in {
        b"tiff:Orientation": 1,
        b"tiff:ImageWidth": cols,
        b"tiff:ImageLength": rows,
        b"exif:PixelXDimension": cols,
        b"exif:PixelYDimension": rows,
    }.items():
        xmp = _xmp_value(xmp, name, b"%d" % value)
    for name in (b"xmp:Thumbnails", b"xap:Thumbnails", b"xmpNote:HasExtendedXMP"):
        xmp = _xmp_without(xmp, name)
    for name in (b"hdrgm:Version", b"Container:Directory", b"GContainer:Directory"):
        xmp = _xmp_without(xmp, name)  # a gain map that is not there any more
    return xmp


def _state_time_in_xmp(xmp: bytes | None, fraction: tuple[int, int] | None) -> bytes | None:
    """Set the exposure time in an XMP packet that states one, or remove it."""
    if xmp is None:
        return None
    xmp = _xmp_without(xmp, b"exif:ShutterSpeedValue")
    if fraction is None:
        return _xmp_without(xmp, b"exif:ExposureTime")
    return _xmp_value(xmp, b"exif:ExposureTime", b"%d/%d" % fraction)


# --- TIFF files ----------------------------------------------------------------------------------


def descriptive_records(exif: bytes) -> tuple[Order, dict[int, bytes]]:
    """Take the records of a block that a TIFF around it should repeat in its own directory.

    Returns
    -------
    ``<`` or ``>``
        Byte order.
    dict of int to bytes
        Records by tag, their offsets counted from the start of the block.
    """
    order, first, _ = _directories(exif)
    records = raw_records(exif, first)
    return order, {tag: record for tag, record in records.items() if tag not in _STRUCTURE}


def exif_of_tiff(file: Block) -> bytes | None:
    """Gather the descriptive fields of a TIFF file into an EXIF block of their own.

    Values move, as they must; a maker note that began within the first 32 KiB keeps its offset,
    because what it holds may count from there.

    Raises
    ------
    DamagedBlockError
        If the directories of the file are damaged, or it is a BigTIFF.
    """
    order, first, _ = _directories(file)
    fields = {tag: field for tag, field in first.fields.items() if tag not in _STRUCTURE}
    return _gather(file, order, fields)


def _gather(file: Block, order: Order, fields: Fields) -> bytes | None:
    """Copy fields and the directories below them into a new block."""
    if not fields:
        return None
    block = bytearray(file[:4]) + bytes(4)
    note = _maker_note(file, order, fields)
    if note is not None and 8 <= note.start <= _MAKER_NOTE_REACH:
        block += bytes(note.start - len(block)) + file[note.start : note.stop]
    start = _copy_directory(file, order, fields, block)
    struct.pack_into(order + "I", block, _FIRST_POINTER, start)
    return bytes(block)


def _maker_note(file: Block, order: Order, fields: Fields) -> Field | None:
    """Find the maker note below the first directory."""
    if EXIF_DIRECTORY not in fields:
        return None
    exif = read_directory(file, order, read_offset(file, order, fields[EXIF_DIRECTORY].start))
    note = exif.fields.get(MAKER_NOTE)
    return note if note is not None and 4 < note.count <= _LONGEST_VALUE else None


def _copy_directory(
    file: Block, order: Order, fields: Fields, block: bytearray, depth: int = 0
) -> int:
    """Append a directory, its values, and the directories below it; return its offset."""
    records = {}
    for tag, field in fields.items():
        value = b"" if field.stop - field.start > _LONGEST_VALUE else read_bytes(file, field)
        if tag in _SUBDIRECTORIES and depth < 2:
            below = read_directory(file, order, read_offset(file, order, field.start)).fields
            value = struct.pack(order + "I", _copy_directory(file, order, below, block, depth + 1))
            records[tag] = make_record(block, order, tag, LONG, value)
        elif tag == MAKER_NOTE and block[field.start : field.stop] == value:
            start = struct.pack(order + "I", field.start)
            records[tag] = struct.pack(order + "HHI", tag, UNDEFINED, len(value)) + start
        elif value:
            records[tag] = make_record(block, order, tag, field.kind, value)
    return append_directory(block, order, records)


def _build_block(order: Order, records: dict[int, bytes]) -> bytes:
    """Build a block with one directory of finished records."""
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    start = append_directory(block, order, records)
    struct.pack_into(order + "I", block, _FIRST_POINTER, start)
    return bytes(block)


def empty_block() -> bytes:
    """Build an EXIF block that states nothing."""
    return _build_block("<", {})


# --- ICC -----------------------------------------------------------------------------------------


def profile_space(icc: bytes | None) -> str:
    """Read the colour space a profile is for: ``RGB``, ``GRAY``, ``CMYK``; empty if none."""
    return "" if icc is None else icc[16:20].decode("latin-1").strip()


def profile_name(icc: bytes | None) -> str:
    """Read the description of a colour profile, for messages.

    Examples
    --------
    >>> profile_name(None)
    'no profile'
    """
    if icc is None:
        return "no profile"
    try:
        name = _profile_description(icc)
    except (struct.error, UnicodeDecodeError):
        name = ""
    return name.strip("\0 \t\r\n") or "unnamed profile"


def _profile_description(icc: bytes) -> str:
    """Read the tag ``desc`` of a profile: text in version 2, UTF-16 in version 4."""
    (count,) = struct.unpack_from(">I", icc, 128)
    for entry in range(min(count, 100)):
        tag, start, size = struct.unpack_from(">4sII", icc, 132 + 12 * entry)
        value = icc[start : start + size]
        if tag == b"desc" and value[:4] == b"desc":
            (length,) = struct.unpack_from(">I", value, 8)
            return value[12 : 12 + length].decode("latin-1")
        if tag == b"desc" and value[:4] == b"mluc":
            length, offset = struct.unpack_from(">II", value, 20)
            return value[offset : offset + length].decode("utf-16-be")
    return ""

"""Unlinking what cannot be read, or is not true, in an EXIF block: one bad record costs only itself.

No byte of a value moves, as `ifd` describes.

Source of tags: CIPA DC-008 (Exif 2.32), DNG specification 1.7 (Adobe 2023).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace

from expinterp.images.metadata import ifd, tags
from expinterp.images.photograph import Extra, Metadata

_VERSION = 42  # of TIFF, in the header
_ROUNDS = 8  # directories of hostile blocks may overlap, so that one repair damages another
_LONGEST_LIST = 6  # names in a message
_UNITS = {1, 2, 3}  # of resolution: none, inch, centimetre


def sound(metadata: Metadata) -> Metadata:
    """Unlink from the EXIF block what cannot be read, and name it in `extras`.

    A block whose first directory cannot be read is left out. A block that needs no change stays the
    same object.
    """
    if metadata.exif is None:
        return metadata
    try:
        exif, lost = repair(metadata.exif)
    except ifd.DamagedBlockError as error:
        gone = Extra(f"the EXIF block, which is damaged ({error})", {})
        return replace(metadata, exif=None, extras=(*metadata.extras, gone))
    if exif == metadata.exif:
        return metadata
    named = (Extra(f"EXIF fields that cannot be read ({join_names(lost)})", {}),) if lost else ()
    return replace(metadata, exif=exif, extras=(*metadata.extras, *named))


def join_names(names: Sequence[str]) -> str:
    """Join names for a message; many are cut short."""
    more = [f"{len(names) - _LONGEST_LIST} more"] if len(names) > _LONGEST_LIST else []
    return ", ".join([*names[:_LONGEST_LIST], *more])


def repair(exif: bytes) -> tuple[bytes, list[str]]:
    """Unlink records without a readable value, pointers without a directory, and what is untrue.

    A directory that was met before is not a subdirectory: programs would follow such pointers
    without end. Records of raw files and of pictures elsewhere in a file are not true for a new
    one. A resolution that is not stored as EXIF requires is stored anew.

    Returns
    -------
    bytes, list of str
        The block, and the names of what could not be read.

    Raises
    ------
    DamagedBlockError
        If the first directory cannot be read.
    """
    block, lost = bytearray(exif), list[str]()
    if ifd.is_big(block):
        message = "it is a BigTIFF"
        raise ifd.DamagedBlockError(message)
    struct.pack_into(ifd.byte_order(block) + "H", block, 2, _VERSION)
    for _ in range(_ROUNDS):
        before = bytes(block)
        lost += _repair_directory(block, ifd.FIRST_POINTER, set())
        _repair_resolution(block)
        if block == before:
            return before, list(dict.fromkeys(lost))
    message = "its directories overlap"
    raise ifd.DamagedBlockError(message)


def _repair_directory(
    block: bytearray, pointer_at: int, seen: set[int], within: int | None = None
) -> Iterator[str]:
    """Repair a directory and those below it; yield the names of what is lost.

    `seen` holds the offsets of directories that were met; `within` is the tag of the pointer to this
    one, None for the first.
    """
    order = ifd.byte_order(block)
    directory = ifd.follow_pointer(block, order, pointer_at)
    seen.add(directory.start)
    yield from (name_of(tag, within) for tag in directory.unreadable)
    expected = tags.SUBDIRECTORIES if within is None else tags.BELOW.get(within, set())
    starts = ifd.new_subdirectories(block, order, directory, expected, seen)
    pointers = tags.SUBDIRECTORIES & directory.fields.keys()
    yield from (name_of(tag) for tag in sorted(pointers - starts.keys()))
    for tag, start in starts.items():
        record = directory.fields[tag].record
        struct.pack_into(order + "HII", block, record + 2, ifd.LONG, 1, start)
        yield from _repair_directory(block, record + 8, seen, tag)
    untrue = {tag for tag in directory.fields if tags.is_of_raw_or_layout(tag)}
    _keep_records(block, pointer_at, directory, untrue | (pointers - starts.keys()))


def _keep_records(
    block: bytearray, pointer_at: int, directory: ifd.Directory, untrue: set[int]
) -> None:
    """Keep the first record of each readable tag, and those of unknown type."""
    order = ifd.byte_order(block)
    kept = {field.record for tag, field in directory.fields.items() if tag not in untrue}
    kept |= set(ifd.records_of_unknown_type(block, order, directory))
    records = [bytes(block[at : at + ifd.RECORD]) for at in sorted(kept)]
    ifd.replace_records(block, pointer_at, directory, records)


def _repair_resolution(block: bytearray) -> None:
    """Store the resolution of the first directory as RATIONAL and SHORT, or unlink it."""
    order = ifd.byte_order(block)
    fields = ifd.first_directory(block, order).fields
    for tag in {tags.X_RESOLUTION, tags.Y_RESOLUTION, tags.RESOLUTION_UNIT} & fields.keys():
        value = ifd.read_number(block, order, fields, tag) or 0.0
        kind = ifd.SHORT if tag == tags.RESOLUTION_UNIT else ifd.RATIONAL
        valid = value in _UNITS if kind == ifd.SHORT else 0.01 <= value <= 1e6
        if not valid:
            ifd.drop_field(block, ifd.FIRST_POINTER, tag=tag)
        elif (fields[tag].kind, fields[tag].count) != (kind, 1):
            parts = (int(value),) if kind == ifd.SHORT else (round(value * 100), 100)
            stored = struct.pack(f"{order}{len(parts)}{'H' if kind == ifd.SHORT else 'I'}", *parts)
            where = ifd.FIRST_POINTER
            ifd.set_field(block, where, tag=tag, kind=kind, value=stored, in_place=False)


def name_of(tag: int, within: int | None = None) -> str:
    """Return the name of a tag, or its number; `within` is the tag of the pointer to its directory."""
    from PIL import ExifTags

    known = ExifTags.GPSTAGS if within == tags.GPS_DIRECTORY else ExifTags.TAGS
    return _NAMES.get(tag) or known.get(tag) or f"tag {tag:#06x}"


_NAMES = {
    tags.EXIF_DIRECTORY: "settings of the camera",
    tags.GPS_DIRECTORY: "GPS",
    tags.INTEROP_DIRECTORY: "Interop",
}

"""Reading from the maker notes of Canon, Nikon and Sony whether a shot is part of a bracket.

A maker note is a directory with a header that depends on the maker. Only documented values are
read; damaged, encrypted and other notes are ignored.

Source: tags as Exiv2 and ExifTool document them: Canon 0x0004 (shot information, value 16),
Nikon 0x0089 (shooting mode), Sony 0xB049 (release mode) and 0xB04A (sequence number).
"""

from __future__ import annotations

import struct

from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.exif import Fields, read_text

_CANON_SHOT_INFO, _CANON_BRACKETING = 0x0004, 16
_NIKON_SHOOTING_MODE, _NIKON_BRACKETING = 0x0089, 1 << 4
_NIKON_HEADER, _NIKON_BLOCK = b"Nikon\0\2", 10  # then a TIFF block with its own offsets
_SONY_RELEASE_MODE, _SONY_SEQUENCE, _SONY_BRACKETING = 0xB049, 0xB04A, 5
_SONY_HEADER, _SONY_DIRECTORY = b"SONY ", 12
_LONGEST_SEQUENCE = 99
_LONGEST_SHOT_INFO = 256
_SIGNED_SHORT = 8


def read_bracketing(block: ifd.Block, order: ifd.Order, fields: Fields) -> tuple[bool, int | None]:
    """Read whether the camera states bracketing, and the number of the shot in its bracket, from 1.

    `fields` are those of the first and the EXIF directory of the block.
    """
    note = fields.get(tags.MAKER_NOTE)
    reader = _READERS.get(read_text(block, fields, tags.MAKE).split(" ")[0].upper())
    if note is None or reader is None:
        return False, None
    try:
        return reader(block, order, note)
    except (ifd.DamagedBlockError, struct.error):
        return False, None


def _read_canon(block: ifd.Block, order: ifd.Order, note: ifd.Field) -> tuple[bool, int | None]:
    """Canon: a directory without header; −1 is bracketing, 1 to 3 the shot."""
    field = ifd.read_directory(block, order, note.start).fields.get(_CANON_SHOT_INFO)
    if field is None or field.kind not in {ifd.SHORT, _SIGNED_SHORT}:
        return False, None
    if not _CANON_BRACKETING < field.count <= _LONGEST_SHOT_INFO:
        return False, None
    value = int(ifd.read_numbers(block, order, field)[_CANON_BRACKETING])
    value -= 1 << 16 if value >= 1 << 15 else 0
    return value in {-1, 1, 2, 3}, value if value > 0 and value <= 3 else None


def _read_nikon(block: ifd.Block, _: ifd.Order, note: ifd.Field) -> tuple[bool, int | None]:
    """Nikon, since 2002: a complete TIFF block."""
    data = bytes(block[note.start : note.stop])
    if not data.startswith(_NIKON_HEADER):
        return False, None
    own = data[_NIKON_BLOCK:]
    order = ifd.byte_order(own)
    fields = ifd.follow_pointer(own, order, 4).fields
    mode = ifd.read_number(own, order, fields, _NIKON_SHOOTING_MODE)
    return bool(int(mode or 0) & _NIKON_BRACKETING), None


def _read_sony(block: ifd.Block, order: ifd.Order, note: ifd.Field) -> tuple[bool, int | None]:
    """Sony: a directory after 12 bytes; other bursts have sequence numbers too."""
    if not bytes(block[note.start : note.stop]).startswith(_SONY_HEADER):
        return False, None
    fields = ifd.read_directory(block, order, note.start + _SONY_DIRECTORY).fields
    if ifd.read_number(block, order, fields, _SONY_RELEASE_MODE) != _SONY_BRACKETING:
        return False, None
    sequence = ifd.read_number(block, order, fields, _SONY_SEQUENCE)
    shot = int(sequence or 0)
    return True, shot if 1 <= shot <= _LONGEST_SEQUENCE else None


_READERS = {"CANON": _read_canon, "NIKON": _read_nikon, "SONY": _read_sony}

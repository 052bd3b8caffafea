"""The EXIF block of a raw file.

Where the file is a TIFF, its fields are collected as those of other TIFF files. CR3 keeps them in
four blocks, RAF in its preview. Of the others, what LibRaw states is written into a new block.

Source: the CR3 boxes as documented by Canon's users (github.com/lclevy/canon_cr3); CIPA DC-008.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np

from expinterp.images.developing.raw_files import as_tiff
from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.exif import EXIF_PREFIX
from expinterp.images.metadata.tiff_exif import exif_of_tiff

_LONGEST_NAME = 64  # characters of a camera in a CRW
_SEARCHED = 1 << 17  # bytes at the beginning in which blocks are looked for
_CANON_BOXES = (b"CMT1", b"CMT2", b"CMT4")  # first directory, EXIF, GPS
_LARGEST_PART = 1 << 31  # of a fraction


def exif_of_raw(data: ifd.Block, other: Any) -> bytes | None:
    """Collect the EXIF block of a raw file; None if nothing is known.

    Parameters
    ----------
    data : bytes or mmap
        The whole file.
    other : object
        ``rawpy.RawPy.other``: exposure and date as LibRaw reads them.
    """
    head = bytes(data[:16])
    with suppress(ifd.DamagedBlockError, struct.error, ValueError):
        if head[4:8] == b"ftyp":
            return _of_canon_boxes(bytes(data[:_SEARCHED]))
        if head.startswith(b"FUJIFILM"):
            start, size = struct.unpack_from(">II", data, 84)
            return _of_jpeg(bytes(data[start : start + min(size, _SEARCHED)]))
        if head.startswith(b"\0MRM"):
            at = bytes(data[:_SEARCHED]).index(b"\0TTW") + 8
            return exif_of_tiff(bytes(data[at:_SEARCHED]))
        return exif_of_tiff(as_tiff(head) + bytes(data[4:]))
    known = other.timestamp.year > 1970
    return exif_of_values(
        other.shutter_speed,
        other.aperture,
        other.iso_speed,
        focal_length=other.focal_length,
        date=f"{other.timestamp:%Y:%m:%d %H:%M:%S}" if known else "",
        camera=_camera(data),
    )


def _of_jpeg(preview: bytes) -> bytes | None:
    """Find the EXIF segment of a preview."""
    at = preview.index(EXIF_PREFIX) + len(EXIF_PREFIX)
    (size,) = struct.unpack_from(">H", preview, at - len(EXIF_PREFIX) - 2)
    return exif_of_tiff(preview[at : at + size - 2 - len(EXIF_PREFIX)])


def _of_canon_boxes(head: bytes) -> bytes | None:
    """Join the blocks of a CR3: the EXIF and GPS directories are moved below the first one."""
    first, exif, gps = (_box(head, name) for name in _CANON_BOXES)
    block = bytearray(first)
    order = ifd.byte_order(block)
    for tag, part in ((tags.EXIF_DIRECTORY, exif), (tags.GPS_DIRECTORY, gps)):
        if part and ifd.byte_order(part) == order:
            start = _append_directory(block, order, part)
            value = struct.pack(order + "I", start)
            ifd.add_fields(block, ifd.FIRST_POINTER, {tag: (ifd.LONG, value)})
    return exif_of_tiff(bytes(block))


def _append_directory(block: bytearray, order: ifd.Order, part: bytes) -> int:
    """Append the first directory of another block, with its values; return its offset."""
    fields = ifd.follow_pointer(part, order, ifd.FIRST_POINTER).fields
    records = [
        ifd.make_record(block, order, tag, field.kind, ifd.read_bytes(part, field))
        for tag, field in fields.items()
    ]
    return ifd.append_directory(block, order, records)


def _box(head: bytes, name: bytes) -> bytes:
    """Return the content of a box; empty if there is none."""
    at = head.find(name)
    if at < 4:
        return b""
    (size,) = struct.unpack_from(">I", head, at - 4)
    return head[at + 4 : at - 4 + size]


def _camera(data: ifd.Block) -> tuple[str, str]:
    """Read maker and model of a CRW, two texts after each other; empty for other files."""
    at = data.rfind(b"Canon\0Canon ")
    if at < 0:
        return "", ""
    make, model, *_ = bytes(data[at : at + _LONGEST_NAME]).split(b"\0")
    return make.decode("ascii", "replace"), model.decode("ascii", "replace")


def exif_of_values(
    time: float,
    f_number: float,
    iso: float,
    *,
    date: str = "",
    camera: tuple[str, str] = ("", ""),
    focal_length: float = 0,
) -> bytes:
    """Write the settings of a shot into a new block; what is 0 or empty is left out.

    `time` is in seconds, `date` is as in EXIF, and `camera` is maker and model.
    """
    exif = {
        tags.EXPOSURE_TIME: (ifd.RATIONAL, _fraction(time)),
        tags.F_NUMBER: (ifd.RATIONAL, _fraction(f_number)),
        tags.ISO: _whole(iso),
        tags.FOCAL_LENGTH: (ifd.RATIONAL, _fraction(focal_length)),
        tags.ORIGINAL: (ifd.ASCII, date.encode() + bytes(1)),
    }
    exif = {tag: (kind, value) for tag, (kind, value) in exif.items() if value.strip(b"\0")}
    names = zip((tags.MAKE, tags.MODEL), camera, strict=True)
    first = {tag: (ifd.ASCII, name.encode() + b"\0") for tag, name in names if name}
    block = bytearray(ifd.EMPTY_BLOCK)
    records = [ifd.make_record(block, "<", tag, *field) for tag, field in exif.items()]
    pointer = struct.pack("<I", ifd.append_directory(block, "<", records))
    first[tags.EXIF_DIRECTORY] = (ifd.LONG, pointer)
    ifd.add_fields(block, ifd.FIRST_POINTER, first)
    return bytes(block)


def _whole(value: float) -> tuple[int, bytes]:
    """Encode a sensitivity with 16 bits, or with 32 if it is larger."""
    number = int(np.clip(np.rint(value), 0, _LARGEST_PART))
    small = number < 1 << 16
    return (ifd.SHORT if small else ifd.LONG), struct.pack("<H" if small else "<I", number)


def _fraction(value: float) -> bytes:
    """Encode a number as a fraction, as cameras round it: 1/30, 5.6."""
    if not 0 < value < _LARGEST_PART:
        return bytes(8)
    short = Fraction(value).limit_denominator(10_000)
    if value < 0.3:
        short = Fraction(1, max(round(1 / value), 1))
    return struct.pack("<II", short.numerator, short.denominator)

"""What EXIF blocks and colour profiles say about a photograph.

Source of tags: CIPA DC-008 (Exif 2.32), TIFF 6.0, ICC.1:2022.
"""

from __future__ import annotations

import struct
from typing import TypeAlias

from expinterp.core.exposure import Exposure
from expinterp.images.metadata.ifd import (
    FIRST_POINTER,
    Block,
    DamagedBlockError,
    Directory,
    Field,
    Order,
    byte_order,
    read_bytes,
    read_directory,
    read_number,
    read_offset,
)

Fields: TypeAlias = dict[int, Field]

IMAGE_WIDTH, IMAGE_LENGTH, BITS_PER_SAMPLE = 0x0100, 0x0101, 0x0102
MAKE, MODEL = 0x010F, 0x0110
ORIENTATION = 0x0112
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
XMP_PACKET, ICC_PROFILE = 0x02BC, 0x8773
EXPOSURE_TIME, F_NUMBER = 0x829A, 0x829D
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY = 0x8769, 0x8825, 0xA005
SUBDIRECTORIES = {EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY}
ISO, EXPOSURE_INDEX, ISO_SPEED = 0x8827, 0x8832, 0x8833
SHUTTER_SPEED, APERTURE = 0x9201, 0x9202
MAKER_NOTE = 0x927C
PIXEL_COLS, PIXEL_ROWS = 0xA002, 0xA003

_EXIF_PREFIX = b"Exif\0\0"
_ISO_UNKNOWN = 65_535  # "look at the other sensitivity tags"
_LEAST, _LARGEST = 1e-6, 1e7  # of seconds, ISO and f-numbers: beyond them lies damage


def exif_block(data: bytes | None) -> bytes | None:
    """Strip the prefix that JPEG, and some writers of other formats, put before the block."""
    return (data or b"").removeprefix(_EXIF_PREFIX) or None


def read_directories(block: Block) -> tuple[Order, Directory, Fields]:
    """Read the order, the first directory, and the fields of the EXIF one (none: empty)."""
    order = byte_order(block)
    first = read_directory(block, order, read_offset(block, order, FIRST_POINTER))
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
        order, first, _ = read_directories(block)
        value = read_number(block, order, first.fields, ORIENTATION)
    except DamagedBlockError:
        return 1
    return int(value) if value is not None and value in range(1, 9) else 1


def read_resolution(block: Block | None) -> float | None:
    """Read the pixels per unit, across, that a block states; None if it is silent or damaged."""
    if block is None:
        return None
    try:
        order, first, _ = read_directories(block)
        return read_number(block, order, first.fields, X_RESOLUTION)
    except DamagedBlockError:
        return None


def read_exposure(block: Block | None) -> Exposure:
    """Read what a shot states about its exposure; a damaged block states nothing.

    The APEX values of shutter and aperture stand in where time or f-number are missing.
    """
    if block is None:
        return Exposure()
    try:
        order, first, exif = read_directories(block)
        return exposure_of_fields(block, order, first.fields, first.fields | exif)
    except DamagedBlockError:
        return Exposure()


def exposure_of_fields(block: Block, order: Order, first: Fields, fields: Fields) -> Exposure:
    """Take an exposure from the fields of a block."""
    time = _sensible(read_number(block, order, fields, EXPOSURE_TIME))
    shutter = read_number(block, order, fields, SHUTTER_SPEED)
    if time is None and shutter is not None and abs(shutter) < 32:
        time = _sensible(2.0**-shutter)
    f_number = _sensible(read_number(block, order, fields, F_NUMBER))
    aperture = read_number(block, order, fields, APERTURE)
    if f_number is None and aperture is not None and abs(aperture) < 32:
        f_number = _sensible(2.0 ** (aperture / 2))
    values = (read_number(block, order, fields, tag) for tag in (ISO, ISO_SPEED, EXPOSURE_INDEX))
    iso = next((value for value in values if _sensible(value) and value != _ISO_UNKNOWN), None)
    make, model = (read_text(block, first, tag) for tag in (MAKE, MODEL))
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return Exposure(time=time, iso=iso, f_number=f_number, camera=camera or None)


def _sensible(value: float | None) -> float | None:
    """Keep a time, sensitivity or f-number that a camera can have."""
    return value if value is not None and _LEAST <= value <= _LARGEST else None


def read_text(block: Block, fields: Fields, tag: int) -> str:
    """Read a text field, up to its first NUL."""
    field = fields.get(tag)
    if field is None or field.count > 256:
        return ""
    return read_bytes(block, field).split(b"\0")[0].decode("utf-8", "replace").strip()


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
    value = _profile_tag(icc, b"desc")
    if value[:4] == b"desc":
        (length,) = struct.unpack_from(">I", value, 8)
        return value[12 : 12 + length].decode("latin-1")
    if value[:4] == b"mluc":
        length, offset = struct.unpack_from(">II", value, 20)
        return value[offset : offset + length].decode("utf-16-be")
    return ""


def profile_transfer(icc: bytes | None) -> int:
    """Read the transfer characteristics, ITU-T H.273, that a profile states; 0 if it is silent."""
    try:
        value = _profile_tag(icc or b"", b"cicp")
    except struct.error:
        return 0
    return value[9] if len(value) >= 12 else 0


def _profile_tag(icc: bytes, wanted: bytes) -> bytes:
    """Find the value of a tag of a profile; empty if it has none."""
    (count,) = struct.unpack_from(">I", icc, 128)
    for entry in range(min(count, 100)):
        tag, start, size = struct.unpack_from(">4sII", icc, 132 + 12 * entry)
        if tag == wanted:
            return icc[start : start + size]
    return b""

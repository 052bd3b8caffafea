"""Reading EXIF blocks.

Source of tags: CIPA DC-008 (Exif 2.32), TIFF 6.0.
"""

from __future__ import annotations

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
    following_directory,
    read_bytes,
    read_directory,
    read_number,
    read_offset,
)

Fields: TypeAlias = dict[int, Field]

PROCESSING_SOFTWARE, SOFTWARE = 0x000B, 0x0131
IMAGE_WIDTH, IMAGE_LENGTH, BITS_PER_SAMPLE = 0x0100, 0x0101, 0x0102
MAKE, MODEL = 0x010F, 0x0110
ORIENTATION = 0x0112
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
THUMBNAIL_START, THUMBNAIL_LENGTH = 0x0201, 0x0202
XMP_PACKET, ICC_PROFILE = 0x02BC, 0x8773
EXPOSURE_TIME, F_NUMBER = 0x829A, 0x829D
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY = 0x8769, 0x8825, 0xA005
SUBDIRECTORIES = {EXIF_DIRECTORY, GPS_DIRECTORY, INTEROP_DIRECTORY}
ISO, EXPOSURE_INDEX, ISO_SPEED = 0x8827, 0x8832, 0x8833
SHUTTER_SPEED, APERTURE, EXPOSURE_BIAS = 0x9201, 0x9202, 0x9204
MAKER_NOTE = 0x927C
PIXEL_COLS, PIXEL_ROWS = 0xA002, 0xA003

EXIF_PREFIX = b"Exif\0\0"  # before the block in a JPEG
_ISO_UNKNOWN = 65_535  # "see the other sensitivity tags"
_LEAST, _LARGEST = 1e-6, 1e7  # seconds, ISO and f-numbers outside are damage


def exif_block(data: bytes | None) -> bytes | None:
    """Remove the prefix that JPEG, and some writers of other formats, put before the block."""
    return (data or b"").removeprefix(EXIF_PREFIX) or None


def read_directories(block: Block) -> tuple[Order, Directory, Fields]:
    """Read the byte order, the first directory, and the fields of the EXIF one (none: empty)."""
    order = byte_order(block)
    first = read_directory(block, order, read_offset(block, order, FIRST_POINTER))
    pointer = first.fields.get(EXIF_DIRECTORY)
    if pointer is None:
        return order, first, {}
    exif = read_directory(block, order, read_offset(block, order, pointer.start))
    return order, first, exif.fields


def readable_fields(block: Block | None) -> tuple[Block, Order, Fields, Fields]:
    """Read the fields of the first directory, and these with the EXIF ones; none if damaged."""
    try:
        order, first, exif = read_directories(block or b"")
    except DamagedBlockError:
        return b"", "<", {}, {}
    return block or b"", order, first.fields, first.fields | exif


def read_orientation(block: Block | None) -> int:
    """Read the orientation, 1..8; 1 where it is missing, damaged or out of range."""
    block, order, first, _ = readable_fields(block)
    value = read_number(block, order, first, ORIENTATION)
    return int(value) if value is not None and value in range(1, 9) else 1


def read_resolution(block: Block | None) -> float | None:
    """Read the horizontal pixels per unit; None if missing or damaged."""
    block, order, first, _ = readable_fields(block)
    return read_number(block, order, first, X_RESOLUTION)


def read_exposure(block: Block | None) -> Exposure:
    """Read the exposure of a shot; all None if the block is damaged.

    The APEX values of shutter and aperture replace a missing time or f-number.
    """
    return exposure_of_fields(*readable_fields(block))


def exposure_of_fields(block: Block, order: Order, first: Fields, fields: Fields) -> Exposure:
    """Read the exposure from the fields of the first directory, and from all fields."""
    time = _plausible(read_number(block, order, fields, EXPOSURE_TIME))
    shutter = read_number(block, order, fields, SHUTTER_SPEED)
    if time is None and shutter is not None and abs(shutter) < 32:
        time = _plausible(2.0**-shutter)
    f_number = _plausible(read_number(block, order, fields, F_NUMBER))
    aperture = read_number(block, order, fields, APERTURE)
    if f_number is None and aperture is not None and abs(aperture) < 32:
        f_number = _plausible(2.0 ** (aperture / 2))
    values = (read_number(block, order, fields, tag) for tag in (ISO, ISO_SPEED, EXPOSURE_INDEX))
    iso = next((value for value in values if _plausible(value) and value != _ISO_UNKNOWN), None)
    make, model = (read_text(block, first, tag) for tag in (MAKE, MODEL))
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return Exposure(time=time, iso=iso, f_number=f_number, camera=camera or None)


def _plausible(value: float | None) -> float | None:
    """Return a time, sensitivity or f-number that a camera can have, else None."""
    return value if value is not None and _LEAST <= value <= _LARGEST else None


def read_text(block: Block, fields: Fields, tag: int) -> str:
    """Read a text field, up to its first NUL."""
    field = fields.get(tag)
    if field is None or field.count > 256:
        return ""
    return read_bytes(block, field).split(b"\0")[0].decode("utf-8", "replace").strip()


def read_thumbnail(block: Block | None) -> bytes | None:
    """Read the small JPEG of the second directory; None if it is missing or damaged."""
    start, stop = find_thumbnail(block or b"")
    return bytes((block or b"")[start:stop]) or None


def find_thumbnail(block: Block) -> tuple[int, int]:
    """Find the first and the end byte of the thumbnail in a block; (0, 0) if there is none."""
    try:
        order, first, _ = read_directories(block)
        at = following_directory(block, order, first)
        fields = read_directory(block, order, at).fields if at else {}
    except DamagedBlockError:
        return 0, 0
    tags = (THUMBNAIL_START, THUMBNAIL_LENGTH)
    start, length = (int(read_number(block, order, fields, tag) or 0) for tag in tags)
    is_jpeg = bytes(block[start : start + length]).startswith(b"\xff\xd8")
    return (start, min(start + length, len(block))) if is_jpeg else (0, 0)

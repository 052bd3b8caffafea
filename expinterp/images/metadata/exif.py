"""Reading EXIF blocks.

Source of tags: CIPA DC-008 (Exif 2.32), TIFF 6.0.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

from expinterp.core.exposure import Exposure
from expinterp.images.metadata import ifd, tags, xmp

Fields: TypeAlias = dict[int, ifd.Field]

EXIF_PREFIX = b"Exif\0\0"  # before the block in a JPEG
_ISO_UNKNOWN = 65_535  # "see the other sensitivity tags"
# By SensitivityType: where the sensitivity stands too, with 32 bits.
_SENSITIVITIES = {3: tags.ISO_SPEED, 2: tags.EXPOSURE_INDEX, 1: tags.OUTPUT_SENSITIVITY}
_LEAST, _LARGEST = 1e-6, 1e7  # seconds, ISO and f-numbers outside are damage


def exif_block(data: bytes | None) -> bytes | None:
    """Remove the prefix that JPEG, and some writers of other formats, put before the block."""
    return (data or b"").removeprefix(EXIF_PREFIX) or None


def read_directories(block: ifd.Block) -> tuple[ifd.Order, ifd.Directory, Fields]:
    """Read the byte order, the first directory, and the fields of the EXIF one (none: empty).

    Raises
    ------
    DamagedBlockError
        If the first directory cannot be read. A damaged EXIF directory counts as missing.
    """
    order = ifd.byte_order(block)
    first = ifd.first_directory(block, order)
    exif: Fields = {}
    if tags.EXIF_DIRECTORY in first.fields:
        with suppress(ifd.DamagedBlockError):
            exif = ifd.subdirectory(block, order, first.fields[tags.EXIF_DIRECTORY]).fields
    return order, first, exif


def readable_fields(block: ifd.Block | None) -> tuple[ifd.Block, ifd.Order, Fields, Fields]:
    """Read the fields of the first directory, and these with the EXIF ones, as far as possible."""
    try:
        order, first, exif = read_directories(block or b"")
    except ifd.DamagedBlockError:
        return b"", "<", {}, {}
    return block or b"", order, first.fields, first.fields | exif


def read_orientation(block: ifd.Block | None, packet: bytes | None = None) -> int:
    """Read the orientation, 1..8, from an EXIF block, or else from an XMP packet.

    It is 1 where it is missing, damaged or out of range in both.
    """
    found, order, first, _ = readable_fields(block)
    value = ifd.read_number(found, order, first, tags.ORIENTATION)
    if value is not None and value in range(1, 9):
        return int(value)
    stated = b"Orientation" in (packet or b"").replace(b"\0", b"")
    return read_orientation(xmp.block_of_packet(packet)) if stated else 1


def states_adobe_rgb(block: ifd.Block | None) -> bool:
    """Return whether the colours are Adobe RGB by the rules of cameras, which embed no profile.

    Source: DCF 2.0 (CIPA DC-009): the interoperability index of option files is R03.
    """
    block, order, _, fields = readable_fields(block)
    with suppress(ifd.DamagedBlockError):
        if pointer := fields.get(tags.INTEROP_DIRECTORY):
            below = ifd.subdirectory(block, order, pointer).fields
            return read_text(block, below, tags.INTEROP_INDEX) == "R03"
    return False


def read_resolution(block: ifd.Block | None) -> float | None:
    """Read the horizontal pixels per unit; None if missing or damaged."""
    block, order, first, _ = readable_fields(block)
    return ifd.read_number(block, order, first, tags.X_RESOLUTION)


def read_exposure(block: ifd.Block | None, packet: bytes | None = None) -> Exposure:
    """Read the exposure of a shot from an EXIF block; what it lacks from an XMP packet.

    The APEX values of shutter and aperture replace a missing time or f-number.
    """
    stated = exposure_of_fields(*readable_fields(block))
    if packet is None or None not in vars(stated).values():
        return stated
    also = exposure_of_fields(*readable_fields(xmp.block_of_packet(packet)))
    return complete_exposure(stated, also)


def complete_exposure(stated: Exposure, also: Exposure) -> Exposure:
    """Fill in what an exposure lacks from another one."""
    known = {name: value for name, value in vars(stated).items() if value is not None}
    return replace(also, **known)


def exposure_of_fields(
    block: ifd.Block, order: ifd.Order, first: Fields, fields: Fields
) -> Exposure:
    """Read the exposure from the fields of the first directory, and from all fields."""
    time = _plausible(ifd.read_number(block, order, fields, tags.EXPOSURE_TIME))
    shutter = ifd.read_number(block, order, fields, tags.SHUTTER_SPEED)
    if time is None and shutter is not None and abs(shutter) < 32:
        time = _plausible(2.0**-shutter)
    f_number = _plausible(ifd.read_number(block, order, fields, tags.F_NUMBER))
    aperture = ifd.read_number(block, order, fields, tags.APERTURE)
    if f_number is None and aperture is not None and abs(aperture) < 32:
        f_number = _plausible(2.0 ** (aperture / 2))
    named = _SENSITIVITIES.get(
        int(ifd.read_number(block, order, fields, tags.SENSITIVITY_TYPE) or 0)
    )
    values = (
        ifd.read_number(block, order, fields, tag)
        for tag in (tags.ISO, named or tags.ISO_SPEED, *_SENSITIVITIES.values())
    )
    iso = next((value for value in values if _plausible(value) and value != _ISO_UNKNOWN), None)
    make, model = (read_text(block, first, tag) for tag in (tags.MAKE, tags.MODEL))
    camera = model if model.lower().startswith(make.lower()) else f"{make} {model}".strip()
    return Exposure(time=time, iso=iso, f_number=f_number, camera=camera or None)


def _plausible(value: float | None) -> float | None:
    """Return a time, sensitivity or f-number that a camera can have, else None."""
    return value if value is not None and _LEAST <= value <= _LARGEST else None


def read_text(block: ifd.Block, fields: Fields, tag: int) -> str:
    """Read a text field, up to its first NUL."""
    field = fields.get(tag)
    if field is None or field.count > 256:
        return ""
    return ifd.read_bytes(block, field).split(b"\0")[0].decode("utf-8", "replace").strip()


def read_thumbnail(block: ifd.Block | None) -> bytes | None:
    """Read the small JPEG of the second directory; None if it is missing or damaged."""
    start, stop = find_thumbnail(block or b"")
    return bytes((block or b"")[start:stop]) or None


def find_thumbnail(block: ifd.Block) -> tuple[int, int]:
    """Find the first and the end byte of the thumbnail in a block; (0, 0) if there is none."""
    try:
        order, first, _ = read_directories(block)
        at = ifd.following_directory(block, order, first)
        fields = ifd.read_directory(block, order, at).fields if at else {}
    except ifd.DamagedBlockError:
        return 0, 0
    wanted = (tags.THUMBNAIL_START, tags.THUMBNAIL_LENGTH)
    start, length = (int(ifd.read_number(block, order, fields, tag) or 0) for tag in wanted)
    is_jpeg = bytes(block[start : start + length]).startswith(b"\xff\xd8")
    return (start, min(start + length, len(block))) if is_jpeg else (0, 0)

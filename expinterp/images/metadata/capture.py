"""When and how a shot was taken, as its EXIF block states it.

Source of tags: CIPA DC-008 (Exif 2.32).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from expinterp.core.exposure import Exposure
from expinterp.images.metadata import ifd, tags, xmp
from expinterp.images.metadata.exif import (
    Fields,
    complete_exposure,
    exposure_of_fields,
    read_text,
    readable_fields,
)
from expinterp.images.metadata.makernotes import read_bracketing
from expinterp.images.metadata.provenance import NAME

_FRACTION = {tags.ORIGINAL: 0x9291, tags.DIGITISED: 0x9292}
_OFFSET = {tags.ORIGINAL: 0x9011, tags.DIGITISED: 0x9012}
_FLASH = 0x9209
_MODES = {0: "auto", 1: "manual", 2: "bracket"}
_STAMP = re.compile(
    r"(\d{4})[:/-](\d\d)[:/-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?"
)
_DAY = timedelta(days=1)
_ZONE = re.compile(r"([+-])(\d\d):(\d\d)")


@dataclass(frozen=True, kw_only=True)
class Capture:
    """When and how a shot was taken; None where not stated.

    Attributes
    ----------
    exposure : Exposure
        Time, ISO, f-number, camera.
    captured : datetime or None
        With fractions of a second, and the offset from UTC if stated.
    bias : float or None
        Exposure compensation in stops.
    mode : str or None
        ``auto``, ``manual`` or ``bracket``: the exposure mode.
    shot : int or None
        Number in its bracket as counted by the camera, from 1.
    flash : bool or None
        Whether a flash fired.
    focal_length : float or None
        Millimetres.
    serial : str or None
        Serial number of the camera.
    computed : bool or None
        True for a result of this program.
    """

    exposure: Exposure = field(default_factory=Exposure)
    captured: datetime | None = None
    bias: float | None = None
    mode: str | None = None
    shot: int | None = None
    flash: bool | None = None
    focal_length: float | None = None
    serial: str | None = None
    computed: bool | None = field(default=None, repr=False)


def read_capture(block: ifd.Block | None, packet: bytes | None = None) -> Capture:
    """Read when and how a shot was taken, from an EXIF block; what it lacks from an XMP packet."""
    stated = _read_block(block)
    complete = stated.captured is not None and stated.exposure.time is not None
    if complete or (other := xmp.block_of_packet(packet)) is None:
        return stated
    also = _read_block(other)
    known = {name: value for name, value in vars(stated).items() if value is not None}
    exposure = complete_exposure(stated.exposure, also.exposure)
    return replace(also, **known | {"exposure": exposure})


def _read_block(block: ifd.Block | None) -> Capture:
    """Read when and how a shot was taken; all None if the block is damaged."""
    block, order, first, fields = readable_fields(block)
    mode = ifd.read_number(block, order, fields, tags.EXPOSURE_MODE)
    flash = ifd.read_number(block, order, fields, _FLASH)
    bracketed, shot = read_bracketing(block, order, fields)
    return Capture(
        exposure=exposure_of_fields(block, order, first, fields),
        captured=_read_moment(block, fields),
        bias=ifd.read_number(block, order, fields, tags.EXPOSURE_BIAS),
        mode="bracket" if bracketed else None if mode is None else _MODES.get(int(mode)),
        shot=shot,
        flash=None if flash is None else bool(int(flash) & 1),  # bit 0: fired
        focal_length=ifd.read_number(block, order, fields, tags.FOCAL_LENGTH) or None,
        serial=read_text(block, fields, tags.SERIAL_NUMBER) or None,
        computed=read_text(block, first, tags.PROCESSING_SOFTWARE).startswith(NAME) or None,
    )


def _read_moment(block: ifd.Block, fields: Fields) -> datetime | None:
    """Read the time of capture, or of digitising where that is missing."""
    for tag in (tags.ORIGINAL, tags.DIGITISED):
        stamp = _STAMP.match(read_text(block, fields, tag))
        with suppress(ValueError, OverflowError):  # 0000:00:00, blanks
            if stamp:
                *parts, digits, offset = stamp.groups()  # XMP has all in one text
                moment = datetime(*(int(part) for part in parts))  # type: ignore[arg-type]
                digits = read_text(block, fields, _FRACTION[tag]) or digits or ""
                fraction = int(digits[:6].ljust(6, "0")) if digits.isdecimal() else 0
                offset = (offset or "").replace("Z", "+00:00")
                zone = _zone(read_text(block, fields, _OFFSET[tag]) or offset)
                return moment.replace(microsecond=fraction, tzinfo=zone)
    return None


def _zone(text: str) -> timezone | None:
    """Read an offset from UTC such as ``+02:00``."""
    parts = _ZONE.fullmatch(text)
    if parts is None:
        return None
    offset = timedelta(hours=int(parts[2]), minutes=int(parts[3]))
    if offset >= _DAY:
        return None
    return timezone(-offset if parts[1] == "-" else offset)

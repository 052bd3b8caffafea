"""A frame: one file as planning sees it, without its pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from expinterp.core.exposure import Exposure

Mode: TypeAlias = Literal["auto", "manual", "bracket"]
RAW = "raw"
_EPOCH = datetime(1970, 1, 1)
# What dials say for times of 2^(k/3) seconds, k = −39 … 15; ⅓ stop apart, each rounded.
_FASTER = (8000, 6400, 5000, 4000, 3200, 2500, 2000, 1600, 1250, 1000, 800, 640, 500, 400, 320, 250)
_FAST = (200, 160, 125, 100, 80, 60, 50, 40, 30, 25, 20, 15, 13, 10, 8, 6, 5, 4)
_SLOW = (0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.3, 1.6, 2, 2.5, 3.2, 4, 5, 6, 8, 10, 13, 15, 20, 25, 30)
_DIAL = dict(enumerate([*(1 / n for n in _FASTER + _FAST), *_SLOW], -39))
_DIAL_TOLERANCE = 0.015  # of a time, for 1/12.7 written as 0.079


def is_on_dial(time: float) -> bool:
    """Tell whether a time is one that dials have."""
    marked = _DIAL.get(round(3 * math.log2(time)))
    return marked is not None and abs(time / marked - 1) <= _DIAL_TOLERANCE


def stops_of_time(time: float) -> float:
    """Convert an exposure time in seconds to stops, log2(t), reading it as dials mean it.

    Examples
    --------
    >>> stops_of_time(1 / 60), stops_of_time(1 / 15)
    (-6.0, -4.0)
    """
    stops = math.log2(time)
    return round(3 * stops) / 3 if is_on_dial(time) else stops


@dataclass(frozen=True, slots=True)
class Frame:
    """What the name, the header and a thumbnail of a file say; None where they are silent.

    Attributes
    ----------
    path : str
        Relative to the folder that was scanned, parts separated by ``/``.
    format : str
        A key of `expinterp.images.FORMATS`, or ``raw``.
    problem : str or None
        Why the file cannot be used.
    size : (int, int) or None
        Rows and columns as stored, not turned upright.
    depth : {8, 16}
        Bits of its code values.
    captured : datetime or None
        When the exposure began, with fractions of a second and the offset from UTC if stated.
    exposure : Exposure
        Time, ISO, f-number, camera.
    bias : float or None
        Exposure compensation in stops, the automatic bracket included.
    mode : ``auto``, ``manual``, ``bracket`` or None
        How the exposure was chosen.
    shot : int or None
        Place in a bracket or burst as the camera counts it, from 1.
    focal_length : float or None
        Millimetres.
    serial : str or None
        Serial number of the camera.
    look : bytes or None
        The picture in a few grey levels, as `expinterp.brackets.thumbnail_match` makes it.
    """

    path: str
    format: str = "jpeg"
    problem: str | None = None
    size: tuple[int, int] | None = None
    depth: int = 8
    captured: datetime | None = None
    exposure: Exposure = field(default_factory=Exposure)
    bias: float | None = None
    mode: Mode | None = None
    shot: int | None = None
    focal_length: float | None = None
    serial: str | None = None
    look: bytes | None = field(default=None, repr=False)

    @property
    def folder(self) -> str:
        """The folder of the file, relative to the one that was scanned; empty for that itself."""
        return self.path.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The name without folder and suffix."""
        name = self.path.rpartition("/")[2]
        return name.rpartition(".")[0] or name

    @property
    def ev(self) -> float | None:
        """How much light was recorded, log2(time·ISO/N²) in stops; None without a time.

        Times are read as dials mean them; sensitivity and aperture count only where stated.

        Examples
        --------
        >>> Frame("a.jpg", exposure=Exposure(time=1 / 15, iso=100, f_number=10.0)).ev
        -4.0
        """
        shot = self.exposure
        if not shot.time:
            return None
        gain = (shot.iso or 1.0) / (shot.f_number or 1.0) ** 2
        return stops_of_time(shot.time) + math.log2(gain)

    @property
    def moment(self) -> float:
        """When it was captured, in seconds since 1970 by the clock on the wall; 0 if unknown."""
        if self.captured is None:
            return 0.0
        return (self.captured.replace(tzinfo=None) - _EPOCH).total_seconds()

    @property
    def universal_moment(self) -> float | None:
        """The same in universal time; None where the offset from it is not stated."""
        offset = None if self.captured is None else self.captured.utcoffset()
        return None if offset is None else self.moment - offset.total_seconds()

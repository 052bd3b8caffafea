"""A frame: what is read of one file for planning, without its pixels."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias, TypeVar

from expinterp.core.exposure import Exposure

Mode: TypeAlias = Literal["auto", "manual", "bracket"]
Key = TypeVar("Key")
RAW = "raw"
_EPOCH = datetime(1970, 1, 1)
# Nominal shutter speeds: rounded times for 2^(k/3) seconds, k = −39 … 15, ⅓ stop apart.
_FASTER = (8000, 6400, 5000, 4000, 3200, 2500, 2000, 1600, 1250, 1000, 800, 640, 500, 400, 320, 250)
_FAST = (200, 160, 125, 100, 80, 60, 50, 40, 30, 25, 20, 15, 13, 10, 8, 6, 5, 4)
_SLOW = (0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.3, 1.6, 2, 2.5, 3.2, 4, 5, 6, 8, 10, 13, 15, 20, 25, 30)
_NOMINAL = dict(enumerate([*(1 / n for n in _FASTER + _FAST), *_SLOW], -39))
_NOMINAL_TOLERANCE = 0.015  # of a time, for 1/12.7 written as 0.079


def is_nominal(time: float) -> bool:
    """Return whether a time in seconds is a nominal shutter speed."""
    nominal = _NOMINAL.get(round(3 * math.log2(time)))
    return nominal is not None and abs(time / nominal - 1) <= _NOMINAL_TOLERANCE


def stops_of_time(time: float) -> float:
    """Convert an exposure time in seconds to stops, log2(t); 1/60 s means 2⁻⁶ s."""
    stops = math.log2(time)
    return round(3 * stops) / 3 if is_nominal(time) else stops


@dataclass(frozen=True, slots=True)
class Frame:
    """What the name, the header and a thumbnail of a file state; None where they do not."""

    path: str  # relative to the scanned folder, parts separated by /
    format: str = "jpeg"  # a key of expinterp.images.FORMATS, or raw
    problem: str | None = None  # why the file cannot be used
    size: tuple[int, int] | None = None  # rows and columns as stored, before EXIF orientation
    depth: int = 8  # bits per code value
    captured: datetime | None = None  # begin of the exposure, with the offset from UTC if stated
    exposure: Exposure = field(default_factory=Exposure)
    bias: float | None = None  # exposure compensation in stops, automatic bracket included
    mode: Mode | None = None  # how the exposure was chosen
    shot: int | None = None  # number in a bracket or burst as the camera counts, from 1
    flash: bool | None = None  # whether a flash fired
    focal_length: float | None = None  # millimetres
    serial: str | None = None  # of the camera
    thumbnail: bytes | None = field(default=None, repr=False)  # packed by thumbnail_match

    @property
    def folder(self) -> str:
        """The folder of the file, relative to the scanned one; empty for the scanned one."""
        return self.path.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The name without folder and suffix."""
        name = self.path.rpartition("/")[2]
        return name.rpartition(".")[0] or name

    @property
    def ev(self) -> float | None:
        """How much light was recorded, log2(time·ISO/N²) in stops; None without a time.

        Nominal times count as exact thirds of a stop; ISO and aperture count only where stated.
        """
        shot = self.exposure
        gain = (shot.iso or 1.0) / (shot.f_number or 1.0) ** 2
        return stops_of_time(shot.time) + math.log2(gain) if shot.time else None

    @property
    def local_time(self) -> float:
        """When it was captured, in seconds since 1970 by the local clock; 0 if unknown."""
        if self.captured is None:
            return 0.0
        return (self.captured.replace(tzinfo=None) - _EPOCH).total_seconds()

    @property
    def universal_time(self) -> float | None:
        """The same in UTC; None where the offset from UTC is not stated."""
        offset = None if self.captured is None else self.captured.utcoffset()
        return None if offset is None else self.local_time - offset.total_seconds()


def group_frames(frames: Iterable[Frame], key: Callable[[Frame], Key]) -> dict[Key, list[Frame]]:
    """Group frames that have the same key, in order."""
    groups: dict[Key, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return groups

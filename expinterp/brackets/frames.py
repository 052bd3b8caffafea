"""A frame: one file as planning sees it, without its pixels."""

from __future__ import annotations

import math
import posixpath
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from expinterp.exposure import Exposure

Mode: TypeAlias = Literal["auto", "manual", "bracket"]
RAW = "raw"


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
        The picture in a few grey levels, as `expinterp.brackets.looks` makes it.
    """

    path: str
    format: str = "jpeg"
    problem: str | None = None
    size: tuple[int, int] | None = None
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
        return posixpath.dirname(self.path)

    @property
    def stem(self) -> str:
        """The name without folder and suffix."""
        return posixpath.splitext(posixpath.basename(self.path))[0]

    @property
    def ev(self) -> float | None:
        """How much light was recorded, log2(time·ISO/N²) in stops; None without a time.

        Sensitivity and aperture count only where they are stated.

        Examples
        --------
        >>> Frame("a.jpg", exposure=Exposure(time=1 / 8, iso=100, f_number=2.0)).ev
        1.6438561897747248
        """
        shot = self.exposure
        if not shot.time:
            return None
        return math.log2(shot.time * (shot.iso or 1.0) / (shot.f_number or 1.0) ** 2)

"""Exposure arithmetic: times, stops, ratios, and positions between two exposures.

Letters: t1 > t2 are the exposure times of ``long`` and ``short`` in seconds, ``ratio`` = t1/t2 > 1,
``ev_step`` = log2(ratio) in stops. The *position* p of an exposure between the two is linear in
stops: 0 is ``short``, 1 is ``long``, ½ is the geometric mean t3 = √(t1·t2).

Source: the APEX system of exposure values, Exif 2.3, annex C (exposure ∝ t·ISO/N²).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST_STEP = 0.25  # EV; nothing lies between exposures that are closer
MEDIUM = 0.5  # position of the geometric mean
# Nominal shutter speeds: rounded times for 2^(k/3) seconds, k = −39 … 15, ⅓ stop apart.
_FASTER = (8000, 6400, 5000, 4000, 3200, 2500, 2000, 1600, 1250, 1000, 800, 640, 500, 400, 320, 250)
_FAST = (200, 160, 125, 100, 80, 60, 50, 40, 30, 25, 20, 15, 13, 10, 8, 6, 5, 4)
_SLOW = (0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.3, 1.6, 2, 2.5, 3.2, 4, 5, 6, 8, 10, 13, 15, 20, 25, 30)
_NOMINAL = dict(enumerate([*(1 / n for n in _FASTER + _FAST), *_SLOW], -39))
_NOMINAL_TOLERANCE = 0.015  # of a time, for 1/12.7 written as 0.079


@dataclass(frozen=True)
class Exposure:
    """The camera settings of one shot; None where the file does not state them.

    Attributes
    ----------
    time : float or None
        Exposure time in seconds.
    iso : float or None
        Sensitivity, ISO 12232.
    f_number : float or None
        Relative aperture N: focal length / diameter.
    camera : str or None
        Maker and model.
    """

    time: float | None = None
    iso: float | None = None
    f_number: float | None = None
    camera: str | None = None


def is_nominal(time: float) -> bool:
    """Return whether a time in seconds is a nominal shutter speed."""
    nominal = _NOMINAL.get(round(3 * math.log2(time)))
    return nominal is not None and abs(time / nominal - 1) <= _NOMINAL_TOLERANCE


def stops_of_time(time: float) -> float:
    """Convert an exposure time in seconds to stops, log2(t); 1/60 s means 2⁻⁶ s."""
    stops = math.log2(time)
    return round(3 * stops) / 3 if is_nominal(time) else stops


def exposure_ratio(long: Exposure, short: Exposure) -> float | None:
    """Compute the exposure ratio: t·ISO/N² of ``long`` divided by that of ``short``.

    ISO and aperture count only if both shots state them.

    Returns
    -------
    float or None
        Positive; below 1 if the two are in the wrong order; None if a time is missing.
    """
    if not long.time or not short.time:
        return None
    ratio = long.time / short.time
    if long.iso and short.iso:
        ratio *= long.iso / short.iso
    if long.f_number and short.f_number:
        ratio *= (short.f_number / long.f_number) ** 2
    return ratio


def ev_step(ratio: float) -> float:
    """Convert an exposure ratio to stops, log2(ratio).

    Examples
    --------
    >>> ev_step(16.0)
    4.0
    """
    return math.log2(ratio)


def time_at(position: float, *, short_time: float, ratio: float) -> float:
    """Compute the exposure time t2·ratio^p in seconds at a position between the two shots.

    Examples
    --------
    >>> round(1 / time_at(MEDIUM, short_time=1 / 480, ratio=16.0))
    120
    """
    return float(short_time * ratio**position)


def position_at_time(time: float, *, short_time: float, ratio: float) -> float:
    """Compute the position of an exposure time; the inverse of `time_at`."""
    return math.log(time / short_time) / math.log(ratio)


def position_at_ev(ev: float, *, ratio: float) -> float:
    """Compute the position of an exposure `ev` stops above ``short``."""
    return ev / ev_step(ratio)


def even_positions(count: int) -> tuple[float, ...]:
    """Return `count` positions between ``short`` and ``long``, evenly spaced in stops.

    Examples
    --------
    >>> even_positions(3)
    (0.25, 0.5, 0.75)
    """
    return tuple(step / (count + 1) for step in range(1, count + 1))


def resolve_ratio(ratio: float | None, *, swapped: bool) -> tuple[float | None, list[str]]:
    """Resolve a stated ratio with the order of brightness.

    Parameters
    ----------
    ratio : float or None
        t1/t2 of the images in the order in which they were given.
    swapped : bool
        Whether the second of them is the brighter one.

    Returns
    -------
    float or None
        The ratio, above 1; None if it is not known, or about 1.
    list of str
        Warnings about a wrong order, and about exposures that contradict the pixels.

    Raises
    ------
    ValueError
        If `ratio` is not positive and finite.
    """
    if ratio is not None and not 0 < ratio < math.inf:
        msg = f"ratio must be positive and finite, for example 16, not {ratio}"
        raise ValueError(msg)
    notices = []
    if ratio is not None and abs(ev_step(ratio)) < LEAST_STEP:
        notices = ["the stated exposures are equal, but the pixels differ; the pixels are used"]
        ratio = None
    if ratio is not None and (ratio < 1) != swapped:
        brighter = "second" if swapped else "first"
        msg = f"the {brighter} image is the brighter one and is taken as long"
        notices.append(f"the stated exposures contradict the pixels; {msg}")
    elif swapped:
        notices.append("the first image is the darker one; it is taken as the short exposure")
    return ratio and max(ratio, 1 / ratio), notices

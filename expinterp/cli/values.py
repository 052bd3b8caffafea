"""What people type for exposure times, and how it becomes seconds: 1/30, 1/30s, 0.5, 2"."""

from __future__ import annotations

import math

import click


def seconds(text: str) -> float:
    """Read an exposure time as photographers write it.

    Raises
    ------
    click.BadParameter
        If `text` is not a positive, finite number.

    Examples
    --------
    >>> seconds("0.5"), seconds("1/4s"), seconds('2"')
    (0.5, 0.25, 2.0)
    """
    above, slash, below = text.strip().removesuffix("s").removesuffix('"').partition("/")
    try:
        time = float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        time = math.nan
    if not (math.isfinite(time) and time > 0):
        message = f"{text!r} is no exposure time: give seconds, as in 1/30 or 0.5"
        raise click.BadParameter(message)
    return time


def times(text: str) -> tuple[float, ...]:
    """Read several exposure times, separated by commas.

    Examples
    --------
    >>> times("1/2,1/8")
    (0.5, 0.125)
    """
    return tuple(seconds(part) for part in text.split(","))

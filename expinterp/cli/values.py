"""What people type for times, and how it becomes seconds: 1/30, 1/30s, 0.5, 2"."""

from __future__ import annotations

import math

import click


class Seconds(click.ParamType):
    """An exposure time, as a fraction or a decimal number of seconds."""

    name = "seconds"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read one time; anything but a positive, finite number of seconds is a usage error."""
        if isinstance(value, float):
            return value
        try:
            return parse_seconds(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Times(click.ParamType):
    """Exposure times in the order of the images, separated by commas."""

    name = "times"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """Read all times."""
        if isinstance(value, tuple):
            return value
        return tuple(SECONDS.convert(text, param, ctx) for text in str(value).split(","))


SECONDS = Seconds()
TIMES = Times()


def parse_seconds(text: str) -> float:
    """Read an exposure time as photographers write it.

    Raises
    ------
    ValueError
        If `text` is not a positive, finite number.

    Examples
    --------
    >>> parse_seconds("0.5"), parse_seconds("1/4s"), parse_seconds('2"')
    (0.5, 0.25, 2.0)
    """
    above, slash, below = text.strip().removesuffix("s").removesuffix('"').partition("/")
    try:
        seconds = float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError):
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        message = f"{text!r} is no exposure time: give seconds, as in 1/30 or 0.5"
        raise ValueError(message)
    return seconds

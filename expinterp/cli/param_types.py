"""Types of arguments: exposure times, numbers of virtual exposures, sizes of memory."""

from __future__ import annotations

import math
import re
from typing import Any, Literal

import click

LONGEST = 1e9  # seconds, 32 years; the shortest exposure time is its inverse
MOST_VIRTUAL = 99  # exposures computed between two; with more, they would look the same
DIGITS = 9  # that a number of exposures is written with at most, leading zeros included
MOST_BYTES = 2.0**60
UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


def seconds(text: str) -> float:
    """Read an exposure time as photographers write it.

    Raises
    ------
    click.BadParameter
        If `text` is no number from 1 / `LONGEST` to `LONGEST`.

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
    if not 1 / LONGEST <= time <= LONGEST:
        message = f"{text!r} is no exposure time: give seconds, as in 1/30 or 0.5"
        raise click.BadParameter(message)
    return time


def ratio(text: str) -> float:
    """Read an exposure ratio.

    Raises
    ------
    click.BadParameter
        If `text` is no number above 1, up to that of the longest time to the shortest.

    Examples
    --------
    >>> ratio("16")
    16.0
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 1 < number <= LONGEST**2:
        message = (
            f"{text!r} is no exposure of LONG over that of SHORT: give a number above 1, as 16"
        )
        raise click.BadParameter(message)
    return number


class Number(click.FloatRange):
    """A number in a range; NaN is none, though it is in no range either."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse NaN, and what is no number."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return super().convert(value, param, ctx)

    def _describe_range(self) -> str:
        """Describe the range in help texts; click writes one without bounds as ``x<=None``."""
        return "" if self.min is None and self.max is None else super()._describe_range()


class FormatName(click.Choice[str]):
    """The name of a format; capitals and the usual suffix, as in JPG, are understood."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name in small letters and in full."""
        name = str(value).lower()
        return super().convert({"jpg": "jpeg", "tif": "tiff"}.get(name, name), param, ctx)


def times(text: str) -> tuple[float, ...]:
    """Read several exposure times, separated by commas.

    Examples
    --------
    >>> times("1/2,1/8")
    (0.5, 0.125)
    """
    return tuple(seconds(part) for part in text.split(","))


def virtual(text: str) -> int | Literal["auto"]:
    """Read the number of virtual exposures between two, or ``auto``.

    Raises
    ------
    click.BadParameter
        If `text` is neither.

    Examples
    --------
    >>> virtual("auto"), virtual("2")
    ('auto', 2)
    """
    if text == "auto":
        return "auto"
    if not text.isdecimal() or len(text) > DIGITS or int(text) > MOST_VIRTUAL:
        message = f"{text!r} is neither auto nor a number of exposures, 0 to {MOST_VIRTUAL}"
        raise click.BadParameter(message)
    return int(text)


def strength(text: str) -> float | Literal["auto", "off"]:
    """Read the strength of denoising: 0 to 1, ``auto`` or ``off``.

    Raises
    ------
    click.BadParameter
        If `text` is none of these.

    Examples
    --------
    >>> strength("auto"), strength("off"), strength("0.5")
    ('auto', 'off', 0.5)
    """
    if text == "auto":
        return "auto"
    if text == "off":
        return "off"
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        message = f"{text!r} is neither auto, off nor a number from 0 to 1"
        raise click.BadParameter(message)
    return number


def memory(text: str) -> int:
    """Read a size of memory in bytes: 2G, 1.5 GiB, 800M.

    Raises
    ------
    click.BadParameter
        If `text` is not a positive number, with or without a unit.

    Examples
    --------
    >>> memory("2G"), memory("1.5 GiB"), memory("800M")
    (2147483648, 1610612736, 838860800)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    size = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 1 <= size <= MOST_BYTES:
        message = f"{text!r} is no size of memory: give one as in 2G or 800M"
        raise click.BadParameter(message)
    return int(size)

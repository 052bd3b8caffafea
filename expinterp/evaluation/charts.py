"""What a method gains picture by picture, as SVG inside a page (see ``evaluation.css``)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from expinterp.report.markup import Html, element

WIDTH, HEIGHT = 480, 240  # of the axes, in units of the drawing
LEFT, BELOW = 48, 40  # room for labels
TICKS = 5  # along an axis, about
RADIUS = 4  # of a dot
ALIKE = 1e-9  # of their size, by which numbers may differ and still be drawn as one


@dataclass(frozen=True)
class Mark:
    """One picture in a chart.

    Attributes
    ----------
    name : str
        Any text.
    before, gain : float
        What the base has, and what the method adds.
    """

    name: str
    before: float
    gain: float


def chart_gains(marks: Sequence[Mark], *, margin: float, what: str, unit: str) -> Html:
    """Draw the gain of every picture as a bar, the largest first."""
    ranked = sorted(marks, key=lambda mark: -mark.gain)
    up = Axis.over([0.0, *(mark.gain for mark in ranked)], HEIGHT)
    width = WIDTH / len(ranked)
    zero = HEIGHT - up.place(0.0)
    bars = [
        element(
            "rect",
            element("title", f"{mark.name}: {mark.gain:+.3g} {unit}"),
            class_=_verdict(mark, margin),
            x=_short(place * width),
            y=_short(min(zero, HEIGHT - up.place(mark.gain))),
            width=_short(max(width - 1, width / 2)),
            height=_short(abs(zero - (HEIGHT - up.place(mark.gain)))),
        )
        for place, mark in enumerate(ranked)
    ]
    below = f"{len(ranked)} pictures, the largest gain first"
    return _figure(f"Gain of {what}, {unit}", [*_levels(up), *bars, _below(below)])


def chart_against(marks: Sequence[Mark], *, margin: float, what: str, unit: str) -> Html:
    """Draw the gain of every picture over what the base has, as a dot."""
    up = Axis.over([0.0, *(mark.gain for mark in marks)], HEIGHT)
    across = Axis.over([mark.before for mark in marks], WIDTH)
    dots = [
        element(
            "circle",
            element("title", f"{mark.name}: {mark.before:.4g}, {mark.gain:+.3g} {unit}"),
            class_=_verdict(mark, margin),
            cx=_short(across.place(mark.before)),
            cy=_short(HEIGHT - up.place(mark.gain)),
            r=RADIUS,
        )
        for mark in marks
    ]
    numbers = [
        element("text", across.label(value), x=_short(across.place(value)), y=HEIGHT + 16)
        for value in across.ticks
    ]
    title = f"Gain of {what} over {unit} without it"
    return _figure(title, [*_levels(up), *numbers, *dots, _below(unit)])


@dataclass(frozen=True)
class Axis:
    """A linear scale from numbers to places in the drawing.

    Attributes
    ----------
    ticks : tuple of float
        Round numbers; the outer ones are the ends of the axis.
    length : float
    """

    ticks: tuple[float, ...]
    length: float

    @classmethod
    def over(cls, values: Sequence[float], length: float) -> Axis:
        """Make an axis that holds all values.

        Examples
        --------
        >>> Axis.over([0.0, 0.9, -0.3], 100).ticks
        (-0.5, 0.0, 0.5, 1.0)
        """
        low, high = min(values), max(values)
        size = max(abs(low), abs(high), 1.0)
        least = (high - low) / TICKS
        step = _round_step(least if least > ALIKE * size else size)
        first, last = math.floor(low / step), math.ceil(high / step)
        last += first == last
        return cls(tuple(count * step for count in range(first, last + 1)), length)

    def place(self, value: float) -> float:
        """Find where a value lies, from 0 to the length."""
        low, high = self.ticks[0], self.ticks[-1]
        return self.length * (value - low) / (high - low)

    def label(self, value: float) -> str:
        """Write a tick, with as many digits as tell it from the next."""
        step = self.ticks[1] - self.ticks[0]
        return f"{value:.{max(0, math.ceil(-math.log10(step) - 1e-9))}f}"


def _round_step(least: float) -> float:
    """Find the next 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> _round_step(0.24), _round_step(3.0), _round_step(10.0)
    (0.5, 5.0, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0, 20.0) if m * power >= least)


def _verdict(mark: Mark, margin: float) -> str:
    if mark.gain < -margin:
        return "worse"
    return "better" if mark.gain > margin else "alike"


def _levels(up: Axis) -> Iterator[Html]:
    """Draw the lines behind a chart, and what they stand for."""
    for value in up.ticks:
        y = _short(HEIGHT - up.place(value))
        yield element("line", x1=0, y1=y, x2=WIDTH, y2=y, class_=None if value else "zero")
        yield element("text", up.label(value), x=-8, y=_short(float(y) + 4), class_="beside")


def _below(words: str) -> Html:
    return element("text", words, x=WIDTH // 2, y=HEIGHT + 34)


def _figure(title: str, shapes: Sequence[Html]) -> Html:
    """Frame a drawing with its title."""
    size = f"{-LEFT} -8 {WIDTH + LEFT + 12} {HEIGHT + BELOW + 8}"
    drawing = element("svg", *shapes, viewBox=size, role="img", aria_label=title)
    return element("figure", element("figcaption", title), drawing, class_="chart")


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

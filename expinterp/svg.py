"""Markup that no text can break, and charts made of it: SVG inside a page, or a file of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from expinterp.text import visible

VOID = {"img", "input", "meta"}  # elements without an end tag
TICKS = 5  # along an axis, about
ALIKE = 1e-9  # of their size, by which numbers may differ and still be drawn as one
LEFT, RIGHT, ABOVE, BELOW = 52, 20, 28, 44  # room for labels, in units of the drawing
HEAD = 28  # room for the title of a file
FONT, LETTER = 12, 7  # height and width of letters, about
KEY, ROW = 24, 18  # length of a line in the legend, height of a row
RADIUS = 4  # of a dot
COLOURS = {
    "blue": "#1f77b4",
    "red": "#d62728",
    "green": "#2ca02c",
    "purple": "#9467bd",
    "grey": "#555555",
}  # of lines in a file; a page has its own style sheet
STYLE = "text{fill:#333333}.grid{fill:none;stroke:#dddddd}polyline{fill:none;stroke-width:2}" + "".join(
    f".{name}{{stroke:{colour}}}" for name, colour in COLOURS.items()
)  # fmt: skip


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def markup(content: object) -> Html:
    """Turn content into markup: `Html` stays, None becomes nothing, all else is escaped."""
    if isinstance(content, Html):
        return content
    return Html("" if content is None else escape(visible(str(content))))


def join(contents: Iterable[object], between: str = "") -> Html:
    """Join contents in their order."""
    return Html(markup(between).join(map(markup, contents)))


def element(tag: str, *children: object, **attributes: object) -> Html:
    """Build an element of HTML or SVG.

    Parameters
    ----------
    children : objects
        `Html`, or anything whose text is escaped; None is nothing.
    attributes : objects
        Underscores become hyphens; one at the end is dropped (``class_``). True means an attribute
        without a value; None and False leave it out.

    Examples
    --------
    >>> element("a", "A & B", href='"x"', hidden=True, title=None)
    '<a href="&quot;x&quot;" hidden>A &amp; B</a>'
    """
    pairs = "".join(_attribute(name, value) for name, value in attributes.items())
    if tag in VOID:
        return Html(f"<{tag}{pairs}>")
    return Html(f"<{tag}{pairs}>{join(children)}</{tag}>")


def _attribute(name: str, value: object) -> str:
    if value is None or value is False:
        return ""
    key = name.removesuffix("_").replace("_", "-")
    return f" {key}" if value is True else f' {key}="{markup(value)}"'


def bdi(text: str) -> Html:
    """Mark up the name of a file or bracket, so that its writing direction affects nothing else."""
    return element("bdi", text)


@dataclass(frozen=True)
class Axis:
    """A linear scale.

    Attributes
    ----------
    ticks : tuple of float
        Increasing; the outer ones are the ends of the axis.
    title : str
        The quantity and its unit.
    numbered : bool
        Whether the ticks have labels.
    """

    ticks: tuple[float, ...]
    title: str = ""
    numbered: bool = True

    @classmethod
    def over(cls, values: Iterable[float], title: str = "") -> Axis:
        """Build an axis that covers all values, with round ticks.

        Examples
        --------
        >>> Axis.over([0.0, 0.9, -0.3]).ticks
        (-0.5, 0.0, 0.5, 1.0)
        """
        values = [*values]
        low, high = min(values), max(values)
        size = max(abs(low), abs(high), 1.0)
        least = (high - low) / TICKS
        step = _round_step(least if least > ALIKE * size else size)
        first, last = math.floor(low / step), math.ceil(high / step)
        last += first == last
        return cls(tuple(count * step for count in range(first, last + 1)), title)

    def place(self, value: float) -> float:
        """Compute where a value lies, from 0 to 1 along the axis."""
        low, high = self.ticks[0], self.ticks[-1]
        return (value - low) / (high - low)

    def labels(self) -> Iterator[tuple[float, str]]:
        """List the places and labels of the ticks, with as many digits as tell them apart."""
        step = min(b - a for a, b in zip(self.ticks, self.ticks[1:], strict=False))
        digits = max(0, math.ceil(-math.log10(step) - ALIKE))
        for tick in self.ticks if self.numbered else ():
            yield self.place(tick), f"{tick:.{digits}f}"


def _round_step(least: float) -> float:
    """Find the next 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> _round_step(0.24), _round_step(3.0), _round_step(10.0)
    (0.5, 5.0, 10.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(m * power for m in (1.0, 2.0, 5.0, 10.0, 20.0) if m * power >= least)


@dataclass(frozen=True)
class Chart:
    """Two axes, and the shapes between them; a shape's style is its class in the style sheet.

    Attributes
    ----------
    title : str
    across, up : Axis
    size : (int, int)
        Lengths of the two axes, in units of the drawing.
    """

    title: str
    across: Axis
    up: Axis
    size: tuple[int, int] = (480, 240)

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Compute where a point lies in the drawing, from the upper left corner of the axes."""
        width, height = self.size
        return width * self.across.place(x), height * (1 - self.up.place(y))

    def line(self, points: Iterable[tuple[float, float]], style: str) -> Html:
        """Draw a line through points."""
        places = (",".join(map(_short, self.place(*point))) for point in points)
        return element("polyline", class_=style, points=" ".join(places))

    def level(self, y: float, style: str) -> Html:
        """Draw a horizontal line."""
        return self.line([(self.across.ticks[0], y), (self.across.ticks[-1], y)], style)

    def dot(self, x: float, y: float, style: str, tip: str) -> Html:
        """Draw a point, with words that a browser shows under the pointer."""
        cx, cy = map(_short, self.place(x, y))
        return element("circle", element("title", tip), class_=style, cx=cx, cy=cy, r=RADIUS)

    def bar(self, left: float, right: float, y: float, style: str, tip: str) -> Html:
        """Draw a bar from 0 to y, with words that a browser shows under the pointer."""
        x, top = self.place(left, max(y, 0.0))
        end, bottom = self.place(right, min(y, 0.0))
        return element(
            "rect",
            element("title", tip),
            class_=style,
            x=_short(x),
            y=_short(top),
            width=_short(end - x - min(1.0, (end - x) / 2)),  # leaves a gap
            height=_short(bottom - top),
        )

    def figure(
        self, shapes: Iterable[Html], legend: Sequence[tuple[str, str]] = (), *, words: str = ""
    ) -> Html:
        """Build an HTML figure, styled by the page.

        Parameters
        ----------
        legend : sequence of (style, words)
            Of lines.
        words : str
            Describes the chart to those who cannot see it; by default its title.
        """
        content, (width, height) = self._content(shapes, legend)
        drawing = element(
            "svg",
            *content,
            viewBox=f"{-LEFT} {-ABOVE} {width} {height}",
            font_size=FONT,
            role="img",
            aria_label=words or self.title,
        )
        return element("figure", element("figcaption", self.title), drawing, class_="chart")

    def document(self, shapes: Iterable[Html], legend: Sequence[tuple[str, str]] = ()) -> str:
        """Build an SVG file on white; styles are the names of `COLOURS`."""
        content, (width, height) = self._content(shapes, legend)
        sizes = {"width": width, "height": height + HEAD}
        top = -ABOVE - HEAD
        return element(
            "svg",
            element("style", STYLE),
            element("rect", x=-LEFT, y=top, **sizes, fill="white"),
            _text(self.title, self.size[0] / 2, top + 24, "middle", font_size=15),
            *content,
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"{-LEFT} {top} {width} {height + HEAD}",
            **sizes,
            font_family="sans-serif",
            font_size=FONT,
        )

    def _content(
        self, shapes: Iterable[Html], legend: Sequence[tuple[str, str]]
    ) -> tuple[list[Html], tuple[int, int]]:
        """Draw everything; also return the size with the labels."""
        width, height = self.size
        columns = max(
            1, width // (KEY + LETTER * (3 + max((len(w) for _, w in legend), default=0)))
        )
        rows = math.ceil(len(legend) / columns)
        keys = (
            _key(*entry, n % columns * width / columns, height + BELOW + ROW * (n // columns + 0.5))
            for n, entry in enumerate(legend)
        )
        content = [*self._frame(), *shapes, *keys]
        return content, (LEFT + width + RIGHT, ABOVE + height + BELOW + ROW * rows)

    def _frame(self) -> Iterator[Html]:
        """Draw a grid through the ticks, their labels, and the titles of the axes."""
        width, height = self.size
        rules = [f"M{_short(width * self.across.place(x))} 0v{height}" for x in self.across.ticks]
        rules += [f"M0 {_short(height * (1 - self.up.place(y)))}h{width}" for y in self.up.ticks]
        yield element("path", class_="grid", d="".join(rules))
        for place, label in self.across.labels():
            yield _text(label, width * place, height + 16, "middle")
        for place, label in self.up.labels():
            yield _text(label, -8, height * (1 - place) + 4, "end")
        yield _text(self.across.title, width / 2, height + 34, "middle")
        yield _text(self.up.title, 4 - LEFT, 16 - ABOVE, "start")


def _key(style: str, words: str, x: float, y: float) -> Html:
    """Draw a line of the legend, and what it means."""
    stroke = element("polyline", class_=style, points=f"{_short(x)},{y:g} {_short(x + KEY)},{y:g}")
    return join((stroke, _text(words, x + KEY + 6, y + 4, "start")))


def _text(words: str, x: float, y: float, anchor: str, **attributes: object) -> Html:
    return element("text", words, x=_short(x), y=_short(y), text_anchor=anchor, **attributes)


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")

"""Bar charts as an SVG file: names, horizontal bars, and marks of limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from expinterp.svg import Html, element

NAME, LENGTH, FIGURE = 230, 320, 70  # width of names, of the longest bar, of figures
ROW, BAR, GAP = 22, 14, 40  # height of a row, of a bar, of a title
COLOURS = {"bar": "#1f77b4", "mark": "#d62728", "text": "#333333"}


@dataclass(frozen=True)
class Bars:
    """A chart: the value of each name, and the limits of some."""

    title: str
    values: Mapping[str, float]
    marks: Mapping[str, float | None] = field(default_factory=dict)


def draw_bars(charts: Sequence[Bars]) -> str:
    """Draw charts one below the other, on white."""
    shapes, top = [], 0
    for chart in charts:
        shapes += _draw(chart, top)
        top += GAP + ROW * len(chart.values)
    sizes = {"width": NAME + LENGTH + FIGURE, "height": top + ROW}
    return element(
        "svg",
        element("rect", **sizes, fill="white"),
        *shapes,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {sizes['width']} {sizes['height']}",
        **sizes,
        font_family="sans-serif",
        font_size=12,
        fill=COLOURS["text"],
    )


def _draw(chart: Bars, top: int) -> Iterator[Html]:
    most = max([*chart.values.values(), *(mark or 0 for mark in chart.marks.values())])
    yield element("text", chart.title, x=10, y=top + GAP - 14, font_weight="bold")
    for row, (name, value) in enumerate(chart.values.items()):
        y = top + GAP + ROW * row
        length = LENGTH * value / most
        yield element("text", name, x=NAME - 8, y=y + BAR - 2, text_anchor="end")
        yield element("rect", x=NAME, y=y, width=f"{length:.1f}", height=BAR, fill=COLOURS["bar"])
        yield element(
            "text",
            f"{value:.3g}" if value < 100 else f"{value:.0f}",
            x=f"{NAME + length + 6:.1f}",
            y=y + BAR - 2,
        )
        if mark := chart.marks.get(name):
            x = f"{NAME + LENGTH * mark / most:.1f}"
            line = element("title", f"at most {mark:.3g}")
            yield element(
                "path", line, d=f"M{x} {y - 3}v{BAR + 6}", stroke=COLOURS["mark"], stroke_width=2
            )

"""Histograms and tone curves as SVG inside the page, drawn in its colours (see ``batch.css``).

Both are of luma (BT.601), display-encoded code values 0..255, of pictures made small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expinterp.report.markup import Html, element, name

WIDTH, HEIGHT = 320, 168  # of the axes, in units of the drawing
MARGIN = 20  # below and left of them, for labels
BINS = 64
CLIPPED = 251  # code values from here up tell no tones apart
RANKS = np.linspace(0.005, 0.995, 48)  # shares of the pixels that are darker


@dataclass(frozen=True)
class Series:
    """What one picture adds to the plots.

    Attributes
    ----------
    label : str
        Any text.
    style : str
        A class of the style sheet: ``result``, or ``input-1``...
    histogram : int64 array, shape (256,)
        How many pixels have each luma.
    """

    label: str
    style: str
    histogram: NDArray[np.int64]

    @property
    def median(self) -> int:
        """Code value that half of the pixels do not exceed."""
        return int(quantiles(self.histogram, np.array([0.5]))[0])


def quantiles(histogram: NDArray[np.int64], ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Find the code values that given shares of the pixels do not exceed."""
    cumulative = histogram.cumsum()
    return np.asarray(np.searchsorted(cumulative, ranks * cumulative[-1]), np.float64)


def plot_histograms(series: Sequence[Series]) -> Html:
    """Draw how many pixels have each brightness: results as areas, inputs as lines over them.

    Heights are square roots of shares, so that a dark night leaves the lamps to be seen.
    """
    shares = [one.histogram.reshape(BINS, -1).sum(axis=1) / one.histogram.sum() for one in series]
    # What is clipped piles up in the outer bins and would flatten all else.
    top = max(float(share[1:-1].max()) for share in shares) or 1.0
    across = np.linspace(0, WIDTH, BINS)
    shapes: list[Html] = []
    for one, share in zip(series, shares, strict=True):
        heights = HEIGHT * (1 - np.sqrt(np.minimum(share / top, 1.0)))
        corners = _corners(across, heights)
        if one.style == "result":
            shapes.insert(0, _curve("area", f"0,{HEIGHT} {corners} {WIDTH},{HEIGHT}"))
        shapes.append(_curve(one.style, corners))
    medians = ", ".join(f"{one.label} {one.median}" for one in series)
    return _figure(
        "Brightness",
        f"Histogram of brightness; medians: {medians}",
        [*_axis_labels(), *shapes],
        [(one, f"median {one.median}") for one in series],
    )


def plot_tones(series: Sequence[Series]) -> Html:
    """Draw what the tones of the first picture become in the others: by equal ranks.

    One scene gave all of them, so that equal ranks are equal irradiances (see `mapping`); of a
    fused picture that holds only on the whole, and it is better left out.
    """
    reference, *others = series
    across = quantiles(reference.histogram, RANKS)
    kept = across <= max(CLIPPED, across[0])
    middle = np.count_nonzero(kept) // 2
    shapes = [element("line", class_="equal", x1=0, y1=HEIGHT, x2=WIDTH, y2=0)]
    legend = []
    for other in others:
        up = quantiles(other.histogram, RANKS)
        corners = _corners(across[kept] * WIDTH / 255, HEIGHT - up[kept] * HEIGHT / 255)
        shapes.append(_curve(other.style, corners))
        legend.append((other, f"{across[middle]:.0f} becomes {up[middle]:.0f}"))
    said = ", ".join(f"in {other.label} {words}" for other, words in legend)
    return _figure(
        f"Tones of {reference.label} in the others",
        f"Tone curves of {reference.label}; of code values, {said}",
        [*_axis_labels(), *_scale_labels(), *shapes],
        legend,
    )


def _curve(style: str, corners: str) -> Html:
    return element("polyline", class_=style, points=corners)


def _corners(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return " ".join(f"{a:.0f},{b:.0f}" for a, b in zip(x, y, strict=True))


def _axis_labels() -> list[Html]:
    """Label the code values across."""
    return [
        element("text", code, x=round(code * WIDTH / 255), y=HEIGHT + 14, class_=f"at-{code}")
        for code in (0, 128, 255)
    ]


def _scale_labels() -> list[Html]:
    """Label the code values up."""
    return [
        element("text", code, x=-4, y=round(HEIGHT * (1 - code / 255)) + 4, class_="up")
        for code in (128, 255)
    ]


def _figure(
    title: str,
    description: str,
    shapes: Sequence[Html],
    legend: Sequence[tuple[Series, str]],
) -> Html:
    """Frame a drawing with its title and its legend."""
    box = element("rect", class_="axes", width=WIDTH, height=HEIGHT)
    size = f"{-MARGIN - 4} -8 {WIDTH + MARGIN + 12} {HEIGHT + MARGIN + 8}"
    drawing = element("svg", box, *shapes, viewBox=size, role="img", aria_label=description)
    keys = [
        element("li", _key(one.style), name(one.label), element("span", said, class_="quiet"))
        for one, said in legend
    ]
    return element(
        "figure",
        element("figcaption", title),
        drawing,
        element("ul", *keys, class_="legend", role="list"),
        class_="plot",
    )


def _key(style: str) -> Html:
    """Draw the stroke of a curve for the legend."""
    stroke = element("line", class_=style, x1=0, y1=4, x2=24, y2=4)
    return element("svg", stroke, viewBox="0 0 24 8", aria_hidden="true")

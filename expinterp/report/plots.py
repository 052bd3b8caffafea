"""Histograms and tone curves of the pictures of a bracket.

Both are of luma (BT.601), display-encoded code values 0..255, of pictures made small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expinterp.svg import Axis, Chart, Html

SIZE = (256, 150)  # of the axes, in units of the drawing
CODES = (0, 64, 128, 192, 255)
BINS = 64
CLIPPED = 251  # code values from here up tell no tones apart
RANKS = np.linspace(0.005, 0.995, 48)  # shares of the pixels that are darker


@dataclass(frozen=True)
class Series:
    """One picture in the charts.

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

    Heights are square roots of shares, so that the lamps of a dark night are seen.
    """
    up = Axis((0, 1), "share of pixels, square root", numbered=False)
    chart = Chart("Brightness", Axis(CODES, "code value"), up, SIZE)
    shares = [one.histogram.reshape(BINS, -1).sum(axis=1) / one.histogram.sum() for one in series]
    # Clipped pixels pile up in the outer bins and would flatten all else.
    top = max(float(share[1:-1].max()) for share in shares) or 1.0
    across = np.linspace(0, CODES[-1], BINS)
    shapes: list[Html] = []
    for one, share in zip(series, shares, strict=True):
        points = list(zip(across, np.sqrt(np.minimum(share / top, 1.0)), strict=True))
        if one.style == "result":
            shapes.insert(0, chart.line([(0, 0), *points, (CODES[-1], 0)], "area"))
        shapes.append(chart.line(points, one.style))
    medians = ", ".join(f"{one.label} {one.median}" for one in series)
    legend = [(one.style, f"{one.label}, median {one.median}") for one in series]
    return chart.figure(shapes, legend, words=f"Histogram of brightness; medians: {medians}")


def plot_tones(series: Sequence[Series]) -> Html:
    """Draw what the tones of the first picture become in the others: by equal ranks.

    All show one scene, so equal ranks are equal irradiances (see `mapping`). This holds only
    roughly for a fused picture, which is better left out.
    """
    reference, *others = series
    title = f"Tones of {reference.label} in the others"
    up = Axis(CODES, "code value in the others")
    chart = Chart(title, Axis(CODES, f"code value in {reference.label}"), up, SIZE)
    across = quantiles(reference.histogram, RANKS)
    kept = across <= max(CLIPPED, across[0])
    middle = np.count_nonzero(kept) // 2
    shapes, legend = [chart.line([(code, code) for code in (0, CODES[-1])], "equal")], []
    for other in others:
        tones = quantiles(other.histogram, RANKS)
        shapes.append(chart.line(zip(across[kept], tones[kept], strict=True), other.style))
        legend.append((other.style, f"{other.label}, {across[middle]:.0f} to {tones[middle]:.0f}"))
    words = "; ".join(words for _, words in legend)
    return chart.figure(shapes, legend, words=f"{title}, in code values: {words}")

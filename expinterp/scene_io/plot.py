"""Camera response curves as a picture: SVG, written by hand, opens in any browser.

Code value z over log exposure log2(E·t) in stops, 0 at code value 128, a curve per channel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 480
MARGIN = 56  # room for labels, on every side
COLOURS = ("#d62728", "#2ca02c", "#1f77b4")  # R, G, B
GREY = "#555555"


def plot_response(response: NDArray[np.float64], *, title: str) -> str:
    """Draw a camera response.

    Parameters
    ----------
    response : float64 array, shape (channels, 256)
        g(z) = ln(E·t) per channel; not finite where unknown.
    title : str
        Any text; it is escaped.

    Returns
    -------
    str
        An SVG document.
    """
    stops = np.asarray(response) / np.log(2.0)
    known = stops[np.isfinite(stops)]
    low, high = 2.0 * np.floor(known.min() / 2), 2.0 * np.ceil(known.max() / 2)
    across = (WIDTH - 2 * MARGIN) / max(high - low, 1.0)
    up = (HEIGHT - 2 * MARGIN) / 255.0

    def place(stop: float, code: float) -> str:
        return f"{MARGIN + (stop - low) * across:.1f},{HEIGHT - MARGIN - code * up:.1f}"

    curves = [
        _polyline(
            [place(stop, code) for code, stop in enumerate(curve) if np.isfinite(stop)], colour
        )
        for curve, colour in zip(stops, COLOURS if len(stops) > 1 else (GREY,), strict=False)
    ]
    return "\n".join([*_frame(title), *_ticks(low, high, place), *curves, "</svg>\n"])


def _polyline(points: Iterable[str], colour: str) -> str:
    joined = " ".join(points)
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{joined}"/>'


def _frame(title: str) -> list[str]:
    """Open the document: background, axes' box, title, names of the axes."""
    inner = f'width="{WIDTH - 2 * MARGIN}" height="{HEIGHT - 2 * MARGIN}"'
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<rect x="{MARGIN}" y="{MARGIN}" {inner} fill="none" stroke="{GREY}"/>',
        _text(WIDTH / 2, MARGIN / 2, title),
        _text(WIDTH / 2, HEIGHT - 12, "log exposure, stops (0 at code value 128)"),
        _text(MARGIN, MARGIN - 8, "code value"),
    ]


def _ticks(low: float, high: float, place: Callable[[float, float], str]) -> list[str]:
    """Label the axes: every second stop, every 64 code values."""
    stops = np.arange(low, high + 1, 2)
    below = [(place(stop, 0).split(","), f"{stop:+.0f}") for stop in stops]
    beside = [(place(low, code).split(","), str(code)) for code in (0, 64, 128, 192, 255)]
    return [
        *(_text(float(x), float(y) + 16, label) for (x, y), label in below),
        *(_text(float(x) - 16, float(y) + 4, label) for (x, y), label in beside),
    ]


def _text(x: float, y: float, words: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(words)}</text>'

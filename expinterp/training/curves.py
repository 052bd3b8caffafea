"""Training curves as a picture: PSNR on held-out scenes over the time spent training, PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from expinterp.core.mapping import Codes as Pixels
from expinterp.evaluation.charts import Axis
from expinterp.images import write_photograph

SIZE = (640, 1000)  # rows, cols of the box between the axes
MARGIN = (60, 60, 90, 110)  # above, right, below, left
COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189))  # R G B
SHOWN = 10.0  # dB below the best that has room
GREY, LIGHT = (85, 85, 85), (225, 225, 225)
FONT, SCALE = cv2.FONT_HERSHEY_SIMPLEX, 0.7
SHIFT = 4  # bits after the point of a coordinate

Curve = Sequence[tuple[float, float]]


def curve_of(log: Sequence[Mapping[str, Any]], key: str = "psnr") -> list[tuple[float, float]]:
    """Take seconds and a figure from the lines of a log that have it."""
    return [(line["seconds"], line[key]) for line in log if key in line]


def draw_curves(curves: Mapping[str, Curve], *, levels: Mapping[str, float]) -> Pixels:
    """Draw PSNR over training time.

    Parameters
    ----------
    curves : mapping of str to sequence of (seconds, dB)
        By what they are called; none is empty. What lies more than `SHOWN` below the best is
        drawn at the lower edge.
    levels : mapping of str to float
        What is there without training, dB: horizontal lines.

    Returns
    -------
    uint8 array, shape (rows, cols, 3)
        R G B.
    """
    best = max(y for curve in curves.values() for _, y in curve)
    curves = {name: [(x, max(y, best - SHOWN)) for x, y in curve] for name, curve in curves.items()}
    points = [point for curve in curves.values() for point in curve]
    across = Axis.over([0.0, *(x for x, _ in points)], SIZE[1])
    up = Axis.over([*(y for _, y in points), *levels.values()], SIZE[0])
    above, right, below, left = MARGIN
    sheet = np.full((SIZE[0] + above + below, SIZE[1] + left + right, 3), 255, np.uint8)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + across.place(x), above + SIZE[0] - up.place(y)

    first, last = across.ticks[0], across.ticks[-1]
    for tick in up.ticks:
        _line(sheet, [place(first, tick), place(last, tick)], LIGHT, 1)
        _write(sheet, up.label(tick), left - 12, place(first, tick)[1] + 8, align=1)
    for tick in across.ticks:
        _write(sheet, across.label(tick), place(tick, 0)[0], above + SIZE[0] + 30, align=0.5)
    _write(sheet, "PSNR on held-out scenes, dB", left, above - 24)
    _write(sheet, "seconds of training", left + SIZE[1] / 2, above + SIZE[0] + 66, align=0.5)
    for name, level in levels.items():
        _line(sheet, [place(first, level), place(last, level)], GREY, 2)
        _write(sheet, name, left + SIZE[1] - 8, place(last, level)[1] - 10, align=1)
    for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
        _line(sheet, [place(*point) for point in curve], colour, 3)
        x, y = place(*curve[-1])
        highest = curve[-1][1] == max(each[-1][1] for each in curves.values())
        _write(sheet, name, x - 8, y + (-14 if highest else 30), align=1, colour=colour)
    return sheet


def _line(
    sheet: Pixels, points: Sequence[tuple[float, float]], colour: tuple[int, ...], width: int
) -> None:
    places = np.rint(np.array(points) * 2**SHIFT).astype(np.int32)
    cv2.polylines(sheet, [places], False, colour, width, cv2.LINE_AA, SHIFT)


def _write(
    sheet: Pixels,
    words: str,
    x: float,
    y: float,
    *,
    align: float = 0.0,
    colour: tuple[int, ...] = GREY,
) -> None:
    """Write words, `align` of their width to the left of x."""
    width = cv2.getTextSize(words, FONT, SCALE, 1)[0][0]
    origin = (round(x - align * width), round(y))
    cv2.putText(sheet, words, origin, FONT, SCALE, colour, 1, cv2.LINE_AA)


def write_curves(target: Path, curves: Mapping[str, Curve], *, levels: Mapping[str, float]) -> None:
    """Draw curves into a PNG file, in place of what is there; nothing if there is no point."""
    drawn = {name: curve for name, curve in curves.items() if curve}
    if drawn:
        write_photograph(draw_curves(drawn, levels=levels), target, overwrite=True)

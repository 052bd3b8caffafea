"""Training curves as an SVG file: PSNR on held-out scenes over the time spent training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from expinterp.files import replacing
from expinterp.svg import COLOURS, Axis, Chart

LOWEST = 10.0  # dB below the best; what is worse is drawn there

Curve = Sequence[tuple[float, float]]


def curve_of(log: Sequence[Mapping[str, Any]], key: str = "psnr") -> list[tuple[float, float]]:
    """List seconds and a figure from the lines of a log that have it."""
    return [(line["seconds"], line[key]) for line in log if key in line]


def draw_curves(curves: Mapping[str, Curve], *, levels: Mapping[str, float]) -> str:
    """Draw PSNR over training time as an SVG document.

    Parameters
    ----------
    curves : mapping of str to sequence of (seconds, dB)
        By their names in the legend; none is empty. Points more than `LOWEST` below the best are
        drawn there.
    levels : mapping of str to float
        PSNR without training, dB: horizontal lines in grey.
    """
    floor = max(psnr for curve in curves.values() for _, psnr in curve) - LOWEST
    raised = {name: [(x, max(y, floor)) for x, y in curve] for name, curve in curves.items()}
    points = [point for curve in raised.values() for point in curve]
    chart = Chart(
        "PSNR on held-out scenes",
        Axis.over([0.0, *(x for x, _ in points)], "seconds of training"),
        Axis.over([*(y for _, y in points), *levels.values()], "PSNR, dB"),
        size=(720, 440),
    )
    styled = dict(zip(raised, COLOURS, strict=False))
    lines = [chart.level(level, "grey") for level in levels.values()]
    lines += [chart.line(raised[name], style) for name, style in styled.items()]
    legend = [*((style, name) for name, style in styled.items()), *(("grey", n) for n in levels)]
    return chart.document(lines, legend)


def write_curves(target: Path, curves: Mapping[str, Curve], *, levels: Mapping[str, float]) -> None:
    """Draw curves into an SVG file, replacing an older one; nothing if there is no point."""
    if drawn := {name: curve for name, curve in curves.items() if curve}:
        with replacing(target, overwrite=True) as stream:
            stream.write(draw_curves(drawn, levels=levels).encode())

"""The weights of all exposures on all levels of their pyramids, smoothed and stored.

They are measured on one level, and reduced for the coarser ones. A guided filter smooths them, with
the exposure itself as the guide; its fits are enlarged for finer levels. Without a guide, the
pyramid alone smooths them.

Pictures are (rows, cols) or (rows, cols, 3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce as fold

import cv2
import numpy as np

from expinterp.core.arrays import Picture, Pixels, Plane
from expinterp.core.fusion.guided import guided_coefficients
from expinterp.core.fusion.pyramid import reduce
from expinterp.core.fusion.weighting import grey
from expinterp.core.parallel import map_threads, parts_of

RADIUS = 3  # of the guided filter, in pixels of a level; the 4 of Kou et al. keeps less structure
EPSILON = 1 / 12  # of the guided filter; the 1/1024 of the papers reverses brightness more often


@dataclass(frozen=True, eq=False)
class SmoothWeights:
    """The smoothed weights of an exposure on one level: ``slope * grey + offset``."""

    slope: Plane | None  # None if no guide was used: the weights are the offset
    offset: Plane

    def apply(self, luma: Plane, shape: tuple[int, ...], rows: slice) -> Plane:
        """Compute the weights of rows of a picture (of this size, or larger) from their luma."""
        weights = _enlarge(self.offset, shape, rows)
        if self.slope is not None:
            slope = _enlarge(self.slope, shape, rows)
            slope *= luma
            weights += slope
        return weights


def smooth_weights(
    levels: Sequence[Sequence[Pixels]], measure: Callable[[Picture], Plane], *, guided: bool
) -> list[list[SmoothWeights]]:
    """Measure and smooth the weights of exposures.

    Parameters
    ----------
    levels : sequence of sequences of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 3)
        All exposures on each level, from the level where weights are measured to the coarsest.
    measure : function
        Computes the logarithms of the weights of an exposure, 0..1.
    guided : bool
        Whether a guided filter smooths them.

    Returns
    -------
    list of lists of SmoothWeights
        As `levels`.
    """
    weights = _measure(levels[0], measure)
    smoothed = []
    for exposures in levels:
        if guided:
            guides = map_threads(lambda exposure: grey(to_unit(exposure)), exposures)
            fits = [_fit(*pair) for pair in zip(guides, weights, strict=True)]
        else:
            fits = [SmoothWeights(None, plane) for plane in weights]
        smoothed.append(fits)
        weights = map_threads(reduce, weights)
    return smoothed


def share_out(weights: Sequence[Plane], least: float = 0.0) -> list[Plane]:
    """Add `least` to weights, and scale them to a sum of 1; in place."""
    if least:
        weights = [np.add(weight, np.float32(least), out=weight) for weight in weights]
    total = fold(np.add, weights)
    return [np.divide(weight, total, out=weight) for weight in weights]


def to_unit(codes: Pixels) -> Picture:
    """Scale code values to 0..1."""
    values = codes.astype(np.float32, order="C")
    values *= np.float32(1 / np.iinfo(codes.dtype).max)
    return values


def _measure(exposures: Sequence[Pixels], measure: Callable[[Picture], Plane]) -> list[Plane]:
    """Compute the weights of all exposures; at every pixel they sum to 1."""
    planes = [np.empty(each.shape[:2], np.float32) for each in exposures]

    def work(rows: slice) -> None:
        near = slice(max(rows.start - 1, 0), rows.stop + 1)  # contrast needs one row around
        inner = slice(rows.start - near.start, rows.stop - near.start)
        logs = [measure(to_unit(each[near]))[inner] for each in exposures]
        best = fold(np.maximum, logs)
        weights = share_out([np.exp(log - best) for log in logs])
        for plane, weight in zip(planes, weights, strict=True):
            plane[rows] = weight

    map_threads(work, parts_of(planes[0].shape))
    return planes


def _fit(guide: Plane, weights: Plane) -> SmoothWeights:
    return SmoothWeights(*guided_coefficients(guide, weights, radius=RADIUS, epsilon=EPSILON))


def _enlarge(plane: Plane, shape: tuple[int, ...], rows: slice) -> Plane:
    """Enlarge a plane to `shape` by bilinear interpolation; compute only some rows."""
    if plane.shape == shape:
        return plane[rows].copy()
    factor = shape[0] // len(plane)
    if shape == (factor * len(plane), factor * plane.shape[1]):
        first = max(rows.start // factor - 1, 0)
        near = plane[first : -(-rows.stop // factor) + 1]
        wide = cv2.resize(near, (shape[1], factor * len(near)), interpolation=cv2.INTER_LINEAR)
        return np.asarray(wide[rows.start - factor * first :][: rows.stop - rows.start])
    where = (np.arange(rows.start, rows.stop) + 0.5) * (len(plane) / shape[0]) - 0.5
    where = np.clip(where, 0, len(plane) - 1)
    first = min(int(where[0]), max(len(plane) - 2, 0))  # OpenCV rounds a single row differently
    near = plane[first : int(where[-1]) + 2]
    wide = cv2.resize(near, (shape[1], len(near)), interpolation=cv2.INTER_LINEAR)
    above = where.astype(np.intp)
    share = (where - above).astype(np.float32)[:, np.newaxis]
    above -= first
    below = np.minimum(above + 1, len(near) - 1)
    return np.asarray(wide[above] * (1 - share) + wide[below] * share)

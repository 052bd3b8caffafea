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

import numpy as np

from expinterp.core.arrays import Picture, Pixels, Plane
from expinterp.core.fusion.gaussian import GaussianPyramids, to_unit
from expinterp.core.fusion.guided import guided_coefficients
from expinterp.core.fusion.pyramid import expand, reduce
from expinterp.core.fusion.weighting import grey
from expinterp.core.parallel import map_threads, parts_of

RADIUS = 3  # of the guided filter, in pixels of a level; the 4 of Kou et al. keeps less structure
EPSILON = 1 / 12  # of the guided filter; the 1/1024 of the papers reverses brightness more often


@dataclass(frozen=True, eq=False)
class SmoothWeights:
    """The smoothed weights of an exposure on one level: ``slope * grey + offset``."""

    slope: Plane | None  # None if no guide was used: the weights are the offset
    offset: Plane

    def rows(self, rows: slice) -> SmoothWeights:
        """Return some of the rows."""
        return SmoothWeights(None if self.slope is None else self.slope[rows], self.offset[rows])

    def expand(self, shape: tuple[int, ...], rows: slice) -> SmoothWeights:
        """Expand the rows that support `rows` of a picture of twice the size, see `expand`."""
        slope = None if self.slope is None else expand(self.slope, shape[:2], rows)
        return SmoothWeights(slope, expand(self.offset, shape[:2], rows))

    def apply(self, luma: Plane) -> Plane:
        """Compute the weights of pixels from their luma."""
        if self.slope is None:
            return self.offset.copy()
        weights = self.slope * luma
        weights += self.offset
        return weights


def smooth_weights(
    pyramids: GaussianPyramids, measure: Callable[[Picture], Plane], *, first: int, guided: bool
) -> list[list[SmoothWeights]]:
    """Measure and smooth the weights of exposures.

    Parameters
    ----------
    pyramids : GaussianPyramids
    measure : function
        Computes the logarithms of the weights of an exposure, 0..1.
    first : int
        The level where weights are measured.
    guided : bool
        Whether a guided filter smooths them.

    Returns
    -------
    list of lists of SmoothWeights
        Of all exposures, on each level from `first` to the coarsest.
    """
    weights = _measure(pyramids, first, measure)
    smoothed = []
    for level in range(first, len(pyramids)):
        if guided:
            pairs = zip(pyramids.level(level), weights, strict=True)
            smoothed.append([_fit(exposure, plane) for exposure, plane in pairs])
        else:
            smoothed.append([SmoothWeights(None, plane) for plane in weights])
        if level + 1 < len(pyramids):
            weights = map_threads(reduce, weights)
    return smoothed


def share_out(weights: Sequence[Plane], least: float = 0.0) -> list[Plane]:
    """Add `least` to weights, and scale them to a sum of 1; in place."""
    if least:
        weights = [np.add(weight, np.float32(least), out=weight) for weight in weights]
    total = fold(np.add, weights)
    return [np.divide(weight, total, out=weight) for weight in weights]


def _measure(
    pyramids: GaussianPyramids, level: int, measure: Callable[[Picture], Plane]
) -> list[Plane]:
    """Compute the weights of all exposures on a level; at every pixel they sum to 1."""
    planes = [np.empty(each.shape[:2], np.float32) for each in pyramids.level(level)]

    def work(rows: slice) -> None:
        near = slice(max(rows.start - 1, 0), rows.stop + 1)  # contrast needs one row around
        inner = slice(rows.start - near.start, rows.stop - near.start)
        logs = [measure(exposure)[inner] for exposure in pyramids.rows(level, near)]
        best = fold(np.maximum, logs)
        weights = share_out([np.exp(log - best) for log in logs])
        for plane, weight in zip(planes, weights, strict=True):
            plane[rows] = weight

    map_threads(work, parts_of(planes[0].shape))
    return planes


def _fit(exposure: Pixels, weights: Plane) -> SmoothWeights:
    """Smooth the weights of an exposure by a guided filter."""
    guide = np.empty_like(weights)

    def work(rows: slice) -> None:
        guide[rows] = grey(to_unit(exposure[rows]))

    map_threads(work, parts_of(guide.shape))
    return SmoothWeights(*guided_coefficients(guide, weights, radius=RADIUS, epsilon=EPSILON))

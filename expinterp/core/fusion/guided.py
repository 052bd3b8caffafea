"""The weighted guided filter: smoothing that preserves the edges of a guide image.

In every window the result is linear in the guide, slope·guide + offset, fitted to the target by
ridge regression. Slope and offset are averaged over all windows that contain a pixel. They are
smooth, and can be enlarged and applied to a larger guide.

Letters: `radius` r of square windows with sides of 2r + 1 pixels; `epsilon` ε, the ridge penalty.
Planes are (rows, cols), the guide on the scale 0..1.

Sources: He, Sun and Tang, "Guided Image Filtering", PAMI 2013; He and Sun, "Fast Guided Filter",
arXiv:1505.00996 (enlarging); Li, Zheng, Zhu, Yao and Wu, "Weighted Guided Image Filtering",
TIP 2015 (a penalty that is smaller at edges).
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from expinterp.core.arrays import Plane
from expinterp.core.parallel import map_threads, parts_of

FLOOR = 1e-6  # variance below which nothing is an edge: (0.001 of the range)², Li et al. 2015


def guided_coefficients(
    guide: Plane, target: Plane, *, radius: int, epsilon: float, weighted: bool = True
) -> tuple[Plane, Plane]:
    """Fit a target by a guide in every window; ``slope * guide + offset`` is the smoothed target.

    Parameters
    ----------
    guide, target : float32 arrays, shape (rows, cols)
        The guide on the scale 0..1.
    radius : int
        Of the square windows, in pixels.
    epsilon : float
        Variance of the guide below which a window is smoothed, at pixels of average local
        variance. It is smaller where the variance of the 3 × 3 neighbourhood is larger.
    weighted : bool
        False leaves `epsilon` the same everywhere (He et al.): flat pixels beside an edge then do
        not follow what is on its other side.

    Returns
    -------
    slope, offset : float32 arrays, shape (rows, cols)

    Examples
    --------
    >>> flat = np.full((2, 3), 0.25, np.float32)
    >>> guided_coefficients(flat, flat, radius=1, epsilon=0.01)[1]
    array([[0.25, 0.25, 0.25],
           [0.25, 0.25, 0.25]], dtype=float32)
    """
    slope, offset = np.empty_like(guide), np.empty_like(guide)
    flat = np.broadcast_to(np.float32(epsilon), guide.shape)
    penalty = _penalty(guide, epsilon) if weighted else flat

    def work(rows: slice) -> None:
        near = slice(max(rows.start - 2 * radius, 0), rows.stop + 2 * radius)
        inner = slice(rows.start - near.start, rows.stop - near.start)
        fit = _fit(guide[near], target[near], radius, penalty[near])
        slope[rows], offset[rows] = fit[0][inner], fit[1][inner]

    map_threads(work, parts_of(guide.shape))
    return slope, offset


def _fit(guide: Plane, target: Plane, radius: int, penalty: Plane) -> tuple[Plane, Plane]:
    mean_guide, mean_target = _mean(guide, radius), _mean(target, radius)
    variance = _mean(guide * guide, radius) - mean_guide**2
    covariance = _mean(guide * target, radius) - mean_guide * mean_target
    slope = covariance / (np.maximum(variance, 0) + penalty)
    offset = mean_target - slope * mean_guide
    return _mean(slope, radius), _mean(offset, radius)


def _penalty(guide: Plane, epsilon: float) -> Plane:
    """Compute epsilon · the mean of all local variances / the local variance.

    Li et al. use the harmonic mean, with which flat regions are smoothed as by `epsilon` alone.
    With the arithmetic mean, all regions of less than average variance are smoothed more.
    """
    variance = np.empty_like(guide)

    def work(rows: slice) -> float:
        near = slice(max(rows.start - 1, 0), rows.stop + 1)
        inner = slice(rows.start - near.start, rows.stop - near.start)
        squares = _mean(guide[near] * guide[near], 1) - _mean(guide[near], 1) ** 2
        variance[rows] = np.maximum(squares[inner], 0) + np.float32(FLOOR)
        return float(variance[rows].sum(dtype=np.float64))

    total = sum(map_threads(work, parts_of(guide.shape)))
    return np.divide(np.float32(epsilon * total / guide.size), variance, out=variance)


def _mean(plane: Plane, radius: int) -> Plane:
    """Average over square windows; the plane is mirrored beyond its borders."""
    size = (2 * radius + 1, 2 * radius + 1)
    return cast(Plane, cv2.blur(plane, size, borderType=cv2.BORDER_REFLECT))

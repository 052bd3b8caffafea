"""The weighted guided filter: smoothing that stops at the edges of a guide.

Within every window the result is linear in the guide, slope·guide + offset, fitted to the target
by ridge regression; averaged over the windows that hold a pixel, slope and offset are smooth, so
that they can be enlarged and applied to a larger guide.

Sources: He, Sun and Tang, "Guided Image Filtering", PAMI 2013; He and Sun, "Fast Guided Filter",
arXiv:1505.00996 (enlarging); Li, Zheng, Zhu, Yao and Wu, "Weighted Guided Image Filtering",
TIP 2015 (a penalty that is smaller at edges).
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

FLOOR = 1e-6  # variance below which nothing is an edge: (0.001 of the range)², Li et al. 2015


def guided_coefficients(
    guide: Plane, target: Plane, *, radius: int, epsilon: float
) -> tuple[Plane, Plane]:
    """Fit a target by a guide, locally; ``slope * guide + offset`` is the smoothed target.

    Parameters
    ----------
    guide, target : float32 arrays, shape (rows, cols)
        The guide on the scale 0..1.
    radius : int
        Of the square windows, in pixels.
    epsilon : float
        Variance of the guide below which a window counts as smooth, at an average place; where
        the variance of the 3 × 3 pixels around is larger than average, less.

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
    mean_guide, mean_target = _mean(guide, radius), _mean(target, radius)
    variance = _mean(guide * guide, radius) - mean_guide**2
    covariance = _mean(guide * target, radius) - mean_guide * mean_target
    slope = covariance / (np.maximum(variance, 0) + epsilon * _penalty(guide))
    offset = mean_target - slope * mean_guide
    return _mean(slope, radius), _mean(offset, radius)


def _penalty(guide: Plane) -> Plane:
    """Weigh the ridge: the mean of the local variances over the local variance.

    Li et al. have the harmonic mean, under which flat places are smoothed no more than `epsilon`
    says; under the plain one all that varies less than average is.
    """
    mean = _mean(guide, 1)
    variance = np.maximum(_mean(guide * guide, 1) - mean**2, 0) + np.float32(FLOOR)
    penalty: Plane = variance.mean(dtype=np.float64).astype(np.float32) / variance
    return penalty


def _mean(plane: Plane, radius: int) -> Plane:
    """Average over square windows; beyond the border the picture is mirrored."""
    size = (2 * radius + 1, 2 * radius + 1)
    return cast(Plane, cv2.blur(plane, size, borderType=cv2.BORDER_REFLECT))

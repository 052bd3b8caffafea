"""Two ways to smooth: interpolate what is missing, and reduce noise.

Planes are float32, (rows, cols).
"""

from __future__ import annotations

import cv2
import numpy as np

from expinterp.core.arrays import Plane

RADIUS = 2  # pixels: half the window in which noise and detail are told apart
VARIANCE = 5.0  # squared code values: the noise that is reduced
TINY = np.float32(1e-6)  # against division by 0


def interpolate_missing(values: Plane, weights: Plane) -> Plane:
    """Fill a plane smoothly from where its weights are 1 to where they are 0.

    Values are averaged over larger and larger areas until every pixel has some ("pull-push").

    Parameters
    ----------
    values, weights : float32 arrays, shape (rows, cols)
        Weights 0..1, not all 0; values of weight 0 do not count.

    Source: Gortler, Grzeszczuk, Szeliski and Cohen, "The Lumigraph", SIGGRAPH 1996.
    """
    if min(weights.shape) <= 2:
        return np.full_like(values, (values * weights).sum() / max(weights.sum(), TINY))
    half = cv2.pyrDown(weights)
    coarse = cv2.pyrDown(values * weights) / np.maximum(half, TINY)
    filled = interpolate_missing(np.asarray(coarse), np.minimum(4 * half, 1))
    below = cv2.pyrUp(filled, dstsize=weights.shape[::-1])
    return np.asarray(values * weights + below * (1 - weights), np.float32)


def reduce_noise(codes: Plane) -> Plane:
    """Reduce noise of about a code value and keep detail: the local linear estimate.

    Parameters
    ----------
    codes : float32 array, shape (rows, cols) or (rows, cols, channels)
        Code values 0..255, display-encoded.

    Source: Lee, "Digital Image Enhancement and Noise Filtering by Use of Local Statistics",
    IEEE PAMI 2(2), 1980; the gain and the mean are averaged as in the guided filter.
    """
    mean = _average(codes)
    variance: Plane = np.maximum(_average(codes * codes) - mean * mean, TINY)
    gain: Plane = np.maximum(variance - np.float32(VARIANCE), np.float32(0)) / variance
    return _average(gain) * codes + _average((1 - gain) * mean)


def _average(codes: Plane) -> Plane:
    """Average over the window around each pixel."""
    mean = cv2.blur(codes, (2 * RADIUS + 1, 2 * RADIUS + 1))
    return np.asarray(mean, np.float32).reshape(codes.shape)  # OpenCV drops an axis of length 1

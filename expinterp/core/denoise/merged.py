"""Denoise the radiance of a scene that was merged from several exposures.

The noise of a code value is measured where two exposures show the same light. With g(z) = ln(E·t),

    d = (g(z₁) − g(z₂) − ln(t₁/t₂)) / √(g′(z₁)² + g′(z₂)²)

has its variance σ²: that of the sensor, of rounding and of compression together. Errors of g change d
slowly, so each d is compared with the mean of those beside it. A median keeps out what moved.

The noise of ln E is about that of a value in the middle of the range of one exposure, σ·g′(z): brighter
values have less, and darker ones are mostly taken from a brighter exposure. A bilateral filter of ln E
averages a pixel with those around it that differ by what this explains. Edges and most texture differ
by more, and stay.

Source: Tomasi and Manduchi, "Bilateral Filtering for Gray and Color Images", ICCV 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from expinterp.core.arrays import Pixels, Plane

SEEN = (20, 230)  # code values that show noise: neither rounded to black nor near white
LEAST = 500  # pixels of a pair needed
LEAST_NOISE = 0.1  # code values: less does not show
MOST_NOISE = 5.0  # code values: more is an error of the response or of registration
NORMAL = 1 / (0.6745 * 1.5**0.5)  # standard deviation of d / median of |d − mean of two|
SIDE = 5  # pixels; side of the filter
REACH = SIDE // 2


def measure_noise_between(
    shots: Sequence[Pixels], logs: Plane, slopes: Plane, exposures: Sequence[float]
) -> float:
    """Measure the noise σ of a code value.

    Parameters
    ----------
    shots : sequence of uint8 or uint16 arrays, shape (rows, cols, channels)
        Display-encoded, registered, in any order; a sample of rows suffices.
    logs, slopes : arrays, shape (channels, codes)
        g and g′ of each code value; g′ per step of 1/255 of the range.
    exposures : sequence of float
        t of each shot.

    Returns
    -------
    float
        Standard deviation in code values, 0..255; 0 if there is none to remove, or no two shots show
        enough.
    """
    order = np.argsort(exposures)
    found: list[float] = []
    for short, long in pairwise(order):
        gap = np.log(exposures[short] / exposures[long])
        found += _deviations(shots[short], shots[long], logs, slopes, gap)
    noise = float(np.median(found)) * NORMAL if found else 0.0
    return min(noise, MOST_NOISE) if noise > LEAST_NOISE else 0.0


def _deviations(short: Pixels, long: Pixels, logs: Plane, slopes: Plane, gap: float) -> list[float]:
    """Return the median of |d − mean of the two beside it| of each channel; none if few pixels count."""
    low, high = (code * (np.iinfo(short.dtype).max / 255) for code in SEEN)
    seen = (short.min(axis=2) > low) & (long.max(axis=2) < high)
    seen = seen[:, :-2] & seen[:, 1:-1] & seen[:, 2:]
    if np.count_nonzero(seen) < LEAST:
        return []
    medians = []
    for c, (g, slope) in enumerate(zip(logs, slopes, strict=True)):
        dark, bright = short[..., c], long[..., c]
        d = (g[dark] - g[bright] - gap) / np.hypot(slope[dark], slope[bright])
        rough = d[:, 1:-1] - (d[:, :-2] + d[:, 2:]) / 2
        medians.append(float(np.median(np.abs(rough[seen]))))
    return medians


def smooth_radiance(radiance: Plane, spread: float, *, least: float, strength: float) -> Plane:
    """Remove noise from radiance.

    Parameters
    ----------
    radiance : float32 array, shape (rows, cols, 1 or 3)
        Linear. The result depends on `REACH` rows and columns around a pixel.
    spread : float
        Standard deviation of the noise of ln E, > 0.
    least : float
        Radiance > 0 below which all counts as dark.
    strength : float
        Share of the change, 0..1.

    Returns
    -------
    float32 array of the same shape
    """
    logs = cv2.log(np.maximum(radiance, np.float32(least))).reshape(radiance.shape)
    differences = spread * radiance.shape[2]  # the filter adds those of all channels
    smooth = cv2.bilateralFilter(logs, SIDE, differences, SIDE / 2).reshape(logs.shape)
    factor = cv2.exp(cv2.addWeighted(smooth, strength, logs, -strength, 0)).reshape(logs.shape)
    return np.asarray(np.multiply(factor, radiance, out=factor))

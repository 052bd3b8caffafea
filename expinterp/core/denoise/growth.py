"""How the noise of a photograph grows with brightness.

Light comes in photons, so brighter tones have more noise; cameras also smooth the dark ones most.
The variance n at code value z is modelled as a power, between the tones that were measured:

    n(z) = n(low) · (z / low)^p

p is fitted to groups of pixels in log(z) and log(n), with the usual p as prior (ridge regression).
Rounding to 8 bits does not grow, so the usual p is smaller where rounding is much of the noise.

Letters: z is a code value of ``short``, 0..255; n is a variance in code values².
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Pixels, Plane
from expinterp.core.mapping import to_codes

FLAT = 0.06  # share of the pixels, those with the least texture, that noise is measured on
GROUPS = 6  # of pixels, by code value
LEAST = 400  # pixels needed in each
USUAL = 0.5  # p of most cameras: 0 to 1 in 40 pairs
PRIOR = 0.36  # (error of a group's log(n) / spread of p among cameras)²: (0.3 / 0.5)²
BEYOND = 2.0  # noise grows up to so many times the brightest code value that was measured


@dataclass(frozen=True)
class Growth:
    """How noise grows: as z^`power` from `low` to `high`; constant below and above.

    Attributes
    ----------
    power : float
        p, at least 0; 0 for noise that is the same everywhere.
    low, high : float
        Code values, 0..255, above 0.
    """

    power: float = 0.0
    low: float = 1.0
    high: float = 255.0

    def __call__(self, codes: Plane) -> Plane:
        """Compute n(z) / n(low) at code values, float32 of any shape; 1 or more."""
        found = cv2.LUT(cv2.convertScaleAbs(codes), self._table)
        return np.asarray(found, np.float32).reshape(codes.shape)  # OpenCV makes columns of vectors

    def spread(self, short: Pixels) -> Plane:
        """Compute the standard deviation √(n(z) / n(low)) at the pixels of an image: (rows, cols)."""
        codes = to_codes(short)
        grey = cv2.cvtColor(codes, cv2.COLOR_RGB2GRAY) if codes.shape[2] == 3 else codes[..., 0]
        return np.asarray(cv2.LUT(grey, np.sqrt(self._table)))

    @cached_property
    def _table(self) -> Plane:
        codes = np.clip(np.arange(256, dtype=np.float32), self.low, self.high)
        return np.asarray((codes / np.float32(self.low)) ** np.float32(self.power))


CONSTANT = Growth()


def least_textured(texture: Plane) -> NDArray[np.intp]:
    """Return the places of the pixels with the least texture, of a flat array."""
    return np.flatnonzero(texture <= np.quantile(texture, FLAT))


def measure_growth(codes: Plane, variances: Plane, texture: Plane, *, rounding: float) -> Growth:
    """Measure how noise grows, from pixels in any order.

    Parameters
    ----------
    codes : float32 array, shape (pixels,)
        z.
    variances : array of the same shape
        n, as each pixel shows it.
    texture : array of the same shape
        Energy of the scene's own detail; pixels with little of it are measured.
    rounding : float
        Variance that rounding leaves, code values²; above 0.
    """
    if len(codes) < GROUPS * LEAST:
        return CONSTANT
    groups = np.array_split(np.argsort(codes), GROUPS)
    flat = [group[least_textured(texture[group])] for group in groups]
    z = np.array([np.median(codes[group]) for group in flat])
    n = np.array([max(np.median(variances[group]), rounding) for group in flat])
    steps = np.log(z) - np.log(z).mean()
    usual = USUAL * (1 - rounding / np.median(n))
    power = (steps @ np.log(n) + PRIOR * usual) / (steps @ steps + PRIOR)
    return Growth(max(float(power), 0.0), float(z[0]), min(BEYOND * float(z[-1]), 255.0))

"""A shoulder and a toe: compress values that fusion moved beyond black and white into 0..1.

Clipping would lose detail, with a visible edge. A hyperbola keeps the order of all values and does
not change the middle of the range. Values are display-encoded.

Letters: d is the distance of a value beyond the knee, d → d / (1 + c·d) the curve.

Source: the curve is that of Reinhard, Stark, Shirley and Ferwerda, "Photographic Tone Reproduction
for Digital Images", SIGGRAPH 2002, equation 3, applied beyond a knee.
"""

from __future__ import annotations

import cv2
import numpy as np

from expinterp.core.arrays import Picture

KNEE = 0.9  # default value above which the shoulder bends; the toe bends below 1 − KNEE
CLIPPED = 2e-4  # share of values that may stay out of range, at each end
BINS = 1024  # histogram bins per unit


def value_range(picture: Picture) -> tuple[float, float]:
    """Find the range of values, without the share `CLIPPED` at each end.

    Parameters
    ----------
    picture : float32 array, shape (rows, cols) or (rows, cols, channels)

    Returns
    -------
    low, high : float
        -1 ≤ low ≤ 0 and 1 ≤ high ≤ 2; values beyond -1 and 2 count as these.
    """
    values = picture.reshape(len(picture), -1)
    counts = cv2.calcHist([values], [0], None, [3 * BINS], [-1.0, 2.0]).ravel().astype(np.float64)
    beyond = values.size - counts.sum()
    if beyond:
        counts[0] += (below := np.count_nonzero(values < -1))
        counts[-1] += beyond - below
    share = np.cumsum(counts) / max(counts.sum(), 1)
    # The bin edges nearer to the middle: values just below 0 count as 0, just above 1 as 1.
    low = int(np.searchsorted(share, CLIPPED)) + 1
    high = int(np.searchsorted(share, 1 - CLIPPED))
    return min(low / BINS - 1, 0.0), max(high / BINS - 1, 1.0)


def compress(values: Picture, low: float, high: float, *, knee: float = KNEE) -> Picture:
    """Compress the ends of a range of values into 0..1.

    The distance d beyond the knee becomes d / (1 + c·d), with slope 1 at the knee. The shoulder
    has the c that maps `high` to 1, the toe the c that maps `low` to 0.

    Parameters
    ----------
    values : float32 array
        Changed in place.
    low, high : float
        At most 0 and at least 1; 0 and 1 change nothing.
    knee : float
        The value above which the shoulder bends, 0.5..1; the toe bends below 1 - `knee`.

    Returns
    -------
    float32 array
        `values`. Values beyond `low` and `high` remain slightly beyond 0 and 1.

    Examples
    --------
    >>> compress(np.float32([-0.1, 0.5, 1.3]), -0.1, 1.3).round(3) + 0
    array([0. , 0.5, 1. ], dtype=float32)
    """
    if low == 0 and high == 1:
        return values
    bottom, top = 1 - knee if low < 0 else -np.inf, knee if high > 1 else np.inf
    middle = np.clip(values, np.float32(bottom), np.float32(top))
    values -= middle  # the distance beyond one knee is positive, beyond the other negative
    curve = values * _bend(high, knee)
    if low < 0:
        np.maximum(curve, values * -_bend(1 - low, knee), out=curve)
    curve += 1
    values /= curve
    values += middle
    return values


def _bend(end: float, knee: float) -> np.float32:
    """Compute the c of the curve that maps `end` to 1."""
    return np.float32(1 / (1 - knee) - 1 / (end - knee))

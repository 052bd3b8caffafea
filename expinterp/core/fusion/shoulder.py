"""A shoulder and a toe: compress values that fusion moved beyond black and white into 0..1.

Clipping would lose detail, with a visible edge. A hyperbola keeps the order of all values and does
not change the middle of the range. Values are display-encoded, (channels, rows, cols).

Letters: d is the distance of a value beyond the knee, d → d / (1 + c·d) the curve.

Source: the curve is that of Reinhard, Stark, Shirley and Ferwerda, "Photographic Tone Reproduction
for Digital Images", SIGGRAPH 2002, equation 3, applied beyond a knee.
"""

from __future__ import annotations

import cv2
import numpy as np

from expinterp.core.arrays import Planes

KNEE = 0.9  # default value above which the shoulder bends; the toe bends below 1 − KNEE
CLIPPED = 2e-4  # share of values that may stay out of range, at each end
BINS = 1024  # histogram bins per unit


def value_range(image: Planes) -> tuple[float, float]:
    """Find the range of values, without the share `CLIPPED` at each end.

    Parameters
    ----------
    image : float32 array, shape (channels, rows, cols)

    Returns
    -------
    low, high : float
        -1 ≤ low ≤ 0 and 1 ≤ high ≤ 2; values beyond -1 and 2 count as these.
    """
    counts = np.zeros(3 * BINS)
    for plane in image:
        counts += cv2.calcHist([plane], [0], None, [3 * BINS], [-1.0, 2.0]).ravel()
        counts[0] += np.count_nonzero(plane < -1)
        counts[-1] += np.count_nonzero(plane >= 2)
    share = np.cumsum(counts) / max(counts.sum(), 1)
    # The bin edges nearer to the middle: values just below 0 count as 0, just above 1 as 1.
    low = int(np.searchsorted(share, CLIPPED)) + 1
    high = int(np.searchsorted(share, 1 - CLIPPED))
    return min(low / BINS - 1, 0.0), max(high / BINS - 1, 1.0)


def compress(values: Planes, low: float, high: float, *, knee: float = KNEE) -> Planes:
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
    if high > 1:
        values -= _excess(values - np.float32(knee), high, knee)
    if low < 0:
        values += _excess(np.float32(1 - knee) - values, 1 - low, knee)
    return values


def _excess(beyond: Planes, end: float, knee: float) -> Planes:
    """Compute the reduction d − d / (1 + c·d) of distances d, where `end` is to become 1."""
    curve = np.float32(1 / (1 - knee) - 1 / (end - knee))
    np.maximum(beyond, 0, out=beyond)
    return beyond - beyond / (1 + curve * beyond)

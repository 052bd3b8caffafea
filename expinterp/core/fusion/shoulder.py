"""Back into range: a shoulder and a toe for values that fusion took beyond black and white.

Clipping would lose detail with a visible edge; a hyperbola keeps the order of all values, and
leaves the middle of the range as it is.
"""

from __future__ import annotations

import cv2
import numpy as np

from expinterp.core.intermediate import Planes

KNEE = 0.9  # from where on the shoulder bends; the toe mirrors it
CLIPPED = 2e-4  # share of values that may stay out of range, at each end
BINS = 1024  # per unit, of the histogram of values


def value_range(image: Planes) -> tuple[float, float]:
    """Find how far values leave 0..1, but for the share `CLIPPED` at each end.

    Parameters
    ----------
    image : float32 array, shape (channels, rows, cols)

    Returns
    -------
    low, high : float
        At most 0 and at least 1, and within -1 and 2: values beyond count there.
    """
    counts = np.zeros(3 * BINS)
    for plane in image:
        counts += cv2.calcHist([plane], [0], None, [3 * BINS], [-1.0, 2.0]).ravel()
        counts[0] += np.count_nonzero(plane < -1)
        counts[-1] += np.count_nonzero(plane >= 2)
    share = np.cumsum(counts) / max(counts.sum(), 1)
    # The edges towards the middle of their bins: just below 0 counts as 0, just above 1 as 1.
    low = int(np.searchsorted(share, CLIPPED)) + 1
    high = int(np.searchsorted(share, 1 - CLIPPED))
    return min(low / BINS - 1, 0.0), max(high / BINS - 1, 1.0)


def compress(values: Planes, low: float, high: float) -> Planes:
    """Bend the ends of a range of values into 0..1.

    With d the distance beyond the knee, d becomes d / (1 + c·d), whose slope is 1 at the knee;
    c is such that `high` becomes 1 and, at the other end, `low` becomes 0.

    Parameters
    ----------
    values : float32 array
        Changed in place.
    low, high : float
        At most 0 and at least 1; 0 and 1 change nothing.

    Returns
    -------
    float32 array
        `values`; what lay beyond `low` and `high` is still a little beyond 0 and 1.

    Examples
    --------
    >>> compress(np.float32([-0.1, 0.5, 1.3]), -0.1, 1.3).round(3) + 0
    array([0. , 0.5, 1. ], dtype=float32)
    """
    if high > 1:
        values -= _excess(values - np.float32(KNEE), high)
    if low < 0:
        values += _excess(np.float32(1 - KNEE) - values, 1 - low)
    return values


def _excess(beyond: Planes, end: float) -> Planes:
    """Compute how much too far values are, d − d / (1 + c·d), from their distances d to the knee."""
    curve = np.float32(1 / (1 - KNEE) - 1 / (end - KNEE))
    np.maximum(beyond, 0, out=beyond)
    return beyond - beyond / (1 + curve * beyond)

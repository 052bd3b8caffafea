"""Headroom: bring coarse levels of a fused picture into range, and keep the details on them.

On every level the exposure that holds most contrast counts most, and the contrasts add up. What only
the darkest exposure holds thus ends beyond white, up to 1.5, where one curve for all pixels flattens
it. So the curve is applied to each coarse level, before finer ones are added. A guided filter makes
the change of brightness even within a surface, and different on the two sides of an edge: a bright
surface becomes darker as a whole, and its texture keeps its contrast.

Values are display-encoded, about 0..1.

Source: compressing the base and not the details is the idea of Durand and Dorsey, "Fast Bilateral
Filtering for the Display of High-Dynamic-Range Images", SIGGRAPH 2002.
"""

from __future__ import annotations

import numpy as np

from expinterp.core.arrays import Picture
from expinterp.core.fusion.guided import guided_coefficients
from expinterp.core.fusion.shoulder import compress, value_range
from expinterp.core.fusion.weighting import grey, spread
from expinterp.core.parallel import map_threads, parts_of

KNEE = 0.85  # luma above which the curve bends; a lower one holds more, and flattens more
RADIUS = 8  # of the guided filter, in pixels of the level
EPSILON = 1 / 32  # of the guided filter; a larger one keeps more texture, reverses more order


def keep_headroom(base: Picture) -> Picture:
    """Compress the luma of a level into 0..1, evenly within surfaces.

    All channels change by the same amount, so that their differences remain.

    Parameters
    ----------
    base : float32 array, shape (rows, cols) or (rows, cols, 3)
        The sum of a level and all coarser ones; changed in place.

    Returns
    -------
    float32 array
        `base`.
    """
    guide = grey(base)
    low, high = value_range(guide)
    if low == 0 and high == 1:
        return base
    change, parts = np.empty_like(guide), parts_of(guide.shape)

    def bend(rows: slice) -> None:
        bent = compress(guide[rows].copy(), low, high, knee=KNEE)
        np.subtract(bent, guide[rows], out=change[rows])

    map_threads(bend, parts)
    slope, offset = guided_coefficients(
        guide, change, radius=RADIUS, epsilon=EPSILON, weighted=False
    )

    def add(rows: slice) -> None:
        base[rows] += spread(slope[rows] * guide[rows] + offset[rows], base)

    map_threads(add, parts)
    return base

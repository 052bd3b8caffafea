"""Where shots of a scene contradicted each other, and which shot each such region was taken from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST = 0.5  # share of moved pixels above which the shots may not belong together


@dataclass(frozen=True, eq=False)
class Ghosts:
    """Where shots of a scene contradicted each other, and which shot each such region is from.

    Attributes
    ----------
    sources : uint8 array, shape (rows, cols) of the result
        0 where nothing moved, else the number of the shot that the region was taken from, counted
        from 1, from bright to dark. Of a pair, 1 is the long and 2 the short shot.
    share : float
        Share of pixels that moved, 0..1.
    """

    sources: NDArray[np.uint8] = field(repr=False)
    share: float

    @classmethod
    def none(cls, rows: int, cols: int) -> Ghosts:
        """Return the ghosts of a picture of this size in which nothing moved."""
        return cls(np.zeros((rows, cols), np.uint8), 0.0)


def explain_ghosts(share: float) -> list[str]:
    """Warn if most of a picture moved; `share` is that of the moved pixels, 0..1.

    Examples
    --------
    >>> len(explain_ghosts(0.5)), explain_ghosts(0.62)[0][:35]
    (0, 'most of the picture (62 %) differs ')
    """
    if share <= MOST:
        return []
    msg = (
        f"most of the picture ({100 * share:.0f} %) differs between the shots and is taken from "
        "one of them; check that they show one scene, or choose the shot with --reference"
    )
    return [msg]

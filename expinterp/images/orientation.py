"""Converting stored pixels to upright ones, for the eight orientations of EXIF.

The tag states where row 0 and column 0 of the stored pixels belong in the upright picture.

Source: CIPA DC-008 (Exif 2.32), Orientation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expinterp.images.photograph import Pixels

Array = NDArray[Any]

UPRIGHT = 1
_TURNS: dict[int, Callable[[Array], Array]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: stored.swapaxes(0, 1)[:, ::-1],
    7: lambda stored: stored.swapaxes(0, 1)[::-1, ::-1],
    8: lambda stored: stored.swapaxes(0, 1)[::-1],
}
_INVERSE = {6: 8, 8: 6}  # the other six are their own inverse


def turn(stored: Array, orientation: int) -> Array:
    """Return an upright view of stored pixels; an unknown orientation counts as 1."""
    return _TURNS.get(orientation, _TURNS[UPRIGHT])(stored)


def turn_back(upright: Array, orientation: int) -> Array:
    """Return a view of upright pixels as they are stored; the inverse of `turn`."""
    return turn(upright, _INVERSE.get(orientation, orientation))


def _copy_turned(stored: Array, orientation: int) -> Array:
    """Return an upright copy; OpenCV transposes six times as fast as NumPy."""
    import cv2

    if orientation < 5:
        return turn(stored, orientation)
    across = cv2.transpose(stored)
    across = across.reshape(stored.shape[1], stored.shape[0], -1)
    return {5: across, 6: across[:, ::-1], 7: across[::-1, ::-1], 8: across[::-1]}[orientation]


def assemble_upright(
    blocks: Iterable[Array], shape: tuple[int, int, int], dtype: Any, orientation: int
) -> Pixels:
    """Write blocks of stored rows, from the top, into one upright array.

    Block by block, one copy of the picture is in memory instead of two. `shape` is that of the
    stored picture, (rows, cols, channels).
    """
    if orientation not in _TURNS:
        orientation = UPRIGHT
    rows, cols, channels = shape
    size = (cols, rows) if orientation >= 5 else (rows, cols)
    upright = np.empty((*size, channels), dtype)
    stored = turn_back(upright, orientation)
    first = 0
    for block in blocks:
        place = stored[first : first + len(block)]
        turn(place, orientation)[...] = _copy_turned(block, orientation)
        first += len(block)
    return upright


def row_blocks(rows: int, row_bytes: int, block_bytes: int = 1 << 22) -> Iterable[slice]:
    """Divide rows into slices of about `block_bytes`, at least one row each."""
    step = max(1, block_bytes // max(1, row_bytes))
    for first in range(0, rows, step):
        yield slice(first, min(first + step, rows))


def make_upright(stored: Pixels, orientation: int) -> Pixels:
    """Return a stored array upright; the array itself if it is upright already."""
    if orientation not in _TURNS or orientation == UPRIGHT:
        return stored
    row_bytes = stored[:1].nbytes
    blocks = (stored[part] for part in row_blocks(len(stored), row_bytes))
    rows, cols, channels = stored.shape
    return assemble_upright(blocks, (rows, cols, channels), stored.dtype, orientation)

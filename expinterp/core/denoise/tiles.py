"""Tiles of an image that are denoised one at a time, each with the pixels around that it depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Mask
from expinterp.core.parallel import strips

TILE = 512  # pixels; side of the tiles
HALO = 48  # pixels around a tile that its result depends on; a multiple of 2**LEVELS
CLOSE = 16  # of these, the pixels that the finest band of the result depends on
MOST = 0.6  # of a tile: a larger rectangle of it is not worth cutting out
CELL = 64  # pixels; side of the cells of which a tile keeps a rectangle
FEW = 0.05  # share of a cell; what is marked in fewer pixels is left out

Area: TypeAlias = tuple[slice, slice]  # rows and columns


@dataclass(frozen=True)
class NoisyTile:
    """A tile: the pixels whose result it gives, within those it is computed from."""

    core: Area  # the pixels of the result, in the image
    block: Area  # all that are read, in the image
    near: Area  # those that the finest band depends on, in the block
    half: Area  # the same, in a level of half the size
    inner: Area  # the core, in the finest band

    @classmethod
    def around(cls, core: Area, shape: tuple[int, ...]) -> NoisyTile:
        """Build the tile of some pixels of an image of this shape, from multiples of `CELL` on."""
        axes = [_extend(part, size) for part, size in zip(core, shape, strict=False)]
        return cls(core, *zip(*axes, strict=True))


def cut_cores(rows: slice, shape: tuple[int, ...]) -> list[Area]:
    """Cut some rows of an image into the cores of tiles."""
    down = [_shift(part, rows.start) for part in strips(rows.stop - rows.start, TILE)]
    return [(row, col) for row in down for col in strips(shape[1], TILE)]


def narrow(core: Area, marked: Mask, step: int) -> Area | None:
    """Return the rectangle around all cells that have enough marked pixels; None if none has.

    If it is most of the core, the whole core is returned.

    Parameters
    ----------
    core : (rows, cols)
    marked : bool array
        At every `step`-th pixel of the core.
    step : int
    """
    kept = _sum_cells(marked, CELL // step) > FEW * _sum_cells(np.ones_like(marked), CELL // step)
    if not kept.any():
        return None
    rows, cols = (
        _shift(_span(np.asarray(kept.any(axis=1 - axis)), part.stop - part.start), part.start)
        for axis, part in enumerate(core)
    )
    return core if _pixels((rows, cols)) > MOST * _pixels(core) else (rows, cols)


def _pixels(area: Area) -> int:
    rows, cols = area
    return int((rows.stop - rows.start) * (cols.stop - cols.start))


def _sum_cells(marked: Mask, side: int) -> NDArray[np.int64]:
    """Count the marked pixels of each cell; the last ones may be smaller."""
    starts = (np.arange(0, length, side) for length in marked.shape)
    counts = marked.astype(np.int64)
    for axis, each in enumerate(starts):
        counts = np.add.reduceat(counts, each, axis=axis)
    return counts


def within(core: Area, outer: Area) -> Area:
    """Return where the pixels of a core lie in an array of an area of the image."""
    rows, cols = (_shift(part, -whole.start) for part, whole in zip(core, outer, strict=True))
    return rows, cols


def _span(kept: Mask, length: int) -> slice:
    """Return the pixels from the first to the last cell that is kept, of so many."""
    places = np.flatnonzero(kept)
    return slice(int(places[0]) * CELL, min((int(places[-1]) + 1) * CELL, length))


def _shift(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _extend(core: slice, size: int) -> tuple[slice, ...]:
    """Return block, near, half and inner of a tile along one axis."""
    block, near = (
        slice(max(core.start - reach, 0), min(core.stop + reach, size)) for reach in (HALO, CLOSE)
    )
    inner, near = _shift(core, -near.start), _shift(near, -block.start)
    return block, near, slice(near.start // 2, (near.stop + 1) // 2), inner

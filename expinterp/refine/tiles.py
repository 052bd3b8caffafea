"""Cutting a picture into tiles with a halo, so that the tiling never shows.

A network that looks `halo` pixels around each pixel answers for a tile what it answers for the
whole picture, if the tile comes with so many pixels more on every side. Beyond the picture its edge
pixels go on. Tiles start at multiples of the network's *alignment*, the side of the block of pixels
that it folds into one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Reach(Protocol):
    """What of a network decides how to cut; both in pixels, `halo` a multiple of `alignment`."""

    @property
    def alignment(self) -> int:
        """Side of the block that is folded into one."""

    @property
    def halo(self) -> int:
        """How far the network looks on each side."""


@dataclass(frozen=True)
class Tile:
    """A piece of a picture: the pixels it answers for, and those it is computed from."""

    core: tuple[slice, slice]  # in the picture
    inner: tuple[slice, slice]  # the same pixels in the block
    rows: NDArray[np.intp]  # picture row of every block row; repeats at the edges
    cols: NDArray[np.intp]

    def take(self, image: NDArray[Any]) -> NDArray[Any]:
        """Cut the tile with its halo out of a picture (rows, cols, channels) of any dtype."""
        top, left = self.rows[0], self.cols[0]
        near: NDArray[Any] = image[top : self.rows[-1] + 1, left : self.cols[-1] + 1]
        if near.shape[:2] == (len(self.rows), len(self.cols)):
            return near
        padded: NDArray[Any] = near[self.rows - top][:, self.cols - left]
        return padded


def cut_tiles(shape: tuple[int, ...], reach: Reach, *, tile: tuple[int, int]) -> Iterator[Tile]:
    """Cut a picture of `shape` (rows, cols) into tiles of one size, halo included.

    All blocks have the same shape, so that one memory plan serves them all; what lies beyond
    the picture repeats its edge.
    """
    rows, cols = (_starts(size, step, reach) for size, step in zip(shape, tile, strict=True))
    for row, row_index in rows:
        for col, col_index in cols:
            yield Tile(
                core=(row, col),
                inner=(_inner(row, reach), _inner(col, reach)),
                rows=row_index,
                cols=col_index,
            )


def _starts(size: int, step: int, reach: Reach) -> list[tuple[slice, NDArray[np.intp]]]:
    """Cut one axis: the pixels of each tile, and the index of every pixel of its block."""
    step = min(_round_up(step, reach.alignment), _round_up(size, reach.alignment))
    block = np.arange(-reach.halo, step + reach.halo)
    return [
        (slice(start, min(start + step, size)), np.clip(start + block, 0, size - 1))
        for start in range(0, size, step)
    ]


def _inner(core: slice, reach: Reach) -> slice:
    return slice(reach.halo, reach.halo + core.stop - core.start)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple

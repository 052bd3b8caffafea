"""Cut an image into overlapping tiles, so that tiling does not change the result.

A network whose receptive field has radius `halo` gives the same result for a tile as for the whole
image, if the tile has `halo` more pixels on every side. Edge pixels are repeated beyond the image.
Tiles start at multiples of `alignment`, the side of the block of pixels that the network folds into
one. Images are (rows, cols, channels).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expinterp.refine.contract import Contract


@dataclass(frozen=True)
class Tile:
    """A tile: the pixels whose result it gives (core), within the block it is computed from."""

    core: tuple[slice, slice]  # in the image
    inner: tuple[slice, slice]  # the same pixels in the block
    rows: NDArray[np.intp]  # image row of every block row; repeated at the edges
    cols: NDArray[np.intp]

    def crop(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return the block of the tile, halo included, from an image of any dtype."""
        top, left = self.rows[0], self.cols[0]
        inside: NDArray[Any] = image[top : self.rows[-1] + 1, left : self.cols[-1] + 1]
        if inside.shape[:2] != (len(self.rows), len(self.cols)):
            inside = inside[self.rows - top][:, self.cols - left]
        return inside

    def core_within(self, rows: slice) -> tuple[slice, slice]:
        """Return the core in an array of some rows of the image."""
        return slice(self.core[0].start - rows.start, self.core[0].stop - rows.start), self.core[1]


def cut_tiles(
    shape: tuple[int, ...], network: Contract, *, tile: tuple[int, int], rows: slice | None = None
) -> Iterator[Tile]:
    """Cut an image of `shape` (rows, cols), or some rows of it, into tiles of `tile` (rows, cols).

    All blocks have the same shape, so that ONNX Runtime can reuse its memory.
    """
    whole = slice(0, shape[0]), slice(0, shape[1])
    down = _cut_axis(rows or whole[0], shape[0], tile[0], network)
    across = _cut_axis(whole[1], shape[1], tile[1], network)
    for row, row_index in down:
        for col, col_index in across:
            inner = _inner(row, network), _inner(col, network)
            yield Tile((row, col), inner, row_index, col_index)


def _cut_axis(
    part: slice, size: int, step: int, network: Contract
) -> list[tuple[slice, NDArray[np.intp]]]:
    """Cut a part of one axis: the core of each tile, and the image index of every block pixel."""
    length = part.stop - part.start
    step = min(_round_up(step, network.alignment), _round_up(length, network.alignment))
    block = np.arange(-network.halo, step + network.halo)
    return [
        (slice(start, min(start + step, part.stop)), np.clip(start + block, 0, size - 1))
        for start in range(part.start, part.stop, step)
    ]


def _inner(core: slice, network: Contract) -> slice:
    return slice(network.halo, network.halo + core.stop - core.start)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple

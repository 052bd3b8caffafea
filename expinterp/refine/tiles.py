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

import cv2
from numpy.typing import NDArray

from expinterp.refine.contract import Contract


@dataclass(frozen=True)
class Tile:
    """A tile: the pixels whose result it gives (core), within the block it is computed from."""

    core: tuple[slice, slice]  # in the image
    inner: tuple[slice, slice]  # the same pixels in the block
    rows: tuple[int, int]  # first row of the block and the one after its last; may lie outside
    cols: tuple[int, int]

    def crop(self, image: NDArray[Any]) -> NDArray[Any]:
        """Return the block of the tile, halo included, from an image of any dtype."""
        (top, bottom), (left, right) = self.rows, self.cols
        rows, cols = image.shape[:2]
        beyond = max(-top, 0), max(bottom - rows, 0), max(-left, 0), max(right - cols, 0)
        inside: NDArray[Any] = image[max(top, 0) : bottom, max(left, 0) : right]
        if not any(beyond):
            return inside
        block = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE)
        return block.reshape(bottom - top, right - left, image.shape[2])

    def core_within(self, rows: slice) -> tuple[slice, slice]:
        """Return the core in an array of some rows of the image."""
        return slice(self.core[0].start - rows.start, self.core[0].stop - rows.start), self.core[1]


def cut_tiles(
    shape: tuple[int, ...], network: Contract, *, tile: tuple[int, int], rows: slice | None = None
) -> Iterator[Tile]:
    """Cut an image of `shape` (rows, cols), or some rows of it, into tiles of `tile` (rows, cols).

    All blocks have the same shape, so that ONNX Runtime can reuse its memory.
    """
    down = _cut_axis(rows or slice(0, shape[0]), tile[0], network)
    across = _cut_axis(slice(0, shape[1]), tile[1], network)
    for row, row_ends in down:
        for col, col_ends in across:
            inner = _inner(row, network), _inner(col, network)
            yield Tile((row, col), inner, row_ends, col_ends)


def _cut_axis(part: slice, step: int, network: Contract) -> list[tuple[slice, tuple[int, int]]]:
    """Cut a part of one axis: the core of each tile, and the ends of its block."""
    length = part.stop - part.start
    step = min(_round_up(step, network.alignment), _round_up(length, network.alignment))
    return [
        (
            slice(start, min(start + step, part.stop)),
            (start - network.halo, start + step + network.halo),
        )
        for start in range(part.start, part.stop, step)
    ]


def _inner(core: slice, network: Contract) -> slice:
    return slice(network.halo, network.halo + core.stop - core.start)


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple

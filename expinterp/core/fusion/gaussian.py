"""The Gaussian pyramids of all exposures of a scene, in code values.

Level 0 are the images themselves; coarser levels are rounded to 16 bits. Level 1, the largest one
computed, is not stored if it were large: its rows are then computed again where they are needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Picture, Pixels
from expinterp.core.fusion.pyramid import reduce_codes, reduced_shape
from expinterp.core.parallel import map_threads, parts_of

KEEP = 2**28  # bytes of level 1, all exposures together, up to which it is stored


class GaussianPyramids:
    """Rows of all exposures on every level.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 3)
        All of one shape and dtype.
    levels : int, optional
        At least 1; by default until the longer side has 2 to 4 pixels.

    Attributes
    ----------
    shapes : list of tuple of int
        The shape of each level, from fine to coarse.

    Raises
    ------
    ValueError
        If `levels` is below 1.
    """

    def __init__(self, images: Sequence[Pixels], levels: int | None) -> None:
        if levels is not None and levels < 1:
            msg = f"levels must be at least 1, got {levels}"
            raise ValueError(msg)
        most = max(max(images[0].shape[:2]).bit_length() - 1, 1)
        self.shapes: list[tuple[int, ...]] = [images[0].shape]
        while len(self.shapes) < min(levels or most, most):
            self.shapes.append(reduced_shape(self.shapes[-1]))
        self._pyramids = [self._build(image, len(images)) for image in images]

    def __len__(self) -> int:
        return len(self.shapes)

    def level(self, level: int) -> list[Pixels]:
        """Return all exposures on a level that is stored: any but level 1 of more than 2."""
        return [pyramid[level] for pyramid in self._pyramids]

    def rows(self, level: int, rows: slice) -> list[Picture]:
        """Return rows of all exposures on a level, scaled to 0..1."""
        return [
            to_unit(pyramid[level][rows] if level in pyramid else reduce_codes(pyramid[0], rows))
            for pyramid in self._pyramids
        ]

    def drop(self, first: int) -> None:
        """Free the memory of levels from `first` on; their shapes remain."""
        for pyramid in self._pyramids:
            for level in range(first, len(self.shapes)):
                pyramid.pop(level, None)

    def _build(self, image: Pixels, count: int) -> dict[int, Pixels]:
        """Build the pyramid of one of `count` images."""
        pyramid: dict[int, Pixels] = {0: image}
        for level, shape in enumerate(self.shapes[1:], start=1):
            pyramid[level] = _reduce(pyramid[level - 1], shape)
        if len(pyramid) > 2 and count * pyramid[1].nbytes > KEEP:
            del pyramid[1]
        return pyramid


def to_unit(codes: Pixels) -> Picture:
    """Scale code values to 0..1."""
    values = codes.astype(np.float32, order="C")
    values *= np.float32(1 / np.iinfo(codes.dtype).max)
    return values


def _reduce(image: Pixels, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Reduce an image to `shape`, rounded to 16 bits."""
    out = np.empty(shape, np.uint16)

    def work(rows: slice) -> None:
        out[rows] = reduce_codes(image, rows)

    map_threads(work, parts_of(shape))
    return out

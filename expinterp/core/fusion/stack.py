"""Multi-scale exposure fusion: the best of every exposure, level by level of a Laplacian pyramid.

Every exposure is weighed by local contrast, saturation and well-exposedness (Mertens et al.). On
every level of the pyramid the weights are smoothed by a guided filter with the exposure itself as
the guide, made to sum to one, and used to average the details; the sum of all levels is the fused
picture. It may leave the range of code values; a smooth shoulder and toe bring it back.

Coarse levels are 16-bit pictures: what rounding takes on one level is part of the detail of the
next finer one, so that the sum stays exact. Weights are measured at a quarter of the size, and
what the filter fits there is enlarged for the two finer levels: `benchmarks/fusion.py` shows no
loss, and no float picture of the full size is ever made, only strips of rows.

Here a picture is an array (channels, rows, cols).

Sources: Mertens, Kautz and Van Reeth, "Exposure Fusion", Pacific Graphics 2007; Li, Wei, Wen and
Zheng, "Detail-Enhanced Multi-Scale Exposure Fusion", TIP 2017, and Kou, Li, Wen and Chen,
ICME 2017 (smoothing the levels of the weights).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from functools import reduce as fold
from typing import Any, Literal, TypeAlias, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import check_images, with_channels
from expinterp.core.fusion.guided import guided_coefficients
from expinterp.core.fusion.pyramid import Plane, expand, halved, reduce
from expinterp.core.fusion.shoulder import compress, value_range
from expinterp.core.fusion.weighting import Weighting, grey, weigh
from expinterp.core.intermediate import Planes, quantise, round_codes
from expinterp.core.mapping import Pixels
from expinterp.core.parallel import map_threads, strips

Method: TypeAlias = Literal["guided", "mertens"]
Progress: TypeAlias = Callable[[float], None]
Picture: TypeAlias = NDArray[Any]  # code values, uint8 or uint16, (channels, rows, cols)

RADIUS = 4  # of the guided filter, in pixels of every level; Kou et al. 2017
EPSILON = 1 / 128  # of the guided filter; the papers have 1/1024, which keeps the order less well
TINY = 1e-12  # added to every smoothed weight, so that their sum is never 0
QUARTER = 2  # the level on which weights are measured where they are smoothed
STRIP = 64  # rows in work at a time


@dataclass(frozen=True, eq=False)
class Fit:
    """The smoothed weights of an exposure on one level: ``slope * grey + offset``.

    Attributes
    ----------
    slope : float32 array, shape (rows, cols), or None
        None where no guide was used.
    offset : float32 array, shape (rows, cols)
    """

    slope: Plane | None
    offset: Plane


class Stack:
    """Exposures of one scene, taken apart and weighed, ready to be fused.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, R G B, registered, all of one shape and dtype; in any order.
    weighting : Weighting, optional
    method : {'guided', 'mertens'}
        ``mertens`` measures weights at full size and smooths them by the Gaussian pyramid alone.
    levels : int, optional
        Levels of the pyramid, at least 1; if not given, until the longer side has 2 to 4 pixels.

    Raises
    ------
    ValueError
        If the arrays are no such images, `method` is unknown, or `levels` is below 1.
    PairError
        If the images differ in shape or dtype.
    """

    def __init__(
        self,
        images: Sequence[Pixels],
        *,
        weighting: Weighting | None = None,
        method: Method = "guided",
        levels: int | None = None,
    ) -> None:
        check_images(images)
        if method not in get_args(Method):
            msg = f"method must be one of {get_args(Method)}, got {method!r}"
            raise ValueError(msg)
        self._shape, self._dtype = images[0].shape, images[0].dtype
        self._levels = _take_apart([with_channels(image) for image in images], levels)
        self._first = min(QUARTER, len(self._levels) - 1) if method == "guided" else 0
        weights = _measure(self._levels[self._first], weighting or Weighting())
        smooth = _guided if method == "guided" else _unguided
        self._fits: list[list[Fit]] = []
        for pictures in self._levels[self._first :]:
            self._fits.append([smooth(*pair) for pair in zip(pictures, weights, strict=True)])
            weights = [reduce(plane) for plane in weights]

    @cached_property
    def base(self) -> Planes | None:
        """All levels but the finest, fused: float32 (channels, rows / 2, cols / 2), unclipped.

        None where there is only one level.
        """
        base = None
        for level in range(len(self._levels) - 1, 0, -1):
            base = self._fuse_level(level, base)
        return base

    def fuse(self, *, progress: Progress | None = None) -> Pixels:
        """Fuse the exposures.

        Parameters
        ----------
        progress : function, optional
            Called with the share done, 0..1.

        Returns
        -------
        array of the shape and dtype of one image
            Clipped and rounded once.
        """
        base = self.base
        low, high = (0.0, 1.0) if base is None else value_range(base)
        out = np.empty(self._shape, self._dtype)
        fused = with_channels(out)

        def work(rows: slice) -> None:
            quantise(compress(self._fuse_rows(0, base, rows), low, high), fused[rows])

        map_threads(work, strips(len(out), STRIP), progress=progress)
        return out

    def weights(self, index: int) -> Plane:
        """Give the weights of one exposure at full size: float32 (rows, cols), 0..1."""
        pictures = self._levels[0]
        out = np.empty(pictures[0].shape[1:], np.float32)

        def work(rows: slice) -> None:
            out[rows] = self._weigh_rows(0, [_unit(each[:, rows]) for each in pictures], rows)[
                index
            ]

        map_threads(work, strips(len(out), STRIP))
        return out

    def _fuse_level(self, level: int, base: Planes | None) -> Planes:
        """Fuse a level with all coarser ones: float32, about 0..1."""
        out = np.empty(self._levels[level][0].shape, np.float32)

        def work(rows: slice) -> None:
            out[:, rows] = self._fuse_rows(level, base, rows)

        map_threads(work, strips(len(out[0]), STRIP))
        return out

    def _fuse_rows(self, level: int, base: Planes | None, rows: slice) -> Planes:
        """Average the details of a level, and add them to what the coarser levels gave."""
        pictures = self._levels[level]
        shape = pictures[0].shape
        values = [_unit(picture[:, rows]) for picture in pictures]
        details = list(zip(values, self._weigh_rows(level, values, rows), strict=True))
        if base is not None:
            for (value, _), coarse in zip(details, self._levels[level + 1], strict=True):
                np.subtract(value, _unit(_expand(coarse, shape, rows), coarse.dtype), out=value)
        fused: Planes = fold(np.add, [value * weight for value, weight in details])
        return fused if base is None else fused + _expand(base, shape, rows)

    def _weigh_rows(self, level: int, values: Sequence[Planes], rows: slice) -> list[Plane]:
        """Give the smoothed weights of all exposures on some rows of a level; their sum is 1."""
        shape = self._levels[level][0].shape[1:]
        weights = []
        for value, fit in zip(values, self._fits[max(level - self._first, 0)], strict=True):
            weight = enlarge(fit.offset, shape, rows)
            if fit.slope is not None:
                weight += enlarge(fit.slope, shape, rows) * grey(value)
            weights.append(np.maximum(weight, 0, out=weight))
        total = fold(np.add, weights) + np.float32(len(weights) * TINY)
        return [(weight + np.float32(TINY)) / total for weight in weights]


def enlarge(plane: Plane, shape: tuple[int, ...], rows: slice) -> Plane:
    """Stretch a plane bilinearly over a larger one of `shape`, and cut out some of its rows."""
    if plane.shape == shape:
        return plane[rows].copy()
    where = (np.arange(rows.start, rows.stop) + 0.5) * (len(plane) / shape[0]) - 0.5
    where = np.clip(where, 0, len(plane) - 1)
    first = min(int(where[0]), max(len(plane) - 2, 0))  # a single row is rounded differently
    near = plane[first : int(where[-1]) + 2]
    wide = cv2.resize(near, (shape[1], len(near)), interpolation=cv2.INTER_LINEAR)
    above = where.astype(np.intp)
    share = (where - above).astype(np.float32)[:, np.newaxis]
    above -= first
    below = np.minimum(above + 1, len(near) - 1)
    stretched: Plane = wide[above] * (1 - share) + wide[below] * share
    return stretched


def _take_apart(images: Sequence[Pixels], levels: int | None) -> list[list[Picture]]:
    """Make the Gaussian pyramids of all images, from fine to coarse."""
    if levels is not None and levels < 1:
        msg = f"levels must be at least 1, got {levels}"
        raise ValueError(msg)
    most = max(max(images[0].shape[:2]).bit_length() - 1, 1)
    stacks: list[list[Picture]] = [[np.moveaxis(image, 2, 0) for image in images]]
    for _ in range(min(levels or most, most) - 1):
        stacks.append([_halve(picture) for picture in stacks[-1]])
    return stacks


def _halve(picture: Picture) -> Picture:
    """Reduce a picture to 16 bits."""
    out = np.empty((len(picture), *halved(picture[0].shape)), np.uint16)

    def work(rows: slice) -> None:
        for plane, half in zip(picture, out, strict=True):
            half[rows] = round_codes(_unit(reduce(plane, rows), picture.dtype), out.dtype)

    map_threads(work, strips(len(out[0]), STRIP))
    return out


def _expand(picture: Picture | Planes, shape: tuple[int, ...], rows: slice) -> Planes:
    """Expand all planes of a picture; see `expand`."""
    return np.stack([expand(plane, shape[1:], rows) for plane in picture])


def _measure(pictures: Sequence[Picture], weighting: Weighting) -> list[Plane]:
    """Weigh all exposures; at every pixel the weights sum to 1."""
    planes = [np.empty(picture.shape[1:], np.float32) for picture in pictures]

    def work(rows: slice) -> None:
        near = slice(max(rows.start - 1, 0), rows.stop + 1)  # contrast looks one row further
        inner = slice(rows.start - near.start, rows.stop - near.start)
        logs = [weigh(_unit(each[:, near]), weighting)[inner] for each in pictures]
        best = fold(np.maximum, logs)
        weights = [np.exp(log - best) for log in logs]
        total = fold(np.add, weights)
        for plane, weight in zip(planes, weights, strict=True):
            np.divide(weight, total, out=plane[rows])

    map_threads(work, strips(len(planes[0]), STRIP))
    return planes


def _guided(picture: Picture, weights: Plane) -> Fit:
    """Smooth weights along the edges of their own exposure."""
    guide = grey(_unit(picture))
    return Fit(*guided_coefficients(guide, weights, radius=RADIUS, epsilon=EPSILON))


def _unguided(_: Picture, weights: Plane) -> Fit:
    """Leave the smoothing to the pyramid."""
    return Fit(None, weights)


def _unit(values: NDArray[Any], dtype: np.dtype[Any] | None = None) -> Planes:
    """Bring code values of a dtype, that of the array if not given, to 0..1."""
    top = np.iinfo(dtype or values.dtype).max
    unit: Planes = np.multiply(values, np.float32(1 / top), dtype=np.float32, order="C")
    return unit

"""Multi-scale exposure fusion: the weighted mean of exposures on every level of a Laplacian pyramid.

The weights measure local contrast, saturation and well-exposedness (Mertens et al.). On every level
they are smoothed by a guided filter, with the exposure itself as the guide, normalised to sum to 1,
and used to average the details. The sum of all levels is the fused image. It may leave the range of
code values; `headroom` brings coarse levels back, and a smooth shoulder and toe compress the rest.

The guided method weighs an exposure by what it knows as well. Where one is nearly white, its weight
in the finest levels falls, so that small highlights are those of a darker exposure. Colour
differences have weights of their own, except in the finest level, where they cost more than they
show. These also fall where any channel is nearly white: luma keeps its order of brightness, and hue
is that of exposures that hold it.

Coarse levels are stored in 16 bits. The sum stays exact, as the rounding of one level becomes part
of the detail of the next finer one. Weights are measured at a quarter of the size, and the fits of
the guided filter are enlarged for the two finer levels; `benchmarks/fusion.py` shows no loss. This
saves memory: floats of the full size exist only for strips of rows.

As weights sum to 1, the mean is taken of differences to the first exposure. It is a sum over one
exposure less, and equal exposures have exactly the mean that they should.

Pictures here are (rows, cols) or (rows, cols, 3), display-encoded; levels run from 0, the finest.

Sources: Mertens, Kautz and Van Reeth, "Exposure Fusion", Pacific Graphics 2007; Li, Wei, Wen and
Zheng, "Detail-Enhanced Multi-Scale Exposure Fusion", TIP 2017, and Kou, Li, Wen and Chen,
ICME 2017 (smoothing the levels of the weights).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from functools import reduce as fold
from typing import Literal, TypeAlias, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Picture, Pixels, Plane, check_images
from expinterp.core.fusion import headroom, shoulder
from expinterp.core.fusion.guided import guided_coefficients
from expinterp.core.fusion.pyramid import expand, reduce, reduce_codes, reduced_shape, support
from expinterp.core.fusion.shoulder import compress, value_range
from expinterp.core.fusion.weighting import (
    Weighting,
    grey,
    known_share,
    largest,
    log_weights,
    log_weights_of_known,
    spread,
)
from expinterp.core.intermediate import round_codes
from expinterp.core.parallel import map_threads, strips

Method: TypeAlias = Literal["guided", "mertens"]
Progress: TypeAlias = Callable[[float], None]

RADIUS = 3  # of the guided filter, in pixels of a level; the 4 of Kou et al. keeps less structure
EPSILON = 1 / 12  # of the guided filter; the 1/1024 of the papers reverses brightness more often
TINY = 1e-12  # added to every smoothed weight, so that their sum is never 0
QUARTER = 2  # the level on which weights are measured if a guided filter smooths them
FINE = 4  # levels whose details come from exposures that are not clipped there; more reverse order
STRIP = 32  # rows that one thread processes at a time


@dataclass(frozen=True, eq=False)
class SmoothWeights:
    """The smoothed weights of an exposure on one level: ``slope * grey + offset``."""

    slope: Plane | None  # None if no guide was used: the weights are the offset
    offset: Plane


class Stack:
    """The pyramids and the weights of exposures of one scene, ready to be fused.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, R G B, registered, all of one shape and dtype; in any order.
    weighting : Weighting, optional
    method : {'guided', 'mertens'}
        ``mertens`` measures weights at full size and smooths them by the Gaussian pyramid alone.
    levels : int, optional
        Levels of the pyramid, at least 1; by default until the longer side has 2 to 4 pixels.

    Raises
    ------
    ValueError
        If the arrays are not images as above, `method` is unknown, or `levels` is below 1.
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
        self._levels = _gaussian_pyramids([_drop_axis(image) for image in images], levels)
        self._guided = method == "guided"
        self._first = min(QUARTER, len(self._levels) - 1) if self._guided else 0
        measure = partial(
            log_weights_of_known if self._guided else log_weights,
            weighting=weighting or Weighting(),
        )
        weights = _normalised_weights(self._levels[self._first], measure)
        smooth = _smooth_guided if self._guided else _unsmoothed
        self._smoothed: list[list[SmoothWeights]] = []  # from level self._first on
        for exposures in self._levels[self._first :]:
            self._smoothed.append([smooth(*pair) for pair in zip(exposures, weights, strict=True)])
            weights = [reduce(plane) for plane in weights]

    @cached_property
    def base(self) -> Picture | None:
        """All levels but the finest, fused: float32 (rows / 2, cols / 2) or with 3 channels.

        Unclipped. None if there is only one level.
        """
        base = None
        for level in range(len(self._levels) - 1, 0, -1):
            base = self._fuse_level(level, base)
            if self._guided and level >= QUARTER:
                base = headroom.keep_headroom(base)
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
        knee = headroom.KNEE if self._guided else shoulder.KNEE
        out = np.empty(self._shape, self._dtype)
        fused = _drop_axis(out)

        def work(rows: slice) -> None:
            values = compress(self._fuse_rows(0, base, rows), low, high, knee=knee)
            fused[rows] = round_codes(values, out.dtype)

        map_threads(work, strips(len(out), STRIP), progress=progress)
        return out

    def weights(self, index: int) -> Plane:
        """Compute the weights of one exposure at full size: float32 (rows, cols), 0..1."""
        exposures = self._levels[0]
        out = np.empty(exposures[0].shape[:2], np.float32)

        def work(rows: slice) -> None:
            values = [_to_unit(each[rows]) for each in exposures]
            out[rows] = self._weights_of_rows(0, values, rows)[index]

        map_threads(work, strips(len(out), STRIP))
        return out

    def _fuse_level(self, level: int, base: Picture | None) -> Picture:
        """Fuse a level and all coarser ones: float32, about 0..1."""
        out = np.empty(self._levels[level][0].shape, np.float32)

        def work(rows: slice) -> None:
            out[rows] = self._fuse_rows(level, base, rows)

        map_threads(work, strips(len(out), STRIP))
        return out

    def _fuse_rows(self, level: int, base: Picture | None, rows: slice) -> Picture:
        """Average the details of rows of a level, and add the fused coarser levels (`base`)."""
        values = [_to_unit(each[rows]) for each in self._levels[level]]
        weights = self._weights_of_rows(level, values, rows)
        apart = self._guided and 0 < level < len(self._levels) - 1 and values[0].ndim == 3
        hues = _weights_of_hue(weights, values) if apart else weights
        fused, *differences = values
        for difference in differences:
            np.subtract(difference, fused, out=difference)
        if base is not None:
            self._remove_coarse(level, base, rows, fused, differences)
        for difference, weight, hue in zip(differences, weights[1:], hues[1:], strict=True):
            if apart:
                fused += spread(grey(difference) * (weight - hue), fused)
            fused += np.multiply(difference, spread(hue, fused), out=difference)
        return fused

    def _remove_coarse(
        self, level: int, base: Picture, rows: slice, first: Picture, differences: Sequence[Picture]
    ) -> None:
        """Replace the coarser levels of the first exposure by `base`; remove those of the others.

        `differences` are those of the other exposures to the first; all is changed in place.
        """
        shape, near = self._levels[level][0].shape, support(rows)
        coarse_first, *coarser = (_to_unit(each[near]) for each in self._levels[level + 1])
        first += expand(base[near] - coarse_first, shape, rows)
        for difference, coarse in zip(differences, coarser, strict=True):
            smooth = expand(coarse - coarse_first, shape, rows)
            np.subtract(difference, smooth, out=difference)

    def _weights_of_rows(self, level: int, values: Sequence[Picture], rows: slice) -> list[Plane]:
        """Compute the smoothed weights of all exposures on rows of a level; their sum is 1."""
        shape = self._levels[level][0].shape[:2]
        weights = []
        for value, smooth in zip(values, self._smoothed[max(level - self._first, 0)], strict=True):
            weight = _enlarge(smooth.offset, shape, rows)
            if smooth.slope is not None:
                luma = grey(value)
                slope = _enlarge(smooth.slope, shape, rows)
                slope *= luma
                weight += slope
                if level < min(FINE, len(self._levels) - 1):
                    weight *= known_share(luma)
            weights.append(np.maximum(weight, np.float32(0), out=weight))
        return _share_out(weights, TINY)


def _weights_of_hue(weights: Sequence[Plane], values: Sequence[Picture]) -> list[Plane]:
    """Compute the weights of colour differences: none from where a channel clips; their sum is 1."""
    return _share_out(
        [w * known_share(largest(value)) for w, value in zip(weights, values, strict=True)]
    )


def _share_out(weights: Sequence[Plane], least: float = 0.0) -> list[Plane]:
    """Add `least` to weights, and scale them to a sum of 1."""
    raised = [weight + np.float32(least) for weight in weights] if least else weights
    total = fold(np.add, raised)
    return [np.divide(weight, total, out=weight) for weight in raised]


def _enlarge(plane: Plane, shape: tuple[int, ...], rows: slice) -> Plane:
    """Enlarge a plane to `shape` by bilinear interpolation; compute only some rows."""
    if plane.shape == shape:
        return plane[rows].copy()
    factor = shape[0] // len(plane)
    if shape == (factor * len(plane), factor * plane.shape[1]):
        first = max(rows.start // factor - 1, 0)
        near = plane[first : -(-rows.stop // factor) + 1]
        wide = cv2.resize(near, (shape[1], factor * len(near)), interpolation=cv2.INTER_LINEAR)
        return np.asarray(wide[rows.start - factor * first :][: rows.stop - rows.start])
    where = (np.arange(rows.start, rows.stop) + 0.5) * (len(plane) / shape[0]) - 0.5
    where = np.clip(where, 0, len(plane) - 1)
    first = min(int(where[0]), max(len(plane) - 2, 0))  # OpenCV rounds a single row differently
    near = plane[first : int(where[-1]) + 2]
    wide = cv2.resize(near, (shape[1], len(near)), interpolation=cv2.INTER_LINEAR)
    above = where.astype(np.intp)
    share = (where - above).astype(np.float32)[:, np.newaxis]
    above -= first
    below = np.minimum(above + 1, len(near) - 1)
    return np.asarray(wide[above] * (1 - share) + wide[below] * share)


def _drop_axis(image: Pixels) -> Pixels:
    """Return an image (rows, cols, 1) as a view (rows, cols); return others unchanged."""
    return image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image


def _gaussian_pyramids(images: Sequence[Pixels], levels: int | None) -> list[list[Pixels]]:
    """Build the Gaussian pyramids of all images: a list per level, from fine to coarse."""
    if levels is not None and levels < 1:
        msg = f"levels must be at least 1, got {levels}"
        raise ValueError(msg)
    most = max(max(images[0].shape[:2]).bit_length() - 1, 1)
    pyramids: list[list[Pixels]] = [list(images)]
    for _ in range(min(levels or most, most) - 1):
        pyramids.append([_reduce(image) for image in pyramids[-1]])
    return pyramids


def _reduce(image: Pixels) -> NDArray[np.uint16]:
    """Reduce an image, rounded to 16 bits."""
    out = np.empty(reduced_shape(image.shape), np.uint16)

    def work(rows: slice) -> None:
        out[rows] = reduce_codes(image, rows)

    map_threads(work, strips(len(out), STRIP))
    return out


def _normalised_weights(
    exposures: Sequence[Pixels], measure: Callable[[Picture], Plane]
) -> list[Plane]:
    """Compute the weights of all exposures; at every pixel they sum to 1."""
    planes = [np.empty(each.shape[:2], np.float32) for each in exposures]

    def work(rows: slice) -> None:
        near = slice(max(rows.start - 1, 0), rows.stop + 1)  # contrast needs one row around
        inner = slice(rows.start - near.start, rows.stop - near.start)
        logs = [measure(_to_unit(each[near]))[inner] for each in exposures]
        best = fold(np.maximum, logs)
        weights = _share_out([np.exp(log - best) for log in logs])
        for plane, weight in zip(planes, weights, strict=True):
            plane[rows] = weight

    map_threads(work, strips(len(planes[0]), STRIP))
    return planes


def _smooth_guided(exposure: Pixels, weights: Plane) -> SmoothWeights:
    """Smooth weights by a guided filter, with their own exposure as the guide."""
    guide = grey(_to_unit(exposure))
    return SmoothWeights(*guided_coefficients(guide, weights, radius=RADIUS, epsilon=EPSILON))


def _unsmoothed(_: Pixels, weights: Plane) -> SmoothWeights:
    """Leave the smoothing to the pyramid."""
    return SmoothWeights(None, weights)


def _to_unit(codes: Pixels) -> Picture:
    """Scale code values to 0..1."""
    values = codes.astype(np.float32, order="C")
    values *= np.float32(1 / np.iinfo(codes.dtype).max)
    return values

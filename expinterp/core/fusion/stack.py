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

import math
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Literal, TypeAlias, get_args

import numpy as np

from expinterp.core.arrays import Picture, Pixels, Plane, check_images
from expinterp.core.fusion import headroom
from expinterp.core.fusion.gaussian import GaussianPyramids
from expinterp.core.fusion.pyramid import expand, support
from expinterp.core.fusion.shoulder import compress, value_range
from expinterp.core.fusion.smoothing import SmoothWeights, share_out, smooth_weights
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
from expinterp.core.parallel import Progress, iterate_threads, map_threads, parts_of, strips

Method: TypeAlias = Literal["guided", "mertens"]

TINY = 1e-12  # added to every smoothed weight, so that their sum is never 0
QUARTER = 2  # the level on which weights are measured if a guided filter smooths them
FINE = 4  # levels whose details come from exposures that are not clipped there; more reverse order
ENOUGH = 2**22  # values of `Stack.base`, about; of larger pictures it has only a part of the rows
SAMPLE = 8  # rows of each part
WIDER = 1.7  # times what lies above white is the range that the shoulder compresses: texture below
# white keeps more contrast with a knee near white, and no more pixels become nearly white


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
        self._pyramids = GaussianPyramids([_drop_axis(image) for image in images], levels)
        self._depth = len(self._pyramids)
        self._guided = method == "guided"
        self._first = min(QUARTER, self._depth - 1) if self._guided else 0
        measure = partial(
            log_weights_of_known if self._guided else log_weights,
            weighting=weighting or Weighting(),
        )
        self._smoothed = smooth_weights(
            self._pyramids, measure, first=self._first, guided=self._guided
        )  # from level self._first on
        self._coarse: Picture | None = None  # a level and all coarser ones, fused
        self._fuse_coarse()
        self._pyramids.drop(QUARTER + 1)
        del self._smoothed[QUARTER + 1 - self._first :]

    @cached_property
    def base(self) -> Picture | None:
        """All levels but the finest, fused: float32 (rows / 2, cols / 2) or with 3 channels.

        Unclipped. Of large pictures, evenly spaced rows. None if there is only one level.
        """
        if self._depth == 1:
            return None
        shape = self._pyramids.shapes[1]
        parts = strips(shape[0], SAMPLE)[:: max(math.prod(shape) // ENOUGH, 1)]
        return np.concatenate(map_threads(lambda rows: self._fuse_rows(1, rows)[0], parts))

    def fuse(self, *, out: Pixels | None = None, progress: Progress | None = None) -> Pixels:
        """Fuse the exposures.

        Parameters
        ----------
        out : array of the shape and dtype of one image, optional
            Where to write the result. It may be one of the images, if the stack is used no more.
        progress : function, optional
            Called with the share done, 0..1.

        Returns
        -------
        array of the shape and dtype of one image
            Clipped and rounded once.
        """
        low, high = (0.0, 1.0) if self.base is None else value_range(self.base)
        if self._guided:
            high = 1 + WIDER * (high - 1)
        result = np.empty(self._shape, self._dtype) if out is None else out
        pixels = _drop_axis(result)

        def work(rows: slice) -> Pixels:
            values = compress(self._fuse_rows(0, rows)[0], low, high)
            return round_codes(values, pixels.dtype)

        parts = parts_of(pixels.shape)
        report = progress or (lambda share: None)
        results = zip(parts, iterate_threads(work, parts), strict=True)
        rows, codes = next(results)
        for done, following in enumerate(results, start=1):
            pixels[rows] = codes  # not before: the following strip needs these rows of the images
            rows, codes = following
            report(done / len(parts))
        pixels[rows] = codes
        report(1.0)
        return result

    def weights(self, index: int) -> Plane:
        """Compute the weights of one exposure at full size: float32 (rows, cols), 0..1."""
        out = np.empty(self._shape[:2], np.float32)

        def work(rows: slice) -> None:
            values = self._pyramids.rows(0, rows)
            out[rows] = self._weights_of_rows(0, values, self._fits(0, rows))[index]

        map_threads(work, parts_of(out.shape))
        return out

    def _fuse_coarse(self) -> None:
        """Fuse the levels from `QUARTER` on."""
        for level in range(self._depth - 1, QUARTER - 1, -1):
            fused = self._fuse_level(level)
            self._coarse = headroom.keep_headroom(fused) if self._guided else fused

    def _fuse_level(self, level: int) -> Picture:
        """Fuse a level and all coarser ones: float32, about 0..1."""
        out = np.empty(self._pyramids.shapes[level], np.float32)

        def work(rows: slice) -> None:
            out[rows] = self._fuse_rows(level, rows)[0]

        map_threads(work, parts_of(out.shape))
        return out

    def _fuse_rows(self, level: int, rows: slice) -> tuple[Picture, list[SmoothWeights]]:
        """Fuse rows of a level and all coarser ones; return the fits of the level as well."""
        near = support(rows, self._pyramids.shapes[level])
        base: Picture | None = None
        fits: list[SmoothWeights] = []
        if level + 1 >= QUARTER and self._coarse is not None:
            base = self._coarse[near]
        elif level + 1 < self._depth:
            base, fits = self._fuse_rows(level + 1, near)
        fits = self._fits(level, rows, fits)
        values = self._pyramids.rows(level, rows)
        weights = self._weights_of_rows(level, values, fits)
        return self._average(level, rows, values, weights, base), fits

    def _fits(
        self, level: int, rows: slice, coarser: Sequence[SmoothWeights] = ()
    ) -> list[SmoothWeights]:
        """Return the smoothed weights of all exposures on rows of a level.

        Fine levels have those of the next one (`coarser`, of the rows that support these), expanded.
        """
        if level >= self._first:
            return [fit.rows(rows) for fit in self._smoothed[level - self._first]]
        shape = self._pyramids.shapes[level]
        coarser = coarser or self._fits(level + 1, support(rows, shape))
        return [fit.expand(shape, rows) for fit in coarser]

    def _average(
        self,
        level: int,
        rows: slice,
        values: Sequence[Picture],
        weights: Sequence[Plane],
        base: Picture | None,
    ) -> Picture:
        """Average the details of rows of a level, and add the rows of `base` that support them."""
        apart = self._guided and 0 < level < self._depth - 1 and values[0].ndim == 3
        hues = _weights_of_hue(weights, values) if apart else weights
        fused, *differences = values
        for difference in differences:
            np.subtract(difference, fused, out=difference)
        if base is not None:
            self._remove_coarse(level, rows, base, fused, differences)
        for difference, weight, hue in zip(differences, weights[1:], hues[1:], strict=True):
            if apart:
                fused += spread(grey(difference) * (weight - hue), fused)
            fused += np.multiply(difference, spread(hue, fused), out=difference)
        return fused

    def _remove_coarse(
        self, level: int, rows: slice, base: Picture, first: Picture, differences: Sequence[Picture]
    ) -> None:
        """Replace the coarser levels of the first exposure by `base`; remove those of the others.

        `differences` are those of the other exposures to the first; all is changed in place.
        """
        shape = self._pyramids.shapes[level]
        coarse_first, *coarser = self._pyramids.rows(level + 1, support(rows, shape))
        first += expand(base - coarse_first, shape, rows)
        for difference, coarse in zip(differences, coarser, strict=True):
            smooth = expand(np.subtract(coarse, coarse_first, out=coarse), shape, rows)
            np.subtract(difference, smooth, out=difference)

    def _weights_of_rows(
        self, level: int, values: Sequence[Picture], fits: Sequence[SmoothWeights]
    ) -> list[Plane]:
        """Compute the smoothed weights of all exposures on rows of a level; their sum is 1."""
        weights = []
        for value, fit in zip(values, fits, strict=True):
            luma = grey(value)
            weight = fit.apply(luma)
            if self._guided and level < min(FINE, self._depth - 1):
                weight *= known_share(luma)
            weights.append(np.maximum(weight, np.float32(0), out=weight))
        return share_out(weights, TINY)


def _weights_of_hue(weights: Sequence[Plane], values: Sequence[Picture]) -> list[Plane]:
    """Compute the weights of colour differences: none from where a channel clips; their sum is 1."""
    return share_out(
        [w * known_share(largest(value)) for w, value in zip(weights, values, strict=True)]
    )


def _drop_axis(image: Pixels) -> Pixels:
    """Return an image (rows, cols, 1) as a view (rows, cols); return others unchanged."""
    return image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image

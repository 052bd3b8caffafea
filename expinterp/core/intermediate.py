"""The intermediate image y0: the weighted mean of both inputs, mapped to the target exposure.

    y0 = (W1(x1)·Λ13(x1) + W2(x2)·Λ23(x2)) / (W1(x1) + W2(x2))

Letters: x1 is ``long``, x2 is ``short``. The intensity mapping function Λ13 darkens x1, Λ23
brightens x2. The weight W1 falls to 0 where ``long`` is clipped at white, W2 where ``short`` is
clipped at black. Everything is per channel and per pixel, so y0 depends on two code values only: for
8-bit images it is a table of 256 × 256. Images are display-encoded.

Where ``long`` is white and ``short`` black, both weights are near 0, and the little that ``short`` has
decides: noise, and false hues. There a *bounded* y0 is at least as bright as white of ``long``. This
holds for exposures so far apart that white of ``long`` is nearly black in ``short``: else, what is white
and black has moved.

Source: weights and constants of the authors' later released code for Zheng, Li, Yang and Wu,
"Exposure Interpolation via Hybrid Learning", ICASSP 2020 (arXiv:1905.03890). We assume that the paper
uses the same constants. The bound is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Floats, Pixels, Plane, Planes
from expinterp.core.mapping import CODE_VALUES, CODES, to_codes

WHITE_KNEE = 200.0  # code value of `long` above which its weight falls, to 0 at 255
BLACK_KNEE = 55.0  # code value of `short` below which its weight falls, to 0 at 0
FALL = 55.0  # code values over which a weight falls from 1 to 0
EPSILON = 1e-6  # added to both weights, so that their sum is never 0
WHITE = 252  # code value of `long` from which on it shows nothing, and …
BLACK = 1  # that of `short` up to which it shows nothing
BRIGHTEST = 245  # code value of `long`; what is white is at least as bright
FAR = 12  # code value of `short`; that of white of `long` is no higher in exposures so far apart
DEPTHS = {"uint8": cv2.CV_8U, "uint16": cv2.CV_16U}
WIDE_TABLES = int(cv2.__version__.split(".")[0]) >= 5  # whether OpenCV looks up 16-bit numbers

Number = TypeVar("Number", np.float32, np.uint8 | np.uint16)


def long_weight(z: Floats) -> Floats:
    """Compute the weight W1 of ``long``: 1 up to z = 200, then 1 − 3h² + 2h³, 0 at 255.

    h is the share of the way from 200 to 255.

    Parameters
    ----------
    z : float64 array, any shape
        Code values 0..255, display-encoded, fractions allowed.

    Returns
    -------
    float64 array, shape of `z`
        1e-6 … 1 + 1e-6.
    """
    return _smooth_fall((z - WHITE_KNEE) / FALL)


def short_weight(z: Floats) -> Floats:
    """Compute the weight W2 of ``short``: 1 from z = 55 up, 1 − 3h² + 2h³ below, 0 at 0.

    h is the share of the way from 55 down to 0. Parameters and result as for `long_weight`.
    """
    return _smooth_fall((BLACK_KNEE - z) / FALL)


def _smooth_fall(h: Floats) -> Floats:
    h = np.clip(h, 0.0, 1.0)
    return 1 - 3 * h**2 + 2 * h**3 + EPSILON


class Blend:
    """y0 as look-up tables: built once for a pair, then applied to blocks of its pixels.

    Parameters
    ----------
    imf13, imf23 : float64 arrays, shape (channels, 256)
        Λ13 and Λ23.
    dtype : numpy dtype
        Of the images. uint8: a 256 × 256 table of y0 per channel. uint16: tables of 65,536 entries
        for W·Λ and W of each input, at the code values v/257.
    bounded : bool
        Whether y0 is bounded from below where neither input shows anything.
    """

    def __init__(
        self, imf13: Floats, imf23: Floats, dtype: np.dtype[Any], *, bounded: bool = False
    ) -> None:
        self._wide = dtype != np.uint8
        codes = np.arange(65536) / 257 if self._wide else CODE_VALUES
        imfs = list(zip(imf13, imf23, strict=True))
        terms = [_weighted_terms(*pair, codes) for pair in imfs]
        self._four = [_weighted_terms(*pair, CODE_VALUES) for pair in imfs] if self._wide else terms
        self._maps = [
            tuple((_evaluate(imf, codes) / 255).astype(np.float32) for imf in pair) for pair in imfs
        ]
        self._terms = [
            tuple(term.astype(np.float32) for term in four) for four in terms if self._wide
        ]
        self._bounds = [_bound(*pair) if bounded else np.float32(0) for pair in imfs]
        self._tables = [] if self._wide else self._tabulate(terms)
        self._slopes = [_evaluate(np.gradient(imf), codes).astype(np.float32) for imf in imf23]
        self._rounded = [round_codes(table.copy(), dtype) for table in self._tables]

    def __call__(self, long: Pixels, short: Pixels) -> Planes:
        """Compute y0 of blocks (rows, cols, channels): float32 (channels, rows, cols), 0..1.

        The result is display-encoded and not rounded.
        """
        x1, x2 = split(long), split(short)
        if not self._wide:
            return _look_up(_index(x1, x2), self._tables)
        y0 = np.stack([_average_wide(*each) for each in zip(x1, x2, self._terms, strict=True)])
        for plane, bound, white, black in zip(y0, self._bounds, x1, x2, strict=True):
            if bound:
                unseen = (black <= BLACK * 257 + 128) & (white >= WHITE * 257 - 128)
                np.maximum(plane, bound, out=plane, where=unseen)
        return y0

    def mapped(self, long: Pixels, short: Pixels) -> tuple[Planes, Planes]:
        """Compute Λ13(x1) and Λ23(x2) of two blocks, with shape and scale of y0."""
        darkened, brightened = zip(*self._maps, strict=True)
        return _look_up(split(long), darkened), _look_up(split(short), brightened)

    def brightening(self, short: Pixels) -> Planes:
        """Compute the slopes Λ23′(x2) of a block: float32 (channels, rows, cols)."""
        return _look_up(split(short), self._slopes)

    def slopes(self, long: Pixels, short: Pixels) -> Planes:
        """Compute by how much y0 changes per code value of ``long`` and of ``short``.

        √((∂y0/∂x1)² + (∂y0/∂x2)²): the standard deviation of y0, if one code value is that of both
        inputs. float32 (channels, rows, cols).
        """
        return _look_up(_index(split(to_codes(long)), split(to_codes(short))), self._steps)

    @cached_property
    def _steps(self) -> list[NDArray[np.float32]]:
        """Tabulate `slopes` for all pairs of 8-bit code values."""
        tables = (table.reshape(CODES, CODES) for table in self._tabulate(self._four))
        steps = (np.hypot(*np.gradient(CODE_VALUES[-1] * table)) for table in tables)
        return [table.astype(np.float32).ravel() for table in steps]

    def _tabulate(self, terms: Sequence[tuple[Floats, ...]]) -> list[NDArray[np.float32]]:
        """Tabulate y0 for all pairs of 8-bit code values, at index 256·x1 + x2 of each channel."""
        tables = [_average(*four) for four in terms]
        for table, bound in zip(tables, self._bounds, strict=True):
            unseen = table.reshape(CODES, CODES)[WHITE:, : BLACK + 1]
            np.maximum(unseen, bound, out=unseen)
        return tables

    def write(self, long: Pixels, short: Pixels, out: Pixels) -> None:
        """Compute y0 of two blocks into `out`, rounded as by `quantise`."""
        if self._wide:
            quantise(self(long, short), out)
            return
        interleave(_look_up(_index(split(long), split(short)), self._rounded), out)


def _bound(imf13: Floats, imf23: Floats) -> np.float32:
    """Compute the bound of y0 where neither input shows anything, 0..1; 0 for none."""
    return np.float32(imf13[BRIGHTEST] / 255 if imf13[BRIGHTEST] <= imf23[FAR] else 0)


def _weighted_terms(imf13: Floats, imf23: Floats, codes: Floats) -> tuple[Floats, ...]:
    """Tabulate W1·Λ13, W1, W2·Λ23 and W2 at code values; the IMFs are scaled to 0..1."""
    w1, w2 = long_weight(codes), short_weight(codes)
    return w1 * _evaluate(imf13, codes) / 255, w1, w2 * _evaluate(imf23, codes) / 255, w2


def _index(x1: Pixels, x2: Pixels) -> NDArray[np.uint16]:
    """Compute 256·x1 + x2 of planes: pairs of bytes, the low one first, are numbers of 16 bits."""
    return cv2.merge([_stack(x2), _stack(x1)]).view("<u2").reshape(x1.shape)


def _stack(planes: NDArray[Any]) -> NDArray[Any]:
    """Put planes (channels, rows, cols) below each other: OpenCV computes all of them in one call."""
    return planes.reshape(-1, planes.shape[-1])


def _take(
    table: NDArray[Number], index: Pixels, out: NDArray[Number] | None = None
) -> NDArray[Number]:
    """Look up every number of 8 or 16 bits in a table of 256 or 65,536 entries."""
    found = np.empty(index.shape, table.dtype) if out is None else out
    if index.dtype == np.uint8 or WIDE_TABLES:
        cv2.LUT(index, table, dst=found)  # twice as fast as NumPy
    else:
        np.take(table, index, out=found, mode="clip")
    return found


def split(image: NDArray[Any]) -> NDArray[Any]:
    """Return pixels (rows, cols, channels) as planes (channels, rows, cols)."""
    planes = np.empty((image.shape[2], *image.shape[:2]), image.dtype)
    cv2.split(image, list(planes))  # several times as fast as a transposed copy
    return planes


def _look_up(planes: Pixels, tables: Sequence[NDArray[Number]]) -> NDArray[Number]:
    """Apply a look-up table per channel to planes (channels, rows, cols)."""
    found = np.empty(planes.shape, tables[0].dtype)
    for out, table, plane in zip(found, tables, planes, strict=True):
        _take(table, plane, out)
    return found


def interleave(planes: Sequence[Pixels] | Pixels, out: Pixels) -> None:
    """Copy planes into pixels; OpenCV is several times as fast as a transposed copy."""
    np.copyto(out, cv2.merge([*planes]).reshape(out.shape))


def _evaluate(imf: Floats, codes: Floats) -> Floats:
    return np.interp(codes, CODE_VALUES, imf)


def _average(a: Floats, w1: Floats, b: Floats, w2: Floats) -> NDArray[np.float32]:
    """Compute y0 of all pairs of code values from the terms W1·Λ13, W1, W2·Λ23, W2."""
    table = (a[:, None] + b) / (w1[:, None] + w2)
    return table.astype(np.float32).ravel()


def _average_wide(x1: Pixels, x2: Pixels, terms: tuple[Planes, ...]) -> Planes:
    """Compute y0 of 16-bit pixels of one channel from the terms W1·Λ13, W1, W2·Λ23, W2."""
    a, w1, b, w2 = terms
    y0 = _take(a, x1)
    y0 += _take(b, x2)
    weight = _take(w1, x1)
    weight += _take(w2, x2)
    y0 /= weight
    return y0


def quantise(planes: Planes, out: Pixels) -> None:
    """Clip planes (channels, rows, cols), 0..1, and round them into pixels (rows, cols, channels).

    Code values are rounded only here and in `round_codes`. `planes` is overwritten.
    """
    interleave(round_codes(planes, out.dtype), out)


def quantise_sum(
    values: Planes | Plane,
    addition: Planes | Plane,
    dtype: np.dtype[Any],
    *,
    factor: float,
    full: float = 1.0,
) -> Pixels:
    """Compute values + factor·addition as code values, clipped and rounded as by `quantise`.

    `full` is white in the values. OpenCV adds, clips and rounds in one pass.
    """
    scale, depth = np.iinfo(dtype).max / full, DEPTHS[dtype.name]
    codes = cv2.addWeighted(_stack(values), scale, _stack(addition), factor * scale, 0, dtype=depth)
    return np.asarray(codes, dtype).reshape(values.shape)


def round_codes(values: Planes, dtype: np.dtype[Any]) -> Pixels:
    """Clip values to 0..1 and round them to code values of `dtype`; `values` is overwritten."""
    top = np.float32(np.iinfo(dtype).max)
    values *= top
    values += np.float32(0.5)
    np.clip(values, np.float32(0), top, out=values)
    return values.astype(dtype)

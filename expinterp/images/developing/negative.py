"""Merging raw files before their mosaic is interpolated.

Each value of a mosaic was recorded by one pixel of the sensor. There the two exposures are combined
in linear light, by the noise that they have: the long one counts as many times more as it was
exposed longer, up to where it is clipped. What comes out is the mosaic of the photograph between
them; it is developed like any other, and clipped like any other.

The interpolation of a mosaic mixes neighbours, and clipped ones with it. So two developed pictures
differ around highlights by more than their exposure, and the photograph between them could not be
computed from them as exactly.

Letters: v are values of the sensor, E = (v − black)/(white − black) is linear light; k1 and k2 are
the target exposure over that of ``long`` and ``short``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.encoding import log_ratio_of
from expinterp.core.parallel import map_threads, strips
from expinterp.images.photograph import Pixels

FALL = (0.80, 0.95)  # share of the clipping level over which the weight of ``long`` falls to 0
LEAST_CLIP = 0.5  # of the white level: a darker largest value is no clipping
SAMPLES = 2_000_000  # pixels that a ratio is measured from
BLOCK, BLOCKS = 512, 3  # averaged pixels of a block's side; blocks in each direction
SURE = 0.1  # response of a phase correlation from which on a shift is believed
LARGEST_SHIFT = 0.4  # averaged pixels
STRIP = 256  # rows that one thread merges at a time

Mosaic = NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Negative:
    """The values of a sensor, and how they are developed.

    Attributes
    ----------
    mosaic : uint16 array, shape (rows, cols)
        As recorded, with the margins.
    black : float32 array, shape of `mosaic` or (1, 1)
        Value without light.
    white : float
        Value that becomes white.
    pattern : bytes
        The colours of the mosaic, 2 × 2.
    shape : tuple of int
        Rows, columns and channels of the developed picture.
    develop : function
        Develops a mosaic of this file, with the full quality, to upright working code values.
    """

    mosaic: Mosaic
    black: NDArray[np.float32]
    white: float
    pattern: bytes
    shape: tuple[int, int, int]
    develop: Callable[[Mosaic], Pixels]

    def fits(self, other: Negative) -> bool:
        """Return whether the mosaic of another file shows the same colours at the same places."""
        return self.mosaic.shape == other.mosaic.shape and self.pattern == other.pattern


def merge(long: Negative, short: Negative, *, ratio: float, position: float) -> Mosaic:
    """Compute the mosaic of an exposure between two, on the scale of ``long``.

    Parameters
    ----------
    long, short : Negative
        Of the same pattern, and registered.
    ratio : float
        t1/t2, > 1.
    position : float
        Between ``short`` (0) and ``long`` (1), linear in stops.

    Returns
    -------
    uint16 array, shape (rows, cols)
    """
    k1, k2 = ratio ** (position - 1), ratio**position
    clip = _clipping_level(long)
    out = np.empty_like(long.mosaic)

    def work(rows: slice) -> None:
        e1, e2 = _linear(long, rows), _linear(short, rows)
        w1 = np.clip((FALL[1] - e1 / clip) / (FALL[1] - FALL[0]), 0, 1)
        w2 = np.float32(1 / ratio)
        merged = (w1 * e1 * np.float32(k1) + w2 * e2 * np.float32(k2)) / (w1 + w2)
        black = _part(long.black, rows)
        values = black + merged * (long.white - black)
        out[rows] = np.clip(np.rint(values), 0, max(long.white, 1))

    map_threads(work, strips(len(out), STRIP))
    return out


def are_registered(long: Negative, short: Negative, ratio: float) -> bool | None:
    """Return whether two mosaics show their details at the same places, to about a pixel.

    Blocks of both, averaged over the colours, are compared by phase correlation; None if none of
    them has enough texture.
    """
    level = np.float32(_clipping_level(long))
    half_rows, half_cols = (side // 2 for side in long.mosaic.shape)
    side = min(BLOCK, half_rows, half_cols)
    shifts = []
    for top in np.linspace(0, half_rows - side, BLOCKS).astype(int):
        for left in np.linspace(0, half_cols - side, BLOCKS).astype(int):
            at = slice(2 * top, 2 * (top + side)), slice(2 * left, 2 * (left + side))
            e1, e2 = (_averaged(each, at) for each in (long, short))
            seen = np.sqrt(np.clip(np.minimum(e1, level) / ratio, 0, None))
            also = np.sqrt(np.clip(np.minimum(e2, level / ratio), 0, None))
            shift, response = cv2.phaseCorrelate(
                seen, also, cv2.createHanningWindow((side, side), cv2.CV_32F)
            )
            if response > SURE:
                shifts.append(shift)
    return bool(np.hypot(*np.median(shifts, axis=0)) <= LARGEST_SHIFT) if shifts else None


def _averaged(negative: Negative, at: tuple[slice, slice]) -> NDArray[np.float32]:
    """Return a part of a mosaic in linear light, averaged over 2 × 2 pixels."""
    black = _part(negative.black, at)
    part = (negative.mosaic[at] - black) / (np.float32(negative.white) - black)
    return np.asarray(
        cv2.resize(part, (part.shape[1] // 2, part.shape[0] // 2), interpolation=cv2.INTER_AREA),
        np.float32,
    )


def measure_log_ratio(long: Negative, short: Negative) -> float | None:
    """Measure ln(t1/t2) of two registered mosaics; None if they share no well exposed pixel."""
    step = max(1, round(math.sqrt(long.mosaic.size / SAMPLES)))
    step += 1 - step % 2  # odd: all colours of the mosaic are seen
    level = np.float32(_clipping_level(long))
    bright, dark = (_linear(_sample(each, step), slice(None)) / level for each in (long, short))
    return log_ratio_of(bright, dark)


def _sample(negative: Negative, step: int) -> Negative:
    """Return every n-th row and column; the colours do not matter."""
    at = slice(None, None, step), slice(None, None, step)
    return replace(negative, mosaic=negative.mosaic[at], black=_part(negative.black, at))


def _clipping_level(negative: Negative) -> float:
    """Return the E where a sensor clips: its largest value, if that is below white."""
    level = (float(negative.mosaic.max()) - float(negative.black.max())) / (
        negative.white - float(negative.black.max())
    )
    return min(level, 1.0) if level > LEAST_CLIP else 1.0


def _linear(negative: Negative, rows: slice) -> NDArray[np.float32]:
    """Convert rows of a mosaic to linear light."""
    black = _part(negative.black, rows)
    return (negative.mosaic[rows] - black) / (np.float32(negative.white) - black)


def _part(black: NDArray[np.float32], at: slice | tuple[slice, slice]) -> NDArray[np.float32]:
    """Return the black level of a part of a mosaic; one value holds for all of it."""
    return black if black.size == 1 else black[at]

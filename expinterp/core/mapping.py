"""Intensity mapping functions (IMF): the code value that a pixel has in another exposure.

Letters: z = f(E·t) is the camera response to irradiance E and time t, tabulated per channel as
g(z) = ln(E·t). A code value maps to Λ_k(z) = g⁻¹(g(z) + ln k) in an exposure k times as long. If
the response is not known, the pair itself shows Λ12, from ``long`` (code values z1) to ``short``
(z2): both show one scene, so equal ranks are equal irradiances (histogram specification). Code
values are display-encoded, 0..255; a 16-bit value v counts as v/257.

Source: Grossberg and Nayar, "Determining the Camera Response from Images: What Is Knowable?",
IEEE TPAMI 25(11), 2003.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats, Pixels

CODES = 256  # entries of every table
CODE_VALUES = np.arange(CODES, dtype=np.float64)
MAX_SAMPLES = 2_000_000  # pixels that are counted; more do not change the result
LONG_CLIPPED = 251  # code values of `long` from here up may be clipped
SHORT_CLIPPED = 2  # code values of `short` below this may be clipped
TRIM = 8.0  # code values; pixels farther from the mapping are outliers
WINDOW = 31  # code values over which a first mapping is smoothed by a running median
TAIL = 0.001  # share of pixels at each end whose ranks are unreliable
BRIGHTEST = 247  # code value of `long` below which levels lie: clipped neighbours leak above it
LEVELS = 48  # matched levels per channel


def imf_from_response(response: Floats, *, scale: float) -> Floats:
    """Tabulate the intensity mapping function Λ from one exposure to another.

    One irradiance E gives z = f(E·t) at every time t, so Λ(z) = f(f⁻¹(z)·scale). In logarithms
    this is a shift along the response (Grossberg and Nayar 2003).

    Parameters
    ----------
    response : float64 array, shape (channels, 256)
        g(z) = ln(E·t) per channel, strictly increasing, z display-encoded.
    scale : float
        k = t_target / t_source, > 0: t3/t1 for Λ13, t3/t2 for Λ23.

    Returns
    -------
    float64 array, shape (channels, 256)
        ``imf[c, z]``, target code values 0..255. Never decreasing, not rounded.

    Raises
    ------
    ValueError
        If `scale` is not positive, or `response` does not increase.

    Notes
    -----
    Clipped code values (0, 255) stand for many irradiances; their entries are estimates.

    Examples
    --------
    >>> linear = np.log(np.arange(1.0, 257.0))[None]
    >>> imf_from_response(linear, scale=2.0)[0, [9, 99, 199]]
    array([ 19., 199., 255.])
    """
    if not scale > 0:
        msg = f"scale must be positive, got {scale}"
        raise ValueError(msg)
    if not (np.diff(response) > 0).all():
        msg = "response must increase strictly with the code value"
        raise ValueError(msg)
    shifted = response + np.log(scale)
    return np.stack([np.interp(s, g, CODE_VALUES) for s, g in zip(shifted, response, strict=True)])


def sample(image: Pixels) -> Codes:
    """Sample an image on a regular grid, at most `MAX_SAMPLES` pixels, as 8-bit code values.

    Parameters
    ----------
    image : uint8 or uint16 array, shape (rows, cols, channels)
        Display-encoded; see `to_codes`.

    Returns
    -------
    uint8 array, shape (fewer rows, fewer cols, channels)
    """
    return np.ascontiguousarray(to_codes(grid(image)))


def grid(image: Pixels) -> Pixels:
    """Return every n-th row and column of an image, a view of at most `MAX_SAMPLES` pixels."""
    step = int(np.ceil(np.sqrt(image.shape[0] * image.shape[1] / MAX_SAMPLES)))
    return image[::step, ::step]


def to_codes(image: Pixels) -> Codes:
    """Round 16-bit code values v to 8 bits, v/257; return an 8-bit image itself."""
    if image.dtype == np.uint8:
        return cast(Codes, image)
    return ((image.astype(np.uint32) + 128) // 257).astype(np.uint8)


def joint_histogram(
    long: Codes, short: Codes, mask: NDArray[Any] | None = None
) -> NDArray[np.int64]:
    """Count how often each pair of code values occurs at one pixel, per channel.

    Parameters
    ----------
    long, short : uint8 arrays, shape (rows, cols, channels)
        Display-encoded, registered; samples are enough.
    mask : uint8 array, shape (rows, cols), optional
        Not 0 where pixels count; by default everywhere.

    Returns
    -------
    int64 array, shape (channels, 256, 256)
        ``joint[c, z1, z2]``.
    """
    channels = long.shape[-1]
    if not long.size:
        return np.zeros((channels, CODES, CODES), np.int64)
    ends = [0.0, CODES, 0.0, CODES]
    counts = [
        cv2.calcHist([long, short], [channel, channels + channel], mask, [CODES, CODES], ends)
        for channel in range(channels)
    ]
    return np.stack(counts).astype(np.int64)  # counts up to 2²⁴ are exact as float32


def matched_levels(joint: NDArray[np.int64]) -> Floats:
    """Find code values of ``long`` and ``short`` that stand for the same irradiance.

    Histogram specification by mid-ranks. Outliers (borders, things that moved) are left out, as
    they would shift every rank. The levels are evenly spaced along the curve, between its clipped
    ends, so that frequent tones count no more than rare ones.

    Parameters
    ----------
    joint : int64 array, shape (256, 256)
        Of one channel, from `joint_histogram`.

    Returns
    -------
    float64 array, shape (48, 2) or (0, 2)
        Columns z1 (of ``long``) and z2 (of ``short``), both increasing. Empty if the two share no
        unclipped tone, or if all pixels are outliers.
    """
    kept = joint * inliers(joint)
    return _spread_levels(kept.sum(axis=1), kept.sum(axis=0))


def inliers(joint: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the pairs of code values that one intensity mapping explains.

    Outliers moved, or do not depend on the exposure, like borders and captions.

    Parameters
    ----------
    joint : int64 array, shape (256, 256)
        Of one channel, from `joint_histogram`.

    Returns
    -------
    bool array, shape (256, 256)
        True within `TRIM` code values of the mapping, and where either image may be clipped.
    """
    return _near(_trimmed_curve(joint))


def inlier_share(joint: NDArray[np.int64]) -> float:
    """Compute the share of unclipped pixels that are `inliers`; 1 if all pixels are clipped."""
    unclipped = np.s_[:LONG_CLIPPED, SHORT_CLIPPED + 1 :]
    counts = joint[unclipped]
    return float(counts[inliers(joint)[unclipped]].sum() / counts.sum()) if counts.any() else 1.0


def _trimmed_curve(joint: NDArray[np.int64]) -> Floats:
    """Map z1 to z2 by equal ranks of the pixels near the mapping, in two rounds.

    If no pixel is near it, the curve of medians is used.
    """
    curve = _median_curve(joint)
    for _ in range(2):
        kept = joint * _near(curve)
        if not kept.any():
            break
        curve = _specify(kept.sum(axis=1), kept.sum(axis=0))
    return curve


def _median_curve(joint: NDArray[np.int64]) -> Floats:
    """Compute the median z2 at each z1, smoothed and made monotone; it is robust to borders."""
    cumulative = joint.cumsum(axis=1)
    total = cumulative[:, -1]
    seen = np.flatnonzero(total)
    if not seen.size:
        return CODE_VALUES
    medians = (cumulative[seen] >= total[seen, None] / 2).argmax(axis=1)
    padded = np.pad(np.interp(CODE_VALUES, seen, medians), WINDOW // 2, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1)
    rising = np.maximum.accumulate(smooth)
    falling = np.minimum.accumulate(smooth[::-1])[::-1]
    return np.asarray((rising + falling) / 2)


def _near(curve: Floats) -> NDArray[np.bool_]:
    """Mark the cells (z1, z2) within `TRIM` code values of the curve, or clipped in an image."""
    slope = np.gradient(curve)[:, None]
    distance = np.abs(CODE_VALUES - curve[:, None]) / np.sqrt(1 + slope**2)
    near: NDArray[np.bool_] = distance <= TRIM
    near[LONG_CLIPPED:] = True
    near[:, : SHORT_CLIPPED + 1] = True
    return near


def _mid_ranks(histogram: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return the occupied code values, and the share of pixels below each plus half its own."""
    occupied = np.flatnonzero(histogram)
    counts = histogram[occupied]
    ranks = (counts.cumsum() - counts / 2) / max(counts.sum(), 1)
    return occupied.astype(np.float64), ranks


def _specify(h1: NDArray[np.int64], h2: NDArray[np.int64]) -> Floats:
    """Map code values of h1 to the code values of equal rank in h2."""
    (z1, q1), (z2, q2) = _mid_ranks(h1), _mid_ranks(h2)
    return np.interp(np.interp(CODE_VALUES, z1, q1), q2, z2)


def _spread_levels(h1: NDArray[np.int64], h2: NDArray[np.int64]) -> Floats:
    """Choose matched levels, evenly spaced along the curve, away from its clipped ends."""
    if not h1.any():
        return np.empty((0, 2))
    (z1, q1), (z2, q2) = _mid_ranks(h1), _mid_ranks(h2)
    floor = max(SHORT_CLIPPED, z2[np.searchsorted(q2, TAIL)] + 2)
    ceiling = min(BRIGHTEST, z1[np.searchsorted(q1, 1 - TAIL) - 1] - 1)
    lowest = max(q1[0], q2[0], h2[: int(floor)].sum() / h2.sum())
    highest = min(q1[-1], q2[-1], h1[: int(ceiling)].sum() / h1.sum())
    ranks = np.sort(np.concatenate([q1, q2]))
    ranks = ranks[(ranks >= lowest) & (ranks <= highest)]
    if ranks.size < 2:
        return np.empty((0, 2))
    curve = np.stack([np.interp(ranks, q1, z1), np.interp(ranks, q2, z2)], axis=1)
    length = np.r_[0.0, np.hypot(*np.diff(curve, axis=0).T).cumsum()]
    along = np.linspace(0.0, length[-1], LEVELS)
    return np.stack([np.interp(along, length, column) for column in curve.T], axis=1)

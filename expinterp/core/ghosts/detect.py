"""Find where two registered exposures contradict each other: something moved there.

Each code value, mapped to the exposure half-way, is known within an interval: its noise, its
rounding, and everything beyond a clipped end. The intensity mapping functions come from the
response; the image itself corrects them and shows how wide the intervals are, by the quartiles of
one exposure at each code value of the other. Two pixels contradict each other as far as their
intervals are apart, if no neighbour of either agrees.

Two channels must contradict: one alone may be a colour that the camera clipped. Regions decide, not
pixels: weak evidence counts where strong evidence is connected to it.

Letters: x1 is ``long``, x2 is ``short``; Λ13 and Λ23 map them to the exposure half-way, where all
differences are measured, in code values 0..255. Images are small copies, uint8,
(rows, cols, channels).

Sources: Zheng, Li, Zhu, Wu and Rahardja, "Hybrid patching for a sequence of differently exposed
images with moving objects", IEEE TIP 22(12), 2013 (bidirectional mapping); Li, Rahardja, Yao, Xie
and Wu, "Movement detection for the synthesis of high dynamic range images", ICIP 2010.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats, Mask, Pixels, Plane, with_channels
from expinterp.core.mapping import CODE_VALUES, imf_from_response, joint_histogram, to_codes
from expinterp.core.parallel import map_threads
from expinterp.core.registration.downscale import reduce_size
from expinterp.core.registration.texture import copy_size

COPY = 1024, 128  # pixels: longer side of the copies, and the least of their shorter side
DARK, BRIGHT = 4, 249  # code values up to and from which a pixel may be clipped
NOISE = 1.5  # code values: half the width of an interval, before mapping
ROUNDING = 0.5  # code values half-way
SLACK = 2.0  # code values half-way by which intervals of `short` are wider
WIDEST = 3.0  # times the noise: most that the quartiles may widen an interval
PLAIN = 4.0  # code values half-way, added to that noise
CORRECTION = 25.0  # code values half-way: largest correction of the mapping
SEEN = 50  # pixels of a code value that its quartiles need
SPAN = 9  # code values over which corrections are averaged
FARTHEST = 100.0  # code values: larger contradictions count as this
BLUR = 1.2  # pixels: standard deviation of the Gaussian that averages contradictions
STRONG, WEAK = 8.0, 1.5  # code values half-way
SEEDS, SHARE = 10, 0.1  # least number and share of strong pixels in a region
CLOSE = 21  # pixels: gaps in a region up to this width are closed
HOLE = 0.01  # of the picture: smaller holes are filled
LEAST = 60  # pixels of a region
EDGE = 5  # pixels: twice the width, and 1, of the edge around what is not covered
GROW = 7  # pixels around a region that are taken with it


@dataclass(frozen=True, eq=False)
class Conflict:
    """Where two exposures contradict each other, on small copies.

    Attributes
    ----------
    region : bool array, shape (rows, cols)
        The regions that moved, with an edge around them.
    contradicted : bool array, shape (rows, cols)
        The pixels that contradict each other.
    """

    region: Mask
    contradicted: Mask

    @property
    def share(self) -> float:
        """Share of pixels that moved, 0..1."""
        return float(self.region.mean())


def small_copy(image: Pixels) -> Codes:
    """Return the copy of an image on which ghosts are looked for, (rows, cols, channels)."""
    size, _ = copy_size(image.shape, *COPY)
    return to_codes(with_channels(reduce_size(image, size)))


def shrink_mask(mask: Mask) -> Mask:
    """Return a mask on small copies: true where all pixels below and around are, (rows, cols)."""
    size, _ = copy_size(mask.shape, *COPY)
    white = mask.astype(np.uint8) * np.uint8(255)
    whole = np.asarray(cv2.resize(white, size, interpolation=cv2.INTER_AREA) == 255, np.uint8)
    return np.asarray(cv2.erode(whole, np.ones((EDGE, EDGE), np.uint8), borderValue=1) > 0)


def covered_by_all(masks: Sequence[Mask | None]) -> Mask | None:
    """Return where all masks are true; None, in and out, stands for everywhere."""
    known = [mask for mask in masks if mask is not None]
    return np.asarray(np.all(known, axis=0)) if known else None


def find_conflict(
    long: Codes, short: Codes, response: Floats, log_ratio: float, *, covered: Mask | None = None
) -> Conflict:
    """Find where two exposures contradict each other.

    Parameters
    ----------
    long, short : uint8 arrays, shape (rows, cols, channels)
        Registered, from `small_copy`.
    response : float64 array, shape (channels, 256)
        g(z) = ln(E·t).
    log_ratio : float
        ln(t1/t2) on the scale of the response.
    covered : bool array, shape (rows, cols), optional
        Where both show the scene; by default everywhere.
    """
    imf13 = imf_from_response(response, scale=math.exp(-log_ratio / 2))
    imf23 = imf_from_response(response, scale=math.exp(log_ratio / 2))
    seen = np.s_[:, :] if covered is None else (covered, np.newaxis)
    joint = joint_histogram(long[seen], short[seen])

    def contradict(channel: int) -> Plane:
        bounds = _bounds(joint[channel], imf13[channel], imf23[channel])
        return _contradiction(long[..., channel], short[..., channel], bounds)

    size = np.stack(map_threads(contradict, range(len(joint))))
    largest = size.max(axis=0)
    second = size.sum(axis=0) - largest - size.min(axis=0) if len(size) == 3 else largest
    if covered is not None:
        largest[~covered] = second[~covered] = 0
    weak = largest > WEAK
    return Conflict(_find_regions(second > STRONG, weak), weak)


def _bounds(joint: NDArray[np.int64], imf13: Floats, imf23: Floats) -> tuple[Floats, ...]:
    """Tabulate the least and most that each code value of ``long`` and ``short`` stands for."""
    noise1, noise2 = (np.hypot(NOISE * np.gradient(imf), ROUNDING) for imf in (imf13, imf23))
    correction, spread = _compare_quartiles(joint, imf13, imf23)
    middle = imf23 + correction
    width = np.maximum(np.minimum(spread, WIDEST * np.hypot(noise2, PLAIN)), noise2) + SLACK
    low1, high1, low2, high2 = imf13 - noise1, imf13 + noise1, middle - width, middle + width
    for low, high in ((low1, high1), (low2, high2)):
        low[: DARK + 1], high[: DARK + 1] = -np.inf, high[DARK + 1]
        low[BRIGHT:], high[BRIGHT:] = low[BRIGHT], np.inf
    return low1, high1, low2, high2


def _compare_quartiles(
    joint: NDArray[np.int64], imf13: Floats, imf23: Floats
) -> tuple[Floats, Floats]:
    """Measure how ``long`` differs from what ``short`` predicts, per code value of ``short``.

    Returns the median difference, and the standard deviation that the quartiles stand for. Both are
    0 if too few code values are seen.
    """
    counts = joint[: BRIGHT + 1].cumsum(axis=0)  # of unclipped pixels of `long`
    total = counts[-1]
    low, median, high = (imf13[(counts >= share * total).argmax(0)] for share in (0.25, 0.5, 0.75))
    seen = (total >= SEEN) & (imf23 < imf13[BRIGHT])
    seen[: DARK + 1], seen[BRIGHT:] = False, False
    if seen.sum() <= SPAN:
        return np.zeros_like(imf23), np.zeros_like(imf23)
    difference = np.clip(median - imf23, -CORRECTION, CORRECTION)
    return smooth_table(difference, seen), smooth_table((high - low) / 1.35, seen)


def smooth_table(table: Floats, seen: Mask) -> Floats:
    """Average a table over code values; interpolate where it is not seen."""
    full = np.interp(CODE_VALUES, CODE_VALUES[seen], table[seen])
    blurred = cv2.blur(full[np.newaxis], (SPAN, 1), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred[0], np.float64)


def _contradiction(long: Codes, short: Codes, bounds: tuple[Floats, ...]) -> Plane:
    """Measure how far the intervals of two channels are apart, 0 where they meet."""
    tables = [np.nan_to_num(bound, posinf=1e3, neginf=-1e3).astype(np.float32) for bound in bounds]
    images = np.ascontiguousarray(long), np.ascontiguousarray(short)
    low1, high1, low2, high2 = (
        np.asarray(cv2.LUT(image, table), np.float32)
        for image, table in zip(np.repeat(images, 2, axis=0), tables, strict=True)
    )
    apart = _gap(low1, high2) - _gap(low2, high1)
    return np.abs(cv2.GaussianBlur(apart, (0, 0), BLUR))


def _gap(low: Plane, high: Plane) -> Plane:
    """Measure how much one image is surely brighter than the other and its neighbours."""
    around = np.ones((3, 3), np.uint8)
    gap = np.minimum(cv2.erode(low, around) - high, low - cv2.dilate(high, around))
    return np.asarray(np.clip(gap, 0, FARTHEST), np.float32)


def _find_regions(strong: Mask, weak: Mask) -> Mask:
    """Find the regions of weak evidence that have strong evidence in them; close and grow them."""
    if not strong.any():
        return np.zeros_like(strong)
    count, labels = cv2.connectedComponents(weak.astype(np.uint8))
    seeds = np.bincount(labels[strong], minlength=count)
    sizes = np.bincount(labels.ravel(), minlength=count)
    kept = seeds >= np.maximum(SEEDS, SHARE * sizes)
    kept[0] = False
    region = _drop_small(_fill_holes(_close(kept[labels])), LEAST)
    return np.asarray(cv2.dilate(region.astype(np.uint8), _disk(2 * GROW + 1)) > 0)


def _close(region: Mask) -> Mask:
    padded = np.pad(region.astype(np.uint8), CLOSE)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, _disk(CLOSE))
    return np.asarray(closed[CLOSE:-CLOSE, CLOSE:-CLOSE] > 0)


def _fill_holes(region: Mask) -> Mask:
    return ~_drop_small(~region, HOLE * region.size)


def _drop_small(region: Mask, least: float) -> Mask:
    """Drop connected parts of fewer pixels."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8))
    kept = stats[:, cv2.CC_STAT_AREA] >= least
    kept[0] = False
    return np.asarray(kept[labels])


def _disk(width: int) -> Codes:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)), np.uint8)

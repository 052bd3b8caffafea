"""Match blocks of texture between two exposures, near an approximate homography.

A block of the second image is cut through the homography, so that only a small shift is left. It
is the peak of the correlation of both textures.

Letters: points (x, y) in pixels, as homogeneous (x, y, 1) for 3 × 3 matrices.
"""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np

from expinterp.core.arrays import Floats, Pixels, Plane
from expinterp.core.parallel import map_threads
from expinterp.core.registration.homography import Matches, map_points
from expinterp.core.registration.resample import LONGEST
from expinterp.core.registration.texture import FAINT, normalise_contrast, to_float_codes

MARGIN = 12  # pixels around a block that its local mean and contrast are measured with
HELD = 0.2  # least share of a block that is unclipped in both exposures
PEAK = 0.4  # least correlation of blocks that match
REACH = 24  # pixels: the largest shift, along each axis; larger than a good guess needs,
# so that blocks that contradict it are seen
BENT = 1.0  # pixels: blocks that a homography bends less than this are cut without resampling

WHOLE = 2_000_000  # pixels: images up to this size are cut as a whole, if no side is too long

Area: TypeAlias = tuple[int, int, int, int]  # first column and row, columns, rows


def match_blocks(
    one: Pixels | Plane, two: Pixels | Plane, guess: Floats, *, side: int, most: int
) -> Matches:
    """Find where blocks of one image lie in another.

    Parameters
    ----------
    one, two : uint8, uint16 or float32 arrays, shape (rows, cols, 1 or 3)
        float32: code values, 0..255.
    guess : float64 array, shape (3, 3)
        Maps a point (x, y, 1) of `one` to `two`, to within `REACH` pixels.
    side : int
        Of the blocks, in pixels.
    most : int
        Square root of the largest number of blocks.
    """
    centres = _block_centres(one.shape, side, most)
    if one.shape[0] * one.shape[1] <= WHOLE and max(one.shape[:2]) <= LONGEST:
        groups = [((0, 0, one.shape[1], one.shape[0]), centres)]
    else:
        groups = [(_area(centre, side), centre[None]) for centre in centres]
    tables = map_threads(lambda group: _match_group((one, two), guess, side, group), groups)
    table = np.concatenate([np.empty((0, 5)), *tables])
    return Matches(table[:, :2], table[:, 2:4], table[:, 4], one.shape[:2])


def _match_group(
    images: tuple[Pixels | Plane, Pixels | Plane],
    guess: Floats,
    side: int,
    group: tuple[Area, Floats],
) -> Floats:
    """Match the blocks of one area: points, targets and correlations, (n, 5)."""
    area, centres = group
    to_two = _straighten(guess, area)
    cuts = map_threads(
        lambda each: _cut(*each, area), [(images[0], np.eye(3)), (images[1], to_two)]
    )
    (texture_one, unclipped_one), (texture_two, unclipped_two) = cuts
    both = unclipped_one * unclipped_two
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)
    found = []
    for centre in centres:
        left, top = (centre - area[:2]).astype(int) - side // 2
        block = np.s_[top : top + side, left : left + side]
        if both[block].mean() >= HELD:
            shift, peak = _correlate(texture_one[block] * window, texture_two[block] * window)
            if peak >= PEAK:
                found.append((*centre, *map_points(to_two, (centre + shift)[None])[0], peak))
    return np.array(found).reshape(-1, 5)


def _block_centres(shape: tuple[int, ...], side: int, most: int) -> Floats:
    """Spread blocks evenly over a frame, overlapping by at most half: their centres (x, y)."""
    cols, rows = shape[1], shape[0]
    if min(rows, cols) < side:
        return np.empty((0, 2))
    fits = np.array([2 * length // side - 1 for length in (cols, rows)])
    counts = np.minimum(fits, most**2 // np.minimum(fits.min(), most))
    axes = [
        np.linspace(side // 2, length - side // 2, count).astype(int)
        for length, count in zip((cols, rows), counts, strict=True)
    ]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2).astype(np.float64)


def _area(centre: Floats, side: int) -> Area:
    reach = side // 2 + MARGIN
    col, row = centre.astype(int)
    return col - reach, row - reach, 2 * reach, 2 * reach


def _corners(area: Area) -> Floats:
    left, top, cols, rows = area
    return np.asarray(
        np.array([left, top]) + np.array([[0, 0], [cols, 0], [0, rows], [cols, rows]], float)
    )


def _straighten(guess: Floats, area: Area) -> Floats:
    """Replace a homography that hardly bends an area by a shift of whole pixels."""
    corners = _corners(area)
    moves = map_points(guess, corners) - corners
    if np.ptp(moves, axis=0).max() >= BENT:
        return guess
    right, down = np.rint(moves.mean(axis=0))
    return np.array([[1, 0, right], [0, 1, down], [0, 0, 1.0]])


def _cut(image: Pixels | Plane, matrix: Floats, area: Area) -> tuple[Plane, Plane]:
    """Cut the texture of an area through a homography, and where it is unclipped.

    What lies outside the image counts as clipped.
    """
    left, top, cols, rows = area
    corners = map_points(matrix, _corners(area))
    col, row = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 1, 0)
    end, bottom = np.maximum(np.ceil(corners.max(axis=0)).astype(int) + 2, 0)
    part = to_float_codes(image[row:bottom, col:end])
    if part.size == 0:
        part, matrix = np.zeros((1, 1, 1), np.float32), np.eye(3)
    before, after = np.eye(3), np.eye(3)
    before[:2, 2], after[:2, 2] = (-col, -row), (left, top)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    block = cv2.warpPerspective(part, before @ matrix @ after, (cols, rows), flags=flags)
    return normalise_contrast(np.asarray(block, np.float32).reshape(rows, cols, -1))


def _correlate(here: Plane, there: Plane) -> tuple[Floats, float]:
    """Find the shift (x, y) from one texture to another, and their correlation there.

    The correlation is 0 if its peak lies at the rim.
    """
    product = cv2.mulSpectrums(cv2.dft(there), cv2.dft(here), 0, conjB=True)
    surface = cv2.dft(product, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE)
    surface = np.roll(surface, (REACH, REACH), (0, 1))[: 2 * REACH + 1, : 2 * REACH + 1]
    row, col = np.unravel_index(surface.argmax(), surface.shape)
    if not (0 < row < 2 * REACH and 0 < col < 2 * REACH):
        return np.zeros(2), 0.0
    faint = FAINT * here.size
    power = (float((here**2).sum()) + faint) * (float((there**2).sum()) + faint)
    peak = float(surface[row, col]) / np.sqrt(power)
    right = _vertex(*surface[row, col - 1 : col + 2])
    down = _vertex(*surface[row - 1 : row + 2, col])
    return np.array([col - REACH + right, row - REACH + down]), float(peak)


def _vertex(before: float, at: float, after: float) -> float:
    """Return where a parabola through three values has its extreme, −½..½."""
    bend = before - 2 * at + after
    return float((before - after) / (2 * bend)) if bend else 0.0

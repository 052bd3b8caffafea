"""Registration: find how the camera moved between two exposures of one scene, and undo it.

Exposures cannot be compared directly: one is bright, the other dark, and both are clipped
somewhere. Their texture can: log code values, minus the local mean, divided by the local contrast,
where neither exposure is clipped. Blocks of texture from all over the frame are compared by phase
correlation. A similarity transform (shift, rotation, scale) is fitted to their shifts by robust
least squares, first on a small copy, then on the images themselves.

The shifts of blocks disagree where things moved, where texture repeats and where there is none. If
few blocks agree, the motion is unknown. A motion too small to be worth resampling counts as zero.

Letters: points (x, y) in pixels, as homogeneous (x, y, 1) for 3 × 3 matrices. Images are
display-encoded code values, uint8 or uint16, (rows, cols, channels).

Sources: Kuglin and Hines, "The Phase Correlation Image Alignment Method", 1975; Geman and McClure,
"Statistical Methods for Tomographic Image Reconstruction", 1987 (the robust weights).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import cast

import cv2
import numpy as np

from expinterp.core.arrays import Codes, Floats, Pixels, Plane
from expinterp.core.mapping import CODE_VALUES, to_codes
from expinterp.core.parallel import map_threads

PROXY = 1024  # pixels: the longer side of the small copy
BLOCK = 128  # pixels: side of the blocks that are compared
SMALL = 600  # pixels: images whose longer side is at most this have blocks half as large
MARGIN = 16  # pixels around a block that its local mean and contrast are measured with
DETAIL = 3.0  # pixels: standard deviation of the Gaussian that gives the local mean
FLAT = 0.02  # natural logarithm: contrast below which texture is noise
TOE = 8.0  # code values, added before the logarithm
LOGARITHMS = np.log(CODE_VALUES + TOE).astype(np.float32)
DARK, BRIGHT = 3, 250  # code values outside of which a pixel may be clipped
HELD = 0.2  # least share of a block that is unclipped in each exposure
PEAK = 0.08  # least height of a correlation peak; blocks of noise have 0.04 on average
SCALES = (8.0, 4.0, 2.0, 1.0, 0.5, 0.5, 0.5)  # pixels: scale of the robust weights in each round
NEAR = 1.0  # pixels from the fitted transform within which a block agrees with it
AGREEING, FEWEST = 0.5, 12  # least share and least number of blocks that agree
SUSPECT = 0.25  # pixels of the small copy; a smaller motion is not measured again at full size
VISIBLE = 0.75  # pixels; a smaller motion is not worth resampling, and may be noise
FARTHEST = 0.02  # of the longer side; hand-held cameras move less
SURE = 4.0  # standard errors that a motion must exceed
ACROSS = 16, 8  # most blocks along each side: of the small copy, of the images
MAX_SIDE = 32_000  # pixels; OpenCV warps no larger image


@dataclass(frozen=True, eq=False)
class Motion:
    """The camera motion from one image to another.

    Attributes
    ----------
    matrix : float64 array, shape (3, 3)
        Similarity transform: maps a point (x, y, 1) of the first image to the second. The identity
        if the camera did not move, or if the motion is unknown.
    pixels : float or None
        Root mean square displacement of points over the frame; None if it is unknown.
    """

    matrix: Floats
    pixels: float | None

    def halves(self) -> tuple[Floats, Floats]:
        """Return the transforms from the viewpoint half-way to the first and the second image."""
        half = _square_root(self.matrix)
        return np.asarray(np.linalg.inv(half), np.float64), half


STILL, UNKNOWN = Motion(np.eye(3), 0.0), Motion(np.eye(3), None)


def find_motion(one: Pixels, two: Pixels) -> Motion:
    """Find the camera motion from one exposure to another.

    Parameters
    ----------
    one, two : uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        Two exposures of one scene, of the same shape, display-encoded.

    Returns
    -------
    Motion
        0 pixels if the images are registered to within about three quarters of a pixel.
    """
    longer = max(one.shape[:2])
    if longer > MAX_SIDE:
        return UNKNOWN
    scale = min(1.0, PROXY / longer)
    small_one, small_two = map_threads(lambda image: _shrink(image, scale), (one, two))
    side = BLOCK if longer > SMALL else BLOCK // 2
    coarse = _fit_similarity(small_one, small_two, side, ACROSS[0], np.eye(3))
    if coarse is None:
        return UNKNOWN
    if scale == 1 or coarse.displacement < SUSPECT:
        return coarse.to_motion()
    zoom = np.diag([1 / scale, 1 / scale, 1.0])
    guess = zoom @ coarse.matrix @ np.linalg.inv(zoom)
    side = 2 * BLOCK if min(one.shape[:2]) >= 3 * BLOCK else BLOCK  # at least two blocks across
    fine = _fit_similarity(one, two, side, ACROSS[1], guess)
    return fine.to_motion() if fine else UNKNOWN


def find_motions(images: Sequence[Pixels]) -> list[Motion]:
    """Find the camera motion from the last of several exposures to each of them.

    Adjacent exposures are compared, and their motions chained. An unknown motion is replaced by
    the identity.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        In order of brightness.

    Returns
    -------
    list of Motion
        From the last image to each; 0 pixels for the last itself. Unknown where a motion of the
        chain is, unless the others add up to a motion.
    """
    motions = [STILL]
    for bright, dark in pairwise(reversed(images)):
        motion = find_motion(bright, dark)
        matrix = motion.matrix @ motions[-1].matrix
        known = None not in {motion.pixels, motions[-1].pixels}
        pixels = _displacement(matrix, dark.shape) or (0.0 if known else None)
        motions.append(Motion(matrix, pixels))
    return motions[::-1]


def warp(image: Pixels, matrix: Floats) -> Pixels:
    """Resample an image: point p of the result shows point matrix·p of `image`.

    Bicubic; the image is mirrored beyond its borders. Shape and dtype stay the same. The identity
    returns the image itself.
    """
    if np.array_equal(matrix, np.eye(3)):
        return image
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(image, matrix[:2], size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, image.dtype).reshape(image.shape)


@dataclass(frozen=True, eq=False)
class _SimilarityFit:
    """A similarity transform fitted to block shifts in a frame of `shape`."""

    parameters: Floats  # shift right, shift down; stretch and rotation, in pixels at the rim
    covariance: Floats
    shape: tuple[int, ...]
    agreeing: int
    share: float

    @cached_property
    def matrix(self) -> Floats:
        """The transform as a homogeneous matrix."""
        centre, radius = _centre(self.shape)
        right, down, stretch, turn = self.parameters / np.array([1, 1, radius, radius])
        linear = np.array([[1 + stretch, -turn], [turn, 1 + stretch]])
        shift = np.array([right, down]) + centre - linear @ centre
        return np.block([[linear, shift[:, None]], [np.zeros((1, 2)), np.ones((1, 1))]])

    @cached_property
    def displacement(self) -> float:
        """Root mean square displacement over the frame, in pixels."""
        return _displacement(self.matrix, self.shape)

    @property
    def standard_error(self) -> float:
        """Standard error of the displacement, in pixels."""
        design = _design(_frame_points(self.shape), self.shape)
        return float(np.sqrt(2 * np.mean(((design @ self.covariance) * design).sum(axis=1))))

    def to_motion(self) -> Motion:
        """Accept the fit if enough blocks agree and the motion is plausible and significant."""
        agreed = self.share >= AGREEING and self.agreeing >= FEWEST
        if not agreed or self.displacement > FARTHEST * max(self.shape):
            return UNKNOWN
        if self.displacement < max(VISIBLE, SURE * self.standard_error):
            return STILL
        return Motion(self.matrix, self.displacement)


def _displacement(matrix: Floats, shape: tuple[int, ...]) -> float:
    """Compute the root mean square displacement of points over a frame."""
    points = _frame_points(shape)
    moves = points @ (matrix[:2, :2] - np.eye(2)).T + matrix[:2, 2]
    return float(np.sqrt((moves**2).sum(axis=1).mean()))


def _frame_points(shape: tuple[int, ...]) -> Floats:
    """Return points (x, y) that represent a frame: a grid of three by three."""
    axes = [np.linspace(0.0, length - 1.0, 3) for length in shape[1::-1]]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)


def _centre(shape: tuple[int, ...]) -> tuple[Floats, float]:
    """Return the centre (x, y) of a frame, and half its longer side."""
    return np.array(shape[1::-1]) / 2, max(shape[:2]) / 2


def _shrink(image: Pixels, scale: float) -> Pixels:
    if scale == 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, image.dtype).reshape(*small.shape[:2], -1)


def _block_centres(shape: tuple[int, ...], side: int, most: int) -> Floats:
    """Spread blocks evenly over a frame, overlapping by at most half: their centres (x, y)."""
    axes = []
    for length in shape[1::-1]:
        if length < side:
            return np.empty((0, 2))
        count = min(2 * length // side - 1, most)
        axes.append(np.linspace(side // 2, length - side // 2, count).astype(int))
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2).astype(np.float64)


def _find_shifts(
    one: Pixels, two: Pixels, centres: Floats, side: int, guess: Floats
) -> tuple[Floats, Floats, Floats]:
    """Find the shifts of blocks near an approximate transform, by phase correlation.

    Returns the centres and shifts (n, 2) of blocks with texture, and their peaks (n,).
    """
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)

    def correlate(centre: Floats) -> tuple[float, ...]:
        start, goal = np.rint(centre), np.rint(guess @ [*centre, 1])[:2]
        here, there = _cut_texture(one, start, side), _cut_texture(two, goal, side)
        if here is None or there is None:
            return (*start, 0.0, 0.0, 0.0)
        shift, peak = cv2.phaseCorrelate(here, there, window)
        return (*start, *(goal - start + shift), peak)

    table = np.array(map_threads(correlate, list(centres))).reshape(-1, 5)
    table = table[table[:, 4] >= PEAK]
    return table[:, :2], table[:, 2:4], table[:, 4]


def _cut_texture(image: Pixels, centre: Floats, side: int) -> Plane | None:
    """Return the texture of a block; None if most of it is clipped or outside the image."""
    reach = side // 2 + MARGIN
    col, row = centre.astype(int)
    outside = [
        (max(reach - at, 0), max(at + reach - length, 0))
        for at, length in zip((row, col), image.shape, strict=False)
    ]
    if max(map(sum, outside)) > 2 * MARGIN:
        return None
    block = to_codes(image[max(row - reach, 0) : row + reach, max(col - reach, 0) : col + reach])
    block = np.pad(block, [*outside, (0, 0)], mode="edge")
    block = np.broadcast_to(block, (2 * reach, 2 * reach, 3))
    unclipped = cv2.inRange(block, (DARK,) * 3, (BRIGHT,) * 3)  # 255 where all channels are
    if cv2.countNonZero(unclipped) < HELD * unclipped.size:
        return None
    grey = cv2.cvtColor(block, cv2.COLOR_RGB2GRAY)
    texture = _normalise_contrast(cast(Codes, grey), cast(Codes, unclipped))
    return np.ascontiguousarray(texture[MARGIN:-MARGIN, MARGIN:-MARGIN])


def _normalise_contrast(grey: Codes, unclipped: Codes) -> Plane:
    """Return log code values minus the local mean, divided by local contrast; 0 where clipped."""
    tone = LOGARITHMS[grey]
    detail = tone - cv2.GaussianBlur(tone, (0, 0), DETAIL)
    contrast = np.sqrt(cv2.GaussianBlur(detail**2, (0, 0), 2 * DETAIL))
    texture = np.clip(detail / (contrast + np.float32(FLAT)), -3, 3)
    eroded = cv2.erode(unclipped, np.ones((9, 9)))
    inside = cv2.boxFilter(eroded, cv2.CV_32F, (9, 9), normalize=True)
    return np.asarray(texture * inside, np.float32)


def _fit_similarity(
    one: Pixels, two: Pixels, side: int, most: int, guess: Floats
) -> _SimilarityFit | None:
    """Fit a transform to the shifts of blocks, by iteratively reweighted least squares.

    Blocks have `side` pixels, and there are at most `most` along each axis.
    """
    shape = one.shape[:2]
    centres = _block_centres(shape, side, most)
    centres, shifts, peaks = _find_shifts(one, two, centres, side, guess)
    if len(peaks) < FEWEST:
        return None
    design, moves = _design(centres, shape), shifts.ravel()
    parameters = np.r_[_most_common(shifts), 0.0, 0.0]
    for scale in SCALES:
        squared = _squared_distance(moves, design @ parameters)
        weight = np.repeat(peaks / (1 + squared / scale**2) ** 2, 2)  # Geman–McClure
        normal = (design * weight[:, None]).T @ design + 1e-9 * np.eye(4)
        parameters = np.linalg.solve(normal, design.T @ (weight * moves))
    squared = _squared_distance(moves, design @ parameters)
    near = squared < NEAR**2
    variance = (weight[::2] @ squared) / weight.sum()
    spread = np.linalg.inv(normal) @ ((design * weight[:, None] ** 2).T @ design)
    covariance = variance * spread @ np.linalg.inv(normal)  # sandwich estimator
    return _SimilarityFit(parameters, covariance, shape, int(near.sum()), float(near.mean()))


def _most_common(shifts: Floats) -> Floats:
    """Return the shift that most others are close to."""
    between = np.linalg.norm(shifts[:, None] - shifts, axis=2)
    return np.asarray(shifts[(between < 2 * NEAR).sum(axis=1).argmax()])


def _squared_distance(moves: Floats, fitted: Floats) -> Floats:
    """Compute the squared distance of each shift (x and y in turn) from the fitted one."""
    return np.asarray(((moves - fitted).reshape(-1, 2) ** 2).sum(axis=1))


def _design(points: Floats, shape: tuple[int, ...]) -> Floats:
    """Build the matrix that maps parameters to shifts (x and y in turn) at points."""
    centre, radius = _centre(shape)
    u, v = ((points - centre) / radius).T
    zero, one = np.zeros_like(u), np.ones_like(u)
    rows = np.stack([np.stack([one, zero, u, -v], 1), np.stack([zero, one, v, u], 1)], 1)
    return rows.reshape(-1, 4)


def _square_root(matrix: Floats) -> Floats:
    """Find the similarity transform near the identity that, applied twice, is the given one."""
    root = np.eye(3)
    for _ in range(20):  # Newton's method: each round doubles the digits
        root = (root + np.linalg.inv(root) @ matrix) / 2
    return root

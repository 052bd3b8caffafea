"""Registration: how the camera moved between two exposures of one scene, and undoing it.

Exposures cannot be compared as they are: one is bright, the other dark, both are clipped somewhere.
What survives is texture: log code values less their local mean, divided by their local contrast,
where neither shot is clipped. Blocks of it are compared by phase correlation, all over the frame,
and a similarity (shift, rotation, scale) is fitted to what they say, blocks that disagree counting
less and less; on a small copy first, then on the images themselves.

Blocks disagree where things moved, where texture repeats, and where there is none. Where few agree,
nothing is known of the motion; one that is too small to be worth resampling for is none.

Points are (x, y) in pixels, images (rows, cols, channels), display-encoded.

Source: Kuglin and Hines, "The Phase Correlation Image Alignment Method", 1975.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.mapping import CODE_VALUES, Codes, Floats, Pixels, to_codes
from expinterp.core.parallel import map_threads

Result = TypeVar("Result")

PROXY = 1024  # pixels of the longer side of the small copy
BLOCK = 128  # side of the blocks compared, in pixels of the image they are cut from
SMALL = 600  # pixels of the longer side up to which blocks are half as large
MARGIN = 16  # pixels around a block that its texture is measured with
DETAIL = 3.0  # standard deviation, in pixels, of the Gaussian that texture is the rest of
FLAT = 0.02  # natural logarithm: contrast below which texture is noise
TOE = 8.0  # added to code values before the logarithm
LOGARITHMS = np.log(CODE_VALUES + TOE).astype(np.float32)
DARK, BRIGHT = 3, 250  # code values beyond which a pixel may be clipped
HELD = 0.2  # least share of a block that neither shot clips
PEAK = 0.08  # least height of a correlation peak; blocks of noise have 0.04 on average
SCALES = (8.0, 4.0, 2.0, 1.0, 0.5, 0.5, 0.5)  # pixels of disagreement that halve a block's say
NEAR = 1.0  # pixels within which blocks agree
AGREEING, FEWEST = 0.5, 12  # least share, and number, of blocks that agree
SUSPECT = 0.25  # pixels of the small copy; less is not looked into
VISIBLE = 0.75  # pixels; less is not worth resampling for, nor told from noise
FARTHEST = 0.02  # of the longer side; farther is no shake of the hand
SURE = 4.0  # standard errors that a motion has to exceed
ACROSS = 16, 8  # blocks along each side of a frame at most: of the small copy, of the images
MAX_SIDE = 32_000  # pixels; OpenCV warps no larger image


@dataclass(frozen=True, eq=False)
class Motion:
    """How a camera moved from one shot to another.

    Attributes
    ----------
    matrix : float64 array, shape (3, 3)
        Homogeneous: where a point (x, y, 1) of the one lies in the other; a similarity. The
        identity for a camera that stood still, and where nothing is known.
    pixels : float or None
        How far points move, root mean square over the frame; None where that cannot be told.
    """

    matrix: Floats
    pixels: float | None

    def halves(self) -> tuple[Floats, Floats]:
        """Split the way: where a point of the pose half-way lies in the one, and in the other."""
        half = _root(self.matrix)
        return _inverse(half), half


STILL, UNKNOWN = Motion(np.eye(3), 0.0), Motion(np.eye(3), None)


def find_motion(one: Pixels, two: Pixels) -> Motion:
    """Find where the points of one exposure lie in another.

    Parameters
    ----------
    one, two : uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        Two exposures of one scene, of the same shape.

    Returns
    -------
    Motion
        0 pixels if the images lie on each other, give or take three quarters of a pixel.
    """
    shape, longer = one.shape[:2], max(one.shape[:2])
    if longer > MAX_SIDE:
        return UNKNOWN
    scale = min(1.0, PROXY / longer)
    small_one, small_two = map_threads(lambda image: _shrink(image, scale), (one, two))
    side = BLOCK if longer > SMALL else BLOCK // 2
    frame = small_one.shape[:2]
    coarse = _fit(
        _compare(small_one, small_two, _grid(frame, side, ACROSS[0]), side, np.eye(3)), frame
    )
    if coarse is None:
        return UNKNOWN
    if scale == 1 or _travel(coarse.matrix, frame) < SUSPECT:
        return coarse.judge(frame)
    zoom = np.diag([1 / scale, 1 / scale, 1.0])
    guess = zoom @ coarse.matrix @ _inverse(zoom)
    side = 2 * BLOCK if min(shape) >= 3 * BLOCK else BLOCK  # two across at least
    places = _grid(shape, side, ACROSS[1])
    fine = _fit(_compare(one, two, places, side, guess), shape)
    return fine.judge(shape) if fine else UNKNOWN


def find_poses(images: Sequence[Pixels]) -> list[Motion]:
    """Find where the points of the last of several exposures lie in each of them.

    Neighbours are compared; two of which nothing is known are taken to lie on each other.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        In order of brightness.

    Returns
    -------
    list of Motion
        From the last to each; the last one's own is 0 pixels. Unknown if a link on the way is,
        unless another one moved.
    """
    poses = [STILL]
    for bright, dark in pairwise(reversed(images)):
        motion = find_motion(bright, dark)
        matrix = motion.matrix @ poses[-1].matrix
        known = None not in {motion.pixels, poses[-1].pixels}
        pixels = _travel(matrix, dark.shape) or (0.0 if known else None)
        poses.append(Motion(matrix, pixels))
    return poses[::-1]


def warp(image: Pixels, matrix: Floats) -> Pixels:
    """Resample an image: what lies at point p of the result is at matrix·p in `image`.

    Bicubic; beyond its borders an image is mirrored. Shape and dtype stay; where the matrix is the
    identity, it is the image itself.
    """
    if np.array_equal(matrix, np.eye(3)):
        return image
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (image.shape[1], image.shape[0])
    moved = cv2.warpAffine(image, matrix[:2], size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, image.dtype).reshape(image.shape)


@dataclass(frozen=True, eq=False)
class _Displacements:
    """What blocks say: centres and how far they moved, (n, 2) each, and the peak, (n,)."""

    places: Floats
    moves: Floats
    peaks: Floats


@dataclass(frozen=True, eq=False)
class _PeakFit:
    """A similarity and the blocks that speak for it."""

    parameters: Floats
    covariance: Floats
    centre: Floats
    radius: float
    agreeing: int
    share: float

    @property
    def matrix(self) -> Floats:
        """The homogeneous matrix of the similarity."""
        right, down, stretch, turn = self.parameters / np.array([1, 1, self.radius, self.radius])
        linear = np.array([[1 + stretch, -turn], [turn, 1 + stretch]])
        shift = np.array([right, down]) + self.centre - linear @ self.centre
        return np.block([[linear, shift[:, None]], [np.zeros((1, 2)), np.ones((1, 1))]])

    def doubt(self, shape: tuple[int, ...]) -> float:
        """Estimate the standard error of how far points move."""
        design = _design(_points(shape), self.centre, self.radius)
        return float(np.sqrt(2 * np.mean(((design @ self.covariance) * design).sum(axis=1))))

    def judge(self, shape: tuple[int, ...]) -> Motion:
        """Believe the motion if enough blocks agree and it is not too far; little of it is none."""
        pixels = _travel(self.matrix, shape)
        agreed = self.share >= AGREEING and self.agreeing >= FEWEST
        if not agreed or pixels > FARTHEST * max(shape):
            return UNKNOWN
        if pixels < max(VISIBLE, SURE * self.doubt(shape)):
            return STILL
        return Motion(self.matrix, pixels)


def _travel(matrix: Floats, shape: tuple[int, ...]) -> float:
    """Compute how far points move, root mean square over a frame."""
    points = _points(shape)
    moves = points @ (matrix[:2, :2] - np.eye(2)).T + matrix[:2, 2]
    return float(np.sqrt((moves**2).sum(axis=1).mean()))


def _points(shape: tuple[int, ...]) -> Floats:
    """Take points (x, y) that stand for a frame: a grid of three by three."""
    axes = [np.linspace(0.0, length - 1.0, 3) for length in shape[1::-1]]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)


def _shrink(image: Pixels, scale: float) -> Pixels:
    if scale == 1:
        return image
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, image.dtype).reshape(*small.shape[:2], -1)


def _grid(shape: tuple[int, ...], side: int, most: int) -> Floats:
    """Spread blocks over a frame, overlapping by half at most: their centres (x, y)."""
    axes = []
    for length in shape[1::-1]:
        if length < side:
            return np.empty((0, 2))
        count = min(2 * length // side - 1, most)
        axes.append(np.linspace(side // 2, length - side // 2, count).astype(int))
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2).astype(np.float64)


def _compare(one: Pixels, two: Pixels, places: Floats, side: int, guess: Floats) -> _Displacements:
    """Find how far the blocks around `places` moved, near where a guess says."""
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)

    def measure(place: Floats) -> tuple[float, ...]:
        start, goal = np.rint(place), np.rint(guess @ [*place, 1])[:2]
        here, there = _cut(one, start, side), _cut(two, goal, side)
        if here is None or there is None:
            return (*start, 0.0, 0.0, 0.0)
        shift, peak = cv2.phaseCorrelate(here, there, window)
        return (*start, *(goal - start + shift), peak)

    table = np.array(map_threads(measure, list(places))).reshape(-1, 5)
    table = table[table[:, 4] >= PEAK]
    return _Displacements(table[:, :2], table[:, 2:4], table[:, 4])


def _cut(image: Pixels, centre: Floats, side: int) -> NDArray[np.float32] | None:
    """Cut a block out of an image and leave its texture; None where it is mostly clipped."""
    reach = side // 2 + MARGIN
    col, row = centre.astype(int)
    over = [
        (max(reach - at, 0), max(at + reach - length, 0))
        for at, length in zip((row, col), image.shape, strict=False)
    ]
    if max(map(sum, over)) > 2 * MARGIN:
        return None
    block = to_codes(image[max(row - reach, 0) : row + reach, max(col - reach, 0) : col + reach])
    block = np.broadcast_to(np.pad(block, [*over, (0, 0)], mode="edge"), (2 * reach, 2 * reach, 3))
    held = cv2.inRange(block, (DARK,) * 3, (BRIGHT,) * 3)  # 255 where all channels are
    if cv2.countNonZero(held) < HELD * held.size:
        return None
    texture = _texture(cast(Codes, cv2.cvtColor(block, cv2.COLOR_RGB2GRAY)), cast(Codes, held))
    return np.ascontiguousarray(texture[MARGIN:-MARGIN, MARGIN:-MARGIN])


def _texture(grey: Codes, held: Codes) -> NDArray[np.float32]:
    """Leave what is finer than `DETAIL`, at one contrast everywhere; 0 where clipped."""
    tone = LOGARITHMS[grey]
    detail = tone - cv2.GaussianBlur(tone, (0, 0), DETAIL)
    contrast = np.sqrt(cv2.GaussianBlur(detail**2, (0, 0), 2 * DETAIL))
    texture = np.clip(detail / (contrast + np.float32(FLAT)), -3, 3)
    inside = cv2.boxFilter(cv2.erode(held, np.ones((9, 9))), cv2.CV_32F, (9, 9), normalize=True)
    return np.asarray(texture * inside, np.float32)


def _fit(found: _Displacements, shape: tuple[int, ...]) -> _PeakFit | None:
    """Fit a similarity, starting from the move that most blocks agree with."""
    if len(found.peaks) < FEWEST:
        return None
    centre, radius = np.array(shape[1::-1]) / 2, max(shape[:2]) / 2
    design = _design(found.places, centre, radius)
    moves = found.moves.ravel()
    between = np.linalg.norm(found.moves[:, None] - found.moves, axis=2)
    start = found.moves[(between < 2 * NEAR).sum(axis=1).argmax()]
    parameters = np.r_[start, 0.0, 0.0]
    for scale in SCALES:
        off = (moves - design @ parameters).reshape(-1, 2)
        squared = (off**2).sum(axis=1)
        weight = np.repeat(found.peaks / (1 + squared / scale**2) ** 2, 2)
        normal = (design * weight[:, None]).T @ design + 1e-9 * np.eye(4)
        parameters = np.linalg.solve(normal, design.T @ (weight * moves))
    squared = ((moves - design @ parameters).reshape(-1, 2) ** 2).sum(axis=1)
    near = squared < NEAR**2
    variance = (weight[::2] @ squared) / weight.sum()
    spread = np.linalg.inv(normal) @ ((design * weight[:, None] ** 2).T @ design)
    covariance = variance * spread @ np.linalg.inv(normal)
    return _PeakFit(parameters, covariance, centre, radius, int(near.sum()), float(near.mean()))


def _design(places: Floats, centre: Floats, radius: float) -> Floats:
    """Relate moves (x and y in turn) to shift right, shift down, stretch and turn at the rim."""
    u, v = ((places - centre) / radius).T
    zero, one = np.zeros_like(u), np.ones_like(u)
    rows = np.stack([np.stack([one, zero, u, -v], 1), np.stack([zero, one, v, u], 1)], 1)
    return rows.reshape(-1, 4)


def _root(matrix: Floats) -> Floats:
    """Find the similarity that, applied twice, is the given one; near the identity."""
    root = np.eye(3)
    for _ in range(20):  # Newton's, which doubles the digits
        root = (root + _inverse(root) @ matrix) / 2
    return root


def _inverse(matrix: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrix), np.float64)

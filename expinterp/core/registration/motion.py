"""The camera motion between exposures of one scene, and when it is believed.

From coarse to fine: the shift and turn of a small copy are searched. From there, blocks of texture
from all over larger copies, and at last of the images themselves, are matched, and a similarity or
a homography is fitted to them. Each starts from the transform before. Where a finer copy shows too
little texture, the transform of the coarser one stands.

The shifts of blocks disagree where things moved, where texture repeats and where there is none. If
few blocks agree, the motion is unknown. A motion too small to be worth resampling counts as zero.

Letters: points (x, y) in pixels, as homogeneous (x, y, 1) for 3 × 3 matrices. Images are
display-encoded code values, uint8 or uint16, (rows, cols, channels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from expinterp.core.arrays import Floats, Pixels, Plane
from expinterp.core.parallel import map_threads
from expinterp.core.registration.blocks import match_blocks
from expinterp.core.registration.homography import NEAR, SURE, Fit, distance, fit_motion, rescale
from expinterp.core.registration.search import search_pose
from expinterp.core.registration.texture import shrink

COPIES = (512, 128), (1024, 256)  # pixels: longer side of the copies, least shorter side
BLOCK = 64  # pixels: side of the blocks; `LARGE` images have blocks twice as large
ACROSS = 14, 12  # square root of the number of blocks: of copies, of large images
AGREEING, FEWEST = 0.3, 12  # least share and least number of blocks that agree
CLEAR = 2  # times as many blocks must agree with a motion as agree on another shift
CERTAIN = 0.6  # least ratio of shares of agreeing blocks, of a finer and a coarser copy
CORRECTED = 6.0  # pixels of a copy by which a finer one may correct its motion
SMALLER = 0.8  # of an image: size of a copy that is worth making
LARGE = 1600  # pixels of the longer side
CLOSE = 1.0  # pixels of a copy from its guess; a motion that is farther is measured again
SUSPECT = 0.25  # pixels of the larger copy; a smaller motion is not measured again at full size
VISIBLE = 0.75  # pixels; a smaller motion is not worth resampling, and may be noise
FINEST = 2000  # pixels of the longer side: blocks agree to within 1 pixel, or this part of it
FARTHEST = 0.09  # of the longer side: largest displacement; a hand moves less
LIKELY = 0.15  # least correlation of small copies that a large motion is looked for at


@dataclass(frozen=True, eq=False)
class Motion:
    """The camera motion from one image to another.

    Attributes
    ----------
    matrix : float64 array, shape (3, 3)
        Similarity or homography: maps a point (x, y, 1) of the first image to the second. The
        identity if the camera did not move, or if the motion is unknown.
    pixels : float or None
        Root mean square displacement of points over the frame; None if it is unknown.
    """

    matrix: Floats
    pixels: float | None

    def halves(self) -> tuple[Floats, Floats]:
        """Return the transforms from the viewpoint half-way to the first and the second image."""
        half = np.eye(3)
        for _ in range(20):  # Newton's method for the square root
            half = (half + np.linalg.inv(half) @ self.matrix) / 2
        first = np.linalg.inv(half)
        return first / first[2, 2], half / half[2, 2]

    def inverse(self) -> Motion:
        """Return the motion from the second image to the first."""
        matrix = np.linalg.inv(self.matrix)
        return Motion(matrix / matrix[2, 2], self.pixels) if self.pixels else self


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
    levels = list(zip(*map_threads(_pyramid, (one, two)), strict=True))
    guess = start = _first_guess(levels[0][0], levels[0][1])
    best = None
    for level in (levels[0], *levels):  # the smallest twice, if the search was far off
        if best and level is levels[0] and best.is_near(start):
            continue
        if level is levels[-1] and best and best.scale < 1 and best.fit.displacement < SUSPECT:
            break
        found = _estimate(level[0], level[1], guess)
        if found is None or (best and found.contradicts(best)):
            break
        guess, best = found.matrix, found
    return best.to_motion() if best else UNKNOWN


def find_motions(images: Sequence[Pixels], *, reference: int) -> list[Motion]:
    """Find the camera motion from one of several exposures to each of them.

    Adjacent exposures are compared, and their motions chained, outwards from the reference. An
    image whose motion is unknown so is compared with all others whose motion is known.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        In order of brightness.
    reference : int
        The index of the exposure that motions start from.

    Returns
    -------
    list of Motion
        From the reference to each image; 0 pixels for the reference itself.
    """
    known = {reference: STILL}
    compared: set[tuple[int, int]] = set()
    while link := _next_link(len(images), known, compared):
        start, end = link
        compared.add(link)
        motion = find_motion(images[start], images[end])
        if motion.pixels is not None:
            known[end] = _chain(known[start], motion, images[end].shape)
    return [known.get(index, UNKNOWN) for index in range(len(images))]


def _next_link(
    count: int, known: dict[int, Motion], compared: set[tuple[int, int]]
) -> tuple[int, int] | None:
    """Choose the next two images to compare: of those not yet compared, the closest."""
    links = ((i, j) for i in known for j in range(count) if j not in known)
    open_links = [link for link in links if link not in compared]
    return min(open_links, key=lambda link: abs(link[0] - link[1]), default=None)


def _chain(first: Motion, second: Motion, shape: tuple[int, ...]) -> Motion:
    """Apply one motion after another; those that cancel out count as none."""
    if STILL in {first, second}:
        return second if first is STILL else first
    matrix = second.matrix @ first.matrix
    pixels = distance(matrix, np.eye(3), shape)
    return STILL if pixels < VISIBLE else Motion(matrix / matrix[2, 2], pixels)


Level: TypeAlias = tuple[Pixels | Plane, float]  # an image or a copy, and its scale


@dataclass(frozen=True, eq=False)
class _Estimate:
    """A transform fitted to blocks of two copies of images."""

    fit: Fit
    scale: float  # of the copies, 0..1
    share: float  # of the blocks that agree

    @property
    def matrix(self) -> Floats:
        """The transform, in pixels of the images."""
        return rescale(self.fit.matrix, 1 / self.scale)

    def is_near(self, guess: Floats) -> bool:
        """Return whether the blocks were cut from about where they lie."""
        cut = rescale(guess, self.scale)
        return distance(self.fit.matrix, cut, self.fit.matches.shape) < CLOSE

    def contradicts(self, coarser: _Estimate) -> bool:
        """Return whether the transform is far from that of smaller copies, or less certain."""
        before = rescale(coarser.matrix, self.scale)
        apart = distance(self.fit.matrix, before, self.fit.matches.shape)
        far = apart > CORRECTED * self.scale / coarser.scale
        return far or self.share < CERTAIN * coarser.share

    def to_motion(self) -> Motion:
        """Accept the fit if the motion is plausible and significant."""
        displacement, error = self.fit.displacement, self.fit.standard_error
        if displacement > FARTHEST * max(self.fit.matches.shape):
            return UNKNOWN
        if displacement < max(SUSPECT if self.scale < 1 else VISIBLE, SURE * error):
            return STILL
        return Motion(self.matrix, displacement / self.scale)


def _pyramid(image: Pixels) -> list[Level]:
    """List copies of an image, from coarse to fine, and the image itself."""
    levels: list[Level] = [(image, 1.0)]
    for longer, shorter in reversed(COPIES):
        finer, scale = levels[0]
        copy, ratio = shrink(finer, longer, shorter)
        if ratio < SMALLER:
            levels.insert(0, (copy, scale * ratio))
    return levels


def _first_guess(one: Level, two: Level) -> Floats:
    """Search for a large motion; the identity if the images are not much alike."""
    pose = search_pose(one[0], two[0])
    return rescale(pose.matrix, 1 / one[1]) if pose.likeness >= LIKELY else np.eye(3)


def _estimate(one: Level, two: Level, guess: Floats) -> _Estimate | None:
    """Fit a transform to blocks near a guess, in pixels of the images; None if few agree."""
    scale, (shorter, longer) = one[1], sorted(one[0].shape[:2])
    large = longer >= LARGE and shorter >= LARGE // 4
    size = (2 * BLOCK, ACROSS[1]) if large else (BLOCK, ACROSS[0])
    start = rescale(guess, scale)
    matches = match_blocks(one[0], two[0], start, side=size[0], most=size[1])
    if len(matches.weights) < FEWEST:
        return None
    fit = fit_motion(matches, start)
    number, share, rivals = fit.agreement(max(NEAR, longer / FINEST))
    agreed = share >= AGREEING and number >= max(FEWEST, CLEAR * rivals)
    return _Estimate(fit, scale, share) if agreed else None

"""Whether two exposures show one scene.

Two measures: the share of pixels that one mapping of code values explains, and the rank
correlation of local contrast in thumbnails, as the images lie and at the most likely shift and
turn. They do not depend on the exposure. Two different scenes differ in both.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats, Pixels, Plane
from expinterp.core.mapping import inlier_share, to_codes
from expinterp.core.registration.homography import distance, rescale
from expinterp.core.registration.resample import resample
from expinterp.core.registration.search import Pose, search_pose
from expinterp.core.registration.texture import shrink
from expinterp.errors import PairError

AGREEMENT = 0.95  # least share of inliers; different scenes have up to 0.947
LIKENESS = 0.35  # least rank correlation of local contrast; real pairs 0.48 and more, others 0.30
THUMBNAIL = 128, 32  # pixels: longer side of the thumbnails, least shorter side
DETAIL = 4.0  # pixels: standard deviation of the Gaussian that gives the local mean
DETAILS = 300  # unclipped pixels that thumbnails need to be compared
WHITE, BLACK = 245, 1  # code values outside of which a thumbnail pixel may be clipped
FAR = 0.01  # of the longer side: images that moved so much do not fit
CREDIBLE = 0.2  # least correlation of a pose; at a wrong one, textures have up to 0.19
SHIFTS = (-1, 0), (1, 0), (0, -1), (0, 1)  # rows and columns
CLEARLY = 1.05  # least ratio of the errors at a shift and without one
TILES, TILE = 4, 160  # windows along each axis, and their side in pixels
OUTLIER = 16.0  # code values: larger errors count as this
TOE = 2.0  # code values, added before the logarithm


def check_scene(long: Codes, short: Codes, joint: NDArray[np.int64]) -> bool:
    """Refuse images that differ too much in both tones and details.

    Parameters
    ----------
    long, short : uint8 arrays, shape (rows, cols, channels)
        Samples of two exposures.
    joint : int64 array, shape (channels, 256, 256)
        Their joint histogram.

    Returns
    -------
    bool
        Whether they fit as they lie, as far as can be seen.

    Raises
    ------
    PairError
        If the two do not show one scene.
    """
    tones = min(inlier_share(channel) for channel in joint)
    if tones >= AGREEMENT:
        return True
    still, moved, pose = _compare_details(long, short)
    if max(still, moved) < LIKENESS:
        msg = (
            f"the two images do not show the same scene (one mapping explains {tones:.0%} of the "
            f"pixels, detail correlates {max(still, moved):.2f}); give two exposures of one scene"
        )
        raise PairError(msg)
    far = distance(pose.matrix, np.eye(3), long.shape) > FAR * max(long.shape)
    return still >= LIKENESS and not (far and pose.likeness >= CREDIBLE)


def lies_still(long: Pixels, short: Pixels, imf: Floats) -> bool:
    """Return whether two exposures surely lie as they are to within a pixel.

    Of all shifts by a pixel, none explains ``short`` nearly as well as no shift. That fails where
    they moved, and where there is too little texture to tell.

    Parameters
    ----------
    long, short : uint8 or uint16 arrays, shape (rows, cols, channels)
    imf : float64 array, shape (channels, 256)
        Maps code values of ``long`` to ``short``.
    """
    errors = np.zeros(1 + len(SHIFTS))
    for rows in _spread(long.shape[0]):
        for cols in _spread(long.shape[1]):
            errors += _shift_errors(to_codes(long[rows, cols]), to_codes(short[rows, cols]), imf)
    return bool(errors[1:].min() > CLEARLY * errors[0])


def _spread(length: int) -> list[slice]:
    """Spread up to `TILES` windows over so many rows or columns."""
    starts = {max(0, (2 * k + 1) * length // (2 * TILES) - TILE // 2) for k in range(TILES)}
    return [slice(start, start + TILE) for start in sorted(starts)]


def _shift_errors(long: Codes, short: Codes, imf: Floats) -> Floats:
    """Sum the errors of ``short``, predicted from ``long``: unshifted, and at each of `SHIFTS`."""
    sums = np.zeros(1 + len(SHIFTS))
    if min(short.shape[:2]) <= 2:
        return sums
    inner = short[1:-1, 1:-1]
    mapped = np.stack([row[long[..., c]] for c, row in enumerate(imf)], axis=-1)
    known = (long[1:-1, 1:-1] < WHITE) & (inner > BLACK)
    for place, (down, right) in enumerate(((0, 0), *SHIFTS)):
        moved = mapped[1 + down : len(mapped) - 1 + down, 1 + right : mapped.shape[1] - 1 + right]
        sums[place] = np.minimum(np.abs(moved - inner)[known], OUTLIER).sum()
    return sums


def _compare_details(long: Codes, short: Codes) -> tuple[float, float, Pose]:
    """Compute the rank correlation of local contrast where neither exposure is clipped.

    Returns it as the images lie, and at their most likely pose; 1 if nearly everything is clipped.
    """
    (grey_long, scale), (grey_short, _) = (_thumbnail(image) for image in (long, short))
    pose = search_pose(long, short)
    matrix = rescale(pose.matrix, scale)
    moved = resample(grey_short, matrix, kernel=cv2.INTER_LINEAR, border=cv2.BORDER_CONSTANT)
    return _correlate_ranks(grey_long, grey_short), _correlate_ranks(grey_long, moved), pose


def _thumbnail(image: Codes) -> tuple[Plane, float]:
    small, scale = shrink(image, *THUMBNAIL)
    return small.mean(axis=2), scale


def _correlate_ranks(long: Plane, short: Plane) -> float:
    unclipped = (long < WHITE) & (short > BLACK)
    if unclipped.sum() < DETAILS:
        return 1.0
    ranks = []
    for grey in (long, short):
        tone = np.log(grey + np.float32(TOE))
        detail = tone - cv2.GaussianBlur(tone, (0, 0), DETAIL)
        ranks.append(detail[unclipped].argsort(kind="stable").argsort(kind="stable"))
    return float(np.corrcoef(*ranks)[0, 1])

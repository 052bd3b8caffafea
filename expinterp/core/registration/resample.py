"""Resample an image through a homography, and the part of a frame that it covers.

Letters: points (x, y) in pixels, as homogeneous (x, y, 1) for 3 × 3 matrices. Images are
display-encoded code values, uint8 or uint16, (rows, cols) or (rows, cols, channels).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Floats, Mask, Pixels
from expinterp.core.parallel import map_threads, strips
from expinterp.core.registration.homography import map_points

KERNEL = cv2.INTER_CUBIC
LONGEST = 32_000  # pixels; no side of what OpenCV resamples may be longer
PIECE = (512, 8192)  # rows, cols that a thread resamples at a time
REACH = 4  # pixels around what a piece shows that its interpolation reads
CANDIDATES = 1024  # rows
TINY = 1e-9  # pixels: a line that slopes less along a row counts as parallel to it


def warp(image: Pixels, matrix: Floats) -> Pixels:
    """Resample an image: point p of the result shows point matrix·p of `image`.

    Bicubic; beyond the borders, the pixel at the border is repeated (see `covered`). Shape and
    dtype stay the same. The identity returns the image itself.
    """
    if np.array_equal(matrix, np.eye(3)):
        return image
    return resample(image, matrix, kernel=KERNEL, border=cv2.BORDER_REPLICATE)


def resample(image: NDArray[Any], matrix: Floats, *, kernel: int, border: int) -> NDArray[Any]:
    """Resample an image of any size, with an interpolation and a border mode of OpenCV, in threads."""
    flags = kernel | cv2.WARP_INVERSE_MAP
    out = np.empty_like(image)

    def work(area: tuple[slice, slice]) -> None:
        piece = out[area]
        part, to_part = _part_seen(image, matrix, *area)
        moved = cv2.warpPerspective(
            part, to_part, piece.shape[1::-1], flags=flags, borderMode=border
        )
        piece[...] = moved.reshape(piece.shape)

    down, across = (strips(*side) for side in zip(image.shape, PIECE, strict=False))
    map_threads(work, [*product(down, across)])
    return out


def _part_seen(
    image: NDArray[Any], matrix: Floats, rows: slice, cols: slice
) -> tuple[NDArray[Any], Floats]:
    """Return the part of an image that a piece of the result shows, and the matrix between them."""
    corners = [(x, y) for x in (cols.start, cols.stop) for y in (rows.start, rows.stop)]
    seen = map_points(matrix, np.array(corners, np.float64))
    sides = np.array(image.shape[1::-1])
    first = np.clip(np.floor(seen.min(axis=0)).astype(int) - REACH, 0, sides - 1)
    last = np.clip(np.ceil(seen.max(axis=0)).astype(int) + REACH, first + 1, sides)
    there, here = np.eye(3), np.eye(3)
    there[:2, 2], here[:2, 2] = -first, (cols.start, rows.start)
    return image[first[1] : last[1], first[0] : last[0]], there @ matrix @ here


def covered(shape: tuple[int, ...], matrix: Floats) -> Mask | None:
    """Return where a resampled image shows the image itself, not what lies beyond its borders.

    Parameters
    ----------
    shape : tuple of int
        (rows, cols, ...) of the image and of the result.
    matrix : float64 array, shape (3, 3)
        As for `warp`.

    Returns
    -------
    bool array, shape (rows, cols), or None
        True where the point lies inside the image; None if it does everywhere.
    """
    cols = shape[1]
    if np.array_equal(matrix, np.eye(3)):
        return None
    first, last = _spans(shape, matrix)
    if (first <= 0).all() and (last >= cols - 1).all():
        return None
    at = np.arange(cols)
    return np.asarray((at >= first[:, None]) & (at <= last[:, None]))


def _spans(shape: tuple[int, ...], matrix: Floats) -> tuple[Floats, Floats]:
    """Return the first and last column of each row that an image covers.

    The image is bounded by four lines. A homography maps lines to lines, so that each bounds the
    columns of a row on one side: a·x + b ≥ 0.
    """
    rows, cols = shape[:2]
    across, along, scale = matrix
    lines = (across, (cols - 1) * scale - across, along, (rows - 1) * scale - along)
    first, last = np.zeros(rows), np.full(rows, cols - 1.0)
    for a, b, c in lines:
        rest = b * np.arange(rows) + c
        if a > TINY:
            first = np.maximum(first, np.ceil(-rest / a))
        elif a < -TINY:
            last = np.minimum(last, np.floor(-rest / a))
        else:
            last[rest < 0] = -1
    return first, last


def inner_window(masks: Sequence[Mask | None], shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Find the largest rectangle that all masks cover.

    Parameters
    ----------
    masks : sequence of bool arrays, shape (rows, cols), or None
        From `covered`; each True in a convex region, or None for everything.
    shape : tuple of int
        (rows, cols, ...) of the frame.

    Returns
    -------
    tuple of slice
        Rows and columns; empty if the masks share nothing. On frames of more than `CANDIDATES` rows,
        only so many of them are tried as the first and last.
    """
    rows, cols = shape[:2]
    first, last = np.zeros(rows, int), np.full(rows, cols)
    for mask in masks:
        if mask is not None:
            some = mask.any(axis=1)
            first = np.where(some, np.maximum(first, mask.argmax(axis=1)), cols)
            last = np.where(some, np.minimum(last, cols - mask[:, ::-1].argmax(axis=1)), 0)
    tried = np.unique(np.linspace(0, rows - 1, CANDIDATES).astype(int))
    left = np.maximum(first[tried][:, None], first[tried])
    right = np.minimum(last[tried][:, None], last[tried])
    heights = tried - tried[:, None] + 1
    areas = np.where(heights > 0, heights * np.maximum(right - left, 0), 0)
    top, bottom = np.unravel_index(areas.argmax(), areas.shape)
    if not areas[top, bottom]:
        return slice(0, 0), slice(0, 0)
    return (
        slice(int(tried[top]), int(tried[bottom]) + 1),
        slice(int(left[top, bottom]), int(right[top, bottom])),
    )

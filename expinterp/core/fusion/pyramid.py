"""Gaussian and Laplacian pyramids of any size: one step down, one step up.

`reduce` halves a picture, `expand` doubles it to a given size; a Laplacian level is
``image − expand(reduce(image))``, and adding it back to the expanded rest gives the image again,
whatever `reduce` lost.

Both treat either end of an axis alike, so that a mirrored picture has the mirrored pyramid: along
an axis of odd length the kernel of Burt and Adelson, centred on every other sample; along one of
even length the kernel of the quadratic B-spline, centred between two. Any strip of rows of a result
can be had on its own, and is the same as in the whole.

Source: Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE Transactions on
Communications 1983.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]

ODD = np.array([1, 4, 6, 4, 1], np.float32) / np.float32(16)
EVEN = np.array([1, 3, 3, 1], np.float32) / np.float32(8)
# What `expand` makes of the coarse samples i − 1, i, i + 1: fine samples 2i and 2i + 1. They are
# the taps of the kernels above that fall on coarse samples, doubled.
ODD_PHASES = np.array([[1, 6, 1], [0, 4, 4]], np.float32) / np.float32(8)
EVEN_PHASES = np.array([[1, 3, 0], [0, 3, 1]], np.float32) / np.float32(4)
ALONE = np.ones(1, np.float32)  # the kernel that changes nothing


def halved(shape: tuple[int, ...]) -> tuple[int, int]:
    """Give the rows and cols of `reduce`'s result: half, rounded up."""
    return (shape[0] + 1) // 2, (shape[1] + 1) // 2


def reduce(plane: NDArray[Any], rows: slice | None = None) -> Plane:
    """Smooth and halve a plane.

    Parameters
    ----------
    plane : uint8, uint16 or float32 array, shape (rows, cols)
    rows : slice, optional
        The rows of the result that are wanted; all if not given.

    Returns
    -------
    float32 array, shape (ceil(rows / 2), ceil(cols / 2))
        In the units of `plane`.

    Examples
    --------
    >>> reduce(np.float32([[0, 0, 16, 0, 0]]))
    array([[2., 6., 2.]], dtype=float32)
    """
    start, stop, _ = (rows or slice(None)).indices((len(plane) + 1) // 2)
    top = max(2 * (start - 1), 0)
    piece = plane[top : 2 * stop + 1]  # row i needs 2i − 2 to 2i + 2
    tall = _filter(piece, _smoothing(len(plane)), len(plane), axis=0)[::2]
    own = tall[start - top // 2 : stop - top // 2]
    wide = _filter(own, _smoothing(plane.shape[1]), plane.shape[1], axis=1)
    return np.ascontiguousarray(wide[:, ::2])


def expand(plane: NDArray[Any], shape: tuple[int, ...], rows: slice | None = None) -> Plane:
    """Double a plane, to the size that it was reduced from.

    Parameters
    ----------
    plane : uint8, uint16 or float32 array, shape (ceil(rows / 2), ceil(cols / 2))
    shape : (rows, cols)
        Of the result.
    rows : slice, optional
        The rows of the result that are wanted; all if not given.

    Returns
    -------
    float32 array, shape (rows, cols)
        In the units of `plane`.

    Raises
    ------
    ValueError
        If `plane` is not what one of `shape` is reduced to.

    Examples
    --------
    >>> expand(np.float32([[0, 8, 0]]), (1, 5))
    array([[2., 4., 6., 4., 2.]], dtype=float32)
    """
    if plane.shape != halved(shape):
        msg = f"a picture of {shape} rows and cols is not reduced to {plane.shape}"
        raise ValueError(msg)
    start, stop, _ = (rows or slice(None)).indices(shape[0])
    top = max(start // 2 - 1, 0)
    tall = _double(plane[top : (stop + 1) // 2 + 1], shape[0], axis=0)
    skip = start - 2 * top
    wide = _double(tall[skip : skip + stop - start], shape[1], axis=1)
    return np.ascontiguousarray(wide[:, : shape[1]])


def _smoothing(size: int) -> Plane:
    return ODD if size % 2 else EVEN


def _double(plane: NDArray[Any], size: int, *, axis: int) -> Plane:
    """Interleave the two phases along an axis."""
    rows, cols = plane.shape
    out = np.empty((2 * rows, cols) if axis == 0 else (rows, 2 * cols), np.float32)
    for phase, kernel in enumerate(ODD_PHASES if size % 2 else EVEN_PHASES):
        into = out[phase::2] if axis == 0 else out[:, phase::2]
        into[...] = _filter(plane, kernel, size, axis=axis)
    return out


def _filter(plane: NDArray[Any], kernel: Plane, size: int, *, axis: int) -> Plane:
    """Filter along an axis that has length `size` in the finer picture; its ends are mirrored."""
    centre = (len(kernel) - 1) // 2
    border = cv2.BORDER_REFLECT_101 if size % 2 else cv2.BORDER_REFLECT
    across, down, anchor = (
        (ALONE, kernel, (0, centre)) if axis == 0 else (kernel, ALONE, (centre, 0))
    )
    filtered = cv2.sepFilter2D(plane, cv2.CV_32F, across, down, anchor=anchor, borderType=border)
    return cast(Plane, filtered)

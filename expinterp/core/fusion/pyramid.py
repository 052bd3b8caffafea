"""Gaussian and Laplacian pyramids for images of any size: `reduce` and `expand`.

`reduce` halves a plane; `expand` doubles it to a given size. A level of the Laplacian pyramid is
``plane − expand(reduce(plane))``; adding ``expand(reduce(plane))`` restores the plane exactly.

Both ends of an axis are treated alike, so that a mirrored plane has the mirrored pyramid. An axis
of odd length has the kernel of Burt and Adelson, centred on every other sample; one of even length
the kernel of the quadratic B-spline, centred between two samples. Any strip of rows of a result can
be computed alone, and equals that of the whole. Planes are (rows, cols), in any units.

Source: Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE Transactions on
Communications 1983.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Plane

# Each a kernel for axes of even length, and one for axes of odd length.
SMOOTHING = (
    np.array([1, 3, 3, 1], np.float32) / np.float32(8),
    np.array([1, 4, 6, 4, 1], np.float32) / np.float32(16),
)
# Weights of the coarse samples i − 1, i, i + 1 in the fine samples 2i and 2i + 1: the taps of the
# kernels above that fall on coarse samples, doubled.
PHASES = (
    np.array([[1, 3, 0], [0, 3, 1]], np.float32) / np.float32(4),
    np.array([[1, 6, 1], [0, 4, 4]], np.float32) / np.float32(8),
)
IDENTITY = np.ones(1, np.float32)


def reduced_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the rows and cols of the result of `reduce`: half, rounded up."""
    return (shape[0] + 1) // 2, (shape[1] + 1) // 2


def reduce(plane: NDArray[Any], rows: slice | None = None) -> Plane:
    """Smooth a plane and halve its size (Burt and Adelson 1983).

    Parameters
    ----------
    plane : uint8, uint16 or float32 array, shape (rows, cols)
    rows : slice, optional
        The rows of the result to compute; by default all.

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
    odd_rows, odd_cols = len(plane) % 2, plane.shape[1] % 2
    tall = _filter(piece, SMOOTHING[odd_rows], odd_rows, axis=0)[::2]
    own = tall[start - top // 2 : stop - top // 2]
    return np.ascontiguousarray(_filter(own, SMOOTHING[odd_cols], odd_cols, axis=1)[:, ::2])


def expand(plane: NDArray[Any], shape: tuple[int, ...], rows: slice | None = None) -> Plane:
    """Double the size of a plane, to the size that it was reduced from (Burt and Adelson 1983).

    Parameters
    ----------
    plane : uint8, uint16 or float32 array, shape (ceil(rows / 2), ceil(cols / 2))
    shape : (rows, cols)
        Of the whole result.
    rows : slice, optional
        The rows of the result to compute; by default all.

    Returns
    -------
    float32 array, shape (rows, cols)
        In the units of `plane`.

    Raises
    ------
    ValueError
        If a plane of `shape` is not reduced to the shape of `plane`.

    Examples
    --------
    >>> expand(np.float32([[0, 8, 0]]), (1, 5))
    array([[2., 4., 6., 4., 2.]], dtype=float32)
    """
    if plane.shape != reduced_shape(shape):
        msg = f"a plane of shape {shape} is not reduced to {plane.shape}; give its reduced plane"
        raise ValueError(msg)
    start, stop, _ = (rows or slice(None)).indices(shape[0])
    top = max(start // 2 - 1, 0)
    tall = _double(plane[top : (stop + 1) // 2 + 1], shape[0] % 2, axis=0)
    skip = start - 2 * top
    wide = _double(tall[skip : skip + stop - start], shape[1] % 2, axis=1)
    return np.ascontiguousarray(wide[:, : shape[1]])


def _double(plane: NDArray[Any], odd: int, *, axis: int) -> Plane:
    """Compute the samples of even and odd index along an axis, and interleave them."""
    rows, cols = plane.shape
    out = np.empty((2 * rows, cols) if axis == 0 else (rows, 2 * cols), np.float32)
    for phase, kernel in enumerate(PHASES[odd]):
        into = out[phase::2] if axis == 0 else out[:, phase::2]
        into[...] = _filter(plane, kernel, odd, axis=axis)
    return out


def _filter(plane: NDArray[Any], kernel: Plane, odd: int, *, axis: int) -> Plane:
    """Filter along an axis, of odd or even length in the finer plane; its ends are mirrored."""
    centre = (len(kernel) - 1) // 2
    border = cv2.BORDER_REFLECT_101 if odd else cv2.BORDER_REFLECT
    across, down, anchor = (
        (IDENTITY, kernel, (0, centre)) if axis == 0 else (kernel, IDENTITY, (centre, 0))
    )
    filtered = cv2.sepFilter2D(plane, cv2.CV_32F, across, down, anchor=anchor, borderType=border)
    return cast(Plane, filtered)

"""Gaussian and Laplacian pyramids for pictures of any size: `reduce` and `expand`.

`reduce` halves a picture; `expand` doubles it to a given size. A level of the Laplacian pyramid is
``picture − expand(reduce(picture))``; adding ``expand(reduce(picture))`` restores it exactly.

Both ends of an axis are treated alike, so that a mirrored picture has the mirrored pyramid. An axis
of odd length has the kernel of Burt and Adelson, centred on every other sample; one of even length
the kernel of the quadratic B-spline, centred between two samples. Any strip of rows of a result can
be computed alone, and equals that of the whole. Pictures are (rows, cols) or (rows, cols,
channels), in any units.

Source: Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE Transactions on
Communications 1983.
"""

from __future__ import annotations

from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Picture, Pixels

# Each a kernel for axes of even length, and one for axes of odd length.
SMOOTHING = (
    np.array([1, 3, 3, 1], np.float32) / np.float32(8),
    np.array([1, 4, 6, 4, 1], np.float32) / np.float32(16),
)
# Weights of the coarse samples i − 1, i, i + 1 in the fine samples 2i and 2i + 1 of an odd axis: the
# taps of the second kernel that fall on coarse samples, doubled. Those of the first one, 1 3 0 and
# 0 3 1, are bilinear interpolation.
PHASES = np.array([[1, 6, 1], [0, 4, 4]], np.float32) / np.float32(8)
IDENTITY = np.ones(1, np.float32)
TOP = 65535  # the largest 16-bit code value


def reduced_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of the result of `reduce`: half the rows and cols, rounded up."""
    return (shape[0] + 1) // 2, (shape[1] + 1) // 2, *shape[2:]


def reduce(picture: NDArray[Any], rows: slice | None = None) -> Picture:
    """Smooth a picture and halve its size (Burt and Adelson 1983).

    Parameters
    ----------
    picture : uint8, uint16 or float32 array, shape (rows, cols) or (rows, cols, channels)
    rows : slice, optional
        The rows of the result to compute; by default all.

    Returns
    -------
    float32 array, shape as of `reduced_shape`
        In the units of `picture`.

    Examples
    --------
    >>> reduce(np.float32([[0, 0, 16, 0, 0]]))
    array([[2., 6., 2.]], dtype=float32)
    """
    start, stop, _ = (rows or slice(None)).indices((len(picture) + 1) // 2)
    top = max(2 * (start - 1), 0)
    piece = picture[top : 2 * stop + 1]  # row i needs 2i − 2 to 2i + 2
    odd_rows, odd_cols = len(picture) % 2, picture.shape[1] % 2
    tall = _filter(piece, SMOOTHING[odd_rows], odd_rows, axis=0)[::2]
    own = tall[start - top // 2 : stop - top // 2]
    return np.ascontiguousarray(_filter(own, SMOOTHING[odd_cols], odd_cols, axis=1)[:, ::2])


def reduce_codes(codes: Pixels, rows: slice) -> NDArray[np.uint16]:
    """Reduce code values as `reduce` does, rounded to 16 bits.

    If both sides are even, a mean of 2 × 2 after smoothing by 1 2 1 is the same, and twice as fast;
    if both are odd, OpenCV's pyramid has the same kernel.

    Parameters
    ----------
    codes : uint8 or uint16 array, shape (rows, cols) or (rows, cols, channels)
    rows : slice
        The rows of the result to compute.

    Returns
    -------
    uint16 array, shape of the rows of `reduced_shape`
        Code values of 16 bits; those of 8 bits count 257 times.
    """
    scale = TOP // np.iinfo(codes.dtype).max
    odd_rows, odd_cols = codes.shape[0] % 2, codes.shape[1] % 2
    if odd_rows != odd_cols:
        halves = reduce(codes, rows)
        halves *= np.float32(scale)
        halves += np.float32(0.5)
        return halves.astype(np.uint16)
    top = max(2 * rows.start - 1 - odd_rows, 0)
    piece = np.multiply(codes[top : 2 * rows.stop + 1], np.uint16(scale), dtype=np.uint16)
    if odd_rows:
        own = cv2.pyrDown(piece)[rows.start - top // 2 : rows.stop - top // 2]
        return cast(NDArray[np.uint16], own)
    smooth = cv2.GaussianBlur(piece, (3, 3), 0, borderType=cv2.BORDER_REFLECT)
    own = smooth[2 * rows.start - top : 2 * rows.stop - top]
    size = (codes.shape[1] // 2, len(own) // 2)
    return cast(NDArray[np.uint16], cv2.resize(own, size, interpolation=cv2.INTER_AREA))


def support(rows: slice, shape: tuple[int, ...]) -> slice:
    """Return the rows of a reduced picture that `expand` needs for `rows` of one of `shape`."""
    return slice(max(rows.start // 2 - 1, 0), min((rows.stop + 1) // 2 + 1, (shape[0] + 1) // 2))


def expand(picture: NDArray[Any], shape: tuple[int, ...], rows: slice | None = None) -> Picture:
    """Double the size of a picture, to the size that it was reduced from (Burt and Adelson 1983).

    Parameters
    ----------
    picture : uint8, uint16 or float32 array, shape as of ``reduced_shape(shape)``
        With `rows`, only the rows ``support(rows, shape)`` of it.
    shape : (rows, cols) or (rows, cols, channels)
        Of the whole result.
    rows : slice, optional
        The rows of the result to compute; by default all.

    Returns
    -------
    float32 array, shape of the rows of `shape`
        In the units of `picture`.

    Raises
    ------
    ValueError
        If a picture of `shape` is not reduced to the shape of `picture`.

    Examples
    --------
    >>> expand(np.float32([[0, 8, 0]]), (1, 5))
    array([[2., 4., 6., 4., 2.]], dtype=float32)
    """
    rows = rows or slice(0, shape[0])
    near = support(rows, shape)
    if picture.shape != (near.stop - near.start, *reduced_shape(shape)[1:]):
        msg = f"a picture of shape {shape} is not reduced to {picture.shape}; give its reduced one"
        raise ValueError(msg)
    skip = rows.start - 2 * near.start
    inner = slice(skip, skip + rows.stop - rows.start)
    values = np.asarray(picture, np.float32)
    if shape[0] % 2 == shape[1] % 2 == 0:
        return np.asarray(_interpolate(values, 2, 2)[inner])
    wide = _double(values, axis=1)[:, : shape[1]] if shape[1] % 2 else _interpolate(values, 1, 2)
    tall = _double(wide, axis=0) if shape[0] % 2 else _interpolate(wide, 2, 1)
    return np.asarray(tall[inner])


def _interpolate(picture: Picture, down: int, across: int) -> Picture:
    """Enlarge a picture by bilinear interpolation: the kernel for axes of even length."""
    size = (across * picture.shape[1], down * picture.shape[0])
    return cast(Picture, cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR))


def _double(picture: Picture, *, axis: int) -> Picture:
    """Compute the samples of even and odd index along an axis of odd length; interleave them."""
    rows, cols, *rest = picture.shape
    out = np.empty((2 * rows, cols, *rest) if axis == 0 else (rows, 2 * cols, *rest), np.float32)
    for phase, kernel in enumerate(PHASES):
        into = out[phase::2] if axis == 0 else out[:, phase::2]
        into[...] = _filter(picture, kernel, 1, axis=axis)
    return out


def _filter(picture: NDArray[Any], kernel: NDArray[np.float32], odd: int, *, axis: int) -> Picture:
    """Filter along an axis, of odd or even length in the finer picture; its ends are mirrored."""
    centre = (len(kernel) - 1) // 2
    border = cv2.BORDER_REFLECT_101 if odd else cv2.BORDER_REFLECT
    across, down, anchor = (
        (IDENTITY, kernel, (0, centre)) if axis == 0 else (kernel, IDENTITY, (centre, 0))
    )
    filtered = cv2.sepFilter2D(picture, cv2.CV_32F, across, down, anchor=anchor, borderType=border)
    return cast(Picture, filtered)

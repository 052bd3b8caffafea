"""Converting samples of 1 to 16 bits to the full range of 8 or 16, and those multiplied by alpha."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from expinterp.images.orientation import row_blocks
from expinterp.images.photograph import Pixels


def stretch(stored: NDArray[Any], top: int) -> Pixels:
    """Convert code values 0..top to 0..255 (top < 256) or 0..65535, rounded to the nearest integer.

    Parameters
    ----------
    stored : bool, uint8 or uint16 array, shape (rows, cols, channels)
    top : int
        The code value of white, 1..65535; larger ones count as white.

    Returns
    -------
    uint8 or uint16 array, same shape
        The same array if nothing changes.

    Examples
    --------
    >>> stretch(np.array([[[0], [2047], [4095]]], np.uint16), 4095).ravel()
    array([    0, 32759, 65535], dtype=uint16)
    """
    full = 255 if top < 256 else 65_535
    if top == full:
        return cast("Pixels", stored)
    pixels = np.empty(stored.shape, np.uint8 if full == 255 else np.uint16)
    for part in row_blocks(len(stored), stored[:1].nbytes):
        block = np.minimum(stored[part], top).astype(np.uint32)
        pixels[part] = (block * full + top // 2) // top
    return pixels


def divide_by_alpha(stored: NDArray[Any]) -> None:
    """Divide colours by alpha, the last channel, in place; where alpha is 0 they stay."""
    if stored.dtype.kind == "f":
        with np.errstate(divide="ignore", invalid="ignore"):
            stored[..., :-1] /= np.where(stored[..., -1:] > 0, stored[..., -1:], 1)
        return
    top = np.iinfo(stored.dtype).max
    for row in stored:
        alpha = np.maximum(row[:, -1:], 1).astype(np.float64)
        straight = np.rint(row[:, :-1] * (top / alpha))
        row[:, :-1] = np.where(row[:, -1:] > 0, np.minimum(straight, top), row[:, :-1])

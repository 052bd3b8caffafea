"""Converting samples of 1 to 16 bits to the full range of 8 or 16."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from expinterp.images.orientation import row_blocks
from expinterp.images.photograph import Pixels


def stretch(stored: NDArray[Any], bits: int) -> Pixels:
    """Convert code values 0..2ᵇ-1 to 0..255 (b ≤ 8) or 0..65535, rounded to the nearest integer.

    Parameters
    ----------
    stored : bool, uint8 or uint16 array, shape (rows, cols, channels)
    bits : int
        b, 1..16.

    Returns
    -------
    uint8 or uint16 array, same shape
        The same array if nothing changes.

    Examples
    --------
    >>> stretch(np.array([[[0], [2047], [4095]]], np.uint16), 12).ravel()
    array([    0, 32759, 65535], dtype=uint16)
    """
    if bits in {8, 16}:
        return cast("Pixels", stored)
    top, full = 2**bits - 1, 255 if bits < 8 else 65_535
    pixels = np.empty(stored.shape, np.uint8 if bits < 8 else np.uint16)
    for part in row_blocks(len(stored), stored[:1].nbytes):
        pixels[part] = (stored[part].astype(np.uint32) * full + top // 2) // top
    return pixels

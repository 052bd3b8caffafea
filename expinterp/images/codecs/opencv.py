"""Decoding with OpenCV, the only required library that reads 16-bit colour from PNG."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.images.orientation import row_blocks

_TO_RGB = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}


def decode_unchanged(data: bytes | bytearray) -> NDArray[Any] | None:
    """Decode a picture in its own depth; None for most damaged ones.

    Returns
    -------
    array, shape (rows, cols) or (rows, cols, 3 or 4)
        Grey, R G B, or R G B and alpha.
    """
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.ndim == 2:
        return stored
    for part in row_blocks(len(stored), stored[:1].nbytes):
        stored[part] = cv2.cvtColor(stored[part], _TO_RGB[stored.shape[2]])
    return stored

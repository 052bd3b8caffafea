"""Pictures of ghosts: regions that moved, in the colour of the shot that they were taken from.

The brightest shot is orange and the darkest is blue, so that the colour-blind can tell them apart.

Source: Okabe and Ito, "Color Universal Design", 2008 (the colours).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Pixels, with_channels
from expinterp.core.ghosts.sources import Ghosts
from expinterp.core.mapping import CODE_VALUES, to_codes
from expinterp.core.parallel import map_threads, strips

BRIGHTEST, DARKEST = (230, 159, 0), (0, 114, 178)  # R G B: orange, blue
BETWEEN = ((0, 158, 115), (204, 121, 167), (240, 228, 66), (86, 180, 233), (213, 94, 0))
DIM = 0.6  # factor on the grey where nothing moved
SHADE = 0.35  # brightness of a tint where the picture is black; 1 where it is white
STRIP = 128  # rows that one thread draws at a time


def draw_ghosts(result: Pixels, ghosts: Ghosts, *, shots: int) -> NDArray[np.uint8]:
    """Draw a result in dimmed grey, with tints where things moved.

    Parameters
    ----------
    result : uint8 or uint16 array, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded; may be cropped as `ghosts` are.
    ghosts : Ghosts
    shots : int
        Number of shots.

    Returns
    -------
    uint8 array, shape (rows, cols, 3)
        R G B, sRGB.
    """
    levels = CODE_VALUES[:, np.newaxis]
    tints = choose_colours(shots)[:, np.newaxis] * (SHADE + (1 - SHADE) * levels / 255)
    grey = np.broadcast_to(DIM * levels, (1, 256, 3))
    table = np.rint(np.concatenate([grey, tints])).astype(np.uint8)  # by source and code value
    drawn = np.empty((*ghosts.sources.shape, 3), np.uint8)

    def draw(rows: slice) -> None:
        drawn[rows] = table[ghosts.sources[rows], _to_grey(result[rows])]

    map_threads(draw, strips(len(drawn), STRIP))
    return drawn


def draw_mask(ghosts: Ghosts, *, shots: int, side: int) -> NDArray[np.uint8]:
    """Draw the tints alone, reduced so that the longer side has at most `side` pixels.

    Returns
    -------
    uint8 array, shape (rows, cols, 4)
        R G B and opacity: 0 where nothing moved, else 255.
    """
    rows, cols = ghosts.sources.shape
    scale = min(1.0, side / max(rows, cols))
    size = max(1, round(cols * scale)), max(1, round(rows * scale))
    shares = [  # of each shot, 0..255
        cv2.resize(cv2.inRange(ghosts.sources, n, n), size, interpolation=cv2.INTER_AREA)
        for n in range(1, shots + 1)
    ]
    mask = np.zeros((size[1], size[0], 4), np.uint8)
    moved = np.any(shares, axis=0)
    mask[moved, :3] = choose_colours(shots)[np.argmax(shares, axis=0)[moved]]
    mask[moved, 3] = 255
    return mask


def choose_colours(shots: int) -> NDArray[np.uint8]:
    """Return the colours R G B of so many shots, from bright to dark, shape (shots, 3).

    Examples
    --------
    >>> choose_colours(2).tolist()
    [[230, 159, 0], [0, 114, 178]]
    """
    between = [BETWEEN[place % len(BETWEEN)] for place in range(shots - 2)]
    return np.array([BRIGHTEST, *between, DARKEST][:shots], np.uint8)


def _to_grey(result: Pixels) -> NDArray[np.uint8]:
    """Convert an image to 8-bit grey, shape (rows, cols)."""
    codes = to_codes(with_channels(result))
    if codes.shape[2] == 1:
        return np.asarray(codes[..., 0], np.uint8)
    return np.asarray(cv2.cvtColor(codes, cv2.COLOR_RGB2GRAY), np.uint8)

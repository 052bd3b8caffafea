"""Compare thumbnails: whether two pictures show one scene, and which of them is brighter.

A thumbnail is a picture in 12 × 12 grey blocks. Another exposure changes how bright the blocks are,
but rarely which of two adjacent blocks is brighter; and where the whole picture is brighter, no
block is darker. Measured on 48 photographed brackets, 229 pairs of adjacent exposures: similarity
0.94 to 1.0 (handheld, shifted by 2 %: 0.68 to 0.98); of different scenes, 98 % lie below 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise, starmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 12  # blocks across and down
BLANK = bytes(2 * SIDE * SIDE)  # a black thumbnail
SAME_SCENE = 0.7  # similarity from which two pictures show one scene
MAYBE_SAME_SCENE = 0.5  # similarity from which they may, if nothing else is known
OTHER_SCENE = 0.3  # similarity below which they do not, whatever the files state
MOST_DARKER = 0.08  # share of blocks that may be darker in the brighter picture: noise, motion
LEAST_DETAIL = 1.0  # code values between adjacent blocks; nearly black or white pictures have less
_NOISE = 1.5  # code values by which a block may be darker by chance
_GAMMA = 2.2  # roughly, of any display-encoded picture
_SCALE = 257  # of stored block means: fractions of a code value count in dark pictures
_TINY = 1e-9  # keeps divisions by the contrast of featureless pictures finite

Blocks = NDArray[np.float32]


def pack_thumbnail(grey: NDArray[Any]) -> bytes:
    """Average a picture over blocks: uint8 array (rows, cols) of display-encoded code values.

    A picture below 12 × 12 pixels is enlarged.
    """
    repeat = -(-SIDE // min(grey.shape))
    grey = np.repeat(np.repeat(grey, repeat, 0), repeat, 1) if repeat > 1 else grey
    edges = [np.linspace(0, size, SIDE + 1).astype(int) for size in grey.shape]
    sums = np.add.reduceat(grey.astype(np.float64), edges[0][:-1], axis=0)
    sums = np.add.reduceat(sums, edges[1][:-1], axis=1)
    means = sums / np.outer(*(np.diff(edge) for edge in edges))
    return np.rint(means * _SCALE).astype("<u2").tobytes()


def unpack_thumbnails(thumbnails: Sequence[bytes]) -> Blocks:
    """Unpack thumbnails to code values 0..255, shape (pictures, 12, 12)."""
    packed = np.frombuffer(b"".join(thumbnails), "<u2").reshape(-1, SIDE, SIDE)
    return packed.astype(np.float32) / np.float32(_SCALE)


def brightness(blocks: Blocks) -> NDArray[np.float32]:
    """Estimate the mean brightness of pictures in stops, the response unknown; shape (pictures,)."""
    return np.asarray(_GAMMA * np.log2((blocks + 1) / 256).mean(axis=(1, 2)), np.float32)


def _differences(blocks: Blocks) -> Blocks:
    """Compute the differences of adjacent blocks in code values, shape (pictures, 264)."""
    both = (np.diff(blocks, axis=axis).reshape(len(blocks), -1) for axis in (2, 1))
    return np.concatenate(list(both), axis=1)


def edges_of(blocks: Blocks) -> Blocks:
    """Compute differences of adjacent blocks, scaled to a mean of 1; shape (pictures, 264)."""
    edges = _differences(blocks)
    return np.asarray(edges / (np.abs(edges).mean(axis=1, keepdims=True) + _TINY), np.float32)


def have_detail(blocks: Blocks) -> NDArray[np.bool_]:
    """Return for each picture whether it has enough detail to be compared; shape (pictures,)."""
    return np.asarray(np.abs(_differences(blocks)).mean(axis=1) >= LEAST_DETAIL)


def similarity(one: Blocks, other: Blocks) -> NDArray[np.float32]:
    """Compare pictures, pair by pair, by edges as `edges_of` computes them; shape (pairs,).

    It is 1 if all edges agree in sign, −1 if all disagree, 0 for featureless pictures.
    """
    weight = np.minimum(np.abs(one), np.abs(other))
    agreement = (weight * np.sign(one) * np.sign(other)).sum(axis=1)
    return np.asarray(agreement / (weight.sum(axis=1) + _TINY))


def are_one_scene(thumbnails: Sequence[bytes]) -> bool:
    """Return whether pictures, darkest first, are exposures of one scene, by their similarity."""
    pairs = starmap(_compare, pairwise(thumbnails))
    return all(alike >= SAME_SCENE and darker <= MOST_DARKER for alike, darker in pairs)


def are_different_scenes(thumbnails: Sequence[bytes]) -> bool:
    """Return whether two adjacent pictures, darkest first, cannot show one scene."""
    clear = have_detail(unpack_thumbnails(thumbnails))
    seen = [thumbnail for thumbnail, enough in zip(thumbnails, clear, strict=True) if enough]
    return any(alike < OTHER_SCENE for alike, _ in starmap(_compare, pairwise(seen)))


@lru_cache(maxsize=1 << 12)  # each pair is compared several times in quick succession
def _compare(dark: bytes, bright: bytes) -> tuple[float, float]:
    """Compute the similarity of two pictures, and the share of blocks darker in the brighter one.

    A block is darker if all are that surround it in the dark picture: the camera may have moved.
    """
    blocks = unpack_thumbnails([dark, bright])
    edges = edges_of(blocks)
    padded = np.pad(blocks[0], 1, mode="edge")
    least = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).min(axis=(2, 3))
    darker = (blocks[1] < least - _NOISE).mean()
    return float(similarity(edges[:1], edges[1:])[0]), float(darker)


def largest_difference(one: bytes, other: bytes) -> float:
    """Compute the largest difference of two thumbnails in any block, in code values."""
    return float(np.ptp(unpack_thumbnails([one, other]), axis=0).max())

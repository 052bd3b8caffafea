"""How pictures look from afar: whether two show one scene, and which of them is brighter.

A look is the picture in 12 × 12 blocks. Another exposure changes how bright blocks are, but hardly
which of two neighbours is the brighter one; and where the whole picture is brighter, no block is
darker. Measured on 48 photographed brackets, 229 pairs of neighbouring exposures: likeness 0.94 to
1.0 (held by hand, shifted by 2 %: 0.68 to 0.98); of different scenes, 98 % lie below 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise, starmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 12  # blocks across and down
ALIKE = 0.7  # likeness from which on two pictures show one scene
UNLIKE = 0.3  # likeness below which they do not, whatever else speaks for it
LINKED = 0.5  # likeness from which on two pictures may show one scene, if nothing else is known
DARKER = 0.08  # share of blocks that may be darker in the brighter picture: noise, moving things
_NOISE = 1.5  # code values by which a block may be darker by chance
_GAMMA = 2.2  # roughly, of any display-encoded picture
_SCALE = 257  # of stored block means: fractions of a code value count in dark pictures
_NOTHING = 1e-9

Blocks = NDArray[np.float32]


def make_look(grey: NDArray[Any]) -> bytes:
    """Average a picture over blocks.

    Parameters
    ----------
    grey : uint8 array, shape (rows, cols)
        Display-encoded code values; at least 12 × 12 pixels, else it is enlarged.
    """
    repeat = -(-SIDE // min(grey.shape))
    grey = np.repeat(np.repeat(grey, repeat, 0), repeat, 1) if repeat > 1 else grey
    edges = [np.linspace(0, size, SIDE + 1).astype(int) for size in grey.shape]
    sums = np.add.reduceat(grey.astype(np.float64), edges[0][:-1], axis=0)
    sums = np.add.reduceat(sums, edges[1][:-1], axis=1)
    means = sums / np.outer(*(np.diff(edge) for edge in edges))
    return np.rint(means * _SCALE).astype("<u2").tobytes()


def read_looks(looks: Sequence[bytes]) -> Blocks:
    """Unpack looks to code values 0..255, shape (pictures, 12, 12)."""
    packed = np.frombuffer(b"".join(looks), "<u2").reshape(-1, SIDE, SIDE)
    return packed.astype(np.float32) / np.float32(_SCALE)


def brightness(blocks: Blocks) -> NDArray[np.float32]:
    """Estimate the mean brightness of pictures in stops, the response unknown; shape (pictures,)."""
    return np.asarray(_GAMMA * np.log2((blocks + 1) / 256).mean(axis=(1, 2)), np.float32)


def edges_of(blocks: Blocks) -> Blocks:
    """Take differences between neighbouring blocks, scaled to a mean of 1; (pictures, 264)."""
    across = np.diff(blocks, axis=2).reshape(len(blocks), -1)
    down = np.diff(blocks, axis=1).reshape(len(blocks), -1)
    edges = np.concatenate([across, down], axis=1)
    return np.asarray(edges / (np.abs(edges).mean(axis=1, keepdims=True) + _NOTHING), np.float32)


def likeness(one: Blocks, other: Blocks) -> NDArray[np.float32]:
    """Compare pictures by their edges, pair by pair.

    Parameters
    ----------
    one, other : float32 arrays, shape (pairs, 264)
        As made by `edges_of`.

    Returns
    -------
    float32 array, shape (pairs,)
        1 if all edges run the same way, −1 if all run the other way, 0 for featureless pictures.
    """
    weight = np.minimum(np.abs(one), np.abs(other))
    agreement = (weight * np.sign(one) * np.sign(other)).sum(axis=1)
    return np.asarray(agreement / (weight.sum(axis=1) + _NOTHING))


def are_one_scene(looks: Sequence[bytes], *, least: float = ALIKE) -> bool:
    """Tell whether pictures, darkest first, are exposures of one scene, by their likeness."""
    return all(
        alike >= least and darker <= DARKER for alike, darker in starmap(_compare, pairwise(looks))
    )


def are_different_scenes(looks: Sequence[bytes]) -> bool:
    """Tell whether two neighbours among pictures, darkest first, cannot show one scene."""
    return any(alike < UNLIKE for alike, _ in starmap(_compare, pairwise(looks)))


@lru_cache(maxsize=1 << 12)  # sets are weighed one after the other, each several times
def _compare(dark: bytes, bright: bytes) -> tuple[float, float]:
    """Compare two pictures: their likeness, and the share of blocks darker in the brighter one."""
    blocks = read_looks([dark, bright])
    edges = edges_of(blocks)
    darker = (blocks[1] < blocks[0] - _NOISE).mean()
    return float(likeness(edges[:1], edges[1:])[0]), float(darker)


def largest_difference(one: bytes, other: bytes) -> float:
    """Measure by how many code values two looks differ, in the block where they differ most."""
    blocks = read_looks([one, other])
    return float(np.abs(blocks[0] - blocks[1]).max())

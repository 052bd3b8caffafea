"""Hues of shaded surfaces: what a photograph shows of its response, beside the levels of a pair.

Shading changes the light of a matte surface by one factor in all channels. So ln E of two adjacent
pixels differs equally in R, G and B, and a response is the more likely, the less hues change with
the brightness. This is of use where a pair alone decides little: many responses with the same Λ12
differ in the exposures between. Adjacent pixels often lie on two surfaces, so the cue is weak, and
the median counts.

Letters: z is a display-encoded code value of ``long``, g(z) = ln(E·t) the response.

Source: Shafer, "Using Color to Separate Reflection Components", Color Research and Application 10(4),
1985 (shading of matte surfaces). Its use for responses, and the constants, are ours.
"""

from __future__ import annotations

import math

import numpy as np

from expinterp.core.arrays import Codes, Floats, Pixels
from expinterp.core.mapping import to_codes

DISTANCE = 6  # pixels of the image given between two that count as adjacent: more than JPEG mixes
POSITIONS = 20_000  # pixels whose neighbours are looked at
PAIRS = 2000  # most that are kept; ten times as many give the same result
FEWEST = 200  # fewer pairs say nothing
UNCLIPPED = (5, 247)  # code values of all channels
STEP = 6  # code values by which green has to change: less is noise
EXPONENT = 4.0  # of the change of hue in the likelihood; responses of known cameras bear no more
NEGLIGIBLE = 1e-3  # natural logarithm: change of green that is added, so that none is 0


def adjacent_pixels(image: Pixels) -> Codes:
    """Sample pairs of adjacent pixels that are unclipped and differ in brightness.

    Parameters
    ----------
    image : uint8 or uint16 array, shape (rows, cols, channels)
        Display-encoded.

    Returns
    -------
    uint8 array, shape (pairs, 2, 3)
        At most 2,000 pairs; none if there is but one channel.
    """
    rows, cols, channels = image.shape
    if channels != 3:
        return np.empty((0, 2, 3), np.uint8)
    step = max(1, int(math.sqrt(rows * cols / POSITIONS)))
    start, end = slice(None, -DISTANCE, step), slice(DISTANCE, None, step)
    pixels, right, below = image[start, start], image[start, end], image[end, start]
    pairs = [np.stack([pixels, other], axis=2).reshape(-1, 2, 3) for other in (right, below)]
    z = to_codes(np.concatenate(pairs))
    low, high = UNCLIPPED
    rise = np.abs(z[:, 0, 1].astype(np.int16) - z[:, 1, 1])
    usable = z[(z.min(axis=(1, 2)) >= low) & (z.max(axis=(1, 2)) <= high) & (rise >= STEP)]
    return np.asarray(usable[:: math.ceil(len(usable) / PAIRS) or 1])


def change_of_hue(responses: Floats, pairs: Codes) -> Floats:
    """Compute by how much hues change with the brightness under each response.

    Parameters
    ----------
    responses : float64 array, shape (n, 3, 256)
        g(z), natural logarithm.
    pairs : uint8 array, shape (pairs, 2, 3)
        From `adjacent_pixels`; at least one.

    Returns
    -------
    float64 array, shape (n,)
        Median of |Δg_R − Δg_G| / |Δg_G| and |Δg_B − Δg_G| / |Δg_G|: 0 if all light is shading.
    """
    red, green, blue = (
        responses[:, c, pairs[:, 0, c]] - responses[:, c, pairs[:, 1, c]] for c in range(3)
    )
    apart = np.abs(np.concatenate([red - green, blue - green], axis=1))
    return np.asarray(np.median(apart / np.tile(np.abs(green) + NEGLIGIBLE, 2), axis=1))


def hue_likelihood(responses: Floats, pairs: Codes | None) -> Floats:
    """Compute the relative likelihood of responses, at most 1; arrays as in `change_of_hue`.

    It is a power of the change, like that of the misfit of levels: the spread of the true changes of
    hue is not known, and integrated out. Without pairs, or with fewer than 200, it is 1.
    """
    if pairs is None or len(pairs) < FEWEST:
        return np.ones(len(responses))
    change = change_of_hue(responses, pairs) + NEGLIGIBLE
    return np.asarray((change.min() / change) ** EXPONENT)

"""The hue of deep shadows: what a camera took from one channel more than from the others.

A camera subtracts a black level. If it takes too much of red and blue, grey is stored as (2, 5, 2) in
a dark ``short``. The response of all other tones fits as well without this. But dark tones are
brightened most: a grey wall turns green. Where no channel of ``long`` is clipped, it shows which light
there is. From it follows what is missing in each channel,

    b = Σ w·d / Σ w,   d = e(p) − e(q),   w = 1/e′(p)²,   e(z) = exp g(z)

p is the code value that ``short`` should have, Λ12(x1), in intervals; q is the one that it has there,
the mean of the quartiles. The less the intervals agree, the less is added: b·b²/(b² + var(d)). Then
z stands for the light e(z) + b. What all channels lack is a matter of tone, which the response has
already, so the smallest b is subtracted from all. Black stays black.

Letters: x1 is ``long``, x2 is ``short``, g(z) = ln(E·t) the response; code values are display-encoded.

Source: ours; black levels are described in the Digital Negative Specification 1.7 (Adobe 2023).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats
from expinterp.core.mapping import CODE_VALUES, LONG_CLIPPED, imf_from_response, joint_histogram
from expinterp.core.response.calibration import increasing

SHADOWS = (3.0, 12.0)  # code values of `short`: below, rounding hides hues; above, b changes little
BLACK = 1.0  # code value of `short` up to which nothing is added; all of b is from 3 on
STEP = 0.5  # code values: width of an interval
FEWEST = 3  # intervals of a channel, …
LEAST = 100  # pixels of an interval, …
SHARE = 2e-4  # and their share of all samples: less may be a thing that moved
QUARTILES = np.array([0.25, 0.5, 0.75])


def correct_shadows(response: Floats, log_ratio: float, long: Codes, short: Codes) -> Floats:
    """Correct the hue of the darkest tones of a response, by what a pair shows of them.

    Parameters
    ----------
    response : float64 array, shape (3, 256)
        g(z), natural logarithm, strictly increasing.
    log_ratio : float
        ln(t1/t2), on the scale of `response`.
    long, short : uint8 arrays, shape (rows, cols, channels)
        Display-encoded, registered; samples are enough.

    Returns
    -------
    float64 array, shape (3, 256)
        Strictly increasing, g(128) = 0. The response itself if the images are grey, or the shadows
        of a channel have too few pixels.
    """
    if long.shape[2] != len(response) or not long.size:
        return response
    expected = imf_from_response(response, scale=float(np.exp(-log_ratio)))
    dark = (expected < SHADOWS[1]) & (CODE_VALUES < LONG_CLIPPED)
    mask = cv2.inRange(long, np.zeros(3), dark.sum(axis=1) - 1.0)
    joint = joint_histogram(long, short, mask)
    light = np.exp(response)
    least = max(LEAST, SHARE * long.shape[0] * long.shape[1])
    missing = np.array(
        [_missing(*each, least) for each in zip(light, expected, joint, strict=True)]
    )
    if np.isnan(missing).any():
        return response
    share = np.clip((CODE_VALUES - BLACK) / (SHADOWS[0] - BLACK), 0, 1)
    return increasing(np.log(light + np.outer(missing - missing.min(), share)))


def _missing(light: Floats, expected: Floats, joint: NDArray[np.int64], least: float) -> float:
    """Compute what is missing in a channel, at least 0; NaN if its shadows have too few pixels.

    `light` is e(z), `expected` is Λ12, `joint` the joint histogram of the shadows, and `least` the
    pixels needed in an interval.
    """
    low, high = SHADOWS
    interval = np.floor((expected - low) / STEP)
    slope = np.gradient(light)
    found = []
    for number in range(int((high - low) / STEP)):
        within = interval == number
        counts = joint[within].sum(axis=0)
        if counts.sum() < least:
            continue
        p = np.average(expected[within], weights=joint[within].sum(axis=1))
        q = np.interp(QUARTILES, counts.cumsum() / counts.sum(), CODE_VALUES + 0.5).mean()
        e_p, e_q = np.interp([p, q], CODE_VALUES, light)
        found.append((e_p - e_q, np.interp(p, CODE_VALUES, slope) ** -2))
    if len(found) < FEWEST:
        return np.nan
    d, w = np.array(found).T
    b = max(float(np.average(d, weights=w)), 0.0)
    spread = float(np.average((d - b) ** 2, weights=w))
    return b**3 / (b**2 + spread) if b else 0.0

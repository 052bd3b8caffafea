"""Resample the shots of a scene to the viewpoint of one of them.

Images are display-encoded code values, uint8 or uint16, (rows, cols, channels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from expinterp.core.arrays import Codes, Mask, Pixels
from expinterp.core.mapping import LONG_CLIPPED, SHORT_CLIPPED
from expinterp.core.registration.motion import Motion
from expinterp.core.registration.resample import covered, inner_window, warp


@dataclass(frozen=True, eq=False)
class Aligned:
    """Shots seen from one viewpoint.

    Attributes
    ----------
    shots : list of arrays, shape (rows, cols, channels)
    fresh : list of bool
        Whether each is a new array, not the one given.
    covered : list of bool arrays, shape (rows, cols), or None
        Where each shot shows the scene; None for everywhere.
    window : tuple of slice
        Rows and columns of the frame that the shots show.
    """

    shots: list[Pixels]
    fresh: list[bool]
    covered: list[Mask | None]
    window: tuple[slice, slice] = (slice(None), slice(None))


def align_shots(shots: Sequence[Pixels], motions: Sequence[Motion], *, crop: bool) -> Aligned:
    """Resample shots by the motions from the viewpoint to each of them.

    Parameters
    ----------
    shots : sequence of arrays, shape (rows, cols, channels)
    motions : sequence of Motion
    crop : bool
        Whether the shots are cropped to what all of them show.
    """
    aligned = [warp(shot, motion.matrix) for shot, motion in zip(shots, motions, strict=True)]
    masks = [covered(shots[0].shape, motion.matrix) for motion in motions]
    fresh = [mine is not given for mine, given in zip(aligned, shots, strict=True)]
    if not crop or all(mask is None for mask in masks):
        return Aligned(aligned, fresh, masks)
    window = inner_window(masks, shots[0].shape)
    cropped = [shot[window].copy() for shot in aligned]
    return Aligned(cropped, [True] * len(shots), [None] * len(shots), window)


def best_exposed(samples: Sequence[Codes]) -> int:
    """Return the index of the shot with the fewest clipped pixels; of equal ones, the last.

    Parameters
    ----------
    samples : sequence of uint8 arrays, shape (rows, cols, channels)
        From dark to bright.
    """
    channels = samples[0].shape[2]
    limits = (SHORT_CLIPPED + 1,) * channels, (LONG_CLIPPED - 1,) * channels
    unclipped = [cv2.countNonZero(cv2.inRange(codes, *limits)) for codes in samples]
    return len(samples) - 1 - int(np.argmax(unclipped[::-1]))

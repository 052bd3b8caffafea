"""Resample the shots of a scene to the viewpoint of one of them.

Images are display-encoded code values, uint8 or uint16, (rows, cols, channels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from expinterp.core.arrays import Codes, Mask, Pixels
from expinterp.core.ghosts.consistent import Links
from expinterp.core.ghosts.detect import covered_by_all, small_copy
from expinterp.core.mapping import LONG_CLIPPED, SHORT_CLIPPED
from expinterp.core.registration.motion import Motion
from expinterp.core.registration.opacity import (
    Opacities,
    blank,
    fill_transparent,
    seen_in,
    warp_opacity,
)
from expinterp.core.registration.resample import covered, inner_window, warp

WHOLE = (slice(None), slice(None))


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
    opacities : list of arrays of the dtype of the shots, shape (rows, cols)
        0 where a shot is transparent or does not show the scene; empty if all shots are opaque.
    """

    shots: list[Pixels]
    fresh: list[bool]
    covered: list[Mask | None]
    window: tuple[slice, slice] = WHOLE
    opacities: list[Pixels] = field(default_factory=list)


def align_shots(
    shots: Sequence[Pixels], motions: Sequence[Motion], *, crop: bool, opacities: Opacities = ()
) -> Aligned:
    """Resample shots by the motions from the viewpoint to each of them.

    Parameters
    ----------
    shots : sequence of arrays, shape (rows, cols, channels)
    motions : sequence of Motion
    crop : bool
        Whether the shots are cropped to what all of them show.
    opacities : sequence of arrays, shape (rows, cols), or None
        See `expinterp.core.registration.opacity`.
    """
    aligned = [warp(shot, motion.matrix) for shot, motion in zip(shots, motions, strict=True)]
    masks = [covered(shots[0].shape, motion.matrix) for motion in motions]
    fresh = [mine is not given for mine, given in zip(aligned, shots, strict=True)]
    opaque = _align_opacities(shots, motions, masks, opacities)
    window = (
        inner_window(masks, shots[0].shape) if crop and covered_by_all(masks) is not None else WHOLE
    )
    if window is not WHOLE:
        aligned, fresh = [shot[window].copy() for shot in aligned], [True] * len(shots)
        masks, opaque = [None] * len(shots), [each[window] for each in opaque]
    if opaque:
        masks = [covered_by_all(each) for each in zip(masks, map(seen_in, opaque), strict=True)]
    return Aligned(aligned, fresh, masks, window, opaque)


def _align_opacities(
    shots: Sequence[Pixels],
    motions: Sequence[Motion],
    masks: Sequence[Mask | None],
    opacities: Opacities,
) -> list[Pixels]:
    """Resample the opacities as the shots; an empty list if all shots are opaque."""
    if all(opacity is None for opacity in opacities):
        return []
    aligned = [
        warp_opacity(opacity, shot, motion.matrix)
        for opacity, shot, motion in zip(opacities, shots, motions, strict=True)
    ]
    return [
        opacity if mask is None else np.asarray(opacity * mask, opacity.dtype)
        for opacity, mask in zip(aligned, masks, strict=True)
    ]


def blank_unshared(aligned: Aligned, part: slice = slice(None)) -> list[Pixels]:
    """Return shots, black where one of them is transparent; all shots, or a part of them."""
    seen = covered_by_all(aligned.covered[part]) if aligned.opacities else None
    return [blank(shot, seen) for shot in aligned.shots[part]]


def complete(
    aligned: Aligned, covered: list[Mask | None], links: Links
) -> tuple[Aligned, list[Mask | None], Links]:
    """Let other shots decide where one is transparent, see `fill_transparent`.

    Parameters
    ----------
    aligned : Aligned
    covered : list of bool arrays, shape of small copies, or None
    links : sequence of Link or None
        Between each shot and the next.

    Returns
    -------
    The same three, for shots without transparent pixels.
    """
    if not aligned.opacities:
        return aligned, covered, links
    shots = fill_transparent(aligned.shots, aligned.opacities, links)
    changed = [mine is not given for mine, given in zip(shots, aligned.shots, strict=True)]
    fresh = [one or other for one, other in zip(aligned.fresh, changed, strict=True)]
    copies = [small_copy(shot) for shot in shots]
    links = [
        link and replace(link, copies=tuple(copies[place : place + 2]) if link.copies else ())
        for place, link in enumerate(links)
    ]
    return replace(aligned, shots=shots, fresh=fresh), [None] * len(shots), links


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

"""The shots of a scene seen from one viewpoint: its choice, and the camera motion.

Images are display-encoded code values, uint8 or uint16, (rows, cols, channels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from expinterp.core.arrays import Codes, Mask, Pixels, drop_equal_channels
from expinterp.core.exposure import resolve_ratio
from expinterp.core.ghosts.detect import shrink_mask
from expinterp.core.registration.alignment import Aligned, align_shots, best_exposed
from expinterp.core.registration.homography import DRIFT
from expinterp.core.registration.motion import STILL, Motion, find_motion, find_motions
from expinterp.core.registration.opacity import (
    Opacities,
    blank,
    extend_colours,
    sample_seen,
    seen_in,
)
from expinterp.core.registration.viewing import Viewing
from expinterp.errors import EqualExposuresError

ROLES: tuple[Literal["short"], Literal["long"]] = ("short", "long")  # from dark to bright


@dataclass(frozen=True, eq=False)
class PairView:
    """Two shots, dark and bright, with their motion and the stated ratio, above 1."""

    aligned: Aligned
    covered: list[Mask | None]  # on small copies
    viewpoint: int  # of the shot that uncovered places are filled from
    motions: list[Motion]  # from the viewpoint to each
    stated: float | None
    swapped: bool
    motion: Motion | None
    notices: list[str]


@dataclass(frozen=True, eq=False)
class SeriesView:
    """Shots from dark to bright, seen from one of them."""

    aligned: Aligned
    covered: list[Mask | None]  # on small copies
    viewpoint: int
    motions: list[Motion]  # from the viewpoint to each; empty if they were not measured


def view_series(shots: list[Pixels], opacities: Opacities, viewing: Viewing) -> SeriesView:
    """Align shots, from dark to bright, to one of them."""
    if viewing.reference == "auto":
        viewpoint = best_exposed(sample_seen(shots, opacities))
    else:
        viewpoint = 0 if viewing.reference == "short" else len(shots) - 1
    motions = find_motions(_blank(shots, opacities), reference=viewpoint) if viewing.align else []
    still = [STILL] * len(shots)
    aligned, covered = _align(shots, motions or still, opacities, crop=viewing.crop)
    return SeriesView(aligned, covered, viewpoint, motions)


def _blank(shots: list[Pixels], opacities: Opacities) -> list[Pixels]:
    """Return shots that are black where they are transparent."""
    return [blank(shot, seen_in(opacity)) for shot, opacity in zip(shots, opacities, strict=True)]


def _align(
    shots: list[Pixels], motions: list[Motion], opacities: Opacities, *, crop: bool
) -> tuple[Aligned, list[Mask | None]]:
    """Resample shots, and list where they cover small copies; no hidden colour leaks."""
    shots = [extend_colours(shot, opacity) for shot, opacity in zip(shots, opacities, strict=True)]
    aligned = align_shots(shots, motions, crop=crop, opacities=opacities)
    return aligned, [None if mask is None else shrink_mask(mask) for mask in aligned.covered]


def view_pair(
    long: Pixels, short: Pixels, ratio: float | None, opacities: Opacities, viewing: Viewing
) -> PairView:
    """Order two images by brightness, and align one to the other."""
    long, short = drop_equal_channels([long, short])
    shots, opacities = [short, long], opacities[::-1]
    samples = sample_seen(shots, opacities)
    if np.array_equal(samples[0], samples[1]):
        msg = "the two images are equal; give a long and a short exposure"
        raise EqualExposuresError(msg)
    swapped = _mean(samples[1]) < _mean(samples[0])
    stated, notices = resolve_ratio(ratio, swapped=swapped)
    if swapped:
        shots, samples, opacities = shots[::-1], samples[::-1], opacities[::-1]
    chosen = None if viewing.reference == "auto" else ROLES.index(viewing.reference)
    viewpoint = best_exposed(samples) if chosen is None else chosen
    motion = find_motion(*_blank(shots, opacities)[::-1]) if viewing.align else None
    drift = bool(motion and motion.pixels and motion.pixels <= DRIFT * max(long.shape))
    motions = _place_viewpoint(motion, viewpoint, half_way=drift and chosen is None)
    aligned, covered = _align(shots, motions, opacities, crop=viewing.crop)
    return PairView(aligned, covered, viewpoint, motions, stated, swapped, motion, notices)


def _mean(codes: Codes) -> float:
    """Return the mean of all code values; OpenCV takes a tenth of NumPy's time."""
    return float(sum(cv2.mean(codes)) / codes.shape[2])  # those of missing channels are 0


def _place_viewpoint(motion: Motion | None, viewpoint: int, *, half_way: bool) -> list[Motion]:
    """List the motions from the viewpoint to the dark and the bright shot.

    Half-way if the motion is a drift: there the photograph between the two would have been taken.
    """
    if motion is None or not motion.pixels:
        return [STILL, STILL]
    if half_way:
        to_long, to_short = (Motion(half, motion.pixels / 2) for half in motion.halves())
        return [to_short, to_long]
    return [motion, STILL] if viewpoint == 1 else [STILL, motion.inverse()]

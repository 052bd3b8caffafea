"""The shots of one scene: resolve where their files disagree."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from expinterp.core.arrays import check_images
from expinterp.core.exposure import Exposure
from expinterp.core.fusion.plan import order_by_brightness
from expinterp.errors import PairError
from expinterp.images import Photograph, Pixels
from expinterp.images.developing.profiles import mean_the_same
from expinterp.images.metadata.exif import read_orientation
from expinterp.images.metadata.icc import profile_name
from expinterp.images.orientation import turn, turn_back
from expinterp.library import is_same_camera

GRID = 128  # points per side on which two images are compared


def brightest_first(shots: Sequence[Photograph]) -> list[Photograph]:
    """Sort shots by brightness; the order in which they are given does not matter."""
    shots = sorted(shots, key=lambda shot: shot.name)  # decides where the pixels are equal
    order = order_by_brightness([shot.pixels for shot in shots], [shot.alpha for shot in shots])
    return [shots[index] for index in reversed(order)]


def agree(shots: Sequence[Photograph]) -> tuple[list[Photograph], list[str]]:
    """Make all shots agree with the first, as `reconcile` does.

    Returns
    -------
    list of Photograph
        In their order.
    list of str
        Warnings about the files.

    Raises
    ------
    PairError
        If colour profiles differ, or a shot has no visible pixels.
    """
    for shot in shots:
        if shot.alpha is not None and not shot.alpha.any():
            message = f"{shot.name}: the image is transparent everywhere; leave it out"
            raise PairError(message)
    first, *others = shots
    agreeing, remarks = [first], [*first.warnings]
    for other in others:
        turned, notes = reconcile(first, other)
        agreeing.append(turned)
        remarks += [*other.warnings, *notes]
    return agreeing, remarks


def reconcile(reference: Photograph, other: Photograph) -> tuple[Photograph, list[str]]:
    """Make a shot agree in orientation with another one of the same scene.

    Returns
    -------
    Photograph
        `other`, turned as `reference` is if only the orientation tags differ.
    list of str
        Warnings about the two.

    Raises
    ------
    PairError
        If their colour profiles differ, or one has a known encoding and the other has not.
    """
    _check_encodings(reference, other)
    _check_profiles(reference, other)
    warnings = []
    one, two = reference.exposure.camera, other.exposure.camera
    if one and two and not is_same_camera(one, two):
        warnings.append(
            f"{reference.name} was taken with {one}, {other.name} with {two}; "
            "the result can only be as good as their responses agree"
        )
    if turned := _turn_alike(reference, other):
        warnings.append(
            f"{other.name}: only its orientation tag differs from that of {reference.name}, "
            "which is used"
        )
    return turned or other, warnings


def check_alike(shots: Sequence[Photograph]) -> None:
    """Refuse shots that differ in size, channels or depth.

    Raises
    ------
    PairError
        Naming the first and the one that differs.
    """
    check_images([shot.pixels for shot in shots], [shot.name for shot in shots])


def refuse_known(shots: Sequence[Photograph]) -> None:
    """Refuse shots whose response is known: what is measured would be our own curve.

    Raises
    ------
    PairError
    """
    for shot in shots:
        if shot.encoding:
            message = f"{shot.name}: the response of raw and linear files is known"
            message += "; use the JPEG files of the camera"
            raise PairError(message)


def state_times(shots: Sequence[Photograph], times: Sequence[float]) -> list[Photograph]:
    """Replace the exposures that files state by times in seconds."""
    return [
        replace(shot, exposure=Exposure(time=time, camera=shot.exposure.camera))
        for shot, time in zip(shots, times, strict=True)
    ]


def _check_encodings(reference: Photograph, other: Photograph) -> None:
    one, two = reference.encoding, other.encoding
    if one is two or (one and one.is_like(two)):
        return
    if one and two:
        message = f"{reference.name} and {other.name}: the colours of their raw files differ"
        message += "; use shots of one camera"
    else:
        kinds = [f"{shot.name} is {shot.format.upper()}" for shot in (reference, other)]
        message = f"{', '.join(kinds)}: raw or linear files and finished pictures do not mix"
        message += "; use files of one kind"
    raise PairError(message)


def _check_profiles(reference: Photograph, other: Photograph) -> None:
    icc = reference.metadata.icc, other.metadata.icc
    if _colour(icc[0]) == _colour(icc[1]) or mean_the_same(*icc):
        return
    message = (
        f"colour profiles differ: {reference.name} has {profile_name(icc[0])}, {other.name} has "
        f"{profile_name(icc[1])}; export all with the same one"
    )
    raise PairError(message)


def _colour(icc: bytes | None) -> bytes | None:
    """Return the parts of a profile that matter to colour: all but its date and checksum."""
    return icc and icc[:24] + icc[36:84] + icc[100:]


def _turn_alike(reference: Photograph, other: Photograph) -> Photograph | None:
    """Turn a shot like the reference, if their tags differ and the pixels then agree better."""
    theirs, mine = (
        read_orientation(shot.metadata.exif, shot.metadata.xmp) for shot in (reference, other)
    )
    if theirs == mine:
        return None

    def turned(image: Pixels) -> Pixels:
        return turn(turn_back(image, mine), theirs)

    as_tagged = _likeness(reference.pixels, other.pixels)
    if _likeness(reference.pixels, turned(other.pixels)) <= as_tagged:
        return None
    alpha = None if other.alpha is None else turned(other.alpha)
    return replace(other, pixels=np.ascontiguousarray(turned(other.pixels)), alpha=alpha)


def _likeness(one: Pixels, two: Pixels) -> float:
    """Correlate two images on a coarse grid; −1 if they differ in shape, 0 if one is flat."""
    if one.shape != two.shape:
        return -1.0
    rows, cols = (slice(None, None, 1 + size // GRID) for size in one.shape[:2])
    grids = [image[rows, cols].mean(axis=2) for image in (one, two)]
    a, b = (grid - grid.mean() for grid in grids)
    spread = math.sqrt(float((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / spread if spread else 0.0

"""Two photographs with their measured pair: warnings, exposure times and stops."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from expinterp.core.exposure import ev_step, exposure_ratio, time_at
from expinterp.core.ghosts import Ghosts
from expinterp.core.pair import DOUBLED, UNTOLD, Pair, measure_exposures
from expinterp.core.registration.motion import STILL
from expinterp.core.registration.viewing import Viewing
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import ResponsePrior
from expinterp.errors import PairError
from expinterp.images import Photograph, Pixels
from expinterp.images.developing.negative import are_registered, measure_log_ratio, merge

UNMEASURED = {UNTOLD, DOUBLED}  # notices of a motion that cannot be measured


@dataclass(frozen=True)
class MeasuredPair:
    """A measured pair with its files.

    Attributes
    ----------
    long, short : Photograph
        In the order of brightness, aligned, cropped and without ghosts as `pair`.
    pair : Pair
    warnings : tuple of str
        With the names of the files.
    """

    long: Photograph
    short: Photograph
    pair: Pair
    warnings: tuple[str, ...]

    @property
    def reference(self) -> Photograph:
        """The shot that the other one is aligned to."""
        return self.long if self.pair.reference == "long" else self.short

    @property
    def viewpoint(self) -> str | None:
        """The name of the shot that the other one is aligned to; None for half-way."""
        for shot, matrix in ((self.long, self.pair.to_long), (self.short, self.pair.to_short)):
            if np.array_equal(matrix, np.eye(3)):
                return shot.name
        return None

    @property
    def long_time(self) -> float | None:
        """The exposure time of ``long`` in seconds; None if the pixels contradict the times."""
        ratio = exposure_ratio(self.long.exposure, self.short.exposure)
        return None if ratio is not None and ratio <= 1 else self.long.exposure.time

    def ev_at(self, position: float) -> float:
        """Convert a position to stops above ``short``."""
        return position * ev_step(self.pair.ratio)

    def time_at(self, position: float) -> float | None:
        """Convert a position to an exposure time in seconds; None if the times are not known."""
        ratio = self.pair.ratio_given
        if not self.long_time or not ratio:
            return None
        return time_at(position, short_time=self.long_time / ratio, ratio=ratio)


def replace_pixels(shot: Photograph, pixels: Pixels, opacity: Pixels | None) -> Photograph:
    """Replace the pixels of a photograph by those that are computed with, and its opacity."""
    alpha = None if opacity is None else np.ascontiguousarray(opacity)
    shape = (*pixels.shape[:2], shot.pixels.shape[2])
    return replace(shot, pixels=np.broadcast_to(pixels, shape), alpha=alpha)


def measure_shots(
    long: Photograph,
    short: Photograph,
    *,
    ratio: float | None,
    profile: Profile | None,
    prior: ResponsePrior | None,
    viewing: Viewing,
) -> MeasuredPair:
    """Measure two photographs; those in the wrong order are swapped.

    Parameters
    ----------
    ratio : float or None
        Exposure ratio; by default from the metadata of the files.
    prior, viewing
        See `measure_exposures`.

    Raises
    ------
    PairError
        If the two are not a long and a short exposure of one scene.
    """
    ratio = ratio or exposure_ratio(long.exposure, short.exposure)
    try:
        pair = measure_exposures(
            long.pixels,
            short.pixels,
            ratio=ratio,
            response=profile,
            prior=prior,
            viewing=viewing,
            opacities=[long.alpha, short.alpha],
        )
    except PairError as error:
        message = f"{long.name} and {short.name}: {error}"
        raise type(error)(message) from error
    still = all(np.array_equal(matrix, np.eye(3)) for matrix in (pair.to_long, pair.to_short))
    matched = match_files(pair, long, short, still=still)
    return replace(
        matched,
        long=replace_pixels(matched.long, pair.long, pair.opacity),
        short=replace_pixels(matched.short, pair.short, pair.opacity),
    )


def match_files(
    pair: Pair, long: Photograph, short: Photograph, *, still: bool = True
) -> MeasuredPair:
    """Combine a pair with the photographs that it was measured from, as they are.

    `still` states whether the shots are registered as they are.
    """
    names = f"{long.name} and {short.name}"
    if pair.swapped:
        long, short = short, long
    if still:
        pair = _with_negatives(pair, long, short)
    warnings = tuple(f"{names}: {notice}" for notice in pair.notices)
    return MeasuredPair(long, short, pair, warnings)


def with_full_quality(shot: Photograph) -> Photograph:
    """Develop a raw file anew that was read as a draft."""
    negative = shot.negative
    return replace(shot, pixels=negative.develop(negative.mosaic)) if negative else shot


def _with_negatives(pair: Pair, long: Photograph, short: Photograph) -> Pair:
    """Let a pair of raw files that are registered as they are be merged before development.

    Where their mosaics show that the camera did not move, it need not be measured in the pictures.
    """
    one, two = long.negative, short.negative
    if one is None or two is None or pair.long.shape != long.pixels.shape or not one.fits(two):
        return pair
    measured = measure_log_ratio(one, two)
    log_ratio = pair.log_ratio if measured is None else measured
    ratio = math.exp(log_ratio)
    registered = are_registered(one, two, ratio)
    if registered is False:
        return pair
    if registered and pair.motion and pair.motion.pixels is None:
        notices = tuple(said for said in pair.notices if said not in UNMEASURED)
        pair = replace(pair, motion=STILL, notices=notices)
    draft, ghosts = pair.shape != one.shape, pair.ghosts
    return replace(
        pair,
        shape=one.shape,
        ghosts=Ghosts.none(*one.shape[:2]) if draft and ghosts and not ghosts.share else ghosts,
        log_ratio=log_ratio,
        ratio_measured=ratio,
        exact=lambda at: one.develop(merge(one, two, ratio=ratio, position=at)),
    )

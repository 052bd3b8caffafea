"""Two photographs with their measured pair: warnings, exposure times and stops."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from expinterp.core.arrays import Floats
from expinterp.core.exposure import ev_step, exposure_ratio, time_at
from expinterp.core.pair import Pair, measure
from expinterp.core.registration.resample import warp
from expinterp.core.response import Profile
from expinterp.errors import PairError
from expinterp.images import Photograph, Pixels


@dataclass(frozen=True)
class MeasuredPair:
    """A measured pair with its files.

    Attributes
    ----------
    long, short : Photograph
        In the order of brightness, aligned like `pair`.
    pair : Pair
    warnings : tuple of str
        With the names of the files.
    """

    long: Photograph
    short: Photograph
    pair: Pair
    warnings: tuple[str, ...]

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


def replace_pixels(shot: Photograph, pixels: Pixels, matrix: Floats) -> Photograph:
    """Replace the pixels of a photograph by aligned ones, and align its opacity by `matrix`."""
    alpha = None if shot.alpha is None else warp(shot.alpha, matrix)
    return replace(shot, pixels=np.broadcast_to(pixels, shot.pixels.shape), alpha=alpha)


def measure_shots(
    long: Photograph,
    short: Photograph,
    *,
    ratio: float | None,
    profile: Profile | None,
    align: bool,
) -> MeasuredPair:
    """Measure two photographs; those in the wrong order are swapped.

    Parameters
    ----------
    ratio : float or None
        Exposure ratio; by default from the metadata of the files.
    align : bool
        Whether to measure the camera motion and undo it.

    Raises
    ------
    PairError
        If the two are not a long and a short exposure of one scene.
    """
    ratio = ratio or exposure_ratio(long.exposure, short.exposure)
    try:
        pair = measure(long.pixels, short.pixels, ratio=ratio, response=profile, align=align)
    except PairError as error:
        message = f"{long.name} and {short.name}: {error}"
        raise type(error)(message) from error
    return match_files(pair, long, short)


def match_files(pair: Pair, long: Photograph, short: Photograph) -> MeasuredPair:
    """Combine a pair with the files that it was measured from."""
    warnings = tuple(f"{long.name} and {short.name}: {notice}" for notice in pair.notices)
    if pair.swapped:
        long, short = short, long
    if pair.motion and pair.motion.pixels:
        short = replace_pixels(short, pair.short, pair.motion.matrix)
    return MeasuredPair(long, short, pair, warnings)

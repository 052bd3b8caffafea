"""Two photographs between which exposures are computed, what was measured of them, and times."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from expinterp import pipeline
from expinterp.core import exposure
from expinterp.core.align import warp
from expinterp.core.mapping import Floats
from expinterp.core.pair import LEAST_STEP, Pair
from expinterp.core.response import Profile
from expinterp.errors import PairError
from expinterp.images import Photograph, Pixels


@dataclass(frozen=True)
class MeasuredPair:
    """A measured pair with its files.

    Attributes
    ----------
    long, short : Photograph
        In the order that the pixels show, and moved as those of `pair` are.
    pair : Pair
    remarks : tuple of str
        What a person should know; it names the files.
    """

    long: Photograph
    short: Photograph
    pair: Pair
    remarks: tuple[str, ...]

    @property
    def long_time(self) -> float | None:
        """The time of ``long`` in seconds; None if the times contradict what the pixels show."""
        ratio = exposure.exposure_ratio(self.long.exposure, self.short.exposure)
        return None if ratio is not None and ratio <= 1 else self.long.exposure.time

    def ev_at(self, position: float) -> float:
        """Convert a position to stops above ``short``."""
        return position * exposure.ev_step(self.pair.ratio)

    def time_at(self, position: float) -> float | None:
        """Convert a position to a time in seconds, if the times are known."""
        ratio = self.pair.ratio_given
        if not self.long_time or not ratio:
            return None
        return exposure.time_at(position, short_time=self.long_time / ratio, ratio=ratio)


def move(shot: Photograph, pixels: Pixels, pose: Floats) -> Photograph:
    """Give a photograph the pixels that it has from another pose, and its opacity likewise."""
    alpha = None if shot.alpha is None else warp(shot.alpha[..., None], pose)[..., 0]
    return replace(shot, pixels=np.broadcast_to(pixels, shot.pixels.shape), alpha=alpha)


def measure_pair_of_shots(
    long: Photograph,
    short: Photograph,
    *,
    ratio: float | None,
    profile: Profile | None,
    align: bool,
) -> MeasuredPair:
    """Measure two photographs; those in the wrong order are put right.

    Parameters
    ----------
    ratio : float or None
        Exposure ratio, in place of what the files state.
    align : bool
        Whether a motion of the camera is looked for, and undone.

    Raises
    ------
    PairError
        If the two are not a long and a short exposure of one scene.
    """
    names, remarks = f"{long.name} and {short.name}", []
    ratio = ratio or exposure.exposure_ratio(long.exposure, short.exposure)
    if ratio and abs(exposure.ev_step(ratio)) < LEAST_STEP:
        remarks.append("their stated exposures are equal, their pixels are not and are believed")
        ratio = None
    try:
        pair = pipeline.measure(
            long.pixels, short.pixels, ratio=ratio, response=profile, align=align
        )
    except PairError as error:
        message = f"{names}: {error}"
        raise type(error)(message) from error
    if pair.swapped:
        long, short = short, long
    if pair.motion and pair.motion.pixels:
        poses = pair.motion.halves()
        long, short = move(long, pair.long, poses[0]), move(short, pair.short, poses[1])
    remarks = [f"{names}: {remark}" for remark in (*remarks, *pair.notices)]
    return MeasuredPair(long, short, pair, tuple(remarks))

"""Two exposures of one scene: their order, motion, camera response and exposure ratio.

Letters: x1 is ``long``, x2 is ``short``, exposed t1 > t2 seconds; g(z) = ln(E·t) is the response.
Images are display-encoded code values, uint8 or uint16, (rows, cols, channels), R G B or grey.
Ratios are t1/t2; differences of exposure are in stops (EV), log2(t1/t2).

Source: Zheng, Li, Yang and Wu, ICASSP 2020, arXiv:1905.03890 (the method); Grossberg and Nayar,
PAMI 2003 (what a pair shows of its camera).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Floats, Pixels, check_images
from expinterp.core.comparison import Comparison, compare
from expinterp.core.denoise.noise import Noise, measure_noise
from expinterp.core.encoding import known_imf
from expinterp.core.exposure import LEAST_STEP, MEDIUM, ev_step
from expinterp.core.ghosts import Ghosts, explain_ghosts
from expinterp.core.ghosts.consistent import Consistent, make_consistent, map_step
from expinterp.core.ghosts.detect import covered_by_all
from expinterp.core.intermediate import Blend
from expinterp.core.mapping import LONG_CLIPPED, SHORT_CLIPPED, imf_from_response, sample
from expinterp.core.registration.alignment import blank_unshared, complete
from expinterp.core.registration.likeness import check_scene, lies_still
from expinterp.core.registration.motion import Motion
from expinterp.core.registration.opacity import Opacities, check_opacities, join_opacities
from expinterp.core.registration.viewing import USUAL, Viewing
from expinterp.core.registration.viewpoint import ROLES, PairView, view_pair
from expinterp.core.response.calibration import Profile, check_profile
from expinterp.core.response.prior import ResponsePrior
from expinterp.errors import EqualExposuresError
from expinterp.text import rounded

UNKNOWN = 0.01  # share of the picture that neither shot shows, from which on it is reported
UNTOLD = (
    "whether the camera moved cannot be measured, as too little texture is neither black nor white "
    "in both; the images are left as they are; check that edges are not doubled"
)
DOUBLED = (
    "the images do not fit, and how the camera moved cannot be measured; they are left as they "
    "are, and edges may be doubled; align the files first"
)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two exposures of one scene, and what was measured of them.

    Attributes
    ----------
    long, short : uint8 or uint16 arrays, shape (rows, cols, channels)
        In the right order, seen from one viewpoint, and consistent where things moved.
    response : float64 array, shape (channels, 256)
        g(z) = ln(E·t), on a scale where the ratio is exp(`log_ratio`).
    log_ratio : float
        ln(t1/t2) on that scale, natural logarithm.
    ratio_measured : float
        t1/t2 measured from the pixels; within about a stop if the response is not known.
    ratio_given : float or None
        t1/t2 stated by files or caller, > 1.
    source : {'pair', 'camera', 'profile', 'known'}
        Where the response comes from; ``known`` is that of the encoding of the pixels.
    levels : tuple of float64 arrays, shape (n, 2)
        Code values of ``long`` and ``short`` of the same irradiance, per channel.
    clipped : dict
        Share of code values 0 and 255, of a `sample`: ``{"long": {"black": …, "white": …}, …}``.
    shape : tuple of int
        Shape of each image as given, and of each result. A colourless pair with three equal
        channels is stored and computed in one channel, so that grey stays grey.
    swapped : bool
        Whether ``short`` was given first.
    motion : Motion or None
        From the ``long`` to the ``short`` image as given; None if it was not measured.
    reference : {'long', 'short'}
        The shot that things which moved were taken from.
    ghosts : Ghosts or None
        Where things moved; None if that was not looked for.
    window : tuple of slice
        Rows and columns of the viewpoint's frame that the pair shows.
    to_long, to_short : float64 arrays, shape (3, 3)
        Map a point (x, y, 1) of the viewpoint's whole frame to a point of each image as given.
    notices : tuple of str
        Warnings for the user.
    opacity : array of the dtype of the images, shape (rows, cols), or None
        Of each result: that of the more opaque shot. None if both are opaque.
    exact : function or None
        Computes y0 at a position from more than `long` and `short`: the values of their sensors.
    """

    long: Pixels = field(repr=False)
    short: Pixels = field(repr=False)
    response: Floats = field(repr=False)
    log_ratio: float
    ratio_measured: float
    ratio_given: float | None
    source: str
    levels: tuple[Floats, ...] = field(repr=False)
    clipped: dict[str, dict[str, float]]
    shape: tuple[int, ...]
    swapped: bool = False
    motion: Motion | None = None
    reference: Literal["long", "short"] = "long"
    ghosts: Ghosts | None = None
    window: tuple[slice, slice] = (slice(None), slice(None))
    to_long: Floats = field(default_factory=lambda: np.eye(3), repr=False)
    to_short: Floats = field(default_factory=lambda: np.eye(3), repr=False)
    notices: tuple[str, ...] = ()
    opacity: Pixels | None = field(default=None, repr=False)
    exact: Callable[[float], Pixels] | None = field(default=None, repr=False)

    @property
    def ratio(self) -> float:
        """The exposure ratio to use: the stated one, else the measured one."""
        return self.ratio_given or self.ratio_measured

    @cached_property
    def noise(self) -> tuple[Noise, ...]:
        """The noise of ``short``, see `measure_noise`."""
        return measure_noise(self.long, self.short, self.blend(MEDIUM))

    def blend(self, position: float, *, bounded: bool = False) -> Blend:
        """Build the tables of y0 at a position between ``short`` (0) and ``long`` (1); see `Blend`."""
        scales = math.exp((position - 1) * self.log_ratio), math.exp(position * self.log_ratio)
        if self.source == "known":
            imfs = [known_imf(scale, len(self.response)) for scale in scales]
        else:
            imfs = [imf_from_response(self.response, scale=scale) for scale in scales]
        return Blend(imfs[0], imfs[1], self.long.dtype, bounded=bounded)


def measure_exposures(
    long: Pixels,
    short: Pixels,
    *,
    ratio: float | None = None,
    response: Profile | None = None,
    prior: ResponsePrior | None = None,
    viewing: Viewing = USUAL,
    opacities: Opacities = (),
) -> Pair:
    """Measure a pair: order, motion, response, exposure ratio, clipping.

    Parameters
    ----------
    long, short : uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, the same shape and dtype. Images in the wrong order are swapped.
    ratio : float, optional
        Exposure ratio t1/t2, if known; below 1 if the order is known to be wrong.
    response : Profile, optional
        The camera's profile; by default the response is estimated from the pair.
    prior : ResponsePrior, optional
        The prior of responses; by default, and with a profile, the bundled one of all cameras.
    viewing : Viewing
    opacities : sequence of arrays of the dtype of the images, shape (rows, cols), or None
        Of ``long`` and ``short``. What is transparent in one is not measured, and shown as the
        other says.

    Raises
    ------
    ValueError
        If the arrays are not images as above, `ratio` is not positive and finite, or `response` is
        not as above.
    PairError
        If the two are not a long and a short exposure of one scene.
    """
    check_images([long, short], ["long", "short"])
    check_profile(response)
    opaque = check_opacities([long, short], opacities)
    shots = view_pair(long, short, ratio, opaque, viewing)
    dark, bright = blank_unshared(shots.aligned)
    comparison = compare(
        bright,
        dark,
        covered=covered_by_all(shots.covered),
        stated=shots.stated,
        response=response,
        prior=prior,
        deghost=viewing.deghost == "auto",
    )
    _check_step(comparison.ratio)
    doubts = _check_fit(shots, comparison)
    aligned, covered, links = complete(shots.aligned, shots.covered, [comparison])
    consistent = make_consistent(
        aligned.shots,
        links,
        covered,
        shots.viewpoint,
        fresh=aligned.fresh,
        reference=None if viewing.reference == "auto" else shots.viewpoint,
        deghost=viewing.deghost == "auto",
    )
    return _to_pair(shots, comparison, consistent, shape=long.shape, doubts=doubts)


def _to_pair(
    shots: PairView,
    comparison: Comparison,
    consistent: Consistent,
    *,
    shape: tuple[int, ...],
    doubts: list[str],
) -> Pair:
    short, long = consistent.shots
    to_short, to_long = (motion.matrix for motion in shots.motions)
    unknown = _explain_unknown(comparison.joint)
    moved = explain_ghosts(consistent.ghosts.share) if consistent.ghosts else []
    return replace(
        pair_from(comparison, long, short, shape=shape, ratio_given=shots.stated),
        swapped=shots.swapped,
        motion=shots.motion,
        reference=ROLES[consistent.reference],
        ghosts=consistent.ghosts,
        window=shots.aligned.window,
        to_long=to_long,
        to_short=to_short,
        notices=(*shots.notices, *comparison.notices, *doubts, *moved, *unknown),
        opacity=join_opacities(shots.aligned.opacities),
    )


def _explain_unknown(joint: NDArray[np.int64]) -> list[str]:
    """Report how much of the picture neither shot shows, if it is much."""
    unknown = joint[:, LONG_CLIPPED:, : SHORT_CLIPPED + 1].sum(axis=(1, 2))
    share = float((unknown / np.maximum(joint.sum(axis=(1, 2)), 1)).max())
    if share < UNKNOWN:
        return []
    msg = (
        f"neither shot shows {rounded(100 * share, 2)} % of the picture: the long one is white there, the "
        "short one black; that part is a guess; use shots that are less far apart"
    )
    return [msg]


def pair_from(
    comparison: Comparison,
    long: Pixels,
    short: Pixels,
    *,
    shape: tuple[int, ...],
    ratio_given: float | None,
) -> Pair:
    """Build a pair of two registered exposures that were compared."""
    joint = comparison.joint
    return Pair(
        long=long,
        short=short,
        response=comparison.response,
        log_ratio=comparison.log_ratio,
        ratio_measured=comparison.ratio,
        ratio_given=ratio_given,
        source=comparison.source,
        levels=comparison.levels,
        clipped={"long": _clipped(joint, axis=2), "short": _clipped(joint, axis=1)},
        shape=shape,
        notices=comparison.notices,
    )


def _check_step(ratio: float) -> None:
    """Refuse equal exposures."""
    step = ev_step(ratio)
    if step < LEAST_STEP:
        msg = (
            f"the two exposures are equal (measured {step:.2f} EV apart, {LEAST_STEP} are needed); "
            "give a long and a short one"
        )
        raise EqualExposuresError(msg)


def _check_fit(shots: PairView, comparison: Comparison) -> list[str]:
    """Refuse two different scenes; warn if the motion is unknown and the images do not fit."""
    if shots.motion and shots.motion.pixels is not None:
        return []  # blocks of both agree
    dark, bright = blank_unshared(shots.aligned)
    fits = check_scene(sample(bright), sample(dark), comparison.joint)
    if shots.motion is None or (fits and lies_still(bright, dark, map_step(comparison, -1))):
        return []
    return [UNTOLD if fits else DOUBLED]


def _clipped(joint: NDArray[np.int64], *, axis: int) -> dict[str, float]:
    """Compute the shares of code values 0 and 255, summing joint histograms over an axis."""
    histograms = joint.sum(axis=axis)
    total = max(histograms.sum(), 1)
    ends = {"black": histograms[:, 0].sum(), "white": histograms[:, -1].sum()}
    return {end: round(float(count / total), 5) for end, count in ends.items()}

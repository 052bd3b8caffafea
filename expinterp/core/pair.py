"""Two exposures of one scene: their order, motion, camera response and exposure ratio.

Letters: x1 is ``long``, x2 is ``short``, exposed t1 > t2 seconds; g(z) = ln(E·t) is the response.
Images are display-encoded code values, uint8 or uint16, (rows, cols, channels), R G B or grey.
Ratios are t1/t2; differences of exposure are in stops (EV), log2(t1/t2).

Source: Zheng, Li, Yang and Wu, ICASSP 2020, arXiv:1905.03890 (the method); Grossberg and Nayar,
PAMI 2003 (what a pair shows of its camera).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import (
    Codes,
    Floats,
    Pixels,
    check_images,
    drop_equal_channels,
    with_channels,
)
from expinterp.core.exposure import ev_step
from expinterp.core.ghosts import Deghost, Ghosts, Reference, check_choices, explain_ghosts
from expinterp.core.intermediate import Blend
from expinterp.core.likeness import check_scene
from expinterp.core.mapping import imf_from_response, joint_histogram, matched_levels, sample
from expinterp.core.prior import Estimate, ResponsePrior, estimate_response, load_prior
from expinterp.core.registration.motion import Motion, find_motion
from expinterp.core.registration.resample import warp
from expinterp.core.response import Profile
from expinterp.errors import EqualExposuresError, PairError

LEAST_STEP = 0.25  # EV; nothing lies between exposures that are closer
DOUBT = {"pair": 2.0, "profile": 0.75}  # EV: largest difference of a stated and a measured ratio
ALIGNED = "the short exposure is aligned to the long one (--no-align leaves it unchanged)"
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
        In the right order. If the camera moved, ``short`` is aligned to ``long``.
    response : float64 array, shape (channels, 256)
        g(z) = ln(E·t), on a scale where the ratio is exp(`log_ratio`).
    log_ratio : float
        ln(t1/t2) on that scale, natural logarithm.
    ratio_measured : float
        t1/t2 measured from the pixels; within about a stop if the response is not known.
    ratio_given : float or None
        t1/t2 stated by files or caller, > 1.
    source : {'pair', 'profile'}
        Where the response comes from.
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
        The shot whose viewpoint the pair has.
    ghosts : Ghosts or None
        Where things moved; None if that was not looked for.
    window : tuple of slice
        Rows and columns of the reference's frame that the pair shows.
    to_long, to_short : float64 arrays, shape (3, 3)
        Map a point (x, y, 1) of the reference's whole frame to a point of each image as given.
    notices : tuple of str
        Warnings for the user.
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

    @property
    def ratio(self) -> float:
        """The exposure ratio to use: the stated one, else the measured one."""
        return self.ratio_given or self.ratio_measured

    def blend(self, position: float) -> Blend:
        """Build the tables of y0 at a position between ``short`` (0) and ``long`` (1)."""
        imf13 = imf_from_response(self.response, scale=math.exp((position - 1) * self.log_ratio))
        imf23 = imf_from_response(self.response, scale=math.exp(position * self.log_ratio))
        return Blend(imf13, imf23, self.long.dtype)


def measure(
    long: Pixels,
    short: Pixels,
    *,
    ratio: float | None = None,
    response: Profile | None = None,
    prior: ResponsePrior | None = None,
    align: bool = True,
    deghost: Deghost = "auto",
    reference: Reference = "auto",
    crop: bool = False,
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
        The prior of responses; by default the bundled one.
    align : bool
        Whether to measure the camera motion and undo it.
    deghost : {'auto', 'off'}
        Whether things that moved are looked for and taken from one shot.
    reference : {'auto', 'long', 'short'}
        The shot that shows where things are; ``auto``: the better exposed one.
    crop : bool
        Whether the pair is cropped to what both shots show.

    Raises
    ------
    ValueError
        If the arrays are not images as above, `ratio` is not positive and finite, or `deghost` or
        `reference` is not as above.
    PairError
        If the two are not a long and a short exposure of one scene.
    """
    check_images([long, short], ["long", "short"])
    check_choices(deghost, reference)
    shots = _sort_and_align(long, short, ratio, align=align)
    joint = joint_histogram(*shots.samples)
    levels = tuple(matched_levels(channel) for channel in joint)
    estimate, measured, doubts = _estimate(levels, prior or load_prior(), response, shots.stated)
    _check_step(measured)
    doubts += _check_fit(shots, joint)
    ghosts = Ghosts.none(*shots.long.shape[:2]) if deghost == "auto" else None
    to_short = shots.motion.matrix if shots.motion else np.eye(3)
    return Pair(
        long=shots.long,
        short=shots.short,
        response=_per_channel(estimate.response, len(joint)),
        log_ratio=estimate.log_ratio,
        ratio_measured=measured,
        ratio_given=shots.stated,
        source=_source(response),
        levels=levels,
        clipped={"long": _clipped(joint, axis=2), "short": _clipped(joint, axis=1)},
        shape=long.shape,
        swapped=shots.swapped,
        motion=shots.motion,
        reference="long",
        ghosts=ghosts,
        to_short=to_short,
        notices=(*shots.notices, *doubts, *(explain_ghosts(ghosts.share) if ghosts else ())),
    )


@dataclass(frozen=True, eq=False)
class _Shots:
    """Two shots in order and aligned, with their samples and the stated ratio, above 1."""

    long: Pixels
    short: Pixels
    samples: tuple[Codes, Codes]
    stated: float | None
    swapped: bool
    motion: Motion | None
    notices: list[str]


def _sort_and_align(long: Pixels, short: Pixels, ratio: float | None, *, align: bool) -> _Shots:
    """Order two images by brightness, and align the darker one to the other."""
    ratio, notices = _check_ratio(ratio)
    long, short = drop_equal_channels(with_channels(long), with_channels(short))
    samples = sample(long), sample(short)
    if np.array_equal(*samples):
        msg = "the two images are equal; give a long and a short exposure"
        raise EqualExposuresError(msg)
    swapped = bool(samples[0].mean() < samples[1].mean())
    notices += _explain_order(swapped, ratio)
    if swapped:
        long, short, samples = short, long, samples[::-1]
    motion = find_motion(long, short) if align else None
    if motion and motion.pixels:
        short = warp(short, motion.matrix)
        samples = samples[0], sample(short)
        notices += [f"the camera moved by {motion.pixels:.1f} pixels; {ALIGNED}"]
    stated = None if ratio is None else max(ratio, 1 / ratio)
    return _Shots(long, short, samples, stated, swapped, motion, notices)


def _check_ratio(ratio: float | None) -> tuple[float | None, list[str]]:
    """Check a stated ratio; drop one of about 1, with a warning."""
    if ratio is not None and not 0 < ratio < math.inf:
        msg = f"ratio must be positive and finite, for example 16, not {ratio}"
        raise ValueError(msg)
    if ratio is None or abs(ev_step(ratio)) >= LEAST_STEP:
        return ratio, []
    return None, ["the stated exposures are equal, but the pixels differ; the pixels are used"]


def _explain_order(swapped: bool, ratio: float | None) -> list[str]:
    """Report a wrong order, and stated exposures that contradict the pixels."""
    if ratio is None or (ratio < 1) == swapped:
        return ["the first image is the darker one; it is taken as the short exposure"] * swapped
    brighter = "second" if swapped else "first"
    msg = f"the {brighter} image is the brighter one and is taken as long"
    return [f"the stated exposures contradict the pixels; {msg}"]


def _estimate(
    levels: Sequence[Floats], prior: ResponsePrior, profile: Profile | None, stated: float | None
) -> tuple[Estimate, float, list[str]]:
    """Estimate the response, measure t1/t2, and warn if a stated ratio differs from it.

    With a profile of known scale, a stated ratio that does not differ refines the estimate.
    """
    if profile:
        prior = prior.around(profile.response)
    scale = (profile and profile.scale) or 1.0
    log_stated = None if stated is None else scale * math.log(stated)
    estimate = _from_levels(levels, prior, log_stated)
    measured = math.exp(estimate.log_ratio / scale)
    doubts = _explain_ratio(stated, measured, _source(profile))
    if log_stated and not doubts and profile and profile.scale:
        estimate = _from_levels(levels, prior.with_log_ratio(log_stated), log_stated)
    return estimate, measured, doubts


def _source(profile: Profile | None) -> str:
    return "pair" if profile is None else "profile"


def _from_levels(
    levels: Sequence[Floats], prior: ResponsePrior, log_stated: float | None
) -> Estimate:
    """Estimate the response; if the images share no tone, return the prior and the stated ratio."""
    try:
        return estimate_response(levels, prior)
    except ValueError as error:
        if log_stated is None:
            msg = (
                "the two images share no tone that is unclipped in both; "
                "if they are a pair, give their times or their ratio"
            )
            raise PairError(msg) from error
        response = np.tensordot(prior.weights, prior.centres, 1)
        return Estimate(response, log_stated)


def _check_step(ratio: float) -> None:
    """Refuse equal exposures."""
    step = ev_step(ratio)
    if step < LEAST_STEP:
        msg = (
            f"the two exposures are equal (measured {step:.2f} EV apart, {LEAST_STEP} are needed); "
            "give a long and a short one"
        )
        raise EqualExposuresError(msg)


def _check_fit(shots: _Shots, joint: NDArray[np.int64]) -> list[str]:
    """Refuse two different scenes; warn if the motion is unknown and the images do not fit."""
    if shots.motion and shots.motion.pixels is not None:
        return []  # blocks of both agree
    fits = check_scene(*shots.samples, joint)
    return [] if fits or shots.motion is None else [DOUBLED]


def _explain_ratio(stated: float | None, measured: float, source: str) -> list[str]:
    """Report a stated ratio that differs too much from the measured one."""
    if stated is None or abs(ev_step(stated) - ev_step(measured)) <= DOUBT[source]:
        return []
    msg = f"the stated exposure ratio is {stated:.4g}, the measured one about {measured:.2g}"
    return [f"{msg}; check the exposure times"]


def _per_channel(response: Floats, channels: int) -> Floats:
    """Return the response of each channel; that of a grey image is the mean of three."""
    return response if channels == 3 else response.mean(axis=0, keepdims=True)


def _clipped(joint: NDArray[np.int64], *, axis: int) -> dict[str, float]:
    """Compute the shares of code values 0 and 255, summing joint histograms over an axis."""
    histograms = joint.sum(axis=axis)
    total = histograms.sum()
    ends = {"black": histograms[:, 0].sum(), "white": histograms[:, -1].sum()}
    return {end: round(float(count / total), 5) for end, count in ends.items()}

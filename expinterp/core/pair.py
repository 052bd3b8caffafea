"""Two shots of one scene: what they tell about camera and light, and whether they are a pair.

Arrays are display-encoded, (rows, cols, channels), R G B or grey, uint8 or uint16.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.align import Motion, find_motion, warp
from expinterp.core.arrays import check_images, with_channels
from expinterp.core.exposure import ev_step
from expinterp.core.intermediate import Blend
from expinterp.core.mapping import (
    Codes,
    Floats,
    Pixels,
    agreement,
    imf_from_response,
    joint_histogram,
    matched_levels,
    sample,
)
from expinterp.core.prior import Estimate, ResponsePrior, estimate_response, load_prior
from expinterp.core.response import Profile
from expinterp.errors import EqualExposuresError, PairError

LEAST_STEP = 0.25  # EV; closer shots have nothing in between
DOUBT = {"pair": 2.0, "profile": 0.75}  # EV by which a stated ratio may differ from the pixels
AGREEMENT = 0.9  # least share of pixels that one mapping explains: real pairs mostly 0.93 and more
LIKENESS = 0.3  # least rank correlation of local contrast: real pairs 0.59 and more, strangers 0
THUMBNAIL = 128  # pixels of the longer side when scenes are compared
DETAILS = 300  # unclipped pixels that a thumbnail needs to be compared
MEETING = "both are brought to the pose half-way (--no-align leaves them)"
WHITE, BLACK = 245, 6  # code values from which a thumbnail pixel may be clipped


@dataclass(frozen=True, eq=False)
class Pair:
    """Two shots of one scene and what they tell about camera and light.

    Attributes
    ----------
    long, short : uint8 or uint16 arrays, shape (rows, cols, channels)
        In the right order, whatever the order given; where the camera moved between them, both
        brought to the pose half-way.
    response : float64 array, shape (channels, 256)
        g(z) = ln(E·t), on a scale where the ratio is exp(`log_ratio`).
    log_ratio : float
        ln(t1/t2) on that scale, natural logarithm.
    ratio_measured : float
        t1/t2 as the pixels say, within a stop or so if the response is not known.
    ratio_given : float or None
        t1/t2 as files or caller say, > 1.
    source : {'pair', 'profile'}
        Where the response comes from.
    levels : tuple of float64 arrays, shape (n, 2)
        Code values of ``long`` and ``short`` that stand for the same light, per channel.
    clipped : dict
        Share of code values at the ends of the range: ``{"long": {"black": …, "white": …}, …}``.
        Of a `sample`: 16-bit ones count where they round to 0 or 255.
    shape : tuple of int
        Of each image as given, and of each result. A colourless pair in three equal channels is
        stored and computed in one channel, so that grey stays grey.
    swapped : bool
        Whether ``short`` was given first.
    motion : Motion or None
        Where the points of the given ``long`` lie in the given ``short``; None if that was not
        looked for.
    notices : tuple of str
        What a person should know.
    """

    long: Pixels
    short: Pixels
    response: Floats
    log_ratio: float
    ratio_measured: float
    ratio_given: float | None
    source: str
    levels: tuple[Floats, ...]
    clipped: dict[str, dict[str, float]]
    shape: tuple[int, ...]
    swapped: bool = False
    motion: Motion | None = None
    notices: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """The exposure ratio to reckon with: stated, else measured."""
        return self.ratio_given or self.ratio_measured

    def blend(self, position: float) -> Blend:
        """Make the tables of y0 at a position between ``short`` (0) and ``long`` (1)."""
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
) -> Pair:
    """Learn what a pair tells: order, response, exposure ratio, clipping.

    Parameters
    ----------
    long, short : uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        The same shape and dtype. Shots in the wrong order are put right.
    ratio : float, optional
        Exposure ratio t1/t2, if known; below 1 it says that the order is wrong.
    response : Profile, optional
        The camera's profile; without it the response is estimated from the pair.
    prior : ResponsePrior, optional
        What responses are like; the bundled one if not given.
    align : bool
        Whether to look for a motion of the camera, and to undo it.

    Raises
    ------
    ValueError
        If the arrays are no such images, or `ratio` is not positive and finite.
    PairError
        If the two are not a long and a short exposure of one scene.
    """
    check_images([long, short], ["long", "short"])
    if ratio is not None and not 0 < ratio < math.inf:
        msg = f"ratio must be positive and finite, as in 16, not {ratio}"
        raise ValueError(msg)
    shape = long.shape
    long, short = _drop_equal_channels(with_channels(long), with_channels(short))
    small = sample(long), sample(short)
    if np.array_equal(*small):
        msg = "the two images are equal; give a long and a short exposure"
        raise EqualExposuresError(msg)
    ratio, notices = _check_ratio(ratio)
    swapped = bool(small[0].mean() < small[1].mean())
    notices += _explain_order(swapped, ratio)
    if swapped:
        long, short, small = short, long, small[::-1]
    motion = find_motion(long, short) if align else None
    if motion and motion.pixels:
        long, short = (warp(*each) for each in zip((long, short), motion.halves(), strict=True))
        small = sample(long), sample(short)
        notices += [f"the camera moved by {motion.pixels:.1f} pixels; {MEETING}"]
    given = None if ratio is None else max(ratio, 1 / ratio)
    joint = joint_histogram(*small)
    levels = tuple(matched_levels(channel) for channel in joint)
    estimate, measured, doubts = _estimate(levels, prior or load_prior(), response, given)
    _check_pair(*small, joint, measured)
    return Pair(
        long=long,
        short=short,
        response=_per_channel(estimate.response, long.shape[2]),
        log_ratio=estimate.log_ratio,
        ratio_measured=measured,
        ratio_given=given,
        source=_source(response),
        levels=levels,
        clipped={"long": _clipped(joint.sum(axis=2)), "short": _clipped(joint.sum(axis=1))},
        shape=shape,
        swapped=swapped,
        motion=motion,
        notices=(*notices, *doubts),
    )


def _drop_equal_channels(long: Pixels, short: Pixels) -> tuple[Pixels, Pixels]:
    """Keep one channel of a pair whose channels are all equal."""
    # A few pixels come first: they rule out most images at little cost.
    few = slice(None, None, 8)
    if all(_is_colourless(part) for image in (long, short) for part in (image[few, few], image)):
        return long[..., :1], short[..., :1]
    return long, short


def _check_ratio(ratio: float | None) -> tuple[float | None, list[str]]:
    """Drop a given ratio of about 1, with a notice: the pixels differ."""
    if ratio is None or abs(ev_step(ratio)) >= LEAST_STEP:
        return ratio, []
    return None, ["the stated exposures are equal, but the pixels differ; the pixels are used"]


def _is_colourless(image: Pixels) -> bool:
    """Tell whether all channels are equal."""
    return bool((image == image[..., :1]).all())


def _explain_order(swapped: bool, ratio: float | None) -> list[str]:
    """Say what was done about the order, and where the stated exposures contradict the pixels."""
    if ratio is not None and (ratio < 1) != swapped:
        msg = (
            "the stated exposures contradict the pixels; "
            f"the {'second' if swapped else 'first'} image is the brighter one and is taken as long"
        )
        return [msg]
    if swapped:
        return ["the first image is the darker one; it is taken as the short exposure"]
    return []


def _estimate(
    levels: Sequence[Floats], prior: ResponsePrior, profile: Profile | None, stated: float | None
) -> tuple[Estimate, float, list[str]]:
    """Estimate the response; also measure t1/t2, and remark on a stated one that disagrees.

    A stated ratio that the pixels do not contradict helps in turn, where a profile says what it
    is to the curves.
    """
    if profile:
        prior = prior.around(profile.response)
    scale = (profile and profile.scale) or 1.0
    log_stated = None if stated is None else scale * math.log(stated)
    estimate = _from_levels(levels, prior, log_stated)
    measured = math.exp(estimate.log_ratio / scale)
    doubts = _explain_ratio(stated, measured, _source(profile))
    if log_stated and not doubts and profile and profile.scale:
        estimate = _from_levels(levels, prior.stating(log_stated), log_stated)
    return estimate, measured, doubts


def _source(profile: Profile | None) -> str:
    return "pair" if profile is None else "profile"


def _from_levels(
    levels: Sequence[Floats], prior: ResponsePrior, log_stated: float | None
) -> Estimate:
    """Estimate the response; where the shots share no tone, only a stated ratio helps."""
    try:
        return estimate_response(levels, prior)
    except ValueError as error:
        if log_stated is None:
            msg = "the two images share no tone that both hold; if they are a pair, add times or a ratio"
            raise PairError(msg) from error
        response = np.tensordot(prior.weights, prior.centres, 1)
        return Estimate(response, log_stated)


def _check_pair(long: Codes, short: Codes, joint: NDArray[np.int64], ratio: float) -> None:
    """Refuse equal exposures, and scenes that neither their tones nor their detail show to be one."""
    step = ev_step(ratio)
    if step < LEAST_STEP:
        msg = (
            f"the two exposures are equal (measured {step:.2f} EV apart, {LEAST_STEP} are needed); "
            "give a long and a short one"
        )
        raise EqualExposuresError(msg)
    tones = min(agreement(channel) for channel in joint)
    detail = _likeness(long, short)
    if tones < AGREEMENT and detail < LIKENESS:
        msg = (
            f"the two images do not show the same scene (one mapping explains {tones:.0%} of the "
            f"pixels, detail correlates {detail:.2f}); give two exposures of one still scene"
        )
        raise PairError(msg)


def _likeness(long: Codes, short: Codes) -> float:
    """Correlate the ranks of local contrast in thumbnails of the two; exposure leaves it alone.

    Compared where neither is clipped; two shots with hardly such a place count as alike.
    """
    scale = THUMBNAIL / max(long.shape[:2])
    size = [max(1, round(n * scale)) for n in long.shape[1::-1]]
    grey = [
        cv2.resize(image, size, interpolation=cv2.INTER_AREA).reshape(*size[::-1], -1).mean(axis=2)
        for image in (long, short)
    ]
    held = (grey[0] < WHITE) & (grey[1] > BLACK)
    if held.sum() < DETAILS:
        return 1.0
    ranks = []
    for image in grey:
        tone = np.log(image + BLACK)
        detail = tone - cv2.GaussianBlur(tone, (0, 0), THUMBNAIL / 32)
        ranks.append(detail[held].argsort(kind="stable").argsort(kind="stable"))
    return float(np.corrcoef(*ranks)[0, 1])


def _explain_ratio(stated: float | None, measured: float, source: str) -> list[str]:
    if stated is None or abs(ev_step(stated) - ev_step(measured)) <= DOUBT[source]:
        return []
    msg = (
        f"the stated exposure ratio is {stated:.4g}, the pixels say about {measured:.2g}; "
        "check the exposure times"
    )
    return [msg]


def _per_channel(response: Floats, channels: int) -> Floats:
    """Give a grey image the one response that its three equal channels share."""
    return response if channels == 3 else response.mean(axis=0, keepdims=True)


def _clipped(histograms: NDArray[np.int64]) -> dict[str, float]:
    total = histograms.sum()
    ends = {"black": histograms[:, 0].sum(), "white": histograms[:, -1].sum()}
    return {end: round(float(count / total), 5) for end, count in ends.items()}

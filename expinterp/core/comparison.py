"""Compare two registered exposures: camera response, exposure ratio, clipping, and what moved.

Things that moved are found by the response, and the response is estimated without them.

Letters: x1 is ``long``, x2 is ``short``, exposed t1 > t2 seconds; g(z) = ln(E·t) is the response.
Images are display-encoded code values, uint8 or uint16, (rows, cols, channels).

Source: Grossberg and Nayar, PAMI 2003 (what a pair shows of its camera).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats, Mask, Pixels
from expinterp.core.encoding import known_log_ratio
from expinterp.core.exposure import ev_step
from expinterp.core.ghosts.consistent import Link
from expinterp.core.ghosts.detect import find_conflict, small_copy
from expinterp.core.mapping import grid, joint_histogram, matched_levels, to_codes
from expinterp.core.parallel import map_threads
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import (
    Estimate,
    ResponsePrior,
    estimate_response,
    estimate_shared,
    load_prior,
)
from expinterp.core.response.shading import adjacent_pixels
from expinterp.core.response.shadows import correct_shadows
from expinterp.errors import PairError
from expinterp.text import rounded

# EV: largest difference of a stated and a measured ratio, by the source of the response.
DOUBT = {"pair": 1.5, "camera": 1.5, "profile": 0.75, "known": 0.5}
# The nearest curve of a presumed camera may lie that much further from the levels than the nearest
# of all: times, plus code values. Right cameras lose nothing by it (docs/camera.md).
STRANGE = (1.5, 0.75)
NO_TONE = (
    "the two images share no tone that is unclipped in both; "
    "if they are a pair, give their times or their ratio"
)
LEAST = 0.02  # share of the samples that an estimate needs after others were left out


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison(Link):
    """What two registered exposures show of their camera and scene.

    Attributes
    ----------
    ratio : float
        t1/t2 measured from the pixels.
    source : {'pair', 'camera', 'profile', 'known'}
        Where the response comes from: the pair alone, curves of its camera too, a profile, or the
        known encoding of the pixels.
    levels : tuple of float64 arrays, shape (n, 2)
        See `matched_levels`.
    joint : int64 array, shape (channels, 256, 256)
        The joint histogram of all samples that both cover.
    notices : tuple of str
        Warnings for the user.
    """

    ratio: float
    source: str
    levels: tuple[Floats, ...]
    joint: NDArray[np.int64]
    notices: tuple[str, ...]


def compare(
    long: Pixels,
    short: Pixels,
    *,
    covered: Mask | None = None,
    stated: float | None = None,
    response: Profile | None = None,
    prior: ResponsePrior | None = None,
    deghost: bool = True,
) -> Comparison:
    """Compare two registered exposures.

    Parameters
    ----------
    long, short : uint8 or uint16 arrays, shape (rows, cols, channels)
        Of the same shape and dtype.
    covered : bool array, shape of `small_copy`, optional
        Where both show the scene; by default everywhere.
    stated : float, optional
        t1/t2 as stated, > 1.
    response : Profile, optional
        The camera's profile.
    prior : ResponsePrior, optional
        By default the bundled one, of all cameras; that of one camera if it is known. If that is
        presumed, and none of its curves fits, or with a profile, the bundled one is used.
    deghost : bool
        Whether to look for what moved.

    Raises
    ------
    PairError
        If the two share no tone, and no ratio is stated.
    """
    one, two = map_threads(lambda image: np.ascontiguousarray(grid(image)), (long, short))
    adjacent = adjacent_pixels(one)
    if prior is None or response is not None:
        prior = load_prior()

    def measure(seen: Mask | None) -> Comparison:
        return _measure(_select(one, two, seen), adjacent, stated, response, prior)

    if not deghost:
        return measure(covered)
    copies = (partial(small_copy, shot) for shot in (long, short))
    tasks: list[Callable[[], Any]] = [partial(measure, covered), *copies]
    first, bright, dark = map_threads(lambda task: task(), tasks)
    found: Comparison = first
    conflict = find_conflict(bright, dark, found.response, found.log_ratio, covered=covered)
    still = ~conflict.region if covered is None else covered & ~conflict.region
    if conflict.region.any() and still.mean() >= LEAST:
        with suppress(PairError):  # too few tones are left: the first estimate stands
            found = measure(still)
            conflict = find_conflict(bright, dark, found.response, found.log_ratio, covered=covered)
    return replace(found, conflict=conflict, joint=first.joint, copies=(dark, bright))


def _select(long: Pixels, short: Pixels, seen: Mask | None) -> tuple[Pixels, Pixels]:
    """Keep the samples where a small mask is true, as images one pixel wide."""
    if seen is None:
        return long, short
    size = (long.shape[1], long.shape[0])
    mask = cv2.resize(seen.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    return long[mask][:, np.newaxis], short[mask][:, np.newaxis]


def _measure(
    shots: tuple[Pixels, Pixels],
    adjacent: Codes,
    stated: float | None,
    profile: Profile | None,
    prior: ResponsePrior,
) -> Comparison:
    """Estimate the response and the ratio from samples of both shots, and adjacent pixels."""
    long, short = shots
    codes = to_codes(long), to_codes(short)
    joint = joint_histogram(*codes)
    levels = tuple(matched_levels(channel) for channel in joint)
    prior = recognise([levels], prior)
    if profile and profile.source == "known":
        found = known_log_ratio(long, short)
        estimate, ratio, notices = _with_known(profile, found, stated)
    else:
        estimate, ratio, notices = _estimate(levels, adjacent, prior, profile, stated)
        corrected = correct_shadows(estimate.response, estimate.log_ratio, *codes)
        estimate = replace(estimate, response=corrected)
    return Comparison(
        response=_per_channel(estimate.response, len(joint)),
        log_ratio=estimate.log_ratio,
        conflict=None,
        still=joint,
        ratio=ratio,
        source=_source(profile, prior),
        levels=levels,
        joint=joint,
        notices=tuple(notices),
    )


def _estimate(
    levels: Sequence[Floats],
    adjacent: Codes,
    prior: ResponsePrior,
    profile: Profile | None,
    stated: float | None,
) -> tuple[Estimate, float, list[str]]:
    """Estimate the response, measure t1/t2, and warn if a stated ratio differs from it.

    With a profile of known scale, a stated ratio that does not differ refines the estimate.
    """
    source = _source(profile, prior)
    if profile:
        prior = prior.around(profile.response)
    scale = (profile and profile.scale) or 1.0
    log_stated = None if stated is None else scale * math.log(stated)
    estimate = _from_levels(levels, adjacent, prior, log_stated)
    measured = math.exp(estimate.log_ratio / scale)
    doubts = _explain_ratio(stated, measured, source)
    if log_stated and not doubts and profile and profile.scale:
        estimate = _from_levels(levels, adjacent, prior.with_log_ratio(log_stated), log_stated)
    return estimate, measured, doubts


def _with_known(
    profile: Profile, log_ratio: float | None, stated: float | None
) -> tuple[Estimate, float, list[str]]:
    """Return the known response with the ratio of the pixels, or the stated one without any."""
    if log_ratio is None and stated is None:
        raise PairError(NO_TONE)
    log_ratio = math.log(stated or 1) if log_ratio is None else log_ratio
    measured = math.exp(log_ratio)
    doubts = _explain_ratio(stated, measured, "known")
    return Estimate(profile.response, log_ratio, distance=0.0), measured, doubts


def recognise(pairs: Sequence[Sequence[Floats]], prior: ResponsePrior) -> ResponsePrior:
    """Return a prior, or that of all cameras if its camera is presumed and none of its curves fits.

    `pairs` are the levels of one pair or several, as for `estimate_shared`.
    """
    everything = load_prior()
    if prior.presumed and all(any(map(len, levels)) for levels in pairs):
        own, best = (estimate_shared(pairs, each).distance for each in (prior, everything))
        times, codes = STRANGE
        return everything if own > times * best + codes else prior
    return prior


def _source(profile: Profile | None, prior: ResponsePrior) -> str:
    if profile:
        return profile.source
    return "camera" if prior.camera else "pair"


def _from_levels(
    levels: Sequence[Floats], adjacent: Codes, prior: ResponsePrior, log_stated: float | None
) -> Estimate:
    """Estimate the response; if the images share no tone, return the prior and the stated ratio."""
    try:
        return estimate_response(levels, prior, adjacent)
    except ValueError as error:
        if log_stated is None:
            raise PairError(NO_TONE) from error
        response = np.tensordot(prior.weights, prior.centres, 1)
        return Estimate(response, log_stated, distance=0.0)


def _explain_ratio(stated: float | None, measured: float, source: str) -> list[str]:
    """Report a stated ratio that differs too much from the measured one."""
    if stated is None or abs(ev_step(stated) - ev_step(measured)) <= DOUBT[source]:
        return []
    ratios = f"is {rounded(stated, 4)}, the measured one about {rounded(measured, 2)}"
    return [f"the stated exposure ratio {ratios}; check the exposure times"]


def _per_channel(response: Floats, channels: int) -> Floats:
    """Return the response of each channel; that of a grey image is the mean of three."""
    return response if channels == 3 else response.mean(axis=0, keepdims=True)

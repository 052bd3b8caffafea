"""One response for all shots of a scene, and the exposure of each of them.

Letters: g(z) = ln(E·t) is the response, z display-encoded, 0..255; t_i are the exposures from dark
to bright, relative. Adjacent shots state ln k = ln(t_{i+1}/t_i) by their files, and by matched levels
(z1, z2): g(z1) − g(z2) = ln k.

Source: Grossberg and Nayar, PAMI 2003 (what levels show); see `expinterp.core.response.prior`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expinterp.core.arrays import Floats
from expinterp.core.comparison import DOUBT, recognise
from expinterp.core.exposure import ev_step
from expinterp.core.mapping import CODE_VALUES
from expinterp.core.pair import Pair
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import (
    OBSERVATIONS,
    SHUTTER,
    ResponsePrior,
    estimate_shared,
    load_prior,
)
from expinterp.errors import PairError

FARTHEST = 3.0  # median deviations: levels beyond are left out
LEAST_ERROR = 0.003  # natural logarithm: a ratio that levels state is never surer
ESTIMATED = (
    "the response is estimated from the shots, so the tones are an estimate; --response with a "
    "profile made by 'expinterp calibrate' makes them exact"
)
UNSCALED = "no exposure times are known, so the contrast is that of an average camera; add --times"


@dataclass(frozen=True, eq=False)
class ShotSeries:
    """What the shots of a scene share.

    Attributes
    ----------
    response : float64 array, shape (channels, 256), or None
        g(z) = ln(E·t); None for a known encoding.
    log_exposures : float64 array, shape (shots,)
        ln t of each shot, from dark to bright; 0 for the darkest.
    source : {'known', 'profile', 'camera', 'pair'}
        Where the response comes from.
    notices : tuple of str
        Warnings for the user.
    """

    response: Floats | None
    log_exposures: Floats
    source: str
    notices: tuple[str, ...]


def measure_series(
    pairs: Sequence[Pair | None],
    stated: Sequence[float | None],
    *,
    profile: Profile | None,
    prior: ResponsePrior | None,
    channels: int,
) -> ShotSeries:
    """Measure one response for all shots, and the exposure of each.

    Stated ratios and those of the levels are averaged by their variances: a shutter is precise to
    3 %. A ratio that the pixels contradict is not used where the response is known.

    Parameters
    ----------
    pairs : sequence of Pair or None
        Adjacent shots, from dark to bright; None where they are equally exposed.
    stated : sequence of float or None
        t_{i+1}/t_i as files state it.
    profile : Profile or None
        The camera's; with the source ``known`` it is exact.
    prior : ResponsePrior or None
        Without a profile; None for that of all cameras.
    channels : int

    Raises
    ------
    PairError
        If no two shots differ in exposure.
    """
    found = [pair for pair in pairs if pair]
    if not found:
        message = "all are exposed alike; give shots of different exposure"
        raise PairError(message)
    logs = [ratio and math.log(ratio) for ratio in stated]
    if profile and profile.source == "known":
        steps = [
            pair.log_ratio if pair else ratio or 0.0
            for pair, ratio in zip(pairs, logs, strict=True)
        ]
        return ShotSeries(None, _sum(steps), "known", ())
    if profile is None:
        return _estimate(pairs, logs, prior or load_prior(), channels)
    response = _per_channel(profile.response, channels)
    measured = [None if pair is None else _log_ratio(response, pair) for pair in pairs]
    scale = profile.scale or _scale(measured, logs)
    steps = [
        _combine(ratio, None if each is None else (each[0] / (scale or 1), each[1]), profile)
        for ratio, each in zip(logs, measured, strict=True)
    ]
    return ShotSeries(response / (scale or 1), _sum(steps), "profile", () if scale else (UNSCALED,))


def _estimate(
    pairs: Sequence[Pair | None], logs: Sequence[float | None], prior: ResponsePrior, channels: int
) -> ShotSeries:
    """Estimate the response from all pairs together."""
    usable = [bool(pair and any(map(len, pair.levels))) for pair in pairs]
    levels = [pair.levels for pair, use in zip(pairs, usable, strict=True) if pair and use]
    prior = recognise(levels, prior) if levels else prior
    if not levels:
        message = "no two of them share a tone that is unclipped in both; give --response"
        raise PairError(message)
    known = [ratio for ratio, use in zip(logs, usable, strict=True) if use]
    shared = estimate_shared(levels, prior, stated=known)
    scale = shared.scale or 1.0
    ratios = iter(shared.log_ratios / scale)
    steps = [next(ratios) if use else ratio or 0.0 for ratio, use in zip(logs, usable, strict=True)]
    response = _per_channel(shared.response, channels) / scale
    notices = (ESTIMATED,) if shared.scale else (ESTIMATED, UNSCALED)
    return ShotSeries(response, _sum(steps), "camera" if prior.camera else "pair", notices)


def _per_channel(response: Floats, channels: int) -> Floats:
    """Return the response of each channel; that of a grey image is the mean of three."""
    if channels == 1:
        return np.asarray(response.mean(axis=0, keepdims=True))
    return np.asarray(np.broadcast_to(response, (channels, response.shape[1])))


def _log_ratio(response: Floats, pair: Pair) -> tuple[float, float] | None:
    """Measure ln k by the levels of a pair, with its standard error; None without any level."""
    slopes = np.maximum(np.gradient(response, axis=1), 1e-3)
    rows = []
    for channel, levels in enumerate(pair.levels):
        g, slope = response[channel % len(response)], slopes[channel % len(response)]
        z1, z2 = levels.T
        difference = np.interp(z1, CODE_VALUES, g) - np.interp(z2, CODE_VALUES, g)
        error = np.hypot(np.interp(z1, CODE_VALUES, slope), np.interp(z2, CODE_VALUES, slope))
        rows.append(np.stack([difference, error**-2.0]))
    values, weights = np.concatenate(rows, axis=1)
    if not values.size:
        return None
    middle = np.median(values)
    near = np.abs(values - middle) <= FARTHEST * max(np.median(np.abs(values - middle)), 1e-9)
    mean = float(np.average(values[near], weights=weights[near]))
    spread = math.sqrt(np.average((values[near] - mean) ** 2, weights=weights[near]))
    return mean, max(spread / math.sqrt(OBSERVATIONS), LEAST_ERROR)


def _scale(
    measured: Sequence[tuple[float, float] | None], logs: Sequence[float | None]
) -> float | None:
    """Fit the scale of a profile, ln k of levels over ln k of files; None if no file states any."""
    both = [(each[0], ratio) for each, ratio in zip(measured, logs, strict=True) if each and ratio]
    if not both:
        return None
    found, stated = np.array(both).T
    return float(found @ stated / (stated @ stated))


def _combine(stated: float | None, measured: tuple[float, float] | None, profile: Profile) -> float:
    """Average a stated and a measured ln k by their variances."""
    if measured is None or stated is None:
        return measured[0] if measured else stated or 0.0
    mean, error = measured
    if abs(ev_step(math.exp(mean - stated))) > DOUBT[profile.source]:
        return mean
    weights = np.array([SHUTTER, error]) ** -2.0
    return float(np.average([stated, mean], weights=weights))


def _sum(steps: Sequence[float | None]) -> Floats:
    """Add up the steps between adjacent shots."""
    return np.concatenate([[0.0], np.cumsum([step or 0.0 for step in steps])])

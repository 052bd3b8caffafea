"""The camera response from a pair alone, under a prior of what responses are like.

A pair tells Λ12 and no more: matched levels (z1, z2) say g(z1) − g(z2) = ln k, and any g that
fits them fits equally well. So a prior decides. It is a mixture: each known response curve is the
centre of a small Gaussian, in the coordinates θ of a common basis,

    g_c(z) = mean(z) + Σ_i θ_ci·basis_i(z)          for channels c = R, G, B.

The posterior is found by linearised least squares around the best few centres, robustly, and
averaged. A camera profile is the same with one centre, its own curve, and less freedom: the pair
then only corrects it for the light and the picture style at hand.

Several pairs of one camera share one response. They count together as a single pair would, by the
mean of their log likelihoods: matched levels of one camera err alike, so that more of them do not
make the curve as certain as independent ones would. Every pair keeps a ratio of its own. Where
files state it, ln k = a·ln(t1/t2), up to the precision of a shutter, with one *scale* a for all.

Scaling g and ln k together changes nothing that a pair shows, nor the image half-way between: all
curves are scaled to one contrast, so that the ratio found is the one an average camera would need.

Source: Grossberg and Nayar, PAMI 2003 (what a pair tells) and PAMI 2004 (a basis for responses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np

from expinterp.core.mapping import CODE_VALUES, CODES, Floats
from expinterp.core.response import increasing

LEVEL_NOISE = 3.0  # standard deviation of a matched level; broad, as neighbours err together
TAILS = 10.0  # degrees of freedom of its Student t distribution
LOG_RATIO = float(np.log(16.0))  # a pair of which nothing is known: 4 EV …
LOG_RATIO_SPREAD = 0.7  # … give or take one; natural logarithm
CENTRES = 6  # centres that are refined; the rest fit worse
CONFIDENCE = 0.1  # power of the likelihood: a hundred levels are worth some ten
ROUNDS = 3  # of reweighting
FREEDOM = 0.3  # of the covariance, that is left around a profile: light and picture style
SHUTTER = 0.05  # natural logarithm: how far a ratio may lie from the stated one
SCALE_SPREAD = 0.25  # of the scale around 1, that of an average camera
WORST = 20.0  # code values; a level farther from a centre's mapping counts no more


@dataclass(frozen=True, eq=False)
class ResponsePrior:
    """A mixture of Gaussians over response curves.

    Attributes
    ----------
    centres : float64 array, shape (n, 3, 256)
        g(z) = ln(E·t), natural logarithm, g(128) = 0, z display-encoded.
    weights : float64 array, shape (n,)
        Share of each centre; they sum to 1.
    basis : float64 array, shape (d, 256)
        Directions in which curves differ.
    covariance : float64 array, shape (3·d, 3·d)
        Of θ around every centre, channel by channel.
    log_ratio, log_ratio_spread : float
        What is known of ln k: mean and standard deviation.
    """

    centres: Floats
    weights: Floats
    basis: Floats
    covariance: Floats
    log_ratio: float = LOG_RATIO
    log_ratio_spread: float = LOG_RATIO_SPREAD

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Floats]) -> ResponsePrior:
        """Make a prior of what its data file holds; `expinterp.training.prior` says what that is."""
        centres = arrays["mean"] + arrays["coordinates"] @ arrays["basis"]
        return cls(centres, arrays["weights"], arrays["basis"], arrays["covariance"])

    def around(self, response: Floats) -> ResponsePrior:
        """Narrow the prior to one known response, shape (1 or 3, 256); grey serves all channels."""
        centre = np.broadcast_to(response, (3, CODES))
        return replace(
            self, centres=centre[None], weights=np.ones(1), covariance=FREEDOM * self.covariance
        )

    def stating(self, log_ratio: float) -> ResponsePrior:
        """Narrow the prior to a known ln k, on the scale of its centres."""
        return replace(self, log_ratio=log_ratio, log_ratio_spread=SHUTTER)


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a pair told about its camera.

    Attributes
    ----------
    response : float64 array, shape (3, 256)
        g(z), strictly increasing.
    log_ratio : float
        ln k, k = t1/t2, on the scale of `response`.
    """

    response: Floats
    log_ratio: float


@cache
def load_prior() -> ResponsePrior:
    """Load the bundled prior; ``python -m expinterp.training.prior`` makes it."""
    with (files("expinterp") / "data" / "response_prior.npz").open("rb") as stream:
        held = {name: array.astype(np.float64) for name, array in np.load(stream).items()}
    return ResponsePrior.from_arrays(held)


@dataclass(frozen=True, eq=False)
class SharedEstimate:
    """What several pairs told about the one camera that took them.

    Attributes
    ----------
    response : float64 array, shape (3, 256)
        g(z), strictly increasing.
    scale : float or None
        What ln k on the scale of `response` is to ln(t1/t2); None if no pair states its ratio.
    log_ratios : float64 array, shape (pairs,)
        ln k of every pair, on the scale of `response`.
    """

    response: Floats
    scale: float | None
    log_ratios: Floats


def estimate_response(levels: Sequence[Floats], prior: ResponsePrior) -> Estimate:
    """Find the response and the exposure ratio that matched levels speak for.

    Parameters
    ----------
    levels : sequence of float64 arrays, shape (n, 2)
        (z1, z2) per channel, from `matched_levels`; one array (grey) or three.
    prior : ResponsePrior
        `load_prior()`, or that narrowed to a profile.

    Raises
    ------
    ValueError
        If no channel has any level: the two images share no unclipped tone.
    """
    found = estimate_shared([levels], prior)
    return Estimate(found.response, float(found.log_ratios[0]))


def estimate_shared(
    pairs: Sequence[Sequence[Floats]],
    prior: ResponsePrior,
    *,
    stated: Sequence[float | None] | None = None,
) -> SharedEstimate:
    """Find the one response that the matched levels of several pairs speak for.

    Parameters
    ----------
    pairs : sequence of sequences of float64 arrays, shape (n, 2)
        Levels of each pair, as for `estimate_response`. Their order does not matter.
    prior : ResponsePrior
    stated : sequence of float or None, optional
        ln(t1/t2) of each pair, where it is known.

    Raises
    ------
    ValueError
        If any pair has no levels.
    """
    known = stated or [None] * len(pairs)
    systems = [
        _System.of([levels[c % len(levels)] for c in range(3)], prior, log_ratio)
        for levels, log_ratio in zip(pairs, known, strict=True)
    ]
    distance = np.mean([system.distance for system in systems], axis=0)
    chosen = np.argsort(distance)[:CENTRES]
    fits = [_refine(systems, centre, prior.covariance) for centre in chosen]
    cost = np.array([fit.cost for fit in fits])
    share = prior.weights[chosen] * np.exp(-CONFIDENCE * (cost - cost.min()))
    share /= share.sum()
    state = share @ np.stack([fit.state for fit in fits])
    response = np.tensordot(share, prior.centres[chosen], 1)
    response += state[:-1].reshape(3, -1) @ prior.basis
    return SharedEstimate(
        increasing(response),
        None if all(log_ratio is None for log_ratio in known) else float(1 + state[-1]),
        share @ np.stack([fit.log_ratios for fit in fits]),
    )


@dataclass(frozen=True, eq=False)
class _System:
    """The matched levels of a pair as equations: differences + design·(θ, a − 1) = ln k.

    A row per level; ln k is `expected`, give or take `spread`, which `design` scales by a.

    Attributes
    ----------
    differences : (n centres, rows)
        g(z1) − g(z2) of every centre.
    slopes : (n centres, rows)
        √(g′(z1)² + g′(z2)²): what an error of one code value is worth.
    design : (rows, 3·d + 1)
        Derivatives by θ and, last, by the scale a; 0 if no ratio is stated.
    log_ratio : (n centres,)
        The ln k that suits each centre best.
    expected, spread : float
        What is known of ln k before.
    """

    differences: Floats
    slopes: Floats
    design: Floats
    log_ratio: Floats
    expected: float
    spread: float

    @classmethod
    def of(cls, levels: Sequence[Floats], prior: ResponsePrior, stated: float | None) -> _System:
        channel = np.repeat(np.arange(3), [len(level) for level in levels])
        if not channel.size:
            msg = "the two images share no unclipped tone"
            raise ValueError(msg)
        z1, z2 = np.concatenate(levels).T
        differences = _at(prior.centres, channel, z1) - _at(prior.centres, channel, z2)
        steepness = np.maximum(np.gradient(prior.centres, axis=2), 1e-3)
        slopes = np.hypot(_at(steepness, channel, z1), _at(steepness, channel, z2))
        moves = _interpolate(prior.basis, z1) - _interpolate(prior.basis, z2)
        design = np.zeros((len(z1), 3 * len(prior.basis) + 1))
        for c in range(3):
            columns = slice(c * len(prior.basis), (c + 1) * len(prior.basis))
            design[channel == c, columns] = moves[:, channel == c].T
        design[:, -1] = -(stated or 0.0)
        log_ratio = _robust_mean(differences, slopes)
        if stated is None:
            expected, spread = prior.log_ratio, prior.log_ratio_spread
        else:
            expected, spread = stated, SHUTTER
        return cls(differences, slopes, design, log_ratio, expected, spread)

    @property
    def distance(self) -> Floats:
        """Mean squared distance of the levels from each centre's mapping, in code values²."""
        squared = ((self.differences - self.log_ratio[:, None]) / self.slopes) ** 2
        return np.asarray(np.minimum(squared, WORST**2).mean(axis=1))

    def normal(self, start: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """Give the normal equations of the state, this pair's own ln k solved for and put in."""
        weighted = self.design * weight[:, None]
        total = weight.sum() + self.spread**-2
        mean = weighted.sum(axis=0)
        matrix = weighted.T @ self.design - np.outer(mean, mean) / total
        return matrix, weighted.T @ start - mean * (weight @ start) / total

    def deviation(self, error: Floats, weight: Floats) -> float:
        """Find how far ln k lies from what was expected, given the rest."""
        return float(weight @ error / (weight.sum() + self.spread**-2))


@dataclass(frozen=True, eq=False)
class _ResponseFit:
    """A move away from one centre: (θ, a − 1), every pair's ln k, and what it costs."""

    state: Floats
    log_ratios: Floats
    cost: float


def _refine(systems: Sequence[_System], centre: int, covariance: Floats) -> _ResponseFit:
    """Move away from a centre as the levels ask and the prior allows."""
    size = len(covariance)
    precision = np.zeros((size + 1, size + 1))
    precision[:size, :size] = np.linalg.inv(covariance)
    precision[size, size] = SCALE_SPREAD**-2
    starts = [system.differences[centre] - system.expected for system in systems]
    noises = [LEVEL_NOISE * system.slopes[centre] for system in systems]
    weights = [noise**-2 for noise in noises]
    for _ in range(ROUNDS):
        parts = [s.normal(*pair) for s, *pair in zip(systems, starts, weights, strict=True)]
        matrix, right = (np.mean(part, axis=0) for part in zip(*parts, strict=True))
        state = -np.linalg.solve(precision + matrix, right)
        cost, deviations = float(state @ precision @ state) / 2, []
        for k, system in enumerate(systems):
            error = starts[k] + system.design @ state
            deviations.append(system.deviation(error, weights[k]))
            error -= deviations[k]
            own = weights[k] @ error**2 + (deviations[k] / system.spread) ** 2
            cost += float(own) / 2 / len(systems)
            weights[k] = (TAILS + 1) / (TAILS + (error / noises[k]) ** 2) / noises[k] ** 2
    log_ratios = [
        system.expected - system.design[0, -1] * state[-1] + deviation
        for system, deviation in zip(systems, deviations, strict=True)
    ]
    return _ResponseFit(state, np.array(log_ratios), cost)


def _robust_mean(differences: Floats, slopes: Floats) -> Floats:
    """Average each row by inverse variance, far values counting less (Student t)."""
    variance = (LEVEL_NOISE * slopes) ** 2
    mean = np.median(differences, axis=1)
    for _ in range(8):
        squared = (differences - mean[:, None]) ** 2
        weight = (TAILS + 1) / (TAILS + squared / variance) / variance
        mean = (weight * differences).sum(axis=1) / weight.sum(axis=1)
    return np.asarray(mean)


def _at(curves: Floats, channel: np.ndarray, z: Floats) -> Floats:
    """Interpolate curves (n, 3, 256) at code values z of the given channels: (n, len(z))."""
    low, share = _split(z)
    return curves[:, channel, low] * (1 - share) + curves[:, channel, low + 1] * share


def _interpolate(curves: Floats, z: Floats) -> Floats:
    low, share = _split(z)
    return curves[:, low] * (1 - share) + curves[:, low + 1] * share


def _split(z: Floats) -> tuple[np.ndarray, Floats]:
    low = np.clip(z.astype(np.intp), 0, int(CODE_VALUES[-2]))
    return low, z - low

"""The camera response from a pair alone, under a prior of what responses are like.

A pair tells Λ12 and no more: matched levels (z1, z2) say g(z1) − g(z2) = ln k, and any g that
fits them fits equally well. So a prior decides. It is a mixture: each known response curve is the
centre of a small Gaussian, in the coordinates θ of a common basis,

    g_c(z) = mean(z) + Σ_i θ_ci·basis_i(z)          for channels c = R, G, B.

The posterior is found by linearised least squares around the best few centres, robustly, and
averaged. A camera profile is the same with one centre, its own curve: the pair then only corrects
it for the light and the picture style at hand.

Scaling g and ln k together changes nothing that a pair shows, nor the image half-way between: all
curves are scaled to one contrast, so that the ratio found is the one an average camera would need.

Source: Grossberg and Nayar, PAMI 2003 (what a pair tells) and PAMI 2004 (a basis for responses).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np

from expinterp.mapping import CODE_VALUES, CODES, Floats
from expinterp.response import increasing

LEVEL_NOISE = 3.0  # standard deviation of a matched level; broad, as neighbours err together
TAILS = 10.0  # degrees of freedom of its Student t distribution
LOG_RATIO = float(np.log(16.0))  # a pair of which nothing is known: 4 EV …
LOG_RATIO_SPREAD = 0.7  # … give or take one; natural logarithm
CENTRES = 6  # centres that are refined; the rest fit worse
CONFIDENCE = 0.1  # power of the likelihood: a hundred levels are worth some ten
ROUNDS = 3  # of reweighting
WORST = 20.0  # code values; a level farther from a centre's mapping counts no more


@dataclass(frozen=True)
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
    """

    centres: Floats
    weights: Floats
    basis: Floats
    covariance: Floats

    def around(self, response: Floats) -> ResponsePrior:
        """Narrow the prior to one known response, shape (1 or 3, 256); grey serves all channels."""
        centre = np.broadcast_to(response, (3, CODES))
        return replace(self, centres=centre[None], weights=np.ones(1))


@dataclass(frozen=True)
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
    centres = held["mean"] + held["coordinates"] @ held["basis"]
    return ResponsePrior(centres, held["weights"], held["basis"], held["covariance"])


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
    system = _System.of([levels[c % len(levels)] for c in range(3)], prior)
    chosen = np.argsort(system.distance)[:CENTRES]
    fits = [system.refine(centre, prior.covariance) for centre in chosen]
    cost = np.array([fit[1] for fit in fits])
    share = prior.weights[chosen] * np.exp(-CONFIDENCE * (cost - cost.min()))
    share /= share.sum()
    state = share @ np.stack([fit[0] for fit in fits])
    theta = state[:-1].reshape(3, -1)
    response = np.tensordot(share, prior.centres[chosen], 1) + theta @ prior.basis
    return Estimate(increasing(response), float(state[-1]))


@dataclass(frozen=True)
class _System:
    """The matched levels as equations: differences + design·θ = ln k, one row per level.

    Attributes
    ----------
    differences : (n centres, rows)
        g(z1) − g(z2) of every centre.
    slopes : (n centres, rows)
        √(g′(z1)² + g′(z2)²): what an error of one code value is worth.
    design : (rows, 3·d + 1)
        Derivatives by θ and, last, ln k.
    log_ratio : (n centres,)
        The ln k that suits each centre best.
    """

    differences: Floats
    slopes: Floats
    design: Floats
    log_ratio: Floats

    @classmethod
    def of(cls, levels: Sequence[Floats], prior: ResponsePrior) -> _System:
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
        design[:, -1] = -1
        log_ratio = _robust_mean(differences, slopes)
        return cls(differences, slopes, design, log_ratio)

    @property
    def distance(self) -> Floats:
        """Mean squared distance of the levels from each centre's mapping, in code values²."""
        squared = ((self.differences - self.log_ratio[:, None]) / self.slopes) ** 2
        return np.asarray(np.minimum(squared, WORST**2).mean(axis=1))

    def refine(self, centre: int, covariance: Floats) -> tuple[Floats, float]:
        """Move away from a centre as the levels ask and the prior allows: (θ, ln k) and cost."""
        size = len(covariance)
        precision = np.zeros((size + 1, size + 1))
        precision[:size, :size] = np.linalg.inv(covariance)
        precision[size, size] = LOG_RATIO_SPREAD**-2
        start = self.differences[centre] - LOG_RATIO
        noise = LEVEL_NOISE * self.slopes[centre]
        weight = noise**-2
        for _ in range(ROUNDS):
            normal = precision + (self.design * weight[:, None]).T @ self.design
            state = -np.linalg.solve(normal, self.design.T @ (weight * start))
            error = start + self.design @ state
            cost = float(weight @ error**2 + state @ precision @ state) / 2
            weight = (TAILS + 1) / (TAILS + (error / noise) ** 2) / noise**2
        state[-1] += LOG_RATIO
        return state, cost


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

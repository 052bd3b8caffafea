"""Estimate the camera response from a pair, under a prior over responses.

A pair shows only Λ12: matched levels (z1, z2) state g(z1) − g(z2) = ln k, and infinitely many g
fit them equally well. A prior decides between these. It is a mixture: every known response curve
c is the centre of a small Gaussian over the coefficients θ of a common basis,

    g_c(z) = mean(z) + Σ_i θ_ci·basis_i(z)          for each channel R, G, B.

The posterior is found by robust linearised least squares around the best few centres, and
averaged. The noise of the levels is not known (0.3 to 10 code values, by pair). Integrated out, it
makes the likelihood of a centre a power of its misfit: a curve that fits far better than all others
decides, and where none does, many count. Hues count beside it: see `shading`. If the camera is
known, by a profile or by its name, the covariance is smaller: the pair only corrects its curves for
the light and the picture style.

Several pairs of one camera share one response. Their log likelihoods are averaged, so that
together they count as one pair: the errors of matched levels of one camera are correlated, and the
curve is less certain than independent levels would make it. Every pair has its own ratio. If files
state it, ln k = a·ln(t1/t2), up to the precision of a shutter, with one *scale* a for all pairs.

Scaling g and ln k together changes neither the levels nor the image half-way. All curves are scaled
to one contrast, so that a measured ratio is the one that an average camera would need.

Letters: z1, z2 are display-encoded code values 0..255 of ``long`` and ``short``, E irradiance,
t1 > t2 exposure times, k = t1/t2; logarithms are natural.

Source: Grossberg and Nayar, "Determining the Camera Response from Images", PAMI 2003 (what a pair
shows), and "Modeling the Space of Camera Response Functions", PAMI 2004 (a basis for responses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats
from expinterp.core.mapping import CODE_VALUES, CODES
from expinterp.core.response.calibration import increasing, to_common_contrast
from expinterp.core.response.shading import hue_likelihood

LEVEL_NOISE = 2.0  # code values: standard deviation of a matched level, for the fit of a curve
TAILS = 10.0  # degrees of freedom of its Student t distribution
LOG_RATIO = float(np.log(16.0))  # prior mean of ln k: 4 EV …
LOG_RATIO_SPREAD = 1.4  # … and its standard deviation, 2 EV; natural logarithm
CENTRES = 12  # number of best centres that are refined
OBSERVATIONS = 8.0  # independent ones among 144 levels; neighbours correlate by 0.88
ROUNDING = 1 / 12  # code values²: variance of a rounded code value, the least misfit
ROUNDS = 3  # of reweighting
FREEDOM = 0.13  # factor on the covariance if the camera is known: light and picture style
SHUTTER = 0.033  # natural logarithm: standard deviation of a ratio around the stated one
SCALE_SPREAD = 0.25  # standard deviation of the scale around 1
WORST = 20.0  # code values: largest distance of a level from a centre's mapping that counts


@dataclass(frozen=True, eq=False)
class ResponsePrior:
    """A mixture of Gaussians over response curves.

    Attributes
    ----------
    centres : float64 array, shape (n, 3, 256)
        g(z) = ln(E·t), natural logarithm, g(128) = 0, z display-encoded.
    weights : float64 array, shape (n,)
        Weight of each centre; they sum to 1.
    basis : float64 array, shape (d, 256)
        Principal components of the curves.
    covariance : float64 array, shape (3·d, 3·d)
        Of θ around every centre, channel by channel.
    cameras : tuple of str
        Camera of each centre, "" where it is unknown.
    log_ratio, log_ratio_spread : float
        Mean and standard deviation of ln k.
    presumed : bool
        Whether only files name the camera: they may have been edited since.
    """

    centres: Floats
    weights: Floats
    basis: Floats
    covariance: Floats
    cameras: tuple[str, ...]
    log_ratio: float = LOG_RATIO
    log_ratio_spread: float = LOG_RATIO_SPREAD
    presumed: bool = False

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ResponsePrior:
        """Build a prior from the arrays of its data file, made by `expinterp.training.prior`."""
        mean, coordinates, basis, weights, covariance = (
            arrays[name].astype(np.float64)
            for name in ("mean", "coordinates", "basis", "weights", "covariance")
        )
        cameras = tuple(map(str, arrays["cameras"]))
        return cls(mean + coordinates @ basis, weights, basis, covariance, cameras)

    @property
    def camera(self) -> str:
        """The camera that all centres belong to; "" if there is no such camera."""
        return self.cameras[0] if len(set(self.cameras)) == 1 else ""

    def of_camera(self, camera: str, further: Sequence[Floats] = ()) -> ResponsePrior | None:
        """Return the prior of one camera, with `further` curves (1 or 3, 256); None without any."""
        own = [c for c, name in zip(self.centres, self.cameras, strict=True) if name == camera]
        added = [np.broadcast_to(to_common_contrast(curve), (3, CODES)) for curve in further]
        known = [*(own if camera else []), *added]
        return self._known(np.array(known), camera) if known else None

    def around(self, response: Floats) -> ResponsePrior:
        """Return the prior around one known response, shape (1 or 3, 256)."""
        return self._known(np.broadcast_to(response, (1, 3, CODES)), "")

    def _known(self, centres: Floats, camera: str) -> ResponsePrior:
        count, covariance = len(centres), FREEDOM * self.covariance
        weights = np.full(count, 1 / count)
        return replace(
            self, centres=centres, weights=weights, covariance=covariance, cameras=(camera,) * count
        )

    def with_log_ratio(self, log_ratio: float) -> ResponsePrior:
        """Return the prior with a known ln k, on the scale of its centres."""
        return replace(self, log_ratio=log_ratio, log_ratio_spread=SHUTTER)


@dataclass(frozen=True, eq=False)
class Estimate:
    """The response and the exposure ratio estimated from a pair."""

    response: Floats  # (3, 256): g(z), strictly increasing
    log_ratio: float  # ln k, k = t1/t2, on the scale of `response`
    distance: float  # code values, root mean square: of the levels from the nearest centre


@cache
def load_prior() -> ResponsePrior:
    """Load the bundled prior; ``python -m expinterp.training.prior`` builds its file."""
    with (files("expinterp") / "data" / "response_prior.npz").open("rb") as stream:
        return ResponsePrior.from_arrays(np.load(stream))


@dataclass(frozen=True, eq=False)
class SharedEstimate:
    """The response and the exposure ratios estimated from several pairs of one camera."""

    response: Floats  # (3, 256): g(z), strictly increasing
    scale: float | None  # ln k on its scale / ln(t1/t2); None if no pair states its ratio
    log_ratios: Floats  # (pairs,): ln k of every pair, on the scale of `response`
    distance: float  # code values, root mean square: of the levels from the nearest centre


def estimate_response(
    levels: Sequence[Floats], prior: ResponsePrior, adjacent: Codes | None = None
) -> Estimate:
    """Estimate the response and the exposure ratio from matched levels.

    Parameters
    ----------
    levels : sequence of float64 arrays, shape (n, 2)
        (z1, z2) per channel, from `matched_levels`; one array (grey) or three.
    prior : ResponsePrior
        From `load_prior`, or around a profile.
    adjacent : uint8 array, shape (pairs, 2, 3), from `adjacent_pixels`; optional

    Raises
    ------
    ValueError
        If no channel has any level: the two images share no unclipped tone.
    """
    found = estimate_shared([levels], prior, adjacent=adjacent)
    return Estimate(found.response, float(found.log_ratios[0]), found.distance)


def estimate_shared(
    pairs: Sequence[Sequence[Floats]],
    prior: ResponsePrior,
    *,
    stated: Sequence[float | None] | None = None,
    adjacent: Codes | None = None,
) -> SharedEstimate:
    """Estimate one response for several pairs, and the exposure ratio of each.

    Parameters
    ----------
    pairs : sequence of sequences of float64 arrays, shape (n, 2)
        Levels of each pair, as for `estimate_response`; in any order.
    prior : ResponsePrior
    stated : sequence of float or None, optional
        ln(t1/t2) of each pair, where it is known.
    adjacent : as for `estimate_response`, of one pair.

    Raises
    ------
    ValueError
        If any pair has no levels.
    """
    known = stated or [None] * len(pairs)
    equations = [
        _LevelEquations.of([levels[c % len(levels)] for c in range(3)], prior, log_ratio)
        for levels, log_ratio in zip(pairs, known, strict=True)
    ]
    distance = np.mean([each.distance for each in equations], axis=0)
    chosen = np.argsort(-_share(prior.weights, distance), kind="stable")[:CENTRES]
    precision = _precision(prior.covariance)
    fits = [_refine(equations, centre, precision) for centre in chosen]
    states = np.stack([fit.state for fit in fits])
    responses = prior.centres[chosen] + states[:, :-1].reshape(len(fits), 3, -1) @ prior.basis
    weights = prior.weights[chosen] * hue_likelihood(responses, adjacent)
    share = _share(weights, np.array([fit.misfit for fit in fits]))
    return SharedEstimate(
        increasing(np.tensordot(share, responses, 1)),
        None if all(log_ratio is None for log_ratio in known) else float(1 + share @ states[:, -1]),
        share @ np.stack([fit.log_ratios for fit in fits]),
        float(np.sqrt(distance.min())),
    )


@dataclass(frozen=True, eq=False)
class _LevelEquations:
    """The matched levels of a pair as equations: differences + design·(θ, a − 1) = ln k.

    There is one row per level; n is the number of centres.
    """

    differences: Floats  # (n, rows): g(z1) − g(z2) of every centre
    slopes: Floats  # (n, rows): √(g′(z1)² + g′(z2)²), the change of g per code value
    design: Floats  # (rows, 3·d + 1): derivatives by θ and, last, by a (0 if no ratio is stated)
    log_ratio: Floats  # (n,): the ln k that fits each centre best
    expected: float  # prior mean of ln k
    spread: float  # its standard deviation

    @classmethod
    def of(
        cls, levels: Sequence[Floats], prior: ResponsePrior, stated: float | None
    ) -> _LevelEquations:
        """Build the equations of three channels of levels."""
        channel = np.repeat(np.arange(3), [len(level) for level in levels])
        if not channel.size:
            msg = "the two images share no unclipped tone"
            raise ValueError(msg)
        z1, z2 = np.concatenate(levels).T
        differences = _at(prior.centres, channel, z1) - _at(prior.centres, channel, z2)
        steepness = np.maximum(np.gradient(prior.centres, axis=2), 1e-3)
        slopes = np.hypot(_at(steepness, channel, z1), _at(steepness, channel, z2))
        basis = np.repeat(prior.basis[:, None], 3, axis=1)
        rise = _at(basis, channel, z1) - _at(basis, channel, z2)
        by_basis = np.eye(3)[channel, :, None] * rise.T[:, None]
        by_scale = np.full(len(z1), -(stated or 0.0))
        design = np.column_stack([by_basis.reshape(len(z1), -1), by_scale])
        prior = prior if stated is None else prior.with_log_ratio(stated)
        log_ratio = _robust_mean(differences, slopes)
        return cls(differences, slopes, design, log_ratio, prior.log_ratio, prior.log_ratio_spread)

    @property
    def distance(self) -> Floats:
        """Mean squared distance of the levels from the mapping of each centre, in code values²."""
        squared = ((self.differences - self.log_ratio[:, None]) / self.slopes) ** 2
        return np.asarray(np.minimum(squared, WORST**2).mean(axis=1))

    def normal(self, start: Floats, weight: Floats) -> tuple[Floats, Floats]:
        """Return the normal equations of (θ, a − 1), with ln k of this pair eliminated."""
        weighted = self.design * weight[:, None]
        mean, total = weighted.sum(axis=0), weight.sum() + self.spread**-2
        matrix = weighted.T @ self.design - np.outer(mean, mean) / total
        return matrix, weighted.T @ start - mean * (weight @ start) / total

    def deviation(self, error: Floats, weight: Floats) -> float:
        """Compute the difference of ln k and its prior mean from the errors of all rows."""
        return float(weight @ error / (weight.sum() + self.spread**-2))


@dataclass(frozen=True, eq=False)
class _ResponseFit:
    """The fit around one centre: (θ, a − 1), ln k of every pair, and its misfit.

    The misfit is the mean square distance of the levels, and of θ, a and ln k from the prior, per
    level and in code values²: −2·ln of the posterior, times the variance of the noise.
    """

    state: Floats
    log_ratios: Floats
    misfit: float


def _share(weights: Floats, misfit: Floats) -> Floats:
    """Return the posterior weight of centres by their misfit, in code values².

    p(levels | σ) ∝ σ⁻ⁿ·exp(−n·misfit / 2σ²); integrated over ln σ it is ∝ misfit^(−n/2).
    """
    relative = (misfit + ROUNDING) / (misfit.min() + ROUNDING)
    share = weights * relative ** (-OBSERVATIONS / 2)
    return np.asarray(share / share.sum())


def _refine(pairs: Sequence[_LevelEquations], centre: int, precision: Floats) -> _ResponseFit:
    """Fit the levels around one centre, by iteratively reweighted least squares (Student t)."""
    starts = [pair.differences[centre] - pair.expected for pair in pairs]
    noises = [LEVEL_NOISE * pair.slopes[centre] for pair in pairs]
    weights = [noise**-2 for noise in noises]
    for _ in range(ROUNDS):
        parts = [pair.normal(*each) for pair, *each in zip(pairs, starts, weights, strict=True)]
        matrix, right = (np.mean(part, axis=0) for part in zip(*parts, strict=True))
        state = -np.linalg.solve(precision + matrix, right)
        squares, deviations = float(state @ precision @ state), []
        for k, pair in enumerate(pairs):
            error = starts[k] + pair.design @ state
            deviations.append(pair.deviation(error, weights[k]))
            error -= deviations[k]
            own = weights[k] @ error**2 + (deviations[k] / pair.spread) ** 2
            squares += float(own) / len(pairs)
            weights[k] = _student_weights((error / noises[k]) ** 2, noises[k] ** 2)
    log_ratios = [
        pair.expected - pair.design[0, -1] * state[-1] + deviation
        for pair, deviation in zip(pairs, deviations, strict=True)
    ]
    rows = sum(map(len, starts)) / len(starts)
    return _ResponseFit(state, np.array(log_ratios), squares * LEVEL_NOISE**2 / rows)


def _precision(covariance: Floats) -> Floats:
    """Return the inverse prior covariance of (θ, a − 1)."""
    precision = np.pad(np.linalg.inv(covariance), (0, 1))
    precision[-1, -1] = SCALE_SPREAD**-2
    return precision


def _student_weights(squared: Floats, variance: Floats) -> Floats:
    """Return the weights of errors under Student's t; `squared` is error² / variance."""
    return np.asarray((TAILS + 1) / (TAILS + squared) / variance)


def _robust_mean(differences: Floats, slopes: Floats) -> Floats:
    """Average each row by inverse variance, robustly (Student t)."""
    variance = (LEVEL_NOISE * slopes) ** 2
    mean = np.median(differences, axis=1)
    for _ in range(8):
        weight = _student_weights((differences - mean[:, None]) ** 2 / variance, variance)
        mean = (weight * differences).sum(axis=1) / weight.sum(axis=1)
    return np.asarray(mean)


def _at(curves: Floats, channel: NDArray[np.intp], z: Floats) -> Floats:
    """Interpolate curves (n, 3, 256) at code values z of the given channels: (n, len(z))."""
    low = np.clip(z.astype(np.intp), 0, int(CODE_VALUES[-2]))
    share = z - low
    return curves[:, channel, low] * (1 - share) + curves[:, channel, low + 1] * share

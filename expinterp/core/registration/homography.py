"""Robust fit of a similarity or a homography to matched points.

Least squares, iteratively reweighted, so that what moves, repeats or has no texture does not count
(Geman–McClure weights). A homography has four parameters more than a similarity. They are shrunk
towards 0, and the homography is used only where it differs significantly from the similarity.

Letters: points (x, y) in pixels, as homogeneous (x, y, 1) for 3 × 3 matrices. (u, v) are points
relative to the centre of the frame, in half longer sides. The parameters θ, each in pixels at the
rim, divided by half the longer side are t, s, r, e, p: ::

    (u, v, 1) → [1+s+e1, −r+e2, t1;  r+e2, 1+s−e1, t2;  p1, p2, 1] · (u, v, 1)

Sources: Geman and McClure, "Statistical Methods for Tomographic Image Reconstruction", 1987;
Hartley and Zisserman, "Multiple View Geometry", 2003 (normalisation, projective Jacobian); White,
Econometrica 48, 1980 (the sandwich estimator of the covariance).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from expinterp.core.arrays import Floats

SCALES = (8.0, 4.0, 2.0, 1.0, 0.5, 0.5, 0.5)  # pixels: scale of the robust weights in each round
NEAR = 1.0  # pixels from the fitted transform within which a block agrees with it
APART = 3.0  # times as far, a match contradicts the transform
SURE = 4.0  # standard errors by which models or motions must differ
GAIN = 0.02  # of all matches: so many more agree with a homography where it is needed
STEADY = 0.4  # pixels: largest standard error of a homography
SIMILARITY, HOMOGRAPHY = 4, 8  # parameters
DRIFT = 0.003  # of the longer side: a smaller motion is that of a tripod, and no tilt
TILT = 0.02  # standard deviation of e and p: a tilt of 1.5° seen through a 26 mm lens has p = 0.02


@dataclass(frozen=True, eq=False)
class Matches:
    """Points (n, 2) of one image, where they lie in another, and their weights, in a frame."""

    points: Floats
    targets: Floats
    weights: Floats
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Fit:
    """A transform fitted to matches.

    Attributes
    ----------
    parameters : float64 array, shape (8,)
        θ, in pixels at the rim.
    covariance : float64 array, shape (4, 4) or (8, 8)
        Of the parameters that were fitted.
    matches : Matches
    """

    parameters: Floats
    covariance: Floats
    matches: Matches

    @cached_property
    def matrix(self) -> Floats:
        """The transform as a homogeneous matrix, in pixels."""
        return _to_matrix(self.parameters, self.matches.shape)

    @cached_property
    def displacement(self) -> float:
        """Root mean square displacement over the frame, in pixels."""
        return distance(self.matrix, np.eye(3), self.matches.shape)

    @property
    def standard_error(self) -> float:
        """Standard error of the displacement, in pixels."""
        _, design = _predict(self.parameters, _frame_points(self.matches.shape), self.matches.shape)
        design = design[:, : len(self.covariance)]
        return float(np.sqrt(2 * np.mean(((design @ self.covariance) * design).sum(axis=1))))

    def agreement(self, near: float = NEAR) -> tuple[int, float, int]:
        """Count the matches that lie within `near` pixels of the transform.

        Returns
        -------
        tuple
            Their number, their share of all matches, and the largest number of the others that
            agree on one shift, and so contradict the transform.
        """
        off = self.matches.targets - map_points(self.matrix, self.matches.points)
        squared = (off**2).sum(axis=1)
        close, rest = squared < near**2, off[squared > (APART * near) ** 2]
        between = np.linalg.norm(rest[:, None] - rest, axis=2)
        rivals = (between < 2 * near).sum(axis=1).max(initial=0)
        return int(close.sum()), float(close.mean()), int(rivals)


def fit_motion(matches: Matches, guess: Floats) -> Fit:
    """Fit a homography to matches, or only the similarity in it if that suffices.

    Parameters
    ----------
    matches : Matches
    guess : float64 array, shape (3, 3)
        The homography near which they were found; its e and p stay where they suffice.
    """
    start = _to_parameters(guess, matches.shape)
    similarity = _fit(matches, start, SIMILARITY)  # e and p as guessed
    fit = _fit(matches, start, HOMOGRAPHY)
    gained = fit.agreement()[0] - similarity.agreement()[0]
    apart = distance(fit.matrix, similarity.matrix, matches.shape)
    sure = fit.standard_error < min(STEADY, apart / SURE)
    tilted = sure and fit.displacement > DRIFT * max(matches.shape)
    return fit if tilted and gained > GAIN * len(matches.weights) else similarity


def map_points(matrix: Floats, points: Floats) -> Floats:
    """Map points (n, 2) by a homogeneous matrix."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def rescale(matrix: Floats, scale: float) -> Floats:
    """Convert a matrix between images to one between copies of `scale` times their size."""
    zoom = np.diag([scale, scale, 1.0])
    return np.asarray(zoom @ matrix @ np.linalg.inv(zoom))


def distance(one: Floats, two: Floats, shape: tuple[int, ...]) -> float:
    """Compute the root mean square distance of points over a frame, mapped by two matrices."""
    points = _frame_points(shape)
    apart = map_points(one, points) - map_points(two, points)
    return float(np.sqrt((apart**2).sum(axis=1).mean()))


def _frame_points(shape: tuple[int, ...]) -> Floats:
    """Return points (x, y) that represent a frame: a grid of three by three."""
    axes = [np.linspace(0.0, length - 1.0, 3) for length in shape[1::-1]]
    return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)


def _centre(shape: tuple[int, ...]) -> tuple[Floats, float]:
    """Return the centre (x, y) of a frame, and half its longer side."""
    return np.array(shape[1::-1]) / 2, max(shape[:2]) / 2


def _fit(matches: Matches, start: Floats, count: int) -> Fit:
    """Fit the first `count` parameters by Gauss–Newton steps, reweighted in each."""
    parameters, shape = start, matches.shape
    prior = np.diag(_precision(count, shape))
    for scale in SCALES:
        fitted, design = _predict(parameters, matches.points, shape)
        residuals, design = (matches.targets - fitted).ravel(), design[:, :count]
        squared = (residuals.reshape(-1, 2) ** 2).sum(axis=1)
        weight = np.repeat(matches.weights / (1 + squared / scale**2) ** 2, 2)  # Geman–McClure
        normal = (design * weight[:, None]).T @ design + prior
        slope = design.T @ (weight * residuals) - prior @ parameters[:count]
        parameters = parameters + np.r_[np.linalg.solve(normal, slope), np.zeros(8 - count)]
    fitted, _ = _predict(parameters, matches.points, shape)
    squared = ((matches.targets - fitted) ** 2).sum(axis=1)
    variance = (weight[::2] @ squared) / weight.sum()
    spread = np.linalg.inv(normal) @ ((design * weight[:, None] ** 2).T @ design)
    covariance = variance * spread @ np.linalg.inv(normal)  # sandwich estimator
    return Fit(parameters, covariance, matches)


def _precision(count: int, shape: tuple[int, ...]) -> Floats:
    """Return the weight of the prior of each parameter: matches are exact to half a pixel."""
    tilt = TILT * max(shape[:2]) / 2
    return np.repeat([1e-9, (0.5 / tilt) ** 2], 4)[:count]


def _predict(parameters: Floats, points: Floats, shape: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Map points (n, 2), and differentiate: Jacobian (2n, 8), x and y in turn."""
    centre, radius = _centre(shape)
    u, v = ((points - centre) / radius).T
    p = parameters[6:] / radius
    scale = 1 + p[0] * u + p[1] * v
    mapped = map_points(_to_matrix(parameters, shape), points)
    right, down = ((mapped - centre) / radius).T
    zero, one = np.zeros_like(u), np.ones_like(u)
    across = np.stack([one, zero, u, -v, u, v, -right * u, -right * v], 1)
    along = np.stack([zero, one, v, u, -v, u, -down * u, -down * v], 1)
    return mapped, (np.stack([across, along], 1) / scale[:, None, None]).reshape(-1, 8)


def _to_matrix(parameters: Floats, shape: tuple[int, ...]) -> Floats:
    """Convert parameters to a homogeneous matrix, in pixels."""
    t1, t2, s, r, e1, e2, p1, p2 = parameters / (max(shape[:2]) / 2)
    matrix = np.array([[1 + s + e1, e2 - r, t1], [r + e2, 1 + s - e1, t2], [p1, p2, 1]])
    zoom = _from_normalised(shape)
    pixels = zoom @ matrix @ np.linalg.inv(zoom)
    return np.asarray(pixels / pixels[2, 2])


def _to_parameters(matrix: Floats, shape: tuple[int, ...]) -> Floats:
    """Convert a homogeneous matrix, in pixels, to parameters."""
    zoom = _from_normalised(shape)
    (a, b, t1), (c, d, t2), (p1, p2, scale) = np.linalg.inv(zoom) @ matrix @ zoom
    a, b, c, d = (value / (2 * scale) for value in (a, b, c, d))
    linear = a + d - 1, c - b, a - d, b + c
    return np.array([t1 / scale, t2 / scale, *linear, p1 / scale, p2 / scale]) * max(shape[:2]) / 2


def _from_normalised(shape: tuple[int, ...]) -> Floats:
    """Return the matrix that maps (u, v, 1) to (x, y, 1)."""
    centre, radius = _centre(shape)
    return np.array([[radius, 0, centre[0]], [0, radius, centre[1]], [0, 0, 1]])

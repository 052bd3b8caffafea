"""Laws of fitting motions to matches of points: closed forms, and recovery of what was applied."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from motion_samples import hand, similarity

from expinterp.core.registration.homography import (
    HOMOGRAPHY,
    SIMILARITY,
    TILT,
    Fit,
    Matches,
    _fit,
    _precision,
    _predict,
    _to_matrix,
    _to_parameters,
    distance,
    fit_motion,
    map_points,
    rescale,
)

SHAPE = (300, 400)
GRID = np.stack(np.meshgrid(np.linspace(0, 399, 12), np.linspace(0, 299, 9)), -1).reshape(-1, 2)


def matched(matrix, *, sigma=0.0, seed=0, outliers=0, by=(30.0, -20.0)):
    """Points of a grid and where a motion takes them, some of them elsewhere."""
    targets = map_points(matrix, GRID)
    targets += np.random.default_rng(seed).normal(0, sigma, targets.shape) if sigma else 0
    targets[:outliers] += by
    return Matches(GRID, targets, np.ones(len(GRID)), SHAPE)


@pytest.mark.parametrize("spread", [(1, 1, 0, 0, 0, 0, 0, 0), (0, 0, 1, 1, 0, 0, 0, 0),
                                    (1, 2, 1, 2, 1, 2, 1, 2)])  # fmt: skip
def test_the_standard_error_is_that_of_the_displacement(spread):
    """Of parameters drawn with their covariance."""
    covariance = np.diag(np.square(spread)) * 1e-4
    nothing = Matches(np.empty((0, 2)), np.empty((0, 2)), np.empty(0), SHAPE)
    drawn = np.random.default_rng(0).normal(0, 1, (800, 8)) * np.array(spread) * 1e-2
    squared = [distance(_to_matrix(each, SHAPE), np.eye(3), SHAPE) ** 2 for each in drawn]
    found = Fit(np.zeros(8), covariance, nothing).standard_error
    assert found == pytest.approx(np.sqrt(np.mean(squared)), rel=0.08)


@pytest.mark.parametrize("weight", [1.0, 0.4])
def test_the_standard_error_is_that_of_many_fits(weight):
    """As long as the matches scatter less than `SCALES` tell them from outliers, of any weight."""
    fits = []
    for seed in range(60):
        matches = replace(matched(np.eye(3), sigma=0.05, seed=seed), weights=np.full(108, weight))
        fits.append(_fit(matches, np.zeros(8), SIMILARITY))
    scatter = np.sqrt(np.mean([fit.displacement**2 for fit in fits]))
    assert np.mean([fit.standard_error for fit in fits]) == pytest.approx(scatter, rel=0.1)


def test_a_distance_is_a_mean_over_nine_points_of_a_frame():
    """From its corners to its middle; here they move by a tenth of their distance from the origin."""
    apart = np.sqrt(np.mean(np.square([0, 100, 200])) + np.mean(np.square([0, 50, 100]))) / 10
    assert distance(np.diag([1.1, 1.1, 1]), np.eye(3), (101, 201)) == pytest.approx(apart)


def test_parameters_and_matrices_are_inverse():
    random = np.random.default_rng(1)
    for _ in range(5):
        parameters = random.normal(0, 3, 8)
        found = _to_parameters(_to_matrix(parameters, SHAPE), SHAPE)
        np.testing.assert_allclose(found, parameters, atol=1e-9)


def test_the_jacobian_is_that_of_the_mapping():
    parameters = np.random.default_rng(2).normal(0, 5, 8)
    _, found = _predict(parameters, GRID, SHAPE)
    steps = np.eye(8) * 1e-4
    ends = [[_predict(parameters + s * step, GRID, SHAPE)[0] for s in (1, -1)] for step in steps]
    expected = np.stack([(one - two).ravel() / 2e-4 for one, two in ends], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("matrix", [similarity(5, -3, degrees=1, scale=1.01, shape=SHAPE),
                                    hand(0.02, 0.01, degrees=1, tilt=(0.03, -0.02), shape=SHAPE)])  # fmt: skip
@pytest.mark.parametrize("outliers", [0, 30])
def test_what_moved_points_is_found_though_a_quarter_went_elsewhere(matrix, outliers):
    fit = fit_motion(matched(matrix, sigma=0.05, outliers=outliers), similarity(4, -2, shape=SHAPE))
    assert distance(fit.matrix, matrix, SHAPE) < 0.1


@pytest.mark.parametrize(("tilt", "count"), [((0, 0), SIMILARITY), ((0.03, -0.02), HOMOGRAPHY)])
def test_a_homography_is_taken_only_where_it_is_needed(tilt, count):
    matrix = hand(0.02, 0.01, degrees=1, tilt=tilt, shape=SHAPE)
    fit = fit_motion(matched(matrix, sigma=0.05), np.eye(3))
    assert len(fit.covariance) == count


def test_matches_that_agree_otherwise_are_rivals():
    near, share, rivals = Fit(np.zeros(8), np.eye(4), matched(np.eye(3), outliers=27)).agreement()
    assert (near, share, rivals) == (len(GRID) - 27, 0.75, 27)


def test_the_prior_holds_tilts_as_small_as_those_of_a_hand():
    """Half a pixel against the usual tilt at the rim; shifts, turns and scales are free."""
    rim = 200 * TILT
    np.testing.assert_allclose(_precision(8, SHAPE), [1e-9] * 4 + [(0.5 / rim) ** 2] * 4)
    assert len(_precision(4, SHAPE)) == 4


def test_copies_of_half_the_size_move_half_as_far():
    matrix = similarity(6, 4, degrees=2, shape=SHAPE)
    half = rescale(matrix, 0.5)
    np.testing.assert_allclose(map_points(half, GRID / 2), map_points(matrix, GRID) / 2, atol=1e-9)

"""The weighted guided filter: window by window, in closed forms, and under changes of scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from literal_fusion import guided, windows

from expinterp.core.fusion.guided import guided_coefficients

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))
SMALL = st.tuples(st.integers(1, 12), st.integers(1, 12))
SEEDS = st.integers(0, 999)
RADII = st.integers(1, 5)
FLATTEST = 1e6  # an epsilon that leaves no slope


def noise(shape: tuple[int, int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


def step(shape: tuple[int, int], low: float = 0.1, high: float = 0.8) -> np.ndarray:
    """Draw an edge down the middle."""
    picture = np.full(shape, low, np.float32)
    picture[:, shape[1] // 2 :] = high
    return picture


def spot(shape: tuple[int, int]) -> np.ndarray:
    """Draw a single dark pixel on white: hardly any variance on average, much in one place."""
    picture = np.ones(shape, np.float32)
    picture[shape[0] // 2, shape[1] // 2] = 0
    return picture


def smoothed(guide: np.ndarray, target: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    slope, offset = guided_coefficients(guide, target, radius=radius, epsilon=epsilon)
    return slope * guide + offset


def box(plane: np.ndarray, radius: int) -> np.ndarray:
    return windows(plane.astype(float), radius).mean(axis=-1)


# Independent implementation


@given(SMALL, SEEDS, RADII, st.sampled_from([1 / 1024, 1 / 128, 0.1]), st.booleans())
@settings(max_examples=40)
def test_every_window_is_fitted_by_ridge_regression(shape, seed, radius, epsilon, weighted):
    guide, target = noise(shape, seed), noise(shape, seed + 1)
    options = {"radius": radius, "epsilon": epsilon, "weighted": weighted}
    slope, offset = guided_coefficients(guide, target, **options)
    expected = guided(guide.astype(float), target.astype(float), **options)
    np.testing.assert_allclose(slope, expected[0], rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(offset, expected[1], rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("draw", [step, spot])
def test_edges_in_flat_guides_are_fitted_the_same(draw):
    """There the penalty is smallest, and single precision weakest."""
    for shape in ((40, 40), (1, 30), (30, 2)):
        guide, target = draw(shape), noise(shape, 0)
        slope, offset = guided_coefficients(guide, target, radius=4, epsilon=1 / 128)
        expected = guided(guide.astype(float), target.astype(float), 4, 1 / 128)
        np.testing.assert_allclose(slope, expected[0], atol=1e-4)
        np.testing.assert_allclose(offset, expected[1], atol=1e-4)


# Closed forms


@given(SHAPES, SEEDS, RADII, st.floats(0, 1, width=32))
@settings(max_examples=30)
def test_a_constant_target_stays_itself(shape, seed, radius, value):
    target = np.full(shape, value, np.float32)
    slope, _ = guided_coefficients(noise(shape, seed), target, radius=radius, epsilon=1 / 128)
    np.testing.assert_allclose(slope, 0, atol=2e-4)
    np.testing.assert_allclose(
        smoothed(noise(shape, seed), target, radius, 1 / 128), value, atol=2e-6
    )


@given(SHAPES, SEEDS, RADII, st.floats(0, 1, width=32))
@settings(max_examples=30)
def test_a_flat_guide_or_a_large_epsilon_leaves_two_box_means(shape, seed, radius, value):
    target = noise(shape, seed)
    twice = box(box(target, radius), radius)
    flat = np.full(shape, value, np.float32)
    np.testing.assert_allclose(smoothed(flat, target, radius, 1 / 128), twice, atol=2e-5)
    guide = noise(shape, seed + 1)
    np.testing.assert_allclose(smoothed(guide, target, radius, FLATTEST), twice, atol=2e-5)


@given(SHAPES, SEEDS, RADII)
@settings(max_examples=30)
def test_a_guide_without_penalty_is_its_own_target(shape, seed, radius):
    """Except in windows of less contrast than the root of that small epsilon."""
    guide = noise(shape, seed)
    np.testing.assert_allclose(smoothed(guide, guide, radius, 1e-9), guide, atol=5e-3)


@pytest.mark.parametrize("turn", [np.copy, np.transpose])
def test_an_edge_of_the_guide_stays_an_edge(turn):
    """Where a box mean would carry a third of the step to the other side."""
    guide, target = turn(step((24, 40))), turn(step((24, 40), 0.9, 0.3))
    np.testing.assert_allclose(smoothed(guide, target, 4, 1e-7), target, atol=0.006)
    assert np.abs(box(target, 4) - target).max() > 0.2


def test_the_less_a_place_varies_the_more_it_is_smoothed():
    """Also at a tenth of the epsilon: what counts is a place's share of the mean variance."""
    grain = noise((24, 80), 0) - np.float32(0.5)
    grain[:, 40:] *= 0.1
    guide = grain + np.float32(0.5)
    for epsilon in (1 / 128, 1 / 1280):
        left = smoothed(guide, guide, 4, epsilon)
        kept = [left[:, at].std() / guide[:, at].std() for at in (slice(0, 32), slice(48, 80))]
        assert kept[0] > 0.9
        assert kept[1] < 0.5 * kept[0]


def test_the_radius_is_how_far_a_pixel_reaches():
    """Twice: through the windows that it is in, and through those that these are averaged with."""
    target = np.zeros((1, 41), np.float32)
    target[0, 20] = 1
    reached = smoothed(np.zeros((1, 41), np.float32), target, 4, 1 / 128)[0] > 1e-6
    assert np.flatnonzero(reached).tolist() == list(range(12, 29))


# Laws


@given(SHAPES, SEEDS, RADII, st.floats(-2, 2, width=32), st.floats(-2, 2, width=32))
@settings(max_examples=30)
def test_the_result_is_linear_in_the_target(shape, seed, radius, scale, shift):
    guide, target = noise(shape, seed), noise(shape, seed + 1)
    scaled = np.float32(scale) * target + np.float32(shift)
    expected = scale * smoothed(guide, target, radius, 1 / 128) + shift
    np.testing.assert_allclose(smoothed(guide, scaled, radius, 1 / 128), expected, atol=2e-5)


@given(SHAPES, SEEDS, RADII, st.sampled_from([-1.0, 0.5, 1.0]), st.floats(0, 1, width=32))
@settings(max_examples=30)
def test_a_guide_may_be_shifted_and_scaled_with_epsilon(shape, seed, radius, scale, shift):
    """Except for the floor of the variance, which counts only in nearly flat guides."""
    guide, target = noise(shape, seed), noise(shape, seed + 1)
    changed = np.float32(scale) * guide + np.float32(shift)
    result = smoothed(changed, target, radius, scale**2 / 128)
    np.testing.assert_allclose(result, smoothed(guide, target, radius, 1 / 128), atol=5e-4)


@given(SHAPES, SEEDS, RADII)
@settings(max_examples=30)
def test_mirrored_and_transposed_pictures_have_the_same_fit(shape, seed, radius):
    guide, target = noise(shape, seed), noise(shape, seed + 1)
    expected = guided_coefficients(guide, target, radius=radius, epsilon=1 / 128)
    for turn in (np.flipud, np.fliplr, np.transpose):
        turned = [np.ascontiguousarray(turn(plane)) for plane in (guide, target)]
        fit = guided_coefficients(*turned, radius=radius, epsilon=1 / 128)
        for one, other in zip(fit, expected, strict=True):
            np.testing.assert_allclose(one, turn(other), atol=1e-4)


@given(SHAPES, RADII, SEEDS)
@settings(max_examples=20)
def test_inputs_stay_and_results_are_finite_planes(shape, radius, seed):
    """Also of guides that are all black or white, or have two values."""
    target = noise(shape, seed)
    for guide in (
        np.zeros(shape, np.float32),
        np.ones(shape, np.float32),
        step(shape),
        spot(shape),
    ):
        before = guide.copy(), target.copy()
        fit = guided_coefficients(guide, target, radius=radius, epsilon=1 / 128)
        assert all(plane.dtype == np.float32 and plane.shape == shape for plane in fit)
        assert np.isfinite(fit).all()
        np.testing.assert_array_equal((guide, target), before)

"""The response from a pair alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import GAMMA, expose, gamma_response, scene

from expinterp.core.mapping import imf_from_response, joint_histogram, matched_levels
from expinterp.core.response.calibration import SPAN, contrast, increasing
from expinterp.core.response.prior import (
    FREEDOM,
    LEVEL_NOISE,
    LOG_RATIO_SPREAD,
    OBSERVATIONS,
    WORST,
    Estimate,
    ResponsePrior,
    _at,
    _LevelEquations,
    _precision,
    _refine,
    _share,
    estimate_response,
    estimate_shared,
    load_prior,
)

CODES = np.arange(256.0)


def levels(ratio: float, *, gamma: float = GAMMA, seed: int = 0) -> list[np.ndarray]:
    radiance = scene((200, 300), seed=seed)
    joint = joint_histogram(
        expose(radiance, 2.0, gamma=gamma), expose(radiance, 2.0 / ratio, gamma=gamma)
    )
    return [matched_levels(channel) for channel in joint]


def test_the_bundled_prior_is_a_mixture_of_responses():
    prior = load_prior()
    assert prior.weights.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(prior.covariance, prior.covariance.T, atol=1e-6)
    assert (np.linalg.eigvalsh(prior.covariance) > 0).all()
    assert prior.centres.shape == (len(prior.weights), 3, 256)


@pytest.mark.parametrize("ratio", [4, 16, 64])
def test_the_half_way_mapping_of_a_known_camera_is_found(ratio):
    found = estimate_response(levels(ratio), load_prior())
    imf = imf_from_response(found.response, scale=np.exp(-found.log_ratio / 2))
    codes = np.arange(40, 245)
    error = imf[:, codes] - codes * ratio ** (-0.5 / GAMMA)
    assert np.abs(error).mean() < 4.0
    assert _disagreement(found.response, levels(ratio)) < 2.0


def test_a_profile_gives_the_ratio_that_a_pair_alone_cannot():
    prior = load_prior().around(gamma_response())
    for ratio in (4, 16, 64):
        found = estimate_response(levels(ratio), prior)
        assert np.exp(found.log_ratio) == pytest.approx(ratio, rel=0.15)


def test_swapped_channels_swap_the_response_of_a_grey_prior():
    prior = load_prior().around(gamma_response(channels=1))
    order = [2, 0, 1]
    three = levels(16, seed=3)
    found = estimate_response(three, prior)
    swapped = estimate_response([three[c] for c in order], prior)
    np.testing.assert_allclose(swapped.response, found.response[order], atol=1e-6)


def test_a_grey_pair_counts_as_three_equal_channels():
    one = levels(16)[1]
    grey, three = (estimate_response(each, load_prior()) for each in ([one], [one] * 3))
    np.testing.assert_array_equal(grey.response, three.response)


def test_a_channel_without_levels_is_estimated_from_the_others():
    known = levels(16)
    found = estimate_response([known[0], np.empty((0, 2)), known[2]], load_prior())
    assert np.isfinite(found.response).all()


def test_no_levels_at_all_are_refused():
    with pytest.raises(ValueError, match="no unclipped tone"):
        estimate_response([np.empty((0, 2))], load_prior())


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_any_levels_give_a_response_that_increases(seed):
    random = np.random.default_rng(seed)
    noise = [np.sort(random.uniform(0, 255, (48, 2)), axis=0) for _ in range(3)]
    found = estimate_response(noise, load_prior())
    assert (np.diff(found.response) > 0).all()
    assert np.isfinite(found.log_ratio)


def test_outliers_among_the_levels_hardly_move_the_fit():
    clean = levels(16)
    spoilt = [level.copy() for level in clean]
    for level in spoilt:
        level[20:23, 1] += 60
    codes = np.arange(40, 245)
    medium = [
        imf_from_response(found.response, scale=np.exp(-found.log_ratio / 2))[:, codes]
        for found in (estimate_response(each, load_prior()) for each in (clean, spoilt))
    ]
    assert np.abs(medium[0] - medium[1]).mean() < 1.5


def test_the_response_moves_away_from_every_centre_towards_the_levels():
    bent = gamma_response() + 1.5 * (np.arange(256) / 255) ** 2
    prior = load_prior().around(bent)
    known = levels(16)
    still = _disagreement(prior.centres[0], known)
    found = estimate_response(known, prior)
    assert _disagreement(found.response, known) < 0.7 * still


def _disagreement(response: np.ndarray, known: list[np.ndarray]) -> float:
    """Median distance of levels from the best mapping of a response, in code values."""
    z1, z2 = np.concatenate(known).T
    codes = np.arange(256)
    g = response[0]
    step = np.interp(z1, codes, g) - np.interp(z2, codes, g)
    slope = np.hypot(*(np.interp(z, codes, np.gradient(g)) for z in (z1, z2)))
    return float(np.median(np.abs(step - np.median(step)) / slope))


def _odds(found: np.ndarray, ends: tuple[np.ndarray, np.ndarray]) -> float:
    """Odds of the first of two curves in a mean of both."""
    share = np.vdot(found - ends[1], ends[0] - ends[1]) / np.square(ends[0] - ends[1]).sum()
    return float(share / (1 - share))


def _of_two(weight: float) -> tuple[ResponsePrior, tuple[np.ndarray, np.ndarray]]:
    """A prior of two curves that hardly move: one that suits the levels, and a rounder one."""
    suited = increasing(gamma_response())
    rounder = increasing(suited + 0.4 * np.sin(np.pi * np.arange(256) / 255))
    prior = load_prior()
    curves = replace(
        prior,
        centres=np.stack([suited, rounder]),
        weights=np.array([weight, 1 - weight]),
        covariance=1e-9 * prior.covariance,
    )
    return curves, (suited, rounder)


def test_curves_count_by_their_weights():
    odds = []
    for weight in (0.5, 0.9):
        prior, curves = _of_two(weight)
        odds.append(_odds(estimate_response(levels(16), prior).response, curves))
    assert odds[1] / odds[0] == pytest.approx(9, rel=0.02)


def test_curves_count_by_how_they_suit_the_levels():
    prior, curves = _of_two(0.5)
    assert _odds(estimate_response(levels(16), prior).response, curves) > 2


def test_the_noise_of_the_levels_is_unknown_and_cancels():
    """p(curve) ∝ weight·misfit^(−n/2): a factor on all misfits, the noise, changes nothing."""
    weights, misfit = np.array([0.2, 0.3, 0.5]), np.array([100.0, 200.0, 400.0])
    share = _share(weights, misfit)
    odds = share / weights
    np.testing.assert_allclose(odds[:-1] / odds[1:], 2 ** (OBSERVATIONS / 2), rtol=5e-3)
    np.testing.assert_allclose(_share(weights, 10 * misfit), share, rtol=5e-3)
    assert share.sum() == pytest.approx(1)


def test_misfits_below_the_rounding_of_code_values_say_nothing():
    share = _share(np.full(2, 0.5), np.array([1e-9, 1e-4]))
    np.testing.assert_allclose(share, 0.5, atol=2e-3)


@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_the_misfit_of_the_right_curve_is_the_variance_of_the_levels(sigma):
    known = _exact(increasing(gamma_response()), 2.8)
    draw = np.random.default_rng(1)
    noisy = [channel + sigma * draw.standard_normal(channel.shape) for channel in known]
    prior = _of_two(0.5)[0]
    fit = _refine([_LevelEquations.of(noisy, prior, None)], 0, _precision(prior.covariance))
    assert fit.misfit == pytest.approx(sigma**2, rel=0.3)


def test_the_misfit_counts_how_far_a_curve_was_bent():
    """Bent to fit exact levels, a wrong curve fits them; its distance from its centre remains."""
    prior = load_prior()
    known = _exact(increasing(gamma_response()), 2.8)
    precision = _precision(prior.covariance)
    for centre in np.argsort(-prior.weights)[:5]:
        fit = _refine([_LevelEquations.of(known, prior, None)], centre, precision)
        bent = fit.state @ precision @ fit.state * LEVEL_NOISE**2 / sum(map(len, known))
        assert fit.misfit > bent > 0


def test_a_level_counts_as_no_farther_than_the_worst():
    far = [np.array([[250.0, 3.0], [30.0, 29.0], [240.0, 239.0]])] * 3
    distance = _LevelEquations.of(far, load_prior(), None).distance
    assert distance.max() <= WORST**2


def _exact(response: np.ndarray, log_ratio: float) -> list[np.ndarray]:
    """Levels without noise: code values z2 from 2 up, z1 up to 250."""
    z1 = np.linspace(np.interp(response[0, 2] + log_ratio, response[0], CODES), 250, 48)
    z2 = np.interp(np.interp(z1, CODES, response[0]) - log_ratio, response[0], CODES)
    return [np.stack([z1, z2], axis=1)] * 3


def _error(found: Estimate, response: np.ndarray, log_ratio: float) -> float:
    """Mean distance between the mapping half-way and that of the true response, code values."""
    maps = (
        imf_from_response(found.response, scale=np.exp(-found.log_ratio / 2)),
        imf_from_response(response, scale=np.exp(-log_ratio / 2)),
    )
    return float(np.abs(maps[0] - maps[1])[:, 40:245].mean())


@pytest.mark.parametrize("log_ratio", [2.8, 4.2])
def test_the_own_curve_of_the_camera_is_found_among_all_curves(log_ratio):
    """It fits far better than all others, so it decides, even with a small weight."""
    bent = increasing(gamma_response() + 0.3 * np.sin(2 * np.pi * CODES / 255))
    bent *= SPAN / contrast(bent)
    prior = load_prior()
    with_own = replace(
        prior,
        centres=np.concatenate([prior.centres, bent[None]]),
        weights=np.r_[0.99 * prior.weights, 0.01],
        cameras=(*prior.cameras, ""),
    )
    known = _exact(bent, log_ratio)
    assert _error(estimate_response(known, prior), bent, log_ratio) > 1
    assert _error(estimate_response(known, with_own), bent, log_ratio) < 0.1


def test_a_ratio_far_from_the_usual_one_hardly_bends_the_curve():
    """One channel of pairs 8 EV apart: the curve must not pay for the prior of ln k."""
    prior, errors = load_prior(), []
    for camera in ("NIKON D2X", "SONY NEX-5", "FUJIFILM X-H1"):
        curve = increasing(prior.centres[prior.cameras.index(camera)])
        one = [np.empty((0, 2)), _exact(curve, 5.6)[1], np.empty((0, 2))]
        priors = (replace(prior, log_ratio_spread=spread) for spread in (LOG_RATIO_SPREAD, 20.0))
        errors.append([_error(estimate_response(one, each), curve, 5.6) for each in priors])
    drawn, free = np.mean(errors, axis=0)
    assert drawn < free + 1.6  # 1.2; twice as much with half the spread


def test_a_profile_is_corrected_less_than_a_curve_of_the_mixture():
    bent = gamma_response() + 1.5 * (np.arange(256) / 255) ** 2
    prior = load_prior()
    profile = prior.around(bent)
    firm, free = (
        np.abs(estimate_response(levels(16), each).response - bent)[:, 20:240].max()
        for each in (profile, replace(profile, covariance=prior.covariance))
    )
    assert 0.4 * free < firm < 0.9 * free


def test_a_ratio_with_little_evidence_is_drawn_to_the_prior_mean():
    """One level in the dark, where a code value is much light, that speaks for 1 EV or so."""
    dark, prior = [np.array([[4.0, 3.0]])], load_prior()
    leaning, free = (
        estimate_response(dark, each).log_ratio / np.log(2)
        for each in (prior, replace(prior, log_ratio_spread=1e3))
    )
    assert free + 0.25 < leaning < 4


# --- several pairs of one camera -----------------------------------------------------------------


def _half_way_error(response, log_ratio, ratio):
    """Compare the mapping half-way with that of the camera: mean distance in code values."""
    codes = np.arange(40, 245)
    imf = imf_from_response(response, scale=np.exp(-log_ratio / 2))[:, codes]
    return float(np.abs(imf - codes * ratio ** (-0.5 / GAMMA)).mean())


def test_copies_of_a_pair_add_no_information():
    one = levels(16)
    alone = estimate_response(one, load_prior())
    shared = estimate_shared([one] * 5, load_prior())
    np.testing.assert_allclose(shared.response, alone.response, atol=1e-9)
    np.testing.assert_allclose(shared.log_ratios, alone.log_ratio, atol=1e-9)
    assert shared.scale is None


@pytest.mark.parametrize("stated", [False, True])
def test_the_order_of_pairs_does_not_matter(stated):
    ratios = [8, 16, 32]
    pairs = [levels(ratio, seed=ratio) for ratio in ratios]
    logs = [float(np.log(ratio)) if stated else None for ratio in ratios]
    one = estimate_shared(pairs, load_prior(), stated=logs)
    two = estimate_shared(pairs[::-1], load_prior(), stated=logs[::-1])
    np.testing.assert_allclose(one.response, two.response, atol=1e-9)
    np.testing.assert_allclose(one.log_ratios, two.log_ratios[::-1], atol=1e-9)


def test_several_pairs_give_a_better_response_than_the_worst_of_them():
    ratios = [4, 8, 16, 32, 64]
    pairs = [levels(ratio, seed=ratio) for ratio in ratios]
    shared = estimate_shared(pairs, load_prior())
    alone = [estimate_response(pair, load_prior()) for pair in pairs]
    errors = [
        (
            _half_way_error(shared.response, log_ratio, ratio),
            _half_way_error(own.response, own.log_ratio, ratio),
        )
        for own, log_ratio, ratio in zip(alone, shared.log_ratios, ratios, strict=True)
    ]
    together, apart = np.array(errors).T
    assert together.max() < apart.max()
    assert together.mean() < apart.mean() + 0.1


def test_stated_ratios_give_the_curves_their_true_scale():
    ratios = [4, 16, 64]
    logs = [float(np.log(ratio)) for ratio in ratios]
    shared = estimate_shared(
        [levels(ratio, seed=ratio) for ratio in ratios], load_prior(), stated=logs
    )
    assert shared.scale is not None
    np.testing.assert_allclose(shared.log_ratios / shared.scale, logs, atol=0.15)
    truth = gamma_response()[:, 230] - gamma_response()[:, 40]
    found = shared.response[:, 230] - shared.response[:, 40]
    np.testing.assert_allclose(found / shared.scale, truth, rtol=0.08)


def test_one_wrong_pair_among_many_changes_the_response_little():
    pairs = [levels(16, seed=seed) for seed in range(6)]
    wrong = [np.stack([np.linspace(5, 250, 48), np.linspace(4, 180, 48)], axis=1)] * 3
    clean = estimate_shared(pairs, load_prior())
    spoilt = estimate_shared([*pairs, wrong], load_prior())
    assert np.abs(clean.response - spoilt.response)[:, 20:240].max() < 0.25


def test_a_stated_ratio_in_the_prior_moves_the_estimate_towards_it():
    prior = load_prior().around(gamma_response())
    found = estimate_response(levels(16), prior.with_log_ratio(float(np.log(20.0))))
    plain = estimate_response(levels(16), prior)
    assert abs(found.log_ratio - np.log(20.0)) < abs(plain.log_ratio - np.log(20.0))


def test_a_camera_narrows_the_prior_to_its_own_curves():
    prior = load_prior()
    narrow = prior.of_camera("NIKON D90")
    own = np.array(prior.cameras) == "NIKON D90"
    np.testing.assert_array_equal(narrow.centres, prior.centres[own])
    assert narrow.weights.sum() == pytest.approx(1)
    assert narrow.cameras == ("NIKON D90",) * own.sum()
    assert (prior.camera, narrow.camera) == ("", "NIKON D90")
    np.testing.assert_array_equal(narrow.covariance, FREEDOM * prior.covariance)


def test_further_curves_of_a_camera_stand_beside_its_own_scaled_to_their_contrast():
    prior = load_prior()
    known, curve = prior.of_camera("NIKON D90"), gamma_response(3.0, channels=1)
    both = prior.of_camera("NIKON D90", [curve])
    np.testing.assert_array_equal(both.centres[:-1], known.centres)
    np.testing.assert_allclose(both.centres[-1], curve[[0, 0, 0]] * SPAN / contrast(curve))
    assert both.weights[-1] == pytest.approx(both.weights[:-1].mean())
    assert both.weights.sum() == pytest.approx(1)
    alone = prior.of_camera("Acme One", [curve, 2 * curve])
    np.testing.assert_allclose(alone.centres[0], alone.centres[1])
    assert (alone.camera, alone.weights.tolist()) == ("Acme One", [0.5, 0.5])


@pytest.mark.parametrize("camera", ["", "NIKON D900"])
def test_an_unknown_camera_has_no_prior_of_its_own(camera):
    assert load_prior().of_camera(camera) is None


def test_curves_are_interpolated_between_code_values_and_continued_at_their_ends() -> None:
    curves = np.random.default_rng(0).random((2, 3, 256))
    z = np.array([0.0, 0.25, 100.5, 254.75, 255.0])
    for channel in range(3):
        found = _at(curves, np.full(len(z), channel), z)
        expected = [np.interp(z, np.arange(256), curve[channel]) for curve in curves]
        np.testing.assert_allclose(found, expected)

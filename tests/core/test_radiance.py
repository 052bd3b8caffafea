"""Radiance: what all exposures say together, weighted by how sure each is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import expose, gamma_response, scene

import expinterp
from expinterp.core import encoding
from expinterp.core.fusion.exposures import merge_exposures
from expinterp.core.fusion.plan import plan_exposures
from expinterp.core.radiance import BLACK, WHITE, merge_radiance
from expinterp.core.response.calibration import Profile
from expinterp.errors import PairError

SHAPE = (90, 120)
TIMES = (1 / 16, 1 / 4, 1.0)
PROFILE = Profile(gamma_response() + np.arange(256) * 1e-6, 0.0, 3, scale=1.0)
SCENE = scene(SHAPE, stops=6)


def relative_error(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    ratio = found / truth
    return np.abs(ratio / np.median(ratio, axis=(0, 1)) - 1)


def shoot(bits: int = 8) -> list[np.ndarray]:
    return [expose(SCENE, time, bits=bits) for time in TIMES]


@pytest.mark.parametrize(("bits", "median", "worst"), [(8, 0.006, 0.2), (16, 1e-4, 0.02)])
def test_the_radiance_of_a_known_camera_is_found(bits, median, worst):
    merged = expinterp.merge(shoot(bits), times=TIMES, response=PROFILE)
    seen = ((SCENE < 16) & (SCENE > 1e-3)).all(axis=2)
    error = relative_error(merged.radiance, SCENE)[seen]
    assert np.median(error) < median
    assert error.max() < worst
    assert merged.white == 1
    assert merged.exposures == pytest.approx((0.25, 1, 4), rel=0.01)
    assert merged.source == "profile"
    assert merged.radiance.dtype == np.float32
    np.testing.assert_allclose(np.median(merged.radiance / SCENE), TIMES[1], rtol=0.01)


def test_a_known_encoding_is_exact():
    shots = [encoding.encode((SCENE * time).astype(np.float32)) for time in TIMES]
    plan = plan_exposures(shots, virtual=0, measured=True, response=encoding.known_response())
    merged = merge_exposures(plan, stated=[4.0, 4.0], response=encoding.known_response())
    seen = SCENE < 15.9
    np.testing.assert_allclose(merged.radiance[seen], SCENE[seen] / 4, rtol=2e-3, atol=1e-5)
    assert (merged.source, merged.notices) == ("known", ())


def test_an_estimated_response_is_close_and_said_to_be_an_estimate():
    merged = expinterp.merge(shoot(), times=TIMES)
    seen = (SCENE < 15).all(axis=2) & (SCENE > 0.01).all(axis=2)
    assert np.median(relative_error(merged.radiance, SCENE)[seen]) < 0.1
    assert merged.source == "pair"
    assert any("estimate" in notice for notice in merged.notices)


def test_without_times_the_ratio_is_measured_and_the_contrast_an_average():
    merged = expinterp.merge(shoot())
    assert merged.exposures[0] < 0.5
    assert merged.exposures[2] > 2
    assert any("--times" in notice for notice in merged.notices)


@pytest.mark.parametrize("off", [0.97, 1.03])
def test_pixels_refine_the_times_of_a_shutter(off):
    times = (TIMES[0], TIMES[1] * off, TIMES[2])
    found = expinterp.merge(shoot(), times=times, response=PROFILE).exposures
    assert found[2] == pytest.approx(4, rel=0.01)


def test_pixels_overrule_times_that_are_wrong():
    merged = expinterp.merge(shoot(), times=(1, 2, 4), response=PROFILE)
    assert merged.exposures == pytest.approx((0.25, 1, 4), rel=0.02)


def test_a_profile_without_scale_is_scaled_by_the_times():
    unscaled = Profile(PROFILE.response * 0.5, 0.0, 3)
    merged = expinterp.merge(shoot(), times=TIMES, response=unscaled)
    assert merged.exposures == pytest.approx((0.25, 1, 4), rel=0.02)
    seen = ((SCENE < 16) & (SCENE > 1e-2)).all(axis=2)
    assert np.median(relative_error(merged.radiance, SCENE)[seen]) < 0.02


@given(st.permutations(range(3)))
def test_the_order_of_shots_changes_nothing(order):
    shots = shoot()
    exposures = np.array(TIMES) / TIMES[1]
    one, marks = merge_radiance(shots, PROFILE.response, exposures)
    two, same = merge_radiance([shots[i] for i in order], PROFILE.response, exposures[list(order)])
    np.testing.assert_allclose(one, two, rtol=1e-5)
    np.testing.assert_array_equal(marks, same)


@given(st.lists(st.integers(1, 229), min_size=3, max_size=3))
def test_a_pixel_lies_between_what_unclipped_shots_say(codes):
    shots = [np.full((2, 3, 1), code, np.uint8) for code in codes]
    response = gamma_response(channels=1)
    merged, _ = merge_radiance(shots, response, [0.25, 1, 4])
    white = response[0, -1]
    said = [np.exp(response[0, z] - white) / t for z, t in zip(codes, (0.25, 1, 4), strict=True)]
    assert min(said) * 0.999 <= merged[0, 0, 0] <= max(said) * 1.001


def test_merging_has_less_noise_than_the_best_shot_and_than_equal_weights():
    """Constant noise of the codes: weights 1/g′², of which none is better."""
    random = np.random.default_rng(0)
    truth, times = 0.05, np.array([1.0, 3.0, 9.0])
    codes = [255 * (truth * t) ** (1 / 2.2) + random.normal(0, 2, (200, 200, 1)) for t in times]
    shots = [np.clip(np.rint(257 * z), 0, 65535).astype(np.uint16) for z in codes]
    merged, _ = merge_radiance(shots, gamma_response(channels=1), times)
    single = [
        merge_radiance([shot], gamma_response(channels=1), [t])[0]
        for shot, t in zip(shots, times, strict=True)
    ]
    assert merged.std() < min(one.std() for one in single)
    assert merged.std() < np.mean(single, axis=0).std()
    assert merged.mean() == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_clipped_in_all_is_the_nearest_end_and_marked(dtype):
    top = np.iinfo(dtype).max
    dark = np.array([[[top], [0], [0], [top // 2]]], dtype)
    bright = np.array([[[top], [0], [top], [top]]], dtype)
    radiance, clipped = merge_radiance([dark, bright], gamma_response(channels=1), [0.25, 4.0])
    white, black, between, seen = radiance[0, :, 0]
    assert white == pytest.approx(4)  # white of the darkest
    assert 0 <= black < (1 / 255) ** 2.2
    assert 0 < between < 0.25 * 1.001
    assert 0.25 < seen < 4
    np.testing.assert_array_equal(clipped, [[WHITE, BLACK, WHITE, 0]])


@pytest.mark.parametrize("count", [7, 9])
@pytest.mark.parametrize("offset", [(1, 2, 3), (3, 1, 0), (0, 0, 2)])
def test_a_black_level_that_is_off_gives_shadows_no_colour(count, offset):
    """The darkest shots show nothing but the offset, divided by a tiny exposure."""
    times = 4.0 ** -np.arange(count)
    truth = np.array([0.06, 0.04, 0.03])  # of white in the brightest
    shots = [np.rint(255 * (truth * t) ** (1 / 2.2) + offset).astype(np.uint8) for t in times]
    merged, _ = merge_radiance(
        [shot.reshape(1, 1, 3) for shot in shots], gamma_response(channels=3), times
    )
    np.testing.assert_allclose(merged[0, 0], truth, rtol=0.3)


def test_black_in_a_brighter_shot_limits_what_darker_ones_say():
    codes, times = (2, 1, 1, 1, 1, 1, 1, 0, 0), 2.0 ** np.arange(-12, 5, 2)
    shots = [np.full((1, 1, 1), code, np.uint8) for code in codes]
    merged, marks = merge_radiance(shots, gamma_response(channels=1), times)
    assert 0 < merged[0, 0, 0] < (1 / 255) ** 2.2 / times[-1]
    assert not marks.any()


def test_a_shot_with_a_clipped_channel_hardly_counts_in_the_others():
    """Where the sensor clips one channel, the correction of colours spoils all."""
    dark = np.full((1, 1, 3), 100, np.uint8)
    bright = np.array([[[255, 180, 180]]], np.uint8)
    merged, clipped = merge_radiance([dark, bright], gamma_response(), [0.25, 1.0])
    alone, _ = merge_radiance([dark], gamma_response(), [0.25])
    np.testing.assert_allclose(merged, alone, rtol=1e-3)
    assert not clipped.any()


def test_transparent_shots_do_not_count():
    shots, opaque = shoot(), np.full(SHAPE, 255, np.uint8)
    hole = opaque.copy()
    hole[:, :60] = 0
    exposures = np.array(TIMES) / TIMES[1]
    merged, _ = merge_radiance(shots, PROFILE.response, exposures, opacities=[opaque, opaque, hole])
    two, _ = merge_radiance(shots[:2], PROFILE.response, exposures[:2])
    three, _ = merge_radiance(shots, PROFILE.response, exposures)
    np.testing.assert_allclose(merged[:, :60], two[:, :60], rtol=1e-6)
    np.testing.assert_allclose(merged[:, 60:], three[:, 60:], rtol=1e-6)
    nothing, marks = merge_radiance(shots, PROFILE.response, exposures, opacities=[hole] * 3)
    assert not nothing[:, :60].any() or (shots[0][:, :60] == 255).any()
    assert marks.shape == SHAPE


def test_grey_and_flat_shapes_are_merged():
    grey = [shot[..., 1] for shot in shoot()]
    merged = expinterp.merge(grey, times=TIMES, response=PROFILE)
    assert merged.radiance.shape == (*SHAPE, 1)


def test_misuse_is_refused():
    shots = shoot()
    with pytest.raises(ValueError, match="times must be"):
        expinterp.merge(shots, times=(1, 2))
    with pytest.raises(ValueError, match="times must be"):
        expinterp.merge(shots, times=(1, 2, 0))
    with pytest.raises(PairError, match="exposed alike"):
        expinterp.merge([shots[1], shots[1]], response=PROFILE)

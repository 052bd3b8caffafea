"""The noise of merged exposures: measured where two show the same, removed where nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import gamma_response

from expinterp.core.denoise.merged import (
    LEAST_NOISE,
    MOST_NOISE,
    REACH,
    measure_noise_between,
    smooth_radiance,
)
from expinterp.core.fusion.exposures import merge_exposures
from expinterp.core.fusion.plan import plan_exposures
from expinterp.core.radiance import STRIP, _Tables, merge_radiance
from expinterp.core.response.calibration import Profile

TIMES = (0.25, 1.0, 4.0)
SHAPE = (2 * STRIP + 12, 90)
LIGHT = (
    np.linspace(0.02, 0.2, SHAPE[1])[:, None] * np.array([1.0, 0.8, 0.6]) * np.ones((*SHAPE, 1))
)  # E, smooth
NAMES = {8: np.uint8, 16: np.uint16}


def shoot(noise: float, *, bits: int = 8, light: np.ndarray = LIGHT) -> list[np.ndarray]:
    """Photograph light with noise of a constant variance in code values, from dark to bright."""
    random, scale = np.random.default_rng(5), (2**bits - 1) / 255
    codes = [255 * np.clip(light * t, 0, 1) ** (1 / 2.2) for t in TIMES]
    noisy = [z + random.normal(0, noise, z.shape) if noise else z for z in codes]
    return [np.rint(scale * np.clip(z, 0, 255)).astype(NAMES[bits]) for z in noisy]


def measure(shots, times=TIMES, response=None):
    """Measure noise as code values, with a response (by default the true one)."""
    response = gamma_response(channels=shots[0].shape[2]) if response is None else response
    tables = _Tables.of(shots[0], response)
    slopes = np.maximum(tables.certainty, 1e-30) ** -0.5
    return measure_noise_between(shots, np.log(tables.exposure), slopes, times)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("noise", [0.8, 2.0])
def test_noise_of_constant_variance_is_measured(noise, bits):
    rounding = 1 / 12 if bits == 8 else 0
    assert measure(shoot(noise, bits=bits)) == pytest.approx((noise**2 + rounding) ** 0.5, rel=0.07)


def test_the_order_of_shots_does_not_matter_to_the_noise():
    shots = shoot(2.0)
    assert measure(shots[::-1], TIMES[::-1]) == measure(shots)


def test_grey_shots_have_noise_too():
    shots = [shot[..., :1] for shot in shoot(2.0)]
    assert measure(shots) == pytest.approx(2, rel=0.1)


def test_errors_of_times_and_of_the_response_are_no_noise():
    shots, plain = shoot(1.0), measure(shoot(1.0))
    assert measure(shots, (0.243, 1.0, 4.1)) == pytest.approx(plain, rel=0.02)
    waves = gamma_response() + 0.05 * np.sin(np.arange(256) / 20)
    assert measure(shots, response=waves) == pytest.approx(plain, rel=0.1)


def test_what_moved_in_a_part_is_no_noise():
    shots, plain = shoot(1.0), measure(shoot(1.0))
    shots[2][:, :25] = shots[2][::-1, 25:50]
    assert measure(shots) == pytest.approx(plain, rel=0.25)


@pytest.mark.parametrize("shape", [(1, 1, 3), (40, 2, 1), (12, 20, 3)])
def test_too_few_pixels_show_no_noise(shape):
    shots = [np.full(shape, code, np.uint8) for code in (60, 120)]
    shots[0][::2] += 9
    assert measure(shots, (1.0, 4.0)) == 0


@pytest.mark.parametrize("code", [(10, 20), (110, 240)])
def test_values_near_black_and_white_show_no_noise(code):
    noise = np.random.default_rng(0).integers(0, 5, (50, 60, 3))
    shots = [(z + noise).astype(np.uint8) for z in code]
    assert measure(shots, (1.0, 4.0)) == 0


def test_the_noise_is_limited_from_below_and_above():
    """Less does not show; more is a response, or a registration, that does not fit."""
    assert measure(shoot(0.8 * LEAST_NOISE, bits=16)) == 0
    assert measure(shoot(1.2 * LEAST_NOISE, bits=16)) == pytest.approx(1.2 * LEAST_NOISE, rel=0.1)
    assert measure(shoot(2 * MOST_NOISE)) == MOST_NOISE


def smooth(light, spread, *, strength=1.0):
    return smooth_radiance(light.astype(np.float32), spread, least=1e-6, strength=strength)


def noisy(spread, light=LIGHT):
    return light * np.exp(np.random.default_rng(1).normal(0, spread, light.shape))


@pytest.mark.parametrize(("channels", "left"), [(1, 0.8), (3, 0.6)])
def test_noise_is_reduced_in_even_areas(channels, left):
    found = smooth(noisy(0.03)[..., :channels], 0.03)
    assert found.shape == (*SHAPE, channels)
    assert found.dtype == np.float32
    assert np.log(found / LIGHT[..., :channels]).std() < left * 0.03


@pytest.mark.parametrize("strength", [0, 0.25, 1])
def test_the_strength_is_the_share_of_the_change(strength):
    light = noisy(0.03)
    full, part = smooth(light, 0.03), smooth(light, 0.03, strength=strength)
    np.testing.assert_allclose(np.log(part / light), strength * np.log(full / light), atol=1e-5)


def test_edges_and_texture_above_the_noise_stay():
    edge = LIGHT * np.where(np.arange(SHAPE[1]) < 40, 1.0, 1.6)[:, None]
    lines = LIGHT * np.where(np.arange(SHAPE[1]) % 2, 1.0, 1.5)[:, None]
    for light in (edge, lines):
        np.testing.assert_allclose(
            smooth(light, 0.03), smooth(LIGHT, 0.03) * light / LIGHT, rtol=0.01
        )


def test_light_without_noise_and_black_stay():
    flat = np.full((9, 9, 3), 0.3)
    flat[4, 4] = 0
    np.testing.assert_allclose(smooth(flat, 0.05), flat, rtol=1e-5)


def test_merging_smooths_as_if_there_were_no_strips():
    shots, response = shoot(2.0), gamma_response()
    plain, _ = merge_radiance(shots, response, TIMES)
    merged, _ = merge_radiance(shots, response, TIMES, denoise=1.0)
    spread = 2.02 * 2.2 / 128  # σ·g′ at the middle code value
    np.testing.assert_allclose(np.log(merged / smooth(plain, spread)), 0, atol=3e-3)
    assert np.log(merged / LIGHT).std() < 0.7 * np.log(plain / LIGHT).std()
    assert not np.allclose(
        plain[STRIP - REACH : STRIP + REACH], merged[STRIP - REACH : STRIP + REACH]
    )


def test_what_is_clipped_in_all_is_not_smoothed():
    light = LIGHT.copy()
    light[:, 50:60] = 5.0
    shots = shoot(2.0, light=light)
    for shot in shots:
        shot[:, 50:60] = 255
    merged, marks = merge_radiance(shots, gamma_response(), TIMES, denoise=1.0)
    np.testing.assert_allclose(merged[:, 50:60], 4, rtol=1e-5)
    assert (marks[:, 50:60] == 255).all()


def test_the_option_is_a_strength():
    shots, profile = (
        shoot(2.0),
        Profile(gamma_response() + np.arange(256) * 1e-6, 0.0, 3, scale=1.0),
    )
    plan = plan_exposures(shots, virtual=0, measured=True, response=profile)

    def merged(**options):
        found = merge_exposures(plan, stated=[4.0, 4.0], response=profile, **options)
        return np.log(found.radiance).astype(np.float64)

    usual, off, half = merged(), merged(denoise="off"), merged(denoise=0.5)
    np.testing.assert_array_equal(usual, merged(denoise=1))
    np.testing.assert_allclose(half, (usual + off) / 2, atol=1e-5)
    assert not np.allclose(usual, off)
    with pytest.raises(ValueError, match="denoise must be"):
        merged(denoise=2)

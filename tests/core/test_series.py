"""The exposures of a series: how stated and measured ratios become one, each by a closed form."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from expinterp.core.fusion.series import (
    LEAST_ERROR,
    SHUTTER,
    _combine,
    _log_ratio,
    _per_channel,
    _scale,
    _sum,
    measure_series,
)
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import OBSERVATIONS, load_prior
from expinterp.errors import PairError

PROFILE = Profile(np.linspace(-4, 4, 256)[np.newaxis], 0.0, 3, scale=1.0)
FOUR = math.log(4)


@pytest.mark.parametrize("error", [SHUTTER, SHUTTER / 2, SHUTTER * 3])
def test_a_stated_and_a_measured_ratio_are_averaged_by_their_variances(error):
    stated, measured = 1 / SHUTTER**2, 1 / error**2
    expected = (stated * FOUR + measured * (FOUR + 0.06)) / (stated + measured)
    assert _combine(FOUR, (FOUR + 0.06, error), PROFILE) == pytest.approx(expected)


def test_one_of_them_alone_counts_and_none_is_no_step():
    assert _combine(FOUR, None, PROFILE) == FOUR
    assert _combine(None, (1.5, 0.01), PROFILE) == 1.5
    assert _combine(None, None, PROFILE) == 0


def test_a_stated_ratio_that_the_pixels_contradict_is_not_used():
    assert _combine(FOUR, (2 * FOUR, 0.01), PROFILE) == 2 * FOUR


def test_the_scale_of_a_profile_is_fitted_through_0():
    measured = [(2.0, 0.1), None, (5.0, 0.1), (9.0, 0.1)]
    stated = [1.0, 1.0, 2.0, None]
    assert _scale(measured, stated) == pytest.approx((2 * 1 + 5 * 2) / (1 + 4))
    assert _scale(measured[1:2], stated[1:2]) is None


def test_exposures_add_up_from_the_darkest_and_grey_has_the_mean_response():
    np.testing.assert_array_equal(_sum([1.0, None, 2.5]), [0, 1, 1, 3.5])
    curves = np.arange(768.0).reshape(3, 256)
    np.testing.assert_array_equal(_per_channel(curves, 1), curves.mean(axis=0, keepdims=True))
    np.testing.assert_array_equal(_per_channel(curves[:1], 3), np.tile(curves[0], (3, 1)))


def pair(levels, log_ratio=FOUR):
    return SimpleNamespace(levels=levels, log_ratio=log_ratio)


def test_shots_without_a_common_tone_need_a_profile_and_then_times():
    blind = [pair((np.empty((0, 2)),))]
    with pytest.raises(PairError, match="share a tone"):
        measure_series(blind, [FOUR], profile=None, prior=None, channels=1)
    found = measure_series(blind, [4.0], profile=PROFILE, prior=None, channels=1)
    np.testing.assert_allclose(found.log_exposures, [0, FOUR])


def test_pairs_without_a_common_tone_count_as_stated_among_others():
    z = np.linspace(60, 250, 48)
    seen = pair((np.stack([z, z / 2], axis=1),))
    blind = pair((np.empty((0, 2)),))
    found = measure_series(
        [seen, blind, None], [4.0, 8.0, None], profile=None, prior=None, channels=1
    )
    np.testing.assert_allclose(np.diff(found.log_exposures), [FOUR, 1.5 * FOUR, 0], atol=0.03)
    assert found.source == "pair"
    camera = load_prior().of_camera("mine", [np.log(np.maximum(np.arange(256.0), 1))[np.newaxis]])
    own = measure_series([seen], [4.0], profile=None, prior=camera, channels=1)
    assert own.source == "camera"


def test_levels_of_a_known_response_measure_its_ratio_and_how_sure_it_is():
    g = 0.03 * np.arange(256.0)[np.newaxis]
    z = np.linspace(80, 250, 48)
    noise = np.random.default_rng(0).normal(0, 3, z.shape)
    mean, error = _log_ratio(g, pair((np.stack([z, z - 50 + noise], axis=1),)))
    assert mean == pytest.approx(0.03 * 50, abs=0.03)
    assert error == pytest.approx(0.03 * 3 / math.sqrt(OBSERVATIONS), rel=0.25)
    noise[:5] = 80  # what moved
    moved, _ = _log_ratio(g, pair((np.stack([z, z - 50 + noise], axis=1),)))
    assert moved == pytest.approx(0.03 * 50, abs=0.03)
    exact, least = _log_ratio(g, pair((np.stack([z, z - 50], axis=1),)))
    assert (exact, least) == (pytest.approx(1.5), LEAST_ERROR)

"""The exposures of a series: how stated and measured ratios become one, each by a closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest

from expinterp.core.fusion.series import SHUTTER, _combine, _per_channel, _scale, _sum
from expinterp.core.response import Profile

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

"""Exposure arithmetic: inverses and closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expinterp.core.exposure import (
    Exposure,
    ev_step,
    even_positions,
    exposure_ratio,
    position_at_ev,
    position_at_time,
    time_at,
)

TIMES = st.floats(1e-5, 1e3)
RATIOS = st.floats(1.01, 1e4)


@given(TIMES, RATIOS, st.floats(0, 1))
def test_a_time_and_its_position_are_inverse(short_time, ratio, position):
    time = time_at(position, short_time=short_time, ratio=ratio)
    back = position_at_time(time, short_time=short_time, ratio=ratio)
    assert back == pytest.approx(position, abs=1e-9)


@given(TIMES, RATIOS)
def test_half_way_is_the_geometric_mean(short_time, ratio):
    expected = math.sqrt(short_time * short_time * ratio)
    assert time_at(0.5, short_time=short_time, ratio=ratio) == pytest.approx(expected)


@given(RATIOS)
def test_the_ends_of_the_ev_scale_are_the_two_shots(ratio):
    assert position_at_ev(0, ratio=ratio) == 0
    assert position_at_ev(ev_step(ratio), ratio=ratio) == pytest.approx(1)


@given(st.integers(1, 30))
def test_a_ladder_is_even_and_symmetric(count):
    rungs = [0.0, *even_positions(count), 1.0]
    steps = [high - low for low, high in pairwise(rungs)]
    assert steps == pytest.approx([1 / (count + 1)] * (count + 1))
    assert [1 - rung for rung in reversed(rungs)] == pytest.approx(rungs)


@pytest.mark.parametrize("facts", [{"iso": 400}, {"f_number": 8}, {"iso": 400, "f_number": 8}])
def test_sensitivity_or_aperture_that_only_one_shot_states_does_not_count(facts):
    plain, stated = Exposure(time=1 / 30), Exposure(time=1 / 60, **facts)
    assert exposure_ratio(plain, stated) == pytest.approx(2)
    assert exposure_ratio(stated, plain) == pytest.approx(1 / 2)


def test_sensitivity_and_aperture_count_as_time_does():
    long = Exposure(time=1 / 30, iso=100, f_number=8)
    opened = Exposure(time=1 / 30, iso=400, f_number=4)
    assert exposure_ratio(opened, long) == pytest.approx(16)
    assert exposure_ratio(long, opened) == pytest.approx(1 / 16)


@pytest.mark.parametrize("time", [None, 0.0])
def test_a_missing_time_gives_no_ratio(time):
    assert exposure_ratio(Exposure(time=time), Exposure(time=1.0)) is None
    assert exposure_ratio(Exposure(time=1.0), Exposure(time=time)) is None

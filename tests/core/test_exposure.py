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
    stops_of_time,
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


def test_times_are_read_as_dials_mean_them():
    assert [stops_of_time(1 / n) for n in (8000, 500, 125, 60, 30, 15, 8, 4, 2)] == [
        -13, -9, -7, -6, -5, -4, -3, -2, -1,
    ]  # fmt: skip
    assert [stops_of_time(t) for t in (1, 2, 4, 8, 15, 30)] == [0, 1, 2, 3, 4, 5]
    assert stops_of_time(1 / 117) == pytest.approx(-6.870, abs=1e-3)
    assert stops_of_time(1 / 13) - stops_of_time(1 / 50) == pytest.approx(2)


def test_the_times_of_dials_are_thirds_of_a_stop():
    """From 1/8000 s to 30 s, as cameras show them."""
    fast = "8000 6400 5000 4000 3200 2500 2000 1600 1250 1000 800 640 500 400 320 250 200 160 125 "
    fast += "100 80 60 50 40 30 25 20 15 13 10 8 6 5 4"
    slow = "0.3 0.4 0.5 0.6 0.8 1 1.3 1.6 2 2.5 3.2 4 5 6 8 10 13 15 20 25 30"
    times = [*(1 / float(n) for n in fast.split()), *map(float, slow.split())]
    thirds = [3 * stops_of_time(time) for time in times]
    assert thirds == pytest.approx(range(-39, 16), abs=1e-9)

"""Shoulder and toe: a hyperbola beyond the knee, and how far values leave the range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from expinterp.core.fusion.shoulder import compress, value_range

LOWS = st.floats(-0.8, 0)
HIGHS = st.floats(1, 1.8)
VALUES = arrays(np.float32, st.integers(1, 60), elements=st.floats(-1, 2, width=32))
BIN = 1 / 1024


def bent(values: np.ndarray | list[float], low: float, high: float) -> np.ndarray:
    """Compress a copy."""
    return compress(np.array(values, np.float32), low, high)


def picture(**shares: int) -> np.ndarray:
    """Draw 100 × 100 pixels of 0.5, some with other values: ``v1_3=5`` means five of 1.3."""
    values = np.full(10_000, 0.5, np.float32)
    for name, count in shares.items():
        at = np.flatnonzero(values == 0.5)[:count]
        values[at] = float(name.removeprefix("v").replace("m", "-").replace("_", "."))
    return values.reshape(100, 100)


# The curve


@given(VALUES, LOWS, HIGHS)
def test_beyond_the_knees_it_is_a_hyperbola(values, low, high):
    expected = values.astype(float)
    for at, value in enumerate(expected):
        if value > 0.9 and high > 1:
            d = value - 0.9
            expected[at] = 0.9 + d / (1 + d * (1 / 0.1 - 1 / (high - 0.9)))
        if value < 0.1 and low < 0:
            d = 0.1 - value
            expected[at] = 0.1 - d / (1 + d * (1 / 0.1 - 1 / (0.1 - low)))
    np.testing.assert_allclose(bent(values, low, high), expected, atol=1e-6)


@given(LOWS, HIGHS)
def test_the_ends_become_black_and_white(low, high):
    np.testing.assert_allclose(bent([low, high], low, high), [0, 1], atol=1e-6)


@given(VALUES, LOWS, HIGHS)
def test_between_the_knees_nothing_changes(values, low, high):
    inside = np.clip(values, np.float32(0.1001), np.float32(0.8999))
    np.testing.assert_array_equal(bent(inside, low, high), inside)


@given(VALUES)
def test_a_range_of_0_to_1_changes_nothing(values):
    np.testing.assert_array_equal(bent(values, 0.0, 1.0), values)


@given(VALUES, LOWS)
def test_an_end_that_is_not_exceeded_is_not_bent(values, low):
    bright, dark = np.maximum(values, np.float32(0.5)), np.minimum(values, np.float32(0.5))
    np.testing.assert_array_equal(bent(bright, low, 1.0), bright)
    np.testing.assert_array_equal(bent(dark, 0.0, 1 - low), dark)


@given(LOWS, HIGHS)
def test_the_order_of_values_is_kept(low, high):
    """Beyond what comes to black and white too."""
    values = np.linspace(-1, 2, 3001)
    assert (np.diff(bent(values, low, high)) > 0).all()


@given(st.floats(-0.8, -0.01), st.floats(1.01, 1.8))
def test_it_leaves_the_knees_with_slope_1_and_only_gets_flatter(low, high):
    curve = bent(np.linspace(0.9, 1.8, 91), low, high).astype(float)
    slopes = np.diff(curve) / 0.01
    assert slopes[0] == pytest.approx(1 / (1 + 0.01 * (10 - 1 / (high - 0.9))), abs=1e-4)
    assert (np.diff(slopes) < 1e-4).all()
    tiny = bent([0.9, 0.9001, 0.1, 0.0999], low, high)
    assert (tiny[1] - tiny[0]) / 1e-4 == pytest.approx(1, abs=5e-3)
    assert (tiny[2] - tiny[3]) / 1e-4 == pytest.approx(1, abs=5e-3)


@given(VALUES, LOWS, HIGHS)
def test_the_toe_mirrors_the_shoulder(values, low, high):
    mirrored = 1 - bent(1 - values, 1 - high, 1 - low)
    np.testing.assert_allclose(mirrored, bent(values, low, high), atol=2e-6)


@given(VALUES, LOWS, HIGHS)
def test_no_value_moves_away_from_the_middle(values, low, high):
    moved = np.abs(bent(values, low, high) - 0.5) - np.abs(values - np.float32(0.5))
    assert (moved <= 1e-6).all()


def test_values_are_changed_in_place():
    values = np.float32([[[-0.1, 0.5, 1.3]]])
    assert compress(values, -0.1, 1.3) is values
    np.testing.assert_allclose(values.ravel(), [0, 0.5, 1], atol=1e-6)


# The range


@pytest.mark.parametrize("value", [0, 1, 0.5, 1 / 3])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7, 3), (70, 80)])
def test_a_picture_in_range_has_the_range_0_to_1(value, shape):
    assert value_range(np.full(shape, value, np.float32)) == (0, 1)


@given(arrays(np.float32, (9, 8, 3), elements=st.sampled_from([0.0, 1.0, 1.0000002, -1e-7])))
def test_rounding_at_the_ends_is_no_overshoot(image):
    assert value_range(image) == (0, 1)


@pytest.mark.parametrize(("name", "value"), [("v1_3", 1.3), ("v1_01", 1.01), ("v1_9", 1.9)])
def test_a_value_that_five_in_ten_thousand_reach_is_in_the_range(name, value):
    low, high = value_range(picture(**{name: 5}))
    assert low == 0
    assert value - 1.01 * BIN < high <= value
    low, high = value_range(1 - picture(**{name: 5}))
    assert high == 1
    assert 1 - value <= low < 1 - value + 1.01 * BIN


def test_a_value_that_one_in_ten_thousand_reaches_is_not():
    assert value_range(picture(v1_3=1, vm0_4=1)) == (0, 1)


def test_both_ends_are_found_without_the_outermost_values():
    low, high = value_range(picture(v1_7=1, v1_3=5, v1_1=50, vm0_4=1, vm0_2=5))
    assert high == pytest.approx(1.3, abs=BIN)
    assert low == pytest.approx(-0.2, abs=BIN)


def test_all_channels_count():
    image = np.dstack([picture(), picture(v1_2=9), picture(vm0_1=9)])
    low, high = value_range(image)
    assert high == pytest.approx(1.2, abs=BIN)
    assert low == pytest.approx(-0.1, abs=BIN)
    assert value_range(np.dstack([picture(), picture(v1_2=4), picture()])) == (0, 1)


@given(st.integers(0, 999), st.floats(0.05, 0.4), st.floats(0.2, 0.8))
@settings(max_examples=30)
def test_hardly_any_value_is_out_of_range_after_compression(seed, spread, centre):
    """All but 2 in 10,000 at each end, and what its bin of the histogram adds."""
    random = np.random.default_rng(seed)
    image = random.normal(centre, spread, (50, 70, 3)).clip(-0.99, 1.99).astype(np.float32)
    low, high = value_range(image)
    assert low <= 0
    assert high >= 1
    result = bent(image, low, high)
    assert (result < -BIN).mean() <= 2e-4
    assert (result > 1 + BIN).mean() <= 2e-4


@pytest.mark.parametrize(("value", "ends"), [("v2_5", (0, 2)), ("v2", (0, 2)), ("vm3", (-1, 1))])
def test_values_far_out_of_range_count_at_the_ends(value, ends):
    assert value_range(picture(**{value: 2000})) == pytest.approx(ends, abs=BIN)

"""Headroom: surfaces beyond white become darker as a whole and keep their texture."""

from __future__ import annotations

import literal_fusion as literal
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expinterp.core.fusion.headroom import keep_headroom
from expinterp.core.fusion.shoulder import compress, value_range

SIDES = st.integers(1, 24)
SHAPES = st.tuples(SIDES, SIDES) | st.tuples(SIDES, SIDES, st.just(3))
SEEDS = st.integers(0, 999)
BIN = 1 / 1024


def noise(shape: tuple[int, ...], seed: int, low: float, high: float) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def surfaces(bright: float, texture: float, dark: float = 0.4) -> np.ndarray:
    """Draw a dark half, and a bright one with stripes of one pixel."""
    image = np.full((96, 96, 3), dark, np.float32)
    image[:, 48:] = bright + texture * np.where(np.arange(48) % 2, 1, -1)[:, np.newaxis]
    return image


@given(SHAPES, SEEDS)
def test_a_level_in_range_stays_as_it_is(shape, seed):
    base = noise(shape, seed, 0, 1)
    np.testing.assert_array_equal(keep_headroom(base.copy()), base)


@pytest.mark.parametrize("value", [1.05, 1.2, 1.6, -0.1, -0.4])
def test_a_flat_level_beyond_the_ends_becomes_white_or_black(value):
    fitted = keep_headroom(np.full((30, 40, 3), value, np.float32))
    np.testing.assert_allclose(fitted, float(value > 0.5), atol=2 * BIN)


@given(SHAPES, SEEDS)
@settings(max_examples=25)
def test_it_is_what_its_definition_says(shape, seed):
    """The literal one tells the ends of the range by sorting; a bin edge may round."""
    base = noise(shape, seed, -0.3, 1.4)
    expected = literal.make_room(np.moveaxis(np.atleast_3d(base).astype(float), 2, 0))
    fitted = np.atleast_3d(keep_headroom(base))
    np.testing.assert_allclose(fitted, np.moveaxis(expected, 0, 2), atol=2 * BIN)


@given(SIDES, SIDES, SEEDS)
@settings(max_examples=25)
def test_differences_of_channels_remain(rows, cols, seed):
    base = noise((rows, cols, 3), seed, -0.3, 1.4)
    fitted = keep_headroom(base.copy())
    np.testing.assert_allclose(fitted - fitted[..., :1], base - base[..., :1], atol=1e-6)


@given(SHAPES, SEEDS)
@settings(max_examples=25)
def test_the_negative_of_a_level_gives_the_negative(shape, seed):
    base = noise(shape, seed, -0.3, 1.4)
    negative = keep_headroom(1 - base)
    np.testing.assert_allclose(negative, 1 - keep_headroom(base), atol=2 * BIN)


@pytest.mark.parametrize("bright", [1.1, 1.2, 1.35])
def test_texture_beyond_white_keeps_its_contrast(bright):
    """The curve alone leaves less than half of it."""
    base = surfaces(bright, 0.03)
    low, high = value_range(base)
    curved = compress(base.copy(), low, high, knee=0.85)
    fitted = keep_headroom(base)

    def contrast(image: np.ndarray) -> float:
        return float(np.diff(image[48, 64:, 0]).__abs__().mean()) / 0.06

    assert contrast(curved) < 0.5
    assert contrast(fitted) > 0.9
    assert fitted[:, 64:].mean() < 1


@pytest.mark.parametrize("bright", [1.1, 1.2, 1.35])
def test_the_dark_side_of_an_edge_stays_as_it_is(bright):
    """The halo is at most 8 code values; windows weighted as for weights would give 37."""
    base = surfaces(bright, 0)
    fitted = keep_headroom(base.copy())
    np.testing.assert_allclose(fitted[:, :48], base[:, :48], atol=8 / 255)
    assert fitted[:, 48:].min() > 0.8

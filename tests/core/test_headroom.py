"""Headroom: surfaces beyond white become darker as a whole and keep their texture."""

from __future__ import annotations

import literal_fusion as literal
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expinterp.core.fusion.headroom import keep_headroom
from expinterp.core.fusion.shoulder import compress, value_range

SHAPES = st.tuples(st.sampled_from([1, 3]), st.integers(1, 24), st.integers(1, 24))
SEEDS = st.integers(0, 999)
BIN = 1 / 1024


def noise(shape: tuple[int, ...], seed: int, low: float, high: float) -> np.ndarray:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def surfaces(bright: float, texture: float, dark: float = 0.4) -> np.ndarray:
    """Draw a dark half, and a bright one with stripes of one pixel."""
    image = np.full((3, 96, 96), dark, np.float32)
    image[:, :, 48:] = bright + texture * np.where(np.arange(48) % 2, 1, -1)
    return image


@given(SHAPES, SEEDS)
def test_a_level_in_range_is_returned_itself(shape, seed):
    base = noise(shape, seed, 0, 1)
    assert keep_headroom(base) is base


@pytest.mark.parametrize("value", [1.05, 1.2, 1.6, -0.1, -0.4])
def test_a_flat_level_beyond_the_ends_becomes_white_or_black(value):
    fitted = keep_headroom(np.full((3, 30, 40), value, np.float32))
    np.testing.assert_allclose(fitted, float(value > 0.5), atol=2 * BIN)


@given(SHAPES, SEEDS)
@settings(max_examples=25)
def test_it_is_what_its_definition_says(shape, seed):
    """The literal one tells the ends of the range by sorting; a bin edge may round."""
    base = noise(shape, seed, -0.3, 1.4)
    expected = literal.make_room(base.astype(float))
    np.testing.assert_allclose(keep_headroom(base), expected, atol=2 * BIN)


@given(SHAPES, SEEDS)
@settings(max_examples=25)
def test_differences_of_channels_remain(shape, seed):
    base = noise(shape, seed, -0.3, 1.4)
    fitted = keep_headroom(base)
    np.testing.assert_allclose(fitted - fitted[:1], base - base[:1], atol=1e-6)


@given(SHAPES, SEEDS)
@settings(max_examples=25)
def test_the_negative_of_a_level_gives_the_negative(shape, seed):
    base = noise(shape, seed, -0.3, 1.4)
    np.testing.assert_allclose(keep_headroom(1 - base), 1 - keep_headroom(base), atol=2 * BIN)


@pytest.mark.parametrize("bright", [1.1, 1.2, 1.35])
def test_texture_beyond_white_keeps_its_contrast(bright):
    """The curve alone leaves less than half of it."""
    base = surfaces(bright, 0.03)
    low, high = value_range(base)
    curved = compress(base.copy(), low, high, knee=0.85)
    fitted = keep_headroom(base)

    def contrast(image: np.ndarray) -> float:
        return float(np.diff(image[0, 48, 64:]).__abs__().mean()) / 0.06

    assert contrast(curved) < 0.5
    assert contrast(fitted) > 0.9
    assert fitted[:, :, 64:].mean() < 1


@pytest.mark.parametrize("bright", [1.1, 1.2, 1.35])
def test_the_dark_side_of_an_edge_stays_as_it_is(bright):
    """The halo is at most 8 code values; windows weighted as for weights would give 37."""
    base = surfaces(bright, 0)
    fitted = keep_headroom(base)
    np.testing.assert_allclose(fitted[:, :, :48], base[:, :, :48], atol=8 / 255)
    assert fitted[:, :, 48:].min() > 0.8

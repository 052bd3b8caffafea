"""The intermediate image y0: its weights, its tables, and the one place that rounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from expinterp.core import intermediate as tables
from expinterp.core.intermediate import Blend, long_weight, quantise, quantise_sum, short_weight
from expinterp.core.mapping import CODE_VALUES

CODES = st.integers(0, 255)


def imfs(seed: int = 0, channels: int = 3) -> list[np.ndarray]:
    """Draw a darkening and a brightening function per channel, increasing, any shape."""
    random = np.random.default_rng(seed)
    steps = random.random((2, channels, 256)).cumsum(axis=2)
    return list(255 * steps / steps[..., -1:])


def images(seed: int = 0, dtype: type = np.uint8, shape: tuple = (7, 5, 3)) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    return list(random.integers(0, np.iinfo(dtype).max, (2, *shape), dtype, endpoint=True))


def intermediate(long: np.ndarray, short: np.ndarray, *imfs: np.ndarray) -> np.ndarray:
    return Blend(*imfs, long.dtype)(long, short)


def test_weights_are_one_where_exposed_and_fall_to_nothing_at_the_ends():
    np.testing.assert_allclose(long_weight(np.array([0.0, 200, 255])), [1 + 1e-6, 1 + 1e-6, 1e-6])
    np.testing.assert_allclose(short_weight(np.array([0.0, 55, 255])), [1e-6, 1 + 1e-6, 1 + 1e-6])
    half = 1 - 3 * 0.25 + 2 * 0.125
    assert long_weight(np.array([227.5])) == pytest.approx(half, abs=2e-6)
    assert short_weight(np.array([27.5])) == pytest.approx(half, abs=2e-6)


def test_the_two_weights_mirror_each_other():
    np.testing.assert_allclose(long_weight(CODE_VALUES), short_weight(255 - CODE_VALUES))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_y0_is_the_formula(dtype):
    long, short = images(dtype=dtype)
    imf13, imf23 = imfs()
    y0 = intermediate(long, short, imf13, imf23)
    scale = np.iinfo(dtype).max / 255
    for c in range(3):
        x1, x2 = long[..., c] / scale, short[..., c] / scale
        w1, w2 = long_weight(x1), short_weight(x2)
        mapped = np.interp(x1, CODE_VALUES, imf13[c]), np.interp(x2, CODE_VALUES, imf23[c])
        expected = (w1 * mapped[0] + w2 * mapped[1]) / (w1 + w2)
        np.testing.assert_allclose(y0[c] * 255, expected, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_older_opencv_gives_the_same(dtype, monkeypatch):
    long, short = images(dtype=dtype)
    blend = Blend(*imfs(), np.dtype(dtype))
    results = []
    for wide in (True, False):
        monkeypatch.setattr(tables, "WIDE_TABLES", wide and tables.WIDE_TABLES)
        rounded = np.empty_like(long)
        blend.write(long, short, rounded)
        results.append([blend(long, short), *blend.mapped(long, short), rounded])
    for now, before in zip(*results, strict=True):
        np.testing.assert_array_equal(now, before)


@given(arrays(np.uint8, (4, 4, 3)), arrays(np.uint8, (4, 4, 3)), st.integers(0, 9))
def test_y0_lies_between_the_two_mapped_images(long, short, seed):
    imf13, imf23 = imfs(seed)
    y0 = intermediate(long, short, imf13, imf23)
    for c in range(3):
        mapped = np.stack([imf13[c][long[..., c]], imf23[c][short[..., c]]]) / 255
        assert (y0[c] >= mapped.min(axis=0) - 1e-6).all()
        assert (y0[c] <= mapped.max(axis=0) + 1e-6).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_bounded_y0_is_at_least_white_of_long_where_neither_shows_anything(dtype):
    """Everywhere else it is y0. The bound lies above y0 of all these pixels."""
    z1, z2 = np.meshgrid([0, 251.3, 251.7, 255], [0, 1.3, 1.7, 255], indexing="ij")
    top = np.iinfo(dtype).max
    long, short = (np.stack([np.rint(z * (top / 255))] * 3, -1).astype(dtype) for z in (z1, z2))
    unseen = (z1 >= 251.5) & (z2 <= 1.5)
    darkened = np.stack([CODE_VALUES / step for step in (2, 3, 4)])
    brightened = np.tile(np.minimum(CODE_VALUES / 255 + 200 * (CODE_VALUES > 11), 255), (3, 1))
    blends = [Blend(darkened, brightened, np.dtype(dtype), bounded=b) for b in (False, True)]
    y0, bounded = (blend(long, short) for blend in blends)
    np.testing.assert_array_equal(bounded[:, ~unseen], y0[:, ~unseen])
    for c, step in enumerate((2, 3, 4)):
        assert (y0[c, unseen] < 245 / step / 255 - 0.01).any()
        expected = np.maximum(y0[c, unseen], 245 / step / 255)
        np.testing.assert_allclose(bounded[c, unseen], expected, rtol=1e-5)


def far_apart(white: float) -> list[np.ndarray]:
    """Return Λ13 and Λ23 of exposures in which white of long, 245, is a code value of short."""
    ratio = 245 / white
    return [np.tile(np.minimum(CODE_VALUES * k, 255), (3, 1)) for k in (ratio**-0.5, ratio**0.5)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("white", "bounded"), [(11.9, True), (12.1, False)])
def test_exposures_that_are_not_far_apart_are_not_bounded(white, bounded, dtype):
    """White in long and black in short is what moved, and no noise."""
    long, short = np.full((1, 1, 3), np.iinfo(dtype).max, dtype), np.zeros((1, 1, 3), dtype)
    y0, bound = (
        Blend(*far_apart(white), np.dtype(dtype), bounded=each)(long, short)[0, 0, 0]
        for each in (False, True)
    )
    assert (bound > y0 + 0.01) == bounded


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_noise_does_not_change_a_bounded_y0(dtype):
    long, short = np.full((1, 1, 3), np.iinfo(dtype).max, dtype), np.zeros((1, 1, 3), dtype)
    slopes = [
        Blend(*far_apart(5), np.dtype(dtype), bounded=each).slopes(long, short).max()
        for each in (False, True)
    ]
    assert slopes[1] < 0.1 * slopes[0]


def test_a_brighter_y0_is_not_bounded():
    long, short = np.full((1, 1, 3), 255, np.uint8), np.full((1, 1, 3), 1, np.uint8)
    imf13, imf23 = np.full((3, 256), 50.0), np.full((3, 256), 90.0)
    bounded = Blend(imf13, imf23, long.dtype, bounded=True)(long, short)
    np.testing.assert_allclose(bounded * 255, 90, atol=0.1)


def test_a_pixel_ignores_its_neighbours():
    long, short = images(shape=(9, 8, 3))
    blend = Blend(*imfs(), np.dtype(np.uint8))
    part = blend(long[2:5, 3:7], short[2:5, 3:7])
    np.testing.assert_array_equal(part, blend(long, short)[:, 2:5, 3:7])


def test_permuted_channels_permute_the_result():
    long, short = images()
    imf13, imf23 = imfs()
    order = [2, 0, 1]
    permuted = intermediate(long[..., order], short[..., order], imf13[order], imf23[order])
    np.testing.assert_array_equal(permuted, intermediate(long, short, imf13, imf23)[order])


def test_sixteen_bits_keep_fractions_of_a_code_value():
    ramp = np.arange(25700, 25957, dtype=np.uint16).reshape(1, -1, 1)
    identity = CODE_VALUES[None]
    y0 = intermediate(ramp, ramp, identity, identity)
    np.testing.assert_allclose(y0[0, 0] * 65535, ramp[0, :, 0], atol=0.05)


@given(st.lists(st.floats(-2, 3, width=32), min_size=1, max_size=20), st.sampled_from([8, 16]))
def test_quantising_clips_and_rounds_to_the_nearest(values, bits):
    dtype = np.dtype(f"uint{bits}")
    planes = np.array(values, np.float32).reshape(1, 1, -1)
    exact = np.clip(planes.astype(np.float64), 0, 1)[0, 0] * (2**bits - 1)
    out = np.empty((1, len(values), 1), dtype)
    quantise(planes.copy(), out)
    assert np.abs(out[0, :, 0] - exact).max() <= 0.5 + 2e-2


@given(st.floats(-1, 2, width=32), st.floats(-2, 2, width=32), st.sampled_from([8, 16]))
def test_a_sum_is_clipped_and_rounded_once(base, addition, bits):
    planes = (np.full((1, 1, 1), value, np.float32) for value in (base, addition))
    out = quantise_sum(*planes, np.dtype(f"uint{bits}"), factor=0.5)
    exact = np.clip(base + 0.5 * addition, 0, 1) * (2**bits - 1)
    assert abs(out.item() - exact) <= 0.5 + 2e-2

"""Laws of reducing the size of images."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expinterp.core.registration.downscale import halve, reduce_size

SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))


@given(SHAPES, SHAPES, st.sampled_from([np.uint8, np.uint16]), st.sampled_from([(), (1,), (3,)]))
def test_the_size_is_as_wanted_or_smaller_images_stay(shape, wanted, dtype, channels):
    image = np.full((*shape, *channels), 77, dtype)
    size = min(wanted[1], shape[1]), min(wanted[0], shape[0])
    small = reduce_size(image, size)
    assert small.shape == (*size[::-1], *channels)
    assert small.dtype == dtype
    assert (small == 77).all()
    assert reduce_size(image, (80, 80)) is image


@given(SHAPES, SHAPES)
def test_halving_keeps_the_least_size_and_not_twice_of_it(shape, least):
    small = halve(np.zeros((*shape, 3), np.uint8), (least[1], least[0]))
    if shape[0] >= least[0] and shape[1] >= least[1]:
        assert small.shape[0] >= least[0]
        assert small.shape[1] >= least[1]
        assert small.shape[0] < 2 * least[0] or small.shape[1] < 2 * least[1]
    else:
        assert small.shape[:2] == shape


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("shape", "blur"), [((480, 720), 0), ((511, 769), 25), ((400, 300), 9)])
def test_it_is_the_area_average_to_within_rounding(dtype, shape, blur):
    noise = np.random.default_rng(3).normal(120, 40, (*shape, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), blur) if blur else noise
    image = np.clip(smooth, 0, 255).astype(dtype)
    difference = reduce_size(image, (90, 60)) - cv2.resize(
        image.astype(np.float64), (90, 60), interpolation=cv2.INTER_AREA
    )
    assert abs(difference.mean()) < 0.6
    assert np.abs(difference).max() < 2

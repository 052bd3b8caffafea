"""One step down, one step up: closed forms, laws, and the same steps as matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from literal_fusion import doubling, halving

from expinterp.core.fusion.pyramid import expand, reduce, reduced_shape, support

SIDES = st.integers(1, 65) | st.sampled_from([1, 2, 3, 4, 5, 63, 64, 65])
SHAPES = st.tuples(SIDES, SIDES)
CODES = st.sampled_from([np.uint8, np.uint16])
DTYPES = st.sampled_from([np.uint8, np.uint16, np.float32])
SEEDS = st.integers(0, 999)
ODD_AND_EVEN = pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7, 8, 33, 64, 65])


def noise(shape: tuple[int, ...], dtype: type, seed: int) -> np.ndarray:
    """Draw values over the whole range of a dtype, 0..1 for floats; the ends occur often."""
    random = np.random.default_rng(seed)
    values = np.clip(random.uniform(-0.2, 1.2, shape), 0, 1)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    return (values * top).astype(dtype)


def unit(plane: np.ndarray) -> float:
    """Return the largest value of a dtype; tolerances are shares of it."""
    return 1.0 if plane.dtype == np.float32 else float(np.iinfo(plane.dtype).max)


def areas(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Tell how much of an axis the fine and the coarse samples stand for.

    Of an odd length the last samples lie on the ends of the axis, and stand for half as much.
    """
    fine, coarse = np.ones(size), np.full((size + 1) // 2, 2.0)
    if size == 1:
        coarse[0] = 1
    elif size % 2:
        fine[[0, -1]] = 0.5
        coarse[[0, -1]] = 1
    return fine, coarse


def integral(plane: np.ndarray, along: tuple[np.ndarray, np.ndarray]) -> float:
    return float(along[0] @ plane.astype(float) @ along[1])


# Closed forms


@ODD_AND_EVEN
def test_a_constant_stays_the_same_number(size):
    """Exact for code values; for other floats up to the rounding of their thirds and tenths."""
    for value in (0, 1, 255, 65535, 1 / 4, 1 / 3, 0.1):
        plane = np.full((size, 7), value, np.float32)
        tolerance = 0 if value in (0.0, 1 / 4) or value >= 1 else 1e-7
        np.testing.assert_allclose(reduce(plane), plane[: (size + 1) // 2, :4], rtol=tolerance)
        np.testing.assert_allclose(expand(reduce(plane), (size, 7)), plane, rtol=2 * tolerance)


@ODD_AND_EVEN
@pytest.mark.parametrize("upright", [(-1, 1), (1, -1)])
def test_a_ramp_goes_through_the_centres_of_the_samples(size, upright):
    """Inside: at the ends mirroring flattens it."""
    fine = np.arange(size, dtype=np.float32)
    coarse = np.arange((size + 1) // 2, dtype=np.float32)
    centre = 0 if size % 2 else 0.5  # of the coarse sample 0, on the axis of the fine ones
    halves = reduce(fine.reshape(upright)).ravel()
    np.testing.assert_array_equal(halves[1:-1], 2 * coarse[1:-1] + centre)
    doubled = expand(coarse.reshape(upright), fine.reshape(upright).shape).ravel()
    np.testing.assert_array_equal(doubled[2:-2], (fine[2:-2] - centre) / 2)


def test_two_samples_become_their_mean_and_one_stays():
    assert reduce(np.float32([[2, 10]])) == 6
    assert reduce(np.float32([[5]])) == 5
    np.testing.assert_array_equal(expand(np.float32([[5]]), (2, 2)), [[5, 5], [5, 5]])


@pytest.mark.parametrize(
    ("fine", "coarse"),
    [
        ([0, 0, 0, 0, 16, 0, 0, 0, 0], [0, 1, 6, 1, 0]),
        ([0, 0, 0, 16, 0, 0, 0, 0, 0], [0, 4, 4, 0, 0]),
        ([16, 0, 0, 0, 0], [6, 1, 0]),
        ([0, 16, 0, 0, 0], [8, 4, 0]),
        ([0, 0, 0, 16, 0, 0, 0, 0], [0, 6, 2, 0]),
        ([16, 0, 0, 0], [8, 0]),
    ],
)
def test_reduce_spreads_an_impulse_by_its_kernel(fine, coarse):
    np.testing.assert_array_equal(reduce(np.float32([fine])), [coarse])
    np.testing.assert_array_equal(reduce(np.float32([fine]).T), np.transpose([coarse]))


@pytest.mark.parametrize(
    ("coarse", "fine"),
    [
        ([0, 0, 8, 0, 0], [0, 0, 1, 4, 6, 4, 1, 0, 0]),
        ([8, 0, 0], [6, 4, 1, 0, 0]),
        ([0, 4, 0], [0, 1, 3, 3, 1, 0]),
        ([4, 0, 0], [4, 3, 1, 0, 0, 0]),
    ],
)
def test_expand_spreads_an_impulse_by_its_kernel(coarse, fine):
    doubled = expand(np.float32([coarse]), (1, len(fine)))
    np.testing.assert_array_equal(doubled, [fine])
    doubled = expand(np.float32([coarse]).T, (len(fine), 1))
    np.testing.assert_array_equal(doubled, np.transpose([fine]))


# Independent implementation


@given(SHAPES, DTYPES, SEEDS)
@settings(max_examples=60)
def test_both_steps_are_matrices_along_each_axis(shape, dtype, seed):
    plane = noise(shape, dtype, seed)
    coarse = noise(reduced_shape(shape), dtype, seed + 1)
    smaller = halving(shape[0]) @ plane @ halving(shape[1]).T
    larger = doubling(shape[0]) @ coarse @ doubling(shape[1]).T
    np.testing.assert_allclose(reduce(plane), smaller, rtol=0, atol=3e-7 * unit(plane))
    np.testing.assert_allclose(expand(coarse, shape), larger, rtol=0, atol=3e-7 * unit(plane))


# Laws


@given(SHAPES, DTYPES, SEEDS)
@settings(max_examples=40)
def test_what_reduce_lost_is_in_the_detail(shape, dtype, seed):
    """Taken apart down to one pixel and put together, a picture is itself again."""
    level = noise(shape, dtype, seed)
    top, whole = unit(level), level
    details = []
    while level.size > 1:
        coarse = reduce(level)
        details.append(level - expand(coarse, level.shape))
        level = coarse
    for detail in reversed(details):
        level = expand(level, detail.shape) + detail
    np.testing.assert_allclose(level, whole, rtol=0, atol=5e-7 * top)


@given(SHAPES, CODES, SEEDS)
@settings(max_examples=40)
def test_mirrored_and_transposed_code_values_have_the_same_pyramid(shape, dtype, seed):
    """Exactly: no product or sum of 16 bits and these kernels is rounded."""
    plane, coarse = noise(shape, dtype, seed), noise(reduced_shape(shape), dtype, seed + 1)
    for axis in (0, 1):
        mirrored = reduce(np.flip(plane, axis))
        np.testing.assert_array_equal(np.flip(mirrored, axis), reduce(plane))
        mirrored = expand(np.flip(coarse, axis), shape)
        np.testing.assert_array_equal(np.flip(mirrored, axis), expand(coarse, shape))
    np.testing.assert_array_equal(reduce(plane.T), reduce(plane).T)
    np.testing.assert_array_equal(expand(coarse.T, shape[::-1]), expand(coarse, shape).T)


@given(SHAPES, SEEDS)
@settings(max_examples=20)
def test_mirrored_floats_differ_by_the_rounding_of_their_sums(shape, seed):
    plane = noise(shape, np.float32, seed)
    for axis in (0, 1):
        back = np.flip(reduce(np.flip(plane, axis)), axis)
        np.testing.assert_allclose(back, reduce(plane), rtol=0, atol=3e-7)


@given(SHAPES, DTYPES, SEEDS, st.data())
@settings(max_examples=80)
def test_a_strip_is_the_same_as_in_the_whole(shape, dtype, seed, data):
    """Exactly, and from any row to any other."""
    plane, coarse = noise(shape, dtype, seed), noise(reduced_shape(shape), dtype, seed + 1)
    for whole, strip in (
        (reduce(plane), lambda rows: reduce(plane, rows)),
        (expand(coarse, shape), lambda rows: expand(coarse[support(rows, shape)], shape, rows)),
    ):
        start = data.draw(st.integers(0, len(whole) - 1))
        rows = slice(start, data.draw(st.integers(start + 1, len(whole))))
        np.testing.assert_array_equal(strip(rows), whole[rows])


def test_strips_of_every_place_and_height_are_those_of_the_whole():
    for size in (1, 2, 3, 8, 9):
        plane = noise((size, 5), np.float32, size)
        coarse = reduce(plane)
        whole = expand(coarse, plane.shape)
        for start in range(size):
            for stop in range(start + 1, size + 1):
                rows = slice(start, stop)
                np.testing.assert_array_equal(
                    expand(coarse[support(rows, plane.shape)], plane.shape, rows), whole[rows]
                )
        for start in range(len(coarse)):
            for stop in range(start + 1, len(coarse) + 1):
                rows = slice(start, stop)
                np.testing.assert_array_equal(reduce(plane, rows), coarse[rows])


@given(SHAPES, DTYPES, SEEDS)
@settings(max_examples=40)
def test_the_mean_over_the_area_is_kept(shape, dtype, seed):
    plane, coarse = noise(shape, dtype, seed), noise(reduced_shape(shape), dtype, seed + 1)
    fine_areas, coarse_areas = zip(*(areas(size) for size in shape), strict=True)
    tolerance = 3e-7 * unit(plane) * plane.size
    expected = pytest.approx(integral(plane, fine_areas), abs=tolerance)
    assert integral(reduce(plane), coarse_areas) == expected
    expected = pytest.approx(integral(coarse, coarse_areas), abs=tolerance)
    assert integral(expand(coarse, shape), fine_areas) == expected


@given(SHAPES, SEEDS)
@settings(max_examples=40)
def test_expand_is_the_adjoint_of_reduce(shape, seed):
    """⟨reduce(x), y⟩ = ⟨x, expand(y)⟩, weighed by area: no direction is blurred more than back."""
    plane, coarse = (
        noise(shape, np.float32, seed),
        noise(reduced_shape(shape), np.float32, seed + 1),
    )
    fine_areas, coarse_areas = zip(*(areas(size) for size in shape), strict=True)
    left = integral(reduce(plane) * coarse, coarse_areas)
    right = integral(plane * expand(coarse, shape), fine_areas)
    assert left == pytest.approx(right, abs=1e-6 * plane.size)


@given(SHAPES, DTYPES, SEEDS)
@settings(max_examples=30)
def test_no_step_leaves_the_range_of_its_picture(shape, dtype, seed):
    plane = noise(shape, dtype, seed)
    low, high = plane.min() - 1e-6 * unit(plane), plane.max() + 1e-6 * unit(plane)
    coarse = reduce(plane)
    for result in (coarse, expand(coarse, shape)):
        assert (result >= low).all()
        assert (result <= high).all()


# Edges


@given(SHAPES, DTYPES)
@settings(max_examples=30)
def test_sizes_are_halved_upwards_and_doubled_back(shape, dtype):
    coarse = reduce(np.zeros(shape, dtype))
    assert coarse.shape == reduced_shape(shape) == (-(-shape[0] // 2), -(-shape[1] // 2))
    assert expand(coarse, shape).shape == shape
    assert coarse.dtype == expand(coarse, shape).dtype == np.float32


@pytest.mark.parametrize("shape", [(4, 6), (5, 7), (5, 8), (7, 6), (3, 6), (0, 0)])
def test_a_size_that_is_not_reduced_to_this_one_is_refused(shape):
    with pytest.raises(ValueError, match="not reduced"):
        expand(np.zeros((3, 3), np.float32), shape)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_views_are_read_as_they_are_and_left_alone(dtype):
    whole = noise((40, 60, 3), dtype, 0)
    before = whole.copy()
    whole.flags.writeable = False
    for view in (whole[:, ::-1, 1], whole[::3, 5:-2:2, 0], whole[::-1, :, 2].T):
        copy = np.ascontiguousarray(view)
        np.testing.assert_array_equal(reduce(view), reduce(copy))
        shape = (2 * view.shape[0], 2 * view.shape[1] - 1)
        np.testing.assert_array_equal(expand(view, shape), expand(copy, shape))
    np.testing.assert_array_equal(whole, before)

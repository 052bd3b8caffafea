"""Multi-scale fusion: a literal implementation, closed forms, laws, and the order of brightness."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import cv2
import literal_fusion as literal
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import expose, scene

from expinterp.core import parallel
from expinterp.core.fusion import (
    Stack,
    Weighting,
    gaussian,
    pyramid,
    shoulder,
    smoothing,
    weighting,
)
from expinterp.core.fusion import stack as stack_module
from expinterp.core.parallel import use_threads

METHODS = pytest.mark.parametrize("method", ["guided", "mertens"])
SIDES = st.integers(1, 65) | st.sampled_from([1, 2, 3, 4, 5, 63, 64, 65])
SHAPES = st.tuples(SIDES, SIDES, st.sampled_from([1, 3]))
DTYPES = st.sampled_from([np.uint8, np.uint16])
ALL_METHODS = st.sampled_from(["guided", "mertens"])
SEEDS = st.integers(0, 999)
few = settings(max_examples=12)


def noise(shape: tuple[int, ...], dtype: type, seed: int) -> np.ndarray:
    """Draw code values; the ends of the range occur often."""
    values = np.random.default_rng(seed).uniform(-0.1, 1.1, shape).clip(0, 1)
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


def photographs(shape: tuple[int, ...], dtype: type, seed: int, count: int = 2) -> list[np.ndarray]:
    """Photograph a scene, from dark to bright, over 6 stops."""
    radiance = scene(shape[:2], seed=seed)[..., : shape[2]]
    times = [2.0**ev for ev in np.linspace(-3, 3, count)]
    return [expose(radiance, time, bits=8 * np.dtype(dtype).itemsize) for time in times]


@st.composite
def brackets(draw: st.DrawFn, least: int = 1, most: int = 4) -> list[np.ndarray]:
    """Draw exposures of a scene, or pictures of noise that have nothing in common."""
    shape, dtype, seed = draw(SHAPES), draw(DTYPES), draw(SEEDS)
    count = draw(st.integers(least, most))
    if draw(st.booleans()):
        return photographs(shape, dtype, seed, count)
    return [noise(shape, dtype, seed + k) for k in range(count)]


def fuse(images: list[np.ndarray], method: str = "guided", **options: object) -> np.ndarray:
    weighting = Weighting(**{k: v for k, v in options.items() if k != "levels"})
    return Stack(images, method=method, weighting=weighting, levels=options.get("levels")).fuse()


def difference(one: np.ndarray, other: np.ndarray) -> int:
    """Return the largest difference in code values."""
    return int(np.abs(one.astype(int) - other).max())


def default_levels(shape: tuple[int, ...]) -> int:
    return max(math.floor(math.log2(max(shape[:2]))), 1)


# Independent implementation

SIZES = [(1, 1), (1, 2), (1, 65), (3, 2), (5, 9), (17, 24), (64, 33), (65, 65)]


def literal_fuse(
    images: list[np.ndarray], method: str, levels: int | None = None, **options: float
) -> np.ndarray:
    """Fuse the slow way: code values (rows, cols, channels), not rounded."""
    levels = min(levels or 99, default_levels(images[0].shape))
    fused = literal.fuse(images, levels, Weighting(**options), smooth=method == "guided")
    wider = 1.7 if method == "guided" else 1.0
    bent = literal.bend(fused[0], fused[1], 0.9, wider) if levels > 1 else fused[0]
    return np.moveaxis(bent.clip(0, 1), 0, 2) * np.iinfo(images[0].dtype).max


@METHODS
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", SIZES)
def test_every_pixel_is_what_the_papers_say(shape, channels, method):
    """Half a code value is the rounding; the rest is a bin edge of `value_range`, which may round."""
    for dtype, tolerance in ((np.uint8, 0.7), (np.uint16, 60)):
        for images in (
            photographs((*shape, channels), dtype, seed=1, count=3),
            [noise((*shape, channels), dtype, seed) for seed in (0, 1)],
        ):
            expected = literal_fuse(images, method)
            np.testing.assert_allclose(fuse(images, method), expected, rtol=0, atol=tolerance)


@METHODS
def test_a_picture_of_several_strips_is_what_the_papers_say(method):
    images = photographs((150, 131, 3), np.uint16, seed=2)
    expected = literal_fuse(images, method)
    np.testing.assert_allclose(fuse(images, method), expected, rtol=0, atol=10)


@METHODS
@pytest.mark.parametrize(
    "options",
    [
        {"exposure_weight": 0.0},
        {"saturation_weight": 0.0, "contrast_weight": 2.0},
        {"contrast_weight": 0.0, "exposure_optimum": 0.7, "exposure_width": 0.1},
        {"saturation_weight": 0.5, "exposure_weight": 3.0, "exposure_width": 0.4},
        {"levels": 1},
        {"levels": 2},
        {"levels": 4, "exposure_optimum": 0.0},
    ],
)
def test_options_have_their_meaning(options, method):
    images = photographs((33, 47, 3), np.uint8, seed=3, count=3)
    expected = literal_fuse(images, method, **options)
    np.testing.assert_allclose(fuse(images, method, **options), expected, rtol=0, atol=0.6)


@given(SEEDS)
@settings(max_examples=20)
def test_levels_end_where_the_longer_side_has_2_to_4_pixels(seed):
    shape = tuple(np.random.default_rng(seed).integers(1, 66, 2))
    images = photographs((*shape, 1), np.uint8, seed)
    most = default_levels(shape)
    np.testing.assert_array_equal(fuse(images, levels=most), fuse(images))
    np.testing.assert_array_equal(fuse(images, levels=most + 9), fuse(images))
    longer = max(shape)
    for _ in range(most - 1):
        longer = (longer + 1) // 2
    assert 2 <= longer <= 4 or max(shape) == 1


def test_one_level_less_is_another_picture():
    images = photographs((64, 64, 1), np.uint16, 0)
    results = [fuse(images, levels=levels) for levels in (1, 2, 3, 4, 5, 6)]
    assert all(difference(one, other) > 5 for one, other in pairwise(results))


# Closed forms


@given(brackets(least=1, most=1), ALL_METHODS, st.integers(1, 4))
@settings(max_examples=30)
def test_a_picture_fused_with_itself_is_itself(images, method, count):
    """One, two, or more: to the last bit of 16."""
    np.testing.assert_array_equal(fuse(images * count, method), images[0])


@given(SHAPES, DTYPES, SEEDS, ALL_METHODS)
@few
def test_flat_pictures_give_the_weighted_mean_of_their_colours(shape, dtype, seed, method):
    """In any size: contrast, smoothing and levels have no effect."""
    top = np.iinfo(dtype).max
    colours = np.random.default_rng(seed).integers(0, top, (3, shape[2]), endpoint=True)
    images = [np.full(shape, colour, dtype) for colour in colours]
    values = colours / top
    exposedness = np.exp(-3 * np.mean((values - 0.5) ** 2, axis=1) / (2 * 0.2**2))
    if method == "guided":
        exposedness *= [literal.certainty(value[:, np.newaxis])[0] for value in values]
    weights = exposedness * (np.std(values, axis=1) + 1 / 255)
    expected = top * (weights @ values) / weights.sum()
    fused = fuse(images, method)
    assert (fused == fused[0, 0]).all()
    np.testing.assert_allclose(fused[0, 0], expected, rtol=0, atol=0.52 if top == 255 else 2)


@METHODS
def test_all_black_all_white_and_both(method):
    """Black and white are as far from the optimum: grey, half-way."""
    for shape in ((1, 1, 3), (1, 40, 1), (33, 20, 3)):
        black, white = np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)
        assert (fuse([black, black], method) == 0).all()
        assert (fuse([white, white, white], method) == 255).all()
        assert (np.abs(fuse([black, white], method) - 127.5) <= 0.5).all()


@given(brackets(least=2), ALL_METHODS)
@few
def test_a_single_level_is_a_mean_weighted_pixel_by_pixel(images, method):
    stack = Stack(images, method=method, levels=1)
    expected = sum(
        image * stack.weights(k)[..., np.newaxis].astype(float) for k, image in enumerate(images)
    )
    tolerance = 0.51 if images[0].dtype == np.uint8 else 1
    np.testing.assert_allclose(stack.fuse(), expected, rtol=0, atol=tolerance)


# Laws


@given(brackets(), ALL_METHODS, st.sampled_from([None, 1, 2]))
@few
def test_weights_sum_to_one_and_lie_between(images, method, levels):
    stack = Stack(images, method=method, levels=levels)
    weights = [stack.weights(index) for index in range(len(images))]
    np.testing.assert_allclose(sum(weights), 1, atol=1e-6)
    for plane in weights:
        assert plane.dtype == np.float32
        assert plane.shape == images[0].shape[:2]
        assert plane.min() >= 0
        assert plane.max() <= 1


def test_weights_that_are_all_smoothed_below_0_become_equal(monkeypatch):
    """Far from any edge a fit may say less than nothing of every exposure."""

    def nothing(guide: np.ndarray, *_: object, **__: object) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros_like(guide), np.full_like(guide, -0.1)

    monkeypatch.setattr(smoothing, "guided_coefficients", nothing)
    images = photographs((40, 30, 3), np.uint8, seed=0, count=4)
    stack = Stack(images, levels=1)
    assert all((stack.weights(index) == 0.25).all() for index in range(4))
    assert np.abs(stack.fuse() - np.mean(images, axis=0)).max() <= 0.51


@given(brackets(least=2), ALL_METHODS, st.randoms(use_true_random=False))
@few
def test_the_order_of_the_pictures_matters_by_rounding_alone(images, method, random):
    """Differences to another first picture, and sums in another order, may round differently."""
    fused = fuse(images, method)
    random.shuffle(images)
    assert difference(fuse(images, method), fused) <= 1


TURNS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "upside down": np.flipud,
    "left to right": np.fliplr,
    "rows to cols": lambda image: image.transpose(1, 0, 2),
}


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
@given(images=brackets(least=2), method=ALL_METHODS)
@few
def test_mirrored_and_transposed_pictures_are_fused_alike(turn, images, method):
    """The sums of the filters run the other way, and may round so; 16 bits show no more of it."""
    turned = fuse([np.ascontiguousarray(turn(image)) for image in images], method)
    assert difference(turned, turn(fuse(images, method))) <= 1


@given(brackets(least=2))
@few
def test_negatives_give_the_negative(images):
    """Plain fusion treats bright and dark alike, except at the bin edges of `value_range`."""
    top = np.iinfo(images[0].dtype).max
    negative = fuse([top - image for image in images], "mertens")
    assert difference(negative, top - fuse(images, "mertens")) <= max(1, top // 1024)


@given(brackets(least=2), ALL_METHODS)
@few
def test_grey_in_one_channel_is_grey_in_three(images, method):
    """Except for the rounding of the sum that makes three equal channels grey."""
    images = [image[..., :1] for image in images]
    colours = fuse([np.repeat(image, 3, axis=2) for image in images], method)
    assert difference(colours[..., :1], colours[..., 1:]) == 0
    assert difference(colours, fuse(images, method)) <= 1


@given(brackets(least=2), ALL_METHODS)
@few
def test_a_picture_twice_counts_twice(images, method):
    """Fusing (a, b) is fusing (a, a, b, b)."""
    assert difference(fuse(images + images, method), fuse(images, method)) <= 1


@METHODS
def test_sixteen_bits_show_the_same_picture_in_finer_steps(method):
    fine = photographs((60, 70, 3), np.uint16, seed=5, count=3)
    coarse = photographs((60, 70, 3), np.uint8, seed=5, count=3)
    fused = fuse(fine, method)
    assert len(np.unique(fused)) > 2000
    assert len(np.unique(fused % 257)) == 257
    near = np.abs(fused / 257 - fuse(coarse, method))
    assert np.median(near) < 0.4
    assert np.percentile(near, 99) < 1.5
    widened = [image.astype(np.uint16) * 257 for image in coarse]
    np.testing.assert_allclose(fuse(widened, method) / 257, fuse(coarse, method), atol=0.52)


@METHODS
@pytest.mark.parametrize("rows", [1, 3, 7, 10, 1000])
def test_the_height_of_strips_changes_nothing(monkeypatch, rows, method):
    """Except the last bit of a weight, with the interpolation of older versions of OpenCV."""
    images = photographs((71, 45, 3), np.uint8, seed=6)
    stack = Stack(images, method=method)
    fused, weights = stack.fuse(), stack.weights(0)
    monkeypatch.setattr(parallel, "LEAST", rows)
    monkeypatch.setattr(parallel, "AREA", 1)
    stack = Stack(images, method=method)
    np.testing.assert_array_equal(stack.fuse(), fused)
    np.testing.assert_allclose(stack.weights(0), weights, rtol=0, atol=1e-7)


@pytest.fixture
def threads(monkeypatch) -> Iterator[Callable[[int], None]]:
    """Set the number of threads, until the test ends."""
    before = cv2.getNumThreads()
    monkeypatch.setattr(parallel, "_threads", parallel._Threads())
    yield use_threads
    cv2.setNumThreads(before)


@METHODS
def test_the_number_of_threads_changes_nothing(threads, method):
    images = photographs((300, 45, 3), np.uint8, seed=7)
    results = []
    for count in (1, 2, 5):
        threads(count)
        results.append(fuse(images, method))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@METHODS
def test_views_are_fused_as_they_are_and_left_alone(method):
    whole = np.stack(photographs((150, 130, 3), np.uint8, seed=8, count=3))
    before = whole.copy()
    whole.flags.writeable = False
    for view in (
        whole[:, ::2, 10:60:3],
        whole[:, ::-1, :40, ::-1],
        whole[:, :50, :40, 1:2],
        whole[:, :20, :30].swapaxes(1, 2),
    ):
        copies = [np.ascontiguousarray(image) for image in view]
        np.testing.assert_array_equal(fuse(list(view), method), fuse(copies, method))
    np.testing.assert_array_equal(whole, before)


@given(brackets(), ALL_METHODS)
@few
def test_the_result_is_a_new_picture_of_the_same_kind(images, method):
    before = [image.copy() for image in images]
    stack = Stack(images, method=method)
    fused = stack.fuse()
    assert fused.shape == images[0].shape
    assert fused.dtype == images[0].dtype
    assert fused.flags.c_contiguous
    assert not any(np.shares_memory(fused, image) for image in images)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(stack.fuse(), fused)


@METHODS
@pytest.mark.parametrize("keep", [0, gaussian.KEEP])
@pytest.mark.parametrize("shape", [(71, 45, 3), (64, 32, 1), (1, 9, 3), (33, 2, 3)])
def test_the_result_may_be_written_over_a_picture(monkeypatch, shape, keep, method):
    """No strip reads rows that were written, also if it computes the next level again from them."""
    expected = fuse(photographs(shape, np.uint16, seed=9, count=3), method)
    monkeypatch.setattr(parallel, "AREA", 1)
    monkeypatch.setattr(gaussian, "KEEP", keep)
    for place in (0, 1, 2):
        images = photographs(shape, np.uint16, seed=9, count=3)
        fused = Stack(images, method=method).fuse(out=images[place])
        assert fused is images[place]
        np.testing.assert_array_equal(fused, expected)


@given(brackets(least=2), ALL_METHODS, st.sampled_from([None, 1, 2, 3]))
@few
def test_a_level_that_is_not_stored_is_the_same(images, method, levels):
    expected = fuse(images, method, levels=levels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaussian, "KEEP", 0)
        np.testing.assert_array_equal(fuse(images, method, levels=levels), expected)


def test_large_pictures_have_the_base_of_some_of_their_rows(monkeypatch):
    images = photographs((200, 90, 3), np.uint8, seed=4)
    whole = Stack(images)
    monkeypatch.setattr(stack_module, "ENOUGH", whole.base.size // 3)
    part = Stack(images)
    np.testing.assert_array_equal(
        part.base, np.concatenate([whole.base[n : n + 8] for n in range(0, 100, 24)])
    )


def test_progress_rises_to_one(monkeypatch):
    monkeypatch.setattr(parallel, "AREA", 9 * 32)
    stack, seen = Stack(photographs((100, 9, 1), np.uint8, 0)), []
    stack.fuse(progress=seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]


# Brightness


def halves(
    shape: tuple[int, int], values: tuple[int, int], axis: int, dtype: type = np.uint8
) -> np.ndarray:
    """Draw two flat halves, above each other or side by side."""
    image = np.full((*shape, 3), values[1], dtype)
    np.moveaxis(image, axis, 0)[: shape[axis] // 2] = values[0]
    return image


def fuse_halves(
    shape: tuple[int, int], axis: int, method: str, *values: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Fuse flat halves: the darker and the brighter half, their middle axis first."""
    images = [halves(shape, pair, axis) for pair in values]
    fused = np.moveaxis(fuse(images, method), axis, 0).astype(int)
    dark, bright = np.split(fused, [len(fused) // 2])
    return dark, bright


SHORT, BETWEEN, LONG = (11, 60), (60, 180), (180, 255)
LONG_AND_SHORT = [(100, 900), (900, 100), (256, 256), (40, 2000), (30, 30), (64, 7), (4, 900)]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", LONG_AND_SHORT)
def test_flat_halves_keep_their_order(shape, axis):
    """At the edge and on average; far from the edge within a few code values."""
    dark, bright = fuse_halves(shape, axis, "guided", SHORT, LONG)
    assert bright[0].min() > dark[-1].max()
    assert bright.mean() > dark.mean() + 5
    assert bright.min() > dark.max() - 16


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("shape", [*LONG_AND_SHORT, (2, 2), (1, 5)])
def test_with_one_between_no_pixel_of_flat_halves_is_out_of_order(shape, axis):
    dark, bright = fuse_halves(shape, axis, "guided", SHORT, BETWEEN, LONG)
    if dark.size:
        assert bright.min() > dark.max() + 40


@pytest.mark.parametrize("shape", [(256, 256), (40, 2000), (64, 80)])
def test_plain_fusion_reverses_the_order_of_flat_halves(shape):
    """What the guided filter is there for."""
    dark, bright = fuse_halves(shape, 1, "mertens", SHORT, LONG)
    assert bright.mean() < dark.mean() - 10
    assert bright.min() < dark.max() - 50


def largest_drop(image: np.ndarray) -> int:
    """Tell by how much a line of growing radiance falls at most."""
    line = image[0, :, 0].astype(int)
    return int((np.maximum.accumulate(line) - line).max())


@METHODS
@pytest.mark.parametrize("levels", [1, 3, 5])
@pytest.mark.parametrize("ratio", [16, 64, 256])
def test_the_medium_reduces_brightness_order_reversal(ratio, levels, method):
    """On a grey ramp, where the two alone turn the order of dark and bright by a third of all."""
    radiance = np.tile(np.geomspace(2**-9, 1, 300)[:, np.newaxis], (20, 1, 1))
    long, medium, short = (expose(radiance, 4 * ratio**power) for power in (0.5, 0.0, -0.5))
    alone = largest_drop(fuse([short, long], method, levels=levels))
    between = largest_drop(fuse([short, medium, long], method, levels=levels))
    assert alone > 20
    assert between < 0.65 * alone


@pytest.mark.parametrize("ratio", [16, 64, 256])
def test_with_all_levels_a_ramp_rises(ratio):
    radiance = np.tile(np.geomspace(2**-9, 1, 300)[:, np.newaxis], (20, 1, 1))
    long, medium, short = (expose(radiance, 4 * ratio**power) for power in (0.5, 0.0, -0.5))
    assert largest_drop(fuse([short, long])) <= 8
    assert largest_drop(fuse([short, medium, long])) <= 1


def test_overshoot_is_bent_and_not_clipped(monkeypatch):
    """Where the sum of the levels goes beyond white, detail stays."""
    images = photographs((90, 100, 3), np.uint16, seed=2)
    stack = Stack(images)
    assert stack.base.max() > 1.01
    fused = stack.fuse()
    monkeypatch.setattr(stack_module, "value_range", lambda _: (0.0, 1.0))
    clipped = Stack(images).fuse()
    assert (fused == 65535).mean() < 0.3 * (clipped == 65535).mean()
    low, high = np.array([1 - shoulder.KNEE, shoulder.KNEE]) * 65535
    middle = (clipped > low + 1) & (clipped < high - 1)
    np.testing.assert_array_equal(fused[middle], clipped[middle])


@pytest.mark.parametrize(("radius", "stripe"), [(6, 3), (12, 4), (20, 8)])
def test_what_only_the_darkest_shot_holds_stays_distinguishable(radius, stripe):
    """A lamp, white in four of five shots, keeps stripes and a warm colour, and is not white.

    The stripes differ by 19 code values in the darkest shot; curve and weights alone left 3 to 5.
    """
    y, x = np.indices((192, 192)) - 95.5
    lamp, odd = np.hypot(x, y) < radius, (x + 95.5) // stripe % 2 == 1
    radiance = scene((192, 192), seed=1) * 0.3
    radiance[lamp] = np.outer(np.where(odd, 62.5, 50)[lamp], [1, 0.9, 0.7])
    shots = [expose(radiance, 2.0**-ev) for ev in (6.6, 5, 3.3, 1.7, 0)]
    assert all(shot[lamp].min() > 250 for shot in shots[1:])
    fused = fuse(shots).astype(float)
    assert fused[lamp & odd, 1].mean() - fused[lamp & ~odd, 1].mean() > 5.5
    assert fused[lamp, 0].mean() - fused[lamp, 2].mean() > 4
    assert np.mean(fused[lamp].min(axis=1) > 250) < 0.01


# Options


def test_the_optimum_moves_brightness():
    images = photographs((60, 70, 3), np.uint8, seed=3, count=3)
    means = [fuse(images, exposure_optimum=o).mean() for o in (0.1, 0.3, 0.5, 0.7, 0.9)]
    assert (np.diff(means) > 2).all()


def test_a_weight_of_0_leaves_a_measure_out():
    """Flat colours differ in exposedness and saturation alone; with neither all weigh the same."""
    images = [np.full((9, 9, 3), colour, np.uint8) for colour in ([240, 200, 10], [128, 128, 128])]
    mean = np.mean([image[0, 0] for image in images], axis=0)

    def brought(**options: float) -> np.ndarray:
        return np.abs(fuse(images, **options)[0, 0] - mean)

    assert (brought(exposure_weight=0.0, saturation_weight=0.0) <= 0.51).all()
    assert brought(exposure_weight=0.0).max() > 40  # the colourful one
    assert brought(saturation_weight=0.0).max() > 40  # the well-exposed one


def test_contrast_counts_only_with_its_weight():
    grain = np.indices((16, 16)).sum(axis=0)[..., np.newaxis] % 2 * 4
    rough, flat = (100 + grain).astype(np.uint8), np.full((16, 16, 1), 151, np.uint8)
    options = {"exposure_weight": 0.0, "levels": 1}
    assert fuse([rough, flat], contrast_weight=0.0, **options).mean() == pytest.approx(126.5, abs=1)
    assert fuse([rough, flat], contrast_weight=1.0, **options).mean() < 106
    assert fuse([rough, flat], contrast_weight=2.0, **options).mean() < 103


@given(brackets(least=2), ALL_METHODS)
@few
def test_the_largest_weights_choose_the_best(images, method):
    """Where the measures to the power of 100 leave the range of floats, the best one counts."""
    stack = Stack(
        images,
        weighting=Weighting(exposure_weight=100, saturation_weight=0, contrast_weight=0),
        method=method,
        levels=1,
    )
    total = sum(stack.weights(index) for index in range(len(images)))
    np.testing.assert_allclose(total, 1, atol=1e-6)
    flat = [np.full((5, 4, 3), value, np.uint8) for value in (0, 40, 255)]
    options = {"exposure_weight": 100.0, "saturation_weight": 100.0, "contrast_weight": 100.0}
    assert (fuse(flat, method, exposure_width=0.001, **options) == 40).all()


@pytest.mark.parametrize("value", [-0.01, -math.inf, math.inf, math.nan, 101])
@pytest.mark.parametrize("name", ["exposure_weight", "saturation_weight", "contrast_weight"])
def test_impossible_weights_are_refused(name, value):
    with pytest.raises(ValueError, match=rf"{name} must lie in 0\.\.100,"):
        Weighting(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("exposure_width", 0.0),
        ("exposure_width", -0.2),
        ("exposure_width", 1e-25),
        ("exposure_width", math.inf),
        ("exposure_width", math.nan),
        ("exposure_optimum", -0.1),
        ("exposure_optimum", 1.1),
        ("exposure_optimum", math.nan),
    ],
)
def test_impossible_exposures_are_refused(name, value):
    ends = {"exposure_width": r"0\.001\.\.1000,", "exposure_optimum": r"0\.\.1,"}
    with pytest.raises(ValueError, match=f"{name} must lie in {ends[name]}"):
        Weighting(**{name: value})


def test_the_ends_of_every_range_are_allowed():
    for name, ends in weighting.RANGES.items():
        for value in ends:
            images = photographs((20, 21, 3), np.uint8, 0, count=3)
            assert np.isfinite(Stack(images, weighting=Weighting(**{name: value})).weights(0)).all()


@pytest.mark.parametrize("levels", [0, -1])
def test_no_levels_are_refused(levels):
    with pytest.raises(ValueError, match="levels"):
        Stack([np.zeros((9, 9, 3), np.uint8)], levels=levels)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="guided"):
        Stack([np.zeros((9, 9, 3), np.uint8)], method="Mertens")


@pytest.mark.parametrize(
    ("images", "word"),
    [
        ([], "at least one"),
        ([np.zeros((9, 9, 2), np.uint8)], "1 or 3"),
        ([np.zeros((9, 9, 4), np.uint8)], "1 or 3"),
        ([np.zeros((9, 0, 3), np.uint8)], "1 or 3"),
        ([np.zeros((9, 9, 3), np.float32)], "uint16"),
        ([np.zeros((9, 9, 3), bool)], "uint16"),
        ([np.zeros((9, 9, 3), np.dtype(np.uint16).newbyteorder())], "byte order"),
    ],
)
def test_arrays_that_are_not_exposures_of_one_kind_are_refused(images, word):
    with pytest.raises(ValueError, match=word):
        Stack(images)


def test_greys_without_a_channel_axis_give_greys_without_one():
    images = photographs((20, 21, 1), np.uint8, 0, count=3)
    flat = Stack([image[..., 0] for image in images]).fuse()
    np.testing.assert_array_equal(flat, Stack(images).fuse()[..., 0])


def test_weights_of_one_level_are_expanded_as_planes_are():
    offset, slope = np.random.default_rng(0).random((2, 5, 7), np.float32)
    rows = slice(2, 7)
    part = pyramid.support(rows, (10, 13))
    for fit in (smoothing.SmoothWeights(None, offset), smoothing.SmoothWeights(slope, offset)):
        fine = fit.rows(part).expand((10, 13), rows)
        assert (fine.slope is None) == (fit.slope is None)
        whole = pyramid.expand(offset, (10, 13))[rows]
        np.testing.assert_allclose(fine.offset, whole, atol=1e-6)

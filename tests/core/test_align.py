"""Registration: motions that are known are found, what stands still is left alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_samples import SHAPE, TIME, seen, shots, similarity, textured
from synthetic import expose, psnr

import expinterp
from expinterp.core import align
from expinterp.core.align import Motion, find_motion, find_motions, warp
from expinterp.core.mapping import joint_histogram, matched_levels
from expinterp.core.pair import measure


def disagreement(found, truth, shape=SHAPE):
    """How far two motions part at most, in pixels, over the corners of a frame."""
    rows, cols = shape
    corners = np.array([[0, 0, 1], [cols, 0, 1], [0, rows, 1], [cols, rows, 1]]).T
    return np.abs((found - truth) @ corners).max()


@pytest.mark.parametrize("ratio", [4, 16, 64])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_known_motion_is_found(ratio, bits):
    truth = similarity(2.6, -1.7, degrees=0.15, scale=1.001)
    found = find_motion(*shots(truth, ratio=ratio, bits=bits))
    assert disagreement(found.matrix, truth) < 0.5
    middle = truth @ [300, 200, 1] - [300, 200, 1]
    assert found.pixels == pytest.approx(np.hypot(*middle[:2]), abs=0.3)


@settings(max_examples=8)
@given(
    right=st.floats(-7, 7),
    down=st.floats(-7, 7),
    degrees=st.floats(-0.3, 0.3),
    seed=st.integers(0, 9),
)
def test_motions_of_a_hand_are_found(right, down, degrees, seed):
    """A motion of less than ¾ pixel counts as none; the measurement errs a little."""
    truth = similarity(right, down, degrees=degrees)
    found = find_motion(*shots(truth, seed=seed))
    assert found.pixels is not None
    assert disagreement(found.matrix, truth) < (0.6 if found.pixels else 2.0)
    assert found.pixels or np.hypot(right, down) < 1


def test_blocks_that_mostly_disagree_tell_no_motion():
    """Three strips that move in three ways: a third of the blocks agrees on each."""
    radiance = textured()
    moved = [seen(radiance, similarity(*by)) for by in ((6, 0), (-6, 5), (5, -6))]
    strips = np.hstack([image[:, 200 * k : 200 * (k + 1)] for k, image in enumerate(moved)])
    one, two = expose(radiance, TIME), expose(np.maximum(strips, 0), TIME / 16)
    assert find_motion(one, two).pixels is None


@pytest.mark.slow
def test_large_pictures_are_registered_on_a_small_copy_first():
    shape = (1500, 2200)
    truth = similarity(13.4, 8.2, degrees=0.1, shape=shape)
    found = find_motion(*shots(truth, shape=shape))
    assert disagreement(found.matrix, truth, shape) < 0.5


@pytest.mark.parametrize("shape", [(360, 1000), (200, 1100), (1100, 380)])
def test_narrow_pictures_are_registered_at_any_length(shape):
    truth = similarity(6.0, 4.0, shape=shape)
    found = find_motion(*shots(truth, shape=shape))
    assert found.pixels == pytest.approx(np.hypot(6, 4), abs=0.3)
    assert disagreement(found.matrix, truth, shape) < 0.6


@pytest.mark.parametrize("matrix", [similarity(), similarity(0.4, -0.3)])
def test_a_pair_without_motion_stays_as_it_is(matrix):
    long, short = shots(matrix)
    assert find_motion(long, short).pixels == 0
    pair = measure(long, short)
    assert pair.motion.pixels == 0
    assert pair.long is long
    assert pair.short is short


@pytest.mark.parametrize("shape", [(1, 1), (5, 700), (63, 63), (64, 64), (130, 131)])
def test_small_and_narrow_pictures_have_no_motion_to_find(shape):
    long, short = shots(np.eye(3), shape=shape)
    assert find_motion(long, short).pixels is None


def test_pictures_without_texture_or_all_clipped_have_no_motion():
    flat = np.full((*SHAPE, 3), 90, np.uint8)
    assert find_motion(flat, flat // 2).pixels is None
    long, short = shots(similarity(4, 2))
    assert find_motion(np.full_like(long, 255), short).pixels is None
    assert find_motion(long, np.zeros_like(short)).pixels is None


def test_clipped_pixels_do_not_count():
    """A grid that stands still before a scene that moves: white in both, as dust or a caption."""
    truth = similarity(6.0, 4.0)
    long, short = shots(truth)
    for at in range(0, SHAPE[1], 40):
        for image in (long, short):
            image[:, at : at + 4] = image[at : at + 4] = 255
    assert disagreement(find_motion(long, short).matrix, truth) < 0.6


@pytest.mark.parametrize("radius", [8, 12])
def test_mostly_clipped_blocks_do_not_count(radius):
    """Holes in a white wall: their rims stand still, the scene behind them moves."""
    y, x = np.indices(SHAPE) % 64 - 32
    for matrix in (np.eye(3), similarity(6.0, 4.0)):
        long, short = shots(matrix)
        long[np.hypot(x, y) > radius] = short[np.hypot(x, y) > radius] = 255
        assert find_motion(long, short).pixels is None


def test_a_motion_smaller_than_the_scatter_of_its_blocks_is_seldom_believed():
    """As through hot air: a shift of half a pixel, with a standard deviation of more than one."""
    shape, believed = (160, 230), 0
    for seed in range(30):
        haze = np.random.default_rng(seed).normal(0, 1.2, (5, 7, 2)).astype(np.float32)
        right, down = np.moveaxis(
            cv2.resize(haze, shape[::-1], interpolation=cv2.INTER_CUBIC), 2, 0
        )
        y, x = np.indices(shape, np.float32)
        radiance = textured(shape, seed=seed)
        bent = cv2.remap(radiance, x + right + 0.5, y + down, cv2.INTER_CUBIC)
        believed += bool(
            find_motion(expose(radiance, TIME), expose(np.maximum(bent, 0), TIME / 16)).pixels
        )
    assert believed <= 5


def test_the_motion_between_different_scenes_is_unknown():
    long, _ = shots(np.eye(3), seed=1)
    _, short = shots(np.eye(3), seed=2)
    assert find_motion(long, short).pixels is None


def test_a_motion_that_is_too_large_is_unknown():
    long, short = shots(similarity(20, 0))
    assert find_motion(long, short).pixels is None


def test_an_object_that_moves_is_not_a_motion_of_the_camera():
    truth = similarity(3.0, 2.0)
    long, short = shots(truth)
    short[100:220, 150:330] = np.roll(short, 40, axis=1)[100:220, 150:330]
    assert disagreement(find_motion(long, short).matrix, truth) < 0.5


def test_two_half_motions_make_the_whole_motion():
    truth = similarity(7.0, -3.0, degrees=2.0, scale=1.02)
    to_one, to_two = Motion(truth, 1.0).halves()
    np.testing.assert_allclose(to_two @ np.linalg.inv(to_one), truth, atol=1e-9)
    np.testing.assert_allclose(to_two @ to_two, truth, atol=1e-9)


def test_a_warp_by_whole_pixels_moves_pixels_and_changes_none():
    long, _ = shots(np.eye(3), bits=16)
    moved = warp(long, similarity(5, 3))
    np.testing.assert_array_equal(moved[:-3, :-5], long[3:, 5:])
    assert moved.dtype == long.dtype
    np.testing.assert_array_equal(warp(moved[..., :1], similarity(2, 1)).shape, (*SHAPE, 1))


def test_a_warp_by_the_identity_returns_the_same_array():
    long, _ = shots(np.eye(3))
    assert warp(long, np.eye(3)) is long


@pytest.mark.parametrize("swap", [False, True])
def test_a_pair_that_moved_is_aligned_to_the_pose_half_way(swap):
    truth = similarity(3.4, -2.2, degrees=0.1)
    long, short = shots(truth)
    half = Motion(truth, 1.0).halves()[1]
    medium = expose(np.maximum(seen(textured(), half), 0), TIME / 4)
    images = (short, long) if swap else (long, short)
    inner = np.s_[20:-20, 20:-20]
    aligned, left = (expinterp.interpolate(*images, align=align) for align in (True, False))
    assert psnr(aligned.medium[inner], medium[inner]) > psnr(left.medium[inner], medium[inner]) + 6
    assert left.pair.motion is None
    pair = aligned.pair
    levels = [matched_levels(channel) for channel in joint_histogram(pair.long, pair.short)]
    np.testing.assert_array_equal(pair.levels, levels)
    assert "moved" in " ".join(aligned.pair.notices)


def test_inputs_are_not_changed():
    long, short = shots(similarity(4, 2))
    before = long.copy(), short.copy()
    expinterp.interpolate(long, short)
    np.testing.assert_array_equal(long, before[0])
    np.testing.assert_array_equal(short, before[1])


def test_grey_pictures_are_registered_as_well():
    truth = similarity(3.0, 2.0)
    long, short = (image[..., 1:2] for image in shots(truth))
    assert disagreement(find_motion(long, short).matrix, truth) < 0.5
    assert expinterp.interpolate(long, short).medium.shape == long.shape


def test_motions_of_a_series_add_up():
    radiance = textured()
    matrices = [similarity(5.0, 3.0), similarity(2.0, -1.5, degrees=0.1), np.eye(3)]
    images = [
        expose(np.maximum(seen(radiance, matrix), 0), time)
        for matrix, time in zip(matrices, (TIME / 16, TIME / 4, TIME), strict=True)
    ]
    motions = find_motions(images)
    for motion, matrix in zip(motions, matrices, strict=True):
        assert disagreement(motion.matrix, matrix) < 0.6
    assert motions[-1].pixels == 0
    flat = np.full_like(images[0], 1)
    unknown = find_motions([flat, *images[1:]])[0]
    np.testing.assert_array_equal(unknown.matrix, motions[1].matrix)
    assert find_motions([flat, images[2]])[0].pixels is None
    assert motions[0].pixels == pytest.approx(np.hypot(5, 3), abs=0.4)


def test_motions_of_a_series_are_products(monkeypatch):
    """First the motion from the brightest exposure, then that from the next one."""
    first, second = similarity(5, 3, degrees=3), similarity(-2, 4, degrees=-5, scale=1.1)
    motions = iter([Motion(first, 1.0), Motion(second, 1.0)])
    monkeypatch.setattr(align, "find_motion", lambda *_: next(motions))
    found = find_motions([np.zeros((4, 4, 3), np.uint8)] * 3)
    for motion, expected in zip(found, (second @ first, first, np.eye(3)), strict=True):
        np.testing.assert_allclose(motion.matrix, expected)


def test_a_motion_is_unknown_after_an_unknown_one():
    dark, mid = shots(np.eye(3))[::-1]
    clipped = np.full_like(mid, 255)
    assert [motion.pixels for motion in find_motions([dark, mid, clipped])] == [None, None, 0]
    moved = shots(similarity(4.0, 3.0))[1]
    assert find_motions([moved, mid, clipped])[0].pixels == pytest.approx(
        5, abs=0.3
    )  # is corrected


def test_a_fusion_is_aligned_to_the_brightest_exposure():
    radiance = textured()
    moved = np.maximum(seen(radiance, similarity(4.0, -3.0)), 0)
    still = [expose(radiance, time) for time in (TIME / 16, TIME)]
    images = [expose(moved, TIME / 16), still[1]]
    inner = np.s_[20:-20, 20:-20]
    truth = expinterp.fuse(still).fused[inner]
    aligned, left = (expinterp.fuse(images, align=align).fused[inner] for align in (True, False))
    assert psnr(aligned, truth) > psnr(left, truth) + 6

"""Registration: motions that are known are found, what stands still is left alone."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_samples import SHAPE, TIME, error, hand, seen, shots, similarity, textured
from synthetic import expose, psnr

import expinterp
from expinterp.core.fusion.plan import plan_exposures
from expinterp.core.mapping import joint_histogram, matched_levels
from expinterp.core.registration import motion as module
from expinterp.core.registration.motion import STILL, UNKNOWN, Motion, find_motion, find_motions
from expinterp.core.registration.viewing import Viewing
from expinterp.core.registration.viewpoint import view_pair
from expinterp.pipeline import measure


@pytest.mark.parametrize("ratio", [4, 64])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_small_motion_is_found(ratio, bits):
    truth = similarity(2.6, -1.7, degrees=0.15, scale=1.001)
    found = find_motion(*shots(truth, ratio=ratio, bits=bits))
    assert error(found.matrix, truth) < 0.3
    middle = truth @ [300, 200, 1] - [300, 200, 1]
    assert found.pixels == pytest.approx(np.hypot(*middle[:2]), abs=0.3)


@pytest.mark.parametrize(
    "truth",
    [
        hand(0.08, 0.0),
        hand(-0.05, 0.05, degrees=3),
        hand(0.03, -0.04, degrees=-5),
        hand(degrees=2, scale=1.03),
        hand(0.02, 0.02, degrees=1, scale=0.97, tilt=(0.03, -0.02)),
        hand(-0.04, -0.01, tilt=(-0.02, 0.04)),
    ],
)
@pytest.mark.parametrize("ratio", [4, 64])
def test_a_motion_of_a_hand_is_found(truth, ratio):
    """Up to 8 % of shift, 5 degrees, 3 % of zoom and a tilt that moves a rim by 4 %."""
    found = find_motion(*shots(truth, ratio=ratio))
    assert error(found.matrix, truth) < 0.3


@settings(max_examples=6)
@given(
    right=st.floats(-0.05, 0.05),
    down=st.floats(-0.05, 0.05),
    degrees=st.floats(-3, 3),
    tilt=st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)),
    seed=st.integers(0, 9),
)
def test_any_motion_of_a_hand_is_found(right, down, degrees, tilt, seed):
    """To ¾ pixel; a tilt below 0.3 % of the longer side, 2 pixels here, counts as none."""
    truth = hand(right, down, degrees=degrees, tilt=tilt)
    found = find_motion(*shots(truth, seed=seed))
    assert found.pixels is not None
    assert error(found.matrix, truth) < (0.75 if found.pixels > 2 else 2.0)


def test_swapping_the_images_inverts_the_motion():
    long, short = shots(hand(0.03, -0.02, degrees=2, tilt=(0.01, 0.02)))
    there, back = find_motion(long, short), find_motion(short, long)
    assert error(back.matrix @ there.matrix, np.eye(3)) < 0.2


def test_a_tilt_is_found_to_be_one_and_a_similarity_stays_one():
    tilted = find_motion(*shots(hand(0.02, tilt=(0.02, 0.01)))).matrix
    turned = find_motion(*shots(hand(0.02, degrees=1))).matrix
    assert np.abs(tilted[2, :2]).max() > 0
    np.testing.assert_array_equal(turned[2], [0, 0, 1])


def test_what_moves_in_a_third_of_the_frame_does_not_disturb():
    truth = hand(0.03, 0.01, degrees=1)
    long, short = shots(truth)
    third = np.s_[:, : SHAPE[1] // 3]
    short[third] = np.roll(short, (9, 14), axis=(0, 1))[third]
    assert error(find_motion(long, short).matrix, truth) < 0.3


def test_texture_on_one_side_only_does_not_bend_the_other():
    """A smooth sky over three quarters of the frame, with a tower at its end."""
    truth = hand(0.02, 0.01, degrees=1)
    radiance = textured().copy()
    cols = np.arange(SHAPE[1])
    smooth = (cols > SHAPE[1] // 4) & (cols < SHAPE[1] - 90)
    radiance[:, smooth] = radiance.mean()
    images = [
        expose(np.maximum(seen(radiance, matrix), 0), time)
        for matrix, time in ((np.eye(3), TIME), (truth, TIME / 16))
    ]
    assert error(find_motion(*images).matrix, truth) < 0.6


def test_repeated_texture_is_not_shifted_by_a_period():
    """A fence of equal posts over half of the frame."""
    truth = hand(0.04, 0.0, degrees=1)
    radiance = textured().copy()
    posts = np.tile(radiance[:, :24], (1, 20, 1))[: SHAPE[0] // 2, : SHAPE[1]]
    radiance[: len(posts), : posts.shape[1]] = posts
    images = [
        expose(np.maximum(seen(radiance, matrix), 0), time)
        for matrix, time in ((np.eye(3), TIME), (truth, TIME / 16))
    ]
    assert error(find_motion(*images).matrix, truth) < 0.6


def test_blocks_that_contradict_each_other_show_no_motion():
    """Three strips that move in three ways: a third of the blocks agrees on each."""
    radiance = textured()
    moved = [seen(radiance, similarity(*by)) for by in ((6, 0), (-6, 5), (5, -6))]
    strips = np.hstack([image[:, 200 * k : 200 * (k + 1)] for k, image in enumerate(moved)])
    one, two = expose(radiance, TIME), expose(np.maximum(strips, 0), TIME / 16)
    assert find_motion(one, two).pixels is None


@pytest.mark.parametrize("right", [0.11, 0.16, 0.3])
def test_a_motion_that_is_too_large_is_unknown(right):
    assert find_motion(*shots(hand(right))).pixels is None


def test_a_turn_that_is_too_large_is_unknown():
    assert find_motion(*shots(hand(degrees=14))).pixels is None


def test_the_motion_between_different_scenes_is_unknown():
    long, _ = shots(np.eye(3), seed=1)
    _, short = shots(np.eye(3), seed=2)
    assert find_motion(long, short).pixels is None


def test_the_motion_between_images_of_noise_is_unknown():
    rng = np.random.default_rng(0)
    for _ in range(5):
        one, two = rng.integers(20, 200, (2, 200, 300, 3), dtype=np.uint8)
        assert find_motion(one, two).pixels is None


@pytest.mark.parametrize("shape", [(700, 2100)])
def test_large_pictures_are_registered_at_their_full_size(shape):
    truth = hand(0.02, -0.01, degrees=1, tilt=(0.005, 0.01), shape=shape)
    found = find_motion(*shots(truth, shape=shape))
    assert error(found.matrix, truth, shape) < 0.3


@pytest.mark.parametrize("shape", [(360, 1000), (110, 1200), (1200, 110), (100, 2000)])
def test_narrow_pictures_are_registered_at_any_length(shape):
    truth = similarity(6.0, 4.0, shape=shape)
    found = find_motion(*shots(truth, shape=shape))
    assert found.pixels == pytest.approx(np.hypot(6, 4), abs=0.3)
    assert error(found.matrix, truth, shape) < 0.6


@pytest.mark.parametrize("shape", [(110, 1200), (1200, 110), (100, 2000)])
def test_narrow_pictures_are_aligned_before_they_are_fused(shape):
    truth = similarity(7.0, 5.0, shape=shape)
    plan = plan_exposures(shots(truth, shape=shape), virtual=0)
    assert max(motion.pixels for motion in plan.motions) == pytest.approx(np.hypot(7, 5), abs=0.3)
    assert plan.misfits == ()


@pytest.mark.parametrize("matrix", [similarity(), similarity(0.3, -0.3)])
def test_a_pair_without_motion_stays_as_it_is(matrix):
    long, short = shots(matrix)
    assert find_motion(long, short) is STILL
    pair = measure(long, short)
    assert pair.motion.pixels == 0
    assert pair.long is long
    assert pair.short is short


@pytest.mark.parametrize("shape", [(1, 1), (5, 700), (63, 63), (64, 64), (130, 131)])
def test_small_and_narrow_pictures_have_no_motion_to_find(shape):
    assert find_motion(*shots(np.eye(3), shape=shape)).pixels is None


@pytest.mark.parametrize("tall", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_panoramas_wider_than_opencv_can_warp_are_aligned(tall):
    """Its limit is 32,766 pixels a side."""
    part = np.concatenate(np.split(textured((350, 1100))[..., :1], 5), axis=1)
    radiance = np.tile(part, (1, 6, 1))  # 70 × 33,000
    radiance = radiance.swapaxes(0, 1) if tall else radiance
    long, short = expose(radiance, TIME), expose(radiance, TIME / 16)
    pair = measure(long, np.roll(short, (3, 5), (0, 1)), reference="long", deghost="off")
    assert pair.motion.pixels == pytest.approx(np.hypot(5, 3), abs=0.3)
    assert np.abs(pair.short.astype(int) - short)[8:-8, 8:-8].mean() < 0.5


def test_strips_too_thin_for_a_block_have_no_motion_to_find():
    strip = textured((2, 33_000))[..., :1]
    assert find_motion(expose(strip, TIME), expose(strip, TIME / 4)).pixels is None


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
    assert error(find_motion(long, short).matrix, truth) < 0.6


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


def test_grey_pictures_are_registered_as_well():
    truth = similarity(3.0, 2.0)
    long, short = (image[..., 1:2] for image in shots(truth))
    assert error(find_motion(long, short).matrix, truth) < 0.3
    assert expinterp.interpolate(long, short).medium.shape == long.shape


def test_inputs_are_not_changed():
    long, short = shots(similarity(4, 2))
    before = long.copy(), short.copy()
    expinterp.interpolate(long, short)
    np.testing.assert_array_equal(long, before[0])
    np.testing.assert_array_equal(short, before[1])


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("reference", ["long", "short"])
def test_a_pair_that_moved_is_aligned_to_its_reference(swap, reference):
    shape = 240, 360
    matrix = hand(0.03, -0.02, degrees=1, shape=shape)
    long, short = shots(matrix, shape=shape)
    pose = {"long": np.eye(3), "short": matrix}[reference]
    medium = expose(np.maximum(seen(textured(shape), pose), 0), TIME / 4)
    images = (short, long) if swap else (long, short)
    inner = np.s_[24:-24, 24:-24]
    aligned, left = (
        expinterp.interpolate(*images, align=align, reference=reference, refiner=None)
        for align in (True, False)
    )
    assert psnr(aligned.medium[inner], medium[inner]) > psnr(left.medium[inner], medium[inner]) + 6
    assert left.pair.motion is None
    pair = aligned.pair
    assert getattr(pair, reference) is {"long": long, "short": short}[reference]
    pair = measure(*images, reference=reference, crop=True)
    levels = [matched_levels(channel) for channel in joint_histogram(pair.long, pair.short)]
    np.testing.assert_array_equal(pair.levels, levels)
    assert "moved" not in " ".join(aligned.pair.notices)  # it is no warning


def series(matrices):
    """Shots from dark to bright, each seen from its own pose."""
    radiance = textured()
    times = [TIME / 4**step for step in range(len(matrices))][::-1]
    return [
        expose(np.maximum(seen(radiance, matrix), 0), time)
        for matrix, time in zip(matrices, times, strict=True)
    ]


@pytest.mark.parametrize("reference", [0, 1, 2])
def test_motions_of_a_series_start_from_its_reference(reference):
    matrices = [similarity(15.0, 3.0), similarity(2.0, -1.5, degrees=1), np.eye(3)]
    motions = find_motions(series(matrices), reference=reference)
    assert motions[reference] is STILL
    for found, matrix in zip(motions, matrices, strict=True):
        assert error(found.matrix, matrix @ np.linalg.inv(matrices[reference])) < 0.5


def compare(monkeypatch, table):
    """Replace the comparison of images by a table; return the list of what is compared."""
    compared = []

    def lookup(one, two):
        link = int(one[0, 0, 0]), int(two[0, 0, 0])
        compared.append(link)
        return table.get(link, UNKNOWN)

    monkeypatch.setattr(module, "find_motion", lookup)
    return compared


def numbered(count):
    return [np.full((40, 60, 3), number, np.uint8) for number in range(count)]


def test_motions_of_a_series_are_products(monkeypatch):
    first, second = similarity(5, 3, degrees=3), similarity(-2, 4, degrees=-5, scale=1.1)
    table = {(2, 1): Motion(first, 1.0), (1, 0): Motion(second, 1.0)}
    compared = compare(monkeypatch, table)
    found = find_motions(numbered(3), reference=2)
    assert compared == [(2, 1), (1, 0)]
    for motion, expected in zip(found, (second @ first, first, np.eye(3)), strict=True):
        np.testing.assert_allclose(motion.matrix, expected, atol=1e-12)


def test_motions_that_cancel_out_are_none(monkeypatch):
    there = similarity(5, 3)
    back = Motion(np.linalg.inv(there), 1.0)
    compare(monkeypatch, {(0, 1): Motion(there, 1.0), (1, 2): back})
    assert find_motions(numbered(3), reference=0)[2] is STILL


def test_an_unknown_link_is_replaced_by_the_closest_known_one(monkeypatch):
    far = Motion(similarity(9, 0), 9.0)
    compared = compare(monkeypatch, {(3, 2): STILL, (3, 1): far, (1, 0): STILL})
    found = find_motions(numbered(4), reference=3)
    assert [motion.pixels for motion in found] == [9, 9, 0, 0]
    assert compared == [(3, 2), (2, 1), (3, 1), (1, 0)]


def test_an_image_that_fits_no_other_is_unknown():
    moved, mid = shots(similarity(4.0, 3.0))[1], shots(np.eye(3))[0]
    clipped = np.full_like(mid, 255)
    motions = find_motions([moved, mid, clipped], reference=1)
    assert motions[0].pixels == pytest.approx(5, abs=0.3)
    assert motions[2] is UNKNOWN
    assert [m.pixels for m in find_motions([moved, mid, clipped], reference=2)] == [None, None, 0]


def test_a_fusion_is_aligned_to_its_reference():
    moved = shots(hand(0.03, -0.02))[1]
    still = [expose(textured(), time) for time in (TIME / 16, TIME)]
    inner = np.s_[40:-40, 40:-40]
    truth = expinterp.fuse(still, refiner=None).fused[inner]
    aligned, left = (
        expinterp.fuse([moved, still[1]], align=align, reference="long", refiner=None).fused[inner]
        for align in (True, False)
    )
    assert psnr(aligned, truth) > psnr(left, truth) + 6


@pytest.mark.parametrize(
    "matrix", [similarity(9, -5, degrees=3), hand(0.02, 0.01, degrees=-2, tilt=(0.03, -0.02))]
)
def test_half_a_motion_applied_twice_is_the_motion(matrix):
    first, second = Motion(matrix, 9.0).halves()
    np.testing.assert_allclose(first @ second, np.eye(3) * (first @ second)[2, 2], atol=1e-9)
    both = second @ second
    np.testing.assert_allclose(both / both[2, 2], matrix / matrix[2, 2], rtol=1e-7, atol=1e-9)
    assert first[2, 2] == second[2, 2] == 1


@pytest.mark.parametrize(("right", "half_way"), [(1.6, True), (1.95, False)])
def test_after_a_drift_of_up_to_3_thousandths_the_view_is_half_way(right, half_way):
    matrix = similarity(right, 0)  # of 600 pixels
    found = view_pair(*shots(matrix), None, [None, None], Viewing())
    to_short, to_long = (motion.matrix for motion in found.motions)
    assert error(to_short @ np.linalg.inv(to_long), matrix) < 0.2
    apart = [error(each, np.eye(3)) for each in (to_long, to_short)]
    expected = [right / 2] * 2 if half_way else [0, right]
    assert sorted(apart) == pytest.approx(expected, abs=0.1)
    assert sorted(motion.pixels for motion in found.motions) == pytest.approx(expected, abs=0.1)


def test_a_reference_that_was_chosen_is_not_left():
    found = view_pair(*shots(similarity(1.6, 0)), None, [None, None], Viewing(reference="short"))
    assert found.motions[0] is STILL
    assert [motion.pixels for motion in found.motions] == pytest.approx([0, 1.6], abs=0.1)


@pytest.mark.parametrize(("time", "viewpoint"), [(0.1, 1), (20.0, 0)])
@pytest.mark.parametrize("swap", [False, True])
def test_the_view_is_that_of_the_better_exposed_shot_in_either_order(time, viewpoint, swap):
    images = [expose(textured((64, 96)), each) for each in (time, time / 65536)]
    found = view_pair(*images[:: -1 if swap else 1], None, [None, None], Viewing(align=False))
    assert (found.viewpoint, found.swapped) == (viewpoint, swap)


@pytest.mark.parametrize(
    ("pixels", "measured"),
    [(0.2, [0.25, 0.5]), (0.3, [0.25, 0.5, 1.0]), (1.1, [0.25] * 2 + [0.5, 1])],
)
def test_images_that_stand_still_in_a_copy_are_not_measured_at_full_size(
    pixels, measured, monkeypatch
):
    """Nor is the smallest copy measured twice if the search was right."""
    scales = []

    def estimate(one, two, guess):
        scales.append(one[1])
        moved = SimpleNamespace(
            matrix=similarity(pixels, 0), displacement=pixels, standard_error=0, matches=matches
        )
        return module._Estimate(moved, one[1], 0.5)

    matches = SimpleNamespace(shape=SHAPE)
    monkeypatch.setattr(module, "_pyramid", lambda _: [(None, scale) for scale in (0.25, 0.5, 1.0)])
    monkeypatch.setattr(module, "_first_guess", lambda *_: np.eye(3))
    monkeypatch.setattr(module, "_estimate", estimate)
    found = find_motion(*np.zeros((2, 9, 9, 1), np.uint8))
    assert scales == measured
    assert found.pixels == pytest.approx({0.2: 0, 0.3: 0, 1.1: 1.1}[pixels])

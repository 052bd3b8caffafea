"""Intensity mapping functions, from a response and from the pair alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from synthetic import GAMMA, expose, gamma_response, scene

from expinterp.core.mapping import (
    BRIGHTEST,
    CODE_VALUES,
    TAIL,
    _median_curve,
    imf_from_response,
    inlier_share,
    inliers,
    joint_histogram,
    matched_levels,
    sample,
    to_codes,
)


def responses(seed: int) -> np.ndarray:
    steps = np.random.default_rng(seed).random((3, 256)) + 1e-3
    return steps.cumsum(axis=1)


def levels_of(long: np.ndarray, short: np.ndarray) -> list[np.ndarray]:
    return [matched_levels(channel) for channel in joint_histogram(long, short)]


@given(st.integers(0, 50), st.floats(0.01, 100))
def test_an_imf_never_decreases_and_stays_in_range(seed, scale):
    imf = imf_from_response(responses(seed), scale=scale)
    assert (np.diff(imf) >= 0).all()
    assert imf.min() >= 0
    assert imf.max() <= 255


@given(st.integers(0, 50))
def test_the_same_exposure_maps_every_code_value_to_itself(seed):
    imf = imf_from_response(responses(seed), scale=1.0)
    np.testing.assert_allclose(imf, np.tile(CODE_VALUES, (3, 1)), atol=1e-9)


@given(st.floats(1.5, 60))
def test_a_gamma_camera_scales_code_values(ratio):
    imf = imf_from_response(gamma_response(), scale=1 / ratio)[0]
    expected = CODE_VALUES * ratio ** (-1 / GAMMA)
    inside = expected > 8  # below, a power is no straight line between code values
    np.testing.assert_allclose(imf[inside], expected[inside], atol=0.02)


def test_two_steps_compose_to_one():
    response = gamma_response()
    to_medium = imf_from_response(response, scale=1 / 4)[0]
    onwards = np.interp(to_medium, CODE_VALUES, to_medium)
    whole = imf_from_response(response, scale=1 / 16)[0]
    inside = whole > 3
    np.testing.assert_allclose(onwards[inside], whole[inside], atol=0.1)


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan])
def test_a_scale_that_is_not_positive_is_refused(scale):
    with pytest.raises(ValueError, match="positive"):
        imf_from_response(gamma_response(), scale=scale)


def test_a_response_that_does_not_increase_is_refused():
    with pytest.raises(ValueError, match="increase"):
        imf_from_response(np.zeros((3, 256)), scale=2.0)


def test_joint_histograms_count_every_pixel_once():
    long, short = np.random.default_rng(0).integers(0, 256, (2, 13, 17, 3), np.uint8)
    joint = joint_histogram(long, short)
    assert joint.sum(axis=(1, 2)).tolist() == [13 * 17] * 3
    np.testing.assert_array_equal(
        joint[1].sum(axis=1), np.bincount(long[..., 1].flat, minlength=256)
    )
    np.testing.assert_array_equal(
        joint[2].sum(axis=0), np.bincount(short[..., 2].flat, minlength=256)
    )


@pytest.mark.parametrize("ratio", [4, 16, 64])
def test_matched_levels_follow_the_closed_form(ratio):
    radiance = scene((300, 400))
    long, short = expose(radiance, 2.0), expose(radiance, 2.0 / ratio)
    for z1, z2 in (level.T for level in levels_of(long, short)):
        error = np.abs(z2 - z1 * ratio ** (-1 / GAMMA))
        assert np.median(error) <= 0.5
        assert error.max() <= 1.0


def test_matched_levels_ignore_where_pixels_are():
    radiance = scene()
    long, short = expose(radiance, 2.0), expose(radiance, 0.125)
    order = np.random.default_rng(0).permutation(long.shape[0] * long.shape[1])
    shuffled = [image.reshape(-1, 3)[order].reshape(image.shape) for image in (long, short)]
    for one, two in zip(levels_of(long, short), levels_of(*shuffled), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_border_that_never_changes_does_not_shift_the_levels():
    radiance = scene((300, 400))
    long, short = expose(radiance, 2.0), expose(radiance, 0.125)
    clean = levels_of(long, short)
    for image in (long, short):
        image[:20] = image[:, :20] = (40, 60, 200)
    for (z1, z2), old in zip((level.T for level in levels_of(long, short)), clean, strict=True):
        within = (z1 >= old[0, 0]) & (z1 <= old[-1, 0])
        assert np.abs(np.interp(z1, *old.T) - z2)[within].max() < 2.0


def test_a_large_part_that_never_changes_does_not_shift_the_levels():
    """It bends the first mapping so far that trimming once is not enough."""
    radiance = scene((200, 300), seed=2)
    long, short = expose(radiance, 2.0), expose(radiance, 0.125)
    for image in (long, short):
        image[:, :60] = np.linspace(180, 220, 200).round()[:, None, None]
    for z1, z2 in (level.T for level in levels_of(long, short)):
        assert np.abs(z2 - z1 * 16 ** (-1 / GAMMA)).max() < 1


@pytest.mark.parametrize("wrong", [[100], [80, 81, 82], [60, 130, 131, 200]])
def test_a_few_levels_that_moved_do_not_bend_the_first_mapping(wrong):
    """At each z1 all pixels are at z1 / 2, but at a few levels they are white."""
    joint = np.zeros((256, 256), np.int64)
    expected = CODE_VALUES // 2
    joint[np.arange(256), expected.astype(int)] = 9
    joint[wrong] = 0
    joint[wrong, 255] = 9
    curve = _median_curve(joint)
    assert np.abs(curve - expected)[16:-16].max() <= 2


def test_levels_avoid_clipped_ends():
    radiance = scene((200, 300), stops=14)
    for z1, z2 in (level.T for level in levels_of(expose(radiance, 8.0), expose(radiance, 0.5))):
        assert z1.max() < 252
        assert z2.min() >= 1


def test_images_without_a_common_tone_match_nothing():
    white, black = np.full((8, 8, 1), 255, np.uint8), np.zeros((8, 8, 1), np.uint8)
    assert matched_levels(joint_histogram(white, black)[0]).shape == (0, 2)


@given(arrays(np.uint8, st.tuples(st.just(2), st.integers(1, 4), st.integers(1, 4), st.just(1))))
def test_any_two_images_match_levels_or_none(images):
    """One mapping cannot explain tones whose order is reversed: then nothing near it is held."""
    levels = levels_of(*images)[0]
    assert levels.shape in {(48, 2), (0, 2)}
    assert np.isfinite(levels).all()
    assert (np.diff(levels, axis=0) >= 0).all()


@pytest.mark.parametrize(
    ("long", "short", "inlier"),
    [(251, 99, True), (250, 99, False), (199, 2, True), (199, 3, False), (99, 107, True)],
)
def test_pixels_that_may_be_clipped_in_an_image_are_inliers(long, short, inlier):
    """From 251 up in the long one, up to 2 in the short one; others within 8 of the mapping."""
    assert inliers(np.diag(np.full(256, 100)))[long, short] == inlier


def test_clipped_pixels_are_explained():
    """They may hold any light; here no other pixel is near the mapping."""
    joint = np.zeros((256, 256), np.int64)
    joint[100, 50] = 1
    marked = inliers(joint)
    assert marked[251:].all()
    assert marked[:, :3].all()
    assert not marked[:251, 3:].all()


def test_pixels_are_explained_by_their_distance_to_the_mapping_however_steep():
    """Three code values of ``short`` for one of ``long``, which errs by four."""
    z1 = np.arange(80, 150)
    joint = np.zeros((256, 256), np.int64)
    for error in (-4, 0, 4):
        joint[z1, 3 * (z1 + error) - 225] += 1
    assert inlier_share(joint) == 1


def test_sixteen_bit_values_round_to_their_eight_bit_ones():
    codes = np.arange(256, dtype=np.uint16) * 257
    for offset in (-128, 0, 128):
        shifted = np.clip(codes.astype(int) + offset, 0, 65535).astype(np.uint16)
        np.testing.assert_array_equal(to_codes(shifted), np.arange(256))


def test_samples_are_bounded_and_leave_small_images_alone():
    small = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    np.testing.assert_array_equal(sample(small), small)
    assert sample(np.zeros((4000, 6000, 1), np.uint8)).size <= 2_000_000


@pytest.mark.parametrize("ratio", [16, 64])
def test_matched_levels_lean_to_neither_side(ratio):
    """Ranks count half of a level's own pixels: few levels of ``short`` face many of ``long``."""
    radiance = scene((300, 400))
    long, short = expose(radiance, 2.0), expose(radiance, 2.0 / ratio)
    errors = [z2 - z1 * ratio ** (-1 / GAMMA) for z1, z2 in (x.T for x in levels_of(long, short))]
    assert abs(np.concatenate(errors).mean()) < 0.1


def test_no_level_lies_where_clipped_neighbours_leak_into():
    radiance = scene((200, 300), stops=10)
    for z1, _ in (level.T for level in levels_of(expose(radiance, 8.0), expose(radiance, 0.5))):
        assert BRIGHTEST - 4 < z1.max() < BRIGHTEST


def test_a_floor_above_black_counts_as_clipped():
    radiance = scene((200, 300), stops=14)
    long, short = (np.maximum(expose(radiance, time), 20) for time in (2.0, 0.125))
    assert all(level[:, 1].min() >= 21 for level in levels_of(long, short))


@pytest.mark.parametrize(("time", "end"), [(2.0, "dark"), (0.02, "bright")])
def test_the_rarest_tones_are_left_out(time, end):
    radiance = scene((300, 400), seed=1)
    long, short = expose(radiance, time), expose(radiance, time / 4)
    for channel, (z1, _) in enumerate(level.T for level in levels_of(long, short)):
        tones = long[..., channel]
        beyond = tones < z1.min() if end == "dark" else tones > z1.max()
        assert 0.9 * TAIL < np.mean(beyond) < 2 * TAIL

"""Resampling: what is moved, what is covered, and the largest rectangle that all cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_samples import SHAPE, error, hand, shots, similarity, textured
from synthetic import expose

from expinterp.core.registration import resample
from expinterp.core.registration.homography import map_points
from expinterp.core.registration.resample import covered, inner_window, warp


def test_a_warp_by_whole_pixels_moves_pixels_and_changes_none():
    long, _ = shots(np.eye(3), bits=16)
    moved = warp(long, similarity(5, 3))
    np.testing.assert_array_equal(moved[:-3, :-5], long[3:, 5:])
    np.testing.assert_array_equal(moved[-1, -1], long[-1, -1])  # repeated beyond the border
    assert moved.dtype == long.dtype


def test_a_warp_keeps_the_shape():
    long, _ = shots(np.eye(3))
    for image in (long, long[..., :1], long[..., 0]):
        assert warp(image, similarity(2, 1)).shape == image.shape


def test_a_warp_by_the_identity_returns_the_same_array():
    long, _ = shots(np.eye(3))
    assert warp(long, np.eye(3)) is long


def test_a_warp_shows_what_the_other_pose_saw():
    matrix = hand(0.02, 0.01, degrees=2, tilt=(0.02, 0.01))
    long, moved = shots(matrix, ratio=1)
    back = warp(moved, matrix)
    inside = covered(SHAPE, matrix)
    assert np.abs(back.astype(int) - long)[inside].mean() < 1


@pytest.mark.parametrize("bits", [8, 16])
def test_the_pieces_of_a_large_picture_do_not_show(bits, monkeypatch):
    """Positions are rounded to 1/32 of a pixel, in each piece from its own corner."""
    matrix = hand(0.05, -0.04, degrees=3, tilt=(0.02, 0.01))
    long, _ = shots(np.eye(3), bits=bits)
    whole = warp(long, matrix).astype(int)
    monkeypatch.setattr(resample, "PIECE", (100, 150))
    pieces = warp(long, matrix)
    scale = long.max() / 255
    assert np.abs(pieces - whole).max() <= 8 * scale
    assert np.abs(pieces - whole).mean() < 0.1 * scale
    assert warp(long[..., 0], matrix).shape == long.shape[:2]


hands = st.builds(
    hand,
    st.floats(-0.3, 0.3),
    st.floats(-0.3, 0.3),
    degrees=st.floats(-20, 20),
    scale=st.floats(0.8, 1.25),
    tilt=st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)),
    shape=st.just((23, 31)),
)


@settings(max_examples=30)
@given(hands)
def test_covered_is_where_the_point_lies_inside(matrix):
    rows, cols = shape = (23, 31)
    y, x = np.indices(shape).reshape(2, -1)
    right, down = map_points(matrix, np.stack([x, y], 1).astype(float)).T
    inside = (right >= 0) & (right <= cols - 1) & (down >= 0) & (down <= rows - 1)
    distances = np.stack([right, cols - 1 - right, down, rows - 1 - down])
    edge = np.abs(distances).min(axis=0) < 1e-6
    found = covered(shape, matrix)
    found = np.ones(shape, bool) if found is None else found
    edge |= np.array_equal(matrix, np.eye(3))  # never resampled: all is covered
    np.testing.assert_array_equal(found.ravel()[~edge], inside[~edge])


def test_a_frame_that_is_all_covered_has_no_mask():
    assert covered(SHAPE, np.eye(3)) is None
    assert covered(SHAPE, similarity(scale=0.9)) is None
    assert covered((20, 30, 3), similarity(1, 0, shape=(20, 30))).sum() == 20 * 29


def largest(mask):
    """The area of the largest rectangle of True, by trying all."""
    rows, cols = mask.shape
    return max(
        (
            (b - t) * (r - l)
            for t in range(rows)
            for b in range(t + 1, rows + 1)
            for l in range(cols)
            for r in range(l + 1, cols + 1)
            if mask[t:b, l:r].all()
        ),
        default=0,
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_inner_window_is_the_largest_rectangle(seed):
    rng, shape = np.random.default_rng(seed), (9, 13)
    matrices = [
        hand(*rng.uniform(-0.1, 0.1, 2), degrees=rng.uniform(-25, 25), shape=shape)
        for _ in range(2)
    ]
    masks = [covered(shape, matrix) for matrix in matrices]
    both = np.logical_and.reduce([np.ones(shape, bool), *[m for m in masks if m is not None]])
    window = inner_window([None, *masks], shape)
    assert both[window].all()
    assert both[window].size == largest(both)


def test_the_inner_window_of_large_frames_is_nearly_the_largest():
    shape = (3000, 90)
    mask = covered(shape, hand(0.001, 0.001, degrees=0.2, shape=shape))
    rows, cols = inner_window([mask], shape)
    assert mask[rows, cols].all()
    assert (rows.stop - rows.start) * (cols.stop - cols.start) > 0.8 * mask.sum()


def test_frames_that_share_nothing_have_an_empty_window():
    shape = (20, 30)
    masks = [covered(shape, similarity(by, 0, shape=shape)) for by in (25, -25)]
    assert np.ones(shape)[inner_window(masks, shape)].size == 0
    assert inner_window([None], shape) == (slice(0, 20), slice(0, 30))


def test_error_is_what_it_says():
    """The measure that these tests rest on: a shift of one pixel is an error of one pixel."""
    assert error(similarity(3, 0), similarity(2, 0)) == pytest.approx(1)
    assert expose(textured(), 1.0).shape[:2] == SHAPE

"""Blocks of texture that are matched between two exposures: where they lie, and which count."""

from __future__ import annotations

import numpy as np
import pytest
from motion_samples import similarity, textured
from synthetic import expose

from expinterp.core.registration.blocks import (
    PEAK,
    REACH,
    _block_centres,
    _correlate,
    _cut,
    _vertex,
    match_blocks,
)
from expinterp.core.registration.texture import normalise_contrast

SHAPE = (256, 384)


def photographs(by=(0, 0)):
    radiance = textured((SHAPE[0], SHAPE[1]), seed=3)
    return expose(radiance, 0.3), np.roll(expose(radiance, 0.1), by[::-1], (0, 1))


@pytest.mark.parametrize("by", [(0, 0), (5, -3), (20, 0), (0, -20)])
def test_blocks_lie_where_the_image_was_shifted_to(by):
    found = match_blocks(*photographs(by), np.eye(3), side=64, most=14)
    inner = np.all((found.points > 64) & (found.points < np.array(SHAPE[::-1]) - 64), axis=1)
    assert inner.sum() >= 9
    np.testing.assert_allclose((found.targets - found.points)[inner], [by] * inner.sum(), atol=0.1)
    assert (found.weights >= PEAK).all()


def test_a_shift_that_is_guessed_is_added_to_what_is_left():
    found = match_blocks(*photographs((30, 20)), similarity(28, 22, shape=SHAPE), side=64, most=14)
    inner = np.all((found.points > 64) & (found.points < np.array(SHAPE[::-1]) - 64), axis=1)
    np.testing.assert_allclose(
        (found.targets - found.points)[inner], [(30, 20)] * inner.sum(), atol=0.1
    )


def test_a_fifth_of_a_block_must_be_unclipped_in_both():
    for rows in range(8, 24):
        long, short = (image[:64, :64].copy() for image in photographs())
        long[:24], long[24 + rows :] = 255, 255
        unclipped = [normalise_contrast(image.astype(np.float32))[1] for image in (long, short)]
        found = match_blocks(long, short, np.eye(3), side=64, most=14)
        assert len(found.points) == (np.mean(unclipped[0] * unclipped[1]) >= 0.2)


def test_blocks_are_spread_evenly_and_overlap_by_half_at_most():
    centres = _block_centres((192, 256), 64, 14)
    np.testing.assert_array_equal(np.unique(centres[:, 0]), np.linspace(32, 224, 7).astype(int))
    np.testing.assert_array_equal(np.unique(centres[:, 1]), np.linspace(32, 160, 5).astype(int))
    assert len(_block_centres((4000, 6000), 64, 14)) <= 14**2
    assert (
        len(np.unique(_block_centres((128, 64_000), 64, 14)[:, 1])) == 3
    )  # of a strip: longer rows
    assert len(_block_centres((63, 900), 64, 14)) == 0


def test_a_peak_at_the_rim_is_no_match():
    here = np.zeros((128, 128), np.float32)
    here[60:68, 60:68] = 1
    for by, seen in ((REACH - 1, True), (REACH, False)):
        shift, peak = _correlate(here, np.roll(here, by, 1))
        assert (peak > 0.5) is seen
        np.testing.assert_allclose(shift, [by, 0] if seen else [0, 0], atol=1e-3)


def test_an_extreme_is_that_of_a_parabola():
    for at in (-0.4, 0.0, 0.3):
        assert _vertex(*(5 - 2 * (x - at) ** 2 for x in (-1, 0, 1))) == pytest.approx(at)
    assert _vertex(1, 1, 1) == 0


def test_blocks_beyond_the_other_image_show_nothing():
    for right, down in ((9000, 0), (0, -9000), (-420, 300)):
        guess = similarity(right, down, shape=SHAPE)
        assert len(match_blocks(*photographs(), guess, side=64, most=14).points) == 0
    texture, unclipped = _cut(photographs()[0], similarity(9000, 0, shape=SHAPE), (0, 0, 50, 40))
    assert texture.shape == unclipped.shape == (40, 50)
    assert not unclipped.any()

"""The laws of training patches."""

import weakref
from pathlib import Path

import numpy as np

from expinterp.training.patches import (
    StageOneImages,
    TrainingTriple,
    cut_patches,
    join_patches,
    split_scenes,
    without_tone,
)


def triple(seed=0):
    """Three photographs of random code values."""
    return TrainingTriple(
        *np.random.default_rng(seed).integers(0, 256, (3, 32, 40, 3), np.uint8), None
    )


def middle(shots):
    """Stage one that returns the mean of the two, and both unmapped."""
    long, short = (shot.astype(np.float32) / 255 for shot in (shots.long, shots.short))
    return StageOneImages((long + short) / 2, long, short)


def test_no_scene_is_on_both_sides():
    paths = [Path(f"{index}.hdr") for index in range(20)]
    kept, held_out = split_scenes(paths, held_out=4, seed=3)
    assert len(held_out) == 4
    assert set(kept) | set(held_out) == set(paths)
    assert not set(kept) & set(held_out)
    assert split_scenes(paths[::-1], held_out=4, seed=3) == (kept, held_out)


def test_taking_the_tone_away_leaves_no_mean_at_any_code_value():
    random = np.random.default_rng(2)
    y0 = random.random((64, 64, 3), np.float32)
    colour = 0.01 * random.standard_normal((64, 64, 3)).astype(np.float32)
    tone = np.float32(0.1) * np.floor(y0 * 40) / 40
    rest = without_tone(colour + tone, y0)
    np.testing.assert_allclose(rest, without_tone(colour, y0), atol=1e-6)
    assert abs(rest.mean()) < 1e-6


def test_patches_hold_what_they_were_cut_from():
    patches = cut_patches([triple()], middle, per_triple=3, side=16, tone=True, seed=0)
    assert patches.long.shape == (3, 3, 16, 16)
    y0 = (patches.long.astype(np.float32) + patches.short) / 510
    np.testing.assert_allclose(patches.intermediate, y0, atol=1e-3)
    np.testing.assert_allclose(patches.darkened, patches.long / 255, atol=1e-3)
    np.testing.assert_allclose(patches.brightened, patches.short / 255, atol=1e-3)
    assert patches.picture.tolist() == [0, 0, 0]


def test_no_picture_is_kept_after_its_patches_are_cut():
    seen, alive = [], []

    def watched():
        for seed in range(4):
            shots = triple(seed)
            seen.append(weakref.ref(shots.long))
            yield shots
            del shots
            alive.append(sum(one() is not None for one in seen))

    cut_patches(watched(), middle, per_triple=2, side=8, tone=True, seed=0)
    assert alive == [1, 1, 1, 1]  # the last one, which the loop holds


def test_joined_patches_number_their_photographs_on():
    parts = [
        cut_patches([triple(s) for s in seeds], middle, per_triple=2, side=8, tone=True, seed=0)
        for seeds in ((0, 1), (2,))
    ]
    joined = join_patches(parts)
    assert joined.picture.tolist() == [0, 0, 1, 1, 2, 2]
    np.testing.assert_array_equal(joined.long[4:], parts[1].long)

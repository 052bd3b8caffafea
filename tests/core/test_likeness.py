"""Two exposures of one scene are alike, however they were held; two scenes are not."""

from __future__ import annotations

import numpy as np
import pytest
from motion_samples import hand, shots, similarity
from synthetic import expose

from expinterp.core import pair
from expinterp.core.mapping import joint_histogram, matched_levels, sample
from expinterp.core.pair import DOUBLED, UNTOLD
from expinterp.core.registration.likeness import check_scene, lies_still
from expinterp.errors import PairError
from expinterp.pipeline import measure


def check(long, short):
    samples = sample(long), sample(short)
    return check_scene(*samples, joint_histogram(*samples))


@pytest.mark.parametrize(("fits", "notice"), [(True, UNTOLD), (False, DOUBLED)])
def test_an_unknown_motion_is_reported_and_whether_the_images_fit(monkeypatch, fits, notice):
    monkeypatch.setattr(pair, "check_scene", lambda *_: fits)
    smooth = np.broadcast_to(np.linspace(0.01, 1, 128)[:, np.newaxis], (96, 128, 3))
    long, short = expose(smooth, 1.0), expose(smooth, 1 / 8)
    assert notice in measure(long, short).notices
    assert not {UNTOLD, DOUBLED} & {*measure(long, short, align=False).notices}


@pytest.mark.parametrize("ratio", [4, 64])
def test_exposures_of_one_scene_fit(ratio):
    assert check(*shots(np.eye(3), ratio=ratio))


@pytest.mark.parametrize("matrix", [hand(0.08), hand(0.05, 0.05, degrees=3), hand(degrees=6)])
def test_exposures_of_one_scene_are_alike_however_they_moved(matrix):
    """They are not refused, but they do not fit as they lie."""
    long, short = shots(matrix)
    assert not check(long, short)


@pytest.mark.parametrize("seed", range(1, 5))
def test_two_scenes_are_refused(seed):
    long, _ = shots(np.eye(3))
    _, short = shots(np.eye(3), seed=seed)
    with pytest.raises(PairError, match="same scene"):
        check(long, short)
    for align in (True, False):
        with pytest.raises(PairError, match="same scene"):
            measure(long, short, align=align)


def test_exposures_that_are_nearly_all_clipped_are_not_refused():
    long, short = shots(np.eye(3))
    assert check(np.full_like(long, 255), short)
    assert check(long, np.zeros_like(short))


def still(long, short):
    codes = np.arange(256.0)
    table = np.stack([np.interp(codes, *matched_levels(c).T) for c in joint_histogram(long, short)])
    return lies_still(long, short, table)


@pytest.mark.parametrize("shape", [(400, 600), (60, 40), (900, 30)])
def test_pictures_with_texture_show_that_they_lie_still(shape):
    assert still(*shots(np.eye(3), ratio=4, shape=shape))


@pytest.mark.parametrize("matrix", [similarity(1.5), similarity(0, 8.0), similarity(40.0, 3.0)])
def test_pictures_that_moved_do_not_lie_still(matrix):
    """The mapping is that of pictures that did not move, or none would be known."""
    long, short = shots(np.eye(3), ratio=4)
    table = np.stack(
        [np.interp(np.arange(256.0), *matched_levels(c).T) for c in joint_histogram(long, short)]
    )
    assert not lies_still(*shots(matrix, ratio=4), table)


@pytest.mark.parametrize("level", [0, 90, 255])
def test_pictures_without_texture_do_not_tell(level):
    random = np.random.default_rng(0)
    flat = np.clip(random.normal(level, 2, (2, 100, 120, 3)), 0, 255).astype(np.uint8)
    assert not lies_still(*flat, np.tile(np.arange(256.0), (3, 1)))
    assert not lies_still(*flat[:, :2, :2], np.tile(np.arange(256.0), (3, 1)))

"""Two exposures of one scene are alike, however they were held; two scenes are not."""

from __future__ import annotations

import numpy as np
import pytest
from motion_samples import hand, shots

from expinterp.core.likeness import check_scene, fits
from expinterp.core.mapping import joint_histogram, sample
from expinterp.core.pair import measure
from expinterp.errors import PairError


def check(long, short):
    samples = sample(long), sample(short)
    return check_scene(*samples, joint_histogram(*samples))


@pytest.mark.parametrize("ratio", [4, 64])
def test_exposures_of_one_scene_fit(ratio):
    assert check(*shots(np.eye(3), ratio=ratio))


@pytest.mark.parametrize("matrix", [hand(0.08), hand(0.05, 0.05, degrees=3), hand(degrees=6)])
def test_exposures_of_one_scene_are_alike_however_they_moved(matrix):
    """They are not refused, but they do not fit as they lie."""
    long, short = shots(matrix)
    assert not check(long, short)
    assert not fits(long, short)


@pytest.mark.parametrize("seed", range(1, 5))
def test_two_scenes_are_refused(seed):
    long, _ = shots(np.eye(3))
    _, short = shots(np.eye(3), seed=seed)
    with pytest.raises(PairError, match="same scene"):
        check(long, short)
    assert not fits(long, short)
    for align in (True, False):
        with pytest.raises(PairError, match="same scene"):
            measure(long, short, align=align)


def test_exposures_that_are_nearly_all_clipped_are_not_refused():
    long, short = shots(np.eye(3))
    assert check(np.full_like(long, 255), short)
    assert fits(long, np.zeros_like(short))

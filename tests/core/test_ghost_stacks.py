"""Laws of stacks in which something moved: each shot agrees with the reference."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from moving_samples import SHAPE, SIDE, background, distance, photograph, place, rms
from synthetic import expose

from expinterp.core.fusion.plan import plan_exposures
from expinterp.core.ghosts.consistent import Link, make_consistent
from expinterp.core.ghosts.detect import Conflict
from expinterp.core.registration.alignment import best_exposed
from expinterp.core.registration.viewing import Viewing
from expinterp.errors import PairError
from expinterp.pipeline import fuse

THREE = ((10, 20), (60, 140), (115, 30))
FIVE = (*THREE, (5, 90), (115, 190))
TIMES = (0.1 / 36, 0.1 / 6, 0.1)
STILL = Viewing(align=False)


def stack(places=THREE, times=TIMES, *, bits=8):
    """Shots from dark to bright, with the thing elsewhere in each; and the scenes."""
    scenes = [place(at, colour=(8, 6, 4)) for at in places]
    return photograph(scenes, times, bits=bits), scenes


def grid(times):
    """How far rounding is enlarged between two of these times."""
    return [[max((b / a) ** (1 / 2.2), 1) for b in times] for a in times]


@pytest.mark.parametrize(("reference", "index"), [("short", 0), ("auto", 1), ("long", 2)])
def test_each_of_three_shots_shows_what_moved_as_the_reference_does(reference, index) -> None:
    images, scenes = stack()
    plan = plan_exposures(images, viewing=Viewing(align=False, reference=reference))
    assert reference == "auto" or plan.reference == index
    index = plan.reference
    assert plan.shots[index] is images[index] or np.shares_memory(plan.shots[index], images[index])
    for shot, time, slope in zip(plan.shots, TIMES, grid(TIMES)[index], strict=True):
        truth = expose(scenes[index], time)
        known = (expose(scenes[index], TIMES[index]) < 250).all(axis=-1)
        assert np.sqrt(np.mean(distance(shot, truth)[known] ** 2)) < 0.4 * slope
        assert distance(shot, truth)[known].max() < 5 + 3.5 * slope
    assert set(np.unique(plan.ghosts.sources)) == {0, 3 - index}


@pytest.mark.parametrize("ratio", [2, 4])
def test_five_shots_agree_with_the_one_in_the_middle(ratio) -> None:
    times = tuple(0.04 * ratio**step for step in range(-2, 3))
    images, scenes = stack(FIVE, times)
    plan = plan_exposures(images, viewing=STILL, virtual=0)
    assert 0 < plan.reference < 4
    for shot, time, slope in zip(plan.shots, times, grid(times)[plan.reference], strict=True):
        assert rms(shot, expose(scenes[plan.reference], time)) < 0.5 * slope
    assert set(np.unique(plan.ghosts.sources)) == {0, 5 - plan.reference}


def test_a_stack_marks_all_places_where_the_thing_stood() -> None:
    images, _ = stack()
    plan = plan_exposures(images, viewing=STILL)
    for row, col in THREE:
        assert plan.ghosts.sources[row : row + SIDE, col : col + SIDE].all()
    assert plan.ghosts.share == pytest.approx((plan.ghosts.sources > 0).mean(), abs=1e-3)
    assert plan.ghosts.share < 2 * 3 * SIDE**2 / SHAPE[0] / SHAPE[1]


def test_the_order_of_the_images_makes_no_difference_to_a_fusion() -> None:
    images, _ = stack()
    fused = [
        fuse([images[place] for place in order], refiner=None, align=False)
        for order in list(permutations(range(3)))[::2]
    ]
    for other in fused[1:]:
        np.testing.assert_array_equal(other.fused, fused[0].fused)


def test_a_fusion_shows_one_moment() -> None:
    images, scenes = stack()
    moment = plan_exposures(images, viewing=STILL).reference
    still = fuse(photograph([scenes[moment]] * 3, TIMES), refiner=None, align=False).fused
    found = fuse(images, refiner=None, align=False).fused
    ghost = fuse(images, refiner=None, align=False, deghost="off").fused
    assert rms(found, still) < 2
    assert rms(ghost, still) > 5


@pytest.mark.parametrize("bits", [8, 16])
def test_a_still_stack_is_left_to_the_bit(bits) -> None:
    images, _ = stack([THREE[0]] * 3, bits=bits)
    plan = plan_exposures(images, viewing=STILL)
    assert plan.ghosts.share == 0
    for shot, image in zip(plan.shots, images, strict=True):
        assert np.shares_memory(shot, image)


def test_a_grey_stack_keeps_its_axes() -> None:
    images = [image.mean(axis=2).astype(np.uint8) for image in stack()[0]]
    for given in (images, [image[..., np.newaxis] for image in images]):
        plan = plan_exposures(given, viewing=STILL)
        assert [shot.shape for shot in plan.shots] == [image.shape for image in given]
        assert plan.ghosts.share > 0.1


def test_equally_exposed_shots_agree_too() -> None:
    images, scenes = stack(THREE[:2], (0.1, 0.1))
    plan = plan_exposures(images, viewing=STILL)
    assert plan.pairs == (None,)
    truth = expose(scenes[plan.reference], 0.1)
    for shot in plan.shots:
        assert rms(shot, truth) < 0.5


def test_equal_shots_that_share_no_tone_need_no_comparison() -> None:
    flat = np.full((20, 30, 3), 128, np.uint8)
    plan = plan_exposures([flat, flat.copy()])
    assert plan.pairs == (None,)
    np.testing.assert_array_equal(plan.shots, [flat, flat])


def test_shots_that_cannot_be_compared_are_left_as_they_are() -> None:
    dark, bright = np.full((20, 30, 3), 20, np.uint8), np.full((20, 30, 3), 255, np.uint8)
    bright[0, 0] = 20
    plan = plan_exposures([bright, dark], virtual=0)
    assert plan.shots[0] is dark
    assert plan.shots[1] is bright
    assert (plan.pairs, plan.ghosts.share) == ((None,), 0)
    with pytest.raises(PairError):
        plan_exposures([bright, dark])


def test_what_cannot_be_compared_does_not_stop_the_others() -> None:
    images, scenes = stack()
    black = np.zeros_like(images[0])
    plan = plan_exposures([*images, black], virtual=0, viewing=STILL)
    assert plan.order[0] == 3
    np.testing.assert_array_equal(plan.shots[0], black)
    truth = expose(scenes[plan.reference], TIMES[1])
    assert rms(plan.shots[2], truth) < 1
    assert plan.ghosts.share > 0.1


# --- what shots do not cover ---------------------------------------------------------------------


@pytest.mark.parametrize("deghost", ["auto", "off"])
@pytest.mark.parametrize("crop", [False, True])
def test_a_stack_that_moved_has_no_invented_borders(deghost, crop) -> None:
    radiance = background()
    times = (0.02, 0.08)
    shifts = ((0, 0), (8, -6))
    scenes = [radiance[10 + down : 150 + down, 10 + right : 230 + right] for right, down in shifts]
    plan = plan_exposures(
        photograph(scenes, times), viewing=Viewing(deghost=deghost, crop=crop, reference="long")
    )
    assert (plan.reference, plan.viewpoint) == (1, 1)
    for shot, time in zip(plan.shots, times, strict=True):
        truth = expose(scenes[1], time)[plan.window]
        assert shot.shape == truth.shape
        assert rms(shot, truth) < 0.5
        assert distance(shot, truth).max() < 4
    assert (plan.shots[0].shape[0] < 140) == crop


def consistent(shots, links, viewpoint, *, masks=None, fresh=False, deghost=False):
    """Make shots consistent with that of the viewpoint."""
    count = len(shots)
    masks, fresh = masks or [None] * count, [fresh] * count
    return make_consistent(
        shots, links, masks, viewpoint, fresh=fresh, reference=viewpoint, deghost=deghost
    )


def links(count, conflict=None):
    response = 2.2 * np.log(np.maximum(np.arange(256.0), 0.5) / 128)[np.newaxis]
    joint = np.zeros((1, 256, 256), np.int64)
    return [Link(response, np.log(4.0), conflict, joint, ())] * count


def levels(count=3, shape=(40, 60)):
    """A grey surface of about the same radiance in shots four times as long each."""
    codes = [round(255 * (0.01 * 4**step) ** (1 / 2.2)) for step in range(count)]
    return [np.full((*shape, 1), code, np.uint8) for code in codes]


@pytest.mark.parametrize("viewpoint", [0, 1, 2])
def test_uncovered_places_follow_the_shots_towards_the_viewpoint(viewpoint) -> None:
    shots = levels()
    masks = [np.ones((40, 60), bool) for _ in shots]
    spoiled = [shot.copy() for shot in shots]
    for index, (shot, mask) in enumerate(zip(spoiled, masks, strict=True)):
        if index != viewpoint:
            mask[:, : 9 + 5 * index] = False
            shot[:, : 5 + 5 * index] = 0
    filled = consistent(spoiled, links(2), viewpoint, masks=masks).shots
    assert filled[viewpoint] is spoiled[viewpoint]
    for shot, before, truth in zip(filled, spoiled, shots, strict=True):
        assert distance(shot, truth).max() <= 3
        np.testing.assert_array_equal(shot[:, 40:], before[:, 40:])


@pytest.mark.parametrize("viewpoint", [0, 1])
def test_where_no_shot_covers_everything_both_are_filled(viewpoint) -> None:
    shots = levels(2)
    masks = [np.ones((40, 60), bool) for _ in shots]
    masks[0][:, :9], masks[1][:, -9:] = False, False
    spoiled = [shot.copy() for shot in shots]
    spoiled[0][:, :5], spoiled[1][:, -5:] = 0, 0
    found = consistent(spoiled, links(1), viewpoint, masks=masks)
    assert (found.ghosts, found.reference) == (None, viewpoint)
    for shot, truth in zip(found.shots, shots, strict=True):
        assert distance(shot, truth).max() <= 3


def test_a_link_that_is_missing_ends_the_spreading() -> None:
    shots = levels(3)
    region = np.zeros((40, 60), bool)
    region[10:30, 10:30] = True
    known = links(1, Conflict(region, region))
    other = [shots[0], shots[1], np.full_like(shots[2], 77)]
    found = consistent(other, [*known, None], 0, deghost=True)
    assert found.shots[2] is other[2]
    assert found.shots[1] is not other[1]
    assert set(np.unique(found.ghosts.sources)) == {0, 3}
    assert found.ghosts.share == region.mean()


@pytest.mark.parametrize("fresh", [False, True])
def test_only_shots_that_are_copies_already_are_changed_in_place(fresh) -> None:
    shots = [levels(2)[0], np.full((40, 60, 1), 200, np.uint8)]
    region = np.zeros((40, 60), bool)
    region[10:30, 10:30] = True
    before = [shot.copy() for shot in shots]
    known = links(1, Conflict(region, region))
    found = consistent(shots, known, 0, fresh=fresh, deghost=True)
    assert (found.shots[1] is shots[1]) == fresh
    assert (shots[1] != before[1]).any() == fresh
    assert found.shots[0] is shots[0]
    np.testing.assert_array_equal(shots[0], before[0])


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (3, 1, 1), (1, 4, 1), (3, 5, 1), (1, 3, 3), (5, 4, 3)]
)
def test_the_best_exposed_shot_has_the_fewest_clipped_pixels_and_the_last_of_equals(shape) -> None:
    dark, fair, bright = (np.full(shape, code, np.uint8) for code in (2, 3, 251))
    assert best_exposed([dark, fair, bright]) == 1
    assert best_exposed([fair, np.full(shape, 250, np.uint8)]) == 1
    assert best_exposed([dark, dark]) == 1
    bright[0, 0, 0] = 100
    assert best_exposed([dark, bright]) == 1
    if shape[2] == 3:
        fair[..., 1] = 255
        assert best_exposed([np.full(shape, 9, np.uint8), fair]) == 0


def test_colourless_pictures_in_three_channels_that_moved_are_as_grey_ones() -> None:
    """White of the reference shows what is behind what moved: all channels are continued alike."""
    grey = [image[..., 1] for image in stack(times=(0.004, 0.05, 0.6))[0]]
    colourless = fuse([np.stack([image] * 3, axis=-1) for image in grey], align=False).fused
    assert np.ptp(colourless, axis=-1).max() == 0
    assert distance(colourless[..., 0], fuse(grey, align=False).fused).max() <= 1

"""Exposures in order of brightness, how many virtual ones go between, and the stages of a fusion."""

from __future__ import annotations

from dataclasses import fields
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from synthetic import expose, scene

from expinterp.core.exposure import even_positions
from expinterp.core.fusion import exposures
from expinterp.core.fusion.exposures import Fusion, Stack, fuse_exposures
from expinterp.core.fusion.plan import (
    MAX_STEP,
    ExposurePlan,
    check_virtual,
    order_by_brightness,
    plan_exposures,
    virtual_positions,
)
from expinterp.core.ghosts import Ghosts
from expinterp.core.pair import Pair
from expinterp.core.radiance import Radiance
from expinterp.core.render import Interpolation

ROUNDING = 1e-9  # EV


def pair(ev, stated=None):
    """Return the attributes of a measured pair that `virtual_positions` reads."""
    return SimpleNamespace(ratio_measured=2.0**ev, ratio_given=stated)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (96, 128)])
def test_order_is_from_dark_to_bright(bits, shape):
    evs = [1, -5, 3, -1]
    images = [expose(scene(shape), 2.0**ev, bits=bits) for ev in evs]
    assert order_by_brightness(images) == [1, 3, 0, 2]


def test_order_is_that_of_the_mean_over_all_channels():
    images = [np.full((4, 4, 3), colour, np.uint8) for colour in ([200, 0, 0], [90, 90, 90])]
    assert order_by_brightness(images) == [0, 1]


def test_no_images_and_one_image_have_an_order():
    assert order_by_brightness([]) == []
    assert order_by_brightness([np.zeros((2, 2, 1), np.uint8)]) == [0]


@given(
    st.lists(arrays.arrays(np.uint8, (2, 2, 1), elements=st.integers(0, 2)), min_size=2, max_size=4)
)
def test_the_order_given_makes_no_difference_not_even_between_equally_bright_images(images):
    orders = {
        tuple(shuffled[index].tobytes() for index in order_by_brightness(shuffled))
        for shuffled in permutations(images)
    }
    assert len(orders) == 1


@given(st.floats(0.25, 30))
def test_auto_is_the_fewest_that_leave_no_step_too_large(ev):
    count = len(virtual_positions(pair(ev), "auto"))
    assert ev / (count + 1) <= MAX_STEP + ROUNDING
    assert count == 0 or ev / count > MAX_STEP - ROUNDING


@pytest.mark.parametrize(
    ("ev", "count"), [(0.3, 0), (2.5, 0), (2.51, 1), (5.0, 1), (5.01, 2), (7.5, 2), (12, 4)]
)
def test_auto_by_the_measured_ratio(ev, count):
    assert virtual_positions(pair(ev, stated=2.0**20), "auto") == even_positions(count)


@given(st.floats(0.25, 30), st.integers(0, 9))
def test_a_given_number_does_not_depend_on_the_step(ev, count):
    positions = virtual_positions(pair(ev), count)
    steps = np.diff([0, *positions, 1])
    assert len(positions) == count
    np.testing.assert_allclose(steps, 1 / (count + 1), atol=1e-12)


@pytest.mark.parametrize("virtual", ["auto", 0, 1, 7])
def test_numbers_and_auto_are_allowed(virtual):
    check_virtual(virtual)


@pytest.mark.parametrize("virtual", [-1, 1.5, "2", "many", None])
def test_anything_else_is_misuse(virtual):
    with pytest.raises(ValueError, match="virtual must be 'auto' or a number"):
        check_virtual(virtual)


@pytest.mark.parametrize("virtual", [0, 1])
def test_a_stage_is_reported_from_its_start_so_that_none_of_its_time_is_lost(monkeypatch, virtual):
    seen = []

    def stack(*images, **options):
        seen.append("pyramids")
        return Stack(*images, **options)

    def render(*pair, **options):
        seen.append("rendering")
        return real(*pair, **options)

    real = exposures.render
    monkeypatch.setattr(exposures, "Stack", stack)
    monkeypatch.setattr(exposures, "render", render)
    plan = plan_exposures([expose(scene((32, 48)), 2.0**ev) for ev in (0, -4)], virtual=virtual)
    fuse_exposures(plan, progress=lambda *stage: seen.append(stage))
    assert seen[seen.index("pyramids") - 1] == ("fuse", 0)
    assert not virtual or seen[seen.index("rendering") - 1] == ("render", 0)


@pytest.mark.parametrize("measured", [False, True])
def test_shots_are_measured_for_a_merge_without_virtual_exposures(measured):
    images = [expose(scene((32, 48)), 2.0**ev) for ev in (0, -4)]
    plan = plan_exposures(images, virtual=0, measured=measured)
    assert plan.count == 0
    assert (plan.pairs[0] is not None) == measured


@pytest.mark.parametrize("virtual", [0, 1, 2])
def test_the_result_may_be_written_over_a_virtual_exposure(virtual):
    """It is the same, and photographs are left alone."""
    images = [expose(scene((32, 48)), 2.0**ev) for ev in (0, -4)]
    before = [image.copy() for image in images]
    plan = plan_exposures(images, virtual=virtual)
    expected = fuse_exposures(plan)
    found = fuse_exposures(plan, in_place=True)
    np.testing.assert_array_equal(found.fused, expected.fused)
    np.testing.assert_array_equal(images, before)
    media = [each.medium for each in found.exposures if not isinstance(each, int)]
    assert [medium is found.fused for medium in media] == [False] * (virtual - 1) + [True] * (
        virtual > 0
    )


@pytest.mark.parametrize("kind", [ExposurePlan, Fusion, Ghosts, Interpolation, Pair, Radiance])
def test_results_are_printed_without_pixels_tables_and_other_results(kind):
    large = "NDArray", "Pixels", "Floats", "Codes", "Pair", "Stack", "Interpolation", "Motion, "
    for field in fields(kind):
        if field.name not in {"medium", "fused", "exact"}:
            assert field.repr != any(word in field.type for word in large), field.name


@pytest.mark.parametrize("in_place", [True, False])
def test_shots_below_a_virtual_exposure_are_fused_denoised(in_place, monkeypatch):
    """Those whose next brighter shot is near are fused as they are."""
    stacked = []

    def clean(pair, denoise, **options):
        assert denoise == 0.5
        assert options == {"refined": False, "in_place": in_place}
        return 255 - pair.short

    def stack(images, **options):
        stacked.extend(images)
        return Stack(images, **options)

    monkeypatch.setattr(exposures, "clean_short", clean)
    monkeypatch.setattr(exposures, "Stack", stack)
    dark, middle, bright = (expose(scene((32, 48)), 2.0**ev) for ev in (-4, 0, 1))
    plan = plan_exposures([dark, middle, bright])
    assert [len(each) for each in plan.positions] == [1, 0]
    fuse_exposures(plan, denoise=0.5, in_place=in_place)
    assert len(stacked) == 4
    for found, expected in zip(stacked[::2], (255 - dark, middle), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(stacked[3], bright)

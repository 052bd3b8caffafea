"""What is measured of a fused picture, and on which pixels."""

from __future__ import annotations

from itertools import permutations
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from synthetic import expose, scene

from expinterp.core.fusion import Stack
from expinterp.metrics import MEF_LEAST, assessment, mef_ssim
from expinterp.metrics.assessment import LONGER_SIDE, assess, shrink
from expinterp.pipeline import fuse

RADIANCE = scene((96, 128))
NOTHING = SimpleNamespace(base=None)  # what a stack of one level has besides its finest


def shots(*evs, bits=8, shape=(96, 128)):
    return [expose(RADIANCE[: shape[0], : shape[1]], 2.0**ev, bits=bits) for ev in evs]


def order(photographs, fused):
    found = assess(photographs, fused, stack=NOTHING)["order_violations"]
    return found["everywhere"], found["highlight_shadow"]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_fused_picture_is_measured_in_every_kind(bits, channels):
    photographs = [image[..., :channels] for image in shots(-6, -2, bits=bits)]
    fusion = fuse(photographs)
    found = assess(photographs, fusion.fused, stack=fusion.stack)
    assert 0.8 < found["mef_ssim"] < 1
    assert 0 <= found["order_violations"]["everywhere"] < 0.1
    assert 0 <= found["out_of_range"] < 0.5


def test_structure_is_measured_against_all_photographs():
    photographs = shots(-6, -4, -2)
    fused = photographs[1]
    found = assess(photographs, fused, stack=NOTHING)["mef_ssim"]
    assert found == mef_ssim(photographs, fused)
    assert found != mef_ssim(photographs[::2], fused)


def test_the_order_of_photographs_makes_no_difference():
    fused = shots(-4)[0]
    found = [assess(each, fused, stack=NOTHING) for each in permutations(shots(-6, -4, -1))]
    assert all(each["order_violations"] == found[0]["order_violations"] for each in found)
    assert [each["mef_ssim"] for each in found] == pytest.approx([found[0]["mef_ssim"]] * 6)


def test_a_photograph_keeps_the_order_and_its_negative_turns_it_round():
    photographs = shots(-6, -5, -2)
    assert order(photographs, photographs[1])[0] < 0.01
    assert order(photographs, 255 - photographs[1])[0] > 0.95


def test_the_outer_two_photographs_define_highlights_and_shadows():
    """Only of the outer two has one highlights that the other clips."""
    photographs = shots(-9, -8.5, -1)
    fused = 255 - photographs[2] // 2
    assert order(photographs[:2], fused)[1] is None
    assert order(photographs, fused)[1] > 0.9


def test_tones_that_the_outer_two_clip_are_read_from_those_between():
    """Of sixteen stops most tones are black in the shortest and white in the longest exposure."""
    radiance = scene((96, 128), stops=20.0)
    photographs = [expose(radiance, 2.0**ev) for ev in (-12, -8, -4, 0, 4)]
    light = np.log(radiance @ [0.2126, 0.7152, 0.0722])
    drawn = np.rint(255 * (light - light.min()) / np.ptp(light)).astype(np.uint8)[..., None]
    assert order(photographs, np.repeat(drawn, 3, axis=2)) == (pytest.approx(0, abs=1e-4), 0)
    assert order(photographs, np.repeat(255 - drawn, 3, axis=2))[0] > 0.99


def test_repeated_exposures_change_nothing():
    photographs, fused = shots(-6, -2), shots(-4)[0]
    assert order([*photographs, *photographs], fused) == order(photographs, fused)


@pytest.mark.parametrize("equal", [True, False])
def test_no_order_is_known_of_one_exposure_or_of_two_without_a_common_tone(equal):
    short, long = shots(-4, -4) if equal else shots(-17, 9)
    assert order([short, long], short) == (None, None)
    assert order([short], short) == (None, None)


def test_steps_that_the_shared_response_reverses_become_the_least_step(monkeypatch):
    """One response for all may suit a pair so badly that its two shots change places."""
    real = assessment.estimate_shared

    def turn_round(*given):
        return SimpleNamespace(response=real(*given).response, log_ratios=np.array([-0.1]))

    monkeypatch.setattr(assessment, "estimate_shared", turn_round)
    photographs = shots(-4.6, -4)
    assert order(photographs, photographs[0])[0] < 0.1


def test_structure_is_not_measured_on_pictures_too_small_for_it():
    fits, below = (shots(-6, -2, shape=(side, 60)) for side in (MEF_LEAST, MEF_LEAST - 1))
    assert assess(fits, fits[0], stack=NOTHING)["mef_ssim"] is not None
    assert assess(below, below[0], stack=NOTHING)["mef_ssim"] is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 2)])
def test_the_smallest_pictures_are_measured(shape):
    photographs = shots(-6, -2, shape=shape)
    fusion = fuse(photographs, virtual=0)
    assert assess(photographs, fusion.fused, stack=fusion.stack)["mef_ssim"] is None


def test_the_share_out_of_range_is_that_of_the_fusion_before_it_is_compressed():
    base = np.zeros((3, 10, 10), np.float32)
    base[0, :5], base[1, 0, 0] = 1.2, -0.1
    found = assess(shots(-4), shots(-4)[0], stack=SimpleNamespace(base=base))
    assert found["out_of_range"] == 51 / 300
    one_level = Stack(shots(-4), levels=1)
    assert assess(shots(-4), shots(-4)[0], stack=one_level)["out_of_range"] is None


def test_large_pictures_are_measured_small():
    wide = [cv2.resize(image, None, fx=10, fy=10) for image in shots(-6, -2)]
    fused = wide[0] // 2 + wide[1] // 2
    small = [shrink(image) for image in wide]
    found = assess(wide, fused, stack=NOTHING)
    assert found["mef_ssim"] == mef_ssim(small, shrink(fused))
    assert small[0].shape == (675, LONGER_SIDE, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_shrinking_averages_areas(dtype, channels):
    random = np.random.default_rng(3)
    image = random.integers(0, np.iinfo(dtype).max + 1, (600, 2 * LONGER_SIDE, channels), dtype)
    small = shrink(image)
    assert (small.shape, small.dtype) == ((300, LONGER_SIDE, channels), image.dtype)
    blocks = image.reshape(300, 2, LONGER_SIDE, 2, channels).mean(axis=(1, 3))
    assert np.abs(small - blocks).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("shape", [(LONGER_SIDE, 5), (5, LONGER_SIDE), (1, 1)])
def test_pictures_that_are_small_stay_as_they_are(shape):
    image = np.zeros((*shape, 3), np.uint8)
    assert shrink(image) is image


@pytest.mark.parametrize("shape", [(1, 5000), (5000, 1)])
def test_a_thin_picture_keeps_a_row(shape):
    assert max(shrink(np.zeros((*shape, 1), np.uint8)).shape) == LONGER_SIDE

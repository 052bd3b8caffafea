"""The parts of de-ghosting, each against a formula or brute force."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from moving_samples import HERE, THERE, TIME, background, photograph, place
from synthetic import expose, gamma_response, scene

from expinterp.core.ghosts import consistent, follow
from expinterp.core.ghosts.consistent import Link, _fit_medians, _join, choose_reference
from expinterp.core.ghosts.detect import (
    BRIGHT,
    CLOSE,
    DARK,
    GROW,
    HOLE,
    LEAST,
    ROUNDING,
    Conflict,
    _bounds,
    _close,
    _contradiction,
    _disk,
    _drop_small,
    _fill_holes,
    _find_regions,
    covered_by_all,
    find_conflict,
    shrink_mask,
    small_copy,
)
from expinterp.core.ghosts.smooth import interpolate_missing, reduce_noise
from expinterp.core.mapping import imf_from_response, joint_histogram

CODES = np.arange(256.0)
LOG_16 = math.log(16)


# --- smoothing -----------------------------------------------------------------------------------

shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
masks = shapes.flatmap(lambda shape: arrays.arrays(np.bool_, shape)).filter(np.any)


@settings(max_examples=30)
@given(masks, st.floats(0, 255))
def test_a_constant_is_filled_by_itself(mask, level) -> None:
    values = np.where(mask, level, 77).astype(np.float32)
    filled = interpolate_missing(values, mask.astype(np.float32))
    assert filled.shape == mask.shape
    np.testing.assert_allclose(filled, level, atol=1e-3, rtol=1e-5)


def plane(seed=0, shape=(37, 53)):
    return (255 * np.random.default_rng(seed).random(shape)).astype(np.float32)


def known(shape=(37, 53)):
    weights = np.ones(shape, np.float32)
    weights[8:30, 10:40] = 0
    return weights


def test_known_pixels_stay_and_the_rest_lies_between_them() -> None:
    values, weights = plane(), known()
    filled = interpolate_missing(values, weights)
    np.testing.assert_array_equal(filled[weights > 0], values[weights > 0])
    missing = filled[weights == 0]
    assert values[weights > 0].min() <= missing.min()
    assert missing.max() <= values[weights > 0].max()
    assert missing.std() < 30  # smooth, of noise of 74


def test_missing_values_do_not_count() -> None:
    values, weights = plane(), known()
    other = np.where(weights > 0, values, 1e4).astype(np.float32)
    np.testing.assert_array_equal(
        interpolate_missing(values, weights), interpolate_missing(other, weights)
    )


def test_interpolation_is_linear_in_the_values() -> None:
    one, two, weights = plane(1), plane(2), known()
    joint = interpolate_missing(2 * one - 3 * two, weights)
    parts = 2 * interpolate_missing(one, weights) - 3 * interpolate_missing(two, weights)
    np.testing.assert_allclose(joint, parts, atol=1e-2)


def test_a_slope_is_continued_across_a_gap() -> None:
    slope = np.broadcast_to(np.arange(53, dtype=np.float32), (37, 53)).copy()
    filled = interpolate_missing(slope, known())
    assert np.abs(filled - slope).max() < 6  # of a gap of 30
    np.testing.assert_allclose(filled[19, 24:26].mean(), 24.5, atol=1.5)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 30, 3), (30, 1, 3), (20, 30, 1), (20, 30, 3)])
def test_a_constant_has_no_noise(shape) -> None:
    codes = np.full(shape, 130.25, np.float32)
    reduced = reduce_noise(codes)
    assert reduced.shape == shape
    np.testing.assert_allclose(reduced, codes, atol=1e-2)


def test_noise_of_a_code_value_falls_to_a_third_and_edges_stay() -> None:
    rng = np.random.default_rng(0)
    clean = np.full((200, 200, 1), 60, np.float32)
    clean[:, 100:] = 180
    codes = (clean + rng.normal(0, 1, clean.shape)).astype(np.float32)
    error = reduce_noise(codes) - clean
    flat = np.r_[5:90, 110:195]
    assert error[:, flat].std() < 0.35
    assert np.abs(error[:, 90:110]).max() < 5
    assert np.abs(error[5:-5, 98:102].mean(axis=(0, 2))).max() < 0.5


def test_detail_of_many_code_values_is_kept() -> None:
    codes = np.random.default_rng(0).normal(128, 20, (60, 60, 1)).astype(np.float32)
    assert np.abs(reduce_noise(codes) - codes).std() < 0.2


# --- regions -------------------------------------------------------------------------------------


def parts(mask):
    """The connected parts of a mask, of four or eight neighbours as OpenCV counts: eight."""
    mask, found = mask.copy(), []
    while mask.any():
        queue = [tuple(np.argwhere(mask)[0])]
        part = np.zeros_like(mask)
        while queue:
            row, col = queue.pop()
            if mask[row, col]:
                mask[row, col], part[row, col] = False, True
                queue += [
                    (r, c)
                    for r in range(max(row - 1, 0), min(row + 2, mask.shape[0]))
                    for c in range(max(col - 1, 0), min(col + 2, mask.shape[1]))
                ]
        found.append(part)
    return found


@settings(max_examples=30)
@given(arrays.arrays(np.bool_, (7, 9)), st.integers(1, 12))
def test_small_parts_are_dropped_by_brute_force(mask, least) -> None:
    wanted = np.any([part for part in parts(mask) if part.sum() >= least] or [mask & False], axis=0)
    np.testing.assert_array_equal(_drop_small(mask, least), wanted)


def test_small_holes_are_filled_and_large_ones_stay() -> None:
    region = np.ones((60, 80), bool)
    small, large = np.s_[5:11, 5:11], np.s_[20:30, 20:30]
    assert region[small].size < HOLE * region.size < region[large].size
    region[small] = region[large] = False
    filled = _fill_holes(region)
    assert filled[small].all()
    assert not filled[large].any()


def dilated(mask):
    """A mask grown by the disk that closes, by brute force: shifted by each of its pixels."""
    out, wide = np.zeros_like(mask), np.pad(mask, CLOSE // 2)
    for row, col in np.argwhere(_disk(CLOSE)):
        out |= wide[row : row + mask.shape[0], col : col + mask.shape[1]]
    return out


@pytest.mark.parametrize("seed", range(3))
def test_gaps_are_closed_as_in_an_endless_picture(seed) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((30, 40)) < 0.01
    wide = np.pad(mask, 2 * CLOSE)
    wanted = ~dilated(~dilated(wide))[2 * CLOSE : -2 * CLOSE, 2 * CLOSE : -2 * CLOSE]
    np.testing.assert_array_equal(_close(mask), wanted)


def test_two_parts_of_a_thing_become_one_region() -> None:
    strong = np.zeros((120, 160), bool)
    strong[40:60, 40:60] = strong[40:60, 60 + CLOSE - 8 : 100] = True
    region = _find_regions(strong, strong)
    assert region[50, 40:100].all()
    apart = np.zeros_like(strong)
    apart[40:60, 20:40] = apart[40:60, 40 + CLOSE + 2 * GROW + 4 : 110] = True
    assert not _find_regions(apart, apart)[50].all()
    assert len(parts(_find_regions(apart, apart))) == 2


def test_a_region_is_grown_by_its_edge() -> None:
    spot = np.zeros((80, 90), bool)
    spot[30:50, 30:50] = True
    rows, cols = np.nonzero(_find_regions(spot, spot))
    assert (rows.min(), rows.max()) == (30 - GROW, 49 + GROW)
    assert (cols.min(), cols.max()) == (30 - GROW, 49 + GROW)


def test_weak_evidence_counts_only_where_enough_strong_evidence_is_connected() -> None:
    weak, strong = np.zeros((120, 200), bool), np.zeros((120, 200), bool)
    weak[10:40, 10:40] = weak[80:110, 10:40] = weak[10:40, 150:180] = weak[80:110, 150:180] = True
    strong[20:30, 20:31] = True  # 110 of 900
    strong[80:88, 10:20] = True  # 80 of 900: too small a share
    strong[20:23, 160:163] = True  # 9
    region = _find_regions(strong, weak)
    assert region[10:40, 10:40].all()
    assert not region[70:, :].any()
    assert not region[:, 100:].any()


@pytest.mark.parametrize(("side", "found"), [(7, False), (8, True)])
def test_a_region_has_a_least_size(side, found) -> None:
    assert 7 * 7 < LEAST <= 8 * 8
    spot = np.zeros((80, 90), bool)
    spot[30 : 30 + side, 30 : 30 + side] = True
    assert _find_regions(spot, spot).any() == found


def test_what_is_not_covered_contradicts_nothing() -> None:
    radiance = scene((100, 120), stops=2)
    long, short = expose(radiance, 0.2), expose(radiance, 0.2 / 16)
    short[20:60, 20:60] = 220
    covered = np.ones((100, 120), bool)
    assert find_conflict(long, short, gamma_response(), LOG_16).region[20:60, 20:60].all()
    covered[15:65, 15:65] = False
    found = find_conflict(long, short, gamma_response(), LOG_16, covered=covered)
    assert not found.region.any()
    assert found.share == 0


@pytest.mark.parametrize("error", [-0.5, 0.5])
def test_the_image_corrects_a_response_that_is_off(error) -> None:
    still = photograph([background()] * 2, (TIME, TIME / 16))
    assert not find_conflict(*still, gamma_response(), LOG_16 + error).region.any()
    moving = photograph([place(HERE), place(THERE)], (TIME, TIME / 16))
    assert find_conflict(*moving, gamma_response(), LOG_16 + error).share < 0.17


@pytest.mark.parametrize(("codes", "moved"), [((36, 0), False), ((80, 0), True)])
def test_black_is_any_tone_up_to_the_first_that_is_surely_not_black(codes, moved) -> None:
    """The short exposure may have lost a dark tone, but not one of code value 80 in the long one."""
    radiance = scene((100, 120), stops=2)
    images = [expose(radiance, time) for time in (0.2, 0.2 / 16)]
    for image, code in zip(images, codes, strict=True):
        image[20:60, 20:60] = code
    assert find_conflict(*images, gamma_response(), LOG_16).region.any() == moved


def test_each_code_value_stands_for_an_interval_that_is_open_at_the_ends() -> None:
    imf13, imf23 = (imf_from_response(gamma_response(), scale=k)[0] for k in (1 / 4, 4))
    low1, high1, low2, high2 = _bounds(np.zeros((256, 256), np.int64), imf13, imf23)
    for low, high, imf in ((low1, high1, imf13), (low2, high2, imf23)):
        inner = np.s_[DARK + 1 : BRIGHT]
        assert (low[inner] < imf[inner]).all()
        assert (imf[inner] < high[inner]).all()
        assert (low[: DARK + 1] == -np.inf).all()
        assert (high[: DARK + 1] == high[DARK + 1]).all()
        assert (low[BRIGHT:] == low[BRIGHT]).all()
        assert (high[BRIGHT:] == np.inf).all()
    assert (high2 - low2)[100] > (high1 - low1)[100]  # noise of the short one is enlarged


def test_the_steeper_the_mapping_the_wider_the_interval() -> None:
    """Noise of a code value becomes as many times larger as the mapping is steep."""
    flat = np.linspace(0, 51, 256)
    low, high, *_ = _bounds(np.zeros((256, 256), np.int64), flat, flat)
    steep_low, steep_high, *_ = _bounds(np.zeros((256, 256), np.int64), 5 * flat, 5 * flat)
    middle = np.s_[DARK + 2 : BRIGHT - 1]
    noise = (high - low)[middle].astype(float) ** 2 / 4 - ROUNDING**2
    steep = (steep_high - steep_low)[middle].astype(float) ** 2 / 4 - ROUNDING**2
    np.testing.assert_allclose(steep, 25 * noise, rtol=1e-3)


def test_both_directions_contradict_alike() -> None:
    """A dark thing before a bright wall, and a bright thing before a dark one."""
    radiance = np.full((100, 120, 3), 0.2) * (1 + scene((100, 120), stops=1) / 50)
    thing = radiance.copy()
    thing[30:60, 30:60] *= 4
    for pair in ((radiance, thing), (thing, radiance)):
        long, short = (expose(r, t) for r, t in zip(pair, (1.0, 1 / 16), strict=True))
        found = find_conflict(long, short, gamma_response(), LOG_16)
        assert found.region[30:60, 30:60].all()
        assert found.share < 0.25


def test_contradictions_are_averaged_by_a_gaussian_of_1_2_pixels() -> None:
    """Across the straight border of a thing that is 60 code values too bright."""
    long = np.full((20, 40), 100, np.uint8)
    short = long.copy()
    long[:, 20:] = 160  # surely brighter from column 21 on, as a border may be half a pixel off
    found = _contradiction(long, short, (CODES,) * 4)[10]
    share = [(1 + math.erf((x - 20.5) / 1.2 / math.sqrt(2))) / 2 for x in range(40)]
    np.testing.assert_allclose(found, 60 * np.array(share), atol=1)


def test_masks_on_small_copies_are_cautious() -> None:
    mask = np.ones((1536, 3072), bool)
    mask[:, 1202:] = False  # two thirds of the pixel 400 of the copy stay
    small = shrink_mask(mask)
    assert small.shape == small_copy(np.zeros((1536, 3072, 1), np.uint8)).shape[:2] == (512, 1024)
    assert small[:, :398].all()
    assert not small[:, 399:].any()
    assert shrink_mask(np.ones((40, 50), bool)).all()


def test_covered_by_all_is_the_intersection() -> None:
    one, two = np.random.default_rng(0).random((2, 5, 6)) < 0.5
    assert covered_by_all([None, None]) is None
    np.testing.assert_array_equal(covered_by_all([None, one]), one)
    np.testing.assert_array_equal(covered_by_all([two, None, one]), one & two)


# --- mappings and choices ------------------------------------------------------------------------


def camera(offset, *, sigma=0.0, share=1.0):
    """The joint histogram (source, target) of a camera whose true mapping is off by `offset`."""
    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, 60_000)
    imf = imf_from_response(gamma_response(channels=1), scale=4.0)[0]
    true = np.clip(imf + offset, 0, 255)
    target = np.clip(np.rint(true[source] + rng.normal(0, sigma, source.size)), 0, 255)
    few = source.size * share
    images = (
        part[: int(few), np.newaxis, np.newaxis].astype(np.uint8) for part in (source, target)
    )
    return imf, true, joint_histogram(*images)[0]


@pytest.mark.parametrize("sigma", [0.0, 3.0])
def test_medians_recover_a_mapping_that_is_off(sigma) -> None:
    offset = 8 * np.sin(CODES / 40)
    imf, true, joint = camera(offset, sigma=sigma)
    fitted = _fit_medians(imf, joint)
    middle = (true > 20) & (true < 240)
    assert np.abs(imf - true)[middle].max() > 7
    assert np.abs(fitted - true)[middle].max() < 1 + sigma / 2
    assert (np.diff(fitted) >= 0).all()


@pytest.mark.parametrize("offset", [-20, 15])
def test_a_corrected_mapping_keeps_white_white_and_black_black(offset) -> None:
    imf, _, joint = camera(offset * np.sin(np.pi * CODES / 140) * (CODES < 140))
    fitted = _fit_medians(imf, joint)
    assert fitted[200:].min() == 255
    assert fitted[0] < 3


def test_clipped_pixels_of_the_target_count_in_the_median() -> None:
    """At each code value z: four tenths at z − 10, two tenths at z, four tenths clipped."""
    joint = np.zeros((256, 256), np.int64)
    for z in range(20, 240):
        joint[z, [z - 10, z, 255]] = 400, 200, 400
    np.testing.assert_allclose(_fit_medians(CODES, joint), CODES, atol=0.01)


def test_code_values_that_may_be_clipped_do_not_correct_a_mapping() -> None:
    """Those of the source, and medians within two code values of clipped ones of the target."""
    joint = np.zeros((256, 256), np.int64)
    joint[np.arange(20, 230), np.arange(25, 235)] = 4000
    wanted = _fit_medians(CODES, joint)
    for code, seen in (
        (0, 60),
        (DARK, 60),
        (BRIGHT, 200),
        (255, 200),
        (12, DARK + 2),
        (240, BRIGHT - 2),
    ):
        joint[code, seen] = 4000
    np.testing.assert_array_equal(_fit_medians(CODES, joint), wanted)
    joint[DARK + 1, 60] = 4000
    assert np.any(_fit_medians(CODES, joint) != wanted)


def test_a_mapping_that_too_few_pixels_show_stays() -> None:
    imf, _, joint = camera(10.0, share=0.01)
    np.testing.assert_array_equal(_fit_medians(imf, joint), imf)


def conflict(mask):
    return Conflict(mask, mask)


def link(mask, shots, log_ratio=LOG_16):
    joint = np.zeros((1, 256, 256), np.int64)
    return Link(gamma_response(channels=1), log_ratio, conflict(mask), joint, tuple(shots))


def test_equally_good_shots_leave_the_brighter_one() -> None:
    shots = [np.full((20, 30, 1), 255, np.uint8)] * 2
    everywhere = np.ones((20, 30), bool)
    assert choose_reference([link(everywhere, shots, 0.0)], default=0) == 1


@pytest.mark.parametrize(("codes", "chosen"), [((3, 60), 1), ((20, 255), 0), ((70, 200), 1)])
def test_the_reference_is_the_shot_whose_code_values_are_known_best(codes, chosen) -> None:
    shots = [np.full((20, 30, 1), code, np.uint8) for code in codes]
    everywhere = np.ones((20, 30), bool)
    assert choose_reference([link(everywhere, shots)], default=1 - chosen) == chosen


def test_one_channel_that_is_clipped_spoils_a_shot() -> None:
    dark, bright = (
        np.full((20, 30, 3), codes, np.uint8) for codes in ((20, 20, 20), (255, 70, 70))
    )
    colour = replace(
        link(np.ones((20, 30), bool), (dark, bright)), response=gamma_response(channels=3)
    )
    assert choose_reference([colour], default=1) == 0


def test_each_shot_is_judged_half_way_between_the_darkest_and_the_brightest(monkeypatch) -> None:
    scales = []
    monkeypatch.setattr(
        consistent, "_squared_error", lambda _, scale: scales.append(scale) or np.zeros((1, 256))
    )
    shots, everywhere = [np.zeros((20, 30, 1), np.uint8)] * 2, np.ones((20, 30), bool)
    choose_reference([link(everywhere, shots, step) for step in (1.0, 2.0)], default=0)
    np.testing.assert_allclose(scales, [1.5, 0.5, -1.5])


def test_only_what_moved_decides_the_reference() -> None:
    dark, bright = (np.full((20, 30, 1), code, np.uint8) for code in (40, 255))
    bright[:5, :5] = 142
    dark[:5, :5] = 2
    moved = np.zeros((20, 30), bool)
    moved[:5, :5] = True
    shots = dark, bright
    assert choose_reference([link(moved, shots)], default=0) == 1
    assert choose_reference([link(~moved, shots)], default=1) == 0


@pytest.mark.parametrize("default", [0, 1])
def test_the_reference_is_the_default_if_nothing_moved_or_not_all_is_known(default) -> None:
    shots = [np.full((20, 30, 1), code, np.uint8) for code in (3, 60)]
    nowhere = np.zeros((20, 30), bool)
    assert choose_reference([link(nowhere, shots)], default=default) == default
    assert choose_reference([link(~nowhere, shots), None], default=default) == default


def test_regions_add_up_and_of_those_before_nothing_stays() -> None:
    rng = np.random.default_rng(0)
    one, two, three = rng.random((3, 6, 7)) < 0.4
    own, before = Conflict(one, one & two), Conflict(three, three & two)
    joined = _join(own, before)
    np.testing.assert_array_equal(joined.region, one | three)
    np.testing.assert_array_equal(joined.contradicted, one & two | three)
    assert _join(own, None) is own
    assert _join(None, None) is None
    for empty in (None, conflict(np.zeros((6, 7), bool))):
        alone = _join(empty, before)
        np.testing.assert_array_equal(alone.region, three)
        np.testing.assert_array_equal(alone.contradicted, three)


# --- following -----------------------------------------------------------------------------------


def followed(reference, other, *arguments, **keywords):
    """A copy of an image that follows the reference."""
    out = other.copy()
    follow.follow(reference, out, *arguments, **keywords)
    return out


@pytest.mark.parametrize("shape", [(300, 300), (700, 1100), (1500, 90)])
def test_a_region_is_replaced_alike_in_tiles_and_in_one_piece(shape, monkeypatch) -> None:
    rng = np.random.default_rng(0)
    reference, other = rng.integers(30, 220, (2, *shape, 1)).astype(np.uint8)
    region = np.zeros(small_copy(other).shape[:2], bool)
    region[60 : follow.TILE - 1, 60 : follow.TILE - 1] = True  # its soft border is in the next tile
    imf = np.clip(CODES + 20, 0, 255)[np.newaxis]
    tiled = followed(reference, other, conflict(region), imf, brighter=True)
    monkeypatch.setattr(follow, "TILE", 10_000)
    whole = followed(reference, other, conflict(region), imf, brighter=True)
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert (tiled != other).any()


def test_an_image_is_changed_in_place_and_only_near_the_region() -> None:
    reference, other = (np.full((90, 120, 3), code, np.uint8) for code in (100, 200))
    region = np.zeros((90, 120), bool)
    region[30:60, 40:80] = True
    follow.follow(reference, other, conflict(region), np.tile(CODES, (3, 1)), brighter=True)
    assert (reference == 100).all()
    assert (other[40:50, 55:65] == 100).all()
    assert (other[:15] == 200).all()
    assert (other[:, :25] == 200).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_replaced_region_is_the_mapped_reference_and_its_border_is_soft(dtype) -> None:
    step = np.iinfo(dtype).max // 255
    reference, other = (np.full((90, 120, 3), code * step, dtype) for code in (100, 200))
    region = np.zeros((90, 120), bool)
    region[30:60, 40:80] = True
    imf = np.tile(CODES / 2, (3, 1))
    found = followed(reference, other, conflict(region), imf, brighter=True) / step
    assert np.abs(found[33:57, 43:77] - 50).max() < 26
    assert np.abs(found[44:46, 58:62] - 50).max() < 1
    np.testing.assert_array_equal(found[:15], 200)
    line = found[45, 60:120, 0]
    assert (np.diff(line) >= 0).all()
    assert np.diff(line).max() < 25  # of 150


@pytest.mark.parametrize(("white", "black", "brighter"), [(252, 0, True), (0, 2, False)])
def test_clipping_sets_in_gradually(white, black, brighter) -> None:
    codes = np.arange(256, dtype=np.float32)
    share = follow._clipped_share(codes, brighter=brighter)
    assert (share[white:] == 1).all() if brighter else (share[: black + 1] == 1).all()
    assert np.abs(np.diff(share)).max() <= 0.25
    assert share[128] == 0
    steps = np.diff(share)
    assert (steps >= 0).all() if brighter else (steps <= 0).all()


def test_clipping_sets_in_within_four_code_values() -> None:
    codes = np.float32([0, 2, 3, 4, 5, 6, 7, 128, 247, 248, 249, 250, 251, 252, 255])
    dark, bright = (follow._clipped_share(codes, brighter=brighter) for brighter in (False, True))
    np.testing.assert_array_equal(dark, [1, 1, 0.75, 0.5, 0.25] + [0] * 10)
    np.testing.assert_array_equal(bright, [0] * 10 + [0.25, 0.5, 0.75, 1, 1])


def test_what_is_clipped_and_not_contradicted_stays() -> None:
    """The other shot alone knows it."""
    reference = np.full((120, 160, 3), 255, np.uint8)
    other = np.full((120, 160, 3), 150, np.uint8)
    other[50:70, 70:90] = 110
    region = np.zeros((120, 160), bool)
    region[30:90, 50:110] = True
    imf = np.tile(CODES * 100 / 255, (3, 1))
    nothing = np.zeros_like(region)
    found = followed(reference, other, Conflict(region, nothing), imf, brighter=True)
    np.testing.assert_array_equal(found, other)
    doubted = np.zeros_like(region)
    doubted[55:65, 75:85] = True
    found = followed(reference, other, Conflict(region, doubted), imf, brighter=True)
    assert np.abs(found[52:68, 72:88].astype(int) - 150).max() <= 2  # continued from around


def test_an_unknown_clipped_area_is_neutral_and_beyond_the_end() -> None:
    reference = np.full((120, 160, 3), 200, np.uint8)
    reference[40:80, 60:100] = 255
    other = np.full((120, 160, 3), (30, 120, 10), np.uint8)
    region = np.zeros((120, 160), bool)
    region[30:90, 50:110] = True
    imf = np.stack([CODES * top / 255 for top in (90, 100, 110)])
    found = followed(reference, other, conflict(region), imf, brighter=True)
    fill = found[60, 80].astype(int)
    assert np.ptp(fill) <= 1
    assert fill.min() > 110


@pytest.mark.parametrize(
    ("end", "brighter", "neutral"), [((90, 100, 120), True, 187.5), ((30, 20, 10), False, 5)]
)
def test_what_nothing_is_known_of_lies_half_way_to_the_end(end, brighter, neutral) -> None:
    codes, known = np.full((20, 30, 3), 99, np.uint8), np.zeros((20, 30, 3), bool)
    known[0, :25] = True  # one more and more would count
    known[1, :24] = True
    found = follow._continue_clipped(codes, codes, known, np.array(end, float), brighter=brighter)
    np.testing.assert_array_equal(found, neutral)
    known[1, 24] = True
    found = follow._continue_clipped(codes, codes, known, np.array(end, float), brighter=brighter)
    assert not np.any(found == neutral)


def test_the_colour_of_a_clipped_channel_does_not_tint_what_is_white() -> None:
    """Around the region, red alone is clipped: white inside continues nothing of it."""
    reference = np.full((120, 160, 3), (255, 60, 60), np.uint8)
    reference[40:80, 60:100] = 255
    other = np.full((120, 160, 3), (220, 20, 20), np.uint8)
    region = np.zeros((120, 160), bool)
    region[30:90, 50:110] = True
    imf = np.tile(CODES * 100 / 255, (3, 1))
    found = followed(reference, other, conflict(region), imf, brighter=True)
    assert np.ptp(found[60, 80].astype(int)) <= 1
    assert found[35, 55, 0] > 200  # where red alone is clipped, red is continued


def test_a_clipped_channel_is_continued_by_what_goes_with_the_other_channels() -> None:
    """Red is clipped everywhere; around the region, red of the other rises with green and blue."""
    green = np.tile(np.linspace(40, 200, 96), (64, 1))
    reference = np.stack([np.full_like(green, 255), green, green], axis=-1).astype(np.uint8)
    red = 150 + green / 4
    other = np.stack([red, green / 4, green / 4], axis=-1)
    known = np.ones((64, 96, 3), bool)
    known[16:48] = False
    end = np.array([120.0, 60.0, 60.0])
    shown = np.where(known, other, 0).astype(np.uint8)
    continued = follow._continue_clipped(reference, shown, known, end, brighter=True)
    np.testing.assert_allclose(continued[..., 0], red, atol=2)


@pytest.mark.parametrize(
    ("end", "around", "brighter"), [(255, 60, True), (255, 140, True), (0, 140, False)]
)
def test_what_a_clipped_reference_says_bounds_what_is_continued(end, around, brighter) -> None:
    """Nothing is darker than its white, nor brighter than its black."""
    reference = np.full((120, 160, 3), end, np.uint8)
    other = np.full((120, 160, 3), around, np.uint8)
    other[40:80, 60:100] = 20
    region = np.zeros((120, 160), bool)
    region[30:90, 50:110] = True
    imf = np.tile(60 + CODES / 4, (3, 1))
    found = followed(reference, other, conflict(region), imf, brighter=brighter)[60, 80]
    limit = imf[0, BRIGHT if brighter else DARK]
    wanted = max(around, limit) if brighter else min(around, limit)
    assert np.abs(found - wanted).max() <= 1


def test_a_tile_of_a_copy_is_enlarged_as_all_of_it_is() -> None:
    small = np.random.default_rng(0).random((20, 30)).astype(np.float32)
    whole = cv2.resize(small, (90, 60), interpolation=cv2.INTER_LINEAR)
    for tile in (np.s_[0:60, 0:90], np.s_[7:31, 40:90]):
        enlarged = follow._enlarge(small, (60, 90, 3), tile)
        assert enlarged.shape[2] == 1
        np.testing.assert_allclose(enlarged[..., 0], whole[tile], atol=0.03)


@pytest.mark.parametrize("brighter", [True, False])
def test_what_is_continued_stays_within_the_range_of_codes(brighter) -> None:
    """Beside a patch that is brighter than others of its level, at a level that is nearly white."""
    reference, other = np.full((2, 40, 40, 3), 80, np.uint8)
    reference[:, 20:, 1:], reference[..., 0] = 160, 255
    other[:, :20, 0], other[:, 20:, 0], other[15:25, 10:20, 0] = 180, 250, 230
    known = np.ones(other.shape, bool)
    known[15:25, 20:26] = False
    end = np.full(3, 170.0)
    if not brighter:
        reference, other, end = 255 - reference, 255 - other, 255 - end
    found = follow._continue_clipped(reference, other, known, end, brighter=brighter)[..., 0]
    assert found[18, 20] == (255 if brighter else 0)
    assert (found.min(), found.max()) == ((180, 255) if brighter else (0, 75))

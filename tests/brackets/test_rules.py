"""The numbers in the rules for sets: each changes what is a set where it is crossed."""

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from bracket_library import Roll

from expinterp.brackets import Frame, plan_brackets
from expinterp.brackets.camera_shapes import CameraShapes, ShapeTally, learn_shapes, regular_windows
from expinterp.brackets.completeness import AFTER_PAUSE, INCOMPLETE, MISSING_BESIDE, MORE, find_lack
from expinterp.brackets.duplicates import set_duplicates_aside
from expinterp.brackets.evidence import Evidence, doubt, evidence_of
from expinterp.brackets.partition import divide_run
from expinterp.brackets.runs import follows, run_of
from expinterp.brackets.scenes import distinct_levels, lacks_frames
from expinterp.brackets.shapes import BracketShape, shape_of
from expinterp.brackets.thumbnail_match import are_one_scene, pack_thumbnail
from expinterp.brackets.windows import Window, follow_biases, shutter_limited_windows
from expinterp.core.exposure import Exposure

SET = (0.0, -2.0, 2.0)
USUAL, CROSSING = BracketShape((1, 0, 2), 12), BracketShape((2, 1, 0), 12)  # 0 −2 +2, and 2 0 −2
PAIR = BracketShape((1, 0), 12)
NOON = datetime(2024, 5, 6, 12)


def run(*levels, **facts):
    """Frames of these exposures in stops; other facts are one per frame."""
    frames = [Frame(f"{at}.jpg", exposure=Exposure(1e-3)) for at in range(len(levels))]
    for name, values in facts.items():
        frames = [replace(f, **{name: v}) for f, v in zip(frames, values, strict=True)]
    return run_of(frames, levels, stated="thumbnail" not in facts)


def tallies(**counts):
    names = {"usual": USUAL, "crossing": CROSSING, "pair": PAIR}
    return CameraShapes({names[name]: ShapeTally(count) for name, count in counts.items()})


# --- shapes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "mode", "found"),
    [(0.5, None, 0), (0.67, None, 1), (0.33, "bracket", 1), (0.2, "bracket", 0)],
)
def test_steps_are_at_least_two_thirds_of_a_stop_or_one_third_in_bracketing_mode(step, mode, found):
    assert len(regular_windows(run(0.0, -step, step, mode=[mode] * 3))) == found


@pytest.mark.parametrize(("brightest", "found"), [(2.4, 1), (2.6, 0)])
def test_exposures_miss_even_steps_by_a_quarter_of_a_stop_at_most(brightest, found):
    assert len(regular_windows(run(0.0, -2.0, brightest))) == found


@pytest.mark.parametrize(("brightest", "found"), [(1.1, False), (1.3, True)])
def test_pictures_of_unknown_exposure_differ_by_six_tenths_of_a_stop_on_average(brightest, found):
    """Single steps may be smaller: highlights hold the brightness back."""
    assert bool(shape_of([0.0, 0.2, brightest], stated=False, least_step=0.15)) is found


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ((3, 12, 30), True),
        ((3, 12, 25), False),  # no limit
        ((1, 4, 30), False),  # longer than the shape has it
        ((4, 16, 30), False),  # more than a stop short
        ((1 / 400, 1 / 1600, 1 / 4000), True),
        ((1 / 400, 1 / 1600, 1 / 3200), False),
        ((1 / 100, 1 / 400, 1 / 4000), False),
    ],
)
def test_the_last_step_may_be_short_at_the_fastest_and_the_slowest_time(times, found):
    """It is 1.3 stops in place of two."""
    shape = BracketShape((0, 1, 2) if times[0] < times[2] else (2, 1, 0), 12)
    limited = run(*map(math.log2, times), exposure=map(Exposure, times))
    windows = list(shutter_limited_windows(limited, [shape]))
    assert windows == ([Window(0, 3, shape)] if found else [])


# --- runs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, True),
        ({"captured": NOON}, True),  # some cameras state when an exposure ends
        ({"captured": NOON - timedelta(seconds=1)}, False),
        ({"captured": NOON + timedelta(seconds=9.9)}, True),
        ({"captured": NOON + timedelta(seconds=10.1)}, False),
        ({"captured": None}, False),
        ({"mode": "bracket"}, False),
        ({"focal_length": 25.0}, False),
        ({"focal_length": 24.4}, True),
        ({"exposure": Exposure(1.0, 100, 4.0)}, False),
        ({"exposure": Exposure(2.0, 100, 4.0)}, True),
        ({"shot": 4}, True),
        ({"shot": 6}, False),
    ],
)
def test_a_frame_follows_another_by_time_mode_lens_and_shot_number(facts, expected):
    """Within 10 s: an exposure of 2 s, as long a dark frame, a gap of 5 s and a tick of 1 s."""
    exposure = Exposure(2.0, 100, 8.0)
    one = Frame("1.jpg", captured=NOON, exposure=exposure, mode="manual", focal_length=24.0, shot=3)
    other = replace(one, captured=NOON + timedelta(seconds=7), shot=None)
    other = replace(other, exposure=replace(exposure, time=1.0))
    assert follows(one, replace(other, **facts), gap=5.0) is expected


@pytest.mark.parametrize(("others", "found"), [(8, 4), (9, 0)])
def test_a_run_is_regular_if_sets_of_one_shape_cover_six_tenths_of_it(others, found):
    levels = [*4 * (*SET, 0.0, 0.0), *(others - 8) * [0.0]]
    assert len(regular_windows(run(*levels))) == found


@pytest.mark.parametrize(("repeats", "found"), [(2, 0), (3, 3)])
def test_a_run_with_other_frames_is_regular_if_three_sets_repeat(repeats, found):
    assert len(regular_windows(run(*repeats * (*SET, 2.0)))) == found


@pytest.mark.parametrize(("repeats", "found"), [(4, 4), (5, 0)])
def test_a_run_is_regular_if_no_other_shape_covers_nearly_as_much(repeats, found):
    """2 0 −2 occurs once less than 0 −2 +2: three frames, which must be a fifth of the run."""
    assert len(regular_windows(run(*repeats * SET, 2.0))) == found


# --- pictures ------------------------------------------------------------------------------------

ONE, OTHER = np.random.default_rng(0).integers(20, 160, (2, 12, 12))


def thumbnail(blocks):
    return pack_thumbnail(np.rint(blocks).astype(np.uint8))


@pytest.mark.parametrize(("share", "same"), [(0.35, False), (0.45, True)])
def test_pictures_whose_edges_agree_by_seven_tenths_show_one_scene(share, same):
    mixed = share * ONE + (1 - share) * OTHER + 80
    assert are_one_scene([thumbnail(ONE), thumbnail(mixed)]) is same


@pytest.mark.parametrize(("darker", "same"), [(11, True), (12, False)])
def test_eight_in_a_hundred_blocks_may_be_darker_in_the_brighter_picture(darker, same):
    brighter = ONE + 20
    brighter.flat[:darker] -= 22
    assert are_one_scene([thumbnail(ONE), thumbnail(brighter)]) is same


@pytest.mark.parametrize(("code", "distinct"), [(103, False), (104, True)])
def test_pictures_that_people_put_together_differ_by_a_tenth_of_a_stop(code, distinct):
    """From code value 100, these are 0.09 and 0.12 stops of brightness."""
    frames = [Frame("a.jpg", thumbnail=thumbnail(np.full((12, 12), z))) for z in (100, code)]
    assert (distinct_levels(frames) is not None) is distinct


@pytest.mark.parametrize(("middle", "found"), [(0.14, 0), (0.16, 1)])
def test_each_step_of_brightness_is_at_least_three_twentieths_of_a_stop(middle, found):
    thumbnails = [thumbnail(ONE + 30 * step) for step in range(3)]
    assert len(regular_windows(run(0.0, middle, 1.3, thumbnail=thumbnails))) == found


@pytest.mark.parametrize(
    ("change", "facts", "copy"),
    [
        (1, {}, True),
        (2, {}, False),
        (2, {"captured": NOON, "exposure": Exposure(1.0)}, True),
        (0, {"captured": NOON, "exposure": Exposure(2.0)}, False),
        (0, {"captured": NOON + timedelta(seconds=1), "exposure": Exposure(1.0)}, False),
    ],
)
def test_a_copy_looks_like_its_original_or_states_the_same_shot(change, facts, copy):
    stated = {"captured": NOON, "exposure": Exposure(1.0)} if facts else {}
    original = Frame("church.jpg", thumbnail=thumbnail(ONE), **stated)
    other = Frame("church (1).jpg", thumbnail=thumbnail(ONE + change), **facts)
    kept, _ = set_duplicates_aside([original, other])
    assert kept == ([original] if copy else [original, other])


# --- what a camera is known for ------------------------------------------------------------------


@pytest.mark.parametrize(("rare", "doubted"), [(3, False), (5, True)])
def test_a_set_is_certain_if_the_one_that_crosses_it_is_rare(rare, doubted):
    """3 of 100 gain 2 − log₁₀(100/3) = 0.48 frames, 5 of 100 gain 0.70; 0.50 are allowed."""
    partition = divide_run(run(*SET, 0.0, -2.0), tallies(usual=100, crossing=rare))
    assert [window.shape for window in partition.chosen] == ([] if doubted else [USUAL])
    assert partition.ambiguous == (set(range(3)) if doubted else set())


def test_a_pause_is_slow_above_twice_the_usual_one_and_a_second():
    """Nine in ten sets have the usual pause; with fewer than five sets it is unknown."""
    known = CameraShapes({USUAL: ShapeTally(10, pauses=[1.0] * 8 + [1.5, 9.0])})
    assert known.is_slow(4.1, USUAL)
    assert not known.is_slow(3.9, USUAL)
    assert not CameraShapes({USUAL: ShapeTally(4, pauses=[1.0] * 4)}).is_slow(99, USUAL)


@pytest.mark.parametrize(
    ("complete", "uncertain", "known"), [(1, 0, True), (0, 2, False), (0, 3, True)]
)
def test_a_shape_is_known_from_one_complete_set_or_three_uncertain_ones(complete, uncertain, known):
    found = CameraShapes({USUAL: ShapeTally(complete, uncertain)})
    assert found.shapes == ((USUAL,) if known else ())


@pytest.mark.parametrize(
    ("larger", "count", "lacking"),
    [(4, 0, False), (5, 0, True), (5, 2, False), (40, 2, False), (41, 2, True)],
)
def test_a_scene_lacks_frames_if_larger_sets_are_twenty_times_as_frequent(larger, count, lacking):
    """And there are five or more of them."""
    scene = run(0.0, -2.0)
    known = learn_shapes([], [(scene, USUAL)] * larger + [(scene, PAIR)] * count)
    assert lacks_frames(scene, known) is lacking


@pytest.mark.parametrize(("larger", "lacking"), [(4, False), (5, True)])
def test_a_scene_of_unknown_exposure_lacks_frames_by_its_order(larger, lacking):
    scene = run(0.0, -2.0, thumbnail=[thumbnail(ONE)] * 2)
    known = learn_shapes([], [(scene, BracketShape((1, 0, 2), 0))] * larger)
    assert lacks_frames(scene, known) is lacking


@pytest.mark.parametrize(("larger", "lacking"), [(0, False), (1, True)])
def test_a_scene_with_a_gap_lacks_frames_if_one_larger_set_has_its_exposures(larger, lacking):
    known = learn_shapes([], [(run(0.0), BracketShape((0, 1, 2, 3), 12))] * larger)
    assert lacks_frames(run(0.0, 2.0, 6.0), known) is lacking


@pytest.mark.parametrize(("count", "unexplained"), [(2, 2), (3, 0)])
def test_a_set_explains_its_steps_if_its_shape_recurs_three_times(count, unexplained):
    known = tallies(usual=count)
    pauses = divide_run(run(*SET), known).unexplained_pauses(known)
    assert len(list(pauses)) == unexplained


# --- completeness --------------------------------------------------------------------------------


def lack_of(whole, length, known):
    """Return why the first frames of a run may be no complete set."""
    part = whole.part(0, length)
    shape = shape_of(part.levels, stated=part.chain.stated, least_step=0.15)
    return find_lack(part, shape, known, certain=False)


@pytest.mark.parametrize(("seconds", "reason"), [(14.9, AFTER_PAUSE), (15.1, None)])
def test_a_shot_within_15_seconds_may_belong_to_the_set_before_it(seconds, reason):
    captured = [NOON + timedelta(seconds=at) for at in (0, 1, 2, 2 + seconds)]
    assert lack_of(run(-2.0, 0.0, 2.0, 4.0, captured=captured), 3, tallies()) == reason


@pytest.mark.parametrize(("brightness", "reason"), [(2.07, None), (2.09, MORE)])
def test_a_picture_as_bright_as_one_of_the_set_does_not_belong_to_it(brightness, reason):
    levels, random = (0.0, 1.0, 2.0, brightness), np.random.default_rng(0)
    scene = Roll(None, None, "", np.random.default_rng(1)).scene()
    thumbnails = [scene.thumbnail(level, random) for level in levels]
    assert lack_of(run(*levels, thumbnail=thumbnails), 3, tallies()) == reason


@pytest.mark.parametrize(("between", "reason"), [(2, MORE), (3, None)])
def test_another_picture_of_the_scene_counts_up_to_three_frames_away(between, reason):
    thumbnails = [thumbnail(ONE + 30 * step) for step in range(3)]
    thumbnails += [thumbnail(OTHER)] * between + [thumbnail(ONE + 90)]
    levels = (0.0, 1.0, 2.0, *between * (5.0,), 3.0)
    assert lack_of(run(*levels, thumbnail=thumbnails), 3, tallies()) == reason


def numbered(numbers, *levels):
    whole = run(*levels)
    return replace(whole, chain=replace(whole.chain, numbers=numbers))


@pytest.mark.parametrize(("larger", "reason"), [(16, None), (24, INCOMPLETE)])
def test_a_set_may_have_broken_off_if_larger_ones_are_four_times_as_frequent(larger, reason):
    whole = numbered((1, 2, 3), 0.0, -2.0, 0.5)
    assert lack_of(whole, 2, tallies(usual=larger, pair=5)) == reason


@pytest.mark.parametrize(("count", "reason"), [(2, MISSING_BESIDE), (3, None)])
def test_a_set_beside_missing_numbers_is_complete_if_its_shape_recurs(count, reason):
    assert lack_of(numbered((1, 2, 3, 5), *SET, 0.5), 3, tallies(usual=count)) == reason
    assert lack_of(numbered((1, 2, 3, 4), *SET, 0.5), 3, tallies(usual=count)) is None


@pytest.mark.parametrize(("ratio", "alike"), [(2**0.24, True), (2**0.26, False)])
def test_shots_within_a_quarter_of_a_stop_are_exposed_alike(ratio, alike):
    times = (1.05, 1.05 * ratio)  # no nominal ones, which are rounded to thirds
    shots = [
        Frame(f"IMG_000{at}.jpg", captured=NOON + timedelta(seconds=at), exposure=Exposure(time))
        for at, time in enumerate(times)
    ]
    reasons = {leftover.reason for leftover in plan_brackets(shots).leftovers}
    other = "forms no recurring set with the shots beside it"
    assert reasons == {"the same exposure as the shot beside it" if alike else other}


def test_a_shot_without_others_beside_it_is_a_single_one():
    plan = plan_brackets([Frame("IMG_0001.jpg", exposure=Exposure(1.0))])
    assert [leftover.reason for leftover in plan.leftovers] == ["a single shot"]


# --- evidence ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bias", "expected"), [(1.65, True), (1.55, False), (2.45, False)])
def test_exposures_follow_compensation_within_four_tenths_of_a_stop(bias, expected):
    frames = run(-2.0, 0.0, 2.0, bias=(-2, 0, bias)).frames
    assert follow_biases(frames, (-2.0, 0.0, 2.0)) is expected


@pytest.mark.parametrize(
    ("biases", "compensated"),
    [
        ((0, 1 / 3, 2 / 3), True),
        ((0, 1 / 3, 1 / 3), False),
        ((0, 1 / 3, None), False),
        ((2, 1, 0), False),
    ],
)
def test_each_frame_of_a_compensated_set_has_a_bias_of_its_own(biases, compensated):
    part = run(0.0, 1 / 3, 2 / 3, bias=biases)
    evidence = evidence_of(part.frames, part.levels, stated=True)
    assert (evidence is Evidence.COMPENSATED) is compensated


@pytest.mark.parametrize(
    ("evidence", "shape", "count", "others", "doubted"),
    [
        (Evidence.MARKED, PAIR, 1, 99, False),
        (Evidence.MANUAL, USUAL, 1, 99, False),
        (Evidence.MANUAL, PAIR, 1, 0, True),
        (Evidence.SILENT, USUAL, 1, 0, True),
        (Evidence.SILENT, USUAL, 2, 6, False),
        (Evidence.SILENT, USUAL, 2, 7, True),
        (Evidence.AUTOMATIC, USUAL, 2, 0, True),
        (Evidence.AUTOMATIC, USUAL, 3, 9, False),
        (Evidence.AUTOMATIC, PAIR, 99, 0, True),
        (Evidence.SILENT, PAIR, 2, 0, True),
        (Evidence.SILENT, PAIR, 30, 3, False),
        (Evidence.SILENT, PAIR, 30, 4, True),
    ],
)
def test_a_shape_without_strong_evidence_must_recur_and_outnumber_other_steps(
    evidence, shape, count, others, doubted
):
    known = CameraShapes({shape: ShapeTally(count)})
    assert bool(doubt(evidence, known, shape, [1.0] * others)) is doubted

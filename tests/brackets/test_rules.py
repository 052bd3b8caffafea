"""The numbers in the rules for sets: each changes what is a set where it is crossed."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from bracket_library import Roll

from expinterp.brackets import Frame, plan_brackets
from expinterp.brackets.cameras import (
    CameraShapes,
    ShapeTally,
    goes_on,
    learn_shapes,
    may_be_part,
    regular_windows,
)
from expinterp.brackets.chains import follows, sort_by_time
from expinterp.brackets.folder import is_damaged
from expinterp.brackets.frames import Chain, Evidence, FrameRun, make_chain, stream_of
from expinterp.brackets.grouping import _Judge
from expinterp.brackets.names import separate_copies, set_of
from expinterp.brackets.scenes import with_levels
from expinterp.brackets.shapes import NOMINAL, Shape, shape_of
from expinterp.core.exposure import Exposure
from expinterp.images.search import RESULTS
from expinterp.images.thumbnails import are_one_scene, have_detail, pack_thumbnail
from expinterp.images.thumbnails import unpack_thumbnails as unpack

SET = (0.0, -2.0, 2.0)
USUAL, PAIR = Shape((12, 0, 24)), Shape((12, 0))  # 0 −2 +2 and 0 −2
NOON = datetime(2024, 5, 6, 12)


def run(*levels, numbers=None, **facts):
    """Frames of these exposures in stops; other facts are one per frame."""
    frames = [Frame(f"{at}.jpg", exposure=Exposure(1e-3)) for at in range(len(levels))]
    for name, values in facts.items():
        frames = [replace(f, **{name: v}) for f, v in zip(frames, values, strict=True)]
    stream = stream_of(frames[0])._replace(stated="thumbnail" not in facts)
    return FrameRun(Chain(tuple(frames), levels, stream, numbers), 0, len(frames))


def camera(**counts):
    names = {"usual": USUAL, "pair": PAIR}
    return CameraShapes({names[name]: ShapeTally(count) for name, count in counts.items()})


# --- shapes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "mode", "found"),
    [(0.5, None, 0), (0.67, None, 1), (0.33, "bracket", 1), (0.2, "bracket", 0)],
)
def test_steps_are_at_least_two_thirds_of_a_stop_or_one_third_in_bracketing_mode(step, mode, found):
    assert len(regular_windows(run(0.0, -step, step, mode=[mode] * 3))) == found


@pytest.mark.parametrize(("brightest", "regular"), [(2.4, True), (2.6, False)])
def test_exposures_miss_even_steps_by_a_quarter_of_a_stop_at_most(brightest, regular):
    assert run(0.0, -2.0, brightest).shape.regular is regular


@pytest.mark.parametrize(("brightest", "found"), [(1.1, False), (1.3, True)])
def test_pictures_of_unknown_exposure_differ_by_six_tenths_of_a_stop_on_average(brightest, found):
    """Single steps may be smaller: highlights hold the brightness back."""
    assert bool(shape_of([0.0, 0.2, brightest], stated=False, least_step=0.15)) is found


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
        ({"flash": True}, False),
        ({"flash": False}, True),
        ({"focal_length": 25.0}, False),
        ({"focal_length": 24.4}, True),
        ({"exposure": Exposure(1.0, 100, 4.0)}, False),
        ({"exposure": Exposure(2.0, 100, 4.0)}, True),
        ({"shot": 4}, True),
        ({"shot": 6}, False),
    ],
)
def test_a_frame_follows_another_by_time_mode_light_lens_and_shot_number(facts, expected):
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
    assert len(regular_windows(run(*repeats * (*SET, 0.0)))) == found


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
    ramp = np.arange(144).reshape(12, 12) + 20.0
    brighter = ramp + 20
    brighter.flat[:darker] = 0
    assert are_one_scene([thumbnail(ramp), thumbnail(brighter)]) is same


@pytest.mark.parametrize(("contrast", "enough"), [(0.9, False), (1.1, True)])
def test_a_picture_with_less_than_one_code_value_between_blocks_cannot_be_compared(
    contrast, enough
):
    board = 100 + contrast * (np.indices((12, 12)).sum(0) % 2)
    packed = np.rint(board * 257).astype("<u2").tobytes()
    assert have_detail(unpack([packed])).tolist() == [enough]


@pytest.mark.parametrize(("code", "distinct"), [(103, False), (104, True)])
def test_pictures_that_people_put_together_differ_by_a_tenth_of_a_stop(code, distinct):
    """From code value 100, these are 0.09 and 0.12 stops of brightness."""
    frames = [Frame("a.jpg", thumbnail=thumbnail(np.full((12, 12), z))) for z in (100, code)]
    assert (with_levels(frames) is not None) is distinct


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
        (40, {"captured": NOON, "exposure": Exposure(1.0)}, False),  # developed brighter
        (0, {"captured": NOON, "exposure": Exposure(2.0)}, False),
        (0, {"captured": NOON + timedelta(seconds=1), "exposure": Exposure(1.0)}, False),
    ],
)
def test_a_copy_looks_like_its_original_and_states_the_same_shot(change, facts, copy):
    stated = {"captured": NOON, "exposure": Exposure(1.0)} if facts else {}
    original = Frame("church.jpg", thumbnail=thumbnail(ONE), **stated)
    other = Frame("church (1).jpg", thumbnail=thumbnail(ONE + change), **facts)
    kept, _ = separate_copies([original, other])
    assert kept == ([original] if copy else [original, other])


@pytest.mark.parametrize(
    ("stem", "named"),
    [
        ("Photo 04.05.24, 10 00 45", None),  # a time of day
        ("2016.01.01-17.39.22", None),
        ("church 2", "church"),
        ("church_light", "church"),
        ("church-Copy 1", "church"),
    ],
)
def test_the_end_of_a_name_may_number_a_frame(stem, named):
    assert set_of(stem) == named


# --- what a camera is known for ------------------------------------------------------------------


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
    [(1, 0, False), (2, 0, True), (2, 2, False), (40, 2, False), (41, 2, True)],
)
@pytest.mark.parametrize("stated", [True, False])
def test_a_scene_lacks_frames_if_larger_sets_are_twenty_times_as_frequent(
    larger, count, lacking, stated
):
    """And there are two or more of them."""
    facts = {} if stated else {"thumbnail": [thumbnail(ONE - 10), thumbnail(ONE)]}
    scene, shift = run(-2.0, 0.0, **facts), 12 if stated else 1
    scene = FrameRun(replace(scene.chain, together=True), 0, 2)
    whole, pair = (Shape(tuple(shift * z for z in order), stated) for order in ((0, 1, 2), (0, 1)))
    known = CameraShapes({whole: ShapeTally(larger), pair: ShapeTally(count)})
    assert may_be_part(scene, known) is lacking


@pytest.mark.parametrize(("larger", "part"), [(16, False), (24, True)])
def test_a_set_may_have_broken_off_if_larger_ones_are_four_times_as_frequent(larger, part):
    whole = run(0.0, -2.0, 0.5, numbers=(1, 2, 3))
    assert may_be_part(FrameRun(whole.chain, 0, 2), camera(usual=larger, pair=5)) is part


@pytest.mark.parametrize(("numbers", "part"), [((1, 2, 3), False), ((1, 2, 4), True)])
def test_a_frequent_set_may_be_part_of_a_larger_one_if_numbers_are_missing(numbers, part):
    whole = run(0.0, -2.0, 0.5, numbers=numbers)
    assert may_be_part(FrameRun(whole.chain, 0, 2), camera(usual=9, pair=9)) is part


@pytest.mark.parametrize(("seconds", "part"), [(14.9, True), (15.1, False)])
@pytest.mark.parametrize("first", [0, 1])
def test_a_shot_within_15_seconds_may_complete_a_frequent_set(first, seconds, part):
    """The first or the last two frames of 0 −2 +2, and the third one after or before a pause."""
    moments = [(0, 1, 1 + seconds), (0, seconds, 1 + seconds)][first]
    captured = [NOON + timedelta(seconds=at) for at in moments]
    whole = run(0.0, -2.0, 2.0, numbers=(1, 2, 3), captured=captured)
    two = Shape(USUAL.offsets[first : first + 2])
    known = CameraShapes({USUAL: ShapeTally(9), two: ShapeTally(9)})
    assert may_be_part(FrameRun(whole.chain, first, first + 2), known) is part


@pytest.mark.parametrize(("seconds", "more"), [(14.9, True), (15.1, False)])
def test_a_shot_within_15_seconds_may_belong_to_the_set_before_it(seconds, more):
    captured = [NOON + timedelta(seconds=at) for at in (0, 1, 2, 2 + seconds)]
    whole = run(-2.0, 0.0, 2.0, 4.0, captured=captured)
    assert (goes_on(FrameRun(whole.chain, 0, 3)) is not None) is more


# --- evidence ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("bias", "expected"), [(1.65, True), (1.55, False), (2.45, False)])
def test_exposures_follow_compensation_within_four_tenths_of_a_stop(bias, expected):
    assert run(-2.0, 0.0, 2.0, bias=(-2, 0, bias)).follows_biases() is expected


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
    evidence = run(0.0, 1 / 3, 2 / 3, bias=biases).evidence
    assert (evidence is Evidence.COMPENSATED) is compensated


@pytest.mark.parametrize(
    ("shots", "counted"), [((1, 2, 3), True), ((2, 3, 4), False), ((1, 2, None), False)]
)
def test_a_set_that_the_camera_counts_begins_with_one(shots, counted):
    assert (run(*SET, shot=shots).evidence is Evidence.COUNTED) is counted


@pytest.mark.parametrize(
    ("evidence", "shape", "count", "others", "doubted"),
    [
        (Evidence.MARKED, PAIR, 1, 99, False),
        (Evidence.MANUAL, USUAL, 1, 99, False),
        (Evidence.MANUAL, PAIR, 1, 0, True),
        (Evidence.SILENT, USUAL, 1, 1, False),
        (Evidence.SILENT, USUAL, 1, 2, True),
        (Evidence.SILENT, USUAL, 2, 3, False),
        (Evidence.SILENT, USUAL, 2, 4, True),
        (Evidence.AUTOMATIC, USUAL, 2, 0, True),
        (Evidence.AUTOMATIC, USUAL, 3, 6, False),
        (Evidence.AUTOMATIC, PAIR, 99, 0, True),
        (Evidence.SILENT, PAIR, 2, 0, True),
        (Evidence.SILENT, PAIR, 30, 3, False),
        (Evidence.SILENT, PAIR, 30, 4, True),
    ],
)
def test_a_shape_without_strong_evidence_must_outnumber_other_steps(
    evidence, shape, count, others, doubted
):
    judge = _Judge(CameraShapes({shape: ShapeTally(count)}), [1.0] * others, None, 5.0)
    assert judge._is_chance(run(*SET[: len(shape)]), evidence) is doubted


@pytest.mark.parametrize(("rivals", "doubted"), [(3, False), (4, True)])
def test_silent_pairs_must_outnumber_those_of_other_steps(rivals, doubted):
    """Walks of single shots hold pairs of each step; a camera that brackets, of one."""
    tallies = {PAIR: ShapeTally(30), Shape((0, 6)): ShapeTally(rivals), USUAL: ShapeTally(9)}
    judge = _Judge(CameraShapes(tallies), [], None, 5.0)
    assert judge._is_chance(run(*SET[:2]), Evidence.SILENT) is doubted


# --- reasons -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "alike"), [(2**0.24, True), (2**0.26, False)])
def test_shots_within_a_quarter_of_a_stop_are_exposed_alike(ratio, alike):
    times = (1.05, 1.05 * ratio)  # no nominal ones, which are rounded to thirds
    shots = [
        Frame(f"IMG_000{at}.jpg", captured=NOON + timedelta(seconds=at), exposure=Exposure(time))
        for at, time in enumerate(times)
    ]
    reasons = {leftover.reason for leftover in plan_brackets(shots).leftovers}
    other = "forms no set with the shots beside it; --set-size or --pattern states the sets"
    assert reasons == {"the same exposure as the shot beside it" if alike else other}


def test_a_shot_without_others_beside_it_is_a_single_one():
    plan = plan_brackets([Frame("IMG_0001.jpg", exposure=Exposure(1.0))])
    assert [leftover.reason for leftover in plan.leftovers] == ["a single shot"]


def test_the_gap_that_would_join_shots_is_stated():
    scene, random = Roll(None, None, "", np.random.default_rng(1)).scene(), np.random.default_rng(0)
    shots = [
        Frame(
            f"IMG_000{at}.jpg",
            captured=NOON + timedelta(seconds=20 * at),
            exposure=Exposure(2.0**-stops),
            thumbnail=scene.thumbnail(6 - stops, random),
        )
        for at, stops in enumerate((6, 8, 4))
    ]
    shots.append(Frame("IMG_0100.jpg", exposure=Exposure(1.0)))
    reasons = {leftover.reason for leftover in plan_brackets(shots).leftovers[:3]}
    (reason,) = {reason.partition("; ")[2] for reason in reasons}
    assert reason == "--gap 20 joins them, if they are of one scene"
    assert len(plan_brackets(shots, gap=20).brackets) == 1


# --- what chains and cameras keep ----------------------------------------------------------------


def test_different_scenes_are_seen_across_a_picture_without_detail():
    """In the order of capture each is beside a black picture; by exposure they are side by side."""
    black = thumbnail(np.full((12, 12), 3))
    pictures = [thumbnail(ONE), black, thumbnail(OTHER)]
    frames = [
        Frame(f"{at}.jpg", captured=NOON + timedelta(seconds=at), exposure=Exposure(2.0**stops),
              mode="bracket", thumbnail=seen)
        for at, (stops, seen) in enumerate(zip(SET, pictures, strict=True))
    ]  # fmt: skip
    reasons = {leftover.reason for leftover in plan_brackets(frames).leftovers}
    assert reasons == {"pictures show different scenes"}


def test_a_camera_is_known_by_the_longest_pause_of_each_set_if_all_are_dated():
    dated = run(*SET, captured=[NOON + timedelta(seconds=at) for at in (0, 1, 4)])
    partly = run(*SET, captured=[NOON, None, NOON])
    known = learn_shapes([dated, partly])
    (shapes,) = known.values()
    (tally,) = shapes.tallies.values()
    assert (tally.complete, tally.uncertain) == (2, 0)
    assert tally.pauses == [pytest.approx(3.0, abs=0.01)]
    assert not shapes.is_slow(99, PAIR)


@pytest.mark.parametrize(
    ("margin", "damaged", "within"),
    [(0, 10, True), (0, 9, False), (1, 9, True), (0, 13, False), (1, 13, True), (1, 14, False)],
)
def test_a_damaged_file_lies_within_a_run_or_beside_it(margin, damaged, within):
    chain = replace(run(*SET, numbers=(9, 11, 12)).chain, numbers=(10, 11, 12))
    chain = replace(chain, damaged=frozenset({damaged}))
    assert FrameRun(chain, 0, 3).damaged_within(margin) is within


@pytest.mark.parametrize(("off", "metered"), [(0.07, False), (0.09, True)])
def test_automatic_exposures_of_a_bracket_miss_even_steps_by_little(off, metered):
    pictures = [thumbnail(ONE + 40 * stops) for stops in (0, 1, 2)]
    shots = run(-2.0, off, 2.0, mode=["auto"] * 3, thumbnail=pictures)
    shots = FrameRun(replace(shots.chain, stream=shots.chain.stream._replace(stated=True)), 0, 3)
    assert shots.evidence is (Evidence.AUTOMATIC if metered else Evidence.SEEN)


@pytest.mark.parametrize(("time", "missed"), [(1.0, True), (1.03, False)])
def test_nominal_times_miss_even_steps_by_a_tenth_of_a_stop_only(time, missed):
    """A third of a stop is nothing that a rounded time explains."""
    frames = [
        Frame(f"{at}.jpg", exposure=Exposure(time * t)) for at, t in enumerate((1.0, 1 / 4, 1 / 20))
    ]
    chain = make_chain(frames, stream_of(frames[0]))
    assert (chain.tolerance == NOMINAL) is missed


def test_a_frame_shows_no_thumbnail_and_has_a_name():
    frame = Frame("a/.hidden", thumbnail=b"packed")
    assert "packed" not in repr(frame)
    assert (frame.stem, frame.folder, frame.depth) == (".hidden", "a", 8)


@pytest.mark.parametrize(
    ("path", "problem", "damaged"),
    [
        ("a.jpg", "is empty", True),
        ("trip/", "cannot be read", True),
        ("trip/", RESULTS, False),
        ("a.jpg", None, False),
        ("a.heic", "HEIC files need the package pillow-heif", False),
        ("notes.txt", "is no image", False),
    ],
)
def test_what_should_be_readable_but_is_not_is_damage(path, problem, damaged):
    assert is_damaged(Frame(path, problem=problem)) is damaged


def test_frames_are_sorted_by_name_unless_all_are_dated():
    dated, other = Frame("a.jpg", captured=NOON), Frame("b.jpg")
    assert sort_by_time([other, dated]) == [dated, other]
    later = replace(other, captured=NOON - timedelta(seconds=1))
    assert sort_by_time([dated, later]) == [later, dated]

"""Evaluation: finding triples, scoring results, statistics, tables and pages."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from evaluation_samples import (
    COLUMNS,
    TIMES,
    flat,
    outcome,
    shoot,
    study_of,
    triple,
    write_list,
    write_scene,
)
from hypothesis import example, given
from hypothesis import strategies as st
from report_samples import ODD_NAME, read_page

from expinterp.brackets import Frame
from expinterp.core.exposure import Exposure
from expinterp.errors import ExpInterpError, ImageFileError, PairError
from expinterp.evaluation import (
    BUNDLED,
    Candidate,
    Case,
    Evaluation,
    FailedTriple,
    Profiles,
    evaluate,
    fidelity,
    fidelity_study,
    find_material,
    fusion_study,
    fusions,
    open_case,
    peers,
    tabulate,
)
from expinterp.evaluation.figures import (
    by_camera,
    by_ev,
    gains,
    quantile,
    summarise,
    summarise_gain,
)
from expinterp.evaluation.page import Mark, chart_gains, make_page
from expinterp.evaluation.record import finite
from expinterp.evaluation.scenes.folders import read_stops, sort_frames
from expinterp.evaluation.scenes.manifest import read_scenes
from expinterp.evaluation.scenes.triples import EVEN, LEAST_SPAN, TimedBracket, even_triples
from expinterp.metrics import psnr
from expinterp.pipeline import interpolate
from expinterp.refine import open_refiner

STOPS = st.lists(st.integers(-60, 20).map(lambda thirds: thirds / 3), max_size=9, unique=True)
SCORES = st.lists(st.floats(-50, 50), min_size=1, max_size=20)


# Triples


@given(STOPS)
def test_all_evenly_spaced_triples_of_enough_stops_are_found(stops):
    found = {frozenset(one) for one in even_triples(stops)}
    for three in combinations(range(len(stops)), 3):
        low, middle, high = sorted(stops[index] for index in three)
        even = abs((low + high) / 2 - middle) <= EVEN + 1e-12
        assert (frozenset(three) in found) == (even and high - low >= LEAST_SPAN)
    for long, medium, short in even_triples(stops):
        assert stops[long] > stops[medium] > stops[short]


@given(STOPS, st.randoms(use_true_random=False))
def test_triples_do_not_depend_on_the_order_of_files(stops, random):
    shuffled = random.sample(stops, len(stops))
    named = [
        {tuple(some[index] for index in one) for one in even_triples(some)}
        for some in (stops, shuffled)
    ]
    assert named[0] == named[1]


@pytest.mark.parametrize(("frames", "triples"), [(2, 0), (3, 1), (5, 4), (9, 16)])
def test_a_series_of_whole_stops_has_all_its_triples(frames, triples):
    assert len(even_triples([float(stop) for stop in range(frames)])) == triples


def frame(path: str, time: float | None, **more) -> Frame:
    return Frame(path, exposure=Exposure(time=time, camera="A B"), **more)


@pytest.mark.parametrize("times", [(1 / 15, 1 / 60, 1 / 250), (2 / 15, 1 / 30, 1 / 120)])
def test_times_are_read_as_nominal_or_exact(times):
    stops, remarks = read_stops([frame(f"{index}.jpg", time) for index, time in enumerate(times)])
    assert not remarks
    assert list(stops.values()) == pytest.approx(
        [stops[next(iter(stops))] - 2 * n for n in range(3)]
    )


def test_of_equal_exposures_the_first_is_used():
    frames = [frame("a.jpg", 1 / 4), frame("b.jpg", 1 / 4), frame("c.jpg", None)]
    stops, remarks = read_stops(frames)
    assert list(stops) == frames[:1]
    assert remarks == ["a.jpg and b.jpg have the same exposure; the first is used"]


def test_frames_are_sorted_into_scenes_and_problems_are_listed():
    frames = [
        *(frame(f"good/{index}.jpg", time) for index, time in enumerate(TIMES)),
        *(frame(f"good/{index}.arw", time, format="raw") for index, time in enumerate(TIMES)),
        *(frame(f"uneven/{index}.jpg", time) for index, time in enumerate((1.0, 1 / 2, 1 / 8))),
        *(frame(f"silent/{index}.jpg", None) for index in range(3)),
        frame("single.jpg", 1.0),
        frame("good/mid.jpg", 1 / 8, computed=True),
        Frame("good/broken.JPG", "", problem="is truncated"),
        Frame("good/new.gif", "", problem="GIF is not supported"),
    ]
    material = sort_frames(frames, Path("/card"))
    (one,) = material.triples
    assert (one.name, one.camera, one.ratio) == ("good 0-1-2", "A B", 16.0)
    assert one.files == tuple(Path(f"/card/good/{index}.jpg") for index in range(3))
    (bracket,) = material.brackets
    assert np.log2(bracket.times) == pytest.approx([-2, -4, -6])
    assert material.damaged == (FailedTriple("good/broken.JPG", "is truncated"),)
    assert [remark.split(":")[0] for remark in material.remarks] == ["uneven", "silent", "card"]
    assert material.of_camera("a").triples == material.triples
    assert not material.of_camera("c").triples


def test_scenes_in_one_folder_are_separated_by_their_names():
    frames = [
        frame(f"{scene}_{shot}.jpg", time)
        for scene in ("door", "room")
        for shot, time in zip(("long", "medium", "short"), TIMES, strict=True)
    ]
    material = sort_frames(frames, Path("/card"))
    assert [[file.stem for file in one.files] for one in material.triples] == [
        [f"{scene}_{shot}" for shot in ("long", "medium", "short")] for scene in ("door", "room")
    ]
    assert not material.remarks


def test_a_folder_that_holds_a_list_is_described_by_it(tmp_path):
    listed = write_list(tmp_path, {"one": 0})
    assert find_material(tmp_path) == find_material(listed)
    (found,) = find_material(listed).triples
    assert found.long == tmp_path / "one" / "07.png"


SCENE = {"scene": "s", "camera": "A B", "triples": [], "frames": []}
SPAN = {"long": "1.png", "medium": "2.png", "short": "3.png", "ev_span": 4}


@pytest.mark.parametrize(
    "text",
    [
        "", "[", "[1]", "{}x", '"x"', "7", "null", '{"a": 1}', "[{}]", "\udcff", "[" * 99_999,
        *(json.dumps([SCENE | {"triples": [SPAN | {"ev_span": span}]}])
          for span in (None, "x", -1, 0, 1e9, float("nan"), float("inf"))),
        json.dumps([SCENE | {"triples": [{"long": 1}]}]),
        json.dumps([SCENE | {"triples": 3}]),
        json.dumps([SCENE | {"frames": [{"file": 3}]}]),
        json.dumps([SCENE | {"frames": [{"file": "x", "time_s": "y"}]}]),
    ],
)  # fmt: skip
def test_files_that_are_not_lists_of_scenes_are_refused_in_one_line(tmp_path, text):
    path = tmp_path / "scenes.json"
    path.write_text(text, "utf-8", errors="surrogateescape")
    with pytest.raises(ImageFileError, match=re.escape(str(path))) as caught:
        find_material(path)
    assert "\n" not in str(caught.value)


def test_a_source_that_is_missing_is_refused(tmp_path):
    with pytest.raises(ImageFileError, match="no such file or folder"):
        find_material(tmp_path / "none")


def numbered(long: int, medium: int, short: int, span: float) -> dict:
    names = {"long": long, "medium": medium, "short": short}
    return {shot: f"{number:02d}.png" for shot, number in names.items()} | {"ev_span": span}


def scenes_with(*triples: dict, times: tuple[float | None, ...] = (None,) * 5) -> list[dict]:
    frames = [{"file": f"{index:02d}.png", "time_s": time} for index, time in enumerate(times)]
    return [SCENE | {"frames": frames, "triples": list(triples)}]


@pytest.mark.parametrize(
    ("scenes", "stops"),
    [
        (scenes_with(numbered(4, 2, 0, 4.0)), [0, 1, 2, 3, 4]),
        (scenes_with(numbered(4, 2, 0, 8.0), numbered(3, 2, 1, 4.0)), [0, 2, 4, 6, 8]),
        (scenes_with(numbered(4, 2, 0, 4.0), numbered(3, 2, 1, 4.0)), None),  # numbers disagree
        (scenes_with(numbered(4, 1, 0, 4.0)), None),
        (scenes_with(numbered(0, 2, 4, 4.0)), None),  # numbered the other way round
        (scenes_with(numbered(4, 2, 0, 4.0), times=(1, 3, 9, 27, 81)), np.log2([1, 3, 9, 27, 81])),
        (scenes_with(numbered(4, 2, 0, 4.0), times=(1, None, 0, 8, 9)), [0, 1, 2, 3, 4]),
        (scenes_with(SPAN | {"long": "x.png"}), None),
    ],
)
def test_times_come_from_the_list_or_from_consistent_numbers(scenes, stops):
    brackets = read_scenes(scenes, Path("scenes.json")).brackets
    found = [list(np.log2(bracket.times)) for bracket in brackets]
    assert found == ([] if stops is None else [pytest.approx(list(stops))])


# Scores


def case_of(long, medium, short, ratio: float = 16.0) -> Case:
    return Case(replace(triple(), ratio=ratio), long, medium, short)


@pytest.fixture(scope="module")
def case() -> Case:
    return case_of(*(shoot(time) for time in TIMES))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_perfect_medium_is_infinitely_good(dtype):
    truth = flat(100, dtype=dtype)
    scores = fidelity.score(case_of(truth, truth, truth), Candidate(truth))
    assert scores.pop("colour") == pytest.approx(0.0, abs=1e-6)
    assert scores == {"psnr": math.inf, "ssim": pytest.approx(1.0), "lightness": 0.0}


@pytest.mark.parametrize(("dtype", "unit"), [(np.uint8, 1), (np.uint16, 257)])
def test_scores_of_a_medium_lighter_by_three_codes_have_a_closed_form(dtype, unit):
    truth, light = flat(100 * unit, dtype=dtype), flat(103 * unit, dtype=dtype)
    scores = fidelity.score(case_of(truth, truth, truth), Candidate(light))
    assert scores["psnr"] == pytest.approx(20 * math.log10(255 / 3))
    assert scores["lightness"] == pytest.approx(3.0)


def test_pictures_too_small_for_a_window_have_no_similarity():
    tiny = flat(100, (9, 40))
    assert fidelity.score(case_of(tiny, tiny, tiny), Candidate(tiny))["ssim"] is None
    small = case_of(*(shoot(time, size=(40, 60)) for time in TIMES))
    scores = fusions.score(small, Candidate(small.medium, 0.25))
    assert (scores["bracket"], scores["inputs"], scores["out_of_range"]) == (None, None, 0.25)
    assert scores["everywhere"] is not None


def test_methods_give_the_results_of_the_library(case):
    (made,) = fidelity.blind(case)
    assert np.array_equal(made.pixels, interpolate(case.long, case.short, refiner=None).medium)
    (made,) = fidelity.timed(case)
    assert np.array_equal(
        made.pixels, interpolate(case.long, case.short, ratio=16.0, refiner=None).medium
    )
    fused = fusions.fuse_by_us(0)([case.short, case.long])
    assert fused.out_of_range is not None
    order = fusions.score(case, fused)
    medium = fusions.score(case, Candidate(case.medium))
    assert medium["everywhere"] <= order["everywhere"] + 0.01


def test_a_stated_ratio_helps_a_pair_that_shares_no_tone():
    lower, upper = (np.linspace(*ends, 64, dtype=np.uint8) for ends in ((60, 200), (60, 200)))
    long, short = flat(255, (64, 128)), flat(0, (64, 128))
    long[:, :64], short[:, 64:] = lower[None, :, None], upper[None, :, None]
    study = fidelity_study(refiners={}).only(["blind", "times"])
    study = replace(study, open=lambda triple: case_of(long, long, short, ratio=256.0))
    (found,) = evaluate(study, [triple()])
    assert list(found.scores) == ["times"]
    assert [failure.methods for failure in found.failures] == [("blind",)]


def test_fusions_get_the_photographs_their_names_say(case):
    given = []
    for wrapped in (fusions.of_pair, fusions.of_three):
        list(wrapped(lambda shots, _: given.append(shots))(case))
    assert [len(shots) for shots in given] == [2, 3]
    assert given[1][1] is case.medium
    two, three = given
    made = {method.name: method.make for method in fusion_study(refiners={}).methods}
    for name, fuse in (("MergeMertens", peers.merge_mertens), ("virtual-0", fusions.fuse_by_us(0))):
        for shots, ending in ((two, ""), (three, "+medium")):
            (candidate,) = made[name + ending](case)
            assert np.array_equal(candidate.pixels, fuse(shots).pixels)


def test_a_photograph_keeps_the_brightness_order(case):
    scores = fusions.score(case, Candidate(case.medium))
    assert scores["everywhere"] < 0.02
    assert scores["highlight_shadow"] in (None, 0.0)


def test_the_crop_has_the_largest_error_of_the_first_result():
    truth, wrong = flat(100, (400, 500)), flat(100, (400, 500))
    wrong[210:360, 300:450] += 50
    views = fidelity.crop(case_of(truth, truth, truth), {"blind": wrong, "other": truth})
    assert list(views) == ["long", "short", "photographed", "blind", "other"]
    assert views["blind"].shape == (fidelity.CROP, fidelity.CROP, 3)
    assert (views["blind"] == 150).mean() == pytest.approx(150**2 / fidelity.CROP**2)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_other_programs_keep_shape_and_depth(dtype, channels):
    bits = 8 * np.dtype(dtype).itemsize
    shots = [np.ascontiguousarray(shoot(t, bits=bits)[..., :channels]) for t in TIMES]
    (opencv,) = peers.reexpose(case_of(*shots))
    mertens = peers.merge_mertens(shots)
    for made in (opencv, mertens):
        assert (made.pixels.shape, made.pixels.dtype) == (shots[0].shape, dtype)
    assert 0 <= mertens.out_of_range <= 1
    assert psnr(opencv.pixels, shots[1]) > 20  # no better than peers are, but the right exposure


def test_a_pair_that_opencv_refuses_is_a_failure():
    tiny = flat(9, (2, 3))
    with pytest.raises(ExpInterpError, match="OpenCV cannot calibrate"):
        list(peers.reexpose(case_of(tiny, tiny, tiny)))


def test_a_missing_program_is_reported(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert not peers.has_enfuse()
    assert "enfuse" not in fusions.fusions({})
    with pytest.raises(ExpInterpError, match="enfuse failed"):
        peers.enfuse([flat(1), flat(2)])


@pytest.mark.skipif(not peers.has_enfuse(), reason="enfuse is not installed")
def test_enfuse_fuses_pictures_of_any_kind():
    for shots in ([flat(60), flat(60)], [flat(60 * 257, dtype=np.uint16, channels=1)] * 2):
        fused = peers.enfuse(shots).pixels
        assert (fused.shape, fused.dtype) == (shots[0].shape, shots[0].dtype)
        assert np.ptp(fused.astype(int) - shots[0]) <= 257


# Running


def give(*values: float):
    return lambda case: [Candidate({"good": value, "bad": None}) for value in values]


def fail(error: str | Exception):
    def make(case):
        raise PairError(error) if isinstance(error, str) else error

    return make


def test_a_failing_method_stops_no_other_and_is_reported_once():
    study = study_of(
        base=give(1.0, 3.0), broken=fail("no pair"), other=give(5.0), too=fail("no pair")
    )
    (found,) = evaluate(study, [triple()])
    assert found.scores == {"base": {"good": 2.0, "bad": None}, "other": {"good": 5.0, "bad": None}}
    assert found.failures == (FailedTriple(triple().name, "no pair", ("broken", "too")),)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (ZeroDivisionError("x"), "unexpected ZeroDivisionError"),
    ],
)
def test_an_unexpected_error_stops_nothing_else(error, words):
    study = study_of(base=give(1.0), broken=fail(error))
    found = list(evaluate(study, [triple(), triple()]))
    assert all(words in one.failures[0].message and one.scores["base"] for one in found)
    (unread,) = evaluate(replace(study, open=fail(error)), [triple()])
    assert words in unread.failures[0].message


def test_a_method_that_does_not_apply_is_missing():
    (found,) = evaluate(study_of(base=give(1.0), never=give()), [triple()])
    assert list(found.scores) == ["base"]
    assert not found.failures


def test_a_triple_that_cannot_be_read_stops_no_other(tmp_path):
    write_scene(tmp_path / "good")
    good, bad = find_material(tmp_path).triples[0], triple("bad")
    study = replace(study_of(base=give(1.0)), open=open_case)
    found = list(evaluate(study, [bad, good]))
    assert [bool(one.scores) for one in found] == [False, True]
    assert found[0].failures[0].name == bad.name
    assert "no such file" in str(found[0].failures[0])


def test_shots_of_other_sizes_are_no_triple(tmp_path):
    write_scene(tmp_path / "s")
    (one,) = find_material(tmp_path).triples
    from expinterp.images import write_photograph

    write_photograph(flat(9, (5, 7)), one.medium, overwrite=True)
    with pytest.raises(PairError, match="export all images with the same size"):
        open_case(one)


def test_only_the_methods_asked_for_are_kept_in_their_order():
    study = study_of(a=give(1), b=give(2), c=give(3))
    assert [method.name for method in study.only(["c", "a"]).methods] == ["a", "c"]
    assert study.only([]) == study
    with pytest.raises(ValueError, match="'d' is none of the methods: a, b, c"):
        study.only(["a", "d"])


def test_profiles_come_from_the_other_scenes_of_the_camera(tmp_path):
    material = find_material(write_list(tmp_path, {"one": 0, "two": 1, "three": 2}))
    broken = TimedBracket("four", "A B", (tmp_path / "none.png",) * 5, (1, 2, 4, 8, 16))
    short = TimedBracket("five", "A B", (tmp_path / "none.png",) * 4, (1, 2, 4, 8))
    profiles = Profiles((*material.brackets, broken, short))
    for one in (*material.triples, material.triples[0]):
        assert len(profiles.of_others(one)) == 2
    assert [failure.name for failure in profiles.failures] == ["four"]
    assert profiles.of_others(replace(material.triples[0], camera=None)) == []
    assert profiles.of_others(replace(material.triples[0], camera="C")) == []


def test_a_camera_with_one_scene_has_no_other():
    alone = TimedBracket("one", "A B", (Path("none.png"),) * 5, (1, 2, 4, 8, 16))
    profiles = Profiles([alone])
    assert profiles.of_others(triple("two")) == []
    assert not profiles.failures  # nor is it read


def test_a_profile_beats_an_estimate_and_both_beat_opencv(tmp_path):
    material = find_material(write_list(tmp_path, {"one": 0, "two": 1}))
    study = fidelity_study(refiners={}, profiles=Profiles(material.brackets))
    scores = [one.scores for one in evaluate(study, material.triples)]
    for one in scores:
        assert list(one) == ["blind", "times", "calibrated", "opencv"]
        assert one["calibrated"]["psnr"] > one["blind"]["psnr"] > one["opencv"]["psnr"]


# Statistics


@given(SCORES, st.floats(0, 1))
def test_quantiles_are_numpys(values, share):
    assert quantile(values, share) == pytest.approx(np.quantile(values, share), abs=1e-9)


@given(SCORES, st.integers(0, 3), st.floats(0, 1))
@example([1.0], 2, 1.0)  # between two infinite values
@example([-0.1, -0.09999999999999999], 0, 0.19)  # rounds to below both
def test_quantiles_know_infinity(values, perfect, share):
    found = quantile([*values, *perfect * [math.inf]], share)
    assert not math.isnan(found)
    assert min(values) <= found <= (math.inf if perfect else max(values))


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(-5, 5)), min_size=1, max_size=12))
def test_gains_are_differences_and_their_figures_follow(pairs):
    outcomes = [
        outcome(triple(str(index)), base=before, new=before + gain)
        for index, (before, gain) in enumerate(pairs)
    ]
    study = study_of(base=give(), new=give())
    values = [gain for _, gain in gains(study, outcomes, "new")]
    assert values == pytest.approx([gain for _, gain in pairs], abs=1e-9)
    found = summarise_gain(study, outcomes, "new")
    assert (found.count, found.worst) == (len(pairs), min(values))
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert found.worse == np.mean(np.array(values) < -study.margin)
    assert summarise_gain(study, outcomes, "base") is None


def test_of_two_perfect_results_none_is_better():
    study = study_of(base=give(), new=give())
    outcomes = [outcome(triple(), base=math.inf, new=math.inf)]
    assert summarise_gain(study, outcomes, "new").mean == 0.0
    assert summarise(outcomes, "new", COLUMNS[0]).mean == math.inf


def test_gains_are_for_pictures_with_both_scores():
    study = study_of(base=give(), new=give())
    outcomes = [
        outcome(triple("a"), base=1.0, new=2.0),
        outcome(triple("b"), base=50.0),
        outcome(triple("c"), new=70.0),
        outcome(triple("d"), base=None, new=1.0),
    ]
    assert summarise_gain(study, outcomes, "new").mean == 1.0
    assert summarise(outcomes, "new", COLUMNS[0]).count == 3
    assert summarise(outcomes, "nothing", COLUMNS[0]) is None


def test_the_worst_tenth_is_at_the_bad_end():
    outcomes = [
        replace(outcome(triple(str(n)), a=float(n)), scores={"a": {"good": n, "bad": n}})
        for n in range(11)
    ]
    good, bad = (summarise(outcomes, "a", column) for column in COLUMNS)
    assert (good.worst_tenth, bad.worst_tenth) == (1, 9)


@given(
    st.lists(
        st.tuples(st.sampled_from(["A", "B", None]), st.floats(1, 9), st.floats(0, 60)), max_size=15
    )
)
def test_groups_partition_the_outcomes_and_their_means_give_the_mean(rows):
    outcomes = [outcome(triple(str(n), c, ev), base=v) for n, (c, ev, v) in enumerate(rows)]
    for groups in (by_camera(outcomes), by_ev(outcomes)):
        assert sorted(one.triple.name for group in groups.values() for one in group) == sorted(
            one.triple.name for one in outcomes
        )
        parts = [summarise(group, "base", COLUMNS[0]) for group in groups.values()]
        whole = summarise(outcomes, "base", COLUMNS[0])
        if whole:
            total = math.fsum(part.count * part.mean for part in parts)
            assert total / whole.count == pytest.approx(whole.mean, abs=1e-9)


def test_ratios_are_grouped_from_small_to_large():
    outcomes = [outcome(triple(str(ev), ev=ev), base=1.0) for ev in (10.0, 3.9, 2.0, 4.2)]
    assert list(by_ev(outcomes)) == ["2 EV", "4 EV", "10 EV"]


# Records, tables and pages


def evaluation(**more) -> Evaluation:
    study = study_of(base=give(), new=give())
    network = replace(study.methods[1], network={"sha256": "0"})
    study = replace(study, methods=(study.methods[0], network))
    outcomes = (
        outcome(triple("one"), base=30.0, new=31.0),
        outcome(triple(ODD_NAME, "C & D", 6.0), base=20.0, new=18.0),
        outcome(triple("perfect", None), base=math.inf, new=math.inf),
        outcome(triple("nothing")),
    )
    return Evaluation(study, "folder", outcomes, (FailedTriple("x", "y & <z>"),), ("w: v",), **more)


def test_tables_have_a_cell_for_every_header():
    whole = evaluation()
    for table in tabulate(whole.study, whole.outcomes):
        assert {len(row) for row in table.rows} == {len(table.headers)}
    first = tabulate(whole.study, whole.outcomes)[0].rows
    assert first[0][:3] == ("base: label of base", "3", "inf")
    assert first[1][-3:] == ("-0.33", "-1.60", "33.3%")


def test_the_record_has_only_numbers_that_json_has():
    facts = evaluation().as_json()
    read = json.loads(json.dumps(facts, allow_nan=False))
    assert read == facts
    assert read["schema_version"] == 1
    assert read["summary"]["base"]["good"]["mean"] is None
    assert read["summary"]["new"]["gain"]["worst"] == -2.0
    assert read["triples"][2]["scores"]["new"] == {"good": None, "bad": 0.5}
    assert read["methods"][1]["network"] == {"sha256": "0"}
    assert finite([math.nan, {"a": (math.inf, 1.0)}]) == [None, {"a": [None, 1.0]}]


def test_the_page_needs_no_other_file_and_no_name_breaks_it():
    page = "".join(make_page(evaluation()))
    reader = read_page(page)
    assert not re.search(r"(https?:|//|url\(|@import)", re.sub(r"<meta[^>]*>", "", page))
    assert {one.attributes["href"] for one in reader.all("a")} == {"#content"}
    assert not reader.all("img", "script", "link", "iframe")
    titles = [one.text for one in reader.all("title")]
    assert any(ODD_NAME in title for title in titles)
    assert "x: y & <z>" in next(one for one in reader.all("ul")).text
    tables = reader.all("table")
    assert len(tables) == 4
    bars = [one.attributes["class"] for one in reader.all("rect")]
    assert bars == ["better", "worse"]


def test_a_page_without_networks_or_outcomes_has_no_charts():
    whole = evaluation()
    bare = replace(whole, study=study_of(base=give()), outcomes=(), failures=(), remarks=())
    reader = read_page("".join(make_page(bare)))
    assert not reader.all("svg")


def test_pictures_are_in_the_page_only_if_they_were_kept(case):
    study = replace(fidelity_study(refiners={}).only(["blind"]), open=lambda triple: case)
    for looking in (False, True):
        outcomes = tuple(evaluate(study, [triple("a"), triple("b")], keep_views=looking))
        reader = read_page("".join(make_page(Evaluation(study, "s", outcomes))))
        shown = [one.attributes for one in reader.all("img")]
        assert len(shown) == (8 if looking else 0)
        assert all(one["src"].startswith("data:image/webp;base64,") for one in shown)


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(-9, 9)), min_size=1, max_size=9))
@example([(0.0, 5e-324)])
def test_charts_have_a_mark_for_every_picture(pairs):
    marks = [Mark(f"{n} <&>", *pair) for n, pair in enumerate(pairs)]
    bars, dots = map(read_page, chart_gains(marks, margin=0.2, what="new", unit="dB"))
    for shapes in (bars.all("rect"), dots.all("circle")):
        classes = sorted(one.attributes["class"] for one in shapes)
        verdicts = ["worse" if g < -0.2 else "better" if g > 0.2 else "alike" for _, g in pairs]
        assert classes == sorted(verdicts)
    assert all(float(one.attributes["height"]) >= 0 for one in bars.all("rect"))


@pytest.mark.model
def test_networks_are_distinguished_and_described():
    refiner = open_refiner(device="cpu")
    study = fidelity_study(refiners={BUNDLED: refiner, "mine.onnx": refiner})
    networks = {method.name for method in study.methods if method.network}
    assert networks == {"refined", "mine.onnx"}
    study = fusion_study(refiners={BUNDLED: refiner, "mine.onnx": refiner})
    networks = {method.name for method in study.methods if method.network}
    assert networks == {"virtual-auto", "virtual-auto mine.onnx"}

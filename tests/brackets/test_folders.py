"""Small folders as people have them: a single bracket among other things, culled, renamed, copied."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import numpy as np
import pytest
from bracket_library import Roll

from expinterp.brackets import Frame, plan_brackets
from expinterp.core.exposure import Exposure

NOON = datetime(2024, 5, 6, 12)
BASE, RISING, FIVE = (0, -2, 2), (-2, 0, 2), (0, -1, 1, -2, 2)
MARKED = {"mode": "bracket", "comp": True}


@cache
def scene(view):
    return Roll(None, None, "", np.random.default_rng(100 + view)).scene()


@cache
def seen_at(view, stops):
    return scene(view).thumbnail(stops, np.random.default_rng(view + round(10 * stops) + 99))


def shot(name, stops=0.0, view=0, at=0.0, *, seen=None, pictures=True, exif=True, **facts):
    """A frame of a view, taken `at` seconds after noon; `seen` is how bright its picture is."""
    thumbnail = seen_at(view, stops if seen is None else seen) if pictures else None
    frame = Frame(name, size=(4000, 6000), thumbnail=thumbnail)
    if not exif:
        return frame
    exposure = Exposure(2.0**stops / 64, 100.0, 8.0, "Model 7")
    frame = replace(frame, captured=NOON + timedelta(seconds=at), exposure=exposure)
    return replace(frame, **facts)


def bracket(
    first, stops=BASE, view=0, at=0.0, *, step=1.0, name="IMG_{:04d}.jpg", comp=False, **facts
):
    """Frames with numbers from `first`, `step` seconds apart; `comp`: compensation steps."""
    biases = [{"bias": float(each)} if comp else {} for each in stops]
    return [
        shot(name.format(first + k), each, view, at + k * step, **biases[k], **facts)
        for k, each in enumerate(stops)
    ]


def check(sets, *others, **options):
    """Check that these sets, and no others, are found among all frames."""
    frames = [frame for each in sets for frame in each]
    plan = plan_brackets([*frames, *others], **options)
    assert {frozenset(found.frames) for found in plan.brackets} == {
        frozenset(frame.path for frame in each) for each in sets
    }
    return {leftover.path: leftover.reason for leftover in plan.leftovers}


# --- a single bracket ----------------------------------------------------------------------------


@pytest.mark.parametrize("at", [3, 4, 3600, -5])
@pytest.mark.parametrize("name", ["IMG_0004.jpg", "IMG_0050.jpg", "beach.jpg"])
@pytest.mark.parametrize("size", [None, 3])
def test_three_frames_beside_another_picture_are_a_bracket(at, name, size):
    reasons = check([bracket(1)], shot(name, 0.7, 9, at), set_size=size)
    assert set(reasons) == {name}


@pytest.mark.parametrize("at", [4, 3600])
def test_three_frames_without_thumbnails_are_a_bracket_by_time_and_exposure(at):
    check([bracket(1, pictures=False)], shot("IMG_0004.jpg", 0.7, 9, at, pictures=False))


@pytest.mark.parametrize("stops", [(-3, -2, -1, 0, 1, 2, 3), (0, -1, 1, -2, 2, -3, 3)])
@pytest.mark.parametrize("facts", [{}, MARKED, {"exif": False}], ids=["times", "marks", "pictures"])
@pytest.mark.parametrize("folder", ["", "church/", "DCIM/100CANON/"])
def test_an_empty_file_does_not_spoil_the_others_of_seven(stops, facts, folder):
    for lost in range(7):
        frames = bracket(1, stops, name=folder + "IMG_{:04d}.jpg", **facts)
        empty = Frame(frames.pop(lost).path, "", problem="is empty")
        check([frames], empty)
        check([frames], empty, shot(folder + "IMG_0050.jpg", 0.7, 9, 900, exif="exif" not in facts))


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_an_empty_file_does_not_spoil_a_marked_bracket_in_a_culled_folder(lost):
    sets = [bracket(101 + 50 * at, view=at, at=60 * at, **MARKED) for at in range(2)]
    empty = Frame(sets[0].pop(lost).path, "", problem="is empty")
    check(sets, empty)


@pytest.mark.parametrize("stops", [(0, -2), (0, 2)])
@pytest.mark.parametrize("facts", [MARKED, {"mode": "manual"}])
def test_a_lone_pair_is_a_bracket(stops, facts):
    check([bracket(1, stops, **facts)])
    check([bracket(1, stops, **facts)], shot("IMG_0003.jpg", 0.3, 7, 200, mode="auto"))


@pytest.mark.parametrize("stops", [BASE, RISING])
def test_three_automatic_exposures_in_a_shape_of_cameras_are_a_bracket_if_the_pictures_say_so(
    stops,
):
    """Programs on phones write neither a mode nor compensation."""
    check([bracket(1, stops, mode="auto", bias=0.0)])


@pytest.mark.parametrize("hole", [0, 1, 2, 4, 47])
@pytest.mark.parametrize("facts", [MARKED, {**MARKED, "pictures": False}, {"mode": "bracket"}])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_marked_brackets_are_found_where_files_between_them_were_deleted(hole, facts, count):
    check([bracket(101 + at * (3 + hole), view=at, at=60 * at, **facts) for at in range(count)])


@pytest.mark.parametrize(
    "facts", [MARKED, {"mode": "bracket"}, {}, {"mode": "manual"}, {**MARKED, "pictures": False}]
)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("stops", [(0, -2, 4), (0, -1, 3, 5), (-4, 0, 1)])
def test_uneven_steps_are_a_bracket(facts, count, stops):
    size = len(stops)
    sets = [bracket(1 + size * at, stops, at, 60 * at, **facts) for at in range(count)]
    check(sets)
    check(sets, set_size=size)


def test_uneven_steps_without_marks_and_pictures_are_a_bracket_if_they_recur():
    manual = {"mode": "manual", "pictures": False}
    check([bracket(1 + 3 * at, (0, -2, 4), at, 60 * at, **manual) for at in range(3)])


# --- no bracket ----------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("IMG_20240101_120001", "IMG_20240101_120031"), ("a", "b")])
@pytest.mark.parametrize("folder", ["", "phone/"])
@pytest.mark.parametrize("step", [-0.4, 0.4, 1.0, -1.0])
@pytest.mark.parametrize("seconds", [3, 30])
@pytest.mark.parametrize("bias", [None, 0.0])
def test_two_automatic_shots_are_no_bracket(names, folder, step, seconds, bias):
    frames = [
        shot(f"{folder}{name}.jpg", stops, 0, at, mode="auto", bias=bias)
        for name, stops, at in zip(names, (0, step), (0, seconds), strict=True)
    ]
    assert len(check([], *frames)) == 2


@pytest.mark.parametrize(
    "stops",
    [(0, 0.4, 0.8, 1.3), (0, -0.7, 0.5, -0.2), (0, -0.8, 1.1), (0, 1, 0, 1), (0, -1.5, 0.7)],
)
@pytest.mark.parametrize("bias", [None, 0.0])
def test_automatic_shots_of_one_scene_are_no_bracket(stops, bias):
    names = (f"IMG_20240101_12000{at}.jpg" for at in range(9))
    frames = [
        shot(name, stop, 0, 2 * at, mode="auto", bias=bias)
        for at, (name, stop) in enumerate(zip(names, stops, strict=False))
    ]
    check([], *frames)


@pytest.mark.parametrize(
    "names",
    [
        (
            "WhatsApp Image 2024-01-01 at 12.00.01.jpeg",
            "WhatsApp Image 2024-01-01 at 12.00.31.jpeg",
        ),
        ("2016.01.01-17.39.22.jpg", "2016.01.01-17.39.42.jpg"),
    ],
)
@pytest.mark.parametrize("exif", [True, False])
def test_names_that_end_with_a_time_name_no_set(names, exif):
    facts = {"mode": "auto"} if exif else {}
    frames = [
        shot(name, stops, 0, at, exif=exif, **facts)
        for name, stops, at in zip(names, (0, 0.4), (0, 20), strict=True)
    ]
    check([], *frames)


def test_series_in_changing_light_are_no_brackets():
    names = [f"IMG_{at:04d}.jpg" for at in range(40)]
    metered = [
        shot(n, round(at / 3) / 3, 0, 4 * at, seen=0, mode="auto") for at, n in enumerate(names)
    ]
    check([], *metered)
    fixed = [shot(n, 0, 0, 4 * at, seen=-at / 10, mode="manual") for at, n in enumerate(names)]
    check([], *fixed)


@pytest.mark.parametrize("name", ["IMG_{:04d}.jpg", "{:d}x.jpg"])
@pytest.mark.parametrize("folder", ["", "church/"])
def test_equal_pictures_without_exif_are_no_bracket(name, folder):
    frames = [replace(shot("x", exif=False), path=folder + name.format(at)) for at in range(3)]
    assert len(check([], *frames)) == 3


@pytest.mark.parametrize("stops", [BASE, RISING, FIVE])
@pytest.mark.parametrize("facts", [MARKED, {}, {"comp": True}], ids=["marks", "none", "bias"])
def test_a_burst_around_a_bracket_is_left(stops, facts):
    own = {"mode": "auto"} if "mode" in facts else {"bias": 0.0} if facts else {}
    before = [shot(f"IMG_{at:04d}.jpg", 0, 0, at * 0.2, **own) for at in range(1, 6)]
    frames = bracket(6, stops, at=1.4, step=0.3, **facts)
    after = [shot(f"IMG_{at:04d}.jpg", 0, 0, 4 + at * 0.2, **own) for at in range(16, 21)]
    check([frames], *before, *after)
    check([], *before)


# --- what made the exposures ---------------------------------------------------------------------


@pytest.mark.parametrize("rooms", [1, 5])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("mode", ["manual", None])
@pytest.mark.parametrize("pictures", [True, False])
def test_a_frame_with_flash_is_left_out_of_the_bracket_beside_it(rooms, first, mode, pictures):
    facts = {"mode": mode, "pictures": pictures}
    sets, others = [], []
    for room in range(rooms):
        at, number = 100 * room, 4 * room + 1
        lit = at + (-2 if first else 5)
        name = f"IMG_{number if first else number + 3:04d}.jpg"
        others.append(shot(name, 0, room, lit, seen=0.8, flash=True, **facts))
        sets.append(bracket(number + first, view=room, at=at, flash=False, **facts))
    assert all("flash" in reason for reason in check(sets, *others).values())


@pytest.mark.parametrize("rooms", [1, 3])
@pytest.mark.parametrize("seen", [BASE, (0, -3, -6), (2, 0, -2), (0, 3, -3)])
@pytest.mark.parametrize("mode", ["manual", None])
@pytest.mark.parametrize("step", [1, 20])
def test_the_pictures_are_believed_where_stated_exposures_are_equal(rooms, seen, mode, step):
    """Filters, aperture rings and lamps leave no trace in EXIF."""
    sets = [
        [
            shot(
                f"DSC_{3 * room + at + 1:04d}.jpg",
                0,
                room,
                600 * room + step * at,
                seen=stops,
                mode=mode,
            )
            for at, stops in enumerate(seen)
        ]
        for room in range(rooms)
    ]
    check(sets, gap=step)
    (found, *_) = plan_brackets([frame for each in sets for frame in each], gap=step).brackets
    brightest = [sets[0][at].path for at in np.argsort(seen)[::-1]]
    assert list(found.frames) == brightest
    assert found.evs is None


@pytest.mark.parametrize("pictures", [True, False])
def test_a_marked_bracket_may_vary_time_and_aperture_together(pictures):
    """Programmed exposure does."""
    settings = ((1 / 64, 5.6, 0), (1 / 128, 8.0, -2), (1 / 32, 4.0, 2))
    frames = [
        replace(
            shot(f"IMG_{at:04d}.jpg", 0, 0, at, seen=stops, pictures=pictures, mode="bracket"),
            exposure=Exposure(time, 100.0, f_number, "Model 7"),
            bias=float(stops),
        )
        for at, (time, f_number, stops) in enumerate(settings)
    ]
    check([frames])


def test_sensitivities_above_those_of_the_first_tag_count():
    speeds = {102_400.0: 0, 25_600.0: -2, 409_600.0: 2}
    frames = [
        shot(f"IMG_{at:04d}.jpg", 0, 0, at, seen=stops, exposure=Exposure(1 / 64, iso, 8.0, "A"))
        for at, (iso, stops) in enumerate(speeds.items())
    ]
    check([frames])


@pytest.mark.parametrize("pictures", [True, False])
def test_exact_times_of_which_one_looks_nominal_step_evenly(pictures):
    """Two thirds of a stop; 1/60.5 s looks like 1/60 s, which stands for 1/64 s."""
    frames = [
        replace(
            shot(f"IMG_{at:04d}.jpg", 0, 0, at, seen=stops, pictures=pictures),
            exposure=Exposure(2.0**stops / 60.5, 100.0, 8.0, "Model 7"),
        )
        for at, stops in enumerate((0, -2 / 3, 2 / 3))
    ]
    check([frames], shot("IMG_0099.jpg", 0.3, 9, 900, pictures=pictures))


# --- several cameras and sets --------------------------------------------------------------------


@pytest.mark.parametrize(("one", "other"), [("Canon R5", "CANON R5"), ("Canon R5", "Fuji X-T4")])
@pytest.mark.parametrize(
    "names", [("IMG_{:04d}.jpg", "IMG_9{:03d}.jpg"), ("x {:d}a.jpg", "y {:d}b.jpg")]
)
@pytest.mark.parametrize("pictures", [True, False])
def test_cameras_in_one_folder_are_told_apart(one, other, names, pictures):
    sets = [
        [
            replace(frame, exposure=replace(frame.exposure, camera=camera))
            for frame in bracket(11, view=at, at=0.4 * at, name=names[at], pictures=pictures)
        ]
        for at, camera in enumerate((one, other))
    ]
    check(sets)


@pytest.mark.parametrize("views", [2, 6])
@pytest.mark.parametrize("stops", [BASE, RISING, (2, 0, -2), FIVE])
@pytest.mark.parametrize(
    "facts",
    [{}, {"pictures": False}, {"exif": False}, {**MARKED, "pictures": False}],
    ids=["both", "times", "pictures", "marks"],
)
def test_brackets_of_a_panorama_are_told_apart(views, stops, facts):
    count = len(stops)
    pause = count * 0.5 + 1.5
    check([bracket(1 + count * v, stops, v, v * pause, step=0.5, **facts) for v in range(views)])


@pytest.mark.parametrize("facts", [{}, {"pictures": False}])
def test_a_clock_that_stands_still_is_no_hindrance(facts):
    check([bracket(1 + 3 * view, view=view, step=0, **facts) for view in range(4)])


@pytest.mark.parametrize("shift", [1 / 3, 1.0])
@pytest.mark.parametrize("facts", [{}, {"exif": False}], ids=["times", "pictures"])
@pytest.mark.parametrize("size", [None, 3])
def test_two_brackets_of_one_scene_are_two(shift, facts, size):
    """The camera stood still, and metered again."""
    two = [bracket(1, **facts), bracket(4, [shift + each for each in BASE], at=60, **facts)]
    check(two, set_size=size)


def test_shots_counted_by_the_camera_begin_a_set_anew():
    sets = [
        [replace(frame, shot=at + 1) for at, frame in enumerate(each)]
        for each in (bracket(1, pictures=False), bracket(4, at=3, pictures=False))
    ]
    check(sets)


# --- files that lost their EXIF block -------------------------------------------------------------


def stripped(frames, lost):
    """Frames of which those at the positions `lost` state nothing any more."""
    return [
        Frame(f.path, size=f.size, thumbnail=f.thumbnail) if at in lost else f
        for at, f in enumerate(frames)
    ]


@pytest.mark.parametrize("lost", [{0}, {1}, {2}, {0, 2}, {1, 2}])
@pytest.mark.parametrize("stops", [BASE, RISING])
@pytest.mark.parametrize("facts", [MARKED, {"mode": "auto"}, {}])
def test_a_stated_size_settles_what_files_without_exif_belong_to(lost, stops, facts):
    first = stripped(bracket(1, stops, **facts), lost)
    second = bracket(4, stops, view=1, at=60, **facts)
    third = stripped(bracket(7, stops, view=2, at=120, **facts), lost)
    check([first, second, third], set_size=3)
    check([], *first[:2], set_size=3)
    check([], first[0], *third[1:], set_size=3)  # the numbers between are missing


@pytest.mark.parametrize("lost", [{0}, {1}, {2}, {0, 2}])
@pytest.mark.parametrize("name", ["church/{:d}.jpg", "room_{:d}.jpg"])
def test_a_folder_or_a_name_settles_what_files_without_exif_belong_to(lost, name):
    others = [shot(f"IMG_{at:04d}.jpg", view=9, at=900 * at) for at in (41, 52)]
    check([stripped(bracket(1, name=name), lost)], *others)


# --- names and copies ----------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [BASE, RISING])
@pytest.mark.parametrize("facts", [{}, {"exif": False}])
def test_names_without_numbers_are_no_hindrance(stops, facts):
    names = ("apple.jpg", "pear.jpg", "fig.jpg")
    frames = bracket(1, stops, **facts)
    check([[replace(frame, path=path) for frame, path in zip(frames, names, strict=True)]])


@pytest.mark.parametrize(
    "suffix",
    ["-edit", "-Edit", "_HDR", "-HDR-2", "_hdr_photomatix", "_fused", "-bw", " (1)", "_1", "-2"],
)
def test_copies_and_edits_beside_the_originals_are_left(suffix):
    frames = bracket(1)
    name = f"IMG_0001{suffix}.jpg"
    assert "IMG_0001.jpg" in check([frames], replace(frames[0], path=name))[name]


@pytest.mark.parametrize("facts", [{}, MARKED])
@pytest.mark.parametrize(
    ("name", "brighter"),
    [
        ("Kopie von {}.jpg", 0),
        ("Copy of {}.jpg", 0),
        ("{} 2.jpg", 0),
        ("{} (1).jpg", 0.4),
        ("{}~2.jpg", 0.4),
        ("{} bearbeitet.jpg", 0.4),
        ("{} (bearbeitet).jpg", 1.5),
        ("{}-modifié.jpg", 1.5),
        ("{}_DxO.jpg", 1.5),
    ],
)
def test_copies_and_edits_of_a_whole_bracket_are_no_exposures_of_it(name, brighter, facts):
    frames = bracket(1, **facts)
    seen = [{"seen": stops + brighter} if brighter else {} for stops in BASE]
    edits = [
        replace(
            shot(name.format(frame.stem), stops, at=at, **each), bias=frame.bias, mode=frame.mode
        )
        for at, (frame, stops, each) in enumerate(zip(frames, BASE, seen, strict=True))
    ]
    assert len(check([frames], *edits)) == 3


def test_results_of_this_program_are_no_exposures():
    """Those of --count have stepping exposures; a pattern takes them."""
    results = [
        shot(f"mid_{at}.jpg", stops, at=0, computed=True) for at, stops in enumerate(RISING, 1)
    ]
    reasons = check([bracket(1)], *results)
    assert {reasons[each.path] for each in results} == {"a result of expinterp"}
    check([results], *bracket(1), pattern=r"(?P<set>mid)_\d")


def test_an_edit_of_a_telephone_is_left():
    frames = bracket(1, **MARKED)
    edits = [
        replace(frame, path=frame.path.replace("_", "_E"), thumbnail=seen_at(0, stops + 0.5))
        for frame, stops in zip(frames, BASE, strict=True)
    ]
    reasons = check([frames], *edits)
    assert reasons["IMG_E0001.jpg"] == "made from IMG_0001.jpg, by its name"


def test_two_developments_of_one_shot_a_stop_apart_are_a_bracket():
    """Closer ones are an edit and its original; a word for an exposure states a development."""
    for name, stops, count in (("-2", -2, 1), ("-2", -0.4, 0), ("_dark", -2, 1), ("_web2", -2, 0)):
        pair = [shot("IMG_0042.jpg"), shot(f"IMG_0042{name}.jpg", seen=stops)]
        check([pair] if count else [], *([] if count else pair))


@pytest.mark.parametrize(
    "name",
    [
        "IMG_0001_2_3_HDR.jpg",
        "IMG_0001-0003_fused.jpg",
        "IMG_0003-HDR.jpg",
        "IMG_0001_2_tonemapped.jpg",
    ],
)
@pytest.mark.parametrize("facts", [{}, {"exif": False}])
def test_results_of_other_programs_are_left(name, facts):
    reasons = check([bracket(1, **facts)], shot(name, 0, 0, 2, seen=0.4, **facts))
    assert reasons[name].startswith("made from IMG_000")
    check([bracket(1)], shot(name, 0, 0, 2, seen=0.4, exif=False))


@pytest.mark.parametrize(
    "stems",
    [
        ("IMG_0042", "IMG_0042-2", "IMG_0042-3"),
        ("IMG_20240101_120000", "IMG_20240101_120000_1", "IMG_20240101_120000_2"),
        ("20240101_120000", "20240101_120000(0)", "20240101_120000(1)"),
        ("IMG_0042", "IMG_0042-Copy 1", "IMG_0042-Copy 2"),
        ("IMG_0042_mid", "IMG_0042_dark", "IMG_0042_light"),
    ],
)
@pytest.mark.parametrize("exif", [True, False])
def test_developments_of_one_shot_are_a_bracket(stems, exif):
    def developed(stems, view, at):
        return [
            shot(f"{stem}.jpg", 0, view, at, seen=stops, exif=exif)
            for stem, stops in zip(stems, BASE, strict=True)
        ]

    one = developed(stems, 0, 0)
    later = [stem.replace("42", "77").replace("120000", "130000") for stem in stems]
    check([one])
    check([one], shot(f"{later[0]}.jpg", 0, 5, 9000, exif=exif))
    check([one, developed(later, 5, 9000)])


def test_a_pattern_overrules_what_names_say_of_copies():
    frames = [
        shot(f"IMG_0042{end}.jpg", 0, seen=stops)
        for end, stops in zip(("", "-2", "-Edit"), BASE, strict=True)
    ]
    check([frames], pattern=r"(?P<set>IMG_\d{4})(-\w+)?")


@pytest.mark.parametrize("foreign", [{"size": (100, 50)}, {"format": "png"}, {"depth": 16}])
def test_a_file_of_another_kind_does_not_spoil_a_folder(foreign):
    frames = bracket(1, name="church/{:d}.jpg", mode="manual", step=60.0)
    check([frames], replace(shot("church/x.jpg", 0, 4), **foreign))

"""Which frames form brackets: what cameras do, what people do, and what must never be guessed."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from bracket_library import Camera, Library, Roll, make_library

from expinterp.brackets import Frame, PlanError, plan_brackets
from expinterp.core.exposure import Exposure

NOON = datetime(2024, 5, 6, 12)
SILENT = Camera("Model 7", marks=False, biases=False, fractions=False)
MARKING = Camera("Model 7")
SEEING = Camera("Model 7", marks=False, biases=False, thumbnails=True)


def roll(camera=MARKING, folder="", *, number=1, seed=0):
    return Roll(Library(), camera, folder, np.random.default_rng(seed), number=number)


def frames_of(*rolls):
    """What the rolls hold, thumbnails only where the camera stores them."""
    found = []
    for each in rolls:
        bare = each.library.bare
        found += [
            replace(f, thumbnail=None) if p in bare else f for p, f in each.library.frames.items()
        ]
    return found


def stripped(*rolls):
    return [
        Frame(path, size=frame.size, thumbnail=frame.thumbnail)
        for each in rolls
        for path, frame in each.library.frames.items()
    ]


def sets(plan):
    return {frozenset(bracket.frames) for bracket in plan.brackets}


def truth(*rolls):
    return {paths for each in rolls for paths in each.library.brackets}


def reasons(plan):
    return {leftover.path: leftover.reason for leftover in plan.leftovers}


# --- what cameras do -----------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["base", "rising", "falling"])
@pytest.mark.parametrize("count", [2, 3, 5, 7])
@pytest.mark.parametrize("camera", [MARKING, SILENT, SEEING], ids=["marks", "silent", "sees"])
def test_sets_of_every_size_and_order_are_found(style, count, camera):
    card = roll(replace(camera, style=style))
    for _ in range(6):
        card.bracket(card.scene(), count, 1.0)
        card.wait(30)
    plan = plan_brackets(frames_of(card))
    assert sets(plan) == truth(card)
    assert plan.leftovers == ()


def test_sets_of_several_sizes_are_told_apart():
    card = roll(replace(MARKING, style="rising"))
    for count in (7, 3, 5, 3, 7, 5, 2, 3, 7, 2, 5, 2, 7):
        card.bracket(card.scene(), count, 1.0)
        card.wait(30)
    assert sets(plan_brackets(frames_of(card))) == truth(card)


@pytest.mark.parametrize("locked", [True, False])
def test_sets_in_quick_succession_are_told_apart(locked):
    card = roll(SILENT)
    for turn in range(12):
        card.bracket(card.scene(-6.0 + (0 if locked else turn % 3 / 3)), 3, 2)
        card.wait(1.5)
    assert sets(plan_brackets(frames_of(card))) == truth(card)


def test_the_longest_exposure_comes_first_by_time_iso_or_aperture():
    def shot(number, time, iso, f_number):
        moment = NOON + timedelta(seconds=number)
        exposure = Exposure(time, iso, f_number, "Model 7")
        return Frame(f"IMG_{number:04d}.jpg", captured=moment, exposure=exposure, mode="bracket")

    by_time = [shot(1, 1 / 60, 100, 8.0), shot(2, 1 / 250, 100, 8.0), shot(3, 1 / 15, 100, 8.0)]
    by_iso = [shot(1, 1 / 60, 400, 8.0), shot(2, 1 / 60, 100, 8.0), shot(3, 1 / 60, 1600, 8.0)]
    by_aperture = [shot(1, 1 / 60, 100, 8.0), shot(2, 1 / 60, 100, 16.0), shot(3, 1 / 60, 100, 4.0)]
    for frames in (by_time, by_iso, by_aperture):
        (bracket,) = plan_brackets(frames).brackets
        assert bracket.frames == ("IMG_0003.jpg", "IMG_0001.jpg", "IMG_0002.jpg")
        assert bracket.evs == (0.0, -2.0, -4.0)
        assert bracket.times == tuple(frames[at].exposure.time for at in (2, 0, 1))
        assert bracket.camera == "Model 7"


def test_without_stated_exposures_the_brighter_picture_comes_first():
    card = roll(folder="church")
    paths = card.bracket(card.scene(), 3, 2)
    (bracket,) = plan_brackets(stripped(card)).brackets
    assert bracket.frames == (paths[2], paths[0], paths[1])
    assert bracket.times is bracket.evs is bracket.camera is None


def test_pauses_count_from_the_end_of_an_exposure():
    card = roll(SILENT)
    card.dark_frames = True
    for _ in range(4):
        card.bracket(card.scene(3.0), 3, 2, pause=2.0)  # 2 s, 8 s and 30 s, each with a dark frame
        card.wait(100)
    assert sets(plan_brackets(frames_of(card))) == truth(card)


def test_the_longest_pause_can_be_chosen():
    card = roll(SILENT)
    for _ in range(4):
        card.bracket(card.scene(-5), 3, 2, pause=12.0)
        card.wait(100)
    assert sets(plan_brackets(frames_of(card))) == set()
    assert sets(plan_brackets(frames_of(card), gap=12.0)) == truth(card)


def test_midnight_and_the_change_to_summer_time_split_no_set():
    winter, summer = (timezone(timedelta(hours=hours)) for hours in (1, 2))
    card = roll(replace(MARKING, zone=winter))
    card.clock = datetime(2024, 3, 30, 23, 59, 59)
    card.bracket(card.scene(), 3, 2, pause=0.8)
    card.clock = datetime(2024, 3, 31, 1, 59, 59)
    card.bracket(card.scene(), 3, 2, pause=0.8)
    frames = [
        replace(f, captured=f.captured.astimezone(summer)) if f.captured.hour == 2 else f
        for f in frames_of(card)
    ]
    assert {frame.captured.day for frame in frames} == {30, 31}
    assert sets(plan_brackets(frames)) == truth(card)


def test_the_counter_may_begin_anew_within_a_set():
    card = roll(number=9989)
    for _ in range(8):
        card.bracket(card.scene(), 3, 2)
        card.wait(30)
    assert sets(plan_brackets(frames_of(card))) == truth(card)
    assert any({"IMG_9999.jpg", "IMG_0001.jpg"} <= paths for paths in truth(card))


def test_the_folder_may_change_within_a_set():
    card = roll(folder="DCIM/100CANON", number=9995)
    paths = [path for _ in range(4) for path in card.bracket(card.scene(), 3, 2, pause=0.1)]
    moved = {path: path.replace("100", "101") if "_0" in path else path for path in paths}
    frames = [replace(frame, path=moved[frame.path]) for frame in frames_of(card)]
    expected = {frozenset(moved[path] for path in known) for known in truth(card)}
    assert sets(plan_brackets(frames)) == expected


def test_two_bodies_of_one_model_in_one_folder_are_told_apart():
    one, two = roll(SILENT, number=100), roll(SILENT, number=7000, seed=1)
    for card in (one, two):
        for _ in range(8):
            card.bracket(card.scene(), 3, 2)
            card.wait(20, 21)
    assert sets(plan_brackets(frames_of(one, two))) == truth(one, two)


# --- what is no bracket --------------------------------------------------------------------------


def test_bursts_of_equal_exposures_are_left():
    card = roll(SILENT)
    scene = card.scene()
    for _ in range(9):
        card.shoot(scene)
    plan = plan_brackets(frames_of(card))
    assert plan.brackets == ()
    assert set(reasons(plan).values()) == {"the same exposure as the shot beside it"}


@pytest.mark.parametrize("camera", [SILENT, SEEING, MARKING], ids=["silent", "sees", "marks"])
def test_single_shots_whose_exposures_happen_to_step_are_left(camera):
    card = roll(camera)
    for at, light in enumerate((-6, -8, -4, -5, -5, -6, -7, -3, -4, -6, -5)):
        card.shoot(card.scene(light))
        card.wait(1.5 if at % 3 < 2 else 60)
    assert plan_brackets(frames_of(card)).brackets == ()


def test_a_repeated_exposure_ends_a_set():
    card = roll(MARKING)
    for _ in range(5):
        scene = card.scene()
        card.shoot(scene, 0.0, mode="bracket")  # once too often
        card.bracket(scene, 3, 2)
        card.wait(60)
    assert sets(plan_brackets(frames_of(card))) == truth(card)


def test_a_frame_taken_twice_spoils_its_set():
    card = roll(replace(MARKING, style="rising"))
    for repeated in (None, 2, None, 1, None, 3):
        card.bracket(card.scene(), 5, 1, repeated=repeated)
        card.wait(60)
    assert sets(plan_brackets(frames_of(card))) == truth(card)


@pytest.mark.parametrize("lost", [[0], [1], [2], [3, 4], [0, 1], [1, 3]])
@pytest.mark.parametrize("style", ["base", "rising", "falling"])
def test_a_set_that_lost_frames_is_left(lost, style):
    card = roll(replace(MARKING, style=style))
    for at in range(8):
        card.bracket(card.scene(), 5, 1, lost=lost if at == 4 else ())
        card.wait(60)
    plan = plan_brackets(frames_of(card))
    assert sets(plan) == truth(card)
    assert len(plan.leftovers) == 5 - len(lost)


def between_others(camera, *sets_taken):
    """A few sets among other shots; each is (count, step, lost)."""
    card = roll(camera)
    for count, step, lost in sets_taken:
        card.shoot(card.scene())
        card.wait(60)
        card.bracket(card.scene(-6), count, step, lost=lost)
        card.wait(60)
    card.shoot(card.scene())
    return card


@pytest.mark.parametrize("taken", [[(3, 2, [])], [(5, 1, [])], [(3, 2, []), (5, 1, [])]])
def test_a_rare_set_is_found(taken):
    card = between_others(MARKING, *taken)
    assert sets(plan_brackets(frames_of(card))) == truth(card)


def test_a_pair_beside_lost_pictures_is_left():
    card = between_others(MARKING, (5, 2, [0, 3, 4]))
    assert plan_brackets(frames_of(card)).brackets == ()


def test_what_is_left_of_a_set_may_look_like_a_set():
    card = between_others(replace(MARKING, style="rising"), (7, 1, [1, 3, 5]))
    assert plan_brackets(frames_of(card)).brackets == ()


def test_a_set_whose_last_step_the_shutter_cut_short_is_found():
    card = roll(SEEING)
    for light in (-6, -7, -5, -6, -8, -11 - 2 / 3, -9, -12 - 1 / 3, -6, -7):
        card.bracket(card.scene(light), 3, 2)
        card.wait(30)
    short = [frame for frame in frames_of(card) if frame.exposure.time == 1 / 8000]
    assert len(short) == 2
    assert sets(plan_brackets(frames_of(card))) == truth(card)


def test_a_set_at_the_limit_of_the_shutter_that_is_whole_as_well_is_found_once():
    """Three stops apart it is a set; it may also be one of four stops whose short frame is late."""
    card = roll(replace(MARKING, style="falling"))
    for step, light in [*[(4, -6.0)] * 6, *[(10 / 3, -6.0)] * 5, (10 / 3, -26 / 3)]:
        card.bracket(card.scene(light), 2, step)
        card.wait(60)
    assert min(frame.exposure.time for frame in frames_of(card)) == 1 / 4000
    assert sets(plan_brackets(frames_of(card))) == truth(card)


def test_a_camera_that_does_not_mark_the_middle_frame_gives_no_wrong_set():
    card = roll(replace(MARKING, biases=False))
    for _ in range(6):
        card.bracket(card.scene(), 3, 2)
        card.wait(60)
    frames = [
        replace(frame, mode="auto") if at % 3 == 0 else frame
        for at, frame in enumerate(frames_of(card))
    ]
    assert sets(plan_brackets(frames)) <= truth(card)


@pytest.mark.parametrize("seed", [0, 23, 35, 71])
def test_a_frame_that_is_nearly_white_does_not_spoil_its_scene(seed):
    card = roll(replace(SEEING, style="rising"), "church", seed=seed)
    paths = card.bracket(card.scene(), 7, 5 / 3)
    (bracket,) = plan_brackets(stripped(card)).brackets
    assert {*paths[:6]} <= {*bracket.frames}


def test_sets_in_quick_succession_are_found_with_a_shot_between():
    card = roll(SILENT)
    for at in range(6):
        if at == 2:
            card.shoot(card.scene(-8.0))
            card.wait(2)
        card.bracket(card.scene(), 3, 2)
        card.wait(2)
    assert sets(plan_brackets(frames_of(card))) == truth(card)


def test_a_set_that_broke_off_is_left():
    card = roll()
    for at in range(8):
        scene = card.scene()
        if at == 4:
            card.shoot(scene, 0, mode="bracket")
            card.shoot(scene, -2, mode="bracket")
        else:
            card.bracket(scene, 3, 2)
        card.wait(60)
    assert sets(plan_brackets(frames_of(card))) == truth(card)


@pytest.mark.parametrize("count", [3, 5, 7])
@pytest.mark.parametrize("camera", [MARKING, SEEING], ids=["marks", "sees"])
@pytest.mark.parametrize("folder", ["", "church", "DCIM/100CANON"])
def test_a_file_that_cannot_be_used_spoils_no_others(count, camera, folder):
    card = roll(camera, folder)
    paths = card.bracket(card.scene(), count, 1.0)
    card.wait(300)
    card.shoot(card.scene())
    for lost in paths:
        frames = [
            Frame(f.path, "", problem="is empty") if f.path == lost else f for f in frames_of(card)
        ]
        for alone in (frames[:-1], frames):
            plan = plan_brackets(alone)
            assert sets(plan) == {frozenset(paths) - {lost}}
            assert reasons(plan)[lost] == "is empty"


@pytest.mark.parametrize("camera", [MARKING, SILENT, SEEING], ids=["marks", "silent", "sees"])
def test_a_damaged_file_between_sets_leaves_no_part_of_its_set(camera):
    card = roll(camera)
    paths = [card.bracket(card.scene(), 3, 2) for _ in range(6)]
    frames = [
        Frame(f.path, "", problem="damaged") if f.path in {paths[2][1], paths[4][0]} else f
        for f in frames_of(card)
    ]
    whole = {frozenset(paths[at]) for at in (0, 1, 3, 5)}
    assert sets(plan_brackets(frames)) <= whole


@pytest.mark.parametrize("suffix", [".heic", ".CR2"])
def test_unusable_versions_do_not_spoil_a_folder(suffix):
    card = roll(SEEING, "church")
    paths = card.bracket(card.scene(), 3, 2)
    frames = frames_of(card)
    form, problem = ("raw", None) if suffix == ".CR2" else ("", "HEIC files need a package")
    twins = [Frame(p.replace(".jpg", suffix), form, problem=problem) for p in paths]
    for prefer in ("raw", "jpeg"):
        assert sets(plan_brackets([*frames, *twins], prefer=prefer)) == truth(card)
    foreign = Frame("church/screen.png", "png", size=(100, 50), thumbnail=frames[0].thumbnail)
    assert sets(plan_brackets([*frames, foreign])) == truth(card)


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("hours", [-23, 23])
def test_clocks_at_the_ends_of_the_calendar_are_read(year, hours):
    card = roll(replace(MARKING, zone=timezone(timedelta(hours=hours))))
    card.clock = datetime(year, 12 if year > 1 else 1, 31 if year > 1 else 1, 12)
    card.bracket(card.scene(), 3, 2)
    assert sets(plan_brackets(frames_of(card))) == truth(card)


def test_zoom_or_aperture_split_what_time_does_not():
    card = roll(MARKING)
    card.bracket(card.scene(), 3, 2)
    frames = frames_of(card)
    zoomed = [frames[0], *(replace(frame, focal_length=50.0) for frame in frames[1:])]
    assert plan_brackets(zoomed).brackets == ()
    wider = replace(frames[2].exposure, f_number=4.0)
    plan = plan_brackets([*frames[:2], replace(frames[2], exposure=wider)])
    assert frames[2].path in reasons(plan)


def test_pictures_of_different_scenes_are_no_set_by_any_stated_exposure():
    card = roll(replace(SEEING, marks=True))
    for stops in (0, -2, 2):
        card.shoot(card.scene(-6), stops, mode="bracket")
    assert plan_brackets(frames_of(card)).brackets == ()


def test_raw_files_other_formats_and_copies_are_set_aside_with_a_reason():
    card = roll()
    card.bracket(card.scene(), 3, 2)
    frames = frames_of(card)
    first = frames[0]
    extra = {
        "IMG_0001.CR2": ("raw", "the raw file of IMG_0001.jpg"),
        "IMG_0001.tif": ("tiff", "the same shot as IMG_0001.jpg"),
        "IMG_0001-Edit.tif": ("tiff", "made from IMG_0001.jpg, by its name"),
        "IMG_0001 (1).jpg": ("jpeg", "a copy of IMG_0001.jpg"),
    }
    frames += [replace(first, path=path, format=form) for path, (form, _) in extra.items()]
    plan = plan_brackets(frames, prefer="jpeg")
    assert sets(plan) == truth(card)
    assert reasons(plan) == {path: reason for path, (_, reason) in extra.items()}


def test_a_file_that_is_only_named_like_a_copy_is_a_frame():
    card = roll(folder="church")
    paths = card.bracket(card.scene(), 3, 2)
    named = dict(
        zip(paths, ["church/hall.jpg", "church/hall (1).jpg", "church/hall (2).jpg"], strict=True)
    )
    for frames in (frames_of(card), stripped(card)):
        plan = plan_brackets([replace(frame, path=named[frame.path]) for frame in frames])
        assert sets(plan) == {frozenset(named.values())}


# --- what people do ------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [1, 6])
def test_a_set_is_not_cut_short_by_a_pause(late):
    """Seven shots one by one, an odd one among them: the folder is no scene of its own."""
    moments = [3 * at + 7 * (at >= late) for at in range(7)]
    shots = [
        Frame(
            f"hall/{at}.jpg",
            captured=NOON + timedelta(seconds=moment),
            exposure=Exposure(time=2.0**at / 250, camera="Model 7"),
            mode="manual",
        )
        for at, moment in enumerate(moments)
    ]
    odd = Frame("hall/odd.jpg", captured=NOON, exposure=Exposure(time=1 / 60, camera="Model 8"))
    plan = plan_brackets([*shots, odd])
    assert plan.brackets == ()
    assert sum("--gap" in reason for reason in reasons(plan).values()) == 7
    (whole,) = plan_brackets([*shots, odd], gap=30).brackets
    assert len(whole.frames) == 7


@pytest.mark.parametrize("names", [["a", "b", "c"], ["1", "2", "3"], ["IMG_0007", "IMG_0012", "x"]])
@pytest.mark.parametrize("folder", ["", "église/Ostern 2024", "100CANON"])
def test_a_folder_of_one_scene_is_a_bracket_without_exif(names, folder):
    card = roll(folder=folder)
    paths = card.bracket(card.scene(), 3, 2)
    named = {old: f"{folder}/{new}.jpg".lstrip("/") for old, new in zip(paths, names, strict=True)}
    plan = plan_brackets([replace(frame, path=named[frame.path]) for frame in stripped(card)])
    assert sets(plan) == {frozenset(named.values())}


def test_a_folder_of_one_scene_may_have_been_taken_slowly():
    card = roll(SEEING, "church")
    scene = card.scene()
    for stops in (0, 1, 4):
        card.shoot(scene, stops, mode="manual", pause=70)
    assert len(plan_brackets(frames_of(card)).brackets) == 1


@pytest.mark.parametrize("facts", [{"size": (4000, 3000)}, {"depth": 16}, {"format": "tiff"}])
def test_pictures_of_several_kinds_are_no_bracket(facts):
    card = roll(SEEING, "church")
    card.bracket(card.scene(), 2, 2)
    first, second = frames_of(card)
    assert len(plan_brackets([first, second]).brackets) == 1
    assert plan_brackets([first, replace(second, **facts)]).brackets == ()


def test_hours_split_even_one_scene():
    card = roll(SEEING, "church")
    scene = card.scene()
    for stops in (0, -2, 2):
        card.shoot(scene, stops, mode="manual", pause=3600)
    assert plan_brackets(frames_of(card)).brackets == ()


@pytest.mark.parametrize("seed", range(8))
def test_a_folder_of_single_shots_is_no_bracket(seed):
    card = roll(SEEING, "Sunday", seed=seed)
    for light in (-6, -4, -8):
        card.shoot(card.scene(light), pause=100)
    assert plan_brackets(frames_of(card)).brackets == ()
    assert plan_brackets(stripped(card)).brackets == ()


def test_names_may_tell_the_sets():
    cards = [roll(number=10 * at, seed=at) for at in range(1, 5)]
    frames = []
    for at, card in enumerate(cards):
        paths = card.bracket(card.scene(), 3, 2)
        names = dict(zip(paths, ("-mid", "-dark", "-bright"), strict=True))
        frames += [replace(f, path=f"room{at}{names[f.path]}.jpg") for f in stripped(card)]
    plan = plan_brackets(frames)
    assert [bracket.name for bracket in plan.brackets] == [f"room{at}" for at in range(4)]
    expected = tuple(f"room0-{part}.jpg" for part in ("bright", "mid", "dark"))
    assert plan.brackets[0].frames == expected


@pytest.mark.parametrize("pattern", ["{set}_{frame}", r"(?P<set>.+)_\d", "all/{set}_{frame}"])
def test_a_pattern_decides_alone(pattern):
    card = roll(SILENT, "all")
    card.shoot(card.scene(-6), 0)
    card.shoot(card.scene(-6), -3)
    card.shoot(card.scene(-6), 0)
    names = dict(zip(card.library.frames, ["a_1", "a_2", "b_1"], strict=True))
    frames = [replace(f, path=f"all/{names[f.path]}.jpg") for f in frames_of(card)]
    plan = plan_brackets([*frames, Frame("all/c.jpg")], pattern=pattern)
    assert [bracket.frames for bracket in plan.brackets] == [("all/a_1.jpg", "all/a_2.jpg")]
    assert reasons(plan) == {
        "all/b_1.jpg": "the only frame of its set",
        "all/c.jpg": "does not match the pattern",
    }


@pytest.mark.parametrize("change", [{"size": (8, 9)}, {"depth": 16}])
def test_a_pattern_joins_no_pictures_of_different_size_or_depth(change):
    one = Frame("a_1.jpg", size=(8, 8), exposure=Exposure(1.0))
    other = replace(one, path="a_2.jpg", exposure=Exposure(0.1), **change)
    plan = plan_brackets([one, other], pattern="{set}_{frame}")
    different = "in a set whose pictures differ in size or bit depth"
    assert reasons(plan) == {"a_1.jpg": different, "a_2.jpg": different}


@pytest.mark.parametrize("pattern", ["{frame}", "(?P<set>", "(?P<group>.)", ""])
def test_a_pattern_that_names_no_set_is_refused(pattern):
    with pytest.raises(PlanError, match="pattern"):
        plan_brackets([], pattern=pattern)


def test_a_size_leaves_sets_of_other_sizes_out():
    card = roll(replace(MARKING, style="rising"))
    for count in (5, 3, 5, 3, 5, 3, 2, 5, 2, 2, 3, 5):
        card.bracket(card.scene(), count, 1)
        card.wait(60)
    frames = frames_of(card)
    for size in (2, 3, 5):
        plan = plan_brackets(frames, set_size=size)
        assert sets(plan) == {paths for paths in truth(card) if len(paths) == size}
    assert "in a set of 5 frames, not 3" in reasons(plan_brackets(frames, set_size=3)).values()


@pytest.mark.parametrize("options", [{"set_size": 1}, {"gap": -1.0}, {"gap": float("nan")}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValueError, match="not"):
        plan_brackets([], **options)


def test_a_path_may_not_come_twice():
    with pytest.raises(ValueError, match="same path"):
        plan_brackets([Frame("a.jpg"), Frame("a.jpg")])


def test_names_differ_in_more_than_letter_case():
    cards = [
        roll(folder=folder, seed=at) for at, folder in enumerate(["Church", "church", "CHURCH"])
    ]
    for card in cards:
        card.bracket(card.scene(), 3, 2)
    names = [bracket.name for bracket in plan_brackets(frames_of(*cards)).brackets]
    assert len({name.casefold() for name in names}) == 3


def test_other_folders_make_no_difference_to_pictures_without_exif():
    card = roll(folder="one")
    for _ in range(5):
        card.bracket(card.scene(), 3, 2)
    others = roll(folder="two", seed=3)
    for _ in range(5):
        others.bracket(others.scene(), 5, 1)
    alone = sets(plan_brackets(stripped(card)))
    together = sets(plan_brackets(stripped(card, others)))
    assert alone == truth(card)
    assert together == truth(card, others)


def test_shots_that_the_camera_counts_begin_each_set_anew():
    card = roll(replace(MARKING, biases=False, fractions=False))
    for light in (-4, -8):  # 0 −2 −4 −6 together
        card.bracket(card.scene(light), 2, 2, pause=0.1)
    frames = frames_of(card)
    counted = [replace(frame, shot=at % 2 + 1) for at, frame in enumerate(frames)]
    assert sets(plan_brackets(counted)) == truth(card)
    assert sets(plan_brackets(frames)) != truth(card)


# --- the whole disk ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (2, 3))]
)
def test_a_disk_of_thousands_of_files_is_parted_without_a_wrong_bracket(seed):
    library = make_library(seed)
    assert len(library.frames) >= 2000
    found = sets(plan_brackets(library.frames.values(), prefer="jpeg"))
    assert found - library.brackets.keys() == set()
    for stated, least in ((True, 0.98), (False, 0.9)):
        known = {paths for paths, states in library.brackets.items() if states == stated}
        assert len(found & known) >= least * len(known)


@pytest.mark.parametrize("form", ["raw", "heif"])
@pytest.mark.parametrize("prefer", ["raw", "jpeg"])
def test_of_a_shot_with_two_files_the_preferred_one_is_used(form, prefer):
    card = roll(MARKING)
    card.bracket(card.scene(), 3, 2)
    frames = frames_of(card)
    twins = [replace(f, path=f.path.replace(".jpg", ".ORF"), format=form) for f in frames]
    plan = plan_brackets([*frames, *twins], prefer=prefer)
    used, others = (twins, frames) if prefer == "raw" else (frames, twins)
    assert sets(plan) == {frozenset(frame.path for frame in used)}
    assert reasons(plan).keys() == {frame.path for frame in others}


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_bracket_with_one_damaged_raw_file_is_read_from_its_jpegs(lost):
    card = roll(MARKING)
    for _ in range(2):
        card.bracket(card.scene(), 3, 2)
        card.wait(60)
    frames = frames_of(card)
    twins = [replace(f, path=f.path.replace(".jpg", ".ORF"), format="raw") for f in frames]
    twins[lost] = Frame(twins[lost].path, "", problem="damaged")
    whole = frozenset(frame.path for frame in twins[3:])
    expected = {frozenset(frame.path for frame in frames[:3]), whole}
    assert sets(plan_brackets([*frames, *twins])) == expected


def test_a_raw_file_that_cannot_be_read_leaves_its_jpeg():
    card = roll(MARKING)
    card.bracket(card.scene(), 3, 2)
    frames = frames_of(card)
    problem = "raw files need the package rawpy: pip install 'expinterp[raw]'"
    twins = [Frame(f.path.replace(".jpg", ".ORF"), "", problem=problem) for f in frames]
    plan = plan_brackets([*frames, *twins])
    assert sets(plan) == truth(card)
    assert set(reasons(plan).values()) == {problem}

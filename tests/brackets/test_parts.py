"""The parts of planning: names, shapes, thumbnails, and the one way to part a run."""

from itertools import permutations

import numpy as np
import pytest
from bracket_library import Roll
from hypothesis import given
from hypothesis import strategies as st

from expinterp.brackets import Frame
from expinterp.brackets.cameras import best_windows
from expinterp.brackets.chains import find_chains, find_runs
from expinterp.brackets.frames import Chain, FrameRun, place_of, stream_of
from expinterp.brackets.names import compile_pattern, read_file_number, set_of
from expinterp.brackets.shapes import Shape, may_remain, orders, rank, shape_of
from expinterp.core.exposure import Exposure
from expinterp.images import thumbnails
from expinterp.images.thumbnails import pack_thumbnail, unpack_thumbnails
from expinterp.text import natural_key

# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "number"),
    [("IMG_0001", 1), ("_DSC9999", 9999), ("DSC00042", 42), ("P1010123", 123), ("100_0007", 7)],
)
def test_the_counters_of_cameras_are_read(stem, number):
    assert read_file_number(stem).number == number


@pytest.mark.parametrize(
    "stem", ["20240506", "IMG_20240506_070809", "church 1", "wedding-0042", "1"]
)
def test_other_numbers_are_no_counters(stem):
    assert read_file_number(stem) is None


@given(st.text(max_size=30))
def test_no_name_breaks_the_readers(name):
    read_file_number(name)
    set_of(name)
    assert natural_key(name) == natural_key(name)


def test_numbers_of_any_length_have_a_place():
    names = ["2" * 5000, "1" * 250, "9"]
    assert sorted(names, key=natural_key) == [names[2], names[1], names[0]]


@given(st.lists(st.text(max_size=8), unique_by=natural_key).flatmap(st.permutations))
def test_all_names_can_be_sorted(names):
    assert sorted(sorted(names), key=natural_key) == sorted(names, key=natural_key)


@pytest.mark.parametrize(
    "names",
    [
        ["church_1", "church_2"],
        ["church-dark", "church-bright"],
        ["church (1)", "church (2)"],
        ["church+1EV", "church-1EV", "church 0EV"],
        ["hall2a", "hall2b"],
        ["Church long", "church_short"],
    ],
)
def test_trailing_suffixes_name_one_set(names):
    assert len({set_of(name) for name in names}) == 1
    assert set_of(names[0]) is not None


@pytest.mark.parametrize("name", ["church", "IMG_0001", "01", "highlow", "a"])
def test_other_names_tell_no_set(name):
    assert set_of(name) is None


def test_the_folders_that_a_camera_numbers_are_one_place():
    folders = ("DCIM/999NIKON", "DCIM/100NIKON", "DCIM/church", "100_PANA")
    places = [place_of(Frame(f"{folder}/a.jpg")) for folder in folders]
    assert places == ["DCIM", "DCIM", "DCIM/church", ""]


@pytest.mark.parametrize(
    ("pattern", "path", "name"),
    [
        ("{set}_{frame}", "x/a_b_1.jpg", "x/a_b"),
        ("{set}_{frame}", "x/ab.jpg", None),
        ("{folder}/{set}-{frame}", "x/a-1.jpg", "x/a"),
        ("{folder}/{set}-{frame}", "x/y/a-1.jpg", None),
        (r"(?P<set>\w+?)\d+", "a.b/c12.jpg", "a.b/c"),
        ("{set}.{frame}", "a.1.jpg", "a"),
        ("{set}/{frame}", "x/a/1.jpg", None),
        ("all/{set}/{frame}", "all/a/1.jpg", "all/a"),
        ("{frame}_{set}", "x/1_a.jpg", "x/a"),
    ],
)
def test_patterns_name_sets(pattern, path, name):
    assert compile_pattern(pattern)(path) == name


# --- exposures and shapes ------------------------------------------------------------------------


def test_an_exposure_adds_up():
    one = Frame("a.jpg", exposure=Exposure(1 / 60, 100, 8.0))
    assert Frame("a.jpg", exposure=Exposure(1 / 15, 100, 16.0)).ev == pytest.approx(one.ev)
    assert Frame("a.jpg", exposure=Exposure(None, 100, 8.0)).ev is None


@pytest.mark.parametrize("count", range(2, 10))
def test_orders_are_permutations_that_begin_in_the_middle_or_at_an_end(count):
    for order in orders(count):
        assert sorted(order) == list(range(count))
        assert order[0] in {0, count // 2, count - 1}


@pytest.mark.parametrize("order", ["01234", "43210", "21304", "23140", "20134", "24310"])
def test_the_orders_of_all_makers_are_known(order):
    assert tuple(map(int, order)) in orders(5)


@given(st.integers(2, 9), st.sampled_from([1.0, 4 / 3, 2.0, 3.0]), st.floats(-9, 9), st.data())
def test_what_a_camera_makes_has_its_shape(count, step, base, data):
    order = data.draw(st.sampled_from(sorted(orders(count))))
    levels = [base + step * place for place in order]
    offsets = tuple(round(6 * step) * place for place in order)
    assert shape_of(levels, stated=True, least_step=0.6) == Shape(offsets)
    assert shape_of(levels, stated=False, least_step=0.6) == Shape(order, stated=False)


def test_other_orders_and_steps_are_irregular_and_repeats_have_no_shape():
    made = {order for order in permutations(range(5)) if shape(order).regular}
    assert made == orders(5)
    assert shape([0, -2, 4]) == Shape((12, 0, 36), regular=False)
    assert not shape([0, 0, 1])
    assert not shape([0, 0.3, 0.6])


def shape(levels):
    return shape_of([float(level) for level in levels], stated=True, least_step=0.6)


@given(st.integers(3, 7), st.data())
def test_every_loss_leaves_a_remnant(count, data):
    order = data.draw(st.sampled_from(sorted(orders(count))))
    whole = Shape(tuple(12 * place for place in order))
    kept = data.draw(st.sets(st.integers(0, count - 1), min_size=2, max_size=count - 1))
    levels = [stops for at, stops in enumerate(whole.stops) if at in kept]
    assert may_remain(tuple(levels), whole)
    left = shape_of(levels, stated=True, least_step=0.6)
    assert not left or may_remain(left.stops, whole)


def test_a_set_of_another_step_or_order_is_no_remnant():
    whole = Shape((12, 0, 24))
    assert not may_remain((1.0, 0.0), whole)
    assert not may_remain((4.0, 0.0), whole)
    assert not may_remain(whole.stops, whole)


def test_shapes_are_written_as_photographers_write_them():
    assert str(Shape((12, 0, 24))) == "0 −2 +2 EV"
    assert str(Shape((0, 4))) == "0 +0.667 EV"
    assert str(Shape((12, 0, 36), regular=False)) == "0 −2 +4 EV"
    assert str(Shape((1, 0, 2), stated=False)) == "3 frames"


# --- thumbnails ---------------------------------------------------------------------------------------


def scene(seed):
    return Roll(None, None, "", np.random.default_rng(seed)).scene()


@pytest.mark.parametrize("step", [1.0, 2.0, 4.0])
def test_exposures_of_one_scene_are_recognised(step):
    random = np.random.default_rng(0)
    pairs = [
        [scene(seed).thumbnail(stops, random) for stops in (-step, 0.0)] for seed in range(200)
    ]
    assert sum(thumbnails.are_one_scene(pair) for pair in pairs) >= 195
    assert not any(thumbnails.are_different_scenes(pair) for pair in pairs)
    for pair in pairs:
        dark, bright = thumbnails.brightness(unpack_thumbnails(pair))
        assert dark < bright


def test_different_scenes_are_recognised():
    random = np.random.default_rng(0)
    pairs = [
        [scene(seed).thumbnail(0, random), scene(seed + 1).thumbnail(1, random)]
        for seed in range(200)
    ]
    assert not any(thumbnails.are_one_scene(pair) for pair in pairs)
    assert sum(thumbnails.are_different_scenes(pair) for pair in pairs) > 150


def test_a_brighter_picture_is_nowhere_darker():
    random = np.random.default_rng(0)
    dark, bright = (scene(3).thumbnail(stops, random) for stops in (-2, 2))
    assert thumbnails.are_one_scene([dark, bright])
    assert not thumbnails.are_one_scene([bright, dark])


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (12, 12), (13, 40), (120, 160), (1000, 7)])
def test_pictures_of_any_shape_have_a_thumbnail(shape):
    grey = np.full(shape, 100, np.uint8)
    assert np.allclose(unpack_thumbnails([pack_thumbnail(grey)]), 100, atol=0.01)


def test_a_thumbnail_holds_the_means_of_blocks():
    grey = np.random.default_rng(0).integers(0, 256, (120, 240), np.uint8)
    blocks = unpack_thumbnails([pack_thumbnail(grey)])[0]
    assert blocks[0, 0] == pytest.approx(grey[:10, :20].mean(), abs=0.01)
    assert blocks[11, 11] == pytest.approx(grey[-10:, -20:].mean(), abs=0.01)


def test_featureless_pictures_are_neither_alike_nor_an_error():
    flat = [pack_thumbnail(np.full((20, 20), level, np.uint8)) for level in (0, 255)]
    assert not thumbnails.are_one_scene(flat)


# --- parting -------------------------------------------------------------------------------------


EMPTY = Chain((), (), stream_of(Frame("")))


def total(windows):
    return sum(len(window) - 1 for window in windows)


@given(st.data())
def test_parting_finds_the_best_and_reports_what_another_best_has(data):
    count = data.draw(st.integers(1, 9))
    spans = st.tuples(st.integers(0, count - 1), st.integers(2, 4))
    drawn = data.draw(st.sets(spans.filter(lambda span: sum(span) <= count), max_size=8))
    windows = [FrameRun(EMPTY, at, at + n) for at, n in sorted(drawn)]
    chosen, doubtful = best_windows(FrameRun(EMPTY, 0, count), windows)
    partings = list(all_partings(windows))
    best = max(map(total, partings))
    bests = [set(parting) for parting in partings if total(parting) == best]
    always = set.intersection(*bests)
    assert set(chosen) == always
    assert doubtful == {at for window in set().union(*bests) - always for at in window.places}


def all_partings(windows):
    if not windows:
        yield []
        return
    first, *rest = windows
    yield from all_partings(rest)
    free = [w for w in rest if not {*w.places} & {*first.places}]
    yield from ([first, *parting] for parting in all_partings(free))


def test_chains_go_on_after_9999_and_into_the_next_folder():
    names = ["100CANON/IMG_9998", "100CANON/IMG_9999", "101CANON/IMG_0001", "101CANON/IMG_0003"]
    exposure = Exposure(1.0)
    (chain,) = find_chains(Frame(f"{name}.jpg", exposure=exposure) for name in reversed(names))
    assert [frame.path[:-4] for frame in chain.frames] == names
    assert chain.numbers == (9998, 9999, 10000, 10002)


def test_pictures_of_one_stated_exposure_keep_their_file_numbers():
    """They differ in brightness, so they are judged by it, but still follow each other."""
    picture = np.random.default_rng(0).integers(40, 240, (12, 12)).repeat(10, 0).repeat(10, 1)
    frames = [
        Frame(
            f"IMG_00{number}.jpg",
            exposure=Exposure(1.0),
            thumbnail=pack_thumbnail((picture * share).astype(np.uint8)),
        )
        for number, share in (("01", 1.0), ("11", 0.25), ("12", 0.5), ("13", 1.0))
    ]
    (chain,) = find_chains(frames)
    runs = list(find_runs(chain, gap=5.0))
    assert [len(run) for run in runs] == [1, 3]
    assert runs[1].chain.numbers == (11, 12, 13)
    assert not runs[1].chain.stream.stated


@pytest.mark.parametrize(
    ("stated", "numbers"),
    [
        (("9990", "9999", "0000", "0002"), (9990, 9999, 9999, 10001)),
        (("9990", "9999", "0001"), (9990, 9999, 10000)),
        (("5000", "9999"), (5000, 9999)),
        (("0001", "9998"), (1, 9998)),
    ],
)
def test_file_numbers_that_begin_anew_within_a_folder_go_on(stated, numbers):
    """After 9999, with 0 or 1."""
    (chain,) = find_chains(Frame(f"IMG_{n}.jpg", exposure=Exposure(1.0)) for n in stated)
    assert [frame.stem[-4:] for frame in chain.frames] == list(stated)
    assert chain.numbers == numbers


def test_ranks_are_places_in_order():
    assert rank([3.0, -1.0, 7.0]) == (1, 0, 2)

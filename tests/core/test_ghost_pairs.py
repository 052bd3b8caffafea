"""Laws of pairs in which something moved: the result is one of the two moments, everywhere."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_samples import similarity, textured
from moving_samples import (
    COLOUR,
    HERE,
    SHAPE,
    SIDE,
    THERE,
    TIME,
    background,
    distance,
    noisy,
    photograph,
    place,
    rms,
)
from synthetic import expose, scene

from expinterp.core.comparison import compare
from expinterp.core.ghosts.detect import find_conflict
from expinterp.errors import PairError
from expinterp.pipeline import interpolate, measure

MARGIN = 19  # pixels: most that a region reaches beyond what moved
ROLES = ("long", "short")


def times(ratio=16):
    return TIME, TIME / ratio


def moving(ratio=16, *, bits=8, colour=COLOUR, grey=False, disk=False):
    """The thing stands here in the long shot and there in the short one; and the two scenes."""
    scenes = [place(at, colour=colour, disk=disk) for at in (HERE, THERE)]
    if grey:
        scenes = [scene.mean(axis=2, keepdims=True) for scene in scenes]
    return photograph(scenes, times(ratio), bits=bits), scenes


def truth(pair, scenes, ratio=16, *, bits=8):
    """Both shots as they would be if all stood where the reference shows it."""
    return photograph([scenes[ROLES.index(pair.reference)]] * 2, times(ratio), bits=bits)


# --- nothing moved -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "sigma", "bits", "grey"),
    [
        (4, 0, 8, False),
        (4, 2.5, 8, False),
        (16, 1, 16, False),
        (16, 2.5, 8, True),
        (64, 0, 16, True),
        (64, 2.5, 8, False),
    ],
)
def test_a_still_pair_is_left_to_the_bit(ratio, sigma, bits, grey) -> None:
    radiance = background().mean(axis=2, keepdims=True) if grey else background()
    long, short = (
        noisy(image, sigma, seed=seed)
        for seed, image in enumerate(photograph([radiance] * 2, times(ratio), bits=bits))
    )
    pair = measure(long, short, align=False)
    for found, image in ((pair.long, long), (pair.short, short)):
        assert np.shares_memory(found, image)
        assert found.shape == image.shape
    assert pair.ghosts.share == 0
    assert not pair.ghosts.sources.any()


@pytest.mark.parametrize("time", [0.6, 3.0])
def test_what_is_clipped_did_not_move(time) -> None:
    long, short = photograph([background()] * 2, (time, time / 16))
    pair = measure(long, short, align=False)
    assert pair.ghosts.share == 0
    assert pair.long is long


def test_a_colour_that_one_channel_alone_contradicts_did_not_move() -> None:
    """It may be one that the camera clipped to its gamut."""
    long, short = photograph([background()] * 2, times())
    rows, cols = np.s_[40:100], np.s_[40:160]
    other = short.copy()
    other[rows, cols, 0] = 255 - other[rows, cols, 0]
    assert measure(long, other, align=False).ghosts.share == 0
    other[rows, cols, 1] = 255 - other[rows, cols, 1]
    assert measure(long, other, align=False).ghosts.share > 0.15


def test_a_misregistration_of_half_a_pixel_is_no_motion() -> None:
    radiance = background()
    moved = cv2.warpAffine(
        np.array(radiance), np.array([[1, 0, 0.5], [0, 1, -0.5]]), SHAPE[::-1], borderMode=4
    )
    assert measure(*photograph([radiance, moved], times()), align=False).ghosts.share == 0


# --- a thing that moved --------------------------------------------------------------------------


KINDS = (
    {"ratio": 4},
    {"ratio": 16},
    {"ratio": 64},
    {"ratio": 16, "bits": 16},
    {"ratio": 16, "grey": True, "colour": (0.1, 0.1, 0.1)},
    {"ratio": 16, "disk": True, "colour": (0.2, 0.3, 0.9)},
)


@pytest.mark.parametrize("reference", ROLES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_displaced_thing_stands_where_the_reference_has_it(reference, kind) -> None:
    """As exactly as rounding and noise reduction allow, enlarged by the slope of the mapping."""
    images, scenes = moving(**kind)
    pair = measure(*images, align=False, reference=reference)
    long, short = truth(pair, scenes, kind["ratio"], bits=kind.get("bits", 8))
    assert pair.reference == reference
    if reference == "long":
        assert np.shares_memory(pair.long, images[0])
        assert rms(pair.short, short) < 0.25  # where long is white, short is a guess
        known = (distance(long, 0) < 250).all(axis=-1)
        assert distance(pair.short, short)[known].max() <= 5
    else:
        slope = kind["ratio"] ** (1 / 2.2)
        assert np.shares_memory(pair.short, images[1])
        assert rms(pair.long, long) < 0.35 * slope
        assert distance(pair.long, long).max() < 5 * slope


@pytest.mark.parametrize("reference", ROLES)
@pytest.mark.parametrize("disk", [False, True])
def test_sources_mark_both_places_of_what_moved_and_little_more(reference, disk) -> None:
    images, _ = moving(disk=disk)
    pair = measure(*images, align=False, reference=reference)
    places = [place(at, np.zeros((*SHAPE, 3)), colour=1, disk=disk)[..., 0] for at in (HERE, THERE)]
    moved = np.any(places, axis=0)
    marked = pair.ghosts.sources > 0
    assert set(np.unique(pair.ghosts.sources)) == {0, 1 + ROLES.index(reference)}
    assert marked[moved].all()
    near = cv2.dilate(moved.astype(np.uint8), np.ones((2 * MARGIN + 1,) * 2)) > 0
    assert not marked[~near].any()
    grown = cv2.dilate(moved.astype(np.uint8), np.ones((15, 15))) > 0
    assert (marked & grown).sum() / (marked | grown).sum() > 0.85
    assert pair.ghosts.share == pytest.approx(marked.mean(), abs=1e-3)


def test_a_pixel_far_from_what_moved_is_left() -> None:
    images, _ = moving()
    pair = measure(*images, align=False, reference="short")
    near = cv2.dilate((pair.ghosts.sources > 0).astype(np.uint8), np.ones((35, 35))) > 0
    np.testing.assert_array_equal(pair.long[~near], images[0][~near])


@pytest.mark.parametrize("reference", ["auto", "long", "short"])
def test_swapped_inputs_change_nothing(reference) -> None:
    images, _ = moving()
    one, two = (measure(*pair, align=False, reference=reference) for pair in (images, images[::-1]))
    for name in ("long", "short"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_array_equal(one.ghosts.sources, two.ghosts.sources)
    assert (one.reference, one.ghosts.share) == (two.reference, two.ghosts.share)
    assert two.swapped


def test_inputs_that_show_motion_are_not_changed() -> None:
    images, _ = moving()
    before = [image.copy() for image in images]
    for reference in ROLES:
        measure(*images, align=False, reference=reference)
    for image, copy in zip(images, before, strict=True):
        np.testing.assert_array_equal(image, copy)


def test_what_moves_is_doubled_if_ghosts_are_not_looked_for() -> None:
    images, _ = moving()
    pair = measure(*images, align=False, deghost="off")
    assert pair.ghosts is None
    assert pair.long is images[0]
    assert pair.short is images[1]


def test_the_image_between_shows_one_moment() -> None:
    images, scenes = moving()
    medium = expose(scenes[1], TIME / 4)
    found = interpolate(*images, refiner=None, align=False, reference="short").medium
    ghost = interpolate(*images, refiner=None, align=False, deghost="off").medium
    assert rms(found, medium) < 1.5
    assert rms(ghost, medium) > 5


# --- the choice of the reference -----------------------------------------------------------------


@pytest.mark.parametrize(("time", "chosen"), [(0.6, "short"), (0.02, "long")])
def test_the_reference_is_the_shot_that_shows_more_of_what_moved(time, chosen) -> None:
    """Long where the short one is too dark to know it, short where the long one is white."""
    scenes = [place(at, colour=(0.4, 0.5, 0.3)) for at in (HERE, THERE)]
    pair = measure(*photograph(scenes, (time, time / 16)), align=False)
    assert pair.reference == chosen


@pytest.mark.parametrize("reference", ROLES)
def test_a_reference_that_is_asked_for_is_taken_even_if_it_knows_less(reference) -> None:
    scenes = [place(at) for at in (HERE, THERE)]
    pair = measure(*photograph(scenes, (0.6, 0.6 / 16)), align=False, reference=reference)
    assert pair.reference == reference
    assert pair.ghosts.sources.max() == 1 + ROLES.index(reference)


# --- estimates -----------------------------------------------------------------------------------


@pytest.mark.parametrize("time", [0.15, 0.6])
@pytest.mark.parametrize("colour", [None, (0.3, 0.3, 1.2)])
def test_a_third_of_the_frame_that_moves_does_not_spoil_the_response(time, colour) -> None:
    one, two = np.array(background()), np.array(background())
    part = np.s_[20:140, 40:140]
    two[part] = background(9)[part]
    if colour:
        one[part] = colour
    still = measure(*photograph([background()] * 2, (time, time / 16)), align=False)
    images = photograph([one, two], (time, time / 16))
    pair, spoiled = (measure(*images, align=False, deghost=choice) for choice in ("auto", "off"))

    def errors(found):
        tables = np.abs(found.response - still.response)[:, 10:245]
        return abs(np.log2(found.ratio / still.ratio)), tables.max()

    assert max(errors(pair)) < 0.05
    assert errors(pair)[0] < 0.01  # EV
    assert errors(spoiled)[0] > 0.05
    assert pair.ghosts.share > 0.3


def test_what_moved_is_found_by_the_response_that_is_returned() -> None:
    """Not by the first estimate, which moving things spoiled."""
    one, two = np.array(background()), np.array(background())
    one[20:140, 40:140] = 0.3, 0.3, 1.2
    two[20:140, 40:140] = background(9)[20:140, 40:140]
    images = photograph([one, two], times())
    found = compare(*images)
    again = find_conflict(*images, found.response, found.log_ratio)
    np.testing.assert_array_equal(found.conflict.contradicted, again.contradicted)


def test_what_moved_is_left_out_of_the_histogram_of_what_stayed() -> None:
    images, _ = moving()
    found = compare(*images)
    total = SHAPE[0] * SHAPE[1]
    assert found.joint.sum() == 3 * total
    still = 3 * (total - np.count_nonzero(found.conflict.region))
    assert found.still.sum() == pytest.approx(still, rel=1e-3)  # by the first estimate's region
    assert compare(*images, deghost=False).conflict is None


def test_what_only_one_shot_covers_is_left_out_of_both_histograms() -> None:
    images, _ = moving()
    covered = np.ones(SHAPE, bool)
    covered[:, 200:] = False
    found = compare(*images, covered=covered)
    assert found.joint.sum() == 3 * covered.sum()
    still = 3 * (covered & ~found.conflict.region).sum()
    assert found.still.sum() == pytest.approx(still, rel=1e-3)


# --- clipped references --------------------------------------------------------------------------


def clipped_sky():
    """A thing before a white sky, smooth in the short shot; and the scenes."""
    sky = np.array(background())
    smooth = cv2.GaussianBlur(sky, (0, 0), 9)
    sky[40:120, 20:220] = np.maximum(9 + smooth[40:120, 20:220], 8)
    scenes = [place(at, sky, colour=(0.3, 0.2, 0.1)) for at in (HERE, THERE)]
    return photograph(scenes, times()), scenes


def test_a_thing_before_a_clipped_sky_leaves_no_ghost() -> None:
    images, scenes = clipped_sky()
    pair = measure(*images, align=False, reference="long")
    short = expose(scenes[0], TIME / 16)
    vacated = np.s_[THERE[0] : THERE[0] + SIDE, THERE[1] : THERE[1] + SIDE]
    assert images[1][vacated].max() < 30  # there the thing was
    assert distance(pair.short, short)[vacated].max() < 6
    assert rms(pair.short, short) < 1


def test_a_clipped_fill_is_neutral_and_never_below_what_the_reference_says() -> None:
    images, _ = clipped_sky()
    pair = measure(*images, align=False, reference="long")
    least = 255 * (1 / 16) ** (1 / 2.2)  # of `short` where `long` just clips
    white = (images[0] == 255).all(axis=-1) & (pair.ghosts.sources > 0)
    assert white.sum() > 1000
    assert pair.short[white].min() > least - 2
    vacated = pair.short[THERE[0] : THERE[0] + SIDE, THERE[1] : THERE[1] + SIDE].astype(int)
    assert np.ptp(vacated, axis=-1).max() < 15


def test_the_white_of_a_darker_reference_stays_white() -> None:
    scenes = [place(at, colour=(90, 90, 90)) for at in (HERE, THERE)]
    images = photograph(scenes, times())
    pair = measure(*images, align=False, reference="short")
    row, col = THERE[0] + SIDE // 2, THERE[1] + SIDE // 2
    assert pair.long[row, col].tolist() == [255, 255, 255]


# --- borders -------------------------------------------------------------------------------------


def shifted(matrix, time):
    """A scene seen from two poses, with nothing mirrored at the borders; and both scenes."""
    wide = textured((260, 340)).astype(float)
    inner = np.s_[50:210, 50:290]
    off = np.array([[1, 0, 50], [0, 1, 50], [0, 0, 1.0]])
    matrix = off @ matrix @ np.linalg.inv(off)
    moved = cv2.warpPerspective(wide, matrix, wide.shape[1::-1], flags=cv2.INTER_CUBIC)
    scenes = [wide[inner], np.maximum(moved, 1e-4)[inner]]
    return photograph(scenes, (time, time / 16)), scenes


@pytest.mark.parametrize("reference", ROLES)
@pytest.mark.parametrize("deghost", ["auto", "off"])
def test_what_one_shot_does_not_cover_is_filled_from_the_other(reference, deghost) -> None:
    matrix = similarity(12, -7, shape=SHAPE)
    images, scenes = shifted(matrix, TIME)
    pair = measure(*images, reference=reference, deghost=deghost)
    assert pair.long.shape == images[0].shape
    for found, wanted in zip((pair.long, pair.short), truth(pair, scenes), strict=True):
        assert rms(found, wanted) < 1.2
        assert distance(found, wanted).max() < 5 * 16 ** (1 / 2.2)  # as above
    assert (pair.ghosts is None) == (deghost == "off")
    assert pair.ghosts is None or pair.ghosts.share == 0


@pytest.mark.parametrize("reference", ROLES)
@pytest.mark.parametrize("deghost", ["auto", "off"])
def test_a_cropped_pair_shows_what_both_cover(reference, deghost) -> None:
    matrix = similarity(12, -7, shape=SHAPE)
    images, scenes = shifted(matrix, TIME)
    pair = measure(*images, reference=reference, deghost=deghost, crop=True)
    rows, cols = pair.window
    top, left = (7, 0) if reference == "long" else (0, 12)
    assert (rows.start, cols.start) == (pytest.approx(top, abs=1), pytest.approx(left, abs=1))
    assert (rows.stop - rows.start) == pytest.approx(SHAPE[0] - 7, abs=1)
    assert (cols.stop - cols.start) == pytest.approx(SHAPE[1] - 12, abs=1)
    for found, wanted in zip((pair.long, pair.short), truth(pair, scenes), strict=True):
        assert found.shape == wanted[pair.window].shape
        assert distance(found, wanted[pair.window]).max() <= 1
    assert pair.ghosts is None or pair.ghosts.sources.shape == pair.long.shape[:2]


def test_a_thing_at_the_border_of_a_moved_frame_is_shown_once() -> None:
    """It moved, and a part of what it hid is seen by one shot only."""
    matrix = similarity(9, 0, shape=SHAPE)
    images, scenes = shifted(matrix, TIME)
    for image, time, at in zip(images, times(), ((60, 0), (60, 90)), strict=True):
        image[at[0] : at[0] + SIDE, at[1] : at[1] + SIDE] = expose(np.array(COLOUR), time)
    scenes = [np.array(scene) for scene in scenes]
    scenes[1][60 : 60 + SIDE, 90 : 90 + SIDE] = COLOUR
    pair = measure(*images, reference="short")
    assert rms(pair.long, expose(scenes[1], TIME)) < 2


# --- odd sizes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(1, 1, 3), (1, 40, 1), (40, 1, 3), (2, 2, 1), (10, 10, 3), (1040, 20, 3)]
)
def test_any_size_is_measured_or_refused_in_words(shape) -> None:
    radiance = scene(shape[:2], stops=4)[..., : shape[2]]
    long, short = expose(radiance, 0.3), expose(radiance, 0.3 / 16)
    short[: max(shape[0] // 2, 1), : max(shape[1] // 3, 1)] = 40
    try:
        pair = measure(long, short, ratio=16, reference="long")
    except PairError:
        assert max(shape) < 100
    else:
        assert pair.ghosts.sources.shape == shape[:2]
        assert (pair.long.shape, pair.short.shape) == (shape, shape)


@pytest.mark.parametrize("shape", [(20, 2000), (2000, 20)])
def test_a_thing_is_found_in_a_narrow_picture(shape) -> None:
    long, short = photograph([scene(shape, stops=4)] * 2, (0.3, 0.3 / 16))
    moved = np.s_[:, 500:560] if shape[0] == 20 else np.s_[500:560]
    short[moved] = 250 - short[moved][::-1]
    pair = measure(long, short, align=False, reference="long")
    marked = pair.ghosts.sources > 0
    assert marked[moved].mean() > 0.9
    assert marked.mean() < 0.1


# --- any rectangle -------------------------------------------------------------------------------

corners = st.tuples(st.integers(0, SHAPE[0] - 30), st.integers(0, SHAPE[1] - 30))
levels = st.floats(0.05, 6)


@settings(max_examples=10)
@given(
    st.tuples(corners, corners),
    st.integers(18, 70),
    st.tuples(levels, levels, levels),
    st.sampled_from([4, 16]),
    st.sampled_from(ROLES),
)
def test_no_pixel_is_a_mixture_of_two_moments(places, side, colour, ratio, reference) -> None:
    scenes = [place(at, side=side, colour=colour) for at in places]
    images = photograph(scenes, times(ratio))
    pair = measure(*images, align=False, reference=reference)
    other = ROLES[1 - ROLES.index(reference)]
    time = times(ratio)[ROLES.index(other)]
    found = getattr(pair, other)
    apart = np.minimum(*(distance(found, expose(scene, time)) for scene in scenes))
    known = (images[0] < 250).all(axis=-1)
    assert np.quantile(apart[known], 0.999) < 6 * ratio ** (1 / 2.2)

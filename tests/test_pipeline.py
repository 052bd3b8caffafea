"""Two arrays in, the array between them out; two or more in, their fusion out."""

from __future__ import annotations

import ast
from contextlib import nullcontext
from dataclasses import fields, replace
from functools import partial
from inspect import signature
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from synthetic import expose, gamma_response, psnr, scene

import expinterp
from expinterp import pipeline
from expinterp.core import mapping
from expinterp.core.fusion import Stack, Weighting
from expinterp.core.mapping import joint_histogram, matched_levels
from expinterp.core.registration.viewing import Viewing
from expinterp.core.render import Interpolation, render
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import estimate_response, load_prior
from expinterp.errors import EqualExposuresError, PairError
from expinterp.pipeline import measure
from expinterp.refine import Contract, Refiner, open_refiner

# Without the network, unless a test gives one.
interpolate = partial(pipeline.interpolate, refiner=None)
fuse = partial(pipeline.fuse, refiner=None)

RISE = np.arange(256) * 1e-6  # makes curves that stand still increase
PROFILE = Profile(gamma_response() + RISE, 0.0, 3, "gamma")


def pair(
    ratio: float = 16, shape: tuple[int, int] = (96, 128), **options: int
) -> tuple[np.ndarray, np.ndarray]:
    radiance = scene(shape)
    return expose(radiance, 2.0, **options), expose(radiance, 2.0 / ratio, **options)


def test_what_neither_shows_is_refined_alike_beside_the_exposure_half_way():
    long, short = pair(1024, (128, 192))
    short[long.min(axis=2) == 255, 2] = 1
    measured = measure(long, short, response=PROFILE, align=False, deghost="off")
    half_way, beside = (
        render(measured, position, refiner=open_refiner(), denoise="off").medium
        for position in (0.5, 0.500001)
    )
    assert np.abs(half_way.astype(int) - beside).max() <= 1


@pytest.mark.parametrize("position", [0.25, 0.5])
def test_what_neither_shows_is_at_least_white_of_long(position):
    """Blue is white in long and black in short; without the network, y0 is as published."""
    long, short = pair(1024, (128, 192))
    unseen = long.min(axis=2) == 255
    short[unseen, 2] = 1
    measured = measure(long, short, response=PROFILE, align=False, deghost="off")
    blue = measured.blend(position)(np.full((1, 1, 3), 245, np.uint8), short[:1, :1])[2] * 255
    y0, refined = (
        render(measured, position, refiner=refiner, denoise="off").medium[unseen, 2].mean()
        for refiner in (None, open_refiner())
    )
    assert unseen.mean() > 0.05
    assert y0 < 0.6 * blue[0, 0]
    assert refined > 0.75 * blue[0, 0]


@pytest.mark.parametrize("ratio", [4, 16, 64])
@pytest.mark.parametrize("bits", [8, 16])
def test_the_medium_of_a_known_camera_is_found(ratio, bits):
    truth = expose(scene((200, 300)), 2.0 / ratio**0.5, bits=bits)
    long, short = pair(ratio, (200, 300), bits=bits)
    blind = interpolate(long, short).medium
    calibrated = interpolate(long, short, response=PROFILE).medium
    assert blind.dtype == truth.dtype
    assert psnr(blind, truth) > 34
    assert psnr(calibrated, truth) > 40
    for mapped in (long, short):
        assert psnr(blind, truth) > psnr(mapped, truth) + 10


@pytest.mark.parametrize("position", [0.2, 0.5, 0.75])
def test_any_exposure_between_the_two_can_be_computed(position):
    long, short = pair(16, (200, 300))
    truth = expose(scene((200, 300)), 2.0 * 16 ** (position - 1))
    assert psnr(interpolate(long, short, response=PROFILE, position=position).medium, truth) > 38


def test_the_ends_of_the_ladder_are_the_two_shots_where_they_are_not_clipped():
    long, short = pair(16)
    measured = measure(long, short, response=PROFILE)
    at_long, at_short = (render(measured, position).medium for position in (1, 0))
    held = (long < 200) & (short > 55)
    assert np.abs(at_long.astype(int) - long)[held].max() <= 8
    assert np.abs(at_short.astype(int) - short)[held].max() <= 2


def test_a_stated_ratio_changes_what_is_reported_and_not_the_picture():
    long, short = pair(16)
    plain, stated = interpolate(long, short), interpolate(long, short, ratio=16.0)
    np.testing.assert_array_equal(plain.medium, stated.medium)
    assert plain.pair.ratio_given is None
    assert (stated.pair.ratio, stated.pair.ratio_given) == (16.0, 16.0)
    assert stated.pair.ratio_measured == plain.pair.ratio_measured


@pytest.mark.parametrize("scale", [1.0, 1.25])
def test_a_stated_ratio_helps_where_the_profile_has_a_true_scale(scale):
    long, short = pair(16)
    profile = replace(PROFILE, response=scale * PROFILE.response)
    plain = measure(long, short, response=profile, ratio=20)
    stated = measure(long, short, response=replace(profile, scale=scale), ratio=20)
    errors = [abs(each.log_ratio / scale - np.log(20)) for each in (stated, plain)]
    assert errors[0] < 0.95 * errors[1]


def test_a_stated_ratio_that_the_pixels_contradict_is_not_used():
    long, short = pair(16)
    profile = replace(PROFILE, scale=1.0)
    stated, plain = (measure(long, short, response=profile, ratio=ratio) for ratio in (64, None))
    assert stated.notices
    assert stated.log_ratio == plain.log_ratio


def test_a_scale_turns_the_contrast_of_the_curves_into_a_ratio():
    long, short = pair(16)
    steep = replace(PROFILE, response=1.25 * PROFILE.response, scale=1.25)
    assert measure(long, short, response=steep).ratio_measured == pytest.approx(16, rel=0.2)


def test_swapped_images_give_the_same_picture_and_a_notice():
    long, short = pair(16)
    right, wrong = interpolate(long, short, ratio=16), interpolate(short, long, ratio=1 / 16)
    np.testing.assert_array_equal(right.medium, wrong.medium)
    assert wrong.pair.swapped
    assert wrong.pair.ratio_given == 16
    assert "taken as the short exposure" in wrong.pair.notices[0]
    assert not right.pair.notices


def test_exposures_stated_the_wrong_way_round_are_noticed():
    long, short = pair(16)
    for images, ratio, brighter in (
        ((long, short), 1 / 16, "first"),
        ((short, long), 16, "second"),
    ):
        (notice,) = measure(*images, ratio=ratio).notices
        assert "contradict" in notice
        assert f"the {brighter} image is the brighter one" in notice


@pytest.mark.parametrize("ratio", [0, -4.0, float("nan"), float("inf")])
def test_an_impossible_ratio_is_misuse(ratio):
    for use in (interpolate, measure):
        with pytest.raises(ValueError, match=rf"ratio must be .*, not {ratio}"):
            use(*pair(16), ratio=ratio)


@pytest.mark.parametrize(("stated", "warned"), [(16, False), (20, False), (2, True), (512, True)])
def test_a_stated_ratio_that_the_pixels_contradict_is_a_warning_with_both_figures(stated, warned):
    notices = measure(*pair(16), ratio=stated, response=PROFILE).notices
    assert bool(notices) is warned
    if warned:
        assert f"is {stated}, the measured one about 1" in notices[0]


@pytest.mark.parametrize("response", [None, PROFILE])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_stated_ratio_may_differ_from_the_pixels_by_what_the_response_is_unsure_of(
    response, sign
):
    """By 1.5 EV, by ¾ EV with a profile, up or down."""
    images = pair(64)
    measured = measure(*images, response=response).ratio_measured
    doubt = 1.5 if response is None else 0.75
    for stops, warned in ((0.9 * doubt, False), (1.1 * doubt, True)):
        stated = measured * 2 ** (sign * stops)
        assert bool(measure(*images, ratio=stated, response=response).notices) is warned


def test_greys_without_a_channel_axis_are_interpolated_as_those_with_one():
    long, short = (image[..., 1] for image in pair(16))
    flat = interpolate(long, short).medium
    assert flat.shape == long.shape
    with_axis = interpolate(long[..., None], short[..., None])
    np.testing.assert_array_equal(flat[..., None], with_axis.medium)
    assert with_axis.intermediate.shape == (*long.shape, 1)


@pytest.mark.parametrize("refined", [False, True])
def test_grey_in_colour_files_stays_grey(refined):
    refiner = open_refiner(device="cpu") if refined else None
    grey = [image[..., 1:2] for image in pair(16)]
    colour = [np.repeat(image, 3, axis=2) for image in grey]
    result = interpolate(*colour, refiner=refiner)
    expected = np.repeat(interpolate(*grey, refiner=refiner).medium, 3, axis=2)
    np.testing.assert_array_equal(result.medium, expected)
    assert result.intermediate.shape == result.residual.shape == expected.shape


@pytest.mark.parametrize("pixels", [10**6, 1000], ids=["all", "sampled"])
def test_one_coloured_pixel_makes_a_colour_picture(pixels, monkeypatch):
    """Also where large images are measured on every fourth pixel, and this one is none of them."""
    monkeypatch.setattr(mapping, "MAX_SAMPLES", pixels)
    long, short = (np.repeat(image[..., 1:2], 3, axis=2) for image in pair(16))
    long[3, 5] = (90, 100, 90)
    assert measure(long, short).long.shape[2] == 3


def test_the_response_of_a_grey_image_is_the_mean_of_three_equal_channels():
    long, short = (image[..., 1:2] for image in pair(16))
    three = [matched_levels(joint_histogram(long, short)[0])] * 3
    expected = estimate_response(three, load_prior()).response.mean(axis=0)
    np.testing.assert_allclose(measure(long, short).response[0], expected, atol=1e-12)


def test_permuted_channels_permute_the_picture():
    long, short = pair(16)
    one = Profile(PROFILE.response[:1], 0.0, 3)
    order = [1, 2, 0]
    permuted = interpolate(long[..., order], short[..., order], response=one).medium
    np.testing.assert_allclose(
        permuted, interpolate(long, short, response=one).medium[..., order], atol=1
    )


@settings(max_examples=15)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 99))
def test_any_size_gives_a_picture_or_says_why_not(rows, cols, seed):
    random = np.random.default_rng(seed)
    radiance = 2.0 ** random.uniform(-6, 1, (rows, cols, 3))
    long, short = expose(radiance, 1.0), expose(radiance, 1 / 16)
    try:
        medium = interpolate(long, short).medium
    except PairError:
        return
    assert medium.shape == long.shape


def test_inputs_are_never_modified():
    long, short = pair(16)
    kept = long.copy(), short.copy()
    long.flags.writeable = short.flags.writeable = False
    interpolate(long, short)
    np.testing.assert_array_equal((long, short), kept)


def test_clipped_shares_are_counted():
    long, short = pair(64)
    clipped = measure(long, short).clipped
    assert clipped["long"]["white"] == pytest.approx(np.mean(long == 255), abs=1e-4)
    assert clipped["short"]["black"] == pytest.approx(np.mean(short == 0), abs=1e-4)


def test_equal_exposures_are_refused():
    long, _ = pair(16)
    with pytest.raises(PairError, match="equal"):
        interpolate(long, long)


@pytest.mark.parametrize("seed", [5, 6, 9, 10])
def test_different_scenes_are_refused(seed):
    """Their detail correlates a little by chance, one way or the other."""
    other = expose(scene(seed=seed)[::-1], 0.125)
    with pytest.raises(PairError, match="same scene"):
        interpolate(pair(16)[0], other)


def test_one_channel_in_common_is_not_the_same_scene():
    long, short = pair(16)
    short[..., :2] = expose(scene(seed=9)[::-1], 0.125)[..., :2]
    with pytest.raises(PairError, match="same scene"):
        measure(long, short)


@pytest.mark.parametrize(("share", "refused"), [(0.3, True), (0.5, False)])
def test_scenes_whose_tones_differ_need_common_detail(share, refused):
    """One has a share of the detail of the other; ranks correlate by 0.21 and 0.47."""
    one, two = (np.log2(scene(seed=seed)) for seed in (0, 9))
    images = expose(2**one, 2.0), expose(2 ** (share * one + (1 - share) * two[::-1]), 0.125)
    with pytest.raises(PairError, match="same scene") if refused else nullcontext():
        measure(*images)


@pytest.mark.parametrize(("rows", "refused"), [(8, False), (16, True)])
def test_scenes_are_compared_in_thumbnails_of_300_pixels_or_more(rows, refused):
    """Strips of 512 columns have thumbnails of 128: of 256 pixels, or of 512."""
    one, other = (scene((rows, 512), seed=seed, stops=4) for seed in (0, 9))
    with pytest.raises(PairError, match="same scene") if refused else nullcontext():
        measure(expose(one, 0.4), expose(other[::-1], 0.1))


@pytest.mark.parametrize(
    ("step", "refused"), [(0.1, True), (0.23, True), (0.27, False), (1.0, False)]
)
def test_exposures_with_nothing_in_between_are_refused(step, refused):
    long, short = pair(2**step)
    with pytest.raises(EqualExposuresError, match="measured 0") if refused else nullcontext():
        measure(long, short, response=PROFILE)


@pytest.mark.parametrize(("amplitude", "refused"), [(6, False), (10, True)])
def test_one_scene_is_recognised_by_its_tones_alone(amplitude, refused):
    """A smooth one, whose detail is noise; one mapping explains 0.99 and 0.80 of its pixels."""
    ramp = np.tile(2.0 ** np.linspace(-5, -1, 128)[:, None], (96, 1, 3))
    random = np.random.default_rng(0)
    noise = random.integers(-amplitude, amplitude + 1, (2, *ramp.shape))
    noisy = [expose(ramp, time) + part for time, part in zip((2, 0.5), noise, strict=True)]
    images = [np.clip(image, 0, 255).astype(np.uint8) for image in noisy]
    with pytest.raises(PairError, match="same scene") if refused else nullcontext():
        measure(*images)


def test_one_scene_is_recognised_by_its_detail_alone():
    """One half of it is in the shade of a cloud when the second photograph is taken."""
    radiance = scene((96, 128), stops=3)
    shaded = radiance * np.where(np.arange(128) < 64, 1, 1 / 8)[:, None]
    measure(expose(radiance, 1.0), expose(shaded, 0.25))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda image: image[:-1], "128 × 95"),
        (lambda image: image[..., :1], "grey"),
        (lambda image: image.astype(np.uint16), "16 bit"),
    ],
)
def test_images_that_differ_in_kind_are_refused(change, said):
    long, short = pair(16)
    with pytest.raises(PairError, match=said):
        interpolate(long, change(short))


def test_images_without_a_common_tone_need_a_ratio():
    white, black = np.full((40, 40, 3), 255, np.uint8), np.zeros((40, 40, 3), np.uint8)
    with pytest.raises(PairError, match="no tone"):
        interpolate(white, black)
    assert interpolate(white, black, ratio=4096).medium.shape == white.shape


@pytest.mark.parametrize("bad", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), "long.jpg"])
def test_arrays_that_are_not_images_are_misuse(bad):
    with pytest.raises(ValueError, match="long must"):
        interpolate(bad, np.zeros((4, 4, 3), np.uint8))


@pytest.mark.parametrize("position", [-0.1, 1.1, float("nan")])
def test_positions_outside_the_pair_are_misuse(position):
    with pytest.raises(ValueError, match="position"):
        interpolate(*pair(16), position=position)


def test_the_residual_is_what_the_network_added():
    class Brighter:
        contract = Contract(("intermediate",), alignment=1, halo=0, facts={})

        def refine(self, long, short, intermediate, *, rows, **options):
            planes = intermediate(long[rows], short[rows])
            return (np.rint(255 * planes.transpose(1, 2, 0)) // 2).astype(long.dtype)

    result = interpolate(*pair(16), refiner=Brighter())
    added = result.intermediate + np.rint(255 * result.residual)
    np.testing.assert_array_equal(added, result.medium)


class Brightening:
    """A network that answers 0.1 everywhere, and keeps what it read."""

    def __init__(self):
        self.seen = []

    def run(self, output_names, feeds):
        self.seen.append({name: planes.copy() for name, planes in feeds.items()})
        return [np.full_like(feeds["intermediate"], 0.1)]


@pytest.mark.parametrize("position", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_the_residual_of_the_exposure_half_way_fades_towards_the_two_shots(position):
    session, inputs = Brightening(), ("intermediate", "darkened", "brightened")
    refiner = Refiner(session, Contract(inputs, alignment=1, halo=0, facts={}))
    measured = measure(*pair(16, (64, 128)))  # one tile
    plain = render(measured, position).medium.astype(int)
    refined = render(measured, position, refiner=refiner, denoise="off").medium
    expected = np.minimum(plain + 25.5 * (1 - abs(2 * position - 1)), 255)
    assert np.abs(refined - expected).max() <= 1
    half_way, images = measured.blend(0.5), (measured.long, measured.short)
    for name, planes in zip(inputs, (half_way(*images), *half_way.mapped(*images)), strict=True):
        np.testing.assert_array_equal(session.seen[0][name][0], planes)


def test_the_package_offers_the_same_functions():
    assert expinterp.interpolate is pipeline.interpolate
    assert expinterp.fuse is pipeline.fuse
    assert expinterp.Weighting is Weighting


def test_only_public_names_are_listed():
    assert dir(expinterp) == sorted(expinterp.__all__)
    assert all(getattr(expinterp, name) is not None for name in dir(expinterp))


def test_every_public_name_is_imported_for_type_checkers_and_the_documentation():
    """They read the source; mkdocstrings fails on a name that is not imported there."""
    tree = ast.parse(Path(expinterp.__file__).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imports for alias in node.names}
    assert names >= set(expinterp.__all__)


# --- fusing --------------------------------------------------------------------------------------


def stack(*evs: float, shape: tuple[int, int] = (96, 128), **options: int) -> list[np.ndarray]:
    """Photograph a scene: 2 EV holds most of its shadows, -4 EV most of its highlights."""
    radiance = scene(shape)
    return [expose(radiance, 2.0**ev, **options) for ev in evs]


@pytest.mark.parametrize("evs", [(2, -4), (2, -1, -4), (2, 0, 0.1, -3, -6)])
def test_any_order_of_images_gives_the_same_fusion(evs):
    images = stack(*evs)
    orders = list(permutations(range(len(images))))[:: 1 if len(evs) < 4 else 41]
    results = [fuse([images[index] for index in order]) for order in orders]
    for order, result in zip(orders, results, strict=True):
        np.testing.assert_array_equal(result.fused, results[0].fused)
        shots = [order[each] for each in result.exposures if isinstance(each, int)]
        assert shots == sorted(range(len(evs)), key=lambda index: evs[index])


def test_what_is_fused_are_the_shots_and_virtual_exposures_from_dark_to_bright():
    images = stack(2, -2, 1)
    result = fuse(images, response=PROFILE)
    assert [each if isinstance(each, int) else "virtual" for each in result.exposures] == [
        1, "virtual", 2, 0
    ]  # fmt: skip
    pixels = [images[each] if isinstance(each, int) else each.medium for each in result.exposures]
    assert [image.mean() for image in pixels] == sorted(image.mean() for image in pixels)
    np.testing.assert_array_equal(result.fused, Stack(pixels).fuse())
    for index in range(4):
        np.testing.assert_array_equal(result.stack.weights(index), Stack(pixels).weights(index))


@pytest.mark.parametrize(("virtual", "count"), [(0, 0), (1, 1), (3, 3), ("auto", 2)])
def test_as_many_virtual_exposures_as_are_wanted_are_those_of_the_pair(virtual, count):
    images = stack(2, -4)
    result = fuse(images, virtual=virtual, response=PROFILE)
    made = [each for each in result.exposures if isinstance(each, Interpolation)]
    expected = [k / (count + 1) for k in range(1, count + 1)]
    assert [each.position for each in made] == pytest.approx(expected)
    for each in made:
        alone = interpolate(*images, response=PROFILE, position=each.position)
        np.testing.assert_array_equal(each.medium, alone.medium)
        assert each.pair.source == "profile"


def test_nothing_goes_between_equal_exposures():
    images = stack(2, -4)
    again = [images[0], images[1], images[1].copy(), images[0].copy()]
    virtual = [each for each in fuse(again).exposures if isinstance(each, Interpolation)]
    assert len(virtual) == len(fuse(images).exposures) - 2


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("bits", [8, 16])
def test_identical_images_fuse_to_themselves(count, bits):
    image = stack(0, bits=bits)[0]
    result = fuse([image] * count, virtual=2)
    np.testing.assert_array_equal(result.fused, image)
    assert sorted(result.exposures) == list(range(count))


@pytest.mark.parametrize("levels", [1, 3, 5])
def test_each_virtual_exposure_halves_the_reversal_of_brightness_at_least(levels):
    """What the project is for: on a ramp of light, the largest drop in the picture."""
    ramp = np.tile(2.0 ** np.linspace(-9, 0, 256)[:, None], (64, 1, 3))
    images = [expose(ramp, 64.0), expose(ramp, 1.0)]
    drops = []
    for virtual in (0, 1, "auto"):
        row = fuse(images, virtual=virtual, levels=levels, response=PROFILE).fused[32, :, 0]
        drops.append(int((np.maximum.accumulate(row) - row).max()))
    assert drops[0] > 40
    assert drops[1] < drops[0] / 2
    assert drops[2] <= drops[1] / 2


def test_the_bundled_network_is_used_unless_refused():
    images = stack(2, -4)
    bundled = open_refiner(device="cpu")
    refined = pipeline.interpolate(*images).medium
    np.testing.assert_array_equal(refined, interpolate(*images, refiner=bundled).medium)
    plain = interpolate(*images).medium
    assert (plain != refined).any()
    np.testing.assert_array_equal(plain, interpolate(*images, refiner=False).medium)
    fused = pipeline.fuse(images).fused
    np.testing.assert_array_equal(fused, fuse(images, refiner=bundled).fused)
    assert (fuse(images).fused != fused).any()


@pytest.mark.parametrize("function", [lambda pair: interpolate(*pair), fuse])
def test_grey_images_with_and_without_an_axis_of_channels_are_told_apart(function):
    long, short = pair(16)
    with pytest.raises(PairError, match=r"grey, 8 bit, 2 axes, .* grey, 8 bit, 3 axes"):
        function((long[..., 0], short[..., :1]))


class Silent:
    """A network that adds nothing."""

    def run(self, output_names, feeds):
        return [np.zeros_like(feeds["intermediate"])]


def test_the_profile_in_a_tuned_network_is_used_unless_another_is_given():
    profile = Profile(gamma_response(1.6) + RISE, 0.0, 3)
    tuned = Refiner(Silent(), Contract(("intermediate",), 1, 0, {}, profile))
    long, short = pair(16)
    made = interpolate(long, short, refiner=tuned, denoise="off")
    np.testing.assert_array_equal(made.medium, interpolate(long, short, response=profile).medium)
    other = Profile(gamma_response(3.0) + RISE, 0.0, 3)
    given = interpolate(long, short, refiner=tuned, response=other, denoise="off")
    np.testing.assert_array_equal(given.medium, interpolate(long, short, response=other).medium)
    assert (given.medium != made.medium).any()
    images = stack(2, -4)
    fused = [
        fuse(images, denoise="off", **options).fused
        for options in (
            {"refiner": tuned},
            {"response": profile},
            {"refiner": tuned, "response": other},
            {"response": other},
        )
    ]
    np.testing.assert_array_equal(fused[0], fused[1])
    np.testing.assert_array_equal(fused[2], fused[3])
    assert (fused[0] != fused[2]).any()


def test_the_network_refines_virtual_exposures():
    refiner = Refiner(Brightening(), Contract(("intermediate",), alignment=1, halo=0, facts={}))
    images = stack(2, -4)
    plain, refined = (fuse(images, virtual=1, refiner=each) for each in (None, refiner))
    assert refined.exposures[1].medium.mean() > plain.exposures[1].medium.mean() + 10
    assert (refined.fused != plain.fused).any()


def test_fusing_follows_its_options():
    images = stack(2, -4)
    options = {"weighting": Weighting(contrast_weight=0.0), "method": "mertens", "levels": 3}
    result = fuse(images, virtual=0, **options)
    np.testing.assert_array_equal(result.fused, Stack(images[::-1], **options).fuse())
    for name in options:
        less = {key: value for key, value in options.items() if key != name}
        assert (fuse(images, virtual=0, **less).fused != result.fused).any()


@pytest.mark.parametrize("bits", [8, 16])
def test_greys_without_a_channel_axis_are_fused_as_those_with_one(bits):
    images = [image[..., 1] for image in stack(2, -4, bits=bits)]
    result = fuse(images)
    assert result.fused.shape == images[0].shape
    assert result.fused.dtype == images[0].dtype
    assert {each.medium.shape for each in result.exposures if not isinstance(each, int)} == {
        images[0].shape
    }
    with_axis = fuse([image[..., None] for image in images])
    np.testing.assert_array_equal(result.fused[..., None], with_axis.fused)


def test_fusing_modifies_no_input():
    images = stack(2, -4, 0)
    kept = [image.copy() for image in images]
    for image in images:
        image.flags.writeable = False
    fuse(images)
    np.testing.assert_array_equal(images, kept)


@settings(max_examples=15)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 99), st.sampled_from([8, 16]))
def test_images_of_any_size_are_fused_with_what_lies_between_or_without(rows, cols, seed, bits):
    random = np.random.default_rng(seed)
    radiance = 2.0 ** random.uniform(-6, 1, (rows, cols, 3))
    images = [expose(radiance, time, bits=bits) for time in (1, 1 / 16)]
    result = fuse(images, virtual=0).fused
    assert (result.shape, result.dtype) == (images[0].shape, images[0].dtype)
    try:
        assert fuse(images).fused.shape == images[0].shape
    except PairError:
        return


@given(arrays(np.uint8, st.tuples(st.just(2), st.integers(1, 4), st.integers(1, 4), st.just(3))))
def test_any_two_images_are_a_pair_or_no_pair(images):
    try:
        measured = measure(*images)
    except PairError:
        return
    assert np.isfinite(measured.response).all()
    assert 0 < measured.ratio < np.inf


def test_two_tones_in_reversed_order_are_no_pair():
    long, short = (np.repeat(np.uint8([tones]), 300, axis=0) for tones in ([100, 200], [150, 30]))
    for use in (interpolate, lambda *images: fuse(images)):
        with pytest.raises(PairError, match="no tone"):
            use(long, short)


def test_other_scenes_have_nothing_between_but_can_be_fused():
    images = [stack(2)[0], expose(scene(seed=9)[::-1], 0.125)]
    with pytest.raises(PairError, match="same scene"):
        fuse(images)
    assert fuse(images, virtual=0).fused.shape == images[0].shape


IMAGE = np.zeros((4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    "images",
    [
        [],
        [IMAGE.astype(np.float32)] * 2,
        [IMAGE.astype(np.int16)] * 2,
        [IMAGE[..., :2]] * 2,
        [IMAGE[:0]] * 2,
        [IMAGE[None]] * 2,
        [IMAGE[0, 0]] * 2,
        ["long.jpg", "short.jpg"],
        [IMAGE.tolist()] * 2,
    ],
)
def test_arrays_that_cannot_be_fused_are_misuse(images):
    with pytest.raises(ValueError, match=r"images(\[0\])? must"):
        fuse(images)


@pytest.mark.parametrize("other", [IMAGE[:-1], IMAGE[..., :1], IMAGE.astype(np.uint16)])
def test_images_of_different_kinds_are_the_same_error_everywhere(other):
    for use in (interpolate, lambda *images: fuse(images)):
        with pytest.raises(PairError, match=r"is 5 × 4, colour, 8 bit.*; export all images with"):
            use(IMAGE, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_refused_with_the_remedy(dtype):
    floats = [IMAGE.astype(dtype)] * 2
    for use in (interpolate, lambda *images: fuse(images)):
        with pytest.raises(ValueError, match=r"not float.*convert .*astype\(np.uint8\)"):
            use(*floats)


@pytest.mark.parametrize(("image", "kind"), [([[1]], "list"), (IMAGE.astype(">u2"), ">u2")])
def test_what_is_no_array_of_code_values_is_named(image, kind):
    with pytest.raises(ValueError, match=f"not {kind}; give a NumPy array"):
        fuse([image, image])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"virtual": -1}, "virtual must"),
        ({"virtual": 1.5}, "virtual must"),
        ({"virtual": "many"}, "virtual must"),
        ({"levels": 0}, "levels must"),
        ({"method": "average"}, "method must"),
        ({"refiner": "mycam.onnx"}, "refiner must be .* open_refiner"),
        ({"refiner": True}, "refiner must"),
        ({"response": "camera.json"}, "response must be a Profile, .*from_json.* not str"),
        ({"response": {}}, "response must .* not dict"),
        ({"response": PROFILE.response}, "response must .* not ndarray"),
    ],
)
def test_options_that_mean_nothing_are_misuse(options, said):
    with pytest.raises(ValueError, match=said):
        fuse([IMAGE, IMAGE], **options)
    if "response" in options:
        with pytest.raises(ValueError, match=said):
            interpolate(*pair(16), **options)


@pytest.mark.parametrize(
    "function", [pipeline.interpolate, pipeline.measure, pipeline.fuse, pipeline.merge]
)
def test_all_functions_view_shots_alike_unless_told_otherwise(function):
    usual = {field.name: field.default for field in fields(Viewing)}
    stated = {name: each.default for name, each in signature(function).parameters.items()}
    assert {name: stated[name] for name in usual} == usual
    assert usual == {"align": True, "deghost": "auto", "reference": "auto", "crop": False}

"""Denoising: noise is measured, removed where it was amplified, and nothing else is changed."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from synthetic import expose, gamma_response, psnr, scene

from expinterp.core import render as rendering
from expinterp.core.denoise import (
    Noise,
    bands,
    choose_strength,
    denoise,
    measure_noise,
    noise,
    shrink,
    tiles,
)
from expinterp.core.denoise.growth import LEAST, Growth, measure_growth
from expinterp.core.denoise.tiles import NoisyTile
from expinterp.core.ghosts import Ghosts
from expinterp.core.intermediate import Blend
from expinterp.core.mapping import imf_from_response
from expinterp.core.render import clean_short, render
from expinterp.pipeline import measure

RATIO = 16.0
QUIET = (Noise(0.0, 0.0, 0.0),) * bands.LEVELS
LOUD = (Noise(4.0, 4.0, 0.0), Noise(1.0, 1.0, 0.0), Noise(0.3, 0.3, 0.0))


def blend(bits=8, channels=3):
    half = np.sqrt(RATIO)
    dark, bright = (
        imf_from_response(gamma_response(channels=channels), scale=k) for k in (1 / half, half)
    )
    return Blend(dark, bright, np.dtype(np.uint8 if bits == 8 else np.uint16))


def smooth_scene(shape=(256, 512), *, seed=3):
    """A scene without texture, in two stops of grey."""
    drawn = cv2.GaussianBlur(scene(shape, seed=seed).astype(np.float32), (0, 0), 24)
    grey = drawn.mean(axis=2, keepdims=True)
    return np.repeat(0.2 * 4 ** ((grey - grey.min()) / np.ptp(grey)), 3, axis=2)


def add_noise(image, sigma, *, shared=False, seed=0):
    """Add Gaussian noise to code values, the same or another one in each channel."""
    shape = (*image.shape[:2], 1) if shared else image.shape
    noisy = image + np.random.default_rng(seed).normal(0, sigma, shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def spread(image, truth):
    """Standard deviations of the error in luminance and in a colour difference, at the finest."""
    errors = bands.to_opponents([*np.moveaxis(image.astype(np.float32) - truth, 2, 0)])
    return [float((plane - cv2.GaussianBlur(plane, (0, 0), 2)).std()) for plane in errors[:2]]


# --- bands ---------------------------------------------------------------------------------------


@given(arrays(np.uint8, (5, 7, 3)))
def test_the_colour_transform_is_undone_by_its_inverse(image):
    planes = bands.to_planes(image)
    opponents = bands.to_opponents(planes)
    np.testing.assert_allclose(bands.from_opponents(opponents), planes, atol=1e-4)


@pytest.mark.parametrize("missing", [[0], [1], [2], [0, 1], [1, 2]])
def test_a_missing_plane_is_one_of_zeros(missing):
    random = np.random.default_rng(0)
    planes = [random.random((4, 6), dtype=np.float32) for _ in range(3)]
    zeros = [np.zeros_like(p) if n in missing else p for n, p in enumerate(planes)]
    left_out = [None if n in missing else p for n, p in enumerate(planes)]
    expected = bands.from_opponents(zeros)
    np.testing.assert_allclose(bands.from_opponents(left_out), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_is_the_luma_that_jpeg_stores(dtype):
    top = np.iinfo(dtype).max
    image = np.random.default_rng(0).integers(0, top, (9, 11, 3), dtype, endpoint=True)
    luma = image @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(bands.to_grey(image) * top / 255, luma, atol=1.5)
    np.testing.assert_allclose(bands.to_grey(image[..., :1]) * top / 255, image[..., 0], rtol=1e-6)


def test_both_bit_depths_have_the_same_code_values():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    wide = image.astype(np.uint16) * 257
    np.testing.assert_allclose(bands.to_planes(wide), bands.to_planes(image), rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 5), (64, 48)])
def test_bands_and_the_coarsest_level_restore_a_plane(shape):
    plane = np.random.default_rng(0).random(shape).astype(np.float32)
    pyramid = bands.gaussian_pyramid(plane)
    restored = pyramid[-1]
    for level in reversed(range(bands.LEVELS)):
        restored = bands.expand(restored, pyramid[level]) + bands.band(*pyramid[level : level + 2])
    np.testing.assert_allclose(restored, plane, atol=1e-6)


# --- measuring -----------------------------------------------------------------------------------


def white_noise_in_a_band(level):
    """Share of the variance of white noise that a band has."""
    drawn = np.random.default_rng(1).normal(0, 1, (512, 512)).astype(np.float32)
    return float(bands.band(*bands.gaussian_pyramid(drawn)[level : level + 2]).var())


@pytest.mark.parametrize("sigma", [1.5, 3.0])
def test_noise_of_each_channel_is_measured(sigma):
    radiance = smooth_scene((512, 512))
    noisy = add_noise(expose(radiance, 1 / RATIO), sigma)
    found = measure_noise(expose(radiance, 1.0), noisy, blend())
    for level in range(2):
        expected = sigma**2 * white_noise_in_a_band(level)
        assert found[level].luminance == pytest.approx(expected * 6 / 16, rel=0.3)
        assert found[level].colour == pytest.approx(expected, rel=0.3)


@pytest.mark.parametrize(("factor", "why"), [(30.0, "white"), (0.05, "dark")])
def test_only_tones_that_are_bright_in_the_long_shot_are_measured(factor, why):
    """Elsewhere the short shot has more noise here."""
    radiance = smooth_scene()
    radiance[:, :256] *= factor
    short = expose(radiance, 1 / RATIO)
    noisy = np.concatenate([add_noise(short[:, :256], 8.0), add_noise(short[:, 256:], 1.5)], axis=1)
    found = measure_noise(expose(radiance, 1.0), noisy, blend())[0]
    expected = 1.5**2 * white_noise_in_a_band(0)
    assert found.colour == pytest.approx(expected, rel=0.5), why


def test_colour_that_a_camera_erased_in_the_dark_has_the_usual_noise():
    """Compression leaves no colour there, not even that of rounding; brighter tones have some."""
    radiance = smooth_scene()
    noisy = add_noise(expose(radiance, 1 / RATIO), 2.0, shared=True)  # all channels stay equal
    found = measure_noise(expose(radiance, 1.0), noisy, blend())
    assert [each.colour for each in found] == [usual[1] for usual in noise.USUAL]


def test_noise_is_measured_where_there_is_least_texture():
    """Texture that lies elsewhere in the short shot differs as noise does."""
    radiance = smooth_scene()
    rough = radiance.copy()
    rough[:, :420] *= scene((256, 420), stops=0.0)
    shifted = np.roll(rough, 1, axis=0)
    noisy = add_noise(expose(shifted, 1 / RATIO), 1.5)
    found = measure_noise(expose(rough, 1.0), noisy, blend())[0]
    expected = 1.5**2 * white_noise_in_a_band(0) * 6 / 16
    assert found.luminance == pytest.approx(expected, rel=0.5)


def test_noise_that_channels_share_is_no_noise_of_colour():
    radiance = smooth_scene()
    noisy = add_noise(expose(radiance, 1 / RATIO), 3.0, shared=True)
    found = measure_noise(expose(radiance, 1.0), noisy, blend())[0]
    assert found.luminance == pytest.approx(9 * white_noise_in_a_band(0), rel=0.3)
    assert found.colour < 0.1 * found.luminance


def test_detail_of_luminance_that_mapping_would_colour_is_measured():
    """Three channels with other slopes have the same noise: mapped, it is a false colour."""
    codes = np.arange(256.0)
    response = np.tile(np.log(-np.log1p(-(codes + 0.5) / 257)), (3, 1))  # z = 1 − exp(−E·t)
    half = np.sqrt(RATIO)
    dark, bright = (imf_from_response(response, scale=k) for k in (1 / half, half))
    exposure = 8 * smooth_scene() * np.float32([1.0, 0.7, 0.4])
    long, short = (
        np.rint(255 * -np.expm1(-exposure * time)).astype(np.uint8) for time in (1, 1 / RATIO)
    )
    noisy = add_noise(short, 3.0, shared=True)
    found = measure_noise(long, noisy, Blend(dark, bright, np.dtype(np.uint8)))
    assert found[0].false_colour > 0.7
    assert found[0].colour < 0.05 * found[0].luminance


def test_texture_is_not_taken_for_noise():
    radiance = scene((256, 512), stops=2.0) * 0.3
    found = measure_noise(expose(radiance, 1.0), expose(radiance, 1 / RATIO), blend())
    assert max(noise.luminance for noise in found) < 0.2


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (40, 40)])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_pair_that_shows_no_noise_gets_the_usual_one(shape, channels):
    black = np.zeros((*shape, channels), np.uint8)
    found = measure_noise(black, black, blend(channels=channels))
    assert len(found) == bands.LEVELS
    assert found[0].luminance > found[1].luminance > found[2].luminance > 0
    assert {each.growth for each in found} == {Growth()}
    found = measure_noise(*np.zeros((2, *shape, channels), np.uint16), blend(16, channels=channels))
    assert [(each.luminance, each.colour, each.false_colour) for each in found] == list(noise.USUAL)


def test_a_band_that_shows_no_noise_has_as_many_times_the_usual_as_the_finer_one():
    finer = noise.Noise(2 * noise.USUAL[0][0], 3 * noise.USUAL[0][1], 0.0)
    found = noise._complete(None, 1, [finer], rounded=False)
    shared, own, false = noise.USUAL[1]
    assert (found.luminance, found.colour) == pytest.approx((2 * shared, 3 * own))
    assert found.false_colour == false


@pytest.mark.parametrize(("pixels", "measured"), [(199, False), (200, True), (399, True)])
def test_200_pixels_of_all_windows_show_the_noise_of_a_band(pixels, measured):
    """Without texture or false colour it is the median of energy / slope²."""
    parts = [
        noise._Sample(
            *np.float32([[9], [2], [0], [12]]).repeat(n, 1), *np.ones((3, 2, n)), (0.0, 0.0)
        )
        for n in (150, pixels - 150)
    ]
    found = noise._measure_band(parts, Growth())
    assert (found is not None) is measured
    assert found is None or found.luminance == 3


def pixels_with_noise(power, *, groups=6, each=2 * LEAST):
    """Code values 4..64 with noise of the variance 0.2·(z / 4)^power."""
    random = np.random.default_rng(0)
    codes = np.exp(random.uniform(np.log(4), np.log(64), groups * each)).astype(np.float32)
    return codes, 0.2 * (codes / 4) ** power * random.gamma(8, 1 / 8, codes.shape)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.2])
def test_noise_that_grows_with_brightness_is_measured(power):
    codes, variances = pixels_with_noise(power)
    textures = np.zeros_like(codes)
    found = measure_growth(codes, variances, textures, rounding=1e-3)
    assert found.power == pytest.approx(power, abs=0.1)
    assert 4 < found.low < 6
    assert found.high == pytest.approx(2 * 52, rel=0.1), "twice the brightest tones measured"


def test_noise_that_falls_with_brightness_counts_as_constant():
    codes, variances = pixels_with_noise(-1.0)
    assert measure_growth(codes, variances, np.zeros_like(codes), rounding=1e-3).power == 0


def test_texture_of_bright_tones_is_not_growth():
    codes, variances = pixels_with_noise(0.5)
    textured = np.arange(len(codes)) % 4 > 0
    variances[textured] *= codes[textured]
    found = measure_growth(codes, variances, np.float32(textured), rounding=1e-3)
    assert found.power == pytest.approx(0.5, abs=0.15)


def test_tones_of_one_brightness_get_the_usual_growth_and_rounding_does_not_grow():
    codes = np.full(6 * LEAST, 20, np.float32)
    textures = np.zeros_like(codes)
    powers = [
        measure_growth(codes, n + 0 * codes, textures, rounding=0.1).power for n in (10, 0.1, 0)
    ]
    np.testing.assert_allclose(powers, [0.5 * 0.99, 0, 0], atol=1e-6)
    assert measure_growth(codes[1:], codes[1:], codes[1:], rounding=0.1) == Growth(), "too few"


def test_noise_grows_between_the_tones_that_were_measured():
    grows = Growth(power=1.0, low=10.0, high=40.0)
    codes = np.float32([[0, 10, 20, 40, 200]])
    np.testing.assert_allclose(grows(codes), [[1, 1, 2, 4, 4]])
    for image in (codes.astype(np.uint8)[..., None], codes.astype(np.uint16)[..., None] * 257):
        np.testing.assert_allclose(grows.spread(image) ** 2, grows(codes), rtol=1e-6)


def test_noise_of_a_pair_that_grows_is_stated_for_its_darkest_tones():
    """Its standard deviation is a twelfth of the code value here, so p is 2."""
    radiance = smooth_scene((512, 512))
    short = expose(radiance, 1 / RATIO)
    found = measure_noise(expose(radiance, 1.0), add_noise(short, short / 12), blend())[0]
    middle = np.float32([np.sqrt(found.growth.low * found.growth.high / 2)])
    expected = (middle / 12) ** 2 * white_noise_in_a_band(0)
    assert 0.7 < found.growth.power < 2, "the tones are too alike to forget the usual 0.5"
    np.testing.assert_allclose(found.luminance * found.growth(middle), expected * 6 / 16, rtol=0.3)
    np.testing.assert_allclose(found.colour * found.growth(middle), expected, rtol=0.3)


def test_noise_that_grows_is_stated_for_the_darkest_tones():
    """Half of the pixels are four times as bright, and have four times the noise."""
    codes = np.float32([10, 40]).repeat(noise.LEAST)
    grows = Growth(power=1.0, low=10.0)
    more, flat = grows(codes), np.zeros_like(codes)
    slopes, both = np.full_like(codes, 2), np.ones((2, 1))
    sample = noise._Sample(
        codes, slopes, flat, 12 * more, 5 * both * more, 0 * both * flat, both + flat, (0.0, 0.0)
    )
    found = noise._measure_band([sample], grows)
    assert (found.luminance, found.colour, found.growth) == (3, 5, grows)


def test_the_windows_with_most_pixels_that_show_noise_are_measured():
    """The first of equal ones; none that shows no noise. They start at multiples of 256 pixels."""
    seen = np.zeros((600, 1100), bool)
    seen[:256, 256:512], seen[300:400, 600:640], seen[256:512, 768:] = True, True, True
    long, short = (np.where(seen[..., None], value, 0).astype(np.uint8) for value in (200, 50))
    found = noise._choose_windows(long, short)
    starts = [(rows.start, cols.start) for rows, cols in found]
    assert starts == [(0, 256), (256, 768), (256, 1024), (256, 512)]
    assert {part.stop - part.start for window in found for part in window} == {256}
    everywhere = np.full((2048, 2048, 3), 200, np.uint8)
    assert len(noise._choose_windows(everywhere, everywhere // 4)) == noise.WINDOWS


def test_rounding_to_eight_bits_is_noise_too():
    radiance = smooth_scene()
    for bits, least in ((8, 1e-3), (16, 0.0)):
        images = (expose(radiance, time, bits=bits) for time in (1.0, 1 / RATIO))
        found = measure_noise(*images, blend(bits))
        assert all(noise.colour >= least for noise in found)
        assert bits == 8 or found[0].colour < 1e-3


# --- removing ------------------------------------------------------------------------------------


def noisy_pair(sigma=2.0, *, time=8.0):
    """A pair whose ``long`` is clipped nearly everywhere: long, short, true medium."""
    radiance = smooth_scene()
    short = add_noise(expose(radiance, time / RATIO), sigma)
    return expose(radiance, time), short, expose(radiance, time / np.sqrt(RATIO))


@pytest.mark.parametrize(("luminance", "known"), [(24.9, True), (25.0, False)])
def test_detail_counts_as_faint_up_to_five_code_values(luminance, known):
    """Half that energy on each coarser band; only where false colour may exceed the noise."""
    short = np.random.default_rng(0).integers(0, 256, (128, 128, 3), np.uint8)
    tile = NoisyTile.around((slice(0, 128),) * 2, short.shape)
    found = shrink._measure_faint(short, tile, [noise.Noise(luminance, 0.0, 1.0)] * bands.LEVELS)
    assert [np.max(each) for each in found] == ([25, 12.5, 6.25] if known else [0, 0, 0])


@pytest.mark.parametrize(
    ("variance", "pixels", "visible"), [(0.3, 100, False), (0.31, 1, False), (0.31, 2, True)]
)
def test_noise_shows_if_it_is_above_0_3_in_more_than_a_hundredth_of_the_pixels(
    variance, pixels, visible
):
    plane = np.zeros(100, np.float32)
    plane[:pixels] = variance
    assert shrink._is_visible(plane.reshape(10, 10)) is visible


def test_a_fifth_of_the_grain_stays():
    """Of a slope s, the grain of ``short`` is s times as large: 1 − 0.2/s is removed, or nothing."""
    found = shrink._most_of_grain(np.float32([0.1, 0.2, 0.4, 2]))
    np.testing.assert_allclose(found, [0, 0, 0.5, 0.9], rtol=1e-6)


def test_a_band_loses_the_cube_of_its_share_of_noise():
    """min(κ·V / E, 1)³ with κ = 2.2: texture of ten times that energy keeps all but a thousandth."""
    energy = np.float32([[0.0, 1.0, 2.2, 4.4, 22.0]])
    removed = shrink._excess(np.ones_like(energy), energy, 2.2)
    np.testing.assert_allclose(removed, [[1, 1, 1, 1 / 8, 1e-3]], rtol=1e-4)
    np.testing.assert_allclose(
        shrink._excess(3 * np.ones_like(energy), 3 * energy, 2.2), removed, rtol=1e-4
    )


def test_noise_of_the_brightened_short_shot_is_removed():
    long, short, medium = noisy_pair()
    y0 = (255 * blend()(long, short)).transpose(1, 2, 0).round().astype(np.uint8)
    clean = denoise(y0, long, short, blend(), LOUD)
    before, after = spread(y0, medium), spread(clean, medium)
    assert after[0] < 0.5 * before[0]
    assert after[1] < 0.35 * before[1]
    assert psnr(clean, medium) > psnr(y0, medium) + 3


def test_some_grain_of_luminance_stays():
    """A share of what the short shot has; colour, which is not natural, goes."""
    long, short, medium = noisy_pair(6.0)
    y0 = (255 * blend()(long, short)).transpose(1, 2, 0).round().astype(np.uint8)
    kept = [
        spread(denoise(y0, long, short, blend(), [Noise(n, n, 0.0)] * bands.LEVELS), medium)
        for n in (1e2, 1e4)
    ]
    grain = spread(short, expose(smooth_scene(), 8.0 / RATIO))[0]
    assert kept[0] == pytest.approx(kept[1], rel=0.02)
    assert kept[1][0] == pytest.approx(shrink.GRAIN * grain, rel=0.15)
    assert kept[1][1] < 0.1 * spread(y0, medium)[1]


def test_as_much_noise_as_rounding_leaves_stays():
    random = np.random.default_rng(0)
    errors = random.uniform(-0.5, 0.5, (3, 512, 512)).astype(np.float32)
    for level, rounded in enumerate(shrink.ROUNDED):
        planes = [bands.gaussian_pyramid(each) for each in bands.to_opponents([*errors])]
        found = [float(bands.band(*each[level : level + 2]).var()) for each in planes]
        np.testing.assert_allclose(found, [rounded[0], rounded[1], rounded[1]], rtol=0.2)
        slopes = np.ones((3, 4, 4), np.float32)
        same = Noise(rounded[0], rounded[1] / 2, 0.0)
        np.testing.assert_allclose(shrink._variances(slopes, same, level), 0, atol=1e-6)
    np.testing.assert_array_equal(shrink._excess(-np.ones((1, 1)), np.ones((1, 1)), 2.2), 0)


def test_where_noise_grows_more_is_removed_from_bright_tones():
    """In the darkest tones as much is removed as if it did not grow."""
    flat = np.full((128, 256, 3), 20.0)
    flat[:, 128:] = 80
    long, short = np.full_like(flat, 255, np.uint8), add_noise(flat, 2.0)
    y0 = (255 * blend()(long, short)).transpose(1, 2, 0).round().astype(np.uint8)
    left = []
    for power in (0.0, 2.0):
        noises = [Noise(0.3, 0.3, 0.0, Growth(power, 24.0))] * bands.LEVELS
        colours = bands.opponent(bands.to_planes(denoise(y0, long, short, blend(), noises)), 1)
        left.append([float(colours[:, part].var()) for part in (slice(100), slice(156, None))])
    assert left[1][0] == pytest.approx(left[0][0], rel=0.05)
    assert left[1][1] < 0.5 * left[0][1]


def test_tiles_are_denoised_for_noise_that_shows_where_it_has_grown():
    white, grey = np.full((64, 64, 3), 255, np.uint8), np.full((64, 64, 3), 80, np.uint8)
    core = slice(0, 64), slice(0, 64)
    frames = shrink._Frames(grey, white, grey)
    found = [
        shrink._find_noise(frames, core, blend(), Noise(0.02, 0.02, 0.0, Growth(power, 8.0)))
        for power in (0.0, 2.0)
    ]
    assert found == [None, core]


def test_false_colour_does_not_grow_with_noise():
    """It is a share of detail, however noisy the tones are."""
    short = noisy_pair(3.0)[1]
    tile = tiles.NoisyTile.around((slice(0, 128), slice(0, 128)), short.shape)
    block = short[tile.block]
    plain = [Noise(0.01, 0.01, 1.0)] * bands.LEVELS
    grows = Growth(1.0, 4.0, 64.0)
    found = [
        shrink._measure_faint(block, tile, each)
        for each in (plain, [replace(one, growth=grows) for one in plain])
    ]
    for level, (same, divided) in enumerate(zip(*found, strict=True)):
        codes = bands.gaussian_pyramid(bands.to_grey(block))[level + 1]
        codes = codes if level else codes[tile.half]
        np.testing.assert_allclose(divided * grows(codes), same, rtol=1e-5)


def test_without_noise_nothing_changes():
    long, short, medium = noisy_pair()
    np.testing.assert_array_equal(denoise(medium, long, short, blend(), QUIET), medium)


def test_nothing_changes_where_the_result_depends_on_no_input():
    white, black = np.full((64, 64, 3), 255, np.uint8), np.zeros((64, 64, 3), np.uint8)
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    flat = Blend(np.full((3, 256), 90.0), np.full((3, 256), 90.0), np.dtype(np.uint8))
    np.testing.assert_array_equal(denoise(image, white, black, flat, LOUD), image)


def test_an_edge_stays_and_the_noise_beside_it_goes():
    radiance = np.full((256, 256, 3), 0.1)
    radiance[:, 128:] = 0.5
    long, short = expose(radiance, 16.0), add_noise(expose(radiance, 1.0), 1.0)
    y0 = (255 * blend()(long, short)).transpose(1, 2, 0).round().astype(np.uint8)
    clean = denoise(y0, long, short, blend(), (Noise(0.4, 0.8, 0.0),) * bands.LEVELS)
    step = clean[:, 140:].mean() - clean[:, :116].mean()
    assert step == pytest.approx(y0[:, 140:].mean() - y0[:, :116].mean(), abs=0.5)
    edge = [image[:, 128].mean() - image[:, 127].mean() for image in (y0.astype(float), clean)]
    assert edge[1] == pytest.approx(edge[0], rel=0.1)


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.9])
def test_the_strength_is_a_share_of_the_correction(strength):
    long, short, medium = (each[:64, :64] for each in noisy_pair())
    noisy = add_noise(medium, 4.0)
    full = denoise(noisy, long, short, blend(), LOUD).astype(float)
    part = denoise(noisy, long, short, blend(), LOUD, strength=strength)
    np.testing.assert_allclose(part, noisy + strength * (full - noisy), atol=1.001)


@pytest.mark.parametrize(
    ("noisy", "expected"),
    [
        (np.s_[70:100, 140:170], np.s_[64:128, 128:192]),
        (np.s_[0:300, 129:200], np.s_[0:300, 128:256]),
        (np.s_[20:290, 20:290], np.s_[0:300, 0:290]),
        (np.s_[64:65, 64:65], None),
    ],
)
def test_of_a_tile_the_cells_that_show_noise_are_denoised(noisy, expected):
    """Cells have 64 × 64 pixels, less at the border of the image."""
    marked = np.zeros((300, 290), bool)
    marked[noisy] = True
    core = slice(512, 812), slice(1024, 1314)
    found = tiles.narrow(core, marked[::4, ::4], 4)
    inside = found and tuple(
        slice(part.start - whole.start, part.stop - whole.start)
        for part, whole in zip(found, core, strict=True)
    )
    assert inside == expected


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (200, 130)])
def test_tiles_do_not_show(monkeypatch, shape):
    """Tiles start at multiples of what the coarsest level folds into one pixel."""
    monkeypatch.setattr(shrink, "INVISIBLE", 0.0)
    long, short, medium = (each[: shape[0], : shape[1]] for each in noisy_pair())
    noisy = add_noise(medium, 4.0)
    whole = denoise(noisy, long, short, blend(), LOUD)
    monkeypatch.setattr(tiles, "TILE", 32)
    tiled = denoise(noisy, long, short, blend(), LOUD)
    assert np.abs(tiled.astype(int) - whole).max() <= 1


def test_sixteen_bits_are_denoised_as_eight_are():
    long, short, medium = (each[:128, :128] for each in noisy_pair())
    noisy = add_noise(medium, 4.0)
    wide = [image.astype(np.uint16) * 257 for image in (noisy, long, short)]
    fine = denoise(*wide, blend(16), LOUD)
    coarse = denoise(noisy, long, short, blend(), LOUD)
    assert fine.dtype == np.uint16
    np.testing.assert_allclose(fine / 257, coarse, atol=0.51)


def test_grey_is_denoised_as_luminance():
    long, short, medium = (each[..., :1] for each in noisy_pair())
    noisy = add_noise(medium, 4.0)
    clean = denoise(noisy, long, short, blend(channels=1), LOUD)
    assert clean.shape == noisy.shape
    assert psnr(clean, medium) > psnr(noisy, medium) + 2


# --- rendering -----------------------------------------------------------------------------------


def test_a_rendered_exposure_is_cleaner_than_y0_and_y0_is_as_published():
    radiance = np.concatenate([smooth_scene(), 0.15 * smooth_scene(seed=4)])
    short = add_noise(expose(radiance, 8.0 / RATIO), 2.0)
    pair = measure(expose(radiance, 8.0), short, align=False, deghost="off")
    truth = expose(radiance, 8.0 / np.sqrt(RATIO))
    plain, clean = (render(pair, denoise=choice).medium for choice in ("off", 1.0))
    white = slice(0, 240)  # rows in which the long shot is clipped
    before, after = (spread(image[white], truth[white])[1] for image in (plain, clean))
    assert after < 0.7 * before
    np.testing.assert_array_equal(render(pair).medium, plain)


class Brightening:
    """A network that adds what depends on the pixels around, and reads only the pair."""

    def refine(self, long, short, intermediate, *, half_way, strength, rows):
        around = slice(max(rows.start - 1, 0), rows.stop + 1)
        wide = cv2.blur(short[around], (3, 3)).reshape(-1, *short.shape[1:])
        y0 = 255 * intermediate(long[rows], short[rows]).transpose(1, 2, 0)
        inner = wide[rows.start - around.start :][: len(y0)]
        return np.clip(y0 + strength * inner / 8, 0, 255).astype(np.uint8)


def tall_pair(rows=300, cols=40, *, sigma=4.0):
    long, short, _ = (image[:cols, :rows].transpose(1, 0, 2) for image in noisy_pair(sigma))
    return measure(long, short, align=False, deghost="off", ratio=RATIO)


@pytest.mark.parametrize("denoising", [0.0, 1.0])
@pytest.mark.parametrize("refiner", [None, Brightening()])
@pytest.mark.parametrize("place", ["long", "short"])
def test_a_result_in_place_of_a_photograph_is_the_same(place, refiner, denoising, monkeypatch):
    monkeypatch.setattr(rendering, "BAND", 64)
    monkeypatch.setattr(rendering, "AREA", 64)
    pair = tall_pair()
    expected = render(pair, refiner=refiner, denoise=denoising).medium
    out = getattr(pair, place)
    result = render(pair, refiner=refiner, denoise=denoising, out=out).medium
    assert result is out
    np.testing.assert_array_equal(result, expected)


def test_the_height_of_the_bands_does_not_show(monkeypatch):
    monkeypatch.setattr(shrink, "INVISIBLE", 0.0)
    monkeypatch.setattr(tiles, "TILE", 64)
    pair = tall_pair()
    whole = render(pair, refiner=Brightening(), denoise=1.0).medium
    monkeypatch.setattr(rendering, "BAND", 64)
    monkeypatch.setattr(rendering, "AREA", 64)
    banded = render(pair, refiner=Brightening(), denoise=1.0).medium
    np.testing.assert_array_equal(banded, whole)


@pytest.mark.parametrize("position", [0.0, 1.0])
def test_the_two_photographs_are_never_denoised(position):
    radiance = smooth_scene()
    pair = measure(expose(radiance, 1.0), add_noise(expose(radiance, 1 / RATIO), 2.0), align=False)
    plain, clean = (render(pair, position, denoise=choice).medium for choice in ("off", 1.0))
    np.testing.assert_array_equal(plain, clean)


def test_the_short_shot_is_cleaner_for_a_fusion_where_the_long_one_is_white():
    radiance = np.concatenate([smooth_scene(), 0.15 * smooth_scene(seed=4)])
    truth = expose(radiance, 8.0 / RATIO)
    short = add_noise(truth, 2.0)
    pair = measure(expose(radiance, 8.0), short, align=False, deghost="off")
    clean = clean_short(pair)
    white = slice(0, 240)  # rows in which the long shot is clipped
    before, after = (spread(image[white], truth[white]) for image in (short, clean))
    assert after[0] < 0.7 * before[0]
    assert after[1] < 0.5 * before[1]
    np.testing.assert_array_equal(pair.short, short)
    assert clean_short(pair, "off") is pair.short
    assert clean_short(pair, refined=False) is pair.short


@pytest.mark.parametrize("writeable", [True, False])
def test_the_short_shot_is_denoised_in_place_if_it_may_be_written(writeable, monkeypatch):
    monkeypatch.setattr(rendering, "BAND", 64)
    monkeypatch.setattr(rendering, "AREA", 64)
    pair = tall_pair(sigma=0.8)
    noisy, expected = pair.short.copy(), clean_short(pair)
    pair.short.flags.writeable = writeable
    result = clean_short(pair, in_place=True)
    assert (result is pair.short) == writeable
    np.testing.assert_array_equal(result, expected)
    assert (result != noisy).mean() > 0.1


def test_progress_of_both_steps_rises_to_one():
    radiance = smooth_scene((64, 64))
    pair = measure(expose(radiance, 1.0), expose(radiance, 1 / RATIO), align=False)
    shares = []
    render(pair, denoise=1.0, progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1:] == [1.0]


@pytest.mark.parametrize(
    ("choice", "refined", "strength"),
    [("auto", True, 1.0), ("auto", False, 0.0), ("off", True, 0.0), (0.25, False, 0.25)],
)
def test_auto_denoises_what_the_network_refines(choice, refined, strength):
    assert choose_strength(choice, refined=refined) == strength


@pytest.mark.parametrize("choice", ["on", -0.1, 1.1, float("nan"), None, [1], 1j])
def test_another_strength_is_refused(choice):
    with pytest.raises(ValueError, match=r"'auto', 'off' or within 0\.\.1"):
        choose_strength(choice, refined=True)


@pytest.mark.parametrize("moved", ["unknown", np.s_[:0], np.s_[10:30, 5:20]])
def test_where_nothing_moved_the_values_of_the_sensors_count(moved):
    pair = tall_pair(96, 40)
    sources = np.zeros(pair.long.shape[:2], np.uint8)
    if moved != "unknown":
        sources[moved] = 2
        pair = replace(pair, ghosts=Ghosts(sources, float(sources.mean())))
    plain, shares = render(pair, 0.3).medium, []
    exact = replace(pair, exact=lambda position: np.full_like(pair.long, 100 * position))
    found = render(exact, 0.3, progress=shares.append)
    assert shares[-1:] == [1.0]
    expected = np.where(sources[..., np.newaxis] > 0, plain, 30)
    np.testing.assert_array_equal(found.medium, expected)
    np.testing.assert_array_equal(found.residual, 0)

"""Fidelity, structure and order of brightness: closed forms, laws, and a literal implementation."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import GAMMA, expose, gamma_response, scene

from expinterp.metrics import (
    MEF_LEAST,
    OrderScene,
    Violations,
    colour_angle,
    mef,
    mef_ssim,
    order_violations,
    out_of_range,
    psnr,
    quality_maps,
    read_scene,
    similarity,
    ssim,
)

DEPTHS = pytest.mark.parametrize("dtype", [np.uint8, np.uint16])


def noise(
    shape: tuple[int, ...] = (48, 45), seed: int = 0, low: int = 0, high: int = 256
) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.uint8)


def wide(image: np.ndarray) -> np.ndarray:
    return image.astype(np.uint16) * 257


# PSNR and SSIM


@DEPTHS
def test_psnr_of_a_constant_error_is_its_closed_form(dtype):
    truth = np.full((5, 7, 3), 100, dtype)
    peak = np.iinfo(dtype).max
    assert psnr(truth + dtype(3), truth) == pytest.approx(20 * math.log10(peak / 3), abs=1e-9)
    assert psnr(truth, truth) == math.inf


def test_psnr_is_the_definition_on_any_picture():
    for image, truth in ((noise(), noise(seed=1)), (wide(noise()), noise(seed=1) * np.uint16(3))):
        error = np.mean((image.astype(float) - truth) ** 2)
        expected = 10 * math.log10(np.iinfo(image.dtype).max ** 2 / error)
        assert psnr(image, truth) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_flat_pictures_compares_their_means():
    one, two = (np.full((20, 20, 3), value, np.uint8) for value in (60, 90))
    c1 = (0.01 * 255) ** 2
    expected = (2 * 60 * 90 + c1) / (60**2 + 90**2 + c1)
    assert ssim(one, two) == pytest.approx(expected, abs=1e-9)


def test_ssim_is_a_sum_over_each_window():
    """A literal SSIM of one window: an 11 × 11 picture has no other."""
    one, two = noise((11, 11)).astype(float), noise((11, 11), seed=1).astype(float)
    window = gaussian_window()
    mean1, mean2 = (window * one).sum(), (window * two).sum()
    var1, var2 = (window * (one - mean1) ** 2).sum(), (window * (two - mean2) ** 2).sum()
    covariance = (window * (one - mean1) * (two - mean2)).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    expected = (2 * mean1 * mean2 + c1) * (2 * covariance + c2)
    expected /= (mean1**2 + mean2**2 + c1) * (var1 + var2 + c2)
    assert ssim(noise((11, 11)), noise((11, 11), seed=1)) == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 99))
@settings(max_examples=10)
def test_ssim_is_symmetric_and_blind_to_depth(seed):
    one, two = noise((20, 30, 3), seed), noise((20, 30, 3), seed + 100)
    assert ssim(one, one) == pytest.approx(1, abs=1e-12)
    assert ssim(one, two) == pytest.approx(ssim(two, one), abs=1e-12)
    assert ssim(wide(one), wide(two)) == pytest.approx(ssim(one, two), abs=1e-9)


@pytest.mark.parametrize("measure", [psnr, ssim, lambda image, truth: mef_ssim([truth], image)])
@pytest.mark.parametrize(
    ("image", "word"), [(noise((50, 49)), "differ"), (wide(noise((50, 50))), "differ")]
)
def test_pictures_that_differ_in_kind_are_refused(measure, image, word):
    with pytest.raises(ValueError, match=word):
        measure(image, noise((50, 50)))


def test_floats_and_odd_shapes_are_refused():
    with pytest.raises(ValueError, match="quantise"):
        psnr(np.zeros((20, 20)), np.zeros((20, 20)))
    with pytest.raises(ValueError, match="shape"):
        psnr(noise((20, 20, 4)), noise((20, 20, 4)))
    with pytest.raises(ValueError, match="11 pixels"):
        ssim(noise((30, 10)), noise((30, 10)))


# MEF-SSIM


def gaussian_window() -> np.ndarray:
    line = np.exp(-(np.arange(-5.0, 6.0) ** 2) / (2 * 1.5**2))
    return np.outer(line, line) / line.sum() ** 2


def literal_patch(x: list[np.ndarray], y: np.ndarray) -> float:
    """Follow the paper through one patch: q of y against the references x, each 11 × 11."""
    centred = [patch - patch.mean() for patch in x]
    lengths = [np.linalg.norm(patch) for patch in centred]
    c = [length + 0.001 for length in lengths]
    total = sum(lengths)
    agreement = min(np.linalg.norm(sum(centred)) / total, 1) if total else 1.0
    p = min(math.tan(math.pi * agreement / 2), 10)
    w = [(value / 11) ** p + np.finfo(float).eps for value in c]
    structure = sum(
        weight / sum(w) * patch / value for weight, patch, value in zip(w, centred, c, strict=True)
    )
    length = np.linalg.norm(structure)
    best = structure / length * max(c) if length else structure
    window = gaussian_window()
    mean1, mean2 = (window * best).sum(), (window * y).sum()
    covariance = (window * (best - mean1) * (y - mean2)).sum()
    variances = (window * ((best - mean1) ** 2 + (y - mean2) ** 2)).sum()
    return (2 * covariance + (0.03 * 255) ** 2) / (variances + (0.03 * 255) ** 2)


def literal_halve(plane: np.ndarray) -> np.ndarray:
    rows, cols = plane.shape
    out = np.empty(((rows + 1) // 2, (cols + 1) // 2))
    for i, j in np.ndindex(out.shape):
        r, c = [2 * i, min(2 * i + 1, rows - 1)], [2 * j, min(2 * j + 1, cols - 1)]
        out[i, j] = plane[np.ix_(r, c)].mean()
    return out


def literal_mef_ssim(references: list[np.ndarray], fused: np.ndarray) -> float:
    planes = [image.astype(float) for image in (*references, fused)]
    score = 1.0
    for exponent in (0.0448, 0.2856, 0.3001):
        rows, cols = planes[0].shape
        patches = [
            (slice(i, i + 11), slice(j, j + 11)) for i, j in np.ndindex(rows - 10, cols - 10)
        ]
        q = [literal_patch([x[at] for x in planes[:-1]], planes[-1][at]) for at in patches]
        score *= np.mean(q) ** (exponent / (0.0448 + 0.2856 + 0.3001))
        planes = [literal_halve(plane) for plane in planes]
    return score


def bracket(count: int, shape: tuple[int, int], seed: int = 0) -> list[np.ndarray]:
    """Photograph a grey scene `count` times, 2.5 stops apart, with some flat, clipped patches."""
    radiance = scene(shape, seed=seed).mean(axis=2)
    radiance[:15, :15] = 1e-6
    return [expose(radiance, 2.0 ** (2.5 * (k - count // 2))) for k in range(count)]


@pytest.mark.parametrize("shape", [(41, 46), (47, 43)])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_mef_ssim_is_what_the_paper_computes_patch_by_patch(count, shape):
    references = bracket(count, shape)
    fused = (np.mean(references, axis=0) * 0.6 + 0.3 * noise(shape)).astype(np.uint8)
    expected = literal_mef_ssim(references, fused)
    assert 0.2 < expected < 0.95
    assert mef_ssim(references, fused) == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 999), st.integers(41, 70), st.integers(41, 70), st.sampled_from([1, 3]))
@settings(max_examples=20)
def test_a_photograph_is_the_best_fusion_of_itself(seed, rows, cols, channels):
    image = noise((rows, cols, channels), seed)
    assert mef_ssim([image], image) == pytest.approx(1, abs=1e-8)
    assert mef_ssim([image, image, image], image) == pytest.approx(1, abs=1e-8)


def test_brightness_does_not_count():
    references = [noise(low=50, high=150), noise(low=20, high=80, seed=1)]
    fused = noise(low=60, high=120, seed=2)
    expected = mef_ssim(references, fused)
    assert mef_ssim(references, fused + np.uint8(90)) == pytest.approx(expected, abs=1e-12)


def test_loss_of_contrast_has_its_closed_form():
    """One reference x and y = x/2: q = (σ² + C) / (1.25·σ² + C) in every window."""
    image = noise((60, 60)) // 2 * 2
    (quality, *_) = quality_maps([image], image // 2)
    window, c2 = gaussian_window(), (0.03 * 255) ** 2
    patch = image[20:31, 7:18].astype(float)
    variance = (window * (patch - (window * patch).sum()) ** 2).sum()
    assert quality[20, 7] == pytest.approx((variance + c2) / (1.25 * variance + c2), abs=1e-5)


def test_flat_references_score_best_with_a_flat_picture():
    flat = [np.full((48, 48), value, np.uint8) for value in (0, 130, 255)]
    assert mef_ssim(flat, flat[1]) == pytest.approx(1, abs=1e-12)
    textured = noise((48, 48))
    window, c2 = gaussian_window(), (0.03 * 255) ** 2
    patch = textured[:11, :11].astype(float)
    variance = (window * (patch - (window * patch).sum()) ** 2).sum()
    expected = pytest.approx(c2 / (variance + c2), abs=1e-6)
    assert quality_maps(flat, textured)[0][0, 0] == expected


def test_references_that_cancel_score_best_with_a_flat_picture():
    image = noise((48, 48))
    flat = np.full_like(image, 99)
    assert mef_ssim([image, 255 - image], flat) == pytest.approx(1, abs=1e-12)
    assert mef_ssim([image, 255 - image], image) < 0.2


def test_a_negative_scores_zero():
    image = noise((48, 48))
    assert mef_ssim([image], 255 - image) == 0


@given(st.integers(0, 99))
@settings(max_examples=10)
def test_the_order_of_references_and_mirrors_change_nothing(seed):
    references, fused = bracket(3, (56, 48), seed), noise((56, 48), seed)
    expected = pytest.approx(mef_ssim(references, fused), abs=1e-12)
    for shuffled in permutations(references):
        assert mef_ssim(shuffled, fused) == expected
    for turn in (np.fliplr, np.flipud, np.transpose):  # exact for sides that are multiples of 4
        turned = [np.ascontiguousarray(turn(image)) for image in (*references, fused)]
        assert mef_ssim(turned[:-1], turned[-1]) == expected


def test_depth_and_equal_channels_change_nothing():
    references, fused = bracket(2, (48, 50)), noise((48, 50))
    expected = pytest.approx(mef_ssim(references, fused), abs=1e-6)
    assert mef_ssim([wide(image) for image in references], wide(fused)) == expected
    colour = [np.repeat(image[..., None], 3, axis=2) for image in (*references, fused)]
    assert mef_ssim(colour[:-1], colour[-1]) == expected


def test_grey_is_that_of_the_standard_in_whole_code_values():
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 100, 50]]], np.uint8)
    np.testing.assert_array_equal(mef.grey(colours), [[76, 150, 29, 124]])
    exact = wide(colours) @ [0.299, 0.587, 0.114] / 257
    np.testing.assert_allclose(mef.grey(wide(colours)), exact, atol=1.1 / 257)


def test_strips_make_no_seams(monkeypatch):
    references, fused = bracket(2, (90, 44)), noise((90, 44))
    whole, alike = quality_maps(references, fused), ssim(references[0], fused)
    monkeypatch.setattr(similarity, "STRIP", 7)
    for one, other in zip(whole, quality_maps(references, fused), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    assert ssim(references[0], fused) == pytest.approx(alike, abs=1e-12)


def test_maps_cover_the_valid_area_of_every_scale():
    maps = quality_maps([noise((61, 83))], noise((61, 83), 1))
    assert [quality.shape for quality in maps] == [(51, 73), (21, 32), (6, 11)]
    assert all((np.abs(quality) <= 1).all() for quality in maps)


def test_pictures_without_a_window_at_the_last_scale_are_refused():
    small = noise((MEF_LEAST, MEF_LEAST))
    assert mef_ssim([small], small) == pytest.approx(1, abs=1e-8)
    with pytest.raises(ValueError, match="41 pixels"):
        mef_ssim([small[1:]], small[1:])
    with pytest.raises(ValueError, match="at least one"):
        mef_ssim([], small)


# Brightness order


def ramp(count: int = 8) -> OrderScene:
    """Lay out `count` patches a stop apart; the darkest is a shadow, the brightest a highlight."""
    level = np.repeat(np.arange(count), 50).reshape(10, -1)
    return OrderScene(level * math.log(2), level == count - 1, level == 0)


def picture(curve: np.ndarray, chart: OrderScene) -> np.ndarray:
    """Render the patches of a ramp by a curve: one code value per patch."""
    level = np.rint(chart.log_irradiance / math.log(2)).astype(int)
    return np.asarray(curve, np.uint8)[level]


@given(st.lists(st.integers(1, 25), min_size=8, max_size=8), st.integers(0, 40))
@settings(max_examples=25)
def test_a_rising_tone_curve_violates_nothing_and_a_falling_one_all(steps, base):
    chart, curve = ramp(), base + np.cumsum([step + 6 for step in steps])
    curve = np.minimum(curve, 255)
    assert order_violations(picture(curve, chart), chart) == Violations(0.0, 0.0)
    falling = picture(255 - np.arange(8) * (curve[0] + 6) // 3, chart)
    assert order_violations(falling, chart) == Violations(1.0, 1.0)


def test_a_constant_picture_violates_nothing():
    chart = ramp()
    assert order_violations(picture(np.full(8, 77), chart), chart) == Violations(0.0, 0.0)


def test_invisible_reversals_are_no_violations():
    chart = ramp()
    barely = picture([128, 127] * 4, chart)  # 0.4 of L* apart
    assert order_violations(barely, chart) == Violations(0.0, 0.0)
    falling = picture(np.arange(200, 40, -20), chart)
    near = OrderScene(chart.log_irradiance / 1000, chart.highlight, chart.shadow)
    assert order_violations(falling, near) == Violations(None, None)


def test_light_that_hardly_differs_has_no_order():
    chart = ramp()
    close = OrderScene(
        chart.log_irradiance * 0.3 / 7, chart.highlight, chart.shadow
    )  # 0.3 stops in all
    assert order_violations(picture(np.arange(200, 40, -20), chart), close) == Violations(
        None, None
    )
    apart = OrderScene(chart.log_irradiance * 0.4 / 7, chart.highlight, chart.shadow)
    assert order_violations(picture(np.arange(200, 40, -20), chart), apart) == Violations(1.0, 1.0)


def test_the_share_is_that_of_the_pairs_that_change_places():
    """Of four equal patches the upper two change places: 1 of 6 unordered pairs."""
    chart = ramp(4)
    swapped = order_violations(picture([40, 80, 160, 120], chart), chart)
    assert swapped.everywhere == pytest.approx(1 / 6, abs=0.003)
    assert swapped.highlight_shadow == 0


def test_the_order_ignores_the_unit_of_light_and_the_depth():
    chart = ramp()
    image = picture([30, 90, 60, 120, 110, 100, 170, 150], chart)
    expected = order_violations(image, chart)
    moved = OrderScene(chart.log_irradiance + 9, chart.highlight, chart.shadow)
    assert order_violations(image, moved) == expected
    assert order_violations(wide(image), chart) == expected
    assert order_violations(np.repeat(image[..., None], 3, axis=2), chart) == expected
    assert order_violations(image, chart) == expected


def test_green_is_lighter_than_red_and_red_than_blue():
    """L* of the sRGB primaries is 88, 53 and 32."""
    chart = ramp(3)
    colours = np.array([[0, 0, 255], [255, 0, 0], [0, 255, 0]], np.uint8)
    level = np.rint(chart.log_irradiance / math.log(2)).astype(int)
    assert order_violations(colours[level], chart) == Violations(0.0, 0.0)
    assert order_violations(colours[2 - level], chart) == Violations(1.0, 1.0)


def flat_halves(left: int, right: int, shape: tuple[int, int] = (100, 900)) -> np.ndarray:
    image = np.full((*shape, 3), left, np.uint8)
    image[:, shape[1] // 2 :] = right
    return image


def test_the_known_reversal_of_flat_halves_is_seen():
    """Halves of 180/11 and 255/60 (long/short), which a public tool fuses to 0.63 and 0.31."""
    long, short = flat_halves(180, 255), flat_halves(11, 60)
    light = read_scene([short, long], [0.0, GAMMA * math.log(180 / 11)], gamma_response())
    assert light.shadow[:, 0].all()
    assert light.highlight[:, -1].all()
    assert order_violations(flat_halves(161, 79), light) == Violations(1.0, 1.0)
    assert order_violations(flat_halves(79, 161), light) == Violations(0.0, 0.0)
    for photograph in (long, short):
        assert order_violations(photograph, light) == Violations(0.0, 0.0)


def test_clipped_shots_do_not_count_in_the_irradiance():
    long, short = flat_halves(180, 255), flat_halves(0, 60)
    light = read_scene([short, long], [0.0, 2.0], gamma_response())
    expected = [GAMMA * math.log(180 / 128) - 2.0, GAMMA * math.log(60 / 128)]
    np.testing.assert_allclose(light.log_irradiance[0, [0, -1]], expected, atol=1e-4)


@DEPTHS
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_bracket_gives_the_irradiance_of_its_scene(dtype, count, channels):
    radiance = scene((70, 90), stops=12)[..., :channels]
    log_times = np.linspace(0, math.log(64), count)
    shots = [expose(radiance, math.exp(t) / 16, bits=8 * dtype().itemsize) for t in log_times]
    light = read_scene(shots, log_times, gamma_response(channels=channels))
    luminance = radiance @ [0.2126, 0.7152, 0.0722] if channels == 3 else radiance[..., 0]
    peak = np.iinfo(dtype).max
    held = ((shots[0] < peak) & (shots[-1] > 16 * (peak // 255))).all(axis=2)
    error = (light.log_irradiance - np.log(luminance))[held]
    assert held.mean() > 0.8
    assert np.abs(error - np.median(error)).max() < 0.15
    if count == 2:
        assert light.highlight.any()
        assert light.shadow.any()
        assert not (light.highlight & light.shadow).any()
        assert (
            light.log_irradiance[light.highlight].min() > light.log_irradiance[light.shadow].max()
        )


def test_large_pictures_are_read_on_a_grid():
    radiance = scene((800, 1100))
    short, long = (expose(radiance, time) for time in (1 / 16, 4.0))
    light = read_scene([short, long], [0.0, math.log(64)], gamma_response())
    assert light.step == 5
    assert light.log_irradiance.shape == short[::5, ::5, 0].shape
    assert order_violations(long, light).highlight_shadow == 0
    with pytest.raises(ValueError, match="size"):
        order_violations(long[:-5], light)


def test_a_scene_without_highlights_has_no_such_pairs():
    chart = ramp()
    without = OrderScene(chart.log_irradiance, np.zeros_like(chart.highlight), chart.shadow)
    assert order_violations(picture(np.arange(8), chart), without).highlight_shadow is None


@pytest.mark.parametrize("times", [[0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0, 2.0]])
def test_shots_need_rising_times(times):
    with pytest.raises(ValueError, match="short to long"):
        read_scene([noise((9, 9))] * 2, times, gamma_response(channels=1))


def test_shots_need_a_response_for_each_channel():
    with pytest.raises(ValueError, match="channels"):
        read_scene([noise((9, 9))] * 2, [0.0, 1.0], gamma_response(channels=3))


def test_one_pixel_has_no_pairs():
    pixel = noise((1, 1, 3))
    light = read_scene([pixel, pixel], [0.0, 1.0], gamma_response())
    assert order_violations(pixel, light) == Violations(None, None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_that_clipping_would_change_are_counted(dtype):
    planes = np.array([[-0.1, 0.0, 0.5, 1.0], [1.0 + 1e-7, -1e-7, 1.3, 7.0]], dtype)
    assert out_of_range(planes) == 3 / 8
    assert out_of_range(np.zeros((0, 4), dtype)) == 0


# The angle between colours


def patch(*colour: int, dtype=np.uint8) -> np.ndarray:
    return np.broadcast_to(np.array(colour, dtype), (5, 300, 3)).copy()


@pytest.mark.parametrize(
    ("one", "two", "angle"),
    [
        ((255, 255, 255), (128, 128, 128), 0),
        ((255, 0, 0), (0, 255, 0), 90),
        ((255, 255, 255), (255, 0, 0), np.degrees(np.arccos(1 / np.sqrt(3)))),
        ((200, 200, 0), (100, 0, 0), 45),
    ],
)
def test_the_angle_is_that_between_the_colours(one, two, angle):
    assert colour_angle(patch(*one), patch(*two)) == pytest.approx(angle, abs=0.25)


def test_the_angle_is_the_mean_over_pixels_at_any_depth_and_order():
    random = np.random.default_rng(0)
    one, two = random.integers(0, 256, (2, 300, 7, 3), np.uint8)
    angle = colour_angle(one, two)
    each = [colour_angle(one[[r]], two[[r]]) for r in range(300)]
    assert angle == pytest.approx(np.mean(each))
    assert colour_angle(two, one) == pytest.approx(angle)
    assert colour_angle(one[..., ::-1], two[..., ::-1]) == pytest.approx(angle)
    wide = [image.astype(np.uint16) * 257 for image in (one, two)]
    assert colour_angle(*wide) == pytest.approx(angle)
    assert colour_angle(one, one) == pytest.approx(0, abs=1e-6)


def test_the_angle_is_that_of_the_training_loss():
    torch = pytest.importorskip("torch", reason="needs the extra 'train'")
    from expinterp.training.train import colour_angle as loss

    one, two = np.random.default_rng(1).integers(0, 256, (2, 9, 8, 3), np.uint8)
    planes = [torch.from_numpy(each / 255.0).permute(2, 0, 1)[None] for each in (one, two)]
    assert np.degrees(loss(*planes).item()) == pytest.approx(colour_angle(one, two), abs=0.01)


def test_grey_pictures_have_no_angle():
    with pytest.raises(ValueError, match="three channels"):
        colour_angle(patch(1, 2, 3)[..., :1], patch(1, 2, 3)[..., :1])

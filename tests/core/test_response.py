"""Calibration from a stack, and the profile it is kept in."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import expose, gamma_response, scene

from expinterp.core.response.calibration import Profile, calibrate, calibrate_scenes, increasing
from expinterp.errors import ImageFileError, PairError
from expinterp.library import read_profile

TIMES = [1 / 64, 1 / 16, 1 / 4, 1, 4]


@pytest.fixture(scope="module")
def profile() -> Profile:
    radiance = scene((200, 300), stops=10)
    return calibrate([expose(radiance, time) for time in TIMES], TIMES, camera="Acme One")


def test_calibration_finds_the_response_of_a_known_camera(profile):
    inside = slice(10, 246)
    error = (profile.response - gamma_response())[:, inside] / np.log(2)
    assert np.abs(error).max() < 0.05  # stops
    assert profile.residual < 0.1
    assert (profile.shots, profile.camera) == (5, "Acme One")


def stack_of(seed, light=1.0):
    radiance = light * scene((100, 120), seed=seed, stops=6)
    return [expose(radiance, time) for time in TIMES], TIMES


def test_one_scene_given_twice_gives_the_same_response():
    stack, times = stack_of(1)
    alone, twice = calibrate(stack, times), calibrate_scenes(2 * [(stack, times)])
    np.testing.assert_allclose(twice.response, alone.response, atol=1e-6)
    assert (twice.shots, twice.residual) == (2 * alone.shots, alone.residual)


def test_scenes_that_each_show_a_part_give_the_response_together():
    """A dark and a bright scene; the order does not matter, and neither knows all of the curve."""
    scenes = [stack_of(1, light=0.02), stack_of(2, light=20.0)]
    joint = calibrate_scenes(scenes)
    np.testing.assert_allclose(calibrate_scenes(scenes[::-1]).response, joint.response, atol=1e-8)
    truth = gamma_response()[:, 10:246]

    def miss(profile):
        return float(np.square(profile.response[:, 10:246] - truth).mean())

    assert miss(joint) < min(miss(calibrate(*one)) for one in scenes)


def test_no_scene_is_refused():
    with pytest.raises(ValueError, match="no stack"):
        calibrate_scenes([])


def test_calibration_agrees_with_debevecs_least_squares_written_out():
    """The same sum with every pixel's ln E as an unknown: no elimination, no histogram."""
    from expinterp.core.response.calibration import HAT, USUAL

    radiance = scene((8, 9), stops=10)[..., :1]
    stack = np.stack([expose(radiance, time) for time in TIMES[1:]])
    z = stack[..., 0].reshape(4, -1)
    pixels = z.shape[1]
    rows, right = [], []
    for shot, time in enumerate(TIMES[1:]):
        for pixel in range(pixels):
            row = np.zeros(256 + pixels)
            weight = np.sqrt(HAT[z[shot, pixel]])
            row[z[shot, pixel]], row[256 + pixel] = weight, -weight
            rows.append(row)
            right.append(weight * np.log(time))
    for code in range(1, 255):
        row = np.zeros(256 + pixels)
        row[code - 1 : code + 2] = np.sqrt(pixels * 100) * HAT[code] * np.array([1, -2, 1])
        rows.append(row)
        right.append(row[:256] @ USUAL)
    anchor = np.zeros(256 + pixels)
    anchor[128] = np.sqrt(pixels)
    solution = np.linalg.lstsq(np.array([*rows, anchor]), np.array([*right, 0.0]), rcond=None)[0]
    found = calibrate(stack, TIMES[1:]).response[0]
    np.testing.assert_allclose(found[5:250], increasing(solution[:256])[5:250], atol=2e-3)


def miss_of(profile, truth):
    return float(np.sqrt(np.square((profile.response - truth)[:, 10:246]).mean()))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_pixel_with_a_clipped_channel_does_not_count(seed):
    """The correction of colours spoils all channels where the sensor was clipped in one."""
    radiance, times = scene((100, 120), seed=seed, stops=8), [0.05, 0.2, 0.8, 3.2]
    correction = np.array([[1.6, -0.4, -0.2], [-0.3, 1.6, -0.3], [-0.1, -0.5, 1.6]])
    stack = [expose(np.clip(radiance * time, 0, 1) @ correction.T, 1.0) for time in times]
    assert miss_of(calibrate(stack, times), gamma_response()) < 0.005  # else 0.06


def wavy_camera(*, stops: float, height: float = 0.03):
    """Return g of a camera with waves over so many stops, and a function that encodes light."""
    g = 2.2 * np.log(np.maximum(np.arange(256), 0.5) / 255)
    g += height * np.sin(2 * np.pi / stops * g / np.log(2))

    def encode(light):
        return np.interp(np.log(np.maximum(light, 1e-9)), g, np.arange(256.0))

    return g - g[128], encode


def take(encode, times, *, seed=0):
    """Photograph a scene with an encoding."""
    radiance = scene((100, 120), seed=seed, stops=8)
    return [np.rint(encode(np.clip(radiance * time, 0, 1))).astype(np.uint8) for time in times]


@pytest.mark.parametrize("seed", [0, 3])
def test_brackets_with_equal_steps_leave_no_waves(seed):
    """Any wave whose period is a step would fit as well; only smoothness speaks against it."""

    def encode(light):
        code = light ** (1 / 2.2)
        return 255 * (0.65 * code + 0.35 * (3 * code**2 - 2 * code**3))

    light = np.linspace(0, 1, 4097)
    inverse = np.interp(np.arange(256), encode(light), light)
    truth = np.log(np.maximum(inverse, 1e-6) / inverse[128])
    times = [0.01 * 4.0**step for step in range(5)]
    found = calibrate(take(encode, times, seed=seed), times)
    assert miss_of(found, truth) < 0.003  # with a smoothness of 0.04: 0.005 and 0.017


@pytest.mark.parametrize("rounding", [0.0, 0.04])
def test_brackets_with_uneven_steps_show_the_waves_of_a_curve(rounding):
    """Times in EXIF are rounded: 1/125 s follows 1/60 s."""
    truth, encode = wavy_camera(stops=1)
    steps = np.array([-11, -8, -4, -1, 3, 6, 10]) / 3
    noise = rounding * np.array([1, -1, 0, 1, 0, -1, 1])
    found = calibrate(take(encode, 2.0**steps), 2.0 ** (steps + noise))
    assert miss_of(found, truth) < 0.015  # with the smoothness of even steps, or with those: 0.03


def test_pixels_that_do_not_follow_the_exposure_are_left_out():
    radiance = scene((60, 80), stops=10)
    stack = np.stack([expose(radiance, time) for time in TIMES])
    plain = calibrate(stack[:, 4:, 4:], TIMES)
    flicker = np.random.default_rng(0).integers(100, 112, stack.shape, np.uint8)
    stack[:, :4], stack[:, :, :4] = flicker[:, :4], flicker[:, :, :4]
    error = np.abs(calibrate(stack, TIMES).response - plain.response)[:, 20:240]
    assert error.max() < 0.1


def test_the_residual_is_the_weighted_error_in_stops():
    noise = np.random.default_rng(0).normal(0, 0.1, (3, 60, 80, 1))
    times = [1.0, 2.0, 8.0]
    stack = np.stack(
        [expose(scene((60, 80))[..., :1] * 2**n, t) for n, t in zip(noise, times, strict=True)]
    )
    found = calibrate(stack, times)
    weight = np.minimum(stack, 255 - stack).astype(float) + 1e-9
    stops = (found.response[0][stack] - np.log(times).reshape(3, 1, 1, 1)) / np.log(2)
    error = stops - np.average(stops, axis=0, weights=weight)
    expected = np.sqrt(np.average(error**2, weights=weight))  # of all pixels, outliers too
    assert found.residual == pytest.approx(expected, rel=0.25)


def test_shots_that_never_change_give_a_finite_response():
    assert np.isfinite(calibrate(np.full((3, 4, 4, 1), 90, np.uint8), [1, 2, 4]).response).all()


@pytest.mark.parametrize(
    "tones", [([150, 30], [100, 200]), ([0, 0], [0, 255])], ids=["reversed", "clipped"]
)
def test_shots_that_follow_no_exposure_are_refused(tones):
    stack = np.repeat(np.uint8(tones)[:, None, :, None], 9, axis=1)
    with pytest.raises(PairError, match="follows the exposure"):
        calibrate(stack, [1, 2])


def test_only_ratios_of_times_matter():
    radiance = scene((40, 50), stops=10)
    stack = [expose(radiance, time) for time in TIMES]
    doubled = calibrate(stack, [2 * time for time in TIMES])
    np.testing.assert_allclose(doubled.response, calibrate(stack, TIMES).response, atol=1e-9)


def test_the_order_of_shots_does_not_matter():
    radiance = scene((40, 50), stops=10)
    stack = [expose(radiance, time) for time in TIMES]
    turned = calibrate(stack[::-1], TIMES[::-1])
    np.testing.assert_allclose(turned.response, calibrate(stack, TIMES).response, atol=1e-9)


@pytest.mark.parametrize(
    "times",
    [[1.0], [1.0, 1.0, 1.0], [1.0, 2.0], [0.0, 1.0, 2.0], [-1.0, 1.0, 2.0], [1.0, 2.0, np.nan]],
)
def test_a_stack_without_differing_times_is_refused(times):
    with pytest.raises(ValueError, match="times"):
        calibrate([np.zeros((4, 4, 3), np.uint8)] * 3, times)


@pytest.mark.parametrize("channels", [(3, 1), (1, 3), (2, 2)])
def test_stacks_that_are_not_all_grey_or_all_colour_are_refused(channels):
    stack, times = stack_of(1)
    scenes = [([image[..., :count] for image in stack], times) for count in channels]
    with pytest.raises(ValueError, match=r"all be grey or all colour|shape \(rows, cols\) or"):
        calibrate_scenes(scenes)


def test_grey_shots_may_come_without_a_channel_axis():
    stack, times = stack_of(1)
    bare, grey = ([shot[..., part] for shot in stack] for part in (0, slice(1)))
    assert calibrate(bare, times).to_json() == calibrate(grey, times).to_json()


def test_shots_that_are_no_images_of_one_size_are_refused():
    (first, *others), times = stack_of(1)
    with pytest.raises(ValueError, match=r"stack\[0\] must be .*convert .*astype\(np.uint8\)"):
        calibrate([first / 255, *others], times)
    with pytest.raises(PairError, match="export all images with the same size"):
        calibrate([first[1:], *others], times)


@given(st.lists(st.floats(-50, 50), min_size=256, max_size=256))
def test_any_curve_can_be_made_to_increase(values):
    curve = increasing(np.array(values))
    assert (np.diff(curve) > 0).all()
    assert curve[128] == 0


def test_a_curve_that_increases_is_only_shifted():
    curve = gamma_response(channels=1)[0] + np.arange(256) * 1e-3
    np.testing.assert_allclose(increasing(curve), curve - curve[128], atol=1e-12)


def test_a_profile_survives_its_file(profile, tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(profile.to_json(), encoding="utf-8")
    held = read_profile(path)
    np.testing.assert_allclose(held.response, profile.response, atol=1e-5)
    assert (held.residual, held.shots, held.camera) == (profile.residual, 5, "Acme One")
    assert held.scale == profile.scale == 1.0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        "[" * 100_000,
        json.dumps({"expinterp_profile": 1}),
        json.dumps({"expinterp_profile": 9, "response": [[0.0] * 256]}),
        json.dumps({"expinterp_profile": 1, "response": [[0.0] * 256], "residual": 0, "shots": 3}),
        json.dumps({"expinterp_profile": 1, "response": "x", "residual": 0, "shots": 3}),
    ],
)
def test_a_file_that_is_not_a_profile_is_refused_by_name(text, tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ImageFileError, match=r"camera\.json is no camera profile"):
        read_profile(path)


@pytest.mark.parametrize(
    "facts",
    [
        {"response": [[-np.inf, *range(255)]]},
        {"response": [[*range(255), np.inf]]},
        {"response": [[*range(255), 10**400]]},
        {"response": [[z * 1e300 for z in range(256)]]},
        {"response": [[z / 4 for z in range(256)]]},
        {"residual": np.nan},
        {"residual": 10**400},
        {"residual": 1e300},
        {"shots": np.inf},
        {"shots": -1},
        {"camera": {"make": "Acme"}},
        {"scale": -1},
        {"scale": 10**400},
        {"scale": 1e-300},
    ],
)
def test_profiles_with_impossible_values_are_refused(facts):
    sound = {"expinterp_profile": 1, "residual": 0, "shots": 3}
    sound["response"] = [[z / 32 for z in range(256)]]
    sound |= {"camera": None}
    assert Profile.from_json(json.dumps(sound)).scale is None
    with pytest.raises(ValueError, match=rf"^{next(iter(facts))} must be|finite|too large"):
        Profile.from_json(json.dumps(sound | facts))


@pytest.mark.parametrize(
    "facts",
    [
        {"response": "x"},
        {"response": [[1], [1, 2]]},
        {"shots": None},
        {"scale": []},
        {"residual": {}},
    ],
)
def test_values_of_the_wrong_type_are_refused_in_words(facts):
    sound = {"expinterp_profile": 1, "residual": 0, "shots": 3, "camera": None, "response": []}
    with pytest.raises(ValueError, match=r"^a value is missing, or of the wrong type$"):
        Profile.from_json(json.dumps(sound | facts))


@pytest.mark.parametrize("text", ['{"expinterp_profile": 2, "response": []}', "{}", "[1]"])
def test_profiles_of_other_versions_are_refused(text):
    with pytest.raises(ValueError, match=r"^no expinterp profile of version 1$"):
        Profile.from_json(text)


def test_a_missing_profile_is_refused_by_name(tmp_path):
    with pytest.raises(ImageFileError, match=r"none\.json.*make one with"):
        read_profile(tmp_path / "none.json")

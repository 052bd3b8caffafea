"""The laws of the simulated camera."""

from dataclasses import replace

import numpy as np
import pytest

from expinterp.training.simulator.camera import (
    Camera,
    draw_camera,
    draw_response,
    linear_response,
    photograph,
)

RANDOM = np.random.default_rng(0)
SCENE = RANDOM.random((32, 48, 3), np.float32) ** 2
CORRECTION = np.array([[1.5, -0.4, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.4, 1.4]], np.float32)


def shoot(camera, time, scene=SCENE):
    return photograph(scene, time, camera, np.random.default_rng(1))


def test_a_plain_camera_is_linear_in_time_until_it_clips():
    for time in (0.25, 1.0, 4.0):
        expected = np.rint(np.clip(SCENE * time, 0, 1) * 255)
        assert np.abs(shoot(Camera(), time) - expected).max() <= 1  # float32 at .5


def test_the_response_is_the_table():
    codes = np.linspace(0, 1, 256)
    squared = replace(Camera(), response=np.repeat((codes**2)[:, None], 3, axis=1))
    expected = 255 * np.sqrt(np.clip(SCENE, 0, 1))
    assert np.abs(shoot(squared, 1.0) - expected).max() <= 1


def test_overlap_and_correction_cancel_until_something_clips():
    crossed = replace(Camera(), correction=CORRECTION)
    assert np.abs(shoot(crossed, 0.5).astype(int) - shoot(Camera(), 0.5)).max() <= 1
    vivid = np.zeros((4, 4, 3), np.float32)
    vivid[..., 0] = 3.0  # red that spills into the other channels, which do not clip
    clipped = shoot(crossed, 1.0, vivid)
    assert clipped[..., 1].max() > 50


def test_grey_stays_grey_through_every_colour_step():
    grey = np.repeat(SCENE[..., :1], 3, axis=2)
    camera = replace(Camera(), correction=CORRECTION, saturation=1.4, hue=0.7)
    picture = shoot(camera, 0.8, grey).astype(int)
    assert np.ptp(picture, axis=2).max() <= 1


def test_keeping_hues_leaves_the_largest_and_the_smallest_channel():
    codes = np.linspace(0, 1, 256)
    curve = replace(Camera(), response=np.repeat((codes**2)[:, None], 3, axis=1))
    plain, kept = (shoot(replace(curve, hue=hue), 1.0) for hue in (0.0, 1.0))
    np.testing.assert_allclose(plain.max(axis=2), kept.max(axis=2), atol=1)
    np.testing.assert_allclose(plain.min(axis=2), kept.min(axis=2), atol=1)


def test_noise_has_the_variance_of_its_electrons_and_white_balance_amplifies_it():
    flat = np.full((200, 200, 3), 0.5, np.float32)
    gains = np.array([2.0, 1.0, 1.5])
    noisy = Camera(full_well=1000.0, read_noise=10.0, gains=gains.astype(np.float32))
    spread = shoot(noisy, 1.0, flat).std(axis=(0, 1)) / 255
    np.testing.assert_allclose(spread, gains * np.sqrt(500 / gains + 100) / 1000, rtol=0.03)


def test_a_response_leans_from_its_camera_towards_another_but_not_half_way():
    codes = np.linspace(0, 1, 256)[:, None] * np.ones(3)
    gammas = {"one": 1.5, "two": 2.5}
    measured = {name: (codes**gamma)[None] for name, gamma in gammas.items()}
    random = np.random.default_rng(0)
    drawn = [draw_response(measured, random) for _ in range(80)]
    found = np.array([np.log(table[128, 0]) / np.log(128 / 255) for table, _ in drawn])
    share = np.abs(found - [gammas[name] for _, name in drawn])  # the two are 1 apart
    assert share.max() == pytest.approx(0.4, abs=0.05)
    assert {name for _, name in drawn} == {"one", "two"}


def test_a_seed_gives_the_cameras_that_the_bundled_model_was_trained_with():
    measured = {name: linear_response()[None] for name in ("one", "two")}
    random = np.random.default_rng(1)
    drawn = [draw_camera(measured, random) for _ in range(4)]
    assert [(each.name, each.reduction, each.quality) for each in drawn] == [
        ("two", 4, None),
        ("one", 4, 98),
        ("two", 4, 94),
        ("one", 4, 88),
    ]


@pytest.mark.parametrize("subsampling", [False, True])
def test_jpeg_changes_little_at_high_quality(subsampling):
    smooth = np.linspace(0, 1, 48, dtype=np.float32)[None, :, None] * np.ones(
        (32, 1, 3), np.float32
    )
    stored = shoot(replace(Camera(), quality=98, subsampling=subsampling), 1.0, smooth)
    assert np.abs(stored.astype(int) - shoot(Camera(), 1.0, smooth)).max() <= 4


def test_the_scene_is_not_modified_and_a_seed_repeats_the_picture():
    camera = replace(Camera(), full_well=1000.0, blur=0.8, sharpening=0.5, quality=90)
    kept = SCENE.copy()
    np.testing.assert_array_equal(shoot(camera, 1.0), shoot(camera, 1.0))
    np.testing.assert_array_equal(SCENE, kept)


def test_reduction_averages_what_is_encoded():
    codes = np.linspace(0, 1, 256)
    curved = replace(Camera(), response=np.repeat((codes**2)[:, None], 3, axis=1))
    blocks = shoot(curved, 1.0).reshape(8, 4, 12, 4, 3).mean(axis=(1, 3))
    assert np.abs(shoot(replace(curved, reduction=4), 1.0) - blocks).max() <= 0.5

"""The hue of deep shadows: what a camera took from one channel more than from the others."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import scene

from expinterp import interpolate
from expinterp.core.comparison import compare
from expinterp.core.mapping import imf_from_response
from expinterp.core.response.calibration import increasing
from expinterp.core.response.shadows import BLACK, SHADOWS, correct_shadows

CODES = np.arange(256.0)
SRGB = np.where(
    CODES > 10, ((CODES / 255 + 0.055) / 1.055) ** 2.4, np.maximum(CODES, 0.5) / 255 / 12.92
)
TRUE = increasing(np.tile(np.log(SRGB), (3, 1)))  # IEC 61966-2-1
RATIO = 256.0
LOG_RATIO = np.log(RATIO)
CODE_5 = np.exp(TRUE[0, 5])  # light that code value 5 stands for


def photograph(
    light: np.ndarray, missing: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> np.ndarray:
    """Photograph light E·t, of which some is missing in each channel."""
    left = np.log(np.maximum(light - np.array(missing), 1e-9))
    codes = [np.interp(left[..., c], TRUE[c], CODES) for c in range(3)]
    return np.rint(np.stack(codes, axis=-1)).astype(np.uint8)


def pair(
    missing: tuple[float, float, float], *, grey: bool = False, ratio: float = RATIO
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return long, the shot half-way and short of a scene; white of long is code value 13 of short."""
    light = scene((240, 320), stops=7.0) * np.exp(TRUE[0, 255])
    light = np.repeat(light[..., :1], 3, axis=2) if grey else light
    long, middle = (photograph(light / k, missing) for k in (1.0, ratio**0.5))
    return long, middle, photograph(light / ratio, missing)


def added(response: np.ndarray) -> np.ndarray:
    """Return the light that a response adds to code value 5, relative to that of code value 5."""
    return (np.exp(response[:, 5] - response[:, 128]) - np.exp(TRUE[:, 5])) / CODE_5


def test_light_that_is_missing_in_two_channels_is_found():
    long, _, short = pair((0.6 * CODE_5, 0.0, 0.3 * CODE_5))
    found = added(correct_shadows(TRUE, LOG_RATIO, long, short))
    np.testing.assert_allclose(found, (0.6, 0.0, 0.3), atol=0.08)


def test_bright_tones_and_black_stay():
    long, _, short = pair((0.6 * CODE_5, 0.0, 0.3 * CODE_5))
    found = correct_shadows(TRUE, LOG_RATIO, long, short)
    assert (np.diff(found) > 0).all()
    assert found[:, 128] == pytest.approx(0)
    np.testing.assert_allclose(found[:, 60:], TRUE[:, 60:], atol=0.02)
    black = int(BLACK) + 1
    np.testing.assert_allclose(found[:, :black], TRUE[:, :black], atol=0.01)
    assert found[0, int(SHADOWS[0])] > TRUE[0, int(SHADOWS[0])] + 0.5


@pytest.mark.parametrize("missing", [0.0, 0.5])
def test_what_all_channels_lack_changes_nothing(missing):
    long, _, short = pair((missing * CODE_5,) * 3)
    found = added(correct_shadows(TRUE, LOG_RATIO, long, short))
    np.testing.assert_allclose(found, 0, atol=0.08)


def test_light_that_is_added_to_a_channel_changes_nothing():
    """Stray light and noise do so; what is brighter than it should be stays."""
    long, _, short = pair((0.0, -0.5 * CODE_5, 0.0))
    found = added(correct_shadows(TRUE, LOG_RATIO, long, short))
    np.testing.assert_allclose(found, 0, atol=0.08)


def test_intervals_that_contradict_each_other_count_little():
    """Red is too dark in one half of its shadows, and right in the other."""
    long, _, short = pair((0.0, 0.0, 0.0))
    wrong = short.copy()
    wrong[..., 0] = np.where((short[..., 0] > 7) & (long[..., 0] < 251), 3, short[..., 0])
    all_of_it = pair((0.6 * CODE_5, 0.0, 0.0))
    some = added(correct_shadows(TRUE, LOG_RATIO, long, wrong))[0]
    assert 0 < some < 0.7 * added(correct_shadows(TRUE, LOG_RATIO, all_of_it[0], all_of_it[2]))[0]


@pytest.mark.parametrize(("pixels", "tones"), [(150, 3), (600, 2)])
def test_a_small_thing_that_moved_counts_for_nothing(pixels, tones):
    """A red light, off in short, is all that both show of the shadows of red."""
    long, short = np.full((1200, 1000, 3), 250, np.uint8), np.full((1200, 1000, 3), 13, np.uint8)
    expected = imf_from_response(TRUE, scale=1 / RATIO)[0]
    shades = np.searchsorted(expected, (5.2, 6.2, 7.2))
    for k, code in enumerate(shades):
        long[k * 100 : k * 100 + 100, :, 1:] = code
        short[k * 100 : k * 100 + 100, :, 1:] = 5 + k
    light = long[:300].reshape(3, -1, 3)[:tones, :pixels]
    light[..., 0] = shades[:tones, np.newaxis]
    short[:300].reshape(3, -1, 3)[:tones, :pixels, 0] = 0
    np.testing.assert_array_equal(correct_shadows(TRUE, LOG_RATIO, long, short), TRUE)
    more = long[:300].reshape(3, -1, 3)[:, : 4 * pixels]
    more[..., 0] = shades[:, np.newaxis]
    short[:300].reshape(3, -1, 3)[:, : 4 * pixels, 0] = 0
    assert added(correct_shadows(TRUE, LOG_RATIO, long, short))[0] > 0.5


def test_pixels_that_are_clipped_in_any_channel_do_not_count():
    """Half of the picture has no red in short, but is white in blue: the other half decides."""
    long, _, short = pair((0.3 * CODE_5, 0.0, 0.0))
    expected = correct_shadows(TRUE, LOG_RATIO, long[:120], short[:120])
    long[120:, :, 2], short[120:, :, 0] = 255, 0
    np.testing.assert_array_equal(correct_shadows(TRUE, LOG_RATIO, long, short), expected)
    assert added(expected)[0] > 0.2


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_channel_that_shows_too_few_shadows_decides(channel):
    long, _, short = pair((0.6 * CODE_5, 0.0, 0.3 * CODE_5), grey=True)
    long[..., channel] = np.minimum(long[..., channel], 60)
    np.testing.assert_array_equal(correct_shadows(TRUE, LOG_RATIO, long, short), TRUE)


def test_without_pixels_nothing_changes():
    none = np.empty((0, 1, 3), np.uint8)
    assert correct_shadows(TRUE, LOG_RATIO, none, none) is TRUE


def test_grey_images_have_no_hue():
    long, _, short = (each[..., :1] for each in pair((0.6 * CODE_5, 0.0, 0.0)))
    assert correct_shadows(TRUE, LOG_RATIO, long, short) is TRUE


def test_a_comparison_corrects_the_shadows():
    long, _, short = pair((0.6 * CODE_5, 0.0, 0.6 * CODE_5))
    plain, _, right = pair((0.0, 0.0, 0.0))
    red, green, blue = compare(long, short).response[:, 5] - compare(plain, right).response[:, 5]
    assert min(red, blue) > green + 0.2


def test_a_grey_wall_stays_grey():
    """It is white in long, and has (7, 11, 7) in place of grey in short: 9 EV lie between them."""
    long, middle, short = pair((0.8 * CODE_5, 0.0, 0.8 * CODE_5), grey=True, ratio=512)
    wall = (long.min(axis=2) == 255) & (short[..., 1] < 16)
    red, green, blue = interpolate(long, short, align=False, refiner=None).medium[wall].mean(axis=0)
    assert np.ptp(middle[wall].mean(axis=0)) < 1
    assert min(red, blue) > green - 9  # 23 where shadows are not corrected

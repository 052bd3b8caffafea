"""Hues of shaded surfaces as a cue for the response."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from synthetic import gamma_response

from expinterp.core import comparison
from expinterp.core.comparison import compare
from expinterp.core.response.calibration import increasing
from expinterp.core.response.prior import estimate_response, load_prior
from expinterp.core.response.shading import (
    DISTANCE,
    EXPONENT,
    FEWEST,
    PAIRS,
    adjacent_pixels,
    change_of_hue,
    hue_likelihood,
)

CODES = np.arange(256.0)
LOG_RATIO = np.log(16.0)
COLOURS = np.array([[1.0, 0.5, 0.3], [0.3, 0.9, 0.6], [0.5, 0.4, 1.0], [0.8, 0.8, 0.4]])
TRUE = increasing(gamma_response())


def waved(response: np.ndarray, size: float = 0.2) -> np.ndarray:
    """Bend a response by waves of the period ln k: Λ12 stays, all exposures between change."""
    return increasing(response + size * np.sin(2 * np.pi * response / LOG_RATIO))


def shaded(rows: int = 120, cols: int = 200, *, exposure: float = 0.0) -> np.ndarray:
    """Photograph four matte surfaces, 50 columns each, under light that falls off downwards."""
    surface = np.log(COLOURS[np.arange(cols) * len(COLOURS) // cols])
    light = np.linspace(0.0, -2.5, rows)[:, None, None] + surface + exposure
    codes = [np.interp(light[..., c], TRUE[c] - TRUE[c][-1], CODES) for c in range(3)]
    return np.rint(np.stack(codes, axis=-1)).astype(np.uint8)


def test_hues_of_a_shaded_surface_do_not_change_under_the_true_response():
    pairs = adjacent_pixels(shaded())
    right, wrong = change_of_hue(np.stack([TRUE, waved(TRUE)]), pairs)
    assert right < 0.06  # code values are rounded
    assert wrong > 0.2


def test_the_contrast_of_a_response_does_not_matter():
    """Λ of the exposure half-way does not depend on it either."""
    pairs = adjacent_pixels(shaded())
    one, other = change_of_hue(np.stack([waved(TRUE), 2 * waved(TRUE)]), pairs)
    assert other == pytest.approx(one, rel=0.02)


def test_pairs_are_unclipped_adjacent_pixels_of_different_brightness():
    image = shaded()
    image[:20, :40] = 255
    pairs = adjacent_pixels(image)
    assert pairs.dtype == np.uint8
    assert FEWEST < len(pairs) <= PAIRS
    assert pairs.min() >= 5
    assert pairs.max() <= 247
    assert (np.abs(pairs[:, 0, 1].astype(int) - pairs[:, 1, 1]) >= 6).all()
    at = image[40:-DISTANCE, 0], image[40 + DISTANCE :, 0]
    below = np.stack(at, axis=1)
    assert {pair.tobytes() for pair in pairs} & {pair.tobytes() for pair in below}


def test_sixteen_bits_give_the_pairs_of_eight():
    np.testing.assert_array_equal(
        adjacent_pixels(shaded().astype(np.uint16) * 257), adjacent_pixels(shaded())
    )


@pytest.mark.parametrize("shape", [(1, 1, 3), (DISTANCE, DISTANCE, 3), (50, 60, 1), (50, 60, 3)])
def test_grey_flat_and_tiny_images_show_no_hues(shape):
    pairs = adjacent_pixels(np.full(shape, 128, np.uint8))
    assert pairs.shape == (0, 2, 3)
    np.testing.assert_array_equal(hue_likelihood(np.stack([TRUE, waved(TRUE)]), pairs), 1)


def test_the_likelihood_is_a_power_of_the_change():
    pairs, responses = adjacent_pixels(shaded()), np.stack([TRUE, waved(TRUE, 0.1), waved(TRUE)])
    change = change_of_hue(responses, pairs)
    likelihood = hue_likelihood(responses, pairs)
    assert likelihood[0] == 1
    np.testing.assert_allclose(likelihood[1:], (change[0] / change[1:]) ** EXPONENT, rtol=0.1)
    np.testing.assert_array_equal(hue_likelihood(responses, pairs[1 - FEWEST :]), 1)
    assert (hue_likelihood(responses, pairs[-FEWEST:])[1:] < 1).all()
    np.testing.assert_array_equal(hue_likelihood(responses, None), 1)


def test_hues_decide_between_responses_of_the_same_mapping():
    z2 = np.linspace(10, 110, 48)
    z1 = np.stack([np.interp(np.interp(z2, CODES, g) + LOG_RATIO, g, CODES) for g in TRUE])
    levels = [np.stack([each, z2], axis=1) for each in z1]
    prior = load_prior()
    two = replace(
        prior,
        centres=np.stack([TRUE, waved(TRUE)]),
        weights=np.full(2, 0.5),
        covariance=1e-9 * prior.covariance,
        cameras=("", ""),
    )
    blind = estimate_response(levels, two).response
    told = estimate_response(levels, two, adjacent_pixels(shaded())).response
    errors = [np.abs(found - TRUE)[:, 10:240].max() for found in (blind, told)]
    assert errors[0] > 0.05
    assert errors[1] < errors[0] / 20


def test_two_exposures_are_compared_with_hues(monkeypatch):
    long, short = shaded(exposure=2.0), shaded(exposure=2.0 - LOG_RATIO)
    told = compare(long, short, deghost=False).response
    monkeypatch.setattr(comparison, "adjacent_pixels", lambda image: adjacent_pixels(image[:1]))
    assert np.abs(compare(long, short, deghost=False).response - told).max() > 1e-3

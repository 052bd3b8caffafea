"""Known encodings: curves, output spaces, and pairs whose response is known."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from expinterp.core import encoding
from expinterp.core.encoding import SPACES, Encoding, Space, decode, encode, known_response
from expinterp.core.render import render
from expinterp.errors import PairError
from expinterp.images.developing.profiles import icc_profile
from expinterp.pipeline import measure

MATRIX = np.array([[1.6, -0.5, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.4, 1.4]])


def scene(seed: int = 1, side: int = 160) -> np.ndarray:
    """Linear light of eight stops, smooth with some detail, (side, side, 3)."""
    stops = np.random.default_rng(seed).normal(0, 8, (side, side, 3)).astype(np.float32)
    return np.exp2(cv2.GaussianBlur(stops, (0, 0), 6) * 4 - 2).astype(np.float32)


def test_encoding_and_decoding_are_inverse_to_a_step_of_16_bits() -> None:
    codes = np.arange(65_536, dtype=np.uint16)
    assert abs(encode(decode(codes)).astype(int) - codes).max() <= 1
    assert encode(np.float32([-1, 0, 1, 9])).tolist() == [0, 0, 65_535, 65_535]


def test_the_known_response_is_that_of_the_curve_and_0_at_128() -> None:
    response = known_response(2).response
    decoded = encoding.SRGB_CURVE.decode(np.array([64, 128, 255]) / 255)
    np.testing.assert_allclose(response[:, [64, 128, 255]], [np.log(decoded / decoded[1])] * 2)
    assert response[0, 0] == pytest.approx(
        np.log(encoding.SRGB_CURVE.decode(0.5 / 65_535) / decoded[1])
    )


def test_a_table_of_256_entries_is_exact_enough_for_16_bits() -> None:
    z = np.arange(65_536) / 257
    curve = encoding.SRGB_CURVE
    for scale in (1 / 8, 1 / 2, 2, 8):
        table = np.interp(z, np.arange(256), encoding.known_imf(scale, 1)[0])
        exact = 255 * curve.encode(scale * curve.decode(z / 255))
        assert np.sqrt(np.mean((table - exact) ** 2)) < 255 * 10 ** (-80 / 20)


@pytest.mark.parametrize("ratio", [4.0, 16.0, 64.0])
def test_with_a_known_response_the_ratio_and_the_medium_are_exact(ratio: float) -> None:
    light = scene()
    long, medium, short = (encode(light * t) for t in (ratio**0.5, 1.0, ratio**-0.5))
    pair = measure(short, long, response=known_response())  # in the wrong order
    assert pair.source == "known"
    assert pair.ratio_measured == pytest.approx(ratio, rel=2e-3)
    error = render(pair).medium.astype(float) - medium
    assert 20 * np.log10(65_535 / np.sqrt(np.mean(error**2))) > 50


@pytest.mark.parametrize(("count", "ratio"), [(999, 2), (1000, 4)])
def test_the_brightest_values_are_compared_where_there_are_a_thousand(
    count: int, ratio: int
) -> None:
    """The others are dimmer in ``long`` than `WELL_EXPOSED` asks for first, and more."""
    long = np.r_[np.full(count, 0.4), np.full(5000, 0.08)]
    short = np.r_[np.full(count, 0.1), np.full(5000, 0.04)]
    assert encoding.log_ratio_of(long, short) == pytest.approx(np.log(ratio), abs=1e-6)
    assert encoding.log_ratio_of(long[:count] * 2.2, short[:count]) is None  # it may be clipped


def test_what_moved_does_not_change_the_measured_ratio() -> None:
    light = scene()
    long, short = encode(light * 2), encode(light / 2)
    long[:50, :50] = 20_000
    assert encoding.known_log_ratio(long, short) == pytest.approx(np.log(4), abs=0.01)


def test_a_stated_ratio_that_is_wrong_is_reported_and_not_used() -> None:
    light = scene()
    pair = measure(encode(light * 2), encode(light / 2), ratio=8.0, response=known_response())
    assert np.exp(pair.log_ratio) == pytest.approx(4, rel=1e-2)
    assert any("stated exposure ratio is 8" in notice for notice in pair.notices)


def test_a_pair_without_a_common_tone_needs_a_stated_ratio() -> None:
    white, black = np.full((20, 20, 3), 65_535, np.uint16), np.zeros((20, 20, 3), np.uint16)
    with pytest.raises(PairError, match="share no tone"):
        measure(white, black, response=known_response())


@pytest.mark.parametrize("space", SPACES)
def test_a_profile_says_what_finishing_did(space: Space) -> None:
    """LittleCMS, given our profile, finds the colours from which we started."""
    rgb = np.uint8([[[200, 120, 90], [255, 255, 255], [60, 90, 70], [128, 128, 128]]])
    working = encode(SPACES["srgb"].curve.decode(rgb / 255).astype(np.float32))
    matrix = encoding.conversion("srgb", space)
    finished = Encoding(matrix, space).finish(working)
    profile = ImageCms.ImageCmsProfile(BytesIO(icc_profile(space)))
    picture = Image.fromarray(np.rint(finished / 257).astype(np.uint8))
    srgb = ImageCms.createProfile("sRGB")
    found = ImageCms.profileToProfile(picture, profile, srgb, outputMode="RGB", renderingIntent=1)
    assert abs(np.asarray(found).astype(int) - rgb).max() <= 1


def test_finishing_applies_the_matrix_in_linear_light_and_clips_once() -> None:
    codes = encode(np.random.default_rng(3).random((70, 9, 3), np.float32))
    linear = np.clip(np.float64(decode(codes)) @ MATRIX.T, 0, 1)
    wanted = 65_535 * encoding.SRGB_CURVE.encode(linear)
    assert abs(Encoding(MATRIX).finish(codes) - wanted).max() <= 2.5


def test_light_is_converted_to_the_output_space_without_clipping() -> None:
    light = np.random.default_rng(3).uniform(0, 9, (70, 9, 3)).astype(np.float32)
    found, grey = light.copy(), light[..., :1].copy()
    encoding.to_output(found, Encoding(MATRIX))
    np.testing.assert_allclose(found, light @ MATRIX.T, rtol=1e-5, atol=1e-5)
    for each in (None, Encoding()):
        encoding.to_output(found := light.copy(), each)
        np.testing.assert_array_equal(found, light)
    encoding.to_output(grey, Encoding(MATRIX))
    np.testing.assert_array_equal(grey, light[..., :1])


def test_linear_srgb_is_finished_already() -> None:
    codes = encode(np.random.default_rng(3).random((5, 9, 3), np.float32))
    assert Encoding().finish(codes) is codes
    grey = codes[..., 0]
    assert Encoding(MATRIX, "adobe-rgb").finish(grey).shape == grey.shape


@pytest.mark.parametrize(("off", "alike"), [(0.0009, True), (0.0011, False)])
def test_matrices_that_differ_by_a_thousandth_are_alike(off, alike):
    """Rounded numbers in files differ by less, those of two cameras by more."""
    other = Encoding(np.eye(3) + off * (1 - np.eye(3)))
    assert Encoding().is_like(other) == other.is_like(Encoding()) == alike


def test_encodings_are_alike_if_space_and_matrix_are():
    matrix = np.array([[1.2, -0.2, 0], [0, 1, 0], [0, 0.1, 0.9]])
    plain = Encoding()
    assert plain.is_like(Encoding(np.eye(3) + 0.0005))
    assert Encoding(matrix, "rec2020").is_like(Encoding(matrix + 0.0005, "rec2020"))
    for other in (None, Encoding(space="rec2020"), Encoding(matrix), Encoding(np.eye(3) + 0.01)):
        assert not plain.is_like(other)


@pytest.mark.parametrize(
    ("space", "matrix"),
    [
        ("srgb", [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]),
        (
            "adobe-rgb",
            [[0.5767, 0.1856, 0.1882], [0.2973, 0.6274, 0.0753], [0.0270, 0.0707, 0.9911]],
        ),
        ("display-p3", [[0.4866, 0.2657, 0.1982], [0.2290, 0.6917, 0.0793], [0.0, 0.0451, 1.0439]]),
        ("rec2020", [[0.6370, 0.1446, 0.1689], [0.2627, 0.6780, 0.0593], [0.0, 0.0281, 1.0610]]),
    ],
)
def test_each_space_has_the_matrix_that_its_standard_states(space: Space, matrix):
    """IEC 61966-2-1, Adobe RGB (1998), SMPTE EG 432-1 with D65, ITU-R BT.2020."""
    np.testing.assert_allclose(SPACES[space].to_xyz, matrix, atol=3e-4)

"""The prior of camera responses, built from collections of curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic import gamma_response

from expinterp.core.response.calibration import CONTRAST, SPAN, contrast
from expinterp.core.response.prior import ResponsePrior, load_prior
from expinterp.training import prior as making
from expinterp.training.prior import build_prior, channel_covariance, flat_share, repair

BUNDLED = Path(making.__file__).parent.parent / "data" / "response_prior.npz"
FILMS = 144  # curves of the DoRF collection, which stand last
CAMERAS = ("one", "one", "one", "two", "three")
FIRST = 4  # of these curves stand in a file of their own


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write curves in the formats of the collections: gamma cameras and straight films."""
    random = np.random.default_rng(0)
    gammas = random.uniform(1.6, 2.6, (len(CAMERAS), 3))
    curves = np.stack([[gamma_response(g, 1)[0] for g in scene] for scene in gammas])
    noisy = curves + random.normal(0, 0.01, curves.shape)
    write_measured(tmp_path / "measured_log_exposure.npz", noisy[:FIRST], CAMERAS[:FIRST])
    write_measured(tmp_path / "measured_log_exposure_2.npz", noisy[FIRST:], CAMERAS[FIRST:])
    light = np.linspace(0, 1, 1024)
    brightness = np.stack([light ** (1 / gamma) for gamma in (1.2, 1.8, 2.4)])
    np.savez(tmp_path / "dorf_film_144.npz", irradiance=light, brightness=brightness)
    return tmp_path


def write_measured(path: Path, curves, cameras, scenes=None) -> None:
    np.savez(
        path,
        log_exposure=np.asarray(curves).transpose(0, 2, 1).astype(np.float32),
        camera=np.array(cameras),
        scene=np.array(scenes or [f"{path.stem}-{at}" for at in range(len(cameras))]),
    )


def test_a_camera_counts_by_the_square_root_of_its_number_of_curves(folder):
    """Its curves are alike, but not equal: they are neither one observation nor three."""
    weights = build_prior(folder)["weights"]
    assert weights.sum() == pytest.approx(1)
    cameras = weights[: len(CAMERAS)]
    assert cameras[:3].sum() == pytest.approx(np.sqrt(3) * cameras[3])
    assert cameras[3] == pytest.approx(cameras[4])


def test_all_centres_are_scaled_to_one_contrast(folder):
    prior = ResponsePrior.from_arrays(build_prior(folder))
    np.testing.assert_allclose(contrast(prior.centres), SPAN, rtol=2e-3)


def test_a_camera_can_be_left_out(folder):
    assert (
        len(build_prior(folder, without="one")["weights"])
        == len(build_prior(folder)["weights"]) - 3
    )


def test_one_camera_has_one_name_whatever_the_files_call_it(folder):
    curves = np.array([gamma_response(gamma) for gamma in (1.7, 2.1, 2.5, 2.3)])
    cameras = ["Canon EOS 550D?", "Canon EOS 550D", "PowerShot S95", "film scan"]
    write_measured(folder / "measured_log_exposure_3.npz", curves, cameras)
    arrays = build_prior(folder)
    named = ("Canon EOS 550D", "Canon EOS 550D", "Canon PowerShot S95", "")
    assert tuple(arrays["cameras"][5:9]) == named
    both = arrays["weights"][5:7].sum()
    assert both / np.sqrt(2) == pytest.approx(arrays["weights"][7])
    assert arrays["weights"][7] == pytest.approx(arrays["weights"][8])
    for name in cameras[:2]:
        assert "Canon EOS 550D" not in build_prior(folder, without=name)["cameras"]


def test_a_scene_that_two_files_hold_counts_once(folder):
    curves = np.array([gamma_response(2.0)] * 2)
    scenes = ["ningning-artifact", "eos550d-artifact"]
    before = len(build_prior(folder)["weights"])
    write_measured(folder / "measured_log_exposure_3.npz", curves, ["Canon EOS 550D"] * 2, scenes)
    assert len(build_prior(folder)["weights"]) == before + 1


def test_a_curve_of_mere_noise_is_dropped(folder):
    noise = np.random.default_rng(1).normal(0, 1, (3, 256))
    curves, cameras = [noise, gamma_response(2.0)], ["noisy", "sound"]
    write_measured(folder / "measured_log_exposure_3.npz", curves, cameras)
    assert flat_share(repair(gamma_response(2.0)[0])) == 0
    assert flat_share(np.array([repair(channel) for channel in noise])) > making.FLAT
    assert tuple(build_prior(folder)["cameras"][5:-3]) == ("sound",)


def test_a_scene_can_be_left_out(folder):
    whole, less = (
        build_prior(folder, without_scene=scene)["cameras"]
        for scene in (None, "measured_log_exposure-1")
    )
    assert tuple(whole[:3]) == ("one",) * 3
    assert tuple(less[:3]) == ("one", "one", "two")


def test_the_bundled_prior_names_the_cameras_of_its_curves():
    prior = load_prior()
    assert len(prior.cameras) == len(prior.centres)
    assert {"NIKON D2X", "NIKON D90", "SONY NEX-5", "Canon EOS 5D"} <= set(prior.cameras)
    assert not any("?" in name or "(" in name for name in prior.cameras)
    assert prior.cameras.count("NIKON D90") == 6
    assert set(prior.cameras[-FILMS:]) == {""}


def test_the_basis_holds_the_curves_it_was_made_from(folder, monkeypatch):
    monkeypatch.setattr(making, "DIMENSIONS", 30)
    arrays = build_prior(folder)
    film = ResponsePrior.from_arrays(arrays).centres[-1, 0]
    codes = np.arange(60, 250)
    slope = np.gradient(film)[codes] * codes  # of g = γ·ln z it is γ everywhere
    assert np.ptp(slope) < 0.05 * slope.mean()


def test_channels_are_treated_alike(folder):
    covariance = build_prior(folder)["covariance"]
    size = len(covariance) // 3
    blocks = covariance.reshape(3, size, 3, size).transpose(0, 2, 1, 3)
    for i, j in ((0, 1), (1, 2), (0, 2)):
        np.testing.assert_allclose(blocks[i, i], blocks[j, j], atol=1e-8)
        np.testing.assert_allclose(blocks[i, j], blocks[0, 1], atol=1e-8)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_the_bundled_prior_was_made_with_these_constants():
    with np.load(BUNDLED) as held:
        arrays = {
            name: held[name].astype(np.float64) for name in ("weights", "coordinates", "covariance")
        }
    cameras = arrays["weights"][:-FILMS]
    assert cameras.sum() == pytest.approx(1 - making.FILM, rel=1e-5)
    among = channel_covariance(arrays["coordinates"][:-FILMS], cameras / cameras.sum())
    expected = making.SPREAD**2 * among
    np.testing.assert_allclose(arrays["covariance"], expected, atol=1e-5 * expected.max())


def test_noise_at_the_ends_of_a_measured_curve_is_continued_from_within():
    clean = gamma_response(2.0, 1)[0]
    broken = clean.copy()
    broken[:3] = [9, -40, 7]
    broken[253:] = [-9, 30, 0]
    repaired = repair(broken)
    assert (np.diff(repaired) > 0).all()
    np.testing.assert_allclose(repaired[20:245], (clean - clean[128])[20:245], atol=0.02)
    low, high = CONTRAST
    assert repaired[high] - repaired[low] == pytest.approx(clean[high] - clean[low], abs=0.02)


def test_the_command_writes_what_the_package_reads(folder, tmp_path, monkeypatch):
    target = tmp_path / "prior.npz"
    monkeypatch.setattr("sys.argv", ["prior", str(folder), "-o", str(target)])
    making.main()
    with np.load(target) as held:
        assert set(held) == {
            "mean", "basis", "coordinates", "weights", "covariance", "cameras",
        }  # fmt: skip
        assert tuple(held["cameras"]) == (*CAMERAS, "", "", "")  # films last

"""The library of cameras: the user's own curves stand beside the built-in ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from camera_samples import D90, FLAT, STEEP, TONES, measured, photograph
from synthetic import psnr

import expinterp
from expinterp.core.response.calibration import SPAN, Profile, contrast
from expinterp.core.response.prior import load_prior
from expinterp.errors import ExitCode, OutputError
from expinterp.library import (
    ANY,
    UnknownCameraError,
    forget,
    open_library,
    prior_of,
    read_profile,
    remember,
)
from expinterp.library.own import own_folder


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the user's own cameras."""
    monkeypatch.setenv("EXPINTERP_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "cameras"


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    return {camera: measured(camera) for camera in TONES}


def test_without_a_folder_it_holds_the_built_in_cameras(folder: Path) -> None:
    library = open_library()
    assert library.cameras[D90].built_in == load_prior().cameras.count(D90)
    assert not any(camera.own for camera in library.cameras.values())
    assert expinterp.cameras() == sorted(set(load_prior().cameras) - {""}, key=str.casefold)
    assert not folder.exists()


def test_the_guide_states_how_many_there_are() -> None:
    root = Path(__file__).resolve().parent.parent.parent
    for page in ("docs/camera.md", "CHANGELOG.md"):
        words = " ".join((root / page).read_text("utf-8").split())
        assert f"of {len(expinterp.cameras())} cameras" in words, page


def test_a_remembered_camera_is_known_from_then_on(folder: Path, profiles) -> None:
    file = remember(profiles[STEEP])
    assert file.parent == folder
    library = open_library()
    assert STEEP in expinterp.cameras()
    assert library.cameras[STEEP].own[0].file == file
    prior = library.narrow(["ACME steep 1", STEEP])
    assert (prior.camera, len(prior.centres)) == (STEEP, 1)
    assert contrast(prior.centres) == pytest.approx(SPAN)
    np.testing.assert_array_equal(
        read_profile(file).response, np.round(profiles[STEEP].response, 5)
    )


def test_curves_of_several_scenes_stand_side_by_side(profiles) -> None:
    remember(profiles[STEEP])
    remember(profiles[STEEP])  # the same scene again changes nothing
    remember(measured(STEEP, seed=2))
    assert open_library().cameras[STEEP].curves == 2


def test_own_curves_join_the_built_in_ones_of_the_camera(profiles) -> None:
    before = open_library().cameras[D90].curves
    file = remember(replace(profiles[STEEP], camera="NIKON CORPORATION NIKON D90"))
    library = open_library()
    assert (library.cameras[D90].built_in, library.cameras[D90].curves) == (before, before + 1)
    assert len(library.narrow([D90]).centres) == before + 1
    assert len(expinterp.cameras()) == len(set(load_prior().cameras)) - 1
    forget(library.cameras[D90].own[0])
    assert not file.exists()
    assert open_library().cameras[D90].curves == before


def test_a_name_without_a_maker_never_joins_cameras_of_two_makers(profiles) -> None:
    """Whatever the order of the files: x1-….json, yi-x1-….json, zeiss-x1-….json."""
    remember(replace(profiles[STEEP], camera="X1"))
    remember(replace(profiles[FLAT], camera="Zeiss X1"))
    assert open_library().cameras["Zeiss X1"].curves == 2
    remember(replace(profiles[D90], camera="Yi X1"))
    library = open_library()
    assert [library.cameras[name].curves for name in ("X1", "Yi X1", "Zeiss X1")] == [1, 1, 1]


@pytest.mark.parametrize("camera", [None, "", "Nikon", "any", " - "])
def test_a_camera_without_a_model_is_not_remembered(folder: Path, profiles, camera) -> None:
    with pytest.raises(ValueError, match="model"):
        remember(replace(profiles[STEEP], camera=camera))
    assert not folder.exists()


def test_a_damaged_file_is_named_and_left_out(folder: Path, profiles) -> None:
    remember(profiles[STEEP])
    (folder / "broken.json").write_text('{"expinterp_profile": 1', "utf-8")
    (folder / "nameless.json").write_text(replace(profiles[FLAT], camera=None).to_json(), "utf-8")
    (folder / "notes.txt").write_text("mine", "utf-8")
    library = open_library()
    assert library.cameras[STEEP].curves == 1
    assert [Path(line.split()[0]).name for line in library.damaged] == [
        "broken.json", "nameless.json",
    ]  # fmt: skip


def test_a_folder_that_is_none_is_named(folder: Path, profiles) -> None:
    folder.parent.mkdir()
    folder.write_text("mine", "utf-8")
    assert D90 in open_library().cameras
    assert open_library().damaged == (f"{folder} cannot be read (not a directory)",)
    with pytest.raises(OutputError, match="EXPINTERP_DATA"):
        remember(profiles[STEEP])
    assert folder.read_text("utf-8") == "mine"


@pytest.mark.parametrize("letter", ["x", "長", "\U00020000", "İ"])
def test_a_camera_of_a_long_name_is_remembered(profiles, letter: str) -> None:
    """No file name may exceed 255 bytes."""
    name = 300 * letter
    remember(replace(profiles[STEEP], camera=name))
    assert open_library().cameras[name].curves == 1


def test_a_file_that_changes_is_read_again(folder: Path, profiles) -> None:
    file = remember(profiles[STEEP])
    before = open_library().digest(STEEP)
    file.write_text(profiles[FLAT].to_json().replace(FLAT, STEEP), "utf-8")
    os.utime(file, (1, 1))
    assert open_library().digest(STEEP) != before


def test_the_digest_is_of_what_the_files_hold(folder: Path, profiles) -> None:
    """Machines of a cluster may name them differently."""
    files = [remember(replace(profile, camera=STEEP)) for profile in profiles.values()]
    before = open_library().digest()
    assert len(set(files)) > 2
    for number, file in enumerate(sorted(files, reverse=True)):
        file.rename(folder / f"{number}.json")
    assert open_library().digest() == before


def test_an_empty_variable_names_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPINTERP_DATA", "")
    named = own_folder()
    monkeypatch.delenv("EXPINTERP_DATA")
    assert named == own_folder()
    assert "expinterp" in named.parts


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a read-only folder")
def test_a_folder_that_cannot_be_written_is_an_error(folder: Path, profiles) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    with pytest.raises(OutputError) as error:
        remember(profiles[STEEP])
    assert error.value.exit_code is ExitCode.OUTPUT


def test_shots_are_of_a_camera_if_all_name_it() -> None:
    library = open_library()
    assert library.choose(["NIKON CORPORATION NIKON D90", "Nikon D90"]) == D90
    for stated in ([D90, None], [D90, "Canon EOS 7D"], [D90, "NIKON D91"], [None, None], []):
        assert library.choose(stated) is None
    assert library.choose([None, "Canon EOS 7D"], named="d90") == D90
    assert library.choose([D90, D90], named="Any") is None
    assert library.narrow([D90, None]) is None
    assert library.narrow([D90]).presumed
    assert not library.narrow([], named=D90).presumed


def test_an_unknown_name_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(UnknownCameraError, match=r"'D91' is not known; did you mean NIKON D90"):
        prior_of("D91")
    with pytest.raises(ValueError, match="'expinterp cameras' lists them"):
        expinterp.interpolate(*pair(STEEP, seed=3)[:2], camera="zzz", refiner=None)
    with pytest.raises(ValueError, match="not known"):
        expinterp.fuse(pair(STEEP, seed=3)[:2], camera="zzz", refiner=None)
    with pytest.raises(UnknownCameraError, match="'' is not known"):
        prior_of("")
    for camera in (5, b"D90", [D90]):
        with pytest.raises(ValueError, match="camera must be a name"):
            prior_of(camera)
    assert prior_of(ANY) is prior_of(None) is None


def pair(camera: str, *, seed: int) -> Iterator[np.ndarray]:
    """Photograph a scene long, short, and half-way."""
    return [photograph(camera, time, seed=seed) for time in (1 / 8, 1 / 512, 1 / 64)]


@pytest.mark.parametrize("camera", [STEEP, FLAT])
def test_a_known_camera_gives_a_better_intermediate_image(profiles, camera: str) -> None:
    for profile in profiles.values():
        remember(profile)
    gains, losses = [], []
    other = STEEP if camera == FLAT else FLAT
    for seed in (3, 4, 5):
        long, short, medium = pair(camera, seed=seed)
        plain, named, wrong = (
            psnr(expinterp.interpolate(long, short, camera=name, refiner=None).medium, medium)
            for name in (None, camera, other)
        )
        gains.append(named - plain)
        losses.append(named - wrong)
    assert min(gains) > 1, gains
    assert min(losses) > 3, losses


def test_a_camera_has_no_effect_with_a_profile(profiles) -> None:
    images, profile = pair(FLAT, seed=3)[:2], profiles[STEEP]
    for make, one in ((expinterp.interpolate, "medium"), (expinterp.fuse, "fused")):
        arguments = images if make is expinterp.interpolate else [images]
        both, alone = (
            getattr(make(*arguments, response=profile, refiner=None, camera=name), one)
            for name in (D90, None)
        )
        np.testing.assert_array_equal(both, alone)


def test_fusing_uses_the_camera_too(profiles) -> None:
    remember(profiles[FLAT])
    long, short, _ = pair(FLAT, seed=3)
    named = expinterp.fuse([long, short], camera=FLAT, refiner=None)
    plain = expinterp.fuse([long, short], refiner=None)
    assert [each.pair.source for each in named.exposures[1:2]] == ["camera"]
    assert [each.pair.source for each in plain.exposures[1:2]] == ["pair"]
    assert not np.array_equal(named.fused, plain.fused)

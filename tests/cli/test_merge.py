"""``expinterp merge`` on files: radiance in each format, its scale and colours, refusals."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from cli_samples import Folder
from image_samples import exif
from motion_samples import hand, similarity, textured
from motion_samples import seen as from_pose
from motion_samples import shots as moved
from PIL import Image, ImageCms
from synthetic import expose, gamma_response, scene

from expinterp.core.response.calibration import Profile
from expinterp.errors import ExitCode
from expinterp.images import Metadata, read_photograph, write_radiance
from expinterp.images.developing.profiles import SRGB, icc_profile, linear_profile, read_primaries

SHAPE = (64, 96)
RADIANCE = scene(SHAPE, stops=6)
TIMES = {"a.png": 1 / 16, "b.png": 1 / 4, "c.png": 1.0}
PROFILE = Profile(gamma_response() + np.arange(256) * 1e-6, 0.0, 3, scale=1.0)
KNOWN = (*TIMES, "--response", "camera.json", "--no-align")
SEEN = ((RADIANCE < 15) & (RADIANCE > 0.01)).all(axis=2)


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Folder:
    """A folder with a bracket and the profile of its camera."""
    monkeypatch.chdir(tmp_path)
    made = Folder(tmp_path, capsysbinary, "merge")
    for name, time in TIMES.items():
        made.write(name, expose(RADIANCE, time), time=time)
    (tmp_path / "camera.json").write_text(PROFILE.to_json())
    return made


def read_light(path: Path) -> np.ndarray:
    if path.suffix == ".hdr":
        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1]
    if path.suffix == ".tif":
        return tifffile.imread(path)
    exr = pytest.importorskip("OpenEXR")
    (channel,) = exr.File(str(path)).channels().values()
    return channel.pixels


@pytest.mark.parametrize(
    ("name", "options", "dtype", "tolerance"),
    [
        ("s.exr", (), np.float16, 1e-3),
        ("s.exr", ("--depth", "float"), np.float32, 1e-6),
        ("s.hdr", (), np.float32, 1e-2),
        ("s.tif", (), np.float32, 1e-6),
        ("s.tif", ("--depth", "half"), np.float16, 1e-3),
    ],
)
def test_each_format_holds_the_radiance(folder, name, options, dtype, tolerance):
    code, out, err = folder.run(*KNOWN, "-o", name, *options)
    assert (code, out, err) == (ExitCode.OK, b"", "")
    light = read_light(folder.path / name)
    assert (light.dtype, light.shape) == (dtype, (*SHAPE, 3))
    folder.run(*KNOWN, "-o", "exact.tif")
    exact = read_light(folder.path / "exact.tif")
    assert (np.abs(light - exact) <= tolerance * exact.max(axis=2, keepdims=True)).all()
    error = np.abs(exact[SEEN] / (RADIANCE[SEEN] / 4) - 1)
    assert np.median(error) < 0.01


def test_noise_is_removed_by_default_and_stays_with_denoise_off(folder):
    random = np.random.default_rng(0)
    for name, time in TIMES.items():
        noisy = expose(RADIANCE, time) + random.normal(0, 2, RADIANCE.shape)
        folder.write(f"noisy_{name}", np.clip(np.rint(noisy), 0, 255).astype(np.uint8), time=time)
    files = [f"noisy_{name}" for name in TIMES]
    for name, options, strength in (("a", (), 1), ("b", ("--denoise", "off"), 0)):
        code, out, _ = folder.run(*files, *KNOWN[3:], "-o", f"{name}.tif", *options, "--json")
        assert (code, json.loads(out)["denoise"]) == (ExitCode.OK, strength)
    clean, raw = (read_light(folder.path / f"{name}.tif") for name in "ab")
    assert not np.allclose(clean, raw, rtol=1e-3)
    code, _, err = folder.run(*files, "-o", "c.tif", "--denoise", "2")
    assert code == ExitCode.USAGE
    assert "--denoise" in err


@pytest.mark.parametrize("suffix", ["hdr", "tif"])
def test_linear_files_are_merged_exactly(folder, suffix):
    """Their response is known, and their ratio is measured."""
    for name, time in (("dark", 1 / 8), ("bright", 1.0)):
        write_radiance((RADIANCE * time).astype(np.float32), f"{name}.{suffix}")
    code, _, err = folder.run(f"dark.{suffix}", f"bright.{suffix}", "-o", "s.tif", "--no-align")
    assert code == ExitCode.OK
    assert "estimate" not in err
    light = read_light(folder.path / "s.tif")
    seen = ((RADIANCE < 7.9) & (RADIANCE > 0.01)).all(axis=2)
    assert np.median(np.abs(light[seen] / RADIANCE[seen] - 1)) < (0.01 if suffix == "hdr" else 1e-3)


def test_the_record_states_scale_and_exposures(folder):
    record = folder.record(*KNOWN, "-o", "s.tif", "--save-mask", "mask.png")
    assert record["command"] == "merge"
    assert record["merge"]["white"] == "b.png"
    assert record["merge"]["scale"] == 1 / 4
    assert record["merge"]["exposures"] == pytest.approx(
        {"a.png": 0.25, "b.png": 1, "c.png": 4}, rel=0.01
    )
    assert record["response"]["source"] == "profile"
    assert [output["kind"] for output in record["outputs"]] == ["radiance", "clipped"]
    mask = folder.pixels("mask.png")
    white = (expose(RADIANCE, TIMES["a.png"]) == 255).any(axis=2)
    assert (mask[..., 0][white] == 255).all()
    assert record["merge"]["clipped"]["white"] == pytest.approx(white.mean(), abs=1e-4)


def test_an_estimate_is_a_warning_and_times_are_an_option(folder):
    code, _, err = folder.run(*TIMES, "-o", "s.tif", "--times", "1/16,1/4,1")
    assert code == ExitCode.OK
    assert "the response is estimated" in err
    folder.write("d.png", expose(RADIANCE, 1.0))
    code, _, err = folder.run("d.png", "a.png", "-o", "t.tif")
    assert code == ExitCode.OK
    assert "--times" in err


def test_metadata_and_colours_go_where_there_is_a_place(folder):
    icc = icc_profile("display-p3")
    for name, time in TIMES.items():
        metadata = Metadata(icc=icc, exif=exif())
        folder.write(name, expose(RADIANCE, time), time=time, metadata=metadata, overwrite=True)
    assert folder.run(*KNOWN, "-o", "s.tif")[0] == ExitCode.OK
    with tifffile.TiffFile(folder.path / "s.tif") as tiff:
        tags = tiff.pages.first.tags
        assert tags["ExifTag"].value["ExposureTime"] == (1, 4)
        stored = tags["InterColorProfile"].value
    assert stored == linear_profile(icc)
    code, _, err = folder.run(*KNOWN, "-o", "s.hdr")
    assert (code, err.count("\n")) == (ExitCode.OK, 1)
    assert "no colour profile" in err
    exr = pytest.importorskip("OpenEXR")
    folder.run(*KNOWN, "-o", "s.exr")
    header = exr.File(str(folder.path / "s.exr")).header()
    assert header["expTime"] == 0.25
    assert header["chromaticities"][:6] == pytest.approx(
        (0.68, 0.32, 0.265, 0.69, 0.15, 0.06), abs=1e-3
    )


def test_profiles_are_read_and_their_linear_form_is_a_profile():
    made = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()  # version 4
    assert read_primaries(made) == pytest.approx(SRGB, abs=2e-3)
    assert read_primaries(icc_profile("rec2020"))[:2] == pytest.approx((0.708, 0.292), abs=1e-3)
    assert read_primaries(None) == SRGB
    linear = linear_profile(made)
    half = Image.new("RGB", (1, 1), (55, 55, 55))  # 0.2158 of linear light
    import io

    encoded = ImageCms.profileToProfile(
        half, ImageCms.ImageCmsProfile(io.BytesIO(linear)), ImageCms.createProfile("sRGB")
    )
    assert encoded.getpixel((0, 0))[0] == pytest.approx(128, abs=2)
    for damaged in (b"", b"x" * 40, made[:140], made[:16] + b"GRAY" + made[20:]):
        assert linear_profile(damaged) is None
        assert read_primaries(damaged) == SRGB


def test_a_camera_that_moved_is_aligned(folder):
    radiance = textured()
    for name, time, matrix in (
        ("one.png", 0.6, np.eye(3)),
        ("two.png", 0.15, similarity(5.0, -3.0)),
    ):
        folder.write(name, expose(np.maximum(from_pose(radiance, matrix), 0), time), time=time)
    profile = ("--response", "camera.json", "--reference", "long")
    record = folder.record("one.png", "two.png", "-o", "s.tif", *profile)
    assert record["motion"]["pixels"] == pytest.approx(np.hypot(5, 3), abs=0.3)
    light = read_light(folder.path / "s.tif")
    inner = np.s_[20:-20, 20:-20]
    assert np.median(np.abs(light[inner] / (radiance[inner] * 0.6) - 1)) < 0.02


def test_a_motion_that_is_unknown_is_no_motion_of_zero(folder):
    folder.write("one.png", moved(np.eye(3), ratio=4)[0])
    folder.write("two.png", moved(hand(0.1))[1])
    record = folder.record("one.png", "two.png", "-o", "s.tif", "--reference", "long")
    assert any("cannot be measured" in warning for warning in record["warnings"])
    assert record["motion"] == {"pixels": None, "aligned_to": None}


@pytest.mark.parametrize("options", [KNOWN, (*TIMES, "--no-align"), (*TIMES, "--times", "1,3,10")])
def test_the_ratio_is_that_of_the_exposures(folder, options):
    record = folder.record(*options, "-o", "s.tif")
    exposures = record["merge"]["exposures"]
    assert record["ratio"]["used"] == pytest.approx(exposures["c.png"] / exposures["a.png"], 1e-4)
    assert record["ratio"]["measured"] == record["ratio"]["used"]
    assert record["ratio"]["stated"] == pytest.approx(10 if "--times" in options else 16)


def test_words_fit_more_shots_than_two(folder):
    assert "response from the shots" in folder.run(*TIMES, "-o", "s.tif", "-v")[2]
    assert "response from the pair" in folder.run("a.png", "b.png", "-o", "t.tif", "-v")[2]
    folder.write("d.png", expose(RADIANCE, 1.0), time=1.0)
    err = folder.run("c.png", "d.png", "-o", "u.tif")[2]
    assert "all are exposed alike; give shots of different exposure" in err


def test_opacity_is_kept_where_the_format_has_it(folder):
    opacity = np.full(SHAPE, 255, np.uint8)
    opacity[:20] = 0
    for name, time in TIMES.items():
        folder.write(name, expose(RADIANCE, time), time=time, alpha=opacity, overwrite=True)
    assert folder.run(*KNOWN, "-o", "s.tif")[0] == ExitCode.OK
    light = read_light(folder.path / "s.tif")
    np.testing.assert_array_equal(light[..., 3], opacity / 255)
    assert "no alpha" in folder.run(*KNOWN, "-o", "s.hdr")[2]
    folder.run(*KNOWN, "-o", "s.exr")
    light = read_light(folder.path / "s.exr")
    assert light.shape[2] == 4
    assert not light[:20].any()  # multiplied in


def test_grey_shots_stay_grey(folder):
    for name, time in TIMES.items():
        folder.write(name, expose(RADIANCE, time)[..., 1], time=time, overwrite=True)
    assert folder.run(*KNOWN, "-o", "s.tif")[0] == ExitCode.OK
    assert read_light(folder.path / "s.tif").shape == SHAPE
    assert folder.run(*KNOWN, "-o", "s.exr")[0] == ExitCode.OK
    assert folder.run(*KNOWN, "-o", "s.hdr")[0] == ExitCode.OK


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("a.png", "-o", "s.exr"), ExitCode.USAGE),
        ((*TIMES, "-o", "s.exr", "--times", "1,2"), ExitCode.USAGE),
        ((*TIMES, "-o", "s.exr", "--response", "camera.json", "--camera", "any"), ExitCode.USAGE),
        ((*TIMES, "-o", "s.exr", "--save-mask", "-"), ExitCode.USAGE),
        ((*TIMES, "-o", "s.jpg"), ExitCode.OUTPUT),
        ((*TIMES, "-o", "s"), ExitCode.OUTPUT),
        ((*TIMES, "-o", "missing/s.tif"), ExitCode.OUTPUT),
        ((*TIMES, "-o", "s.hdr", "--depth", "half"), ExitCode.OUTPUT),
        ((*TIMES, "-o", "there.tif"), ExitCode.OUTPUT_EXISTS),
        ((*TIMES, "-o", "m.tif", "--save-mask", "m.tif"), ExitCode.OUTPUT_EXISTS),
        ((*TIMES, "-o", "s.tif", "--save-mask", "a.png", "--overwrite"), ExitCode.OUTPUT_EXISTS),
    ],
)
def test_refusals_come_before_any_work(folder, arguments, code, no_work):
    (folder.path / "there.tif").write_bytes(b"")
    before = folder.names()
    found, out, err = folder.run(*arguments)
    assert (found, out) == (code, b"")
    assert err.startswith("expinterp: error: ")
    assert err.count("\n") == 1
    assert folder.names() == before


def test_without_openexr_the_message_names_the_extra(folder, no_work, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "expinterp.images.radiance_files.find_spec",
        lambda name: None if name == "OpenEXR" else found(name),
    )
    code, _, err = folder.run(*TIMES, "-o", "s.exr")
    assert code == ExitCode.MISSING_EXTRA
    assert "pip install 'expinterp[exr]'" in err


@pytest.mark.parametrize("words", ["No space left on device.", "anything else"])
def test_a_disk_that_fills_is_one_line_and_leaves_no_file(folder, monkeypatch, words):
    exr = pytest.importorskip("OpenEXR")

    def fail(self, name):
        Path(name).write_bytes(b"half")
        message = f'Failed to write "{name}". {words}'
        raise RuntimeError(message)

    monkeypatch.setattr(exr.File, "write", fail)
    before = folder.names()
    code, _, err = folder.run(*KNOWN, "-o", "s.exr")
    assert (code, err.count("\n")) == (ExitCode.OUTPUT, 1)
    assert "s.exr: cannot be written" in err
    assert ".part" not in err
    assert folder.names() == before


def test_shots_that_are_exposed_alike_are_named(folder):
    folder.write("twice.png", expose(RADIANCE, 1 / 4), time=1 / 4)
    code, _, err = folder.run("b.png", "twice.png", "-o", "s.tif")
    assert code == ExitCode.PAIR
    assert "b.png" in err
    assert "twice.png" in err
    assert "s.tif" not in folder.names()


def test_an_output_is_replaced_only_if_told(folder):
    assert folder.run(*KNOWN, "-o", "s.tif")[0] == ExitCode.OK
    first = (folder.path / "s.tif").read_bytes()
    assert folder.run(*KNOWN, "-o", "s.tif")[0] == ExitCode.OUTPUT_EXISTS
    assert folder.run(*KNOWN, "-o", "s.tif", "--overwrite")[0] == ExitCode.OK
    assert (folder.path / "s.tif").read_bytes() == first


def test_a_large_picture_is_one_radiance_file(tmp_path):
    """Blocks of rows, encoded each for itself, are one file; also rows too short for runs."""
    random = np.random.default_rng(0)
    for shape in ((700, 33), (5, 3), (1, 1), (40, 1), (1, 9000)):
        light = random.uniform(0.01, 100, (*shape, 3)).astype(np.float32)
        write_radiance(light, tmp_path / "a.hdr", overwrite=True)
        found = read_light(tmp_path / "a.hdr")
        assert (np.abs(found - light) <= 0.01 * light.max(axis=2, keepdims=True)).all()


def test_values_beyond_half_floats_are_cut_and_said(tmp_path):
    light = np.full((4, 5, 3), 1e6, np.float32)
    (warning,) = write_radiance(light, tmp_path / "a.tif", depth="half")
    assert "65504" in warning
    assert np.isfinite(read_light(tmp_path / "a.tif")).all()


def test_json_is_one_object(folder):
    code, out, _ = folder.run(*KNOWN, "-o", "s.tif", "--json")
    assert code == ExitCode.OK
    assert json.loads(out)["merge"]
    assert read_photograph(folder.path / "a.png").pixels.shape == (*SHAPE, 3)

"""Raw pairs, from files to files: the photograph between them is what developing the true one gives."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ImageCms

from expinterp.cli import main
from expinterp.core.encoding import decode
from expinterp.images import Development, read_photograph, write_photograph, write_radiance
from expinterp.images.developing.profiles import icc_profile, linear_profile
from expinterp.scene_io import open_scene
from expinterp.training.simulator.dng import BLACK, WHITE, Sensor, write_dng

SIDE = (160, 224)
NOISY = Sensor(full_well=30_000, read_noise=4)


def scene(seed: int = 4) -> np.ndarray:
    """Linear light of a scene with detail of all sizes; some is above white in the medium exposure."""
    random = np.random.default_rng(seed)
    stops = np.full((*SIDE, 3), -2.0, np.float32)
    for sigma, light, colour in ((1, 0.6, 0.05), (4, 0.8, 0.2), (20, 1.2, 0.3)):
        for amount, channels in ((light, 1), (colour, 3)):
            noise = random.normal(0, 1, (*SIDE, channels)).astype(np.float32)
            blurred = cv2.GaussianBlur(noise, (0, 0), sigma).reshape(*SIDE, channels)
            stops += amount * blurred / blurred.std()
    return np.exp2(stops)


def shoot(folder, ev: float = 4.0, sensor: Sensor | None = None, radiance=None) -> None:
    radiance = scene() if radiance is None else radiance
    times = {"long": 2 ** (ev / 2), "medium": 1.0, "short": 2 ** (-ev / 2)}
    for seed, (name, time) in enumerate(times.items()):
        kind = None if name == "medium" else sensor
        random = np.random.default_rng(seed)
        write_dng(folder / f"{name}.dng", radiance, time, sensor=kind, random=random)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str):
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def psnr(name: str, development: Development | None = None) -> float:
    truth = read_photograph("medium.dng", development=development)
    error = read_photograph(name).pixels / 65_535 - truth.encoding.finish(truth.pixels) / 65_535
    return -10 * np.log10(np.mean(error**2))


def finished(name: str, scale: float) -> np.ndarray:
    """Return linear light of the output space, times a factor."""
    shot = read_photograph(name)
    return scale * decode(shot.encoding.finish(shot.pixels) if shot.encoding else shot.pixels)


@pytest.mark.parametrize("ev", [4.0, 6.0])
def test_the_medium_is_that_of_the_true_one_clipping_included(tmp_path, run, ev):
    shoot(tmp_path, ev)
    code, out, err = run("interpolate", "long.dng", "short.dng", "-o", "m.tif", "--json")
    assert (code, err) == (0, "")
    assert psnr("m.tif") > 52
    record = json.loads(out)
    assert record["response"]["source"] == "known"
    assert record["refinement"] is None
    assert record["ratio"]["measured"] == pytest.approx(2**ev, rel=1e-2)


def test_noise_is_that_of_the_long_exposure_where_it_is_not_clipped(tmp_path, run):
    shoot(tmp_path, 4, NOISY)
    assert run("interpolate", "short.dng", "long.dng", "-o", "m.tif")[0] == 0
    truth, long, result = (
        finished(name, half) for name, half in (("medium.dng", 1), ("long.dng", 0.25), ("m.tif", 1))
    )
    clear = (decode(read_photograph("long.dng").pixels) < 0.6).all(axis=2).astype(np.uint8)
    clear = cv2.erode(clear, np.ones((7, 7))) > 0  # no neighbour is clipped either
    noise, result_noise = (np.std((image - truth)[clear]) for image in (long, result))
    assert psnr("m.tif") > 40
    assert result_noise == pytest.approx(noise, rel=0.1)


def test_a_handheld_pair_is_aligned(tmp_path, run):
    shoot(tmp_path, 4)
    moved = np.roll(scene(), (6, 8), (0, 1))
    write_dng(tmp_path / "short.dng", moved, 0.25)
    arguments = ("interpolate", "long.dng", "short.dng", "-o", "m.tif", "--reference", "long")
    code, out, _ = run(*arguments, "--json")
    assert code == 0
    assert json.loads(out)["motion"]["pixels"] == pytest.approx(10, abs=0.5)
    inner = np.s_[16:-16, 16:-16]
    truth = read_photograph("medium.dng")
    error = (
        read_photograph("m.tif").pixels / 65_535 - truth.encoding.finish(truth.pixels) / 65_535
    )[inner]
    assert -10 * np.log10(np.mean(error**2)) > 30


@pytest.mark.parametrize("space", ["adobe-rgb", "display-p3", "rec2020"])
def test_the_output_space_is_applied_and_named(tmp_path, run, space):
    shoot(tmp_path)
    arguments = ("interpolate", "long.dng", "short.dng", "-o", "m.tif", "--colour", space)
    assert run(*arguments)[0] == 0
    assert psnr("m.tif", Development(space=space)) > 55
    profile = ImageCms.ImageCmsProfile(
        __import__("io").BytesIO(read_photograph("m.tif").metadata.icc)
    )
    assert space[:5].replace(
        "-", " "
    ).lower() in profile.profile.profile_description.lower().replace(". ", "")


def test_raw_and_finished_pictures_do_not_mix(tmp_path, run):
    shoot(tmp_path)
    run("interpolate", "long.dng", "short.dng", "-o", "m.jpg")
    code, _, err = run("interpolate", "long.dng", "m.jpg", "-o", "x.jpg")
    assert code == 4
    assert err.count("\n") == 1
    assert "do not mix" in err


def test_options_for_unknown_responses_are_named_as_useless(tmp_path, run):
    shoot(tmp_path)
    code, _, err = run("interpolate", "long.dng", "short.dng", "-o", "m.tif", "--camera",
                       "Canon EOS 550D")  # fmt: skip
    assert code == 0
    assert "leave --camera out" in err


def test_raw_files_are_fused(tmp_path, run):
    shoot(tmp_path)
    code, _, err = run("fuse", "long.dng", "short.dng", "-o", "f.tif", "--save-virtual", "v",
                       "--save-ghosts", "g.png")  # fmt: skip
    assert (code, err) == (0, "")
    assert psnr("v/f_virtual_1.tif") > 55
    assert read_photograph("f.tif").metadata.icc
    assert read_photograph("g.png").pixels.shape == (*SIDE, 3)


@pytest.mark.parametrize("space", ["srgb", "rec2020"])
@pytest.mark.parametrize("balance", ["camera", "daylight", "auto"])
def test_raw_files_are_merged_to_linear_light_of_a_space(tmp_path, run, space, balance):
    shoot(tmp_path, ev=2)
    wanted = ("--white-balance", balance, "--colour", space)
    code, _, err = run("merge", "long.dng", "short.dng", "-o", "s.tif", "--no-align", *wanted)
    assert (code, err) == (0, "")
    development = Development(white_balance=balance, space=space)
    truth = read_photograph("long.dng", development=development)
    light = decode(truth.pixels) @ truth.encoding.matrix.T
    seen = (truth.pixels < 60_000).all(axis=2) & (light > 0.01).all(axis=2)
    assert np.median(np.abs(tifffile.imread("s.tif")[seen] / light[seen] - 1)) < 0.01
    with tifffile.TiffFile("s.tif") as tiff:
        stored = tiff.pages.first.tags["InterColorProfile"].value
    assert stored == linear_profile(icc_profile(space))


def test_the_exif_of_the_raw_file_is_carried(tmp_path, run):
    shoot(tmp_path)
    run("interpolate", "long.dng", "short.dng", "-o", "m.jpg", "-q")
    found = read_photograph("m.jpg").exposure
    assert (found.time, found.camera) == (pytest.approx(1.0, rel=1e-3), "Simulated Sensor")


def test_brackets_of_raw_files_are_found_and_computed(tmp_path, run):
    (tmp_path / "card").mkdir()
    for at, (ev, second) in enumerate(((2, 0), (0, 1), (-2, 2)), start=1):
        stamp = {36867: (2, 0, f"2026:11:26 12:00:0{second}"), 41986: (3, 1, 2)}
        path = tmp_path / "card" / f"IMG_000{at}.dng"
        write_dng(path, scene(), 2.0**ev / 64, fields=stamp)
    code, _, err = run("batch", "card", "-o", "out", "--mode", "both", "--json", "-q")
    assert (code, err) == (0, "")
    assert sorted(path.suffix for path in (tmp_path / "out").glob("IMG*")) == [".tif"] * 3


def test_all_pairs_of_a_bracket_get_one_white_balance(tmp_path, run):
    """The middle frame states another one: it is the first of the second pair."""
    (tmp_path / "card").mkdir()
    for at, ev in enumerate((2, 0, -2), start=1):
        stamp = {36867: (2, 0, f"2026:11:26 12:00:0{at}"), 41986: (3, 1, 2)}
        neutral = np.array([0.2, 1.0, 0.9]) if at == 2 else None
        path = tmp_path / "card" / f"IMG_000{at}.dng"
        write_dng(path, scene(), 2.0**ev / 8, fields=stamp, neutral=neutral)
    assert run("batch", "card", "-o", "out", "-q")[0] == 0
    brighter, darker = (
        read_photograph(path).pixels.mean((0, 1))
        for path in sorted((tmp_path / "out").glob("IMG*"))
    )
    tints = [pixels / pixels.sum() for pixels in (brighter, darker)]
    assert abs(tints[0] - tints[1]).max() < 0.05


def test_frames_are_balanced_as_the_first_by_number(tmp_path, run):
    """IMG_9 comes before IMG_10."""
    for name, time, blue in (("IMG_9.dng", 4, 0.9), ("IMG_10.dng", 0.25, 0.3)):
        write_dng(tmp_path / name, scene(), time, neutral=np.array([0.5, 1.0, blue]))
    assert run("interpolate", "IMG_10.dng", "IMG_9.dng", "-o", "m.tif", "-q")[0] == 0
    write_dng(tmp_path / "medium.dng", scene(), 1.0, neutral=np.array([0.5, 1.0, 0.9]))
    assert psnr("m.tif") > 52


@pytest.mark.parametrize("arguments", [("-o", "camera.json"), ("--remember",)])
def test_a_known_response_is_not_calibrated(tmp_path, run, arguments):
    shoot(tmp_path)
    code, out, err = run("calibrate", "long.dng", "medium.dng", "short.dng", *arguments)
    assert (code, out, err.count("\n")) == (4, "", 1)
    assert "JPEG files of the camera" in err
    assert not (tmp_path / "camera.json").exists()


def test_a_profile_that_jpeg_xl_cannot_hold_is_refused_before_the_work(tmp_path, run, monkeypatch):
    shoot(tmp_path)
    monkeypatch.setattr("expinterp.scene_io.interpolate.measure_shots", None)
    monkeypatch.setattr("expinterp.scene_io.scene.plan_exposures", None)
    monkeypatch.setattr("expinterp.images.codecs.jxl.colours_of_profile", lambda icc: None)
    for command in ("interpolate", "fuse"):
        code, _, err = run(command, "long.dng", "short.dng", "-o", "m.jxl", "--colour", "rec2020")
        assert (code, err.count("\n")) == (6, 1)
        assert "m.jxl: JPEG XL cannot state the colours of Rec. 2020" in err


def test_options_for_raw_files_are_named_as_useless(tmp_path, run):
    shoot(tmp_path)
    for name in ("long", "short"):
        shot = read_photograph(f"{name}.dng")
        write_photograph(shot.pixels, f"{name}.jpg")
        write_radiance(decode(shot.pixels), f"{name}.hdr")
    for suffix in ("jpg", "hdr"):
        code, _, err = run("interpolate", f"long.{suffix}", f"short.{suffix}", "-o", f"{suffix}.png",
                           "--colour", "rec2020", "--white-balance", "daylight")  # fmt: skip
        assert code == 0
        assert "no raw file; leave --white-balance and --colour out" in err


def test_the_network_is_not_opened_where_the_response_is_known(tmp_path, run, monkeypatch):
    shoot(tmp_path)
    for name in ("long", "short"):
        write_radiance(decode(read_photograph(f"{name}.dng").pixels), f"{name}.hdr")
        write_photograph(read_photograph(f"{name}.dng").pixels, f"{name}.jpg")
        (tmp_path / f"{name}.jpg").rename(tmp_path / f"{name}.pfm")
        write_radiance(decode(read_photograph(f"{name}.dng").pixels), f"{name}.tif")
    opened = []
    real = open_scene.open_refiner
    monkeypatch.setattr(
        open_scene, "open_refiner", lambda *a, **k: opened.append(1) or real(*a, **k)
    )
    for suffix, times in (("dng", 0), ("hdr", 0), ("tif", 0), ("pfm", 1)):  # the last holds JPEG
        code, out, _ = run(
            "interpolate", f"long.{suffix}", f"short.{suffix}", "-o", f"{suffix}.png", "--json"
        )
        assert code == 0
        assert (json.loads(out)["refinement"] is not None) == bool(times)
        assert len(opened) == times


def test_a_pair_whose_sensor_values_are_registered_did_not_move(tmp_path, run):
    """The quick pictures that are measured first show too little texture."""
    shoot(tmp_path)
    code, out, err = run("interpolate", "long.dng", "short.dng", "-o", "m.tif", "--json", "-v")
    assert code == 0
    assert "camera moved" not in err
    assert json.loads(out)["motion"]["pixels"] == 0
    assert not json.loads(out)["warnings"]


def test_the_python_of_the_guide_is_right_for_raw_files(tmp_path, run):
    shoot(tmp_path)
    guide = Path(__file__).resolve().parents[2] / "docs" / "library.md"
    (code,) = (
        part
        for part in re.findall(r"```python\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
        if "dng" in part
    )
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102
    assert psnr("mid.tif") > 35  # what developed pictures allow; without `finish` 30
    assert names["result"].pair.ratio_measured == pytest.approx(16, rel=0.01)  # else 9.3
    assert np.array_equal(read_photograph("mid.tif").pixels, names["shown"])


def test_a_sensor_that_clips_below_white_is_merged_with_the_short_exposure(tmp_path, run):
    """It never reaches the white level that its files state."""
    shoot(tmp_path)
    for name in ("long", "short"):
        path = tmp_path / f"{name}.dng"
        values = tifffile.imread(path)
        top = round(BLACK + 0.85 * (WHITE - BLACK))
        stored = path.read_bytes()
        clipped = np.minimum(values, top).tobytes()
        assert stored.count(values.tobytes()) == 1
        path.write_bytes(stored.replace(values.tobytes(), clipped))
    assert run("interpolate", "long.dng", "short.dng", "-o", "m.tif", "-q")[0] == 0
    assert psnr("m.tif") > 45

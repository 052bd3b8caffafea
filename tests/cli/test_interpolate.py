"""``expinterp interpolate`` on files: results, refusals and messages."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_samples import RATIO, SHAPE, TIMES, Folder, progress_on_terminal, shoot, tagged
from motion_samples import hand, shots, similarity
from PIL import ImageCms

from expinterp import cli, pipeline
from expinterp.cli.console import Console
from expinterp.core.parallel import count_threads
from expinterp.errors import ExitCode
from expinterp.images import Metadata, read_photograph, write_photograph
from expinterp.images.developing.profiles import icc_profile
from expinterp.scene_io import interpolate, measured_pair, open_scene


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Folder:
    monkeypatch.chdir(tmp_path)
    made = Folder(tmp_path, capsysbinary, "interpolate")
    for name, time in TIMES.items():
        made.write(f"{name}.png", shoot(time), time=time)
    return made


PAIR = ("long.png", "short.png")
PLAIN = (*PAIR, "--no-refine", "-o", "mid.png")


# --- what comes out ------------------------------------------------------------------------------


def test_medium_lies_between_the_two_and_nothing_is_said(folder: Folder) -> None:
    assert folder.run(*PLAIN) == (ExitCode.OK, b"", "")
    long, mid, short = (folder.pixels(name).mean() for name in (PAIR[0], "mid.png", PAIR[1]))
    assert short < mid < long
    assert folder.names() == {*PAIR, "mid.png"}


def test_command_and_library_do_the_same_work(folder: Folder) -> None:
    folder.run(*PLAIN)
    result = pipeline.interpolate(
        shoot(TIMES["long"]), shoot(TIMES["short"]), ratio=RATIO, refiner=None
    )
    np.testing.assert_array_equal(folder.pixels("mid.png"), result.medium)


def test_refined_by_the_bundled_network(folder: Folder) -> None:
    record = folder.record(*PAIR, "-o", "mid.png", "--save-residual", "residual.png")
    assert record["refinement"]["provider"] == "CPUExecutionProvider"
    assert len(record["refinement"]["sha256"]) == 64
    assert folder.pixels("residual.png").shape == (*SHAPE, 3)


def test_exposure_time_is_the_virtual_one(folder: Folder) -> None:
    folder.run(*PLAIN)
    time = read_photograph(folder.path / "mid.png").exposure.time
    assert time == pytest.approx((TIMES["long"] * TIMES["short"]) ** 0.5, rel=0.005)


def test_no_time_is_invented(folder: Folder) -> None:
    folder.write("bare_long.png", shoot(TIMES["long"]), time=TIMES["long"])
    folder.write("bare_short.png", shoot(TIMES["short"]))
    folder.run("bare_long.png", "bare_short.png", "--no-refine", "-o", "mid.png")
    assert read_photograph(folder.path / "mid.png").exposure.time is None


def test_times_that_contradict_the_pixels_are_not_passed_on(folder: Folder) -> None:
    code, _, err = folder.run(*PLAIN, "--times", "1/480,1/30")
    assert code == ExitCode.OK
    assert "contradict the pixels" in err
    assert read_photograph(folder.path / "mid.png").exposure.time is None


@pytest.mark.parametrize(
    ("options", "position"),
    [
        ([], 0.5),
        (["--at", "1"], 0.25),
        (["--at", "0"], 0.0),
        (["--at-time", "1/60"], 0.75),
        (["--at-time", "0.0041667s"], 0.25),
        (["--times", "1,1/16", "--at-time", "1/2"], 0.75),
    ],
)
def test_wanted_exposure_is_placed_in_stops(
    folder: Folder, options: list[str], position: float
) -> None:
    (output,) = folder.record(*PLAIN, *options)["outputs"]
    assert output["ev"] == pytest.approx(4 * position, abs=1e-3)


def test_ladder_is_numbered_from_dark_to_bright(folder: Folder) -> None:
    outputs = folder.record(*PLAIN, "--count", "3")["outputs"]
    assert [output["file"] for output in outputs] == ["mid_1.png", "mid_2.png", "mid_3.png"]
    assert [output["ev"] for output in outputs] == pytest.approx([1, 2, 3])
    means = [folder.pixels(output["file"]).mean() for output in outputs]
    assert means == sorted(means)
    assert "mid.png" not in folder.names()


def test_wrong_order_gives_the_same_picture_and_a_notice(folder: Folder) -> None:
    folder.run(*PLAIN)
    code, _, err = folder.run(*PAIR[::-1], "--no-refine", "-o", "again.png")
    assert code == ExitCode.OK
    assert "short.png and long.png: " in err
    assert "taken as the short exposure" in err
    assert (folder.path / "again.png").read_bytes() == (folder.path / "mid.png").read_bytes()


@pytest.mark.parametrize("options", [["--times", "1/30,1/480"], ["--ratio", "16"]])
def test_wrong_order_is_seen_whatever_is_stated(folder: Folder, options: list[str]) -> None:
    code, _, err = folder.run(*PAIR[::-1], "--no-refine", "-o", "mid.png", *options)
    assert code == ExitCode.OK
    assert "short.png and long.png: the stated exposures contradict the pixels" in err
    assert "the second image is the brighter one" in err


def test_sixteen_bits_stay_sixteen(folder: Folder) -> None:
    for name, time in TIMES.items():
        folder.write(f"deep_{name}.tif", shoot(time, dtype=np.uint16), time=time)
    folder.run("deep_long.tif", "deep_short.tif", "--no-refine", "-o", "mid.tif")
    mid = folder.pixels("mid.tif")
    assert mid.dtype == np.uint16
    assert len(np.unique(mid)) > 256


def test_bit_depth_is_changed_on_request(folder: Folder) -> None:
    folder.run(*PLAIN, "--bit-depth", "16")
    assert folder.pixels("mid.png").dtype == np.uint16


def test_quality_makes_a_difference(folder: Folder) -> None:
    for quality in ("20", "95"):
        folder.run(*PAIR, "--no-refine", "-o", f"{quality}.jpg", "--quality", quality)
    assert (folder.path / "20.jpg").stat().st_size < (folder.path / "95.jpg").stat().st_size


def test_opacity_is_that_of_the_more_opaque_photograph(folder: Folder) -> None:
    alpha = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint8).reshape(SHAPE)
    folder.write("long.png", shoot(TIMES["long"]), alpha=alpha, overwrite=True)
    folder.write("short.png", shoot(TIMES["short"]), alpha=255 - alpha, overwrite=True)
    for order in (PAIR, PAIR[::-1]):
        folder.run(*order, "--no-refine", "-o", "mid.png", "--overwrite")
        kept = read_photograph(folder.path / "mid.png").alpha
        assert kept is not None
        np.testing.assert_array_equal(kept, np.maximum(alpha, 255 - alpha))


@pytest.mark.parametrize("name", ["long", "short"])
def test_an_image_that_is_transparent_everywhere_is_named(folder: Folder, name: str) -> None:
    for each, time in TIMES.items():
        alpha = np.full(SHAPE, 0 if each == name else 255, np.uint8)
        folder.write(f"{each}.png", shoot(time), alpha=alpha, overwrite=True)
    code, _, said = folder.run("long.png", "short.png", "-o", "mid.png")
    assert code == ExitCode.PAIR
    assert f"{name}.png: the image is transparent everywhere" in said


def test_grey_pairs_stay_grey(folder: Folder) -> None:
    for name, time in TIMES.items():
        folder.write(f"grey_{name}.png", shoot(time)[..., :1], time=time)
    folder.run("grey_long.png", "grey_short.png", "-o", "mid.png")
    assert folder.pixels("mid.png").shape == (*SHAPE, 1)


def test_paths_may_hold_any_letters(folder: Folder) -> None:
    (folder.path / "Grüße 写真").mkdir()
    for name in PAIR:
        (folder.path / name).rename(folder.path / "Grüße 写真" / name)
    inputs = [f"Grüße 写真/{name}" for name in PAIR]
    code, *_ = folder.run(*inputs, "--no-refine", "-o", "Grüße 写真/mitte – ½.png")
    assert code == ExitCode.OK
    assert (folder.path / "Grüße 写真" / "mitte – ½.png").exists()


def test_residual_picture_is_mid_grey_where_nothing_was_added() -> None:
    residual = np.array([[[0.0, 1.0, -1.0, 1 / 255]]], np.float32)
    shown = interpolate.show_residual(residual, np.dtype(np.uint8))
    assert shown.tolist() == [[[128, 255, 0, 132]]]


def test_intermediate_is_the_result_without_the_network(folder: Folder) -> None:
    folder.run(*PLAIN)
    folder.run(*PAIR, "-o", "refined.png", "--save-intermediate", "y0.png")
    np.testing.assert_array_equal(folder.pixels("y0.png"), folder.pixels("mid.png"))


def test_threads_bound_the_whole_process(folder: Folder) -> None:
    record = folder.record(*PAIR, "-o", "mid.png", "--threads", "1")
    assert (count_threads(), cv2.getNumThreads()) == (1, 1)
    assert record["refinement"]["threads"] == 1


# --- streams -------------------------------------------------------------------------------------


def test_standard_output_holds_the_image_alone(folder: Folder) -> None:
    folder.run(*PLAIN)
    code, out, err = folder.run(*PAIR, "--no-refine", "-o", "-", "-v")
    assert code == ExitCode.OK
    np.testing.assert_array_equal(read_photograph(BytesIO(out)).pixels, folder.pixels("mid.png"))
    assert "ratio: 16 stated and used, about" in err


@pytest.mark.parametrize("name", ["jpeg", "JPG"])
def test_format_of_standard_output_is_chosen(name: str, folder: Folder) -> None:
    _, out, _ = folder.run(*PAIR, "--no-refine", "-o", "-", "--format", name)
    assert read_photograph(BytesIO(out)).format == "jpeg"


def test_one_input_comes_from_standard_input(folder: Folder) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "expinterp", "interpolate", "-", "short.png", "-o", "-"],
        input=(folder.path / "long.png").read_bytes(), capture_output=True, check=True,
    )  # fmt: skip
    assert read_photograph(BytesIO(done.stdout)).pixels.shape == (*SHAPE, 3)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_standard_output_is_6(folder: Folder) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "expinterp", "interpolate", *PAIR, "--no-refine", "-o", "-"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == ExitCode.OUTPUT
    assert done.stderr.startswith("expinterp: error: standard output cannot be written")
    assert done.stderr.count("\n") == 1


def test_verbose_tells_and_quiet_does_not(folder: Folder) -> None:
    _, out, err = folder.run(*PLAIN, "-v")
    assert out == b""
    assert all(line.startswith("expinterp: ") for line in err.splitlines())
    assert {"stated", "wrote mid.png"} <= {
        word for word in ("stated", "wrote mid.png") if word in err
    }
    assert folder.run(*PAIR[::-1], "--no-refine", "-o", "again.png", "-q") == (0, b"", "")


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("arguments", [(*PAIR, "-o", "-"), ("-", "short.png", "-o", "a.png")])
def test_no_image_is_read_from_or_written_to_a_terminal_or_nothing(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    stream = "stdout" if "-" in arguments[-1:] else "stdin"
    monkeypatch.setattr(getattr(sys, stream), "isatty", lambda: True)
    code, out, err = folder.run(*arguments)
    assert (code, out) == (ExitCode.USAGE, b"")
    assert stream in err
    monkeypatch.setattr(sys, stream, None)
    assert cli.main(["interpolate", *arguments]) == ExitCode.USAGE


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["-o", "there.png"], ExitCode.OUTPUT_EXISTS),
        (["-o", "long.png"], ExitCode.OUTPUT_EXISTS),
        (["-o", "long.png", "--overwrite"], ExitCode.OUTPUT_EXISTS),
        (["-o", "./short.png", "--overwrite"], ExitCode.OUTPUT_EXISTS),
        (["-o", "a.png", "--save-intermediate", "a.png"], ExitCode.OUTPUT_EXISTS),
        (["-o", "a.png", "--save-intermediate", "./a.png"], ExitCode.OUTPUT_EXISTS),
        (["-o", "a.png", "--save-intermediate", "there.png"], ExitCode.OUTPUT_EXISTS),
        (["-o", "there.png", "--save-residual", "a.png"], ExitCode.OUTPUT_EXISTS),
        (["-o", "step.png", "--count", "3"], ExitCode.OUTPUT_EXISTS),
        (["-o", "missing/a.png"], ExitCode.OUTPUT),
        (["-o", "there.png/a.png"], ExitCode.OUTPUT),
        (["-o", "a.docx"], ExitCode.OUTPUT),
        (["-o", "a"], ExitCode.OUTPUT),
        (["-o", "a.jpg", "--bit-depth", "16"], ExitCode.OUTPUT),
    ],
)
def test_refusals_come_before_any_work(folder: Folder, options: list[str], code: int) -> None:
    folder.write("there.png", shoot(1.0))
    folder.write("step_2.png", shoot(1.0))
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    given, out, err = folder.run(*PAIR, *options)
    assert (given, out) == (code, b"")
    assert err.startswith("expinterp: error: ")
    assert err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    "options",
    [
        ["-o", "a.png", "--at", "1", "--count", "2"],
        ["-o", "a.png", "--at", "1", "--at-time", "1/60"],
        ["-o", "a.png", "--times", "1,2", "--ratio", "4"],
        ["-o", "a.png", "--no-refine", "--model", "m.onnx"],
        ["-o", "a.png", "--no-refine", "--save-residual", "r.png"],
        ["-o", "a.png", "--times", "1/30"],
        ["-o", "a.png", "--times", "1/30,1/0"],
        ["-o", "a.png", "--times", "1/30,-1"],
        ["-o", "a.png", "--times", "1e-300,1e300"],
        ["-o", "a.png", "--at-time", "soon"],
        ["-o", "a.png", "--at-time", "inf"],
        ["-o", "a.png", "--ratio", "1"],
        ["-o", "a.png", "--ratio", "nan"],
        ["-o", "a.png", "--count", "0"],
        ["-o", "a.png", "--count", "100"],
        ["-o", "a.png", "--nonsense"],
        ["-o", "a.png", "--quality", "101"],
        ["-o", "a.png", "--bit-depth", "12"],
        ["-o", "a.png", "--device", "tpu"],
        ["-o", "a.png", "--threads", "0"],
        ["-o", "a.png", "--format", "png"],
        ["-o", "-", "--json"],
        ["-o", "-", "--count", "2"],
        ["-o", "a.png", "--save-intermediate", "-"],
        ["-o", "a.png", "--save-residual", ""],
        ["-o", ""],
        [],
    ],
)
def test_contradictions_are_usage_errors(folder: Folder, options: list[str]) -> None:
    code, out, err = folder.run(*PAIR, *options)
    assert (code, out) == (ExitCode.USAGE, b"")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("no_work")
def test_more_than_two_photographs_are_for_fuse(folder: Folder) -> None:
    code, _, err = folder.run(*PAIR, PAIR[0], "-o", "a.png")
    assert code == ExitCode.USAGE
    assert "'expinterp fuse' takes more" in err


@pytest.mark.parametrize("inputs", [("-", "-"), ("", "short.png"), ("long.png", "")])
def test_only_one_input_from_stdin_and_none_without_a_name(
    folder: Folder, inputs: tuple[str, str]
) -> None:
    code, _, err = folder.run(*inputs, "-o", "a.png")
    assert code == ExitCode.USAGE
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "span"),
    [
        (["--at", "9"], "between 0 (the short image) and 4.00 EV"),
        (["--at", "-1"], "between 0 (the short image) and 4.00 EV"),
        (["--at", "nan"], "is not a number"),
        (["--at", "1/3"], "'1/3' is not a number"),
        (["--at-time", "30"], "between 0.002083 s (short) and 0.03333 s"),
    ],
)
def test_an_exposure_outside_the_pair_is_a_usage_error(
    folder: Folder, options: list[str], span: str
) -> None:
    code, _, err = folder.run(*PLAIN, *options)
    assert code == ExitCode.USAGE
    assert span in err
    assert folder.names() == set(PAIR)


@pytest.mark.parametrize(
    ("options", "position"),
    [(["--at", "4.005"], 1), (["--at", "-0.005"], 0), (["--at-time", "0.0021"], 0.003)],
)
def test_an_exposure_rounded_to_just_outside_the_pair_is_its_end(
    folder: Folder, options: list[str], position: float
) -> None:
    (output,) = folder.record(*PLAIN, *options)["outputs"]
    assert output["ev"] == pytest.approx(4 * position, abs=2e-3)


@pytest.mark.parametrize("options", [[], ["--at", "1"]])
def test_equal_times_that_the_pixels_contradict_are_not_used(
    folder: Folder, options: list[str]
) -> None:
    """Flash, or a filter before the lens: EXIF cannot tell the shots apart, the pixels can."""
    record = folder.record(*PLAIN, "--times", "1/30,1/30", *options)
    assert record["ratio"]["stated"] is None
    assert record["outputs"][0]["time"] is None
    assert "long.png and short.png: the stated exposures are equal" in record["warnings"][0]


def test_a_time_cannot_be_placed_without_times(folder: Folder) -> None:
    for name, time in TIMES.items():
        folder.write(f"{name}.png", shoot(time), overwrite=True)
    code, _, err = folder.run(*PLAIN, "--at-time", "1/60")
    assert code == ExitCode.USAGE
    assert "--times" in err


# --- inputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, b"", b"not an image at all, by any means", "cut"])
def test_unreadable_inputs_are_3_and_named(folder: Folder, content: bytes | str | None) -> None:
    bad = folder.path / "bad.png"
    if content is not None:
        whole = (folder.path / "long.png").read_bytes()
        bad.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    for inputs in (("bad.png", "short.png"), ("long.png", "bad.png")):
        code, out, err = folder.run(*inputs, "-o", "mid.png")
        assert (code, out) == (ExitCode.IMAGE_FILE, b"")
        assert "bad.png" in err
        assert err.count("\n") == 1


def test_equal_exposures_are_no_pair(folder: Folder) -> None:
    folder.write("twin.png", shoot(TIMES["long"]))
    code, _, err = folder.run("long.png", "twin.png", "-o", "mid.png")
    assert code == ExitCode.PAIR
    assert "long.png and twin.png: " in err


def test_different_sizes_are_no_pair(folder: Folder) -> None:
    folder.write("small.png", shoot(TIMES["short"])[:-1])
    assert folder.run("long.png", "small.png", "-o", "mid.png")[0] == ExitCode.PAIR


def test_different_profiles_are_no_pair_and_both_are_named(folder: Folder) -> None:
    wide = Metadata(icc=icc_profile("display-p3"))
    folder.write("tagged.png", shoot(TIMES["short"]), metadata=wide, time=TIMES["short"])
    code, _, err = folder.run("long.png", "tagged.png", "-o", "mid.png")
    assert code == ExitCode.PAIR
    assert "no profile" in err
    assert "Display P3" in err


@pytest.mark.parametrize("other", [None, icc_profile("srgb")])
def test_profiles_of_other_programs_for_the_same_colours_are_the_same(
    other: bytes | None, folder: Folder
) -> None:
    """No profile means sRGB; that of LittleCMS states its curve in other numbers."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for (name, time), icc in zip(TIMES.items(), (srgb, other), strict=True):
        metadata = Metadata(icc=icc)
        folder.write(f"{name}.png", shoot(time), metadata=metadata, time=time, overwrite=True)
    assert folder.run(*PLAIN)[::2] == (ExitCode.OK, "")
    assert read_photograph(folder.path / "mid.png").metadata.icc == srgb


def test_profiles_made_at_different_times_are_the_same(folder: Folder) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    later = srgb[:24] + b"\x07\xe9\0\1\0\1\0\0\0\0\0\0" + srgb[36:]
    for (name, time), icc in zip(TIMES.items(), (srgb, later), strict=True):
        metadata = Metadata(icc=icc)
        folder.write(f"{name}.png", shoot(time), metadata=metadata, time=time, overwrite=True)
    assert folder.run(*PLAIN)[0] == ExitCode.OK
    assert read_photograph(folder.path / "mid.png").metadata.icc == srgb


def test_different_cameras_give_a_warning(folder: Folder) -> None:
    tagged(folder.path / "long.jpg", shoot(TIMES["long"]), model="Alpha")
    tagged(folder.path / "short.jpg", shoot(TIMES["short"]), model="Beta")
    code, _, err = folder.run("long.jpg", "short.jpg", "--no-refine", "-o", "mid.png")
    assert code == ExitCode.OK
    assert "Alpha" in err
    assert "Beta" in err


def test_a_profile_of_another_camera_gives_a_warning(folder: Folder) -> None:
    curve = [np.log(np.arange(1, 257) / 129).tolist()]
    facts = {"expinterp_profile": 1, "response": curve, "residual": 0.1, "shots": 3}
    (folder.path / "beta.json").write_text(json.dumps({**facts, "camera": "Beta"}), "utf-8")
    tagged(folder.path / "long.jpg", shoot(TIMES["long"]), model="Alpha")
    pair = ["long.jpg", "short.png", "--no-refine", "-o", "mid.png", "--response", "beta.json"]
    record = folder.record(*pair)
    assert record["response"] == {
        "source": "profile", "file": "beta.json", "camera": "Beta", "curves": None,
        "residual": 0.1,
    }  # fmt: skip
    assert any("Alpha" in warning and "Beta" in warning for warning in record["warnings"])


def test_where_only_orientation_tags_differ_the_first_holds(folder: Folder) -> None:
    """A camera pointed straight down turns its tag between two shots of a bracket."""
    for mine, theirs in ((6, 1), (1, 8), (6, 8), (8, 6), (1, 3)):
        tagged(folder.path / "long.jpg", shoot(TIMES["long"]), orientation=mine)
        tagged(folder.path / "same.jpg", shoot(TIMES["short"]), orientation=mine)
        tagged(folder.path / "other.jpg", shoot(TIMES["short"]), orientation=theirs)
        plain = ["--no-refine", "--overwrite", "-q", "-o"]
        folder.run("long.jpg", "same.jpg", *plain, "same.png")
        code, _, _ = folder.run("long.jpg", "other.jpg", *plain, "other.png")
        assert code == ExitCode.OK
        np.testing.assert_array_equal(folder.pixels("other.png"), folder.pixels("same.png"))


def test_shots_that_are_upright_by_different_tags_stay_as_they_are(folder: Folder) -> None:
    """An editor has turned one of them, pixels and tag; the other still has the camera's tag."""
    tagged(folder.path / "long.jpg", shoot(TIMES["long"]), orientation=3)
    tagged(folder.path / "short.jpg", shoot(TIMES["short"])[::-1, ::-1], orientation=1)
    code, _, err = folder.run("long.jpg", "short.jpg", "--no-refine", "-o", "mid.png")
    assert (code, err) == (ExitCode.OK, "")


def test_a_stated_ratio_that_the_pixels_contradict_is_a_warning(folder: Folder) -> None:
    assert folder.record(*PLAIN, "--ratio", "16")["warnings"] == []
    code, _, err = folder.run(*PLAIN, "--ratio", "200", "--overwrite")
    assert code == ExitCode.OK
    assert re.search(r"warning: .*stated.* 200.*, the measured one about \d", err)


# --- devices, models, interruption ---------------------------------------------------------------


def test_a_missing_model_is_8(folder: Folder) -> None:
    code, _, err = folder.run(*PAIR, "-o", "mid.png", "--model", "missing.onnx")
    assert code == ExitCode.MODEL
    assert "missing.onnx" in err


def test_a_device_that_is_not_there_is_7(folder: Folder) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this build of onnxruntime may have the device")
    code, _, err = folder.run(*PAIR, "-o", "mid.png", "--device", "cuda")
    assert code == ExitCode.DEVICE
    assert "cuda" in err
    assert folder.names() == set(PAIR)


@pytest.mark.parametrize("where", ["render", "measure_exposures"])
def test_interrupted_work_leaves_nothing(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    owner = {"render": interpolate, "measure_exposures": measured_pair}[where]
    monkeypatch.setattr(owner, where, interrupt)
    assert folder.run(*PLAIN)[0] == ExitCode.INTERRUPTED
    assert folder.names() == set(PAIR)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.usefixtures("foreground")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_interrupt_a_running_command(folder: Folder, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "expinterp", "interpolate", "-", "short.png", "-v"]
    with subprocess.Popen(
        [*command, "--no-refine", "-o", "mid.png"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stderr is not None
        assert running.stderr.readline() == "expinterp: read\n"
        running.send_signal(number)
        running.wait(timeout=20)  # though its stdin stays open
        _, err = running.communicate()
    assert running.returncode == ExitCode.INTERRUPTED
    assert "interrupted" in err
    assert folder.names() == set(PAIR)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.usefixtures("foreground")
def test_a_signal_interrupts_a_command_that_waits_for_a_pipe(folder: Folder) -> None:
    os.mkfifo("pipe.png")
    command = [sys.executable, "-m", "expinterp", "interpolate", "pipe.png", "short.png"]
    with (
        subprocess.Popen([*command, "--no-refine", "-o", "mid.png"]) as running,
        Path("pipe.png").open("wb"),  # opens once it is read from, and gives nothing
    ):
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(timeout=20)
        finally:
            running.kill()
    assert running.returncode == ExitCode.INTERRUPTED
    assert folder.names() == {*PAIR, "pipe.png"}


def test_two_onnxruntime_wheels_give_a_warning_before_they_fail(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_scene, "find_clash", lambda module: f"two wheels of {module} clash")
    assert "two wheels of onnxruntime clash" in folder.record(*PAIR, "-o", "a.png")["warnings"][0]
    assert folder.record(*PLAIN)["warnings"] == []


@pytest.mark.parametrize("options", [["--no-refine"], [], ["--count", "3"]])
def test_progress_rises_from_nothing_to_nearly_all_and_moves_while_rendering(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    shown: list[tuple[str, float]] = []
    monkeypatch.setattr(
        Console, "progress", lambda _: nullcontext(lambda step, share: shown.append((step, share)))
    )
    assert folder.run(*PAIR, "-o", "mid.png", *options)[0] == ExitCode.OK
    shares = [share for _, share in shown]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.85 < shares[-1] < 1
    assert len({share for step, share in shown if step == "render"}) > 1


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
def test_progress_shows_on_a_terminal_without_colour_if_so_asked(folder: Folder) -> None:
    shown = progress_on_terminal("interpolate", *PLAIN)
    assert b"write" in shown
    assert b"\x1b[3" not in shown


# --- JSON ----------------------------------------------------------------------------------------


def test_record_is_one_object_with_the_documented_fields(folder: Folder) -> None:
    record = folder.record(*PAIR, "-o", "mid.png", "--save-intermediate", "y0.png")
    assert list(record) == [
        "schema_version", "version", "command", "inputs", "outputs", "ratio", "motion", "ghosts",
        "response", "refinement", "denoise", "timings", "warnings",
    ]  # fmt: skip
    assert record["schema_version"] == 1
    assert [shot["role"] for shot in record["inputs"]] == ["long", "short"]
    assert [shot["file"] for shot in record["inputs"]] == list(PAIR)
    assert [output["kind"] for output in record["outputs"]] == ["medium", "intermediate"]
    assert record["ratio"]["stated"] == pytest.approx(RATIO)
    assert record["ratio"]["measured"] > 1
    assert record["ratio"]["used"] == record["ratio"]["stated"]
    assert set(record["timings"]) == {"read", "measure", "render", "write"}
    assert record["warnings"] == []


def test_record_without_refinement_says_null(folder: Folder) -> None:
    assert folder.record(*PLAIN)["refinement"] is None


@pytest.mark.parametrize(
    ("options", "strength"),
    [((), 1.0), (("--no-refine",), 0.0), (("--denoise", "off"), 0.0), (("--denoise", "0.5"), 0.5)],
)
def test_record_states_the_strength_of_denoising(
    folder: Folder, options: tuple[str, ...], strength: float
) -> None:
    assert folder.record(*PAIR, "-o", "mid.png", *options)["denoise"] == strength


@pytest.mark.parametrize("strength", ["2", "-0.1", "nan", "some"])
def test_another_strength_of_denoising_is_refused(folder: Folder, strength: str) -> None:
    code, _, message = folder.run(*PAIR, "-o", "mid.png", "--denoise", strength)
    assert code == 2
    assert "is neither auto, off nor a number from 0 to 1" in message


def test_a_job_keeps_freed_memory(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mapping fresh memory again and again takes a tenth of the time of a large pair."""
    called: list[bool] = []
    monkeypatch.setattr("expinterp.scene_io.malloc.keep_freed_memory", lambda: called.append(True))
    folder.record(*PLAIN)
    assert called == [True]


def test_a_failure_leaves_stdout_empty(folder: Folder) -> None:
    assert folder.run("missing.png", "short.png", "-o", "mid.png", "--json")[1] == b""


def test_clipped_shares_are_counted_per_input(folder: Folder) -> None:
    shares = {shot["role"]: shot["clipped"] for shot in folder.record(*PLAIN)["inputs"]}
    assert shares["long"] != shares["short"]


def test_a_motion_that_is_too_large_is_reported_and_left(folder):
    for name, image in zip(("a.png", "b.png"), shots(hand(0.1)), strict=True):
        folder.write(name, image)
    code, out, err = folder.run("a.png", "b.png", "-o", "moved.png", "--no-refine", "--json")
    assert code == 0
    assert json.loads(out)["motion"]["pixels"] is None
    assert "a.png and b.png: the images do not fit" in err


def test_a_camera_that_moved_is_found_reported_and_undone(folder):
    long, short = shots(similarity(5.0, -3.0))
    folder.write("a.png", long)
    folder.write("b.png", short)
    options = ("--no-refine", "--json", "--reference", "long")
    code, out, err = folder.run("a.png", "b.png", "-o", "moved.png", *options)
    assert code == 0
    assert json.loads(out)["motion"]["pixels"] == pytest.approx(np.hypot(5, 3), abs=0.3)
    assert err == ""
    assert json.loads(out)["motion"]["aligned_to"] == "a.png"
    err = folder.run("a.png", "b.png", "-o", "again.png", *options, "-v")[2]
    assert "moved by up to 5." in err
    assert "aligned to a.png (--no-align" in err
    moved = read_photograph(folder.path / "moved.png")
    code, out, err = folder.run(
        "a.png", "b.png", "-o", "left.png", "--no-refine", "--json", "--no-align"
    )
    assert (code, err) == (0, "")
    assert json.loads(out)["motion"] is None
    left = read_photograph(folder.path / "left.png")
    assert (left.pixels != moved.pixels).any()


@pytest.mark.parametrize("name", ["mid.avif", "mid.webp"])
def test_a_picture_too_long_for_a_format_is_refused_before_the_work(
    tmp_path, monkeypatch, capsys, name
):
    row = np.tile(np.arange(40, 60, dtype=np.uint8), 1650)[None, :, None].repeat(3, axis=2)
    for role, gain in (("long", 4), ("short", 1)):
        write_photograph(row * np.uint8(gain), tmp_path / f"{role}.png")
    monkeypatch.setattr("expinterp.scene_io.interpolate.measure_shots", None)
    command = ["interpolate", *(str(tmp_path / f"{role}.png") for role in ("long", "short"))]
    assert cli.main([*command, "-o", str(tmp_path / name), "--no-refine"]) == 6
    assert "rows and columns, not 33000 × 1" in capsys.readouterr().err

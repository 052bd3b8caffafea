"""Known cameras on the command line: listed, named, found in EXIF, and measured once for good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from camera_samples import BRACKET, D90, FLAT, STEEP, measured, photograph, write

from expinterp import cli, scene_io
from expinterp.errors import ExitCode
from expinterp.images import read_photograph
from expinterp.library import open_library, remember
from expinterp.refine import open_refiner
from expinterp.scene_io import InterpolationJob, InterpolationOptions

TIMES = (1 / 8, 1 / 512)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with one for the user's own cameras."""
    monkeypatch.setenv("EXPINTERP_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        return code, *capsys.readouterr()

    return run


def write_pair(folder: Path, *cameras: str | None, taken_with: str = D90, seed: int = 3) -> None:
    """Write long.png and short.png, which name these cameras."""
    folder.mkdir(exist_ok=True)
    for name, time, camera in zip(("long", "short"), TIMES, cameras, strict=True):
        pixels = photograph(taken_with, time, seed=seed)
        write(folder / f"{name}.png", pixels, camera=camera, time=time)


def write_bracket(folder: Path, camera: str | None, *, seed: int = 1) -> Iterator[str]:
    for number, time in enumerate(BRACKET):
        pixels = photograph(camera or STEEP, time, seed=seed)
        yield write(folder / f"{number}.png", pixels, camera=camera, time=time)


def pixels_of(name: str) -> bytes:
    return read_photograph(name).pixels.tobytes()


def response_of(command: Any, *options: str) -> dict[str, Any]:
    """Interpolate long.png and short.png, and return how the response was found."""
    pair = ("long.png", "short.png", "-o", "mid.png", "--overwrite", "--no-refine")
    code, out, err = command("interpolate", *pair, "--json", *options)
    assert (code, err) == (ExitCode.OK, "")
    return json.loads(out)["response"]


def test_a_camera_named_by_both_files_is_used(command: Any, here: Path) -> None:
    write_pair(here, "NIKON D90", "Nikon  D90")
    found = response_of(command)
    assert found == {"source": "camera", "file": None, "camera": D90, "curves": 6, "residual": None}


@pytest.mark.parametrize(
    "cameras", [(None, None), (D90, None), (D90, "Canon EOS 7D"), ("NIKON D900", "NIKON D900")]
)
def test_all_other_pairs_use_the_mixture(command: Any, here: Path, cameras: Any) -> None:
    write_pair(here, *cameras)
    pair = ("long.png", "short.png", "-o", "mid.png", "--no-refine")
    code, out, _ = command("interpolate", *pair, "--json")
    assert code == ExitCode.OK
    found = json.loads(out)["response"]
    assert (found["source"], found["camera"], found["curves"]) == ("pair", None, None)


def test_a_name_wins_over_the_files_and_any_switches_the_library_off(
    command: Any, here: Path
) -> None:
    write_pair(here, D90, D90)
    assert response_of(command, "--camera", "canon eos-7d")["camera"] == "Canon EOS 7D"
    by_name = pixels_of("mid.png")
    assert response_of(command, "--camera", "ANY")["source"] == "pair"
    plain = pixels_of("mid.png")
    assert response_of(command)["camera"] == D90
    assert len({by_name, plain, pixels_of("mid.png")}) == 3
    write_pair(here, None, None)
    assert response_of(command)["source"] == "pair"
    assert pixels_of("mid.png") == plain
    response_of(command, "--camera", "eos 7d")
    assert pixels_of("mid.png") == by_name


@pytest.mark.parametrize("name", ["interpolate", "fuse", "batch"])
def test_an_unknown_name_is_refused_before_any_work(command: Any, name: str) -> None:
    files = ("card",) if name == "batch" else ("a.png", "b.png")
    code, _, err = command(name, *files, "-o", "out.png", "--camera", "nikon d91")
    assert code == ExitCode.USAGE
    assert err.count("\n") == 1
    assert "did you mean NIKON D90? 'expinterp cameras' lists them" in err
    code, _, err = command(name, *files, "-o", "out.png", "--camera", D90, "--response", "x.json")
    assert code == ExitCode.USAGE
    assert "--response and --camera exclude each other" in err


def test_a_verbose_run_names_the_curves(command: Any, here: Path) -> None:
    write_pair(here, D90, D90)
    for name in ("interpolate", "fuse"):
        pair = ("long.png", "short.png", "-o", f"{name}.png", "--no-refine", "-v")
        assert "response from the pair and 6 curves of NIKON D90" in command(name, *pair)[2]


def test_edited_pictures_of_a_known_camera_use_the_mixture(command: Any, here: Path) -> None:
    """They name the camera, but none of its curves fits; --camera insists."""
    write_pair(here, D90, D90, taken_with=STEEP)
    found = response_of(command)
    assert (found["source"], found["camera"], found["curves"]) == ("pair", None, None)
    edited = pixels_of("mid.png")
    response_of(command, "--camera", "any")
    assert pixels_of("mid.png") == edited
    assert response_of(command, "--camera", D90)["source"] == "camera"
    assert pixels_of("mid.png") != edited


def test_fusing_uses_the_camera_of_the_files(command: Any, here: Path) -> None:
    write_pair(here, D90, D90)
    pair = ("long.png", "short.png", "--no-refine", "--json")
    for options, source in (((), "camera"), (("--camera", "any"), "pair")):
        code, out, _ = command("fuse", *pair, "-o", f"{source}.png", *options)
        assert code == ExitCode.OK
        assert json.loads(out)["response"]["source"] == source
    assert Path("camera.png").read_bytes() != Path("pair.png").read_bytes()


def test_a_camera_is_measured_once_and_used_from_then_on(command: Any, here: Path) -> None:
    write_pair(here, FLAT, FLAT, taken_with=FLAT)
    assert response_of(command, "-q")["source"] == "pair"
    code, out, err = command("calibrate", *write_bracket(here, FLAT), "--remember")
    assert (code, out) == (ExitCode.OK, "")
    assert err == f"expinterp: remembered: photographs of {FLAT} use this curve from now on\n"
    found = response_of(command, "-q")
    assert (found["source"], found["camera"], found["curves"]) == ("camera", FLAT, 1)
    command("calibrate", *write_bracket(here, FLAT, seed=2), "--remember", "-o", "flat.json")
    assert response_of(command, "-q")["curves"] == 2
    assert json.loads(Path("flat.json").read_text("utf-8"))["camera"] == FLAT


def test_a_name_wins_over_that_in_the_files_that_are_calibrated(command: Any, here: Path) -> None:
    bracket = write_bracket(here, STEEP)
    assert command("calibrate", *bracket, "--remember", "--camera", "Pinhole 1")[0] == ExitCode.OK
    assert "Pinhole 1" in open_library().cameras
    assert STEEP not in open_library().cameras


def test_a_profile_of_the_camera_in_another_spelling_is_no_warning(
    command: Any, here: Path
) -> None:
    write_pair(here, "NIKON CORPORATION NIKON D90", "Nikon d90")
    Path("camera.json").write_text(measured(D90).to_json(), "utf-8")
    assert response_of(command, "--response", "camera.json")["source"] == "profile"


def test_a_camera_without_exif_is_remembered_by_the_name_that_is_given(
    command: Any, here: Path
) -> None:
    bracket = list(write_bracket(here, None))
    code, _, err = command("calibrate", *bracket, "--remember", "-o", "x.json")
    assert code == ExitCode.USAGE
    assert "names no camera; name it with --camera" in err
    assert command("calibrate", *bracket, "--remember", "--camera", "any")[0] == ExitCode.USAGE
    assert not Path("x.json").exists()
    assert command("calibrate", *bracket, "--remember", "--camera", "Pinhole 1")[0] == ExitCode.OK
    write_pair(here, None, None)
    assert response_of(command, "--camera", "pinhole-1")["camera"] == "Pinhole 1"


def test_a_curve_that_does_not_fit_is_not_remembered(command: Any, here: Path) -> None:
    bracket = list(write_bracket(here, STEEP))
    code, _, err = command("calibrate", *bracket, "--remember", "--times", "1/500,1/8,1/30,1/9")
    assert code == ExitCode.PAIR
    assert "it is not remembered" in err
    assert STEEP not in open_library().cameras


def test_a_curve_that_cannot_be_remembered_leaves_no_other_output(command: Any, here: Path) -> None:
    """The same command with another folder then runs."""
    Path("data").write_text("a file", "utf-8")
    outputs = ("--remember", "-o", "camera.json", "--plot", "camera.svg")
    code, _, err = command("calibrate", *write_bracket(here, STEEP), *outputs)
    assert code == ExitCode.OUTPUT
    assert err.count("\n") == 1
    assert "EXPINTERP_DATA names another one" in err
    assert not Path("camera.json").exists()
    assert not Path("camera.svg").exists()


def test_calibrate_needs_a_place_for_the_curve(command: Any, here: Path) -> None:
    code, _, err = command("calibrate", *write_bracket(here, STEEP))
    assert code == ExitCode.USAGE
    assert "-o" in err
    assert "--remember" in err


def test_cameras_are_listed_with_their_source(command: Any) -> None:
    file = remember(measured(STEEP))
    code, out, err = command("cameras")
    assert (code, err) == (ExitCode.OK, "")
    heads, *rows = out.splitlines()
    assert heads.split() == ["camera", "curves", "source"]
    assert [row.split("  ")[0] for row in rows] == list(open_library().cameras)
    assert f"{STEEP}  " in rows[0]
    assert rows[0].endswith(f"your own, {file}")
    assert any(row.startswith(D90) and row.endswith("6       built in") for row in rows)


def test_the_list_as_json(command: Any) -> None:
    file = remember(measured(STEEP))
    code, out, _ = command("cameras", "--json")
    assert code == ExitCode.OK
    listed = json.loads(out)
    assert (listed["schema_version"], listed["damaged"]) == (1, [])
    assert listed["folder"] == str(file.parent)
    by_name = {camera["name"]: camera for camera in listed["cameras"]}
    assert by_name[STEEP] == {"name": STEEP, "built_in": 0, "own": [str(file)]}
    assert by_name[D90] == {"name": D90, "built_in": 6, "own": []}


def test_own_curves_can_be_removed_and_built_in_ones_stay(command: Any) -> None:
    files = [remember(measured(STEEP, seed=seed)) for seed in (1, 2)]
    code, _, err = command("cameras", "--remove", "acme steep 1")
    assert (code, err) == (
        ExitCode.OK, f"expinterp: removed your own curves of {STEEP}: 2\n",
    )  # fmt: skip
    assert not any(file.exists() for file in files)
    for name, words in ((D90, "built-in ones stay"), (STEEP, "not known"), ("any", "no curves")):
        code, _, err = command("cameras", "--remove", name)
        assert code == ExitCode.USAGE
        assert words in err


def test_a_damaged_file_of_ones_own_is_one_warning(command: Any, here: Path) -> None:
    write_pair(here, D90, D90)
    folder = remember(measured(STEEP)).parent
    (folder / "broken.json").write_text("{", "utf-8")
    pair = ("long.png", "short.png", "--no-refine")
    code, _, err = command("interpolate", *pair, "-o", "mid.png")
    assert code == ExitCode.OK
    assert err.count("\n") == 1
    assert "broken.json is no camera profile (line 1 is not JSON); it is not used" in err
    assert command("interpolate", *pair, "-o", "any.png", "--camera", "any")[2] == ""
    assert "broken.json" in command("cameras")[2]
    code, out, _ = command("doctor", "--json")
    assert code == ExitCode.OK
    found = {each["name"]: each for each in json.loads(out)["findings"]}["cameras"]
    assert "1 of your own" in found["detail"]
    assert str(folder) in found["detail"]
    assert "broken.json" in found["detail"]
    assert "remove" in found["cure"]


@pytest.mark.model
def test_a_profile_in_a_model_wins_and_says_so(here: Path) -> None:
    """A tuned network needs the response that it was tuned with."""
    write_pair(here, D90, D90)
    refiner = open_refiner(device="cpu")
    tuned = replace(refiner.contract, profile=measured(STEEP))
    for camera, warned in ((D90, True), ("any", False)):
        options = InterpolationOptions(camera=camera, model=Path("mine.onnx"))
        job = InterpolationJob("long.png", "short.png", {"medium": f"{camera}.png"}, options)
        record = scene_io.run(job, opener=lambda *_, **__: replace(refiner, contract=tuned))
        assert (record.response["source"], record.response["camera"]) == ("profile", STEEP)
        words = f"its profile of {STEEP} is used, and --camera has no effect"
        assert any(words in warning for warning in record.warnings) is warned

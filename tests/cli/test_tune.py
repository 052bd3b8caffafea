"""``expinterp tune`` as a command: its model and profile, and when it writes none."""

from __future__ import annotations

import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

for _package in ("torch", "onnx"):
    pytest.importorskip(_package, reason="needs the extra 'train': pip install expinterp[train]")

from cli_samples import Run, tagged
from evaluation_samples import TIMES
from synthetic import expose, gamma_response, scene

from expinterp import cli
from expinterp.core.response.calibration import Profile
from expinterp.errors import ExitCode, ModelError
from expinterp.images import Metadata, read_photograph, with_exposure_time, write_photograph
from expinterp.library import cameras, read_profile
from expinterp.metrics import psnr
from expinterp.pipeline import interpolate
from expinterp.refine import open_refiner
from expinterp.refine.contract import PROFILE

pytestmark = [pytest.mark.train, pytest.mark.model]
COMMAND = "tune"  # that `run` runs
BRIEF = ("--steps", "150", "--threads", "1")
SHORT = ("--steps", "40", "--threads", "1")  # where it matters little how much is learned


def saturated(radiance: np.ndarray, time: float) -> np.ndarray:
    """Photograph with a camera whose red clips early and spills: no table per channel undoes it."""
    light = radiance * time
    light[..., 1] += 0.3 * np.clip(light[..., 0], 0, 0.8)
    return expose(light, 1.0)


def write_bracket(folder: Path, *, seed: int, still: bool = True) -> None:
    folder.mkdir(parents=True)
    radiance = scene((80, 112), seed=seed, stops=7) * 4
    for index, time in enumerate(TIMES):
        pixels = saturated(radiance.copy(), time)
        if index == 1 and not still:
            pixels = np.roll(pixels, 9, axis=0)
        metadata = with_exposure_time(Metadata(), time)
        write_photograph(pixels, folder / f"{index}.png", metadata=metadata)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Make a folder of four small scenes."""
    return write_card(tmp_path / "card")


def write_card(folder: Path) -> Path:
    for seed in range(4):
        write_bracket(folder / f"scene{seed}", seed=seed)
    return folder


@dataclass
class Tuned:
    """What ``expinterp tune`` made of four scenes."""

    folder: Path  # with the card, mycam.onnx and all beside it
    out: str
    err: str
    learned: list[tuple[int, int]]  # pictures and patches of each training


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """Tune once; the tests only read what it made."""
    from expinterp.training import build
    from expinterp.training import tune as module

    train, learned = module.train, []

    def watch(patches, *arguments, **options):
        learned.append((int(patches.picture.max()) + 1, len(patches)))
        return train(patches, *arguments, **options)

    folder = tmp_path_factory.mktemp("tuned")
    write_card(folder / "card")
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        for each in (build, module):
            patch.setattr(each, "train", watch)
        code = cli.main(["tune", "card", "-o", "mycam.onnx", *BRIEF])
    assert code == ExitCode.OK, err.getvalue()
    return Tuned(folder, out.getvalue(), err.getvalue(), learned)


def test_a_tuned_model_carries_its_profile_and_does_better(tuned: Tuned, tmp_path: Path) -> None:
    assert "tuned: tuned network and profile" in tuned.out
    assert "--model mycam.onnx" in tuned.err
    refiner = open_refiner(tuned.folder / "mycam.onnx", device="cpu")
    profile = read_profile(tuned.folder / "mycam.json")
    carried = refiner.contract.profile
    assert carried is not None
    np.testing.assert_array_equal(carried.response, profile.response)
    assert profile.shots == 9  # three of the four scenes
    write_bracket(tmp_path / "new", seed=9)
    shots = [read_photograph(tmp_path / f"new/{index}.png").pixels for index in (0, 1, 2)]
    bundled, own = (
        psnr(interpolate(shots[0], shots[2], refiner=each).medium, shots[1])
        for each in (open_refiner(device="cpu"), refiner)
    )
    assert own > bundled + 1
    names = {path.name for path in tuned.folder.iterdir()}
    assert names == {"card", "mycam.onnx", "mycam.json", "mycam.md", "mycam.run"}
    assert "photographed brackets" in (tuned.folder / "mycam.md").read_text("utf-8")


def test_brackets_that_moved_are_left_out_with_a_reason(card: Path, run: Run) -> None:
    write_bracket(card / "shaken", seed=7, still=False)
    code, _, err = run("card", "-o", "mycam.onnx", "--held-out", "2", *SHORT)
    assert code == ExitCode.OK
    assert "warning: shaken 0-1-2: the medium lies 9.0 pixels beside" in err


def test_the_result_has_learned_from_all_scenes(tuned: Tuned) -> None:
    (three, some), (four, all_of_them) = tuned.learned
    assert (three, four) == (3, 4)
    assert all_of_them / some == pytest.approx(4 / 3, rel=0.01)
    facts = open_refiner(tuned.folder / "mycam.onnx", device="cpu").contract.facts
    assert facts["training_data"].startswith("4 scenes of card")
    text = (tuned.folder / "mycam.md").read_text("utf-8")
    assert "| held out while the figures were measured | scene" in text


def test_interpolate_uses_the_profile_in_the_model(
    tuned: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shots = [str(tuned.folder / f"card/scene0/{index}.png") for index in (0, 2)]
    own = ("--model", str(tuned.folder / "mycam.onnx"))
    response = ("--response", str(tuned.folder / "mycam.json"))
    for name, options in {"a": own, "b": (*own, *response), "c": ()}.items():
        assert cli.main(["interpolate", *shots, "-o", f"{name}.png", *options]) == ExitCode.OK
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert Path("a.png").read_bytes() != Path("c.png").read_bytes()


def test_a_model_for_another_camera_gives_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from expinterp.training.export import export_network
    from expinterp.training.network import Network

    monkeypatch.chdir(tmp_path)
    profile = Profile(gamma_response() + np.arange(256) * 1e-6, 0.0, 3, "Acme One")
    export_network(Network(), Path("mycam.onnx"), {PROFILE: profile.to_json()})
    for name, time in {"long.jpg": 1 / 4, "short.jpg": 1 / 64}.items():
        tagged(Path(name), saturated(scene(seed=1) * 4, time), model="Two")
    arguments = ["interpolate", "long.jpg", "short.jpg", "-o", "mid.png", "--model", "mycam.onnx"]
    assert cli.main(arguments) == ExitCode.OK
    err = capsys.readouterr().err
    assert "mycam.onnx describes Acme One, but long.jpg was taken with Two" in err
    assert "leave --model out" in err
    Path("other.json").write_text(profile.to_json(), "utf-8")
    assert cli.main([*arguments, "--response", "other.json", "--overwrite"]) == ExitCode.OK
    assert "leave --response out" in capsys.readouterr().err


def test_a_model_with_a_broken_profile_is_refused(tmp_path: Path) -> None:
    from expinterp.training.export import export_network
    from expinterp.training.network import Network

    export_network(Network(), tmp_path / "mycam.onnx", {PROFILE: "{}"})
    with pytest.raises(ModelError, match="damaged camera profile"):
        open_refiner(tmp_path / "mycam.onnx", device="cpu")


def test_a_model_that_is_worse_is_not_written(
    card: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from expinterp.training import build as module

    def spoil(*arguments, **options):
        network = module_train(*arguments, **options)
        for weight in network.parameters():
            weight.data += 0.05
        return network

    module_train = module.train
    monkeypatch.setattr(module, "train", spoil)
    code, out, err = run("card", "-o", "mycam.onnx", "-q", *SHORT)
    assert (code, out) == (ExitCode.MODEL, "")
    assert "is not written" in err
    assert err.count("\n") == 1
    assert not Path("mycam.onnx").exists()
    assert not Path("mycam.md").exists()
    assert Path("mycam.json").exists() == ("the profile alone is worth" in err)


def test_a_camera_without_a_name_cannot_be_remembered(card: Path, run: Run) -> None:
    code, _, err = run("card", "-o", "mycam.onnx", "--remember", *BRIEF)
    assert code == ExitCode.IMAGE_FILE
    assert "the files name no camera to remember" in err
    assert not list(Path("mycam.run").iterdir())  # nothing was trained


def test_a_library_that_cannot_be_written_is_found_before_training(
    card: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("data").write_text("a file", "utf-8")
    monkeypatch.setenv("EXPINTERP_DATA", str(Path("data").absolute()))
    monkeypatch.setattr("expinterp.training.tune.library.is_name", lambda _: True)
    code, _, err = run("card", "-o", "mycam.onnx", "--remember", *BRIEF)
    assert code == ExitCode.OUTPUT
    assert "EXPINTERP_DATA" in err
    assert not list(Path("mycam.run").iterdir())


@pytest.mark.parametrize(("profile_psnr", "kept"), [(31.0, True), (29.0, False)])
def test_a_profile_is_remembered_where_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile_psnr: float, kept: bool
) -> None:
    """Also if the network is not: the profile alone may be better than nothing."""
    from expinterp.training.tune import RESPONSE, START, TUNED, keep_profile

    monkeypatch.setenv("EXPINTERP_DATA", str(tmp_path / "data"))
    figures = {START: 30.0, RESPONSE: profile_psnr, TUNED: 20.0}
    profile = Profile(gamma_response(), 0.0, 3, "Acme One")
    result = SimpleNamespace(psnr=figures.__getitem__)
    with pytest.raises(ModelError):
        keep_profile(result, profile, tmp_path / "p.json", overwrite=False, remember=True)
    assert (tmp_path / "p.json").exists() is kept
    assert ("Acme One" in cameras()) is kept


def test_a_finished_run_gives_the_same_model_but_not_for_another_start(
    tuned: Tuned, tmp_path: Path, run: Run
) -> None:
    from expinterp.training.export import export_network
    from expinterp.training.network import Network

    shutil.copytree(tuned.folder, tmp_path, dirs_exist_ok=True)
    again = ("card", "-o", "mycam.onnx", "--overwrite", *BRIEF)
    first = Path("mycam.onnx").read_bytes()
    assert run(*again)[0] == ExitCode.OK
    assert Path("mycam.onnx").read_bytes() == first
    export_network(Network(), Path("other.onnx"), {})
    code, _, err = run(*again, "--model", "other.onnx")
    assert code == ExitCode.OUTPUT_EXISTS
    assert "another start" in err
    assert Path("mycam.onnx").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("card",), ExitCode.USAGE, "--output"),
        (("card", "-o", "m.json"), ExitCode.USAGE, "end its name in .onnx"),
        (("card", "-o", "m.onnx", "--steps", "5", "--minutes", "1"), ExitCode.USAGE, "exclude"),
        (("none", "-o", "m.onnx"), ExitCode.IMAGE_FILE, "no such file or folder"),
        (("card", "-o", "m.onnx", "--camera", "Leica"), ExitCode.IMAGE_FILE, "nothing else"),
        (("card", "-o", "m.onnx", "--held-out", "4"), ExitCode.IMAGE_FILE, "4 scenes"),
        (("card", "-o", "there.onnx"), ExitCode.OUTPUT_EXISTS, "there.onnx"),
        (("card", "-o", "m.onnx", "--profile", "there.onnx"), ExitCode.OUTPUT_EXISTS, "there"),
        (("card", "-o", "m.onnx", "--model", "there.onnx"), ExitCode.MODEL, "there.onnx"),
    ],
)
def test_errors_have_their_exit_codes_and_one_line(
    card: Path, run: Run, arguments: tuple[str, ...], code: ExitCode, said: str
) -> None:
    Path("there.onnx").write_text("mine", "utf-8")
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1
    assert Path("there.onnx").read_text("utf-8") == "mine"

"""``expinterp train`` as a command: model, card, log and curves; errors; continuing a run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli_samples import Run
from evaluation_samples import write_scene
from training_samples import write_curves, write_maps

from expinterp import cli
from expinterp.errors import ExitCode
from expinterp.refine import open_refiner

COMMAND = "train"  # that `run` runs
BRIEF = ("--held-out", "1", "--steps", "60", "--photographs", "20", "--threads", "1")


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Make a folder of three small scenes."""
    for seed in range(3):
        write_scene(tmp_path / "card" / f"scene{seed}", seed=seed)
    return tmp_path / "card"


@pytest.fixture
def radiance(tmp_path: Path) -> Path:
    """Make a folder of radiance maps with a licence, and one of response curves beside it."""
    write_curves(tmp_path / "curves")
    return write_maps(tmp_path / "radiance")


def needs_torch() -> None:
    for package in ("torch", "onnx"):
        pytest.importorskip(package, reason="needs the extra 'train': pip install expinterp[train]")


@pytest.mark.train
def test_brackets_make_a_model_with_card_log_and_curves(card: Path, run: Run) -> None:
    needs_torch()
    code, out, err = run("card", "-o", "mine.onnx", "--licence", "CC0", *BRIEF)
    assert (code, out) == (ExitCode.OK, "")
    assert "wrote mine.onnx" in err
    assert "step 60" in err
    facts = open_refiner(Path("mine.onnx"), device="cpu").contract.facts
    assert facts["licence"] == "CC0"
    assert "2 scenes of card (photographed brackets" in facts["training_data"]
    assert json.loads(facts["settings"])["steps"] == 60
    assert str(card.parent) not in str(facts)
    text = Path("mine.md").read_text("utf-8")
    for said in ("`card`, photographed brackets", "held out", "dB on held-out scenes", "## Limits"):
        assert said in text
    assert str(card.parent) not in text
    log = Path("mine.run/log.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["step"] for line in log] == [50, 60]
    assert Path("mine.run/curves.svg").read_text("utf-8").startswith("<svg")
    assert not list(card.parent.rglob("*.part"))


@pytest.mark.train
def test_radiance_maps_are_photographed(
    radiance: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_torch()
    monkeypatch.setattr("expinterp.training.sources.MEASURED", 4)  # held-out triples
    code, _, err = run("radiance", "--responses", "curves", "-o", "mine.onnx", *BRIEF)
    assert code == ExitCode.OK, err
    text = Path("mine.md").read_text("utf-8")
    assert "LICENSE-maps" in text
    assert "`radiance`, radiance maps" in text


@pytest.mark.train
def test_a_plain_network_keeps_to_the_contract(card: Path, run: Run) -> None:
    needs_torch()
    assert run("card", "-o", "plain.onnx", "--target", "image", *BRIEF)[0] == ExitCode.OK
    text = Path("plain.md").read_text("utf-8")
    assert "| computes | the medium |" in text
    assert "| sees | long and short, not y0 |" in text
    shots = [str(card / "scene0" / f"{index:02d}.png") for index in (0, 2)]
    made = cli.main(["interpolate", *shots, "-o", "mid.png", "--model", "plain.onnx"])
    assert made == ExitCode.OK


@pytest.mark.train
def test_a_run_continues_and_a_finished_one_gives_the_same_bytes(card: Path, run: Run) -> None:
    needs_torch()
    assert run("card", "-o", "a.onnx", *BRIEF)[0] == ExitCode.OK
    assert run("card", "-o", "b.onnx", "--run", "a.run", *BRIEF)[0] == ExitCode.OK
    assert Path("a.onnx").read_bytes() == Path("b.onnx").read_bytes()
    code, _, err = run("card", "-o", "c.onnx", "--run", "a.run", "--seed", "2", *BRIEF)
    assert code == ExitCode.OUTPUT_EXISTS
    assert "other settings" in err


@pytest.mark.train
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("card",), ExitCode.USAGE, "--output"),
        (("-o", "m.onnx"), ExitCode.USAGE, "SOURCE"),
        (("card", "-o", "m.pt"), ExitCode.USAGE, "end its name in .onnx"),
        (("card", "-o", "m.onnx", "--steps", "5", "--minutes", "1"), ExitCode.USAGE, "exclude"),
        (("card", "-o", "m.onnx", "--target", "image", "--no-tone"), ExitCode.USAGE, "--no-tone"),
        (("none", "-o", "m.onnx"), ExitCode.IMAGE_FILE, "no such file or folder"),
        (("card", "-o", "m.onnx", "--held-out", "3"), ExitCode.IMAGE_FILE, "3 scenes"),
        (("maps", "-o", "m.onnx"), ExitCode.IMAGE_FILE, "--responses"),
        (("card", "-o", "there.onnx"), ExitCode.OUTPUT_EXISTS, "there.onnx"),
        (("card", "-o", "m.onnx", "--card", "there.onnx"), ExitCode.OUTPUT_EXISTS, "there.onnx"),
        (("card", "-o", "no/m.onnx"), ExitCode.OUTPUT, "no folder"),
        (("card", "-o", "m.onnx", "--run", "there.onnx"), ExitCode.OUTPUT, "--run"),
    ],
)
def test_errors_have_their_exit_codes_and_one_line(
    card: Path, run: Run, arguments: tuple[str, ...], code: ExitCode, said: str
) -> None:
    needs_torch()
    Path("maps").mkdir()
    Path("maps/a.hdr").write_bytes(b"")
    Path("there.onnx").write_text("mine", "utf-8")
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1
    assert Path("there.onnx").read_text("utf-8") == "mine"


def test_without_torch_the_remedy_is_named(
    card: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["expinterp.cli.commands.train"], "find_spec", lambda name: None)
    code, _, err = run("card", "-o", "m.onnx")
    assert code == ExitCode.MISSING_EXTRA
    assert "pip install 'expinterp[train]'" in err
    assert not Path("m.onnx").exists()


@pytest.mark.slow
@pytest.mark.train
def test_the_installed_command_trains(card: Path) -> None:
    needs_torch()
    command = shutil.which("expinterp", path=str(Path(sys.executable).parent)) or "expinterp"
    done = subprocess.run(
        [command, "train", "card", "-o", "m.onnx", "-q", *BRIEF],
        cwd=card.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert open_refiner(card.parent / "m.onnx", device="cpu").contract.halo == 1

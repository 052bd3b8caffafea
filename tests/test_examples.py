"""The scripts in examples/ and what the README shows: all of it runs, and says what is so."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from expinterp import cli
from expinterp.errors import ExitCode
from expinterp.images import Pixels, read_photograph

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
README = (ROOT / "README.md").read_text("utf-8")
SCENES = sorted(path.name.removesuffix("_long.jpg") for path in EXAMPLES.glob("*_long.jpg"))


def pixels(scene: str, shot: str) -> Pixels:
    return read_photograph(EXAMPLES / f"{scene}_{shot}.jpg").pixels


def psnr(image: Pixels, truth: Pixels) -> float:
    return float(10 * np.log10(255**2 / np.mean((image.astype(float) - truth) ** 2)))


def run(script: str, *arguments: str | Path) -> None:
    """Run a script of `EXAMPLES` as Python does, in this process."""
    path = str(EXAMPLES / script)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [path, *map(str, arguments)])
        runpy.run_path(path, run_name="__main__")


def blocks(language: str) -> list[str]:
    """Take the code blocks of one language out of the README."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_there_are_two_scenes_each_under_a_megabyte() -> None:
    assert len(SCENES) >= 2
    assert all(path.stat().st_size < 1 << 20 for path in EXAMPLES.glob("*.jpg"))


@pytest.mark.parametrize("scene", SCENES)
def test_arrays_are_interpolated(scene: str, tmp_path: Path) -> None:
    output = tmp_path / "mid.png"
    inputs = (EXAMPLES / f"{scene}_{shot}.jpg" for shot in ("long", "short"))
    run("interpolate_arrays.py", *inputs, output)
    computed, truth = read_photograph(output).pixels, pixels(scene, "medium")
    assert psnr(computed, truth) > 30


@pytest.mark.parametrize("scene", SCENES)
def test_a_ladder_rises(scene: str, tmp_path: Path) -> None:
    inputs = [EXAMPLES / f"{scene}_{shot}.jpg" for shot in ("long", "short")]
    run("ladder.py", *inputs, tmp_path / "step_{}.png")
    steps = [read_photograph(tmp_path / f"step_{n}.png") for n in (1, 2, 3)]
    means = [step.pixels.mean() for step in steps]
    assert pixels(scene, "short").mean() < means[0] < means[1] < means[2]
    assert means[2] < pixels(scene, "long").mean()
    ends = [read_photograph(path).exposure.time for path in inputs]
    times = [step.exposure.time for step in steps]
    np.testing.assert_allclose(times, np.geomspace(*ends, 5)[-2:0:-1], rtol=0.003)
    for number, step in enumerate(steps, start=1):
        assert b"exposure %d of 3" % number in (step.metadata.xmp or b"")
        assert b"expinterp" in (step.metadata.exif or b"")


def test_the_readme_s_python_runs() -> None:
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "uint8" in done.stdout


@pytest.mark.parametrize("block", [0, 1])
def test_the_readme_s_first_commands_run(
    block: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    command = shlex.split(blocks("sh")[block].split("&&")[-1])
    assert command[0] == "expinterp"
    command[command.index("-o") + 1] = str(tmp_path / "out.jpg")
    assert cli.main(command[1:]) == ExitCode.OK


def test_the_readme_shows_what_the_program_makes(tmp_path: Path) -> None:
    """Within what a network trained anew may change; make the picture again beyond that."""
    pair = [str(EXAMPLES / f"square_{shot}.jpg") for shot in ("long", "short")]
    assert cli.main(["interpolate", *pair, "-o", str(tmp_path / "mid.png")]) == ExitCode.OK
    shown = pixels("square", "computed")
    assert psnr(shown, read_photograph(tmp_path / "mid.png").pixels) > 35

"""What users install: sdist, the wheel built from it, and that wheel in a clean environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from expinterp import cli

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ("examples/square_long.jpg", "examples/square_short.jpg")
DATA = {"expinterp/models/lrl.onnx", "expinterp/data/response_prior.npz", "expinterp/py.typed"} | {
    f"expinterp/report/{name}" for name in ("page.css", "batch.css", "batch.js")
}
MAN_PAGES = {"expinterp.1"} | {f"expinterp-{name}.1" for name in cli.commands.commands}

pytestmark = pytest.mark.slow


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command without anything of the environment the tests run in."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "EXPINTERP"))
    }
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from it."""
    pytest.importorskip("build", reason="pip install 'expinterp[dev]'")
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own; return the folder of its commands."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    run(sys.executable, "-m", "venv", folder, cwd=built)
    (wheel,) = built.glob("*.whl")
    commands = folder / ("Scripts" if os.name == "nt" else "bin")
    run(commands / "python", "-m", "pip", "install", "--quiet", wheel, cwd=built)
    return commands


def test_wheel_holds_the_model_and_the_data(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= DATA
    assert not any(name.startswith(("tests/", "examples/", "benchmarks/")) for name in names)


def test_manual_pages_are_installed(built: Path, installed: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = (Path(name) for name in zipfile.ZipFile(wheel).namelist())
    assert {path.name for path in names if path.parent.match("data/share/man/man1")} == MAN_PAGES
    folder = installed.parent / "share" / "man" / "man1"
    assert {path.name for path in folder.iterdir()} == MAN_PAGES


def test_man_finds_the_pages(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    monkeypatch.delenv("MANPATH", raising=False)
    monkeypatch.setenv("PATH", os.pathsep.join([str(installed), os.environ["PATH"]]))
    found = Path(run("man", "-w", "expinterp-fuse", cwd=installed).strip())
    assert found.resolve() == (installed.parent / "share/man/man1/expinterp-fuse.1").resolve()


def test_installed_command_interpolates_a_pair(installed: Path, tmp_path: Path) -> None:
    long, short = (ROOT / name for name in EXAMPLE)
    output = tmp_path / "mid.jpg"
    told = run(
        installed / "expinterp", "interpolate", long, short, "-o", output, "--json", cwd=tmp_path
    )
    assert output.stat().st_size > 0
    assert json.loads(told)["refinement"]["provider"] == "CPUExecutionProvider"


def test_installed_package_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    where = run(
        installed / "python", "-c", "import expinterp; print(expinterp.__file__)", cwd=tmp_path
    )
    assert Path(where.strip()).is_relative_to(installed.parent)


def test_doctor_finds_no_problem(installed: Path, tmp_path: Path) -> None:
    findings = json.loads(run(installed / "expinterp", "doctor", "--json", cwd=tmp_path))
    assert all(found["ok"] for found in findings["findings"])


def test_everything_works_without_docstrings_and_assertions(
    installed: Path, tmp_path: Path
) -> None:
    code = "import expinterp; [getattr(expinterp, name) for name in expinterp.__all__]"
    run(installed / "python", "-OO", "-W", "error", "-c", code, cwd=tmp_path)
    run(installed / "python", "-OO", "-m", "expinterp", "--help", cwd=tmp_path)

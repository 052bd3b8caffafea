"""Fixtures that several files of tests share."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Matrices are small here: threads of NumPy would only wait for each other. Set before it is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each child process compiles everything anew

import pytest
from hypothesis import settings

from expinterp import cli, scene_io
from expinterp.batch import local
from expinterp.scene_io import open_scene

if TYPE_CHECKING:
    from cli_samples import Run

os.environ["EXPINTERP_DATA"] = "no-cameras-of-my-own"  # below the folder of a test: none
settings.register_profile(
    "tests", max_examples=50, deadline=None, derandomize=True, print_blob=True
)
settings.load_profile("tests")


def pytest_collection_finish() -> None:
    """Let the garbage collector leave out the thousands of tests: it then takes 5 % less time."""
    gc.freeze()


@pytest.fixture
def foreground() -> Iterator[None]:
    """Let child processes receive Ctrl-C even where the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """Check that a file is open, but do not wait until the disk has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the tasks of a batch in this process: the start of another takes 0.3 s."""

    def run_here(tasks: Any, settings: Any, function: Any, **limits: int) -> Iterator[Any]:
        return ((task, function(task, settings)) for task, _ in tasks)

    monkeypatch.setattr(local, "run_in_processes", run_here)


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a refusal comes after the first file is read."""

    def read(*_: object) -> None:
        pytest.fail("work began before the refusal")

    monkeypatch.setattr(scene_io, "begin_reading", read)
    monkeypatch.setattr(open_scene, "open_refiner", read)


@pytest.fixture
def run(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run the `COMMAND` of the tests' file in an empty folder; return its code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = cli.main([request.module.COMMAND, *arguments])
        return code, *capsys.readouterr()

    return command

"""Fixtures that several files of tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from expinterp import cli

if TYPE_CHECKING:
    from cli_samples import Run

# NumPy's matrices are small here: its threads only wait for each other. Set before it is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
settings.register_profile("tests", deadline=None, derandomize=False, print_blob=True)
settings.load_profile("tests")


@pytest.fixture
def foreground() -> Iterator[None]:
    """Let children hear Ctrl-C even where the tests run in the background, deaf to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def run(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run the `COMMAND` of the tests' file in an empty folder; give its code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> tuple[int, str, str]:
        code = cli.main([request.module.COMMAND, *arguments])
        return code, *capsys.readouterr()

    return command

"""Files of JSON that anybody may have written: each is refused in one line, or does no harm."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_samples import card
from hypothesis import given
from hypothesis import strategies as st
from odd_samples import FEW, MANY, check, spoilt

from expinterp import cli
from expinterp.core.response.calibration import Profile
from expinterp.errors import ExitCode
from expinterp.files import JOURNAL

FRAMES = ("day 0/b000_0.png", "day 0/b000_1.png")
PROFILE = json.loads(Profile(np.linspace(-4, 4, 256)[None], 0.1, 3, "Acme One", 1.0).to_json())
BRACKET = {"kind": "bracket", "name": "b", "frames": list(FRAMES), "reason": "", "camera": "Acme",
           "times": [0.1, 0.01], "evs": [0.0, -3.3]}  # fmt: skip
HEAD = {"kind": "plan", "schema_version": 1, "folder": "card"}
LEFT = {"kind": "leftover", "path": "a.png", "reason": "alone"}
SCENES = [{"scene": "card/day 0", "camera": "Acme",
           "frames": [{"file": "1.png", "time_s": 0.1}, {"file": "2.png", "time_s": None}],
           "triples": [{"long": "3.png", "medium": "2.png", "short": "1.png", "ev_span": 3.0}]}]  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a folder of brackets."""
    folder = tmp_path_factory.getbasetemp() / "odd files"
    if not folder.exists():
        folder.mkdir()
        card(folder / "card", 1, shape=(24, 32))
    monkeypatch.chdir(folder)
    return folder


def save(name: str, *lines: Any) -> str:
    Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return name


def interpolate(*more: str) -> tuple[str, ...]:
    frames = [f"card/{frame}" for frame in FRAMES]
    return ("interpolate", *frames, "-o", "o.png", "--overwrite", "--no-refine", "--json", *more)


def profiles(capsys: pytest.CaptureFixture[str], profile: Any) -> None:
    code = check(capsys, *interpolate("--response", save("p.json", profile)))
    assert code in {ExitCode.OK, ExitCode.IMAGE_FILE, ExitCode.PAIR}


def own_cameras(capsys: pytest.CaptureFixture[str], profile: Any) -> None:
    shutil.rmtree("data", ignore_errors=True)
    Path("data/cameras").mkdir(parents=True)
    save("data/cameras/a.json", profile)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPINTERP_DATA", "data")
        assert check(capsys, "cameras", "--json") == ExitCode.OK
        check(capsys, *interpolate("--camera", "Acme One"))


def plans(capsys: pytest.CaptureFixture[str], lines: Any) -> None:
    lines = lines if isinstance(lines, list) else [lines]
    check(capsys, "batch", "--plan", save("plan.jsonl", *lines), "-n", "--json")
    shutil.rmtree("out", ignore_errors=True)
    check(capsys, "batch", "--plan", "plan.jsonl", "-o", "out", "--no-refine", "--jobs", "1")


def scenes(capsys: pytest.CaptureFixture[str], content: Any) -> None:
    check(capsys, "evaluate", save("scenes.json", content), "--only", "blind", "--json")


def journals(capsys: pytest.CaptureFixture[str], lines: Any) -> None:
    shutil.rmtree("out", ignore_errors=True)
    shutil.copytree("made", "out")
    lines = lines if isinstance(lines, list) else [lines]
    save(f"out/{JOURNAL}", *lines)
    check(capsys, "report", "out", "-o", "r.html", "--overwrite")
    check(capsys, "batch", "card", "-o", "out", "-n", "--no-refine", "--json")


KINDS: dict[Callable[..., None], Any] = {
    profiles: PROFILE,
    own_cameras: PROFILE,
    plans: [HEAD, BRACKET, LEFT],
    scenes: SCENES,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@FEW
@given(data=st.data())
def test_spoilt_json_is_refused_or_harmless(
    kind: Callable[..., None], capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    kind(capsys, data.draw(spoilt(KINDS[kind])))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@MANY
@given(data=st.data())
def test_spoilt_json_is_refused_or_harmless_many_times(
    kind: Callable[..., None], capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    kind(capsys, data.draw(spoilt(KINDS[kind])))


def made_journal() -> list[Any]:
    """Return the lines of a journal that a batch wrote, its results kept in ``made``."""
    if not Path("made").exists():
        assert cli.main(["batch", "card", "-o", "made", "--no-refine", "--jobs", "1"]) == 0
    return [json.loads(line) for line in Path("made", JOURNAL).read_text("utf-8").splitlines()]


@FEW
@given(data=st.data())
def test_a_spoilt_journal_is_refused_or_harmless(
    capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    lines = made_journal()
    capsys.readouterr()
    journals(capsys, data.draw(spoilt(lines)))


@pytest.mark.slow
@MANY
@given(data=st.data())
def test_a_spoilt_journal_is_refused_or_harmless_many_times(
    capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    lines = made_journal()
    capsys.readouterr()
    journals(capsys, data.draw(spoilt(lines)))


READS = {
    "profile": lambda path: interpolate("--response", path),
    "network": lambda path: tuple(
        each for each in interpolate("--model", path) if each != "--no-refine"
    ),
    "plan": lambda path: ("batch", "--plan", path, "-n"),
    "list of scenes": lambda path: ("evaluate", path),
    "journal": lambda path: ("report", path, "-o", "r.html"),
    "archive": lambda path: ("train", path, "-o", "m.onnx"),
    "photograph": lambda path: ("interpolate", path, path, "-o", "o.png", "--overwrite"),
}


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="devices of POSIX")
@pytest.mark.parametrize("kind", READS)
@pytest.mark.parametrize("source", ["/dev/zero", "/dev/null", "empty", "huge", "nested", "missing"])
def test_a_file_that_never_ends_is_refused_at_once(
    kind: str, source: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("empty").mkdir(exist_ok=True)
    if source == "huge":  # takes no room on the disk
        with Path("huge").open("wb") as stream:
            stream.truncate(1 << 40)
    Path("nested").write_text("[" * 100_000, "utf-8")
    also = {0, 10} if (kind, source) == ("plan", "/dev/null") else set()
    if kind == "archive" and not find_spec("torch"):
        also = {9}
    assert check(capsys, *READS[kind](source)) in {2, 3, 8} | also


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_read_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As the shell's ``<(...)`` makes one, whose writer may be slow."""
    from threading import Timer

    read, write = os.pipe()

    def answer() -> None:
        with os.fdopen(write, "w") as stream:
            stream.write(json.dumps(PROFILE))

    Timer(0.2, answer).start()
    assert check(capsys, *interpolate("--response", f"/dev/fd/{read}")) == ExitCode.OK
    os.close(read)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("expinterp.files.PATIENCE", 0.1)
    os.mkfifo(tmp_path / "pipe")
    for kind in ("profile", "plan", "list of scenes", "journal", "network"):
        code = check(capsys, *READS[kind](str(tmp_path / "pipe")))
        assert code in {2, 3, 8} or kind == "plan"  # an empty plan is one

"""Faults of a real machine during a batch: kills, full disks, damaged files.

The kill test takes a few moments at random, or as many as wanted:
``EXPINTERP_KILLS=50 pytest tests/batch/test_faults.py -k killed``.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import pytest
from batch_samples import card, contents, save_plan, shoot

from expinterp import cli
from expinterp.batch import journal
from expinterp.brackets import Plan, folder
from expinterp.errors import ExitCode

KILLS = int(os.environ.get("EXPINTERP_KILLS", "6"))
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


class Shoot:
    """A folder of brackets, its plan, and the command in a process of its own."""

    def __init__(self, path: Path, plan: Plan) -> None:
        self.path, self.folder, self.out = path, path / "card", path / "out"
        self.plan = save_plan(plan, path / "plan.jsonl")

    def command(self, out: Path, *more: str) -> list[str]:
        head = [sys.executable, "-m", "expinterp", "batch", "--plan", str(self.plan)]
        return [*head, "-o", str(out), "--jobs", "2", *more]

    def run(
        self, *more: str, out: Path | None = None, limit: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(out or self.out, *more),
            capture_output=True, text=True, check=False, preexec_fn=limit,
        )  # fmt: skip

    def state(self) -> dict[str, tuple[bytes, int]]:
        """Give content and time of change of every photograph."""
        return {
            name: (content, (self.folder / name).stat().st_mtime_ns)
            for name, content in contents(self.folder).items()
        }


@POSIX
@pytest.mark.slow
def test_killed_at_any_moment_and_resumed_it_ends_as_if_undisturbed(tmp_path: Path) -> None:
    made = Shoot(tmp_path, card(tmp_path / "card", 6, shape=(120, 160), suffix=".jpg"))
    options = ("--mode", "both", "--virtual", "1", "--save-virtual")
    before = made.state()
    started = time.monotonic()
    assert made.run(*options, out=tmp_path / "calm").returncode == ExitCode.OK
    length = time.monotonic() - started
    calm = contents(tmp_path / "calm")
    moments = random.Random(5)
    kills = rounds = 0
    while kills < KILLS:
        out = tmp_path / f"out{rounds}"
        rounds += 1
        for _ in range(8):  # kills in a row, before a run may end
            kills += kill_after(
                moments.uniform(0.2, 1.0) * length,
                made.command(out, *options),
                workers=moments.random() < 0.5,
            )
            check_nothing_is_torn(out, calm)
        done = made.run(*options, out=out)
        assert done.returncode == ExitCode.OK, done.stderr
        assert contents(out) == calm
        assert set(record_states(out)) == {"done"}
    assert made.state() == before


def kill_after(seconds: float, command: list[str], *, workers: bool) -> bool:
    """Start a batch and kill it, or it and its workers; tell whether it still ran."""
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            (os.killpg if workers else os.kill)(process.pid, signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


def check_nothing_is_torn(out: Path, calm: dict[str, bytes]) -> None:
    for name, content in contents(out).items() if out.exists() else ():
        assert name.endswith(".part") or content == calm[name], f"{name} is half-written"


def record_states(out: Path) -> list[str]:
    return [result["status"] for result in journal.read(out).results.values()]


def mixed(path: Path) -> Plan:
    """Two brackets whose results are small files, and two whose results are large."""
    sizes = [(24, 32), (300, 400), (24, 32), (300, 400)]
    brackets = [shoot(path / "card", f"b{k}", seed=k, shape=shape) for k, shape in enumerate(sizes)]
    return Plan(str(path / "card"), tuple(brackets))


def check_that_large_ones_failed(done: subprocess.CompletedProcess[str], out: Path) -> None:
    assert done.returncode == ExitCode.BATCH, done.stderr
    assert set(contents(out)) == {"b0_mid.png", "b2_mid.png"}
    results = journal.read(out).results
    assert [results[name]["status"] for name in ("b0", "b1", "b2", "b3")] == [
        "done", "failed", "done", "failed",
    ]  # fmt: skip
    assert results["b1"]["error"]["exit_code"] == ExitCode.OUTPUT
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert sorted(line.split("error: ")[1][:3] for line in errors) == ["b1:", "b3:"]


@pytest.mark.slow
@POSIX
def test_files_that_do_not_fit_fail_alone_and_the_rest_is_done(tmp_path: Path) -> None:
    import resource

    made = Shoot(tmp_path, mixed(tmp_path))
    limit = 60_000

    def set_limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    check_that_large_ones_failed(made.run("--no-refine", limit=set_limit), made.out)
    done = made.run("--no-refine")
    assert done.returncode == ExitCode.OK
    assert "2 done, 2 done before" in done.stderr


@contextmanager
def small_disk(path: Path, size: int) -> Iterator[Path]:
    """Mount a disk of so many bytes; needs to be allowed to."""
    path.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)],
        capture_output=True, check=False,
    ).returncode:  # fmt: skip
        pytest.skip("may not mount a file system here")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.slow
@POSIX
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tmpfs")
def test_on_a_full_disk_the_rest_is_done(tmp_path: Path) -> None:
    made = Shoot(tmp_path, mixed(tmp_path))
    with small_disk(tmp_path / "disk", 80_000) as disk:
        # One job: beside another, a small file may find the disk full of an unfinished large one.
        done = made.run("--no-refine", "--jobs", "1", out=disk / "out")
        check_that_large_ones_failed(done, disk / "out")


@pytest.mark.slow
@POSIX
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tmpfs")
def test_a_disk_too_full_for_the_journal_is_reported(tmp_path: Path) -> None:
    made = Shoot(tmp_path, mixed(tmp_path))
    with small_disk(tmp_path / "disk", 12_288) as disk:
        done = made.run("--no-refine", out=disk / "out")
        assert done.returncode in {ExitCode.BATCH, ExitCode.OUTPUT}
        assert "no space left" in done.stderr
        assert not list(disk.rglob("*.part"))


@pytest.mark.slow
@POSIX
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tmpfs")
@pytest.mark.parametrize("begun", [False, True])
def test_a_read_only_disk_is_one_line(tmp_path: Path, begun: bool) -> None:
    """Even for root, whom read-only folders do not hold back."""
    made = Shoot(tmp_path, card(tmp_path / "card", 1))
    with small_disk(tmp_path / "disk", 80_000) as disk:
        if begun:
            made.run("--no-refine", out=disk / "out")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = made.run("--no-refine", out=disk / "out")
        assert done.returncode == ExitCode.OUTPUT
        assert "read-only file system" in done.stderr
        assert done.stderr.count("\n") == 1


def test_damaged_files_of_all_sorts_fail_alone(tmp_path: Path) -> None:
    plan = card(tmp_path / "card", 6, suffix=".jpg")
    paths = [tmp_path / "card" / bracket.frames[0] for bracket in plan.brackets]
    paths[0].write_bytes(b"")
    paths[1].write_bytes(paths[1].read_bytes()[:700])
    paths[2].write_bytes(bytes(range(256)) * 8)
    paths[3].unlink()
    paths[4].unlink()
    paths[4].mkdir()
    made = Shoot(tmp_path, plan)
    done = made.run("--no-refine")
    assert done.returncode == ExitCode.BATCH
    assert set(contents(made.out)) == {"day 1/b005_mid.jpg"}
    errors = [line for line in done.stderr.splitlines() if "error:" in line]
    assert len(errors) == 5
    assert all(any(path.name in line for line in errors) for path in paths[:5])
    codes = {
        result["bracket"]: result["error"]["exit_code"]
        for result in lines(made.out)
        if result["error"]
    }
    assert set(codes.values()) == {ExitCode.IMAGE_FILE}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("place", "error"),
    [("read_header", IndexError("tuple index out of range")), ("read_header", OSError(5, "I/O error")),
     ("read_capture", RecursionError()), ("read_thumbnail_of", MemoryError()),
     ("read_thumbnail_of", cv2.error("Insufficient memory")), ("pack_thumbnail", AssertionError())],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_whatever_a_file_does_while_it_is_planned_it_fails_alone_and_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    place: str, error: Exception,
) -> None:  # fmt: skip
    card(tmp_path / "card", 1, frames=3)
    (tmp_path / "card" / "bad.png").write_bytes((tmp_path / "card/day 0/b000_0.png").read_bytes())
    read, header, reading = getattr(folder, place), folder.read_header, [""]

    def fail(*arguments: Any) -> Any:
        if reading[-1] == "bad.png":
            raise error
        return read(*arguments)

    def note(path: Path) -> Any:
        reading.append(path.name)
        return fail(path) if place == "read_header" else header(path)

    monkeypatch.setattr(folder, "READERS", 1)
    monkeypatch.setattr(folder, place, fail)
    monkeypatch.setattr(folder, "read_header", note)
    assert cli.main(["evaluate", str(tmp_path / "card"), "--only", "blind"]) == ExitCode.BATCH
    assert "bad.png" in capsys.readouterr().err
    assert cli.main(["batch", str(tmp_path / "card"), "-o", str(tmp_path / "out"), "--no-refine",
                     "--mode", "fuse", "--jobs", "1"]) == ExitCode.BATCH  # fmt: skip
    assert "bad.png" in capsys.readouterr().err
    assert len(contents(tmp_path / "out")) == 1


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("name", ["huge.png", "huge.jpg", "huge.tif", "huge.webp", "huge.avif"])
def test_a_file_larger_than_any_memory_fails_alone_and_by_name(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Sparse, so that it takes no room on the disk."""
    card(tmp_path / "card", 1, frames=3, suffix=Path(name).suffix)
    first = next((tmp_path / "card").rglob("*_0*"))
    (tmp_path / "card" / name).write_bytes(first.read_bytes())
    os.truncate(tmp_path / "card" / name, 200 << 30)
    code = cli.main(["batch", str(tmp_path / "card"), "-o", str(tmp_path / "out"), "--no-refine",
                     "--mode", "fuse", "--jobs", "1"])  # fmt: skip
    err = capsys.readouterr().err
    assert code in {ExitCode.OK, ExitCode.BATCH}, err
    assert len(contents(tmp_path / "out")) == 1


def lines(out: Path) -> list[dict[str, object]]:
    text = (out / journal.NAME).read_text("utf-8")
    return [line for line in map(json.loads, text.splitlines()) if line["kind"] == "result"]


def test_an_output_folder_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    made = Shoot(tmp_path, card(tmp_path / "card", 1))
    (tmp_path / "out").write_text("", "utf-8")
    done = made.run("--no-refine")
    assert done.returncode == ExitCode.OUTPUT
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_output_folder_is_one_line(tmp_path: Path) -> None:
    made = Shoot(tmp_path, card(tmp_path / "card", 1))
    made.out.mkdir(mode=0o500)
    done = made.run("--no-refine")
    assert done.returncode == ExitCode.OUTPUT
    assert done.stderr.count("\n") == 1

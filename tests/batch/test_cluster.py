"""A batch on a Dask cluster: a real scheduler, real workers, and one that dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from batch_samples import KILLER, PLAIN, Bench, contents, here, save_plan

from expinterp import cli
from expinterp.batch import Cluster
from expinterp.batch.cluster import CHUNK, SPARE, _cut, perform_all
from expinterp.batch.tasks import make_tasks
from expinterp.errors import (
    DeviceError,
    ExitCode,
    ExpInterpError,
    ImageFileError,
    MissingExtraError,
)

try:
    import distributed  # noqa: F401
except ImportError:
    HAS_DASK = False
else:
    HAS_DASK = True
needs_dask = pytest.mark.skipif(not HAS_DASK, reason="needs the extra 'cluster'")
REFINED = replace(PLAIN, refine=True)


class Machines:
    """A scheduler and workers, each a process started as a user starts it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
        self.file = folder / "scheduler.json"
        scheduler = [
            "scheduler",
            "--no-dashboard",
            "--port",
            "0",
            "--scheduler-file",
            str(self.file),
        ]
        self.processes = [self.start(*scheduler)]
        self.address = self.wait_for_address()

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = self.stack.enter_context((self.folder / "dask.log").open("ab"))
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            stdout=log, stderr=log, env=self.environment, cwd=self.folder,
        )  # fmt: skip
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def add_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        self.environment.update(environment)
        return self.start("worker", self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard")

    def wait_for_address(self) -> str:
        import json

        for _ in range(600):
            if self.file.exists() and (text := self.file.read_text("utf-8")):
                return str(json.loads(text)["address"])
            time.sleep(0.05)
        pytest.fail((self.folder / "dask.log").read_text("utf-8"))


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[Machines]:
    pytest.importorskip("distributed")
    (tmp_path / "dask").mkdir()
    with ExitStack() as stack:
        yield Machines(tmp_path / "dask", stack)


@pytest.fixture
def calm(tmp_path: Path) -> dict[str, bytes]:
    """What the same brackets give on this machine."""
    bench = Bench(tmp_path / "calm", 12)
    assert bench.run(REFINED, runner=here).done == 12
    return contents(bench.out)


@needs_dask
@pytest.mark.slow
def test_a_worker_killed_midway_changes_no_byte(
    tmp_path: Path, machines: Machines, calm: dict[str, bytes]
) -> None:
    bench = Bench(tmp_path, 12)
    workers = [machines.add_worker() for _ in range(2)]
    seen = []

    def kill_one(result: object) -> None:
        seen.append(result)
        if len(seen) == 3:
            workers[0].send_signal(signal.SIGKILL)

    cluster = Cluster(machines.address)
    summary = bench.run(REFINED, runner=cluster.run, ended=kill_one)
    assert (summary.done, summary.failures) == (12, [])
    assert workers[0].wait(10) == -signal.SIGKILL
    assert contents(bench.out) == calm


@needs_dask
@pytest.mark.slow
def test_a_bracket_that_kills_machines_fails_alone(tmp_path: Path, machines: Machines) -> None:
    bench = Bench(tmp_path, 4)
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(KILLER, "utf-8")
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    poison = str(bench.folder / bench.plan.brackets[1].frames[0])
    for _ in range(5):
        machines.add_worker(PYTHONPATH=path, POISON=poison)
    summary = bench.run(runner=Cluster(machines.address).run)
    assert summary.done == 3
    (failed,) = summary.failures
    assert failed.bracket == "day 1/b001"


@pytest.mark.slow
@needs_dask
def test_a_cluster_of_this_machine_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    calm: dict[str, bytes],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    bench = Bench(tmp_path, 12)
    save_plan(bench.plan, tmp_path / "plan.jsonl")
    code = cli.main(["batch", "--plan", "plan.jsonl", "-o", "out", "--cluster", "local", "-j", "2"])
    assert code == ExitCode.OK
    assert capsys.readouterr().err.splitlines()[-1] == "expinterp: 12 done"
    assert contents(bench.out) == calm


@needs_dask
def test_a_scheduler_that_does_not_answer_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expinterp.batch.cluster.PATIENCE", 0.5)
    with pytest.raises(DeviceError, match="does not answer"):
        Bench(tmp_path, 1).run(runner=Cluster("tcp://127.0.0.1:9").run)


def test_without_dask_the_command_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"expinterp\[cluster\]"):
        Bench(tmp_path, 1).run(runner=Cluster("local").run)


def test_a_machine_of_another_version_does_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    tasks = make_tasks(bench.plan.brackets, bench.settings())
    with pytest.raises(ExpInterpError, match=r"not 0\.0\.9; install the same"):
        perform_all(tasks, bench.settings(), "0.0.9")


def test_a_machine_without_the_folders_does_nothing(tmp_path: Path) -> None:
    from expinterp import __version__

    bench = Bench(tmp_path, 1)
    tasks = make_tasks(bench.plan.brackets, bench.settings())
    with pytest.raises(ImageFileError, match="every machine needs it"):
        perform_all(tasks, bench.settings(), __version__)  # OUT was never made


@pytest.mark.parametrize(("count", "threads"), [(1, 4), (10, 4), (200, 2), (10_000, 4)])
def test_chunks_are_bounded_and_in_the_end_single_so_that_no_machine_waits(
    count: int, threads: int
) -> None:
    cut = list(_cut(list(range(count)), threads))  # type: ignore[arg-type]
    assert [task for chunk in cut for task in chunk] == list(range(count))
    sizes = [len(chunk) for chunk in cut]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == max(1, min(CHUNK, count // (threads * SPARE)))
    assert set(sizes[-threads:]) == {1}

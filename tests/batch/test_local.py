"""Tasks in processes: any number gives the same bytes, and a death stops no other task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from batch_samples import FUSE, KILLER, PLAIN, Bench, card, contents, here, save_plan, shoot

from expinterp.batch import Local, Task, TaskResult, journal, pool
from expinterp.batch import local as local_module
from expinterp.batch.execute import perform
from expinterp.batch.memory import BASE, count_exposures, estimate_memory
from expinterp.batch.pool import TaskFunction
from expinterp.batch.tasks import BatchSettings, make_tasks

GIB = 2**30
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")


def test_the_bytes_do_not_depend_on_the_processes(tmp_path: Path) -> None:
    benches = [Bench(tmp_path / str(jobs), 4) for jobs in (1, 2)]
    for jobs, bench in enumerate(benches, start=1):
        assert bench.run(replace(PLAIN, refine=True), runner=Local(jobs=jobs).run).done == 4
    alone = Bench(tmp_path / "alone", 4)
    alone.run(replace(PLAIN, refine=True), runner=here)
    assert contents(benches[0].out) == contents(benches[1].out) == contents(alone.out)


def test_failures_come_back_as_values(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 3)
    (bench.folder / bench.plan.brackets[0].frames[0]).unlink()
    summary = bench.run(runner=Local(jobs=2).run)
    assert summary.done == 2
    assert [result.bracket for result in summary.failures] == ["day 0/b000"]


def fatal_frame(bench: Bench, number: int) -> str:
    """Return the path of a frame that kills the process that reads it."""
    return str(bench.folder / bench.plan.brackets[number].frames[0])


@pytest.fixture
def poison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Make every Python process die when it reads the file that POISON names."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(KILLER, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"), prepend=os.pathsep)
    return monkeypatch


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_process_that_dies_takes_its_own_bracket_with_it(
    jobs: int, tmp_path: Path, poison: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, 4)
    poison.setenv("POISON", fatal_frame(bench, 1))
    said: list[str] = []
    summary = bench.run(runner=Local(jobs=jobs, notice=said.append).run)
    assert summary.done == 3
    (failed,) = summary.failures
    assert failed.bracket == "day 1/b001"
    assert failed.error is not None
    assert "died twice" in failed.error.message
    assert len(said) == 1


@pytest.mark.slow
def test_a_task_whose_process_dies_once_is_done(tmp_path: Path, poison: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, 4)
    poison.setenv("POISON", fatal_frame(bench, 0))
    poison.setenv("POISON_ONCE", str(tmp_path / "died"))
    summary = bench.run(runner=Local(jobs=2).run)
    assert (summary.done, summary.failures) == (4, [])


@pytest.mark.slow
def test_what_a_process_wrote_before_it_died_is_made_again(
    tmp_path: Path, poison: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path, 1, frames=3)
    poison.setenv("POISON", fatal_frame(bench, 0))
    (failed,) = bench.run(runner=Local(jobs=1).run).failures
    assert failed.outputs == ("day 0/b000_mid_1.png",)
    assert bench.run().failures == []


def hang_once_in_two(task: Task, settings: BatchSettings) -> TaskResult:
    """Run a task; the second bracket hangs."""
    if "b001" in task.bracket.name:
        time.sleep(600)
    return perform(task, settings)


@pytest.mark.slow  # patient enough for a busy machine
def test_a_task_that_hangs_is_stopped_and_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "PATIENCE", 20.0)
    monkeypatch.setattr(pool, "BYTES_PER_SECOND", 1 << 40)
    monkeypatch.setattr(local_module, "perform", hang_once_in_two)
    bench = Bench(tmp_path, 3)
    summary = bench.run(runner=Local(jobs=2).run)
    assert summary.done == 2
    (failed,) = summary.failures
    assert (failed.bracket, failed.error) == ("day 1/b001", local_module.HUNG)


def tasks_of(bench: Bench) -> list[Task]:
    return make_tasks(bench.plan.brackets, bench.settings())


def test_a_task_that_fits_nowhere_fails_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {"day 0/b000": 3 * GIB, "day 1/b001": GIB}
    monkeypatch.setattr(local_module, "estimate_memory", lambda task, _: weights[task.bracket.name])
    bench = Bench(tmp_path, 2)
    summary = bench.run(runner=Local(jobs=2, room=2 * GIB).run)
    assert summary.done == 1
    assert summary.failures[0].error is not None
    said = summary.failures[0].error.message
    assert "needs about 3,072 MiB of memory, 2,048 MiB are allowed" in said


def test_tasks_at_work_together_fit_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = []
    start = pool.Pool.start

    def watched(workers: pool.Pool, task: Task, memory: int) -> None:
        start(workers, task, memory)
        most.append(sum(worker.memory for worker in workers.busy.values()))

    monkeypatch.setattr(pool.Pool, "start", watched)
    monkeypatch.setattr(local_module, "estimate_memory", lambda *_: 2)
    bench = Bench(tmp_path, 6)
    assert bench.run(runner=Local(jobs=3, room=5).run).done == 6
    assert max(most) == 4


@pytest.fixture
def spreads(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """Record processes, threads and memory of each run, on a machine of 100 CPUs and 64 GiB."""
    seen = []

    def run(
        tasks: Iterable[tuple[Task, int]],
        settings: BatchSettings,
        do: TaskFunction,
        *,
        jobs: int,
        room: int,
    ) -> Iterator[tuple[Task, Any]]:
        seen.append({"jobs": jobs, "threads": settings.threads, "room": room})
        return ((task, do(task, settings)) for task, _ in tasks)

    monkeypatch.setattr(local_module, "run_in_processes", run)
    monkeypatch.setattr(local_module, "count_cpus", lambda: 100)
    monkeypatch.setattr(local_module, "memory_room", lambda: 48 * GIB)
    return seen


def test_cpus_are_shared_out_to_no_more_processes_than_brackets(
    tmp_path: Path, spreads: list[dict[str, int]]
) -> None:
    Bench(tmp_path, 3).run(runner=Local().run)
    assert spreads[0] == {"jobs": 3, "threads": 33, "room": 48 * GIB}
    Bench(tmp_path / "asked", 3).run(runner=Local(jobs=2, threads=5, room=GIB).run)
    assert spreads[2] == {"jobs": 2, "threads": 5, "room": GIB}


def test_no_more_processes_start_than_a_system_waits_for(
    tmp_path: Path, spreads: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_module, "MOST", 2)
    Bench(tmp_path, 3).run(runner=Local(jobs=3).run)
    assert (spreads[0]["jobs"], spreads[0]["threads"]) == (2, 50)


def test_a_task_weighs_more_the_more_pixels_it_has(tmp_path: Path) -> None:
    small, large = (
        card(tmp_path / str(side), 1, shape=(side, side)).brackets for side in (40, 400)
    )
    weights = []
    for side, brackets in ((40, small), (400, large)):
        settings = BatchSettings(tmp_path / str(side), tmp_path, PLAIN)
        weights.append(estimate_memory(make_tasks(brackets, settings)[0], settings))
    assert BASE < weights[0] < weights[1]


def test_a_file_that_cannot_be_read_is_weighed_as_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    for frame in bench.plan.brackets[0].frames:
        (bench.folder / frame).unlink()
    assert estimate_memory(tasks_of(bench)[0], bench.settings()) == BASE


def test_exposures_of_a_fusion_are_counted_by_the_width_of_its_gaps(tmp_path: Path) -> None:
    bracket = shoot(tmp_path, "b", frames=3)
    assert count_exposures(bracket, FUSE) == 5
    assert count_exposures(replace(bracket, evs=(0.0, -1.5, -7.0)), FUSE) == 5
    assert count_exposures(bracket, replace(FUSE, virtual=0)) == 3
    assert count_exposures(bracket, replace(FUSE, virtual=3)) == 9


# --- killed, interrupted -------------------------------------------------------------------------


def start(bench: Bench, plan: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "expinterp", "batch", "--plan", str(plan)]
    return subprocess.Popen(
        [*command, "-o", str(bench.out), "--no-refine", "--jobs", "2", *more],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def wait_for(what: object, seconds: float = 30.0) -> None:
    """Wait until a function returns something true."""
    end = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def processes_of(group: int) -> set[int]:
    """List the living processes of a session, Linux only."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == group and fields[0] != "Z":
            found.add(int(path.parent.name))
    return found


@pytest.mark.slow
@LINUX
@pytest.mark.usefixtures("foreground")
def test_ctrl_c_stops_at_once_and_the_same_command_does_the_rest(tmp_path: Path) -> None:
    bench = Bench(tmp_path, count := 60, shape=(300, 400))
    plan = save_plan(bench.plan, tmp_path / "plan.jsonl")
    with start(bench, plan) as process:
        wait_for(lambda: len(list(bench.out.rglob("*.png"))) > 3)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr is not None
        said = process.stderr.read()
    assert "the same command does the rest" in said
    assert "interrupted" in said
    wait_for(lambda: not processes_of(process.pid))
    assert not list(bench.out.rglob("*.part"))
    done = len(journal.read(bench.out).results)
    assert 0 < done < count
    summary = bench.run()
    assert (summary.done, summary.kept) == (count - done, done)


@pytest.mark.slow
@LINUX
def test_workers_of_a_killed_batch_die_with_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 24, shape=(300, 400))
    with start(bench, save_plan(bench.plan, tmp_path / "plan.jsonl")) as process:
        wait_for(lambda: list(bench.out.rglob("*.png")))
        assert len(processes_of(process.pid)) >= 3
        process.kill()
        process.wait()
    wait_for(lambda: not processes_of(process.pid))


def test_two_batches_never_work_in_one_folder(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    plan = save_plan(bench.plan, tmp_path / "plan.jsonl")
    with journal.open_journal(bench.out), start(bench, plan) as process:
        assert process.wait(30) == 6
        assert process.stderr is not None
        assert "another batch" in process.stderr.read()

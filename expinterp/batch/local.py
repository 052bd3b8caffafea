"""A batch on this machine: CPUs and memory are divided, and killed tasks are tried again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from expinterp.batch.execute import TaskFailure, TaskResult, find_written, make_result, perform
from expinterp.batch.memory import estimate_memory
from expinterp.batch.pool import MOST, TIMED_OUT, TaskFunction, run_in_processes
from expinterp.batch.resources import count_cpus, memory_room
from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task
from expinterp.errors import ExitCode

DIED = TaskFailure(
    "ProcessDied",
    "its process died twice; check that there is enough memory and that its files are sound",
    int(ExitCode.IMAGE_FILE),
)
HUNG = TaskFailure(
    "TimeoutError",
    "it took far too long and was stopped; check that its files are sound",
    int(ExitCode.IMAGE_FILE),
)


@dataclass(frozen=True)
class Local:
    """Runs tasks on this machine.

    Attributes
    ----------
    jobs : int or None
        Processes at most; None for the number of CPUs.
    threads : int or None
        Of each process; None for an equal part of the CPUs.
    room : int or None
        Bytes of memory for all together; None for most of the machine's.
    notice : function
        Called with warnings that are shown at once.
    """

    jobs: int | None = None
    threads: int | None = None
    room: int | None = None
    notice: Callable[[str], None] = lambda message: None

    def run(
        self, tasks: Sequence[Task], settings: BatchSettings
    ) -> Generator[TaskResult, None, None]:
        """Run tasks; if a process dies, its task is tried once more, alone, after all others."""
        too_large: list[tuple[Task, int]] = []
        lost: list[Task] = []
        for task, result in self._run(tasks, settings, perform, too_large):
            if result is TIMED_OUT:
                yield make_result(task, error=HUNG, written=find_written(task, settings))
            elif result:
                yield result
            else:
                lost.append(task)
                self.notice(
                    f"{task.bracket.name}: its process died; it is tried again alone, at the end"
                )
        again = [replace(task, replace=True) for task in lost]  # outputs of the first try may exist
        for task, result in replace(self, jobs=1)._run(again, settings, perform, too_large):
            if result is None or result is TIMED_OUT:
                error = DIED if result is None else HUNG
                result = make_result(task, error=error, written=find_written(task, settings))  # noqa: PLW2901
            yield result
        for task, memory in too_large:
            yield make_result(task, error=_explain_too_large(memory, self._room))

    def gather(
        self, tasks: Sequence[Task], settings: BatchSettings, function: TaskFunction
    ) -> list[Any]:
        """Call a function with each task; return the values in order, without those that died."""
        found = {
            task.bracket.name: value
            for task, value in self._run(tasks, settings, function, [])
            if value is not None and value is not TIMED_OUT
        }
        return [found[task.bracket.name] for task in tasks if task.bracket.name in found]

    @property
    def _room(self) -> int:
        return self.room or memory_room()

    def _run(
        self,
        tasks: Sequence[Task],
        settings: BatchSettings,
        function: TaskFunction,
        too_large: list[tuple[Task, int]],
    ) -> Iterator[tuple[Task, Any]]:
        """Run all tasks but those that need more memory than there is; these go to `too_large`."""
        cpus = count_cpus()
        jobs = max(1, min(self.jobs or cpus, len(tasks), MOST))
        settings = replace(settings, threads=self.threads or max(1, cpus // jobs))
        return run_in_processes(
            _with_memory(tasks, settings, self._room, too_large),
            settings,
            function,
            jobs=jobs,
            room=self._room,
        )


def _with_memory(
    tasks: Iterable[Task], settings: BatchSettings, room: int, too_large: list[tuple[Task, int]]
) -> Iterator[tuple[Task, int]]:
    for task in tasks:
        memory = estimate_memory(task, settings)
        if memory > room:
            too_large.append((task, memory))
        else:
            yield task, memory


def _explain_too_large(memory: int, room: int) -> TaskFailure:
    needed, given = (f"{size / 2**20:,.0f} MiB" for size in (memory, room))
    message = f"needs about {needed} of memory, {given} are allowed; raise --max-memory"
    return TaskFailure("MemoryError", message, int(ExitCode.IMAGE_FILE))

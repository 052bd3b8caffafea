"""A batch on this machine: CPUs and memory shared out, and a second try for what was killed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from expinterp.batch.execute import TaskFailure, TaskResult, conclude, find_written, perform
from expinterp.batch.memory import weigh
from expinterp.batch.pool import MOST, Do, spread
from expinterp.batch.resources import count_cpus, memory_room
from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task
from expinterp.errors import ExitCode

DIED = TaskFailure(
    "ProcessDied",
    "the process that worked on it died twice; is there memory enough, are its files sound?",
    int(ExitCode.UNEXPECTED),
)


@dataclass(frozen=True)
class Local:
    """Does tasks on this machine.

    Attributes
    ----------
    jobs : int or None
        Processes at most; as many as CPUs if None.
    threads : int or None
        Of each; the CPUs shared out if None.
    room : int or None
        Bytes of memory that all may take; most of the machine's if None.
    notice : function
        Told what a person should know at once.
    """

    jobs: int | None = None
    threads: int | None = None
    room: int | None = None
    notice: Callable[[str], None] = lambda message: None

    def run(
        self, tasks: Sequence[Task], settings: BatchSettings
    ) -> Generator[TaskResult, None, None]:
        """Do tasks; one whose process died is tried once more, alone, when all others are done."""
        heavy: list[tuple[Task, int]] = []
        lost: list[Task] = []
        for task, result in self._spread(tasks, settings, perform, heavy):
            if result:
                yield result
            else:
                lost.append(task)
                self.notice(f"{task.bracket.name}: the process died; tried again alone, at the end")
        again = [replace(task, replace=True) for task in lost]  # it may have left outputs
        for task, result in replace(self, jobs=1)._spread(again, settings, perform, heavy):
            yield result or conclude(task, error=DIED, written=find_written(task, settings))
        for task, weight in heavy:
            yield conclude(task, error=_too_heavy(weight, self._room))

    def gather(self, tasks: Sequence[Task], settings: BatchSettings, do: Do) -> list[Any]:
        """Do something with each task; give what came of those that survived it, in their order."""
        found = {
            task.bracket.name: value
            for task, value in self._spread(tasks, settings, do, [])
            if value is not None
        }
        return [found[task.bracket.name] for task in tasks if task.bracket.name in found]

    @property
    def _room(self) -> int:
        return self.room or memory_room()

    def _spread(
        self, tasks: Sequence[Task], settings: BatchSettings, do: Do, heavy: list[tuple[Task, int]]
    ) -> Iterator[tuple[Task, Any]]:
        """Do all tasks but those that need more memory than all may take; these are noted."""
        cpus = count_cpus()
        jobs = max(1, min(self.jobs or cpus, len(tasks), MOST))
        settings = replace(settings, threads=self.threads or max(1, cpus // jobs))
        return spread(
            _weighed(tasks, settings, self._room, heavy), settings, do, jobs=jobs, room=self._room
        )


def _weighed(
    tasks: Iterable[Task], settings: BatchSettings, room: int, heavy: list[tuple[Task, int]]
) -> Iterator[tuple[Task, int]]:
    for task in tasks:
        weight = weigh(task, settings)
        if weight > room:
            heavy.append((task, weight))
        else:
            yield task, weight


def _too_heavy(weight: int, room: int) -> TaskFailure:
    needed, given = (f"{size / 2**20:,.0f} MiB" for size in (weight, room))
    message = f"needs about {needed} of memory, {given} are allowed; raise --max-memory"
    return TaskFailure("MemoryError", message, int(ExitCode.UNEXPECTED))

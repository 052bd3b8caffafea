"""Tasks in processes of this machine, so that what kills one of them harms no other.

Each process does one task at a time and keeps the network open. One that dies (out of memory, a
crash in a decoder) takes its task with it: this is tried once more, alone, when all others are
done.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import cast

from expinterp.batch.memory import count_cpus, memory_room, weigh
from expinterp.batch.tasks import Settings, Task
from expinterp.batch.work import Failure, Result, Runner, conclude, perform
from expinterp.errors import ExitCode

SPAWN = multiprocessing.get_context("spawn")  # a fork would share locks and threads
DIED = Failure(
    "ProcessDied",
    "the process that worked on it died twice; is there memory enough, are its files sound?",
    int(ExitCode.UNEXPECTED),
)


class Worker:
    """A process of our own, and the task it is at."""

    def __init__(self, settings: Settings) -> None:
        self.connection, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(theirs, settings), daemon=True)
        self.process.start()
        theirs.close()  # so that only the process holds it, and its end is heard
        self.weight = 0

    def give(self, task: Task, weight: int) -> None:
        """Send a task; a process that is dead will be noticed by `take`."""
        self.task, self.weight = task, weight
        try:
            self.connection.send(task)
        except OSError:
            self.process.kill()

    def take(self) -> Result | None:
        """Receive the result; None if the process died."""
        try:
            result: Result = self.connection.recv()
        except (EOFError, OSError):
            return None
        return result

    def end(self) -> None:
        """Stop it at once, whatever it is at."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _serve(connection: Connection, settings: Settings) -> None:
    """Do tasks until there are no more; the life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is heard by the parent, which ends us
    Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        connection.send(perform(task, settings))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(ExitCode.INTERRUPTED)


class Pool:
    """Workers, started as they are needed.

    Attributes
    ----------
    busy : dict
        The workers that are at a task, by their connection.
    """

    def __init__(self, settings: Settings, *, size: int, room: int) -> None:
        self.busy: dict[Connection, Worker] = {}
        self._idle: list[Worker] = []
        self._settings, self._size, self._room = settings, size, room

    def close(self) -> None:
        """Stop all workers at once."""
        for worker in (*self._idle, *self.busy.values()):
            worker.end()

    def takes(self, weight: int) -> bool:
        """Tell whether a task of so many bytes can begin now."""
        used = sum(worker.weight for worker in self.busy.values())
        return len(self.busy) < self._size and used + weight <= self._room

    def give(self, task: Task, weight: int) -> None:
        """Begin a task."""
        worker = self._idle.pop() if self._idle else Worker(self._settings)
        worker.give(task, weight)
        self.busy[worker.connection] = worker

    def collect(self) -> list[tuple[Task, Result | None]]:
        """Wait until tasks end; None is the result of one whose process died."""
        ended = []
        for connection in wait(list(self.busy)):
            worker = self.busy.pop(cast("Connection", connection))
            result = worker.take()
            if result is None:
                worker.end()
            else:
                self._idle.append(worker)
            ended.append((worker.task, result))
        return ended


def run_local(
    tasks: Iterable[Task],
    settings: Settings,
    *,
    jobs: int,
    room: int,
    weigh: Callable[[Task], int],
    notice: Callable[[str], None] = lambda message: None,
) -> Generator[Result, None, None]:
    """Do tasks in several processes.

    Parameters
    ----------
    tasks : iterable of Task
    jobs : int
        Processes at most.
    room : int
        Bytes of memory they may take together.
    weigh : function
        How many bytes a task takes at its peak.
    notice : function
        Told what a person should know at once.

    Yields
    ------
    Result
        Of every task, as they end.
    """
    lost: list[Task] = []
    with closing(Pool(settings, size=jobs, room=room)) as pool:
        for task, result in _each(tasks, pool, weigh=weigh, room=room):
            if result:
                yield result
            else:
                lost.append(task)
                notice(f"{task.bracket.name}: the process died; tried again alone, at the end")
    with closing(Pool(settings, size=1, room=room)) as pool:
        again = (replace(task, replace=True) for task in lost)  # it may have left outputs
        for task, result in _each(again, pool, weigh=weigh, room=room):
            yield result or conclude(task, error=DIED)


def _each(
    tasks: Iterable[Task],
    pool: Pool,
    *,
    weigh: Callable[[Task], int],
    room: int,
) -> Iterator[tuple[Task, Result | None]]:
    """Keep a pool busy; a task that nothing would make room for fails."""
    ended: list[tuple[Task, Result | None]] = []
    for task in tasks:
        weight = weigh(task)
        if weight > room:
            yield task, conclude(task, error=_too_heavy(weight, room))
            continue
        while not pool.takes(weight):
            yield from ended
            ended = pool.collect()
        pool.give(task, weight)  # before what ended is dealt with, so that no process waits
        yield from ended
        ended = []
    while pool.busy:
        yield from pool.collect()


def _too_heavy(weight: int, room: int) -> Failure:
    needed, given = (f"{size / 2**30:.1f} GiB" for size in (weight, room))
    message = f"needs about {needed} of memory, {given} are allowed; raise --max-memory"
    return Failure("MemoryError", message, int(ExitCode.UNEXPECTED))


def local_runner(
    *,
    jobs: int | None = None,
    threads: int | None = None,
    room: int | None = None,
    notice: Callable[[str], None] = lambda message: None,
) -> Runner:
    """Make what does tasks on this machine.

    Parameters
    ----------
    jobs : int, optional
        Processes at most; as many as CPUs if not given.
    threads : int, optional
        Of each; the CPUs shared out if not given.
    room : int, optional
        Bytes of memory that all may take; most of the machine's if not given.
    notice : function
        Told what a person should know at once.
    """
    cpus = count_cpus()

    def run(tasks: Sequence[Task], settings: Settings) -> Generator[Result, None, None]:
        size = max(1, min(jobs or cpus, len(tasks)))
        return run_local(
            tasks,
            settings.with_threads(threads or max(1, cpus // size)),
            jobs=size,
            room=room or memory_room(),
            weigh=lambda task: weigh(task, settings),
            notice=notice,
        )

    return run

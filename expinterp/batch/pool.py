"""Processes of this machine, each doing one task at a time; what kills one harms no other."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, TypeAlias, cast

from expinterp.batch.malloc import keep_freed_memory
from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task
from expinterp.errors import ExitCode

Do: TypeAlias = Callable[[Task, BatchSettings], Any]
MOST = 60 if sys.platform == "win32" else sys.maxsize  # of which `wait` can hear
SPAWN = multiprocessing.get_context("spawn")  # a fork would share locks and threads


def spread(
    tasks: Iterable[tuple[Task, int]], settings: BatchSettings, do: Do, *, jobs: int, room: int
) -> Iterator[tuple[Task, Any]]:
    """Do tasks in several processes.

    Parameters
    ----------
    tasks : iterable of (Task, int)
        Each with the bytes of memory it takes at its peak, which are not above `room`.
    settings : BatchSettings
    do : function
        Of a module, so that it can be sent; what it returns must not be None.
    jobs : int
        Processes at most.
    room : int
        Bytes of memory that they may take together.

    Yields
    ------
    Task
    Any
        What came of it, in the order they end; None if its process died.
    """
    with closing(Pool(settings, do, size=jobs, room=room)) as pool:
        ended: list[tuple[Task, Any]] = []
        for task, weight in tasks:
            while not pool.takes(weight):
                yield from ended
                ended = pool.collect()
            pool.give(task, weight)  # before what ended is dealt with, so that no process waits
            yield from ended
            ended = []
        while pool.busy:
            yield from pool.collect()


class Worker:
    """A process of our own, and the task it is at."""

    def __init__(self, settings: BatchSettings, do: Do) -> None:
        self.connection, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(theirs, settings, do), daemon=True)
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

    def take(self) -> Any:
        """Receive what came of the task; None if the process died."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        """Stop it at once, whatever it is at."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _serve(connection: Connection, settings: BatchSettings, do: Do) -> None:
    """Do tasks until there are no more; the life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is heard by the parent, which ends us
    keep_freed_memory()
    Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        connection.send(do(task, settings))


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

    def __init__(self, settings: BatchSettings, do: Do, *, size: int, room: int) -> None:
        self.busy: dict[Connection, Worker] = {}
        self._idle: list[Worker] = []
        self._settings, self._do, self._size, self._room = settings, do, size, room

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
        worker = self._idle.pop() if self._idle else Worker(self._settings, self._do)
        worker.give(task, weight)
        self.busy[worker.connection] = worker

    def collect(self) -> list[tuple[Task, Any]]:
        """Wait until tasks end; None comes of one whose process died."""
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

"""Processes of this machine that run one task each; if one is killed, the others go on."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, TypeAlias, cast

from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task
from expinterp.errors import ExitCode
from expinterp.scene_io.malloc import keep_freed_memory

TaskFunction: TypeAlias = Callable[[Task, BatchSettings], Any]
MOST = 60 if sys.platform == "win32" else sys.maxsize  # that `wait` can wait for
# A task may take this many seconds, and a second for each of so many bytes of memory; that is
# 50 times what it takes on one slow CPU. Only one that hangs takes longer.
PATIENCE, BYTES_PER_SECOND = 600.0, 100_000
TIMED_OUT = "timed out"  # in place of the value of a task that was stopped
SPAWN = multiprocessing.get_context("spawn")  # a fork would share locks and threads


def run_in_processes(
    tasks: Iterable[tuple[Task, int]],
    settings: BatchSettings,
    function: TaskFunction,
    *,
    jobs: int,
    room: int,
) -> Iterator[tuple[Task, Any]]:
    """Run tasks in several processes.

    Parameters
    ----------
    tasks : iterable of (Task, int)
        Each with the bytes of memory it takes at its peak, `room` at most.
    settings : BatchSettings
    function : TaskFunction
        Defined in a module, so that it can be sent; it must not return None.
    jobs : int
        Processes at most.
    room : int
        Bytes of memory for all together.

    Yields
    ------
    Task
    Any
        The value that `function` returned, in the order they end; None if the process died;
        `TIMED_OUT` if it hung, and was stopped.
    """
    with closing(Pool(settings, function, size=jobs, room=room)) as pool:
        ended: list[tuple[Task, Any]] = []
        for task, memory in tasks:
            while not pool.has_room(memory):
                yield from ended
                ended = pool.collect()
            pool.start(task, memory)  # before results are handled, so that no process waits
            yield from ended
            ended = []
        while pool.busy:
            yield from pool.collect()


class Worker:
    """A process, and the task it runs."""

    def __init__(self, settings: BatchSettings, function: TaskFunction) -> None:
        self.connection, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(theirs, settings, function), daemon=True)
        self.process.start()
        theirs.close()  # so that only the process holds it, and its end is noticed
        self.memory = 0
        self.deadline = 0.0

    def send(self, task: Task, memory: int) -> None:
        """Send a task; if the process is dead, `receive` returns None."""
        self.task, self.memory = task, memory
        self.deadline = time.monotonic() + PATIENCE + memory / BYTES_PER_SECOND
        try:
            self.connection.send(task)
        except OSError:
            self.process.kill()

    def receive(self) -> Any:
        """Receive the value of the task; None if the process died."""
        try:
            return self.connection.recv()
        except (EOFError, OSError):
            return None

    def kill(self) -> None:
        """Kill the process."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _serve(connection: Connection, settings: BatchSettings, function: TaskFunction) -> None:
    """Run tasks until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and kills its workers
    keep_freed_memory()
    Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        connection.send(function(task, settings))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(ExitCode.INTERRUPTED)


class Pool:
    """Workers, started when needed.

    Attributes
    ----------
    busy : dict
        The workers that run a task, by their connection.
    """

    def __init__(
        self, settings: BatchSettings, function: TaskFunction, *, size: int, room: int
    ) -> None:
        self.busy: dict[Connection, Worker] = {}
        self._idle: list[Worker] = []
        self._settings, self._function, self._size, self._room = settings, function, size, room

    def close(self) -> None:
        """Stop all workers at once."""
        for worker in (*self._idle, *self.busy.values()):
            worker.kill()

    def has_room(self, memory: int) -> bool:
        """Return whether a task of so many bytes can start now."""
        used = sum(worker.memory for worker in self.busy.values())
        return len(self.busy) < self._size and used + memory <= self._room

    def start(self, task: Task, memory: int) -> None:
        """Start a task."""
        worker = self._idle.pop() if self._idle else Worker(self._settings, self._function)
        worker.send(task, memory)
        self.busy[worker.connection] = worker

    def collect(self) -> list[tuple[Task, Any]]:
        """Wait until tasks end; return each with its value, None if its process died."""
        ended: list[tuple[Task, Any]] = []
        now, first = time.monotonic(), min(worker.deadline for worker in self.busy.values())
        for connection in wait(list(self.busy), max(0.0, first - now)):
            worker = self.busy.pop(cast("Connection", connection))
            result = worker.receive()
            if result is None:
                worker.kill()
            else:
                self._idle.append(worker)
            ended.append((worker.task, result))
        return ended or self._stop_hung()

    def _stop_hung(self) -> list[tuple[Task, Any]]:
        """Kill the workers whose tasks take too long."""
        now = time.monotonic()
        hung = [worker for worker in self.busy.values() if worker.deadline <= now]
        for worker in hung:
            del self.busy[worker.connection]
            worker.kill()
        return [(worker.task, TIMED_OUT) for worker in hung]

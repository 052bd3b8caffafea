"""Calling decoders in another process, so that one that crashes takes nothing else with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import LifoQueue
from typing import Any, NoReturn

from expinterp.errors import ImageFileError

PROCESSES = min(2, os.cpu_count() or 1)  # at a time; each is started when it is needed
PATIENCE = 600.0  # seconds; only a decoder that hangs takes longer
CRASHED = "its decoder crashed; convert it with another program, or leave it out"
_SPAWN = multiprocessing.get_context("spawn")  # a fork would share locks and threads


class SeparateProcess:
    """Processes that run functions; several threads may call at once."""

    def __init__(self) -> None:
        self._places: LifoQueue[_Worker | None] = LifoQueue()
        for _ in range(PROCESSES):
            self._places.put(None)

    def close(self) -> None:
        """End all processes; nobody may be calling."""
        while not self._places.empty():
            if worker := self._places.get():
                worker.kill()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of a module, which must raise nothing, and return its value.

        Raises
        ------
        ImageFileError
            If the process died, or did not answer.
        """
        place = self._places.get()
        worker: _Worker | None = None
        try:
            worker = place or _Worker()
            value = worker.call(function, arguments)
        except (EOFError, OSError):
            if worker:
                worker.kill()
            worker = None
            raise ImageFileError(CRASHED) from None
        finally:
            self._places.put(worker)
        return value


class _Worker:
    """A process, and the connection to it."""

    def __init__(self) -> None:
        self.connection, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()  # so that only the process holds it, and its end is noticed

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        self.connection.send((function, arguments))
        if not self.connection.poll(PATIENCE):
            raise TimeoutError
        return self.connection.recv()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


def _serve(connection: Connection) -> NoReturn:
    """Call functions until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and kills this process
    with suppress(EOFError, OSError):
        while True:
            function, arguments = connection.recv()
            connection.send(function(*arguments))
    os._exit(0)

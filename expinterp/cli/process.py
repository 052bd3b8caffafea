"""The process of the command line: its signals, its standard streams, and what libraries say.

Nothing but our own lines reaches stderr, unless ``--debug`` is given.
"""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import threading
import time
import warnings
from contextlib import suppress
from types import FrameType
from typing import BinaryIO, cast

from expinterp.errors import STOPPED, ExitCode

REPEATS = 1.0  # seconds in which further signals are the same wish: terminals send them to all
AGAIN = 0.05  # seconds until a signal that was swallowed, or came at a bad moment, is sent again


class Interruption:
    """Turns SIGINT and SIGTERM into one `KeyboardInterrupt`, so that temporary files are removed.

    A library may swallow it or raise another error in its place; `began` remembers it.

    Attributes
    ----------
    began : float or None
        When the first signal came.
    """

    def __init__(self) -> None:
        self.began: float | None = None
        self._hearing = False

    def listen(self) -> None:
        """Handle signals from now on; those that the caller ignores stay ignored."""
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._raise)

    def end(self) -> None:
        """Ignore signals from now on, since the result is there."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._hearing or _is_importing(frame):
            self._send_again()
        elif self.began is None:
            self.began = now
            raise KeyboardInterrupt
        elif now - self.began > REPEATS:  # what is being cleaned up does not end
            with suppress(OSError, AttributeError):
                os.write(sys.stderr.fileno(), f"expinterp: error: {STOPPED}\n".encode())
            os._exit(ExitCode.INTERRUPTED)

    def hear(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Raise again what was raised where no error can be, as in a callback of a library."""
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            self.began, self._hearing = None, True
            self._send_again()
            self._hearing = False

    @staticmethod
    def _send_again() -> None:
        threading.Timer(AGAIN, os.kill, (os.getpid(), signal.SIGINT)).start()


def _is_importing(frame: FrameType | None) -> bool:
    """Return whether Python's own code of imports is interrupted: it would keep its lock for ever.

    Other threads that import would then never end.
    """
    return frame is not None and frame.f_code.co_filename.startswith("<frozen importlib")


INTERRUPTION = Interruption()


def set_up(*, debug: bool) -> None:
    """Prepare the process: streams, signals, and silence of libraries unless `debug`."""
    _open_streams()
    INTERRUPTION.listen()
    if isinstance(sys.stdout, io.TextIOWrapper):  # for names that it cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    if debug:
        return
    sys.unraisablehook = INTERRUPTION.hear
    threading.excepthook = lambda error: None
    warnings.simplefilter("ignore")
    logging.lastResort = None
    if sys.stderr is not None and sys.platform != "win32":  # whose console is no file of bytes
        with suppress(OSError):
            _move_stderr()


def _open_streams() -> None:
    """Open the standard streams that are closed, to nothing.

    Else the first file that is opened would take the place of one, and get what is meant for it:
    a report would get the messages of libpng.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:  # the lowest that is free
        pass
    os.close(number)


def _move_stderr() -> None:
    """Drop messages of C libraries: libpng and libtiff write their own about damaged files.

    Python's stderr moves to a descriptor of its own; the old one leads to nothing.
    """
    own = os.dup(sys.stderr.fileno())
    raw = io.FileIO(own, "w")  # unbuffered: nothing is left to write when Python ends
    sys.stderr = io.TextIOWrapper(
        cast("BinaryIO", raw),
        encoding=sys.stderr.encoding,
        errors="backslashreplace",
        write_through=True,
    )
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


def drop_stdout() -> None:
    """Redirect stdout to nothing, so that its last flush does not fail."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def flush_stdout() -> bool:
    """Write what is buffered; return whether that succeeded."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        drop_stdout()
        return False
    return True

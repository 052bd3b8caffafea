"""The start of the command line: ``python -m expinterp``, or the installed command.

Here next to nothing is imported, so that Ctrl-C ends the program in one line from the first moment on.
"""

from __future__ import annotations

import _signal  # the module signal takes some milliseconds, in which Ctrl-C shows a traceback
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

INTERRUPTED = 130
MESSAGE = b"expinterp: error: interrupted; no output is left half written\n"


def run() -> NoReturn:
    """Run the command line on ``sys.argv`` and exit with its code."""
    for number in (_signal.SIGINT, _signal.SIGTERM):
        if _signal.getsignal(number) != _signal.SIG_IGN:  # as nohup wants it
            _signal.signal(number, _leave)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # matrices are small: threads only wait
    from expinterp.cli import run as run_command

    run_command()


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    """Leave at once: nothing has begun yet."""
    try:
        os.write(2, MESSAGE)
    finally:
        os._exit(INTERRUPTED)


if __name__ == "__main__":
    run()

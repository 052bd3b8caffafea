"""The command line: parse, call, and turn every failure into one line and an exit code.

`run` is the installed command, `main` the same in process. Commands import what they need when
they run, so that ``expinterp --help`` loads neither NumPy nor OpenCV nor ONNX Runtime.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import BinaryIO, NoReturn, cast

import click

from expinterp import __version__
from expinterp.cli.commands.batch import batch
from expinterp.cli.commands.calibrate import calibrate
from expinterp.cli.commands.doctor import doctor
from expinterp.cli.commands.evaluate import evaluate
from expinterp.cli.commands.fuse import fuse
from expinterp.cli.commands.interpolate import interpolate
from expinterp.cli.commands.report import report
from expinterp.cli.commands.train import train
from expinterp.cli.commands.tune import tune
from expinterp.cli.console import Talk
from expinterp.errors import ExitCode, ExpInterpError, in_words

NAME = "expinterp"
HELP = """Compute photographs between exposures of a still scene, or fuse exposures into one.

\b
expinterp interpolate long.jpg short.jpg -o mid.jpg
expinterp fuse long.jpg short.jpg -o fused.jpg
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, help=HELP)
@click.version_option(__version__, prog_name=NAME)
def commands() -> None:
    """Gather the commands."""


for _command in (interpolate, fuse, batch, report, calibrate, evaluate, train, tune, doctor):
    commands.add_command(_command)


def run() -> NoReturn:
    """Run the command line on ``sys.argv`` and exit with its code."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names in letters, or bytes, that it has not
        sys.stdout.reconfigure(errors="backslashreplace")
    if "--debug" not in sys.argv:
        _speak_alone()
    sys.exit(main(sys.argv[1:]))


def _speak_alone() -> None:
    """Keep stderr to ourselves: libpng and libtiff say their own of a damaged file before we do.

    Python's stderr moves to a descriptor of its own; what C code writes to the old one is dropped.
    """
    if sys.stderr is None or sys.platform == "win32":  # there, a console is no file of bytes
        return
    with suppress(OSError):
        own = os.dup(sys.stderr.fileno())
        raw = io.FileIO(own, "w")  # unbuffered: nothing is left to fail when Python ends
        sys.stderr = io.TextIOWrapper(
            cast("BinaryIO", raw),
            encoding=sys.stderr.encoding,
            errors="backslashreplace",
            write_through=True,
        )
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def main(arguments: Sequence[str]) -> int:
    """Run the command line in this process.

    Parameters
    ----------
    arguments : sequence of str
        What follows the name of the program.

    Returns
    -------
    int
        An `ExitCode`. Whatever went wrong stands on stderr, in one line.
    """
    talk = Talk()
    try:
        result = commands.main(list(arguments), prog_name=NAME, standalone_mode=False, obj=talk)
        return int(result or ExitCode.OK)
    except SystemExit as stop:  # after shell completion, or when the reader of stdout has left
        return stop.code if isinstance(stop.code, int) else ExitCode.UNEXPECTED
    except click.exceptions.NoArgsIsHelpError as help_text:
        help_text.show()
        return ExitCode.USAGE
    except BaseException as error:  # noqa: BLE001 - the one place that catches
        return _explain(error, talk)


def _explain(error: BaseException, talk: Talk) -> int:
    """Say what went wrong, in one line, and choose the exit code."""
    from expinterp.doctor import missing_library

    if isinstance(error, ImportError):
        error = missing_library(error) or error
    code = ExitCode.UNEXPECTED
    match error:
        case click.UsageError():
            message, code = f"{error.format_message()} {_help_hint(error.ctx)}", ExitCode.USAGE
        case click.Abort() | KeyboardInterrupt():
            message, code = "interrupted; no output is left half written", ExitCode.INTERRUPTED
        case ExpInterpError():
            message, code = in_words(error), error.exit_code
        case OSError(errno=errno.ENOSPC, filename=None):  # other files that we write have a name
            _silence_stdout()
            message = "standard output cannot be written (disk full); make room, or name a file"
            code = ExitCode.OUTPUT
        case MemoryError():
            message = in_words(error)
        case _:
            message = f"{in_words(error)}; --debug shows where"
    if talk.debug:
        talk.traceback(error)
    talk.error(message)
    return code


def _help_hint(context: click.Context | None) -> str:
    return f"(see {context.command_path if context else NAME} --help)"


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    """Let a polite request to stop clean up as Ctrl-C does."""
    raise KeyboardInterrupt


def _silence_stdout() -> None:
    """Point stdout at nothing, so that the last flush of what it refused does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

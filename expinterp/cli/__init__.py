"""The command line: parse arguments, run a command, and turn a failure into one line and a code.

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
from expinterp.cli.commands.cameras import cameras
from expinterp.cli.commands.doctor import doctor
from expinterp.cli.commands.evaluate import evaluate
from expinterp.cli.commands.fuse import fuse
from expinterp.cli.commands.interpolate import interpolate
from expinterp.cli.commands.merge import merge
from expinterp.cli.commands.report import report
from expinterp.cli.commands.train import train
from expinterp.cli.commands.tune import tune
from expinterp.cli.console import Console
from expinterp.errors import ExitCode, ExpInterpError, in_words

NAME = "expinterp"
HELP = """Compute photographs between exposures of a scene, or fuse exposures into one.

\b
expinterp interpolate long.jpg short.jpg -o mid.jpg
expinterp fuse long.jpg short.jpg -o fused.jpg
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, help=HELP)
@click.version_option(__version__, prog_name=NAME)
def commands() -> None:
    """Gather the commands."""


for _command in (
    interpolate, fuse, merge, batch, report, calibrate, cameras, evaluate, train, tune, doctor,
):  # fmt: skip
    commands.add_command(_command)


def run() -> NoReturn:
    """Run the command line on ``sys.argv`` and exit with its code."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):  # for names that it cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    if "--debug" not in sys.argv:
        _silence_libraries()
    sys.exit(main(sys.argv[1:]))


def _silence_libraries() -> None:
    """Drop messages of C libraries: libpng and libtiff write their own about damaged files.

    Python's stderr moves to a descriptor of its own; the old one leads to nothing.
    """
    if sys.stderr is None or sys.platform == "win32":  # where a console is not a file of bytes
        return
    with suppress(OSError):
        own = os.dup(sys.stderr.fileno())
        raw = io.FileIO(own, "w")  # unbuffered: nothing is left to write when Python ends
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
        The arguments after the name of the program.

    Returns
    -------
    int
        An `ExitCode`. A failure is explained on stderr in one line.
    """
    console = Console()
    try:
        result = commands.main(list(arguments), prog_name=NAME, standalone_mode=False, obj=console)
        return int(result or ExitCode.OK)
    except SystemExit as stop:  # after shell completion, or when nobody reads stdout any more
        return stop.code if isinstance(stop.code, int) else ExitCode.UNEXPECTED
    except click.exceptions.NoArgsIsHelpError as help_text:
        help_text.show()
        return ExitCode.USAGE
    except BaseException as error:  # noqa: BLE001 - the one place that catches
        return _explain(error, console)


def _explain(error: BaseException, console: Console) -> int:
    """Explain an error in one line, and choose the exit code."""
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
        case OSError(errno=errno.ENOSPC, filename=None):  # errors of other files have a name
            _silence_stdout()
            message = "standard output cannot be written (disk full); make room, or name a file"
            code = ExitCode.OUTPUT
        case MemoryError():
            message = in_words(error)
        case _:
            message = f"{in_words(error)}; --debug shows where"
    if console.debug:
        console.traceback(error)
    console.error(message)
    return code


def _help_hint(context: click.Context | None) -> str:
    return f"(see {context.command_path if context else NAME} --help)"


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    """Handle SIGTERM like Ctrl-C, so that temporary files are removed."""
    raise KeyboardInterrupt


def _silence_stdout() -> None:
    """Redirect stdout to nothing, so that its last flush does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

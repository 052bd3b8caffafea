"""The command line: parse arguments, run a command, and turn a failure into one line and a code.

`run` is the installed command, `main` the same in process. Commands import what they need when
they run, so that ``expinterp --help`` loads neither NumPy nor OpenCV nor ONNX Runtime.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

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
from expinterp.cli.process import INTERRUPTION, drop_stdout, flush_stdout, set_up
from expinterp.errors import STOPPED, ExitCode, ExpInterpError, in_words, is_too_large, reason

NAME = "expinterp"
UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EPIPE}
HELP = """Compute photographs between exposures of a scene, or fuse exposures into one.

\b
expinterp interpolate long.jpg short.jpg -o mid.jpg
expinterp fuse long.jpg short.jpg -o fused.jpg
"""


class Commands(click.Group):
    """The group of all commands; click would print an empty line after Ctrl-C."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise click.Abort from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, help=HELP)
@click.version_option(__version__, prog_name=NAME)
def commands() -> None:
    """Gather the commands."""


for _command in (
    interpolate, fuse, merge, batch, report, calibrate, cameras, evaluate, train, tune, doctor,
):  # fmt: skip
    commands.add_command(_command)


def run() -> NoReturn:
    """Run the command line on ``sys.argv`` and exit with its code."""
    set_up(debug="--debug" in sys.argv)
    code = main(sys.argv[1:])
    INTERRUPTION.end()
    if not flush_stdout() and not code:
        code = ExitCode.OUTPUT
    with suppress(OSError, ValueError, AttributeError):  # closed, or not there
        sys.stderr.flush()
    # After an interruption Python would end by the signal, if it came while a library called Python.
    # Where no other processes are to be ended, freeing all arrays takes as long as writing a picture.
    if code == ExitCode.INTERRUPTED or "multiprocessing" not in sys.modules:
        os._exit(code)
    sys.exit(code)


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
    console, stdout = Console(), sys.stdout
    try:
        result = commands.main(list(arguments), prog_name=NAME, standalone_mode=False, obj=console)
        return int(result or ExitCode.OK)
    except SystemExit as stop:
        if sys.stdout is not stdout:  # click put another in its place: nobody reads it any more
            return ExitCode.OUTPUT
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
    if INTERRUPTION.began is not None:  # whatever a library made of it
        error = KeyboardInterrupt()
    code = ExitCode.UNEXPECTED
    match error:
        case click.UsageError():
            message, code = f"{error.format_message()} {_help_hint(error.ctx)}", ExitCode.USAGE
        case click.Abort() | KeyboardInterrupt():
            message, code = STOPPED, ExitCode.INTERRUPTED
        case ExpInterpError():
            message, code = in_words(error), error.exit_code
        case OSError():
            message, code = _explain_system(error)
        case _ if is_too_large(error):
            message, code = in_words(error), ExitCode.IMAGE_FILE
        case _:
            message = f"{in_words(error)}; --debug shows where"
    if console.debug:
        console.traceback(error)
    console.error(message)
    return code


def _explain_system(error: OSError) -> tuple[str, ExitCode]:
    """Explain an error of the system that no part of the program has explained."""
    why = reason(error)
    unwritable = error.errno in UNWRITABLE
    if error.filename is not None:
        remedy = "make room, or name another file" if unwritable else "check the path"
        message = (
            f"{error.filename}: cannot be {'written' if unwritable else 'used'} ({why}); {remedy}"
        )
        return message, ExitCode.OUTPUT if unwritable else ExitCode.IMAGE_FILE
    if unwritable:
        drop_stdout()
        message = f"standard output cannot be written ({why}); make room, or name a file"
        return message, ExitCode.OUTPUT
    if not _has_folder():
        message = "the working folder does not exist any more; change to another one"
        return message, ExitCode.IMAGE_FILE
    return f"the system refuses ({why}); --debug shows where", ExitCode.IMAGE_FILE


def _has_folder() -> bool:
    """Return whether the working folder exists."""
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _help_hint(context: click.Context | None) -> str:
    return f"(see {context.command_path if context else NAME} --help)"

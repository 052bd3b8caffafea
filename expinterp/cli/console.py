"""What the command line says beside its results: one voice, on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import click

from expinterp.errors import one_line


class Talk:
    """Messages to the person at the terminal; results go elsewhere.

    Attributes
    ----------
    verbose, quiet, debug : bool
        What ``-v``, ``-q`` and ``--debug`` ask for. Errors are always said.
    """

    def __init__(self) -> None:
        self.verbose = False
        self.quiet = False
        self.debug = False

    def error(self, message: str) -> None:
        """Say why the command failed, in one line."""
        self._say(f"error: {message}")

    def warn(self, message: str) -> None:
        """Say what the result should be judged by, unless told to be quiet."""
        if not self.quiet:
            self._say(f"warning: {message}")

    def note(self, message: str) -> None:
        """Say how things stand, unless told to be quiet."""
        if not self.quiet:
            self._say(message)

    def detail(self, message: str) -> None:
        """Say what only a curious reader wants to know."""
        if self.verbose and not self.quiet:
            self._say(message)

    def traceback(self, error: BaseException) -> None:
        """Show where an error came from."""
        import traceback

        traceback.print_exception(error)

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, float], None]]:
        """Show a bar on a terminal, plain lines with ``-v`` elsewhere.

        Yields
        ------
        callable
            To be called with what is being done, and the share of everything that is done, 0..1.
        """
        # A program started without a terminal at all may have no stderr either.
        if self.quiet or sys.stderr is None or not sys.stderr.isatty():
            yield self._announce()
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda step, share: bar.update(task, description=step, completed=share)

    def _announce(self) -> Callable[[str, float], None]:
        """Make a stand-in for the bar that names each step once, as it begins."""
        last = ""

        def show(step: str, share: float) -> None:
            nonlocal last
            if step != last:
                self.detail(step)
            last = step

        return show

    def _say(self, message: str) -> None:
        with suppress(OSError):  # an stderr that takes nothing must not change the exit code
            click.echo(f"expinterp: {one_line(message)}", err=True)


def _turn_on(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and parameter.name:
        setattr(context.ensure_object(Talk), parameter.name, True)


TALK: tuple[click.Option, ...] = tuple(
    click.Option(
        flags,
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_turn_on,
        help=text,
    )
    for flags, text in (
        (["-v", "--verbose"], "Say what is done."),
        (["-q", "--quiet"], "Say nothing but errors."),
        (["--debug"], "Show the traceback of an error."),
    )
)

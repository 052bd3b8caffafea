"""Messages of the command line, on stderr; results go elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from expinterp.errors import one_line
from expinterp.text import visible

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


class Console:
    """Messages to the user.

    Attributes
    ----------
    verbose, quiet, debug : bool
        Whether ``-v``, ``-q`` and ``--debug`` are given. Errors are always shown.
    """

    def __init__(self) -> None:
        self.verbose = False
        self.quiet = False
        self.debug = False

    @property
    def on_terminal(self) -> bool:
        """Whether stderr is a terminal; a program started without one may have no stderr."""
        return sys.stderr is not None and sys.stderr.isatty()

    def error(self, message: str) -> None:
        """Show why the command failed, in one line."""
        self._show(f"error: {message}")

    def warn(self, *messages: str) -> None:
        """Show what may be wrong with the result, unless quiet."""
        for message in messages:
            self.note(f"warning: {message}")

    def note(self, message: str) -> None:
        """Show the state of the work, unless quiet."""
        if not self.quiet:
            self._show(message)

    def detail(self, message: str) -> None:
        """Show a detail, if verbose."""
        if self.verbose:
            self.note(message)

    def traceback(self, error: BaseException) -> None:
        """Show where an error came from."""
        import traceback

        for line in "".join(traceback.format_exception(error)).splitlines():
            click.echo(visible(line), err=True)

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, float], None]]:
        """Show a bar on a terminal; elsewhere the name of each step, if verbose.

        Yields
        ------
        callable
            To be called with the name of the step, and the share of everything that is done, 0..1.
        """
        if self.quiet or not self.on_terminal:
            yield self._step_names()
            return
        with open_bar() as bar:
            task = bar.add_task("", total=1.0)
            yield lambda step, share: bar.update(task, description=_plain(step), completed=share)

    def _step_names(self) -> Callable[[str, float], None]:
        """Return a function that shows the name of each step once, as it begins."""
        last = ""

        def show(step: str, share: float) -> None:
            nonlocal last
            if step != last:
                self.detail(step)
            last = step

        return show

    def _show(self, message: str) -> None:
        with suppress(OSError):  # an stderr that cannot be written must not change the exit code
            click.echo(f"expinterp: {visible(one_line(message))}", err=True)


def _plain(text: str) -> str:
    """Return text that a progress bar shows as it is."""
    from rich.markup import escape

    return escape(visible(text))


def open_bar(*columns: ProgressColumn) -> Progress:
    """Open a progress bar on stderr that disappears at its end; no columns for the usual ones."""
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), transient=True)


def _turn_on(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and parameter.name:
        setattr(context.ensure_object(Console), parameter.name, True)


TALK = tuple(
    click.Option(
        flags, is_flag=True, is_eager=True, expose_value=False, callback=_turn_on, help=text
    )
    for flags, text in (
        (["-v", "--verbose"], "Show details."),
        (["-q", "--quiet"], "Show errors only."),
        (["--debug"], "Show where in the program an error came from."),
    )
)

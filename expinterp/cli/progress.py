"""How a long run is coming on: a bar with rate and time left, or a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from expinterp.cli.console import Talk

PAUSE = 10.0  # seconds between two lines, where there is no terminal


@contextmanager
def pace(talk: Talk, total: int) -> Iterator[Callable[[], None]]:
    """Show how many of so many items are done.

    Yields
    ------
    callable
        To be called after each item.
    """
    if talk.quiet or sys.stderr is None or not total:
        yield lambda: None
    elif sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=total)
            yield _counter(
                total, 0.0, lambda done, words: bar.update(task, completed=done, description=words)
            )
    else:
        yield _counter(total, PAUSE, lambda done, words: talk.note(f"{done} of {total}, {words}"))


@contextmanager
def course(talk: Talk) -> Iterator[Callable[[str, float], None]]:
    """Show what a run without countable items is at.

    Yields
    ------
    callable
        To be called with what is being done, and the share of everything that is done, 0..1.
    """
    if talk.quiet or sys.stderr is None or sys.stderr.isatty():
        with talk.progress() as show:
            yield show
        return
    shown = time.monotonic() - PAUSE

    def show_now_and_then(words: str, share: float) -> None:
        nonlocal shown
        if share >= 1 or time.monotonic() - shown >= PAUSE:
            shown = time.monotonic()
            talk.note(words)

    yield show_now_and_then


def _counter(total: int, pause: float, show: Callable[[int, str], None]) -> Callable[[], None]:
    """Make what counts items and shows their number, not more often than every `pause` seconds."""
    started = shown = time.monotonic()
    done = 0

    def count() -> None:
        nonlocal done, shown
        done += 1
        now = time.monotonic()
        if now - shown >= pause or done == total:
            shown = now
            show(done, describe(done, total, now - started))

    return count


def describe(done: int, total: int, seconds: float) -> str:
    """Put rate and time left into words.

    Examples
    --------
    >>> describe(30, 90, 60.0), describe(90, 100, 9.0)
    ('30 a minute, 0:02:00 left', '10.0 a second, 0:00:01 left')
    """
    rate = done / max(seconds, 1e-9)
    left = timedelta(seconds=round((total - done) / rate))
    words = f"{rate:.1f} a second" if rate >= 2 else f"{60 * rate:.3g} a minute"
    return f"{words}, {left} left"

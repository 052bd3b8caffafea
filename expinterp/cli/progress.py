"""Progress of a long run: a bar with rate and time left, or a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from expinterp.cli.console import Console, open_bar

PAUSE = 10.0  # seconds between two lines, where there is no terminal


@contextmanager
def show_count(console: Console, total: int) -> Iterator[Callable[[], None]]:
    """Show how many items are done.

    Yields
    ------
    callable
        To be called after each item.
    """
    if console.quiet or not total:
        yield lambda: None
    elif console.on_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        with open_bar(*columns) as bar:
            task = bar.add_task("", total=total)
            yield _counter(
                total, 0.0, lambda done, words: bar.update(task, completed=done, description=words)
            )
    else:
        yield _counter(
            total, PAUSE, lambda done, words: console.note(f"{done} of {total}, {words}")
        )


@contextmanager
def show_steps(console: Console) -> Iterator[Callable[[str, float], None]]:
    """Show the current step of a run without countable items.

    Yields
    ------
    callable
        To be called with the name of the step, and the share of everything that is done, 0..1.
    """
    if console.quiet or console.on_terminal:
        with console.progress() as show:
            yield show
        return
    shown = time.monotonic() - PAUSE

    def show_after_pause(words: str, share: float) -> None:
        nonlocal shown
        if share >= 1 or time.monotonic() - shown >= PAUSE:
            shown = time.monotonic()
            console.note(words)

    yield show_after_pause


def _counter(total: int, pause: float, show: Callable[[int, str], None]) -> Callable[[], None]:
    """Return a function that counts items and shows their number, at most every `pause` seconds."""
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
    """Describe rate and time left.

    Examples
    --------
    >>> describe(30, 90, 60.0), describe(90, 100, 9.0)
    ('30 a minute, 0:02:00 left', '10.0 a second, 0:00:01 left')
    """
    rate = done / max(seconds, 1e-9)
    left = timedelta(seconds=round((total - done) / rate))
    words = f"{rate:.1f} a second" if rate >= 2 else f"{60 * rate:.3g} a minute"
    return f"{words}, {left} left"

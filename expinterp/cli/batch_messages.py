"""What ``expinterp batch`` says: the plan before, each result as it comes, and how it went."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from expinterp.cli.console import Talk
from expinterp.cli.progress import pace
from expinterp.errors import ExitCode, OutputError, OutputExistsError, reason

if TYPE_CHECKING:
    from expinterp.batch import Outlook, Summary, TaskResult
    from expinterp.brackets import Plan

HEAD = b'{"time": "'  # how every log begins
WIDEST = 40  # characters that a column of the plan is padded to


def plan_lines(plan: Plan, outlook: Outlook) -> Iterator[str]:
    """Give the plan as JSON lines: what ``--plan`` reads, with the outputs and what awaits them."""
    yield next(plan.lines())
    for task, status in outlook.statuses():
        yield json.dumps({**task.bracket.as_json(), "outputs": task.outputs, "status": status})
    for left in plan.leftovers:
        yield json.dumps(left.as_json())


def plan_table(plan: Plan, outlook: Outlook) -> Iterator[str]:
    """Give the plan as a table for people."""
    rows = [
        (task.bracket.name, status, " ".join(task.bracket.frames), " ".join(task.outputs))
        for task, status in outlook.statuses()
    ]
    heads = ("bracket", "", "frames, brightest first", "outputs")
    widths = [min(max(map(len, column)), WIDEST) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    for left in plan.leftovers:
        yield f"left over: {left.path}: {left.reason}"


class Watch:
    """Tells how a batch comes on: on stderr, in a log, and as JSON lines on stdout."""

    def __init__(self, talk: Talk, stack: ExitStack, log: TextIO | None, *, as_json: bool) -> None:
        self._talk, self._stack, self._log, self._as_json = talk, stack, log, as_json
        self._count: Callable[[], None] = lambda: None
        self.done = self.total = 0

    def began(self, outlook: Outlook) -> None:
        """Say what there is to do."""
        self.total = len(outlook.tasks) + len(outlook.settled)
        facts = {"brackets": self.total, "done_before": len(outlook.kept)}
        self._event("began", **facts)
        before = f", {len(outlook.kept)} done before" if outlook.kept else ""
        self._talk.detail(f"{self.total} brackets to do{before}")
        self._count = self._stack.enter_context(pace(self._talk, self.total))

    def ended(self, result: TaskResult) -> None:
        """Take note of a result; a failure is said at once."""
        self.done += 1
        self._event("ended", **result.as_json())
        if self._as_json:
            click.echo(json.dumps(result.as_json()))
        if result.error:
            self._talk.warn(f"{result.bracket} failed: {result.error.message}")
        else:
            self._talk.detail(f"{result.bracket}: {result.status}, {result.seconds:.2f} s")
            for warning in result.warnings:
                self._talk.detail(f"{result.bracket}: {warning}")
        self._count()

    def notice(self, message: str) -> None:
        """Say what a person should know at once."""
        self._event("notice", message=message)
        self._talk.warn(message)

    def _event(self, event: str, **facts: Any) -> None:
        """Add a line to the log; one that takes no more is given up."""
        if self._log is None:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        try:
            self._log.write(json.dumps({"time": now, "event": event, **facts}) + "\n")
        except OSError as error:
            log, self._log = self._log, None
            with suppress(OSError):  # of what it still holds
                log.close()
            self._talk.warn(f"{log.name}: cannot be written ({reason(error)}); the log ends here")


@contextmanager
def watching(
    talk: Talk, *, log: Path | None, inputs: Iterable[Path], as_json: bool
) -> Iterator[Watch]:
    """Watch a batch, and say how far it came if it is interrupted.

    Raises
    ------
    OutputError
        If the log cannot be written.
    OutputExistsError
        If it is another file than a log, such as one of the inputs.
    """
    with ExitStack() as stack:
        watch = Watch(talk, stack, _open_log(log, inputs, stack), as_json=as_json)
        try:
            yield watch
        except KeyboardInterrupt:
            stack.close()  # the bar goes before more is said
            talk.note(
                f"{watch.done} of {watch.total} brackets are done; the same command does the rest"
            )
            raise


def _open_log(path: Path | None, inputs: Iterable[Path], stack: ExitStack) -> TextIO | None:
    if path is None:
        return None
    try:
        if path.is_file() and not _is_log(path, inputs):
            message = f"{path}: is no log of a batch; choose another name for --log"
            raise OutputExistsError(message)
        return stack.enter_context(path.open("a", encoding="utf-8", buffering=1))
    except OSError as error:
        message = f"{path}: cannot be written ({reason(error)}); choose another name for --log"
        raise OutputError(message) from error


def _is_log(path: Path, inputs: Iterable[Path]) -> bool:
    """Tell whether a file begins as a log does; an empty one might, unless it is an input."""
    with path.open("rb") as stream:
        start = stream.read(len(HEAD))
    if start:
        return HEAD.startswith(start)
    return os.path.realpath(path) not in map(os.path.realpath, inputs)


def tell_end(summary: Summary, plan: Plan, damaged: Sequence[str], talk: Talk) -> int:
    """Say how the batch went, failures by name, and choose the exit code."""
    if not plan.brackets:
        talk.warn("no brackets were found; -n says what became of every file")
    counts = {
        f"done ({summary.warned} with warnings, which -v and --report tell)"
        if summary.warned
        else "done": summary.done,
        "done before": summary.kept,
        "skipped": summary.skipped,
        "failed": len(summary.failures),
        "left over": len(plan.leftovers),
    }
    talk.note(
        ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing to do"
    )
    for result in summary.failures:
        talk.error(f"{result.bracket}: {result.error.message if result.error else ''}")
    others = [*damaged, *filter(None, [summary.unrecorded])]
    for line in others:
        talk.error(line)
    return ExitCode.BATCH if summary.failures or others else ExitCode.OK

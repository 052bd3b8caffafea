"""Messages of ``expinterp batch``: the plan, each result as it comes, and the summary."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from expinterp.cli.console import Console
from expinterp.cli.process import drop_stdout
from expinterp.cli.progress import show_count
from expinterp.errors import ExitCode, OutputError, OutputExistsError, reason
from expinterp.text import dump_json, visible

if TYPE_CHECKING:
    from expinterp.batch import Schedule, Summary, TaskResult
    from expinterp.brackets import Plan

NOTHING = (
    "no brackets were found, so nothing was made; -n explains every file, "
    "--set-size, --gap or --pattern states what belongs together"
)
HEAD = b'{"time": "'  # how every log begins


def print_plan(plan: Plan, schedule: Schedule, *, as_json: bool) -> None:
    """Print the plan as a table, or as JSON lines that ``--plan`` reads."""
    if as_json:
        click.echo("\n".join(_plan_lines(plan, schedule)))
        return
    from expinterp.cli.tables import print_table

    rows = [
        (task.bracket.name, status, " ".join(task.bracket.frames), " ".join(task.outputs))
        for task, status in schedule.statuses()
    ]
    if rows:
        print_table(("bracket", "", "frames, brightest first", "outputs"), rows)
    else:
        click.echo("no brackets were found")
    for left in plan.leftovers:
        click.echo(visible(f"left over: {left.path}: {left.reason}"))


def _plan_lines(plan: Plan, schedule: Schedule) -> Iterator[str]:
    yield next(plan.lines())
    for task, status in schedule.statuses():
        yield dump_json({**task.bracket.as_json(), "outputs": task.outputs, "status": status})
    for left in plan.leftovers:
        yield dump_json(left.as_json())


class BatchMonitor:
    """Shows the progress of a batch: on stderr, in a log, and as JSON lines on stdout."""

    def __init__(
        self, console: Console, stack: ExitStack, log: TextIO | None, *, as_json: bool
    ) -> None:
        self._console, self._stack, self._log, self._as_json = console, stack, log, as_json
        self._count: Callable[[], None] = lambda: None
        self.done = self.total = 0

    def began(self, schedule: Schedule) -> None:
        """Show how much there is to do."""
        self.total, kept = len(schedule.tasks) + len(schedule.settled), len(schedule.kept)
        self._event("began", brackets=self.total, done_before=kept)
        before = f", {kept} done before" if kept else ""
        self._console.detail(f"{self.total} brackets to do{before}")
        self._count = self._stack.enter_context(show_count(self._console, self.total))

    def ended(self, result: TaskResult) -> None:
        """Count a result; show a failure at once."""
        self.done += 1
        self._event("ended", **result.as_json())
        if self._as_json:
            self._print(dump_json(result.as_json()))
        if result.error:
            self._console.warn(f"{result.bracket} failed: {result.error.message}")
        else:
            self._console.detail(f"{result.bracket}: {result.status}, {result.seconds:.2f} s")
            for warning in result.warnings:
                self._console.detail(f"{result.bracket}: {warning}")
        self._count()

    def _print(self, line: str) -> None:
        """Print a line; if nobody can read it, the brackets are done all the same."""
        try:
            click.echo(line)
        except OSError as error:
            self._as_json = False
            drop_stdout()
            self.notice(f"standard output cannot be written ({reason(error)}); the batch goes on")

    def notice(self, message: str) -> None:
        """Show a warning at once."""
        self._event("notice", message=message)
        self._console.warn(message)

    def _event(self, event: str, **facts: Any) -> None:
        """Add a line to the log; close a log that cannot be written."""
        if self._log is None:
            return
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        try:
            self._log.write(dump_json({"time": now, "event": event, **facts}) + "\n")
        except OSError as error:
            log, self._log = self._log, None
            with suppress(OSError):  # what is buffered cannot be written either
                log.close()
            self._console.warn(
                f"{log.name}: cannot be written ({reason(error)}); the log ends here"
            )


@contextmanager
def monitor_batch(
    console: Console, *, log: Path | None, inputs: Iterable[Path], as_json: bool
) -> Iterator[BatchMonitor]:
    """Monitor a batch; if it is interrupted, show how many brackets are done.

    Raises
    ------
    OutputError
        If the log cannot be written.
    OutputExistsError
        If the file is not a log, but for example one of the inputs.
    """
    with ExitStack() as stack:
        monitor = BatchMonitor(console, stack, _open_log(log, inputs, stack), as_json=as_json)
        try:
            yield monitor
        except KeyboardInterrupt:
            stack.close()  # removes the bar before the message
            console.note(
                f"{monitor.done} of {monitor.total} brackets are done; the same command does the rest"
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
    """Return whether a file begins like a log; an empty one does, unless it is an input."""
    with path.open("rb") as stream:
        start = stream.read(len(HEAD))
    if start:
        return HEAD.startswith(start)
    return os.path.realpath(path) not in map(os.path.realpath, inputs)


def show_summary(summary: Summary, plan: Plan, damaged: Sequence[str], console: Console) -> int:
    """Show how the batch ended, with the names of failures, and return the exit code."""
    if not plan.brackets:
        console.warn(NOTHING)
    warned = f" ({summary.warned} with warnings, shown by -v and --report)"
    counts = {
        f"done{warned if summary.warned else ''}": summary.done,
        "done before": summary.kept,
        "skipped": summary.skipped,
        "failed": len(summary.failures),
        "left over": len(plan.leftovers),
    }
    said = [f"{count} {what}" for what, count in counts.items() if count]
    console.note(", ".join(said) or "nothing to do")
    for result in summary.failures:
        console.error(f"{result.bracket}: {result.error.message if result.error else ''}")
    others = [*damaged, *filter(None, [summary.unrecorded])]
    for line in others:
        console.error(line)
    failed = summary.failures or others or not plan.brackets
    return ExitCode.BATCH if failed else ExitCode.OK

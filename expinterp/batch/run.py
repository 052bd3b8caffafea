"""A batch from plan to end: what is left to do, doing it, and keeping the journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from expinterp import __version__
from expinterp.batch import journal
from expinterp.batch.execute import FATAL, Runner, TaskFailure, TaskResult, conclude
from expinterp.batch.journal import Journal, JournalContents, open_journal
from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task, make_tasks
from expinterp.brackets import Plan
from expinterp.errors import (
    DeviceError,
    ExitCode,
    ExpInterpError,
    MissingExtraError,
    ModelError,
    OutputError,
    OutputExistsError,
)
from expinterp.files import sweep

OnExisting = Literal["skip", "fail", "overwrite"]


@dataclass
class Summary:
    """How a batch ended.

    Attributes
    ----------
    done, skipped, kept : int
        Brackets that were done now, whose outputs existed, and that were done before.
    warned : int
        Brackets that were done now, with something a person should know.
    failures : list of TaskResult
    unrecorded : str or None
        Why the last results do not stand in the journal, if they do not.
    """

    done: int = 0
    skipped: int = 0
    kept: int = 0
    warned: int = 0
    failures: list[TaskResult] = field(default_factory=list)
    unrecorded: str | None = None

    def count(self, result: TaskResult) -> None:
        """Take a result in."""
        match result.status:
            case "done":
                self.done += 1
                self.warned += bool(result.warnings)
            case "skipped":
                self.skipped += 1
            case "failed":
                self.failures.append(replace(result, records=[]))


@dataclass(frozen=True)
class Outlook:
    """What is left to do of a plan.

    Attributes
    ----------
    tasks : list of Task
        To be done.
    kept : list of Task
        Done before, from the same files with the same options.
    settled : list of (Task, TaskResult)
        Not to be done, their outputs being there already.
    """

    tasks: list[Task]
    kept: list[Task]
    settled: list[tuple[Task, TaskResult]]

    def statuses(self) -> Iterator[tuple[Task, str]]:
        """List all tasks with what awaits them, as a dry run says it."""
        for task in self.tasks:
            yield task, "planned"
        for task in self.kept:
            yield task, "done"
        for task, result in self.settled:
            yield task, result.status


def look_ahead(
    tasks: Iterable[Task],
    settings: BatchSettings,
    contents: JournalContents,
    on_existing: OnExisting,
) -> Outlook:
    """Part tasks by what the journal and the output folder say of them."""
    outlook = Outlook([], [], [])
    for task in tasks:
        there = {name: size for name in task.outputs if (size := _size(settings.out / name)) >= 0}
        if _stands(contents.results.get(task.bracket.name), task, there):
            outlook.kept.append(task)
            continue
        foreign = [name for name, size in there.items() if not _is_ours(name, size, contents)]
        if not foreign or on_existing == "overwrite":
            begun = bool(there or _wrote(task, contents))
            outlook.tasks.append(replace(task, replace=begun))
        else:
            error = _exists(foreign[0]) if on_existing == "fail" else None
            outlook.settled.append((task, conclude(task, error=error)))
    return outlook


def _size(path: Path) -> int:
    """Measure a file in bytes; −1 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _stands(result: dict[str, Any] | None, task: Task, there: Collection[str]) -> bool:
    """Tell whether an earlier result holds: of the same making, its outputs still there."""
    if result is None or result.get("status") != "done":
        return False
    return bool(result["fingerprint"] == task.fingerprint) and len(there) == len(task.outputs)


def _is_ours(name: str, size: int, contents: JournalContents) -> bool:
    """Tell whether an output was made by a batch here, and nobody has worked on it since."""
    return name in contents.claimed or contents.made.get(name) == size


def _wrote(task: Task, contents: JournalContents) -> bool:
    """Tell whether a task may have left files already, those whose names only its job knows too."""
    earlier = contents.results.get(task.bracket.name, {"outputs": ()})
    return bool(earlier["outputs"]) or not contents.claimed.isdisjoint(task.outputs)


def _exists(name: str) -> TaskFailure:
    message = f"{name} exists already; choose another folder, or add --on-existing skip"
    return TaskFailure("OutputExistsError", message, int(ExitCode.OUTPUT_EXISTS))


def preview(plan: Plan, settings: BatchSettings, *, on_existing: OnExisting = "fail") -> Outlook:
    """Look at what `run_batch` would find to do, and touch nothing."""
    there = (settings.out / journal.NAME).exists()
    contents = journal.read(settings.out, records=False) if there else JournalContents()
    return look_ahead(make_tasks(plan.brackets, settings), settings, contents, on_existing)


def run_batch(
    plan: Plan,
    settings: BatchSettings,
    runner: Runner,
    *,
    on_existing: OnExisting = "fail",
    prepare: Callable[[BatchSettings], BatchSettings] = lambda settings: settings,
    began: Callable[[Outlook], None] = lambda outlook: None,
    ended: Callable[[TaskResult], None] = lambda result: None,
) -> Summary:
    """Do what is left to do of a plan, and keep the journal in the output folder.

    Parameters
    ----------
    plan : Plan
    settings : BatchSettings
    runner : function
        Does tasks: `Local.run`, or another of the same kind.
    on_existing : {'skip', 'fail', 'overwrite'}
        What becomes of a bracket of which an output exists that no batch made here.
    prepare : function
        Given the settings once the folder is ours, before anything else; may add to them.
    began, ended : functions
        Told what there is to do, and of every result.

    Returns
    -------
    Summary

    Raises
    ------
    ExpInterpError
        If nothing can be done at all: the folder or the network cannot be used, or the folder
        holds results made with other options.
    """
    summary = Summary()
    with open_journal(settings.out) as book:
        _refuse_other_options(book.contents, settings, on_existing)
        settings = prepare(settings)
        tasks = make_tasks(plan.brackets, settings)
        outlook = look_ahead(tasks, settings, book.contents, on_existing)
        summary.kept = len(outlook.kept)
        _open_run(book, plan, settings, outlook)
        sweep_all(settings, tasks)
        began(outlook)
        try:
            for result in _results(outlook, settings, runner):
                book.add(result.as_json())
                summary.count(result)
                ended(result)
        finally:
            sweep_all(settings, tasks)
        try:
            book.flush()
        except OutputError as error:
            summary.unrecorded = str(error)
    return summary


def _results(outlook: Outlook, settings: BatchSettings, runner: Runner) -> Iterator[TaskResult]:
    for _, result in outlook.settled:
        yield result
    with closing(runner(outlook.tasks, settings)) as results:
        for result in results:
            if result.error and result.error.exit_code in FATAL:
                raise _fatal(result.error)
            yield result


def _fatal(error: TaskFailure) -> ExpInterpError:
    kinds = {kind.exit_code: kind for kind in (DeviceError, ModelError, MissingExtraError)}
    return kinds[ExitCode(error.exit_code)](error.message)


def _refuse_other_options(
    contents: JournalContents, settings: BatchSettings, on_existing: OnExisting
) -> None:
    """Refuse to mix results of several options in one folder, unless told what to do."""
    before, now = contents.header.get("options"), settings.options
    if on_existing != "fail" or before is None or before == now or not contents.results:
        return
    message = (
        f"{settings.out}: holds results made with other options ({', '.join(dict.fromkeys(_changes(before, now)))}"
        "); choose another folder, or add --on-existing skip to make them anew"
    )
    raise OutputExistsError(message)


def _changes(before: Any, now: Any, name: str = "") -> Iterator[str]:
    """Name the options that differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            yield from _changes(before.get(key), now.get(key), key)
    elif isinstance(before, dict) or isinstance(now, dict):
        yield f"made {'without' if before is None else 'with'} {name}"
    elif before != now:
        yield f"{name} was {'not stated' if before is None else before}, is {now}"


def _open_run(book: Journal, plan: Plan, settings: BatchSettings, outlook: Outlook) -> None:
    """Write what this run is about, before any work."""
    book.add(
        {
            "kind": "header",
            "schema_version": journal.SCHEMA_VERSION,
            "version": __version__,
            "started": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            "folder": str(settings.folder),
            "out": str(settings.out),
            "mode": settings.mode,
            "options": settings.options,
            "brackets": len(plan.brackets),
        },
        *(left.as_json() for left in plan.leftovers),
        *(_planned(task, claimed=True) for task in outlook.tasks),
        *(_planned(task, claimed=False) for task in outlook.kept),
        *(_planned(task, claimed=False) for task, _ in outlook.settled),
    )
    book.flush()


def _planned(task: Task, *, claimed: bool) -> dict[str, Any]:
    """Give a task as a line of the journal; claimed if its outputs may be written from now on."""
    return {
        "kind": "planned",
        "bracket": task.bracket.name,
        "outputs": task.outputs,
        "fingerprint": task.fingerprint,
        "claimed": claimed,
    }


def sweep_all(settings: BatchSettings, tasks: Iterable[Task]) -> None:
    """Remove what killed processes left half-written."""
    for folder in {name for task in tasks for name in task.folders}:
        sweep(settings.out / folder)

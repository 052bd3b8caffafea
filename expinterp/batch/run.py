"""Running a batch: choose what is left to do, do it, and keep the journal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from expinterp import __version__
from expinterp.batch import journal
from expinterp.batch.execute import FATAL, Runner, TaskFailure, TaskResult, make_result
from expinterp.batch.journal import Journal, JournalContents, open_journal
from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task, make_tasks
from expinterp.brackets import Plan
from expinterp.errors import ExitCode, ImageFileError, OutputError, OutputExistsError
from expinterp.files import sweep
from expinterp.images import read_photograph
from expinterp.images.search import find_pictures

OnExisting = Literal["skip", "fail", "overwrite"]


@dataclass
class Summary:
    """How a batch ended.

    Attributes
    ----------
    done, skipped, kept : int
        Brackets that were done now, whose outputs existed, and that were done before.
    warned : int
        Brackets that were done now with warnings.
    failures : list of TaskResult
    unrecorded : str or None
        Why the last results are missing in the journal, if they are.
    """

    done: int = 0
    skipped: int = 0
    kept: int = 0
    warned: int = 0
    failures: list[TaskResult] = field(default_factory=list)
    unrecorded: str | None = None

    def count(self, result: TaskResult) -> None:
        """Count a result."""
        match result.status:
            case "done":
                self.done += 1
                self.warned += bool(result.warnings)
            case "skipped":
                self.skipped += 1
            case "failed":
                self.failures.append(replace(result, records=[]))


@dataclass(frozen=True)
class Schedule:
    """What is left to do of a plan.

    Attributes
    ----------
    tasks : list of Task
        To be done.
    kept : list of Task
        Done before, from the same files with the same options.
    settled : list of (Task, TaskResult)
        Not to be done, since their outputs exist already.
    """

    tasks: list[Task]
    kept: list[Task]
    settled: list[tuple[Task, TaskResult]]

    def statuses(self) -> Iterator[tuple[Task, str]]:
        """List all tasks with their status, as a dry run shows it."""
        for task in self.tasks:
            yield task, "planned"
        for task in self.kept:
            yield task, "done"
        for task, result in self.settled:
            yield task, result.status


def schedule_tasks(
    tasks: Iterable[Task],
    settings: BatchSettings,
    contents: JournalContents,
    on_existing: OnExisting,
) -> Schedule:
    """Sort tasks by what the journal and the output folder hold of them."""
    schedule = Schedule([], [], [])
    for task in tasks:
        found = {name: size for name in task.outputs if (size := _size(settings.out / name)) >= 0}
        there = {
            name: size for name, size in found.items() if _is_whole(name, size, settings, contents)
        }
        if _is_valid(contents.results.get(task.bracket.name), task, there):
            schedule.kept.append(task)
            continue
        foreign = [name for name, size in there.items() if not _is_ours(name, size, contents)]
        if not foreign or on_existing == "overwrite":
            begun = bool(found or _wrote(task, contents))
            schedule.tasks.append(replace(task, replace=begun))
        else:
            error = _exists(foreign[0]) if on_existing == "fail" else None
            schedule.settled.append((task, make_result(task, error=error)))
    return schedule


def _size(path: Path) -> int:
    """Return the size of a file in bytes; −1 if there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _is_valid(result: dict[str, Any] | None, task: Task, there: Collection[str]) -> bool:
    """Return whether an earlier result is still valid: same fingerprint, all outputs there."""
    if result is None or result.get("status") != "done":
        return False
    return bool(result["fingerprint"] == task.fingerprint) and len(there) == len(task.outputs)


def _is_whole(name: str, size: int, settings: BatchSettings, contents: JournalContents) -> bool:
    """Return whether an output is as long as when it was made; else it must still be a picture.

    A full disk or a bad copy shortens files. One that can be read without a warning was edited.
    """
    made = contents.made.get(name, 0)
    if not size or not isinstance(made, int) or size >= made:
        return bool(size) or name not in contents.made
    try:
        return not read_photograph(settings.out / name).warnings
    except ImageFileError:
        return False


def _is_ours(name: str, size: int, contents: JournalContents) -> bool:
    """Return whether a batch wrote an output here, and nobody has changed its size since."""
    return name in contents.claimed or contents.made.get(name) == size


def _wrote(task: Task, contents: JournalContents) -> bool:
    """Return whether a task may have written files already, also some that are no outputs."""
    earlier = contents.results.get(task.bracket.name, {"outputs": ()})
    return bool(earlier["outputs"]) or not contents.claimed.isdisjoint(task.outputs)


def _exists(name: str) -> TaskFailure:
    message = f"{name} exists already; choose another folder, or add --on-existing skip"
    return TaskFailure("OutputExistsError", message, int(ExitCode.OUTPUT_EXISTS))


def hidden_picture(folder: Path, out: Path) -> str | None:
    """Return a picture below `folder` that is not searched, as results go beside it; None without.

    Once the journal of a batch is there, the pictures beside it are results.
    """
    within = out.is_dir() and folder.resolve() in out.resolve().parents
    if not within or (out / journal.NAME).exists():
        return None
    return next((found.path for found in find_pictures(out)), None)


def preview(plan: Plan, settings: BatchSettings, *, on_existing: OnExisting = "fail") -> Schedule:
    """Return what `run_batch` would do, without writing anything."""
    there = (settings.out / journal.NAME).exists()
    contents = journal.read(settings.out, records=False) if there else JournalContents()
    return schedule_tasks(make_tasks(plan.brackets, settings), settings, contents, on_existing)


def run_batch(
    plan: Plan,
    settings: BatchSettings,
    runner: Runner,
    *,
    on_existing: OnExisting = "fail",
    prepare: Callable[[BatchSettings], BatchSettings] = lambda settings: settings,
    began: Callable[[Schedule], None] = lambda schedule: None,
    ended: Callable[[TaskResult], None] = lambda result: None,
) -> Summary:
    """Run what is left to do of a plan, and keep the journal in the output folder.

    Parameters
    ----------
    plan : Plan
    settings : BatchSettings
    runner : function
        Runs tasks: `Local.run` or `Cluster.run`.
    on_existing : {'skip', 'fail', 'overwrite'}
        What happens to a bracket if one of its outputs exists and no batch wrote it.
    prepare : function
        Called with the settings when the folder is locked, before anything else; returns them,
        changed or not.
    began, ended : functions
        Called with what there is to do, and with each result.

    Returns
    -------
    Summary

    Raises
    ------
    ExpInterpError
        If no task can be run: the folder or the network cannot be used, or the folder holds
        results made with other options.
    """
    summary = Summary()
    with open_journal(settings.out) as book:
        _refuse_other_options(book.contents, settings, on_existing)
        settings = prepare(settings)
        tasks = make_tasks(plan.brackets, settings)
        schedule = schedule_tasks(tasks, settings, book.contents, on_existing)
        summary.kept = len(schedule.kept)
        _open_run(book, plan, settings, schedule)
        sweep_all(settings, tasks)
        began(schedule)
        try:
            for result in _results(schedule, settings, runner):
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


def _results(schedule: Schedule, settings: BatchSettings, runner: Runner) -> Iterator[TaskResult]:
    for _, result in schedule.settled:
        yield result
    with closing(runner(schedule.tasks, settings)) as results:
        for result in results:
            if result.error and result.error.type in FATAL:
                raise FATAL[result.error.type](result.error.message)
            yield result


def _refuse_other_options(
    contents: JournalContents, settings: BatchSettings, on_existing: OnExisting
) -> None:
    """Refuse to mix results of different options in one folder, unless told what to do."""
    before, now = contents.header.get("options"), settings.options
    if on_existing != "fail" or before is None or before == now or not contents.results:
        return
    message = (
        f"{settings.out}: holds results made with other options ({', '.join(dict.fromkeys(_changes(before, now)))}"
        "); choose another folder, or add --on-existing skip to compute them again"
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


def _open_run(book: Journal, plan: Plan, settings: BatchSettings, schedule: Schedule) -> None:
    """Write header, leftovers and planned tasks, before any work."""
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
        *(_planned(task, claimed=True) for task in schedule.tasks),
        *(_planned(task, claimed=False) for task in schedule.kept),
        *(_planned(task, claimed=False) for task, _ in schedule.settled),
    )
    book.flush()


def _planned(task: Task, *, claimed: bool) -> dict[str, Any]:
    """Return the line of a planned task; it is claimed if its outputs may be written from now on."""
    return {
        "kind": "planned",
        "bracket": task.bracket.name,
        "outputs": task.outputs,
        "fingerprint": task.fingerprint,
        "claimed": claimed,
    }


def sweep_all(settings: BatchSettings, tasks: Iterable[Task]) -> None:
    """Remove temporary files that killed processes left."""
    for folder in {name for task in tasks for name in task.folders}:
        sweep(settings.out / folder)

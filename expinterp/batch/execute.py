"""Doing one task, in whatever process or on whatever machine; what comes of it is a value."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from expinterp import scene_io
from expinterp.batch.outputs import FileState, check_times, find_files, folders_of, jobs_of
from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task
from expinterp.errors import ExitCode, ExpInterpError, OutputError, in_words, one_line, reason
from expinterp.refine import Device, Refiner, open_refiner

Runner: TypeAlias = "Callable[[Sequence[Task], BatchSettings], Generator[TaskResult, None, None]]"
FATAL = {ExitCode.DEVICE, ExitCode.MODEL, ExitCode.MISSING_EXTRA}  # would befall every task


@dataclass(frozen=True)
class TaskFailure:
    """Why a task failed.

    Attributes
    ----------
    type : str
        Name of the exception.
    message : str
        One line.
    exit_code : int
    """

    type: str
    message: str
    exit_code: int


@dataclass(frozen=True)
class TaskResult:
    """What came of a task; `as_json` is its line in the journal.

    Attributes
    ----------
    bracket : str
    status : {'done', 'failed', 'skipped'}
    frames : tuple of str
    outputs : tuple of str
        Those that were written, by a task that failed too.
    bytes : tuple of int
        Their sizes.
    fingerprint : str
    reports : list of dict
        Of its jobs, as far as they came.
    error : TaskFailure or None
    seconds : float
        Spent on it.
    finished : str
        When, ISO 8601 with zone.
    """

    bracket: str
    status: Literal["done", "failed", "skipped"]
    frames: tuple[str, ...]
    outputs: tuple[str, ...]
    bytes: tuple[int, ...]
    fingerprint: str
    reports: list[dict[str, Any]]
    error: TaskFailure | None
    seconds: float
    finished: str

    @property
    def warnings(self) -> list[str]:
        """What a person should know of it."""
        return list(dict.fromkeys(text for report in self.reports for text in report["warnings"]))

    def as_json(self) -> dict[str, Any]:
        """Give the result as a line of the journal."""
        return {"kind": "result", **asdict(self)}


def perform(task: Task, settings: BatchSettings) -> TaskResult:
    """Do a task, come what may."""
    started = time.perf_counter()
    reports: list[dict[str, Any]] = []
    before = find_files(task.bracket, settings, mark=task.mark)
    error = None
    try:
        check_times(task.bracket, settings)
        _make_folders(task, settings)
        for wanted in jobs_of(task.bracket, settings, mark=task.mark, overwrite=task.replace):
            report = scene_io.run(wanted, opener=keep_open)
            reports.append(report.as_json())
        written = {name: (settings.out / name).stat().st_size for name in task.outputs}
    except Exception as caught:  # noqa: BLE001 - the one place that isolates an item of a batch
        error = explain(caught)
        written = find_written(task, settings, before)
    seconds = time.perf_counter() - started
    return conclude(task, error=error, written=written, reports=reports, seconds=seconds)


def find_written(
    task: Task, settings: BatchSettings, before: Mapping[str, FileState] = MappingProxyType({})
) -> dict[str, int]:
    """Measure the files of a task that are new, or others than before."""
    now = find_files(task.bracket, settings, mark=task.mark)
    return {name: state[0] for name, state in now.items() if state != before.get(name)}


def conclude(
    task: Task,
    *,
    error: TaskFailure | None = None,
    written: Mapping[str, int] = MappingProxyType({}),
    reports: list[dict[str, Any]] | None = None,
    seconds: float = 0.0,
) -> TaskResult:
    """Make the result of a task: failed if there is an error, done if files, else skipped."""
    return TaskResult(
        bracket=task.bracket.name,
        status="failed" if error else "done" if written else "skipped",
        frames=task.bracket.frames,
        outputs=tuple(written),
        bytes=tuple(written.values()),
        fingerprint=task.fingerprint,
        reports=reports or [],
        error=error,
        seconds=round(seconds, 3),
        finished=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
    )


def explain(error: Exception) -> TaskFailure:
    """Put an exception into one line, as the command line would."""
    code, message = ExitCode.UNEXPECTED, in_words(error)
    match error:
        case ExpInterpError():
            code = error.exit_code
        case scene_io.TargetError():
            code, message = ExitCode.USAGE, str(error)
        case ImportError():
            code, message = ExitCode.MISSING_EXTRA, str(error)
        case MemoryError():
            message = "not enough memory for images of this size; lower --jobs"
    return TaskFailure(type(error).__name__, one_line(message), int(code))


def _make_folders(task: Task, settings: BatchSettings) -> None:
    try:
        for name in folders_of(task.bracket, settings, mark=task.mark):
            (settings.out / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{error.filename}: cannot be made ({reason(error)}); choose another folder"
        raise OutputError(message) from error


@lru_cache(maxsize=1)
def keep_open(model: Path | None, *, device: Device, threads: int | None) -> Refiner:
    """Open the network once for all jobs of this process."""
    return open_refiner(model, device=device, threads=threads)

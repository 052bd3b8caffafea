"""Running one task in any process, on any machine; its result is a value, exceptions too."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from expinterp import scene_io
from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task, relative
from expinterp.brackets import Bracket
from expinterp.errors import (
    DeviceError,
    ExitCode,
    ExpInterpError,
    MissingExtraError,
    ModelError,
    PairError,
    in_words,
    is_too_large,
    one_line,
)
from expinterp.files import make_folder
from expinterp.refine import Device, Refiner, open_refiner

FileState: TypeAlias = tuple[int, int, int]  # size, time of change, inode number
Runner: TypeAlias = "Callable[[Sequence[Task], BatchSettings], Generator[TaskResult, None, None]]"
# Errors that would happen to every task, by name; a `ResidualError` depends on the photographs.
FATAL = {kind.__name__: kind for kind in (DeviceError, ModelError, MissingExtraError)}


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
    """How a task ended; `as_json` is its line in the journal.

    Attributes
    ----------
    bracket : str
    status : {'done', 'failed', 'skipped'}
    frames : tuple of str
    outputs : tuple of str
        Those that were written, also by a task that failed.
    bytes : tuple of int
        Their sizes.
    fingerprint : str
    records : list of dict
        A `JobRecord` of each job that ended, as JSON values; its ``ghosts`` have the ``mask`` too.
    error : TaskFailure or None
    seconds : float
        Time that the task took.
    finished : str
        Time of its end, ISO 8601 with zone.
    """

    bracket: str
    status: Literal["done", "failed", "skipped"]
    frames: tuple[str, ...]
    outputs: tuple[str, ...]
    bytes: tuple[int, ...]
    fingerprint: str
    records: list[dict[str, Any]]
    error: TaskFailure | None
    seconds: float
    finished: str

    @property
    def warnings(self) -> list[str]:
        """The warnings of all jobs."""
        return list(dict.fromkeys(text for record in self.records for text in record["warnings"]))

    def as_json(self) -> dict[str, Any]:
        """Return the result as a line of the journal, where the records are called reports."""
        values = {"reports" if key == "records" else key: v for key, v in asdict(self).items()}
        return {"kind": "result", **values}


def perform(task: Task, settings: BatchSettings) -> TaskResult:
    """Run a task; an exception becomes its result."""
    started = time.perf_counter()
    records: list[dict[str, Any]] = []
    before = _find_files(task, settings)
    error = None
    try:
        _check_times(task.bracket, settings)
        for name in task.folders:
            make_folder(settings.out / name)
        for job in task.jobs:
            record = scene_io.run(_prepare(job, task, settings), opener=keep_open)
            records.append(_as_json(record))
        written = {name: (settings.out / name).stat().st_size for name in task.outputs}
    except Exception as caught:  # noqa: BLE001 - the one place that isolates an item of a batch
        error = explain(caught)
        written = find_written(task, settings, before)
    seconds = time.perf_counter() - started
    return make_result(task, error=error, written=written, records=records, seconds=seconds)


def _as_json(record: scene_io.JobRecord) -> dict[str, Any]:
    """Return a record as JSON values, with the mask that a report shows."""
    values = record.as_json()
    if values["ghosts"] and record.mask:
        values["ghosts"]["mask"] = record.mask
    return values


def _check_times(bracket: Bracket, settings: BatchSettings) -> None:
    """Refuse exposure times that are not as many as the bracket has frames."""
    times, frames = settings.times, bracket.frames
    if times and len(times) != len(frames):
        message = f"{len(times)} times are given, the bracket has {len(frames)} frames"
        raise PairError(message)


def _prepare(job: scene_io.Job, task: Task, settings: BatchSettings) -> scene_io.Job:
    """Set the options of a job that depend on the run."""
    writing = replace(job.options.writing, overwrite=task.replace)
    options: Any = replace(job.options, writing=writing, threads=settings.threads)
    return replace(job, options=options)


def find_written(
    task: Task, settings: BatchSettings, before: Mapping[str, FileState] = MappingProxyType({})
) -> dict[str, int]:
    """Return the sizes of a task's files that are new or have changed since before."""
    now = _find_files(task, settings)
    return {name: state[0] for name, state in now.items() if state != before.get(name)}


def _find_files(task: Task, settings: BatchSettings) -> dict[str, FileState]:
    """Find the files that have names of a task, those in folders of its own too."""
    found = {}
    for path in _paths(task):
        with suppress(OSError):
            facts = path.stat()
            state = (facts.st_size, facts.st_mtime_ns, facts.st_ino)
            found[relative(path, settings.out)] = state
    return found


def _paths(task: Task) -> Iterator[Path]:
    for job in task.jobs:
        yield from map(Path, job.files)
        if isinstance(job, scene_io.FusionJob):
            for folder, kind in job.folders:
                with suppress(OSError):  # a folder that cannot be read: the job will report it
                    yield from job.saved(folder, kind)


def make_result(
    task: Task,
    *,
    error: TaskFailure | None = None,
    written: Mapping[str, int] = MappingProxyType({}),
    records: list[dict[str, Any]] | None = None,
    seconds: float = 0.0,
) -> TaskResult:
    """Build the result of a task: failed if there is an error, done if files, else skipped."""
    return TaskResult(
        bracket=task.bracket.name,
        status="failed" if error else "done" if written else "skipped",
        frames=task.bracket.frames,
        outputs=tuple(written),
        bytes=tuple(written.values()),
        fingerprint=task.fingerprint,
        records=records or [],
        error=error,
        seconds=round(seconds, 3),
        finished=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
    )


def explain(error: Exception) -> TaskFailure:
    """Describe an exception in one line, as the command line does."""
    code, message = ExitCode.UNEXPECTED, in_words(error)
    match error:
        case ExpInterpError():
            code = error.exit_code
        case scene_io.TargetError():
            code, message = ExitCode.USAGE, str(error)
        case ImportError():
            code, message = ExitCode.MISSING_EXTRA, str(error)
        case _ if is_too_large(error):
            code = ExitCode.IMAGE_FILE
            message = message.replace("close other programs", "lower --jobs")
    return TaskFailure(type(error).__name__, one_line(message), int(code))


@lru_cache(maxsize=1)
def keep_open(model: Path | None, *, device: Device, threads: int | None) -> Refiner:
    """Open the network once for all jobs of this process."""
    return open_refiner(model, device=device, threads=threads)

"""Tasks: a bracket, what to make of it, and what its outputs are called. Pure but for `os.stat`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

from expinterp.batch.naming import TEMPLATE, identity, stem_from, tell_apart
from expinterp.brackets import Bracket
from expinterp.errors import OutputExistsError, PairError
from expinterp.images import FORMATS
from expinterp.job import Job, Kind
from expinterp.job.plan import ladder_name

Mode: TypeAlias = Literal["interpolate", "fuse", "both"]
WORDS: dict[Kind, str] = {"medium": "mid", "intermediate": "intermediate", "residual": "residual"}
IRRELEVANT = {"long", "short", "outputs", "threads", "device", "overwrite"}  # to what outputs hold


@dataclass(frozen=True)
class Settings:
    """What to make of every bracket, and where.

    Attributes
    ----------
    folder, out : Path
        Absolute; frames are relative to the one, outputs to the other.
    interpolation : Job or None
        The options of every pair; its files are filled in.
    kinds : tuple of Kind
        Which images of an interpolation are written.
    template : str
        Of the names of outputs, see `naming`.
    format : str or None
        A key of `FORMATS`; None for that of the brightest frame.
    shared : bool
        Whether brackets of one camera share a response.
    profiles : mapping of str to Path
        The response of each camera, by `camera_key`, where it is shared.
    """

    folder: Path
    out: Path
    interpolation: Job | None = None
    kinds: tuple[Kind, ...] = ("medium",)
    template: str = TEMPLATE
    format: str | None = None
    shared: bool = False
    profiles: Mapping[str, Path] = field(default_factory=dict)

    def with_threads(self, threads: int) -> Settings:
        """Say how wide each task works; what comes out does not depend on it."""
        job = self.interpolation and replace(self.interpolation, threads=threads)
        return replace(self, interpolation=job)

    @property
    def mode(self) -> Mode:
        """What is made of a bracket, in one word."""
        return "interpolate"

    @cached_property
    def options(self) -> dict[str, Any]:
        """What decides what outputs hold, besides the photographs, as plain values."""
        job = self.interpolation
        return {
            "interpolation": None if job is None else _plain(asdict(job)),
            "kinds": list(self.kinds),
            "template": self.template,
            "format": self.format,
            "share_response": self.shared,
        }


def _plain(value: Any) -> Any:
    """Turn options into JSON values; a file counts by what it holds."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items() if key not in IRRELEVANT}
    if isinstance(value, Path):
        return {"file": str(value), "sha256": _digest(value)}
    return list(value) if isinstance(value, tuple) else value


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:  # who needs the file will say so
        return None


@dataclass(frozen=True)
class Task:
    """One bracket and the names of what is made of it.

    Attributes
    ----------
    bracket : Bracket
    mark : str
        What keeps its outputs' names apart from like ones; mostly empty.
    outputs : tuple of str
        Relative to `Settings.out`, '/' between.
    fingerprint : str
        Of all that decides what the outputs hold.
    replace : bool
        Whether outputs that exist may be replaced.
    """

    bracket: Bracket
    mark: str
    outputs: tuple[str, ...]
    fingerprint: str
    replace: bool = False


def camera_key(bracket: Bracket) -> str:
    """Name what brackets must have in common to share a response: camera and kind of file."""
    suffix = PurePosixPath(bracket.frames[0]).suffix
    return f"{bracket.camera or 'unknown camera'} {suffix.lstrip('.')}".lower()


def make_tasks(brackets: Sequence[Bracket], settings: Settings) -> list[Task]:
    """Turn brackets into tasks with names that no two of them share.

    Raises
    ------
    OutputExistsError
        If an output would be one of the photographs.
    """
    names = [_outputs(bracket, "", settings) for bracket in brackets]
    marks = tell_apart(names, ["\n".join(bracket.frames) for bracket in brackets])
    profiles = {key: _digest(path) for key, path in settings.profiles.items()}
    tasks = []
    for bracket, plain, mark in zip(brackets, names, marks, strict=True):
        outputs = _outputs(bracket, mark, settings) if mark else plain
        making = [settings.options, profiles.get(camera_key(bracket)), outputs]
        tasks.append(Task(bracket, mark, outputs, _fingerprint(bracket, making, settings)))
    _refuse_inputs(tasks, settings)
    return tasks


def jobs_of(task: Task, settings: Settings) -> Iterator[Job]:
    """List the jobs of a task, in the order of its outputs."""
    bracket, job = task.bracket, settings.interpolation
    if job is None:
        return
    times = _times(bracket, job.times)
    for (long, short), number in _pairs(bracket.frames):
        outputs = {
            kind: str(settings.out / _name(bracket, WORDS[kind], task.mark, number, settings))
            for kind in settings.kinds
        }
        yield replace(
            job,
            long=str(settings.folder / long),
            short=str(settings.folder / short),
            outputs=outputs,
            times=times.get((long, short)),
            response=settings.profiles.get(camera_key(bracket), job.response),
            writing=replace(job.writing, overwrite=task.replace),
        )


def _pairs(frames: Sequence[str]) -> list[tuple[tuple[str, str], str]]:
    """Pair neighbouring frames (long, short), numbered from dark to bright if there are several."""
    pairs = list(pairwise(frames))[::-1]
    several = len(pairs) > 1
    return [(pair, f"_{number}" if several else "") for number, pair in enumerate(pairs, start=1)]


def _times(
    bracket: Bracket, times: Sequence[float] | None
) -> dict[tuple[str, str], tuple[float, float]]:
    """Share out given exposure times to the pairs of a bracket.

    Raises
    ------
    PairError
        If there are not as many as frames.
    """
    if times is None:
        return {}
    if len(times) != len(bracket.frames):
        message = f"{len(times)} times are given, the bracket has {len(bracket.frames)} frames"
        raise PairError(message)
    return dict(zip(pairwise(bracket.frames), pairwise(times), strict=True))


def _outputs(bracket: Bracket, mark: str, settings: Settings) -> tuple[str, ...]:
    """Name all files that a bracket gives."""
    job, names = settings.interpolation, []
    for _, number in _pairs(bracket.frames) if job else ():
        for kind in settings.kinds:
            name = _name(bracket, WORDS[kind], mark, number, settings)
            count = job.target.count if job else None
            names += [ladder_name(name, step, count) for step in range(count or 1)]
    return tuple(names)


def _name(bracket: Bracket, word: str, mark: str, number: str, settings: Settings) -> str:
    long, short = (PurePosixPath(bracket.frames[end]) for end in (0, -1))
    fields = {"bracket": bracket.name, "kind": word, "long": long.stem, "short": short.stem}
    stem = stem_from(settings.template, fields)
    return f"{stem}{mark}{number}{_suffix(long, settings.format)}"


def _suffix(frame: PurePosixPath, wanted: str | None) -> str:
    """Choose the suffix of an output: that of the format wanted, or of the photograph."""
    if wanted:
        return FORMATS[wanted].suffixes[0]
    suffix = frame.suffix.lower()
    known = (form.suffixes[0] for form in FORMATS.values() if suffix in form.suffixes)
    return next(known, ".png")


def _fingerprint(bracket: Bracket, making: list[Any], settings: Settings) -> str:
    """Digest all that decides what outputs hold; photographs count by size and time of change."""
    frames = [(path, *_state(settings.folder / path)) for path in bracket.frames]
    text = json.dumps([making, frames], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _state(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except (OSError, ValueError):  # the job will say so
        return (-1, -1)
    return facts.st_size, facts.st_mtime_ns


def _refuse_inputs(tasks: Sequence[Task], settings: Settings) -> None:
    """Refuse outputs that would take the place of a photograph, their own bracket's or not."""
    folder, out = (os.path.realpath(path) for path in (settings.folder, settings.out))
    frames = {
        identity(f"{folder}/{frame}"): frame for task in tasks for frame in task.bracket.frames
    }
    for task in tasks:
        for name in task.outputs:
            frame = frames.get(identity(f"{out}/{name}"))
            if frame is not None:
                message = f"{name}: would take the place of the photograph {frame}; rename outputs"
                raise OutputExistsError(message)

"""Tasks: each bracket with its jobs, their files, and a fingerprint of all that decides them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

from expinterp.batch.naming import identity, stem_from, tell_apart
from expinterp.batch.settings import BatchSettings, camera_key, digest
from expinterp.brackets import Bracket
from expinterp.errors import OutputExistsError
from expinterp.images import OUTPUTS
from expinterp.images.formats import named_format
from expinterp.library import open_library
from expinterp.scene_io import FusionJob, FusionOptions, InterpolationJob, InterpolationOptions, Job
from expinterp.text import natural_key

WORDS = {"medium": "mid"}  # kinds of outputs with another word in file names

# Suffixes of results where the photographs are of a format that is not written, else PNG. Cameras
# name HEIC of 10 bits .hif.
INSTEAD = {"raw": ".tif", "exr": ".tif", "hdr": ".tif", "pfm": ".tif", "heif": ".jpg"}


@dataclass(frozen=True)
class Task:
    """A bracket and its jobs.

    Attributes
    ----------
    bracket : Bracket
    jobs : tuple of Job
        An interpolation of each two adjacent exposures, from dark to bright, then the fusion.
    outputs : tuple of str
        The files that are written in any case, relative to `BatchSettings.out`, '/' between.
    folders : tuple of str
        The folders of all files that may be written, relative as well.
    fingerprint : str
        Digest of all that decides what the outputs hold.
    replace : bool
        Whether outputs that exist may be replaced.
    """

    bracket: Bracket
    jobs: tuple[Job, ...]
    outputs: tuple[str, ...]
    folders: tuple[str, ...]
    fingerprint: str
    replace: bool = False


def make_tasks(brackets: Sequence[Bracket], settings: BatchSettings) -> list[Task]:
    """Turn brackets into tasks with names that no two of them share.

    Raises
    ------
    OutputExistsError
        If an output would be one of the photographs.
    """
    jobs_of_all = [tuple(_make_jobs(bracket, settings)) for bracket in brackets]
    marks = tell_apart(
        [[*_outputs(jobs, settings), *_own_folders(jobs, settings)] for jobs in jobs_of_all],
        ["\n".join(bracket.frames) for bracket in brackets],
    )
    profiles = {key: digest(path) for key, path in settings.profiles.items()}
    own = _digest_cameras({bracket.camera for bracket in brackets}, settings)
    tasks = []
    for bracket, plain, mark in zip(brackets, jobs_of_all, marks, strict=True):
        jobs = tuple(_make_jobs(bracket, settings, mark)) if mark else plain
        outputs = _outputs(jobs, settings)
        response = profiles.get(camera_key(bracket)), own[bracket.camera]
        making = [settings.options, *response, outputs]
        folders = (*_parents(outputs), *_own_folders(jobs, settings))
        fingerprint = _fingerprint(bracket, making, settings)
        tasks.append(Task(bracket, jobs, outputs, folders, fingerprint))
    _refuse_inputs(tasks, settings)
    return tasks


def _digest_cameras(
    stated: Iterable[str | None], settings: BatchSettings
) -> dict[str | None, str | None]:
    """Digest the user's own curves of each camera that brackets state; None if none are used."""
    library = open_library()
    chosen = {name: library.choose([name], named=settings.camera) for name in stated}
    used = settings.library is not None
    return {name: library.digest(own) if own and used else None for name, own in chosen.items()}


def _make_jobs(bracket: Bracket, settings: BatchSettings, mark: str = "") -> Iterator[Job]:
    """Build the jobs of a bracket; the mark is added to the names of their files."""
    if settings.interpolation:
        yield from _interpolations(bracket, settings, settings.interpolation, mark)
    if settings.fusion:
        yield _fusion(bracket, settings, settings.fusion, mark)


def _interpolations(
    bracket: Bracket, settings: BatchSettings, options: InterpolationOptions, mark: str
) -> Iterator[InterpolationJob]:
    """Pair adjacent exposures; names are numbered if there are several pairs."""
    frames = _paths(bracket, settings)
    pairs = list(enumerate(pairwise(frames)))[::-1]
    response = settings.profiles.get(camera_key(bracket))
    raw = named_format(frames[0]) == "raw" and len(frames) > 2
    reference = min(frames, key=natural_key) if raw else None  # all pairs get one white balance
    for number, (place, (long, short)) in enumerate(pairs, start=1):
        end = mark + (f"_{number}" if len(pairs) > 1 else "")
        outputs = {kind: _file(bracket, settings, kind, end) for kind in settings.kinds}
        times = options.times and options.times[place : place + 2]
        yield InterpolationJob(long, short, outputs, _adapt(options, times, response, reference))


def _fusion(
    bracket: Bracket, settings: BatchSettings, options: FusionOptions, mark: str
) -> FusionJob:
    def folder(word: str) -> Path:
        return Path(_stem(bracket, settings, word, mark))

    def file(kind: str) -> str:
        return _file(bracket, settings, kind, mark)

    response = settings.profiles.get(camera_key(bracket))
    return FusionJob(
        tuple(_paths(bracket, settings)),
        file("fused"),
        _adapt(options, options.times, response),
        save_virtual=folder("virtual") if settings.save_virtual else None,
        save_masks=folder("masks") if settings.save_masks else None,
        save_ghosts=file("fused-ghosts") if "ghosts" in settings.kinds else None,
    )


@lru_cache(maxsize=1024)
def _adapt(
    options: Any,
    times: tuple[float, ...] | None,
    response: Path | None,
    reference: str | None = None,
) -> Any:
    """Return the options of a job; equal ones share one object, since there may be 100,000."""
    development = replace(options.development, balanced_by=reference)
    return replace(
        options, times=times, response=response or options.response, development=development
    )


def _paths(bracket: Bracket, settings: BatchSettings) -> list[str]:
    return [str(settings.folder / frame) for frame in bracket.frames]


def _file(bracket: Bracket, settings: BatchSettings, kind: str, end: str) -> str:
    suffix = _suffix(bracket.frames, settings.format)
    return f"{_stem(bracket, settings, WORDS.get(kind, kind), end)}{suffix}"


def _stem(bracket: Bracket, settings: BatchSettings, word: str, end: str) -> str:
    long, short = (PurePosixPath(bracket.frames[place]).stem for place in (0, -1))
    fields = {"bracket": bracket.name, "kind": word, "long": long, "short": short}
    return f"{settings.out / stem_from(settings.template, fields)}{end}"


def _suffix(frames: Sequence[str], wanted: str | None) -> str:
    """Choose the suffix of an output: that of the format wanted, or of the brightest photograph."""
    if wanted:
        return OUTPUTS[wanted].suffixes[0]
    form = named_format(frames[0])
    if frames[0].lower().endswith(".hif"):
        return ".tif"
    return INSTEAD.get(form or "", OUTPUTS[form].suffixes[0] if form in OUTPUTS else ".png")


def relative(path: str | Path, out: Path) -> str:
    """Return the part of a path below the output folder; pathlib would need 15 times as long."""
    return str(path).removeprefix(str(out)).lstrip(os.sep).replace(os.sep, "/")


def _outputs(jobs: Sequence[Job], settings: BatchSettings) -> tuple[str, ...]:
    return tuple(relative(file, settings.out) for job in jobs for file in job.files)


def _parents(names: Sequence[str]) -> set[str]:
    return {name.rpartition("/")[0] for name in names}


def _own_folders(jobs: Sequence[Job], settings: BatchSettings) -> set[str]:
    """List the folders that only one bracket writes to."""
    fusions = [job for job in jobs if isinstance(job, FusionJob)]
    own = {relative(folder, settings.out) for job in fusions for folder, _ in job.folders}
    return own - _parents(_outputs(jobs, settings)) if own else own


def _fingerprint(bracket: Bracket, making: list[Any], settings: BatchSettings) -> str:
    """Digest all that decides what outputs hold; photographs count by size and time of change."""
    frames = [(path, *_state(settings.folder / path)) for path in bracket.frames]
    text = json.dumps([making, frames], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _state(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except (OSError, ValueError):  # the job will report it
        return (-1, -1)
    return facts.st_size, facts.st_mtime_ns


def _refuse_inputs(tasks: Sequence[Task], settings: BatchSettings) -> None:
    """Refuse outputs that would replace a photograph of any bracket."""
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

"""What a bracket becomes: its jobs, and the names of their files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from expinterp.batch.naming import stem_from
from expinterp.batch.settings import BatchSettings, camera_key
from expinterp.brackets import Bracket
from expinterp.errors import PairError
from expinterp.images import FORMATS
from expinterp.scene_io import FuseJob, Job

FileState: TypeAlias = tuple[int, int, int]  # size, time of change, number
WORDS = {"medium": "mid"}  # what kinds of outputs are called in names; the others as they are


def jobs_of(
    bracket: Bracket, settings: BatchSettings, *, mark: str = "", overwrite: bool = False
) -> Iterator[Job | FuseJob]:
    """List the jobs of a bracket: its pairs of neighbours from dark to bright, then fusing.

    Parameters
    ----------
    bracket : Bracket
    settings : BatchSettings
    mark : str
        Added to its names, to keep them apart from like ones.
    overwrite : bool
        Whether files that exist may be replaced.
    """
    if settings.interpolation:
        yield from _interpolations(bracket, settings, settings.interpolation, mark, overwrite)
    if settings.fusion:
        yield _fusion(bracket, settings, settings.fusion, mark, overwrite)


def check_times(bracket: Bracket, settings: BatchSettings) -> None:
    """Refuse exposure times that are not as many as the bracket has frames.

    Raises
    ------
    PairError
    """
    job = settings.interpolation or settings.fusion
    if job and job.times and len(job.times) != len(bracket.frames):
        message = f"{len(job.times)} times are given, the bracket has {len(bracket.frames)} frames"
        raise PairError(message)


def files_of(bracket: Bracket, settings: BatchSettings, *, mark: str = "") -> tuple[str, ...]:
    """Name the files that a bracket surely gives, relative to `BatchSettings.out`, '/' between."""
    jobs = jobs_of(bracket, settings, mark=mark)
    return tuple(_relative(name, settings) for job in jobs for name in job.names)


def folders_of(bracket: Bracket, settings: BatchSettings, *, mark: str = "") -> set[str]:
    """Name the folders that files of a bracket go to, relative to `BatchSettings.out`."""
    found = {name.rpartition("/")[0] for name in files_of(bracket, settings, mark=mark)}
    for job in jobs_of(bracket, settings, mark=mark):
        if isinstance(job, FuseJob):
            own = (job.save_virtual, job.save_masks)
            found |= {_relative(str(folder), settings) for folder in own if folder}
    return found


def find_files(
    bracket: Bracket, settings: BatchSettings, *, mark: str = ""
) -> dict[str, FileState]:
    """Find the files that lie under the names of a bracket, those in folders of its own too."""
    found = {}
    for path in _paths(bracket, settings, mark):
        with suppress(OSError):
            facts = path.stat()
            state = (facts.st_size, facts.st_mtime_ns, facts.st_ino)
            found[_relative(str(path), settings)] = state
    return found


def _paths(bracket: Bracket, settings: BatchSettings, mark: str) -> Iterator[Path]:
    for job in jobs_of(bracket, settings, mark=mark):
        yield from map(Path, job.names)
        if isinstance(job, FuseJob):
            for folder, kind in ((job.save_virtual, "virtual"), (job.save_masks, "mask")):
                with suppress(OSError):  # a folder that cannot be read, as its job will say
                    yield from job.saved(folder, kind) if folder else ()


def _relative(name: str, settings: BatchSettings) -> str:
    """Take the part of a path below the output folder; pathlib would need 15 times as long."""
    return name.removeprefix(str(settings.out)).lstrip(os.sep).replace(os.sep, "/")


def _interpolations(
    bracket: Bracket, settings: BatchSettings, job: Job, mark: str, overwrite: bool
) -> Iterator[Job]:
    """Pair the neighbours; names are numbered if there are several pairs."""
    pairs = list(pairwise(range(len(bracket.frames))))[::-1]
    for number, (long, short) in enumerate(pairs, start=1):
        end = mark + (f"_{number}" if len(pairs) > 1 else "")
        yield replace(
            job,
            long=str(settings.folder / bracket.frames[long]),
            short=str(settings.folder / bracket.frames[short]),
            outputs={kind: _file(bracket, settings, kind, end) for kind in settings.kinds},
            times=job.times and job.times[long : short + 1],
            response=settings.profiles.get(camera_key(bracket), job.response),
            writing=replace(job.writing, overwrite=overwrite),
        )


def _fusion(
    bracket: Bracket, settings: BatchSettings, job: FuseJob, mark: str, overwrite: bool
) -> FuseJob:
    return replace(
        job,
        images=tuple(str(settings.folder / frame) for frame in bracket.frames),
        output=_file(bracket, settings, "fused", mark),
        save_virtual=job.save_virtual and Path(_stem(bracket, settings, "virtual", mark)),
        save_masks=job.save_masks and Path(_stem(bracket, settings, "masks", mark)),
        response=settings.profiles.get(camera_key(bracket), job.response),
        writing=replace(job.writing, overwrite=overwrite),
    )


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
        return FORMATS[wanted].suffixes[0]
    suffix = PurePosixPath(frames[0]).suffix.lower()
    known = (form.suffixes[0] for form in FORMATS.values() if suffix in form.suffixes)
    return next(known, ".png")

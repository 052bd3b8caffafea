"""Tasks: a bracket, what its outputs are called, and a fingerprint of all that decides them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expinterp.batch.naming import identity, tell_apart
from expinterp.batch.outputs import files_of, folders_of
from expinterp.batch.settings import BatchSettings, camera_key, digest
from expinterp.brackets import Bracket
from expinterp.errors import OutputExistsError


@dataclass(frozen=True)
class Task:
    """One bracket and the names of what is made of it.

    Attributes
    ----------
    bracket : Bracket
    mark : str
        What keeps its outputs' names apart from like ones; mostly empty.
    outputs : tuple of str
        Relative to `BatchSettings.out`, '/' between.
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


def make_tasks(brackets: Sequence[Bracket], settings: BatchSettings) -> list[Task]:
    """Turn brackets into tasks with names that no two of them share.

    Raises
    ------
    OutputExistsError
        If an output would be one of the photographs.
    """
    names = [files_of(bracket, settings) for bracket in brackets]
    marks = tell_apart(
        [_taken(bracket, settings, own) for bracket, own in zip(brackets, names, strict=True)],
        ["\n".join(bracket.frames) for bracket in brackets],
    )
    profiles = {key: digest(path) for key, path in settings.profiles.items()}
    tasks = []
    for bracket, plain, mark in zip(brackets, names, marks, strict=True):
        outputs = files_of(bracket, settings, mark=mark) if mark else plain
        making = [settings.options, profiles.get(camera_key(bracket)), outputs]
        tasks.append(Task(bracket, mark, outputs, _fingerprint(bracket, making, settings)))
    _refuse_inputs(tasks, settings)
    return tasks


def _taken(bracket: Bracket, settings: BatchSettings, files: Sequence[str]) -> list[str]:
    """List the names that must be a bracket's own: its files, and the folders only it writes to."""
    if settings.fusion is None:
        return list(files)
    shared = {name.rpartition("/")[0] for name in files}
    return [*files, *(folders_of(bracket, settings) - shared)]


def _fingerprint(bracket: Bracket, making: list[Any], settings: BatchSettings) -> str:
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


def _refuse_inputs(tasks: Sequence[Task], settings: BatchSettings) -> None:
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

"""Sets that were found, and the brackets that are made of them: order, names, what is stated."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from expinterp.brackets.frames import Frame
from expinterp.brackets.names import natural_key
from expinterp.brackets.plan import Bracket


@dataclass(frozen=True, slots=True)
class Found:
    """Frames that form a bracket.

    Attributes
    ----------
    name : str
        What it is called; others may be called so too.
    frames : tuple of Frame
    levels : tuple of float
        Stops, exposure or brightness.
    reason : str
        Why the frames belong together.
    """

    name: str
    frames: tuple[Frame, ...]
    levels: tuple[float, ...]
    reason: str


def name_in(folder: str, name: str) -> str:
    """Put a name into a folder."""
    return f"{folder}/{name}" if folder else name


def common_name(frames: Sequence[Frame]) -> str:
    """Take what the names of frames begin with, without what parts it from the rest."""
    common = posixpath.commonprefix([frame.stem for frame in frames])
    return common.rstrip(" -_.(+") or frames[0].stem


def make_brackets(sets: Iterable[Found]) -> Iterator[Bracket]:
    """Make brackets, brightest frame first, whose names differ in more than letter case."""
    used: Counter[str] = Counter()
    for found in sorted(sets, key=lambda found: (natural_key(found.name), found.frames[0].path)):
        name, number = found.name, 1
        while used[name.casefold()]:
            number += 1
            name = f"{found.name}-{number}"
        used[name.casefold()] += 1
        yield _bracket(name, found)


def _bracket(name: str, found: Found) -> Bracket:
    order = sorted(zip(found.levels, found.frames, strict=True), key=lambda pair: -pair[0])
    frames = [frame for _, frame in order]
    times = [frame.exposure.time for frame in frames if frame.exposure.time]
    evs = [ev for frame in frames if (ev := frame.ev) is not None]
    return Bracket(
        name=name,
        frames=tuple(frame.path for frame in frames),
        reason=found.reason,
        times=tuple(times) if len(times) == len(frames) else None,
        evs=tuple(round(ev - evs[0], 2) for ev in evs) if len(evs) == len(frames) else None,
        camera=frames[0].exposure.camera,
    )

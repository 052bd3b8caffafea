"""Sets that were found, and the brackets built from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from expinterp.brackets.names import natural_key
from expinterp.brackets.plan import Bracket
from expinterp.brackets.runs import FrameRun


@dataclass(frozen=True, slots=True)
class FoundSet:
    """Frames that form a bracket.

    Attributes
    ----------
    name : str
        Other sets may have the same name.
    run : FrameRun
        The frames and their levels.
    reason : str
        Why the frames belong together.
    """

    name: str
    run: FrameRun
    reason: str


def make_brackets(sets: Iterable[FoundSet]) -> Iterator[Bracket]:
    """Build brackets with names that differ in more than letter case, from sets."""
    used: Counter[str] = Counter()
    for found in sorted(
        sets, key=lambda found: (natural_key(found.name), found.run.frames[0].path)
    ):
        name, number = found.name, 1
        while used[name.casefold()]:
            number += 1
            name = f"{found.name}-{number}"
        used[name.casefold()] += 1
        yield _make_bracket(name, found)


def _make_bracket(name: str, found: FoundSet) -> Bracket:
    """Build a bracket, brightest frame first."""
    run = found.run
    order = sorted(zip(run.levels, run.frames, strict=True), key=lambda pair: -pair[0])
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

"""Which frames form brackets: the planner, pure and fast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from expinterp.brackets.frames import RAW, Frame
from expinterp.brackets.plan import Bracket, Leftover, Plan

GAP = 5.0  # seconds from the end of one exposure to the begin of the next


def plan_brackets(
    frames: Iterable[Frame],
    *,
    folder: str = "",
    set_size: int | None = None,
    gap: float = GAP,
    pattern: str | None = None,
) -> Plan:
    """Plan which frames form brackets."""
    streams: dict[object, list[Frame]] = defaultdict(list)
    leftovers = []
    for frame in sorted(frames, key=lambda frame: frame.path):
        if frame.problem or frame.format == RAW:
            leftovers.append(Leftover(frame.path, frame.problem or "a raw file"))
        elif frame.ev is None or frame.captured is None:
            leftovers.append(Leftover(frame.path, "no exposure stated"))
        else:
            streams[frame.folder, frame.exposure.camera, frame.serial, frame.size].append(frame)
    brackets = []
    for stream in streams.values():
        stream.sort(key=lambda frame: frame.captured.timestamp())
        run = [stream[0]]
        runs = [run]
        for a, b in pairwise(stream):
            pause = (b.captured - a.captured).total_seconds() - (a.exposure.time or 0)
            if pause > gap + 1 or b.ev in {f.ev for f in run}:
                run = []
                runs.append(run)
            run.append(b)
        for run in runs:
            if len(run) < 2 or (set_size and len(run) != set_size):
                leftovers += [Leftover(f.path, "a single shot") for f in run]
                continue
            name = f"{run[0].folder}/{run[0].stem}".lstrip("/")
            ordered = sorted(run, key=lambda f: -f.ev)
            brackets.append(
                Bracket(
                    name=name,
                    frames=tuple(f.path for f in ordered),
                    reason="taken in quick succession, exposures differ",
                    times=tuple(f.exposure.time for f in ordered),
                    evs=tuple(f.ev - ordered[0].ev for f in ordered),
                    camera=run[0].exposure.camera,
                )
            )
    return Plan(folder, tuple(brackets), tuple(leftovers))

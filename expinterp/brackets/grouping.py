"""Plan which frames form brackets, without reading files.

What counts, strongest first:

1. the user: a pattern, the number of frames of a set, a folder or name for each scene
2. the marks of the camera: shots counted, compensation that steps, bracketing mode
3. exposures that step, taken within the gap: set by hand, or in a shape that cameras make
4. one scene, shown by the thumbnails, whose brightness follows

Each is enough for a single bracket if nothing contradicts it. A wrong bracket is worse than a
missed one: what may be something else is left out, with the reason and the option that takes it.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from expinterp.brackets import cameras, chains, names, scenes, shapes
from expinterp.brackets.cameras import CameraShapes
from expinterp.brackets.frames import (
    CERTAIN,
    STRONG,
    Evidence,
    Frame,
    FrameRun,
    group_frames,
    idle_between,
    kind_of,
)
from expinterp.brackets.plan import Bracket, Leftover, Plan
from expinterp.text import natural_key

GAP = 5.0  # seconds from the end of one exposure to the start of the next
INCOMPLETE = "probably what is left of a larger set; --set-size {} takes it"

Found: TypeAlias = Iterator[Bracket | Leftover]


def plan_brackets(
    frames: Iterable[Frame],
    *,
    folder: str = "",
    set_size: int | None = None,
    gap: float = GAP,
    pattern: str | None = None,
    prefer: names.Prefer = "raw",
) -> Plan:
    """Plan which frames form brackets; reads no files.

    Parameters
    ----------
    frames : iterable of Frame
        As `scan` returns them, in any order.
    folder : str
        Their paths are relative to it; part of the plan.
    set_size : int, optional
        The only number of frames that a bracket may have. Frames in succession that form sets of
        this size are brackets, if nothing contradicts.
    gap : float
        Longest pause within a bracket, in seconds from the end of one exposure to the start of the
        next. One second is added, as files state whole seconds. An exposure of a second or more
        adds its own length, as the camera may take a dark frame after it.
    pattern : str, optional
        How names state the sets, as `expinterp.brackets.names.compile_pattern` reads it. Then there
        are no other brackets.
    prefer : {'raw', 'jpeg'}
        The file that is used of a shot that has several.

    Returns
    -------
    Plan
        Each frame in one place, whatever the order of `frames`.

    Raises
    ------
    PlanError
        If the pattern is not valid.
    ValueError
        If two frames have one path, or `set_size` or `gap` is out of range.
    """
    if set_size is not None and set_size < 2:
        message = f"a bracket has 2 frames or more, not {set_size}"
        raise ValueError(message)
    if not gap >= 0:
        message = f"a gap is 0 seconds or more, not {gap}"
        raise ValueError(message)
    everything = sorted(frames, key=lambda frame: (natural_key(frame.path), frame.path))
    order = {frame.path: place for place, frame in enumerate(everything)}
    if len(order) < len(everything):
        message = "two frames have the same path; pass each file once"
        raise ValueError(message)
    usable, found = names.separate_twins(everything, prefer)
    if pattern is not None:
        items = [*found, *_by_pattern(usable, pattern, set_size)]
    else:
        usable, copies = names.separate_copies(usable)
        readable = {names.stem_of(frame) for frame in usable}
        damaged = [f for f in everything if f.problem and names.stem_of(f) not in readable]
        sets = _by_evidence(usable, damaged, set_size, gap)
        line = sorted(usable, key=lambda frame: order[frame.path])
        sets = _by_size(sets, line, set_size, gap) if set_size else sets
        items = [*found, *copies, *sets]
    brackets = _named_apart(item for item in items if isinstance(item, Bracket))
    leftovers = (item for item in items if isinstance(item, Leftover))
    return Plan(folder, tuple(brackets), tuple(sorted(leftovers, key=lambda f: order[f.path])))


def _named_apart(brackets: Iterable[Bracket]) -> Iterator[Bracket]:
    """Sort brackets by name, and make names differ in more than letter case."""
    used = set[str]()
    for each in sorted(brackets, key=lambda b: (natural_key(b.name), min(b.frames))):
        numbered = (f"{each.name}-{n}" if n > 1 else each.name for n in itertools.count(1))
        name = next(name for name in numbered if name.casefold() not in used)
        used.add(name.casefold())
        yield replace(each, name=name)


def _leave(frames: Iterable[Frame], reason: str) -> Iterator[Leftover]:
    """Leave frames over for a reason."""
    return (Leftover(frame.path, reason) for frame in frames)


def _by_pattern(frames: Sequence[Frame], pattern: str, set_size: int | None) -> Found:
    """Find the sets that names state; of equally bright frames the first counts."""
    name_of = names.compile_pattern(pattern)
    for name, group in group_frames(frames, lambda frame: name_of(frame.path)).items():
        objection = _objection(group, set_size) if name else "does not match the pattern"
        if objection:
            yield from _leave(group, objection)
            continue
        kept, others = list[Frame](), list[Frame]()
        for frame in group:
            (kept if not kept or scenes.with_levels([*kept, frame]) else others).append(frame)
        run = scenes.with_levels(kept) if len(kept) > 1 else None
        yield from [scenes.bracket_of(run, "names match the pattern", name)] if run else []
        yield from _leave(others if run else group, "as bright as another frame of its set")


def _objection(group: Sequence[Frame], set_size: int | None) -> str | None:
    """Return why frames that match the pattern are no bracket."""
    if len(group) < 2:
        return "the only frame of its set"
    several = len({(frame.size, frame.depth) for frame in group}) > 1
    mixed = "in a set whose pictures differ in size or bit depth" if several else None
    return _wrong_size(len(group), set_size) or mixed


def _wrong_size(count: int, set_size: int | None) -> str | None:
    """Return why a set has the wrong size; None if it has the right one."""
    return None if set_size in {None, count} else f"in a set of {count} frames, not {set_size}"


def _by_evidence(
    frames: Sequence[Frame], damaged: Sequence[Frame], set_size: int | None, gap: float
) -> Found:
    """Find scenes with a folder or name of their own first, then sets in the runs of the rest."""
    found = scenes.find_scenes(frames, gap=gap)
    whole = [scene for scene in found if set_size in {None, len(scene[0])}]
    taken = {frame.path for run, _ in whole for frame in run.frames}
    rest = [frame for frame in frames if frame.path not in taken]
    levelled = group_frames(rest, lambda frame: frame.ev is not None or frame.thumbnail is not None)
    yield from _leave(levelled.get(False, ()), "states no exposure time, and has no thumbnail")
    line = chains.find_chains(levelled.get(True, ()), damaged)
    runs = [run for chain in line for run in chains.find_runs(chain, gap=gap)]
    known = cameras.learn_shapes(runs, [run for run, _ in whole])
    for run, bracket in whole:
        lacking = not set_size and cameras.may_be_part(run, cameras.shapes_for(run, known))
        yield from _leave(run.frames, INCOMPLETE.format(len(run))) if lacking else [bracket]
    divided = [(run, *cameras.divide_run(run, cameras.shapes_for(run, known))) for run in runs]
    steps: dict[object, list[float]] = defaultdict(list)  # pauses by camera
    for run, windows, doubtful in divided:
        steps[cameras.camera_of(run)] += _unexplained(run, windows, doubtful)
    for run, windows, doubtful in divided:
        unexplained = steps[cameras.camera_of(run)]
        judge = _Judge(cameras.shapes_for(run, known), unexplained, set_size, gap)
        yield from judge.sets_in(run, windows, doubtful)


def _by_size(found: Found, frames: Sequence[Frame], size: int, gap: float) -> Found:
    """Divide frames that are left into sets of the size that the user states, in order of their names.

    Shots whose files lost their facts count as well, if the pictures show one scene.
    """
    items = list(found)
    left = {item.path for item in items if isinstance(item, Leftover)}
    for line in group_frames(frames, kind_of).values():
        pairs = enumerate(itertools.pairwise(line), 1)
        breaks = [at for at, pair in pairs if not chains.succeed(*pair, gap=gap)]
        taken = [at for at, frame in enumerate(line) if frame.path not in left]
        cuts = sorted({0, len(line), *breaks, *taken, *(at + 1 for at in taken)})
        for start, stop in itertools.pairwise(cuts):
            for part in _divide_evenly(line[start:stop], size):
                left -= {frame.path for frame in part.frames}
                yield scenes.bracket_of(part, f"{size} frames in succession")
    yield from (item for item in items if isinstance(item, Bracket) or item.path in left)


def _divide_evenly(frames: Sequence[Frame], size: int) -> list[FrameRun]:
    """Divide frames into sets of a size; return an empty list if some would be no sets."""
    if len(frames) % size:
        return []
    parts = [scenes.with_levels(frames[at : at + size]) for at in range(0, len(frames), size)]
    sets = [part for part in parts if part and _may_be_set(part)]
    return sets if len(sets) == len(parts) else []


def _unexplained(run: FrameRun, windows: list[FrameRun], doubtful: set[int]) -> Iterator[float]:
    """List the seconds (0: unknown) at which exposures of a run step outside any set."""
    explained = {*doubtful, *(at for window in windows for at in window.places)}
    for at, (one, other) in enumerate(itertools.pairwise(run.levels), run.start):
        if abs(one - other) >= shapes.LEAST_STEP and not {at, at + 1} <= explained:
            yield idle_between(*run.chain.frames[at : at + 2]) or 0.0


@dataclass(frozen=True)
class _Judge:
    """Decides which sets of a run are brackets."""

    known: CameraShapes  # of the camera
    unexplained: Sequence[float]  # seconds at which its exposures step outside any set
    set_size: int | None
    gap: float

    def sets_in(self, run: FrameRun, windows: list[FrameRun], doubtful: set[int]) -> Found:
        """Accept the sets of a run, unless there is an objection."""
        several = "may belong to more than one set; --set-size or --pattern states which"
        reasons: dict[int, str] = dict.fromkeys(doubtful, several)
        for window in windows:
            objection = next(self._objections(window), "")
            if not objection:
                yield scenes.bracket_of(window, f"{window.evidence.value}: {window.shape}")
            reasons.update(dict.fromkeys(window.places, objection))
        for at, frame in enumerate(run.frames, run.start):
            if reason := reasons[at] if at in reasons else self._why_alone(run, at):
                yield Leftover(frame.path, reason)

    def _objections(self, window: FrameRun) -> Iterator[str]:
        """List reasons why a set is no bracket."""
        evidence, size = window.evidence, len(window)
        if window.shows_different_scenes():
            yield "pictures show different scenes"
        if self.set_size:
            yield from filter(None, [_wrong_size(size, self.set_size)])
            return
        if cameras.may_be_part(window, self.known):
            yield INCOMPLETE.format(size)
        if (seconds := cameras.goes_on(window)) is not None:
            options = f"--gap {math.ceil(seconds)} or --set-size {size}"
            yield f"the shot beside this set may belong to it; {options} settles it"
        lone = self.known.complete(window.shape) < 2 and evidence not in CERTAIN
        rare = self.known.count(window.shape) < cameras.RECURRENT
        cut = window.missing_beside() and not window.damaged_within(margin=1)
        if size == 2 and (lone or (rare and cut)):
            yield "a pair of which a frame may be missing; --set-size 2 takes it all the same"
        if self._is_chance(window, evidence):
            yield f"nothing shows that they were bracketed; --set-size {size} takes them"

    def _is_chance(self, window: FrameRun, evidence: Evidence) -> bool:
        """Return whether single shots may have this shape by coincidence.

        Two automatic exposures in thirds of a stop differ by a given step about once in 16 times,
        three form a given shape once in 300 times. So shapes must outnumber other steps and shapes.
        """
        shape, count, size = window.shape, self.known.count(window.shape), len(window)
        if evidence in STRONG or (evidence is Evidence.MANUAL and size > 2):
            return False
        others = sum(not self.known.is_slow(pause, shape) for pause in self.unexplained)
        automatic = evidence is Evidence.AUTOMATIC
        if size > 2 and shape.regular:
            return others > max(1, 3 * (count - 1)) or (automatic and count < cameras.RECURRENT)
        seen = all(frame.thumbnail for frame in window.frames)  # but not that it is one scene
        rivals = (s for s in self.known.tallies if len(s) == size and s != shape)
        others += sum(map(self.known.count, rivals))
        return automatic or seen or count < cameras.RECURRENT or others > count / 10

    def _why_alone(self, run: FrameRun, at: int) -> str:
        """Return why a frame is in no set."""
        if len(run) == 1:
            return self._why_single(run)
        levels = run.chain.levels[max(run.start, at - 1) : at + 2]
        if sum(abs(level - run.chain.levels[at]) < shapes.TOLERANCE for level in levels) > 1:
            what = "exposure" if run.chain.stream.stated else "brightness"
            return f"the same {what} as the shot beside it"
        return "forms no set with the shots beside it; --set-size or --pattern states the sets"

    def _why_single(self, run: FrameRun) -> str:
        """Return why a frame forms no run with those before and after it."""
        chain, at = run.chain, run.start
        if run.frames[0].flash and any(not frame.flash for frame in chain.frames):
            return "a flash fired, unlike for the shots beside it"
        for other in range(max(1, at), min(at + 2, len(chain.frames))):
            pair = FrameRun(chain, other - 1, other + 1)
            idle = idle_between(*pair.frames)
            near = idle and self.gap < idle <= scenes.LONGEST_PAUSE and not chain.missing(other)
            if idle and near and _may_be_set(pair):
                joined = f"--gap {math.ceil(idle)} joins them, if they are of one scene"
                return f"{idle:.0f} s from the shot beside it; {joined}"
        return "a single shot"


def _may_be_set(part: FrameRun) -> bool:
    """Return whether nothing contradicts that frames are one bracket."""
    return bool(part.shape) and not part.shows_different_scenes()

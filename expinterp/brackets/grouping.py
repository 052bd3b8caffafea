"""Which frames form brackets: the planner, pure and fast.

Precision comes before recall: a set that might be something else is left out, with the reason. What
counts as evidence, strongest first: a pattern that the user gives; a folder that holds one scene and
nothing else; the camera's own marks (bracketing mode, exposure compensation that steps with the
exposure); pictures of one scene whose brightness follows the exposure; exposures set by hand; a
shape that recurs more often than chance would have it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from expinterp.brackets.chains import find_chains
from expinterp.brackets.completeness import lack
from expinterp.brackets.duplicates import sift
from expinterp.brackets.evidence import CERTAIN, evidence_of, weakness
from expinterp.brackets.found import Found, make_brackets, name_in
from expinterp.brackets.frames import Frame
from expinterp.brackets.habits import Habit, Habits, habit_of, learn
from expinterp.brackets.names import compile_pattern, natural_key
from expinterp.brackets.parting import Parting, part_run
from expinterp.brackets.plan import Leftover, Plan
from expinterp.brackets.runs import FrameRun, find_runs
from expinterp.brackets.scenes import (
    SceneFrames,
    distinct_levels,
    find_scenes,
    lacks_frames,
    shape_of_scene,
)
from expinterp.brackets.windows import Window, show_different_scenes

GAP = 5.0  # seconds from the end of one exposure to the begin of the next
SAME = 0.25  # stops within which two shots are exposed alike


def leave(frames: Iterable[Frame], reason: str) -> list[Leftover]:
    """Set frames aside for a reason."""
    return [Leftover(frame.path, reason) for frame in frames]


def plan_brackets(
    frames: Iterable[Frame],
    *,
    folder: str = "",
    set_size: int | None = None,
    gap: float = GAP,
    pattern: str | None = None,
) -> Plan:
    """Plan which frames form brackets; reads no files.

    Parameters
    ----------
    frames : iterable of Frame
        As `scan` gives them, in any order.
    folder : str
        What their paths are relative to; goes into the plan.
    set_size : int, optional
        The only number of frames that a bracket may have.
    gap : float
        Longest pause within a bracket, in seconds from the end of one exposure to the begin of the
        next. One second is added because clocks tick, and as much as an exposure of a second or
        more takes, because cameras may take a dark frame after it.
    pattern : str, optional
        How names tell the sets, as `expinterp.brackets.names.compile_pattern` reads it. Nothing
        else is a bracket then.

    Returns
    -------
    Plan
        Each frame in one place; the order of `frames` makes no difference.

    Raises
    ------
    PlanError
        If the pattern is none.
    ValueError
        If two frames have one path, or `set_size` or `gap` is out of range.
    """
    _check(set_size, gap)
    everything = sorted(frames, key=lambda frame: (natural_key(frame.path), frame.path))
    order = {frame.path: place for place, frame in enumerate(everything)}
    if len(order) < len(everything):
        message = "two frames have the same path"
        raise ValueError(message)
    usable, leftovers = sift(everything)
    if pattern is not None:
        sets = _by_pattern(usable, pattern, set_size, leftovers)
    else:
        sets = _by_evidence(usable, everything, set_size, gap, leftovers)
    brackets = sorted(make_brackets(sets), key=lambda bracket: natural_key(bracket.name))
    leftovers.sort(key=lambda leftover: order[leftover.path])
    return Plan(folder, tuple(brackets), tuple(leftovers))


def _check(set_size: int | None, gap: float) -> None:
    if set_size is not None and set_size < 2:
        message = f"a bracket has 2 frames or more, not {set_size}"
        raise ValueError(message)
    if not gap >= 0:
        message = f"a gap is 0 seconds or more, not {gap}"
        raise ValueError(message)


# --- by a pattern --------------------------------------------------------------------------------


def _by_pattern(
    frames: Sequence[Frame], pattern: str, set_size: int | None, leftovers: list[Leftover]
) -> Iterator[Found]:
    """Take the sets that names tell, as the user says they do."""
    name_of = compile_pattern(pattern)
    groups: dict[str | None, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[name_of(frame.path)].append(frame)
    leftovers += leave(groups.pop(None, []), "does not match the pattern")
    for name, group in groups.items():
        objection = _objection(group, set_size)
        found = None if objection else distinct_levels(group)
        if found is None:
            leftovers += leave(group, objection or "as bright as another frame of its set")
        else:
            yield Found(name or "", tuple(group), found[0], "named alike")


def _objection(group: Sequence[Frame], set_size: int | None) -> str | None:
    """Say why frames that are named alike are no bracket."""
    if len(group) < 2:
        return "the only frame of its set"
    if set_size is not None and len(group) != set_size:
        return f"of a set of {len(group)} frames, not {set_size}"
    if len({(frame.size, frame.depth) for frame in group}) > 1:
        return "of a set whose pictures differ in size or depth"
    return None


# --- by evidence ---------------------------------------------------------------------------------


def _by_evidence(
    frames: Sequence[Frame],
    everything: Sequence[Frame],
    set_size: int | None,
    gap: float,
    leftovers: list[Leftover],
) -> Iterator[Found]:
    """Take whole folders first, then what names tell, then parts of runs."""
    scenes = find_scenes(frames, everything, gap=gap)
    taken = {frame.path for scene in scenes for frame in scene.run.frames}
    rest = [frame for frame in frames if frame.path not in taken]
    silent = [frame for frame in rest if frame.ev is None and frame.look is None]
    leftovers += leave(silent, "states no exposure")
    told = [frame for frame in rest if frame.ev is not None or frame.look is not None]
    chains = [list(find_runs(line, gap=gap)) for line in find_chains(told)]
    known = [(scene.run, shape) for scene in scenes if (shape := shape_of_scene(scene.run))]
    habits = learn((run for runs in chains for run in runs), known)
    yield from _from_scenes(scenes, habits, set_size, leftovers)
    parted = [[part_run(run, habit_of(run, habits)) for run in runs] for runs in chains]
    unexplained: dict[object, list[float]] = defaultdict(list)
    for parting in chain.from_iterable(parted):
        habit = habit_of(parting.run, habits)
        unexplained[_setting(parting.run)] += parting.unexplained_pauses(habit)
    for partings in parted:
        yield from _from_chain(partings, habits, unexplained, set_size, leftovers)


def _setting(run: FrameRun) -> tuple[object, ...]:
    """Name the stream of a run and how the camera was set."""
    return run.chain.stream, run.frames[0].mode


def _from_scenes(
    scenes: Sequence[SceneFrames], habits: Habits, set_size: int | None, leftovers: list[Leftover]
) -> Iterator[Found]:
    """Take whole scenes, unless they are of another size or seem to have lost frames."""
    for scene in scenes:
        run = scene.run
        if set_size is not None and len(run) != set_size:
            leftovers += leave(run.frames, f"of a set of {len(run)} frames, not {set_size}")
        elif lacks_frames(run, habits):
            leftovers += leave(run.frames, "of a larger set, it seems, with frames missing")
        else:
            yield Found(scene.name, run.frames, run.levels, scene.reason)


def _from_chain(
    partings: Sequence[Parting],
    habits: Habits,
    unexplained: Mapping[object, Sequence[float]],
    set_size: int | None,
    leftovers: list[Leftover],
) -> Iterator[Found]:
    """Part the runs of one chain into sets and leftovers."""
    for parting in partings:
        run, pauses = parting.run, unexplained[_setting(parting.run)]
        reasons = dict.fromkeys(parting.doubtful, "may belong to more than one set")
        for window in parting.chosen:
            found, doubted = _judge(run, window, habit_of(run, habits), pauses)
            if set_size is not None and len(found.frames) != set_size:
                doubted = f"of a set of {len(found.frames)} frames, not {set_size}"
            if doubted is None:
                yield found
            reasons.update(dict.fromkeys(range(window.start, window.stop), doubted or ""))
        for at, frame in enumerate(run.frames):
            if reason := reasons.get(at, _why_alone(run, at)):
                leftovers.append(Leftover(frame.path, reason))


def _judge(
    run: FrameRun, window: Window, habit: Habit, unexplained: Sequence[float]
) -> tuple[Found, str | None]:
    """Weigh what speaks for and against a window; the doubt is None if it is a bracket."""
    shape = window.shape
    frames = run.frames[window.start : window.stop]
    levels = run.levels[window.start : window.stop]
    evidence = evidence_of(frames, levels, stated=run.chain.stated)
    name = name_in(frames[0].folder, frames[0].stem)
    found = Found(name, frames, levels, f"{evidence.value}: {shape}")
    if show_different_scenes(frames, levels):
        return found, "pictures show different scenes"
    lacking = lack(run, window, habit, certain=evidence in CERTAIN)
    return found, lacking or weakness(evidence, habit, shape, unexplained)


def _why_alone(run: FrameRun, at: int) -> str:
    """Say why a frame is in no set."""
    if len(run) == 1:
        return "a single shot"
    beside = run.levels[max(0, at - 1) : at] + run.levels[at + 1 : at + 2]
    if any(abs(level - run.levels[at]) < SAME for level in beside):
        return "exposed as the shot beside it"
    return "exposures beside it form no set that recurs"

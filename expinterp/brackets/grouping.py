"""Plan which frames form brackets, without reading files.

A wrong bracket is worse than a missed one: a set that may be something else is left out, with the
reason. Evidence, strongest first: a pattern from the user; a folder that holds one scene and nothing
else; the camera's own marks (bracketing mode, exposure compensation that steps with the exposure);
thumbnails of one scene whose brightness follows the exposure; exposures set by hand; a shape that
recurs more often than by coincidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from expinterp.brackets.camera_shapes import CameraShapes, ShapesByCamera, learn_shapes, shapes_for
from expinterp.brackets.chains import find_chains
from expinterp.brackets.completeness import INCOMPLETE, find_lack
from expinterp.brackets.duplicates import set_duplicates_aside
from expinterp.brackets.evidence import CERTAIN, doubt, evidence_of
from expinterp.brackets.frames import Frame, group_frames
from expinterp.brackets.names import compile_pattern, name_in, natural_key
from expinterp.brackets.partition import Partition, divide_run
from expinterp.brackets.plan import Leftover, Plan
from expinterp.brackets.runs import FrameRun, find_runs, run_of
from expinterp.brackets.scenes import distinct_levels, find_scenes, lacks_frames, shape_of_scene
from expinterp.brackets.sets import FoundSet, make_brackets
from expinterp.brackets.windows import Window, show_different_scenes

GAP = 5.0  # seconds from the end of one exposure to the start of the next
SAME_EXPOSURE = 0.25  # stops within which two shots are exposed alike

Found: TypeAlias = Iterator[FoundSet | Leftover]


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
        As `scan` returns them, in any order.
    folder : str
        Their paths are relative to it; part of the plan.
    set_size : int, optional
        The only number of frames that a bracket may have.
    gap : float
        Longest pause within a bracket, in seconds from the end of one exposure to the start of the
        next. One second is added, as files state whole seconds. An exposure of a second or more
        adds its own length, as the camera may take a dark frame after it.
    pattern : str, optional
        How names state the sets, as `expinterp.brackets.names.compile_pattern` reads it. Then there
        are no other brackets.

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
    _check(set_size, gap)
    everything = sorted(frames, key=lambda frame: (natural_key(frame.path), frame.path))
    order = {frame.path: place for place, frame in enumerate(everything)}
    if len(order) < len(everything):
        message = "two frames have the same path; pass each file once"
        raise ValueError(message)
    usable, duplicates = set_duplicates_aside(everything)
    if pattern is None:
        found = [*duplicates, *_by_evidence(usable, everything, set_size, gap)]
    else:
        found = [*duplicates, *_by_pattern(usable, pattern, set_size)]
    sets = [item for item in found if isinstance(item, FoundSet)]
    leftovers = [item for item in found if isinstance(item, Leftover)]
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


def _leave(frames: Iterable[Frame], reason: str) -> Iterator[Leftover]:
    """Leave frames over for a reason."""
    return (Leftover(frame.path, reason) for frame in frames)


def _size_objection(count: int, set_size: int | None) -> str | None:
    """Return why a set has the wrong size; None if it has the right one."""
    return None if set_size in {None, count} else f"in a set of {count} frames, not {set_size}"


# --- by a pattern --------------------------------------------------------------------------------


def _by_pattern(frames: Sequence[Frame], pattern: str, set_size: int | None) -> Found:
    """Find the sets that names state."""
    name_of = compile_pattern(pattern)
    for name, group in group_frames(frames, lambda frame: name_of(frame.path)).items():
        objection = _objection(group, set_size) if name else "does not match the pattern"
        levels = None if objection else distinct_levels(group)
        if name is None or levels is None:
            yield from _leave(group, objection or "as bright as another frame of its set")
        else:
            run = run_of(group, levels[0], stated=levels[1])
            yield FoundSet(name, run, "names match the pattern")


def _objection(group: Sequence[Frame], set_size: int | None) -> str | None:
    """Return why frames that match the pattern are no bracket."""
    if len(group) < 2:
        return "the only frame of its set"
    if objection := _size_objection(len(group), set_size):
        return objection
    several = len({(frame.size, frame.depth) for frame in group}) > 1
    return "in a set whose pictures differ in size or bit depth" if several else None


# --- by evidence ---------------------------------------------------------------------------------


def _by_evidence(
    frames: Sequence[Frame], everything: Sequence[Frame], set_size: int | None, gap: float
) -> Found:
    """Find scenes with a folder or name of their own first, then sets in the runs of the rest."""
    scenes = find_scenes(frames, everything, gap=gap)
    taken = {frame.path for scene in scenes for frame in scene.run.frames}
    rest = [frame for frame in frames if frame.path not in taken]
    silent = [frame for frame in rest if frame.ev is None and frame.thumbnail is None]
    yield from _leave(silent, "states no exposure time, and has no thumbnail")
    ordered = find_chains(frame for frame in rest if frame.ev is not None or frame.thumbnail)
    runs = [run for chain in ordered for run in find_runs(chain, gap=gap)]
    shaped = [(scene.run, shape) for scene in scenes if (shape := shape_of_scene(scene.run))]
    cameras = learn_shapes(runs, shaped)
    yield from _judge_scenes(scenes, cameras, set_size)
    partitions = [divide_run(run, shapes_for(run, cameras)) for run in runs]
    unexplained: dict[object, list[float]] = defaultdict(list)  # pauses by stream and mode
    for partition in partitions:
        known = shapes_for(partition.run, cameras)
        unexplained[_setting(partition.run)] += partition.unexplained_pauses(known)
    for partition in partitions:
        known, pauses = shapes_for(partition.run, cameras), unexplained[_setting(partition.run)]
        yield from _judge_partition(partition, known, pauses, set_size)


def _setting(run: FrameRun) -> tuple[object, ...]:
    """Return the stream of a run and the exposure mode."""
    return run.chain.stream, run.frames[0].mode


def _judge_scenes(
    scenes: Sequence[FoundSet], cameras: ShapesByCamera, set_size: int | None
) -> Found:
    """Accept scenes, unless they have the wrong size or seem to lack frames."""
    for scene in scenes:
        objection = _size_objection(len(scene.run), set_size)
        objection = objection or (INCOMPLETE if lacks_frames(scene.run, cameras) else None)
        if objection is None:
            yield scene
        else:
            yield from _leave(scene.run.frames, objection)


def _judge_partition(
    partition: Partition, known: CameraShapes, unexplained: Sequence[float], set_size: int | None
) -> Found:
    """Accept the sets of a run, unless there is an objection."""
    run = partition.run
    reasons = dict.fromkeys(partition.ambiguous, "may belong to more than one set")
    for window in partition.chosen:
        found, objection = _judge(run, window, known, unexplained)
        objection = _size_objection(len(found.run), set_size) or objection
        if objection is None:
            yield found
        reasons.update(dict.fromkeys(range(window.start, window.stop), objection or ""))
    for at, frame in enumerate(run.frames):
        if reason := reasons.get(at, _why_alone(run, at)):
            yield Leftover(frame.path, reason)


def _judge(
    run: FrameRun, window: Window, known: CameraShapes, unexplained: Sequence[float]
) -> tuple[FoundSet, str | None]:
    """Return a window as a set, and the objection to it; None if it is a bracket."""
    shape, part = window.shape, run.part(window.start, window.stop)
    frames, levels = part.frames, part.levels
    evidence = evidence_of(frames, levels, stated=run.chain.stated)
    name = name_in(frames[0].folder, frames[0].stem)
    found = FoundSet(name, part, f"{evidence.value}: {shape}")
    if show_different_scenes(frames, levels):
        return found, "pictures show different scenes"
    lack = find_lack(part, shape, known, certain=evidence in CERTAIN)
    return found, lack or doubt(evidence, known, shape, unexplained)


def _why_alone(run: FrameRun, at: int) -> str:
    """Return why a frame is in no set."""
    if len(run) == 1:
        return "a single shot"
    beside = run.levels[max(0, at - 1) : at] + run.levels[at + 1 : at + 2]
    if any(abs(level - run.levels[at]) < SAME_EXPOSURE for level in beside):
        return "the same exposure as the shot beside it"
    return "forms no recurring set with the shots beside it"

"""Sets that people made: a folder per scene, or a name per scene."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from expinterp.brackets.chains import (
    Chain,
    in_order,
    levels_of,
    pause,
    place_of,
    seen_levels,
    stream_of,
)
from expinterp.brackets.evidence import Evidence, evidence_of
from expinterp.brackets.found import common_name, name_in
from expinterp.brackets.frames import RAW, Frame
from expinterp.brackets.habits import Habits, habit_of
from expinterp.brackets.names import set_of
from expinterp.brackets.runs import FrameRun, follows
from expinterp.brackets.shapes import (
    LEAST_STATED_STEP,
    LEAST_STEP_IN_SCENE,
    LONGEST,
    BracketShape,
    are_left_of,
    is_remnant,
    shape_of,
    smallest_step,
)
from expinterp.brackets.windows import biases_contradict, show_different_scenes, show_one_scene

PATIENCE = 900.0  # seconds between the frames of a scene that has a folder or a name of its own
HABITUAL = 5  # sets from which on a smaller one stands out


@dataclass(frozen=True, slots=True)
class SceneFrames:
    """Frames that people put together, and what they called it."""

    name: str
    run: FrameRun
    reason: str


def find_scenes(
    frames: Iterable[Frame], everything: Iterable[Frame], *, gap: float
) -> list[SceneFrames]:
    """Find the folders, and the names, that are of one scene each.

    Parameters
    ----------
    frames : iterable of Frame
        Those that are usable.
    everything : iterable of Frame
        All: where a file cannot be used, a scene may have lost a frame.
    gap : float
        Longest pause within a bracket, in seconds from the end of an exposure.
    """
    frames = list(frames)
    places, names = _by_place(frames), _by_name(frames)
    readable = {(frame.folder, frame.stem.casefold()) for frame in frames}
    lost = [
        frame
        for frame in everything
        if (frame.problem or frame.format == RAW)
        and (frame.folder, frame.stem.casefold()) not in readable
    ]
    broken_places, broken_names = _by_place(lost).keys(), _by_name(lost).keys()
    found = []
    for place, members in places.items():
        run = None if place in broken_places else whole_scene(members, gap=gap)
        if run is not None:
            found.append(
                SceneFrames(_name_of(place, run.frames), run, "one scene, alone in its folder")
            )
    taken = {frame.path for scene in found for frame in scene.run.frames}
    for (folder, name), members in names.items():
        if members[0].path in taken or (folder, name) in broken_names:
            continue
        run = whole_scene(members, gap=gap)
        if run is not None:
            title = name_in(folder, common_name(run.frames))
            found.append(SceneFrames(title, run, "one scene, and named alike"))
    return found


def _by_place(frames: Iterable[Frame]) -> dict[str, list[Frame]]:
    places: dict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        places[place_of(frame)].append(frame)
    return places


def _by_name(frames: Iterable[Frame]) -> dict[tuple[str, str], list[Frame]]:
    names: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    for frame in frames:
        if name := set_of(frame.stem):
            names[frame.folder, name].append(frame)
    return names


def _name_of(place: str, frames: Sequence[Frame]) -> str:
    """Call a scene as its folder, unless a camera named that or it is the one that was scanned."""
    if place and all(frame.folder == place for frame in frames):
        return place
    return name_in(frames[0].folder, frames[0].stem)


def distinct_levels(frames: Sequence[Frame]) -> tuple[tuple[float, ...], bool] | None:
    """Give levels that tell the frames of a set apart: exposures, else brightness.

    Returns
    -------
    tuple of float
        Stops.
    bool
        Whether they are stated exposures.
    None
        Instead, if two frames are as bright.
    """
    if all(frame.ev is not None for frame in frames):
        levels = levels_of(frames)
        if smallest_step(levels) >= LEAST_STATED_STEP:
            return levels, True
    if all(frame.look is not None for frame in frames):
        levels = seen_levels(frames)
        if smallest_step(levels) >= LEAST_STEP_IN_SCENE:
            return levels, False
    return None


def whole_scene(frames: Sequence[Frame], *, gap: float) -> FrameRun | None:
    """Take frames that were put together for a bracket, if they are the frames of one scene."""
    if not 2 <= len(frames) <= LONGEST or len({stream_of(frame) for frame in frames}) > 1:
        return None
    ordered = in_order(frames)
    found = distinct_levels(ordered)
    if found is None or not _in_patience(ordered):
        return None
    levels, stated = found
    if not show_one_scene(ordered, levels) and not _is_credible(ordered, levels, gap):
        return None
    chain = Chain(tuple(ordered), levels, stated, None, stream_of(ordered[0]))
    return FrameRun(chain, 0, len(ordered))


def _in_patience(frames: Sequence[Frame]) -> bool:
    """Tell whether no pause is too long for one scene; one that is not known is not."""
    pauses = (pause(one, other) for one, other in pairwise(frames))
    return all(seconds is None or seconds <= PATIENCE for seconds in pauses)


def _is_credible(frames: Sequence[Frame], levels: Sequence[float], gap: float) -> bool:
    """Tell whether frames without clear looks are of one scene by what they state."""
    if show_different_scenes(frames, levels) or biases_contradict(frames, levels):
        return False
    if not all(follows(one, other, gap=gap) for one, other in pairwise(frames)):
        return False
    stated = all(frame.ev is not None for frame in frames)
    if not stated or frames[0].captured is None:
        return False
    found = evidence_of(frames, levels, stated=True)
    regular = shape_of(levels, stated=True, least_step=LEAST_STATED_STEP) is not None
    return found not in {Evidence.AUTOMATIC, Evidence.SILENT} or (regular and len(frames) > 2)


def shape_of_scene(run: FrameRun) -> BracketShape | None:
    """Tell the shape of a whole scene, if cameras make such sets."""
    stated = run.chain.stated
    least = LEAST_STATED_STEP if stated else LEAST_STEP_IN_SCENE
    return shape_of(run.levels, stated=stated, least_step=least)


def lacks_frames(run: FrameRun, habits: Habits) -> bool:
    """Tell whether a scene stands out as smaller than what its camera makes elsewhere."""
    habit, shape = habit_of(run, habits), shape_of_scene(run)
    wholes = sum(
        tally.solid for whole, tally in habit.tallies.items() if _is_left_of(run, shape, whole)
    )
    count = habit.count(shape, holed=False) if shape else 0
    enough = HABITUAL if shape else 1
    return wholes >= enough and count < max(2, wholes / 20)


def _is_left_of(run: FrameRun, shape: BracketShape | None, whole: BracketShape) -> bool:
    if shape is not None:
        return is_remnant(shape, whole)
    return run.chain.stated and bool(whole.step) and are_left_of(run.levels, whole)

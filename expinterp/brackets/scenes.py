"""Scenes: sets that people put together, in a folder per scene or under a name per scene."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from expinterp.brackets.camera_shapes import ShapesByCamera, shapes_for
from expinterp.brackets.chains import (
    brightness_levels,
    levels_of,
    pause_between,
    place_of,
    sort_by_time,
    stream_of,
)
from expinterp.brackets.evidence import Evidence, evidence_of
from expinterp.brackets.frames import RAW, Frame, group_frames
from expinterp.brackets.names import common_name, name_in, set_of
from expinterp.brackets.runs import FrameRun, follows, run_of
from expinterp.brackets.sets import FoundSet
from expinterp.brackets.shapes import (
    LEAST_MARKED_STEP,
    LEAST_STEP_IN_SCENE,
    MOST_FRAMES,
    BracketShape,
    is_remainder,
    levels_remain,
    shape_of,
    smallest_step,
)
from expinterp.brackets.windows import biases_contradict, show_different_scenes, show_one_scene

LONGEST_PAUSE = 900.0  # seconds between the frames of a scene with a folder or a name of its own
USUAL = 5  # larger sets of a camera from which a smaller one seems incomplete


def find_scenes(
    frames: Sequence[Frame], everything: Iterable[Frame], *, gap: float
) -> list[FoundSet]:
    """Find the folders, and the names, that hold one scene each.

    Parameters
    ----------
    frames : sequence of Frame
        The usable ones.
    everything : iterable of Frame
        All: where a file cannot be used, a scene may lack a frame.
    gap : float
        Longest pause within a bracket, in seconds from the end of an exposure.
    """
    usable = {(frame.folder, frame.stem.casefold()) for frame in frames}
    lost = [
        frame
        for frame in everything
        if (frame.problem or frame.format == RAW)
        and (frame.folder, frame.stem.casefold()) not in usable
    ]
    found, taken = list[FoundSet](), set[str]()
    lost_places, lost_names = group_frames(lost, place_of), group_frames(lost, _set_name)
    for place, members in group_frames(frames, place_of).items():
        run = None if place in lost_places else whole_scene(members, gap=gap)
        if run is not None:
            name = _name_of(place, run.frames)
            found.append(FoundSet(name, run, "one scene, alone in its folder"))
            taken |= {frame.path for frame in members}
    for key, members in group_frames(frames, _set_name).items():
        if key is None or key in lost_names or members[0].path in taken:
            continue
        if (run := whole_scene(members, gap=gap)) is not None:
            name = name_in(key[0], common_name([frame.stem for frame in run.frames]))
            found.append(FoundSet(name, run, "one scene, with matching names"))
    return found


def _set_name(frame: Frame) -> tuple[str, str] | None:
    """Return the folder and the name of the set that a file name states."""
    name = set_of(frame.stem)
    return (frame.folder, name) if name else None


def _name_of(place: str, frames: Sequence[Frame]) -> str:
    """Name a scene after its folder, unless a camera named that or it is the scanned folder."""
    if place and all(frame.folder == place for frame in frames):
        return place
    return name_in(frames[0].folder, frames[0].stem)


def distinct_levels(frames: Sequence[Frame]) -> tuple[tuple[float, ...], bool] | None:
    """Return levels that separate the frames of a set: exposures, else brightness.

    Returns
    -------
    tuple of float
        Stops.
    bool
        Whether they are stated exposures.
    None
        Instead of both, if two frames are equally bright.
    """
    if all(frame.ev is not None for frame in frames):
        levels = levels_of(frames)
        if smallest_step(levels) >= LEAST_MARKED_STEP:
            return levels, True
    if all(frame.thumbnail is not None for frame in frames):
        levels = brightness_levels(frames)
        if smallest_step(levels) >= LEAST_STEP_IN_SCENE:
            return levels, False
    return None


def whole_scene(frames: Sequence[Frame], *, gap: float) -> FrameRun | None:
    """Return the frames of a folder or name as a set, if they show one scene; else None."""
    if not 2 <= len(frames) <= MOST_FRAMES or len({stream_of(frame) for frame in frames}) > 1:
        return None
    ordered = sort_by_time(frames)
    found = distinct_levels(ordered)
    pauses = [pause_between(one, other) for one, other in pairwise(ordered)]
    if found is None or any(pause is not None and pause > LONGEST_PAUSE for pause in pauses):
        return None
    levels, stated = found
    if not show_one_scene(ordered, levels) and not _is_credible(ordered, levels, gap):
        return None
    return run_of(ordered, levels, stated=stated)


def _is_credible(frames: Sequence[Frame], levels: Sequence[float], gap: float) -> bool:
    """Return whether the headers suggest one scene, where the thumbnails do not show it."""
    if show_different_scenes(frames, levels) or biases_contradict(frames, levels):
        return False
    if not all(follows(one, other, gap=gap) for one, other in pairwise(frames)):
        return False
    if frames[0].captured is None or any(frame.ev is None for frame in frames):
        return False
    evidence = evidence_of(frames, levels, stated=True)
    regular = shape_of(levels, stated=True, least_step=LEAST_MARKED_STEP) is not None
    weak = evidence in {Evidence.AUTOMATIC, Evidence.SILENT}
    return not weak or (regular and len(frames) > 2)


def shape_of_scene(run: FrameRun) -> BracketShape | None:
    """Return the shape of a scene, if cameras make such sets."""
    stated = run.chain.stated
    least = LEAST_MARKED_STEP if stated else LEAST_STEP_IN_SCENE
    return shape_of(run.levels, stated=stated, least_step=least)


def lacks_frames(run: FrameRun, cameras: ShapesByCamera) -> bool:
    """Return whether a scene is clearly smaller than the other sets of its camera."""
    known, shape = shapes_for(run, cameras), shape_of_scene(run)

    def may_remain_of(whole: BracketShape) -> bool:
        if shape is not None:
            return is_remainder(shape, whole)
        return run.chain.stated and bool(whole.step) and levels_remain(run.levels, whole)

    larger = sum(tally.complete for whole, tally in known.tallies.items() if may_remain_of(whole))
    count = known.tally(shape).complete if shape else 0
    return larger >= (USUAL if shape else 1) and count < max(2, larger / 20)

"""Scenes: sets that people put together, in a folder per scene or under a name per scene."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

from expinterp.brackets import chains, shapes
from expinterp.brackets.cameras import ShapesByCamera, regular_windows, shapes_for
from expinterp.brackets.chains import MEAN_BRIGHTNESS_STEP, TOLERANCE, FrameRun, stream_of
from expinterp.brackets.frames import Frame, group_frames
from expinterp.brackets.names import common_name, set_of
from expinterp.brackets.plan import Bracket
from expinterp.brackets.shapes import Evidence, Shape, smallest_step

Scene: TypeAlias = tuple[FrameRun, Bracket]

LONGEST_PAUSE = 900.0  # seconds between the frames of a scene with a folder or a name of its own
USUAL = 5  # larger sets of a camera from which a smaller one seems incomplete
_MEANT = {Evidence.COUNTED, Evidence.COMPENSATED, Evidence.MARKED, Evidence.MANUAL}


def bracket_of(run: FrameRun, reason: str, name: str | None = None) -> Bracket:
    """Return frames as a bracket, brightest first, named after the first one taken."""
    order = sorted(range(len(run)), key=lambda at: -run.levels[at])
    frames = [run.frames[at] for at in order]
    times = [frame.exposure.time for frame in frames if frame.exposure.time]
    evs = [run.levels[at] for at in order]
    return Bracket(
        name=name or posixpath.join(run.frames[0].folder, run.frames[0].stem),
        frames=tuple(frame.path for frame in frames),
        reason=reason,
        times=tuple(times) if len(times) == len(frames) else None,
        evs=tuple(round(ev - evs[0], 2) for ev in evs) if run.chain.stream.stated else None,
        camera=frames[0].exposure.camera,
    )


def find_scenes(frames: Sequence[Frame], *, gap: float) -> list[Scene]:
    """Find the folders, and the names, that hold one scene each.

    Files of another size, format or camera do not count. `gap` is the longest pause within a
    bracket, in seconds from the end of an exposure.
    """
    found, taken = list[Scene](), set[str]()
    for (place, *_), members in group_frames(frames, stream_of).items():
        if run := whole_scene(members, gap=gap):
            name = place if all(frame.folder == place for frame in members) else None
            found.append((run, bracket_of(run, "one scene, alone in its folder", name)))
            taken |= {frame.path for frame in members}
    for name, members in _named_alike(frames):
        if members[0].path not in taken and (run := whole_scene(members, gap=gap)):
            found.append((run, bracket_of(run, "one scene, with matching names", name)))
    return found


def _named_alike(frames: Sequence[Frame]) -> Iterator[tuple[str, list[Frame]]]:
    """List the frames whose names share a set, and its name; IMG_1 is of the set of IMG_1-2."""
    sets = {(frame.folder, name) for frame in frames if (name := set_of(frame.stem))}

    def key(frame: Frame) -> tuple[str, str]:
        whole = frame.folder, frame.stem.casefold()
        return whole if whole in sets else (frame.folder, set_of(frame.stem) or "")

    for (folder, name), members in group_frames(frames, key).items():
        if name:
            yield posixpath.join(folder, common_name([frame.stem for frame in members])), members


def with_levels(frames: Sequence[Frame]) -> FrameRun | None:
    """Return the frames of a set by their exposures, or by brightness where those do not differ.

    Returns None if two frames are equally bright.
    """
    least = {True: shapes.LEAST_MARKED_STEP, False: shapes.LEAST_STEP_IN_SCENE}
    for stated, step in least.items():
        if all((f.ev if stated else f.thumbnail) is not None for f in frames):
            chain = chains.make_chain(frames, stream_of(frames[0])._replace(stated=stated))
            if smallest_step(chain.levels) >= step:
                return FrameRun(replace(chain, tolerance=TOLERANCE), 0, len(frames))
    return None


def whole_scene(frames: Sequence[Frame], *, gap: float) -> FrameRun | None:
    """Return the frames of a folder or name as a set, if they show one scene; else None."""
    if not 2 <= len(frames) <= shapes.MOST_FRAMES or len(set(map(stream_of, frames))) > 1:
        return None
    run = with_levels(chains.sort_by_time(frames))
    same_light = len({bool(frame.flash) for frame in frames}) == 1
    return run if run and same_light and _is_scene(run, gap) else None


def _is_scene(run: FrameRun, gap: float) -> bool:
    """Return whether the frames of a folder or name are exposures of one scene, made on purpose."""
    frames, stated = run.frames, run.chain.stream.stated
    pauses = [chains.pause_between(one, other) for one, other in pairwise(frames)]
    quick = all(chains.follows(one, other, gap=gap) for one, other in pairwise(frames))
    dated, evidence = frames[0].captured is not None, shapes.evidence_of(run)
    if stated and shapes.biases_contradict(run):
        return False
    if not shapes.show_one_scene(run):
        return stated and quick and dated and _is_credible(run, evidence)
    several = len(regular_windows(run)) > 1 and not (quick and dated)
    if several or any(pause is not None and pause > LONGEST_PAUSE for pause in pauses):
        return False
    modes = {frame.mode for frame in frames}
    if evidence in _MEANT or modes == {"manual"} or (stated and not dated):
        return True
    mean_step = (max(run.levels) - min(run.levels)) / len(pauses)
    may_be_slow = len(frames) > 2 and modes != {"auto"}
    if not stated:
        least = MEAN_BRIGHTNESS_STEP / (1 if dated else min(len(pauses), 2))
        return mean_step >= least and (quick or may_be_slow)
    regular = len(frames) > 2 and shape_in(run) is not None
    enough = regular or smallest_step(run.levels) >= shapes.LEAST_STEP
    return enough and (evidence is Evidence.SEEN if quick else may_be_slow)


def _is_credible(run: FrameRun, evidence: Evidence) -> bool:
    """Return whether the headers suggest one scene, where the thumbnails do not show it."""
    if shapes.show_different_scenes(run):
        return False
    weak = evidence in {Evidence.AUTOMATIC, Evidence.SILENT}
    return not weak or (shape_in(run) is not None and len(run) > 2)


def shape_in(run: FrameRun) -> Shape | None:
    """Return the shape of a scene, if cameras make such sets."""
    stated = run.chain.stream.stated
    least = shapes.LEAST_MARKED_STEP if stated else shapes.LEAST_STEP_IN_SCENE
    shape = shapes.shape_of(run.levels, stated=stated, least_step=least)
    return shape if shape and shape.regular else None


def lacks_frames(run: FrameRun, cameras: ShapesByCamera) -> bool:
    """Return whether a scene is clearly smaller than the other sets of its camera."""
    known, shape = shapes_for(run, cameras), shape_in(run)
    if not (shape or run.chain.stream.stated):
        return False
    levels, least = (shape.stops, USUAL) if shape else (run.levels, 1)
    wholes = (whole for whole in known.tallies if shapes.may_remain(levels, whole))
    larger = sum(map(known.complete, wholes))
    return larger >= least and (known.complete(shape) if shape else 0) < max(2, larger / 20)

"""Scenes: sets that people put together, in a folder per scene or under a name per scene."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeAlias

from expinterp.brackets import chains, shapes
from expinterp.brackets.cameras import regular_windows
from expinterp.brackets.frames import (
    Evidence,
    Frame,
    FrameRun,
    group_frames,
    kind_of,
    make_chain,
    pause_between,
    stream_of,
)
from expinterp.brackets.names import common_name, set_of
from expinterp.brackets.plan import Bracket
from expinterp.brackets.shapes import smallest_step

Scene: TypeAlias = tuple[FrameRun, Bracket]

LONGEST_PAUSE = 900.0  # seconds between the frames of a scene with a folder or a name of its own


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

    Files of another size, format or camera do not count; those that lost their facts do. `gap` is
    the longest pause within a bracket, in seconds from the end of an exposure.
    """
    found, taken = list[Scene](), set[str]()
    for place, members in _streams(frames):
        if run := whole_scene(members, gap=gap):
            name = place if all(frame.folder == place for frame in members) else None
            found.append((run, bracket_of(run, "one scene, alone in its folder", name)))
            taken |= {frame.path for frame in members}
    for name, members in _named_alike(frames):
        if members[0].path not in taken and (run := whole_scene(members, gap=gap)):
            found.append((run, bracket_of(run, "one scene, with matching names", name)))
    return found


def _streams(frames: Sequence[Frame]) -> Iterator[tuple[str, list[Frame]]]:
    """List the places, and the frames of each camera there, of one size and format."""
    for (place, *_), members in group_frames(frames, kind_of).items():
        alike = [members] if _of_one_camera(members) else group_frames(members, stream_of).values()
        yield from ((place, each) for each in alike)


def _of_one_camera(frames: Sequence[Frame]) -> bool:
    """Return whether frames are of one size, format and camera, as far as they state it."""
    streams = {stream_of(frame) for frame in frames if not frame.is_bare}
    return len(streams) <= 1 and len(set(map(kind_of, frames))) == 1


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
            chain = make_chain(frames, stream_of(frames[0])._replace(stated=stated))
            if smallest_step(chain.levels) >= step:
                chain = replace(chain, together=True, tolerance=shapes.TOLERANCE)
                return FrameRun(chain, 0, len(frames))
    return None


def whole_scene(frames: Sequence[Frame], *, gap: float) -> FrameRun | None:
    """Return the frames of a folder or name as a set, if they show one scene; else None."""
    if not 2 <= len(frames) <= shapes.MOST_FRAMES or not _of_one_camera(frames):
        return None
    run = with_levels(chains.sort_by_time(frames))
    same_light = len({bool(frame.flash) for frame in frames}) == 1
    evs = {frame.ev for frame in frames}
    edits = run and not run.chain.stream.stated and len(evs) > 1 and None not in evs
    return run if run and same_light and not edits and run.shape and _is_scene(run, gap) else None


def _is_scene(run: FrameRun, gap: float) -> bool:
    """Return whether the frames of a folder or name are exposures of one scene, made on purpose."""
    frames, stated, regular = run.frames, run.chain.stream.stated, run.shape.regular
    modes, dated, several = {frame.mode for frame in frames}, frames[0].captured, len(run) > 2
    quick = all(chains.follows(one, other, gap=gap) for one, other in pairwise(frames))
    weak = run.evidence in {Evidence.AUTOMATIC, Evidence.SILENT}
    if not run.shows_one_scene():
        credible = not run.shows_different_scenes() and (not weak or (regular and several))
        return bool(stated and quick and dated and credible)
    pauses = [pause_between(one, other) for one, other in pairwise(frames)]
    if any(pause is not None and pause > LONGEST_PAUSE for pause in pauses):
        return False
    if len(regular_windows(run)) > 1 and not (quick and dated):
        return False
    meant = not weak or modes == {"manual"} or (stated and not dated)
    slow = (several and modes != {"auto"}) or (meant and run.evidence is not Evidence.SEEN)
    return meant if quick else slow

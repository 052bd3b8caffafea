"""Triples from a folder: every subfolder is a scene, and the files state their exposures.

A folder with repeated exposures is split into scenes if a batch would find several brackets in it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from expinterp.brackets import Frame, is_damaged, plan_brackets, scan
from expinterp.core.exposure import stops_of_time
from expinterp.errors import ImageFileError
from expinterp.evaluation.scenes.manifest import read_manifest
from expinterp.evaluation.scenes.triples import (
    FailedTriple,
    Material,
    TimedBracket,
    Triple,
    even_triples,
)
from expinterp.images.read import LIGHT

LIST = "scenes.json"  # describes the folder that holds it
FEWEST = 3


def find_material(source: Path) -> Material:
    """Find triples in a folder, or read them from a list.

    Parameters
    ----------
    source : Path
        A list of scenes in JSON (see `read_manifest`), a folder that holds one as ``scenes.json``,
        or a folder that holds, or whose subfolders hold, three or more exposures of each scene.

    Returns
    -------
    Material
        Empty if there is no triple.

    Raises
    ------
    ImageFileError
        If the source cannot be read.
    """
    if not source.is_dir():
        if not source.exists():
            message = f"{source}: no such file or folder; check the path"
            raise ImageFileError(message)
        return read_manifest(source)
    if (source / LIST).is_file():
        return read_manifest(source / LIST)
    return sort_frames(scan(source), source.absolute())


def sort_frames(frames: Iterable[Frame], root: Path) -> Material:
    """Sort frames, as `scan` finds them below `root`, into scenes; find the triples of each.

    Results of this program are no photographs.
    """
    folders: dict[str, list[Frame]] = defaultdict(list)
    damaged = []
    for frame in frames:
        if frame.computed:
            continue
        if frame.problem is None:
            folders[frame.folder].append(frame)
        elif is_damaged(frame):
            damaged.append(FailedTriple(frame.path, str(frame.problem)))
    found = [
        _sort_scene(name, frames, root)
        for folder, held in folders.items()
        for name, frames in _scenes_of(folder or root.name, _of_one_kind(held))
    ]
    return Material(
        triples=tuple(triple for scene in found for triple in scene.triples),
        brackets=tuple(bracket for scene in found for bracket in scene.brackets),
        damaged=tuple(damaged),
        remarks=tuple(remark for scene in found for remark in scene.remarks),
    )


def _of_one_kind(frames: Sequence[Frame]) -> list[Frame]:
    """Keep finished pictures, or raw and linear files if there are more; the two do not mix."""
    light = [frame for frame in frames if frame.format in LIGHT]
    finished = [frame for frame in frames if frame.format not in LIGHT]
    return light if len(light) > len(finished) else finished


def _scenes_of(folder: str, held: Sequence[Frame]) -> Iterator[tuple[str, Sequence[Frame]]]:
    """List the scenes of a folder, usually one, as names and frames."""
    repeated = read_stops(held)[1]
    sets = plan_brackets(held).brackets if repeated else ()
    if len(sets) < 2:
        yield folder, held
        return
    frames = {frame.path: frame for frame in held}
    for bracket in sets:
        yield bracket.name, [frames[path] for path in bracket.frames]


def _sort_scene(name: str, held: Sequence[Frame], root: Path) -> Material:
    """Find the triples among the frames of one scene."""
    stops, remarks = read_stops(held)
    remarks = [f"{name}: {remark}" for remark in remarks]
    frames = list(stops)
    found = even_triples(list(stops.values()))
    if not found:
        return Material((), remarks=(*remarks, f"{name}: {_why_none(held, frames)}"))
    files = {frame: root / frame.path for frame in frames}
    triples = []
    for long, medium, short in ([frames[index] for index in one] for one in found):
        ratio = 2.0 ** (stops[long] - stops[short])
        camera = long.exposure.camera
        triples.append(Triple(name, camera, files[long], files[medium], files[short], ratio))
    times = tuple(2.0**each for each in stops.values())
    bracket = TimedBracket(name, frames[0].exposure.camera, tuple(files.values()), times)
    return Material(tuple(triples), (bracket,), remarks=tuple(remarks))


def read_stops(frames: Iterable[Frame]) -> tuple[dict[Frame, float], list[str]]:
    """Read the exposures of frames in stops, the first frame of each exposure only.

    Times are read as nominal (1/15, 1/60 and 1/250 are two stops apart each) or as exact,
    whichever gives more triples.

    Returns
    -------
    dict of Frame to float
        Without frames that state no time.
    list of str
        What was left out, and why.
    """
    first_of: dict[float, Frame] = {}
    remarks = []
    for frame in frames:
        if frame.ev is None:
            continue
        first = first_of.setdefault(round(frame.ev, 2), frame)
        if first is not frame:
            remarks.append(
                f"{first.path} and {frame.path} have the same exposure; the first is used"
            )
    readings = ({frame: read(frame) for frame in first_of.values()} for read in (_nominal, _exact))
    return max(readings, key=lambda stops: len(even_triples(list(stops.values())))), remarks


def _nominal(frame: Frame) -> float:
    return frame.ev or 0.0


def _exact(frame: Frame) -> float:
    time = frame.exposure.time or 1.0
    return _nominal(frame) - stops_of_time(time) + math.log2(time)


def _why_none(held: Sequence[Frame], timed: Sequence[Frame]) -> str:
    """State why a folder gives no triple."""
    if len(held) < FEWEST:
        return f"{len(held)} of the {FEWEST} exposures that a triple needs"
    if len(timed) < FEWEST:
        return f"{len(held)} pictures, but {len(timed)} different exposures stated in them"
    return f"no three of its {len(timed)} exposures are evenly spaced"

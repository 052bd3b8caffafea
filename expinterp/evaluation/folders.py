"""Triples from a folder: every subfolder is a scene, its files state their exposures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from expinterp.brackets import Frame, scan
from expinterp.errors import ImageFileError
from expinterp.evaluation.manifest import read_manifest
from expinterp.evaluation.triples import Bracket, Failure, Material, Triple, even_triples
from expinterp.images import FORMATS

LIST = "scenes.json"  # a folder that holds one is described by it
FEWEST = 3


def find_material(source: Path) -> Material:
    """Find triples in a folder, or read a list of them.

    Parameters
    ----------
    source : Path
        A list of scenes in JSON (see `read_manifest`), a folder that holds one as ``scenes.json``,
        or a folder whose subfolders, or itself, hold three or more exposures of a scene.

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
    """Sort frames into scenes, one a folder, and find the triples of each.

    Parameters
    ----------
    frames : iterable of Frame
        As `scan` finds them below `root`.
    root : Path
    """
    scenes: dict[str, list[Frame]] = defaultdict(list)
    damaged, unused = [], []
    for frame in frames:
        if frame.problem is None and frame.format in FORMATS:
            scenes[frame.folder].append(frame)
        elif frame.problem and _is_readable(frame.path):
            damaged.append(Failure(frame.path, frame.problem))
    triples, brackets = [], []
    for folder, held in scenes.items():
        name = folder or root.name
        timed = _one_of_each(held)
        found = even_triples([_ev(frame) for frame in timed])
        if not found:
            unused.append(f"{name}: {_why_none(held, timed)}")
            continue
        triples += [_triple(name, root, *(timed[index] for index in one)) for one in found]
        brackets.append(_bracket(name, root, timed))
    return Material(tuple(triples), tuple(brackets), tuple(damaged), tuple(unused))


def _is_readable(path: str) -> bool:
    """Tell a file or folder that should be readable from what is never read."""
    suffixes = tuple(suffix for form in FORMATS.values() for suffix in form.suffixes)
    return path.lower().endswith((*suffixes, "/"))


def _one_of_each(frames: Iterable[Frame]) -> list[Frame]:
    """Keep the frames that state an exposure, the first of each."""
    first: dict[float, Frame] = {}
    for frame in frames:
        if frame.ev is not None:
            first.setdefault(round(frame.ev, 2), frame)
    return list(first.values())


def _ev(frame: Frame) -> float:
    return frame.ev or 0.0


def _triple(name: str, root: Path, long: Frame, medium: Frame, short: Frame) -> Triple:
    return Triple(
        scene=name,
        camera=long.exposure.camera,
        long=root / long.path,
        medium=root / medium.path,
        short=root / short.path,
        ratio=2.0 ** (_ev(long) - _ev(short)),
    )


def _bracket(name: str, root: Path, frames: Sequence[Frame]) -> Bracket:
    files = tuple(root / frame.path for frame in frames)
    return Bracket(
        name, frames[0].exposure.camera, files, tuple(2.0 ** _ev(frame) for frame in frames)
    )


def _why_none(held: Sequence[Frame], timed: Sequence[Frame]) -> str:
    """Say why a folder gives no triple."""
    if len(held) < FEWEST:
        return f"{len(held)} of the three exposures that a triple needs"
    if len(timed) < FEWEST:
        return f"{len(held)} pictures, but {len(timed)} different exposures stated in them"
    return f"no three of its {len(timed)} exposures are evenly spaced"

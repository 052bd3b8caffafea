"""Triples from a list of scenes in JSON.

::

    [{"scene": "folder beside the list", "camera": "name or null",
      "frames": [{"file": "00.jpg", "time_s": 0.25}, ...],
      "triples": [{"long": "04.jpg", "medium": "02.jpg", "short": "00.jpg", "ev_span": 4.0}, ...]}]

Other keys are ignored. Unknown times may follow from the numbers in the names of the files: see
`_steps`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from expinterp.errors import ImageFileError, flaw
from expinterp.evaluation.scenes.triples import Material, TimedBracket, Triple
from expinterp.files import read_small
from expinterp.text import MALFORMED, parse_json

MOST_SPAN = 40.0  # EV; more is not an exposure
MAX_LIST = 1 << 28  # bytes
EVENLY = 0.02  # largest relative difference of steps that count as equal

REMEDY = "correct it, or give a folder with a subfolder for each scene"

SceneFacts = Mapping[str, Any]


def read_manifest(path: Path) -> Material:
    """Read a list of scenes.

    Raises
    ------
    ImageFileError
        If it cannot be read, or is not such a list.
    """
    content = read_small(path, MAX_LIST)
    try:
        scenes = parse_json(content.decode("utf-8-sig"))
    except MALFORMED as error:
        message = f"{path}: is not a list of scenes in JSON ({flaw(error)}); {REMEDY}"
        raise ImageFileError(message) from error
    return read_scenes(scenes, path)


def read_scenes(scenes: Any, path: Path) -> Material:
    """Build triples and brackets from the content of a list; names are relative to its folder."""
    base = path.parent.absolute()
    try:
        triples = [triple for scene in scenes for triple in _triples(scene, base)]
        steps = _steps(scenes)
        brackets = [found for scene in scenes if (found := _bracket(scene, base, steps))]
    except MALFORMED as error:
        message = f"{path}: is not a list of scenes and their triples ({flaw(error)}); {REMEDY}"
        raise ImageFileError(message) from error
    return Material(tuple(triples), tuple(brackets))


def _triples(scene: SceneFacts, base: Path) -> Iterable[Triple]:
    folder, name = base / scene["scene"], str(scene["scene"])
    for triple in scene["triples"]:
        span = float(triple["ev_span"])
        if not 0 < span <= MOST_SPAN:
            msg = f"ev_span of {name} is {span}"
            raise ValueError(msg)
        long, medium, short = (folder / triple[shot] for shot in ("long", "medium", "short"))
        yield Triple(name, _camera(scene), long, medium, short, 2.0**span)


def _camera(scene: SceneFacts) -> str | None:
    camera = scene.get("camera")
    return None if camera is None else str(camera)


def _bracket(scene: SceneFacts, base: Path, steps: Mapping[str, float]) -> TimedBracket | None:
    """Find the times of the files of a scene, from the list or from their numbers."""
    frames = scene.get("frames") or []
    files = [base / scene["scene"] / frame["file"] for frame in frames]
    times = [frame.get("time_s") for frame in frames]
    camera = _camera(scene)
    step = steps.get(camera or "")
    if step and not all(times):
        times = [2.0 ** (step * int(file.stem)) for file in files]
    if not files or not all(time and 0 < time < math.inf for time in times):
        return None
    return TimedBracket(str(scene["scene"]), camera, tuple(files), tuple(times))


def _steps(scenes: Iterable[SceneFacts]) -> dict[str, float]:
    """Find cameras whose files are numbered by exposure; return the EV between two numbers.

    Every triple states the stops between its numbers. If all triples of a camera agree, the number
    of a file determines its exposure.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for scene in scenes:
        for triple in scene["triples"]:
            found[_camera(scene) or ""].append(_step(triple))
    means = {camera: math.fsum(steps) / len(steps) for camera, steps in found.items() if camera}
    return {
        camera: mean
        for camera, mean in means.items()
        if mean > 0 and max(found[camera]) - min(found[camera]) <= EVENLY * mean
    }


def _step(triple: Mapping[str, Any]) -> float:
    """Compute EV per number between the files of a triple; NaN if they are not numbered evenly."""
    try:
        long, medium, short = (int(Path(triple[s]).stem) for s in ("long", "medium", "short"))
    except ValueError:
        return math.nan
    even = long - medium == medium - short != 0
    return float(triple["ev_span"]) / (long - short) if even else math.nan

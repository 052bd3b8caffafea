"""Folders of triples by a known camera: small pictures that state their exposures."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from synthetic import expose, scene

from expinterp.evaluation.scenes.triples import Triple
from expinterp.evaluation.study import Candidate, Column, Method, Outcome, Study
from expinterp.evaluation.trial import mean_scores
from expinterp.images import Metadata, with_exposure_time, write_photograph

TIMES = (1 / 4, 1 / 16, 1 / 64)  # seconds: exact stops, unlike nominal times
BRIGHT = 16.0  # light on the scene; a quarter of a second clips some of it
COLUMNS = (
    Column("good", "good", "the more the better", 2),
    Column("bad", "bad", "", 1, 100, False),
)


def shoot(time: float, *, seed: int = 0, bits: int = 8, size: tuple[int, int] = (96, 128)):
    """Photograph a scene."""
    return expose(scene(size, seed=seed) * BRIGHT / 4, time, bits=bits)


def write_scene(
    folder: Path, times: Iterable[float] = TIMES, *, seed: int = 0, bits: int = 8
) -> list[Path]:
    """Write a bracket as PNG that states its times."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, time in enumerate(times):
        paths.append(folder / f"{index:02d}.png")
        metadata = with_exposure_time(Metadata(), time)
        write_photograph(shoot(time, seed=seed, bits=bits), paths[-1], metadata=metadata)
    return paths


def write_list(folder: Path, scenes: Mapping[str, int], camera: str | None = "A B") -> Path:
    """Write scenes of nine exposures without times, numbered by stops, and their list."""
    listed = []
    for name, seed in scenes.items():
        for index in range(9):
            path = folder / name / f"{index:02d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_photograph(shoot(2.0 ** (index - 9), seed=seed), path)
        frames = [{"file": f"{index:02d}.png", "time_s": None} for index in range(9)]
        triple = {"long": "07.png", "medium": "05.png", "short": "03.png", "ev_span": 4.0}
        listed.append({"scene": name, "camera": camera, "frames": frames, "triples": [triple]})
    path = folder / "scenes.json"
    path.write_text(json.dumps(listed), "utf-8")
    return path


def triple(name: str = "scene", camera: str | None = "A B", ev: float = 4.0) -> Triple:
    """Make a triple of files that need not exist."""
    files = (Path(name) / f"{shot}.png" for shot in ("long", "medium", "short"))
    return Triple(name, camera, *files, ratio=2.0**ev)


def study_of(**methods) -> Study:
    """Make a study of methods that return numbers as pictures; the first is the base."""
    made = tuple(Method(name, f"label of {name}", make) for name, make in methods.items())

    def score(case, candidate: Candidate):
        return candidate.pixels

    return Study(
        "test", made, COLUMNS, next(iter(methods)), 0.2, lambda t: t, score, lambda c, r: r
    )


def outcome(triple: Triple, **good: float | None) -> Outcome:
    """Make an outcome from the first column of every method."""
    return Outcome(
        triple, {name: mean_scores([{"good": v, "bad": 0.5}]) for name, v in good.items()}
    )


def flat(value: int, size: tuple[int, int] = (64, 64), dtype=np.uint8, channels: int = 3):
    """Make a picture of one code value."""
    return np.full((*size, channels), value, dtype)

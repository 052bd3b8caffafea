"""From folders to training pictures: what is learned from, what is held out, and whose it is.

A folder holds radiance maps, or photographed brackets. Each is split by scene, before any picture
is cut; a seed decides how.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from expinterp.core.response import Profile
from expinterp.errors import ImageFileError
from expinterp.evaluation import Material, find_material
from expinterp.evaluation.scenes.triples import Triple as Files
from expinterp.files import replacing
from expinterp.images import read_header
from expinterp.training.brackets import (
    Example,
    brackets_of,
    every_triple,
    read_examples,
    share_profile,
)
from expinterp.training.data import (
    FIELDS,
    FieldStage,
    Patches,
    TrainingTriple,
    cut_patches,
    join_patches,
    read_radiance,
    render_triples,
    split_scenes,
)
from expinterp.training.run import digest
from expinterp.training.settings import TrainingSettings
from expinterp.training.simulator.camera import read_responses

RADIANCE = (".hdr", ".exr")
LICENCES = ("LICENSE*", "LICENCE*", "COPYING*")
MEASURED = 60  # photographs rendered of held-out scenes
MOST_PIXELS = 1_500_000_000  # of all mediums read to learn from; a minute per 500 million
FEWEST = 24  # triples that are read however large they are
PARTS = ("patches", "held_out")
CHECK: dict[str, Any] = {"side": 16, "per_triple": 40, "tone": True}  # patches that are measured on
Told = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """Where pictures are from.

    Attributes
    ----------
    name : str
        Of the folder or list.
    kind : {'radiance maps', 'photographed brackets'}
    learned, held_out : tuple of str
        Scenes.
    licences : tuple of str
        Names of the licence files beside the data.
    digest : str
        SHA-256 over all files that are used.
    """

    name: str
    kind: str
    learned: tuple[str, ...]
    held_out: tuple[str, ...]
    licences: tuple[str, ...]
    digest: str


@dataclass(frozen=True)
class Lesson:
    """What a network learns from, and what it is measured on.

    Attributes
    ----------
    patches, held_out : Patches
        Of different scenes; the latter with the tone error left in. None where nothing is held out.
    remarks : tuple of str
        What was passed over, and why.
    """

    patches: Patches
    held_out: Patches | None
    remarks: tuple[str, ...] = ()


class Supply(Protocol):
    """Something that pictures can be made of."""

    @property
    def source(self) -> Source:
        """Where they are from."""

    def make(self, settings: TrainingSettings, told: Told) -> Lesson:
        """Make the patches."""


def open_supply(
    source: Path, settings: TrainingSettings, *, responses: Path | None = None
) -> Supply:
    """Look at a folder and split its scenes.

    Parameters
    ----------
    source : Path
        A folder of radiance maps, or what `find_material` takes.
    responses : Path, optional
        Folder of camera response curves; radiance maps need it.

    Raises
    ------
    ImageFileError
        If there are not two scenes or more in it, or `responses` is missing.
    """
    if source.is_dir() and any(path.suffix in RADIANCE for path in source.iterdir()):
        if responses is None:
            message = f"{source}: radiance maps need response curves too; add --responses FOLDER"
            raise ImageFileError(message)
        maps = [path for path in source.iterdir() if path.suffix in RADIANCE]
        _check_split(source, len(maps), settings)
        learned, held_out = split_scenes(maps, held_out=settings.held_out, seed=settings.seed)
        return Maps(source, tuple(learned), tuple(held_out), responses)
    return take_brackets(source, find_material(source), settings)


def take_brackets(source: Path, material: Material, settings: TrainingSettings) -> Photographs:
    """Split the scenes of brackets; as `open_supply`, which finds them first.

    Where stage one is to know the camera, its profile is measured on those that are learned from.
    """
    scenes = sorted({triple.scene for triple in material.triples})
    _check_split(source, len(scenes), settings)
    names, others = split_scenes(scenes, held_out=settings.held_out, seed=settings.seed)
    known = settings.known == "camera"
    profile = share_profile(brackets_of(material, names)) if known else None
    return Photographs(source, material, tuple(names), tuple(others), profile)


def _check_split(source: Path, scenes: int, settings: TrainingSettings) -> None:
    if not 0 < settings.held_out < scenes:
        message = (
            f"{source}: {scenes} scenes, {settings.held_out} to be held out; "
            "there must be scenes to learn from and others to measure on"
        )
        raise ImageFileError(message)


@dataclass(frozen=True)
class Maps:
    """Radiance maps that photographs are rendered of."""

    folder: Path
    learned: tuple[Path, ...]
    held_out: tuple[Path, ...]
    responses: Path

    @cached_property
    def source(self) -> Source:
        """Where they are from."""
        learned, held_out = ([path.stem for path in each] for each in (self.learned, self.held_out))
        files = [*self.learned, *self.held_out, *self.responses.iterdir()]
        return _describe(self.folder, "radiance maps", learned, held_out, files)

    def make(self, settings: TrainingSettings, told: Told) -> Lesson:
        """Render photographs; those of held-out maps are measured on."""
        share: dict[str, Any] = {
            "side": settings.side,
            "per_triple": settings.patches,
            "tone": settings.tone,
        }
        learned = self._render(self.learned, settings.photographs, settings.seed, settings, told)
        patches = cut_patches(*learned, seed=settings.seed, **share)
        seed = settings.seed + 1
        held_out = self._render(self.held_out, MEASURED, seed, settings, told)
        return Lesson(patches, cut_patches(*held_out, seed=seed, **CHECK))

    def _render(
        self, maps: Sequence[Path], count: int, seed: int, settings: TrainingSettings, told: Told
    ) -> tuple[Iterator[TrainingTriple], FieldStage]:
        """Give the triples, and the stage one that computes their y0."""
        scenes = {path: read_radiance(path) for path in maps}
        curves = read_responses(self.responses)
        triples = render_triples(scenes, curves, count=count, seed=seed)
        stage_one = FieldStage(self.responses, strangers=settings.strangers, seed=seed)
        return _counted(triples, f"photographs rendered of {count}", told), stage_one


@dataclass(frozen=True)
class Photographs:
    """Photographed brackets."""

    folder: Path
    material: Material
    learned: tuple[str, ...]
    held_out: tuple[str, ...]
    profile: Profile | None = None

    @cached_property
    def source(self) -> Source:
        """Where they are from."""
        files = sorted({file for triple in self.material.triples for file in triple.files})
        kind = "photographed brackets"
        return _describe(self.folder, kind, self.learned, self.held_out, files)

    def make(self, settings: TrainingSettings, told: Told) -> Lesson:
        """Cut patches of all triples that serve; what is measured on are those that are listed."""
        triples = thin(every_triple(self.material, self.learned), seed=settings.seed)
        per_triple = -(-settings.photographs * settings.patches // len(triples))
        share: dict[str, Any] = {"side": settings.side, "per_triple": per_triple}
        share["tone"] = settings.tone
        patches, remarks = self._cut(triples, settings, told, seed=settings.seed, **share)
        apart = [one for one in self.material.triples if one.scene in self.held_out]
        if not apart:
            return Lesson(patches, None, tuple(remarks))
        held_out, more = self._cut(apart, settings, told, seed=settings.seed + 1, **CHECK)
        return Lesson(patches, held_out, (*remarks, *more))

    def _cut(
        self, files: Sequence[Files], settings: TrainingSettings, told: Told, **share: Any
    ) -> tuple[Patches, list[str]]:
        """Cut patches of triples, one by one; also say which do not serve, and why."""
        remarks: list[str] = []

        def serving() -> Iterator[Example]:
            read = read_examples(files, known=settings.known, profile=self.profile)
            for one in _counted(read, f"triples read of {len(files)}", told):
                if isinstance(one, Example):
                    yield one
                else:
                    remarks.append(one)
            if len(remarks) == len(files):
                message = f"{self.folder}: no triple serves ({'; '.join(remarks[:3])})"
                raise ImageFileError(message)

        return cut_patches(serving(), attrgetter("estimates"), **share), remarks


Item = TypeVar("Item")


def thin(triples: Sequence[Files], *, seed: int) -> list[Files]:
    """Leave out triples at random, so that those of large photographs take no longer to read."""
    header = read_header(triples[0].long)
    most = max(FEWEST, MOST_PIXELS // (header.rows * header.cols))
    chosen = np.random.default_rng(seed).permutation(len(triples))[:most]
    return [triples[index] for index in sorted(chosen)]


def _counted(items: Iterable[Item], what: str, told: Told) -> Iterator[Item]:
    """Pass items on, and tell how many have passed."""
    for count, item in enumerate(items, start=1):
        told(f"{count} {what}")
        yield item


def _describe(
    place: Path, kind: str, learned: Iterable[str], held_out: Iterable[str], files: Iterable[Path]
) -> Source:
    """Describe a source; files count by their names and contents, not by where they lie."""
    found = hashlib.sha256()
    for path in sorted(files, key=lambda path: (path.parent.name, path.name)):
        found.update(path.name.encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    folder = place if place.is_dir() else place.parent
    licences = sorted(path.name for pattern in LICENCES for path in folder.glob(pattern))
    name = place.resolve().name
    return Source(name, kind, tuple(learned), tuple(held_out), tuple(licences), found.hexdigest())


def collect(
    supplies: Sequence[Supply],
    settings: TrainingSettings,
    *,
    cache: Path | None = None,
    told: Told = lambda words: None,
) -> Lesson:
    """Make the patches of all sources, or read those made before.

    Parameters
    ----------
    cache : Path, optional
        Folder where patches are kept, by what they are made of.
    told : function, optional
        Called with what has been done.

    Raises
    ------
    ImageFileError
        If a source has nothing that serves.
    """
    key = digest([asdict(supply.source) for supply in supplies], asdict(settings))
    kept = cache / f"patches-{key[:16]}.npz" if cache else None
    if kept and kept.exists():
        return read_lesson(kept)
    lessons = [supply.make(settings, told) for supply in supplies]
    held_out = [one.held_out for one in lessons if one.held_out]
    lesson = Lesson(
        join_patches([one.patches for one in lessons]),
        join_patches(held_out) if held_out else None,
        tuple(remark for one in lessons for remark in one.remarks),
    )
    if kept:
        write_lesson(kept, lesson)
    return lesson


def read_lesson(path: Path) -> Lesson:
    """Read what `write_lesson` wrote."""
    with np.load(path) as held:
        parts = {
            part: Patches(*(held[f"{part}.{name}"] for name in FIELDS))
            for part in PARTS
            if f"{part}.{FIELDS[0]}" in held
        }
        remarks = tuple(map(str, held["remarks"]))
        return Lesson(parts["patches"], parts.get("held_out"), remarks)


def write_lesson(path: Path, lesson: Lesson) -> None:
    """Keep a lesson as one file, written all at once."""
    parts = {part: getattr(lesson, part) for part in PARTS}
    arrays = {
        f"{part}.{n}": getattr(held, n) for part, held in parts.items() if held for n in FIELDS
    }
    with replacing(path, overwrite=True) as stream:
        np.savez(stream, remarks=np.array(lesson.remarks, dtype=np.str_), **arrays)

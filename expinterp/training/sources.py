"""Sources of training data: which scenes are learned from, which are held out, and licences.

A source is a folder of radiance maps, or photographed brackets. It is split by scene before any
patch is cut, so no scene is on both sides; a seed decides how.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from expinterp.core.response.calibration import Profile
from expinterp.errors import ImageFileError
from expinterp.evaluation import Material, Triple, find_material
from expinterp.images import read_header
from expinterp.training.brackets import (
    BracketTriple,
    brackets_of,
    calibrate_brackets,
    list_triples,
    read_triples,
)
from expinterp.training.patches import (
    Patches,
    TrainingData,
    cut_patches,
    join_patches,
    read_data,
    split_scenes,
    write_data,
)
from expinterp.training.run import digest
from expinterp.training.settings import TrainingSettings
from expinterp.training.simulator.camera import read_responses
from expinterp.training.simulator.triples import StageOneOfPair, read_radiance, render_triples

RADIANCE = (".hdr", ".exr")
LICENCES = ("LICENSE*", "LICENCE*", "COPYING*")
MEASURED = 60  # triples rendered of held-out scenes
MOST_PIXELS = 1_500_000_000  # of all mediums to learn from; 500 million take a minute to read
FEWEST = 24  # triples that are read however large they are
MEASURING: dict[str, Any] = {"side": 16, "per_triple": 40, "tone": True}  # held-out patches
STAGE_ONE = attrgetter("stage_one")  # of a `BracketTriple`
Progress = Callable[[str], None]
Item = TypeVar("Item")


@dataclass(frozen=True)
class SourceDescription:
    """What the model card states about a source."""

    name: str  # of the folder or list
    kind: str  # 'radiance maps' or 'photographed brackets'
    learned: tuple[str, ...]  # scenes
    held_out: tuple[str, ...]  # scenes
    licences: tuple[str, ...]  # names of licence files beside the data
    digest: str  # SHA-256 over all files that are used


def open_source(
    source: Path, settings: TrainingSettings, *, responses: Path | None = None
) -> RadianceSource | BracketSource:
    """Find the radiance maps or the brackets (see `find_material`) of a folder; split its scenes.

    Raises
    ------
    ImageFileError
        If there are too few scenes, or radiance maps without `responses`, a folder of curves.
    """
    if source.is_dir() and any(path.suffix in RADIANCE for path in source.iterdir()):
        if responses is None:
            message = f"{source}: radiance maps need response curves too; add --responses FOLDER"
            raise ImageFileError(message)
        maps = [path for path in source.iterdir() if path.suffix in RADIANCE]
        _check_split(source, len(maps), settings)
        learned, held_out = split_scenes(maps, held_out=settings.held_out, seed=settings.seed)
        return RadianceSource(source, tuple(learned), tuple(held_out), responses)
    return open_brackets(source, find_material(source), settings)


def open_brackets(source: Path, material: Material, settings: TrainingSettings) -> BracketSource:
    """Split the scenes of brackets that were found in `source`.

    If stage one is to know the camera, its profile is measured on the scenes that are learned from.
    """
    scenes = sorted({triple.scene for triple in material.triples})
    _check_split(source, len(scenes), settings)
    learned, held_out = split_scenes(scenes, held_out=settings.held_out, seed=settings.seed)
    known = settings.known == "camera"
    profile = calibrate_brackets(brackets_of(material, learned)) if known else None
    return BracketSource(source, material, tuple(learned), tuple(held_out), profile)


def _check_split(source: Path, scenes: int, settings: TrainingSettings) -> None:
    if not 0 < settings.held_out < scenes:
        message = (
            f"{source}: {scenes} scenes, {settings.held_out} to be held out; "
            "there must be scenes to learn from and others to measure on"
        )
        raise ImageFileError(message)


@dataclass(frozen=True)
class RadianceSource:
    """Radiance maps; simulated cameras photograph them."""

    folder: Path
    learned: tuple[Path, ...]
    held_out: tuple[Path, ...]
    responses: Path

    @cached_property
    def description(self) -> SourceDescription:
        """What the model card states about it."""
        learned, held_out = (
            tuple(path.stem for path in each) for each in (self.learned, self.held_out)
        )
        files = [*self.learned, *self.held_out, *self.responses.iterdir()]
        return _describe(self.folder, "radiance maps", learned, held_out, files)

    def prepare(self, settings: TrainingSettings, progress: Progress) -> TrainingData:
        """Render triples and cut patches of them."""
        options: dict[str, Any] = {"side": settings.side, "per_triple": settings.patches}
        options |= {"tone": settings.tone, "seed": settings.seed}
        count, seed = settings.photographs, settings.seed + 1
        patches = self._cut(self.learned, count, settings, progress, **options)
        held_out = self._cut(self.held_out, MEASURED, settings, progress, seed=seed, **MEASURING)
        return TrainingData(patches, held_out)

    def _cut(
        self,
        maps: Sequence[Path],
        count: int,
        settings: TrainingSettings,
        progress: Progress,
        *,
        seed: int,
        **options: Any,
    ) -> Patches:
        """Cut patches of `count` triples, rendered one by one."""
        scenes = {path: read_radiance(path) for path in maps}
        triples = render_triples(scenes, read_responses(self.responses), count=count, seed=seed)
        counted = _counted(triples, f"of {count} triples rendered", progress)
        stage_one = StageOneOfPair(self.responses, unknown=settings.strangers, seed=seed)
        return cut_patches(counted, stage_one, seed=seed, **options)


@dataclass(frozen=True)
class BracketSource:
    """Photographed brackets, with the profile of their camera if stage one is to know it."""

    folder: Path
    material: Material
    learned: tuple[str, ...]
    held_out: tuple[str, ...]
    profile: Profile | None = None

    @cached_property
    def description(self) -> SourceDescription:
        """What the model card states about it."""
        files = sorted({file for triple in self.material.triples for file in triple.files})
        kind = "photographed brackets"
        return _describe(self.folder, kind, self.learned, self.held_out, files)

    def prepare(self, settings: TrainingSettings, progress: Progress) -> TrainingData:
        """Cut patches of all triples to learn from, and of the given triples to measure on."""
        triples = thin(list_triples(self.material, self.learned), seed=settings.seed)
        faults: list[str] = []
        options: dict[str, Any] = {"side": settings.side, "tone": settings.tone}
        options["per_triple"] = -(-settings.photographs * settings.patches // len(triples))
        learned = self._read_usable(triples, settings, progress, faults)
        patches = cut_patches(learned, STAGE_ONE, seed=settings.seed, **options)
        if not self.held_out_triples:
            return TrainingData(patches, None, tuple(faults))
        others = self._read_usable(self.held_out_triples, settings, progress, faults)
        held_out = cut_patches(others, STAGE_ONE, seed=settings.seed + 1, **MEASURING)
        return TrainingData(patches, held_out, tuple(faults))

    @property
    def held_out_triples(self) -> list[Triple]:
        """The given triples of held-out scenes."""
        return [one for one in self.material.triples if one.scene in self.held_out]

    def _read_usable(
        self,
        triples: Sequence[Triple],
        settings: TrainingSettings,
        progress: Progress,
        faults: list[str],
    ) -> Iterator[BracketTriple]:
        """Yield usable triples, one by one; append to `faults` why others are unusable."""
        read, found = read_triples(triples, known=settings.known, profile=self.profile), False
        for one in _counted(read, f"of {len(triples)} triples read", progress):
            if isinstance(one, BracketTriple):
                found = True
                yield one
            else:
                faults.append(one)
        if not found:
            reasons = "; ".join(faults[-len(triples) :][:3])
            message = f"{self.folder}: no triple is usable ({reasons})"
            raise ImageFileError(message)


def thin(triples: Sequence[Triple], *, seed: int) -> list[Triple]:
    """Choose triples at random, so that large photographs do not take longer to read."""
    header = read_header(triples[0].long)
    most = max(FEWEST, MOST_PIXELS // (header.rows * header.cols))
    chosen = np.random.default_rng(seed).permutation(len(triples))[:most]
    return [triples[index] for index in sorted(chosen)]


def _counted(items: Iterable[Item], what: str, progress: Progress) -> Iterator[Item]:
    """Yield items, and report their number."""
    for count, item in enumerate(items, start=1):
        progress(f"{count} {what}")
        yield item


def _describe(
    place: Path,
    kind: str,
    learned: tuple[str, ...],
    held_out: tuple[str, ...],
    files: Iterable[Path],
) -> SourceDescription:
    """Describe a source; the digest is over names and contents of files, not over their folders."""
    found = hashlib.sha256()
    for path in sorted(files, key=lambda path: (path.parent.name, path.name)):
        found.update(path.name.encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    folder = place if place.is_dir() else place.parent
    licences = tuple(sorted(path.name for pattern in LICENCES for path in folder.glob(pattern)))
    name = place.resolve().name
    return SourceDescription(name, kind, learned, held_out, licences, found.hexdigest())


def collect_data(
    sources: Sequence[RadianceSource | BracketSource],
    settings: TrainingSettings,
    *,
    cache: Path | None = None,
    progress: Progress = lambda words: None,
) -> TrainingData:
    """Cut the patches of all sources, or read them from the cache.

    Parameters
    ----------
    cache : Path, optional
        Folder that keeps patches, named by a digest of sources and settings.
    progress : function, optional
        Called with a line after each triple.

    Raises
    ------
    ImageFileError
        If a source has no usable triple.
    """
    key = digest([asdict(source.description) for source in sources], asdict(settings))
    kept = cache / f"patches-{key[:16]}.npz" if cache else None
    if kept and kept.exists():
        return read_data(kept)
    parts = [source.prepare(settings, progress) for source in sources]
    held_out = [part.held_out for part in parts if part.held_out]
    data = TrainingData(
        join_patches([part.patches for part in parts]),
        join_patches(held_out) if held_out else None,
        tuple(warning for part in parts for warning in part.warnings),
    )
    if kept:
        write_data(kept, data)
    return data

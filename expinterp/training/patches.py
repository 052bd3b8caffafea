"""Training patches: small squares cut from triples, with what stage one computes of each.

Photographs hold display-encoded code values. y0 and the residual, medium − y0, are in 0..1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Pixels
from expinterp.core.intermediate import Blend
from expinterp.files import replacing
from expinterp.training.simulator.camera import Image

Scene = TypeVar("Scene", Path, str)

TONE_BINS = 40  # bins of y0 over 0..1 in which the tone error is measured


@dataclass(frozen=True)
class TrainingTriple:
    """Three photographs of one scene, uint8 (rows, cols, 3), display-encoded.

    `camera` is the name of the camera whose response they have, or None.
    """

    long: Codes
    medium: Codes
    short: Codes
    camera: str | None


class StageOneImages(NamedTuple):
    """What stage one computes of a pair: float32 (rows, cols, 3), display-encoded, 0..1.

    `intermediate` is y0, a weighted mean of `darkened`, Λ13(long), and `brightened`, Λ23(short).
    """

    intermediate: Image
    darkened: Image
    brightened: Image


StageOne = Callable[["TrainingTriple"], StageOneImages]


@dataclass(frozen=True)
class Patches:
    """Training patches, each (n, 3, side, side)."""

    intermediate: NDArray[np.float16]  # y0, 0..1
    long: Codes
    short: Codes
    darkened: NDArray[np.float16]  # Λ13(long), 0..1
    brightened: NDArray[np.float16]  # Λ23(short), 0..1
    residual: NDArray[np.float16]  # what the network learns: medium − y0, −1..1
    error: NDArray[np.float32]  # (n,), mean squared residual of the whole photograph
    picture: NDArray[np.int32]  # (n,), number of that photograph, from 0

    def __len__(self) -> int:
        return len(self.long)


FIELDS = [field.name for field in fields(Patches)]


@dataclass(frozen=True)
class TrainingData:
    """Patches to learn from, and patches of other scenes to measure on."""

    patches: Patches
    held_out: Patches | None  # with the tone error; None if no scene is held out
    warnings: tuple[str, ...] = ()  # which triples are not used, and why


def split_scenes(
    scenes: Sequence[Scene], *, held_out: int, seed: int
) -> tuple[list[Scene], list[Scene]]:
    """Split scenes (files or names) at random into those to learn from and `held_out` others."""
    order = np.random.default_rng(seed).permutation(len(scenes))
    shuffled = [sorted(scenes)[index] for index in order]
    return shuffled[held_out:], shuffled[:held_out]


def apply_stage_one(blend: Blend, long: Pixels, short: Pixels) -> StageOneImages:
    """Compute y0, Λ13(long) and Λ23(short); grey is repeated in three channels."""
    planes = (blend(long, short), *blend.mapped(long, short))
    return StageOneImages(
        *(
            np.ascontiguousarray(np.broadcast_to(each, (3, *each.shape[1:])).transpose(1, 2, 0))
            for each in planes
        )
    )


def without_tone(residual: Image, y0: Image) -> Image:
    """Subtract from the residual its mean at every code value of y0, channel by channel.

    That mean is the tone error of the whole picture. Its sign is random, and no patch shows it. A
    network that learns it carries the simulator's average error into real photographs.
    """
    bins = (y0 * TONE_BINS).astype(np.intp).clip(0, TONE_BINS - 1)
    rest = np.empty_like(residual)
    for channel in range(3):
        index, values = bins[..., channel], residual[..., channel]
        count = np.bincount(index.ravel(), minlength=TONE_BINS)
        total = np.bincount(index.ravel(), values.ravel(), minlength=TONE_BINS)
        rest[..., channel] = values - (total / np.maximum(count, 1))[index]
    return rest


def cut_patches(
    triples: Iterable[TrainingTriple],
    stage_one: StageOne,
    *,
    per_triple: int,
    side: int,
    tone: bool,
    seed: int,
) -> Patches:
    """Compute y0 of whole triples and cut patches of side × side pixels at random places.

    Parameters
    ----------
    tone : bool
        Whether the residual includes the tone error of the whole picture.
    """
    random = np.random.default_rng(seed)
    parts = []
    for triple in triples:
        pictures, error = _patch_sources(triple, stage_one(triple), tone=tone)
        limits = np.array(triple.medium.shape[:2]) - side + 1
        corners = [random.integers(0, limits) for _ in range(per_triple)]
        crops = (
            np.stack([p[row : row + side, col : col + side] for row, col in corners])
            for p in pictures
        )
        columns: list[NDArray[Any]] = [crop.transpose(0, 3, 1, 2) for crop in crops]
        columns += [np.full(per_triple, error), np.zeros(per_triple, np.int32)]
        parts.append(Patches(*columns))
    return join_patches(parts)


def _patch_sources(
    triple: TrainingTriple, images: StageOneImages, *, tone: bool
) -> tuple[list[NDArray[Any]], np.float32]:
    """Compute the pictures that patches are cut from, in the order of `Patches`, and the error."""
    y0, darkened, brightened = images
    residual = (triple.medium / np.float32(255) - y0).astype(np.float32)
    target = residual if tone else without_tone(residual, y0)
    first, *others = (each.astype(np.float16) for each in (y0, darkened, brightened, target))
    return [first, triple.long, triple.short, *others], np.float32(np.mean(residual**2))


def join_patches(parts: Sequence[Patches]) -> Patches:
    """Concatenate patches, and number their photographs consecutively."""
    counts = [int(part.picture.max()) + 1 for part in parts]
    starts = np.cumsum([0, *counts[:-1]], dtype=np.int32)
    moved = [replace(p, picture=p.picture + start) for p, start in zip(parts, starts, strict=True)]
    columns = ([getattr(part, name) for part in moved] for name in FIELDS)
    return Patches(*(np.concatenate(column) for column in columns))


def read_data(path: Path) -> TrainingData:
    """Read a file of `write_data`."""
    with np.load(path) as held:
        patches, held_out = (
            [held[f"{part}.{name}"] for name in FIELDS if f"{part}.{name}" in held]
            for part in ("patches", "held_out")
        )
        warnings = tuple(map(str, held["remarks"]))
    return TrainingData(Patches(*patches), Patches(*held_out) if held_out else None, warnings)


def write_data(path: Path, data: TrainingData) -> None:
    """Write training data as one file, all at once."""
    parts = {"patches": data.patches, "held_out": data.held_out}
    arrays = {
        f"{part}.{n}": getattr(held, n) for part, held in parts.items() if held for n in FIELDS
    }
    with replacing(path, overwrite=True) as stream:
        np.savez(stream, remarks=np.array(data.warnings, dtype=np.str_), **arrays)

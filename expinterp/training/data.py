"""Training pictures: windows of radiance maps, photographed three times, and patches of them.

A *scene* is one radiance map. A camera is drawn and photographs a window of it at t1, t3 and t2,
and y0 is computed from the long and the short one alone by the package's own stage one, with
the errors that it has in the field: it is not told the camera, and often has never seen it. Scenes
are split before windows are cut, so no scene is on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.intermediate import Blend
from expinterp.core.mapping import imf_from_response, joint_histogram, matched_levels
from expinterp.core.prior import ResponsePrior, estimate_response
from expinterp.errors import ImageFileError, MissingExtraError
from expinterp.training.prior import as_prior, build_prior
from expinterp.training.simulator.camera import Camera, Image, Responses, draw_camera, photograph

Pixels = NDArray[np.uint8]
Shot = NDArray[np.uint8 | np.uint16]
Scene = TypeVar("Scene", Path, str)
Estimates = tuple[Image, Image, Image]  # y0, Λ13(long), Λ23(short), (rows, cols, 3), 0..1
StageOne = Callable[["TrainingTriple"], Estimates]

WINDOW = (128, 160)  # rows, cols of a simulated photograph
BRIGHTEST = 65504.0  # the largest half float; what a sun of infinite radiance is taken for
USUAL_SPAN = (3.5, 4.6)  # stops between short and long
WIDE_SPAN = (4.6, 8.0)
TONES = 40  # code value bins in which a tone error is measured
DRAWS = 200  # of a scene, before it is given up; of one that serves, nearly every one is of use
DRIFT_EV = 0.015  # standard deviation of the time of each shot, as real shutters have


@dataclass(frozen=True)
class TrainingTriple:
    """Three photographs of one window, uint8 (rows, cols, 3), display-encoded."""

    long: Pixels
    medium: Pixels
    short: Pixels
    camera: str | None


@dataclass(frozen=True)
class Patches:
    """What the network learns from, each (n, 3, side, side).

    Attributes
    ----------
    intermediate, darkened, brightened : float16
        y0, Λ13(long) and Λ23(short), 0..1.
    long, short : uint8
        Code values.
    residual : float16
        What is missing from y0.
    error : float32 (n,)
        Mean squared residual of the whole photograph that the patch is from.
    picture : int32 (n,)
        Number of that photograph, from 0.
    """

    intermediate: NDArray[np.float16]
    long: Pixels
    short: Pixels
    darkened: NDArray[np.float16]
    brightened: NDArray[np.float16]
    residual: NDArray[np.float16]
    error: NDArray[np.float32]
    picture: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.long)


FIELDS = [field.name for field in fields(Patches)]


def read_radiance(path: Path) -> Image:
    """Read a radiance map (.hdr or .exr): linear R G B, float32, finite, ≥ 0.

    Raises
    ------
    ImageFileError
        If it cannot be read, or has other channels.
    MissingExtraError
        If it is OpenEXR, and the package that reads it is not installed.
    """
    try:
        radiance = _open_radiance(path)
    except (OSError, RuntimeError, ValueError, LookupError, cv2.error) as error:
        message = (
            f"{path}: cannot be read as a radiance map with the channels R, G and B; "
            "get it anew, or take it out of the folder"
        )
        raise ImageFileError(message) from error
    finite = np.nan_to_num(radiance, posinf=BRIGHTEST)
    return np.ascontiguousarray(np.maximum(finite, 0), np.float32)


def _open_radiance(path: Path) -> NDArray[Any]:
    if path.suffix == ".exr":
        try:
            import OpenEXR
        except ModuleNotFoundError as error:
            message = f"{path}: needs the package OpenEXR: pip install 'expinterp[train]'"
            raise MissingExtraError(message) from error
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = file.channels()
            return np.stack([channels[name].pixels for name in "RGB"], axis=-1)
    content = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(content, np.float32)[:, :, 2::-1]  # IndexError if cv2 gave None, or grey


def split_scenes(
    scenes: Sequence[Scene], *, held_out: int, seed: int
) -> tuple[list[Scene], list[Scene]]:
    """Split radiance maps, or names of scenes, into those to learn from and `held_out` others."""
    order = np.random.default_rng(seed).permutation(len(scenes))
    shuffled = [sorted(scenes)[index] for index in order]
    return shuffled[held_out:], shuffled[:held_out]


def cut_window(radiance: Image, reduction: int, random: np.random.Generator) -> Image:
    """Cut a window at a random place and size, perhaps mirrored.

    It is scaled to what a camera needs whose pictures are to be `WINDOW` when they are reduced.
    """
    rows, cols = (side * reduction for side in WINDOW)
    scale = random.uniform(0.7, 2.0 if reduction == 1 else 1.3)
    scale = min(scale, radiance.shape[0] / rows, radiance.shape[1] / cols)
    height, width = int(rows * scale), int(cols * scale)
    top = random.integers(radiance.shape[0] - height + 1)
    left = random.integers(radiance.shape[1] - width + 1)
    window = radiance[top : top + height, left : left + width]
    method = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    window = np.asarray(cv2.resize(window, (cols, rows), interpolation=method), np.float32)
    return np.ascontiguousarray(window[:, ::-1] if random.random() < 0.5 else window)


def render_triple(window: Image, camera: Camera, random: np.random.Generator) -> TrainingTriple:
    """Photograph a window so that its median tone gets a usual code value in the medium."""
    vividness = np.float32(random.uniform(0.4, 1.0))  # panoramas are more colourful than most views
    luminance = window.mean(axis=2, keepdims=True)
    window = luminance + vividness * (window - luminance)
    code = int(255 * random.uniform(0.05, 0.6))
    middle = camera.response[code].mean() / max(float(np.median(luminance)), 1e-6)
    span = random.uniform(*(WIDE_SPAN if random.random() < 0.3 else USUAL_SPAN))
    stops = np.array([span / 2, 0, -span / 2]) + random.normal(0, DRIFT_EV, 3)
    long, medium, short = (photograph(window, middle * 2.0**ev, camera, random) for ev in stops)
    return TrainingTriple(long, medium, short, camera.name)


def is_informative(triple: TrainingTriple) -> bool:
    """Tell whether the shots share unclipped tones in every channel, as stage one needs."""
    joint = joint_histogram(triple.long, triple.short)
    return all(len(matched_levels(channel)) for channel in joint)


def render_triples(
    scenes: Mapping[Path, Image], responses: Responses, *, count: int, seed: int
) -> Iterator[TrainingTriple]:
    """Render `count` triples, every one with a camera of its own, taking scenes in turn.

    Raises
    ------
    ImageFileError
        If a scene, by whose path it is named, gives none that is informative.
    """
    random = np.random.default_rng(seed)
    for path, radiance in islice(cycle(scenes.items()), count):
        for _ in range(DRAWS):
            camera = draw_camera(responses, random)
            window = cut_window(radiance, camera.reduction, random)
            triple = render_triple(window, camera, random)
            if is_informative(triple):
                break
        else:
            message = (
                f"{path}: none of {DRAWS} pairs rendered of it shares unclipped tones; "
                "take it out of the folder"
            )
            raise ImageFileError(message)
        yield triple


class FieldStage:
    """Stage one as it works in the field: from the pair alone, on known and unknown cameras.

    Parameters
    ----------
    folder : Path
        Response curves, as for `expinterp.training.prior`.
    strangers : float
        Share of photographs whose camera is left out of the prior.
    """

    def __init__(self, folder: Path, *, strangers: float, seed: int) -> None:
        self.folder = folder
        self.strangers = strangers
        self.random = np.random.default_rng(seed)
        self.priors: dict[str | None, ResponsePrior] = {}

    def __call__(self, triple: TrainingTriple) -> Estimates:
        """Compute y0 and what it is the average of."""
        left_out = triple.camera if self.random.random() < self.strangers else None
        if left_out not in self.priors:
            self.priors[left_out] = as_prior(build_prior(self.folder, without=left_out))
        joint = joint_histogram(triple.long, triple.short)
        found = estimate_response(
            [matched_levels(channel) for channel in joint], self.priors[left_out]
        )
        half = np.exp(found.log_ratio / 2)
        imf13, imf23 = (imf_from_response(found.response, scale=k) for k in (1 / half, half))
        return estimate(Blend(imf13, imf23, triple.long.dtype), triple.long, triple.short)


def estimate(blend: Blend, long: Shot, short: Shot) -> Estimates:
    """Compute y0, Λ13(long) and Λ23(short); what is grey is spread over three channels."""
    planes = (blend(long, short), *blend.mapped(long, short))
    y0, darkened, brightened = (
        np.ascontiguousarray(np.broadcast_to(each, (3, *each.shape[1:])).transpose(1, 2, 0))
        for each in planes
    )
    return y0, darkened, brightened


def without_tone(residual: Image, y0: Image) -> Image:
    """Take from the residual its mean at every code value of y0, channel by channel.

    That part is the tone error of the whole picture. Its sign is as good as random and no patch
    tells it; learned all the same, it carries the simulator's average into real photographs.
    """
    bins = (y0 * TONES).astype(np.intp).clip(0, TONES - 1)
    rest = np.empty_like(residual)
    for channel in range(3):
        index, values = bins[..., channel], residual[..., channel]
        count = np.bincount(index.ravel(), minlength=TONES)
        total = np.bincount(index.ravel(), values.ravel(), minlength=TONES)
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
        Whether the tone error of the whole picture is part of the residual to learn.
    """
    random = np.random.default_rng(seed)
    parts = []
    for triple in triples:
        y0, darkened, brightened = stage_one(triple)
        residual = (triple.medium / np.float32(255) - y0).astype(np.float32)
        target = residual if tone else without_tone(residual, y0)
        halves = [each.astype(np.float16) for each in (y0, darkened, brightened, target)]
        pictures: list[NDArray[Any]] = [halves[0], triple.long, triple.short, *halves[1:]]
        corners = [random.integers(0, np.array(y0.shape[:2]) - side + 1) for _ in range(per_triple)]
        crops = (
            np.stack([p[row : row + side, col : col + side] for row, col in corners])
            for p in pictures
        )
        error = np.float32(np.mean(residual**2))
        columns = [crop.transpose(0, 3, 1, 2) for crop in crops]
        columns += [np.full(per_triple, error), np.zeros(per_triple, np.int32)]
        parts.append(Patches(*columns))
    return join_patches(parts)


def join_patches(parts: Sequence[Patches]) -> Patches:
    """Put patches of several sources behind each other, photographs numbered on."""
    counts = [int(part.picture.max()) + 1 for part in parts]
    starts = np.cumsum([0, *counts[:-1]], dtype=np.int32)
    moved = [replace(p, picture=p.picture + start) for p, start in zip(parts, starts, strict=True)]
    columns = ([getattr(part, name) for part in moved] for name in FIELDS)
    return Patches(*(np.concatenate(column) for column in columns))

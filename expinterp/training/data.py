"""Training pictures: windows of radiance maps, photographed three times, and patches of them.

A *scene* is one radiance map. Its window is photographed at t1, t3 and t2 by a camera drawn for
it, and y0 is computed from the long and the short one alone by the package's own stage one, with
the errors that it has in the field: it is not told the camera. Scenes are split before windows
are cut, so no scene is on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.training.camera import Camera, Image, Responses, draw_camera, photograph

Pixels = NDArray[np.uint8]
StageOne = Callable[[Pixels, Pixels], Image]  # long, short -> y0, display-encoded, 0..1

WINDOW = (192, 256)  # rows, cols of a simulated photograph
USUAL_SPAN = (3.5, 4.6)  # stops between short and long
WIDE_SPAN = (4.6, 8.0)
DRIFT_EV = 0.015  # standard deviation of the time of each shot, as real shutters have


@dataclass(frozen=True)
class Triple:
    """Three photographs of one window, uint8 (rows, cols, 3), display-encoded."""

    long: Pixels
    medium: Pixels
    short: Pixels
    ratio: float


@dataclass(frozen=True)
class Patches:
    """What the network learns from: y0, long, short, medium, each (n, side, side, 3).

    y0 is float16, 0..1; the photographs are uint8 code values.
    """

    intermediate: NDArray[np.float16]
    long: Pixels
    short: Pixels
    medium: Pixels

    def __len__(self) -> int:
        return len(self.long)


def read_radiance(path: Path) -> Image:
    """Read a radiance map (.hdr or .exr): linear R G B, float32, ≥ 0."""
    if path.suffix == ".exr":
        import OpenEXR

        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels = file.channels()
            radiance = np.stack([channels[name].pixels for name in "RGB"], axis=-1)
    else:
        content = np.fromfile(path, np.uint8)
        radiance = np.asarray(cv2.imdecode(content, cv2.IMREAD_UNCHANGED), np.float32)[..., ::-1]
    return np.ascontiguousarray(np.maximum(np.nan_to_num(radiance), 0), np.float32)


def split_scenes(
    paths: Sequence[Path], *, held_out: int, seed: int
) -> tuple[list[Path], list[Path]]:
    """Split radiance maps into those to learn from and `held_out` to measure on."""
    order = np.random.default_rng(seed).permutation(len(paths))
    shuffled = [sorted(paths)[index] for index in order]
    return shuffled[held_out:], shuffled[:held_out]


def cut_window(radiance: Image, random: np.random.Generator) -> Image:
    """Cut a window at a random place and size, scaled to `WINDOW` and perhaps mirrored."""
    rows, cols = WINDOW
    scale = min(random.uniform(0.7, 2.0), radiance.shape[0] / rows, radiance.shape[1] / cols)
    height, width = int(rows * scale), int(cols * scale)
    top = random.integers(radiance.shape[0] - height + 1)
    left = random.integers(radiance.shape[1] - width + 1)
    window = radiance[top : top + height, left : left + width]
    method = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    window = np.asarray(cv2.resize(window, (cols, rows), interpolation=method), np.float32)
    return np.ascontiguousarray(window[:, ::-1] if random.random() < 0.5 else window)


def render_triple(window: Image, camera: Camera, random: np.random.Generator) -> Triple:
    """Photograph a window so that its median tone gets a usual code value in the medium."""
    vividness = np.float32(random.uniform(0.4, 1.0))  # panoramas are more colourful than most views
    luminance = window.mean(axis=2, keepdims=True)
    window = luminance + vividness * (window - luminance)
    code = int(255 * random.uniform(0.05, 0.6))
    middle = camera.response[code].mean() / max(float(np.median(luminance)), 1e-6)
    span = random.uniform(*(WIDE_SPAN if random.random() < 0.3 else USUAL_SPAN))
    stops = np.array([span / 2, 0, -span / 2]) + random.normal(0, DRIFT_EV, 3)
    long, medium, short = (photograph(window, middle * 2.0**ev, camera, random) for ev in stops)
    return Triple(long, medium, short, ratio=2.0**span)


def is_informative(triple: Triple) -> bool:
    """Tell whether both shots show something: not all but clipped white, not all but black."""
    return bool((triple.long > 250).mean() < 0.8 and (triple.short > 8).mean() > 0.12)


def render_triples(
    scenes: Sequence[Image], responses: Responses, *, count: int, seed: int
) -> Iterator[Triple]:
    """Render `count` triples, every one with a camera of its own, taking scenes in turn."""
    random = np.random.default_rng(seed)
    made = 0
    while made < count:
        window = cut_window(scenes[made % len(scenes)], random)
        triple = render_triple(window, draw_camera(responses, random), random)
        if is_informative(triple):
            made += 1
            yield triple


def cut_patches(
    triples: Iterator[Triple], stage_one: StageOne, *, per_triple: int, side: int, seed: int
) -> Patches:
    """Compute y0 of whole triples and cut patches of side × side pixels at random places."""
    random = np.random.default_rng(seed)
    parts: list[tuple[NDArray[np.generic], ...]] = []
    for triple in triples:
        y0 = stage_one(triple.long, triple.short).astype(np.float16)
        pictures = (y0, triple.long, triple.short, triple.medium)
        corners = [random.integers(0, np.array(y0.shape[:2]) - side + 1) for _ in range(per_triple)]
        for row, col in corners:
            parts.append(tuple(p[row : row + side, col : col + side] for p in pictures))
    y0s, longs, shorts, mediums = (np.stack(column) for column in zip(*parts, strict=True))
    return Patches(y0s, longs, shorts, mediums)

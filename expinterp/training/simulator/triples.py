"""Simulated triples: windows of radiance maps, each photographed at t1, t3 and t2 by one camera.

Stage one computes y0 from the long and the short photograph alone. It has the errors that it has on
real photographs: the camera is not named to it, and often is not in its response prior.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.intermediate import Blend
from expinterp.core.mapping import imf_from_response, joint_histogram, matched_levels
from expinterp.core.response.prior import ResponsePrior, estimate_response
from expinterp.errors import ImageFileError, MissingExtraError
from expinterp.training.patches import StageOneImages, TrainingTriple, apply_stage_one
from expinterp.training.prior import build_prior
from expinterp.training.simulator.camera import (
    Camera,
    Image,
    MeasuredResponses,
    draw_camera,
    photograph,
)

WINDOW = (128, 160)  # rows, cols of a simulated photograph
BRIGHTEST = 65504.0  # the largest half float; stands for infinite radiance, as of the sun
USUAL_SPAN = (3.5, 4.6)  # stops between short and long
WIDE_SPAN = (4.6, 8.0)
DRAWS = 200  # attempts per triple; on a usable radiance map nearly every one succeeds
DRIFT_EV = 0.015  # standard deviation of each exposure time in stops, as of real shutters


def read_radiance(path: Path) -> Image:
    """Read a radiance map (.hdr or .exr): linear R G B, float32 (rows, cols, 3), finite, ≥ 0.

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
            "get it again, or remove it from the folder"
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


def cut_window(radiance: Image, reduction: int, random: np.random.Generator) -> Image:
    """Cut a window of random place and size, mirrored at random.

    The result has `reduction` times the size `WINDOW`, because the camera reduces its photographs.
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
    """Photograph a window so that its median luminance gets a usual code value in the medium."""
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
    """Whether long and short share unclipped tones in every channel, as stage one needs."""
    joint = joint_histogram(triple.long, triple.short)
    return all(len(matched_levels(channel)) for channel in joint)


def render_triples(
    scenes: Mapping[Path, Image], responses: MeasuredResponses, *, count: int, seed: int
) -> Iterator[TrainingTriple]:
    """Render `count` triples, each with a new camera; the scenes take turns.

    Raises
    ------
    ImageFileError
        If no triple of a scene is informative; the message names its file.
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


class StageOneOfPair:
    """Stage one as on real photographs: from the pair alone, with known and unknown cameras.

    Parameters
    ----------
    folder : Path
        Response curves, as for `expinterp.training.prior`.
    unknown : float
        Share of the triples, 0..1, whose camera is left out of the response prior.
    """

    def __init__(self, folder: Path, *, unknown: float, seed: int) -> None:
        self.folder = folder
        self.unknown = unknown
        self.random = np.random.default_rng(seed)
        self.priors: dict[str | None, ResponsePrior] = {}

    def __call__(self, triple: TrainingTriple) -> StageOneImages:
        """Compute y0 and the two mapped inputs."""
        left_out = triple.camera if self.random.random() < self.unknown else None
        if left_out not in self.priors:
            arrays = build_prior(self.folder, without=left_out)
            self.priors[left_out] = ResponsePrior.from_arrays(arrays)
        levels = map(matched_levels, joint_histogram(triple.long, triple.short))
        found = estimate_response(list(levels), self.priors[left_out])
        half = np.exp(found.log_ratio / 2)
        imf13, imf23 = (imf_from_response(found.response, scale=k) for k in (1 / half, half))
        blend = Blend(imf13, imf23, triple.long.dtype)
        return apply_stage_one(blend, triple.long, triple.short)

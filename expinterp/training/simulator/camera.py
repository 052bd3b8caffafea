"""A simulated camera: scene radiance in, display-encoded photographs at given exposures out.

A photograph goes through these steps, each of which a `Camera` can switch off (the default does
nothing): illuminant, overlap of the sensor channels, blur, shot and read noise, clipping at the
white level, colour correction, clipping again, response, picture style, sharpening, 8 bits,
reduction, JPEG. Two steps matter most, because no table per channel can undo them and so the
network has to: clipping before *and* after the correction, and reduction. Reduction averages bright
and dark pixels *after* they are encoded, so at an edge each exposure shows another mean radiance.

Radiance is linear, relative, R G B with sRGB primaries, (rows, cols, 3) float32, ≥ 0.

Sources of the ranges in `draw_camera`: colour matrices as published for digital cameras
(off-diagonals about −0.1…−0.7, rows summing to one); full wells of 3,000…60,000 electrons, from
small to large pixels, and read noise of 2…8 electrons; responses as measured from brackets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats
from expinterp.core.mapping import CODES
from expinterp.training.prior import read_measured

Image = NDArray[np.float32]
MeasuredResponses = Mapping[str, Floats]  # by camera: exposures 0..1, (scenes, 256 codes, 3)

TOE = 6  # code values below are noise in measured curves
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in JPEG
IDENTITY = np.eye(3, dtype=np.float32)
REDUCED = (0.1, 0.25, 0.25, 0.4)  # shares of photographs: as taken, and reduced 2, 3, 4 times


def linear_response() -> Floats:
    """Tabulate the exposure of every code value, (256, 3), of a camera without a tone curve."""
    return np.repeat(np.linspace(0.0, 1.0, CODES)[:, None], 3, axis=1)


@dataclass(frozen=True)
class Camera:
    """The settings of one camera; the default is linear, noise-free and lossless.

    Attributes
    ----------
    illuminant : float32 (3,)
        Factors on the radiance: the colour cast that white balance leaves.
    correction : float32 (3, 3)
        Matrix from sensor channels to R G B, rows summing to 1; its inverse mixes the channels.
    gains : float32 (3,)
        White balance gains, ≥ 1: they amplify noise.
    full_well, read_noise : float
        Electrons at the white level, and the standard deviation of the read noise in electrons;
        an infinite well means no noise.
    white : float32 (3,)
        Linear level at which the sensor channels clip, ≥ 1; above 1 where white balance leaves
        headroom.
    response : float64 (256, 3)
        Linear exposure, 0..1, of every code value and channel; increasing.
    hue : float
        How far the response keeps hues, 0..1. At 0 it applies to every channel. At 1 it applies
        to the largest and the smallest, and the third keeps its relative place between them
        (Adobe DNG specification, tone curve).
    saturation : float
        Factor on the colour differences of encoded values, as in picture styles; 1 changes nothing.
    blur, sharpening : float
        Standard deviation in pixels of the blur by lens and demosaicking; strength of the unsharp
        mask (σ = 1 pixel) on encoded values.
    reduction : int
        Side of the block of encoded pixels that is averaged into one, as in published pictures.
    quality : int or None
        JPEG quality, 0..100; None stores losslessly.
    subsampling : bool
        Whether JPEG stores colour at half resolution (4:2:0).
    name : str or None
        The real camera whose response this is, if there is one.
    """

    illuminant: Image = field(default_factory=lambda: np.ones(3, np.float32))
    correction: Image = field(default_factory=lambda: IDENTITY)
    gains: Image = field(default_factory=lambda: np.ones(3, np.float32))
    full_well: float = np.inf
    read_noise: float = 0.0
    white: Image = field(default_factory=lambda: np.ones(3, np.float32))
    response: Floats = field(default_factory=linear_response)
    hue: float = 0.0
    saturation: float = 1.0
    blur: float = 0.0
    sharpening: float = 0.0
    reduction: int = 1
    quality: int | None = None
    subsampling: bool = True
    name: str | None = None


def photograph(radiance: Image, time: float, camera: Camera, random: np.random.Generator) -> Codes:
    """Take one photograph: display-encoded uint8, (rows / reduction, cols / reduction, 3).

    Linear radiance 1 reaches the white level in exposure time 1; both are relative.
    """
    exposure = radiance * (camera.illuminant * np.float32(time))
    sensor = _mix(exposure, np.linalg.inv(camera.correction).astype(np.float32))
    if camera.blur:
        sensor = _soften(sensor, camera.blur)
    sensor = np.clip(_add_noise(sensor, camera, random), 0, camera.white)
    linear = np.clip(_mix(sensor, camera.correction), 0, 1)
    encoded = _style(_develop(linear, camera), camera)
    pixels = np.clip(np.rint(encoded * 255), 0, 255).astype(np.uint8)
    if camera.reduction > 1:
        size = (pixels.shape[1] // camera.reduction, pixels.shape[0] // camera.reduction)
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return pixels if camera.quality is None else _compress(pixels, camera)


def _soften(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def _mix(image: Image, matrix: Image) -> Image:
    mixed: Image = image @ matrix.T
    return mixed


def _add_noise(sensor: Image, camera: Camera, random: np.random.Generator) -> Image:
    """Add shot noise (normal, variance = signal in electrons) and read noise, times the gains."""
    if np.isinf(camera.full_well):
        return sensor
    signal = np.maximum(sensor, 0) * camera.full_well / camera.gains
    spread = np.sqrt(signal + camera.read_noise**2) * camera.gains / camera.full_well
    noise = random.standard_normal(sensor.shape, np.float32)
    noisy: Image = sensor + noise * spread.astype(np.float32)
    return noisy


def _develop(linear: Image, camera: Camera) -> Image:
    """Apply the response: linear exposure 0..1 to display-encoded values 0..1."""
    encoded = np.stack([_look_up(linear[..., c], camera.response[:, c]) for c in range(3)], axis=-1)
    if not camera.hue:
        return encoded
    low, high = linear.min(axis=-1, keepdims=True), linear.max(axis=-1, keepdims=True)
    place = (linear - low) / np.maximum(high - low, np.float32(1e-6))
    low, high = (_look_up(level, camera.response[:, 1]) for level in (low, high))
    kept: Image = low + (high - low) * place
    return encoded + np.float32(camera.hue) * (kept - encoded)


def _look_up(linear: Image, curve: Floats) -> Image:
    return np.interp(linear, curve, np.linspace(0.0, 1.0, CODES)).astype(np.float32)


def _style(encoded: Image, camera: Camera) -> Image:
    """Apply saturation and sharpening to display-encoded values; the result may leave 0..1."""
    if camera.saturation != 1:
        luma: Image = (encoded @ LUMA)[..., None]
        colourful: Image = luma + np.float32(camera.saturation) * (encoded - luma)
        encoded = np.clip(colourful, 0, 1)
    if camera.sharpening:
        encoded = encoded + np.float32(camera.sharpening) * (encoded - _soften(encoded, 1.0))
    return encoded


def _compress(pixels: Codes, camera: Camera) -> Codes:
    """Encode as JPEG and decode again."""
    sampling = "420" if camera.subsampling else "444"
    options = [cv2.IMWRITE_JPEG_QUALITY, camera.quality or 0, cv2.IMWRITE_JPEG_SAMPLING_FACTOR]
    options.append(getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}"))
    data = cv2.imencode(".jpg", pixels[..., ::-1], options)[1]
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def read_responses(folder: Path) -> MeasuredResponses:
    """Read the measured curves of a folder; see `expinterp.training.prior` for their format."""
    logs, cameras = read_measured(folder)
    exposures = np.exp(logs)
    exposures[..., :TOE] = exposures[..., TOE, None] * np.arange(TOE) / TOE  # a line to zero
    measured = _rising(exposures).transpose(0, 2, 1)
    return {str(name): measured[cameras == name] for name in np.unique(cameras)}


def _rising(curves: Floats) -> Floats:
    """Make exposure tables strictly increasing along the last axis, from 0 to 1."""
    curves = np.maximum.accumulate(curves, axis=-1) + 1e-7 * np.arange(CODES)
    curves = curves - curves[..., :1]
    return np.asarray(curves / curves[..., -1:])


def draw_response(responses: MeasuredResponses, random: np.random.Generator) -> tuple[Floats, str]:
    """Draw a measured response, mixed in log exposure with up to 40 % of another one.

    Returns
    -------
    response : float64 (256, 3)
        Exposures, 0..1.
    camera : str
        Whose response it mostly is, so that it can be left out of the response prior.
    """
    random.random()  # unused; without it every seed, the bundled model's too, gives other cameras
    name, one = _draw_measured(responses, random)
    share = random.uniform(0, 0.4)
    other = _draw_measured(responses, random)[1]
    logs = (1 - share) * np.log(one + 1e-6) + share * np.log(other + 1e-6)
    return _rising(np.exp(logs).T).T, name


def _draw_measured(responses: MeasuredResponses, random: np.random.Generator) -> tuple[str, Floats]:
    name = str(random.choice(list(responses)))
    return name, np.asarray(random.choice(responses[name]))


def draw_camera(responses: MeasuredResponses, random: np.random.Generator) -> Camera:
    """Draw a camera at random from the ranges of real cameras; see the module for sources."""
    response, name = draw_response(responses, random)
    reduction = 1 + int(random.choice(len(REDUCED), p=REDUCED))
    reduced = reduction > 1
    clean = reduced or random.random() < 0.5  # no visible noise and no blur
    stored, worst = (0.5, 88) if reduced else (0.7, 80)
    return Camera(
        illuminant=np.exp(random.normal(0, 0.15, 3)).astype(np.float32),
        correction=_draw_correction(random),
        gains=random.uniform([1.2, 1.0, 1.2], [2.5, 1.0, 2.5]).astype(np.float32),
        full_well=float(np.exp(random.uniform(*np.log([3e4, 1e6] if clean else [2e3, 6e4])))),
        read_noise=float(random.uniform(2, 8)),
        white=random.uniform([1.0, 1.0, 1.0], [1.5, 1.0, 1.5]).astype(np.float32),
        response=response,
        name=name,
        hue=float(random.uniform(0, 1)) if random.random() < 0.4 else 0.0,
        saturation=float(random.choice([1.0, random.uniform(0.85, 1.4)])),
        blur=0.0 if clean else float(random.uniform(0.4, 1.1)),
        sharpening=float(random.uniform(0, 0.8)) if random.random() < 0.6 else 0.0,
        reduction=reduction,
        quality=int(random.integers(worst, 100)) if random.random() < stored else None,
        subsampling=bool(random.random() < 0.6),
    )


def _draw_correction(random: np.random.Generator) -> Image:
    """Draw a colour matrix: negative off-diagonals, rows summing to one."""
    strength = random.uniform(0, 1)
    others = -strength * random.uniform(-0.1, 0.7, (3, 3)) * (1 - np.eye(3))
    return (others + np.diag(1 - others.sum(axis=1))).astype(np.float32)

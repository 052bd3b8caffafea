"""A camera of numbers: scene radiance in, display-encoded photographs at given exposures out.

The steps a photograph goes through, each of which a `Camera` can switch off (the default does
nothing): illuminant, sensor channels that overlap, shot and read noise, clipping at the white
level, colour correction, clipping again, response, picture style, blur and sharpening, 8 bits,
reduction, JPEG. Two matter most, being what no table per channel can undo, and so what the network
is there to learn: clipping before *and* after the correction, and reduction, which averages bright
and dark pixels *after* they are encoded, so that at an edge each exposure tells of another light.

Radiance is linear, relative, R G B with sRGB primaries, (rows, cols, 3) float32, ≥ 0.

Sources of the ranges in `draw_camera`: colour matrices as published for digital cameras
(off-diagonals about −0.1…−0.7, rows summing to one); full wells of 3,000…60,000 electrons, from
small to large pixels, and read noise of 2…8 electrons; responses as measured from brackets,
EMoR (Grossberg and Nayar, PAMI 2004) and the film curves of DoRF.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.training.prior import read_film, read_measured

Image = NDArray[np.float32]
Table = NDArray[np.float64]

CODES = 256
TOE = 6  # code values below are noise in measured curves
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in JPEG
IDENTITY = np.eye(3, dtype=np.float32)


def linear_response() -> Table:
    """Tabulate the exposure of every code value, (256, 3), of a camera without a tone curve."""
    return np.repeat(np.linspace(0.0, 1.0, CODES)[:, None], 3, axis=1)


@dataclass(frozen=True)
class Camera:
    """The settings of one camera; the default is linear, noise-free and lossless.

    Attributes
    ----------
    illuminant : float32 (3,)
        What white balance has left over: factors on the radiance.
    correction : float32 (3, 3)
        Sensor channels to R G B, rows summing to 1; its inverse is the overlap of the channels.
    gains : float32 (3,)
        White balance gains, ≥ 1: they amplify noise.
    full_well, read_noise : float
        Electrons at the white level, and the standard deviation of reading them out; an infinite
        well is free of noise.
    white : float32 (3,)
        Level at which the sensor channels clip, ≥ 1; above 1 where white balance leaves headroom.
    response : float64 (256, 3)
        Exposure, 0..1, at which each code value begins to be reached; increasing.
    hue : float
        How far the response keeps hues, 0..1: at 0 every channel is looked up by itself, at 1
        only the largest and the smallest are and the third keeps its place between them (Adobe
        DNG specification, tone curve).
    saturation : float
        Factor on the colour differences after the response, as picture styles do.
    blur, sharpening : float
        Standard deviation of the lens and demosaicking blur in pixels, strength of the unsharp
        mask that follows.
    reduction : int
        Side of the block of encoded pixels that is averaged into one, as where pictures are scaled
        down to be published.
    quality : int or None
        JPEG quality; None stores losslessly.
    subsampling : bool
        Whether JPEG stores colour at half resolution (4:2:0).
    name : str or None
        The real camera that the response was measured on, if there is one.
    """

    illuminant: Image = field(default_factory=lambda: np.ones(3, np.float32))
    correction: Image = field(default_factory=lambda: IDENTITY)
    gains: Image = field(default_factory=lambda: np.ones(3, np.float32))
    full_well: float = np.inf
    read_noise: float = 0.0
    white: Image = field(default_factory=lambda: np.ones(3, np.float32))
    response: Table = field(default_factory=linear_response)
    hue: float = 0.0
    saturation: float = 1.0
    blur: float = 0.0
    sharpening: float = 0.0
    reduction: int = 1
    quality: int | None = None
    subsampling: bool = True
    name: str | None = None


def photograph(
    radiance: Image, time: float, camera: Camera, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Take one photograph of a scene.

    Parameters
    ----------
    radiance : float32 (rows, cols, 3)
        1 reaches the white level in one unit of time.
    time : float
        Exposure time.

    Returns
    -------
    uint8 (rows / reduction, cols / reduction, 3), display-encoded
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
    return pixels if camera.quality is None else _store(pixels, camera)


def _soften(image: Image, sigma: float) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def _mix(image: Image, matrix: Image) -> Image:
    mixed: Image = image @ matrix.T
    return mixed


def _add_noise(sensor: Image, camera: Camera, random: np.random.Generator) -> Image:
    """Add shot noise, normal with the variance of its signal, and read noise, times the gains."""
    if np.isinf(camera.full_well):
        return sensor
    signal = np.maximum(sensor, 0) * camera.full_well / camera.gains
    spread = np.sqrt(signal + camera.read_noise**2) * camera.gains / camera.full_well
    noise = random.standard_normal(sensor.shape, np.float32)
    noisy: Image = sensor + noise * spread.astype(np.float32)
    return noisy


def _develop(linear: Image, camera: Camera) -> Image:
    """Look every exposure up in the response: 0..1 linear to 0..1 display-encoded."""
    encoded = np.stack([_look_up(linear[..., c], camera.response[:, c]) for c in range(3)], axis=-1)
    if not camera.hue:
        return encoded
    low, high = linear.min(axis=-1, keepdims=True), linear.max(axis=-1, keepdims=True)
    place = (linear - low) / np.maximum(high - low, np.float32(1e-6))
    low, high = (_look_up(level, camera.response[:, 1]) for level in (low, high))
    kept: Image = low + (high - low) * place
    return encoded + np.float32(camera.hue) * (kept - encoded)


def _look_up(linear: Image, curve: Table) -> Image:
    return np.interp(linear, curve, np.linspace(0.0, 1.0, CODES)).astype(np.float32)


def _style(encoded: Image, camera: Camera) -> Image:
    """Apply saturation and sharpening to display-encoded values; may leave 0..1."""
    if camera.saturation != 1:
        luma: Image = (encoded @ LUMA)[..., None]
        colourful: Image = luma + np.float32(camera.saturation) * (encoded - luma)
        encoded = np.clip(colourful, 0, 1)
    if camera.sharpening:
        encoded = encoded + np.float32(camera.sharpening) * (encoded - _soften(encoded, 1.0))
    return encoded


def _store(pixels: NDArray[np.uint8], camera: Camera) -> NDArray[np.uint8]:
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        if camera.subsampling
        else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    options = [cv2.IMWRITE_JPEG_QUALITY, camera.quality or 0]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    data = cv2.imencode(".jpg", pixels[..., ::-1], options)[1]
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


@dataclass(frozen=True)
class Responses:
    """Response curves to draw from: exposures of the 256 code values, 0..1.

    Attributes
    ----------
    measured : dict of str to float64 (scenes, 256, 3)
        By camera.
    mean, modes : float64 (256,), (n, 256)
        EMoR's inverse: mean curve and components.
    film : float64 (curves, 256)
    """

    measured: dict[str, Table]
    mean: Table
    modes: Table
    film: Table


def read_responses(folder: Path) -> Responses:
    """Read ``measured_log_exposure.npz``, ``invemor.txt`` and ``dorf_film_144.npz``."""
    logs, cameras = read_measured(folder / "measured_log_exposure.npz")
    measured = _rising(_straighten(np.exp(logs))).transpose(0, 2, 1)
    film = _rising(np.exp(read_film(folder / "dorf_film_144.npz")[:, 0]))
    emor = _read_emor(folder / "invemor.txt")
    by_camera = {str(name): measured[cameras == name] for name in np.unique(cameras)}
    return Responses(by_camera, emor[1], emor[2 : 2 + MODES], film)


def _straighten(exposures: Table) -> Table:
    """Let exposures fall to zero in a straight line below the first reliable code value."""
    codes = np.arange(TOE)
    exposures[..., :TOE] = exposures[..., TOE, None] * codes / TOE
    return exposures


def _read_emor(path: Path) -> Table:
    """Read the rows of an EMoR file, named lists of 1024 numbers: abscissa, mean, components."""
    blocks = path.read_text().split("=")[1:]
    rows = [[float(w) for w in block.split() if w[0] in "-.0123456789"] for block in blocks]
    codes = np.linspace(0.0, 1.0, CODES)
    return np.stack([np.interp(codes, rows[0], row) for row in rows])


def _rising(curves: Table) -> Table:
    """Make exposure tables strictly increasing along the last axis, from 0 to 1."""
    curves = np.maximum.accumulate(curves, axis=-1) + 1e-7 * np.arange(CODES)
    curves = curves - curves[..., :1]
    return np.asarray(curves / curves[..., -1:])


def draw_response(responses: Responses, random: np.random.Generator) -> tuple[Table, str | None]:
    """Draw a response: a measured one leaning to another; beyond `MEASURED_SHARE`, EMoR or film.

    Returns
    -------
    response : float64 (256, 3)
        Exposures, 0..1.
    camera : str or None
        Whose it mostly is, so that stage one can be kept from knowing it.
    """
    kind = random.random()
    if kind < MEASURED_SHARE:
        name, one = _draw_measured(responses, random)
        share = random.uniform(0, 0.4)
        other = _draw_measured(responses, random)[1]
        return _blend(one, other, share), name
    if kind < (1 + MEASURED_SHARE) / 2:
        common, own = random.normal(0, 1, MODES), random.normal(0, 0.06, (3, MODES))
        weights = EMOR_CENTRE + (common + own) * EMOR_SPREAD
        return _rising(responses.mean + weights @ responses.modes).T, None
    return np.repeat(random.choice(responses.film)[:, None], 3, axis=1), None


def _draw_measured(responses: Responses, random: np.random.Generator) -> tuple[str, Table]:
    name = str(random.choice(list(responses.measured)))
    return name, np.asarray(random.choice(responses.measured[name]))


def _blend(one: Table, other: Table, share: float) -> Table:
    """Mix two responses in log exposure."""
    logs = (1 - share) * np.log(one + 1e-6) + share * np.log(other + 1e-6)
    return _rising(np.exp(logs).T).T


# Mean and standard deviation of the first six inverse EMoR weights, between those of the curves
# measured from brackets (3.8, -0.7, … ± 3.6, 1.7, 0.8, …) and those of DoRF (0.5, 0.3 ± 2.3, 1.3, …).
MODES = 6
MEASURED_SHARE = 1.0  # of cameras; the bundled model has seen no EMoR and no film response
REDUCED = (0.1, 0.25, 0.25, 0.4)  # of pictures: as taken, to a half, a third, a quarter
EMOR_CENTRE = np.array([2.0, -0.4, -0.1, 0.1, -0.1, 0.0])
EMOR_SPREAD = np.array([2.5, 1.2, 0.5, 0.3, 0.15, 0.1])


def draw_camera(responses: Responses, random: np.random.Generator) -> Camera:
    """Draw a camera from the ranges of real ones (see the head of the module)."""
    response, name = draw_response(responses, random)
    reduction = 1 + int(random.choice(len(REDUCED), p=REDUCED))
    reduced = reduction > 1
    clean = reduced or random.random() < 0.5  # no noise to be seen, and no blur
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

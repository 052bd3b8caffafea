"""Two cameras whose curves no real one has, and a real one: their photographs, and files that name them in EXIF."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from synthetic import scene

from expinterp.core.response.calibration import Profile, calibrate
from expinterp.core.response.prior import load_prior
from expinterp.images import Pixels

STEEP, FLAT, D90 = "Acme Steep-1", "Acme Flat-2", "NIKON D90"
BRACKET = (1 / 8, 1 / 30, 1 / 125, 1 / 500)  # seconds


def _steep(light: np.ndarray) -> np.ndarray:
    """A strong S over a gamma curve: hard shadows, hard highlights."""
    code = light ** (1 / 2.2)
    return 0.2 * code + 0.8 * (3 * code**2 - 2 * code**3)


def _flat(light: np.ndarray) -> np.ndarray:
    """A logarithm, as of video cameras: lifted shadows, no shoulder."""
    return np.log1p(200 * light) / np.log1p(200)


def _known(light: np.ndarray) -> np.ndarray:
    """The first curve of a built-in camera."""
    curves = np.exp(load_prior().of_camera(D90).centres[0])
    codes = [
        np.interp(light[..., k] * curve[-1], curve, np.arange(256))
        for k, curve in enumerate(curves)
    ]
    return np.stack(codes, axis=2) / 255


TONES: dict[str, Callable[[np.ndarray], np.ndarray]] = {STEEP: _steep, FLAT: _flat, D90: _known}


def photograph(camera: str, time: float, *, seed: int) -> Pixels:
    """Photograph a scene for so many seconds with one of the three."""
    light = np.clip(scene((96, 128), seed=seed) * 8 * time, 0, 1)
    return np.rint(255 * TONES[camera](light)).astype(np.uint8)


def measured(camera: str, *, seed: int = 1) -> Profile:
    """Measure one of the three on a bracket."""
    shots = [photograph(camera, time, seed=seed) for time in BRACKET]
    return calibrate(shots, BRACKET, camera=camera)


def write(path: Path, pixels: Pixels, *, camera: str | None, time: float, make: str = "") -> str:
    """Write a PNG whose EXIF states the time, and the camera if it is given."""
    exif = Image.Exif()
    exif[0x0112] = 1  # Pillow drops a block without any tag of its first directory
    if camera:
        exif[0x010F], exif[0x0110] = make, camera
    exif.get_ifd(0x8769)[0x829A] = time
    Image.fromarray(pixels).save(path, exif=exif)
    return path.name

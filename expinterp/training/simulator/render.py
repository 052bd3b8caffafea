"""Render the photographs of ``examples/``: views into CC0 panoramas, each at three exposures.

``python -m expinterp.training.simulator.render PANORAMAS examples`` writes ``<scene>_long.jpg``,
``_medium.jpg`` and ``_short.jpg``. The medium is the ground truth for `interpolate`, photographed
by the same camera as the other two. The panoramas are those of the npm package ``@pmndrs/assets``.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from expinterp.core.arrays import Floats
from expinterp.core.mapping import CODES
from expinterp.errors import ExpInterpError
from expinterp.training.simulator.camera import Camera, Image, photograph
from expinterp.training.simulator.triples import read_radiance

SHAPE = (560, 840)  # rows, cols
CAMERA_NAME = ("expinterp", "simulated camera")  # EXIF Make, Model
QUALITY = 92


@dataclass(frozen=True)
class View:
    """A view into a panorama, and its exposure."""

    panorama: str  # file name without suffix
    yaw: float  # degrees to the right of the middle of the panorama
    pitch: float  # degrees upwards
    field: float  # horizontal angle of view, degrees
    white: float  # linear radiance at which the medium becomes white
    medium: Fraction  # exposure time of the medium, seconds
    ev_step: int  # stops between short and long; even, so that all times are exact fractions
    roll: float = 0.0  # degrees by which the camera is turned clockwise


VIEWS = {
    "window": View("apartment", 54, -3, 95, 6.0, Fraction(1, 60), 6),
    "square": View("sunset", -60, 4, 95, 1.5, Fraction(1, 30), 4),
}


def project(panorama: Image, view: View) -> Image:
    """Compute the view of a pinhole camera inside an equirectangular panorama: linear radiance."""
    rows, cols = SHAPE
    focal = cols / 2 / np.tan(np.radians(view.field) / 2)
    x, y = np.meshgrid(np.arange(cols) - (cols - 1) / 2, np.arange(rows) - (rows - 1) / 2)
    roll, pitch = np.radians(view.roll), np.radians(view.pitch)
    x, y = np.cos(roll) * x - np.sin(roll) * y, np.sin(roll) * x + np.cos(roll) * y
    up = -y * np.cos(pitch) + focal * np.sin(pitch)
    ahead = y * np.sin(pitch) + focal * np.cos(pitch)
    longitude = np.arctan2(x, ahead) + np.radians(view.yaw)
    latitude = np.arctan2(up, np.hypot(x, ahead))
    height, width = panorama.shape[:2]
    column = ((longitude / (2 * np.pi) + 0.5) % 1 * width - 0.5).astype(np.float32)
    row = ((0.5 - latitude / np.pi) * height - 0.5).astype(np.float32)
    picture = cv2.remap(panorama, column, row, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return np.maximum(np.asarray(picture, np.float32), 0)


def s_curve() -> Floats:
    """Tabulate the response of the example camera, gamma 2.2 and an S-curve: (256, 3), 0..1."""
    exposure = np.linspace(0.0, 1.0, 4096)
    encoded = exposure ** (1 / 2.2)
    encoded = 0.65 * encoded + 0.35 * encoded**2 * (3 - 2 * encoded)
    curve = np.interp(np.linspace(0.0, 1.0, CODES), encoded, exposure)
    return np.repeat(curve[:, None], 3, axis=1)


def example_camera() -> Camera:
    """Return the camera of the examples: little noise, overlapping sensor channels."""
    correction = np.array([[1.5, -0.4, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.4, 1.4]], np.float32)
    return Camera(
        correction=correction,
        gains=np.array([1.9, 1.0, 1.5], np.float32),
        full_well=40_000.0,
        read_noise=4.0,
        response=s_curve(),
        sharpening=0.5,
    )


def write_example(folder: Path, scene: str, view: View, panorama: Image) -> None:
    """Photograph one view at its three exposure times and write the JPEG files."""
    from PIL import Image as Pillow
    from PIL.TiffImagePlugin import IFDRational

    random = np.random.default_rng(0)
    radiance = project(panorama, view) / np.float32(view.white)
    for name, stops in {"long": 1, "medium": 0, "short": -1}.items():
        factor = Fraction(2) ** (stops * view.ev_step // 2)
        pixels = photograph(radiance, float(factor), example_camera(), random)
        exif = Pillow.Exif()
        exif[0x010F], exif[0x0110] = CAMERA_NAME
        time = view.medium * factor
        exif.get_ifd(0x8769)[0x829A] = IFDRational(time.numerator, time.denominator)
        target = folder / f"{scene}_{name}.jpg"
        Pillow.fromarray(pixels).save(target, quality=QUALITY, subsampling=0, exif=exif)


def main(arguments: list[str] | None = None) -> None:
    """Read the command line and write all examples."""
    parser = argparse.ArgumentParser(description="Render the photographs of the examples.")
    parser.add_argument("panoramas", type=Path, help="folder of .hdr files")
    parser.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    try:
        options.folder.mkdir(parents=True, exist_ok=True)
        for scene, view in VIEWS.items():
            panorama = read_radiance(options.panoramas / f"{view.panorama}.hdr")
            write_example(options.folder, scene, view, panorama)
    except ExpInterpError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()

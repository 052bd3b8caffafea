"""Raw files of simulated photographs: a Bayer mosaic with noise, written as DNG.

Pairs of raw files with their true medium are nowhere to be had; these are read by LibRaw as those
of a camera are.

Letters: E is scene radiance, linear R G B with sRGB primaries, relative; t an exposure time.

Source: Adobe, "Digital Negative Specification", version 1.4 (tags).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from expinterp.core.arrays import Floats
from expinterp.core.encoding import SPACES

BLACK, WHITE = 512, 15_871  # of 14 bits
PATTERN = ((0, 1), (1, 2))  # R G / G B
D65 = 21  # as CalibrationIlluminant
# XYZ to camera R G B, D65: of the kind that Adobe publishes for digital cameras.
COLOURS = np.array([[0.68, -0.10, -0.06], [-0.45, 1.24, 0.23], [-0.08, 0.17, 0.65]])


@dataclass(frozen=True)
class Sensor:
    """A sensor: its colours and its noise.

    Attributes
    ----------
    colours : float64 (3, 3)
        From XYZ to its R G B.
    full_well, read_noise : float
        Electrons at the white level, and standard deviation of the read noise in electrons; an
        infinite well means no noise.
    """

    colours: Floats = field(default_factory=lambda: COLOURS)
    full_well: float = np.inf
    read_noise: float = 0.0

    @property
    def from_scene(self) -> Floats:
        """The matrix from R G B of the scene to that of the sensor; white gives G = 1."""
        matrix = self.colours @ SPACES["srgb"].to_xyz
        return np.asarray(matrix / matrix[1].sum())

    def expose(self, radiance: NDArray[np.float32], random: np.random.Generator) -> Any:
        """Record radiance·time, (rows, cols, 3), even numbers, as a mosaic: uint16 (rows, cols)."""
        colours = radiance @ self.from_scene.T.astype(np.float32)
        mosaic = np.empty(radiance.shape[:2], np.float32)
        for row, channels in enumerate(PATTERN):
            for col, channel in enumerate(channels):
                mosaic[row::2, col::2] = colours[row::2, col::2, channel]
        if np.isfinite(self.full_well):
            electrons = np.maximum(mosaic, 0) * self.full_well
            spread = np.sqrt(electrons + self.read_noise**2)
            mosaic += random.standard_normal(mosaic.shape, np.float32) * spread / self.full_well
        levels = BLACK + (WHITE - BLACK) * np.clip(mosaic, -0.03, 1.0)
        return np.rint(levels).astype(np.uint16)


def write_dng(
    path: Path,
    radiance: NDArray[np.float32],
    time: float,
    *,
    sensor: Sensor | None = None,
    random: np.random.Generator | None = None,
    orientation: int = 1,
    neutral: Floats | None = None,
    fields: dict[int, tuple[int, int, Any]] | None = None,
) -> None:
    """Write a photograph of a scene as an uncompressed DNG.

    Parameters
    ----------
    path : Path
    radiance : float32 array, shape (rows, cols, 3)
        E; 1 reaches the white level of green in time 1. Odd rows and columns are left out.
    time : float
        t; stated as the exposure time in seconds, too.
    sensor : Sensor, optional
        By default without noise.
    random : Generator, optional
        Of the noise.
    orientation : int
        1..8, as stated; the pixels are as given.
    neutral : float64 array, shape (3,), optional
        The sensor's R G B of what is grey, the white balance as shot; by default that of D65.
    fields : dict, optional
        Further fields of the first directory: TIFF type, count and value by tag.
    """
    sensor, random = sensor or Sensor(), random or np.random.default_rng(0)
    rows, cols = (side - side % 2 for side in radiance.shape[:2])
    mosaic = sensor.expose(radiance[:rows, :cols] * np.float32(time), random)
    neutral = sensor.from_scene.sum(axis=1) if neutral is None else neutral
    tags = {
        271: (2, 0, "Simulated"),
        272: (2, 0, "Simulated Sensor"),
        274: (3, 1, orientation),
        33421: (3, 2, (2, 2)),  # CFARepeatPatternDim
        33422: (1, 4, np.ravel(PATTERN).tolist()),  # CFAPattern
        33434: (5, 1, _ratio(time)),  # ExposureTime
        34855: (3, 1, 100),  # ISO
        33437: (5, 1, (8, 1)),  # FNumber
        36867: (2, 0, "2026:11:26 12:00:00"),  # DateTimeOriginal
        50706: (1, 4, (1, 4, 0, 0)),  # DNGVersion
        50708: (2, 0, "Simulated Sensor"),  # UniqueCameraModel
        50714: (3, 1, BLACK),  # BlackLevel
        50717: (3, 1, WHITE),  # WhiteLevel
        50721: (10, 9, _ratios(sensor.colours.ravel())),  # ColorMatrix1
        50728: (5, 3, _ratios(neutral)),  # AsShotNeutral
        50778: (3, 1, D65),  # CalibrationIlluminant1
    } | (fields or {})
    extra = [(tag, kind, count, value, True) for tag, (kind, count, value) in tags.items()]
    tifffile.imwrite(path, mosaic, photometric=32803, metadata=None, extratags=extra)


def _ratio(value: float) -> tuple[int, int]:
    """Return a number as a fraction of whole numbers below 2³¹."""
    below = 10**6 if value < 1000 else 1
    return round(value * below), below


def _ratios(values: Floats) -> list[int]:
    return [part for value in values for part in _ratio(float(value))]

"""The weights of fusion: contrast C, saturation S and well-exposedness E of every pixel.

    W = C^ωc · S^ωs · E^ωe

The guided method also knows certainty K: a clipped exposure holds nothing, and its hue is wrong.

Pictures are float32 arrays (rows, cols) or (rows, cols, 3), display-encoded, 0..1.

Source: Mertens, Kautz and Van Reeth, "Exposure Fusion", Pacific Graphics 2007.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce as fold
from typing import cast

import cv2
import numpy as np

from expinterp.core.arrays import Picture, Plane

LEAST = 1 / 255  # added to contrast and saturation: one step of 8 bits
UNKNOWN = 1e-3  # least certainty: where all exposures are clipped, the other measures decide
BLACK, DARK = 0.02, 0.3  # values at which certainty is least, and complete
LIGHT, WHITE = 0.7, 0.98  # values at which it is complete, and least: 250 of 255
BRIGHT = 0.8  # value from which the weight of details and hue falls, to `LEAST_SHARE` at WHITE
LEAST_SHARE = 0.01
RANGES = {  # of the fields of `Weighting`; within them all logarithms of weights fit float32
    "exposure_weight": (0.0, 100.0),
    "saturation_weight": (0.0, 100.0),
    "contrast_weight": (0.0, 100.0),
    "exposure_optimum": (0.0, 1.0),
    "exposure_width": (0.001, 1000.0),
}


@dataclass(frozen=True)
class Weighting:
    """The parameters of the weights; names and meanings are those of enfuse.

    Attributes
    ----------
    exposure_weight, saturation_weight, contrast_weight : float
        Exponents ωe, ωs, ωc of the three measures, 0..100; 0 switches one off.
    exposure_optimum : float
        The best exposed value, 0..1.
    exposure_width : float
        Standard deviation of well-exposedness around it, 0.001..1000.

    Raises
    ------
    ValueError
        If one is out of its range.
    """

    exposure_weight: float = 1.0
    saturation_weight: float = 1.0
    contrast_weight: float = 1.0
    exposure_optimum: float = 0.5
    exposure_width: float = 0.2

    def __post_init__(self) -> None:
        for name, (least, most) in RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                msg = f"{name} must lie in {least:g}..{most:g}, got {value}"
                raise ValueError(msg)


def log_weights(picture: Picture, weighting: Weighting, *, energy: int = 1) -> Plane:
    """Compute the logarithms of the weights of all pixels of an exposure.

    Contrast is |Laplacian of grey|, saturation the standard deviation of R, G and B,
    well-exposedness Π exp(−(value − optimum)² / 2 width²) over the channels (Mertens et al. 2007).

    Parameters
    ----------
    picture : float32 array, shape (rows, cols) or (rows, cols, 3)
        One channel counts as three equal ones.
    energy : int
        The power of contrast that counts.

    Returns
    -------
    float32 array, shape (rows, cols)
        Natural logarithms; the weights themselves may be too small for float32.
    """
    channels = _split(picture)
    squares = [(each - np.float32(weighting.exposure_optimum)) ** 2 for each in channels]
    logs: Plane = fold(np.add, squares) * np.float32(
        -3 * weighting.exposure_weight / (2 * weighting.exposure_width**2 * len(squares))
    )
    contrast = np.abs(cv2.Laplacian(grey(picture), -1, borderType=cv2.BORDER_REFLECT))
    logs += np.float32(energy * weighting.contrast_weight) * np.log(contrast + np.float32(LEAST))
    saturation = _deviation(channels)
    logs += np.float32(weighting.saturation_weight) * np.log(saturation + np.float32(LEAST))
    return logs


def log_weights_of_known(picture: Picture, weighting: Weighting) -> Plane:
    """Compute the logarithms of the weights W = C^2ωc · S^ωs · (E·K)^ωe.

    Certainty K follows the largest channel: a highlight is unknown once one channel clips, a shadow
    only if all do. Contrast counts as its energy, the square, which keeps more structure.

    Parameters and result as of `log_weights`.
    """
    brightest = largest(picture)
    certainty = _ramp(brightest, BLACK, DARK) * _ramp(brightest, WHITE, LIGHT)
    logs = log_weights(picture, weighting, energy=2)
    logs += np.float32(weighting.exposure_weight) * np.log(certainty + np.float32(UNKNOWN))
    return np.asarray(logs)


def known_share(brightness: Plane) -> Plane:
    """Compute the share of its weight that a pixel keeps: 1, falling to `LEAST_SHARE` near white."""
    known = (np.float32(WHITE) - brightness) * np.float32(1 / (WHITE - BRIGHT))
    return np.asarray(np.clip(known, np.float32(LEAST_SHARE), 1, out=known))


def grey(picture: Picture) -> Plane:
    """Compute the luma of R, G and B (ITU-R BT.601); a picture of one channel is its own."""
    return picture if picture.ndim == 2 else cast(Plane, cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def spread(plane: Plane, like: Picture) -> Picture:
    """Repeat a plane in as many channels as another picture has."""
    return plane if like.ndim == 2 else cast(Picture, cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB))


def largest(picture: Picture) -> Plane:
    """Find the largest channel of every pixel."""
    return fold(np.maximum, _split(picture))


def _split(picture: Picture) -> Sequence[Plane]:
    """Copy the channels into planes."""
    return cast(Sequence[Plane], cv2.split(picture))


def _deviation(channels: Sequence[Plane]) -> Plane:
    """Compute the standard deviation of the channels; it is exactly 0 where they are equal."""
    if len(channels) == 1:
        return np.zeros_like(channels[0])
    red, green, blue = channels
    return np.asarray(np.sqrt((red - green) ** 2 + (green - blue) ** 2 + (blue - red) ** 2) / 3)


def _ramp(values: Plane, start: float, end: float) -> Plane:
    """Rise smoothly from 0 at `start` to 1 at `end`; the larger of both may be the start."""
    h = np.clip((values - np.float32(start)) / np.float32(end - start), 0, 1)
    return np.asarray(h * h * (3 - 2 * h))

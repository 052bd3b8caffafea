"""The weights of fusion: contrast C, saturation S and well-exposedness E of every pixel.

    W = C^ωc · S^ωs · E^ωe

The guided method also knows certainty K: a clipped exposure holds nothing, and its hue is wrong.

Values are display-encoded, 0..1, (channels, rows, cols).

Source: Mertens, Kautz and Van Reeth, "Exposure Fusion", Pacific Graphics 2007.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from expinterp.core.arrays import Plane, Planes

LEAST = 1 / 255  # added to contrast and saturation: one step of 8 bits
UNKNOWN = 1e-3  # least certainty: where all exposures are clipped, the other measures decide
BLACK, DARK = 0.02, 0.3  # values at which certainty is least, and complete
LIGHT, WHITE = 0.7, 0.98  # values at which it is complete, and least: 250 of 255
BRIGHT = 0.8  # value from which the weight of details and hue falls, to `LEAST_SHARE` at WHITE
LEAST_SHARE = 0.01
LUMA = (0.299, 0.587, 0.114)  # weights of R, G, B; ITU-R BT.601
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


def log_weights(image: Planes, weighting: Weighting) -> Plane:
    """Compute the logarithms of the weights of all pixels of an exposure.

    Contrast is |Laplacian of grey|, saturation the standard deviation of R, G and B,
    well-exposedness Π exp(−(value − optimum)² / 2 width²) over the channels (Mertens et al. 2007).

    Parameters
    ----------
    image : float32 array, shape (1 or 3, rows, cols)
        Display-encoded, 0..1. One channel counts as three equal ones.

    Returns
    -------
    float32 array, shape (rows, cols)
        Natural logarithms; the weights themselves may be too small for float32.
    """
    distance = np.mean((image - np.float32(weighting.exposure_optimum)) ** 2, axis=0)
    logs: Plane = distance * np.float32(
        -3 * weighting.exposure_weight / (2 * weighting.exposure_width**2)
    )
    logs += _log_contrast(image, weighting)
    saturation = np.std(image, axis=0)
    logs += np.float32(weighting.saturation_weight) * np.log(saturation + np.float32(LEAST))
    return logs


def log_weights_of_known(image: Planes, weighting: Weighting) -> Plane:
    """Compute the logarithms of the weights W = C^2ωc · S^ωs · (E·K)^ωe.

    Certainty K follows the largest channel: a highlight is unknown once one channel clips, a shadow
    only if all do. Contrast counts as its energy, the square, which keeps more structure.

    Parameters and result as of `log_weights`.
    """
    largest = image.max(axis=0)
    certainty = _ramp(largest, BLACK, DARK) * _ramp(largest, WHITE, LIGHT)
    logs = log_weights(image, weighting) + _log_contrast(image, weighting)
    logs += np.float32(weighting.exposure_weight) * np.log(certainty + np.float32(UNKNOWN))
    return np.asarray(logs)


def known_share(brightness: Plane) -> Plane:
    """Compute the share of its weight that a pixel keeps: 1, falling to `LEAST_SHARE` near white."""
    known = (np.float32(WHITE) - brightness) * np.float32(1 / (WHITE - BRIGHT))
    return np.asarray(np.clip(known, np.float32(LEAST_SHARE), 1, out=known))


def _log_contrast(image: Planes, weighting: Weighting) -> Plane:
    contrast = np.abs(cv2.Laplacian(grey(image), -1, borderType=cv2.BORDER_REFLECT))
    return np.asarray(np.float32(weighting.contrast_weight) * np.log(contrast + np.float32(LEAST)))


def _ramp(values: Plane, start: float, end: float) -> Plane:
    """Rise smoothly from 0 at `start` to 1 at `end`; the larger of both may be the start."""
    h = np.clip((values - np.float32(start)) / np.float32(end - start), 0, 1)
    return np.asarray(h * h * (3 - 2 * h))


def grey(image: Planes) -> Plane:
    """Compute the luma of R, G and B: float32 (rows, cols) of (1 or 3, rows, cols)."""
    if len(image) == 1:
        return np.asarray(image[0])
    red, green, blue = (np.float32(share) * plane for share, plane in zip(LUMA, image, strict=True))
    return np.asarray(red + green + blue)

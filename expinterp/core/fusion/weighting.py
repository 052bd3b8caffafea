"""What makes a pixel of an exposure worth keeping: contrast, saturation, exposedness.

Source: Mertens, Kautz and Van Reeth, "Exposure Fusion", Pacific Graphics 2007.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from expinterp.core.fusion.pyramid import Plane
from expinterp.core.intermediate import Planes

LEAST = 1 / 255  # added to contrast and saturation: below a step of 8 bits nothing is measured
LUMA = (0.299, 0.587, 0.114)  # grey of R, G, B; ITU-R BT.601
RANGES = {  # of the fields of `Weighting`; within them no logarithm of a weight leaves float32
    "exposure_weight": (0.0, 100.0),
    "saturation_weight": (0.0, 100.0),
    "contrast_weight": (0.0, 100.0),
    "exposure_optimum": (0.0, 1.0),
    "exposure_width": (0.001, 1000.0),
}


@dataclass(frozen=True)
class Weighting:
    """What makes a pixel worth keeping; names and meanings are enfuse's.

    Attributes
    ----------
    exposure_weight, saturation_weight, contrast_weight : float
        Exponents of the three measures, 0..100; 0 leaves one out.
    exposure_optimum : float
        The value, 0..1, that is best exposed.
    exposure_width : float
        The standard deviation around it, 0.001..1000.

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


def weigh(image: Planes, weighting: Weighting) -> Plane:
    """Weigh every pixel of an exposure.

    contrast · saturation · exposedness, each to its power: |Laplacian| of grey; standard deviation
    of R, G and B; Π exp(−(value − optimum)² / 2 width²) over the channels.

    Parameters
    ----------
    image : float32 array, shape (1 or 3, rows, cols)
        Display-encoded, 0..1. One channel stands for three equal ones.

    Returns
    -------
    float32 array, shape (rows, cols)
        The natural logarithm of the weights, which themselves may be too small for a float.
    """
    distance = np.mean((image - np.float32(weighting.exposure_optimum)) ** 2, axis=0)
    logs: Plane = distance * np.float32(
        -3 * weighting.exposure_weight / (2 * weighting.exposure_width**2)
    )
    contrast = np.abs(cv2.Laplacian(grey(image), -1, borderType=cv2.BORDER_REFLECT))
    logs += np.float32(weighting.contrast_weight) * np.log(contrast + np.float32(LEAST))
    saturation = np.std(image, axis=0)
    logs += np.float32(weighting.saturation_weight) * np.log(saturation + np.float32(LEAST))
    return logs


def grey(image: Planes) -> Plane:
    """Weigh R, G and B as luma: float32 (rows, cols) of (1 or 3, rows, cols)."""
    if len(image) == 1:
        only: Plane = image[0]
        return only
    red, green, blue = (np.float32(share) * plane for share, plane in zip(LUMA, image, strict=True))
    grey: Plane = red + green + blue
    return grey

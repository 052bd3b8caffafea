"""Luminance, colour differences and their bands: what the denoiser works on.

    Y = (R + 2G + B) / 4,   R − G,   B − G

These are measured in code values, 0..255. A band is what a Laplacian pyramid has on one level, from
the finest, 0, to the coarsest. Grey images have luminance alone.

Source: Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE Transactions on
Communications 1983; the colour transform is that of JPEG 2000 (ISO/IEC 15444-1, annex G).

These pyramids are those of OpenCV, which takes a third of the time of `fusion.pyramid`. What is
removed from a band need not be mirror-symmetric at the border.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Pixels, Plane, Planes

LEVELS = 3  # bands; coarser noise is not removed


def to_planes(image: Pixels) -> list[NDArray[Any]]:
    """Split an image into planes of code values 0..255: uint8 if it has 8 bits, else float32."""
    planes = [*cv2.split(image)]
    return planes if image.dtype == np.uint8 else [plane / np.float32(257) for plane in planes]


def to_grey(image: Pixels) -> Plane:
    """Convert an image to one plane of code values 0..255: luma (ITU-R BT.601), as JPEG stores it."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.shape[2] == 3 else image[..., 0]
    return np.asarray(grey * np.float32(255 / np.iinfo(image.dtype).max), np.float32)


def to_opponents(planes: Sequence[Plane]) -> list[Plane]:
    """Convert R, G, B to luminance and two colour differences; grey is luminance."""
    return [opponent(planes, number) for number in range(len(planes))]


def opponent(planes: Sequence[Plane], number: int) -> Plane:
    """Compute one of `to_opponents`: float32."""
    if not number:
        return luminance(planes)
    return np.asarray(cv2.subtract(planes[2 * number - 2], planes[1], dtype=cv2.CV_32F))


def from_opponents(planes: Sequence[Plane | None]) -> list[Plane]:
    """Invert `to_opponents`; None stands for a plane of zeros, but not for all."""
    grey, *colours = (np.float32(0) if plane is None else plane for plane in planes)
    if not colours:
        return [np.asarray(grey)]
    red, blue = colours
    green = red + blue
    green *= np.float32(-0.25)
    green += grey
    return [np.asarray(red + green), np.asarray(green), np.asarray(blue + green)]


def luminance(planes: Sequence[Plane] | Planes) -> Plane:
    """Compute (R + 2G + B) / 4 of uint8 or float32 planes; of one plane, return a copy."""
    grey = planes[0].astype(np.float32)
    for plane in planes[:0:-1]:
        cv2.accumulateWeighted(plane, grey, 0.5)  # blue, then green
    return np.asarray(grey)


def gaussian_pyramid(plane: Plane) -> list[Plane]:
    """Return a plane and its `LEVELS` reductions, each half as large."""
    levels = [plane]
    for _ in range(LEVELS):
        levels.append(np.asarray(cv2.pyrDown(levels[-1]), np.float32))
    return levels


def expand(plane: Plane, like: Plane) -> Plane:
    """Enlarge a level to the size of the next finer one."""
    return np.asarray(cv2.pyrUp(plane, dstsize=like.shape[::-1]))


def band(plane: Plane, coarser: Plane) -> Plane:
    """Compute the band between a level and the next coarser one."""
    coarse = expand(coarser, plane)
    return np.subtract(plane, coarse, out=coarse)


def thin_out(image: Pixels, step: int) -> Pixels:
    """Return about every `step`-th row and column of an image, (rows, cols, channels)."""
    rows, cols, channels = image.shape
    size = -(-cols // step), -(-rows // step)
    few = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST)  # faster than a slice
    return np.asarray(few, image.dtype).reshape(*size[::-1], channels)


def energy(plane: Plane) -> Plane:
    """Compute the mean square around every second pixel; see `pool`."""
    return pool(np.square(plane))


def pool(plane: Plane) -> Plane:
    """Average around every second pixel, over 6 × 6: half the size, as of the next level."""
    rows, cols = plane.shape
    halves = (cols + 1) // 2, (rows + 1) // 2
    return smooth(np.asarray(cv2.resize(plane, halves, interpolation=cv2.INTER_AREA), np.float32))


def smooth(plane: Plane) -> Plane:
    """Average over 3 × 3 pixels."""
    return np.asarray(cv2.blur(plane, (3, 3)))

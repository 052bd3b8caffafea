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

import cv2
import numpy as np

from expinterp.core.arrays import Pixels, Plane, Planes

LEVELS = 3  # bands; coarser noise is not removed


def to_planes(image: Pixels) -> list[Plane]:
    """Split an image into planes of code values 0..255, float32."""
    unit = np.float32(255 / np.iinfo(image.dtype).max)
    return [np.asarray(np.multiply(plane, unit), np.float32) for plane in cv2.split(image)]


def to_grey(image: Pixels) -> Plane:
    """Convert an image to one plane of code values 0..255: luma (ITU-R BT.601), as JPEG stores it."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if image.shape[2] == 3 else image[..., 0]
    return np.asarray(grey * np.float32(255 / np.iinfo(image.dtype).max), np.float32)


def to_opponents(planes: Sequence[Plane]) -> list[Plane]:
    """Convert R, G, B to luminance and two colour differences; grey is luminance."""
    if len(planes) == 1:
        return list(planes)
    red, green, blue = planes
    return [luminance(planes), np.asarray(red - green), np.asarray(blue - green)]


def from_opponents(planes: Sequence[Plane]) -> list[Plane]:
    """Invert `to_opponents`."""
    if len(planes) == 1:
        return list(planes)
    grey, red, blue = planes
    green = np.asarray(grey - (red + blue) * np.float32(0.25))
    return [np.asarray(red + green), green, np.asarray(blue + green)]


def luminance(planes: Sequence[Plane] | Planes) -> Plane:
    """Compute (R + 2G + B) / 4; of one plane, return the plane."""
    if len(planes) == 1:
        return planes[0]
    red, green, blue = planes
    return np.asarray((red + blue + green + green) * np.float32(0.25))


def gaussian_pyramid(plane: Plane) -> list[Plane]:
    """Return a plane and its `LEVELS` reductions, each half as large."""
    levels = [plane]
    for _ in range(LEVELS):
        levels.append(np.asarray(cv2.pyrDown(levels[-1]), np.float32))
    return levels


def expand(plane: Plane, like: Plane) -> Plane:
    """Enlarge a level to the size of the next finer one."""
    return np.asarray(cv2.pyrUp(plane, dstsize=like.shape[::-1]))


def band(pyramid: Sequence[Plane], level: int) -> Plane:
    """Compute the band of a Gaussian pyramid on a level."""
    return pyramid[level] - expand(pyramid[level + 1], pyramid[level])


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

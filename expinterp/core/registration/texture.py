"""Texture that exposures of one scene share: log code values, made independent of the exposure.

Exposures cannot be compared directly: one is bright, the other dark, and both are clipped
somewhere. Their texture can: log code values, minus the local mean, divided by the local contrast,
where neither exposure is clipped. Clipped pixels do not count in the local mean and contrast.

Textures are float32, (rows, cols), 0 where a channel is clipped.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from expinterp.core.arrays import Pixels, Plane
from expinterp.core.registration.downscale import halve, reduce_size

DETAIL = 3.0  # pixels: standard deviation of the Gaussian that gives the local mean
WIDE = (21, 21)  # pixels: kernel that gives the local contrast
FLAT = 0.02  # natural logarithm: contrast below which texture is noise
MOST = 3.0  # local contrasts by which a texture may differ from 0
TOE = 2.0  # code values, added before the logarithm
DARK, BRIGHT = 0.3, 250.0  # code values: the least grey, and the most of any channel
FAINT = 1e-3  # mean square of a texture below which it is none; most have about 0.5
LEAST = np.float32(1e-4)  # against division by 0 where everything is clipped


def shrink(image: Pixels | Plane, longer: int, shorter: int) -> tuple[Plane, float]:
    """Return a small copy of an image as float32 code values, 0..255.

    Its mean of many pixels is finer than a code value. That shows texture in the dark.

    Parameters
    ----------
    image : uint8, uint16 or float32 array, shape (rows, cols, 1 or 3)
        float32: code values, 0..255, for example another small copy.
    longer, shorter : int
        The sides of the copy, in pixels, are about `longer`, or more if the shorter side would be
        below `shorter`. Images are never enlarged.

    Returns
    -------
    copy : float32 array, shape (rows, cols, 1 or 3)
    scale : float
        0..1.
    """
    size, scale = copy_size(image.shape, longer, shorter)
    if image.dtype != np.float32:  # fast, and still fine enough
        image = halve(cast(Pixels, image), (4 * size[0] // 3, 4 * size[1] // 3))
        image = reduce_size(image, (3 * size[0] // 2, 3 * size[1] // 2))
    if scale < 1:
        fine = to_float_codes(image) if image.dtype == np.uint8 else image
        small = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
        image = cast("Pixels | Plane", small)
    return to_float_codes(image.reshape(*image.shape[:2], -1)), scale


def copy_size(shape: tuple[int, ...], longer: int, shorter: int) -> tuple[tuple[int, int], float]:
    """Return the size (cols, rows) of the copy that `shrink` makes, and its scale."""
    sides = np.array(shape[1::-1])
    scale = min(1.0, max(longer / max(sides), shorter / min(sides)))
    cols, rows = np.rint(scale * sides).astype(int).tolist()
    return (cols, rows), scale


def to_float_codes(image: Pixels | Plane) -> Plane:
    """Convert code values to float32, 0..255."""
    codes = image.astype(np.float32)
    return codes / np.float32(257) if image.dtype == np.uint16 else codes


def normalise_contrast(codes: Plane) -> tuple[Plane, Plane]:
    """Compute the texture of an image.

    Parameters
    ----------
    codes : float32 array, shape (rows, cols, 1 or 3)
        Code values, 0..255.

    Returns
    -------
    texture : float32 array, shape (rows, cols)
    unclipped : float32 array, shape (rows, cols)
        1 where no channel is clipped, else 0.
    """
    rows, cols, channels = codes.shape
    grey = cv2.cvtColor(codes, cv2.COLOR_RGB2GRAY) if channels == 3 else codes.reshape(rows, cols)
    below = cv2.inRange(codes, (-1.0,) * channels, (BRIGHT,) * channels)  # 255 if all channels are
    usable = cv2.bitwise_and(below, cv2.inRange(grey, DARK, 255.0)) // 255
    unclipped = cv2.erode(usable, np.ones((3, 3))).astype(np.float32)
    tone = cv2.log(grey + np.float32(TOE))
    share = np.maximum(cv2.GaussianBlur(unclipped, (0, 0), DETAIL), LEAST)
    mean = cv2.GaussianBlur(tone * unclipped, (0, 0), DETAIL) / share
    detail = (tone - mean) * unclipped
    variance = cv2.blur(detail**2, WIDE) / np.maximum(cv2.blur(unclipped, WIDE), LEAST)
    texture = np.clip(detail / (np.sqrt(np.maximum(variance, 0)) + np.float32(FLAT)), -MOST, MOST)
    return np.asarray(texture, np.float32), unclipped

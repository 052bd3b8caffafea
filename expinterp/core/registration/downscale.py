"""Reduce the size of images by area averaging, fast."""

from __future__ import annotations

import cv2
import numpy as np

from expinterp.core.arrays import Pixels
from expinterp.core.parallel import strips

ROWS = 256  # of a strip, a power of 2


def reduce_size(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Reduce an image to `size` (cols, rows) by area averaging, see `halve`.

    An image that is not larger is returned itself.
    """
    image = halve(image, size)
    larger = any(side > wanted for side, wanted in zip(image.shape[1::-1], size, strict=True))
    return _average_areas(image, size) if larger else image


def halve(image: Pixels, least: tuple[int, int]) -> Pixels:
    """Halve an image as long as it keeps the size `least` (cols, rows); code values are rounded.

    OpenCV averages areas of 2 × 2 pixels ten times as fast as areas whose borders cut pixels. Of an
    odd number of rows or columns the last one is left out. Strips are halved one after another, so
    that the larger copies are never held as a whole.
    """
    rows, cols = image.shape[:2]
    fold = 1  # pixels that become one, along each axis
    while cols // fold >= 2 * least[0] and rows // fold >= 2 * least[1]:
        fold *= 2
    if fold == 1:
        return image
    whole = image[: rows // fold * fold]
    return np.concatenate(
        [_fold(whole[part], fold) for part in strips(len(whole), max(ROWS, fold))]
    )


def _fold(image: Pixels, fold: int) -> Pixels:
    """Halve an image until `fold`, a power of 2, pixels are one along each axis."""
    while fold > 1:
        rows, cols = image.shape[0] // 2, image.shape[1] // 2
        image = _average_areas(image[: 2 * rows, : 2 * cols], (cols, rows))
        fold //= 2
    return image


def _average_areas(image: Pixels, size: tuple[int, int]) -> Pixels:
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, image.dtype).reshape(*size[::-1], *image.shape[2:])

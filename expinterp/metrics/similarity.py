"""PSNR, SSIM and colour angle: how similar a picture is to the true photograph.

Sources: Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to
Structural Similarity", IEEE TIP 13(4), 2004; the angle, Zheng, Li, Yang and Wu, ICASSP 2020.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import cast

import cv2
import numpy as np

from expinterp.core.arrays import Floats, Pixels

PEAK = 255.0  # of the scale 0..255, to which 16-bit code values v are converted as v/257
SIDE = 11  # of every window, pixels
STRIP = 128  # rows of windows computed at a time, so that memory does not grow with the picture
MARGIN = SIDE // 2  # pixels at each border whose window is not inside the picture
GAUSSIAN = cast(Floats, cv2.getGaussianKernel(SIDE, 1.5).ravel())  # σ = 1.5 pixels
DARK = 1e-3  # share of the range
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def psnr(image: Pixels, truth: Pixels) -> float:
    """Compute the peak signal-to-noise ratio.

    Parameters
    ----------
    image, truth : uint8 or uint16 arrays, same shape and dtype

    Returns
    -------
    float
        10·log10(peak² / mean squared error) in dB, over all pixels and channels; infinite if the
        two are equal.

    Raises
    ------
    ValueError
        If the two differ in shape or dtype.
    """
    check_alike([image, truth])
    error = cv2.norm(image, truth, cv2.NORM_L2SQR) / image.size
    peak = np.iinfo(image.dtype).max
    return 10 * math.log10(peak**2 / error) if error else math.inf


def ssim(image: Pixels, truth: Pixels) -> float:
    """Compute the structural similarity: Gaussian window, valid area, mean over the channels.

    Parameters
    ----------
    image, truth : uint8 or uint16 arrays, same shape and dtype
        At least 11 × 11 pixels.

    Returns
    -------
    float
        −1..1; 1 if the two are equal.

    Raises
    ------
    ValueError
        If the two differ in shape or dtype, or are smaller than the window.
    """
    check_alike([image, truth], least=SIDE)
    rows, cols = image.shape[:2]
    channels = image.size // (rows * cols)
    windows: int = (rows - 2 * MARGIN) * (cols - 2 * MARGIN) * channels
    total = math.fsum(
        float(_ssim_map(*planes).sum())
        for strip in strips(rows)
        for planes in zip(_planes(image[strip]), _planes(truth[strip]), strict=True)
    )
    return total / windows


def colour_angle(image: Pixels, truth: Pixels) -> float:
    """Compute the mean angle between the R G B vectors of two pictures.

    Parameters
    ----------
    image, truth : uint8 or uint16 arrays, shape (rows, cols, 3), same dtype
        Display-encoded.

    Returns
    -------
    float
        0..90 degrees; 0 if the two are equal. `DARK` is added to all channels first, as in the
        training loss, because black has no direction; it then counts as grey.

    Raises
    ------
    ValueError
        If the two are not colour images, or differ in shape or dtype.
    """
    check_alike([image, truth])
    if image.ndim != 3 or image.shape[2] != 3:
        msg = f"colour needs three channels, got shape {image.shape}"
        raise ValueError(msg)
    total = 0.0
    for top in range(0, len(image), STRIP):
        a, b = (on_scale(each[top : top + STRIP]) / PEAK + DARK for each in (image, truth))
        cross = np.stack([a[..., i - 2] * b[..., i - 1] - a[..., i - 1] * b[..., i - 2]
                          for i in range(3)])  # fmt: skip
        sine = np.sqrt(np.square(cross).sum(axis=0))
        total += float(np.arctan2(sine, (a * b).sum(axis=2)).sum())
    return math.degrees(total / (image.shape[0] * image.shape[1]))


def strips(rows: int) -> Iterator[slice]:
    """Cut the rows of a picture into overlapping strips of up to `STRIP` rows of windows."""
    for top in range(0, rows - 2 * MARGIN, STRIP):
        yield slice(top, min(top + STRIP + 2 * MARGIN, rows))


def _ssim_map(one: Floats, two: Floats) -> Floats:
    """Compute the SSIM of two planes (rows, cols), 0..255, in every window."""
    mean1, mean2 = weigh(one, GAUSSIAN), weigh(two, GAUSSIAN)
    var1 = weigh(one * one, GAUSSIAN) - mean1**2
    var2 = weigh(two * two, GAUSSIAN) - mean2**2
    covariance = weigh(one * two, GAUSSIAN) - mean1 * mean2
    top = (2 * mean1 * mean2 + C1) * (2 * covariance + C2)
    found: Floats = top / ((mean1**2 + mean2**2 + C1) * (var1 + var2 + C2))
    return found


def weigh(plane: Floats, window: Floats) -> Floats:
    """Filter a plane (rows, cols) with the separable window, in the valid area.

    The result is `MARGIN` pixels smaller on each side. Running sums, which accumulate rounding
    errors, are not used.
    """
    sums = cv2.sepFilter2D(plane, cv2.CV_64F, window, window)
    return cast(Floats, sums[MARGIN:-MARGIN, MARGIN:-MARGIN])


def on_scale(image: Pixels) -> Floats:
    """Convert code values to float64, 0..255; 16-bit values v become v/257."""
    return image / (257.0 if image.dtype == np.uint16 else 1.0)


def _planes(image: Pixels) -> Iterable[Floats]:
    return cast(Iterable[Floats], cv2.split(on_scale(image)))


def check_alike(images: Iterable[Pixels], least: int = 1) -> None:
    """Check that images have one shape and dtype, and at least `least` pixels on each side.

    Raises
    ------
    ValueError
    """
    kinds = {(image.shape, image.dtype) for image in images}
    if len(kinds) != 1:
        msg = f"the images differ in shape or depth; make them equal: {sorted(map(str, kinds))}"
        raise ValueError(msg)
    ((shape, dtype),) = kinds
    if dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        msg = f"pixels must be uint8 or uint16 code values, got {dtype}; quantise them first"
        raise ValueError(msg)
    if len(shape) not in {2, 3} or (len(shape) == 3 and shape[2] not in {1, 3}):
        msg = f"images must have shape (rows, cols) or (rows, cols, 1 or 3), got {shape}"
        raise ValueError(msg)
    if min(shape[:2]) < least:
        size = f"{shape[1]} × {shape[0]}"
        msg = f"{least} pixels are needed on each side, got {size}; compare larger images"
        raise ValueError(msg)

"""MEF-SSIM: how well a fused picture keeps the structure of the fused photographs.

For each patch, the photographs x_k define the best fusion x̂ = ĉ·ŝ: ĉ is the contrast of the patch
with the most contrast, ŝ the direction of their weighted mean structure. The quality q of the fused
patch y is its structural similarity to x̂, without the luminance term.

The code does not loop over patches. x̂ = Σ a_k·x̃_k, with coefficients a_k of each patch. So all
lengths and moments of x̂ are sums of a_k·a_l times cross moments of x_k and x_l. These are windowed
sums of products of whole planes; for K photographs there are K·(K+1)/2 + K of each kind. The result
is exact.

Source: Ma, Zeng and Wang, "Perceptual Quality Assessment for Multi-Exposure Image Fusion", IEEE
TIP 24(11), 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np

from expinterp.core.arrays import Floats, Pixels, Planes
from expinterp.metrics.similarity import C2, GAUSSIAN, SIDE, check_alike, on_scale, strips, weigh

SCALES = 3  # each half the size of the one before
EXPONENTS = np.array([0.0448, 0.2856, 0.3001]) / (0.0448 + 0.2856 + 0.3001)  # fine to coarse
MEF_LEAST = (SIDE - 1) * 2 ** (
    SCALES - 1
) + 1  # pixels on each side, for one window at the last scale
BOX: Floats = np.ones(SIDE)
CONTRAST_GUARD = 0.001  # added to every contrast
STEEPEST = 10.0  # upper limit of the exponent p
EPS = float(np.finfo(np.float64).eps)
ROUNDING = 1e-8  # generous bound on the rounding of sums of 121 products up to 255², float64


def mef_ssim(references: Sequence[Pixels], fused: Pixels) -> float:
    """Compute the structural quality of a fused picture, compared with its photographs.

    Parameters
    ----------
    references : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        The photographs, display-encoded, in any order; not the virtual exposures.
    fused : array, shape and dtype of the references

    Returns
    -------
    float
        0..1, higher is better; 1 for one reference and itself. A negative mean quality of a
        scale, as of a negative image, counts as 0.

    Raises
    ------
    ValueError
        If there is no reference, if the images differ in shape or dtype, or if they are smaller
        than 41 × 41 pixels, which is one window at the coarsest scale.
    """
    means = [quality.mean() for quality in quality_maps(references, fused)]
    return float(np.prod(np.maximum(means, 0.0) ** EXPONENTS))


def quality_maps(references: Sequence[Pixels], fused: Pixels) -> list[Floats]:
    """Compute the quality q of every patch, at each of the three scales.

    Parameters and errors as for `mef_ssim`.

    Returns
    -------
    list of float64 arrays, shape (rows − 10, cols − 10) of each scale, fine to coarse
        −1..1; ``[i, j]`` belongs to the patch centred 5 pixels below and right of it.
    """
    if not len(references):
        msg = "MEF-SSIM needs at least one photograph to compare with"
        raise ValueError(msg)
    check_alike([*references, fused], least=MEF_LEAST)
    planes = [grey(image) for image in (*references, fused)]
    maps = [_quality(planes)]
    for _ in range(1, SCALES):
        planes = [_halve(plane) for plane in planes]
        maps.append(_quality(planes))
    return maps


def grey(image: Pixels) -> Planes:
    """Convert pixels to grey code values on the scale 0..255, shape (rows, cols).

    0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), rounded to a code value of the same depth, as in a
    grey copy of the file. At 8 bits, float32 is exact for these values and their means.
    """
    if image.ndim == 3 and image.shape[2] == 3:
        image = cast(Pixels, cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    return on_scale(image.reshape(image.shape[:2])).astype(np.float32)


def _halve(plane: Planes) -> Planes:
    """Compute means of 2 × 2 pixels; an odd last row or column is repeated."""
    rows, cols = plane.shape
    even = cv2.copyMakeBorder(plane, 0, rows % 2, 0, cols % 2, cv2.BORDER_REPLICATE)
    return (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / np.float32(4)


def _quality(planes: Sequence[Planes]) -> Floats:
    """Compute q of every patch at one scale, strip by strip; the last plane is the fused one."""
    return np.concatenate(
        [
            _quality_of_strip([plane[rows].astype(np.float64) for plane in planes])
            for rows in strips(len(planes[0]))
        ]
    )


def _quality_of_strip(planes: Sequence[Floats]) -> Floats:
    a = _mixture(_covariances(planes[:-1], BOX) * SIDE**2)
    gaussian = _covariances(planes, GAUSSIAN)
    variance_x, variance_y = _quadratic(a, gaussian[:-1, :-1]), gaussian[-1, -1]
    covariance = np.einsum("kij,kij->ij", a, gaussian[:-1, -1])
    quality: Floats = (2 * covariance + C2) / (variance_x + variance_y + C2)
    return quality


def _covariances(planes: Sequence[Floats], window: Floats) -> Floats:
    """Compute the covariance of every two planes in every window: shape (K, K, rows, cols)."""
    window = window / window.sum()
    means = [weigh(plane, window) for plane in planes]
    out = np.empty((len(planes), len(planes), *means[0].shape))
    for k, one in enumerate(planes):
        for m in range(k + 1):
            out[k, m] = out[m, k] = weigh(one * planes[m], window) - means[k] * means[m]
    return out


def _mixture(inner: Floats) -> Floats:
    """Compute a_k of x̂ = Σ a_k·x̃_k, (K, rows, cols), from the inner products of all x̃_k.

    Where the structures cancel, or all patches are flat, x̂ is flat.
    """
    norms = np.sqrt(np.maximum(np.einsum("kkij->kij", inner), 0.0))
    contrasts = norms + CONTRAST_GUARD
    weights = (contrasts / SIDE) ** _steepness(inner, norms) + EPS
    shares = weights / weights.sum(axis=0) / contrasts
    length2 = _quadratic(shares, inner)
    certain = length2 > ROUNDING * shares.sum(axis=0) ** 2
    length = np.sqrt(np.where(certain, length2, 1.0))
    return np.asarray(shares * np.where(certain, contrasts.max(axis=0) / length, 0.0))


def _steepness(inner: Floats, norms: Floats) -> Floats:
    """Compute p = tan(πR/2); R = ‖Σx̃_k‖ / Σ‖x̃_k‖, 0..1, is the agreement of structures, 1 if flat."""
    together = np.sqrt(np.maximum(inner.sum(axis=(0, 1)), 0.0))
    agreement = np.minimum((together + EPS) / (norms.sum(axis=0) + EPS), 1.0)
    return np.asarray(np.minimum(np.tan(np.pi / 2 * agreement), STEEPEST))


def _quadratic(a: Floats, form: Floats) -> Floats:
    """Compute Σ a_k·a_l·form_kl at every pixel."""
    return np.asarray(np.einsum("kij,lij,klij->ij", a, a, form))

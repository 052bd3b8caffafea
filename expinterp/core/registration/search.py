"""Search for a large motion: shifts and turns of a small copy.

The textures of two small copies are correlated at every shift, for several turns of the second.
Clipped pixels do not count: the correlation is normalised by what is unclipped in both at a shift.

Source: Padfield, "Masked Object Registration in the Fourier Domain", IEEE TIP 21(5), 2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from expinterp.core.arrays import Floats, Pixels, Plane
from expinterp.core.parallel import map_threads
from expinterp.core.registration.homography import rescale
from expinterp.core.registration.texture import FAINT, normalise_contrast, shrink

COPY = 256, 64  # pixels: longer side of the copy, and the least that its shorter side may be
TURNS = np.arange(-6.0, 7.0)  # degrees
THINNEST = 1 / 100  # shorter by longer side: copies of thinner images are long and slow to search
REACH = 0.12  # of the longer side: the largest shift that is tried
SHARED = 0.15  # least share of pixels that must be unclipped in both

Spectra: TypeAlias = tuple[Plane, Plane, Plane]  # of a texture, its square, where it is unclipped


@dataclass(frozen=True, eq=False)
class Pose:
    """A shift and a turn.

    Attributes
    ----------
    matrix : float64 array, shape (3, 3)
        Maps a point (x, y, 1) of the first image to the second.
    likeness : float
        Correlation of the textures, −1..1; 0 if too little is unclipped in both.
    """

    matrix: Floats
    likeness: float


def search_pose(one: Pixels | Plane, two: Pixels | Plane) -> Pose:
    """Find the shift and turn by which the textures of two images agree best.

    Parameters
    ----------
    one, two : uint8, uint16 or float32 arrays, shape (rows, cols, 1 or 3)
        Two exposures, of the same shape, display-encoded; float32: code values, 0..255.

    Returns
    -------
    Pose
        The identity, with a likeness of 0, for images that are thinner than `THINNEST`.
    """
    if min(one.shape[:2]) < THINNEST * max(one.shape[:2]):
        return Pose(np.eye(3), 0.0)
    (small_one, scale), (small_two, _) = (shrink(image, *COPY) for image in (one, two))
    here, there = normalise_contrast(small_one), normalise_contrast(small_two)
    shape = here[0].shape
    pad = round(REACH * max(shape))
    size = tuple(cv2.getOptimalDFTSize(length + pad) for length in shape)
    spectra = _transform(here, size)

    def correlate(degrees: float) -> Pose:
        turn = np.eye(3)
        turn[:2] = cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), degrees, 1.0)
        turned = there if degrees == 0 else (_turn(there[0], turn), _turn(there[1], turn))
        shift, likeness = _best_shift(spectra, _transform(turned, size), pad, shape)
        return Pose(turn @ shift, likeness)

    best = max(map_threads(correlate, list(TURNS)), key=lambda pose: pose.likeness)
    return Pose(rescale(best.matrix, 1 / scale), best.likeness)


def _turn(plane: Plane, turn: Floats) -> Plane:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(plane, turn[:2], plane.shape[::-1], flags=flags), np.float32)


def _transform(planes: tuple[Plane, Plane], size: tuple[int, ...]) -> Spectra:
    """Compute the spectra of a texture and its unclipped part, padded to `size`."""
    texture, unclipped = planes
    rows, cols = texture.shape
    padded = np.zeros((3, *size), np.float32)
    padded[:, :rows, :cols] = texture, texture**2, unclipped
    one, two, three = (np.asarray(cv2.dft(plane), np.float32) for plane in padded)
    return one, two, three


def _best_shift(
    one: Spectra, two: Spectra, pad: int, shape: tuple[int, ...]
) -> tuple[Floats, float]:
    """Find the shift of the highest correlation: as a matrix, with the correlation."""

    def correlate(first: Plane, second: Plane) -> Plane:
        product = cv2.mulSpectrums(second, first, 0, conjB=True)
        surface = np.roll(cv2.idft(product, flags=cv2.DFT_SCALE), (pad, pad), (0, 1))
        return np.asarray(surface[: 2 * pad + 1, : 2 * pad + 1], np.float32)

    product = correlate(one[0], two[0])
    faint = FAINT * shape[0] * shape[1]
    power = np.maximum(correlate(one[1], two[2]), 0) + faint
    power *= np.maximum(correlate(one[2], two[1]), 0) + faint
    shared = correlate(one[2], two[2]) > SHARED * shape[0] * shape[1]
    values = np.where(shared, product / np.sqrt(power), 0)
    row, col = np.unravel_index(values.argmax(), values.shape)
    shift = np.array([[1, 0, col - pad], [0, 1, row - pad], [0, 0, 1.0]])
    return shift, float(values[row, col])

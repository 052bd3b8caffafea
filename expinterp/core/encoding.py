"""Known encodings: the curve of pictures that we encode ourselves, from raw files or linear light.

All computing happens in the *working* code values: linear light of each channel, encoded by the
curve of sRGB to uint16, clipped at 0 and 1. For a raw file the channels are the camera's own R G B
after white balance, so that each of them is clipped where its sensor was. The colour matrix and the
curve of the output space come last: they are applied to each result when it is written.

Letters: E is linear light, 0..1; z = 255·f(E) are working code values, 0..255; f is the curve of
sRGB.

Sources: IEC 61966-2-1 (sRGB), Adobe RGB (1998), SMPTE EG 432-1 (P3), ITU-R BT.2020.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from expinterp.core.arrays import Floats, Pixels, with_channels
from expinterp.core.mapping import CODE_VALUES
from expinterp.core.parallel import map_threads, strips
from expinterp.core.response.calibration import ANCHOR, Profile

Space: TypeAlias = Literal["srgb", "adobe-rgb", "display-p3", "rec2020"]

TOP = 65_535  # largest code value of 16 bits
STRIP = 32  # rows that one thread converts at a time: they and the tables fit into its cache
UNCLIPPED = 0.85  # linear light of ``long`` below which no channel is clipped, nor its neighbours
WELL_EXPOSED = (0.1, 0.02, 0.002)  # … and above which ``short`` is well exposed too, best first
ENOUGH = 1000  # values that are compared
LEAST_SPREAD, OUTLIER = 0.002, 5.0  # median deviation, relative; multiples of it that are kept
WHITE = (0.3127, 0.3290)  # x, y of D65, the white of all four spaces


@dataclass(frozen=True)
class Curve:
    """A transfer curve: z = a·E^(1/g) − (a − 1) above `knee`, and slope·E below.

    Attributes
    ----------
    exponent : float
        g.
    scale : float
        a.
    slope, knee : float
        Of the straight part; the knee is in linear light.
    """

    exponent: float
    scale: float = 1.0
    slope: float = 0.0
    knee: float = 0.0

    def encode(self, linear: Floats) -> Floats:
        """Convert linear light, 0..1, to code values, 0..1."""
        linear = np.clip(linear, 0.0, 1.0)
        curved = self.scale * linear ** (1 / self.exponent) - (self.scale - 1)
        return np.where(linear <= self.knee, self.slope * linear, curved)

    def decode(self, codes: Floats) -> Floats:
        """Convert code values, 0..1, to linear light, 0..1."""
        codes = np.clip(codes, 0.0, 1.0)
        curved = ((codes + self.scale - 1) / self.scale) ** self.exponent
        straight = codes / self.slope if self.slope else codes
        return np.where(codes <= self.slope * self.knee, straight, curved)


@dataclass(frozen=True)
class ColourSpace:
    """An output space: its name, its curve, and x, y of its R, G and B. White is D65."""

    name: str
    curve: Curve
    primaries: tuple[tuple[float, float], ...]

    @property
    def to_xyz(self) -> Floats:
        """The matrix from linear R G B to CIE XYZ, with Y = 1 for white."""
        return to_xyz((*self.primaries, WHITE))


SRGB_CURVE = Curve(2.4, 1.055, 12.92, 0.0031308)
SPACES: dict[Space, ColourSpace] = {
    "srgb": ColourSpace("sRGB", SRGB_CURVE, ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))),
    "adobe-rgb": ColourSpace(
        "Adobe RGB (1998) compatible", Curve(563 / 256), ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
    ),
    "display-p3": ColourSpace(
        "Display P3", SRGB_CURVE, ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
    ),
    "rec2020": ColourSpace(
        "Rec. 2020",
        Curve(1 / 0.45, 1.09929682680944, 4.5, 0.018053968510807),
        ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    ),
}


@dataclass(frozen=True, eq=False)
class Encoding:
    """How the working code values of a picture become those of a file.

    Attributes
    ----------
    matrix : float64 array, shape (3, 3), or None
        From linear working R G B to linear R G B of the output space; None if they are the same.
    space : {'srgb', 'adobe-rgb', 'display-p3', 'rec2020'}
        The output space.
    """

    matrix: Floats | None = None
    space: Space = "srgb"

    def is_like(self, other: Encoding | None) -> bool:
        """Return whether another picture is encoded alike."""
        if other is None or self.space != other.space:
            return False
        one, two = (np.eye(3) if e.matrix is None else e.matrix for e in (self, other))
        return bool(np.allclose(one, two, atol=1e-3))

    def finish(self, pixels: Pixels) -> Pixels:
        """Convert working code values to display-encoded ones of the output space.

        Parameters
        ----------
        pixels : uint16 array, shape (rows, cols) or (rows, cols, 1 or 3)

        Returns
        -------
        array of the same shape and dtype
            `pixels` itself, without a matrix and for sRGB.
        """
        curve = SPACES[self.space].curve
        if self.matrix is None and curve == SRGB_CURVE:
            return pixels
        image, out = with_channels(pixels), np.empty_like(pixels)
        matrix = None if self.matrix is None or image.shape[2] != 3 else self.matrix

        def work(rows: slice) -> None:
            linear = decode(image[rows])
            if matrix is not None:
                linear[...] = cv2.transform(linear, matrix.astype(np.float32))
            out[rows] = _to_codes(linear, curve).reshape(out[rows].shape)

        map_threads(work, strips(len(out), STRIP))
        return out


def to_output(light: NDArray[np.float32], encoding: Encoding | None) -> None:
    """Convert linear light of working R G B to that of the output space, in place.

    `light` is float32 (rows, cols, channels), of any range. None and grey stay as they are.
    """
    if encoding is None or encoding.matrix is None or light.shape[2] != 3:
        return
    matrix = encoding.matrix.astype(np.float32)

    def convert(rows: slice) -> None:
        light[rows] = cv2.transform(light[rows], matrix)

    map_threads(convert, strips(len(light), STRIP))


def encode(linear: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Encode linear light, float32 of any shape, 0..1, to working code values, clipped, rounded."""
    return _to_codes(linear, SRGB_CURVE)


def decode(codes: Pixels) -> NDArray[np.float32]:
    """Decode working code values, uint16 of any shape, to linear light, 0..1."""
    return _decoding().take(codes, mode="clip")


def known_response(channels: int = 3) -> Profile:
    """Return the response of working code values: g(z) = ln f⁻¹(z/255), with g(128) = 0.

    Code value 0 stands for all light below half a step of 16 bits.
    """
    codes = np.maximum(CODE_VALUES / 255, 0.5 / TOP)
    g = np.log(SRGB_CURVE.decode(codes))
    response = np.tile(g - g[ANCHOR], (channels, 1))
    return Profile(response, residual=0.0, shots=0, scale=1.0, source="known")


def known_imf(scale: float, channels: int) -> Floats:
    """Tabulate the intensity mapping function of working code values, Λ(z) = 255·f(k·f⁻¹(z/255)).

    As `imf_from_response` of `known_response`, but exact also near black, where logarithms of
    neighbouring code values lie far apart.

    Parameters
    ----------
    scale : float
        k = t_target / t_source, > 0.

    Returns
    -------
    float64 array, shape (channels, 256)
    """
    mapped = 255 * SRGB_CURVE.encode(scale * SRGB_CURVE.decode(CODE_VALUES / 255))
    return np.tile(mapped, (channels, 1))


def known_log_ratio(long: Pixels, short: Pixels) -> float | None:
    """Measure ln(t1/t2) of two registered exposures in working code values, as `log_ratio_of`."""
    return log_ratio_of(decode(long), decode(short))


def log_ratio_of(long: NDArray[np.float32], short: NDArray[np.float32]) -> float | None:
    """Measure ln(t1/t2) of two registered exposures in linear light.

    The ratio of the sums, over pixels that are well exposed in ``long``. Pixels whose ratio lies
    far from the median of all are left out: they moved.

    Parameters
    ----------
    long, short : float32 arrays of the same shape
        1 is white.

    Returns
    -------
    float or None
        None if there are no such pixels.
    """
    bright, dark = long.ravel(), short.ravel()
    for least in WELL_EXPOSED:
        seen = (bright > least) & (bright < UNCLIPPED) & (dark > 0)
        if seen.sum() >= ENOUGH:
            break
    bright, dark = bright[seen].astype(np.float64), dark[seen].astype(np.float64)
    if not bright.size:
        return None
    share = dark / bright
    middle = np.median(share)
    spread = max(np.median(np.abs(share - middle)), LEAST_SPREAD * middle)
    still = np.abs(share - middle) <= OUTLIER * spread
    return float(np.log(bright[still].sum() / dark[still].sum()))


def conversion(source: Space, target: Space) -> Floats:
    """Return the matrix from linear R G B of one space to another, shape (3, 3)."""
    return np.asarray(np.linalg.solve(SPACES[target].to_xyz, SPACES[source].to_xyz))


def to_xyz(primaries: ArrayLike) -> Floats:
    """Return the matrix from linear R G B to CIE XYZ, with Y = 1 for white.

    `primaries` are x, y of R, G, B and white: 8 numbers.
    """
    x, y = np.reshape(primaries, (4, 2)).astype(np.float64).T
    points = np.array([x / y, np.ones(4), (1 - x - y) / y])
    return np.asarray(points[:, :3] * np.linalg.solve(points[:, :3], points[:, 3]))


@cache
def _decoding() -> NDArray[np.float32]:
    """Tabulate f⁻¹ for 16-bit code values."""
    return SRGB_CURVE.decode(np.arange(TOP + 1) / TOP).astype(np.float32)


@cache
def _encoding(curve: Curve) -> NDArray[np.uint16]:
    """Tabulate a curve over the square root of linear light, where it is nearly straight."""
    roots = np.arange(TOP + 1) / TOP
    return np.rint(TOP * curve.encode(roots**2)).astype(np.uint16)


def _to_codes(linear: NDArray[np.float32], curve: Curve) -> NDArray[np.uint16]:
    """Encode linear light to 16 bits by table."""
    roots = np.sqrt(np.clip(linear, np.float32(0), np.float32(1)))
    roots *= np.float32(TOP)
    roots += np.float32(0.5)
    return _encoding(curve).take(roots.astype(np.uint16), mode="clip")

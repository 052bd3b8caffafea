"""The radiance of a scene from all its exposures: relative linear light, with what is clipped.

Letters: shot i was exposed t_i seconds; z = f(E·t) are its display-encoded code values, 0..255 (a
16-bit value v counts as v/257); x(z) = f⁻¹(z) = exp g(z) is the exposure E·t of a code value. Each
shot states the radiance E_i = x(z_i)/t_i. The result is Σ w_i·E_i / Σ w_i per pixel and channel.

The weights are inverse variances. A code value has a noise of constant variance σ², from shot noise,
rounding and compression: display encodings are nearly square roots of the exposure, and these make
the variance of shot noise constant (Anscombe 1948). To first order, Var E_i = (x′(z_i)/t_i)²·σ² =
E²·g′(z_i)²·σ². E and σ are those of all shots, so that w_i = 1/g′(z_i)². Computed from each E_i
itself, weights would prefer what noise made darker.

Noise that is left may be removed from the mean, see `expinterp.core.denoise.merged`.

Near black, an error of the black level outweighs that noise: a code value of 1 may stand for nothing. It
is an error of the exposure, of standard deviation c = x(BLACK_ERROR), and adds (c/t_i)² to Var E_i:
w_i = 1/(g′(z_i)² + (c/(E·t_i))²). A dark shot then counts little where a brighter one is nearly
black, and black itself counts as a low exposure. E comes from a first mean, by the weights
t_i²/(x′(z_i)² + c²).

Sources: Robertson, Borman and Stevenson, "Estimation-theoretic approach to dynamic range
enhancement using multiple exposures", JEI 12(2), 2003 (certainty: the slope of the response);
Granados et al., "Optimal HDR reconstruction with linear digital cameras", CVPR 2010, and Hasinoff,
Durand and Freeman, "Noise-optimal capture for high dynamic range photography", CVPR 2010 (inverse
variance, and no weight where clipped).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats, Pixels, Plane
from expinterp.core.denoise.merged import REACH, measure_noise_between, smooth_radiance
from expinterp.core.encoding import decode
from expinterp.core.mapping import CODE_VALUES, LONG_CLIPPED
from expinterp.core.parallel import map_threads, strips

STRIP = 64  # rows that one thread merges at a time
ROWS = 100  # on which noise is measured
SHOULDER = 230  # code value of the brightest channel from which a shot counts less and less:
# where one channel of the sensor is clipped, the colour correction spoils all of them
BLACK_ERROR = 2  # code values: how far the black level of a camera, its noise or a scan may be off
TINY = np.float32(1e-30)  # against division by 0
LAST_RESORT = np.float32(1e-4)  # factor on the weight of a shot with a clipped channel
WHITE, BLACK = 255, 128  # marks of pixels that are clipped in all shots


@dataclass(frozen=True, eq=False)
class Radiance:
    """The radiance of a scene.

    Attributes
    ----------
    radiance : float32 array, shape (rows, cols, channels)
        Linear, relative, ≥ 0. 1 is white in the shot `white`.
    clipped : uint8 array, shape (rows, cols)
        255 where a channel is white in all shots, and at least as bright as stated; 128 where one
        is black in all, and at most as bright; 0 elsewhere.
    white : int
        Index, among the images as given, of the shot whose white has the radiance 1.
    exposures : tuple of float
        The exposure t of each image as given, relative to that shot, as measured.
    source : str
        Where the response comes from: known, profile, camera or pair.
    notices : tuple of str
        Warnings for the user.
    opacity : array of the dtype of the images, shape (rows, cols), or None
        None if all is opaque.
    """

    radiance: NDArray[np.float32] = field(repr=False)
    clipped: Codes = field(repr=False)
    white: int
    exposures: tuple[float, ...]
    source: str
    notices: tuple[str, ...] = ()
    opacity: Pixels | None = field(default=None, repr=False)


def merge_radiance(
    shots: Sequence[Pixels],
    response: Floats | None,
    exposures: Sequence[float],
    *,
    opacities: Sequence[Pixels] = (),
    denoise: float = 0.0,
    progress: Callable[[float], None] | None = None,
) -> tuple[NDArray[np.float32], Codes]:
    """Merge registered exposures.

    Where all shots are clipped, the nearest end is taken: what is white in the darkest shot has the
    radiance of its white; what is black in the brightest one, half of that at which black ends; what
    one shows white and the next darker one black, the geometric mean of the two.

    Parameters
    ----------
    shots : sequence of uint8 or uint16 arrays, shape (rows, cols, channels)
        Display-encoded, in any order.
    response : float64 array, shape (channels, 256), or None
        g(z) = ln(E·t); None for the known encoding of `expinterp.core.encoding`.
    exposures : sequence of float
        The exposure t of each shot, relative to that whose white has the radiance 1.
    opacities : sequence of arrays of the dtype of the shots, shape (rows, cols)
        A shot counts in proportion; empty if all are opaque.
    denoise : float
        Strength, 0..1, with which noise is removed; see `expinterp.core.denoise.merged`.
    progress : function, optional
        Called with the share done, 0..1.

    Returns
    -------
    radiance : float32 array, shape (rows, cols, channels)
    clipped : uint8 array, shape (rows, cols)
        As in `Radiance`.
    """
    tables = _Tables.of(shots[0], response)
    spread = tables.measure_noise(shots, exposures) if denoise else 0.0
    radiance = np.empty(shots[0].shape, np.float32)
    clipped = np.zeros(shots[0].shape[:2], np.uint8)

    def work(rows: slice) -> None:
        around = REACH if spread else 0
        block = slice(max(rows.start - around, 0), rows.stop + around)
        inner = slice(rows.start - block.start, rows.stop - block.start)
        shares = _shares([opacity[block] for opacity in opacities])
        blocks = [np.ascontiguousarray(shot[block]) for shot in shots]
        merged = tables.mean(blocks, exposures, shares)
        if spread:
            merged = smooth_radiance(
                merged, spread, least=tables.least(exposures), strength=denoise
            )
        parts = [part[inner] for part in blocks]
        merged, seen = merged[inner], tables.shows(parts, [share[inner] for share in shares])
        radiance[rows] = merged
        unknown = ~seen
        if unknown.any():
            values = [part[unknown] for part in parts]
            radiance[rows][unknown], marks = tables.limit(values, np.nonzero(unknown)[2], exposures)
            clipped[rows] = _mark(unknown, marks)

    map_threads(work, strips(len(radiance), STRIP), progress=progress)
    return radiance, clipped


def _shares(opacities: Sequence[Pixels]) -> list[Plane]:
    """Return the share (rows, cols, 1) by which each shot counts: opacity, relative to the largest."""
    if not opacities:
        return []
    most = np.maximum(np.maximum.reduce(opacities), 1).astype(np.float32)
    return [(opacity / most).astype(np.float32)[..., np.newaxis] for opacity in opacities]


def _mark(unknown: NDArray[np.bool_], marks: Codes) -> Codes:
    """Return the mark of each pixel: the larger of those of its channels."""
    full = np.zeros(unknown.shape, np.uint8)
    full[unknown] = marks
    return np.asarray(full.max(axis=-1))


@dataclass(frozen=True, eq=False)
class _Tables:
    """What each code value of the dtype of the shots stands for."""

    exposure: Plane  # (channels, codes): x(z) / x(white)
    first: Plane  # (channels, codes): 1/(x′² + c²), 0 at white
    certainty: Plane  # (channels, codes): 1/g′², 0 at white
    black_error: Plane  # (channels,): c²
    certain: Plane  # (codes,): factor on the weights of a pixel by its brightest channel
    darkest: Plane  # (channels,): x of a pixel that is black

    @classmethod
    def of(cls, shot: Pixels, response: Floats | None) -> _Tables:
        """Tabulate a response; white is the geometric mean of the channels at the last code value."""
        top = int(np.iinfo(shot.dtype).max)
        codes = np.arange(top + 1) * (255 / top)
        channels = shot.shape[2]
        if response is None:
            exposure = np.tile(decode(np.arange(top + 1).astype(shot.dtype)), (channels, 1))
            g = np.log(np.maximum(exposure, 0.25 / top))
        else:
            curves = np.exp(response - response[:, -1].mean())
            exposure = np.stack([np.interp(codes, CODE_VALUES, curve) for curve in curves])
            exposure[:, 0] = 0
            g = np.stack([np.interp(codes, CODE_VALUES, curve) for curve in response])
        certainty = _least(np.gradient(g, codes, axis=1)) ** -2.0
        certainty[:, 0] = certainty[:, 1]
        black_error = exposure[:, [BLACK_ERROR * top // 255]] ** 2
        first = 1 / (np.gradient(exposure, codes, axis=1) ** 2 + black_error)
        certainty[:, -1] = first[:, -1] = 0
        certain = np.clip((LONG_CLIPPED - codes) / (LONG_CLIPPED - SHOULDER), LAST_RESORT, 1)
        if response is None:  # the channels are those of the sensor
            certain[:] = 1
        darkest = exposure[:, 1] / 4
        exposure[:, 0] = darkest
        tables = exposure, first, certainty, black_error[:, 0], certain, darkest
        return cls(*(table.astype(np.float32) for table in tables))

    def mean(
        self, shots: Sequence[Pixels], exposures: Sequence[float], shares: Sequence[Plane]
    ) -> Plane:
        """Return the weighted mean of what the shots state."""
        shape = shots[0].shape
        mean: Plane = np.zeros(shape, np.float32)
        for weigh in (self._weigh_first, self._weigh):
            total, weight = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
            for k, (codes, t) in enumerate(zip(shots, exposures, strict=True)):
                counts = weigh(codes, np.float32(t), mean)
                if shares:
                    counts *= shares[k]
                weight += counts
                counts *= _look_up(codes, self.exposure / np.float32(t))
                total += counts
            mean = np.divide(total, np.maximum(weight, TINY), dtype=np.float32)
        return mean

    def least(self, exposures: Sequence[float]) -> float:
        """Return the smallest radiance that black stands for."""
        return float(self.darkest.min()) / max(exposures)

    def shows(self, shots: Sequence[Pixels], shares: Sequence[Plane]) -> NDArray[np.bool_]:
        """Return whether one of the shots shows a value unclipped."""
        top = self.exposure.shape[1] - 1
        seen = np.zeros(shots[0].shape, np.bool_)
        for k, codes in enumerate(shots):
            inside = (codes > 0) & (codes < top)
            seen |= inside & (shares[k] > 0) if shares else inside
        return seen

    def measure_noise(self, shots: Sequence[Pixels], exposures: Sequence[float]) -> float:
        """Return the standard deviation of ln E at a middle code value; 0 without visible noise."""
        rows = np.unique(np.linspace(0, len(shots[0]) - 1, ROWS).astype(np.intp))
        slopes = np.maximum(self.certainty, TINY) ** np.float32(-0.5)
        noise = measure_noise_between(
            [shot[rows] for shot in shots], np.log(self.exposure), slopes, exposures
        )
        return noise * float(np.median(slopes[:, slopes.shape[1] // 2]))

    def _weigh_first(self, codes: Pixels, t: np.float32, _: Plane) -> Plane:
        """Return the weight t²/(x′² + c²) of each value of a shot."""
        return _look_up(codes, self.first * t**2)

    def _weigh(self, codes: Pixels, t: np.float32, radiance: Plane) -> Plane:
        """Return the weight 1/(g′² + (c/(E·t))²) of each value, less beside a clipped channel."""
        certainty = _look_up(codes, self.certainty)
        signal = (radiance * t) ** 2
        weight = certainty * signal / (signal + certainty * self.black_error + TINY)
        brightest = codes[..., 0]
        for channel in range(1, codes.shape[2]):
            brightest = np.maximum(brightest, codes[..., channel])
        factor = self.certain[brightest]
        if factor.min() < 1:
            weight *= factor[..., np.newaxis]
        return np.asarray(weight)

    def limit(
        self, values: Sequence[Pixels], channels: NDArray[np.intp], exposures: Sequence[float]
    ) -> tuple[Plane, Codes]:
        """Return the radiance of values (n,) that are clipped in all shots, and their marks."""
        top = self.exposure.shape[1] - 1
        least = np.zeros(len(channels), np.float32)
        most = np.full(len(channels), np.inf, np.float32)
        for codes, exposure in zip(values, exposures, strict=True):
            highest = self.exposure[channels, top] / np.float32(exposure)
            lowest = self.darkest[channels] / np.float32(exposure)
            least = np.where(codes == top, np.maximum(least, highest), least)
            most = np.where(codes == 0, np.minimum(most, lowest), most)
        bounded, white = np.isfinite(most), least > 0
        known = np.where(bounded, most, least)
        both = bounded & white
        known[both] = np.sqrt(least[both] * most[both])
        marks = np.where(white, WHITE, np.where(bounded, BLACK, 0))
        return known.astype(np.float32), marks.astype(np.uint8)


def _least(slope: Floats) -> Floats:
    """Return slopes of g, none of them below 1e-3 per code value."""
    return np.maximum(slope, 1e-3)


def _look_up(codes: Pixels, table: Plane) -> Plane:
    """Look up code values (rows, cols, channels) in the table of each channel."""
    if codes.dtype == np.uint8:
        lut = np.ascontiguousarray(table.T[np.newaxis])  # (1, 256, channels)
        return np.asarray(cv2.LUT(codes, lut), np.float32).reshape(codes.shape)
    return np.stack([row[codes[..., c]] for c, row in enumerate(table)], axis=-1)

"""Remove noise from a virtual exposure, in proportion to what is known of it.

Each band of luminance and of the colour differences is shrunk where its energy E, averaged around
the pixel, is that of noise, V:

    band · (1 − min(κ·V / E, 1)³)

The factor is 0 where the band is noise alone, and nearly 1 where it is detail. The third power harms
detail less than the Wiener filter, 1 − V/E. V follows from the noise n of ``short`` and the slope s:
by how much one code value of the inputs changes the result, see `noise`. So little changes where
``long`` shows the scene, or ``short`` is not brightened. Some of the grain of luminance stays, as it
is natural, and so does as much noise as rounding leaves.

Sources: Simoncelli and Adelson, "Noise Removal via Bayesian Wavelet Coring", ICIP 1996 (coring of
bands). Power and κ were chosen on photographs, by ``benchmarks/noise.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np

from expinterp.core.arrays import Pixels, Plane, Planes
from expinterp.core.denoise.bands import (
    LEVELS,
    band,
    energy,
    expand,
    from_opponents,
    gaussian_pyramid,
    luminance,
    opponent,
    smooth,
    thin_out,
    to_grey,
    to_planes,
)
from expinterp.core.denoise.growth import Growth
from expinterp.core.denoise.noise import Noise
from expinterp.core.denoise.tiles import Area, NoisyTile, cut_cores, narrow, within
from expinterp.core.intermediate import Blend, interleave, quantise_sum
from expinterp.core.parallel import map_threads

CERTAINTY, COLOUR_CERTAINTY = 2.2, 2.5  # κ: energies of noise alone vary around their mean. Of
# luminance κ is smaller: texture that is lost shows more than false colour that is left
FAINT = 5.0  # code values of `short`: false colour is that of fainter detail
GRAIN = 0.2  # share of the grain of ``short`` that luminance keeps, as a photograph has some
ROUNDED = ((0.028, 0.15), (0.0017, 0.009), (0.0003, 0.0017))  # code values²: what rounding the
# result to 8 bits leaves of luminance and of each colour difference in a band; it is not removed
INVISIBLE = 0.3  # code values²: less noise does not show, after rounding
FEW = 0.01  # share of a band; noise in fewer pixels is left
PROBE = 4  # every fourth pixel is looked at for that
TINY = 1e-6  # code values²; added to energies


def denoise(
    image: Pixels,
    long: Pixels,
    short: Pixels,
    blend: Blend,
    noise: Sequence[Noise],
    *,
    strength: float = 1.0,
    rows: slice | None = None,
    progress: Callable[[float], None] | None = None,
) -> Pixels:
    """Remove from a virtual exposure the noise that it has from ``short``.

    Parameters
    ----------
    image : uint8 or uint16 array, shape (rows, cols, 1 or 3)
        The virtual exposure, display-encoded.
    long, short : arrays of the same shape and dtype
        The photographs that it was computed from.
    blend : Blend
        The tables of its exposure.
    noise : sequence of Noise
        From `measure_noise`.
    strength : float
        Share of the correction, 0..1.
    rows : slice, optional
        The rows to denoise, from a multiple of `CELL` on; by default all. They depend on `HALO` rows
        on each side.
    progress : function, optional
        Called with the share done, 0..1, after every tile.

    Returns
    -------
    array of the dtype and shape of `image`, or of these rows of it
    """
    rows = rows or slice(0, len(image))
    out = np.empty_like(image[rows])  # filled in threads: most of the time is that of fresh memory
    frames = _Frames(image, long, short)
    area = rows, slice(0, image.shape[1])

    def work(core: Area) -> None:
        noisy = _find_noise(frames, core, blend, noise[0])
        tile = noisy and NoisyTile.around(noisy, image.shape)
        planes, changes = _find_changes(frames, tile, blend, noise) if tile else ([], [])
        if noisy != core or not changes:
            out[within(core, area)] = image[core]
        if noisy and changes:
            add = partial(quantise_sum, dtype=out.dtype, factor=strength, full=255)
            interleave([*map(add, planes, from_opponents(changes))], out[within(noisy, area)])

    map_threads(work, cut_cores(rows, image.shape), progress=progress)
    return out


class _Frames(NamedTuple):
    """A virtual exposure and the photographs that it was computed from."""

    image: Pixels
    long: Pixels
    short: Pixels


def _find_noise(frames: _Frames, core: Area, blend: Blend, noise: Noise) -> Area | None:
    """Return the part of a tile that shows noise; None if it shows none.

    False colour without noise does not count: on 107 triples it changed no PSNR by more than 0.001 dB.
    """
    long, short = (thin_out(shot[core], PROBE) for shot in frames[1:])
    variances = _variances([*_spreads(long, short, blend, noise.growth)], noise, 0)
    return narrow(core, np.any([each > INVISIBLE for each in variances], axis=0), PROBE)


def _find_changes(
    frames: _Frames, tile: NoisyTile, blend: Blend, noise: Sequence[Noise]
) -> tuple[list[Plane], list[Plane | None]]:
    """Compute what shrinking the bands changes in the core of a tile.

    Returns
    -------
    list of uint8 or float32 arrays, shape (rows, cols)
        R, G, B or grey of the core: code values, 0..255.
    list of float32 arrays or None
        What changes in its luminance and colour differences; None for nothing. Empty if all are None.
    """
    image, *shots = (frame[tile.block] for frame in frames)
    long, short = (thin_out(shot, 2) for shot in shots)
    spreads = _spreads(long, short, blend, noise[0].growth)
    slopes = [gaussian_pyramid(smooth(plane)) for plane in spreads]
    faint = _measure_faint(shots[1], tile, noise)
    planes = to_planes(image)
    few: list[list[Plane]] = [[] for _ in planes]  # variances of each opponent, by level
    most: list[Plane] = []
    for level in range(LEVELS):
        slope = [each[level] if level else each[0][tile.half] for each in slopes]
        most.append(_most_of_grain(luminance(slope)))
        for found, variance in zip(
            few, _variances(slope, noise[level], level, faint[level]), strict=True
        ):
            found.append(variance)
    changes = [
        _correct(opponent(planes, number), each, tile, None if number else most)
        for number, each in enumerate(few)
    ]
    core = [plane[tile.near][tile.inner] for plane in planes]
    return core, [] if all(change is None for change in changes) else changes


def _measure_faint(
    short: Pixels, tile: NoisyTile, noise: Sequence[Noise]
) -> Sequence[Plane | float]:
    """Measure the energy of faint detail of ``short`` in each band, if false colour exceeds noise."""
    most = [FAINT**2 / 2**level for level in range(LEVELS)]
    if all(n.false_colour * e <= n.luminance for n, e in zip(noise, most, strict=True)):
        return [0.0] * LEVELS
    levels = _levels(to_grey(short), tile)
    faint = [
        np.minimum(energy(band(*pair)), np.float32(e)) for pair, e in zip(levels, most, strict=True)
    ]
    if noise[0].growth.power:
        for squares, (_, coarse) in zip(faint, levels, strict=True):
            np.divide(squares, noise[0].growth(coarse), out=squares)
    return faint


def _spreads(long: Pixels, short: Pixels, blend: Blend, growth: Growth) -> Planes:
    """Compute the standard deviation of the result for noise of variance 1 at ``growth.low``."""
    slopes = blend.slopes(long, short)
    if growth.power:
        slopes *= growth.spread(short)
    return slopes


def _levels(plane: Plane, tile: NoisyTile) -> list[tuple[Plane, Plane]]:
    """Return each level of a Gaussian pyramid with the next coarser one; the finest only near."""
    levels = gaussian_pyramid(plane)
    return [(plane[tile.near], levels[1][tile.half]), *pairwise(levels[1:])]


def _correct(
    plane: Plane, variances: Sequence[Plane], tile: NoisyTile, most: Sequence[Plane] | None
) -> Plane | None:
    """Return what shrinking changes in luminance, or in a colour difference; None for nothing.

    `variances` are those of each band, of half its size; `most` is the largest share removed.
    """
    visible = [_is_visible(variance) for variance in variances]
    if not any(visible):
        return None
    levels = _levels(plane, tile)
    certainty = COLOUR_CERTAINTY if most is None else CERTAINTY
    change = np.zeros_like(levels[-1][1])
    for level in reversed(range(LEVELS)):
        fine, coarse = levels[level]
        change = expand(change if level else change[tile.half], fine)
        if visible[level]:
            own = band(fine, coarse)
            excess = _excess(variances[level], energy(own), certainty)
            if most is not None:
                np.minimum(excess, most[level], out=excess)
            share = cv2.resize(-excess, own.shape[::-1], interpolation=cv2.INTER_LINEAR)
            cv2.accumulateProduct(own, share, change)
    return change[tile.inner]


def _variances(
    slopes: Sequence[Plane], noise: Noise, level: int, faint: Plane | float = 0.0
) -> list[Plane]:
    """Compute the variances to remove of luminance and of both colour differences in the result.

    `faint` is the energy of faint detail of ``short``, which may give false colour.
    """
    rounded, rounded_colour = map(np.float32, ROUNDED[level])
    grey = np.square(luminance(slopes)) * np.float32(noise.luminance) - rounded
    if len(slopes) == 1:
        return [grey]
    red, green, blue = slopes
    shared = np.maximum(np.float32(noise.false_colour) * faint, np.float32(noise.luminance))
    own = np.float32(noise.colour)
    return [grey] + [
        np.square(each - green) * shared
        + (np.square(each) + np.square(green)) * own
        - rounded_colour
        for each in (red, blue)
    ]


def _is_visible(variance: Plane) -> bool:
    """Return whether there is noise to remove in more than a few pixels."""
    return bool(np.count_nonzero(variance > INVISIBLE) > FEW * variance.size)


def _most_of_grain(slope: Plane) -> Plane:
    """Compute the largest share of luminance that is removed, so that some of its grain stays."""
    return np.asarray(1 - np.float32(GRAIN) / np.maximum(slope, np.float32(GRAIN)))


def _excess(variance: Plane, energy: Plane, certainty: float) -> Plane:
    """Compute the share of a band that is removed: min(κ·V / E, 1)³; 0 where V is negative."""
    share = cv2.divide(variance, energy + np.float32(TINY), scale=certainty)
    np.clip(share, 0, 1, out=share)
    return np.asarray(share * share * share)

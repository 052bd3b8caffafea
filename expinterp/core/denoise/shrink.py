"""Remove noise from a virtual exposure, in proportion to what is known of it.

Each band of luminance and of the colour differences is shrunk where its energy E, averaged around
the pixel, is that of noise, V:

    band · (1 − min(κ·V / E, 1)³)

The factor is 0 where the band is noise alone, and nearly 1 where it is detail. The third power harms
detail less than the Wiener filter, 1 − V/E. V follows from the noise n of ``short`` and the slope s:
by how much one code value of the inputs changes the result, see `noise`. So little changes where
``long`` shows the scene, or ``short`` is not brightened. Some of the grain of luminance stays, as it
is natural.

Sources: Simoncelli and Adelson, "Noise Removal via Bayesian Wavelet Coring", ICIP 1996 (coring of
bands). Power and κ were chosen on photographs, by ``benchmarks/noise.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from expinterp.core.arrays import Pixels, Plane
from expinterp.core.denoise.bands import (
    LEVELS,
    band,
    energy,
    expand,
    from_opponents,
    gaussian_pyramid,
    luminance,
    smooth,
    to_grey,
    to_opponents,
    to_planes,
)
from expinterp.core.denoise.noise import Noise
from expinterp.core.intermediate import Blend, quantise
from expinterp.core.parallel import map_threads

CERTAINTY = 2.2  # κ: energies of noise alone vary around their mean
FAINT = 5.0  # code values of `short`: false colour is that of fainter detail
TILE = 512  # pixels; side of the tiles
HALO = 64  # pixels around a tile that its result depends on
GRAIN = 0.3  # share of the grain of ``short`` that luminance keeps, as a photograph has some
INVISIBLE = 0.3  # code values²: less noise does not show, after rounding
FEW = 0.01  # share of a tile or band; noise in fewer pixels is left
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
    progress : function, optional
        Called with the share done, 0..1, after every tile.

    Returns
    -------
    array of the shape and dtype of `image`
    """
    out = np.empty_like(image)  # filled in threads: most of the time is that of fresh memory

    def work(tile: _Tile) -> None:
        probe = blend.slopes(long[tile.core][::PROBE, ::PROBE], short[tile.core][::PROBE, ::PROBE])
        if not any(map(_is_visible, _variances([*probe], noise[0]))):
            out[tile.core] = image[tile.core]
            return
        planes = to_planes(image[tile.block])
        halves = long[tile.block][::2, ::2], short[tile.block][::2, ::2]
        slopes = [smooth(plane) for plane in blend.slopes(*halves)]
        detail = to_grey(short[tile.block])
        changes = _correct(planes, slopes, detail, noise)
        clean = [
            (plane[tile.inner] + np.float32(strength) * change[tile.inner]) / np.float32(255)
            for plane, change in zip(planes, changes, strict=True)
        ]
        quantise(np.stack(clean), out[tile.core])

    map_threads(work, _cut(image.shape), progress=progress)
    return out


@dataclass(frozen=True)
class _Tile:
    """A tile: the pixels whose result it gives (core), within the block it is computed from."""

    core: tuple[slice, slice]  # in the image
    block: tuple[slice, slice]  # in the image
    inner: tuple[slice, slice]  # the core, in the block


def _cut(shape: tuple[int, ...]) -> list[_Tile]:
    """Cut an image into tiles with a halo on every side that is not the border."""
    rows, cols = ([_cut_axis(start, size) for start in range(0, size, TILE)] for size in shape[:2])
    return [_Tile(*zip(row, col, strict=True)) for row in rows for col in cols]


def _cut_axis(start: int, size: int) -> tuple[slice, slice, slice]:
    core = slice(start, min(start + TILE, size))
    first = max(start - HALO, 0)
    block = slice(first, min(core.stop + HALO, size))
    return core, block, slice(core.start - first, core.stop - first)


def _correct(
    planes: Sequence[Plane], slopes: Sequence[Plane], detail: Plane, noise: Sequence[Noise]
) -> list[Plane]:
    """Return what shrinking the bands changes in planes (R, G, B or grey), in code values.

    `slopes` have half the size of `planes`; `detail` is the luminance of ``short``.
    """
    steps = [gaussian_pyramid(plane) for plane in slopes]
    details = gaussian_pyramid(detail)
    variances, most = [], []
    for level in range(LEVELS):
        slope = [step[level] for step in steps]
        faint = np.minimum(energy(band(details, level)), FAINT**2 / 2**level)
        variances.append(_variances(slope, noise[level], faint))
        most.append(_most_of_grain(luminance(slope)))
    grey, *colours = zip(to_opponents(planes), *variances, strict=True)
    changes = [_correct_plane(grey[0], grey[1:], most)]
    changes += [_correct_plane(plane, few, [1.0] * LEVELS) for plane, *few in colours]
    return from_opponents(changes)


def _correct_plane(
    plane: Plane, variances: Sequence[Plane], most: Sequence[Plane | float]
) -> Plane:
    """Return what shrinking changes in luminance, or in a colour difference.

    `variances` are those of each band, of half its size; `most` is the largest share removed.
    """
    visible = [_is_visible(variance) for variance in variances]
    if not any(visible):
        return np.zeros_like(plane)
    pyramid = gaussian_pyramid(plane)
    change = np.zeros_like(pyramid[-1])
    for level in reversed(range(LEVELS)):
        change = expand(change, pyramid[level])
        if visible[level]:
            own = band(pyramid, level)
            excess = np.minimum(_excess(variances[level], energy(own)), most[level])
            change -= own * cv2.resize(excess, own.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return change


def _variances(slopes: Sequence[Plane], noise: Noise, faint: Plane | float = 0.0) -> list[Plane]:
    """Compute the variances of luminance and of both colour differences in the result.

    `faint` is the energy of faint detail of ``short``, which may give false colour.
    """
    grey = np.square(luminance(slopes)) * np.float32(noise.luminance)
    if len(slopes) == 1:
        return [grey]
    red, green, blue = slopes
    shared = np.maximum(np.float32(noise.false_colour) * faint, np.float32(noise.luminance))
    own = np.float32(noise.colour)
    return [grey] + [
        np.square(each - green) * shared + (np.square(each) + np.square(green)) * own
        for each in (red, blue)
    ]


def _is_visible(variance: Plane) -> bool:
    """Return whether there is noise to remove in more than a few pixels."""
    return bool(np.count_nonzero(variance > INVISIBLE) > FEW * variance.size)


def _most_of_grain(slope: Plane) -> Plane:
    """Compute the largest share of luminance that is removed, so that some of its grain stays."""
    return np.asarray(1 - np.float32(GRAIN) / np.maximum(slope, np.float32(GRAIN)))


def _excess(variance: Plane, energy: Plane) -> Plane:
    """Compute the share of a band that is removed: min(κ·V / E, 1)³."""
    share = cv2.divide(variance, energy + np.float32(TINY), scale=CERTAINTY)
    np.minimum(share, 1, out=share)
    return np.asarray(share * share * share)

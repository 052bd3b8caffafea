"""Measure the noise of ``short`` against ``long``, where both show the scene.

Both are mapped to the exposure of the medium. ``long`` is nearly free of noise there, so the
difference d = Λ23(x2) − Λ13(x1) is the noise of ``short`` and of its rounding, times the slope s of
Λ23. On each band:

    luminance            var(d) = s_Y² · n_Y                             s_Y = (s_R + 2·s_G + s_B) / 4
    colour difference    var(d) = (s_R − s_G)² · n_Y + (s_R² + s_G²) · n_C      and B − G alike

n_Y is noise that all channels share, n_C noise of each channel; both are variances in code values of
``short``. They grow with brightness, see `growth`: stated are those of the darkest tones measured.
Cameras store fine detail as luminance alone. Mapped channel by channel it becomes a false colour,
(s_R − s_G)·x2. The share of this that ``long`` contradicts is measured as well.

Letters: x1 is ``long``, x2 is ``short``, Λ an intensity mapping function (IMF), Λ′ its slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from expinterp.core.arrays import Mask, Pixels, Plane
from expinterp.core.denoise.bands import (
    LEVELS,
    band,
    energy,
    gaussian_pyramid,
    luminance,
    pool,
    smooth,
    to_grey,
    to_opponents,
    to_planes,
)
from expinterp.core.denoise.growth import CONSTANT, Growth, least_textured, measure_growth
from expinterp.core.intermediate import Blend
from expinterp.core.parallel import map_threads

SEEN = (150, 242)  # code values of the brightest channel of `long`: bright, but not clipped
DARKEST = 3  # code value of `short` that all channels exceed
WINDOW = 256  # pixels; the side of the windows that are measured
WINDOWS = 12  # number of these
STEP = 8  # every eighth pixel decides which windows show most
LEAST = 200  # pixels needed on a level
USUAL = (  # n_Y, n_C and the share of false colour on each band, of an ordinary camera
    (0.8, 0.3, 0.3),
    (0.2, 0.15, 0.2),
    (0.08, 0.08, 0.1),
)
ROUNDING = ((0.045, 0.12), (0.008, 0.022), (0.0045, 0.012))  # n_Y, n_C that 8-bit rounding leaves
TINY = 1e-4  # code values²; what it leaves of 16 bits, or less


@dataclass(frozen=True)
class Noise:
    """The noise of ``short`` on one band.

    Attributes
    ----------
    luminance, colour : float
        Variances n_Y and n_C, in code values² (0..255) of ``short``.
    false_colour : float
        Share, 0..1, of the colour that mapping gives to detail of luminance, and that is false.
    growth : Growth
        How both variances grow with the code value; they are stated at ``growth.low``.
    """

    luminance: float
    colour: float
    false_colour: float
    growth: Growth = CONSTANT


def measure_noise(long: Pixels, short: Pixels, blend: Blend) -> tuple[Noise, ...]:
    """Measure the noise of ``short`` on each band, from fine to coarse.

    Parameters
    ----------
    long, short : uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        Display-encoded, registered.
    blend : Blend
        The tables of the exposure half-way.

    Returns
    -------
    tuple of Noise
        One per band; that of an ordinary camera where too few pixels show the noise.
    """
    windows = _choose_windows(long, short)
    parts = map_threads(lambda at: _sample_window(long[at], short[at], blend), windows)
    rounded = short.dtype == np.uint8
    growth = _measure_growth([part[0] for part in parts], rounded=rounded)
    noise: list[Noise] = []
    for level in range(LEVELS):
        found = _measure_band([part[level] for part in parts], growth)
        noise.append(_complete(found, level, noise, rounded=rounded))
    return tuple(noise)


@dataclass(frozen=True, eq=False)
class _Sample:
    """Pixels of a band that show noise, flattened; colours have the shape (2, pixels)."""

    code: Plane  # luminance of `short`
    slope: Plane  # s_Y
    texture: Plane  # energy of `long`, mapped, / s_Y²
    luminance: Plane  # energy of d
    colours: Plane  # energies of both differences of d
    gaps: Plane  # s_R − s_G and s_B − s_G
    sums: Plane  # s_R² + s_G² and s_B² + s_G²
    false: tuple[float, float]  # Σ d·p and Σ p², p = (s_R − s_G)·x2, and B − G alike


def _choose_windows(long: Pixels, short: Pixels) -> list[tuple[slice, slice]]:
    """Choose the windows with most pixels that show noise."""
    seen = _shows_noise(to_planes(long[::STEP, ::STEP]), to_planes(short[::STEP, ::STEP]))
    side = WINDOW // STEP
    counted = {
        (row * STEP, col * STEP): int(seen[row : row + side, col : col + side].sum())
        for row in range(0, len(seen), side)
        for col in range(0, seen.shape[1], side)
    }
    best = sorted(filter(counted.get, counted), key=lambda at: (-counted[at], at))[:WINDOWS]
    return [(slice(row, row + WINDOW), slice(col, col + WINDOW)) for row, col in best]


def _shows_noise(long: Sequence[Plane], short: Sequence[Plane]) -> Mask:
    """Mark the pixels that both show, with `long` bright."""
    low, high = SEEN
    brightest = np.max(long, axis=0)
    return np.asarray((brightest > low) & (brightest < high) & (np.min(short, axis=0) > DARKEST))


def _sample_window(long: Pixels, short: Pixels, blend: Blend) -> list[_Sample]:
    """Sample the bands of a window."""
    seen = _shows_noise(to_planes(long), to_planes(short)).astype(np.float32)
    darkened, brightened = (255 * planes for planes in blend.mapped(long, short))
    pyramids = {
        "difference": [gaussian_pyramid(p) for p in to_opponents([*(brightened - darkened)])],
        "slope": [gaussian_pyramid(smooth(s)) for s in blend.brightening(short[::2, ::2])],
        "detail": [gaussian_pyramid(to_grey(short))],
        "texture": [gaussian_pyramid(luminance([*darkened]))],
        "seen": [gaussian_pyramid(pool(seen))],
    }
    return [_sample_band(pyramids, level) for level in range(LEVELS)]


def _sample_band(pyramids: dict[str, list[list[Plane]]], level: int) -> _Sample:
    """Keep the pixels of a band whose neighbourhood shows noise."""
    slopes = np.stack([each[level] for each in pyramids["slope"]])
    grey = luminance(slopes)
    kept = (pyramids["seen"][0][level] > 0.99) & (grey > 1)
    bands = [band(*each[level : level + 2]) for each in pyramids["difference"]]
    energies = [energy(each)[kept] for each in bands]
    slopes, grey = slopes[:, kept], grey[kept]
    texture = energy(band(*pyramids["texture"][0][level : level + 2]))[kept] / grey**2
    gaps, sums = slopes[::2] - slopes[1:2], slopes[::2] ** 2 + slopes[1:2] ** 2
    detail = band(*pyramids["detail"][0][level : level + 2])
    agreed = sum(
        float((gap * pool(each * detail)[kept]).sum())
        for gap, each in zip(gaps, bands[1:], strict=False)
    )
    false = agreed, float((gaps**2 * energy(detail)[kept]).sum())
    code = pyramids["detail"][0][level + 1][kept]
    return _Sample(code, grey, texture, energies[0], np.stack(energies)[1:], gaps, sums, false)


def _gather(samples: Sequence[_Sample], *names: str) -> list[Plane]:
    """Join attributes of samples, each along its pixels."""
    return [np.concatenate([getattr(each, name) for each in samples], axis=-1) for name in names]


def _measure_growth(samples: Sequence[_Sample], *, rounded: bool) -> Growth:
    """Measure on the finest band how noise grows with the code value."""
    if not samples:
        return CONSTANT
    code, slope, texture, grey = _gather(samples, "code", "slope", "texture", "luminance")
    rounding = ROUNDING[0][0] if rounded else TINY
    return measure_growth(code, grey / slope**2, texture, rounding=rounding)


def _measure_band(samples: Sequence[_Sample], growth: Growth) -> Noise | None:
    """Measure the noise of a band; None if too few pixels show it."""
    if sum(len(sample.slope) for sample in samples) < LEAST:
        return None
    code, slope, texture, grey = _gather(samples, "code", "slope", "texture", "luminance")
    colours, gaps, sums = _gather(samples, "colours", "gaps", "sums")
    flat, more = least_textured(texture), growth(code)
    shared = float(np.median((grey / slope**2 / more)[flat]))
    if not len(colours):
        return Noise(shared, 0.0, 0.0, growth)
    own = np.maximum(colours / more - gaps**2 * shared, 0) / sums
    agreed, most = np.sum([sample.false for sample in samples], axis=0)
    false = float(np.clip(agreed / max(most, 1e-9), 0, 1))
    return Noise(shared, float(np.median(own[:, flat])), false, growth)


def _complete(found: Noise | None, level: int, finer: Sequence[Noise], *, rounded: bool) -> Noise:
    """Replace what was not measured, and add the noise of rounding to 8 bits."""
    if found is None:
        usual = USUAL[level]
        factors = [1.0, 1.0]
        if finer:
            factors = [
                finer[-1].luminance / USUAL[level - 1][0],
                finer[-1].colour / USUAL[level - 1][1],
            ]
        growth = finer[-1].growth if finer else CONSTANT
        found = Noise(usual[0] * factors[0], usual[1] * factors[1], usual[2], growth)
    if not rounded:
        return found
    grey, colour = ROUNDING[level]
    erased = found.colour < colour / 3  # by the camera, in the dark tones that were measured
    colour = max(found.colour, USUAL[level][1] if erased else colour)
    return replace(found, luminance=max(found.luminance, grey), colour=colour)

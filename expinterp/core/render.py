"""Render a virtual exposure of a measured pair, at any position between its two shots.

Letters: y0 is the intermediate image; the result is y0, or y0 + the residual of the network, as
display-encoded code values. The position p between the shots is linear in stops, 0..1.

Source: Zheng, Li, Yang and Wu, ICASSP 2020, arXiv:1905.03890 (hybrid learning).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Pixels
from expinterp.core.denoise import Denoise, choose_strength
from expinterp.core.denoise import denoise as remove_noise
from expinterp.core.denoise.tiles import HALO
from expinterp.core.exposure import MEDIUM
from expinterp.core.intermediate import Blend
from expinterp.core.pair import Pair
from expinterp.core.parallel import map_threads, strips

STRIP = 32  # rows that one thread maps at a time, so that their floats fit the cache
BAND = 512  # rows that are refined and denoised before the next ones are, or a multiple of them:
AREA = 6 * 2**20  # pixels of a band, if its width allows; more bands take time, larger ones memory
AROUND = -(-HALO // 64) * 64  # rows around a band that are refined for it; see `Refiner.refine`
FULL = 4.0  # from a quarter of the way on, denoising has its full strength; 0 at the photographs

Source: TypeAlias = Callable[[slice], Pixels]  # computes some rows of a result
Band: TypeAlias = tuple[slice, Pixels]


class PairRefiner(Protocol):
    """What rendering needs of the network; `expinterp.Refiner` has it."""

    def refine(
        self,
        long: Pixels,
        short: Pixels,
        intermediate: Blend,
        *,
        half_way: Blend | None,
        strength: float,
        rows: slice,
    ) -> Pixels:
        """Compute these rows of y0 + `strength`·residual, rounded once."""


@dataclass(frozen=True, eq=False)
class Interpolation:
    """A virtual exposure.

    Attributes
    ----------
    medium : uint8 or uint16 array, shape and dtype of each input
        The result, display-encoded.
    pair : Pair
    position : float
        Between ``short`` (0) and ``long`` (1), linear in stops.
    """

    medium: Pixels
    pair: Pair = field(repr=False)
    position: float = MEDIUM

    @cached_property
    def intermediate(self) -> Pixels:
        """y0: the result without network and denoising, shape and dtype of `medium`."""
        return _as_given(_without_network(self.pair, self.position), self.pair)

    @cached_property
    def residual(self) -> NDArray[np.float32]:
        """The correction by network and denoising: medium − y0, in units of the full range, −1..1."""
        top = np.float32(np.iinfo(self.medium.dtype).max)
        return (self.medium.astype(np.float32) - self.intermediate) / top


def render(
    pair: Pair,
    position: float = MEDIUM,
    *,
    refiner: PairRefiner | None = None,
    denoise: Denoise = "auto",
    out: Pixels | None = None,
    progress: Callable[[float], None] | None = None,
) -> Interpolation:
    """Render the exposure at a position between the two shots of a pair.

    The network is trained for position ½. At other positions the residual of ½ is added, faded
    linearly in stops to 0 at the two photographs.

    Parameters
    ----------
    pair : Pair
        From `measure`.
    position : float
        Between ``short`` (0) and ``long`` (1), linear in stops.
    refiner : Refiner, optional
        The network; by default the result is y0.
    denoise : {'auto', 'off'} or float
        Strength, 0..1, with which noise of ``short`` is removed. ``auto``: 1 with the network, else
        0, so that y0 is as published.
    out : array of the shape and dtype of ``pair.long``, optional
        Holds the result, and may be ``pair.long`` or ``pair.short``: that takes the least memory, but
        the pair can then not be used again.
    progress : function, optional
        Called with the share done, 0..1.

    Raises
    ------
    ValueError
        If `position` is not within 0..1, or `denoise` is not as above.
    """
    strength = choose_strength(denoise, refined=refiner is not None)
    strength *= min(1.0, FULL * position, FULL * (1 - position))
    if not 0 <= position <= 1:
        msg = f"position must be within 0 (short) and 1 (long), got {position}"
        raise ValueError(msg)
    if refiner is None and not strength:
        medium = _without_network(pair, position, out, progress)
    else:
        blend = pair.blend(position, bounded=refiner is not None)
        source = _source(pair, position, blend, refiner)
        if strength:
            bands = _denoise_bands(source, pair, blend, strength)
        else:
            bands = ((rows, source(rows)) for rows in _cut_bands(pair.long))
        medium = _collect(bands, np.empty_like(pair.long) if out is None else out, progress)
    return Interpolation(_as_given(medium, pair), pair, position)


def clean_short(
    pair: Pair, denoise: Denoise = "auto", *, refined: bool = True, in_place: bool = False
) -> Pixels:
    """Denoise ``short`` itself, for a fusion, which shows it where ``long`` is white.

    It replaces brighter photographs there, which would have less noise. Noise is removed as in
    `render`, and not where ``long`` shows the scene.

    Parameters
    ----------
    pair : Pair
    denoise : {'auto', 'off'} or float
        Strength, 0..1. ``auto``: 1 if `refined`, else 0.
    refined : bool
        Whether the network refines the exposures between the two.
    in_place : bool
        Whether ``pair.short`` may be overwritten.

    Returns
    -------
    uint8 or uint16 array, shape and dtype of each input
        ``pair.short`` itself if the strength is 0.
    """
    clean, strength = pair.short, choose_strength(denoise, refined=refined)
    if strength:
        bands = _denoise_bands(lambda rows: pair.short[rows], pair, pair.blend(0.0), strength)
        spare = in_place and clean.flags.writeable
        clean = _collect(bands, clean if spare else np.empty_like(clean), None)
    return _as_given(clean, pair)


def _source(pair: Pair, position: float, blend: Blend, refiner: PairRefiner | None) -> Source:
    """Return a function that computes rows of the refined exposure, or of y0."""
    if refiner is None:
        medium = _without_network(pair, position)
        return lambda rows: medium[rows]
    half_way = None if position == MEDIUM else pair.blend(MEDIUM, bounded=True)
    faded = 1 - abs(2 * position - 1)
    return lambda rows: refiner.refine(
        pair.long, pair.short, blend, half_way=half_way, strength=faded, rows=rows
    )


def _cut_bands(image: Pixels) -> list[slice]:
    rows, cols = image.shape[:2]
    return strips(rows, max(AREA // (cols * BAND), 1) * BAND)


def _denoise_bands(source: Source, pair: Pair, blend: Blend, strength: float) -> Iterator[Band]:
    """Compute the rows of a source, and denoise them in bands."""
    size, first, end = len(pair.long), 0, 0
    bands = _cut_bands(pair.long)
    known = np.empty_like(pair.long[: bands[0].stop + 2 * AROUND])  # rows `first` to `end`
    for rows in bands:
        around = slice(max(rows.start - AROUND, 0), min(rows.stop + AROUND, size))
        kept = end - around.start
        known[:kept] = known[around.start - first :][:kept]
        if end < around.stop:
            known[kept : around.stop - around.start] = source(slice(end, around.stop))
        first, end = around.start, around.stop
        clean = remove_noise(
            known[: end - first],
            pair.long[around],
            pair.short[around],
            blend,
            pair.noise,
            strength=strength,
            rows=slice(rows.start - first, rows.stop - first),
        )
        yield rows, clean


def _collect(
    bands: Iterable[Band], out: Pixels, progress: Callable[[float], None] | None
) -> Pixels:
    """Store bands in an array, each when the next is computed, which reads the rows around it."""
    waiting: list[Band] = []
    for rows, pixels in bands:
        for before, done in waiting:
            out[before] = done
        waiting = [(rows, pixels)]
        if progress:
            progress(rows.stop / len(out))
    for before, done in waiting:
        out[before] = done
    return out


def _without_network(
    pair: Pair,
    position: float,
    out: Pixels | None = None,
    progress: Callable[[float], None] | None = None,
) -> Pixels:
    """Compute y0, rounded; from the values of the sensors where they are known and nothing moved."""
    if pair.exact is None:
        return _map_strips(pair, pair.blend(position), out, progress)
    exact = pair.exact(position)
    if pair.ghosts and pair.ghosts.share:
        moved = pair.ghosts.sources > 0
        exact[moved] = _map_strips(pair, pair.blend(position), out, progress)[moved]
    if progress:
        progress(1.0)
    return exact


def _map_strips(
    pair: Pair,
    blend: Blend,
    out: Pixels | None = None,
    progress: Callable[[float], None] | None = None,
) -> Pixels:
    """Compute y0 of the whole pair, rounded, in strips of rows."""
    medium = np.empty_like(pair.long) if out is None else out

    def work(rows: slice) -> None:
        blend.write(pair.long[rows], pair.short[rows], medium[rows])

    map_threads(work, strips(len(medium), STRIP), progress=progress)
    return medium


def _as_given(pixels: Pixels, pair: Pair) -> Pixels:
    """Return pixels (rows, cols, channels) in the shape of the images as given."""
    if len(pair.shape) == 2:
        return pixels[..., 0]
    repeats = pair.shape[2] // pixels.shape[2]  # 3 for a colourless pair in three channels
    return pixels if repeats == 1 else np.repeat(pixels, repeats, axis=2)

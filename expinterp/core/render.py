"""Render a virtual exposure of a measured pair, at any position between its two shots.

Letters: y0 is the intermediate image; the result is y0, or y0 + the residual of the network, as
display-encoded code values. The position p between the shots is linear in stops, 0..1.

Source: Zheng, Li, Yang and Wu, ICASSP 2020, arXiv:1905.03890 (hybrid learning).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Pixels
from expinterp.core.denoise import Denoise, choose_strength
from expinterp.core.denoise import denoise as remove_noise
from expinterp.core.exposure import MEDIUM
from expinterp.core.intermediate import Blend
from expinterp.core.pair import Pair
from expinterp.core.parallel import map_threads, strips

STRIP = 128  # rows that one thread maps at a time
FULL = 4.0  # from a quarter of the way on, denoising has its full strength; 0 at the photographs
RENDERING = 0.7  # share of the time before denoising


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
        progress: Callable[[float], None] | None,
    ) -> Pixels:
        """Compute y0 + `strength`·residual, rounded once."""


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
    progress : function, optional
        Called with the share done, 0..1.

    Raises
    ------
    ValueError
        If `position` is not within 0..1, or `denoise` is not as above.
    """
    strength = choose_strength(denoise, refined=refiner is not None)
    strength *= min(1.0, FULL * position, FULL * (1 - position))
    first, second = _split_progress(progress) if strength else (progress, None)
    if not 0 <= position <= 1:
        msg = f"position must be within 0 (short) and 1 (long), got {position}"
        raise ValueError(msg)
    blend = pair.blend(position)
    if refiner is None:
        medium = _without_network(pair, position, first)
    else:
        medium = refiner.refine(
            pair.long,
            pair.short,
            blend,
            half_way=None if position == MEDIUM else pair.blend(MEDIUM),
            strength=1 - abs(2 * position - 1),
            progress=first,
        )
    if strength:
        medium = remove_noise(
            medium, pair.long, pair.short, blend, pair.noise, strength=strength, progress=second
        )
    return Interpolation(_as_given(medium, pair), pair, position)


def _split_progress(
    progress: Callable[[float], None] | None,
) -> tuple[Callable[[float], None] | None, Callable[[float], None] | None]:
    """Split the report of progress between rendering and denoising."""
    if progress is None:
        return None, None
    return (
        lambda share: progress(RENDERING * share),
        lambda share: progress(RENDERING + (1 - RENDERING) * share),
    )


def _without_network(
    pair: Pair, position: float, progress: Callable[[float], None] | None = None
) -> Pixels:
    """Compute y0, rounded; from the values of the sensors where they are known and nothing moved."""
    if pair.exact is None:
        return _map_strips(pair, pair.blend(position), progress)
    exact = pair.exact(position)
    if pair.ghosts and pair.ghosts.share:
        moved = pair.ghosts.sources > 0
        exact[moved] = _map_strips(pair, pair.blend(position), progress)[moved]
    if progress:
        progress(1.0)
    return exact


def _map_strips(
    pair: Pair, blend: Blend, progress: Callable[[float], None] | None = None
) -> Pixels:
    """Compute y0 of the whole pair, rounded, in strips of rows."""
    out = np.empty_like(pair.long)

    def work(rows: slice) -> None:
        blend.write(pair.long[rows], pair.short[rows], out[rows])

    map_threads(work, strips(len(out), STRIP), progress=progress)
    return out


def _as_given(pixels: Pixels, pair: Pair) -> Pixels:
    """Return pixels (rows, cols, channels) in the shape of the images as given."""
    if len(pair.shape) == 2:
        return pixels[..., 0]
    repeats = pair.shape[2] // pixels.shape[2]  # 3 for a colourless pair in three channels
    return pixels if repeats == 1 else np.repeat(pixels, repeats, axis=2)

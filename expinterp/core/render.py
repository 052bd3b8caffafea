"""Rendering a virtual exposure of a measured pair, at any position between its two shots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from expinterp.core.exposure import MEDIUM
from expinterp.core.intermediate import Blend
from expinterp.core.mapping import Pixels
from expinterp.core.pair import Pair
from expinterp.core.parallel import map_threads, strips

STRIP = 128  # rows mapped at a time


class Refining(Protocol):
    """The part of the network that rendering needs; `expinterp.Refiner` is one."""

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
        """Compute y0 plus `strength` times the residual, rounded once."""


@dataclass(frozen=True, eq=False)
class Interpolation:
    """A virtual exposure.

    Attributes
    ----------
    medium : uint8 or uint16 array, shape and dtype of each input
        The result, display-encoded.
    pair : Pair
    position : float
        Where it lies between ``short`` (0) and ``long`` (1), in stops.
    """

    medium: Pixels
    pair: Pair = field(repr=False)
    position: float = MEDIUM

    @cached_property
    def intermediate(self) -> Pixels:
        """y0: the result without the network, shape and dtype of `medium`."""
        return _as_given(_map_strips(self.pair, self.pair.blend(self.position)), self.pair)

    @cached_property
    def residual(self) -> NDArray[np.float32]:
        """What the network added: medium − y0 in units of the full range, −1..1, float32."""
        top = np.float32(np.iinfo(self.medium.dtype).max)
        return (self.medium.astype(np.float32) - self.intermediate) / top


def render(
    pair: Pair,
    position: float = MEDIUM,
    *,
    refiner: Refining | None = None,
    progress: Callable[[float], None] | None = None,
) -> Interpolation:
    """Render the exposure at a position between the two shots of a pair.

    The network is trained for the exposure half-way. Elsewhere its residual is that of the
    exposure half-way, faded in stops, to zero at the two photographs.

    Parameters
    ----------
    pair : Pair
        From `measure`.
    position : float
        Where between ``short`` (0) and ``long`` (1), in stops.
    refiner : Refiner, optional
        The network; without it the result is y0.
    progress : function, optional
        Called with the share done, 0..1.

    Raises
    ------
    ValueError
        If `position` is not within 0..1.
    """
    if not 0 <= position <= 1:
        msg = f"position must be within 0 (short) and 1 (long), got {position}"
        raise ValueError(msg)
    blend = pair.blend(position)
    if refiner is None:
        medium = _map_strips(pair, blend, progress)
    else:
        medium = refiner.refine(
            pair.long,
            pair.short,
            blend,
            half_way=None if position == MEDIUM else pair.blend(MEDIUM),
            strength=1 - abs(2 * position - 1),
            progress=progress,
        )
    return Interpolation(_as_given(medium, pair), pair, position)


def _map_strips(
    pair: Pair, blend: Blend, progress: Callable[[float], None] | None = None
) -> Pixels:
    """Compute y0 of the whole pair, rounded, a strip of rows at a time."""
    out = np.empty_like(pair.long)

    def work(rows: slice) -> None:
        blend.write(pair.long[rows], pair.short[rows], out[rows])

    map_threads(work, strips(len(out), STRIP), progress=progress)
    return out


def _as_given(pixels: Pixels, pair: Pair) -> Pixels:
    """Return pixels (rows, cols, channels) in the shape that the images were given in."""
    if len(pair.shape) == 2:
        return pixels[..., 0]
    repeats = pair.shape[2] // pixels.shape[2]  # 3 for a colourless pair in three channels
    return pixels if repeats == 1 else np.repeat(pixels, repeats, axis=2)

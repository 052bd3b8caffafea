"""The front door: arrays in, the array between them, or the fused one, out.

`measure` learns what there is to learn of a pair once; `render` makes any exposure between the two
of it; `interpolate` does both. `fuse` puts virtual exposures between as many shots as there are,
and joins them all. Images are display-encoded, (rows, cols, channels), R G B or grey,
uint8 or uint16; results have the dtype and shape of the inputs, (rows, cols) as (rows, cols, 1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from expinterp.core.align import find_poses, warp
from expinterp.core.exposure import MEDIUM
from expinterp.core.fusion import Method, Stack, Weighting, check_images
from expinterp.core.fusion.series import (
    Virtual,
    check_virtual,
    order_by_brightness,
    virtual_positions,
)
from expinterp.core.intermediate import Blend
from expinterp.core.mapping import Pixels
from expinterp.core.pair import Pair, measure
from expinterp.core.parallel import map_threads, strips
from expinterp.core.response import Profile
from expinterp.errors import EqualExposuresError

if TYPE_CHECKING:
    from expinterp.refine import Refiner

__all__ = ["Fusion", "Interpolation", "Pair", "fuse", "interpolate", "measure", "render"]

STRIP = 128  # rows mapped at a time


@dataclass(frozen=True)
class Interpolation:
    """A virtual exposure.

    Attributes
    ----------
    medium : uint8 or uint16 array, shape (rows, cols, channels)
        The result.
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
        return _spread(_map_strips(self.pair, self.pair.blend(self.position)), self.pair)

    @cached_property
    def residual(self) -> NDArray[np.float32]:
        """What the network added: medium − y0 in units of the full range, −1..1, float32."""
        top = np.float32(np.iinfo(self.medium.dtype).max)
        return (self.medium.astype(np.float32) - self.intermediate) / top


def interpolate(
    long: Pixels,
    short: Pixels,
    *,
    ratio: float | None = None,
    response: Profile | None = None,
    position: float = MEDIUM,
    refiner: Refiner | None = None,
    align: bool = True,
) -> Interpolation:
    """Compute the photograph between two exposures of one still scene.

    Parameters
    ----------
    long, short : uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, R G B; the same shape and dtype.
    ratio : float, optional
        Exposure ratio t1/t2, if known; below 1 it says that the order is wrong. The image half-way
        does not depend on it.
    response : Profile, optional
        The camera's profile; without it that which a tuned network carries, else the response is
        estimated from the pair.
    position : float
        Where between ``short`` (0) and ``long`` (1), in stops; ½ is the geometric mean.
    refiner : Refiner, optional
        The network, from `open_refiner`; without it the result is y0.
    align : bool
        Whether to look for a motion of the camera between the two, and to undo it: the result is
        then seen from half-way.

    Returns
    -------
    Interpolation
        ``.medium`` has the shape, with its channels, and dtype of the inputs.

    Raises
    ------
    ValueError
        If arrays are not images as above, `ratio` is not positive and finite, or `position` is not
        within 0..1.
    PairError
        If the two are not a long and a short exposure of one scene.
    """
    response = response or carried(refiner)
    pair = measure(long, short, ratio=ratio, response=response, align=align)
    return render(pair, position, refiner=refiner)


def carried(refiner: Refiner | None) -> Profile | None:
    """Give the camera profile that a tuned network carries."""
    return refiner.contract.profile if refiner else None


def render(
    pair: Pair,
    position: float = MEDIUM,
    *,
    refiner: Refiner | None = None,
    progress: Callable[[float], None] | None = None,
) -> Interpolation:
    """Make the exposure at a position between the two shots of a pair.

    The network is made for the exposure half-way. Elsewhere its residual is that of the exposure
    half-way, faded in stops, to nothing at the two photographs.

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
    return Interpolation(_spread(medium, pair), pair, position)


@dataclass(frozen=True)
class Fusion:
    """Exposures joined into one picture.

    Attributes
    ----------
    fused : uint8 or uint16 array, shape (rows, cols, channels)
        The result.
    exposures : tuple of int or Interpolation
        What was joined, from dark to bright: a shot, by its place among the inputs, or a virtual
        exposure.
    stack : Stack
        The exposures taken apart; it knows their weights.
    """

    fused: Pixels
    exposures: tuple[int | Interpolation, ...] = field(repr=False)
    stack: Stack = field(repr=False)


def fuse(
    images: Sequence[Pixels],
    *,
    virtual: Virtual = "auto",
    response: Profile | None = None,
    refiner: Refiner | None = None,
    weighting: Weighting | None = None,
    method: Method = "guided",
    levels: int | None = None,
    align: bool = True,
) -> Fusion:
    """Fuse exposures of one still scene, with virtual ones where their steps are too large.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, R G B; the same shape and dtype; one or more, in any order.
    virtual : 'auto' or int
        Virtual exposures between each two neighbours; ``auto``: as many as their step needs.
    response : Profile, optional
        The camera's profile; without it that which a tuned network carries, else the response is
        estimated from each two neighbours.
    refiner : Refiner, optional
        The network that refines virtual exposures.
    weighting : Weighting, optional
        What makes a pixel worth keeping.
    method, levels
        See `Stack`.
    align : bool
        Whether to look for motions of the camera, and to undo them: the result is then seen from
        where the brightest exposure was.

    Returns
    -------
    Fusion
        ``.fused`` has the shape, with its channels, and dtype of the inputs.

    Raises
    ------
    ValueError
        If arrays or options are not as above.
    PairError
        If virtual exposures are wanted and two neighbours do not show one scene.
    """
    images = [image[..., None] if getattr(image, "ndim", 0) == 2 else image for image in images]
    check_images(images)
    check_virtual(virtual)
    order = order_by_brightness(images)
    if align:
        poses = find_poses([images[index] for index in order])
        images = list(images)
        for index, pose in zip(order, poses, strict=True):
            images[index] = warp(images[index], pose.matrix)
    exposures: list[int | Interpolation] = [*order[:1]]
    for dark, bright in pairwise(order):
        exposures += _between(images[dark], images[bright], virtual, response, refiner)
        exposures += [bright]
    pixels = [images[each] if isinstance(each, int) else each.medium for each in exposures]
    stack = Stack(pixels, weighting=weighting, method=method, levels=levels)
    return Fusion(stack.fuse(), tuple(exposures), stack)


def _between(
    dark: Pixels,
    bright: Pixels,
    virtual: Virtual,
    response: Profile | None,
    refiner: Refiner | None,
) -> list[Interpolation]:
    """Make the virtual exposures between two neighbours; none if they are equally exposed."""
    if virtual == 0:
        return []
    try:
        pair = measure(bright, dark, response=response or carried(refiner), align=False)
    except EqualExposuresError:
        return []
    positions = virtual_positions(pair, virtual)
    return [render(pair, position, refiner=refiner) for position in positions]


def _spread(pixels: Pixels, pair: Pair) -> Pixels:
    """Give a colourless pair's one channel to all channels of the result."""
    return pixels if pixels.shape[2] == pair.channels else np.repeat(pixels, pair.channels, axis=2)


def _map_strips(
    pair: Pair, blend: Blend, progress: Callable[[float], None] | None = None
) -> Pixels:
    """Compute y0 of the whole pair, rounded, a strip of rows at a time."""
    out = np.empty_like(pair.long)

    def work(rows: slice) -> None:
        blend.write(pair.long[rows], pair.short[rows], out[rows])

    map_threads(work, strips(len(out), STRIP), progress=progress)
    return out

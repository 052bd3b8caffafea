"""From shots of one scene to the fused image: which virtual exposures are needed, and fusing all.

`plan_exposures` orders, aligns and measures the shots; `fuse_exposures` renders the virtual
exposures between them and fuses everything. Images are as `expinterp.core.arrays` describes.

Source of the number of virtual exposures: Yang, Wu, Wang and Li, IEEE Access 2020 (the fewest,
evenly spaced in stops, that the exposure ratio needs).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, TypeAlias
from zlib import crc32

from expinterp.core.align import Motion, find_poses, warp
from expinterp.core.arrays import check_images, with_channels
from expinterp.core.exposure import ev_step, ladder
from expinterp.core.fusion.stack import Method, Stack
from expinterp.core.fusion.weighting import Weighting
from expinterp.core.mapping import Pixels, sample
from expinterp.core.pair import Pair, measure
from expinterp.core.render import Interpolation, Refining, render
from expinterp.core.response import Profile
from expinterp.errors import EqualExposuresError, PairError

Virtual: TypeAlias = int | Literal["auto"]
Progress: TypeAlias = Callable[[str, float], None]

# EV between adjacent exposures up to which fusion keeps their order: what just clips in the longer
# one is still near mid-grey in the next, 255 · 2^(−2.5 / 2.2) = 116. More steps gain nothing.
MAX_STEP = 2.5


@dataclass(frozen=True, eq=False)
class ExposurePlan:
    """Shots from dark to bright, and what goes between each two.

    Attributes
    ----------
    shots : tuple of uint8 or uint16 arrays
        Dark to bright, aligned to the brightest.
    order : tuple of int
        The place of each shot among the images as given.
    motions : tuple of Motion
        From the brightest shot to each; empty if no motion was looked for.
    pairs : tuple of Pair or None
        Each two adjacent shots, measured; None where no virtual exposure goes between them.
    positions : tuple of tuple of float
        The virtual exposures of each pair, between its darker (0) and its brighter shot (1).
    """

    shots: tuple[Pixels, ...] = field(repr=False)
    order: tuple[int, ...]
    motions: tuple[Motion, ...] = field(repr=False)
    pairs: tuple[Pair | None, ...] = field(repr=False)
    positions: tuple[tuple[float, ...], ...]

    @property
    def count(self) -> int:
        """The number of virtual exposures."""
        return sum(map(len, self.positions))

    def between(self, step: int) -> list[tuple[Pair, float]]:
        """List the virtual exposures above a shot: their pair and their position."""
        pair = self.pairs[step] if step < len(self.pairs) else None
        return [(pair, position) for position in self.positions[step]] if pair else []


@dataclass(frozen=True, eq=False)
class Fusion:
    """Exposures fused into one image.

    Attributes
    ----------
    fused : uint8 or uint16 array, shape and dtype of each input
        The result, display-encoded.
    exposures : tuple of int or Interpolation
        What was fused, from dark to bright: a shot, by its place among the images as given, or a
        virtual exposure.
    stack : Stack
        The exposures as pyramids; it computes their weights.
    """

    fused: Pixels
    exposures: tuple[int | Interpolation, ...] = field(repr=False)
    stack: Stack = field(repr=False)


def plan_exposures(
    images: Sequence[Pixels],
    *,
    virtual: Virtual = "auto",
    response: Profile | None = None,
    align: bool = True,
    names: Sequence[str] | None = None,
    stated_ratio: Callable[[int, int], float | None] = lambda long, short: None,
) -> ExposurePlan:
    """Order, align and measure the shots of a scene, and place virtual exposures between them.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        One or more, in any order.
    virtual : 'auto' or int
        Virtual exposures between each two; ``auto``: as many as their step needs.
    response : Profile, optional
        The camera's profile; without it the response is estimated from each two.
    align : bool
        Whether to find the motions of the camera and align all shots to the brightest.
    names : sequence of str, optional
        Of the images, for messages.
    stated_ratio : function, optional
        Called with the places, among `images`, of a brighter and a darker shot; returns their
        exposure ratio, or None if it is not known.

    Raises
    ------
    ValueError
        If the images or `virtual` are not as above.
    PairError
        If the images differ in kind, or virtual exposures are wanted and two adjacent shots do not
        show one scene. The message names them if `names` are given.
    """
    check_images(images, names)
    check_virtual(virtual)
    order = order_by_brightness(images)
    shots = [images[place] for place in order]
    motions = find_poses([with_channels(shot) for shot in shots]) if align else []
    if align:
        shots = [warp(shot, motion.matrix) for shot, motion in zip(shots, motions, strict=True)]
    pairs = []
    for short, long in pairwise(range(len(shots))):
        ratio = stated_ratio(order[long], order[short])
        label = f"{names[order[long]]} and {names[order[short]]}: " if names else ""
        wanted = virtual != 0
        pairs.append(
            _measure(shots[long], shots[short], ratio, response, label) if wanted else None
        )
    positions = tuple(virtual_positions(pair, virtual) if pair else () for pair in pairs)
    return ExposurePlan(tuple(shots), tuple(order), tuple(motions), tuple(pairs), positions)


def _measure(
    long: Pixels, short: Pixels, ratio: float | None, response: Profile | None, label: str
) -> Pair | None:
    """Measure two aligned shots; None if they are equally exposed."""
    try:
        return measure(long, short, ratio=ratio, response=response, align=False)
    except EqualExposuresError:
        return None
    except PairError as error:
        message = f"{label}{error}"
        raise PairError(message) from error


def fuse_exposures(
    plan: ExposurePlan,
    *,
    refiner: Refining | None = None,
    weighting: Weighting | None = None,
    method: Method = "guided",
    levels: int | None = None,
    progress: Progress = lambda stage, share: None,
) -> Fusion:
    """Render the virtual exposures of a plan, and fuse them with the shots.

    Parameters
    ----------
    plan : ExposurePlan
    refiner : Refiner, optional
        The network that refines virtual exposures.
    weighting, method, levels
        See `Stack`.
    progress : function, optional
        Called with the stage, ``render`` or ``fuse``, and the share of it that is done, 0..1.

    Raises
    ------
    ValueError
        If an option of `Stack` is not as described there.
    """
    exposures: list[int | Interpolation] = []
    pixels: list[Pixels] = []
    done = 0
    for step, (place, shot) in enumerate(zip(plan.order, plan.shots, strict=True)):
        exposures.append(place)
        pixels.append(shot)
        for pair, position in plan.between(step):
            part = _part(progress, done, plan.count)
            virtual = render(pair, position, refiner=refiner, progress=part)
            exposures.append(virtual)
            pixels.append(virtual.medium)
            done += 1
    stack = Stack(pixels, weighting=weighting, method=method, levels=levels)
    fused = stack.fuse(progress=lambda share: progress("fuse", share))
    return Fusion(fused, tuple(exposures), stack)


def _part(progress: Progress, done: int, count: int) -> Callable[[float], None]:
    """Report the share of one rendering as a share of all."""
    return lambda share: progress("render", (done + share) / count)


def order_by_brightness(images: Sequence[Pixels]) -> list[int]:
    """List the indices of exposures of one still scene from dark to bright.

    Where two are equally bright their content decides, not the order they were given in.
    """

    def brightness(index: int) -> tuple[float, int]:
        codes = sample(images[index])
        return float(codes.mean()), crc32(codes.data)

    return sorted(range(len(images)), key=brightness)


def check_virtual(virtual: Virtual) -> None:
    """Check that `virtual` is a number of virtual exposures or ``auto``.

    Raises
    ------
    ValueError
    """
    if virtual != "auto" and not (isinstance(virtual, int) and virtual >= 0):
        msg = f"virtual must be 'auto' or how many exposures, 0 or more, got {virtual!r}"
        raise ValueError(msg)


def virtual_positions(pair: Pair, virtual: Virtual) -> tuple[float, ...]:
    """Place virtual exposures between two adjacent shots.

    Parameters
    ----------
    pair : Pair
        From `measure`.
    virtual : 'auto' or int
        How many; ``auto``: the fewest that leave no step above `MAX_STEP`, by the ratio that was
        measured in the pixels.

    Returns
    -------
    tuple of float
        Positions between the darker (0) and the brighter (1), in stops.
    """
    if virtual == "auto":
        virtual = math.ceil(ev_step(pair.ratio_measured) / MAX_STEP) - 1
    return ladder(virtual)

"""From the shots of a scene to the fused image: plan the virtual exposures, render and fuse.

`plan_exposures` orders, aligns and measures the shots. `fuse_exposures` renders the virtual
exposures between them and fuses all. Images are as described in `expinterp.core.arrays`; positions
p between two shots are linear in stops, 0 the darker and 1 the brighter one.

Source: Yang, Wu, Wang and Li, IEEE Access 2020 (the number of virtual exposures: the fewest,
evenly spaced in stops, that the exposure ratio needs).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, TypeAlias
from zlib import crc32

from expinterp.core.arrays import Pixels, check_images, with_channels
from expinterp.core.exposure import ev_step, even_positions
from expinterp.core.fusion.stack import Method, Stack
from expinterp.core.fusion.weighting import Weighting
from expinterp.core.ghosts import Deghost, Ghosts, Reference, check_choices, explain_ghosts
from expinterp.core.likeness import fits
from expinterp.core.mapping import sample
from expinterp.core.pair import Pair, measure
from expinterp.core.registration.motion import Motion, find_motions
from expinterp.core.registration.resample import warp
from expinterp.core.render import Interpolation, PairRefiner, render
from expinterp.core.response import Profile
from expinterp.errors import EqualExposuresError, PairError

Virtual: TypeAlias = int | Literal["auto"]
Progress: TypeAlias = Callable[[str, float], None]

# EV between adjacent exposures up to which fusion keeps the order of brightness: a tone that just
# clips in one is near mid-grey in the next darker one, 255 · 2^(−2.5 / 2.2) = 116.
MAX_STEP = 2.5


@dataclass(frozen=True, eq=False)
class ExposurePlan:
    """Shots from dark to bright, and the virtual exposures between them.

    Attributes
    ----------
    shots : tuple of uint8 or uint16 arrays
        Dark to bright, aligned to the brightest.
    order : tuple of int
        The index of each shot among the images as given.
    motions : tuple of Motion
        From the brightest shot to each; empty if motion was not measured.
    misfits : tuple of int
        Which of the shots have an unknown motion, and probably moved.
    pairs : tuple of Pair or None
        Adjacent shots, measured; None if they are equally exposed, or if `virtual` is 0.
    positions : tuple of tuple of float
        The positions of the virtual exposures of each pair.
    reference : int
        Index, among the images as given, of the shot whose viewpoint all have.
    ghosts : Ghosts or None
        Where things moved; None if that was not looked for.
    window : tuple of slice
        Rows and columns of the reference's frame that the shots show.
    notices : tuple of str
        Warnings for the user, besides those of the pairs.
    """

    shots: tuple[Pixels, ...] = field(repr=False)
    order: tuple[int, ...]
    motions: tuple[Motion, ...] = field(repr=False)
    misfits: tuple[int, ...]
    pairs: tuple[Pair | None, ...] = field(repr=False)
    positions: tuple[tuple[float, ...], ...]
    reference: int
    ghosts: Ghosts | None = None
    window: tuple[slice, slice] = (slice(None), slice(None))
    notices: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """The number of virtual exposures."""
        return sum(map(len, self.positions))

    def between(self, step: int) -> list[tuple[Pair, float]]:
        """List the virtual exposures between a shot and the next: their pair and position."""
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
        All exposures from dark to bright: a shot, as its index among the images as given, or a
        virtual exposure.
    stack : Stack
        The pyramids of the exposures; it computes their weights.
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
    deghost: Deghost = "auto",
    reference: Reference = "auto",
    crop: bool = False,
    names: Sequence[str] | None = None,
    stated_ratio: Callable[[int, int], float | None] = lambda long, short: None,
) -> ExposurePlan:
    """Order, align and measure the shots of a scene, and place virtual exposures between them.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        One or more, in any order.
    virtual : 'auto' or int
        Number of virtual exposures between adjacent shots; ``auto``: as many as their step needs.
    response : Profile, optional
        The camera's profile; by default the response is estimated from each pair.
    align : bool
        Whether to measure the camera motion and align all shots to the brightest.
    deghost : {'auto', 'off'}
        Whether things that moved are looked for and taken from one shot.
    reference : {'auto', 'long', 'short'}
        The shot that shows where things are: the brightest (``long``), the darkest (``short``) or
        the best exposed one.
    crop : bool
        Whether the shots are cropped to what all of them show.
    names : sequence of str, optional
        Of the images, for messages.
    stated_ratio : function, optional
        Called with the indices, among `images`, of a brighter and a darker shot; returns their
        exposure ratio, or None if it is not known.

    Raises
    ------
    ValueError
        If the images, `virtual`, `deghost` or `reference` are not as above.
    PairError
        If the images differ in size, channels or bit depth, or if virtual exposures are wanted and
        two adjacent shots do not show one scene. The message has the `names` of the two.
    """
    check_images(images, names)
    check_virtual(virtual)
    check_choices(deghost, reference)
    order = order_by_brightness(images)
    shots = [images[index] for index in order]
    brightest = len(shots) - 1
    motions = (
        find_motions([with_channels(shot) for shot in shots], reference=brightest) if align else []
    )
    if align:
        shots = [warp(shot, motion.matrix) for shot, motion in zip(shots, motions, strict=True)]
    misfits = _find_misfits([with_channels(shot) for shot in shots], motions)
    pairs: list[Pair | None] = []
    for (i, short), (j, long) in pairwise(zip(order, shots, strict=True)):
        label = f"{names[j]} and {names[i]}: " if names else ""
        wanted = virtual != 0
        pairs.append(_measure(long, short, stated_ratio(j, i), response, label) if wanted else None)
    positions = tuple(virtual_positions(pair, virtual) if pair else () for pair in pairs)
    ghosts = Ghosts.none(*shots[0].shape[:2]) if deghost == "auto" else None
    return ExposurePlan(
        tuple(shots),
        tuple(order),
        tuple(motions),
        misfits,
        tuple(pairs),
        positions,
        reference=order[-1],
        ghosts=ghosts,
        notices=tuple(explain_ghosts(ghosts.share)) if ghosts else (),
    )


def _find_misfits(shots: Sequence[Pixels], motions: Sequence[Motion]) -> tuple[int, ...]:
    """List the shots of unknown motion that do not fit the next brighter one, or if others moved."""
    unknown = [step for step, motion in enumerate(motions) if motion.pixels is None]
    moved = any(motion.pixels for motion in motions)
    return tuple(step for step in unknown if moved or not fits(shots[step + 1], shots[step]))


def _measure(
    long: Pixels, short: Pixels, ratio: float | None, response: Profile | None, label: str
) -> Pair | None:
    """Measure two aligned shots; return None if they are equally exposed."""
    try:
        return measure(long, short, ratio=ratio, response=response, align=False, deghost="off")
    except EqualExposuresError:
        return None
    except PairError as error:
        message = f"{label}{error}"
        raise PairError(message) from error


def fuse_exposures(
    plan: ExposurePlan,
    *,
    refiner: PairRefiner | None = None,
    weighting: Weighting | None = None,
    method: Method = "guided",
    levels: int | None = None,
    progress: Progress = lambda stage, share: None,
) -> Fusion:
    """Render the virtual exposures of a plan, and fuse them with its shots.

    Parameters
    ----------
    plan : ExposurePlan
    refiner : Refiner, optional
        The network that refines virtual exposures.
    weighting, method, levels
        See `Stack`.
    progress : function, optional
        Called with the stage, ``render`` or ``fuse``, and the share of it done, 0..1, from the
        start of each stage on.

    Raises
    ------
    ValueError
        If `method` or `levels` is not as described in `Stack`.
    """
    exposures: list[int | Interpolation] = []
    pixels: list[Pixels] = []
    done = 0
    for step, (index, shot) in enumerate(zip(plan.order, plan.shots, strict=True)):
        exposures.append(index)
        pixels.append(shot)
        for pair, position in plan.between(step):
            part = _part(progress, done, plan.count)
            part(0.0)
            virtual = render(pair, position, refiner=refiner, progress=part)
            exposures.append(virtual)
            pixels.append(virtual.medium)
            done += 1
    progress("fuse", 0.0)
    stack = Stack(pixels, weighting=weighting, method=method, levels=levels)
    fused = stack.fuse(progress=lambda share: progress("fuse", share))
    return Fusion(fused, tuple(exposures), stack)


def _part(progress: Progress, done: int, count: int) -> Callable[[float], None]:
    """Return a function that reports the progress of one rendering as a share of all."""
    return lambda share: progress("render", (done + share) / count)


def order_by_brightness(images: Sequence[Pixels]) -> list[int]:
    """List the indices of exposures of one still scene from dark to bright.

    Equally bright ones are ordered by their content, not by the order they were given in.
    """

    def brightness(index: int) -> tuple[float, int]:
        codes = sample(images[index])
        return float(codes.mean()), crc32(codes.data)

    return sorted(range(len(images)), key=brightness)


def check_virtual(virtual: Virtual) -> None:
    """Raise a ValueError if `virtual` is not a number of virtual exposures or ``auto``."""
    if virtual != "auto" and not (isinstance(virtual, int) and virtual >= 0):
        msg = f"virtual must be 'auto' or a number, 0 or more, got {virtual!r}"
        raise ValueError(msg)


def virtual_positions(pair: Pair, virtual: Virtual) -> tuple[float, ...]:
    """Place virtual exposures between two adjacent shots.

    Parameters
    ----------
    pair : Pair
        From `measure`.
    virtual : 'auto' or int
        Their number; ``auto``: the fewest that leave no step above `MAX_STEP`, by the ratio
        measured from the pixels.

    Returns
    -------
    tuple of float
        Positions between the darker (0) and the brighter shot (1), linear in stops.
    """
    if virtual == "auto":
        virtual = math.ceil(ev_step(pair.ratio_measured) / MAX_STEP) - 1
    return even_positions(virtual)

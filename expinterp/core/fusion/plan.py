"""Plan the fusion of the shots of a scene: order, align and compare them, place virtual exposures.

Images are as described in `expinterp.core.arrays`; positions p between two shots are linear in
stops, 0 the darker and 1 the brighter one.

Source: Yang, Wu, Wang and Li, IEEE Access 2020 (the number of virtual exposures: the fewest,
evenly spaced in stops, that the exposure ratio needs).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal, TypeAlias
from zlib import crc32

import numpy as np

from expinterp.core.arrays import Mask, Pixels, check_images, drop_equal_channels, with_channels
from expinterp.core.comparison import Comparison, compare
from expinterp.core.exposure import LEAST_STEP, ev_step, even_positions, resolve_ratio
from expinterp.core.ghosts import Ghosts, explain_ghosts
from expinterp.core.ghosts.consistent import Links, make_consistent, map_step
from expinterp.core.ghosts.detect import covered_by_all
from expinterp.core.mapping import sample
from expinterp.core.pair import Pair, pair_from
from expinterp.core.registration.alignment import blank_unshared, complete
from expinterp.core.registration.likeness import check_scene, lies_still
from expinterp.core.registration.motion import Motion
from expinterp.core.registration.opacity import (
    Opacities,
    check_opacities,
    join_opacities,
    sample_seen,
)
from expinterp.core.registration.viewing import USUAL, Viewing
from expinterp.core.registration.viewpoint import view_series
from expinterp.core.response.calibration import Profile, check_profile
from expinterp.core.response.prior import ResponsePrior
from expinterp.errors import PairError

Virtual: TypeAlias = int | Literal["auto"]

# EV between adjacent exposures up to which fusion keeps the order of brightness: a tone that just
# clips in one is near mid-grey in the next darker one, 255 · 2^(−2.5 / 2.2) = 116.
MAX_STEP = 2.5


@dataclass(frozen=True, eq=False)
class ExposurePlan:
    """Shots from dark to bright, and the virtual exposures between them.

    Attributes
    ----------
    shots : tuple of uint8 or uint16 arrays
        Dark to bright, aligned, and consistent where things moved.
    order : tuple of int
        The index of each shot among the images as given.
    motions : tuple of Motion
        From the viewpoint to each shot; empty if motion was not measured.
    misfits : tuple of int
        Which of the shots have an unknown motion, and may have moved.
    pairs : tuple of Pair or None
        Adjacent shots, measured; None if they are equally exposed, or not needed.
    positions : tuple of tuple of float
        The positions of the virtual exposures of each pair.
    viewpoint : int
        Index, among the images as given, of the shot that all are aligned to.
    reference : int
        Index, among the images as given, of the shot that shows where things are.
    ghosts : Ghosts or None
        Where things moved; None if that was not looked for.
    window : tuple of slice
        Rows and columns of the viewpoint's frame that the shots show.
    notices : tuple of str
        Warnings for the user, besides those of the pairs.
    opacities : tuple of arrays of the dtype of the images, shape (rows, cols)
        Of each shot, before the others filled it; empty if all are opaque.
    """

    shots: tuple[Pixels, ...] = field(repr=False)
    order: tuple[int, ...]
    motions: tuple[Motion, ...] = field(repr=False)
    misfits: tuple[int, ...]
    pairs: tuple[Pair | None, ...] = field(repr=False)
    positions: tuple[tuple[float, ...], ...]
    viewpoint: int
    reference: int
    ghosts: Ghosts | None = None
    window: tuple[slice, slice] = (slice(None), slice(None))
    notices: tuple[str, ...] = ()
    opacities: tuple[Pixels, ...] = field(default=(), repr=False)

    @property
    def opacity(self) -> Pixels | None:
        """The opacity of each result: that of the most opaque shot; None if all are opaque."""
        return join_opacities(self.opacities)

    @property
    def count(self) -> int:
        """The number of virtual exposures."""
        return sum(map(len, self.positions))

    def between(self, step: int) -> list[tuple[Pair, float]]:
        """List the virtual exposures between a shot and the next: their pair and position."""
        pair = self.pairs[step] if step < len(self.pairs) else None
        return [(pair, position) for position in self.positions[step]] if pair else []


def plan_exposures(
    images: Sequence[Pixels],
    *,
    virtual: Virtual = "auto",
    measured: bool = False,
    response: Profile | None = None,
    prior: ResponsePrior | None = None,
    viewing: Viewing = USUAL,
    names: Sequence[str] | None = None,
    stated_ratio: Callable[[int, int], float | None] = lambda long, short: None,
    opacities: Opacities = (),
) -> ExposurePlan:
    """Order, align and measure the shots of a scene, and place virtual exposures between them.

    Parameters
    ----------
    images : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        One or more, in any order.
    virtual : 'auto' or int
        Number of virtual exposures between adjacent shots; ``auto``: as many as their step needs.
    measured : bool
        Whether the plan has pairs even if `virtual` is 0, to merge the shots.
    response : Profile, optional
        The camera's profile; by default the response is estimated from each pair.
    prior : ResponsePrior, optional
        The prior of responses; by default, and with a profile, the bundled one of all cameras.
    viewing : Viewing
    names : sequence of str, optional
        Of the images, for messages.
    stated_ratio : function, optional
        Called with the indices, among `images`, of a brighter and a darker shot; returns their
        exposure ratio, or None if it is not known.
    opacities : sequence of arrays of the dtype of the images, shape (rows, cols), or None
        Of each image. What is transparent in one is not measured, and shown as the others say.

    Raises
    ------
    ValueError
        If the images, `virtual` or `response` are not as above.
    PairError
        If the images differ in size, channels or bit depth, or if pairs are needed and two
        adjacent shots do not show one scene. The message has the `names` of the two.
    """
    check_images(images, names)
    check_virtual(virtual)
    check_profile(response)
    needed = measured or virtual != 0
    opaque = check_opacities(images, opacities)
    order = order_by_brightness(images, opaque)
    view = view_series(
        [with_channels(images[index]) for index in order],
        [opaque[index] for index in order],
        viewing,
    )
    aligned, covered, motions = view.aligned, view.covered, view.motions
    viewpoint = view.viewpoint
    compared: list[_Compared | None] = []
    for place, (i, j) in enumerate(pairwise(order)):
        two = slice(place, place + 2)
        compared.append(
            _compare(
                *blank_unshared(aligned, two),
                covered=covered_by_all(covered[two]),
                ratio=stated_ratio(j, i),
                response=response,
                prior=prior,
                known=None not in [motion.pixels for motion in motions[two]],
                deghost=viewing.deghost == "auto",
                label=f"{names[j]} and {names[i]}: " if names else "",
                needed=needed,
            )
        )
    links = [each.comparison if each else None for each in compared]
    misfits = _find_misfits(blank_unshared(aligned), motions, viewpoint, links)
    whole, covered, linked = complete(aligned, covered, links)
    consistent = make_consistent(
        whole.shots,
        linked,
        covered,
        viewpoint,
        fresh=whole.fresh,
        reference=None if viewing.reference == "auto" else viewpoint,
        deghost=viewing.deghost == "auto",
    )
    pairs = [
        each.to_pair(long, short, images[0].shape) if each and needed else None
        for each, (short, long) in zip(compared, pairwise(consistent.shots), strict=True)
    ]
    ghosts = consistent.ghosts
    return ExposurePlan(
        shots=tuple(_as_given(shot, images[0]) for shot in consistent.shots),
        order=tuple(order),
        motions=tuple(motions),
        misfits=misfits,
        pairs=tuple(pairs),
        positions=tuple(virtual_positions(pair, virtual) if pair else () for pair in pairs),
        viewpoint=order[viewpoint],
        reference=order[consistent.reference],
        ghosts=ghosts,
        window=aligned.window,
        notices=tuple(explain_ghosts(ghosts.share)) if ghosts else (),
        opacities=tuple(aligned.opacities),
    )


@dataclass(frozen=True, eq=False)
class _Compared:
    """Two adjacent shots, compared."""

    comparison: Comparison
    stated: float | None
    notices: tuple[str, ...]

    def to_pair(self, long: Pixels, short: Pixels, shape: tuple[int, ...]) -> Pair | None:
        """Build their pair; None if they are equally exposed."""
        if ev_step(self.comparison.ratio) < LEAST_STEP:
            return None
        long, short = drop_equal_channels([long, short])
        pair = pair_from(self.comparison, long, short, shape=shape, ratio_given=self.stated)
        return replace(pair, notices=self.notices)


def _compare(
    short: Pixels,
    long: Pixels,
    *,
    covered: Mask | None,
    ratio: float | None,
    response: Profile | None,
    prior: ResponsePrior | None,
    known: bool,
    deghost: bool,
    label: str,
    needed: bool,
) -> _Compared | None:
    """Compare two adjacent shots; None if they cannot be compared and it is not needed.

    It is not needed either if both are equal. `known` says whether they are registered by a known
    motion.
    """
    short, long = drop_equal_channels([short, long])
    try:
        stated, notices = resolve_ratio(ratio, swapped=False)
        comparison = compare(
            long,
            short,
            covered=covered,
            stated=stated,
            response=response,
            prior=prior,
            deghost=deghost,
        )
        if not known:
            check_scene(sample(long), sample(short), comparison.joint)
    except PairError as error:
        if not needed or np.array_equal(short, long):
            return None
        message = f"{label}{error}"
        raise PairError(message) from error
    return _Compared(comparison, stated, (*notices, *comparison.notices))


def _as_given(shot: Pixels, image: Pixels) -> Pixels:
    """Return a shot (rows, cols, channels) with as many axes as an image."""
    return shot if image.ndim == 3 else shot[..., 0]


def _find_misfits(
    shots: Sequence[Pixels], motions: Sequence[Motion], viewpoint: int, links: Links
) -> tuple[int, ...]:
    """List shots of unknown motion, unless none moved and they surely lie as the next shot does."""
    moved = any(motion.pixels for motion in motions)
    misfits = []
    for place, motion in enumerate(motions):
        if motion.pixels is None:
            dark = place if place < viewpoint else place - 1
            link = links[dark]
            imf = map_step(link, -1, channels=shots[dark].shape[2]) if link else None
            if moved or imf is None or not lies_still(shots[dark + 1], shots[dark], imf):
                misfits.append(place)
    return tuple(misfits)


def order_by_brightness(images: Sequence[Pixels], opacities: Opacities = ()) -> list[int]:
    """List the indices of exposures of one still scene from dark to bright.

    Equally bright ones are ordered by their content, not by the order they were given in. Pixels
    that are transparent in one of them do not count.
    """
    samples = sample_seen(images, check_opacities(images, opacities))

    def brightness(index: int) -> tuple[float, int]:
        return float(samples[index].mean()), crc32(np.ascontiguousarray(samples[index]).data)

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

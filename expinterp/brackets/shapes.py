"""The shape of a set: in which order it was exposed, and how far apart.

Cameras bracket in even steps, dark to bright, bright to dark, or with the middle exposure first:
0 −2 +2 is the shape with ranks (1, 0, 2) and a step of 2 stops. Where exposures are not stated, the
brightness of the pictures still gives the ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from typing import TypeAlias

Ranks: TypeAlias = tuple[int, ...]

LONGEST = 15  # frames of a set; cameras make up to 9, remote controls more
LEAST_STEP = 0.6  # stops between neighbours; automatic exposure of single shots wavers by less
LEAST_STATED_STEP = 0.25  # the same where the camera itself says that it brackets
LEAST_SEEN_STEP = 0.15  # the same for brightness, which highlights hold back
MEAN_SEEN_STEP = 0.6  # stops of brightness between neighbours, on the average
LEAST_STEP_IN_SCENE = 0.1  # the same where people put the frames together
EVEN = 0.1  # stops by which exposures of a set may miss even steps
UNEVEN = 0.25  # the same where times are not those of dials in thirds of a stop
GRID = 6  # steps are told apart by sixths of a stop: both thirds and halves are whole then


@dataclass(frozen=True, slots=True)
class BracketShape:
    """Order and step of a set.

    Attributes
    ----------
    ranks : tuple of int
        0 for the darkest frame, in the order of capture.
    step : int
        Between neighbouring exposures, in sixths of a stop; 0 if only brightness is known.
    """

    ranks: Ranks
    step: int

    @property
    def stops(self) -> float:
        """The step in stops; 0 if only brightness is known."""
        return self.step / GRID

    def __len__(self) -> int:
        return len(self.ranks)

    def __str__(self) -> str:
        """Write the shape as photographers do: ``0 −2 +2 EV``."""
        if not self.step:
            return f"{len(self)} frames"
        first = self.ranks[0]
        stops = ((rank - first) * self.stops for rank in self.ranks)
        return " ".join(f"{stop:+.3g}".replace("-", "−") if stop else "0" for stop in stops) + " EV"


@cache
def orders(count: int) -> frozenset[Ranks]:
    """List the orders in which cameras expose a set.

    Examples
    --------
    >>> sorted(orders(3))
    [(0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0)]
    """
    rising = tuple(range(count))
    found = {rising, rising[::-1]}
    if count % 2 and count > 1:
        middle = count // 2
        below, above = rising[:middle], rising[middle + 1 :]
        found |= {(middle, *below, *above), (middle, *above[::-1], *below[::-1])}
        pairs = list(zip(below[::-1], above, strict=True))
        found.add((middle, *(rank for pair in pairs for rank in pair)))
        found.add((middle, *(rank for pair in pairs for rank in pair[::-1])))
    return frozenset(found)


def rank(levels: Sequence[float]) -> Ranks:
    """Rank levels, 0 for the darkest.

    Examples
    --------
    >>> rank([0.0, -2.0, 2.0])
    (1, 0, 2)
    """
    order = sorted(range(len(levels)), key=levels.__getitem__)
    ranks = [0] * len(levels)
    for place, at in enumerate(order):
        ranks[at] = place
    return tuple(ranks)


def smallest_step(levels: Sequence[float]) -> float:
    """Measure the smallest difference between any two levels, in stops."""
    ordered = sorted(levels)
    return min(b - a for a, b in pairwise(ordered))


def shape_of(
    levels: Sequence[float], *, stated: bool, least_step: float, tolerance: float = UNEVEN
) -> BracketShape | None:
    """Tell the shape of exposures in the order of capture; None if cameras make no such set.

    Parameters
    ----------
    levels : sequence of float
        Stops.
    stated : bool
        Whether the levels are stated exposures, whose steps must be even, or mere brightness.
    least_step : float
        Stops by which neighbouring levels must differ.
    tolerance : float
        Stops by which stated exposures may miss even steps.
    """
    count = len(levels)
    if not 2 <= count <= LONGEST:
        return None
    low, high = min(levels), max(levels)
    if high - low < least_step * (count - 1) or smallest_step(levels) < least_step:
        return None
    ranks = rank(levels)
    if ranks not in orders(count):
        return None
    if not stated:
        return BracketShape(ranks, 0) if high - low >= MEAN_SEEN_STEP * (count - 1) else None
    step = (high - low) / (count - 1)
    uneven = max(
        abs(level - low - place * step) for level, place in zip(levels, ranks, strict=True)
    )
    return BracketShape(ranks, round(step * GRID)) if uneven <= tolerance else None


def alike(one: BracketShape, two: BracketShape) -> bool:
    """Tell whether two shapes are one, as far as rounded times tell."""
    return one.ranks == two.ranks and abs(one.step - two.step) <= 1


@cache
def is_remnant(part: BracketShape, whole: BracketShape) -> bool:
    """Tell whether `part` may be left when any frames of `whole` are lost.

    Examples
    --------
    >>> is_remnant(BracketShape((0, 1), 24), BracketShape((1, 0, 2), 12))
    True
    """
    if not part.step or not whole.step:
        lengths_tell = len(part) < len(whole) and part.step == whole.step
        return lengths_tell and any(
            rank(left) == part.ranks for left in combinations(whole.ranks, len(part))
        )
    levels = [place * part.stops for place in part.ranks]
    return are_left_of(levels, whole)


def are_left_of(levels: Sequence[float], whole: BracketShape) -> bool:
    """Tell whether exposures in stops may be what is left of a set, frames of it lost."""
    if len(levels) >= len(whole):
        return False
    offsets = [place * whole.stops for place in whole.ranks]
    return any(_are_among(levels, offsets, levels[0] - first) for first in offsets)


def _are_among(levels: Sequence[float], offsets: Sequence[float], shift: float) -> bool:
    """Tell whether levels are found among offsets, in order."""
    rest = iter(offsets)
    return all(any(abs(level - shift - offset) <= UNEVEN for offset in rest) for level in levels)

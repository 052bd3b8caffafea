"""The shape of a set: in which order it was exposed, and how far apart its exposures are.

Cameras bracket in even steps: dark to bright, bright to dark, or with the middle exposure first.
0 −2 +2 is the shape with ranks (1, 0, 2) and a step of 2 stops. Where exposures are not stated, the
brightness of the thumbnails still gives the ranks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from typing import TypeAlias

Ranks: TypeAlias = tuple[int, ...]

MOST_FRAMES = 15  # of a set; cameras make up to 9, remote controls more
LEAST_STEP = 0.6  # stops between adjacent exposures; automatic exposure alone varies by less
LEAST_MARKED_STEP = 0.25  # stops; the same where the camera marks its brackets
LEAST_BRIGHTNESS_STEP = 0.15  # stops; the same for brightness, which clipped highlights reduce
MEAN_BRIGHTNESS_STEP = 0.6  # stops of brightness between adjacent exposures, on average
LEAST_STEP_IN_SCENE = 0.1  # stops of brightness where people put the frames together
NOMINAL_TOLERANCE = 0.1  # stops by which exposures of nominal times may miss even steps
TOLERANCE = 0.25  # stops; the same for other times
STEPS_PER_STOP = 6  # steps are rounded to sixths of a stop, so that thirds and halves are exact


@dataclass(frozen=True, slots=True)
class BracketShape:
    """Order and step of a set.

    Attributes
    ----------
    ranks : tuple of int
        0 for the darkest frame, in the order of capture.
    step : int
        Between adjacent exposures, in sixths of a stop; 0 if only brightness is known.
    """

    ranks: Ranks
    step: int

    @property
    def stops(self) -> float:
        """The step in stops; 0 if only brightness is known."""
        return self.step / STEPS_PER_STOP

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
    ranks = [0] * len(levels)
    for place, at in enumerate(sorted(range(len(levels)), key=levels.__getitem__)):
        ranks[at] = place
    return tuple(ranks)


def smallest_step(levels: Sequence[float]) -> float:
    """Compute the smallest difference between any two levels, in stops."""
    return min(b - a for a, b in pairwise(sorted(levels)))


def shape_of(
    levels: Sequence[float], *, stated: bool, least_step: float, tolerance: float = TOLERANCE
) -> BracketShape | None:
    """Return the shape of levels in the order of capture; None if cameras make no such set.

    Parameters
    ----------
    levels : sequence of float
        Stops.
    stated : bool
        Whether the levels are stated exposures, whose steps must be even, or only brightness.
    least_step : float
        Stops by which adjacent levels must differ.
    tolerance : float
        Stops by which stated exposures may miss even steps.
    """
    count = len(levels)
    if not 2 <= count <= MOST_FRAMES:
        return None
    low, high = min(levels), max(levels)
    if high - low < least_step * (count - 1) or smallest_step(levels) < least_step:
        return None
    ranks = rank(levels)
    if ranks not in orders(count):
        return None
    if not stated:
        return BracketShape(ranks, 0) if high - low >= MEAN_BRIGHTNESS_STEP * (count - 1) else None
    step = (high - low) / (count - 1)
    uneven = max(
        abs(level - low - place * step) for level, place in zip(levels, ranks, strict=True)
    )
    return BracketShape(ranks, round(step * STEPS_PER_STOP)) if uneven <= tolerance else None


def same_shape(one: BracketShape, other: BracketShape) -> bool:
    """Return whether two shapes are equal, apart from the rounding of times."""
    return one.ranks == other.ranks and abs(one.step - other.step) <= 1


@cache
def is_remainder(part: BracketShape, whole: BracketShape) -> bool:
    """Return whether `part` may be what remains of `whole` after frames were lost.

    Examples
    --------
    >>> is_remainder(BracketShape((0, 1), 24), BracketShape((1, 0, 2), 12))
    True
    """
    if part.step and whole.step:
        return levels_remain([place * part.stops for place in part.ranks], whole)
    if len(part) >= len(whole) or part.step != whole.step:
        return False
    return any(rank(left) == part.ranks for left in combinations(whole.ranks, len(part)))


def levels_remain(levels: Sequence[float], whole: BracketShape) -> bool:
    """Return whether exposures in stops may be what remains of a set after frames were lost."""
    if len(levels) >= len(whole):
        return False
    offsets = [place * whole.stops for place in whole.ranks]
    return any(_are_among(levels, offsets, levels[0] - first) for first in offsets)


def _are_among(levels: Sequence[float], offsets: Sequence[float], shift: float) -> bool:
    """Return whether levels are among the shifted offsets, in order."""
    rest = iter(offsets)
    return all(any(abs(level - shift - offset) <= TOLERANCE for offset in rest) for level in levels)

"""The shape of a set: the order and the steps of its exposures.

Cameras bracket in even steps: dark to bright, bright to dark, or with the middle exposure first.
Such shapes are *regular*; others, such as 0 −2 +4, count only where more speaks for a set. Where
exposures are not stated, the brightness of the thumbnails still gives the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, combinations, pairwise
from typing import TypeAlias

Ranks: TypeAlias = tuple[int, ...]
Levels: TypeAlias = Sequence[float]  # exposures or brightness, in stops

MOST_FRAMES = 15  # of a set; cameras make up to 9, remote controls more
LEAST_STEP = 0.6  # stops between adjacent exposures; automatic exposure alone varies by less
MEAN_STEP = 1.0  # stops; where exposures of four frames or more differ by that, some may by less
LEAST_MARKED_STEP = 0.25  # stops; the same where the camera or people mark brackets
LEAST_BRIGHTNESS_STEP = 0.15  # stops; the same for brightness, which clipped highlights reduce
LEAST_STEP_IN_SCENE = 0.1  # stops of brightness where people put the frames together
MEAN_BRIGHTNESS_STEP = 0.6  # stops of brightness between adjacent exposures, on average
NOMINAL = 0.1  # stops by which exposures of nominal times may miss even steps
TOLERANCE = 0.25  # stops; the same for other times, and within which shots are exposed alike
_PER_STOP = 6  # offsets are rounded to sixths of a stop, so that thirds and halves are exact


@dataclass(frozen=True, slots=True)
class Shape:
    """Order and steps of a set; empty for frames that are none."""

    offsets: tuple[int, ...]  # above the darkest: sixths of a stop, or ranks where not stated
    stated: bool = True  # whether exposures are known, not only brightness
    regular: bool = True  # whether cameras make such sets: even steps in a usual order

    @property
    def stops(self) -> tuple[float, ...]:
        """The offsets in stops; ranks where only brightness is known."""
        return tuple(offset / (_PER_STOP if self.stated else 1) for offset in self.offsets)

    def __len__(self) -> int:
        return len(self.offsets)

    def __str__(self) -> str:
        """Write the shape as photographers do: ``0 −2 +2 EV``."""
        if not self.stated:
            return f"{len(self)} frames"
        stops = (stop - self.stops[0] for stop in self.stops)
        return " ".join(f"{stop:+.3g}".replace("-", "−") if stop else "0" for stop in stops) + " EV"


NO_SET = Shape(())


@cache
def orders(count: int) -> frozenset[Ranks]:
    """List the orders in which cameras expose a set, as ranks from 0 for the darkest."""
    rising = tuple(range(count))
    middle = count // 2
    below, above = rising[:middle], rising[middle + 1 :]
    found = {rising, rising[::-1]}
    if count % 2:
        pairs = list(zip(below[::-1], above, strict=True))
        found |= {(middle, *below, *above), (middle, *above[::-1], *below[::-1])}
        found |= {(middle, *chain(*pairs)), (middle, *chain(*(pair[::-1] for pair in pairs)))}
    return frozenset(found)


def rank(levels: Levels) -> Ranks:
    """Rank levels, 0 for the darkest: (1, 0, 2) for 0 −2 +2 stops."""
    order = sorted(range(len(levels)), key=levels.__getitem__)
    return tuple(sorted(range(len(levels)), key=order.__getitem__))


def smallest_step(levels: Levels) -> float:
    """Compute the smallest difference between any two levels, in stops."""
    return min(b - a for a, b in pairwise(sorted(levels)))


def shape_of(
    levels: Levels, *, stated: bool, least_step: float, tolerance: float = TOLERANCE
) -> Shape:
    """Return the shape of levels in the order of capture; an empty one if they are no set.

    Levels differ by `least_step` stops or more. If `stated`, they are exposures, not only brightness,
    and may miss the even steps of a regular shape by `tolerance` stops.
    """
    count = len(levels)
    if not 2 <= count <= MOST_FRAMES or smallest_step(levels) < least_step:
        return NO_SET
    low, ranks = min(levels), rank(levels)
    step, usual = (max(levels) - low) / (count - 1), ranks in orders(count)
    if not stated:
        return Shape(ranks, False, usual) if step >= MEAN_BRIGHTNESS_STEP else NO_SET
    uneven = max(abs(z - low - place * step) for z, place in zip(levels, ranks, strict=True))
    if usual and uneven <= tolerance:
        return Shape(tuple(place * round(_PER_STOP * step) for place in ranks))
    return Shape(tuple(round(_PER_STOP * (level - low)) for level in levels), regular=False)


@lru_cache(maxsize=1 << 14)
def may_remain(levels: tuple[float, ...], whole: Shape, *, holes: bool = True) -> bool:
    """Return whether exposures in stops, or brightness, may be of a set that lost frames.

    Without `holes`, it lost none between those that are left.
    """
    count, stops = len(levels), whole.stops
    if count >= len(whole):
        return False
    parts: Iterable[tuple[float, ...]] = combinations(stops, count)
    if not holes:
        parts = (stops[at : at + count] for at in range(len(stops) - count + 1))
    if not whole.stated:
        return any(rank(part) == rank(levels) for part in parts)
    shifts = ([a - b for a, b in zip(levels, part, strict=True)] for part in parts)
    return any(all(abs(z - shift[0]) <= TOLERANCE for z in shift) for shift in shifts)

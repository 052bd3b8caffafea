"""The shape of a set, and the evidence for it: the order and the steps of its exposures.

Cameras bracket in even steps: dark to bright, bright to dark, or with the middle exposure first.
Such shapes are *regular*; others, such as 0 −2 +4, count only where more speaks for a set. Where
exposures are not stated, the brightness of the thumbnails still gives the order. A *window* is a
part of a run that has a shape, so that it may be a set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property, lru_cache
from itertools import chain, combinations, pairwise
from typing import TypeAlias

from expinterp.brackets import thumbnail_match as match
from expinterp.brackets.chains import MEAN_BRIGHTNESS_STEP, TOLERANCE, FrameRun
from expinterp.brackets.frames import Mode

Ranks: TypeAlias = tuple[int, ...]
Levels: TypeAlias = Sequence[float]  # exposures or brightness, in stops

MOST_FRAMES = 15  # of a set; cameras make up to 9, remote controls more
LEAST_STEP = 0.6  # stops between adjacent exposures; automatic exposure alone varies by less
MEAN_STEP = 1.0  # stops; where exposures of four frames or more differ by that, some may by less
LEAST_MARKED_STEP = 0.25  # stops; the same where the camera marks its brackets
LEAST_BRIGHTNESS_STEP = 0.15  # stops; the same for brightness, which clipped highlights reduce
LEAST_STEP_IN_SCENE = 0.1  # stops of brightness where people put the frames together
BIAS_TOLERANCE = 0.4  # stops between the exposure compensation and the exposure taken
METERED_TOLERANCE = 0.08  # stops by which automatic exposures of a bracket miss even steps
_PER_STOP = 6  # offsets are rounded to sixths of a stop, so that thirds and halves are exact


@dataclass(frozen=True, slots=True)
class Shape:
    """Order and steps of a set."""

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
) -> Shape | None:
    """Return the shape of levels in the order of capture; None if they are no set.

    Levels differ by `least_step` stops or more. If `stated`, they are exposures, not only brightness,
    and may miss the even steps of a regular shape by `tolerance` stops.
    """
    count = len(levels)
    if not 2 <= count <= MOST_FRAMES or smallest_step(levels) < least_step:
        return None
    low, ranks = min(levels), rank(levels)
    step, usual = (max(levels) - low) / (count - 1), ranks in orders(count)
    if not stated:
        return Shape(ranks, False, usual) if step >= MEAN_BRIGHTNESS_STEP else None
    uneven = max(abs(z - low - place * step) for z, place in zip(levels, ranks, strict=True))
    if usual and uneven <= tolerance:
        return Shape(tuple(place * round(_PER_STOP * step) for place in ranks))
    return Shape(tuple(round(_PER_STOP * (level - low)) for level in levels), regular=False)


@lru_cache(maxsize=1 << 14)
def may_remain(levels: tuple[float, ...], whole: Shape) -> bool:
    """Return whether exposures in stops, or brightness, may be of a set that lost frames."""
    count = len(levels)
    if count >= len(whole):
        return False
    if not whole.stated:
        return any(rank(left) == rank(levels) for left in combinations(whole.offsets, count))
    return any(_are_among(levels, whole.stops, levels[0] - first) for first in whole.stops)


def _are_among(levels: Levels, offsets: Levels, shift: float) -> bool:
    """Return whether levels are among the shifted offsets, in order."""
    rest = iter(offsets)
    return all(any(abs(level - shift - offset) <= TOLERANCE for offset in rest) for level in levels)


# --- evidence ------------------------------------------------------------------------------------


class Evidence(Enum):
    """What the files show about a set, in the words of its reason; the strongest first."""

    COUNTED = "counted as a bracket by the camera"
    COMPENSATED = "exposure compensation steps with the exposure"
    SEEN = "one scene, brighter with more exposure"
    MARKED = "marked as a bracket by the camera"
    MANUAL = "exposures set by hand"
    SILENT = "exposures differ"
    AUTOMATIC = "automatic exposures differ"


CERTAIN = {Evidence.COUNTED, Evidence.COMPENSATED, Evidence.SEEN}
STRONG = {*CERTAIN, Evidence.MARKED}


def evidence_of(run: FrameRun) -> Evidence:
    """Return the strongest evidence that frames form a bracket."""
    frames, levels, count = run.frames, run.levels, len(run)
    biases, modes = {frame.bias for frame in frames}, {frame.mode for frame in frames}
    if [frame.shot for frame in frames] == list(range(1, count + 1)):
        return Evidence.COUNTED
    if None not in biases and len(biases) == count and follow_biases(run):
        return Evidence.COMPENSATED
    if not _may_be_metered(modes, biases, levels) and show_one_scene(run):
        return Evidence.SEEN
    if modes == {"manual"} and len({frame.exposure.iso for frame in frames}) > 1:
        return Evidence.SILENT
    by_mode = {"bracket": Evidence.MARKED, "manual": Evidence.MANUAL, "auto": Evidence.AUTOMATIC}
    return by_mode.get(modes.pop() or "", Evidence.SILENT) if len(modes) == 1 else Evidence.SILENT


def _may_be_metered(modes: set[Mode | None], biases: set[float | None], levels: Levels) -> bool:
    """Return whether automatic exposure may have changed between shots of one scene."""
    shape = shape_of(levels, stated=True, least_step=LEAST_STEP, tolerance=METERED_TOLERANCE)
    pair = modes <= {"auto", None} and len(levels) == 2 and biases | modes != {None}
    return pair or (modes == {"auto"} and not (shape and shape.regular))


def biases_contradict(run: FrameRun) -> bool:
    """Return whether compensation varies, but not as the exposures of one scene would."""
    biases = {frame.bias for frame in run.frames}
    return None not in biases and len(biases) > 1 and not follow_biases(run)


def follow_biases(run: FrameRun) -> bool:
    """Return whether exposures differ as compensation does: the metered light was the same."""
    pairs = zip(run.frames, run.levels, strict=True)
    offsets = [level - (frame.bias or 0.0) for frame, level in pairs]
    return max(offsets) - min(offsets) <= BIAS_TOLERANCE


def show_one_scene(run: FrameRun) -> bool:
    """Return whether all frames have thumbnails, and these show one scene."""
    thumbnails = _darkest_first(run)
    return bool(thumbnails) and match.are_one_scene(thumbnails)


def show_different_scenes(run: FrameRun) -> bool:
    """Return whether all frames have thumbnails, and these cannot show one scene."""
    thumbnails = _darkest_first(run)
    return bool(thumbnails) and match.are_different_scenes(thumbnails)


def _darkest_first(run: FrameRun) -> list[bytes]:
    """Return the thumbnails of frames, least exposed first; an empty list unless all have one."""
    pairs = sorted(zip(run.levels, run.frames, strict=True), key=lambda pair: pair[0])
    thumbnails = [frame.thumbnail or b"" for _, frame in pairs]
    return thumbnails if all(thumbnails) else []


# --- windows -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Window:
    """A part of a run that may be a set, and its shape."""

    part: FrameRun
    shape: Shape

    @property
    def places(self) -> range:
        """The positions of its frames in the chain."""
        return range(self.part.start, self.part.stop)

    @cached_property
    def evidence(self) -> Evidence:
        """The strongest evidence that it is a bracket."""
        # Without exposures, that the pictures show one scene is a condition of windows.
        return evidence_of(self.part) if self.part.chain.stream.stated else Evidence.SEEN


def window_of(part: FrameRun) -> Window | None:
    """Return a part of a run as a window; None if its frames cannot be a set."""
    least, tolerance, stated = _least_step(part), part.chain.tolerance, part.chain.stream.stated
    shape = shape_of(part.levels, stated=stated, least_step=least, tolerance=tolerance)
    if shape and (not biases_contradict(part) if stated else show_one_scene(part)):
        return Window(part, shape)
    return None


def windows_of(run: FrameRun, lengths: Iterable[int]) -> list[Window]:
    """Find all windows of these lengths, the shortest first."""
    parts = (
        FrameRun(run.chain, start, start + length)
        for length in sorted(lengths)
        for start in range(run.start, run.stop - length + 1)
    )
    return [window for part in parts if (window := window_of(part))]


def _least_step(part: FrameRun) -> float:
    """Return the smallest step, in stops, by which exposures of a set differ."""
    if not part.chain.stream.stated:
        return LEAST_BRIGHTNESS_STEP
    marked = part.frames[0].mode == "bracket" or part.frames[0].shot is not None
    wide = len(part) > 3 and max(part.levels) - min(part.levels) >= MEAN_STEP * (len(part) - 1)
    return LEAST_MARKED_STEP if marked or wide else LEAST_STEP

"""Parting a run into sets of known shapes, and telling whether that can be done in one way only."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from expinterp.brackets.chains import idle
from expinterp.brackets.cut_short import cut_short_windows
from expinterp.brackets.habits import RECURRENT, Habit, longest_pause
from expinterp.brackets.runs import FrameRun
from expinterp.brackets.shapes import LEAST_STEP, alike
from expinterp.brackets.windows import Window, window_at

MARGIN = 1.5  # frames by which a parting must gain more than any other one
RARITY = 1.0  # frames that a set a tenth as frequent as the most frequent one gains less
LEAST_GAIN = 0.1
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Parting:
    """A run parted into sets.

    Attributes
    ----------
    run : FrameRun
    chosen : tuple of Window
        The sets, first to last.
    doubtful : frozenset of int
        Frames of the run that may belong to several sets.
    """

    run: FrameRun
    chosen: tuple[Window, ...]
    doubtful: frozenset[int]

    def unexplained_pauses(self, habit: Habit) -> Iterator[float]:
        """List the pauses at which the exposure steps, but in no set of a shape that recurs.

        Yields
        ------
        float
            Seconds; 0 if unknown.
        """
        run = self.run
        windows = [window for window in self.chosen if habit.count(window.shape) >= RECURRENT]
        explained = {at for window in windows for at in range(window.start, window.stop)}
        explained |= self.doubtful
        for at, (one, other) in enumerate(pairwise(run.levels)):
            if abs(one - other) >= LEAST_STEP and not {at, at + 1} <= explained:
                yield idle(run.frames[at], run.frames[at + 1]) or 0.0


def part_run(run: FrameRun, habit: Habit) -> Parting:
    """Part a run into sets of shapes that its camera is known for."""
    windows = _known_windows(run, habit)
    gains = [_gain_of(window, habit) for window in windows]
    chosen, doubtful = part(len(run), windows, gains)
    return Parting(run, tuple(chosen), frozenset(doubtful))


def _known_windows(run: FrameRun, habit: Habit) -> list[Window]:
    """Find all parts of a run that have a known shape."""
    known = habit.known
    found = (
        window_at(run, start, length)
        for length in sorted({len(shape) for shape in known})
        for start in range(len(run) - length + 1)
    )
    whole = [
        window
        for window in found
        if window is not None and any(alike(window.shape, shape) for shape in known)
    ]
    spans = {(window.start, window.stop) for window in whole}
    clipped = (w for w in cut_short_windows(run, habit) if (w.start, w.stop) not in spans)
    windows = [*whole, *clipped]
    return [window for window in windows if not _is_slow(run, window, habit)]


def _is_slow(run: FrameRun, window: Window, habit: Habit) -> bool:
    """Tell whether the frames of a window were taken more slowly than its camera takes sets."""
    seconds = longest_pause(run.frames[window.start : window.stop])
    return seconds is not None and habit.is_slow(seconds, window.shape)


def _gain_of(window: Window, habit: Habit) -> float:
    """Tell what a set gains: the frames it explains beyond one, less where its shape is rare."""
    rarity = RARITY * math.log10(habit.most / max(1, habit.count(window.shape)))
    return max(len(window.shape) - 1 - rarity, LEAST_GAIN)


def part(
    count: int, windows: Sequence[Window], gains: Sequence[float]
) -> tuple[list[Window], set[int]]:
    """Choose windows that gain most without overlap.

    Parameters
    ----------
    count : int
        Frames of the run.
    windows : sequence of Window
    gains : sequence of float
        What each window gains, above 0; at most as many as it has frames.

    Returns
    -------
    list of Window
        Those without a rival: no window that crosses them is in a parting nearly as good.
    set of int
        Frames of those that have one: they may belong to several sets.
    """
    spans = [(w.start, w.stop) for w in windows] + [(at, at + 1) for at in range(count)]
    gains = [*gains, *[0.0] * count]
    ahead, behind = _best_before(count, spans, gains), _best_after(count, spans, gains)
    through = [ahead[a] + gain + behind[b] for (a, b), gain in zip(spans, gains, strict=True)]
    over: dict[int, list[int]] = defaultdict(list)  # windows that pass over a frame
    for at, window in enumerate(windows):
        for frame in range(window.start, window.stop):
            over[frame].append(at)
    chosen, doubtful = list[Window](), set[int]()
    for at, window in enumerate(windows):
        if through[at] < ahead[count] - _ROUNDING:
            continue
        rivals = {other for frame in range(window.start, window.stop) for other in over[frame]}
        crossing = (through[other] for other in rivals if not _within(windows[other], window))
        if max(crossing, default=-math.inf) <= ahead[count] - MARGIN:
            chosen.append(window)
        else:
            doubtful |= set(range(window.start, window.stop))
    return sorted(chosen, key=lambda window: window.start), doubtful


def _within(part: Window, whole: Window) -> bool:
    return whole.start <= part.start and part.stop <= whole.stop


def _best_before(
    count: int, spans: Sequence[tuple[int, int]], gains: Sequence[float]
) -> list[float]:
    """Compute how many frames before each position the best parting covers."""
    ending: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for (start, stop), gain in zip(spans, gains, strict=True):
        ending[stop].append((start, gain))
    best = [0.0] * (count + 1)
    for stop in range(1, count + 1):
        best[stop] = max(best[start] + gain for start, gain in ending[stop])
    return best


def _best_after(
    count: int, spans: Sequence[tuple[int, int]], gains: Sequence[float]
) -> list[float]:
    """Compute how many frames after each position the best parting covers."""
    mirrored = [(count - stop, count - start) for start, stop in spans]
    return _best_before(count, mirrored, gains)[::-1]

"""Parting a run into sets of known shapes, and telling whether that can be done in one way only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from expinterp.brackets.habits import Habit, Window, show_one_scene, window_at
from expinterp.brackets.runs import Run
from expinterp.brackets.shapes import GRID, UNEVEN, Shape, rank

MARGIN = 2  # frames by which a parting must cover more than any other one


def known_windows(run: Run, habit: Habit) -> list[Window]:
    """Find all parts of a run that have a shape known from elsewhere, or from this run."""
    found = (
        window_at(run, start, length)
        for length in habit.lengths
        for start in range(len(run.frames) - length + 1)
    )
    return [window for window in found if window is not None and habit.count(window.shape)]


def part(count: int, windows: Sequence[Window]) -> tuple[list[Window], set[int]]:
    """Choose windows that cover as many frames as can be without overlap.

    Parameters
    ----------
    count : int
        Frames of the run.
    windows : sequence of Window

    Returns
    -------
    list of Window
        Those without a rival: no window that crosses them is in a parting nearly as good.
    set of int
        Frames of those that have one: they may belong to several sets.
    """
    spans = [(w.start, w.stop) for w in windows] + [(at, at + 1) for at in range(count)]
    gains = [stop - start for start, stop in spans[: len(windows)]] + [0] * count
    ahead, behind = _best_before(count, spans, gains), _best_after(count, spans, gains)
    through = [ahead[a] + gain + behind[b] for (a, b), gain in zip(spans, gains, strict=True)]
    over: dict[int, list[int]] = defaultdict(list)  # windows that pass over a frame
    for at, window in enumerate(windows):
        for frame in range(window.start, window.stop):
            over[frame].append(at)
    chosen, doubtful = list[Window](), set[int]()
    for at, window in enumerate(windows):
        if through[at] < ahead[count]:
            continue
        rivals = {other for frame in range(window.start, window.stop) for other in over[frame]}
        crossing = (through[other] for other in rivals if not _within(windows[other], window))
        if max(crossing, default=0) <= ahead[count] - MARGIN:
            chosen.append(window)
        else:
            doubtful |= set(range(window.start, window.stop))
    return sorted(chosen, key=lambda window: window.start), doubtful


def _within(part: Window, whole: Window) -> bool:
    return whole.start <= part.start and part.stop <= whole.stop


def _best_before(count: int, spans: Sequence[tuple[int, int]], gains: Sequence[int]) -> list[int]:
    """Compute how many frames before each position the best parting covers."""
    ending: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for (start, stop), gain in zip(spans, gains, strict=True):
        ending[stop].append((start, gain))
    best = [0] * (count + 1)
    for stop in range(1, count + 1):
        best[stop] = max(best[start] + gain for start, gain in ending[stop])
    return best


def _best_after(count: int, spans: Sequence[tuple[int, int]], gains: Sequence[int]) -> list[int]:
    """Compute how many frames after each position the best parting covers."""
    mirrored = [(count - stop, count - start) for start, stop in spans]
    return _best_before(count, mirrored, gains)[::-1]


def goes_on(run: Run, window: Window, taken: Collection[int], habit: Habit) -> bool:
    """Tell whether free frames beside a window make it look like a part of a larger known set."""
    for whole in habit.shapes:
        for shift in range(len(whole) - len(window.shape) + 1):
            first = window.start - shift
            beside = range(max(first, 0), min(first + len(whole), len(run.frames)))
            free = [at for at in beside if at not in taken or window.start <= at < window.stop]
            more = len(free) > len(window.shape) and free == list(range(free[0], free[-1] + 1))
            if more and _fits(run, whole, first, free):
                return True
    return False


def _fits(run: Run, whole: Shape, first: int, places: Sequence[int]) -> bool:
    """Tell whether some frames are exposed as a set beginning at `first` would have them."""
    levels = [run.levels[at] for at in places]
    ranks = [whole.ranks[at - first] for at in places]
    if not whole.step:
        frames = [run.frames[at] for at in places]
        return rank(levels) == rank(ranks) and show_one_scene(frames, levels)
    offsets = [
        level - place * whole.step / GRID for level, place in zip(levels, ranks, strict=True)
    ]
    return max(offsets) - min(offsets) <= 2 * UNEVEN

"""A camera's habits: which shapes of sets recur in a library, told from the runs that are plain.

A run is plain if it divides evenly into sets of one shape. What is learned there decides how to part
the runs that are not, and whether a set may be all that is left of a larger one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from expinterp.brackets import looks
from expinterp.brackets.chains import Stream
from expinterp.brackets.frames import Frame
from expinterp.brackets.runs import Run
from expinterp.brackets.shapes import (
    LEAST_SEEN_STEP,
    LEAST_STATED_STEP,
    LEAST_STEP,
    LONGEST,
    Shape,
    alike,
    shape_of,
)

Camera: TypeAlias = tuple[object, ...]

RECURRENT = 3  # sets of one shape that are no chance
MOST, CLEAR = 0.6, 0.2  # share of a run that sets of a shape cover, and cover more than others
MOST_EXTRA = 1  # frames beside the one set of a run from which a shape may still be learned


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a run, and the shape of the set it would be."""

    start: int
    stop: int
    shape: Shape


@dataclass
class Habit:
    """What one camera does again and again.

    Attributes
    ----------
    shapes : Counter of Shape
        How many sets of each shape its plain runs hold, with nothing missing beside them.
    holed : Counter of Shape
        How many with numbers missing beside them: they may be pieces.
    """

    shapes: Counter[Shape] = field(default_factory=Counter)
    holed: Counter[Shape] = field(default_factory=Counter)

    def count(self, shape: Shape) -> int:
        """Count the sets of a shape with nothing missing beside them."""
        return sum(times for other, times in self.shapes.items() if alike(shape, other))

    def count_all(self, shape: Shape) -> int:
        """Count the sets of a shape."""
        holed = sum(times for other, times in self.holed.items() if alike(shape, other))
        return self.count(shape) + holed

    def known(self) -> list[Shape]:
        """List the shapes of sets; those that may be pieces only if they recur."""
        holed = [shape for shape in self.holed if self.count_all(shape) >= RECURRENT]
        return sorted({*self.shapes, *holed}, key=lambda shape: (shape.ranks, shape.step))


@dataclass
class Habits:
    """The habits of all cameras, and how unruly each stream is.

    Attributes
    ----------
    cameras : dict of Habit
        By camera, serial number and mode; by place too where no camera is stated.
    unruly : Counter of (Stream, mode)
        Neighbours in runs that differ in exposure and are of no plain set.
    """

    cameras: dict[Camera, Habit] = field(default_factory=lambda: defaultdict(Habit))
    unruly: Counter[tuple[Stream, str | None]] = field(default_factory=Counter)

    def of(self, run: Run) -> Habit:
        """Give the habit of the camera of a run, set as it was."""
        return self.cameras[camera_of(run)]

    def unruly_beside(self, run: Run) -> int:
        """Count the unruly neighbours in the stream of a run."""
        return self.unruly[run.chain.stream, run.frames[0].mode]


def camera_of(run: Run) -> Camera:
    """Name a camera and how it was set; one that is not stated is another one in each place."""
    place, camera, serial, _, _, stated = run.chain.stream
    return None if camera else place, camera, serial, stated, run.frames[0].mode


def learn(runs: Iterable[Run]) -> Habits:
    """Learn the habits of cameras from their runs."""
    habits = Habits()
    for run in runs:
        windows = plain_windows(run)
        habit, stream = habits.of(run), run.chain.stream
        for window in windows:
            solid = not any(holes_beside(run, window))
            (habit.shapes if solid else habit.holed)[window.shape] += 1
        habits.unruly[stream, run.frames[0].mode] += sum(_unruly_steps(run, windows))
    return habits


def holes_beside(run: Run, window: Window) -> tuple[int | None, int | None]:
    """Count the numbers missing before and after a window; None where nobody knows."""
    counts = run.chain.counts
    start, stop = run.start + window.start, run.start + window.stop
    if counts is None:
        return None, None
    before = counts[start] - counts[start - 1] - 1 if start else None
    after = counts[stop] - counts[stop - 1] - 1 if stop < len(counts) else None
    return before, after


def _unruly_steps(run: Run, windows: list[Window]) -> Iterator[bool]:
    """Tell for each step of a run whether it is one of exposure, and not explained."""
    explained = {at for window in windows for at in range(window.start, window.stop)}
    for at, (one, other) in enumerate(pairwise(run.levels)):
        yield abs(one - other) >= LEAST_STEP and not {at, at + 1} <= explained


def plain_windows(run: Run) -> list[Window]:
    """Part a run into sets of one shape, if it shows plainly of which; else an empty list."""
    count = len(run)
    for length in range(min(count, LONGEST), 1, -1):
        if count % length == 0 and (windows := _even_windows(run, length)):
            return windows
    return _frequent_windows(run) if count >= RECURRENT * 2 else _lone_window(run)


def _even_windows(run: Run, length: int) -> list[Window]:
    """Part a run evenly, nothing left over."""
    windows: list[Window] = []
    for start in range(0, len(run), length):
        window = window_at(run, start, length)
        if window is None or (windows and not alike(window.shape, windows[0].shape)):
            return []
        windows.append(window)
    return windows


def _frequent_windows(run: Run) -> list[Window]:
    """Find the shape whose sets cover most of a run, and far more than any other one's."""
    partings = []
    for length in range(min(len(run) // 2, LONGEST), 1, -1):
        starts = range(len(run) - length + 1)
        found = [window for start in starts if (window := window_at(run, start, length))]
        shapes = {window.shape: None for window in found}
        partings += [_apart(found, shape) for shape in shapes]
    covered = [sum(len(window.shape) for window in windows) for windows in partings]
    order = sorted(range(len(partings)), key=lambda at: -covered[at])
    if not order or covered[order[0]] < MOST * len(run) or len(partings[order[0]]) < RECURRENT:
        return []
    best = partings[order[0]]
    rivals = (covered[at] for at in order[1:] if not alike(partings[at][0].shape, best[0].shape))
    return best if max(rivals, default=0) <= covered[order[0]] - CLEAR * len(run) else []


def _apart(windows: list[Window], shape: Shape) -> list[Window]:
    """Choose windows of a shape, first to last, that do not overlap."""
    chosen: list[Window] = []
    for window in windows:
        if alike(window.shape, shape) and (not chosen or window.start >= chosen[-1].stop):
            chosen.append(window)
    return chosen


def _lone_window(run: Run) -> list[Window]:
    """Find the one longest set in a run that has hardly more frames: a trial shot before it, say."""
    count = len(run)
    for length in range(min(count - 1, LONGEST), max(2, count - 1 - MOST_EXTRA), -1):
        found = [window_at(run, start, length) for start in range(count - length + 1)]
        windows = [window for window in found if window is not None]
        if windows:
            return windows if len(windows) == 1 else []
    return []


def window_at(run: Run, start: int, length: int) -> Window | None:
    """Look at a part of a run as a set; None if it is none that a camera makes."""
    stop = start + length
    levels = run.levels[start:stop]
    chain = run.chain
    least_step, tolerance = _least_step(run), chain.tolerance
    shape = shape_of(levels, stated=chain.stated, least_step=least_step, tolerance=tolerance)
    if shape is None:
        return None
    frames = run.frames[start:stop]
    contradicted = not run.chain.stated and not show_one_scene(frames, levels)
    return None if contradicted else Window(start, stop, shape)


def _least_step(run: Run) -> float:
    if not run.chain.stated:
        return LEAST_SEEN_STEP
    return LEAST_STATED_STEP if run.frames[0].mode == "bracket" else LEAST_STEP


def show_one_scene(frames: Iterable[Frame], levels: Iterable[float]) -> bool:
    """Tell whether pictures show one scene, the brighter exposed one nowhere darker."""
    seen = _darkest_first(frames, levels)
    return seen is not None and looks.are_one_scene(seen)


def show_different_scenes(frames: Iterable[Frame], levels: Iterable[float]) -> bool:
    """Tell whether pictures contradict that they show one scene."""
    seen = _darkest_first(frames, levels)
    return seen is not None and looks.are_different_scenes(seen)


def _darkest_first(frames: Iterable[Frame], levels: Iterable[float]) -> list[bytes] | None:
    """Give the looks of frames, least exposed first; None unless all have one."""
    ordered = sorted(zip(levels, frames, strict=True), key=lambda pair: pair[0])
    seen = [frame.look for _, frame in ordered if frame.look is not None]
    return seen if len(seen) == len(ordered) else None

"""A camera's habits: which shapes of sets recur in a library, told from the runs that are plain.

A run is plain if it divides evenly into sets of one shape. What is learned there decides how to part
the runs that are not, and whether a set may be all that is left of a larger one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

from expinterp.brackets import looks
from expinterp.brackets.frames import Frame
from expinterp.brackets.runs import Run, Stream
from expinterp.brackets.shapes import (
    LEAST_SEEN_STEP,
    LEAST_STATED_STEP,
    LEAST_STEP,
    LONGEST,
    Shape,
    alike,
    is_part,
    shape_of,
)

Camera: TypeAlias = tuple[object, ...]

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
        How many sets of each shape its plain runs hold.
    """

    shapes: Counter[Shape] = field(default_factory=Counter)

    def count(self, shape: Shape) -> int:
        """Count the sets of a shape."""
        return sum(times for other, times in self.shapes.items() if alike(shape, other))

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """The numbers of frames that sets have."""
        return tuple(sorted({len(shape) for shape in self.shapes}))

    def wholes(self, shape: Shape) -> int:
        """Count the sets of which this one may be what is left."""
        return sum(times for other, times in self.shapes.items() if is_part(shape, other))


@dataclass
class Habits:
    """The habits of all cameras, and how unruly each stream is.

    Attributes
    ----------
    cameras : dict of Habit
        By camera and serial number; by place too where no camera is stated.
    unruly : Counter of Stream
        Neighbours in runs that differ in exposure and are of no plain set.
    """

    cameras: dict[Camera, Habit] = field(default_factory=lambda: defaultdict(Habit))
    unruly: Counter[Stream] = field(default_factory=Counter)

    def of(self, stream: Stream) -> Habit:
        """Give the habit of the camera of a stream."""
        return self.cameras[camera_of(stream)]


def camera_of(stream: Stream) -> Camera:
    """Name the camera of a stream; one that is not stated is another one in each place."""
    place, camera, serial, _, _, stated = stream
    return (camera, serial, stated) if camera else (place, camera, serial, stated)


def learn(runs: Iterable[Run]) -> Habits:
    """Learn the habits of cameras from their runs."""
    habits = Habits()
    for run in runs:
        windows = plain_windows(run)
        habits.of(run.stream).shapes.update(window.shape for window in windows)
        habits.unruly[run.stream] += sum(_unruly_steps(run, windows))
    return habits


def _unruly_steps(run: Run, windows: list[Window]) -> Iterator[bool]:
    """Tell for each step of a run whether it is one of exposure, and not explained."""
    explained = {at for window in windows for at in range(window.start, window.stop)}
    for at, (one, other) in enumerate(pairwise(run.levels)):
        yield abs(one - other) >= LEAST_STEP and not {at, at + 1} <= explained


def plain_windows(run: Run) -> list[Window]:
    """Part a run evenly into sets of one shape; an empty list if that cannot be done."""
    count = len(run.frames)
    for length in range(min(count, LONGEST), 1, -1):
        if count % length == 0 and (windows := _even_windows(run, length)):
            return windows
    return _lone_window(run)


def _even_windows(run: Run, length: int) -> list[Window]:
    windows: list[Window] = []
    for start in range(0, len(run.frames), length):
        window = window_at(run, start, length)
        if window is None or (windows and not alike(window.shape, windows[0].shape)):
            return []
        windows.append(window)
    return windows


def _lone_window(run: Run) -> list[Window]:
    """Find the one longest set in a run that has hardly more frames: a trial shot before it, say."""
    count = len(run.frames)
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
    shape = shape_of(levels, stated=run.stated, least_step=_least_step(run))
    if shape is None:
        return None
    frames = run.frames[start:stop]
    contradicted = not run.stated and not show_one_scene(frames, levels)
    return None if contradicted else Window(start, stop, shape)


def _least_step(run: Run) -> float:
    if not run.stated:
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

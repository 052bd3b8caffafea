"""A camera's habits: which shapes of sets recur in a library, told from the runs that are plain.

A run is plain if it divides evenly into sets of one shape. What is learned there decides how to part
the runs that are not, and whether a set may be all that is left of a larger one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TypeAlias

from expinterp.brackets.chains import idle
from expinterp.brackets.frames import Frame
from expinterp.brackets.runs import RESOLUTION, FrameRun
from expinterp.brackets.shapes import BracketShape, alike
from expinterp.brackets.windows import Window, plain_windows

Camera: TypeAlias = tuple[object, ...]

RECURRENT = 3  # sets of one shape that are no chance
ENOUGH = 5  # sets of one shape that tell how fast a camera takes them
SLOW = 2.0  # times the pace of a camera within which a set of it is taken


@dataclass
class Tally:
    """The sets of one shape that a camera took.

    Attributes
    ----------
    solid, holed : int
        How many with nothing missing beside them, and with numbers missing: these may be pieces.
    pauses : list of float
        The longest pause within each, in seconds, where it is known.
    """

    solid: int = 0
    holed: int = 0
    pauses: list[float] = field(default_factory=list)


class Habit:
    """What one camera does again and again.

    Parameters
    ----------
    tallies : mapping of BracketShape to Tally
    """

    def __init__(self, tallies: Mapping[BracketShape, Tally]) -> None:
        self.tallies = tallies
        self._sums: dict[BracketShape, Tally] = {}

    def of(self, shape: BracketShape) -> Tally:
        """Sum what is known of a shape, and of those that rounded times do not tell from it."""
        if shape not in self._sums:
            found = [tally for other, tally in self.tallies.items() if alike(shape, other)]
            solid, holed = sum(one.solid for one in found), sum(one.holed for one in found)
            pauses = sorted(seconds for one in found for seconds in one.pauses)
            self._sums[shape] = Tally(solid, holed, pauses)
        return self._sums[shape]

    def count(self, shape: BracketShape, *, holed: bool = True) -> int:
        """Count the sets of a shape, with or without those that may be pieces."""
        tally = self.of(shape)
        return tally.solid + tally.holed if holed else tally.solid

    def pace(self, shape: BracketShape) -> float | None:
        """Tell the pause that nine in ten sets of a shape keep to; None of too few sets."""
        pauses = self.of(shape).pauses
        return pauses[(len(pauses) - 1) * 9 // 10] if len(pauses) >= ENOUGH else None

    def is_slow(self, seconds: float, shape: BracketShape) -> bool:
        """Tell whether a pause is longer than those in the sets of a shape."""
        pace = self.pace(shape)
        return pace is not None and seconds > SLOW * pace + RESOLUTION

    @cached_property
    def known(self) -> tuple[BracketShape, ...]:
        """The shapes of sets; those that may be pieces only if they recur."""
        found = (
            shape
            for shape, tally in self.tallies.items()
            if tally.solid or self.count(shape) >= RECURRENT
        )
        return tuple(sorted(found, key=lambda shape: (shape.ranks, shape.step)))

    @cached_property
    def wholes(self) -> tuple[BracketShape, ...]:
        """The shapes of which smaller sets may be what is left: those seen more than once."""
        return tuple(shape for shape in self.known if self.count(shape) > 1)

    @cached_property
    def most(self) -> int:
        """How many sets the most frequent shape has."""
        return max((self.count(shape) for shape in self.known), default=0)


NO_HABIT = Habit({})
Habits: TypeAlias = Mapping[Camera, Habit]


def habit_of(run: FrameRun, habits: Habits) -> Habit:
    """Give the habit of the camera of a run, set as it was."""
    return habits.get(camera_of(run), NO_HABIT)


def camera_of(run: FrameRun) -> Camera:
    """Name a camera and how it was set; one that is not stated is another one in each place."""
    place, camera, serial, stated, _ = run.chain.stream
    return None if camera else place, camera, serial, stated, run.frames[0].mode


def learn(runs: Iterable[FrameRun], scenes: Iterable[tuple[FrameRun, BracketShape]] = ()) -> Habits:
    """Learn the habits of cameras: by camera, serial number and mode; by place if none is stated.

    Parameters
    ----------
    runs : iterable of FrameRun
        All runs of a library.
    scenes : iterable of (FrameRun, BracketShape)
        Sets known otherwise.
    """
    tallies: dict[Camera, dict[BracketShape, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for run, shape in scenes:
        tallies[camera_of(run)][shape].solid += 1
    for run in runs:
        for window in plain_windows(run):
            _tally(tallies[camera_of(run)][window.shape], run, window)
    return {camera: Habit(found) for camera, found in tallies.items()}


def _tally(tally: Tally, run: FrameRun, window: Window) -> None:
    """Add one set to what is known of its shape."""
    whole = not any(holes_beside(run, window))
    tally.solid += whole
    tally.holed += not whole
    seconds = longest_pause(run.frames[window.start : window.stop])
    if seconds is not None:
        tally.pauses.append(seconds)


def longest_pause(frames: Sequence[Frame]) -> float | None:
    """Measure the longest pause between frames, dark frames aside; None if one is not known."""
    pauses = [idle(one, other) for one, other in pairwise(frames)]
    return None if None in pauses else max(seconds for seconds in pauses if seconds is not None)


def holes_beside(run: FrameRun, window: Window) -> tuple[int | None, int | None]:
    """Count the numbers missing before and after a window; None where nobody knows."""
    counts = run.chain.counts
    start, stop = run.start + window.start, run.start + window.stop
    if counts is None:
        return None, None
    before = counts[start] - counts[start - 1] - 1 if start else None
    after = counts[stop] - counts[stop - 1] - 1 if stop < len(counts) else None
    return before, after

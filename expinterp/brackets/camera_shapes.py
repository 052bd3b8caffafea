"""Learn which shapes each camera makes in a library, and how fast, from its regular runs.

A run is regular if it clearly consists of sets of one shape. What is learned from these decides how
to divide the other runs, and whether a set may be what remains of a larger one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from expinterp.brackets.runs import CLOCK_TICK, FrameRun
from expinterp.brackets.shapes import MOST_FRAMES, BracketShape, same_shape
from expinterp.brackets.windows import Window, window_at, windows_of

CameraKey: TypeAlias = tuple[object, ...]

RECURRENT = 3  # sets of one shape that are no coincidence
ENOUGH = 5  # sets of one shape that show how fast a camera takes them
SLOW = 2.0  # times the usual pause of a camera, above which frames are not one set
REPEATS = 3  # sets of one shape in a run that does not divide evenly
MOST, CLEAR = 0.6, 0.2  # share of such a run that sets cover, and cover more than any other shape


@dataclass
class ShapeTally:
    """The sets of one shape that a camera took.

    Attributes
    ----------
    complete, uncertain : int
        Number of sets without and with missing file numbers beside them: the latter may be parts
        of larger sets.
    pauses : list of float
        The longest pause within each set, in seconds, where it is known.
    """

    complete: int = 0
    uncertain: int = 0
    pauses: list[float] = field(default_factory=list)


class CameraShapes:
    """The shapes that one camera makes.

    Parameters
    ----------
    tallies : mapping of BracketShape to ShapeTally
    """

    def __init__(self, tallies: Mapping[BracketShape, ShapeTally]) -> None:
        self.tallies = tallies
        self._sums: dict[BracketShape, ShapeTally] = {}

    def tally(self, shape: BracketShape) -> ShapeTally:
        """Sum the sets of a shape, and of the shapes that differ by the rounding of times only."""
        if shape not in self._sums:
            found = [tally for other, tally in self.tallies.items() if same_shape(shape, other)]
            complete, uncertain = sum(t.complete for t in found), sum(t.uncertain for t in found)
            pauses = sorted(seconds for tally in found for seconds in tally.pauses)
            self._sums[shape] = ShapeTally(complete, uncertain, pauses)
        return self._sums[shape]

    def count(self, shape: BracketShape) -> int:
        """Count the sets of a shape."""
        tally = self.tally(shape)
        return tally.complete + tally.uncertain

    def is_slow(self, seconds: float, shape: BracketShape) -> bool:
        """Return whether a pause is longer than those within sets of a shape.

        The usual pause is one that nine in ten sets do not exceed; too few sets have none.
        """
        pauses = self.tally(shape).pauses
        usual = pauses[(len(pauses) - 1) * 9 // 10] if len(pauses) >= ENOUGH else None
        return usual is not None and seconds > SLOW * usual + CLOCK_TICK

    @cached_property
    def shapes(self) -> tuple[BracketShape, ...]:
        """The shapes of sets; of uncertain sets only if they recur."""
        found = (
            shape
            for shape, tally in self.tallies.items()
            if tally.complete or self.count(shape) >= RECURRENT
        )
        return tuple(sorted(found, key=lambda shape: (shape.ranks, shape.step)))

    @cached_property
    def repeated(self) -> tuple[BracketShape, ...]:
        """The known shapes seen more than once: smaller sets may be what remains of them."""
        return tuple(shape for shape in self.shapes if self.count(shape) > 1)

    @cached_property
    def recurrent(self) -> tuple[BracketShape, ...]:
        """The known shapes that are no coincidence."""
        return tuple(shape for shape in self.shapes if self.count(shape) >= RECURRENT)

    @cached_property
    def highest_count(self) -> int:
        """The number of sets of the most frequent shape."""
        return max((self.count(shape) for shape in self.shapes), default=0)


NO_SHAPES = CameraShapes({})
ShapesByCamera: TypeAlias = Mapping[CameraKey, CameraShapes]


def shapes_for(run: FrameRun, cameras: ShapesByCamera) -> CameraShapes:
    """Return the shapes of the camera of a run, in its exposure mode."""
    return cameras.get(_camera_of(run), NO_SHAPES)


def _camera_of(run: FrameRun) -> CameraKey:
    """Identify a camera and its exposure mode; where no camera is stated, each place has its own."""
    stream = run.chain.stream
    place = None if stream.camera else stream.place
    return place, stream.camera, stream.serial, stream.stated, run.frames[0].mode


def learn_shapes(
    runs: Iterable[FrameRun], scenes: Iterable[tuple[FrameRun, BracketShape]] = ()
) -> ShapesByCamera:
    """Learn the shapes of cameras.

    Parameters
    ----------
    runs : iterable of FrameRun
        All runs of a library.
    scenes : iterable of (FrameRun, BracketShape)
        Sets that have a folder or a name of their own.
    """
    tallies: dict[CameraKey, dict[BracketShape, ShapeTally]] = defaultdict(
        lambda: defaultdict(ShapeTally)
    )
    for run, shape in scenes:
        tallies[_camera_of(run)][shape].complete += 1
    for run in runs:
        for window in regular_windows(run):
            tally = tallies[_camera_of(run)][window.shape]
            found = run.part(window.start, window.stop)
            complete = not any(found.missing_beside())
            tally.complete += complete
            tally.uncertain += not complete
            if (seconds := found.longest_pause()) is not None:
                tally.pauses.append(seconds)
    return {camera: CameraShapes(found) for camera, found in tallies.items()}


# --- regular runs --------------------------------------------------------------------------------


def regular_windows(run: FrameRun) -> list[Window]:
    """Divide a regular run into sets of one shape; return an empty list for other runs."""
    count = len(run)
    for length in range(min(count, MOST_FRAMES), 1, -1):
        if count % length == 0 and (windows := _even_windows(run, length)):
            larger = range(length + 1, min(count, MOST_FRAMES) + 1)
            ambiguous = length < count and any(windows_of(run, other) for other in larger)
            return [] if ambiguous else windows
    return _frequent_windows(run) if count >= REPEATS * 2 else _single_window(run)


def _even_windows(run: FrameRun, length: int) -> list[Window]:
    """Divide a run into windows of one length and shape, nothing left over."""
    windows: list[Window] = []
    for start in range(0, len(run), length):
        window = window_at(run, start, length)
        if window is None or (windows and not same_shape(window.shape, windows[0].shape)):
            return []
        windows.append(window)
    return windows


def _frequent_windows(run: FrameRun) -> list[Window]:
    """Find the shape whose sets cover most of a run, and clearly more than those of any other.

    Pairs do not count, since larger sets contain many.
    """
    candidates = []
    for length in range(min(len(run) // 2, MOST_FRAMES), 2, -1):
        found = windows_of(run, length)
        shapes = {window.shape: None for window in found}
        candidates += [_without_overlap(found, shape) for shape in shapes]
    covered = [sum(len(window.shape) for window in windows) for windows in candidates]
    order = sorted(range(len(candidates)), key=lambda at: -covered[at])
    if not order or covered[order[0]] < MOST * len(run) or len(candidates[order[0]]) < REPEATS:
        return []
    best = candidates[order[0]]
    others = order[1:]
    rivals = (
        covered[at] for at in others if not same_shape(candidates[at][0].shape, best[0].shape)
    )
    return best if max(rivals, default=0) <= covered[order[0]] - CLEAR * len(run) else []


def _without_overlap(windows: list[Window], shape: BracketShape) -> list[Window]:
    """Choose windows of a shape, first to last, that do not overlap."""
    chosen: list[Window] = []
    for window in windows:
        if same_shape(window.shape, shape) and (not chosen or window.start >= chosen[-1].stop):
            chosen.append(window)
    return chosen


def _single_window(run: FrameRun) -> list[Window]:
    """Find the only set in a run with one frame more, such as a trial shot before each set.

    The made-up disks pass without this rule; a user who takes trial shots has no other runs.
    """
    length = len(run) - 1
    windows = windows_of(run, length) if length >= 3 else []
    return windows if len(windows) == 1 else []

"""The sets that each camera makes in a library: learned from its regular runs, found in the others.

A run is regular if it clearly consists of sets of one shape. What is learned from these decides how
to divide the other runs, and whether a set may be what remains of a larger one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

from expinterp.brackets import shapes
from expinterp.brackets.chains import CLOCK_TICK, Chain, FrameRun, counts_on, idle_between
from expinterp.brackets.shapes import MOST_FRAMES, Evidence, Shape, Window, window_of, windows_of

RECURRENT = 3  # sets of one shape that are no coincidence
REPEATS, MOST = 3, 0.6  # sets of one shape in a run with other frames, and the share they cover
ENOUGH = 5  # sets of one shape that show how fast a camera takes them
SLOW = 2.0  # times the usual pause of a camera, above which frames are not one set
NEAR = 15.0  # seconds within which a shot beside a set may belong to it
_STEP_ROUNDING = 1 / 12  # stops by which an offset of a shape is rounded


@dataclass
class ShapeTally:
    """The sets of one shape that a camera took."""

    complete: int = 0  # sets beyond doubt, without missing file numbers beside them
    uncertain: int = 0  # the others
    pauses: list[float] = field(default_factory=list)  # the longest within each set, in seconds

    @cached_property
    def usual_pause(self) -> float | None:
        """The pause in seconds that nine in ten sets do not exceed; None if few are known."""
        pauses = sorted(self.pauses)
        return pauses[(len(pauses) - 1) * 9 // 10] if len(pauses) >= ENOUGH else None


@dataclass(frozen=True)
class CameraShapes:
    """The shapes that one camera makes, by their tallies."""

    tallies: Mapping[Shape, ShapeTally]

    def complete(self, shape: Shape) -> int:
        """Count the complete sets of a shape."""
        return self.tallies[shape].complete if shape in self.tallies else 0

    def count(self, shape: Shape) -> int:
        """Count the sets of a shape."""
        return self.complete(shape) + self.tallies[shape].uncertain if shape in self.tallies else 0

    def is_slow(self, seconds: float | None, shape: Shape) -> bool:
        """Return whether a pause is clearly longer than nine in ten within sets of a shape."""
        usual = self.tallies[shape].usual_pause if shape in self.tallies else None
        return None not in {seconds, usual} and seconds > SLOW * usual + CLOCK_TICK  # type: ignore[operator]

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of sets; of uncertain sets only if they recur."""
        found = (s for s in self.tallies if self.complete(s) or self.count(s) >= RECURRENT)
        return tuple(sorted(found, key=lambda shape: shape.offsets))


ShapesByCamera: TypeAlias = Mapping[tuple[object, ...], CameraShapes]


def shapes_for(run: FrameRun, cameras: ShapesByCamera) -> CameraShapes:
    """Return the shapes of the camera of a run, in its exposure mode."""
    return cameras.get(_camera_of(run)) or CameraShapes({})


def _camera_of(run: FrameRun) -> tuple[object, ...]:
    """Identify a camera and its exposure mode; where no camera is stated, each place has its own."""
    stream = run.chain.stream
    place = None if stream.camera else stream.place
    return place, stream.camera, stream.serial, stream.stated, run.frames[0].mode


def learn_shapes(
    runs: Iterable[FrameRun], scenes: Iterable[tuple[FrameRun, Shape]] = ()
) -> ShapesByCamera:
    """Learn the shapes of cameras from runs, and from sets with a folder or a name of their own."""
    tallies: dict[tuple[object, ...], dict[Shape, ShapeTally]]
    tallies = defaultdict(lambda: defaultdict(ShapeTally))
    for run, shape in scenes:
        tallies[_camera_of(run)][shape].complete += 1
    for run in runs:
        for window in regular_windows(run):
            tally, shape, part = tallies[_camera_of(run)][window.shape], window.shape, window.part
            sure = shape.regular or len(part) < len(run) or window.evidence in shapes.CERTAIN
            complete = sure and not part.missing_beside(damaged=True)
            tally.complete += complete
            tally.uncertain += not complete
            if (seconds := part.longest_pause()) is not None:
                tally.pauses.append(seconds)
    return {camera: CameraShapes(found) for camera, found in tallies.items()}


def regular_windows(run: FrameRun) -> list[Window]:
    """Divide a run that clearly consists of sets of one shape; return an empty list for others."""
    every = windows_of(run, range(2, min(len(run), MOST_FRAMES) + 1))
    whole = [window for window in every if len(window.shape) == len(run)]
    if run.damaged_within():
        return whole
    larger = [window for window in every if len(window.shape) > 2]  # these contain many pairs
    regular = [window for window in larger or every if window.shape.regular]
    often = Counter(window.shape for window in larger)
    repeated = [window for window in larger if often[window.shape] > 1]
    for usual, least in ((regular, MOST if larger else 1.0), (repeated, 1.0)):
        windows, doubtful = best_windows(run, usual)
        alike = len({window.shape for window in windows}) == 1 and not doubtful
        covered = sum(len(window.shape) for window in windows) / len(run)
        if alike and (covered == 1.0 or (covered >= least and len(windows) >= REPEATS)):
            return windows
    return whole


# --- division of runs ----------------------------------------------------------------------------


def divide_run(run: FrameRun, known: CameraShapes) -> tuple[list[Window], set[int]]:
    """Divide a run into sets of shapes that its camera makes, else into whatever sets it shows.

    The result is that of `best_windows`.
    """
    windows = [
        window
        for window in windows_of(run, {len(shape) for shape in known.shapes})
        if window.shape in known.shapes
        and not known.is_slow(window.part.longest_pause(), window.shape)
    ]
    return best_windows(run, windows or list(_shown_windows(run)))


def _shown_windows(run: FrameRun) -> Iterator[Window]:
    """Find regular sets of three frames or more, and the whole run if it is beyond doubt a set."""
    most = min(len(run), MOST_FRAMES)
    for window in windows_of(run, {most, *range(3, most)}):
        size, evidence = len(window.part), window.evidence
        sure = size == len(run) and evidence in shapes.CERTAIN
        if sure or (size > 2 and window.shape.regular and evidence is not Evidence.AUTOMATIC):
            yield window


def best_windows(run: FrameRun, windows: Sequence[Window]) -> tuple[list[Window], set[int]]:
    """Choose windows of a run without overlap: most frames in fewest windows.

    Returns
    -------
    list of Window
        Those in the first and in the last such choice.
    set of int
        Positions in the chain of the frames of those in only one: they may be of several sets.
    """
    first = _best_choice(run, windows, late=False)
    last = _best_choice(run, windows[::-1], late=True)
    doubtful = {*first} ^ {*last}
    chosen = [window for window in first if window not in doubtful]
    return chosen, {at for window in doubtful for at in window.places}


def _best_choice(run: FrameRun, windows: Sequence[Window], *, late: bool) -> list[Window]:
    """Choose windows whose frames less one sum to most; among equals the first, or late ones."""
    ending: dict[int, list[Window]] = defaultdict(list)
    for window in windows:
        ending[window.part.stop].append(window)
    best: dict[int, tuple[int, Any]]  # up to each position: sum; last window, the ones before it
    best = {run.start: (0, None)}
    for stop in range(run.start + 1, run.stop + 1):
        best[stop] = best[stop - 1]
        for window in ending[stop]:
            before, chosen = best[window.part.start]
            gain, most = before + len(window.part) - 1, best[stop][0]
            if gain > most or (late and gain == most and best[stop] is best[stop - 1]):
                best[stop] = gain, (window, chosen)
    found, (_, link) = list[Window](), best[run.stop]
    while link:
        window, link = link
        found.append(window)
    return found[::-1]


# --- completeness --------------------------------------------------------------------------------


def may_be_part(part: FrameRun, shape: Shape, known: CameraShapes) -> bool:
    """Return whether a set may be all that remains of a larger one that its camera makes."""
    larger = (w for w in known.shapes if len(w) > len(shape) and known.count(w) > 1)
    return any(_may_remain(part, shape, whole, known) for whole in larger)


def _may_remain(part: FrameRun, shape: Shape, whole: Shape, known: CameraShapes) -> bool:
    """Return whether a set may be all that remains of a larger one of a given shape."""
    count, often, size = known.complete(shape), known.count(whole), len(shape)
    if part.chain.numbers is None:
        return count < max(RECURRENT, often / 2) and shapes.may_remain(shape.stops, whole)
    strong = size > 2 and shapes.evidence_of(part) in shapes.STRONG
    rare = count < max(RECURRENT, often / 4) and not strong  # then it may have broken off
    before, after = (_is_repeat(part, at, shape, known) for at in (part.start, part.stop))
    places = range(part.start, part.stop)
    begins = (rare or after) and _fits(part.chain, places, whole.stops[:size], whole)
    ends = before and _fits(part.chain, places, whole.stops[-size:], whole)
    return begins or ends or any(_may_be_in(part, whole, at) for at in range(len(whole) - size + 1))


def goes_on(part: FrameRun) -> float | None:
    """Return the seconds (0: unknown) to a shot that would make a set larger; None if none would.

    A pause separates them, or a camera does not mark the one frame that it does not compensate.
    """
    chain, start, stop = part.chain, part.start, part.stop
    for first, end, at in ((start - 1, stop, start), (start, stop + 1, stop)):
        if first < 0 or end > len(chain.frames) or not chain.stream.stated:
            continue
        one, other = chain.frames[at - 1 : at + 1]
        new = one.mode == other.mode and not counts_on(one, other)  # the camera started a new set
        larger = window_of(FrameRun(chain, first, end))
        if larger and larger.shape.regular and not new and _is_near(chain, at - 1, at):
            return idle_between(one, other) or 0.0
    return None


def _is_repeat(part: FrameRun, at: int, shape: Shape, known: CameraShapes) -> bool:
    """Return whether the frames before and after a position may be one frame, taken twice."""
    chain = part.chain
    if not 0 < at < len(chain.frames):
        return False
    alike = abs(chain.levels[at] - chain.levels[at - 1]) < chain.tolerance
    slow = known.is_slow(idle_between(*chain.frames[at - 1 : at + 1]), shape)
    return alike and not slow and _is_near(chain, at - 1, at)


def _may_be_in(part: FrameRun, whole: Shape, shift: int) -> bool:
    """Return whether the file numbers around a set, from `shift` before it, may be a larger set.

    Its other frames are missing; or they are there, exposed as they should be, but separated by a
    pause or by another missing frame.
    """
    numbers = part.chain.numbers or ()
    found: dict[int, float] = {}  # the offsets in stops of the frames that are there
    for number, offset in enumerate(whole.stops, numbers[part.start] - shift):
        at = bisect_left(numbers, number)
        if at < len(numbers) and numbers[at] == number:
            found[at] = offset
    near = all(_is_near(part.chain, min(at, part.stop - 1), max(at, part.start)) for at in found)
    return near and _fits(part.chain, list(found), list(found.values()), whole)


def _is_near(chain: Chain, one: int, other: int) -> bool:
    """Return whether a frame may have been taken shortly before another."""
    seconds = idle_between(chain.frames[one], chain.frames[other])
    return seconds is None or seconds <= NEAR


def _fits(chain: Chain, places: Sequence[int], stops: Sequence[float], whole: Shape) -> bool:
    """Return whether frames are exposed as those of a larger set with these offsets would be."""
    frames = tuple(chain.frames[at] for at in places)
    levels = tuple(chain.levels[at] for at in places)
    if not whole.stated:
        part = FrameRun(replace(chain, frames=frames, levels=levels), 0, len(frames))
        return shapes.rank(levels) == shapes.rank(stops) and shapes.show_one_scene(part)
    offsets = [level - stop for level, stop in zip(levels, stops, strict=True)]
    return max(offsets) - min(offsets) <= 2 * chain.tolerance + _STEP_ROUNDING * len(places)

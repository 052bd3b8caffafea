"""The sets that each camera makes in a library: learned from its regular runs, found in the others.

A run is regular if it clearly consists of sets of one shape. What is learned from these decides how
to divide the other runs, and whether a set may be what remains of a larger one.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from expinterp.brackets.chains import CLOCK_TICK, counts_on
from expinterp.brackets.frames import CERTAIN, STRONG, Evidence, FrameRun, idle_between
from expinterp.brackets.shapes import MOST_FRAMES, Shape, may_remain

RECURRENT = 3  # sets of one shape that are no coincidence
REPEATS, MOST = 3, 0.6  # sets of one shape in a run with other frames, and the share they cover
ENOUGH = 5  # sets of one shape that show how fast a camera takes them
SLOW = 2.0  # times the usual pause of a camera, above which frames are not one set
NEAR = 15.0  # seconds within which a shot beside a set may belong to it
# Share of the larger sets below which sets are rare: put together by people, numbered, others.
_RARE_TOGETHER, _RARE_NUMBERED, _RARE = 0.05, 0.25, 0.5


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
    return cameras.get(camera_of(run)) or CameraShapes({})


def camera_of(run: FrameRun) -> tuple[object, ...]:
    """Identify a camera and its exposure mode; where no camera is stated, each place has its own."""
    stream = run.chain.stream
    place = None if stream.camera else stream.place
    return place, stream.camera, stream.serial, stream.stated, run.frames[0].mode


def learn_shapes(runs: Iterable[FrameRun], scenes: Iterable[FrameRun] = ()) -> ShapesByCamera:
    """Learn the shapes of cameras from runs, and from sets with a folder or a name of their own."""
    tallies: dict[tuple[object, ...], dict[Shape, ShapeTally]]
    tallies = defaultdict(lambda: defaultdict(ShapeTally))
    for scene in scenes:
        if scene.shape.regular:
            tallies[camera_of(scene)][scene.shape].complete += 1
    for run in runs:
        for part in regular_windows(run):
            tally = tallies[camera_of(run)][part.shape]
            sure = part.shape.regular or len(part) < len(run) or part.evidence in CERTAIN
            complete = sure and not part.missing_beside(damaged=True)
            tally.complete += complete
            tally.uncertain += not complete
            if (seconds := part.longest_pause()) is not None:
                tally.pauses.append(seconds)
    return {camera: CameraShapes(found) for camera, found in tallies.items()}


def regular_windows(run: FrameRun) -> list[FrameRun]:
    """Divide a run that clearly consists of sets of one shape; return an empty list for others."""
    every = run.windows(range(2, min(len(run), MOST_FRAMES) + 1))
    whole = [part for part in every if len(part) == len(run)]
    if run.damaged_within():
        return whole
    larger = [part for part in every if len(part) > 2]  # these contain many pairs
    parts, doubtful = best_windows(run, [part for part in larger or every if part.shape.regular])
    alike = len({part.shape for part in parts}) == 1 and not doubtful
    covered = sum(map(len, parts)) / len(run)
    often = larger and len(parts) >= REPEATS and covered >= MOST
    return parts if alike and (covered == 1.0 or often) else whole


def divide_run(run: FrameRun, known: CameraShapes) -> tuple[list[FrameRun], set[int]]:
    """Divide a run into sets of shapes that its camera makes, else into whatever sets it shows.

    The result is that of `best_windows`.
    """
    usual = [
        part
        for part in run.windows({len(shape) for shape in known.shapes})
        if part.shape in known.shapes and not known.is_slow(part.longest_pause(), part.shape)
    ]
    return best_windows(run, usual or list(_shown_windows(run)))


def _shown_windows(run: FrameRun) -> Iterator[FrameRun]:
    """Find regular sets of three frames or more, and the whole run if it is beyond doubt a set."""
    most = min(len(run), MOST_FRAMES)
    for part in run.windows({most, *range(3, most)}):
        sure = len(part) == len(run) and part.evidence in CERTAIN
        usual = len(part) > 2 and part.shape.regular and part.evidence is not Evidence.AUTOMATIC
        if sure or usual:
            yield part


def best_windows(run: FrameRun, windows: Sequence[FrameRun]) -> tuple[list[FrameRun], set[int]]:
    """Choose windows of a run without overlap: most frames in fewest windows.

    Returns
    -------
    list of FrameRun
        Those in all such choices.
    set of int
        Positions in the chain of the frames of those in only some: they may be of several sets.
    """
    ending, starting = defaultdict(list), defaultdict(list)
    for window in windows:
        ending[window.stop].append(window)
        starting[window.start].append(window)
    # The most frames, less one for each window, up to each position and from there.
    before, after = {run.start: 0}, {run.stop: 0}
    for at in range(run.start + 1, run.stop + 1):
        before[at] = max([before[at - 1], *(before[w.start] + len(w) - 1 for w in ending[at])])
    for at in range(run.stop - 1, run.start - 1, -1):
        after[at] = max([after[at + 1], *(after[w.stop] + len(w) - 1 for w in starting[at])])
    best = [w for w in windows if before[w.start] + len(w) - 1 + after[w.stop] == after[run.start]]
    uses = Counter(at for window in best for at in window.places)
    chosen = [window for window in best if all(uses[at] == 1 for at in window.places)]
    return chosen, uses.keys() - {at for window in chosen for at in window.places}


def may_be_part(part: FrameRun, known: CameraShapes) -> bool:
    """Return whether a set may be all that remains of a larger one that its camera makes.

    Its exposures are among those of the larger one, and it is rare, or the file before or after it
    is missing or may belong to it. Where files have no numbers, nothing shows what is missing.
    """
    together, numbered = part.chain.together, part.chain.numbers is not None
    strong = numbered and len(part) > 2 and part.evidence in STRONG
    share = _RARE_TOGETHER if together else _RARE_NUMBERED if numbered else _RARE
    least, complete = 2 if together else RECURRENT, known.complete(part.shape)
    for whole in known.shapes:
        often = known.count(whole)
        if often < 2 or not _may_remain(part, part.shape.stops, whole):
            continue
        rare = complete < max(least, share * often) and not strong
        ends = (part.start, part.stop) if numbered else ()
        if rare or any(_is_open(part, at, whole, known) for at in ends):
            return True
    return False


def _may_remain(part: FrameRun, levels: tuple[float, ...], whole: Shape) -> bool:
    """Return whether the levels of a set may remain of a larger one; in numbered runs are no holes."""
    holes = part.chain.numbers is None or part.damaged_within()
    return may_remain(levels, whole, holes=holes)


def _is_open(part: FrameRun, at: int, whole: Shape, known: CameraShapes) -> bool:
    """Return whether a set may go on beyond its start or stop, as a part of a larger one.

    The file there is missing; or it shows a frame of the larger set, or one taken twice.
    """
    if part.chain.missing(at, damaged=True):
        return True
    beside = FrameRun(part.chain, at - 1, at + 1)
    seconds = _seconds_beside(part, at)
    if seconds is None or known.is_slow(seconds, part.shape) or beside.shows_different_scenes():
        return False
    more = _with_frame(part, at)
    repeated = abs(beside.levels[1] - beside.levels[0]) < part.chain.tolerance
    return repeated or more.shape == whole or _may_remain(part, more.levels, whole)


def _with_frame(part: FrameRun, at: int) -> FrameRun:
    """Return a set with the frame before its start, or after its stop."""
    return FrameRun(part.chain, part.start - (at == part.start), part.stop + (at == part.stop))


def _seconds_beside(part: FrameRun, at: int) -> float | None:
    """Return the seconds (0: unknown) between a set and the frame beside it; None if it is far."""
    frames = part.chain.frames
    seconds = idle_between(*frames[at - 1 : at + 1]) or 0.0 if 0 < at < len(frames) else math.inf
    return seconds if seconds <= NEAR else None


def goes_on(part: FrameRun) -> float | None:
    """Return the seconds (0: unknown) to a shot that would make a set larger; None if none would.

    A pause separates them, or a camera does not mark the one frame that it does not compensate.
    """
    for at in (part.start, part.stop) if part.chain.stream.stated else ():
        if (seconds := _seconds_beside(part, at)) is not None:
            one, other = part.chain.frames[at - 1 : at + 1]
            new = one.mode == other.mode and not counts_on(one, other)  # a new set of the camera
            larger = _with_frame(part, at).shape
            if larger and larger.regular and not new:
                return seconds
    return None

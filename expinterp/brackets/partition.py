"""Divide a run into sets of known shapes, and check that only one division is good."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from expinterp.brackets.camera_shapes import RECURRENT, CameraShapes
from expinterp.brackets.chains import idle_between
from expinterp.brackets.runs import FrameRun
from expinterp.brackets.shapes import LEAST_STEP, same_shape
from expinterp.brackets.windows import Window, shutter_limited_windows, windows_of

MARGIN = 1.5  # frames by which a partition must gain more than any other one
RARITY = 1.0  # frames that are subtracted for a shape a tenth as frequent as the most frequent
LEAST_GAIN = 0.1  # frames
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Partition:
    """A run divided into sets.

    Attributes
    ----------
    run : FrameRun
    chosen : tuple of Window
        The sets, first to last.
    ambiguous : frozenset of int
        Frames of the run that may belong to several sets.
    """

    run: FrameRun
    chosen: tuple[Window, ...]
    ambiguous: frozenset[int]

    def unexplained_pauses(self, known: CameraShapes) -> Iterator[float]:
        """List the pauses at which the exposure steps outside any set of a recurrent shape.

        Yields
        ------
        float
            Seconds; 0 if unknown.
        """
        run = self.run
        windows = [window for window in self.chosen if known.count(window.shape) >= RECURRENT]
        explained = {at for window in windows for at in range(window.start, window.stop)}
        explained |= self.ambiguous
        for at, (one, other) in enumerate(pairwise(run.levels)):
            if abs(one - other) >= LEAST_STEP and not {at, at + 1} <= explained:
                yield idle_between(run.frames[at], run.frames[at + 1]) or 0.0


def divide_run(run: FrameRun, known: CameraShapes) -> Partition:
    """Divide a run into sets of shapes that its camera is known to make."""
    windows = _known_windows(run, known)
    gains = [_gain_of(window, known) for window in windows]
    chosen, ambiguous = best_windows(len(run), windows, gains)
    return Partition(run, tuple(chosen), frozenset(ambiguous))


def _known_windows(run: FrameRun, known: CameraShapes) -> list[Window]:
    """Find all parts of a run that have a known shape."""
    lengths = sorted({len(shape) for shape in known.shapes})
    windows = [
        window
        for length in lengths
        for window in windows_of(run, length)
        if any(same_shape(window.shape, shape) for shape in known.shapes)
    ]
    spans = {(window.start, window.stop) for window in windows}
    limited = shutter_limited_windows(run, known.recurrent)
    windows += [window for window in limited if (window.start, window.stop) not in spans]
    return [window for window in windows if not _is_slow(run, window, known)]


def _is_slow(run: FrameRun, window: Window, known: CameraShapes) -> bool:
    """Return whether the frames of a window were taken more slowly than the camera takes sets."""
    seconds = run.part(window.start, window.stop).longest_pause()
    return seconds is not None and known.is_slow(seconds, window.shape)


def _gain_of(window: Window, known: CameraShapes) -> float:
    """Return the gain of a set: its number of frames less one, and less where its shape is rare."""
    rarity = RARITY * math.log10(known.highest_count / max(1, known.count(window.shape)))
    return max(len(window.shape) - 1 - rarity, LEAST_GAIN)


def best_windows(
    count: int, windows: Sequence[Window], gains: Sequence[float]
) -> tuple[list[Window], set[int]]:
    """Choose the windows that gain most without overlap.

    Parameters
    ----------
    count : int
        Frames of the run.
    windows : sequence of Window
    gains : sequence of float
        The gain of each window, above 0; at most its number of frames.

    Returns
    -------
    list of Window
        Those without a rival: no partition nearly as good has a window that crosses them.
    set of int
        Frames of the windows that have a rival: they may belong to several sets.
    """
    spans = [(window.start, window.stop) for window in windows]
    spans += [(at, at + 1) for at in range(count)]
    gains = [*gains, *[0.0] * count]
    mirrored = [(count - stop, count - start) for start, stop in spans]
    before, after = _best_gains(count, spans, gains), _best_gains(count, mirrored, gains)[::-1]
    # The gain of the best partition that contains each window.
    through = [before[a] + gain + after[b] for (a, b), gain in zip(spans, gains, strict=True)]
    covering: dict[int, list[int]] = defaultdict(list)  # by frame, the windows that contain it
    for at, window in enumerate(windows):
        for frame in range(window.start, window.stop):
            covering[frame].append(at)
    chosen, ambiguous = list[Window](), set[int]()
    for at, window in enumerate(windows):
        if through[at] < before[count] - _ROUNDING:
            continue
        frames = range(window.start, window.stop)
        overlapping = {other for frame in frames for other in covering[frame]}
        rivals = (through[other] for other in overlapping if not _within(windows[other], window))
        if max(rivals, default=-math.inf) <= before[count] - MARGIN:
            chosen.append(window)
        else:
            ambiguous |= set(frames)
    return sorted(chosen, key=lambda window: window.start), ambiguous


def _within(part: Window, whole: Window) -> bool:
    return whole.start <= part.start and part.stop <= whole.stop


def _best_gains(
    count: int, spans: Sequence[tuple[int, int]], gains: Sequence[float]
) -> list[float]:
    """Compute the gain of the best partition of the frames before each position."""
    ending: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for (start, stop), gain in zip(spans, gains, strict=True):
        ending[stop].append((start, gain))
    best = [0.0] * (count + 1)
    for stop in range(1, count + 1):
        best[stop] = max(best[start] + gain for start, gain in ending[stop])
    return best

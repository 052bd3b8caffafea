"""Windows: parts of runs that might be sets, and the runs that part into sets plainly."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from expinterp.brackets import thumbnail_match
from expinterp.brackets.frames import Frame
from expinterp.brackets.runs import FrameRun
from expinterp.brackets.shapes import (
    LEAST_SEEN_STEP,
    LEAST_STATED_STEP,
    LEAST_STEP,
    LONGEST,
    BracketShape,
    alike,
    shape_of,
)

BIAS_TOLERANCE = 0.4  # stops between what compensation asks for and what dials give
REPEATS = 3  # sets of one shape in a run that is not even
MOST, CLEAR = 0.6, 0.2  # share of a run that sets of a shape cover, and cover more than others


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a run, and the shape of the set it would be."""

    start: int
    stop: int
    shape: BracketShape


def plain_windows(run: FrameRun) -> list[Window]:
    """Part a run into sets of one shape, if it shows plainly of which; else an empty list."""
    count = len(run)
    for length in range(min(count, LONGEST), 1, -1):
        if count % length == 0 and (windows := _even_windows(run, length)):
            larger = range(length + 1, min(count, LONGEST) + 1)
            return [] if length < count and _has_window(run, larger) else windows
    return _frequent_windows(run) if count >= REPEATS * 2 else _lone_window(run)


def _has_window(run: FrameRun, lengths: Iterable[int]) -> bool:
    """Tell whether a run holds a set of one of some lengths anywhere."""
    return any(
        window_at(run, start, length)
        for length in lengths
        for start in range(len(run) - length + 1)
    )


def _even_windows(run: FrameRun, length: int) -> list[Window]:
    """Part a run evenly, nothing left over."""
    windows: list[Window] = []
    for start in range(0, len(run), length):
        window = window_at(run, start, length)
        if window is None or (windows and not alike(window.shape, windows[0].shape)):
            return []
        windows.append(window)
    return windows


def _frequent_windows(run: FrameRun) -> list[Window]:
    """Find the shape whose sets cover most of a run, and far more than any other one's.

    Not that of pairs, which larger sets are full of.
    """
    partings = []
    for length in range(min(len(run) // 2, LONGEST), 2, -1):
        starts = range(len(run) - length + 1)
        found = [window for start in starts if (window := window_at(run, start, length))]
        shapes = {window.shape: None for window in found}
        partings += [_apart(found, shape) for shape in shapes]
    covered = [sum(len(window.shape) for window in windows) for windows in partings]
    order = sorted(range(len(partings)), key=lambda at: -covered[at])
    if not order or covered[order[0]] < MOST * len(run) or len(partings[order[0]]) < REPEATS:
        return []
    best = partings[order[0]]
    rivals = (covered[at] for at in order[1:] if not alike(partings[at][0].shape, best[0].shape))
    return best if max(rivals, default=0) <= covered[order[0]] - CLEAR * len(run) else []


def _apart(windows: list[Window], shape: BracketShape) -> list[Window]:
    """Choose windows of a shape, first to last, that do not overlap."""
    chosen: list[Window] = []
    for window in windows:
        if alike(window.shape, shape) and (not chosen or window.start >= chosen[-1].stop):
            chosen.append(window)
    return chosen


def _lone_window(run: FrameRun) -> list[Window]:
    """Find the one set in a run of a frame more: a trial shot before it, say.

    Made-up disks do without; but who takes a trial shot before every set has no other runs.
    """
    length = len(run) - 1
    if length < 3:
        return []
    windows = [window for start in (0, 1) if (window := window_at(run, start, length))]
    return windows if len(windows) == 1 else []


def window_at(run: FrameRun, start: int, length: int) -> Window | None:
    """Look at a part of a run as a set; None if it is none that a camera makes."""
    stop = start + length
    levels = run.levels[start:stop]
    chain = run.chain
    least_step, tolerance = _least_step(run), chain.tolerance
    shape = shape_of(levels, stated=chain.stated, least_step=least_step, tolerance=tolerance)
    if shape is None:
        return None
    frames = run.frames[start:stop]
    contradicted = biases_contradict if chain.stated else looks_contradict
    return None if contradicted(frames, levels) else Window(start, stop, shape)


def biases_contradict(frames: Sequence[Frame], levels: Sequence[float]) -> bool:
    """Tell whether exposure compensation varies, but not as the exposures of one scene would."""
    biases = [frame.bias for frame in frames if frame.bias is not None]
    return (
        len(biases) == len(frames) and len(set(biases)) > 1 and not follows_biases(frames, levels)
    )


def follows_biases(frames: Sequence[Frame], levels: Sequence[float]) -> bool:
    """Tell whether exposures differ as compensation does: the metered light was the same."""
    offsets = [level - (frame.bias or 0.0) for frame, level in zip(frames, levels, strict=True)]
    return max(offsets) - min(offsets) <= BIAS_TOLERANCE


def looks_contradict(frames: Sequence[Frame], levels: Sequence[float]) -> bool:
    """Tell whether pictures do not show one scene; those without a look show none."""
    return not show_one_scene(frames, levels)


def _least_step(run: FrameRun) -> float:
    if not run.chain.stated:
        return LEAST_SEEN_STEP
    return LEAST_STATED_STEP if run.frames[0].mode == "bracket" else LEAST_STEP


def show_one_scene(
    frames: Iterable[Frame], levels: Iterable[float], *, least: float = thumbnail_match.ALIKE
) -> bool:
    """Tell whether pictures show one scene, the brighter exposed one nowhere darker."""
    seen = _darkest_first(frames, levels)
    return seen is not None and thumbnail_match.are_one_scene(seen, least=least)


def show_different_scenes(frames: Iterable[Frame], levels: Iterable[float]) -> bool:
    """Tell whether pictures contradict that they show one scene."""
    seen = _darkest_first(frames, levels)
    return seen is not None and thumbnail_match.are_different_scenes(seen)


def _darkest_first(frames: Iterable[Frame], levels: Iterable[float]) -> list[bytes] | None:
    """Give the looks of frames, least exposed first; None unless all have one."""
    ordered = sorted(zip(levels, frames, strict=True), key=lambda pair: pair[0])
    seen = [frame.look for _, frame in ordered if frame.look is not None]
    return seen if len(seen) == len(ordered) else None

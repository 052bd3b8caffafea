"""Windows: parts of a run that may be a set, since their exposures have a shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from expinterp.brackets import thumbnail_match
from expinterp.brackets.frames import Frame
from expinterp.brackets.runs import FrameRun
from expinterp.brackets.shapes import (
    LEAST_BRIGHTNESS_STEP,
    LEAST_MARKED_STEP,
    LEAST_STEP,
    BracketShape,
    shape_of,
)

BIAS_TOLERANCE = 0.4  # stops between the exposure compensation and the exposure taken
FASTEST, SLOWEST = 1 / 4000, 30.0  # seconds; the shutters of cameras end here or beyond
MOST_MISSING = 1.0  # stops by which the limit of a shutter may reduce a step
_TIME_TOLERANCE = 1.01  # factor by which a stated time may miss the limit


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a run, by its positions in the run, and the shape that it has as a set."""

    start: int
    stop: int
    shape: BracketShape


def window_at(run: FrameRun, start: int, length: int) -> Window | None:
    """Return a part of a run as a window; None if cameras make no such set."""
    part, chain = run.part(start, start + length), run.chain
    frames, levels = part.frames, part.levels
    least, tolerance = _least_step(run), chain.tolerance
    shape = shape_of(levels, stated=chain.stated, least_step=least, tolerance=tolerance)
    if shape is None:
        return None
    if biases_contradict(frames, levels) if chain.stated else not show_one_scene(frames, levels):
        return None
    return Window(start, start + length, shape)


def windows_of(run: FrameRun, length: int) -> list[Window]:
    """Find all windows of a length."""
    starts = range(len(run) - length + 1)
    return [window for start in starts if (window := window_at(run, start, length))]


def _least_step(run: FrameRun) -> float:
    if not run.chain.stated:
        return LEAST_BRIGHTNESS_STEP
    return LEAST_MARKED_STEP if run.frames[0].mode == "bracket" else LEAST_STEP


# --- exposure compensation and thumbnails --------------------------------------------------------


def biases_contradict(frames: Sequence[Frame], levels: Sequence[float]) -> bool:
    """Return whether compensation varies, but not as the exposures of one scene would."""
    biases = {frame.bias for frame in frames}
    return None not in biases and len(biases) > 1 and not follow_biases(frames, levels)


def follow_biases(frames: Sequence[Frame], levels: Sequence[float]) -> bool:
    """Return whether exposures differ as compensation does: the metered light was the same."""
    offsets = [level - (frame.bias or 0.0) for frame, level in zip(frames, levels, strict=True)]
    return max(offsets) - min(offsets) <= BIAS_TOLERANCE


def show_one_scene(
    frames: Iterable[Frame], levels: Iterable[float], *, least: float = thumbnail_match.SAME_SCENE
) -> bool:
    """Return whether all frames have thumbnails, and these show one scene."""
    thumbnails = _darkest_first(frames, levels)
    return thumbnails is not None and thumbnail_match.are_one_scene(thumbnails, least=least)


def show_different_scenes(frames: Iterable[Frame], levels: Iterable[float]) -> bool:
    """Return whether all frames have thumbnails, and these cannot show one scene."""
    thumbnails = _darkest_first(frames, levels)
    return thumbnails is not None and thumbnail_match.are_different_scenes(thumbnails)


def _darkest_first(frames: Iterable[Frame], levels: Iterable[float]) -> list[bytes] | None:
    """Return the thumbnails of frames, least exposed first; None unless all have one."""
    ordered = sorted(zip(levels, frames, strict=True), key=lambda pair: pair[0])
    thumbnails = [frame.thumbnail for _, frame in ordered if frame.thumbnail is not None]
    return thumbnails if len(thumbnails) == len(ordered) else None


# --- sets at the limits of the shutter -----------------------------------------------------------


def shutter_limited_windows(run: FrameRun, shapes: Sequence[BracketShape]) -> Iterator[Window]:
    """Find parts of a run that have a known shape except for one frame at a limit of the shutter.

    No shutter is faster than its fastest time or slower than 30 s, so the last step comes out short.
    """
    if not run.chain.stated:
        return
    for at, frame in enumerate(run.frames):
        time = frame.exposure.time or 1.0
        fast, slow = time <= FASTEST * _TIME_TOLERANCE, time >= SLOWEST / _TIME_TOLERANCE
        for shape in shapes if fast or slow else ():
            start = at - shape.ranks.index(0 if fast else len(shape) - 1)
            stop = start + len(shape)
            if start >= 0 and stop <= len(run) and _is_limited(run, start, at, shape):
                yield Window(start, stop, shape)


def _is_limited(run: FrameRun, start: int, at: int, shape: BracketShape) -> bool:
    """Return whether all frames but the one at `at` have the shape, and that one falls short."""
    places = [place for place in range(start, start + len(shape)) if place != at]
    offsets = [run.levels[place] - shape.ranks[place - start] * shape.stops for place in places]
    if max(offsets) - min(offsets) > 2 * run.chain.tolerance:
        return False
    rank = shape.ranks[at - start]
    missing = run.levels[at] - (sum(offsets) / len(offsets) + rank * shape.stops)
    missing = missing if rank == 0 else -missing
    return run.chain.tolerance < missing <= min(MOST_MISSING, shape.stops - LEAST_STEP)

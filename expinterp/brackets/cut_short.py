"""Sets whose last step was cut short: no shutter is faster than the fastest, or slower than 30 s."""

from __future__ import annotations

from collections.abc import Iterator

from expinterp.brackets.frames import Frame
from expinterp.brackets.habits import RECURRENT, Habit
from expinterp.brackets.runs import FrameRun
from expinterp.brackets.shapes import LEAST_STEP, BracketShape
from expinterp.brackets.windows import Window

FASTEST, SLOWEST = 1 / 4000, 30.0  # seconds; cameras end at or beyond these
MOST_SHORT = 1.0  # stops by which a step may be cut short
_NEARLY = 1.01  # times as written may miss the limit by this factor


def cut_short_windows(run: FrameRun, habit: Habit) -> Iterator[Window]:
    """Find parts of a run that have a recurrent shape but for one frame at a limit of the shutter."""
    if not run.chain.stated:
        return
    shapes = [shape for shape in habit.known if habit.count(shape) >= RECURRENT]
    for at, frame in enumerate(run.frames):
        extreme = _extreme_of(frame)
        for shape in shapes if extreme is not None else ():
            rank = range(len(shape))[extreme or 0]
            start = at - shape.ranks.index(rank)
            stop = start + len(shape)
            if start >= 0 and stop <= len(run) and _is_cut_short(run, start, at, shape):
                yield Window(start, stop, shape)


def _extreme_of(frame: Frame) -> int | None:
    """Tell which rank a frame at a limit has: 0 at the fast one, −1 at the slow one."""
    time = frame.exposure.time or 1.0
    if time <= FASTEST * _NEARLY:
        return 0
    return -1 if time >= SLOWEST / _NEARLY else None


def _is_cut_short(run: FrameRun, start: int, at: int, shape: BracketShape) -> bool:
    """Tell whether all frames but one are as a shape has them, and that one falls short."""
    places = [place for place in range(start, start + len(shape)) if place != at]
    offsets = [run.levels[place] - shape.ranks[place - start] * shape.stops for place in places]
    if max(offsets) - min(offsets) > 2 * run.chain.tolerance:
        return False
    rank = shape.ranks[at - start]
    short = run.levels[at] - (sum(offsets) / len(offsets) + rank * shape.stops)
    short = short if rank == 0 else -short
    return run.chain.tolerance < short <= min(MOST_SHORT, shape.stops - LEAST_STEP)

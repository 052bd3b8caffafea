"""What speaks for a set, and what against it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import pairwise

from expinterp.brackets.frames import Frame
from expinterp.brackets.habits import (
    Habit,
    Habits,
    Window,
    show_different_scenes,
    show_one_scene,
)
from expinterp.brackets.runs import Edge, Run, pause
from expinterp.brackets.shapes import Shape

BIAS_TOLERANCE = 0.4  # stops between what compensation asks for and what dials give
QUICK = 2.0  # seconds between the frames of a set whose shape is seen only once
BIG_STEP = 1.0  # stops between the frames of such a set


class Evidence(Enum):
    """What files themselves say for a set, in the words of a reason."""

    MARKED = "bracketed by the camera"
    COMPENSATED = "exposure compensation steps with the exposure"
    SEEN = "one scene, brighter as it was exposed longer"
    MANUAL = "exposures set by hand"
    SILENT = "exposures differ"
    AUTOMATIC = "automatic exposures differ"


STRONG = {Evidence.MARKED, Evidence.COMPENSATED, Evidence.SEEN}


def evidence_of(frames: Sequence[Frame], levels: Sequence[float], *, stated: bool) -> Evidence:
    """Find the strongest evidence that frames hold."""
    modes = {frame.mode for frame in frames}
    if modes == {"bracket"}:
        return Evidence.MARKED
    if not stated:
        return Evidence.SEEN  # or it would be no window
    if _is_compensated(frames, levels):
        return Evidence.COMPENSATED
    if show_one_scene(frames, levels):
        return Evidence.SEEN
    if modes == {"manual"} and len({frame.exposure.iso for frame in frames}) == 1:
        return Evidence.MANUAL
    return Evidence.AUTOMATIC if modes == {"auto"} else Evidence.SILENT


def _is_compensated(frames: Sequence[Frame], levels: Sequence[float]) -> bool:
    """Tell whether compensation differs as exposures do: the metered light was the same."""
    biases = [frame.bias for frame in frames if frame.bias is not None]
    if len(biases) < len(frames) or len(set(biases)) < len(frames):
        return False
    offsets = [level - bias for level, bias in zip(levels, biases, strict=True)]
    return max(offsets) - min(offsets) <= BIAS_TOLERANCE


def doubt(run: Run, window: Window, habits: Habits, *, set_size: int | None) -> str | None:
    """Say what speaks against a set; None if nothing does."""
    frames = run.frames[window.start : window.stop]
    levels = run.levels[window.start : window.stop]
    habit, shape = habits.of(run.stream), window.shape
    if set_size is not None and len(frames) != set_size:
        return f"of a set of {len(frames)} frames, not {set_size}"
    if show_different_scenes(frames, levels):
        return "pictures show different scenes"
    found = evidence_of(frames, levels, stated=run.stated)
    return _incomplete(_edges(run, window), habit, shape, found) or _too_weak(
        found, habit, shape, habits.unruly[run.stream], frames
    )


def _edges(run: Run, window: Window) -> set[Edge]:
    """Tell what borders on a window: the rest of its run, or what borders on that."""
    before = run.before if window.start == 0 else Edge.JOINED
    after = run.after if window.stop == len(run.frames) else Edge.JOINED
    if Edge.UNKNOWN in {run.before, run.after}:
        return {Edge.UNKNOWN}
    return {before, after}


def _incomplete(edges: set[Edge], habit: Habit, shape: Shape, found: Evidence) -> str | None:
    """Doubt that a set is whole: a number is missing beside it, or the camera makes larger ones."""
    count, wholes = habit.count(shape), habit.wholes(shape)
    proven = edges == {Edge.JOINED}
    if wholes and not (proven and count >= max(2, wholes / 20)):
        return "of a larger set, it seems, with frames missing"
    if Edge.HOLE in edges and count < 3:
        return "pictures beside these are missing, perhaps of this set"
    if len(shape) == 2 and count < 2 and not (proven and found in STRONG):
        return "a lone pair; a third frame may be missing"
    return None


def _too_weak(
    found: Evidence, habit: Habit, shape: Shape, unruly: int, frames: Sequence[Frame]
) -> str | None:
    """Doubt that exposures of single shots did not just happen to form this shape."""
    if found in STRONG or (found is Evidence.MANUAL and len(shape) > 2):
        return None
    if _recurs(found, habit.count(shape), len(shape), unruly):
        return None
    if found is Evidence.SILENT and not unruly and len(shape) > 2 and _looks_made(shape, frames):
        return None
    return "exposures differ, but nothing shows that they were bracketed"


def _recurs(found: Evidence, count: int, length: int, unruly: int) -> bool:
    """Tell whether a shape recurs more often than chance has it.

    Two automatic exposures in thirds of a stop differ by a given step about once in 16 times, three
    form a given shape once in 300 times, five hardly ever.
    """
    if length == 2:
        return found is not Evidence.AUTOMATIC and count >= 3 and unruly <= count / 10
    if length < 5:
        return count >= (3 if found is Evidence.AUTOMATIC else 2) and unruly <= 10 * count
    return count >= (2 if found is Evidence.AUTOMATIC else 1)


def _looks_made(shape: Shape, frames: Sequence[Frame]) -> bool:
    """Tell whether a set that is the only one was taken quickly and in large steps."""
    pauses = [pause(one, other) for one, other in pairwise(frames)]
    quick = all(seconds is not None and seconds <= QUICK for seconds in pauses)
    return quick and shape.stops >= BIG_STEP

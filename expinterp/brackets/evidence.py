"""What speaks for a set, and what against it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from expinterp.brackets.frames import Frame
from expinterp.brackets.habits import RECURRENT, Habit
from expinterp.brackets.shapes import BracketShape
from expinterp.brackets.windows import follows_biases, show_one_scene


class Evidence(Enum):
    """What files themselves say for a set, in the words of a reason."""

    COMPENSATED = "exposure compensation steps with the exposure"
    MARKED = "bracketed by the camera"
    SEEN = "one scene, brighter as it was exposed longer"
    MANUAL = "exposures set by hand"
    SILENT = "exposures differ"
    AUTOMATIC = "automatic exposures differ"


CERTAIN = {Evidence.COMPENSATED, Evidence.SEEN}  # even of a set that is the only one of its kind
STRONG = {*CERTAIN, Evidence.MARKED}


def evidence_of(frames: Sequence[Frame], levels: Sequence[float], *, stated: bool) -> Evidence:
    """Find the strongest evidence that frames hold."""
    if not stated:
        return Evidence.SEEN  # or it would be no window
    if _is_compensated(frames, levels):
        return Evidence.COMPENSATED
    modes = {frame.mode for frame in frames}
    if modes == {"bracket"}:
        return Evidence.MARKED
    if show_one_scene(frames, levels):
        return Evidence.SEEN
    if modes == {"manual"} and len({frame.exposure.iso for frame in frames}) == 1:
        return Evidence.MANUAL
    return Evidence.AUTOMATIC if modes == {"auto"} else Evidence.SILENT


def _is_compensated(frames: Sequence[Frame], levels: Sequence[float]) -> bool:
    """Tell whether each frame has a compensation of its own, which its exposure follows."""
    biases = {frame.bias for frame in frames}
    return None not in biases and len(biases) == len(frames) and follows_biases(frames, levels)


def weakness(
    found: Evidence,
    habit: Habit,
    shape: BracketShape,
    unexplained: Sequence[float],
) -> str | None:
    """Doubt that exposures of single shots did not just happen to form this shape.

    Parameters
    ----------
    found : Evidence
        What the frames hold.
    habit : Habit
        Of their camera.
    shape : BracketShape
    unexplained : sequence of float
        Pauses, in seconds, at which exposures of their stream step but in no set.
    """
    if found in STRONG or (found is Evidence.MANUAL and len(shape) > 2):
        return None
    unruly = sum(not habit.is_slow(pause, shape) for pause in unexplained)
    if _recurs(found, habit.count(shape), len(shape), unruly):
        return None
    return "exposures differ, but nothing shows that they were bracketed"


def _recurs(found: Evidence, count: int, length: int, unruly: int) -> bool:
    """Tell whether a shape recurs more often than chance has it.

    Two automatic exposures in thirds of a stop differ by a given step about once in 16 times, three
    form a given shape once in 300 times.
    """
    automatic = found is Evidence.AUTOMATIC
    if length == 2:
        return not automatic and count >= RECURRENT and unruly <= count / 10
    return count >= (RECURRENT if automatic else 2) and unruly <= 3 * count

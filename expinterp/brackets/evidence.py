"""Evidence that frames were bracketed, and the doubt that remains without it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from expinterp.brackets.camera_shapes import RECURRENT, CameraShapes
from expinterp.brackets.frames import Frame
from expinterp.brackets.shapes import BracketShape
from expinterp.brackets.windows import follow_biases, show_one_scene


class Evidence(Enum):
    """What the files show about a set, in the words of its reason."""

    COMPENSATED = "exposure compensation steps with the exposure"
    MARKED = "marked as a bracket by the camera"
    SEEN = "one scene, brighter with more exposure"
    MANUAL = "exposures set by hand"
    SILENT = "exposures differ"
    AUTOMATIC = "automatic exposures differ"


CERTAIN = {Evidence.COMPENSATED, Evidence.SEEN}  # even for the only set of its kind
STRONG = {*CERTAIN, Evidence.MARKED}


def evidence_of(frames: Sequence[Frame], levels: Sequence[float], *, stated: bool) -> Evidence:
    """Return the strongest evidence that the frames of a window hold."""
    if not stated:
        return Evidence.SEEN  # a condition of such windows
    biases = {frame.bias for frame in frames}
    if None not in biases and len(biases) == len(frames) and follow_biases(frames, levels):
        return Evidence.COMPENSATED
    modes = {frame.mode for frame in frames}
    if modes == {"bracket"}:
        return Evidence.MARKED
    if show_one_scene(frames, levels):
        return Evidence.SEEN
    if modes == {"manual"} and len({frame.exposure.iso for frame in frames}) == 1:
        return Evidence.MANUAL
    return Evidence.AUTOMATIC if modes == {"auto"} else Evidence.SILENT


def doubt(
    evidence: Evidence, known: CameraShapes, shape: BracketShape, unexplained: Sequence[float]
) -> str | None:
    """Return why single shots may have this shape by coincidence; None if that is unlikely.

    Two automatic exposures in thirds of a stop differ by a given step about once in 16 times, three
    form a given shape once in 300 times. So shapes must recur, and outnumber other steps.

    Parameters
    ----------
    evidence : Evidence
        Of the frames.
    known : CameraShapes
        Of their camera.
    shape : BracketShape
    unexplained : sequence of float
        Pauses, in seconds, at which exposures of the same stream step outside any set.
    """
    if evidence in STRONG or (evidence is Evidence.MANUAL and len(shape) > 2):
        return None
    automatic, count = evidence is Evidence.AUTOMATIC, known.count(shape)
    others = sum(not known.is_slow(pause, shape) for pause in unexplained)
    if len(shape) == 2:
        recurs = not automatic and count >= RECURRENT and others <= count / 10
    else:
        recurs = count >= (RECURRENT if automatic else 2) and others <= 3 * count
    return None if recurs else "exposures differ, but nothing shows that they were bracketed"

"""Check that a set is complete: it may be what remains of a larger one after files were lost."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from expinterp.brackets.camera_shapes import RECURRENT, CameraShapes
from expinterp.brackets.chains import Chain, idle_between
from expinterp.brackets.runs import FrameRun, counts_on
from expinterp.brackets.shapes import (
    LEAST_MARKED_STEP,
    BracketShape,
    is_remainder,
    rank,
    shape_of,
    smallest_step,
)
from expinterp.brackets.thumbnail_match import OTHER_SCENE
from expinterp.brackets.windows import show_one_scene

BESIDE = 3  # frames before and after a set that may show more of its scene
SAME_BRIGHTNESS = 0.08  # stops of brightness within which two pictures are exposed alike
NEAR = 15.0  # seconds within which a shot beside a set may belong to it
_STEP_ROUNDING = 1 / 12  # stops by which the step of a shape is rounded
INCOMPLETE = "probably part of a larger set with missing frames"
SINGLE_PAIR = "the only pair; a third frame may be missing"
AFTER_PAUSE = "the shot beside this set would make it larger, but the pause is longer than --gap"
MORE = "more pictures of this scene beside this set"
MISSING_BESIDE = "file numbers beside this set are missing, and may belong to it"


def find_lack(
    part: FrameRun, shape: BracketShape, known: CameraShapes, *, certain: bool
) -> str | None:
    """Return why a set may be incomplete; None if it seems complete.

    Parameters
    ----------
    part : FrameRun
        The set.
    shape : BracketShape
    known : CameraShapes
        Of the camera.
    certain : bool
        Whether these frames, complete or not, are of one bracket.
    """
    count = known.tally(shape).complete
    for whole in known.repeated:
        if len(whole) > len(shape) and _may_remain(part, shape, whole, known):
            return INCOMPLETE
    if part.chain.stated and (reason := _goes_on(part)):
        return reason
    if not part.chain.stated and _shows_more(part):
        return MORE
    missing = part.missing_beside()
    if any(number not in {0, None} for number in missing) and known.count(shape) < RECURRENT:
        return MISSING_BESIDE
    if len(shape) == 2 and count < 2 and not (certain and missing == (0, 0)):
        return SINGLE_PAIR
    return None


def _may_remain(
    part: FrameRun, shape: BracketShape, whole: BracketShape, known: CameraShapes
) -> bool:
    """Return whether a set may be all that remains of a larger one."""
    count, often, size = known.tally(shape).complete, known.count(whole), len(shape)
    if part.chain.numbers is None:
        return count < max(RECURRENT, often / 2) and is_remainder(shape, whole)
    rare = count < max(RECURRENT, often / 4)
    repeated = _repeated(part, shape, known)
    places = range(part.start, part.stop)
    begins = (rare or repeated[1]) and _fits(part.chain, places, whole.ranks[:size], whole)
    ends = repeated[0] and _fits(part.chain, places, whole.ranks[-size:], whole)
    shifts = range(len(whole) - size + 1)
    return begins or ends or any(_may_be_in(part, whole, shift) for shift in shifts)


def _repeated(part: FrameRun, shape: BracketShape, known: CameraShapes) -> tuple[bool, bool]:
    """Return whether the first and the last frame may have been taken twice within one set."""
    chain, start, stop = part.chain, part.start, part.stop

    def is_repeat(at: int) -> bool:
        """Return whether a frame and the next have one exposure, taken as quickly as a set."""
        if abs(chain.levels[at + 1] - chain.levels[at]) >= chain.tolerance:
            return False
        seconds = idle_between(*chain.frames[at : at + 2])
        return seconds is None or (seconds <= NEAR and not known.is_slow(seconds, shape))

    return start > 0 and is_repeat(start - 1), stop < len(chain.frames) and is_repeat(stop - 1)


def _may_be_in(part: FrameRun, whole: BracketShape, shift: int) -> bool:
    """Return whether the file numbers around a set, from `shift` before it, may be a larger set.

    Its other frames are missing; or they are there, exposed as they should be, but separated by a
    pause or by another missing frame.
    """
    chain, numbers = part.chain, part.chain.numbers
    assert numbers is not None
    found: list[int] = []
    ranks: list[int] = []
    for place, level_rank in enumerate(whole.ranks, numbers[part.start] - shift):
        at = bisect_left(numbers, place)
        if at < len(numbers) and numbers[at] == place:
            found.append(at)
            ranks.append(level_rank)
    others = [at for at in found if not part.start <= at < part.stop]
    return all(_is_near(part, at) for at in others) and _fits(chain, found, ranks, whole)


def _is_near(part: FrameRun, at: int) -> bool:
    """Return whether a frame was taken shortly before or after a set."""
    frames = part.chain.frames
    pair = (at, part.start) if at < part.start else (part.stop - 1, at)
    seconds = idle_between(*(frames[place] for place in pair))
    return seconds is None or seconds <= NEAR


def _goes_on(part: FrameRun) -> str | None:
    """Return why the frame beside a set, which would make it larger, is not part of it.

    Either a pause separates them, or the frame has another mode: a camera may not mark the one
    frame of a bracket that it does not compensate.
    """
    chain, frames = part.chain, part.chain.frames
    for at, edge in ((part.start - 1, part.start), (part.stop, part.stop - 1)):
        if not 0 <= at < len(frames):
            continue
        same_mode = frames[at].mode == frames[edge].mode
        if same_mode and not counts_on(*(frames[place].shot for place in sorted((at, edge)))):
            continue  # the camera started a new set
        levels = chain.levels[min(at, part.start) : max(at + 1, part.stop)]
        larger = shape_of(
            levels, stated=True, least_step=LEAST_MARKED_STEP, tolerance=chain.tolerance
        )
        if larger is not None and _is_near(part, at):
            return AFTER_PAUSE if same_mode else INCOMPLETE
    return None


def _shows_more(part: FrameRun) -> bool:
    """Return whether a frame nearby may show the same scene with another exposure.

    The similarity asked for is low, as that of nearly white or black pictures is.
    """
    chain, inside = part.chain, range(part.start, part.stop)
    for at in range(part.start - BESIDE, part.stop + BESIDE):
        if 0 <= at < len(chain.frames) and at not in inside:
            levels = [chain.levels[place] for place in (*inside, at)]
            frames = [chain.frames[place] for place in (*inside, at)]
            different = smallest_step(levels) >= SAME_BRIGHTNESS
            if different and show_one_scene(frames, levels, least=OTHER_SCENE):
                return True
    return False


def _fits(chain: Chain, places: Sequence[int], ranks: Sequence[int], whole: BracketShape) -> bool:
    """Return whether frames are exposed as those of a larger set with these ranks would be."""
    levels = [chain.levels[at] for at in places]
    if not whole.step:
        frames = [chain.frames[at] for at in places]
        return rank(levels) == rank(ranks) and show_one_scene(frames, levels)
    offsets = [level - place * whole.stops for level, place in zip(levels, ranks, strict=True)]
    return max(offsets) - min(offsets) <= 2 * chain.tolerance + _STEP_ROUNDING * len(places)

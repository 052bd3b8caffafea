"""Whether a set is whole, or what is left of a larger one: lost files, pauses, broken-off sets."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from expinterp.brackets.chains import Chain, idle
from expinterp.brackets.habits import RECURRENT, Habit, holes_beside
from expinterp.brackets.runs import FrameRun, counts_on
from expinterp.brackets.shapes import (
    LEAST_STATED_STEP,
    BracketShape,
    is_remnant,
    rank,
    shape_of,
    smallest_step,
)
from expinterp.brackets.thumbnail_match import UNLIKE
from expinterp.brackets.windows import Window, show_one_scene

BESIDE = 3  # frames before and after a set that may show more of its scene
REPEATED = 0.08  # stops of brightness within which two pictures are exposed alike
NEAR = 15.0  # seconds within which a shot beside a set may be a frame that it lacks
_STEP_SLACK = 1 / 12  # stops by which the step of a shape is rounded
REMNANT = "of a larger set, it seems, with frames missing"
LONE_PAIR = "a lone pair; a third frame may be missing"
PAUSED = "a shot beside these, after a pause longer than --gap, would make a larger set"
MORE = "more pictures of this scene beside these"
HOLED = "pictures beside these are missing, perhaps of this set"


def lack(run: FrameRun, window: Window, habit: Habit, *, certain: bool) -> str | None:
    """Say why a set may not be whole; None if it seems to be.

    Parameters
    ----------
    run : FrameRun
    window : Window
        The set, part of `run`.
    habit : Habit
        Of the camera.
    certain : bool
        Whether these frames, whole or not, are of one bracket.
    """
    setting = FrameRun(run.chain, run.start + window.start, run.start + window.stop)
    shape, count = window.shape, habit.count(window.shape, holed=False)
    for whole in habit.wholes:
        if len(whole) > len(shape) and _may_be_left_of(setting, shape, whole, count, habit):
            return REMNANT
    if run.chain.stated and (reason := _goes_on(setting)):
        return reason
    if not run.chain.stated and _shows_more(setting):
        return MORE
    holes = holes_beside(run, window)
    if any(hole not in {0, None} for hole in holes) and habit.count(shape) < RECURRENT:
        return HOLED
    if len(shape) == 2 and count < 2 and not (certain and holes == (0, 0)):
        return LONE_PAIR
    return None


def _may_be_left_of(
    setting: FrameRun, shape: BracketShape, whole: BracketShape, count: int, habit: Habit
) -> bool:
    """Tell whether a set may be all that is left of a larger one."""
    often = habit.count(whole)
    if setting.chain.counts is None:
        return count < max(RECURRENT, often / 2) and is_remnant(shape, whole)
    rare = count < max(RECURRENT, often / 4)
    piece, size = range(setting.start, setting.stop), len(shape)
    repeated = _repeated(setting, habit, shape)
    begins = (rare or repeated[1]) and _fits(setting.chain, piece, whole.ranks[:size], whole)
    ends = repeated[0] and _fits(setting.chain, piece, whole.ranks[-size:], whole)
    shifts = range(len(whole) - size + 1)
    return begins or ends or any(_could_stand(setting, whole, shift) for shift in shifts)


def _repeated(setting: FrameRun, habit: Habit, shape: BracketShape) -> tuple[bool, bool]:
    """Tell whether the first and the last frame may have been taken twice within one set."""
    count, start, stop = len(setting.chain.frames), setting.start, setting.stop
    before = start > 0 and _is_repeat(setting.chain, start - 1, habit, shape)
    return before, stop < count and _is_repeat(setting.chain, stop - 1, habit, shape)


def _is_repeat(chain: Chain, at: int, habit: Habit, shape: BracketShape) -> bool:
    """Tell whether a frame and the next one are exposed alike, as quickly as in a set."""
    if abs(chain.levels[at + 1] - chain.levels[at]) >= chain.tolerance:
        return False
    seconds = idle(*chain.frames[at : at + 2])
    return seconds is None or (seconds <= NEAR and not habit.is_slow(seconds, shape))


def _could_stand(setting: FrameRun, whole: BracketShape, shift: int) -> bool:
    """Tell whether a larger set could have been where this one is: its other frames are missing.

    They may also be there, exposed as they should be: a pause, or another lost frame, parts them.
    """
    chain = setting.chain
    assert chain.counts is not None
    first = chain.counts[setting.start] - shift
    found: list[int] = []
    ranks: list[int] = []
    for place, level_rank in enumerate(whole.ranks, first):
        at = bisect_left(chain.counts, place)
        if at < len(chain.counts) and chain.counts[at] == place:
            found.append(at)
            ranks.append(level_rank)
    inside = range(setting.start, setting.stop)
    others = [at for at in found if at not in inside]
    if not all(_is_near(setting, at) for at in others):
        return False
    return _fits(chain, found, ranks, whole)


def _is_near(setting: FrameRun, at: int) -> bool:
    """Tell whether a frame was taken shortly before or after a set."""
    frames = setting.chain.frames
    if at < setting.start:
        seconds = idle(frames[at], frames[setting.start])
    else:
        seconds = idle(frames[setting.stop - 1], frames[at])
    return seconds is None or seconds <= NEAR


def _goes_on(setting: FrameRun) -> str | None:
    """Say why a frame right beside, that would make an even larger set, is none of this one.

    Either a pause parts them; or it was taken in another mode, as a camera may not mark the one
    frame of a bracket that it does not compensate.
    """
    chain, frames = setting.chain, setting.chain.frames
    for at, edge in ((setting.start - 1, setting.start), (setting.stop, setting.stop - 1)):
        if not 0 <= at < len(frames):
            continue
        alike = frames[at].mode == frames[edge].mode
        if alike and not counts_on(*(frames[place].shot for place in sorted((at, edge)))):
            continue  # the camera began a set anew
        levels = chain.levels[min(at, setting.start) : max(at + 1, setting.stop)]
        larger = shape_of(
            levels, stated=True, least_step=LEAST_STATED_STEP, tolerance=chain.tolerance
        )
        if larger is not None and _is_near(setting, at):
            return PAUSED if alike else REMNANT
    return None


def _shows_more(setting: FrameRun) -> bool:
    """Tell whether a frame shortly before or after may show the same scene, exposed otherwise.

    Where it is all but white or black, likeness is low.
    """
    chain, inside = setting.chain, range(setting.start, setting.stop)
    for at in range(setting.start - BESIDE, setting.stop + BESIDE):
        if 0 <= at < len(chain.frames) and at not in inside:
            together = [*inside, at]
            levels = [chain.levels[place] for place in together]
            frames = [chain.frames[place] for place in together]
            if smallest_step(levels) >= REPEATED and show_one_scene(frames, levels, least=UNLIKE):
                return True
    return False


def _fits(chain: Chain, places: Sequence[int], ranks: Sequence[int], whole: BracketShape) -> bool:
    """Tell whether frames are exposed as those of a set with these ranks would be."""
    levels = [chain.levels[at] for at in places]
    if not whole.step:
        frames = [chain.frames[at] for at in places]
        return rank(levels) == rank(ranks) and show_one_scene(frames, levels)
    offsets = [level - place * whole.stops for level, place in zip(levels, ranks, strict=True)]
    return max(offsets) - min(offsets) <= 2 * chain.tolerance + _STEP_SLACK * len(places)

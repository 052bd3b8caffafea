"""Runs: frames that follow each other without a break in time, settings or file numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from expinterp.brackets.chains import Chain, idle_between, pause_between, stream_of
from expinterp.brackets.frames import Frame
from expinterp.brackets.thumbnail_match import (
    MAYBE_SAME_SCENE,
    edges_of,
    similarity,
    unpack_thumbnails,
)

CLOCK_TICK = 1.0  # seconds; many cameras state no fractions
_FOCAL_TOLERANCE = 0.02  # of the focal length: the zoom position a camera states varies


@dataclass(frozen=True, slots=True)
class FrameRun:
    """A part of a chain: a run without a break, or a set in it.

    Attributes
    ----------
    chain : Chain
    start, stop : int
        Its position in the chain.
    """

    chain: Chain
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Its frames, in the order of capture."""
        return self.chain.frames[self.start : self.stop]

    @property
    def levels(self) -> tuple[float, ...]:
        """Their exposure or brightness in stops."""
        return self.chain.levels[self.start : self.stop]

    def part(self, start: int, stop: int) -> FrameRun:
        """Return the part between two positions in this run."""
        return FrameRun(self.chain, self.start + start, self.start + stop)

    def longest_pause(self) -> float | None:
        """Return the longest pause in seconds, without dark frames; None if one is unknown."""
        pauses = [idle_between(one, other) for one, other in pairwise(self.frames)]
        return None if None in pauses else max(seconds for seconds in pauses if seconds is not None)

    def missing_beside(self) -> tuple[int | None, int | None]:
        """Count the file numbers missing before and after this part; None where unknown."""
        numbers, start, stop = self.chain.numbers, self.start, self.stop
        if numbers is None:
            return None, None
        before = numbers[start] - numbers[start - 1] - 1 if start else None
        after = numbers[stop] - numbers[stop - 1] - 1 if stop < len(numbers) else None
        return before, after


def run_of(frames: Sequence[Frame], levels: tuple[float, ...], *, stated: bool) -> FrameRun:
    """Return frames of one stream, put together by people, as a run."""
    chain = Chain(tuple(frames), levels, stated, None, stream_of(frames[0]))
    return FrameRun(chain, 0, len(frames))


def find_runs(chain: Chain, *, gap: float) -> Iterator[FrameRun]:
    """Cut a chain where a frame does not follow the one before.

    Parameters
    ----------
    chain : Chain
    gap : float
        Longest pause within a bracket, in seconds from the end of an exposure.
    """
    similar = _match_thumbnails(chain)
    start = 0
    for at in range(1, len(chain.frames)):
        one, other = chain.frames[at - 1], chain.frames[at]
        numbered_on = chain.numbers is None or chain.numbers[at] == chain.numbers[at - 1] + 1
        if not (numbered_on and similar[at - 1] and follows(one, other, gap=gap)):
            yield FrameRun(chain, start, at)
            start = at
    yield FrameRun(chain, start, len(chain.frames))


def follows(one: Frame, other: Frame, *, gap: float) -> bool:
    """Return whether a frame may belong to the bracket of the one before it."""
    return (
        _in_time(one, other, gap)
        and _same_lens(one, other)
        and one.mode == other.mode
        and counts_on(one.shot, other.shot)
    )


def _in_time(one: Frame, other: Frame, gap: float) -> bool:
    """Return whether the pause is short; some cameras state the end of the exposure."""
    pause, idle = pause_between(one, other), idle_between(one, other)
    if pause is None or idle is None:
        return one.captured is None and other.captured is None
    backwards = pause + (one.exposure.time or 0.0) < 0
    return not backwards and idle <= gap + CLOCK_TICK


def _same_lens(one: Frame, other: Frame) -> bool:
    """Return whether zoom and aperture are equal; aperture may differ if it alone varies exposure."""
    zoom, other_zoom = one.focal_length, other.focal_length
    if zoom and other_zoom and not math.isclose(zoom, other_zoom, rel_tol=_FOCAL_TOLERANCE):
        return False
    a, b = one.exposure, other.exposure
    return a.f_number == b.f_number or (a.time, a.iso) == (b.time, b.iso)


def counts_on(one: int | None, other: int | None) -> bool:
    """Return whether the camera's own shot numbers continue from one frame to the next."""
    return one is None or other is None or other == one + 1


def _match_thumbnails(chain: Chain) -> Sequence[bool]:
    """Return for each frame but the last whether the next may show the same scene.

    Only where exposures are not stated. Pictures far apart in exposure may look different, so the
    frame before and the one after are compared too.
    """
    count = len(chain.frames)
    if chain.stated or count < 2:
        return [True] * (count - 1)
    edges = edges_of(unpack_thumbnails([frame.thumbnail or b"" for frame in chain.frames]))
    near, far = (similarity(edges[:-lag], edges[lag:]) >= MAYBE_SAME_SCENE for lag in (1, 2))
    return [bool(near[at] or far[max(0, at - 1) : at + 1].any()) for at in range(count - 1)]

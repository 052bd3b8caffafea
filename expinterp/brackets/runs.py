"""Runs: frames that follow each other without a break in time, settings or numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from expinterp.brackets import thumbnail_match
from expinterp.brackets.chains import Chain, idle, pause
from expinterp.brackets.frames import Frame

RESOLUTION = 1.0  # seconds; many cameras state no fractions
_FOCAL_TOLERANCE = 0.02  # of the focal length: zoom positions waver


@dataclass(frozen=True, slots=True)
class FrameRun:
    """A part of a chain without a break.

    Attributes
    ----------
    chain : Chain
    start, stop : int
        Where it lies in the chain.
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


def find_runs(chain: Chain, *, gap: float) -> Iterator[FrameRun]:
    """Cut a chain where one frame does not follow on the one before.

    Parameters
    ----------
    chain : Chain
    gap : float
        Longest pause within a bracket, in seconds from the end of an exposure.
    """
    seen = _seen_together(chain)
    start = 0
    for at in range(1, len(chain.frames)):
        one, other = chain.frames[at - 1], chain.frames[at]
        counts_on = chain.counts is None or chain.counts[at] == chain.counts[at - 1] + 1
        if not (counts_on and seen[at - 1] and follows(one, other, gap=gap)):
            yield FrameRun(chain, start, at)
            start = at
    yield FrameRun(chain, start, len(chain.frames))


def follows(one: Frame, other: Frame, *, gap: float) -> bool:
    """Tell whether a frame may belong to the bracket of the one before it."""
    return (
        _in_time(one, other, gap)
        and _same_lens(one, other)
        and one.mode == other.mode
        and counts_on(one.shot, other.shot)
    )


def _in_time(one: Frame, other: Frame, gap: float) -> bool:
    """Tell whether the pause is short; some cameras state the end of the exposure."""
    from_end, seconds_idle = pause(one, other), idle(one, other)
    if from_end is None or seconds_idle is None:
        return one.captured is None and other.captured is None
    backwards = from_end + (one.exposure.time or 0.0) < 0
    return not backwards and seconds_idle <= gap + RESOLUTION


def _same_lens(one: Frame, other: Frame) -> bool:
    """Tell whether zoom and aperture stayed, or the aperture alone makes the exposure."""
    focal = one.focal_length, other.focal_length
    if (
        focal[0]
        and focal[1]
        and abs(focal[0] - focal[1]) > _FOCAL_TOLERANCE * max(focal[0], focal[1])
    ):
        return False
    a, b = one.exposure, other.exposure
    return a.f_number == b.f_number or (a.time, a.iso) == (b.time, b.iso)


def counts_on(one: int | None, other: int | None) -> bool:
    """Tell whether the camera counts on from one shot to the next."""
    return one is None or other is None or other == one + 1


def _seen_together(chain: Chain) -> list[bool]:
    """Tell for each frame but the last whether pictures go on showing the same scene.

    Only where exposures are not stated. Far apart in exposure two pictures may look different, so
    their neighbours are compared too.
    """
    count = len(chain.frames)
    if chain.stated or count < 2:
        return [True] * (count - 1)
    edges = thumbnail_match.edges_of(
        thumbnail_match.read_looks([frame.look or b"" for frame in chain.frames])
    )
    near, far = (
        thumbnail_match.likeness(edges[:-lag], edges[lag:]) >= thumbnail_match.LINKED
        for lag in (1, 2)
    )
    return [bool(near[at] or far[max(0, at - 1) : at + 1].any()) for at in range(count - 1)]

"""Chains and runs: the frames of one camera in the order in which they were taken.

A *place* is a folder, or all folders that a camera numbered (``100CANON``, ``101CANON``). A *stream*
holds the frames of one camera in a place, of one size and format, ordered by file numbers where
names have them: these separate bodies of one model and shots of one second, and show which frames
are missing. Other frames are ordered by time of capture, then name. A *run* is a part of a chain
without a break in time, settings, scene or file numbers.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from expinterp.brackets import names
from expinterp.brackets import thumbnail_match as match
from expinterp.brackets.frames import Frame, group_frames, is_nominal
from expinterp.brackets.names import LAST_NUMBER, read_file_number
from expinterp.text import natural_key

Numbered: TypeAlias = list[tuple[int, Frame]]  # frames by file number

LONG_EXPOSURE = 1.0  # seconds; from here cameras may take a dark frame of the same length
CLOCK_TICK = 1.0  # seconds; many cameras state no fractions
NOMINAL = 0.1  # stops by which exposures of nominal times may miss even steps
TOLERANCE = 0.25  # stops; the same for other times
SAME_EXPOSURE = 0.25  # stops within which two shots are exposed alike
MEAN_BRIGHTNESS_STEP = 0.6  # stops of brightness between adjacent exposures, on average
_FOCAL_TOLERANCE = 0.02  # of the focal length: the zoom position a camera states varies


class Stream(NamedTuple):
    """What the frames of a stream have in common."""

    place: str
    camera: str | None
    serial: str | None
    stated: bool  # whether exposures are known, not only brightness
    format: tuple[object, ...]  # size, depth and file format


@dataclass(frozen=True, slots=True)
class Chain:
    """Frames of a stream in the order in which they were taken."""

    frames: tuple[Frame, ...]
    levels: tuple[float, ...]  # stops: exposures where stated, else brightness of the thumbnails
    stream: Stream
    numbers: tuple[int, ...] | None = None  # of the files, counted on after 9999; None: no numbers
    damaged: frozenset[int] = frozenset()  # numbers of files that are there, but cannot be used
    tolerance: float = TOLERANCE  # stops by which exposures may miss even steps

    def missing(self, at: int, *, damaged: bool = False) -> bool:
        """Return whether files before a position are known to be missing, or also are damaged."""
        if self.numbers is None or not 0 < at < len(self.numbers):
            return False
        between = range(self.numbers[at - 1] + 1, self.numbers[at])
        return any(damaged or number not in self.damaged for number in between)


@dataclass(frozen=True, slots=True)
class FrameRun:
    """A part of a chain, by its positions: a run without a break, or a set in it."""

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

    def damaged_within(self, margin: int = 0) -> bool:
        """Return whether a file between its frames, or up to `margin` beside, cannot be used."""
        numbers = (self.chain.numbers or ())[self.start : self.stop]
        return any(numbers[0] - margin <= n <= numbers[-1] + margin for n in self.chain.damaged)

    def longest_pause(self) -> float | None:
        """Return the longest pause in seconds, without dark frames; None if one is unknown."""
        pauses = [idle_between(one, other) for one, other in pairwise(self.frames)]
        return None if None in pauses else max(filter(None, pauses), default=0.0)

    def missing_beside(self, *, damaged: bool = False) -> bool:
        """Return whether file numbers beside this part are missing, or also files are damaged."""
        return any(self.chain.missing(at, damaged=damaged) for at in (self.start, self.stop))


def place_of(frame: Frame) -> str:
    """Return the place of a frame."""
    parent, _, name = frame.folder.rpartition("/")
    return parent if names.next_folder(name) else frame.folder


def stream_of(frame: Frame) -> Stream:
    """Return the stream of a frame."""
    kind, camera = (frame.size, frame.depth, frame.format), frame.exposure.camera
    return Stream(place_of(frame), camera, frame.serial, frame.ev is not None, kind)


def find_chains(frames: Iterable[Frame], damaged: Iterable[Frame] = ()) -> Iterator[Chain]:
    """Order frames that have a level; `damaged` are the other files of shots."""
    absent = group_frames(damaged, place_of)
    for stream, members in group_frames(frames, stream_of).items():
        for line in _numbered_lines(members, absent.get(stream.place, ())):
            here = [(number, frame) for number, frame in line if not frame.problem]
            numbers = tuple(number for number, _ in here)
            lost = frozenset(number for number, frame in line if frame.problem)
            chain = make_chain([frame for _, frame in here], stream)
            yield replace(chain, numbers=numbers, damaged=lost)
        others = [frame for frame in members if read_file_number(frame.stem) is None]
        for dated in group_frames(others, lambda frame: frame.captured is None).values():
            yield make_chain(sort_by_time(dated), stream)


def make_chain(frames: Sequence[Frame], stream: Stream) -> Chain:
    """Build a chain of frames that are in order, and have exposures or thumbnails."""
    if stream.stated:
        nominal = all(is_nominal(frame.exposure.time or 1.0) for frame in frames)
        levels = tuple(frame.ev or 0.0 for frame in frames)
        return Chain(tuple(frames), levels, stream, tolerance=NOMINAL if nominal else TOLERANCE)
    blocks = match.unpack_thumbnails([frame.thumbnail or b"" for frame in frames])
    return Chain(tuple(frames), tuple(match.brightness(blocks).tolist()), stream)


# --- by file number ------------------------------------------------------------------------------


def _numbered_lines(frames: Iterable[Frame], damaged: Iterable[Frame]) -> Iterator[Numbered]:
    """Order the frames that a camera numbered; folders that continue each other form one line."""
    groups: dict[tuple[str, str], Numbered] = defaultdict(list)
    for frame in (*frames, *damaged):
        if named := read_file_number(frame.stem):
            key = frame.folder, named.prefix.casefold()
            if key in groups or not frame.problem:
                groups[key].append((named.number, frame))
    open_lines: dict[tuple[str | None, str], Numbered] = {}
    for folder, prefix in sorted(groups, key=lambda group: (natural_key(group[0]), group)):
        line = _unwrap(groups[folder, prefix])
        before = open_lines.pop((folder, prefix), None)
        if before and (shift := _continuing_shift(before[-1][0], line[0][0])) is not None:
            before += [(number + shift, frame) for number, frame in line]
            line = before
        elif before:
            yield before
        open_lines[names.next_folder(folder) or f"{folder}/", prefix] = line
    yield from open_lines.values()


def _unwrap(group: Numbered) -> Numbered:
    """Order a folder by file number; numbers that started again after 9999 come last."""
    line = sorted(group, key=lambda member: (member[0], member[1].path))
    if line[-1][0] != LAST_NUMBER or line[0][0] > 1:
        return line
    cut = _start_of(line)
    shift = LAST_NUMBER + 1 - line[0][0]
    return line[cut:] + [(number + shift, frame) for number, frame in line[:cut]]


def _start_of(line: Numbered) -> int:
    """Return where the numbers of a full card begin: where time goes back most, else after a gap."""
    times = [(at, frame.local_time) for at, (_, frame) in enumerate(line) if frame.captured]
    back, cut = max(((a[1] - b[1], b[0]) for a, b in pairwise(times)), default=(0.0, 0))
    if back > 0:
        return cut
    steps = [other[0] - one[0] for one, other in pairwise(line)]
    return steps.index(max(steps)) + 1 if max(steps, default=0) > 1 else 0


def _continuing_shift(last: int, first: int) -> int | None:
    """Return what to add to the numbers of a folder that continues one ending in `last`, or None."""
    continues = (last - first + 1) % LAST_NUMBER == 0
    restarts = last % LAST_NUMBER == 0 and first in {0, 1}
    return last + 1 - first if continues or restarts else None


# --- by time -------------------------------------------------------------------------------------


def _moments(frames: Sequence[Frame]) -> list[float]:
    """Return when frames were captured, in seconds since 1970: in UTC where all state the offset."""
    universal = [frame.universal_time for frame in frames if frame.universal_time is not None]
    return universal if len(universal) == len(frames) else [frame.local_time for frame in frames]


def sort_by_time(frames: Sequence[Frame]) -> list[Frame]:
    """Sort frames by time of capture, those of the same moment by name."""
    timed = zip(_moments(frames), frames, strict=True)
    line = sorted(timed, key=lambda each: (each[0], natural_key(each[1].stem), each[1].path))
    return [frame for _, frame in line]


def pause_between(one: Frame, other: Frame) -> float | None:
    """Return the seconds from the end of one exposure to the start of the next; None if unknown."""
    if one.captured is None or other.captured is None:
        return None
    start, end = _moments([one, other])
    return end - start - (one.exposure.time or 0.0)


def idle_between(one: Frame, other: Frame) -> float | None:
    """Return the pause between two frames, less the dark frame that a long exposure may need."""
    pause = pause_between(one, other)
    longest = max(one.exposure.time or 0.0, other.exposure.time or 0.0)
    return None if pause is None else pause - (longest if longest >= LONG_EXPOSURE else 0.0)


# --- runs ----------------------------------------------------------------------------------------


def find_runs(chain: Chain, *, gap: float) -> Iterator[FrameRun]:
    """Cut a chain where a frame does not follow the one before, or pauses longer than `gap` seconds.

    Where all frames of a run state one exposure, but their pictures differ in brightness, a filter,
    the aperture ring or the lights made the exposures: the pictures are believed.
    """
    for run in _cut(chain, gap):
        equal = chain.stream.stated and max(run.levels) - min(run.levels) < SAME_EXPOSURE
        if equal and len(run) > 1 and all(frame.thumbnail for frame in run.frames):
            seen = make_chain(run.frames, chain.stream._replace(stated=False))
            if max(seen.levels) - min(seen.levels) >= MEAN_BRIGHTNESS_STEP:
                numbers = chain.numbers and chain.numbers[run.start : run.stop]
                yield from _cut(replace(seen, numbers=numbers, damaged=chain.damaged), gap)
                continue
        yield run


def _cut(chain: Chain, gap: float) -> Iterator[FrameRun]:
    """Cut a chain into runs, by its levels as they are."""
    start, frames, similar = 0, chain.frames, _may_be_one_scene(chain)
    for at in range(1, len(frames)):
        continues = similar[at - 1] and follows(frames[at - 1], frames[at], gap=gap)
        if chain.missing(at) or not continues:
            yield FrameRun(chain, start, at)
            start = at
    yield FrameRun(chain, start, len(frames))


def follows(one: Frame, other: Frame, *, gap: float) -> bool:
    """Return whether a frame may belong to the bracket of the one before it.

    It is so only after a short pause: some cameras state the end of the exposure.
    """
    same_light = one.mode == other.mode and bool(one.flash) == bool(other.flash)
    pause, idle = pause_between(one, other), idle_between(one, other)
    if pause is None or idle is None:
        in_time = one.captured is None and other.captured is None
    else:
        in_time = pause + (one.exposure.time or 0.0) >= 0 and idle <= gap + CLOCK_TICK
    return same_light and in_time and counts_on(one, other) and _same_lens(one, other)


def counts_on(one: Frame, other: Frame) -> bool:
    """Return whether the camera's own shot numbers continue from one frame to the next."""
    return one.shot is None or other.shot is None or other.shot == one.shot + 1


def _same_lens(one: Frame, other: Frame) -> bool:
    """Return whether zoom and aperture are equal; aperture may be what the camera brackets."""
    zoom, other_zoom = one.focal_length, other.focal_length
    if zoom and other_zoom and not math.isclose(zoom, other_zoom, rel_tol=_FOCAL_TOLERANCE):
        return False
    a, b = one.exposure, other.exposure
    marked = one.mode == other.mode == "bracket"
    return a.f_number == b.f_number or (a.time, a.iso) == (b.time, b.iso) or marked


def _may_be_one_scene(chain: Chain) -> Sequence[bool]:
    """Return for each frame but the last whether the next may show the same scene.

    Pictures far apart in exposure may look different, so the frame before and the one after are
    compared too. Where exposures are stated, only a clear difference counts.
    """
    count, thumbnails = len(chain.frames), [frame.thumbnail for frame in chain.frames]
    if count < 2 or not any(thumbnails):
        return [True] * (count - 1)
    least = match.OTHER_SCENE if chain.stream.stated else match.MAYBE_SAME_SCENE
    blocks = match.unpack_thumbnails([thumbnail or match.BLANK for thumbnail in thumbnails])
    edges = match.edges_of(blocks)
    unclear = chain.stream.stated & ~match.have_detail(blocks)
    near, far = (
        (match.similarity(edges[:-lag], edges[lag:]) >= least) | unclear[:-lag] | unclear[lag:]
        for lag in (1, 2)
    )
    return [bool(near[at] or far[max(0, at - 1) : at + 1].any()) for at in range(count - 1)]

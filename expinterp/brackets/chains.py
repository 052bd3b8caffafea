"""Chains: the frames of one camera in the order in which they were taken.

A *place* is a folder, or all the folders that a camera numbered (``100CANON``, ``101CANON``)
together. A *stream* holds the frames of one camera in a place, of one size and format. File numbers
order a stream where names have them: they separate two bodies of one model, order shots of the same
second, and show which frames are missing. Other frames are ordered by time of capture, then name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from expinterp.brackets.frames import Frame, group_frames, is_nominal
from expinterp.brackets.names import (
    LAST_NUMBER,
    is_camera_folder,
    natural_key,
    next_folder,
    read_file_number,
)
from expinterp.brackets.shapes import NOMINAL_TOLERANCE, TOLERANCE
from expinterp.brackets.thumbnail_match import brightness, unpack_thumbnails

Numbered: TypeAlias = list[tuple[int, Frame]]  # frames by file number

LONG_EXPOSURE = 1.0  # seconds; from here cameras may take a dark frame of the same length


class Stream(NamedTuple):
    """What the frames of a stream have in common."""

    place: str
    camera: str | None
    serial: str | None
    stated: bool  # whether the files state their exposures
    format: tuple[object, ...]  # size, depth and file format


@dataclass(frozen=True, slots=True)
class Chain:
    """Frames of a stream in the order in which they were taken.

    Attributes
    ----------
    frames : tuple of Frame
    levels : tuple of float
        Stops: the exposure where `stated`, else the brightness of the thumbnail.
    stated : bool
        Whether the levels are stated exposures.
    numbers : tuple of int or None
        The file number of each frame, counted on after 9999; None if names have none.
    stream : Stream
    tolerance : float
        Stops by which exposures may miss even steps.
    """

    frames: tuple[Frame, ...]
    levels: tuple[float, ...]
    stated: bool
    numbers: tuple[int, ...] | None
    stream: Stream
    tolerance: float = TOLERANCE


def place_of(frame: Frame) -> str:
    """Return the place of a frame."""
    parent, _, name = frame.folder.rpartition("/")
    return parent if is_camera_folder(name) else frame.folder


def stream_of(frame: Frame) -> Stream:
    """Return the stream of a frame."""
    kind = frame.size, frame.depth, frame.format
    stated = frame.ev is not None
    return Stream(place_of(frame), frame.exposure.camera, frame.serial, stated, kind)


def find_chains(frames: Iterable[Frame]) -> Iterator[Chain]:
    """Order frames that all state their exposure or have a thumbnail."""
    for stream, members in group_frames(frames, stream_of).items():
        for line in _numbered_lines(members):
            yield _make_chain([frame for _, frame in line], stream, [number for number, _ in line])
        others = [frame for frame in members if read_file_number(frame.stem) is None]
        for dated in (True, False):
            chosen = [frame for frame in others if (frame.captured is not None) == dated]
            if chosen:
                yield _make_chain(sort_by_time(chosen), stream)


def _make_chain(
    frames: Sequence[Frame], stream: Stream, numbers: Sequence[int] | None = None
) -> Chain:
    """Build a chain of frames that are in order."""
    nominal = all(is_nominal(frame.exposure.time or 1.0) for frame in frames)
    return Chain(
        frames=tuple(frames),
        levels=levels_of(frames),
        stated=stream.stated,
        numbers=None if numbers is None else tuple(numbers),
        stream=stream,
        tolerance=NOMINAL_TOLERANCE if nominal else TOLERANCE,
    )


def levels_of(frames: Sequence[Frame]) -> tuple[float, ...]:
    """Return the exposures of frames in stops, or the brightness where one is not stated."""
    stated = tuple(ev for frame in frames if (ev := frame.ev) is not None)
    return stated if len(stated) == len(frames) else brightness_levels(frames)


def brightness_levels(frames: Sequence[Frame]) -> tuple[float, ...]:
    """Return the brightness in stops of frames that all have a thumbnail."""
    return tuple(
        brightness(unpack_thumbnails([frame.thumbnail or b"" for frame in frames])).tolist()
    )


# --- by file number ------------------------------------------------------------------------------


def _numbered_lines(frames: Iterable[Frame]) -> Iterator[Numbered]:
    """Order the frames that a camera numbered; folders that continue each other form one line."""
    groups: dict[tuple[str, str], Numbered] = defaultdict(list)
    for frame in frames:
        if named := read_file_number(frame.stem):
            groups[frame.folder, named.prefix.casefold()].append((named.number, frame))
    open_lines: dict[tuple[str | None, str], Numbered] = {}
    for folder, prefix in sorted(groups, key=lambda group: (natural_key(group[0]), group)):
        line = _unwrap(groups[folder, prefix])
        before = open_lines.pop((folder, prefix), None)
        if before and (shift := _continuing_shift(before[-1][0], line[0][0])) is not None:
            before += [(number + shift, frame) for number, frame in line]
            line = before
        elif before:
            yield before
        open_lines[next_folder(folder) or f"{folder}/", prefix] = line
    yield from open_lines.values()


def _unwrap(group: Numbered) -> Numbered:
    """Order a folder by file number; numbers that started again after 9999 come last."""
    line = sorted(group, key=lambda member: (member[0], member[1].path))
    if line[-1][0] != LAST_NUMBER or line[0][0] > 1:
        return line
    steps = [other[0] - one[0] for one, other in pairwise(line)]
    if max(steps, default=0) <= 1:
        return line
    cut = steps.index(max(steps)) + 1
    shift = LAST_NUMBER + 1 - line[0][0]
    return line[cut:] + [(number + shift, frame) for number, frame in line[:cut]]


def _continuing_shift(last: int, first: int) -> int | None:
    """Return what to add to the numbers of a folder that continues one ending in `last`, or None."""
    continues = (last - first + 1) % LAST_NUMBER == 0
    restarts = last % LAST_NUMBER == 0 and first in {0, 1}
    return last + 1 - first if continues or restarts else None


# --- by time -------------------------------------------------------------------------------------


def sort_by_time(frames: Sequence[Frame]) -> list[Frame]:
    """Sort frames by time of capture, those of the same moment by name."""
    zoned = all(frame.universal_time is not None for frame in frames)

    def key(frame: Frame) -> tuple[float, object, str]:
        moment = frame.universal_time if zoned else frame.local_time
        return moment or 0.0, natural_key(frame.path), frame.path

    return sorted(frames, key=key)


def pause_between(one: Frame, other: Frame) -> float | None:
    """Return the seconds from the end of one exposure to the start of the next; None if unknown."""
    if one.captured is None or other.captured is None:
        return None
    start, end = one.universal_time, other.universal_time
    if start is None or end is None:
        start, end = one.local_time, other.local_time
    return end - start - (one.exposure.time or 0.0)


def idle_between(one: Frame, other: Frame) -> float | None:
    """Return the pause between two frames, less the dark frame that a long exposure may need."""
    pause = pause_between(one, other)
    if pause is None:
        return None
    longest = max(one.exposure.time or 0.0, other.exposure.time or 0.0)
    return pause - (longest if longest >= LONG_EXPOSURE else 0.0)

"""Chains: the frames of one camera in the order in which they were taken.

A *place* is a folder, or all the folders that a camera numbered (``100CANON``, ``101CANON``)
together. A *stream* is what one camera left in a place in one size and format. The counters of
cameras order a stream where names hold them: they separate two bodies of one model, order shots of
the same second, and show what is missing. Elsewhere the time of capture does, then the name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from expinterp.brackets import thumbnail_match
from expinterp.brackets.frames import Frame, is_on_dial
from expinterp.brackets.names import (
    LAST,
    is_camera_folder,
    natural_key,
    next_folder,
    read_count,
)
from expinterp.brackets.shapes import EVEN, UNEVEN

Stream: TypeAlias = tuple[object, ...]
Counted: TypeAlias = list[tuple[int, Frame]]  # frames by place

LONG_EXPOSURE = 1.0  # seconds; from here on cameras may take a dark frame of the same length


@dataclass(frozen=True, slots=True)
class Chain:
    """Frames of a stream in the order in which they were taken.

    Attributes
    ----------
    frames : tuple of Frame
    levels : tuple of float
        Stops: the exposure where `stated`, else the brightness of the pictures.
    stated : bool
        Whether the files state their exposures.
    counts : tuple of int or None
        The counter of each frame, counted on after 9999; None if names hold none.
    stream : tuple
        Names the stream.
    tolerance : float
        Stops by which exposures may miss even steps.
    """

    frames: tuple[Frame, ...]
    levels: tuple[float, ...]
    stated: bool
    counts: tuple[int, ...] | None
    stream: Stream
    tolerance: float = UNEVEN


def place_of(frame: Frame) -> str:
    """Name the place of a frame."""
    parent, _, name = frame.folder.rpartition("/")
    return parent if is_camera_folder(name) else frame.folder


def stream_of(frame: Frame) -> Stream:
    """Name the stream of a frame."""
    shot = frame.exposure
    kind = frame.size, frame.depth, frame.format
    return place_of(frame), shot.camera, frame.serial, frame.ev is not None, kind


def find_chains(frames: Iterable[Frame]) -> Iterator[Chain]:
    """Order frames; all of them state their exposure or have a look."""
    streams: dict[Stream, list[Frame]] = defaultdict(list)
    for frame in frames:
        streams[stream_of(frame)].append(frame)
    for stream, members in streams.items():
        for line in _counted_lines(members):
            yield make_chain([frame for _, frame in line], stream, [count for count, _ in line])
        others = [frame for frame in members if read_count(frame.stem) is None]
        for dated in (True, False):
            alike = [frame for frame in others if (frame.captured is not None) == dated]
            if alike:
                yield make_chain(in_order(alike), stream)


def make_chain(
    frames: Sequence[Frame], stream: Stream, counts: Sequence[int] | None = None
) -> Chain:
    """Make a chain of frames that are in order."""
    stated = frames[0].ev is not None
    counted = None if counts is None else tuple(counts)
    on_dial = all(is_on_dial(frame.exposure.time or 1.0) for frame in frames)
    tolerance = EVEN if on_dial else UNEVEN
    return Chain(tuple(frames), levels_of(frames), stated, counted, stream, tolerance)


def levels_of(frames: Sequence[Frame]) -> tuple[float, ...]:
    """Give the exposures of frames in stops, or the brightness where one is not stated."""
    stated = tuple(ev for frame in frames if (ev := frame.ev) is not None)
    return stated if len(stated) == len(frames) else seen_levels(frames)


def seen_levels(frames: Sequence[Frame]) -> tuple[float, ...]:
    """Give the brightness of frames that all have a look, in stops."""
    blocks = thumbnail_match.read_looks([frame.look or b"" for frame in frames])
    return tuple(float(level) for level in thumbnail_match.brightness(blocks))


# --- by counters ---------------------------------------------------------------------------------


def _counted_lines(frames: Iterable[Frame]) -> Iterator[Counted]:
    """Order the frames that a camera numbered; folders that continue each other make one line."""
    groups: dict[tuple[str, str], Counted] = defaultdict(list)
    for frame in frames:
        if count := read_count(frame.stem):
            groups[frame.folder, count.prefix.casefold()].append((count.number, frame))
    open_lines: dict[tuple[str | None, str], Counted] = {}
    for folder, prefix in sorted(groups, key=lambda group: (natural_key(group[0]), group)):
        line = _unwrapped(groups[folder, prefix])
        before = open_lines.pop((folder, prefix), None)
        if before and (shift := _continuation(before[-1][0], line[0][0])) is not None:
            before += [(count + shift, frame) for count, frame in line]
            line = before
        elif before:
            yield before
        open_lines[next_folder(folder) or f"{folder}/", prefix] = line
    yield from open_lines.values()


def _unwrapped(group: Counted) -> Counted:
    """Order a folder by its counter; where that began anew after 9999, the new numbers go last."""
    line = sorted(group, key=lambda member: (member[0], member[1].path))
    if line[-1][0] != LAST or line[0][0] > 1:
        return line
    holes = [other[0] - one[0] for one, other in pairwise(line)]
    if max(holes, default=0) <= 1:
        return line
    cut = holes.index(max(holes)) + 1
    shift = LAST + 1 - line[0][0]
    return line[cut:] + [(count + shift, frame) for count, frame in line[:cut]]


def _continuation(last: int, first: int) -> int | None:
    """Tell by how much the counter of the next folder has to be shifted to continue the last one."""
    if last % LAST == 0 and first in {0, 1}:
        return last + 1 - first
    return last + 1 - first if (last - first + 1) % LAST == 0 else None


# --- by time -------------------------------------------------------------------------------------


def in_order(frames: Sequence[Frame]) -> list[Frame]:
    """Order frames by time of capture, those of the same moment by name."""
    moments = [frame.universal_moment for frame in frames]
    zoned = None not in moments

    def key(frame: Frame) -> tuple[float, object, str]:
        moment = frame.universal_moment if zoned else frame.moment
        return moment or 0.0, natural_key(frame.path), frame.path

    return sorted(frames, key=key)


def idle(one: Frame, other: Frame) -> float | None:
    """Measure the pause between two frames, less the dark frame that a long exposure may need."""
    seconds_between = pause(one, other)
    if seconds_between is None:
        return None
    longest = max(one.exposure.time or 0.0, other.exposure.time or 0.0)
    return seconds_between - (longest if longest >= LONG_EXPOSURE else 0.0)


def pause(one: Frame, other: Frame) -> float | None:
    """Measure the seconds from the end of one exposure to the begin of another; None if unknown."""
    if one.captured is None or other.captured is None:
        return None
    begin, end = one.universal_moment, other.universal_moment
    if begin is None or end is None:
        begin, end = one.moment, other.moment
    return end - begin - (one.exposure.time or 0.0)

"""Runs: frames of one camera that follow each other without a break, and what borders on them.

A *place* is a folder, or all the folders that a camera numbered (``100CANON``, ``101CANON``)
together. A *stream* is what one camera left in a place in one size and format. Counters in file
names order a stream where there are any: they separate two bodies of one model, order shots of the
same second, and show what is missing. Elsewhere the time of capture does, then the name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from itertools import pairwise
from typing import TypeAlias

from expinterp.brackets import looks
from expinterp.brackets.frames import Frame
from expinterp.brackets.names import Count, is_camera_folder, natural_key, next_places, read_count

Stream: TypeAlias = tuple[object, ...]
Spot: TypeAlias = tuple[str, str, int]  # folder, prefix, number

RESOLUTION = 1.0  # seconds; many cameras state no fractions
LONG_EXPOSURE = 1.0  # seconds; from here on cameras may take a dark frame of the same length
_CREDIBLE = 0.5  # share of numbered names that have a successor, for a counter
_FOCAL_TOLERANCE = 0.02  # of the focal length: zoom positions waver
_EPOCH = datetime(1970, 1, 1)


class Edge(Enum):
    """What borders on a run, as far as counters tell."""

    JOINED = "the next picture is there"
    HOLE = "the next picture is missing, or not usable"
    END = "the first or last number of the folder"
    UNKNOWN = "names hold no counter"


@dataclass(frozen=True, slots=True)
class Run:
    """Frames without a break, in the order of capture.

    Attributes
    ----------
    frames : tuple of Frame
    levels : tuple of float
        Stops: the exposure where `stated`, else the brightness of the pictures.
    stated : bool
        Whether the files state their exposures.
    before, after : Edge
        What borders on the first and on the last frame.
    stream : tuple
        Names the stream.
    """

    frames: tuple[Frame, ...]
    levels: tuple[float, ...]
    stated: bool
    before: Edge
    after: Edge
    stream: Stream


def place_of(frame: Frame) -> str:
    """Name the place of a frame."""
    parent, _, name = frame.folder.rpartition("/")
    return parent if is_camera_folder(name) else frame.folder


def stream_of(frame: Frame) -> Stream:
    """Name the stream of a frame."""
    shot = frame.exposure
    stated = frame.ev is not None
    return place_of(frame), shot.camera, frame.serial, frame.size, frame.format, stated


def find_runs(frames: Iterable[Frame], everything: Iterable[Frame], *, gap: float) -> list[Run]:
    """Part frames into runs.

    Parameters
    ----------
    frames : iterable of Frame
        What is to be parted; all state their exposure or have a look.
    everything : iterable of Frame
        All files, usable or not: a number that one of them has is not missing.
    gap : float
        Longest pause within a bracket, in seconds from the end of an exposure.
    """
    numbers = _span(everything)
    streams: dict[Stream, list[Frame]] = defaultdict(list)
    for frame in frames:
        streams[stream_of(frame)].append(frame)
    runs = []
    for stream, members in streams.items():
        for chain, counted in _chains(members):
            for piece in _pieces(chain, gap):
                before, after = _edges(piece, chain, numbers) if counted else [Edge.UNKNOWN] * 2
                runs.append(_make_run(piece, before, after, stream))
    return runs


def _make_run(frames: Sequence[Frame], before: Edge, after: Edge, stream: Stream) -> Run:
    stated = frames[0].ev is not None
    return Run(tuple(frames), levels_of(frames), stated, before, after, stream)


def levels_of(frames: Sequence[Frame]) -> tuple[float, ...]:
    """Give the exposures of frames in stops, or the brightness where one is not stated."""
    stated = tuple(ev for frame in frames if (ev := frame.ev) is not None)
    if len(stated) == len(frames):
        return stated
    return seen_levels(frames)


def seen_levels(frames: Sequence[Frame]) -> tuple[float, ...]:
    """Give the brightness of frames that all have a look, in stops."""
    blocks = looks.read_looks([frame.look or b"" for frame in frames])
    return tuple(float(level) for level in looks.brightness(blocks))


# --- order ---------------------------------------------------------------------------------------


def _chains(frames: Sequence[Frame]) -> Iterator[tuple[list[Frame], bool]]:
    """Order a stream: chains of successive numbers, and one list by time of all the others.

    Yields
    ------
    list of Frame
    bool
        Whether it is counters that order them.
    """
    spots = _spots(frames)
    following = {spot: _successor(spot, frame, spots) for spot, frame in spots.items()}
    followers = {spot for spot in following.values() if spot}
    seen: set[Spot] = set()
    # A full round of 9999 has no first number: what is left starts anywhere, at the lowest.
    for start in (*(spot for spot in spots if spot not in followers), *sorted(spots)):
        chain = []
        spot: Spot | None = start
        while spot and spot not in seen:
            seen.add(spot)
            chain.append(spots[spot])
            spot = following[spot]
        if chain:
            yield chain, True
    counted = {frame.path for frame in spots.values()}
    others = [frame for frame in frames if frame.path not in counted]
    for dated in (True, False):
        chain = [frame for frame in others if (frame.captured is not None) == dated]
        if chain:
            yield in_order(chain), False


def _spots(frames: Iterable[Frame]) -> dict[Spot, Frame]:
    """Find the frames whose names hold a counter: that of a camera, or one that counts on."""
    found: dict[tuple[str, str], list[tuple[Count, Frame]]] = defaultdict(list)
    for frame in frames:
        count = read_count(frame.stem)
        if count is not None:
            found[frame.folder, count.prefix.casefold()].append((count, frame))
    spots: dict[Spot, Frame] = {}
    for (folder, prefix), members in found.items():
        numbers = {count.number for count, _ in members}
        successors = sum(number + 1 in numbers for number in numbers)
        if members[0][0].camera or successors >= _CREDIBLE * len(members):
            for count, frame in members:
                spots.setdefault((folder, prefix, count.number), frame)
    return spots


def _successor(spot: Spot, frame: Frame, spots: dict[Spot, Frame]) -> Spot | None:
    """Find the next number, in this folder or the next one."""
    count = read_count(frame.stem)
    if count is None:
        return None
    places = next_places(spot[0], count)
    following = ((folder, spot[1], number) for folder, number in places)
    return next((place for place in following if place in spots), None)


def in_order(frames: Sequence[Frame]) -> list[Frame]:
    """Order frames by time of capture, those of the same moment by name."""
    zoned = all(frame.captured is not None and frame.captured.tzinfo for frame in frames)

    def key(frame: Frame) -> tuple[float, object, str]:
        moment = 0.0 if frame.captured is None else seconds(frame.captured, zoned=zoned)
        return moment, natural_key(frame.path), frame.path

    return sorted(frames, key=key)


def seconds(moment: datetime, *, zoned: bool) -> float:
    """Count seconds since 1970: of universal time if `zoned`, else of the clock on the wall."""
    moment = moment.astimezone(timezone.utc) if zoned else moment
    return (moment.replace(tzinfo=None) - _EPOCH).total_seconds()


# --- breaks --------------------------------------------------------------------------------------


def _pieces(chain: Sequence[Frame], gap: float) -> Iterator[list[Frame]]:
    """Cut a chain where one frame does not follow on the one before."""
    seen = _seen_together(chain)
    piece = [chain[0]]
    for at, (one, other) in enumerate(pairwise(chain)):
        if not (follows(one, other, gap=gap) and seen[at]):
            yield piece
            piece = []
        piece.append(other)
    yield piece


def follows(one: Frame, other: Frame, *, gap: float) -> bool:
    """Tell whether a frame may belong to the bracket of the one before it."""
    return (
        _in_time(one, other, gap)
        and _same_lens(one, other)
        and (one.mode == "bracket") == (other.mode == "bracket")
        and _counts_on(one.shot, other.shot)
    )


def pause(one: Frame, other: Frame) -> float | None:
    """Measure the seconds from the end of one exposure to the begin of another; None if unknown."""
    if one.captured is None or other.captured is None:
        return None
    zoned = bool(one.captured.tzinfo and other.captured.tzinfo)
    begins = (seconds(frame.captured, zoned=zoned) for frame in (other, one) if frame.captured)
    return next(begins) - next(begins) - (one.exposure.time or 0.0)


def _in_time(one: Frame, other: Frame, gap: float) -> bool:
    """Tell whether the pause is short; some cameras state the end of the exposure."""
    seconds_between = pause(one, other)
    if seconds_between is None:
        return one.captured is None and other.captured is None
    times = one.exposure.time or 0.0, other.exposure.time or 0.0
    backwards = seconds_between + times[0] < 0
    dark_frame = max(times) if max(times) >= LONG_EXPOSURE else 0.0
    return not backwards and seconds_between <= gap + RESOLUTION + dark_frame


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


def _counts_on(one: int | None, other: int | None) -> bool:
    """Tell whether the camera counts on from one shot to the next."""
    return one is None or other is None or other == one + 1


def _seen_together(chain: Sequence[Frame]) -> list[bool]:
    """Tell for each frame but the last whether pictures go on showing the same scene.

    Only where exposures are not stated. Far apart in exposure two pictures may look different, so
    their neighbours are compared too.
    """
    if chain[0].ev is not None or len(chain) < 2:
        return [True] * (len(chain) - 1)
    edges = looks.edges_of(looks.read_looks([frame.look or b"" for frame in chain]))
    alike = [looks.likeness(edges[:-lag], edges[lag:]) >= looks.UNLIKE for lag in (1, 2)]
    return [
        bool(alike[0][at] or alike[1][max(0, at - 1) : at + 1].any())
        for at in range(len(chain) - 1)
    ]


# --- what borders on a run -----------------------------------------------------------------------


def _span(frames: Iterable[Frame]) -> dict[tuple[str, str], tuple[int, int]]:
    """Find the lowest and the highest number of each counter."""
    span: dict[tuple[str, str], tuple[int, int]] = {}
    for frame in frames:
        count = read_count(frame.stem)
        if count is not None:
            name = frame.folder, count.prefix.casefold()
            low, high = span.get(name, (count.number, count.number))
            span[name] = min(low, count.number), max(high, count.number)
    return span


def _edges(
    piece: Sequence[Frame], chain: Sequence[Frame], span: dict[tuple[str, str], tuple[int, int]]
) -> list[Edge]:
    """Tell what borders on a piece of a chain: the rest of the chain, a hole, or nothing more."""
    edges = []
    for frame, last, end in ((piece[0], chain[0], 0), (piece[-1], chain[-1], 1)):
        count = read_count(frame.stem)
        assert count is not None  # or it would be in no chain
        extreme = span[frame.folder, count.prefix.casefold()][end]
        if frame is not last:
            edges.append(Edge.JOINED)
        else:
            edges.append(Edge.END if count.number == extreme else Edge.HOLE)
    return edges

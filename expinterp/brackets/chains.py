"""Chains and runs are found here: frames in the order of capture, cut where a bracket cannot go on.

File numbers order frames where names have them: these separate bodies of one model and shots of one
second, and show which frames are missing. Other frames are ordered by time of capture, then name.
A run is cut by a break in time, settings, scene or file numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from expinterp.brackets.frames import (
    Chain,
    Frame,
    FrameRun,
    Stream,
    group_frames,
    idle_between,
    make_chain,
    moments,
    pause_between,
    place_of,
    stream_of,
)
from expinterp.brackets.names import LAST_NUMBER, read_file_number
from expinterp.brackets.shapes import MEAN_BRIGHTNESS_STEP, TOLERANCE
from expinterp.images import thumbnails
from expinterp.text import natural_key

CLOCK_TICK = 1.0  # seconds; many cameras state no fractions
_FOCAL_TOLERANCE = 0.02  # of the focal length: the zoom position a camera states varies


def find_chains(frames: Iterable[Frame], damaged: Iterable[Frame] = ()) -> Iterator[Chain]:
    """Order frames that have a level; `damaged` are the other files of shots."""
    absent = group_frames(damaged, lambda frame: (place_of(frame), _prefix_of(frame)))
    groups = group_frames(frames, lambda frame: (stream_of(frame), _prefix_of(frame)))
    for (stream, prefix), members in groups.items():
        if prefix is None:
            for dated in group_frames(members, lambda frame: frame.captured is None).values():
                yield make_chain(sort_by_time(dated), stream)
        else:
            yield _numbered_chain([*members, *absent.get((stream.place, prefix), ())], stream)


def _prefix_of(frame: Frame) -> str | None:
    """Return what comes before the number that a camera put into a name; None without a number."""
    named = read_file_number(frame.stem)
    return named and named.prefix.casefold()


def _numbered_chain(frames: Iterable[Frame], stream: Stream) -> Chain:
    """Order frames by folder and file number; numbers count on where a camera starts again."""
    folders = group_frames(frames, lambda frame: frame.folder)
    in_order = sorted(folders, key=lambda folder: (natural_key(folder), folder))
    line = [member for folder in in_order for member in _order(folders[folder])]
    steps = ((b[0] - a[0]) % LAST_NUMBER for a, b in pairwise(line))
    numbers = list(accumulate(steps, initial=line[0][0]))
    readable = [(n, f) for n, (_, f) in zip(numbers, line, strict=True) if not f.problem]
    lost = frozenset(numbers) - {number for number, _ in readable}
    chain = make_chain([frame for _, frame in readable], stream)
    return replace(chain, numbers=tuple(number for number, _ in readable), damaged=lost)


def _order(frames: Iterable[Frame]) -> list[tuple[int, Frame]]:
    """Order a folder by file number; numbers that started again after 9999 come last."""
    named = ((read_file_number(frame.stem), frame) for frame in frames)
    line = sorted(((n.number, f) for n, f in named if n), key=lambda each: (each[0], each[1].path))
    steps = [other[0] - one[0] for one, other in pairwise(line)]
    restarted = line[-1][0] == LAST_NUMBER and line[0][0] <= 1 and max(steps, default=0) > 1
    cut = steps.index(max(steps)) + 1 if restarted else 0
    return line[cut:] + line[:cut]


def sort_by_time(frames: Sequence[Frame]) -> list[Frame]:
    """Sort frames by time of capture, those of the same moment by name."""
    dated = all(frame.captured for frame in frames)
    timed = zip(moments(frames) if dated else [0.0] * len(frames), frames, strict=True)
    line = sorted(timed, key=lambda each: (each[0], natural_key(each[1].stem), each[1].path))
    return [frame for _, frame in line]


def find_runs(chain: Chain, *, gap: float) -> Iterator[FrameRun]:
    """Cut a chain where a frame does not follow the one before, or pauses longer than `gap` seconds.

    Where all frames of a run state one exposure, but their pictures differ in brightness, a filter,
    the aperture ring or the lights made the exposures: the pictures are believed.
    """
    for run in _cut(chain, gap):
        equal = chain.stream.stated and max(run.levels) - min(run.levels) < TOLERANCE
        if equal and len(run) > 1 and all(frame.thumbnail for frame in run.frames):
            seen = make_chain(run.frames, chain.stream._replace(stated=False))
            if max(seen.levels) - min(seen.levels) >= MEAN_BRIGHTNESS_STEP:
                numbers = chain.numbers and chain.numbers[run.start : run.stop]
                yield from _cut(replace(seen, numbers=numbers, damaged=chain.damaged), gap)
                continue
        yield run


def _cut(chain: Chain, gap: float) -> Iterator[FrameRun]:
    """Cut a chain into runs, by its levels as they are."""
    pairs = enumerate(zip(pairwise(chain.frames), _may_be_one_scene(chain), strict=True), 1)
    breaks = (
        at
        for at, (pair, alike) in pairs
        if not alike or chain.missing(at) or not follows(*pair, gap=gap)
    )
    for start, stop in pairwise([0, *breaks, len(chain.frames)]):
        yield FrameRun(chain, start, stop)


def follows(one: Frame, other: Frame, *, gap: float) -> bool:
    """Return whether a frame may belong to the bracket of the one before it.

    It is so only after a short pause: some cameras state the end of the exposure. A file that lost
    its facts contradicts nothing.
    """
    if one.is_bare or other.is_bare:
        return True
    same_light = one.mode == other.mode and bool(one.flash) == bool(other.flash)
    pause, idle = pause_between(one, other), idle_between(one, other)
    if pause is None or idle is None:
        in_time = one.captured is None and other.captured is None
    else:
        in_time = pause + (one.exposure.time or 0.0) >= 0 and idle <= gap + CLOCK_TICK
    return same_light and in_time and counts_on(one, other) and _same_lens(one, other)


def succeed(one: Frame, other: Frame, *, gap: float) -> bool:
    """Return whether two files may be shots of one bracket, one after the other."""
    numbers = [named.number for f in (one, other) if (named := read_file_number(f.stem))]
    next_one = len(numbers) < 2 or (numbers[1] - numbers[0]) % LAST_NUMBER <= 1
    return next_one and follows(one, other, gap=gap)


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

    Where exposures are stated, only a clear difference counts.
    """
    packed = [frame.thumbnail for frame in chain.frames]
    if len(packed) < 2 or not any(packed):
        return [True] * (len(packed) - 1)
    blocks = thumbnails.unpack_thumbnails([each or thumbnails.BLANK for each in packed])
    edges, stated = thumbnails.edges_of(blocks), chain.stream.stated
    unclear = stated & ~thumbnails.have_detail(blocks)
    least = thumbnails.OTHER_SCENE if stated else thumbnails.MAYBE_SAME_SCENE
    alike = thumbnails.similarity(edges[:-1], edges[1:]) >= least
    return list(alike | unclear[:-1] | unclear[1:])

"""Frames, chains and runs: what is read of files for planning, without their pixels.

A *frame* is one file. A *stream* holds the frames of one camera in a place, of one size and format;
a *place* is a folder, or all folders that a camera numbered (``100CANON``, ``101CANON``). A *chain*
is a line of frames of a stream in the order of capture. A *run* is a part of a chain: a stretch
without a break, or a set in it. It has a shape, if it may be a set, and evidence that it is one.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timezone
from enum import Enum
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, TypeVar

from expinterp.brackets import shapes
from expinterp.brackets.shapes import LEAST_STEP, NOMINAL, TOLERANCE, Shape, shape_of
from expinterp.core.exposure import Exposure, is_nominal, stops_of_time
from expinterp.images import thumbnails
from expinterp.images.metadata.capture import Capture

Key = TypeVar("Key")
RAW = "raw"
_NUMBERED_FOLDER = re.compile(r"[1-9]\d\d\w{5}", re.ASCII)  # CIPA DC-009
MOSTLY = 0.5  # share of nominal times from which a camera states such times
LONG_EXPOSURE = 1.0  # seconds; from here cameras may take a dark frame of the same length
BIAS_TOLERANCE = 0.4  # stops between the exposure compensation and the exposure taken
METERED = 0.08  # stops by which automatic exposures of a bracket miss even steps


@dataclass(frozen=True)
class Frame(Capture):
    """What the name, the header and a thumbnail of a file state; None where they do not."""

    path: str  # relative to the scanned folder, parts separated by /
    format: str = "jpeg"  # a key of expinterp.images.FORMATS, or raw
    problem: str | None = None  # why the file cannot be used
    size: tuple[int, int] | None = None  # rows and columns as stored, before EXIF orientation
    depth: int = 8  # bits per code value
    thumbnail: bytes | None = field(default=None, repr=False)  # as images.thumbnails packs it

    @property
    def folder(self) -> str:
        """The folder of the file, relative to the scanned one; empty for the scanned one."""
        return self.path.rpartition("/")[0]

    @property
    def stem(self) -> str:
        """The name without folder and suffix."""
        name = self.path.rpartition("/")[2]
        return name.rpartition(".")[0] or name

    @property
    def is_bare(self) -> bool:
        """Whether the file states nothing of its capture."""
        return self.captured is None and self.exposure == Exposure()

    @property
    def ev(self) -> float | None:
        """How much light was recorded, log2(time·ISO/N²) in stops; None without a time.

        Nominal times count as exact thirds of a stop; ISO and aperture count only where stated.
        """
        shot = self.exposure
        gain = (shot.iso or 1.0) / (shot.f_number or 1.0) ** 2
        return stops_of_time(shot.time) + math.log2(gain) if shot.time else None

    @property
    def local_time(self) -> float:
        """When it was captured, in seconds since 1970 by the local clock; 0 if unknown."""
        return self.captured.replace(tzinfo=timezone.utc).timestamp() if self.captured else 0.0


def group_frames(frames: Iterable[Frame], key: Callable[[Frame], Key]) -> dict[Key, list[Frame]]:
    """Group frames that have the same key, in order."""
    groups: dict[Key, list[Frame]] = defaultdict(list)
    for frame in frames:
        groups[key(frame)].append(frame)
    return groups


class Evidence(Enum):
    """What the files show about a set, in the words of its reason; the strongest first."""

    COUNTED = "counted as a bracket by the camera"
    COMPENSATED = "exposure compensation steps with the exposure"
    SEEN = "one scene, brighter with more exposure"
    MARKED = "marked as a bracket by the camera"
    MANUAL = "exposures set by hand"
    SILENT = "exposures differ"
    AUTOMATIC = "automatic exposures differ"


CERTAIN = {Evidence.COUNTED, Evidence.COMPENSATED, Evidence.SEEN}
STRONG = {*CERTAIN, Evidence.MARKED}
_BY_MODE = {"bracket": Evidence.MARKED, "manual": Evidence.MANUAL, "auto": Evidence.AUTOMATIC}


class Stream(NamedTuple):
    """What the frames of a stream have in common."""

    place: str
    camera: str | None
    serial: str | None
    stated: bool  # whether exposures are known, not only brightness
    kind: tuple[object, ...]  # place, size, depth and file format


def place_of(frame: Frame) -> str:
    """Return the place of a frame."""
    parent, _, name = frame.folder.rpartition("/")
    return parent if _NUMBERED_FOLDER.fullmatch(name) else frame.folder


def kind_of(frame: Frame) -> tuple[str, tuple[int, int] | None, int, str]:
    """Return the place, size, depth and format of a frame."""
    return place_of(frame), frame.size, frame.depth, frame.format


def stream_of(frame: Frame) -> Stream:
    """Return the stream of a frame."""
    place, camera = place_of(frame), frame.exposure.camera
    return Stream(place, camera, frame.serial, frame.ev is not None, kind_of(frame))


@dataclass(frozen=True, slots=True)
class Chain:
    """Frames of a stream in the order in which they were taken."""

    frames: tuple[Frame, ...]
    levels: tuple[float, ...]  # stops: exposures where stated, else brightness of the thumbnails
    stream: Stream
    numbers: tuple[int, ...] | None = None  # of the files, counted on after 9999; None: no numbers
    damaged: frozenset[int] = frozenset()  # numbers of files that are there, but cannot be used
    tolerance: float = TOLERANCE  # stops by which exposures may miss even steps
    together: bool = False  # whether people put just these frames together

    def missing(self, at: int, *, damaged: bool = False) -> bool:
        """Return whether files before a position are known to be missing, or also are damaged."""
        if self.numbers is None or not 0 < at < len(self.numbers):
            return False
        between = range(self.numbers[at - 1] + 1, self.numbers[at])
        return any(damaged or number not in self.damaged for number in between)


def make_chain(frames: Sequence[Frame], stream: Stream) -> Chain:
    """Build a chain of frames that are in order, and have exposures or thumbnails."""
    if stream.stated:
        times = [frame.exposure.time or 1.0 for frame in frames]
        nominal = sum(map(is_nominal, times)) / len(times)
        # A camera states nominal or exact times; a few exact ones look nominal.
        off = [math.log2(t) - stops_of_time(t) if nominal < MOSTLY else 0.0 for t in times]
        levels = tuple((f.ev or 0.0) + stops for f, stops in zip(frames, off, strict=True))
        tolerance = NOMINAL if nominal == 1.0 else TOLERANCE
        return Chain(tuple(frames), levels, stream, tolerance=tolerance)
    blocks = thumbnails.unpack_thumbnails([frame.thumbnail or b"" for frame in frames])
    return Chain(tuple(frames), tuple(thumbnails.brightness(blocks).tolist()), stream)


@dataclass(frozen=True, eq=False)
class FrameRun:
    """A part of a chain, by its positions: a run without a break, or a set in it."""

    chain: Chain
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def places(self) -> range:
        """The positions of its frames in the chain."""
        return range(self.start, self.stop)

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

    def missing_beside(self, *, damaged: bool = False) -> bool:
        """Return whether file numbers beside this part are missing, or also files are damaged."""
        return any(self.chain.missing(at, damaged=damaged) for at in (self.start, self.stop))

    @cached_property
    def shape(self) -> Shape:
        """Its shape; empty if the frames cannot be a set."""
        stated, tolerance, least = self.chain.stream.stated, self.chain.tolerance, self._least_step
        shape = shape_of(self.levels, stated=stated, least_step=least, tolerance=tolerance)
        fits = shape and (not self.contradicts_biases() if stated else self.shows_one_scene())
        return shape if fits else shapes.NO_SET

    @property
    def _least_step(self) -> float:
        """The smallest step, in stops, by which exposures of a set differ."""
        together, frames = self.chain.together, self.frames
        if not self.chain.stream.stated:
            return shapes.LEAST_STEP_IN_SCENE if together else shapes.LEAST_BRIGHTNESS_STEP
        marked = together or frames[0].mode == "bracket" or frames[0].shot is not None
        mean_step = (max(self.levels) - min(self.levels)) / max(len(self) - 1, 1)
        wide = len(self) > 3 and mean_step >= shapes.MEAN_STEP
        return shapes.LEAST_MARKED_STEP if marked or wide else shapes.LEAST_STEP

    @cached_property
    def evidence(self) -> Evidence:
        """The strongest evidence that its frames are a bracket."""
        frames, count = self.frames, len(self)
        biases, modes = {frame.bias for frame in frames}, {frame.mode for frame in frames}
        if [frame.shot for frame in frames] == list(range(1, count + 1)):
            return Evidence.COUNTED
        if None not in biases and len(biases) == count and self.follows_biases():
            return Evidence.COMPENSATED
        stated = self.chain.stream.stated  # else its shape requires that it shows one scene
        if not stated or (not self._may_be_metered() and self.shows_one_scene()):
            return Evidence.SEEN
        sensitivities = {frame.exposure.iso for frame in frames}  # several: the camera chose them
        if len(modes) > 1 or (modes == {"manual"} and len(sensitivities) > 1):
            return Evidence.SILENT
        return _BY_MODE.get(modes.pop() or "", Evidence.SILENT)

    def _may_be_metered(self) -> bool:
        """Return whether automatic exposure may have changed between shots of one scene."""
        modes, biases = ({getattr(f, name) for f in self.frames} for name in ("mode", "bias"))
        even = shape_of(self.levels, stated=True, least_step=LEAST_STEP, tolerance=METERED)
        pair = modes <= {"auto", None} and len(self) == 2 and biases | modes != {None}
        return pair or (modes == {"auto"} and not (even and even.regular))

    def follows_biases(self) -> bool:
        """Return whether exposures differ as compensation does: the metered light was the same."""
        pairs = zip(self.frames, self.levels, strict=True)
        offsets = [level - (frame.bias or 0.0) for frame, level in pairs]
        return max(offsets) - min(offsets) <= BIAS_TOLERANCE

    def contradicts_biases(self) -> bool:
        """Return whether compensation varies, but not as the exposures of one scene would."""
        biases = {frame.bias for frame in self.frames}
        return None not in biases and len(biases) > 1 and not self.follows_biases()

    def shows_one_scene(self) -> bool:
        """Return whether all frames have thumbnails, and these show one scene."""
        return bool(self._thumbnails) and thumbnails.are_one_scene(self._thumbnails)

    def shows_different_scenes(self) -> bool:
        """Return whether all frames have thumbnails, and these cannot show one scene."""
        return bool(self._thumbnails) and thumbnails.are_different_scenes(self._thumbnails)

    @cached_property
    def _thumbnails(self) -> list[bytes]:
        """The thumbnails of its frames, least exposed first; an empty list unless all have one."""
        pairs = sorted(zip(self.levels, self.frames, strict=True), key=lambda pair: pair[0])
        found = [frame.thumbnail or b"" for _, frame in pairs]
        return found if all(found) else []

    def windows(self, lengths: Iterable[int]) -> list[FrameRun]:
        """List the parts of these lengths that may be sets, the shortest first."""
        spans = ((at, n) for n in sorted(lengths) for at in range(self.start, self.stop - n + 1))
        parts = (FrameRun(self.chain, at, at + n) for at, n in spans)
        return [part for part in parts if part.shape]

    def longest_pause(self) -> float | None:
        """Return the longest pause in seconds, without dark frames; None if one is unknown."""
        pauses = [idle_between(one, other) for one, other in pairwise(self.frames)]
        return None if None in pauses else max(filter(None, pauses), default=0.0)


def moments(frames: Sequence[Frame]) -> list[float]:
    """Return when frames were captured, in seconds since 1970: in UTC where all state the offset."""
    times = [frame.captured for frame in frames]
    stated = [time.timestamp() for time in times if time and time.utcoffset() is not None]
    return stated if len(stated) == len(frames) else [frame.local_time for frame in frames]


def pause_between(one: Frame, other: Frame) -> float | None:
    """Return the seconds from the end of one exposure to the start of the next; None if unknown."""
    if one.captured is None or other.captured is None:
        return None
    start, end = moments([one, other])
    return end - start - (one.exposure.time or 0.0)


def idle_between(one: Frame, other: Frame) -> float | None:
    """Return the pause between two frames, less the dark frame that a long exposure may need."""
    pause = pause_between(one, other)
    longest = max(one.exposure.time or 0.0, other.exposure.time or 0.0)
    return None if pause is None else pause - (longest if longest >= LONG_EXPOSURE else 0.0)

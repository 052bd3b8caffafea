"""Setting aside what is no frame of its own: unreadable files, raw files, twins and copies."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable

from expinterp.brackets.frames import RAW, Frame
from expinterp.brackets.names import original_of
from expinterp.brackets.plan import Leftover
from expinterp.brackets.thumbnail_match import largest_difference

SAME_LOOK = 1.0  # code value; recompressed copies differ by less


def sift(frames: Iterable[Frame]) -> tuple[list[Frame], list[Leftover]]:
    """Part frames that may be of brackets from files that are not.

    Returns
    -------
    list of Frame
        Readable, one per shot and folder.
    list of Leftover
        The others.
    """
    stems: dict[tuple[str, str], list[Frame]] = defaultdict(list)
    formats: Counter[tuple[str, str]] = Counter()
    for frame in frames:
        stems[frame.folder, frame.stem.casefold()].append(frame)
        formats[frame.folder, frame.format] += 1
    kept: dict[tuple[str, str], Frame] = {}
    leftovers = []
    for place, twins in stems.items():
        readable = [frame for frame in twins if not frame.problem and frame.format != RAW]
        first = min(readable, key=lambda frame: _preference(frame, formats), default=None)
        if first is not None:
            kept[place] = first
        leftovers += [_set_aside(frame, first) for frame in twins if frame is not first]
    copies = {place: original for place in kept if (original := _original(place, kept, stems))}
    leftovers += [
        Leftover(kept.pop(place).path, f"a copy of {name}") for place, name in copies.items()
    ]
    return list(kept.values()), leftovers


def _preference(frame: Frame, formats: Counter[tuple[str, str]]) -> tuple[int, bool, str]:
    """Order the twins of a shot: the format that most of the folder has, then the camera's own."""
    return -formats[frame.folder, frame.format], frame.format != "jpeg", frame.path


def _set_aside(frame: Frame, twin: Frame | None) -> Leftover:
    """Say why a file is passed over."""
    if frame.problem:
        return Leftover(frame.path, frame.problem)
    if twin is None:
        return Leftover(frame.path, "a raw file; develop it to a 16-bit TIFF first")
    kind = "the raw twin of" if frame.format == RAW else "the same shot as"
    return Leftover(frame.path, f"{kind} {posixpath.basename(twin.path)}")


def _original(
    place: tuple[str, str],
    kept: dict[tuple[str, str], Frame],
    stems: dict[tuple[str, str], list[Frame]],
) -> str | None:
    """Name the file that another one is a copy of, edited or not."""
    copy = original_of(place[1])
    if copy is None:
        return None
    stem, said = copy
    for original in stems.get((place[0], stem), ()):
        if _same_shot(kept[place], original, said=said):
            return posixpath.basename(original.path)
    return None


def _same_shot(copy: Frame, original: Frame, *, said: bool) -> bool:
    """Tell whether two files show one shot, given that their names are related."""
    if original.format == RAW or original.problem:
        return False  # the copy is all there is to see of the shot
    if said and (copy.captured is None or original.captured is None):
        return True
    if copy.captured is not None or original.captured is not None:
        return copy.captured == original.captured and copy.exposure == original.exposure
    return copy.look is not None and original.look is not None and _same_look(copy, original)


def _same_look(one: Frame, other: Frame) -> bool:
    """Tell whether two pictures look the same to a code value."""
    return largest_difference(one.look or b"", other.look or b"") <= SAME_LOOK

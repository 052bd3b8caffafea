"""Set aside the files that are no frames of their own: unreadable, raw, duplicates and copies."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Sequence

from expinterp.brackets.frames import RAW, Frame, group_frames
from expinterp.brackets.names import original_of
from expinterp.brackets.plan import Leftover
from expinterp.brackets.thumbnail_match import largest_difference

MOST_DIFFERENCE = 1.0  # code value; thumbnails of recompressed copies differ by less

Stem = tuple[str, str]  # folder, and the name without its suffix in small letters


def set_duplicates_aside(frames: Sequence[Frame]) -> tuple[list[Frame], list[Leftover]]:
    """Separate the frames that may be in brackets from the other files.

    Returns
    -------
    list of Frame
        Readable, one per shot and folder.
    list of Leftover
        The others.
    """
    stems = group_frames(frames, lambda frame: (frame.folder, frame.stem.casefold()))
    formats = Counter((frame.folder, frame.format) for frame in frames)

    def preference(frame: Frame) -> tuple[int, bool, str]:
        """Prefer the format that most files of the folder have, then JPEG."""
        return -formats[frame.folder, frame.format], frame.format != "jpeg", frame.path

    kept: dict[Stem, Frame] = {}
    leftovers = []
    for stem, same_shot in stems.items():
        readable = [frame for frame in same_shot if not frame.problem and frame.format != RAW]
        first = min(readable, key=preference, default=None)
        if first is not None:
            kept[stem] = first
        leftovers += [_set_aside(frame, first) for frame in same_shot if frame is not first]
    copies = {stem: name for stem in kept if (name := _find_original(stem, kept[stem], stems))}
    leftovers += [
        Leftover(kept.pop(stem).path, f"a copy of {name}") for stem, name in copies.items()
    ]
    return list(kept.values()), leftovers


def _set_aside(frame: Frame, kept: Frame | None) -> Leftover:
    """Return the reason why a file is not used; `kept` is the file of the same shot that is."""
    if frame.problem:
        return Leftover(frame.path, frame.problem)
    if kept is None:
        return Leftover(frame.path, "a raw file; develop it to a 16-bit TIFF first")
    kind = "the raw file of" if frame.format == RAW else "the same shot as"
    return Leftover(frame.path, f"{kind} {posixpath.basename(kept.path)}")


def _find_original(stem: Stem, copy: Frame, stems: dict[Stem, list[Frame]]) -> str | None:
    """Return the name of the file that another one is a copy of, edited or not."""
    named = original_of(stem[1])
    if named is None:
        return None
    for original in stems.get((stem[0], named[0]), ()):
        if _is_copy(copy, original, named_as_copy=named[1]):
            return posixpath.basename(original.path)
    return None


def _is_copy(copy: Frame, original: Frame, *, named_as_copy: bool) -> bool:
    """Return whether two files with related names show one shot."""
    if original.format == RAW or original.problem:
        return False  # the copy is the only usable file of the shot
    if named_as_copy and (copy.captured is None or original.captured is None):
        return True
    if copy.captured is not None or original.captured is not None:
        return copy.captured == original.captured and copy.exposure == original.exposure
    if copy.thumbnail is None or original.thumbnail is None:
        return False
    return largest_difference(copy.thumbnail, original.thumbnail) <= MOST_DIFFERENCE

"""Files that show one shot: the same name in several formats, copies, edits, results of programs.

`choose_twin` decides which file of a shot is used.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from expinterp.brackets.frames import RAW, Frame, group_frames
from expinterp.brackets.plan import Leftover
from expinterp.brackets.thumbnail_match import brightness, largest_difference, unpack_thumbnails

MOST_DIFFERENCE = 1.0  # code value; thumbnails of recompressed copies differ by less
DEVELOPED = 0.2  # stops of brightness from which two files of one shot are developments to fuse
_SEPARATORS = " -_.(+"
_COPY = re.compile(r"(?P<original>.+?)(?:[ _]?\(\d{1,3}\)|[-_~]\d{1,2})")
_WORD = re.compile(
    r"(?P<original>.+?)[-_. ]+(?:copy|kopie|copie|edit(?:ed)?|enhanced|hdr|pano|bw|crop(?:ped)?"
    r"|retouch(?:ed)?|web|small|fused|fusion|merged?|blend(?:ed)?|enfuse|photomatix|aurora"
    r"|tone-?mapped|result|stitch(?:ed)?|mid)\b.*",
    re.IGNORECASE,
)

Stem = tuple[str, str]  # folder, and the name without its suffix in small letters


def stem_of(frame: Frame) -> Stem:
    """Return what the files of one shot have in common."""
    return frame.folder, frame.stem.casefold()


def separate_twins(frames: Sequence[Frame]) -> tuple[list[Frame], list[Leftover]]:
    """Separate the readable frames, one per shot and folder, from the other files."""
    formats = Counter((frame.folder, frame.format) for frame in frames)
    kept, leftovers = list[Frame](), list[Leftover]()
    for same_shot in group_frames(frames, stem_of).values():
        chosen = choose_twin(same_shot, formats)
        kept += [chosen] if chosen else []
        leftovers += [_set_aside(frame, chosen) for frame in same_shot if frame is not chosen]
    return kept, leftovers


def choose_twin(same_shot: Iterable[Frame], formats: Mapping[tuple[str, str], int]) -> Frame | None:
    """Choose the file of a shot that is used: in the format that most files of the folder have."""
    readable = [frame for frame in same_shot if not frame.problem and frame.format != RAW]
    return min(
        readable,
        key=lambda f: (-formats[f.folder, f.format], f.format != "jpeg", f.path),
        default=None,
    )


def _set_aside(frame: Frame, kept: Frame | None) -> Leftover:
    """Return the reason why a file is not used; `kept` is the file of the same shot that is."""
    if frame.problem:
        return Leftover(frame.path, frame.problem)
    if kept is None:
        return Leftover(frame.path, "a raw file; develop it to a 16-bit TIFF first")
    kind = "the raw file of" if frame.format == RAW else "the same shot as"
    return Leftover(frame.path, f"{kind} {posixpath.basename(kept.path)}")


# --- copies and results --------------------------------------------------------------------------


def separate_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[Leftover]]:
    """Separate frames from copies and edits of others, and from the results of other programs."""
    stems = {stem_of(frame): frame for frame in frames}
    reasons = {stem: reason for stem in stems if (reason := _why_copy(stem, stems))}
    kept = [frame for stem, frame in stems.items() if stem not in reasons]
    return kept, [Leftover(stems[stem].path, reason) for stem, reason in reasons.items()]


def _why_copy(stem: Stem, stems: Mapping[Stem, Frame]) -> str | None:
    """Return why a file shows no shot of its own; None if it does."""
    folder, name = stem
    if named := _WORD.fullmatch(name):
        original = _beginning(folder, named["original"], stems)
        if original:
            return f"made from {posixpath.basename(original.path)}, by its name"
    copy = _COPY.fullmatch(name)
    original = stems.get((folder, copy["original"])) if copy else None
    if original and _look_alike(stems[stem], original):
        return f"a copy of {posixpath.basename(original.path)}"
    return None


def _beginning(folder: str, name: str, stems: Mapping[Stem, Frame]) -> Frame | None:
    """Return the file whose name a name begins with; None if there is none."""
    ends = [at for at, letter in enumerate(name) if letter in _SEPARATORS]
    for end in (len(name), *reversed(ends)):
        if original := stems.get((folder, name[:end])):
            return original
    return None


def _look_alike(copy: Frame, original: Frame) -> bool:
    """Return whether two files with related names show one shot, developed alike."""
    stated = copy.captured is not None or original.captured is not None
    if stated and (copy.captured, copy.exposure) != (original.captured, original.exposure):
        return False
    if copy.thumbnail is None or original.thumbnail is None:
        return stated
    if not stated:
        return largest_difference(copy.thumbnail, original.thumbnail) <= MOST_DIFFERENCE
    dark, bright = sorted(brightness(unpack_thumbnails([copy.thumbnail, original.thumbnail])))
    return bool(bright - dark < DEVELOPED)

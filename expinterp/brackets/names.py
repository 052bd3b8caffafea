"""Read file names: camera numbers, sets, the patterns of users, and which files show one shot.

Cameras follow the DCF rules (CIPA DC-009): four free characters and a file number from 0001 to 9999,
in folders such as ``100CANON``; 0001 follows 9999, often in the next folder.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeAlias

from expinterp.brackets.frames import RAW, Frame, group_frames
from expinterp.brackets.plan import Leftover, PlanError
from expinterp.images.thumbnails import brightness, largest_difference, unpack_thumbnails

Prefer: TypeAlias = Literal["raw", "jpeg"]

LAST_NUMBER = 9999  # of DCF file numbers
_DCF_STEM = re.compile(r"(?!\d{8})(\w{4})(\d{4})", re.ASCII)
_FRAME_OF_SET = re.compile(
    r"""(?! .* \d\d [.:_\ -] \d\d [.:_\ -] \d\d $)  # no time or date at the end, as in 12.00.31
    (?P<set> .*? [^\W\d_] .*? )
    (?: (?<=\d) [a-i]                                                      # lake12a
    | (?<=\d{6}) [-_(] \d{3} \)?                                          # IMG_20240101_120000_001
    | [-_ .]* \(? (?: (?<!\d) \d{1,2} | [+-]? \d ([.,]\d+)? \ ? ev ) \)?  # church (2), church-2EV
    | [-_ .]+ (?: [a-i] | [+-]\d ([.,]\d+)? | long | short | mid(dle)? | medium | normal | base
        | (dark|light|bright)(er)? | (under|over)(exposed)? | low|high|plus|minus | copy(\ \d)? )
    )""",
    re.IGNORECASE | re.VERBOSE,
)
NEAR = 15.0  # seconds within which shots may be of one bracket
MOST_DIFFERENCE = 1.0  # code value; thumbnails of recompressed copies differ by less
DEVELOPED = 0.2  # stops of brightness from which three files of one shot are developments to fuse
EDITED = 1.0  # stops up to which the only other file of a shot is an edit
_DUPLICATE = re.compile(r"[-_. ](copy|kopie|copie)\b")
_WORD = re.compile(
    r"[-_. ](edit(ed)?|enhanced|hdr|pano|bw|crop(ped)?|retouch(ed)?|web|small|fused|fusion|merged?"
    r"|blend(ed)?|enfuse|photomatix|aurora|tone-?mapped|result|stitch(ed)?|mid)\b"
)

Stem = tuple[str, str]  # folder, and the name without its suffix in small letters
_SEPARATORS = " -_.(+~"
_FIELD = re.compile(r"\\\{(\w+)\\\}")  # {name}, as re.escape leaves it


def common_name(stems: Sequence[str]) -> str:
    """Return what all names begin with, without the separator before the rest."""
    return posixpath.commonprefix(stems).rstrip(_SEPARATORS) or stems[0]


class FileNumber(NamedTuple):
    """The number that a camera put into a file name, and the characters before it."""

    prefix: str
    number: int  # 0..9999


def read_file_number(stem: str) -> FileNumber | None:
    """Read the number in a camera's file name; numbers that people gave do not count.

    People may have numbered files after deleting some; then a gap in them means nothing.
    """
    dcf = _DCF_STEM.fullmatch(stem)
    return None if dcf is None else FileNumber(dcf[1], int(dcf[2]))


def set_of(stem: str) -> str | None:
    """Return the name of the set before a trailing frame suffix; None without such a suffix."""
    part = None if read_file_number(stem) else _FRAME_OF_SET.fullmatch(stem)
    return part["set"].rstrip(_SEPARATORS).casefold() or None if part else None


def compile_pattern(pattern: str) -> Callable[[str], str | None]:
    """Build a function that returns the name of the set of a path, its folders included, or None.

    The pattern is a template such as ``{set}_{frame}``, or a regular expression with a group named
    ``set``. It must match the whole name without its suffix; if it contains ``/``, the whole path.

    Raises
    ------
    PlanError
        If the pattern has no field ``set``, or is not a valid regular expression.

    Examples
    --------
    >>> compile_pattern("{set}_{frame}")("trip/church_2.jpg")
    'trip/church'
    """
    template = "(?P<set>" not in pattern
    escaped = re.escape(pattern).replace(r"\{set\}", "(?P<set>[^/]+)")
    try:
        expression = re.compile(_FIELD.sub("[^/]+?", escaped) if template else pattern)
    except re.error as error:
        message = f"the pattern {pattern} is not a valid regular expression ({error}); correct it"
        raise PlanError(message) from error
    if "set" not in expression.groupindex:
        message = f"the pattern {pattern} has no {{set}}; write {{set}} for the name of the set"
        raise PlanError(message)
    return partial(_set_of_path, expression, whole="/" in pattern)


def _set_of_path(expression: re.Pattern[str], path: str, *, whole: bool) -> str | None:
    folder, slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0] or name
    text = f"{folder}{slash}{stem}" if whole else stem
    match = expression.fullmatch(text)
    if match is None or not match["set"]:
        return None
    above = text[: text.rfind("/", 0, match.start("set")) + 1] if whole else folder + slash
    return f"{above}{match['set']}"


# Order of the formats of one shot; others are between.
RANKS: dict[Prefer, dict[str, int]] = {
    "raw": {RAW: 0, "heif": 1},
    "jpeg": {"jpeg": 1, "heif": 3, RAW: 4},
}


def stem_of(frame: Frame) -> Stem:
    """Return what the files of one shot have in common."""
    return frame.folder, frame.stem.casefold()


def separate_twins(
    frames: Sequence[Frame], prefer: Prefer = "raw"
) -> tuple[list[Frame], list[Leftover]]:
    """Separate the readable frames, one per shot and folder, from the other files.

    The preferred format is used that all shots of one time have; else what the camera recorded, or
    its JPEG. Of other formats that one is used which most files of the folder have.
    """
    formats = Counter((frame.folder, frame.format) for frame in frames)
    kept, leftovers = list[Frame](), list[Leftover]()
    for together in _taken_together(group_frames(frames, stem_of).values()):
        readable = [[frame for frame in shot if not frame.problem] for shot in together]
        uses = Counter(form for shot in readable for form in {frame.format for frame in shot})

        def rank(frame: Frame, uses: Counter[str] = uses) -> tuple[Any, ...]:
            return (
                uses[frame.format] < max(uses.values()),
                (frame.exposure.time is None) * (1 + (frame.thumbnail is None)),  # little use, none
                RANKS[prefer].get(frame.format, 2),
                -formats[frame.folder, frame.format],
                frame.format != "jpeg",
                frame.path,
            )

        for shot, usable in zip(together, readable, strict=True):
            chosen = min(usable, key=rank, default=None)
            kept += [chosen] if chosen else []
            leftovers += [_set_aside(frame, chosen) for frame in shot if frame is not chosen]
    return kept, leftovers


def _taken_together(shots: Iterable[list[Frame]]) -> list[list[list[Frame]]]:
    """Group shots that may be of one bracket, by time: these are best read from one format."""

    def moment(shot: list[Frame]) -> tuple[str, float]:
        return shot[0].folder, max(frame.local_time for frame in shot)

    line = sorted(shots, key=moment)
    pairs = enumerate(pairwise(map(moment, line)), 1)
    breaks = [at for at, (a, b) in pairs if a[0] != b[0] or not 0 < b[1] <= a[1] + NEAR]
    return [line[start:stop] for start, stop in pairwise([0, *breaks, len(line)])]


def _set_aside(frame: Frame, kept: Frame | None) -> Leftover:
    """Return the reason why a file is not used; `kept` is the file of the same shot that is."""
    if frame.problem:
        return Leftover(frame.path, frame.problem)
    name = posixpath.basename(kept.path) if kept else "another"
    if frame.format == RAW:
        return Leftover(frame.path, f"the raw file of {name}")
    remedy = "; --prefer jpeg takes this one" if kept and kept.format == RAW else ""
    return Leftover(frame.path, f"the same shot as {name}{remedy}")


def separate_copies(frames: Sequence[Frame]) -> tuple[list[Frame], list[Leftover]]:
    """Separate frames from copies and edits of others, and from the results of other programs."""
    stems = {stem_of(frame): frame for frame in frames}
    named = {stem: list(_named_within(stem, stems)) for stem in stems}
    versions = Counter(original.path for found in named.values() for original, _ in found)
    reasons = {stem: "a result of expinterp" for stem, frame in stems.items() if frame.computed}
    for stem, found in named.items():
        for original, added in reversed(found):
            if why := _why_copy(stems[stem], original, added, alone=versions[original.path] == 1):
                reasons[stem] = why.format(posixpath.basename(original.path))
    kept = [frame for stem, frame in stems.items() if stem not in reasons]
    return kept, [Leftover(stems[stem].path, reason) for stem, reason in reasons.items()]


def _named_within(stem: Stem, stems: Mapping[Stem, Frame]) -> Iterator[tuple[Frame, str]]:
    """List the files whose names are part of a name, the longest first, and what it adds."""
    folder, name = stem
    cuts = [at for at in range(len(name) - 1, 0, -1) if name[at] in _SEPARATORS]
    parts = [(name[:at], name[at:]) for at in cuts] + [(name[at + 1 :], "") for at in cuts[::-1]]
    phone = [(name.replace("img_e", "img_"), " edit")] if name.startswith("img_e") else []
    return ((stems[folder, n], added) for n, added in parts + phone if (folder, n) in stems)


def _why_copy(frame: Frame, original: Frame, added: str, *, alone: bool) -> str | None:
    """Return why a file shows no shot of its own; None if it does.

    Several files of one shot may be developments to fuse. The only other one is an edit if its name
    adds a word that names no exposure, or if it is about as bright.
    """
    stated = frame.captured is not None or original.captured is not None
    one_shot = (frame.captured, frame.exposure) == (original.captured, original.exposure)
    other_word = bool(added) and set_of(f"x{added}") != "x" and stated and one_shot
    if _WORD.search(added) or (alone and (other_word or _DUPLICATE.search(added))):
        return "made from {}, by its name"
    thumbnails = [each for each in (frame.thumbnail, original.thumbnail) if each]
    if not one_shot or len(thumbnails) < 2:
        return "a copy of {}" if one_shot and stated else None
    dark, bright = sorted(brightness(unpack_thumbnails(thumbnails)))
    edited = stated and bright - dark < (EDITED if alone else DEVELOPED)
    return "a copy of {}" if edited or largest_difference(*thumbnails) <= MOST_DIFFERENCE else None

"""What file names say: counters, copies, trailing frame suffixes, and patterns that users give.

Cameras follow the DCF rules (CIPA DC-009): four free characters and a counter from 0001 to 9999,
in folders such as ``100CANON``; after 9999 comes 0001, often in the next folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from expinterp.brackets.plan import PlanError

Natural: TypeAlias = tuple[Any, ...]  # texts and numbers in turn

LAST = 9999  # of a DCF counter
_DCF_STEM = re.compile(r"(?!\d{8})(\w{4})(\d{4})", re.ASCII)
_DCF_FOLDER = re.compile(r"([1-9]\d\d)(\w{5})", re.ASCII)
_DIGITS = re.compile(r"(\d+)")
_COPY = re.compile(
    r"(?P<original>.+?)(?:(?P<word>[-_ ]+(?:copy|kopie|copie|edit(?:ed)?|enhanced|hdr|pano|bw|crop"
    r"(?:ped)?|retouch(?:ed)?|web|small)\b.*)|[ _]?\(\d{1,3}\)|[-_~]\d{1,2})",
    re.IGNORECASE,
)
_FRAME_OF_SET = re.compile(
    r"""(?P<set> .*? [^\W\d_] .*? )
    (?: (?<=\d) [a-i]                                    # lake12a
    | [-_ .]* \(? (?: \d{1,2} | [+-]? \d ([.,]\d+)? \ ? ev ) \)?      # church2, church (2), church-2EV
    | [-_ .]+ (?: [a-i] | [+-]\d ([.,]\d+)? | long | short | mid(dle)? | medium | normal | base
        | dark(er)? | bright(er)? | under(exposed)? | over(exposed)? | low | high | plus | minus )
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_FIELD = re.compile(r"\\\{(\w+)\\\}")  # {name}, as re.escape leaves it


def natural_key(text: str) -> Natural:
    """Sort names as people do: ``shot9`` before ``shot10``.

    Examples
    --------
    >>> sorted(["shot10", "Shot9"], key=natural_key)
    ['Shot9', 'shot10']
    """
    parts = _DIGITS.split(text.casefold())
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts))


@dataclass(frozen=True, slots=True)
class Count:
    """The counter in a file name that a camera gave.

    Attributes
    ----------
    prefix : str
        What stands before it.
    number : int
        Its value, 0..9999.
    """

    prefix: str
    number: int


def read_count(stem: str) -> Count | None:
    """Read the counter of a camera's file name; people's own numbers are none.

    Theirs may have been given after files were deleted, so they do not tell what is missing.

    Examples
    --------
    >>> read_count("IMG_0042")
    Count(prefix='IMG_', number=42)
    >>> read_count("wedding-042") is None
    True
    """
    dcf = _DCF_STEM.fullmatch(stem)
    return None if dcf is None else Count(dcf[1], int(dcf[2]))


def is_camera_folder(name: str) -> bool:
    """Tell a folder that a camera made (DCF): it says nothing about its pictures.

    Examples
    --------
    >>> is_camera_folder("100CANON"), is_camera_folder("church")
    (True, False)
    """
    return _DCF_FOLDER.fullmatch(name) is not None


def next_folder(folder: str) -> str | None:
    """Name the folder that a camera makes when one is full; None for a folder of people.

    Examples
    --------
    >>> next_folder("DCIM/100CANON")
    'DCIM/101CANON'
    """
    parent, slash, name = folder.rpartition("/")
    dcf = _DCF_FOLDER.fullmatch(name)
    if dcf is None:
        return None
    following = 100 if dcf[1] == "999" else int(dcf[1]) + 1
    return f"{parent}{slash}{following}{dcf[2]}"


def original_of(stem: str) -> tuple[str, bool] | None:
    """Name what a stem may be a copy of, and whether a word in it says so.

    Examples
    --------
    >>> original_of("IMG_0042-Edit"), original_of("IMG_0042 (1)"), original_of("church")
    (('IMG_0042', True), ('IMG_0042', False), None)
    """
    copy = _COPY.fullmatch(stem)
    return None if copy is None else (copy["original"], copy["word"] is not None)


def set_of(stem: str) -> str | None:
    """Name the set that a trailing frame suffix tells a file to belong to; None without one.

    Examples
    --------
    >>> [set_of(stem) for stem in ("church_1", "church-dark", "church +2EV", "IMG_0042")]
    ['church', 'church', 'church', None]
    """
    if read_count(stem) is not None:
        return None
    part = _FRAME_OF_SET.fullmatch(stem)
    return None if part is None else part["set"].rstrip(" -_.(+").casefold() or None


def compile_pattern(pattern: str) -> Callable[[str], str | None]:
    """Make a function that names the set of a file from its path.

    Parameters
    ----------
    pattern : str
        A template such as ``{set}_{frame}``, or a regular expression with a group named ``set``.
        It has to match the whole name without its suffix; with a ``/`` in it, the whole path.

    Returns
    -------
    function
        From a path to the name of its set, below the folders above it; None where the pattern does
        not match.

    Raises
    ------
    PlanError
        If the pattern names no set, or is no regular expression.

    Examples
    --------
    >>> compile_pattern("{set}_{frame}")("trip/church_2.jpg")
    'trip/church'
    """
    template = "(?P<set>" not in pattern
    source = _FIELD.sub(_template_group, re.escape(pattern)) if template else pattern
    try:
        expression = re.compile(source)
    except re.error as error:
        message = f"the pattern {pattern} is no regular expression ({error}); correct it"
        raise PlanError(message) from error
    if "set" not in expression.groupindex:
        message = f"the pattern {pattern} names no set; write {{set}} where its name stands"
        raise PlanError(message)
    whole = "/" in pattern

    def set_of_path(path: str) -> str | None:
        folder, slash, name = path.rpartition("/")
        stem = name.rpartition(".")[0] or name
        text = f"{folder}{slash}{stem}" if whole else stem
        match = expression.fullmatch(text)
        if match is None or not match["set"]:
            return None
        above = text[: text.rfind("/", 0, match.start("set")) + 1] if whole else folder + slash
        return f"{above}{match['set']}"

    return set_of_path


def _template_group(field: re.Match[str]) -> str:
    """Turn a field of a template into a group; all but the set are whatever stands there."""
    return "(?P<set>[^/]+)" if field[1] == "set" else "[^/]+?"

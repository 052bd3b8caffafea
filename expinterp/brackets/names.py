"""Read file names: camera numbers, copies, trailing frame suffixes, and the patterns of users.

Cameras follow the DCF rules (CIPA DC-009): four free characters and a file number from 0001 to 9999,
in folders such as ``100CANON``; 0001 follows 9999, often in the next folder.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from expinterp.brackets.plan import PlanError

Natural: TypeAlias = tuple[Any, ...]  # text, number, text, ...

LAST_NUMBER = 9999  # of DCF file numbers
_DCF_STEM = re.compile(r"(?!\d{8})(\w{4})(\d{4})", re.ASCII)
_DCF_FOLDER = re.compile(r"([1-9]\d\d)(\w{5})", re.ASCII)
_DIGITS = re.compile(r"(\d+)")
_FRAME_OF_SET = re.compile(
    r"""(?P<set> .*? [^\W\d_] .*? )
    (?: (?<=\d) [a-i]                                    # lake12a
    | (?<=\d{6}) [-_(] \d{3} \)?                          # 20240101_120000_001, of a phone
    | [-_ .]* \(? (?: (?<!\d) \d{1,2} | [+-]? \d ([.,]\d+)? \ ? ev ) \)?      # church2, church (2), church-2EV
    | [-_ .]+ (?: [a-i] | [+-]\d ([.,]\d+)? | long | short | mid(dle)? | medium | normal | base
        | dark(er)? | bright(er)? | under(exposed)? | over(exposed)? | low | high | plus | minus )
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_SEPARATORS = " -_.(+"
_FIELD = re.compile(r"\\\{(\w+)\\\}")  # {name}, as re.escape leaves it


def natural_key(text: str) -> Natural:
    """Return a key that sorts names as people do: ``shot9`` before ``shot10``.

    Examples
    --------
    >>> sorted(["shot10", "Shot9"], key=natural_key)
    ['Shot9', 'shot10']
    """
    parts = _DIGITS.split(text.casefold())
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts))


def name_in(folder: str, name: str) -> str:
    """Put a name into a folder."""
    return f"{folder}/{name}" if folder else name


def common_name(stems: Sequence[str]) -> str:
    """Return what all names begin with, without the separator before the rest."""
    return posixpath.commonprefix(stems).rstrip(_SEPARATORS) or stems[0]


@dataclass(frozen=True, slots=True)
class FileNumber:
    """The number that a camera put into a file name.

    Attributes
    ----------
    prefix : str
        The characters before it.
    number : int
        Its value, 0..9999.
    """

    prefix: str
    number: int


def read_file_number(stem: str) -> FileNumber | None:
    """Read the number in a camera's file name; numbers that people gave do not count.

    People may have numbered files after deleting some; then a gap in them means nothing.

    Examples
    --------
    >>> read_file_number("IMG_0042")
    FileNumber(prefix='IMG_', number=42)
    >>> read_file_number("wedding-042") is None
    True
    """
    dcf = _DCF_STEM.fullmatch(stem)
    return None if dcf is None else FileNumber(dcf[1], int(dcf[2]))


def is_camera_folder(name: str) -> bool:
    """Return whether a camera named a folder (DCF); its name then says nothing about the pictures.

    Examples
    --------
    >>> is_camera_folder("100CANON"), is_camera_folder("church")
    (True, False)
    """
    return _DCF_FOLDER.fullmatch(name) is not None


def next_folder(folder: str) -> str | None:
    """Return the folder that a camera creates when this one is full; None if people named it.

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


def set_of(stem: str) -> str | None:
    """Return the name of the set before a trailing frame suffix; None without such a suffix.

    Examples
    --------
    >>> [set_of(stem) for stem in ("church_1", "church-dark", "church +2EV", "IMG_0042")]
    ['church', 'church', 'church', None]
    """
    if read_file_number(stem) is not None:
        return None
    part = _FRAME_OF_SET.fullmatch(stem)
    return None if part is None else part["set"].rstrip(_SEPARATORS).casefold() or None


def compile_pattern(pattern: str) -> Callable[[str], str | None]:
    """Build a function that returns the name of the set of a file from its path.

    Parameters
    ----------
    pattern : str
        A template such as ``{set}_{frame}``, or a regular expression with a group named ``set``.
        It must match the whole name without its suffix; if it contains ``/``, the whole path.

    Returns
    -------
    function
        From a path to the name of its set, including the folders above it; None where the pattern
        does not match.

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
    source = _FIELD.sub(_template_group, re.escape(pattern)) if template else pattern
    try:
        expression = re.compile(source)
    except re.error as error:
        message = f"the pattern {pattern} is not a valid regular expression ({error}); correct it"
        raise PlanError(message) from error
    if "set" not in expression.groupindex:
        message = (
            f"the pattern {pattern} has no {{set}}; write {{set}} in place of the name of the set"
        )
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
    """Turn a field of a template into a group; every field but the set matches any text."""
    return "(?P<set>[^/]+)" if field[1] == "set" else "[^/]+?"

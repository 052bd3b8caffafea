"""A plan: which files form which bracket, which are left over, and why; stored as JSON lines.

Each bracket and each leftover has a line, so that a plan can be read, shortened and edited by hand::

    {"kind": "plan", "schema_version": 1, "folder": "/photos"}
    {"kind": "bracket", "name": "IMG_0001", "frames": ["IMG_0003.jpg", ...], "reason": ..., ...}
    {"kind": "leftover", "path": "IMG_0004.jpg", "reason": "a single shot"}
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

from expinterp.errors import flaw
from expinterp.files import read_small
from expinterp.text import MALFORMED, dump_json, is_storable, parse_json

SCHEMA_VERSION = 1
FEWEST = 2  # frames of a bracket
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LARGEST = 1e9  # seconds, 32 years
MAX_PLAN = 1 << 28  # bytes; a line has about 300


class PlanError(ValueError):
    """A plan that contradicts itself, or a file that is not a plan."""


def _require(condition: object, message: str) -> None:
    if not condition:
        raise PlanError(message)


@dataclass(frozen=True)
class _Item:
    def as_json(self) -> dict[str, Any]:
        """Return the values as JSON types."""
        return {"kind": type(self).__name__.lower(), **asdict(self)}


@dataclass(frozen=True)
class Bracket(_Item):
    """The files of one scene."""

    name: str  # unique in its plan, letter case aside; parts separated by / follow the folders
    frames: tuple[str, ...]  # paths relative to the folder of the plan, brightest first; >= 2
    reason: str = ""  # why they belong together, one phrase
    times: tuple[float, ...] | None = None  # seconds, one per frame; None unless all are stated
    evs: tuple[float, ...] | None = None  # stops below the first frame, from time, ISO and aperture
    camera: str | None = None  # maker and model


@dataclass(frozen=True)
class Leftover(_Item):
    """A file (or a folder, its path ending in ``/``) that is in no bracket."""

    path: str  # relative to the folder of the plan
    reason: str  # one phrase for the user


@dataclass(frozen=True)
class Plan:
    """Brackets and leftovers of a folder, each file in one of them.

    Raises
    ------
    PlanError
        If two brackets share a name or a file, or a bracket has fewer than two frames.
    """

    folder: str  # the paths are relative to it
    brackets: tuple[Bracket, ...]
    leftovers: tuple[Leftover, ...] = ()

    def __post_init__(self) -> None:
        names: set[str] = set()
        owners: dict[str, str] = {}
        for bracket in self.brackets:
            name, key = bracket.name, bracket.name.casefold()
            _require(key not in names, f"two brackets are named {name}; give each its own name")
            names.add(key)
            few = f"bracket {name} has fewer than {FEWEST} frames; remove it"
            _require(len(bracket.frames) >= FEWEST, few)
            for path in bracket.frames:
                message = f"{path} is already in bracket {owners.get(path)}; name each file once"
                _require(path not in owners, message)
                owners[path] = name

    def lines(self) -> Iterator[str]:
        """Return the plan as lines of JSON, without line ends."""
        yield dump_json({"kind": "plan", "schema_version": SCHEMA_VERSION, "folder": self.folder})
        yield from (dump_json(item.as_json()) for item in (*self.brackets, *self.leftovers))


def parse_plan(lines: Iterable[str]) -> Plan:
    """Read a plan from JSON lines, as written or edited; empty ones are skipped.

    Raises
    ------
    PlanError
        If a line is not part of a plan (the message has its number), or the plan contradicts itself.
    """
    found: dict[type, list[Any]] = {str: [""], Bracket: [], Leftover: []}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = _parse_item(parse_json(line))
        except MALFORMED as error:
            problem = "not JSON" if isinstance(error, json.JSONDecodeError) else flaw(error)
            message = f"line {number} of the plan cannot be understood ({problem}); correct it"
            raise PlanError(message) from error
        found[type(item)].append(item)
    return Plan(found[str][-1], tuple(found[Bracket]), tuple(found[Leftover]))


def _parse_item(values: dict[str, Any]) -> Bracket | Leftover | str:
    """Build what one line describes: a bracket, a leftover, or the folder of the plan."""
    kind = values["kind"]
    if kind == "plan":
        version = values["schema_version"]
        newer = f"schema version {version} is newer than {SCHEMA_VERSION}"
        _require(version <= SCHEMA_VERSION, newer)
        return _text(values, "folder")
    if kind == "leftover":
        return Leftover(_text(values, "path"), _text(values, "reason", ""))
    _require(kind == "bracket", f"'kind' must be plan, bracket or leftover, not {kind}")
    frames = values["frames"]
    _require(isinstance(frames, list), "'frames' must be a list of paths")
    return Bracket(
        name=_text(values, "name"),
        frames=tuple(map(_path, frames)),
        reason=_text(values, "reason", ""),
        times=_numbers(values, "times", len(frames)),
        evs=_numbers(values, "evs", len(frames)),
        camera=_text(values, "camera") if values.get("camera") is not None else None,
    )


def _text(values: dict[str, Any], key: str, default: str | None = None) -> str:
    """Return a text; without a default it must be present and not empty."""
    value = values.get(key, default)
    _require(isinstance(value, str) and (value or default is not None), f"'{key}' must be a text")
    unusual = f"{str(value)[:40]!r} has a character that no file name can have"
    _require(is_storable(str(value)), unusual)
    return str(value)


def _path(path: str) -> str:
    """Return the path of a frame; it must be relative, and inside the folder."""
    text = _text({"path": path}, "path")
    inside = not PurePath(text).anchor and ".." not in PurePath(text).parts
    _require(inside, f"{text} is not inside the folder")
    return text


def _numbers(values: dict[str, Any], key: str, count: int) -> tuple[float, ...] | None:
    """Return numbers, one per frame; None where an edited bracket has another number of frames."""
    numbers = values.get(key)
    if numbers is None or (isinstance(numbers, list) and len(numbers) != count):
        return None
    valid = isinstance(numbers, list) and all(
        isinstance(one, (int, float)) and abs(one) <= LARGEST for one in numbers
    )
    _require(valid, f"'{key}' must be numbers, at most ±{LARGEST:g}")
    return tuple(map(float, numbers))


def read_plan(source: str | Path) -> Plan:
    """Read a plan from a file, as written or edited; also in UTF-16, which PowerShell writes.

    Raises
    ------
    ImageFileError
        If the file cannot be read.
    PlanError
        If it is not a plan.
    """
    content = read_small(source, MAX_PLAN)
    try:
        text = content.decode("utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{source}: not Unicode text; write a plan with 'expinterp batch -n --json'"
        raise PlanError(message) from error
    return parse_plan(text.split("\n"))

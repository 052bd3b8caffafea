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


@dataclass(frozen=True)
class Bracket:
    """The files of one scene."""

    name: str  # unique in its plan, letter case aside; parts separated by / follow the folders
    frames: tuple[
        str, ...
    ]  # paths relative to the folder of the plan, brightest first; two or more
    reason: str = ""  # why they belong together, one phrase
    times: tuple[float, ...] | None = None  # seconds, one per frame; None unless all are stated
    evs: tuple[float, ...] | None = None  # stops below the first frame, from time, ISO and aperture
    camera: str | None = None  # maker and model

    def as_json(self) -> dict[str, Any]:
        """Return the values as JSON types."""
        return {"kind": "bracket", **asdict(self)}


@dataclass(frozen=True)
class Leftover:
    """A file (or a folder, its path ending in ``/``) that is in no bracket."""

    path: str  # relative to the folder of the plan
    reason: str  # one phrase for the user

    def as_json(self) -> dict[str, Any]:
        """Return the values as JSON types."""
        return {"kind": "leftover", **asdict(self)}


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
        _check(self.brackets)

    def lines(self) -> Iterator[str]:
        """Return the plan as lines of JSON, without line ends."""
        header = {"kind": "plan", "schema_version": SCHEMA_VERSION, "folder": self.folder}
        yield dump_json(header)
        items: tuple[Bracket | Leftover, ...] = (*self.brackets, *self.leftovers)
        yield from (dump_json(item.as_json()) for item in items)


def _check(brackets: Iterable[Bracket]) -> None:
    """Check that a batch can run the brackets."""
    names: set[str] = set()
    owners: dict[str, str] = {}
    for bracket in brackets:
        if bracket.name.casefold() in names:
            message = f"two brackets are named {bracket.name}; give each its own name"
            raise PlanError(message)
        names.add(bracket.name.casefold())
        if len(bracket.frames) < FEWEST:
            message = f"bracket {bracket.name} has fewer than {FEWEST} frames; remove it"
            raise PlanError(message)
        for path in bracket.frames:
            owner = owners.setdefault(path, bracket.name)
            if owner != bracket.name or bracket.frames.count(path) > 1:
                message = f"{path} is already in bracket {owner}; name each file once"
                raise PlanError(message)


def parse_plan(lines: Iterable[str]) -> Plan:
    """Read a plan from its lines, as written or edited.

    Parameters
    ----------
    lines : iterable of str
        JSON lines; empty ones are skipped.

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
        if values["schema_version"] > SCHEMA_VERSION:
            message = f"schema version {values['schema_version']} is newer than {SCHEMA_VERSION}"
            raise PlanError(message)
        return _text(values, "folder")
    if kind == "leftover":
        return Leftover(_text(values, "path"), _text(values, "reason", ""))
    if kind != "bracket":
        message = f"'kind' must be plan, bracket or leftover, not {kind}"
        raise PlanError(message)
    frames = _relative(values["frames"])
    return Bracket(
        name=_text(values, "name"),
        frames=frames,
        reason=_text(values, "reason", ""),
        times=_numbers(values, "times", len(frames)),
        evs=_numbers(values, "evs", len(frames)),
        camera=_text(values, "camera") if values.get("camera") is not None else None,
    )


def _text(values: dict[str, Any], key: str, default: str | None = None) -> str:
    """Return a text; without a default it must be present and not empty."""
    value = values.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        message = f"'{key}' must be a text"
        raise PlanError(message)
    return _storable(value)


def _storable(name: str) -> str:
    """Refuse a name that no file can have."""
    if not is_storable(name):
        message = f"{name[:40]!r} has a character that no file name can have"
        raise PlanError(message)
    return name


def _relative(paths: object) -> tuple[str, ...]:
    """Check the frames of a bracket: relative paths inside the folder."""
    if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
        message = "'frames' must be a list of paths"
        raise PlanError(message)
    for path in paths:
        if PurePath(path).anchor or ".." in PurePath(path).parts:
            message = f"{path} is not inside the folder"
            raise PlanError(message)
    return tuple(map(_storable, paths))


def _numbers(values: dict[str, Any], key: str, count: int) -> tuple[float, ...] | None:
    """Return numbers, one per frame; None where an edited bracket has another number of frames."""
    numbers = values.get(key)
    if numbers is None or (isinstance(numbers, list) and len(numbers) != count):
        return None
    if not isinstance(numbers, list) or not all(
        isinstance(one, (int, float)) and abs(one) <= LARGEST for one in numbers
    ):
        message = f"'{key}' must be numbers, at most ±{LARGEST:g}"
        raise PlanError(message)
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

"""A plan: which files form which bracket, which are left over, and why; and its JSON lines.

One line per bracket or leftover, so that a plan can be read, cut down and edited by hand::

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

from expinterp.errors import ImageFileError, flaw, reason

SCHEMA_VERSION = 1
FEWEST = 2  # frames of a bracket
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
MAX_PLAN = 1 << 30  # bytes; a line has about 300


class PlanError(ValueError):
    """A plan contradicts itself, or is none."""


@dataclass(frozen=True)
class Bracket:
    """The files of one scene.

    Attributes
    ----------
    name : str
        Unique in its plan, letter case aside; parts separated by ``/`` mirror the folders.
    frames : tuple of str
        Paths relative to the folder of the plan, brightest (longest exposure) first; two or more.
    reason : str
        Why they belong together, one phrase.
    times : tuple of float or None
        Exposure times in seconds, one per frame; None unless all are stated.
    evs : tuple of float or None
        Stops relative to the first frame, 0 and below, from time, ISO and aperture; None unless
        all are stated.
    camera : str or None
        Maker and model.
    """

    name: str
    frames: tuple[str, ...]
    reason: str = ""
    times: tuple[float, ...] | None = None
    evs: tuple[float, ...] | None = None
    camera: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the facts in types that JSON has."""
        return {"kind": "bracket", **asdict(self)}


@dataclass(frozen=True)
class Leftover:
    """A file (or a folder, its path ending in ``/``) that belongs to no bracket.

    Attributes
    ----------
    path : str
        Relative to the folder of the plan.
    reason : str
        One phrase, for people.
    """

    path: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Give the facts in types that JSON has."""
        return {"kind": "leftover", **asdict(self)}


@dataclass(frozen=True)
class Plan:
    """Brackets and leftovers of a folder, each file in one place.

    Attributes
    ----------
    folder : str
        What the paths are relative to.
    brackets : tuple of Bracket
    leftovers : tuple of Leftover

    Raises
    ------
    PlanError
        If two brackets share a name or a file, or a bracket has fewer than two frames.
    """

    folder: str
    brackets: tuple[Bracket, ...]
    leftovers: tuple[Leftover, ...] = ()

    def __post_init__(self) -> None:
        _check(self.brackets)

    def lines(self) -> Iterator[str]:
        """Write the plan as JSON, a line each, without line ends."""
        header = {"kind": "plan", "schema_version": SCHEMA_VERSION, "folder": self.folder}
        yield json.dumps(header)
        items: tuple[Bracket | Leftover, ...] = (*self.brackets, *self.leftovers)
        yield from (json.dumps(item.as_json()) for item in items)


def _check(brackets: Iterable[Bracket]) -> None:
    """Refuse what no runner could carry out."""
    names: set[str] = set()
    places: dict[str, str] = {}
    for bracket in brackets:
        if bracket.name.casefold() in names:
            message = f"two brackets are named {bracket.name}; give each its own name"
            raise PlanError(message)
        names.add(bracket.name.casefold())
        if len(bracket.frames) < FEWEST:
            message = f"bracket {bracket.name} has fewer than {FEWEST} frames; remove it"
            raise PlanError(message)
        for path in bracket.frames:
            other = places.setdefault(path, bracket.name)
            if other != bracket.name or bracket.frames.count(path) > 1:
                message = f"{path} is in bracket {other} already; name each file once"
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
        If a line cannot be understood, with its number, or the plan contradicts itself.
    """
    folder = ""
    brackets: list[Bracket] = []
    leftovers: list[Leftover] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            item = _item(json.loads(line))
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            message = f"line {number} of the plan cannot be understood ({flaw(error)}); correct it"
            raise PlanError(message) from error
        if isinstance(item, Bracket):
            brackets.append(item)
        elif isinstance(item, Leftover):
            leftovers.append(item)
        else:
            folder = item
    return Plan(folder, tuple(brackets), tuple(leftovers))


def _item(facts: dict[str, Any]) -> Bracket | Leftover | str:
    """Make what one line states; a header gives its folder."""
    kind = facts["kind"]
    if kind == "plan":
        if facts["schema_version"] > SCHEMA_VERSION:
            message = f"schema version {facts['schema_version']} is newer than {SCHEMA_VERSION}"
            raise PlanError(message)
        return _text(facts, "folder")
    if kind == "leftover":
        return Leftover(_text(facts, "path"), _text(facts, "reason", ""))
    if kind != "bracket":
        message = f"no such kind: {kind}"
        raise PlanError(message)
    frames = _relative(facts["frames"])
    return Bracket(
        name=_text(facts, "name"),
        frames=frames,
        reason=_text(facts, "reason", ""),
        times=_numbers(facts, "times", len(frames)),
        evs=_numbers(facts, "evs", len(frames)),
        camera=_text(facts, "camera") if facts.get("camera") is not None else None,
    )


def _text(facts: dict[str, Any], key: str, default: str | None = None) -> str:
    """Take a text; one that has no default must be there and not be empty."""
    value = facts.get(key, default)
    if not isinstance(value, str) or (default is None and not value):
        message = f"'{key}' must be a text"
        raise PlanError(message)
    return value


def _relative(paths: object) -> tuple[str, ...]:
    """Take the frames of a bracket: relative paths, which stay inside the folder."""
    if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
        message = "'frames' must be a list of paths"
        raise PlanError(message)
    for path in paths:
        if PurePath(path).anchor or ".." in PurePath(path).parts:
            message = f"{path} does not lie inside the folder"
            raise PlanError(message)
    return tuple(paths)


def _numbers(facts: dict[str, Any], key: str, count: int) -> tuple[float, ...] | None:
    """Take numbers, one per frame; an edited bracket of another length has none."""
    values = facts.get(key)
    if values is None or len(values) != count:
        return None
    return tuple(float(value) for value in values)


def read_plan(source: str | Path) -> Plan:
    """Read a plan from a file, as written or edited; in UTF-16 too, as PowerShell redirects.

    Raises
    ------
    ImageFileError
        If the file cannot be read.
    PlanError
        If it is no plan.
    """
    try:
        with Path(source).open("rb") as stream:
            content = stream.read(MAX_PLAN)
        text = content.decode("utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig")
    except OSError as error:
        message = f"{source}: cannot be read ({reason(error)}); check the path"
        raise ImageFileError(message) from error
    except UnicodeDecodeError as error:
        message = f"{source}: is no Unicode text; a plan is made by --dry-run --json"
        raise PlanError(message) from error
    return parse_plan(text.split("\n"))

"""Plans in files: read as they were written, or as people edited them.

Each bracket and each leftover has a line of JSON, as `expinterp.brackets.plan` describes it.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

from expinterp.brackets import Bracket, Leftover, Plan, PlanError
from expinterp.brackets.plan import SCHEMA_VERSION, require
from expinterp.errors import flaw
from expinterp.files import read_small
from expinterp.text import MALFORMED, is_storable, parse_json

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LARGEST = 1e9  # seconds, 32 years
MAX_PLAN = 1 << 28  # bytes; a line has about 300


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
        require(version <= SCHEMA_VERSION, newer)
        return _text(values, "folder")
    if kind == "leftover":
        return Leftover(_text(values, "path"), _text(values, "reason", ""))
    require(kind == "bracket", f"'kind' must be plan, bracket or leftover, not {kind}")
    frames = values["frames"]
    require(isinstance(frames, list), "'frames' must be a list of paths")
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
    require(isinstance(value, str) and (value or default is not None), f"'{key}' must be a text")
    unusual = f"{str(value)[:40]!r} has a character that no file name can have"
    require(is_storable(str(value)), unusual)
    return str(value)


def _path(path: str) -> str:
    """Return the path of a frame; it must be relative, and inside the folder."""
    text = _text({"path": path}, "path")
    inside = not PurePath(text).anchor and ".." not in PurePath(text).parts
    require(inside, f"{text} is not inside the folder")
    return text


def _numbers(values: dict[str, Any], key: str, count: int) -> tuple[float, ...] | None:
    """Return numbers, one per frame; None where an edited bracket has another number of frames."""
    numbers = values.get(key)
    if numbers is None or (isinstance(numbers, list) and len(numbers) != count):
        return None
    valid = isinstance(numbers, list) and all(
        isinstance(one, (int, float)) and abs(one) <= LARGEST for one in numbers
    )
    require(valid, f"'{key}' must be numbers, at most ±{LARGEST:g}")
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

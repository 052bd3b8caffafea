"""A plan: which files form which bracket, which are left over, and why; stored as JSON lines.

Each bracket and each leftover has a line, so that a plan can be read, shortened and edited by hand::

    {"kind": "plan", "schema_version": 1, "folder": "/photos"}
    {"kind": "bracket", "name": "IMG_0001", "frames": ["IMG_0003.jpg", ...], "reason": ..., ...}
    {"kind": "leftover", "path": "IMG_0004.jpg", "reason": "a single shot"}
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from expinterp.text import dump_json

SCHEMA_VERSION = 1
FEWEST = 2  # frames of a bracket


class PlanError(ValueError):
    """A plan that contradicts itself, or a file that is not a plan."""


def require(condition: object, message: str) -> None:
    """Raise a `PlanError` unless a condition holds."""
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
            require(key not in names, f"two brackets are named {name}; give each its own name")
            names.add(key)
            few = f"bracket {name} has fewer than {FEWEST} frames; remove it"
            require(len(bracket.frames) >= FEWEST, few)
            for path in bracket.frames:
                message = f"{path} is already in bracket {owners.get(path)}; name each file once"
                require(path not in owners, message)
                owners[path] = name

    def lines(self) -> Iterator[str]:
        """Return the plan as lines of JSON, without line ends."""
        yield dump_json({"kind": "plan", "schema_version": SCHEMA_VERSION, "folder": self.folder})
        yield from (dump_json(item.as_json()) for item in (*self.brackets, *self.leftovers))

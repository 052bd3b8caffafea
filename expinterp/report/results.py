"""The results of a batch, read from its journal as values of known types.

Anybody may have changed a journal: a value of an unexpected type counts as missing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from expinterp.batch.journal import JournalContents

State: TypeAlias = Literal["failed", "warned", "done", "skipped"]
STATES: tuple[State, ...] = ("failed", "warned", "done", "skipped")  # the order on the page


def as_text(value: object) -> str:
    """Return a text; empty for anything else."""
    return value if isinstance(value, str) else ""


def as_number(value: object) -> float | None:
    """Return a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer beyond any float
        return None


def as_dict(value: object) -> dict[str, Any]:
    """Return a JSON object; empty for anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a list; empty for anything else."""
    return value if isinstance(value, list) else []


@dataclass(frozen=True)
class BracketFile:
    """A photograph of a bracket, and what the record of its job states.

    Attributes
    ----------
    path : Path
        Where it was when the batch ran.
    name : str
        As in the journal, relative.
    role : str
        ``long``, ``short``, ``medium``, ``fused``...; empty if it does not distinguish the file.
    label : str
        Its name on the page: the role, numbered if the bracket has several such files.
    made : bool
        Whether the batch made it.
    facts : dict
        Its row in the record of the job, with the ``ghosts`` of the job; empty if there is none.
    """

    path: Path
    name: str
    role: str
    label: str
    made: bool
    facts: dict[str, Any]

    @property
    def time(self) -> float | None:
        """The exposure time in seconds, if it is known."""
        return as_number(self.facts.get("time"))


@dataclass(frozen=True)
class BracketResult:
    """The result of one bracket.

    Attributes
    ----------
    status : str
        As in the journal: done, failed, skipped.
    files : tuple of BracketFile
        Inputs, brightest first, then results.
    records : tuple of dict
        Of the jobs, as ``--json`` prints them.
    error : dict
        ``type``, ``message`` and ``exit_code`` of a failure; empty without one.
    seconds : float or None
        Duration.
    finished : str
        Date and time, ISO 8601.
    """

    name: str
    status: str
    files: tuple[BracketFile, ...]
    records: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    error: dict[str, Any]
    seconds: float | None
    finished: str

    @property
    def state(self) -> State:
        """The group of the bracket on the page."""
        if self.error or self.status == "failed":
            return "failed"
        if self.status == "skipped":
            return "skipped"
        return "warned" if self.warnings else "done"


def read_results(journal: JournalContents, out: Path) -> list[BracketResult]:
    """Read the results: failures first, then those with warnings, each group by name.

    Parameters
    ----------
    out : Path
        The folder that the outputs are relative to.
    """
    folder = Path(as_text(journal.header.get("folder")))
    results = [_read_result(name, line, folder, out) for name, line in journal.results.items()]
    return sorted(results, key=lambda result: (STATES.index(result.state), _natural(result.name)))


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Return a sort key that compares numbers by value: 2 before 10, and digits before letters."""
    parts: list[str] = re.findall("[0-9]{1,18}|[^0-9]+", name.casefold())
    return [(False, int(p), "") if "0" <= p[0] <= "9" else (True, 0, p) for p in parts]


def _read_result(name: str, line: dict[str, Any], folder: Path, out: Path) -> BracketResult:
    records = tuple(map(as_dict, as_list(line.get("reports"))))
    frames = _files(line.get("frames"), folder, _rows(records, "inputs"), made=False)
    # Of three shots, the middle one is the short shot of one pair and the long one of the next.
    if len({frame.role for frame in frames}) < len(frames) or len(frames) > 2:
        frames = [replace(frame, role="") for frame in frames]
    outputs = _files(line.get("outputs"), out, _rows(records, "outputs"), made=True)
    warnings = (as_text(one) for record in records for one in as_list(record.get("warnings")))
    return BracketResult(
        name=name,
        status=as_text(line.get("status")),
        files=(*_label(frames, "shot"), *_label(outputs, "result")),
        records=records,
        warnings=tuple(dict.fromkeys(filter(None, warnings))),
        error=as_dict(line.get("error")),
        seconds=as_number(line.get("seconds")),
        finished=as_text(line.get("finished")),
    )


def _rows(records: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """List the rows of several records, each with what its record states of moving things."""
    return [
        as_dict(row) | {"ghosts": as_dict(record.get("ghosts"))}
        for record in records
        for row in as_list(record.get(key))
    ]


def _files(
    names: object, base: Path, rows: list[dict[str, Any]], *, made: bool
) -> list[BracketFile]:
    files = []
    for name in filter(None, map(as_text, as_list(names))):
        matching = [row for row in rows if _same_name(as_text(row.get("file")), name)]
        # The paths of a.jpg and sub/a.jpg both end in a.jpg.
        facts = min(matching, key=lambda row: len(row["file"]), default={})
        role = as_text(facts.get("kind" if made else "role"))
        files.append(BracketFile(base / name, name, role, "", made, facts))
    return files


def _label(files: list[BracketFile], unknown: str) -> Iterator[BracketFile]:
    """Label files by their roles, with a number if several have the same."""
    labels = [file.role or unknown for file in files]
    for place, (file, label) in enumerate(zip(files, labels, strict=True)):
        several = labels.count(label) > 1
        numbered = f"{label} {labels[:place].count(label) + 1}" if several else label
        yield replace(file, label=numbered)


def _same_name(recorded: str, name: str) -> bool:
    """Whether the path in a record, absolute or not, is that of a relative name."""
    path, tail = recorded.replace("\\", "/"), name.replace("\\", "/")
    return path == tail or path.endswith("/" + tail)

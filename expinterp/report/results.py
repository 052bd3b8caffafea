"""What a journal says of each bracket, as values that can be relied on.

A journal is read from a file that anybody may have touched: what is not of the expected type counts
as not said.
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


def text(value: object) -> str:
    """Take a text; empty if it is none."""
    return value if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """Take a finite number; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer beyond any float
        return None


def mapping(value: object) -> dict[str, Any]:
    """Take an object; empty if it is none."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """Take a list; empty if it is none."""
    return value if isinstance(value, list) else []


@dataclass(frozen=True)
class File:
    """A photograph of a bracket, and what its job said of it.

    Attributes
    ----------
    path : Path
        Where it was when the batch ran.
    name : str
        As the journal gives it, relative.
    role : str
        What the job says it is: ``long``, ``short``, ``medium``, ``fused``... Empty if it does not
        say what sets the file apart.
    label : str
        What the page calls it: its role, numbered if the bracket has several such files.
    made : bool
        Whether the batch made it.
    facts : dict
        Its row in the report of the job; empty if there is none.
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
        return number(self.facts.get("time"))


@dataclass(frozen=True)
class BracketResult:
    """What came of one bracket.

    Attributes
    ----------
    name : str
    status : str
        As the journal says: done, failed, skipped.
    files : tuple of File
        Inputs, brightest first, then results.
    reports : tuple of dict
        What each job reported, as ``--json`` prints it.
    warnings : tuple of str
    error : dict
        ``type``, ``message`` and ``exit_code`` of a failure; empty without one.
    seconds : float or None
        Time it took.
    finished : str
        When, in ISO 8601.
    """

    name: str
    status: str
    files: tuple[File, ...]
    reports: tuple[dict[str, Any], ...]
    warnings: tuple[str, ...]
    error: dict[str, Any]
    seconds: float | None
    finished: str

    @property
    def state(self) -> State:
        """How the page sorts it."""
        if self.error or self.status == "failed":
            return "failed"
        if self.status == "skipped":
            return "skipped"
        return "warned" if self.warnings else "done"


def read_results(record: JournalContents, out: Path) -> list[BracketResult]:
    """Take the results from a journal: failures first, then those with warnings, each by name.

    Parameters
    ----------
    out : Path
        The folder that the outputs are relative to.
    """
    folder = Path(text(record.header.get("folder")))
    results = [_read_result(name, line, folder, out) for name, line in record.results.items()]
    return sorted(results, key=lambda result: (STATES.index(result.state), _natural(result.name)))


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Order names as people count: 2 before 10, and figures before letters."""
    parts: list[str] = re.findall("[0-9]{1,18}|[^0-9]+", name.casefold())
    numbers = ("0" <= part[0] <= "9" for part in parts)
    return [
        (False, int(part), "") if numeric else (True, 0, part)
        for part, numeric in zip(parts, numbers, strict=True)
    ]


def _read_result(name: str, line: dict[str, Any], folder: Path, out: Path) -> BracketResult:
    reports = tuple(mapping(report) for report in items(line.get("reports")))
    frames = _files(line.get("frames"), folder, _rows(reports, "inputs"), made=False)
    # Of more than two, one is the short shot of one pair and the long one of the next.
    if len({frame.role for frame in frames}) < len(frames) or len(frames) > 2:
        frames = [replace(frame, role="") for frame in frames]
    outputs = _files(line.get("outputs"), out, _rows(reports, "outputs"), made=True)
    return BracketResult(
        name=name,
        status=text(line.get("status")),
        files=(*_label(frames, "shot"), *_label(outputs, "result")),
        reports=reports,
        warnings=_warnings(reports),
        error=mapping(line.get("error")),
        seconds=number(line.get("seconds")),
        finished=text(line.get("finished")),
    )


def _warnings(reports: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Gather what the jobs remarked on, each remark once."""
    said = [text(words) for report in reports for words in items(report.get("warnings"))]
    return tuple(dict.fromkeys(filter(None, said)))


def _rows(reports: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return [mapping(row) for report in reports for row in items(report.get(key))]


def _files(names: object, base: Path, rows: list[dict[str, Any]], *, made: bool) -> list[File]:
    files = []
    for name in filter(None, map(text, items(names))):
        matching = [row for row in rows if _same_name(text(row.get("file")), name)]
        # Of a.jpg and sub/a.jpg, both end in a.jpg.
        facts = min(matching, key=lambda row: len(row["file"]), default={})
        role = text(facts.get("kind" if made else "role"))
        files.append(File(base / name, name, role, "", made, facts))
    return files


def _label(files: list[File], unknown: str) -> Iterator[File]:
    """Name files after their roles, with a number where there are several of one."""
    labels = [file.role or unknown for file in files]
    for place, (file, label) in enumerate(zip(files, labels, strict=True)):
        several = labels.count(label) > 1
        numbered = f"{label} {labels[:place].count(label) + 1}" if several else label
        yield replace(file, label=numbered)


def _same_name(reported: str, name: str) -> bool:
    """Tell whether a job's path, absolute or not, is that of a relative name."""
    path, tail = reported.replace("\\", "/"), name.replace("\\", "/")
    return path == tail or path.endswith("/" + tail)

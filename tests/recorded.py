"""Outcomes that are recorded: of many variants of an input, as counts and sums on one line."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

from expinterp.errors import ImageFileError, OutputError
from expinterp.images.metadata.ifd import DamagedBlockError

STEP = 32  # places of an input that share a sum


def outcome(function: Callable[[Any], Any], variant: Any) -> tuple[str, str]:
    """Return what a function returns or says, as text; of other faults the kind, as libraries word them."""
    try:
        return "read", repr(function(variant))
    except (ImageFileError, OutputError, DamagedBlockError) as error:
        return "refused", str(error)
    except Exception as error:  # noqa: BLE001 - they are reported as damage of the file
        return "failed", type(error).__name__


def line_of(name: str, function: Callable[[Any], Any], variants: Iterable[tuple[int, Any]]) -> str:
    """Return a line of a record: the outcomes of variants, which are given with their places."""
    counts, sums = Counter[str](), dict[int, int]()
    for at, variant in variants:
        kind, text = outcome(function, variant)
        counts[kind] += 1
        place = at // STEP
        sums[place] = zlib.crc32(text.encode("utf-8", "surrogateescape"), sums.get(place, 0))
    counted = ", ".join(f"{counts[kind]} {kind}" for kind in ("read", "refused", "failed"))
    return f"{name}: {counted}; {' '.join(f'{value:08x}' for value in sums.values())}"


@cache
def record(path: Path) -> dict[str, str]:
    """Read the lines of a record by name."""
    return {line.partition(":")[0]: line for line in path.read_text("utf-8").splitlines()}

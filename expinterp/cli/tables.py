"""Tables on stdout: ruled on a terminal, plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from expinterp.evaluation import Table


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables one below the other."""
    for table in tables:
        if sys.stdout is not None and sys.stdout.isatty():
            _rule(table)
        else:
            for line in plain_lines(table):
                click.echo(line)


def plain_lines(table: Table) -> Iterator[str]:
    """Write a table as lines: the caption, then columns side by side, figures to the right."""
    yield table.caption
    widths = [max(map(len, column)) for column in zip(table.headers, *table.rows, strict=True)]
    for row in (table.headers, *table.rows):
        yield f"  {_align(row, widths)}".rstrip()
    yield ""


def _align(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        f"{cell:<{width}}" if place == 0 else f"{cell:>{width}}"
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join((first, *rest))


def _rule(table: Table) -> None:
    """Print a table with rules, as wide as the terminal allows."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Ruled

    ruled = Ruled(title=escape(table.caption), title_justify="left")
    for place, header in enumerate(table.headers):
        ruled.add_column(escape(header), justify="left" if place == 0 else "right")
    for row in table.rows:
        ruled.add_row(*map(escape, row))
    Console().print(ruled)

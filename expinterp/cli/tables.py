"""Tables on stdout: ruled on a terminal, plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

from expinterp.text import visible

if TYPE_CHECKING:
    from expinterp.evaluation import Table

WIDEST = 40  # characters that a plain column of text is padded to; longer cells run on


def print_tables(tables: Iterable[Table]) -> None:
    """Print tables of figures one below the other."""
    for table in tables:
        print_table(table.headers, table.rows, caption=table.caption, figures=True)
        click.echo()


def print_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str = "",
    figures: bool = False,
) -> None:
    """Print a table.

    Parameters
    ----------
    headers : sequence of str
        One for each column.
    rows : iterable of sequence of str
        Any text; control characters are made visible.
    caption : str
        Printed above the table.
    figures : bool
        Whether all columns but the first are aligned to the right.
    """
    lines, caption = [tuple(map(visible, row)) for row in (headers, *rows)], visible(caption)
    if sys.stdout is not None and sys.stdout.isatty():
        _print_ruled(lines, caption, figures)
    else:
        _print_plain(lines, caption, figures)


def _print_plain(lines: Sequence[Sequence[str]], caption: str, figures: bool) -> None:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    if not figures:
        widths = [min(width, WIDEST) for width in widths]
    if caption:
        click.echo(caption)
    for line in lines:
        gaps = [" " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True)]
        first, *rest = zip(line, gaps, strict=True)
        cells = [
            first[0] + first[1],
            *(gap + cell if figures else cell + gap for cell, gap in rest),
        ]
        click.echo(("  " * bool(caption) + "  ".join(cells)).rstrip())


def _print_ruled(lines: Sequence[Sequence[str]], caption: str, figures: bool) -> None:
    """Print a table with rules, as wide as the terminal allows."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Ruled

    ruled = Ruled(title=escape(caption), title_justify="left")
    for place, header in enumerate(lines[0]):
        right = figures and place > 0
        ruled.add_column(escape(header), justify="right" if right else "left", overflow="fold")
    for line in lines[1:]:
        ruled.add_row(*map(escape, line))
    Console().print(ruled)

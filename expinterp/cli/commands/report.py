"""``expinterp report``: write an HTML page from the journal of a batch."""

from __future__ import annotations

from pathlib import Path

import click

from expinterp.cli.command import Command
from expinterp.cli.console import Console
from expinterp.cli.options import NAME, OVERWRITE, PAGE, output_option

HELP = """Write a report of a batch: one HTML page that needs no network and no other file.

\b
expinterp report results -o report.html
expinterp report results/expinterp-journal.jsonl -o report.html

JOURNAL is the journal of a batch, or the folder of its results. The page lists failures first. For
every bracket it shows the pictures, their histograms, and the measurements.
"""
SECTIONS = {"Options": (output_option("The page", kind=PAGE, metavar="FILE.html"), OVERWRITE)}


@click.command(
    cls=Command, sections=SECTIONS, help=HELP, short_help="Write a report of a batch, an HTML page."
)
@click.argument("journal", type=NAME)
@click.pass_context
def report(context: click.Context, journal: str, output: Path, overwrite: bool) -> None:
    """Read the journal and write the page."""
    from expinterp.report import write_report

    console = context.ensure_object(Console)
    with console.progress() as progress:
        warnings = write_report(journal, output, overwrite=overwrite, progress=progress)
    console.warn(*warnings)
    console.detail(f"wrote {output}")

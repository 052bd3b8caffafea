"""``expinterp report``: the journal of a batch in, one page of HTML out."""

from __future__ import annotations

from pathlib import Path

import click

from expinterp.cli.command import Command
from expinterp.cli.console import Talk
from expinterp.cli.options import NAME, PAGE

HELP = """Write a report of a batch: one page of HTML that needs no network, nor anything beside it.

\b
expinterp report results -o report.html
expinterp report results/expinterp-journal.jsonl -o report.html

JOURNAL is the journal of a batch, or the folder of its results. The page shows failures first, and
of every bracket its pictures side by side, their brightness, and what was measured.
"""
SECTIONS = {
    "Options": (
        click.Option(
            ["-o", "--output"],
            type=PAGE,
            metavar="FILE.html",
            required=True,
            help="The page; - is stdout.",
        ),
        click.Option(["--overwrite"], is_flag=True, help="Replace a page that exists."),
    ),
}


@click.command(
    cls=Command,
    sections=SECTIONS,
    help=HELP,
    short_help="Write a report of a batch, one page of HTML.",
)
@click.argument("journal", type=NAME)
@click.pass_context
def report(context: click.Context, journal: str, output: Path, overwrite: bool) -> None:
    """Read the journal, and write the page."""
    from expinterp.report import write_report

    talk = context.ensure_object(Talk)
    with talk.progress() as progress:
        remarks = write_report(journal, output, overwrite=overwrite, progress=progress)
    for remark in remarks:
        talk.warn(remark)
    talk.detail(f"wrote {output}")

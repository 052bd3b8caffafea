"""``expinterp doctor`` tells whether this installation is well."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from expinterp.cli.command import Command

if TYPE_CHECKING:
    from expinterp.refine import Device

HELP = """Examine the installation: packages, devices, model, formats.

\b
expinterp doctor
expinterp doctor --device cuda --json

The exit code is 0, or that of the first problem.
"""
SECTIONS = {
    "Options": (
        click.Option(
            ["--device"],
            type=click.Choice(["auto", "cpu", "cuda"]),
            default="auto",
            show_default=True,
            help="Where the timed tile runs.",
        ),
    ),
    "Messages": (
        click.Option(["--json", "as_json"], is_flag=True, help="Print the findings as JSON."),
    ),
}


@click.command(cls=Command, sections=SECTIONS, help=HELP)
def doctor(device: Device, as_json: bool) -> int:
    """Print what the examination found."""
    from expinterp.doctor import examine, first_problem

    findings = examine(device=device)
    if as_json:
        rows = [found.as_json() for found in findings]
        click.echo(json.dumps({"schema_version": 1, "findings": rows}, indent=2))
    for found in findings if not as_json else ():
        click.echo(f"{'FAIL' if found.code else 'ok':4}  {found.name:20}  {found.detail}")
        if found.cure:
            click.echo(f"{'':28}cure: {found.cure}")
    return first_problem(findings)

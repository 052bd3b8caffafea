"""``expinterp doctor``: check this installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from expinterp.cli.command import Command
from expinterp.cli.options import DEVICE, json_option
from expinterp.text import dump_json

if TYPE_CHECKING:
    from expinterp.refine import Device

HELP = """Check the installation: packages, devices, model, formats.

\b
expinterp doctor
expinterp doctor --device cuda --json

The exit code is 0, or that of the first problem.
"""
SECTIONS = {"Options": (DEVICE[0],), "Messages": (json_option("Print the findings as JSON."),)}


@click.command(cls=Command, sections=SECTIONS, help=HELP)
def doctor(device: Device, as_json: bool) -> int:
    """Print what the checks found."""
    from expinterp.cli.tables import print_table
    from expinterp.doctor import examine, first_problem

    findings = examine(device=device)
    if as_json:
        records = [found.as_json() for found in findings]
        click.echo(dump_json({"schema_version": 1, "findings": records}, indent=2))
        return first_problem(findings)
    rows = []
    for found in findings:
        rows.append(("FAIL" if found.code else "ok", found.name, found.detail))
        if found.cure:
            rows.append(("", "", f"cure: {found.cure}"))
    print_table(("", "check", "finding"), rows)
    return first_problem(findings)

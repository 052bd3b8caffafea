"""A command whose help lists its options under headings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

from expinterp.cli.console import TALK

LAST = "Messages"  # the heading of the options that every command has


class Command(click.Command):
    """A command with sections.

    Parameters
    ----------
    sections : mapping of str to sequence of click.Option
        Options by their headings. Those of every command are added to the last one.
    """

    def __init__(
        self, *args: Any, sections: Mapping[str, Sequence[click.Option]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        last = (*sections.get(LAST, ()), *TALK)
        self.sections = {**sections, LAST: last}
        self.params += [option for options in self.sections.values() for option in options]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings; ``--help`` is the last one."""
        for heading, options in self.sections.items():
            shown = [*options, self.get_help_option(ctx)] if heading == LAST else options
            records = [option.get_help_record(ctx) for option in shown if option]
            with formatter.section(heading):
                formatter.write_dl([record for record in records if record])


def refuse(contradictions: Iterable[str]) -> None:
    """Raise the first contradiction, if there is one, as a usage error."""
    for contradiction in contradictions:
        raise click.UsageError(contradiction)

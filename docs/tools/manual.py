"""Text made from the commands themselves: manual pages, and the reference page of the site.

Needs click and nothing else, so that it also runs where a wheel is built.
"""

from __future__ import annotations

import html
import inspect
import os
import re
import textwrap
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from expinterp import __version__, cli
from expinterp.cli.command import Command
from expinterp.errors import ExitCode

EXIT_CODES = {
    ExitCode.OK: "Done.",
    ExitCode.UNEXPECTED: "Unexpected error; `--debug` shows where it happened.",
    ExitCode.USAGE: "The command line is wrong: an option, a value, a missing argument.",
    ExitCode.IMAGE_FILE: "An input cannot be read, is not supported, or needs more memory than there is.",
    ExitCode.PAIR: "The photographs do not belong together, or are equally exposed.",
    ExitCode.OUTPUT_EXISTS: "The output exists already, or is one of the inputs.",
    ExitCode.OUTPUT: "The output cannot be written.",
    ExitCode.DEVICE: "The requested device is not available.",
    ExitCode.MODEL: "The network is missing or damaged, or tuning did not make it better.",
    ExitCode.MISSING_EXTRA: "A package or a system library is not installed.",
    ExitCode.BATCH: "Some brackets of a batch or an evaluation failed, or files could not be read.",
    ExitCode.INTERRUPTED: "Interrupted. No output is left half written.",
}
LITERAL = "\b\n"  # click: the lines of this paragraph are kept


@dataclass(frozen=True)
class Entry:
    """What there is to say about one command.

    Attributes
    ----------
    name : str
        As it is typed: ``expinterp fuse``.
    command : click.Command
    context : click.Context
    """

    name: str
    command: click.Command
    context: click.Context

    @property
    def summary(self) -> str:
        """One line, without a full stop."""
        help_text = self.command.short_help or self.paragraphs[0]
        return " ".join(help_text.split()).removesuffix(".")

    @property
    def usage(self) -> str:
        """The command line with its arguments."""
        return " ".join([self.name, *self.command.collect_usage_pieces(self.context)])

    @property
    def paragraphs(self) -> list[str]:
        """Paragraphs of the help; an example begins with `LITERAL`."""
        return re.split(r"\n\n+", inspect.cleandoc(self.command.help or ""))

    @property
    def sections(self) -> dict[str, list[tuple[str, str]]]:
        """Options and their help by heading."""
        groups = {"Options": self.command.get_params(self.context)}
        if isinstance(self.command, Command):
            help_option = self.command.get_help_option(self.context)
            groups = {name: [*options] for name, options in self.command.sections.items()}
            groups["Messages"] += [help_option] if help_option else []
        return {name: list(_records(options, self.context)) for name, options in groups.items()}


def _records(
    options: Iterable[click.Parameter], context: click.Context
) -> Iterator[tuple[str, str]]:
    """Return names and help of options that are shown."""
    for option in options:
        record = option.get_help_record(context)
        if record:
            yield record[0], " ".join(record[1].split())


def entries() -> list[Entry]:
    """List the program and its commands, the program first."""
    settings = cli.commands.context_settings  # the names of --help
    program = click.Context(cli.commands, info_name=cli.NAME, **settings)
    found = [Entry(cli.NAME, cli.commands, program)]
    for name, command in cli.commands.commands.items():
        context = click.Context(command, info_name=name, parent=program)
        found.append(Entry(f"{cli.NAME} {name}", command, context))
    return found


def man_pages() -> dict[str, str]:
    """Return the text of every manual page by its file name, such as ``expinterp-fuse.1``."""
    return {f"{_page(entry.name)}.1": _man_page(entry) for entry in entries()}


def write_man_pages(folder: Path) -> list[Path]:
    """Write all manual pages into a folder; return their paths."""
    paths = []
    for name, text in man_pages().items():
        paths.append(folder / name)
        paths[-1].write_text(text, "ascii")
    return paths


def _page(name: str) -> str:
    return name.replace(" ", "-")


def _man_page(entry: Entry) -> str:
    title = f'"{_page(entry.name).upper()}" "1" "{_today()}"'
    lines = [
        f'.TH {title} "{cli.NAME} {__version__}" "{cli.NAME} manual"',
        ".SH NAME",
        rf"{_roff(_page(entry.name))} \- {_roff(entry.summary)}",
        ".SH SYNOPSIS",
        _roff(entry.usage),
        ".SH DESCRIPTION",
        "\n.PP\n".join(map(_roff_paragraph, entry.paragraphs)),
        ".SH OPTIONS",
    ]
    for heading, records in entry.sections.items():
        lines += [f".SS {_roff(heading)}", *_roff_list(records)]
    others = [other for other in entries() if other.name != entry.name]
    if entry.command is cli.commands:
        lines += [".SH COMMANDS", *_roff_list((one.name, one.summary + ".") for one in others)]
    codes = ((str(int(code)), words.replace("`", "")) for code, words in EXIT_CODES.items())
    lines += [".SH EXIT STATUS", *_roff_list(codes), ".SH SEE ALSO"]
    names = sorted(_page(other.name) for other in others)
    return "\n".join([*lines, " ,\n".join(rf".BR {_roff(name)} (1)" for name in names), ""])


def _today() -> str:
    """Return the date of the build, as reproducible builds ask for it."""
    now = int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
    return time.strftime("%Y-%m-%d", time.gmtime(now))


def _roff(text: str) -> str:
    r"""Escape text for roff.

    Examples
    --------
    >>> print(_roff("--at 3×3"))
    \-\-at 3\[u00D7]3
    """
    text = text.replace("\\", r"\e").replace("-", r"\-")
    text = re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)
    return "".join(c if ord(c) < 128 else rf"\[u{ord(c):04X}]" for c in text)


def _roff_paragraph(paragraph: str) -> str:
    if paragraph.startswith(LITERAL):
        example = _roff(paragraph.removeprefix(LITERAL))
        return f".RS 4\n.nf\n{example}\n.fi\n.RE"
    return _roff(_wrap(paragraph))


def _roff_list(records: Iterable[tuple[str, str]]) -> list[str]:
    """Return a list of terms and their meanings."""
    lines = []
    for term, meaning in records:
        lines += [".TP", rf"\fB{_roff(term)}\fR", _roff(_wrap(meaning))]
    return lines


def _wrap(text: str) -> str:
    """Break into lines that stay below 80 characters once `_roff` has escaped them."""
    return textwrap.fill(" ".join(text.split()), 70, break_on_hyphens=False)


def reference() -> str:
    """Return the reference of all commands in Markdown."""
    return "\n".join(line for entry in entries() for line in _markdown(entry))


def exit_codes() -> str:
    """Return the exit codes as a table in Markdown."""
    rows = (f"| {int(code)} | {words} |" for code, words in EXIT_CODES.items())
    return "\n".join(["| code | meaning |", "|---|---|", *rows])


def _markdown(entry: Entry) -> Iterator[str]:
    yield from (f"## {entry.name}", "", "```text", entry.usage, "```", "")
    for paragraph in entry.paragraphs:
        if paragraph.startswith(LITERAL):
            yield from ("```sh", paragraph.removeprefix(LITERAL), "```", "")
        else:
            yield from (_plain(paragraph), "")
    for heading, records in entry.sections.items():
        yield from (f"### {heading} {{: #{_page(f'{entry.name} {heading.lower()}')} }}", "")
        for term, meaning in records:
            yield from (f"`{term}`", f":   {_plain(meaning)}", "")


def _plain(text: str) -> str:
    """Protect what Markdown or HTML would take for markup."""
    return re.sub(r"([\[\]{}*_\\])", r"\\\1", html.escape(text, quote=False))

"""Options that several commands share, named after the fields of what they fill in.

Parameters are named after the fields of `Job`, `Target` and `Writing`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from expinterp.cli.values import seconds, times

Result = TypeVar("Result")
Option = Callable[[Callable[..., Any]], Callable[..., Any]]


class Name(click.Path):
    """The name of a file or folder: checked when it is opened, but never empty.

    As a type it completes in the shell. pathlib would take an empty one for the current folder.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty name."""
        if value == "":
            self.fail("a name is needed, not an empty one", param, ctx)
        return super().convert(value, param, ctx)


STREAM = "-"
NAME = Name(readable=False)
FILE = Name(readable=False, path_type=Path)
FORMATS = click.Choice(["jpeg", "png", "tiff", "webp", "avif"])

TARGET: tuple[Option, ...] = (
    click.option("--at", "ev", type=float, metavar="EV", help="Exposure in stops above SHORT."),
    click.option("--at-time", "time", type=seconds, help="Exposure as a time, as in 1/60."),
    click.option(
        "--count", type=click.IntRange(1), metavar="N", help="A ladder of so many: mid_1.jpg ..."
    ),
)
EXPOSURES: tuple[Option, ...] = (
    click.option("--times", type=times, metavar="LONG,SHORT", help="Times, as in 1/30,1/480."),
    click.option(
        "--ratio", type=float, metavar="R", help="Exposure of LONG over that of SHORT, as in 16."
    ),
)
RESPONSE: tuple[Option, ...] = (
    click.option(
        "--response", type=FILE, metavar="FILE", help="Profile made by 'expinterp calibrate'."
    ),
)
DEVICE: tuple[Option, ...] = (
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where the network runs.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(1),
        metavar="N",
        help="How wide it runs.  [default: all CPUs]",
    ),
)
ALIGN: tuple[Option, ...] = (
    click.option(
        "--no-align",
        "align",
        flag_value=False,
        default=True,
        help="Leave images as they lie; a camera that moved is not looked for.",
    ),
)
NETWORK: tuple[Option, ...] = (
    click.option(
        "--no-refine", "refine", flag_value=False, default=True, help="Leave the network out."
    ),
    click.option(
        "--model", type=FILE, metavar="FILE", help="Another network than the bundled one."
    ),
    *DEVICE,
)
STREAMED: tuple[Option, ...] = (
    click.option(
        "--format",
        "stream_format",
        type=FORMATS,
        help="Of -o -, where no suffix says it.  [default: png]",
    ),
)
WRITING: tuple[Option, ...] = (
    click.option(
        "--quality", type=click.IntRange(1, 100), metavar="N", help="Of JPEG, WebP and AVIF."
    ),
    click.option("--bit-depth", type=click.Choice([8, 16]), help="Of PNG and TIFF."),
)


def with_options(
    options: Iterable[Option],
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Add options to a command; help lists them in the order given."""

    def add(command: Callable[..., Result]) -> Callable[..., Result]:
        for option in reversed(list(options)):
            command = option(command)
        return command

    return add


def flags(context: click.Context) -> dict[str | None, str]:
    """Map the names of a command's parameters to what people type for them."""
    return {parameter.name: parameter.opts[-1] for parameter in context.command.params}


def is_given(context: click.Context, name: str) -> bool:
    """Tell whether an option was typed, its default as well as another value."""
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def excluding(context: click.Context, groups: Iterable[Iterable[str]]) -> Iterator[str]:
    """Say which of the options that were typed exclude each other."""
    flag = flags(context)
    for names in groups:
        given = [flag[name] for name in names if is_given(context, name)]
        if len(given) > 1:
            yield f"{' and '.join(given)} exclude each other; give one of them"


def stream_contradictions(images: Sequence[str], options: dict[str, Any]) -> Iterator[str]:
    """Say what of standard input and output cannot be as it was asked for."""
    if list(images).count(STREAM) > 1:
        yield "only one image can come from stdin; name a file for every other"
    if options["output"] == STREAM and options["as_json"]:
        yield "-o - leaves no room on stdout for --json; name a file"
    if options["output"] == STREAM and _is_closed_or_terminal(sys.stdout):
        yield "-o - needs stdout to lead somewhere, as in > out.png"
    if STREAM in images and _is_closed_or_terminal(sys.stdin):
        yield "- needs an image on stdin, as in < long.jpg"
    if options["output"] != STREAM and options["stream_format"]:
        yield "--format is for -o -; elsewhere the suffix of the output says it"


def _is_closed_or_terminal(stream: TextIO | None) -> bool:
    return stream is None or stream.isatty()


def taken(options: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Take the options of these names that have a value; the rest keep their defaults."""
    return {name: options[name] for name in names if options.get(name) is not None}

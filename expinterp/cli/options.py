"""Options that several commands share, named after the fields that they set.

The fields are those of `InterpolationOptions`, `FusionOptions`, `WantedExposure` and `Writing`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from expinterp.cli.param_types import MOST_VIRTUAL, seconds, times

if TYPE_CHECKING:
    from expinterp.scene_io import FusionOptions, InterpolationOptions


class Name(click.Path):
    """The name of a file or folder: checked when it is opened, but never empty.

    As a type it completes in the shell. pathlib would take an empty one for the current folder.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty name."""
        if value == "":
            self.fail("a name is needed, not an empty one", param, ctx)
        return super().convert(value, param, ctx)


class Page(Name):
    """The name of a page of HTML, or standard output."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse a name that would make a browser take the page for something else."""
        name = super().convert(value, param, ctx)
        if str(name) != STREAM and Path(name).suffix.lower() not in {".html", ".htm"}:
            self.fail("a page is HTML; end its name in .html", param, ctx)
        return name


STREAM = "-"
NAME = Name(readable=False)
FILE = Name(readable=False, path_type=Path)
PAGE = Page(readable=False, path_type=Path)
FORMATS = click.Choice(["jpeg", "png", "tiff", "webp", "avif"])

OUTPUT = click.Option(
    ["-o", "--output"], type=NAME, metavar="FILE", required=True, help="The result; - is stdout."
)
TARGET: tuple[click.Option, ...] = (
    click.Option(["--at", "ev"], type=float, metavar="EV", help="Exposure in stops above SHORT."),
    click.Option(["--at-time", "time"], type=seconds, help="Exposure as a time, as in 1/60."),
    click.Option(
        ["--count"],
        type=click.IntRange(1, MOST_VIRTUAL),
        metavar="N",
        help="A ladder of so many: mid_1.jpg ...",
    ),
)
RATIO = click.Option(
    ["--ratio"], type=float, metavar="R", help="Exposure of LONG over that of SHORT, as in 16."
)
EXPOSURES: tuple[click.Option, ...] = (
    click.Option(["--times"], type=times, metavar="LONG,SHORT", help="Times, as in 1/30,1/480."),
    RATIO,
)
RESPONSE: tuple[click.Option, ...] = (
    click.Option(
        ["--response"], type=FILE, metavar="FILE", help="Profile made by 'expinterp calibrate'."
    ),
)


def threads_option(default: str) -> click.Option:
    """Make ``--threads``, whose default depends on what a command does at a time."""
    return click.Option(
        ["--threads"],
        type=click.IntRange(1),
        metavar="N",
        help=f"How wide it runs.  [default: {default}]",
    )


DEVICE: tuple[click.Option, ...] = (
    click.Option(
        ["--device"],
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where the network runs.",
    ),
    threads_option("all CPUs"),
)
ALIGN: tuple[click.Option, ...] = (
    click.Option(
        ["--no-align", "align"],
        flag_value=False,
        default=True,
        help="Leave images as they lie; a camera that moved is not looked for.",
    ),
)
NETWORK: tuple[click.Option, ...] = (
    click.Option(
        ["--no-refine", "refine"], flag_value=False, default=True, help="Leave the network out."
    ),
    click.Option(
        ["--model"], type=FILE, metavar="FILE", help="Another network than the bundled one."
    ),
    *DEVICE,
)
STREAMED: tuple[click.Option, ...] = (
    click.Option(
        ["--format", "stream_format"],
        type=FORMATS,
        help="Of -o -, where no suffix says it.  [default: png]",
    ),
)
OVERWRITE = click.Option(["--overwrite"], is_flag=True, help="Replace outputs that exist.")
WRITING: tuple[click.Option, ...] = (
    click.Option(
        ["--quality"], type=click.IntRange(1, 100), metavar="N", help="Of JPEG, WebP and AVIF."
    ),
    click.Option(["--bit-depth"], type=click.Choice([8, 16]), help="Of PNG and TIFF."),
)


def flags(context: click.Context) -> dict[str | None, str]:
    """Map the names of a command's parameters to what people type for them."""
    return {parameter.name: parameter.opts[-1] for parameter in context.command.params}


def is_given(context: click.Context, name: str | None) -> bool:
    """Tell whether an option was typed, its default as well as another value."""
    return (
        name is not None
        and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    )


def excluding(context: click.Context, groups: Iterable[Iterable[str]]) -> Iterator[str]:
    """Say which of the options that were typed exclude each other."""
    flag = flags(context)
    for names in groups:
        given = [flag[name] for name in names if is_given(context, name)]
        if len(given) > 1:
            yield f"{' and '.join(given)} exclude each other; give one of them"


def interpolation_options(options: dict[str, Any]) -> InterpolationOptions:
    """Collect the options of an interpolation."""
    from expinterp.scene_io import InterpolationOptions, WantedExposure, Writing

    return InterpolationOptions(
        wanted=WantedExposure(**fields_of(WantedExposure, options)),
        writing=Writing(**fields_of(Writing, options)),
        **fields_of(InterpolationOptions, options),
    )


def fusion_options(options: dict[str, Any], *, metrics: bool) -> FusionOptions:
    """Collect the options of a fusion.

    Raises
    ------
    click.UsageError
        If a weight is out of its range.
    """
    from expinterp.core.fusion import Weighting
    from expinterp.scene_io import FusionOptions, Writing

    try:
        weighting = Weighting(**fields_of(Weighting, options))
    except ValueError as error:
        message = f"--{str(error).replace('_', '-')}"
        raise click.UsageError(message) from error
    return FusionOptions(
        weighting=weighting,
        writing=Writing(**fields_of(Writing, options)),
        metrics=metrics,
        **fields_of(FusionOptions, options),
    )


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


def fields_of(kind: type[Any], options: dict[str, Any]) -> dict[str, Any]:
    """Take the options that fill in fields of a dataclass."""
    return taken(options, (field.name for field in fields(kind)))

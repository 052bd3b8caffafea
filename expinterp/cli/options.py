"""Options that several commands share, named after the fields that they set.

The fields are those of `InterpolationOptions`, `FusionOptions`, `WantedExposure` and `Writing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from expinterp.cli.param_types import MOST_VIRTUAL, seconds, times, virtual

STREAM = "-"


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
        """Refuse a name that a browser would not open as a page."""
        name = super().convert(value, param, ctx)
        if str(name) != STREAM and Path(name).suffix.lower() not in {".html", ".htm"}:
            self.fail("a page is HTML; end its name in .html", param, ctx)
        return name


NAME = Name(readable=False)
FILE = Name(readable=False, path_type=Path)
PAGE = Page(readable=False, path_type=Path)
FORMATS = click.Choice(["jpeg", "png", "tiff", "webp", "avif"])


def flag(*names: str, text: str) -> click.Option:
    """Make an option without a value that turns something on."""
    return click.Option(names, is_flag=True, help=text)


def switch_off(*names: str, text: str) -> click.Option:
    """Make an option without a value that turns something off."""
    return click.Option(names, flag_value=False, default=True, help=text)


def file_option(
    *names: str, text: str, kind: Name = FILE, metavar: str = "FILE", required: bool = False
) -> click.Option:
    """Make an option that names a file or folder."""
    return click.Option(names, type=kind, metavar=metavar, required=required, help=text)


def number(*names: str, text: str, least: int = 1, most: int | None = None) -> click.Option:
    """Make an option that takes a whole number."""
    return click.Option(names, type=click.IntRange(least, most), metavar="N", help=text)


def choice(name: str, values: Sequence[str], *, default: str, text: str) -> click.Option:
    """Make an option that takes one of several words."""
    kind = click.Choice(values)
    return click.Option([name], type=kind, default=default, show_default=True, help=text)


def threads_option(default: str) -> click.Option:
    """Make ``--threads``; its default depends on how many jobs a command runs at a time."""
    return number("--threads", text=f"Number of threads.  [default: {default}]")


def json_option(text: str) -> click.Option:
    """Make ``--json``."""
    return flag("--json", "as_json", text=text)


OUTPUT = file_option(
    "-o", "--output", kind=NAME, required=True, text="The result; - is standard output."
)
TARGET = (
    click.Option(
        ["--at", "ev"], type=float, metavar="EV", help="Wanted exposure, in stops above SHORT."
    ),
    click.Option(["--at-time", "time"], type=seconds, help="Wanted exposure time, such as 1/60."),
    number("--count", most=MOST_VIRTUAL, text="N exposures, evenly spaced: mid_1.jpg ..."),
)
RATIO = click.Option(
    ["--ratio"],
    type=float,
    metavar="R",
    help="Exposure ratio of LONG to SHORT, such as 16.",
)
TIMES = click.Option(
    ["--times"], type=times, metavar="T,T...", help="Exposure times, in the order of the images."
)
RESPONSE = file_option("--response", text="Camera profile made by 'expinterp calibrate'.")
DEVICE = (
    choice("--device", ["auto", "cpu", "cuda"], default="auto", text="Where the network runs."),
    threads_option("all CPUs"),
)
ALIGN = switch_off("--no-align", "align", text="Do not correct movements of the camera.")
NETWORK = (
    switch_off("--no-refine", "refine", text="Do not use the network."),
    file_option("--model", text="Another network than the bundled one."),
    *DEVICE,
)
OVERWRITE = flag("--overwrite", text="Replace outputs that exist.")
WRITING = (
    number("--quality", most=100, text="Quality of JPEG, WebP and AVIF, 1 to 100."),
    click.Option(["--bit-depth"], type=click.Choice([8, 16]), help="Bits of PNG and TIFF."),
)
FILES = (
    *WRITING,
    click.Option(
        ["--format", "stream_format"],
        type=FORMATS,
        help="Format of standard output, for -o -.  [default: png]",
    ),
    OVERWRITE,
)
FUSION = (
    click.Option(
        ["--virtual"],
        type=virtual,
        default="auto",
        show_default=True,
        metavar="auto|N",
        help="Exposures computed between each two adjacent ones.",
    ),
    *(
        click.Option([name], type=float, metavar="V", help=text)  # in the ranges of `Weighting`
        for name, text in (
            ("--exposure-weight", "Weight of good exposure.  [default: 1]"),
            ("--saturation-weight", "Weight of strong colour.  [default: 1]"),
            ("--contrast-weight", "Weight of detail.  [default: 1]"),
            ("--exposure-optimum", "Best brightness, 0 to 1.  [default: 0.5]"),
            ("--exposure-width", "Tolerance around the best brightness.  [default: 0.2]"),
        )
    ),
    choice(
        "--method",
        ["guided", "mertens"],
        default="guided",
        text="Weights that follow edges (guided), or plain ones (mertens).",
    ),
    number("--levels", text="Levels of the pyramid.  [default: all]"),
)


def is_given(context: click.Context, name: str | None) -> bool:
    """Return whether an option was typed, with its default or another value."""
    return (
        name is not None
        and context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    )


def excluding(context: click.Context, groups: Iterable[Iterable[str]]) -> Iterator[str]:
    """Name the options that were typed together but exclude each other."""
    flags = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    for names in groups:
        typed = [flags[name] for name in names if is_given(context, name)]
        if len(typed) > 1:
            yield f"{' and '.join(typed)} exclude each other; give one of them"


def given(options: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the options of these names that have a value; the others keep their defaults."""
    return {name: options[name] for name in names if options.get(name) is not None}

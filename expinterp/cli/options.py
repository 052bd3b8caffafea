"""Options that several commands share, named after the fields that they set.

The fields are those of `InterpolationOptions`, `FusionOptions`, `WantedExposure` and `Writing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from expinterp.cli.param_types import (
    MOST_VIRTUAL,
    FormatName,
    Number,
    ratio,
    seconds,
    strength,
    times,
    virtual,
)
from expinterp.text import is_storable

STREAM = "-"
MOST = 1_000_000_000  # of what an option counts; more would not end
MOST_THREADS = 1024


class Name(click.Path):
    """The name of a file or folder: checked when it is opened, but never empty.

    As a type it completes in the shell. pathlib would take an empty one for the current folder.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty name."""
        if value == "":
            self.fail("a name is needed, not an empty one", param, ctx)
        if not is_storable(str(value)):
            self.fail("the name has a character that no file name can have", param, ctx)
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
FORMATS = FormatName(["jpeg", "png", "tiff", "webp", "avif", "jxl"])


def flag(names: str, text: str) -> click.Option:
    """Build an option without a value that turns something on; names are separated by spaces."""
    return click.Option(names.split(), is_flag=True, help=text)


def switch_off(names: str, text: str) -> click.Option:
    """Build an option without a value that turns something off."""
    return click.Option(names.split(), flag_value=False, default=True, help=text)


def value(names: str, kind: Any, metavar: str | None, text: str, **more: Any) -> click.Option:
    """Build an option that takes a value of a type."""
    return click.Option(names.split(), type=kind, metavar=metavar, help=text, **more)


def file_option(
    names: str, text: str, *, metavar: str = "FILE", kind: Name = FILE, required: bool = False
) -> click.Option:
    """Build an option that names a file or folder."""
    return value(names, kind, metavar, text, required=required)


def number(names: str, text: str, *, least: int = 1, most: int = MOST) -> click.Option:
    """Build an option that takes a whole number."""
    return value(names, click.IntRange(least, most), "N", text)


def choice(names: str, values: Sequence[str], default: str | None, text: str) -> click.Option:
    """Build an option that takes one of several words."""
    return value(
        names, click.Choice(values), None, text, default=default, show_default=default is not None
    )


def threads_option(default: str) -> click.Option:
    """Build ``--threads``; its default depends on how many jobs a command runs at a time."""
    return number("--threads", f"Number of threads.  [default: {default}]", most=MOST_THREADS)


def json_option(text: str) -> click.Option:
    """Build ``--json``."""
    return flag("--json as_json", text)


def output_option(
    text: str, *, kind: Name = NAME, metavar: str = "FILE", required: bool = True
) -> click.Option:
    """Build ``-o`` for a file that may be standard output."""
    words = f"{text}; - is standard output."
    return file_option("-o --output", words, metavar=metavar, kind=kind, required=required)


TARGET = (
    value("--at ev", Number(), "EV", "Wanted exposure, in stops above the short one."),
    value("--at-time time", seconds, None, "Wanted exposure time, such as 1/60."),
    number("--count", "N exposures, evenly spaced: mid_1.jpg ...", most=MOST_VIRTUAL),
)
RATIO = value("--ratio", ratio, "R", "Exposure ratio of long to short, such as 16.")
TIMES = value("--times", times, "T,T...", "Exposure times, in the order of the images.")
RESPONSE = file_option("--response", "Camera profile made by 'expinterp calibrate'.")
REMEMBER = flag(
    "--remember", "Use the profile for this camera from now on; 'expinterp cameras' lists it."
)
CAMERA = value(
    "--camera",
    str,
    "NAME",
    "Camera, as 'expinterp cameras' lists it; any for none.  [default: that in EXIF]",
)
DEVELOPMENT = (
    choice(
        "--white-balance",
        ["camera", "daylight", "auto"],
        "camera",
        "White balance of raw files: that of one frame for all.",
    ),
    choice(
        "--colour space",
        ["srgb", "adobe-rgb", "display-p3", "rec2020"],
        "srgb",
        "Colour space of results from raw files.",
    ),
)
DEVICE = (
    choice("--device", ["auto", "cpu", "cuda"], "auto", "Where the network runs."),
    threads_option("all CPUs"),
)
MOVING = (
    choice("--deghost", ["auto", "off"], "auto", "Take things that moved from one shot only."),
    choice(
        "--reference",
        ["auto", "long", "short"],
        "auto",
        "Shot whose view and moving things are kept.",
    ),
)
MOTION = (
    switch_off("--no-align align", "Do not correct movements of the camera."),
    *MOVING,
    click.Option(["--crop/--no-crop"], help="Crop to what all shots show, or keep the size."),
)
GHOSTS = file_option(
    "--save-ghosts", "Also write a picture of what was taken from which shot.", kind=NAME
)


def denoise_option(auto: str) -> click.Option:
    """Return --denoise; `auto` says what its default does."""
    text = f"How strongly noise is removed.  [default: auto: {auto}]"
    return value("--denoise", strength, "auto|off|0..1", text, default="auto")


DENOISE = denoise_option("1, or 0 with --no-refine")
NETWORK = (
    switch_off("--no-refine refine", "Do not use the network."),
    file_option("--model", "Another network than the bundled one."),
    *DEVICE,
)
OVERWRITE = flag("--overwrite", "Replace outputs that exist.")
WRITING = (
    number("--quality", "Quality of JPEG, WebP, AVIF and JPEG XL, 1 to 100.", most=100),
    value("--bit-depth", click.Choice([8, 16]), None, "Bits of PNG, TIFF and JPEG XL."),
)
FILES = (
    *WRITING,
    value("--format stream_format", FORMATS, None, "Format of standard output.  [default: png]"),
    OVERWRITE,
)
WEIGHTS = {  # in the ranges of `Weighting`
    "--exposure-weight": "Weight of good exposure.  [default: 1]",
    "--saturation-weight": "Weight of strong colour.  [default: 1]",
    "--contrast-weight": "Weight of detail.  [default: 1]",
    "--exposure-optimum": "Best brightness, 0 to 1.  [default: 0.5]",
    "--exposure-width": "Tolerance around the best brightness.  [default: 0.2]",
}
METHOD_HELP = "Weights that follow edges (guided), or plain ones (mertens)."
FUSION = (
    value(
        "--virtual", virtual, "auto|N", "Exposures computed between each two.  [default: auto]",
        default="auto",
    ),
    *(value(name, Number(), "V", text) for name, text in WEIGHTS.items()),
    choice("--method", ["guided", "mertens"], "guided", METHOD_HELP),
    number("--levels", "Levels of the pyramid.  [default: all]"),
)  # fmt: skip


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

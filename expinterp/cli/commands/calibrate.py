"""``expinterp calibrate``: three or more exposures in, the camera's response out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from expinterp.cli.command import Command, refuse
from expinterp.cli.console import Console
from expinterp.cli.options import (
    NAME,
    OVERWRITE,
    REMEMBER,
    TIMES,
    file_option,
    output_option,
    value,
)

HELP = """Measure a camera's response from three or more exposures of one still scene.

\b
expinterp calibrate dark.jpg middle.jpg bright.jpg --remember
expinterp calibrate dark.jpg middle.jpg bright.jpg -o camera.json --plot camera.svg
expinterp interpolate long.jpg short.jpg -o mid.jpg --response camera.json

With --remember, all photographs of this camera use the curve from now on. Exposure times are read
from EXIF, unless --times gives them.
"""
FEWEST = 3
SECTIONS = {
    "Options": (
        output_option("The profile, a JSON file", required=False),
        REMEMBER,
        value("--camera", str, "NAME", "Name of the camera.  [default: that in EXIF]"),
        TIMES,
        file_option("--plot", "Also draw the response curves.", metavar="FILE.svg", kind=NAME),
        OVERWRITE,
    )
}


@click.command(
    cls=Command,
    sections=SECTIONS,
    help=HELP,
    short_help="Measure a camera's response from a bracket.",
)
@click.argument("images", nargs=-1, required=True, type=NAME, metavar="IMG IMG IMG...")
@click.pass_context
def calibrate(context: click.Context, /, **options: Any) -> None:
    """Read the images, measure the response, write the profile."""
    refuse(_contradictions(**options))
    from expinterp.scene_io import profiles

    console = context.ensure_object(Console)
    try:
        profile, warnings = profiles.calibrate_files(**options)
    except (profiles.TimesError, profiles.UnnamedCameraError) as error:
        raise click.UsageError(str(error)) from error
    console.warn(*warnings)
    if options["remember"]:
        console.note(f"remembered: photographs of {profile.camera} use this curve from now on")
    wrote = f"wrote {options['output']}: " if options["output"] else ""
    console.detail(
        f"{wrote}{profile.camera or 'unnamed camera'}, its response fits {profile.shots} shots "
        f"within {profile.residual:.2f} stops (root mean square)"
    )


def _contradictions(
    *,
    images: tuple[str, ...],
    times: tuple[float, ...] | None,
    plot: str | None,
    output: str | None,
    remember: bool,
    **_: Any,
) -> Iterator[str]:
    """List arguments that contradict each other."""
    if not output and not remember:
        yield "name the profile with -o, or let the library keep it with --remember"
    if len(images) < FEWEST:
        yield f"a response needs {FEWEST} exposures or more, not {len(images)}"
    if times and len(times) != len(images):
        yield f"--times needs a time for each of the {len(images)} images, not {len(times)}"
    if plot is not None and not plot.lower().endswith(".svg"):
        yield "--plot draws SVG; end its name in .svg"

"""``expinterp calibrate``: three or more exposures in, the camera's response out."""

from __future__ import annotations

from typing import Any

import click

from expinterp.cli.talk import talk_options
from expinterp.cli.values import TIMES

HELP = """Measure a camera's response from three or more exposures of one still scene.

\b
expinterp calibrate dark.jpg middle.jpg bright.jpg -o camera.json --plot camera.svg
expinterp interpolate long.jpg short.jpg -o mid.jpg --response camera.json

Exposure times come from EXIF, or from --times in the order of the images.
"""
FEWEST = 3


@click.command(help=HELP)
@click.argument("images", nargs=-1, required=True, metavar="IMG IMG IMG...")
@click.option("-o", "--output", required=True, help="The camera profile, a JSON file.")
@click.option("--times", type=TIMES, metavar="T,T,T", help="Exposure times, if EXIF has none.")
@click.option("--plot", metavar="FILE.svg", help="Also draw the response curves.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@talk_options
@click.pass_context
def calibrate(context: click.Context, **options: Any) -> None:
    """Read the images, measure the response, write the profile."""

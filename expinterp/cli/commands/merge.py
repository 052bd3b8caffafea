"""``expinterp merge``: exposures of a scene in, its radiance as linear light out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from expinterp.cli.command import Command, refuse
from expinterp.cli.console import Console
from expinterp.cli.jobs import (
    describe_ghosts,
    describe_motion,
    describe_response,
    merge_options,
    name_camera,
    run_job,
    series_contradictions,
)
from expinterp.cli.options import (
    CAMERA,
    DEVELOPMENT,
    MOTION,
    NAME,
    OVERWRITE,
    RESPONSE,
    TIMES,
    choice,
    denoise_option,
    excluding,
    file_option,
    json_option,
    threads_option,
)
from expinterp.text import rounded

if TYPE_CHECKING:
    from expinterp.scene_io import JobRecord

HELP = """Merge exposures of a scene, in any order, into its radiance: linear light for
rendering, grading and measuring, without any tone mapping.

\b
expinterp merge IMG_1.jpg IMG_2.jpg IMG_3.jpg -o scene.exr
expinterp merge IMG_*.tif -o scene.hdr --response camera.json
expinterp merge long.jpg short.jpg -o scene.tif --times 1/15,1/250

The radiance is relative: 1 is white in the middle exposure. The camera may be held by hand, and
things may move. An image may be -, standard input.
"""
EXCLUSIVE = (("response", "camera"),)
SECTIONS = {
    "Result": (
        file_option(
            "-o --output", "The radiance: .exr, .hdr or .tif.", kind=NAME, required=True
        ),
        choice(
            "--depth", ["half", "float"], None,
            "Bits of OpenEXR and TIFF: 16 or 32.  [default: half in OpenEXR, float in TIFF]",
        ),
        file_option(
            "--save-mask", "Also write what is clipped in all: white 255, black 128.", kind=NAME
        ),
    ),
    "Photographs": (TIMES, RESPONSE, CAMERA, *MOTION, denoise_option("1")),
    "Raw files": DEVELOPMENT,
    "Files": (OVERWRITE, threads_option("all CPUs")),
    "Messages": (json_option("Print a record of the work as JSON, on standard output."),),
}  # fmt: skip


@click.command(
    cls=Command, sections=SECTIONS, help=HELP, short_help="Merge exposures into radiance."
)
@click.argument("images", type=NAME, nargs=-1, required=True, metavar="IMG IMG...")
@click.pass_context
def merge(context: click.Context, /, **options: Any) -> None:
    """Build a job from the options and run it."""
    refuse(_contradictions(context, options))
    from expinterp.scene_io import MergeJob

    console = context.ensure_object(Console)
    options = name_camera(options)
    job = MergeJob(
        options["images"], options["output"], merge_options(options), options["save_mask"]
    )
    run_job(job, console, as_json=options["as_json"], describe=_describe)


def _contradictions(context: click.Context, options: dict[str, Any]) -> Iterator[str]:
    """List options that exclude each other, or have no effect."""
    yield from excluding(context, EXCLUSIVE)
    yield from series_contradictions("merging", {"stream_format": None, **options})
    if options["save_mask"] == "-":
        yield "--save-mask needs a file, not -"


def _describe(record: JobRecord) -> Iterator[str]:
    """Describe how the result was computed."""
    merged = record.merge or {}
    yield describe_response(record)
    exposures = ", ".join(f"{name} {value:.4g}" for name, value in merged["exposures"].items())
    yield f"exposures, relative to {merged['white']}, whose white is 1: {exposures}"
    for end, share in merged["clipped"].items():
        yield f"{end} in all exposures: {rounded(100 * share, 2)} % of the picture"
    yield from describe_motion(record)
    yield from describe_ghosts(record)
    for output in record.outputs:
        yield f"wrote {output['file']}: {output['kind']}"

"""``expinterp fuse``: exposures of a scene in, one photograph that holds all of it out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from expinterp.cli.command import Command, refuse
from expinterp.cli.console import Console
from expinterp.cli.jobs import (
    describe_ghosts,
    describe_motion,
    describe_response,
    fusion_options,
    ghost_contradictions,
    name_camera,
    run_job,
    series_contradictions,
)
from expinterp.cli.options import (
    CAMERA,
    DENOISE,
    DEVELOPMENT,
    FILES,
    FUSION,
    GHOSTS,
    MOTION,
    NAME,
    NETWORK,
    RESPONSE,
    TIMES,
    excluding,
    file_option,
    json_option,
    output_option,
)

if TYPE_CHECKING:
    from expinterp.scene_io import JobRecord

HELP = """Fuse exposures of a scene, in any order, into one photograph.

\b
expinterp fuse long.jpg short.jpg -o fused.jpg
expinterp fuse IMG_1.tif IMG_2.tif IMG_3.tif -o fused.tif
expinterp fuse long.jpg short.jpg -o fused.jpg --save-virtual virtual
expinterp fuse long.jpg short.jpg -o - --virtual 0 > fused.png

Where two adjacent exposures lie too far apart, those between them are computed first. Without
them, what is brighter in the scene can come out darker. The camera may be held by hand, and things
may move: see --deghost. An image may be -, standard input.
"""
EXCLUSIVE = (("refine", "model"), ("response", "camera"))
SECTIONS = {
    "Result": (
        output_option("The result"),
        file_option("--save-virtual", "Save the computed exposures in this folder.", metavar="DIR"),
        file_option("--save-masks", "Save the weights as images in this folder.", metavar="DIR"),
        GHOSTS,
    ),
    "Fusion": FUSION,
    "Photographs": (TIMES, RESPONSE, CAMERA, *MOTION, DENOISE),
    "Raw files": DEVELOPMENT,
    "Network": NETWORK,
    "Files": FILES,
    "Messages": (json_option("Measure the result; print all as JSON, on standard output."),),
}


@click.command(
    cls=Command, sections=SECTIONS, help=HELP, short_help="Fuse exposures into one photograph."
)
@click.argument("images", type=NAME, nargs=-1, required=True, metavar="IMG IMG...")
@click.pass_context
def fuse(context: click.Context, /, **options: Any) -> None:
    """Build a job from the options and run it."""
    refuse(_contradictions(context, options))
    from expinterp.scene_io import FusionJob

    console = context.ensure_object(Console)
    options = name_camera(options)
    job = FusionJob(
        options["images"],
        options["output"],
        fusion_options(options, metrics=options["as_json"]),
        save_virtual=options["save_virtual"],
        save_masks=options["save_masks"],
        save_ghosts=options["save_ghosts"],
    )
    run_job(job, console, as_json=options["as_json"], describe=_describe)


def _contradictions(context: click.Context, options: dict[str, Any]) -> Iterator[str]:
    """List options that exclude each other, or have no effect."""
    yield from excluding(context, EXCLUSIVE)
    yield from series_contradictions("fusing", options)
    yield from ghost_contradictions(options)
    if options["save_virtual"] and options["virtual"] == 0:
        yield "--virtual 0 leaves nothing for --save-virtual; give one of them"


def _describe(record: JobRecord) -> Iterator[str]:
    """Describe how the result was computed."""
    stated, measured = record.ratio["stated"], record.ratio["measured"]
    if measured is not None:
        words = "not stated" if stated is None else f"{math.log2(stated):.1f} EV stated"
        yield (
            f"exposure range: {words}, about {math.log2(measured):.1f} EV measured in the pixels; "
            + describe_response(record)
        )
    computed = record.fusion["virtual"] if record.fusion else []
    yield f"exposures computed between the {len(record.inputs)} images: {len(computed)}"
    yield from describe_motion(record)
    yield from describe_ghosts(record)
    for output in record.outputs:
        ev = "" if output["ev"] is None else f", {output['ev']:.2f} EV above the darkest"
        yield f"wrote {output['file']}: {output['kind']}{ev}"

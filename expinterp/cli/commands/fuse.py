"""``expinterp fuse``: exposures of a scene in, one photograph that holds all of it out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from expinterp.cli.command import Command
from expinterp.cli.console import Talk
from expinterp.cli.options import (
    ALIGN,
    FILE,
    NAME,
    NETWORK,
    OUTPUT,
    OVERWRITE,
    RESPONSE,
    STREAMED,
    WRITING,
    excluding,
    fusion_options,
    stream_contradictions,
)
from expinterp.cli.param_types import times, virtual

if TYPE_CHECKING:
    from expinterp.scene_io import JobRecord

HELP = """Fuse exposures of a still scene, in any order, into one photograph.

\b
expinterp fuse long.jpg short.jpg -o fused.jpg
expinterp fuse IMG_1.tif IMG_2.tif IMG_3.tif -o fused.tif
expinterp fuse long.jpg short.jpg -o fused.jpg --save-virtual virtual
expinterp fuse long.jpg short.jpg -o - --virtual 0 > fused.png

Where two neighbours lie too far apart, the photographs between them are computed first: without,
what was brighter in the scene can come out darker. An image may be -, stdin.
"""
EXCLUSIVE = (("refine", "model"),)

WEIGHTS: tuple[click.Option, ...] = (  # their ranges are those of `Weighting`
    click.Option(
        ["--exposure-weight"], type=float, metavar="W", help="Of being well exposed.  [default: 1]"
    ),
    click.Option(["--saturation-weight"], type=float, metavar="W", help="Of colour.  [default: 1]"),
    click.Option(["--contrast-weight"], type=float, metavar="W", help="Of detail.  [default: 1]"),
    click.Option(
        ["--exposure-optimum"], type=float, metavar="V", help="Best value, 0 to 1.  [default: 0.5]"
    ),
    click.Option(
        ["--exposure-width"],
        type=float,
        metavar="V",
        help="How far from it is good.  [default: 0.2]",
    ),
    click.Option(
        ["--method"],
        type=click.Choice(["guided", "mertens"]),
        default="guided",
        show_default=True,
        help="Weights that keep to edges, or plain ones.",
    ),
    click.Option(
        ["--levels"], type=click.IntRange(1), metavar="N", help="Of the pyramid.  [default: all]"
    ),
)
VIRTUAL: tuple[click.Option, ...] = (
    click.Option(
        ["--virtual"],
        type=virtual,
        default="auto",
        show_default=True,
        metavar="auto|N",
        help="Exposures computed between each two.",
    ),
)
SAVING = (
    click.Option(
        ["--save-virtual"],
        type=FILE,
        metavar="DIR",
        help="Also write the computed exposures there.",
    ),
    click.Option(
        ["--save-masks"], type=FILE, metavar="DIR", help="Also picture there what counts where."
    ),
)
TIMES = click.Option(["--times"], type=times, metavar="T,T...", help="Times, in the images' order.")
SECTIONS = {
    "Result": (OUTPUT, *SAVING),
    "Fusion": (*VIRTUAL, *WEIGHTS),
    "Photographs": (TIMES, *RESPONSE, *ALIGN),
    "Network": NETWORK,
    "Files": (*WRITING, *STREAMED, OVERWRITE),
    "Messages": (
        click.Option(
            ["--json", "as_json"],
            is_flag=True,
            help="Measure the result; print a report on stdout.",
        ),
    ),
}


@click.command(
    cls=Command, sections=SECTIONS, help=HELP, short_help="Fuse exposures into one photograph."
)
@click.argument("images", type=NAME, nargs=-1, required=True, metavar="IMG IMG...")
@click.pass_context
def fuse(context: click.Context, /, **options: Any) -> None:
    """Make a job of the options, run it, tell about it."""
    for contradiction in _contradictions(context, options):
        raise click.UsageError(contradiction)
    from expinterp import scene_io

    talk = context.ensure_object(Talk)
    job = scene_io.FusionJob(
        options["images"],
        options["output"],
        fusion_options(options, metrics=options["as_json"]),
        save_virtual=options["save_virtual"],
        save_masks=options["save_masks"],
    )
    with talk.progress() as progress:
        report = scene_io.run(job, progress=progress)
    _tell(report, talk)
    if options["as_json"]:
        click.echo(json.dumps(report.as_json(), indent=2))


def _contradictions(context: click.Context, options: dict[str, Any]) -> Iterator[str]:
    """Say which options cannot be had together, or mean nothing."""
    yield from excluding(context, EXCLUSIVE)
    images = options["images"]
    if len(images) < 2:
        yield "fusing takes two exposures or more"
    yield from stream_contradictions(images, options)
    if options["save_virtual"] and options["virtual"] == 0:
        yield "--virtual 0 leaves nothing for --save-virtual; give one of them"
    if options["times"] and len(options["times"]) != len(images):
        yield f"--times needs a time for each of the {len(images)} images, not {len(options['times'])}"


def _tell(report: JobRecord, talk: Talk) -> None:
    """Say what the result should be judged by, and with ``-v`` how it came about."""
    for warning in report.warnings:
        talk.warn(warning)
    stated, measured = report.ratio["stated"], report.ratio["measured"]
    if measured is not None:
        said = "not stated" if stated is None else f"stated as {math.log2(stated):.1f} EV"
        talk.detail(f"the range is {said}, about {math.log2(measured):.1f} EV in the pixels")
    computed = report.fusion["virtual"] if report.fusion else []
    talk.detail(f"exposures computed between the {len(report.inputs)} images: {len(computed)}")
    for output in report.outputs:
        ev = "" if output["ev"] is None else f", {output['ev']:.2f} EV above the darkest"
        talk.detail(f"wrote {output['file']}: {output['kind']}{ev}")
    times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in report.timings.items())
    talk.detail(f"took {times}")

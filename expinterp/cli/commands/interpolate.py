"""``expinterp interpolate``: two photographs in, the photograph between them out."""

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
    EXPOSURES,
    NAME,
    NETWORK,
    OUTPUT,
    OVERWRITE,
    RESPONSE,
    STREAM,
    STREAMED,
    TARGET,
    WRITING,
    excluding,
    interpolation_options,
    stream_contradictions,
)

if TYPE_CHECKING:
    from expinterp.scene_io import JobRecord, Kind

HELP = """Compute the photograph between LONG and SHORT, two exposures of a still scene.

\b
expinterp interpolate long.jpg short.jpg -o mid.jpg
expinterp interpolate long.tif short.tif -o mid.tif --at-time 1/60
expinterp interpolate long.jpg short.jpg -o mid.jpg --count 3
cat long.jpg | expinterp interpolate - short.jpg -o - > mid.png

By default it is exposed half-way, at the geometric mean of the times. Nothing needs to be known:
times come from EXIF, the camera's response from the pair itself. LONG or SHORT may be -, stdin.
"""
OUTPUTS: dict[Kind, str] = {
    "medium": "output",
    "intermediate": "save_intermediate",
    "residual": "save_residual",
}
EXCLUSIVE = (
    ("ev", "time", "count"),
    ("times", "ratio"),
    ("refine", "model"),
    ("refine", "save_residual"),
)

SAVING = (
    click.Option(
        ["--save-intermediate"],
        type=NAME,
        metavar="FILE",
        help="Also write it without the network.",
    ),
    click.Option(
        ["--save-residual"],
        type=NAME,
        metavar="FILE",
        help="Also picture what the network added; grey is 0.",
    ),
)
SECTIONS = {
    "Result": (OUTPUT, *TARGET, *SAVING),
    "Photographs": (*EXPOSURES, *RESPONSE, *ALIGN),
    "Network": NETWORK,
    "Files": (*WRITING, *STREAMED, OVERWRITE),
    "Messages": (
        click.Option(["--json", "as_json"], is_flag=True, help="Print a report on stdout."),
    ),
}


@click.command(
    cls=Command,
    sections=SECTIONS,
    help=HELP,
    short_help="Compute the photograph between two exposures.",
    context_settings={"allow_extra_args": True},  # to say what takes them
)
@click.argument("long", type=NAME)
@click.argument("short", type=NAME)
@click.pass_context
def interpolate(context: click.Context, /, **options: Any) -> None:
    """Make a job of the options, run it, tell about it."""
    for contradiction in _contradictions(context, options):
        raise click.UsageError(contradiction)
    from expinterp import scene_io

    talk = context.ensure_object(Talk)
    outputs = {kind: options[name] for kind, name in OUTPUTS.items() if options[name]}
    job = scene_io.InterpolationJob(
        options["long"], options["short"], outputs, interpolation_options(options)
    )
    try:
        with talk.progress() as progress:
            report = scene_io.run(job, progress=progress)
    except scene_io.TargetError as error:
        raise click.UsageError(str(error)) from error
    _tell(report, talk)
    if options["as_json"]:
        click.echo(json.dumps(report.as_json(), indent=2))


def _contradictions(context: click.Context, options: dict[str, Any]) -> Iterator[str]:
    """Say which options cannot be had together, or mean nothing."""
    if context.args:
        yield "interpolate takes two photographs, LONG and SHORT; 'expinterp fuse' takes more"
    yield from excluding(context, EXCLUSIVE)
    yield from stream_contradictions((options["long"], options["short"]), options)
    if options["output"] == STREAM and options["count"]:
        yield "-o - leaves no room on stdout for --count; name a file"
    if STREAM in {options["save_intermediate"], options["save_residual"]}:
        yield "--save-intermediate and --save-residual need a file, not -"
    if options["times"] and len(options["times"]) != 2:
        yield "--times needs two times, LONG,SHORT, as in 1/30,1/480"
    if options["ratio"] is not None and not 1 < options["ratio"] < math.inf:
        yield f"--ratio is the exposure of LONG over that of SHORT, above 1, not {options['ratio']}"


def _tell(report: JobRecord, talk: Talk) -> None:
    """Say what the result should be judged by, and with ``-v`` how it came about."""
    for warning in report.warnings:
        talk.warn(warning)
    stated = report.ratio["stated"]
    told = "not stated" if stated is None else f"{stated:.4g} stated, which is used"
    talk.detail(
        f"exposure ratio {told}, about {report.ratio['measured']:.2g} in the pixels; "
        f"response from the {report.response['source']}"
    )
    if report.motion and report.motion["pixels"] is None:
        talk.detail("whether the camera moved cannot be told; the images are left as they lie")
    if report.refinement:
        talk.detail(f"refined on {report.refinement['provider']}")
    for output in report.outputs:
        talk.detail(f"wrote {output['file']}: {output['kind']}, {output['ev']:.2f} EV above short")
    times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in report.timings.items())
    talk.detail(f"took {times}")

"""``expinterp interpolate``: two photographs in, the photograph between them out."""

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
    ghost_contradictions,
    interpolation_options,
    name_camera,
    run_job,
    stream_contradictions,
)
from expinterp.cli.options import (
    CAMERA,
    DENOISE,
    DEVELOPMENT,
    FILES,
    GHOSTS,
    MOTION,
    NAME,
    NETWORK,
    RATIO,
    RESPONSE,
    STREAM,
    TARGET,
    TIMES,
    excluding,
    file_option,
    json_option,
    output_option,
)
from expinterp.text import rounded

if TYPE_CHECKING:
    from expinterp.scene_io import JobRecord, Kind

HELP = """Compute the photograph between LONG and SHORT, two exposures of a scene.

\b
expinterp interpolate long.jpg short.jpg -o mid.jpg
expinterp interpolate long.tif short.tif -o mid.tif --at-time 1/60
expinterp interpolate long.jpg short.jpg -o mid.jpg --count 3
cat long.jpg | expinterp interpolate - short.jpg -o - > mid.png

The result is exposed half-way: its time is the geometric mean of the two times. Nothing else needs
to be known: times are read from EXIF, the camera's response is estimated from the pair. Both may be
taken by hand, and things may move: see --deghost. LONG or SHORT may be -, standard input.
"""
OUTPUTS: dict[Kind, str] = {
    "medium": "output",
    "intermediate": "save_intermediate",
    "residual": "save_residual",
    "ghosts": "save_ghosts",
}
EXCLUSIVE = (
    ("ev", "time", "count"),
    ("times", "ratio"),
    ("refine", "model"),
    ("response", "camera"),
    ("refine", "save_residual"),
)
SECTIONS = {
    "Result": (
        output_option("The result"),
        *TARGET,
        file_option(
            "--save-intermediate", "Also write the image without network and denoising.", kind=NAME
        ),
        file_option(
            "--save-residual",
            "Also write what network and denoising changed; mid-grey is nothing.",
            kind=NAME,
        ),
        GHOSTS,
    ),
    "Photographs": (TIMES, RATIO, RESPONSE, CAMERA, *MOTION, DENOISE),
    "Raw files": DEVELOPMENT,
    "Network": NETWORK,
    "Files": FILES,
    "Messages": (json_option("Print what was done as JSON, on standard output."),),
}


@click.command(
    cls=Command,
    sections=SECTIONS,
    help=HELP,
    short_help="Compute the photograph between two exposures.",
    context_settings={"allow_extra_args": True},  # to say which command takes them
)
@click.argument("long", type=NAME)
@click.argument("short", type=NAME)
@click.pass_context
def interpolate(context: click.Context, /, **options: Any) -> None:
    """Build a job from the options and run it."""
    refuse(_contradictions(context, options))
    from expinterp.scene_io import InterpolationJob

    console = context.ensure_object(Console)
    options = name_camera(options)
    outputs = {kind: options[name] for kind, name in OUTPUTS.items() if options[name]}
    job = InterpolationJob(
        options["long"], options["short"], outputs, interpolation_options(options)
    )
    run_job(job, console, as_json=options["as_json"], describe=_describe)


def _contradictions(context: click.Context, options: dict[str, Any]) -> Iterator[str]:
    """List options that exclude each other, or have no effect."""
    if context.args:
        yield "interpolate takes two photographs, LONG and SHORT; 'expinterp fuse' takes more"
    yield from excluding(context, EXCLUSIVE)
    yield from stream_contradictions((options["long"], options["short"]), options)
    if options["output"] == STREAM and options["count"]:
        yield "-o - leaves no room on stdout for --count; name a file"
    if STREAM in {options["save_intermediate"], options["save_residual"]}:
        yield "--save-intermediate and --save-residual need a file, not -"
    yield from ghost_contradictions(options)
    if options["times"] and len(options["times"]) != 2:
        yield "--times needs two times, LONG,SHORT, as in 1/30,1/480"


def _describe(record: JobRecord) -> Iterator[str]:
    """Describe how the result was computed."""
    stated = record.ratio["stated"]
    words = "not stated" if stated is None else f"{rounded(stated, 4)} stated and used"
    measured = rounded(record.ratio["measured"], 2)
    yield (
        f"exposure ratio: {words}, about {measured} measured in the pixels; "
        + describe_response(record)
    )
    yield from describe_motion(record)
    yield from describe_ghosts(record)
    if record.refinement:
        yield f"refined on {record.refinement['provider']}"
    for output in record.outputs:
        yield f"wrote {output['file']}: {output['kind']}, {output['ev']:.2f} EV above short"

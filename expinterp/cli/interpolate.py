"""``expinterp interpolate``: two photographs in, the photograph between them out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from expinterp.cli.talk import Talk, talk_options
from expinterp.cli.values import SECONDS, TIMES

if TYPE_CHECKING:
    from expinterp.job import Job, Report

HELP = """Compute the photograph between LONG and SHORT, two exposures of a still scene.

\b
expinterp interpolate long.jpg short.jpg -o mid.jpg
expinterp interpolate long.tif short.tif -o mid.tif --at-time 1/60
expinterp interpolate long.jpg short.jpg -o mid.jpg --count 3
cat long.jpg | expinterp interpolate - short.jpg -o - > mid.jpg

By default it is exposed half-way, at the geometric mean of the times. Nothing needs to be
known: times come from EXIF, the camera's response from the pair itself. - reads LONG or SHORT
from stdin.
"""
STREAM = "-"
FILE = click.Path(path_type=Path)
EXCLUSIVE = (
    ("at", "at_time", "count"),
    ("times", "ratio"),
    ("no_refine", "model"),
    ("no_refine", "save_residual"),
)

OPTIONS = (
    click.option("-o", "--output", required=True, help="The medium exposure; - is stdout."),
    click.option("--at", type=float, metavar="EV", help="Exposure in stops above SHORT."),
    click.option("--at-time", type=SECONDS, help="Exposure as a time, as in 1/60."),
    click.option("--count", type=click.IntRange(1), help="A ladder of so many: mid_1.jpg ..."),
    click.option("--times", type=TIMES, metavar="LONG,SHORT", help="Times, as in 1/30,1/480."),
    click.option("--ratio", type=float, help="Exposure ratio LONG/SHORT, as in 16."),
    click.option("--response", type=FILE, help="Camera profile made by 'expinterp calibrate'."),
    click.option("--no-refine", is_flag=True, help="Stop at the model-driven image y0."),
    click.option("--model", type=FILE, help="Another network than the bundled one."),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda"]),
        default="auto",
        show_default=True,
        help="Where the network runs.",
    ),
    click.option("--threads", type=click.IntRange(1), help="CPU threads; all if not given."),
    click.option(
        "--format",
        type=click.Choice(["jpeg", "png", "tiff", "webp", "avif"]),
        help="Of outputs whose suffix does not say it.  [default on stdout: that of LONG]",
    ),
    click.option("--quality", type=click.IntRange(1, 100), help="Of JPEG, WebP and AVIF."),
    click.option("--bit-depth", type=click.Choice(["8", "16"]), help="Of PNG and TIFF."),
    click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
    click.option("--save-intermediate", metavar="FILE", help="Also write y0."),
    click.option(
        "--save-residual", metavar="FILE", help="Also write what the network added; grey is none."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print a report on stdout."),
)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command(help=HELP)
@click.argument("long")
@click.argument("short")
@_with_options
@talk_options
@click.pass_context
def interpolate(context: click.Context, **options: Any) -> None:
    """Make a job of the options, run it, tell about it."""
    for contradiction in _contradictions(options):
        raise click.UsageError(contradiction)
    from expinterp import job

    talk = context.ensure_object(Talk)
    request = _make_job(options)
    try:
        with talk.progress(job.count_stages(request)) as begin:
            report = job.run(request, begin=begin)
    except job.TargetError as error:
        raise click.UsageError(str(error)) from error
    _tell(report, talk)
    if options["as_json"]:
        click.echo(json.dumps(report.as_json(), indent=2))


def _contradictions(options: dict[str, Any]) -> Iterator[str]:
    """Say which options cannot be had together, or mean nothing."""
    for names in EXCLUSIVE:
        given = [name for name in names if options[name] is not None and options[name] is not False]
        if len(given) > 1:
            flags = " and ".join("--" + name.replace("_", "-") for name in given)
            yield f"{flags} exclude each other; give one of them"
    if options["long"] == options["short"] == STREAM:
        yield "only one of LONG and SHORT can come from stdin; name a file for the other"
    if options["output"] == STREAM and (options["as_json"] or options["count"]):
        yield "-o - leaves no room on stdout for --json or --count; name a file"
    if STREAM in {options["save_intermediate"], options["save_residual"]}:
        yield "--save-intermediate and --save-residual need a file, not -"
    if options["times"] and len(options["times"]) != 2:
        yield "--times needs two times, LONG,SHORT, as in 1/30,1/480"
    if options["ratio"] is not None and not 1 < options["ratio"] < math.inf:
        yield "--ratio is the exposure of LONG over that of SHORT, above 1"


def _make_job(options: dict[str, Any]) -> Job:
    from expinterp.job import Job, Target, Writing

    outputs = {
        "medium": options["output"],
        "intermediate": options["save_intermediate"],
        "residual": options["save_residual"],
    }
    return Job(
        long=options["long"],
        short=options["short"],
        outputs={kind: path for kind, path in outputs.items() if path},
        target=Target(ev=options["at"], time=options["at_time"], count=options["count"]),
        times=options["times"],
        ratio=options["ratio"],
        response=options["response"],
        refine=not options["no_refine"],
        model=options["model"],
        device=options["device"],
        threads=options["threads"],
        writing=Writing(
            format=options["format"],
            quality=options["quality"],
            bit_depth=int(options["bit_depth"]) if options["bit_depth"] else None,
            overwrite=options["overwrite"],
        ),
    )


def _tell(report: Report, talk: Talk) -> None:
    for warning in report.warnings:
        talk.warn(warning)
    stated, measured = report.ratio["stated"], report.ratio["measured"]
    talk.detail(f"ratio {measured:.2f} measured, {stated or 'none'} stated")
    talk.detail(f"response from the {report.response['source']}")
    for output in report.outputs:
        talk.detail(f"wrote {output['file']}, {output['ev']:.2f} EV above short")
    times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in report.timings.items())
    talk.detail(f"took {times}")

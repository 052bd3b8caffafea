"""``expinterp tune``: a camera's own brackets in, its profile and its network out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from expinterp.cli.command import Command
from expinterp.cli.commands.train import (
    OUTPUTS,
    THREADS,
    name_contradictions,
    start_torch,
    target_of,
)
from expinterp.cli.console import Talk
from expinterp.cli.options import FILE
from expinterp.cli.progress import course
from expinterp.training.settings import TUNING

HELP = """Tune the network to your own camera, with brackets it took.

\b
expinterp tune brackets -o mycam.onnx
expinterp interpolate long.jpg short.jpg -o mid.jpg --model mycam.onnx

BRACKETS are as for 'expinterp evaluate': a subfolder for each still scene, three exposures or more,
evenly spaced in stops. A dozen scenes are good; two are the least. A quarter of them is held out.
The model carries the camera's profile, so --model is all that is needed to use it; the profile is
also written by itself, for --response. A model that is no better on the held-out scenes than the
one it started from is not written, and the exit code is 8; one that is better learns from these
scenes too before it is written.
"""
PROFILE_SUFFIX = ".json"
SECTIONS = {
    "Result": (
        *OUTPUTS,
        click.Option(
            ["--profile"], type=FILE, metavar="FILE", help="Camera profile.  [default: FILE.json]"
        ),
    ),
    "Training": (
        click.Option(["--camera"], metavar="NAME", help="Only cameras whose name contains this."),
        click.Option(["--model"], type=FILE, metavar="FILE", help="Start from another network."),
        click.Option(
            ["--minutes"],
            type=click.FloatRange(0, min_open=True),
            metavar="MINUTES",
            help=f"Budget of training.  [default: {TUNING.minutes:g}]",
        ),
        click.Option(["--steps"], type=click.IntRange(1), metavar="N", help="The same in steps."),
        click.Option(
            ["--held-out"],
            type=click.IntRange(1),
            metavar="N",
            help="Scenes.  [default: a quarter]",
        ),
        click.Option(
            ["--seed"],
            type=int,
            metavar="N",
            help=f"Of everything random.  [default: {TUNING.seed}]",
        ),
        THREADS,
    ),
}


@click.command(
    cls=Command, sections=SECTIONS, help=HELP, short_help="Tune the network to one camera."
)
@click.argument("brackets", type=FILE)
@click.pass_context
def tune(context: click.Context, /, **options: Any) -> None:
    """Gather the brackets, tune, compare, write model, profile and card."""
    for contradiction in _contradictions(options):
        raise click.UsageError(contradiction)
    start_torch(options["threads"])
    from dataclasses import replace

    from expinterp.cli.tables import print_tables
    from expinterp.evaluation.tables import overview
    from expinterp.training.tune import choose_scenes, settings_for
    from expinterp.training.tune import tune as tune_network

    talk = context.ensure_object(Talk)
    source, model = options["brackets"], options["output"]
    profile = options["profile"] or model.with_suffix(PROFILE_SUFFIX)
    material = choose_scenes(source, options["camera"])
    given = {n: options[n] for n in ("held_out", "seed", "minutes") if options[n] is not None}
    if options["steps"]:
        given |= {"steps": options["steps"], "minutes": None}
    settings = replace(settings_for(material), **given)
    with course(talk) as show:
        found = tune_network(
            source,
            material,
            target_of(options),
            profile,
            settings,
            model=options["model"],
            told=show,
        )
    for remark in found.remarks:
        talk.warn(remark)
    print_tables([overview(found.study, found.outcomes)])
    talk.note(f"wrote {model} and {profile}; use: expinterp interpolate ... --model {model}")


def _contradictions(options: dict[str, Any]) -> Iterator[str]:
    """Say which arguments cannot be had together, or mean nothing."""
    yield from name_contradictions(options)
    if options["minutes"] and options["steps"]:
        yield "--minutes and --steps exclude each other; give one of them"

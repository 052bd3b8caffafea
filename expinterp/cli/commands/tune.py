"""``expinterp tune``: adapt the network to a camera by brackets that it took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import click

from expinterp.cli.command import Command
from expinterp.cli.commands.train import (
    OUTPUTS,
    check_name,
    minutes_option,
    outputs_of,
    start_torch,
)
from expinterp.cli.console import Console
from expinterp.cli.options import FILE, REMEMBER, file_option, given, number, threads_option, value
from expinterp.cli.progress import show_steps
from expinterp.training.settings import TUNING

HELP = """Adapt the network to your own camera, by brackets that you took with it.

\b
expinterp tune brackets -o mycam.onnx
expinterp interpolate long.jpg short.jpg -o mid.jpg --model mycam.onnx

BRACKETS is a folder with a subfolder for each scene without motion: three or more exposures,
evenly spaced in stops. It may also be a list, as for 'expinterp evaluate'. Two scenes are required,
a dozen are good. The result is a model for --model. It contains the profile of the camera (its tone
curve), which is also written to a file of its own, for --response.

A quarter of the scenes is held out to test the model. If it is no better on them than the model to
start from, it is not written and the exit code is 8. If it is better, it learns from these scenes
too before it is written.
"""
PROFILE_SUFFIX = ".json"
SECTIONS = {
    "Result": (
        *OUTPUTS,
        file_option("--profile", "Camera profile.  [default: FILE.json]"),
        REMEMBER,
    ),
    "Training": (
        value("--camera", str, "NAME", "Use only cameras whose name contains NAME."),
        file_option("--model", "Model to start from.  [default: the bundled one]"),
        minutes_option("--minutes", f"Time for training.  [default: {TUNING.minutes:g}]"),
        number("--steps", "Training steps, instead of --minutes."),
        number("--held-out", "Scenes to test the model on.  [default: a quarter]"),
        number("--seed", f"Seed of the random numbers.  [default: {TUNING.seed}]", least=0),
        threads_option("all CPUs"),
    ),
}


@click.command(
    cls=Command, sections=SECTIONS, help=HELP, short_help="Adapt the network to one camera."
)
@click.argument("brackets", type=FILE)
@click.pass_context
def tune(context: click.Context, /, **options: Any) -> None:
    """Tune and compare; write model, profile, card and curves."""
    for contradiction in _contradictions(options):
        raise click.UsageError(contradiction)
    start_torch(options["threads"])
    from expinterp.cli.tables import print_tables
    from expinterp.evaluation.tables import overview
    from expinterp.training.tune import choose_scenes, settings_for
    from expinterp.training.tune import tune as tune_network

    console = context.ensure_object(Console)
    source, model = options["brackets"], options["output"]
    profile = options["profile"] or model.with_suffix(PROFILE_SUFFIX)
    material = choose_scenes(source, options["camera"])
    stated = given(options, ("held_out", "seed", "minutes"))
    if options["steps"]:
        stated |= {"steps": options["steps"], "minutes": None}
    settings = replace(settings_for(material), **stated)
    with show_steps(console) as show:
        result = tune_network(
            source, material, outputs_of(options), profile, settings,
            model=options["model"], remember=options["remember"], progress=show,
        )  # fmt: skip
    console.warn(*result.warnings)
    print_tables([overview(result.study, result.outcomes)])
    console.note(f"wrote {model} and {profile}; use: expinterp interpolate ... --model {model}")


def _contradictions(options: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the options."""
    yield from check_name(options)
    if options["minutes"] and options["steps"]:
        yield "--minutes and --steps exclude each other; give one of them"

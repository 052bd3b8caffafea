"""``expinterp train``: train a network on radiance maps or photographed brackets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from expinterp.cli.command import Command
from expinterp.cli.console import Console
from expinterp.cli.options import (
    FILE,
    OVERWRITE,
    choice,
    excluding,
    file_option,
    given,
    number,
    threads_option,
    value,
)
from expinterp.cli.param_types import Number
from expinterp.cli.progress import show_steps
from expinterp.errors import MissingExtraError
from expinterp.training.settings import TrainingSettings

HELP = """Train a network that refines y0, the image computed without a network.

\b
expinterp train radiance --responses responses -o model.onnx      # the bundled model again
expinterp train brackets --known camera --minutes 10 -o mine.onnx
expinterp train brackets --target image --minutes 10 -o plain.onnx

SOURCE is a folder of radiance maps (.hdr, .exr), which simulated cameras photograph at three
exposures, or of brackets as for 'expinterp evaluate'. Of brackets, all evenly spaced triples are
used that are registered and show no motion. The network does not learn from held-out scenes; its
PSNR is measured on them. To continue a run that was stopped, run the same command again. To adapt
the network to one camera, use 'expinterp tune', which does all this in one step.
"""
DEFAULTS = TrainingSettings()
LONGEST_MINUTES = 1_000_000  # two years
RUN_SUFFIX, CARD_SUFFIX = ".run", ".md"  # in place of .onnx


def minutes_option(names: str, text: str) -> click.Option:
    """Build an option that takes a positive time in minutes."""
    return value(names, Number(0, LONGEST_MINUTES, min_open=True), "MINUTES", text)


OUTPUTS: tuple[click.Option, ...] = (
    file_option("-o --output", "Model file.", required=True),
    file_option("--card", "Model card: data, settings, PSNR.  [default: FILE.md]"),
    file_option("--run", "Checkpoint, log and curves.  [default: FILE.run]", metavar="FOLDER"),
    OVERWRITE,
)
SECTIONS = {
    "Result": (
        *OUTPUTS,
        value("--licence", str, "TEXT", "Licence to state in model and card."),
    ),
    "Training data": (
        file_option(
            "--responses", "Camera response curves; required for radiance maps.", metavar="FOLDER"
        ),
        value(
            "--known", click.Choice(["nothing", "times", "camera"]), None,
            "How y0 of brackets is computed: from the two files alone, with their exposure times, "
            "or also with the response measured from the brackets.  [default: nothing]",
        ),
        number(
            "--photographs",
            f"Triples to render of radiance maps.  [default: {DEFAULTS.photographs}]",
        ),
        number(
            "--held-out", f"Scenes of each source to hold out.  [default: {DEFAULTS.held_out}]"
        ),
    ),
    "Network": (
        choice(
            "--target", ["residual", "image"], "residual",
            "What the network computes: the residual, medium minus y0, or the whole medium "
            "(a plain network, for comparison).",
        ),
        value(
            "--inputs sight", click.Choice(["all", "y0", "shots"]), None,
            "Inputs of the network: y0, the two photographs (shots), or all: these and both "
            "photographs mapped to the medium exposure.  [default: all; image: shots]",
        ),
        number("--width", f"Channels of each layer.  [default: {DEFAULTS.width}]", most=4096),
        number(
            "--layers",
            "Inner layers: the first is 3×3 and separable, others 1×1.  "
            f"[default: {len(DEFAULTS.kernels)}]",
            least=0,
            most=100,
        ),
    ),
    "Training": (
        value(
            "--loss", click.Choice(["relative", "paper"]), None,
            "Reconstruction loss Lr: mean squared error (paper), or that divided by the error of "
            "y0.  [default: relative]",
        ),
        value(
            "--colour-weight colour", Number(0, 1000), "WEIGHT",
            f"Weight w of the colour loss in L = Lr + w·Lc.  [default: {DEFAULTS.colour}]",
        ),
        click.Option(
            ["--tone/--no-tone"],
            default=None,
            help="Also learn the mean error of y0 at each tone.  [default: no; image: yes]",
        ),
        number("--steps", f"Training steps.  [default: {DEFAULTS.steps}]"),
        minutes_option("--minutes", "Training time, instead of --steps."),
        number("--seed", f"Seed of all random numbers.  [default: {DEFAULTS.seed}]", least=0),
        threads_option("all CPUs"),
    ),
}  # fmt: skip
SETTINGS = ("loss", "known", "sight", "colour", "tone", "width", "steps", "minutes", "photographs",
            "held_out", "seed")  # fmt: skip


@click.command(cls=Command, sections=SECTIONS, help=HELP, short_help="Train a network.")
@click.argument("sources", nargs=-1, required=True, type=FILE, metavar="SOURCE...")
@click.pass_context
def train(context: click.Context, /, **options: Any) -> None:
    """Train a network; write model, card and curves."""
    for contradiction in _contradictions(context, options):
        raise click.UsageError(contradiction)
    start_torch(options["threads"])
    from expinterp.training.build import build

    console = context.ensure_object(Console)
    with show_steps(console) as show:
        warnings = build(
            options["sources"],
            outputs_of(options),
            _settings(options),
            responses=options["responses"],
            licence=options["licence"],
            progress=show,
        )
    console.warn(*warnings)
    console.note(f"wrote {options['output']}")


def _contradictions(context: click.Context, options: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the options."""
    yield from excluding(context, [("steps", "minutes")])
    yield from check_name(options)
    if options["target"] == "image" and options["tone"] is False:
        yield "--no-tone is for residuals; a whole picture has its tones"


def check_name(options: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the name of the model."""
    if options["output"].suffix != ".onnx":
        yield f"-o {options['output']}: a model is an ONNX file; end its name in .onnx"


def start_torch(threads: int | None) -> None:
    """Check that PyTorch is installed, and set its number of threads.

    Raises
    ------
    MissingExtraError
        If PyTorch or ONNX is not installed.
    """
    for package in ("torch", "onnx"):
        if find_spec(package) is None:
            message = f"training needs the package {package}: pip install 'expinterp[train]'"
            raise MissingExtraError(message)
    import torch

    if threads:
        torch.set_num_threads(threads)


def outputs_of(options: dict[str, Any]) -> Any:
    """Return the `TrainingOutputs` that the options name."""
    from expinterp.training.build import TrainingOutputs

    model: Path = options["output"]
    card = options["card"] or model.with_suffix(CARD_SUFFIX)
    run = options["run"] or model.with_suffix(RUN_SUFFIX)
    return TrainingOutputs(model, card, run, options["overwrite"])


def _settings(options: dict[str, Any]) -> TrainingSettings:
    """Return the settings; by default a plain network reads the shots and learns every tone."""
    plain = options["target"] == "image"
    settings = TrainingSettings(plain=True, sight="shots", tone=True) if plain else DEFAULTS
    if options["layers"] is not None:
        ones = (1,) * options["layers"]
        settings = replace(settings, kernels=(3, *ones[1:]) if ones else ())
    return replace(settings, **given(options, SETTINGS))

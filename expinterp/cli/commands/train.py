"""``expinterp train``: radiance maps or photographed brackets in, a network out."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from expinterp.cli.command import Command
from expinterp.cli.console import Talk
from expinterp.cli.options import FILE, excluding
from expinterp.cli.progress import course
from expinterp.errors import MissingExtraError
from expinterp.training.settings import TrainingSettings

HELP = """Train the network that refines y0, from rendered or photographed brackets.

\b
expinterp train radiance --responses responses -o model.onnx      # the bundled one, anew
expinterp train brackets --known camera --minutes 10 -o mine.onnx
expinterp train brackets --target image --minutes 10 -o plain.onnx

SOURCE is a folder of radiance maps (.hdr, .exr), photographed through simulated cameras; or
brackets as for 'expinterp evaluate', of which every evenly spaced triple that is registered and
still is used. Some scenes are held out, never learned from, and measured on. The same command goes
on where a stopped one ended. To adapt to one camera, 'expinterp tune' does all of this in one step.
"""
DEFAULTS = TrainingSettings()
RUN_SUFFIX, CARD_SUFFIX = ".run", ".md"  # in place of that of the model

OUTPUTS: tuple[click.Option, ...] = (
    click.Option(["-o", "--output"], type=FILE, required=True, metavar="FILE", help="The model."),
    click.Option(["--card"], type=FILE, metavar="FILE", help="Model card.  [default: FILE.md]"),
    click.Option(
        ["--run"],
        type=FILE,
        metavar="FOLDER",
        help="Where checkpoint, log and curves are kept.  [default: FILE.run]",
    ),
    click.Option(["--overwrite"], is_flag=True, help="Replace a model and card that exist."),
)
THREADS = click.Option(
    ["--threads"], type=click.IntRange(1), metavar="N", help="CPU threads.  [default: all CPUs]"
)
SECTIONS = {
    "Result": (
        *OUTPUTS,
        click.Option(["--licence"], metavar="TEXT", help="Licence that the model is to state."),
    ),
    "Pictures": (
        click.Option(
            ["--responses"], type=FILE, metavar="FOLDER", help="Response curves, for radiance maps."
        ),
        click.Option(
            ["--known"],
            type=click.Choice(["nothing", "times", "camera"]),
            help="What y0 of brackets is told.  [default: nothing]",
        ),
        click.Option(
            ["--photographs"],
            type=click.IntRange(1),
            metavar="N",
            help=f"Rendered.  [default: {DEFAULTS.photographs}]",
        ),
        click.Option(
            ["--held-out"],
            type=click.IntRange(1),
            metavar="N",
            help=f"Scenes of each source.  [default: {DEFAULTS.held_out}]",
        ),
    ),
    "Network": (
        click.Option(
            ["--target"],
            type=click.Choice(["residual", "image"]),
            default="residual",
            show_default=True,
            help="What is learned: what y0 misses, or (a plain network) the whole picture.",
        ),
        click.Option(
            ["--inputs", "sight"],
            type=click.Choice(["all", "y0", "shots"]),
            help="What the network sees: y0, both shots and what stage one makes of each, or some.  "
            "[default: all; image: shots]",
        ),
        click.Option(
            ["--width"],
            type=click.IntRange(1),
            metavar="N",
            help=f"Channels of a layer.  [default: {DEFAULTS.width}]",
        ),
        click.Option(
            ["--layers"],
            type=click.IntRange(0),
            metavar="N",
            help="Inner layers; the first one is 3×3, others are 1×1.",
        ),
    ),
    "Training": (
        click.Option(
            ["--loss"],
            type=click.Choice(["relative", "paper"]),
            help="Lr as in the paper, or each picture's over that of y0.  [default: relative]",
        ),
        click.Option(
            ["--colour-weight", "colour"], type=click.FloatRange(0), help="w of L = Lr + w·Lc."
        ),
        click.Option(
            ["--tone/--no-tone"], default=None, help="Learn tone errors of whole pictures."
        ),
        click.Option(
            ["--steps"],
            type=click.IntRange(1),
            metavar="N",
            help=f"Budget in steps.  [default: {DEFAULTS.steps}]",
        ),
        click.Option(
            ["--minutes"],
            type=click.FloatRange(0, min_open=True),
            metavar="MINUTES",
            help="Budget in time, in place of it.",
        ),
        click.Option(
            ["--seed"],
            type=int,
            metavar="N",
            help=f"Of everything random.  [default: {DEFAULTS.seed}]",
        ),
        THREADS,
    ),
}
SETTINGS = ("loss", "known", "sight", "colour", "tone", "width", "steps", "minutes", "photographs",
            "held_out", "seed")  # fmt: skip


@click.command(cls=Command, sections=SECTIONS, help=HELP, short_help="Train the network anew.")
@click.argument("sources", nargs=-1, required=True, type=FILE, metavar="SOURCE...")
@click.pass_context
def train(context: click.Context, /, **options: Any) -> None:
    """Gather pictures, train, write model and card."""
    for contradiction in _contradictions(context, options):
        raise click.UsageError(contradiction)
    start_torch(options["threads"])
    from expinterp.training.build import build

    talk = context.ensure_object(Talk)
    with course(talk) as show:
        remarks = build(
            options["sources"],
            target_of(options),
            _settings(options),
            responses=options["responses"],
            licence=options["licence"],
            told=show,
        )
    for remark in remarks:
        talk.warn(remark)
    talk.note(f"wrote {options['output']}")


def _contradictions(context: click.Context, options: dict[str, Any]) -> Iterator[str]:
    """Say which arguments cannot be had together, or mean nothing."""
    yield from excluding(context, [("steps", "minutes")])
    yield from name_contradictions(options)
    if options["target"] == "image" and options["tone"] is False:
        yield "--no-tone is for residuals; a whole picture has its tones"


def name_contradictions(options: dict[str, Any]) -> Iterator[str]:
    """Say what is wrong with the name of a model."""
    if options["output"].suffix != ".onnx":
        yield f"-o {options['output']}: a model is an ONNX file; end its name in .onnx"


def start_torch(threads: int | None) -> None:
    """Set up PyTorch.

    Raises
    ------
    MissingExtraError
        If it, or what writes models, is not installed.
    """
    for package in ("torch", "onnx"):
        if find_spec(package) is None:
            message = f"training needs the package {package}: pip install 'expinterp[train]'"
            raise MissingExtraError(message)
    import torch

    if threads:
        torch.set_num_threads(threads)


def target_of(options: dict[str, Any]) -> Any:
    """Say where model, card and run go."""
    from expinterp.training.build import TrainingOutputs

    model: Path = options["output"]
    card = options["card"] or model.with_suffix(CARD_SUFFIX)
    run = options["run"] or model.with_suffix(RUN_SUFFIX)
    return TrainingOutputs(model, card, run, options["overwrite"])


def _settings(options: dict[str, Any]) -> TrainingSettings:
    """Fill in the settings; a plain network sees the shots alone and learns every tone."""
    from dataclasses import replace

    from expinterp.training.settings import TrainingSettings

    plain = options["target"] == "image"
    settings = (
        TrainingSettings(plain=True, sight="shots", tone=True) if plain else TrainingSettings()
    )
    if options["layers"] is not None:
        ones = (1,) * options["layers"]
        settings = replace(settings, kernels=(3, *ones[1:]) if ones else ())
    given = {name: options[name] for name in SETTINGS if options[name] is not None}
    return replace(settings, **given)

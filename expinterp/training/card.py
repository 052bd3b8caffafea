"""The model card: the network, its training data, its settings and its quality."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from expinterp import __version__
from expinterp.training.network import Network
from expinterp.training.run import LogLine
from expinterp.training.settings import TrainingSettings
from expinterp.training.sources import SourceDescription

SEES = {
    "all": "y0, long and short, and what stage one makes of each",
    "y0": "y0 alone",
    "shots": "long and short, not y0",
}
LIMITS = """\
The network knows cameras and scenes like those above. It is no denoiser, no upscaler and no
aligner, and was made for the exposure half-way between the two; elsewhere its residual is faded.
The figures are those of scenes that were not learned from, but that may have decided which weights
were kept; measure it on photographs of your own with `expinterp evaluate FOLDER --model FILE`.
"""


def describe_training(sources: Sequence[SourceDescription]) -> str:
    """Describe the training data in one line, for the metadata of the model."""
    described = [
        f"{len(source.learned)} scenes of {source.name} ({source.kind}, "
        f"SHA-256 {source.digest[:16]}…; licences: {', '.join(source.licences) or 'none found'})"
        for source in sources
    ]
    return "; ".join(described)


def write_card(
    model: Path,
    network: Network,
    settings: TrainingSettings,
    sources: Sequence[SourceDescription],
    log: Sequence[LogLine],
    *,
    facts: Mapping[str, str],
    warnings: Sequence[str],
) -> str:
    """Return the card of a model file, whose metadata are `facts`, as Markdown."""
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    parts = [
        f"# `{model.name}`",
        "Made by `expinterp train` or `tune`; see `expinterp --help`.",
        _table(_properties(network, digest, facts)),
        "## Data",
        *(_data(source) for source in sources),
        *(["Passed over:", "\n".join(f"- {warning}" for warning in warnings)] if warnings else ()),
        "## Figures",
        _figures(log),
        "## Settings",
        _table({key: f"`{value}`" for key, value in asdict(settings).items()}),
        "## Limits",
        LIMITS.rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


def _properties(network: Network, digest: str, facts: Mapping[str, str]) -> dict[str, str]:
    shape = network.shape
    sides = ", ".join(f"{side}×{side}" for side in (shape.fold, *shape.kernels, 1))
    apart = ", 3×3 ones separable" if shape.separable and max(shape.kernels, default=1) > 1 else ""
    weights = sum(weight.numel() for weight in network.parameters())
    return {
        "computes": "the medium" if shape.plain else "the residual, to be added to y0",
        "sees": SEES[shape.sight],
        "convolutions": f"{sides}; {shape.width} wide, ReLU between them{apart}",
        "cost": f"{network.multiply_adds:.0f} multiply-adds per pixel, {weights} weights",
        "SHA-256": f"`{digest}`",
        "licence": facts.get("licence", "not stated"),
        "made with": f"expinterp {__version__}, PyTorch {torch.__version__}",
    }


def _data(source: SourceDescription) -> str:
    apart = "held out"
    if set(source.held_out) & set(source.learned):
        apart += " while the figures were measured"
    licences = ", ".join(source.licences) or "none found beside the data; ask whose they are"
    return _table(
        {
            "source": f"`{source.name}`, {source.kind}",
            "licence files": licences,
            "SHA-256 of all files": f"`{source.digest}`",
            "learned from": ", ".join(source.learned),
            apart: ", ".join(source.held_out),
        }
    )


def _figures(log: Sequence[LogLine]) -> str:
    """Tabulate the PSNR at the end of the run, and at its best."""
    rows = {}
    for name, line in (("last", log[-1]), ("best", max(log, key=lambda one: one.get("psnr", 0)))):
        if "psnr" in line:
            gain = line["psnr"] - line["psnr_y0"]
            rows[f"{name}: step {line['step']}, {line['seconds']:.0f} s"] = (
                f"{line['psnr']:.2f} dB on held-out scenes; y0 {line['psnr_y0']:.2f} dB, "
                f"so {gain:+.2f} dB"
            )
    return _table(rows) if rows else "Nothing was measured."


def _table(rows: Mapping[str, str]) -> str:
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {rows[key]} |" for key in rows)])

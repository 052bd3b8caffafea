"""From sources to a model file: training data, training, and the files that state the result."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from expinterp.errors import OutputError, reason
from expinterp.files import check_output, replacing
from expinterp.training.card import describe_training, write_card
from expinterp.training.curves import curve_of, write_curves
from expinterp.training.export import export_network
from expinterp.training.network import Network
from expinterp.training.patches import TrainingData
from expinterp.training.run import LogLine, read_log
from expinterp.training.settings import TrainingSettings
from expinterp.training.sources import (
    BracketSource,
    RadianceSource,
    SourceDescription,
    collect_data,
    open_source,
)
from expinterp.training.train import train

CURVES = "curves.svg"
Progress = Callable[[str, float], None]  # called with the current step and the share done, 0..1


@dataclass(frozen=True)
class TrainingOutputs:
    """The files of a trained model."""

    model: Path  # ONNX
    card: Path  # Markdown
    run: Path  # folder of checkpoint, log, patches and curves
    overwrite: bool = False  # whether model and card may replace files

    def check(self, inputs: Sequence[Path]) -> None:
        """Check before any work that everything can be written.

        Raises
        ------
        OutputExistsError, OutputError
        """
        for file in (self.model, self.card):
            check_output(file, overwrite=self.overwrite, inputs=inputs)
        try:
            self.run.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{self.run}: cannot be created ({reason(error)}); choose another --run"
            raise OutputError(message) from error


def build(
    sources: Sequence[Path],
    outputs: TrainingOutputs,
    settings: TrainingSettings,
    *,
    responses: Path | None = None,
    licence: str | None = None,
    progress: Progress = lambda words, share: None,
) -> list[str]:
    """Train a network and write its model file, card and curves.

    Parameters
    ----------
    sources : sequence of Path
        Folders of radiance maps or photographed brackets.
    responses : Path, optional
        Folder of camera response curves, required for radiance maps.
    licence : str, optional
        Of the model; stated in the model file and the card.
    progress : function, optional
        Called with the current step and the share that is done, 0..1.

    Returns
    -------
    list of str
        Warnings.

    Raises
    ------
    ExpInterpError
        If a source cannot be used, or something cannot be written.
    """
    outputs.check(sources)
    opened = [open_source(source, settings, responses=responses) for source in sources]
    data, network = learn(opened, settings, outputs.run, progress=progress)
    described = [source.description for source in opened]
    facts = model_facts(described, settings, licence=licence)
    write_outputs(network, outputs, settings, described, facts=facts, warnings=data.warnings)
    return list(data.warnings)


def learn(
    sources: Sequence[RadianceSource | BracketSource],
    settings: TrainingSettings,
    run: Path,
    *,
    start: Network | None = None,
    progress: Progress,
) -> tuple[TrainingData, Network]:
    """Collect training data and train on it, both in the folder of a run."""
    data = collect_data(sources, settings, cache=run, progress=lambda words: progress(words, 0.0))
    held_out, on_log = data.held_out, show_log(progress)
    network = train(data.patches, settings, run, held_out=held_out, start=start, on_log=on_log)
    return data, network


def show_log(progress: Progress) -> Callable[[LogLine], None]:
    """Return a function that shows a line of the log as progress."""

    def show(line: LogLine) -> None:
        psnr = f", {line['psnr']:.2f} dB (y0 {line['psnr_y0']:.2f})" if "psnr" in line else ""
        words = f"step {line['step']}, loss {line['loss']:.4g}{psnr}"
        whole = line["seconds"] + max(line["seconds_left"], 0)
        share = line["seconds"] / whole if whole else 1.0
        progress(f"{words}, {line['seconds_left']:.0f} s left", share)

    return show


def model_facts(
    sources: Sequence[SourceDescription], settings: TrainingSettings, *, licence: str | None = None
) -> dict[str, str]:
    """Return the metadata of a model file besides its contract."""
    return {
        "training_data": describe_training(sources),
        "licence": licence or "not stated",
        "position": "0.5",
        "settings": json.dumps(asdict(settings), sort_keys=True),
    }


def write_outputs(
    network: Network,
    outputs: TrainingOutputs,
    settings: TrainingSettings,
    sources: Sequence[SourceDescription],
    *,
    facts: Mapping[str, str],
    warnings: Sequence[str],
) -> None:
    """Write model, card and curves of a finished run."""
    log = read_log(outputs.run)
    levels = {"y0": log[-1]["psnr_y0"]} if "psnr_y0" in log[-1] else {}
    name = "plain network" if settings.plain else "y0 + network"
    write_curves(outputs.run / CURVES, {name: curve_of(log)}, levels=levels)
    export_network(network, outputs.model, facts)
    card = write_card(
        outputs.model, network, settings, sources, log, facts=facts, warnings=warnings
    )
    with replacing(outputs.card, overwrite=True) as stream:
        stream.write(card.encode())

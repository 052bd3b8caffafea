"""From sources to a model file: pictures, training, export, card and curves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from expinterp.errors import OutputError, reason
from expinterp.files import check_output, replacing
from expinterp.training.card import describe_training, write_card
from expinterp.training.collect import Source, collect, open_supply
from expinterp.training.curves import curve_of, write_curves
from expinterp.training.export import export_network
from expinterp.training.network import Network
from expinterp.training.run import read_log
from expinterp.training.settings import TrainingSettings
from expinterp.training.train import train

CURVES = "curves.svg"
Told = Callable[[str, float], None]  # what is being done, and the share that is done


@dataclass(frozen=True)
class TrainingOutputs:
    """Where a model goes.

    Attributes
    ----------
    model, card : Path
        ONNX and Markdown.
    run : Path
        Folder of checkpoint, log, patches and curves.
    overwrite : bool
        Whether model and card may replace files.
    """

    model: Path
    card: Path
    run: Path
    overwrite: bool = False

    def check(self, inputs: Sequence[Path]) -> None:
        """Refuse before any work what cannot be written.

        Raises
        ------
        OutputExistsError, OutputError
        """
        for file in (self.model, self.card):
            check_output(file, overwrite=self.overwrite, inputs=inputs)
        try:
            self.run.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{self.run}: cannot be made ({reason(error)}); choose another --run"
            raise OutputError(message) from error


def build(
    sources: Sequence[Path],
    target: TrainingOutputs,
    settings: TrainingSettings,
    *,
    responses: Path | None = None,
    licence: str | None = None,
    told: Told = lambda words, share: None,
) -> list[str]:
    """Train a network and write its model file, card and curves.

    Parameters
    ----------
    sources : sequence of Path
        Folders of radiance maps or photographed brackets.
    responses : Path, optional
        Folder of camera response curves; radiance maps need it.
    licence : str, optional
        Of the model, as it is to be stated.
    told : function, optional
        Called with what is being done and the share that is done, 0..1.

    Returns
    -------
    list of str
        What a person should know.

    Raises
    ------
    ExpInterpError
        If a source cannot be used, or something cannot be written.
    """
    target.check(sources)
    supplies = [open_supply(source, settings, responses=responses) for source in sources]
    lesson = collect(supplies, settings, cache=target.run, told=lambda words: told(words, 0.0))
    network = train(
        lesson.patches,
        settings,
        target.run,
        held_out=lesson.held_out,
        told=lambda line: told(describe_line(line), share_of(line)),
    )
    described = [supply.source for supply in supplies]
    facts = state_facts(described, settings, licence=licence)
    hand_over(network, target, settings, described, facts=facts, remarks=lesson.remarks)
    return list(lesson.remarks)


def describe_line(line: Mapping[str, Any]) -> str:
    """Say a line of the log in words."""
    psnr = f", {line['psnr']:.2f} dB (y0 {line['psnr_y0']:.2f})" if "psnr" in line else ""
    return f"step {line['step']}, loss {line['loss']:.4g}{psnr}, {line['seconds_left']:.0f} s left"


def share_of(line: Mapping[str, Any]) -> float:
    """Tell how much of a run is done, 0..1."""
    whole = line["seconds"] + max(line["seconds_left"], 0)
    return float(line["seconds"] / whole) if whole else 1.0


def state_facts(
    sources: Sequence[Source], settings: TrainingSettings, *, licence: str | None
) -> dict[str, str]:
    """List what the model file states about its making."""
    return {
        "training_data": describe_training(sources),
        "licence": licence or "not stated",
        "position": "0.5",
        "settings": json.dumps(asdict(settings), sort_keys=True),
    }


def hand_over(
    network: Network,
    target: TrainingOutputs,
    settings: TrainingSettings,
    sources: Sequence[Source],
    *,
    facts: Mapping[str, str],
    remarks: Sequence[str] = (),
) -> None:
    """Write model, card and curves of a finished run."""
    log = read_log(target.run)
    levels = {"y0": log[-1]["psnr_y0"]} if "psnr_y0" in log[-1] else {}
    name = "plain network" if settings.plain else "y0 + network"
    write_curves(target.run / CURVES, {name: curve_of(log)}, levels=levels)
    export_network(network, target.model, facts)
    digest = hashlib.sha256(target.model.read_bytes()).hexdigest()
    card = write_card(
        target.model.name,
        network,
        settings,
        sources,
        log,
        digest=digest,
        facts=facts,
        remarks=remarks,
    )
    with replacing(target.card, overwrite=True) as stream:
        stream.write(card.encode())

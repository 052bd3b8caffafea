"""What a training run leaves in its folder: checkpoint, log, pictures; and how it goes on."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from expinterp.errors import OutputExistsError
from expinterp.files import replacing
from expinterp.training.network import Network

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"


@dataclass
class TrainingRun:
    """What changes while training, and so what a checkpoint holds.

    Attributes
    ----------
    network, averaged : Network
        The weights as they are, and their running average.
    best : Network
        The average of weights that did best on held-out scenes so far.
    best_psnr : float
        What it had there, dB.
    seconds : float
        Spent training so far, over all sittings; measuring and saving do not count.
    identity : str
        Digest of settings, pictures and first weights; a checkpoint of others is refused.
    """

    network: Network
    averaged: Network
    best: Network
    optimiser: torch.optim.Optimizer
    random: torch.Generator
    identity: str
    step: int = 0
    seconds: float = 0.0
    best_psnr: float = -math.inf
    logged: list[dict[str, Any]] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write a checkpoint, and the log as it stands, each all at once."""
        held = {
            "identity": self.identity,
            "step": self.step,
            "seconds": self.seconds,
            "best_psnr": self.best_psnr,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "best": self.best.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.random.get_state(),
            "logged": json.dumps(self.logged),
        }
        log = "".join(json.dumps(line) + "\n" for line in self.logged)
        with replacing(folder / CHECKPOINT, overwrite=True) as stream:
            torch.save(held, stream)
        with replacing(folder / LOG, overwrite=True) as stream:
            stream.write(log.encode())

    def load(self, folder: Path) -> None:
        """Go back to where a checkpoint was written.

        Raises
        ------
        OutputExistsError
            If it belongs to a run of other settings or pictures, or from another start.
        """
        held: dict[str, Any] = torch.load(folder / CHECKPOINT, weights_only=True)
        if held["identity"] != self.identity:
            message = (
                f"{folder} holds a run with other settings, other pictures or another start; "
                "name another folder with --run, or remove that one"
            )
            raise OutputExistsError(message)
        self.network.load_state_dict(held["network"])
        self.averaged.load_state_dict(held["averaged"])
        self.best.load_state_dict(held["best"])
        self.optimiser.load_state_dict(held["optimiser"])
        self.random.set_state(held["random"])
        self.step, self.seconds = int(held["step"]), float(held["seconds"])
        self.best_psnr = float(held["best_psnr"])
        self.logged = json.loads(held["logged"])


def start_run(network: Network, *, rate: float, seed: int, identity: str) -> TrainingRun:
    """Make the averages and the optimiser of a network."""
    return TrainingRun(
        network,
        copy.deepcopy(network),
        copy.deepcopy(network),
        torch.optim.Adam(network.parameters(), lr=rate),
        torch.Generator().manual_seed(seed),
        identity,
    )


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Read the log of a run."""
    lines = (folder / LOG).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def digest(*values: Any) -> str:
    """Digest plain values and bytes, SHA-256."""
    found = hashlib.sha256()
    for value in values:
        found.update(value if isinstance(value, bytes) else json.dumps(value).encode())
    return found.hexdigest()

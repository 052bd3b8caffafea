"""The state of a training run: its checkpoint, from which it continues, and its log."""

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
PLAIN = ("identity", "step", "seconds", "best_psnr")  # fields that a checkpoint stores as such,
STATEFUL = ("network", "averaged", "best", "optimiser")  # and those whose state it stores
LogLine = dict[str, Any]  # step, loss, seconds, seconds_left; with held-out scenes PSNRs in dB


@dataclass
class TrainingRun:
    """Everything that changes during training; a checkpoint stores it."""

    network: Network
    averaged: Network  # running average of the weights
    best: Network  # that average where it was best on held-out scenes
    optimiser: torch.optim.Optimizer
    random: torch.Generator
    identity: str  # digest of settings, training data and first weights
    step: int = 0
    seconds: float = 0.0  # spent on training steps, also before interruptions
    best_psnr: float = -math.inf  # of `best` on held-out scenes, dB
    logged: list[LogLine] = field(default_factory=list)

    def save(self, folder: Path) -> None:
        """Write checkpoint and log, each all at once."""
        held = {name: getattr(self, name) for name in PLAIN}
        held |= {name: getattr(self, name).state_dict() for name in STATEFUL}
        held |= {"random": self.random.get_state(), "logged": json.dumps(self.logged)}
        log = "".join(json.dumps(line) + "\n" for line in self.logged)
        with replacing(folder / CHECKPOINT, overwrite=True) as stream:
            torch.save(held, stream)
        with replacing(folder / LOG, overwrite=True) as stream:
            stream.write(log.encode())

    def load(self, folder: Path) -> None:
        """Restore the state of the checkpoint.

        Raises
        ------
        OutputExistsError
            If it belongs to a run with other settings, training data or start.
        """
        held: dict[str, Any] = torch.load(folder / CHECKPOINT, weights_only=True)
        if held["identity"] != self.identity:
            message = (
                f"{folder} holds a run with other settings, other pictures or another start; "
                "choose another folder with --run, or remove this one"
            )
            raise OutputExistsError(message)
        for name in PLAIN:
            setattr(self, name, held[name])
        for name in STATEFUL:
            getattr(self, name).load_state_dict(held[name])
        self.random.set_state(held["random"])
        self.logged = json.loads(held["logged"])


def open_run(
    folder: Path, network: Network, identity: str, *, rate: float, seed: int
) -> TrainingRun:
    """Start a run, or continue it from the checkpoint in its folder; see `TrainingRun.load`."""
    run = TrainingRun(
        network,
        copy.deepcopy(network),
        copy.deepcopy(network),
        torch.optim.Adam(network.parameters(), lr=rate),
        torch.Generator().manual_seed(seed),
        identity,
    )
    if (folder / CHECKPOINT).exists():
        run.load(folder)
    return run


def read_log(folder: Path) -> list[LogLine]:
    """Read the log of a run."""
    lines = (folder / LOG).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def digest(*values: Any) -> str:
    """Compute the SHA-256 of bytes and of values as JSON."""
    found = hashlib.sha256()
    for value in values:
        found.update(value if isinstance(value, bytes) else json.dumps(value).encode())
    return found.hexdigest()

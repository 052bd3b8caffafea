"""Train the network: ``python -m expinterp.training.train RADIANCE RESPONSES -o lrl.onnx``.

One loop, from pictures to an exported model. Everything random comes from one seed; a run that
was stopped goes on from its checkpoint and ends with the very weights it would have had.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from expinterp.training.camera import read_responses
from expinterp.training.data import (
    FIELDS,
    FieldStage,
    Patches,
    cut_patches,
    read_patches,
    read_radiance,
    render_triples,
    split_scenes,
    write_patches,
)
from expinterp.training.export import export_network
from expinterp.training.losses import colour_angle, reconstruction, relative
from expinterp.training.network import Network, Shape


@dataclass(frozen=True)
class Settings:
    """Everything that decides the result of a run."""

    photographs: int = 1400
    patches: int = 20  # per photograph
    side: int = 4  # pixels of a patch
    strangers: float = 0.6  # share of photographs whose camera stage one has never seen
    tone: bool = False  # whether the tone error of whole pictures is to be learned
    held_out: int = 4  # scenes
    fold: int = 1  # fold, width, kernels: see network.Shape
    width: int = 16
    kernels: tuple[int, ...] = (1, 1)
    steps: int = 3000
    batch: int = 384  # patches, nearly all from different photographs
    rate: float = 2e-3  # of Adam, falling to zero along a half cosine
    colour: float = 0.0  # w of L = Lr + w·Lc
    floor: float = 1e-3  # see losses.relative
    average: float = 0.998  # weight of the past in the average of weights that is exported
    seed: int = 1


WARM_UP = 100  # steps in which the rate rises
LOG_EVERY = 50


def make_patches(settings: Settings, radiance: Path, responses: Path, runs: Path) -> Patches:
    """Render the pictures of a run, or read them where they have been rendered."""
    cache = runs / "patches.npz"
    if cache.exists():
        return read_patches(cache)
    paths = [path for path in radiance.iterdir() if path.suffix in {".hdr", ".exr"}]
    kept, _ = split_scenes(paths, held_out=settings.held_out, seed=settings.seed)
    triples = render_triples(
        [read_radiance(path) for path in kept],
        read_responses(responses),
        count=settings.photographs,
        seed=settings.seed,
    )
    patches = cut_patches(
        triples,
        FieldStage(responses, strangers=settings.strangers, seed=settings.seed),
        per_triple=settings.patches,
        side=settings.side,
        tone=settings.tone,
        seed=settings.seed,
    )
    write_patches(cache, patches)
    return patches


def train(patches: Patches, settings: Settings, folder: Path) -> Network:
    """Run the loop; returns the average of the weights, which does better than the last ones."""
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    run = start_run(settings)
    if checkpoint.exists():
        run.load(checkpoint)
    arrays = [torch.from_numpy(getattr(patches, name)) for name in FIELDS]
    first, begun = run.step, time.monotonic()
    while run.step < settings.steps:
        for group in run.optimiser.param_groups:
            group["lr"] = settings.rate * schedule(run.step, settings.steps)
        y0, truth, long, short, error = draw(arrays, settings.batch, run.random)
        result = y0 + run.network(y0, long, short)
        squared = reconstruction(result, truth)
        loss = relative(squared, error, floor=settings.floor).mean()
        if settings.colour:
            loss = loss + settings.colour * colour_angle(result, truth).mean()
        run.optimiser.zero_grad()
        torch.autograd.backward(loss)
        run.optimiser.step()
        follow(run.averaged, run.network, share=min(settings.average, run.step / (run.step + 20)))
        run.step += 1
        if run.step % LOG_EVERY == 0 or run.step == settings.steps:
            pace = (time.monotonic() - begun) / (run.step - first)
            log(
                folder,
                step=run.step,
                loss=loss.item(),
                gain_db=decibels(reconstruction(y0, truth).mean() / squared.mean()),
                seconds_left=round(pace * (settings.steps - run.step)),
            )
            run.save(checkpoint)
    return run.averaged


def schedule(step: int, steps: int) -> float:
    """Compute the share of the learning rate at a step: a short rise, then half a cosine."""
    return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / steps))


def draw(
    arrays: list[torch.Tensor], count: int, random: torch.Generator
) -> tuple[torch.Tensor, ...]:
    """Draw a batch, half of it mirrored: y0, truth, long, short (floats, 0..1) and y0's error."""
    index = torch.randint(0, len(arrays[0]), (count,), generator=random)
    y0, residual, long, short = (array[index].float() for array in arrays[:4])
    batch = [y0, y0 + residual, long / 255, short / 255]
    if torch.rand((), generator=random) < 0.5:
        batch = [image.flip(-1) for image in batch]
    return (*batch, arrays[4][index])


@torch.no_grad()
def follow(averaged: Network, network: Network, *, share: float) -> None:
    """Move the average towards the network: share·average + (1 − share)·network."""
    for mean, weight in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, 1 - share)


def decibels(ratio: torch.Tensor) -> float:
    """Convert a ratio of squared errors."""
    return round(10 * math.log10(ratio.item()), 3)


def log(runs: Path, **facts: float) -> None:
    """Append one line of JSON to the log."""
    with (runs / "log.jsonl").open("a") as stream:
        stream.write(json.dumps(facts) + "\n")


@dataclass
class Run:
    """What changes while training, and so what a checkpoint holds."""

    network: Network
    averaged: Network
    optimiser: torch.optim.Optimizer
    random: torch.Generator
    step: int = 0

    def save(self, path: Path) -> None:
        """Write a checkpoint all at once."""
        held = {
            "step": self.step,
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": self.random.get_state(),
        }
        partial = path.with_name(path.name + ".part")
        torch.save(held, partial)
        partial.replace(path)

    def load(self, path: Path) -> None:
        """Go back to where a checkpoint was written."""
        held: dict[str, Any] = torch.load(path, weights_only=True)
        self.network.load_state_dict(held["network"])
        self.averaged.load_state_dict(held["averaged"])
        self.optimiser.load_state_dict(held["optimiser"])
        self.random.set_state(held["random"])
        self.step = int(held["step"])


def start_run(settings: Settings) -> Run:
    """Make a network, its average and its optimiser, all from the seed."""
    torch.manual_seed(settings.seed)
    network = Network(Shape(settings.fold, settings.width, settings.kernels))
    return Run(
        network,
        copy.deepcopy(network),
        torch.optim.Adam(network.parameters(), lr=settings.rate),
        torch.Generator().manual_seed(settings.seed),
    )


def facts_of(settings: Settings) -> dict[str, str]:
    """List what the model file states about its making."""
    return {
        "training_data": "photographs rendered from 19 CC0 panoramas (pmndrs/assets) and "
        "8 BSD-3-Clause OpenEXR images; no real photograph",
        "licence": "MIT",
        "position": "0.5",
        "settings": json.dumps(asdict(settings), sort_keys=True),
    }


def main() -> None:
    """Read the command line, train, export."""
    parser = argparse.ArgumentParser(description="Train the refinement network.")
    parser.add_argument("radiance", type=Path, help="folder of .hdr and .exr radiance maps")
    parser.add_argument("responses", type=Path, help="folder of camera response curves")
    parser.add_argument("-o", "--output", type=Path, required=True, help="ONNX file to write")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="checkpoint, log, pictures")
    parser.add_argument("--threads", type=int, default=2)
    for name in ("photographs", "steps", "batch", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Settings, name))
    parser.add_argument("--colour", type=float, default=Settings.colour, help="w of Lr + w·Lc")
    options = parser.parse_args()
    chosen = ("photographs", "steps", "batch", "seed", "colour")
    settings = replace(Settings(), **{name: getattr(options, name) for name in chosen})
    torch.set_num_threads(options.threads)
    options.runs.mkdir(parents=True, exist_ok=True)
    patches = make_patches(settings, options.radiance, options.responses, options.runs)
    network = train(patches, settings, options.runs)
    export_network(network, options.output, facts_of(settings))


if __name__ == "__main__":
    main()

"""Training the network: one loop, from patches to weights.

Everything random comes from one seed. A run that was stopped goes on from its checkpoint; counted
in steps, it ends with the very weights it would have had. Counted in minutes it ends with others,
as no two runs take the same time.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from expinterp.refine.contract import INPUTS
from expinterp.training.data import FIELDS, Patches
from expinterp.training.losses import colour_angle, reconstruction, relative
from expinterp.training.network import Network, NetworkShape
from expinterp.training.run import CHECKPOINT, digest, start_run
from expinterp.training.settings import TrainingSettings

WARM_UP = 100  # steps in which the rate rises
LOG_EVERY = 50  # steps, at first; after every further thousand as many more
RARER = 1000
AT_A_TIME = 4096  # patches measured
PICTURES = (*INPUTS, "residual")  # of a patch
Told = Callable[[dict[str, Any]], None]
Pictures = dict[str, torch.Tensor]


def train(
    patches: Patches,
    settings: TrainingSettings,
    folder: Path,
    *,
    held_out: Patches | None = None,
    start: Network | None = None,
    told: Told = lambda line: None,
) -> Network:
    """Run the loop.

    Parameters
    ----------
    folder : Path
        Of the run: checkpoint and log; made if it is not there.
    held_out : Patches, optional
        Of other scenes, the tone error left in; what is logged is measured on them.
    start : Network, optional
        Where to start from, of the shape that the settings say; new weights if not given. It stays
        as it is.
    told : function, optional
        Called with every line of the log.

    Returns
    -------
    Network
        The average of the weights, which does better than the last ones.

    Raises
    ------
    OutputExistsError
        If the folder holds a run of other settings or pictures, or from another start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    network = copy.deepcopy(start) if start else Network(shape_of(settings))
    identity = identify(settings, patches, held_out, network)
    run = start_run(network, rate=settings.rate, seed=settings.seed, identity=identity)
    if (folder / CHECKPOINT).exists():
        run.load(folder)
    arrays = as_tensors(patches)
    inner = slice(network.halo, -network.halo or None)
    while (done := share_done(run.step, run.seconds, settings)) < 1:
        begun = time.monotonic()
        for group in run.optimiser.param_groups:
            group["lr"] = settings.rate * schedule(run.step, done)
        batch, error = draw(arrays, settings.batch, run.random)
        result, truth = answer(run.network, batch, inner)
        squared = reconstruction(result, truth)
        if settings.loss == "relative":
            squared = relative(squared, error, floor=settings.floor)
        loss = squared.mean()
        if settings.colour:
            loss = loss + settings.colour * colour_angle(result, truth).mean()
        run.optimiser.zero_grad()
        torch.autograd.backward(loss)
        run.optimiser.step()
        follow(run.averaged, run.network, share=min(settings.average, run.step / (run.step + 20)))
        run.step += 1
        run.seconds += time.monotonic() - begun
        done = share_done(run.step, run.seconds, settings)
        if run.step % (LOG_EVERY * (1 + run.step // RARER)) == 0 or done >= 1:
            line = {"step": run.step, "loss": loss.item(), "seconds": round(run.seconds, 3)}
            line["seconds_left"] = round(run.seconds * (1 / done - 1), 1)
            if held_out:
                line |= measure(run.averaged, held_out)
                if line["psnr"] > run.best_psnr:
                    run.best_psnr = line["psnr"]
                    run.best.load_state_dict(run.averaged.state_dict())
            run.logged.append(line)
            run.save(folder)
            told(line)
    return run.best if settings.best and held_out else run.averaged


def identify(
    settings: TrainingSettings, patches: Patches, held_out: Patches | None, network: Network
) -> str:
    """Digest everything that decides what a run ends with; `network` is as it starts."""
    parts = [part for part in (patches, held_out) if part]
    arrays = [getattr(part, name) for part in parts for name in FIELDS]
    arrays += [weight.numpy() for weight in network.state_dict().values()]
    return digest(asdict(settings), *(array.tobytes() for array in arrays))


def shape_of(settings: TrainingSettings) -> NetworkShape:
    """Take size and kind of the network from settings."""
    return NetworkShape(
        settings.fold, settings.width, settings.kernels, settings.sight, settings.plain
    )


def share_done(step: int, seconds: float, settings: TrainingSettings) -> float:
    """Tell how much of the budget is spent, 0..1 and beyond."""
    if settings.minutes is not None:
        return seconds / (60 * settings.minutes)
    return step / settings.steps


def schedule(step: int, done: float) -> float:
    """Compute the share of the learning rate at a step: a short rise, then half a cosine."""
    return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))


def as_tensors(patches: Patches) -> Pictures:
    """Wrap the arrays of patches, by name; pictures channels last, as they are cut.

    PyTorch rounds otherwise in another layout, such as that of patches read from a file.
    """
    arrays = {name: torch.from_numpy(getattr(patches, name)) for name in FIELDS}
    pictures = {
        name: arrays[name].contiguous(memory_format=torch.channels_last) for name in PICTURES
    }
    return arrays | pictures


def draw(arrays: Pictures, count: int, random: torch.Generator) -> tuple[Pictures, torch.Tensor]:
    """Draw a batch, mirrored and turned at random: pictures by name, and the error of y0."""
    index = torch.randint(0, len(arrays["error"]), (count,), generator=random)
    batch = scale({name: arrays[name][index] for name in PICTURES})
    mirrored, turned = (torch.rand(2, generator=random) < 0.5).tolist()
    if mirrored:
        batch = {name: picture.flip(-1) for name, picture in batch.items()}
    if turned:
        batch = {name: picture.transpose(-1, -2) for name, picture in batch.items()}
    return batch, arrays["error"][index]


def scale(batch: Pictures) -> Pictures:
    """Turn patches into float32, 0..1."""
    return {
        name: picture / 255 if picture.dtype == torch.uint8 else picture.float()
        for name, picture in batch.items()
    }


def answer(network: Network, batch: Pictures, inner: slice) -> tuple[torch.Tensor, torch.Tensor]:
    """Give what the network makes of a batch, and the truth, both without the halo."""
    y0 = batch["intermediate"]
    pair = y0 + network(batch), y0 + batch["residual"]
    result, truth = (picture[..., inner, inner] for picture in pair)
    return result, truth


@torch.no_grad()
def follow(averaged: Network, network: Network, *, share: float) -> None:
    """Move the average towards the network: share·average + (1 − share)·network."""
    for mean, weight in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, 1 - share)


@torch.no_grad()
def measure(network: Network, patches: Patches) -> dict[str, float]:
    """Measure y0 and the network on patches of pictures it has not seen.

    Returns
    -------
    dict
        ``psnr_y0`` and ``psnr`` of the result, dB: means over photographs, each over its patches.
    """
    inner = slice(network.halo, -network.halo or None)
    arrays, errors = as_tensors(patches), []
    for start in range(0, len(patches), AT_A_TIME):
        some = slice(start, start + AT_A_TIME)
        batch = scale({name: arrays[name][some] for name in PICTURES})
        result, truth = answer(network, batch, inner)
        y0 = batch["intermediate"][..., inner, inner]
        pair = [reconstruction(each, truth) for each in (y0, result.clamp(0, 1))]
        errors.append(torch.stack(pair, dim=1))
    picture = torch.from_numpy(patches.picture).long()
    sums = torch.zeros(int(picture.max()) + 1, 2).index_add_(0, picture, torch.cat(errors))
    means = sums / torch.bincount(picture)[:, None]
    before, after = (-10 * torch.log10(means.clamp_min(1e-12))).mean(dim=0).tolist()
    return {"psnr_y0": round(before, 3), "psnr": round(after, 3)}

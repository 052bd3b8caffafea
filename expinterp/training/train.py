"""Training the network: one loop, from patches to weights.

Everything random comes from one seed. A run that was stopped continues from its checkpoint. With a
budget in steps, it ends with exactly the weights of an uninterrupted run. With a budget in minutes
it does not, because no two runs are equally fast.

The loss is L = Lr + w·Lc (Zheng et al., arXiv:1905.03890). Lr = |y − ŷ|² is the reconstruction
error, Lc = ∠(y, ŷ) the angle between R G B vectors, both averaged over pixels. Pictures are
(n, 3, rows, cols), display-encoded, 0..1.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path

import torch

from expinterp.refine.contract import INPUTS
from expinterp.training.network import Network, NetworkShape
from expinterp.training.patches import FIELDS, Patches
from expinterp.training.run import LogLine, TrainingRun, digest, open_run
from expinterp.training.settings import TrainingSettings

WARM_UP = 100  # steps in which the learning rate rises
LOG_EVERY = 50  # steps at first; 50 more after every further LOG_LESS steps
LOG_LESS = 1000
MEASURED_AT_ONCE = 4096  # patches
DARK = 1e-3  # added to all channels before their angle: black has no direction, but is near grey
SMALL = 1e-4  # radians; below this angle its gradient falls to zero, and stays finite at zero
PICTURES = (*INPUTS, "residual")  # of a patch
SHAPE = [field.name for field in fields(NetworkShape)]  # settings with the same names
Pictures = dict[str, torch.Tensor]


def train(
    patches: Patches,
    settings: TrainingSettings,
    folder: Path,
    *,
    held_out: Patches | None = None,
    start: Network | None = None,
    on_log: Callable[[LogLine], None] = lambda line: None,
) -> Network:
    """Train a network until the budget is spent.

    Parameters
    ----------
    folder : Path
        For checkpoint and log; created if missing.
    held_out : Patches, optional
        Of other scenes, with the tone error; the log states the PSNR on them.
    start : Network, optional
        Weights to start from, in the shape that the settings state; it is not modified. Random
        weights if not given.
    on_log : function, optional
        Called with every line of the log.

    Returns
    -------
    Network
        The running average of the weights, which is better than the last ones; or, with
        ``settings.best``, that average where it was best on `held_out`.

    Raises
    ------
    OutputExistsError
        If the folder holds a run with other settings, training data or start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(settings.seed)
    network = copy.deepcopy(start) if start else Network(shape_of(settings))
    identity = identify(settings, patches, held_out, network)
    run = open_run(folder, network, identity, rate=settings.rate, seed=settings.seed)
    arrays = as_tensors(patches)
    while (done := share_done(run, settings)) < 1:
        begun = time.monotonic()
        loss = _take_step(run, arrays, settings, done)
        run.seconds += time.monotonic() - begun
        done = share_done(run, settings)
        if run.step % (LOG_EVERY * (1 + run.step // LOG_LESS)) == 0 or done >= 1:
            line = _log_step(run, loss.item(), done, held_out)
            run.save(folder)
            on_log(line)
    return run.best if settings.best and held_out else run.averaged


def identify(
    settings: TrainingSettings, patches: Patches, held_out: Patches | None, network: Network
) -> str:
    """Compute a digest of everything that decides the result; `network` is as it starts."""
    parts = [part for part in (patches, held_out) if part]
    arrays = [getattr(part, name) for part in parts for name in FIELDS]
    arrays += [weight.numpy() for weight in network.state_dict().values()]
    return digest(asdict(settings), *(array.tobytes() for array in arrays))


def shape_of(settings: TrainingSettings) -> NetworkShape:
    """Return size and kind of the network that the settings state."""
    return NetworkShape(**{name: getattr(settings, name) for name in SHAPE})


def share_done(run: TrainingRun, settings: TrainingSettings) -> float:
    """Compute the share of the budget that is spent; it may exceed 1."""
    if settings.minutes is not None:
        return run.seconds / (60 * settings.minutes)
    return run.step / settings.steps


def as_tensors(patches: Patches) -> Pictures:
    """Wrap the arrays of patches, by name, all pictures in the memory format channels last.

    PyTorch rounds differently in other formats, and patches read from a file have another one.
    """
    arrays = {name: torch.from_numpy(getattr(patches, name)) for name in FIELDS}
    pictures = {
        name: arrays[name].contiguous(memory_format=torch.channels_last) for name in PICTURES
    }
    return arrays | pictures


def _take_step(
    run: TrainingRun, arrays: Pictures, settings: TrainingSettings, done: float
) -> torch.Tensor:
    """Update the weights on one random batch, and their average; return the loss."""
    for group in run.optimiser.param_groups:
        group["lr"] = settings.rate * rate_factor(run.step, done)
    batch, error = draw(arrays, settings.batch, run.random)
    loss = compute_loss(run.network, batch, error, settings)
    run.optimiser.zero_grad()
    torch.autograd.backward(loss)
    run.optimiser.step()
    decay = min(settings.average, run.step / (run.step + 20))
    update_average(run.averaged, run.network, decay=decay)
    run.step += 1
    return loss


def rate_factor(step: int, done: float) -> float:
    """Compute the factor on the learning rate, 0..1: a short rise, then half a cosine."""
    return min(1.0, (step + 1) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))


def draw(arrays: Pictures, count: int, random: torch.Generator) -> tuple[Pictures, torch.Tensor]:
    """Draw a batch, mirrored and transposed at random: pictures by name, and the errors of y0."""
    index = torch.randint(0, len(arrays["error"]), (count,), generator=random)
    batch = scale({name: arrays[name][index] for name in PICTURES})
    mirrored, turned = (torch.rand(2, generator=random) < 0.5).tolist()
    if mirrored:
        batch = {name: picture.flip(-1) for name, picture in batch.items()}
    if turned:
        batch = {name: picture.transpose(-1, -2) for name, picture in batch.items()}
    return batch, arrays["error"][index]


def scale(batch: Pictures) -> Pictures:
    """Convert patches to float32; code values 0..255 become 0..1."""
    return {
        name: picture / 255 if picture.dtype == torch.uint8 else picture.float()
        for name, picture in batch.items()
    }


def predict(network: Network, batch: Pictures) -> tuple[torch.Tensor, ...]:
    """Compute result, ground truth and y0 of a batch, all without the halo."""
    y0, inner = batch["intermediate"], slice(network.halo, -network.halo or None)
    pictures = y0 + network(batch), y0 + batch["residual"], y0
    return tuple(picture[..., inner, inner] for picture in pictures)


def compute_loss(
    network: Network, batch: Pictures, error: torch.Tensor, settings: TrainingSettings
) -> torch.Tensor:
    """Compute L = Lr + w·Lc of a batch; `error` is that of y0, for the relative loss."""
    result, truth, _ = predict(network, batch)
    squared = reconstruction(result, truth)
    if settings.loss == "relative":
        squared = relative(squared, error, floor=settings.floor)
    loss = squared.mean()
    if settings.colour:
        loss = loss + settings.colour * colour_angle(result, truth).mean()
    return loss


def reconstruction(result: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Compute the mean squared error of every picture, (n,)."""
    return (result - truth).square().mean(dim=(1, 2, 3))


def relative(error: torch.Tensor, reference: torch.Tensor, *, floor: float) -> torch.Tensor:
    """Divide mean squared errors by those of y0: the loss that the bundled model is trained with.

    Pictures with a good and a bad y0 then count alike, as they do in a mean of decibels. `floor`
    is the mean squared error below which there is nothing to gain.
    """
    return error / (reference + floor)


def colour_angle(result: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Compute the mean angle between R G B vectors of every picture, (n,), in radians.

    The angle is atan2(|a×b|, a·b): unlike the arc cosine it is exact, and its gradient finite, at
    zero.
    """
    a, b = result + DARK, truth + DARK
    cross = torch.linalg.cross(a, b, dim=1).square().sum(dim=1)
    scale = a.square().sum(dim=1) * b.square().sum(dim=1)
    sine = torch.sqrt(cross + SMALL**2 * scale) - SMALL * torch.sqrt(scale)
    return torch.atan2(sine, (a * b).sum(dim=1)).mean(dim=(1, 2))


@torch.no_grad()
def update_average(averaged: Network, network: Network, *, decay: float) -> None:
    """Update the running average: decay·average + (1 − decay)·network."""
    for mean, weight in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)


def _log_step(run: TrainingRun, loss: float, done: float, held_out: Patches | None) -> LogLine:
    """Append a line to the log, and keep the weights if they are the best so far."""
    line: LogLine = {"step": run.step, "loss": loss, "seconds": round(run.seconds, 3)}
    line["seconds_left"] = round(run.seconds * (1 / done - 1), 1)
    if held_out:
        line |= measure(run.averaged, held_out)
        if line["psnr"] > run.best_psnr:
            run.best_psnr = line["psnr"]
            run.best.load_state_dict(run.averaged.state_dict())
    run.logged.append(line)
    return line


@torch.no_grad()
def measure(network: Network, patches: Patches) -> dict[str, float]:
    """Measure the PSNR of y0 and of the network's result on held-out patches.

    Returns
    -------
    dict
        ``psnr_y0`` and ``psnr``, dB: means over photographs, each over its patches.
    """
    arrays, errors = as_tensors(patches), []
    for start in range(0, len(patches), MEASURED_AT_ONCE):
        some = slice(start, start + MEASURED_AT_ONCE)
        batch = scale({name: arrays[name][some] for name in PICTURES})
        result, truth, y0 = predict(network, batch)
        pair = [reconstruction(each, truth) for each in (y0, result.clamp(0, 1))]
        errors.append(torch.stack(pair, dim=1))
    picture = torch.from_numpy(patches.picture).long()
    sums = torch.zeros(int(picture.max()) + 1, 2).index_add_(0, picture, torch.cat(errors))
    means = sums / torch.bincount(picture)[:, None]
    before, after = (-10 * torch.log10(means.clamp_min(1e-12))).mean(dim=0).tolist()
    return {"psnr_y0": round(before, 3), "psnr": round(after, 3)}

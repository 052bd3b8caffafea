"""The lightweight residual learning network (LRL): a short chain of convolutions.

One layer of the bundled one sees the eight pixels around, all others mix channels only (1×1).
A network may fold every block of pixels into one, work there, and unfold at the end. Inputs and
output as in `refine`.

A *plain* network is there to compare with: it computes the whole medium from the two shots, and y0
is taken from it at the very end, so that it answers a residual too.

Sources: Zheng et al., arXiv:1905.03890 (the idea; the inputs beside y0 are ours); Chen, Goodfellow
and Shlens, "Net2Net", ICLR 2016 (`grow`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from expinterp.refine.contract import INPUTS

OFFSET = 0.5  # taken from every input, so that they spread around zero
SIGHTS = {"all": INPUTS, "y0": INPUTS[:1], "shots": INPUTS[1:3]}  # what a network may see


@dataclass(frozen=True)
class NetworkShape:
    """Size and kind of the network.

    Attributes
    ----------
    fold : int
        Side of the block of pixels folded into one.
    width : int
        Channels of every layer.
    kernels : tuple of int
        Kernel sides of the layers between fold and unfold; odd.
    sight : {'all', 'y0', 'shots'}
        What of the inputs it sees: every one, y0 alone, or the two photographs.
    plain : bool
        Whether the chain computes the medium, and not the residual.
    """

    fold: int = 1
    width: int = 16
    kernels: tuple[int, ...] = (3, 1)
    sight: str = "all"
    plain: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the pictures that it sees."""
        return SIGHTS[self.sight]

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the pictures that it is given: a plain one needs y0 to take it away."""
        needed = {*self.inputs, *INPUTS[: self.plain]}
        return tuple(name for name in INPUTS if name in needed)


class Network(nn.Module):
    """Maps pictures (n, 3, rows, cols), by name, to the residual.

    The last layer starts at zero, so that an untrained network answers y0; that of a plain one
    starts as PyTorch starts any.
    """

    def __init__(self, shape: NetworkShape | None = None) -> None:
        super().__init__()
        self.shape = shape or NetworkShape()
        width, fold = self.shape.width, self.shape.fold
        seen = 3 * len(self.shape.inputs)
        layers: list[nn.Module] = [nn.Conv2d(seen, width, fold, stride=fold), nn.ReLU()]
        for side in self.shape.kernels:
            layers += [nn.Conv2d(width, width, side, padding=side // 2), nn.ReLU()]
        last = nn.Conv2d(width, 3 * fold**2, 1)
        if not self.shape.plain:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        unfold = [nn.PixelShuffle(fold)] if fold > 1 else []
        self.chain = nn.Sequential(*layers, last, *unfold)

    def forward(self, pictures: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Compute the residual; rows and cols are multiples of the fold."""
        stack = torch.cat([pictures[name] for name in self.shape.inputs], dim=1)
        answer: torch.Tensor = self.chain(stack - OFFSET)
        return answer - pictures[INPUTS[0]] if self.shape.plain else answer

    @property
    def halo(self) -> int:
        """Pixels of the input seen on each side of an output pixel, rounded up to the fold."""
        return self.shape.fold * sum(side // 2 for side in self.shape.kernels)

    @property
    def multiply_adds(self) -> float:
        """Multiply-adds per pixel of the picture."""
        convolutions = [layer for layer in self.chain if isinstance(layer, nn.Conv2d)]
        return sum(layer.weight.numel() for layer in convolutions) / self.shape.fold**2


@torch.no_grad()
def grow(network: Network, shape: NetworkShape) -> Network:
    """Make a wider and deeper network that computes what `network` does.

    New channels see what the old ones see, at random, and are not yet listened to; new layers pass
    the old channels on, which ReLU has left positive.

    Parameters
    ----------
    shape : NetworkShape
        As that of `network`, but wider, and with more layers behind.

    Raises
    ------
    ValueError
        If it is not.
    """
    old, count = network.shape, len(network.shape.kernels)
    alike = (old.fold, old.sight, old.plain) == (shape.fold, shape.sight, shape.plain)
    if not (alike and shape.kernels[:count] == old.kernels and shape.width >= old.width):
        msg = f"{old} cannot grow into {shape}"
        raise ValueError(msg)
    grown, width = Network(shape), old.width
    given, made = _convolutions(network), _convolutions(grown)
    for weight, bias in made[1:-1]:
        weight[:width], bias[:width] = 0, 0
    for (weight, bias), (theirs, constant) in zip(made[: count + 1], given, strict=False):
        weight[:width, : theirs.shape[1]], bias[:width] = theirs, constant
    for weight, _ in made[count + 1 : -1]:
        middle = weight.shape[-1] // 2
        weight[:width, :width, middle, middle] = torch.eye(width)
    made[-1][0][:, :width], made[-1][1][:] = given[-1]
    return grown


def _convolutions(network: Network) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Give weights and biases of all convolutions, in their order."""
    layers = [layer for layer in network.chain if isinstance(layer, nn.Conv2d)]
    return [(layer.weight, cast(torch.Tensor, layer.bias)) for layer in layers]

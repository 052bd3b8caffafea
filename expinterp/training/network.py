"""The lightweight residual learning network (LRL): a short chain of convolutions.

One layer of the bundled network is 3×3, all others are 1×1 and only mix channels. The 3×3 layer is
separable: each channel is filtered by itself, then a 1×1 layer mixes them. A network may fold every
block of pixels into one, work there, and unfold at the end. Its inputs and its output are those of
`expinterp.refine.contract`, display-encoded.

The two estimates of stage one differ little from their mean y0, but this is what matters. So the
first layer reads their differences from y0, enlarged (`input_matrix`). Model files hold the product
of both, which reads the inputs as they are.

A *plain* network is for comparison: it computes the whole medium from the two photographs. At the
end it subtracts y0, so that it returns a residual too.

Sources: Zheng et al., arXiv:1905.03890 (the idea; the inputs beside y0 are ours); Chollet,
"Xception", CVPR 2017 (separable layers, without ReLU inside); Chen, Goodfellow and Shlens,
"Net2Net", ICLR 2016 (`grow`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import nn

from expinterp.refine.contract import INPUTS

OFFSET = 0.5  # subtracted from every input, to centre it at zero
CONTRAST = 8.0  # factor on the difference between an estimate and y0; its deviation is near 0.05
ESTIMATES = ("darkened", "brightened")
SIGHTS = {"all": INPUTS, "y0": INPUTS[:1], "shots": INPUTS[1:3]}  # inputs of a network

Convolution = tuple[torch.Tensor, torch.Tensor]  # weight and bias


@dataclass(frozen=True)
class NetworkShape:
    """Size and kind of the network."""

    fold: int = 1  # side of the block of pixels that is folded into one
    width: int = 16  # channels of every layer
    kernels: tuple[int, ...] = (3,)  # odd sides of the layers between fold and unfold, pixels
    separable: bool = True  # whether layers above 1×1 filter each channel, and then mix them
    sight: str = "all"  # its inputs, a key of `SIGHTS`
    plain: bool = False  # whether the chain computes the medium instead of the residual

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the pictures that the chain reads."""
        return SIGHTS[self.sight]

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the pictures that the model needs: a plain one also needs y0, to subtract it."""
        needed = {*self.inputs, *INPUTS[: self.plain]}
        return tuple(name for name in INPUTS if name in needed)


class Network(nn.Module):
    """Maps pictures (n, 3, rows, cols), by name, to the residual.

    The last layer starts at zero, so the result of an untrained network is y0. In a plain network
    it starts with PyTorch's random weights.
    """

    def __init__(self, shape: NetworkShape | None = None) -> None:
        super().__init__()
        self.shape = shape or NetworkShape()
        width, fold = self.shape.width, self.shape.fold
        seen = 3 * len(self.shape.inputs)
        layers: list[nn.Module] = [nn.Conv2d(seen, width, fold, stride=fold), nn.ReLU()]
        for side in self.shape.kernels:
            layers += [*_layer(width, side, separable=self.shape.separable), nn.ReLU()]
        last = nn.Conv2d(width, 3 * fold**2, 1)
        if not self.shape.plain:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        unfold = [nn.PixelShuffle(fold)] if fold > 1 else []
        self.chain = nn.Sequential(*layers, last, *unfold)
        mixing = input_matrix(self.shape).float()[..., None, None]
        self.register_buffer("mixing", mixing, persistent=False)

    def forward(self, pictures: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Compute the residual; rows and cols are multiples of the fold."""
        stack = torch.cat([pictures[name] for name in self.shape.inputs], dim=1)
        mixed = nn.functional.conv2d(stack - OFFSET, cast(torch.Tensor, self.mixing))
        output: torch.Tensor = self.chain(mixed)
        return output - pictures[INPUTS[0]] if self.shape.plain else output

    @property
    def halo(self) -> int:
        """Pixels that the network reads on each side of an output pixel, a multiple of the fold."""
        return self.shape.fold * sum(side // 2 for side in self.shape.kernels)

    @property
    def multiply_adds(self) -> float:
        """Multiply-add operations per pixel of the picture."""
        convolutions = [layer for layer in self.chain if isinstance(layer, nn.Conv2d)]
        return sum(layer.weight.numel() for layer in convolutions) / self.shape.fold**2


def input_matrix(shape: NetworkShape) -> torch.Tensor:
    """Return what the first layer reads, as combinations of the inputs less `OFFSET`.

    Returns
    -------
    float64 tensor, shape (channels, channels)
        The identity, but each estimate of stage one is replaced by `CONTRAST`·(estimate − y0).
    """
    matrix = torch.eye(3 * len(shape.inputs), dtype=torch.float64)
    for name in set(ESTIMATES) & set(shape.inputs):
        rows = slice(3 * shape.inputs.index(name), 3 * shape.inputs.index(name) + 3)
        matrix[rows] *= CONTRAST
        matrix[rows, :3] = -CONTRAST * torch.eye(3)  # y0 comes first
    return matrix


def _layer(width: int, side: int, *, separable: bool) -> list[nn.Module]:
    """Return the convolutions of one layer, without ReLU."""
    if separable and side > 1:
        depthwise = nn.Conv2d(width, width, side, padding=side // 2, groups=width)
        return [depthwise, nn.Conv2d(width, width, 1)]
    return [nn.Conv2d(width, width, side, padding=side // 2)]


@torch.no_grad()
def grow(network: Network, shape: NetworkShape) -> Network:
    """Build a wider and deeper network, with layers that are not separable, that computes the same.

    New channels start with random weights, which no old channel reads yet. New layers copy the old
    channels, which are ≥ 0 after ReLU.

    Raises
    ------
    ValueError
        If `shape` is separable, or differs in more than greater width and more kernels at the end.
    """
    old, count = network.shape, len(network.shape.kernels)
    alike = (old.fold, old.sight, old.plain) == (shape.fold, shape.sight, shape.plain)
    alike = alike and not shape.separable
    if not (alike and shape.kernels[:count] == old.kernels and shape.width >= old.width):
        msg = f"{old} cannot grow into {shape}"
        raise ValueError(msg)
    grown = Network(shape)
    _copy_weights(_merged(network), _convolutions(grown), width=old.width)
    return grown


def _merged(network: Network) -> list[Convolution]:
    """Return the convolutions of a network; those of a separable layer as one."""
    merged: list[Convolution] = []
    for before, layer in pairwise([None, *network.chain]):
        if not isinstance(layer, nn.Conv2d):
            continue
        weight, bias = _parameters(layer)
        if isinstance(before, nn.Conv2d):
            filters, constants = merged.pop()
            mix = weight[:, :, 0, 0]
            weight, bias = mix[..., None, None] * filters[None, :, 0], bias + mix @ constants
        merged.append((weight, bias))
    return merged


def _copy_weights(old: list[Convolution], new: list[Convolution], *, width: int) -> None:
    """Copy the weights of convolutions into the first `width` channels of wider and more ones."""
    for weight, bias in new[1:-1]:
        weight[:width], bias[:width] = 0, 0
    for (weight, bias), (given, constant) in zip(new, old[:-1], strict=False):
        weight[:width, : given.shape[1]], bias[:width] = given, constant
    for weight, _ in new[len(old) - 1 : -1]:
        middle = weight.shape[-1] // 2
        weight[:width, :width, middle, middle] = torch.eye(width)
    new[-1][0][:, :width], new[-1][1][:] = old[-1]


def _convolutions(network: Network) -> list[Convolution]:
    """Return weight and bias of every convolution, in order."""
    return [_parameters(layer) for layer in network.chain if isinstance(layer, nn.Conv2d)]


def _parameters(layer: nn.Conv2d) -> Convolution:
    return layer.weight, cast(torch.Tensor, layer.bias)

"""The lightweight residual learning network (LRL): a short chain of convolutions.

All layers of the bundled one mix channels only (1×1), so that a pixel sees itself alone: what
wider ones learned from rendered pictures did not hold on real ones (see ``models/README.md``).
A network may fold every block of pixels into one, work there, and unfold at the end. Inputs and
output as in `refine`.

Source of the idea: Zheng et al., arXiv:1905.03890; the inputs beside y0 are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

CHANNELS = 9  # R G B of intermediate, long and short
OFFSET = 0.5  # taken from every input, so that they spread around zero


@dataclass(frozen=True)
class Shape:
    """Size of the network.

    Attributes
    ----------
    fold : int
        Side of the block of pixels folded into one.
    width : int
        Channels of every layer.
    kernels : tuple of int
        Kernel sides of the layers between fold and unfold; odd.
    """

    fold: int = 1
    width: int = 16
    kernels: tuple[int, ...] = (1, 1)


class Network(nn.Module):
    """Maps (n, 3, rows, cols) ``intermediate``, ``long`` and ``short`` to the residual.

    The last layer starts at zero, so that an untrained network answers y0.
    """

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        width, fold = self.shape.width, self.shape.fold
        layers: list[nn.Module] = [nn.Conv2d(CHANNELS, width, fold, stride=fold), nn.ReLU()]
        for side in self.shape.kernels:
            layers += [nn.Conv2d(width, width, side, padding=side // 2), nn.ReLU()]
        last = nn.Conv2d(width, 3 * fold**2, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.chain = nn.Sequential(*layers, last, nn.PixelShuffle(fold))

    def forward(
        self, intermediate: torch.Tensor, long: torch.Tensor, short: torch.Tensor
    ) -> torch.Tensor:
        """Compute the residual; rows and cols are multiples of the fold."""
        residual: torch.Tensor = self.chain(torch.cat([intermediate, long, short], dim=1) - OFFSET)
        return residual

    @property
    def halo(self) -> int:
        """Pixels of the input seen on each side of an output pixel, rounded up to the fold."""
        return self.shape.fold * sum(side // 2 for side in self.shape.kernels)

    @property
    def multiply_adds(self) -> float:
        """Multiply-adds per pixel of the picture."""
        convolutions = [layer for layer in self.chain if isinstance(layer, nn.Conv2d)]
        return sum(layer.weight.numel() for layer in convolutions) / self.shape.fold**2

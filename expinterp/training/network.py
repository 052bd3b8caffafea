"""The lightweight residual learning network (LRL): a short chain of convolutions.

All layers of the bundled one mix channels only (1×1), so that a pixel sees itself alone: what
wider ones learned from rendered pictures did not hold on real ones (see ``models/README.md``).
A network may fold every block of pixels into one, work there, and unfold at the end. Inputs and
output as in `refine`.

A *plain* network is there to compare with: it computes the whole medium from the two shots, and y0
is taken from it at the very end, so that it keeps to the same contract.

Source of the idea: Zheng et al., arXiv:1905.03890; the inputs beside y0 are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from expinterp.refine import INPUTS

OFFSET = 0.5  # taken from every input, so that they spread around zero
SIGHTS = {"all": INPUTS, "y0": INPUTS[:1], "shots": INPUTS[1:]}  # what a network may see


@dataclass(frozen=True)
class Shape:
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
        What of ``intermediate``, ``long`` and ``short`` it sees.
    plain : bool
        Whether the chain computes the medium, and not the residual.
    """

    fold: int = 1
    width: int = 16
    kernels: tuple[int, ...] = (1, 1)
    sight: str = "all"
    plain: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the pictures that it sees."""
        return SIGHTS[self.sight]


class Network(nn.Module):
    """Maps (n, 3, rows, cols) ``intermediate``, ``long`` and ``short`` to the residual.

    The last layer starts at zero, so that an untrained network answers y0; that of a plain one
    starts as PyTorch starts any.
    """

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        width, fold = self.shape.width, self.shape.fold
        seen = 3 * len(self.shape.inputs)
        layers: list[nn.Module] = [nn.Conv2d(seen, width, fold, stride=fold), nn.ReLU()]
        for side in self.shape.kernels:
            layers += [nn.Conv2d(width, width, side, padding=side // 2), nn.ReLU()]
        last = nn.Conv2d(width, 3 * fold**2, 1)
        if not self.shape.plain:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.chain = nn.Sequential(*layers, last, nn.PixelShuffle(fold))

    def forward(
        self, intermediate: torch.Tensor, long: torch.Tensor, short: torch.Tensor
    ) -> torch.Tensor:
        """Compute the residual; rows and cols are multiples of the fold."""
        pictures = dict(zip(INPUTS, (intermediate, long, short), strict=True))
        stack = torch.cat([pictures[name] for name in self.shape.inputs], dim=1)
        answer: torch.Tensor = self.chain(stack - OFFSET)
        return answer - intermediate if self.shape.plain else answer

    @property
    def halo(self) -> int:
        """Pixels of the input seen on each side of an output pixel, rounded up to the fold."""
        return self.shape.fold * sum(side // 2 for side in self.shape.kernels)

    @property
    def multiply_adds(self) -> float:
        """Multiply-adds per pixel of the picture."""
        convolutions = [layer for layer in self.chain if isinstance(layer, nn.Conv2d)]
        return sum(layer.weight.numel() for layer in convolutions) / self.shape.fold**2

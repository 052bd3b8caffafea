"""What training minimises: L = Lr + w·Lc, Zheng et al., arXiv:1905.03890.

Lr = |y − ŷ|², reconstruction, and Lc = ∠(y, ŷ), the angle between R G B vectors, both averaged
over pixels. Images are (n, 3, rows, cols), display-encoded, 0..1.
"""

from __future__ import annotations

import torch

DARK = 1e-3  # added to all channels: black has no direction, but is near grey
SMALL = 1e-4  # angle, radians, below which its gradient fades instead of growing without bound


def reconstruction(result: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Compute the mean squared error of every image, (n,)."""
    return (result - truth).square().mean(dim=(1, 2, 3))


def colour_angle(result: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Compute the mean angle between R G B vectors of every image, (n,), in radians.

    The angle is atan2(|a×b|, a·b): unlike the arc cosine it is exact, and its gradient finite, at
    zero.
    """
    a, b = result + DARK, truth + DARK
    cross = torch.linalg.cross(a, b, dim=1).square().sum(dim=1)
    scale = a.square().sum(dim=1) * b.square().sum(dim=1)
    sine = torch.sqrt(cross + SMALL**2 * scale) - SMALL * torch.sqrt(scale)
    return torch.atan2(sine, (a * b).sum(dim=1)).mean(dim=(1, 2))


def relative(error: torch.Tensor, reference: torch.Tensor, *, floor: float) -> torch.Tensor:
    """Weigh errors by those of y0: the variant that the bundled model is trained with.

    Pictures that stage one gets right then count like those that it gets wrong, as they do in a
    mean of decibels. `floor` is the mean squared error below which nothing is gained.
    """
    return error / (reference + floor)

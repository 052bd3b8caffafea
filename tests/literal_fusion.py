"""Fusion written down slowly, in float64: matrices and loops, to compare the fast one with.

Nothing but the names of the options is shared with the package; every constant is the one its paper or its module states.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from expinterp.core.fusion import Weighting

SHARES_OF_GREY = np.array([0.299, 0.587, 0.114])
STEP = 1 / 255  # below it neither contrast nor saturation counts


# Pyramids


def mirrored(index: int, size: int, *, on_sample: bool) -> int:
    """Follow an index beyond the ends of an axis back in: about the last sample, or its edge."""
    period = max(2 * size - 2, 1) if on_sample else 2 * size
    index %= period
    return min(index, period - index) if on_sample else min(index, period - 1 - index)


def taps(size: int) -> dict[int, float]:
    """Give the kernel by the distance of a fine sample from 2i, twice its coarse sample."""
    if size % 2:
        return {-2: 1 / 16, -1: 4 / 16, 0: 6 / 16, 1: 4 / 16, 2: 1 / 16}
    return {-1: 1 / 8, 0: 3 / 8, 1: 3 / 8, 2: 1 / 8}


@cache
def halving(size: int) -> np.ndarray:
    """Write one step down along an axis as a matrix."""
    matrix = np.zeros(((size + 1) // 2, size))
    for i in range(len(matrix)):
        for offset, tap in taps(size).items():
            matrix[i, mirrored(2 * i + offset, size, on_sample=size % 2 == 1)] += tap
    return matrix


@cache
def doubling(size: int) -> np.ndarray:
    """Write one step up along an axis as a matrix: zeros between, twice the kernel."""
    coarse = (size + 1) // 2
    matrix = np.zeros((size, coarse))
    for i in range(-2, coarse + 2):
        for offset, tap in taps(size).items():
            if 0 <= 2 * i + offset < size:
                matrix[2 * i + offset, mirrored(i, coarse, on_sample=size % 2 == 1)] += 2 * tap
    return matrix


def down(plane: np.ndarray) -> np.ndarray:
    return halving(plane.shape[-2]) @ plane @ halving(plane.shape[-1]).T


def up(plane: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    return doubling(shape[-2]) @ plane @ doubling(shape[-1]).T


# Guided filter


def windows(plane: np.ndarray, radius: int) -> np.ndarray:
    """List the pixels of the window around every pixel: (rows, cols, pixels of a window)."""
    size = 2 * radius + 1
    padded = np.pad(plane, radius, mode="symmetric")
    views = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
    return views.reshape(*plane.shape, size * size)


def ridge(guides: np.ndarray, targets: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Fit slope and offset to the pixels of each window; the penalty is on the slope's square."""
    system = np.stack([guides, np.ones_like(guides)], axis=-1)
    normal = system.swapaxes(-1, -2) @ system / guides.shape[-1]
    normal[..., 0, 0] += penalty
    moments = system.swapaxes(-1, -2) @ targets[..., np.newaxis] / guides.shape[-1]
    return np.moveaxis(np.linalg.solve(normal, moments)[..., 0], -1, 0)


def guided(
    guide: np.ndarray, target: np.ndarray, radius: int, epsilon: float, *, weighted: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Fit every window on its own; a pixel gets the mean of the windows that hold it."""
    variance = windows(guide, 1).var(axis=-1) + 1e-6
    penalty = epsilon * (variance.mean() / variance if weighted else np.ones_like(variance))
    fits = ridge(windows(guide, radius), windows(target, radius), penalty)
    slope, offset = (windows(fit, radius).mean(axis=-1) for fit in fits)
    return slope, offset


# Fusion; a picture is an array (channels, rows, cols), 0..1


def unit(image: np.ndarray) -> np.ndarray:
    return np.moveaxis(image / np.iinfo(image.dtype).max, 2, 0)


def grey(picture: np.ndarray) -> np.ndarray:
    return picture[0] if len(picture) == 1 else np.tensordot(SHARES_OF_GREY, picture, 1)


def contrast(picture: np.ndarray) -> np.ndarray:
    """Compare every pixel with the four around it; the outermost are repeated."""
    padded = np.pad(grey(picture), 1, mode="edge")
    beside = padded[1:-1, :-2] + padded[1:-1, 2:] + padded[:-2, 1:-1] + padded[2:, 1:-1]
    return np.abs(beside - 4 * grey(picture))


def certainty(picture: np.ndarray) -> np.ndarray:
    """Rise from nothing at 0.02 to all at 0.3, and fall again from 0.7 to 0.98, as cubics."""
    knots = ((0.02, 0.3), (0.98, 0.7))
    rise = [np.clip((picture.max(axis=0) - a) / (b - a), 0, 1) for a, b in knots]
    return np.prod([3 * h**2 - 2 * h**3 for h in rise], axis=0) + 1e-3


def weigh(picture: np.ndarray, weighting: Weighting, *, certain: bool) -> np.ndarray:
    """Weigh an exposure as Mertens et al. do; one channel counts as three equal ones."""
    channels = np.broadcast_to(picture, (3, *picture.shape[1:]))
    distance = (channels - weighting.exposure_optimum) / weighting.exposure_width
    exposedness = np.exp(-(distance**2) / 2).prod(axis=0)
    if certain:
        exposedness = exposedness * certainty(picture)
    return (
        exposedness**weighting.exposure_weight
        * (np.std(channels, axis=0) + STEP) ** weighting.saturation_weight
        * (contrast(picture) + STEP) ** (weighting.contrast_weight * (2 if certain else 1))
    )


def share_out(weights: Sequence[np.ndarray]) -> np.ndarray:
    return np.array(weights) / np.sum(weights, axis=0)


def level_weights(
    pyramids: Sequence[Sequence[np.ndarray]], weighting: Weighting, *, smooth: bool
) -> list[np.ndarray]:
    """Compute the weights of every level, fine to coarse: (images, rows, cols)."""
    levels = len(pyramids[0])
    first = min(2, levels - 1) if smooth else 0
    weights = share_out([weigh(pyramid[first], weighting, certain=smooth) for pyramid in pyramids])
    fits = []
    for level in range(first, levels):
        guides = [grey(pyramid[level]) for pyramid in pyramids]
        pairs = zip(guides, weights, strict=True)
        fits.append(
            [guided(*pair, 3, 1 / 12) if smooth else (0 * pair[1], pair[1]) for pair in pairs]
        )
        weights = down(weights)
    for level in reversed(range(first)):
        shape = pyramids[0][level].shape
        fits.insert(0, [tuple(up(plane, shape) for plane in fit) for fit in fits[0]])
    fine = min(4, levels - 1) if smooth else 0
    return [
        share_out([apply(*pair, known=number < fine) for pair in zip(level, fit, strict=True)])
        for number, (level, fit) in enumerate(zip(zip(*pyramids, strict=True), fits, strict=True))
    ]


def share_known(brightness: np.ndarray) -> np.ndarray:
    """Fall from 1 at 0.8 along a line that reaches 0 at 0.98, but not below 0.01."""
    return np.interp(brightness, [0.8, 0.9782], [1, 0.01])


def apply(picture: np.ndarray, fit: tuple[np.ndarray, np.ndarray], *, known: bool) -> np.ndarray:
    """Apply a fit to a picture; near white little remains, if `known`."""
    slope, offset = fit
    share = share_known(grey(picture)) if known else 1
    return np.maximum(slope * grey(picture) + offset, 0) * share + 1e-12


def fuse(
    images: Sequence[np.ndarray], levels: int, weighting: Weighting, *, smooth: bool
) -> list[np.ndarray]:
    """Fuse: what each level gives with all coarser ones, fine to coarse; nothing is bent."""
    pyramids = []
    for image in images:
        pyramids.append([unit(image)])
        for _ in range(levels - 1):
            pyramids[-1].append(down(pyramids[-1][-1]))
    fused: list[np.ndarray] = []
    for level, weights in reversed(
        list(enumerate(level_weights(pyramids, weighting, smooth=smooth)))
    ):
        pictures = np.array([pyramid[level] for pyramid in pyramids])
        total = up(fused[0], pictures.shape) if fused else 0
        hues = weights
        if smooth and fused and level > 0:
            hues = share_out(weights * share_known(pictures.max(axis=1)))
        for pyramid, picture, weight, hue in zip(pyramids, pictures, weights, hues, strict=True):
            detail = picture - (up(pyramid[level + 1], picture.shape) if fused else 0)
            total = total + hue * (detail - grey(detail)) + weight * grey(detail)
        fused.insert(0, make_room(total) if smooth and level >= 2 else total)
    return fused


def make_room(total: np.ndarray) -> np.ndarray:
    """Bend the grey of a level beyond 0.15 and 0.85 to end at 0 and 1, evenly in surfaces."""
    guide = grey(total)
    fit = guided(guide, bend(guide, guide, 0.85) - guide, 8, 1 / 32, weighted=False)
    return total + fit[0] * guide + fit[1]


def bend(values: np.ndarray, base: np.ndarray, knee: float, wider: float = 1.0) -> np.ndarray:
    """Bend values into range by what their half-size picture takes out of it.

    Two pixels in 10,000 are spared; ends are told to 1/1024, towards the middle. What lies above
    white counts `wider` times.
    """
    ordered = np.sort(base.ravel())
    spared = int(2e-4 * ordered.size)
    low = min(np.ceil(ordered[spared] * 1024) / 1024, 0)
    high = max(np.floor(ordered[-1 - spared] * 1024) / 1024, 1)
    high = 1 + wider * (high - 1)
    room = 1 - knee
    beyond = np.maximum(values - knee, 0)
    short_of = np.maximum(room - values, 0)
    return (
        np.clip(values, room, knee)
        + beyond / (1 + (1 / room - 1 / (high - knee)) * beyond)
        - short_of / (1 + (1 / room - 1 / (room - low)) * short_of)
    )

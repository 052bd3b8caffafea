"""A camera of known response and a scene of known radiance: the truth that tests compare with."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

GAMMA = 2.2


@lru_cache(64)
def scene(shape: tuple[int, int] = (96, 128), *, seed: int = 0, stops: float = 9.0) -> np.ndarray:
    """Draw a colour scene: broad shapes over so many stops, relative radiance about 1, textured.

    It is read-only, as tests share it.
    """
    random = np.random.default_rng(seed)
    coarse = random.random((7, 9, 3))
    rows = np.linspace(0, 5.999, shape[0])
    cols = np.linspace(0, 7.999, shape[1])
    i, j = rows.astype(int)[:, None], cols.astype(int)
    u, v = (rows % 1)[:, None, None], (cols % 1)[:, None]
    top = coarse[i, j] * (1 - v) + coarse[i, j + 1] * v
    low = coarse[i + 1, j] * (1 - v) + coarse[i + 1, j + 1] * v
    shared = (top * (1 - u) + low * u).mean(axis=2, keepdims=True)
    broad = 0.8 * shared + 0.2 * (top * (1 - u) + low * u) - 0.5
    texture = random.normal(0, 0.3, (*shape, 1))
    radiance = 2.0 ** (2 * stops * broad + texture)
    radiance.flags.writeable = False
    return radiance


def expose(radiance: np.ndarray, time: float, *, bits: int = 8, gamma: float = GAMMA) -> np.ndarray:
    """Photograph a scene without noise: z = top·(E·t)^(1/γ), clipped and rounded."""
    top = 2**bits - 1
    codes = top * np.clip(radiance * time, 0, 1) ** (1 / gamma)
    return np.rint(codes).astype(np.uint8 if bits == 8 else np.uint16)


def gamma_response(gamma: float = GAMMA, channels: int = 3) -> np.ndarray:
    """Tabulate g(z) = γ·ln(z/128), continued below code value 1."""
    codes = np.maximum(np.arange(256.0), 0.5)
    return np.tile(gamma * np.log(codes / 128), (channels, 1))


def psnr(image: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, for the full range of the dtype of `truth`."""
    error = np.mean((image.astype(np.float64) - truth) ** 2)
    return float(10 * np.log10(np.iinfo(truth.dtype).max ** 2 / max(error, 1e-12)))

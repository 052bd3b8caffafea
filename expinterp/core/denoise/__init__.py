"""Denoise a virtual exposure, or ``short`` itself, where only ``short`` shows the scene.

`noise` measures the noise of ``short`` against ``long``; `shrink` removes it, in proportion. `merged`
does both for the radiance of several exposures.
"""

from __future__ import annotations

from numbers import Real
from typing import Literal, TypeAlias

from expinterp.core.denoise.noise import Noise, measure_noise
from expinterp.core.denoise.shrink import denoise

Denoise: TypeAlias = float | Literal["auto", "off"]  # strength, 0..1

__all__ = ["Denoise", "Noise", "choose_strength", "denoise", "measure_noise"]


def choose_strength(choice: Denoise, *, refined: bool) -> float:
    """Return the strength of denoising, 0..1; ``auto`` is 1 if the network refines, else 0.

    Raises
    ------
    ValueError
        If `choice` is neither ``auto``, ``off`` nor within 0..1.
    """
    if choice == "auto":
        return float(refined)
    if choice == "off":
        return 0.0
    if not isinstance(choice, Real) or not 0 <= choice <= 1:
        msg = f"denoise must be 'auto', 'off' or within 0..1, not {choice!r}"
        raise ValueError(msg)
    return float(choice)

"""How raw files are developed: one white balance for all frames of a scene, and the output space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from expinterp.core.encoding import Space

WhiteBalance: TypeAlias = Literal["camera", "daylight", "auto"]


@dataclass(frozen=True)
class Development:
    """The choices for raw files.

    Attributes
    ----------
    white_balance : {'camera', 'daylight', 'auto'}
        As the camera chose it, that of daylight, or such that the picture is grey on average.
    space : {'srgb', 'adobe-rgb', 'display-p3', 'rec2020'}
        The output space.
    balanced_by : str or None
        The raw file whose white balance all frames get; None for the first of a job.
    multipliers : tuple of float or None
        Factors of the sensor's R, G, B and second G, in place of `white_balance`: those of another
        frame of the scene.
    keep : bool
        Whether the values of the sensor are kept, as the `negative` of the photograph.
    draft : bool
        Whether files with a `negative` are developed at a quarter of each side, to measure them;
        others are developed in full.
    """

    white_balance: WhiteBalance = "camera"
    space: Space = "srgb"
    balanced_by: str | None = None
    multipliers: tuple[float, ...] | None = None
    keep: bool = False
    draft: bool = False

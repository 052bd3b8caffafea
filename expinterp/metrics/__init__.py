"""Quality of a picture: compared with a photograph, with a bracket, and with scene brightness.

Pixels are display-encoded, uint8 or uint16, (rows, cols), (rows, cols, 1) or (rows, cols, 3), R G B.
"""

from __future__ import annotations

from expinterp.metrics.mef import MEF_LEAST, mef_ssim, quality_maps
from expinterp.metrics.order import (
    OrderScene,
    Violations,
    order_violations,
    out_of_range,
    read_scene,
)
from expinterp.metrics.similarity import colour_angle, psnr, ssim

__all__ = [
    "MEF_LEAST",
    "OrderScene",
    "Violations",
    "colour_angle",
    "mef_ssim",
    "order_violations",
    "out_of_range",
    "psnr",
    "quality_maps",
    "read_scene",
    "ssim",
]

"""Refinement: a small network (LRL) adds to y0 the information that its model lacks."""

from __future__ import annotations

from expinterp.refine.contract import Contract
from expinterp.refine.model import Device, bundled_refiner, choose_profile, model_path, open_refiner
from expinterp.refine.refiner import Refiner

__all__ = [
    "Contract",
    "Device",
    "Refiner",
    "bundled_refiner",
    "choose_profile",
    "model_path",
    "open_refiner",
]

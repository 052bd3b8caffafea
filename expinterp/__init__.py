"""Exposure interpolation: the photograph between a long and a short exposure.

::

    import expinterp
    expinterp.interpolate(long, short).medium  # arrays (rows, cols, 3), uint8 or uint16
    expinterp.fuse([long, short]).fused
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expinterp.core.fusion import Weighting
    from expinterp.core.pair import Pair, measure
    from expinterp.errors import (
        DeviceError,
        ExitCode,
        ExpInterpError,
        ImageFileError,
        MissingExtraError,
        ModelError,
        OutputError,
        OutputExistsError,
        PairError,
    )
    from expinterp.pipeline import Fusion, Interpolation, fuse, interpolate, render
    from expinterp.refine import open_refiner

__version__ = "0.1.0"

__all__ = [
    "DeviceError",
    "ExitCode",
    "ExpInterpError",
    "Fusion",
    "ImageFileError",
    "Interpolation",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "OutputExistsError",
    "Pair",
    "PairError",
    "Weighting",
    "fuse",
    "interpolate",
    "measure",
    "open_refiner",
    "render",
]

_HOMES = {
    "Fusion": "pipeline",
    "Interpolation": "pipeline",
    "Pair": "core.pair",
    "Weighting": "core.fusion",
    "fuse": "pipeline",
    "interpolate": "pipeline",
    "measure": "core.pair",
    "open_refiner": "refine",
    "render": "pipeline",
}  # the others live in errors


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for, so that importing stays cheap (PEP 562)."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

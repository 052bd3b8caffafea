"""Exposure interpolation: compute the photograph between a long and a short exposure.

::

    import expinterp
    expinterp.interpolate(long, short).medium  # arrays (rows, cols, 3), uint8 or uint16
    expinterp.fuse([long, short]).fused
    expinterp.merge([long, short]).radiance  # float32, linear light
"""

from __future__ import annotations

from importlib import import_module

# That of typing would load it: until the command handles Ctrl-C, each moment counts.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from expinterp.core.fusion import Weighting
    from expinterp.core.fusion.exposures import Fusion
    from expinterp.core.ghosts import Ghosts
    from expinterp.core.pair import Pair
    from expinterp.core.radiance import Radiance
    from expinterp.core.render import Interpolation, render
    from expinterp.core.response.calibration import Profile, calibrate
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
    from expinterp.images import Photograph, read_photograph, write_photograph
    from expinterp.library import cameras
    from expinterp.pipeline import fuse, interpolate, measure, merge
    from expinterp.refine import Refiner, open_refiner

__version__ = "0.1.0"

__all__ = [
    "DeviceError",
    "ExitCode",
    "ExpInterpError",
    "Fusion",
    "Ghosts",
    "ImageFileError",
    "Interpolation",
    "MissingExtraError",
    "ModelError",
    "OutputError",
    "OutputExistsError",
    "Pair",
    "PairError",
    "Photograph",
    "Profile",
    "Radiance",
    "Refiner",
    "Weighting",
    "calibrate",
    "cameras",
    "fuse",
    "interpolate",
    "measure",
    "merge",
    "open_refiner",
    "read_photograph",
    "render",
    "write_photograph",
]

_MODULES = {  # of all public names that are not in errors
    "Fusion": "core.fusion.exposures",
    "Ghosts": "core.ghosts",
    "Interpolation": "core.render",
    "Pair": "core.pair",
    "Photograph": "images",
    "Profile": "core.response.calibration",
    "Radiance": "core.radiance",
    "Refiner": "refine",
    "Weighting": "core.fusion",
    "calibrate": "core.response.calibration",
    "cameras": "library",
    "fuse": "pipeline",
    "interpolate": "pipeline",
    "measure": "pipeline",
    "merge": "pipeline",
    "open_refiner": "refine",
    "read_photograph": "images",
    "render": "core.render",
    "write_photograph": "images",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used, so that importing stays fast (PEP 562)."""
    if name not in __all__:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)


def __dir__() -> list[str]:
    return __all__

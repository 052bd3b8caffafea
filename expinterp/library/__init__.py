"""The library of cameras: their names, their measured curves, and the user's own ones."""

from __future__ import annotations

from expinterp.library.cameras import (
    CameraLibrary,
    KnownCamera,
    UnknownCameraError,
    cameras,
    open_library,
    prior_of,
)
from expinterp.library.names import ANY, is_same_camera
from expinterp.library.own import (
    VARIABLE,
    OwnCurve,
    forget,
    is_name,
    make_own_folder,
    read_profile,
    remember,
)

__all__ = [
    "ANY",
    "VARIABLE",
    "CameraLibrary",
    "KnownCamera",
    "OwnCurve",
    "UnknownCameraError",
    "cameras",
    "forget",
    "is_name",
    "is_same_camera",
    "make_own_folder",
    "open_library",
    "prior_of",
    "read_profile",
    "remember",
]

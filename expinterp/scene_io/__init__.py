"""The photographs of a scene, from files to files: what a command, or a batch item, does."""

from __future__ import annotations

from collections.abc import Callable

from expinterp.scene_io.fuse import fuse_files
from expinterp.scene_io.interpolate import interpolate_files
from expinterp.scene_io.open_scene import Opener
from expinterp.scene_io.options import (
    FuseJob,
    Job,
    Kind,
    TargetError,
    WantedExposure,
    Writing,
    refuse,
)
from expinterp.scene_io.record import Report

__all__ = [
    "FuseJob",
    "Job",
    "Kind",
    "Report",
    "TargetError",
    "WantedExposure",
    "Writing",
    "refuse",
    "run",
]


def run(
    job: Job | FuseJob,
    *,
    progress: Callable[[str, float], None] = lambda stage, share: None,
    opener: Opener | None = None,
) -> Report:
    """Do the work of a job.

    Nothing is said here; what a person should know comes back in the `Report`.

    Parameters
    ----------
    progress : function
        Called with the name of the stage and the share of the whole job that is done, 0..1.
    opener : function, optional
        Called in place of `open_refiner`: a process with many jobs keeps the network open.

    Raises
    ------
    ExpInterpError
        Any of them; no output is left half written.
    TargetError
        If the exposure that an interpolation wants does not lie between the two shots.
    """
    refuse(job)
    if isinstance(job, FuseJob):
        return fuse_files(job, progress=progress, opener=opener)
    return interpolate_files(job, progress=progress, opener=opener)

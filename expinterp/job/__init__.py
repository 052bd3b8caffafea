"""The photographs of a scene, from files to files: what a command, or a batch item, does."""

from __future__ import annotations

from collections.abc import Callable

from expinterp.job.fusion import fuse
from expinterp.job.interpolation import interpolate
from expinterp.job.opening import Opener
from expinterp.job.plan import FuseJob, Job, Kind, Target, TargetError, Writing, refuse
from expinterp.job.report import Report

__all__ = [
    "FuseJob",
    "Job",
    "Kind",
    "Report",
    "Target",
    "TargetError",
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
        return fuse(job, progress=progress, opener=opener)
    return interpolate(job, progress=progress, opener=opener)

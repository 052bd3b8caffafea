"""The photographs of a scene, from files to files: the work of a command, or of a batch item."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from expinterp.images import Development, Reading, balance_alike, import_codec, ready_sources
from expinterp.scene_io.jobs import FusionJob, InterpolationJob, Job, Kind, MergeJob, check_job
from expinterp.scene_io.options import (
    FusionOptions,
    InterpolationOptions,
    MergeOptions,
    TargetError,
    WantedExposure,
    Writing,
)
from expinterp.scene_io.record import JobRecord

if TYPE_CHECKING:
    from expinterp.scene_io.open_scene import Opener

__all__ = [
    "Development",
    "FusionJob",
    "FusionOptions",
    "InterpolationJob",
    "InterpolationOptions",
    "Job",
    "JobRecord",
    "Kind",
    "MergeJob",
    "MergeOptions",
    "TargetError",
    "WantedExposure",
    "Writing",
    "run",
]


def run(
    job: Job | MergeJob,
    *,
    progress: Callable[[str, float], None] = lambda stage, share: None,
    opener: Opener | None = None,
) -> JobRecord:
    """Run a job. It prints nothing; its warnings are in the `JobRecord`.

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
    check_job(job)
    with closing(begin_reading(job)) as reading:  # only what this job needs is imported meanwhile
        if isinstance(job, FusionJob):
            from expinterp.scene_io.fuse import fuse_files

            return fuse_files(job, reading, progress=progress, opener=opener)
        if isinstance(job, MergeJob):
            from expinterp.scene_io.merge import merge_files

            return merge_files(job, reading, progress=progress, opener=opener)
        from expinterp.scene_io.interpolate import interpolate_files

        return interpolate_files(job, reading, progress=progress, opener=opener)


def begin_reading(job: Job | MergeJob) -> Reading:
    """Begin to decode the files of a job.

    The raw files of an interpolation without denoising are drafts: mostly it needs no pictures.
    """
    options = job.options
    if options.threads:  # raw files are developed in threads
        from expinterp.core.parallel import use_threads

        use_threads(options.threads)
    draft = isinstance(job, InterpolationJob) and options.denoise in {"auto", "off", 0}
    development = replace(options.development, keep=True, draft=draft)
    names = ready_sources(job.images)
    for name in names[:1]:
        import_codec(name)  # in a thread it would compete with all the other imports
    return Reading(job.images, balance_alike(names, development))

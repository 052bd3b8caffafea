"""Opening the files of a job."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2

from expinterp.core.response import Profile
from expinterp.doctor import find_clash
from expinterp.images import Photograph
from expinterp.refine import Refiner, choose_profile, open_refiner
from expinterp.scene_io.options import FuseJob, Job
from expinterp.scene_io.profiles import read_profile
from expinterp.scene_io.shots import agree, read_shots, state_times

Opener = Callable[..., Refiner]


@dataclass(frozen=True)
class Opened:
    """What a job works with once its files are open.

    Attributes
    ----------
    profile : Profile or None
        Of the camera: the one given, or the one that a tuned model carries.
    profile_file : Path or None
        Where it is from.
    refiner : Refiner or None
    remarks : tuple of str
        What a person should know.
    """

    profile: Profile | None
    profile_file: Path | None
    refiner: Refiner | None
    remarks: tuple[str, ...]


def open_job(
    job: Job | FuseJob,
    *,
    refine: bool,
    opener: Opener | None,
    arrange: Callable[[list[Photograph]], list[Photograph]] = list,
) -> tuple[list[Photograph], Opened]:
    """Decode all files, the network being opened meanwhile, and make the shots agree.

    Parameters
    ----------
    refine : bool
        Whether the network is needed.
    opener : function or None
        Called in place of `open_refiner`.
    arrange : function
        Puts the shots in another order; the first is the one that the others have to agree with.

    Raises
    ------
    ExpInterpError
        For the first file that cannot be read, or does not go with the others.
    """
    if job.threads:
        cv2.setNumThreads(job.threads)  # all that is not the network works as wide as OpenCV
    given = None if job.response is None else read_profile(job.response)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(_open_refiner, job, opener) if refine else None
        shots = read_shots(job.images)
        refiner = opening.result() if opening else None
    profile = choose_profile(given, refiner)
    file, option = (job.response, "--response") if given else (job.model, "--model")
    if job.times:
        shots = state_times(shots, job.times)
    agreeing, remarks = agree(arrange(shots))
    remarks += [*_doubt_profile(file, profile, agreeing[0], option), *_doubt_device(refiner)]
    return agreeing, Opened(profile, file if profile else None, refiner, tuple(remarks))


def _open_refiner(job: Job | FuseJob, opener: Opener | None) -> Refiner:
    return (opener or open_refiner)(job.model, device=job.device, threads=job.threads)


def _doubt_profile(
    file: Path | None, profile: Profile | None, shot: Photograph, option: str
) -> list[str]:
    """Remark on a profile, given by an option, that is of another camera."""
    cameras = {profile and profile.camera, shot.exposure.camera}
    if profile is None or None in cameras or len(cameras) == 1:
        return []
    remark = (
        f"{file} describes {profile.camera}, but {shot.name} was taken with "
        f"{shot.exposure.camera}; calibrate that camera, or leave {option} out"
    )
    return [remark]


def _doubt_device(refiner: Refiner | None) -> list[str]:
    """Remark on a device that is not the best one, and on why it may not be."""
    if refiner is None:
        return []
    clash = find_clash("onnxruntime")
    remarks = [refiner.notice, clash and f"{clash}; 'expinterp doctor' names the cure"]
    return [remark for remark in remarks if remark]

"""Opening the files of a job: photographs, camera profile and network."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from expinterp.core.encoding import known_response
from expinterp.core.parallel import usable_cores, use_threads
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import ResponsePrior
from expinterp.doctor import find_clash
from expinterp.images import Development, Photograph, Reading, holds_light, ready_sources
from expinterp.library import ANY, is_same_camera, open_library, read_profile
from expinterp.refine import Refiner, choose_profile, open_refiner
from expinterp.scene_io.jobs import Job, MergeJob, check_profiles, check_size
from expinterp.scene_io.options import CommonOptions
from expinterp.scene_io.shots import agree, state_times

Opener = Callable[..., Refiner]


@dataclass(frozen=True)
class Opened:
    """What a job needs besides its photographs.

    Attributes
    ----------
    profile : Profile or None
        The known response of the files' encoding; else of the camera: the given profile, or that
        of a tuned model.
    profile_file : Path or None
        The file it was read from.
    prior : ResponsePrior or None
        Of the camera, if there is no profile and the library knows it; None for that of all.
    refiner : Refiner or None
    remarks : tuple of str
        Warnings about photographs, profile and device.
    """

    profile: Profile | None
    profile_file: Path | None
    prior: ResponsePrior | None
    refiner: Refiner | None
    remarks: tuple[str, ...]


def open_scene(
    job: Job | MergeJob,
    reading: Reading,
    *,
    refine: bool,
    opener: Opener | None,
    arrange: Callable[[list[Photograph]], list[Photograph]] = list,
) -> tuple[Sequence[Photograph], Opened]:
    """Open the network while the files are decoded, and make the shots agree.

    Parameters
    ----------
    reading : Reading
        Of the files of the job, from `begin_reading`.
    refine : bool
        Whether the network is needed.
    opener : function or None
        Called in place of `open_refiner`.
    arrange : function
        Sorts the shots; the others have to agree with the first.

    Returns
    -------
    sequence of Photograph
        In the order of the job, or as sorted by `arrange`.
    Opened

    Raises
    ------
    ExpInterpError
        For the first file that cannot be read, or does not match the others.
    OutputError
        If the format of an output cannot hold as many rows or columns, or their colour profile.
    UnknownCameraError
        If the library does not know the camera of the options.
    """
    options = job.options
    use_threads(options.threads or usable_cores())
    given = read_profile(options.response) if options.response else None
    known = reading.development.multipliers is not None
    known = known or any(map(holds_light, ready_sources(job.images)[:1]))
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(_open_refiner, options, opener) if refine and not known else None
        library = None if given else open_library()  # while the files are decoded
        shots = reading.photographs()
        refiner = opening.result() if opening else None
    if refine and known and not shots[0].encoding:  # floats with a display curve
        refiner = _open_refiner(options, opener)
    profile = choose_profile(given, refiner)
    option, file = ("--response", options.response) if given else ("--model", options.model)
    if options.times:
        shots = state_times(shots, options.times)
    shots, remarks = agree(arrange(shots))
    if not options.viewing.crop:  # which may make it small enough
        check_size(job, *shots[0].pixels.shape[:2])
    check_profiles(job, shots[0].metadata.icc)
    remarks += _explain_useless(shots[0], options)
    if shots[0].encoding:  # the network would only blur what is exact
        profile, file, refiner = known_response(), None, None
    else:
        remarks += _doubt_profile(file, profile, shots[0], option, options.camera)
    remarks += _doubt_device(refiner)
    remarks += _doubt_repeats(job.images)
    stated = (shot.exposure.camera for shot in shots)
    prior = None if profile or not library else library.narrow(stated, named=options.camera)
    return shots, Opened(profile, file if profile else None, prior, refiner, tuple(remarks))


def _open_refiner(options: CommonOptions, opener: Opener | None) -> Refiner:
    return (opener or open_refiner)(options.model, device=options.device, threads=options.threads)


def _explain_useless(shot: Photograph, options: CommonOptions) -> Iterator[str]:
    """Warn of options for unknown responses where it is known, and of those for raw files."""
    named, plain, chosen = options.camera not in {None, ANY}, Development(), options.development
    reasons = {}
    if shot.encoding:
        given = {"--response": options.response, "--camera": named, "--model": options.model}
        reasons["the response of {} is known"] = given
    if shot.format != "raw":
        balanced = chosen.white_balance != plain.white_balance
        given = {"--white-balance": balanced, "--colour": chosen.space != plain.space}
        reasons["{} is no raw file"] = given
    for reason, given in reasons.items():
        if useless := " and ".join(name for name, value in given.items() if value):
            words = f"{shot.name}: {reason.format(shot.format.upper())}"
            yield f"{words}; leave {useless} out, which has no effect"


def _doubt_profile(
    file: Path | None, profile: Profile | None, shot: Photograph, option: str, named: str | None
) -> list[str]:
    """Warn of a profile, given by an option, that is of another camera, or overrules --camera."""
    if profile is None:
        return []
    if named not in {None, ANY}:
        words = f"its profile of {profile.camera or 'a camera'} is used"
        return [f"{file}: {words}, and --camera has no effect; leave {option} out"]
    one, two = profile.camera, shot.exposure.camera
    if not one or not two or is_same_camera(one, two):
        return []
    words = f"{file} describes {one}, but {shot.name} was taken with {two}"
    return [f"{words}; calibrate that camera, or leave {option} out"]


def _doubt_repeats(images: Sequence[str]) -> Iterator[str]:
    """Warn of a file that is named more than once, also through links."""
    files = Counter(map(os.path.realpath, images))
    for name in images:
        if (count := files.pop(os.path.realpath(name), 1)) > 1:
            yield f"{name}: is named {count} times, and counts as often; name each exposure once"


def _doubt_device(refiner: Refiner | None) -> list[str]:
    """Warn of a device that is not the best one, and of a possible cause."""
    if refiner is None:
        return []
    clash = find_clash("onnxruntime")
    remarks = [refiner.notice, clash and f"{clash}; 'expinterp doctor' names the cure"]
    return [remark for remark in remarks if remark]

"""Doing a job: read, measure, render, write, and report.

Nothing is said here; what a person should know comes back in the `Report`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp import __version__, exposure, pipeline
from expinterp.doctor import find_clash
from expinterp.errors import PairError
from expinterp.images import Photograph, Pixels, with_exposure_time, write_photograph
from expinterp.job.plan import Job, Kind, ladder_name, refuse
from expinterp.job.shots import read_shots, reconcile, state_times
from expinterp.pair import LEAST_STEP, Pair
from expinterp.refine import Refiner, open_refiner
from expinterp.response import Profile, read_profile

SCHEMA_VERSION = 1
SHARES = {"read": 2, "measure": 1, "render": 6, "write": 1}  # of the time, for progress
RESIDUAL_GAIN = 4  # steps shown for one of the residual: an eighth of the range fills the picture


@dataclass(frozen=True)
class Report:
    """What was done, as plain values; `as_json` is the schema of ``--json``."""

    inputs: list[dict[str, Any]]
    outputs: list[dict[str, Any]]
    ratio: dict[str, Any]
    response: dict[str, Any]
    refinement: dict[str, Any] | None
    timings: dict[str, float]
    warnings: list[str]

    def as_json(self) -> dict[str, Any]:
        """Give the report as one JSON object."""
        header = {"schema_version": SCHEMA_VERSION, "version": __version__}
        return {**header, "command": "interpolate", **asdict(self)}


@dataclass(frozen=True)
class Output:
    """A file that is written, and where the exposure in it lies.

    Attributes
    ----------
    kind : {'medium', 'intermediate', 'residual'}
    file : str
    ev : float
        Stops above ``short``.
    time : float or None
        The virtual exposure time in seconds, if the times are known.
    """

    kind: Kind
    file: str
    ev: float
    time: float | None


@dataclass(frozen=True)
class Opened:
    """What a job works with once its files are open."""

    long: Photograph
    short: Photograph
    profile: Profile | None
    refiner: Refiner | None


class Clock:
    """Seconds spent in each stage, and how far the whole is."""

    def __init__(self, progress: Callable[[str, float], None], exposures: int) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self.done = 0
        self.total = sum(SHARES.values()) + (exposures - 1) * (SHARES["render"] + SHARES["write"])

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Time a stage; a name that comes again adds up.

        Yields
        ------
        callable
            To be called with the share of the stage that is done, 0..1.
        """

        def advance(share: float) -> None:
            self.progress(name, (self.done + share * SHARES[name]) / self.total)

        advance(0.0)
        started = time.perf_counter()
        yield advance
        spent = time.perf_counter() - started
        self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 4)
        self.done += SHARES[name]


def run(
    job: Job,
    *,
    progress: Callable[[str, float], None] = lambda stage, share: None,
    opener: Callable[..., Refiner] | None = None,
) -> Report:
    """Do the work of a job.

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
        If the wanted exposure does not lie between the two shots.
    """
    clock = Clock(progress, job.target.count or 1)
    refuse(job)
    if job.threads:
        cv2.setNumThreads(job.threads)  # stage one works as wide as OpenCV
    with clock.stage("read"):
        opened, warnings = _open(job, opener)
    with clock.stage("measure"):
        pair, notices = _measure(job, opened)
    if pair.swapped:
        opened = replace(opened, long=opened.short, short=opened.long)
    warnings += notices
    outputs = []
    for step, position in enumerate(_positions(job, opened, pair)):
        with clock.stage("render") as advance:
            result = pipeline.render(pair, position, refiner=opened.refiner, progress=advance)
        with clock.stage("write"):
            for output in _outputs(job, step, position, opened, pair):
                warnings += _write(job, output, result, opened.long)
                outputs.append(output)
    return _report(job, opened, pair, outputs, warnings=warnings, seconds=clock.seconds)


def _open(job: Job, opener: Callable[..., Refiner] | None) -> tuple[Opened, list[str]]:
    """Decode both files, the network being opened meanwhile, and make them agree."""
    profile = None if job.response is None else read_profile(job.response)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(_open_refiner, job, opener)
        shots = read_shots([job.long, job.short])
        refiner = opening.result()
    if job.times:
        shots = state_times(shots, job.times)
    long, (short, remarks) = shots[0], reconcile(*shots)
    warnings = [*long.warnings, *short.warnings, *remarks]
    warnings += [*_doubt_profile(job, profile, long), *_doubt_device(refiner)]
    return Opened(long, short, profile, refiner), warnings


def _doubt_profile(job: Job, profile: Profile | None, shot: Photograph) -> list[str]:
    """Remark on a profile that is of another camera."""
    cameras = {profile and profile.camera, shot.exposure.camera}
    if profile is None or None in cameras or len(cameras) == 1:
        return []
    remark = (
        f"{job.response} describes {profile.camera}, but {shot.name} was taken with "
        f"{shot.exposure.camera}; calibrate that camera, or leave --response out"
    )
    return [remark]


def _doubt_device(refiner: Refiner | None) -> list[str]:
    """Remark on a device that is not the best one, and on why it may not be."""
    if refiner is None:
        return []
    clash = find_clash("onnxruntime")
    remarks = [refiner.notice, clash and f"{clash}; 'expinterp doctor' names the cure"]
    return [remark for remark in remarks if remark]


def _open_refiner(job: Job, opener: Callable[..., Refiner] | None) -> Refiner | None:
    if not job.refine:
        return None
    return (opener or open_refiner)(job.model, device=job.device, threads=job.threads)


def _measure(job: Job, opened: Opened) -> tuple[Pair, list[str]]:
    """Measure the pair; what there is to say about it names the files."""
    ratio = job.ratio or exposure.exposure_ratio(opened.long.exposure, opened.short.exposure)
    names = f"{opened.long.name} and {opened.short.name}"
    notices = []
    if ratio and abs(exposure.ev_step(ratio)) < LEAST_STEP:
        notices.append("their stated exposures are equal, their pixels are not and are believed")
        ratio = None
    try:
        pair = pipeline.measure(
            opened.long.pixels, opened.short.pixels, ratio=ratio, response=opened.profile
        )
    except PairError as error:
        message = f"{names}: {error}"
        raise PairError(message) from error
    return pair, [f"{names}: {notice}" for notice in (*notices, *pair.notices)]


def _positions(job: Job, opened: Opened, pair: Pair) -> tuple[float, ...]:
    return job.target.positions(ratio=pair.ratio, long_time=_long_time(opened))


def _long_time(opened: Opened) -> float | None:
    """Take the time of ``long``; None if the times contradict what the pixels show."""
    ratio = exposure.exposure_ratio(opened.long.exposure, opened.short.exposure)
    return None if ratio is not None and ratio <= 1 else opened.long.exposure.time


def _outputs(job: Job, step: int, position: float, opened: Opened, pair: Pair) -> list[Output]:
    """Name and place the files of one exposure."""
    ev = position * exposure.ev_step(pair.ratio)
    long_time, time = _long_time(opened), None
    if long_time and pair.ratio_stated:
        short_time = long_time / pair.ratio_stated
        time = exposure.time_at(position, short_time=short_time, ratio=pair.ratio_stated)
    return [
        Output(kind, ladder_name(path, step, job.target.count), ev, time)
        for kind, path in job.outputs.items()
    ]


def _write(
    job: Job, output: Output, result: pipeline.Interpolation, long: Photograph
) -> tuple[str, ...]:
    """Write one file with the metadata of `long`; return what the file does not hold."""
    pixels = getattr(result, output.kind)
    if output.kind == "residual":
        pixels = show_residual(pixels, long.pixels.dtype)
    return write_photograph(
        pixels,
        output.file,
        alpha=long.alpha,
        metadata=with_exposure_time(long.metadata, output.time),
        format=job.writing.format_of(output.file),
        quality=job.writing.quality,
        bit_depth=job.writing.bit_depth,
        overwrite=job.writing.overwrite,
        inputs=(job.long, job.short),
    )


def show_residual(residual: NDArray[np.float32], dtype: np.dtype[Any]) -> Pixels:
    """Picture a residual: mid-grey where it is 0, `RESIDUAL_GAIN` times as strong elsewhere.

    Parameters
    ----------
    residual : float32 array, shape (rows, cols, channels)
        In units of the full range, -1..1.

    Returns
    -------
    array of `dtype`, same shape
    """
    top = np.iinfo(dtype).max
    shown = residual * np.float32(RESIDUAL_GAIN * top)
    shown += np.float32((top + 1) / 2)
    pixels: Pixels = np.clip(np.rint(shown, out=shown), 0, top, out=shown).astype(dtype)
    return pixels


def _report(
    job: Job,
    opened: Opened,
    pair: Pair,
    outputs: list[Output],
    *,
    warnings: list[str],
    seconds: dict[str, float],
) -> Report:
    """Gather what was done as plain values."""
    shots = {"long": opened.long, "short": opened.short}
    return Report(
        inputs=[_describe_shot(role, shot, pair) for role, shot in shots.items()],
        outputs=[asdict(output) for output in outputs],
        ratio={"stated": pair.ratio_stated, "measured": pair.ratio_measured},
        response={
            "source": pair.source,
            "file": None if job.response is None else str(job.response),
            "camera": opened.profile and opened.profile.camera,
            "residual": opened.profile and opened.profile.residual,
        },
        refinement=_describe_refiner(opened.refiner),
        timings=seconds,
        warnings=list(dict.fromkeys(warnings)),
    )


def _describe_shot(role: str, shot: Photograph, pair: Pair) -> dict[str, Any]:
    rows, cols, channels = shot.pixels.shape
    return {
        "role": role,
        "file": shot.name,
        "format": shot.format,
        "rows": rows,
        "cols": cols,
        "channels": channels,
        "bit_depth": 8 * shot.pixels.dtype.itemsize,
        **asdict(shot.exposure),
        "clipped": pair.clipped[role],
    }


def _describe_refiner(refiner: Refiner | None) -> dict[str, Any] | None:
    if refiner is None:
        return None
    return {
        "sha256": refiner.digest,
        "provider": refiner.provider,
        "threads": refiner.threads,
    }

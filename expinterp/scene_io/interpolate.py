"""Interpolating: read two files, measure, render, write, and report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expinterp import pipeline
from expinterp.images import Photograph, Pixels, with_exposure_time, write_photograph
from expinterp.scene_io.jobs import InterpolationJob, ladder_name
from expinterp.scene_io.measured_pair import MeasuredPair, measure_pair_of_shots
from expinterp.scene_io.open_scene import Opened, Opener, open_scene
from expinterp.scene_io.record import (
    Clock,
    JobRecord,
    Output,
    describe_motion,
    describe_ratio,
    describe_refiner,
    describe_response,
    describe_shot,
)

RESIDUAL_GAIN = 4  # steps shown for one of the residual: an eighth of the range fills the picture


def interpolate_files(
    job: InterpolationJob, *, progress: Callable[[str, float], None], opener: Opener | None
) -> JobRecord:
    """Do the work of a job; see `run`.

    Raises
    ------
    TargetError
        If the wanted exposure does not lie between the two shots.
    """
    wanted = job.options.wanted
    clock = Clock(progress, "read", "measure", *["render", "write"] * (wanted.count or 1))
    two, opened = _measure(job, clock, opener)
    positions = wanted.positions(ratio=two.pair.ratio, long_time=two.long_time)
    warnings, outputs = [*opened.remarks, *two.remarks], []
    for step, position in enumerate(positions):
        with clock.stage("render") as advance:
            result = pipeline.render(two.pair, position, refiner=opened.refiner, progress=advance)
        with clock.stage("write"):
            for output in _outputs(job, step, position, two):
                warnings += _write(job, output, result, two.long)
                outputs.append(output)
    return _report(job, opened, two, outputs, warnings=warnings, seconds=clock.seconds)


def _measure(
    job: InterpolationJob, clock: Clock, opener: Opener | None
) -> tuple[MeasuredPair, Opened]:
    """Read and measure the pair; the shots as they were before a motion was undone are dropped."""
    options = job.options
    with clock.stage("read"):
        shots, opened = open_scene(job, refine=options.refine, opener=opener)
    with clock.stage("measure"):
        two = measure_pair_of_shots(
            *shots, ratio=options.ratio, profile=opened.profile, align=options.align
        )
    return two, opened


def _outputs(job: InterpolationJob, step: int, position: float, two: MeasuredPair) -> list[Output]:
    """Name and place the files of one exposure."""
    ev, time = two.ev_at(position), two.time_at(position)
    return [
        Output(kind, ladder_name(path, step, job.options.wanted.count), ev, time)
        for kind, path in job.outputs.items()
    ]


def _write(
    job: InterpolationJob, output: Output, result: pipeline.Interpolation, long: Photograph
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
        **job.options.writing.options(output.file),
        inputs=job.images,
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
    job: InterpolationJob,
    opened: Opened,
    two: MeasuredPair,
    outputs: list[Output],
    *,
    warnings: list[str],
    seconds: dict[str, float],
) -> JobRecord:
    """Gather what was done as plain values."""
    shots, clipped = {"long": two.long, "short": two.short}, two.pair.clipped
    return JobRecord(
        command="interpolate",
        inputs=[describe_shot(role, shot, clipped[role]) for role, shot in shots.items()],
        outputs=[asdict(output) for output in outputs],
        ratio=describe_ratio([two.pair]),
        motion=describe_motion(two.pair.motion),
        response=describe_response(two.pair, opened.profile_file, opened.profile),
        refinement=describe_refiner(opened.refiner),
        timings=seconds,
        warnings=list(dict.fromkeys(warnings)),
    )

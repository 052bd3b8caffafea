"""Interpolate files: read two shots, measure them, render, and write the results and a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expinterp.core.denoise import choose_strength
from expinterp.core.pair import Pair
from expinterp.core.render import Interpolation, render
from expinterp.images import (
    Photograph,
    Pixels,
    Reading,
    with_exposure_time,
    with_provenance,
    write_photograph,
)
from expinterp.scene_io.ghosts import describe_ghosts, encode_mask, write_ghosts
from expinterp.scene_io.jobs import InterpolationJob, series_name
from expinterp.scene_io.measured_pair import MeasuredPair, measure_shots, with_full_quality
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

RESIDUAL_GAIN = 4  # factor on a residual when shown: an eighth of the range reaches black or white


def interpolate_files(
    job: InterpolationJob,
    reading: Reading,
    *,
    progress: Callable[[str, float], None],
    opener: Opener | None,
) -> JobRecord:
    """Run a job; see `run`.

    Raises
    ------
    TargetError
        If a wanted exposure does not lie between the two shots.
    """
    count = job.options.wanted.count or 1
    clock = Clock(progress, "read", "measure", *["render", "write"] * count)
    measured, opened = _measure(job, reading, clock, opener)
    positions = job.options.wanted.positions(
        ratio=measured.pair.ratio, long_time=measured.long_time
    )
    warnings, outputs = [*opened.remarks, *measured.warnings], []
    for step, position in enumerate(positions):
        with clock.stage("render", number=step) as advance:
            result = render(
                measured.pair,
                position,
                refiner=opened.refiner,
                denoise=job.options.denoise,
                out=_spare(measured.pair, job) if step == len(positions) - 1 else None,
                progress=advance,
            )
        with clock.stage("write", number=step):
            for output in _outputs(job, step, position, measured):
                warnings += _write(job, output, result, measured.long)
                outputs.append(output)
    return _record(job, opened, measured, outputs, warnings=warnings, seconds=clock.seconds)


def _measure(
    job: InterpolationJob, reading: Reading, clock: Clock, opener: Opener | None
) -> tuple[MeasuredPair, Opened]:
    """Wait for the files of a job and measure them; for drafts of raw files that mostly suffices."""
    with clock.stage("read"):
        shots, opened = open_scene(job, reading, refine=job.options.refine, opener=opener)
    with clock.stage("measure"):
        measure = partial(
            measure_shots,
            ratio=job.options.ratio,
            profile=opened.profile,
            prior=opened.prior,
            viewing=job.options.viewing,
        )
        measured = measure(*shots)
        if reading.development.draft and shots[0].negative and _needs_pictures(measured.pair):
            measured = measure(*map(with_full_quality, shots))
    return measured, opened


def _needs_pictures(pair: Pair) -> bool:
    """Return whether results are computed from developed pictures, and not from sensor values."""
    return pair.exact is None or bool(pair.ghosts and pair.ghosts.share)


def _spare(pair: Pair, job: InterpolationJob) -> Pixels | None:
    """Return the array of a photograph if no output but the last exposure needs it."""
    needed = job.outputs.keys() & {"intermediate", "residual"} or not pair.short.flags.writeable
    return None if needed else pair.short


def _outputs(
    job: InterpolationJob, step: int, position: float, measured: MeasuredPair
) -> list[Output]:
    """List the output files of one exposure."""
    ev, time = measured.ev_at(position), measured.time_at(position)
    return [
        Output(kind, series_name(path, step, job.options.wanted.count), ev, time)
        for kind, path in job.outputs.items()
    ]


def _write(
    job: InterpolationJob, output: Output, result: Interpolation, long: Photograph
) -> tuple[str, ...]:
    """Write one file with the metadata of `long`; return the warnings of the writer."""
    if output.kind == "ghosts":
        ghosts = result.pair.ghosts
        return write_ghosts(job, output.file, result.medium, ghosts, shots=2, like=long)
    pixels = getattr(result, output.kind)
    metadata, encoding = with_exposure_time(long.metadata, output.time), long.encoding
    if output.kind == "residual":
        pixels, encoding = show_residual(pixels, long.pixels.dtype), None
    else:
        steps = f"interpolate: {output.kind}, {output.ev:.2f} EV above the short exposure"
        metadata = with_provenance(metadata, action="derived", parameters=steps)
    return write_photograph(
        pixels,
        output.file,
        alpha=long.alpha,
        metadata=metadata,
        encoding=encoding,
        **job.options.writing.options(output.file),
        inputs=job.images,
    )


def show_residual(residual: NDArray[np.float32], dtype: np.dtype[Any]) -> Pixels:
    """Return a residual as an image: mid-grey for 0, amplified by `RESIDUAL_GAIN`.

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


def _record(
    job: InterpolationJob,
    opened: Opened,
    measured: MeasuredPair,
    outputs: list[Output],
    *,
    warnings: list[str],
    seconds: dict[str, float],
) -> JobRecord:
    """Record what was done, in plain values."""
    pair, shots = measured.pair, {"long": measured.long, "short": measured.short}
    return JobRecord(
        command="interpolate",
        inputs=[
            describe_shot(role, shot, pair.clipped[role], pair.shape)
            for role, shot in shots.items()
        ],
        outputs=[asdict(output) for output in outputs],
        ratio=describe_ratio([pair]),
        motion=describe_motion(pair.motion, aligned_to=measured.viewpoint),
        ghosts=describe_ghosts(pair.ghosts, measured.reference),
        response=describe_response(pair, opened),
        refinement=describe_refiner(opened.refiner),
        denoise=choose_strength(job.options.denoise, refined=opened.refiner is not None),
        timings=seconds,
        warnings=list(dict.fromkeys(warnings)),
        mask=encode_mask(pair.ghosts, shots=2),
    )

"""Fusing: read the files of a scene, put virtual exposures between, fuse, write, and report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from expinterp import pipeline
from expinterp.core.align import Motion, find_poses, warp
from expinterp.core.fusion import Stack
from expinterp.core.fusion.series import virtual_positions
from expinterp.core.intermediate import round_codes
from expinterp.errors import EqualExposuresError, OutputError, PairError, reason
from expinterp.images import Photograph, Pixels, with_exposure_time, write_photograph
from expinterp.metrics.assessment import assess
from expinterp.scene_io.jobs import FusionJob
from expinterp.scene_io.measured_pair import MeasuredPair, measure_pair_of_shots, move
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
from expinterp.scene_io.shots import brightest_first, check_alike


@dataclass(frozen=True)
class Exposure:
    """One of the exposures that are fused.

    Attributes
    ----------
    pixels : uint8 or uint16 array, shape (rows, cols, channels)
    shot : Photograph
        Itself, or the longer of the two that a virtual one lies between.
    ev : float or None
        Of a virtual one, stops above the darkest shot.
    time : float or None
        Of a virtual one, in seconds, if it is known.
    """

    pixels: Pixels
    shot: Photograph
    ev: float | None = None
    time: float | None = None


def fuse_files(
    job: FusionJob, *, progress: Callable[[str, float], None], opener: Opener | None
) -> JobRecord:
    """Do the work of a job; see `run`."""
    options = job.options
    clock = Clock(progress, "read", "measure", "fuse", *["assess"] * options.metrics, "write")
    each = 1 if options.virtual == "auto" else options.virtual
    clock.expect("render", (len(job.images) - 1) * each)
    with clock.stage("read"):
        refine = options.refine and options.virtual != 0
        shots, opened = open_scene(job, refine=refine, opener=opener, arrange=brightest_first)
        check_alike(shots)
    with clock.stage("measure"):
        shots, motions = _align(job, shots[::-1])
        steps = [_measure(job, *two, opened) for two in pairwise(shots)]
    exposures = _insert_virtual(job, shots, steps, opened, clock)
    with clock.stage("fuse") as advance:
        stack = _stack(job, exposures)
        fused = stack.fuse(progress=advance)
    metrics = None
    if options.metrics:
        with clock.stage("assess"):
            metrics = assess([shot.pixels for shot in shots], fused, stack=stack)
    with clock.stage("write"):
        outputs, remarks = _write_all(job, exposures, stack, fused)
    return _report(
        job,
        opened,
        shots,
        steps,
        exposures,
        motions=motions,
        outputs=outputs,
        metrics=metrics,
        remarks=remarks,
        seconds=clock.seconds,
    )


def _align(
    job: FusionJob, shots: Sequence[Photograph]
) -> tuple[Sequence[Photograph], Sequence[Motion]]:
    """Bring all shots to the pose of the brightest; also tell the motions of the others."""
    if not job.options.align:
        return shots, ()
    motions = find_poses([shot.pixels for shot in shots])
    moved = [
        move(shot, warp(shot.pixels, motion.matrix), motion.matrix)
        for shot, motion in zip(shots, motions, strict=True)
    ]
    return moved, motions[:-1]


def _measure(
    job: FusionJob, short: Photograph, long: Photograph, opened: Opened
) -> MeasuredPair | None:
    """Measure two neighbours, if anything is to go between them."""
    if not job.options.virtual:
        return None
    try:
        return measure_pair_of_shots(long, short, ratio=None, profile=opened.profile, align=False)
    except EqualExposuresError:
        return None
    except PairError as error:
        message = f"{error}; --virtual 0 fuses them as they are"
        raise PairError(message) from error


def _insert_virtual(
    job: FusionJob,
    shots: Sequence[Photograph],
    steps: Sequence[MeasuredPair | None],
    opened: Opened,
    clock: Clock,
) -> list[Exposure]:
    """Put virtual exposures between the shots: all exposures, from dark to bright."""
    wanted = [virtual_positions(step.pair, job.options.virtual) if step else () for step in steps]
    clock.expect("render", sum(map(len, wanted)))
    exposures, below = [Exposure(shots[0].pixels, shots[0])], 0.0
    for shot, step, positions in zip(shots[1:], steps, wanted, strict=True):
        if step:
            exposures += [_render(step, each, below, opened, clock) for each in positions]
            below += step.ev_at(1)
        exposures.append(Exposure(shot.pixels, shot))
    return exposures


def _render(
    step: MeasuredPair, position: float, below: float, opened: Opened, clock: Clock
) -> Exposure:
    """Make a virtual exposure between neighbours, the darker `below` EV above the darkest."""
    with clock.stage("render") as advance:
        result = pipeline.render(step.pair, position, refiner=opened.refiner, progress=advance)
    ev, time = below + step.ev_at(position), step.time_at(position)
    return Exposure(result.medium, step.long, ev, time)


def _stack(job: FusionJob, exposures: Sequence[Exposure]) -> Stack:
    pixels = [exposure.pixels for exposure in exposures]
    options = job.options
    return Stack(pixels, weighting=options.weighting, method=options.method, levels=options.levels)


def _write_all(
    job: FusionJob, exposures: Sequence[Exposure], stack: Stack, fused: Pixels
) -> tuple[list[Output], list[str]]:
    """Write all that is wanted; the fused image comes last, as the sign that all is there."""
    outputs = [*_write_virtual(job, exposures), *_write_masks(job, stack, len(exposures))]
    brightest = exposures[-1].shot
    remarks = write_photograph(
        fused,
        job.output,
        alpha=brightest.alpha,
        metadata=brightest.metadata,
        **job.options.writing.options(job.output),
        inputs=job.images,
    )
    remarks += (*_explain_virtual(job, exposures), *_explain_earlier(job, outputs))
    return [Output("fused", job.output), *outputs], list(remarks)


def _explain_earlier(job: FusionJob, outputs: Sequence[Output]) -> Iterator[str]:
    """Name the files of an earlier, longer series that lie among those of this one."""
    written = {Path(output.file) for output in outputs}
    for folder, kind in job.folders:
        earlier = [path.name for path in job.saved(folder, kind) if path not in written]
        if earlier:
            yield f"{folder}: {', '.join(earlier)} are of an earlier run; remove them"


def _explain_virtual(job: FusionJob, exposures: Sequence[Exposure]) -> Iterator[str]:
    """Say why virtual exposures that were to be saved are not there."""
    if job.save_virtual and not _virtual(exposures):
        yield (
            f"{job.save_virtual}: nothing is saved there, as the images lie close enough together; "
            "--virtual 1 computes one between each two"
        )


def _write_virtual(job: FusionJob, exposures: Sequence[Exposure]) -> Iterator[Output]:
    """Write the virtual exposures, if wanted, like photographs of the scene."""
    virtual = _virtual(exposures)
    if not job.save_virtual or not virtual:
        return
    _make_folder(job.save_virtual)
    for number, exposure in enumerate(virtual, start=1):
        file = job.beside(job.save_virtual, "virtual", number)
        write_photograph(
            exposure.pixels,
            file,
            alpha=exposure.shot.alpha,
            metadata=with_exposure_time(exposure.shot.metadata, exposure.time),
            **job.options.writing.options(file),
            inputs=job.images,
        )
        yield Output("virtual", file, exposure.ev, exposure.time)


def _write_masks(job: FusionJob, stack: Stack, count: int) -> Iterator[Output]:
    """Write the weights of all exposures, if wanted, as grey pictures of 8 bits."""
    if not job.save_masks:
        return
    _make_folder(job.save_masks)
    for index in range(count):
        file = job.beside(job.save_masks, "mask", index + 1)
        weights = round_codes(stack.weights(index), np.dtype(np.uint8))
        write_photograph(weights, file, overwrite=job.options.writing.overwrite, inputs=job.images)
        yield Output("mask", file)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        message = f"{folder}: cannot be made ({reason(error)}); name another folder"
        raise OutputError(message) from error


def _virtual(exposures: Sequence[Exposure]) -> list[Exposure]:
    return [exposure for exposure in exposures if exposure.ev is not None]


def _report(
    job: FusionJob,
    opened: Opened,
    shots: Sequence[Photograph],
    steps: Sequence[MeasuredPair | None],
    exposures: Sequence[Exposure],
    *,
    motions: Sequence[Motion],
    outputs: list[Output],
    metrics: dict[str, Any] | None,
    remarks: Iterable[str],
    seconds: dict[str, float],
) -> JobRecord:
    """Gather what was done as plain values."""
    measured = [step for step in steps if step]
    of_steps = (remark for step in measured for remark in step.remarks)
    remarks = [*opened.remarks, *_explain_motion(motions), *of_steps, *remarks]
    return JobRecord(
        command="fuse",
        inputs=[describe_shot("image", shot, _clipped(shot, measured)) for shot in reversed(shots)],
        outputs=[asdict(output) for output in outputs],
        ratio=describe_ratio([step.pair for step in measured]),
        motion=describe_motion(*motions),
        response=describe_response(
            measured[0].pair if measured else None, opened.profile_file, opened.profile
        ),
        refinement=describe_refiner(opened.refiner),
        timings=seconds,
        warnings=list(dict.fromkeys(remarks)),
        fusion={
            "method": job.options.method,
            **asdict(job.options.weighting),
            "levels": job.options.levels,
            "virtual": [exposure.ev for exposure in _virtual(exposures)],
            "metrics": metrics,
        },
    )


def _explain_motion(motions: Sequence[Motion]) -> Iterator[str]:
    farthest = max((motion.pixels or 0 for motion in motions), default=0)
    if farthest:
        yield (
            f"the camera moved by up to {farthest:.1f} pixels between the images; all are brought "
            "to where it was for the brightest (--no-align leaves them)"
        )


def _clipped(shot: Photograph, steps: Sequence[MeasuredPair]) -> dict[str, float] | None:
    """Find what was measured of a shot's clipping; nothing, if it was in no pair."""
    for step in steps:
        for role in ("long", "short"):
            if getattr(step, role) is shot:
                return step.pair.clipped[role]
    return None

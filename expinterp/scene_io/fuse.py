"""Fuse files: read the shots of a scene, fuse them, write the results and a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from expinterp.core.denoise import choose_strength
from expinterp.core.fusion import Stack
from expinterp.core.fusion.exposures import Fusion, fuse_exposures
from expinterp.core.intermediate import round_codes
from expinterp.core.render import Interpolation
from expinterp.files import make_folder
from expinterp.images import (
    Photograph,
    Pixels,
    Reading,
    with_exposure_time,
    with_provenance,
    write_photograph,
)
from expinterp.metrics.assessment import assess, shrink
from expinterp.scene_io.ghosts import write_ghosts
from expinterp.scene_io.jobs import FusionJob
from expinterp.scene_io.open_scene import Opener
from expinterp.scene_io.record import Clock, JobRecord, Output
from expinterp.scene_io.scene import PlannedScene, plan_scene


@dataclass(frozen=True, eq=False)
class VirtualExposure:
    """A virtual exposure with the metadata of its file."""

    pixels: Pixels
    long: Photograph  # the next brighter shot
    ev: float  # stops above the darkest shot
    time: float | None  # exposure time in seconds, if it is known


def fuse_files(
    job: FusionJob,
    reading: Reading,
    *,
    progress: Callable[[str, float], None],
    opener: Opener | None,
) -> JobRecord:
    """Run a job; see `run`."""
    clock = Clock(progress, "read", "measure", "fuse", *["assess"] * job.options.metrics, "write")
    each = 1 if job.options.virtual == "auto" else job.options.virtual
    clock.expect("render", (len(job.images) - 1) * each)
    refine, virtual = job.options.refine and job.options.virtual != 0, job.options.virtual
    remedy = "" if virtual == 0 else "; --virtual 0 fuses them as they are"
    scene = plan_scene(job, reading, clock, opener, refine=refine, virtual=virtual, remedy=remedy)
    clock.expect("render", scene.plan.count)
    photographs: list[Pixels] = []
    if job.options.metrics:
        with clock.stage("measure", number=1):  # before they are denoised in place
            photographs = [shrink(shot.pixels).copy() for shot in scene.shots]
    fusion = fuse_exposures(
        scene.plan,
        refiner=scene.opened.refiner,
        denoise=job.options.denoise,
        weighting=job.options.weighting,
        method=job.options.method,
        levels=job.options.levels,
        in_place=not job.save_virtual and not job.save_masks,
        progress=clock.advance,
    )
    metrics = None
    if job.options.metrics:
        with clock.stage("assess"):
            metrics = assess(photographs, fusion.fused, stack=fusion.stack)
    made = list(_locate(scene, fusion))
    with clock.stage("write"):
        outputs, warnings = _write_all(job, scene, made, fusion)
    refined = scene.opened.refiner is not None
    return scene.record(
        "fuse",
        outputs,
        warnings,
        clock.seconds,
        # without virtual exposures, photographs are fused as they are
        denoise=choose_strength(job.options.denoise, refined=refined) if made else 0.0,
        fusion=_describe(job, made, metrics),
    )


def _locate(scene: PlannedScene, fusion: Fusion) -> Iterator[VirtualExposure]:
    """List the virtual exposures from dark to bright, with their stops and their times."""
    step, below = -1, 0.0
    for exposure in fusion.exposures:
        if isinstance(exposure, Interpolation):
            pair = scene.pairs[step]
            if pair:
                ev, time = below + pair.ev_at(exposure.position), pair.time_at(exposure.position)
                yield VirtualExposure(exposure.medium, pair.long, ev, time)
        else:
            last = scene.pairs[step] if step >= 0 else None
            below += last.ev_at(1) if last else 0.0
            step += 1


def _write_all(
    job: FusionJob, scene: PlannedScene, virtual: Sequence[VirtualExposure], fusion: Fusion
) -> tuple[list[Output], list[str]]:
    """Write all outputs; the fused image comes last, so that all others exist if it does.

    It has the metadata of the brightest shot: date, place, camera, and the exposure of that shot,
    since no single exposure is true for it. The provenance says that it was fused.
    """
    brightest, ghosts = scene.shots[-1], scene.plan.ghosts
    masks = _write_masks(job, fusion.stack, len(fusion.exposures))
    outputs = [*_write_virtual(job, virtual), *masks]
    warnings: tuple[str, ...] = ()
    for file in job.drawn:
        warnings += write_ghosts(
            job, file, fusion.fused, ghosts, shots=len(scene.shots), like=brightest
        )
        outputs.append(Output("ghosts", file))
    steps = f"fuse: {job.options.method}, {len(fusion.exposures)} exposures, {len(virtual)} virtual"
    warnings += write_photograph(
        fusion.fused,
        job.output,
        alpha=brightest.alpha,
        metadata=with_provenance(brightest.metadata, action="produced", parameters=steps),
        encoding=brightest.encoding,
        **job.options.writing.options(job.output),
        inputs=job.images,
    )
    warnings += (*_explain_virtual(job, virtual), *_explain_earlier(job, outputs))
    return [Output("fused", job.output), *outputs], list(warnings)


def _explain_earlier(job: FusionJob, outputs: Sequence[Output]) -> Iterator[str]:
    """Report files of an earlier, longer series in the folders of this one."""
    written = {Path(output.file) for output in outputs}
    for folder, kind in ((job.save_virtual, "virtual"), (job.save_masks, "mask")):
        earlier = [p.name for p in job.saved(folder, kind) if p not in written] if folder else []
        if earlier:
            yield f"{folder}: {', '.join(earlier)} are of an earlier run; remove them"


def _explain_virtual(job: FusionJob, virtual: Sequence[VirtualExposure]) -> Iterator[str]:
    """Explain why there are no virtual exposures to save."""
    if job.save_virtual and not virtual:
        yield (
            f"{job.save_virtual}: nothing is saved there, as the exposures are close together; "
            "--virtual 1 computes one between each two"
        )


def _write_virtual(job: FusionJob, virtual: Sequence[VirtualExposure]) -> Iterator[Output]:
    """Write the virtual exposures, if wanted, with the metadata of photographs."""
    if not job.save_virtual or not virtual:
        return
    make_folder(job.save_virtual)
    for number, exposure in enumerate(virtual, start=1):
        file = job.beside(job.save_virtual, "virtual", number)
        timed = with_exposure_time(exposure.long.metadata, exposure.time)
        steps = f"fuse: virtual exposure, {exposure.ev:.2f} EV above the darkest"
        write_photograph(
            exposure.pixels,
            file,
            alpha=exposure.long.alpha,
            metadata=with_provenance(timed, action="derived", parameters=steps),
            encoding=exposure.long.encoding,
            **job.options.writing.options(file),
            inputs=job.images,
        )
        yield Output("virtual", file, exposure.ev, exposure.time)


def _write_masks(job: FusionJob, stack: Stack, count: int) -> Iterator[Output]:
    """Write the weights of all exposures, if wanted, as grey 8-bit images."""
    if not job.save_masks:
        return
    make_folder(job.save_masks)
    for index in range(count):
        file = job.beside(job.save_masks, "mask", index + 1)
        weights = round_codes(stack.weights(index), np.dtype(np.uint8))
        write_photograph(weights, file, overwrite=job.options.writing.overwrite, inputs=job.images)
        yield Output("mask", file)


def _describe(
    job: FusionJob, virtual: Sequence[VirtualExposure], metrics: dict[str, Any] | None
) -> dict[str, Any]:
    """Describe how the exposures were fused."""
    return {
        "method": job.options.method,
        **asdict(job.options.weighting),
        "levels": job.options.levels,
        "virtual": [exposure.ev for exposure in virtual],
        "metrics": metrics,
    }

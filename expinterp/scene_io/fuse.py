"""Fuse files: read the shots of a scene, fuse them, write the results and a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from expinterp.core.denoise import choose_strength
from expinterp.core.exposure import exposure_ratio
from expinterp.core.fusion import Stack
from expinterp.core.fusion.exposures import Fusion, fuse_exposures
from expinterp.core.fusion.plan import ExposurePlan, Virtual, plan_exposures
from expinterp.core.intermediate import round_codes
from expinterp.core.registration.motion import Motion
from expinterp.core.render import Interpolation
from expinterp.errors import PairError
from expinterp.files import make_folder
from expinterp.images import (
    Photograph,
    Pixels,
    with_exposure_time,
    with_provenance,
    write_photograph,
)
from expinterp.metrics.assessment import assess
from expinterp.scene_io.ghosts import describe_ghosts, encode_mask, write_ghosts
from expinterp.scene_io.jobs import FusionJob, MergeJob
from expinterp.scene_io.measured_pair import MeasuredPair, match_files, replace_pixels
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


@dataclass(frozen=True, eq=False)
class PlannedScene:
    """The files of a scene and the plan of their fusion."""

    opened: Opened
    shots: tuple[Photograph, ...]  # from dark to bright, aligned
    plan: ExposurePlan
    pairs: tuple[MeasuredPair | None, ...]  # adjacent shots; None where the plan has no pair
    shape: tuple[int, ...]  # of the pixels of each file

    @property
    def place(self) -> int:
        """The place of the reference among the shots."""
        return self.plan.order.index(self.plan.reference)

    @property
    def viewpoint(self) -> str:
        """The name of the shot that the others are aligned to."""
        return self.shots[self.plan.order.index(self.plan.viewpoint)].name

    @property
    def motions(self) -> list[Motion]:
        """The motion of each shot that was aligned to another; empty if none was."""
        plan = self.plan
        pairs = zip(plan.order, plan.motions, strict=False)
        return [motion for index, motion in pairs if index != plan.viewpoint]


@dataclass(frozen=True, eq=False)
class VirtualExposure:
    """A virtual exposure with the metadata of its file."""

    pixels: Pixels
    long: Photograph  # the next brighter shot
    ev: float  # stops above the darkest shot
    time: float | None  # exposure time in seconds, if it is known


def fuse_files(
    job: FusionJob, *, progress: Callable[[str, float], None], opener: Opener | None
) -> JobRecord:
    """Run a job; see `run`."""
    clock = Clock(progress, "read", "measure", "fuse", *["assess"] * job.options.metrics, "write")
    each = 1 if job.options.virtual == "auto" else job.options.virtual
    clock.expect("render", (len(job.images) - 1) * each)
    refine, virtual = job.options.refine and job.options.virtual != 0, job.options.virtual
    remedy = "" if virtual == 0 else "; --virtual 0 fuses them as they are"
    scene = plan_scene(job, clock, opener, refine=refine, virtual=virtual, remedy=remedy)
    clock.expect("render", scene.plan.count)
    fusion = fuse_exposures(
        scene.plan,
        refiner=scene.opened.refiner,
        denoise=job.options.denoise,
        weighting=job.options.weighting,
        method=job.options.method,
        levels=job.options.levels,
        keep_virtual=bool(job.save_virtual or job.save_masks),
        progress=clock.advance,
    )
    metrics = None
    if job.options.metrics:
        with clock.stage("assess"):
            photographs = [shot.pixels for shot in scene.shots]
            metrics = assess(photographs, fusion.fused, stack=fusion.stack)
    made = list(_locate(scene, fusion))
    with clock.stage("write"):
        outputs, warnings = _write_all(job, scene, made, fusion)
    return _record(
        job, scene, made, outputs, metrics=metrics, warnings=warnings, seconds=clock.seconds
    )


def plan_scene(
    job: FusionJob | MergeJob,
    clock: Clock,
    opener: Opener | None,
    *,
    refine: bool,
    virtual: Virtual,
    remedy: str,
) -> PlannedScene:
    """Read the files of a job, and plan their fusion; `remedy` ends the message of a failure."""
    with clock.stage("read"):
        shots, opened = open_scene(job, refine=refine, opener=opener, arrange=brightest_first)
        check_alike(shots)
        shots = shots[::-1]  # dark to bright: the plan keeps this order if pixels are equal
    with clock.stage("measure"):
        try:
            plan = plan_exposures(
                [shot.pixels for shot in shots],
                virtual=virtual,
                response=opened.profile,
                prior=opened.prior,
                viewing=job.options.viewing,
                names=[shot.name for shot in shots],
                stated_ratio=lambda long, short: exposure_ratio(
                    shots[long].exposure, shots[short].exposure
                ),
                opacities=[shot.alpha for shot in shots],
            )
        except PairError as error:
            message = f"{error}{remedy}"
            raise PairError(message) from error
    opacity = plan.opacity
    aligned = [
        replace_pixels(shots[index], pixels, opacity)
        for index, pixels in zip(plan.order, plan.shots, strict=True)
    ]
    still = not any(motion.pixels for motion in plan.motions)
    pairs = tuple(
        match_files(pair, long, short, still=still) if pair else None
        for pair, (short, long) in zip(plan.pairs, pairwise(aligned), strict=True)
    )
    plan = replace(plan, pairs=tuple(pair.pair if pair else None for pair in pairs))
    return PlannedScene(opened, tuple(aligned), plan, pairs, shots[0].pixels.shape)


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


def _record(
    job: FusionJob,
    scene: PlannedScene,
    virtual: Sequence[VirtualExposure],
    outputs: list[Output],
    *,
    metrics: dict[str, Any] | None,
    warnings: list[str],
    seconds: dict[str, float],
) -> JobRecord:
    """Record what was done, in plain values."""
    pairs = [pair for pair in scene.pairs if pair]
    opened, plan, shots = scene.opened, scene.plan, scene.shots
    pair_warnings = [warning for pair in pairs for warning in pair.warnings]
    found = [*explain_motion(scene), *plan.notices, *pair_warnings]
    return JobRecord(
        command="fuse",
        inputs=[
            describe_shot("image", shot, clipped_shares(shot, pairs), scene.shape)
            for shot in shots[::-1]
        ],
        outputs=[asdict(output) for output in outputs],
        ratio=describe_ratio([pair.pair for pair in pairs]),
        motion=describe_motion(*scene.motions, aligned_to=scene.viewpoint),
        ghosts=describe_ghosts(plan.ghosts, shots[scene.place]),
        response=describe_response(pairs[0].pair if pairs else None, opened),
        refinement=describe_refiner(opened.refiner),
        denoise=choose_strength(job.options.denoise, refined=opened.refiner is not None)
        if virtual
        else 0.0,  # photographs are fused as they are
        timings=seconds,
        warnings=list(dict.fromkeys([*opened.remarks, *found, *warnings])),
        fusion={
            "method": job.options.method,
            **asdict(job.options.weighting),
            "levels": job.options.levels,
            "virtual": [exposure.ev for exposure in virtual],
            "metrics": metrics,
        },
        mask=encode_mask(plan.ghosts, shots=len(shots)),
    )


def explain_motion(scene: PlannedScene) -> Iterator[str]:
    """Report each shot that could not be aligned."""
    for place in scene.plan.misfits:
        yield (
            f"{scene.shots[place].name}: how the camera moved cannot be measured; the image is left as it is, and "
            "edges may be doubled; align the files first, or leave it out"
        )


def clipped_shares(shot: Photograph, pairs: Sequence[MeasuredPair]) -> dict[str, float] | None:
    """Return the clipped shares of a shot; None if it is in no pair."""
    for pair in pairs:
        for role in ("long", "short"):
            if getattr(pair, role) is shot:
                return pair.pair.clipped[role]
    return None

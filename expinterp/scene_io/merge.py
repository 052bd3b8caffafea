"""Merge files: read the shots of a scene, merge them to its radiance, write it and a record."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from expinterp.core.denoise import choose_strength
from expinterp.core.encoding import to_output
from expinterp.core.exposure import exposure_ratio
from expinterp.core.fusion.exposures import merge_exposures
from expinterp.core.radiance import BLACK, WHITE, Radiance
from expinterp.errors import PairError
from expinterp.images import Photograph, Reading, with_provenance, write_photograph, write_radiance
from expinterp.scene_io.jobs import MergeJob
from expinterp.scene_io.open_scene import Opener
from expinterp.scene_io.record import Clock, JobRecord, Output, describe_response
from expinterp.scene_io.scene import PlannedScene, plan_scene


def merge_files(
    job: MergeJob,
    reading: Reading,
    *,
    progress: Callable[[str, float], None],
    opener: Opener | None,
) -> JobRecord:
    """Run a job; see `run`."""
    clock = Clock(progress, "read", "measure", "merge", "write")
    scene = plan_scene(job, reading, clock, opener, refine=False, virtual=0, measured=True)
    shots = scene.shots
    try:
        merged = merge_exposures(
            scene.plan,
            stated=_stated_ratios(shots),
            response=scene.opened.profile,
            prior=scene.opened.prior,
            denoise=job.options.denoise,
            progress=clock.advance,
        )
    except PairError as error:
        message = f"{', '.join(shot.name for shot in shots)}: {error}"
        raise PairError(message) from error
    white = shots[scene.plan.order.index(merged.white)]
    with clock.stage("write"):
        to_output(merged.radiance, white.encoding)
        outputs, warnings = _write_all(job, merged, white)
    pair = next((pair.pair for pair in scene.pairs if pair), None)
    return scene.record(
        "merge",
        outputs,
        [*merged.notices, *warnings],
        clock.seconds,
        ratio=_describe_ratio(scene, merged),
        response={**describe_response(pair, scene.opened), "source": merged.source},
        refinement=None,
        denoise=choose_strength(job.options.denoise, refined=True),
        merge=_describe(scene, merged),
    )


def _write_all(
    job: MergeJob, merged: Radiance, white: Photograph
) -> tuple[list[Output], list[str]]:
    """Write the mask, if it is wanted, and the radiance last."""
    outputs, writing = [Output("radiance", job.output)], job.options.writing
    for file in job.drawn:
        options = {**writing.options(file), "bit_depth": None}
        write_photograph(merged.clipped, file, **options, inputs=job.images)
        outputs.append(Output("clipped", file))
    alpha = merged.opacity
    warnings = write_radiance(
        merged.radiance,
        job.output,
        alpha=None if alpha is None else (alpha / np.iinfo(alpha.dtype).max).astype(np.float32),
        depth=job.options.depth,
        metadata=with_provenance(
            white.metadata, action="produced", parameters=f"merge: {len(job.images)} exposures"
        ),
        exposure=white.exposure,
        overwrite=writing.overwrite,
        inputs=job.images,
    )
    return outputs, list(warnings)


def _stated_ratios(shots: Sequence[Photograph]) -> list[float | None]:
    """Return the ratio of each shot, from dark to bright, to the next brighter one, as stated."""
    return [exposure_ratio(long.exposure, short.exposure) for short, long in pairwise(shots)]


def _describe_ratio(scene: PlannedScene, merged: Radiance) -> dict[str, float | None]:
    """Describe the exposure ratio from end to end: stated, and as the shots were merged."""
    stated = [ratio for ratio in _stated_ratios(scene.shots) if ratio]
    span = max(merged.exposures) / min(merged.exposures)
    complete = len(stated) == len(scene.shots) - 1
    return {"stated": math.prod(stated) if complete else None, "measured": span, "used": span}


def _describe(scene: PlannedScene, merged: Radiance) -> dict[str, Any]:
    """Describe the scale of the radiance, and what is clipped in all shots."""
    order = scene.plan.order
    white = scene.shots[order.index(merged.white)]
    return {
        "white": white.name,
        "scale": white.exposure.time,
        "exposures": {
            shot.name: round(merged.exposures[index], 6)
            for index, shot in zip(order, scene.shots, strict=True)
        },
        "clipped": {
            name: round(float((merged.clipped == mark).mean()), 5)
            for name, mark in (("black", BLACK), ("white", WHITE))
        },
    }

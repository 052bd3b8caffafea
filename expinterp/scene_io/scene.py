"""The scene of `fuse` and `merge`: its files, the plan of their fusion, and the record of a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal

from expinterp.core.exposure import exposure_ratio
from expinterp.core.fusion.plan import ExposurePlan, Virtual, plan_exposures
from expinterp.core.registration.motion import Motion
from expinterp.errors import PairError
from expinterp.images import Photograph, Reading
from expinterp.scene_io.ghosts import describe_ghosts, encode_mask
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

    def record(
        self,
        command: Literal["fuse", "merge"],
        outputs: Sequence[Output],
        warnings: Sequence[str],
        seconds: dict[str, float],
        **own: Any,
    ) -> JobRecord:
        """Record what was done, in plain values; `own` has the fields of the command."""
        plan, shots = self.plan, self.shots
        pairs = [pair for pair in self.pairs if pair]
        of_pairs = [warning for pair in pairs for warning in pair.warnings]
        found = [*self.opened.remarks, *_explain_motion(self), *plan.notices, *of_pairs]
        return JobRecord(
            command=command,
            inputs=[
                describe_shot("image", shot, _clipped_shares(shot, pairs), self.shape)
                for shot in shots[::-1]
            ],
            outputs=[asdict(output) for output in outputs],
            motion=describe_motion(*self.motions, aligned_to=self.viewpoint),
            ghosts=describe_ghosts(plan.ghosts, shots[self.place]),
            timings=seconds,
            warnings=list(dict.fromkeys([*found, *warnings])),
            mask=encode_mask(plan.ghosts, shots=len(shots)),
            **{
                "ratio": describe_ratio([pair.pair for pair in pairs]),
                "response": describe_response(pairs[0].pair if pairs else None, self.opened),
                "refinement": describe_refiner(self.opened.refiner),
                **own,
            },
        )


def plan_scene(
    job: FusionJob | MergeJob,
    reading: Reading,
    clock: Clock,
    opener: Opener | None,
    *,
    refine: bool,
    virtual: Virtual,
    measured: bool = False,
    remedy: str = "",
) -> PlannedScene:
    """Wait for the files of a job, and plan their fusion; `remedy` ends the message of a failure."""
    with clock.stage("read"):
        shots, opened = open_scene(
            job, reading, refine=refine, opener=opener, arrange=brightest_first
        )
        check_alike(shots)
        shots = shots[::-1]  # dark to bright: the plan keeps this order if pixels are equal
    with clock.stage("measure"):
        try:
            plan = plan_exposures(
                [shot.pixels for shot in shots],
                virtual=virtual,
                measured=measured,
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


def _explain_motion(scene: PlannedScene) -> Iterator[str]:
    """Report each shot that could not be aligned."""
    for place in scene.plan.misfits:
        yield (
            f"{scene.shots[place].name}: how the camera moved cannot be measured; the image is left as it is, and "
            "edges may be doubled; align the files first, or leave it out"
        )


def _clipped_shares(shot: Photograph, pairs: Sequence[MeasuredPair]) -> dict[str, float] | None:
    """Return the clipped shares of a shot; None if it is in no pair."""
    for pair in pairs:
        for role in ("long", "short"):
            if getattr(pair, role) is shot:
                return pair.pair.clipped[role]
    return None

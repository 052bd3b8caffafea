"""Fuse the shots of a plan with virtual exposures between them.

Images are as described in `expinterp.core.arrays`.

Source: Yang, Wu, Wang and Li, IEEE Access 2020 (fusion with virtual exposures).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from expinterp.core.arrays import Pixels, with_channels
from expinterp.core.denoise import Denoise, choose_strength
from expinterp.core.fusion.plan import ExposurePlan
from expinterp.core.fusion.series import measure_series
from expinterp.core.fusion.stack import Method, Stack
from expinterp.core.fusion.weighting import Weighting
from expinterp.core.radiance import Radiance, merge_radiance
from expinterp.core.render import Interpolation, PairRefiner, clean_short, render
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import ResponsePrior

Progress: TypeAlias = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Fusion:
    """Exposures fused into one image.

    Attributes
    ----------
    fused : uint8 or uint16 array, shape and dtype of each input
        The result, display-encoded.
    exposures : tuple of int or Interpolation
        All exposures from dark to bright: a shot, as its index among the images as given, or a
        virtual exposure.
    stack : Stack
        The pyramids of the exposures; it computes their weights.
    """

    fused: Pixels
    exposures: tuple[int | Interpolation, ...] = field(repr=False)
    stack: Stack = field(repr=False)


def fuse_exposures(
    plan: ExposurePlan,
    *,
    refiner: PairRefiner | None = None,
    denoise: Denoise = "auto",
    weighting: Weighting | None = None,
    method: Method = "guided",
    levels: int | None = None,
    in_place: bool = False,
    progress: Progress = lambda stage, share: None,
) -> Fusion:
    """Fuse the shots of a plan with virtual exposures between them.

    Parameters
    ----------
    plan : ExposurePlan
    refiner : Refiner, optional
        The network that refines virtual exposures.
    denoise : {'auto', 'off'} or float
        How strongly they, and the shot below them, are denoised, see `render` and `clean_short`.
    weighting, method, levels
        See `Stack`.
    in_place : bool
        True saves the memory of two images: shots are denoised in place, and the result is written
        over a virtual exposure, if there is one. Plan and stack are then used no more.
    progress : function, optional
        Called with the stage, ``render`` or ``fuse``, and the share of it done, 0..1, from the
        start of each stage on.

    Raises
    ------
    ValueError
        If `method` or `levels` is not as described in `Stack`, or `denoise` as in `render`.
    """
    exposures: list[int | Interpolation] = []
    pixels: list[Pixels] = []
    spare: Pixels | None = None
    done = 0
    for step, (index, shot) in enumerate(zip(plan.order, plan.shots, strict=True)):
        between = plan.between(step)
        exposures.append(index)
        pixels.append(shot)
        for pair, position in between:
            part = _part(progress, done, plan.count)
            part(0.0)
            virtual = render(pair, position, refiner=refiner, denoise=denoise, progress=part)
            exposures.append(virtual)
            pixels.append(virtual.medium)
            spare = virtual.medium if in_place else None
            done += 1
        if between:
            clean = clean_short(pair, denoise, refined=refiner is not None, in_place=in_place)
            pixels[-1 - len(between)] = clean
    progress("fuse", 0.0)
    stack = Stack(pixels, weighting=weighting, method=method, levels=levels)
    fused = stack.fuse(out=spare, progress=lambda share: progress("fuse", share))
    return Fusion(fused, tuple(exposures), stack)


def merge_exposures(
    plan: ExposurePlan,
    *,
    stated: Sequence[float | None],
    response: Profile | None = None,
    prior: ResponsePrior | None = None,
    denoise: Denoise = "auto",
    progress: Progress = lambda stage, share: None,
) -> Radiance:
    """Merge the shots of a plan to the radiance of their scene.

    White of the middle shot, by exposure, has the radiance 1; of two in the middle, the brighter.

    Parameters
    ----------
    plan : ExposurePlan
        With pairs: of `virtual` 0, it was planned with `measured`.
    stated : sequence of float or None
        The ratio of each shot, from dark to bright, to the next brighter one, as stated; > 1.
    response : Profile, optional
        Of the camera, or the known one; by default it is estimated from the shots.
    prior : ResponsePrior, optional
        By default the bundled one, of all cameras.
    denoise : {'auto', 'off'} or float
        Strength, 0..1, with which noise is removed from the shots; ``auto`` is 1.
    progress : function, optional
        Called with the stage ``merge`` and the share of it done, 0..1.

    Raises
    ------
    ValueError
        If `denoise` is not as above.
    PairError
        If all shots are exposed alike, or show no common tone.
    """
    strength = choose_strength(denoise, refined=True)
    series = measure_series(
        plan.pairs, stated, profile=response, prior=prior, channels=_channels(plan)
    )
    middle = len(plan.shots) // 2
    exposures = np.exp(series.log_exposures - series.log_exposures[middle])
    shots = [with_channels(shot) for shot in plan.shots]
    radiance, clipped = merge_radiance(
        shots,
        series.response,
        exposures.tolist(),
        opacities=plan.opacities,
        denoise=strength,
        progress=lambda share: progress("merge", share),
    )
    return Radiance(
        radiance=radiance,
        clipped=clipped,
        white=plan.order[middle],
        exposures=tuple(exposures[plan.order.index(i)] for i in range(len(shots))),
        source=series.source,
        notices=series.notices,
        opacity=plan.opacity,
    )


def _channels(plan: ExposurePlan) -> int:
    return int(with_channels(plan.shots[0]).shape[2])


def _part(progress: Progress, done: int, count: int) -> Callable[[float], None]:
    """Return a function that reports the progress of one rendering as a share of all."""
    return lambda share: progress("render", (done + share) / count)

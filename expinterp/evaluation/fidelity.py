"""Fidelity of the computed medium to the photographed one: PSNR, SSIM, colour, lightness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import cast

import cv2
import numpy as np

from expinterp.core.arrays import Planes
from expinterp.core.registration.viewing import USUAL, Viewing
from expinterp.core.render import render
from expinterp.core.response.calibration import Profile
from expinterp.evaluation.peers import reexpose
from expinterp.evaluation.profiles import Profiles
from expinterp.evaluation.scenes.cases import Case, open_case
from expinterp.evaluation.study import Candidate, Column, Method, Scores, Study
from expinterp.images import Pixels
from expinterp.metrics import colour_angle, psnr, ssim
from expinterp.metrics.similarity import SIDE
from expinterp.refine import Refiner
from expinterp.scene_io.record import describe_refiner

COLUMNS = (
    Column("psnr", "PSNR dB", "peak signal-to-noise ratio against the photographed medium", 2),
    Column("ssim", "SSIM", "structural similarity to the photographed medium, -1 to 1", 4),
    Column(
        "colour",
        "colour °",
        "mean angle between computed and photographed colours, degrees",
        2,
        rises=False,
    ),
    Column(
        "lightness",
        "lightness",
        "standard deviation of the error in mean brightness, code values 0 to 255",
        2,
        rises=None,
    ),
)
MARGIN = 0.2  # dB; smaller differences are not visible
CROP = 160  # pixels of each side of the views


def fidelity_study(
    *,
    refiners: Mapping[str, Refiner],
    profile: Profile | None = None,
    profiles: Profiles | None = None,
    viewing: Viewing = USUAL,
) -> Study:
    """Compare ways to compute the medium.

    Parameters
    ----------
    refiners : mapping of str to Refiner
        Networks by name.
    profile : Profile, optional
        Of the camera; by default `profiles` supplies those of its other scenes.
    viewing : Viewing
        How moving things are handled.
    """
    calibrated = with_profile(profile) if profile else with_others(profiles or Profiles(()))
    methods = (
        Method("blind", "no network, response estimated from the pair", blind),
        Method("times", "no network, exposure times known", timed),
        Method("calibrated", "no network, camera profile known", unless_known(calibrated)),
        *(
            Method(
                name, "with the network", unless_known(refined(refiner)), describe_refiner(refiner)
            )
            for name, refiner in refiners.items()
        ),
        Method("opencv", "Debevec calibration and merge, re-exposed", reexpose),
    )
    reading = partial(open_case, viewing=viewing)
    return Study("fidelity", methods, COLUMNS, "blind", MARGIN, reading, score, crop)


def unless_known(
    make: Callable[[Case], Iterable[Candidate]],
) -> Callable[[Case], Iterable[Candidate]]:
    """Leave a method out where the response is known: it would not be used there."""
    return lambda case: () if case.light else make(case)


def blind(case: Case) -> Iterator[Candidate]:
    """Compute y0 with the response estimated from the pair, or known for its encoding."""
    yield Candidate(render(case.pair).medium)


def timed(case: Case) -> Iterator[Candidate]:
    """Compute y0 with the stated ratio; at the middle it cancels, and helps only difficult pairs."""
    yield Candidate(render(case.measure(ratio=case.triple.ratio)).medium)


def refined(refiner: Refiner) -> Callable[[Case], Iterable[Candidate]]:
    """Compute the medium with a network, and with the profile in its file if there is one."""
    profile = refiner.contract.profile
    if profile is None:
        return lambda case: [Candidate(render(case.pair, refiner=refiner).medium)]
    return lambda case: [_with(case, profile, refiner)]


def with_profile(profile: Profile) -> Callable[[Case], Iterable[Candidate]]:
    """Compute y0 with a profile of the camera."""
    return lambda case: [_with(case, profile)]


def with_others(profiles: Profiles) -> Callable[[Case], Iterable[Candidate]]:
    """Compute y0 with the profile of each other scene of the camera in turn."""
    return lambda case: (_with(case, each) for each in profiles.of_others(case.triple))


def _with(case: Case, profile: Profile, refiner: Refiner | None = None) -> Candidate:
    pair = case.measure(response=replace(profile, camera=None))
    return Candidate(render(pair, refiner=refiner).medium)


def score(case: Case, candidate: Candidate) -> Scores:
    """Compare a computed medium with the photograph.

    Returns
    -------
    Scores
        ``psnr`` in dB, infinite if they are equal; ``ssim``, None for pictures smaller than its
        window; ``colour`` in degrees, None for grey; ``lightness``: error of the mean brightness,
        code values 0..255.
    """
    image, truth = case.finish(candidate.pixels), case.finish(case.medium)
    unit = 257 if image.dtype == np.uint16 else 1
    return {
        "psnr": psnr(image, truth),
        "ssim": ssim(image, truth) if min(image.shape[:2]) >= SIDE else None,
        "colour": colour_angle(image, truth) if image.shape[2] == 3 else None,
        "lightness": float(image.mean() - truth.mean()) / unit,
    }


def crop(case: Case, results: Mapping[str, Pixels]) -> Mapping[str, Pixels]:
    """Crop to the area with the largest error of the first result."""
    views = {"long": case.long, "short": case.short, "photographed": case.medium, **results}
    rows, cols = worst_place(next(iter(results.values())), case.medium)
    return {label: case.finish(np.array(image[rows, cols])) for label, image in views.items()}


def worst_place(image: Pixels, truth: Pixels) -> tuple[slice, slice]:
    """Find the square of `CROP` pixels with the largest mean difference."""
    difference = cast(Planes, np.mean(cv2.absdiff(image, truth), axis=2, dtype=np.float32))
    rows, cols = (min(CROP, side) for side in difference.shape)
    means = cv2.blur(difference, (cols, rows), anchor=(0, 0))
    inner = means[: len(difference) - rows + 1, : difference.shape[1] - cols + 1]
    top, left = np.unravel_index(np.argmax(inner), inner.shape)
    return slice(int(top), int(top) + rows), slice(int(left), int(left) + cols)

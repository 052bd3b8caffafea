"""Training pictures from photographed brackets: which triples serve, and y0 of each.

A triple serves if its medium lies on the other two: registered, still, and explained by one mapping
per channel. y0 is that of the package's own stage one, as the command line would compute it from
the two files, with as much known as will be known in the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.errors import ExpInterpError, ImageFileError
from expinterp.evaluation import Case, Material, open_case
from expinterp.evaluation.triples import Bracket
from expinterp.evaluation.triples import Triple as Files
from expinterp.job.shots import check_alike, read_shots
from expinterp.mapping import agreement, imf_from_response, joint_histogram, sample, to_codes
from expinterp.pair import Pair, measure
from expinterp.response import Profile, calibrate_scenes
from expinterp.training.camera import Image
from expinterp.training.data import Pixels, Triple
from expinterp.training.settings import Known

Shot = NDArray[np.uint8 | np.uint16]

SHIFT = 0.75  # pixels by which a medium may lie beside the other two; real sets mostly 0.3 or less
MOVED = 0.06  # share of pixels that no one mapping explains; real sets 0.04 or less
HELD = (6, 245)  # code values between which a shot holds what is compared
FEWEST = 3  # shots that a response is measured from


@dataclass(frozen=True)
class Example(Triple):
    """A triple that serves, with its y0.

    Attributes
    ----------
    y0 : float32 (rows, cols, 3)
        Display-encoded, 0..1.
    """

    y0: Image


def read_examples(
    triples: Iterable[Files], *, known: Known, profile: Profile | None = None
) -> Iterator[Example | str]:
    """Read triples one by one.

    Parameters
    ----------
    known : {'nothing', 'times', 'camera'}
        What stage one is told: the two files alone, their ratio, or the ratio and `profile`.

    Yields
    ------
    Example or str
        In place of a triple that does not serve, the reason, in one line.
    """
    for files in triples:
        try:
            case = open_case(files)
            pair = measure_known(case, known=known, profile=profile)
        except ExpInterpError as error:
            yield f"{files.name}: {error}"
            continue
        if reason := find_fault(case):
            yield f"{files.name}: {reason}"
            continue
        planes = pair.blend(0.5)(pair.long, pair.short)
        y0 = np.broadcast_to(planes, (3, *planes.shape[1:])).transpose(1, 2, 0)
        long, medium, short = map(_as_colour, (case.long, case.medium, case.short))
        yield Example(long, medium, short, files.camera, np.ascontiguousarray(y0))


def measure_known(case: Case, *, known: Known, profile: Profile | None) -> Pair:
    """Learn what a pair tells, given what is known beside it."""
    if known == "nothing":
        return case.pair
    response = profile and known == "camera" and replace(profile, camera=None)
    return measure(case.long, case.short, ratio=case.triple.ratio, response=response or None)


def _as_colour(shot: Shot) -> Pixels:
    codes = to_codes(shot)
    return codes if codes.shape[2] == 3 else np.repeat(codes, 3, axis=2)


def find_fault(case: Case) -> str | None:
    """Say why the medium of a triple does not lie on the other two; None if it does.

    Both are mapped to the medium first, by the response that the outer two tell.
    """
    pair = case.pair
    medium = case.medium[..., : pair.long.shape[2]]
    half = np.exp(pair.log_ratio / 2)
    for name, shot, scale in (("long", pair.long, 1 / half), ("short", pair.short, half)):
        imf = imf_from_response(pair.response, scale=scale)
        shift = measure_shift(shot, medium, imf)
        if shift > SHIFT:
            return f"the medium lies {shift:.1f} pixels beside {name}; register the photographs"
        pictures = (sample(shot), sample(medium))
        brighter, darker = pictures if name == "long" else pictures[::-1]
        moved = 1 - min(agreement(each) for each in joint_histogram(brighter, darker))
        if moved > MOVED:
            return f"{moved:.0%} of the medium does not agree with {name}; the scene has moved"
    return None


def measure_shift(shot: Shot, medium: Shot, imf: NDArray[np.float64]) -> float:
    """Measure how far a shot lies beside the medium, in pixels, by phase correlation.

    Compared is what both hold: the shot is mapped to the medium's exposure by `imf`, shape
    (channels, 256), and both are limited to what the shot's unclipped code values map to.
    """
    codes, truth = to_codes(shot), to_codes(medium).astype(np.float32)
    table = imf.astype(np.float32)
    mapped = np.stack([table[c][codes[..., c]] for c in range(codes.shape[2])], axis=-1)
    low, high = table[:, HELD[0]], table[:, HELD[1]]
    planes = [np.clip(image, low, high).mean(axis=2) for image in (mapped, truth)]
    detail = [cast(Image, plane - cv2.GaussianBlur(plane, (0, 0), 8)) for plane in planes]
    if min(float(each.std()) for each in detail) < 1e-3:
        return 0.0  # nothing to see a shift by
    window = cv2.createHanningWindow(planes[0].shape[::-1], cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(detail[0], detail[1], window)
    return float(np.hypot(x, y))


def share_profile(brackets: Sequence[Bracket]) -> Profile:
    """Measure the response of a camera from all frames of several scenes; it is named if all agree.

    Raises
    ------
    ImageFileError
        If no scene has enough frames whose times are known.
    ExpInterpError
        If a file cannot be read, or the files of a scene do not go together.
    """
    serving = [one for one in brackets if len(set(one.times)) >= FEWEST]
    if not serving:
        message = (
            f"no scene has {FEWEST} exposures whose times are known; "
            "use files that state them, or a list of scenes"
        )
        raise ImageFileError(message)
    stacks = []
    for bracket in serving:
        shots = read_shots([str(file) for file in bracket.files])
        check_alike(shots)
        stacks.append(([_as_colour(shot.pixels) for shot in shots], bracket.times))
    cameras = {bracket.camera for bracket in serving}
    return calibrate_scenes(stacks, camera=cameras.pop() if len(cameras) == 1 else None)


def brackets_of(material: Material, scenes: Iterable[str]) -> list[Bracket]:
    """Give the brackets of some scenes."""
    wanted = set(scenes)
    return [bracket for bracket in material.brackets if bracket.scene in wanted]

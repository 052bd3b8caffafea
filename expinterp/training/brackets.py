"""Training pictures from photographed brackets: which triples serve, and y0 of each.

A triple serves if its medium lies on the other two: registered, still, and explained by one mapping
per channel. y0 is that of the package's own stage one, as the command line would compute it from
the two files, with as much known as will be known in the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from expinterp.core.exposure import MEDIUM
from expinterp.core.mapping import imf_from_response, to_codes
from expinterp.core.pair import Pair, measure
from expinterp.core.response import Profile, calibrate_scenes
from expinterp.errors import ExpInterpError, ImageFileError
from expinterp.evaluation import Case, Material, open_case
from expinterp.evaluation.scenes.triples import TimedBracket, even_triples
from expinterp.evaluation.scenes.triples import Triple as Files
from expinterp.metrics.assessment import shrink
from expinterp.scene_io.shots import check_alike, read_shots
from expinterp.training.data import TONES, Estimates, Pixels, Shot, TrainingTriple, estimate
from expinterp.training.settings import Known
from expinterp.training.simulator.camera import Image

SHIFT = 0.8  # pixels by which a medium may lie beside the other two; hand-held sets have up to 0.7
MOVED = 0.01  # share of a picture that may have moved; in sets that serve 0.002 or less
FINE = 256  # details finer than this part of the longer side are not compared
DISTINCT = 16.0  # code values that make a difference
FLAT = 1e-3  # code values; a picture that varies less shows nothing
HELD = (6, 245)  # code values between which a shot holds what is compared
SPARE = 0.5  # EV
FEWEST = 3  # shots that a response is measured from


@dataclass(frozen=True)
class Example(TrainingTriple):
    """A triple that serves, brought to one pose, with its y0 and what that is the average of.

    Attributes
    ----------
    estimates : three float32 arrays (rows, cols, 3)
        y0, Λ13(long) and Λ23(short), display-encoded, 0..1.
    """

    estimates: Estimates


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
        estimates = estimate(pair.blend(MEDIUM), pair.long, pair.short)
        long, medium, short = map(_as_colour, (pair.long, case.medium, pair.short))
        yield Example(long, medium, short, files.camera, estimates)


def measure_known(case: Case, *, known: Known, profile: Profile | None) -> Pair:
    """Learn what a pair tells, given what is known beside it."""
    if known == "nothing":
        return case.pair
    response = profile if known == "camera" else None
    return measure(case.long, case.short, ratio=case.triple.ratio, response=response)


def _as_colour(shot: Shot) -> Pixels:
    codes = to_codes(shot)
    return codes if codes.shape[2] == 3 else np.repeat(codes, 3, axis=2)


def find_fault(case: Case) -> str | None:
    """Say why the medium of a triple does not lie on the other two; None if it does.

    Both are mapped to the medium's exposure first, by the response that the outer two tell, and
    compared at the size that `shrink` leaves.
    """
    pair = case.pair
    channels = pair.long.shape[2]
    medium = to_codes(shrink(case.medium[..., :channels]))
    half = np.exp(pair.log_ratio / 2)
    for name, shot, scale in (("long", pair.long, 1 / half), ("short", pair.short, half)):
        imf = imf_from_response(pair.response, scale=scale).astype(np.float32)
        mapped, truth = compare(to_codes(shrink(shot)), medium, imf)
        shift = measure_shift(mapped, truth)
        if shift > SHIFT:
            return f"the medium lies {shift:.1f} pixels beside {name}; register the photographs"
        moved = measure_motion(mapped, truth)
        if moved > MOVED:
            return f"{moved:.1%} of the medium does not agree with {name}; the scene has moved"
    return None


def compare(shot: Pixels, medium: Pixels, imf: Image) -> tuple[Image, Image]:
    """Make grey pictures of a shot, mapped by `imf` (channels, 256), and of the medium.

    Both are limited to what the shot's unclipped code values map to: to what both hold.
    """
    mapped = np.stack([imf[c][shot[..., c]] for c in range(shot.shape[2])], axis=-1)
    low, high = imf[:, HELD[0]], imf[:, HELD[1]]
    limited = (np.clip(image, low, high) for image in (mapped, medium.astype(np.float32)))
    one, two = (image.mean(axis=2, dtype=np.float32) for image in limited)
    return one, two


def measure_shift(mapped: Image, truth: Image) -> float:
    """Measure how far one picture lies beside another, in pixels, by phase correlation."""
    detail = [plane - cv2.GaussianBlur(plane, (0, 0), 8) for plane in (mapped, truth)]
    if min(float(each.std()) for each in detail) < FLAT:
        return 0.0  # nothing to see a shift by
    window = cv2.createHanningWindow(truth.shape[::-1], cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(detail[0], detail[1], window)
    return float(np.hypot(x, y))


def measure_motion(mapped: Image, truth: Image) -> float:
    """Measure the share of a picture that differs from another otherwise than by its tones.

    Fine detail, which a fraction of a pixel would change, is blurred away; what all pixels of one
    tone differ by in common is taken out.
    """
    smooth = max(truth.shape) / FINE
    one, two = (cv2.GaussianBlur(plane, (0, 0), smooth) for plane in (mapped, truth))
    difference = one - two
    tone = (two / 256 * TONES).astype(np.intp)
    for each in np.unique(tone):
        difference[tone == each] -= np.median(difference[tone == each])
    return float((np.abs(difference) > DISTINCT).mean())


def share_profile(brackets: Sequence[TimedBracket]) -> Profile:
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


def every_triple(material: Material, scenes: Iterable[str]) -> list[Files]:
    """Give the evenly spaced triples of some scenes: those listed, and others between the frames.

    Those others are as far apart as listed ones are, within `SPARE`.
    """
    wanted = set(scenes)
    spans = [one.ev for one in material.triples]
    found = {one.files: one for one in material.triples if one.scene in wanted}
    for bracket in brackets_of(material, wanted):
        stops = np.log2(bracket.times).tolist()
        for three in even_triples(stops):
            long, medium, short = (bracket.files[index] for index in three)
            span = stops[three[0]] - stops[three[2]]
            one = Files(bracket.scene, bracket.camera, long, medium, short, 2.0**span)
            if min(spans) - SPARE <= span <= max(spans) + SPARE:
                found.setdefault(one.files, one)
    return list(found.values())


def brackets_of(material: Material, scenes: Iterable[str]) -> list[TimedBracket]:
    """Give the brackets of some scenes."""
    wanted = set(scenes)
    return [bracket for bracket in material.brackets if bracket.scene in wanted]

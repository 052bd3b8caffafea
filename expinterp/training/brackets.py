"""Training triples from photographed brackets: which ones are usable, and what y0 each gets.

A triple is usable if its photographs are registered, nothing moves, and one mapping per channel
explains the medium by each of the other two. y0 is that of the package's own stage one, as the
command line computes it from the two files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from expinterp.core.arrays import Codes, Floats, Pixels
from expinterp.core.exposure import MEDIUM
from expinterp.core.mapping import imf_from_response, to_codes
from expinterp.core.pair import Pair
from expinterp.core.response.calibration import Profile, calibrate_scenes
from expinterp.errors import ExpInterpError, ImageFileError
from expinterp.evaluation import Case, Material, Triple, open_case
from expinterp.evaluation.scenes.triples import TimedBracket, even_triples
from expinterp.images import read_photographs
from expinterp.metrics.assessment import shrink
from expinterp.scene_io.shots import check_alike, refuse_known
from expinterp.training.patches import TONE_BINS, StageOneImages, TrainingTriple, apply_stage_one
from expinterp.training.settings import KnownMetadata
from expinterp.training.simulator.camera import Image

MAX_SHIFT = 0.8  # pixels between the medium and the other two; hand-held sets have up to 0.7
MAX_MOVED = 0.01  # share of a picture that may have moved; usable sets have 0.002 or less
FINEST = 256  # details smaller than the longer side divided by this are not compared
DISTINCT = 16.0  # code values that count as a difference
FLAT = 1e-3  # code values; detail with a smaller standard deviation shows no shift
UNCLIPPED = (6, 245)  # code values between which a photograph is compared
SPAN_MARGIN = 0.5  # EV
LEAST_TIMES = 3  # different exposure times that a response is measured from


@dataclass(frozen=True)
class BracketTriple(TrainingTriple):
    """A usable triple, with what stage one computes of it."""

    stage_one: StageOneImages


def read_triples(
    triples: Iterable[Triple], *, known: KnownMetadata, profile: Profile | None = None
) -> Iterator[BracketTriple | str]:
    """Read triples one by one.

    Parameters
    ----------
    known : {'nothing', 'times', 'camera'}
        What stage one uses: the two files alone, also their ratio, or the ratio and `profile`.

    Yields
    ------
    BracketTriple or str
        In place of an unusable triple the reason, in one line.
    """
    for triple in triples:
        try:
            case = open_case(triple)
            refuse_known(case.light or ())
            pair = measure_pair(case, known=known, profile=profile)
        except ExpInterpError as error:
            yield f"{triple.name}: {error}"
            continue
        if fault := find_fault(case):
            yield f"{triple.name}: {fault}"
            continue
        images = apply_stage_one(pair.blend(MEDIUM), pair.long, pair.short)
        long, medium, short = map(_as_colour, (pair.long, case.medium, pair.short))
        yield BracketTriple(long, medium, short, triple.camera, images)


def measure_pair(case: Case, *, known: KnownMetadata, profile: Profile | None) -> Pair:
    """Measure the pair of a triple with the metadata that is known."""
    if known == "nothing":
        return case.pair
    response = profile if known == "camera" else None
    return case.measure(ratio=case.triple.ratio, response=response)


def _as_colour(shot: Pixels) -> Codes:
    codes = to_codes(shot)
    return codes if codes.shape[2] == 3 else np.repeat(codes, 3, axis=2)


def find_fault(case: Case) -> str | None:
    """Return why a triple is unusable, or None if it is usable.

    Long and short are mapped to the medium's exposure by the response measured from them, and
    compared with the medium at the size that `shrink` leaves.
    """
    pair = case.pair
    channels = pair.long.shape[2]
    medium = to_codes(shrink(case.medium[..., :channels]))
    half = np.exp(pair.log_ratio / 2)
    for name, shot, scale in (("long", pair.long, 1 / half), ("short", pair.short, half)):
        imf = imf_from_response(pair.response, scale=scale)
        mapped, truth = to_grey(to_codes(shrink(shot)), medium, imf)
        shift = measure_shift(mapped, truth)
        if shift > MAX_SHIFT:
            return f"the medium lies {shift:.1f} pixels beside {name}; register the photographs"
        moved = measure_motion(mapped, truth)
        if moved > MAX_MOVED:
            return f"{moved:.1%} of the medium does not agree with {name}; the scene has moved"
    return None


def to_grey(shot: Codes, medium: Codes, imf: Floats) -> tuple[Image, Image]:
    """Convert a photograph, mapped by `imf` (channels, 256), and the medium to comparable grey.

    Both are code values, clipped to the range that the unclipped code values of `shot` map to.
    """
    imf = imf.astype(np.float32)
    mapped = np.stack([imf[c][shot[..., c]] for c in range(shot.shape[2])], axis=-1)
    low, high = imf[:, UNCLIPPED[0]], imf[:, UNCLIPPED[1]]
    limited = (np.clip(image, low, high) for image in (mapped, medium.astype(np.float32)))
    one, two = (image.mean(axis=2, dtype=np.float32) for image in limited)
    return one, two


def measure_shift(mapped: Image, truth: Image) -> float:
    """Measure the shift between two pictures in pixels, by phase correlation of their detail."""
    detail = [plane - cv2.GaussianBlur(plane, (0, 0), 8) for plane in (mapped, truth)]
    if min(float(each.std()) for each in detail) < FLAT:
        return 0.0
    window = cv2.createHanningWindow(truth.shape[::-1], cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(detail[0], detail[1], window)
    return float(np.hypot(x, y))


def measure_motion(mapped: Image, truth: Image) -> float:
    """Measure the share of pixels, 0..1, that differ by more than a change of tones.

    Blur removes fine detail, which a shift by a fraction of a pixel would change. The median
    difference of every tone is subtracted.
    """
    smooth = max(truth.shape) / FINEST
    one, two = (cv2.GaussianBlur(plane, (0, 0), smooth) for plane in (mapped, truth))
    difference = one - two
    tone = (two / 256 * TONE_BINS).astype(np.intp)
    for each in np.unique(tone):
        difference[tone == each] -= np.median(difference[tone == each])
    return float((np.abs(difference) > DISTINCT).mean())


def calibrate_brackets(brackets: Sequence[TimedBracket]) -> Profile:
    """Measure one response from all frames of several scenes; named if all have one camera.

    Raises
    ------
    ImageFileError
        If no scene has enough frames whose times are known.
    ExpInterpError
        If a file cannot be read, or the files of a scene do not go together.
    """
    usable = [one for one in brackets if len(set(one.times)) >= LEAST_TIMES]
    if not usable:
        message = (
            f"no scene has {LEAST_TIMES} exposures whose times are known; "
            "use files that state them, or a list of scenes"
        )
        raise ImageFileError(message)
    stacks = []
    for bracket in usable:
        shots = read_photographs([str(file) for file in bracket.files])
        refuse_known(shots)
        check_alike(shots)
        stacks.append(([_as_colour(shot.pixels) for shot in shots], bracket.times))
    cameras = {bracket.camera for bracket in usable}
    return calibrate_scenes(stacks, camera=cameras.pop() if len(cameras) == 1 else None)


def list_triples(material: Material, scenes: Iterable[str]) -> list[Triple]:
    """List the evenly spaced triples of some scenes, given ones first, then all others of a bracket.

    The others are as far apart as given ones, within `SPAN_MARGIN`.
    """
    wanted = set(scenes)
    spans = [one.ev for one in material.triples]
    found = {one.files: one for one in material.triples if one.scene in wanted}
    for bracket in brackets_of(material, wanted):
        stops = np.log2(bracket.times).tolist()
        for three in even_triples(stops):
            long, medium, short = (bracket.files[index] for index in three)
            span = stops[three[0]] - stops[three[2]]
            one = Triple(bracket.scene, bracket.camera, long, medium, short, 2.0**span)
            if min(spans) - SPAN_MARGIN <= span <= max(spans) + SPAN_MARGIN:
                found.setdefault(one.files, one)
    return list(found.values())


def brackets_of(material: Material, scenes: Iterable[str]) -> list[TimedBracket]:
    """List the brackets of some scenes."""
    wanted = set(scenes)
    return [bracket for bracket in material.brackets if bracket.scene in wanted]

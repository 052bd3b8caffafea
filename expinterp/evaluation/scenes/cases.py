"""A triple with its pixels, and what the methods derive from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from expinterp.core.encoding import Encoding, known_response
from expinterp.core.pair import Pair, measure_exposures
from expinterp.core.registration.viewing import USUAL, Viewing
from expinterp.core.response.calibration import Profile
from expinterp.evaluation.scenes.triples import Triple
from expinterp.images import (
    Development,
    Photograph,
    Pixels,
    balance_alike,
    read_photographs,
    to_depth,
)
from expinterp.metrics import OrderScene, read_scene
from expinterp.metrics.assessment import shrink
from expinterp.scene_io.measured_pair import measure_shots
from expinterp.scene_io.shots import agree, check_alike


@dataclass(frozen=True)
class Case:
    """The photographs of a triple.

    Attributes
    ----------
    long, medium, short : uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        Display-encoded, upright, alike in shape and dtype; working code values where `light` is set.
    viewing : Viewing
        How the pair of long and short is measured.
    light : pair of Photograph, or None
        Long and short with their files, if these are raw or linear: their response is known.
    """

    triple: Triple
    long: Pixels
    medium: Pixels
    short: Pixels
    viewing: Viewing = USUAL
    light: tuple[Photograph, Photograph] | None = None

    @property
    def encoding(self) -> Encoding | None:
        """The encoding of working code values; None if the pixels are those of the files."""
        return self.light[0].encoding if self.light else None

    @property
    def response(self) -> Profile | None:
        """The response of working code values; None if it is unknown."""
        return known_response() if self.light else None

    def finish(self, pixels: Pixels) -> Pixels:
        """Convert working code values to display-encoded ones, as they would be written."""
        return self.encoding.finish(pixels) if self.encoding else pixels

    @cached_property
    def pair(self) -> Pair:
        """The pair of long and short, measured without exposure times; may raise `PairError`."""
        return self.measure()

    def measure(self, *, ratio: float | None = None, response: Profile | None = None) -> Pair:
        """Measure the pair of long and short; see `measure_exposures`. A known response is used."""
        if self.light:
            return measure_shots(
                *self.light, ratio=ratio, profile=self.response, prior=None, viewing=self.viewing
            ).pair
        return measure_exposures(
            self.long, self.short, ratio=ratio, response=response, viewing=self.viewing
        )

    @property
    def moved(self) -> float | None:
        """Share of pixels of `pair` that moved, 0..1; None if that was not looked for."""
        ghosts = self.pair.ghosts
        return None if ghosts is None else ghosts.share

    @cached_property
    def scene(self) -> OrderScene:
        """The brightness order of the scene, by the response estimated from long and short."""
        pair = self.pair
        medium = self.medium[..., : pair.long.shape[2]]  # a colourless pair has one channel
        log_times = [0.0, pair.log_ratio / 2, pair.log_ratio]
        return read_scene([pair.short, medium, pair.long], log_times, pair.response)


def open_case(triple: Triple, viewing: Viewing = USUAL) -> Case:
    """Read the photographs of a triple.

    Raises
    ------
    ImageFileError
        If one cannot be read.
    PairError
        If they differ in size, depth or colour profile.
    """
    files = [str(file) for file in triple.files]
    shots, _ = agree(read_photographs(files, balance_alike(files, Development(keep=True))))
    check_alike(shots)
    long, medium, short = (shot.pixels for shot in shots)
    light = (shots[0], shots[2]) if shots[0].encoding else None
    return Case(triple, long, medium, short, viewing, light)


def open_small(triple: Triple, viewing: Viewing = USUAL) -> Case:
    """Read the photographs of a triple as `open_case`, reduced by `assessment.shrink`, 8 bits.

    Working code values keep their 16 bits.
    """
    case = open_case(triple, viewing)
    bits = 16 if case.light else 8
    long, medium, short = (
        to_depth(shrink(shot), bits) for shot in (case.long, case.medium, case.short)
    )
    light = case.light and (_small(case.light[0], long), _small(case.light[1], short))
    return Case(triple, long, medium, short, viewing, light)


def _small(shot: Photograph, pixels: Pixels) -> Photograph:
    """Return a photograph with reduced pixels, without the values of the sensor."""
    return replace(shot, pixels=pixels, alpha=None, negative=None)

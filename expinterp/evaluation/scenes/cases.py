"""A triple with its pixels, and what the methods derive from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from expinterp.core.pair import Pair, measure_exposures
from expinterp.core.registration.viewing import USUAL, Viewing
from expinterp.core.response import Profile
from expinterp.evaluation.scenes.triples import Triple
from expinterp.images import Pixels, to_depth
from expinterp.metrics import OrderScene, read_scene
from expinterp.metrics.assessment import shrink
from expinterp.scene_io.shots import agree, check_alike, read_shots


@dataclass(frozen=True)
class Case:
    """The photographs of a triple.

    Attributes
    ----------
    long, medium, short : uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        Display-encoded, upright, alike in shape and dtype.
    viewing : Viewing
        How the pair of long and short is measured.
    """

    triple: Triple
    long: Pixels
    medium: Pixels
    short: Pixels
    viewing: Viewing = USUAL

    @cached_property
    def pair(self) -> Pair:
        """The pair of long and short, measured without exposure times; may raise `PairError`."""
        return self.measure()

    def measure(self, *, ratio: float | None = None, response: Profile | None = None) -> Pair:
        """Measure the pair of long and short; see `measure_exposures`."""
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
    shots, _ = agree(read_shots([str(file) for file in triple.files]))
    check_alike(shots)
    long, medium, short = (shot.pixels for shot in shots)
    return Case(triple, long, medium, short, viewing)


def open_small(triple: Triple, viewing: Viewing = USUAL) -> Case:
    """Read the photographs of a triple as `open_case`, reduced by `assessment.shrink`, 8 bits."""
    case = open_case(triple, viewing)
    long, medium, short = (
        to_depth(shrink(shot), 8) for shot in (case.long, case.medium, case.short)
    )
    return Case(triple, long, medium, short, viewing)

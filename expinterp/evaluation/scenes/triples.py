"""Triples: the long and the short exposure of a scene, and the photograph that lies between them.

An evaluation gives the outer two to the program and holds what it makes against the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from expinterp.core.exposure import ev_step

EVEN = 0.05  # EV a medium may lie off the geometric mean: about a code value
LEAST_SPAN = 1.0  # EV between the outer two


@dataclass(frozen=True)
class Triple:
    """Three photographs of one scene, evenly spaced in stops.

    Attributes
    ----------
    scene : str
        Of any text.
    camera : str or None
    long, medium, short : Path
    ratio : float
        t1/t2 of the outer two as files or lists state it, > 1.
    """

    scene: str
    camera: str | None
    long: Path
    medium: Path
    short: Path
    ratio: float

    @property
    def ev(self) -> float:
        """Stops between the outer two."""
        return ev_step(self.ratio)

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """All three, longest first."""
        return self.long, self.medium, self.short

    @property
    def name(self) -> str:
        """The scene, and which of its photographs these are."""
        return f"{self.scene} {'-'.join(file.stem for file in self.files)}"


@dataclass(frozen=True)
class TimedBracket:
    """All photographs of a scene with their times: what a camera can be calibrated on.

    Attributes
    ----------
    times : tuple of float
        Of each file, in seconds, or anything proportional to the light recorded.
    """

    scene: str
    camera: str | None
    files: tuple[Path, ...]
    times: tuple[float, ...]


@dataclass(frozen=True)
class FailedTriple:
    """What could not be done.

    Attributes
    ----------
    name : str
        Of the triple, the scene or the file.
    message : str
        Why, in one line.
    methods : tuple of str
        Those that failed; none if nothing could be tried.
    """

    name: str
    message: str
    methods: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Say it in one line."""
        methods = f" ({', '.join(self.methods)})" if self.methods else ""
        return f"{self.name}{methods}: {self.message}"


@dataclass(frozen=True)
class Material:
    """What there is to evaluate on.

    Attributes
    ----------
    triples : tuple of Triple
    brackets : tuple of TimedBracket
    damaged : tuple of FailedTriple
        Files that should be readable and are not.
    remarks : tuple of str
        What was passed over, and why, a sentence each.
    """

    triples: tuple[Triple, ...]
    brackets: tuple[TimedBracket, ...] = ()
    damaged: tuple[FailedTriple, ...] = ()
    remarks: tuple[str, ...] = ()

    def of_camera(self, name: str) -> Material:
        """Keep the triples of cameras whose name contains `name`, in any case of letters."""
        wanted = name.casefold()
        kept = [one for one in self.triples if wanted in (one.camera or "").casefold()]
        return replace(self, triples=tuple(kept))


def even_triples(stops: Sequence[float]) -> list[tuple[int, int, int]]:
    """Find all evenly spaced triples among exposures.

    Parameters
    ----------
    stops : sequence of float
        log2 of the light that each recorded.

    Returns
    -------
    list of (long, medium, short)
        Indices; the medium within `EVEN` of half-way, the outer two `LEAST_SPAN` or more apart.

    Examples
    --------
    >>> even_triples([-8.0, -4.0, -6.0, -5.0])
    [(1, 3, 2), (1, 2, 0)]
    """
    order = sorted(range(len(stops)), key=stops.__getitem__, reverse=True)
    return [
        (long, medium, short)
        for long, medium, short in combinations(order, 3)
        if abs(stops[long] + stops[short] - 2 * stops[medium]) <= 2 * EVEN
        and stops[long] - stops[short] >= LEAST_SPAN
    ]

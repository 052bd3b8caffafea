"""Triples: long and short exposure of a scene, and the photographed medium between them.

An evaluation compares what a method computes from long and short with the photographed medium.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from expinterp.core.exposure import ev_step

EVEN = 0.05  # EV between medium and geometric mean: about a code value
LEAST_SPAN = 1.0  # EV between long and short


@dataclass(frozen=True)
class Triple:
    """Three photographs of one scene, evenly spaced in stops.

    Attributes
    ----------
    scene : str
        Any text.
    ratio : float
        t1/t2 of long and short, as files or lists state it, > 1.
    """

    scene: str
    camera: str | None
    long: Path
    medium: Path
    short: Path
    ratio: float

    @property
    def ev(self) -> float:
        """Stops between long and short."""
        return ev_step(self.ratio)

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """All three, longest first."""
        return self.long, self.medium, self.short

    @property
    def name(self) -> str:
        """The scene and the names of the files."""
        return f"{self.scene} {'-'.join(file.stem for file in self.files)}"


@dataclass(frozen=True)
class TimedBracket:
    """All photographs of a scene with their times, to calibrate a camera on.

    Attributes
    ----------
    times : tuple of float
        Of each file, in seconds, or anything proportional to the exposure.
    """

    scene: str
    camera: str | None
    files: tuple[Path, ...]
    times: tuple[float, ...]


@dataclass(frozen=True)
class FailedTriple:
    """A failure.

    Attributes
    ----------
    name : str
        Of the triple, the scene or the file.
    message : str
        The reason, in one line.
    methods : tuple of str
        Those that failed; none if none could run.
    """

    name: str
    message: str
    methods: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the failure in one line."""
        methods = f" ({', '.join(self.methods)})" if self.methods else ""
        return f"{self.name}{methods}: {self.message}"


@dataclass(frozen=True)
class Material:
    """Photographs to evaluate on.

    Attributes
    ----------
    damaged : tuple of FailedTriple
        Files that cannot be read.
    remarks : tuple of str
        What was left out, and why, a sentence each.
    """

    triples: tuple[Triple, ...]
    brackets: tuple[TimedBracket, ...] = ()
    damaged: tuple[FailedTriple, ...] = ()
    remarks: tuple[str, ...] = ()

    def of_camera(self, name: str) -> Material:
        """Keep the triples of cameras whose name contains `name`, in any case."""
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
        Indices; the medium within `EVEN` of the middle, long and short `LEAST_SPAN` or more apart.

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

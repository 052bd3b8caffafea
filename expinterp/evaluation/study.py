"""A study: which methods are tried on every triple, and what is measured of their results."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from expinterp.evaluation.scenes.cases import Case
from expinterp.evaluation.scenes.triples import FailedTriple, Triple
from expinterp.images import Pixels
from expinterp.report.pictures import Encoded

BUNDLED = "refined"  # what the bundled network is called among networks
Scores: TypeAlias = Mapping[str, float | None]  # by `Column.key`; None is not measurable


@dataclass(frozen=True)
class Candidate:
    """What a method made of a triple.

    Attributes
    ----------
    pixels : uint8 or uint16 array, shape and dtype of the photographs
    out_of_range : float or None
        Share of values that had to be brought back into the range, where the method tells.
    """

    pixels: Pixels
    out_of_range: float | None = None


@dataclass(frozen=True)
class Method:
    """A way to make a picture of a triple.

    Attributes
    ----------
    name, label : str
        For programs, and for people.
    make : function
        Gives the candidates, whose scores are averaged; none where the method does not apply.
    network : dict or None
        What network it uses, if any; the gains of these are told group by group.
    """

    name: str
    label: str
    make: Callable[[Case], Iterable[Candidate]] = field(repr=False)
    network: Mapping[str, Any] | None = None

    @property
    def title(self) -> str:
        """Name and label, where they differ."""
        return self.name if self.name == self.label else f"{self.name}: {self.label}"


@dataclass(frozen=True)
class Column:
    """Something that is measured.

    Attributes
    ----------
    key, label, meaning : str
        For programs, and for people, in brief and in full.
    digits : int
        Shown after the point.
    factor : float
        100 to show a share in percent.
    rises : bool or None
        Whether more is better; None if what counts is how it scatters.
    """

    key: str
    label: str
    meaning: str
    digits: int
    factor: float = 1.0
    rises: bool | None = True


@dataclass(frozen=True)
class Study:
    """What is tried and measured.

    Attributes
    ----------
    name : str
        For programs.
    methods : tuple of Method
    columns : tuple of Column
        The first is the one that gains are reckoned in.
    base : str
        The method that others are compared with.
    margin : float
        A picture is called worse than that of `base` if the first column loses more than this.
    open : function
        Reads a triple.
    score : function
        Measures a candidate.
    views : function
        Chooses what of the photographs and results is worth being looked at, label by label.
    """

    name: str
    methods: tuple[Method, ...]
    columns: tuple[Column, ...]
    base: str
    margin: float
    open: Callable[[Triple], Case] = field(repr=False)
    score: Callable[[Case, Candidate], Scores] = field(repr=False)
    views: Callable[[Case, Mapping[str, Pixels]], Mapping[str, Pixels]] = field(repr=False)

    def only(self, names: Collection[str]) -> Study:
        """Keep some methods, in their order; all if none is named.

        Raises
        ------
        ValueError
            If there is no such method.
        """
        known = [method.name for method in self.methods]
        if strange := [name for name in names if name not in known]:
            msg = f"{strange[0]!r} is none of the methods: {', '.join(known)}"
            raise ValueError(msg)
        kept = (method for method in self.methods if method.name in (names or known))
        return replace(self, methods=tuple(kept))


@dataclass(frozen=True)
class Outcome:
    """What came of one triple.

    Attributes
    ----------
    scores : dict of str to Scores
        By the names of methods; those that do not apply, or failed, are missing.
    failures : tuple of FailedTriple
    views : dict of str to Encoded
        Pictures to be looked at, if they were asked for.
    """

    triple: Triple
    scores: Mapping[str, Scores]
    failures: tuple[FailedTriple, ...] = ()
    views: Mapping[str, Encoded] = field(default_factory=dict, repr=False)

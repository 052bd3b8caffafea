"""A study: the methods to run on every triple, and the scores of their results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from expinterp.core.parallel import usable_cores, use_threads
from expinterp.evaluation.scenes.cases import Case
from expinterp.evaluation.scenes.triples import FailedTriple, Triple
from expinterp.images import Pixels
from expinterp.refine import Device, Refiner, open_refiner
from expinterp.report.pictures import Encoded

BUNDLED = "refined"  # name of the bundled network
Scores: TypeAlias = Mapping[str, float | None]  # by `Column.key`; None if not measurable


@dataclass(frozen=True)
class Candidate:
    """A result of a method.

    Attributes
    ----------
    pixels : uint8 or uint16 array, shape and dtype of the photographs
    out_of_range : float or None
        Share of values that had to be clipped, if the method reports it.
    """

    pixels: Pixels
    out_of_range: float | None = None


@dataclass(frozen=True)
class Method:
    """A way to compute a picture from a triple.

    Attributes
    ----------
    name, label : str
        An identifier, and words for readers.
    make : function
        Computes candidates, whose scores are averaged; none if the method does not apply.
    network : dict or None
        Describes the network, if any; gains of networks are reported in more detail.
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
    """A score.

    Attributes
    ----------
    key, label, meaning : str
        An identifier, a heading, and an explanation.
    digits : int
        Shown after the decimal point.
    factor : float
        100 to show a share in percent.
    rises : bool or None
        Whether more is better; None if its standard deviation is reported, not its mean.
    """

    key: str
    label: str
    meaning: str
    digits: int
    factor: float = 1.0
    rises: bool | None = True


@dataclass(frozen=True)
class Study:
    """Methods and scores.

    Attributes
    ----------
    name : str
        An identifier.
    columns : tuple of Column
        Gains are differences in the first one.
    base : str
        The method that others are compared with.
    margin : float
        A picture is worse than that of `base` if the first column falls by more than this.
    open : function
        Reads a triple.
    score : function
        Measures a candidate.
    views : function
        Chooses the parts of photographs and results to show, by label.
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
    """The scores of one triple.

    Attributes
    ----------
    scores : dict of str to Scores
        By method; those that do not apply, or failed, are missing.
    views : dict of str to Encoded
        Pictures to show, if wanted.
    moved : float or None
        Share of pixels that moved between long and short, 0..1; None if it is not known.
    """

    triple: Triple
    scores: Mapping[str, Scores]
    failures: tuple[FailedTriple, ...] = ()
    views: Mapping[str, Encoded] = field(default_factory=dict, repr=False)
    moved: float | None = None


def open_networks(
    models: Sequence[Path], *, device: Device = "auto", threads: int | None = None
) -> dict[str, Refiner]:
    """Open the bundled network and others.

    Returns
    -------
    dict of str to Refiner
        The bundled one as ``refined``, the others by file name, or by path if several files have
        the same name.

    Raises
    ------
    ModelError, DeviceError
        As `open_refiner`.
    """
    use_threads(threads or usable_cores())
    files: list[Path | None] = [None, *models]
    names = [BUNDLED, *name_models(models)]
    return {
        name: open_refiner(file, device=device, threads=threads)
        for name, file in zip(names, files, strict=True)
    }


def name_models(models: Sequence[Path]) -> list[str]:
    """Name models after their files, with folders where names repeat.

    Examples
    --------
    >>> name_models([Path("a/lrl.onnx"), Path("b/lrl.onnx"), Path("b/other.onnx")])
    ['a/lrl.onnx', 'b/lrl.onnx', 'other.onnx']
    """
    shared = Counter(model.name for model in models)
    return [model.name if shared[model.name] == 1 else model.as_posix() for model in models]

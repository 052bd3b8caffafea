"""Statistics of scores: means, the worst 10 %, gains; over all, by camera, by exposure ratio."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from expinterp.evaluation.scenes.triples import Triple
from expinterp.evaluation.study import Column, Outcome, Study

WORST = 0.1  # share of the pictures whose limit is reported beside the mean
Groups: TypeAlias = dict[str, list[Outcome]]


@dataclass(frozen=True)
class Figures:
    """Statistics of a column over several pictures.

    Attributes
    ----------
    count : int
        Pictures with a value.
    mean, deviation : float
        Arithmetic mean, standard deviation.
    worst_tenth : float
        10 % of the pictures are no better than this.
    """

    count: int
    mean: float
    deviation: float
    worst_tenth: float


@dataclass(frozen=True)
class Gain:
    """Gain of a method over the base, for the pictures with a score of both.

    Attributes
    ----------
    count : int
    mean, worst_tenth, worst : float
        In units of the first column.
    worse : float
        Share of pictures that are worse by more than the margin.
    """

    count: int
    mean: float
    worst_tenth: float
    worst: float
    worse: float


def quantile(values: Sequence[float], share: float) -> float:
    """Find the value that a share of the values do not exceed, by linear interpolation.

    As in NumPy, but infinite values are allowed.

    Examples
    --------
    >>> quantile([3.0, 1.0, 2.0], 0.25), quantile([1.0, math.inf, math.inf], 0.75)
    (1.5, inf)
    """
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low, high = ranked[math.floor(place)], ranked[math.ceil(place)]
    if low == high:  # also both infinite
        return low
    part = place - math.floor(place)
    return min(max((1 - part) * low + part * high, low), high)  # in spite of rounding


def summarise(outcomes: Iterable[Outcome], method: str, column: Column) -> Figures | None:
    """Summarise a column of a method; None without any value."""
    scores = [one.scores[method][column.key] for one in outcomes if method in one.scores]
    values = [value for value in scores if value is not None]
    if not values:
        return None
    finite = all(map(math.isfinite, values))
    return Figures(
        count=len(values),
        mean=math.fsum(values) / len(values),
        deviation=float(np.std(values)) if finite else math.nan,
        worst_tenth=quantile(values, 1 - WORST if column.rises is False else WORST),
    )


def gains(study: Study, outcomes: Iterable[Outcome], method: str) -> list[tuple[Triple, float]]:
    """Compute the gain over the base for each picture; 0 if both are perfect."""
    key = study.columns[0].key
    found = []
    for one in outcomes:
        before, after = (one.scores.get(name, {}).get(key) for name in (study.base, method))
        if before is not None and after is not None:
            found.append((one.triple, 0.0 if before == after else after - before))
    return found


def summarise_gain(study: Study, outcomes: Iterable[Outcome], method: str) -> Gain | None:
    """Summarise the gain over the base; None for the base itself, or without pictures."""
    values = [value for _, value in gains(study, outcomes, method)]
    if not values or method == study.base:
        return None
    return Gain(
        count=len(values),
        mean=math.fsum(values) / len(values),
        worst_tenth=quantile(values, WORST),
        worst=min(values),
        worse=sum(value < -study.margin for value in values) / len(values),
    )


def summarise_moved(outcomes: Iterable[Outcome]) -> dict[str, float] | None:
    """Summarise the shares of pixels that moved; None if none is known.

    ``count`` of the triples with a share, ``mean`` and ``median`` of the shares, 0..1.
    """
    shares = [one.moved for one in outcomes if one.moved is not None]
    if not shares:
        return None
    mean = math.fsum(shares) / len(shares)
    return {"count": len(shares), "mean": mean, "median": quantile(shares, 0.5)}


def by_camera(outcomes: Iterable[Outcome]) -> Groups:
    """Group by camera, in alphabetical order."""
    return dict(sorted(_grouped(outcomes, lambda one: one.triple.camera or "unknown").items()))


def by_ev(outcomes: Iterable[Outcome]) -> Groups:
    """Group by the stops between long and short, rounded, in ascending order."""
    ranked = sorted(outcomes, key=lambda one: one.triple.ev)
    return _grouped(ranked, lambda one: f"{one.triple.ev:.0f} EV")


def _grouped(outcomes: Iterable[Outcome], name: Callable[[Outcome], str]) -> Groups:
    groups: Groups = {}
    for one in outcomes:
        groups.setdefault(name(one), []).append(one)
    return groups

"""From scores to figures: means, the worst tenth, gains; over all, by camera, by exposure ratio."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from expinterp.evaluation.scenes.triples import Triple
from expinterp.evaluation.study import Column, Outcome, Study

WORST = 0.1  # the share of pictures whose limit is told beside the mean
Groups: TypeAlias = dict[str, list[Outcome]]


@dataclass(frozen=True)
class Figures:
    """What a column comes to over several pictures.

    Attributes
    ----------
    count : int
        Pictures that have it.
    mean, deviation : float
        Arithmetic mean, standard deviation.
    worst_tenth : float
        A tenth of the pictures are no better than this.
    """

    count: int
    mean: float
    deviation: float
    worst_tenth: float


@dataclass(frozen=True)
class Gain:
    """What a method adds to the base, over the pictures that both made.

    Attributes
    ----------
    count : int
    mean, worst_tenth, worst : float
        In units of the first column.
    worse : float
        Share of pictures that lose more than the margin.
    """

    count: int
    mean: float
    worst_tenth: float
    worst: float
    worse: float


def quantile(values: Sequence[float], share: float) -> float:
    """Find the value that a share of the values do not exceed, by linear interpolation.

    As NumPy's, but infinite values are allowed.

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
    """Summarise a column of a method; None where nothing has it."""
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
    """Compute what a method adds to the base, picture by picture; between two perfect ones 0."""
    key = study.columns[0].key
    found = []
    for one in outcomes:
        before, after = (one.scores.get(name, {}).get(key) for name in (study.base, method))
        if before is not None and after is not None:
            found.append((one.triple, 0.0 if before == after else after - before))
    return found


def summarise_gain(study: Study, outcomes: Iterable[Outcome], method: str) -> Gain | None:
    """Summarise what a method adds to the base; None of the base itself, or without pictures."""
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


def by_camera(outcomes: Iterable[Outcome]) -> Groups:
    """Group by camera, in alphabetical order."""
    return dict(sorted(_grouped(outcomes, lambda one: one.triple.camera or "unknown").items()))


def by_ev(outcomes: Iterable[Outcome]) -> Groups:
    """Group by the stops between the outer two, rounded, the fewest first."""
    ranked = sorted(outcomes, key=lambda one: one.triple.ev)
    return _grouped(ranked, lambda one: f"{one.triple.ev:.0f} EV")


def _grouped(outcomes: Iterable[Outcome], name: Callable[[Outcome], str]) -> Groups:
    groups: Groups = {}
    for one in outcomes:
        groups.setdefault(name(one), []).append(one)
    return groups

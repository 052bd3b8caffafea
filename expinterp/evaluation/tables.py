"""Scores as tables of text, for terminals and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from expinterp.evaluation.figures import (
    Figures,
    Gain,
    Groups,
    by_camera,
    by_ev,
    summarise,
    summarise_gain,
    summarise_moved,
)
from expinterp.evaluation.study import Column, Method, Outcome, Study
from expinterp.report.wording import count

NOTHING = "-"


@dataclass(frozen=True)
class Table:
    """Rows of text under headers; the first column names the rows."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tabulate(study: Study, outcomes: Sequence[Outcome]) -> list[Table]:
    """Build the tables of a study: over all, by camera, by exposure ratio; what moved."""
    return [
        overview(study, outcomes),
        by_group(study, by_camera(outcomes), "camera"),
        by_group(study, by_ev(outcomes), "exposure ratio"),
        *moved_pixels(outcomes),
    ]


def moved_pixels(outcomes: Sequence[Outcome]) -> list[Table]:
    """Summarise how much moved between long and short; no table if that is not known."""
    found = summarise_moved(outcomes)
    if found is None:
        return []
    row = ("moved pixels", f"{found['count']}", f"{found['mean']:.3%}", f"{found['median']:.3%}")
    return [Table("Things that moved", ("", "triples", "mean", "median"), (row,))]


def overview(study: Study, outcomes: Sequence[Outcome]) -> Table:
    """Summarise every method over all triples."""
    first, *rest = study.columns
    headers = ["", "images", first.label, "worst 10 %", *(column.label for column in rest)]
    headers += ["gain", "gain, worst 10 %", worse_label(study)]
    rows = []
    for method in present(study, outcomes):
        found = summarise(outcomes, method.name, first)
        gain = summarise_gain(study, outcomes, method.name)
        rows.append(
            (
                method.title,
                str(sum(method.name in one.scores for one in outcomes)),
                _summary(first, found),
                show(first, found.worst_tenth) if found else NOTHING,
                *(_summary(each, summarise(outcomes, method.name, each)) for each in rest),
                *_gain_cells(first, gain, limit="worst_tenth"),
            )
        )
    return Table(f"Means of {count(len(outcomes), 'triple')}", tuple(headers), tuple(rows))


def by_group(study: Study, groups: Groups, what: str) -> Table:
    """Compare the methods group by group in the first column, with the gains of networks."""
    first = study.columns[0]
    methods = present(study, [one for group in groups.values() for one in group])
    networks = [method for method in methods if method.network]
    headers = [what, "images", *(method.name for method in methods)]
    for method in networks:
        headers += [f"{method.name}: gain", "lowest gain", worse_label(study)]
    rows = []
    for name, group in groups.items():
        cells = [_summary(first, summarise(group, method.name, first)) for method in methods]
        for method in networks:
            gain = summarise_gain(study, group, method.name)
            cells += _gain_cells(first, gain, limit="worst")
        rows.append((name, str(len(group)), *cells))
    return Table(f"{first.label} by {what}", tuple(headers), tuple(rows))


def every_triple(study: Study, outcomes: Sequence[Outcome]) -> Table:
    """List all triples by name, with the first column of every method."""
    first = study.columns[0]
    methods = present(study, outcomes)
    rows = [
        (
            one.triple.name,
            one.triple.camera or "unknown",
            f"{one.triple.ev:.1f}",
            *(show(first, one.scores.get(method.name, {}).get(first.key)) for method in methods),
        )
        for one in sorted(outcomes, key=lambda one: one.triple.name)
    ]
    headers = ("triple", "camera", "EV", *(method.name for method in methods))
    return Table(f"{first.label} of every triple", headers, tuple(rows))


def present(study: Study, outcomes: Sequence[Outcome]) -> list[Method]:
    """List the methods with any result, in the order of the study."""
    made = {name for one in outcomes for name in one.scores}
    return [method for method in study.methods if method.name in made]


def show(column: Column, value: float | None, *, sign: bool = False) -> str:
    """Write a value of a column; `NOTHING` if there is none."""
    if value is None:
        return NOTHING
    return f"{value * column.factor:{'+' if sign else ''}.{column.digits}f}"


def worse_label(study: Study) -> str:
    """Return the heading of the share of worse pictures."""
    margin = f" by > {study.margin:g}" if study.margin else ""
    return f"worse{margin}"


def describe_scores(study: Study, scores: Mapping[str, Mapping[str, float | None]]) -> str:
    """Write the first column of every method for one triple, in one line."""
    first = study.columns[0]
    parts = [f"{name} {show(first, found[first.key])}" for name, found in scores.items()]
    return f"{first.label}: {', '.join(parts)}" if parts else "nothing could be measured"


def _summary(column: Column, found: Figures | None) -> str:
    """Write the mean of a column, or its standard deviation."""
    if found is None:
        return NOTHING
    return show(column, found.deviation if column.rises is None else found.mean)


def _gain_cells(
    column: Column, gain: Gain | None, *, limit: Literal["worst", "worst_tenth"]
) -> list[str]:
    """Write the mean gain, a low gain, and the share of worse pictures."""
    if gain is None:
        return 3 * [NOTHING]
    worst = getattr(gain, limit)
    return [show(column, gain.mean, sign=True), show(column, worst, sign=True), f"{gain.worse:.1%}"]

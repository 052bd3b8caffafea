"""An evaluation as one HTML page: tables, charts, and pictures if they were kept."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from expinterp.evaluation.figures import gains
from expinterp.evaluation.record import Evaluation
from expinterp.evaluation.study import Method, Outcome
from expinterp.evaluation.tables import Table, every_triple, present, show, tabulate
from expinterp.files import replacing
from expinterp.report.page import begin_page, end_page, image, table, terms
from expinterp.report.wording import count
from expinterp.svg import Axis, Chart, Html, bdi, element

STYLES = ("page.css", "evaluation.css")


class Mark(NamedTuple):
    """One picture in a chart: its name, the score of the base, and the gain of the method."""

    name: str
    before: float
    gain: float


def write_page(evaluation: Evaluation, target: str | Path, *, overwrite: bool = False) -> None:
    """Write the page of an evaluation; it needs no other file.

    Raises
    ------
    OutputExistsError, OutputError
        If it cannot be written there.
    """
    with replacing(target, overwrite=overwrite) as stream:
        for part in make_page(evaluation):
            stream.write(part.encode())


def make_page(evaluation: Evaluation) -> Iterator[Html]:
    """Write the page piece by piece."""
    study, outcomes = evaluation.study, evaluation.outcomes
    title = f"Evaluation: {Path(evaluation.source).name or evaluation.source}"
    yield begin_page(title, styles=STYLES)
    yield _header(evaluation)
    yield Html('<main id="content" tabindex="-1">')
    meanings = [(column.label, column.meaning) for column in study.columns]
    meanings.append(("worst 10 %", "10 % of the pictures have this value or a worse one"))
    tables = map(_table, tabulate(study, outcomes))
    yield _section("Scores", *tables, terms(meanings, class_="meanings"))
    charts = [*_charts(evaluation)]
    if charts:
        yield _section("Gain, picture by picture", element("div", *charts, class_="charts"))
    yield _section("Triples", _folded("Every triple", _table(every_triple(study, outcomes))))
    seen = [one for one in outcomes if one.views]
    if seen:
        yield _section("Pictures", *(_show(evaluation, one) for one in seen))
    yield Html("</main>")
    yield end_page()


def _header(evaluation: Evaluation) -> Html:
    """Write what was measured, and what failed or was left out."""
    failures = [element("li", bdi(str(failure))) for failure in evaluation.failures]
    remarks = [element("li", bdi(sentence)) for sentence in evaluation.remarks]
    failed = f"{count(len(failures), 'failure')}:"
    return element(
        "header",
        element("h1", "Evaluation"),
        element("p", bdi(evaluation.source), class_="source"),
        element(
            "p", f"{count(len(evaluation.outcomes), 'triple')} of photographs. {_base(evaluation)}"
        ),
        *((element("p", failed), element("ul", *failures, class_="failures")) if failures else ()),
        _folded(count(len(remarks), "remark"), element("ul", *remarks)) if remarks else None,
    )


def _base(evaluation: Evaluation) -> str:
    """State the method that gains refer to."""
    study = evaluation.study
    labels = {method.name: method.label for method in study.methods}
    if study.base not in labels:
        return ""
    return f"Gains are differences in {study.columns[0].label} to: {labels[study.base]}."


def _section(title: str, *content: object) -> Html:
    return element("section", element("h2", title), *content)


def _folded(title: str, *content: object) -> Html:
    return element("details", element("summary", title), *content)


def _table(made: Table) -> Html:
    rows = [(bdi(first), *rest) for first, *rest in made.rows]
    return table(made.headers, rows, caption=made.caption)


def _charts(evaluation: Evaluation) -> Iterator[Html]:
    """Draw the gains of every network."""
    study = evaluation.study
    for method in present(study, evaluation.outcomes):
        if method.network and (marks := _marks(evaluation, method)):
            unit = study.columns[0].label
            yield from chart_gains(marks, margin=study.margin, what=method.name, unit=unit)


def _marks(evaluation: Evaluation, method: Method) -> list[Mark]:
    """List the finite gains of a method, with the scores of the base."""
    study, outcomes = evaluation.study, evaluation.outcomes
    key = study.columns[0].key
    before = {one.triple: one.scores.get(study.base, {}).get(key) for one in outcomes}
    marks = [
        Mark(triple.name, before[triple] or 0.0, gain)
        for triple, gain in gains(study, outcomes, method.name)
    ]
    return [mark for mark in marks if math.isfinite(mark.before) and math.isfinite(mark.gain)]


def chart_gains(marks: Sequence[Mark], *, margin: float, what: str, unit: str) -> tuple[Html, Html]:
    """Draw the gains of pictures twice: as ranked bars, and as dots over the score of the base."""
    ranked = sorted(marks, key=lambda mark: -mark.gain)
    order = f"{count(len(ranked), 'picture')}, the largest gain first"
    up = Axis.over([0.0, *(mark.gain for mark in marks)], f"gain in {unit}")
    bars = Chart(f"Gain of {what}", Axis((0, len(ranked)), order, numbered=False), up)
    across = Axis.over([mark.before for mark in marks], f"{unit} without {what}")
    dots = Chart(f"Gain of {what}, by {unit} without it", across, up)
    rank_shapes, score_shapes = [], []
    for place, (title, before, gain) in enumerate(ranked):
        style = "worse" if gain < -margin else "better" if gain > margin else "alike"
        tip = f"{title}: {before:.4g}, {gain:+.3g} {unit}"
        rank_shapes.append(bars.bar(place, place + 1, gain, style, tip))
        score_shapes.append(dots.dot(before, gain, style, tip))
    return (
        bars.figure([*rank_shapes, bars.level(0.0, "zero")]),
        dots.figure([dots.level(0.0, "zero"), *score_shapes]),
    )


def _show(evaluation: Evaluation, one: Outcome) -> Html:
    """Show the pictures of a triple, each with its score."""
    first = evaluation.study.columns[0]
    figures = []
    for label, picture in one.views.items():
        value = one.scores.get(label, {}).get(first.key)
        score = f" {show(first, value)}" if value is not None else ""
        caption = element("figcaption", element("b", label), score)
        shown = image(picture, f"{label}: {one.triple.name}")
        figures.append(element("li", element("figure", shown, caption)))
    return element(
        "article",
        element("h3", bdi(one.triple.name)),
        element("ul", *figures, role="list"),
        class_="seen",
    )

"""Run the methods of a study on triples; a failure stops nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from expinterp.errors import in_words
from expinterp.evaluation.peers import to_rgb8
from expinterp.evaluation.scenes.cases import Case
from expinterp.evaluation.scenes.triples import FailedTriple, Triple
from expinterp.evaluation.study import Method, Outcome, Scores, Study
from expinterp.images import Pixels
from expinterp.report.pictures import Encoded, encode, share_out

PHOTOGRAPHS = 3  # shown beside the results
LARGEST_VIEW = 320  # pixels of the longer side


def evaluate(
    study: Study, triples: Sequence[Triple], *, keep_views: bool = False
) -> Iterator[Outcome]:
    """Run every method on every triple.

    Parameters
    ----------
    keep_views : bool
        Whether to keep pictures, within the size limit of a page that shows all.

    Yields
    ------
    Outcome
        One for each triple, in their order.
    """
    room = share_out(len(triples), len(study.methods) + PHOTOGRAPHS).view if keep_views else 0
    for triple in triples:
        yield try_all(study, triple, room=room)


def try_all(study: Study, triple: Triple, *, room: int = 0) -> Outcome:
    """Run every method on one triple; keep pictures of `room` bytes each, none if it is 0."""
    try:
        case = study.open(triple)
    except Exception as error:  # noqa: BLE001 - must not stop the other triples
        return Outcome(triple, {}, (FailedTriple(triple.name, in_words(error)),))
    scores: dict[str, Scores] = {}
    pictures: dict[str, Pixels] = {}
    failed: dict[str, list[str]] = {}
    for method in study.methods:
        try:
            measured, seen = try_one(study, method, case)
        except Exception as error:  # noqa: BLE001 - nor the other methods
            failed.setdefault(in_words(error), []).append(method.name)
            continue
        if measured:
            scores[method.name] = mean_scores(measured)
        if seen is not None and room:
            pictures[method.name] = seen
    return Outcome(
        triple,
        scores,
        tuple(FailedTriple(triple.name, words, tuple(names)) for words, names in failed.items()),
        encode_views(study.views(case, pictures), room) if pictures else {},
        find_moved(case),
    )


def find_moved(case: Case) -> float | None:
    """Find the share of pixels that moved; None if the pair cannot be measured."""
    try:
        return case.moved
    except Exception:  # noqa: BLE001 - the methods that need the pair report it
        return None


def try_one(study: Study, method: Method, case: Case) -> tuple[list[Scores], Pixels | None]:
    """Score all candidates of a method; also return the first picture."""
    measured, first = [], None
    for candidate in method.make(case):
        measured.append(study.score(case, candidate))
        first = candidate.pixels if first is None else first
    return measured, first


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Average the scores of several candidates, column by column, without None."""
    means: dict[str, float | None] = {}
    for key in scores[0]:
        known = [value for one in scores if (value := one[key]) is not None]
        means[key] = float(np.mean(known)) if known else None
    return means


def encode_views(views: Mapping[str, Pixels], room: int) -> dict[str, Encoded]:
    """Encode pictures for a page, with a limit of bytes for each."""
    return {label: encode(to_rgb8(view), LARGEST_VIEW, room) for label, view in views.items()}

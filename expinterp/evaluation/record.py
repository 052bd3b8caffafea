"""The record of an evaluation, for ``--json``; its format is stable within a `SCHEMA_VERSION`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from expinterp import __version__
from expinterp.evaluation.figures import (
    by_camera,
    by_ev,
    summarise,
    summarise_gain,
    summarise_moved,
)
from expinterp.evaluation.scenes.triples import FailedTriple
from expinterp.evaluation.study import Outcome, Study
from expinterp.evaluation.tables import present

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Evaluation:
    """The outcomes of a study.

    Attributes
    ----------
    source : str
        Of the triples, as given by the user.
    failures : tuple of FailedTriple
        Of the outcomes, of scenes, and of files.
    remarks : tuple of str
        What was left out, and why.
    """

    study: Study
    source: str
    outcomes: tuple[Outcome, ...]
    failures: tuple[FailedTriple, ...] = ()
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the record; numbers that are not finite are None.

        A PSNR of None means a picture equal to the photograph.
        """
        study, outcomes = self.study, self.outcomes
        facts = {
            "schema_version": SCHEMA_VERSION,
            "version": __version__,
            "command": "evaluate",
            "study": study.name,
            "source": self.source,
            "base": study.base,
            "margin": study.margin,
            "columns": [asdict(column) for column in study.columns],
            "methods": [
                {"name": one.name, "label": one.label, "network": one.network}
                for one in present(study, outcomes)
            ],
            "summary": describe(study, outcomes),
            "by_camera": {name: describe(study, of) for name, of in by_camera(outcomes).items()},
            "by_ev": {name: describe(study, of) for name, of in by_ev(outcomes).items()},
            "moved": summarise_moved(outcomes),
            "triples": [_triple(one) for one in outcomes],
            "failures": [asdict(failure) for failure in self.failures],
            "remarks": list(self.remarks),
        }
        return {key: finite(value) for key, value in facts.items()}


def describe(study: Study, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Summarise every method over some triples: each column, and ``gain`` over the base."""
    found: dict[str, Any] = {}
    for method in present(study, outcomes):
        columns = {each.key: summarise(outcomes, method.name, each) for each in study.columns}
        gain = summarise_gain(study, outcomes, method.name)
        found[method.name] = {key: each and asdict(each) for key, each in columns.items()}
        found[method.name]["gain"] = gain and asdict(gain)
    return found


def _triple(one: Outcome) -> dict[str, Any]:
    triple = one.triple
    return {
        "scene": triple.scene,
        "camera": triple.camera,
        "long": str(triple.long),
        "medium": str(triple.medium),
        "short": str(triple.short),
        "ev": round(triple.ev, 4),
        "moved": None if one.moved is None else round(one.moved, 5),
        "scores": {name: dict(scores) for name, scores in one.scores.items()},
    }


def finite(value: Any) -> Any:
    """Replace numbers that are not finite, which JSON lacks, by None at any depth."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

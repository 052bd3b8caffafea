"""An evaluation as plain values, for ``--json``; stable within a `SCHEMA_VERSION`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from expinterp import __version__
from expinterp.evaluation.figures import by_camera, by_ev, summarise, summarise_gain
from expinterp.evaluation.scenes.triples import FailedTriple
from expinterp.evaluation.study import Outcome, Study
from expinterp.evaluation.tables import present

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Evaluation:
    """All that came of a study.

    Attributes
    ----------
    study : Study
    source : str
        Where the triples are from, as it was given.
    outcomes : tuple of Outcome
    failures : tuple of FailedTriple
        Those of the outcomes, and of what belongs to no single triple.
    remarks : tuple of str
        What was passed over.
    """

    study: Study
    source: str
    outcomes: tuple[Outcome, ...]
    failures: tuple[FailedTriple, ...] = ()
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Give everything as values that JSON has; what is infinite or no number is None.

        A PSNR of None belongs to a picture that equals the photograph.
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
            "triples": [_triple(one) for one in outcomes],
            "failures": [asdict(failure) for failure in self.failures],
            "remarks": list(self.remarks),
        }
        return {key: finite(value) for key, value in facts.items()}


def describe(study: Study, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Summarise every method over some triples: each column, and ``gain`` over the base."""
    said: dict[str, Any] = {}
    for method in present(study, outcomes):
        columns = {each.key: summarise(outcomes, method.name, each) for each in study.columns}
        gain = summarise_gain(study, outcomes, method.name)
        said[method.name] = {key: found and asdict(found) for key, found in columns.items()}
        said[method.name]["gain"] = gain and asdict(gain)
    return said


def _triple(one: Outcome) -> dict[str, Any]:
    triple = one.triple
    return {
        "scene": triple.scene,
        "camera": triple.camera,
        "long": str(triple.long),
        "medium": str(triple.medium),
        "short": str(triple.short),
        "ev": round(triple.ev, 4),
        "scores": {name: dict(scores) for name, scores in one.scores.items()},
    }


def finite(value: Any) -> Any:
    """Replace numbers that JSON does not have by None, however deep."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

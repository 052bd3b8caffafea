"""The quality of the results, compared with the photographed medium.

`find_material` finds triples; a study (`fidelity_study`, `fusion_study`) defines methods and
scores; `evaluate` runs it on each triple; `tabulate` and `Evaluation` summarise the scores.
"""

from __future__ import annotations

from expinterp.evaluation.fidelity import fidelity_study
from expinterp.evaluation.fusions import fusion_study
from expinterp.evaluation.profiles import Profiles
from expinterp.evaluation.record import Evaluation
from expinterp.evaluation.scenes.cases import Case, open_case
from expinterp.evaluation.scenes.folders import find_material
from expinterp.evaluation.scenes.triples import FailedTriple, Material, Triple
from expinterp.evaluation.study import BUNDLED, Candidate, Method, Outcome, Study, open_networks
from expinterp.evaluation.tables import Table, tabulate
from expinterp.evaluation.trial import evaluate

__all__ = [
    "BUNDLED",
    "Candidate",
    "Case",
    "Evaluation",
    "FailedTriple",
    "Material",
    "Method",
    "Outcome",
    "Profiles",
    "Study",
    "Table",
    "Triple",
    "evaluate",
    "fidelity_study",
    "find_material",
    "fusion_study",
    "open_case",
    "open_networks",
    "tabulate",
]

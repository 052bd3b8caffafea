"""``expinterp evaluate --fusion``, and the triples that virtual images make worse.

    python benchmarks/fusion.py SCENES                          # all tables
    python benchmarks/fusion.py SCENES --camera D2x --only virtual-0 --only virtual-auto

``expinterp evaluate`` explains the measures. Each program uses its own weights: enfuse 4.2 exposure 1,
saturation 0.2, contrast 0; MergeMertens exposure 0, saturation 1, contrast 1.

SCENES is a list of scenes or a folder, as for ``expinterp evaluate``. Enfuse (Debian: ``apt install enfuse``) is optional: without it, its rows are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import needs

from expinterp.cli.tables import print_tables
from expinterp.evaluation import BUNDLED, Outcome, Table, evaluate, fusion_study, tabulate
from expinterp.refine import open_refiner


def losses(outcomes: Sequence[Outcome], auto: str, plain: str) -> Table:
    """List the triples that virtual images make worse, in structure or in brightness order."""
    keys = ("bracket", "everywhere", "highlight_shadow")
    rows = []
    for one in outcomes:
        if {auto, plain} <= set(one.scores):
            change = [(one.scores[auto][k] or 0.0) - (one.scores[plain][k] or 0.0) for k in keys]
            if change[0] < 0 or change[2] > 0:
                rows.append((one.triple.name, *(f"{value:+.4f}" for value in change)))
    headers = ("triple", "MEF-SSIM", "reversed", "high/shade")
    return Table(f"made worse by {auto}", headers, tuple(sorted(rows, key=lambda row: row[1])))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Fused pictures beside enfuse and MergeMertens.")
    parser.add_argument("scenes", type=needs.existing)
    parser.add_argument("--camera", default="", help="only cameras whose name contains this")
    parser.add_argument("--only", action="append", default=[], help="only these methods")
    options = parser.parse_args()
    triples = needs.material(options.scenes, options.camera).triples
    study = fusion_study(refiners={BUNDLED: open_refiner()}).only(options.only)
    outcomes = list(evaluate(study, triples))
    for failure in (failure for one in outcomes for failure in one.failures):
        raise SystemExit(str(failure))
    tables = tabulate(study, outcomes)
    print_tables([*tables, losses(outcomes, "virtual-auto", "virtual-0")])


if __name__ == "__main__":
    needs.run(main)

"""``expinterp evaluate --fusion``, the triples that virtual images make worse, and what fusing costs.

    python benchmarks/fusion.py SCENES                          # all tables
    python benchmarks/fusion.py SCENES --camera D2x --only virtual-0 --only virtual-auto
    python benchmarks/fusion.py --megapixels 100 --format tiff --repeat 1          # cost only

``expinterp evaluate`` explains the measures. Each program uses its own weights: enfuse 4.2 exposure 1,
saturation 0.2, contrast 0; MergeMertens exposure 0, saturation 1, contrast 1.

Needs Linux or macOS, and for quality SCENES: a list of scenes or a folder, as for ``expinterp
evaluate``. Enfuse (Debian: ``apt install enfuse``) is optional: without it, its rows are left out.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import needs
from cost import ENFUSE, FLOOR, print_table, time_in_turn, write_pair

from expinterp.cli.tables import print_tables
from expinterp.evaluation import BUNDLED, Outcome, Table, evaluate, fusion_study, tabulate
from expinterp.refine import open_refiner

TOOL = [sys.executable, "-m", "expinterp", "fuse"]
MERTENS = """
import sys, cv2, numpy as np
images = [cv2.imread(name) for name in sys.argv[1:-1]]
fused = cv2.createMergeMertens(1, 1, 0).process(images)
cv2.imwrite(sys.argv[-1], np.clip(np.rint(fused * 255), 0, 255).astype(np.uint8))
"""


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


def measure_cost(megapixels: float, kind: str, repeat: int) -> None:
    """Time the programs as a user starts them, and print the table."""
    suffix = {"jpeg": ".jpg", "tiff": ".tif"}[kind]
    with tempfile.TemporaryDirectory() as folder:
        pair = write_pair(Path(folder), megapixels, suffix)
        out = str(Path(folder) / f"out{suffix}")
        commands = {
            "floor: decode two, encode one (OpenCV)": [sys.executable, "-c", FLOOR, *pair, out],
            ENFUSE: ["enfuse", "-o", out, *pair],
            "MergeMertens, OpenCV": [sys.executable, "-c", MERTENS, *pair, out],
        }
        fuse = [*TOOL, *pair, "-o", out, "--overwrite", "--virtual"]
        commands |= {f"expinterp fuse --virtual {n}": [*fuse, n] for n in ("0", "1")}
        if shutil.which("enfuse") is None:
            commands.pop(ENFUSE)
        results = time_in_turn(commands, repeat)
    print_table(f"{megapixels:g} MP {kind} pair", results)


def main() -> None:
    """Print the tables of quality, of cost, or both."""
    parser = argparse.ArgumentParser(description="Fused pictures beside enfuse and MergeMertens.")
    parser.add_argument("scenes", type=needs.existing, nargs="?", help="without scenes: cost only")
    parser.add_argument("--camera", default="", help="only cameras whose name contains this")
    parser.add_argument("--only", action="append", default=[], help="only these methods")
    parser.add_argument("--no-cost", action="store_true", help="quality only")
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--format", choices=["jpeg", "tiff"], default="jpeg")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    if options.scenes:
        triples = needs.material(options.scenes, options.camera).triples
        study = fusion_study(refiners={BUNDLED: open_refiner()}).only(options.only)
        outcomes = list(evaluate(study, triples))
        for failure in (failure for one in outcomes for failure in one.failures):
            raise SystemExit(str(failure))
        tables = tabulate(study, outcomes)
        print_tables([*tables, losses(outcomes, "virtual-auto", "virtual-0")])
    if not options.no_cost:
        measure_cost(options.megapixels, options.format, options.repeat)


if __name__ == "__main__":
    needs.run(main)

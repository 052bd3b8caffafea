"""What the network is worth on a camera that nothing has seen: neither the prior nor the simulator.

    python benchmarks/strangers.py SCENES RADIANCE RESPONSES --photographs 1000

For each camera of the scenes whose curves are among RESPONSES, these are left out, the prior is made
and a network trained from the others, and both are measured on that camera. The remaining cameras are
unknown with all curves. What was trained stays in the folder of the runs. SCENES, RADIANCE and
RESPONSES are those of ``expinterp evaluate`` and ``expinterp train``. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from expinterp.cli.tables import print_tables
from expinterp.core.pair import measure
from expinterp.core.prior import ResponsePrior
from expinterp.core.render import render
from expinterp.evaluation import (
    Candidate,
    Case,
    Method,
    Study,
    evaluate,
    fidelity_study,
    find_material,
    tabulate,
)
from expinterp.refine import Refiner, open_refiner
from expinterp.training.build import TrainingOutputs, build
from expinterp.training.prior import as_prior, build_prior
from expinterp.training.settings import TrainingSettings

MEASURED = "measured_log_exposure.npz"
ALL = "no camera"  # left out


def copy_without(responses: Path, folder: Path, camera: str) -> Path:
    """Copy a folder of curves, those of one camera left out."""
    shutil.copytree(responses, folder, dirs_exist_ok=True)
    held = np.load(responses / MEASURED)
    kept = held["camera"] != camera
    np.savez(folder / MEASURED, **{name: held[name][kept] for name in held.files})
    return folder


def train_without(camera: str, options: argparse.Namespace) -> Study:
    """Train a network without a camera, and give what is to be compared."""
    run = options.runs / "".join(letter if letter.isalnum() else "-" for letter in camera)
    curves = copy_without(options.responses, run / "responses", camera)
    target = TrainingOutputs(run / "network.onnx", run / "card.md", run, overwrite=True)
    settings = replace(TrainingSettings(), photographs=options.photographs, steps=options.steps)
    build([options.radiance], target, settings, responses=curves)
    return compare(as_prior(build_prior(curves)), open_refiner(target.model, device="cpu"))


def compare(prior: ResponsePrior, refiner: Refiner) -> Study:
    """List what is compared: y0 under a prior, and what a network makes of it."""

    def make(case: Case, refiner: Refiner | None) -> Iterator[Candidate]:
        pair = measure(case.long, case.short, prior=prior)
        yield Candidate(render(pair, refiner=refiner).medium)

    methods = (
        Method("y0", "camera unknown to the prior", lambda case: make(case, None)),
        Method(
            "network",
            "and to the simulator",
            lambda case: make(case, refiner),
            {"network": "trained without"},
        ),
    )
    return replace(fidelity_study(refiners={}), methods=methods, base="y0")


def main() -> None:
    """Train and measure for every camera, and print the tables."""
    parser = argparse.ArgumentParser(description="Worth of the network on unknown cameras.")
    parser.add_argument("scenes", type=Path)
    parser.add_argument("radiance", type=Path)
    parser.add_argument("responses", type=Path)
    parser.add_argument("--photographs", type=int, default=TrainingSettings.photographs)
    parser.add_argument("--steps", type=int, default=TrainingSettings.steps)
    parser.add_argument("--runs", type=Path, default=Path("strangers.run"))
    options = parser.parse_args()
    triples = find_material(options.scenes).triples
    known = set(map(str, np.load(options.responses / MEASURED)["camera"]))
    left_out = {triple: triple.camera if triple.camera in known else ALL for triple in triples}
    outcomes = []
    for camera in [*sorted(set(left_out.values()) - {ALL}), ALL]:
        study = train_without(camera, options)
        outcomes += evaluate(study, [one for one in triples if left_out[one] == camera])
        print(f"{camera} left out: measured", flush=True)
    print_tables(tabulate(study, outcomes))


if __name__ == "__main__":
    main()

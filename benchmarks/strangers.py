"""Quality of the network on a camera that neither the prior nor the simulator knows.

    python benchmarks/strangers.py SCENES RADIANCE RESPONSES --photographs 1000

For each camera of SCENES with curves in RESPONSES, these curves are left out, the prior and a network
are built from the others, and both are measured on that camera. The other cameras of SCENES are
unknown anyway: one network with all curves serves them. The trained networks stay in ``--runs``.

Needs the extra ``train`` (torch); SCENES: a list of scenes or a folder, as for ``expinterp evaluate``;
RADIANCE and RESPONSES: the folders of ``expinterp train``.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import needs

needs.require("torch", "train")

import numpy as np

from expinterp.cli.tables import print_tables
from expinterp.core.pair import measure
from expinterp.core.prior import ResponsePrior
from expinterp.core.render import render
from expinterp.evaluation import Candidate, Case, Method, Study, evaluate, fidelity_study, tabulate
from expinterp.refine import Refiner, open_refiner
from expinterp.training.build import TrainingOutputs, build
from expinterp.training.prior import CAMERAS, build_prior
from expinterp.training.settings import TrainingSettings

MEASURED = "measured_log_exposure*.npz"
ALL = "no camera"  # nothing is left out


def copy_without(responses: Path, folder: Path, camera: str) -> Path:
    """Copy a folder of curves without those of one camera."""
    shutil.copytree(responses, folder, dirs_exist_ok=True)
    for path in responses.glob(MEASURED):
        held = np.load(path)
        kept = [CAMERAS.get(name, name) != CAMERAS.get(camera, camera) for name in held["camera"]]
        np.savez(folder / path.name, **{name: held[name][kept] for name in held.files})
    return folder


def train_without(camera: str, options: argparse.Namespace) -> Study:
    """Train a network without a camera; return the methods to compare."""
    run = options.runs / "".join(letter if letter.isalnum() else "-" for letter in camera)
    curves = copy_without(options.responses, run / "responses", camera)
    target = TrainingOutputs(run / "network.onnx", run / "card.md", run, overwrite=True)
    settings = replace(TrainingSettings(), photographs=options.photographs, steps=options.steps)
    build([options.radiance], target, settings, responses=curves)
    return compare(
        ResponsePrior.from_arrays(build_prior(curves)), open_refiner(target.model, device="cpu")
    )


def compare(prior: ResponsePrior, refiner: Refiner) -> Study:
    """Return the methods to compare: y0 with a prior, and y0 refined."""

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
    parser = argparse.ArgumentParser(description="Quality of the network on unknown cameras.")
    parser.add_argument("scenes", type=needs.existing)
    parser.add_argument("radiance", type=needs.existing)
    parser.add_argument("responses", type=needs.existing)
    parser.add_argument("--photographs", type=int, default=TrainingSettings.photographs)
    parser.add_argument("--steps", type=int, default=TrainingSettings.steps)
    parser.add_argument("--runs", type=Path, default=Path("strangers.run"))
    options = parser.parse_args()
    triples = needs.material(options.scenes).triples
    files = options.responses.glob(MEASURED)
    known = {str(camera) for path in files for camera in np.load(path)["camera"]}
    left_out = {triple: triple.camera if triple.camera in known else ALL for triple in triples}
    outcomes = []
    for camera in [*sorted(set(left_out.values()) - {ALL}), ALL]:
        study = train_without(camera, options)
        outcomes += evaluate(study, [one for one in triples if left_out[one] == camera])
        print(f"{camera} left out: measured", flush=True)
    print_tables(tabulate(study, outcomes))


if __name__ == "__main__":
    needs.run(main)

"""Quality of the network on cameras that neither the prior nor the simulator knows.

    python benchmarks/strangers.py SCENES... RESPONSES --radiance MAPS --radiance MORE_MAPS

One network is trained without the curves of any camera of SCENES. With ``--folds N``, N networks are
trained, each without one Nth of these cameras, and each photograph is refined by the network that
does not know its camera. For each photograph, the prior leaves out the curves of its camera. y0 and
the refined image are then measured with and without denoising. The trained networks stay in
``--run``.

Needs the extra ``train`` (torch); SCENES: lists of scenes or folders, as for ``expinterp evaluate``;
MAPS and RESPONSES: the folders of ``expinterp train``.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import needs

needs.require("torch", "train")

import numpy as np

from expinterp.cli.tables import print_tables
from expinterp.core.denoise import Denoise
from expinterp.core.render import render
from expinterp.core.response.prior import ResponsePrior
from expinterp.evaluation import Candidate, Case, Method, Study, evaluate, fidelity_study, tabulate
from expinterp.pipeline import measure
from expinterp.refine import Refiner, open_refiner
from expinterp.training.build import TrainingOutputs, build
from expinterp.training.prior import CAMERAS, build_prior
from expinterp.training.settings import TrainingSettings

MEASURED = "measured_log_exposure*.npz"


def copy_without(responses: Path, folder: Path, cameras: Sequence[str]) -> Path:
    """Copy a folder of curves without those of some cameras."""
    left_out = {CAMERAS.get(camera, camera) for camera in cameras}
    shutil.copytree(responses, folder, dirs_exist_ok=True)
    for path in responses.glob(MEASURED):
        held = np.load(path)
        kept = [CAMERAS.get(str(name), str(name)) not in left_out for name in held["camera"]]
        np.savez(folder / path.name, **{name: held[name][kept] for name in held.files})
    return folder


def train_networks(cameras: Sequence[str], options: argparse.Namespace) -> dict[str, Refiner]:
    """Train a network for every camera; the cameras of a fold share one that knows none of them."""
    refiners = {}
    for fold in range(options.folds):
        unknown = cameras[fold :: options.folds]
        run = options.run / f"fold-{fold + 1}" if options.folds > 1 else options.run
        refiners |= dict.fromkeys(unknown, train_without(unknown, run, options))
    return refiners


def train_without(cameras: Sequence[str], run: Path, options: argparse.Namespace) -> Refiner:
    """Train a network without the curves of some cameras."""
    curves = copy_without(options.responses, run / "responses", cameras)
    target = TrainingOutputs(run / "network.onnx", run / "card.md", run, overwrite=True)
    settings = replace(TrainingSettings(), photographs=options.photographs, steps=options.steps)
    build(options.radiance, target, settings, responses=curves)
    return open_refiner(target.model, device="cpu")


def compare(responses: Path, refiners: Mapping[str, Refiner]) -> Study:
    """Return the methods to compare, each without the curves of the camera at hand."""

    @cache
    def prior(camera: str | None) -> ResponsePrior:
        return ResponsePrior.from_arrays(build_prior(responses, without=str(camera)))

    def make(case: Case, *, refined: bool, denoise: Denoise) -> Iterator[Candidate]:
        pair = measure(case.long, case.short, prior=prior(case.triple.camera))
        refiner = refiners[str(case.triple.camera)] if refined else None
        yield Candidate(render(pair, refiner=refiner, denoise=denoise).medium)

    trained = {"network": "trained without the cameras"}
    methods = (
        Method("y0", "camera unknown to the prior", partial(make, refined=False, denoise="off")),
        Method("network", "noise left", partial(make, refined=True, denoise="off"), trained),
        Method("refined", "and denoised", partial(make, refined=True, denoise="auto"), trained),
    )
    return replace(fidelity_study(refiners={}), methods=methods, base="y0")


def main() -> None:
    """Train, measure on every triple, and print the tables of each collection."""
    parser = argparse.ArgumentParser(description="Quality of the network on unknown cameras.")
    parser.add_argument("scenes", type=needs.existing, nargs="+")
    parser.add_argument("responses", type=needs.existing)
    parser.add_argument("--radiance", type=needs.existing, action="append", required=True)
    parser.add_argument("--photographs", type=int, default=TrainingSettings.photographs)
    parser.add_argument("--folds", type=int, default=1, help="networks to train")
    parser.add_argument("--steps", type=int, default=TrainingSettings.steps)
    parser.add_argument("--run", type=Path, default=Path("strangers.run"))
    options = parser.parse_args()
    collections = [needs.material(scenes).triples for scenes in options.scenes]
    cameras = {str(triple.camera) for triples in collections for triple in triples}
    study = compare(options.responses, train_networks(sorted(cameras), options))
    for scenes, triples in zip(options.scenes, collections, strict=True):
        print(f"\n{scenes}")
        print_tables(tabulate(study, list(evaluate(study, triples))))


if __name__ == "__main__":
    needs.run(main)

"""The paper's experiment on one camera: y0, y0 with a network, and a network without y0.

    python benchmarks/one_camera.py SCENES --camera D2x --minutes 5
    python benchmarks/one_camera.py SCENES --camera D2x --tune

The scenes are split with a fixed seed; the response is measured on all frames of those to learn from.
Two networks of one size learn from the same patches for the same time: the *hybrid* one what y0
misses, except for the tone error of whole pictures; the *plain* one the whole picture, from the two
shots. Both end with the average of their last weights, whatever their quality on the scenes held out.

Printed are the figures on the scenes held out, and how soon the hybrid passes the plain network. With
``--tune``, ``expinterp tune`` runs instead on the scenes to learn from, of which it holds out some
itself. Its model is measured as by ``expinterp evaluate --model``: from two files only.

Needs the extra ``train`` (torch), and SCENES: a list of scenes or a folder, as for ``expinterp
evaluate``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import needs

needs.require("torch", "train")

import torch

from expinterp.cli.tables import print_tables
from expinterp.core.render import render
from expinterp.core.response.calibration import Profile
from expinterp.evaluation import (
    BUNDLED,
    Candidate,
    Case,
    Method,
    Study,
    Triple,
    evaluate,
    fidelity_study,
)
from expinterp.evaluation.tables import every_triple, overview
from expinterp.library import read_profile
from expinterp.pipeline import measure
from expinterp.refine import Refiner, open_refiner
from expinterp.training.build import TrainingOutputs
from expinterp.training.curves import curve_of, write_curves
from expinterp.training.export import export_network
from expinterp.training.run import read_log
from expinterp.training.settings import TrainingSettings
from expinterp.training.sources import BracketSource, collect_data, open_brackets
from expinterp.training.train import train
from expinterp.training.tune import TUNING, settings_for, tune

HELD_OUT = 7  # of 19 scenes
NETWORKS: dict[str, dict[str, Any]] = {
    "hybrid": {},
    "plain": {"plain": True, "sight": "shots", "tone": True},
}


def run_network(
    name: str, source: BracketSource, settings: TrainingSettings, runs: Path
) -> Refiner:
    """Train one of the two networks, or read one that was trained before."""
    folder = runs / name
    settings = replace(settings, **NETWORKS[name])
    data = collect_data([source], settings, cache=runs)
    print(*data.warnings, sep="\n")
    network = train(
        data.patches,
        settings,
        folder,
        held_out=data.held_out,
        on_log=lambda line: (
            print(f"{name}: {line}", flush=True) if line["step"] % 1000 == 0 else None
        ),
    )
    print(f"{name}: {network.multiply_adds:.0f} multiply-adds per pixel", flush=True)
    export_network(network, folder / "network.onnx", {})
    return open_refiner(folder / "network.onnx", device="cpu")


def compare(profile: Profile, refiners: dict[str, Refiner]) -> Study:
    """Return the methods to compare: y0 with the profile and the times, and y0 refined."""

    def made(refiner: Refiner | None) -> Any:
        def make(case: Case) -> Iterator[Candidate]:
            pair = measure(case.long, case.short, response=profile, ratio=case.triple.ratio)
            yield Candidate(render(pair, refiner=refiner).medium)

        return make

    study = fidelity_study(refiners={BUNDLED: open_refiner(device="cpu")})
    others = [each for each in study.methods if each.name in {"blind", BUNDLED, "opencv"}]
    methods = (
        Method("y0", "with the profile, times known", made(None)),
        *(Method(name, name, made(each), {"network": name}) for name, each in refiners.items()),
        *others,
    )
    return replace(study, methods=methods, base="y0")


def compare_networks(source: BracketSource, settings: TrainingSettings, runs: Path) -> None:
    """Train both networks, and print their quality."""
    print("held out:", ", ".join(source.held_out))
    refiners = {name: run_network(name, source, settings, runs) for name in NETWORKS}
    assert source.profile is not None
    report(compare(source.profile, refiners), source.held_out_triples)
    logs = {name: read_log(runs / name) for name in NETWORKS}
    print("the hybrid network passes the plain one's final PSNR", passing(*logs.values()))
    curves = {name: curve_of(log) for name, log in logs.items()}
    write_curves(runs / "curves.svg", curves, levels={"y0": logs["hybrid"][-1]["psnr_y0"]})


def try_tuning(source: BracketSource, runs: Path) -> None:
    """Tune on the scenes to learn from, and print the quality of the model on the others."""
    material = source.material
    learned = replace(
        material,
        triples=tuple(one for one in material.triples if one.scene in source.learned),
        brackets=tuple(one for one in material.brackets if one.scene in source.learned),
    )
    target = TrainingOutputs(
        runs / "tuned.onnx", runs / "tuned.md", runs / "tuned.run", overwrite=True
    )
    begun = time.monotonic()
    profile = runs / "tuned.json"
    tune(source.folder, learned, target, profile, settings_for(learned))
    print(f"tuned in {(time.monotonic() - begun) / 60:.1f} minutes")
    refiners = {"tuned": open_refiner(target.model, device="cpu"), BUNDLED: open_refiner()}
    study = fidelity_study(refiners=refiners, profile=read_profile(profile))
    report(replace(study, base=BUNDLED), source.held_out_triples)


def report(study: Study, triples: Sequence[Triple]) -> None:
    """Print the quality of the methods."""
    outcomes = list(evaluate(study, triples))
    print_tables([overview(study, outcomes), every_triple(study, outcomes)])


def passing(hybrid: list[dict[str, Any]], plain: list[dict[str, Any]]) -> str:
    """Report when the hybrid network passed the final PSNR of the plain one."""
    final, whole = plain[-1]["psnr"], plain[-1]["seconds"]
    for line in hybrid:
        if line["psnr"] >= final:
            share = line["seconds"] / whole
            return f"after {line['seconds']:.1f} s, {share:.1%} of the time"
    return "never"


def main() -> None:
    """Split the scenes, and train both networks or tune."""
    parser = argparse.ArgumentParser(description="The paper's experiment on one camera.")
    parser.add_argument("scenes", type=needs.existing)
    parser.add_argument("--camera", default="D2x")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training, per network")
    parser.add_argument("--width", type=int, default=TUNING.width, help="of both networks")
    parser.add_argument("--held-out", type=int, default=HELD_OUT, help="scenes")
    parser.add_argument("--runs", type=Path, default=Path("one_camera.run"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tune", action="store_true", help="run 'expinterp tune' instead")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.runs.mkdir(exist_ok=True)
    material = needs.material(options.scenes, options.camera)
    settings = replace(TUNING, width=options.width, minutes=options.minutes)
    settings = replace(settings, held_out=options.held_out, best=False)
    source = open_brackets(options.scenes, material, settings)
    if options.tune:
        try_tuning(source, options.runs)
    else:
        compare_networks(source, settings, options.runs)


if __name__ == "__main__":
    needs.run(main)

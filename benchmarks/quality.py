"""``expinterp evaluate`` with methods for developers: unknown cameras, shared responses, ladders.

    python benchmarks/quality.py SCENES [SCENES ...] RESPONSES
    python benchmarks/quality.py SCENES RESPONSES --camera D2x --only calibrated
    python benchmarks/quality.py dev.json brackets-2.json RESPONSES --only stranger --only named

These are added to the methods of ``evaluate``:

    unaligned   as blind, camera motion not corrected
    stranger    as blind, the camera's own curves left out of the prior
    named       as blind, the prior narrowed to the curves of the camera's other scenes; cameras
                without such curves are left out
    shared      with one response for all triples of the camera, estimated from their long and short
                shots; cameras of a single triple as blind
    timed       the same, with known exposure ratios
    ladder      what the network adds at other exposures than the medium, by position between
                short (0) and long (1), where frames one stop apart are there to compare with

Needs SCENES: lists of scenes or folders, as for ``expinterp evaluate``, with tables for each; and
RESPONSES: the folder of curves that `expinterp.training.prior` reads.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import needs
import numpy as np

from expinterp.cli.tables import print_tables
from expinterp.core.render import render
from expinterp.core.response.calibration import Profile
from expinterp.core.response.prior import ResponsePrior, estimate_shared, load_prior
from expinterp.evaluation import (
    BUNDLED,
    Candidate,
    Case,
    Material,
    Method,
    Profiles,
    Study,
    Table,
    Triple,
    evaluate,
    fidelity_study,
    open_case,
    tabulate,
)
from expinterp.images import read_photograph
from expinterp.metrics import psnr
from expinterp.pipeline import measure
from expinterp.refine import Refiner, open_refiner
from expinterp.training.prior import CAMERAS, build_prior

STOPS = "D2x"  # the camera whose frames are one stop apart, numbered from dark to bright


def extra_methods(triples: Sequence[Triple], responses: Path) -> tuple[Method, ...]:
    """Return the methods that ``evaluate`` does not have."""

    @cache
    def prior(camera: str | None) -> ResponsePrior:
        return ResponsePrior.from_arrays(build_prior(responses, without=str(camera)))

    @cache
    def of_others(camera: str | None, scene: str) -> ResponsePrior | None:
        arrays = build_prior(responses, without_scene=scene)
        name = CAMERAS.get(str(camera), str(camera))
        return ResponsePrior.from_arrays(arrays).of_camera(name)

    @cache
    def shared(camera: str | None, *, timed: bool) -> Profile | None:
        mine = [triple for triple in triples if triple.camera == camera]
        return share(mine, timed=timed) if len(mine) > 1 else None

    def unaligned(case: Case) -> Iterator[Candidate]:
        yield Candidate(render(measure(case.long, case.short, align=False)).medium)

    def stranger(case: Case) -> Iterator[Candidate]:
        pair = measure(case.long, case.short, prior=prior(case.triple.camera))
        yield Candidate(render(pair).medium)

    def named(case: Case) -> Iterator[Candidate]:
        own = of_others(case.triple.camera, case.triple.scene)
        if own is not None:
            yield Candidate(render(measure(case.long, case.short, prior=own)).medium)

    def with_shared(case: Case, *, timed: bool) -> Iterator[Candidate]:
        profile = shared(case.triple.camera, timed=timed)
        ratio = case.triple.ratio if timed else None
        pair = measure(case.long, case.short, response=profile, ratio=ratio)
        yield Candidate(render(pair).medium)

    return (
        Method("unaligned", "y0, images not aligned", unaligned),
        Method("stranger", "y0, camera unknown to the prior", stranger),
        Method("named", "y0, camera known from its other scenes", named),
        Method("shared", "y0, one response per camera", partial(with_shared, timed=False)),
        Method("timed", "the same, times known", partial(with_shared, timed=True)),
    )


def share(triples: Sequence[Triple], *, timed: bool) -> Profile:
    """Estimate one response for triples of one camera from their long and short shots."""
    levels = [open_case(triple).pair.levels for triple in triples]
    stated = [float(np.log(triple.ratio)) if timed else None for triple in triples]
    found = estimate_shared(levels, load_prior(), stated=stated)
    return Profile(found.response, 0.0, 2 * len(triples), scale=found.scale)


def measure_ladder(triples: Sequence[Triple], refiner: Refiner) -> Table:
    """Measure what the network adds at the position of every frame between the two."""
    gains: dict[float, list[float]] = {}
    for triple in triples:
        if STOPS in (triple.camera or ""):
            for position, gain in gains_between(triple, refiner):
                gains.setdefault(round(position, 2), []).append(gain)
    rows = (
        (f"{at:.2f}", f"{len(v)}", f"{np.mean(v):+.2f}", f"{np.mean(np.array(v) < -0.2):.0%}")
        for at, v in sorted(gains.items())
    )
    return Table("ladder", ("position", "images", "gain dB", "worse by > 0.2"), tuple(rows))


def gains_between(triple: Triple, refiner: Refiner) -> Iterator[tuple[float, float]]:
    """Yield the position of every frame between the two, and what the network adds there in dB."""
    pair = open_case(triple).pair
    top, bottom = int(triple.long.stem), int(triple.short.stem)
    for stop in range(bottom + 1, top):
        path = triple.long.with_stem(f"{stop:02d}")
        if path.exists():
            position = (stop - bottom) / (top - bottom)
            truth = read_photograph(path).pixels
            made = [render(pair, position, refiner=each).medium for each in (None, refiner)]
            yield position, psnr(made[1], truth) - psnr(made[0], truth)


def main() -> None:
    """Measure every method on every triple and print the tables."""
    parser = argparse.ArgumentParser(description="Quality of y0 and of the refined image.")
    parser.add_argument("scenes", type=needs.existing, nargs="+")
    parser.add_argument("responses", type=needs.existing)
    parser.add_argument("--camera", default="", help="only cameras whose name contains this")
    parser.add_argument("--only", action="append", default=[], help="only these methods, or ladder")
    parser.add_argument("--model", type=needs.existing)
    options = parser.parse_args()
    refiner = open_refiner(options.model, device="cpu")
    for scenes in options.scenes:
        print(f"{scenes}\n", flush=True)
        measure_scenes(needs.material(scenes, options.camera), refiner, options)


def measure_scenes(material: Material, refiner: Refiner, options: argparse.Namespace) -> None:
    """Measure the chosen methods on one collection of scenes and print the tables."""
    study = fidelity_study(refiners={BUNDLED: refiner}, profiles=Profiles(material.brackets))
    extras = extra_methods(material.triples, options.responses)
    study = replace(study, methods=(*study.methods, *extras))
    chosen = [name for name in options.only if name != "ladder"]
    if chosen or not options.only:
        report(study.only(chosen), material.triples)
    if "ladder" in options.only or not options.only:
        print_tables([measure_ladder(material.triples, refiner)])


def report(study: Study, triples: Sequence[Triple]) -> None:
    """Print the tables of a study; a failed triple ends it."""
    outcomes = list(evaluate(study, triples))
    print_tables(tabulate(study, outcomes))
    for failure in (failure for one in outcomes for failure in one.failures):
        raise SystemExit(str(failure))


if __name__ == "__main__":
    needs.run(main)

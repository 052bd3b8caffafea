"""Upper bounds of what a second stage could add to y0: parts of the ground truth are put into y0.

    python benchmarks/bounds.py SCENES

Two errors of y0 could be corrected by arithmetic on the pixels of the pair. The *tone*: the estimated
response, the same for all pixels; here a curve per channel is fitted to the photographed medium, its
mean at every code value. And the *share* with which the darkened long and the brightened short
exposure are averaged; here the best one for every cell of code values of the two, fitted to the
photographed medium. In use neither is known. They bound what tones and shares by code value can
do; a network that sees adjacent pixels can do a little more in places.

Needs SCENES: a list of scenes or a folder, as for ``expinterp evaluate``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace

import needs
import numpy as np
from numpy.typing import NDArray

from expinterp.cli.tables import print_tables
from expinterp.core.arrays import Floats
from expinterp.core.exposure import MEDIUM
from expinterp.core.mapping import CODES
from expinterp.core.render import render
from expinterp.evaluation import (
    BUNDLED,
    Candidate,
    Case,
    Method,
    evaluate,
    fidelity_study,
    tabulate,
)
from expinterp.images import Pixels
from expinterp.refine import open_refiner

SIDE = (16, 32)  # code values of long and short per cell of equal share


def toned(make: Callable[[Case], Pixels]) -> Callable[[Case], Iterator[Candidate]]:
    """Replace every code value of a method by the mean of the ground truth there."""

    def with_tone(case: Case) -> Iterator[Candidate]:
        made = make(case)
        means = [
            mean_by(made[..., c], case.medium[..., c].astype(np.float64), CODES)[made[..., c]]
            for c in range(made.shape[2])
        ]
        yield Candidate(to_pixels(np.stack(means, axis=-1)))

    return with_tone


def mean_by(index: NDArray[np.intp], values: Floats, size: int) -> Floats:
    """Average values by index; 0 where there are none."""
    count = np.bincount(index.ravel(), minlength=size)
    return np.bincount(index.ravel(), values.ravel(), size) / np.maximum(count, 1)


def share(case: Case) -> Pixels:
    """Average the two estimates with the best share for each cell of code values."""
    pair = case.pair
    planes = pair.blend(MEDIUM).mapped(pair.long, pair.short)
    darkened, brightened = (255.0 * plane.transpose(1, 2, 0) for plane in planes)
    apart, missing = darkened - brightened, case.medium - brightened
    rows = CODES // SIDE[1]
    cell = pair.long // SIDE[0] * np.intp(rows) + pair.short // SIDE[1]
    size = CODES // SIDE[0] * rows
    part = mean_by(cell, apart * missing, size) / np.maximum(mean_by(cell, apart**2, size), 1e-9)
    return to_pixels(brightened + np.clip(part, 0, 1)[cell] * apart)


def to_pixels(values: Floats) -> Pixels:
    """Round to 8 bits."""
    return np.clip(np.rint(values), 0, CODES - 1).astype(np.uint8)


def main() -> None:
    """Measure every bound on every 8-bit triple and print the tables."""
    parser = argparse.ArgumentParser(description="Upper bounds of what refining can add to y0.")
    parser.add_argument("scenes", type=needs.existing)
    options = parser.parse_args()
    refiner = open_refiner(device="cpu")
    network = fidelity_study(refiners={BUNDLED: refiner}).only(["blind", BUNDLED])

    def stage_one(case: Case) -> Pixels:
        return render(case.pair).medium

    def both(case: Case) -> Pixels:
        return render(case.pair, refiner=refiner).medium

    def shared(case: Case) -> Iterator[Candidate]:
        yield Candidate(share(case))

    bounds = (
        Method("share", "y0, shares fitted to the ground truth", shared),
        Method("tone", "y0, then a curve per channel fitted to it", toned(stage_one)),
        Method("tone+refined", "refined, then such a curve", toned(both)),
        Method("tone+share", "share, then such a curve", toned(share)),
    )
    study = replace(network, methods=(*network.methods, *bounds))
    outcomes = evaluate(study, needs.material(options.scenes).triples)
    print_tables(tabulate(study, list(outcomes)))


if __name__ == "__main__":
    needs.run(main)

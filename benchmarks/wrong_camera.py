"""What the curves of a camera are worth, and what wrong ones cost: pictures may have been edited.

    python benchmarks/wrong_camera.py SCENES

y0 of each triple whose camera the library knows:

    all         with the curves of all cameras, as if it were unknown
    named       with those of its camera
    wrong       with those of two other cameras, drawn at random
    presumed    the same, if only the files name these cameras: where no curve fits, all are used

Needs SCENES: a list of scenes or a folder, as for ``expinterp evaluate``. Scenes whose own curve is
in the package flatter ``named``; ``quality.py`` leaves it out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from zlib import crc32

import needs
import numpy as np

from expinterp.cli.tables import print_tables
from expinterp.core.render import render
from expinterp.evaluation import Candidate, Case, Method, Triple, evaluate, fidelity_study, tabulate
from expinterp.library import ANY, open_library
from expinterp.pipeline import measure
from expinterp.training.prior import CAMERAS

WRONG = 2  # other cameras for each triple


def camera_of(triple: Triple) -> str | None:
    """Return the name by which the library knows the camera of a triple; None if it does not."""
    return open_library().find(CAMERAS.get(str(triple.camera), triple.camera))


def others(triple: Triple) -> list[str]:
    """Draw other cameras, for each scene the same ones."""
    names = [name for name in open_library().cameras if name != camera_of(triple)]
    random = np.random.default_rng(crc32(str(triple.scene).encode()))
    return list(map(str, random.choice(names, WRONG, replace=False)))


def compute(case: Case, cameras: Sequence[str], *, presumed: bool = False) -> Iterator[Candidate]:
    """Compute y0 with the curves of each camera in turn."""
    for name in cameras:
        prior = open_library().narrow((), named=name)
        prior = prior and replace(prior, presumed=presumed)
        yield Candidate(render(measure(case.long, case.short, prior=prior)).medium)


def main() -> None:
    """Measure every method on every triple and print the tables."""
    parser = argparse.ArgumentParser(description="What right and wrong cameras are worth.")
    parser.add_argument("scenes", type=needs.existing)
    options = parser.parse_args()
    triples = [one for one in needs.material(options.scenes).triples if camera_of(one)]
    methods = (
        Method("all", "the curves of all cameras", partial(compute, cameras=[ANY])),
        Method(
            "named",
            "those of its camera",
            lambda case: compute(case, [str(camera_of(case.triple))]),
        ),
        Method("wrong", "those of another one", lambda case: compute(case, others(case.triple))),
        Method(
            "presumed",
            "the same, if they fit",
            lambda case: compute(case, others(case.triple), presumed=True),
        ),
    )
    study = replace(fidelity_study(refiners={}), methods=methods, base="all")
    print_tables(tabulate(study, list(evaluate(study, triples))))


if __name__ == "__main__":
    needs.run(main)

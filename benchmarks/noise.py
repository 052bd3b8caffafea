"""Noise that is left where only the short shot shows the scene.

    python benchmarks/noise.py SCENES

Looked at are pixels that are clipped in the long shot (a channel at 250 or more) and not in the
photographed medium. Noise is what a Gaussian of 2 pixels takes away where the medium is flat, of
luminance and of the colour differences R − G and B − G; detail is the same where it has texture. All
are relative to those of the photographed medium: 1 is a clean photograph. Pictures with too few such
pixels count for the PSNR only.

Needs SCENES: a list of scenes or a folder, as for ``expinterp evaluate``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import needs
import numpy as np

from expinterp.cli.tables import print_tables
from expinterp.core.arrays import Mask, Plane
from expinterp.core.denoise import Denoise
from expinterp.core.denoise.bands import to_opponents, to_planes
from expinterp.core.render import render
from expinterp.evaluation import (
    Candidate,
    Case,
    Method,
    Outcome,
    Table,
    evaluate,
    fidelity_study,
    tabulate,
)
from expinterp.evaluation.study import Column, Scores
from expinterp.images import Pixels
from expinterp.metrics import psnr
from expinterp.refine import Refiner, open_refiner

FEWEST = 1500  # pixels needed
MOST_LOST = 3  # triples listed
FLAT, TEXTURED = 0.6, 3.0  # code values per pixel: largest slope of flat areas, least of texture
LEAST = 0.6  # code values: noise that rounding alone leaves
COLUMNS = (
    Column("psnr", "PSNR dB", "against the photographed medium", 2),
    Column("luminance", "luminance", "noise of luminance / that of the medium", 2, rises=False),
    Column("colour", "colour", "noise of colour / that of the medium", 2, rises=False),
    Column("detail", "detail", "texture / that of the medium", 3),
)


def places(case: Case) -> tuple[Mask, Mask]:
    """Mark the pixels that only the short shot shows: in flat areas, and in textured ones."""
    long, medium = (np.stack(to_planes(image)) for image in (case.long, case.medium))
    shown = (long.max(0) >= 250) & (medium.min(0) > 8) & (medium.max(0) < 240)
    shown = cv2.erode(shown.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    smooth = cv2.GaussianBlur(medium.mean(axis=0), (0, 0), 3)
    slope = np.hypot(*(cv2.Sobel(smooth, -1, *order) / 8 for order in ((1, 0), (0, 1))))
    return shown & (slope < FLAT), shown & (slope > TEXTURED)


def fine(image: Pixels) -> list[Plane]:
    """Return the finest detail of luminance and of both colour differences."""
    return [p - cv2.GaussianBlur(p, (0, 0), 2) for p in to_opponents(to_planes(image))]


def score(case: Case, candidate: Candidate) -> Scores:
    """Compare the noise of a result with that of the medium; None where too few pixels show it."""
    flat, textured = places(case)
    scores: dict[str, float | None] = {"psnr": psnr(candidate.pixels, case.medium)}
    made, taken = fine(candidate.pixels), fine(case.medium)

    def ratio(planes: slice, where: Mask, least: float) -> float | None:
        if where.sum() < FEWEST or not made[planes]:
            return None
        spreads = (
            np.mean([plane[where].std() for plane in part[planes]]) for part in (made, taken)
        )
        noise, natural = map(float, spreads)
        return noise / max(natural, least)

    return scores | {
        "luminance": ratio(slice(1), flat, LEAST),
        "colour": ratio(slice(1, None), flat, LEAST),
        "detail": ratio(slice(1), textured, 1e-9),
    }


def rendered(refiner: Refiner | None, denoise: Denoise) -> Method:
    """Return the method that renders the medium with a strength of denoising."""

    def make(case: Case) -> Iterator[Candidate]:
        yield Candidate(render(case.pair, refiner=refiner, denoise=denoise).medium)

    names = {(False, "off"): "y0", (True, "off"): "noisy", (True, "auto"): "denoised"}
    name = names[refiner is not None, str(denoise)]
    return Method(name, f"--denoise {denoise}" if refiner else "without the network", make)


def losses(outcomes: Sequence[Outcome]) -> Table:
    """List the triples that lose most PSNR by denoising."""
    changes = {
        one.triple.name: (one.scores["denoised"]["psnr"] or 0) - (one.scores["noisy"]["psnr"] or 0)
        for one in outcomes
    }
    least = sorted(changes, key=changes.__getitem__)[:MOST_LOST]
    rows = tuple((name, f"{changes[name]:+.3f}") for name in least)
    return Table("PSNR lost by denoising", ("triple", "dB"), rows)


def main() -> None:
    """Measure every triple and print the tables."""
    parser = argparse.ArgumentParser(description="Noise where only the short shot shows the scene.")
    parser.add_argument("scenes", type=needs.existing)
    options = parser.parse_args()
    network = open_refiner()
    methods = (rendered(None, "off"), rendered(network, "off"), rendered(network, "auto"))
    study = replace(
        fidelity_study(refiners={}), methods=methods, columns=COLUMNS, base="noisy", score=score
    )
    triples = needs.material(options.scenes).triples
    outcomes = list(evaluate(study, triples))
    for failure in (failure for one in outcomes for failure in one.failures):
        raise SystemExit(str(failure))
    print_tables([*tabulate(study, outcomes), losses(outcomes)])


if __name__ == "__main__":
    needs.run(main)

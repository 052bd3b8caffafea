"""How similar simulated photographs are to real ones, in what the network learns from them.

    python benchmarks/realism.py SCENES RADIANCE RESPONSES

Stage one has two estimates of the medium: the long exposure darkened and the short one brightened.
Where they differ, the medium lies between them; how far towards the darkened one is the *share* that
a network has to learn. Shares and differences (standard deviation, code values) are printed by code
value of the long exposure, medians over triples: of real brackets, and of pictures rendered as for
training, by their reduction in size. The tone error, which pixels of one code value have in common,
is left out.

Needs the extra ``train`` (torch); SCENES: a list of scenes or a folder, as for ``expinterp evaluate``;
RADIANCE and RESPONSES: the folders of ``expinterp train``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import needs

needs.require("torch", "train")

import numpy as np

from expinterp.cli.tables import print_tables
from expinterp.evaluation import Table, find_material
from expinterp.training.brackets import BracketTriple, read_triples
from expinterp.training.patches import StageOneImages, TrainingTriple
from expinterp.training.simulator import triples
from expinterp.training.simulator.camera import REDUCED, draw_camera, read_responses
from expinterp.training.sources import RADIANCE

CODES = (30, 60, 100, 140, 180, 200, 215, 230, 240, 247, 252, 256)  # bounds of the rows
FEWEST = 200  # pixels of a meaningful estimate
RENDERED = 60  # photographs of each kind
SEED = 5


def compare(triple: TrainingTriple, images: StageOneImages) -> np.ndarray:
    """Compute share and difference for every row, (rows, 2); nan where there are too few pixels."""
    _, darkened, brightened = (255 * each.astype(np.float64) for each in images)
    apart, missing = darkened - brightened, triple.medium - brightened
    found = np.full((len(CODES) - 1, 2), np.nan)
    for row, (low, high) in enumerate(pairwise(CODES)):
        inside = (triple.long >= low) & (triple.long < high) & (triple.short > 2)
        parts = [
            np.stack([side[..., c][inside[..., c]] for side in (apart, missing)])
            for c in range(3)
            if inside[..., c].sum() >= FEWEST
        ]
        if parts:
            x, y = np.hstack([part - part.mean(axis=1, keepdims=True) for part in parts])
            found[row] = (x @ y) / max(x @ x, 1e-9), x.std()
    return found


def real(scenes: Path) -> Iterator[np.ndarray]:
    """Compare every triple of photographed brackets that is usable."""
    for triple in read_triples(find_material(scenes).triples, known="nothing"):
        if isinstance(triple, BracketTriple):
            yield compare(triple, triple.stage_one)


def rendered(maps: list[np.ndarray], responses: Path, reduction: int) -> Iterator[np.ndarray]:
    """Compare rendered triples of one reduction."""
    curves = read_responses(responses)
    stage_one = triples.StageOneOfPair(responses, unknown=0.6, seed=SEED)
    random = np.random.default_rng(SEED)
    drawn = iter(lambda: draw_camera(curves, random), None)
    cameras = (camera for camera in drawn if camera.reduction == reduction)
    for number, camera in enumerate(islice(cameras, RENDERED)):
        window = triples.cut_window(maps[number % len(maps)], reduction, random)
        triple = triples.render_triple(window, camera, random)
        if triples.is_informative(triple):
            yield compare(triple, stage_one(triple))


def main() -> None:
    """Compare, and print the tables."""
    parser = argparse.ArgumentParser(
        description="How similar simulated photographs are to real ones."
    )
    parser.add_argument("scenes", type=needs.existing)
    parser.add_argument("radiance", type=needs.existing)
    parser.add_argument("responses", type=needs.existing)
    options = parser.parse_args()
    needs.material(options.scenes)
    paths = sorted(path for path in options.radiance.iterdir() if path.suffix in RADIANCE)
    maps = [triples.read_radiance(path) for path in paths]
    kinds = {"real": real(options.scenes)}
    for reduction in range(1, len(REDUCED) + 1):
        kinds[f"1/{reduction}"] = rendered(maps, options.responses, reduction)
    medians = {name: np.nanmedian(list(found), axis=0) for name, found in kinds.items()}
    for side, caption in enumerate(("share of the darkened estimate", "difference of the two")):
        rows = [
            (f"{low}–{high - 1}", *(f"{each[row, side]:.2f}" for each in medians.values()))
            for row, (low, high) in enumerate(pairwise(CODES))
        ]
        print_tables([Table(caption, ("long", *medians), tuple(rows))])


if __name__ == "__main__":
    needs.run(main)

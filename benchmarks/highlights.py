"""Highlights of whole brackets, fused by this package and by enfuse.

    python benchmarks/highlights.py SCENES

All frames of each scene that has five or more are fused at full size. Printed are the share of the
pixels whose luma lies above 250, and MEF-SSIM at 900 pixels against all frames.

Needs SCENES: a list of scenes or a folder, as for ``expinterp evaluate``, and enfuse (Debian: ``apt
install enfuse``).
"""

from __future__ import annotations

import argparse

import needs
import numpy as np

from expinterp.cli.tables import print_tables
from expinterp.core.denoise.bands import to_grey
from expinterp.evaluation import Table
from expinterp.evaluation.peers import enfuse, to_rgb8
from expinterp.evaluation.scenes.triples import TimedBracket
from expinterp.images import Pixels, read_photograph
from expinterp.metrics import mef_ssim
from expinterp.metrics.assessment import shrink
from expinterp.pipeline import fuse

FEWEST = 5  # frames
WHITE = 250  # code value


def measure(shots: list[Pixels], fused: Pixels) -> tuple[float, float]:
    """Compute the share of pixels above `WHITE`, and MEF-SSIM against all frames."""
    share = float((to_grey(to_rgb8(fused)) > WHITE).mean())
    return share, mef_ssim([to_rgb8(shrink(shot)) for shot in shots], to_rgb8(shrink(fused)))


def compare(bracket: TimedBracket) -> list[tuple[float, float]]:
    """Fuse a bracket by this package and by enfuse, and measure both."""
    shots = [read_photograph(file).pixels for file in bracket.files]
    return [measure(shots, result) for result in (fuse(shots).fused, enfuse(shots).pixels)]


def main() -> None:
    """Fuse every bracket and print the table."""
    parser = argparse.ArgumentParser(description="Highlights of fused brackets.")
    parser.add_argument("scenes", type=needs.existing)
    options = parser.parse_args()
    brackets = needs.material(options.scenes).brackets
    found = {b.scene: compare(b) for b in brackets if len(b.files) >= FEWEST}
    found["mean"] = [(float(a), float(b)) for a, b in np.mean(list(found.values()), axis=0)]
    rows = [
        (scene, *(f"{100 * share:.3f}" for share, _ in both), *(f"{mef:.4f}" for _, mef in both))
        for scene, both in found.items()
    ]
    headers = ("scene", "white %", "enfuse", "MEF-SSIM", "enfuse")
    print_tables([Table("whole brackets", headers, tuple(rows))])


if __name__ == "__main__":
    needs.run(main)

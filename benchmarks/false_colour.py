"""Patches of false colour, in pictures from exposures that lie far apart.

    python benchmarks/false_colour.py SCENES --pictures FOLDER

Each result of the bundled network is compared with the photographed medium: a* and b* of CIELAB,
smoothed by a Gaussian of 4 pixels. Adjacent pixels that differ by more than 15 form a patch. Listed
are the triples with a patch above 0.2 % of the picture. Some medium shots differ from both outer ones
in white balance, or in what moved, so look at the crops: ``--pictures`` writes the long shot, the short
one brightened four times, the result and the medium around the largest patch.

Needs SCENES: a list of scenes or a folder, as for ``expinterp evaluate``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import needs
import numpy as np

from expinterp.cli.tables import print_tables
from expinterp.core.arrays import Floats, Plane, Planes
from expinterp.core.render import render
from expinterp.evaluation import Table
from expinterp.evaluation.peers import to_rgb8
from expinterp.evaluation.scenes.cases import Case, open_case
from expinterp.images import Pixels, write_photograph
from expinterp.refine import open_refiner

FAR = 5.5  # EV
SMOOTH = 4.0  # pixels
FALSE = 15.0  # CIELAB: difference of colour that shows at once
LARGE = 0.002  # of the picture
AROUND = 40  # pixels of a crop around a patch
BRIGHTENED = 4  # times


def colour(image: Pixels) -> Planes:
    """Compute smoothed a* and b*: (rows, cols, 2)."""
    lab = cv2.cvtColor(to_rgb8(image) / np.float32(255), cv2.COLOR_RGB2LAB)
    return np.asarray(cv2.GaussianBlur(lab[..., 1:], (0, 0), SMOOTH))


def find_patches(difference: Plane) -> tuple[Floats, tuple[slice, slice]]:
    """Return the shares of all patches, largest first, and where the largest one is."""
    false = (difference > FALSE).astype(np.uint8)
    _, _, found, _ = cv2.connectedComponentsWithStats(false)
    found = found[1:][np.argsort(-found[1:, cv2.CC_STAT_AREA], kind="stable")]
    col, row, cols, rows, _ = found[0] if len(found) else (0, 0, 0, 0, 0)
    at = (
        slice(max(start - AROUND, 0), start + size + AROUND)
        for start, size in ((row, rows), (col, cols))
    )
    return found[:, cv2.CC_STAT_AREA] / false.size, tuple(at)


def write_crops(path: Path, case: Case, result: Pixels, at: tuple[slice, slice]) -> None:
    """Write crops of the shots, the result and the medium side by side."""
    long, short, result, medium = (
        to_rgb8(each[at]) for each in (case.long, case.short, result, case.medium)
    )
    bright = cv2.convertScaleAbs(short, alpha=BRIGHTENED)
    write_photograph(np.hstack([long, bright, result, medium]), path)


def main() -> None:
    """Measure every triple that lies far apart, and print the table."""
    parser = argparse.ArgumentParser(description="Patches of false colour.")
    parser.add_argument("scenes", type=needs.existing)
    parser.add_argument("--pictures", type=Path)
    options = parser.parse_args()
    refiner = open_refiner()
    rows, count = [], 0
    for triple in needs.material(options.scenes).triples:
        if triple.ev < FAR:
            continue
        case, count = open_case(triple), count + 1
        result = render(case.pair, refiner=refiner).medium
        shares, at = find_patches(
            np.hypot(*(colour(result) - colour(case.medium)).transpose(2, 0, 1))
        )
        large = [f"{100 * share:.2f}" for share in shares if share > LARGE]
        if large:
            rows.append((triple.name, f"{triple.ev:.1f}", ", ".join(large)))
        if large and options.pictures:
            options.pictures.mkdir(parents=True, exist_ok=True)
            write_crops(options.pictures / f"{triple.name.replace('/', ' ')}.png", case, result, at)
    title = f"triples with large patches of false colour, of {count} from {FAR} EV on"
    print_tables([Table(title, ("triple", "EV", "patches, % of the picture"), tuple(rows))])


if __name__ == "__main__":
    needs.run(main)

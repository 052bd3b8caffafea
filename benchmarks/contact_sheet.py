"""A contact sheet of fused pictures beside those of enfuse and OpenCV's MergeMertens.

    python benchmarks/contact_sheet.py PANORAMAS -o sheet.jpg
    python benchmarks/contact_sheet.py PANORAMAS -o examples/fused.jpg --width 280 --scene lobby

Scenes are views into panoramas, photographed twice by the camera simulator, 4 or 6 stops apart.
Columns: long, short, then every method of ``expinterp evaluate --fusion`` that uses these two only.

Needs PANORAMAS: the folder of .hdr files from the npm package ``@pmndrs/assets``. Enfuse is optional.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import needs
import numpy as np

from expinterp.evaluation import BUNDLED
from expinterp.evaluation.fusions import fusions
from expinterp.refine import open_refiner
from expinterp.training.simulator.camera import photograph
from expinterp.training.simulator.render import VIEWS, View, example_camera, project
from expinterp.training.simulator.triples import read_radiance

MARGIN = 6  # pixels
QUALITY = 90
SCENES = VIEWS | {
    "hall": View("hall", 0, 0, 95, 3.0, Fraction(1, 30), 6),
    "lobby": View("lobby", 120, 0, 95, 2.0, Fraction(1, 30), 6),
    "venice": View("venice", 0, 5, 95, 2.0, Fraction(1, 30), 6),
    "workshop": View("workshop", 180, 0, 95, 2.0, Fraction(1, 30), 6),
}


def render_pair(view: View, panorama: np.ndarray) -> list[np.ndarray]:
    """Simulate a long and a short photograph of a view."""
    random = np.random.default_rng(0)
    radiance = project(panorama, view) / np.float32(view.white)
    factor = 2.0 ** (view.ev_step / 2)
    return [photograph(radiance, each, example_camera(), random) for each in (factor, 1 / factor)]


def render_rows(panoramas: Path, scenes: Sequence[str]) -> Iterator[list[np.ndarray]]:
    """Fuse every scene with every method."""
    methods = fusions({BUNDLED: open_refiner()})
    print("columns: long, short,", ", ".join(methods))
    for name in scenes:
        view = SCENES[name]
        pair = render_pair(view, read_radiance(panoramas / f"{view.panorama}.hdr"))
        print("row:", name, f"{view.ev_step} EV", flush=True)
        yield [*pair, *(fuse(pair).pixels for fuse in methods.values())]


def arrange(
    rows: Sequence[Sequence[np.ndarray]], width: int, *, background: int = 90
) -> np.ndarray:
    """Arrange rows of pictures on a grey sheet, each `width` pixels wide."""
    strips = []
    for row in rows:
        size = (width, round(width * row[0].shape[0] / row[0].shape[1]))
        method = cv2.INTER_AREA if row[0].shape[1] > width else cv2.INTER_NEAREST
        small = [cv2.resize(picture, size, interpolation=method) for picture in row]
        margins = ((0, MARGIN), (0, MARGIN), (0, 0))
        strips.append(np.hstack([np.pad(p, margins, constant_values=background) for p in small]))
    return np.vstack(strips)


def main() -> None:
    """Render, fuse, and write the sheet."""
    parser = argparse.ArgumentParser(description="A contact sheet of fused pictures.")
    parser.add_argument("panoramas", type=needs.existing)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--scene", choices=SCENES, action="append", help="only these scenes")
    parser.add_argument("--width", type=int, default=420, help="of a picture, pixels")
    options = parser.parse_args()
    rows = list(render_rows(options.panoramas, options.scene or list(SCENES)))
    sheet = cv2.cvtColor(arrange(rows, options.width), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(options.output), sheet, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    needs.run(main)

"""The pictures of docs/evidence.md, of rendered scenes, and how sparse the unmodelled information is.

    python benchmarks/evidence.py PANORAMAS --render card
    expinterp tune card -o simulated.onnx
    python benchmarks/evidence.py PANORAMAS -o docs --model simulated.onnx --scenes SCENES

Scenes are those of ``examples/`` and of `benchmarks/contact_sheet.py`: views into panoramas,
photographed by the camera simulator. The first command writes brackets of the other panoramas, taken
by the same camera; the second learns that camera from them. With ``--scenes`` the share of values
near zero is also counted on photographs, which are not shown.

Needs PANORAMAS: the folder of .hdr files from the npm package ``@pmndrs/assets``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import cv2
import needs
import numpy as np
from contact_sheet import MARGIN, SCENES, arrange

from expinterp.core.render import render
from expinterp.evaluation import open_case
from expinterp.evaluation.fidelity import worst_place
from expinterp.images import Metadata, with_exposure_time, write_photograph
from expinterp.metrics import psnr
from expinterp.pipeline import measure
from expinterp.refine import Refiner, open_refiner
from expinterp.training.simulator.camera import photograph
from expinterp.training.simulator.render import View, example_camera, project
from expinterp.training.simulator.triples import read_radiance

SHOWN = ("window", "lobby", "venice")
NEAR = (1, 2, 4, 8)  # code values
AMPLIFY = 8  # of the unmodelled information, around mid-grey
WIDTH = 420  # of a picture on a sheet, pixels
BRIGHTNESS = 8  # white of the medium of a rendered bracket, over the median radiance
HEAD = 26  # pixels above a sheet
QUALITY = 88
GREY = 128


def photograph_view(view: View, panorama: np.ndarray) -> dict[str, np.ndarray]:
    """Simulate a long, a medium and a short photograph of a view."""
    random = np.random.default_rng(0)
    radiance = project(panorama, view) / np.float32(view.white)
    times = {"long": 2.0 ** (view.ev_step / 2), "medium": 1.0, "short": 2.0 ** (-view.ev_step / 2)}
    return {n: photograph(radiance, t, example_camera(), random) for n, t in times.items()}


def render_brackets(panoramas: Path, folder: Path) -> None:
    """Write brackets of the other panoramas: two directions each, five exposures, 2 EV apart."""
    shown = {SCENES[name].panorama for name in SHOWN}
    for path in sorted(panoramas.glob("*.hdr")) + sorted(panoramas.glob("*.exr")):
        radiance = read_radiance(path)
        if path.stem in shown or radiance.shape[1] != 2 * radiance.shape[0]:
            continue
        for yaw in (0, 180):
            seen = project(radiance, View(path.stem, yaw, 0, 95, 1.0, Fraction(1, 60), 4))
            seen /= np.float32(BRIGHTNESS * np.median(seen.mean(axis=2)))
            target = folder / f"{path.stem}-{yaw}"
            target.mkdir(parents=True)
            for stop in range(-4, 5, 2):
                random = np.random.default_rng(stop + 4)
                pixels = photograph(seen, 2.0**stop, example_camera(), random)
                metadata = with_exposure_time(Metadata(), 2.0 ** (stop - 6))
                write_photograph(pixels, target / f"{stop + 4:02d}.png", metadata=metadata)


def compute(shots: dict[str, np.ndarray], refiner: Refiner) -> dict[str, np.ndarray]:
    """Compute y0 and the refined image."""
    profile = refiner.contract.profile
    pair = measure(shots["long"], shots["short"], response=profile)
    return {"y0": render(pair).medium, "refined": render(pair, refiner=refiner).medium}


def show_difference(truth: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Show truth − image around mid-grey, amplified."""
    difference = truth.astype(np.float32) - image
    return np.clip(GREY + AMPLIFY * difference, 0, 255).astype(np.uint8)


def share_near(truth: np.ndarray, image: np.ndarray) -> list[float]:
    """Return the shares of values that differ by at most 1, 2, 4 and 8 code values."""
    difference = np.abs(truth.astype(np.int32) - image)
    return [float((difference <= near).mean()) for near in NEAR]


def describe(shares: Sequence[float]) -> str:
    """Describe how many values lie near zero."""
    said = (f"{share:.0%} within {near}" for near, share in zip(NEAR, shares, strict=True))
    return f"values of y - y0: {', '.join(said)} code values"


def with_heads(
    rows: Sequence[Sequence[np.ndarray]], heads: Sequence[str], width: int
) -> np.ndarray:
    """Arrange pictures in rows under their headings."""
    sheet = arrange(rows, width, background=255)
    top = np.full((HEAD, sheet.shape[1], 3), 255, np.uint8)
    for place, words in enumerate(heads):
        at = (place * (width + MARGIN) + 4, HEAD - 8)
        cv2.putText(top, words, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (60, 60, 60), 1, cv2.LINE_AA)
    return np.vstack([top, sheet])


def write(sheet: np.ndarray, path: Path) -> None:
    """Write a sheet as JPEG."""
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    print("wrote", path)


def draw(panoramas: Path, folder: Path, model: Path | None) -> None:
    """Write the sheets, and print the figures of the scenes shown."""
    refiner = open_refiner(model, device="cpu")
    unmodelled, residuals, crops = [], [], []
    for name in SHOWN:
        view = SCENES[name]
        shots = photograph_view(view, read_radiance(panoramas / f"{view.panorama}.hdr"))
        made = compute(shots, refiner)
        truth = shots["medium"]
        figures = {key: psnr(image, truth) for key, image in made.items()}
        near = describe(share_near(truth, made["y0"]))
        print(f"{name}: y0 {figures['y0']:.2f} dB, refined {figures['refined']:.2f} dB; {near}")
        before, after = (show_difference(truth, made[key]) for key in ("y0", "refined"))
        unmodelled.append([truth, made["y0"], before])
        residuals.append([before, after])
        place = worst_place(made["y0"], truth)
        pictures = [shots["long"], shots["short"], truth, made["y0"], made["refined"]]
        crops.append([picture[place] for picture in pictures])
    write(with_heads(unmodelled, ("y, photographed", "y0", f"y - y0, x {AMPLIFY}"), WIDTH),
          folder / "unmodelled.jpg")  # fmt: skip
    write(with_heads(residuals, ("y - y0", "y - refined"), WIDTH), folder / "residual.jpg")
    heads = ("long", "short", "y, photographed", "y0", "refined")
    write(with_heads(crops, heads, WIDTH // 2), folder / "crops.jpg")


def count_near(scenes: Path, camera: str) -> None:
    """Print how sparse the unmodelled information of photographs is, mean over all triples."""
    shares = []
    for triple in needs.material(scenes, camera).triples:
        case = open_case(triple)
        shares.append(share_near(case.medium, render(case.pair).medium))
    means = np.mean(shares, axis=0)
    print(f"{len(shares)} triples of photographs: {describe(means)}")


def main() -> None:
    """Write brackets, write the sheets, or count, as the options ask."""
    parser = argparse.ArgumentParser(description="The pictures of docs/evidence.md.")
    parser.add_argument("panoramas", type=needs.existing)
    parser.add_argument("-o", "--output", type=Path, help="folder of the sheets")
    parser.add_argument("--render", type=Path, help="write brackets into this folder")
    parser.add_argument(
        "--model", type=needs.existing, help="use this network, not the bundled one"
    )
    parser.add_argument("--scenes", type=needs.existing, help="also count on these photographs")
    parser.add_argument("--camera", default="", help="only cameras whose name contains this")
    options = parser.parse_args()
    if options.render:
        render_brackets(options.panoramas, options.render)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        draw(options.panoramas, options.output, options.model)
    if options.scenes:
        count_near(options.scenes, options.camera)


if __name__ == "__main__":
    needs.run(main)

"""PSNR and SSIM against photographed mediums: y0 in its three cases, and what the network adds.

    python benchmarks/quality.py SCENES_JSON RESPONSES
    python benchmarks/quality.py SCENES_JSON RESPONSES --camera D2x --only profile

PSNR and SSIM are means; p10 is the PSNR of the worst tenth, lightness the spread (standard deviation,
code values) of how much lighter the pictures are than they should be.

SCENES_JSON lists scenes with their camera, frames and triples (long, medium, short); RESPONSES is
the folder of curves that `expinterp.training.prior` reads. Rows:

    blind         nothing but the two images
    stranger      the same, the camera's own curves left out of the prior
    profile       with a profile calibrated on another scene of the same camera, mean over all
                  others that have five frames or more; frames are one stop apart by their numbers
    shared        with one response for all triples of the camera, estimated from their outer two;
                  cameras of a single triple as blind
    timed         the same, the ratios of the outer two being known
    refined       blind, then the network
    ladder        what the network adds at other exposures than half-way, by position between
                  short (0) and long (1), where frames one stop apart are there to compare with
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from expinterp.metrics import psnr, ssim
from expinterp.pair import Pair, measure
from expinterp.pipeline import render
from expinterp.prior import ResponsePrior, estimate_shared, load_prior
from expinterp.refine import Refiner, open_refiner
from expinterp.response import Profile, calibrate
from expinterp.training.prior import as_prior, build_prior

ROWS = ("blind", "stranger", "profile", "shared", "timed", "refined", "ladder")
STOPS = "D2x"  # the camera whose frames are one stop apart, numbered from dark to bright
FRAMES = 5  # fewest frames of a scene that a profile is made from


@dataclass(frozen=True)
class Triple:
    """Three photographs of one scene, as paths."""

    scene: str
    camera: str
    long: Path
    medium: Path
    short: Path
    ratio: float


def read(path: Path) -> np.ndarray:
    """Read a photograph as R G B, uint8, upright."""
    image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_triples(manifest: Path, camera: str) -> Iterator[Triple]:
    """List the triples of all cameras whose name contains `camera`."""
    for scene in json.loads(manifest.read_text(encoding="utf-8")):
        folder = manifest.parent / scene["scene"]
        if camera.lower() in str(scene["camera"]).lower():
            for triple in scene["triples"]:
                names = {shot: folder / triple[shot] for shot in ("long", "medium", "short")}
                ratio = 2.0 ** triple["ev_span"]
                yield Triple(scene["scene"], str(scene["camera"]), **names, ratio=ratio)


def lightness_error(image: np.ndarray, truth: np.ndarray) -> float:
    """Say how much lighter an image is than it should be, in code values: what a series shows."""
    return float(image.mean() - truth.mean())


def profiles(manifest: Path, camera: str) -> dict[str, Profile]:
    """Calibrate the camera on each of its scenes; frame numbers count stops."""
    made = {}
    for scene in json.loads(manifest.read_text(encoding="utf-8")):
        files = [frame["file"] for frame in scene["frames"]]
        if str(scene["camera"]) == camera and len(files) >= FRAMES:
            stack = [read(manifest.parent / scene["scene"] / name) for name in files]
            times = [2.0 ** int(Path(name).stem) for name in files]
            made[scene["scene"]] = calibrate(stack, times)
    return made


def share(triples: list[Triple], *, timed: bool) -> Profile:
    """Estimate one response for triples of one camera from their outer two."""
    levels = [measure(read(triple.long), read(triple.short)).levels for triple in triples]
    stated = [float(np.log(triple.ratio)) if timed else None for triple in triples]
    found = estimate_shared(levels, load_prior(), stated=stated)
    return Profile(found.response, 0.0, 2 * len(triples), scale=found.scale)


class Bench:
    """The rows of the table, each a function of a triple."""

    def __init__(self, manifest: Path, responses: Path, model: Path | None) -> None:
        self.manifest, self.responses = manifest, responses
        self.refiner = open_refiner(model, device="cpu")
        self.prior = cache(self._prior)
        self.profiles = cache(lambda camera: profiles(manifest, camera))
        self.shared = cache(self._shared)

    def _prior(self, camera: str) -> ResponsePrior:
        return as_prior(build_prior(self.responses, without=camera))

    def _shared(self, camera: str, *, timed: bool) -> Profile | None:
        triples = [t for t in read_triples(self.manifest, camera) if t.camera == camera]
        return share(triples, timed=timed) if len(triples) > 1 else None

    def score(self, row: str, triple: Triple) -> tuple[float, ...] | None:
        """Compute PSNR, SSIM and error of lightness; None where the row does not apply."""
        long, medium, short = (read(path) for path in (triple.long, triple.medium, triple.short))
        images = [
            render(pair, **extra).medium for pair, extra in self._pairs(row, triple, long, short)
        ]
        scores = [
            (psnr(image, medium), ssim(image, medium), lightness_error(image, medium))
            for image in images
        ]
        return tuple(np.mean(scores, axis=0)) if scores else None

    def _pairs(
        self, row: str, triple: Triple, long: np.ndarray, short: np.ndarray
    ) -> Iterator[tuple[Pair, dict[str, Any]]]:
        if row == "blind":
            yield measure(long, short), {}
        elif row == "stranger":
            yield measure(long, short, prior=self.prior(triple.camera)), {}
        elif row == "refined":
            yield measure(long, short), {"refiner": self.refiner}
        elif row in {"shared", "timed"}:
            timed = row == "timed"
            profile = self.shared(triple.camera, timed=timed)
            yield measure(long, short, response=profile, ratio=triple.ratio if timed else None), {}
        elif row == "profile" and STOPS in triple.camera:
            for scene, profile in self.profiles(triple.camera).items():
                if scene != triple.scene:
                    yield measure(long, short, response=replace(profile, camera=None)), {}


def main() -> None:
    """Score every row on every triple and print the table."""
    parser = argparse.ArgumentParser(description="Quality of y0 and of the refined image.")
    parser.add_argument("manifest", type=Path)
    parser.add_argument("responses", type=Path)
    parser.add_argument("--camera", default="", help="only cameras whose name contains this")
    parser.add_argument("--only", choices=ROWS, action="append", help="only these rows")
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    bench = Bench(options.manifest, options.responses, options.model)
    triples = list(read_triples(options.manifest, options.camera))
    table = {}
    for row in options.only or ROWS:
        if row == "ladder":
            report_ladder(triples, bench.refiner)
            continue
        scores = [bench.score(row, triple) for triple in triples]
        kept = [(t, s) for t, s in zip(triples, scores, strict=True) if s]
        if not kept:
            continue
        table[row] = {t: s[0] for t, s in kept}
        values = np.array([s for _, s in kept])
        print(
            f"{row:10} n={len(values):3}  PSNR mean {values[:, 0].mean():.2f}  "
            f"p10 {np.percentile(values[:, 0], 10):.2f}  SSIM {values[:, 1].mean():.4f}  "
            f"lightness ±{values[:, 2].std():.2f}",
            flush=True,
        )
    if {"blind", "refined"} <= table.keys():
        report_gain(table["blind"], table["refined"])


def report_gain(before: dict[Triple, float], after: dict[Triple, float]) -> None:
    """Print what the network adds, over all and per camera."""
    gain = {triple: after[triple] - before[triple] for triple in before}
    values = np.array(list(gain.values()))
    print(
        f"gain       mean {values.mean():+.2f} dB  p10 {np.percentile(values, 10):+.2f}  "
        f"worse by more than 0.2 dB: {np.mean(values < -0.2):.1%}"
    )
    for camera in sorted({triple.camera for triple in gain}):
        mine = [value for triple, value in gain.items() if triple.camera == camera]
        print(f"  {camera:45} n={len(mine):3}  {np.mean(mine):+.2f}  worst {min(mine):+.2f}")


def report_ladder(triples: list[Triple], refiner: Refiner) -> None:
    """Print what the network adds at every position that a frame between the two lies at."""
    gains: dict[float, list[float]] = {}
    for triple in triples:
        if STOPS not in triple.camera:
            continue
        pair = measure(read(triple.long), read(triple.short))
        top, bottom = int(triple.long.stem), int(triple.short.stem)
        for stop in range(bottom + 1, top):
            path = triple.long.with_stem(f"{stop:02d}")
            if path.exists():
                position = (stop - bottom) / (top - bottom)
                truth = read(path)
                plain, refined = (
                    psnr(render(pair, position, refiner=network).medium, truth)
                    for network in (None, refiner)
                )
                gains.setdefault(round(position, 2), []).append(refined - plain)
    for position, values in sorted(gains.items()):
        worse = np.mean(np.array(values) < -0.2)
        print(
            f"ladder     at {position:.2f}  n={len(values):3}  {np.mean(values):+.2f} dB  worse {worse:.0%}"
        )


if __name__ == "__main__":
    main()

"""Radiance by ``expinterp merge`` beside OpenCV's MergeDebevec: error, dynamic range, time, memory.

    python benchmarks/merge.py RADIANCE RESPONSES          # rendered brackets, then three 24 MP JPEGs
    python benchmarks/merge.py RADIANCE RESPONSES --scenes 6 --megapixels 6 --repeat 1

RADIANCE is a folder of radiance maps, RESPONSES one of measured responses, as for ``expinterp
train``. Each scene is photographed three times, 2 EV apart, by a camera drawn at random: stored without loss;
as JPEG of quality 95; and so with the picture style, the sharpening and the blur of the camera. Its profile is measured
on seven exposures of another scene, in steps of 1 EV, or of 1 and 1⅓ EV in turn. The true response shows what is left without any error of a
profile. The radiance of each method is scaled per channel to the true one, since no response shows a scale;
the error is the median of |E/E_true − 1| where the true exposure is unclipped in a shot. The dynamic
range is that between the 0.1th and the 99.9th percentile of the green radiance, in stops.

Time and memory are those of whole processes, from three JPEGs to an .hdr file: ``expinterp merge``
and a script with CalibrateDebevec's result at hand, that decodes, merges and writes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import needs
import numpy as np
from samples import write_pair
from timing import TOOL, print_runs, run_in_turn, script

needs.require("OpenEXR", "train")

import expinterp
from expinterp.core.response.calibration import Profile
from expinterp.images import Metadata, with_exposure_time, write_photograph
from expinterp.library import read_profile
from expinterp.training.simulator.camera import Camera, draw_camera, photograph, read_responses
from expinterp.training.simulator.triples import read_radiance

GREY = 0.18  # of white: the median of a scene in the middle shot
STEPS = 2.0 ** np.array([-2, 0, 2])
CALIBRATIONS = {
    "1 EV": 2.0 ** np.arange(-3, 4.0),
    "1 and 1⅓ EV": 2.0 ** (np.array([-11, -8, -4, -1, 3, 6, 10]) / 3),
}
RANGE = 0.1, 99.9  # percentiles
TIMES = 1 / 320, 1 / 40, 1 / 5  # seconds
OURS, THEIRS, FED = "expinterp, profile", "MergeDebevec", "MergeDebevec, our profile"
ESTIMATED, TRUE = "expinterp, estimated", "expinterp, true response"
NOISY = "not denoised"
THEIR_OWN = "MergeDebevec, same shots"
SCRIPT = """
import sys, cv2, numpy as np
images = [cv2.imread(name) for name in sys.argv[2:]]
times = np.array([1 / 320, 1 / 40, 1 / 5], np.float32)
response = (np.linspace(0.01, 1, 256, dtype=np.float32) ** 2.2)[:, None, None].repeat(3, 2)
cv2.imwrite(sys.argv[1], cv2.createMergeDebevec().process(images, times, response))
"""


def shoot(radiance: np.ndarray, steps: np.ndarray, camera: Camera, random: np.random.Generator):
    """Photograph a scene; return the shots, from dark to bright, and their times."""
    times = (GREY / np.median(radiance) * steps).astype(np.float32)
    return [photograph(radiance, time, camera, random) for time in times], times


def merge_all(shots, times, calibrations, camera: Camera) -> dict[str, np.ndarray]:
    """Merge the shots by every method; `calibrations` are shots and times of another scene."""
    debevec, calibrator = cv2.createMergeDebevec(), cv2.createCalibrateDebevec(samples=200)
    response = np.maximum(camera.response, camera.response[1] / 4).T
    true = Profile(np.log(response), residual=0.0, shots=0, scale=1.0)
    results = {
        ESTIMATED: expinterp.merge(shots, times=times).radiance,
        TRUE: expinterp.merge(shots, times=times, response=true).radiance,
        f"{TRUE}, {NOISY}": expinterp.merge(
            shots, times=times, response=true, denoise="off"
        ).radiance,
        THEIR_OWN: debevec.process(shots, times, calibrator.process(shots, times)),
    }
    for step, calibration in calibrations.items():
        profile = expinterp.calibrate(*calibration)
        curve = np.exp(profile.response).T.reshape(256, 1, 3).astype(np.float32)
        results |= {
            f"{OURS}, {step}": expinterp.merge(shots, times=times, response=profile).radiance,
            f"{OURS}, {step}, {NOISY}": expinterp.merge(
                shots, times=times, response=profile, denoise="off"
            ).radiance,
            f"{THEIRS}, {step}": debevec.process(shots, times, calibrator.process(*calibration)),
            f"{FED}, {step}": debevec.process(shots, times, np.ascontiguousarray(curve)),
        }
    return results


def measure(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return the median relative error and the dynamic range in stops; `truth` 1 is white."""
    known = (truth.max(axis=2) < 4) & (truth.min(axis=2) > 1 / 1024)
    errors = []
    for channel in range(3):
        ratio = found[known, channel] / truth[known, channel]
        ratio = ratio[np.isfinite(ratio)]
        errors.append(np.median(np.abs(ratio / np.median(ratio) - 1)))
    green = found[..., 1][found[..., 1] > 0]
    low, high = np.percentile(green[np.isfinite(green)], RANGE)
    return float(np.mean(errors)), float(np.log2(high / low))


PLAIN = {"hue": 0.0, "saturation": 1.0, "sharpening": 0.0, "blur": 0.0}
KINDS: dict[str, dict[str, float | int | None]] = {  # of pictures: what the camera is changed by
    "stored without loss": {**PLAIN, "quality": None},
    "JPEG": {**PLAIN, "quality": 95},
    "JPEG, with picture styles and blur": {"quality": 95},
}


def compare_errors(files: Sequence[Path], responses: Path, scenes: int, kind: str) -> None:
    """Print the error and the dynamic range of every method, over rendered brackets."""
    measured = read_responses(responses)
    rows: dict[str, list[tuple[float, float]]] = {}
    for seed, file in enumerate(files[:scenes]):
        random = np.random.default_rng(seed)
        camera = replace(draw_camera(measured, random), reduction=1, **KINDS[kind])
        scene, other = (
            np.maximum(read_radiance(path), 1e-9) for path in (file, files[(seed + 3) % len(files)])
        )
        shots, times = shoot(scene, STEPS, camera, random)
        truth = scene * camera.illuminant * times[1]
        calibrations = {
            step: shoot(other, steps, camera, random) for step, steps in CALIBRATIONS.items()
        }
        for name, found in merge_all(shots, times, calibrations, camera).items():
            rows.setdefault(name, []).append(measure(found, truth))
    print(f"{len(files[:scenes])} rendered brackets of 3 shots, 2 EV apart, {kind}")
    print(f"{'method':46}{'error, median':>14}{'worst':>8}{'range, EV':>11}")
    for name, values in rows.items():
        errors, ranges = np.array(values).T
        print(
            f"{name:46}{100 * np.median(errors):12.2f} %{100 * errors.max():6.1f} %{np.median(ranges):11.1f}"
        )


def compare_costs(megapixels: float, repeat: int) -> None:
    """Print time and peak memory of both, from three JPEGs to an .hdr file."""
    with tempfile.TemporaryDirectory() as folder:
        names = write_bracket(Path(folder), megapixels)
        out = str(Path(folder) / "out.hdr")
        profile = str(Path(folder) / "camera.json")
        small = [cv2.imread(name)[::8, ::8, ::-1] for name in names]
        Path(profile).write_text(expinterp.calibrate(small, TIMES).to_json())
        assert read_profile(Path(profile)).shots == 3
        ours = [*TOOL, "merge", *names, "-o", out, "--overwrite", "-q"]
        commands = {
            "MergeDebevec: decode, merge, write": script(SCRIPT, out, names),
            "expinterp merge --response": [*ours, "--response", profile],
            "expinterp merge": ours,
            "expinterp merge --no-align --deghost off": [*ours, "--no-align", "--deghost", "off"],
        }
        results = run_in_turn(commands, repeat)
    print_runs(f"{megapixels:g} MP, three JPEGs", results)


def write_bracket(folder: Path, megapixels: float) -> list[str]:
    """Enlarge the example, three shots 3 EV apart, and write them as JPEGs with their times."""
    names = write_pair(folder, megapixels, ".jpg", shots=("short", "medium", "long"))
    for name, time in zip(names, TIMES, strict=True):
        pixels = expinterp.read_photograph(name).pixels
        metadata = with_exposure_time(Metadata(), time)
        write_photograph(pixels, name, metadata=metadata, overwrite=True)
    return names


def main() -> None:
    """Compare errors, then costs."""
    parser = argparse.ArgumentParser(description="Radiance beside OpenCV's MergeDebevec.")
    parser.add_argument("radiance", type=Path)
    parser.add_argument("responses", type=Path)
    parser.add_argument("--scenes", type=int, default=19)
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    files = sorted(path for path in options.radiance.rglob("*") if path.suffix in {".hdr", ".exr"})
    for kind in KINDS if options.scenes else ():
        compare_errors(files, options.responses, options.scenes, kind)
    if options.megapixels:
        compare_costs(options.megapixels, options.repeat)
    print(f"{os.cpu_count()} cores")


if __name__ == "__main__":
    needs.run(main)

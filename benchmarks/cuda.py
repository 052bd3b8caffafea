"""The network on an NVIDIA card beside the CPU: time, and whether the results are the same.

    python benchmarks/cuda.py                                   # onnxruntime-gpu is installed
    python benchmarks/cuda.py --wheel onnxruntime_gpu-*.whl     # these wheels, only for this run
    python benchmarks/cuda.py --sizes 24 --brackets 0           # less

Pairs of JPEGs of each size, and a small pair of 16-bit TIFFs, are interpolated on both devices in turn,
whole process, and the results are compared; then a folder of 24 MP pairs. At last the card is hidden:
``--device cuda`` must then exit with 7 and write nothing. cuda.json in OUTPUT holds the figures. About 3
minutes.

The exit code is 7 where there is no card, and 1 if a result differs by more than one code value or the
last check fails. Needs Linux; CUDA and cuDNN as ONNX Runtime asks for them.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import needs
import numpy as np
from samples import EXAMPLES, write_brackets, write_pair
from timing import ENVIRONMENT, TOOL, Run, describe_machine, print_runs, run_in_turn, write_record

import expinterp
from expinterp.errors import ExitCode
from expinterp.refine import open_refiner

DEVICES = ("cuda", "cpu")
MOST = 1  # code value by which the results may differ
BATCH = 24  # megapixels of its pairs
DEEP = 4  # megapixels of the pair of 16 bits


def run_with_wheels(options: argparse.Namespace) -> int:
    """Run this script with wheels that nothing else sees; return its exit code."""
    with tempfile.TemporaryDirectory() as site:
        if found := importlib.util.find_spec("nvidia"):  # ONNX Runtime looks for CUDA beside itself
            Path(site, "nvidia").symlink_to(next(iter(found.submodule_search_locations or [])))
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
        done = subprocess.run([*pip, "--target", site, *map(str, options.wheel)], check=False)
        if done.returncode:
            message = f"{needs.NAME}: pip could not install the wheels; see its message above"
            raise SystemExit(message)
        places = [site, *filter(None, [os.environ.get("PYTHONPATH")])]
        arguments = ["--sizes", *map(str, options.sizes), "--brackets", str(options.brackets)]
        arguments += ["--repeat", str(options.repeat), "--output", str(options.output)]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
        command = [sys.executable, __file__, *arguments]
        return subprocess.run(command, env=env, check=False).returncode


def describe_card() -> str:
    """Return what nvidia-smi says about the card and its driver."""
    if shutil.which("nvidia-smi") is None:
        return "unknown: there is no nvidia-smi"
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()


def interpolate(device: str, pair: Sequence[str], out: str) -> list[str]:
    """Return the command that interpolates a pair on a device."""
    return [*TOOL, "interpolate", *pair, "-o", out, "--overwrite", "--json", "--device", device]


def compare_pair(megapixels: float, repeat: int, suffix: str = ".jpg") -> dict[str, object]:
    """Interpolate a pair on both devices; return times, stages and the difference of the results."""
    with tempfile.TemporaryDirectory() as name:
        pair = write_pair(Path(name), megapixels, suffix)
        outs = {device: f"{name}/{device}.tif" for device in DEVICES}
        commands = {device: interpolate(device, pair, outs[device]) for device in DEVICES}
        runs = run_in_turn(commands, repeat)
        print_runs(f"two {megapixels:g} MP pictures, {suffix}", runs)
        stages = {device: read_stages(command) for device, command in commands.items()}
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # which keeps this process small
            largest, changed, top = pool.submit(compare_files, *outs.values()).result()
    print(
        f"largest difference {largest} of {top}, {changed:.3%} of all values differ\n", flush=True
    )
    return {
        "megapixels": megapixels, "suffix": suffix, "runs": runs, "stages": stages,
        "largest": largest, "changed": changed,
    }  # fmt: skip


def compare_files(one: str, other: str) -> tuple[int, float, int]:
    """Return the largest difference of two results, the share that differs, and the value of white."""
    results = [expinterp.read_photograph(file).pixels for file in (one, other)]
    difference = cv2.absdiff(*results)
    return (
        int(difference.max()),
        float(np.mean(difference > 0)),
        int(np.iinfo(results[0].dtype).max),
    )


def read_stages(command: Sequence[str]) -> dict[str, float]:
    """Run a command once more, print where the network ran, and return the seconds of each stage."""
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True)
    record = json.loads(done.stdout)
    stages: dict[str, float] = record["timings"]
    words = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in stages.items())
    print(f"{record['refinement']['provider']}: {words}", flush=True)
    return stages


def compare_batch(count: int, megapixels: float) -> dict[str, Run]:
    """Interpolate a folder of pairs on both devices, once."""
    with tempfile.TemporaryDirectory() as name:
        plan, out = write_brackets(Path(name), count, megapixels), Path(name) / "out"
        batch = [*TOOL, "batch", "--plan", str(plan), "-o", str(out), "-q", "--device"]
        runs = run_in_turn({device: [*batch, device] for device in DEVICES}, 1, emptied=out)
    print_runs(f"{count} pairs of {megapixels:g} MP JPEGs", runs)
    return runs


def without_card() -> dict[str, object]:
    """Hide the card and ask for it; return the exit code, the message, and whether a file was written."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "out.png"
        pair = [str(EXAMPLES / f"window_{shot}.jpg") for shot in ("long", "short")]
        done = subprocess.run(
            interpolate("cuda", pair, str(out)),
            env={**ENVIRONMENT, "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        print(f"without the card: exit {done.returncode}: {done.stderr.strip()}")
        return {"exit": done.returncode, "message": done.stderr, "written": out.exists()}


def main() -> None:
    """Measure on both devices, and exit with 1 if a check fails."""
    parser = argparse.ArgumentParser(description="The network on an NVIDIA card.")
    parser.add_argument("--wheel", type=needs.existing, nargs="+", help="used instead of installed")
    parser.add_argument("--sizes", type=float, nargs="+", default=[24, 100], metavar="MEGAPIXELS")
    parser.add_argument("--brackets", type=int, default=50, help="of the batch")
    parser.add_argument("--repeat", type=int, default=3, help="of each pair")
    parser.add_argument("-o", "--output", type=Path, default=Path("build"), help="folder")
    options = parser.parse_args()
    if options.wheel:
        raise SystemExit(run_with_wheels(options))
    provider = open_refiner(device="cuda").provider  # an error where there is no card
    machine = {"card": describe_card(), **describe_machine()}
    print(f"{provider} on {machine['card']}", flush=True)
    pairs = [compare_pair(size, options.repeat) for size in options.sizes]
    pairs.append(compare_pair(DEEP, 1, ".tif"))
    batch = compare_batch(options.brackets, BATCH) if options.brackets else {}
    hidden = without_card()
    record = {"machine": machine, "pairs": pairs, "batch": batch, "hidden": hidden}
    write_record(options.output / "cuda.json", record)
    alike = all(pair["largest"] <= MOST for pair in pairs)
    if not alike or hidden["exit"] != ExitCode.DEVICE or hidden["written"]:
        raise SystemExit(1)


if __name__ == "__main__":
    needs.run(main)

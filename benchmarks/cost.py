"""Time and peak memory of ``expinterp interpolate`` beside enfuse, and of reading and writing alone.

    python benchmarks/cost.py                       # a 24 MP JPEG pair, every command 5 times
    python benchmarks/cost.py --megapixels 100 --format tiff --repeat 1
    python benchmarks/cost.py --moved 9             # the camera moved by 9 pixels

All commands run in turn on the same two files, each as a user starts it; the best of the repeats
counts. The pair is ``examples/window`` enlarged, with grain, so that it compresses like a photograph.

Needs Linux or macOS. Enfuse (Debian: ``apt install enfuse``) is optional: without it, no ratios.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import needs
import numpy as np

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
ENFUSE = "enfuse, defaults"
FLOOR = """
import sys, cv2, numpy as np
images = [cv2.imread(name, cv2.IMREAD_UNCHANGED) for name in sys.argv[1:3]]
cv2.imwrite(sys.argv[3], images[0])
"""


def write_pair(
    folder: Path,
    megapixels: float,
    suffix: str,
    *,
    moved: int = 0,
    shots: tuple[str, ...] = ("long", "short"),
) -> list[str]:
    """Enlarge shots of the example, add grain, and write them as 8-bit JPEG or 16-bit TIFF.

    The camera of the short one is moved `moved` pixels to the right.
    """
    names = []
    random = np.random.default_rng(0)
    grain = random.normal(0, 1.5, (512, 512, 3)).astype(np.float32)
    for shot in shots:
        image = cv2.imread(str(EXAMPLES / f"window_{shot}.jpg")).astype(np.float32)
        factor = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
        size = [round(n * factor) for n in image.shape[1::-1]]
        name = str(folder / f"{shot}{suffix}")
        large = np.empty((size[1], size[0], 3), np.uint8 if suffix == ".jpg" else np.uint16)
        scale = 1 if suffix == ".jpg" else 257
        right = moved if shot == "short" else 0
        tile = np.roll(grain, -right, axis=1)
        for top in range(0, size[1], 512):
            rows = min(512, size[1] - top)
            ys = (np.arange(top, top + rows, dtype=np.float32) + 0.5) / factor - 0.5
            xs = (np.arange(size[0], dtype=np.float32) + right + 0.5) / factor - 0.5
            strip = cv2.remap(
                image, *np.meshgrid(xs, ys), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
            strip += np.tile(tile, (1, -(-size[0] // 512), 1))[:rows, : size[0]]
            large[top : top + rows] = np.clip(np.rint(strip * scale), 0, 255 * scale)
        options = (
            [cv2.IMWRITE_JPEG_QUALITY, 92]
            if suffix == ".jpg"
            else [cv2.IMWRITE_TIFF_COMPRESSION, 1]
        )
        cv2.imwrite(name, large, options)
        names.append(name)
    return names


def run(command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its peak resident memory in MiB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(command)}: exit {process.returncode}\n{error.decode()}"
        raise SystemExit(message)
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def time_in_turn(
    commands: dict[str, list[str]], repeat: int
) -> dict[str, list[tuple[float, float]]]:
    """Run all commands in turn, `repeat` times; return what `run` returns for each."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            results[name].append(run(command))
    return results


def print_table(title: str, results: dict[str, list[tuple[float, float]]]) -> None:
    """Print the best time and the highest peak of each command, and the time relative to enfuse."""
    reference = min(results[ENFUSE])[0] if ENFUSE in results else None
    print(f"{title}, {os.cpu_count()} cores")
    print(f"{'command':42}{'seconds':>9}{'/ enfuse':>10}{'peak MiB':>10}")
    for name, runs in results.items():
        seconds, memory = min(t for t, _ in runs), max(m for _, m in runs)
        ratio = f"{seconds / reference:.2f}" if reference else "-"
        print(f"{name:42}{seconds:9.2f}{ratio:>10}{memory:10.0f}")


def main() -> None:
    """Time every command and print the table."""
    parser = argparse.ArgumentParser(description="Time and memory of interpolate beside enfuse.")
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--format", choices=["jpeg", "tiff"], default="jpeg")
    parser.add_argument("--moved", type=int, default=0, metavar="PIXELS")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    suffix = {"jpeg": ".jpg", "tiff": ".tif"}[options.format]
    tool = [sys.executable, "-m", "expinterp", "interpolate"]
    with tempfile.TemporaryDirectory() as folder:
        pair = write_pair(Path(folder), options.megapixels, suffix, moved=options.moved)
        out = str(Path(folder) / f"out{suffix}")
        interpolate = [*tool, *pair, "-o", out, "--overwrite"]
        commands = {
            "floor: decode two, encode one (OpenCV)": [sys.executable, "-c", FLOOR, *pair, out],
            ENFUSE: ["enfuse", "-o", out, *pair],
            "expinterp interpolate --no-refine": [*interpolate, "--no-refine"],
            "expinterp interpolate": interpolate,
        }
        if shutil.which("enfuse") is None:
            commands.pop(ENFUSE)
        results = time_in_turn(commands, options.repeat)
    print_table(f"{options.megapixels:g} MP {options.format} pair", results)


if __name__ == "__main__":
    needs.run(main)

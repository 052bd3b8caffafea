"""What planning costs: 100,000 frames, their tasks, and reading headers; and how right plans are.

    python benchmarks/planning.py                 # time and memory
    python benchmarks/planning.py --disks 20      # also the errors on 20 made-up disks

The frames are those of the made-up disks of the tests, as many as it takes. The files are small
JPEGs with an EXIF block and a thumbnail in it, as cameras write them but for their pixels, which
are never read. Memory is the highest resident size of the process less what it was before.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from bracket_library import make_library
from image_samples import picture, with_thumbnail
from PIL import Image

from expinterp.batch import BatchSettings
from expinterp.batch.tasks import make_tasks
from expinterp.brackets import Frame, plan_brackets, scan
from expinterp.scene_io import FusionOptions, InterpolationOptions

Result = TypeVar("Result")


def measured(work: Callable[[], Result]) -> tuple[Result, float, float]:
    """Do something: its result, the seconds it took, and by how many MiB memory grew."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    return result, seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def many_frames(count: int) -> list[Frame]:
    """Put made-up disks side by side."""
    frames: list[Frame] = []
    while len(frames) < count:
        seed = len(frames)
        disk = make_library(seed).frames.values()
        frames += [replace(frame, path=f"{seed}/{frame.path}") for frame in disk]
    return frames[:count]


def write_files(folder: Path, count: int) -> None:
    """Write the same small JPEG again and again, each under a name of its own."""
    first = folder / "IMG_0001.jpg"
    Image.fromarray(picture(120, 160)).save(first, exif=with_thumbnail(picture(120, 160)))
    for at in range(2, count + 1):
        shutil.copyfile(first, folder / f"IMG_{at:04d}.jpg")


def report_errors(disks: int) -> None:
    """Plan made-up disks and print what was wrong and what was found."""
    wrong = found = 0
    recalls: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(disks):
        library = make_library(seed)
        sets = {frozenset(b.frames) for b in plan_brackets(library.frames.values()).brackets}
        found += len(sets)
        wrong += len(sets - library.brackets.keys())
        for stated, recall in recalls.items():
            known = {paths for paths, states in library.brackets.items() if states == stated}
            recall.append(len(sets & known) / len(known))
    print(f"{disks} made-up disks: {found} brackets found, {wrong} of them wrong")
    for stated, recall in recalls.items():
        what = "with EXIF" if stated else "without EXIF"
        print(f"  recall {what}: mean {np.mean(recall):.4f}, lowest {min(recall):.4f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cost of planning.")
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--disks", type=int, default=0)
    options = parser.parse_args()
    frames = many_frames(options.frames)
    plan, seconds, memory = measured(lambda: plan_brackets(frames))
    print(
        f"{len(frames)} frames, {len(plan.brackets)} brackets: "
        f"{seconds:.1f} s, {memory:.0f} MiB more; {os.cpu_count()} cores"
    )
    card = Path("/nowhere")
    settings = BatchSettings(card, card / "out", InterpolationOptions(), FusionOptions())
    tasks, seconds, memory = measured(lambda: make_tasks(plan.brackets, settings))
    print(f"{len(tasks)} tasks, to interpolate and fuse: {seconds:.1f} s, {memory:.0f} MiB more")
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder), options.files)
        _, seconds, _ = measured(lambda: scan(folder))
    print(f"{options.files} files: {seconds:.1f} s, {options.files / seconds:.0f} files a second")
    if options.disks:
        report_errors(options.disks)


if __name__ == "__main__":
    main()

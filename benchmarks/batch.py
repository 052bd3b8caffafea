"""What a batch costs beside its work, and how much memory it takes.

    python benchmarks/batch.py overhead    # 100 small brackets, beside the same work in one process
    python benchmarks/batch.py cluster     # two processes beside two on Dask
    python benchmarks/batch.py flat        # memory of the first and the last 50 of 500 brackets
    python benchmarks/batch.py memory      # peak of one bracket beside its estimate

Brackets are copies of ``examples/window``, enlarged with grain. Timed rows run in turn, as a user
starts them; the best of the repeats counts. ``flat`` and ``memory`` read /proc: Linux only. How many
pairs an hour: ``benchmarks/all.py --only batch``.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from batch_samples import peak, shoot
from samples import write_brackets
from timing import TOOL, Run, print_runs, run_in_turn

from expinterp.batch import BatchSettings, Local, TaskResult, read_plan, run_batch
from expinterp.batch.memory import estimate_memory
from expinterp.batch.tasks import make_tasks
from expinterp.scene_io import FusionOptions, InterpolationOptions

FEW = 4  # brackets that show the cost of a start
ALONE = """
import sys
from functools import lru_cache
from pathlib import Path
from expinterp import scene_io
from expinterp.refine import open_refiner
opener = lru_cache(open_refiner)
for long in sorted(Path(sys.argv[1]).glob("*_0*")):
    short = str(long).replace("_0", "_1")
    out = str(Path(sys.argv[2]) / long.name)
    scene_io.run(scene_io.InterpolationJob(str(long), short, {"medium": out}), opener=opener)
"""
MODES = {
    "plain": (2, {"interpolation": InterpolationOptions(refine=False)}),
    "refined": (2, {"interpolation": InterpolationOptions()}),
    "fuse 2": (2, {"fusion": FusionOptions()}),
    "fuse 3": (3, {"fusion": FusionOptions()}),
    "fuse 5": (5, {"fusion": FusionOptions()}),
    "fuse 5, 0": (5, {"fusion": FusionOptions(virtual=0)}),
}


def overhead(options: argparse.Namespace) -> None:
    """Compare a batch with the same jobs one after the other in one process."""
    count, size = options.brackets or 100, options.megapixels or 1
    alone = "one process"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan, out = write_brackets(folder, count, size), folder / "out"
        commands = {
            alone: [sys.executable, "-c", ALONE, str(folder / "card"), str(out)],
            "batch --jobs 1": batch(plan, out, "-j1"),
        }
        found = run_in_turn(commands, options.repeat, emptied=out)
    print_runs(f"{count} brackets of two {size:g} MP JPEGs", found)
    print(
        f"a batch takes {found['batch --jobs 1'].seconds / found[alone].seconds:.2f} times as long"
    )


def batch(plan: Path, out: Path, *options: str) -> list[str]:
    """Return a command that runs a plan."""
    return [*TOOL, "batch", "--plan", str(plan), "-o", str(out), "-q", *options]


def cluster(options: argparse.Namespace) -> None:
    """Compare two processes of our own with two of a Dask cluster: to start, and by the bracket."""
    count, size = options.brackets or 200, options.megapixels or 6
    few, many = (run_two(number, size, options.repeat) for number in (FEW, count))
    for name in many:
        seconds = (many[name].seconds - few[name].seconds) / (count - FEW)
        start = few[name].seconds - FEW * seconds
        print(f"{name:28} {start:.2f} s to start, then {seconds:.3f} s a bracket")


def run_two(count: int, size: float, repeat: int) -> dict[str, Run]:
    """Run so many brackets in two processes, started by us and by Dask."""
    with tempfile.TemporaryDirectory() as name:
        plan, out = write_brackets(Path(name), count, size), Path(name) / "out"
        ways = {"--jobs 2": ("--threads", "1"), "--cluster local --jobs 2": ("--cluster", "local")}
        commands = {way: batch(plan, out, "-j2", *more) for way, more in ways.items()}
        found = run_in_turn(commands, repeat, emptied=out)
    print_runs(f"{count} brackets of two {size:g} MP JPEGs", found)
    return found


def flat(options: argparse.Namespace) -> None:
    """Watch the memory of a batch and its one worker, from the first bracket to the last."""
    count, size = options.brackets or 500, options.megapixels or 1
    seen: list[float] = []

    def ended(result: TaskResult) -> None:
        seen.append(sum(map(resident, [os.getpid(), *children(os.getpid())])))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = write_brackets(folder, count, size)
        settings = BatchSettings(folder / "card", folder / "out", InterpolationOptions())
        run_batch(read_plan(plan), settings, Local(jobs=1).run, ended=ended)
    edge = 50
    first, last = max(seen[:edge]), max(seen[-edge:])
    print(f"{count} brackets of two {size:g} MP JPEGs, one worker; MiB resident, both processes")
    print(f"first {edge}: {first:.1f}   last {edge}: {last:.1f}   {last / first - 1:+.1%}")


def resident(process: int) -> float:
    """Read the resident memory of a process in MiB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def children(process: int) -> list[int]:
    """List the processes that a process started."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def memory(options: argparse.Namespace) -> None:
    """Print the peak of one bracket beside what it is expected to take, in MiB."""
    print(f"{'':12}{'format':>8}{'MP':>6}{'peak':>8}{'estimate':>10}{'of it':>8}")
    sizes = [options.megapixels] if options.megapixels else [0.25, 6, 24]
    for suffix, mode, size in product((".jpg", ".tif"), MODES, sizes):
        taken, expected = compare(size, suffix, *MODES[mode])
        share = taken / expected
        print(f"{mode:12}{suffix:>8}{size:6}{taken:8.0f}{expected:10.0f}{share:8.0%}", flush=True)


def compare(megapixels: float, suffix: str, frames: int, made: dict[str, Any]) -> list[float]:
    """Measure the peak of the worker that does one bracket of so many frames, and estimate it."""
    shape = (round((megapixels * 1e6 / 1.5) ** 0.5), round((megapixels * 1e6 * 1.5) ** 0.5))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bits = 16 if suffix == ".tif" else 8
        bracket = shoot(folder, "b", frames=frames, shape=shape, suffix=suffix, bits=bits)
        settings = BatchSettings(folder, folder / "out", **made)
        (task,) = make_tasks([bracket], settings)
        (taken,) = Local(jobs=1, threads=1, room=2**40).gather([task], settings, peak)
        return [taken / 2**20, estimate_memory(task, settings) / 2**20]


def main() -> None:
    """Run one of the measurements."""
    ways = {way.__name__: way for way in (overhead, cluster, flat, memory)}
    parser = argparse.ArgumentParser(description="What a batch costs.")
    parser.add_argument("what", choices=ways)
    parser.add_argument("--brackets", type=int)
    parser.add_argument("--megapixels", type=float)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    ways[options.what](options)


if __name__ == "__main__":
    main()

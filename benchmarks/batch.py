"""What a batch costs beside its work, how it scales, and how much memory it takes.

    python benchmarks/batch.py overhead    # 100 small brackets, beside the same work in one process
    python benchmarks/batch.py scaling     # brackets a minute by --jobs, one thread each
    python benchmarks/batch.py hour        # the same of 24 MP pairs: what one core-hour processes
    python benchmarks/batch.py cluster     # the same on Dask, and what its scheduler costs
    python benchmarks/batch.py flat        # memory of the first and the last 50 of 500 brackets
    python benchmarks/batch.py memory      # peak of one bracket beside its estimate

Brackets are copies of ``examples/window``, enlarged with grain. Timed rows run in turn, as a user
starts them; the best of the repeats counts. ``flat`` and ``memory`` read /proc: Linux only.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from batch_samples import peak, shoot
from cost import run, write_pair

from expinterp.batch import BatchSettings, Local, TaskResult, run_batch
from expinterp.batch.memory import estimate_memory
from expinterp.batch.tasks import make_tasks
from expinterp.brackets import Bracket, Plan
from expinterp.scene_io import FusionOptions, InterpolationOptions

FEW = 4  # brackets that show the cost of a start
TOOL = [sys.executable, "-m", "expinterp", "batch"]
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


@contextmanager
def brackets(count: int, megapixels: float, suffix: str = ".jpg") -> Iterator[tuple[Path, Path]]:
    """Write so many brackets and a plan of them; give the folder and the plan."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "card"
        folder.mkdir()
        pair = write_pair(Path(name), megapixels, suffix)
        plan = Path(name) / "plan.jsonl"
        with plan.open("w", encoding="utf-8") as stream:
            stream.writelines(line + "\n" for line in make_plan(folder, pair, count).lines())
        yield folder, plan


def make_plan(folder: Path, pair: list[str], count: int) -> Plan:
    """Link a pair into a folder so many times."""
    made = []
    for number in range(count):
        frames = [f"b{number:04}_{step}{Path(shot).suffix}" for step, shot in enumerate(pair)]
        for frame, shot in zip(frames, pair, strict=True):
            os.link(shot, folder / frame)
        made.append(Bracket(f"b{number:04}", tuple(frames)))
    return Plan(str(folder), tuple(made))


def best(commands: dict[str, Callable[[Path], list[str]]], repeat: int) -> dict[str, float]:
    """Time commands in turn, each into a fresh folder: the best seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            with tempfile.TemporaryDirectory() as out:
                seconds[name].append(run(command(Path(out)))[0])
    return {name: min(runs) for name, runs in seconds.items()}


def overhead(options: argparse.Namespace) -> None:
    """Compare a batch with the same jobs one after the other in one process."""
    count, size = options.brackets or 100, options.megapixels or 1
    with brackets(count, size) as (folder, plan):
        found = best(
            {
                "in one process": lambda out: [sys.executable, "-c", ALONE, str(folder), str(out)],
                "batch --jobs 1": lambda out: [
                    *TOOL,
                    "--plan",
                    str(plan),
                    "-o",
                    str(out),
                    "-j1",
                    "-q",
                ],
            },
            options.repeat,
        )
    report(found, count, size)


def scaling(options: argparse.Namespace) -> None:
    """Compare numbers of processes, one thread each."""
    count, size = options.brackets or 40, options.megapixels or 6
    with brackets(count, size) as (_, plan):
        found = best(
            {
                f"--jobs {jobs} --threads 1": lambda out, jobs=jobs: [
                    *TOOL, "--plan", str(plan), "-o", str(out), "-q", f"-j{jobs}", "--threads", "1",
                ]
                for jobs in (1, 2)
            },
            options.repeat,
        )  # fmt: skip
    report(found, count, size)


def hour(options: argparse.Namespace) -> None:
    """Say what one core-hour processes, of large pictures."""
    options.brackets, options.megapixels = options.brackets or 12, options.megapixels or 24
    scaling(options)


def cluster(options: argparse.Namespace) -> None:
    """Compare processes of our own with a Dask cluster of as many: to start, and by the bracket."""
    count, size = options.brackets or 200, options.megapixels or 6
    ways = {
        "--jobs 2 --threads 1": ["--threads", "1"],
        "--cluster local -j 2": ["--cluster", "local"],
    }
    found = {}
    for number in (FEW, count):
        with brackets(number, size) as (_, plan):
            found[number] = best(
                {
                    name: lambda out, plan=plan, more=more: [
                        *TOOL, "--plan", str(plan), "-o", str(out), "-q", "-j2", *more,
                    ]
                    for name, more in ways.items()
                },
                options.repeat,
            )  # fmt: skip
        report(found[number], number, size)
    each = {name: (found[count][name] - found[FEW][name]) / (count - FEW) for name in ways}
    for name, seconds in each.items():
        start = found[FEW][name] - FEW * seconds
        print(f"{name:28} {start:.2f} s to start, then {seconds:.3f} s a bracket")


def report(found: dict[str, float], count: int, size: float) -> None:
    """Print seconds, brackets a minute, and how they compare with the first row."""
    first = next(iter(found.values()))
    print(f"{count} brackets of two {size:g} MP JPEGs, {os.cpu_count()} cores")
    print(f"{'':28}{'seconds':>9}{'a minute':>10}{'time':>8}{'speed':>8}")
    for name, seconds in found.items():
        rate = 60 * count / seconds
        print(f"{name:28}{seconds:9.2f}{rate:10.1f}{seconds / first:8.2f}{first / seconds:8.2f}")


def flat(options: argparse.Namespace) -> None:
    """Watch the memory of a batch and its one worker, from the first bracket to the last."""
    count, size = options.brackets or 500, options.megapixels or 1
    seen: list[float] = []
    with brackets(count, size) as (folder, plan), tempfile.TemporaryDirectory() as out:
        from expinterp.brackets import read_plan

        settings = BatchSettings(folder, Path(out), InterpolationOptions())

        def ended(result: TaskResult) -> None:
            seen.append(sum(map(resident, [os.getpid(), *children(os.getpid())])))

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
    ways = {way.__name__: way for way in (overhead, scaling, hour, cluster, flat, memory)}
    parser = argparse.ArgumentParser(description="What a batch costs.")
    parser.add_argument("what", choices=ways)
    parser.add_argument("--brackets", type=int)
    parser.add_argument("--megapixels", type=float)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    ways[options.what](options)


if __name__ == "__main__":
    main()

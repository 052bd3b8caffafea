"""Time of a pair by the number of threads.

    python benchmarks/threads.py                         # 1, 2, 4, … threads, to the number of cores
    python benchmarks/threads.py --most 4 --size 12      # less

Whole processes on a pair of JPEGs, best of two runs. threads.json in OUTPUT holds the figures.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import takewhile
from pathlib import Path

import needs
from samples import write_pair
from timing import TOOL, Run, describe_machine, print_runs, run_in_turn, write_record

from expinterp.core.parallel import usable_cores

COMMANDS = ("interpolate --no-refine", "interpolate", "fuse")
REPEAT = 2


def measure(pair: list[str], out: str, threads: int) -> dict[str, Run]:
    """Run the commands with so many threads."""
    options = [*pair, "-o", out, "--overwrite", "-q", "--device", "cpu", "--threads", str(threads)]
    commands = {command: [*TOOL, *command.split(), *options] for command in COMMANDS}
    runs = run_in_turn(commands, REPEAT)
    print_runs(f"{threads} threads", runs)
    return runs


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description="Time of a pair by the number of threads.")
    parser.add_argument("--most", type=int, default=usable_cores(), help="threads")
    parser.add_argument("--size", type=float, default=24, help="megapixels of the pair")
    parser.add_argument("-o", "--output", type=Path, default=Path("build"), help="folder")
    options = parser.parse_args()
    counts = takewhile(lambda count: count <= options.most, (2**power for power in range(10)))
    with tempfile.TemporaryDirectory() as folder:
        pair = write_pair(Path(folder), options.size, ".jpg")
        found = {count: measure(pair, f"{folder}/out.jpg", count) for count in counts}
    record = {"machine": describe_machine(), "megapixels": options.size, "threads": found}
    write_record(options.output / "threads.json", record)


if __name__ == "__main__":
    needs.run(main)

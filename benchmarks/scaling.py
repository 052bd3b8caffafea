"""Time per megapixel by the size of a pair, and time per pair by the number of pairs in a batch.

    python benchmarks/scaling.py                               # all of it: about 7 minutes
    python benchmarks/scaling.py --most 24 --most-pairs 100    # less
    python benchmarks/scaling.py --page docs/speed.md          # also put tables and charts there

Whole processes on pairs of JPEGs. Sizes up to 24 MP are run three times, the best counts; larger ones and
batches once. A batch has one thread for each job. Written are scaling.json, scaling.md and two charts, in
OUTPUT or beside PAGE, where the tables replace what stands between the two marks.

Needs Linux or macOS, and 6 GiB of memory.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import needs
from samples import write_brackets, write_pair
from timing import TOOL, Run, describe_machine, print_runs, run_in_turn, write_record

from expinterp.svg import Axis, Chart

SIZES = (1, 4, 12, 24, 50, 100, 200, 400)  # megapixels
COUNTS = (1, 10, 100, 1000)  # pairs of a batch
JOBS = (1, 2)
PAIR = 0.5  # megapixels of the pairs of a batch
REPEATED, REPEAT = 24, 3  # sizes up to this are run so many times
COMMANDS = {  # and the most megapixels of each
    "interpolate --no-refine": math.inf,
    "interpolate": math.inf,
    "fuse": 200,  # 25 MiB for each megapixel
}
COLOURS = ("blue", "red", "green")
BEGIN, END = "<!-- begin scaling -->", "<!-- end scaling -->"
CHARTS = {"size": "scaling_size.svg", "batch": "scaling_batch.svg"}
Rows = Mapping[str, Mapping[str, Run]]  # by size or number, and by command


@dataclass(frozen=True)
class Powers(Axis):
    """A logarithmic scale, with a tick at each value."""

    def place(self, value: float) -> float:
        """Compute where a value lies, from 0 to 1 along the axis."""
        low, high = self.ticks[0], self.ticks[-1]
        return math.log(value / low) / (math.log(high / low) or 1)

    def labels(self) -> Iterator[tuple[float, str]]:
        """List the places and labels of the ticks."""
        return ((self.place(tick), f"{tick:g}") for tick in self.ticks)


def measure_sizes(most: float) -> dict[str, dict[str, Run]]:
    """Run the commands on a pair of each size."""
    found = {}
    for size in (size for size in SIZES if size <= most):
        with tempfile.TemporaryDirectory() as folder:
            pair, out = write_pair(Path(folder), size, ".jpg"), f"{folder}/out.jpg"
            commands = {
                command: [*TOOL, *command.split(), *pair, "-o", out, "--overwrite", "-q"]
                for command, limit in COMMANDS.items()
                if size <= limit
            }
            found[str(size)] = run_in_turn(commands, REPEAT if size <= REPEATED else 1)
        print_runs(f"two {size} MP JPEGs", found[str(size)])
    return found


def measure_batches(most: int) -> dict[str, dict[str, Run]]:
    """Interpolate folders of pairs, with one job and with two."""
    found = {}
    for count in (count for count in COUNTS if count <= most):
        with tempfile.TemporaryDirectory() as folder:
            plan, out = write_brackets(Path(folder), count, PAIR), Path(folder) / "out"
            batch = [*TOOL, "batch", "--plan", str(plan), "-o", str(out), "-q", "--threads", "1"]
            commands = {f"--jobs {jobs}": [*batch, "--jobs", str(jobs)] for jobs in JOBS}
            found[str(count)] = run_in_turn(commands, 1, emptied=out)
        print_runs(f"{count} pairs of {PAIR} MP JPEGs", found[str(count)])
    return found


def table(first: str, rows: Rows, unit: str, scale: float) -> str:
    """Write a table: `unit` is `scale` times the seconds, divided by the number of a row."""
    commands = list(dict.fromkeys(command for runs in rows.values() for command in runs))
    heads = [f"`{command}`, {what}" for command in commands for what in (unit, "peak MiB")]
    lines = [[first, *heads], ["---"] * (1 + len(heads))]
    for number, runs in rows.items():
        cells = (_cells(runs.get(command), scale / float(number)) for command in commands)
        lines.append([number, *(cell for pair in cells for cell in pair)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cells(run: Run | None, scale: float) -> tuple[str, str]:
    return (f"{scale * run.seconds:.0f}", f"{run.peak:.0f}") if run else ("–", "–")


def chart(title: str, across: str, up: str, rows: Rows, scale: float) -> str:
    """Draw the same figures as lines over a logarithmic axis."""
    commands = list(dict.fromkeys(command for runs in rows.values() for command in runs))
    lines = {
        command: [
            (float(number), scale * runs[command].seconds / float(number))
            for number, runs in rows.items()
            if command in runs
        ]
        for command in commands
    }
    values = [value for points in lines.values() for _, value in points]
    axis = Powers(tuple(map(float, rows)), across)
    drawn = Chart(title, axis, Axis.over([0, *values], up))
    styles = dict(zip(commands, COLOURS, strict=False))
    shapes = [drawn.line(points, styles[command]) for command, points in lines.items()]
    return drawn.document(shapes, [(styles[command], command) for command in commands])


def describe(sizes: Rows, batches: Rows, folder: Path) -> str:
    """Draw the charts into a folder; return the tables and links to the charts, in Markdown."""
    parts = []
    if sizes:
        drawn = chart("A pair of JPEGs", "megapixels", "ms per megapixel", sizes, 1000)
        (folder / CHARTS["size"]).write_text(drawn, "utf-8")
        parts += [f"![Time per megapixel, by size]({CHARTS['size']})\n"]
        parts += [table("megapixels", sizes, "ms per megapixel", 1000)]
    if batches:
        drawn = chart(f"Pairs of {PAIR} MP", "pairs in the batch", "ms per pair", batches, 1000)
        (folder / CHARTS["batch"]).write_text(drawn, "utf-8")
        parts += [f"![Time per pair, by number of pairs]({CHARTS['batch']})\n"]
        parts += [table("pairs", batches, "ms per pair", 1000)]
    return "\n".join(parts)


def insert(page: Path, text: str) -> None:
    """Replace what stands between the marks of a page."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        message = f"{needs.NAME}: {page} lacks the lines {BEGIN} and {END}; add them"
        raise SystemExit(message)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", "utf-8")


def main() -> None:
    """Measure, and write figures, tables and charts."""
    parser = argparse.ArgumentParser(description="Time by size and by number of pairs.")
    parser.add_argument("--most", type=float, default=SIZES[-1], help="megapixels of a pair")
    parser.add_argument("--most-pairs", type=int, default=COUNTS[-1], help="of a batch")
    parser.add_argument("--page", type=needs.existing, help="Markdown file with the two marks")
    parser.add_argument("-o", "--output", type=Path, default=Path("build"), help="folder")
    options = parser.parse_args()
    sizes, batches = measure_sizes(options.most), measure_batches(options.most_pairs)
    record = {"machine": describe_machine(), "sizes": sizes, "batches": batches}
    write_record(options.output / "scaling.json", record)
    text = describe(sizes, batches, options.page.parent if options.page else options.output)
    (options.output / "scaling.md").write_text(text, "utf-8")
    if options.page:
        insert(options.page, text)


if __name__ == "__main__":
    needs.run(main)

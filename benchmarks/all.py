"""Time and memory of expinterp beside enfuse and MergeMertens; exit 1 if a bar below is broken.

    python benchmarks/all.py                              # everything: about 5 minutes
    python benchmarks/all.py --only pair --repeat 5       # two 24 MP JPEGs, each command 5 times
    python benchmarks/all.py --only pair --moved 9        # the camera moved by 9 pixels
    python benchmarks/all.py --only large --large 200     # two 16-bit TIFFs of 200 MP
    python benchmarks/all.py --only batch --brackets 16   # a folder of pairs

All programs run in turn on the same files, as a user starts them. The pair and the batch are repeated;
the large files are not, since only their peaks count. all.json and all.svg in OUTPUT hold the results.
The bars are those of the default sizes; others are not judged.

Needs Linux or macOS. Enfuse (Debian: ``apt install enfuse``) is optional: without it, no ratios.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import needs
from charts import Bars, draw_bars
from samples import write_brackets, write_pair
from timing import (
    ENFUSE,
    FLOOR,
    FLOOR_SCRIPT,
    HAVE_ENFUSE,
    MERTENS,
    MERTENS_SCRIPT,
    TOOL,
    Run,
    describe_machine,
    print_runs,
    run_in_turn,
    script,
    write_record,
)

from expinterp.cli.tables import print_table

Rows = Mapping[str, Run]
PLAIN, REFINED, BATCH = "interpolate --no-refine", "interpolate", "batch"
FUSED, BETWEEN = "fuse --virtual 0", "fuse --virtual 1"
TIME, RATE, PEAK = "time / enfuse", "pairs an hour / enfuse", "peak, MiB"
SIZES = ("megapixels", "large", "brackets", "moved")


@dataclass(frozen=True)
class Bar:
    """The most that a command may take, or for `RATE` the least that it must reach."""

    part: str
    row: str
    measure: str
    limit: float

    def measured(self, rows: Rows) -> float | None:
        """Return the figure; None if it was not measured."""
        one, other = rows.get(self.row), rows.get(ENFUSE)
        if one is None or (other is None and self.measure != PEAK):
            return None
        if self.measure == PEAK:
            return one.peak
        return (other.seconds / one.seconds) ** (1 if self.measure == RATE else -1)

    def holds(self, value: float) -> bool:
        """Whether a figure keeps to the bar."""
        return value >= self.limit if self.measure == RATE else value <= self.limit

    def mark(self, rows: Rows) -> float | None:
        """Return the bar in MiB or seconds."""
        if self.measure == PEAK:
            return self.limit
        if ENFUSE not in rows:
            return None
        return rows[ENFUSE].seconds * self.limit ** (-1 if self.measure == RATE else 1)


BARS = (
    Bar("pair", PLAIN, TIME, 0.25),
    Bar("pair", REFINED, TIME, 0.50),
    Bar("pair", FUSED, TIME, 0.45),
    Bar("pair", BETWEEN, TIME, 1.00),
    Bar("pair", BETWEEN, PEAK, 700),
    Bar("large", REFINED, PEAK, 1536),
    Bar("large", BETWEEN, PEAK, 2560),
    Bar("batch", BATCH, RATE, 2.00),
)


def measure_pair(options: argparse.Namespace, folder: Path) -> dict[str, Run]:
    """Run every program on two JPEGs."""
    pair = write_pair(folder, options.megapixels, ".jpg", moved=options.moved)
    out = str(folder / "out.jpg")
    commands = {
        FLOOR: script(FLOOR_SCRIPT, out, pair),
        **enfuse(out, pair),
        MERTENS: script(MERTENS_SCRIPT, out, pair),
        **{row: ours(row, out, pair) for row in (PLAIN, REFINED, FUSED, BETWEEN)},
    }
    return run_in_turn(commands, options.repeat)


def measure_large(options: argparse.Namespace, folder: Path) -> dict[str, Run]:
    """Run the heaviest programs on two TIFFs of 16 bits, once."""
    pair = write_pair(folder, options.large, ".tif", moved=options.moved)
    out = str(folder / "out.tif")
    commands = {row: ours(row, out, pair) for row in (PLAIN, REFINED, FUSED, BETWEEN)}
    return run_in_turn({**enfuse(out, pair), **commands}, 1)


def measure_batch(options: argparse.Namespace, folder: Path) -> dict[str, Run]:
    """Interpolate a folder of pairs, beside a loop over enfuse."""
    plan = write_brackets(folder, options.brackets, options.megapixels)
    out = folder / "out"
    loop = f'for n in {folder}/card/*_0.jpg; do enfuse -o {out}/"${{n##*/}}" "$n" "${{n%_0.jpg}}_1.jpg"; done'
    commands = {ENFUSE: ["sh", "-ec", loop]} if HAVE_ENFUSE else {}
    commands[BATCH] = [*TOOL, "batch", "--plan", str(plan), "-o", str(out), "-q"]
    return run_in_turn(commands, options.repeat, emptied=out)


def enfuse(out: str, pair: list[str]) -> dict[str, list[str]]:
    """Return the command of enfuse, if it is installed."""
    return {ENFUSE: [ENFUSE, "-o", out, *pair]} if HAVE_ENFUSE else {}


def ours(row: str, out: str, pair: list[str]) -> list[str]:
    """Return the command of a row."""
    return [*TOOL, *row.split(), *pair, "-o", out, "--overwrite", "-q"]


PARTS = {"pair": measure_pair, "large": measure_large, "batch": measure_batch}


def judge(parts: Mapping[str, Rows]) -> list[dict[str, object]]:
    """Compare every bar with what was measured."""
    found = []
    for bar in BARS:
        value = bar.measured(parts.get(bar.part, {}))
        met = None if value is None else bar.holds(value)
        found.append({**asdict(bar), "measured": value, "met": met})
    return found


def print_bars(found: Sequence[Mapping[str, object]]) -> None:
    """Print each bar, the figure, and whether it is met."""
    verdict = {True: "yes", False: "NO", None: "not measured"}
    rows = [
        (
            f"{one['part']}: {one['row']}",
            str(one["measure"]),
            f"{one['limit']:g}",
            "-" if one["measured"] is None else f"{one['measured']:.4g}",
            verdict[one["met"]],
        )
        for one in found
    ]
    print_table(("command", "measure", "bar", "measured", "met"), rows, figures=True)


def charts(parts: Mapping[str, Rows], bars: Sequence[Bar]) -> Iterator[Bars]:
    """List charts of seconds and of memory; marks show the bars."""
    for part, rows in parts.items():
        for peak, unit in ((False, "seconds"), (True, "MiB at the peak")):
            values = {row: one.peak if peak else one.seconds for row, one in rows.items()}
            shown = [one for one in bars if one.part == part and (one.measure == PEAK) == peak]
            marks = {one.row: one.mark(rows) for one in shown}
            yield Bars(f"{part}: {unit}", values, marks)


def title(part: str, options: argparse.Namespace) -> str:
    """Describe the files of a part."""
    files = {
        "pair": f"two {options.megapixels:g} MP JPEGs",
        "large": f"two {options.large:g} MP TIFFs of 16 bits",
        "batch": f"{options.brackets} pairs of {options.megapixels:g} MP JPEGs",
    }
    moved = options.moved and part != "batch"
    return files[part] + (f", moved by {options.moved} pixels" if moved else "")


def main() -> None:
    """Measure, print, write, and exit 1 if a bar is broken."""
    parser = argparse.ArgumentParser(description="Time and memory beside enfuse and MergeMertens.")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part")
    parser.add_argument("--repeat", type=int, default=3, help="of the pair and the batch")
    parser.add_argument("--megapixels", type=float, default=24, help="of the JPEGs")
    parser.add_argument("--large", type=float, default=100, help="megapixels of the TIFFs")
    parser.add_argument("--brackets", type=int, default=8, help="of the batch")
    parser.add_argument("--moved", type=int, default=0, metavar="PIXELS")
    parser.add_argument("-o", "--output", type=Path, default=Path("build"), help="folder")
    options = parser.parse_args()
    parts = {}
    for part in options.only or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            parts[part] = PARTS[part](options, Path(folder))
        print_runs(title(part, options), parts[part])
    for row, one in parts.get("batch", {}).items():
        print(f"{row}: {3600 * options.brackets / one.seconds:.0f} pairs an hour")
    usual = all(getattr(options, name) == parser.get_default(name) for name in SIZES)
    found = judge(parts if usual else {})
    print_bars(found)
    titles = {part: title(part, options) for part in parts}
    record = {"machine": describe_machine(), "files": titles, "runs": parts, "bars": found}
    write_record(options.output / "all.json", record)
    drawn = charts(parts, BARS if usual else ())
    (options.output / "all.svg").write_text(draw_bars([*drawn]), "utf-8")
    if any(one["met"] is False for one in found):
        raise SystemExit(1)


if __name__ == "__main__":
    needs.run(main)

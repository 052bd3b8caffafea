"""Fused pictures beside those of enfuse and OpenCV's MergeMertens: quality, then cost.

    python benchmarks/fusion.py SCENES_JSON                      # both tables
    python benchmarks/fusion.py SCENES_JSON --verbose --camera D2x --row "expinterp --virtual auto"
    python benchmarks/fusion.py --megapixels 100 --format tiff --repeat 1          # cost alone

SCENES_JSON lists scenes with their camera, frames and triples (long, medium, short). The pictures
are reduced to 900 pixels on the longer side, 8 bits, and every method gets the long and the short
photograph; rows that end in "+ medium" also the photographed one between. Columns:

    bracket     MEF-SSIM against the three photographs, which hold what the scene held
    inputs      MEF-SSIM against long and short alone, which falls when even the true medium is added
    reversed    share of pairs of pixels whose order of brightness contradicts the scene, in percent
    high/shade  the same of pairs of a highlight, that only short holds, and a shadow, that only
                long holds; over the triples that have both

Weights are each program's own: enfuse 4.2 exposure 1, saturation 0.2, contrast 0; MergeMertens
exposure 0, saturation 1, contrast 1. Its result is clipped and rounded to 8 bits like the others.
Needs enfuse on the path (Debian: ``apt install enfuse``); rows are left out where it is missing.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from cost import ENFUSE, FLOOR, print_table, run, time_in_turn, write_pair
from quality import Triple, read, read_triples

from expinterp.metrics import Scene, mef_ssim, order_violations, read_scene
from expinterp.pair import measure

LONGER_SIDE = 900  # pixels
COLUMNS = ("bracket", "inputs", "reversed", "high/shade")
TOOL = [sys.executable, "-m", "expinterp", "fuse"]
MERTENS = """
import sys, cv2, numpy as np
images = [cv2.imread(name) for name in sys.argv[1:-1]]
fused = cv2.createMergeMertens(1, 1, 0).process(images)
cv2.imwrite(sys.argv[-1], np.clip(np.rint(fused * 255), 0, 255).astype(np.uint8))
"""
Fusion = Callable[[Sequence[np.ndarray]], np.ndarray]
Row = TypeVar("Row")


@dataclass(frozen=True)
class Bracket:
    """The photographs of a triple, reduced, uint8 R G B."""

    name: str
    long: np.ndarray
    medium: np.ndarray
    short: np.ndarray

    @cached_property
    def scene(self) -> Scene:
        """What the three say of the scene's light; their response is estimated from the outer two."""
        pair = measure(self.long, self.short)
        medium = self.medium[..., : pair.long.shape[2]]  # a colourless pair is kept in one channel
        log_times = [0.0, pair.log_ratio / 2, pair.log_ratio]
        return read_scene([pair.short, medium, pair.long], log_times, pair.response)


def reduce(image: np.ndarray) -> np.ndarray:
    """Shrink a photograph to 900 pixels on the longer side by area averaging."""
    scale = LONGER_SIDE / max(image.shape[:2])
    size = [round(n * scale) for n in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image


def read_bracket(triple: Triple) -> Bracket:
    """Read and reduce the photographs of a triple."""
    shots = (triple.long, triple.medium, triple.short)
    name = f"{triple.scene} {'-'.join(path.stem for path in shots)}"
    return Bracket(name, *(reduce(read(path)) for path in shots))


def run_program(shots: Sequence[np.ndarray], command: Sequence[str]) -> np.ndarray:
    """Fuse by a program that takes ``-o OUT`` and the names of files."""
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{folder}/{index}.png" for index in range(len(shots))]
        for name, shot in zip(names, shots, strict=True):
            cv2.imwrite(name, cv2.cvtColor(shot, cv2.COLOR_RGB2BGR))
        out = f"{folder}/fused.png"
        run([*command, "-o", out, *names])
        return read(Path(out))


def merge_mertens(shots: Sequence[np.ndarray]) -> np.ndarray:
    """Fuse by OpenCV, with its default weights."""
    fused = cv2.createMergeMertens(1, 1, 0).process(list(shots))
    return np.clip(np.rint(fused * 255), 0, 255).astype(np.uint8)


def methods() -> dict[str, Fusion]:
    """Name the rows of the table that this machine can fill."""
    enfuse = partial(run_program, command=["enfuse"])
    ours = {n: partial(run_program, command=[*TOOL, "--virtual", n]) for n in ("0", "auto")}
    rows = {"enfuse": enfuse, "MergeMertens": merge_mertens}
    rows |= {f"expinterp --virtual {n}": fusion for n, fusion in ours.items()}
    rows |= {"enfuse + medium": enfuse, "MergeMertens + medium": merge_mertens}
    return there(rows | {"expinterp --virtual 0 + medium": ours["0"]})


def there(rows: dict[str, Row]) -> dict[str, Row]:
    """Leave out the rows of programs that this machine lacks."""
    names = {name: set(name.replace(",", "").split()) for name in rows}
    return {name: row for name, row in rows.items() if not names[name] & missing_programs()}


@cache
def missing_programs() -> set[str]:
    """Look for the programs, and say which are not there."""
    missing = set() if shutil.which("enfuse") else {"enfuse"}
    if subprocess.run([*TOOL, "--help"], capture_output=True, check=False).returncode:
        missing.add("expinterp")
    for program in missing:
        print(f"{program} is not there; its rows are left out", file=sys.stderr)
    return missing


def score(fused: np.ndarray, bracket: Bracket) -> list[float]:
    """Compute the columns of the table; not a number where there are no pairs to compare."""
    inputs = [bracket.short, bracket.long]
    order = order_violations(fused, bracket.scene)
    shares = [order.everywhere, order.highlight_shadow]
    return [
        mef_ssim([*inputs, bracket.medium], fused),
        mef_ssim(inputs, fused),
        *(float("nan") if share is None else 100 * share for share in shares),
    ]


def measure_quality(
    brackets: Sequence[Triple], rows: dict[str, Fusion], *, verbose: bool
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Score every row on every bracket: the brackets' names, and per row (brackets, columns)."""
    names: list[str] = []
    scores: dict[str, list[list[float]]] = {row: [] for row in rows}
    for triple in brackets:
        bracket = read_bracket(triple)
        names.append(bracket.name)
        for row, fusion in rows.items():
            between = [bracket.medium] if row.endswith("+ medium") else []
            fused = fusion([bracket.short, *between, bracket.long])
            scores[row].append(score(fused, bracket))
            if verbose:
                print(
                    f"{bracket.name:44} {format_row(row, np.array(scores[row][-1:]))}", flush=True
                )
    return names, {row: np.array(values) for row, values in scores.items()}


def format_row(row: str, values: np.ndarray) -> str:
    """Format the means of the columns over the brackets that have them."""
    bracket, inputs, everywhere, matched = (
        column[~np.isnan(column)].mean() if not np.isnan(column).all() else float("nan")
        for column in values.T
    )
    return f"{row:32}{bracket:9.4f}{inputs:9.4f}{everywhere:10.3f}{matched:12.4f}"


def print_quality(names: list[str], scores: dict[str, np.ndarray]) -> None:
    """Print the table, and where the virtual image does harm."""
    print(f"{len(names)} triples, mean")
    print(f"{'':32}{'{:>9}{:>9}{:>10}{:>12}'.format(*COLUMNS)}")
    for row, values in scores.items():
        print(format_row(row, values))
    with_virtual, without = (scores.get(f"expinterp --virtual {n}") for n in ("auto", "0"))
    if with_virtual is not None and without is not None:
        print_losses(names, with_virtual - without)


def print_losses(names: list[str], gain: np.ndarray) -> None:
    """Name the brackets that the virtual image makes worse, by structure or by order."""
    print(f"virtual auto against 0: MEF-SSIM {gain[:, 0].mean():+.4f}; worse on")
    for index in np.argsort(gain[:, 0]):
        structure, _, everywhere, matched = gain[index]
        if structure < 0 or matched > 0:
            print(
                f"  {names[index]:44} bracket {structure:+.4f}  reversed {everywhere:+.3f}  "
                f"high/shade {matched:+.4f}"
            )


def measure_cost(megapixels: float, kind: str, repeat: int) -> None:
    """Time the programs as a user starts them, and print the table."""
    suffix = {"jpeg": ".jpg", "tiff": ".tif"}[kind]
    with tempfile.TemporaryDirectory() as folder:
        pair = write_pair(Path(folder), megapixels, suffix)
        out = str(Path(folder) / f"out{suffix}")
        commands = {
            "floor: decode two, encode one (OpenCV)": [sys.executable, "-c", FLOOR, *pair, out],
            ENFUSE: ["enfuse", "-o", out, *pair],
            "MergeMertens, OpenCV": [sys.executable, "-c", MERTENS, *pair, out],
        }
        commands |= {
            f"expinterp fuse --virtual {n}": [
                *TOOL,
                *pair,
                "-o",
                out,
                "--overwrite",
                "--virtual",
                n,
            ]
            for n in ("0", "1")
        }
        results = time_in_turn(there(commands), repeat)
    print_table(f"{megapixels:g} MP {kind} pair", results)


def main() -> None:
    """Print the two tables, or one."""
    parser = argparse.ArgumentParser(description="Fused pictures beside enfuse and MergeMertens.")
    parser.add_argument("manifest", type=Path, nargs="?", help="without it, cost alone")
    parser.add_argument("--camera", default="", help="only cameras whose name contains this")
    parser.add_argument("--row", action="append", help="only these rows of the quality table")
    parser.add_argument("--verbose", action="store_true", help="every triple, too")
    parser.add_argument("--no-cost", action="store_true", help="quality alone")
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--format", choices=["jpeg", "tiff"], default="jpeg")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    if options.manifest:
        rows = {name: row for name, row in methods().items() if name in (options.row or [name])}
        triples = list(read_triples(options.manifest, options.camera))
        print_quality(*measure_quality(triples, rows, verbose=options.verbose))
    if not options.no_cost:
        measure_cost(options.megapixels, options.format, options.repeat)


if __name__ == "__main__":
    main()

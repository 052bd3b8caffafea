"""Time, memory and size of ``expinterp report``, and how fast a browser is with the page.

    python benchmarks/report.py                     # 1,000 brackets of two 24 MP JPEGs each
    python benchmarks/report.py --brackets 100 --megapixels 45

A bracket is ``examples/window`` enlarged, with grain, and the image between the two; all brackets
use the same three files, which are decoded again each time.

Needs Linux or macOS. Chromium (Debian: ``apt install chromium``) is optional: with it the page is
opened too; the best of three counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import needs
from samples import write_pair
from timing import TOOL, run

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from chromium import browse, find_chromium
from report_samples import done, header, write_journal

SEARCH = """
(() => {
  const start = performance.now();
  const search = document.getElementById("search");
  search.value = "bracket 77";
  search.dispatchEvent(new Event("input", { bubbles: true }));
  document.body.offsetHeight;
  return performance.now() - start;
})()
"""
TIMES = "JSON.stringify(performance.getEntriesByType('navigation')[0])"
PAINT = "performance.getEntriesByType('paint')[0].startTime"


def write_batch(folder: Path, brackets: int, megapixels: float) -> Path:
    """Write three photographs, and the journal of a batch in which they form all brackets."""
    long, short = (Path(name).name for name in write_pair(folder, megapixels, ".jpg"))
    pair, medium = [str(folder / long), str(folder / short)], str(folder / "mid.jpg")
    run([*TOOL, "interpolate", *pair, "-o", medium])
    lines = [done(f"bracket {n}", [long, short], "mid.jpg") for n in range(brackets)]
    return write_journal(folder, [header(folder, folder), *lines])


def browse_page(page: Path) -> dict[str, float]:
    """Measure when a browser shows the page, has loaded it, and has searched it; milliseconds."""
    trials = []
    for _ in range(3):
        profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        with profile as empty, browse(Path(empty)) as tab:
            tab.open(page)
            whole = json.loads(tab.run(TIMES))["domContentLoadedEventEnd"]
            trials.append((tab.run(PAINT), whole, tab.run(SEARCH)))
    best = map(min, zip(*trials, strict=True))
    return dict(zip(("first paint", "loaded", "search"), best, strict=True))


def main() -> None:
    """Write a report and print its time, memory and size."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--brackets", type=int, default=1000)
    options.add_argument("--megapixels", type=float, default=24)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        journal = write_batch(Path(folder), chosen.brackets, chosen.megapixels)
        page = Path(folder) / "report.html"
        command = [*TOOL, "report", str(journal), "-o", str(page)]
        found = run(command)
        size = page.stat().st_size
        print(f"{chosen.brackets} brackets of {chosen.megapixels:g} MP JPEGs")
        print(f"  {found.seconds:.0f} s, {found.peak:.0f} MiB at most")
        print(f"  {size / 1e6:.1f} MB, {size / chosen.brackets / 1e3:.1f} kB a bracket")
        if find_chromium():
            for what, time in browse_page(page).items():
                print(f"  {what}: {time:.0f} ms")


if __name__ == "__main__":
    needs.run(main)

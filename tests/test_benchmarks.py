"""The benchmarks are not run here, but what they import must exist, and they must judge rightly."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from xml.etree.ElementTree import fromstring

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
BENCHMARKS = sorted(FOLDER.glob("*.py"))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the module benchmarks/all.py."""
    pytest.importorskip("resource")  # not on Windows
    monkeypatch.syspath_prepend(FOLDER)
    return import_module("all")


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_imports_only_what_exists(path: Path) -> None:
    source = path.read_text("utf-8")
    if '.require("torch"' in source:
        pytest.importorskip("torch")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("expinterp"):
            module = import_module(str(node.module))
            for name in node.names:
                if not hasattr(module, name.name):
                    import_module(f"{node.module}.{name.name}")


def test_there_are_benchmarks() -> None:
    assert len(BENCHMARKS) > 10


@pytest.mark.parametrize(("cost", "met"), [(0.99, True), (1.01, False)])
def test_a_bar_is_broken_by_what_costs_more(everything: ModuleType, cost: float, met: bool) -> None:
    enfuse = everything.Run(8.0, 8.0, 700.0)
    for bar in everything.BARS:
        mark = cost * bar.mark({"enfuse": enfuse})  # seconds or MiB
        parts = {bar.part: {"enfuse": enfuse, bar.row: everything.Run(mark, mark, mark)}}
        (found,) = [
            one for one in everything.judge(parts)
            if (one["row"], one["measure"]) == (bar.row, bar.measure) and one["part"] == bar.part
        ]  # fmt: skip
        assert found["met"] is met, found


def test_what_was_not_measured_breaks_no_bar(everything: ModuleType) -> None:
    alone = {"pair": {"interpolate": everything.Run(9.0, 9.0, 9e9)}}  # without enfuse
    for parts in ({}, alone):
        assert {one["met"] for one in everything.judge(parts)} == {None}


def test_the_chart_shows_every_program_and_bar(everything: ModuleType) -> None:
    rows = {
        "enfuse": everything.Run(8.0, 8.0, 700.0),
        "interpolate": everything.Run(2.0, 2.0, 500.0),
    }
    (seconds, memory) = everything.charts({"pair": rows}, everything.BARS)
    assert seconds.values == {"enfuse": 8.0, "interpolate": 2.0}
    assert memory.values == {"enfuse": 700.0, "interpolate": 500.0}
    assert seconds.marks["interpolate"] == 4.0
    drawn = fromstring(everything.draw_bars([seconds]))
    assert {"enfuse", "interpolate"} <= {text.text for text in drawn.iter(f"{SVG}text")}
    assert len([*drawn.iter(f"{SVG}path")]) == 1


@pytest.mark.slow
def test_one_command_measures_and_writes_everything(tmp_path: Path) -> None:
    command = [sys.executable, FOLDER / "all.py", "--repeat", "1", "--output", tmp_path]
    sizes = ["--megapixels", "0.2", "--large", "0.2", "--brackets", "2"]
    done = subprocess.run([*command, *sizes], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "all.json").read_text("utf-8"))
    assert [*record["runs"]] == ["pair", "large", "batch"]
    for runs in record["runs"].values():
        assert all(run["seconds"] > 0 and run["peak"] > 10 for run in runs.values())
    assert {bar["met"] for bar in record["bars"]} == {None}  # other sizes are not judged
    fromstring((tmp_path / "all.svg").read_text("utf-8"))


@pytest.mark.slow
def test_a_program_that_fails_ends_the_benchmark_with_its_message(everything: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"exit 3\n.*no-such\.jpg"):
        everything.run_in_turn(
            {"": [*everything.TOOL, "fuse", "no-such.jpg", "b.jpg", "-o", "x.png"]}, 1
        )

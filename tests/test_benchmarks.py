"""The benchmarks are not run here, but what they import must exist, and they must judge rightly."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from xml.etree.ElementTree import fromstring

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
BENCHMARKS = sorted(FOLDER.glob("*.py"))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Return a function that imports a benchmark."""
    pytest.importorskip("resource")  # not on Windows
    monkeypatch.syspath_prepend(FOLDER)
    return import_module


@pytest.fixture
def everything(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("all")


@pytest.fixture
def cuda(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("cuda")


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


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def test_without_a_card_the_cuda_benchmark_says_so_in_one_line(
    cuda: ModuleType,
    no_card: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["cuda.py"])
    with pytest.raises(SystemExit) as caught:
        cuda.needs.run(cuda.main)
    out, error = capsys.readouterr()
    assert caught.value.code == 7
    assert out == ""
    assert error.count("\n") == 1
    assert "cuda was requested" in error


@pytest.mark.slow
def test_the_cuda_benchmark_notices_a_hidden_card(cuda: ModuleType) -> None:
    found = cuda.without_card()
    assert (found["exit"], found["written"]) == (7, False)
    assert "cuda was requested" in found["message"]


@pytest.mark.slow
@pytest.mark.parametrize("alike", [True, False])
def test_the_cuda_benchmark_compares_pixels(
    cuda: ModuleType, monkeypatch: pytest.MonkeyPatch, alike: bool
) -> None:
    """Both devices are the CPU here; unless they are alike, one works without the network."""

    def interpolate(device: str, pair: list[str], out: str) -> list[str]:
        command = [*cuda.TOOL, "interpolate", *pair, "-o", out, "--overwrite", "--json"]
        return [*command, "--denoise", "0"] if device == "cuda" and not alike else command

    monkeypatch.setattr(cuda, "interpolate", interpolate)
    found = cuda.compare_pair(0.2, 1)
    assert (found["largest"] <= cuda.MOST) == alike
    assert found["stages"]["cpu"].keys() >= {"read", "render", "write"}


def test_tables_and_charts_of_scaling_show_time_by_size(
    load: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    scaling = load("scaling")
    sizes = {"1": {"a": scaling.Run(2.0, 9.0, 50.0), "b": scaling.Run(3.0, 9.0, 60.0)}}
    sizes |= {"100": {"a": scaling.Run(40.0, 9.0, 70.4)}}
    page = tmp_path / "page.md"
    page.write_text(f"before\n{scaling.BEGIN}\nold\n{scaling.END}\nafter\n", "utf-8")
    scaling.insert(page, scaling.describe(sizes, {}, tmp_path))
    text = page.read_text("utf-8")
    assert "| 1 | 2000 | 50 | 3000 | 60 |" in text
    assert "| 100 | 400 | 70 | – | – |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    drawn = fromstring((tmp_path / scaling.CHARTS["size"]).read_text("utf-8"))
    first, *_ = (line.get("points", "").split() for line in drawn.iter(f"{SVG}polyline"))
    assert [point.split(",")[0] for point in first] == ["0", "480"]


def test_a_page_without_marks_is_refused(load: Callable[[str], ModuleType], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n", "utf-8")
    with pytest.raises(SystemExit, match="lacks the lines"):
        load("scaling").insert(page, "")
    assert page.read_text("utf-8") == "text\n"

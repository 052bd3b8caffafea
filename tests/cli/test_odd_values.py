"""Every option of every command with odd values: refused in one line, or harmless."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from batch_samples import card
from hypothesis import given
from hypothesis import strategies as st
from odd_samples import FEW, MANY, NUMBERS, TEXTS, check

from expinterp.cli import commands

FRAMES = [f"card/day 0/b000_{step}.png" for step in range(3)]
PLAIN = ("--overwrite", "--no-refine")
BASES = {
    "interpolate": (*FRAMES[:2], "-o", "o.png", *PLAIN, "--json"),
    "fuse": (*FRAMES[:2], "-o", "o.png", *PLAIN, "--json"),
    "merge": (*FRAMES[:2], "-o", "o.tif", "--overwrite", "--json"),
    "batch": ("card", "-o", "out", "--no-refine", "-n"),
    "report": ("made", "-o", "r.html", "--overwrite"),
    "calibrate": (*FRAMES, "-o", "c.json", "--overwrite"),
    "cameras": (),
    "doctor": (),
    "evaluate": ("card", "--only", "blind"),
    "train": ("no source", "-o", "m.onnx"),
    "tune": ("no source", "-o", "m.onnx"),
}
VALUES = st.sampled_from(
    [*map(str, NUMBERS), *TEXTS, "-0", "NaN", "-inf", "1e308", "1e309", "5e-324", "1/0", "0/0", "1/inf",
     "1/1e-320", "٣", "²", "½", "1_000", "0x10", "1e", " 1 ", "1\n", "1s", "1/30/2", "1,5", "--1",
     "9" * 400, "9" * 5000, "0." + "0" * 400 + "1", "None", "𝟙", "{bracket}\0", "{", "{0}", "-",
     "1e308,1e-308", "1,1,1", "8GB", "1e400G", "a.html", "x/y.onnx", "no\x1b]0;title\x07.json"]
)  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with a bracket of three exposures."""
    folder = tmp_path_factory.getbasetemp() / "odd values"
    if not folder.exists():
        folder.mkdir()
        card(folder / "card", 1, frames=3, shape=(24, 32))
    monkeypatch.chdir(folder)
    return folder


def odd_options(name: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Return one or two options of a command, each with an odd value or as a flag."""
    parameters = commands.commands[name].params
    options = [one for one in parameters if isinstance(one, click.Option)]

    def typed(option: click.Option) -> st.SearchStrategy[str]:
        long = max(option.opts, key=len)
        return st.just(long) if option.is_flag else VALUES.map(lambda value: f"{long}={value}")

    one = st.sampled_from(options).flatmap(typed)
    return st.lists(one, min_size=1, max_size=2).map(tuple)


@pytest.mark.parametrize("name", sorted(BASES))
@FEW
@given(data=st.data())
def test_odd_values_are_refused_in_one_line(
    name: str, capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    run(name, capsys, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(BASES))
@MANY
@given(data=st.data())
def test_odd_values_are_refused_in_one_line_many_times(
    name: str, capsys: pytest.CaptureFixture[str], data: st.DataObject
) -> None:
    run(name, capsys, data)


def run(name: str, capsys: pytest.CaptureFixture[str], data: st.DataObject) -> None:
    """Run a command with odd options, or an odd argument in place of one of its own."""
    arguments = list(BASES[name])
    if arguments and data.draw(st.integers(0, 4)) == 0:
        arguments[0] = data.draw(VALUES)
    options = data.draw(odd_options(name))
    if not {"--debug", "-h", "--help", "--report", "--log"} & {
        one.split("=")[0] for one in options
    }:
        check(capsys, name, *arguments, *options)


def test_every_command_has_a_base() -> None:
    assert set(BASES) == set(commands.commands)

"""The manual pages and the reference of the site say what the program says."""

from __future__ import annotations

import doctest
import importlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from expinterp import cli
from expinterp.errors import ExitCode

TOOLS = Path(__file__).resolve().parent.parent / "docs" / "tools"
COMMANDS = {f"expinterp-{name}": each for name, each in cli.commands.commands.items()}
LINTERS = {"groff": ("-man", "-ww", "-Tutf8", "-z"), "mandoc": ("-Tlint", "-Wwarning")}


@pytest.fixture(scope="module")
def manual() -> Iterator[ModuleType]:
    """Import the module that makes the pages; it is no part of the package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOOLS)
        yield importlib.import_module("manual")


@pytest.fixture(scope="module")
def pages(manual: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("man1")
    return {path.stem: path for path in manual.write_man_pages(folder)}


def flags(command: click.Command) -> set[str]:
    return {flag for option in command.params for flag in option.opts if flag.startswith("-")}


def test_every_command_has_a_manual_page(pages: dict[str, Path]) -> None:
    assert set(pages) == {"expinterp", *COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_manual_page_names_every_option(name: str, pages: dict[str, Path]) -> None:
    lines = pages[name].read_text("ascii").splitlines()
    terms = {word.strip(",") for line in lines if line.startswith(r"\fB\-")
             for word in line.removeprefix(r"\fB").removesuffix(r"\fR").split()}  # fmt: skip
    assert {flag.replace("-", r"\-") for flag in flags(COMMANDS[name])} <= terms  # to be copied


@pytest.mark.parametrize("name", COMMANDS)
def test_the_reference_names_every_option(name: str, manual: ModuleType) -> None:
    heading = f"## {name.replace('-', ' ')}\n"
    section = manual.reference().split(heading)[1].split("\n## ")[0]
    terms = {word.strip("`,") for line in section.splitlines() if line.startswith("`")
             for word in line.split()}  # fmt: skip
    assert flags(COMMANDS[name]) <= terms


def test_its_examples_are_so(manual: ModuleType) -> None:
    failed, attempted = doctest.testmod(manual)
    assert attempted
    assert not failed


def test_every_exit_code_is_explained(manual: ModuleType, pages: dict[str, Path]) -> None:
    assert set(manual.EXIT_CODES) == set(ExitCode)
    for code, words in manual.EXIT_CODES.items():
        assert f"| {int(code)} | {words} |" in manual.exit_codes()
        assert f"\\fB{int(code)}\\fR\n" in pages["expinterp-batch"].read_text("ascii")


@pytest.mark.parametrize("linter", LINTERS)
def test_manual_pages_are_well_formed(linter: str, pages: dict[str, Path]) -> None:
    if shutil.which(linter) is None:
        pytest.skip(f"{linter} is not installed")
    for path in pages.values():
        command = [linter, *LINTERS[linter], str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_manual_page_can_be_read(pages: dict[str, Path]) -> None:
    """What roff takes for commands, hyphens or escapes comes out as it stands in the help."""
    if shutil.which("groff") is None:
        pytest.skip("groff is not installed")
    command = ["groff", "-man", "-Tutf8", "-P-cbou", str(pages["expinterp-interpolate"])]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "expinterp-interpolate - Compute the photograph between two exposures" in text
    for line in cli.interpolate.help.splitlines():
        if line.startswith(("expinterp ", "cat ")):
            assert line in text

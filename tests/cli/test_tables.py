"""Tables on stdout: ruled on a terminal, plain where the output goes to a file."""

from __future__ import annotations

import pytest

from expinterp.cli.tables import WIDEST, print_table, print_tables
from expinterp.evaluation import Table


class Terminal:
    """A stdout that says it is one."""

    encoding = "ascii"

    def __init__(self) -> None:
        self.written = ""

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.written += text
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal of 80 columns in the place of stdout."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    return terminal


def test_a_table_is_ruled_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    print_tables([Table("means", ("", "dB"), (("[bold]name", "34.04"),))])
    assert "[bold]name" in terminal.written
    assert "34.04" in terminal.written
    assert terminal.written.count("\n") > 4


def test_a_narrow_terminal_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    print_table(("", "digest"), [("x", "0123456789abcdef" * 8)])
    assert all(len(line) <= 80 for line in terminal.written.splitlines())
    assert sum(map(terminal.written.count, "0123456789")) == 80


def test_plain_columns_are_aligned_by_what_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("scene", "dB"), [("ab", "9.5"), ("写真" * 15, "10.25")], figures=True)
    assert capsys.readouterr().out.splitlines() == [
        f"{'scene':60}     dB", f"{'ab':60}    9.5", f"{'写真' * 15}  10.25"
    ]  # fmt: skip


def test_a_long_cell_pads_no_other_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "why"), [("a" * 99, "x"), ("b", "y")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == [f"{'a' * 99}  x", f"{'b':{WIDEST}}  y"]


def test_no_name_controls_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", ""), [("a\n\x1b[2J", "x")], caption="files")
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  name", r"  a\n\x1b[2J  x"
    ]  # fmt: skip

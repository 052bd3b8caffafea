"""The journal survives any end of the program, and keeps a second batch out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expinterp.batch import journal
from expinterp.errors import ImageFileError, OutputError

HEADER = {"kind": "header", "schema_version": 1}


def planned(name: str, fingerprint: str = "f", *, claimed: bool = True) -> dict[str, Any]:
    outputs = [f"{name}_mid.jpg"]
    return {
        "kind": "planned",
        "bracket": name,
        "outputs": outputs,
        "fingerprint": fingerprint,
        "claimed": claimed,
    }


def result(name: str, status: str = "done", fingerprint: str = "f") -> dict[str, Any]:
    return {
        "kind": "result",
        "bracket": name,
        "status": status,
        "fingerprint": fingerprint,
        "outputs": [f"{name}_mid.jpg"] if status == "done" else [],
        "bytes": [123] if status == "done" else [],
        "reports": [{"command": "interpolate"}],
    }


def write(folder: Path, *lines: dict[str, Any]) -> Path:
    with journal.open_journal(folder) as opened:
        opened.add(*lines)
    return folder / journal.NAME


def test_what_is_written_is_read(tmp_path: Path) -> None:
    leftover = {"kind": "leftover", "path": "a.jpg", "reason": "alone"}
    path = write(tmp_path, HEADER, leftover, planned("a"), planned("b"), result("a"))
    record = journal.read(path)
    assert record == journal.read(tmp_path)
    assert record.header == HEADER
    assert record.planned == {"a": "f", "b": "f"}
    assert record.results == {"a": result("a")}
    assert record.leftovers == [leftover]
    assert (record.claimed, record.made) == ({"b_mid.jpg"}, {"a_mid.jpg": 123})


def test_the_last_result_counts(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, planned("a"), result("a", "failed"), result("a", "done"))
    assert journal.read(path).results["a"]["status"] == "done"


def test_a_new_run_keeps_results_of_the_same_fingerprint_only(tmp_path: Path) -> None:
    write(tmp_path, HEADER, planned("a"), planned("b"), planned("c"))
    write(tmp_path, result("a"), result("b"), result("c"))
    path = write(tmp_path, HEADER, planned("a"), planned("b", "changed"))
    assert set(journal.read(path).results) == {"a"}
    assert journal.read(path).planned == {"a": "f", "b": "changed"}


def test_an_output_that_was_there_before_is_never_claimed(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, planned("a", claimed=False))
    assert journal.read(path).claimed == set()
    assert journal.read(path).planned == {"a": "f"}


def test_an_output_is_claimed_until_its_bracket_has_a_result(tmp_path: Path) -> None:
    write(tmp_path, HEADER, planned("a"), planned("b"), planned("c"))
    path = write(tmp_path, result("a"), result("b", "failed"))
    assert journal.read(path).made == {"a_mid.jpg": 123}
    assert journal.read(path).claimed == {"c_mid.jpg"}
    write(tmp_path, HEADER, planned("a", "changed"), planned("c", claimed=False))
    assert journal.read(path).claimed == {"a_mid.jpg", "c_mid.jpg"}
    write(tmp_path, result("a", "failed", "changed"), result("c", "skipped"))
    assert journal.read(path).claimed == {"c_mid.jpg"}
    assert journal.read(path).made == {"a_mid.jpg": 123}


def test_records_of_jobs_may_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, planned("a"), result("a"))
    assert journal.read(path).results["a"]["reports"]
    assert not journal.read(path, records=False).results["a"]["reports"]


@settings(max_examples=40)
@given(cut=st.integers(1, 400))
def test_a_torn_end_loses_its_own_line_and_no_other(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    path = write(folder, HEADER, planned("a"), result("a"), planned("b"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    kept = whole[:-cut].rpartition(b"\n")[0].count(b"\n") + 1 if b"\n" in whole[:-cut] else 0
    write(folder, *([] if kept else [HEADER]), planned("c"))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert lines[-1] == planned("c")
    assert len(lines) == max(kept, 1) + 1


def test_a_torn_end_longer_than_a_block_is_cut(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\0" * (3 * journal.BLOCK))
    write(tmp_path)
    assert path.read_bytes() == whole


def test_unknown_kinds_and_damaged_lines_are_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, {"kind": "weather"}, planned("a"))
    with path.open("ab") as stream:
        stream.write(b"\xff\xfe nonsense\n[1, 2]\n")
    write(tmp_path, result("a"))
    assert journal.read(path).results == {"a": result("a")}


@pytest.mark.parametrize(
    "line",
    [{"kind": "result"}, {"kind": "planned", "bracket": []}, {"schema_version": "2"},
     result("a") | {"bytes": [1, 2]}],
)  # fmt: skip
def test_a_line_that_no_batch_writes_is_named_with_its_file(
    line: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path, HEADER, planned("a"), line)
    with pytest.raises(ImageFileError, match=f"{path}: .* remove that line"):
        journal.read(path)
    with pytest.raises(ImageFileError, match="remove that line"), journal.open_journal(tmp_path):
        pass


@pytest.mark.parametrize("text", ["holiday notes\n", '{"kind": "result"}\n', "\n"])
def test_a_file_that_is_no_journal_is_refused_and_kept(text: str, tmp_path: Path) -> None:
    path = tmp_path / journal.NAME
    path.write_text(text, "utf-8")
    with pytest.raises(ImageFileError, match="no journal"), journal.open_journal(tmp_path):
        pass
    assert path.read_text("utf-8") == text


def test_a_newer_journal_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER | {"schema_version": 2})
    with pytest.raises(ImageFileError, match="newer expinterp"):
        journal.read(path)


def test_no_journal_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ImageFileError, match="cannot be read"):
        journal.read(tmp_path / "none")


HOLDER = """
import sys, time
from pathlib import Path
from expinterp.batch import journal
with journal.open_journal(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_batches_never_share_a_folder_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="another batch"), journal.open_journal(tmp_path):
            pass
        holder.kill()
        holder.wait()
    write(tmp_path, HEADER)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_folder_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"), journal.open_journal(tmp_path):
        pass


def test_a_file_in_place_of_the_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("", "utf-8")
    with pytest.raises(OutputError, match="choose another"), journal.open_journal(tmp_path / "out"):
        pass


class FullDisk:
    """A file that takes so many bytes and no more, until there is room."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.room = stream, 20

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, data: memoryview) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        taken = data[: self.room]
        self.room -= len(taken)
        return int(self.stream.write(taken))


def test_a_full_disk_delays_lines_and_tears_none(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER)
    before = path.read_bytes()
    with journal.open_journal(tmp_path) as opened:
        full = FullDisk(opened._stream)
        opened._stream = full  # type: ignore[assignment]
        opened.add(planned("a"))
        assert path.read_bytes() == before
        with pytest.raises(OutputError, match="no space left"):
            opened.flush()
        full.room = 10**6
        opened.add(planned("b"))
    assert set(journal.read(path).planned) == {"a", "b"}


def test_a_disk_that_stays_full_is_reported_at_the_end(tmp_path: Path) -> None:
    def run() -> None:
        with journal.open_journal(tmp_path) as opened:
            opened._stream = FullDisk(opened._stream)  # type: ignore[assignment]
            opened.add(HEADER)
            opened.flush()

    with pytest.raises(OutputError, match="make room"):
        run()

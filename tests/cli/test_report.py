"""``expinterp report`` as a command: the page of a real batch, refusals and exit codes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from report_samples import read_page, sample_batch

from expinterp import cli
from expinterp.errors import ExitCode

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_report_of_a_real_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for scene in ("square", "window"):
        for shot in ("long", "short"):
            (tmp_path / "card" / scene).mkdir(parents=True, exist_ok=True)
            shutil.copy(EXAMPLES / f"{scene}_{shot}.jpg", tmp_path / "card" / scene / f"{shot}.jpg")
    card, out, page = str(tmp_path / "card"), str(tmp_path / "out"), tmp_path / "report.html"
    assert cli.main(["batch", card, "-o", out, "--jobs", "1", "--no-refine", "-q"]) == ExitCode.OK
    capsys.readouterr()
    assert cli.main(["report", out, "-o", str(page)]) == ExitCode.OK
    assert capsys.readouterr() == ("", "")
    reader = read_page(page.read_text("utf-8"))
    states = [one.attributes["data-state"] for one in reader.all("article")]
    assert len(states) == 2
    assert set(states) <= {"done", "warned"}
    thumbs = [one for one in reader.all("img") if one.inside("ul")]
    assert [(one.attributes["alt"] or "").split(":")[0] for one in thumbs] == [
        "long", "short", "medium",
    ] * 2  # fmt: skip
    for anchor in reader.all("a")[1:]:
        assert (tmp_path / (anchor.attributes["href"] or "")).is_file()


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    sample_batch(tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("there.html").write_text("mine", "utf-8")
    return str(Path("out") / "expinterp-journal.jsonl")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["out"], ExitCode.USAGE),
        (["-o", "x.html"], ExitCode.USAGE),
        (["", "-o", "x.html"], ExitCode.USAGE),
        (["out", "-o", ""], ExitCode.USAGE),
        (["none", "-o", "x.html"], ExitCode.IMAGE_FILE),
        (["card", "-o", "x.html"], ExitCode.IMAGE_FILE),
        (["card/long.jpg", "-o", "x.html"], ExitCode.IMAGE_FILE),
        (["out", "-o", "there.html"], ExitCode.OUTPUT_EXISTS),
        (["out", "-o", "card/long.jpg", "--overwrite"], ExitCode.USAGE),
        (["out", "-o", "none/x.html"], ExitCode.OUTPUT),
        (["out", "-o", "page.pdf"], ExitCode.USAGE),
    ],
)
def test_refusals_have_their_codes_and_one_line(
    journal: str, capsys: pytest.CaptureFixture[str], arguments: list[str], code: ExitCode
) -> None:
    assert cli.main(["report", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert Path("there.html").read_text("utf-8") == "mine"
    assert not Path("x.html").exists()


def test_missing_pictures_cause_a_warning(journal: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", journal, "-o", "there.html", "--overwrite", "-v"]) == ExitCode.OK
    err = capsys.readouterr().err
    assert "4 pictures of the batch cannot be found" in err
    assert "wrote there.html" in err


def test_page_goes_to_standard_output(
    journal: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert cli.main(["report", journal, "-o", "-", "-q"]) == ExitCode.OK
    out, err = capsysbinary.readouterr()
    reader = read_page(out.decode())
    assert err == b""
    links = [one.attributes["href"] or "" for one in reader.all("a")[1:]]
    assert links
    assert all(link.startswith("file:///") for link in links)

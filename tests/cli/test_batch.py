"""``expinterp batch`` on the command line: messages, refusals and exit codes."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_samples import SHAPE, card, contents, save_plan, shoot

from expinterp import batch, cli
from expinterp.batch import journal
from expinterp.brackets import Plan
from expinterp.cli.console import Console
from expinterp.cli.progress import describe, show_count
from expinterp.core.ghosts import Ghosts
from expinterp.errors import ExitCode, OutputError
from expinterp.images import Metadata, read_photograph, with_exposure_time, write_photograph
from expinterp.scene_io import measured_pair


@dataclass
class Card:
    """A folder of brackets, a saved plan of it, and the command run there."""

    path: Path
    plan: Plan
    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run ``expinterp batch``; give its code, stdout and stderr."""
        code = cli.main(["batch", *arguments])
        return code, *self.capture.readouterr()

    def results(self) -> set[str]:
        return set(contents(self.path / "out"))


@pytest.fixture
def made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    in_process: None,
) -> Card:
    """Brackets that are computed in this process; those of `test_local.py` are computed in others."""
    monkeypatch.chdir(tmp_path)
    plan = card(tmp_path / "card", 3)
    save_plan(plan, tmp_path / "plan.jsonl")
    return Card(tmp_path, plan, capsys)


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test if a refusal comes after the work has begun."""
    monkeypatch.setattr(batch, "run_batch", lambda *_, **__: pytest.fail("work began"))


PLAIN = ("--plan", "plan.jsonl", "-o", "out", "--no-refine", "--jobs", "1")
OUTPUTS = {"day 0/b000_mid.png", "day 1/b001_mid.png", "day 0/b002_mid.png"}


def test_a_plan_is_carried_out_with_few_messages(made: Card) -> None:
    code, out, err = made.run(*PLAIN)
    assert (code, out) == (ExitCode.OK, "")
    assert err.splitlines()[-1] == "expinterp: 3 done"
    assert made.results() == OUTPUTS


def test_brackets_with_warnings_are_counted_and_shown_with_v(made: Card) -> None:
    frames = [shot for shot in sorted((made.path / "card").rglob("*")) if "b001" in shot.name]
    first, last = (read_photograph(shot) for shot in (frames[0], frames[-1]))
    for shot, time in zip(frames, (1 / 4000, 1.0), strict=True):
        stated = with_exposure_time(Metadata(), time)
        pixels = (first if shot == frames[0] else last).pixels
        write_photograph(pixels, shot, metadata=stated, overwrite=True)
    code, _, err = made.run(*PLAIN, "-v")
    assert code == ExitCode.OK
    assert err.splitlines()[-1] == "expinterp: 3 done (1 with warnings, shown by -v and --report)"
    assert "b001: " in err
    assert "check the exposure times" in err


def test_quiet_says_nothing(made: Card) -> None:
    assert made.run(*PLAIN, "-q") == (ExitCode.OK, "", "")


def test_the_same_command_again_has_nothing_to_do(made: Card) -> None:
    made.run(*PLAIN)
    code, _, err = made.run(*PLAIN)
    assert code == ExitCode.OK
    assert err == "expinterp: 3 done before\n"


def test_a_folder_of_one_folder_per_set_needs_no_option(made: Card) -> None:
    for name in ("church", "tower"):
        shoot(made.path / "sets", f"{name}/x", frames=2, seed=3)
    code, _, err = made.run("sets", "-o", "out", "--no-refine", "--set-size", "2")
    assert code == ExitCode.OK, err
    assert len(made.results()) == 2


def test_failures_are_listed_and_give_ten(made: Card) -> None:
    frame = made.path / "card" / made.plan.brackets[1].frames[0]
    frame.write_bytes(frame.read_bytes()[:300])
    code, _, err = made.run(*PLAIN, "-q")
    assert code == ExitCode.BATCH
    assert err.count("\n") == 1
    assert err.startswith("expinterp: error: day 1/b001: ")
    assert made.results() == OUTPUTS - {"day 1/b001_mid.png"}
    code, _, err = made.run(*PLAIN)
    assert "2 done before, 1 failed" in err


def test_a_file_that_cannot_be_read_at_all_gives_ten(made: Card) -> None:
    (made.path / "card" / "day 0" / "b009_0.png").write_bytes(b"")
    code, _, err = made.run("card", "-o", "out", "--no-refine", "-q")
    assert code == ExitCode.BATCH
    assert "b009_0.png: is empty" in err


def test_a_dry_run_prints_a_table_and_touches_nothing(made: Card) -> None:
    code, out, err = made.run("--plan", "plan.jsonl", "-n")
    assert (code, err) == (ExitCode.OK, "")
    assert [line.split()[0] for line in out.splitlines()] == ["bracket", "day", "day", "day"]
    assert not (made.path / "out").exists()


def test_a_dry_run_in_json_is_a_plan(made: Card) -> None:
    _, out, _ = made.run("--plan", "plan.jsonl", "-n", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    brackets = [line for line in lines if line["kind"] == "bracket"]
    assert [line["status"] for line in brackets] == ["planned"] * 3
    assert {name for line in brackets for name in line["outputs"]} == OUTPUTS
    kept = [line for line in out.splitlines() if "b001" not in line]
    (made.path / "edited.jsonl").write_text("\n".join(kept), "utf-8")
    code, _, _ = made.run("--plan", "edited.jsonl", "-o", "out", "--no-refine")
    assert code == ExitCode.OK
    assert made.results() == OUTPUTS - {"day 1/b001_mid.png"}


def test_json_prints_a_line_for_every_result(made: Card) -> None:
    code, out, _ = made.run(*PLAIN, "--json")
    assert code == ExitCode.OK
    lines = [json.loads(line) for line in out.splitlines()]
    assert [(line["kind"], line["status"]) for line in lines] == [("result", "done")] * 3


def test_the_log_tells_what_happened_when(made: Card) -> None:
    made.run(*PLAIN, "--log", "log.jsonl")
    made.run(*PLAIN, "--log", "log.jsonl")
    lines = [json.loads(line) for line in (made.path / "log.jsonl").read_text("utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["began", *["ended"] * 3, "began"]
    assert all(line["time"] for line in lines)


@pytest.mark.parametrize("name", ["card/day 1/b001_0.png", "plan.jsonl", "notes.txt"])
def test_only_a_log_is_added_to(name: str, made: Card) -> None:
    (made.path / "notes.txt").write_text("mine", "utf-8")
    before = (made.path / name).read_bytes()
    code, _, err = made.run(*PLAIN, "--log", name)
    assert code == ExitCode.OUTPUT_EXISTS
    assert err == f"expinterp: error: {name}: is no log of a batch; choose another name for --log\n"
    assert (made.path / name).read_bytes() == before
    assert not (made.path / "out").exists()


def test_an_empty_file_becomes_a_log_unless_it_is_a_photograph(made: Card) -> None:
    frame = made.path / "card" / made.plan.brackets[1].frames[0]
    for path in (frame, made.path / "log"):
        path.write_bytes(b"")
    (made.path / "link").symlink_to(frame)
    assert made.run(*PLAIN, "--log", "link")[0] == ExitCode.OUTPUT_EXISTS
    assert frame.read_bytes() == b""
    assert made.run(*PLAIN, "--log", "log")[0] == ExitCode.BATCH
    assert (made.path / "log").read_text("utf-8").count("\n") == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_log_that_cannot_be_written_is_reported_once_and_stops_nothing(made: Card) -> None:
    code, _, err = made.run(*PLAIN, "--log", "/dev/full")
    assert code == ExitCode.OK
    assert err.count("/dev/full") == 1
    assert "warning: /dev/full: cannot be written (no space left on device)" in err
    assert err.splitlines()[-1] == "expinterp: 3 done"


def test_a_report_goes_beside_the_results(made: Card) -> None:
    code, _, err = made.run(*PLAIN, "--report", "out/report.html")
    assert (code, err.splitlines()[-1]) == (ExitCode.OK, "expinterp: 3 done")
    assert "day 1/b001" in (made.path / "out/report.html").read_text("utf-8")


def test_a_report_that_cannot_be_written_is_refused_before_the_work(made: Card) -> None:
    code, _, err = made.run(*PLAIN, "--report", "nosuch/report.html")
    assert code == ExitCode.OUTPUT
    assert err.count("\n") == 1
    assert "there is no folder nosuch" in err
    assert made.results() == set()
    (made.path / "link.html").symlink_to(made.path / "card" / made.plan.brackets[0].frames[0])
    assert made.run(*PLAIN, "--report", "link.html")[0] == ExitCode.OUTPUT_EXISTS
    assert made.results() == set()


def test_a_report_that_fails_late_hides_no_failure(
    made: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "report.html: cannot be written"
        raise OutputError(message)

    monkeypatch.setattr("expinterp.report.write_report", fail)
    (made.path / "card" / made.plan.brackets[1].frames[0]).unlink()
    code, _, err = made.run(*PLAIN, "--report", "report.html")
    assert code == ExitCode.OUTPUT
    assert "2 done, 1 failed" in err
    assert "error: day 1/b001" in err
    assert err.splitlines()[-1] == "expinterp: error: report.html: cannot be written"


def test_names_and_format_are_chosen(made: Card) -> None:
    made.run(*PLAIN, "--name", "{long}-{kind}", "--format", "tiff")
    assert made.results() == {name.replace("_mid.png", "_0-mid.tif") for name in OUTPUTS}


def test_brackets_are_fused(made: Card) -> None:
    arguments = ("--mode", "both", "--virtual", "1", "--exposure-width", "0.3", "--save-virtual")
    code, out, err = made.run(*PLAIN, *arguments, "--json")
    assert code == ExitCode.OK, err
    report = json.loads(out.splitlines()[0])["reports"][-1]
    assert report["fusion"]["exposure_width"] == 0.3
    fused = {name.replace("mid", "fused") for name in OUTPUTS}
    virtual = {
        name.replace("mid.png", "virtual/X").replace("X", f"{name[6:10]}_fused_virtual_1.png")
        for name in OUTPUTS
    }
    assert made.results() == OUTPUTS | fused | virtual


def test_options_of_interpolate_reach_every_bracket(made: Card) -> None:
    made.run(*PLAIN, "--count", "2", "--bit-depth", "16", "--save-intermediate")
    assert len(made.results()) == 12


def test_pictures_of_what_moved_are_saved_beside_both_results(made: Card) -> None:
    code, out, err = made.run(*PLAIN, "--mode", "both", "--save-ghosts", "--json")
    assert code == ExitCode.OK, err
    kinds = ("mid", "fused", "ghosts", "fused-ghosts")
    assert made.results() == {name.replace("mid", kind) for name in OUTPUTS for kind in kinds}
    for line in map(json.loads, out.splitlines()):
        assert [set(report["ghosts"]) for report in line["reports"]] == [{"share", "reference"}] * 2
        assert line["outputs"] == [
            f"{line['bracket']}_{kind}.png" for kind in ("mid", "ghosts", "fused", "fused-ghosts")
        ]


@pytest.mark.parametrize(
    "options", [["--deghost", "off"], ["--reference", "short"], ["--crop"]], ids=lambda one: one[0]
)
def test_other_ways_to_handle_moving_things_compute_every_bracket_anew(
    made: Card, options: list[str]
) -> None:
    made.run(*PLAIN)
    code, _, err = made.run(*PLAIN, *options)
    assert code == ExitCode.OUTPUT_EXISTS
    assert f"{options[0].removeprefix('--')} was " in err
    assert made.run(*PLAIN, *options, "--on-existing", "skip")[2].endswith("3 done\n")
    assert made.run(*PLAIN, *options)[2].endswith("3 done before\n")


def test_what_moved_is_kept_for_the_report(made: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = measured_pair.measure_exposures

    def found(*images: Any, **how: Any) -> Any:
        sources = np.zeros(SHAPE, np.uint8)
        sources[10:30, 10:50] = 2
        return replace(measure(*images, **how), ghosts=Ghosts(sources, 0.26))

    monkeypatch.setattr(measured_pair, "measure_exposures", found)
    code, _, err = made.run(*PLAIN, "--report", "report.html")
    assert code == ExitCode.OK, err
    (ghosts,) = [
        report["ghosts"]
        for report in journal.read(made.path / "out").results["day 1/b001"]["reports"]
    ]
    assert ghosts["share"] == 0.26
    assert len(ghosts["mask"]) < 2_000
    page = (made.path / "report.html").read_text("utf-8")
    assert page.count("moved 26 %") == 3
    assert page.count('class="mask"') == 3


def test_a_shared_response_is_kept_beside_the_results(made: Card) -> None:
    code, _, err = made.run(*PLAIN, "--share-response", "-v")
    assert code == ExitCode.OK
    assert "3 brackets agree within" in err
    assert made.results() == OUTPUTS | {"expinterp-response-unknown camera png.json"}
    _, out, _ = made.run(
        "--plan", "plan.jsonl", "-o", "out", "-n", "--share-response", "--no-refine"
    )
    assert out.count("done") == 3


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["card"], "-o"),
        (["-o", "out"], "FOLDER"),
        (["card", "-o", "card"], "folder of their own"),
        (["card", "-o", "x/../card"], "folder of their own"),
        ([*PLAIN, "--gap", "1"], "--plan and --gap exclude each other"),
        ([*PLAIN, "--count", "2", "--at", "1"], "exclude each other"),
        ([*PLAIN, "--virtual", "1"], "--mode interpolate"),
        ([*PLAIN, "--mode", "fuse", "--count", "2"], "--mode fuse"),
        ([*PLAIN, "--mode", "both", "--name", "{bracket}"], "{kind}"),
        ([*PLAIN, "--share-response", "--response", "x"], "exclude each other"),
        ([*PLAIN, "--name", "x"], "one name"),
        ([*PLAIN, "--name", "{bracket}", "--save-intermediate"], "{kind}"),
        ([*PLAIN, "--max-memory", "lots"], "2G"),
        ([*PLAIN, "-n", "--log", "log"], "--dry-run and --log exclude each other"),
        ([*PLAIN, "-n", "--report", "a.html"], "--dry-run and --report exclude each other"),
        ([*PLAIN, "--report", "-"], "--report needs the name of a file"),
        ([*PLAIN, "--jobs", "0"], "--jobs"),
        ([*PLAIN, "--save-ghosts", "--deghost", "off"], "--deghost off leaves nothing"),
        ([*PLAIN, "--name", "{bracket}", "--save-ghosts"], "{kind}"),
        ([*PLAIN, "--mode", "fuse", "--name", "{bracket}", "--save-ghosts"], "{kind}"),
        (["--plan", "card/day 0/b000_0.png", "-o", "out"], "plan"),
    ],
)
def test_misuse_is_one_line(made: Card, arguments: list[str], words: str) -> None:
    code, out, err = made.run(*arguments)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.count("\n") == 1
    assert words in err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["nowhere", "-o", "out"], ExitCode.IMAGE_FILE),
        (["--plan", "nowhere", "-o", "out"], ExitCode.IMAGE_FILE),
        (["--plan", "plan.jsonl", "-o", "plan.jsonl"], ExitCode.OUTPUT),
        ([*PLAIN, "--response", "none.json"], ExitCode.IMAGE_FILE),
        ([*PLAIN, "--log", "no/such/folder"], ExitCode.OUTPUT),
        (["--plan", "plan.jsonl", "-o", "out", "--model", "none.onnx"], ExitCode.MODEL),
    ],
)
def test_an_error_that_stops_every_task_ends_the_batch(
    made: Card, arguments: list[str], code: int
) -> None:
    got, out, err = made.run(*arguments)
    assert (got, out) == (code, "")
    assert err.splitlines()[-1].startswith("expinterp: error: ")


def test_other_options_in_the_same_folder_are_refused(made: Card) -> None:
    made.run(*PLAIN)
    code, _, err = made.run(*PLAIN, "--bit-depth", "16")
    assert code == ExitCode.OUTPUT_EXISTS
    assert "bit_depth" in err
    assert made.run(*PLAIN, "--bit-depth", "16", "--on-existing", "overwrite")[0] == ExitCode.OK


def test_results_are_no_photographs_of_the_next_run(made: Card) -> None:
    arguments = ("card", "-o", "card/results", "--no-refine", "--set-size", "2")

    def planned() -> list[tuple[str, list[str]]]:
        lines = map(json.loads, made.run(*arguments, "-n", "--json")[1].splitlines())
        return [(line["name"], line["frames"]) for line in lines if line["kind"] == "bracket"]

    before = planned()
    assert len(before) == 3
    assert made.run(*arguments)[2].splitlines()[-1] == "expinterp: 3 done"
    assert planned() == before
    assert made.run(*arguments)[2] == "expinterp: 3 done before\n"


def test_photographs_in_the_folder_of_the_results_are_named(made: Card) -> None:
    shoot(made.path / "card/more", "x")
    code, _, err = made.run("card", "-o", "card/more", "-n")
    assert (code, err.count("\n")) == (ExitCode.OK, 1)
    assert "warning: card/more: the pictures there, such as x_0" in err
    (made.path / "card/more" / journal.NAME).touch()
    assert made.run("card", "-o", "card/more", "-n")[::2] == (ExitCode.OK, "")


def test_memory_is_kept_to(made: Card) -> None:
    code, _, err = made.run(*PLAIN, "--max-memory", "1M")
    assert code == ExitCode.BATCH
    assert err.count("1 MiB are allowed; raise --max-memory\n") == 6  # at once, and at the end


@pytest.mark.parametrize("name", ["Local", "Cluster"])
def test_jobs_and_threads_are_as_told(
    name: str, made: Card, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, object] = {}

    local = batch.Local(jobs=1)

    def note(*_: str, **options: Any) -> batch.Local:
        told.update(options)
        return local

    monkeypatch.setattr(batch, name, note)
    cluster = ("--cluster", "local") if name == "Cluster" else ()
    made.run(*PLAIN, "--jobs", "3", "--threads", "2", *cluster)
    assert (told["jobs"], told["threads"]) == (3, 2)


def test_a_folder_without_brackets_says_so(made: Card) -> None:
    (made.path / "empty").mkdir()
    assert made.run("empty", "-n")[1] == "no brackets were found\n"
    code, _, err = made.run("empty", "-o", "out")
    assert code == ExitCode.BATCH
    assert "no brackets" in err
    assert "--set-size" in err
    _, _, err = made.run("empty", "-o", "out", "--report", "r.html")
    assert "r.html: is not written, as there are no brackets" in err


# --- progress ------------------------------------------------------------------------------------


def test_rate_and_time_left_are_in_plain_words() -> None:
    assert describe(1, 3, 2.0) == "30 a minute, 0:00:04 left"
    assert describe(50, 50, 1e-12).endswith("0:00:00 left")


def test_without_a_terminal_lines_come_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr("expinterp.cli.progress.time.monotonic", lambda: next(clock))
    with show_count(Console(), 10) as count:
        for _ in range(10):
            count()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "expinterp: 4 of 10", "expinterp: 8 of 10", "expinterp: 10 of 10",
    ]  # fmt: skip


def test_on_a_terminal_there_is_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with show_count(Console(), 2) as count:
        count()
    assert "1/2" in capsys.readouterr().err


def test_the_bar_is_silent_when_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.quiet = True
    with show_count(console, 2) as count:
        count()
        count()
    assert capsys.readouterr().err == ""


def test_nothing_is_written_where_there_is_nothing_to_do(made: Card) -> None:
    (made.path / "empty").mkdir()
    code, _, err = made.run("empty", "-o", "new/results")
    assert code == ExitCode.BATCH
    assert "no brackets were found" in err
    assert not (made.path / "new").exists()

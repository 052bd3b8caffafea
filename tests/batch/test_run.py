"""A batch from plan to end: what is done, what is done again, and what is not touched."""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_samples import FUSE, PLAIN, Bench, contents, here, shoot

from expinterp.batch import BatchSettings, Task, TaskResult, journal, preview, run_batch
from expinterp.batch.execute import explain, perform
from expinterp.batch.tasks import make_tasks
from expinterp.brackets import Bracket, Plan
from expinterp.errors import (
    ExitCode,
    ImageFileError,
    ModelError,
    OutputError,
    OutputExistsError,
    PairError,
)
from expinterp.files import replacing
from expinterp.images import read_photograph, write_photograph
from expinterp.scene_io import InterpolationOptions, TargetError, WantedExposure, Writing


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


NAMES = ["day 0/b000", "day 1/b001", "day 0/b002"]
OUTPUTS = {f"{name}_mid.png" for name in NAMES}


def test_every_bracket_gives_its_output_and_a_line(bench: Bench) -> None:
    summary = bench.run()
    assert (summary.done, summary.kept, summary.skipped, summary.failures) == (3, 0, 0, [])
    assert set(contents(bench.out)) == OUTPUTS
    record = journal.read(bench.out)
    assert record.header["brackets"] == 3
    assert list(record.results) == NAMES
    line = record.results[NAMES[0]]
    assert line["status"] == "done"
    assert line["outputs"] == ["day 0/b000_mid.png"]
    assert line["bytes"] == [(bench.out / "day 0/b000_mid.png").stat().st_size]
    assert line["reports"][0]["command"] == "interpolate"
    assert line["frames"] == list(bench.plan.brackets[0].frames)


def test_the_same_command_does_nothing_twice(bench: Bench) -> None:
    bench.run()
    before = {path: path.stat().st_mtime_ns for path in bench.out.rglob("*.png")}
    summary = bench.run(
        runner=lambda tasks, settings: pytest.fail("work") if tasks else here([], settings)
    )
    assert (summary.done, summary.kept) == (0, 3)
    assert before == {path: path.stat().st_mtime_ns for path in bench.out.rglob("*.png")}


def test_what_was_interrupted_goes_on_where_it_stopped(bench: Bench) -> None:
    def stops(tasks: Sequence[Task], settings: BatchSettings) -> Generator[TaskResult, None, None]:
        yield perform(tasks[0], settings)
        perform(tasks[1], settings)  # its output lies there, its line does not
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(runner=stops)
    assert bench.results() == {NAMES[0]: "done"}
    summary = bench.run()
    assert (summary.done, summary.kept, summary.failures) == (2, 1, [])
    assert set(bench.results().values()) == {"done"}


def test_half_written_files_of_a_killed_process_are_removed(bench: Bench) -> None:
    bench.run()
    (bench.out / "day 0" / ".expinterp-0123456789ab.part").write_bytes(b"half")
    (bench.out / "day 0" / ".expinterp-notes.txt").write_bytes(b"mine")
    bench.run()
    assert set(contents(bench.out)) == OUTPUTS | {"day 0/.expinterp-notes.txt"}


def test_a_file_that_another_program_is_writing_is_not_swept_up(bench: Bench) -> None:
    """Such as a batch whose folder lies in this one's: each has a lock of its own."""
    (bench.out / "day 0").mkdir(parents=True)
    with replacing(bench.out / "day 0" / "other.png", overwrite=False) as stream:
        stream.write(b"half")
        bench.run()
        stream.write(b" and whole")
    assert (bench.out / "day 0" / "other.png").read_bytes() == b"half and whole"


def test_a_failure_stops_no_other(bench: Bench) -> None:
    broken = bench.folder / bench.plan.brackets[1].frames[0]
    broken.write_bytes(broken.read_bytes()[:500])
    summary = bench.run()
    assert summary.done == 2
    (failed,) = summary.failures
    assert failed.bracket == NAMES[1]
    assert failed.error is not None
    assert failed.error.exit_code == 3
    assert str(broken) in failed.error.message
    assert bench.results()[NAMES[1]] == "failed"


def test_failures_are_one_line_with_names_as_they_are() -> None:
    assert explain(ImageFileError("a  b.jpg: is\n  empty")).message == "a  b.jpg: is empty"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (TargetError("not between the two"), ExitCode.USAGE, "not between the two"),
        (ImportError("pip install x"), ExitCode.MISSING_EXTRA, "pip install x"),
        (MemoryError(), ExitCode.IMAGE_FILE, "lower --jobs"),
        (RecursionError(), ExitCode.IMAGE_FILE, "too deeply; leave it out"),
        (ZeroDivisionError("x"), ExitCode.UNEXPECTED, "unexpected ZeroDivisionError: x"),
    ],
)
def test_an_error_is_explained_as_the_command_would(
    error: Exception, code: ExitCode, words: str
) -> None:
    failure = explain(error)
    assert failure.exit_code == code
    assert failure.message.endswith(words)


def test_what_failed_is_tried_again(bench: Bench) -> None:
    frame = bench.folder / bench.plan.brackets[1].frames[0]
    whole = frame.read_bytes()
    frame.unlink()
    assert len(bench.run().failures) == 1
    frame.write_bytes(whole)
    summary = bench.run()
    assert (summary.done, summary.kept, summary.failures) == (1, 2, [])


def test_a_changed_photograph_is_done_anew_and_no_other(bench: Bench) -> None:
    bench.run()
    old = contents(bench.out)
    shoot(bench.folder, NAMES[1], seed=77)
    summary = bench.run()
    assert (summary.done, summary.kept, summary.failures) == (1, 2, [])
    new = contents(bench.out)
    assert {name for name in new if new[name] != old[name]} == {f"{NAMES[1]}_mid.png"}


def test_an_output_that_went_missing_is_made_again(bench: Bench) -> None:
    bench.run()
    (bench.out / f"{NAMES[0]}_mid.png").unlink()
    assert bench.run().done == 1
    assert set(contents(bench.out)) == OUTPUTS


def test_other_options_are_refused_in_one_line_that_names_them(bench: Bench) -> None:
    bench.run()
    other = replace(PLAIN, writing=Writing(bit_depth=16))
    with pytest.raises(OutputExistsError, match="bit_depth was not stated, is 16") as caught:
        bench.run(other)
    assert "--on-existing skip" in str(caught.value)
    with pytest.raises(OutputExistsError) as caught:
        bench.run(fusion=FUSE)
    assert "made without fusion" in str(caught.value)
    assert "{" not in str(caught.value)
    old = contents(bench.out)
    assert bench.run(other, on_existing="skip").done == 3
    assert all(old[name] != new for name, new in contents(bench.out).items())
    assert bench.run(other).kept == 3
    assert bench.run(on_existing="overwrite").done == 3
    assert contents(bench.out) == old


def test_a_profile_counts_by_what_it_holds(bench: Bench, tmp_path: Path) -> None:
    profile = tmp_path / "camera.json"
    profile.write_text("{}", "utf-8")
    first = bench.settings(replace(PLAIN, response=profile)).options
    profile.write_text("{ }", "utf-8")
    assert bench.settings(replace(PLAIN, response=profile)).options != first


def test_the_bundled_network_counts_by_what_it_holds(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade must not mix the results of two networks in one folder."""
    model = tmp_path / "lrl.onnx"
    monkeypatch.setattr("expinterp.batch.settings.model_path", lambda: model)
    refined = replace(PLAIN, refine=True)

    def options(made: InterpolationOptions) -> dict[str, Any]:
        return bench.settings(made, fusion=replace(FUSE, refine=made.refine)).options

    model.write_text("one", "utf-8")
    plain, one = options(PLAIN), options(refined)
    bench.run(refined)
    model.write_text("other", "utf-8")
    assert options(PLAIN) == plain
    assert all(options(refined)[part] != one[part] for part in ("interpolation", "fusion"))
    with pytest.raises(OutputExistsError, match=r"model was bundled [0-9a-f]{12}, is bundled"):
        bench.run(refined)


@pytest.mark.parametrize("change", [{"threads": 2}, {"device": "cpu"}])
def test_what_changes_no_pixel_is_no_other_option(bench: Bench, change: dict[str, Any]) -> None:
    bench.run()
    assert bench.run(replace(PLAIN, **change)).kept == 3


def foreign(bench: Bench) -> Path:
    path = bench.out / f"{NAMES[1]}_mid.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a picture of mine")
    return path


def test_a_file_that_no_batch_made_is_refused(bench: Bench) -> None:
    path = foreign(bench)
    for _ in range(2):
        summary = bench.run()
        assert [result.bracket for result in summary.failures] == [NAMES[1]]
        assert summary.failures[0].error is not None
        assert summary.failures[0].error.exit_code == 5
        assert path.read_bytes() == b"a picture of mine"


def test_a_file_that_no_batch_made_is_skipped_on_request(bench: Bench) -> None:
    path = foreign(bench)
    for _ in range(2):
        summary = bench.run(on_existing="skip")
        assert (summary.skipped, summary.failures) == (1, [])
        assert path.read_bytes() == b"a picture of mine"
    assert bench.results()[NAMES[1]] == "skipped"


def test_a_file_that_no_batch_made_is_replaced_on_request(bench: Bench) -> None:
    path = foreign(bench)
    assert bench.run(on_existing="overwrite").done == 3
    assert read_photograph(path).pixels.shape == (48, 64, 3)


def test_an_output_that_somebody_worked_on_is_not_replaced(bench: Bench) -> None:
    bench.run()
    path = bench.out / f"{NAMES[1]}_mid.png"
    write_photograph(np.zeros((48, 64, 3), np.uint8), path, overwrite=True)  # a smaller file
    retouched = path.read_bytes()
    assert bench.run().kept == 3
    shoot(bench.folder, NAMES[1], seed=77)
    assert len(bench.run().failures) == 1
    assert path.read_bytes() == retouched


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_an_output_that_was_cut_off_is_made_anew(tmp_path: Path, suffix: str) -> None:
    bench = Bench(tmp_path, 2, suffix=suffix)
    bench.run()
    path = bench.out / f"{NAMES[1]}_mid{suffix}"
    whole = path.read_bytes()
    for left in (0.0, 0.5, 0.98):
        path.write_bytes(whole[: int(left * len(whole))])
        statuses = [status for _, status in preview(bench.plan, bench.settings()).statuses()]
        assert sorted(statuses) == ["done", "planned"]
        assert (bench.run().done, path.read_bytes()) == (1, whole)
    assert bench.run().kept == 2


def damage(bench: Bench, number: int) -> None:
    """Cut off the longest exposure of a bracket."""
    path = bench.folder / bench.plan.brackets[number].frames[0]
    path.write_bytes(path.read_bytes()[:300])


def test_a_file_put_where_a_bracket_failed_is_not_replaced(bench: Bench) -> None:
    damage(bench, 1)
    assert len(bench.run().failures) == 1
    path = bench.out / f"{NAMES[1]}_mid.png"
    path.write_bytes(b"a picture of mine")
    for _ in range(2):
        (failed,) = bench.run().failures
        assert failed.error is not None
        assert failed.error.exit_code == 5
    shoot(bench.folder, NAMES[1], seed=77)
    assert len(bench.run().failures) == 1
    assert path.read_bytes() == b"a picture of mine"


def test_a_file_that_was_to_be_replaced_stays_its_owners_if_that_failed(bench: Bench) -> None:
    path = foreign(bench)
    damage(bench, 1)
    assert len(bench.run(on_existing="overwrite").failures) == 1
    shoot(bench.folder, NAMES[1], seed=77)
    assert len(bench.run().failures) == 1
    assert path.read_bytes() == b"a picture of mine"


def test_what_a_failed_bracket_wrote_is_made_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1, frames=3)
    damage(bench, 0)
    assert len(bench.run().failures) == 1
    first = "day 0/b000_mid_1.png"
    result = journal.read(bench.out).results[NAMES[0]]
    assert (result["status"], result["outputs"]) == ("failed", [first])
    assert result["bytes"] == [(bench.out / first).stat().st_size]
    shoot(bench.folder, NAMES[0], frames=3, seed=5)
    assert bench.run().failures == []


def test_an_output_stays_if_its_renewal_fails_and_is_renewed_later(bench: Bench) -> None:
    bench.run()
    damage(bench, 1)
    assert len(bench.run().failures) == 1
    shoot(bench.folder, NAMES[1], seed=77)
    assert bench.run().failures == []


def full_for(name: str) -> Any:
    """Write files as ever, but for one that the disk has no room for."""

    def write(target: str, *, overwrite: bool) -> Any:
        if Path(target).name == name:
            message = f"{target}: cannot be written (no space left on device)"
            raise OutputError(message)
        return replacing(target, overwrite=overwrite)

    return write


def saving_virtual(bench: Bench) -> BatchSettings:
    fusion = replace(FUSE, virtual=1)
    return BatchSettings(bench.folder, bench.out, fusion=fusion, save_virtual=True)


def test_a_fusion_that_failed_at_its_last_file_is_done_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    settings = saving_virtual(bench)

    def fails(tasks: Sequence[Task], settings: BatchSettings) -> Generator[TaskResult, None, None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("expinterp.images.write.replacing", full_for("b000_fused.png"))
            yield from here(tasks, settings)

    (failed,) = run_batch(bench.plan, settings, fails).failures
    assert failed.outputs == ("day 0/b000_virtual/b000_fused_virtual_1.png",)
    assert run_batch(bench.plan, settings, here).failures == []


def test_an_interrupted_renewal_goes_on(bench: Bench) -> None:
    """The output is newer than the last result; it is still ours."""
    bench.run()
    shoot(bench.folder, NAMES[1], seed=77, shape=(50, 70))

    def stops(tasks: Sequence[Task], settings: BatchSettings) -> Generator[TaskResult, None, None]:
        yield from ()
        perform(tasks[0], settings)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.run(runner=stops)
    summary = bench.run()
    assert (summary.done, summary.failures) == (1, [])


def test_an_error_of_every_task_stops_the_batch(bench: Bench, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(b"no model")
    with pytest.raises(ModelError):
        bench.run(replace(PLAIN, refine=True, model=model))
    assert bench.results() == {}


def test_an_exposure_outside_fails_its_bracket_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    summary = bench.run(replace(PLAIN, wanted=WantedExposure(ev=9.0)))
    assert summary.failures[0].error is not None
    assert summary.failures[0].error.exit_code == 2


def test_adjacent_exposures_of_a_longer_bracket_are_paired_from_dark_to_bright(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, 1, frames=4)
    bench.run()
    names = [f"day 0/b000_mid_{number}.png" for number in (1, 2, 3)]
    assert set(contents(bench.out)) == set(names)
    means = [read_photograph(bench.out / name).pixels.mean() for name in names]
    assert means == sorted(means)
    assert len(journal.read(bench.out).results[NAMES[0]]["reports"]) == 3


def test_times_are_shared_out_to_the_pairs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1, frames=3)
    bench.run(replace(PLAIN, times=(1.0, 1 / 8, 1 / 64)))
    reports = journal.read(bench.out).results[NAMES[0]]["reports"]
    assert [shot["time"] for report in reports for shot in report["inputs"]] == [
        1 / 8,
        1 / 64,
        1,
        1 / 8,
    ]
    other = Bench(tmp_path / "other", 1)
    (failed,) = other.run(replace(PLAIN, times=(1.0, 0.5, 0.25))).failures
    assert failed.error is not None
    assert failed.error.type == PairError.__name__


def test_all_kinds_and_a_ladder(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    bench.run(
        replace(PLAIN, wanted=WantedExposure(count=2)),
        kinds=("medium", "intermediate"),
        format="jpeg",
    )
    assert set(contents(bench.out)) == {
        f"day 0/b000_{kind}_{step}.jpg" for kind in ("mid", "intermediate") for step in (1, 2)
    }
    assert set(journal.read(bench.out).results[NAMES[0]]["outputs"]) == set(contents(bench.out))


def test_fusing_gives_one_picture_of_all_exposures(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1, frames=3)
    settings = replace(bench.settings(), interpolation=None, fusion=FUSE)
    run_batch(bench.plan, settings, here)
    assert set(contents(bench.out)) == {"day 0/b000_fused.png"}
    (report,) = journal.read(bench.out).results[NAMES[0]]["reports"]
    assert report["command"] == "fuse"
    assert len(report["inputs"]) == 3
    assert journal.read(bench.out).header["mode"] == "fuse"


def test_both_gives_the_photographs_between_and_the_fused_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    assert bench.run(fusion=FUSE).done == 1
    assert set(contents(bench.out)) == {"day 0/b000_mid.png", "day 0/b000_fused.png"}
    result = journal.read(bench.out).results[NAMES[0]]
    assert [report["command"] for report in result["reports"]] == ["interpolate", "fuse"]
    assert len(result["bytes"]) == 2


def test_what_fusing_saves_lies_in_folders_of_the_bracket(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2)
    settings = replace(saving_virtual(bench), save_masks=True)
    assert run_batch(bench.plan, settings, here).done == 2
    folders = {name.rpartition("/")[0] for name in contents(bench.out)}
    stems = [name.replace("_mid.png", "") for name in sorted(OUTPUTS)[::2]]
    assert folders == {"day 0", "day 1"} | {
        f"{stem}_{kind}" for stem in stems for kind in ("virtual", "masks")
    }


def test_a_fusion_killed_before_its_last_file_is_done_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 1)
    settings = saving_virtual(bench)

    def stops(tasks: Sequence[Task], settings: BatchSettings) -> Generator[TaskResult, None, None]:
        yield from ()
        perform(tasks[0], settings)
        (bench.out / "day 0/b000_fused.png").unlink()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(bench.plan, settings, stops)
    assert run_batch(bench.plan, settings, here).failures == []


def test_similar_names_never_collide(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    names = ["a", "A", "e\u0301", "\u00e9", "aux", "a_1"]
    brackets = tuple(
        replace(shoot(folder, f"s{k}/x", seed=k), name=name) for k, name in enumerate(names)
    )
    tasks = make_tasks(
        brackets, BatchSettings(folder, tmp_path / "out", PLAIN, template="{bracket}")
    )
    outputs = [task.outputs[0] for task in tasks]
    assert len({name.lower() for name in outputs}) == len(names)
    assert outputs[4:] == ["aux_.png", "a_1.png"]


@pytest.mark.parametrize(
    ("suffix", "chosen"),
    [
        ("jxl", "jxl"),
        ("heic", "jpg"),
        ("dng", "tif"),
        ("jpeg", "jpg"),
        ("HIF", "tif"),
        ("bmp", "png"),
    ],
)
def test_results_are_of_a_format_that_holds_any_profile(
    tmp_path: Path, suffix: str, chosen: str
) -> None:
    found = shoot(tmp_path, "x")
    frames = tuple(f"{Path(frame).stem}.{suffix}" for frame in found.frames)
    settings = BatchSettings(tmp_path, tmp_path / "out", PLAIN)
    (task,) = make_tasks([replace(found, frames=frames)], settings)
    assert task.outputs == (f"x_mid.{chosen}",)
    (task,) = make_tasks([replace(found, frames=frames)], replace(settings, format="jxl"))
    assert task.outputs == ("x_mid.jxl",)


def test_results_may_go_to_the_root_of_a_drive(tmp_path: Path) -> None:
    names = ["church", "day/tower"]
    brackets = [shoot(tmp_path / "card", name) for name in names]
    for out in (Path(tmp_path.anchor), tmp_path):
        settings = BatchSettings(tmp_path / "card", out, PLAIN)
        tasks = make_tasks(brackets, settings)
        assert [task.outputs for task in tasks] == [(f"{name}_mid.png",) for name in names]
        assert [task.folders for task in tasks] == [("",), ("day",)]


def test_numbers_of_pairs_count_when_names_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    two, three = shoot(folder, "x", seed=1), shoot(folder, "y", seed=2, frames=3)
    brackets = (replace(two, name="a_1"), replace(three, name="a"))
    tasks = make_tasks(brackets, BatchSettings(folder, tmp_path, PLAIN, template="{bracket}"))
    outputs = [name for task in tasks for name in task.outputs]
    assert len(set(outputs)) == 3


def test_an_output_never_takes_the_place_of_any_photograph(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    one, two = shoot(folder, "x"), shoot(folder, "X_MID", seed=1)
    clash = replace(two, frames=("x_mid.png", two.frames[1]))
    (folder / two.frames[0]).rename(folder / "x_mid.png")
    settings = BatchSettings(folder, folder, PLAIN)
    with pytest.raises(OutputExistsError, match="photograph x_mid"):
        make_tasks((one, clash), settings)


def test_a_preview_touches_nothing(bench: Bench) -> None:
    assert {status for _, status in preview(bench.plan, bench.settings()).statuses()} == {"planned"}
    assert not bench.out.exists()
    bench.run()
    before = (bench.out / journal.NAME).read_bytes()
    assert {status for _, status in preview(bench.plan, bench.settings()).statuses()} == {"done"}
    assert (bench.out / journal.NAME).read_bytes() == before


def test_leftovers_stand_in_the_journal(bench: Bench) -> None:
    from expinterp.brackets import Leftover

    bench.plan = replace(bench.plan, leftovers=(Leftover("x.jpg", "a single shot"),))
    bench.run()
    (left,) = journal.read(bench.out).leftovers
    assert (left["path"], left["reason"]) == ("x.jpg", "a single shot")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_subfolder_fails_its_brackets_alone(bench: Bench) -> None:
    (bench.out / "day 1").mkdir(parents=True)
    (bench.out / "day 1").chmod(0o500)
    summary = bench.run()
    assert [result.bracket for result in summary.failures] == [NAMES[1]]
    assert summary.done == 2


def test_a_file_in_place_of_a_subfolder_fails_its_brackets_alone(bench: Bench) -> None:
    bench.out.mkdir()
    (bench.out / "day 1").write_text("", "utf-8")
    summary = bench.run()
    assert [result.bracket for result in summary.failures] == [NAMES[1]]
    assert summary.failures[0].error is not None
    assert summary.failures[0].error.exit_code == 6


def test_no_photograph_is_touched(bench: Bench) -> None:
    before = contents(bench.folder)
    bench.run()
    assert contents(bench.folder) == before


def test_results_are_plain_json(bench: Bench) -> None:
    bench.run()
    for line in (bench.out / journal.NAME).read_text("utf-8").splitlines():
        assert isinstance(json.loads(line), dict)


def test_frames_that_are_no_pair_fail_with_their_names(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    one, two = shoot(folder, "x", seed=1), shoot(folder, "y", seed=2, shape=(40, 40))
    mixed = Bracket("m", (one.frames[0], two.frames[1]))
    plan = Plan(str(folder), (mixed,))
    summary = run_batch(plan, BatchSettings(folder, tmp_path / "out", PLAIN), here)
    assert summary.failures[0].error is not None
    assert summary.failures[0].error.exit_code == 4

"""One response for all brackets of a camera: any number of processes gives the same one."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_samples import PLAIN, contents, here, shoot
from synthetic import gamma_response

from expinterp.batch import (
    BatchSettings,
    Local,
    Task,
    journal,
    preview,
    reuse_responses,
    run_batch,
    share_responses,
)
from expinterp.batch.shared_response import PairLevels, make_profile, measure_task
from expinterp.batch.tasks import camera_key, make_tasks
from expinterp.brackets import Bracket, Plan
from expinterp.library import read_profile

CAMERA = "Acme One"


def series(
    folder: Path, count: int, *, camera: str | None = CAMERA, name: str = "b"
) -> list[Bracket]:
    return [
        shoot(folder, f"{name}{k:02}", seed=k, shape=(96, 128), camera=camera) for k in range(count)
    ]


def gather(tasks: Sequence[Task], settings: BatchSettings, do: Any) -> list[Any]:
    return [do(task, settings) for task in tasks]


def settings_in(path: Path) -> BatchSettings:
    return BatchSettings(path / "card", path / "out", PLAIN, shared=True)


@pytest.fixture
def made(tmp_path: Path) -> tuple[list[Bracket], BatchSettings]:
    (tmp_path / "out").mkdir()
    return series(tmp_path / "card", 4), settings_in(tmp_path)


def test_the_profile_is_that_of_the_camera(made: tuple[list[Bracket], BatchSettings]) -> None:
    brackets, settings = made
    shared = share_responses(brackets, settings, gather)
    (path,) = shared.profiles.values()
    assert path.name == "expinterp-response-acme one png.json"
    profile = read_profile(path)
    assert (profile.camera, profile.shots) == (CAMERA, 8)
    assert profile.residual < 0.2
    assert profile.scale is not None
    codes = slice(30, 240)
    error = profile.response / profile.scale - gamma_response()
    assert np.abs(error[:, codes] - error[:, codes].mean(axis=1, keepdims=True)).mean() < 0.15


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(made: tuple[list[Bracket], BatchSettings]) -> None:
    brackets, settings = made
    profiles = []
    for way in (gather, Local(jobs=1).gather, Local(jobs=3).gather):
        (path,) = share_responses(brackets, settings, way).profiles.values()
        profiles.append(path.read_bytes())
        path.unlink()
    assert len(set(profiles)) == 1


def test_cameras_and_kinds_of_file_have_responses_of_their_own(tmp_path: Path) -> None:
    one = series(tmp_path / "card", 2, name="x")
    two = series(tmp_path / "card", 2, name="y", camera="Other Two")
    loud = series(tmp_path / "card", 2, name="w", camera="OTHER TWO")
    single = series(tmp_path / "card", 1, name="z", camera="Lone Three")
    (tmp_path / "out").mkdir()
    shared = share_responses([*one, *two, *loud, *single], settings_in(tmp_path), gather)
    assert set(shared.profiles) == {"Acme One png", "Other Two png", "OTHER TWO png"}
    assert len({path.name.casefold() for path in shared.profiles.values()}) == 3
    assert camera_key(replace(one[0], frames=("a.JPG", "b.JPG"))) == "Acme One jpg"


def test_every_bracket_uses_it_and_says_so(made: tuple[list[Bracket], BatchSettings]) -> None:
    brackets, settings = made
    plan = Plan(str(settings.folder), tuple(brackets))
    run_batch(plan, settings, here, prepare=lambda s: share_responses(brackets, s, gather))
    for result in journal.read(settings.out).results.values():
        response = result["reports"][0]["response"]
        assert response["source"] == "profile"
        assert response["camera"] == CAMERA


def test_an_interrupted_batch_keeps_its_response(made: tuple[list[Bracket], BatchSettings]) -> None:
    brackets, settings = made
    plan = Plan(str(settings.folder), tuple(brackets))

    def prepare(settings: BatchSettings) -> BatchSettings:
        return share_responses(brackets, settings, gather)

    run_batch(plan, settings, here, prepare=prepare)
    before = contents(settings.out)
    looked: list[Task] = []

    def again(tasks: Sequence[Task], settings: BatchSettings, do: Any) -> list[Any]:
        looked.extend(tasks)
        return gather(tasks, settings, do)

    kept = run_batch(plan, settings, here, prepare=lambda s: share_responses(brackets, s, again))
    assert (kept.kept, looked) == (4, [])
    assert contents(settings.out) == before
    shown = preview(plan, reuse_responses(brackets, settings))
    assert {status for _, status in shown.statuses()} == {"done"}


def test_a_changed_photograph_changes_the_response_and_all_that_use_it(
    made: tuple[list[Bracket], BatchSettings],
) -> None:
    brackets, settings = made
    plan = Plan(str(settings.folder), tuple(brackets))

    def prepare(settings: BatchSettings) -> BatchSettings:
        return share_responses(brackets, settings, gather)

    run_batch(plan, settings, here, prepare=prepare)
    shoot(settings.folder, "b00", seed=50, shape=(96, 128), camera=CAMERA)
    assert run_batch(plan, settings, here, prepare=prepare).done == 4


def test_brackets_that_cannot_be_measured_are_left_out(
    made: tuple[list[Bracket], BatchSettings],
) -> None:
    brackets, settings = made
    (settings.folder / brackets[0].frames[0]).write_bytes(b"nothing")
    os.truncate(settings.folder / brackets[1].frames[1], 200)
    (path,) = share_responses(brackets, settings, gather).profiles.values()
    assert read_profile(path).shots == 4


def test_nothing_to_measure_gives_no_profile(made: tuple[list[Bracket], BatchSettings]) -> None:
    brackets, settings = made
    for bracket in brackets:
        (settings.folder / bracket.frames[0]).unlink()
    assert share_responses(brackets, settings, gather).profiles == {}
    assert make_profile([PairLevels([], [])], camera=None) is None


def test_times_count_only_where_the_camera_is_known(
    made: tuple[list[Bracket], BatchSettings],
) -> None:
    brackets, settings = made
    known, unknown = (
        measure_task(make_tasks([replace(brackets[0], camera=camera)], settings)[0], settings)
        for camera in (CAMERA, None)
    )
    assert known.stated == [pytest.approx(np.log(8.0), abs=0.01)]
    assert unknown.stated == [None]


def test_a_damaged_profile_is_made_anew(made: tuple[list[Bracket], BatchSettings]) -> None:
    brackets, settings = made
    (path,) = share_responses(brackets, settings, gather).profiles.values()
    whole = path.read_bytes()
    for damage in (b"", b"{", json.dumps({"made_from": "elsewhere"}).encode()):
        path.write_bytes(damage)
        share_responses(brackets, settings, gather)
        assert path.read_bytes() == whole

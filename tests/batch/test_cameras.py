"""Known cameras in a batch: what was made with other curves of a camera is made again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_samples import PLAIN
from camera_samples import D90, FLAT, STEEP, measured, photograph, write

from expinterp import __version__, cli
from expinterp.batch import BatchSettings, journal, share_responses
from expinterp.batch.cluster import perform_all
from expinterp.batch.shared_response import PairLevels, make_profile
from expinterp.batch.tasks import make_tasks
from expinterp.brackets import Bracket
from expinterp.errors import ExitCode, ExpInterpError
from expinterp.library import open_library, read_profile, remember
from expinterp.pipeline import measure

TIMES = (1 / 8, 1 / 512)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a card of three brackets, each of another camera."""
    monkeypatch.setenv("EXPINTERP_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    for seed, camera in enumerate((D90, STEEP, None)):
        write_bracket(tmp_path / "card", f"b{seed}", camera, seed=seed)
    return tmp_path


def write_bracket(card: Path, name: str, camera: str | None, *, seed: int) -> Bracket:
    folder = card / name
    folder.mkdir(parents=True)
    frames = []
    for number, time in enumerate(TIMES):
        pixels = photograph(camera or STEEP, time, seed=seed)
        write(folder / f"{number}.png", pixels, camera=camera, time=time)
        frames.append(f"{name}/{number}.png")
    return Bracket(name, tuple(frames), "made so", TIMES, None, camera)


@pytest.fixture
def batch(capsys: pytest.CaptureFixture[str], in_process: None) -> Any:
    def run(*options: str) -> tuple[int, str]:
        code = cli.main(["batch", "card", "-o", "out", "--no-refine", "--jobs", "1", *options])
        return code, capsys.readouterr().err

    return run


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the last result of each bracket: b0, b1, b2."""
    found = journal.read(folder / "out").results
    return {name[:2]: result for name, result in found.items()}


def sources(folder: Path) -> dict[str, str]:
    """Map each bracket to the camera whose curves were used, or how else its response was found."""
    found = {name: line["reports"][0]["response"] for name, line in results(folder).items()}
    return {name: each["camera"] or each["source"] for name, each in found.items()}


def test_each_bracket_uses_its_own_camera(batch: Any, here: Path) -> None:
    remember(measured(STEEP))
    assert batch()[0] == ExitCode.OK
    assert sources(here) == {"b0": D90, "b1": STEEP, "b2": "pair"}


def test_a_camera_may_be_named_for_all_brackets(batch: Any, here: Path) -> None:
    assert batch("--camera", "eos-7d")[0] == ExitCode.OK
    assert set(sources(here).values()) == {"Canon EOS 7D"}
    code, err = batch()
    assert code == ExitCode.OUTPUT_EXISTS
    assert "camera was Canon EOS 7D, is None" in err
    assert batch("--on-existing", "skip", "--camera", "any")[0] == ExitCode.OK
    assert set(sources(here).values()) == {"pair"}


def test_only_brackets_of_a_camera_that_is_measured_anew_are_made_again(
    batch: Any, here: Path
) -> None:
    def states() -> dict[str, str]:
        return {name: line["fingerprint"] for name, line in results(here).items()}

    batch()
    before = states()
    remember(measured(FLAT))  # a camera that took none of them
    batch()
    assert states() == before
    remember(measured(STEEP))
    assert batch()[0] == ExitCode.OK
    after = states()
    assert {name for name in before if before[name] != after[name]} == {"b1"}
    assert sources(here)["b1"] == STEEP


@pytest.mark.parametrize("library", [None, "used"])
def test_own_cameras_that_are_not_used_make_no_bracket_again(
    here: Path, library: str | None
) -> None:
    """As with a profile: --response leaves the library out."""
    bracket = write_bracket(here / "more", "c", STEEP, seed=1)
    settings = BatchSettings(here / "more", here / "out", PLAIN, library=library)
    remember(measured(STEEP))
    before = make_tasks([bracket], settings)[0].fingerprint
    remember(measured(STEEP, seed=2))
    assert (make_tasks([bracket], settings)[0].fingerprint == before) is (library is None)


def test_a_shared_response_starts_from_the_curves_of_the_camera(here: Path) -> None:
    brackets = [write_bracket(here / "more", f"c{k}", STEEP, seed=k) for k in range(3)]
    (here / "out").mkdir()
    settings = BatchSettings(here / "more", here / "out", PLAIN, shared=True, library="used")

    def gather(tasks: Any, settings: BatchSettings, do: Any) -> list[Any]:
        return [do(task, settings) for task in tasks]

    def error() -> float:
        (path,) = share_responses(brackets, settings, gather).profiles.values()
        found, true = (each.response[:, 20:235] for each in (read_profile(path), measured(STEEP)))
        scale = (found * true).sum() / (found**2).sum()
        return float(abs(scale * found - true).mean())

    unknown = error()
    remember(measured(STEEP, seed=8))
    assert error() < 0.5 * unknown  # the profile of before is not used again


def test_a_shared_response_of_edited_pictures_does_not_start_from_the_camera(here: Path) -> None:
    def shots(camera: str) -> list[PairLevels]:
        times = (1 / 8, 1 / 128)
        pairs = [[photograph(camera, time, seed=seed) for time in times] for seed in (1, 2, 3)]
        return [PairLevels([measure(*pair, align=False).levels], [None]) for pair in pairs]

    library = open_library()
    presumed, insisted = library.narrow([D90]), library.narrow([], named=D90)
    for camera, edited in ((STEEP, True), (D90, False)):
        found, named, plain = (
            make_profile(shots(camera), camera=D90, prior=prior).response
            for prior in (presumed, insisted, None)
        )
        assert np.array_equal(found, plain) is edited
        assert np.array_equal(found, named) is not edited


def test_a_machine_with_other_cameras_does_nothing(here: Path) -> None:
    bracket = write_bracket(here / "more", "c", D90, seed=1)
    (here / "out").mkdir()
    settings = BatchSettings(here / "more", here / "out", PLAIN, library=open_library().digest())
    tasks = make_tasks([bracket], settings)
    remember(measured(STEEP))
    with pytest.raises(ExpInterpError, match="other cameras of your own; set EXPINTERP_DATA"):
        perform_all(tasks, settings, __version__)
    (result,) = perform_all(tasks, replace(settings, library=None), __version__)
    assert result.status == "done"

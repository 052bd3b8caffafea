"""``expinterp calibrate`` on files: a profile that describes the camera, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from expinterp import cli
from expinterp.core.exposure import Exposure
from expinterp.errors import ExitCode
from expinterp.images import Metadata, Pixels, with_exposure_time, write_photograph
from expinterp.scene_io import profiles

TIMES = {"a.png": 1 / 15, "b.png": 1 / 60, "c.png": 1 / 240, "d.png": 1 / 960}
GAMMA = 2.2
Run = Callable[..., tuple[int, str]]


def shoot(time: float) -> Pixels:
    """Photograph a smooth scene of eight stops, all channels alike, with a plain power response."""
    rows, cols = np.mgrid[0:1:80j, 0:1:96j]
    stops = np.stack([8 * (0.6 * rows + 0.4 * cols)] * 3, axis=2) - 8
    exposure = np.clip(2.0**stops * time * 20, 0, 1)
    return np.rint(255 * exposure ** (1 / GAMMA)).astype(np.uint8)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``expinterp calibrate`` in a folder with a bracket; give its code and stderr."""
    monkeypatch.chdir(tmp_path)
    for name, time in TIMES.items():
        write_photograph(shoot(time), name, metadata=with_exposure_time(Metadata(), time))

    def calibrate(*arguments: str) -> tuple[int, str]:
        code = cli.main(["calibrate", *arguments])
        out, err = capsys.readouterr()
        assert out == ""
        return code, err

    return calibrate


def test_profile_describes_the_camera(run: Run) -> None:
    assert run(*TIMES, "-o", "camera.json", "--plot", "camera.svg") == (ExitCode.OK, "")
    assert isinstance(json.loads(Path("camera.json").read_text("utf-8")), dict)
    ElementTree.parse("camera.svg")


def test_transparent_pixels_do_not_change_the_profile(run: Run) -> None:
    opacity = np.full((80, 96), 255, np.uint8)
    opacity[:, 60:] = 0
    made = []
    for hidden in (0, 90):
        for name, time in TIMES.items():
            pixels = np.where(opacity[..., np.newaxis] > 0, shoot(time), np.uint8(hidden))
            metadata = with_exposure_time(Metadata(), time)
            write_photograph(pixels, name, alpha=opacity, metadata=metadata, overwrite=True)
        assert run(*TIMES, "-o", f"{hidden}.json")[0] == ExitCode.OK
        made.append(Path(f"{hidden}.json").read_text("utf-8"))
    assert made[0] == made[1]


def test_profile_is_used_by_interpolate(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(*TIMES, "-o", "camera.json")
    code = cli.main(
        ["interpolate", "a.png", "c.png", "-o", "mid.png", "--response", "camera.json",
         "--no-refine", "--json"]
    )  # fmt: skip
    assert code == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["response"]["source"] == "profile"


def test_times_may_be_given_instead(run: Run) -> None:
    for name, time in TIMES.items():
        write_photograph(shoot(time), name, overwrite=True)
    code, err = run(*TIMES, "-o", "camera.json")
    assert code == ExitCode.USAGE
    assert "--times" in err
    assert "a.png" in err
    times = ",".join(f"1/{1 / time:.0f}" for time in TIMES.values())
    assert run(*TIMES, "-o", "camera.json", "--times", times)[0] == ExitCode.OK


def test_order_of_the_images_does_not_matter(run: Run) -> None:
    run(*TIMES, "-o", "up.json")
    run(*reversed(TIMES), "-o", "down.json")
    assert Path("up.json").read_text("utf-8") == Path("down.json").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["a.png", "b.png", "-o", "camera.json"], ExitCode.USAGE),
        (["-o", "camera.json"], ExitCode.USAGE),
        ([*TIMES, "-o", ""], ExitCode.USAGE),
        ([*TIMES, "", "-o", "camera.json"], ExitCode.USAGE),
        ([*TIMES, "-o", "camera.json", "--plot", ""], ExitCode.USAGE),
        ([*TIMES, "-o", "camera.json", "--times", "1,2,3"], ExitCode.USAGE),
        ([*TIMES, "-o", "camera.json", "--plot", "camera.gif"], ExitCode.USAGE),
        ([*TIMES, "-o", "there.json"], ExitCode.OUTPUT_EXISTS),
        ([*TIMES, "-o", "a.png", "--overwrite"], ExitCode.OUTPUT_EXISTS),
        ([*TIMES, "-o", "x.svg", "--plot", "./x.svg"], ExitCode.OUTPUT_EXISTS),
        ([*TIMES, "-o", "x.json", "--plot", "there.svg"], ExitCode.OUTPUT_EXISTS),
        ([*TIMES, "-o", "missing/camera.json"], ExitCode.OUTPUT),
    ],
)
def test_refusals_come_before_any_work(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    Path("there.json").write_text("{}", "utf-8")
    Path("there.svg").write_text("", "utf-8")
    monkeypatch.setattr(profiles, "read_photographs", lambda *_: pytest.fail("work began"))
    given, err = run(*arguments)
    assert given == code
    assert err.count("\n") == 1


def test_profile_goes_to_standard_output(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run(*TIMES, "-o", "camera.json")
    assert cli.main(["calibrate", *TIMES, "-o", "-"]) == ExitCode.OK
    assert capsys.readouterr().out == Path("camera.json").read_text("utf-8")
    assert not Path("-").exists()


def test_shots_exposed_alike_are_no_bracket(run: Run) -> None:
    code, err = run("a.png", "a.png", "a.png", "-o", "camera.json")
    assert code == ExitCode.PAIR
    assert "exposed alike" in err
    assert err.count("\n") == 1


def taken(**facts: Sequence[float | None]) -> list[Any]:
    """Shots at one time, with what else they state."""
    rows = zip(*facts.values(), strict=True)
    exposures = [Exposure(time=0.1, **dict(zip(facts, row, strict=True))) for row in rows]
    return [SimpleNamespace(name=f"{n}.jpg", exposure=each) for n, each in enumerate(exposures)]


def test_sensitivity_and_aperture_count() -> None:
    shots = taken(iso=(100, 1600, 100), f_number=(4, 4, 8))
    assert profiles.relative_times(shots) == [1, 16, 0.25]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize(("fact", "word"), [("iso", "ISO"), ("f_number", "aperture")])
def test_what_one_shot_alone_does_not_state_is_not_guessed(
    fact: str, word: str, place: int
) -> None:
    values: list[float | None] = [4.0, 8.0]
    values.insert(place, None)
    with pytest.raises(profiles.TimesError, match=rf"^{place}\.jpg: no {word}.*add --times"):
        profiles.relative_times(taken(**{fact: values}))


def test_an_iso_that_all_stated_ones_share_holds_for_all_shots() -> None:
    shots = taken(iso=(None, 200, 200), f_number=(4, 4, 8))
    assert profiles.relative_times(shots) == [1, 1, 0.25]


def test_times_in_the_wrong_order_give_a_warning(run: Run) -> None:
    code, err = run(*TIMES, "-o", "camera.json", "--times", "1/960,1/240,1/60,1/15")
    assert code == ExitCode.OK
    assert "check the exposure times" in err


def test_shots_of_different_sizes_are_named(run: Run) -> None:
    timed = with_exposure_time(Metadata(), TIMES["c.png"])
    write_photograph(shoot(TIMES["c.png"])[:-8], "c.png", metadata=timed, overwrite=True)
    code, err = run(*TIMES, "-o", "camera.json")
    assert code == ExitCode.PAIR
    assert "c.png" in err
    assert not Path("camera.json").exists()


def test_an_unreadable_shot_is_named(run: Run) -> None:
    Path("c.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    code, err = run(*TIMES, "-o", "camera.json")
    assert code == ExitCode.IMAGE_FILE
    assert "c.png" in err

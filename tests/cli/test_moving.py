"""Moving things on the command line: options, the picture of what moved, the record, messages.

What moved is stated by hand here: finding it is tested with the core.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_samples import SHAPE, TIMES, Folder, shoot

from expinterp.core.ghosts import Ghosts
from expinterp.core.ghosts.picture import BETWEEN, BRIGHTEST, DARKEST
from expinterp.core.pair import Pair
from expinterp.errors import ExitCode
from expinterp.images import read_photograph
from expinterp.metrics.assessment import assess
from expinterp.pipeline import measure
from expinterp.scene_io import fuse, measured_pair, scene

PAIR = ("long.png", "short.png")
TWO = (*PAIR, "--no-refine", "-o", "out.png")
LONG, SHORT = slice(0, 12), slice(24, 48)  # rows that are from the one and from the other shot
PLACE = slice(12, 24)  # rows where nothing moved
Change = Callable[..., dict[str, Any]]
WINDOW = (slice(4, 44), slice(10, 60))


@pytest.fixture(params=["interpolate", "fuse"])
def folder(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Folder:
    """A folder with a pair, in which each of the two commands is run; fusions are not assessed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fuse, "assess", lambda *_, **__: None)  # it takes most of the time
    made = Folder(tmp_path, capsysbinary, request.param)
    for name, time in TIMES.items():
        made.write(f"{name}.png", shoot(time), time=time)
    return made


def sources(shots: int = 2) -> np.ndarray:
    found = np.zeros(SHAPE, np.uint8)
    found[LONG], found[SHORT] = 1, shots
    return found


def change(monkeypatch: pytest.MonkeyPatch, how: Change, asked: list[Any] | None = None) -> None:
    """Change what the core finds; `asked` gets the keywords that it is called with."""

    def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*images: Any, **keywords: Any) -> Any:
            found = function(*images, **keywords)
            if asked is not None:
                asked.append(keywords)
            return replace(found, **how(found)) if keywords["viewing"].deghost == "auto" else found

        return call

    measure_exposures = wrapped(measured_pair.measure_exposures)
    monkeypatch.setattr(measured_pair, "measure_exposures", measure_exposures)
    monkeypatch.setattr(scene, "plan_exposures", wrapped(scene.plan_exposures))


def moving(share: float = 0.75, **more: Any) -> Change:
    return lambda found: {"ghosts": Ghosts(sources(), share), **more}


# --- the picture of what moved -------------------------------------------------------------------


@pytest.mark.parametrize("bits", [8, 16])
def test_the_picture_is_orange_where_long_and_blue_where_short_was_taken(
    folder: Folder, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch, moving())
    if bits == 16:
        for name, time in TIMES.items():
            folder.write(f"{name}.png", shoot(time, dtype=np.uint16), time=time, overwrite=True)
    more = ["--bit-depth", "16"] * (bits == 16)
    assert folder.run(*TWO, "--save-ghosts", "ghosts.jpg", *more)[0] == ExitCode.OK
    folder.run(*TWO, "--save-ghosts", "ghosts.png", *more, "--overwrite")
    drawn, result = folder.pixels("ghosts.png"), folder.pixels("out.png")
    assert (drawn.dtype, drawn.shape) == (np.uint8, (*SHAPE, 3))
    assert result.dtype == np.dtype(f"uint{bits}")
    still = drawn[PLACE].astype(int)
    assert (still == still[..., :1]).all()
    assert still.mean() < result[PLACE].mean() / (257 if bits == 16 else 1)
    for rows, (red, green, blue) in ((LONG, BRIGHTEST), (SHORT, DARKEST)):
        tints = drawn[rows].astype(float)
        brightness = tints.sum(axis=2, keepdims=True)
        share = np.array([red, green, blue]) / (red + green + blue)
        np.testing.assert_allclose(
            tints / brightness, np.broadcast_to(share, tints.shape), atol=0.02
        )
        assert brightness.std() > 10  # the picture is seen below the tint


def test_the_picture_is_grey_where_nothing_moved_and_an_output_of_the_record(
    folder: Folder,
) -> None:
    record = folder.record(*TWO, "--save-ghosts", "ghosts.png")
    drawn = folder.pixels("ghosts.png")
    assert drawn.any()
    assert (drawn == drawn[..., :1]).all()
    kinds = {output["kind"]: output["file"] for output in record["outputs"]}
    assert kinds["ghosts"] == "ghosts.png"
    assert record["ghosts"]["share"] == 0


@pytest.mark.parametrize("folder", ["interpolate"], indirect=True)
def test_a_series_has_a_picture_of_each_exposure(folder: Folder) -> None:
    folder.run(*TWO, "--save-ghosts", "ghosts.png", "--count", "2")
    assert folder.names() == {
        *PAIR, "out_1.png", "out_2.png", "ghosts_1.png", "ghosts_2.png"
    }  # fmt: skip
    assert (folder.pixels("ghosts_1.png") != folder.pixels("ghosts_2.png")).any()


@pytest.mark.parametrize("folder", ["fuse"], indirect=True)
def test_of_three_shots_the_middle_one_has_a_colour_of_its_own(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("middle.png", shoot(1 / 120), time=1 / 120)
    found = sources(3)
    found[PLACE] = 2
    change(monkeypatch, lambda plan: {"ghosts": Ghosts(found, 1.0)})
    folder.run("middle.png", *TWO, "--save-ghosts", "ghosts.png")
    for rows, colour in ((LONG, BRIGHTEST), (PLACE, BETWEEN[0]), (SHORT, DARKEST)):
        tint = folder.pixels("ghosts.png")[rows].reshape(-1, 3).mean(axis=0)
        np.testing.assert_allclose(tint / tint.sum(), np.array(colour) / sum(colour), atol=0.01)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--save-ghosts", "there.png"], ExitCode.OUTPUT_EXISTS),
        (["--save-ghosts", "./short.png", "--overwrite"], ExitCode.OUTPUT_EXISTS),
        (["--save-ghosts", "./out.png", "--overwrite"], ExitCode.OUTPUT_EXISTS),
        (["--save-ghosts", "missing/a.png"], ExitCode.OUTPUT),
        (["--save-ghosts", "a.docx"], ExitCode.OUTPUT),
        (["--save-ghosts", "-"], ExitCode.USAGE),
        (["--save-ghosts", ""], ExitCode.USAGE),
        (["--save-ghosts", "a.png", "--deghost", "off"], ExitCode.USAGE),
        (["--deghost", "on"], ExitCode.USAGE),
        (["--reference", "medium"], ExitCode.USAGE),
    ],
)
def test_refusals_come_before_any_work(folder: Folder, options: list[str], code: int) -> None:
    folder.write("there.png", shoot(1.0))
    before = folder.names()
    found, out, err = folder.run(*TWO, *options)
    assert (found, out) == (code, b"")
    assert err.startswith("expinterp: error: ")
    assert err.count("\n") == 1
    assert folder.names() == before


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ("auto", "auto", False)),
        (["--deghost", "off", "--no-crop"], ("off", "auto", False)),
        (["--reference", "short", "--crop"], ("auto", "short", True)),
    ],
)
def test_options_reach_the_core(
    folder: Folder, options: list[str], expected: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []
    change(monkeypatch, lambda found: {}, asked)
    assert folder.run(*TWO, *options)[0] == ExitCode.OK
    (keywords,) = asked
    viewing = keywords["viewing"]
    assert (viewing.deghost, viewing.reference, viewing.crop) == expected


def cropped(found: Any) -> dict[str, Any]:
    """Crop what the core found."""
    changes: dict[str, Any] = {"window": WINDOW, "ghosts": Ghosts(sources()[WINDOW], 0.1)}
    if isinstance(found, Pair):
        opacity = found.opacity[WINDOW]
        images = {"long": found.long[WINDOW], "short": found.short[WINDOW]}
        return {**changes, **images, "opacity": opacity}
    shots = tuple(np.ascontiguousarray(shot[WINDOW]) for shot in found.shots)
    pairs = tuple(measure(*shots[::-1], align=False) for _ in found.pairs)
    opacities = tuple(opacity[WINDOW] for opacity in found.opacities)
    return {**changes, "shots": shots, "pairs": pairs, "opacities": opacities}


def test_a_cropped_result_keeps_its_alpha_and_the_record_the_size_of_the_files(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch, cropped)
    monkeypatch.setattr(fuse, "assess", assess)
    alpha = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint8).reshape(SHAPE)
    for name, time in TIMES.items():
        folder.write(f"{name}.png", shoot(time), alpha=alpha, overwrite=True)
    record = folder.record(*TWO, "--save-ghosts", "ghosts.png")
    made = read_photograph(folder.path / "out.png")
    np.testing.assert_array_equal(made.alpha, alpha[WINDOW])
    assert made.pixels.shape == folder.pixels("ghosts.png").shape == (40, 50, 3)
    assert [(shot["rows"], shot["cols"]) for shot in record["inputs"]] == [SHAPE] * 2


# --- record and messages -------------------------------------------------------------------------


def test_the_record_states_how_much_moved_and_the_reference(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch, moving(0.123456789))
    for options, reference in (([], "short.png"), (["--reference", "long"], "long.png")):
        record = folder.record(*TWO, "--overwrite", *options)
        assert record["ghosts"] == {"share": 0.12346, "reference": reference}
    assert folder.record(*TWO, "--overwrite", "--deghost", "off")["ghosts"] is None


def test_verbose_says_how_much_moved_if_anything_did(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "of the picture moved" not in folder.run(*TWO, "-v")[2]
    for share, words in ((1.0, "100 %"), (0.0123, "1.2 %")):
        change(monkeypatch, moving(share))
        said = folder.run(*TWO, "--overwrite", "-v")[2]
        assert f"{words} of the picture moved; it is taken from short.png" in said
    assert folder.run(*TWO, "--overwrite")[2] == ""


def test_warnings_of_the_core_are_shown(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, moving(0.62, notices=("most of the picture (62 %) differs",)))
    err = folder.run(*TWO)[2]
    assert err.startswith("expinterp: warning: ")
    assert "most of the picture (62 %) differs" in err
    assert err.count("\n") == 1


def test_the_mask_for_pages_is_not_printed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch, moving())
    out = folder.run(*TWO, "--json")[1]
    assert set(json.loads(out)["ghosts"]) == {"share", "reference"}
    assert "mask" not in json.loads(out)

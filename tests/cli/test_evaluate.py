"""``expinterp evaluate`` as a command: scores of folders and lists, refusals, exit codes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_samples import Run
from evaluation_samples import TIMES, write_list, write_scene
from report_samples import read_page

from expinterp import cli
from expinterp.core import pair
from expinterp.core.ghosts import Ghosts
from expinterp.core.response.calibration import Profile
from expinterp.errors import ExitCode
from expinterp.evaluation import fusions
from expinterp.evaluation.scenes import cases
from expinterp.images import read_photograph
from expinterp.metrics import psnr, ssim
from expinterp.pipeline import fuse, interpolate

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCENES = ("square", "window")
COMMAND = "evaluate"  # that `run` runs


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Make a folder of two small scenes."""
    for seed, name in enumerate(("one", "two")):
        write_scene(tmp_path / "card" / name, seed=seed)
    return tmp_path / "card"


@pytest.mark.model
def test_examples_have_the_figures_of_the_library(tmp_path: Path, run: Run) -> None:
    for scene in SCENES:
        (tmp_path / "card" / scene).mkdir(parents=True)
        for shot in ("long", "medium", "short"):
            shutil.copy(EXAMPLES / f"{scene}_{shot}.jpg", tmp_path / "card" / scene)
    code, out, err = run("card", "--json", "-q", "--only", "blind", "--only", "refined")
    assert (code, err) == (ExitCode.OK, "")
    facts = json.loads(out)
    assert facts["command"] == "evaluate"
    assert facts["study"] == "fidelity"
    assert [Path(one["long"]).stem for one in facts["triples"]] == [f"{s}_long" for s in SCENES]
    for one in facts["triples"]:
        long, medium, short = (read_photograph(one[s]).pixels for s in ("long", "medium", "short"))
        made = interpolate(long, short, refiner=None).medium
        assert one["scores"]["blind"]["psnr"] == pytest.approx(psnr(made, medium))
        assert one["scores"]["blind"]["ssim"] == pytest.approx(ssim(made, medium))
    assert facts["summary"]["refined"]["gain"]["mean"] > 0  # as the README says of such pictures
    assert list(facts["by_ev"]) == ["4 EV", "6 EV"]
    assert [len(method["network"] or ()) > 0 for method in facts["methods"]] == [False, True]


def test_a_table_is_plain_when_piped(card: Path, run: Run) -> None:
    code, out, err = run("card", "--only", "blind", "--only", "opencv", "-v")
    assert code == ExitCode.OK
    lines = out.splitlines()
    assert lines[0] == "Means of 2 triples"
    assert lines[2].startswith("  blind: no network, response estimated from the pair")
    assert out.count("\n\n") == 4
    assert lines[-2].split() == ["moved", "pixels", "2", "0.000%", "0.000%"]
    assert all(char.isprintable() for line in lines for char in line)
    assert "one 00-01-02: PSNR dB: blind" in err
    assert "2 of 2" in err


def test_moving_things_are_handled_as_told_and_their_shares_are_reported(
    card: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of one pair and nothing of the other moves."""
    shares, asked = iter([0.5, 0.0]), set()

    def measure(long, short, *, viewing, **how):
        asked.add((viewing.deghost, viewing.reference))
        ghosts = Ghosts(np.zeros(long.shape[:2], np.uint8), next(shares))
        return replace(pair.measure_exposures(long, short, **how), ghosts=ghosts)

    monkeypatch.setattr(cases, "measure_exposures", measure)
    code, out, _ = run("card", "--only", "blind", "--json", "--reference", "short")
    facts = json.loads(out)
    assert code == ExitCode.OK
    assert [one["moved"] for one in facts["triples"]] == [0.5, 0.0]
    assert facts["moved"] == {"count": 2, "mean": 0.25, "median": 0.25}
    assert asked == {("auto", "short")}


@pytest.mark.parametrize("study", [[], ["--fusion"]])
def test_without_looking_for_moving_things_no_share_is_reported(
    card: Path, run: Run, study: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = set()
    monkeypatch.setattr(
        fusions.pipeline,
        "fuse",
        lambda images, *, deghost, reference, **how: (
            asked.add((deghost, reference)) or fuse(images, **how)
        ),
    )
    options = ["--deghost", "off", "--reference", "long"]
    only = ["--only", "virtual-0" if study else "blind"]
    code, out, _ = run("card", *study, *only, *options, "--json")
    facts = json.loads(out)
    assert code == ExitCode.OK
    assert facts["moved"] is None
    assert {one["moved"] for one in facts["triples"]} == {None}
    assert asked == ({("off", "long")} if study else set())
    assert "moved" not in run("card", *study, *only, *options)[1]


def test_a_broken_picture_stops_no_other_triple(tmp_path: Path, run: Run) -> None:
    write_list(tmp_path, {"one": 0, "two": 1})
    broken = tmp_path / "one" / "05.png"
    broken.write_bytes(broken.read_bytes()[:-2000])
    code, out, err = run("scenes.json", "--json", "--only", "blind", "-q")
    assert code == ExitCode.BATCH
    facts = json.loads(out)
    assert [bool(one["scores"]) for one in facts["triples"]] == [False, True]
    assert [one["name"] for one in facts["failures"]] == ["one 07-05-03"]
    assert err.count("\n") == 1
    assert str(broken) in err


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n"])
def test_a_damaged_file_in_a_folder_is_a_failure(card: Path, run: Run, content: bytes) -> None:
    (card / "two" / "note.jpg").write_bytes(content)
    code, out, err = run("card", "--json", "--only", "blind", "-q")
    assert code == ExitCode.BATCH
    assert len(json.loads(out)["triples"]) == 2
    assert "two/note.jpg" in err


def test_scenes_without_a_triple_cause_a_warning(card: Path, run: Run) -> None:
    write_scene(card / "pair", TIMES[:2])
    code, out, err = run("card", "--only", "blind")
    assert code == ExitCode.OK
    assert "warning: pair: 2 of the 3 exposures that a triple needs" in err
    assert out


def test_lists_are_calibrated_on_other_scenes(tmp_path: Path, run: Run) -> None:
    write_list(tmp_path, {"one": 0, "two": 1})
    code, out, _ = run("scenes.json", "--json", "--only", "calibrated", "--only", "blind", "-q")
    assert code == ExitCode.OK
    summary = json.loads(out)["summary"]
    assert summary["calibrated"]["gain"]["mean"] > 0
    assert summary["calibrated"]["psnr"]["count"] == 2


def test_a_profile_takes_the_place_of_other_scenes(card: Path, run: Run) -> None:
    curve = np.tile(2.2 * np.log(np.maximum(np.arange(256), 0.5) / 128), (3, 1))
    curve += np.arange(256) * 1e-4
    Path("camera.json").write_text(Profile(curve, 0.0, 3).to_json(), "utf-8")
    code, out, _ = run("card", "--json", "--only", "calibrated", "-q", "--response", "camera.json")
    assert code == ExitCode.OK
    assert json.loads(out)["summary"]["calibrated"]["psnr"]["mean"] > 40  # it is that camera


@pytest.mark.model
def test_fusion_is_compared_with_other_programs(card: Path, run: Run) -> None:
    code, out, err = run("card", "--fusion", "--json", "--html", "page.html", "--pictures", "-q")
    assert (code, err) == (ExitCode.OK, "")
    facts = json.loads(out)
    assert facts["study"] == "fusion"
    assert {"virtual-0", "virtual-auto", "MergeMertens", "virtual-0+medium"} <= set(
        facts["summary"]
    )
    for scores in facts["summary"].values():
        assert 0 < scores["bracket"]["mean"] <= 1
    reader = read_page(Path("page.html").read_text("utf-8"))
    assert len(reader.all("img")) == 2 * (len(facts["methods"]) + 2)


@pytest.mark.model
def test_another_network_gets_a_row_of_its_own(card: Path, run: Run) -> None:
    shutil.copy(Path(cli.__file__).parents[2] / "models" / "lrl.onnx", "mine.onnx")
    code, out, _ = run("card", "--json", "-q", "--model", "mine.onnx")
    assert code == ExitCode.OK
    facts = json.loads(out)
    assert facts["summary"]["mine.onnx"] == facts["summary"]["refined"]


def test_the_page_shows_no_photographs_unless_told(card: Path, run: Run) -> None:
    only = ("--only", "blind", "-q")
    assert run("card", "--html", "page.html", *only)[0] == ExitCode.OK
    page = Path("page.html").read_text("utf-8")
    assert not read_page(page).all("img")
    assert "http" not in page.replace("http-equiv", "")
    assert run("card", "--html", "page.html", *only)[0] == ExitCode.OUTPUT_EXISTS
    assert run("card", "--html", "page.html", *only, "--overwrite", "--pictures")[0] == ExitCode.OK
    assert len(read_page(Path("page.html").read_text("utf-8")).all("img")) == 8


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), ExitCode.USAGE, "SOURCE"),
        (("",), ExitCode.USAGE, "not an empty one"),
        (("card", "--html", ""), ExitCode.USAGE, "not an empty one"),
        (("card", "--html", "-"), ExitCode.USAGE, "--html needs the name of a file"),
        (("card", "--pictures"), ExitCode.USAGE, "add --html"),
        (("card", "--only", "best"), ExitCode.USAGE, "none of the methods: blind"),
        (("card", "--fusion", "--only", "blind"), ExitCode.USAGE, "none of the methods"),
        (("none",), ExitCode.IMAGE_FILE, "no such file or folder"),
        (("card/one/00.png",), ExitCode.IMAGE_FILE, "not a list of scenes"),
        (("empty",), ExitCode.IMAGE_FILE, "no photographs found"),
        (("card", "--camera", "Leica"), ExitCode.IMAGE_FILE, "'Leica'"),
        (("card", "--response", "none.json"), ExitCode.IMAGE_FILE, "none.json"),
        (("card", "--model", "none.onnx"), ExitCode.MODEL, "none.onnx"),
        (("card", "--html", "there.html"), ExitCode.OUTPUT_EXISTS, "there.html"),
        (("card", "--html", "card/one/00.png", "--overwrite"), ExitCode.USAGE, "HTML"),
        (("card", "--html", "none/page.html"), ExitCode.OUTPUT, "none"),
    ],
)
def test_refusals_have_their_codes_and_one_line(
    card: Path, run: Run, arguments: tuple[str, ...], code: ExitCode, said: str
) -> None:
    Path("empty").mkdir()
    Path("there.html").write_text("mine", "utf-8")
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert said in err
    assert err.count("\n") == 1
    assert Path("there.html").read_text("utf-8") == "mine"

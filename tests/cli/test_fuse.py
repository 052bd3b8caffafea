"""``expinterp fuse`` on files: results, refusals and messages."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from io import BytesIO
from itertools import pairwise, permutations
from pathlib import Path

import cv2
import numpy as np
import pytest
from cli_samples import Folder, progress_on_terminal, tagged
from image_samples import ICC, MAKER_NOTE, SUFFIX, XMP, exif, fields, picture, stored_bytes
from motion_samples import hand, shots, similarity
from synthetic import expose, gamma_response, scene

from expinterp import cli, pipeline
from expinterp.cli.console import Console
from expinterp.core.fusion import Stack, Weighting, exposures, plan
from expinterp.core.fusion.plan import MAX_STEP
from expinterp.core.pair import Pair
from expinterp.core.parallel import count_threads
from expinterp.core.response.calibration import Profile
from expinterp.errors import ExitCode
from expinterp.images import Metadata, Pixels, read_photograph
from expinterp.images.developing.profiles import icc_profile
from expinterp.images.metadata.provenance import PROGRAM
from expinterp.metrics import mef_ssim
from expinterp.scene_io import open_scene
from expinterp.scene_io.record import SHARES, Clock

SHAPE = (64, 96)
RADIANCE = scene(SHAPE)
PROFILE = Profile(gamma_response() + np.arange(256) * 1e-6, 0.0, 3, scale=1.0)
PAIR = ("0.png", "4.png")
PLAIN = (*PAIR, "--no-refine", "-o", "fused.png")


def shoot(ev: float, *, bits: int = 8) -> Pixels:
    """Photograph the scene; it is dark at 0 EV, and 7 EV above it nearly white."""
    return expose(RADIANCE, 2.0 ** (ev - 6), bits=bits)


def time_of(ev: float) -> float:
    return 2.0**ev / 256


@pytest.fixture
def folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Folder:
    """A folder with shots that are named after their EV, and with the profile of their camera."""
    monkeypatch.chdir(tmp_path)
    made = Folder(tmp_path, capsysbinary, "fuse")
    for ev in (0, 1, 2, 4, 7):
        made.write(f"{ev}.png", shoot(ev), time=time_of(ev))
    (tmp_path / "camera.json").write_text(PROFILE.to_json(), "utf-8")
    return made


def refused(folder: Folder, code: int, *arguments: str) -> str:
    """Run what must fail with a code; give the one line that says why. No file is touched."""
    before = contents(folder.path)
    found, out, err = folder.run(*arguments)
    assert (found, out) == (code, b""), err
    assert re.fullmatch(r"\n?expinterp: error: .+\n", err)
    assert contents(folder.path) == before
    return err


def contents(path: Path) -> dict[str, bytes | None]:
    return {str(p): p.read_bytes() if p.is_file() else None for p in path.rglob("*")}


# --- what comes out ------------------------------------------------------------------------------


def test_the_picture_holds_what_either_image_lost_and_nothing_is_said(folder: Folder) -> None:
    before = folder.names()
    assert folder.run(*PLAIN) == (ExitCode.OK, b"", "")
    assert folder.names() == before | {"fused.png"}
    fused, short, long = (folder.pixels(name) for name in ("fused.png", *PAIR))
    assert np.mean(fused == 255) < np.mean(long == 255) / 10
    assert np.mean(fused < 20) < np.mean(short < 20) / 2


def test_command_and_library_do_the_same_work(folder: Folder) -> None:
    folder.run(*PLAIN)
    expected = pipeline.fuse([shoot(4), shoot(0)], refiner=None).fused
    np.testing.assert_array_equal(folder.pixels("fused.png"), expected)


def test_every_weight_reaches_the_fusion(folder: Folder) -> None:
    options = {
        "exposure_weight": 0.5, "saturation_weight": 0.2, "contrast_weight": 2.0,
        "exposure_optimum": 0.6, "exposure_width": 0.3,
    }  # fmt: skip
    typed = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    folder.run(*PLAIN, *typed, "--levels", "3", "--method", "mertens", "--virtual", "2")
    expected = pipeline.fuse(
        [shoot(0), shoot(4)],
        virtual=2, weighting=Weighting(**options), method="mertens", levels=3, refiner=None,
    )  # fmt: skip
    np.testing.assert_array_equal(folder.pixels("fused.png"), expected.fused)


@pytest.mark.parametrize("names", ["04", "024", "01247"])
def test_any_order_gives_the_same_bytes(folder: Folder, names: str) -> None:
    images = [f"{name}.png" for name in names]
    made = set()
    for number, order in enumerate(list(permutations(images))[:: 1 if len(images) < 4 else 41]):
        assert folder.run(*order, "--no-refine", "-o", f"fused_{number}.png")[0] == ExitCode.OK
        made.add((folder.path / f"fused_{number}.png").read_bytes())
    assert number > 0
    assert len(made) == 1


def test_any_order_gives_the_same_bytes_where_orientation_tags_differ(folder: Folder) -> None:
    """A camera pointed straight down turns its tag between two shots; the brightest is right."""
    for ev, tag in ((0, 3), (2, 1), (4, 8)):
        tagged(folder.path / f"{ev}.jpg", shoot(ev), orientation=tag)
    for number, order in enumerate(permutations(("0.jpg", "2.jpg", "4.jpg"))):
        code, _, err = folder.run(*order, "--no-refine", "-o", f"fused_{number}.png")
        assert code == ExitCode.OK
        assert err.count("only its orientation tag differs from that of 4.jpg") == 2
    made = {(folder.path / f"fused_{number}.png").read_bytes() for number in range(6)}
    assert len(made) == 1
    assert folder.pixels("fused_0.png").shape == (SHAPE[1], SHAPE[0], 3)


def test_any_order_gives_the_same_bytes_where_pixels_are_equal(folder: Folder) -> None:
    folder.write("copy.png", shoot(4), time=1.0)
    for number, order in enumerate((("copy.png", "4.png"), ("4.png", "copy.png"))):
        folder.run(*order, "0.png", "--no-refine", "-o", f"fused_{number}.png")
    made = {(folder.path / f"fused_{number}.png").read_bytes() for number in range(2)}
    assert len(made) == 1


def test_of_equal_pixels_one_file_is_the_brightest_in_every_respect(folder: Folder) -> None:
    folder.write("copy.jpg", shoot(4), time=1.0)
    folder.write("first.jpg", shoot(4), time=2.0)
    record = folder.record("copy.jpg", "first.jpg", "0.png", "--no-refine", "-o", "fused.jpg")
    brightest = record["inputs"][0]["time"]
    assert read_photograph(str(folder.path / "fused.jpg")).exposure.time == brightest
    assert Path(record["inputs"][0]["file"]).name == "first.jpg"  # the others have to agree with it


def test_times_follow_the_order_in_which_images_are_given(folder: Folder) -> None:
    times = [str(time_of(ev)) for ev in (4, 0, 2)]
    record = folder.record("4.png", "0.png", "2.png", "--times", ",".join(times), *PLAIN[2:])
    assert [shot["time"] for shot in record["inputs"]] == [time_of(ev) for ev in (4, 2, 0)]
    assert record["warnings"] == []


def test_identical_files_fuse_to_themselves(folder: Folder) -> None:
    record = folder.record("2.png", "2.png", "2.png", *PLAIN[2:])
    np.testing.assert_array_equal(folder.pixels("fused.png"), shoot(2))
    assert record["fusion"]["virtual"] == []
    assert record["ratio"] == {"stated": None, "measured": None, "used": None}
    assert record["response"]["source"] is None


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 2), (37, 53), (64, 65)])
def test_any_size_is_fused(folder: Folder, shape: tuple[int, int]) -> None:
    rows, cols = shape
    for ev in (0, 4):
        folder.write(f"cut_{ev}.png", shoot(ev)[:rows, :cols])
    record = folder.record("cut_0.png", "cut_4.png", "--virtual", "0", *PLAIN[2:])
    assert record["denoise"] == 0.0  # of what is computed, and nothing is
    assert folder.pixels("fused.png").shape == (*shape, 3)
    assert (record["fusion"]["metrics"]["mef_ssim"] is None) == (rows < 41)
    auto = ["cut_0.png", "cut_4.png", "--times", "1/256,1/16", *PLAIN[2:], "--overwrite"]
    assert folder.run(*auto)[0] == ExitCode.OK


def test_denoising_is_stated_where_something_is_computed(folder: Folder) -> None:
    options = ("--denoise", "0.5", "--overwrite")
    assert folder.record(*PLAIN, *options, "--virtual", "1")["denoise"] == 0.5
    assert folder.record(*PLAIN, *options, "--virtual", "0")["denoise"] == 0.0


def test_a_file_that_is_named_twice_is_a_warning(folder: Folder) -> None:
    (folder.path / "link.png").symlink_to("0.png")
    for name in ("0.png", "./0.png", "link.png"):
        warnings = folder.record(*PLAIN, name, "--overwrite", "--virtual", "0")["warnings"]
        assert "0.png: is named 2 times, and counts as often; name each exposure once" in warnings
    assert folder.record(*PLAIN, "--overwrite", "--virtual", "0")["warnings"] == []


def test_sixteen_bits_are_computed_in_sixteen(folder: Folder) -> None:
    for ev in (0, 4):
        folder.write(f"deep_{ev}.tif", shoot(ev, bits=16), time=time_of(ev))
    folder.run("deep_4.tif", "deep_0.tif", "--no-refine", "-o", "fused.tif")
    fused = folder.pixels("fused.tif")
    np.testing.assert_array_equal(
        fused, pipeline.fuse([shoot(0, bits=16), shoot(4, bits=16)], refiner=None).fused
    )
    assert len(np.unique(fused)) > 4 * 256
    assert np.mean(fused % 257 == 0) < 0.02  # as no widened 8-bit picture
    folder.run(*PLAIN)
    assert np.abs(fused / 257 - folder.pixels("fused.png")).max() < 12  # of the same scene


def test_bit_depth_is_changed_on_request(folder: Folder) -> None:
    folder.run(*PLAIN, "--bit-depth", "16")
    assert folder.pixels("fused.png").dtype == np.uint16


def test_grey_stays_grey(folder: Folder) -> None:
    for ev in (0, 4):
        folder.write(f"grey_{ev}.png", shoot(ev)[..., 1])
    folder.run("grey_0.png", "grey_4.png", "-o", "fused.png", "--save-virtual", "v")
    assert folder.pixels("fused.png").shape == (*SHAPE, 1)
    assert folder.pixels("v/fused_virtual_1.png").shape == (*SHAPE, 1)


def test_opacity_is_that_of_the_most_opaque(folder: Folder) -> None:
    alpha = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint8).reshape(SHAPE)
    folder.write("4.png", shoot(4), alpha=alpha, overwrite=True)
    folder.write("0.png", shoot(0), alpha=255 - alpha, overwrite=True)
    folder.write("2.png", shoot(2), alpha=0 * alpha + 20, overwrite=True)
    folder.run("2.png", *PLAIN)
    kept = read_photograph(folder.path / "fused.png").alpha
    assert kept is not None
    np.testing.assert_array_equal(kept, np.maximum(alpha, 255 - alpha))


def taken(form: str, ev: int, *, orientation: int = 1) -> bytes:
    """Write a shot as a camera does: all metadata, stored sideways if so wanted."""
    upright = np.rint(picture() * 2.0 ** ((ev - 4) / 2.2)).astype(np.uint8)
    block = exif(orientation, time=(2**ev, 256))
    xmp = XMP.replace(b'Rating="4"', f'Rating="{ev}"'.encode())
    return stored_bytes(form, upright, orientation, exif_block=block, xmp=xmp)


@pytest.mark.parametrize("form", SUFFIX)
def test_metadata_are_those_of_the_brightest_in_every_format(folder: Folder, form: str) -> None:
    suffix = SUFFIX[form]
    for ev in (0, 2, 4):
        (folder.path / f"{ev}{suffix}").write_bytes(taken(form, ev))
    images = [f"{ev}{suffix}" for ev in (2, 4, 0)]
    code, _, err = folder.run(*images, "--no-refine", "-o", f"fused{suffix}")
    assert (code, err) == (ExitCode.OK, "")
    fused = read_photograph(folder.path / f"fused{suffix}")
    assert fused.pixels.shape == (37, 53, 3)
    assert fused.metadata.icc == ICC
    if form != "tiff":  # whose samples hold no more than orientation, maker and profile
        assert fused.exposure.time == 1 / 16
        assert b'Rating="4"' in (fused.metadata.xmp or b"")
        expected = fields(folder.path / f"4{suffix}") | {("0th", 0x000B): PROGRAM}
        found = fields(folder.path / f"fused{suffix}")
        assert found | {("0th", 0x0131): ""} == expected | {("0th", 0x0131): ""}
        assert MAKER_NOTE in (fused.metadata.exif or b"")


@pytest.mark.parametrize("form", ["jpeg", "png", "tiff"])
def test_pictures_come_out_upright(folder: Folder, form: str) -> None:
    for ev in (0, 4):
        for orientation in (1, 6):
            name = f"{orientation}_{ev}{SUFFIX[form]}"
            (folder.path / name).write_bytes(taken(form, ev, orientation=orientation))
    made = []
    for orientation in (1, 6):
        images = [f"{orientation}_{ev}{SUFFIX[form]}" for ev in (0, 4)]
        folder.run(*images, "--no-refine", "-o", f"{orientation}.tif")
        made.append(folder.pixels(f"{orientation}.tif"))
        with_tag = fields(folder.path / f"{orientation}.tif")
        assert with_tag.get(("0th", 0x112), 1) == 1
    assert np.abs(made[0].astype(int) - made[1]).mean() < 1  # JPEG blocks lie differently


def test_paths_may_hold_any_letters(folder: Folder) -> None:
    (folder.path / "Grüße 写真").mkdir()
    output = "Grüße 写真/alles [½].png"
    code, *_ = folder.run(*PAIR, "--no-refine", "-o", output, "--save-masks", "Grüße 写真/m*")
    assert code == ExitCode.OK
    assert (folder.path / "Grüße 写真/m*/alles [½]_mask_1.png").exists()


# --- virtual exposures ---------------------------------------------------------------------------


def test_auto_leaves_no_step_above_the_largest_by_what_the_pixels_say(folder: Folder) -> None:
    names = ["0.png", "1.png", "2.png", "4.png", "7.png"]
    record = folder.record(*names, *PLAIN[2:], "--response", "camera.json")
    assert math.log2(record["ratio"]["measured"]) == pytest.approx(7, abs=0.3)
    (virtual,) = record["fusion"]["virtual"]
    assert virtual == pytest.approx(5.5, abs=0.01)  # between 4 and 7, by the stated times
    evs = sorted([0, 1, 2, 4, 7, virtual])
    assert max(b - a for a, b in pairwise(evs)) <= MAX_STEP


@pytest.mark.parametrize(("pair", "count"), [("02", 0), ("04", 1), ("17", 2), ("07", 2)])
def test_auto_computes_no_more_than_are_needed(folder: Folder, pair: str, count: int) -> None:
    images = [f"{ev}.png" for ev in pair]
    record = folder.record(*images, *PLAIN[2:], "--response", "camera.json")
    assert len(record["fusion"]["virtual"]) == count


def test_stated_times_that_the_pixels_contradict_make_no_ladder(folder: Folder) -> None:
    options = ["--response", "camera.json", "--times", "1/1000,4"]
    record = folder.record(*PLAIN, *options)
    assert len(record["fusion"]["virtual"]) == 1
    assert re.search(
        r"4\.png and 0\.png: .*stated.* 4000, .*measured one about 1", record["warnings"][0]
    )


@pytest.mark.parametrize("count", [0, 1, 3])
def test_so_many_as_are_asked_for_lie_between_each_two(folder: Folder, count: int) -> None:
    record = folder.record("0.png", "4.png", "1.png", *PLAIN[2:], "--virtual", str(count))
    steps = [
        (a + (b - a) * k / (count + 1)) for a, b in ((0, 1), (1, 4)) for k in range(1, count + 1)
    ]
    assert record["fusion"]["virtual"] == pytest.approx(steps)
    assert "render" in record["timings"] or not count


def test_nothing_goes_between_equally_exposed_images(folder: Folder) -> None:
    folder.write("again.png", shoot(0), time=time_of(0))
    alone = folder.record(*PLAIN)["fusion"]["virtual"]
    both = folder.record("again.png", *PLAIN, "--overwrite")["fusion"]["virtual"]
    assert both == alone
    assert len(alone) == 1


def test_photographs_are_assessed_as_they_were_before_denoising(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def darken(pair: Pair, *choice: object, in_place: bool, **options: object) -> Pixels:
        assert in_place
        pair.short[...] = 0
        return pair.short

    monkeypatch.setattr(exposures, "clean_short", darken)
    record = folder.record(*PLAIN)
    expected = mef_ssim([folder.pixels(name) for name in PAIR], folder.pixels("fused.png"))
    assert record["fusion"]["metrics"]["mef_ssim"] == pytest.approx(expected, abs=1e-4)


def test_virtual_exposures_make_the_difference(folder: Folder) -> None:
    folder.run(*PLAIN)
    folder.run(*PLAIN[:3], "-o", "without.png", "--virtual", "0")
    assert (folder.pixels("fused.png") != folder.pixels("without.png")).mean() > 0.5


def test_virtual_exposures_are_refined_by_the_bundled_network(folder: Folder) -> None:
    record = folder.record(*PAIR, "-o", "fused.png", "--save-virtual", "v")
    assert record["refinement"]["provider"] == "CPUExecutionProvider"
    folder.run(*PLAIN, "--overwrite", "--save-virtual", "plain")
    refined, plain = (folder.pixels(f"{name}/fused_virtual_1.png") for name in ("v", "plain"))
    assert (refined != plain).any()


def test_virtual_exposures_are_saved_from_dark_to_bright_with_their_times(folder: Folder) -> None:
    images = ["4.png", "7.png", "0.png", "--response", "camera.json", "--save-virtual", "v"]
    record = folder.record(*images, *PLAIN[2:])
    saved = [output for output in record["outputs"] if output["kind"] == "virtual"]
    assert [output["file"] for output in saved] == [
        str(Path("v") / f"fused_virtual_{number}.png") for number in range(1, len(saved) + 1)
    ]
    assert [output["ev"] for output in saved] == record["fusion"]["virtual"]
    assert [output["ev"] for output in saved] == pytest.approx([2, 5.5])
    means = [folder.pixels(output["file"]).mean() for output in saved]
    assert means == sorted(means)
    for output in saved:
        assert output["time"] == pytest.approx(time_of(output["ev"]))
        found = read_photograph(folder.path / output["file"]).exposure.time
        assert found == pytest.approx(output["time"], rel=0.005)
    assert {path.name for path in (folder.path / "v").iterdir()} == {
        Path(output["file"]).name for output in saved
    }


def test_saved_virtual_exposures_are_those_of_interpolate(folder: Folder) -> None:
    folder.run(*PLAIN, "--virtual", "1", "--save-virtual", "v")
    cli.main(["interpolate", "4.png", "0.png", "--no-refine", "-o", "mid.png"])
    mid, virtual = (folder.path / name for name in ("mid.png", "v/fused_virtual_1.png"))
    mid, virtual = read_photograph(mid), read_photograph(virtual)
    np.testing.assert_array_equal(mid.pixels, virtual.pixels)
    assert mid.metadata.exif == virtual.metadata.exif


def test_saved_virtual_exposures_have_the_opacity_of_the_result_and_metadata_of_the_longer_image(
    folder: Folder,
) -> None:
    for ev in (0, 2, 4):
        alpha = np.full(SHAPE, 100 + 10 * ev, np.uint8)
        metadata = Metadata(xmp=XMP.replace(b'"4"', b'"%d"' % ev))
        folder.write(f"{ev}.png", shoot(ev), alpha=alpha, metadata=metadata, overwrite=True)
    folder.run("2.png", *PLAIN, "--virtual", "1", "--save-virtual", "v")
    for number, ev in ((1, 2), (2, 4)):
        made = read_photograph(folder.path / f"v/fused_virtual_{number}.png")
        assert (made.alpha == 140).all()
        assert b'Rating="%d"' % ev in (made.metadata.xmp or b"")


def test_saved_virtual_exposures_are_written_as_the_result_is(folder: Folder) -> None:
    folder.run(*PAIR, "--no-refine", "-o", "fused.tif", "--bit-depth", "16", "--save-virtual", "v")
    assert folder.pixels("v/fused_virtual_1.tif").dtype == np.uint16


def test_times_that_contradict_the_pixels_are_not_passed_on(folder: Folder) -> None:
    """The EXIF data are swapped; the pixels decide which is the brighter one."""
    folder.write("0.png", shoot(0), time=time_of(4), overwrite=True)
    folder.write("4.png", shoot(4), time=time_of(0), overwrite=True)
    code, _, err = folder.run(*PLAIN, "--save-virtual", "v")
    assert code == ExitCode.OK
    assert "4.png and 0.png: the stated exposures contradict the pixels" in err
    assert read_photograph(folder.path / "v/fused_virtual_1.png").exposure.time is None


def test_no_time_is_invented(folder: Folder) -> None:
    folder.write("0.png", shoot(0), overwrite=True)
    record = folder.record(*PLAIN, "--save-virtual", "v")
    assert record["ratio"]["stated"] is None
    assert read_photograph(folder.path / "v/fused_virtual_1.png").exposure.time is None


def test_a_ratio_is_stated_only_if_all_steps_are(folder: Folder) -> None:
    assert folder.record("2.png", *PLAIN)["ratio"]["stated"] == pytest.approx(16)
    folder.write("2.png", shoot(2), overwrite=True)
    assert folder.record("2.png", *PLAIN, "--overwrite")["ratio"]["stated"] is None


def test_the_reason_for_no_virtual_exposures_is_reported(folder: Folder) -> None:
    code, _, err = folder.run("0.png", "1.png", *PLAIN[2:], "--save-virtual", "v")
    assert code == ExitCode.OK
    assert "warning: v: nothing is saved there" in err
    assert "--virtual 1" in err
    assert not (folder.path / "v").exists()


# --- masks, folders ------------------------------------------------------------------------------


def test_masks_are_the_weights_of_all_exposures_and_sum_to_one(folder: Folder) -> None:
    record = folder.record("2.png", *PLAIN, "--virtual", "1", "--save-masks", "m")
    masks = [folder.pixels(o["file"]) for o in record["outputs"] if o["kind"] == "mask"]
    assert len(masks) == 5  # three shots, and one between each two
    assert {mask.shape for mask in masks} == {(*SHAPE, 1)}
    assert {mask.dtype for mask in masks} == {np.dtype(np.uint8)}
    total = np.sum(masks, axis=0, dtype=int)
    assert np.abs(total - 255).max() <= len(masks) / 2
    assert min(mask.max() for mask in masks) > 100
    highlights = shoot(4).min(axis=2) == 255  # where only the darker ones show anything
    assert masks[0][highlights].mean() > 3 * masks[-1][highlights].mean()


def test_a_mask_that_came_to_be_meanwhile_is_not_replaced(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mask, weights = folder.path / "m" / "fused_mask_1.png", Stack.weights

    def weigh(stack: Stack, index: int) -> object:
        mask.write_bytes(b"another's")
        return weights(stack, index)

    monkeypatch.setattr(Stack, "weights", weigh)
    assert folder.run(*PLAIN, "--save-masks", "m")[0] == ExitCode.OUTPUT_EXISTS
    assert mask.read_bytes() == b"another's"


def test_masks_are_png_whatever_the_result_is(folder: Folder) -> None:
    folder.run(*PAIR, "--virtual", "0", "-o", "out.jpg", "--save-masks", "m")
    names = {path.name for path in (folder.path / "m").iterdir()}
    assert names == {"out_mask_1.png", "out_mask_2.png"}


def test_one_folder_may_take_both(folder: Folder) -> None:
    folder.run(*PLAIN, "--virtual", "1", "--save-masks", "both", "--save-virtual", "both")
    assert len(list((folder.path / "both").iterdir())) == 4


@pytest.mark.parametrize(
    ("option", "kind"), [("--save-virtual", "virtual"), ("--save-masks", "mask")]
)
@pytest.mark.parametrize("output", ["fused.png", "f[1]*.png", "-"])
def test_a_folder_with_files_of_an_earlier_run_is_refused(
    folder: Folder, option: str, kind: str, output: str
) -> None:
    (folder.path / "d").mkdir()
    (folder.path / "d" / "notes.txt").write_text("mine")
    saved = [*PAIR, "--no-refine", "-o", output, option, "d"]
    assert folder.run(*saved)[0] == ExitCode.OK
    (folder.path / output).unlink(missing_ok=True)
    stem = "fused" if output == "-" else Path(output).stem
    first = folder.path / "d" / f"{stem}_{kind}_1.png"
    first.rename(folder.path / "d" / f"{stem}_{kind}_9.png")  # any number counts
    assert f"{stem}_{kind}_" in refused(folder, ExitCode.OUTPUT_EXISTS, *saved)
    code, _, err = folder.run(*saved, "--overwrite")
    assert code == ExitCode.OK
    assert f"warning: d: {stem}_{kind}_9.png are of an earlier run" in err
    assert first.exists()
    assert (folder.path / "d" / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("no_work")
def test_an_image_is_not_replaced_by_what_is_saved(folder: Folder) -> None:
    """Who fuses saved virtual exposures again must not lose them."""
    (folder.path / "v").mkdir()
    image = folder.write("v/fused_virtual_1.png", shoot(2))
    saved = ["0.png", image, "-o", "fused.png", "--overwrite", "--save-virtual", "v"]
    assert "is the input" in refused(folder, ExitCode.OUTPUT_EXISTS, *saved)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("option", ["--save-virtual", "--save-masks"])
@pytest.mark.parametrize(
    ("place", "said"), [("0.png", "0.png: is a file"), ("no/such", "there is no folder no")]
)
def test_a_folder_that_cannot_be_is_6(folder: Folder, option: str, place: str, said: str) -> None:
    assert said in refused(folder, ExitCode.OUTPUT, *PAIR, "-o", "fused.png", option, place)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_is_read_only_is_6(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    (folder.path / "shut").mkdir()
    (folder.path / "shut" / "v").mkdir()
    place = Path("shut/v" if there else "shut/new")
    shut = {place, place.parent}
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) not in shut)
    said = refused(folder, ExitCode.OUTPUT, *PAIR, "-o", "fused.png", "--save-virtual", str(place))
    assert "read-only" in said


def test_a_folder_that_cannot_be_made_after_all_is_6(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", refuse)
    for option in ("--save-virtual", "--save-masks"):
        said = refused(folder, ExitCode.OUTPUT, *PLAIN, option, "d")
        assert "d: cannot be created (no space left on device)" in said


def test_a_failure_leaves_no_folder(folder: Folder) -> None:
    options = ["-o", "fused.png", "--save-virtual", "v", "--save-masks", "m"]
    refused(folder, ExitCode.IMAGE_FILE, "0.png", "missing.png", *options)


# --- streams -------------------------------------------------------------------------------------


def test_standard_output_holds_the_image_alone(folder: Folder) -> None:
    folder.run(*PLAIN)
    code, out, err = folder.run(*PAIR, "--no-refine", "-o", "-", "-v")
    assert code == ExitCode.OK
    np.testing.assert_array_equal(read_photograph(BytesIO(out)).pixels, folder.pixels("fused.png"))
    assert "exposures computed between the 2 images: 1" in err


def test_beside_standard_output_files_are_named_after_the_format(folder: Folder) -> None:
    stream = [*PAIR, "--no-refine", "-o", "-", "--format", "tiff", "--save-virtual", "v"]
    _, out, _ = folder.run(*stream, "--save-masks", "m")
    assert read_photograph(BytesIO(out)).format == "tiff"
    assert (folder.path / "v" / "fused_virtual_1.tif").exists()
    assert (folder.path / "m" / "fused_mask_3.png").exists()


def test_one_image_comes_from_standard_input(folder: Folder) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "expinterp", "fuse", "0.png", "-", "--virtual", "0", "-o", "-"],
        input=(folder.path / "4.png").read_bytes(), capture_output=True, check=True,
    )  # fmt: skip
    expected = pipeline.fuse([shoot(0), shoot(4)], virtual=0).fused
    np.testing.assert_array_equal(read_photograph(BytesIO(done.stdout)).pixels, expected)
    assert done.stderr == b""


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize("arguments", [(*PAIR, "-o", "-"), ("-", "0.png", "-o", "a.png")])
def test_no_image_is_read_from_or_written_to_a_terminal(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    stream = "stdout" if "-" in arguments[-1:] else "stdin"
    monkeypatch.setattr(getattr(sys, stream), "isatty", lambda: True)
    assert stream in refused(folder, ExitCode.USAGE, *arguments)


def test_verbose_tells_and_quiet_does_not(folder: Folder) -> None:
    _, out, err = folder.run("2.png", *PLAIN, "-v", "--virtual", "1", "--save-masks", "m")
    assert out == b""
    assert all(line.startswith("expinterp: ") for line in err.splitlines())
    assert re.search(r"4\.0 EV stated, about \d\.\d EV measured", err)
    for said in ("exposures computed between the 3 images: 2", "wrote fused.png", "mask_5.png"):
        assert said in err
    folder.write("0.png", shoot(0), time=time_of(7), overwrite=True)
    assert folder.run(*PLAIN, "--overwrite", "-q") == (ExitCode.OK, b"", "")


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["-o", "1.png"], ExitCode.OUTPUT_EXISTS),
        (["-o", "0.png"], ExitCode.OUTPUT_EXISTS),
        (["-o", "./4.png", "--overwrite"], ExitCode.OUTPUT_EXISTS),
        (["-o", "link.png", "--overwrite"], ExitCode.OUTPUT_EXISTS),
        (["-o", "missing/a.png"], ExitCode.OUTPUT),
        (["-o", "0.png/a.png"], ExitCode.OUTPUT),
        (["-o", "a.docx"], ExitCode.OUTPUT),
        (["-o", "a"], ExitCode.OUTPUT),
        (["-o", "a.jpg", "--bit-depth", "16"], ExitCode.OUTPUT),
    ],
)
def test_refusals_come_before_any_work(folder: Folder, options: list[str], code: int) -> None:
    (folder.path / "link.png").symlink_to("4.png")
    refused(folder, code, *PAIR, *options)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-o", "a.png"],
        ["0.png", "-o", "a.png"],
        [*PAIR],
        [*PAIR, "-o", ""],
        ["0.png", "", "-o", "a.png"],
        ["-", "-", "-o", "a.png"],
        [*PAIR, "-o", "-", "--json"],
        [*PAIR, "-o", "a.png", "--format", "png"],
        [*PAIR, "-o", "a.png", "--save-virtual", ""],
        [*PAIR, "-o", "a.png", "--save-masks", ""],
        [*PAIR, "-o", "a.png", "--save-virtual", "v", "--virtual", "0"],
        [*PAIR, "-o", "a.png", "--no-refine", "--model", "m.onnx"],
        [*PAIR, "-o", "a.png", "--times", "1/30"],
        [*PAIR, "-o", "a.png", "--times", "1,2,3"],
        [*PAIR, "-o", "a.png", "--times", "1/30,soon"],
        [*PAIR, "-o", "a.png", "--virtual", "-1"],
        [*PAIR, "-o", "a.png", "--virtual", "1.5"],
        [*PAIR, "-o", "a.png", "--virtual", "many"],
        [*PAIR, "-o", "a.png", "--virtual", ""],
        [*PAIR, "-o", "a.png", "--levels", "0"],
        [*PAIR, "-o", "a.png", "--method", "mean"],
        [*PAIR, "-o", "a.png", "--quality", "0"],
        [*PAIR, "-o", "a.png", "--bit-depth", "12"],
        [*PAIR, "-o", "a.png", "--threads", "0"],
        [*PAIR, "-o", "a.png", "--device", "tpu"],
        [*PAIR, "-o", "a.png", "--ratio", "16"],
    ],
)
def test_contradictions_are_usage_errors(folder: Folder, arguments: list[str]) -> None:
    assert "expinterp fuse --help" in refused(folder, ExitCode.USAGE, *arguments)


@pytest.mark.usefixtures("no_work")
@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("--exposure-weight", ["-1", "101", "nan", "inf", "much"]),
        ("--saturation-weight", ["-0.1", "1e9"]),
        ("--contrast-weight", ["-1", "nan"]),
        ("--exposure-optimum", ["-0.1", "1.1", "nan"]),
        ("--exposure-width", ["0", "-1", "0.0001", "1001", "nan"]),
    ],
)
def test_weights_out_of_range_are_usage_errors(
    folder: Folder, option: str, values: list[str]
) -> None:
    for value in values:
        assert option in refused(folder, ExitCode.USAGE, *PAIR, "-o", "a.png", f"{option}={value}")


# --- inputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [None, b"", b"not an image at all, by any means", "cut"])
def test_unreadable_images_are_3_and_named(folder: Folder, content: bytes | str | None) -> None:
    bad = folder.path / "bad.png"
    if content is not None:
        whole = (folder.path / "4.png").read_bytes()
        bad.write_bytes(whole[: len(whole) // 2] if isinstance(content, str) else content)
    for images in (("bad.png", *PAIR), (*PAIR, "bad.png")):
        assert "bad.png" in refused(folder, ExitCode.IMAGE_FILE, *images, "-o", "fused.png")


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        (shoot(2)[:-1], "96 × 63, colour, 8 bit"),
        (shoot(2)[..., :1], "96 × 64, grey, 8 bit"),
        (shoot(2, bits=16), "96 × 64, colour, 16 bit"),
    ],
)
@pytest.mark.parametrize("options", [[], ["--virtual", "0"]])
def test_images_that_differ_in_kind_are_4_and_both_are_named(
    folder: Folder, odd: Pixels, said: str, options: list[str]
) -> None:
    folder.write("odd.png", odd)
    message = refused(folder, ExitCode.PAIR, "odd.png", *PAIR, "-o", "fused.png", *options)
    assert (
        f"4.png is 96 × 64, colour, 8 bit, odd.png is {said}; export all images with the same"
        in message
    )


def test_images_with_different_profiles_are_4_and_both_are_named(folder: Folder) -> None:
    folder.write("tagged.png", shoot(2), metadata=Metadata(icc=icc_profile("display-p3")))
    message = refused(folder, ExitCode.PAIR, "0.png", "tagged.png", "4.png", "-o", "fused.png")
    for part in ("4.png has no profile", "tagged.png has Display P3", "export all"):
        assert part in message


def test_other_scenes_are_4_and_may_be_fused_all_the_same(folder: Folder) -> None:
    folder.write("other.png", expose(scene(SHAPE, seed=9)[::-1], 0.125))
    images = ["4.png", "other.png", "-o", "fused.png"]
    message = refused(folder, ExitCode.PAIR, *images)
    assert "4.png and other.png: " in message
    assert "--virtual 0" in message
    assert folder.run(*images, "--virtual", "0")[0] == ExitCode.OK


def test_a_black_image_makes_no_pair_and_the_remedies_are_named(folder: Folder) -> None:
    folder.write("black.png", np.zeros((*SHAPE, 3), np.uint8))
    images = ["black.png", *PLAIN]
    message = refused(folder, ExitCode.PAIR, *images)
    for part in ("0.png and black.png", "no tone", "times", "--virtual 0"):
        assert part in message
    times = ["--times", f"1/100000,{time_of(0)},{time_of(4)}"]
    for options in (["--virtual", "0"], times):
        assert folder.run(*images, "--overwrite", *options)[0] == ExitCode.OK
        assert folder.pixels("fused.png").mean() > 60


def test_equal_times_that_the_pixels_contradict_are_not_used(folder: Folder) -> None:
    record = folder.record(*PLAIN, "--times", "1/30,1/30")
    assert record["ratio"]["stated"] is None
    assert "4.png and 0.png: the stated exposures are equal" in record["warnings"][0]
    assert len(record["fusion"]["virtual"]) == 1


def test_different_cameras_give_a_warning(folder: Folder) -> None:
    for ev, model in ((0, "Alpha"), (4, "Beta")):
        tagged(folder.path / f"{ev}.jpg", shoot(ev), model=model)
    code, _, err = folder.run("0.jpg", "4.jpg", "--no-refine", "-o", "fused.png")
    assert code == ExitCode.OK
    assert "4.jpg was taken with Beta, 0.jpg with Alpha" in err


# --- devices, models, interruption ---------------------------------------------------------------


def test_a_missing_model_is_8_unless_none_is_needed(folder: Folder) -> None:
    options = [*PAIR, "-o", "fused.png", "--model", "missing.onnx"]
    assert "missing.onnx" in refused(folder, ExitCode.MODEL, *options)
    assert folder.run(*options, "--virtual", "0") == (ExitCode.OK, b"", "")


def test_the_network_is_not_touched_where_nothing_is_computed(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_scene, "open_refiner", lambda *_, **__: pytest.fail("was opened"))
    for options in (["--no-refine"], ["--virtual", "0"]):
        record = folder.record(*PAIR, "-o", "fused.png", "--overwrite", *options)
        assert record["refinement"] is None


def test_a_device_that_is_not_there_is_7_unless_none_is_needed(folder: Folder) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this build of onnxruntime may have the device")
    options = [*PAIR, "-o", "fused.png", "--device", "cuda"]
    assert "cuda" in refused(folder, ExitCode.DEVICE, *options)
    assert folder.run(*options, "--no-refine")[0] == ExitCode.OK


def test_threads_bound_the_whole_process(folder: Folder) -> None:
    record = folder.record(*PAIR, "-o", "fused.png", "--threads", "1")
    assert (count_threads(), cv2.getNumThreads()) == (1, 1)
    assert record["refinement"]["threads"] == 1


@pytest.mark.parametrize("where", ["compare", "render", "Stack.fuse"])
def test_interrupted_work_leaves_nothing(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    owner = {"compare": plan, "render": exposures, "Stack.fuse": Stack}[where]
    monkeypatch.setattr(owner, where.rpartition(".")[2], interrupt)
    options = ["--save-virtual", "v", "--save-masks", "m"]
    assert "interrupted" in refused(folder, ExitCode.INTERRUPTED, *PLAIN, *options)


def test_the_result_is_written_when_all_else_is(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Stack, "weights", interrupt)
    before = folder.names()
    assert folder.run(*PLAIN, "--save-virtual", "v", "--save-masks", "m")[0] == 130
    assert folder.names() == before | {"v", "m"}
    assert [path.name for path in (folder.path / "v").iterdir()] == ["fused_virtual_1.png"]
    assert folder.pixels("v/fused_virtual_1.png").shape == (*SHAPE, 3)


@pytest.mark.parametrize(
    "options", [[], ["--json"], ["--virtual", "0"], ["--virtual", "3"], ["7.png"], ["0.png"]]
)
def test_progress_rises_from_nothing_to_nearly_all_and_moves_while_fusing(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    shown: list[tuple[str, float]] = []
    monkeypatch.setattr(
        Console, "progress", lambda _: nullcontext(lambda step, share: shown.append((step, share)))
    )
    monkeypatch.setattr("expinterp.core.parallel.AREA", 16 * SHAPE[1])
    monkeypatch.setattr("expinterp.core.render.STRIP", 16)
    threads = ["--threads", "1"]  # only the calling thread reports
    assert folder.run(*PLAIN, *options, *threads)[0] == ExitCode.OK
    shares = [share for _, share in shown]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.85 < shares[-1] < 1
    for stage in ("fuse", *["render"] * (options != ["--virtual", "0"])):
        assert len({share for step, share in shown if step == stage}) > 2


def test_progress_knows_from_the_start_what_is_asked_for(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: dict[str, float] = {}
    monkeypatch.setattr(Console, "progress", lambda _: nullcontext(shown.setdefault))
    folder.run("2.png", *PLAIN, "--virtual", "2", "--json")
    total = sum(SHARES.values()) - SHARES["merge"] + 3 * SHARES["render"]
    assert shown["measure"] == pytest.approx(SHARES["read"] / total)
    assert shown["write"] == pytest.approx(1 - SHARES["write"] / total)


def test_progress_does_not_fall_where_more_comes_than_was_expected() -> None:
    shown: list[float] = []
    clock = Clock(lambda _, share: shown.append(share), "read", "render")
    with clock.stage("read"):
        clock.expect("render", 9)
    for number in range(9):
        with clock.stage("render", number=number) as advance:
            advance(1.0)
    assert shown == sorted(shown)
    assert shown[-1] == 1


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")
def test_progress_shows_on_a_terminal_alone(folder: Folder) -> None:
    shown = progress_on_terminal("fuse", *PLAIN)
    assert b"write" in shown
    assert b"\x1b[3" not in shown


# --- JSON ----------------------------------------------------------------------------------------


def test_record_is_one_object_with_the_documented_fields(folder: Folder) -> None:
    record = folder.record("0.png", "2.png", "4.png", "-o", "fused.png", "--virtual", "1")
    assert list(record) == [
        "schema_version", "version", "command", "inputs", "outputs", "ratio", "motion", "ghosts",
        "response", "refinement", "denoise", "timings", "warnings", "fusion",
    ]  # fmt: skip
    assert record["schema_version"] == 1
    assert record["command"] == "fuse"
    assert {shot["role"] for shot in record["inputs"]} == {"image"}
    assert [shot["file"] for shot in record["inputs"]] == ["4.png", "2.png", "0.png"]
    assert record["outputs"] == [{"kind": "fused", "file": "fused.png", "ev": None, "time": None}]
    assert record["ratio"]["stated"] == pytest.approx(16)
    assert 2 < math.log2(record["ratio"]["measured"]) < 6
    assert list(record["timings"]) == ["read", "measure", "render", "fuse", "assess", "write"]
    assert record["warnings"] == []


def test_what_the_fusion_was_made_with_is_reported(folder: Folder) -> None:
    options = ["--virtual", "1", "--levels", "4", "--exposure-width", "0.3", "--method", "mertens"]
    fusion = folder.record(*PLAIN, *options)["fusion"]
    metrics = fusion.pop("metrics")
    assert fusion == {
        "method": "mertens", "exposure_weight": 1.0, "saturation_weight": 1.0,
        "contrast_weight": 1.0, "exposure_optimum": 0.5, "exposure_width": 0.3, "levels": 4,
        "virtual": [2.0],
    }  # fmt: skip
    photographs = [folder.pixels(name) for name in PAIR]
    assert metrics["mef_ssim"] == mef_ssim(photographs, folder.pixels("fused.png"))
    assert 0 <= metrics["order_violations"]["everywhere"] < 0.2
    assert 0 <= metrics["out_of_range"] < 0.5


def test_nothing_is_measured_unless_asked_for(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expinterp.scene_io.fuse.assess", lambda *_, **__: pytest.fail("measured"))
    assert folder.run(*PLAIN)[0] == ExitCode.OK


def test_clipped_shares_are_counted_per_image(folder: Folder) -> None:
    shots = folder.record("2.png", *PLAIN)["inputs"]
    whites = [shot["clipped"]["white"] for shot in shots]
    assert whites == [pytest.approx(np.mean(shoot(ev) == 255), abs=1e-4) for ev in (4, 2, 0)]
    assert [
        shot["clipped"] for shot in folder.record(*PLAIN, "--virtual=0", "--overwrite")["inputs"]
    ] == [None, None]


def test_a_profile_is_used_and_reported(folder: Folder) -> None:
    response = folder.record(*PLAIN, "--response", "camera.json")["response"]
    assert (response["source"], response["file"]) == ("profile", "camera.json")


def test_a_failure_leaves_stdout_empty(folder: Folder) -> None:
    refused(folder, ExitCode.IMAGE_FILE, "missing.png", "0.png", "-o", "fused.png", "--json")


def test_the_json_is_strict(folder: Folder) -> None:
    """Nothing that JSON does not know, as NaN, even where nothing can be measured."""
    folder.write("flat.png", np.full((*SHAPE, 3), 128, np.uint8))
    _, out, _ = folder.run("flat.png", "flat.png", *PLAIN[2:], "--json")

    def no_constant(name: str) -> None:
        pytest.fail(name)

    metrics = json.loads(out, parse_constant=no_constant)["fusion"]["metrics"]
    assert metrics["order_violations"] == {"everywhere": None, "highlight_shadow": None}


@pytest.mark.parametrize("right", [5.0, 0.0])
def test_an_image_that_cannot_be_aligned_is_named(folder, right):
    long, mid = shots(similarity(right, 0.0), ratio=4)
    for name, image in (("a.png", long), ("b.png", mid), ("c.png", shots(hand(0.1))[1])):
        folder.write(name, image)
    options = ("-o", "left.png", "--no-refine", "--reference", "long")
    code, _, err = folder.run("a.png", "b.png", "c.png", *options)
    assert code == 0
    assert err.count("c.png: how the camera moved cannot be measured") == 1
    assert "b.png: how" not in err
    assert "moved by" not in err


def test_cameras_that_moved_are_found_reported_and_undone(folder):
    for name, image in zip(("a.png", "b.png"), shots(similarity(4.0, -3.0)), strict=True):
        folder.write(name, image)
    plain = ("--no-refine", "--json")
    code, out, err = folder.run("a.png", "b.png", "-o", "moved.png", *plain)
    assert code == 0
    assert json.loads(out)["motion"]["pixels"] == pytest.approx(5, abs=0.3)
    assert err == ""
    code, out, err = folder.run("a.png", "b.png", "-o", "left.png", "--no-align", *plain)
    assert (code, err) == (0, "")
    assert json.loads(out)["motion"] is None
    assert (folder.pixels("left.png") != folder.pixels("moved.png")).any()

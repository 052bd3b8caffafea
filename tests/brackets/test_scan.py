"""Scanning real folders: what is found, what is read, and what is passed over."""

import os
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from bracket_library import Roll
from image_samples import with_thumbnail
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from expinterp.batch import journal
from expinterp.brackets import folder as folder_module
from expinterp.brackets import is_damaged, plan_brackets, scan
from expinterp.core.exposure import Exposure
from expinterp.errors import ImageFileError
from expinterp.images import Metadata, write_photograph
from expinterp.images.thumbnails import pack_thumbnail, unpack_thumbnails

NOON = datetime(2024, 5, 6, 12)
TIMES = {0: (1, 60), -2: (1, 250), 2: (1, 15)}


def rendered(seed, stops):
    """A picture of a scene, 96 × 144, at an exposure."""
    radiance = Roll(None, None, "", np.random.default_rng(seed)).scene().radiance
    linear = np.clip(0.18 * np.exp2(radiance[:48, :48] + stops), 0, 1)
    codes = np.rint(255 * linear ** (1 / 2.2)).astype(np.uint8)
    return Image.fromarray(codes).resize((144, 96)).convert("RGB")


def exif_of(moment, time, *, mode=0, iso=100):
    stated = Image.Exif()
    stated[0x10F], stated[0x110] = "Maker", "Model 7"
    fields = stated.get_ifd(0x8769)
    fields[0x829A], fields[0x8827], fields[0x829D] = IFDRational(*time), iso, IFDRational(8)
    fields[0x9003] = f"{moment:%Y:%m:%d %H:%M:%S}"
    fields[0x9291] = f"{moment.microsecond // 10_000:02d}"
    fields[0xA402] = mode
    return stated


def write_set(folder, seed, names, *, moment=NOON, stated=True, mode=0):
    """Write a bracket 0 −2 +2 as a camera does."""
    folder.mkdir(parents=True, exist_ok=True)
    for at, (name, stops) in enumerate(zip(names, TIMES, strict=True)):
        taken = moment + timedelta(milliseconds=300 * at)
        options = {"exif": exif_of(taken, TIMES[stops], mode=mode)} if stated else {}
        rendered(seed, stops).save(folder / name, **options)


def numbered(first, suffix=".jpg"):
    return [f"IMG_{first + at:04d}{suffix}" for at in range(3)]


def test_a_folder_is_read_and_planned(tmp_path):
    for at in range(8):
        moment = NOON + timedelta(minutes=at)
        write_set(tmp_path / "DCIM/100CANON", at, numbered(3 * at + 1), moment=moment, mode=2)
    write_set(tmp_path / "église", 20, ["Ä.png", "Ö.png", "Ü.png"], stated=False)
    write_set(tmp_path / "hall", 21, ["1.tif", "2.tif", "3.tif"], stated=False)
    for at in range(4):
        names = [f"room{at}_{part}.webp" for part in range(3)]
        write_set(tmp_path / "rooms", 30 + at, names, stated=False)
    (tmp_path / "DCIM/100CANON/IMG_0001.CR2").write_bytes(b"raw")
    (tmp_path / "DCIM/100CANON/IMG_0099.JPG").write_bytes(b"\xff\xd8\xff\xe1")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    (tmp_path / "notes.txt").write_text("no picture")
    plan = plan_brackets(scan(tmp_path), folder=str(tmp_path))
    names = [bracket.name for bracket in plan.brackets]
    numbers = [f"DCIM/100CANON/IMG_{3 * at + 1:04d}" for at in range(8)]
    assert names == [*numbers, "hall", *[f"rooms/room{at}" for at in range(4)], "église"]
    assert plan.brackets[0].frames == tuple(
        f"DCIM/100CANON/IMG_{number:04d}.jpg" for number in (3, 1, 2)
    )
    assert plan.brackets[0].evs == (0.0, -2.0, -4.0)
    assert plan.brackets[-1].frames == ("église/Ü.png", "église/Ä.png", "église/Ö.png")
    reasons = {leftover.path: leftover.reason for leftover in plan.leftovers}
    assert "is no image" in reasons.pop("DCIM/100CANON/IMG_0001.CR2")
    assert "is empty" in reasons.pop("empty.jpg")
    assert "damaged HEIC" in reasons.pop("phone.heic")
    (damaged,) = reasons
    assert damaged == "DCIM/100CANON/IMG_0099.JPG"
    assert str(tmp_path) not in reasons[damaged]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".avif"])
def test_a_frame_has_the_facts_of_its_header(tmp_path, suffix):
    path = tmp_path / f"shot{suffix}"
    moment = NOON + timedelta(milliseconds=250)
    stated = exif_of(moment, (1, 60), mode=1)
    if suffix == ".tif":  # in which Pillow writes no EXIF directory
        block = stated.tobytes().removeprefix(b"Exif\0\0")
        write_photograph(np.asarray(rendered(0, 0)), path, metadata=Metadata(exif=block))
    else:
        rendered(0, 0).save(path, exif=stated)
    (frame,) = scan(tmp_path)
    assert (frame.path, frame.size, frame.problem) == (path.name, (96, 144), None)
    assert frame.exposure == Exposure(1 / 60, 100, 8.0, "Maker Model 7")
    assert frame.captured == moment
    assert frame.mode == "manual"


@pytest.mark.parametrize(
    ("tag", "fired"), [(None, None), (0x00, False), (0x10, False), (0x01, True), (0x1F, True)]
)
def test_whether_a_flash_fired_is_read(tmp_path, tag, fired):
    stated = exif_of(NOON, (1, 60))
    if tag is not None:
        stated.get_ifd(0x8769)[0x9209] = tag
    rendered(0, 0).save(tmp_path / "shot.jpg", exif=stated)
    (frame,) = scan(tmp_path)
    assert frame.flash is fired


def test_a_folder_of_rooms_is_planned_from_its_files(tmp_path):
    """Room 0: a flash frame more; room 1: one empty file of five; room 2: equal stated times."""
    for room, stops in enumerate(((0, -2, 2, 0), (0, -1, 1, -2, 2), (0, -3, -6))):
        for at, stop in enumerate(stops):
            time = (1, 64) if room == 2 else (2 ** (stop + 6), 4096)
            stated = exif_of(NOON + timedelta(minutes=room, seconds=at), time, mode=1)
            stated.get_ifd(0x8769)[0x9209] = int(room == 0 and at == 3)
            path = tmp_path / f"IMG_{10 * room + at + 1:04d}.JPG"
            rendered(20 + room, stop).save(path, exif=stated)
    (tmp_path / "IMG_0012.JPG").write_bytes(b"")
    plan = plan_brackets(scan(tmp_path))
    numbers = [[path[4:8] for path in bracket.frames] for bracket in plan.brackets]
    assert numbers == [
        ["0003", "0001", "0002"],
        ["0015", "0013", "0011", "0014"],
        ["0021", "0022", "0023"],
    ]
    assert [left.path for left in plan.leftovers] == ["IMG_0004.JPG", "IMG_0012.JPG"]


def test_pictures_with_exif_are_decoded_only_in_folders_of_up_to_200(tmp_path, monkeypatch):
    decoded = []
    real = folder_module.read_thumbnail_of
    monkeypatch.setattr(
        folder_module,
        "read_thumbnail_of",
        lambda path, form: decoded.append(path) or real(path, form),
    )
    for at in range(200):
        rendered(0, 0).save(tmp_path / f"{at}.jpg", exif=exif_of(NOON, (1, 60)))
    rendered(0, 0).save(tmp_path / "silent.jpg")
    assert [frame.thumbnail is None for frame in scan(tmp_path)].count(False) == 1
    assert [path.name for path in decoded] == ["silent.jpg"]
    (tmp_path / "0.jpg").unlink()
    assert all(frame.thumbnail for frame in scan(tmp_path))


def test_pictures_with_a_thumbnail_in_the_header_are_not_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "read_thumbnail_of", None)
    rendered(6, 0).save(tmp_path / "shot.jpg", exif=with_thumbnail(rendered(5, 1)))
    (frame,) = scan(tmp_path)
    seen = unpack_thumbnails(
        [frame.thumbnail, pack_thumbnail(np.asarray(rendered(5, 1).convert("L")))]
    )
    assert np.abs(seen[0] - seen[1]).max() < 3


def paths(folder, **options):
    return [frame.path for frame in scan(folder, **options)]


def test_hidden_files_and_folders_of_the_system_are_skipped(tmp_path):
    for name in (".hidden", "@eaDir", "__MACOSX", "$RECYCLE.BIN", "mine"):
        (tmp_path / name).mkdir()
        rendered(0, 0).save(tmp_path / name / "a.jpg")
    for name in ("._a.jpg", ".b.jpg"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7")
    assert paths(tmp_path) == ["mine/a.jpg"]


def test_outputs_are_skipped(tmp_path):
    for name in ("in", "out", "older"):
        (tmp_path / name / "below").mkdir(parents=True)
        rendered(0, 0).save(tmp_path / name / "below/a.jpg")
    assert paths(tmp_path, exclude=[tmp_path / "out"]) == ["in/below/a.jpg", "older/below/a.jpg"]
    assert len(paths(tmp_path, exclude=[tmp_path / "missing"])) == 3


def test_results_of_a_batch_are_reported_and_not_taken_as_photographs(tmp_path):
    for name in ("in", "older"):
        (tmp_path / name / "below").mkdir(parents=True)
        rendered(0, 0).save(tmp_path / name / "below/a.jpg")
    (tmp_path / "older" / journal.NAME).write_text("{}")
    photograph, results = scan(tmp_path)
    assert photograph.path == "in/below/a.jpg"
    assert results.path == "older/"
    assert results.problem == f"holds the results of a batch ({journal.NAME})"
    assert not is_damaged(results)
    assert scan(tmp_path, exclude=[tmp_path / "older"]) == [photograph]
    with pytest.raises(ImageFileError, match="holds the results of a batch"):
        scan(tmp_path / "older")


def test_links_are_followed_once_and_never_in_circles(tmp_path):
    (tmp_path / "in/real").mkdir(parents=True)
    rendered(0, 0).save(tmp_path / "in/real/a.jpg")
    (tmp_path / "elsewhere").mkdir()
    rendered(0, 0).save(tmp_path / "elsewhere/b.jpg")
    (tmp_path / "in/again").symlink_to("real")
    (tmp_path / "in/real/up").symlink_to("..")
    (tmp_path / "in/far").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/self.jpg").symlink_to("self.jpg")
    (tmp_path / "in/gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "in/c.jpg").symlink_to(tmp_path / "elsewhere/b.jpg")
    found = {frame.path: frame.problem for frame in scan(tmp_path / "in")}
    assert {path for path, problem in found.items() if problem is None} == {
        "real/a.jpg",
        "far/b.jpg",
        "c.jpg",
    }
    assert found.keys() - {"real/a.jpg", "far/b.jpg", "c.jpg"} == {"self.jpg", "gone.jpg"}


def test_special_files_do_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to("/dev/zero")
    assert {frame.problem for frame in scan(tmp_path)} == {"no ordinary file"}


def test_a_folder_that_may_not_be_read_is_reported(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    rendered(0, 0).save(tmp_path / "a.jpg")
    real = os.scandir

    def refuse(path):
        if os.fspath(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", refuse)
    frames = scan(tmp_path)
    assert [frame.path for frame in frames] == ["a.jpg", "locked/"]
    assert "cannot be read" in frames[1].problem
    assert [leftover.path for leftover in plan_brackets(frames).leftovers] == ["a.jpg", "locked/"]


@pytest.mark.parametrize("name", ["missing", "file.jpg"])
def test_a_path_that_is_not_a_folder_is_refused(tmp_path, name):
    (tmp_path / "file.jpg").touch()
    with pytest.raises(ImageFileError, match=name):
        scan(tmp_path / name)


def test_a_name_that_is_not_unicode_is_found(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
    stream = BytesIO()
    rendered(0, 0).save(stream, "JPEG")
    Path(os.fsdecode(name)).write_bytes(stream.getvalue())
    (frame,) = scan(tmp_path)
    assert os.fsencode(frame.path) == b"caf\xe9.jpg"
    assert frame.problem is None
    assert plan_brackets([frame]).leftovers[0].path == frame.path

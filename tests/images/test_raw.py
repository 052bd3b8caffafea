"""Raw files: simulated ones are written as DNG, and LibRaw reads them."""

from __future__ import annotations

import struct
import sys
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from expinterp.core.encoding import SPACES, SRGB_CURVE, decode
from expinterp.core.exposure import Exposure
from expinterp.errors import ImageFileError, MissingExtraError
from expinterp.images import (
    Development,
    balance_alike,
    read_header,
    read_photograph,
    write_photograph,
)
from expinterp.images.developing import raw_exif
from expinterp.images.formats import sniff_format
from expinterp.images.metadata.exif import read_exposure
from expinterp.images.orientation import turn
from expinterp.training.simulator.dng import Sensor, write_dng


def flat(colour: tuple[float, float, float], rows: int = 40, cols: int = 64) -> np.ndarray:
    return np.broadcast_to(np.float32(colour), (rows, cols, 3)).copy()


def detailed(rows: int = 64, cols: int = 96, seed: int = 2) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 4, (rows, cols, 3)).astype(np.float32)
    return np.exp2(cv2.GaussianBlur(noise, (0, 0), 3) * 2 - 3).astype(np.float32)


def dng(folder: Path, radiance: np.ndarray, time: float = 1.0, name: str = "a.dng", **more) -> Path:
    write_dng(folder / name, radiance, time, **more)
    return folder / name


@pytest.mark.parametrize("colour", [(0.2, 0.2, 0.2), (0.5, 0.2, 0.1), (0.05, 0.3, 0.4)])
@pytest.mark.parametrize("space", SPACES)
def test_a_colour_of_the_scene_is_that_of_the_developed_picture(tmp_path, colour, space):
    shot = read_photograph(dng(tmp_path, flat(colour)), development=Development(space=space))
    finished = shot.encoding.finish(shot.pixels)
    xyz = SPACES["srgb"].to_xyz @ colour
    wanted = SPACES[space].curve.encode(np.linalg.solve(SPACES[space].to_xyz, xyz))
    assert abs(finished / 65_535 - wanted).max() < 1 / 255


def test_our_colours_are_those_of_libraw(tmp_path):
    rawpy = pytest.importorskip("rawpy")
    path = dng(tmp_path, detailed())
    shot = read_photograph(path)
    with rawpy.imread(str(path)) as raw:
        theirs = raw.postprocess(
            use_camera_wb=True, output_color=rawpy.ColorSpace.sRGB, gamma=(2.4, 12.92),
            output_bps=16, no_auto_bright=True, adjust_maximum_thr=0.0,
        )  # fmt: skip
    unclipped = (shot.pixels < 65_000).all(axis=2)
    difference = abs(shot.encoding.finish(shot.pixels).astype(float) - theirs) / 257
    assert difference[unclipped].mean() < 0.1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_once(tmp_path, orientation):
    radiance = detailed()
    stored = read_photograph(dng(tmp_path, radiance)).pixels
    path = dng(tmp_path, radiance, name="turned.dng", orientation=orientation)
    assert np.array_equal(read_photograph(path).pixels, turn(stored, orientation))
    header = read_header(path)
    assert (header.format, header.rows, header.cols, header.depth) == ("raw", 64, 96, 16)


@settings(max_examples=8, deadline=None)
@given(st.integers(11, 40), st.integers(11, 40))
def test_any_size_is_read(tmp_path_factory, rows, cols):
    path = dng(tmp_path_factory.mktemp("raw"), flat((0.2, 0.2, 0.2), 2 * rows, 2 * cols))
    assert read_photograph(path).pixels.shape == (2 * rows, 2 * cols, 3)


def test_twice_the_exposure_is_twice_the_light_whatever_the_picture_shows(tmp_path):
    radiance = detailed() / 8
    one, two = (
        decode(read_photograph(dng(tmp_path, radiance, time, name=f"{time}.dng")).pixels)
        for time in (1, 2)
    )
    assert two.mean() == pytest.approx(2 * one.mean(), rel=1e-2)


def test_each_channel_of_the_sensor_clips_at_white(tmp_path):
    pixels = read_photograph(dng(tmp_path, flat((9.0, 9.0, 9.0)))).pixels
    assert (pixels == 65_535).all()


def test_all_frames_get_the_white_balance_of_the_first(tmp_path):
    neutral = np.array([0.3, 1.0, 0.9])
    first = dng(tmp_path, flat((0.2, 0.2, 0.2)))
    second = dng(tmp_path, flat((0.2, 0.2, 0.2)), name="b.dng", neutral=neutral)
    development = balance_alike([str(tmp_path / "none"), str(first), str(second)], Development())
    alike = [read_photograph(path, development=development).pixels for path in (first, second)]
    assert abs(alike[0].astype(int) - alike[1]).max() < 300
    assert abs(alike[0].astype(int) - read_photograph(second).pixels).max() > 3000


def test_only_the_first_file_is_looked_at_for_the_white_balance(tmp_path, monkeypatch):
    plain = tmp_path / "a.png"
    write_photograph(np.zeros((4, 4, 3), np.uint8), plain)
    opened = []

    def open_source(name):
        opened.append(name)
        return Path(name).open("rb")

    monkeypatch.setattr("expinterp.images.read.open_source", open_source)
    development = balance_alike([str(plain), str(tmp_path / "b.dng")], Development())
    assert development.multipliers is None
    assert set(opened) == {str(plain)}


def test_the_white_balance_can_be_that_of_the_picture(tmp_path):
    path = dng(tmp_path, flat((0.4, 0.2, 0.2)))
    auto = decode(read_photograph(path, development=Development("auto")).pixels)
    assert auto.mean((0, 1)) == pytest.approx([auto.mean()] * 3, rel=0.05)


def test_the_exposure_is_that_of_the_file(tmp_path):
    shot = read_photograph(dng(tmp_path, flat((0.2, 0.2, 0.2)), 1 / 60))
    wanted = Exposure(time=pytest.approx(1 / 60, rel=1e-4), iso=100, f_number=8.0,
                      camera="Simulated Sensor")  # fmt: skip
    assert shot.exposure == wanted
    assert shot.format == "raw"


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_raw_file_that_is_cut_off_is_refused_in_one_line(tmp_path, capfd, share):
    path = dng(tmp_path, detailed())
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ImageFileError, match=r"a\.dng: .*copy"):
        read_photograph(path)
    assert capfd.readouterr() == ("", "")


def test_a_preview_is_never_taken_for_the_photograph(tmp_path):
    """The first directory is a preview; that of the sensor data lies below it, and is damaged."""
    path = tmp_path / "a.nef"
    preview, sensor = np.full((32, 48, 3), 90, np.uint8), np.full((64, 96), 900, np.uint16)
    with tifffile.TiffWriter(path) as file:
        file.write(preview, subifds=1, photometric="rgb", metadata=None)
        file.write(sensor, photometric=32803, compression=None, metadata=None,
                   extratags=[(33421, 3, 2, (2, 2), True), (33422, 1, 4, (0, 1, 1, 2), True)])  # fmt: skip
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ImageFileError, match="sensor data"):
        read_photograph(path)


def test_without_rawpy_the_extra_is_named(tmp_path, monkeypatch):
    path = dng(tmp_path, flat((0.2, 0.2, 0.2)))
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'expinterp\[raw\]'"):
        read_photograph(path)


def test_raw_files_are_read_from_streams(tmp_path):
    path = dng(tmp_path, detailed())
    with path.open("rb") as file:
        assert np.array_equal(read_photograph(file).pixels, read_photograph(path).pixels)
    data = BytesIO(path.read_bytes())
    assert np.array_equal(read_photograph(data).pixels, read_photograph(path).pixels)


def test_a_sensor_without_noise_gets_none(tmp_path):
    clean = read_photograph(dng(tmp_path, flat((0.2, 0.2, 0.2)))).pixels
    sensor = Sensor(full_well=3e4, read_noise=4)
    noisy = read_photograph(dng(tmp_path, flat((0.2, 0.2, 0.2)), sensor=sensor)).pixels
    assert clean.std(axis=(0, 1)).max() < 30 < noisy.std(axis=(0, 1)).min()


def block_of(order: str, values: dict[int, tuple[int, bytes]]) -> bytes:
    """A TIFF block of one directory."""
    from expinterp.images.metadata import ifd

    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8))
    block += bytes(6)
    ifd.add_fields(block, ifd.FIRST_POINTER, values)
    return bytes(block)


@pytest.mark.parametrize("order", "<>")
def test_the_blocks_of_a_cr3_are_joined(order):
    first = block_of(order, {0x010F: (2, b"Canon\0"), 0x0110: (2, b"Canon EOS R9\0")})
    exif = block_of(order, {0x829A: (5, struct.pack(order + "II", 1, 125)),
                            0x8827: (3, struct.pack(order + "H", 400))})  # fmt: skip
    boxes = b"".join(
        struct.pack(">I", 8 + len(part)) + name + part
        for name, part in ((b"CMT1", first), (b"CMT2", exif), (b"CMT4", b""))
    )
    found = raw_exif.exif_of_raw(b"\0\0\0\x18ftypcrx \0\0\0\1" + bytes(8) + boxes, None)
    assert read_exposure(found) == Exposure(1 / 125, 400, None, "Canon EOS R9")


def test_the_exif_of_a_raf_is_that_of_its_preview():
    exif = block_of(">", {0x0110: (2, b"X-T9\0"), 0x829A: (5, struct.pack(">II", 1, 30))})
    jpeg = b"\xff\xd8\xff\xe1" + struct.pack(">H", 8 + len(exif)) + b"Exif\0\0" + exif + b"\xff\xd9"
    header = b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + struct.pack(">II", 108, len(jpeg)) + bytes(16)
    found = raw_exif.exif_of_raw(header + jpeg, None)
    assert read_exposure(found) == Exposure(1 / 30, None, None, "X-T9")


@pytest.mark.parametrize(
    "head",
    [b"FUJIFILMCCD-RAW ", b"IIRO\x08\0\0\0", b"IIU\0\x08\0\0\0", b"\0MRM", b"FOVb",
     b"II\x1a\0\0\0HEAPCCDR", b"\0\0\0\x18ftypcrx "],
)  # fmt: skip
def test_other_raw_formats_are_known_by_their_first_bytes(tmp_path, capfd, head):
    assert sniff_format(head) == "raw"
    path = tmp_path / "a.jpg"
    path.write_bytes(head + bytes(200))
    with pytest.raises(ImageFileError, match=r"raw file|sensor data"):
        read_photograph(path)
    assert capfd.readouterr().err == ""


def test_the_table_of_linear_light_is_the_curve():
    from expinterp.images.developing.raw import _linear_codes

    linear = np.arange(65_536) / 65_535
    assert abs(_linear_codes() - 65_535 * SRGB_CURVE.encode(linear)).max() <= 1.5


def test_white_does_not_depend_on_the_brightest_pixel(tmp_path):
    """LibRaw's default would take a picture that is nearly white for one that is."""
    linear = decode(read_photograph(dng(tmp_path, flat((0.85, 0.85, 0.85)))).pixels)
    assert linear.mean() == pytest.approx(0.85, rel=0.01)


def test_sensor_data_that_are_too_few_are_refused(tmp_path):
    """LibRaw would fill the rest."""
    from expinterp.images.metadata import ifd

    path = dng(tmp_path, detailed())
    block = bytearray(path.read_bytes())
    short = {"tag": 0x0117, "kind": ifd.LONG, "value": struct.pack("<I", 100)}
    ifd.set_field(block, ifd.FIRST_POINTER, **short, in_place=False)
    path.write_bytes(block)
    with pytest.raises(ImageFileError, match="cut off or missing"):
        read_photograph(path)


@pytest.mark.parametrize("full_well", [np.inf, 3e4])
@pytest.mark.parametrize("moved", [(0, 0), (2, 0), (0, 2), (4, 6)])
def test_mosaics_are_merged_only_where_they_are_registered(tmp_path, full_well, moved):
    from expinterp.images.developing.negative import are_registered

    radiance, keep = detailed(240, 320) / 4, Development(keep=True)
    sensor = Sensor(full_well=full_well, read_noise=3)
    long = dng(tmp_path, radiance, 4, sensor=sensor)
    short = dng(tmp_path, np.roll(radiance, moved, (0, 1)), 0.25, name="b.dng", sensor=sensor)
    one, two = (read_photograph(path, development=keep).negative for path in (long, short))
    assert are_registered(one, two, 16.0) == (moved == (0, 0))


def without_balance(path: Path) -> Path:
    """Remove the white balance as shot: its tag becomes one without a meaning."""
    path.write_bytes(
        path.read_bytes().replace(struct.pack("<HH", 50728, 5), struct.pack("<HH", 65001, 5))
    )
    return path


@pytest.mark.parametrize("silent", ["a", "b", "ab"])
def test_daylight_is_named_only_where_it_is_used(tmp_path, silent):
    """The first file decides: what later ones do not state is not needed."""
    frames = [dng(tmp_path, flat((0.2, 0.2, 0.2)), name=f"{name}.dng", neutral=np.array([0.3, 1.0, 0.9]))
              for name in "ab"]  # fmt: skip
    for path in frames:
        if path.stem in silent:
            without_balance(path)
    development = balance_alike([*map(str, frames)], Development())
    warned = {path.stem: read_photograph(path, development=development).warnings for path in frames}
    named = {name for name, found in warned.items() if any("daylight" in text for text in found)}
    assert named == (set() if silent == "b" else set(silent))


def test_only_what_the_camera_shows_is_left(tmp_path):
    """A DNG states it by DefaultCropOrigin and DefaultCropSize."""
    radiance = detailed()
    whole = read_photograph(dng(tmp_path, radiance)).pixels
    crop = {50719: (4, 2, (8, 4)), 50720: (4, 2, (80, 56))}
    path = dng(tmp_path, radiance, name="cropped.dng", fields=crop)
    assert np.array_equal(read_photograph(path).pixels, whole[4:60, 8:88])
    assert (read_header(path).rows, read_header(path).cols) == (56, 80)


@pytest.mark.parametrize(("keep", "smaller"), [(True, 4), (False, 1)])
def test_only_what_can_be_developed_again_is_developed_small(tmp_path, keep, smaller):
    development = Development(keep=keep, draft=True)
    shot = read_photograph(dng(tmp_path, detailed()), development=development)
    assert shot.pixels.shape == (64 // smaller, 96 // smaller, 3)
    assert (shot.negative is not None) is keep

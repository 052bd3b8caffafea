"""Linear light: OpenEXR, Radiance HDR, PFM and floating-point TIFF."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile

from expinterp.cli import main
from expinterp.core.encoding import SRGB_CURVE, conversion, decode, encode
from expinterp.errors import ImageFileError, MissingExtraError
from expinterp.images import read_header, read_photograph
from expinterp.images.developing.profiles import icc_profile, linear_profile

OpenEXR = pytest.importorskip("OpenEXR")
LIGHT = np.random.default_rng(3).uniform(0.01, 0.9, (24, 36, 3)).astype(np.float32)


def write_exr(path: Path, channels: dict[str, np.ndarray], **header) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(header, {n: np.ascontiguousarray(c) for n, c in channels.items()}).write(str(path))


def colour(light: np.ndarray) -> dict[str, np.ndarray]:
    return {name: light[..., c] for c, name in enumerate("RGB")}


def write(path: Path, light: np.ndarray) -> Path:
    if path.suffix == ".exr":
        write_exr(path, colour(light))
    elif path.suffix in {".hdr", ".pfm"}:
        cv2.imwrite(str(path), light[..., ::-1])
    else:
        tifffile.imwrite(path, light, photometric="rgb", metadata=None)
    return path


@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".pfm", ".tif"])
def test_light_is_encoded_by_the_working_curve(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", LIGHT)
    shot = read_photograph(path)
    tolerance = 5e-3 if suffix == ".hdr" else 1e-4  # RGBE has 8 bits
    assert decode(shot.pixels) == pytest.approx(LIGHT, rel=1e-4, abs=tolerance)
    assert shot.encoding.finish(shot.pixels) is shot.pixels
    assert shot.warnings == ()
    header = read_header(path)
    assert (header.format, header.rows, header.cols) == (shot.format, 24, 36)
    data = BytesIO(path.read_bytes())
    assert np.array_equal(read_photograph(data).pixels, shot.pixels)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_floats_of_all_sizes_and_layouts(tmp_path, dtype, channels, planar):
    light = np.dstack([LIGHT, LIGHT[..., 0]])[..., :channels].astype(dtype)
    stored = light[..., 0] if channels == 1 else light
    if planar == "separate" and channels > 1:
        stored = np.moveaxis(light, -1, 0)
    options = {} if channels == 1 else {"planarconfig": planar}
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    kind = "minisblack" if channels == 1 else "rgb"
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric=kind, metadata=None, **options, **extra
    )
    shot = read_photograph(tmp_path / "a.tif")
    count = min(channels, 3)
    assert decode(shot.pixels) == pytest.approx(light[..., :count].astype(np.float32), rel=2e-3)
    if channels == 4:
        assert shot.alpha / 65_535 == pytest.approx(light[..., 3], abs=1e-3)


@pytest.mark.parametrize("suffix", [".exr", ".pfm", ".tif"])
def test_what_is_no_light_is_clipped_and_named(tmp_path, suffix):
    light = LIGHT.copy()
    light[0, :6] = [[np.nan] * 3, [np.inf] * 3, [-np.inf] * 3, [-1] * 3, [7] * 3, [1] * 3]
    shot = read_photograph(write(tmp_path / f"a{suffix}", light))
    assert shot.pixels[0, :6, 0].tolist() == [0, 65_535, 0, 0, 65_535, 65_535]
    text = " ".join(shot.warnings)
    assert all(word in text for word in ("brighter than white", "below 0", "NaN"))


@pytest.mark.parametrize("suffix", [".exr", ".hdr", ".pfm", ".tif"])
@pytest.mark.parametrize("share", [0.2, 0.7, 0.97])
def test_files_that_are_cut_off_are_refused_silently(tmp_path, capfd, suffix, share):
    path = write(tmp_path / f"a{suffix}", LIGHT)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ImageFileError):
        read_photograph(path)
    assert capfd.readouterr() == ("", "")


def test_luminance_and_chroma_become_colours(tmp_path):
    y = LIGHT @ np.float32([0.212639, 0.715169, 0.072192])
    chroma = {name: (LIGHT[..., c] - y) / y for name, c in (("RY", 0), ("BY", 2))}
    write_exr(tmp_path / "a.exr", {"Y": y, **chroma})
    assert decode(read_photograph(tmp_path / "a.exr").pixels) == pytest.approx(LIGHT, abs=1e-3)


def test_chroma_of_half_the_resolution_lies_at_even_places():
    from expinterp.images.developing.openexr import _enlarge

    whole = np.add.outer(np.arange(24), np.arange(36)).astype(np.float32)
    found = _enlarge(np.ascontiguousarray(whole[::2, ::2]), (24, 36))
    assert abs(found - whole)[:-2, :-2].max() < 0.1


def test_a_data_window_is_placed_in_the_picture(tmp_path):
    write_exr(tmp_path / "a.exr", colour(LIGHT),
              dataWindow=((np.array([5, 8], "i4")), np.array([40, 31], "i4")),
              displayWindow=(np.array([1, 2], "i4"), np.array([50, 51], "i4")))  # fmt: skip
    shot = read_photograph(tmp_path / "a.exr")
    assert shot.pixels.shape == (50, 50, 3)
    assert np.array_equal(shot.pixels[6:30, 4:40], encode(LIGHT))
    assert shot.alpha[6:30, 4:40].min() == 65_535
    assert shot.alpha.mean() == pytest.approx(65_535 * 24 * 36 / 2500)
    assert "do not fill" in shot.warnings[0]


def test_a_window_without_data_is_refused_before_it_is_filled(tmp_path, monkeypatch):
    """A file of some bytes can display 500 megapixels of nothing."""
    write_exr(tmp_path / "a.exr", colour(LIGHT),
              displayWindow=(np.array([0, 0], "i4"), np.array([99, 9999], "i4")))  # fmt: skip
    assert read_photograph(tmp_path / "a.exr").pixels.shape == (10_000, 100, 3)
    monkeypatch.setattr("expinterp.images.developing.openexr.FEW_PIXELS", 10_000)
    with pytest.raises(ImageFileError, match="save it cropped"):
        read_photograph(tmp_path / "a.exr")


def test_opacity_is_not_multiplied_in(tmp_path):
    opacity = np.full((24, 36), 0.5, np.float32)
    write_exr(tmp_path / "a.exr", {**colour(LIGHT * 0.5), "A": opacity})
    shot = read_photograph(tmp_path / "a.exr")
    assert decode(shot.pixels) == pytest.approx(LIGHT, rel=1e-3, abs=1e-4)
    assert (shot.alpha == 32_768).all()


def test_primaries_of_the_file_become_those_of_srgb(tmp_path):
    wide = (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290)
    light = LIGHT @ conversion("srgb", "rec2020").T.astype(np.float32)
    write_exr(tmp_path / "a.exr", colour(light), chromaticities=wide)
    profile = linear_profile(icc_profile("rec2020"))
    tifffile.imwrite(
        tmp_path / "a.tif", light, photometric="rgb", metadata=None, iccprofile=profile
    )
    for name in ("a.exr", "a.tif"):
        shot = read_photograph(tmp_path / name)
        assert decode(shot.encoding.finish(shot.pixels)) == pytest.approx(LIGHT, abs=2e-3)


def test_floats_with_the_curve_of_a_display_stay_as_they_are(tmp_path):
    codes = SRGB_CURVE.encode(LIGHT).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", codes, photometric="rgb", metadata=None,
                     iccprofile=icc_profile("srgb"))  # fmt: skip
    shot = read_photograph(tmp_path / "a.tif")
    assert shot.encoding is None
    assert shot.pixels == pytest.approx(codes * 65_535, abs=1)


@pytest.mark.parametrize(
    ("channels", "word"),
    [({"Z": LIGHT[..., 0]}, "channels Z"), ({"diffuse.R": LIGHT[..., 0]}, "diffuse.R"),
     ({"Y": np.ones((24, 36), np.uint32)}, "whole numbers")],
)  # fmt: skip
def test_other_channels_are_refused_by_name(tmp_path, channels, word):
    write_exr(tmp_path / "a.exr", channels)
    with pytest.raises(ImageFileError, match=word):
        read_photograph(tmp_path / "a.exr")


def test_of_several_pictures_the_first_is_read(tmp_path):
    parts = [
        OpenEXR.Part({"name": name, "type": OpenEXR.scanlineimage}, colour_of(LIGHT * factor), name=name)
        for name, factor in (("left", 1.0), ("right", 0.5))
    ]  # fmt: skip
    OpenEXR.File(parts).write(str(tmp_path / "a.exr"))
    shot = read_photograph(tmp_path / "a.exr")
    assert np.array_equal(shot.pixels, encode(LIGHT))
    assert "2 pictures" in shot.warnings[0]


def test_the_first_part_in_colour_and_a_layer_of_colours_are_read(tmp_path):
    OpenEXR.File([OpenEXR.Part({"name": "depth"}, {"Z": LIGHT[..., 0].copy()}),
                  OpenEXR.Part({"name": "sun"}, colour_of(LIGHT))]).write(str(tmp_path / "a.exr"))  # fmt: skip
    layers = {f"a.{name}": plane for name, plane in colour(LIGHT).items()}
    write_exr(tmp_path / "b.exr", {**layers, **{f"b.{n}": p for n, p in colour(LIGHT / 2).items()}})
    for name in ("a.exr", "b.exr"):
        shot = read_photograph(tmp_path / name)
        assert np.array_equal(shot.pixels, encode(LIGHT))
        assert len(shot.warnings) == 1


def test_the_exposure_that_an_openexr_states_is_read(tmp_path):
    write_exr(tmp_path / "a.exr", colour(LIGHT), expTime=0.125, aperture=5.6, isoSpeed=200.0,
              cameraMake="Maker", cameraModel="Model 7", capDate="2026:03:04 05:06:07")  # fmt: skip
    shot = read_photograph(tmp_path / "a.exr").exposure
    assert (shot.time, shot.f_number, shot.iso, shot.camera) == (0.125, 5.6, 200, "Maker Model 7")
    assert b"2026:03:04 05:06:07" in (read_header(tmp_path / "a.exr").exif or b"")


ORDERS = ["-Y +X", "-Y -X", "+Y -X", "+Y +X", "+X -Y", "-X -Y", "-X +Y", "+X +Y"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_radiance_is_read_upright_from_any_corner(tmp_path, order, end):
    """-Y +X: rows from the top, each from the left; Y points up."""
    codes = np.random.default_rng(5).integers(100, 200, (4, 6, 3)).astype(np.uint8)
    # Y grows upwards from 0 to 3; X from the left
    ways = {"+X": range(6), "-X": range(5, -1, -1), "+Y": range(4), "-Y": range(3, -1, -1)}
    slow, fast = (ways[way] for way in order.split())
    places = [(a, b) if order[1] == "Y" else (b, a) for a in slow for b in fast]
    stored = b"".join(bytes(codes[3 - y, x]) + b"\x80" for y, x in places)
    size = f"{order[:2]} {len(slow)} {order[3:]} {len(fast)}".encode()
    head = end.join([b"#?RADIANCE", b"FORMAT=32-bit_rle_rgbe", b"", size, b""])
    (tmp_path / "a.hdr").write_bytes(head + stored)
    assert decode(read_photograph(tmp_path / "a.hdr").pixels) == pytest.approx(
        codes / 256, abs=1e-4
    )
    header = read_header(tmp_path / "a.hdr")
    assert (header.rows, header.cols) == (4, 6)


def colour_of(light: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(part) for name, part in colour(light).items()}


@pytest.mark.parametrize(
    ("data", "word"),
    [(b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n+Y 4 -Y 4\n" + bytes(64), "states no size"),
     (b"#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 4 +X 4\n" + bytes(64), "X Y Z"),
     (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 90000 +X 90000\n" + bytes(64), "limit"),
     (b"PF\n90000 90000\n-1.0\n" + bytes(64), "limit"), (b"PF\nx\n", "states no size")],
)  # fmt: skip
def test_headers_are_checked_before_decoding(tmp_path, data, word):
    (tmp_path / "a.hdr").write_bytes(data)
    with pytest.raises(ImageFileError, match=word):
        read_photograph(tmp_path / "a.hdr")


def test_without_openexr_the_extra_is_named(tmp_path, monkeypatch):
    path = write(tmp_path / "a.exr", LIGHT)
    monkeypatch.setitem(sys.modules, "OpenEXR", None)
    with pytest.raises(MissingExtraError, match=r"expinterp\[exr\]"):
        read_photograph(path)


def test_the_medium_of_linear_pictures_is_exact(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    light = np.exp2(
        cv2.GaussianBlur(np.random.default_rng(1).normal(0, 9, (80, 90, 3)), (0, 0), 3) * 3 - 2
    )
    for name, time in (("long", 4), ("medium", 1), ("short", 0.25)):
        write(Path(f"{name}.exr"), (light * time).astype(np.float32))
    code = main(["interpolate", "long.exr", "short.exr", "-o", "m.png", "-q"])
    assert code == 0, capsys.readouterr().err
    wanted, found = (read_photograph(name).pixels / 65_535 for name in ("medium.exr", "m.png"))
    assert -10 * np.log10(np.mean((found - wanted) ** 2)) > 60

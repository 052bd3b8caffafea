"""HEIC and JPEG XL."""

from __future__ import annotations

import struct
import sys
from io import BytesIO

import cv2
import damage_samples
import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_samples import TIME, picture
from image_samples import exif as exif_block
from PIL import Image, ImageCms

from expinterp.core.encoding import SRGB_CURVE, Curve, decode
from expinterp.errors import ImageFileError, MissingExtraError, OutputError
from expinterp.images import Metadata, read_header, read_photograph, write_photograph
from expinterp.images.codecs import jxl, pillow
from expinterp.images.codecs.jxl.colours import profile_of_colours
from expinterp.images.codecs.jxl.header import Colours
from expinterp.images.developing.profiles import (
    GRID,
    SRGB,
    _decode_curve,
    grey_profile,
    icc_profile,
    matrix_profile,
    read_curve,
    read_primaries,
)
from expinterp.images.metadata.exif import read_exposure
from expinterp.images.metadata.icc import profile_space

heif = pytest.importorskip("pillow_heif")
PIXELS = np.asarray(cv2.resize(
    np.random.default_rng(1).integers(0, 256, (6, 9, 3)).astype(np.uint8), (96, 64)))  # fmt: skip
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="r"/></x:xmpmeta>'


def write_heic(path, pixels=PIXELS, **options):
    if pixels.dtype == np.uint16:
        file = heif.from_bytes("RGB;16", pixels.shape[1::-1], pixels.tobytes())
    else:
        file = heif.from_pillow(Image.fromarray(pixels))
    file.save(path, quality=95, chroma=444, **options)
    return path


def test_a_heic_is_read_with_its_metadata(tmp_path):
    exif = exif_block()
    icc = icc_profile("display-p3")
    image = heif.from_pillow(Image.fromarray(PIXELS))
    image[0].info["icc_profile"] = icc
    image.save(tmp_path / "a.heic", quality=95, chroma=444, exif=b"Exif\0\0" + exif, xmp=XMP,
               icc_profile=icc)  # fmt: skip
    shot = read_photograph(tmp_path / "a.heic")
    assert shot.format == "heif"
    assert abs(shot.pixels.astype(int) - PIXELS).mean() < 3
    assert shot.exposure.time == pytest.approx(TIME[0] / TIME[1])
    assert shot.metadata.xmp == XMP
    header = read_header(tmp_path / "a.heic")
    assert (header.rows, header.cols, header.depth) == (64, 96, 8)
    assert read_exposure(header.exif) == shot.exposure


@pytest.mark.parametrize("suffix", [".heic", ".jxl"])
def test_damage_of_exif_costs_only_itself(tmp_path, suffix):
    block = bytearray(exif_block())
    at = block.index(struct.pack("<HHI", 0x8825, 4, 1))
    struct.pack_into("<I", block, at + 8, 1 << 30)  # the GPS directory lies outside
    path = tmp_path / f"a{suffix}"
    if suffix == ".heic":
        write_heic(path, exif=b"Exif\0\0" + bytes(block))
    else:
        plain = imagecodecs.jpegxl_encode(PIXELS, lossless=True, usecontainer=True)
        box = struct.pack(">I", 6) + b"Exif\0\0" + bytes(block)  # the block begins after 6 bytes
        path.write_bytes(plain + struct.pack(">I4s", 8 + len(box), b"Exif") + box)
    shot = read_photograph(path)
    assert shot.exposure == read_exposure(exif_block()) == read_exposure(read_header(path).exif)
    (warning,) = write_photograph(shot.pixels, tmp_path / "b.jpg", metadata=shot.metadata)
    assert warning == "not carried on into the JPEG: EXIF fields that cannot be read (GPS)"
    assert read_photograph(tmp_path / "b.jpg").exposure == shot.exposure


def test_an_avif_that_states_no_colours_is_srgb():
    silent = damage_samples.avif().replace(b"colrnclx", b"freenclx")
    assert pillow._with_avif_colours(silent, Metadata()) == Metadata()


@pytest.mark.parametrize("suffix", [".heic", ".avif"])
def test_the_video_of_a_motion_photo_is_named(tmp_path, suffix):
    path = write_heic(tmp_path / "a.heic", xmp=XMP)
    if suffix == ".avif":
        path = tmp_path / "a.avif"
        Image.fromarray(PIXELS).save(path, xmp=XMP)
    assert read_photograph(path).warnings == ()
    video = b"\0\0\0\x18ftypmp42" + bytes(2000)
    path.write_bytes(path.read_bytes() + struct.pack(">I", 8 + len(video)) + b"mpvd" + video)
    (warning,) = read_photograph(path).warnings
    assert warning.endswith("the video of the file is left out")


def test_ten_bits_become_sixteen(tmp_path):
    wide = (PIXELS.astype(np.uint16) * 257) & 0xFFC0
    shot = read_photograph(write_heic(tmp_path / "a.heic", wide))
    assert shot.pixels.dtype == np.uint16
    assert abs(shot.pixels.astype(int) - wide).mean() < 700
    assert read_header(tmp_path / "a.heic").depth == 16


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_pictures_are_upright_once(tmp_path, orientation):
    from expinterp.images.orientation import turn

    image = heif.from_pillow(Image.fromarray(PIXELS))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.heic", quality=95, chroma=444, exif=exif.tobytes())
    shot = read_photograph(tmp_path / "a.heic")
    upright = turn(PIXELS, orientation)
    assert shot.pixels.shape == upright.shape
    assert abs(shot.pixels.astype(int) - upright).mean() < 4


@pytest.mark.parametrize(("transfer", "word"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_refused(tmp_path, transfer, word):
    image = heif.from_pillow(Image.fromarray(PIXELS))
    image.save(tmp_path / "a.heic", quality=90, save_nclx_profile=True, color_primaries=9,
               transfer_characteristics=transfer, matrix_coefficients=9)  # fmt: skip
    with pytest.raises(ImageFileError, match=word):
        read_photograph(tmp_path / "a.heic")


def test_of_several_pictures_the_main_one_is_read(tmp_path):
    images = heif.from_pillow(Image.fromarray(PIXELS[::-1].copy()))
    images.add_from_pillow(Image.fromarray(PIXELS))
    images.save(tmp_path / "a.heic", quality=95, chroma=444, primary_index=1, save_all=True)
    shot = read_photograph(tmp_path / "a.heic")
    assert abs(shot.pixels.astype(int) - PIXELS).mean() < 4
    assert "2 pictures" in shot.warnings[0]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("suffix", ["heic", "jxl"])
def test_files_that_are_cut_off_are_refused(tmp_path, capfd, suffix, share):
    path = tmp_path / f"a.{suffix}"
    if suffix == "heic":
        write_heic(path)
    else:
        write_photograph(PIXELS, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ImageFileError):
        read_photograph(path)
    assert capfd.readouterr() == ("", "")


def test_without_pillow_heif_the_extra_is_named(tmp_path, monkeypatch):
    path = write_heic(tmp_path / "a.heic")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r"expinterp\[heif\]"):
        read_photograph(path)


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 300), st.integers(1, 300), st.sampled_from([1, 2, 3, 4])),
    wide=st.booleans(), lossless=st.booleans(), container=st.booleans(),
)  # fmt: skip
def test_jpeg_xl_of_every_size_and_layout_is_read(shape, wide, lossless, container):
    rows, cols, channels = shape
    dtype = np.uint16 if wide else np.uint8
    pixels = np.full((rows, cols, channels), np.iinfo(dtype).max // 3, dtype)
    pixels[: rows // 2] //= 2
    stored = pixels[..., 0] if channels == 1 else pixels
    data = imagecodecs.jpegxl_encode(stored, effort=3, lossless=lossless, usecontainer=container)
    shot = read_photograph(BytesIO(data))
    assert shot.pixels.shape == (rows, cols, 3 if channels > 2 else 1)
    assert (shot.alpha is not None) == (channels in {2, 4})
    if lossless and wide:  # imagecodecs marks 16 bits as linear light
        wanted = pixels[..., : shot.pixels.shape[2]] / 65_535
        assert decode(shot.pixels) == pytest.approx(wanted, abs=1e-3)
    elif lossless:
        assert np.array_equal(shot.pixels, pixels[..., : shot.pixels.shape[2]])


def test_the_white_of_a_grey_jpeg_xl_makes_no_difference():
    dci = (*SRGB[:6], 0.314, 0.351)
    assert profile_of_colours(Colours(grey=True, primaries=dci)) == (None, True)
    profile, read = profile_of_colours(Colours(primaries=dci))
    assert (profile_space(profile), read) == ("RGB", True)


def test_jpeg_xl_keeps_metadata(tmp_path):
    exif = exif_block()
    write_photograph(PIXELS, tmp_path / "a.jxl", metadata=Metadata(exif=exif, xmp=XMP), quality=100)
    shot = read_photograph(tmp_path / "a.jxl")
    assert np.array_equal(shot.pixels, PIXELS)
    assert shot.exposure.time == pytest.approx(TIME[0] / TIME[1])
    assert b"xmpmeta" in shot.metadata.xmp
    header = read_header(tmp_path / "a.jxl")
    assert (header.format, header.rows, header.cols) == ("jxl", 64, 96)


def test_packed_metadata_is_unpacked(tmp_path):
    exif = bytes(4) + exif_block()
    data = imagecodecs.jpegxl_encode(PIXELS, usecontainer=True)
    packed = b"Exif" + imagecodecs.brotli_encode(exif)
    (tmp_path / "a.jxl").write_bytes(data + struct.pack(">I4s", 8 + len(packed), b"brob") + packed)
    assert read_photograph(tmp_path / "a.jxl").exposure.time == pytest.approx(TIME[0] / TIME[1])


def test_a_jpeg_within_a_jpeg_xl_is_that_jpeg(tmp_path):
    write_photograph(PIXELS, tmp_path / "a.jpg", metadata=Metadata(icc=icc_profile("adobe-rgb")))
    data = imagecodecs.jpegxl_encode_jpeg((tmp_path / "a.jpg").read_bytes())
    (tmp_path / "a.jxl").write_bytes(data)
    one, two = read_photograph(tmp_path / "a.jpg"), read_photograph(tmp_path / "a.jxl")
    assert np.array_equal(one.pixels, two.pixels)
    assert one.metadata.icc == two.metadata.icc


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("space", [None, "srgb", "adobe-rgb", "display-p3", "rec2020"])
def test_jpeg_xl_keeps_depth_and_colours(tmp_path, depth, space):
    """libjxl itself names the colours as we meant them."""
    pixels = picture(24, 32, depth=depth)
    metadata = Metadata(icc=icc_profile(space) if space else None)
    assert write_photograph(pixels, tmp_path / "a.jxl", metadata=metadata, quality=100) == ()
    shot = read_photograph(tmp_path / "a.jxl")
    assert (shot.warnings, shot.encoding, shot.pixels.dtype) == ((), None, pixels.dtype)
    assert np.array_equal(shot.pixels, pixels)
    assert shot.metadata.icc == (None if space == "srgb" else metadata.icc)
    assert read_header(tmp_path / "a.jxl").depth == depth
    libjxl = pytest.importorskip("pillow_jxl").Decoder()((tmp_path / "a.jxl").read_bytes())
    name = ImageCms.ImageCmsProfile(BytesIO(bytes(libjxl[3]))).profile.profile_description
    names = {"adobe-rgb": "Adobe98", "display-p3": "DisplayP3", "rec2020": "RGB_D65_202_Rel_709"}
    assert name == names.get(space, "sRGB")


def test_jpeg_xl_keeps_other_primaries_and_grey(tmp_path):
    curve, wide = Curve(1.8), (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001, 0.3457, 0.3585)
    profiles = {3: matrix_profile("wide", wide, curve), 1: grey_profile("dots", curve)}
    for channels, icc in profiles.items():
        pixels = picture(24, 32, channels, 16)
        write_photograph(pixels, tmp_path / f"{channels}.jxl", metadata=Metadata(icc=icc))
        found = read_photograph(tmp_path / f"{channels}.jxl")
        assert np.array_equal(found.pixels, pixels)
        assert found.warnings == ()
        assert read_curve(found.metadata.icc).exponent == pytest.approx(1.8, abs=1e-4)
    colour = read_photograph(tmp_path / "3.jxl").metadata.icc
    assert read_primaries(colour) == pytest.approx(wide, abs=3e-4)


def test_colours_that_jpeg_xl_cannot_state_are_refused(tmp_path):
    profile = icc_profile("adobe-rgb")
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    odd = profile.replace(struct.pack(">i", round(65_536 * 563 / 256)), struct.pack(">i", 1 << 30))
    for icc in (lab, odd):
        with pytest.raises(OutputError, match="cannot state the colours of"):
            write_photograph(PIXELS, tmp_path / "a.jxl", metadata=Metadata(icc=icc))
    assert not (tmp_path / "a.jxl").exists()


def test_curves_of_profiles_are_read_as_tables_too():
    """Tables of 1024 values, as in the first profiles of sRGB, and one value for a power."""
    grid = np.linspace(0, 1, 1024)
    table = np.rint(SRGB_CURVE.decode(grid) * 65_535).astype(">u2").tobytes()
    for stored, curve in (
        (struct.pack(">4s4xI", b"curv", 1024) + table, SRGB_CURVE),
        (struct.pack(">4s4xIH", b"curv", 1, 461), Curve(461 / 256)),
        (struct.pack(">4s4xI", b"curv", 0), Curve(1.0)),
    ):
        value = _decode_curve(stored)
        assert np.abs(value - curve.decode(GRID)).max() < 1e-4


class Writer:
    """Bits of a codestream, the lowest of each byte first."""

    def __init__(self) -> None:
        self.value = self.count = 0

    def put(self, value: int, count: int = 1) -> None:
        self.value |= value << self.count
        self.count += count

    def data(self) -> bytes:
        return b"\xff\x0a" + self.value.to_bytes(64, "little")


@pytest.mark.parametrize(
    ("primaries", "transfer"), [(1, 13), (11, 13), (9, 16), (9, 18), (11, 1)]
)  # fmt: skip
def test_colours_are_read_from_the_header(primaries, transfer):
    bits = Writer()
    bits.put(1), bits.put(4, 5), bits.put(0, 3), bits.put(6, 5)  # 40 rows, 56 columns
    bits.put(0), bits.put(0), bits.put(0), bits.put(1, 2)  # not the default; 10 bits
    bits.put(1), bits.put(0, 2), bits.put(0)  # no further channels; not XYB
    bits.put(0), bits.put(0), bits.put(0, 2)  # own colours without a profile: R G B
    bits.put(1, 2)  # white D65
    for number in (primaries, None, transfer):
        if number is None:
            bits.put(0)  # no gamma
        elif number == 1:
            bits.put(1, 2)
        elif number < 18:
            bits.put(2, 2), bits.put(number - 2, 4)
        else:
            bits.put(3, 2), bits.put(number - 18, 6)
    bits.put(1, 2)  # rendering intent
    found = jxl.parse_header(bits.data())
    assert (found.rows, found.cols, found.bits) == (40, 56, 10)
    assert found.colours.transfer == transfer
    reds = {1: 0.64, 9: 0.708, 11: 0.68}
    assert found.colours.primaries[0] == reds[primaries]

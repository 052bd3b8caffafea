"""Laws of reading and writing: pixels are upright, and depth and metadata survive."""

from __future__ import annotations

import gc
import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
import warnings as python_warnings
import weakref
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from image_samples import ICC, ORIENTATIONS, SUFFIX, XMP, exif, fields, picture, stored_bytes
from PIL import Image, JpegImagePlugin

from expinterp.errors import ImageFileError, OutputError
from expinterp.images import (
    FORMATS,
    Metadata,
    Reading,
    image_format,
    read_photograph,
    to_depth,
    with_exposure_time,
    write_photograph,
)
from expinterp.images.formats import sniff_format
from expinterp.images.limits import without_warnings

LOSSY = {"jpeg": 6, "webp": 12, "avif": 6}  # largest error of the smooth picture, code values
KINDS = [  # format, depth, channels: all that the independent writers can write
    (form, depth, channels)
    for form, known in FORMATS.items()
    for depth, channels in itertools.product(known.depths, (1, 2, 3, 4))
    if (known.alpha or channels in {1, 3})
    and (known.grey or channels >= 3)
    and not (form == "png" and depth == 16 and channels == 2)
]


def joined(photograph):
    """Pixels and alpha in one array."""
    if photograph.alpha is None:
        return photograph.pixels
    return np.dstack([photograph.pixels, photograph.alpha])


def assert_same_picture(found, expected, form):
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    difference = np.abs(found.astype(int) - expected.astype(int)).max()
    assert difference <= LOSSY.get(form, 0)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(("form", "depth", "channels"), KINDS)
def test_pixels_are_read_upright_with_depth_and_metadata(
    tmp_path, form, depth, channels, orientation
):
    upright = picture(channels=channels, depth=depth)
    path = tmp_path / f"π {form}{SUFFIX[form]}"
    path.write_bytes(stored_bytes(form, upright, orientation))
    photograph = read_photograph(path)
    assert_same_picture(joined(photograph), upright, form)
    assert photograph.pixels.flags.c_contiguous
    assert photograph.metadata.icc == ICC
    assert photograph.format == form
    assert photograph.warnings == ()
    assert photograph.name == str(path)
    if form != "tiff":  # tifffile writes no EXIF directory; see test_metadata for TIFF
        assert photograph.metadata.xmp == XMP
        assert photograph.exposure.time == 1 / 30


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize(("form", "depth", "channels"), KINDS)
def test_round_trip_keeps_pixels_profile_and_fields(tmp_path, form, depth, channels, orientation):
    upright = picture(channels=channels, depth=depth)
    source = tmp_path / f"in{SUFFIX[form]}"
    source.write_bytes(stored_bytes(form, upright, orientation))
    photograph = read_photograph(source)
    target = tmp_path / f"out{SUFFIX[form]}"
    warnings = write_photograph(
        photograph.pixels, target, alpha=photograph.alpha, metadata=photograph.metadata
    )
    again = read_photograph(target)
    assert warnings == again.warnings == ()
    assert_same_picture(joined(again), joined(photograph), form)
    assert again.metadata.icc == ICC
    assert again.metadata.xmp == photograph.metadata.xmp
    assert again.exposure == photograph.exposure
    if (form, depth, channels) == ("tiff", 16, 2):
        return  # Pillow, which reads the fields, cannot open it
    expected = fields(source) | {("0th", 0x112): 1}
    found = {("0th", 0x112): 1} | fields(target)  # AVIF without an orientation is upright
    assert found == expected | {key: found[key] for key in SIZES & found.keys()}


SIZES = {("exif", 0xA002), ("exif", 0xA003)}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("form", "depth"), [(f, d) for f in FORMATS for d in FORMATS[f].depths])
def test_camera_fields_survive_in_every_format(tmp_path, form, depth, order):
    block = exif(6, order=order)
    target = tmp_path / f"out{SUFFIX[form]}"
    metadata = with_exposure_time(Metadata(exif=block, icc=ICC, xmp=XMP), 1 / 120)
    upright = picture(53, 37, depth=depth)
    write_photograph(upright, target, metadata=metadata)
    stream = BytesIO(stored_bytes("jpeg", picture(), 1, exif_block=block))
    expected = fields(stream) | {
        ("exif", 0x829A): 1 / 120,
        ("exif", 0x9201): fields(target)["exif", 0x9201],
        ("exif", 0xA002): 37,
        ("exif", 0xA003): 53,
        ("0th", 0x112): 1,
    }
    expected["exif", 0x9204] = pytest.approx(-1 / 3 - 2)  # exposure compensation
    assert {("0th", 0x112): 1} | fields(target) == expected
    assert float(expected["exif", 0x9201]) == pytest.approx(np.log2(120), abs=1e-5)
    again = read_photograph(target)
    assert_same_picture(again.pixels, upright, form)
    assert (again.metadata.icc, again.metadata.xmp) == (ICC, XMP)
    assert (again.exposure.time, again.exposure.iso) == (1 / 120, 400)
    assert (again.exposure.f_number, again.exposure.camera) == (5.6, "Maker Works Model 7")


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_the_same_fields_and_finds_no_error(tmp_path):
    metadata = Metadata(exif=exif(6), icc=ICC, xmp=XMP)
    names = ["a.jpg", "b.png", "c.tif", "d.webp", "e.avif"]
    for name in names:
        write_photograph(picture(53, 37), tmp_path / name, metadata=metadata)
    tags = "Make Model FNumber ISO ExposureTime ShutterSpeedValue DateTimeOriginal GPSLatitude"
    tags += " InteropIndex Rating ProfileDescription Software ExposureCompensation Orientation"
    wanted = [f"-{tag}" for tag in [*tags.split(), "Warning", "Error", "ThumbnailOffset"]]
    command = ["exiftool", "-a", "-n", "-s", "-j", *wanted, *names]
    output = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    rows = [
        {k: v for k, v in row.items() if k != "SourceFile"} for row in json.loads(output.stdout)
    ]
    for row in rows:
        assert row.setdefault("Orientation", 1) == 1
    assert all(row == rows[0] for row in rows)
    assert set(rows[0]) == set(tags.split()) | {"Warning"}
    assert "MakerNotes" in rows[0]["Warning"]  # of an unknown maker


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_sixteen_bits_survive_and_are_exact(tmp_path, form):
    pixels = np.random.default_rng(1).integers(0, 65536, (31, 17, 3), np.uint16)
    target = tmp_path / f"deep{SUFFIX[form]}"
    assert write_photograph(pixels, target) == ()
    np.testing.assert_array_equal(read_photograph(target).pixels, pixels)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (1, 999, 3), (999, 1, 1), (1301, 499, 3)])
@pytest.mark.parametrize("form", ["png", "tiff"])
@pytest.mark.parametrize("alpha", [False, True])
def test_odd_shapes_survive(tmp_path, shape, form, alpha):
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, shape, np.uint8)
    opacity = rng.integers(0, 256, shape[:2], np.uint8) if alpha else None
    target = tmp_path / f"odd{SUFFIX[form]}"
    write_photograph(pixels, target, alpha=opacity)
    again = read_photograph(target)
    np.testing.assert_array_equal(again.pixels, pixels)
    np.testing.assert_array_equal(again.alpha, opacity)


def test_other_programs_read_our_files(tmp_path):
    """Pillow for 8 bits, tifffile and OpenCV for 16: independent decoders agree."""
    import cv2
    import tifffile

    for channels in (1, 3):
        small, deep = (picture(300, 211, channels, depth) for depth in (8, 16))
        for suffix in (".png", ".tif"):
            path = tmp_path / f"{channels}{suffix}"
            write_photograph(small, path, overwrite=True)
            with Image.open(path) as image:
                np.testing.assert_array_equal(np.asarray(image).reshape(small.shape), small)
            write_photograph(deep, path, overwrite=True, metadata=Metadata(exif=exif(order=">")))
            stored = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
            np.testing.assert_array_equal(stored.reshape(deep.shape)[..., ::-1], deep)
        np.testing.assert_array_equal(tifffile.imread(path).reshape(deep.shape), deep)


# --- conversions ---------------------------------------------------------------------------------


def test_depth_conversion_rounds_to_nearest_and_inverts():
    every = np.arange(65536, dtype=np.uint16)
    np.testing.assert_array_equal(to_depth(every, 8), np.rint(every / 257).astype(np.uint8))
    small = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(to_depth(to_depth(small, 16), 8), small)
    assert to_depth(every, 16) is every


@pytest.mark.parametrize("form", LOSSY)
def test_depth_loss_gives_a_warning(tmp_path, form):
    deep = picture(depth=16)
    target = tmp_path / f"a{SUFFIX[form]}"
    (warning,) = write_photograph(deep, target)
    assert "8 bits" in warning
    assert_same_picture(read_photograph(target).pixels, to_depth(deep, 8), form)
    assert write_photograph(deep, target, bit_depth=8, overwrite=True) == ()  # requested


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_depth_can_be_chosen(tmp_path, form):
    small = picture()
    target = tmp_path / f"a{SUFFIX[form]}"
    write_photograph(small, target, bit_depth=16)
    np.testing.assert_array_equal(read_photograph(target).pixels, small.astype(np.uint16) * 257)
    write_photograph(picture(depth=16), target, bit_depth=8, overwrite=True)
    assert read_photograph(target).pixels.dtype == np.uint8


def test_alpha_that_jpeg_cannot_hold_gives_a_warning(tmp_path):
    (warning,) = write_photograph(picture(), tmp_path / "a.jpg", alpha=np.zeros((37, 53), np.uint8))
    assert "alpha" in warning


def test_invisible_colours_survive_in_webp(tmp_path):
    """WebP may replace colours under alpha 0 by black, which would show in averages."""
    target = tmp_path / "a.webp"
    write_photograph(picture(), target, alpha=np.zeros((37, 53), np.uint8))
    assert_same_picture(read_photograph(target).pixels, picture(), "webp")


def test_a_grey_profile_is_not_stored_with_colour(tmp_path):
    grey = ICC[:16] + b"GRAY" + ICC[20:]
    (warning,) = write_photograph(
        picture(channels=1), tmp_path / "a.webp", metadata=Metadata(icc=grey)
    )
    assert "grey profile" in warning
    assert read_photograph(tmp_path / "a.webp").metadata.icc is None
    assert (
        write_photograph(picture(channels=1), tmp_path / "a.jpg", metadata=Metadata(icc=grey)) == ()
    )


@pytest.mark.parametrize(("quality", "sampling"), [(95, 0), (90, 0), (89, 2)])
def test_good_jpeg_keeps_full_chroma(tmp_path, quality, sampling):
    write_photograph(picture(), tmp_path / "a.jpg", quality=quality)
    with Image.open(tmp_path / "a.jpg") as image:
        assert JpegImagePlugin.get_sampling(image) == sampling


@pytest.mark.parametrize("form", ["jpeg", "avif"])
def test_colour_edges_of_a_pixel_stay_from_quality_90_on(tmp_path, form):
    """Red and blue columns one pixel wide: at half resolution they would all be purple."""
    columns = np.tile(np.uint8([[200, 40, 40], [40, 40, 200]]), (32, 16, 1))
    contrast = {}
    for quality in (89, 90):
        path = tmp_path / f"a{quality}{SUFFIX[form]}"
        write_photograph(columns, path, quality=quality)
        red = read_photograph(path).pixels[..., 0].astype(int)
        contrast[quality] = (red[:, ::2] - red[:, 1::2]).mean()
    assert contrast[89] < 50
    assert contrast[90] > 140


@pytest.mark.parametrize("form", LOSSY)
def test_quality_sets_the_size(tmp_path, form):
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = []
    for quality in (20, 60, 95):
        path = tmp_path / f"{quality}{SUFFIX[form]}"
        write_photograph(noise, path, quality=quality)
        sizes.append(path.stat().st_size)
    assert sizes == sorted(set(sizes))


# --- streams and threads -------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_standard_streams(monkeypatch, form):
    out = SimpleNamespace(buffer=BytesIO())
    monkeypatch.setattr(sys, "stdout", out)
    metadata = Metadata(exif=exif(), icc=ICC, xmp=XMP)
    write_photograph(picture(), "-", format=form, metadata=metadata)
    monkeypatch.undo()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=BytesIO(out.buffer.getvalue())))
    photograph = read_photograph("-")
    assert photograph.name == "-"
    assert photograph.format == form
    assert photograph.exposure.time == 1 / 30
    assert_same_picture(photograph.pixels, picture(), form)
    assert_same_picture(read_photograph(BytesIO(out.buffer.getvalue())).pixels, picture(), form)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("form", FORMATS)
def test_named_pipes_are_read(tmp_path, form):
    """A shell opens one for <(command)."""
    pipe = tmp_path / f"a{SUFFIX[form]}"
    os.mkfifo(pipe)
    data = stored_bytes(form, picture(), 6)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    photograph = read_photograph(pipe)
    writer.join()
    assert_same_picture(photograph.pixels, picture(), form)


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_writing_does_not_wait_for_other_threads(tmp_path, form):
    """Encoding takes long; only headers are read one at a time."""
    target = tmp_path / f"a{SUFFIX[form]}"
    writer = threading.Thread(target=write_photograph, args=(picture(), target), daemon=True)
    with without_warnings():
        writer.start()
        writer.join(20)
        assert not writer.is_alive()


def test_two_threads_read_at_once(tmp_path):
    paths = [tmp_path / f"a{SUFFIX[form]}" for form in FORMATS]
    for form, path in zip(FORMATS, paths, strict=True):
        path.write_bytes(stored_bytes(form, picture(200, 300), 1))
    filters = list(python_warnings.filters)
    failures = []

    def work():
        try:
            for _ in range(5):
                for path in paths:
                    read_photograph(path)
        except ImageFileError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert python_warnings.filters == filters


def test_a_reading_does_not_keep_its_photographs(tmp_path):
    names = [str(tmp_path / name) for name in ("b.png", "a.png")]
    for name, level in zip(names, (1, 2), strict=True):
        write_photograph(np.full((4, 4, 3), level, np.uint8), name)
    reading = Reading([*names, names[0]])
    photographs = reading.photographs()
    reading.close()
    assert [int(each.pixels[0, 0, 0]) for each in photographs] == [1, 2, 1]
    kept = [weakref.ref(each) for each in photographs]
    del photographs
    gc.collect()
    assert [each() for each in kept] == [None] * 3


def test_limit_of_pillow_does_not_matter(tmp_path, monkeypatch):
    """Pillow warns above its limit, and raises above twice the limit."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_500_000)
    path = tmp_path / "a.jpg"
    path.write_bytes(stored_bytes("jpeg", picture(2000, 2000), 1))
    assert read_photograph(path).pixels.shape == (2000, 2000, 3)


def test_what_begins_to_read_is_light():
    heavy = ("cv2", "PIL", "tifffile", "onnxruntime", "expinterp.core.pair", "expinterp.library")
    code = f"import sys, expinterp.scene_io; print([m for m in {heavy} if m in sys.modules])"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"


@pytest.mark.parametrize(("brands", "form"), [
    (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "avif"),  # as libraries other than libavif write
    (b"\0\0\0\x10ftypmif1\0\0\0\0avif", "heif"),  # after the list of brands
])  # fmt: skip
def test_avif_is_one_of_the_brands_of_a_file(brands, form):
    assert sniff_format(brands) == form


def test_suffixes_name_formats():
    assert [image_format(f"x{suffix}") for suffix in (".JPG", ".jpeg", ".tiff", ".AVIF")] == [
        "jpeg", "jpeg", "tiff", "avif",
    ]  # fmt: skip
    for name, problem in {"x": "the name has no suffix", "x.gif": "no image .* '.gif'"}.items():
        with pytest.raises(OutputError, match=problem):
            image_format(name)


@pytest.mark.slow
def test_a_webp_above_the_limit_of_pillow_is_read():
    """256 megapixels: the limit of this package is 500."""
    stream = BytesIO()
    Image.new("RGB", (16_000, 16_000), (5, 6, 7)).save(stream, "WEBP", lossless=True, quality=0)
    limit = Image.MAX_IMAGE_PIXELS
    photograph = read_photograph(BytesIO(stream.getvalue()))
    assert photograph.pixels.shape == (16_000, 16_000, 3)
    assert limit == Image.MAX_IMAGE_PIXELS

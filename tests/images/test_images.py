"""Laws of the file edge: what goes in upright comes out upright, deep, and described."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
import warnings
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from image_samples import (
    ICC,
    ORIENTATIONS,
    SUFFIX,
    XMP,
    exif,
    fields,
    picture,
    stored_bytes,
    tiff_bytes,
)
from PIL import Image, JpegImagePlugin

from expinterp.errors import ImageFileError
from expinterp.images import (
    FORMATS,
    Metadata,
    image_format,
    read_photograph,
    to_depth,
    with_exposure_time,
    write_photograph,
)
from expinterp.images.codecs.pillow import without_warnings

LOSSY = {"jpeg": 6, "webp": 12, "avif": 6}  # largest error of the smooth picture, code values
KINDS = [  # format, depth, channels: everything a third party's writer makes
    (form, depth, channels)
    for form, known in FORMATS.items()
    for depth, channels in itertools.product(known.depths, (1, 2, 3, 4))
    if (known.alpha or channels in {1, 3})
    and (known.grey or channels >= 3)
    and not (form == "png" and depth == 16 and channels == 2)
]


def joined(photograph):
    """Pixels and alpha in one array, as the samples are."""
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
def test_read_is_upright_deep_and_described(tmp_path, form, depth, channels, orientation):
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
    remarks = write_photograph(
        photograph.pixels, target, alpha=photograph.alpha, metadata=photograph.metadata
    )
    again = read_photograph(target)
    assert remarks == again.warnings == ()
    assert_same_picture(joined(again), joined(photograph), form)
    assert again.metadata.icc == ICC
    assert again.metadata.xmp == photograph.metadata.xmp
    assert again.exposure == photograph.exposure
    if (form, depth, channels) == ("tiff", 16, 2):
        return  # Pillow, the witness of the fields, cannot open it
    expected = fields(source) | {("0th", 0x112): 1}
    found = {("0th", 0x112): 1} | fields(target)  # AVIF states no orientation: upright by rule
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
    del expected["exif", 0x9204]  # exposure compensation of the shot
    assert {("0th", 0x112): 1} | fields(target) == expected
    assert float(expected["exif", 0x9201]) == pytest.approx(np.log2(120), abs=1e-5)
    again = read_photograph(target)
    assert_same_picture(again.pixels, upright, form)
    assert (again.metadata.icc, again.metadata.xmp) == (ICC, XMP)
    assert (again.exposure.time, again.exposure.iso) == (1 / 120, 400)
    assert (again.exposure.f_number, again.exposure.camera) == (5.6, "Maker Works Model 7")


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_finds_the_same_fields_and_no_fault(tmp_path):
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
    assert "MakerNotes" in rows[0]["Warning"]  # which are none of a known maker


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_sixteen_bits_survive_and_are_exact(tmp_path, form):
    pixels = np.random.default_rng(1).integers(0, 65536, (31, 17, 3), np.uint16)
    target = tmp_path / f"deep{SUFFIX[form]}"
    assert write_photograph(pixels, target) == ()
    np.testing.assert_array_equal(read_photograph(target).pixels, pixels)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (1, 999, 3), (999, 1, 1), (1301, 499, 3)])
@pytest.mark.parametrize("form", ["png", "tiff"])
@pytest.mark.parametrize("alpha", [False, True])
def test_odd_shapes_come_back(tmp_path, shape, form, alpha):
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 256, shape, np.uint8)
    opacity = rng.integers(0, 256, shape[:2], np.uint8) if alpha else None
    target = tmp_path / f"odd{SUFFIX[form]}"
    write_photograph(pixels, target, alpha=opacity)
    again = read_photograph(target)
    np.testing.assert_array_equal(again.pixels, pixels)
    np.testing.assert_array_equal(again.alpha, opacity)


def test_other_programs_read_what_we_write(tmp_path):
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
def test_depth_loss_is_announced(tmp_path, form):
    deep = picture(depth=16)
    target = tmp_path / f"a{SUFFIX[form]}"
    (remark,) = write_photograph(deep, target)
    assert "8 bits" in remark
    assert_same_picture(read_photograph(target).pixels, to_depth(deep, 8), form)
    assert write_photograph(deep, target, bit_depth=8, overwrite=True) == ()  # asked for


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_depth_can_be_chosen(tmp_path, form):
    small = picture()
    target = tmp_path / f"a{SUFFIX[form]}"
    write_photograph(small, target, bit_depth=16)
    np.testing.assert_array_equal(read_photograph(target).pixels, small.astype(np.uint16) * 257)
    write_photograph(picture(depth=16), target, bit_depth=8, overwrite=True)
    assert read_photograph(target).pixels.dtype == np.uint8


def test_alpha_that_jpeg_cannot_hold_is_announced(tmp_path):
    (remark,) = write_photograph(picture(), tmp_path / "a.jpg", alpha=np.zeros((37, 53), np.uint8))
    assert "alpha" in remark


def test_invisible_colours_survive_in_webp(tmp_path):
    """WebP may replace colours under alpha 0 by black, which an average would show."""
    target = tmp_path / "a.webp"
    write_photograph(picture(), target, alpha=np.zeros((37, 53), np.uint8))
    assert_same_picture(read_photograph(target).pixels, picture(), "webp")


def test_grey_profile_is_not_put_on_colour(tmp_path):
    grey = ICC[:16] + b"GRAY" + ICC[20:]
    (remark,) = write_photograph(
        picture(channels=1), tmp_path / "a.webp", metadata=Metadata(icc=grey)
    )
    assert "grey profile" in remark
    assert read_photograph(tmp_path / "a.webp").metadata.icc is None
    assert (
        write_photograph(picture(channels=1), tmp_path / "a.jpg", metadata=Metadata(icc=grey)) == ()
    )


@pytest.mark.parametrize(("quality", "sampling"), [(95, 0), (90, 0), (89, 2)])
def test_good_jpeg_keeps_full_chroma(tmp_path, quality, sampling):
    write_photograph(picture(), tmp_path / "a.jpg", quality=quality)
    with Image.open(tmp_path / "a.jpg") as image:
        assert JpegImagePlugin.get_sampling(image) == sampling


@pytest.mark.parametrize("form", LOSSY)
def test_quality_sets_the_size(tmp_path, form):
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)
    sizes = []
    for quality in (20, 60, 95):
        path = tmp_path / f"{quality}{SUFFIX[form]}"
        write_photograph(noise, path, quality=quality)
        sizes.append(path.stat().st_size)
    assert sizes == sorted(set(sizes))


# --- kinds of input ------------------------------------------------------------------------------


def save(tmp_path, name, image, **options):
    path = tmp_path / name
    image.save(path, **options)
    return path


def test_palette_bilevel_and_low_depths_become_grey_or_rgb(tmp_path):
    rgb = Image.fromarray(picture())
    for name, image in {
        "p.png": rgb.quantize(16),
        "one.png": rgb.convert("1"),
        "grey.png": rgb.convert("L"),
        "p.tif": rgb.quantize(256),
        "one.tif": rgb.convert("1"),
        "grey.jpg": rgb.convert("L"),
    }.items():
        photograph = read_photograph(save(tmp_path, name, image))
        expected = np.asarray(image.convert("RGB" if image.mode == "P" else "L"))
        found = photograph.pixels if photograph.pixels.shape[2] == 3 else photograph.pixels[..., 0]
        assert np.abs(found.astype(int) - expected).max() <= (4 if "jpg" in name else 0), name
        assert photograph.alpha is None


def test_transparency_chunks_become_alpha(tmp_path):
    grey = Image.fromarray(picture()[..., 0])
    value = int(np.asarray(grey)[5, 5])
    photograph = read_photograph(save(tmp_path, "grey.png", grey, transparency=value))
    np.testing.assert_array_equal(photograph.pixels[..., 0], np.asarray(grey))
    np.testing.assert_array_equal(photograph.alpha == 0, np.asarray(grey) == value)
    palette = Image.fromarray(picture()).quantize(16)
    photograph = read_photograph(save(tmp_path, "p.png", palette, transparency=3))
    np.testing.assert_array_equal(photograph.alpha == 0, np.asarray(palette) == 3)
    rgb = Image.fromarray(picture())
    key = rgb.getpixel((5, 5))
    photograph = read_photograph(save(tmp_path, "rgb.png", rgb, transparency=key))
    np.testing.assert_array_equal(photograph.alpha == 0, (picture() == key).all(axis=-1))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_converted_with_a_remark(tmp_path, suffix):
    cmyk = Image.fromarray(picture()).convert("CMYK")
    photograph = read_photograph(save(tmp_path, f"a{suffix}", cmyk))
    assert "CMYK" in photograph.warnings[0]
    assert np.abs(photograph.pixels.astype(int) - picture()).max() <= 16


def saved_in_lzw(path, pixels, **tags):
    """Write a TIFF in LZW with OpenCV (16 bits) or Pillow, and overwrite some of its tags."""
    import cv2
    import tifffile

    if pixels.dtype == np.uint16:
        encoded = cv2.imencode(".tif", pixels, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1]
        path.write_bytes(encoded.tobytes())
    else:
        Image.fromarray(pixels).save(path, compression="tiff_lzw")
    with tifffile.TiffFile(path, mode="r+") as file:
        for name, value in tags.items():
            file.pages[0].tags[name].overwrite(value)
    return path


@pytest.mark.parametrize("depth", [8, 16])
def test_white_is_zero_is_inverted_once(tmp_path, depth):
    import tifffile

    grey = picture(channels=1, depth=depth)
    stored = np.iinfo(grey.dtype).max - grey[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite")
    np.testing.assert_array_equal(read_photograph(tmp_path / "a.tif").pixels, grey)
    path = saved_in_lzw(tmp_path / "b.tif", stored, PhotometricInterpretation=0)
    np.testing.assert_array_equal(read_photograph(path).pixels, grey)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_alpha_of_every_kind_is_read_from_lzw(tmp_path, kind):
    """Unspecified, as Photoshop writes it, multiplied into the colours, or not."""
    stored = picture(channels=4)
    stored[..., :3] = np.minimum(stored[..., :3], stored[..., 3:])
    photograph = read_photograph(saved_in_lzw(tmp_path / "a.tif", stored, ExtraSamples=kind))
    np.testing.assert_array_equal(photograph.alpha, stored[..., 3])
    ratio = stored[..., 3:] / 255 if kind == 1 else 1
    assert np.abs(photograph.pixels * ratio - stored[..., :3]).max() <= 0.5
    assert len(photograph.warnings) == (kind == 1)


@pytest.mark.parametrize("kind", [3, 5, 6])
def test_deep_lzw_in_other_colours_is_refused(tmp_path, kind):
    """Palette, CMYK and YCbCr, which nobody may take for R G B."""
    path = saved_in_lzw(tmp_path / "a.tif", picture(depth=16), PhotometricInterpretation=kind)
    with pytest.raises(ImageFileError):
        read_photograph(path)


@pytest.mark.parametrize("compression", ["tiff_lzw", "group4", "packbits"])
def test_two_colours_are_read_in_every_compression(tmp_path, compression):
    image = Image.fromarray(picture()).convert("1")
    path = save(tmp_path, "a.tif", image, compression=compression)
    expected = np.asarray(image)[..., np.newaxis] * np.uint8(255)
    np.testing.assert_array_equal(read_photograph(path).pixels, expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("options", [
    {"compression": "zlib"}, {"compression": "zlib", "predictor": True}, {"tile": (16, 32)},
    {"byteorder": ">"}, {"rowsperstrip": 5}, {"bigtiff": True},
], ids=str)  # fmt: skip
def test_tiff_layouts(tmp_path, channels, depth, options):
    upright = picture(channels=channels, depth=depth)
    stored = np.ascontiguousarray(np.rot90(upright))
    (tmp_path / "a.tif").write_bytes(tiff_bytes(stored, 6, ICC, **options))
    np.testing.assert_array_equal(joined(read_photograph(tmp_path / "a.tif")), upright)


def test_planar_tiff(tmp_path):
    import tifffile

    planes = np.ascontiguousarray(np.moveaxis(picture(depth=16), -1, 0))
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(read_photograph(tmp_path / "a.tif").pixels, picture(depth=16))


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "jpeg"])
@pytest.mark.parametrize("orientation", [1, 6, 7])
def test_tiff_compressions_of_other_programs(tmp_path, compression, orientation):
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(picture())))
    path = save(tmp_path, "a.tif", stored, compression=compression, tiffinfo={274: orientation})
    found = read_photograph(path).pixels
    expected = {1: np.rot90(picture()), 6: picture(), 7: None}[orientation]
    if expected is None:
        expected = np.rot90(np.swapaxes(np.rot90(picture()), 0, 1), 2)
    assert np.abs(found.astype(int) - expected).max() <= (24 if compression == "jpeg" else 0)


def test_sixteen_bit_lzw_tiff(tmp_path):
    """Photoshop's default; tifffile needs a further package for it."""
    import cv2

    options = [cv2.IMWRITE_TIFF_COMPRESSION, 5]
    data = cv2.imencode(".tif", picture(depth=16)[..., ::-1], options)[1]
    (tmp_path / "a.tif").write_bytes(data.tobytes())
    np.testing.assert_array_equal(read_photograph(tmp_path / "a.tif").pixels, picture(depth=16))


def test_premultiplied_alpha_is_divided_out(tmp_path):
    import tifffile

    alpha = picture(channels=4)[..., 3:].astype(float) / 255
    stored = np.dstack([np.rint(picture() * alpha), np.rint(alpha * 255)]).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=["assocalpha"])
    photograph = read_photograph(tmp_path / "a.tif")
    assert "alpha" in photograph.warnings[0]
    assert np.abs(photograph.pixels.astype(int) - picture()).max() <= 2


def test_second_pictures_are_reported(tmp_path):
    import tifffile

    first, second = (Image.fromarray(picture()), Image.fromarray(picture()[::-1]))
    more = {"save_all": True, "append_images": [second]}
    paths = [
        save(tmp_path, "gainmap.jpg", first, format="MPO", **more),
        save(tmp_path, "a.webp", first, **more),
        save(tmp_path, "a.png", first, **more),
        save(tmp_path, "a.avif", first, **more),
        tmp_path / "pages.tif",
    ]
    tifffile.imwrite(paths[-1], np.stack([picture(), picture()]), photometric="rgb", metadata=None)
    for path in paths:
        photograph = read_photograph(path)
        assert len(photograph.warnings) == 1, path
        assert photograph.pixels.shape == picture().shape


def test_page_of_no_stated_kind_is_a_page(tmp_path):
    import tifffile

    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path) as file:
        for _ in range(2):
            file.write(picture(), photometric="rgb", metadata=None, subfiletype=2)
    with tifffile.TiffFile(path) as file:
        kind = file.pages.get(1, aspage=True).tags[254]
    data = bytearray(path.read_bytes())
    data[kind.offset + 4 : kind.offset + 8] = bytes(4)  # no value
    path.write_bytes(data)
    assert "several pages" in read_photograph(path).warnings[0]


def test_damage_after_the_first_page_costs_no_field(tmp_path):
    """The fields stay, so nobody may be told that they are left out."""
    path = tmp_path / "a.tif"
    write_photograph(picture(), path, metadata=Metadata(exif=exif()))
    data = bytearray(path.read_bytes())
    start = struct.unpack_from("<I", data, 4)[0]
    next_at = start + 2 + 12 * struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, next_at, len(data) + 9)
    path.write_bytes(data)
    photograph = read_photograph(path)
    assert photograph.exposure.time == 1 / 30
    (remark,) = photograph.warnings
    assert "after the first page" in remark
    assert "EXIF" not in remark


def test_wrong_suffix_is_read_with_a_remark(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(stored_bytes("png", picture(), 1))
    photograph = read_photograph(path)
    assert "holds PNG" in photograph.warnings[0]
    assert photograph.format == "png"


def test_libpng_says_nothing_on_stderr(tmp_path, capfd):
    """Profiles that libpng dislikes are common, and its warnings go past Python."""
    path = tmp_path / "a.png"
    path.write_bytes(stored_bytes("png", picture(), 1, icc=b"no profile at all"))
    assert read_photograph(path).metadata.icc == b"no profile at all"
    assert capfd.readouterr().err == ""


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
    """What a shell makes of <(command)."""
    pipe = tmp_path / f"a{SUFFIX[form]}"
    os.mkfifo(pipe)
    data = stored_bytes(form, picture(), 6)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    photograph = read_photograph(pipe)
    writer.join()
    assert_same_picture(photograph.pixels, picture(), form)


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_writing_waits_for_no_other_thread(tmp_path, form):
    """Encoding takes long; only reading a header may be one at a time."""
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
    filters = list(warnings.filters)
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
    assert warnings.filters == filters


def test_limit_of_pillow_does_not_matter(tmp_path, monkeypatch):
    """Pillow would warn at once its limit and raise at twice that."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_500_000)
    path = tmp_path / "a.jpg"
    path.write_bytes(stored_bytes("jpeg", picture(2000, 2000), 1))
    assert read_photograph(path).pixels.shape == (2000, 2000, 3)


def test_import_is_light():
    code = "import sys, expinterp.images; print([m for m in ('cv2', 'PIL', 'tifffile') if m in sys.modules])"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"


def test_suffixes_name_formats():
    assert [image_format(f"x{suffix}") for suffix in (".JPG", ".jpeg", ".tiff", ".AVIF")] == [
        "jpeg", "jpeg", "tiff", "avif",
    ]  # fmt: skip

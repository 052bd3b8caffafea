"""Laws of reading: every kind of PNG, TIFF and JPEG becomes grey or R G B, upright."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from image_samples import ICC, chunk, exif, picture, stored_bytes, tiff_bytes
from PIL import Image

from expinterp.errors import ImageFileError
from expinterp.images import Metadata, profile_name, read_photograph, write_photograph


def joined(photograph):
    """Pixels and alpha in one array."""
    if photograph.alpha is None:
        return photograph.pixels
    return np.dstack([photograph.pixels, photograph.alpha])


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


def test_a_transparent_grey_of_few_bits_becomes_alpha(tmp_path):
    """The key counts in steps of 4 bits, the decoded pixels in those of 8."""
    header = struct.pack(">IIBBBBB", 4, 1, 4, 0, 0, 0, 0)
    rows = zlib.compress(b"\0\x03\x5f")
    parts = [(b"IHDR", header), (b"tRNS", b"\0\3"), (b"IDAT", rows), (b"IEND", b"")]
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))
    photograph = read_photograph(path)
    np.testing.assert_array_equal(photograph.pixels[0, :, 0], [0, 3 * 17, 5 * 17, 255])
    np.testing.assert_array_equal(photograph.alpha[0], [255, 0, 255, 255])


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_converted_with_a_warning(tmp_path, suffix):
    cmyk = Image.fromarray(picture()).convert("CMYK")
    photograph = read_photograph(save(tmp_path, f"a{suffix}", cmyk))
    assert "CMYK" in photograph.warnings[0]
    assert np.abs(photograph.pixels.astype(int) - picture()).max() <= 16


@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw"])
def test_ycbcr_of_8_bits_becomes_rgb(tmp_path, compression):
    stored = Image.fromarray(picture()).convert("YCbCr")
    path = save(tmp_path, "a.tif", stored, compression=compression)
    assert np.abs(read_photograph(path).pixels.astype(int) - picture()).max() <= 6


def cmyk_profile(black):
    """A profile of version 2: paper is white, black ink has the lightness `black` of 255."""
    ramp = bytes(range(256))
    lightness = [255, black, *14 * [0]]  # two levels per ink; black varies fastest
    table = b"".join(bytes([level, 128, 128]) for level in lightness)
    matrix = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 16)
    tag = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + 4 * ramp + table + 3 * ramp
    head = bytearray(128)
    struct.pack_into(">I4xI4s4s4s", head, 0, 144 + len(tag), 2 << 24, b"prtr", b"CMYK", b"Lab ")
    head[36:40] = b"acsp"
    struct.pack_into(">3i", head, 68, 63190, 65536, 54061)  # D50
    return bytes(head) + struct.pack(">I4sII", 1, b"A2B0", 144, len(tag)) + tag


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_converted_by_its_profile(tmp_path, suffix):
    """Full black has here a lightness of L* = 50.2, the sRGB code value 119; paper is white."""
    inks = Image.new("CMYK", (16, 16))
    inks.paste((0, 0, 0, 255), (0, 0, 8, 16))
    options = {"icc_profile": cmyk_profile(128)} | ({"quality": 100} if suffix == ".jpg" else {})
    photograph = read_photograph(save(tmp_path, f"a{suffix}", inks, **options))
    assert "converted to sRGB by its profile" in photograph.warnings[0]
    assert np.abs(photograph.pixels[8, 4].astype(int) - 119).max() <= 2
    assert photograph.pixels[8, 12].min() >= 253
    assert profile_name(photograph.metadata.icc) == "sRGB built-in"


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


@pytest.mark.parametrize("kind", [1, 2])
def test_alpha_of_every_kind_is_read_from_lzw(tmp_path, kind):
    """Multiplied into the colours, or not."""
    stored = picture(channels=4)
    stored[..., :3] = np.minimum(stored[..., :3], stored[..., 3:])
    photograph = read_photograph(saved_in_lzw(tmp_path / "a.tif", stored, ExtraSamples=kind))
    np.testing.assert_array_equal(photograph.alpha, stored[..., 3])
    ratio = stored[..., 3:] / 255 if kind == 1 else 1
    assert np.abs(photograph.pixels * ratio - stored[..., :3]).max() <= 0.5
    assert len(photograph.warnings) == (kind == 1)


@pytest.mark.parametrize(("kind", "remedy"), [(3, "colour table"), (5, "save it as grey, RGB")])
def test_deep_lzw_in_other_colours_is_refused(tmp_path, kind, remedy):
    """Palette and CMYK must not be read as R G B."""
    path = saved_in_lzw(tmp_path / "a.tif", picture(depth=16), PhotometricInterpretation=kind)
    with pytest.raises(ImageFileError, match=remedy):
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
    """The default of Photoshop; tifffile needs another package for it."""
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


def test_premultiplied_colours_above_alpha_are_clipped(tmp_path):
    import tifffile

    stored = np.array([[[200, 100, 40, 100], [9, 8, 7, 0]]], np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=["assocalpha"])
    found = read_photograph(tmp_path / "a.tif").pixels
    np.testing.assert_array_equal(found, [[[255, 255, 102], [9, 8, 7]]])


def test_second_pictures_are_reported(tmp_path):
    import tifffile

    first, second = (Image.fromarray(picture()), Image.fromarray(picture()[::-1]))
    more = {"save_all": True, "append_images": [second]}
    paths = [
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


def test_a_page_without_a_stated_kind_is_a_page(tmp_path):
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


def test_damage_after_the_first_page_loses_no_field(tmp_path):
    """The fields are kept, so the warning must not say that they are left out."""
    path = tmp_path / "a.tif"
    write_photograph(picture(), path, metadata=Metadata(exif=exif()))
    data = bytearray(path.read_bytes())
    start = struct.unpack_from("<I", data, 4)[0]
    next_at = start + 2 + 12 * struct.unpack_from("<H", data, start)[0]
    struct.pack_into("<I", data, next_at, len(data) + 9)
    path.write_bytes(data)
    photograph = read_photograph(path)
    assert photograph.exposure.time == 1 / 30
    (warning,) = photograph.warnings
    assert "after the first page" in warning
    assert "EXIF" not in warning


def test_a_wrong_suffix_gives_a_warning(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(stored_bytes("png", picture(), 1))
    photograph = read_photograph(path)
    assert "holds PNG" in photograph.warnings[0]
    assert photograph.format == "png"


def test_libpng_prints_nothing(tmp_path, capfd):
    """Many profiles make libpng print a warning, without Python."""
    path = tmp_path / "a.png"
    path.write_bytes(stored_bytes("png", picture(), 1, icc=b"no profile at all"))
    assert read_photograph(path).metadata.icc == b"no profile at all"
    assert capfd.readouterr().err == ""

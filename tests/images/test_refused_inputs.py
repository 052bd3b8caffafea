"""Laws of refused inputs: a file that cannot be read gives one clear line."""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_samples import SUFFIX, chunk, picture, stored_bytes
from PIL import Image

from expinterp.errors import ImageFileError
from expinterp.images import FORMATS, limits, read_header, read_photograph, write_photograph
from expinterp.images import read as read_module
from expinterp.images.limits import LONGEST_BLOCK

SMALL = picture(16, 24)
DEEP = picture(16, 24, depth=16)
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def refusal(path, **options):
    """Read a file that must be refused; check the form of the message and return it."""
    with pytest.raises(ImageFileError) as caught:
        read_photograph(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert len(message) < 400
    return message


def test_missing_folder_and_empty_are_named(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.jpg")
    assert "folder" in refusal(tmp_path)
    (tmp_path / "empty.jpg").touch()
    assert "empty" in refusal(tmp_path / "empty.jpg")
    for name in ("a\0b.jpg", "a\ud800.jpg"):
        assert "cannot be read (its name has a character that no" in refusal(name)


def test_folder_is_named_where_opening_one_is_forbidden(tmp_path, monkeypatch):
    """Windows reports "permission denied" for every folder."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.skipif(IS_ROOT, reason="root may read everything")
def test_forbidden_file_is_named(tmp_path):
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    path.chmod(0)
    assert "permission" in refusal(path)


@pytest.mark.parametrize(("head", "word"), [
    (b"hello world", "no image"), (b"GIF89a", "GIF"), (b"\0\0\0\x18ftypisom", "video"),
    (b"8BPS", "Photoshop"), (b"<html>", "page of the web"), (b"\x89PNG\n\x1a\n", "line ends"),
    (b"\0\0\1\0\1\0", "icon"), (b"qoif\0\0", "QOI"), (b"II\xbc\1", "JPEG XR"),
])  # fmt: skip
def test_files_of_other_formats_are_named(tmp_path, head, word):
    path = tmp_path / "a.jpg"
    path.write_bytes(head + bytes(100))
    assert word in refusal(path)
    assert "JPEG, PNG, TIFF, WebP, AVIF, HEIC" in refusal(path)


@pytest.mark.parametrize("head", [
    b"\0\0\0\x18ftypcrx ", b"FUJIFILMCCD-RAW ", b"IIRO\x08\0\0\0", b"IIRS\x08\0", b"MMOR\0\0", b"IIU\0\x18",
    b"\0MRM\0\1", b"II\x1a\0\0\0HEAPCCDR", b"FOVb\0\0\2\0", b"II*\0\x10\0\0\0CR\2\0", b"MM\0*\0\0\0\x10CR\2\0",
    b"II*\0\x08\0\0\0IIII", b"MM\0*\0\0\0\x08MMMM",
])  # fmt: skip
@pytest.mark.parametrize("read", [read_photograph, read_header])
def test_raw_files_are_told_by_their_first_bytes(tmp_path, head, read):
    """A CR2 is a TIFF whose first page is a preview."""
    path = tmp_path / "a.jpg"
    path.write_bytes(head + bytes(100))
    with pytest.raises(ImageFileError, match=r"a\.jpg: .*(sensor data|raw file)"):
        read(path)


@pytest.mark.parametrize("form", FORMATS)
def test_truncated_files_are_refused(tmp_path, form):
    """At each length the file is refused, or no pixel is lost."""
    whole = stored_bytes(form, picture(64, 48), 6)
    path = tmp_path / f"cut{SUFFIX[form]}"
    path.write_bytes(whole)
    pixels = read_photograph(path).pixels
    refused = 0
    for size in [*range(1, 40), *range(40, len(whole), 37), *range(len(whole) - 12, len(whole))]:
        path.write_bytes(whole[:size])
        try:
            np.testing.assert_array_equal(read_photograph(path).pixels, pixels)
        except ImageFileError:
            refused += 1
    assert refused > 45


@pytest.mark.parametrize("kind", [b"IDAT", b"IHDR"])
def test_wrong_sums_in_a_png_are_refused(tmp_path, kind):
    data = bytearray(stored_bytes("png", SMALL, 1))
    data[data.index(kind) + 9] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    assert "wrong sum" in refusal(tmp_path / "a.png")


def test_progressive_jpeg_is_refused_when_cut(tmp_path):
    noise = np.random.default_rng(4).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / "a.jpg"
    Image.fromarray(noise).save(path, progressive=True)
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.9, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        assert "damaged JPEG" in refusal(path)


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}], ids=str)
def test_strips_without_a_length(tmp_path, options, kept):
    """If none has one, they reach to the next, as in libtiff; tifffile fills empty ones with zeros."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(64, 48), photometric="rgb", rowsperstrip=8, **options)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags[325 if options.get("tile") else 279]
    begin, end = tag.valueoffset, tag.valueoffset + tag.valuebytecount
    begin += kept * tag.valuebytecount // len(tag.value)
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    if kept:
        assert "truncated" in refusal(path)
    else:
        np.testing.assert_array_equal(read_photograph(path).pixels, picture(64, 48))


def test_tiff_without_its_strips_is_refused(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(64, 48), photometric="rgb", rowsperstrip=64, metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags[273].overwrite(10**8)
    assert "truncated" in refusal(path)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}], ids=str)
def test_a_tiff_that_ends_within_a_strip_is_called_truncated(tmp_path, options):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(64, 48), photometric="rgb", **options)
    path.write_bytes(path.read_bytes()[:-5])
    assert "truncated TIFF" in refusal(path)


def test_huge_headers_are_refused_before_decoding(tmp_path, monkeypatch):
    """65535 × 65535 pixels in a few bytes, in every format that can state them."""
    jpeg = bytearray(stored_bytes("jpeg", SMALL, 1))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = b"\xff" * 4
    header = struct.pack(">IIBBBBB", 65535, 65535, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    png += chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")
    tiff = BytesIO()
    tifffile.imwrite(tiff, SMALL, photometric="rgb", metadata=None)
    tiff = bytearray(tiff.getvalue())
    with tifffile.TiffFile(BytesIO(tiff)) as file:
        for tag in (256, 257):
            offset = file.pages[0].tags[tag].valueoffset
            tiff[offset : offset + 2] = b"\xff\xff"
    monkeypatch.setattr(np, "empty", None)  # allocating pixels now fails
    for name, data in {"a.jpg": jpeg, "a.png": png, "a.tif": tiff}.items():
        (tmp_path / name).write_bytes(data)
        assert "65535 × 65535" in refusal(tmp_path / name)


@pytest.mark.parametrize("form", FORMATS)
def test_the_caller_sets_the_limit(tmp_path, form):
    path = tmp_path / f"a{SUFFIX[form]}"
    path.write_bytes(stored_bytes(form, SMALL, 1))
    assert read_photograph(path, max_pixels=16 * 24).pixels.shape == SMALL.shape
    assert "above the limit" in refusal(path, max_pixels=16 * 24 - 1)


@pytest.mark.parametrize("more", [0, 1])
def test_a_profile_is_decompressed_up_to_the_limit(tmp_path, more):
    path = tmp_path / "a.png"
    packed = zlib.compress(bytes(LONGEST_BLOCK + more), 1)
    data = stored_bytes("png", SMALL, 1, icc=None)
    path.write_bytes(data[:33] + chunk(b"iCCP", b"bomb\0\0" + packed) + data[33:])
    photograph = read_photograph(path)
    assert len(photograph.metadata.icc or b"") == (0 if more else 255 * 65_519)
    assert ("colour profile is damaged or too long" in "".join(photograph.warnings)) == more


@pytest.mark.parametrize(("pixels", "options", "word"), [
    (SMALL.astype(np.uint32), {"photometric": "rgb"}, "32-bit"),
    (SMALL.astype(np.int16), {"photometric": "rgb"}, "signed"),
    (np.zeros((9, 9, 6), np.uint8), {"photometric": "minisblack", "planarconfig": "contig"},
     "6 channels"),
    (SMALL, {"photometric": "cielab"}, "cielab"),
    (SMALL, {"photometric": 32845}, "logluv"),
    *((SMALL, {"photometric": "rgb", "compression": name}, word) for name, word in [
        ("jpeg2000", "JPEG 2000, which is not"), ("jpegxl", "JPEG XL, which is not"),
        ("lerc", "LERC, which is not"), ("png", "PNG, which is not"),
    ]),
    (SMALL, {"photometric": "rgb", "subfiletype": 1}, "raw file"),
    (SMALL[..., 0], {"photometric": "cfa"}, "raw file"),
    (SMALL, {"photometric": 34892}, "raw file"),
])  # fmt: skip
def test_tiffs_without_a_photograph_are_refused(tmp_path, pixels, options, word):
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata=None, **options)
    assert word in refusal(tmp_path / "a.tif")


def test_fields_that_share_a_value_cannot_fill_the_memory(tmp_path):
    """300 records that point to the same MiB would become 300 MiB."""
    path = tmp_path / "a.tif"
    tags = [(50_000 + k, 1, 1, 7, False) for k in range(300)]
    tifffile.imwrite(path, SMALL, photometric="rgb", metadata=None, extratags=tags)
    data = bytearray(path.read_bytes())
    for tag, *_ in tags:
        at = data.index(struct.pack("<HHI", tag, 1, 1))
        struct.pack_into("<II", data, at + 4, 1 << 20, 8)
    path.write_bytes(data + bytes(1 << 20))
    assert len(read_photograph(path).metadata.exif) < 70 << 20


SAMPLES = {
    **{form: stored_bytes(form, SMALL, 6) for form in FORMATS},
    "deep png": stored_bytes("png", DEEP, 6),
    "deep tiff": stored_bytes("tiff", DEEP, 6),
}


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    form=st.sampled_from(sorted(SAMPLES)),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.floats(0.1, 1),
    early=st.booleans(),
)
def test_damaged_files_are_read_or_refused(form, flips, keep, early):
    data = bytearray(SAMPLES[form])
    reach = min(len(data), 400) if early else len(data)
    for place, value in flips:
        data[int(place * (reach - 1))] = value
    with suppress(ImageFileError):
        read_photograph(BytesIO(bytes(data[: int(keep * len(data)) + 1])), max_pixels=100_000)


def damaged_lzw(pixels):
    """A TIFF in LZW by OpenCV, with invalid codes."""
    encoded = cv2.imencode(".tif", pixels, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1]
    data = bytearray(encoded.tobytes())
    with tifffile.TiffFile(BytesIO(data)) as file:
        strip = file.pages[0].dataoffsets[0]
    data[strip + 2 : strip + 40] = b"\xf0" * 38
    return bytes(data)


@pytest.mark.parametrize("pixels", [SMALL, DEEP], ids=["8", "16"])
def test_damaged_lzw_is_refused(tmp_path, pixels):
    """OpenCV would return 8-bit ones without an error."""
    (tmp_path / "a.tif").write_bytes(damaged_lzw(pixels))
    refusal(tmp_path / "a.tif")


def test_libraries_print_nothing(tmp_path, capfd):
    """The user gets one clear line, not those of tifffile and OpenCV."""
    stream = BytesIO()
    tifffile.imwrite(stream, SMALL, photometric="rgb", metadata=None)
    strange = bytearray(stream.getvalue())
    directory = struct.unpack_from("<I", strange, 4)[0]
    strange[directory + 4 : directory + 6] = b"\xee\xee"  # the type of the first field
    for data in (strange, damaged_lzw(DEEP)):
        (tmp_path / "a.tif").write_bytes(data)
        with suppress(ImageFileError):
            read_photograph(tmp_path / "a.tif")
        assert capfd.readouterr().err == ""


class Endless(BytesIO):
    """A stream that begins like a picture and never ends."""

    def read(self, size=-1):
        assert size > 0, "all of it was asked for"
        return super().read(size) or bytes(size)


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif"])
def test_a_stream_without_end_is_refused(monkeypatch, form):
    monkeypatch.setattr(read_module, "_LARGEST_FILE", 1 << 22)
    with pytest.raises(ImageFileError, match="is longer than"):
        read_photograph(Endless(stored_bytes(form, SMALL, 1)))


@pytest.mark.parametrize("form", ["jpeg", "png", "webp", "avif"])
def test_a_file_with_a_huge_gap_is_refused_by_name(tmp_path, form):
    """200 GB that take no space on the disk."""
    path = tmp_path / f"a{SUFFIX[form]}"
    path.write_bytes(stored_bytes(form, SMALL, 1))
    os.truncate(path, 200 * 10**9)
    assert "is longer than 4 GiB" in refusal(path)
    assert path.stat().st_blocks < 1000


@pytest.mark.parametrize("form", ["webp", "avif", "jxl"])
def test_a_few_bytes_with_many_pixels_are_refused(tmp_path, monkeypatch, form):
    """34 bytes of WebP may announce 268 megapixels of one colour: no ratio is the highest."""
    path = tmp_path / f"a.{form}"
    write_photograph(np.zeros((1000, 1000, 3), np.uint8), path, quality=100)
    assert read_photograph(path).pixels.shape == (1000, 1000, 3)
    monkeypatch.setattr(limits, "_MANY", 0)
    monkeypatch.setattr(limits, "_PIXELS_PER_BYTE", 1)
    assert "the header announces 1000 × 1000 pixels in " in refusal(path)


def too_long(form):
    """The header of a picture with one row, and one column more than its library reads."""
    cols = FORMATS[form].longest + 1
    data = bytearray(stored_bytes(form, SMALL, 1))
    if form == "jpeg":
        struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, 1, cols)
    elif form == "png":
        data[16:24] = struct.pack(">II", cols, 1)
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    else:
        place = data.index(b"ispe") + 8
        data[place : place + 8] = struct.pack(">II", cols, 1)
    return bytes(data)


@pytest.mark.parametrize("form", ["jpeg", "png", "avif"])
def test_sides_longer_than_a_library_reads_are_named(tmp_path, form):
    """They are not damaged; other programs may write them."""
    path = tmp_path / f"a{SUFFIX[form]}"
    path.write_bytes(too_long(form))
    assert f"at most {FORMATS[form].longest} rows and columns can be read" in refusal(path)

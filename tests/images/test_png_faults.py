"""Laws of faulty PNGs: what is not needed for the pixels may be damaged, what is needed may not."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from image_samples import ICC, XMP, chunk, exif, picture, png_bytes
from PIL import Image

from expinterp.errors import ImageFileError
from expinterp.images import read_header, read_photograph

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PLAIN = png_bytes(picture(), None, None, None)
PACKED_XMP = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)
TEXT = chunk(b"tEXt", b"Comment\0any")


def read(data):
    return read_photograph(BytesIO(data))


def with_chunks(added, data=PLAIN):
    return data[:33] + added + data[33:]


def without_sum(made):
    """A chunk with a wrong sum."""
    return made[:-1] + bytes([made[-1] ^ 1])


@pytest.mark.parametrize(("faulty", "word"), [
    (without_sum(TEXT), "tEXt"),
    (without_sum(chunk(b"eXIf", exif())), "eXIf"),
    (without_sum(chunk(b"iCCP", b"x\0\0" + zlib.compress(ICC))), "iCCP"),
    (without_sum(chunk(b"tRNS", bytes(6))), "tRNS"),
    (chunk(b"iCCP", b"x\0\0no deflate"), "colour profile"),
    (chunk(b"iCCP", b"x\0\0" + zlib.compress(ICC)[:-30]), "colour profile"),
    (chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(20 << 20))), "colour profile"),
], ids=lambda value: value if isinstance(value, str) else "chunk")  # fmt: skip
def test_damaged_metadata_are_left_out_with_a_warning(faulty, word):
    photograph = read(with_chunks(faulty))
    np.testing.assert_array_equal(photograph.pixels, picture())
    assert photograph.alpha is None
    metadata = photograph.metadata
    assert metadata.icc is metadata.exif is metadata.xmp is None
    (warning,) = photograph.warnings
    assert word in warning
    assert "left out" in warning


def test_the_header_leaves_damaged_exif_out_as_well(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(with_chunks(without_sum(chunk(b"eXIf", exif()))))
    assert read_header(path).exif is None


@pytest.mark.parametrize("depth", [8, 16])
def test_the_end_of_the_file_may_be_missing(depth):
    whole = png_bytes(picture(depth=depth), None, None, None)
    for lost in (1, 4, 8, 12):
        photograph = read(whole[:-lost])
        np.testing.assert_array_equal(photograph.pixels, picture(depth=depth))
        assert "end of the file is missing" in photograph.warnings[0]
    for lost in (13, 40, 400):
        with pytest.raises(ImageFileError, match="PNG"):
            read(whole[:-lost])


@pytest.mark.parametrize("channels", [2, 4])
def test_a_transparent_colour_beside_opacity_is_ignored(channels):
    """A chunk tRNS has no meaning there."""
    data = png_bytes(picture(channels=channels), None, None, None)
    photograph = read(with_chunks(chunk(b"tRNS", bytes(8)), data))
    found = np.dstack([photograph.pixels, photograph.alpha])
    np.testing.assert_array_equal(found, picture(channels=channels))


@pytest.mark.parametrize("made", [
    chunk(b"tRNS", b"\0"), chunk(b"PLTE", bytes(9)), chunk(b"pHYs", b"\0"), chunk(b"cICP", b""), chunk(b"acTL", b""),
], ids=lambda value: value if isinstance(value, str) else "chunk")  # fmt: skip
def test_chunks_without_sense_do_no_harm(made, capfd):
    np.testing.assert_array_equal(read(with_chunks(made)).pixels, picture())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("colours", [4, 256])
def test_a_palette_may_state_more_opacities_than_colours(colours, capfd):
    table = np.arange(3 * colours, dtype=np.uint8)
    indices = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    header = struct.pack(">IIBBBBB", 4, 3, 8, 3, 0, 0, 0)
    photograph = read(SIGNATURE + chunk(b"IHDR", header) + chunk(b"PLTE", table.tobytes())
                      + chunk(b"tRNS", bytes(range(9, 9 + 200)) + bytes(100))
                      + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))  # fmt: skip
    np.testing.assert_array_equal(photograph.pixels, table.reshape(-1, 3)[indices])
    np.testing.assert_array_equal(photograph.alpha, indices + 9)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("more", [b"more", bytes(1 << 16)])
@pytest.mark.parametrize("where", ["unfolded", "packed"])
def test_more_data_than_pixels_print_nothing(where, more, capfd):
    raw = b"".join(b"\0" + row.tobytes() for row in picture())
    packed = zlib.compress(raw + more) if where == "unfolded" else zlib.compress(raw) + more
    header = struct.pack(">IIBBBBB", 53, 37, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")]
    photograph = read(SIGNATURE + b"".join(chunk(*part) for part in parts))
    np.testing.assert_array_equal(photograph.pixels, picture())
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("colour", [0, 3])
def test_few_bits_are_read_as_pillow_reads_them(bits, colour):
    rng = np.random.default_rng(bits)
    packed = rng.integers(0, 256, (9, 16 * bits // 8), np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    table = chunk(b"PLTE", rng.bytes(3 << bits)) if colour else b""
    header = struct.pack(">IIBBBBB", 16, 9, bits, colour, 0, 0, 0)
    data = SIGNATURE + chunk(b"IHDR", header) + table + chunk(b"IDAT", zlib.compress(rows))
    data += chunk(b"IEND", b"")
    with Image.open(BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(np.broadcast_to(read(data).pixels, (9, 16, 3)), expected)


def test_a_small_file_with_many_pixels_is_refused_at_once(monkeypatch):
    """Its bytes cannot hold them, whatever the compression."""
    header = struct.pack(">IIBBBBB", 22_000, 22_000, 16, 6, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1 << 20))), (b"IEND", b"")]
    monkeypatch.setattr(np, "empty", None)
    with pytest.raises(ImageFileError, match="cannot hold 22000 × 22000 pixels"):
        read(SIGNATURE + b"".join(chunk(*part) for part in parts))


def test_a_png_of_iphone_programs_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(PLAIN[:8] + chunk(b"CgBI", bytes(4)) + PLAIN[8:])
    with pytest.raises(ImageFileError, match=r"a\.png: .*iPhone"):
        read_photograph(tmp_path / "a.png")

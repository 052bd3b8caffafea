"""BMP, TGA, PPM and its relatives, JPEG 2000: read faithfully, or refused in one line."""

from __future__ import annotations

import struct
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from image_samples import ICC, STORED, XMP, exif, picture
from PIL import Image

from expinterp.errors import ImageFileError
from expinterp.images import read_header, read_photograph
from expinterp.images.formats import sniff_format

COLOUR, GREY, DEEP = picture(9, 14), picture(9, 14, 1)[..., 0], picture(9, 14, depth=16)
OPACITY = np.full((9, 14), 255, np.uint8)
OPACITY[:3] = 0, *[70] * 13
BIG = DEEP.astype(">u2")
PALETTE = Image.fromarray(COLOUR).quantize(16)


def saved(pixels, form: str, **options) -> bytes:
    stream = BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(stream, form, **options)
    return stream.getvalue()


def read(tmp_path, data: bytes, form: str):
    path = tmp_path / "a.img"
    path.write_bytes(data)
    assert sniff_format(data[:64]) == form
    shot, header = read_photograph(path), read_header(path)
    rows, cols, _ = shot.pixels.shape
    assert (header.format, {header.rows, header.cols}) == (shot.format, {rows, cols})
    assert header.depth == 8 * shot.pixels.itemsize
    return shot


def refusal(tmp_path, data: bytes) -> str:
    (tmp_path / "a.img").write_bytes(data)
    with pytest.raises(ImageFileError) as error:
        read_photograph(tmp_path / "a.img")
    assert "\n" not in str(error.value)
    return str(error.value)


def bmp_of(bits: int, rows: bytes, *, height: int = 9, head: bytes = b"") -> bytes:
    start = 54 + len(head)
    info = struct.pack("<IiiHHIIiiII", 40 + len(head), 14, height, 1, bits, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + info + head + rows


FIVE = (COLOUR >> 3).astype(np.uint16)
WORDS = (FIVE[..., 0] << 10 | FIVE[..., 1] << 5 | FIVE[..., 2]).astype("<u2")
BGR = np.pad(COLOUR[..., ::-1].reshape(9, -1), ((0, 0), (0, 2)))  # rows are padded to 4 bytes
PNM = {
    "P6 16": (b"P6\n14 9\n65535\n" + BIG.tobytes(), DEEP),
    "P6": (b"P6 14 9 255 " + COLOUR.tobytes(), COLOUR),
    "P5": (b"P5\n# a comment\n14 # and\n9\n255\n" + GREY.tobytes(), GREY),
    "P3": (b"P3 14 9 255\n" + " ".join(map(str, COLOUR.ravel().tolist())).encode(), COLOUR),
    "P2": (b"P2 14 9 65535 " + b" ".join(b"%d" % v for v in DEEP[..., 0].ravel()), DEEP[..., 0]),
    "P4": (b"P4 14 9\n" + np.packbits(GREY < 128, axis=1).tobytes(), (GREY >= 128) * np.uint8(255)),
    "P1": (b"P1 14 9\n" + b"\n# x\n".join(b"%d" % v for v in (GREY < 128).ravel()), (GREY >= 128) * np.uint8(255)),
    "4 bits": (b"P5 14 9 15\n" + (GREY >> 4).tobytes(), (GREY >> 4) * 17),
    "10 bits": (
        b"P6 14 9 1023\n" + (DEEP >> 6).astype(">u2").tobytes(),
        np.rint((DEEP >> 6) * (65_535 / 1023)).astype(np.uint16),
    ),
    "above white": (b"P5 14 9 99\n" + np.full((9, 14), 200, np.uint8).tobytes(), GREY * 0 + 255),
}  # fmt: skip


@pytest.mark.parametrize(("data", "pixels"), PNM.values(), ids=PNM)
def test_ppm_and_its_relatives(tmp_path, data, pixels):
    shot = read(tmp_path, data, "netpbm")
    assert np.array_equal(shot.pixels, pixels.reshape(shot.pixels.shape))
    assert shot.pixels.dtype == pixels.dtype
    assert shot.warnings == ()
    assert "damaged" in refusal(tmp_path, data[: len(data) // 2])


def test_pam_with_opacity_and_ppm_with_several_pictures(tmp_path):
    joined = np.dstack([COLOUR, OPACITY])
    head = b"P7\nWIDTH 14\nHEIGHT 9\n# x\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
    shot = read(tmp_path, head + joined.tobytes(), "netpbm")
    assert np.array_equal(shot.pixels, COLOUR)
    assert np.array_equal(shot.alpha, OPACITY)
    shot = read(tmp_path, 2 * PNM["P6"][0], "netpbm")
    assert "several pictures" in shot.warnings[0]
    assert "channels" in refusal(tmp_path, head.replace(b"DEPTH 4", b"DEPTH 9") + bytes(2000))


@pytest.mark.parametrize(("data", "words"), [
    (b"P6\n99999 99999\n255\n", "limit"), (b"P5 0 9 255 ", "0 × 9"), (b"P6 14 9 0 ", "samples up to 0"),
    (b"P5 14 9 65536 " + bytes(300), "samples up to 65536"), (b"P6\nfourteen", "no size"),
    (b"P7\nWIDTH 14\nENDHDR\n", "no size"), (bmp_of(24, b"", height=30_000_000), "truncated BMP"),
    (bmp_of(24, b"", height=2**30), "limit"), (bmp_of(24, BGR.tobytes()[:100]), "damaged BMP"),
    (bmp_of(24, bytes(999))[:30] + b"\4" + bmp_of(24, bytes(999))[31:], "BMP of a kind"), (bmp_of(2, bytes(99)), "BMP of a kind"),
    (saved(COLOUR, "TGA")[:100], "damaged TGA"), (saved(COLOUR, "JPEG2000")[:200], "JPEG 2000"),
])  # fmt: skip
def test_damage_and_large_sizes_are_refused(tmp_path, data, words):
    assert words in refusal(tmp_path, data)


@pytest.mark.parametrize(("data", "pixels"), [
    (saved(COLOUR, "BMP"), COLOUR), (saved(GREY, "BMP"), GREY),
    (saved(PALETTE, "BMP"), np.asarray(PALETTE.convert("RGB"))),
    (saved(Image.fromarray(GREY).convert("1", dither=0), "BMP"), (GREY >= 128) * np.uint8(255)),
    (bmp_of(24, BGR.tobytes(), height=-9), COLOUR),
    (bmp_of(16, WORDS[::-1].tobytes()), np.rint(FIVE * (255 / 31)).astype(np.uint8)),
    (bmp_of(32, np.dstack([COLOUR[::-1, :, ::-1], OPACITY]).tobytes()), COLOUR),
])  # fmt: skip
def test_bmp(tmp_path, data, pixels):
    """The fourth byte of a pixel is no opacity, unless a mask says so."""
    shot = read(tmp_path, data, "bmp")
    assert np.abs(shot.pixels.astype(int) - pixels.reshape(shot.pixels.shape)).max() <= (
        data[28] == 16
    )
    assert shot.alpha is None


@pytest.mark.parametrize(("kind", "held"), [(b"DEBM", True), (b"KNIL", False)])
def test_the_profile_of_a_bmp_is_read_if_the_file_holds_it(tmp_path, kind, held):
    more = bytes(16) + kind + bytes(52) + struct.pack("<III", 124 + 14, len(ICC), 0)
    rows = np.ascontiguousarray(BGR[::-1]).tobytes()
    data = bmp_of(24, rows, head=more)
    placed = data[: 14 + 112] + struct.pack("<I", 124 + len(rows)) + data[14 + 116 :] + ICC
    shot = read(tmp_path, placed, "bmp")
    assert shot.metadata.icc == (ICC if held else None)
    assert np.array_equal(shot.pixels, COLOUR)


@pytest.mark.parametrize("packed", [{}, {"compression": "tga_rle"}])
@pytest.mark.parametrize("pixels", [COLOUR, GREY, np.dstack([COLOUR, OPACITY])])
def test_tga(tmp_path, pixels, packed):
    shot = read(tmp_path, saved(pixels, "TGA", **packed), "tga")
    colours = pixels[..., :3] if pixels.ndim == 3 else pixels[..., np.newaxis]
    assert np.array_equal(shot.pixels, colours)
    assert (shot.alpha is not None) == (pixels.ndim == 3 and pixels.shape[2] == 4)


@pytest.mark.parametrize(("at", "value"), [(1, 1), (2, 7), (2, 1)])
def test_bytes_that_fit_no_kind_of_tga_are_none(at, value):
    """A palette with colours by value, an unknown kind, and a palette that is missing."""
    head = bytearray(saved(COLOUR, "TGA")[:18])
    assert sniff_format(bytes(head)) == "tga"
    head[at] = value
    assert sniff_format(bytes(head)) is None


def test_opacity_that_a_tga_does_not_announce_is_none(tmp_path):
    data = bytearray(saved(np.dstack([COLOUR, 0 * OPACITY]), "TGA"))
    data[17] &= 0xF0
    assert read(tmp_path, bytes(data), "tga").alpha is None


@pytest.mark.parametrize(
    "head", [b"\0\0\2\0\1\0\x20\x20", b"\0\0\1\0\1\0", bytes(18), b"BM it is", b"P"]
)
def test_icons_and_texts_are_none_of_them(head):
    assert sniff_format(head.ljust(64, b"\0")) is None


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("pixels", [COLOUR, GREY, DEEP, DEEP[..., 0]])
def test_jpeg_2000(tmp_path, pixels, bare):
    kind = "J2K" if bare else "JP2"
    data = imagecodecs.jpeg2k_encode(np.ascontiguousarray(pixels), level=0, codecformat=kind)
    shot = read(tmp_path, bytes(data), "jpeg2000")
    assert np.array_equal(shot.pixels, pixels.reshape(shot.pixels.shape))


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def jp2(pixels, *, colours: bytes, more: bytes = b"", behind: bytes = b"", **options) -> bytes:
    stream = imagecodecs.jpeg2k_encode(
        np.ascontiguousarray(pixels), level=0, codecformat="J2K", **options
    )
    start = b"\0\0\0\x0cjP  \r\n\x87\n" + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    header = box(b"ihdr", bytes(14)) + box(b"colr", colours) + more
    return start + box(b"jp2h", header) + behind + box(b"jp2c", bytes(stream))


def test_jpeg_2000_with_profile_opacity_exif_and_xmp(tmp_path):
    """Its profile stays, the pixels are those of the file, and they come out upright."""
    block = exif(6)
    behind = box(b"uuid", b"JpgTiffExif->JP2" + block)
    behind += box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + XMP)
    kinds = struct.pack(">13H", 4, 0, 0, 1, 1, 0, 2, 2, 0, 3, 3, 1, 0)
    stored = STORED[6](np.dstack([COLOUR, OPACITY]))
    data = jp2(stored, colours=b"\2\0\0" + ICC, more=box(b"cdef", kinds), behind=behind)
    shot = read(tmp_path, data, "jpeg2000")
    assert np.array_equal(shot.pixels, COLOUR)
    assert np.array_equal(shot.alpha, OPACITY)
    assert (shot.metadata.icc, shot.metadata.xmp) == (ICC, XMP)
    assert shot.exposure.iso is not None
    multiplied = np.rint(COLOUR * (OPACITY[..., np.newaxis] / 255)).astype(np.uint8)
    kinds = kinds.replace(struct.pack(">3H", 3, 1, 0), struct.pack(">3H", 3, 2, 0))
    data = jp2(
        np.dstack([multiplied, OPACITY]), colours=b"\1\0\0\0\0\0\x10", more=box(b"cdef", kinds)
    )
    shot = read(tmp_path, data, "jpeg2000")
    assert np.array_equal(shot.pixels[3:], COLOUR[3:])
    assert np.abs(shot.pixels[:3, 1:].astype(int) - COLOUR[:3, 1:]).max() <= 2


@pytest.mark.parametrize(("colours", "more", "words"), [
    (b"\1\0\0\0\0\0\x0c", b"", "CMYK"), (b"\1\0\0\0\0\0\x12", b"", "YCC"),
    (b"\1\0\0\0\0\0\x10", box(b"pclr", bytes(9)), "palette"),
    (b"\1\0\0\0\0\0\x10", box(b"cdef", struct.pack(">10H", 3, 0, 0, 3, 1, 0, 2, 2, 0, 1)), "order"),
])  # fmt: skip
def test_jpeg_2000_of_other_colours_is_refused(tmp_path, colours, more, words):
    assert words in refusal(tmp_path, jp2(COLOUR, colours=colours, more=more))


def test_jpeg_2000_with_signs_is_refused(tmp_path):
    signed = imagecodecs.jpeg2k_encode((COLOUR >> 1).astype(np.int8), level=0)
    assert "are signed" in refusal(tmp_path, bytes(signed))
    huge = bytearray(imagecodecs.jpeg2k_encode(COLOUR, level=0, codecformat="J2K"))
    huge[8:16] = struct.pack(">II", 20_000, 20_000)
    assert "truncated" in refusal(tmp_path, bytes(huge))

"""EXIF, IPTC, XMP and profiles in the text chunks of a PNG, as ImageMagick, exiv2 and darktable write them."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import zlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_samples import ICC, XMP, chunk, exif, fields, picture, png_bytes

from expinterp.images import read_photograph, with_exposure_time, write_photograph
from expinterp.images.header import read_header
from expinterp.images.metadata import png_text
from expinterp.images.metadata.capture import read_capture

CAPTION = b"\x1c\x02\x78\x00\x09A caption"
RESOURCE = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(CAPTION)) + CAPTION
BLOCK = exif(6)


def text(kind, keyword, content, *, packed=True):
    if kind == b"tEXt":
        return chunk(kind, keyword + b"\0" + content)
    if kind == b"zTXt":
        return chunk(kind, keyword + b"\0\0" + zlib.compress(content))
    stored = zlib.compress(content) if packed else content
    return chunk(kind, keyword + b"\0" + bytes([packed, 0]) + b"\0\0" + stored)


def raw(kind, name, content, *, line=36, written=None, packed=True):
    digits = content.hex()
    lines = [digits[at : at + 2 * line] for at in range(0, len(digits), 2 * line)]
    body = f"\n{written or name}\n{len(content):8}\n" + "\n".join(lines) + "\n"
    return text(kind, b"Raw profile type " + name.encode(), body.encode(), packed=packed)


def png(*added, after=False):
    plain = png_bytes(picture(40, 56), None, None, None)
    at = len(plain) - 12 if after else 33
    return plain[:at] + b"".join(added) + plain[at:]


KINDS = pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt"])


@KINDS
@pytest.mark.parametrize("name", ["exif", "APP1", "app1"])
@pytest.mark.parametrize("prefix", [b"Exif\0\0", b""], ids=["prefix", "bare"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_exif_in_text_is_used(tmp_path, kind, name, prefix, after):
    if not prefix and name != "exif":
        pytest.skip("a segment begins with its signature")
    path = tmp_path / "a.png"
    path.write_bytes(png(raw(kind, name, prefix + BLOCK), after=after))
    photograph = read_photograph(path)
    assert photograph.warnings == ()
    assert (photograph.exposure.time, photograph.exposure.iso) == (1 / 30, 400)
    assert photograph.pixels.shape[:2] == (56, 40)  # upright, as with eXIf
    header = read_header(path)
    assert header.exif == photograph.metadata.exif == BLOCK
    assert read_capture(header.exif).captured == datetime(2024, 5, 6, 7, 8, 9)
    metadata = with_exposure_time(photograph.metadata, 1 / 120)
    assert write_photograph(photograph.pixels, tmp_path / "b.png", metadata=metadata) == ()
    assert fields(tmp_path / "b.png")["exif", 0x829A] == 1 / 120
    assert b"Raw profile" not in (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize("written", ["exif", "generic profile", "\n  exif"])
@pytest.mark.parametrize("line", [1, 36, 100_000])
def test_line_lengths_and_names_inside_do_not_matter(tmp_path, written, line):
    path = tmp_path / "a.png"
    path.write_bytes(
        png(raw(b"zTXt", "exif", b"Exif\0\0" + BLOCK, line=line, written=written.strip()))
    )
    assert read_photograph(path).exposure.time == 1 / 30


def test_the_chunk_for_exif_counts_before_text(tmp_path):
    path = tmp_path / "a.png"
    for order in (1, -1):
        both = [chunk(b"eXIf", exif(1)), raw(b"zTXt", "exif", b"Exif\0\0" + exif(1, time=(1, 2)))]
        path.write_bytes(png(*both[::order]))
        assert (
            read_photograph(path).exposure.time
            == read_capture(read_header(path).exif).exposure.time
        )
        assert read_photograph(path).exposure.time == 1 / 30


@KINDS
@pytest.mark.parametrize("way", ["xmp", "APP1", "keyword"])
def test_xmp_in_text_is_read(tmp_path, kind, way):
    signature = b"http://ns.adobe.com/xap/1.0/\0" if way == "APP1" else b""
    found = (
        text(kind, b"XML:com.adobe.xmp", XMP)
        if way == "keyword"
        else raw(kind, way, signature + XMP)
    )
    (tmp_path / "a.png").write_bytes(png(found))
    assert read_photograph(tmp_path / "a.png").metadata.xmp == XMP
    assert read_header(tmp_path / "a.png").xmp == XMP


@KINDS
@pytest.mark.parametrize("name", ["icc", "icm"])
def test_a_profile_in_text_is_read(tmp_path, kind, name):
    (tmp_path / "a.png").write_bytes(png(raw(kind, name, ICC)))
    assert read_photograph(tmp_path / "a.png").metadata.icc == ICC


@KINDS
@pytest.mark.parametrize("name", ["iptc", "8bim", "IPTC"])
@pytest.mark.parametrize(
    "stored", [RESOURCE + b"\0", CAPTION, b"Photoshop 3.0\0" + RESOURCE + b"\0"]
)
def test_captions_in_text_are_carried_on(tmp_path, kind, name, stored):
    (tmp_path / "a.png").write_bytes(png(raw(kind, name, stored)))
    found = read_photograph(tmp_path / "a.png")
    for suffix in (".jpg", ".png", ".tif"):
        target = tmp_path / f"b{suffix}"
        assert write_photograph(found.pixels, target, metadata=found.metadata) == ()
        (extra,) = read_photograph(target).metadata.extras
        assert CAPTION in extra.stored["tiff"]


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_the_captions_in_a_png(tmp_path):
    (tmp_path / "a.png").write_bytes(png(raw(b"zTXt", "iptc", RESOURCE + b"\0")))
    found = read_photograph(tmp_path / "a.png")
    write_photograph(found.pixels, tmp_path / "b.png", metadata=found.metadata)
    command = ["exiftool", "-j", "-IPTC:all", "-Warning", tmp_path / "b.png"]
    (row,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (row["Caption-Abstract"], row.get("Warning")) == ("A caption", None)


@pytest.mark.parametrize("content", [
    b"", b"\nexif\n", b"\nexif\n  x\n00", b"\nexif\n 2\nzz", b"\nexif\n 2\n0", b"\nexif\n" + b"9" * 9999,
])  # fmt: skip
def test_a_damaged_raw_profile_is_named(tmp_path, content):
    (tmp_path / "a.png").write_bytes(png(text(b"tEXt", b"Raw profile type exif", content)))
    found = read_photograph(tmp_path / "a.png")
    (warning,) = write_photograph(found.pixels, tmp_path / "b.png", metadata=found.metadata)
    assert warning == "not carried on into the PNG: a raw profile in text, which is damaged"


@KINDS
def test_copies_of_exif_as_text_are_not_carried_on(tmp_path, kind):
    """ImageMagick writes them; they would contradict the new exposure."""
    copies = [
        text(kind, name, b"1/30", packed=False) for name in (b"exif:ExposureTime", b"date:create")
    ]
    title = text(kind, b"Title", b"A title", packed=False)
    (tmp_path / "a.png").write_bytes(png(*copies, title))
    found = read_photograph(tmp_path / "a.png")
    assert write_photograph(found.pixels, tmp_path / "b.png", metadata=found.metadata) == ()
    written = (tmp_path / "b.png").read_bytes()
    assert title in written
    assert b"exif:" not in written
    assert b"date:" not in written


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_damaged_packet_is_named(tmp_path, cut):
    content = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)
    (tmp_path / "a.png").write_bytes(png(chunk(b"iTXt", content[:-cut])))
    found = read_photograph(tmp_path / "a.png")
    (warning,) = write_photograph(found.pixels, tmp_path / "b.png", metadata=found.metadata)
    assert "XMP packet, which is damaged" in warning


@pytest.mark.parametrize("more", [0, 1])
def test_text_that_unfolds_without_end_is_bounded(tmp_path, monkeypatch, more):
    monkeypatch.setattr(png_text, "_LONGEST_TEXT", 1 << 16)
    bomb = zlib.compress(bytes((1 << 16) + more))
    found = [
        chunk(b"zTXt", keyword + b"\0\0" + bomb)
        for keyword in (b"Raw profile type exif", b"XML:com.adobe.xmp")
    ]
    (tmp_path / "a.png").write_bytes(png(*found))
    metadata = read_photograph(tmp_path / "a.png").metadata
    assert metadata.exif is None
    assert len(metadata.xmp or b"") == (0 if more else 1 << 16)


@given(st.binary(max_size=60), st.sampled_from([b"tEXt", b"zTXt", b"iTXt"]))
def test_any_text_can_be_read(tmp_path_factory, content, kind):
    path = tmp_path_factory.getbasetemp() / "any.png"
    for keyword in (b"Raw profile type exif", b"XML:com.adobe.xmp", b"Raw profile type "):
        path.write_bytes(png(chunk(kind, keyword + b"\0" + content)))
        read_photograph(path)
        read_header(path)

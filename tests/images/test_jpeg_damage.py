"""Laws of damaged JPEGs: lost blocks are seen wherever they lie, and sound files are never refused."""

from __future__ import annotations

import struct
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_samples import exif, picture, stored_bytes
from PIL import Image

from expinterp.errors import ImageFileError
from expinterp.images import read_header, read_photograph

NOISE = np.random.default_rng(5).integers(0, 256, (96, 128, 3), np.uint8)
KINDS = {
    "one scan": {},
    "half colour": {"subsampling": "4:2:0"},
    "restart rows": {"restart_marker_rows": 1},
    "restart blocks": {"restart_marker_blocks": 3},
    "progressive": {"progressive": True},
    "grey": {"grey": True},
}


def encoded(pixels, *, grey=False, **options):
    stream = BytesIO()
    image = Image.fromarray(pixels)
    (image.convert("L") if grey else image).save(stream, "JPEG", **{"quality": 90, **options})
    return stream.getvalue()


def read(data):
    return read_photograph(BytesIO(data))


def scan_of(data):
    """Where the data of the last scan of more than 400 bytes begin and end."""
    at, found = 2, (0, 0)
    while data[at + 1] != 0xD9:
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if data[at + 1] == 0xDA:
            begin = end
            while data[end] != 0xFF or data[end + 1] in {0, *range(0xD0, 0xD8)}:
                end += 1
            found = (begin, end) if end - begin > 400 else found
        at = end
    return found


@settings(max_examples=150, deadline=None)
@given(
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    noise=st.sampled_from([0, 1, 30]),
    quality=st.integers(1, 100),
    options=st.fixed_dictionaries({}, optional={
        "subsampling": st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
        "progressive": st.booleans(), "optimize": st.booleans(), "grey": st.booleans(),
        "restart_marker_blocks": st.integers(1, 9), "exif": st.just(b"Exif\0\0" + exif()),
    }),
    spare=st.sampled_from([b"", b"\0", bytes(50), b"\x55\x55", b"\xff", b"\xff\xff\xff"]),
)  # fmt: skip
def test_sound_files_are_read(size, noise, quality, options, spare):
    """Whatever the encoder, and with some bytes in excess before the end marker."""
    pixels = np.full((*size, 3), 128, np.int16)
    pixels += np.random.default_rng(1).integers(-noise, noise + 1, pixels.shape, np.int16)
    data = encoded(pixels.astype(np.uint8), quality=quality, **options)
    with Image.open(BytesIO(data)) as image:
        expected = np.asarray(image).reshape(*size, -1)
    photograph = read(data[:-2] + spare + data[-2:])
    np.testing.assert_array_equal(photograph.pixels, expected)
    assert photograph.warnings == ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.98])
def test_a_scan_that_is_cut_off_is_seen(kind, share):
    """With an end marker after the cut, which hides it from Pillow."""
    data = encoded(NOISE, **KINDS[kind])
    begin, end = scan_of(data)
    cut = begin + int(share * (end - begin))
    with pytest.raises(ImageFileError, match="damaged JPEG"):
        read(data[:cut] + data[end:])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["zeros", "ones", "lost", "twice"])
def test_damage_within_a_scan_is_seen(kind, how):
    """At most places: at others the number of blocks is right by chance."""
    data = encoded(NOISE, **KINDS[kind])
    begin, end = scan_of(data)
    seen = 0
    for at in np.linspace(begin + 50, end - 350, 12).astype(int):
        part = {
            "zeros": bytes(300),
            "ones": b"\x7f" * 300,
            "lost": b"",
            "twice": data[at : at + 300] * 2,
        }
        try:
            read(data[:at] + part[how] + data[at + 300 :])
        except ImageFileError:
            seen += 1
    assert seen >= (11 if how == "ones" else 7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_end_marker_gives_a_warning(kind):
    data = encoded(NOISE, **KINDS[kind])
    assert data.endswith(b"\xff\xd9")
    for end in (b"", b"\xff"):
        photograph = read(data[:-2] + end)
        np.testing.assert_array_equal(photograph.pixels, read(data).pixels)
        (warning,) = photograph.warnings
        assert "end marker" in warning
    for lost in (30, 60, 200):
        with pytest.raises(ImageFileError, match="JPEG"):
            read(data[:-lost])


@pytest.mark.parametrize("kind", ["restart rows", "restart blocks"])
def test_restart_markers_out_of_order_are_seen(kind):
    data = bytearray(encoded(NOISE, **KINDS[kind]))
    begin = scan_of(data)[0]
    del data[data.index(b"\xff\xd1", begin) : data.index(b"\xff\xd2", begin)]
    with pytest.raises(ImageFileError, match="damaged JPEG"):
        read(bytes(data))


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=["without end", "with end"])
@pytest.mark.parametrize("restarts", [{"restart_marker_rows": 1}, {"restart_marker_blocks": 7}])
@pytest.mark.parametrize(
    "kind", [{}, {"subsampling": "4:2:0"}, {"subsampling": "4:2:2"}, {"grey": True}]
)
def test_a_cut_before_a_restart_marker_is_seen(kind, restarts, end):
    data = encoded(NOISE, **kind, **restarts)
    assert not read(data).warnings
    begin, stop = scan_of(data)
    at = begin
    while (at := data.find(b"\xff", at, stop)) >= 0:
        if 0xD0 <= data[at + 1] < 0xD8:
            with pytest.raises(ImageFileError, match="damaged JPEG"):
                read(data[:at] + end)
        at += 2


@pytest.mark.parametrize("options", [{"progressive": True}, {"quality": 20}])
def test_a_file_that_is_cut_anywhere_is_refused(options):
    """Some cuts fall between two scans: what is there decodes, but is not all.

    A part of the very last block may be missing unseen.
    """
    data = encoded(NOISE[:24, :32], **options)
    for size in range(2, len(data) - 40, 7):
        for end in (b"", b"\xff\xd9"):
            with pytest.raises(ImageFileError):
                read(data[:size] + end)


def test_what_lies_behind_the_last_block_does_not_matter():
    data = encoded(NOISE)
    expected = read(data).pixels
    for rest in (b"\xff\x5f\xff\xd9", b"\xff\xf0\0\2\xff\xd9"):
        assert np.array_equal(read(data[:-2] + rest).pixels, expected)


def test_endless_scans_are_refused():
    """Each costs a pass over all pixels."""
    data = encoded(NOISE, progressive=True)
    at = data.rindex(b"\xff\xda")
    many = data[:at] + data[at:-2] * 200 + data[-2:]
    with pytest.raises(ImageFileError, match="more than 100 scans"):
        read(many)


def test_a_small_file_with_many_pixels_is_refused_at_once(monkeypatch):
    data = bytearray(encoded(picture(), progressive=True))
    frame = data.index(b"\xff\xc2")
    struct.pack_into(">HH", data, frame + 5, 22_000, 22_000)
    monkeypatch.setattr(Image.core, "new", None)
    with pytest.raises(ImageFileError, match="cannot hold 22000 × 22000 pixels"):
        read(bytes(data))


@pytest.mark.parametrize(("per_byte", "message"), [(2000, "missing"), (2100, "cannot hold")])
def test_a_byte_of_a_jpeg_holds_2048_pixels_at_most(per_byte, message):
    """Beyond 2²⁰ pixels: one bit for a block of brightness, which stands for 256 of them at most."""
    data = bytearray(encoded(picture()))
    frame, cols = data.index(b"\xff\xc0"), 5000
    rows = ((1 << 20) + per_byte * len(data)) // cols
    struct.pack_into(">HH", data, frame + 5, rows, cols)
    with pytest.raises(ImageFileError, match=message):
        read(bytes(data))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("bits", "lossless"), [(12, False), (8, True), (10, True), (12, True), (16, True)]
)
def test_jpegs_of_more_bits_are_read(tmp_path, bits, lossless, channels):
    """12 bits as of scanners and medical devices, and the kind without loss."""
    top = 2**bits - 1
    wanted = np.rint(picture(40, 48, channels, depth=16) * (top / 65_535))
    stored = wanted.astype(np.uint8 if bits == 8 else np.uint16)
    options = (
        {"lossless": True, "outcolorspace": "RGB" if channels == 3 else None}
        if lossless
        else {"level": 100}
    )
    data = bytes(
        imagecodecs.jpeg8_encode(
            stored if channels > 1 else stored[..., 0], bitspersample=bits, **options
        )
    )
    segment = b"Exif\0\0" + exif(6)
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    photograph, header = read_photograph(path), read_header(path)
    assert photograph.pixels.itemsize * 8 == header.depth == (8 if bits == 8 else 16)
    full = 255 if bits == 8 else 65_535
    upright = np.rot90(wanted, -1) / top * full
    assert np.abs(photograph.pixels - upright).max() <= (0.5 if lossless else full / 50)
    assert photograph.exposure.time == 1 / 30


def test_a_strip_of_a_tiff_is_checked_too(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(NOISE).save(path, compression="jpeg")
    data = bytearray(path.read_bytes())
    sound = read(bytes(data)).pixels
    assert sound.shape == NOISE.shape
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    with pytest.raises(ImageFileError, match="damaged"):
        read(bytes(data))


@pytest.mark.parametrize("kind", [1, 3, 7])
def test_a_resolution_of_another_type_does_no_harm(kind):
    """Pillow fails on it where there is no JFIF segment."""
    block = bytearray(exif())
    at = block.index(struct.pack("<HH", 0x11A, 5))
    struct.pack_into("<HHII", block, at, 0x11A, kind, 1, 72)
    data = stored_bytes("jpeg", picture(), 1, exif_block=bytes(block))
    start = data.index(b"\xff\xe0")
    length = struct.unpack_from(">H", data, start + 2)[0]
    assert read(data[:start] + data[start + 2 + length :]).exposure.time == 1 / 30


@pytest.mark.parametrize("hostile", [b"\xff\xfe\0\3a" * 20_000, b"\xff" * (1 << 21), bytes(1 << 21)],
                         ids=["segments", "fill", "zeros"])  # fmt: skip
@pytest.mark.parametrize("read_it", [read_photograph, read_header])
def test_endless_segments_and_fill_bytes_are_refused(tmp_path, hostile, read_it):
    """Pillow reads them one by one."""
    data = encoded(picture())
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:20] + hostile + data[20:])
    with pytest.raises(ImageFileError, match=r"a\.jpg"):
        read_it(path)


def test_kinds_of_jpeg_that_are_not_read_are_named():
    """They are not damaged."""
    with pytest.raises(ImageFileError, match="is a JPEG-LS, which is not supported"):
        read(bytes(imagecodecs.jpegls_encode(picture())))
    hierarchical = bytearray(encoded(picture()))
    hierarchical[hierarchical.index(b"\xff\xc0") + 1] = 0xC5
    with pytest.raises(ImageFileError, match="is a hierarchical JPEG, which is not supported"):
        read(bytes(hierarchical))


def test_a_profile_with_a_lost_part_is_left_out_with_a_warning():
    data = encoded(picture(), icc_profile=bytes(100_000))
    second = data.index(b"ICC_PROFILE\0\2") - 4
    end = second + 2 + struct.unpack_from(">H", data, second + 2)[0]
    photograph = read(data[:second] + data[end:])
    assert photograph.metadata.icc is None
    assert "profile is damaged" in photograph.warnings[0]

"""Laws of captions, comments and text: kept where the format can hold them, else named in a warning."""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import subprocess
from io import BytesIO
from time import process_time
from xml.etree import ElementTree as ET

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_samples import ICC, SUFFIX, XMP, chunk, picture, png_bytes, stored_bytes
from PIL import Image, IptcImagePlugin

from expinterp.errors import ImageFileError
from expinterp.images import (
    FORMATS,
    Metadata,
    read_header,
    read_photograph,
    with_exposure_time,
    write_photograph,
)
from expinterp.images.codecs.boxes import colours_of_primary, depth_of_primary
from expinterp.images.developing.profiles import icc_profile
from expinterp.images.metadata.iptc import extras_of_resources

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
CAPTION = b"\x1c\x02\x78\x00\x0dA caption, \xc3\xa9"
THUMBNAIL = b"\0\0\0\1 picture as it was"


def resource(code, value, name=b""):
    named = bytes([len(name)]) + name
    head = b"8BIM" + struct.pack(">H", code) + named + bytes(len(named) % 2)
    return head + struct.pack(">I", len(value)) + value + bytes(len(value) % 2)


FLAG = resource(0x040A, b"\1")
RESOURCES = FLAG + resource(0x0404, CAPTION)


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def jpeg_with(*segments, **options):
    data = stored_bytes("jpeg", picture(), 1, **options)
    return data[:2] + b"".join(segments) + data[2:]


def carried(tmp_path, data, form, to):
    """Read and write a file as a command does; return the new file and the warnings."""
    source, target = tmp_path / f"in{SUFFIX[form]}", tmp_path / f"out{SUFFIX[to]}"
    source.write_bytes(data)
    photograph = read_photograph(source)
    assert photograph.warnings == ()
    metadata = with_exposure_time(photograph.metadata, 1 / 120)
    warnings = write_photograph(photograph.pixels, target, metadata=metadata, overwrite=True)
    return target, warnings


# --- JPEG ----------------------------------------------------------------------------------------


def test_captions_and_comments_of_a_jpeg_stay(tmp_path):
    """But not the thumbnail, which shows the old picture."""
    stored = resource(0x040C, THUMBNAIL) + RESOURCES + resource(0x03ED, bytes(16), b"odd")
    segments = segment(0xED, b"Photoshop 3.0\0" + stored), segment(0xFE, b"first")
    data = jpeg_with(*segments, segment(0xFE, b"second"))
    target, warnings = carried(tmp_path, data, "jpeg", "jpeg")
    assert warnings == ()
    with Image.open(target) as image:
        assert IptcImagePlugin.getiptcinfo(image)[2, 120] == CAPTION[5:]
        assert [content for name, content in image.applist if name == "COM"] == [
            b"first",
            b"second",
        ]
        assert list(image.info["photoshop"]) == [0x040A, 0x0404, 0x03ED]
    assert THUMBNAIL not in target.read_bytes()


def test_long_resources_are_joined_and_split_again(tmp_path):
    stored = RESOURCES + resource(0x07D0, bytes(range(256)) * 400)
    parts = [stored[at : at + 50_000] for at in range(0, len(stored), 50_000)]
    data = jpeg_with(*(segment(0xED, b"Photoshop 3.0\0" + part) for part in parts))
    target, warnings = carried(tmp_path, data, "jpeg", "jpeg")
    assert warnings == ()
    with Image.open(target) as image:
        contents = [content[14:] for name, content in image.applist if name == "APP13"]
    assert b"".join(contents) == stored


@pytest.mark.parametrize("to", ["png", "webp", "avif"])
def test_what_a_format_cannot_hold_is_named(tmp_path, to):
    segments = segment(0xED, b"Photoshop 3.0\0" + RESOURCES), segment(0xFE, b"x")
    _, (warning,) = carried(tmp_path, jpeg_with(*segments), "jpeg", to)
    lost = "comment" if to == "png" else "IPTC and Photoshop fields, comment"
    assert warning == f"not carried on into the {to.upper()}: {lost}"


@pytest.mark.parametrize(("marker", "content", "name"), [
    (0xEB, b"JP\0\1", "content credentials (C2PA)"), (0xE1, b"FLIR\0\1", "the heat picture (FLIR)"),
    (0xE4, b"QVCI", None), (0xEC, b"PictureInfo", None), (0xE2, b"FPXR\0", None),
])  # fmt: skip
def test_only_segments_that_somebody_would_miss_are_named(tmp_path, marker, content, name):
    _, warnings = carried(tmp_path, jpeg_with(segment(marker, content)), "jpeg", "jpeg")
    assert warnings == ((f"not carried on into the JPEG: {name}",) if name else ())


def test_hostile_resources_take_time_in_proportion_to_their_length():
    begun = process_time()
    resources = resource(0x0BB7, b"") * 400_000
    extras_of_resources(resources)
    assert process_time() - begun < 4


def test_debug_notes_of_phones_are_lost_without_a_warning(tmp_path):
    """Phones with Qualcomm chips, such as Samsung: they describe how the old pixels were developed."""
    data = jpeg_with(segment(0xE4, b"QTI Debug Metadata\0" + bytes(50)))
    assert carried(tmp_path, data, "jpeg", "jpeg")[1] == ()


@given(flips=st.lists(st.tuples(st.integers(0, 70), st.integers(0, 255)), max_size=4))
def test_damaged_resources_are_kept_or_named(tmp_path_factory, flips):
    stored = bytearray(RESOURCES)
    for place, value in flips:
        stored[place % len(stored)] = value
    data = jpeg_with(segment(0xED, b"Photoshop 3.0\0" + stored))
    target, warnings = carried(tmp_path_factory.getbasetemp(), data, "jpeg", "jpeg")
    assert (b"Photoshop 3.0" in target.read_bytes()) == (warnings == ())


LONG = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><r:RDF xmlns:dc='http://purl.org/dc/elements/1.1/' "
    b"xmlns:r='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><r:Description r:about=''>"
    b"<dc:description>%s</dc:description></r:Description></r:RDF></x:xmpmeta>" % (b"word " * 18_000)
)


def extended(*, keep=2, length=None):
    name = hashlib.md5(LONG).hexdigest().upper().encode()
    note = b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"' % name
    packet = XMP.replace(b"xmp:Rating", note + b" xmp:Rating")
    head = b"http://ns.adobe.com/xmp/extension/\0" + name
    starts = range(0, len(LONG), 50_000)
    parts = [
        segment(0xE1, head + struct.pack(">II", length or len(LONG), at) + LONG[at : at + 50_000])
        for at in starts
    ]
    return jpeg_with(*parts[:keep][::-1], xmp=packet)


def properties(packet):
    """What a packet states, as an independent parser reads it: simple properties by name."""
    found = {}
    for description in ET.fromstring(packet[: packet.rindex(b">") + 1]).iter(
        f"{{{RDF}}}Description"
    ):
        found |= {name: value for name, value in description.items() if f"{{{RDF}}}" not in name}
        found |= {each.tag: each.text for each in description}
    return {name.split("}")[-1]: value for name, value in found.items()}


@pytest.mark.parametrize("to", FORMATS)
def test_long_packets_stay_whole(tmp_path, to):
    """A JPEG holds the part above 64 KiB as an extension."""
    target, warnings = carried(tmp_path, extended(), "jpeg", to)
    assert warnings == ()
    found = properties(read_photograph(target).metadata.xmp)
    assert found.pop("description") == "word " * 18_000
    assert found == {"Rating": "4"}
    assert target.read_bytes().count(b"HasExtendedXMP") == (to == "jpeg")


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "jpeg"])
@pytest.mark.parametrize("attribute", [True, False])
def test_a_long_packet_of_another_format_becomes_packet_and_extension(tmp_path, form, attribute):
    text = b"word " * 30_000
    odd = b"xmlns:o='http://example.org/odd/'"
    inside = b" %s o:text='%s'/>" % (odd, text)
    element = b" %s><o:text>%s</o:text></rdf:Description>" % (odd, text)
    packet = XMP.replace(b"/></rdf:RDF>", (inside if attribute else element) + b"</rdf:RDF>")
    source, target = tmp_path / f"a{SUFFIX[form]}", tmp_path / "b.jpg"
    assert write_photograph(picture(), source, metadata=Metadata(xmp=packet)) == ()
    found = read_photograph(source).metadata
    assert write_photograph(picture(), target, metadata=found) == ()
    assert properties(read_photograph(target).metadata.xmp) == properties(packet)
    command = ["exiftool", "-j", "-a", "-XMP:all", "-Warning", target]
    (row,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert (row["Text"], row["Rating"]) == (
        f"(Binary data {len(text)} bytes, use -b option to extract)",
        4,
    )
    assert "Warning" not in row


@pytest.mark.parametrize("damage", [{"keep": 1}, {"length": 9}])
def test_incomplete_extension_is_named(tmp_path, damage):
    target, (warning,) = carried(tmp_path, extended(**damage), "jpeg", "jpeg")
    assert "above 64 KiB, which is damaged" in warning
    assert properties(read_photograph(target).metadata.xmp)["Rating"] == "4"


def test_a_packet_that_cannot_be_divided_is_named(tmp_path):
    packet = XMP.replace(b"<rdf:Description ", b"<!--%s--><rdf:Description " % (b"x" * 70_000))
    (warning,) = write_photograph(picture(), tmp_path / "a.jpg", metadata=Metadata(xmp=packet))
    assert warning == "not carried on into the JPEG: the XMP packet, which is too long"


# --- pixel density -------------------------------------------------------------------------------


def with_density(form, **options):
    stream = BytesIO()
    Image.fromarray(picture()).save(stream, form.upper(), dpi=(300, 150), **options)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["jpeg", "png", "tiff"])
@pytest.mark.parametrize("to", ["jpeg", "png", "tiff"])
def test_pixel_density_stays(tmp_path, form, to):
    target, warnings = carried(tmp_path, with_density(form), form, to)
    assert warnings == ()
    with Image.open(target) as image:
        if form == "tiff" != to:
            assert image.getexif()[0x11A] == 300
        else:
            assert image.info["dpi"] == pytest.approx((300, 150), abs=0.02)  # pixels per metre


@pytest.mark.parametrize("to", ["webp", "avif"])
@pytest.mark.parametrize("form", ["jpeg", "png", "tiff"])
def test_the_pixel_density_moves_into_exif_where_the_format_has_no_place(tmp_path, form, to):
    """Unless EXIF states one already: the density of JFIF may be the default of a program."""
    target, warnings = carried(tmp_path, with_density(form), form, to)
    assert warnings == ()
    with Image.open(target) as image:
        found = image.getexif()
    assert (found[0x11A], found[0x11B]) == pytest.approx((300, 150), abs=0.02)
    assert found[0x128] == 2
    twice = Image.Exif()
    twice[0x11A] = 240.0
    target, warnings = carried(tmp_path, with_density("jpeg", exif=twice.tobytes()), "jpeg", to)
    with Image.open(target) as image:
        assert image.getexif()[0x11A] == 240


@pytest.mark.parametrize("form", ["jpeg", "png"])
def test_the_density_that_exif_states_is_kept(tmp_path, form):
    own = Image.Exif()
    own[0x11A], own[0x11B], own[0x128] = 240.0, 240.0, 2
    target, warnings = carried(tmp_path, with_density(form, exif=own.tobytes()), form, "tiff")
    assert warnings == ()
    with Image.open(target) as image:
        assert image.info["dpi"] == (240, 240)


# --- TIFF ----------------------------------------------------------------------------------------


def tiff_with(*tags):
    import tifffile

    stream = BytesIO()
    extratags = [(tag, 7, len(value), value, True) for tag, value in tags]
    tifffile.imwrite(stream, picture(), photometric="rgb", metadata=None, extratags=extratags)
    return stream.getvalue()


def fields_of_tiff(path):
    import tifffile

    with tifffile.TiffFile(path) as file:
        return {tag.code: file.pages[0].tags[tag.code].value for tag in file.pages[0].tags}


@pytest.mark.parametrize("form", ["jpeg", "tiff"])
def test_captions_reach_tiff(tmp_path, form):
    stored = resource(0x040C, THUMBNAIL) + RESOURCES
    data = {
        "jpeg": jpeg_with(segment(0xED, b"Photoshop 3.0\0" + stored)),
        "tiff": tiff_with((0x83BB, CAPTION), (0x8649, resource(0x040C, THUMBNAIL) + FLAG)),
    }[form]
    target, warnings = carried(tmp_path, data, form, "tiff")
    assert warnings == ()
    found = fields_of_tiff(target)
    assert bytes(found[0x83BB]) == CAPTION
    assert THUMBNAIL not in target.read_bytes()
    assert bytes(found[0x8649]) == FLAG


@pytest.mark.parametrize("tags", [
    [(0x83BB, CAPTION)], [(0x8649, RESOURCES)], [(0x83BB, CAPTION), (0x8649, RESOURCES)],
])  # fmt: skip
def test_captions_leave_tiff(tmp_path, tags):
    target, warnings = carried(tmp_path, tiff_with(*tags), "tiff", "jpeg")
    assert warnings == ()
    with Image.open(target) as image:
        assert IptcImagePlugin.getiptcinfo(image)[2, 120] == CAPTION[5:]
    assert target.read_bytes().count(CAPTION) == 1


# --- PNG -----------------------------------------------------------------------------------------

PQ, HLG = (bytes([9, n, 0, 1]) for n in (16, 18))
P3 = bytes([12, 13, 0, 1])
TEXT = chunk(b"tEXt", b"Title\0A title"), chunk(b"iTXt", b"Author\0\0\0\0\0\xc3\xa9")


def png_with(*added, icc=None):
    plain = png_bytes(picture(), None, icc, None)
    return plain[:33] + b"".join(added) + plain[33:]


@pytest.mark.parametrize(
    "added",
    [
        [chunk(b"gAMA", struct.pack(">I", 100_000)), chunk(b"cHRM", bytes(range(32)))],
        [chunk(b"cICP", P3)],
        [*TEXT, chunk(b"zTXt", b"Comment\0\0x")],
        [chunk(b"vpAg", b"safe to copy")],
    ],
)
def test_colours_and_text_of_a_png_stay(tmp_path, added):
    target, warnings = carried(tmp_path, png_with(*added), "png", "png")
    assert warnings == ()
    assert all(part in target.read_bytes() for part in added)
    _, warnings = carried(tmp_path, png_with(*added), "png", "tiff")
    if added[0][4:8] != b"vpAg":  # which nobody would miss
        assert any(word in warnings[0] for word in ("gAMA, cHRM", "cICP", "text"))


@pytest.mark.parametrize("keyword", [b"Software", b"Thumb::URI", b"Creation Time"])
def test_text_of_programs_is_lost_without_a_warning(tmp_path, keyword):
    added = chunk(b"tEXt", keyword + b"\0some program")
    target, warnings = carried(tmp_path, png_with(added), "png", "png")
    assert warnings == ()
    assert added in target.read_bytes()
    assert carried(tmp_path, png_with(added), "png", "jpeg")[1] == ()


@pytest.mark.parametrize(
    ("added", "icc"),
    [
        ([chunk(b"gAMA", struct.pack(">I", 45_455))], None),
        ([chunk(b"sRGB", b"\0"), chunk(b"gAMA", bytes(4))], None),
        ([chunk(b"gAMA", bytes(4))], ICC),
        ([chunk(b"cICP", bytes([1, 13, 0, 1]))], None),
        ([chunk(b"tIME", bytes(7)), chunk(b"bKGD", bytes(6))], None),
    ],
)
def test_default_colours_are_lost_without_a_warning(tmp_path, added, icc):
    assert carried(tmp_path, png_with(*added, icc=icc), "png", "jpeg")[1] == ()


@pytest.mark.parametrize(
    ("added", "word"),
    [
        (chunk(b"zTXt", b"Raw profile type exif\0\0x"), "raw profile in text, which is damaged"),
        (chunk(b"caBX", b"credentials"), "content credentials"),
    ],
)
def test_chunks_that_depend_on_the_old_pixels_are_named(tmp_path, added, word):
    target, (warning,) = carried(tmp_path, png_with(added), "png", "png")
    assert word in warning
    assert added not in target.read_bytes()


def test_hdr_is_refused(tmp_path):
    """Its code values mean light, not the brightness of a display."""
    path = tmp_path / "a.png"
    for points, word in ((PQ, "PQ"), (HLG, "HLG"), (PQ[:2], "PQ")):
        path.write_bytes(png_with(chunk(b"cICP", points)))
        with pytest.raises(ImageFileError, match=rf"a\.png: .*HDR \({word}\).*sRGB"):
            read_photograph(path)
    for points in (b"", PQ[:1]):
        path.write_bytes(png_with(chunk(b"cICP", points)))
        assert read_photograph(path).warnings == ()


@pytest.mark.parametrize("form", FORMATS)
def test_hdr_is_refused_if_only_the_profile_states_it(tmp_path, form):
    """In a tag of ICC 4.4."""
    tag = b"cicp" + bytes(4) + PQ
    profile = bytes(16) + b"RGB " + bytes(108) + struct.pack(">I4sII", 1, b"cicp", 144, 12) + tag
    path = tmp_path / f"a{SUFFIX[form]}"
    path.write_bytes(stored_bytes(form, picture(), 1, icc=profile))
    with pytest.raises(ImageFileError, match=r"HDR \(PQ\)"):
        read_photograph(path)
    path.write_bytes(stored_bytes(form, picture(), 1, icc=profile.replace(PQ, P3)))
    assert read_photograph(path).metadata.icc == profile.replace(PQ, P3)


def avif_with(primaries, transfer):
    data = stored_bytes("avif", picture(), 1, icc=None)
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def test_colours_of_an_avif_are_named_or_refused(tmp_path):
    assert carried(tmp_path, avif_with(1, 13), "avif", "avif")[1] == ()
    _, (warning,) = carried(tmp_path, avif_with(1, 8), "avif", "avif")
    assert "CICP 1, 8" in warning
    target, warnings = carried(tmp_path, avif_with(12, 13), "avif", "png")
    assert (read_photograph(target).metadata.icc, warnings) == (icc_profile("display-p3"), ())


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_avif_is_read_in_16_bits(tmp_path, bits):
    pixels = picture(20, 30, 4, 16)
    data = imagecodecs.avif_encode(pixels >> (16 - bits), level=100, bitspersample=bits)
    (tmp_path / "a.avif").write_bytes(data)
    shot = read_photograph(tmp_path / "a.avif")
    found = np.dstack([shot.pixels, shot.alpha]).astype(int)
    assert np.abs(found - pixels).max() <= 2 ** (17 - bits)
    assert (read_header(tmp_path / "a.avif").depth, shot.warnings) == (16, ())
    (tmp_path / "a.avif").write_bytes(avif_with(9, 16))
    with pytest.raises(ImageFileError, match="HDR"):
        read_photograph(tmp_path / "a.avif")


@pytest.mark.parametrize(("first", "second"), [((1, 13), (9, 16)), ((9, 16), (1, 13))])
def test_an_avif_is_hdr_if_its_primary_picture_is(tmp_path, first, second):
    """A gain map has its own colours."""
    box = b"\0\0\0\x14freecolrnclx" + struct.pack(">HH", *second)
    (tmp_path / "a.avif").write_bytes(avif_with(*first) + box)
    if first[1] == 16:
        with pytest.raises(ImageFileError, match=r"HDR \(PQ\)"):
            read_photograph(tmp_path / "a.avif")
    else:
        assert read_photograph(tmp_path / "a.avif").warnings == ()


def box(kind, *content):
    joined = b"".join(content)
    return struct.pack(">I4s", 8 + len(joined), kind) + joined


@pytest.mark.parametrize("wide", [0, 1])
@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("primary", [1, 2])
def test_properties_are_those_of_the_primary_picture(primary, version, wide):
    """Of two pictures, each with colours and depth of its own, as in a file with a gain map."""
    head = bytes([version, 0, 0, wide])
    item = ">I" if version else ">H"
    listed = [
        *(
            box(b"colr", b"nclx", struct.pack(">HHHB", *codes, 6, 128))
            for codes in ((1, 13), (9, 16))
        ),
        *(box(b"pixi", bytes(4), bytes([3, bits, bits, bits])) for bits in (8, 10)),
    ]
    numbers = {1: (1, 0x83), 2: (2, 4)} if not wide else {1: (1, 0x8003), 2: (2, 4)}
    code = "H" if wide else "B"
    table = b"".join(
        struct.pack(f"{item}B2{code}", number, 2, *own) for number, own in numbers.items()
    )
    meta = box(
        b"meta", bytes(4), box(b"pitm", head, struct.pack(item, primary)),
        box(b"iprp", box(b"ipco", *listed), box(b"ipma", head, struct.pack(">I", 2), table)),
    )  # fmt: skip
    data = box(b"ftyp", b"avif", bytes(8)) + meta + box(b"mdat", b"any")
    assert colours_of_primary(data) == ((1, 13) if primary == 1 else (9, 16))
    assert depth_of_primary(data) == (8 if primary == 1 else 10)
    for end in range(len(data)):
        colours_of_primary(data[:end])  # damaged ones state nothing


def test_the_first_of_two_equal_resources_is_kept():
    (extra,) = extras_of_resources(FLAG + resource(0x040A, b"\0"))
    assert extra.stored["tiff"] == FLAG

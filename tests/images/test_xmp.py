"""Laws of XMP: what it states counts where EXIF is silent, and what is not true is changed."""

from __future__ import annotations

import re
import struct
from datetime import datetime, timedelta, timezone
from time import process_time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_samples import SUFFIX, XMP, exif, picture, stored_bytes

from expinterp.core.exposure import Exposure
from expinterp.images import (
    FORMATS,
    Metadata,
    read_photograph,
    with_exposure_time,
    write_photograph,
)
from expinterp.images.header import read_header
from expinterp.images.metadata.capture import read_capture
from expinterp.images.metadata.exif import read_exposure, read_orientation
from expinterp.images.metadata.exif_edit import fit_to_pixels

SPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "exifEX": "http://cipa.jp/exif/1.0/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
    "GDepth": "http://ns.google.com/photos/1.0/depthmap/",
    "OpCamera": "http://ns.oplus.com/photos/1.0/camera/",
    "note": "http://ns.adobe.com/xmp/note/",
    "mine": "http://example.org/mine/",
}


def packet(properties="", elements="", *, other=False):
    """A packet; with other prefixes than the usual ones if wanted, or without the outermost element."""
    spaces = "".join(f" xmlns:{prefix}='{uri}'" for prefix, uri in SPACES.items())
    properties = f" {properties}" if properties else ""
    text = (
        f"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>"
        f"<rdf:RDF{spaces}><rdf:Description rdf:about='' mine:kept='a&gt;b'{properties}>"
        f"<mine:also>x</mine:also>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>"
        "<?xpacket end='w'?>"
    )
    if other == "bare":  # x:xmpmeta is optional
        text = re.sub("</?x:xmpmeta[^>]*>", "", text)
    for prefix in SPACES if other is True else ():
        text = text.replace(f"{prefix}:", f"o{prefix}:").replace(
            f"xmlns:{prefix}=", f"xmlns:o{prefix}="
        )
    return text.encode()


def stating(values, *, form, other=False):
    """A packet that states values as attributes or as elements."""
    if form == "attribute":
        return packet(" ".join(f'{name}="{value}"' for name, value in values.items()), other=other)
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return packet("", elements, other=other)


WAYS = pytest.mark.parametrize(
    "other", [False, True, "bare"], ids=["usual", "other prefixes", "without x:xmpmeta"]
)
SHAPES = pytest.mark.parametrize("form", ["attribute", "element"])


def fitted(before):
    return fit_to_pixels(Metadata(xmp=before), 53, 37).xmp


# --- what counts where EXIF is silent ------------------------------------------------------------


@WAYS
@SHAPES
def test_exposure_that_only_xmp_states_counts(form, other):
    values = {
        "exif:ExposureTime": "1/8", "exif:FNumber": "56/10", "exifEX:PhotographicSensitivity": "200",
        "tiff:Make": "Acme", "tiff:Model": "One", "exif:ExposureBiasValue": "-2/3",
        "exif:DateTimeOriginal": "2024-05-06T07:08:09.25+02:00",
    }  # fmt: skip
    before = stating(values, form=form, other=other)
    found = read_capture(None, before)
    assert found.exposure == Exposure(time=1 / 8, iso=200, f_number=5.6, camera="Acme One")
    zone = timezone(timedelta(hours=2))
    assert found.captured == datetime(2024, 5, 6, 7, 8, 9, 250_000, zone)
    assert found.bias == pytest.approx(-2 / 3)
    assert read_exposure(None, before) == found.exposure
    assert read_exposure(exif(time=None, shutter=False), before).iso == 400  # EXIF first
    assert read_exposure(exif(time=None, shutter=False), before).time == 1 / 8
    assert read_exposure(exif(), before) == read_exposure(exif())


@WAYS
def test_a_list_of_sensitivities_is_read(other):
    listed = (
        "<exif:ISOSpeedRatings><rdf:Seq>\n <rdf:li>800</rdf:li></rdf:Seq></exif:ISOSpeedRatings>"
    )
    assert read_exposure(None, packet("", listed, other=other)).iso == 800
    shutter = packet("exif:ShutterSpeedValue='3/1' exif:ApertureValue='4/1'")
    assert read_exposure(None, shutter) == Exposure(time=1 / 8, f_number=4.0)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("orientation", [3, 6])
def test_an_orientation_and_a_time_that_only_xmp_states_count(tmp_path, form, orientation):
    before = packet(f"tiff:Orientation='{orientation}' exif:ExposureTime='1/8'")
    upright = picture(40, 56)
    path, target = tmp_path / f"a{SUFFIX[form]}", tmp_path / f"b{SUFFIX[form]}"
    if form == "tiff":
        write_photograph(upright, target, metadata=Metadata(xmp=packet("tiff:Orientation='1'")))
        data = target.read_bytes()
        at = data.index(struct.pack("<HHI", 0x112, 3, 1))
        data = data[:at] + struct.pack("<H", 0xFDE8) + data[at + 2 :]
        stored = {6: np.rot90(upright, 1), 3: np.rot90(upright, 2)}[orientation]
        write_photograph(
            np.ascontiguousarray(stored), target, metadata=Metadata(xmp=before), overwrite=True
        )
        data = target.read_bytes().replace(
            b"tiff:Orientation='1'", b"tiff:Orientation='%d'" % orientation
        )
        at = data.index(struct.pack("<HHI", 0x112, 3, 1))
        path.write_bytes(data[:at] + struct.pack("<HHIHH", 0xFDE8, 3, 1, 9, 0) + data[at + 12 :])
        target.unlink()
    else:
        block = exif(None, time=None, shutter=False)
        path.write_bytes(stored_bytes(form, upright, orientation, exif_block=block, xmp=before))
    photograph = read_photograph(path)
    assert photograph.pixels.shape[:2] == (40, 56)
    assert np.abs(photograph.pixels.astype(int) - upright).max() < 20
    assert photograph.exposure.time == 1 / 8
    header = read_header(path)
    assert read_capture(header.exif, header.xmp).exposure.time == 1 / 8
    write_photograph(photograph.pixels, target, metadata=photograph.metadata)
    again = read_photograph(target)
    assert np.abs(again.pixels.astype(int) - upright).max() < 20
    assert read_orientation(None, again.metadata.xmp) == 1


def test_an_orientation_in_exif_counts_before_that_of_xmp():
    before = packet("tiff:Orientation='3'")
    assert read_orientation(exif(6), before) == 6
    assert read_orientation(exif(None), before) == 3
    assert read_orientation(exif(0), before) == 3
    assert read_orientation(exif(None), packet("tiff:Orientation='upside down'")) == 1


# --- what changes --------------------------------------------------------------------------------


@WAYS
@SHAPES
def test_properties_follow_the_pixels_and_nothing_else_changes(form, other):
    names = ("tiff:Orientation", "tiff:ImageWidth", "tiff:ImageLength", "exif:PixelXDimension",
             "exif:PixelYDimension")  # fmt: skip
    before = stating(dict.fromkeys(names, 6), form=form, other=other)
    expected = dict(zip(names, (1, 37, 53, 37, 53), strict=True))
    assert fitted(before) == stating(expected, form=form, other=other)


@WAYS
@SHAPES
def test_the_exposure_of_a_virtual_photograph_is_stated(form, other):
    values = {"exif:ExposureTime": "1/30", "exif:ShutterSpeedValue": "4907/1000",
              "exif:ExposureBiasValue": "2/3"}  # fmt: skip
    before = stating(values, form=form, other=other)
    after = with_exposure_time(Metadata(xmp=before), 1 / 120).xmp
    expected = {"exif:ExposureTime": "1/120", "exif:ShutterSpeedValue": "6906891/1000000",
                "exif:ExposureBiasValue": "-8/6"}  # fmt: skip
    assert after == stating(expected, form=form, other=other)
    assert with_exposure_time(Metadata(xmp=before), None).xmp == stating({}, form=form, other=other)
    silent = stating({"exif:ExposureBiasValue": "2/3"}, form=form, other=other)
    assert with_exposure_time(Metadata(xmp=silent), 1 / 120).xmp == stating(
        {}, form=form, other=other
    )


@pytest.mark.parametrize("bias", ["", "x", "1/0", "1e999", "99", "-99/1", "1/"])
def test_a_compensation_that_is_no_number_is_removed(bias):
    before = packet(f"exif:ExposureTime='1/30' exif:ExposureBiasValue='{bias}'")
    after = with_exposure_time(Metadata(xmp=before), 1 / 120).xmp
    assert after == packet("exif:ExposureTime='1/120'")


MOTION = {"note:HasExtendedXMP": "0" * 32, "GCamera:MicroVideo": 1, "GCamera:MicroVideoOffset": 6012, "GCamera:MotionPhoto": 1,
          "GCamera:MotionPhotoPresentationTimestampUs": -1, "hdrgm:Version": "1.0",
          "GDepth:Data": "AAAA", "OpCamera:VideoLength": 12, "mine:MotionPhotoX": 1}  # fmt: skip


@WAYS
@SHAPES
def test_what_describes_the_rest_of_a_file_is_removed(form, other):
    assert fitted(stating(MOTION, form=form, other=other)) == stating({}, form=form, other=other)


@WAYS
def test_a_container_and_thumbnails_are_removed(other):
    items = "".join(
        f"<rdf:li rdf:parseType='Resource'><Container:Item Item:Semantic='{word}'/></rdf:li>"
        for word in ("Primary", "MotionPhoto")
    )
    container = f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>\n  "
    shown = "<xmp:Thumbnails a='b'><rdf:Alt>x</rdf:Alt></xmp:Thumbnails><xmp:Thumbnails/>"
    assert fitted(packet("", container + shown, other=other)) == packet(other=other)


def test_properties_of_a_source_stay():
    """An ingredient in the packet has properties of its own."""
    inner = "<mine:source><rdf:Description tiff:Orientation='6'/></mine:source>"
    assert fitted(packet("", inner)) == packet("", inner)


def test_packets_in_utf_16_are_corrected():
    before = packet("tiff:Orientation='6'")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        assert read_orientation(None, before.decode().encode(encoding)) == 6
        assert fitted(before.decode().encode(encoding)) == packet("tiff:Orientation='1'")


# --- damage and hostility ------------------------------------------------------------------------

BOMB = b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>%s]>" % b"".join(
    b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-60],
        lambda text: text.replace(b"</rdf:RDF>", b""),
        lambda text: text.replace(b"xmlns:tiff", b"xmlns:any"),
        lambda text: BOMB + text[text.index(b"<x:") :].replace(b"'6'", b"'&a9;'"),
    ],
)
def test_a_damaged_packet_is_left_out_and_named_if_it_may_be_untrue(tmp_path, damage):
    before = damage(packet("tiff:Orientation='6'"))
    assert read_orientation(None, before) == 1
    target = tmp_path / "a.jpg"
    (warning,) = write_photograph(picture(), target, metadata=Metadata(xmp=before))
    assert warning == "not carried on into the JPEG: the XMP packet, which is damaged or too long"
    harmless = damage(XMP)
    assert fitted(harmless) == harmless


@pytest.mark.parametrize(
    "hostile",
    [
        packet("", "<mine:a>" * 60_000 + "</mine:a>" * 60_000),
        packet("", "<mine:a/>" * 4_000),
        packet(" ".join(f"mine:a{n}='x'" for n in range(4_000))),
        packet("", "</rdf:Description><rdf:Description>" * 2_000),
        packet("mine:long='%s'" % ("x" * 20_000_000)),
        packet("tiff:Orientation='6'", "<xmp:Thumbnails>" * 20_000),
        b"<xmp:Thumbnails " * 20_000,
        BOMB,
    ],
    ids=["deep", "many", "attributes", "descriptions", "long", "open", "tags", "bomb"],
)
def test_hostile_packets_take_seconds_at_most(tmp_path, hostile):
    begun = process_time()
    metadata = with_exposure_time(Metadata(xmp=hostile), 1 / 8)
    write_photograph(picture(), tmp_path / "a.jpg", metadata=metadata)
    read_photograph(tmp_path / "a.jpg")
    read_capture(None, hostile)
    assert process_time() - begun < 4


def test_entities_are_not_expanded():
    text = packet("tiff:Orientation='&six;'")
    text = b"<!DOCTYPE x [<!ENTITY six '6'>]>" + text[text.index(b"<x:") :]
    assert read_orientation(None, text) == 1
    assert fitted(text) is None


@given(flips=st.lists(st.tuples(st.integers(0, 1200), st.integers(0, 255)), max_size=3))
def test_any_packet_can_be_handled(flips):
    damaged = bytearray(stating(MOTION, form="attribute"))
    for place, value in flips:
        damaged[place % len(damaged)] = value
    metadata = with_exposure_time(Metadata(xmp=bytes(damaged)), 1 / 8)
    once = fit_to_pixels(metadata, 53, 37)
    assert fit_to_pixels(once, 53, 37) == once
    read_exposure(None, bytes(damaged))


# --- what the file holds besides the picture -----------------------------------------------------

VIDEO = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 20
SAMSUNG = b"\0\0\x30\x0a\x10\0\0\0MotionPhoto_Data" + VIDEO + b"SEFH" + bytes(40) + b"SEFT"


def jpeg(xmp=XMP):
    return stored_bytes("jpeg", picture(40, 56), 1, xmp=xmp)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (jpeg() + VIDEO, ["a video"]),
        (jpeg() + SAMSUNG, ["a video"]),
        (jpeg() + bytes(100) + VIDEO.replace(b"mp42", b"qt  "), ["a video"]),
        (jpeg() + b"\0\0\0\x08wide\0\0\1\0mdat", ["a video"]),
        (jpeg() + b"RIFF\0\1\0\0AVI LIST", ["a video"]),
        (jpeg(packet("GCamera:MotionPhoto='1'")) + bytes(100), ["a video"]),
        (jpeg(packet("GCamera:MotionPhoto='1'")), []),  # was removed by another program
        (jpeg(packet("hdrgm:Version='1.0'")) + jpeg(), ["a gain map"]),
        (jpeg() + jpeg(packet("hdrgm:Version='1.0'")), ["a gain map"]),
        (jpeg(packet("GDepth:Format='RangeInverse'")), ["a depth map"]),
        (jpeg() + b"urn:iso:std:iso:ts:21496:-1\0", ["a gain map"]),
        (jpeg() + b"<x apdi:AuxiliaryImageType='disparity'/>", ["a depth map"]),
        (jpeg() + b"\0\0\x41\x0aDualShot_DepthMap_1", ["a depth map"]),
        (jpeg() + b"\0\0\x01\x0aImage_UTC_Data1234SEFH", []),
        (jpeg() + jpeg(), []),  # a preview, as most cameras append it
        (jpeg() + b"\0\0\0\x18ftypheic" + bytes(99), []),
        (jpeg() + bytes(4096), []),  # padding
        (jpeg().replace(b"\xff\xdb", b"\xff\xe9\0\x12" + VIDEO[:16] + b"\xff\xdb", 1), []),
    ],
)
def test_what_a_photographer_would_miss_is_named(tmp_path, data, named):
    path, target = tmp_path / "a.jpg", tmp_path / "b.jpg"
    path.write_bytes(data)
    photograph = read_photograph(path)
    expected = [f"{path}: the file holds {what} besides the picture; left out" for what in named]
    assert list(photograph.warnings) == expected
    assert photograph.pixels.shape[:2] == (40, 56)
    assert write_photograph(photograph.pixels, target, metadata=photograph.metadata) == ()
    written = target.read_bytes()
    assert not any(word in written for word in (b":MotionPhoto", b"ftyp", b":Version", b"GDepth:F"))


@pytest.mark.parametrize(
    ("kind", "named"), [(0x010001, []), (0x010002, []), (0x020002, ["a second view"]), (0, [])]
)
def test_of_several_pictures_only_second_views_are_named(tmp_path, kind, named):
    """Sony and Nikon append previews to every JPEG; the 3D cameras of Fujifilm a second view."""
    entries = struct.pack(">IIIHH", 0x030000, 1, 0, 0, 0) + struct.pack(">IIIHH", kind, 1, 9, 0, 0)
    block = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIII", 1, 0xB002, 7, 32, 26, 0) + entries
    content = b"MPF\0" + block
    data = jpeg()
    path = tmp_path / "a.jpg"
    segment = struct.pack(">BBH", 0xFF, 0xE2, len(content) + 2) + content
    path.write_bytes(data[:2] + segment + data[2:] + jpeg())
    expected = [f"{path}: the file holds {what} besides the picture; left out" for what in named]
    assert list(read_photograph(path).warnings) == expected

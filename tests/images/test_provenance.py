"""Laws of provenance: a computed photograph names the program, and all other metadata stay."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from time import process_time
from xml.etree import ElementTree as ET

import pytest
import tifffile
from hypothesis import assume, given
from hypothesis import strategies as st
from image_samples import (
    ICC,
    MAKER_NOTE,
    SUFFIX,
    XMP,
    directory,
    entry,
    exif,
    fields,
    picture,
    read_fields,
)
from PIL import Image

from expinterp import __version__, cli
from expinterp.images import (
    FORMATS,
    Metadata,
    read_photograph,
    with_exposure_time,
    with_provenance,
    write_photograph,
)
from expinterp.images.metadata.exif_edit import fit_to_pixels

PROGRAM = f"expinterp {__version__}"
PROCESSING, SOFTWARE = ("0th", 0x000B), ("0th", 0x0131)
NAMES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "mm": "http://ns.adobe.com/xap/1.0/mm/",
    "event": "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#",
}
FULL = 65_527  # bytes of an EXIF block that fills its JPEG segment
ORDERS = pytest.mark.parametrize("order", ["<", ">"])


def state(metadata, action="derived", parameters="interpolate: 2.00 EV"):
    return with_provenance(metadata, action=action, parameters=parameters)


def name(prefix, local):
    return f"{{{NAMES[prefix]}}}{local}"


def tree(packet):
    return ET.fromstring(packet[: packet.rindex(b">") + 1])


def history(*packets):
    """List all entries with another parser: action, program, parameters."""
    attributes = [name("event", each) for each in ("action", "softwareAgent", "parameters")]
    path = "rdf:Description/mm:History/rdf:Seq/rdf:li"
    return [
        tuple(entry.get(each) for each in attributes)
        for packet in packets
        for root in tree(packet).iter(name("rdf", "RDF"))
        for entry in root.iterfind(path, NAMES)
    ]


def tools(packet):
    """List all creator tools, as attributes and as elements."""
    found = [node.get(name("xmp", "CreatorTool")) for node in tree(packet).iter()]
    found += [node.text for node in tree(packet).iter(name("xmp", "CreatorTool"))]
    return [tool for tool in found if tool]


# --- in every format -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("found", [Metadata(), Metadata(exif=exif(), xmp=XMP, icc=ICC)])
def test_every_format_names_the_program(tmp_path, form, found):
    target = tmp_path / f"a{SUFFIX[form]}"
    metadata = state(with_exposure_time(found, 1 / 120), parameters='a < "b" & c')
    assert write_photograph(picture(), target, metadata=metadata) == ()
    stated = fields(target)
    assert stated[PROCESSING] == PROGRAM
    assert stated[SOFTWARE] == ("firmware 1.2" if found.exif else PROGRAM)
    packet = read_photograph(target).metadata.xmp
    assert history(packet) == [("derived", PROGRAM, 'a < "b" & c')]
    assert tools(packet) == [PROGRAM]
    if form == "tiff":
        with tifffile.TiffFile(target) as file:
            assert file.pages.first.tags[0x000B].value == PROGRAM
    else:
        with Image.open(target) as image:
            assert image.info["xmp"] == packet


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_the_provenance_and_finds_no_error(tmp_path):
    for form, suffix in SUFFIX.items():
        metadata = state(Metadata(exif=exif(), xmp=PACKETS["history"]))
        write_photograph(picture(), tmp_path / f"{form}{suffix}", metadata=metadata)
    command = ["exiftool", "-j", "-XMP:all", "-IFD0:all", "-Warning", "-Error", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)
    assert len(rows) == len(FORMATS)
    for row in rows:
        assert row["ProcessingSoftware"] == PROGRAM
        assert row["Software"] == "firmware 1.2"
        assert row["HistoryAction"] == ["saved", "derived"]
        assert row["HistorySoftwareAgent"] == ["Lightroom", PROGRAM]
        assert "MakerNotes" in row.pop("Warning")  # of an unknown maker
        assert "Error" not in row


def test_commands_state_it_in_photographs_and_not_in_pictures_of_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name_, time in (("long.jpg", 1 / 30), ("short.jpg", 1 / 120)):
        pixels = (picture(48, 64) * min(1, 30 * time)).astype("uint8")
        metadata = with_exposure_time(Metadata(), time)
        write_photograph(pixels, name_, metadata=metadata)
    pair = ["long.jpg", "short.jpg", "--no-refine"]
    pictures = ["--save-intermediate", "i.png", "--save-residual", "r.png"]
    assert cli.main(["interpolate", *pair[:2], "-o", "m.jpg", *pictures]) == 0
    more = ["--virtual", "1", "--save-virtual", "v", "--save-masks", "k"]
    assert cli.main(["fuse", *pair, "-o", "f.tif", *more]) == 0
    (virtual,), masks = tmp_path.glob("v/*"), list(tmp_path.glob("k/*"))
    for path in ("m.jpg", "i.png", "f.tif", virtual):
        ((action, agent, parameters),) = history(read_photograph(path).metadata.xmp)
        assert action == ("produced" if path == "f.tif" else "derived")
        assert agent == fields(path)[PROCESSING] == PROGRAM
        assert parameters.startswith(("interpolate: ", "fuse: "))
    assert len(masks) == 3
    for path in ("r.png", *masks):
        found = read_photograph(path).metadata
        assert found.xmp is None
        assert PROGRAM.encode() not in (found.exif or b"")


# --- EXIF ----------------------------------------------------------------------------------------


@ORDERS
def test_no_other_field_changes_and_no_byte_moves(order):
    before = exif(6, order=order)
    after = state(Metadata(exif=before)).exif
    assert read_fields(after) == read_fields(before) | {PROCESSING: PROGRAM}
    assert after.index(MAKER_NOTE) == before.index(MAKER_NOTE)
    assert after[8 : len(before)] == before[8:]


@given(
    order=st.sampled_from("<>"),
    texts=st.dictionaries(
        st.sampled_from([0x000B, 0x010E, 0x010F, 0x0131, 0x013B, 0x8298]),
        st.text(st.characters(codec="ascii", min_codepoint=33), max_size=400),
    ),
)
def test_only_missing_software_is_filled_in(order, texts):
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    entries = [entry(block, order, tag, 2, text.encode() + b"\0") for tag, text in texts.items()]
    entries.sort(key=lambda each: struct.unpack_from(order + "H", each))
    struct.pack_into(order + "I", block, 4, directory(block, order, entries))
    after = state(Metadata(exif=bytes(block))).exif
    expected = {("0th", tag): text for tag, text in texts.items()} | {PROCESSING: PROGRAM}
    expected[SOFTWARE] = expected.get(SOFTWARE) or PROGRAM
    found = read_fields(after)
    assert {key: found.get(key, "") for key in expected} == expected
    assert state(Metadata(exif=after)).exif == after


@pytest.mark.parametrize("text", [b"", b" ", b"    \0\0"])
def test_blank_software_counts_as_missing(text):
    """Cameras without a name for their firmware write blanks."""
    block = exif().replace(b"firmware 1.2\0", text.ljust(13, b"\0"))
    assert read_fields(state(Metadata(exif=block)).exif)[SOFTWARE] == PROGRAM


def test_fields_of_unknown_type_stay():
    """EXIF 3.0 added type 129, text in UTF-8."""
    block = bytearray(exif())
    at = block.index(struct.pack("<HHI", 0x0110, 2, 8))
    struct.pack_into("<H", block, at + 2, 129)
    record = bytes(block[at : at + 12])
    after = state(Metadata(exif=bytes(block))).exif
    (start,) = struct.unpack_from("<I", after, 4)
    assert record in after[start:]


@pytest.mark.parametrize("padded", [True, False])
def test_a_block_that_fills_its_segment_still_fits(tmp_path, padded):
    """Nikon pads to the last byte; without padding the bytes of the thumbnail are used."""
    block = bytearray(exif())
    start = len(block)
    thumbnail = b"" if padded else b"\xff\xd8" + bytes([7]) * (FULL - start - 2)
    at = block.index(struct.pack("<HHI", 0x0201, 4, 1))
    struct.pack_into("<I", block, at + 8, start)
    struct.pack_into("<I", block, at + 20, len(thumbnail))
    full = bytes(block + thumbnail).ljust(FULL, b"\0")
    assert (
        write_photograph(picture(), tmp_path / "a.jpg", metadata=state(Metadata(exif=full))) == ()
    )
    assert fields(tmp_path / "a.jpg") == read_fields(exif()) | {PROCESSING: PROGRAM}
    found = read_photograph(tmp_path / "a.jpg").metadata.exif
    assert len(found) == FULL
    assert found.index(MAKER_NOTE) == exif().index(MAKER_NOTE)


def test_a_full_block_without_unused_bytes_stays_as_it_is():
    """It would be left out of the JPEG, with all that the camera stated."""
    full = exif() + b"\1" * (FULL - len(exif()))
    after = state(Metadata(exif=full))
    assert after.exif == full
    assert history(after.xmp)
    longer = full + b"\1" * 99  # of another format, which has no such limit
    assert read_fields_of_long(state(Metadata(exif=longer)).exif) == PROGRAM


def read_fields_of_long(block):
    found = Image.Exif()
    found.load(block)
    return found[0x000B]


def test_bytes_that_a_field_uses_are_not_overwritten():
    """A maker note may end in zeros, and lie about the thumbnail."""
    block = bytearray(exif())
    start = len(block)
    note = block.index(struct.pack("<HHI", 0x927C, 7, len(MAKER_NOTE)))
    struct.pack_into("<II", block, note + 4, FULL - start, start)
    at = block.index(struct.pack("<HHI", 0x0201, 4, 1))
    struct.pack_into("<I", block, at + 8, start)
    struct.pack_into("<I", block, at + 20, FULL - start)
    full = bytes(block + b"\xff\xd8").ljust(FULL, b"\0")
    assert state(Metadata(exif=full)).exif == full


@given(
    flips=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=8),
    keep=st.integers(0, 700),
    order=st.sampled_from("<>"),
)
def test_damaged_blocks_stay_damaged(flips, keep, order):
    block = bytearray(exif(6, order=order))
    for place, value in flips:
        block[place % len(block)] = value
    damaged = Metadata(exif=bytes(block[: keep or None]))
    stated, found = (fit_to_pixels(each, 53, 37).extras for each in (state(damaged), damaged))
    assert bool(stated) == bool(found)


@pytest.mark.parametrize("block", [b"", b"garbage", exif()[:60]])
def test_a_damaged_block_is_replaced_and_named(block):
    found = state(Metadata(exif=block))
    assert read_fields(found.exif) == {PROCESSING: PROGRAM, SOFTWARE: PROGRAM}
    assert "EXIF block, which is damaged" in found.extras[0].name


# --- XMP -----------------------------------------------------------------------------------------


def packet(inside, *, rdf="rdf", end="w", padding=b""):
    """A packet by another program, with any prefix for the RDF namespace."""
    spaces = "".join(f" xmlns:{key}='{NAMES[key]}'" for key in ("xmp", "mm", "event"))
    root = f"<{rdf}:RDF xmlns:{rdf}='{NAMES['rdf']}'{spaces}>{inside}</{rdf}:RDF>"
    whole = "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>"
    return f"{whole}{root}</x:xmpmeta>".encode() + padding + f"<?xpacket end='{end}'?>".encode()


SAVED = "<rdf:li event:action='saved' event:softwareAgent='Lightroom'/>"
PACKETS = {
    "attribute": XMP,
    "history": packet(
        f"<rdf:Description rdf:about=''><mm:History><rdf:Seq>{SAVED}</rdf:Seq></mm:History>"
        "<own:x xmlns:own='urn:own'>é &lt;/rdf:RDF&gt; <![CDATA[</rdf:Seq>]]></own:x></rdf:Description>"
    ),
    "prefix": packet(
        "<r:Description r:about='' a='&quot;>'><mm:History><r:Seq></r:Seq></mm:History>"
        "</r:Description>",
        rdf="r",
    ),
    "empty list": packet(
        "<rdf:Description><mm:History><rdf:Seq a='/>'/></mm:History></rdf:Description>"
    ),
    "no description": packet(""),
    "bare": f"<rdf:RDF xmlns:rdf='{NAMES['rdf']}'/>".encode(),
    "comment": packet("<!-- <rdf:Seq></rdf:Seq> --><rdf:Description/>", end="r"),
    "tool": packet("<rdf:Description><xmp:CreatorTool>Camera</xmp:CreatorTool></rdf:Description>"),
    "tool as attribute": packet("<rdf:Description xmp:CreatorTool='Camera'/>"),
}


@pytest.mark.parametrize("before", PACKETS.values(), ids=PACKETS)
def test_an_entry_is_appended_and_every_other_byte_stays(before):
    after = state(Metadata(xmp=before), "produced", "fuse").xmp
    assert history(after) == [*history(before), ("produced", PROGRAM, "fuse")]
    assert tools(after) == (tools(before) or [PROGRAM])
    added = re.compile(
        rb"<rdf:Description xmlns:rdf=\"[^\"]*\" rdf:about=\"\"( xmlns:xmp=\"[^\"]*\" xmp:CreatorTool"
        rb"=\"[^\"]*\")?>(<xmpMM:History xmlns:xmpMM=\"[^\"]*\"><rdf:Seq>)?(<rdf:li xmlns:rdf=[^<>]*/>"
        rb"</rdf:Seq></xmpMM:History>)?</rdf:Description>|<rdf:li xmlns:rdf=[^<>]*/>"
    )
    rest = added.sub(b"", after)
    unfolded = [rest.replace(b"></rdf:%s>" % tag, b"/>") for tag in (b"RDF", b"Seq")]
    assert before in [rest, *unfolded]


def test_a_second_step_is_a_second_entry_and_the_first_stays():
    once = state(Metadata(exif=exif(), xmp=XMP))
    twice = state(once, "produced", "fuse")
    assert history(twice.xmp) == [*history(once.xmp), ("produced", PROGRAM, "fuse")]
    assert tools(twice.xmp) == [PROGRAM]
    assert twice.exif == once.exif


def test_a_new_description_is_about_what_the_others_are_about():
    """Two subjects in one packet are against the specification."""
    before = packet("<rdf:Description rdf:about='uuid:1 &amp; 2'/><rdf:Description about='x'/>")
    found = tree(state(Metadata(xmp=before)).xmp).iter(name("rdf", "Description"))
    assert [each.get(name("rdf", "about")) for each in found] == ["uuid:1 & 2", None, "uuid:1 & 2"]


@pytest.mark.parametrize(
    "before",
    [
        b"garbage",
        b" " * 500,
        XMP[:-40],
        XMP.replace(b"xmlns:xmp=", b"xmlns:other="),
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + XMP[XMP.index(b"<x:") :],
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>",
        packet(f"</rdf:RDF><rdf:RDF xmlns:rdf='{NAMES['rdf']}'>"),
        packet("<rdf:Description mm:History='x'/>"),
        packet("<rdf:Description><mm:History><rdf:Bag/></mm:History></rdf:Description>"),
        packet("<rdf:Description><mm:History><rdf:Seq/></mm:History></rdf:Description>" * 2),
    ],
)
def test_packets_that_are_not_understood_stay_as_they_are(before):
    assert state(Metadata(xmp=before)).xmp == before


@given(flips=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=3))
def test_a_damaged_packet_stays_or_becomes_sound(flips):
    damaged = bytearray(PACKETS["history"])
    for place, value in flips:
        damaged[place % len(damaged)] = value
    before = bytes(damaged)
    assume(b"}" not in before)  # ElementTree, which reads the result, refuses it in a namespace
    after = state(Metadata(xmp=before)).xmp
    assert after == before or history(after)[-1][1] == PROGRAM


@pytest.mark.parametrize("padding", [0, 100, 5000])
def test_padding_makes_room_for_the_entry(padding):
    before = packet("<rdf:Description/>", padding=b" " * padding)
    after = state(Metadata(xmp=before)).xmp
    grown = len(state(Metadata(xmp=packet("<rdf:Description/>"))).xmp) - len(before) + padding
    assert len(after) == len(before) + max(0, grown - padding)
    assert history(after)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_packets_in_utf_16_are_continued_in_utf_8(encoding):
    after = state(Metadata(xmp=PACKETS["history"].decode().encode(encoding))).xmp
    assert len(history(after)) == 2


def test_nothing_depends_on_the_time_of_day(monkeypatch):
    found = Metadata(exif=exif(), xmp=XMP)
    first = state(found)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert state(found) == first
    assert found == Metadata(exif=exif(), xmp=XMP)


@pytest.mark.parametrize(
    "inside", ["<a>" * 50_000 + "</a>" * 50_000, "<a b='" + "x/>" * 50_000 + "'/>"]
)
def test_hostile_packets_take_time_in_proportion_to_their_length(inside):
    begun = process_time()
    after = state(Metadata(xmp=packet(f"<rdf:Description>{inside}</rdf:Description>"))).xmp
    assert PROGRAM.encode() in after
    assert process_time() - begun < 2

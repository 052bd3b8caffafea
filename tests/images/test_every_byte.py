"""What our own readers make of small files in which each byte is changed, as `every_byte.txt` records it.

A line of the record has the input, how many of its damaged variants are read and how many refused,
and a sum over all outcomes for each 32 bytes of the input. So a line that differs says where. It is
right that a sum changes when what is read, kept or said changes: look at the difference, and write
the record anew by running this file.
"""

import random
import struct
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import damage_samples as samples
import pytest
from recorded import line_of, record

from expinterp.errors import ImageFileError
from expinterp.images.codecs import boxes, jpeg2000, netpbm, png
from expinterp.images.codecs.jxl import colours, header, pixels
from expinterp.images.developing import profiles, raw_exif, raw_files
from expinterp.images.formats import _describe_other, sniff_format
from expinterp.images.header import read_header_of
from expinterp.images.jpeg_layout import read_layout
from expinterp.images.metadata import exif as exif_of
from expinterp.images.metadata import exif_edit, iptc, jpeg_metadata, provenance, tiff_exif, xmp
from expinterp.images.metadata.capture import read_capture
from expinterp.images.metadata.exif_repair import repair
from expinterp.images.metadata.icc import profile_name, profile_space, profile_transfer
from expinterp.images.metadata.png_text import blocks_of_png, extras_of_png
from expinterp.images.metadata.xmp import extension, packet, properties
from expinterp.images.photograph import Metadata
from expinterp.images.raw_kinds import has_floats, is_raw

RECORD = Path(__file__).with_name("every_byte.txt")
NO_OTHER = SimpleNamespace(timestamp=SimpleNamespace(year=1970))


def variants(sample, step=1, start=0):
    """Cut the sample off, and change each byte (each n-th where reading is slow) in two of five ways."""
    made = []
    for at in range(start, len(sample), step):
        byte = sample[at]
        changed = (byte + 1, byte - 1, byte ^ 0x80, 0, 0xFF)
        made.append((at, sample[:at]))
        for turn in (at, at + 2):
            other = bytes([changed[turn % 5] & 0xFF])
            made.append((at, sample[:at] + other + sample[at + 1 :]))
    return made


# --- readers: each returns what can be compared as text ------------------------------------------


def head_of(form):
    return lambda data: vars(read_header_of(BytesIO(data), form))


def layout_of(data):
    found = read_layout(data)
    return found, [each.tolist() for each in found.lowest.values()], found.deep


def stated_by(block):
    """What is read of an EXIF block."""
    return (
        read_capture(block), exif_of.read_orientation(block), exif_of.read_resolution(block),
        exif_of.find_thumbnail(block), exif_of.read_text(*exif_of.readable_fields(block)[::2], 0x110),
    )  # fmt: skip


def repaired(block):
    return repair(block)


def corrected(block):
    """A block for other pixels and another time."""
    made = exif_edit.fit_to_pixels(Metadata(exif=block, density=(72.0, 300.0)), 12, 70_000)
    made = exif_edit.with_exposure_time(made, 0.4)
    return exif_edit.with_density(made)


def moved(block):
    """A block collected out of a file, and shortened."""
    short = tiff_exif.shorten(block, len(block) - 60)
    return tiff_exif.exif_of_tiff(block), tiff_exif.bytes_of_tiff(block, 0x10F), short


def signed(block):
    with mock.patch.object(provenance, "_VALUE", b"expinterp 1.0\0"):  # in every version
        return provenance._state_software(block), exif_edit.used_spans(block)


def without_packed(extras):
    """What is stored, but for what zlib packed."""
    return [
        (each.name, {k: v for k, v in each.stored.items() if b"zTXt" not in v}) for each in extras
    ]


def resources_of(data):
    found = without_packed(iptc.extras_of_resources(data))
    return found, iptc.separate_iptc(data)


def segments_of(data):
    """What the segments of a JPEG hold, given as 16 bytes of name and content."""
    parts = [
        ("APP1", data[:100]),
        ("APP1", data[100:]),
        ("COM", data[:9]),
        ("APP11", b"JP" + data[:2]),
    ]
    packet = b'<x xmpNote:HasExtendedXMP="%s"/>' % (b"A" * 32)
    return jpeg_metadata.metadata_of_jpeg(parts, Metadata(xmp=packet))


def behind(data):
    return jpeg_metadata.left_behind(data, Metadata(), None), jpeg_metadata.holds_video(
        bytes(60) + data
    )


def second_view(data):
    return jpeg_metadata._has_second_view(data)


def chunks_of(data):
    damage = []
    listed = list(png.chunks(data, damage))
    found, others = blocks_of_png(listed)
    extras = [without_packed(extras_of_png(others, has_profile=each)) for each in (False, True)]
    return found.exif, found.icc, found.xmp, without_packed(found.extras), extras, damage


def properties_of_avif(data):
    return boxes.size_of_primary(data), boxes.colours_of_primary(data), boxes.depth_of_primary(data)


def colours_of_jpeg2000(data):
    return jpeg2000._check_colours(jpeg2000._parse(data)), jpeg2000._meanings(jpeg2000._parse(data))


def icc_of(data):
    curve = profiles.read_curve(data)
    primaries = [round(each, 3) for each in profiles.read_primaries(data)]
    stated = profile_space(data), profile_name(data), profile_transfer(data)
    return stated, primaries, curve and round(curve.exponent, 3), profiles.has_linear_curve(data)


def packet_of(data):
    """What an XMP packet states, and its corrections."""
    corrected = properties.fit(data, 12, 34), properties.state_time(data, (1, 8), 0.5)
    stated = xmp.block_of_packet(data), xmp.left_out(data)
    event = b'<r:li xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">event</r:li>'
    short = extension.split(data, len(data) - 40)
    joined = short and short[1] and extension.join(*short)
    history = xmp.state_history(data, event, "program")
    return (
        sorted(stated[1]),
        stated[0],
        corrected,
        history,
        short,
        joined,
        packet.as_utf8(data[:40]),
    )


def is_whole(data, count):
    try:
        raw_files.check_sensor_data(data, count)
    except ImageFileError:
        return False
    return True


def sensor_of(data):
    """Whether a raw file is whole, and what it is."""
    whole = [is_whole(data, count) for count in (8 * len(data), 16 * len(data) + 16)]
    found = [each.start for each in raw_files.directories(data)]
    return whole, found, raw_files.is_dng(data), is_raw(data), has_floats(BytesIO(data))


def exposure_of_raw(data):
    other = SimpleNamespace(
        timestamp=SimpleNamespace(year=1970), shutter_speed=0.5, aperture=8.0, iso_speed=0.0,
        focal_length=35.0,
    )  # fmt: skip
    return raw_exif.exif_of_raw(data, other)


def plain_picture(data):
    found = netpbm.decode(BytesIO(data), 10**6)
    return netpbm.read_size(data), found.pixels.tolist(), found.warnings


def floats(data):
    return netpbm.read_floats(data, 10**6).tolist()


def kind_of(head):
    return sniff_format(head) or _describe_other(head)


def container(data):
    return pixels._boxes(data), vars(read_header_of(BytesIO(data), "jxl"))


def bits_of_jxl(seed):
    """Random bits behind the mark of a codestream: most ways through the header are taken."""
    data = header.CODESTREAM + random.Random(seed).randbytes(48)
    found = header.parse_header(data)
    shown = colours.profile_of_colours(found.colours)
    return found, shown[1], len(shown[0] or b"")


def bits_written(seed):
    """Other colours put into a random header that libjxl might write."""
    chance = random.Random(seed)
    bits = header._Writer()
    bits.put(1), bits.put(4, 5), bits.put(1, 3), bits.put(0)  # a square of 40 pixels
    bits.put(seed & 1), bits.put(0, 6 * (seed & 1))  # nothing more, with a flag for it or not
    bits.put(0), bits.put(0, 2), bits.put(1), bits.put(0, 2), bits.put(0)  # 8 bits, no opacity
    first, *others = (
        header.Colours(
            grey=chance.random() < 0.3, transfer=chance.choice((0, 1, 8, 13, 17, 20)),
            gamma=chance.uniform(0.9, 3), primaries=tuple(chance.uniform(-0.2, 1.2) for _ in range(8)),
        )
        for _ in range(3)
    )  # fmt: skip
    header._write_colours(bits, first)
    bits.put(seed & 1, seed & 1), bits.put(4, 3), bits.put(chance.getrandbits(40), 40)
    data = header.CODESTREAM + bits.data()
    return [(made := header.with_colours(data, each), header.parse_header(made)) for each in others]


HEADS = {
    "JPEG": b"\xff\xd8\xff\xe0", "BMP": b"BM" + bytes(12) + b"\x28\0\0\0", "HEIC": b"\0\0\0\x14ftypheic\0\0\0\0mif1",
    "AVIF": b"\0\0\0\x14ftypmif1\0\0\0\0avif", "TGA": b"\0\0\2" + bytes(9) + b"\5\0\3\0\x18\0",
    "TGA with palette": b"\1\1\1\0\0\0\1\x18" + bytes(4) + b"\5\0\3\0\x08\0",
    "PPM": b"P6\n1 1", "PFM": b"Pf 1 1 ", "WebP": b"RIFF\0\0\0\0WEBP", "CR3": b"\0\0\0\x18ftypcrx ",
    "CR2": b"II*\0\x10\0\0\0CR\2\0", "Phase One": b"II*\0\x08\0\0\0IIII", "video": b"\0\0\0\x18ftypqt  ",
}  # fmt: skip
HDR = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\nPRIMARIES= 0.6 0.3 0.3 0.6 0.1 0.1 0.3 0.3\n\n+X 53 -Y 37\n"
PLAIN = {
    "P1": b"P1 #a\n3 2\n1 0 1\n0#b\n10 ", "P2": b"P2 2 2 9 1 2\n9 10 P", "P3": b"P3 1 1 300 1 2 300",
    "P4": b"P4 9 2\n\xa5\x80\x5a\0P", "P5": b"P5 2 1 255\nab", "P6": b"P6 1 1 999\n\1\2\3\4\0\7",
    "P7": b"P7\nWIDTH 1\nHEIGHT 2\nDEPTH 2\n#\nMAXVAL 7\nTUPLTYPE X\nENDHDR\n\1\2\3\4 P",
}  # fmt: skip
MPF = samples.block_of("<", [(0xB002, 7, samples.longs("<", 0x30000, 4, 5, 6, 0x20002, 0, 0, 0))])
PART = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32
EXTENSIONS = (PART + struct.pack(">II", 6, 0) + b"<a>").ljust(100, b" ")[:100]
BEHIND = b"\xff\xd8" + samples.segment(0xE0, b"head") + b"\xff" + samples.scan() + b"\xff\xd9"
BEHIND += b"\0\0\1\x20ftypmp42" + b"hdrgm:Version" + b"SoundShot_Meta"


# Every n-th byte is changed; records have 12.
SLOW = {stated_by: 5, repaired: 7, corrected: 13, moved: 11, signed: 5}


def blocks():
    """List the inputs that are EXIF blocks or raw files, in both orders of bytes."""
    for order, letter in (("<", "II"), (">", "MM")):
        for name, block in (("camera", samples.camera(order)), ("odd", samples.odd(order))):
            for reader, step in SLOW.items():
                start = 0 if order == "<" else step // 2
                yield f"{reader.__name__} {name} {letter}", reader, variants(block, step, start)
        for name in ("canon", "nikon", "sony"):
            block = getattr(samples, f"{name}_block")(order)
            yield f"stated_by {name} {letter}", stated_by, variants(block)
        yield f"sensor_of DNG {letter}", sensor_of, variants(samples.dng(order), 5)


def inputs():
    """List the name of each input, its reader, and its variants with their place."""
    for form, data in (
        ("jpeg", samples.jpeg()), ("png", samples.png()), ("webp", samples.webp()), ("jpeg2000", samples.jpeg2000()),
        ("jxl", b"\xff\x0a" + bytes.fromhex("4c0d00c1100102040810204080ffffff")), ("hdr", HDR),
        ("netpbm", PLAIN["P6"]), ("pfm", b"PF 5 3 -1.5 "),
    ):  # fmt: skip
        yield f"head_of {form}", head_of(form), variants(data)
    for kind in (b"VP8 ", b"VP8L"):
        yield f"head_of {kind.decode()}", head_of("webp"), variants(samples.webp(kind))
    for name, data in samples.scans().items():
        yield f"layout_of {name}", layout_of, variants(data)
    for name, data in samples.raw_files().items():
        yield f"exposure_of_raw {name}", exposure_of_raw, variants(data)
    for name, data in samples.PACKETS.items():
        yield f"packet_of {name}", packet_of, variants(data, 5)
    for name, data in PLAIN.items():
        yield f"plain_picture {name}", plain_picture, variants(data)
    for name, data in HEADS.items():
        yield f"kind_of {name}", kind_of, variants(data)
    for flags in (0, 1):
        avif, jpeg_2000 = samples.avif(flags, flags), samples.jpeg2000(bare=bool(flags))
        yield f"properties_of_avif {flags}", properties_of_avif, variants(avif)
        yield f"colours_of_jpeg2000 {flags}", colours_of_jpeg2000, variants(jpeg_2000)
    for version in (2, 4):
        yield f"icc_of version {version}", icc_of, variants(samples.profile(version), 3)
    yield "floats", floats, variants(b"Pf 1 2 -1.0\n\0\0\x80\x3f\0\0\0\x40")
    yield "resources_of", resources_of, variants(samples.resources())
    yield "chunks_of", chunks_of, variants(samples.png())
    yield (
        "segments_of",
        segments_of,
        variants(EXTENSIONS + EXTENSIONS.replace(b"\0\0\0\0<", b"\0\0\0\3<")),
    )
    yield "behind", behind, variants(BEHIND)
    yield "second_view", second_view, variants(MPF)
    yield "container", container, variants(samples.jxl())
    yield "bits_of_jxl", bits_of_jxl, [(seed, seed) for seed in range(384)]
    yield "bits_written", bits_written, [(seed, seed) for seed in range(64)]


INPUTS = {name: (reader, changed) for name, reader, changed in (*blocks(), *inputs())}


@pytest.mark.parametrize("name", INPUTS)
def test_each_changed_byte_has_the_recorded_outcome(name):
    assert line_of(name, *INPUTS[name]) == record(RECORD)[name]


if __name__ == "__main__":
    RECORD.write_text("\n".join(line_of(name, *each) for name, each in INPUTS.items()) + "\n")

"""Small files and blocks, byte by byte the same on every machine, to be damaged in every place.

No library encodes anything here: its next version would write other bytes.
"""

from __future__ import annotations

import struct
import zlib

from image_samples import MAKER_NOTE, XMP, directory, entry

XAP = b"http://ns.adobe.com/xap/1.0/\0"
BYTE, TEXT, SHORT, LONG, RATIONAL, ANY, SRATIONAL = 1, 2, 3, 4, 5, 7, 10


def shorts(order, *values):
    return struct.pack(f"{order}{len(values)}H", *values)


def longs(order, *values):
    return struct.pack(f"{order}{len(values)}I", *values)


def block_of(order, first, exif=(), *, gps=(), interop=(), below=(), thumbnail=b"", note=None):
    """A block whose fields are (tag, type, value); `below` is a GPS directory of the EXIF one."""
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))

    def add(fields, following=0):
        records = [entry(block, order, tag, kind, value) for tag, kind, value in sorted(fields)]
        return directory(block, order, records, following)

    def pointer(tag, fields):
        return [(tag, LONG, longs(order, add(fields)))] if fields else []

    settings = [*exif, *pointer(0xA005, interop), *pointer(0x8825, below)]
    settings += [] if note is None else [(0x927C, ANY, note)]
    main = [*first, *pointer(0x8825, gps), *pointer(0x8769, settings)]
    second = 0
    if thumbnail:
        start, _ = len(block), block.extend(thumbnail)
        small = [(0x201, LONG, longs(order, start)), (0x202, LONG, longs(order, len(thumbnail)))]
        second = add(small)
    struct.pack_into(order + "I", block, 4, add(main, second))
    return bytes(block)


def camera(order, make=b"Maker\0", note=MAKER_NOTE):
    """The block of a camera that states everything."""
    first = [
        (0x0100, LONG, longs(order, 53)), (0x0101, SHORT, shorts(order, 37)),
        (0x010E, TEXT, b"A church\0"), (0x010F, TEXT, make), (0x0110, TEXT, b"Model 7\0"),
        (0x0112, SHORT, shorts(order, 6)), (0x011A, RATIONAL, longs(order, 300, 1)),
        (0x011B, SHORT, shorts(order, 300)), (0x0128, SHORT, shorts(order, 2)),
        (0x0131, TEXT, b"1.2\0"), (0x829A, RATIONAL, longs(order, 1, 8)),
    ]  # fmt: skip
    exif = [
        (0x829A, RATIONAL, longs(order, 1, 60)), (0x829D, RATIONAL, longs(order, 56, 10)),
        (0x8827, SHORT, shorts(order, 65_535)), (0x8830, SHORT, shorts(order, 2)),
        (0x8832, LONG, longs(order, 102_400)), (0x9003, TEXT, b"2024:05:06 07:08:09\0"),
        (0x9011, TEXT, b"+02:30\0"), (0x9291, TEXT, b"25\0"),
        (0x9204, SRATIONAL, struct.pack(order + "ii", -4, 6)), (0x9209, SHORT, shorts(order, 25)),
        (0x920A, RATIONAL, longs(order, 35, 1)), (0xA002, SHORT, shorts(order, 53)),
        (0xA003, LONG, longs(order, 37)), (0xA402, SHORT, shorts(order, 1)),
        (0xA431, TEXT, b"4711\0"),
    ]  # fmt: skip
    gps = [(1, TEXT, b"N\0"), (2, RATIONAL, longs(order, 52, 1, 31, 1, 12, 1))]
    return block_of(
        order, first, exif, gps=gps, interop=[(1, TEXT, b"R98\0")], note=note,
        thumbnail=b"\xff\xd8 small\xff\xd9",
    )  # fmt: skip


def odd(order):
    """A block that states an exposure in other ways, has damage, and fields of a raw file."""
    first = [
        (0x000B, TEXT, b"a program\0"), (0x010F, TEXT, b"model\0"), (0x0110, TEXT, b"Model 7\0"),
        (0x0112, BYTE, b"\3"), (0x011A, LONG, longs(order, 72)), (0x0128, SHORT, shorts(order, 9)),
        (0x014A, LONG, longs(order, 8)), (0x828E, ANY, b"\0\1\1\2"), (0xC612, BYTE, b"\1\4\0\0"),
        (0x8827, SHORT, shorts(order, 200)),
    ]  # fmt: skip
    exif = [
        (0x829A, TEXT, b" 1/250 \0"), (0x8833, LONG, longs(order, 800)),
        (0x9004, TEXT, b"2024-05-06T07:08:09\0"), (0x9012, TEXT, b"-03:00\0"),
        (0x9292, TEXT, b"1234567\0"), (0x9201, SRATIONAL, struct.pack(order + "ii", 8, 1)),
        (0x9202, RATIONAL, longs(order, 4, 1)), (0x920A, RATIONAL, longs(order, 35, 0)),
    ]  # fmt: skip
    return block_of(order, first, exif, below=[(1, TEXT, b"S\0")])


def canon_block(order, value=2):
    """A block whose maker note is at byte 8, so that the offset in it can be written down."""
    note = struct.pack(order + "H", 1) + struct.pack(order + "HHII", 4, SHORT, 34, 26) + bytes(4)
    note += shorts(order, *range(16), value & 0xFFFF, *range(17))
    return with_note(order, b"CANON\0", note)


def with_note(order, make, note):
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4)) + note
    record = struct.pack(order + "HHII", 0x927C, ANY, len(note), 8)
    exif = directory(block, order, [record])
    records = [
        entry(block, order, 0x10F, TEXT, make),
        entry(block, order, 0x8769, LONG, longs(order, exif)),
    ]
    struct.pack_into(order + "I", block, 4, directory(block, order, records))
    return bytes(block)


def nikon_block(order):
    own = block_of(order, [(0x0089, SHORT, shorts(order, 16 + 1))])
    return with_note(order, b"NIKON CORPORATION\0", b"Nikon\0\2\x10\0\0" + own)


def sony_block(order):
    note = b"SONY DSC \0\0\0" + struct.pack(order + "H", 2)
    note += struct.pack(order + "HHI", 0xB049, SHORT, 1) + shorts(order, 5, 0)
    note += struct.pack(order + "HHII", 0xB04A, LONG, 1, 3) + bytes(4)
    return with_note(order, b"SONY\0", note)


def segment(marker, content):
    return struct.pack(">BBH", 0xFF, marker, 2 + len(content)) + content


def frame(marker=0xC0, bits=8, rows=37, cols=53, sampling=(0x22, 0x11, 0x11)):
    parts = b"".join(bytes([at, each, 0]) for at, each in enumerate(sampling, 1))
    return segment(marker, struct.pack(">BHHB", bits, rows, cols, len(sampling)) + parts)


def scan(components=(1, 2, 3), first=0, last=63, bits=0, data=b"\x12\xff\0\x34\x56"):
    parts = b"".join(bytes([each, 0]) for each in components)
    return segment(0xDA, bytes([len(components)]) + parts + bytes([first, last, bits])) + data


def resources():
    """Image resources of Photoshop: IPTC, one with a name, one that describes the old file."""

    def one(code, name, value):
        named = bytes([len(name)]) + name
        head = b"8BIM" + struct.pack(">H", code) + named + bytes(len(named) % 2)
        return head + struct.pack(">I", len(value)) + value + bytes(len(value) % 2)

    iptc = b"\x1c\2\x78\0\5title"
    return one(0x0404, b"", iptc) + one(0x03ED, b"name", b"resolution") + one(0x0424, b"", b"<x/>")


def jpeg():
    """The segments of a JPEG with everything; its pixels are no picture."""
    extension = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">II", 4, 0)
    return b"".join((
        b"\xff\xd8", segment(0xE1, b"Exif\0\0" + block_of("<", [(0x112, SHORT, b"\6\0")])),
        segment(0xE1, XAP + b"<x/>"), segment(0xE1, extension + b"<a/>"),
        segment(0xED, b"Photoshop 3.0\0" + resources()), segment(0xFE, b"a comment"),
        b"\xff\x01junk", b"\xff" + segment(0xC4, bytes(4)), frame(), segment(0xDD, b"\0\5"),
        scan(data=b"\x12\xff\xd0\x34\xff\xd1\x56"), b"\xff\xd9", b"behind",
    ))  # fmt: skip


def scans():
    """The layouts of JPEGs: with restart markers, of one channel, progressive, without loss, LS."""
    rest = b"".join(b"\x21\xff" + bytes([0xD0 + at % 8]) for at in range(11))
    return {
        "restarts": b"\xff\xd8" + frame() + segment(0xDD, b"\0\1") + scan(data=rest) + b"\xff\xd9",
        "grey": b"\xff\xd8" + frame(sampling=(0x21,)) + segment(0xDD, b"\0\4")
        + scan((1,), data=rest[:24]) + b"\xff\xd9",
        "progressive": b"\xff\xd8" + frame(0xC2, sampling=(0x11, 0x11)) + scan((1, 2), 0, 0, 1)
        + scan((1, 2), 0, 0, 16) + scan((1,), 1, 63, 2) + scan((1,), 1, 63, 33)
        + scan((1,), 1, 63, 16) + scan((2,), 1, 63, 0) + b"\xff\xd9",
        "arithmetic": b"\xff\xd8" + frame(0xCA, 12, sampling=(0x11,)) + scan((1,), 0, 0)
        + scan((1,), 1, 63) + b"\xff\xd9",
        "two scans": b"\xff\xd8" + frame(0xC1, sampling=(0x11, 0x11)) + scan((1,)) + scan((2,)),
        "LS": b"\xff\xd8" + frame(0xF7) + scan() + b"\xff\xd9",
    }  # fmt: skip


def chunk(kind, content):
    total = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", total)


def stored(content):
    """A zlib stream without compression."""
    size = len(content)
    head = b"\x78\1\1" + struct.pack("<HH", size, size ^ 0xFFFF)
    return head + content + struct.pack(">I", zlib.adler32(content))


def png_chunks():
    """The chunks of a PNG with everything; its pixels are no picture."""
    profile = b"\nexif\n      14\n" + (b"Exif\0\0II*\0\x08\0\0\0").hex().encode() + b"\n"
    return {
        "IHDR": chunk(b"IHDR", struct.pack(">IIBBBBB", 53, 37, 16, 2, 0, 0, 0)),
        "cICP": chunk(b"cICP", b"\1\x0d\0\1"),
        "gAMA": chunk(b"gAMA", struct.pack(">I", 45_455)),
        "cHRM": chunk(b"cHRM", longs(">", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)),
        "pHYs": chunk(b"pHYs", struct.pack(">IIB", 11_811, 5906, 1)),
        "prVt": chunk(b"prVt", b"private, not safe"), "prvT": chunk(b"prvt", b"private, safe"),
        "caBX": chunk(b"caBX", b"credentials"), "bKGD": chunk(b"bKGD", bytes(6)),
        "IDAT": chunk(b"IDAT", b"pixels"), "tEXt": chunk(b"tEXt", b"Title\0A church"),
        "Software": chunk(b"tEXt", b"Software\0a program"),
        "copies": chunk(b"tEXt", b"exif:Model\0Model 7"),
        "eXIf": chunk(b"eXIf", block_of(">", [(0x112, SHORT, b"\0\3")])),
        "iTXt": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
        "packed": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0word\0" + stored(b"<y/>")),
        "raw": chunk(b"zTXt", b"Raw profile type APP1\0\0" + stored(profile)),
        "iptc": chunk(b"tEXt", b"Raw profile type iptc\0\niptc\n 10\n1c027800057469746c65\n"),
        "damaged": chunk(b"tEXt", b"Raw profile type icc\0\nicc\n 10\nxyz\n"),
        "IEND": chunk(b"IEND", b""),
    }  # fmt: skip


def png():
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunks().values())


def webp(kind=b"VP8X"):
    size = {
        b"VP8X": struct.pack("<I", 12) + (52).to_bytes(3, "little") + (36).to_bytes(3, "little"),
        b"VP8 ": b"\0\0\0\x9d\1\x2a" + struct.pack("<HH", 53 | 0x4000, 37 | 0x8000),
        b"VP8L": b"\x2f" + struct.pack("<I", 52 | 36 << 14 | 1 << 28),
    }[kind]
    parts = [(kind, size), (b"odd ", b"odd"), (b"EXIF", b"Exif\0\0" + b"II*\0"), (b"XMP ", b"<x/>")]
    body = b"".join(n + struct.pack("<I", len(c)) + c + bytes(len(c) % 2) for n, c in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def box(kind, content, *, wide=False):
    if wide:
        return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), kind) + content


def avif(version=0, flags=0):
    """The metadata of an AVIF: two pictures, of which the second is the primary one."""
    listed = [
        box(b"colr", b"nclx" + struct.pack(">HHHB", 12, 13, 6, 128)),
        box(b"ispe", struct.pack(">III", 0, 53, 37)), box(b"pixi", b"\0\0\0\0\3\x0a\x0a\x0a"),
        box(b"ispe", struct.pack(">III", 0, 5, 3)),
    ]  # fmt: skip
    item, number = ("I", "H" if flags else "B") if version else ("H", "H" if flags else "B")
    wide = 0x8000 if flags else 0x80
    pictures = struct.pack(f">{item}B1{number}", 1, 1, 4)
    pictures += struct.pack(f">{item}B4{number}", 2, 4, 1 | wide, 2, 3, 9)
    ipma = bytes([version, 0, 0, flags]) + struct.pack(">I", 2) + pictures
    primary = bytes([version, 0, 0, 0]) + struct.pack(">" + item, 2)
    iprp = box(b"ipco", b"".join(listed), wide=bool(flags)) + box(b"ipma", ipma)
    meta = bytes(4) + box(b"pitm", primary) + box(b"iprp", iprp)
    return box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", meta)


def jpeg2000(*, bare=False):
    size = struct.pack(">HHHIIIIIIIIH", 0xFF51, 47, 0, 60, 40, 7, 3, 60, 40, 0, 0, 4)
    stream = b"\xff\x4f" + size + b"\x0b\1\1" * 4 + b"pixels"
    if bare:
        return stream
    header = box(b"ihdr", bytes(14)) + box(b"colr", b"\1\0\0" + struct.pack(">I", 16))
    header += box(b"cdef", shorts(">", 4, 0, 0, 1, 1, 0, 2, 2, 0, 3, 3, 2, 0))
    parts = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 ") + box(b"jp2h", header)
    parts += box(b"uuid", b"JpgTiffExif->JP2" + block_of("<", [(0x112, SHORT, b"\6\0")]))
    parts += box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + b"<x/>")
    return parts + box(b"jp2c", stream)


def jxl():
    """A container of JPEG XL: a codestream in parts, EXIF with an offset, XMP."""
    exif = box(b"Exif", longs(">", 2) + b"..Exif\0\0II*\0")
    parts = box(b"ftyp", b"jxl \0\0\0\0jxl ") + exif + box(b"xml ", b"<x/>", wide=True)
    stream = b"\xff\x0a" + bytes.fromhex("4c0d00c1100102040810204080ffffff")
    parts += box(b"jxlp", bytes(4) + stream) + box(b"jxlp", bytes(4) + b"more")
    return b"\0\0\0\x0cJXL \r\n\x87\n" + parts


def profile(version=4):
    """A colour profile: a matrix with curves by parameters (version 4) or by a table (2)."""
    if version == 4:
        name = struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", 8, 28) + "name".encode(
            "utf-16-be"
        )
        curve = struct.pack(">4s4xHH", b"para", 3, 0) + struct.pack(
            ">5i", *(round(65_536 * v) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
        )
    else:
        name = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"name\0"
        curve = struct.pack(">4s4xIH", b"curv", 1, 563)
    numbers = {
        b"rXYZ": (0.43607, 0.22249, 0.01392), b"gXYZ": (0.38515, 0.71687, 0.09708),
        b"bXYZ": (0.14307, 0.06061, 0.7141),
    }  # fmt: skip
    values = {b"desc": name, b"cicp": b"cicp\0\0\0\0" + b"\1\x0d\0\1"}
    values |= {tag: b"XYZ \0\0\0\0" + _fixed(xyz) for tag, xyz in numbers.items()}
    if version == 4:
        chad = (1.0479, 0.0229, -0.0502, 0.0296, 0.9905, -0.0171, -0.0092, 0.0151, 0.7517)
        values[b"chad"] = b"sf32\0\0\0\0" + _fixed(chad)
    values |= {bytes([letter]) + b"TRC": curve for letter in b"rgb"}
    head = bytes(12) + b"mntrRGB XYZ " + bytes(104)
    at, table, data = 132 + 12 * len(values), b"", b""
    for tag, value in values.items():
        table += struct.pack(">4sII", tag, at + len(data), len(value))
        data += value
    return head + struct.pack(">I", len(values)) + table + data


def _fixed(values):
    return struct.pack(f">{len(values)}i", *(round(65_536 * value) for value in values))


PACKETS = {
    "attributes": (
        b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="me" '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" tiff:Orientation="6" tiff:ImageWidth="9" '
        b'exif:ExposureTime=\'1/60\' exif:ExposureBiasValue="-2/6" exif:PixelYDimension = "7" '
        b'xmp:CreatorTool="tool" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" '
        b'GCamera:MotionPhoto="1"/></rdf:RDF></x:xmpmeta>   \n<?xpacket end="w"?>'
    ),
    "elements": (
        b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description '
        b'xmlns:e="http://ns.adobe.com/exif/1.0/" xmlns:m="http://ns.adobe.com/xap/1.0/mm/">'
        b"<e:ShutterSpeedValue>5</e:ShutterSpeedValue> <e:ISOSpeedRatings><r:Seq><r:li>200</r:li>"
        b"</r:Seq></e:ISOSpeedRatings><e:PixelXDimension/><m:History><r:Seq></r:Seq></m:History>"
        b'</r:Description><r:Description xmlns:h="http://ns.adobe.com/hdr-gain-map/1.0/" '
        b'h:Version="1.0"/></r:RDF>'
    ),
    "plain": XMP,
}


def dng(order="<"):
    """The directories of a DNG: a preview with the sensor data in tiles below, then a mosaic in strips."""
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))

    def add(fields, following=0):
        records = [entry(block, order, tag, kind, value) for tag, kind, value in sorted(fields)]
        return directory(block, order, records, following)

    tiles = add([
        (0xFE, LONG, longs(order, 0)), (0x100, LONG, longs(order, 20)), (0x101, LONG, longs(order, 12)),
        (0x102, SHORT, shorts(order, 8)), (0x103, SHORT, shorts(order, 1)),
        (0x106, SHORT, shorts(order, 32_803)), (0x142, LONG, longs(order, 10)),
        (0x143, LONG, longs(order, 12)), (0x144, LONG, longs(order, 8, 128)),
        (0x145, LONG, longs(order, 120, 120)),
    ])  # fmt: skip
    strips = add([
        (0x100, LONG, longs(order, 10)), (0x101, LONG, longs(order, 16)),
        (0x103, SHORT, shorts(order, 7)), (0x106, SHORT, shorts(order, 34_892)),
        (0x111, LONG, longs(order, 8, 16)), (0x116, LONG, longs(order, 8)),
        (0x117, LONG, longs(order, 8, 8)), (0x828E, ANY, b"\0\1\1\2"),
    ])  # fmt: skip
    preview = [
        (0xFE, LONG, longs(order, 1)), (0x106, SHORT, shorts(order, 2)),
        (0x10F, TEXT, b"Maker\0"), (0x14A, LONG, longs(order, tiles)),
        (0x153, SHORT, shorts(order, 3)), (0xC612, BYTE, b"\1\4\0\0"),
    ]  # fmt: skip
    struct.pack_into(order + "I", block, 4, add(preview, strips))
    return bytes(block)


def raw_files():
    """The parts of raw files in which a camera states the exposure."""
    small = block_of("<", [(0x10F, TEXT, b"Maker\0"), (0x112, SHORT, b"\1\0")])
    exif = block_of("<", [(0x829A, RATIONAL, longs("<", 1, 60))])
    boxes = (
        box(b"CMT1", small) + box(b"CMT2", exif) + box(b"CMT4", block_of("<", [(1, TEXT, b"N\0")]))
    )
    preview = b"\xff\xd8" + segment(0xE1, b"Exif\0\0" + small) + b"pixels"
    return {
        "CR3": box(b"ftyp", b"crx ") + boxes,
        "RAF": b"FUJIFILMCCD-RAW ".ljust(84, b"\0") + longs(">", 100, len(preview)) + bytes(8) + preview,
        "MRW": b"\0MRM" + bytes(8) + b"\0TTW" + longs(">", len(small)) + small,
        "ORF": b"IIRO" + small[4:],
        "CRW": b"II\x1a\0\0\0HEAPCCDR" + bytes(8) + b"Canon\0Canon EOS 10D\0" + bytes(8),
    }  # fmt: skip

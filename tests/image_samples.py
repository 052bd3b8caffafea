"""Small pictures and metadata blocks, made without the code that they test."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from functools import lru_cache
from io import BytesIO

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageCms

ORIENTATIONS = range(1, 9)
SUFFIX = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp", "avif": ".avif"}
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/></rdf:RDF></x:xmpmeta>'
    b'<?xpacket end="w"?>'
)
MAKER_NOTE = b"Maker\0\1\2" + bytes(range(64))
TIME, F_NUMBER, ISO = (1, 30), (56, 10), 400

# Where stored row 0 and column 0 belong, as operations on the upright picture.
STORED = {
    1: lambda up: up,
    2: np.fliplr,
    3: lambda up: np.rot90(up, 2),
    4: np.flipud,
    5: lambda up: np.swapaxes(up, 0, 1),
    6: lambda up: np.rot90(up, 1),
    7: lambda up: np.rot90(np.swapaxes(up, 0, 1), 2),
    8: lambda up: np.rot90(up, -1),
}


def picture(rows=37, cols=53, channels=3, depth=8):
    """Smooth, and different in every corner and channel: lossy codecs keep it, turns show."""
    return _picture(rows, cols, channels, depth).copy()


@lru_cache(64)
def _picture(rows, cols, channels, depth):
    y, x = np.mgrid[0:rows, 0:cols] / max(rows, cols)
    waves = [0.15 + 0.6 * x + 0.2 * y, 0.2 + 0.5 * y, 0.8 - 0.5 * x * y, 0.3 + 0.6 * y]
    chosen = {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]
    dtype, top = (np.uint8, 255) if depth == 8 else (np.uint16, 65535)
    return np.rint(np.stack([waves[k] for k in chosen], -1) * top).astype(dtype)


def entry(block, order, tag, kind, value):
    size = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}[kind]
    count = len(value) // size
    if len(value) > 4:
        start = len(block)
        block += value + bytes(len(value) % 2)
        value = struct.pack(order + "I", start)
    return struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")


def directory(block, order, entries, following=0):
    start = len(block)
    block += struct.pack(order + "H", len(entries)) + b"".join(entries)
    block += struct.pack(order + "I", following)
    return start


def exif(orientation=1, *, order="<", rows=37, cols=53, time=TIME, shutter=True):
    """An EXIF block as a camera writes it: all directories, a maker note, a thumbnail."""
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))

    def short(value):
        return struct.pack(order + "H", value)

    def long(value):
        return struct.pack(order + "I", value)

    def ratio(*parts):
        return struct.pack(f"{order}{len(parts)}I", *parts)

    def add(tag, kind, value):
        return entry(block, order, tag, kind, value)

    interop = directory(block, order, [add(1, 2, b"R98\0")])
    gps = directory(block, order, [add(1, 2, b"N\0"), add(2, 5, ratio(52, 1, 31, 1, 12, 1))])
    entries = [add(0x829A, 5, ratio(*time))] if time else []
    entries += [add(0x829D, 5, ratio(*F_NUMBER)), add(0x8827, 3, short(ISO))]
    entries += [add(0x9003, 2, b"2024:05:06 07:08:09\0")]
    if shutter:
        entries += [add(0x9201, 10, struct.pack(order + "ii", 4907, 1000))]
    entries += [add(0x9204, 10, struct.pack(order + "ii", -1, 3)), add(0x927C, 7, MAKER_NOTE)]
    entries += [
        add(0xA002, 4, long(cols)),
        add(0xA003, 3, short(rows)),
        add(0xA005, 4, long(interop)),
    ]
    camera = directory(block, order, entries)
    thumbnail = b"\xff\xd8 thumbnail\xff\xd9"
    block += thumbnail
    small = [add(0x201, 4, long(len(block) - len(thumbnail))), add(0x202, 4, long(len(thumbnail)))]
    second = directory(block, order, small)
    entries = [add(0x10F, 2, b"Maker Works\0"), add(0x110, 2, b"Model 7\0")]
    entries += [add(0x112, 3, short(orientation))] if orientation else []
    entries += [add(0x11A, 5, ratio(72, 1)), add(0x131, 2, b"firmware 1.2\0")]
    entries += [add(0x8769, 4, long(camera)), add(0x8825, 4, long(gps))]
    struct.pack_into(order + "I", block, 4, directory(block, order, entries, second))
    return bytes(block)


def stored_bytes(form, upright, orientation, *, exif_block=None, icc=ICC, xmp=XMP):
    """Encode a picture stored in an orientation with a third party's writer."""
    stored = np.ascontiguousarray(STORED[orientation](upright))
    block = exif(orientation) if exif_block is None else exif_block
    if form == "tiff":
        return tiff_bytes(stored, orientation, icc)
    if form == "png":
        return png_bytes(stored, block, icc, xmp)
    stream = BytesIO()
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[stored.shape[2]]
    image = Image.fromarray(stored[..., 0] if stored.shape[2] == 1 else stored)
    assert image.mode == mode
    options = {"quality": 97, "exif": b"Exif\0\0" + block, "icc_profile": icc, "xmp": xmp or b""}
    if form != "webp":
        options["subsampling"] = "4:4:4"
    image.save(stream, form.upper(), **options)
    return stream.getvalue()


def tiff_bytes(stored, orientation, icc, **options):
    stream = BytesIO()
    channels = stored.shape[2]
    tifffile.imwrite(
        stream,
        stored[..., 0] if channels == 1 else stored,
        photometric="rgb" if channels >= 3 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in {2, 4} else None,
        metadata=None,
        software=False,
        extratags=[
            (271, 2, 0, "Maker Works", True),
            (274, 3, 1, orientation, True),
            (34675, 7, len(icc), icc, True),
        ],
        **options,
    )
    return stream.getvalue()


def png_bytes(stored, block, icc, xmp):
    """A PNG by OpenCV (grey with alpha: by Pillow, 8 bits only), with chunks put in by hand."""
    channels = stored.shape[2]
    if channels == 2:
        stream = BytesIO()
        Image.fromarray(stored).save(stream, "PNG")
        plain = stream.getvalue()
    else:
        codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
        swapped = cv2.cvtColor(stored, codes[channels]) if channels in codes else stored
        plain = cv2.imencode(".png", swapped)[1].tobytes()
    added = chunk(b"iCCP", b"any name\0\0" + zlib.compress(icc)) if icc else b""
    added += chunk(b"eXIf", block) if block else b""
    added += chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp) if xmp else b""
    return plain[:33] + added + plain[33:]


def chunk(kind, content):
    total = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", total)


def fields(path_or_stream):
    """All EXIF fields as Pillow reads them, by directory and tag, thumbnails left out."""
    with Image.open(path_or_stream) as image:
        found = image.getexif()
        flat = {("0th", tag): value for tag, value in found.items()}
        for name, pointer in (("exif", 0x8769), ("gps", 0x8825), ("interop", 0xA005)):
            with suppress(KeyError):  # what some versions of Pillow raise where there is none
                flat |= {(name, tag): value for tag, value in found.get_ifd(pointer).items()}
    pointers = {0x8769, 0x8825, 0xA005}
    structure = {
        *range(0x100, 0x108),
        0x111,
        0x115,
        0x116,
        0x117,
        0x11C,
        0x152,
        0x153,
        0x2BC,
        0x8773,
    }
    return {
        (name, tag): value
        for (name, tag), value in flat.items()
        if tag not in pointers and not (name == "0th" and tag in structure)
    }


def read_fields(block):
    """Read the fields of a block with Pillow, an independent reader."""
    return fields(BytesIO(stored_bytes("jpeg", picture(8, 8), 1, exif_block=block)))


def with_thumbnail(pixels):
    """An EXIF block with many fields and, in its second directory, a small JPEG."""
    stream = BytesIO()
    Image.fromarray(np.asarray(pixels)).save(stream, "JPEG")
    thumbnail = stream.getvalue()
    block = bytearray(exif())
    first = int.from_bytes(block[4:8], "little")
    count = int.from_bytes(block[first : first + 2], "little")
    start = len(block)
    block += thumbnail
    fields = [(0x201, start), (0x202, len(thumbnail))]
    records = [entry(block, "<", tag, 4, value.to_bytes(4, "little")) for tag, value in fields]
    second = directory(block, "<", records)
    struct.pack_into("<I", block, first + 2 + 12 * count, second)
    return b"Exif\0\0" + bytes(block)

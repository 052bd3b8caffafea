"""What larger parts of the file edge make of files that are written, read in part or nearly too long.

As in `test_every_value`, whose record this continues: `every_part.txt`.
"""

import struct
import zlib
from io import BytesIO
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import damage_samples as samples
import numpy as np
import pytest
from image_samples import MAKER_NOTE
from PIL import ExifTags, Image
from recorded import line_of, record

from expinterp.images import header, jpeg_layout, orientation, read, thumbnails, write
from expinterp.images.codecs import depths, jpeg_scan, pillow, png, tiff_strips, tiff_write
from expinterp.images.developing import negative, openexr, profiles, raw, raw_exif, raw_files
from expinterp.images.developing.development import Development
from expinterp.images.metadata import (
    capture,
    exif,
    icc,
    ifd,
    iptc,
    jpeg_metadata,
    provenance,
    tags,
    tiff_exif,
)
from expinterp.images.metadata.exif_edit import fit_to_pixels
from expinterp.images.metadata.exif_repair import sound
from expinterp.images.metadata.xmp import extension, packet
from expinterp.images.photograph import Extra, Metadata

RECORD = Path(__file__).with_name("every_part.txt")
RDF = b'<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'


def part(name, function, values):
    """A part to be recorded: its name, the function, and its arguments with their places."""
    return (
        name,
        lambda given: function(*given),
        [(8 * at, value) for at, value in enumerate(values)],
    )


# --- written -------------------------------------------------------------------------------------


def pixels_of(rows, cols, channels, kind):
    values = np.arange(rows * cols * channels) * 37 % 251
    return values.astype(kind).reshape(rows, cols, channels)


def metadata_of(number):
    """Blocks for a file: none, or of a camera, in both orders of bytes."""
    if not number:
        return Metadata()
    extras = iptc.extras_of_resources(samples.resources())
    block = samples.camera("<" if number == 1 else ">")
    if number == 3:
        block = block[:8] + b"CR\2\0" + block[12:]
    return Metadata(
        block, samples.profile(), b"<x/>", (300.0, 299.99) if number < 3 else None, extras
    )


def tiff(size, channels, kind, number):
    stream = BytesIO()
    tiff_write.encode(pixels_of(*size, channels, kind), stream, metadata=metadata_of(number))
    return len(stream.getvalue()), zlib.crc32(stream.getvalue())


def png_file(size, channels, kind, number):
    """The chunks of a PNG, unpacked: zlib packs differently from version to version."""
    stream = BytesIO()
    png.encode(pixels_of(*size, channels, kind), stream, metadata=metadata_of(number))
    found = {}
    for name, chunk in png.chunks(stream.getvalue(), []):
        found[name] = found.get(name, b"") + bytes(chunk[8:-4])
    if b"iCCP" in found:
        found[b"iCCP"] = zlib.decompress(found[b"iCCP"][13:])
    found.pop(b"zTXt", None)
    return zlib.crc32(zlib.decompress(found.pop(b"IDAT"))), found


def lost_by(form, quality, exif_length):
    """What a container does not hold."""
    note = [(0x927C, 7, MAKER_NOTE * (exif_length // len(MAKER_NOTE)))]
    block, warnings = samples.block_of("<", [(0x10F, 2, b"x\0"), (0x112, 3, b"\6\0")], note), []
    found = pillow._fit_container(Metadata(exif=block), form, warnings)
    return (
        len(found.exif or b""),
        zlib.crc32(found.exif or b""),
        warnings,
        pillow._options(form, quality),
    )


def segments_of(packet_length, density):
    warnings = []
    content = RDF + b"<r:Description>" + b"<a>x</a>" * packet_length + b"</r:Description></r:RDF>"
    stored = pillow._written_segments(
        Metadata(b"II", b"icc", content, density, (Extra("a", {"jpeg": b"b"}),)), warnings
    )
    return {
        name: value if isinstance(value, list) else zlib.crc32(value)
        for name, value in stored.items()
    }, warnings


def colours_of_avif(primaries, transfer, icc):
    data = samples.avif().replace(
        struct.pack(">HHHB", 12, 13, 6, 128), struct.pack(">HHHB", primaries, transfer, 6, 128)
    )
    found = pillow._with_avif_colours(data, Metadata(icc=icc))
    return found.icc and len(found.icc), found.extras


def fitted(form, icc, density):
    warnings = []
    found = write._fit_extras(
        Metadata(icc=icc, density=density, extras=(Extra("a", {"png": b""}),)), form, warnings
    )
    found = write._fit_profile(found, form, warnings)
    return found.exif, found.icc, warnings


def checked(shape, kind, alpha):
    return write._checked_pixels(np.zeros(shape, kind), alpha and np.zeros(alpha, "u1")).shape


def depth_changed(bits):
    return write.to_depth(
        np.arange(0, 65_536 if bits == 8 else 256, 51, "u2" if bits == 8 else "u1").reshape(
            -1, 1, 1
        ),
        bits,
    ).tolist()


# --- read ----------------------------------------------------------------------------------------


def strips(offsets, counts, compression, tiled, size):
    """Whether the strips of a page are there; a page has 4 rows of 6 bytes, 2 rows in a strip."""
    page = SimpleNamespace(
        shaped=(1, 1, 4, 6, 1), rowsperstrip=0 if tiled == 2 else 2, is_tiled=tiled == 1, chunked=(1, 1, 2, 1, 1),
        dataoffsets=offsets, databytecounts=counts, tags={} if counts is None else {279: 1}, compression=compression,
        bitspersample=8, chunks=(1, 2, 6, 1), dtype=np.dtype("u1"), nbytes=24,
        decode=lambda _, index: (None, None, (1, 2 - index, 6, 1)),
    )  # fmt: skip
    page.databytecounts = counts or ()
    return tiff_strips._check_extent(page, size), page.databytecounts


def picture_in_strip(rows, cols, tiled):
    """Whether a JPEG of 37 rows and 53 columns has room in a strip or tile."""
    page = SimpleNamespace(
        compression=7, is_tiled=tiled, rowsperstrip=rows, bitspersample=12, jpegtables=None
    )
    return tiff_strips._check_picture(
        page, b"\xff\xd8" + samples.frame(), (1, rows - tiled, cols, 3)
    )


def transfer(length, kind):
    """The transfer that a profile states, which may be cut off or lack it."""
    data = samples.profile().replace(b"cicp", kind, 1)[:length]
    return icc.profile_transfer(data), icc.profile_space(data)


def row_bytes(cols, together, bits):
    return tiff_strips._row_bytes(
        SimpleNamespace(shaped=(1, 1, 1, cols, together), bitspersample=bits)
    )


def sides(letter, number):
    """An exposure in a block, in a packet, or some of it in each."""
    fields = [
        (0x829A, 5, samples.longs("<", 1, 60)),
        (0x829D, 5, samples.longs("<", 8, 1)),
        (0x8827, 3, b"\x64\0"),
        (0x9003, 2, b"2024:05:06 07:08:09\0"),
    ]
    block = samples.block_of(
        "<",
        [(0x110, 2, b"Model\0")] * (number > 2),
        [each for at, each in enumerate(fields) if number >> at & 1],
    )
    stated = {
        "T": b"e:ExposureTime='1/30'",
        "N": b"e:FNumber='4/1'",
        "D": b"e:DateTimeOriginal='2023-01-02T03:04:05Z'",
        "B": b"e:ExposureBiasValue='1/2' e:FocalLength='35'",
    }
    text = (
        RDF
        + b'<r:Description xmlns:e="http://ns.adobe.com/exif/1.0/" '
        + b" ".join(stated[each] for each in letter)
        + b"/></r:RDF>"
    )
    return (
        capture.read_capture(block, text or None),
        exif.read_exposure(block, text),
        exif.read_exposure(block, None),
    )


def elements(depth, length, count):
    inner = b"".join(b"<n%d>" % at for at in range(depth)) + b"x" * length
    inner += b"".join(b"</n%d>" % at for at in reversed(range(depth)))
    found = packet.read_elements(
        RDF + b"<r:Description>" + inner + b"<a b='1'/>" * count + b"</r:Description></r:RDF>"
    )
    return len(found), [(len(each.path), len(each.text)) for each in found[:9]]


def divided(room):
    found = extension.split(samples.PACKETS["attributes"] + samples.PACKETS["elements"][:0], room)
    long = (
        RDF
        + b"<r:Description xmlns:a='a' r:about='b'>"
        + b"".join(b"<a:a%d>%s</a:a%d>" % (n, b"x" * n, n) for n in (10, 400, 90))
        + b"</r:Description></r:RDF>"
    )
    return found, extension.split(long, room)


def padded(length, thumbnail):
    """A block that fills a segment of a JPEG, or nearly, and gets the name of the program."""
    block = samples.block_of(
        "<", [(0x131, 2, b"firmware\0")], thumbnail=b"\xff\xd8" + bytes(thumbnail)
    )
    made = provenance._state_software(block + bytes(length - len(block)))
    return (
        len(made),
        made.rstrip(b"\0").count(b"expinterp"),
        ifd.first_directory(made, "<").start > len(block),
    )


def texts(count):
    data = samples.png()[:33] + count * samples.chunk(b"tEXt", b"a\0b")
    data += samples.chunk(b"eXIf", b"II*\0") + samples.chunk(b"IEND", b"")
    return vars(header.read_header_of(BytesIO(data), "png"))


def many_segments(count):
    data = (
        b"\xff\xd8"
        + count * samples.segment(0xFE, b"")
        + samples.frame()
        + samples.scan()
        + b"\xff\xd9"
    )
    return len(jpeg_layout.read_layout(data).checks), vars(
        header.read_header_of(BytesIO(data), "jpeg")
    )


def many_restarts(count):
    data = b"".join(b"\1\xff" + bytes([0xD0 + at % 8]) for at in range(count)) + b"\1"
    found = jpeg_layout.read_layout(
        b"\xff\xd8" + samples.frame() + samples.scan(data=data) + b"\xff\xd9"
    )
    return len(found.checks), found.checks[-2:]


def junk(count):
    data = b"\xff\xd8" + bytes(count) + samples.frame() + samples.scan() + b"\xff\xd9"
    return jpeg_layout.read_layout(data).end, vars(header.read_header_of(BytesIO(data), "jpeg"))


def chain(count, below):
    """Directories one after another, or below the first."""
    block = bytearray(b"II*\0" + bytes(4))
    starts, following = [], 0
    for _ in range(count):
        following = samples.directory(
            block, "<", [samples.entry(block, "<", 0x106, 3, b"\2\0")], 0 if below else following
        )
        starts.append(following)
    if below:
        record = samples.entry(block, "<", 0x14A, 4, samples.longs("<", *starts))
        following = samples.directory(block, "<", [record])
    struct.pack_into("<I", block, 4, following)
    return len(list(raw_files.directories(bytes(block))))


def compression(code, kind):
    block = samples.block_of(
        "<",
        [
            (0x103, 3, struct.pack("<H", code)),
            (0x106, 3, struct.pack("<H", kind)),
            (0x10F, 2, b"x\0"),
        ],
    )
    sliced = samples.block_of("<", [(0xC640 + code % 3 - 1, 3, b"\1\0"), (0x10F, 2, b"x\0")])
    return [len(list(raw_files._sensor_directories(each))) for each in (block, sliced)]


def covered(rows, high, count, bits, code):
    """Whether strips cover the picture of a DNG of 10 columns, and hold enough."""
    fields = [
        (0x100, 4, samples.longs("<", 10)), (0x101, 4, samples.longs("<", rows)), (0x103, 3, samples.shorts("<", code)),
        (0x106, 3, samples.shorts("<", 32_803)), (0x102, 3, samples.shorts("<", bits)), (0x116, 4, samples.longs("<", high)),
        (0x111, 4, samples.longs("<", *[8] * count)), (0x117, 4, samples.longs("<", *[20] * count)),
    ]  # fmt: skip
    block = samples.block_of("<", fields)
    (found,) = raw_files.directories(block)
    return (
        raw_files._is_complete(block, found),
        raw_files._is_whole(block, found),
        raw_files._places(block, found),
    )


def balance(kind, stated, colours, given):
    asked = []
    sensor = SimpleNamespace(
        num_colors=colours, daylight_whitebalance=(2.0, 1.0, 1.5, 0.0), camera_whitebalance=stated,
        auto_whitebalance=(3.0, 2.0, 1.0, 1.0), postprocess=lambda **options: asked.append(options),
    )  # fmt: skip
    warnings = []
    return (
        raw._multipliers(sensor, Development(white_balance=kind, multipliers=given), warnings),
        warnings,
        asked,
    )


def matrix(colours, stated, from_xyz, dng):
    sensor = SimpleNamespace(
        num_colors=colours,
        color_matrix=stated * np.eye(3, 4),
        rgb_xyz_matrix=from_xyz * np.eye(4, 3),
    )
    block, warnings = samples.dng() if dng else samples.camera("<"), []
    found = raw._matrix(sensor, block, "srgb", warnings)
    return found is None or np.round(found, 3).tolist(), warnings


def mosaic(top, black, white=1000):
    values = np.linspace(0, top, 48).astype(np.uint16).reshape(6, 8)
    level = np.full((6, 8) if black < 0 else (1, 1), abs(black), np.float32)
    return negative.Negative(values, level, white, b"RGGB", (6, 8, 3), lambda each: each)


def merged(tops, black, ratio, position):
    long, short = (mosaic(top, black) for top in tops)
    made = negative.merge(long, short, ratio=ratio, position=position)
    measured = negative.measure_log_ratio(long, short)
    return made.tolist(), measured and round(measured, 3), round(negative._clipping_level(long), 4)


def sampled(step):
    found = negative._sample(mosaic(1000, -3), step)
    return (
        found.mosaic.tolist(),
        found.black.shape,
        negative._sample(mosaic(1000, 3), step).black.shape,
    )


def boxes_of_canon(order, other, missing):
    first = samples.block_of(order, [(0x10F, 2, b"Canon\0")])
    second = samples.block_of(other, [(0x829A, 5, samples.longs(other, 1, 60))])
    parts = [
        (b"CMT1", first),
        (b"CMT2", second),
        (b"CMT4", samples.block_of(order, [(1, 2, b"N\0")])),
    ]
    return raw_exif._of_canon_boxes(
        b"".join(samples.box(*each) for at, each in enumerate(parts) if at != missing)
    )


def exr_exif(time, length, stated):
    """The block of a shot from attributes, of which some may be missing."""
    header = {"expTime": time, "aperture": 8, "isoSpeed": 100}
    header |= {"cameraMake": "m" * length, "cameraModel": "n", "capDate": " d\0"}
    kept = {name: value for at, (name, value) in enumerate(header.items()) if stated >> at & 1}
    return openexr._exif(kept)


def copied(length, used):
    """Whether there is room in a block for a value."""
    block = samples.block_of("<", [(0x9C9B, 1, bytes(length))])
    field = ifd.first_directory(block, "<").fields[0x9C9B]
    return len(tiff_exif._value_to_copy(block, "<", field, used))


def singular(tag, letters):
    """A profile whose primaries, or adaptation, are all zero in some channels."""
    data = bytearray(samples.profile())
    for letter in letters:
        name = bytes([letter]) + b"XYZ" if tag == b"XYZ" else tag
        at = data.index(name)
        start, size = struct.unpack_from(">II", data, at + 4)
        data[start + 8 : start + size] = bytes(size - 8)
    found = profiles.read_primaries(bytes(data))
    return profiles.has_primaries(bytes(data)), [round(each, 3) for each in found]


def small_picture(rows, cols, pattern):
    grey = np.indices((rows, cols)).sum(0) % pattern * 50 + 7
    packed = thumbnails.pack_thumbnail(grey)
    blocks = thumbnails.unpack_thumbnails([packed, thumbnails.pack_thumbnail(grey * 0.5)])
    bright, detail = np.round(thumbnails.brightness(blocks), 2), thumbnails.have_detail(blocks)
    alike = np.round(thumbnails.similarity(*map(thumbnails.edges_of, (blocks[:1], blocks[1:]))), 2)
    return np.round(blocks[0], 1).tolist(), bright.tolist(), detail.tolist(), alike.tolist()


def compared(share, darker, noise):
    one, other = (np.arange(144).reshape(12, 12) * k % 97 + 20.0 for k in (31, 57))
    brighter = (1 - share) * one + share * other + 30
    brighter.flat[:darker] = 20 - noise
    pair = [thumbnails.pack_thumbnail(each) for each in (one, brighter)]
    return (
        thumbnails.are_one_scene(pair), thumbnails.are_different_scenes(pair),
        np.round(thumbnails._compare(*pair), 2).tolist(), round(thumbnails.largest_difference(*pair), 1),
    )  # fmt: skip


def dark_between(level):
    """Pictures of two scenes with one between them that has hardly any detail."""
    one, other = (
        thumbnails.pack_thumbnail(np.arange(144).reshape(12, 12) * k % 97 + 20.0) for k in (31, 57)
    )
    flat = thumbnails.pack_thumbnail(100 + level * (np.indices((12, 12)).sum(0) % 2))
    return [
        thumbnails.are_different_scenes(each)
        for each in ([one, flat, other], [flat, one], [one, other, flat])
    ]


def second_directory(kind, length):
    block = samples.block_of("<", [(0x112, 3, b"\1\0")], thumbnail=b"\xff\xd8" + bytes(length))
    return fit_to_pixels(Metadata(exif=block[: len(block) - kind]), 3, 4)


def note_moved(at):
    """A maker note keeps its place within the first 32 KiB."""
    block = bytearray(b"II*\0" + bytes(at - 4)) + MAKER_NOTE
    record = struct.pack("<HHII", 0x927C, 7, len(MAKER_NOTE), at)
    pointer = samples.entry(
        block, "<", 0x8769, 4, samples.longs("<", samples.directory(block, "<", [record]))
    )
    struct.pack_into("<I", block, 4, samples.directory(block, "<", [pointer]))
    found = tiff_exif.exif_of_tiff(bytes(block))
    return found.index(MAKER_NOTE), len(found)


def long_values(length, count):
    """Values that are too long for a photograph, or too many."""
    fields = [(0x9C9B + at, 1, bytes([at + 1]) * length) for at in range(count)]
    return len(tiff_exif.exif_of_tiff(samples.block_of("<", fields)) or b"")


def described(text):
    return tiff_exif.exif_of_tiff(samples.block_of("<", [(0x10E, 2, text), (0x10F, 2, b"x\0")]))


def extension_of(parts, length):
    name = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32
    listed = [("APP1", name + struct.pack(">II", length, at) + text) for at, text in parts]
    return jpeg_metadata._find_extension(listed, b"xmpNote:HasExtendedXMP='" + b"A" * 32)


# fmt: off


def parts():
    """List the parts, in the order of the record."""
    some = [(1, 1), (3, 2), (1, 700), (700, 600)]
    yield part("TIFF", tiff, [*product(some[:3], (1, 2, 3, 4), ("u1", "u2", "f4"), (0, 1, 2, 3)), (some[3], 3, "u1", 1), (some[3], 1, "u2", 2)])
    yield part("PNG", png_file, [*product(some[:3], (1, 2, 3, 4), ("u1", "u2"), (0, 1)), (some[3], 3, "u1", 0)])
    yield part("containers", lost_by, [*product(("jpeg", "webp", "avif"), (89, 90), (0, 720)), *(("jpeg", 95, n) for n in (64_800, 65_376, 65_448, 65_520, 66_000))])
    yield part("segments", segments_of, [*product((0, 3, 8170, 8180), (None, (72.4, 72.6), (65_535.4, 70_000.0)))])
    yield part("colours of AVIF", colours_of_avif, [*product((1, 2, 9, 12), range(20), (None, b"icc"))])
    yield part("what a format holds", fitted, [*product(("jpeg", "png", "tiff", "webp", "avif", "jxl"), (None, bytes(16) + b"GRAY", bytes(16) + b"RGB "), (None, (72.0, 72.0)))])
    yield part("shapes", checked, [*product(((2,), (2, 3), (2, 3, 1), (2, 3, 2), (2, 3, 3), (2, 3, 4), (0, 3, 3)), ("u1", "u2", "f4"), (None, (2, 3), (3, 2)))])
    yield part("depths", depth_changed, [(8,), (16,)])
    yield part("strips", strips, [*product(((8, 20), (8, 8), (8,), (20, 8)), (None, (0, 0), (12, 12), (12, 11), (0, 12), (40, 40), (12,)), (1, 8), (0, 1, 2), (19, 20, 31, 32, 60))])
    yield part("pictures in strips", picture_in_strip, [*product((36, 37, 38), (52, 53, 54), (False, True))])
    yield part("transfers", transfer, [*product((0, 128, 131, 132, 200, 300, 1000), (b"cicp", b"none"))])
    yield part("bytes of a row", row_bytes, [*product((1, 5, 8), (1, 3), (1, 2, 4, 8, 12, 16))])
    yield part("blocks and packets", sides, [*product(("", "T", "N", "D", "B", "TNDB"), range(16))])
    yield part("elements", elements, [*product(range(8), (0, 255, 256, 257), (0, 1))])
    yield part("many elements", elements, [(0, 0, count) for count in (32_766, 32_767, 32_768)])
    yield part("divided packets", divided, [(room,) for room in range(300, 1300, 25)])
    yield part("padded blocks", padded, [*product((300, 65_480, 65_527, 65_528), (0, 40, 100, 300))])
    yield part("texts of a PNG", texts, [(count,) for count in (0, 998, 999, 1000, 1001)])
    yield part("many segments", many_segments, [(count,) for count in (9995, 9996, 9997, 9998, 9999, 10_000)])
    yield part("many restarts", many_restarts, [(count,) for count in (3998, 3999, 4000, 7999, 8000)])
    yield part("bytes between segments", junk, [(count,) for count in (0, (1 << 20) - 3, (1 << 20) - 2, (1 << 20) - 1, 1 << 20)])
    yield part("directories", chain, [*product((1, 2, 31, 32, 33, 34), (False, True))])
    yield part("compressions of raw files", compression, [*product((1, 7, 261, 262, 263, *range(32_766, 32_772), *range(34_712, 34_715), 64_999, 65_000, 65_001, 65_534, 65_535), (2, 32_803, 34_892, 34_893))])
    yield part("strips of a DNG", covered, [*product((4, 8, 9), (4, 0), (1, 2, 3), (4, 8, 10), (1, 7, 8))])
    yield part("balance", balance, [*product(("camera", "daylight", "auto"), ((1.0, 2.0, 4.0, 2.0), (0.0, 1.0, 1.0, 0.0), (1.0, 1.0, -1.0, 1.0)), (1, 3), (None, (2.0, 1.0, 1.5, 1.0), (9.0, 1.0, 9.0, 1.0)))])
    yield part("matrices", matrix, [*product((1, 3), (0.0, 0.5), (0.0, 0.8), (False, True))])
    yield part("merged mosaics", merged, [*product(((1000, 500), (700, 400), (400, 300)), (0, 64, -32), (2.0, 16.0), (0.0, 0.25, 1.0))])
    yield part("samples of a mosaic", sampled, [(1,), (2,), (3,)])
    yield part("boxes of Canon", boxes_of_canon, [*product("<>", "<>", (None, 0, 1, 2))])
    yield part("attributes of OpenEXR", exr_exif, [
        *product((0, 1e-4, 0.5), (0, 1, 255, 256, 257), (63, 62, 61, 59, 55, 47, 31)),
    ])
    yield part("room for values", copied, [*product((5, 1 << 20, (1 << 20) + 1), (0, (1 << 26) - 6, (1 << 26) - 5, (1 << 26) - 4))])
    yield part("singular profiles", singular, [*product((b"XYZ", b"chad"), (b"", b"r", b"gb"))])
    yield part("small pictures", small_picture, [*product((1, 5, 12, 13, 30), (1, 12, 40), (1, 2, 5))])
    yield part("pictures compared", compared, [*product((0, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0), (0, 11, 12), (1.0, 2.0))])
    yield part("pictures without detail", dark_between, [(level / 10,) for level in range(0, 30, 2)])
    yield part("second directories", second_directory, [*product((0, 1, 4, 20), (0, 30))])
    yield part("places of maker notes", note_moved, [(at,) for at in (8, 16, 100, 32_766, 32_768, 32_770)])
    yield part("long values", long_values, [(1 << 20, 1), ((1 << 20) + 1, 1), (5, 3)])
    yield part("descriptions", described, [(each + b" and more\0",) for each in (b'{"shape": 1', b"shape=(1", b"ImageJ=1", b"<?xml ", b"<OME", b"a", b"shape")])
    yield part("extensions of packets", extension_of, [*product(([(0, b"ab"), (2, b"cd")], [(2, b"cd"), (0, b"ab")], [(0, b"ab")], []), (0, 2, 4, 5))])
    yield part("suffixes", read._warn_of_suffix, [*product(("a.jpg", "a.PNG", "a", "a.tif", "a.xyz"), ("jpeg", "png", "tiff", "raw"))])


# fmt: on

PARTS = {name: (function, values) for name, function, values in parts()}


@pytest.mark.parametrize("name", PARTS)
def test_every_part_has_the_recorded_outcome(name):
    assert line_of(name, *PARTS[name]) == record(RECORD)[name]


def test_what_needs_no_change_is_not_copied():
    pixels = pixels_of(2, 3, 3, "u1")
    assert all(orientation.make_upright(pixels, number) is pixels for number in (0, 1, 9))
    assert write.to_depth(pixels, 8) is depths.stretch(pixels, 255) is pixels
    block = samples.block_of("<", [(0x112, 3, b"\1\0")])
    metadata = Metadata(exif=block, xmp=samples.XMP)
    assert sound(metadata) is metadata
    assert fit_to_pixels(metadata, 2, 3).xmp is metadata.xmp


def test_a_flat_picture_takes_few_bytes_in_a_png():
    stream = BytesIO()
    png.encode(np.full((100, 200, 3), 9, np.uint8), stream, metadata=Metadata())
    assert len(stream.getvalue()) < 1000


def test_a_jpeg_is_checked_at_an_eighth_of_its_size():
    stream = BytesIO()
    Image.fromarray(pixels_of(64, 80, 3, "u1")).save(stream, "JPEG")
    image = jpeg_scan.JpegFile(BytesIO(stream.getvalue()))
    stored, warnings = jpeg_scan.decode(
        image, stream.getvalue(), jpeg_layout.read_layout(stream.getvalue())
    )
    assert (stored.shape, warnings, image.size) == ((64, 80, 3), [], (10, 8))


NAMES = {
    "PROCESSING_SOFTWARE": "ProcessingSoftware", "SOFTWARE": "Software", "IMAGE_WIDTH": "ImageWidth",
    "IMAGE_LENGTH": "ImageLength", "BITS_PER_SAMPLE": "BitsPerSample", "COMPRESSION": "Compression",
    "PHOTOMETRIC": "PhotometricInterpretation", "EXTRA_SAMPLES": "ExtraSamples", "STRIP_OFFSETS": "StripOffsets",
    "STRIP_BYTE_COUNTS": "StripByteCounts", "ROWS_PER_STRIP": "RowsPerStrip",
    "SAMPLES_PER_PIXEL": "SamplesPerPixel", "PLANAR_CONFIGURATION": "PlanarConfiguration",
    "SAMPLE_FORMAT": "SampleFormat", "DESCRIPTION": "ImageDescription", "MAKE": "Make", "MODEL": "Model",
    "ORIENTATION": "Orientation", "X_RESOLUTION": "XResolution", "Y_RESOLUTION": "YResolution",
    "RESOLUTION_UNIT": "ResolutionUnit", "THUMBNAIL_START": "JpegIFOffset", "THUMBNAIL_LENGTH": "JpegIFByteCount",
    "XMP_PACKET": "XMLPacket", "ICC_PROFILE": "InterColorProfile", "EXPOSURE_TIME": "ExposureTime",
    "F_NUMBER": "FNumber", "EXIF_DIRECTORY": "ExifOffset", "GPS_DIRECTORY": "GPSInfo", "ISO": "ISOSpeedRatings",
    "EXPOSURE_INDEX": "RecommendedExposureIndex", "ISO_SPEED": "ISOSpeed", "SHUTTER_SPEED": "ShutterSpeedValue",
    "APERTURE": "ApertureValue", "EXPOSURE_BIAS": "ExposureBiasValue", "MAKER_NOTE": "MakerNote",
    "ORIGINAL": "DateTimeOriginal", "DIGITISED": "DateTimeDigitized", "FOCAL_LENGTH": "FocalLength",
    "EXPOSURE_MODE": "ExposureMode", "SERIAL_NUMBER": "BodySerialNumber", "PIXEL_COLS": "ExifImageWidth",
    "PIXEL_ROWS": "ExifImageHeight", "SENSITIVITY_TYPE": "SensitivityType",
    "OUTPUT_SENSITIVITY": "StandardOutputSensitivity", "DNG_VERSION": "DNGVersion", "SUB_DIRECTORIES": "SubIFDs",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_tags_have_the_numbers_of_the_standards(name):
    known = {title: number for number, title in ExifTags.TAGS.items()}
    if NAMES[name] not in known:
        pytest.skip("this Pillow does not know it")
    assert getattr(tags, name) == known[NAMES[name]]


if __name__ == "__main__":
    RECORD.write_text("\n".join(line_of(name, *each) for name, each in PARTS.items()) + "\n")

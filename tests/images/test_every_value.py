"""What small parts of the file edge make of every number, name or text near their limits: recorded.

Each line of `every_value.txt` has a part, how many values it takes and refuses, and a sum over the
outcomes of each group of values. See `test_every_byte`, which does the same for whole files.
"""

import struct
from io import BytesIO
from itertools import product
from pathlib import Path
from types import SimpleNamespace

import damage_samples as samples
import numpy as np
import pytest
from recorded import line_of, record

from expinterp.images import formats, header, limits, orientation, radiance_files, raw_kinds, write
from expinterp.images.codecs import boxes, depths, heif, pillow, png, tiff_read, tiff_strips
from expinterp.images.codecs.jxl import colours
from expinterp.images.codecs.jxl.header import Colours
from expinterp.images.developing import linear, openexr, profiles, raw, raw_exif, raw_files
from expinterp.images.jpeg_layout import read_layout
from expinterp.images.metadata import (
    capture,
    exif,
    exif_edit,
    icc,
    ifd,
    iptc,
    jpeg_metadata,
    png_text,
    tags,
    tiff_exif,
    xmp,
)
from expinterp.images.metadata.exif_repair import join_names, repair
from expinterp.images.metadata.xmp import properties
from expinterp.images.photograph import Extra, Metadata

RECORD = Path(__file__).with_name("every_value.txt")


def part(name, function, values):
    """A part to be recorded: groups of values, and what makes text of each."""
    return name, (lambda given: function(*given) if isinstance(given, tuple) else function(given)), [
        (32 * at // max(32, len(values) // 8), value) for at, value in enumerate(values)
    ]  # fmt: skip


# --- EXIF ----------------------------------------------------------------------------------------


def of_tags(first):
    """Which of 256 tags describe a photograph, and which belong to raw data."""
    every = range(first, first + 256)
    return [(tiff_exif._is_descriptive(tag), tags.is_of_raw_or_layout(tag)) for tag in every]


def number_of_kind(kind, count, order="<"):
    """A number in the only field of a block, with this type and count."""
    value = struct.pack("<I", 0x3F800002) * 40 if kind != 2 else b"12".ljust(count, b"\0")
    record = struct.pack("<HHII", 0x9999, kind, count, 26)
    block = b"II*\0\x08\0\0\0\1\0" + record + bytes(4) + value
    fields = ifd.read_directory(block, order, 8).fields
    return ifd.read_number(block, order, fields, 0x9999), fields and ifd.read_numbers(
        block, order, fields[0x9999]
    )


def stated(*fields):
    return capture.read_capture(samples.block_of("<", [], fields))


def ratio(tag, above, below):
    return stated((tag, samples.SRATIONAL, struct.pack("<ii", above, below)))


def sensitivity(kind, lacking, iso):
    short = [(0x8827, 3, struct.pack("<H", iso)), (0x8830, 3, struct.pack("<H", kind))]
    long = [
        (tag, 4, struct.pack("<I", 100 * at)) for at, tag in enumerate((0x8831, 0x8832, 0x8833), 1)
    ]
    return stated(*short, *(each for each in long if each[0] != lacking)).exposure


def text_of(tag, text):
    return stated((tag, 2, text.encode() + b"\0"))


def times(stamp, fraction, zone):
    fields = (0x9003, stamp), (0x9291, fraction), (0x9011, zone)
    return stated(*((tag, 2, text.encode() + b"\0") for tag, text in fields)).captured


def short_of(tag, value):
    return stated((tag, 3, struct.pack("<H", value)))


def canon(value, count, kind):
    block = bytearray(samples.canon_block("<", value))
    struct.pack_into("<HI", block, 8 + 4, kind, count)
    return capture.read_capture(bytes(block) + bytes(1000)).mode, capture.read_capture(
        bytes(block) + bytes(1000)
    ).shot


def sony(mode, number):
    block = samples.sony_block("<").replace(
        struct.pack("<HHIHH", 0xB049, 3, 1, 5, 0), struct.pack("<HHIHH", 0xB049, 3, 1, mode, 0)
    )
    block = block.replace(
        struct.pack("<HHII", 0xB04A, 4, 1, 3), struct.pack("<HHII", 0xB04A, 4, 1, number)
    )
    return capture.read_capture(block)


def nikon(mode):
    wanted = struct.pack("<HHIHH", 0x89, 3, 1, 17, 0)
    return capture.read_capture(
        samples.nikon_block("<").replace(wanted, struct.pack("<HHIHH", 0x89, 3, 1, mode, 0))
    )


def resolution(tag, kind, value):
    packed = {3: "<H", 4: "<I", 5: "<II", 1: "B"}[kind]
    parts = (
        (value, 1)
        if kind == 5
        else (min(value, 255 if kind == 1 else 65_535 if kind == 3 else value),)
    )
    return repair(samples.block_of("<", [(tag, kind, struct.pack(packed, *parts))]))


def other_time(time, bias):
    block = samples.block_of(
        "<", [], [(0x829A, 5, samples.longs("<", 1, 8)), (0x9204, 10, struct.pack("<ii", bias, 10))]
    )
    packet = b'<r:RDF xmlns:r="%s"><r:Description xmlns:e="http://ns.adobe.com/exif/1.0/" e:ExposureBiasValue="%d/10"/></r:RDF>'
    packet %= (xmp.RDF.encode(), bias)
    return exif_edit.with_exposure_time(Metadata(exif=block, xmp=packet), time)


def thumbnail(start, length):
    block = bytearray(samples.camera("<"))
    at = block.index(struct.pack("<HHI", 0x201, 4, 1))
    struct.pack_into("<I", block, at + 8, start)
    struct.pack_into("<I", block, at + 20, length)
    return exif.find_thumbnail(bytes(block))


def values_of_raw(time, f_number, iso, focal):
    return raw_exif.exif_of_values(
        time, f_number, iso, focal_length=focal, date="d", camera=("", "Model")
    )


def long_segments(length):
    made = jpeg_metadata.make_segments(0xE1, b"head", bytes(length))
    return (
        len(made),
        made[:8],
        jpeg_metadata.join_segments([("APP1", b"head" + bytes(length))], b"head") == bytes(length),
    )


# --- limits and names ----------------------------------------------------------------------------


def sides_of(form, longer):
    longest, largest = formats.OUTPUTS[form].longest, formats.OUTPUTS[form].largest
    return write.check_sides("a", 1, longest + longer, format=form), longest, largest


def bmp(size):
    return formats.sniff_format(b"BM" + bytes(12) + struct.pack("<I", size))


def tga(palette, kind, depth, first):
    return formats.sniff_format(
        bytes([0, palette, kind, 0, 0, first, 0, 0]) + bytes(4) + bytes([5, 0, 3, 0, depth, 0])
    )


def marker(code):
    data = (
        b"\xff\xd8"
        + samples.frame()
        + samples.segment(code, b"\0\x11\x22")
        + samples.scan()
        + b"\xff\xd9"
    )
    return layouts(data), vars(header.read_header_of(BytesIO(data), "jpeg"))


def frame_marker(code, bits):
    data = b"\xff\xd8" + samples.frame(code, bits) + samples.scan() + b"\xff\xd9"
    return layouts(data), read_layout(data).deep


def layouts(data):
    """What `layout_of` reads, without the bits of coefficients."""
    found = read_layout(data)
    return (
        found.frame,
        found.bits,
        found.channels,
        found.interval,
        found.checks,
        found.scans,
        found.end,
    )


def many_scans(count):
    return len(
        read_layout(
            b"\xff\xd8" + samples.frame() + count * samples.scan(data=b"\1") + b"\xff\xd9"
        ).checks
    )


def restarts(rows, cols, interval, marks):
    rest = b"".join(b"\1\xff" + bytes([0xD0 + at % 8]) for at in range(marks)) + b"\1"
    data = (
        b"\xff\xd8"
        + samples.frame(rows=rows, cols=cols)
        + samples.segment(0xDD, struct.pack(">H", interval))
    )
    return len(read_layout(data + samples.scan(data=rest) + b"\xff\xd9").checks)


def resource(code):
    found = iptc.extras_of_resources(b"8BIM" + struct.pack(">HHI", code, 0, 2) + b"ab")
    return [sorted(each.stored) for each in found]


def chunk_kind(kind, letters):
    """What becomes of a chunk of a PNG, by the case of its letters."""
    name = bytes(letter ^ (0x20 if letters >> at & 1 else 0) for at, letter in enumerate(kind))
    found, others = png_text.blocks_of_png([(name, memoryview(samples.chunk(name, b"Title\0x")))])
    return found, [(each.name, sorted(each.stored)) for each in png_text.extras_of_png(others)]


def colours_of_png(number, changed, *, profile):
    kinds = (b"cICP", b"sRGB", b"gAMA", b"cHRM")
    content = {b"sRGB": b"\0", **png_text._SRGB}
    pairs = [
        (kind, content[kind][:-1] + bytes([content[kind][-1] ^ changed]))
        for at, kind in enumerate(kinds)
        if number >> at & 1
    ]
    listed = [(kind, memoryview(samples.chunk(kind, each))) for kind, each in pairs]
    return [
        (each.name, sorted(each.stored))
        for each in png_text.extras_of_png(listed, has_profile=profile)
    ]


def density(across, down, unit):
    found = png_text.read_density(struct.pack(">IIB", across, down, unit))
    return found and [round(each, 6) for each in found], found and png_text.density_content(found)


# --- pixels --------------------------------------------------------------------------------------


def turned(number, rows, cols):
    stored = np.arange(rows * cols * 2, dtype=np.uint8).reshape(rows, cols, 2)
    upright = orientation.make_upright(stored, number)
    whole = orientation.assemble_upright([stored[:1], stored[1:]], stored.shape, np.uint8, number)
    back = orientation.turn_back(upright, number)
    return upright.tolist(), whole.tolist(), back.tolist()


def stretched(top):
    values = np.unique(np.linspace(0, top + 1, 40).astype(np.uint16)).reshape(1, -1, 1)
    found = depths.stretch(values, top)
    return found.dtype, found.tolist()


def divided(kind, alpha):
    stored = np.array([[[10, 200, alpha], [0, 255, 255]]]).astype(kind)
    depths.divide_by_alpha(stored)
    return np.round(stored.astype(float), 4).tolist()


def keyed(channels, depth, key):
    pixels = np.array(
        [[[0] * channels, [255] * channels, [key] * channels]],
        np.uint16 if depth == 16 else np.uint8,
    )
    return png._with_key_as_alpha(pixels, memoryview(struct.pack(">H", key) * 3), depth).tolist()


def page(photometric, channels, bits, form):
    """Whether a page of a TIFF is a photograph."""
    made = SimpleNamespace(
        imagewidth=5, imagelength=3, imagedepth=1, is_reduced=0, photometric=photometric, compression=1,
        bitspersample=bits, sampleformat=form, samplesperpixel=channels, is_subsampled=True,
    )  # fmt: skip
    return tiff_read._check_page(made, samples.block_of("<", [(0x10F, 2, b"x\0")]), 15)


def codec(code, bits):
    return tiff_strips._check_codec(SimpleNamespace(compression=code, bitspersample=bits))


def extras_of_page(photometric, kinds, channels):
    made, warnings = SimpleNamespace(photometric=photometric, extrasamples=kinds), []
    stored = np.arange(channels, dtype=np.uint8).reshape(1, 1, -1)
    found, premultiplied = tiff_read._without_extras(stored, made, warnings)
    return found.tolist(), premultiplied, warnings


def palette(bits, largest, channels):
    made = SimpleNamespace(
        bitspersample=bits,
        tags=SimpleNamespace(valueof=lambda *_: np.linspace(0, largest, 3 << bits).astype(int)),
    )
    stored = np.full((1, 2, channels), (1 << bits) - 1, np.uint8)
    return tiff_read._from_palette(stored, made).tolist()


def windows(left, top, cols, rows):
    """Where the data of an OpenEXR lie in what it displays."""
    header_of = {
        "displayWindow": ((2, 3), (5, 6)),
        "dataWindow": ((left, top), (left + cols - 1, top + rows - 1)),
    }
    light, warnings = np.arange(rows * cols, dtype=np.float32).reshape(rows, cols, 1) + 1, []
    found = openexr._on_display(SimpleNamespace(header=header_of), light, warnings)
    return found.tolist(), warnings


def exr_part(width, height, names, kind="scanline"):
    channels = [SimpleNamespace(name=name) for name in names.split()]
    head = {
        "displayWindow": ((0, 0), (width - 1, height - 1)),
        "dataWindow": ((0, 0), (4, 4)),
        "channels": channels,
        "type": kind,
    }
    return openexr._layer({*names.split()}), openexr._check_part(
        SimpleNamespace(header=head), 1 << 28
    )


def crop_of_raw(left, top, cols, rows, flip):
    sizes = SimpleNamespace(
        crop_left_margin=left, crop_top_margin=top, left_margin=2, top_margin=1, crop_width=cols,
        crop_height=rows, iwidth=20, iheight=10, flip=flip,
    )  # fmt: skip
    shown = raw._crop(np.arange(200, dtype=np.uint16).reshape(10, 20), sizes)
    return raw._frame(sizes), raw._upright_size(sizes), shown.shape, int(shown[0, 0])


def outside(below, above, nans):
    values = np.full(10_000, 0.5, np.float32)
    values[:below], values[-above or 10_000 :] = -0.01, 1.01
    values[5000 : 5000 + nans] = np.nan
    return linear._describe_outside(values), linear._describe_outside(
        np.float32([-0.0009, -0.0011])
    )


def fitted(form, kind, with_alpha, bit_depth):
    pixels, warnings = np.full((2, 3, kind), 30_000, np.uint16), []
    alpha = np.array([[0, 65_535, 9], [1, 2, 3]], np.uint16) if with_alpha else None
    joined = write._fit_channels(pixels, alpha, form, warnings)
    return write._fit_depth(joined, form, bit_depth, warnings).tolist(), warnings


def transfer(number, gamma, grey, near):
    known = tuple(each + near for each in profiles.SRGB)
    found, readable = colours.profile_of_colours(
        Colours(grey=grey, primaries=known, transfer=number, gamma=gamma)
    )
    name = found and icc.profile_name(found)
    back = found and colours.colours_of_profile(found, grey=grey)
    return name, readable, back and (back.transfer, round(back.gamma, 3))


def curve(count, power):
    values = (
        np.rint(65_535 * np.linspace(0, 1, count) ** power).astype(int)
        if count > 1
        else [round(256 * power)][:count]
    )
    value = struct.pack(f">4s4xI{count}H", b"curv", count, *values)
    head = bytes(16) + b"GRAY" + bytes(108) + struct.pack(">I4sII", 1, b"kTRC", 144, len(value))
    found = profiles.read_curve(head + value)
    return found and [round(each, 3) for each in (found.exponent, found.slope, found.knee)]


def parametric(kind, g):
    numbers = [round(65_536 * each) for each in (g, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)]
    value = struct.pack(">4s4xH2x5i", b"para", kind, *numbers)
    table = b"".join(
        struct.pack(">4sII", name, 168, len(value)) for name in (b"rTRC", b"gTRC", b"bTRC")
    )
    found = profiles.read_curve(
        bytes(16) + b"RGB " + bytes(108) + struct.pack(">I", 3) + table + value
    )
    return found and [round(each, 3) for each in (found.exponent, found.slope)]


def span_of_primaries(x):
    matrix = profiles.matrix_to_srgb((0.64 + x, *profiles.SRGB[1:]))
    return matrix is None or np.round(matrix, 2).tolist()


def radiance_target(name, depth):
    return radiance_files.check_radiance_target(
        name, depth=depth, overwrite=False
    ), radiance_files.radiance_format(name)


def of_heif(transfer_of_it, pictures, aux):
    said = heif._describe_more(
        b"hdrgainmap" if aux else b"",
        pictures,
        {"aux": ["urn:hdrgainmap"], "depth_images": [1] * (aux == 3)} if aux > 1 else {},
    )
    return limits.refuse_hdr(transfer_of_it), said


# fmt: off


def parts_of_exif():
    """List the parts that read and write fields of EXIF and XMP."""
    small = [1e-7, 9.9e-7, 1e-6, 1 / 8000, 0.0123, 0.3, 0.5, 0.997, 1, 1.3, 2.83, 30, 9.9e6, 1e7, 1.1e7]
    yield part("descriptive tags", of_tags, range(0, 1 << 16, 256))
    yield part("numbers by type", number_of_kind, [
        *product(range(20), (0, 1, 2, 15, 16, 17)), *product((1, 2, 7, 129), range(60, 68))
    ])
    yield part("ratios", ratio, [
        *product((0x829A, 0x829D, 0x9201, 0x9202, 0x9204, 0x920A), (-40, -32, -31, 0, 1, 31, 32, 40, 10**7, 10**7 + 1), (0, 1, 10**7))
    ])
    yield part("sensitivities", sensitivity, [*product(range(9), (0, 0x8831, 0x8832, 0x8833), (0, 100, 65_535))])
    yield part("numbers as text", text_of, [
        *product((0x829A, 0x9204), ("1/60", " +1/60 ", "1/0", "1.5/2", "-3", "1 /2x", "9" * 20, "9" * 21, "1." + "3" * 20, "1." + "3" * 21, "1/" + "2" * 21, "7".ljust(62), "7".ljust(63), "7".ljust(64), "7".ljust(65)))
    ])
    yield part("serial numbers", text_of, [(0xA431, "x" * length) for length in (1, 254, 255, 256, 257)])
    yield part("moments", times, [
        *product(("2024:05:06 07:08:09", "2024-05-06T07:08:09.25+01:00", "2024:13:06 07:08:09", "24:05:06"), ("", "5", "1234567", "x"), ("", "+02:00", "-23:59", "+24:00", "Z", "+2"))
    ])
    yield part("whole numbers", short_of, [
        *product((0x9209, 0xA402, 0x8827, 0x920A), (0, 1, 2, 3, 4, 9, 16, 17, 65_535))
    ])
    yield part("Canon", canon, [*product((-2, -1, 0, 1, 2, 3, 4), (16, 17, 34, 256, 257), (3, 8, 9))])
    yield part("Sony", sony, [*product((0, 1, 4, 5, 6), (0, 1, 2, 98, 99, 100))])
    yield part("Nikon", nikon, range(64))
    yield part("orientations", lambda n: exif.read_orientation(samples.block_of("<", [(0x112, 3, struct.pack("<H", n))])), range(12))
    yield part("orientations stated", lambda n: exif_edit.with_orientation(samples.camera("<") if n % 2 else b"" if n % 3 else None, n // 2), range(20))
    yield part("resolutions", resolution, [
        *product((0x11A, 0x11B, 0x128), (1, 3, 4, 5), (0, 1, 2, 3, 4, 300, 10**6, 10**6 + 1))
    ])
    yield part("densities", lambda x, y: exif_edit.with_density(Metadata(density=(x, y))), [
        *product((0.004, 0.006, 72, 299.994, 5e7), repeat=2)
    ])
    yield part("times as fractions", exif_edit.time_as_fraction, [
        *small, *(1.37**k for k in range(-30, 30)), *(1 / n for n in range(1, 60)), 1e-12, 1e12
    ])
    yield part("compensations", tags.bias_as_fraction, [at / 50 for at in range(-160, 160)])
    yield part("compensations as text", properties._shifted, [
        *product(("0", "-1/3", " 1 / 2 ", "149/10", "15", "151/10", "x", "1/0", "1e400"), (None, 0.0, 0.5, -1 / 3))
    ])
    yield part("other times", other_time, [*product((None, 1 / 16, 0.25, 2.0), (-151, -150, -149, 0, 3, 150, 151))])
    yield part("thumbnails", thumbnail, [*product((0, *range(150, 420, 15)), (0, 1, 2, 10, 500))])
    yield part("names joined", lambda n: join_names(["ab"] * n), range(10))
    yield part("values of raw files", values_of_raw, [
        *product((0, 1e-4, 0.29, 0.31, 30, 2**31), (0, 5.6), (0, 100.4, 65_535, 65_536, 2**40), (0, 35))
    ])
    yield part("blocks shortened", lambda n: tiff_exif.shorten(samples.camera("<"), n), range(0, 480, 20))
    yield part("names of properties", properties._named, [
        f"http://ns.{a}/{b}/1.0/ {c}" for a in ("google.com/photos/1.0", "apple.com", "adobe.com") for b in ("depthmap", "image", "audio", "HDRGainMap", "hdr-gain-map", "container", "tiff") for c in ("MotionPhotoX", "MicroVideo", "Version")
    ])


def parts_with_limits():
    """List the parts that know formats, names and limits."""
    yield part("lengths of segments", long_segments, [
        0, 1, 65_527, 65_528, 65_529, 65_530, 131_057, 131_058, 131_059
    ])
    yield part("formats", lambda name: formats.ALL_FORMATS[name], [*formats.ALL_FORMATS])
    yield part("suffixes", lambda name: (formats.named_format(name), formats.image_format(name)), [
        f"a{each}" for each in (*sorted(formats.SUFFIXES), ".xyz", "", ".JPG")
    ])
    yield part("sides that can be written", sides_of, [*product(formats.OUTPUTS, (0, 1))])
    yield part("sides that can be read", limits.check_sides_read, [
        *product((32_768, 32_769, 10**6, 10**6 + 1), (1, 10**6), ("avif", "png"))
    ])
    yield part("sizes", limits.check_size, [*product((-1, 0, 1, 5), (0, 1, 4), (4, 5, 20))])
    yield part("contents", limits.check_content, [
        (1 << 10, (1 << 10) + rows, content, 64, "x") for rows, content in product((0, 1, 16, 17), (0, 16, 255, 256))
    ])
    yield part("HDR", of_heif, [*product((0, 15, 16, 17, 18, 19), (1, 2), (0, 1, 2, 3))])
    yield part("BMP", bmp, range(130))
    yield part("TGA", tga, [*product((0, 1, 2), range(13), (0, 8, 15, 16, 24, 32), (0, 1))])
    yield part("first bytes", lambda head: (formats.sniff_format(head), formats._describe_other(head)), [
        *(each + b"\0" * 60 for form in formats.ALL_FORMATS.values() for each in form.starts), *formats._OTHERS, *formats._RAW,
        *(b"\0\0\0\x18ftyp" + each + bytes(4) + b"isom" for each in (*sorted(formats._HEIF_BRANDS), b"avif", b"avis", b"crx ", b"mp42", b"qt  ")),
    ])  # fmt: skip
    yield part("markers", marker, range(256))
    yield part("frames", frame_marker, [*product((*range(0xC0, 0xD0), 0xF7), (8, 12))])
    yield part("scans", many_scans, (1, 2, 99, 100, 101))
    yield part("restarts", restarts, [*product((1, 16, 17, 40), (16, 33), (0, 1, 2, 3), (0, 1, 2, 5, 8))])
    yield part("resources", resource, range(0x03E0, 0x0430))
    yield part("kinds of chunks", chunk_kind, [
        *product((b"abcd", b"tEXt", b"caBX", b"tIME", b"sBIT"), (0, 1, 2, 4, 8, 10))
    ])
    yield part("colours of PNG", lambda n, c: [colours_of_png(n, c, profile=each) for each in (False, True)], [
        *product(range(16), (0, 1))
    ])
    yield part("densities of PNG", density, [*product((0, 1, 2835, 11_811, 2**31), (0, 5906), (0, 1, 2))])


def parts_of_pixels():
    """List the parts that convert pixels, colours and raw files."""
    yield part("turns", turned, [*product(range(10), (2, 3), (1, 2))])
    yield part("blocks of rows", lambda *sizes: list(orientation.row_blocks(*sizes)), [
        *product((0, 1, 5, 9), (0, 1, 3, 10), (1, 3, 6, 10))
    ])
    yield part("depths", stretched, (*(2**bits - 1 for bits in range(1, 17)), 2, 100, 254, 256, 1000, 65_534))
    yield part("opacity", divided, [*product(("u1", "u2", "f4"), (0, 1, 2, 100, 255))])
    yield part("transparent colours", keyed, [*product((1, 3), (1, 2, 4, 8, 16), (0, 1, 3, 15, 255))])
    yield part("pages", page, [*product(range(10), range(1, 10), (0, 1, 8, 16, 17, 32, 64), (1, 2, 3))])
    yield part("compressions", codec, [
        *product((*range(10), 22_610, 32_773, 32_809, 32_908, 32_946, 34_712, 34_887, 34_925, 34_933, 34_934, 50_000, 50_001, 50_002, 52_546), (1, 8))
    ])
    yield part("extra channels", extras_of_page, [
        (photometric, kinds[:n], base + n) for photometric, base in ((0, 1), (2, 3), (3, 1), (5, 4)) for kinds in ((), (0, 1), (1, 2), (2, 0), (0, 2, 1)) for n in range(4)
    ])
    yield part("palettes", palette, [*product((1, 2, 4, 8), (200, 255, 256, 65_535), (1, 2))])
    yield part("windows", windows, [*product(range(-1, 7, 2), range(1, 8, 2), (1, 4, 6), (1, 4, 6))])
    yield part("parts of OpenEXR", exr_part, [
        *product((1, 50, 51, 4096, 4097), (1, 50, 4096), ("R G B", "Y", "a.R a.G a.B", "R G", "A.Y Z")), (5, 5, "R G B", "deepscanline")
    ])
    yield part("crops of raw files", crop_of_raw, [
        *product((1, 2, 5), (0, 1, 4), (9, 10, 17, 18), (4, 5, 9), (0, 5))
    ])
    yield part("relative factors", lambda *four: raw._relative(four), [
        *product((0, 1.0, 2.0), (0, 0.5), (0, 3.0), (0, 0.5))
    ])
    yield part("values outside", outside, [*product((0, 4, 5, 6), (0, 4, 5), (0, 4, 5))])
    yield part("channels and depths", fitted, [*product(formats.OUTPUTS, (1, 3), (False, True), (None, 8))])
    yield part("transfers", transfer, [
        *product(range(20), (0.9, 1.8, 2.19922, 2.2, 2.6), (False, True), (0, 5e-4, 7e-4, 2e-3))
    ])
    yield part("curves", curve, [*product((0, 1, 2, 3, 256, 1024, 4096), (1.0, 1.8, 2.2, 2.4))])
    yield part("curves by parameters", parametric, [*product(range(5), (1.0, 2.2, 2.4, 2.6))])
    yield part("primaries", span_of_primaries, [at / 1000 for at in range(-4, 5)])
    yield part("primaries by number", lambda n: profiles.profile_of_primaries(n) is not None, range(24))
    yield part("targets of radiance", radiance_target, [
        *product(("a.exr", "a.hdr", "a.tif", "a.png", "-", "a"), (None, "half", "float"))
    ])
    yield part("names without a form", lambda *names: Metadata(extras=tuple(Extra(n, {"png": b""}) for n in names)).warnings_for("jpeg"), [
        (), ("a",), ("a", "b")
    ])
    yield part("sensor bits", lambda n, head: raw_files.check_sensor_data(head + samples.dng()[4:], n), [
        *product((1, 580, 590, 600, 10_400, 10_600), (b"IIU\0", b"II*\0"))
    ])
    yield part("kinds of raw", lambda kind, pattern: raw_kinds.is_raw(samples.block_of("<", [
        (0x106, 3, struct.pack("<H", kind)), *([(0x828E, 7, b"\0\1\1\2")] * pattern)])), [*product((0, 1, 2, 3, 5, 6, 8, 9, 32_803, 34_892), (0, 1))
    ])
    yield part("sides of quality", lambda q: pillow._options("avif", q), (1, 89, 90, 91, 100))
    yield part("long boxes", lambda n: [*boxes.boxes_of(struct.pack(">I4sQ", 1, b"abcd", n) + bytes(8))], range(12, 28))


# fmt: on


PARTS = {
    name: (function, values)
    for name, function, values in (*parts_of_exif(), *parts_with_limits(), *parts_of_pixels())
}


@pytest.mark.parametrize("name", PARTS)
def test_every_value_has_the_recorded_outcome(name):
    assert line_of(name, *PARTS[name]) == record(RECORD)[name]


if __name__ == "__main__":
    RECORD.write_text("\n".join(line_of(name, *each) for name, each in PARTS.items()) + "\n")

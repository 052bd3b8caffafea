"""Damage of EXIF blocks costs only what is damaged, in every format, on reading and on writing."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_samples import SUFFIX, directory, entry, exif, fields, picture, read_fields, stored_bytes
from PIL import Image

from expinterp.core.exposure import Exposure
from expinterp.images import (
    FORMATS,
    Metadata,
    read_photograph,
    with_exposure_time,
    with_provenance,
    write_photograph,
)
from expinterp.images.header import read_header
from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.capture import read_capture
from expinterp.images.metadata.exif import read_exposure, read_orientation, read_text
from expinterp.images.metadata.exif_edit import fit_to_pixels
from expinterp.images.metadata.exif_repair import repair

ORDERS = pytest.mark.parametrize("order", ["<", ">"])
KNOWN = Exposure(time=1 / 30, iso=400, f_number=5.6, camera="Maker Works Model 7")


def record_at(block, order, tag, kind, count=1):
    return block.index(struct.pack(order + "HHI", tag, kind, count))


def set_record(block, order, at, *, kind=None, count=None, offset=None):
    old = struct.unpack_from(order + "HHII", block, at)
    new = (old[0], kind or old[1], count or old[2], old[3] if offset is None else offset)
    struct.pack_into(order + "HHII", block, at, *new)


def start_of(block, order, name):
    """The offset of a directory."""
    first = struct.unpack_from(order + "I", block, 4)[0]
    if name == "first":
        return first
    tag = {"exif": 0x8769, "gps": 0x8825, "interop": 0xA005}[name]
    return struct.unpack_from(order + "I", block, record_at(block, order, tag, 4) + 8)[0]


def pointer_to(tag, name):
    """Let a pointer lead to another directory, which was met before."""

    def damage(block, order):
        set_record(
            block, order, record_at(block, order, tag, 4), offset=start_of(block, order, name)
        )

    return damage


def astray(tag, offset):
    return lambda block, order: set_record(
        block, order, record_at(block, order, tag, 4), offset=offset
    )


def value_of(tag, kind, **changed):
    counts = {0x9003: 20, 0x927C: 72, 2: 3}
    return lambda block, order: set_record(
        block, order, record_at(block, order, tag, kind, counts.get(tag, 1)), **changed
    )


def next_of(name, to):
    def damage(block, order):
        start = start_of(block, order, name)
        (count,) = struct.unpack_from(order + "H", block, start)
        where = to if isinstance(to, int) else start_of(block, order, to)
        struct.pack_into(order + "I", block, start + 2 + 12 * count, where)

    return damage


# what is done to a block: (the damage, what is lost, its name)
DAMAGE = {
    "value outside": (value_of(0x9003, 2, offset=1 << 30), {("exif", 0x9003)}, "DateTimeOriginal"),
    "maker note outside": (value_of(0x927C, 7, offset=2**32 - 1), {("exif", 0x927C)}, "MakerNote"),
    "count too large": (value_of(0x9204, 10, count=2**32 - 1), {("exif", 0x9204)}, "ExposureBias"),
    "value in the header": (value_of(0x9003, 2, offset=2), {("exif", 0x9003)}, "DateTimeOriginal"),
    "latitude outside": (value_of(2, 5, offset=1 << 30), {("gps", 2)}, "GPSLatitude"),
    "GPS outside": (astray(0x8825, 1 << 30), "gps", "GPS"),
    "GPS is no directory": (astray(0x8825, 9), "gps", "GPS"),
    "GPS is the first": (pointer_to(0x8825, "first"), "gps", "GPS"),
    "Interop outside": (astray(0xA005, 2**32 - 2), "interop", "Interop"),
    "Interop is the first": (pointer_to(0xA005, "first"), "interop", "Interop"),
    "Interop is EXIF": (pointer_to(0xA005, "exif"), "interop", "Interop"),
    "Interop is GPS": (pointer_to(0xA005, "gps"), "interop", "Interop"),
    "second outside": (next_of("first", 1 << 30), set(), None),
    "second is the first": (next_of("first", "first"), set(), None),
    "second is EXIF": (next_of("first", "exif"), set(), None),
}


def damaged(name, order, form="jpeg"):
    orientation = None if form == "avif" else 6
    block = bytearray(exif(orientation, order=order))
    DAMAGE[name][0](block, order)
    return bytes(block)


def file_with(form, block, order):
    """A file of a format with a block; a TIFF has the directories of the block in it."""
    if form in {"jpeg", "png"}:
        return stored_bytes(form, picture(40, 56), 6, exif_block=block, xmp=None)
    if form != "tiff":  # whose encoders read the block; an AVIF states its orientation elsewhere
        turned = 6 if form == "webp" else 1
        sound = exif(None if form == "avif" else 6, order=order)
        data = stored_bytes(form, picture(40, 56), turned, exif_block=sound, xmp=None)
        return data.replace(sound, block)
    stored = np.ascontiguousarray(np.rot90(picture(40, 56)))
    layout = [(256, 40), (257, 56), (258, 8), (259, 1), (262, 1), (277, 1), (278, 56), (279, 2240)]
    whole = bytearray(block)
    first = ifd.read_directory(whole, order, start_of(whole, order, "first"))
    (following,) = struct.unpack_from(order + "I", whole, first.next_at)
    if following == struct.unpack_from(order + "I", exif(6, order=order), first.next_at)[0]:
        following = 0  # not the thumbnail, which would be a second page
    records = [bytes(whole[at : at + 12]) for at in range(first.start + 2, first.next_at, 12)]
    records += [
        entry(whole, order, tag, 4, struct.pack(order + "I", value)) for tag, value in layout
    ]
    pixels = len(whole)
    whole += stored[..., 0].tobytes()
    records.append(entry(whole, order, 273, 4, struct.pack(order + "I", pixels)))
    records.sort(key=lambda each: struct.unpack_from(order + "H", each))
    whole += bytes(len(whole) % 2)
    struct.pack_into(order + "I", whole, 4, directory(whole, order, records, following))
    return bytes(whole)


@ORDERS
@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("form", FORMATS)
def test_damage_costs_only_itself_on_reading(tmp_path, form, name, order):
    path = tmp_path / f"a{SUFFIX[form]}"
    path.write_bytes(file_with(form, damaged(name, order, form), order))
    photograph = read_photograph(path)
    assert photograph.exposure == KNOWN
    assert photograph.pixels.shape[:2] == (40, 56)
    assert read_exposure(read_header(path).exif) == KNOWN


@ORDERS
@pytest.mark.parametrize("name", DAMAGE)
def test_damage_costs_only_itself_on_writing(name, order):
    _, lost, word = DAMAGE[name]
    before = read_fields(exif(1, order=order))
    found = with_exposure_time(Metadata(exif=damaged(name, order)), None)
    after = read_fields(found.exif)
    del before["0th", 0x112], after["0th", 0x112]
    gone = {key for key in before if key[0] == lost} if isinstance(lost, str) else lost
    gone = gone | {("exif", tag) for tag in (0x829A, 0x9201, 0x9204)}
    assert after == {key: value for key, value in before.items() if key not in gone}
    assert [word in extra.name for extra in found.extras] == ([True] if word else [])


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("form", FORMATS)
def test_what_is_lost_is_named_once_in_every_format(tmp_path, form, to):
    source, target = tmp_path / f"a{SUFFIX[form]}", tmp_path / f"b{SUFFIX[to]}"
    source.write_bytes(file_with(form, damaged("GPS outside", ">", form), ">"))
    photograph = read_photograph(source)
    assert photograph.warnings == ()
    metadata = with_exposure_time(photograph.metadata, 1 / 120)
    (warning,) = write_photograph(photograph.pixels, target, metadata=metadata)
    assert warning.startswith(f"not carried on into the {to.upper()}: EXIF fields that cannot be ")
    assert warning.endswith("(GPS)")
    assert read_photograph(target).exposure.time == 1 / 120
    assert fields(target)["exif", 0x9003] == "2024:05:06 07:08:09"


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_what_was_repaired(tmp_path):
    """It followed loops without end."""
    for number, name in enumerate(DAMAGE):
        for order in "<>":
            target = tmp_path / f"{number}{'l' if order == '<' else 'b'}.tif"
            write_photograph(picture(8, 8), target, metadata=Metadata(exif=damaged(name, order)))
    command = ["exiftool", "-q", "-if", "$Error or not $ExposureTime", "-FileName", tmp_path]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert done.stdout == ""
    assert done.returncode == 2  # no file has an error


@ORDERS
def test_a_first_directory_that_is_cut_off_keeps_its_records(order):
    """Its last record leads to the GPS directory; the block ends within it."""
    short = exif(6, order=order)[:-9]
    assert read_exposure(short) == KNOWN
    repaired, _ = repair(short)
    assert read_orientation(repaired) == 6
    expected = {key: value for key, value in read_fields(exif(6)).items() if key[0] != "gps"}
    assert read_fields(repaired) == expected
    assert repair(repaired) == (repaired, [])


@ORDERS
@pytest.mark.parametrize("number", [0, 42 << 8, 0x55])
def test_a_wrong_number_in_the_header_costs_nothing(order, number):
    block = bytearray(exif(6, order=order))
    struct.pack_into(order + "H", block, 2, number)
    assert read_exposure(bytes(block)) == KNOWN
    assert repair(bytes(block)) == (exif(6, order=order), [])


@ORDERS
@pytest.mark.parametrize("kind", [3, 5, 13])
def test_a_pointer_of_another_type_is_followed(order, kind):
    block = bytearray(exif(order=order))
    at, start = record_at(block, order, 0x8769, 4), start_of(block, order, "exif")
    if kind == 3:
        struct.pack_into(order + "HHIHH", block, at, 0x8769, 3, 1, start, 0)
    elif kind == 5:
        struct.pack_into(order + "HHII", block, at, 0x8769, 5, 1, len(block))
        block += struct.pack(order + "II", start, 1)
    else:
        set_record(block, order, at, kind=13)
    assert read_exposure(bytes(block)) == KNOWN
    assert read_fields(repair(bytes(block))[0]) == read_fields(exif(order=order))


@ORDERS
@pytest.mark.parametrize("orientation", [1, None])
def test_a_value_in_place_of_the_next_pointer_stays(order, orientation):
    """Some writers leave out the pointer; then the first value lies there."""
    records = [struct.pack(order + "HHII", 0x10F, 2, 12, 8 + 2 + 3 * 12)]
    records += [struct.pack(order + "HHIHH", 0x112, 3, 1, orientation or 9, 0)]
    records += [struct.pack(order + "HHII", 0x131, 2, 99, 1 << 30)]  # is unlinked
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    block = head + struct.pack(order + "H", 3) + b"".join(records) + b"Maker Works\0"
    fitted = fit_to_pixels(Metadata(exif=block), 8, 8).exif
    assert read_fields(fitted) == {("0th", 0x10F): "Maker Works", ("0th", 0x112): 1}
    stated = with_exposure_time(Metadata(exif=block), 1 / 8).exif
    assert read_exposure(stated) == Exposure(time=1 / 8, camera="Maker Works")


def test_the_first_of_two_records_counts_and_the_other_is_unlinked():
    block = bytearray(b"II*\0" + bytes(4))
    records = [entry(block, "<", 0x112, 3, struct.pack("<H", value)) for value in (6, 3)]
    struct.pack_into("<I", block, 4, directory(block, "<", records))
    assert read_orientation(bytes(block)) == 6
    assert read_fields(repair(bytes(block))[0]) == {("0th", 0x112): 6}


@pytest.mark.parametrize("tag", [tags.DNG_VERSION, 0xC621, 0xC65A, 0x828E, 0x7010, 0x014A, 0xCD2D])
@pytest.mark.parametrize("to", FORMATS)
def test_tags_of_raw_files_are_not_carried_on(tmp_path, tag, to):
    block = bytearray(b"II*\0" + bytes(4))
    records = [entry(block, "<", each, 1, b"\1\4\0\0") for each in (0x010F, tag)]
    struct.pack_into("<I", block, 4, directory(block, "<", records))
    target = tmp_path / f"a{SUFFIX[to]}"
    assert write_photograph(picture(8, 8), target, metadata=Metadata(exif=bytes(block))) == ()
    read_photograph(target)
    assert ("0th", 0x010F) in fields(target)
    assert ("0th", tag) not in fields(target)


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 7, 10, 12])
@pytest.mark.parametrize("to", ["jpeg", "tiff"])
def test_a_resolution_of_any_type_is_read_and_stored_as_rational(tmp_path, kind, to):
    """Pillow raises an IndexError for such a JPEG without density in its JFIF segment."""
    value = {2: b"72\0\0\0\0", 3: b"\x48\0", 4: b"\x48\0\0\0", 10: struct.pack("<ii", 72, 1)}
    value |= {1: b"\x48", 7: b"\x48\1", 12: struct.pack("<d", 72)}
    block = bytearray(b"II*\0" + bytes(4))
    records = [entry(block, "<", tag, kind, value[kind]) for tag in (0x11A, 0x11B)]
    records.append(entry(block, "<", 0x128, 4, b"\2\0\0\0"))
    struct.pack_into("<I", block, 4, directory(block, "<", records))
    source = tmp_path / "a.jpg"
    data = stored_bytes("jpeg", picture(16, 16), 1, exif_block=bytes(block), xmp=None, icc=None)
    start = data.index(b"\xff\xe0")
    source.write_bytes(data[:start] + data[start + 18 :])  # without JFIF
    target = tmp_path / f"b{SUFFIX[to]}"
    photograph = read_photograph(source)
    assert write_photograph(photograph.pixels, target, metadata=photograph.metadata) == ()
    with Image.open(target) as image:
        found = image.getexif()
    assert (found.get(0x11A), found.get(0x128)) == ((None if kind == 7 else 72), 2)


# --- every tag of the first directory ------------------------------------------------------------

KINDS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}
KNOWN_TAGS = st.sampled_from(
    sorted({tag for tag, _ in tifffile.TIFF.TAGS.items() if tag < 1 << 16})
)
MICROSCOPES = {
    34412,
    *range(33628, 33632),
    34361,
    *range(65420, 65460),
}  # tifffile reads these files otherwise
LAYOUT_TAGS = MICROSCOPES | {  # of the pixels, or of a raw file
    *range(0x00FE, 0x010D), *range(0x0111, 0x011A), 0x011C, *range(0x0120, 0x0128), 0x0129, 0x012D, 0x013D,
    *range(0x0140, 0x0150), *range(0x0150, 0x0160), *range(0x01B0, 0x0216), 0x02BC, 0x8773, 0x80E5, 0x80E6,
    0x828D, 0x828E, *range(0xC612, 0xC7EF), *range(0xF001, 0xF004), 0x8649, 0x83BB,
}  # fmt: skip
RECORDS = st.dictionaries(
    KNOWN_TAGS | st.integers(1, 65_535),
    st.tuples(st.sampled_from(sorted(KINDS)), st.binary(max_size=24)),
    max_size=12,
)


def block_of(records, order, room=0):
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4 + room))
    made = []
    for tag, (kind, value) in sorted(records.items()):
        stored = value[: len(value) // KINDS[kind] * KINDS[kind]]
        count, at = len(stored) // KINDS[kind], len(block)
        inline = len(stored) <= 4
        block += b"" if inline else stored + bytes(len(stored) % 2)
        where = stored.ljust(4, b"\0") if inline else struct.pack(order + "I", at)
        made.append(struct.pack(order + "HHI", tag, kind, count) + where)
    struct.pack_into(order + "I", block, 4, directory(block, order, made))
    return bytes(block)


@ORDERS
@pytest.mark.parametrize("value", [b"CR\2\0", b"CREO ", b"IIII", b"MMMM"])
def test_a_first_value_like_that_of_a_raw_file_makes_no_raw_file(tmp_path, order, value):
    """A TIFF begins with the EXIF block."""
    metadata = Metadata(exif=block_of({0x010F: (2, value + b"Works\0")}, order))
    for _ in range(2):
        write_photograph(picture(8, 8), tmp_path / "a.tif", metadata=metadata, overwrite=True)
        found = read_photograph(tmp_path / "a.tif")
        assert fields(tmp_path / "a.tif")["0th", 0x010F].encode() in value + b"Works"
        metadata = with_exposure_time(found.metadata, 1 / 8)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS, order=st.sampled_from("<>"), to=st.sampled_from(sorted(FORMATS)))
def test_a_tiff_is_read_whatever_its_descriptive_fields_are(tmp_path, records, order, to):
    """tifffile and Pillow interpret fields of many programs."""
    kept = {tag: value for tag, value in records.items() if tag not in LAYOUT_TAGS}
    source, target = tmp_path / "a.tif", tmp_path / f"b{SUFFIX[to]}"
    source.write_bytes(file_with("tiff", block_of(kept, order, 8), order))
    photograph = read_photograph(source)
    assert photograph.pixels.shape[:2] in {(40, 56), (56, 40)}
    metadata = with_exposure_time(photograph.metadata, 1 / 120)
    write_photograph(photograph.pixels, target, metadata=metadata, overwrite=True)
    assert read_photograph(target).exposure.time == 1 / 120


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=RECORDS, order=st.sampled_from("<>"), form=st.sampled_from(["jpeg", "png", "tiff"]),
    to=st.sampled_from(sorted(FORMATS)),
)  # fmt: skip
def test_what_was_written_can_be_read_whatever_the_source_states(
    tmp_path, records, order, form, to
):
    source, target = tmp_path / f"a{SUFFIX[form]}", tmp_path / f"b{SUFFIX[to]}"
    metadata = Metadata(exif=block_of(records, order))
    if form != "tiff":
        data = stored_bytes(form, picture(16, 16), 1, exif_block=metadata.exif, xmp=None)
        source.write_bytes(data)
        metadata = read_photograph(source).metadata
    metadata = with_exposure_time(metadata, 1 / 120)
    write_photograph(picture(16, 16), target, metadata=metadata, overwrite=True)
    photograph = read_photograph(target)
    assert (photograph.exposure.time, photograph.warnings) == (1 / 120, ())
    assert photograph.pixels.shape == (16, 16, 3)
    assert read_exposure(read_header(target).exif).time == 1 / 120
    with Image.open(target) as image:
        assert image.size == (16, 16)
        image.load()
        image.getexif()


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_what_was_written_whatever_the_source_states(tmp_path):
    chosen = random.Random(5)
    known = sorted(tag for tag, _ in tifffile.TIFF.TAGS.items() if tag < 1 << 16)
    for number in range(60):
        stated = {
            chosen.choice(known): (
                chosen.choice(sorted(KINDS)),
                chosen.randbytes(chosen.randrange(24)),
            )
            for _ in range(12)
        }
        form = ["jpeg", "png", "tiff", "webp"][
            number % 4
        ]  # ExifTool 12 takes offsets in AVIF for loops
        metadata = with_exposure_time(Metadata(exif=block_of(stated, "<>"[number % 2])), 1 / 120)
        metadata = with_provenance(metadata, action="derived", parameters="x")
        write_photograph(picture(8, 8), tmp_path / f"{number}{SUFFIX[form]}", metadata=metadata)
    command = ["exiftool", "-q", "-n", "-if", "$Error or not $ExposureTime", "-FileName", tmp_path]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert done.stdout == ""


# --- numbers of another type ---------------------------------------------------------------------


def camera_block(fields, order="<"):
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    camera = directory(block, order, [entry(block, order, *field) for field in sorted(fields)])
    pointer = entry(block, order, 0x8769, 4, struct.pack(order + "I", camera))
    struct.pack_into(order + "I", block, 4, directory(block, order, [pointer]))
    return bytes(block)


@ORDERS
@pytest.mark.parametrize(
    ("kind", "code", "stored", "time"),
    [
        (3, "H", (2,), 2),
        (4, "I", (30,), 30),
        (1, "B", (4,), 4),
        (10, "ii", (1, 8), 1 / 8),
        (11, "f", (0.125,), 1 / 8),
        (12, "d", (0.125,), 1 / 8),
        (2, "4s", (b"1/8\0",), 1 / 8),
        (2, "8s", (b" 0.125 \0",), 1 / 8),
        (7, "4s", (b"1/8 ",), 1 / 8),
        (2, "4s", (b"1/0\0",), None),
        (2, "5s", (b"soon\0",), None),
        (5, "II", (1, 0), None),
        (5, "II", (0, 0), None),
        (5, "II", (0, 8), None),
    ],
)
def test_a_time_of_any_type_is_read(order, kind, code, stored, time):
    block = camera_block([(0x829A, kind, struct.pack(order + code, *stored))], order)
    assert read_exposure(block).time == time
    stated = with_exposure_time(Metadata(exif=block), 1 / 4)
    assert read_exposure(stated.exif).time == 1 / 4
    assert stated.extras == ()


@ORDERS
@pytest.mark.parametrize("tag", [0x8831, 0x8832, 0x8833])
@pytest.mark.parametrize("stated", [65_535, 0, None])
def test_a_sensitivity_above_65535_stands_in_another_tag(order, tag, stated):
    kinds = {0x8831: 1, 0x8832: 2, 0x8833: 3}
    fields = [
        (0x8830, 3, struct.pack(order + "H", kinds[tag])),
        *((each, 4, struct.pack(order + "I", 102_400 if each == tag else 99)) for each in kinds),
    ]
    fields += [] if stated is None else [(0x8827, 3, struct.pack(order + "H", stated))]
    assert read_exposure(camera_block(fields, order)).iso == 102_400
    alone = [field for field in fields if field[0] in {tag, 0x8827}]
    assert read_exposure(camera_block(alone, order)).iso == 102_400


@ORDERS
@pytest.mark.parametrize(("bias", "after"), [((2, 1), 0), ((-1, 3), -7 / 3), ((0, 1), -2)])
def test_the_compensation_follows_the_exposure(order, bias, after):
    fields = [
        (0x829A, 5, struct.pack(order + "II", 1, 15)),
        (0x9204, 10, struct.pack(order + "ii", *bias)),
    ]
    stated = with_exposure_time(Metadata(exif=camera_block(fields, order)), 1 / 60).exif
    assert read_capture(stated).bias == pytest.approx(after)
    silent = with_exposure_time(Metadata(exif=camera_block(fields[1:], order)), 1 / 60).exif
    assert read_capture(silent).bias is None
    unknown = with_exposure_time(Metadata(exif=camera_block(fields, order)), None).exif
    assert read_capture(unknown).bias is None


@ORDERS
@pytest.mark.parametrize(("size", "read"), [(2, True), (256, True), (257, False), (5000, False)])
def test_a_text_of_more_than_256_bytes_is_not_read(order, size, read):
    name = b"M" * (size - 1)
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    record = entry(block, order, tags.MAKE, 2, name + b"\0")
    struct.pack_into(order + "I", block, 4, directory(block, order, [record]))
    found = ifd.first_directory(bytes(block), order).fields
    assert read_text(bytes(block), found, tags.MAKE) == (name.decode() if read else "")

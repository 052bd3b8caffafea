"""Laws of captures: when and how a shot was taken, from EXIF blocks and maker notes."""

import struct
from datetime import datetime, timedelta, timezone
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_samples import directory, entry, exif, picture, stored_bytes
from PIL import Image

from expinterp.brackets.frames import Frame
from expinterp.core.exposure import Exposure
from expinterp.images import Metadata, with_provenance
from expinterp.images.metadata.capture import Capture, read_capture
from expinterp.images.metadata.exif import read_thumbnail
from expinterp.images.thumbnails import read_thumbnail_of

ORDERS = pytest.mark.parametrize("order", "<>")


def block_with(fields, order="<", make=b"Maker\0", note=None):
    """An EXIF block of some (tag, kind, value) and a maker note, built at the end of the block."""
    block = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    entries = [entry(block, order, tag, kind, value) for tag, kind, value in fields]
    if note is not None:
        start = len(block)
        note(block)
        entries.append(struct.pack(order + "HHII", 0x927C, 7, len(block) - start, start))
    camera = directory(block, order, entries)
    first = [entry(block, order, 0x10F, 2, make), entry(block, order, 0x110, 2, b"Model\0")]
    first.append(entry(block, order, 0x8769, 4, struct.pack(order + "I", camera)))
    struct.pack_into(order + "I", block, 4, directory(block, order, first))
    return bytes(block)


@ORDERS
def test_a_result_of_this_program_is_known(order):
    made = with_provenance(Metadata(exif=exif(order=order)), action="derived", parameters="")
    assert [read_capture(each).computed for each in (exif(order=order), made.exif)] == [None, True]


@ORDERS
def test_every_field_is_read(order):
    def ratio(kind, *parts):
        return struct.pack(f"{order}{len(parts)}{'I' if kind == 5 else 'i'}", *parts)

    fields = [
        (0x829A, 5, ratio(5, 1, 60)),
        (0x9003, 2, b"2024:05:06 23:59:58\0"),
        (0x9011, 2, b"-03:30\0"),
        (0x9204, 10, ratio(10, -5, 3)),
        (0x920A, 5, ratio(5, 35, 1)),
        (0x9291, 2, b"25\0"),
        (0xA402, 3, struct.pack(order + "H", 1)),
        (0xA431, 2, b"012345\0"),
    ]
    zone = timezone(-timedelta(hours=3, minutes=30))
    assert read_capture(block_with(fields, order)) == Capture(
        exposure=Exposure(time=1 / 60, camera="Maker Model"),
        captured=datetime(2024, 5, 6, 23, 59, 58, 250_000, zone),
        bias=-5 / 3,
        mode="manual",
        focal_length=35.0,
        serial="012345",
    )


def test_missing_and_damaged_blocks_give_none():
    assert read_capture(None) == read_capture(b"") == read_capture(b"II*\0") == Capture()


def stamped(*fields):
    return read_capture(block_with([(tag, 2, text + b"\0") for tag, text in fields])).captured


@pytest.mark.parametrize(
    "stamp", [b"0000:00:00 00:00:00", b"    :  :     :  :  ", b"2024:02:30 00:00:00", b"", b"soon"]
)
def test_invalid_times_give_none(stamp):
    assert stamped((0x9003, stamp)) is None


def test_fractions_may_have_any_number_of_digits():
    for digits, fraction in ((b"5", 500_000), (b"05 ", 50_000), (b"1234567", 123_456), (b"x", 0)):
        moment = stamped((0x9003, b"2024:05:06 07:08:09"), (0x9291, digits))
        assert moment == datetime(2024, 5, 6, 7, 8, 9, fraction)


@pytest.mark.parametrize("zone", [b"+99:00", b"+24:00", b"     ", b"Z", b"+2:00"])
def test_an_invalid_offset_from_utc_is_ignored(zone):
    moment = stamped((0x9003, b"2024:05:06 07:08:09"), (0x9011, zone))
    assert moment == datetime(2024, 5, 6, 7, 8, 9)


def test_the_time_of_digitising_replaces_a_missing_time_of_capture():
    assert stamped((0x9004, b"2024:05:06 07:08:09")) == datetime(2024, 5, 6, 7, 8, 9)
    both = stamped((0x9003, b"2024:05:06 07:08:09"), (0x9004, b"2025:01:01 00:00:00"))
    assert both == datetime(2024, 5, 6, 7, 8, 9)


@given(stamp=st.binary(max_size=40), fraction=st.binary(max_size=8), zone=st.binary(max_size=8))
def test_any_text_can_be_read(stamp, fraction, zone):
    stamped((0x9003, stamp or b"x"), (0x9291, fraction or b"x"), (0x9011, zone or b"x"))


def test_other_tags_replace_what_two_fields_cannot_state():
    """ISO above 65,534, and the f-number of lenses that state the APEX aperture only."""
    full, aperture = struct.pack("<H", 65_535), struct.pack("<II", 5, 1)
    block = block_with([(0x8827, 3, full), (0x8833, 4, struct.pack("<I", 102_400))])
    assert read_capture(block).exposure.iso == 102_400
    assert read_capture(block_with([(0x8827, 3, full)])).exposure.iso is None
    found = read_capture(block_with([(0x9202, 5, aperture)])).exposure.f_number
    assert found == pytest.approx(2**2.5)


@pytest.mark.parametrize(("value", "mode"), [(0, "auto"), (1, "manual"), (2, "bracket"), (9, None)])
def test_exposure_mode_is_read(value, mode):
    assert read_capture(block_with([(0xA402, 3, struct.pack("<H", value))])).mode == mode


# --- maker notes ---------------------------------------------------------------------------------


def canon(value, order, count=34):
    """A directory without header; the first value of the shot information is its length."""

    def write(block):
        values = [2 * count] + [0] * (count - 1)
        if count > 16:
            values[16] = value
        at = len(block) + 2 + 12 + 4
        record = struct.pack(order + "HHII", 4, 3, count, at)
        block.extend(struct.pack(order + "H", 1) + record + bytes(4))
        block.extend(struct.pack(f"{order}{count}h", *values))

    return block_with([], order, b"Canon\0", write)


def nikon(value, order):
    """A complete block, in the other byte order."""
    own = ">" if order == "<" else "<"

    def write(block):
        head = b"MM\0*" if own == ">" else b"II*\0"
        inner = bytearray(head + struct.pack(own + "I", 8))
        directory(inner, own, [entry(inner, own, 0x89, 3, struct.pack(own + "H", value))])
        block.extend(b"Nikon\0\2\x10\0\0" + inner)

    return block_with([], order, b"NIKON CORPORATION\0", write)


def sony(release, sequence, order):
    """A directory after 12 bytes."""

    def write(block):
        block.extend(b"SONY DSC \0\0\0")
        values = ((0xB049, release), (0xB04A, sequence))
        records = [entry(block, order, tag, 3, struct.pack(order + "H", v)) for tag, v in values]
        directory(block, order, records)

    return block_with([], order, b"SONY\0", write)


@ORDERS
@pytest.mark.parametrize(
    ("value", "mode", "shot"),
    [(0, None, None), (-1, "bracket", None)]
    + [(n, "bracket", n) for n in (1, 2, 3)]
    + [(99, None, None)],
)
def test_canon_notes_state_bracketing(value, mode, shot, order):
    found = read_capture(canon(value, order))
    assert (found.mode, found.shot) == (mode, shot)


@ORDERS
@pytest.mark.parametrize(
    ("value", "mode"), [(0, None), (16, "bracket"), (1 | 16 | 32, "bracket"), (33, None)]
)
def test_nikon_notes_state_bracketing(value, mode, order):
    assert read_capture(nikon(value, order)).mode == mode


@ORDERS
@pytest.mark.parametrize(
    ("release", "sequence", "mode", "shot"),
    [(5, 3, "bracket", 3), (2, 3, None, None), (5, 0, "bracket", None), (65535, 65535, None, None)],
)
def test_sony_notes_state_bracketing(release, sequence, mode, shot, order):
    found = read_capture(sony(release, sequence, order))
    assert (found.mode, found.shot) == (mode, shot)


CUT_OFF = block_with([], "<", b"Canon\0", lambda block: block.extend(b"\xff\xff"))


@pytest.mark.parametrize("note", [canon(-1, "<", 8), exif(1), CUT_OFF])
def test_other_notes_and_those_cut_off_are_ignored(note):
    assert (read_capture(note).mode, read_capture(note).shot) == (None, None)


@given(data=st.data(), sample=st.sampled_from([canon(1, "<"), nikon(16, "<"), sony(5, 1, ">")]))
def test_damaged_notes_can_be_read(data, sample):
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(8, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    read_capture(bytes(damaged))


# --- the thumbnail -------------------------------------------------------------------------------


def test_the_thumbnail_is_found():
    assert read_thumbnail(exif(1)) == b"\xff\xd8 thumbnail\xff\xd9"


def test_a_block_without_thumbnail_has_none():
    assert read_thumbnail(block_with([])) is None
    assert read_thumbnail(None) is None
    assert read_thumbnail(b"MM") is None


@pytest.mark.parametrize(("form", "depth"), [("jpeg", 8), ("png", 8), ("png", 16)])
def test_a_small_picture_of_a_file_is_small_and_grey(tmp_path, form, depth):
    path = tmp_path / "picture"
    path.write_bytes(stored_bytes(form, picture(900, 1300, 1, depth), 1))
    small = read_thumbnail_of(path, form)
    assert small.dtype == np.uint8
    assert 160 <= max(small.shape) <= 650
    assert abs(small.mean() - picture(900, 1300, 1).mean()) < 4


def test_pillow_reads_the_same_time():
    stream = BytesIO()
    Image.fromarray(picture()).save(stream, "JPEG", exif=b"Exif\0\0" + exif(1))
    with Image.open(stream) as image:
        stamp = image.getexif().get_ifd(0x8769)[0x9003]
    assert read_capture(exif(1)).captured == datetime.strptime(stamp, "%Y:%m:%d %H:%M:%S")
    assert np.isclose(read_capture(exif(1)).bias, -1 / 3)


# --- numbers that no camera writes ---------------------------------------------------------------

NUMBERS = {1: 1, 3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # kind: bytes of a value
TAGS = (0x829A, 0x829D, 0x8827, 0x8832, 0x8833, 0x9201, 0x9202, 0x9204, 0x920A, 0xA402)
ODD = st.sampled_from([b"\0", b"\xff", struct.pack("<f", np.nan), struct.pack("<d", 1e308)])


@given(
    fields=st.lists(
        st.tuples(
            st.sampled_from(TAGS), st.sampled_from(sorted(NUMBERS)), ODD | st.binary(min_size=8)
        )
    )
)
def test_any_number_can_be_read(fields):
    """Floats and doubles too, which EXIF does not allow for any of these fields."""
    values = [(tag, kind, (8 * value)[: NUMBERS[kind]]) for tag, kind, value in fields]
    capture = read_capture(block_with(values))
    ev = Frame("a.jpg", exposure=capture.exposure).ev
    assert ev is None or abs(ev) < 100
    assert all(np.isfinite(v) for v in (capture.bias, capture.focal_length) if v is not None)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("kind", "code"), [(11, "f"), (12, "d")])
@pytest.mark.parametrize("tag", TAGS)
def test_infinite_numbers_and_nan_count_as_missing(tag, kind, code, value):
    block = block_with([(tag, kind, struct.pack("<" + code, value))])
    assert read_capture(block) == Capture(exposure=Exposure(camera="Maker Model"))


@pytest.mark.parametrize("sample", ["nikon", "sony"])
def test_nan_in_a_maker_note_counts_as_missing(sample):
    """The release mode remains; the number in the bracket is lost."""
    block = bytearray(nikon(16, ">") if sample == "nikon" else sony(5, 1, "<"))
    tag = 0x89 if sample == "nikon" else 0xB04A
    at = block.index(struct.pack("<HHI", tag, 3, 1))
    struct.pack_into("<HIf", block, at + 2, 11, 1, np.nan)
    found = read_capture(bytes(block))
    assert (found.mode, found.shot) == ({"sony": "bracket"}.get(sample), None)


def test_implausible_exposures_count_as_missing():
    for value in (1e-300, 1e-7, 1e8, 1e300, -1.0):
        stored = struct.pack("<d", value)
        block = block_with([(tag, 12, stored) for tag in (0x829A, 0x829D, 0x8827)])
        assert read_capture(block).exposure == Exposure(camera="Maker Model")

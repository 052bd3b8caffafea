"""Laws of metadata: what is not true for the new pixels changes, all else stays in place."""

from __future__ import annotations

import struct
from contextlib import nullcontext, suppress
from dataclasses import replace

import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from image_samples import ICC, MAKER_NOTE, SUFFIX, XMP, directory, entry, exif, picture, read_fields

from expinterp.core.exposure import Exposure
from expinterp.images import (
    FORMATS,
    Metadata,
    profile_name,
    read_photograph,
    with_exposure_time,
    write_photograph,
)
from expinterp.images.developing.profiles import icc_profile
from expinterp.images.metadata.exif import read_exposure, read_orientation
from expinterp.images.metadata.exif_edit import fit_to_pixels, time_as_fraction
from expinterp.images.metadata.ifd import FIRST_POINTER, DamagedBlockError, follow_pointer
from expinterp.images.metadata.tiff_exif import descriptive_records, exif_of_tiff

BIAS = ("exif", 0x9204)  # exposure compensation
ORDERS = pytest.mark.parametrize("order", ["<", ">"])


# --- reading -------------------------------------------------------------------------------------


@ORDERS
@pytest.mark.parametrize("form", ["jpeg", "tiff"])
def test_adobe_rgb_that_only_the_rules_of_cameras_state_becomes_a_profile(tmp_path, order, form):
    """DCF: the index R03 states Adobe RGB, and no profile is embedded; a profile decides."""
    block = exif(order=order).replace(b"R98\0", b"R03\0")
    adobe = icc_profile("adobe-rgb")
    for stated, icc, found in ((block, None, adobe), (exif(), None, None), (block, ICC, ICC)):
        path = tmp_path / f"a{SUFFIX[form]}"
        metadata = Metadata(exif=stated, icc=icc)
        write_photograph(picture(), path, metadata=metadata, overwrite=True)
        assert read_photograph(path).metadata.icc == found


@ORDERS
def test_exposure_is_read(order):
    expected = Exposure(time=1 / 30, iso=400, f_number=5.6, camera="Maker Works Model 7")
    assert read_exposure(exif(order=order)) == expected


@ORDERS
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read(order, orientation):
    assert read_orientation(exif(orientation, order=order)) == orientation


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_unknown_orientation_counts_as_upright(orientation):
    assert read_orientation(exif(orientation)) == 1


def test_shutter_speed_replaces_a_missing_time():
    assert read_exposure(exif(time=None)).time == pytest.approx(2**-4.907)
    assert read_exposure(exif(time=(0, 0))).time == pytest.approx(2**-4.907)
    assert read_exposure(exif(time=(0, 0), shutter=False)).time is None


def test_a_missing_block_gives_none():
    assert read_exposure(None) == Exposure()
    assert read_orientation(None) == 1


# --- the exposure time ---------------------------------------------------------------------------


@ORDERS
def test_virtual_time_changes_time_shutter_and_compensation_alone(order):
    before = exif(order=order)
    after = with_exposure_time(Metadata(exif=before), 1 / 120).exif
    expected, found = read_fields(before), read_fields(after)
    assert found.pop(("exif", 0x829A)) == 1 / 120
    assert float(found.pop(("exif", 0x9201))) == pytest.approx(6.9069, abs=1e-4)
    assert found.pop(BIAS) == pytest.approx(expected.pop(BIAS) - 2)
    del expected["exif", 0x829A], expected["exif", 0x9201]
    assert found == expected
    assert after.index(MAKER_NOTE) == before.index(MAKER_NOTE)
    assert len(after) == len(before)  # cameras fill a JPEG segment to its last byte


@ORDERS
def test_unknown_time_is_unlinked_not_invented(order):
    after = with_exposure_time(Metadata(exif=exif(order=order)), None).exif
    expected = read_fields(exif(order=order))
    del expected["exif", 0x829A], expected["exif", 0x9201], expected[BIAS]
    assert read_fields(after) == expected
    assert read_exposure(after).time is None


@pytest.mark.parametrize("block", [None, exif(time=None, shutter=False)])
def test_time_is_stated_where_there_was_none(block):
    after = with_exposure_time(Metadata(exif=block), 1 / 120).exif
    assert read_exposure(after).time == 1 / 120
    expected = {} if block is None else read_fields(block)
    expected.pop(BIAS, None)
    assert read_fields(after) == expected | {("exif", 0x829A): 1 / 120}


def test_time_is_added_to_a_block_without_camera_directory():
    block = bytearray(b"MM\0*" + bytes(4))
    start = directory(block, ">", [entry(block, ">", 0x10F, 2, b"Maker\0")])
    struct.pack_into(">I", block, 4, start)
    after = with_exposure_time(Metadata(exif=bytes(block)), 0.5).exif
    assert read_exposure(after) == Exposure(time=0.5, camera="Maker")


def test_time_of_the_shot_stays_nowhere_else():
    """TIFF/EP states it in the first directory, where it would contradict the new one."""
    block = bytearray(b"II*\0" + bytes(4))
    entries = [entry(block, "<", 0x829A, 5, struct.pack("<II", 1, 30))]
    entries += [entry(block, "<", 0x9201, 10, struct.pack("<ii", 4907, 1000))]
    entries += [entry(block, "<", 0x9204, 10, struct.pack("<ii", 2, 1))]
    struct.pack_into("<I", block, 4, directory(block, "<", entries))
    after = with_exposure_time(Metadata(exif=bytes(block)), 0.5).exif
    assert read_exposure(after).time == 0.5
    assert read_fields(after) == {("exif", 0x829A): 0.5}


@ORDERS
def test_an_unlinked_field_leaves_no_empty_record(order):
    def directory_of(block):
        pointer = block.index(struct.pack(order + "HHI", 0x8769, 4, 1)) + 8
        (start,) = struct.unpack_from(order + "I", block, pointer)
        (count,) = struct.unpack_from(order + "H", block, start)
        records = range(start + 2, start + 2 + 12 * count, 12)
        return [struct.unpack_from(order + "H", block, record)[0] for record in records]

    before = exif(order=order)
    after = with_exposure_time(Metadata(exif=before), None).exif
    unlinked = (0x829A, 0x9201, 0x9204)
    assert directory_of(after) == [tag for tag in directory_of(before) if tag not in unlinked]


def test_no_block_is_made_for_an_unknown_time():
    assert with_exposure_time(Metadata(), None) == Metadata()


def test_value_shared_by_two_fields_is_not_overwritten():
    """Two records may point to one value; changing one must not change the other."""
    block = bytearray(exif(time=(56, 10)))
    where = block.index(struct.pack("<HHI", 0x829A, 5, 1))
    other = block.index(struct.pack("<HHI", 0x829D, 5, 1))
    block[where + 8 : where + 12] = block[other + 8 : other + 12]
    after = with_exposure_time(Metadata(exif=bytes(block)), 1 / 120).exif
    assert read_exposure(after) == replace(read_exposure(exif()), time=1 / 120)


@given(st.floats(1e-9, 1e9))
def test_time_as_fraction_is_close(time):
    above, below = time_as_fraction(time)
    assert 1 <= above < 2**32
    assert 1 <= below < 2**32
    assert above / below == pytest.approx(time, rel=0.0021)


@given(st.integers(1, 8000))
def test_reciprocals_stay_reciprocals(n):
    assert time_as_fraction(1 / n) == (1, n)


@pytest.mark.parametrize("time", [0.0, -1.0, float("inf"), float("nan")])
def test_impossible_time_is_misuse(time):
    with pytest.raises(ValueError, match="positive"):
        with_exposure_time(Metadata(), time)


# --- fitting to pixels ---------------------------------------------------------------------------


@ORDERS
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_fitting_resets_orientation_sizes_and_thumbnail_alone(order, orientation):
    before = exif(orientation, order=order)
    fitted = fit_to_pixels(Metadata(exif=before, icc=ICC, xmp=XMP), 530, 370)
    assert fitted.extras == ()
    expected = read_fields(before) | {
        ("0th", 0x112): 1,
        ("exif", 0xA002): 370,
        ("exif", 0xA003): 530,
    }
    assert read_fields(fitted.exif) == expected
    assert len(fitted.exif) == len(before)
    assert sum(a != b for a, b in zip(before, fitted.exif, strict=True)) <= 16
    assert (fitted.icc, fitted.xmp) == (ICC, XMP)
    start = struct.unpack_from(order + "I", fitted.exif, 4)[0]
    count = struct.unpack_from(order + "H", fitted.exif, start)[0]
    assert struct.unpack_from(order + "I", fitted.exif, start + 2 + 12 * count) == (0,)


def test_fitting_twice_changes_nothing_more():
    once = fit_to_pixels(Metadata(exif=exif(6), xmp=XMP), 53, 37)
    assert fit_to_pixels(once, 53, 37) == once


def test_orientation_is_not_invented():
    fitted = fit_to_pixels(Metadata(exif=exif(None)), 53, 37)
    assert ("0th", 0x112) not in read_fields(fitted.exif)


@pytest.mark.parametrize("form", FORMATS)
def test_maker_note_keeps_its_bytes_and_offset(tmp_path, form):
    """In TIFF too, because the file begins with the block."""
    block = exif(6)
    target = tmp_path / f"a{SUFFIX[form]}"
    metadata = with_exposure_time(Metadata(exif=block), 1 / 7)
    write_photograph(picture(), target, metadata=metadata)
    found = read_photograph(target).metadata.exif
    assert found.index(MAKER_NOTE) == block.index(MAKER_NOTE)
    if form == "tiff":
        assert target.read_bytes().index(MAKER_NOTE) == block.index(MAKER_NOTE)


LAYOUT = """NewSubfileType SubfileType ImageWidth ImageLength BitsPerSample Compression FillOrder
    PhotometricInterpretation Thresholding CellWidth CellLength StripOffsets SamplesPerPixel
    RowsPerStrip StripByteCounts MinSampleValue MaxSampleValue PlanarConfiguration FreeOffsets
    FreeByteCounts GrayResponseUnit GrayResponseCurve T4Options T6Options TransferFunction Predictor
    ColorMap HalftoneHints TileWidth TileLength TileOffsets TileByteCounts SubIFDs ExtraSamples
    SampleFormat SMinSampleValue SMaxSampleValue JPEGTables JPEGProc JPEGInterchangeFormat
    JPEGInterchangeFormatLength JPEGRestartInterval JPEGQTables JPEGDCTables JPEGACTables
    YCbCrCoefficients YCbCrSubSampling"""


@pytest.mark.parametrize("name", LAYOUT.split())
def test_fields_that_describe_the_pixels_of_a_tiff_are_left_out(name):
    tag = tifffile.TIFF.TAGS[name]
    block = bytearray(b"II*\0" + bytes(4))
    records = [entry(block, "<", t, 3, b"\1\0") for t in sorted((tag, 0x0128))]  # and a unit
    struct.pack_into("<I", block, 4, directory(block, "<", records))
    assert descriptive_records(bytes(block))[1].keys() == {0x0128}


@pytest.mark.parametrize("length", [5, 8, 9])
def test_a_short_maker_note_of_a_tiff_keeps_its_offset(length):
    block = bytearray(b"II*\0" + bytes(104))
    note = bytes(range(1, length + 1))
    camera = directory(block, "<", [entry(block, "<", 0x927C, 7, note)])
    first = directory(block, "<", [entry(block, "<", 0x8769, 4, struct.pack("<I", camera))])
    struct.pack_into("<I", block, 4, first)
    assert exif_of_tiff(bytes(block)).index(note) == block.index(note) == 108


def test_a_damaged_block_is_left_out_with_a_warning(tmp_path):
    for block in (b"", b"garbage", exif()[:60]):
        target = tmp_path / "a.jpg"
        metadata = Metadata(exif=block, icc=ICC)
        (warning,) = write_photograph(picture(), target, metadata=metadata, overwrite=True)
        assert "EXIF" in warning
        assert read_photograph(target).metadata == Metadata(icc=ICC)
        virtual = with_exposure_time(metadata, 1 / 120)
        write_photograph(picture(), target, metadata=virtual, overwrite=True)
        assert read_photograph(target).exposure == Exposure(time=1 / 120)


@pytest.mark.parametrize(("start", "sound"), [(4, False), (6, False), (8, True)])
def test_a_directory_begins_after_the_header(start, sound):
    """The header has 8 bytes; where a directory begins in it, its own pointer would be its count."""
    block = b"II*\0" + struct.pack("<I", start) + bytes(64)
    with nullcontext() if sound else pytest.raises(DamagedBlockError, match="outside the block"):
        follow_pointer(block, "<", FIRST_POINTER)


@given(
    flips=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=8),
    keep=st.integers(0, 700),
    order=st.sampled_from("<>"),
)
def test_damaged_blocks_never_crash(flips, keep, order):
    block = bytearray(exif(6, order=order))
    for place, value in flips:
        block[place % len(block)] = value
    damaged = bytes(block[: keep or None])
    read_orientation(damaged)
    read_exposure(damaged)
    for time in (None, 1 / 120):
        metadata = with_exposure_time(Metadata(exif=damaged), time)
        fitted = fit_to_pixels(metadata, 53, 37)
        assert fitted.exif is not None or fitted.extras
        if fitted.exif is not None:
            assert fit_to_pixels(fitted, 53, 37) == fitted
    with suppress(DamagedBlockError):
        exif_of_tiff(damaged)


@given(
    flips=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=3),
    order=st.sampled_from("<>"),
    form=st.sampled_from(sorted(FORMATS)),
)
def test_damaged_blocks_are_written_or_left_out(tmp_path_factory, flips, order, form):
    block = bytearray(exif(6, order=order))
    for place, value in flips:
        block[place % len(block)] = value
    target = tmp_path_factory.getbasetemp() / f"damaged{SUFFIX[form]}"
    metadata = with_exposure_time(Metadata(exif=bytes(block)), 1 / 120)
    write_photograph(picture(8, 8), target, metadata=metadata, overwrite=True)
    assert read_photograph(target).pixels.shape == (8, 8, 3)


# --- XMP and profiles ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_xmp_survives_byte_for_byte(tmp_path, form):
    target = tmp_path / f"a{SUFFIX[form]}"
    write_photograph(picture(), target, metadata=Metadata(xmp=XMP))
    assert read_photograph(target).metadata.xmp == XMP


def test_profile_names():
    assert profile_name(ICC) == "sRGB built-in"
    assert profile_name(None) == "no profile"
    version2 = b"sRGB v2\0"
    tag = b"desc" + bytes(4) + struct.pack(">I", len(version2)) + version2
    head = bytes(128) + struct.pack(">I4sII", 1, b"desc", 144, len(tag))
    assert profile_name(head + tag) == "sRGB v2"
    assert profile_name(bytes(132) + head[132:] + tag) == "unnamed profile"  # a table of no tags


@given(st.binary(max_size=300), st.integers(0, 400))
def test_damaged_profiles_have_a_name(noise, keep):
    assert profile_name((ICC + noise)[:keep] + noise)
    assert profile_name(noise)

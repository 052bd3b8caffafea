"""Files that cannot be read or written: one clear line, and nothing left behind."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from contextlib import suppress
from io import BufferedWriter, BytesIO
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_samples import ICC, SUFFIX, chunk, exif, picture, stored_bytes
from PIL import Image

from expinterp.errors import ImageFileError, OutputError, OutputExistsError
from expinterp.files import replacing
from expinterp.images import (
    FORMATS,
    Metadata,
    check_target,
    read_photograph,
    with_exposure_time,
    write_photograph,
)
from expinterp.images import write as encode_module

SMALL = picture(16, 24)
DEEP = picture(16, 24, depth=16)
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def refusal(path, **options):
    """Read a file that must be refused; return the message after the checks all share."""
    with pytest.raises(ImageFileError) as caught:
        read_photograph(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert len(message) < 400
    return message


# --- reading -------------------------------------------------------------------------------------


def test_missing_folder_and_empty_are_named(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.jpg")
    assert "folder" in refusal(tmp_path)
    (tmp_path / "empty.jpg").touch()
    assert "empty" in refusal(tmp_path / "empty.jpg")
    assert "cannot be read" in refusal("a\0b.jpg")


def test_folder_is_named_where_opening_one_is_forbidden(tmp_path, monkeypatch):
    """Windows says "permission denied" of every folder."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.skipif(IS_ROOT, reason="root may read everything")
def test_forbidden_file_is_named(tmp_path):
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"\xff\xd8\xff")
    path.chmod(0)
    assert "permission" in refusal(path)


@pytest.mark.parametrize(("head", "word"), [
    (b"hello world", "no image"), (b"GIF89a", "GIF"), (b"\0\0\0\x18ftypheic", "HEIC"),
    (b"8BPS", "Photoshop"), (b"\x76\x2f\x31\x01", "OpenEXR"), (b"\0\0\0\x18ftypcrx ", "raw"),
])  # fmt: skip
def test_strangers_are_named(tmp_path, head, word):
    path = tmp_path / "a.jpg"
    path.write_bytes(head + bytes(100))
    assert word in refusal(path)
    assert "JPEG, PNG, TIFF, WebP or AVIF" in refusal(path)


@pytest.mark.parametrize("form", FORMATS)
def test_truncated_files_are_refused_wherever_cut(tmp_path, form):
    """A half-grey picture is worse than none: each cut is refused, or has lost no pixel."""
    whole = stored_bytes(form, picture(64, 48), 6)
    path = tmp_path / f"cut{SUFFIX[form]}"
    path.write_bytes(whole)
    pixels = read_photograph(path).pixels
    refused = 0
    for size in [*range(1, 40), *range(40, len(whole), 37), *range(len(whole) - 12, len(whole))]:
        path.write_bytes(whole[:size])
        try:
            np.testing.assert_array_equal(read_photograph(path).pixels, pixels)
        except ImageFileError:
            refused += 1
    assert refused > 45


@pytest.mark.parametrize("kind", [b"IDAT", b"eXIf", b"iCCP"])
def test_wrong_sums_in_a_png_are_damage(tmp_path, kind):
    data = bytearray(stored_bytes("png", SMALL, 1))
    data[data.index(kind) + 9] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    assert "wrong sum" in refusal(tmp_path / "a.png")


def test_progressive_jpeg_is_refused_when_cut(tmp_path):
    noise = np.random.default_rng(4).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / "a.jpg"
    Image.fromarray(noise).save(path, progressive=True)
    whole = path.read_bytes()
    for share in (0.3, 0.6, 0.9, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        assert "damaged JPEG" in refusal(path)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}], ids=str)
def test_tiff_without_its_strips_is_refused(tmp_path, options):
    """tifffile takes strips that are not there for zeros."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(64, 48), photometric="rgb", rowsperstrip=8, **options)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags[325 if options.get("tile") else 279]
    data[tag.valueoffset : tag.valueoffset + tag.valuebytecount] = bytes(tag.valuebytecount)
    path.write_bytes(data)
    assert "truncated" in refusal(path)


def test_huge_headers_are_refused_before_decoding(tmp_path, monkeypatch):
    """65535 × 65535 pixels in a few bytes, in every format that can say so."""
    jpeg = bytearray(stored_bytes("jpeg", SMALL, 1))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = b"\xff" * 4
    header = struct.pack(">IIBBBBB", 65535, 65535, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    png += chunk(b"IDAT", zlib.compress(bytes(1 << 20))) + chunk(b"IEND", b"")
    tiff = BytesIO()
    tifffile.imwrite(tiff, SMALL, photometric="rgb", metadata=None)
    tiff = bytearray(tiff.getvalue())
    with tifffile.TiffFile(BytesIO(tiff)) as file:
        for tag in (256, 257):
            offset = file.pages[0].tags[tag].valueoffset
            tiff[offset : offset + 2] = b"\xff\xff"
    monkeypatch.setattr(np, "empty", None)  # whoever allocates pixels fails otherwise
    for name, data in {"a.jpg": jpeg, "a.png": png, "a.tif": tiff}.items():
        (tmp_path / name).write_bytes(data)
        assert "65535 × 65535" in refusal(tmp_path / name)


@pytest.mark.parametrize("form", FORMATS)
def test_limit_is_the_callers(tmp_path, form):
    path = tmp_path / f"a{SUFFIX[form]}"
    path.write_bytes(stored_bytes(form, SMALL, 1))
    assert read_photograph(path, max_pixels=16 * 24).pixels.shape == SMALL.shape
    assert "above the limit" in refusal(path, max_pixels=16 * 24 - 1)


def test_profile_bomb_unfolds_to_its_limit_only(tmp_path):
    path = tmp_path / "a.png"
    packed = zlib.compress(bytes(1 << 28), 9)
    data = stored_bytes("png", SMALL, 1, icc=None)
    path.write_bytes(data[:33] + chunk(b"iCCP", b"bomb\0\0" + packed) + data[33:])
    assert len(read_photograph(path).metadata.icc or b"") <= 1 << 26


@pytest.mark.parametrize(("pixels", "options", "word"), [
    (SMALL.astype(np.float32), {"photometric": "rgb"}, "floating-point"),
    (SMALL.astype(np.uint32), {"photometric": "rgb"}, "32-bit"),
    (SMALL.astype(np.int16), {"photometric": "rgb"}, "signed"),
    (np.zeros((9, 9, 5), np.uint8), {"photometric": "minisblack", "planarconfig": "contig"},
     "5 channels"),
    (SMALL, {"photometric": "cielab"}, "cielab"),
    (SMALL, {"photometric": "ycbcr"}, "ycbcr"),
    (SMALL, {"photometric": "ycbcr", "compression": "zlib"}, "ycbcr"),
    (SMALL, {"photometric": "rgb", "subfiletype": 1}, "raw file"),
    (SMALL, {"photometric": "rgb", "extratags": [(50706, 1, 4, b"\1\4\0\0", True)]}, "raw file"),
])  # fmt: skip
def test_tiffs_that_are_no_photograph(tmp_path, pixels, options, word):
    tifffile.imwrite(tmp_path / "a.tif", pixels, metadata=None, **options)
    assert word in refusal(tmp_path / "a.tif")


def test_palette_of_two_colours_is_no_photograph(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, SMALL[..., 0] > 99, photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags[262].overwrite(3)
    assert "1-bit" in refusal(path)


def test_fields_that_share_a_value_cannot_fill_the_memory(tmp_path):
    """Three hundred records pointing to one MiB would become 300 MiB."""
    path = tmp_path / "a.tif"
    tags = [(50_000 + k, 1, 1, 7, False) for k in range(300)]
    tifffile.imwrite(path, SMALL, photometric="rgb", metadata=None, extratags=tags)
    data = bytearray(path.read_bytes())
    for tag, *_ in tags:
        at = data.index(struct.pack("<HHI", tag, 1, 1))
        struct.pack_into("<II", data, at + 4, 1 << 20, 8)
    path.write_bytes(data + bytes(1 << 20))
    photograph = read_photograph(path)
    assert "EXIF" in photograph.warnings[0]
    assert photograph.metadata.exif is None


SAMPLES = {
    **{form: stored_bytes(form, SMALL, 6) for form in FORMATS},
    "deep png": stored_bytes("png", DEEP, 6),
    "deep tiff": stored_bytes("tiff", DEEP, 6),
}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    form=st.sampled_from(sorted(SAMPLES)),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6),
    keep=st.floats(0.1, 1),
    early=st.booleans(),
)
def test_damaged_files_are_read_or_refused(form, flips, keep, early):
    data = bytearray(SAMPLES[form])
    reach = min(len(data), 400) if early else len(data)
    for place, value in flips:
        data[int(place * (reach - 1))] = value
    with suppress(ImageFileError):
        read_photograph(BytesIO(bytes(data[: int(keep * len(data)) + 1])), max_pixels=100_000)


# --- writing -------------------------------------------------------------------------------------


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["Ωμέγα.png", "写真.tif", "with space.jpg", "x" * 240 + ".png"])
def test_any_name_will_do(tmp_path, name):
    write_photograph(SMALL, tmp_path / name)
    assert read_photograph(tmp_path / name).pixels.shape == SMALL.shape
    assert names(tmp_path) == [name]


def test_existing_output_is_refused_then_replaced(tmp_path):
    target = tmp_path / "a.png"
    target.write_text("precious")
    for act in (check_target, lambda path: write_photograph(SMALL, path)):
        with pytest.raises(OutputExistsError, match="--overwrite"):
            act(target)
    assert target.read_text() == "precious"
    write_photograph(SMALL, target, overwrite=True)
    np.testing.assert_array_equal(read_photograph(target).pixels, SMALL)
    assert names(tmp_path) == ["a.png"]


@pytest.mark.parametrize("link", ["same", "symbolic", "hard", "detour"])
def test_input_is_never_overwritten(tmp_path, link):
    source = tmp_path / "in.png"
    write_photograph(SMALL, source)
    target = tmp_path / "out.png"
    if link == "same":
        target = source
    elif link == "symbolic":
        target.symlink_to(source)
    elif link == "hard":
        target.hardlink_to(source)
    else:
        (tmp_path / "sub").mkdir()
        target = tmp_path / "sub" / ".." / "in.png"
    before = source.read_bytes()
    for inputs in ([source], ["-", BytesIO(), str(source)]):
        with pytest.raises(OutputExistsError, match="is the input"):
            check_target(target, overwrite=True, inputs=inputs)
        with pytest.raises(OutputExistsError, match="is the input"):
            write_photograph(SMALL, target, overwrite=True, inputs=inputs)
    assert source.read_bytes() == before


def test_link_stays_a_link(tmp_path):
    (tmp_path / "real.png").touch()
    (tmp_path / "link.png").symlink_to("real.png")
    write_photograph(SMALL, tmp_path / "link.png", overwrite=True)
    assert (tmp_path / "link.png").is_symlink()
    np.testing.assert_array_equal(read_photograph(tmp_path / "real.png").pixels, SMALL)


@pytest.mark.parametrize(("name", "options", "word"), [
    ("a.xyz", {}, "suffix"), ("a", {}, "suffix"), ("none/a.png", {}, "no folder"),
    ("a.jpg", {"bit_depth": 16}, "8 bits"), ("-", {}, "state the format"), ("dir.png", {}, "file"),
])  # fmt: skip
def test_impossible_outputs_are_named(tmp_path, monkeypatch, name, options, word):
    monkeypatch.chdir(tmp_path)
    Path("dir.png").mkdir()
    for act in (check_target, lambda path, **more: write_photograph(SMALL, path, **more)):
        with pytest.raises(OutputError, match=word):
            act(name, **options)
    assert names(tmp_path) == ["dir.png"]


@pytest.mark.skipif(IS_ROOT, reason="root may write everywhere")
def test_read_only_folder_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="read-only"):
        check_target(tmp_path / "a.png")


def test_read_only_folder_is_named_for_root_too(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="read-only"):
        check_target(tmp_path / "a.png")


def test_device_files_are_not_replaced():
    with pytest.raises(OutputError, match="ordinary file"):
        check_target("/dev/null", format="png", overwrite=True)


@pytest.mark.parametrize(
    "failure", [KeyboardInterrupt(), OSError(28, "No space left"), ValueError()]
)
@pytest.mark.parametrize("existing", [False, True])
def test_failure_leaves_no_trace(tmp_path, monkeypatch, failure, existing):
    target = tmp_path / "a.tif"
    if existing:
        target.write_text("precious")

    def encode(pixels, form, stream, *rest, **options):
        stream.write(b"half a file")
        raise failure

    monkeypatch.setattr(encode_module, "_encode", encode)
    expected = OutputError if isinstance(failure, OSError) else type(failure)
    with pytest.raises(expected):
        write_photograph(SMALL, target, overwrite=True)
    assert names(tmp_path) == (["a.tif"] if existing else [])
    assert not existing or target.read_text() == "precious"


def test_full_disk_names_the_file(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match=r"a\.png.*no space left"):
        write_photograph(SMALL, tmp_path / "a.png")
    assert names(tmp_path) == []


def test_temporary_file_that_cannot_be_removed_hides_no_reason(tmp_path, monkeypatch):
    """On Windows a virus scanner may hold it open."""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    def fill(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OutputError, match="no space left"):
        write_photograph(SMALL, tmp_path / "a.png")


def test_file_is_flushed_before_it_is_named(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("fsync"), fsync(fd)))
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (events.append("replace"), replace(self, to))
    )
    write_photograph(SMALL, tmp_path / "a.png")
    assert events == ["fsync", "replace"]


def test_output_that_appears_meanwhile_is_kept(tmp_path, monkeypatch):
    target = tmp_path / "a.png"
    fsync = os.fsync

    def intrude(descriptor):
        target.write_text("somebody else's")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", intrude)
    with pytest.raises(OutputExistsError):
        write_photograph(SMALL, target)
    assert target.read_text() == "somebody else's"
    assert names(tmp_path) == ["a.png"]


def test_permissions_follow_the_umask(tmp_path):
    mask = os.umask(0o027)
    try:
        write_photograph(SMALL, tmp_path / "a.png")
    finally:
        os.umask(mask)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o664])
def test_permissions_of_a_replaced_file_stay(tmp_path, mode):
    """Also while it is written: nobody may read over one's shoulder."""
    target = tmp_path / "a.png"
    target.touch()
    target.chmod(mode)
    with replacing(target, overwrite=True) as stream:
        assert Path(stream.name).stat().st_mode & 0o777 == mode
        stream.write(b"new")
    assert target.stat().st_mode & 0o777 == mode
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(("form", "longest"), [("webp", 16_383), ("jpeg", 65_535)])
def test_sides_too_long_for_a_format(tmp_path, form, longest):
    row = np.zeros((1, longest + 1, 3), np.uint8)
    with pytest.raises(OutputError, match=str(longest)):
        write_photograph(row, tmp_path / f"a{SUFFIX[form]}")
    assert names(tmp_path) == []


@pytest.mark.parametrize(("pixels", "options"), [
    (SMALL.astype(np.float32), {}), (SMALL[..., :2], {}), (SMALL[:0], {}),
    (SMALL, {"quality": 0}), (SMALL, {"quality": 101}), (SMALL, {"bit_depth": 12}),
    (SMALL, {"format": "bmp"}), (SMALL, {"alpha": SMALL[:5, :, 0]}),
    (SMALL, {"alpha": DEEP[..., 0]}),
])  # fmt: skip
def test_misuse_is_a_value_error(tmp_path, pixels, options):
    with pytest.raises(ValueError, match=r"."):
        write_photograph(pixels, tmp_path / "a.png", **options)
    assert names(tmp_path) == []


def test_blocks_too_long_for_jpeg_are_left_out_with_a_remark(tmp_path):
    block = exif() + bytes(70_000)
    metadata = Metadata(exif=block, icc=ICC, xmp=b" " * 70_000)
    remarks = write_photograph(SMALL, tmp_path / "a.jpg", metadata=metadata)
    assert [word in remark for word, remark in zip(("EXIF", "XMP"), remarks, strict=True)]
    found = read_photograph(tmp_path / "a.jpg").metadata
    assert (found.exif, found.icc, found.xmp) == (None, ICC, None)
    assert write_photograph(SMALL, tmp_path / "a.png", metadata=metadata) == ()
    assert read_photograph(tmp_path / "a.png").metadata.xmp == metadata.xmp


def test_blocks_that_just_fit_into_jpeg_are_kept(tmp_path):
    """Nikon pads EXIF to the last byte of its segment."""
    block, xmp = exif().ljust(65_527, b"\0"), b" " * 65_504
    metadata = with_exposure_time(Metadata(exif=block, xmp=xmp), 1 / 120)
    assert write_photograph(SMALL, tmp_path / "a.jpg", metadata=metadata) == ()
    photograph = read_photograph(tmp_path / "a.jpg")
    assert (len(photograph.metadata.exif), photograph.metadata.xmp) == (65_527, xmp)
    assert photograph.exposure.time == 1 / 120


def damaged_lzw(pixels):
    """A TIFF in LZW, by OpenCV, with codes that are in no table."""
    encoded = cv2.imencode(".tif", pixels, [cv2.IMWRITE_TIFF_COMPRESSION, 5])[1]
    data = bytearray(encoded.tobytes())
    with tifffile.TiffFile(BytesIO(data)) as file:
        strip = file.pages[0].dataoffsets[0]
    data[strip + 2 : strip + 40] = b"\xf0" * 38
    return bytes(data)


@pytest.mark.parametrize("pixels", [SMALL, DEEP], ids=["8", "16"])
def test_damaged_lzw_is_refused(tmp_path, pixels):
    """OpenCV would return 8-bit ones as if nothing were wrong."""
    (tmp_path / "a.tif").write_bytes(damaged_lzw(pixels))
    refusal(tmp_path / "a.tif")


def test_libraries_say_nothing_on_stderr(tmp_path, capfd):
    """One clear line is what the user gets, not those of tifffile and OpenCV."""
    stream = BytesIO()
    tifffile.imwrite(stream, SMALL, photometric="rgb", metadata=None)
    strange = bytearray(stream.getvalue())
    directory = struct.unpack_from("<I", strange, 4)[0]
    strange[directory + 4 : directory + 6] = b"\xee\xee"  # the type of the first field
    for data in (strange, damaged_lzw(DEEP)):
        (tmp_path / "a.tif").write_bytes(data)
        with suppress(ImageFileError):
            read_photograph(tmp_path / "a.tif")
        assert capfd.readouterr().err == ""


def test_standard_output_has_all_of_a_small_picture(monkeypatch):
    """What waits in a buffer could still fail, when nobody asks any more."""
    disk = BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=BufferedWriter(disk)))
    write_photograph(SMALL, "-", format="png")
    np.testing.assert_array_equal(read_photograph(BytesIO(disk.getvalue())).pixels, SMALL)


def test_broken_pipe_is_not_swallowed(monkeypatch):
    class Closed(BytesIO):
        def write(self, _):
            raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=Closed()))
    with pytest.raises((OutputError, BrokenPipeError)):
        write_photograph(SMALL, "-", format="png")

"""Laws of outputs: complete or absent, never over an input, and refused with one clear line."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from io import BufferedWriter, BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from image_samples import ICC, SUFFIX, exif, picture

from expinterp.cli import main
from expinterp.errors import OutputError, OutputExistsError
from expinterp.files import replacing, sweep
from expinterp.images import (
    FORMATS,
    Metadata,
    check_sides,
    check_target,
    read_photograph,
    with_exposure_time,
    write_photograph,
)
from expinterp.images import write as write_module

SMALL = picture(16, 24)
DEEP = picture(16, 24, depth=16)
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", ["Ωμέγα.png", "写真.tif", "with space.jpg", "x" * 240 + ".png"])
def test_any_file_name_is_possible(tmp_path, name):
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

    monkeypatch.setattr(write_module, "_encode", encode)
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


def test_a_temporary_file_that_cannot_be_removed_does_not_hide_the_reason(tmp_path, monkeypatch):
    """On Windows a virus scanner may keep it open."""

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    def fill(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fill)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OutputError, match="no space left"):
        write_photograph(SMALL, tmp_path / "a.png")


def test_a_file_is_flushed_before_it_is_renamed(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("fsync"), fsync(fd)))
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (events.append("replace"), replace(self, to))
    )
    write_photograph(SMALL, tmp_path / "a.png")
    assert events == ["fsync", "replace"]


def test_an_output_created_in_the_meantime_is_kept(tmp_path, monkeypatch):
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


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_only_temporary_files_of_killed_processes_are_removed(tmp_path):
    with replacing(tmp_path / "a.png", overwrite=True) as stream:
        (tmp_path / ".expinterp-0.part").touch()
        sweep(tmp_path)
        assert names(tmp_path) == [Path(stream.name).name]


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
    """Also during writing, so that nobody else can read the new file."""
    target = tmp_path / "a.png"
    target.touch()
    target.chmod(mode)
    with replacing(target, overwrite=True) as stream:
        assert Path(stream.name).stat().st_mode & 0o777 == mode
        stream.write(b"new")
    assert target.stat().st_mode & 0o777 == mode
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize(
    ("form", "longest"), [("webp", 16_383), ("jpeg", 65_500), ("avif", 32_768), ("png", 1_000_000)]
)
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


def test_a_packet_that_no_jpeg_can_hold_is_left_out_with_a_warning(tmp_path):
    metadata = Metadata(icc=ICC, xmp=b" " * 70_000)
    (warning,) = write_photograph(SMALL, tmp_path / "a.jpg", metadata=metadata)
    assert "XMP" in warning
    found = read_photograph(tmp_path / "a.jpg").metadata
    assert (found.icc, found.xmp) == (ICC, None)
    assert write_photograph(SMALL, tmp_path / "a.png", metadata=metadata) == ()
    assert read_photograph(tmp_path / "a.png").metadata.xmp == metadata.xmp


@pytest.mark.parametrize(("form", "to"), [("png", "jpeg"), ("png", "png"), ("webp", "jpeg")])
@pytest.mark.parametrize("note", [0, 70_000])
def test_a_long_exif_block_keeps_what_fits_into_a_jpeg(tmp_path, form, to, note):
    """Padding goes without a word, then the longest values by name."""
    block = bytearray(exif() + bytes(70_000))
    at = block.index(struct.pack("<HHI", 0x927C, 7, 72))
    struct.pack_into("<II", block, at + 4, note or 72, len(exif()) if note else 300)
    source, target = tmp_path / f"a.{form}", tmp_path / f"b.{to}"
    write_photograph(SMALL, source, metadata=Metadata(exif=bytes(block)))
    found = read_photograph(source)
    warnings = write_photograph(found.pixels, target, metadata=found.metadata)
    assert [warning.split(": ")[1] for warning in warnings] == (
        ["MakerNote"] if note and to == "jpeg" else []
    )
    assert read_photograph(target).exposure == found.exposure
    assert len(read_photograph(target).metadata.exif) <= (65_527 if to == "jpeg" else 80_000)


def test_blocks_that_just_fit_into_jpeg_are_kept(tmp_path):
    """Nikon pads EXIF to the last byte of its segment."""
    block, xmp = exif().ljust(65_527, b"\0"), b" " * 65_504
    metadata = with_exposure_time(Metadata(exif=block, xmp=xmp), 1 / 120)
    assert write_photograph(SMALL, tmp_path / "a.jpg", metadata=metadata) == ()
    photograph = read_photograph(tmp_path / "a.jpg")
    assert (len(photograph.metadata.exif), photograph.metadata.xmp) == (65_527, xmp)
    assert photograph.exposure.time == 1 / 120


def test_standard_output_is_flushed(monkeypatch):
    """Later, an error could not be reported any more."""
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


def filled_up(room):
    """Let no file of this process grow beyond `room` bytes: the last write is then a short one."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if room is None else room, hard))


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("existing", [False, True])
def test_a_disk_that_fills_at_any_byte_leaves_no_half_file(tmp_path, form, existing):
    """Pillow takes the last, short write to a descriptor for success."""
    noise = np.random.default_rng(3).integers(0, 256, (150, 200, 3), np.uint8)
    target = tmp_path / f"a{SUFFIX[form]}"
    write_photograph(noise, target)
    size = target.stat().st_size
    kept = target.read_bytes()
    for lost in (1, 2, 3, 100, 1000, size // 2, size - 1, size):
        target.write_bytes(kept) if existing else target.unlink(missing_ok=True)
        filled_up(size - lost)
        try:
            with pytest.raises(OutputError, match="cannot be written"):
                write_photograph(noise, target, overwrite=existing)
        finally:
            filled_up(None)
        assert names(tmp_path) == ([target.name] if existing else [])
        assert not existing or target.read_bytes() == kept
    write_photograph(noise, target, overwrite=True)
    assert target.stat().st_size == size


def test_a_stream_that_loses_bytes_is_noticed(tmp_path):
    """As a network drive may do, without an error."""
    target = tmp_path / "a.bin"

    def write():
        with replacing(target, overwrite=False) as stream:
            stream.write(b"a whole file")
            stream.flush()
            os.truncate(stream.fileno(), 5)

    with pytest.raises(OutputError, match="no space left"):
        write()
    assert names(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_a_full_disk_is_survived_at_forty_sizes(tmp_path, form):
    """On a small disk in memory, which only root may mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    pair = [tmp_path / f"{role}.png" for role in ("long", "short")]
    rng = np.random.default_rng(4)
    dark = rng.integers(4, 60, (160, 200, 3), np.uint8)
    for path, pixels in zip(pair, (dark * 4, dark), strict=True):
        write_photograph(pixels, path)
    for size in range(40):
        mount = ["mount", "-t", "tmpfs", "-o", f"size={4 + 8 * size}k", "tmpfs", str(disk)]
        if not IS_ROOT or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("only root may mount a disk")
        try:
            target = disk / f"a{SUFFIX[form]}"
            command = ["interpolate", *map(str, pair), "-o", str(target), "--no-refine", "-q"]
            code = main(command)
            assert code in {0, 6}
            assert names(disk) == ([target.name] if code == 0 else [])
            if code == 0:
                read_photograph(target)
        finally:
            subprocess.run(["umount", str(disk)], check=True)


def test_a_profile_too_long_is_left_out(tmp_path):
    """What is written can be read; a JPEG holds 16 MiB at most."""
    metadata = Metadata(icc=ICC.ljust(17 << 20, b"\0"))
    for form in FORMATS:
        path = tmp_path / f"a{SUFFIX[form]}"
        (warning,) = write_photograph(SMALL, path, metadata=metadata)
        assert "profile" in warning
        assert read_photograph(path).metadata.icc is None


@pytest.mark.parametrize("form", FORMATS)
def test_a_profile_of_16_mib_is_kept(tmp_path, form):
    metadata = Metadata(icc=ICC.ljust(255 * 65_519, b"\0"))
    path = tmp_path / f"a{SUFFIX[form]}"
    assert write_photograph(SMALL, path, metadata=metadata) == ()
    assert read_photograph(path).metadata.icc == metadata.icc


@pytest.mark.parametrize("form", ["jpeg", "webp", "avif", "png"])
def test_the_longest_sides_can_be_read(tmp_path, form):
    longest = FORMATS[form].longest
    path = tmp_path / f"a{SUFFIX[form]}"
    write_photograph(np.zeros((1, longest, 3), np.uint8), path)
    assert read_photograph(path).pixels.shape == (1, longest, 3)


def test_too_many_pixels_for_avif_are_refused(tmp_path):
    picture_of_zeros = np.broadcast_to(np.zeros(3, np.uint8), (16_384, 16_385, 3))
    with pytest.raises(OutputError, match="268 megapixels"):
        write_photograph(picture_of_zeros, tmp_path / "a.avif")
    check_sides(tmp_path / "a.avif", 16_384, 16_384)

"""The file formats: names, suffixes, first bytes and depths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from expinterp.errors import ImageFileError, OutputError, reason
from expinterp.files import read_from
from expinterp.images.developing.raw_files import SUFFIXES as RAW_SUFFIXES


@dataclass(frozen=True)
class Format:
    """The suffixes of a file format, and what it can hold."""

    suffixes: tuple[str, ...]  # lower case, with the dot; the usual one first
    depths: tuple[int, ...]  # bits per channel
    alpha: bool  # whether it has an alpha channel
    grey: bool  # whether it can hold a single channel
    longest: int  # largest number of rows or columns that its library reads and writes
    largest: int = 2**62  # largest number of pixels


FORMATS = {
    "jpeg": Format(
        (".jpg", ".jpeg", ".jpe", ".jfif"), (8,), alpha=False, grey=True, longest=65_500
    ),
    "png": Format((".png",), (8, 16), alpha=True, grey=True, longest=1_000_000),
    "tiff": Format((".tif", ".tiff"), (8, 16), alpha=True, grey=True, longest=2**31 - 1),
    "webp": Format((".webp",), (8,), alpha=True, grey=False, longest=16_383),
    "avif": Format(
        (".avif",), (8,), alpha=True, grey=False, longest=32_768, largest=2**28
    ),  # limits of libavif's reader
}
# Those that can be written; JPEG XL has no place for a profile there.
OUTPUTS = FORMATS | {"jxl": Format((".jxl",), (8,), alpha=True, grey=True, longest=2**18)}
# Linear light: written by ``expinterp merge`` only.
RADIANCE_FORMATS = {
    "exr": Format((".exr",), (16, 32), alpha=True, grey=True, longest=2**31 - 1),
    "hdr": Format((".hdr", ".pic", ".rgbe"), (8,), alpha=False, grey=False, longest=2**31 - 1),
    "tiff": Format((".tif", ".tiff"), (16, 32), alpha=True, grey=True, longest=2**31 - 1),
}
# Formats that are read too, with their suffixes.
READ_ONLY = {
    "raw": RAW_SUFFIXES,
    "exr": (".exr",),
    "hdr": (".hdr", ".pic", ".rgbe"),
    "pfm": (".pfm",),
    "heif": (".heic", ".heif", ".hif"),
    "jxl": (".jxl",),
}
SUFFIXES = {  # the format that each stands for
    suffix: name
    for name, suffixes in ({n: form.suffixes for n, form in FORMATS.items()} | READ_ONLY).items()
    for suffix in suffixes
}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"}
_HEAD = 64  # bytes that show the format
READABLE = "JPEG, PNG, TIFF, WebP, AVIF, HEIC, JPEG XL, raw, OpenEXR, Radiance HDR or PFM"

_STARTS = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"\x76\x2f\x31\x01": "exr",
    b"#?RADIANCE": "hdr",
    b"#?RGBE": "hdr",
    b"\xff\x0a": "jxl",
    b"\0\0\0\x0cJXL ": "jxl",
    b"PF\n": "pfm",
    b"Pf\n": "pfm",
}
# First bytes of common files that are none of `FORMATS`.
_OTHERS = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"8BPS": "a Photoshop document",
    b"%PDF": "a PDF",
    b"\0\0\0\x0cjP  ": "a JPEG 2000",
    b"\xff\x4f\xff\x51": "a JPEG 2000",
    b"II\xbc": "a JPEG XR",
    b"qoif": "a QOI",
    b"\0\0\1\0": "an icon",
    b"SIMPLE  =": "a FITS",
}
_RAW = (  # first bytes of raw files, by maker
    b"FUJIFILM", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb", b"ARRI", b"II\x1a\0\0\0HEAPCCDR",
    b"IIIITwaR", b"MMMMRawT", b"NOKIARAW",
)  # fmt: skip


def detect_format(stream: BinaryIO, name: str) -> tuple[str, bytes]:
    """Detect the format of an open file from its first bytes; return both.

    Raises
    ------
    ImageFileError
        If the file cannot be read, is empty, or has none of the formats that are read.
    """
    head = read_from(stream, name, _HEAD)
    form = sniff_format(head)
    if form is None:
        what = f"is {_describe_other(head)}" if head else "is empty"
        message = f"{name}: {what}; {READABLE} is needed"
        raise ImageFileError(message)
    return form, head


def sniff_format(head: bytes) -> str | None:
    r"""Detect a format from the first bytes of a file; None if it is none that is read.

    Examples
    --------
    >>> sniff_format(b"\xff\xd8\xff\xe0 and so on")
    'jpeg'
    """
    if is_raw_head(head):
        return "raw"
    if form := next((form for magic, form in _STARTS.items() if head.startswith(magic)), None):
        return form
    if head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}:
        return "tiff"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    brands = head[8 : int.from_bytes(head[:4], "big")] if head[4:8] == b"ftyp" else b""
    if b"avi" in brands:
        return "avif"
    return "heif" if any(brand in brands for brand in _HEIF_BRANDS) else None


def named_format(path: str | Path) -> str | None:
    """Return the format that the suffix of a file stands for; None if it is unknown."""
    return SUFFIXES.get(Path(path).suffix.lower())


def is_raw_head(head: bytes) -> bool:
    r"""Return whether the first bytes of a file are those of a raw file; see `raw_kinds` for TIFF.

    Examples
    --------
    >>> is_raw_head(b"FUJIFILMCCD-RAW "), is_raw_head(b"II*\0\x10\0\0\0CR\2\0")
    (True, True)
    """
    by_canon = head[:2] in {b"II", b"MM"} and head[8:12] == b"CR\2\0"  # CR2: a TIFF of its own
    by_phase_one = head[:4] in {b"II*\0", b"MM\0*"} and head[8:12] in {b"IIII", b"MMMM"}
    return head.startswith(_RAW) or head[4:12] == b"ftypcrx " or by_canon or by_phase_one


def _describe_other(head: bytes) -> str:
    """Describe a file of a format that is none of `FORMATS`."""
    if head[4:8] == b"ftyp":
        return "a video"
    known = (what for magic, what in _OTHERS.items() if head.startswith(magic))
    return next(known, "no image of a known format")


def image_format(path: str | Path) -> str:
    """Return the format of an output from its suffix.

    Raises
    ------
    OutputError
        If the suffix is missing or unknown, or the path is a folder.

    Examples
    --------
    >>> image_format("mid.TIF")
    'tiff'
    """
    try:
        is_folder = Path(path).is_dir()
    except OSError as error:  # a name that is too long
        message = f"{path}: cannot be written ({reason(error)}); choose another name"
        raise OutputError(message) from error
    if is_folder:
        message = f"{path}: is a folder; name a file in it"
        raise OutputError(message)
    suffix = Path(path).suffix.lower()
    for name, form in OUTPUTS.items():
        if suffix in form.suffixes:
            return name
    known = ", ".join(form.suffixes[0] for form in OUTPUTS.values())
    if any(suffix in suffixes for suffixes in READ_ONLY.values()):
        words = f"files with the suffix '{suffix}' are read, not written"
        if any(suffix in form.suffixes for form in RADIANCE_FORMATS.values()):
            words = f"only 'expinterp merge' writes files with the suffix '{suffix}'"
        message = f"{path}: {words}; use one of {known}"
        raise OutputError(message)
    what = f"no image format has the suffix '{suffix}'" if suffix else "the name has no suffix"
    message = f"{path}: {what}; use one of {known}"
    raise OutputError(message)

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
    """How a file format is named and recognised, and what it can hold."""

    name: str  # for messages
    suffixes: tuple[str, ...]  # lower case, with the dot; the usual one first
    starts: tuple[bytes, ...] = ()  # first bytes; `sniff_format` knows others
    depths: tuple[int, ...] = ()  # bits per channel that are written; empty if it is only read
    radiance: bool = False  # whether ``expinterp merge`` writes it, in linear light
    alpha: bool = True  # whether it has an alpha channel
    grey: bool = True  # whether it can hold a single channel
    longest: int = 2**31 - 1  # largest number of rows or columns that its library reads and writes
    largest: int = 2**62  # largest number of pixels


ALL_FORMATS = {
    "jpeg": Format(
        "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), (b"\xff\xd8\xff",), (8,), alpha=False,
        longest=65_500,
    ),
    "png": Format("PNG", (".png",), (b"\x89PNG\r\n\x1a\n",), (8, 16), longest=1_000_000),
    "tiff": Format(
        "TIFF", (".tif", ".tiff"), (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), (8, 16),
        radiance=True,
    ),
    "webp": Format("WebP", (".webp",), (), (8,), grey=False, longest=16_383),
    "avif": Format(  # limits of libavif's reader
        "AVIF", (".avif",), (), (8,), grey=False, longest=32_768, largest=2**28
    ),
    "heif": Format("HEIC", (".heic", ".heif", ".hif")),
    "jxl": Format(
        "JPEG XL", (".jxl",), (b"\xff\x0a", b"\0\0\0\x0cJXL "), (8, 16), longest=2**18
    ),
    "raw": Format("raw", RAW_SUFFIXES),
    "exr": Format("OpenEXR", (".exr",), (b"\x76\x2f\x31\x01",), radiance=True),
    "hdr": Format(
        "Radiance HDR", (".hdr", ".pic", ".rgbe"), (b"#?RADIANCE", b"#?RGBE"), radiance=True
    ),
    "pfm": Format("PFM", (".pfm",)),
    "netpbm": Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm", ".pam")),
    "bmp": Format("BMP", (".bmp", ".dib")),
    "tga": Format("TGA", (".tga",)),
    "jpeg2000": Format(
        "JPEG 2000", (".jp2", ".j2k", ".j2c", ".jpx", ".jpf"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
    ),
}  # fmt: skip
OUTPUTS = {name: form for name, form in ALL_FORMATS.items() if form.depths}
RADIANCE_FORMATS = {name: form for name, form in ALL_FORMATS.items() if form.radiance}
# Those that hold EXIF, profile and XMP as they are; JPEG XL states colours in its own way.
FORMATS = {name: form for name, form in OUTPUTS.items() if name != "jxl"}
SUFFIXES = {suffix: name for name, form in ALL_FORMATS.items() for suffix in form.suffixes}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"mif2"}
_HEAD = 64  # bytes that show the format
_NAMES = [form.name for form in ALL_FORMATS.values()]
READABLE = f"{', '.join(_NAMES[:-1])} or {_NAMES[-1]}"
_SPACES = b" \t\r\n#"  # that end the first word of a PPM
_BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124}  # bytes
_TGA_KINDS = {1: 1, 2: 0, 3: 0, 9: 1, 10: 0, 11: 0}  # of pictures, and whether they have a palette

# First bytes of common files that are none of `FORMATS`.
_OTHERS = {
    b"GIF8": "a GIF",
    b"8BPS": "a Photoshop document",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG whose line ends were changed",
    b"<": "a page of the web",
    b"PK\3\4": "an archive",
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
    starts = (name for name, form in ALL_FORMATS.items() if head.startswith(form.starts))
    return next(starts, None) or _sniff_container(head) or _sniff_plain(head)


def _sniff_container(head: bytes) -> str | None:
    """Detect the formats whose container has a type of its own behind the first bytes."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    brands = head[8 : int.from_bytes(head[:4], "big")] if head[4:8] == b"ftyp" else b""
    if b"avi" in brands:
        return "avif"
    return "heif" if any(brand in brands for brand in _HEIF_BRANDS) else None


def _sniff_plain(head: bytes) -> str | None:
    """Detect the formats with a short signature, or none: the fields after it have to fit."""
    if len(head) > 2 and head[0] == ord("P") and head[1] in b"1234567Ff" and head[2] in _SPACES:
        return "pfm" if head[1] in b"Ff" else "netpbm"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    return "tga" if _is_tga(head) else None


def _is_tga(head: bytes) -> bool:
    """Return whether the first bytes are a header of a TGA, which has no signature."""
    if len(head) < 18 or _TGA_KINDS.get(head[2]) != head[1]:
        return False
    palette = any(head[3:8]) == bool(head[1])
    return palette and all(map(any, (head[12:14], head[14:16]))) and head[16] in {8, 16, 24, 32}


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
    if suffix in SUFFIXES:
        words = f"files with the suffix '{suffix}' are read, not written"
        if ALL_FORMATS[SUFFIXES[suffix]].radiance:
            words = f"only 'expinterp merge' writes files with the suffix '{suffix}'"
        message = f"{path}: {words}; use one of {known}"
        raise OutputError(message)
    what = f"no image format has the suffix '{suffix}'" if suffix else "the name has no suffix"
    message = f"{path}: {what}; use one of {known}"
    raise OutputError(message)

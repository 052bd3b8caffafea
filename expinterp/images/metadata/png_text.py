"""The chunks of a PNG besides pixels and profile: EXIF and XMP, colours, text, private chunks.

ImageMagick, exiv2, darktable and digiKam store EXIF, IPTC, XMP and profile as hexadecimal text, in
tEXt, zTXt or iTXt chunks with the keyword ``Raw profile type``. Chunks of colours, and those that the
specification calls safe to copy, are copied. The others depend on the old pixels.

Source: PNG specification, third edition (W3C 2025), 11.3; code points of cICP: ITU-T H.273;
ExifTool, tag names of PNG (raw profiles).
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping, Sequence

from expinterp.images.formats import OUTPUTS
from expinterp.images.metadata.exif import EXIF_PREFIX, exif_block
from expinterp.images.metadata.iptc import extras_of_resources, resource_of_iptc
from expinterp.images.metadata.jpeg_metadata import PHOTOSHOP, XMP_SIGNATURE
from expinterp.images.photograph import Extra, Metadata

_COLOURS = (b"cICP", b"sRGB", b"gAMA", b"cHRM")  # the first one present counts; iCCP comes second
_TEXT = {b"tEXt", b"zTXt", b"iTXt"}
TEXT_OR_EXIF = {*_TEXT, b"eXIf"}
_NAMES = dict.fromkeys(_TEXT, "text") | {b"caBX": "content credentials (C2PA)"}
_RAW_PROFILE, _XMP = b"Raw profile type ", b"XML:com.adobe.xmp"
_PROFILE = re.compile(rb"\s*[^\n]*\n\s*(\d{1,9})\s+(.*)", re.DOTALL)  # name, length, digits
# Keywords with which ImageMagick repeats EXIF, profile and file as text; true for the old file only.
_COPIES = tuple(b"%s:" % name for name in b"exif tiff xmp icc png jpeg photoshop date".split())
_OF_PROGRAMS = (b"Software\0", b"Creation Time\0", b"signature\0", b"Thumb::", b"create-date\0")
_LONGEST_TEXT = 1 << 26  # bytes of an unpacked text
# Chunks that are read elsewhere, or describe the old encoding.
_HANDLED = {
    *(b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"eXIf", b"pHYs", b"acTL", b"fcTL"),
    *(b"fdAT", b"tIME", b"bKGD", b"hIST", b"sPLT", b"sBIT", b"iDOT"),
}
_SAFE_TO_COPY = 0x20  # bit of the fourth letter
_SRGB = {
    b"cICP": struct.pack("4B", 1, 13, 0, 1),
    b"gAMA": struct.pack(">I", 45_455),
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
}
_INCH = 0.0254  # metres


def blocks_of_png(
    chunks: Sequence[tuple[bytes, memoryview]],
) -> tuple[Metadata, list[tuple[bytes, memoryview]]]:
    """Read EXIF, XMP, profile and IPTC fields from chunks and texts; return the other chunks too.

    The chunks are types and all bytes of each. Chunks made for a purpose count before texts, the
    first before others. The profile is only one in text.
    """
    found: dict[str, bytes] = {}
    named: list[Extra] = []
    others = []
    for kind, chunk in sorted(chunks, key=lambda each: each[0] in _TEXT):  # eXIf first
        if kind == b"eXIf":
            found.setdefault("exif", bytes(chunk[8:-4]))
            continue
        keyword = bytes(chunk[8:88]).split(b"\0")[0] if kind in _TEXT else b""
        profile = keyword.removeprefix(_RAW_PROFILE)
        if keyword.startswith(_COPIES):
            continue
        if keyword == _XMP:
            if not _keep(found, "xmp", _read_text(kind, chunk, len(keyword))):
                named.append(Extra("the XMP packet, which is damaged or too long", {}))
        elif profile == keyword:
            others.append((kind, chunk))
        elif not _keep(found, profile.decode("latin-1"), _read_profile(kind, chunk, len(keyword))):
            named.append(Extra("a raw profile in text, which is damaged", {}))
    exif, xmp = exif_block(found.get("exif")), found.get("xmp")
    stored = next((found[name] for name in ("iptc", "8bim", "IPTC") if name in found), b"")
    extras = (*extras_of_resources(_as_resources(stored)), *named)
    icc = found.get("icc") or found.get("icm")
    return Metadata(exif, icc, xmp or None, extras=extras), others


def _keep(found: dict[str, bytes], name: str, content: bytes | None) -> bool:
    """Keep a block by its name; that of APP1, a segment of JPEG, is told by its first bytes."""
    if content is None:
        return False
    if content.startswith(XMP_SIGNATURE):
        name, content = "xmp", content[len(XMP_SIGNATURE) :]
    elif content.startswith(EXIF_PREFIX):
        name = "exif"
    found.setdefault(name, content)
    return True


def _as_resources(stored: bytes) -> bytes:
    """Return IPTC fields as resources of Photoshop, which most programs store them in."""
    stored = stored.removeprefix(PHOTOSHOP)
    return resource_of_iptc(stored) if stored.startswith(b"\x1c") else stored


def _read_text(kind: bytes, chunk: memoryview, keyword: int) -> bytes | None:
    """Read the text of a chunk, after its keyword; None if it is damaged or too long."""
    content = bytes(chunk[8 + keyword + 1 : -4])
    packed = kind == b"zTXt"
    if kind == b"zTXt":
        content = content[1:]
    elif kind == b"iTXt":
        packed = content[:1] == b"\1"
        content = content[2:].split(b"\0", 2)[-1]
    if not packed:
        return content
    unpack = zlib.decompressobj()
    try:
        text = unpack.decompress(content, _LONGEST_TEXT)
    except zlib.error:
        return None
    return text if unpack.eof else None


def _read_profile(kind: bytes, chunk: memoryview, keyword: int) -> bytes | None:
    """Read a raw profile: its name, its length and hexadecimal digits; None if it is damaged."""
    found = _PROFILE.match(_read_text(kind, chunk, keyword) or b"")
    try:
        content = bytes.fromhex(found[2].decode("ascii")) if found else b""
    except ValueError:
        return None
    return content[: int(found[1])] if found and content else None


def extras_of_png(
    chunks: Sequence[tuple[bytes, memoryview]], *, has_profile: bool = False
) -> tuple[Extra, ...]:
    """Return the chunks of colours, text, and those safe to copy; name content credentials."""
    colours: dict[bytes, bytes] = {}
    groups: dict[str, list[bytes]] = {}
    for kind, chunk in chunks:
        if kind in _COLOURS:
            colours.setdefault(kind, bytes(chunk))
        elif kind in _NAMES or (kind not in _HANDLED and kind[3] & _SAFE_TO_COPY):
            silent = kind in _TEXT and bytes(chunk[8:88]).startswith(_OF_PROGRAMS)
            group = groups.setdefault("" if silent else _NAMES.get(kind, ""), [])
            group += [bytes(chunk)] if kind[3] & _SAFE_TO_COPY else []
    extras = []
    for name, group in groups.items():
        elsewhere = {} if name else dict.fromkeys(OUTPUTS, b"")  # nobody misses private chunks
        extras.append(Extra(name, elsewhere | ({"png": b"".join(group)} if group else {})))
    return (*extras, *_extras_of_colours(colours, has_profile=has_profile))


def _extras_of_colours(colours: Mapping[bytes, bytes], *, has_profile: bool) -> tuple[Extra, ...]:
    """Keep the chunks of colours; other formats lose them, unless they mean the default."""
    if not colours:
        return ()
    names = ", ".join(kind.decode() for kind in colours)
    elsewhere = (
        {} if _are_unusual(colours, has_profile=has_profile) else dict.fromkeys(OUTPUTS, b"")
    )
    stored = {**elsewhere, "png": b"".join(colours.values())}
    return (Extra(f"meaning of its colours ({names})", stored),)


def _are_unusual(colours: Mapping[bytes, bytes], *, has_profile: bool) -> bool:
    """Return whether colours differ from the profile, or, without a profile, from sRGB."""
    if b"cICP" not in colours and (has_profile or b"sRGB" in colours):
        return False
    counts = [b"cICP"] if b"cICP" in colours else [b"gAMA", b"cHRM"]
    return any(colours[kind][8:-4] != _SRGB[kind] for kind in counts if kind in colours)


def read_density(chunk: bytes) -> tuple[float, float] | None:
    """Read pixels per inch from pHYs; None if it states only the shape of pixels."""
    across, down, unit = struct.unpack(">IIB", chunk[:9].ljust(9, b"\0"))
    return (across * _INCH, down * _INCH) if unit == 1 and across and down else None


def density_content(density: tuple[float, float]) -> bytes:
    """Build the content of pHYs."""
    across, down = (min(round(value / _INCH), 2**31 - 1) for value in density)
    return struct.pack(">IIB", across, down, 1)

"""IPTC fields and the other *image resources* of Photoshop in JPEG, TIFF and PNG.

Source: Adobe Photoshop File Formats Specification (2019), image resources.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

from expinterp.images.metadata.jpeg_metadata import PHOTOSHOP, join_segments, make_segments
from expinterp.images.photograph import Extra

_APP13 = 0xED
_RESOURCE = b"8BIM"
_SIGNATURES = {_RESOURCE, b"MeSa", b"PHUT", b"AgHg", b"DCSR"}
_IPTC = 0x0404
# Resources that describe the old file: thumbnails, profile, EXIF twice, XMP.
_STALE = {0x0409, 0x040C, 0x040F, 0x0422, 0x0423, 0x0424}


def extras_of_jpeg(segments: Sequence[tuple[str, bytes]]) -> tuple[Extra, ...]:
    """Read the resources in the segments of a JPEG, given as (name, content)."""
    return extras_of_resources(join_segments(segments, PHOTOSHOP))


def extras_of_resources(resources: bytes) -> tuple[Extra, ...]:
    """Return Photoshop's image resources, without those that describe the old file."""
    kept: dict[int, bytes] = {}
    try:
        for code, whole, _ in _read_resources(resources):
            if code not in _STALE:
                kept.setdefault(code, whole)
    except struct.error:
        return (Extra("damaged IPTC and Photoshop fields", {}),)
    if not kept:
        return ()
    joined = b"".join(kept.values())
    stored = {"jpeg": make_segments(_APP13, PHOTOSHOP, joined), "tiff": joined}
    stored["png"] = _raw_profile("iptc", joined)
    return (Extra("IPTC and Photoshop fields", stored),)


def _raw_profile(name: str, content: bytes) -> bytes:
    """Build the chunk of a raw profile, as ImageMagick and exiv2 store it in a PNG."""
    text = f"\n{name}\n{len(content):8}\n".encode() + content.hex("\n", -36).encode() + b"\n"
    body = b"Raw profile type " + name.encode() + b"\0\0" + zlib.compress(text)
    total = zlib.crc32(body, zlib.crc32(b"zTXt"))
    return struct.pack(">I4s", len(body), b"zTXt") + body + struct.pack(">I", total)


def separate_iptc(resources: bytes) -> tuple[bytes, bytes]:
    """Separate the IPTC fields, which have their own tag in TIFF, from the other resources."""
    found = list(_read_resources(resources))
    iptc = b"".join(value for code, _, value in found if code == _IPTC)
    return iptc, b"".join(whole for code, whole, _ in found if code != _IPTC)


def resource_of_iptc(iptc: bytes) -> bytes:
    """Build the resource of IPTC fields."""
    head = _RESOURCE + struct.pack(">HHI", _IPTC, 0, len(iptc))
    return head + iptc + bytes(len(iptc) % 2)


def _read_resources(resources: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the code, all bytes and the value of each resource; name and value have even lengths."""
    at, stop = 0, len(resources.rstrip(b"\0"))
    while at < stop:
        signature, code, named = struct.unpack_from(">4sHB", resources, at)
        start = at + 6 + named // 2 * 2 + 2
        (size,) = struct.unpack_from(">I", resources, start)
        value = resources[start + 4 : start + 4 + size]
        if signature not in _SIGNATURES or len(value) < size:
            raise struct.error
        end = start + 4 + size + size % 2
        yield code, resources[at:end].ljust(end - at, b"\0"), value
        at = end

"""What the segments of a JPEG hold beside EXIF and profile: captions, comments, long XMP packets.

IPTC fields stand among Photoshop's *image resources*, which TIFF holds too. An XMP packet that is
longer than a segment goes on in an *extension*, found by its MD5 sum.

Source: Adobe Photoshop File Formats Specification (2019), image resources; XMP specification part
3 (Adobe 2020), 1.1.3; ITU-T T.81, annex B.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace

from expinterp.images.photograph import Extra, Metadata

_APP1, _APP13, _COMMENT = 0xE1, 0xED, 0xFE
_LONGEST = 65_533  # bytes of a segment's content
_PHOTOSHOP = b"Photoshop 3.0\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PART = len(_EXTENSION) + 40  # bytes before a part of an extension: sum, whole length, place
_HANDLED = (  # how segments begin that are read elsewhere, or tell how the old pixels were made
    *(b"JFIF\0", b"JFXX\0", b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"),
    *(b"MPF\0", b"Adobe", b"Ducky", b"QTI Debug", _PHOTOSHOP, _EXTENSION),
)
_RESOURCE = b"8BIM"
_SIGNATURES = {_RESOURCE, b"MeSa", b"PHUT", b"AgHg", b"DCSR"}
_IPTC = 0x0404
# Resources that show or repeat what the file was: thumbnails, profile, EXIF twice, XMP.
_STALE = {0x0409, 0x040C, 0x040F, 0x0422, 0x0423, 0x0424}
_ANNOUNCED = re.compile(rb"xmpNote:HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})")


def metadata_of_jpeg(segments: Sequence[tuple[str, bytes]], found: Metadata) -> Metadata:
    """Add comments, IPTC fields and the extension of the XMP packet to what was found.

    Parameters
    ----------
    segments : sequence of (str, bytes)
        Name, such as ``APP13``, and content.
    found : Metadata
        With the packet that announces an extension.
    """
    extension = _find_extension(segments, found.xmp)
    extras = _find_extras(segments)
    if extension is None and _join(segments, _EXTENSION):
        extras = (*extras, Extra("incomplete XMP extension", {}))
    return replace(found, xmp_extension=extension, extras=extras)


def _find_extras(segments: Sequence[tuple[str, bytes]]) -> tuple[Extra, ...]:
    """Take comments and IPTC fields from segments, and name those that cannot be carried."""
    comments = [content for name, content in segments if name == "COM"]
    extras = list(extras_of_resources(_join(segments, _PHOTOSHOP)))
    if comments:
        stored = b"".join(_segments(_COMMENT, b"", content) for content in comments)
        extras.append(Extra("comment", {"jpeg": stored}))
    strange = [name for name, content in segments if not content.startswith(_HANDLED)]
    extras += [Extra(f"segment {name}", {}) for name in dict.fromkeys(strange) if name != "COM"]
    return tuple(extras)


def extras_of_resources(resources: bytes) -> tuple[Extra, ...]:
    """Take Photoshop's image resources, less those that a new picture makes untrue."""
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
    stored = {"jpeg": _segments(_APP13, _PHOTOSHOP, joined), "tiff": joined}
    return (Extra("IPTC and Photoshop fields", stored),)


def part_iptc(resources: bytes) -> tuple[bytes, bytes]:
    """Part the IPTC fields, which TIFF keeps in a tag of their own, from the other resources."""
    found = list(_read_resources(resources))
    iptc = b"".join(value for code, _, value in found if code == _IPTC)
    return iptc, b"".join(whole for code, whole, _ in found if code != _IPTC)


def resource_of_iptc(iptc: bytes) -> bytes:
    """Make IPTC fields a resource."""
    head = _RESOURCE + struct.pack(">HHI", _IPTC, 0, len(iptc))
    return head + iptc + bytes(len(iptc) % 2)


def _read_resources(resources: bytes) -> Iterable[tuple[int, bytes, bytes]]:
    """Walk resources: code, the whole, and its value; name, value and end are even."""
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


def _find_extension(segments: Sequence[tuple[str, bytes]], xmp: bytes | None) -> bytes | None:
    """Put together the extension that an XMP packet announces; None if it is not all there."""
    announced = _ANNOUNCED.search(xmp or b"")
    parts, total = {}, 0
    for _, content in segments:
        if content.startswith(_EXTENSION) and len(content) >= _PART:
            name, length, start = struct.unpack_from(">32sII", content, len(_EXTENSION))
            if announced and name == announced[1]:
                parts[start], total = content[_PART:], length
    whole = b"".join(part for _, part in sorted(parts.items()))
    return whole if total and len(whole) == total else None


def segments_of_extension(extension: bytes) -> bytes:
    """Cut an extension into segments."""
    head, room = _EXTENSION + sum_of_extension(extension), _LONGEST - _PART
    parts = (
        (struct.pack(">II", len(extension), at), extension[at : at + room])
        for at in range(0, len(extension), room)
    )
    return b"".join(_segments(_APP1, head + place, part) for place, part in parts)


def sum_of_extension(extension: bytes) -> bytes:
    """Compute what a packet calls its extension."""
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()


def _join(segments: Iterable[tuple[str, bytes]], signature: bytes) -> bytes:
    """Join the contents of segments that begin alike, after that beginning."""
    contents = (content for _, content in segments if content.startswith(signature))
    return b"".join(content[len(signature) :] for content in contents)


def _segments(marker: int, signature: bytes, content: bytes) -> bytes:
    """Store content in as many segments as it takes, each with the signature."""
    room = _LONGEST - len(signature)
    parts = (signature + content[at : at + room] for at in range(0, max(len(content), 1), room))
    return b"".join(struct.pack(">BBH", 0xFF, marker, 2 + len(part)) + part for part in parts)

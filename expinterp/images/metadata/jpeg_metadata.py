"""Segments of a JPEG, and their metadata besides EXIF, IPTC and profile: comments, long XMP packets.

The part of an XMP packet that does not fit into one segment is its *extension*. The packet names
it by its MD5 sum.

Source: XMP specification part 3 (Adobe 2020), 1.1.3; ITU-T T.81, annex B.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace

from expinterp.images.metadata.exif import EXIF_PREFIX
from expinterp.images.metadata.xmp import sum_of_extension
from expinterp.images.photograph import Extra, Metadata

LONGEST_SEGMENT = 65_533  # bytes of content
LONGEST_EXIF = LONGEST_SEGMENT - len(EXIF_PREFIX)
PHOTOSHOP = b"Photoshop 3.0\0"
XMP_SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"
LONGEST_XMP = LONGEST_SEGMENT - len(XMP_SIGNATURE)
_APP1, _COMMENT = 0xE1, 0xFE
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PART = len(_EXTENSION) + 40  # bytes before a part of an extension: sum, whole length, offset
_HANDLED = (  # first bytes of segments that are read elsewhere, or describe the old encoding
    *(b"JFIF\0", b"JFXX\0", EXIF_PREFIX[:5], XMP_SIGNATURE, b"ICC_PROFILE\0"),
    *(b"MPF\0", b"Adobe", b"Ducky", b"QTI Debug", PHOTOSHOP, _EXTENSION),
)
_ANNOUNCED = re.compile(rb"xmpNote:HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})")


def metadata_of_jpeg(segments: Sequence[tuple[str, bytes]], found: Metadata) -> Metadata:
    """Add comments and the extension of the XMP packet; name the segments that get lost.

    Segments are pairs of a name, such as ``APP13``, and the content.
    """
    extension = _find_extension(segments, found.xmp)
    extras = [*found.extras]
    comments = [content for name, content in segments if name == "COM"]
    if comments:
        stored = b"".join(make_segments(_COMMENT, b"", content) for content in comments)
        extras.append(Extra("comment", {"jpeg": stored}))
    unknown = [name for name, content in segments if not content.startswith(_HANDLED)]
    extras += [Extra(f"segment {name}", {}) for name in dict.fromkeys(unknown) if name != "COM"]
    if extension is None and join_segments(segments, _EXTENSION):
        extras.append(Extra("incomplete XMP extension", {}))
    return replace(found, xmp_extension=extension, extras=tuple(extras))


def _find_extension(segments: Sequence[tuple[str, bytes]], xmp: bytes | None) -> bytes | None:
    """Join the extension that an XMP packet announces; None if it is incomplete."""
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
    """Split an extension into segments."""
    head, room = _EXTENSION + sum_of_extension(extension), LONGEST_SEGMENT - _PART
    parts = (
        (struct.pack(">II", len(extension), at), extension[at : at + room])
        for at in range(0, len(extension), room)
    )
    return b"".join(make_segments(_APP1, head + place, part) for place, part in parts)


def join_segments(segments: Iterable[tuple[str, bytes]], signature: bytes) -> bytes:
    """Join the contents of the segments with a signature, without the signature."""
    contents = (content for _, content in segments if content.startswith(signature))
    return b"".join(content[len(signature) :] for content in contents)


def make_segments(marker: int, signature: bytes, content: bytes) -> bytes:
    """Split content into as many segments as needed, each with the signature."""
    room = LONGEST_SEGMENT - len(signature)
    parts = (signature + content[at : at + room] for at in range(0, max(len(content), 1), room))
    return b"".join(struct.pack(">BBH", 0xFF, marker, 2 + len(part)) + part for part in parts)

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

from expinterp.images import jpeg_layout
from expinterp.images.metadata import ifd, xmp
from expinterp.images.metadata.exif import EXIF_PREFIX
from expinterp.images.metadata.xmp.extension import join, split, sum_of
from expinterp.images.photograph import Extra, Metadata

LONGEST_SEGMENT = 65_533  # bytes of content
LONGEST_EXIF = LONGEST_SEGMENT - len(EXIF_PREFIX)
PHOTOSHOP = b"Photoshop 3.0\0"
XMP_SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"
LONGEST_XMP = LONGEST_SEGMENT - len(XMP_SIGNATURE)
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PART = len(_EXTENSION) + 40  # bytes before a part of an extension: sum, whole length, offset
_MISSED = {  # first bytes of segments that a photographer would miss, and a name
    b"JP": "content credentials (C2PA)",
    b"FLIR": "the heat picture (FLIR)",
}
_MP_ENTRIES, _MULTI_VIEW = 0xB002, 2  # CIPA DC-007: table of pictures, class of their types
_BEHIND = {"a gain map", "a video"}  # what a packet announces, and other bytes hold
# Boxes of MP4 and QuickTime, but not those of a HEIC or AVIF picture; AVI, Matroska. Names of Apple,
# Samsung, Adobe and ISO 21496-1.
_VIDEO = re.compile(rb"\0\0[\0-\x02][\0-\xff]ftyp(?!hei|hev|mif|avi|jx)")
_OWN_TYPE = 64  # bytes in which a HEIC or AVIF file states its own type
_FIRST_BYTES = {
    "a video": re.compile(
        _VIDEO.pattern + rb"|\0\0[\0-\x02][\0-\xff](?:moov|wide|mdat)|"
        rb"RIFF[\0-\xff]{4}AVI |\x1aE\xdf\xa3"
    ),
    "a gain map": re.compile(
        rb"hdrgm:Version|HDRGainMapVersion|aux:hdrgainmap|urn:iso:std:iso:ts:21496"
    ),
    "a depth map": re.compile(rb"DualShot_DepthMap|depthData/1\.0/|:AuxiliaryImageType=.d[ei]"),
    "a sound": re.compile(rb"SoundShot_Meta|RIFF[\0-\xff]{4}WAVE"),
}
_ANNOUNCED = re.compile(rb"xmpNote:HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})")


def holds_video(data: bytes) -> bool:
    """Return whether a HEIC or AVIF file holds a video besides its pictures."""
    return _VIDEO.search(data, _OWN_TYPE) is not None


def metadata_of_jpeg(segments: Sequence[tuple[str, bytes]], found: Metadata) -> Metadata:
    """Add comments, join the XMP packet with its extension, and name what gets lost.

    Segments are pairs of a name, such as ``APP13``, and the content.
    """
    extension = _find_extension(segments, found.xmp)
    extras = [*found.extras]
    comments = [content for name, content in segments if name == "COM"]
    if comments:
        stored = b"".join(make_segments(jpeg_layout.COMMENT, b"", content) for content in comments)
        extras.append(Extra("comment", {"jpeg": stored}))
    for first, what in _MISSED.items():
        if any(name != "COM" and content.startswith(first) for name, content in segments):
            extras.append(Extra(what, {}))
    packet = join(found.xmp or b"", extension) if extension else None
    if packet is None and join_segments(segments, _EXTENSION):
        extras.append(Extra("the part of the XMP packet above 64 KiB, which is damaged", {}))
    return replace(found, xmp=packet or found.xmp, extras=tuple(extras))


def _find_extension(segments: Sequence[tuple[str, bytes]], packet: bytes | None) -> bytes | None:
    """Join the extension that an XMP packet announces; None if it is incomplete."""
    announced = _ANNOUNCED.search(packet or b"")
    parts, total = {}, 0
    for _, content in segments:
        if content.startswith(_EXTENSION) and len(content) >= _PART:
            name, length, start = struct.unpack_from(">32sII", content, len(_EXTENSION))
            if announced and name == announced[1]:
                parts[start], total = content[_PART:], length
    whole = b"".join(part for _, part in sorted(parts.items()))
    return whole if len(whole) == total <= xmp.LONGEST_PACKET else None


def left_behind(data: bytes, found: Metadata, directory: bytes | None) -> list[str]:
    """List what a photographer would miss of a JPEG, besides its first picture.

    That is a video, a gain map, a depth map, a second view. A preview, which most cameras append, is
    none. `directory` is the MPF block.
    """
    behind = memoryview(data)[_end_of_picture(data) :]
    stated = xmp.left_out(found.xmp)
    named = {what for what in stated if what not in _BEHIND or behind}
    named |= {what for what, first in _FIRST_BYTES.items() if first.search(behind)}
    if directory and _has_second_view(directory):
        named.add("a second view")
    return [f"the file holds {what} besides the picture; left out" for what in sorted(named)]


def _end_of_picture(data: bytes) -> int:
    """Find the end of the first picture: that of the file if there is no end marker."""
    at = 2
    while at + 4 <= len(data) and data[at + 1] != jpeg_layout.START_OF_SCAN:
        (marker, length) = struct.unpack_from(">HH", data, at)
        fill = marker == 0xFFFF or marker >> 8 != 0xFF
        at += 1 if fill else 2 + length
    end = data.find(b"\xff\xd9", at)
    return len(data) if end < 0 else end + 2


def _has_second_view(directory: bytes) -> bool:
    """Return whether an MPF block announces a panorama, stereo or multi-view picture."""
    try:
        order = ifd.byte_order(directory)
        entries = ifd.first_directory(directory, order).fields.get(_MP_ENTRIES)
    except ifd.DamagedBlockError:
        return False
    listed = b"" if entries is None else ifd.read_bytes(directory, entries)
    kinds = (
        struct.unpack_from(order + "I", listed, at)[0] for at in range(0, len(listed) - 15, 16)
    )
    return any(kind >> 16 & 0xFF == _MULTI_VIEW for kind in kinds)


def split_packet(packet: bytes) -> tuple[bytes, bytes] | None:
    """Divide an XMP packet: what fits into a segment, and the segments of its extension.

    None if the packet is too long and cannot be divided.
    """
    parts = split(packet, LONGEST_XMP)
    if parts is None:
        return None
    return parts[0], b"" if parts[1] is None else _segments_of_extension(parts[1])


def _segments_of_extension(extension: bytes) -> bytes:
    """Split an extension into segments."""
    head, room = _EXTENSION + sum_of(extension), LONGEST_SEGMENT - _PART
    parts = (
        (struct.pack(">II", len(extension), at), extension[at : at + room])
        for at in range(0, len(extension), room)
    )
    return b"".join(make_segments(jpeg_layout.APP1, head + place, part) for place, part in parts)


def join_segments(segments: Iterable[tuple[str, bytes]], signature: bytes) -> bytes:
    """Join the contents of the segments with a signature, without the signature."""
    contents = (content for _, content in segments if content.startswith(signature))
    return b"".join(content[len(signature) :] for content in contents)


def make_segments(marker: int, signature: bytes, content: bytes) -> bytes:
    """Split content into as many segments as needed, each with the signature."""
    room = LONGEST_SEGMENT - len(signature)
    parts = (signature + content[at : at + room] for at in range(0, max(len(content), 1), room))
    return b"".join(struct.pack(">BBH", 0xFF, marker, 2 + len(part)) + part for part in parts)

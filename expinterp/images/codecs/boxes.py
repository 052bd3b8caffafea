"""Boxes of AVIF, JPEG 2000 and JPEG XL, and properties of the picture that a reader of AVIF shows.

A file may hold other pictures, such as a gain map. Boxes have a length, a type and a content. Those of
the metadata list properties, and which of them belong to which picture; the primary one is shown.

Source: ISO/IEC 14496-12 (boxes), 23008-12 (items and properties, section 9.3); AV1 Image File Format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_WITHOUT_LENGTH = 8  # bytes of the head of a box
_REACH = 1 << 24  # bytes of a file that hold the metadata


def colours_of_primary(data: bytes) -> tuple[int, int] | None:
    """Read the code points of primaries and transfer of the primary picture; None if not stated.

    Source: ITU-T H.273 for the code points.
    """
    for kind, content in _properties_of_primary(data):
        if kind == b"colr" and content[:4] == b"nclx" and len(content) >= 8:
            primaries, transfer = struct.unpack_from(">HH", content, 4)
            return primaries, transfer
    return None


def size_of_primary(data: bytes) -> tuple[int, int]:
    """Read columns and rows of the primary picture; 0, 0 if not stated."""
    for kind, content in _properties_of_primary(data):
        if kind == b"ispe" and len(content) >= 12:
            cols, rows = struct.unpack_from(">II", content, 4)
            return cols, rows
    return 0, 0


def depth_of_primary(data: bytes) -> int:
    """Read the bits per channel of the primary picture; 8 if not stated."""
    for kind, content in _properties_of_primary(data):
        if kind == b"pixi" and len(content) > 5:
            return content[5]
    return 8


def _properties_of_primary(data: bytes) -> list[tuple[bytes, bytes]]:
    """List type and content of the properties of the primary picture; none if damaged."""
    try:
        meta = dict(boxes_of(data[:_REACH]))[b"meta"][4:]
        parts = dict(boxes_of(meta))
        version, item = parts[b"pitm"][0], parts[b"pitm"][4:]
        primary = int.from_bytes(item[: 4 if version else 2], "big")
        properties = dict(boxes_of(parts[b"iprp"]))
        listed = list(boxes_of(properties[b"ipco"]))
        numbers = dict(_associations(properties[b"ipma"]))[primary]
    except (KeyError, IndexError, struct.error):
        return []
    return [listed[number - 1] for number in numbers if 0 < number <= len(listed)]


def boxes_of(data: bytes, *, whole: bool = False) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of the boxes one after another.

    Raises
    ------
    EOFError
        If `whole` and the last box is cut off; otherwise what is left of it is yielded.
    """
    at = 0
    while at + _WITHOUT_LENGTH <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        head = _WITHOUT_LENGTH
        if length == 1:  # a length of 64 bits follows
            (length,), head = struct.unpack_from(">Q", data, at + head), 16
        stop = at + length if length else len(data)  # 0: up to the end
        if whole and stop > len(data):
            raise EOFError
        if stop < at + head:
            return
        yield kind, data[at + head : stop]
        at = stop


def _associations(content: bytes) -> Iterator[tuple[int, list[int]]]:
    """Yield the pictures of a box ``ipma`` with the numbers of their properties, from 1."""
    version, wide = content[0], content[3] & 1
    (count,) = struct.unpack_from(">I", content, 4)
    at = 8
    for _ in range(count):
        layout = ">IB" if version else ">HB"
        item, several = struct.unpack_from(layout, content, at)
        at += struct.calcsize(layout)
        code = "H" if wide else "B"
        numbers = struct.unpack_from(f">{several}{code}", content, at)
        at += struct.calcsize(f">{several}{code}")
        # the highest bit says that the property is essential
        yield item, [number & (0x7FFF if wide else 0x7F) for number in numbers]

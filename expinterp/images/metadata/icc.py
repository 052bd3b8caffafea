"""Reading colour profiles.

Source of tags: ICC.1:2022.
"""

from __future__ import annotations

import struct


def profile_space(icc: bytes | None) -> str:
    """Read the colour space of a profile: ``RGB``, ``GRAY``, ``CMYK``; empty without a profile."""
    return "" if icc is None else icc[16:20].decode("latin-1").strip()


def profile_name(icc: bytes | None) -> str:
    """Read the description of a colour profile, for messages.

    Examples
    --------
    >>> profile_name(None)
    'no profile'
    """
    if icc is None:
        return "no profile"
    try:
        name = _profile_description(icc)
    except (struct.error, UnicodeDecodeError):
        name = ""
    return name.strip("\0 \t\r\n") or "unnamed profile"


def _profile_description(icc: bytes) -> str:
    """Read the tag ``desc`` of a profile: text in version 2, UTF-16 in version 4."""
    value = tag_value(icc, b"desc")
    if value[:4] == b"desc":
        (length,) = struct.unpack_from(">I", value, 8)
        return value[12 : 12 + length].decode("latin-1")
    if value[:4] == b"mluc":
        length, offset = struct.unpack_from(">II", value, 20)
        return value[offset : offset + length].decode("utf-16-be")
    return ""


def profile_transfer(icc: bytes | None) -> int:
    """Read the transfer characteristics (ITU-T H.273) of a profile; 0 if not stated."""
    try:
        value = tag_value(icc or b"", b"cicp")
    except struct.error:
        return 0
    return value[9] if len(value) >= 12 else 0


def read_numbers(icc: bytes, tag: bytes) -> list[float]:
    """Read a tag of numbers with 16 bits after the point; empty if it is missing or damaged."""
    try:
        value = tag_value(icc, tag)
    except struct.error:
        return []
    count = len(value[8:]) // 4 if value[:4] in {b"XYZ ", b"sf32"} else 0
    return (
        [number / 65_536 for number in struct.unpack_from(f">{count}i", value, 8)] if count else []
    )


def tag_value(icc: bytes, wanted: bytes) -> bytes:
    """Return the value of a tag of a profile; empty if it is missing."""
    (count,) = struct.unpack_from(">I", icc, 128)
    for entry in range(min(count, 100)):
        tag, start, size = struct.unpack_from(">4sII", icc, 132 + 12 * entry)
        if tag == wanted:
            return icc[start : start + size]
    return b""

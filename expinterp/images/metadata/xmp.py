"""Changing what an XMP packet states.

By patterns over bytes: a property is written either as name="value" or as <name>value</name>, and
a packet in which none of them occurs stays byte-identical.

Source of names: XMP specification part 2, Exif schema CIPA DC-010.
"""

from __future__ import annotations

import hashlib
import re


def _with_value(xmp: bytes, name: bytes, value: bytes) -> bytes:
    """Replace the value of a simple property wherever it is stated."""
    pattern = rb"(\b%s\s*=\s*[\"'])[^\"'<>]*|(<%s>)[^<]*" % (name, name)
    return re.sub(pattern, lambda found: (found[1] or found[2]) + value, xmp)


def _without(xmp: bytes, name: bytes) -> bytes:
    """Remove a property, simple or structured, wherever it is stated."""
    xmp = re.sub(rb"\s%s\s*=\s*(\"[^\"<>]*\"|'[^'<>]*')" % name, b"", xmp)
    # Behind the last closing tag a search would run to the end of the packet from every opening one.
    last = xmp.rfind(b"</%s>" % name) + len(name) + 3
    pattern = rb"<%s(\s[^<>]*(?<!/))?>.*?</%s>\s*" % (name, name)
    return re.sub(pattern, b"", xmp[:last], flags=re.DOTALL) + xmp[last:]


def fit(xmp: bytes | None, rows: int, cols: int) -> bytes | None:
    """Make an XMP packet true for upright pixels without thumbnails or second images."""
    if xmp is None:
        return None
    for name, value in {
        b"tiff:Orientation": 1,
        b"tiff:ImageWidth": cols,
        b"tiff:ImageLength": rows,
        b"exif:PixelXDimension": cols,
        b"exif:PixelYDimension": rows,
    }.items():
        xmp = _with_value(xmp, name, b"%d" % value)
    for name in (b"xmp:Thumbnails", b"xap:Thumbnails"):
        xmp = _without(xmp, name)
    for name in (b"hdrgm:Version", b"Container:Directory", b"GContainer:Directory"):
        xmp = _without(xmp, name)  # a gain map that is not there any more
    return xmp


def announce(xmp: bytes | None, extension: bytes | None) -> bytes | None:
    """State the sum of the extension of a packet that has one, or that it has none."""
    if xmp is None:
        return None
    if extension is None:
        return _without(xmp, b"xmpNote:HasExtendedXMP")
    return _with_value(xmp, b"xmpNote:HasExtendedXMP", sum_of_extension(extension))


def state_time(xmp: bytes | None, fraction: tuple[int, int] | None) -> bytes | None:
    """Set the exposure time in an XMP packet that states one, or remove it."""
    if xmp is None:
        return None
    xmp = _without(xmp, b"exif:ShutterSpeedValue")
    if fraction is None:
        return _without(xmp, b"exif:ExposureTime")
    return _with_value(xmp, b"exif:ExposureTime", b"%d/%d" % fraction)


def sum_of_extension(extension: bytes) -> bytes:
    """Compute the name of an extension: its MD5 sum."""
    return hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()

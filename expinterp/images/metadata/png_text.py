"""The chunks of a PNG besides pixels, profile, EXIF and XMP: colours, text, private chunks.

Chunks of colours, and those that the specification calls safe to copy, are copied. The others
depend on the old pixels.

Source: PNG specification, third edition (W3C 2025), 11.3; code points of cICP: ITU-T H.273.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence

from expinterp.images.formats import FORMATS
from expinterp.images.photograph import Extra

_COLOURS = (b"cICP", b"sRGB", b"gAMA", b"cHRM")  # the first one present counts; iCCP comes second
_TEXT = {b"tEXt", b"zTXt", b"iTXt"}
_RAW_PROFILE = b"Raw profile type"  # EXIF and IPTC as stored by ImageMagick
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


def extras_of_png(chunks: Sequence[tuple[bytes, memoryview]]) -> tuple[Extra, ...]:
    """Return the chunks of colours, text, and those safe to copy; name all others."""
    colours: dict[bytes, bytes] = {}
    groups: dict[str, list[bytes]] = {}
    for kind, chunk in chunks:
        if kind in _COLOURS:
            colours.setdefault(kind, bytes(chunk))
        elif kind not in _HANDLED:
            raw = kind in _TEXT and bytes(chunk[8:-4]).startswith(_RAW_PROFILE)
            what = "text" if kind in _TEXT else f"chunk {kind!r}"
            group = groups.setdefault("raw profile in text" if raw else what, [])
            group += [] if raw or not kind[3] & _SAFE_TO_COPY else [bytes(chunk)]
    extras = [
        Extra(name, {"png": b"".join(group)} if group else {}) for name, group in groups.items()
    ]
    return (*extras, *_extras_of_colours(colours, [kind for kind, _ in chunks]))


def _extras_of_colours(
    colours: Mapping[bytes, bytes], kinds: Collection[bytes]
) -> tuple[Extra, ...]:
    """Keep the chunks of colours; other formats lose them, unless they mean the default."""
    if not colours:
        return ()
    names = ", ".join(kind.decode() for kind in colours)
    elsewhere = {} if _are_unusual(colours, kinds) else dict.fromkeys(FORMATS, b"")
    stored = {**elsewhere, "png": b"".join(colours.values())}
    return (Extra(f"meaning of its colours ({names})", stored),)


def _are_unusual(colours: Mapping[bytes, bytes], kinds: Collection[bytes]) -> bool:
    """Return whether colours differ from the profile, or, without a profile, from sRGB."""
    if b"cICP" not in colours and (b"iCCP" in kinds or b"sRGB" in colours):
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

"""The chunks of a PNG beside pixels, profile, EXIF and XMP: colours, text, what others put there.

Those that the specification calls safe to copy are copied as they are, and those that state
colours; the others depend on pixels that are not there any more.

Source: PNG specification, third edition (W3C 2025), 11.3; code points of cICP: ITU-T H.273.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping, Sequence

from expinterp.images.formats import FORMATS
from expinterp.images.photograph import Extra

_COLOURS = (b"cICP", b"sRGB", b"gAMA", b"cHRM")  # the first that is there counts; iCCP comes second
_TEXT = {b"tEXt", b"zTXt", b"iTXt"}
_RAW_PROFILE = b"Raw profile type"  # how ImageMagick stores EXIF and IPTC: as they were
# Chunks that are read elsewhere, or describe how the file stored its pixels, and when.
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
_METRE = 0.0254  # of an inch


def extras_of_png(chunks: Sequence[tuple[bytes, memoryview]]) -> tuple[Extra, ...]:
    """Take colours, text and what else is safe to copy, chunk by chunk; name all the others."""
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
    """Keep the chunks that state colours; other formats miss them if they are not the usual ones."""
    if not colours:
        return ()
    names = ", ".join(kind.decode() for kind in colours)
    elsewhere = {} if _are_unusual(colours, kinds) else dict.fromkeys(FORMATS, b"")
    stored = {**elsewhere, "png": b"".join(colours.values())}
    return (Extra(f"meaning of its colours ({names})", stored),)


def _are_unusual(colours: Mapping[bytes, bytes], kinds: Collection[bytes]) -> bool:
    """Tell whether colours are neither those of the profile, nor sRGB, as is assumed without."""
    if b"cICP" not in colours and (b"iCCP" in kinds or b"sRGB" in colours):
        return False
    counts = [b"cICP"] if b"cICP" in colours else [b"gAMA", b"cHRM"]
    return any(colours[kind][8:-4] != _SRGB[kind] for kind in counts if kind in colours)


def read_density(chunk: bytes) -> tuple[float, float] | None:
    """Read pixels per inch from pHYs; None if it states a shape alone."""
    across, down, unit = struct.unpack(">IIB", chunk[:9].ljust(9, b"\0"))
    return (across * _METRE, down * _METRE) if unit == 1 and across and down else None


def density_content(density: tuple[float, float]) -> bytes:
    """Make the content of pHYs."""
    across, down = (min(round(value / _METRE), 2**31 - 1) for value in density)
    return struct.pack(">IIB", across, down, 1)

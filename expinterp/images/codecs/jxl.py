"""JPEG XL: pixels through imagecodecs, metadata from the boxes of the container.

imagecodecs (libjxl) turns the picture upright. It gives no colour profile: the meaning of the
colours is read from the header.

Source: ISO/IEC 18181-1 (codestream, annex D: image header) and 18181-2 (container).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from expinterp.errors import ImageFileError
from expinterp.images.codecs.depths import divide_by_alpha
from expinterp.images.limits import REMEDY, check_size, refuse_hdr
from expinterp.images.metadata.exif import exif_block
from expinterp.images.photograph import Decoded, Metadata, Pixels

if TYPE_CHECKING:
    from expinterp.core.encoding import Space

CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
CODESTREAM = b"\xff\x0a"
LOSSLESS_QUALITY = 100
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDES = ((1, 9), (1, 13), (1, 18), (1, 30))  # offset and number of bits, by selector
_ENUMS = ((0, 0), (1, 0), (2, 4), (18, 6))
_RGB, _LINEAR, _UNKNOWN, _KNOWN = 0, 8, 2, {1, 8, 13}
_PRIMARIES: dict[int, Space] = {1: "srgb", 9: "rec2020", 11: "display-p3"}
_LONGEST_BOX, _LARGEST_BLOCK = 1 << 26, 1 << 24  # bytes


@dataclass(frozen=True)
class Codestream:
    """What the codestream states."""

    cols: int  # as stored
    rows: int
    orientation: int = 1
    bits: int = 8
    floats: bool = False
    animated: bool = False
    premultiplied: bool = False
    profile: bool = False  # whether a colour profile is embedded, in which the pixels are
    primaries: int = 1
    transfer: int = 13


class _Bits:
    """Bits of a codestream, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "little"), 8 * len(data)

    def read(self, count: int = 1) -> int:
        self._left -= count
        if self._left < 0:
            message = f"truncated JPEG XL; {REMEDY}"
            raise ImageFileError(message)
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def choose(self, table: tuple[tuple[int, int], ...]) -> int:
        """Read one of four kinds of number, by a selector of two bits."""
        offset, count = table[self.read(2)]
        return offset + self.read(count)


def decode(stream: BinaryIO, max_pixels: int) -> Decoded:
    """Decode a JPEG XL to upright pixels of 8 or 16 bits.

    Raises
    ------
    ImageFileError
        If the picture is larger than `max_pixels`, HDR, or of a kind that is not read.
    Exception
        Any that imagecodecs raises on damage.
    """
    import imagecodecs

    data = stream.read()
    boxes = dict(_boxes(data))
    header = parse_header(_codestream(data, boxes))
    check_size(header.cols, header.rows, max_pixels)
    refuse_hdr(header.transfer)
    if b"jbrd" in boxes:  # a JPEG that was packed without loss
        from expinterp.images.codecs import pillow

        return pillow.decode(
            bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=2)), "jpeg", max_pixels
        )
    if header.floats and header.transfer != _LINEAR:
        message = "JPEG XL with floating-point values; save it with 8 or 16 bits"
        raise ImageFileError(message)
    pixels = imagecodecs.jpegxl_decode(data, index=0 if header.animated else None)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if header.premultiplied and pixels.shape[2] in {2, 4}:
        divide_by_alpha(pixels)
    warnings = ["the file is animated; only its first picture is read"] * header.animated
    icc = _profile(header, warnings)
    metadata = Metadata(exif=_exif(boxes), icc=icc, xmp=boxes.get(b"xml ") or None)
    if header.transfer != _LINEAR:
        return Decoded(pixels, metadata, warnings)
    from expinterp.images.developing.linear import from_light

    top = 1.0 if header.floats else np.iinfo(pixels.dtype).max
    return from_light((pixels / top).astype(np.float32), metadata, warnings)


def read_header(stream: BinaryIO) -> tuple[int, int, bytes | None, int]:
    """Read upright rows and columns, the EXIF block and the depth without decoding pixels."""
    data = stream.read()
    boxes = dict(_boxes(data))
    header = parse_header(_codestream(data, boxes))
    size = (header.rows, header.cols)
    rows, cols = size[::-1] if header.orientation >= 5 else size
    return rows, cols, _exif(boxes), 16 if header.bits > 8 else 8


def _exif(boxes: Mapping[bytes, bytes]) -> bytes | None:
    """Return the EXIF block of the container; its box begins with the offset of the block."""
    box = boxes.get(b"Exif", b"")
    return exif_block(box[4 + int.from_bytes(box[:4], "big") :])


def encode(pixels: Pixels, stream: BinaryIO, *, metadata: Metadata, quality: int) -> None:
    """Write a JPEG XL of 8 bits, sRGB, with EXIF and XMP; without loss at quality 100.

    imagecodecs would mark 16 bits as linear light, and embeds no profile.
    """
    import imagecodecs

    lossless = quality >= LOSSLESS_QUALITY
    data = imagecodecs.jpegxl_encode(
        np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels),
        level=quality,
        lossless=lossless,
        effort=4,
        usecontainer=True,
    )
    stream.write(data)
    offset = bytes(4)  # of the EXIF block within its box
    boxes = {b"Exif": metadata.exif and offset + metadata.exif, b"xml ": metadata.xmp}
    for name, content in boxes.items():
        if content:
            stream.write(struct.pack(">I4s", 8 + len(content), name) + content)


def parse_header(codestream: bytes) -> Codestream:
    """Read size, orientation, depth and colours from the beginning of a codestream."""
    if codestream[:2] != CODESTREAM:
        message = f"damaged JPEG XL (it has no codestream); {REMEDY}"
        raise ImageFileError(message)
    bits = _Bits(codestream[2:512])
    cols, rows = _read_size(bits)
    if bits.read():
        return Codestream(cols, rows)
    orientation, animated = 1, False
    if bits.read():
        orientation = 1 + bits.read(3)
        if bits.read():
            _read_size(bits)
        if bits.read():
            message = "JPEG XL with a preview picture; save it without"
            raise ImageFileError(message)
        if animated := bool(bits.read()):
            _skip_animation(bits)
    floats, depth = _read_depth(bits)
    bits.read()  # whether 16 bits suffice for buffers
    associated = [
        _read_extra_channel(bits) for _ in range(bits.choose(((0, 0), (1, 0), (2, 4), (1, 12))))
    ]
    by_eye = bool(bits.read())  # XYB: decoded to the stated space, or sRGB in place of a profile
    profile, primaries, transfer = _read_colours(bits)
    return Codestream(cols, rows, orientation, depth, floats, animated, any(associated),
                  profile and not by_eye, primaries, transfer)  # fmt: skip


def _read_size(bits: _Bits) -> tuple[int, int]:
    """Read columns and rows."""
    small = bits.read()

    def side() -> int:
        return 8 * (1 + bits.read(5)) if small else bits.choose(_SIDES)

    rows = side()
    ratio = bits.read(3)
    if not ratio:
        return side(), rows
    above, below = _RATIOS[ratio - 1]
    return rows * above // below, rows


def _skip_animation(bits: _Bits) -> None:
    bits.choose(((100, 0), (1000, 0), (1, 10), (1, 30)))
    bits.choose(((1, 0), (1001, 0), (1, 8), (1, 10)))
    bits.choose(((0, 0), (0, 3), (0, 16), (0, 32)))
    bits.read()


def _read_depth(bits: _Bits) -> tuple[bool, int]:
    """Read whether samples are floats, and their bits."""
    if not bits.read():
        return False, bits.choose(((8, 0), (10, 0), (12, 0), (1, 6)))
    depth = bits.choose(((32, 0), (16, 0), (24, 0), (1, 6)))
    bits.read(4)
    return True, depth


def _read_extra_channel(bits: _Bits) -> bool:
    """Read a further channel; return whether it is opacity that is multiplied into the colours."""
    if bits.read():
        return False
    kind = bits.choose(_ENUMS)
    _read_depth(bits)
    bits.choose(((0, 0), (3, 0), (4, 0), (1, 3)))
    bits.read(8 * bits.choose(((0, 0), (0, 4), (16, 5), (48, 10))))
    if kind == 0:
        return bool(bits.read())
    if kind == 2:
        bits.read(64)
    elif kind == 5:
        bits.choose(((1, 0), (0, 2), (3, 4), (19, 8)))
    return False


def _read_colours(bits: _Bits) -> tuple[bool, int, int]:
    """Read whether a profile is embedded, and the code points of primaries and transfer."""
    if bits.read():
        return False, 1, 13
    profile, space = bool(bits.read()), bits.choose(_ENUMS)
    if profile:
        return True, 1, 13
    number = ((0, 19), (524_288, 19), (1_048_576, 20), (2_097_152, 21))
    if bits.choose(_ENUMS) == 2:  # a white point of its own
        bits.choose(number)
        bits.choose(number)
    primaries = bits.choose(_ENUMS) if space == _RGB else 1
    if primaries == 2:
        for _ in range(6):
            bits.choose(number)
    if bits.read():
        bits.read(24)
        return False, primaries, _UNKNOWN
    return False, primaries, bits.choose(_ENUMS)


def _profile(header: Codestream, warnings: list[str]) -> bytes | None:
    """Return the profile of stated colours; warn where their meaning is lost."""
    space = _PRIMARIES.get(header.primaries)
    if header.profile or space is None or header.transfer not in _KNOWN:
        warnings.append("the colours of the JPEG XL are of a space that is not read; taken as sRGB")
        return None
    if space == "srgb":
        return None
    from expinterp.images.developing.profiles import icc_profile

    return icc_profile(space)


def _codestream(data: bytes, boxes: dict[bytes, bytes]) -> bytes:
    """Return the beginning of the codestream, with or without a container."""
    if not data.startswith(CONTAINER):
        return data[:512]
    return boxes.get(b"jxlc") or boxes.get(b"jxlp", b"")[4:]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes of a container, unpacked; of the parts of a codestream only the first."""
    import imagecodecs

    at, seen = 0 if data.startswith(CONTAINER) else len(data), set[bytes]()
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        first = at + 8
        if size == 1 and at + 16 <= len(data):
            (size,) = struct.unpack_from(">Q", data, first)
            first += 8
        end = len(data) if size == 0 else at + size
        if end <= at or end > len(data):
            message = f"truncated JPEG XL; {REMEDY}"
            raise ImageFileError(message)
        content = data[first : min(end, first + _LONGEST_BOX)]
        if name == b"brob":
            name, content = content[:4], b""
            if name in {b"Exif", b"xml "}:
                content = bytes(
                    imagecodecs.brotli_decode(data[first + 4 : end], out=_LARGEST_BLOCK)
                )
        if name not in seen:
            seen.add(name)
            yield name, content
        at = end

"""JPEG XL: pixels through imagecodecs, metadata from the boxes of the container.

imagecodecs (libjxl) turns the picture upright. It gives no colour profile: the meaning of the
colours is read from the header.

Source: ISO/IEC 18181-2 (container).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from expinterp.errors import ImageFileError
from expinterp.images.codecs.boxes import boxes_of
from expinterp.images.codecs.depths import divide_by_alpha
from expinterp.images.codecs.jxl.colours import colours_of_profile, profile_of_colours
from expinterp.images.codecs.jxl.header import LINEAR, LONGEST, Colours, parse_header, with_colours
from expinterp.images.limits import REMEDY, check_content, check_size, refuse_hdr
from expinterp.images.metadata.exif import exif_block
from expinterp.images.photograph import Decoded, Metadata, Pixels

CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
LOSSLESS_QUALITY = 100
_LONGEST_BOX, _LARGEST_BLOCK = 1 << 26, 1 << 24  # bytes
_WIDE = (1 << 32) - 16  # bytes from which on the length of a box takes 64 bits


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
    boxes = _boxes(data)
    header = parse_header(_codestream(data, boxes))
    check_size(header.cols, header.rows, max_pixels)
    check_content(header.cols, header.rows, len(data), None, "JPEG XL")
    refuse_hdr(header.colours.transfer)
    if b"jbrd" in boxes:  # a JPEG that was packed without loss
        from expinterp.images.codecs import pillow

        return pillow.decode(
            bytes(imagecodecs.jpegxl_decode_jpeg(data, numthreads=2)), "jpeg", max_pixels
        )
    if header.floats and header.colours.transfer != LINEAR:
        message = "JPEG XL with floating-point values; save it with 8 or 16 bits"
        raise ImageFileError(message)
    pixels = imagecodecs.jpegxl_decode(data, index=0 if header.animated else None)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if header.premultiplied and pixels.shape[2] in {2, 4}:
        divide_by_alpha(pixels)
    warnings = ["the file is animated; only its first picture is read"] * header.animated
    icc, known = profile_of_colours(header.colours)
    if not known:
        warnings.append("the colours of the JPEG XL are of a space that is not read; taken as sRGB")
    metadata = Metadata(exif=_exif(boxes), icc=icc, xmp=boxes.get(b"xml ") or None)
    if header.colours.transfer != LINEAR:
        return Decoded(pixels, metadata, warnings)
    from expinterp.images.developing.linear import from_light

    top = 1.0 if header.floats else np.iinfo(pixels.dtype).max
    light = (pixels / top).astype(np.float32)
    return from_light(light, metadata, warnings, primaries=header.colours.primaries)


def read_header(stream: BinaryIO) -> tuple[int, int, bytes | None, int]:
    """Read upright rows and columns, the EXIF block and the depth without decoding pixels."""
    data = stream.read()
    boxes = _boxes(data)
    header = parse_header(_codestream(data, boxes))
    size = (header.rows, header.cols)
    rows, cols = size[::-1] if header.orientation >= 5 else size
    return rows, cols, _exif(boxes), 16 if header.bits > 8 else 8


def _exif(boxes: Mapping[bytes, bytes]) -> bytes | None:
    """Return the EXIF block of the container; its box begins with the offset of the block."""
    box = boxes.get(b"Exif", b"")
    return exif_block(box[4 + int.from_bytes(box[:4], "big") :])


def encode(pixels: Pixels, stream: BinaryIO, *, metadata: Metadata, quality: int) -> None:
    """Write a JPEG XL with EXIF and XMP: without loss at quality 100, with 16 bits or a profile.

    imagecodecs marks 8 bits as sRGB, and 16 as linear light; other colours are stated afterwards.

    Raises
    ------
    ImageFileError
        If libjxl writes another header than expected.
    """
    import imagecodecs

    grey = pixels.shape[2] <= 2
    colours = colours_of_profile(metadata.icc, grey=grey) or Colours(grey=grey)
    restated = pixels.dtype == np.uint16 or colours != Colours(grey=grey)
    lossless = restated or quality >= LOSSLESS_QUALITY
    data = imagecodecs.jpegxl_encode(
        np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels),
        level=quality,
        lossless=lossless,
        effort=3 if lossless else 4,
        usecontainer=True,
    )
    for name, content in boxes_of(bytes(data)):
        changed = with_colours(content, colours) if restated and name == b"jxlc" else content
        stream.write(_box(name, changed))
    offset = bytes(4)  # of the EXIF block within its box
    for name, block in (
        (b"Exif", metadata.exif and offset + metadata.exif),
        (b"xml ", metadata.xmp),
    ):
        if block:
            stream.write(_box(name, block))


def _box(name: bytes, content: bytes) -> bytes:
    if len(content) < _WIDE:
        return struct.pack(">I4s", 8 + len(content), name) + content
    return struct.pack(">I4sQ", 1, name, 16 + len(content)) + content


def _codestream(data: bytes, boxes: dict[bytes, bytes]) -> bytes:
    """Return the beginning of the codestream, with or without a container."""
    if not data.startswith(CONTAINER):
        return data[:LONGEST]
    return boxes.get(b"jxlc") or boxes.get(b"jxlp", b"")[4:]


def _boxes(data: bytes) -> dict[bytes, bytes]:
    """Return the boxes of a container, unpacked; of the parts of a codestream only the first."""
    found: dict[bytes, bytes] = {}
    if not data.startswith(CONTAINER):
        return found
    try:
        for name, content in boxes_of(data, whole=True):
            packed = name == b"brob"
            found.setdefault(*_unpacked(content) if packed else (name, content[:_LONGEST_BOX]))
    except (EOFError, struct.error):
        message = f"truncated JPEG XL; {REMEDY}"
        raise ImageFileError(message) from None
    return found


def _unpacked(content: bytes) -> tuple[bytes, bytes]:
    """Return type and content of a box that Brotli packed; other content than metadata stays out."""
    import imagecodecs

    name, packed = content[:4], content[4:]
    if name not in {b"Exif", b"xml "}:
        return name, b""
    return name, bytes(imagecodecs.brotli_decode(packed, out=_LARGEST_BLOCK))

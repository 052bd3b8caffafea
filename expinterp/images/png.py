"""PNG through OpenCV, the only core library that keeps 16-bit colour; its chunks by ourselves.

Chunks carry the profile (iCCP), EXIF (eXIf) and XMP (iTXt). Reading them needs no library, and
writing them ourselves works with every version of OpenCV. Source: PNG specification, third edition.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from expinterp.errors import ImageFileError
from expinterp.images.limits import check_size
from expinterp.images.metadata import exif_block
from expinterp.images.orientation import row_blocks
from expinterp.images.photograph import Decoded, Metadata, Pixels

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AFTER_HEADER = len(_SIGNATURE) + 12 + 13  # where the first chunk after IHDR begins
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
_LONGEST_PROFILE = 1 << 26  # bytes a compressed profile may unfold to
_GREY, _COLOUR, _PALETTE, _GREY_ALPHA, _COLOUR_ALPHA = 0, 2, 3, 4, 6
COMPRESSION = 1  # zlib level


@dataclass(frozen=True)
class Header:
    """IHDR, and whether transparency comes in a tRNS chunk."""

    cols: int
    rows: int
    depth: int
    colour: int
    transparency: bool

    @property
    def grey(self) -> bool:
        """Whether all pixels are grey by kind."""
        return self.colour in {_GREY, _GREY_ALPHA}

    @property
    def alpha(self) -> bool:
        """Whether there is opacity, as a channel or a chunk."""
        return self.colour in {_GREY_ALPHA, _COLOUR_ALPHA} or self.transparency


def chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Walk the chunks of a PNG, checking each sum.

    Yields
    ------
    bytes
        Type.
    memoryview
        Content.

    Raises
    ------
    ImageFileError
        If a chunk is cut off or its sum is wrong.
    """
    view = memoryview(data)
    at = len(_SIGNATURE)
    kind = b""
    while kind != b"IEND":
        if at + 12 > len(data):
            message = "truncated PNG; copy it anew from where it came"
            raise ImageFileError(message)
        length, kind = struct.unpack_from(">I4s", data, at)
        stop = at + 8 + length
        if stop + 4 > len(data):
            message = "truncated PNG; copy it anew from where it came"
            raise ImageFileError(message)
        if zlib.crc32(view[at + 4 : stop]) != int.from_bytes(view[stop : stop + 4], "big"):
            message = f"damaged PNG (wrong sum in chunk {kind!r}); copy it anew from where it came"
            raise ImageFileError(message)
        yield kind, view[at + 8 : stop]
        at = stop + 4


def decode(data: bytes, max_pixels: int) -> Decoded:
    """Decode a PNG of 1 to 16 bits; pixels as stored, not turned.

    Raises
    ------
    ImageFileError
        If it is damaged or larger than `max_pixels`.
    """
    found: dict[bytes, memoryview] = {}
    for kind, content in chunks(data):
        if kind != b"iTXt" or bytes(content[: len(_XMP_KEYWORD)]) == _XMP_KEYWORD:
            found.setdefault(kind, content)
    cols, rows, depth, colour = struct.unpack_from(">IIBB", found[b"IHDR"])
    header = Header(cols, rows, depth, colour, b"tRNS" in found)
    check_size(cols, rows, max_pixels)
    stored = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.shape[:2] != (rows, cols):
        message = "damaged PNG; copy it anew from where it came"
        raise ImageFileError(message)
    remarks = ["the file is animated; only its first picture is read"] if b"acTL" in found else []
    return Decoded(_arrange(stored, header), _metadata(found), remarks)


def _arrange(stored: Pixels, header: Header) -> Pixels:
    """Bring OpenCV's channels into our order and number: grey or R G B, then alpha."""
    if stored.ndim == 2:
        return stored[..., np.newaxis]
    rows, cols, channels = stored.shape
    if header.grey:
        kept = [0, channels - 1] if header.alpha and channels in {2, 4} else [0]
        return np.ascontiguousarray(stored[..., kept])
    code = cv2.COLOR_BGRA2RGBA if channels == 4 else cv2.COLOR_BGR2RGB
    for part in row_blocks(rows, stored[:1].nbytes):
        stored[part] = cv2.cvtColor(stored[part], code)
    return stored


def _metadata(found: dict[bytes, memoryview]) -> Metadata:
    """Take profile, EXIF and XMP from the chunks; a damaged profile counts as none."""
    icc = exif = xmp = None
    if b"iCCP" in found:
        content = bytes(found[b"iCCP"]).split(b"\0", 1)[-1][1:]
        icc = zlib.decompressobj().decompress(content, _LONGEST_PROFILE)
    if b"eXIf" in found:
        exif = exif_block(bytes(found[b"eXIf"]))
    if b"iTXt" in found:
        xmp = _text(bytes(found[b"iTXt"])[len(_XMP_KEYWORD) :])
    return Metadata(exif, icc or None, xmp or None)


def _text(content: bytes) -> bytes:
    """Take the text of an iTXt chunk, after its keyword; compressed or not."""
    compressed = content[:1] == b"\1"
    text = content[2:].split(b"\0", 2)[-1]
    return zlib.decompressobj().decompress(text, _LONGEST_PROFILE) if compressed else text


def encode(pixels: Pixels, stream: BinaryIO, *, metadata: Metadata) -> None:
    """Write a PNG of 8 or 16 bits to a stream.

    Parameters
    ----------
    pixels : uint8 or uint16 array, shape (rows, cols, channels)
        1, 3 or 4 channels.
    stream : binary file
        Open for writing.
    metadata : Metadata
        True for `pixels` already.
    """
    codes = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    channels = pixels.shape[2]
    swapped = cv2.cvtColor(pixels, codes[channels]) if channels in codes else pixels
    _, encoded = cv2.imencode(".png", swapped, [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION])
    del swapped
    view = memoryview(encoded).cast("B")
    stream.write(view[:_AFTER_HEADER])
    stream.write(_metadata_chunks(metadata))
    stream.write(view[_AFTER_HEADER:])


def _metadata_chunks(metadata: Metadata) -> bytes:
    """Build the chunks of the metadata; iCCP has to stand before the pixels."""
    built = b""
    if metadata.icc:
        built += _chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc))
    if metadata.exif:
        built += _chunk(b"eXIf", metadata.exif)
    if metadata.xmp:
        built += _chunk(b"iTXt", _XMP_KEYWORD + bytes(4) + metadata.xmp)
    return built


def _chunk(kind: bytes, content: bytes) -> bytes:
    """Build one chunk: length, type, content, sum."""
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


Bytes = NDArray[np.uint8]

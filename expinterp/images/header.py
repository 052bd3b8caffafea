"""Reading the header of a file without decoding pixels: format, size and EXIF block.

Few bytes are read: the segments of a JPEG up to its frame header, the chunks of a PNG or WebP
except those of the pixels, the directories of a TIFF.

Source: ITU-T T.81, annex B; PNG specification, third edition; WebP container specification;
TIFF 6.0.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from io import SEEK_CUR, SEEK_END
from pathlib import Path
from typing import BinaryIO

from expinterp.errors import ImageFileError
from expinterp.files import open_source
from expinterp.images import jpeg_layout
from expinterp.images.formats import ALL_FORMATS, detect_format
from expinterp.images.limits import REMEDY, damage_reported
from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.exif import EXIF_PREFIX, exif_block
from expinterp.images.metadata.jpeg_metadata import XMP_SIGNATURE
from expinterp.images.metadata.png_text import TEXT_OR_EXIF, blocks_of_png
from expinterp.images.metadata.tiff_exif import bytes_of_tiff, exif_of_tiff
from expinterp.images.metadata.xmp import LONGEST_PACKET
from expinterp.images.raw_kinds import is_raw

_LONGEST_BLOCK = 1 << 26  # bytes of an EXIF block; a longer one is damaged
_LONGEST_CONTAINER = 1 << 32  # bytes of a HEIC or JPEG XL, which is read whole
_MOST_TEXTS = 1000  # chunks of a PNG that are looked at
_CUT_OFF = f"the header is cut off or damaged; {REMEDY}"


@dataclass(frozen=True)
class Header:
    r"""What a header states about a file.

    Attributes
    ----------
    format : str
        A format of `expinterp.images.formats`, from the content and not the suffix.
    rows, cols : int
        As stored, not rotated upright; HEIC and JPEG XL state them upright.
    exif : bytes or None
        A TIFF block, without the ``Exif\0\0`` prefix.
    xmp : bytes or None
        The XMP packet, in a JPEG without its extension.
    depth : {8, 16}
        Bits per channel of the decoded pixels.
    """

    format: str
    rows: int
    cols: int
    exif: bytes | None
    depth: int
    xmp: bytes | None = None


def read_header(path: str | Path) -> Header:
    """Read the header of an image file; its pixels may still be damaged.

    Raises
    ------
    ImageFileError
        If the file is missing, unreadable, empty, cut off within its header, or of no format that is
        read; one line with the name and a remedy.
    """
    with open_source(path) as stream:
        form, _ = detect_format(stream, str(path))
        with damage_reported(str(path), ALL_FORMATS[form].name):
            return read_header_of(stream, form)


def read_header_of(stream: BinaryIO, form: str) -> Header:
    """Read the header of an open file whose format is known.

    Raises
    ------
    ImageFileError
        If it is cut off.
    Exception
        Any that a damaged header raises.
    """
    return _READERS[form](stream)


def _read_jpeg(stream: BinaryIO) -> Header:
    """Read the segments up to the frame header; EXIF comes before it."""
    stream.seek(2)
    exif = xmp = None
    for _ in range(jpeg_layout.MOST_SEGMENTS):
        marker, length = _next_segment(stream)
        if marker in jpeg_layout.FRAMES:
            bits, rows, cols = struct.unpack(">BHH", stream.read(5))
            return replace(_with_size("jpeg", rows, cols, exif, bits), xmp=xmp)
        if marker == jpeg_layout.APP1:
            content = stream.read(length)
            if content.startswith(EXIF_PREFIX):
                exif = exif or exif_block(content)
            elif content.startswith(XMP_SIGNATURE):
                xmp = content[len(XMP_SIGNATURE) :]  # the last, as Pillow reads it
        else:
            stream.seek(length, SEEK_CUR)
    raise ImageFileError(_CUT_OFF)


def _next_segment(stream: BinaryIO) -> tuple[int, int]:
    """Read the marker of the next JPEG segment and the length of its content.

    What lies between two segments is skipped, as decoders do.
    """
    before = b""
    for _ in range(jpeg_layout.MOST_SKIPPED):
        byte = stream.read(1)
        marked, before = before == b"\xff", byte
        if not byte or (marked and byte[0] in {jpeg_layout.START_OF_SCAN, jpeg_layout.END}):
            break
        if not marked or byte[0] in {0, 0xFF, *jpeg_layout.ALONE}:
            continue
        (length,) = struct.unpack(">H", stream.read(2))
        if length < 2:
            break
        return byte[0], length - 2
    raise ImageFileError(_CUT_OFF)


def _read_png(stream: BinaryIO) -> Header:
    """Read the chunks but those of the pixels; EXIF, also as text, may come after these."""
    cols = rows = bits = 0
    chunks: list[tuple[bytes, memoryview]] = []
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IHDR":
            cols, rows, bits = struct.unpack(">IIB", stream.read(9))
            length -= 9
        elif kind in TEXT_OR_EXIF and length <= _LONGEST_BLOCK and len(chunks) < _MOST_TEXTS:
            content, total = stream.read(length), stream.read(4)
            if zlib.crc32(kind + content) == int.from_bytes(total, "big"):
                chunks.append((kind, memoryview(head + content + total)))
            continue
        elif kind == b"IEND" or not kind.isalpha():  # zeros without end
            break
        stream.seek(length + 4, SEEK_CUR)
    found, _ = blocks_of_png(chunks)
    return replace(_with_size("png", rows, cols, found.exif, bits), xmp=found.xmp)


def _read_webp(stream: BinaryIO) -> Header:
    """Read the chunks of the container; EXIF comes last."""
    rows = cols = 0
    exif = xmp = None
    for kind, length in _webp_chunks(stream):
        if kind == b"VP8X":
            content = stream.read(10)
            cols = 1 + int.from_bytes(content[4:7], "little")
            rows = 1 + int.from_bytes(content[7:10], "little")
        elif kind == b"VP8 " and not cols:
            content = stream.read(10)
            cols, rows = (part & 0x3FFF for part in struct.unpack("<HH", content[6:10]))
        elif kind == b"VP8L" and not cols:
            bits = int.from_bytes(stream.read(5)[1:], "little")
            cols, rows = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        elif kind == b"EXIF" and length <= _LONGEST_BLOCK:
            exif = exif_block(stream.read(length))
        elif kind == b"XMP " and length <= LONGEST_PACKET:
            xmp = stream.read(length)
    return replace(_with_size("webp", rows, cols, exif), xmp=xmp)


def _webp_chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield the type and length of each chunk, with the stream at its content."""
    at = 12
    stream.seek(at)
    while len(head := stream.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        if not kind.strip().isalnum():  # zeros without end
            return
        yield kind, length
        at += 8 + length + length % 2
        stream.seek(at)


def _read_tiff(stream: BinaryIO) -> Header:
    """Read the first directory and collect the EXIF block."""
    if not stream.seek(0, SEEK_END):
        return _with_size("tiff", 0, 0, None)
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as block:
        if is_raw(block):
            return _read_raw(stream)
        order = ifd.byte_order(block)
        first = ifd.first_directory(block, order).fields
        wanted = (tags.IMAGE_LENGTH, tags.IMAGE_WIDTH, tags.BITS_PER_SAMPLE)
        rows, cols, bits = (int(ifd.read_number(block, order, first, tag) or 0) for tag in wanted)
        try:
            exif = exif_of_tiff(block)
        except ifd.DamagedBlockError:
            exif = None
        xmp = bytes_of_tiff(block, tags.XMP_PACKET)
    return replace(_with_size("tiff", rows, cols, exif, bits), xmp=xmp)


def _read_by_pillow(stream: BinaryIO, form: str) -> Header:
    """Let Pillow read the header; in the container of AVIF size and EXIF are ordinary items."""
    from expinterp.images.codecs.pillow import open_picture

    stream.seek(0)
    image = open_picture(stream, form)
    cols, rows = image.size
    exif, bits = exif_block(image.info.get("exif")), getattr(image, "bits", 8)
    header = _with_size(form, rows, cols, exif, bits)
    return replace(header, xmp=image.info.get("xmp"))


def _read_raw(stream: BinaryIO) -> Header:
    """Let LibRaw read the header."""
    from expinterp.images.developing import raw

    stream.seek(0)
    rows, cols, exif = raw.read_header(stream)
    return _with_size("raw", rows, cols, exif, 16)


def _read_light(stream: BinaryIO, form: str) -> Header:
    """Read the header of a picture in linear light, or of a PPM."""
    from expinterp.images.codecs import netpbm
    from expinterp.images.developing import linear, openexr

    stream.seek(0)
    if form == "exr":
        return _with_size(form, *openexr.read_header(stream), 16)
    read_size = linear.read_size if form == "hdr" else netpbm.read_size
    rows, cols, bits = read_size(stream.read(1 << 16))
    return _with_size(form, rows, cols, None, bits)


def _read_container(stream: BinaryIO, form: str) -> Header:
    """Read the header of a HEIC, JPEG XL or JPEG 2000."""
    from expinterp.images.codecs import heif, jpeg2000, jxl

    if stream.seek(0, SEEK_END) > _LONGEST_CONTAINER:
        message = "is longer than 4 GiB; save it with fewer pixels, or as a TIFF"
        raise ImageFileError(message)
    stream.seek(0)
    codec = {"heif": heif, "jxl": jxl, "jpeg2000": jpeg2000}[form]
    rows, cols, exif, bits = codec.read_header(stream)
    return _with_size(form, rows, cols, exif, bits)


def _with_size(form: str, rows: int, cols: int, exif: bytes | None, bits: int = 8) -> Header:
    """Build a header; refuse one without pixels."""
    if rows < 1 or cols < 1:
        raise ImageFileError(_CUT_OFF)
    return Header(form, rows, cols, exif, 16 if bits > 8 else 8)


_READERS: dict[str, Callable[[BinaryIO], Header]] = {
    "jpeg": _read_jpeg,
    "png": _read_png,
    "webp": _read_webp,
    "tiff": _read_tiff,
    "raw": _read_raw,
    **{form: partial(_read_by_pillow, form=form) for form in ("avif", "bmp", "tga")},
    **{form: partial(_read_container, form=form) for form in ("heif", "jxl", "jpeg2000")},
    **{form: partial(_read_light, form=form) for form in ("exr", "hdr", "pfm", "netpbm")},
}

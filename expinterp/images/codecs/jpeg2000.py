"""JPEG 2000 through imagecodecs (OpenJPEG), as a JP2 file or a bare codestream.

OpenJPEG gets the codestream only: it would convert colours by the profile that is embedded, and
leave it out. The boxes around it state colours, opacity, EXIF and XMP.

Source: ISO/IEC 15444-1, annexes A.5.1 (size) and I (boxes); ExifTool's documentation of JPEG 2000
for the box of EXIF.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from expinterp.errors import ImageFileError
from expinterp.images.codecs.boxes import boxes_of
from expinterp.images.codecs.depths import divide_by_alpha, stretch
from expinterp.images.developing.silence import quiet_stderr
from expinterp.images.limits import REMEDY, check_content, check_size
from expinterp.images.metadata.exif import exif_block, read_orientation
from expinterp.images.orientation import make_upright
from expinterp.images.photograph import Decoded, Metadata

_CODESTREAM = b"\xff\x4f\xff\x51"
_EXIF, _XMP = b"JpgTiffExif->JP2", bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_SRGB, _GREY = 16, 17  # colours by number; others, as CMYK and YCC, are not read
_BY_NUMBER, _BY_PROFILE = 1, 2
_COLOUR, _OPACITY, _PREMULTIPLIED = 0, {1, 2}, 2  # kinds of channels
_PIXELS_PER_BYTE = 2048  # an empty block of 64 x 64 takes a few bits


@dataclass
class _File:
    """What the boxes and the header of the codestream state."""

    stream: bytes = b""  # the codestream
    rows: int = 0
    cols: int = 0
    channels: list[tuple[int, ...]] = field(default_factory=list)  # depth, steps across and down
    boxes: dict[bytes, bytes] = field(default_factory=dict)  # of the header
    exif: bytes | None = None
    xmp: bytes | None = None


def decode(stream: BinaryIO, max_pixels: int) -> Decoded:
    """Decode a JPEG 2000 of 1 to 16 bits to upright pixels.

    Raises
    ------
    ImageFileError
        If the picture is larger than `max_pixels`, or not grey or R G B.
    Exception
        Any that imagecodecs raises on damage.
    """
    import imagecodecs

    data = stream.read()
    file = _parse(data)
    check_size(file.cols, file.rows, max_pixels)
    check_content(file.cols, file.rows, len(data), _PIXELS_PER_BYTE, "JPEG 2000")
    icc = _check_colours(file)
    with quiet_stderr():
        stored = imagecodecs.jpeg2k_decode(file.stream)
    pixels = stretch(stored.reshape(file.rows, file.cols, -1), 2 ** (file.channels[0][0] + 1) - 1)
    if any(kind == _PREMULTIPLIED for _, kind, _ in _meanings(file)):
        divide_by_alpha(pixels)
    orientation = read_orientation(file.exif, file.xmp)
    return Decoded(make_upright(pixels, orientation), Metadata(file.exif, icc, file.xmp))


def read_header(stream: BinaryIO) -> tuple[int, int, bytes | None, int]:
    """Read rows, columns, EXIF block and bits without decoding pixels."""
    file = _parse(stream.read())
    return file.rows, file.cols, file.exif, 1 + max(channel[0] & 127 for channel in file.channels)


def _parse(data: bytes) -> _File:
    """Find the codestream and its size, and the metadata around it."""
    file = _File()
    bare = [(b"jp2c", data)] if data.startswith(_CODESTREAM) else boxes_of(data)
    for kind, content in bare:
        if kind == b"jp2c" and not file.stream:
            file.stream = content
        elif kind == b"jp2h":
            file.boxes = dict(boxes_of(content))
        elif kind == b"uuid" and content.startswith(_EXIF):
            file.exif = exif_block(content[16:])
        elif kind == b"uuid" and content.startswith(_XMP):
            file.xmp = content[16:]
    if len(file.stream) < 42:
        message = f"truncated JPEG 2000; {REMEDY}"
        raise ImageFileError(message)
    right, below, left, above = struct.unpack_from(">4I", file.stream, 8)
    file.rows, file.cols = below - above, right - left
    (count,) = struct.unpack_from(">H", file.stream, 40)
    file.channels = list(struct.iter_unpack("3B", file.stream[42 : 42 + 3 * count]))
    if not 1 <= count == len(file.channels):
        message = f"damaged JPEG 2000 (its header is cut off); {REMEDY}"
        raise ImageFileError(message)
    return file


def _check_colours(file: _File) -> bytes | None:
    """Refuse what is not grey or R G B of one depth; return the colour profile."""
    count = len(file.channels)
    colours = file.boxes.get(b"colr", b"\1\0\0" + struct.pack(">I", _SRGB if count > 2 else _GREY))
    number = int.from_bytes(colours[3:7], "big") if colours[0] == _BY_NUMBER else _SRGB
    if number not in {_SRGB, _GREY} or b"pclr" in file.boxes:
        message = "JPEG 2000 with a palette, CMYK or YCC; save it as RGB or grey"
        raise ImageFileError(message)
    if count > 4 or len({*file.channels}) > 1 or file.channels[0][0] > 15:
        message = (
            "JPEG 2000 whose channels have different sizes or depths, are signed, above 16 bits, "
        )
        raise ImageFileError(message + "or more than four; save it as RGB or grey")
    for channel, kind, colour in _meanings(file):
        last = channel == count - 1 and count in {2, 4}
        if not (colour == channel + 1 if kind == _COLOUR else last and kind in _OPACITY):
            message = (
                "JPEG 2000 with channels in another order than R, G, B and opacity; save it as PNG"
            )
            raise ImageFileError(message)
    return colours[3:] if colours[0] == _BY_PROFILE else None


def _meanings(file: _File) -> list[tuple[int, ...]]:
    """List for each channel its number, its kind, and for a colour which one it is, from 1."""
    stated = file.boxes.get(b"cdef", b"")[2:]
    return list(struct.iter_unpack(">3H", stated[: len(stated) // 6 * 6]))

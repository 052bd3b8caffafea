"""Writing TIFF: an EXIF block is a TIFF without a picture; `encode` adds the picture.

The file begins with the unchanged block, so that every offset and maker note stays in its place. A
new first directory repeats the fields of the block and adds those of the pixels. Only strips of
pixels are held in memory. They are stored uncompressed: for a noisy 24 MP picture in 16 bits, the
fastest deflate with a difference filter saved 1/8 of the size and took 3.9 s; writing all of it
takes 0.2 s.

Source: TIFF 6.0 (Adobe 1992).
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from expinterp.errors import OutputError
from expinterp.images.formats import is_raw_head
from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.exif import read_resolution
from expinterp.images.metadata.exif_edit import density_fields
from expinterp.images.metadata.iptc import separate_iptc
from expinterp.images.metadata.tiff_exif import IPTC, RESOURCES, descriptive_records, exif_of_tiff
from expinterp.images.photograph import Metadata

_UNCOMPRESSED, _BLACK_IS_ZERO, _RGB, _STRAIGHT = 1, 1, 2, 2  # values of the tags
_FLOAT = 3  # value of SampleFormat
_HEAD = 64  # bytes that show a raw file
_STRIP_BYTES = 1 << 20
_LARGEST_FILE = 2**32 - 1  # offsets have 32 bits


def encode(pixels: NDArray[Any], stream: BinaryIO, *, metadata: Metadata) -> None:
    """Write an uncompressed TIFF of 8 or 16 bits, or of floats, to a stream, as `png.encode` writes a PNG.

    Raises
    ------
    OutputError
        If the file would exceed 4 GiB.
    """
    if pixels.nbytes > _LARGEST_FILE - (1 << 26):
        message = "a TIFF cannot exceed 4 GiB; write 8 bits per channel, or scale the picture down"
        raise OutputError(message)
    rows_per_strip = max(1, _STRIP_BYTES // pixels[:1].nbytes)
    head, order = _head(pixels, metadata, rows_per_strip)
    stream.write(head)
    stored_type = pixels.dtype.newbyteorder(order)
    for first in range(0, len(pixels), rows_per_strip):
        strip = pixels[first : first + rows_per_strip]
        stream.write(np.ascontiguousarray(strip, stored_type).data)


def _head(pixels: NDArray[Any], metadata: Metadata, rows_per_strip: int) -> tuple[bytes, ifd.Order]:
    """Build all bytes before the first strip, in the byte order of the EXIF block."""
    exif = metadata.exif or ifd.EMPTY_BLOCK
    block = bytearray(
        (exif_of_tiff(exif) if is_raw_head(exif[:_HEAD]) else exif) or ifd.EMPTY_BLOCK
    )
    order, records = descriptive_records(bytes(block))
    rows, row_bytes = len(pixels), pixels[:1].nbytes
    heights = [min(rows_per_strip, rows - top) for top in range(0, rows, rows_per_strip)]
    sizes = [height * row_bytes for height in heights]
    for tag, (kind, values) in _structure(pixels, rows_per_strip, sizes).items():
        code = "H" if kind == ifd.SHORT else "I"
        value = struct.pack(f"{order}{len(values)}{code}", *values)
        records[tag] = ifd.make_record(block, order, tag, kind, value)
    if metadata.icc:
        records[tags.ICC_PROFILE] = ifd.make_record(
            block, order, tags.ICC_PROFILE, ifd.UNDEFINED, metadata.icc
        )
    if metadata.xmp:
        records[tags.XMP_PACKET] = ifd.make_record(
            block, order, tags.XMP_PACKET, ifd.BYTE, metadata.xmp
        )
    for tag, (kind, value) in _extra_fields(metadata, order).items():
        records[tag] = ifd.make_record(block, order, tag, kind, value)
    struct.pack_into(order + "I", block, 4, ifd.append_directory(block, order, records.values()))
    block += bytes(-len(block) % 16)
    _fill_offsets(block, order, sizes)
    return bytes(block), order


def _structure(
    pixels: NDArray[Any], rows_per_strip: int, sizes: list[int]
) -> dict[int, tuple[int, list[int]]]:
    """List the tags of the pixel layout."""
    rows, cols, channels = pixels.shape
    layout = {
        tags.IMAGE_WIDTH: (ifd.LONG, [cols]),
        tags.IMAGE_LENGTH: (ifd.LONG, [rows]),
        tags.BITS_PER_SAMPLE: (ifd.SHORT, [8 * pixels.itemsize] * channels),
        tags.COMPRESSION: (ifd.SHORT, [_UNCOMPRESSED]),
        tags.PHOTOMETRIC: (ifd.SHORT, [_RGB if channels >= 3 else _BLACK_IS_ZERO]),
        tags.STRIP_OFFSETS: (ifd.LONG, [0] * len(sizes)),  # set when the head is complete
        tags.ORIENTATION: (ifd.SHORT, [1]),
        tags.SAMPLES_PER_PIXEL: (ifd.SHORT, [channels]),
        tags.ROWS_PER_STRIP: (ifd.LONG, [rows_per_strip]),
        tags.STRIP_BYTE_COUNTS: (ifd.LONG, sizes),
        tags.PLANAR_CONFIGURATION: (ifd.SHORT, [1]),  # the channels of a pixel lie together
    }
    if channels in {2, 4}:
        layout[tags.EXTRA_SAMPLES] = (ifd.SHORT, [_STRAIGHT])
    if pixels.dtype.kind == "f":
        layout[tags.SAMPLE_FORMAT] = (ifd.SHORT, [_FLOAT] * channels)
    return layout


def _extra_fields(metadata: Metadata, order: ifd.Order) -> dict[int, tuple[int, bytes]]:
    """List the tags of IPTC fields and of the pixel density."""
    stored = b"".join(extra.stored.get("tiff", b"") for extra in metadata.extras)
    iptc, others = separate_iptc(stored)
    fields = {IPTC: (ifd.BYTE, iptc), RESOURCES: (ifd.BYTE, others)}
    if metadata.density is not None and read_resolution(metadata.exif) is None:
        fields |= density_fields(order, metadata.density)
    return {tag: field for tag, field in fields.items() if field[1]}


def _fill_offsets(block: bytearray, order: ifd.Order, sizes: list[int]) -> None:
    """Set the offsets of the strips, which follow the head one after another."""
    directory = ifd.follow_pointer(block, order, 4)
    starts = len(block) + np.concatenate([[0], np.cumsum(sizes[:-1], dtype=np.int64)])
    values = struct.pack(f"{order}{len(sizes)}I", *(int(start) for start in starts))
    field = directory.fields[tags.STRIP_OFFSETS]
    block[field.start : field.stop] = values

"""Encoding a JPEG in strips, several at a time.

After a restart marker the decoder starts anew, so a strip of blocks that was encoded alone can
follow another. All strips have the same tables; the header of the first one gets the height of the
picture, and the number of blocks between restarts. Imagecodecs encodes straight from arrays; the
segments of metadata are those that Pillow writes.

Source: ITU-T T.81, sections B.2.4.4 (restart interval) and F.1.1.5.1 (prediction after a restart).
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from expinterp.images import jpeg_layout
from expinterp.images.photograph import Pixels

_STRIP = 1 << 20  # pixels
_LONGEST = 65_535  # blocks between restarts


def encode(pixels: Pixels, *, quality: int, full_colour: bool, **metadata: Any) -> Iterator[bytes]:
    """Encode a baseline JPEG; yield its parts in order.

    Parameters
    ----------
    pixels : uint8 array, shape (rows, cols, 1 or 3)
    quality : int
        1..100.
    full_colour : bool
        Whether colour has full resolution (4:4:4), or half of it (4:2:0).
    **metadata
        For Pillow, as ``exif=``.
    """
    import imagecodecs

    from expinterp.core.parallel import map_threads, strips

    whole = full_colour or pixels.shape[2] == 1
    side, sampling = (8, "444") if whole else (16, "420")
    across = -(-pixels.shape[1] // side)  # blocks in a row of them
    down = max(1, min(_LONGEST // across, _STRIP // (across * side**2)))

    def encode_strip(rows: slice) -> bytes:
        strip = np.ascontiguousarray(pixels[rows])
        return bytes(imagecodecs.jpeg8_encode(strip, level=quality, subsampling=sampling))

    first, *others = map_threads(encode_strip, strips(len(pixels), down * side))
    yield _metadata_segments(**metadata)
    if not others:
        yield first[_find_tables(first) :]
        return
    yield from _with_restarts(first, rows=len(pixels), interval=across * down)
    for number, strip in enumerate(others):
        yield bytes([0xFF, 0xD0 + number % 8])
        yield strip[slice(*jpeg_layout.read_layout(strip).checks[0])]
    yield bytes([0xFF, jpeg_layout.END])


def _metadata_segments(**metadata: Any) -> bytes:
    """Return the start of a JPEG with metadata, up to its tables."""
    buffer = BytesIO()
    Image.new("L", (1, 1)).save(buffer, "JPEG", **metadata)
    data = buffer.getvalue()
    return data[: _find_tables(data)]


def _find_tables(data: bytes) -> int:
    """Return where the first segment of tables begins."""
    at = 2
    while data[at + 1] != jpeg_layout.TABLES:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def _with_restarts(strip: bytes, *, rows: int, interval: int) -> Iterator[bytes]:
    """Yield the first strip from its tables on, for a picture of `rows` with restarts."""
    layout = jpeg_layout.read_layout(strip)
    begin, end = layout.checks[0]
    scan = begin - 8 - 2 * layout.channels  # offset of the header of the scan
    head = bytearray(strip[:scan])
    head[layout.bits_at + 1 : layout.bits_at + 3] = rows.to_bytes(2, "big")
    yield bytes(head[_find_tables(strip) :]) + b"\xff\xdd\0\4" + interval.to_bytes(2, "big")
    yield strip[scan:end]

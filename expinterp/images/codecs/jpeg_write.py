"""Encoding a large JPEG in strips, several at a time.

After a restart marker the decoder starts anew, so a strip of blocks that was encoded alone can
follow another. All strips have the same tables; the header of the first one gets the height of the
picture, and the number of blocks between restarts.

Source: ITU-T T.81, sections B.2.4.4 (restart interval) and F.1.1.5.1 (prediction after a restart).
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from expinterp.images.codecs import jpeg_scan
from expinterp.images.photograph import Pixels

_STRIP = 1 << 21  # pixels
_LONGEST = 65_535  # blocks between restarts
_MODES = {1: "L", 3: "RGB"}
_END = b"\xff\xd9"


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
    from expinterp.core.parallel import map_threads, strips

    options = {"quality": quality, "subsampling": "4:4:4" if full_colour else "4:2:0"}
    side = 8 if full_colour or pixels.shape[2] == 1 else 16
    across = -(-pixels.shape[1] // side)  # blocks in a row of them
    down = max(1, min(_LONGEST // across, _STRIP // (across * side**2)))
    parts = strips(len(pixels), down * side)

    def encode_strip(rows: slice) -> bytes:
        return _encode(pixels[rows], **options, **(metadata if rows.start == 0 else {}))

    first, *others = map_threads(encode_strip, parts)
    if not others:
        yield first
        return
    yield _with_restarts(first, rows=len(pixels), interval=across * down)
    for number, strip in enumerate(others):
        yield bytes([0xFF, 0xD0 + number % 8])
        yield strip[slice(*jpeg_scan.read_layout(strip).checks[0])]
    yield _END


def _encode(pixels: Pixels, **options: Any) -> bytes:
    rows, cols, channels = pixels.shape
    mode, buffer = _MODES[channels], BytesIO()
    image = Image.frombuffer(mode, (cols, rows), np.ascontiguousarray(pixels), "raw", mode, 0, 1)
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def _with_restarts(strip: bytes, *, rows: int, interval: int) -> bytes:
    """Return the first strip without its end, for a picture of `rows` with a restart interval."""
    layout = jpeg_scan.read_layout(strip)
    begin, end = layout.checks[0]
    scan = begin - 8 - 2 * layout.channels  # offset of the header of the scan
    head = bytearray(strip[:scan])
    head[layout.bits_at + 1 : layout.bits_at + 3] = rows.to_bytes(2, "big")
    return bytes(head) + b"\xff\xdd\0\4" + interval.to_bytes(2, "big") + strip[scan:end]

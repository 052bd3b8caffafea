"""Strips and tiles of a TIFF: checked before they are decoded by tifffile and imagecodecs.

Each is decoded into a buffer of its announced size. What a small file can cost is thus bounded by
the size that its header announces.

Source: TIFF 6.0 (Adobe 1992); TIFF Technical Note 2 (JPEG).
"""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from expinterp.errors import ImageFileError
from expinterp.images.codecs import jpeg_scan
from expinterp.images.header import read_header_of
from expinterp.images.limits import REMEDY

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNCOMPRESSED, _JPEG, _WEBP = 1, 7, 50001
_FAX = {2, 3, 4}  # CCITT, for 1 bit
_DEFLATE = {8, 32946}
_LOSSLESS = {*_DEFLATE, 5, 32773, 34925, 50000}  # LZW, PackBits, LZMA, Zstandard
_DECODED = {_UNCOMPRESSED, *_FAX, *_LOSSLESS, _JPEG, _WEBP}
_NAMES = {
    6: "old-style JPEG", 34712: "JPEG 2000", 34887: "LERC", 50002: "JPEG XL", 52546: "JPEG XL",
    34933: "PNG", 34934: "JPEG XR", 22610: "JPEG XR", 32809: "ThunderScan", 32908: "PIXAR",
}  # fmt: skip
_COUNTS = {279, 325}  # tags: StripByteCounts, TileByteCounts
_TRUNCATED = f"truncated TIFF; {REMEDY}"
_LARGEST_TILE = 1 << 28  # bytes, where the picture itself is smaller


def decode_page(page: tifffile.TiffPage) -> NDArray[Any]:
    """Decode a page to (rows, cols, samples) as stored.

    Raises
    ------
    ImageFileError
        If its compression is not supported, or strips are missing, overlap or reach beyond the file.
    Exception
        Any that tifffile or imagecodecs raise on damage.
    """
    _check_codec(page)
    ends_early = _check_extent(page, page.parent.filehandle.size)
    separate, _, rows, cols, together = page.shaped
    try:
        stored = page.asarray() if page.is_contiguous else _assemble(page)
    except Exception as error:
        if not ends_early:
            raise
        raise ImageFileError(_TRUNCATED) from error
    stored = stored.reshape(separate, rows, cols, together)
    if separate == 1:
        whole: NDArray[Any] = stored[0]
        return whole
    return np.ascontiguousarray(np.moveaxis(stored[..., 0], 0, -1))


def _check_codec(page: tifffile.TiffPage) -> None:
    """Refuse a compression that is not decoded here, by its name."""
    code = int(page.compression)
    if code not in _DECODED or (code in _FAX and page.bitspersample != 1):
        name = _NAMES.get(code, getattr(page.compression, "name", f"number {code}"))
        message = f"TIFF with the compression {name}, which is not supported; save it with deflate"
        raise ImageFileError(message)


def _check_extent(page: tifffile.TiffPage, file_size: int) -> bool:
    """Refuse a page whose strips are missing or overlap; return whether one ends after the file.

    tifffile fills missing strips with zeros: a small file could make it fill gigabytes. Where all
    strips have no length, it is that of the pixels, or reaches to the next strip, as in libtiff.
    A strip that ends after the file may have a length that is too large; decoding it shows.
    """
    if page.rowsperstrip < 1 and not page.is_tiled:
        message = f"damaged TIFF (its strips have no rows); {REMEDY}"
        raise ImageFileError(message)
    announced = int(np.prod(page.chunked))
    offsets = page.dataoffsets[:announced]
    counts = page.databytecounts[:announced] if _COUNTS & {*page.tags.keys()} else ()
    if offsets and not any(counts):
        counts = _reckoned_counts(page, offsets, file_size)
    rest = [file_size - start for start in offsets]
    inside = tuple(min(pair) for pair in zip(counts, rest, strict=False))
    page.dataoffsets, page.databytecounts = offsets, inside
    separate, _, rows, _, _ = page.shaped
    needed = separate * rows * _row_bytes(page)
    short = page.compression == _UNCOMPRESSED and sum(inside) < needed
    if short or len(offsets) < announced or len(inside) < announced or min(inside) < 1:
        raise ImageFileError(_TRUNCATED)
    tile = int(np.prod(page.chunks)) * page.dtype.itemsize  # type: ignore[union-attr]
    if sum(inside) > 2 * file_size + page.nbytes or tile > max(page.nbytes, _LARGEST_TILE):
        message = f"damaged TIFF (its strips or tiles overlap, or are larger than it); {REMEDY}"
        raise ImageFileError(message)
    return inside != counts


def _reckoned_counts(
    page: tifffile.TiffPage, offsets: tuple[int, ...], file_size: int
) -> tuple[int, ...]:
    """Return the lengths of strips that state none."""
    if page.compression == _UNCOMPRESSED and not page.is_tiled:
        heights = (page.decode(None, index)[2][1] for index in range(len(offsets)))
        return tuple(height * _row_bytes(page) for height in heights)
    ends = np.append(np.unique(offsets), file_size)
    next_at = ends[np.searchsorted(ends[:-1], offsets, side="right")]
    return tuple((next_at - offsets).tolist())


def _row_bytes(page: tifffile.TiffPage) -> int:
    """Return the bytes of one row of one plane, uncompressed."""
    _, _, _, cols, together = page.shaped
    return (cols * together * page.bitspersample + 7) // 8


def _assemble(page: tifffile.TiffPage) -> NDArray[Any]:
    """Decode strips or tiles in two threads, and write each into its place of the picture."""
    separate, _, rows, cols, together = page.shaped
    picture = np.empty((separate, rows, cols, together), page.dtype)
    file, reading, decode = page.parent.filehandle, Lock(), page.decode

    def place(index: int) -> None:
        with reading:
            file.seek(page.dataoffsets[index])
            data = file.read(page.databytecounts[index])
        _, (plane, _, top, left, _), shape = decode(None, index)
        pixels = _decode_strip(page, data, index, shape)[0, : rows - top, : cols - left]
        picture[plane, top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels

    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(place, range(len(page.dataoffsets))):
            pass
    return picture


def _decode_strip(
    page: tifffile.TiffPage, data: bytes, index: int, shape: tuple[int, ...]
) -> NDArray[Any]:
    """Decode one strip or tile to (1, rows, cols, samples); what it holds beyond that is cut off."""
    if page.compression in {_JPEG, _WEBP}:
        _check_picture(page, data, shape)
    try:
        decoded = page.decode(data, index, jpegtables=page.jpegtables)[0]
    except Exception:
        size = int(np.prod(shape)) * page.bitspersample // 8
        if page.compression not in _DEFLATE or page.bitspersample < 8:
            raise
        stream = zlib.decompressobj()
        data = stream.decompress(data, size)
        if not stream.decompress(stream.unconsumed_tail, 1):  # no longer than the buffer
            raise
        decoded = page.decode(zlib.compress(data, 0), index)[0]
    assert decoded is not None  # there are data
    return decoded


def _check_picture(page: tifffile.TiffPage, data: bytes, shape: tuple[int, ...]) -> None:
    """Refuse a strip that is a JPEG or WebP with more pixels than the strip has room for."""
    form = "jpeg" if page.compression == _JPEG else "webp"
    header = read_header_of(BytesIO(data), form)
    rows = shape[1] if page.is_tiled else page.rowsperstrip  # the last strip may be padded
    if header.rows > rows or header.cols > shape[2]:
        message = f"damaged TIFF (a strip holds {header.cols} × {header.rows} pixels); {REMEDY}"
        raise ImageFileError(message)
    if form == "jpeg" and page.bitspersample == 8:
        jpeg_scan.check((page.jpegtables or b"")[:-2] + data[2 * bool(page.jpegtables) :])

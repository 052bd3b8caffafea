"""Reading TIFF through tifffile: every layout, uncompressed, deflate or PackBits.

`tiff_codecs` decodes other compressions. This module applies the orientation: tifffile ignores it,
OpenCV fails on it.

Source: TIFF 6.0 (Adobe 1992).
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import BytesIO, UnsupportedOperation
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import tifffile

from expinterp.errors import ImageFileError
from expinterp.images.codecs import tiff_codecs
from expinterp.images.limits import REMEDY, check_size
from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.iptc import extras_of_resources
from expinterp.images.metadata.tiff_exif import exif_of_tiff, resources_of_tiff
from expinterp.images.orientation import make_upright
from expinterp.images.photograph import Decoded, Extra, Metadata, Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_UNCOMPRESSED = 1
_OWN_CODECS = {_UNCOMPRESSED, 8, 32946, 32773}  # of tifffile: none, deflate twice, PackBits
_REDUCED = 1  # bit of NewSubfileType: a thumbnail
_PREMULTIPLIED = 1  # value of ExtraSamples: alpha, multiplied into the colours
_DNG_VERSION, _SUBFILE_TYPE = 50706, 254


def decode(stream: BinaryIO, max_pixels: int) -> Decoded:
    """Decode the first page of a TIFF to upright pixels.

    Raises
    ------
    ImageFileError
        If the page is cut off, larger than `max_pixels`, raw, or not a photograph.
    Exception
        Any that tifffile raises on damage.
    """
    with _quiet_tifffile(), tifffile.TiffFile(stream) as file:
        page = file.pages.first
        assert isinstance(page, tifffile.TiffPage)  # frames come only after the first page
        _check_page(page, max_pixels)
        _check_extent(page, file.filehandle.size)
        warnings: list[str] = []
        metadata = _read_metadata(stream, page, warnings)
        pixels = _as_rgb(_decode_page(page, stream), page, warnings)
        if page.photometric == _CMYK:
            pixels, metadata = _without_cmyk(pixels, metadata, warnings)
        return Decoded(
            make_upright(pixels, page.tags.valueof(tags.ORIENTATION)), metadata, warnings
        )


@contextmanager
def _quiet_tifffile() -> Iterator[None]:
    """Silence tifffile's log on damaged files; the handlers of a program stay."""
    logger, handler = logging.getLogger("tifffile"), logging.NullHandler()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _check_page(page: tifffile.TiffPage, max_pixels: int) -> None:
    """Refuse pages other than photographs of 1, 8 or 16 bits."""
    check_size(page.imagewidth, page.imagelength, max_pixels)
    if _DNG_VERSION in page.tags or page.is_reduced or int(page.photometric) > 32_000:
        message = "raw file, or its first page is a thumbnail; develop it to a 16-bit TIFF first"
        raise ImageFileError(message)
    if page.imagedepth != 1 or int(page.photometric) not in range(7) or page.photometric == 4:
        kind = getattr(page.photometric, "name", str(page.photometric)).lower()
        message = f"TIFF with {kind} data; save it as RGB or grey"
        raise ImageFileError(message)
    if page.photometric == _YCBCR and page.compression in _OWN_CODECS:
        message = "TIFF with ycbcr data outside a JPEG stream; save it as RGB or grey"
        raise ImageFileError(message)
    bits, whole = page.bitspersample, page.sampleformat == 1
    two_colours = page.samplesperpixel == 1 and page.photometric in {_WHITE_IS_ZERO, _BLACK_IS_ZERO}
    if bits not in {1, 8, 16} or not whole or (bits == 1 and not two_colours):
        what = f"{bits}-bit" if whole else "floating-point or signed"
        message = f"TIFF with {what} values; save it with 8 or 16 bits per channel"
        raise ImageFileError(message)
    base = {_RGB: 3, _YCBCR: 3, _CMYK: 4}.get(int(page.photometric), 1)
    if not base <= page.samplesperpixel <= base + 1:
        message = f"TIFF with {page.samplesperpixel} channels; save it as grey, RGB or RGBA"
        raise ImageFileError(message)


def _check_extent(page: tifffile.TiffPage, file_size: int) -> None:
    """Refuse a page whose strips are missing, empty, or reach beyond the end of the file.

    tifffile fills missing strips with zeros: a small file could make it fill gigabytes.
    """
    offsets, counts = page.dataoffsets, page.databytecounts
    announced = int(np.prod(page.chunked)) if page.is_tiled else len(offsets)
    whole = page.compression == _UNCOMPRESSED and page.bitspersample > 1
    short = whole and sum(counts) < page.nbytes
    missing = not offsets or len(offsets) < announced or not all(counts)
    beyond = any(start + size > file_size for start, size in zip(offsets, counts, strict=False))
    if short or missing or beyond or len(offsets) != len(counts):
        message = f"truncated TIFF; {REMEDY}"
        raise ImageFileError(message)


def _decode_page(page: tifffile.TiffPage, stream: BinaryIO) -> NDArray[Any]:
    """Decode to (rows, cols, samples)."""
    rows, cols, samples = page.imagelength, page.imagewidth, page.samplesperpixel
    if int(page.compression) not in _OWN_CODECS:
        return tiff_codecs.decode_page(page, stream)
    stored: NDArray[Any] = page.asarray(maxworkers=2)
    if page.planarconfig == 2 and samples > 1:
        return np.ascontiguousarray(np.moveaxis(stored.reshape(samples, rows, cols), 0, -1))
    return stored.reshape(rows, cols, samples)


def _as_rgb(stored: NDArray[Any], page: tifffile.TiffPage, warnings: list[str]) -> Pixels:
    """Convert samples to code values where 0 is black: grey, R G B; CMYK stays."""
    if stored.dtype == np.bool_ or page.bitspersample == 1:
        stored = stored.astype(np.uint8) * np.uint8(255)
    if page.photometric == _WHITE_IS_ZERO:
        stored[..., 0] = np.iinfo(stored.dtype).max - stored[..., 0]
    if page.photometric == _PALETTE:
        return _from_palette(stored, page)
    base = 1 if page.photometric in {_WHITE_IS_ZERO, _BLACK_IS_ZERO} else 3
    premultiplied = bool(page.extrasamples) and page.extrasamples[0] == _PREMULTIPLIED
    if premultiplied and stored.shape[2] == base + 1:
        _divide_by_alpha(stored)
        warnings.append("the colours were multiplied by alpha; divided again")
    return stored


def _from_palette(stored: NDArray[Any], page: tifffile.TiffPage) -> Pixels:
    """Look up palette colours; the upper 8 of their 16 bits are kept."""
    table = (np.asarray(page.colormap) >> 8).astype(np.uint8).T
    return np.ascontiguousarray(table[stored[..., 0]])


def _divide_by_alpha(stored: NDArray[Any]) -> None:
    """Divide colours by alpha, in place; where alpha is 0 they stay."""
    top = np.iinfo(stored.dtype).max
    for row in stored:
        alpha = np.maximum(row[:, -1:], 1).astype(np.float64)
        straight = np.rint(row[:, :-1] * (top / alpha))
        row[:, :-1] = np.where(row[:, -1:] > 0, np.minimum(straight, top), row[:, :-1])


def _without_cmyk(
    pixels: Pixels, metadata: Metadata, warnings: list[str]
) -> tuple[Pixels, Metadata]:
    """Convert an 8-bit CMYK page in the same way as a CMYK JPEG."""
    from PIL import Image

    from expinterp.images.codecs.pillow import convert_cmyk

    if pixels.dtype != np.uint8 or pixels.shape[2] != 4:
        message = "TIFF with 16-bit CMYK or extra channels; save it as RGB"
        raise ImageFileError(message)
    size = (pixels.shape[1], pixels.shape[0])
    image = Image.frombuffer("CMYK", size, pixels, "raw", "CMYK", 0, 1)
    image, metadata, warning = convert_cmyk(image, metadata)
    warnings.append(warning)
    return np.array(image), metadata


def _read_metadata(stream: BinaryIO, page: tifffile.TiffPage, warnings: list[str]) -> Metadata:
    """Read profile, XMP, EXIF and IPTC from the directory of a page."""
    icc, xmp = (_tag_bytes(page, tag) for tag in (tags.ICC_PROFILE, tags.XMP_PACKET))
    exif, extras = None, tuple[Extra, ...]()
    with _mapped(stream) as block:
        try:
            exif, resources = exif_of_tiff(block), resources_of_tiff(block)
        except ifd.DamagedBlockError as error:
            warnings.append(f"the EXIF fields cannot be read ({error}) and are left out")
        else:
            extras = extras_of_resources(resources)
            warnings += _warn_of_more_pages(block)
    return Metadata(exif, icc, xmp, extras=extras)


def _tag_bytes(page: tifffile.TiffPage, tag: int) -> bytes | None:
    """Read a tag whose value is bytes."""
    value = page.tags.valueof(tag)
    return value if isinstance(value, bytes) else None


def _mapped(stream: BinaryIO) -> AbstractContextManager[ifd.Block]:
    """Map a file into memory, or read it if that is not possible."""
    if isinstance(stream, BytesIO):
        return nullcontext(stream.getvalue())
    try:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (UnsupportedOperation, OSError):
        stream.seek(0)
        return nullcontext(stream.read())


def _warn_of_more_pages(block: ifd.Block) -> list[str]:
    """Warn of a second directory that is damaged, or is a page and not a thumbnail."""
    order = ifd.byte_order(block)
    try:
        first = ifd.follow_pointer(block, order, ifd.FIRST_POINTER)
        start = ifd.read_offset(block, order, first.next_at)
        second = ifd.read_directory(block, order, start).fields if start else {}
    except ifd.DamagedBlockError as error:
        return [f"the part after the first page cannot be read ({error}) and is left out"]
    reduced = int(ifd.read_number(block, order, second, _SUBFILE_TYPE) or 0) & _REDUCED
    if not start or reduced:
        return []
    return ["the TIFF has several pages; only the first is read"]

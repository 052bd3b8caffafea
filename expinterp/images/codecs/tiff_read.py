"""Reading TIFF through tifffile: what a page holds, and what its channels mean.

`tiff_strips` decodes them. This module applies the orientation, which tifffile ignores.

Source: TIFF 6.0 (Adobe 1992).
"""

from __future__ import annotations

import mmap
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO, UnsupportedOperation
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import tifffile

from expinterp.errors import ImageFileError
from expinterp.images.codecs import tiff_strips
from expinterp.images.codecs.depths import divide_by_alpha, stretch
from expinterp.images.limits import REMEDY, check_size
from expinterp.images.metadata import ifd, tags
from expinterp.images.metadata.exif import read_orientation
from expinterp.images.metadata.iptc import extras_of_resources
from expinterp.images.metadata.tiff_exif import bytes_of_tiff, exif_of_tiff, resources_of_tiff
from expinterp.images.orientation import make_upright
from expinterp.images.photograph import Decoded, Extra, Metadata, Pixels
from expinterp.images.raw_kinds import is_raw

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_BASE = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _YCBCR: 3, _CMYK: 4}  # colour channels
_JPEG = 7  # compression
_FLOAT = 3  # SampleFormat
_REDUCED = 1  # bit of NewSubfileType: a thumbnail
_PREMULTIPLIED, _STRAIGHT = 1, 2  # ExtraSamples: alpha, multiplied into the colours or not
_MOST_EXTRAS = 4
_SUBFILE_TYPE, _COLOUR_MAP = 254, 320


def decode(stream: BinaryIO, max_pixels: int) -> Decoded:
    """Decode the first page of a TIFF to upright pixels.

    Raises
    ------
    ImageFileError
        If the page is cut off, larger than `max_pixels`, raw, or not a photograph.
    Exception
        Any that tifffile raises on damage.
    """
    with _mapped(stream) as block, tifffile.TiffFile(stream) as file:
        page = file.pages.first
        assert isinstance(page, tifffile.TiffPage)  # frames come only after the first page
        _check_page(page, block, max_pixels)
        warnings: list[str] = []
        metadata = _read_metadata(block, warnings)
        pixels = _as_rgb(tiff_strips.decode_page(page), page, warnings)
        if page.photometric == _CMYK:
            pixels, metadata = _without_cmyk(pixels, metadata, warnings)
        upright = make_upright(pixels, read_orientation(metadata.exif, metadata.xmp))
        if upright.dtype.kind == "f":
            return _from_floats(upright, metadata, warnings)
        return Decoded(upright, metadata, warnings)


def _from_floats(values: NDArray[Any], metadata: Metadata, warnings: list[str]) -> Decoded:
    """Encode linear light; values with a profile of another curve are display-encoded."""
    from expinterp.images.developing import linear
    from expinterp.images.developing.profiles import has_linear_curve, read_primaries

    if metadata.icc is None or has_linear_curve(metadata.icc):
        primaries = read_primaries(metadata.icc)
        return linear.from_light(values, metadata, warnings, primaries=primaries)
    codes = np.clip(np.nan_to_num(values.astype(np.float64)), 0, 1) * 65_535
    if not (abs(values - 0.5) <= 0.501).all():
        warnings.append("values outside 0 to 1 are clipped")
    return Decoded(np.rint(codes).astype(np.uint16), metadata, warnings)


def _check_page(page: tifffile.TiffPage, block: ifd.Block, max_pixels: int) -> None:
    """Refuse pages other than photographs of 1 to 16 bits, or floats."""
    check_size(page.imagewidth, page.imagelength, max_pixels)
    if is_raw(block) or page.is_reduced:
        message = "raw file, or its first page is a thumbnail; develop it to a 16-bit TIFF first"
        raise ImageFileError(message)
    photometric = int(page.photometric)
    if page.imagedepth != 1 or photometric not in {*_BASE, _PALETTE}:
        kind = getattr(page.photometric, "name", f"unknown ({photometric})").lower()
        message = f"TIFF with {kind} data; save it as RGB or grey"
        raise ImageFileError(message)
    if photometric == _YCBCR and page.compression != _JPEG and page.is_subsampled:
        message = "TIFF with ycbcr data outside a JPEG stream; save it as RGB or grey"
        raise ImageFileError(message)
    bits, whole = page.bitspersample, page.sampleformat == 1
    if (
        page.sampleformat == _FLOAT
        and bits in {16, 32, 64}
        and photometric in {_BLACK_IS_ZERO, _RGB}
    ):
        whole, bits = True, 16
    if bits not in range(1, 17) or not whole or (bits == 1 < page.samplesperpixel):
        what = f"{bits}-bit" if whole else "floating-point or signed"
        message = f"TIFF with {what} values; save it with 8 or 16 bits per channel"
        raise ImageFileError(message)
    base = _BASE.get(photometric, 1)
    if not base <= page.samplesperpixel <= base + _MOST_EXTRAS:
        message = f"TIFF with {page.samplesperpixel} channels; save it as grey, RGB or RGBA"
        raise ImageFileError(message)


def _as_rgb(stored: NDArray[Any], page: tifffile.TiffPage, warnings: list[str]) -> Pixels:
    """Convert samples to code values where 0 is black: grey, R G B; CMYK stays; then alpha."""
    if stored.dtype.kind in "bu" and page.photometric != _PALETTE:
        stored = stretch(stored, 2**page.bitspersample - 1)
    stored, premultiplied = _without_extras(stored, page, warnings)
    if page.photometric == _WHITE_IS_ZERO:
        stored[..., 0] = np.iinfo(stored.dtype).max - stored[..., 0]
    if page.photometric == _PALETTE:
        return _from_palette(stored, page)
    if page.photometric == _YCBCR and page.compression != _JPEG:
        stored = _from_ycbcr(stored)
    if premultiplied:
        divide_by_alpha(stored)
        warnings.append("the colours were multiplied by alpha; divided again")
    return stored


def _without_extras(
    stored: NDArray[Any], page: tifffile.TiffPage, warnings: list[str]
) -> tuple[NDArray[Any], bool]:
    """Keep the colours and the opacity, the first extra channel of that meaning.

    Returns
    -------
    array, shape (rows, cols, channels)
    bool
        Whether the opacity is multiplied into the colours.
    """
    base = _BASE.get(int(page.photometric), 1)
    found = stored.shape[2] - base
    if not found:
        return stored, False
    # Without the tag, a single extra channel is opacity, as in libtiff.
    kinds = [*map(int, page.extrasamples)] or [_STRAIGHT] * (found == 1)
    kinds += [0] * (found - len(kinds))
    alpha = next((at for at, kind in enumerate(kinds) if kind in {_PREMULTIPLIED, _STRAIGHT}), None)
    left_out = found - (alpha is not None)
    if left_out:
        what = "a channel that is" if left_out == 1 else f"{left_out} channels that are"
        warnings.append(
            f"the file has {what} neither colour nor opacity (such as infrared); left out"
        )
    kept = [*range(base)] + ([] if alpha is None else [base + alpha])
    stored = stored if len(kept) == stored.shape[2] else np.ascontiguousarray(stored[..., kept])
    return stored, alpha is not None and kinds[alpha] == _PREMULTIPLIED


def _from_palette(stored: NDArray[Any], page: tifffile.TiffPage) -> Pixels:
    """Look up palette colours; alpha stays.

    Of the 16 bits of an entry the upper 8 are kept; where all are below 256, 8 bits were stored.
    """
    entries = np.asarray(page.tags.valueof(_COLOUR_MAP, ())).ravel()
    if entries.size != 3 << page.bitspersample:
        message = (
            f"damaged TIFF (its colour table has {entries.size} values, not "
            f"{3 << page.bitspersample}); {REMEDY}"
        )
        raise ImageFileError(message)
    table = (entries if entries.max() < 256 else entries >> 8).astype(np.uint8).reshape(3, -1).T
    colours = np.ascontiguousarray(table[stored[..., 0].astype(np.intp)])
    if stored.shape[2] == 1:
        return colours
    alpha = stretch(stored[..., 1:], 2**page.bitspersample - 1)
    return np.concatenate([colours, (alpha >> 8 * (alpha.itemsize - 1)).astype(np.uint8)], axis=2)


def _from_ycbcr(stored: NDArray[Any]) -> NDArray[Any]:
    """Convert Y'CbCr of 8 or 16 bits to R'G'B' in place, by ITU-R BT.601."""
    import cv2

    for row in stored:
        luma = row[np.newaxis, :, [0, 2, 1]]  # OpenCV has Cr before Cb
        row[:, :3] = cv2.cvtColor(luma, cv2.COLOR_YCrCb2RGB)[0]
    return stored


def _without_cmyk(
    pixels: Pixels, metadata: Metadata, warnings: list[str]
) -> tuple[Pixels, Metadata]:
    """Convert an 8-bit CMYK page in the same way as a CMYK JPEG; alpha stays."""
    from PIL import Image

    from expinterp.images.codecs.pillow import convert_cmyk

    if pixels.dtype != np.uint8:
        message = "TIFF with 16-bit CMYK; save it as RGB"
        raise ImageFileError(message)
    inks = np.ascontiguousarray(pixels[..., :4])
    image = Image.frombuffer("CMYK", inks.shape[1::-1], inks, "raw", "CMYK", 0, 1)
    image, metadata, warning = convert_cmyk(image, metadata)
    warnings.append(warning)
    return np.concatenate([np.asarray(image), pixels[..., 4:]], axis=2), metadata


def _read_metadata(block: ifd.Block, warnings: list[str]) -> Metadata:
    """Read profile, XMP, EXIF and IPTC from the directory of a page."""
    icc = xmp = exif = None
    extras = tuple[Extra, ...]()
    try:
        icc, xmp = (bytes_of_tiff(block, tag) for tag in (tags.ICC_PROFILE, tags.XMP_PACKET))
        exif, resources = exif_of_tiff(block), resources_of_tiff(block)
    except ifd.DamagedBlockError as error:
        warnings.append(f"the EXIF fields cannot be read ({error}) and are left out")
    else:
        extras = extras_of_resources(resources)
        warnings += _warn_of_more_pages(block)
    return Metadata(exif, icc, xmp, extras=extras)


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
        first = ifd.first_directory(block, order)
        start = ifd.read_offset(block, order, first.next_at)
        second = ifd.read_directory(block, order, start).fields if start else {}
    except ifd.DamagedBlockError as error:
        return [f"the part after the first page cannot be read ({error}) and is left out"]
    reduced = int(ifd.read_number(block, order, second, _SUBFILE_TYPE) or 0) & _REDUCED
    if not start or reduced:
        return []
    return ["the TIFF has several pages; only the first is read"]

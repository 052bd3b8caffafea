"""Photographs made small enough for a page: WebP within a number of bytes.

One picture is read at a time; JPEGs are decoded at a fraction of their size. The results are
upright, 8 bits, in sRGB, as a page shows them.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from expinterp.errors import ImageFileError
from expinterp.files import open_source
from expinterp.images import MAX_PIXELS, Pixels, read_photograph, to_depth
from expinterp.images.codecs.jpeg_scan import JpegFile
from expinterp.images.codecs.pillow import convert_cmyk
from expinterp.images.formats import sniff_format
from expinterp.images.limits import check_size, damage_reported
from expinterp.images.metadata.exif import exif_block, read_orientation
from expinterp.images.orientation import turn
from expinterp.images.photograph import Metadata

PAGE_BYTES = 48_000_000  # of pictures in a page, base64 included
BRACKET_BYTES = 600_000  # at most for one bracket, however few there are
THUMB_BYTES = 4_000
THUMB_SIDE = 240  # pixels; a strip shows them at about 160
LARGEST_SIDE = 1280
PIXELS_PER_BYTE = 24  # of a photograph as WebP, about, at the medium qualities below
QUALITIES = (75, 50, 30, 15)  # tried from the best down
SMALLEST_SIDE = 48
MASK_BYTES = 20_000  # of a mask in base64; most have below 1,500
MASK_SIDE = 1024  # pixels
BASE64 = 4 / 3


@dataclass(frozen=True)
class Sizes:
    """The largest size of each picture of a bracket.

    Attributes
    ----------
    thumb, view : int
        Bytes of a WebP file.
    """

    thumb: int
    view: int

    @property
    def side(self) -> int:
        """Longer side in pixels for which the bytes of a view suffice."""
        side = int((1.5 * PIXELS_PER_BYTE * self.view) ** 0.5)  # of a picture of 3:2
        return min(LARGEST_SIDE, max(SMALLEST_SIDE, side))


@dataclass(frozen=True)
class Encoded:
    """A WebP or PNG file and its size in pixels."""

    data: bytes
    cols: int
    rows: int
    form: Literal["webp", "png"] = "webp"


@dataclass(frozen=True)
class Picture:
    """A photograph as the page shows it.

    Attributes
    ----------
    thumb, view : Encoded
        For the strip, and for a closer look.
    histogram : int64 array, shape (256,)
        Luma (BT.601) of the view, before it was encoded.
    """

    thumb: Encoded
    view: Encoded
    histogram: NDArray[np.int64]


def share_out(brackets: int, pictures: int) -> Sizes:
    """Divide the bytes of a page among brackets of so many pictures each."""
    per_bracket = min(PAGE_BYTES / max(brackets, 1), BRACKET_BYTES)
    each = per_bracket / BASE64 / max(pictures, 1)
    thumb = int(min(THUMB_BYTES, each / 4))
    return Sizes(thumb, int(each) - thumb)


def make_picture(path: Path, sizes: Sizes) -> Picture:
    """Read a photograph and make it small.

    Raises
    ------
    ImageFileError
        If it does not exist, or cannot be read.
    """
    if not path.is_file():  # a pipe would never end
        message = f"{path}: not found; put it back where the batch read it"
        raise ImageFileError(message)
    small = read_small(path, max(sizes.side, THUMB_SIDE))
    luma = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    return Picture(
        thumb=encode(small, min(THUMB_SIDE, sizes.side), sizes.thumb),
        view=encode(small, sizes.side, sizes.view),
        histogram=np.bincount(luma.ravel(), minlength=256),
    )


def read_small(path: Path, side: int) -> Pixels:
    """Read a photograph so that its longer side has at most `side` pixels.

    Returns
    -------
    uint8 array, shape (rows, cols, 3)
        R G B, sRGB, upright.

    Raises
    ------
    ImageFileError
        If it cannot be read.
    """
    with open_source(path) as stream:
        if sniff_format(stream.read(64)) == "jpeg":
            with damage_reported(str(path), "JPEG"):
                stream.seek(0)
                return _read_small_jpeg(BytesIO(stream.read()), side)
    photograph = read_photograph(path)
    small = shrink(photograph.pixels, side)
    small = photograph.encoding.finish(small) if photograph.encoding else small
    return _to_srgb(to_depth(small, 8), photograph.metadata.icc)


def _read_small_jpeg(stream: BytesIO, side: int) -> Pixels:
    """Decode a JPEG at the smallest of 1/8, 1/4, 1/2 and 1 that leaves enough, then shrink it."""
    image = JpegFile(stream)
    check_size(*image.size, MAX_PIXELS)
    icc, exif = image.info.get("icc_profile"), exif_block(image.info.get("exif"))
    cols, rows = image.size
    scale = side / max(cols, rows)
    image.draft(None, (max(1, round(cols * scale)), max(1, round(rows * scale))))
    image.load()
    if image.mode == "CMYK":
        image, metadata, _ = convert_cmyk(image, Metadata(icc=icc))
        icc = metadata.icc
    pixels = np.asarray(image)
    upright = turn(
        pixels.reshape(*pixels.shape[:2], -1), read_orientation(exif, image.info.get("xmp"))
    )
    return _to_srgb(shrink(np.ascontiguousarray(upright), side), icc)


def shrink(pixels: Pixels, side: int) -> Pixels:
    """Average pixels over areas until the longer side has at most `side`; never enlarge."""
    rows, cols = pixels.shape[:2]
    scale = side / max(rows, cols)
    if scale >= 1:
        return pixels
    size = max(1, round(cols * scale)), max(1, round(rows * scale))
    return np.reshape(
        cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), (*size[::-1], pixels.shape[2])
    )


def _to_srgb(pixels: Pixels, icc: bytes | None) -> Pixels:
    """Convert to sRGB by the colour profile; without a valid one the values are taken as sRGB."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    with suppress(ImageCms.PyCMSError, OSError):  # a damaged or unsuitable profile
        if icc:
            source = ImageCms.ImageCmsProfile(BytesIO(icc))
            srgb = ImageCms.createProfile("sRGB")
            image = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB") or image
    return np.asarray(image.convert("RGB"))


def encode(small: Pixels, side: int, limit: int) -> Encoded:
    """Encode as WebP of at most `side` pixels and `limit` bytes, with fewer pixels if necessary.

    Only at `SMALLEST_SIDE` may the limit be exceeded.
    """
    while True:
        image = Image.fromarray(shrink(small, side))
        for quality in QUALITIES:
            stream = BytesIO()
            image.save(stream, "WEBP", quality=quality, method=2)
            if stream.tell() <= limit:
                break
        if stream.tell() <= limit or side <= SMALLEST_SIDE:
            return Encoded(stream.getvalue(), *image.size)
        side = max(SMALLEST_SIDE, side * 3 // 4)


def decode_mask(text: str) -> Encoded | None:
    """Decode the mask of what moved, PNG in base64, from a journal; None if it is not valid."""
    if not text or len(text) > MASK_BYTES:
        return None
    try:
        data = base64.b64decode(text, validate=True)
        with Image.open(BytesIO(data), formats=["PNG"]) as image:
            cols, rows = image.size
    except (ValueError, OSError, SyntaxError):  # not base64, not PNG, damaged
        return None
    return Encoded(data, cols, rows, "png") if max(cols, rows) <= MASK_SIDE else None

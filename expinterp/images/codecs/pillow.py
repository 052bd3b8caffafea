"""JPEG, WebP, AVIF, BMP and TGA through Pillow: it raises an error on damage, where OpenCV returns grey.

The plugin classes are used directly, because the size limit of ``Image.open`` is global to the
process. Most JPEGs only have their header read so, see `jpeg_scan` and `jpeg_write`.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from PIL import AvifImagePlugin, BmpImagePlugin, Image, ImageFile, TgaImagePlugin, WebPImagePlugin

from expinterp.errors import ImageFileError
from expinterp.images.codecs import boxes, jpeg_scan, jpeg_write
from expinterp.images.codecs.depths import stretch
from expinterp.images.codecs.jpeg_scan import JpegFile
from expinterp.images.formats import ALL_FORMATS
from expinterp.images.jpeg_layout import Layout, read_layout
from expinterp.images.limits import (
    LONGEST_BLOCK,
    check_content,
    check_sides_read,
    check_size,
    refuse_hdr,
    without_warnings,
)
from expinterp.images.metadata import iptc
from expinterp.images.metadata.exif import EXIF_PREFIX, exif_block, read_orientation
from expinterp.images.metadata.exif_edit import with_orientation, without_orientation
from expinterp.images.metadata.exif_repair import join_names, name_of
from expinterp.images.metadata.icc import profile_space
from expinterp.images.metadata.jpeg_metadata import (
    LONGEST_EXIF,
    holds_video,
    left_behind,
    metadata_of_jpeg,
    split_packet,
)
from expinterp.images.metadata.tiff_exif import shorten
from expinterp.images.orientation import assemble_upright, make_upright, row_blocks
from expinterp.images.photograph import Decoded, Extra, Metadata, Pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray


class AvifFile(AvifImagePlugin.AvifImageFile):
    """An AVIF whose EXIF block Pillow does not read: it fails on damage, and moves maker notes."""

    def _open(self) -> None:
        """Read size and metadata as Pillow does; the orientation of the container counts."""
        data = cast("BinaryIO", self.fp).read()
        check_sides_read(*boxes.size_of_primary(data), "avif")  # libavif does not say why
        self._decoder = AvifImagePlugin._avif.AvifDecoder(data, "auto", 2)  # type: ignore
        found = self._decoder.get_info()
        self._size, self.n_frames, self._mode, icc, exif, orientation, xmp = found
        self.is_animated, self.bits = self.n_frames > 1, boxes.depth_of_primary(data)
        stored = with_orientation(exif_block(exif), orientation)
        named = {"icc_profile": icc, "exif": stored, "xmp": xmp}
        self.info |= {name: content for name, content in named.items() if content}
        self.seek(0)


class WebpFile(WebPImagePlugin.WebPImageFile):
    """A WebP without Pillow's limit, which is lower than `MAX_PIXELS` and global to the process."""

    _alone = threading.Lock()

    def _open(self) -> None:
        """Read size and metadata as Pillow does."""
        with self._alone:
            limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            try:
                super()._open()
            finally:
                Image.MAX_IMAGE_PIXELS = limit


class BmpFile(BmpImagePlugin.BmpImageFile):
    """A BMP with the colour profile that version 5 of the header may hold."""

    def _open(self) -> None:
        """Read size and palette as Pillow does, and the profile."""
        super()._open()
        file = cast("BinaryIO", self.fp)
        file.seek(_BMP_HEADER)
        head = file.read(_BMP_VERSION_5)
        if head[0] == _BMP_VERSION_5 and head[56:60] == b"DEBM":  # PROFILE_EMBEDDED
            start, size = struct.unpack_from("<II", head, 112)
            file.seek(_BMP_HEADER + start)
            self.info["icc_profile"] = file.read(min(size, LONGEST_BLOCK))


PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "jpeg": JpegFile,
    "webp": WebpFile,
    "avif": AvifFile,
    "bmp": BmpFile,
    "tga": TgaImagePlugin.TgaImageFile,
}
_BMP_HEADER, _BMP_VERSION_5 = 14, 124  # offset of the header of the picture; its bytes in version 5
_TGA_OPACITY, _TGA_BITS = 17, 15  # offset of the byte that states the bits of opacity; which half
_PIXELS_PER_BYTE = {"jpeg": jpeg_scan.PIXELS_PER_BYTE, "bmp": 128, "tga": 128}  # at most
_CHANNELS = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
FULL_CHROMA_QUALITY = 90  # lowest quality with colour at full resolution, like "fine" in cameras
_LIKE_SRGB = {1, 2, 6, 13, 14, 15}  # transfers of H.273: BT.709, not stated, BT.601, sRGB, BT.2020
_BLOCKS = {"exif": "exif", "icc_profile": "icc", "xmp": "xmp"}  # names of Pillow, and ours
_AVIF_SPEED = 9  # of 0..10; a seventh of the time of 6, the default, for files 14 % larger


def open_picture(stream: BinaryIO, form: str) -> Any:
    """Open a picture of a format with Pillow, which reads its header.

    Raises
    ------
    ImageFileError
        If Pillow does not read this kind of the format, such as a JPEG within a BMP.
    Exception
        Any that Pillow raises on damage.
    """
    try:
        return PLUGINS[form](stream)
    except (OSError, SyntaxError) as error:
        if not str(error).lower().startswith(("unsupported", "unknown")):
            raise
        message = f"{ALL_FORMATS[form].name} of a kind that is not read; save it as PNG"
        raise ImageFileError(message) from error


def decode(data: bytes, form: str, max_pixels: int) -> Decoded:
    """Decode a JPEG, WebP, AVIF, BMP or TGA to upright pixels.

    Raises
    ------
    ImageFileError
        If the picture is larger than `max_pixels`, or of an unknown kind.
    Exception
        Any that Pillow raises on damage.
    """
    layout = read_layout(data) if form == "jpeg" else None
    image = open_picture(BytesIO(jpeg_scan.as_eight_bits(data, layout) if layout else data), form)
    _check(image, form, len(data), max_pixels)
    metadata = _metadata(image, data, form)
    warnings = _warnings(image, data, form, metadata)
    orientation = read_orientation(metadata.exif, metadata.xmp)
    pixels = _decode_otherwise(image, data, layout, warnings)
    if pixels is not None:
        return Decoded(make_upright(pixels, orientation), metadata, warnings)
    if form == "tga" and not data[_TGA_OPACITY] & _TGA_BITS and image.mode in {"LA", "RGBA"}:
        image = image.convert(image.mode[:-1])
    if image.mode == "CMYK":
        image, metadata, warning = convert_cmyk(image, metadata)
        warnings.append(warning)
    return Decoded(_upright_pixels(image, orientation), metadata, warnings)


def _check(image: Any, form: str, size: int, max_pixels: int) -> None:
    """Refuse a picture that is too large, or of more pixels than a file of `size` bytes can hold."""
    cols, rows = image.size
    check_size(cols, rows, max_pixels)
    check_sides_read(cols, rows, form)
    check_content(cols, rows, size, _PIXELS_PER_BYTE.get(form), ALL_FORMATS[form].name)


def _metadata(image: Any, data: bytes, form: str) -> Metadata:
    """Collect the metadata of a picture."""
    stated = image.info.get("jfif_unit") in {1, 2}  # Pillow itself falls back on EXIF
    metadata = Metadata(
        exif=exif_block(image.info.get("exif")),
        icc=image.info.get("icc_profile") or None,
        xmp=_xmp(image.info.get("xmp")),
        density=image.info["dpi"] if stated and all(image.info["dpi"]) else None,
    )
    if form == "avif":
        return _with_avif_colours(data, metadata)
    if form != "jpeg":
        return metadata
    metadata = replace(metadata, extras=iptc.extras_of_jpeg(_segments(image)))
    return metadata_of_jpeg(_segments(image), metadata)


def _segments(image: Any) -> list[tuple[str, bytes]]:
    """Return the segments of a JPEG: name and content of each."""
    return getattr(image, "applist", [])


def _decode_otherwise(
    image: Any, data: bytes, layout: Layout | None, warnings: list[str]
) -> Pixels | None:
    """Decode a picture that Pillow does not decode in full, as stored; load all others, and return None."""
    if layout and layout.deep:
        return jpeg_scan.decode_deep(data, layout)
    if layout and image.mode in {"L", "RGB"}:
        pixels, said = jpeg_scan.decode(image, data, layout)
        warnings += said
        return pixels
    if layout:
        warnings += jpeg_scan.load(image, data, layout)
    elif getattr(image, "bits", 8) > 8:  # an AVIF; Pillow has 8 bits only
        import imagecodecs

        deep = imagecodecs.avif_decode(data, index=0)
        cols, rows = image.size
        return stretch(deep.reshape(rows, cols, -1), 2**image.bits - 1)
    image.load()
    return None


def _xmp(packet: bytes | str | None) -> bytes | None:
    """Return an XMP packet as bytes; some versions of Pillow decode it."""
    return (packet.encode() if isinstance(packet, str) else packet) or None


def _warnings(image: Any, data: bytes, form: str, metadata: Metadata) -> list[str]:
    """List what the file holds besides the picture that is read, and what is lost."""
    warnings = []
    if getattr(image, "n_frames", 1) > 1:
        warnings.append("the file is animated; only its first picture is read")
    if form == "avif" and holds_video(data):
        warnings.append("the video of the file is left out")
    if form != "jpeg":
        return warnings
    warnings += left_behind(data, metadata, image.info.get("mp"))
    if metadata.icc is None and any(part[:12] == b"ICC_PROFILE\0" for _, part in _segments(image)):
        warnings.append("the colour profile is damaged; left out")
    return warnings


def _with_avif_colours(data: bytes, metadata: Metadata) -> Metadata:
    """Add the profile that the code points of an AVIF stand for, or name them.

    Raises
    ------
    ImageFileError
        If they are HDR.
    """
    primaries, transfer = boxes.colours_of_primary(data) or (1, 1)
    refuse_hdr(transfer)
    if metadata.icc is not None or transfer not in _LIKE_SRGB:
        lost = f"meaning of its colours (CICP {primaries}, {transfer})"
        return metadata if metadata.icc else replace(metadata, extras=(Extra(lost, {}),))
    from expinterp.images.developing.profiles import profile_of_primaries

    return replace(metadata, icc=profile_of_primaries(primaries))


def convert_cmyk(image: Any, metadata: Metadata) -> tuple[Any, Metadata, str]:
    """Convert a CMYK picture to sRGB by its profile; without one, to RGB by complement."""
    from PIL import ImageCms

    if profile_space(metadata.icc) != "CMYK":
        warning = "the file is CMYK without a profile; converted to RGB by complement"
        return image.convert("RGB"), replace(metadata, icc=None), warning
    source = ImageCms.ImageCmsProfile(BytesIO(metadata.icc or b""))
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    warning = "the file is CMYK; converted to sRGB by its profile"
    return converted, replace(metadata, icc=target.tobytes()), warning


def _upright_pixels(image: Any, orientation: int) -> Pixels:
    """Copy the pixels of a loaded picture strip by strip, upright."""
    if image.mode not in _CHANNELS.values():
        colour = "RGBA" if image.has_transparency_data else "RGB"
        image = image.convert("L" if image.mode == "1" else colour)
    channels = len(image.mode)
    cols, rows = image.size

    def strips() -> Iterator[NDArray[np.uint8]]:
        for part in row_blocks(rows, cols * channels):
            strip = np.asarray(image.crop((0, part.start, cols, part.stop)))
            yield strip.reshape(part.stop - part.start, cols, channels)

    return assemble_upright(strips(), (rows, cols, channels), np.uint8, orientation)


def encode(
    pixels: Pixels, form: str, stream: BinaryIO, *, metadata: Metadata, quality: int
) -> list[str]:
    """Write a JPEG, WebP or AVIF of 8 bits to a stream; return warnings.

    `pixels` has 1, 3 or 4 channels (not 4 for JPEG), and `metadata` already fits them.
    """
    warnings: list[str] = []
    metadata = _fit_container(metadata, form, warnings)
    if form == "jpeg":
        stored = _written_segments(metadata, warnings)
        full = quality >= FULL_CHROMA_QUALITY
        stream.writelines(jpeg_write.encode(pixels, quality=quality, full_colour=full, **stored))
        return warnings
    stored = {name: getattr(metadata, key) or b"" for name, key in _BLOCKS.items()}
    rows, cols, channels = pixels.shape
    mode = _CHANNELS[channels]
    image = Image.frombuffer(mode, (cols, rows), np.ascontiguousarray(pixels), "raw", mode, 0, 1)
    buffer = BytesIO()  # given a file, Pillow takes a short write on a full disk for success
    # Only the AVIF encoder reads the EXIF block.
    with without_warnings() if form == "avif" else nullcontext():
        image.save(buffer, form.upper(), **_options(form, quality), **stored)
    stream.write(buffer.getbuffer())
    return warnings


def _written_segments(metadata: Metadata, warnings: list[str]) -> dict[str, Any]:
    """Return the metadata of a JPEG as Pillow expects them."""
    packet, extension = split_packet(metadata.xmp or b"") or (b"", b"")
    if metadata.xmp and not packet:
        warnings.append("not carried on into the JPEG: the XMP packet, which is too long")
    return {
        "exif": EXIF_PREFIX + metadata.exif if metadata.exif else b"",
        "icc_profile": metadata.icc or b"",
        "dpi": _whole(metadata.density),
        "xmp": packet,
        "extra": extension + b"".join(each.stored.get("jpeg", b"") for each in metadata.extras),
    }


def _whole(density: tuple[float, float] | None) -> list[int]:
    """Round a pixel density to what JPEG can state; 0 means unknown."""
    return [min(round(value), 65_535) for value in density or (0, 0)]


def _options(form: str, quality: int) -> dict[str, Any]:
    """Choose encoder options; at half resolution the colour edges of the refinement would blur."""
    if form == "avif":
        full = quality >= FULL_CHROMA_QUALITY
        sampling = "4:4:4" if full else "4:2:0"
        return {"quality": quality, "subsampling": sampling, "speed": _AVIF_SPEED}
    return {"quality": quality, "method": 2, "exact": True}  # WebP has only 4:2:0


def _fit_container(metadata: Metadata, form: str, warnings: list[str]) -> Metadata:
    """Leave out what the container cannot hold, with a warning."""
    exif = metadata.exif
    if form == "avif" and exif is not None:
        # Pillow would move the orientation into the container and rebuild the block, maker notes too.
        exif = without_orientation(exif)
    if form == "jpeg" and exif is not None and len(exif) > LONGEST_EXIF:
        exif, lost = shorten(exif, LONGEST_EXIF)
        if lost:
            names = join_names([name_of(tag) for tag in sorted(lost)])
            warnings.append(f"not carried on into the JPEG, which holds 64 KiB of EXIF: {names}")
    return replace(metadata, exif=exif)

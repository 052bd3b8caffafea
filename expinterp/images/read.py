"""Reading a photograph of any format: upright pixels and metadata."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from expinterp.files import Source, is_stream, open_source, read_from, source_name
from expinterp.images.formats import FORMATS, detect_format
from expinterp.images.limits import MAX_PIXELS, damage_reported, refuse_hdr
from expinterp.images.metadata.exif import read_exposure
from expinterp.images.metadata.icc import profile_transfer
from expinterp.images.photograph import Decoded, Photograph, Pixels


def read_photograph(source: Source, *, max_pixels: int = MAX_PIXELS) -> Photograph:
    """Read a photograph; safe to call from several threads at once.

    Parameters
    ----------
    source : str, Path or binary file
        ``-`` is standard input. The content decides the format, not the name.
    max_pixels : int
        Refuse larger pictures before decoding them.

    Returns
    -------
    Photograph
        Display-encoded, upright, 16 bits where the file has them.

    Raises
    ------
    ImageFileError
        If the file is missing, unreadable, empty, truncated, damaged, too large, HDR, or not a JPEG,
        PNG, TIFF, WebP or AVIF; one line with the name and a remedy.
    """
    name = source_name(source)
    stream = open_source(source)
    try:
        form, head = detect_format(stream, name)
        stays_open = form == "tiff" and not is_stream(source) and stream.seekable()
        if stays_open:  # a TIFF may be large, so it is decoded from its file
            stream.seek(0)
        data = stream if stays_open else BytesIO(head + read_from(stream, name))
        with damage_reported(name, form.upper()):
            decoded = _decode(data, form, max_pixels)
            refuse_hdr(profile_transfer(decoded.metadata.icc))
    finally:
        if not is_stream(source):
            stream.close()
    pixels, alpha = _split_alpha(decoded.pixels)
    return Photograph(
        pixels=pixels,
        alpha=alpha,
        metadata=decoded.metadata,
        exposure=read_exposure(decoded.metadata.exif),
        name=name,
        warnings=(*_warn_of_suffix(name, form), *(f"{name}: {said}" for said in decoded.warnings)),
        format=form,
    )


def _decode(data: BinaryIO, form: str, max_pixels: int) -> Decoded:
    """Decode with the codec of the format, which is imported only then."""
    if form == "tiff":
        from expinterp.images.codecs import tiff_read

        return tiff_read.decode(data, max_pixels)
    if form == "png":
        from expinterp.images.codecs import png

        return png.decode(data.read(), max_pixels)
    from expinterp.images.codecs import pillow

    return pillow.decode(data.read(), form, max_pixels)


def _split_alpha(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    """Separate the last of two or four channels from the others."""
    if pixels.shape[2] in {1, 3}:
        return pixels, None
    return pixels[..., :-1].copy(), pixels[..., -1].copy()


def _warn_of_suffix(name: str, form: str) -> tuple[str, ...]:
    """Warn of a suffix that belongs to another format than the content."""
    suffix = Path(name).suffix.lower()
    named = [other for other, known in FORMATS.items() if suffix in known.suffixes]
    if not named or named == [form]:
        return ()
    return (f"{name} is named {suffix} but holds {form.upper()}; read as {form.upper()}",)

"""Reading photographs of any format, several at a time: upright pixels and metadata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from expinterp.errors import ImageFileError
from expinterp.files import STREAM, Source, is_stream, open_source, read_rest, source_name
from expinterp.images.developing.development import Development
from expinterp.images.formats import ALL_FORMATS, detect_format, named_format
from expinterp.images.limits import MAX_PIXELS, damage_reported, refuse_hdr
from expinterp.images.metadata.exif import read_exposure, states_adobe_rgb
from expinterp.images.metadata.icc import profile_transfer
from expinterp.images.photograph import Decoded, Metadata, Photograph, Pixels
from expinterp.images.raw_kinds import has_floats, refine_format
from expinterp.text import natural_key

LIGHT = {"raw", "exr", "hdr", "pfm"}  # formats whose response is known
READERS = 2  # files decoded at a time
_LARGEST_FILE = 1 << 32  # bytes that are read into memory


def read_photograph(
    source: Source, *, max_pixels: int = MAX_PIXELS, development: Development | None = None
) -> Photograph:
    """Read a photograph; safe to call from several threads at once.

    Parameters
    ----------
    source : str, Path or binary file
        ``-`` is standard input. The content decides the format, not the name.
    max_pixels : int
        Refuse larger pictures before decoding them.
    development : Development or None
        How a raw file is developed; None: with the camera's white balance, for sRGB.

    Returns
    -------
    Photograph
        Upright, 16 bits where the file has them. Display-encoded; for a raw file see its
        `encoding`.

    Raises
    ------
    ImageFileError
        If the file is missing, unreadable, empty, truncated, damaged, too large, HDR, or of a
        format that is not read; one line with the name and a remedy.
    MissingExtraError
        If its format needs a package that is not installed.
    """
    name = source_name(source)
    stream = open_source(source)
    try:
        form, head = detect_format(stream, name)
        stays_open = form in {"tiff", "raw", "exr"} and not is_stream(source) and stream.seekable()
        # A TIFF may be large, so it is decoded from its file.
        data = stream if stays_open else BytesIO(head + read_rest(stream, name, _LARGEST_FILE))
        form = refine_format(form, data)
        with damage_reported(name, ALL_FORMATS[form].name):
            decoded = _codec(form)(data, max_pixels, development or Development())
            refuse_hdr(profile_transfer(decoded.metadata.icc))
    finally:
        if not is_stream(source):
            stream.close()
    pixels, alpha = _split_alpha(decoded.pixels)
    return Photograph(
        pixels=pixels,
        alpha=alpha,
        metadata=_with_profile(decoded.metadata, form),
        exposure=read_exposure(decoded.metadata.exif, decoded.metadata.xmp),
        name=name,
        warnings=(*_warn_of_suffix(name, form), *(f"{name}: {said}" for said in decoded.warnings)),
        format=form,
        encoding=decoded.encoding,
        negative=decoded.negative,
    )


def _with_profile(metadata: Metadata, form: str) -> Metadata:
    """Add the profile that only EXIF states, as cameras do for Adobe RGB."""
    if metadata.icc or form not in {"jpeg", "tiff"} or not states_adobe_rgb(metadata.exif):
        return metadata
    from expinterp.images.developing.profiles import icc_profile

    return replace(metadata, icc=icc_profile("adobe-rgb"))


class Reading:
    """Photographs that are being decoded in threads.

    Parameters
    ----------
    sources : sequence of str
        Paths, or ``-`` for standard input.
    development : Development or None
        See `read_photograph`.
    """

    def __init__(self, sources: Sequence[str], development: Development | None = None) -> None:
        self.sources, self.development = sources, development or Development()
        self._read = partial(read_photograph, development=self.development)
        self._pool = ThreadPoolExecutor(READERS)
        self._begun = {name: self._pool.submit(self._read, name) for name in ready_sources(sources)}

    def close(self) -> None:
        """Wait for what is being decoded; begin nothing more."""
        self._pool.shutdown(cancel_futures=True)

    def photographs(self) -> list[Photograph]:
        """Return all photographs, in the order of the sources; they are not kept here.

        Raises
        ------
        ImageFileError
            For the first of them that cannot be read.
        MissingExtraError
            If a format needs a package that is not installed.
        """
        # Files that may block are read here, since only the main thread can handle Ctrl-C.
        found = [
            self._begun[name].result() if name in self._begun else self._read(name)
            for name in self.sources
        ]
        self._begun.clear()
        return found


def read_photographs(
    sources: Sequence[str], development: Development | None = None
) -> list[Photograph]:
    """Decode several files at a time; see `Reading`."""
    with closing(Reading(sources, development)) as reading:
        return reading.photographs()


def ready_sources(sources: Sequence[str]) -> list[str]:
    """List the sources that can be read without waiting for others, in natural order."""
    return sorted((name for name in sources if not _waits(name)), key=natural_key)


def _waits(name: str) -> bool:
    """Return whether reading a source may block: standard input, or a named pipe."""
    try:
        return name == STREAM or Path(name).is_fifo()
    except (OSError, ValueError):  # reading it will report it
        return False


def balance_alike(sources: Sequence[str], development: Development) -> Development:
    """Return a development with the white balance of `balanced_by`, or of the first source.

    The first source that can be read decides: raw files and others do not mix. Reading the others
    tells why they cannot be read.
    """
    first = next((source for source in sources if recognise_format(source)), None)
    for source in (development.balanced_by, first):
        if source and recognise_format(source) == "raw":
            from expinterp.images.developing import raw

            with open_source(source) as stream, damage_reported(source, "RAW"):
                multipliers = raw.read_multipliers(stream, development)
            return replace(development, multipliers=multipliers)
    return development


def recognise_format(source: str) -> str | None:
    """Return the format of a file by its content; None if it is none, or cannot be read."""
    with suppress(ImageFileError), open_source(source) as stream:
        form, _ = detect_format(stream, source)
        stream.seek(0)
        return refine_format(form, stream)
    return None


def holds_light(source: str) -> bool:
    """Return whether a file is raw or holds linear light, as its format and sample type show.

    A floating-point TIFF counts, though its profile may state a display curve.
    """
    form = recognise_format(source)
    if form != "tiff":
        return form in LIGHT
    with open_source(source) as stream:
        return has_floats(stream)


def import_codec(source: str) -> None:
    """Import the codec of a file, so that threads that decode others like it need not wait for it."""
    if form := recognise_format(source):
        _codec(form)


def _codec(form: str) -> Callable[[BinaryIO, int, Development], Decoded]:
    """Return what decodes a format; it is imported only then."""
    if form == "raw":
        from expinterp.images.developing import raw

        return raw.decode
    if form in {"exr", "hdr", "pfm"}:
        from expinterp.images.developing import linear

        return lambda data, most, _: linear.decode(data, form, most)
    if form == "tiff":
        from expinterp.images.codecs import tiff_read

        return lambda data, most, _: tiff_read.decode(data, most)
    if form == "png":
        from expinterp.images.codecs import png

        return lambda data, most, _: png.decode(data.read(), most)
    if form in {"heif", "jxl", "jpeg2000", "netpbm"}:
        from expinterp.images.codecs import heif, jpeg2000, jxl, netpbm

        codecs = {"heif": heif.decode, "jxl": jxl.decode, "jpeg2000": jpeg2000.decode}
        return lambda data, most, _: codecs.get(form, netpbm.decode)(data, most)
    from expinterp.images.codecs import pillow

    return lambda data, most, _: pillow.decode(data.read(), form, most)


def _split_alpha(pixels: Pixels) -> tuple[Pixels, Pixels | None]:
    """Separate the last of two or four channels from the others."""
    if pixels.shape[2] in {1, 3}:
        return pixels, None
    return pixels[..., :-1].copy(), pixels[..., -1].copy()


def _warn_of_suffix(name: str, form: str) -> tuple[str, ...]:
    """Warn of a suffix that belongs to another format than the content."""
    suffix, named = Path(name).suffix.lower(), named_format(name)
    if named in {None, form}:
        return ()
    held = ALL_FORMATS[form].name
    return (f"{name} is named {suffix} but holds {held}; read as {held}",)

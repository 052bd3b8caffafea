"""Refusing hostile and damaged files: checks before decoding, and one message for all damage."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from warnings import catch_warnings, simplefilter

from expinterp.errors import ExpInterpError, ImageFileError
from expinterp.images.formats import ALL_FORMATS

_FEW = 1 << 20  # pixels that are decoded from any file
_MANY, _PIXELS_PER_BYTE = 1 << 25, 1 << 15  # pixels: of any file, and for each of its bytes; a WebP
# of one colour has 26,000
MAX_PIXELS = 500_000_000  # above any camera, below what fills a workstation's memory

LONGEST_BLOCK = 255 * 65_519  # bytes of a colour profile or packet: what a JPEG can hold (16 MiB)
REMEDY = "copy it again from its source"  # for a damaged file
_LOGGERS = ("tifffile", "imagecodecs")
HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics, ITU-T H.273


def check_size(cols: int, rows: int, max_pixels: int) -> None:
    """Refuse a picture without pixels, or with more than `max_pixels`, by its header."""
    if cols < 1 or rows < 1:
        message = f"the header announces {cols} × {rows} pixels; is the file damaged?"
        raise ImageFileError(message)
    if cols * rows > max_pixels:
        message = (
            f"the header announces {cols} × {rows} pixels, above the limit of "
            f"{max_pixels // 1_000_000} megapixels; scale the picture down first"
        )
        raise ImageFileError(message)


def check_sides_read(cols: int, rows: int, form: str) -> None:
    """Refuse a picture with longer sides than the library of its format reads."""
    longest = ALL_FORMATS[form].longest
    if max(cols, rows) > longest:
        message = (
            f"{ALL_FORMATS[form].name} of {cols} × {rows} pixels; at most {longest} rows and columns can be "
            "read; save it as TIFF"
        )
        raise ImageFileError(message)


def check_content(cols: int, rows: int, content: int, most: int | None, what: str) -> None:
    """Refuse a file that announces more pixels than its bytes can hold.

    `content` counts the bytes of the file, `most` the most pixels for each of them that its
    compression reaches. None: a few bytes may state any number of pixels; a large picture with more
    than `_PIXELS_PER_BYTE` is refused then.
    """
    if most is not None and cols * rows > content * most + _FEW:
        message = f"truncated {what} ({content} bytes cannot hold {cols} × {rows} pixels); {REMEDY}"
        raise ImageFileError(message)
    if most is None and cols * rows > content * _PIXELS_PER_BYTE + _MANY:
        message = f"the header announces {cols} × {rows} pixels in {content} bytes, more than any "
        message += "photograph has; is the file damaged?"
        raise ImageFileError(message)


def refuse_hdr(transfer: int) -> None:
    """Refuse a picture with the transfer characteristics of HDR."""
    if transfer in HDR:
        message = (
            f"the picture is HDR ({HDR[transfer]}), but standard range is needed; "
            "export it as sRGB first"
        )
        raise ImageFileError(message)


class _Silence:
    """How many threads decode now, and what restores the filters of warnings after the last one.

    `catch_warnings` swaps a list that all threads share: each thread with its own would restore
    the list of another.
    """

    lock = threading.Lock()
    threads = 0
    restore = ExitStack()
    handler = logging.NullHandler()  # without one, Python prints what a library logs


@contextmanager
def without_warnings() -> Iterator[None]:
    """Silence the warnings and the log of decoders; this package has its own words."""
    with _Silence.lock:
        if not _Silence.threads:
            _Silence.restore.enter_context(catch_warnings())
            simplefilter("ignore")
            for name in _LOGGERS:
                logging.getLogger(name).addHandler(_Silence.handler)
        _Silence.threads += 1
    try:
        yield
    finally:
        with _Silence.lock:
            _Silence.threads -= 1
            if not _Silence.threads:
                _Silence.restore.close()
                for name in _LOGGERS:
                    logging.getLogger(name).removeHandler(_Silence.handler)


@contextmanager
def damage_reported(name: str, what: str) -> Iterator[None]:
    """Convert any exception of a decoder to one line about the file; silence its warnings.

    On damaged files decoders raise almost any exception (struct, zlib, index, key, value errors),
    so every `Exception` is caught.
    """
    try:
        with without_warnings():
            yield
    except ExpInterpError as error:
        message = f"{name}: {error}"
        raise type(error)(message) from error
    except ImportError:  # a missing library is not a fault of the file
        raise
    except MemoryError as error:
        message = f"{name}: not enough memory to decode this {what}; scale it down first"
        raise ImageFileError(message) from error
    except Exception as error:
        ours = type(error).__module__.startswith("expinterp.")  # others' words explain nothing
        reason = f" ({error})" if ours else ""
        message = f"{name}: damaged {what}{reason}; {REMEDY}"
        raise ImageFileError(message) from error

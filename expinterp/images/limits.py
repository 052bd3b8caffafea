"""Refusing hostile and damaged files: checks before decoding, and one message for all damage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from expinterp.errors import ExpInterpError, ImageFileError

MAX_PIXELS = 500_000_000  # above any camera, below what fills a workstation's memory

REMEDY = "copy it again from its source"  # for a damaged file
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


def refuse_hdr(transfer: int) -> None:
    """Refuse a picture with the transfer characteristics of HDR."""
    if transfer in HDR:
        message = (
            f"the picture is HDR ({HDR[transfer]}), but standard range is needed; "
            "export it as sRGB first"
        )
        raise ImageFileError(message)


@contextmanager
def damage_reported(name: str, what: str) -> Iterator[None]:
    """Convert any exception of a decoder to one line about the file.

    On damaged files decoders raise almost any exception (struct, zlib, index, key, value errors),
    so every `Exception` is caught.
    """
    try:
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
        words = " ".join(str(error).split())[:160]
        reason = f" ({words})" if any(letter.isalpha() for letter in words) else ""
        message = f"{name}: damaged {what}{reason}; {REMEDY}"
        raise ImageFileError(message) from error

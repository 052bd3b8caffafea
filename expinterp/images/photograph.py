"""A photograph in memory: upright pixels and metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from expinterp.core.arrays import Pixels
from expinterp.core.exposure import Exposure

if TYPE_CHECKING:
    from expinterp.core.encoding import Encoding
    from expinterp.images.developing.negative import Negative

__all__ = ["Decoded", "Extra", "Metadata", "Photograph", "Pixels"]


@dataclass(frozen=True)
class Extra:
    """Metadata that only some formats can hold."""

    name: str  # for messages, such as ``comment``
    stored: Mapping[str, bytes]  # the bytes to store, by format; empty where the format implies it


@dataclass(frozen=True)
class Metadata:
    r"""The metadata blocks of a file, byte for byte as found; None where absent.

    Attributes
    ----------
    exif : bytes or None
        A TIFF block: byte-order mark first, without the ``Exif\0\0`` prefix of JPEG.
    icc : bytes or None
        The colour profile.
    xmp : bytes or None
        The XMP packet, without its JPEG signature; joined with its extension.
    density : (float, float) or None
        Pixels per inch, horizontal and vertical, where stated outside of `exif`.
    extras : tuple of Extra
        Comments, captions, text.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    density: tuple[float, float] | None = None
    extras: tuple[Extra, ...] = ()

    def warnings_for(self, form: str) -> list[str]:
        """Return a sentence that names the extras without a place in a format; none if there are none."""
        lost = [extra.name for extra in self.extras if form not in extra.stored]
        return [f"not carried on into the {form.upper()}: {', '.join(lost)}"] if lost else []


@dataclass(frozen=True, eq=False)
class Photograph:
    """A decoded file.

    Attributes
    ----------
    pixels : uint8 or uint16 array, shape (rows, cols, channels)
        Display-encoded code values, one channel or R G B, upright.
    alpha : array of the same dtype, shape (rows, cols), or None
        Opacity, not multiplied into `pixels`.
    metadata : Metadata
        As found; its orientation is that of the file, not of `pixels`.
    exposure : Exposure
        As stated in EXIF.
    name : str
        The path as given, or ``-``; for messages.
    warnings : tuple of str
        A sentence for each part of the file that is not in `pixels`.
    format : str
        A format of `expinterp.images.formats`, from the content and not the suffix.
    encoding : Encoding or None
        If it is known, `pixels` are its working code values: `Encoding.finish` converts them to the
        space of the profile in `metadata`. None: `pixels` are what the file displays.
    negative : Negative or None
        The values of the sensor, of a raw file that was read to be merged with others.
    """

    pixels: Pixels
    alpha: Pixels | None
    metadata: Metadata
    exposure: Exposure
    name: str
    warnings: tuple[str, ...] = ()
    format: str = ""
    encoding: Encoding | None = None
    negative: Negative | None = None


@dataclass(frozen=True)
class Decoded:
    """What a codec returns: upright pixels, and the rest of the file."""

    pixels: Pixels  # (rows, cols, channels): grey, grey and alpha, R G B, or R G B and alpha
    metadata: Metadata
    warnings: list[str] = field(default_factory=list)
    encoding: Encoding | None = None
    negative: Negative | None = None

"""What a photograph is in memory: upright pixels, and what its file says about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from expinterp.core.exposure import Exposure

Pixels: TypeAlias = NDArray[np.uint8 | np.uint16]


@dataclass(frozen=True)
class Extra:
    """A block that only some formats hold.

    Attributes
    ----------
    name : str
        For messages, such as ``comment``.
    stored : mapping of str to bytes
        What each format that holds it stores; empty where it goes without saying.
    """

    name: str
    stored: Mapping[str, bytes]


@dataclass(frozen=True)
class Metadata:
    r"""The blocks a file carries beside its pixels, byte for byte as found; None where absent.

    Attributes
    ----------
    exif : bytes or None
        A TIFF block: byte-order mark first, without the ``Exif\0\0`` prefix of JPEG.
    icc : bytes or None
        The colour profile.
    xmp : bytes or None
        The XMP packet, without its JPEG signature.
    xmp_extension : bytes or None
        What the packet of a JPEG had no room for.
    density : (float, float) or None
        Pixels per inch, across and down, where they stand outside of `exif`.
    extras : tuple of Extra
        Comments, captions, text.
    """

    exif: bytes | None = None
    icc: bytes | None = None
    xmp: bytes | None = None
    xmp_extension: bytes | None = None
    density: tuple[float, float] | None = None
    extras: tuple[Extra, ...] = ()


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
        As found in the file; its orientation is that of the file, not of `pixels`.
    exposure : Exposure
        What the EXIF fields state.
    name : str
        The path as given, or ``-``; for messages.
    warnings : tuple of str
        What the file held and `pixels` does not, a sentence each.
    format : str
        A key of `expinterp.images.formats.FORMATS`, from the content and not the suffix.
    """

    pixels: Pixels
    alpha: Pixels | None
    metadata: Metadata
    exposure: Exposure
    name: str
    warnings: tuple[str, ...] = ()
    format: str = ""


@dataclass(frozen=True)
class Decoded:
    """What a codec returns: upright pixels, and the rest of the file.

    Attributes
    ----------
    pixels : uint8 or uint16 array, shape (rows, cols, channels)
        Channels 1 to 4: grey, grey and alpha, R G B, R G B and alpha.
    metadata : Metadata
        As found.
    warnings : list of str
        A sentence each.
    """

    pixels: Pixels
    metadata: Metadata
    warnings: list[str] = field(default_factory=list)

"""Writing a photograph: depth, channels and metadata fit the format; a file is complete or absent."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from expinterp.errors import OutputError
from expinterp.files import STREAM, Source, check_output, replacing
from expinterp.images.formats import OUTPUTS, image_format
from expinterp.images.limits import LONGEST_BLOCK
from expinterp.images.metadata.exif_edit import fit_to_pixels, with_density
from expinterp.images.metadata.icc import profile_name, profile_space
from expinterp.images.orientation import row_blocks
from expinterp.images.photograph import Metadata, Pixels

if TYPE_CHECKING:
    from expinterp.core.encoding import Encoding

QUALITY = 95  # of lossy formats: errors below those of an 8-bit camera JPEG


def check_target(
    target: str | Path,
    *,
    format: str | None = None,
    bit_depth: int | None = None,
    overwrite: bool = False,
    inputs: Iterable[Source] = (),
) -> None:
    """Refuse an impossible output before any work is done.

    Parameters and errors are those of `write_photograph`.
    """
    form = _chosen_format(target, format)
    if bit_depth not in {None, 8, 16}:
        message = f"bit_depth is 8, 16 or None, not {bit_depth}"
        raise ValueError(message)
    if bit_depth == 16 and 16 not in OUTPUTS[form].depths:
        message = f"{target}: {form.upper()} holds 8 bits per channel; use PNG or TIFF for 16"
        raise OutputError(message)
    check_output(target, overwrite=overwrite, inputs=inputs)


def _chosen_format(target: str | Path, format: str | None) -> str:
    """Return the format of an output."""
    if format is not None and format not in OUTPUTS:
        message = f"format is one of {', '.join(OUTPUTS)}, not {format!r}"
        raise ValueError(message)
    if format is None and str(target) == STREAM:
        message = "standard output has no suffix; state the format, such as png"
        raise OutputError(message)
    return format or image_format(target)


def write_photograph(
    pixels: Pixels,
    target: str | Path,
    *,
    alpha: Pixels | None = None,
    metadata: Metadata | None = None,
    encoding: Encoding | None = None,
    format: str | None = None,
    quality: int = QUALITY,
    bit_depth: int | None = None,
    overwrite: bool = False,
    inputs: Iterable[Source] = (),
) -> tuple[str, ...]:
    """Write upright pixels to a file; after a failure no half-written file is left.

    Parameters
    ----------
    pixels : uint8 or uint16 array, shape (rows, cols, channels) or (rows, cols)
        Display-encoded, one channel or R G B.
    target : str or Path
        ``-`` is standard output.
    alpha : array of the same dtype, shape (rows, cols), or None
        Opacity.
    metadata : Metadata or None
        Blocks to store. Orientation, sizes and thumbnails are corrected for `pixels`; exposure and
        provenance are left to the caller: see `with_exposure_time` and `with_provenance`.
    encoding : Encoding or None
        Of a `Photograph` that `pixels` were computed from; its `finish` is applied to them here.
    format : str or None
        ``jpeg``, ``png``, ``tiff``, ``webp`` or ``avif``; None: as the suffix says.
    quality : int
        1..100, for JPEG, WebP, AVIF, and JPEG XL of 8 bits and sRGB. From 90, JPEG and AVIF store
        colour at full resolution.
    bit_depth : 8, 16 or None
        Bits per channel. None: those of `pixels` where the format can hold them.
    overwrite : bool
        Whether an existing file may be replaced, unless it is one of `inputs`.
    inputs : iterable of str, Path or binary file
        Files that were read; none of them is overwritten.

    Returns
    -------
    tuple of str
        A sentence for each thing that the file does not hold: depth, alpha, blocks.

    Raises
    ------
    OutputExistsError
        If the target exists, or is one of the inputs (links count too).
    OutputError
        If the format is unknown or cannot hold depth or size, or the target cannot be written.
    ValueError
        If arrays or options are not as described.
    """
    check_target(target, format=format, bit_depth=bit_depth, overwrite=overwrite, inputs=inputs)
    if not 1 <= quality <= 100:
        message = f"quality is 1..100, not {quality}"
        raise ValueError(message)
    form = _chosen_format(target, format)
    pixels = _checked_pixels(encoding.finish(pixels) if encoding else pixels, alpha)
    check_sides(target, *pixels.shape[:2], format=form)
    metadata = metadata or Metadata()
    check_profile(target, metadata.icc, format=form)
    carried, warnings = fit_to_pixels(metadata, *pixels.shape[:2]), list[str]()
    carried = _fit_extras(_fit_profile(carried, form, warnings), form, warnings)
    joined = _fit_depth(_fit_channels(pixels, alpha, form, warnings), form, bit_depth, warnings)
    if str(target) == STREAM:
        warnings += _encode(joined, form, sys.stdout.buffer, carried, quality)
        sys.stdout.buffer.flush()
        return tuple(warnings)
    with replacing(target, overwrite=overwrite) as stream:
        warnings += _encode(joined, form, stream, carried, quality)
    return tuple(warnings)


def _checked_pixels(pixels: Pixels, alpha: Pixels | None) -> Pixels:
    """Check shapes and dtypes; add the channel axis if it is missing."""
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    if pixels.ndim != 3 or pixels.shape[2] not in {1, 3} or not pixels.size:
        message = f"pixels have shape (rows, cols, 1 or 3), not {pixels.shape}"
        raise ValueError(message)
    if pixels.dtype not in (np.uint8, np.uint16):
        message = f"pixels are uint8 or uint16, not {pixels.dtype}; quantise them first"
        raise ValueError(message)
    if alpha is not None and (alpha.shape != pixels.shape[:2] or alpha.dtype != pixels.dtype):
        message = f"alpha has shape {alpha.shape} and dtype {alpha.dtype}, unlike the pixels"
        raise ValueError(message)
    return pixels


def check_sides(target: str | Path, rows: int, cols: int, *, format: str | None = None) -> None:
    """Refuse a picture with more rows, columns or pixels than the format can hold.

    Raises
    ------
    OutputError
    """
    form = _chosen_format(target, format)
    longest, largest = OUTPUTS[form].longest, OUTPUTS[form].largest
    if max(rows, cols) > longest or rows * cols > largest:
        most = f"{longest} rows and columns"
        if rows * cols > largest:
            most = f"{largest / 1e6:.0f} megapixels"
        message = (
            f"{target}: {form.upper()} holds at most {most}, not {cols} × {rows}; use PNG or TIFF"
        )
        raise OutputError(message)


def check_profile(target: str | Path, icc: bytes | None, *, format: str | None = None) -> None:
    """Refuse a colour profile that the format cannot hold: in JPEG XL, one of tables.

    Raises
    ------
    OutputError
    """
    if _chosen_format(target, format) != "jxl" or icc is None or len(icc) > LONGEST_BLOCK:
        return
    from expinterp.images.codecs.jxl import colours_of_profile

    if colours_of_profile(icc) is None:
        message = f"{target}: JPEG XL cannot state the colours of {profile_name(icc)}"
        message += "; use PNG, TIFF or AVIF"
        raise OutputError(message)


def _fit_depth(pixels: Pixels, form: str, bit_depth: int | None, warnings: list[str]) -> Pixels:
    """Convert to the requested depth, or to one that the format can hold."""
    holds = 8 * pixels.itemsize if 16 in OUTPUTS[form].depths else 8
    if bit_depth is None and holds < 8 * pixels.itemsize:
        warnings.append(f"{form.upper()} holds 8 bits per channel; 16 were rounded to 8")
    return to_depth(pixels, bit_depth or holds)


def _fit_channels(pixels: Pixels, alpha: Pixels | None, form: str, warnings: list[str]) -> Pixels:
    """Join the channels that the format can hold."""
    if alpha is not None and not OUTPUTS[form].alpha:
        pixels = pixels * (alpha > 0)[..., np.newaxis]  # hidden colours are not shown
        alpha = None
        warnings.append(f"{form.upper()} has no alpha channel; it was left out")
    if pixels.shape[2] == 1 and not OUTPUTS[form].grey:
        pixels = np.repeat(pixels, 3, axis=2)
    return pixels if alpha is None else np.dstack([pixels, alpha])


def _fit_profile(metadata: Metadata, form: str, warnings: list[str]) -> Metadata:
    """Leave out a profile that is too long, or grey where the format stores grey as RGB."""
    if len(metadata.icc or b"") > LONGEST_BLOCK:
        warnings.append("the colour profile is longer than 16 MiB; left out")
        return replace(metadata, icc=None)
    if OUTPUTS[form].grey or profile_space(metadata.icc) != "GRAY":
        return metadata
    warnings.append(f"{form.upper()} stores grey as RGB; the grey profile was left out")
    return replace(metadata, icc=None)


def _fit_extras(metadata: Metadata, form: str, warnings: list[str]) -> Metadata:
    """Leave out what the format cannot hold, with a warning."""
    warnings += metadata.warnings_for(form)
    return metadata if form in {"jpeg", "png", "tiff"} else with_density(metadata)


def to_depth(pixels: NDArray[Any], bit_depth: int) -> Pixels:
    """Convert code values between 8 and 16 bits: v·257, or v/257 rounded to the nearest integer.

    Examples
    --------
    >>> to_depth(np.array([0, 128, 129, 65535], np.uint16), 8)
    array([  0,   0,   1, 255], dtype=uint8)
    """
    if 8 * pixels.itemsize == bit_depth:
        return pixels
    converted = np.empty(pixels.shape, np.uint16 if bit_depth == 16 else np.uint8)
    for part in row_blocks(len(pixels), pixels[:1].nbytes):
        block = pixels[part].astype(np.uint32)
        converted[part] = block * 257 if bit_depth == 16 else (block + 128) // 257
    return converted


def _encode(
    pixels: Pixels, form: str, stream: BinaryIO, metadata: Metadata, quality: int
) -> list[str]:
    """Encode with the codec of the format; return warnings."""
    if form == "tiff":
        from expinterp.images.codecs import tiff_write

        tiff_write.encode(pixels, stream, metadata=metadata)
        return []
    if form == "png":
        from expinterp.images.codecs import png

        png.encode(pixels, stream, metadata=metadata)
        return []
    if form == "jxl":
        from expinterp.images.codecs import jxl

        jxl.encode(pixels, stream, metadata=metadata, quality=quality)
        return []
    from expinterp.images.codecs import pillow

    return pillow.encode(pixels, form, stream, metadata=metadata, quality=quality)

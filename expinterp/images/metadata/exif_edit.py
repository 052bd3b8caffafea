"""Correcting metadata that are not true for new pixels, or for a virtual photograph.

EXIF blocks are changed as `ifd` describes: untrue fields are overwritten or unlinked. All other
bytes, maker notes with their offsets included, stay.

Source of tags: CIPA DC-008 (Exif 2.32).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from expinterp.images.metadata import ifd, tags, xmp
from expinterp.images.metadata.exif import (
    Fields,
    read_directories,
    read_exposure,
    read_orientation,
    read_resolution,
)
from expinterp.images.metadata.exif_repair import repair, sound
from expinterp.images.photograph import Extra, Metadata

_PER_INCH = 2  # ResolutionUnit
_TIME_TOLERANCE = 0.002  # relative error of a time written as 1/n: 0.003 EV


def with_exposure_time(metadata: Metadata, time: float | None) -> Metadata:
    """Replace the exposure time of a shot by that of a virtual photograph.

    The exposure compensation follows the time. Where it or one of the times is not known, it is
    removed.

    Parameters
    ----------
    metadata : Metadata
        Those of the shot from which the virtual photograph is computed.
    time : float or None
        Seconds; stored even if there was no EXIF block. None if the time is not known: the time of
        the shot is then removed.

    Raises
    ------
    ValueError
        If `time` is not positive and finite.
    """
    if time is not None and not 0 < time < math.inf:
        message = f"an exposure time is positive and finite, not {time}"
        raise ValueError(message)
    fraction = None if time is None else time_as_fraction(time)
    metadata = sound(metadata)
    before = read_exposure(metadata.exif, metadata.xmp).time
    stops = math.log2(time / before) if time and before else None
    exif = ifd.EMPTY_BLOCK if fraction and metadata.exif is None else metadata.exif
    if exif is not None:
        exif = _state_time(exif, fraction, stops)
    return replace(metadata, exif=exif, xmp=xmp.state_time(metadata.xmp, fraction, stops))


def time_as_fraction(time: float) -> tuple[int, int]:
    """Write a time as cameras do: below 1 s as 1/n if that is close enough, else as a decimal.

    Examples
    --------
    >>> time_as_fraction(1 / 120), time_as_fraction(0.4), time_as_fraction(2.83)
    ((1, 120), (10, 25), (283, 100))
    """
    largest = 2**32 - 1
    for scale in (1, 10, 100, 1000):
        above, below = (scale, round(scale / time)) if time < 1 else (round(time * scale), scale)
        if abs(above / max(below, 1) / time - 1) <= _TIME_TOLERANCE:
            break
    return max(1, min(above, largest)), max(1, min(below, largest))


def _state_time(exif: bytes, fraction: tuple[int, int] | None, stops: float | None) -> bytes:
    """Set or unlink exposure time, shutter speed and exposure compensation."""
    block = bytearray(exif)
    of_time = (tags.EXPOSURE_TIME, tags.SHUTTER_SPEED, tags.EXPOSURE_BIAS)
    order, first, fields = read_directories(block)
    bias = ifd.read_number(block, order, first.fields | fields, tags.EXPOSURE_BIAS)
    _drop_fields(block, ifd.FIRST_POINTER, *of_time)  # the place in TIFF/EP
    values = _values_of_time(order, fraction)
    if bias is not None and stops is not None and abs(bias) <= tags.LARGEST_BIAS:
        shifted = struct.pack(order + "ii", *tags.bias_as_fraction(bias + stops))
        values[tags.EXPOSURE_BIAS] = (ifd.SRATIONAL, shifted)
    _set_in_exif(block, of_time, values)
    return bytes(block)


def _values_of_time(
    order: ifd.Order, fraction: tuple[int, int] | None
) -> dict[int, tuple[int, bytes]]:
    """Return type and value of exposure time and shutter speed; nothing if the time is not known."""
    if fraction is None:
        return {}
    speed = struct.pack(order + "ii", round(-math.log2(fraction[0] / fraction[1]) * 1e6), 10**6)
    return {
        tags.EXPOSURE_TIME: (ifd.RATIONAL, struct.pack(order + "II", *fraction)),
        tags.SHUTTER_SPEED: (ifd.SRATIONAL, speed),
    }


def _set_in_exif(
    block: bytearray, of_time: Iterable[int], values: dict[int, tuple[int, bytes]]
) -> None:
    """Set fields of the EXIF directory, which is made if it is missing; unlink those without value.

    Only the exposure time is added where it was not stated.
    """
    order, first, fields = read_directories(block)
    if tags.EXIF_DIRECTORY not in first.fields:
        if not values:
            return
        start = struct.pack(order + "I", ifd.append_directory(block, order, ()))
        ifd.add_fields(block, ifd.FIRST_POINTER, {tags.EXIF_DIRECTORY: (ifd.LONG, start)})
        _, first, _ = read_directories(block)
    pointer_at = first.fields[tags.EXIF_DIRECTORY].start
    _drop_fields(block, pointer_at, *(tag for tag in of_time if tag not in values))
    for tag, (kind, value) in values.items():
        if tag in fields or tag == tags.EXPOSURE_TIME:
            alone = _is_alone(block, tag)
            ifd.set_field(block, pointer_at, tag=tag, kind=kind, value=value, in_place=alone)


def _drop_fields(block: bytearray, pointer_at: int, *tags: int) -> None:
    """Unlink fields of one directory."""
    for tag in tags:
        ifd.drop_field(block, pointer_at, tag=tag)


def _is_alone(block: ifd.Block, tag: int) -> bool:
    """Return whether nothing else in the block shares bytes with a field of the EXIF directory.

    Cameras fill a JPEG segment to its last byte, so a value should stay where it is.
    """
    _, _, exif = read_directories(block)
    own = exif.get(tag)
    if own is None:
        return False
    return sum(start < own.stop and own.start < stop for start, stop in used_spans(block)) == 1


def used_spans(block: ifd.Block) -> list[tuple[int, int]]:
    """List the first and end bytes of all directories but that of the thumbnail, and of values."""
    order, first, exif = read_directories(block)
    found = first.fields | exif
    directories = [first]
    pointers = tags.SUBDIRECTORIES & found.keys()
    directories += [ifd.subdirectory(block, order, found[pointer]) for pointer in pointers]
    spans = [(directory.start, directory.next_at + 4) for directory in directories]
    fields = (field for directory in directories for field in directory.fields.values())
    return spans + [(field.start, field.stop) for field in fields]


def fit_to_pixels(metadata: Metadata, rows: int, cols: int) -> Metadata:
    """Correct metadata for upright pixels of a given size.

    A stated orientation becomes 1, and stated sizes are replaced. The directory of the thumbnail,
    which shows the old picture, is unlinked. What cannot be read is left out and named in `extras`.

    Blocks without untrue fields stay the same objects.
    """
    metadata = sound(metadata)
    exif = metadata.exif and _fit_exif(metadata.exif, rows, cols)
    packet = metadata.xmp and xmp.fit(metadata.xmp, rows, cols)
    gone = (
        (Extra("the XMP packet, which is damaged or too long", {}),)
        if metadata.xmp and not packet
        else ()
    )
    return replace(metadata, exif=exif, xmp=packet, extras=(*metadata.extras, *gone))


def _fit_exif(exif: bytes, rows: int, cols: int) -> bytes:
    """Correct the orientation and sizes of a sound block, and unlink the thumbnail."""
    block = bytearray(exif)
    order, first, fields = read_directories(block)
    sizes = {tags.IMAGE_WIDTH: cols, tags.IMAGE_LENGTH: rows}
    _overwrite_numbers(block, order, first.fields, sizes | {tags.ORIENTATION: 1})
    _overwrite_numbers(block, order, fields, {tags.PIXEL_COLS: cols, tags.PIXEL_ROWS: rows})
    end = first.next_at + 4
    # Some writers leave out the pointer to the next directory: a value lies there.
    is_value = any(
        f.start < end and first.next_at < f.stop for f in (first.fields | fields).values()
    )
    if not is_value and ifd.following_directory(block, order, first):
        struct.pack_into(order + "I", block, first.next_at, 0)
    return bytes(block)


def _overwrite_numbers(
    block: bytearray, order: ifd.Order, fields: Fields, values: dict[int, int]
) -> None:
    """Overwrite existing whole-number fields, as SHORT where the value fits, else LONG."""
    for tag, value in values.items():
        if tag in fields:
            kind, code = (ifd.SHORT, "H") if value < 1 << 16 else (ifd.LONG, "I")
            record = ifd.make_record(block, order, tag, kind, struct.pack(order + code, value))
            block[fields[tag].record : fields[tag].record + len(record)] = record


def without_orientation(exif: bytes) -> bytes:
    """Unlink the orientation of a sound block, for containers that state it outside of EXIF."""
    block = bytearray(exif)
    ifd.drop_field(block, ifd.FIRST_POINTER, tag=tags.ORIENTATION)
    return bytes(block)


def with_orientation(exif: bytes | None, orientation: int) -> bytes | None:
    """State the orientation of a container in the block, unless it is stated so there already."""
    if read_orientation(exif) == orientation:
        return exif
    with suppress(ifd.DamagedBlockError):
        block = bytearray(repair(exif or ifd.EMPTY_BLOCK)[0])
        value = struct.pack(ifd.byte_order(block) + "H", orientation)
        where, tag = ifd.FIRST_POINTER, tags.ORIENTATION
        ifd.set_field(block, where, tag=tag, kind=ifd.SHORT, value=value, in_place=False)
        return bytes(block)
    return with_orientation(None, orientation)


def with_density(metadata: Metadata) -> Metadata:
    """State the pixel density in the EXIF block, for formats that hold it nowhere else."""
    if metadata.density is None or read_resolution(metadata.exif) is not None:
        return metadata
    block = bytearray(metadata.exif or ifd.EMPTY_BLOCK)
    fields = density_fields(ifd.byte_order(block), metadata.density)
    ifd.add_fields(block, ifd.FIRST_POINTER, fields)
    return replace(metadata, exif=bytes(block))


def density_fields(order: ifd.Order, density: tuple[float, float]) -> dict[int, tuple[int, bytes]]:
    """Return type and value of the fields of a density in pixels per inch."""
    parts = [struct.pack(order + "II", min(round(each * 100), 2**32 - 1), 100) for each in density]
    fields = dict(zip((tags.X_RESOLUTION, tags.Y_RESOLUTION), parts, strict=True))
    unit = (ifd.SHORT, struct.pack(order + "H", _PER_INCH))
    return {tag: (ifd.RATIONAL, value) for tag, value in fields.items()} | {
        tags.RESOLUTION_UNIT: unit
    }

"""Correcting metadata that are not true for new pixels, or for a virtual photograph.

EXIF blocks are changed as `ifd` describes: untrue fields are overwritten or unlinked. All other
bytes, maker notes with their offsets included, stay.

Source of tags: CIPA DC-008 (Exif 2.32).
"""

from __future__ import annotations

import math
import struct
from contextlib import suppress
from dataclasses import replace

from expinterp.images.metadata import ifd, tags, xmp
from expinterp.images.metadata.exif import Fields, read_directories, read_orientation
from expinterp.images.metadata.exif_repair import repair, sound
from expinterp.images.photograph import Metadata

_TIME_TOLERANCE = 0.002  # relative error of a time written as 1/n: 0.003 EV


def with_exposure_time(metadata: Metadata, time: float | None) -> Metadata:
    """Replace the exposure time of a shot by that of a virtual photograph.

    The exposure compensation, which is not true for a virtual photograph, is removed.

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
    exif = metadata.exif
    if fraction is not None and exif is None:
        exif = ifd.EMPTY_BLOCK
    if exif is not None:
        exif = _state_time(exif, fraction)
    packet, extension = (
        xmp.state_time(part, fraction) for part in (metadata.xmp, metadata.xmp_extension)
    )
    return replace(metadata, exif=exif, xmp=packet, xmp_extension=extension)


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


def _state_time(exif: bytes, fraction: tuple[int, int] | None) -> bytes:
    """Set or unlink exposure time and shutter speed; unlink the exposure compensation."""
    block = bytearray(exif)
    of_time = (tags.EXPOSURE_TIME, tags.SHUTTER_SPEED)
    _drop_fields(block, ifd.FIRST_POINTER, *of_time, tags.EXPOSURE_BIAS)  # the place in TIFF/EP
    _, first, _ = read_directories(block)
    if tags.EXIF_DIRECTORY in first.fields:
        untrue = () if fraction else of_time
        pointer_at = first.fields[tags.EXIF_DIRECTORY].start
        _drop_fields(block, pointer_at, *untrue, tags.EXPOSURE_BIAS)
    if fraction:
        _set_time(block, fraction)
    return bytes(block)


def _set_time(block: bytearray, fraction: tuple[int, int]) -> None:
    """Set the exposure time, and the shutter speed if there is one."""
    order, first, fields = read_directories(block)
    if tags.EXIF_DIRECTORY not in first.fields:
        start = struct.pack(order + "I", ifd.append_directory(block, order, ()))
        ifd.add_fields(block, ifd.FIRST_POINTER, {tags.EXIF_DIRECTORY: (ifd.LONG, start)})
        _, first, fields = read_directories(block)
    values = {tags.EXPOSURE_TIME: (ifd.RATIONAL, struct.pack(order + "II", *fraction))}
    if tags.SHUTTER_SPEED in fields:
        speed = struct.pack(order + "ii", round(-math.log2(fraction[0] / fraction[1]) * 1e6), 10**6)
        values[tags.SHUTTER_SPEED] = (ifd.SRATIONAL, speed)
    pointer_at = first.fields[tags.EXIF_DIRECTORY].start
    for tag, (kind, value) in values.items():
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
    packet, extension = (
        xmp.fit(part, rows, cols) for part in (metadata.xmp, metadata.xmp_extension)
    )
    return replace(metadata, exif=exif, xmp=packet, xmp_extension=extension)


def _fit_exif(exif: bytes, rows: int, cols: int) -> bytes:
    """Correct the orientation and sizes of a sound block, and unlink the thumbnail."""
    block = bytearray(exif)
    order, first, fields = read_directories(block)
    sizes = {tags.IMAGE_WIDTH: cols, tags.IMAGE_LENGTH: rows}
    _overwrite_numbers(block, order, first.fields, sizes | {tags.ORIENTATION: 1})
    _overwrite_numbers(block, order, fields, {tags.PIXEL_COLS: cols, tags.PIXEL_ROWS: rows})
    if ifd.following_directory(block, order, first):
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

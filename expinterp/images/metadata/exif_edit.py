"""Correcting metadata that are not true for new pixels, or for a virtual photograph.

EXIF blocks are changed as `ifd` describes: untrue fields are overwritten or unlinked. All other
bytes, maker notes with their offsets included, stay.

Source of tags: CIPA DC-008 (Exif 2.32).
"""

from __future__ import annotations

import math
import struct
from dataclasses import replace

from expinterp.images.metadata import ifd, tags, xmp
from expinterp.images.metadata.exif import Fields, read_directories
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
    exif = metadata.exif
    if fraction is not None and exif is None:
        exif = ifd.EMPTY_BLOCK
    if exif is not None:
        try:
            exif = _state_time(exif, fraction)
        except ifd.DamagedBlockError:
            exif = metadata.exif  # `fit_to_pixels` finds the damage again and reports it
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
    for pointer in tags.SUBDIRECTORIES & found.keys():
        below = ifd.read_offset(block, order, found[pointer].start)
        directories.append(ifd.read_directory(block, order, below))
    spans = [(directory.start, directory.next_at + 4) for directory in directories]
    fields = (field for directory in directories for field in directory.fields.values())
    return spans + [(field.start, field.stop) for field in fields]


def fit_to_pixels(metadata: Metadata, rows: int, cols: int) -> tuple[Metadata, list[str]]:
    """Correct metadata for upright pixels of a given size.

    A stated orientation becomes 1, and stated sizes are replaced. The directory of the thumbnail,
    which shows the old picture, is unlinked. A damaged EXIF block is left out.

    Blocks without untrue fields stay the same objects. Warnings are returned too.
    """
    warnings = []
    exif = metadata.exif
    if exif is not None:
        try:
            exif = _fit_exif(exif, rows, cols)
        except ifd.DamagedBlockError as error:
            exif = None
            warnings.append(f"the EXIF block is damaged ({error}) and was left out")
    packet, extension = (
        xmp.fit(part, rows, cols) for part in (metadata.xmp, metadata.xmp_extension)
    )
    return replace(metadata, exif=exif, xmp=packet, xmp_extension=extension), warnings


def _fit_exif(exif: bytes, rows: int, cols: int) -> bytes:
    """Correct the orientation and sizes of a block, and unlink the thumbnail."""
    block = bytearray(exif)
    order, first, fields = read_directories(block)
    _check_subdirectories(block, order, first.fields | fields)
    sizes = {tags.IMAGE_WIDTH: cols, tags.IMAGE_LENGTH: rows}
    _overwrite_numbers(block, order, first.fields, sizes | {tags.ORIENTATION: 1})
    _overwrite_numbers(block, order, fields, {tags.PIXEL_COLS: cols, tags.PIXEL_ROWS: rows})
    if ifd.following_directory(block, order, first):
        struct.pack_into(order + "I", block, first.next_at, 0)
    return bytes(block)


def _check_subdirectories(block: ifd.Block, order: ifd.Order, fields: Fields) -> None:
    """Raise `DamagedBlockError` if a subdirectory cannot be read."""
    for tag in tags.SUBDIRECTORIES & fields.keys():
        ifd.follow_pointer(block, order, fields[tag].start)


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

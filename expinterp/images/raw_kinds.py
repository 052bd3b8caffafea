"""Recognising raw files by their content, so that an embedded preview is never read as the photograph.

Most raw files are TIFFs: the first directory often holds a preview, another one the sensor data.

Source: Adobe DNG 1.7 (PhotometricInterpretation of sensor data); TIFF/EP (ISO 12234-2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from expinterp.images.developing.raw_files import mapped
from expinterp.images.formats import is_raw_head
from expinterp.images.metadata import ifd, tags

_SENSOR_DATA = {32803, 34892}  # PhotometricInterpretation: a colour filter array, linear raw
_DEVELOPED = {2, 5, 6, 8}  # RGB, CMYK, YCbCr, Lab: a copied pattern means nothing there
_BELOW = 0x014A  # SubIFDs
_CFA_PATTERN, _DNG_VERSION, _SUBFILE_TYPE = 0x828E, 0xC612, 0x00FE
_MOST = 32  # directories that are looked at
_HEAD = 64


def is_raw(block: ifd.Block) -> bool:
    """Return whether a file, or the block of its directories, is raw: by first bytes and tags.

    A directory that is damaged ends the search.
    """
    if is_raw_head(bytes(block[:_HEAD])):
        return True
    try:
        return any(_is_sensor_data(*found) for found in _directories(block))
    except (ifd.DamagedBlockError, struct.error):
        return False


def refine_format(form: str, stream: BinaryIO) -> str:
    """Distinguish raw files from other TIFF files by their directories; the stream is at 0 again."""
    if form != "tiff":
        return form
    with mapped(stream) as block:
        found = "raw" if is_raw(block) else form
    stream.seek(0)
    return found


def _is_sensor_data(block: ifd.Block, order: ifd.Order, fields: dict[int, ifd.Field]) -> bool:
    """Return whether a directory describes the pixels of a sensor, or a preview of a DNG."""
    photometric = ifd.read_number(block, order, fields, tags.PHOTOMETRIC)
    reduced = int(ifd.read_number(block, order, fields, _SUBFILE_TYPE) or 0) & 1
    preview = _DNG_VERSION in fields and (reduced or _BELOW in fields)
    mosaic = _CFA_PATTERN in fields and photometric not in _DEVELOPED
    return photometric in _SENSOR_DATA or mosaic or bool(preview)


def _directories(block: ifd.Block) -> Iterator[tuple[ifd.Block, ifd.Order, dict[int, ifd.Field]]]:
    """Yield the directories of a file one after another, each with those below it."""
    order = ifd.byte_order(block)
    waiting = [ifd.read_offset(block, order, ifd.first_pointer(block))]
    met: set[int] = set()
    while waiting and len(met) < _MOST:
        start = waiting.pop(0)
        if not start or start in met:
            continue
        met.add(start)
        directory = ifd.read_directory(block, order, start)
        yield block, order, directory.fields
        if _BELOW in directory.fields:
            numbers = ifd.read_numbers(block, order, directory.fields[_BELOW])
            waiting += [int(number) for number in numbers[:_MOST]]
        waiting.append(ifd.following_directory(block, order, directory))

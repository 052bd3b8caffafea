"""Recognising raw files by their content, so that an embedded preview is never read as the photograph.

Most raw files are TIFFs: the first directory often holds a preview, another one the sensor data.

Source: Adobe DNG 1.7 (PhotometricInterpretation of sensor data); TIFF/EP (ISO 12234-2).
"""

from __future__ import annotations

from typing import BinaryIO

from expinterp.images.developing.raw_files import SENSOR, directories, mapped
from expinterp.images.formats import is_raw_head
from expinterp.images.metadata import ifd, tags

_DEVELOPED = {2, 5, 6, 8}  # RGB, CMYK, YCbCr, Lab: a copied pattern means nothing there
_CFA_PATTERN, _SUBFILE_TYPE = 0x828E, 0x00FE
_HEAD = 64
_FLOAT = 3  # SampleFormat


def is_raw(block: ifd.Block) -> bool:
    """Return whether a file, or the block of its directories, is raw: by first bytes and tags.

    A directory that is damaged ends the search.
    """
    if is_raw_head(bytes(block[:_HEAD])):
        return True
    return any(_is_sensor_data(block, directory.fields) for directory in directories(block))


def refine_format(form: str, stream: BinaryIO) -> str:
    """Distinguish raw files from other TIFF files by their directories; the stream is at 0 again."""
    if form != "tiff":
        return form
    with mapped(stream) as block:
        found = "raw" if is_raw(block) else form
    stream.seek(0)
    return found


def has_floats(stream: BinaryIO) -> bool:
    """Return whether the first page of a TIFF has floating-point samples."""
    with mapped(stream) as block:
        for directory in directories(block):
            order = ifd.byte_order(block)
            return ifd.read_number(block, order, directory.fields, tags.SAMPLE_FORMAT) == _FLOAT
    return False


def _is_sensor_data(block: ifd.Block, fields: dict[int, ifd.Field]) -> bool:
    """Return whether a directory describes the pixels of a sensor, or a preview of a DNG."""
    order = ifd.byte_order(block)
    photometric = ifd.read_number(block, order, fields, tags.PHOTOMETRIC)
    reduced = int(ifd.read_number(block, order, fields, _SUBFILE_TYPE) or 0) & 1
    preview = tags.DNG_VERSION in fields and (reduced or tags.SUB_DIRECTORIES in fields)
    mosaic = _CFA_PATTERN in fields and photometric not in _DEVELOPED
    return photometric in SENSOR or mosaic or bool(preview)

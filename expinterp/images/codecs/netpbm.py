"""PBM, PGM, PPM and PAM of 1 to 16 bits, and PFM of floats: a header in words, then samples.

Source: the manual of Netpbm (pbm, pgm, ppm, pam); Debevec, "PFM Portable FloatMap".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from expinterp.errors import ImageFileError
from expinterp.images.codecs.depths import stretch
from expinterp.images.limits import REMEDY, check_size
from expinterp.images.photograph import Decoded, Metadata

_GAP = rb"(?:\s|#[^\n]*\n)+"
_SIZE = rb"P([1-6Ff])" + _GAP + rb"(\d{1,9})" + _GAP + rb"(\d{1,9})"
_WORDS = {  # of a header, by kind
    b"14": re.compile(_SIZE + rb"\s"),
    b"2356": re.compile(_SIZE + _GAP + rb"(\d{1,9})\s"),
    b"Ff": re.compile(_SIZE + _GAP + rb"(-?[\d.eE+]{1,20})\s"),
}
_PAM = re.compile(rb"P7\s(.*?)\nENDHDR\n", re.DOTALL)
_COMMENT = re.compile(rb"#[^\n]*")
_PAM_SIZES = (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")
_LONGEST_HEAD = 1 << 16  # bytes


@dataclass(frozen=True)
class _Head:
    """What a header states."""

    kind: bytes  # one of 1..7, F, f
    cols: int
    rows: int
    channels: int
    top: float  # the largest sample; of a PFM the scale, negative if the lowest byte comes first
    start: int  # offset of the samples


def read_size(data: bytes) -> tuple[int, int, int]:
    """Read rows, columns and bits per channel, 8 or 16, from the first bytes."""
    head = _read_head(data)
    return head.rows, head.cols, 8 if head.kind not in b"Ff" and head.top < 256 else 16


def _read_head(data: bytes) -> _Head:
    if data.startswith(b"P7"):
        return _read_pam(data)
    for kinds, words in _WORDS.items():
        if data[1] in kinds and (found := words.match(data[:_LONGEST_HEAD])):
            kind, cols, rows, *top = found.groups()
            channels = 3 if kind in {b"3", b"6", b"F"} else 1
            largest = float(top[0]) if top else 1
            return _Head(kind, int(cols), int(rows), channels, largest, found.end())
    message = f"damaged PPM or PFM (it states no size); {REMEDY}"
    raise ImageFileError(message)


def _read_pam(data: bytes) -> _Head:
    """Read the header of a PAM: lines of a name and a value."""
    found = _PAM.match(data[:_LONGEST_HEAD])
    lines = (line.split() for line in (found[1] if found else b"").splitlines())
    stated = {line[0]: line[1] for line in lines if len(line) > 1}
    if found is None or not all(stated.get(name, b"").isdigit() for name in _PAM_SIZES):
        message = f"damaged PAM (it states no size); {REMEDY}"
        raise ImageFileError(message)
    cols, rows, channels, top = (int(stated[name]) for name in _PAM_SIZES)
    if not 1 <= channels <= 4:
        message = f"PAM with {channels} channels; save it as grey, RGB or RGBA"
        raise ImageFileError(message)
    return _Head(b"7", cols, rows, channels, top, found.end())


def decode(stream: BinaryIO, max_pixels: int) -> Decoded:
    """Decode PBM, PGM, PPM or PAM to 8 bits, or to 16 if the largest sample is above 255.

    Raises
    ------
    ImageFileError
        If the picture is larger than `max_pixels`, or the header is damaged.
    Exception
        Any that NumPy raises if samples are missing.
    """
    data = stream.read()
    head = _read_head(data)
    check_size(head.cols, head.rows, max_pixels)
    if not 1 <= head.top <= 65_535:
        message = f"PPM with samples up to {head.top:g}; save it with 8 or 16 bits"
        raise ImageFileError(message)
    samples, end = _read_samples(data, head)
    more = data[end:].lstrip()[:1] == b"P"
    warnings = ["the file holds several pictures; only the first is read"] * more
    return Decoded(stretch(samples, int(head.top)), Metadata(), warnings)


def read_floats(data: bytes, max_pixels: int) -> NDArray[np.float32]:
    """Decode PFM to linear light, (rows, cols, 1 or 3); the file begins with the lowest row."""
    head = _read_head(data)
    check_size(head.cols, head.rows, max_pixels)
    shape = head.rows, head.cols, head.channels
    dtype = "<f4" if head.top < 0 else ">f4"
    values = np.frombuffer(data, dtype, int(np.prod(shape)), head.start).reshape(shape)
    return np.asarray(values[::-1], np.float32)


def _read_samples(data: bytes, head: _Head) -> tuple[NDArray[Any], int]:
    """Read the samples, (rows, cols, channels), where 0 is black; and the offset behind them."""
    shape = head.rows, head.cols, head.channels
    if head.kind in {b"1", b"2", b"3"}:
        return _read_digits(data, head).reshape(shape), len(data)
    if head.kind == b"4":
        row = -(-head.cols // 8)
        packed = np.frombuffer(data, np.uint8, head.rows * row, head.start).reshape(-1, row)
        bits = 1 - np.unpackbits(packed, axis=1, count=head.cols)
        return bits.reshape(shape), head.start + packed.size
    dtype = np.dtype("u1" if head.top < 256 else ">u2")
    count = int(np.prod(shape))
    samples = np.frombuffer(data, dtype, count, head.start).reshape(shape)
    return samples.astype(dtype.newbyteorder("=")), head.start + samples.nbytes


def _read_digits(data: bytes, head: _Head) -> NDArray[Any]:
    """Read samples that are written in words; those of a PBM may lack spaces, and 1 is black."""
    text = _COMMENT.sub(b"", data[head.start :])
    count = head.rows * head.cols * head.channels
    if head.kind == b"1":
        digits = b"".join(text.split())
        return 49 - np.frombuffer(digits, np.uint8, count)
    words = text.split(None, count)[:count]
    values = np.array(words).astype(np.int64) if len(words) == count else np.empty(0)
    return np.clip(values, 0, head.top).astype(np.uint16 if head.top > 255 else np.uint8)

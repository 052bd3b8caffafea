"""Colour profiles of the output spaces, built from their primaries and curves.

Matrix profiles of version 4.3. Source: ICC.1:2010 (tags and their types); the white of a profile is
D50, and the primaries are adapted to it by the Bradford transform (annex E).
"""

from __future__ import annotations

import struct
from functools import cache

import numpy as np

from expinterp.core.arrays import Floats
from expinterp.core.encoding import SPACES, Curve, Space

D50 = (0.9642, 1.0, 0.8249)  # X Y Z
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
DATE = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)  # the same always: equal pixels give equal files


@cache
def icc_profile(space: Space) -> bytes:
    """Build the colour profile of an output space."""
    colours = SPACES[space]
    adaptation = _to_d50(colours.to_xyz.sum(axis=1))
    columns = (adaptation @ colours.to_xyz).T
    curve = _parametric(colours.curve)
    tags = {
        b"desc": _text(colours.name),
        b"cprt": _text("CC0, no rights reserved"),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(*D50),
        b"chad": b"sf32\0\0\0\0" + _fixed(*adaptation.ravel()),
        **{
            bytes([letter]) + b"XYZ": b"XYZ \0\0\0\0" + _fixed(*column)
            for letter, column in zip(b"rgb", columns, strict=True)
        },
        **{bytes([letter]) + b"TRC": curve for letter in b"rgb"},
    }
    return _assemble(tags)


def _assemble(tags: dict[bytes, bytes]) -> bytes:
    """Join the header, the table of tags and their values; equal values are stored once."""
    values = b""
    places: dict[bytes, int] = {}
    first = 128 + 4 + 12 * len(tags)
    for value in tags.values():
        if value not in places:
            places[value] = first + len(values)
            values += value + bytes(-len(value) % 4)
    table = b"".join(
        name + struct.pack(">II", places[value], len(value)) for name, value in tags.items()
    )
    size = first + len(values)
    header = struct.pack(">I4x4s4s4s4s", size, b"\x04\x30\0\0", b"mntr", b"RGB ", b"XYZ ")
    header += DATE + b"acsp" + bytes(28) + _fixed(*D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + values


def _to_d50(white: Floats) -> Floats:
    """Return the Bradford adaptation from a white, X Y Z, to D50."""
    gain = (BRADFORD @ np.array(D50)) / (BRADFORD @ white)
    return np.asarray(np.linalg.solve(BRADFORD, gain[:, np.newaxis] * BRADFORD))


def _text(text: str) -> bytes:
    """Encode a text of one language."""
    data = text.encode("utf-16-be")
    return struct.pack(">4s4xII4sII", b"mluc", 1, 12, b"enUS", len(data), 28) + data


def _parametric(curve: Curve) -> bytes:
    """Encode the decoding of a curve: ((E + a − 1)/a)^g, and E/slope below the knee."""
    if not curve.slope:
        return struct.pack(">4s4xH2x", b"para", 0) + _fixed(curve.exponent)
    a = curve.scale
    values = curve.exponent, 1 / a, (a - 1) / a, 1 / curve.slope, curve.slope * curve.knee
    return struct.pack(">4s4xH2x", b"para", 3) + _fixed(*values)


def _fixed(*values: float) -> bytes:
    """Encode numbers with 16 bits after the point."""
    return struct.pack(f">{len(values)}i", *(round(65_536 * value) for value in values))

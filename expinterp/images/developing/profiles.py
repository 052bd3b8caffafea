"""Colour profiles of the output spaces, built from their primaries and curves.

Matrix profiles of version 4.3. Source: ICC.1:2010 (tags and their types); the white of a profile is
D50, and the primaries are adapted to it by the Bradford transform (annex E).
"""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import cache

import numpy as np

from expinterp.core.arrays import Floats
from expinterp.core.encoding import SPACES, SRGB_CURVE, WHITE, Curve, Space, to_xyz
from expinterp.errors import ImageFileError
from expinterp.images.metadata.icc import profile_name, profile_space, read_numbers, tag_value

D50 = (0.9642, 1.0, 0.8249)  # X Y Z
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
DATE = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)  # the same always: equal pixels give equal files
SRGB = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, *WHITE)  # x, y of R, G, B and white
_SPACES_OF_PRIMARIES: dict[int, Space] = {12: "display-p3", 9: "rec2020"}
GRID = np.linspace(0, 1, 257)  # code values at which curves are compared
SAME_PRIMARIES = 2e-3  # largest difference of x and y
SAME_CURVE = 5e-4  # largest difference in light; tables are rounded
LONGEST_TABLE = 1 << 16
LINEAR = struct.pack(">4s4xI", b"curv", 0)  # the curve of linear light


@cache
def icc_profile(space: Space) -> bytes:
    """Build the colour profile of an output space."""
    colours = SPACES[space]
    return matrix_profile(colours.name, (*np.ravel(colours.primaries), *WHITE), colours.curve)


def profile_of_primaries(number: int) -> bytes | None:
    """Build the profile of primaries by their code point (H.273); None for those that count as sRGB."""
    space = _SPACES_OF_PRIMARIES.get(number)
    return icc_profile(space) if space else None


def matrix_profile(name: str, primaries: tuple[float, ...], curve: Curve) -> bytes:
    """Build a profile from x, y of R, G, B and white, and the curve of all three."""
    colours = to_xyz(primaries)
    adaptation = _to_d50(colours.sum(axis=1))
    return _matrix_profile(name, adaptation, (adaptation @ colours).T, _parametric(curve))


def grey_profile(name: str, curve: Curve) -> bytes:
    """Build a profile of grey."""
    white = b"XYZ \0\0\0\0" + _fixed(*D50)
    return _assemble(_named(name) | {b"wtpt": white, b"kTRC": _parametric(curve)}, b"GRAY")


@cache
def linear_profile(icc: bytes | None) -> bytes | None:
    """Build a profile with the primaries of another one, sRGB by default, and a linear curve.

    None if that has no primaries: a profile of tables, or of grey.
    """
    colorants = _colorants(icc)
    if colorants is None:
        return None
    adaptation, columns = colorants
    name = "linear sRGB" if icc is None else f"linear {profile_name(icc)}"
    return _matrix_profile(name, adaptation, columns, LINEAR)


def read_primaries(icc: bytes | None) -> tuple[float, ...]:
    """Read x, y of R, G, B and white of a profile; those of sRGB if it states none."""
    colorants = _colorants(icc) if icc else None
    if colorants is None:
        return SRGB
    adaptation, columns = colorants
    xyz = np.linalg.solve(adaptation, np.vstack([columns, D50]).T).T
    return tuple(np.round(xyz[:, :2] / xyz.sum(axis=1, keepdims=True), 5).ravel().tolist())


def matrix_to_srgb(primaries: tuple[float, ...]) -> Floats | None:
    """Return the matrix to linear sRGB, white to white by Bradford; None for those of sRGB.

    Raises
    ------
    ImageFileError
        If the primaries span no colours.
    """
    if np.allclose(primaries, SRGB, atol=SAME_PRIMARIES):
        return None
    target = SPACES["srgb"].to_xyz
    with suppress(np.linalg.LinAlgError), np.errstate(all="ignore"):
        source = to_xyz(primaries)
        adapted = _to_d50(source.sum(axis=1)) @ source
        matrix = np.linalg.solve(_to_d50(target.sum(axis=1)) @ target, adapted)
        if np.isfinite(matrix).all():
            return np.asarray(matrix)
    message = "its primaries span no colours; save it as sRGB"
    raise ImageFileError(message)


def has_primaries(icc: bytes) -> bool:
    """Return whether a profile states primaries: one of tables, or of grey, does not."""
    return _colorants(icc) is not None


def mean_the_same(one: bytes | None, other: bytes | None) -> bool:
    """Return whether two profiles state the same colours; no profile means sRGB."""
    found, wanted = _matrix_and_curve(one), _matrix_and_curve(other)
    if found is None or wanted is None:
        return False
    alike = np.abs(found[1].decode(GRID) - wanted[1].decode(GRID)).max() < 2 * SAME_CURVE
    return bool(alike and np.allclose(found[0], wanted[0], atol=SAME_PRIMARIES))


def _matrix_and_curve(icc: bytes | None) -> tuple[tuple[float, ...], Curve] | None:
    """Read primaries and curve of a profile; None if it is one of tables or of grey."""
    if icc is None:
        return SRGB, SRGB_CURVE
    curve = read_curve(icc) if has_primaries(icc) else None
    with suppress(struct.error):
        return None if curve is None or tag_value(icc, b"A2B0") else (read_primaries(icc), curve)
    return None


def read_curve(icc: bytes) -> Curve | None:
    """Read the curve of a profile: that of sRGB, that of BT.709, or a power.

    None if it is another one, or not the same for all channels.
    """
    names = [b"kTRC"] if profile_space(icc) == "GRAY" else [b"rTRC", b"gTRC", b"bTRC"]
    try:
        decoded = [_decode_curve(tag_value(icc, name)) for name in names]
    except (struct.error, ValueError):
        return None
    first = decoded[0]
    if first is None or any(each is None or (each != first).any() for each in decoded):
        return None
    middle = np.clip(first[len(GRID) // 2], 1e-6, 1 - 1e-6)
    power = Curve(float(np.log(middle) / np.log(GRID[len(GRID) // 2])))
    known = (SRGB_CURVE, SPACES["rec2020"].curve, Curve(1.0), SPACES["adobe-rgb"].curve, power)
    fits = (each for each in known if np.abs(each.decode(GRID) - first).max() < SAME_CURVE)
    return next(fits, None)


def _decode_curve(value: bytes) -> Floats | None:
    """Compute the light of `GRID` by a curve of a profile; None if it is of another kind."""
    (count,) = struct.unpack_from(">I", value, 8)
    if value[:4] == b"para" and count >> 16 in {0, 3}:
        numbers = np.array(struct.unpack_from(">5i" if count else ">i", value, 12)) / 65_536
        g, a, b, c, d = numbers if count else (numbers[0], 1, 0, 0, 0)
        with np.errstate(all="ignore"):  # in a damaged profile
            return np.where(d <= GRID, np.maximum(a * GRID + b, 0) ** g, c * GRID)
    if value[:4] != b"curv" or count > LONGEST_TABLE:
        return None
    table = np.array(struct.unpack_from(f">{count}H", value, 12), np.float64)
    if count < 2:
        return GRID ** (table[0] / 256) if count else GRID
    return np.asarray(np.interp(GRID, np.linspace(0, 1, count), table / 65_535))


def has_linear_curve(icc: bytes) -> bool:
    """Return whether a profile states that values are linear light, or no curve."""
    values = [tag_value(icc, bytes([letter]) + b"TRC") for letter in b"rgb"]
    linear = {
        LINEAR,
        struct.pack(">4s4xIH", b"curv", 1, 256),
        struct.pack(">4s4xH2xi", b"para", 0, 65_536),
    }
    return all(not value or any(value.startswith(each) for each in linear) for value in values)


def _colorants(icc: bytes | None) -> tuple[Floats, Floats] | None:
    """Read the adaptation to D50, (3, 3), and X Y Z of R, G, B, (3, 3); None if not stated.

    Version 2 states no adaptation: white is then that of sRGB and most other spaces, D65.
    """
    usual = _to_d50(SPACES["srgb"].to_xyz.sum(axis=1))
    if icc is None:
        return usual, (usual @ SPACES["srgb"].to_xyz).T
    rows = [read_numbers(icc, bytes([letter]) + b"XYZ") for letter in b"rgb"]
    if profile_space(icc) != "RGB" or any(len(row) != 3 for row in rows):
        return None
    chad = read_numbers(icc, b"chad")
    adaptation = np.reshape(chad, (3, 3)) if len(chad) == 9 else usual
    columns = np.array(rows)
    singular = min(abs(np.linalg.det(adaptation)), abs(np.linalg.det(columns))) < 1e-6
    return None if singular else (adaptation, columns)


def _matrix_profile(name: str, adaptation: Floats, columns: Floats, curve: bytes) -> bytes:
    """Build a profile from X Y Z of R, G and B, (3, 3), adapted to D50, and one encoded curve."""
    return _assemble(
        _named(name)
        | {
            b"wtpt": b"XYZ \0\0\0\0" + _fixed(*D50),
            b"chad": b"sf32\0\0\0\0" + _fixed(*adaptation.ravel()),
            **{
                bytes([letter]) + b"XYZ": b"XYZ \0\0\0\0" + _fixed(*column)
                for letter, column in zip(b"rgb", columns, strict=True)
            },
            **{bytes([letter]) + b"TRC": curve for letter in b"rgb"},
        }
    )


def _named(name: str) -> dict[bytes, bytes]:
    return {b"desc": _text(name), b"cprt": _text("CC0, no rights reserved")}


def _assemble(tags: dict[bytes, bytes], space: bytes = b"RGB ") -> bytes:
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
    header = struct.pack(">I4x4s4s4s4s", size, b"\x04\x30\0\0", b"mntr", space, b"XYZ ")
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

"""The header of a codestream of JPEG XL: reading it, and stating other colours in it.

Source: ISO/IEC 18181-1, annex D (image header) and E.2 (colours).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from expinterp.errors import ImageFileError
from expinterp.images.developing.profiles import SRGB
from expinterp.images.limits import REMEDY

CODESTREAM = b"\xff\x0a"
LONGEST = 512  # bytes of a header without an embedded profile
REC709, UNKNOWN, LINEAR, SRGB_TRANSFER, DCI = 1, 2, 8, 13, 17  # transfers, by ITU-T H.273
GAMMA = 0  # a power, which has no number there
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_SIDES = ((1, 9), (1, 13), (1, 18), (1, 30))  # offset and number of bits, by selector
_ENUMS = ((0, 0), (1, 0), (2, 4), (18, 6))
_NUMBERS = ((0, 19), (524_288, 19), (1_048_576, 20), (2_097_152, 21))
_RGB, _GREY = 0, 1  # spaces
_OWN = 2  # a white point, or primaries, that have no number
_WHITES = {1: SRGB[6:], 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
_PRIMARIES = {
    1: SRGB[:6],
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_SAME = 6e-4  # differences of x and y below come from rounding
_PER_UNIT, _GAMMA_PER_UNIT = 1_000_000, 10_000_000


@dataclass(frozen=True)
class Colours:
    """What code values mean."""

    grey: bool = False
    profile: bool = False  # a profile is embedded, which is not read
    primaries: tuple[float, ...] = SRGB  # x and y of R, G, B and white
    transfer: int = SRGB_TRANSFER
    gamma: float = 1.0  # exponent of the decoding, for `GAMMA`


@dataclass(frozen=True)
class Codestream:
    """What the codestream states."""

    cols: int  # as stored
    rows: int
    orientation: int = 1
    bits: int = 8
    floats: bool = False
    animated: bool = False
    premultiplied: bool = False
    colours: Colours = field(default_factory=Colours)


class _Bits:
    """Bits of a codestream, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "little")
        self._left = self._count = 8 * len(data)

    @property
    def position(self) -> int:
        """How many bits were read."""
        return self._count - self._left

    def read(self, count: int = 1) -> int:
        self._left -= count
        if self._left < 0:
            message = f"truncated JPEG XL; {REMEDY}"
            raise ImageFileError(message)
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def choose(self, table: tuple[tuple[int, int], ...]) -> int:
        """Read one of four kinds of number, by a selector of two bits."""
        offset, count = table[self.read(2)]
        return offset + self.read(count)


def parse_header(codestream: bytes) -> Codestream:
    """Read size, orientation, depth and colours from the beginning of a codestream."""
    return _parse(_bits_of(codestream))[0]


def with_colours(codestream: bytes, colours: Colours) -> bytes:
    """State other colours in a codestream of libjxl whose pixels are stored without loss.

    Raises
    ------
    ImageFileError
        If more follows the colours than libjxl writes.
    """
    bits = _bits_of(codestream)
    _, begin, more = _parse(bits)
    end = bits.position
    default = (not more or bits.read()) and not bits.read(2) and bits.read()
    if not begin or not default:
        message = "libjxl wrote another header of JPEG XL than expected; write a PNG"
        raise ImageFileError(message)
    stop, value = bits.position, int.from_bytes(codestream[2:LONGEST], "little")
    out = _Writer()
    out.put(value & ((1 << begin) - 1), begin)
    _write_colours(out, colours)
    out.put(value >> end & ((1 << stop - end) - 1), stop - end)
    return codestream[:2] + out.data() + codestream[2 + -(-stop // 8) :]


def _bits_of(codestream: bytes) -> _Bits:
    if codestream[:2] != CODESTREAM:
        message = f"damaged JPEG XL (it has no codestream); {REMEDY}"
        raise ImageFileError(message)
    return _Bits(codestream[2:LONGEST])


def _parse(bits: _Bits) -> tuple[Codestream, int, bool]:
    """Read up to the colours; return also where these begin (0: they are not stated), and a flag.

    The flag says whether the brightness of the display is stated behind the colours.
    """
    cols, rows = _read_size(bits)
    if bits.read():
        return Codestream(cols, rows), 0, False
    orientation, animated = 1, False
    if more := bool(bits.read()):
        orientation = 1 + bits.read(3)
        if bits.read():
            _read_size(bits)
        if bits.read():
            message = "JPEG XL with a preview picture; save it without"
            raise ImageFileError(message)
        if animated := bool(bits.read()):
            _skip_animation(bits)
    floats, depth = _read_depth(bits)
    bits.read()  # whether 16 bits suffice for buffers
    associated = [
        _read_extra_channel(bits) for _ in range(bits.choose(((0, 0), (1, 0), (2, 4), (1, 12))))
    ]
    by_eye = bool(bits.read())  # XYB: decoded to the stated space, or sRGB in place of a profile
    begin, colours = bits.position, _read_colours(bits)
    if by_eye and colours.profile:
        colours = Colours(grey=colours.grey)
    header = Codestream(cols, rows, orientation, depth, floats, animated, any(associated), colours)
    return header, begin, more


def _read_size(bits: _Bits) -> tuple[int, int]:
    """Read columns and rows."""
    small = bits.read()

    def side() -> int:
        return 8 * (1 + bits.read(5)) if small else bits.choose(_SIDES)

    rows = side()
    ratio = bits.read(3)
    if not ratio:
        return side(), rows
    above, below = _RATIOS[ratio - 1]
    return rows * above // below, rows


def _skip_animation(bits: _Bits) -> None:
    bits.choose(((100, 0), (1000, 0), (1, 10), (1, 30)))
    bits.choose(((1, 0), (1001, 0), (1, 8), (1, 10)))
    bits.choose(((0, 0), (0, 3), (0, 16), (0, 32)))
    bits.read()


def _read_depth(bits: _Bits) -> tuple[bool, int]:
    """Read whether samples are floats, and their bits."""
    if not bits.read():
        return False, bits.choose(((8, 0), (10, 0), (12, 0), (1, 6)))
    depth = bits.choose(((32, 0), (16, 0), (24, 0), (1, 6)))
    bits.read(4)
    return True, depth


def _read_extra_channel(bits: _Bits) -> bool:
    """Read a further channel; return whether it is opacity that is multiplied into the colours."""
    if bits.read():
        return False
    kind = bits.choose(_ENUMS)
    _read_depth(bits)
    bits.choose(((0, 0), (3, 0), (4, 0), (1, 3)))
    bits.read(8 * bits.choose(((0, 0), (0, 4), (16, 5), (48, 10))))
    if kind == 0:
        return bool(bits.read())
    if kind == 2:
        bits.read(64)
    elif kind == 5:
        bits.choose(((1, 0), (0, 2), (3, 4), (19, 8)))
    return False


def _read_colours(bits: _Bits) -> Colours:
    if bits.read():
        return Colours()
    profile, space = bool(bits.read()), bits.choose(_ENUMS)
    found = Colours(grey=space == _GREY, profile=profile or space not in {_RGB, _GREY})
    if profile:
        return found
    white = _read_points(bits, _WHITES, 2)
    points = _read_points(bits, _PRIMARIES, 6) if space == _RGB else SRGB[:6]
    power = bits.read(24) if bits.read() else 0
    transfer = GAMMA if power else bits.choose(_ENUMS)
    bits.choose(_ENUMS)  # rendering intent
    gamma = _GAMMA_PER_UNIT / power if power else 1.0
    return replace(found, primaries=(*points, *white), transfer=transfer, gamma=gamma)


def _read_points(
    bits: _Bits, known: Mapping[int, tuple[float, ...]], count: int
) -> tuple[float, ...]:
    """Read x and y of a white point or of primaries, by a number or one by one."""
    number = bits.choose(_ENUMS)
    if number != _OWN:
        return known.get(number, known[1])
    values = [bits.choose(_NUMBERS) for _ in range(count)]
    return tuple((value >> 1 ^ -(value & 1)) / _PER_UNIT for value in values)


class _Writer:
    """Bits of a codestream, the lowest of each byte first."""

    def __init__(self) -> None:
        self._value = self._count = 0

    def put(self, value: int, count: int = 1) -> None:
        self._value |= value << self._count
        self._count += count

    def choose(self, value: int, table: tuple[tuple[int, int], ...]) -> None:
        """Write a number by the last kind that has room for it, with its selector of two bits."""
        selector = max(at for at, (offset, _) in enumerate(table) if offset <= value)
        offset, count = table[selector]
        self.put(selector, 2)
        self.put(value - offset, count)

    def data(self) -> bytes:
        return self._value.to_bytes(-(-self._count // 8), "little")


def _write_colours(out: _Writer, colours: Colours) -> None:
    out.put(0)  # not the default
    out.put(0)  # no profile
    out.choose(_GREY if colours.grey else _RGB, _ENUMS)
    _write_points(out, _WHITES, colours.primaries[6:])
    if not colours.grey:
        _write_points(out, _PRIMARIES, colours.primaries[:6])
    by_power = colours.transfer == GAMMA
    out.put(by_power)
    if by_power:
        out.put(round(_GAMMA_PER_UNIT / colours.gamma), 24)
    else:
        out.choose(colours.transfer, _ENUMS)
    out.choose(1, _ENUMS)  # rendering intent: relative


def _write_points(
    out: _Writer, known: Mapping[int, tuple[float, ...]], values: tuple[float, ...]
) -> None:
    for number, points in known.items():
        if max(abs(a - b) for a, b in zip(points, values, strict=True)) < _SAME:
            out.choose(number, _ENUMS)
            return
    out.choose(_OWN, _ENUMS)
    for value in values:
        number = round(_PER_UNIT * value)
        out.choose(2 * number if number >= 0 else -2 * number - 1, _NUMBERS)

"""Make one exposure follow another in regions that moved: show what the reference says it must.

There the other exposure is replaced by the reference, mapped to its exposure. Where the reference is
clipped, the exposure itself stays if nothing contradicts it, else it is continued from the clipped
area around. Regions have an edge in which both agree, so that a soft border hides the seam.

Images are display-encoded, uint8 or uint16, (rows, cols, channels); regions and small copies are as
in `detect`. Code values are computed as 0..255 with fractions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from expinterp.core.arrays import Codes, Floats, Mask, Pixels, Plane
from expinterp.core.ghosts.detect import BRIGHT, DARK, Conflict, small_copy
from expinterp.core.ghosts.smooth import RADIUS, interpolate_missing, reduce_noise
from expinterp.core.mapping import CODE_VALUES
from expinterp.core.parallel import map_threads, strips
from expinterp.core.registration.texture import to_float_codes

TILE = 128  # pixels: side of the blocks that one thread replaces at a time
FEATHER = 3.0  # pixels of the copy: standard deviation of the Gaussian that softens the border
WIDEN = 5  # pixels of the copy: the border is moved out so much before
TRUST = 21  # pixels of the copy: width around contradicted pixels in which none is kept
EDGE = 1.5  # pixels of the copy: standard deviation that softens what is kept
FEW = 50  # clipped pixels around a region that their continuation needs
LEVEL = 8  # code values that count as one level of a guide
PARTS = 16  # of a code value: the precision of mappings
FINE = np.arange(255 * PARTS + 1) / PARTS
FALL = 4.0  # code values over which a reference goes from unclipped to clipped


@dataclass(frozen=True, eq=False)
class _Guide:
    """What the small copies say of a replacement: float32, (rows, cols, channels) or (rows, cols)."""

    continued: Plane  # the other exposure where the reference is clipped in a channel
    colourless: Plane  # and where it is clipped in all
    kept: Plane  # share of the other exposure that may stay there
    share: Plane  # of the replacement


def follow(
    reference: Pixels,
    other: Pixels,
    conflict: Conflict,
    imf: Floats,
    *,
    brighter: bool,
    copies: tuple[Codes, ...] = (),
) -> None:
    """Replace regions of an exposure, in place, by what the reference says that it must show.

    Parameters
    ----------
    reference, other : uint8 or uint16 arrays, shape (rows, cols, channels)
        Registered, display-encoded. `other` is changed.
    conflict : Conflict
        The regions, on small copies.
    imf : float64 array, shape (channels, 256)
        Maps code values of the reference to those of the other exposure.
    brighter : bool
        Whether the reference is the brighter of the two.
    copies : tuple of uint8 arrays, optional
        Small copies of the two, if they are known.
    """
    small_reference, small_other = copies or map(small_copy, (reference, other))
    guide = _plan(small_reference, small_other, conflict, imf, brighter=brighter)
    tables = [np.interp(FINE, CODE_VALUES, table).astype(np.float32) for table in imf]

    def replace(tile: tuple[slice, slice]) -> None:
        continued, colourless, kept, share = (
            _enlarge(plane, other.shape, tile) for plane in vars(guide).values()
        )
        if not share.any():
            return
        before, source = to_float_codes(other[tile]), to_float_codes(reference[tile])
        clipped = _clipped_share(source, brighter=brighter)
        mapped = _map(source if brighter else _cut_denoised(reference, tile), tables)
        continued += clipped.min(axis=-1, keepdims=True) * (colourless - continued)
        fallback = continued + kept * (before - continued)
        wanted = mapped + clipped * (fallback - mapped)
        _write(before + share * (wanted - before), share, other[tile])

    map_threads(replace, list(_tiles(conflict.region, other.shape)))


def _plan(
    reference: Codes, other: Codes, conflict: Conflict, imf: Floats, *, brighter: bool
) -> _Guide:
    """Compute on small copies what a replacement needs from around a region."""
    clipped = reference >= BRIGHT if brighter else reference <= DARK
    end = imf[:, BRIGHT] if brighter else imf[:, DARK]
    near = np.logical_and(~conflict.region[..., np.newaxis], clipped)
    continued = _continue_clipped(reference, other, near, end, brighter=brighter)
    all_ends = np.asarray(near.all(axis=-1, keepdims=True), np.bool_)
    colourless = _continue_clipped(reference, other, all_ends, end, brighter=brighter)
    doubt = cv2.dilate(conflict.contradicted.astype(np.uint8), np.ones((TRUST, TRUST), np.uint8))
    kept = _soften(doubt == 0, EDGE)
    wide = cv2.dilate(conflict.region.astype(np.uint8), np.ones((WIDEN, WIDEN), np.uint8))
    return _Guide(continued, colourless, kept, _soften(wide > 0, FEATHER))


def _soften(mask: Mask, sigma: float) -> Plane:
    """Blur a mask, float32 (rows, cols, 1)."""
    blurred = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma)
    return np.asarray(blurred, np.float32)[..., np.newaxis]


def _continue_clipped(
    reference: Codes, other: Codes, known: Mask, end: Floats, *, brighter: bool
) -> Plane:
    """Continue the other exposure from where the reference is clipped around regions.

    In each channel, the value that goes with the other channels of the reference, and the rest
    interpolated. `end` is what the other shows at the end of the range of the reference; it lies
    beyond. Half-way to the end of its own range if nothing is known, alike in all channels.
    """
    farthest = 255.0 if brighter else 0.0
    middle = (end + farthest) / 2
    neutral = middle.max() if brighter else middle.min()

    def continue_channel(channel: int) -> Plane:
        seen = known[..., min(channel, known.shape[-1] - 1)]
        codes = other[..., channel].astype(np.float32)
        if np.count_nonzero(seen) >= FEW:
            trend = _predict(reference, channel, codes, seen)
            codes = trend + interpolate_missing(codes - trend, seen.astype(np.float32))
        else:
            codes[:] = neutral
        value = end[channel]
        return np.clip(codes, *((value, 255) if brighter else (0, value)))

    planes = map_threads(continue_channel, range(len(end)))
    return np.stack(planes, axis=-1).astype(np.float32)


def _predict(reference: Codes, channel: int, codes: Plane, seen: Mask) -> Plane:
    """Predict codes from the mean of the other channels, by their mean at each of its levels."""
    others = [reference[..., c] for c in range(reference.shape[-1]) if c != channel]
    if not others:  # grey
        return np.zeros_like(codes)
    level = cv2.addWeighted(others[0], 0.5, others[1], 0.5, 0) // LEVEL
    count = np.bincount(level[seen], minlength=256 // LEVEL)
    total = np.bincount(level[seen], codes[seen], minlength=256 // LEVEL)
    often = np.flatnonzero(count >= min(FEW, count.max()))
    table = np.interp(np.arange(len(count)), often, total[often] / count[often])
    return np.asarray(table[level], np.float32)


def _clipped_share(codes: Plane, *, brighter: bool) -> Plane:
    """Return how far each value of the reference is clipped, 0..1."""
    share = (codes - (252 - FALL)) / FALL if brighter else (2 + FALL - codes) / FALL
    return np.asarray(np.clip(share, 0, 1))


def _map(codes: Plane, tables: Sequence[Plane]) -> Plane:
    """Map code values, (rows, cols, channels), by tables at the values of `FINE`."""
    index = np.rint(codes * np.float32(PARTS)).astype(np.int16)
    return np.stack([table[index[..., c]] for c, table in enumerate(tables)], axis=-1)


def _cut_denoised(image: Pixels, tile: tuple[slice, slice]) -> Plane:
    """Return a tile of an image with less noise, as code values."""
    margin = 2 * RADIUS
    near = tuple(slice(max(part.start - margin, 0), part.stop + margin) for part in tile)
    rows, cols = (
        slice(part.start - wide.start, part.stop - wide.start)
        for part, wide in zip(tile, near, strict=True)
    )
    return reduce_noise(to_float_codes(image[near]))[rows, cols]


def _enlarge(plane: Plane, shape: tuple[int, ...], tile: tuple[slice, slice]) -> Plane:
    """Enlarge a tile of a small copy by bilinear interpolation."""
    down, across = (plane.shape[axis] / shape[axis] for axis in (0, 1))
    rows, cols = tile
    first = [(cols.start + 0.5) * across - 0.5, (rows.start + 0.5) * down - 0.5]
    matrix = np.array([[across, 0, first[0]], [0, down, first[1]]])
    size = (cols.stop - cols.start, rows.stop - rows.start)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    large = cv2.warpAffine(plane, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(large, np.float32).reshape(*size[::-1], -1)


def _tiles(region: Mask, shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """List the tiles of a frame that a region, with its soft border, touches."""
    reach = WIDEN + int(4 * FEATHER)
    for rows, cols in product(strips(shape[0], TILE), strips(shape[1], TILE)):
        near = [
            slice(
                max(int(part.start * small / full) - reach, 0),
                int(part.stop * small / full) + reach + 1,
            )
            for part, small, full in zip((rows, cols), region.shape, shape, strict=False)
        ]
        if region[tuple(near)].any():
            yield rows, cols


def _write(codes: Plane, share: Plane, out: Pixels) -> None:
    """Round code values into pixels where anything is replaced."""
    top = np.iinfo(out.dtype).max
    codes *= np.float32(top / 255)
    rounded = np.clip(np.rint(codes), 0, top).astype(out.dtype)
    np.copyto(out, rounded, where=share > 0)

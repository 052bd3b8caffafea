"""Transparent pixels: they count in no measurement, and another shot decides there.

The opacity of a shot is an array of the dtype of its pixels, (rows, cols), 0 for transparent; None
for opaque everywhere. It is not multiplied into the pixels. Shots are display-encoded code values,
uint8 or uint16, (rows, cols, channels), from dark to bright.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, cast

import cv2
import numpy as np

from expinterp.core.arrays import Codes, Floats, Mask, Pixels, Plane
from expinterp.core.ghosts.consistent import Links, map_step
from expinterp.core.ghosts.detect import covered_by_all
from expinterp.core.mapping import CODE_VALUES, sample
from expinterp.core.parallel import copy_image, map_threads, strips
from expinterp.core.registration.resample import resample

Opacity: TypeAlias = Pixels | None
Opacities: TypeAlias = Sequence[Opacity]

FAINT = 1 / 16  # opacity below which the colours are meaningless
ROWS = 256  # that one thread fills at a time


def check_opacities(images: Sequence[Pixels], opacities: Opacities) -> list[Opacity]:
    """Return the opacity of each image; all None if `opacities` is empty.

    Raises
    ------
    ValueError
        If one has not the size and dtype of its image, or their number differs.
    """
    known = list(opacities) or [None] * len(images)
    for image, opacity in zip(images, known, strict=True):
        if opacity is not None and (opacity.shape, opacity.dtype) != (image.shape[:2], image.dtype):
            msg = f"opacity must be {image.dtype} of shape {image.shape[:2]}, as its image"
            raise ValueError(msg)
    return known


def seen_in(opacity: Opacity) -> Mask | None:
    """Return where a shot counts in measurements: where it is not transparent; None for everywhere.

    Lossy formats store transparent as nearly so.
    """
    if opacity is None:
        return None
    seen = opacity >= np.iinfo(opacity.dtype).max * FAINT
    return None if seen.all() else seen


def blank(shot: Pixels, seen: Mask | None) -> Pixels:
    """Return a shot that is black, and so clipped, where it is not seen."""
    return shot if seen is None else shot * seen[..., np.newaxis]


def sample_seen(shots: Sequence[Pixels], opacities: Opacities) -> list[Codes]:
    """Sample shots where all of them are seen, see `sample`; as images one pixel wide if not all is.

    If no pixel is seen in all, each is sampled where it is seen itself.
    """
    masks = [seen_in(opacity) for opacity in opacities]
    both = covered_by_all(masks)
    if both is None:
        return map_threads(sample, shots)
    return [
        codes[where][:, np.newaxis] if (where := _sample_mask(mask, codes)).any() else codes
        for codes, mask in zip(
            map(sample, shots), [both] * len(shots) if both.any() else masks, strict=True
        )
    ]


def _sample_mask(mask: Mask | None, codes: Codes) -> Mask:
    """Return a mask at the pixels of a `sample`."""
    if mask is None:
        return np.ones(codes.shape[:2], np.bool_)
    step = -(-len(mask) // len(codes))
    return mask[::step, ::step]


def extend_colours(shot: Pixels, opacity: Opacity) -> Pixels:
    """Return a shot whose transparent pixels have the colour of the nearest other one.

    Hidden colours then bleed into nothing: not when the shot is resampled, nor in a pyramid.
    """
    seen = seen_in(opacity)
    if seen is None or not seen.any():
        return shot
    hidden = ~seen
    _, labels = cv2.distanceTransformWithLabels(
        hidden.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    place = np.zeros(int(labels.max()) + 1, np.intp)  # of the pixel that has a label
    place[labels[~hidden]] = np.flatnonzero(~hidden)
    extended = shot.copy()
    extended[hidden] = shot.reshape(-1, shot.shape[2])[place[labels[hidden]]]
    return extended


def warp_opacity(opacity: Opacity, shot: Pixels, matrix: Floats) -> Pixels:
    """Resample the opacity of a shot as `warp` does; 0 beyond the borders of the shot."""
    top = int(np.iinfo(shot.dtype).max)
    full = np.full(shot.shape[:2], top, shot.dtype) if opacity is None else opacity
    if np.array_equal(matrix, np.eye(3)):
        return full
    return resample(full, matrix, kernel=cv2.INTER_LINEAR, border=cv2.BORDER_CONSTANT)


def join_opacities(opacities: Sequence[Pixels]) -> Pixels | None:
    """Return the opacity of a result: at each pixel that of the most opaque shot; None for none."""
    return cast(Pixels, np.maximum.reduce(list(opacities))) if len(opacities) else None


def fill_transparent(
    shots: Sequence[Pixels], opacities: Sequence[Pixels], links: Links
) -> list[Pixels]:
    """Replace the transparent pixels of shots by those of the most opaque one, mapped.

    Of equally opaque shots, the one nearest in exposure. A shot that is partly opaque counts in
    proportion to it. Where all are transparent, nothing is replaced.

    Parameters
    ----------
    shots : sequence of uint8 or uint16 arrays, shape (rows, cols, channels)
        From dark to bright, registered.
    opacities : sequence of arrays of that dtype, shape (rows, cols)
    links : sequence of Link or None
        Between each shot and the next; None if their mapping is unknown: values stay as they are.
    """
    most = np.asarray(np.maximum.reduce(list(opacities)))
    filled = []
    for place, shot in enumerate(shots):
        lacking = opacities[place] < most
        if not lacking.any():
            filled.append(shot)
            continue
        out = copy_image(shot)
        for donor in sorted(range(len(shots)), key=lambda other: abs(other - place)):
            used = lacking & (opacities[donor] == most)
            if used.any():
                share = opacities[place] / np.maximum(most, 1).astype(np.float32)
                table = _map_between(links, donor, place, shot)
                _blend(out, shots[donor], table, np.where(used, 1 - share, 0))
                lacking &= ~used
        filled.append(out)
    return filled


def _map_between(links: Links, start: int, end: int, shot: Pixels) -> Floats:
    """Tabulate the code values of a shot by those of another, (channels, codes of the dtype)."""
    channels, top = shot.shape[2], int(np.iinfo(shot.dtype).max)
    table = np.tile(np.arange(top + 1) * (255 / top), (channels, 1))
    step = 1 if end > start else -1
    for place in range(start, end, step):
        link = links[min(place, place + step)]
        if link is not None:
            maps = map_step(link, step, channels=channels)
            table = np.stack(
                [np.interp(row, CODE_VALUES, imf) for row, imf in zip(table, maps, strict=True)]
            )
    return table * (top / 255)


def _blend(out: Pixels, donor: Pixels, table: Floats, share: Plane) -> None:
    """Blend a share, 0..1, of the mapped pixels of a donor into a shot, in place."""

    def blend(rows: slice) -> None:
        at = share[rows] > 0
        before, codes = out[rows][at], donor[rows][at]
        wanted = np.stack([row[codes[:, c]] for c, row in enumerate(table)], axis=-1)
        mixed = before + share[rows][at][:, np.newaxis] * (wanted - before)
        out[rows][at] = np.rint(mixed).astype(out.dtype)

    map_threads(blend, strips(len(out), ROWS))

"""Small grey pictures, for comparing files without decoding them in full: what shows one scene.

They are packed as the means of 12 × 12 blocks. Another exposure changes how bright the blocks are,
but rarely which of two adjacent blocks is brighter; and where the whole picture is brighter, no
block is darker. Measured on 48 photographed brackets, 229 pairs of adjacent exposures: similarity
0.94 to 1.0 (handheld, shifted by 2 %: 0.68 to 0.98); of different scenes, 98 % lie below 0.5.
"""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from itertools import pairwise, starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import cv2
import numpy as np

from expinterp.errors import ImageFileError
from expinterp.files import open_source
from expinterp.images.codecs.jpeg_scan import JpegFile
from expinterp.images.limits import MAX_PIXELS, check_size, damage_reported
from expinterp.images.read import read_photograph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Blocks: TypeAlias = NDArray[np.float32]  # code values 0..255, shape (pictures, 12, 12)

SIDE = 160  # pixels of the longer side, as in the EXIF blocks of cameras
BLOCKS = 12  # across and down a packed thumbnail
BLANK = bytes(2 * BLOCKS * BLOCKS)  # a black one
_SCALE = 257  # of packed block means: fractions of a code value count in dark pictures
SAME_SCENE = 0.7  # similarity from which two pictures show one scene
MAYBE_SAME_SCENE = 0.5  # similarity from which they may, if nothing else is known
OTHER_SCENE = 0.3  # similarity below which they do not, whatever the files state
MOST_DARKER = 0.08  # share of blocks that may be darker in the brighter picture: noise, motion
LEAST_DETAIL = 1.0  # code values between adjacent blocks; nearly black or white pictures have less
_NOISE = 1.5  # code values by which a block may be darker by chance
_GAMMA = 2.2  # roughly, of any display-encoded picture
_TINY = 1e-9  # keeps divisions by the contrast of featureless pictures finite


def decode_thumbnail(data: bytes) -> NDArray[np.uint8] | None:
    """Decode the small JPEG of an EXIF block to grey (rows, cols); None if damaged or large."""
    try:
        with damage_reported("thumbnail", "JPEG"):
            return _reduced_jpeg(BytesIO(data), 4 * SIDE * SIDE)
    except ImageFileError:
        return None


def read_thumbnail_of(path: str | Path, form: str) -> NDArray[np.uint8]:
    """Decode an image file to a small grey picture: JPEG at down to 1/8 of its size, others in full.

    `form` is its format, a key of `expinterp.images.FORMATS`.

    Returns
    -------
    uint8 array, shape (rows, cols)
        Display-encoded; JPEG and previews of raw files as stored (not rotated), others upright.

    Raises
    ------
    ImageFileError
        If the file cannot be read.
    """
    if form == "jpeg":
        with open_source(path) as stream, damage_reported(str(path), "JPEG"):
            return _reduced_jpeg(stream, MAX_PIXELS)
    if form == "raw":
        from expinterp.images.developing import raw

        with open_source(path) as stream, damage_reported(str(path), "RAW"):
            if preview := raw.read_preview(stream):
                return _reduced_jpeg(BytesIO(preview), MAX_PIXELS)
    pixels = read_photograph(path).pixels
    step = max(1, max(pixels.shape[:2]) // (4 * SIDE))
    small = pixels[::step, ::step].mean(axis=2)
    grey: NDArray[np.uint8] = (small / (257 if pixels.dtype == np.uint16 else 1)).astype(np.uint8)
    return grey


def _reduced_jpeg(stream: BinaryIO, max_pixels: int) -> NDArray[np.uint8]:
    """Decode a JPEG to grey, as small as the decoder can make it but not below `SIDE`."""
    image = JpegFile(stream)
    check_size(*image.size, max_pixels)
    image.draft("L", (SIDE, SIDE))
    return np.array(image.convert("L"))


def pack_thumbnail(grey: NDArray[Any]) -> bytes:
    """Average a picture over blocks: array (rows, cols) of display-encoded code values 0..255."""
    repeat = -(-BLOCKS // min(grey.shape))  # pictures below 12 × 12 pixels are enlarged
    enlarged = np.repeat(np.repeat(grey.astype(np.float32), repeat, 0), repeat, 1)
    means = cv2.resize(enlarged, (BLOCKS, BLOCKS), interpolation=cv2.INTER_AREA)
    return np.rint(means * _SCALE).astype("<u2").tobytes()


def unpack_thumbnails(thumbnails: Sequence[bytes]) -> Blocks:
    """Unpack thumbnails to code values 0..255, shape (pictures, 12, 12)."""
    packed = np.frombuffer(b"".join(thumbnails), "<u2").reshape(-1, BLOCKS, BLOCKS)
    return packed.astype(np.float32) / np.float32(_SCALE)


def brightness(blocks: Blocks) -> NDArray[np.float32]:
    """Estimate the mean brightness of pictures in stops, the response unknown; shape (pictures,)."""
    return np.asarray(_GAMMA * np.log2((blocks + 1) / 256).mean(axis=(1, 2)), np.float32)


def _differences(blocks: Blocks) -> Blocks:
    """Compute the differences of adjacent blocks in code values, shape (pictures, 264)."""
    both = (np.diff(blocks, axis=axis).reshape(len(blocks), -1) for axis in (2, 1))
    return np.concatenate(list(both), axis=1)


def edges_of(blocks: Blocks) -> Blocks:
    """Compute differences of adjacent blocks, scaled to a mean of 1; shape (pictures, 264)."""
    edges = _differences(blocks)
    return np.asarray(edges / (np.abs(edges).mean(axis=1, keepdims=True) + _TINY), np.float32)


def have_detail(blocks: Blocks) -> NDArray[np.bool_]:
    """Return for each picture whether it has enough detail to be compared; shape (pictures,)."""
    return np.asarray(np.abs(_differences(blocks)).mean(axis=1) >= LEAST_DETAIL)


def similarity(one: Blocks, other: Blocks) -> NDArray[np.float32]:
    """Compare pictures, pair by pair, by edges as `edges_of` computes them; shape (pairs,).

    It is 1 if all edges agree in sign, −1 if all disagree, 0 for featureless pictures.
    """
    weight = np.minimum(np.abs(one), np.abs(other))
    agreement = (weight * np.sign(one) * np.sign(other)).sum(axis=1)
    return np.asarray(agreement / (weight.sum(axis=1) + _TINY))


def are_one_scene(thumbnails: Sequence[bytes]) -> bool:
    """Return whether pictures, darkest first, are exposures of one scene, by their similarity."""
    pairs = starmap(_compare, pairwise(thumbnails))
    return all(alike >= SAME_SCENE and darker <= MOST_DARKER for alike, darker in pairs)


def are_different_scenes(thumbnails: Sequence[bytes]) -> bool:
    """Return whether two adjacent pictures, darkest first, cannot show one scene."""
    clear = have_detail(unpack_thumbnails(thumbnails))
    seen = [thumbnail for thumbnail, enough in zip(thumbnails, clear, strict=True) if enough]
    return any(alike < OTHER_SCENE for alike, _ in starmap(_compare, pairwise(seen)))


@lru_cache(maxsize=1 << 12)  # each pair is compared several times in quick succession
def _compare(dark: bytes, bright: bytes) -> tuple[float, float]:
    """Compute the similarity of two pictures, and the share of blocks darker in the brighter one.

    A block is darker if all are that surround it in the dark picture: the camera may have moved.
    """
    blocks = unpack_thumbnails([dark, bright])
    edges = edges_of(blocks)
    padded = np.pad(blocks[0], 1, mode="edge")
    least = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).min(axis=(2, 3))
    darker = (blocks[1] < least - _NOISE).mean()
    return float(similarity(edges[:1], edges[1:])[0]), float(darker)


def largest_difference(one: bytes, other: bytes) -> float:
    """Compute the largest difference of two thumbnails in any block, in code values."""
    return float(np.ptp(unpack_thumbnails([one, other]), axis=0).max())

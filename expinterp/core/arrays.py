"""The arrays of the core, and the checks on images that come from outside.

An image holds display-encoded code values, R G B, uint8 (0..255) or uint16 (0..65535), shape
(rows, cols) or (rows, cols, 1 or 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from expinterp.errors import PairError

Pixels: TypeAlias = NDArray[np.uint8 | np.uint16]  # code values, (rows, cols, channels)
Codes: TypeAlias = NDArray[np.uint8]  # code values 0..255
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]  # (rows, cols)
Plane: TypeAlias = NDArray[np.float32]  # one channel, (rows, cols), mostly 0..1
Planes: TypeAlias = NDArray[np.float32]  # (channels, rows, cols), mostly 0..1
Picture: TypeAlias = NDArray[np.float32]  # (rows, cols) or (rows, cols, 3), mostly 0..1

DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16))


def check_images(images: Sequence[Any], names: Sequence[str] | None = None) -> None:
    """Check that all are images of the same size, channels and bit depth.

    Parameters
    ----------
    images : sequence of any objects
        One or more.
    names : sequence of str, optional
        Their names in messages; default ``images[0]``, ``images[1]`` ...

    Raises
    ------
    ValueError
        If there are no images, or one is not an array as described above.
    PairError
        If they differ in size, channels or bit depth.
    """
    if len(images) == 0:
        msg = "images must hold at least one array"
        raise ValueError(msg)
    names = names or [f"images[{index}]" for index in range(len(images))]
    for name, image in zip(names, images, strict=True):
        _check_image(image, name)
    for name, image in zip(names, images, strict=True):
        if image.shape != images[0].shape or image.dtype != images[0].dtype:
            one, two = describe(images[0]), describe(image)
            if one == two:  # grey, with and without an axis of channels
                one, two = f"{one}, {images[0].ndim} axes", f"{two}, {image.ndim} axes"
            msg = (
                f"{names[0]} is {one}, {name} is {two}; "
                "export all images with the same size, channels and bit depth"
            )
            raise PairError(msg)


def _check_image(image: Any, name: str) -> None:
    dtype: object = getattr(image, "dtype", None)
    shape: tuple[int, ...] = getattr(image, "shape", ())
    if dtype not in DTYPES:
        found = type(image).__name__ if dtype is None else str(dtype)
        remedy = "convert 0..1 floats with np.rint(255 * x).astype(np.uint8)"
        if not found.startswith("float"):
            remedy = "give a NumPy array in native byte order"
        msg = f"{name} must be an array of uint8 or uint16 code values, not {found}; {remedy}"
        raise ValueError(msg)
    if len(shape) not in {2, 3} or 0 in shape or (len(shape) == 3 and shape[2] not in {1, 3}):
        msg = f"{name} must have shape (rows, cols) or (rows, cols, 1 or 3), not {shape}"
        raise ValueError(msg)


def describe(image: Pixels) -> str:
    """Describe an image in words, for example ``640 × 480, colour, 8 bit``."""
    colour = "colour" if image.ndim == 3 and image.shape[2] == 3 else "grey"
    return f"{image.shape[1]} × {image.shape[0]}, {colour}, {8 * image.itemsize} bit"


def with_channels(image: Pixels) -> Pixels:
    """Return an image (rows, cols) as a view (rows, cols, 1); return others unchanged."""
    return image if image.ndim == 3 else image[..., np.newaxis]


def drop_equal_channels(images: Sequence[Pixels]) -> list[Pixels]:
    """Return images as (rows, cols, channels), with one channel if all channels of all are equal."""
    full = [with_channels(image) for image in images]
    few = slice(None, None, 8)  # checked first: most images fail here, at little cost
    if all(_is_colourless(part) for image in full for part in (image[few, few], image)):
        return [image[..., :1] for image in full]
    return full


def _is_colourless(image: Pixels) -> bool:
    """Return whether all channels are equal."""
    return bool((image == image[..., :1]).all())

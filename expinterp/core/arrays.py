"""What the core accepts as an image, and the one error for images that do not match.

Images are display-encoded code values, uint8 or uint16, shape (rows, cols) or (rows, cols, 1 or 3),
R G B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from expinterp.core.mapping import Pixels
from expinterp.errors import PairError

DTYPES = (np.dtype(np.uint8), np.dtype(np.uint16))


def check_images(images: Sequence[Any], names: Sequence[str] | None = None) -> None:
    """Check that all are images, and of one kind.

    Parameters
    ----------
    images : sequence
        Anything; one or more.
    names : sequence of str, optional
        For messages; ``images[0]``, ``images[1]`` ... if not given.

    Raises
    ------
    ValueError
        If there are no images, or one is not an array as above.
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
            msg = (
                f"{names[0]} is {describe(images[0])}, {name} is {describe(image)}; "
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
    """Describe an image in words, as in ``640 × 480, colour, 8 bit``."""
    colour = "colour" if image.ndim == 3 and image.shape[2] == 3 else "grey"
    return f"{image.shape[1]} × {image.shape[0]}, {colour}, {8 * image.itemsize} bit"


def with_channels(image: Pixels) -> Pixels:
    """Return an image of shape (rows, cols) as (rows, cols, 1), others as they are."""
    return image if image.ndim == 3 else image[..., np.newaxis]

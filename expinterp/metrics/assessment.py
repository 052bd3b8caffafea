"""How well exposures were fused: structure kept, order of brightness kept, range kept.

Structure and order are measured at `LONGER_SIDE` pixels, so that figures of large and small
pictures compare, and a large one costs no more than a small one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from expinterp.core.fusion import Stack
from expinterp.core.mapping import Pixels
from expinterp.core.pair import LEAST_STEP, measure
from expinterp.core.prior import estimate_shared, load_prior
from expinterp.errors import EqualExposuresError, PairError
from expinterp.metrics import (
    MEF_LEAST,
    OrderScene,
    mef_ssim,
    order_violations,
    out_of_range,
    read_scene,
)

LONGER_SIDE = 900  # pixels; that of `benchmarks/fusion.py`


def assess(photographs: Sequence[Pixels], fused: Pixels, *, stack: Stack) -> dict[str, Any]:
    """Measure a fused picture against the photographs it was made of.

    Parameters
    ----------
    photographs : sequence of uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        Display-encoded, in any order; not the virtual exposures.
    fused : array of the same shape and dtype
    stack : Stack
        What `fused` was made by.

    Returns
    -------
    dict
        ``mef_ssim``; ``order_violations`` with ``everywhere`` and ``highlight_shadow``; and
        ``out_of_range``, the share of values at half size that had to be brought back into 0..1.
        What cannot be measured, on a picture too small or of one exposure alone, is None.
    """
    small = sorted((shrink(image) for image in photographs), key=np.mean)
    result = shrink(fused)
    everywhere, highlight_shadow = _order(small, result)
    fits = min(result.shape[:2]) >= MEF_LEAST
    return {
        "mef_ssim": mef_ssim(small, result) if fits else None,
        "order_violations": {"everywhere": everywhere, "highlight_shadow": highlight_shadow},
        "out_of_range": None if stack.base is None else out_of_range(stack.base),
    }


def shrink(image: Pixels) -> Pixels:
    """Reduce a picture by area averaging to `LONGER_SIDE`, if it is larger."""
    scale = LONGER_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    size = [max(round(count * scale), 1) for count in image.shape[1::-1]]
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    pixels: Pixels = small.reshape(*small.shape[:2], image.shape[2]).astype(image.dtype)
    return pixels


def _order(photographs: Sequence[Pixels], fused: Pixels) -> tuple[float | None, float | None]:
    """Count violations of the order of brightness that exposures, dark to bright, show."""
    scene = _read(photographs)
    if scene is None:
        return None, None
    found = order_violations(fused, scene)
    return found.everywhere, found.highlight_shadow


def _read(photographs: Sequence[Pixels]) -> OrderScene | None:
    """Read a scene with one response for all exposures; None if they are equal or share no tone.

    What lies between the outer two, black in one and white in the other, only the others hold.
    """
    held, levels = [photographs[0]], []
    for image in photographs[1:]:
        try:
            levels.append(measure(image, held[-1], align=False).levels)
        except EqualExposuresError:  # it says nothing that the last one did not
            continue
        except PairError:
            return None
        held.append(image)
    if not levels:
        return None
    shared = estimate_shared(levels, load_prior())
    grey = photographs[0].shape[2] == 1
    response = shared.response.mean(axis=0, keepdims=True) if grey else shared.response
    steps = np.maximum(shared.log_ratios, LEAST_STEP * math.log(2))
    return read_scene(held, np.cumsum([0.0, *steps]).tolist(), response)

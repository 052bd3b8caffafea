"""Quality of a fused picture: preserved structure, brightness order and range of values.

Structure and order are measured on pictures reduced to `LONGER_SIDE` pixels. Figures of large and
small pictures are then comparable, and large pictures do not take longer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from expinterp.core.arrays import Pixels
from expinterp.core.exposure import LEAST_STEP
from expinterp.core.fusion import Stack
from expinterp.core.pair import measure_exposures
from expinterp.core.parallel import map_threads
from expinterp.core.registration.downscale import reduce_size
from expinterp.core.registration.viewing import Viewing
from expinterp.core.response.prior import estimate_shared, load_prior
from expinterp.errors import EqualExposuresError, PairError
from expinterp.metrics import (
    MEF_LEAST,
    OrderScene,
    Violations,
    mef_ssim,
    order_violations,
    out_of_range,
    read_scene,
)

LONGER_SIDE = 900  # pixels; as in `benchmarks/fusion.py`
AS_THEY_ARE = Viewing(align=False, deghost="off")


def assess(photographs: Sequence[Pixels], fused: Pixels, *, stack: Stack) -> dict[str, Any]:
    """Compare a fused picture with the photographs that were fused.

    Parameters
    ----------
    photographs : sequence of uint8 or uint16 arrays, shape (rows, cols, 1 or 3)
        Display-encoded, in any order; not the virtual exposures.
    fused : array of the same shape and dtype
    stack : Stack
        The stack that computed `fused`.

    Returns
    -------
    dict
        ``mef_ssim``, 0..1; ``order_violations`` with ``everywhere`` and ``highlight_shadow``,
        shares 0..1; and ``out_of_range``, the share of values at half size that were outside 0..1
        before they were compressed (of `Stack.base`). A figure that cannot be measured is None: the picture is too
        small, or there is only one exposure.
    """
    *small, result = map_threads(shrink, [*photographs, fused])
    small.sort(key=np.mean)
    figures = {"mef_ssim": _structure, "order_violations": _order}
    found = map_threads(lambda measure: measure(small, result), list(figures.values()))
    return {
        **dict(zip(figures, found, strict=True)),
        "out_of_range": None if stack.base is None else out_of_range(stack.base),
    }


def shrink(image: Pixels) -> Pixels:
    """Reduce a picture to `LONGER_SIDE` by area averaging, if it is larger."""
    scale = LONGER_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    cols, rows = (max(round(count * scale), 1) for count in image.shape[1::-1])
    return reduce_size(image, (cols, rows))


def _structure(photographs: Sequence[Pixels], fused: Pixels) -> float | None:
    """Measure the structure that is kept; None if the picture is too small."""
    return mef_ssim(photographs, fused) if min(fused.shape[:2]) >= MEF_LEAST else None


def _order(photographs: Sequence[Pixels], fused: Pixels) -> dict[str, float | None]:
    """Measure the shares of pairs whose brightness order differs from the photographs'."""
    scene = _read_scene(photographs)
    found = order_violations(fused, scene) if scene else Violations(None, None)
    return asdict(found)


def _read_scene(photographs: Sequence[Pixels]) -> OrderScene | None:
    """Read a scene, with one response for all exposures, dark to bright.

    None if all exposures are equal, or two adjacent ones share no tone. All are used, because
    a tone may be black in the darkest, white in the brightest, and visible only in between.
    """
    held, levels = [photographs[0]], []
    for image in photographs[1:]:
        try:
            levels.append(measure_exposures(image, held[-1], viewing=AS_THEY_ARE).levels)
        except EqualExposuresError:  # it adds no information
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

"""Brightness order: what is brighter in the scene should be brighter in the picture.

Structural measures do not notice when two regions exchange their brightness. This measure draws
pairs of pixels. A pair violates the order if one pixel is brighter in the scene and the other in the
picture, both by a noticeable step. E is relative scene irradiance; L* is the CIE 1976 lightness,
0..100, of the picture as sRGB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Floats, Pixels
from expinterp.core.intermediate import long_weight, short_weight
from expinterp.core.mapping import CODE_VALUES
from expinterp.metrics.similarity import check_alike, on_scale

SCENE_STEP = math.log(2) / 3  # of ln E: a third of a stop, well above the eye's 2 % and 8-bit noise
LIGHTNESS_STEP = 1.0  # of L*, a scale meant to have just noticeable steps of about 1
GRID = 50_000  # approximate number of pixels that are used
PAIRS = 400_000  # pairs of each kind; the standard error of a share of 1 % is then 0.02 %
SEED = 0
WHITE, DARK = 235.0, 20.0  # code values where W1 and W2 have fallen to 0.3
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])  # ITU-R BT.709, on linear R G B


@dataclass(frozen=True, eq=False)
class OrderScene:
    """The brightness of a scene, measured from its bracket, on a coarse grid (rows, cols)."""

    log_irradiance: Floats  # ln E, relative
    highlight: NDArray[
        np.bool_
    ]  # where the longest exposure is white, and the shortest not clipped
    shadow: NDArray[np.bool_]  # where the shortest exposure is dark, and the longest not clipped
    step: int = 1  # pixels between grid points: the grid is ``image[::step, ::step]``


@dataclass(frozen=True)
class Violations:
    """Shares of pairs of pixels, 0..1, whose order is reversed; None where there are no pairs."""

    everywhere: float | None  # of all pairs whose irradiances differ noticeably
    highlight_shadow: float | None  # of pairs of a highlight and a shadow, where fusion often fails


def read_scene(shots: Sequence[Pixels], log_times: Sequence[float], response: Floats) -> OrderScene:
    """Merge photographs into log irradiance, and find highlights and shadows.

    Per channel, ln E is the weighted mean of g(z) − ln t over the shots. W1 decreases towards white
    in all but the shortest, W2 towards black in all but the longest. For two shots these are the
    weights of y0.

    Parameters
    ----------
    shots : sequence of uint8 or uint16 arrays, shape (rows, cols, channels)
        Two or more photographs, short to long, display-encoded, registered.
    log_times : sequence of float
        ln t of each, increasing; for a `Pair`, 0 and ``pair.log_ratio``.
    response : float64 array, shape (channels, 256)
        g(z) = ln(E·t), as in `Pair`.

    Raises
    ------
    ValueError
        If there are fewer than two shots, if they differ in shape, if their channels are not
        those of the response, or if times do not increase.
    """
    if len(shots) < 2 or len(shots) != len(log_times) or np.any(np.diff(log_times) <= 0):
        msg = f"need two or more shots, short to long, and their times: got {list(log_times)}"
        raise ValueError(msg)
    check_alike(shots)
    step = math.ceil(math.sqrt(shots[0].shape[0] * shots[0].shape[1] / GRID))
    codes = [np.atleast_3d(on_scale(shot[::step, ::step])) for shot in shots]
    if codes[0].shape[2] != len(response):
        msg = f"shots of {codes[0].shape[2]} channels need as many responses, got {len(response)}"
        raise ValueError(msg)
    short, long = _luminance(codes[0]), _luminance(codes[-1])
    return OrderScene(
        np.log(_luminance(np.exp(_merge(codes, log_times, response)))),
        highlight=(long >= WHITE) & (short > DARK) & (short < WHITE),
        shadow=(short <= DARK) & (long > DARK) & (long < WHITE),
        step=step,
    )


def _merge(codes: Sequence[Floats], log_times: Sequence[float], response: Floats) -> Floats:
    """Compute ln E, (rows, cols, channels): the weighted mean of g(z) − ln t over the shots."""
    total, weights = np.zeros_like(codes[0]), np.zeros_like(codes[0])
    last = len(codes) - 1
    for index, (z, log_time) in enumerate(zip(codes, log_times, strict=True)):
        weight = np.ones_like(z)
        if index > 0:
            weight *= long_weight(z)
        if index < last:
            weight *= short_weight(z)
        exposures = [np.interp(z[..., c], CODE_VALUES, g) for c, g in enumerate(response)]
        total += weight * (np.stack(exposures, axis=-1) - log_time)
        weights += weight
    return total / weights


def order_violations(fused: Pixels, scene: OrderScene) -> Violations:
    """Measure the shares of pairs of pixels whose brightness order a picture reverses.

    Parameters
    ----------
    fused : uint8 or uint16 array, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, of the shape of the photographs that `scene` was read from.
    scene : OrderScene
        From `read_scene`.

    Returns
    -------
    Violations
        Of random pairs, the same in every run. Photographs have a few violations too, from noise
        and from colours with clipped channels.

    Raises
    ------
    ValueError
        If `fused` has another size than the photographs.
    """
    check_alike([fused])
    lightness = _lightness(np.atleast_3d(on_scale(fused[:: scene.step, :: scene.step])))
    if lightness.shape != scene.log_irradiance.shape:
        msg = f"the picture {fused.shape} has another size than the photographs of the scene"
        raise ValueError(msg)
    everywhere = np.arange(lightness.size)
    highlights, shadows = np.flatnonzero(scene.highlight), np.flatnonzero(scene.shadow)
    return Violations(
        _share_reversed(lightness, scene.log_irradiance, everywhere, everywhere),
        _share_reversed(lightness, scene.log_irradiance, highlights, shadows),
    )


def _share_reversed(
    lightness: Floats, log_irradiance: Floats, ones: NDArray[np.intp], others: NDArray[np.intp]
) -> float | None:
    """Compute the share of reversed pairs among random ones, one pixel of each set, that differ."""
    if not ones.size or not others.size:
        return None
    random = np.random.default_rng(SEED)
    one, other = random.choice(ones, PAIRS), random.choice(others, PAIRS)
    scene = log_irradiance.take(one) - log_irradiance.take(other)
    seen = lightness.take(one) - lightness.take(other)
    seen *= np.sign(scene)
    differ = np.abs(scene) > SCENE_STEP
    return float(np.mean(seen[differ] < -LIGHTNESS_STEP)) if differ.any() else None


def out_of_range(planes: Floats | NDArray[np.float32]) -> float:
    """Compute the share, 0..1, of values outside 0..1, by more than half a 16-bit step.

    Smaller excess is rounding. The share of an empty array is 0.
    """
    slack = 0.5 / 65535
    outside = np.count_nonzero((planes < -slack) | (planes > 1 + slack))
    return outside / max(planes.size, 1)


def _luminance(linear: Floats) -> Floats:
    """Compute the luminance of linear R G B or grey, (rows, cols, 1 or 3)."""
    return linear @ LUMINANCE if linear.shape[2] == 3 else linear[..., 0]


def _lightness(codes: Floats) -> Floats:
    """Convert sRGB code values 0..255 (rows, cols, 1 or 3) to L*, 0..100."""
    v = codes / 255
    luminance = _luminance(np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4))
    linear_part = luminance <= (6 / 29) ** 3
    return np.where(linear_part, luminance * (29 / 3) ** 3, 116 * np.cbrt(luminance) - 16)

"""The camera response: its calibration from a bracket, and profiles that store it.

Letters: a camera turns irradiance E and time t into a code value z = f(E·t). Tabulated is the
inverse in natural logarithms, g(z) = ln f⁻¹(z), per channel, for display-encoded z = 0..255, with
g(128) = 0.

Source: Debevec and Malik, "Recovering High Dynamic Range Radiance Maps from Photographs",
SIGGRAPH 1997, equation 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Codes, Floats, Pixels, check_images, with_channels
from expinterp.core.mapping import CODE_VALUES, CODES, LONG_CLIPPED, inliers, to_codes
from expinterp.errors import PairError
from expinterp.text import dump_json, parse_json

ANCHOR = 128  # the code value where g = 0
SMOOTHNESS = 100.0  # λ of the curvature term, for weights of mean 1 per pixel, and steps of 1 EV or
# more
UNEVEN = 1 / 8  # of a period: steps that differ more from its multiples do not have it
MOST_PARTS = 12  # of the shortest step, that are tried as the period
USUAL = 2.2 * np.log(np.maximum(CODE_VALUES, 0.5) / 128)  # g of an exponent of 2.2
HAT = np.minimum(CODE_VALUES, 255 - CODE_VALUES) / 127.5  # weight w(z), 0 where clipped
LEAST_SLOPE = 1e-4  # of g per code value, so that g increases strictly
CONTRAST = (30, 200)  # between these code values the curves of a prior span the same log exposure,
SPAN = 3.05  # natural logarithm: with it, ratios measured on real brackets are right on average
STACK_SAMPLES = 300_000  # pixels used; Debevec and Malik need at least some dozens
PROFILE_VERSION = 1
WIDEST = 40.0  # largest |g| of a profile, 58 stops: no sensor records a tenth of that
MOST_SHOTS = 1_000_000
MOST_SCALE = 1000.0  # that of a profile lies between its inverse and it


@dataclass(frozen=True, eq=False)
class Profile:
    """The response of one camera and picture style.

    Attributes
    ----------
    response : float64 array, shape (channels, 256)
        g(z), strictly increasing.
    residual : float
        Weighted root mean square of g(z) − ln E − ln t over the stack, in stops.
    shots : int
        Number of exposures it was measured from.
    camera : str or None
        Maker and model.
    scale : float or None
        Change of g per change of ln(E·t): 1 if the times were known, None if it is unknown.
    source : {'profile', 'known'}
        ``known``: no measurement, but the curve by which the pixels were encoded; see
        `expinterp.core.encoding`. It is not stored in files.
    """

    response: Floats
    residual: float
    shots: int
    camera: str | None = None
    scale: float | None = None
    source: Literal["profile", "known"] = "profile"

    def to_json(self) -> str:
        """Return the profile as JSON, with curves rounded to 1e-5."""
        facts = asdict(self) | {"response": np.round(self.response, 5).tolist()}
        del facts["source"]
        return dump_json({"expinterp_profile": PROFILE_VERSION, **facts}) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Profile:
        """Read a profile from the JSON of `to_json`.

        Raises
        ------
        ValueError
            If it is no profile, or one of its values is not as described above.
        """
        facts: dict[str, Any] = parse_json(text)
        if not isinstance(facts, dict) or facts.get("expinterp_profile") != PROFILE_VERSION:
            msg = f"no expinterp profile of version {PROFILE_VERSION}"
            raise ValueError(msg)
        try:
            response = np.array(facts["response"], np.float64)
            residual, camera, shots = float(facts["residual"]), facts["camera"], int(facts["shots"])
            scale = facts.get("scale")  # older profiles have none
            scale = None if scale is None else float(scale)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            msg = "a value is missing, or of the wrong type"
            raise ValueError(msg) from error
        curves = response.shape in {(1, CODES), (3, CODES)} and np.abs(response).max() <= WIDEST
        if not curves or not (np.diff(response) > 0).all():
            msg = f"response must be 1 or 3 increasing rows of 256 numbers, at most ±{WIDEST:g}"
        elif not 0 <= residual <= WIDEST:
            msg = f"residual must be a number from 0 to {WIDEST:g}, not {residual}"
        elif not 0 <= shots <= MOST_SHOTS:
            msg = f"shots must be a number from 0 to {MOST_SHOTS}, not {shots}"
        elif not isinstance(camera, str | None):
            msg = f"camera must be a name or null, not {camera}"
        elif scale is not None and not 1 / MOST_SCALE <= scale <= MOST_SCALE:
            msg = f"scale must be a number from {1 / MOST_SCALE:g} to {MOST_SCALE:g}, not {scale}"
        else:
            return cls(response, residual, shots, camera, scale)
        raise ValueError(msg)


def check_profile(response: object) -> None:
    """Raise a ValueError if the `response` that a caller gives is neither a profile nor None."""
    if response is not None and not isinstance(response, Profile):
        kind = type(response).__name__
        msg = f"response must be a Profile, as Profile.from_json reads it from a file, not {kind}"
        raise ValueError(msg)


def calibrate(
    stack: Sequence[Pixels] | NDArray[Any], times: Sequence[float], *, camera: str | None = None
) -> Profile:
    """Measure a camera's response from a stack of exposures of one still scene.

    Minimises, per channel, Σ w·(g(z) − ln E − ln t)² + λ·Σ (w·g″)² over g and the ln E of every
    pixel (Debevec and Malik 1997). For a given g the best ln E of a pixel is a weighted mean.
    Inserted, it leaves a sum over pairs of shots that depends only on their joint histogram: there
    are 256 unknowns, for any number of pixels. λ is smaller for uneven steps, see `_smoothness`.

    Parameters
    ----------
    stack : sequence of uint8 or uint16 arrays, shape (rows, cols) or (rows, cols, 1 or 3)
        Display-encoded, registered; two or more, better seven, with steps of 1 and 1⅓ EV in turn:
        equal steps leave waves of their period open.
    times : sequence of float
        Exposure times in seconds, or other numbers proportional to the exposure.
    camera : str, optional
        Name to store in the profile.

    Returns
    -------
    Profile

    Raises
    ------
    ValueError
        If there are fewer than two shots, the counts differ, all times are equal, one of them is
        not positive, or the shots are not images as above.
    PairError
        If shots differ in size, channels or bit depth, or no unclipped pixel follows the exposure.
    """
    return calibrate_scenes([(stack, times)], camera=camera)


def calibrate_scenes(
    scenes: Sequence[tuple[Sequence[Pixels] | NDArray[Any], Sequence[float]]],
    *,
    camera: str | None = None,
) -> Profile:
    """Measure a camera's response from the stacks of several scenes together.

    All stacks share one g; every pixel has its own irradiance. Together the scenes cover more code
    values than one alone.

    Parameters
    ----------
    scenes : sequence of (stack, times)
        As for `calibrate`; all grey or all colour.
    camera : str, optional
        Name to store in the profile.

    Raises
    ------
    ValueError
        If there is no scene, one is not as described, or some are grey and some colour.
    PairError
        If no unclipped pixel follows the exposure.
    """
    if not scenes:
        msg = "no stack is given; give one or more"
        raise ValueError(msg)
    stacks = [_sort_shots(stack, times) for stack, times in scenes]
    if len({shots.shape[3] for shots, _ in stacks}) > 1:
        msg = "scenes must all be grey or all colour"
        raise ValueError(msg)
    channels = range(stacks[0][0].shape[-1])
    parts = [[(_usable_pixels(shots, c), log) for shots, log in stacks] for c in channels]
    if not all(any(HAT[z].any() for z, _ in each) for each in parts):
        msg = (
            "no unclipped pixel follows the exposure; "
            "use a bracket of one still scene and check its exposure times"
        )
        raise PairError(msg)
    response = np.stack([_debevec(each) for each in parts])
    errors = [_residual(g, each) for g, each in zip(response, parts, strict=True)]
    residual = float(np.sqrt(np.mean(np.square(errors))) / np.log(2))
    count = sum(len(shots) for shots, _ in stacks)
    return Profile(response, round(residual, 4), count, camera, scale=1.0)


def _sort_shots(
    stack: Sequence[Pixels] | NDArray[Any], times: Sequence[float]
) -> tuple[Codes, Floats]:
    """Sample a stack, and sort it from dark to bright; return it with the logarithms of its times.

    Shapes (shots, rows, cols, channels) and (shots,).
    """
    known = all(0 < time < math.inf for time in times)
    if len(stack) != len(times) or len(set(times)) < 2 or not known:
        msg = (
            f"{len(stack)} shots and times {list(times)}: give two or more shots, "
            "and one positive time for each, not all equal"
        )
        raise ValueError(msg)
    images = list(stack)
    check_images(images, [f"stack[{index}]" for index in range(len(images))])
    step = int(np.ceil(np.sqrt(images[0].shape[0] * images[0].shape[1] / STACK_SAMPLES)))
    dark_first = np.argsort(times, kind="stable")
    shots = np.stack([to_codes(with_channels(images[i])[::step, ::step]) for i in dark_first])
    return shots, np.log(np.asarray(times, dtype=np.float64)[dark_first])


def _usable_pixels(shots: Codes, channel: int) -> Codes:
    """Return the code values (shots, pixels) of a channel that show its response.

    Those are the inliers between all adjacent shots: borders, captions and things that moved would
    distort it. Where another channel is clipped, the value counts as clipped too: the sensor was,
    and the correction of colours spoiled all channels. `shots` run from dark to bright.
    """
    z = shots[..., channel].reshape(len(shots), -1)
    kept = np.ones(z.shape[1], dtype=np.bool_)
    for short, long in pairwise(z):
        index = long.astype(np.intp) * CODES + short
        joint = np.bincount(index, minlength=CODES**2).reshape(CODES, CODES)
        kept &= inliers(joint).ravel()[index]
    spoiled = (shots.max(axis=3) >= LONG_CLIPPED).reshape(z.shape)
    return np.where(spoiled, z.dtype.type(255), z)[:, kept]


def _debevec(parts: Sequence[tuple[Codes, Floats]]) -> Floats:
    """Solve for g of one channel; a part is z (shots, pixels) and ln t (shots,) of one scene."""
    normal, right = np.zeros((CODES, CODES)), np.zeros(CODES)
    smoothness = min(_smoothness(log_times) for _, log_times in parts)
    for z, log_times in parts:
        weight = HAT[z]
        total = np.maximum(weight.sum(axis=0), 1e-9)
        for j, k in combinations(range(len(z)), 2):
            index = z[j].astype(np.int64) * CODES + z[k]
            counts = np.bincount(index, weight[j] * weight[k] / total, CODES**2)
            joint = counts.reshape(CODES, CODES)
            rows, cols = joint.sum(axis=1), joint.sum(axis=0)
            normal += np.diag(rows + cols) - joint - joint.T
            right += (log_times[j] - log_times[k]) * (rows - cols)
    pixels = sum(z.shape[1] for z, _ in parts)
    curvature = HAT[1:-1, None] * np.diff(np.eye(CODES), 2, axis=0)
    smooth = pixels * smoothness * curvature.T @ curvature
    normal += smooth
    right += smooth @ USUAL
    normal[ANCHOR, ANCHOR] += max(pixels, 1)
    normal += max(pixels, 1) * 1e-12 * np.eye(CODES)  # for code values without any pixel
    return increasing(np.asarray(np.linalg.solve(normal, right), dtype=np.float64))


def _smoothness(log_times: Floats) -> float:
    """Return λ for a bracket with ln t as given, in increasing order.

    All steps of a bracket are multiples of a period P. Waves of this period in g are not seen in
    such steps: only the curvature term keeps them out. Its square on a wave falls with P⁴, so that
    λ = `SMOOTHNESS`·P⁴ suffices, with P in EV. Above 1 EV the curve itself needs no more.
    """
    return SMOOTHNESS * min(_period(np.diff(log_times) / np.log(2)), 1.0) ** 4


def _period(steps: Floats) -> float:
    """Return the longest period P, in EV, of which all steps are multiples, roughly.

    Steps of less than a tenth of the longest do not count, as they show little of the curve.
    """
    steps = steps[steps > steps.max() / 10]
    for parts in range(1, MOST_PARTS + 1):
        multiples = np.rint(parts * steps / steps.min())
        period = float(steps.sum() / multiples.sum())
        if np.abs(steps - multiples * period).max() < UNEVEN * period:
            break
    return period


def _residual(g: Floats, parts: Sequence[tuple[Codes, Floats]]) -> float:
    """Compute the weighted root mean square of g(z) − ln E − ln t, natural logarithm."""
    squares, weights = 0.0, 0.0
    for z, log_times in parts:
        weight = HAT[z]
        exposure = g[z] - log_times[:, None]
        total = np.maximum(weight.sum(axis=0), 1e-9)
        error = exposure - (weight * exposure).sum(axis=0) / total
        squares += float((weight * error**2).sum())
        weights += float(weight.sum())
    return float(np.sqrt(squares / max(weights, 1e-9)))


def increasing(response: Floats) -> Floats:
    """Make curves increase strictly and pass through g(128) = 0.

    Parameters
    ----------
    response : float64 array, shape (..., 256)

    Returns
    -------
    float64 array, same shape
        Each step is at least 1e-4. A curve with such steps is only shifted.
    """
    ramp = LEAST_SLOPE * CODE_VALUES
    risen = np.maximum.accumulate(response - ramp, axis=-1) + ramp
    return np.asarray(risen - risen[..., ANCHOR, None])


def contrast(curves: Floats) -> Floats:
    """Compute the log exposure between the code values `CONTRAST`, mean of the channels.

    Parameters
    ----------
    curves : float64 array, shape (..., channels, 256)

    Returns
    -------
    float64 array, shape (...)
    """
    low, high = CONTRAST
    return np.asarray((curves[..., high] - curves[..., low]).mean(axis=-1))


def to_common_contrast(curves: Floats) -> Floats:
    """Scale curves, shape (..., channels, 256), to a log exposure of `SPAN` over `CONTRAST`."""
    return np.asarray(curves * (SPAN / contrast(curves))[..., np.newaxis, np.newaxis])

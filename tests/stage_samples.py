"""Small scenes that run through every stage of the core, and a few numbers of each result."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
from motion_samples import hand, seen, textured
from moving_samples import noisy, place
from synthetic import gamma_response

from expinterp.core import comparison, encoding, mapping, radiance
from expinterp.core.denoise import bands, growth, noise, shrink
from expinterp.core.fusion import guided, headroom, pyramid, series, shoulder, stack, weighting
from expinterp.core.ghosts import consistent, detect, follow, picture, smooth
from expinterp.core.intermediate import Blend
from expinterp.core.pair import Pair, measure_exposures
from expinterp.core.registration import (
    alignment,
    blocks,
    downscale,
    homography,
    likeness,
    motion,
    opacity,
    resample,
    search,
    texture,
    viewing,
)
from expinterp.core.render import render
from expinterp.core.response import calibration as response
from expinterp.core.response import prior, shadows

SHAPE = (160, 240)
BLOCKS = 3, 4  # along rows and columns; a number is the mean of each
NARROW = 12  # columns; narrower arrays are tables
FEW = 32  # so many numbers, or fewer, are recorded as they are
DIGITS = 6  # significant ones

STAGES: dict[str, Callable[[], Any]] = {}


def stage(function: Callable[[], Any]) -> Callable[[], Any]:
    STAGES[function.__name__] = function
    return function


def summarise(value: Any) -> Any:
    """Reduce a result to numbers: means of blocks, the ends and the spread of large arrays."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, dict):
        return {str(key): summarise(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [summarise(part) for part in value]
    array = np.asarray(value, np.float64)
    if array.size > FEW:
        means = block_means(np.moveaxis(array, 0, -1) if is_planes(array) else array)
        array = np.concatenate([means, [array.min(), array.max(), array.std()]])
    return [float(f"{number:.{DIGITS}g}") for number in array.ravel()]


def is_planes(array: np.ndarray) -> bool:
    return array.ndim == 3 and array.shape[0] <= 3 < array.shape[2]


def block_means(array: np.ndarray) -> np.ndarray:
    """Average blocks of rows and columns, each channel alone; of narrow arrays, blocks of rows."""
    cols = BLOCKS[1] if array.ndim > 1 and array.shape[1] >= NARROW else 1
    rows = np.array_split(array, BLOCKS[0] if cols > 1 else 2 * BLOCKS[0])
    if cols > 1:
        rows = [part for row in rows for part in np.array_split(row, cols, axis=1)]
    axes = (0, 1) if cols > 1 else 0
    return np.concatenate([np.ravel(part.mean(axis=axes)) for part in rows if part.size])


# The scenes


def photograph(light: np.ndarray, *, bits: int = 8) -> np.ndarray:
    """Expose by a curve that no gamma fits: toe, shoulder, and channels that differ."""
    light = np.clip(light, 0, 1)
    curve = np.stack([light[..., c] ** (1 / (2.0 + 0.2 * c)) for c in range(3)], axis=-1)
    codes = (2**bits - 1) * (0.75 * curve + 0.25 * np.sin(np.pi / 2 * curve) ** 2)
    return np.rint(codes).astype(np.uint8 if bits == 8 else np.uint16)


@cache
def scene() -> np.ndarray:
    """Dark and bright halves with coloured texture, a white and a black part: eleven stops."""
    light = textured(SHAPE, seed=4).astype(float)
    light *= 2.0 ** np.linspace(-3.5, 3.5, SHAPE[1])[:, np.newaxis]
    light[100:140, 200:235] = 6.0, 7.0, 5.0
    light[10:40, 5:30] = 1e-5
    light.flags.writeable = False
    return light


@cache
def bracket(*, bits: int = 8) -> tuple[np.ndarray, ...]:
    """Three registered, noisy shots, 3 EV apart, from dark to bright."""
    times = 0.01, 0.08, 0.64
    return tuple(
        noisy(photograph(time * scene(), bits=bits), 1.2, seed=place)
        for place, time in enumerate(times)
    )


@cache
def moved(*, bits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """A dark and a bright shot, 4 EV apart, in which a disk and a square moved."""
    dark, bright = scene(), scene()
    for at, to, side, colour in (
        ((30, 60), (45, 110), 40, (0.9, 0.3, 0.2)),
        ((95, 140), (105, 178), 36, (3.0, 3.5, 4.0)),
    ):
        dark = place(at, dark, side=side, colour=colour, disk=side == 40)
        bright = place(to, bright, side=side, colour=colour, disk=side == 40)
    shots = photograph(0.03 * dark, bits=bits), photograph(0.48 * bright, bits=bits)
    return noisy(shots[0], 0.8, seed=5), noisy(shots[1], 1.0, seed=6)


@cache
def shaken() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three shots of a hand that moves and tilts, 2 EV apart."""
    still = textured(SHAPE, seed=7)
    poses = np.eye(3), hand(0.012, -0.008, degrees=0.7), hand(-0.02, 0.015, tilt=(0.02, -0.01))
    lights = [np.maximum(seen(still, pose), 0) * 0.03 * 4.0**k for k, pose in enumerate(poses)]
    one, two, three = (noisy(photograph(each), 0.7, seed=8 + k) for k, each in enumerate(lights))
    return one, two, three


@cache
def joints() -> np.ndarray:
    return mapping.joint_histogram(moved()[1], moved()[0])


@cache
def levels() -> tuple[np.ndarray, ...]:
    return tuple(map(mapping.matched_levels, joints()))


@cache
def compared() -> comparison.Comparison:
    return comparison.compare(moved()[1], moved()[0])


@cache
def curves() -> np.ndarray:
    return response.increasing(gamma_response(2.2) + 0.3 * np.sin(np.arange(256) / 40))


@cache
def pair() -> Pair:
    return measure_exposures(*bracket()[:0:-1], viewing=viewing.Viewing(align=False))


def facts(value: Any, *names: str) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


# Response and mapping


@stage
def tones() -> Any:
    dark, bright = moved()
    shifted = mapping.joint_histogram(bright, np.roll(dark, 9, 1))
    return {
        "levels": levels(),
        "inliers": [mapping.inliers(joint).sum(axis=1) for joint in joints()],
        "shares": [mapping.inlier_share(joint) for joint in joints()],
        "medians": mapping._median_curve(joints()[0]),
        "trimmed": mapping._trimmed_curve(shifted[0]),
        "imf": mapping.imf_from_response(curves(), scale=5.0),
        "tails": mapping._spread_levels(*bells()),
        "sample": mapping.to_codes(bracket(bits=16)[1]),
    }


def bells() -> list[np.ndarray]:
    """Histograms of tones that are nowhere clipped."""
    codes = np.arange(256)
    return [np.rint(1e5 * np.exp(-(((codes - at) / 16) ** 2))).astype(int) for at in (140, 90)]


@stage
def responses() -> Any:
    bundled = prior.load_prior()
    other = tuple(map(mapping.matched_levels, mapping.joint_histogram(*bracket()[:0:-1])))
    estimates = {
        "pair": prior.estimate_response(levels(), bundled),
        "grey": prior.estimate_response(levels()[:1], bundled),
        "around": prior.estimate_response(levels(), bundled.around(curves()[:1])),
        "camera": prior.estimate_response(
            levels(), bundled.of_camera(bundled.cameras[0], [curves()])
        ),
        "stated": prior.estimate_response(levels(), bundled.with_log_ratio(2.5)),
        "few": prior.estimate_response([levels()[0][10:40:20]], bundled),
    }
    shared = prior.estimate_shared([levels(), other], bundled, stated=[2.7, None])
    return {
        name: facts(found, "response", "log_ratio", "distance") for name, found in estimates.items()
    } | {"shared": facts(shared, "response", "scale", "log_ratios", "distance")}


@stage
def dark_hues() -> Any:
    light = np.exp(np.random.default_rng(4).uniform(-9, 0, (900, 60, 3)))
    found = {}
    for ratio, missing in ((40, (2e-5, 0, 1e-4)), (200, (1e-3, 4e-4, 0)), (900, (1e-3, 0, 2e-3))):
        dark = np.maximum(light / ratio - np.array(missing), 1e-9)
        long, short = (
            np.stack([np.interp(np.log(each[..., c]), curve - curve[-1], np.arange(256))
                      for c, curve in enumerate(curves())], axis=-1).round().astype(np.uint8)
            for each in (light, dark)
        )  # fmt: skip
        corrected = shadows.correct_shadows(curves(), np.log(ratio), long, short)
        found[str(ratio)] = (corrected - curves())[:, [0, 1, 2, 3, 4, 8, 20, 90]]
    return found


@stage
def calibration() -> Any:
    times = 0.01, 0.08, 0.64
    found = response.calibrate(bracket(), times)
    two = response.calibrate_scenes([(bracket(), times), (moved(), (0.03, 0.48))])
    rises = response.increasing(-np.arange(256.0))
    return [rises, *(facts(e, "response", "residual", "shots", "scale") for e in (found, two))]


@stage
def comparisons() -> Any:
    bundled, times = prior.load_prior(), (0.01, 0.08, 0.64)
    measured = response.calibrate(bracket(), times)
    unscaled = response.Profile(curves(), 0.1, 3)
    dark, bright = moved()
    covered = np.ones(detect.small_copy(dark).shape[:2], bool)
    covered[:, :30] = False
    found = {
        "pair": compared(),
        "covered": comparison.compare(bright, dark, covered=covered, stated=40.0),
        "profile": comparison.compare(bright, dark, response=measured, stated=15.0),
        "unscaled": comparison.compare(bright, dark, response=unscaled, stated=9.0),
        "grey": comparison.compare(bright[..., 1:2], dark[..., 1:2], deghost=False),
        "camera": comparison.compare(bright, dark, prior=bundled.of_camera("", [curves()])),
        "known": comparison.compare(
            *moved(bits=16)[::-1], response=encoding.known_response(), stated=20.0
        ),
    }
    return {
        name: facts(each, "response", "log_ratio", "ratio", "source", "still")
        | {"notices": len(each.notices), "region": each.conflict and each.conflict.region}
        for name, each in found.items()
    }


@stage
def y0() -> Any:
    rising = np.arange(256, dtype=np.uint8)
    long, short = (np.repeat(each[..., None], 3, axis=2) for each in np.meshgrid(rising, rising))
    imfs = [mapping.imf_from_response(curves(), scale=scale) for scale in (0.25, 4.0)]
    few, wide = Blend(*imfs, np.dtype(np.uint8)), Blend(*imfs, np.dtype(np.uint16))
    return {
        "table": few(long, short),
        "wide": wide(long * np.uint16(257), short * np.uint16(257)),
        "slopes": few.slopes(long, short),
        "brightening": few.brightening(short),
        "mapped": few.mapped(long, short),
    }


# Noise


@stage
def noises() -> Any:
    dark, bright = (
        cv2.resize(shot, (360, 280), interpolation=cv2.INTER_NEAREST) for shot in moved()
    )
    shots = {
        "eight": (bright, dark),
        "sixteen": tuple(shot * np.uint16(257) for shot in (bright, dark)),
        "grey": (bright[..., 1:2], dark[..., 1:2]),
        "few": (bright[:20, 150:], dark[:20, 150:]),
    }
    found = {}
    for name, (long, short) in shots.items():
        blend = blend_of(long.shape[2], long.dtype)
        found[name] = [
            facts(each, "luminance", "colour", "false_colour")
            for each in noise.measure_noise(long, short, blend)
        ]
    ramp = np.linspace(10, 200, 3000, dtype=np.float32)
    few = SimpleNamespace(code=ramp, slope=ramp**0, texture=ramp**0, luminance=(ramp / 4000) ** 2)
    grows = noise._measure_growth([few], rounded=False)
    found["growth"] = facts(grows, "power", "low", "high")
    for level, colours in enumerate(((0.05, 0.03), (0.01, 0.006), (0.006, 0.003))):
        for colour in colours:  # what rounding leaves, and what a camera erased
            little = noise.Noise(0.001, colour, 0.2)
            done = noise._complete(little, level, [], rounded=True)
            found[f"{level}, {colour}"] = facts(done, "luminance", "colour")
    return found


def blend_of(channels: int, dtype: Any, position: float = 0.5) -> Blend:
    scales = 16.0 ** (position - 1), 16.0**position
    one, two = (mapping.imf_from_response(curves()[:channels], scale=each) for each in scales)
    return Blend(one, two, np.dtype(dtype))


def example_noise() -> tuple[noise.Noise, ...]:
    grows = growth.Growth(0.6, 12.0, 90.0)
    parts = (1.1, 0.7, 0.5), (0.4, 0.3, 0.4), (0.15, 0.1, 0.2)
    return tuple(noise.Noise(*each, grows) for each in parts)


@stage
def denoised() -> Any:
    found = {}
    for bits in (16, 8):
        dark, bright = moved(bits=bits)
        blend = blend_of(3, dark.dtype)
        medium = np.empty_like(dark)
        blend.write(bright, dark, medium)
        for strength in (1.0, 0.5):
            clean = shrink.denoise(medium, bright, dark, blend, example_noise(), strength=strength)
            found[f"{bits} bits, {strength}"] = clean.astype(float) - medium
    none = noise.Noise(0.0, 0.0, 0.0)
    for name, each in {
        "luminance alone": [noise.Noise(1.1, 0.0, 0.0)] * 3,
        "colour alone": [noise.Noise(0.0, 0.7, 0.0)] * 3,
        "finest alone": [example_noise()[0], none, none],
        "coarsest alone": [noise.Noise(0.4, 0.0, 0.0), none, example_noise()[1]],
    }.items():
        clean = shrink.denoise(medium, bright, dark, blend, each)
        found[name] = clean.astype(float) - medium
    slopes = blend_of(3, np.uint8).slopes(bright, dark)
    for level, each in enumerate(example_noise()):
        found[f"variances {level}"] = shrink._variances([*slopes], each, level, 4.0)
        steps = [np.full((1, 1), step, np.float32) for step in (1, 2, 4)]
        none = shrink._variances(steps, noise.Noise(0, 0, 1.0), level)
        found[f"rounding {level}"] = none
    return found


@stage
def bands_of_a_picture() -> Any:
    planes = bands.to_opponents(bands.to_planes(bracket()[1]))
    fine = bands.gaussian_pyramid(planes[0])
    return {
        "planes": planes,
        "band": bands.band(*fine[:2]),
        "energy": bands.energy(fine[0]),
        "excess": shrink._excess(
            np.float32([0.1, 0.5, 1, 4, 3e-7]), np.float32([3, 2, 3, 5, 0]), shrink.CERTAINTY
        ),
        "spread": growth.Growth(0.6, 12.0, 90.0).spread(bracket(bits=16)[1]),
    }


# Fusion


def unit(image: np.ndarray) -> np.ndarray:
    return image.astype(np.float32) / np.iinfo(image.dtype).max


@stage
def weights() -> Any:
    other = weighting.Weighting(0.7, 0.4, 0.6, 0.45, 0.3)
    return {
        "known": [weighting.log_weights_of_known(unit(shot), other) for shot in bracket()],
        "plain": [weighting.log_weights(unit(shot), weighting.Weighting()) for shot in bracket()],
        "share": weighting.known_share(np.linspace(0.5, 1, 26, dtype=np.float32)),
    }


@stage
def filters() -> Any:
    guide = weighting.grey(unit(bracket()[1]))
    target = weighting.known_share(weighting.grey(unit(bracket()[2])))
    return {
        "guided": guided.guided_coefficients(guide, target, radius=3, epsilon=0.02),
        "plain": guided.guided_coefficients(guide, target, radius=2, epsilon=0.01, weighted=False),
        "reduced": [pyramid.reduce(unit(bracket()[1])[rows:, rows:]) for rows in (0, 1)],
        "halved": [
            downscale.halve(bracket()[1][1:, 1:], least)
            for least in ((40, 40), (130, 40), (60, 20), (20, 60))
        ],
        "smaller": downscale.reduce_size(bracket(bits=16)[1][:, :-3], (70, 50)),
        "codes": [pyramid.reduce_codes(bracket()[1][rows:], slice(3, 70)) for rows in (0, 1)],
    }


@stage
def range_of_values() -> Any:
    base = 1.7 * unit(bracket()[2]) - 0.25
    low, high = shoulder.value_range(base)
    return {
        "range": [low, high],
        "compressed": shoulder.compress(base.copy(), low, high),
        "kept": headroom.keep_headroom(base.copy()),
        "grey": headroom.keep_headroom(base[..., 1].copy()),
    }


@stage
def fused() -> Any:
    found = {}
    for method in ("guided", "mertens"):
        for name, shots in {
            "colour": bracket(bits=16),
            "grey": [shot[:-3, :-5, 1] for shot in bracket(bits=16)],
        }.items():
            both = stack.Stack(shots, method=method, levels=None if name == "grey" else 6)
            found[f"{method}, {name}"] = {
                "weights": [both.weights(index) for index in range(3)],
                "base": both.base,
                "fused": both.fuse(),
            }
    return found


# Ghosts


@stage
def conflicts() -> Any:
    dark, bright = map(detect.small_copy, moved())
    imfs = [mapping.imf_from_response(curves(), scale=scale)[0] for scale in (0.25, 4.0)]
    found = detect.find_conflict(bright, dark, curves(), np.log(16))
    return {
        "region": found.region,
        "contradicted": found.contradicted,
        "bounds": [np.clip(each, -1e3, 1e3) for each in detect._bounds(joints()[0], *imfs)],
        "quartiles": detect._compare_quartiles(joints()[0], *imfs),
        "mask": detect.shrink_mask(scene()[..., 0] > 0.2),
    }


@stage
def regions() -> Any:
    """Components of many sizes, with few and many strong pixels, and gaps of many widths."""
    weak, strong = np.zeros((2, 400, 700), bool)
    for k in range(24):  # along a row: areas that grow by 5, and strong pixels
        weak[10:15, 20 + 28 * k : 26 + 28 * k + k] = True
        strong[10:15, 20 + 28 * k : 22 + 28 * k + k // 2] = True
        weak[60:80, 20 + 28 * k : 36 + 28 * k] = True  # strong pixels that grow by 1 or 2
        strong[60, 20 + 28 * k : 28 + 28 * k + k // 3] = True
        strong[61, 20 + 28 * k : 20 + 28 * k + k] = k > 9
    for k in range(9):  # gaps, and holes, that grow by 1 and by 8 pixels
        weak[130:150, 20 + 75 * k : 35 + 75 * k] = weak[130:150, 52 + 75 * k + k :][:, :15] = True
        weak[200:300, 10 + 76 * k : 80 + 76 * k] = True
        weak[210 : 240 + 2 * k, 15 + 76 * k : 55 + 76 * k + 2 * k] = False
    strong[130:300] = weak[130:300]
    return {
        "sizes": detect._drop_small(weak & strong, 60),
        "found": [
            detect._find_regions(strong[rows], weak[rows]) for rows in np.split(np.arange(400), 4)
        ],
    }


@stage
def followed() -> Any:
    found = {}
    dark, bright = bracket()[0], bracket()[2]
    region = np.zeros(detect.small_copy(dark).shape[:2], bool)
    region[40:130, 60:215] = region[5:60, 12:50] = True
    doubt = region.copy()
    doubt[:, 150:] = doubt[:30] = False
    conflict = detect.Conflict(region, doubt)
    for name, scale, shots in (
        ("darker", 1 / 16, (bright, dark)),
        ("brighter", 16, (dark, bright)),
    ):
        for bits in (8, 16):
            reference, other = (shot * np.uint16(257) if bits == 16 else shot for shot in shots)
            out = np.array(other)
            imf = mapping.imf_from_response(curves(), scale=scale)
            follow.follow(reference, out, conflict, imf, brighter=scale < 1)
            found[f"{name}, {bits} bits"] = out
        guide = follow._plan(*shots, conflict, imf, brighter=scale < 1)
        found[f"{name}, guide"] = vars(guide)
    found["missing"] = smooth.interpolate_missing(unit(dark)[..., 0], np.float32(~region))
    found["clean"] = smooth.reduce_noise(dark.astype(np.float32))
    return found


@stage
def moments() -> Any:
    """Three shots of which a thing moved in two, made consistent."""
    shots = [*bracket()]
    shots[2] = shots[2].copy()
    shots[2][60:100, 100:140] = 40, 90, 200
    links = [comparison.compare(long, short) for short, long in pairwise(shots)]
    covered = [None, np.ones(detect.small_copy(shots[0]).shape[:2], bool), None]
    covered[1][:, 220:] = False
    found = {
        "error": consistent._squared_error(curves(), np.log(4)),
        "steps": [consistent.map_step(link, step) for link in links for step in (1, -1)],
        "reference": consistent.choose_reference(links, default=0),
    }
    for reference in (None, 0):
        whole = consistent.make_consistent(
            shots, links, covered, 2, fresh=[False] * 3, reference=reference, deghost=True
        )
        found[f"from {reference}"] = facts(whole, "shots", "reference") | {
            "sources": whole.ghosts.sources,
            "picture": picture.draw_ghosts(shots[1], whole.ghosts, shots=3),
            "mask": picture.draw_mask(whole.ghosts, shots=3, side=100),
        }
    return found


# Registration


@stage
def motions() -> Any:
    first, second, third = shaken()
    pose = search.search_pose(first, second)
    large = cv2.resize(second, (420, 300))
    turns = [cv2.getRotationMatrix2D((210, 150), degrees, 1) for degrees in (-8.4, 6.2)]
    turned = [search.search_pose(large, cv2.warpAffine(large, turn, (420, 300))) for turn in turns]
    matches = blocks.match_blocks(first, third, np.eye(3), side=48, most=6)
    cut = texture.normalise_contrast(texture.shrink(second, 100, 30)[0])
    found = motion.find_motions(shaken(), reference=1)
    return {
        "poses": [facts(each, "matrix", "likeness") for each in [pose, *turned]],
        "matches": facts(matches, "points", "targets", "weights"),
        "texture": cut,
        "motions": [facts(each, "matrix", "pixels") for each in found],
        "halves": found[2].halves(),
    }


@stage
def fits() -> Any:
    """Matches of a tilted view that are off, one in five of them far."""
    random = np.random.default_rng(1)
    points = random.uniform((0, 0), SHAPE[::-1], (60, 2))
    targets = homography.map_points(hand(0.02, 0.01, degrees=1, tilt=(0.03, -0.02)), points)
    targets += random.normal(0, 0.2, points.shape)
    targets[::5] += random.uniform(-9, 9, (12, 2))
    matches = homography.Matches(points, targets, random.uniform(0.4, 1, 60), SHAPE)
    both = [homography._fit(matches, np.zeros(8), count) for count in (4, 8)]
    names = "parameters", "covariance", "displacement", "standard_error"
    return {
        "fits": [
            facts(each, *names) for each in (homography.fit_motion(matches, np.eye(3)), *both)
        ],
        "agreement": [each.agreement(near) for each in both for near in (0.2, 0.5, 1.0, 2.0)],
    }


@stage
def likenesses() -> Any:
    dark, bright = moved()
    imf = consistent.map_step(compared(), -1)
    still, turned, _ = likeness._compare_details(bright, dark)
    other = likeness._compare_details(bright, shaken()[0])
    return {
        "details": [still, turned, *other[:2]],
        "shifts": likeness._shift_errors(bright, dark, imf),
        "lies still": [likeness.lies_still(bright, each, imf) for each in (dark, shaken()[0])],
        "exposed": [alignment.best_exposed(shots) for shots in (bracket(), moved(), shaken())],
    }


@stage
def frames() -> Any:
    poses = [
        hand(0.03, -0.02, degrees=2, tilt=(0.05, 0.02)),
        hand(-0.04, 0.05, degrees=-3, scale=1.1),
    ]
    shots = shaken()[:2]
    steps = [motion.Motion(pose, 9.0) for pose in poses]
    masks = [resample.covered(SHAPE, pose) for pose in poses]
    opaque = [np.where(shots[0][..., 0] > 90, 255, 9).astype(np.uint8), None]
    shown = alignment.align_shots(shots, steps, crop=False, opacities=opaque)
    cropped = alignment.align_shots(shots, steps, crop=True)
    window = resample.inner_window(masks, SHAPE)
    return {
        "masks": masks,
        "window": [[part.start, part.stop] for part in window],
        "shots": shown.shots,
        "opacities": shown.opacities,
        "covered": shown.covered,
        "cropped": cropped.shots,
    }


@stage
def transparent() -> Any:
    opaque = [np.full(SHAPE, 255, np.uint8) for _ in range(3)]
    opaque[0][20:90, 30:120], opaque[1][50:120, 60:200], opaque[2][60:80, 80:100] = 0, 100, 3
    links = [compared(), compared()]
    return {
        "filled": opacity.fill_transparent(bracket(), opaque, links),
        "extended": opacity.extend_colours(bracket()[1], opaque[0]),
        "seen": opacity.sample_seen(bracket(), opaque),
        "joined": opacity.join_opacities(opaque[:2]),
    }


# Whole results


@stage
def light() -> Any:
    times = 0.5, 4.0, 32.0
    opaque = [np.full(SHAPE, 255, np.uint8) for _ in range(3)]
    opaque[2][:, 120:] = 60
    bits = bracket(bits=16)
    tables = radiance._Tables.of(bracket()[0], curves()), radiance._Tables.of(bits[0], None)
    return {
        "tables": [{k: np.log(each + 1e-9) for k, each in vars(one).items()} for one in tables],
        "eight": np.log(radiance.merge_radiance(bracket(), curves(), times)[0]),
        "marks": [radiance.merge_radiance(bracket()[k:], curves(), times[k:])[1] for k in (0, 2)],
        "sixteen": np.log(radiance.merge_radiance(bits, None, times)[0]),
        "shares": radiance.merge_radiance(bracket(), curves(), times, opacities=opaque)[0],
        "white": radiance.merge_radiance(
            np.uint8([[[[250, 40, 60]]], [[[255, 200, 90]]]]), curves(), (1.0, 2.0)
        ),
        "noisy": radiance.merge_radiance(bracket()[:2], curves(), (0.25, 16.0))[0],
    }


@stage
def shot_series() -> Any:
    one, two = compared(), comparison.compare(*bracket()[:0:-1])
    pairs = [SimpleNamespace(levels=each.levels, log_ratio=each.log_ratio) for each in (one, two)]
    profiles = {
        "none": None,
        "exact": response.Profile(curves(), 0.1, 3, scale=1.3),
        "unscaled": response.Profile(curves(), 0.1, 3),
        "known": encoding.known_response(),
    }
    return {
        f"{name}, {stated}": facts(
            series.measure_series(pairs, stated, profile=profile, prior=None, channels=3),
            "response", "log_exposures", "source",
        )
        for name, profile in profiles.items()
        for stated in ((12.0, None), (None, None), (16.0, 9.0))
    }  # fmt: skip


@stage
def rendered() -> Any:
    found = facts(pair(), "ratio_measured", "log_ratio", "clipped", "reference", "source")
    for position in (0.1, 0.5, 0.8):
        shown = render(pair(), position, denoise=1.0)
        found[str(position)] = facts(shown, "medium", "residual")
    return found

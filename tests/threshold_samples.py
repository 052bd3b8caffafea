"""Where the decisions of the core change: the first step of a ladder of inputs that decides otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock, patch

import numpy as np
from stage_samples import bracket

from expinterp.core import comparison, encoding, exposure, mapping, pair, parallel
from expinterp.core.denoise import growth, noise, shrink, tiles
from expinterp.core.fusion import plan, series
from expinterp.core.ghosts import consistent, detect, follow, picture
from expinterp.core.registration import (
    blocks,
    homography,
    likeness,
    motion,
    opacity,
    resample,
    search,
    texture,
)
from expinterp.core.response import calibration as response
from expinterp.core.response import shading, shadows
from expinterp.core.response.prior import load_prior

THRESHOLDS: dict[str, Callable[[], Any]] = {}


def threshold(function: Callable[[], Any]) -> Callable[[], Any]:
    THRESHOLDS[f"thresholds of {function.__name__}"] = function
    return function


def first(ladder: Iterable[Any], holds: Callable[[Any], Any]) -> Any:
    """Return the first step of a ladder for which something holds; −1 if there is none."""
    return next((float(step) for step in ladder if holds(step)), -1.0)


def shares(most: float = 1.0, steps: int = 97) -> np.ndarray:
    """Steps that meet no round number exactly."""
    return np.linspace(0, most, steps)[1:] + 1e-4


def square(side: int, *, inside: int = 1, at: int = 5) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[at : at + inside, at : at + inside] = True
    return mask


@threshold
def comparisons() -> Any:
    def doubt(source: str, ev: float) -> list[str]:
        return comparison._explain_ratio(4 * 2.0**ev, 4, source)

    doubts = {source: first(shares(4), partial(doubt, source)) for source in comparison.DOUBT}
    everything = load_prior()

    def is_strange(own: float, best: float) -> bool:
        found = [SimpleNamespace(distance=each) for each in (own, best)]
        with patch.object(comparison, "estimate_shared", side_effect=found):
            return (
                comparison.recognise([[np.ones((1, 2))]], SimpleNamespace(presumed=True))
                is everything
            )

    dark, bright = bracket()[1:]
    shape = detect.small_copy(dark).shape[:2]

    def used(share: float) -> bool:
        region = np.arange(np.prod(shape)).reshape(shape) >= share * np.prod(shape)
        conflict = detect.Conflict(region, region)
        with patch.object(comparison, "find_conflict", return_value=conflict):
            found = comparison.compare(bright, dark)
        return found.still.sum() < found.joint.sum()

    return doubts | {
        "strange": [first(shares(20), partial(is_strange, best=best)) for best in (0, 2, 7)],
        "used": [used(share) for share in (0.015, 0.025)],
    }


@threshold
def series_and_plans() -> Any:
    z = np.linspace(80, 250, 40)
    g = 0.03 * np.arange(256.0)[np.newaxis]
    errors = np.r_[np.tile([-1.0, 1.0], 17), 2.5, -2.5, 3.5, -4.5, 5.5, -6.5]
    found = [
        series._log_ratio(g, SimpleNamespace(levels=(np.stack([z, z - 50 + scale * errors], 1),)))
        for scale in (0.0, 1.0)
    ]
    counts = [
        len(plan.virtual_positions(SimpleNamespace(ratio_measured=2.0**ev), "auto"))
        for ev in np.arange(0.6, 12, 0.4)
    ]
    return {"ratios": found, "virtual": counts}


@threshold
def hues() -> Any:
    random = np.random.default_rng(6)
    image = random.integers(0, 256, (200, 300, 3)).astype(np.uint8)
    ladder = (
        np.zeros((7, 263, 3), np.uint8) + np.arange(263, dtype=np.int16)[:, np.newaxis] // 7 * 7
    )
    pairs = random.integers(20, 240, (300, 2, 3)).astype(np.uint8)
    both = np.stack([np.tile(curve(), (3, 1)), curve() * [[1.0], [1.1], [0.9]]])
    found = shading.adjacent_pixels(image)
    steps = shading.adjacent_pixels(np.asarray(ladder, np.uint8))
    return {
        "sampled": [len(shading.adjacent_pixels(image[:rows])) for rows in (14, 40, 200)],
        "pairs": found,
        "range": [found.min(), found.max(), len(steps)],
        "fewest": first(range(180, 230), lambda n: (
            shading.hue_likelihood(both, pairs[:n]).min() < 1)),
        "change": shading.change_of_hue(both, pairs),
        "likelihood": shading.hue_likelihood(both, pairs),
    }  # fmt: skip


@threshold
def dark_hues() -> Any:
    g = np.tile(curve(), (3, 1))

    def corrects(
        count: int = 400,
        *,
        code: int = 100,
        ratio: float = 300.0,
        steps: int = 3,
        others: int = 0,
        gap: int = 8,
    ) -> bool:
        codes = (np.arange(steps) * gap + code).astype(np.uint8).repeat(count)
        long = np.concatenate([codes, np.zeros(others, np.uint8)])[:, np.newaxis, np.newaxis]
        short = np.tile(np.asarray([1, 3, 2], np.uint8), (len(long), 1, 1))
        long = long.repeat(3, axis=2)
        return bool((shadows.correct_shadows(g, np.log(ratio), long, short) != g).any())

    return {
        "least": first(range(50, 200), corrects),
        "share": first(range(752_000, 748_000, -97), lambda others: corrects(150, others=others)),
        "intervals": first(range(8), lambda steps: corrects(steps=steps)),
        "clipped": first(
            range(223, 200, -1), lambda code: corrects(code=code, ratio=1200.0, gap=16)
        ),
        "darkest": first(range(20, 255), lambda code: corrects(code=code)),
        "brightest": first(range(250, 20, -1), lambda code: corrects(code=code, ratio=60.0)),
    }


@threshold
def noises() -> Any:
    codes = np.linspace(5, 200, 2500, dtype=np.float32)
    grows = (codes, codes**2, np.ones_like(codes))
    ladder = np.arange(256, dtype=np.uint8)[np.newaxis]
    large = np.full((2048, 1792, 3), 200, np.uint8)
    tile = np.full((448, 448, 3), 200, np.uint8)
    marked = np.zeros((640, 640), bool)

    def cells(count: int, share: float) -> Any:
        few = marked.copy()
        few[: 64 * count] = np.linspace(0, 1, 640) < share
        found = tiles.narrow((slice(640, 1280), slice(1280, 1920)), few, 1)
        return found and [[part.start, part.stop] for part in found]

    def spreads(long: np.ndarray, short: np.ndarray, *_: Any) -> list[np.ndarray]:
        loud = np.zeros(short.shape[:2], np.float32)
        loud[-3:, -20:-3] = 2.0
        return [loud] * 3

    with patch.object(shrink, "_spreads", side_effect=spreads):
        area = shrink._find_noise(
            shrink._Frames(tile, tile, tile),
            (slice(0, 448), slice(0, 448)),
            None,
            noise.Noise(1.0, 1.0, 0.5),
        )
    core, block = slice(192, 320), slice(0, 1000)
    return {
        "pixels": first(range(2390, 2420), lambda n: growth.measure_growth(
            *(each[:n] for each in grows), rounding=0.1) != growth.CONSTANT),
        "bright": noise._shows_noise([ladder], [np.full_like(ladder, 9)]),
        "dark": noise._shows_noise([np.full_like(ladder, 200)], [ladder]),
        "windows": len(noise._choose_windows(large, large)),
        "cells": [cells(count, 1.0) for count in (3, 6, 7)],
        "share": first(shares(0.2), lambda share: cells(1, share)),
        "area": [[part.start, part.stop] for part in area],
        "tile": [[part.start, part.stop] for part in tiles._extend(core, block.stop)],
    }  # fmt: skip


@threshold
def regions() -> Any:
    def closed(gap: int) -> bool:
        mask = np.zeros((90, 120), bool)
        mask[20:60, 20:45] = mask[20:60, 45 + gap : 70 + gap] = True
        return bool(detect._close(mask)[40, 45 + gap // 2])

    def found(pixels: int, strong: int, width: int = 20) -> bool:
        weak = np.zeros((80, 80), bool)
        weak[10 : 10 + pixels // width, 10 : 10 + width] = True
        weak[10 + pixels // width, 10 : 10 + pixels % width] = True
        seeds = np.zeros_like(weak)
        seeds.flat[np.flatnonzero(weak)[:strong]] = True
        return bool(detect._find_regions(seeds, weak).any())

    def seen(joint: np.ndarray) -> bool:
        return bool(consistent._fit_medians(imf, joint).tolist() != imf.tolist())

    imf = np.arange(256.0)
    shifted = np.eye(256, k=9, dtype=np.int64)
    seen_few = np.zeros_like(shifted)
    blank = np.full((20, 20, 1), 100, np.uint8)
    few = np.arange(60, 150)
    bounds = [mapping.imf_from_response(curve(), scale=scale)[0] for scale in (0.25, 4.0)]
    wide = np.zeros((256, 256), np.int64)  # each short value seen with many long ones
    for z in range(2, 120):
        wide[max(0, 2 * z - 60) : 2 * z + 60, z] = 30
    return {
        "gap": first(range(10, 40), lambda gap: not closed(gap)),
        "pixels": first(range(40, 80), lambda n: found(n, n)),
        "seeds": first(range(1, 30), lambda n: found(70, n)),
        "share": first(range(10, 200), lambda n: found(400, n)),
        "hole": first(range(1, 30), lambda n: (
            detect._fill_holes(~square(100, inside=n)).sum() < 10_000)),
        "grown": detect._find_regions(square(60, inside=20, at=20), square(60, inside=20, at=20)),
        "seen": first(range(30, 70), lambda n: seen(n * shifted)),
        "span": first(range(1, 20), lambda n: seen(
            np.where(np.isin(np.arange(256), few[:n])[:, None], 99 * shifted, seen_few))),
        "quartiles": first(range(30, 70), lambda n: detect._compare_quartiles(
            n * shifted, *bounds)[0].any()),
        "wide": [np.clip(each, -1e3, 1e3) for each in detect._bounds(wide, *bounds)],
        "errors": [consistent._squared_error(curve(), scale) for scale in (-2.0, 2.0)],
        "apart": first(range(2, 120), lambda d: contradicts(d, 24)),
        "small": first(range(2, 120), lambda d: contradicts(d, 9)),
        "copies": [detect.shrink_mask(np.ones(shape, bool)).shape
                   for shape in ((800, 2100), (100, 1500), (260, 9000))],
        "edges": [detect.shrink_mask(~square(64, inside=n, at=30)) for n in (1, 2)],
        "tiles": [[t.start for t in tile] for tile in follow._tiles(square(300, inside=9, at=142), (300, 300))],
        "continued": first(range(30, 70), lambda n: follow._continue_clipped(
            blank, blank + np.uint8(9), np.arange(400).reshape(20, 20, 1) < n, np.ones(1) * 200,
            brighter=True)[0, 0, 0] == 200),
        "colours": picture.choose_colours(9),
    }  # fmt: skip


def curve() -> np.ndarray:
    return 2.2 * np.log(np.maximum(np.arange(256.0), 0.5) / 128)[np.newaxis]


def contradicts(codes: int, side: int) -> bool:
    """Whether a square is found that differs by so many code values."""
    random = np.random.default_rng(0)
    short = random.integers(40, 70, (60, 60, 1)).astype(np.uint8)
    imf = mapping.imf_from_response(curve(), scale=4.0)[0]
    long = np.rint(imf[short]).astype(np.uint8)
    long[20 : 20 + side, 20 : 20 + side] += np.uint8(codes)
    return bool(detect.find_conflict(long, short, curve(), np.log(4.0)).region.any())


@threshold
def scenes() -> Any:
    image = np.zeros((50, 100, 1), np.uint8)

    def check(tones: float, still: float, moved: float, far: float, alike: float) -> str:
        matrix = np.array([[1, 0, far], [0, 1, 0], [0, 0, 1.0]])
        details = still, moved, search.Pose(matrix, alike)
        with (
            patch.object(likeness, "inlier_share", return_value=tones),
            patch.object(likeness, "_compare_details", return_value=details),
        ):
            try:
                return str(likeness.check_scene(image, image, [0]))
            except ValueError:
                return "refused"
            except Exception as error:  # noqa: BLE001
                return type(error).__name__

    def still(ratio: float) -> bool:
        errors = np.array([100, *4 * [100 * ratio]])
        with patch.object(likeness, "_shift_errors", return_value=errors):
            return likeness.lies_still(image, image, curve())

    random = np.random.default_rng(1)
    grey = random.uniform(5, 240, (30, 40)).astype(np.float32)
    other = np.maximum(grey + random.normal(0, 30, grey.shape), 2).astype(np.float32)
    cut = np.zeros_like(grey)
    long, short = random.integers(0, 256, (2, 40, 50, 1)).astype(np.uint8)
    return {
        "tones": first(shares(), lambda x: check(x, 0, 0, 9, 1) == "True"),
        "still": first(shares(), lambda x: check(0, x, 1, 9, 0) == "True"),
        "moved": first(shares(), lambda x: check(0, 0, x, 9, 1) == "False"),
        "far": first(shares(4), lambda x: check(0, 1, 1, x, 1) == "False"),
        "credible": first(shares(), lambda x: check(0, 1, 1, 9, x) == "False"),
        "still enough": first(1 + shares(0.2), still),
        "windows": [[part.start for part in likeness._spread(n)] for n in (100, 165, 900, 5000)],
        "details": first(range(280, 320), lambda n: likeness._correlate_ranks(
            np.where(np.arange(1200).reshape(30, 40) < n, grey, cut + 250), other) != 1.0),
        "ranks": likeness._correlate_ranks(grey, other),
        "errors": likeness._shift_errors(long, short, 255 - np.arange(256.0)[np.newaxis]),
        "tiny": [likeness._shift_errors(long[:n], short[:n], curve()) for n in (2, 3)],
    }  # fmt: skip


@threshold
def motions() -> Any:
    def fit(
        pixels: float, error: float = 0.0, share: float = 0.5, number: int = 40, rivals: int = 0
    ) -> Any:
        matrix = np.array([[1, 0, pixels], [0, 1, 0], [0, 0, 1.0]])
        frame = SimpleNamespace(shape=(100, 1000))
        return SimpleNamespace(
            matrix=matrix,
            displacement=pixels,
            standard_error=error,
            matches=frame,
            agreement=lambda near: (near * number, share, near * rivals),
        )

    def estimate(
        pixels: float, *, scale: float = 1.0, share: float = 0.5, error: float = 0.0
    ) -> Any:
        return motion._Estimate(fit(pixels, error), scale, share)

    def agreed(shape: tuple[int, int], **facts: Any) -> bool:
        level = np.empty((*shape, 1), np.uint8), 1.0
        with (
            patch.object(motion, "match_blocks", return_value=SimpleNamespace(weights=range(40))),
            patch.object(motion, "fit_motion", return_value=fit(1.0, **facts)),
        ):
            return motion._estimate(level, level, np.eye(3)) is not None

    def nearness(longer: int) -> float:
        level = np.empty((90, longer, 1), np.uint8), 1.0
        found = Mock(agreement=Mock(return_value=(0, 0.0, 0)))
        with (
            patch.object(motion, "match_blocks", return_value=SimpleNamespace(weights=range(40))),
            patch.object(motion, "fit_motion", return_value=found),
        ):
            motion._estimate(level, level, np.eye(3))
        return float(found.agreement.call_args.args[0])

    def sizes(shape: tuple[int, int]) -> tuple[int, int]:
        level = np.empty((*shape, 1), np.uint8), 1.0
        few = SimpleNamespace(weights=[])
        with patch.object(motion, "match_blocks", return_value=few) as match:
            motion._estimate(level, level, np.eye(3))
        return match.call_args.kwargs["side"], match.call_args.kwargs["most"]

    def guessed(alike: float) -> bool:
        with patch.object(motion, "search_pose", return_value=search.Pose(2 * np.eye(3), alike)):
            return motion._first_guess((None, 1.0), (None, 1.0))[0, 0] == 2

    def shapes(shape: tuple[int, int]) -> list[tuple[int, ...]]:
        return [level.shape[:2] for level, _ in motion._pyramid(np.zeros((*shape, 1), np.uint8))]

    moved = [
        first(shares(2), lambda x: estimate(x, scale=scale).to_motion() is not motion.STILL)  # noqa: B023
        for scale in (1.0, 0.5)
    ]
    return {
        "moved": moved,
        "pixels": [estimate(3.0, scale=scale).to_motion().pixels for scale in (1.0, 0.5)],
        "certain": first(shares(), lambda x: estimate(2.0, error=x).to_motion() is motion.STILL),
        "farthest": first(shares(200), lambda x: estimate(x).to_motion() is motion.UNKNOWN),
        "near": first(shares(3), lambda x: not estimate(x).is_near(np.eye(3))),
        "corrected": first(shares(20), lambda x: estimate(x).contradicts(estimate(0.0, scale=0.5))),
        "less certain": first(shares(), lambda x: not estimate(0.0, share=x).contradicts(estimate(0.0))),
        "agreeing": first(shares(), lambda x: agreed((90, 120), share=x)),
        "number": first(range(1, 30), lambda n: agreed((90, 120), number=n)),
        "number of large": first(range(1, 30), lambda n: agreed((90, 4000), number=n)),
        "rivals": first(range(1, 40), lambda n: not agreed((90, 120), rivals=n)),
        "sizes": [sizes(each) for each in ((1600, 1599), (400, 1600), (399, 1600), (90, 100))],
        "nearness": [nearness(longer) for longer in (1000, 1990, 6000)],
        "guessed": first(shares(), guessed),
        "copies": [shapes(each) for each in ((300, 645), (300, 630), (130, 1400), (500, 1290))],
        "chained": first(shares(2), lambda x: motion._chain(
            motion.Motion(fit(x).matrix, 1.0), motion.Motion(np.eye(3), 1.0), (90, 120)) is not motion.STILL),
    }  # fmt: skip


@threshold
def blocks_and_fits() -> Any:
    random = np.random.default_rng(2)
    texture_of = random.normal(0, 1, (64, 64)).astype(np.float32)

    def bent(scale: float) -> bool:
        guess = np.array([[1 + scale, 0, 30], [0, 1, -9], [0, 0, 1.0]])
        return blocks._straighten(guess, (0, 0, 100, 90)) is guess

    points = np.stack(np.meshgrid(np.linspace(20, 580, 9), np.linspace(20, 380, 7)), -1).reshape(
        -1, 2
    )
    errors = random.normal(0, 0.15, points.shape)

    def tilted(tilt: float, shake: float = 1.0, count: int = 63) -> Any:
        parameters = np.array([6, 4, 0, 0, 0, 0, tilt, -tilt]) * 1.0
        targets = homography.map_points(homography._to_matrix(parameters, (400, 600)), points)
        matches = homography.Matches(
            points[:count], (targets + shake * errors)[:count], np.ones(count), (400, 600)
        )
        return homography.fit_motion(matches, np.eye(3)).covariance.shape[0] == 8

    one = points + np.where(np.arange(63) < 40, 0, 1)[:, None] * [[3.5, 0]]
    fit = homography.Fit(
        np.zeros(8), np.eye(4), homography.Matches(points, one, np.ones(63), (400, 600))
    )
    return {
        "reach": first(range(15, 32), lambda n: blocks._correlate(
            texture_of, np.roll(texture_of, n, 1))[1] == 0),
        "shift": blocks._correlate(texture_of, np.roll(texture_of, (3, -7), (0, 1))),
        "vertex": [blocks._vertex(*each) for each in ((1, 3, 2), (1, 1, 1))],
        "area": blocks._area(np.array([100.0, 80.0]), 64),
        "centres": blocks._block_centres((1300, 2000), 64, 14),
        "bent": first(shares(0.05), bent),
        "tilt": [first(shares(20), tilted), first(shares(20), lambda x: tilted(x, 4.0))],
        "sure": first(range(1, 30), lambda x: not tilted(8.0, x)),
        "enough": first(range(14, 63), lambda n: tilted(8.0, count=n)),
        "agreement": [fit.agreement(near) for near in shares(4, 9)],
    }  # fmt: skip


@threshold
def searches() -> Any:
    random = np.random.default_rng(5)
    image = random.integers(20, 230, (64, 128, 1)).astype(np.uint8)

    def find(other: np.ndarray) -> search.Pose:
        with patch.object(search, "TURNS", np.zeros(1)):
            return search.search_pose(image, other)

    def clipped(cols: int) -> np.ndarray:
        return np.where(np.arange(128)[:, np.newaxis] < cols, image, 255).astype(np.uint8)

    strips = [random.integers(40, 200, (2, rows, 300, 1)).astype(np.uint8) for rows in (2, 4)]
    return {
        "reach": first(
            range(10, 22), lambda n: find(np.roll(image, n, 1)).matrix.round(3)[0, 2] != n
        ),
        "likeness": [find(each).likeness for each in (image // 2, clipped(90), 255 - image)],
        "shared": first(range(8, 60), lambda n: find(clipped(n)).likeness > 0),
        "thin": [search.search_pose(*pair).likeness != 0 for pair in strips],
        "sizes": [
            texture.copy_size(shape, *search.COPY) for shape in ((900, 1200), (100, 1200), (9, 20))
        ],
        "thumbnail": likeness._thumbnail(np.zeros((100, 900, 1), np.uint8))[1],
        "dark": texture.normalise_contrast(image.astype(np.float32) / 200),
    }


@threshold
def frames() -> Any:
    image = np.arange(80 * 90, dtype=np.uint8).reshape(80, 90)
    near = np.array([[1, 0.02, 4.5], [-0.02, 1, -3.2], [1e-5, 0, 1]])
    tall = np.arange(40) >= np.arange(3000)[:, np.newaxis] / 90
    part, moved = resample._part_seen(image, near, slice(20, 40), slice(30, 60))
    window = resample.inner_window([tall], tall.shape)
    return {
        "part": [part.shape, moved],
        "window": [[each.start, each.stop] for each in window],
        "seen": [opacity.seen_in(np.arange(top + 1, dtype=f"uint{bits}")[np.newaxis]).sum()
                 for top, bits in ((255, 8), (65535, 16))],
        "strips": [len(parallel.parts_of(shape)) for shape in ((1000, 900), (100, 90_000))],
        "grid": [mapping.grid(np.broadcast_to(np.uint8(0), shape)).shape
                 for shape in ((1400, 1429), (1400, 1428), (5000, 5000))],
    }  # fmt: skip


@threshold
def photographs() -> Any:
    random = np.random.default_rng(3)
    light = random.uniform(0.0005, 1.2, 30_000).astype(np.float32)
    dim = random.uniform(0.0005, 0.15, 4000).astype(np.float32)
    dark, noisy_dark = (
        light / 7,
        light / 7 * random.lognormal(0, 0.05, light.shape).astype(np.float32),
    )
    dark[:900] *= 1.6

    def unknown(share: float) -> bool:
        joint = np.zeros((1, 256, 256), np.int64)
        joint[0, 253, 1], joint[0, 100, 50] = round(1e6 * share), round(1e6 * (1 - share))
        return bool(pair._explain_unknown(joint))

    def accepted(**changes: Any) -> bool:
        text = response.Profile(curve(), 0.1, 3, scale=1.0).to_json()
        for name, value in changes.items():
            text = text.replace(
                *{
                    "residual": ('"residual": 0.1', f'"residual": {value}'),
                    "shots": ('"shots": 3', f'"shots": {value}'),
                    "scale": ('"scale": 1.0', f'"scale": {value}'),
                }[name]
            )
        try:
            return bool(response.Profile.from_json(text))
        except ValueError:
            return False

    stack = [np.broadcast_to(np.uint8(90), (550, cols, 1)) for cols in (545, 546) for _ in range(2)]
    shapes = [response._sort_shots(stack[k : k + 2], [1, 2])[0].shape for k in (0, 2)]
    return {
        "ratios": [encoding.log_ratio_of(*each) for each in (
            (light, light / 7), (light, dark), (light, noisy_dark), (dim, dim / 3),
            (dim[:1100], dim[:1100] / 3), (dim[:999], dim[:999] ** 1.1 / 3), (dim / 9, dim / 40),
        )],
        "unknown": first(shares(0.05), unknown),
        "step": [first(shares(), lambda ev: exposure.resolve_ratio(2.0**ev, swapped=False)[0]),
                 first(shares(), lambda ev: exposure.resolve_ratio(2.0**-ev, swapped=True)[0])],
        "nominal": first(shares(0.1), lambda x: not exposure.is_nominal(0.01 * (1 + x))),
        "residual": [accepted(residual=value) for value in (0, 40, 41, -0.1)],
        "shots": [accepted(shots=value) for value in (0, 1_000_000, 1_000_001, -1)],
        "scale": [accepted(scale=value) for value in (1000, 1001, 0.001, 0.0009)],
        "sampled": shapes,
    }  # fmt: skip

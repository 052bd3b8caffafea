"""Transparent pixels count nowhere: hidden colours change no result, and other shots decide there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motion_samples import error, seen, similarity, textured
from synthetic import expose, psnr, scene

from expinterp import cli
from expinterp.core.arrays import Pixels
from expinterp.core.exposure import ev_step
from expinterp.core.fusion.plan import ExposurePlan, order_by_brightness, plan_exposures
from expinterp.core.pair import Pair
from expinterp.core.registration.opacity import (
    extend_colours,
    fill_transparent,
    sample_seen,
    warp_opacity,
)
from expinterp.core.registration.viewing import Viewing
from expinterp.errors import PairError
from expinterp.images import read_photograph, write_photograph
from expinterp.pipeline import measure

SHAPE = (96, 128)
TIMES = (0.075, 0.6)  # most of the scene is below white
LEFT, TOP = np.s_[:, :40], np.s_[:30]


def masks(bits: int = 8) -> tuple[Pixels, Pixels]:
    """Opacities of a short and a long shot: each lacks a part, and both the corner."""
    made = np.full((2, *SHAPE), 2**bits - 1, f"uint{bits}")
    made[0][LEFT], made[1][TOP] = 0, 0
    return made[0], made[1]


def pair(bits: int = 8) -> tuple[Pixels, Pixels]:
    radiance = scene(SHAPE, stops=5)
    short, long = (expose(radiance, time, bits=bits) for time in TIMES)
    return short, long


def spoil(images: Sequence[Pixels], opacities: Sequence[Pixels], seed: int) -> list[Pixels]:
    """Hide white, black or noise below what is transparent."""
    random, top = np.random.default_rng(seed), np.iinfo(images[0].dtype).max
    spoilt = []
    for image, opacity in zip(images, opacities, strict=True):
        noise = random.integers(0, top, image.shape, endpoint=True)
        other = [np.zeros_like(image), np.full_like(image, top), noise][seed % 3]
        spoilt.append(np.where(opacity[..., None] > 0, image, other).astype(image.dtype))
    return spoilt


def same(one: Pair | ExposurePlan, two: Pair | ExposurePlan) -> bool:
    shots = [(m.long, m.short) if isinstance(m, Pair) else m.shots for m in (one, two)]
    return all(np.array_equal(a, b) for a, b in zip(*shots, strict=True))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_hidden_colours_change_nothing(bits, seed):
    images, opacities = pair(bits), masks(bits)
    (short, long), (dark, bright) = spoil(images, opacities, seed), opacities
    other_short, other_long = spoil(images, opacities, seed + 1)
    one = measure(long, short, opacities=[bright, dark])
    two = measure(other_long, other_short, opacities=[bright, dark])
    assert same(one, two)
    assert one.ratio_measured == two.ratio_measured
    assert one.clipped == two.clipped
    plans = [
        plan_exposures(shots, opacities=opacities)
        for shots in ([short, long], [other_short, other_long])
    ]
    assert same(*plans)


def test_the_order_of_a_pair_changes_nothing():
    """The opacities of the shots are swapped with them."""
    images, opacities = pair(), masks()
    (short, long), (dark, bright) = spoil(images, opacities, 2), opacities
    one = measure(long, short, opacities=[bright, dark])
    two = measure(short, long, opacities=[dark, bright])
    assert two.swapped
    assert same(one, two)
    assert one.ratio_measured == two.ratio_measured


def test_the_ratio_is_that_of_what_both_show():
    images, opacities = pair(), masks()
    (short, long), (dark, bright) = spoil(images, opacities, 1), opacities
    corner = np.s_[30:, 40:]
    shared = measure(long[corner], short[corner], align=False)
    found = measure(long, short, align=False, opacities=[bright, dark])
    assert ev_step(found.ratio_measured) == pytest.approx(ev_step(shared.ratio_measured), abs=0.1)


@pytest.mark.parametrize("bits", [8, 16])
def test_the_other_shot_decides(bits):
    """Each shot becomes what it would have shown; it is known where the other is not clipped."""
    images, opacities = pair(bits), masks(bits)
    (short, long), (dark, bright) = spoil(images, opacities, 0), opacities
    found = measure(long, short, align=False, deghost="off", opacities=[bright, dark])
    scale = 257 if bits == 16 else 1
    only_long = (dark == 0) & (bright > 0) & (images[1] < 240 * scale).all(axis=2)
    only_short = (bright == 0) & (dark > 0) & (images[0] > 12 * scale).all(axis=2)
    assert psnr(found.short[only_long], images[0][only_long]) > 35
    assert psnr(found.long[only_short], images[1][only_short]) > 28  # the short one is rounded
    np.testing.assert_array_equal(found.opacity, np.maximum(dark, bright))
    assert (found.opacity == 0).any()
    both = (dark > 0) & (bright > 0)
    np.testing.assert_array_equal(found.long[both], long[both])
    np.testing.assert_array_equal(found.short[both], short[both])


def test_in_a_series_the_nearest_opaque_shot_decides():
    radiance = scene(SHAPE, stops=3)
    images = [expose(radiance, time) for time in (0.05, 0.15, 0.45)]
    opacities = np.full((3, *SHAPE), 255, np.uint8)
    opacities[:2, 20:60, 20:60] = 0
    viewing = Viewing(align=False, deghost="off")
    plan = plan_exposures(spoil(images, opacities, 1), viewing=viewing, opacities=list(opacities))
    hole = np.s_[20:60, 20:60]
    known = (images[2][hole] < 240).all(axis=2)
    for shot, image in zip(plan.shots, images, strict=True):
        assert psnr(shot[hole][known], image[hole][known]) > 35
    assert plan.opacity.all()


def test_only_what_both_show_decides_which_is_brighter():
    short, long = pair()
    dark, bright = masks()
    both = (dark > 0) & (bright > 0)
    for shot, sampled in zip(
        (short, long), sample_seen([short, long], [dark, bright]), strict=True
    ):
        np.testing.assert_array_equal(sampled[:, 0], shot[both])
    left, right = (np.zeros(SHAPE, np.uint8) for _ in range(2))
    left[:, :64], right[:, 64:] = 255, 255
    halves = zip(
        (short, long), (left, right), sample_seen([short, long], [left, right]), strict=True
    )
    for shot, own, sampled in halves:  # nothing is shown by both
        np.testing.assert_array_equal(sampled[:, 0], shot[own > 0])
    opaque, hidden = sample_seen([short, long], [None, np.zeros_like(left)])
    np.testing.assert_array_equal(opaque[:, 0], short.reshape(-1, 3))
    np.testing.assert_array_equal(hidden, long)


def test_each_image_has_an_opacity_of_its_size_and_depth_or_none():
    short, long = pair()
    dark, _ = masks()
    for wrong in ([dark], [dark, dark[1:]], [dark, masks(16)[1]], [dark, dark, dark]):
        with pytest.raises(ValueError):  # noqa: PT011 - also that of zip
            measure(long, short, opacities=wrong)


@given(opacity=st.integers(0, 255), other=st.integers(0, 255))
def test_a_shot_counts_as_far_as_it_is_opaque(opacity, other):
    one, two = (np.full((4, 5, 3), value, np.uint8) for value in (40, 200))
    opacities = [np.full((4, 5), value, np.uint8) for value in (opacity, other)]
    first, second = fill_transparent([one, two], opacities, [None])
    share = min(1.0, opacity / max(other, 1)) if opacity or other else 1.0
    assert abs(int(first[0, 0, 0]) - (200 - share * 160)) <= 0.5
    assert (second == 200).all() == (other >= opacity)


def test_a_camera_that_moved_is_found_behind_masks():
    truth = similarity(4.0, -3.0)
    radiance = textured()
    long, short = (
        expose(np.maximum(seen(radiance, matrix), 0), time)
        for matrix, time in ((np.eye(3), 0.6), (truth, 0.6 / 16))
    )
    frame = np.full(long.shape[:2], 255, np.uint8)
    frame[:, :150], frame[:100] = 0, 0
    found = measure(*spoil([long, short], [frame] * 2, 2), opacities=[frame] * 2, reference="long")
    assert error(found.motion.matrix, truth) < 0.5
    hidden = (found.opacity == 0).mean()
    assert 0.3 < hidden < 0.5  # what neither shows, though it moved from one to the other


def test_brightness_is_that_of_what_all_show():
    short, long = pair()
    opacities = [np.full(SHAPE, 255, np.uint8), masks()[0]]
    spoilt = spoil([short, long], opacities, 0)
    dark = np.zeros(SHAPE, np.uint8)
    dark[80:, 100:] = 255
    assert order_by_brightness(spoil([short, long], [opacities[0], dark], 0), [None, dark]) == [
        0,
        1,
    ]
    assert order_by_brightness(spoilt[::-1], opacities[::-1]) == [1, 0]


def test_shots_that_share_no_pixel_need_their_ratio():
    short, long = pair()
    left, right = np.zeros((2, *SHAPE), np.uint8)
    left[:, :64], right[:, 64:] = 255, 255
    found = measure(long, short, ratio=8.0, opacities=[left, right])
    assert found.opacity.all()
    assert found.clipped == {"long": {"black": 0, "white": 0}, "short": {"black": 0, "white": 0}}
    with pytest.raises(PairError, match="give their times"):
        measure(long, short, opacities=[left, right])


def test_opacities_must_fit_their_images():
    short, long = pair()
    with pytest.raises(ValueError, match="opacity must be uint8"):
        measure(long, short, opacities=[masks(16)[0], None])


@settings(max_examples=20)
@given(seed=st.integers(0, 99), share=st.floats(0, 1))
def test_colours_are_extended_from_the_nearest_pixel(seed, share):
    random = np.random.default_rng(seed)
    image = random.integers(0, 255, (9, 11, 3), dtype=np.uint8)
    opacity = np.where(random.random((9, 11)) < share, 0, 255).astype(np.uint8)
    made = extend_colours(image, opacity)
    places = np.argwhere(opacity > 0)
    for row, col in np.argwhere(opacity == 0) if len(places) else ():
        far = np.hypot(*(places - (row, col)).T)
        near = places[far <= far.min() + 0.3]  # the distance is not exact
        assert any((image[r, c] == made[row, col]).all() for r, c in near)
    np.testing.assert_array_equal(made[opacity > 0], image[opacity > 0])


@pytest.mark.parametrize("command", ["interpolate", "fuse"])
@pytest.mark.parametrize(
    ("suffix", "bits"), [("tif", 8), ("tif", 16), ("png", 16), ("webp", 8), ("avif", 8)]
)
def test_files_of_each_format_with_opacity_are_joined(command, suffix, bits, tmp_path: Path):
    images, opacities = pair(bits), masks(bits)
    made = {}
    for kind, shots in (("whole", images), ("holes", spoil(images, opacities, 0))):
        for name, shot, opacity in zip(("short", "long"), shots, opacities, strict=True):
            alpha = opacity if kind == "holes" else None
            write_photograph(shot, tmp_path / f"{kind}_{name}.{suffix}", alpha=alpha, quality=99)
        out = tmp_path / f"{kind}.{suffix}"
        files = [str(tmp_path / f"{kind}_{name}.{suffix}") for name in ("long", "short")]
        code = cli.main([command, *files, "-o", str(out), "--no-refine", "--no-align", "-q"])
        assert code == 0
        made[kind] = read_photograph(out)
    top = 2**bits - 1
    opaque = np.maximum(*opacities)
    assert (np.abs(made["holes"].alpha.astype(int) - opaque) <= top // 50).all()
    for one, two in (opacities, opacities[::-1]):
        only = (one > 0) & (two == 0)
        difference = made["holes"].pixels[only].astype(float) - made["whole"].pixels[only]
        assert np.abs(difference).mean() < 0.05 * top


def test_a_format_without_opacity_is_black_where_nothing_is_shown(tmp_path: Path):
    opacity = masks()[0]
    write_photograph(np.full((*SHAPE, 3), 200, np.uint8), tmp_path / "a.jpg", alpha=opacity)
    assert (read_photograph(tmp_path / "a.jpg").pixels[:, :32] < 5).all()


def test_opacities_that_do_not_move_stay_and_opaque_shots_get_one():
    (short, _), (dark, _) = pair(), masks()
    assert warp_opacity(dark, short, np.eye(3)) is dark
    np.testing.assert_array_equal(warp_opacity(None, short, np.eye(3)), np.full(SHAPE, 255))

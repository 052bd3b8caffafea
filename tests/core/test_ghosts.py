"""What pairs and plans state of moving things, and the choices that decide it."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from synthetic import expose, scene

import expinterp
from expinterp.core.fusion.plan import plan_exposures
from expinterp.core.ghosts import Ghosts, explain_ghosts
from expinterp.core.ghosts.picture import (
    BRIGHTEST,
    DARKEST,
    DIM,
    choose_colours,
    draw_ghosts,
    draw_mask,
)
from expinterp.core.registration.viewing import Viewing
from expinterp.pipeline import measure

SHAPE = (48, 64)


def pair():
    radiance = scene(SHAPE, stops=5)
    return expose(radiance, 1.0), expose(radiance, 1 / 16)


def test_a_still_pair_has_no_ghosts_and_all_of_the_frame() -> None:
    measured, plan = measure(*pair()), plan_exposures(pair())
    for found in (measured, plan):
        assert found.ghosts is not None
        assert (found.ghosts.share, found.ghosts.sources.any()) == (0, False)
        assert found.ghosts.sources.shape == SHAPE
        assert found.ghosts.sources.dtype == np.uint8
        assert np.ones(SHAPE)[found.window].shape == SHAPE
    np.testing.assert_array_equal([measured.to_long, measured.to_short], [np.eye(3)] * 2)


def test_ghosts_are_not_looked_for_if_that_is_off() -> None:
    assert measure(*pair(), deghost="off").ghosts is None
    assert plan_exposures(pair(), viewing=Viewing(deghost="off")).ghosts is None


@pytest.mark.parametrize("choice", [{"deghost": "on"}, {"reference": "medium"}])
@pytest.mark.parametrize("call", ["measure", "interpolate", "fuse"])
def test_other_words_are_refused(call: str, choice: dict[str, str]) -> None:
    calls = {
        "measure": lambda: measure(*pair(), **choice),
        "interpolate": lambda: expinterp.interpolate(*pair(), refiner=None, **choice),
        "fuse": lambda: expinterp.fuse(pair(), virtual=0, **choice),
    }
    (name,) = choice
    with pytest.raises(ValueError, match=f"{name} must be one of 'auto', "):
        calls[call]()


@pytest.mark.parametrize(("share", "warned"), [(0.0, False), (0.5, False), (0.62, True)])
def test_a_picture_of_which_most_moved_has_a_warning(share: float, warned: bool) -> None:
    assert [("62 %" in text, "--reference" in text) for text in explain_ghosts(share)] == (
        [(True, True)] if warned else []
    )


def test_a_mask_is_reduced_and_keeps_what_is_small() -> None:
    sources = np.zeros((400, 600), np.uint8)
    sources[101:103, 201:203] = 1
    sources[200:400, 300:] = 2
    mask = draw_mask(Ghosts(sources, 0.25), shots=2, side=150)
    assert (mask.shape, mask.dtype) == ((100, 150, 4), np.uint8)
    assert set(np.unique(mask[..., 3])) == {0, 255}
    assert mask[25, 50].tolist() == [*BRIGHTEST, 255]
    assert mask[75, 100].tolist() == [*DARKEST, 255]
    assert np.count_nonzero(mask[..., 3]) == 50 * 75 + 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1)])
def test_a_mask_has_at_least_one_pixel(shape: tuple[int, int]) -> None:
    mask = draw_mask(Ghosts(np.full(shape, 2, np.uint8), 1.0), shots=2, side=240)
    assert mask.reshape(-1, 4)[0].tolist() == [*DARKEST, 255]
    assert max(mask.shape[:2]) == min(max(shape), 240)


@pytest.mark.parametrize("shots", [1, 2, 3, 9])
def test_every_shot_has_a_colour_and_the_ends_have_theirs(shots: int) -> None:
    colours = choose_colours(shots)
    assert colours.shape == (shots, 3)
    assert tuple(colours[0]) == BRIGHTEST
    assert shots == 1 or tuple(colours[-1]) == DARKEST
    assert len(np.unique(colours, axis=0)) == min(shots, 7)


@pytest.mark.parametrize("shape", [SHAPE, (*SHAPE, 1), (*SHAPE, 3)])
def test_any_result_is_drawn(shape: tuple[int, ...]) -> None:
    result = np.full(shape, 50 * 257, np.uint16)
    drawn = draw_ghosts(result, Ghosts.none(*SHAPE), shots=2)
    np.testing.assert_array_equal(drawn, np.full((*SHAPE, 3), round(DIM * 50)))


def test_drawing_takes_little_more_memory_than_the_picture() -> None:
    result = np.zeros((2000, 3000, 3), np.uint8)
    ghosts = Ghosts.none(2000, 3000)
    tracemalloc.start()
    try:
        drawn = draw_ghosts(result, ghosts, shots=2)
        assert tracemalloc.get_traced_memory()[1] < 1.5 * drawn.nbytes
    finally:
        tracemalloc.stop()

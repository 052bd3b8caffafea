"""What pairs and plans state of moving things, and the choices that decide it."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic import expose, scene

import expinterp
from expinterp.core.fusion.exposures import plan_exposures
from expinterp.core.ghosts import explain_ghosts
from expinterp.core.pair import measure

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
    assert plan_exposures(pair(), deghost="off").ghosts is None


@pytest.mark.parametrize("choice", [{"deghost": "on"}, {"reference": "medium"}])
@pytest.mark.parametrize("call", ["measure", "plan", "interpolate", "fuse"])
def test_other_words_are_refused(call: str, choice: dict[str, str]) -> None:
    calls = {
        "measure": lambda: measure(*pair(), **choice),
        "plan": lambda: plan_exposures(pair(), **choice),
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

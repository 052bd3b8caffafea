"""Whether the curves of the camera that files name are trusted."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from expinterp.core import comparison
from expinterp.core.comparison import recognise
from expinterp.core.response.prior import load_prior

LEVELS = [[np.array([[200.0, 100.0]])] * 3]


@pytest.mark.parametrize(
    ("own", "best", "kept"),
    [(0.7, 0.0, True), (0.8, 0.0, False), (6.7, 4.0, True), (6.8, 4.0, False)],
)
def test_a_presumed_camera_is_kept_if_its_curves_fit_nearly_as_well_as_any(
    monkeypatch: pytest.MonkeyPatch, own: float, best: float, kept: bool
) -> None:
    """Its nearest curve may be half as far again as the nearest of all, plus 0.75 code values."""
    presumed = replace(load_prior().of_camera("NIKON D90"), presumed=True)
    monkeypatch.setattr(
        comparison,
        "estimate_shared",
        lambda _, prior: SimpleNamespace(distance=own if prior.presumed else best),
    )
    assert (recognise(LEVELS, presumed) is presumed) is kept
    named = replace(presumed, presumed=False)
    assert recognise(LEVELS, named) is named


def test_without_levels_a_presumed_camera_is_kept() -> None:
    presumed = replace(load_prior().of_camera("NIKON D90"), presumed=True)
    assert recognise([[np.empty((0, 2))] * 3], presumed) is presumed

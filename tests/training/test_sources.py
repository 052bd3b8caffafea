"""Sources of training data: the cameras that stage one does not know."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra 'train': pip install expinterp[train]")

from training_samples import write_curves, write_maps

from expinterp.training import sources as module
from expinterp.training.settings import TrainingSettings
from expinterp.training.simulator import triples
from expinterp.training.sources import collect_data, open_source

pytestmark = pytest.mark.train


@pytest.fixture
def left_out(monkeypatch):
    """Record which cameras are left out of the response priors."""
    names = []

    def watched(folder, *, without):
        names.append(without)
        return build_prior(folder, without=without)

    build_prior = triples.build_prior
    monkeypatch.setattr(triples, "build_prior", watched)
    monkeypatch.setattr(module, "MEASURED", 4)
    return names


@pytest.mark.parametrize(("strangers", "some"), [(0.0, {None}), (1.0, {"a", "b", "c"})])
def test_the_share_of_unknown_cameras_is_that_of_the_settings(tmp_path, left_out, strangers, some):
    settings = TrainingSettings(photographs=8, patches=2, held_out=1, strangers=strangers)
    maps, curves = write_maps(tmp_path / "maps"), write_curves(tmp_path / "curves")
    data = collect_data([open_source(maps, settings, responses=curves)], settings)
    assert set(left_out) <= some
    assert left_out
    assert np.unique(data.patches.picture).tolist() == list(range(8))

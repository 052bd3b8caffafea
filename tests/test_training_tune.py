"""Tuning: what it starts from."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train': pip install expinterp[train]")
pytest.importorskip("onnx", reason="needs the extra 'train': pip install expinterp[train]")

from expinterp.training.export import export_network
from expinterp.training.network import Network, Shape
from expinterp.training.settings import Settings
from expinterp.training.tune import start_from

pytestmark = pytest.mark.train
WIDER = Settings(width=8, kernels=(3, 1))


def test_a_seed_decides_the_channels_that_a_model_grows(tmp_path):
    export_network(Network(Shape(width=4, kernels=(3,))), tmp_path / "n.onnx", {})
    starts = [start_from(tmp_path / "n.onnx", replace(WIDER, seed=seed)) for seed in (1, 1, 2)]
    once, again, other = (torch.nn.utils.parameters_to_vector(s.parameters()) for s in starts)
    assert torch.equal(once, again)
    assert not torch.equal(once, other)

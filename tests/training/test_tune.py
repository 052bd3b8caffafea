"""Tuning: the network to start from, and the scenes that are held out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from evaluation_samples import write_scene

torch = pytest.importorskip("torch", reason="needs the extra 'train': pip install expinterp[train]")
pytest.importorskip("onnx", reason="needs the extra 'train': pip install expinterp[train]")

from expinterp.training import sources
from expinterp.training.export import export_network
from expinterp.training.network import Network, NetworkShape
from expinterp.training.settings import TrainingSettings
from expinterp.training.sources import collect_data, open_source
from expinterp.training.tune import grow_model, learn_held_out

pytestmark = pytest.mark.train
WIDER = TrainingSettings(width=8, kernels=(3, 1), separable=False)


def test_a_seed_decides_the_new_channels_of_a_grown_model(tmp_path):
    export_network(Network(NetworkShape(width=4, kernels=(3,))), tmp_path / "n.onnx", {})
    starts = [grow_model(tmp_path / "n.onnx", replace(WIDER, seed=seed)) for seed in (1, 1, 2)]
    once, again, other = (torch.nn.utils.parameters_to_vector(s.parameters()) for s in starts)
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_held_out_scenes_are_read_once_to_learn_from_them(tmp_path, monkeypatch):
    for seed in range(3):
        write_scene(tmp_path / "card" / f"scene{seed}", seed=seed)
    settings = TrainingSettings(photographs=6, patches=4, held_out=1)
    source = open_source(tmp_path / "card", settings)
    read = []

    def watched(files, **options):
        read.extend(one.scene for one in files)
        return read_triples(files, **options)

    read_triples = sources.read_triples
    monkeypatch.setattr(sources, "read_triples", watched)
    data, again = (
        collect_data([learn_held_out(source)], settings, cache=tmp_path) for _ in range(2)
    )
    assert read == list(source.held_out)
    assert len(data.patches) == len(again.patches) == 24
    assert data.held_out is again.held_out is None


def test_files_are_digested_once(tmp_path):
    for seed in range(2):
        write_scene(tmp_path / f"scene{seed}", seed=seed)
    source = open_source(tmp_path, TrainingSettings(held_out=1))
    assert source.description is source.description
    assert replace(source, held_out=()).description.held_out == ()

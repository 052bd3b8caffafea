"""Training: it learns, it resumes to the bit, and what it exports is what it trained."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train': pip install expinterp[train]")
pytest.importorskip("onnx", reason="needs the extra 'train': pip install expinterp[train]")

from expinterp.refine import open_refiner
from expinterp.training.data import Patches
from expinterp.training.export import export_network, measure_parity
from expinterp.training.network import Network, Shape
from expinterp.training.train import Settings, facts_of, train

pytestmark = pytest.mark.train
TINY = Settings(fold=2, width=8, kernels=(3,), steps=60, batch=16)


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def colourful_patches(count=64, side=8):
    """Pictures whose medium is redder than y0 wherever the long one is bright."""
    random = np.random.default_rng(0)
    y0 = random.random((count, 3, side, side), np.float32)
    long, short = (random.integers(0, 256, y0.shape, np.uint8) for _ in "ls")
    residual = np.zeros_like(y0)
    residual[:, 0] = 0.2 * long[:, 0].astype(np.float32) / 255
    error = np.full(count, (residual**2).mean(), np.float32)
    return Patches(y0.astype(np.float16), residual.astype(np.float16), long, short, error)


def noisy_network(shape=None):
    torch.manual_seed(0)
    network = Network(shape or Shape())
    for weight in network.parameters():
        torch.nn.init.normal_(weight, 0, 0.1)
    return network


def test_an_untrained_network_answers_zero():
    pictures = torch.rand(3, 1, 3, 6, 8)
    assert Network()(*pictures).abs().max() == 0


def test_a_tiny_run_learns(tmp_path):
    patches = colourful_patches()
    network = train(patches, replace(TINY, steps=300), tmp_path)
    y0, residual, long, short = (
        torch.from_numpy(array).float()
        for array in (patches.intermediate, patches.residual, patches.long, patches.short)
    )
    with torch.no_grad():
        left = (residual - network(y0, long / 255, short / 255)).square().mean()
    assert left < 0.3 * residual.square().mean()


def test_a_run_that_was_stopped_ends_with_the_same_weights(tmp_path, monkeypatch):
    patches = colourful_patches()
    whole = train(patches, TINY, tmp_path / "whole")

    def interrupt(folder, **facts):
        if facts["step"] == 50:
            (folder / "stop").touch()
            raise KeyboardInterrupt

    from expinterp.training import train as module

    with monkeypatch.context() as patch:
        patch.setattr(module, "LOG_EVERY", 25)
        patch.setattr(module, "log", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(patches, TINY, tmp_path / "parts")
    assert (tmp_path / "parts" / "checkpoint.pt").exists()
    resumed = train(patches, TINY, tmp_path / "parts")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (17, 31), (64, 33)])
@pytest.mark.parametrize("kind", [Shape(), Shape(2, 16, (3, 1)), Shape(4, 8, (3, 3))])
def test_the_exported_network_equals_pytorch_at_any_size(tmp_path, shape, kind):
    network = noisy_network(kind)
    export_network(network, tmp_path / "n.onnx", {})
    refiner = open_refiner(tmp_path / "n.onnx", device="cpu", threads=1)
    assert measure_parity(network, refiner, shape=shape, seed=1) <= 1e-5


def test_the_halo_is_the_reach_of_the_network():
    network = noisy_network(Shape(fold=2, width=4, kernels=(3, 1, 5))).double()
    pictures = torch.rand(3, 1, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    network(*pictures)[0, :, 16, 16].sum().backward()
    rows = pictures.grad.abs().sum(dim=(0, 1, 2, 4)).nonzero().flatten()
    assert rows.min() == 16 - network.halo
    assert rows.max() == 16 + network.halo + network.shape.fold - 1


def test_an_export_is_one_file_with_its_facts_and_the_same_bytes_again(tmp_path):
    network = noisy_network()
    for name in ("a", "b"):
        export_network(network, tmp_path / f"{name}.onnx", facts_of(TINY))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.onnx", "b.onnx"]
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    facts = open_refiner(tmp_path / "a.onnx", device="cpu").contract.facts
    assert facts["licence"] == "MIT"
    assert str(tmp_path) not in str(facts)

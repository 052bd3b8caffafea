"""Training: it learns, it resumes exactly, and the exported network is the trained one."""

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'train': pip install expinterp[train]")
pytest.importorskip("onnx", reason="needs the extra 'train': pip install expinterp[train]")

from expinterp.errors import ModelError, OutputExistsError
from expinterp.refine import open_refiner
from expinterp.refine.contract import INPUTS
from expinterp.training.export import export_network, import_network
from expinterp.training.network import Network, NetworkShape, grow
from expinterp.training.patches import FIELDS, Patches, TrainingData, read_data, write_data
from expinterp.training.run import LOG, read_log
from expinterp.training.settings import TrainingSettings
from expinterp.training.train import PICTURES, draw, measure, scale, shape_of, train

pytestmark = pytest.mark.train
TINY = TrainingSettings(fold=2, width=8, kernels=(3,), steps=60, batch=16)


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
    picture = np.arange(count, dtype=np.int32)
    halves = (y0.astype(np.float16), residual.astype(np.float16))
    return Patches(halves[0], long, short, halves[0], halves[0], halves[1], error, picture)


def random_pictures(count, rows, cols, **options):
    return {name: torch.rand(count, 3, rows, cols, **options) for name in INPUTS}


def noisy_network(shape=None, seed=0):
    torch.manual_seed(seed)
    network = Network(shape or NetworkShape())
    for weight in network.parameters():
        torch.nn.init.normal_(weight, 0, 0.1)
    return network


def test_an_untrained_network_answers_zero():
    assert Network()(random_pictures(1, 6, 8)).abs().max() == 0


def test_a_tiny_run_learns(tmp_path):
    patches = colourful_patches()
    network = train(patches, replace(TINY, steps=300), tmp_path)
    batch = scale({name: torch.from_numpy(getattr(patches, name)) for name in PICTURES})
    with torch.no_grad():
        left = (batch["residual"] - network(batch)).square().mean()
    assert left < 0.3 * batch["residual"].square().mean()


def test_a_plain_network_learns_the_whole_picture_from_the_shots_alone(tmp_path):
    patches = colourful_patches()
    shots = (patches.long.astype(np.float32) + patches.short) / 510
    patches = replace(patches, residual=(shots - patches.intermediate).astype(np.float16))
    plain = replace(TINY, fold=1, kernels=(1,), rate=1e-2, steps=400, sight="shots", plain=True)
    network = train(patches, plain, tmp_path)
    found = measure(network, patches)
    assert found["psnr"] > found["psnr_y0"] + 10


def test_a_run_that_was_stopped_ends_with_the_same_weights(tmp_path, monkeypatch):
    from expinterp.training import train as module

    monkeypatch.setattr(module, "LOG_EVERY", 25)
    patches = colourful_patches()
    whole = train(patches, TINY, tmp_path / "whole", held_out=patches)

    def interrupt(line):
        if line["step"] == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(patches, TINY, tmp_path / "parts", held_out=patches, on_log=interrupt)
    resumed = train(patches, TINY, tmp_path / "parts", held_out=patches)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)
    logs = [read_log(tmp_path / name) for name in ("whole", "parts")]
    said = [[(line["step"], line["loss"], line["psnr"]) for line in log] for log in logs]
    assert said[0] == said[1]
    assert [step for step, *_ in said[0]] == [25, 50, 60]


def test_patches_read_from_a_file_give_the_same_weights(tmp_path):
    made = colourful_patches()
    last = {
        name: np.ascontiguousarray(getattr(made, name).transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        for name in PICTURES
    }
    cut = replace(made, **last)  # as `cut_patches` lays them out
    write_data(tmp_path / "kept.npz", TrainingData(cut, cut))
    kept = read_data(tmp_path / "kept.npz").patches
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(kept, name), getattr(cut, name))
    shape = replace(TINY, fold=1, width=16, kernels=(3, 1))
    pair = (train(each, shape, tmp_path / f"{n}") for n, each in enumerate((cut, kept)))
    for one, other in zip(*(network.parameters() for network in pair), strict=True):
        assert torch.equal(one, other)


def test_a_folder_of_another_run_is_refused(tmp_path):
    patches = colourful_patches()
    train(patches, replace(TINY, steps=2), tmp_path)
    with pytest.raises(OutputExistsError, match="other settings"):
        train(patches, replace(TINY, steps=2, seed=2), tmp_path)
    with pytest.raises(OutputExistsError, match="other pictures"):
        train(colourful_patches(63), replace(TINY, steps=2), tmp_path)


def test_a_folder_of_a_run_with_another_start_is_refused(tmp_path):
    patches, settings = colourful_patches(), replace(TINY, steps=2)
    starts = [noisy_network(shape_of(settings), seed=seed) for seed in (1, 2)]
    one, again = (train(patches, settings, tmp_path, start=starts[0]) for _ in range(2))
    for weight, same in zip(one.parameters(), again.parameters(), strict=True):
        assert torch.equal(weight, same)
    for start in (starts[1], None):
        with pytest.raises(OutputExistsError, match="another start"):
            train(patches, settings, tmp_path, start=start)


def test_a_folder_of_a_run_measured_on_other_scenes_is_refused(tmp_path):
    patches, settings = colourful_patches(), replace(TINY, steps=2, best=True)
    train(patches, settings, tmp_path, held_out=patches)
    against = replace(patches, residual=-patches.residual)
    for held_out in (against, None):
        with pytest.raises(OutputExistsError, match="other pictures"):
            train(patches, settings, tmp_path, held_out=held_out)


@pytest.mark.parametrize(("loss", "weight"), [("paper", 0.0), ("paper", 1.5), ("relative", 0.5)])
def test_the_first_loss_is_its_closed_form(tmp_path, loss, weight):
    """One grey colour everywhere, the medium 0.25 redder: an untrained network answers y0."""
    y0 = np.full((8, 3, 8, 8), 0.5, np.float16)
    residual = np.zeros_like(y0)
    residual[:, 0] = 0.25
    codes = np.full(y0.shape, 128, np.uint8)
    error = np.full(8, 0.04, np.float32)
    picture = np.arange(8, dtype=np.int32)
    patches = Patches(y0, codes, codes, y0, y0, residual, error, picture)
    train(patches, replace(TINY, steps=1, loss=loss, colour=weight, floor=0.01), tmp_path)
    reconstruction = 0.25**2 / 3
    angle = np.arccos(1.75 / np.sqrt(3 * (0.75**2 + 0.5**2 + 0.5**2)))
    expected = reconstruction / (1 if loss == "paper" else 0.05) + weight * angle
    assert read_log(tmp_path)[0]["loss"] == pytest.approx(expected, rel=4e-3)  # DARK


@pytest.fixture
def steps(monkeypatch):
    """Record learning rate and weights after each step of the optimiser."""
    taken = []

    class Watched(torch.optim.Adam):
        def step(self):
            super().step()
            (group,) = self.param_groups
            taken.append((group["lr"], torch.nn.utils.parameters_to_vector(group["params"])))

    monkeypatch.setattr(torch.optim, "Adam", Watched)
    return taken


def test_the_rate_rises_and_then_falls_along_half_a_cosine(tmp_path, steps):
    train(colourful_patches(), replace(TINY, steps=250, rate=1e-3), tmp_path)
    step = np.arange(250)
    expected = 1e-3 * np.minimum(1, (step + 1) / 100) * np.cos(np.pi / 2 * step / 250) ** 2
    np.testing.assert_allclose([rate for rate, _ in steps], expected, rtol=1e-6)


def test_the_result_is_the_average_of_the_weights(tmp_path, steps):
    network = train(colourful_patches(), replace(TINY, steps=60, average=0.7), tmp_path)
    expected = 0.0
    for number, (_, weights) in enumerate(steps):
        past = min(0.7, number / (number + 20))  # the cap is reached after two thirds of the run
        expected = past * expected + (1 - past) * weights.detach()
    found = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)


def test_batches_are_mirrored_and_turned_all_pictures_of_a_patch_alike():
    patch = torch.arange(48, dtype=torch.float32).reshape(1, 3, 4, 4)
    arrays = dict.fromkeys(PICTURES, patch) | {"error": torch.ones(1)}
    random = torch.Generator().manual_seed(0)
    batches = [draw(arrays, 1, random)[0] for _ in range(30)]
    for batch in batches:
        assert all(torch.equal(batch["long"], picture) for picture in batch.values())
    ways = [patch, patch.flip(-1), patch.mT, patch.flip(-1).mT]
    found = {tuple(batch["long"].flatten().tolist()) for batch in batches}
    assert found == {tuple(way.flatten().tolist()) for way in ways}


def test_a_budget_of_minutes_ends_the_run(tmp_path):
    train(colourful_patches(), replace(TINY, minutes=0.002), tmp_path)
    last = read_log(tmp_path)[-1]
    assert last["seconds"] == pytest.approx(0.12, abs=0.1)
    assert last["seconds_left"] <= 0


def test_the_log_is_one_json_object_a_line_and_states_true_figures(tmp_path):
    patches = colourful_patches()
    network = train(patches, TINY, tmp_path, held_out=patches)
    last = json.loads((tmp_path / LOG).read_text("utf-8").splitlines()[-1])
    assert last.keys() == {"step", "loss", "seconds", "seconds_left", "psnr_y0", "psnr"}
    truth = patches.residual[..., 2:-2, 2:-2].astype(np.float64)  # within the halo of the borders
    before = -10 * np.log10((truth**2).mean(axis=(1, 2, 3)))
    assert last["psnr_y0"] == pytest.approx(before.mean(), abs=2e-3)
    assert last["psnr"] == measure(network, patches)["psnr"]


def test_the_best_weights_are_the_result_if_asked_for(tmp_path):
    """Learned from one half of the truth, measured on its opposite: it only ever gets worse."""
    patches = colourful_patches()
    against = replace(patches, residual=-patches.residual)
    kept = train(patches, replace(TINY, best=True), tmp_path, held_out=against)
    log = read_log(tmp_path)
    assert measure(kept, against)["psnr"] == max(line["psnr"] for line in log)
    assert log[-1]["psnr"] < log[0]["psnr"]


def test_the_best_weights_survive_an_interruption(tmp_path, monkeypatch):
    from expinterp.training import train as module

    monkeypatch.setattr(module, "LOG_EVERY", 20)
    patches = colourful_patches()
    against, settings = replace(patches, residual=-patches.residual), replace(TINY, best=True)
    whole = train(patches, settings, tmp_path / "whole", held_out=against)

    def interrupt(line):
        if line["step"] == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(patches, settings, tmp_path / "parts", held_out=against, on_log=interrupt)
    resumed = train(patches, settings, tmp_path / "parts", held_out=against)
    assert measure(resumed, against) == measure(whole, against)


def measure_parity(network, refiner, *, shape, seed):
    """Compute the largest difference between PyTorch and an exported model on random pictures.

    The shape, (rows, cols), may be any; odd ones are padded for PyTorch as `refine` pads them.
    """
    random = np.random.default_rng(seed)
    pictures = {name: random.random((*shape, 3), dtype=np.float32) for name in INPUTS}
    reach, fold = network.halo, network.shape.fold
    ends = [(reach, reach + -side % fold) for side in shape]
    planes = {
        name: torch.from_numpy(np.pad(picture, [*ends, (0, 0)], mode="edge").transpose(2, 0, 1))
        for name, picture in pictures.items()
    }
    with torch.no_grad():
        batch = {name: picture[None] for name, picture in planes.items()}
        expected = network(batch)[0].numpy().transpose(1, 2, 0)
    expected = expected[reach : reach + shape[0], reach : reach + shape[1]]
    return float(np.abs(expected - refiner.residual(pictures)).max())


KINDS = [
    NetworkShape(),
    NetworkShape(2, 16, (3, 1)),
    NetworkShape(2, 16, (3, 1), separable=False),
    NetworkShape(1, 1, (3, 1, 5)),
    NetworkShape(4, 8, (3, 3)),
    NetworkShape(1, 8, (1,), sight="y0"),
    NetworkShape(1, 8, (3, 1), sight="shots", plain=True),
    NetworkShape(2, 8, (3,), sight="all", plain=True, separable=False),
]


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (17, 31), (64, 33)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_exported_network_equals_pytorch_at_any_size(tmp_path, shape, kind):
    network = noisy_network(kind)
    export_network(network, tmp_path / "n.onnx", {})
    refiner = open_refiner(tmp_path / "n.onnx", device="cpu", threads=1)
    assert measure_parity(network, refiner, shape=shape, seed=1) <= 1e-5


def test_the_halo_is_the_reach_of_the_network():
    network = noisy_network(NetworkShape(fold=2, width=4, kernels=(3, 1, 5))).double()
    pictures = random_pictures(1, 32, 32, dtype=torch.float64, requires_grad=True)
    network(pictures)[0, :, 16, 16].sum().backward()
    reach = sum(picture.grad.abs().sum(dim=(0, 1, 3)) for picture in pictures.values())
    rows = reach.nonzero().flatten()
    assert rows.min() == 16 - network.halo
    assert rows.max() == 16 + network.halo + network.shape.fold - 1


@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_network_is_read_back(tmp_path, kind):
    network = noisy_network(kind)
    export_network(network, tmp_path / "n.onnx", {})
    again = import_network(tmp_path / "n.onnx")
    assert again.shape == kind
    pictures = random_pictures(1, 8, 12)
    with torch.no_grad():
        torch.testing.assert_close(again(pictures), network(pictures), atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (NetworkShape(), NetworkShape(width=48, kernels=(3, 1, 1), separable=False)),
        (NetworkShape(2, 4, (3,)), NetworkShape(2, 4, (3, 3, 1), separable=False)),
        (NetworkShape(2, 4, (5, 1), separable=False), NetworkShape(2, 5, (5, 1), separable=False)),
        (NetworkShape(1, 1, (3,)), NetworkShape(1, 1, (3,), separable=False)),
        (NetworkShape(1, 4, ()), NetworkShape(1, 6, (1,), separable=False)),
    ],
)
def test_a_grown_network_computes_the_same_and_can_learn(small, large):
    network = noisy_network(small)
    grown = grow(network, large)
    assert grown.shape == large
    pictures = random_pictures(2, 8, 8)
    torch.testing.assert_close(grown(pictures), network(pictures), atol=1e-6, rtol=1e-5)
    grown(pictures).square().sum().backward()
    new = [layer for layer in grown.chain if isinstance(layer, torch.nn.Conv2d)][-1]
    assert (new.weight.grad[:, small.width :].abs().sum() > 0) == (large.width > small.width)


def test_a_network_cannot_grow_into_a_smaller_or_another_one():
    for shape in (
        NetworkShape(),
        NetworkShape(width=8, separable=False),
        NetworkShape(kernels=(1,), separable=False),
        NetworkShape(sight="y0", separable=False),
        NetworkShape(plain=True, separable=False),
    ):
        with pytest.raises(ValueError, match="cannot grow"):
            grow(Network(), shape)


@pytest.mark.model
def test_the_bundled_network_is_read_back_and_exported_alike(tmp_path):
    from expinterp.refine import model_path

    network = import_network(model_path())
    export_network(network, tmp_path / "n.onnx", {})
    refiner = open_refiner(device="cpu", threads=1)
    assert measure_parity(network, refiner, shape=(9, 7), seed=0) <= 1e-5


def test_a_model_from_other_software_cannot_be_imported(tmp_path):
    import onnx

    network = noisy_network(NetworkShape(width=4))
    export_network(network, tmp_path / "n.onnx", {})
    model = onnx.load(tmp_path / "n.onnx")
    for node in model.graph.node:
        node.op_type = "Sigmoid" if node.op_type == "Relu" else node.op_type
    facts = {each.key: each.value for each in model.metadata_props if each.key != "checksum"}
    onnx.helper.set_model_props(model, facts)
    onnx.save(model, tmp_path / "other.onnx")
    open_refiner(tmp_path / "other.onnx", device="cpu")
    with pytest.raises(ModelError, match="no network of 'expinterp train'"):
        import_network(tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=r"none\.onnx"):
        import_network(tmp_path / "none.onnx")


def test_an_export_is_one_file_with_its_facts_and_the_same_bytes_again(tmp_path):
    network = noisy_network()
    for name in ("a", "b"):
        export_network(network, tmp_path / f"{name}.onnx", {"licence": "MIT"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.onnx", "b.onnx"]
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    facts = open_refiner(tmp_path / "a.onnx", device="cpu").contract.facts
    assert facts["licence"] == "MIT"
    assert str(tmp_path) not in str(facts)

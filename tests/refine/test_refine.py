"""The laws of `refine`: tiles never show, edges hold, a broken model or device is named."""

import os
import threading
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expinterp.core.intermediate import Blend
from expinterp.core.response.calibration import Profile
from expinterp.errors import DeviceError, ModelError, ResidualError
from expinterp.refine import Contract, Refiner, model, model_path, open_refiner, session
from expinterp.refine.contract import CONTRACT, INPUTS, checksum, read_contract
from expinterp.refine.tiles import cut_tiles

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

HALO = 4
SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))
TILES = st.tuples(st.integers(1, 50), st.integers(1, 50))


class FoldingSession:
    """A network in NumPy: zero-padded 3×3 means at half resolution, twice, of all inputs.

    Its channels differ, of grey pictures too.
    """

    def run(self, output_names, feeds):
        weights = zip((0.5, -0.3, 0.2, 0.4, -0.6), INPUTS, strict=True)
        stack = sum(weight * feeds[name] for weight, name in weights)
        folded = stack.reshape(1, 3, stack.shape[2] // 2, 2, stack.shape[3] // 2, 2)
        for _ in range(HALO // 2):
            folded = _box_mean(folded)
        folded *= np.float32([1, 2, 3]).reshape(1, 3, 1, 1, 1, 1)
        return [(folded * np.float32([[1, 2]])).reshape(stack.shape)]


def _box_mean(folded):
    padded = np.pad(folded, [(0, 0), (0, 0), (1, 1), (0, 0), (1, 1), (0, 0)])
    rows, cols = folded.shape[2], folded.shape[4]
    shifts = [(r, c) for r in range(3) for c in range(3)]
    return sum(padded[:, :, r : r + rows, :, c : c + cols] for r, c in shifts) / np.float32(9)


class ZeroSession:
    def run(self, output_names, feeds):
        return [np.zeros_like(feeds["long"])]


def folding_refiner(**options):
    return Refiner(FoldingSession(), Contract(INPUTS, alignment=2, halo=HALO, facts={}), **options)


def pictures(shape, *, seed=0, channels=3):
    random = np.random.default_rng(seed)
    return {name: random.random((*shape, channels), dtype=np.float32) for name in INPUTS}


class MeanStage:
    """Stage one that takes the mean of the two, and leaves them as they are."""

    def __call__(self, long, short):
        darkened, brightened = self.mapped(long, short)
        return (darkened + brightened) / np.float32(2)

    def mapped(self, long, short):
        top = np.float32(np.iinfo(long.dtype).max)
        return tuple(
            np.ascontiguousarray(shot.transpose(2, 0, 1), np.float32) / top
            for shot in (long, short)
        )


mean_stage = MeanStage()


@given(SIZES, TILES)
def test_tiles_cover_every_pixel_once_from_one_block_shape(shape, tile):
    contract = Contract(INPUTS, alignment=4, halo=8, facts={})
    covered = np.zeros(shape, int)
    blocks = set()
    for piece in cut_tiles(shape, contract, tile=tile):
        covered[piece.core] += 1
        block = piece.crop(np.zeros((*shape, 1)))
        blocks.add(block.shape)
        assert np.zeros(block.shape)[piece.inner].shape[:2] == covered[piece.core].shape
        assert piece.core[0].start % 4 == 0
        assert piece.core[1].start % 4 == 0
    assert (covered == 1).all()
    assert len(blocks) == 1
    rows, cols, _ = blocks.pop()
    assert rows % 4 == cols % 4 == 0


def test_a_block_is_no_taller_than_the_rows_that_are_asked_for():
    contract = Contract(INPUTS, alignment=4, halo=8, facts={})
    (piece,) = cut_tiles((100, 20), contract, tile=(64, 64), rows=slice(32, 42))
    assert piece.crop(np.zeros((100, 20, 1))).shape[:2] == (12 + 16, 20 + 16)


@given(SIZES)
def test_a_block_holds_the_picture_and_repeats_its_edge(shape):
    picture = np.random.default_rng(1).random((*shape, 3))
    contract = Contract(INPUTS, alignment=2, halo=HALO, facts={})
    (piece,) = cut_tiles(shape, contract, tile=(64, 64))
    block = piece.crop(picture)
    ends = [(HALO, HALO + side % 2) for side in shape]
    np.testing.assert_array_equal(block, np.pad(picture, [*ends, (0, 0)], mode="edge"))
    np.testing.assert_array_equal(block[piece.inner], picture)


@given(SIZES, TILES)
def test_tiled_refinement_equals_the_whole(shape, tile):
    refiner = folding_refiner()
    whole = refiner.residual(pictures(shape), tile=(64, 64))
    np.testing.assert_allclose(refiner.residual(pictures(shape), tile=tile), whole, atol=1e-6)


@given(SIZES, TILES, st.sampled_from([np.uint8, np.uint16]))
def test_the_tile_size_never_changes_the_code_values(shape, tile, dtype):
    random = np.random.default_rng(2)
    long, short = (random.integers(0, np.iinfo(dtype).max, (*shape, 3), dtype) for _ in "ls")
    refiner = folding_refiner(threads=2)
    whole = refiner.refine(long, short, mean_stage, tile=(64, 64))
    np.testing.assert_array_equal(refiner.refine(long, short, mean_stage, tile=tile), whole)
    assert whole.dtype == dtype


@given(SIZES, st.integers(0, 19), st.integers(1, 40))
def test_some_rows_are_refined_as_in_the_whole(shape, start, count):
    random = np.random.default_rng(2)
    long, short = (random.integers(0, 255, (*shape, 3), np.uint8) for _ in "ls")
    first = min(start, (shape[0] - 1) // 2) * 2
    rows = slice(first, min(first + count, shape[0]))
    refine = partial(folding_refiner().refine, long, short, mean_stage, tile=(16, 16))
    np.testing.assert_array_equal(refine(rows=rows), refine()[rows])


def test_a_gpu_computes_the_same_in_fewer_and_larger_tiles():
    shapes = []

    class Watching(FoldingSession):
        def run(self, output_names, feeds):
            shapes.append(feeds["long"].shape[2:])
            return super().run(output_names, feeds)

    picture = np.random.default_rng(4).integers(0, 255, (130, 600, 3), np.uint8)
    contract = Contract(INPUTS, alignment=2, halo=HALO, facts={})
    results = [
        Refiner(Watching(), contract, provider=provider).refine(picture, picture, mean_stage)
        for provider in ("CPUExecutionProvider", "CUDAExecutionProvider")
    ]
    np.testing.assert_array_equal(*results)
    small, large = (64 + 2 * HALO, 512 + 2 * HALO), (130 + 2 * HALO, 600 + 2 * HALO)
    assert shapes == [small] * 6 + [large]


def test_a_halo_that_is_too_small_shows():
    narrow = Refiner(FoldingSession(), Contract(INPUTS, alignment=2, halo=HALO - 2, facts={}))
    whole = narrow.residual(pictures((32, 32)), tile=(32, 32))
    assert np.abs(whole - narrow.residual(pictures((32, 32)), tile=(8, 8))).max() > 1e-3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_residual_of_zero_gives_the_rounded_intermediate(dtype):
    refiner = Refiner(ZeroSession(), Contract(INPUTS, 2, HALO, {}))
    top = np.iinfo(dtype).max
    values = np.arange(0, top + 1, max(1, top // 255)).astype(dtype).reshape(1, -1, 1)
    long = np.repeat(values, 3, axis=2)
    np.testing.assert_array_equal(refiner.refine(long, long, mean_stage), long)


def test_grey_pictures_stay_one_channel_and_match_grey_rgb():
    refiner = folding_refiner()
    grey = pictures((9, 7), channels=1)
    spread = {name: np.repeat(picture, 3, axis=2) for name, picture in grey.items()}
    expected = refiner.residual(spread).mean(axis=2, keepdims=True)
    np.testing.assert_allclose(refiner.residual(grey), expected, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("inputs", [("intermediate",), ("long", "brightened"), INPUTS])
def test_a_network_receives_the_inputs_it_names_and_nothing_else(inputs, dtype):
    class Watching:
        def run(self, output_names, feeds):
            self.feeds = {name: planes.copy() for name, planes in feeds.items()}
            return [np.zeros_like(next(iter(feeds.values())))]

    random = np.random.default_rng(5)
    imfs = np.sort(random.uniform(0, 255, (2, 3, 256)), axis=2)
    top = np.iinfo(dtype).max
    long, short = (random.integers(0, top + 1, (6, 9, 3), dtype) for _ in "ls")
    session = Watching()
    blend = Blend(*imfs, np.dtype(dtype))
    Refiner(session, Contract(inputs, 1, 0, {})).refine(long, short, blend, tile=(6, 9))
    shots = [shot.transpose(2, 0, 1) / top for shot in (long, short)]
    looked_up = [
        np.stack([np.interp(255 * shot[c], range(256), imf[c]) for c in range(3)]) / 255
        for imf, shot in zip(imfs, shots, strict=True)
    ]
    expected = dict(zip(INPUTS, [blend(long, short), *shots, *looked_up], strict=True))
    assert set(session.feeds) == set(inputs)
    for name, planes in session.feeds.items():
        np.testing.assert_allclose(planes[0], expected[name], atol=1e-6)


def test_progress_ends_at_one_and_inputs_are_untouched():
    long = np.random.default_rng(3).integers(0, 255, (30, 50, 3), np.uint8)
    kept = long.copy()
    shares = []
    folding_refiner().refine(long, long, mean_stage, tile=(8, 8), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1
    np.testing.assert_array_equal(long, kept)


def test_an_error_inside_a_tile_reaches_the_caller():
    def broken(long, short):
        message = f"no y0 in {threading.current_thread().name}"
        raise ValueError(message)

    picture = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="no y0"):
        folding_refiner(threads=2).refine(picture, picture, broken)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38, -17])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_residual_that_is_no_number_of_a_picture_is_refused(value, channels):
    class Diverging:
        def run(self, output_names, feeds):
            output = np.zeros_like(next(iter(feeds.values())))
            output[0, 1, -1, -1] = value
            return [output]

    picture = np.zeros((9, 9, channels), np.uint8)
    refiner = Refiner(Diverging(), Contract(("long",), 1, 0, {}), threads=2)
    with pytest.raises(ResidualError, match="not finite, or beyond"):
        refiner.refine(picture, picture, mean_stage, tile=(4, 4))


def test_a_residual_of_another_size_is_refused():
    class Cropping:
        def run(self, output_names, feeds):
            return [feeds["long"][:, :, 1:]]

    picture = np.zeros((9, 9, 3), np.uint8)
    with pytest.raises(ResidualError, match="has shape"):
        Refiner(Cropping(), Contract(("long",), 1, 0, {})).refine(picture, picture, mean_stage)


def onnx_graph(path, *, endless=False):
    """Write a network that returns its input; an endless one repeats that for ever."""
    onnx = pytest.importorskip("onnx", reason="needs the extra 'train'")
    from onnx import TensorProto, helper

    port = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "rows", "cols"])
        for name in ("long", "residual", "state", "next")
    }
    flag = {name: helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in "ab"}
    number = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    steps = [helper.make_node("Identity", [x], [y]) for x, y in (("state", "next"), ("a", "b"))]
    body = helper.make_graph(
        steps, "body", [number, flag["a"], port["state"]], [flag["b"], port["next"]]
    )
    true = helper.make_tensor("true", TensorProto.BOOL, [], [True])
    nodes = [helper.make_node("Identity", ["long"], ["residual"])]
    if endless:
        nodes = [helper.make_node("Loop", ["", "true", "long"], ["residual"], body=body)]
    graph = helper.make_graph(nodes, "g", [port["long"]], [port["residual"]], [true])
    opset = helper.make_opsetid("", 17)
    content = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    stated = {**CONTRACT, "inputs": "long", "alignment": "1", "halo": "0"}
    helper.set_model_props(content, stated)
    onnx.save(content, path)
    return path


@pytest.mark.parametrize("threads", [1, 2])
def test_a_network_that_never_ends_is_stopped(tmp_path, monkeypatch, threads, capfd):
    picture = np.zeros((200, 600, 3), np.uint8)
    sound = open_refiner(onnx_graph(tmp_path / "sound.onnx"), device="cpu", threads=threads)
    assert (sound.refine(picture, picture, mean_stage) == picture).all()
    monkeypatch.setattr(session, "LONGEST_RUN", 0.2)
    monkeypatch.setattr(session, "PAUSE", 0.1)
    path = onnx_graph(tmp_path / "loop.onnx", endless=True)
    endless = open_refiner(path, device="cpu", threads=threads)
    with pytest.raises(ModelError, match="takes too long"):
        endless.refine(picture, picture, mean_stage)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("reason", "kind", "words"),
    [("bad shape", ModelError, "cannot be computed"), ("Failed to allocate", MemoryError, "")],
)
def test_a_network_that_fails_is_told_from_one_that_needs_memory(reason, kind, words):
    def run(*_):
        raise RuntimeError(reason)

    with pytest.raises(kind, match=words or None):
        session.TimedSession(SimpleNamespace(run=run)).run(["residual"], {})


def test_the_profile_that_is_given_precedes_that_of_a_tuned_network():
    given, tuned = (Profile(np.linspace(-3, 3, 256)[np.newaxis], 0.1, 3) for _ in range(2))
    network = SimpleNamespace(contract=SimpleNamespace(profile=tuned))
    assert model.choose_profile(given, network) is given
    assert model.choose_profile(None, network) is tuned
    assert model.choose_profile(given, None) is given
    assert model.choose_profile(None, None) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_no_model(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    with pytest.raises(ModelError, match="not an ordinary file"):
        open_refiner(tmp_path / "pipe.onnx")


@pytest.fixture(scope="module")
def refiner():
    return open_refiner(device="cpu", threads=1)


@pytest.mark.model
class TestBundledModel:
    def test_it_states_provider_hash_and_licence(self, refiner):
        assert refiner.provider == "CPUExecutionProvider"
        assert refiner.notice is None
        assert len(refiner.digest) == 64
        assert refiner.contract.halo % refiner.contract.alignment == 0

    def test_it_is_small(self):
        assert model_path().stat().st_size <= 1_000_000

    def test_it_holds_no_path_of_the_machine_that_wrote_it(self):
        content = model_path().read_bytes()
        for trace in (b"/home", b"/tmp", b"/usr", b"/work", b".py", b"site-packages"):
            assert trace not in content

    @settings(max_examples=15)
    @given(SIZES, TILES)
    def test_tiled_equals_whole_for_the_network_too(self, refiner, shape, tile):
        whole = refiner.residual(pictures(shape), tile=(64, 64))
        tiled = refiner.residual(pictures(shape), tile=tile)
        np.testing.assert_allclose(tiled, whole, atol=1e-5)

    def test_any_tile_size_gives_the_same_code_values(self, refiner):
        random = np.random.default_rng(4)
        long, short = (random.integers(0, 256, (301, 187, 3), np.uint8) for _ in "ls")
        whole = refiner.refine(long, short, mean_stage, tile=(512, 512))
        for tile in [(64, 64), (100, 30), (256, 512)]:
            np.testing.assert_array_equal(refiner.refine(long, short, mean_stage, tile=tile), whole)


class TestContract:
    def session(self, **changes):
        stated = {"inputs": "intermediate,darkened", "alignment": "2", "halo": "4"}
        facts = {**CONTRACT, **stated, **changes}
        port = [
            SimpleNamespace(name=name, type="tensor(float)", shape=[1, 3, "r", "c"])
            for name in ("intermediate", "darkened")
        ]
        out = [SimpleNamespace(name="residual", type="tensor(float)", shape=[1, 3, "r", "c"])]
        return SimpleNamespace(
            get_modelmeta=lambda: SimpleNamespace(custom_metadata_map=facts),
            get_inputs=lambda: port,
            get_outputs=lambda: out,
        )

    def test_a_model_that_fulfils_it_is_read(self):
        contract = read_contract(self.session(), b"", Path("m.onnx"))
        assert (contract.alignment, contract.halo) == (2, 4)
        assert contract.inputs == ("intermediate", "darkened")

    @pytest.mark.parametrize("key", [*CONTRACT, "inputs"])
    def test_a_model_that_states_another_value_is_refused_by_name(self, key):
        with pytest.raises(ModelError, match=key) as caught:
            read_contract(self.session(**{key: "other"}), b"", Path("m.onnx"))
        assert caught.value.exit_code == 8

    def test_other_inputs_than_stated_are_refused(self):
        session = self.session()
        session.get_inputs()[0].shape[1] = 1
        with pytest.raises(ModelError, match="inputs"):
            read_contract(session, b"", Path("m.onnx"))
        with pytest.raises(ModelError, match="inputs"):
            read_contract(self.session(inputs="intermediate,long"), b"", Path("m.onnx"))

    @pytest.mark.parametrize("halo", ["", "wide"])
    def test_a_missing_halo_is_refused(self, halo):
        with pytest.raises(ModelError, match="halo"):
            read_contract(self.session(halo=halo), b"", Path("m.onnx"))

    @pytest.mark.parametrize(
        "change", [{"name": "out"}, {"type": "tensor(double)"}, {"shape": [1]}]
    )
    def test_a_network_without_a_residual_is_refused(self, change):
        session = self.session()
        vars(session.get_outputs()[0]).update(change)
        with pytest.raises(ModelError, match="one must be 'residual'"):
            read_contract(session, b"", Path("m.onnx"))

    @pytest.mark.parametrize("profile", ["[" * 100_000, "{}", "1e999", '{"expinterp_profile": 1}'])
    def test_a_damaged_profile_is_refused(self, profile):
        with pytest.raises(ModelError, match="damaged camera profile"):
            read_contract(self.session(profile=profile), b"", Path("m.onnx"))

    @pytest.mark.parametrize(
        ("alignment", "halo"), [(0, 4), (-4, 4), (2, -2), (2, 3), (1, 2000), (4096, 4096)]
    )
    def test_blocks_that_cannot_be_cut_are_refused(self, alignment, halo):
        session = self.session(alignment=str(alignment), halo=str(halo))
        with pytest.raises(ModelError, match=f"alignment = {alignment} and halo = {halo}"):
            read_contract(session, b"", Path("m.onnx"))

    def test_a_wrong_checksum_is_refused(self):
        stated = checksum(b"weights", "0" * 64)
        read_contract(self.session(checksum=stated), b"weights", Path("m.onnx"))
        with pytest.raises(ModelError, match="checksum"):
            read_contract(self.session(checksum=stated), b"weighty", Path("m.onnx"))


@pytest.mark.model
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_model_is_a_model_error(tmp_path, damage):
    content = bytearray(model_path().read_bytes())
    middle = len(content) // 2
    content[middle] ^= 0x10
    damaged = {"cut": content[:middle], "flipped": content, "empty": b"", "text": b"no model"}
    path = tmp_path / "damaged.onnx"
    path.write_bytes(damaged[damage])
    with pytest.raises(ModelError, match=r"damaged\.onnx"):
        open_refiner(path, device="cpu")


def test_the_refusal_of_a_profile_as_a_model_names_its_option(tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(Profile(np.zeros((1, 256)), 0.0, 3).to_json(), "utf-8")
    with pytest.raises(ModelError, match="--response"):
        open_refiner(path, device="cpu")


def test_an_unknown_device_is_refused():
    with pytest.raises(ValueError, match=r"device must be one of .*cuda:0"):
        open_refiner(device="cuda:0")


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"nowhere\.onnx"):
        open_refiner(str(tmp_path / "nowhere.onnx"))


def test_a_missing_bundle_names_both_places(tmp_path, monkeypatch):
    monkeypatch.setattr(model, "__file__", str(tmp_path / "expinterp" / "refine" / "model.py"))
    with pytest.raises(ModelError) as caught:
        model_path()
    assert str(tmp_path / "expinterp" / "models" / "lrl.onnx") in str(caught.value)
    assert str(tmp_path / "models" / "lrl.onnx") in str(caught.value)


@pytest.mark.model
class TestDevices:
    """A machine with a CUDA build whose sessions nevertheless run on the CPU."""

    @pytest.fixture
    def _broken_cuda(self, monkeypatch):
        import onnxruntime

        start = onnxruntime.InferenceSession
        monkeypatch.setattr(
            onnxruntime,
            "get_available_providers",
            lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
        )
        monkeypatch.setattr(onnxruntime, "preload_dlls", partial(print, "not found"), raising=False)
        monkeypatch.setattr(
            onnxruntime,
            "InferenceSession",
            lambda content, options, providers: start(
                content, options, providers=["CPUExecutionProvider"]
            ),
        )

    @pytest.mark.usefixtures("_broken_cuda")
    def test_cuda_that_does_not_run_is_an_error_not_a_slow_success(self):
        with pytest.raises(DeviceError, match="--device cpu") as caught:
            open_refiner(device="cuda")
        assert caught.value.exit_code == 7

    def test_cuda_computes_in_full_precision(self, monkeypatch):
        """TF32 rounds to 10 bits: 16-bit results would not be those of the CPU."""
        import onnxruntime

        start, asked, loaded = onnxruntime.InferenceSession, [], []
        monkeypatch.setattr(model, "SMALL", 0)
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA])
        monkeypatch.setattr(
            onnxruntime, "preload_dlls", lambda: loaded.append("CUDA"), raising=False
        )
        monkeypatch.setattr(
            onnxruntime,
            "InferenceSession",
            lambda content, options, providers: (
                asked.extend(providers) or start(content, options, providers=[CPU])
            ),
        )
        open_refiner(device="auto")
        (name, options), last = asked
        assert (name, options["use_tf32"], last) == (CUDA, "0", CPU)
        assert loaded == ["CUDA"]

    @pytest.mark.usefixtures("_broken_cuda")
    def test_auto_falls_back_and_says_so(self, capsys, monkeypatch):
        monkeypatch.setattr(model, "SMALL", 0)
        refiner = open_refiner(device="auto")
        assert refiner.provider == "CPUExecutionProvider"
        assert "CUDAExecutionProvider" in refiner.notice
        assert capsys.readouterr().out == ""  # standard output is for results

    @pytest.mark.usefixtures("_broken_cuda")
    def test_a_small_network_stays_on_the_cpu_unless_cuda_is_asked_for(self):
        refiner = open_refiner(device="auto")
        assert (refiner.provider, refiner.notice) == (CPU, None)
        assert model._provider_for("auto", 32 * 1024) == CPU
        assert model._provider_for("auto", 32 * 1024 + 1) == CUDA
        assert model._provider_for("cuda", 1) == CUDA

    def test_cuda_without_a_cuda_build_is_an_error(self, monkeypatch):
        import onnxruntime

        monkeypatch.setattr(
            onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"]
        )
        with pytest.raises(DeviceError):
            open_refiner(device="cuda")

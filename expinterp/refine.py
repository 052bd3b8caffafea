"""Stage two: what the mapped inputs cannot show, added to y0 by a small network (LRL).

The network answers the *residual* that makes y0 the medium: y ≈ clip(y0 + residual). It reads what
it names of five pictures: ``intermediate`` (y0), ``long`` (x1) and ``short`` (x2) as photographed,
and both at the exposure of y0: ``darkened`` (Λ13(x1)) and ``brightened`` (Λ23(x2)), which differ
where no table per channel serves. Images here are (rows, cols, 3), R G B, display-encoded, float32,
0..1; grey ones are spread over three channels and averaged back.

Everything else a model must keep to is its `Contract`, which stands in the file itself. A picture
is refined tile by tile: each tile is read with a halo as wide as the network's receptive field,
and beyond the picture its edge pixels go on, so that the tiling never shows. Tiles start at
multiples of the network's *alignment*, the side of the pixel block it folds into one.

Source: Zheng, Li, Yang and Wu, ICASSP 2020, arXiv:1905.03890 (hybrid learning).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from expinterp.errors import DeviceError, ModelError, reason
from expinterp.intermediate import Planes, quantise
from expinterp.mapping import Pixels
from expinterp.parallel import each
from expinterp.response import Profile
from expinterp.tiles import Tile, cut_tiles

Block = NDArray[np.float32]
Device = Literal["auto", "cpu", "cuda"]

INPUTS = ("intermediate", "long", "short", "darkened", "brightened")  # a model names its own
OUTPUT = "residual"
CONTRACT = {  # what metadata must say; a change of meaning is a new version
    "contract": "1",
    "output": OUTPUT,
    "channels": "RGB",
    "encoding": "display, 0..1",
    "kind": "residual",
}
PROFILE = "profile"  # in the metadata of a tuned model: its camera's, as JSON
TILE = (64, 512)  # rows, cols of a tile, which stays in the cache; never changes the result
MAX_MODEL = 1 << 28  # bytes read of a model file; ours has some thousands
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
REPAIR = "name another model, or reinstall expinterp if it is the bundled one"


class Session(Protocol):
    """The part of an ONNX Runtime session that is used; tests put a fake in its place."""

    def run(self, output_names: list[str], feeds: dict[str, Block]) -> list[Block]:
        """Compute the named outputs."""


@dataclass(frozen=True)
class Contract:
    """What a model states about itself, besides `CONTRACT`.

    Attributes
    ----------
    inputs : tuple of str
        Which of `INPUTS` it reads.
    alignment : int
        Side of the block of pixels that the network folds into one; rows and cols of what it
        is given are multiples of it.
    halo : int
        Pixels that the network looks at on each side, rounded up to the alignment.
    facts : mapping of str to str
        All metadata of the file: training data, licences, settings.
    profile : Profile or None
        That of the one camera which the model is tuned to; its y0 is to be computed with it.
    """

    inputs: tuple[str, ...]
    alignment: int
    halo: int
    facts: Mapping[str, str]
    profile: Profile | None = None


class StageOne(Protocol):
    """Stage one, pixel by pixel, on blocks (rows, cols, channels) of the two photographs.

    Answers are float32 (channels, rows, cols), 0..1. It is called from several threads.
    """

    def __call__(self, long: Pixels, short: Pixels) -> Planes:
        """Compute y0."""

    def mapped(self, long: Pixels, short: Pixels) -> tuple[Planes, Planes]:
        """Compute Λ13(x1) and Λ23(x2)."""


class Refiner:
    """An opened model.

    Made by `open_refiner`; the constructor takes any session that honours the contract.

    Attributes
    ----------
    contract : Contract
    provider : str
        What the session itself says it runs on.
    notice : str or None
        What the user should be told once: ``auto`` found a GPU build but runs on the CPU.
    threads : int
        Tiles in work at a time, one thread each.
    digest : str
        SHA-256 of the model file.
    """

    def __init__(
        self,
        session: Session,
        contract: Contract,
        *,
        provider: str = PROVIDERS["cpu"],
        notice: str | None = None,
        threads: int = 1,
        digest: str = "",
    ) -> None:
        self.session = session
        self.contract = contract
        self.provider = provider
        self.notice = notice
        self.threads = threads
        self.digest = digest

    def refine(
        self,
        long: Pixels,
        short: Pixels,
        intermediate: StageOne,
        *,
        half_way: StageOne | None = None,
        strength: float = 1.0,
        tile: tuple[int, int] = TILE,
        progress: Callable[[float], None] | None = None,
    ) -> Pixels:
        """Refine y0 of a pair, without ever holding a float picture of it.

        Parameters
        ----------
        long, short : uint8 or uint16 array, shape (rows, cols, 1 or 3)
            Display-encoded code values, same shape and dtype.
        intermediate : StageOne
        half_way : StageOne, optional
            Stage one at the geometric mean, which the network is made for; give it where
            `intermediate` is for another exposure.
        strength : float
            Factor on the residual.
        tile : (rows, cols)
            Size of the pieces; changes memory and time, never the result.
        progress : function, optional
            Called with the share done, 0..1, after every tile.

        Returns
        -------
        array of the dtype and shape of `long`
            Clipped and rounded once.
        """
        out = np.empty_like(long)

        def work(piece: Tile) -> None:
            one, two = piece.take(long), piece.take(short)
            y0 = intermediate(one, two)
            seen = (half_way, half_way(one, two)) if half_way else (intermediate, y0)
            refined = self._run(self._look(one, two, *seen))
            refined *= np.float32(strength)
            refined += y0
            quantise(refined[(slice(None), *piece.inner)], out[piece.core])

        pieces = list(cut_tiles(long.shape[:2], self.contract, tile=tile))
        each(work, pieces, threads=self.threads, progress=progress)
        return out

    def residual(self, pictures: Mapping[str, Block], *, tile: tuple[int, int] = TILE) -> Block:
        """Compute the residual of a whole picture, tile by tile.

        Parameters
        ----------
        pictures : mapping of str to float32 array, shape (rows, cols, 1 or 3), 0..1
            By the names of the contract's inputs.

        Returns
        -------
        float32 array of the same shape
            To be added to y0 and clipped once.
        """
        seen = {name: pictures[name] for name in self.contract.inputs}
        out = np.empty_like(next(iter(seen.values())), np.float32)

        def work(piece: Tile) -> None:
            planes = {name: _planes(piece.take(picture)) for name, picture in seen.items()}
            residual = self._run(planes)[(slice(None), *piece.inner)]
            out[piece.core] = residual.transpose(1, 2, 0)

        pieces = list(cut_tiles(out.shape[:2], self.contract, tile=tile))
        each(work, pieces, threads=self.threads)
        return out

    def _look(
        self, long: Pixels, short: Pixels, stage_one: StageOne, y0: Planes
    ) -> dict[str, Planes]:
        """Give the planes that the network reads; what it does not read is not computed."""
        inputs, top = self.contract.inputs, np.iinfo(long.dtype).max
        seen = {"intermediate": y0}
        if "long" in inputs or "short" in inputs:
            seen |= {"long": _planes(long, top), "short": _planes(short, top)}
        if "darkened" in inputs or "brightened" in inputs:
            seen["darkened"], seen["brightened"] = stage_one.mapped(long, short)
        return {name: seen[name] for name in inputs}

    def _run(self, pictures: Mapping[str, Planes]) -> Planes:
        """Run the network on planes (1 or 3, rows, cols) whose sides fit the alignment.

        Within the halo of its borders the residual is not what the whole picture would give.
        """
        feeds = {
            name: np.broadcast_to(planes, (3, *planes.shape[1:]))[None]
            for name, planes in pictures.items()
        }
        residual: Planes = self.session.run([OUTPUT], feeds)[0][0]
        if all(len(planes) == 1 for planes in pictures.values()):
            residual = np.mean(residual, axis=0, keepdims=True, dtype=np.float32)
        return residual


def _planes(block: NDArray[Any], top: int = 1) -> Block:
    """Turn a block (rows, cols, channels) into planes (channels, rows, cols), divided by `top`."""
    planes: Block = np.empty((block.shape[2], *block.shape[:2]), np.float32)
    np.multiply(block.transpose(2, 0, 1), np.float32(1 / top), out=planes)
    return planes


def model_path() -> Path:
    """Find the bundled model: in the installed package, else in the checkout's ``models/``.

    Raises
    ------
    ModelError
        If it is in neither place.
    """
    package = Path(__file__).resolve().parent
    places = [package / "models" / "lrl.onnx", package.parent / "models" / "lrl.onnx"]
    for place in places:
        if place.is_file():
            return place
    message = (
        f"the bundled model is missing: neither {places[0]} nor {places[1]}; reinstall expinterp"
    )
    raise ModelError(message)


def open_refiner(
    model: Path | None = None, *, device: Device = "auto", threads: int | None = None
) -> Refiner:
    """Open a model and check that it is what it must be, on the device that was asked for.

    Parameters
    ----------
    model : Path, optional
        An ONNX file that honours the contract; the bundled one if not given.
    device : {'auto', 'cpu', 'cuda'}
        ``auto`` takes the GPU where onnxruntime can use one.
    threads : int, optional
        CPU threads, all that the process may use if not given.

    Raises
    ------
    ModelError
        If the file is missing, corrupt, or breaks the contract.
    DeviceError
        If ``cuda`` was asked for and the session does not run on it.
    """
    path = model or model_path()
    content = _read(path)
    asked = _provider_for(device)
    session = _start_session(content, asked, path)
    contract = read_contract(session, content, path)
    provider = str(session.get_providers()[0])
    if device == "cuda" and provider != PROVIDERS["cuda"]:
        message = (
            f"cuda was asked for, but the network runs on {provider}; "
            "see 'expinterp doctor' for the cure, or use --device cpu"
        )
        raise DeviceError(message)
    fell_back = provider != asked
    return Refiner(
        session,
        contract,
        provider=provider,
        notice=f"{asked} cannot start here; the network runs on {provider}" if fell_back else None,
        threads=threads or _usable_cores(),
        digest=hashlib.sha256(content).hexdigest(),
    )


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_MODEL)
    except OSError as error:
        message = f"cannot read the model {path}: {reason(error)}; check its name"
        raise ModelError(message) from error


def _provider_for(device: Device) -> str:
    """Choose the provider to ask for; only those in this build, since others raise a warning."""
    import onnxruntime

    if device != "cpu" and PROVIDERS["cuda"] in onnxruntime.get_available_providers():
        if hasattr(onnxruntime, "preload_dlls"):
            onnxruntime.preload_dlls()
        return PROVIDERS["cuda"]
    return PROVIDERS["cpu"]


def _start_session(content: bytes, provider: str, path: Path) -> Any:
    """Load a model; every run uses one thread, as tiles are what runs in parallel."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors: the fallback to the CPU is ours to report
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    wanted = list(dict.fromkeys([provider, PROVIDERS["cpu"]]))
    try:
        return onnxruntime.InferenceSession(content, options, providers=wanted)
    except Exception as error:  # onnxruntime has no public base class for its errors
        json = content.lstrip().startswith(b"{")
        remedy = "a camera's profile is given with --response" if json else REPAIR
        message = f"the model {path} is corrupt or no ONNX file; {remedy}"
        raise ModelError(message) from error


def read_contract(session: Any, content: bytes, path: Path) -> Contract:
    """Check a model against `CONTRACT`, its ports and its own checksum.

    Raises
    ------
    ModelError
        Naming the first thing that is not as it must be.
    """
    facts: dict[str, str] = dict(session.get_modelmeta().custom_metadata_map)
    found = {key: facts.get(key) for key in CONTRACT}
    for key, expected in CONTRACT.items():
        if found[key] != expected:
            message = f"the model {path} says {key} = {found[key]}, not {expected!r}; {REPAIR}"
            raise ModelError(message)
    inputs = tuple(facts.get("inputs", "").split(","))
    ports = [(port.name, port.type, port.shape[:2]) for port in session.get_inputs()]
    if not set(inputs) <= set(INPUTS):
        message = (
            f"the model {path} says inputs = {facts.get('inputs')}, not some of {INPUTS}; {REPAIR}"
        )
        raise ModelError(message)
    if ports != [(name, "tensor(float)", [1, 3]) for name in inputs]:
        message = f"the model {path} has inputs {ports}, not float32 (1, 3, rows, cols); {REPAIR}"
        raise ModelError(message)
    if "checksum" in facts and facts["checksum"] != checksum(content, facts["checksum"]):
        message = f"the model {path} does not match its own checksum; {REPAIR}"
        raise ModelError(message)
    try:
        profile = Profile.from_json(facts[PROFILE]) if PROFILE in facts else None
    except (KeyError, TypeError, ValueError) as error:
        message = f"the model {path} carries no sound camera profile; {REPAIR}"
        raise ModelError(message) from error
    try:
        alignment, halo = int(facts["alignment"]), int(facts["halo"])
    except (KeyError, ValueError) as error:
        message = f"the model {path} does not state its alignment and halo; {REPAIR}"
        raise ModelError(message) from error
    if alignment < 1 or halo < 0 or halo % alignment:
        stated = f"alignment = {alignment} and halo = {halo}"
        message = f"the model {path} says {stated}, not a multiple of it; {REPAIR}"
        raise ModelError(message)
    return Contract(inputs, alignment, halo, facts, profile)


def checksum(content: bytes, stated: str) -> str:
    """Compute the SHA-256 of a model file with its own `stated` checksum blanked out."""
    return hashlib.sha256(content.replace(stated.encode(), b"0" * len(stated))).hexdigest()


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

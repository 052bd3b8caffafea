"""Find a model file, and open it on the requested device with ONNX Runtime."""

from __future__ import annotations

import hashlib
import stat
import warnings
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any, Literal, get_args

from expinterp.core.parallel import usable_cores
from expinterp.core.response.calibration import Profile
from expinterp.errors import DeviceError, ImageFileError, ModelError, reason
from expinterp.files import read_small
from expinterp.refine.contract import REPAIR, read_contract
from expinterp.refine.refiner import CPU, Refiner
from expinterp.refine.session import TimedSession

Device = Literal["auto", "cpu", "cuda"]

MAX_MODEL = 1 << 28  # bytes; ours has some thousands
SMALL = 1 << 15  # bytes of a model file; ours, of 5 kB, takes longer on a GPU (docs/speed.md)
PROVIDERS = {"cpu": CPU, "cuda": "CUDAExecutionProvider"}
CUDA_OPTIONS = {  # benchmarks/cuda.py compares the results with those of the CPU
    "use_tf32": "0",  # TF32 rounds to 10 bits: 16-bit results would differ by several code values
    "cudnn_conv_algo_search": "HEURISTIC",  # else each tile size begins with trying all algorithms
}


def model_path() -> Path:
    """Return the path of the bundled model: in the installed package, else in ``models/``.

    Raises
    ------
    ModelError
        If it is in neither place.
    """
    package = Path(__file__).resolve().parent.parent
    places = [package / "models" / "lrl.onnx", package.parent / "models" / "lrl.onnx"]
    for place in places:
        if place.is_file():
            return place
    message = (
        f"the bundled model is missing: neither {places[0]} nor {places[1]}; reinstall expinterp"
    )
    raise ModelError(message)


def open_refiner(
    model: str | Path | None = None, *, device: Device = "auto", threads: int | None = None
) -> Refiner:
    """Open a model on a device, and check its contract.

    Parameters
    ----------
    model : str or Path, optional
        An ONNX file as described in `expinterp.refine.contract`; by default the bundled one.
    device : {'auto', 'cpu', 'cuda'}
        ``auto`` uses the GPU if onnxruntime can and the file is larger than `SMALL`.
    threads : int, optional
        Number of CPU threads; by default the number of cores that the process may use.

    Raises
    ------
    ValueError
        If `device` is none of these.
    ModelError
        If the file is missing, corrupt, or violates the contract.
    DeviceError
        If `device` is ``cuda`` and the network does not run on it.
    """
    if device not in get_args(Device):
        msg = f"device must be one of {get_args(Device)}, got {device!r}"
        raise ValueError(msg)
    path = Path(model) if model else model_path()
    content = _read(path)
    requested = _provider_for(device, len(content))
    session = _start_session(content, requested, path)
    contract = read_contract(session, content, path)
    provider = str(session.get_providers()[0])
    if device == "cuda" and provider != PROVIDERS["cuda"]:
        message = (
            f"cuda was requested, but the network runs on {provider}; "
            "run 'expinterp doctor' to find out why, or use --device cpu"
        )
        raise DeviceError(message)
    fallback = f"{requested} cannot start here; the network runs on {provider}"
    return Refiner(
        TimedSession(session),
        contract,
        provider=provider,
        notice=None if provider == requested else fallback,
        threads=threads or usable_cores(),
        digest=hashlib.sha256(content).hexdigest(),
    )


@cache
def bundled_refiner() -> Refiner:
    """Open the bundled model once for the whole process; warn if a GPU cannot be used.

    Raises
    ------
    ModelError
        If it is missing or corrupt.
    """
    refiner = open_refiner()
    if refiner.notice:
        warnings.warn(refiner.notice, RuntimeWarning, stacklevel=3)
    return refiner


def choose_profile(given: Profile | None, refiner: Refiner | None) -> Profile | None:
    """Return the profile that is given, else the one in a tuned network, else None."""
    if given is None and refiner:
        return refiner.contract.profile
    return given


def _read(path: Path) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would block this thread
            message = f"the model {path} is not an ordinary file; name an ONNX file"
            raise ModelError(message)
        return read_small(path, MAX_MODEL)
    except (OSError, ValueError) as error:
        message = f"cannot read the model {path}: {reason(error)}; check its name"
        raise ModelError(message) from error
    except ImageFileError as error:
        message = f"cannot read the model {error}"
        raise ModelError(message) from error


def _provider_for(device: Device, size: int) -> str:
    """Choose the provider to request; only one of this build, as others cause a warning."""
    import onnxruntime

    wanted = device == "cuda" or (device == "auto" and size > SMALL)
    if wanted and PROVIDERS["cuda"] in onnxruntime.get_available_providers():
        if hasattr(onnxruntime, "preload_dlls"):
            with redirect_stdout(StringIO()):  # it prints the libraries that it does not find
                onnxruntime.preload_dlls()
        return PROVIDERS["cuda"]
    return PROVIDERS["cpu"]


def _start_session(content: bytes, provider: str, path: Path) -> Any:
    """Load a model; every run uses one thread, as the tiles run in parallel."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # we report errors and the fallback to the CPU ourselves
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    providers: list[Any] = [PROVIDERS["cpu"]]
    if provider != PROVIDERS["cpu"]:
        providers.insert(0, (provider, CUDA_OPTIONS))
    try:
        return onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # onnxruntime has no public base class for its errors
        json = content.lstrip().startswith(b"{")
        remedy = "give a camera's profile with --response" if json else REPAIR
        message = f"the model {path} is corrupt or no ONNX file; {remedy}"
        raise ModelError(message) from error

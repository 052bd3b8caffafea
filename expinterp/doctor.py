"""Check an installation: packages, devices, model and formats; a problem comes with its cure."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from expinterp.errors import (
    DeviceError,
    ExitCode,
    ExpInterpError,
    MissingExtraError,
    how_to_install,
)

if TYPE_CHECKING:
    from expinterp.refine import Device

PACKAGES = (
    "numpy", "onnxruntime", "pillow", "imageio", "imagecodecs", "platformdirs", "tifffile", "click",
    "rich",
)  # fmt: skip
EXTRAS = {  # formats that need a further package: the extra and the package
    "raw": ("raw", "rawpy"),
    "HEIC": ("heif", "pillow-heif"),
    "OpenEXR": ("exr", "OpenEXR"),
}
RIVALS = {  # distributions that install the same module: only one may be present
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml"),
    "cv2": (
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ),
}
CURES = {  # what to install after the rivals are uninstalled
    "onnxruntime": "pip install onnxruntime, or on an NVIDIA GPU "
    'pip install "onnxruntime-gpu[cuda,cudnn]"',
    "cv2": "pip install opencv-python",
}
GPU_CURE = (
    "pip uninstall -y onnxruntime onnxruntime-gpu && "
    'pip install "onnxruntime-gpu[cuda,cudnn]", with an NVIDIA driver on the system'
)
OPENCV_LIBRARIES = ("libGL", "libgthread", "libglib")  # missing on minimal systems
TILE = (512, 512)  # rows, cols of the timed tile


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes
    ----------
    name : str
        What was checked.
    detail : str
        What was found, or what is wrong.
    code : ExitCode
        ``OK``, or the exit code of a command that fails for this reason.
    cure : str or None
        How to solve the problem.
    formats : tuple of dict, or None
        Of the check of formats: for each its name, whether it is ``read`` and ``written``, the ``bits``
        per channel that are written, whether ``merge`` writes ``linear_light`` to it, and the ``extra``
        that it needs.
    """

    name: str
    detail: str
    code: ExitCode = ExitCode.OK
    cure: str | None = None
    formats: tuple[dict[str, Any], ...] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the finding as JSON types."""
        facts = {**asdict(self), "ok": self.code is ExitCode.OK, "code": int(self.code)}
        if self.formats is None:
            del facts["formats"]
        return facts


def examine(*, device: Device = "auto") -> list[Finding]:
    """Check everything that the commands need.

    Parameters
    ----------
    device : {'auto', 'cpu', 'cuda'}
        Where the timed tile runs.

    Returns
    -------
    list of Finding
        In the order in which to solve them.
    """
    findings = [Finding("python", f"{platform.python_version()} on {platform.platform()}")]
    findings += [find_package(name) for name in PACKAGES]
    findings += [find_rivals(module) for module in RIVALS]
    checks = {"opencv": find_opencv, "formats": find_formats, "providers": find_providers}
    findings += [_attempt(name, check) for name, check in checks.items()]
    findings += [_attempt("model", lambda: find_model(device))]
    return [*findings, _attempt("cameras", find_cameras)]


def first_problem(findings: Iterable[Finding]) -> ExitCode:
    """Return the exit code of the first problem, ``OK`` if there is none."""
    return next((found.code for found in findings if found.code), ExitCode.OK)


def installed_version(distribution: str) -> str | None:
    """Return the version of a distribution; None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def find_package(name: str) -> Finding:
    """Report the version of a required package, whichever distribution installed it."""
    for distribution in RIVALS.get(name, (name,)):
        if version := installed_version(distribution):
            return Finding(distribution, version)
    return Finding(name, "not installed", ExitCode.MISSING_EXTRA, f"pip install {name}")


def find_clash(module: str) -> str | None:
    """Return which distributions overwrite each other's files; None if none do."""
    rivals = find_rivals(module)
    return rivals.detail if rivals.code else None


def find_rivals(module: str) -> Finding:
    """Report the distribution that installed a module; several overwrite each other's files."""
    present, name = [name for name in RIVALS[module] if installed_version(name)], f"{module} wheels"
    if len(present) < 2:
        return Finding(name, present[0] if present else "none")
    clash = f"{' and '.join(present)} overwrite each other"
    code = ExitCode.DEVICE if module == "onnxruntime" else ExitCode.MISSING_EXTRA
    return Finding(name, clash, code, f"pip uninstall -y {' '.join(present)}, then {CURES[module]}")


def find_opencv() -> Finding:
    """Report the version of OpenCV; importing it fails where a system library is missing."""
    import cv2

    return Finding("opencv", str(cv2.__version__))


def find_formats() -> Finding:
    """Report the file formats that this installation reads and writes, and what others need."""
    formats = list_formats()
    lists: dict[str, list[str]] = {}
    for form in formats:
        lists.setdefault(_use(form), []).append(form["format"])
    words = "; ".join(f"{use}: {', '.join(names)}" for use, names in lists.items())
    missing = [form for form in formats if not form["read"]]
    extras = ",".join(each["extra"] for each in missing if each["extra"])
    packages = [EXTRAS[each["format"]][1] for each in missing if each["extra"]]
    cure = f"{how_to_install(extras, *packages)}, if you need these formats" if extras else None
    return Finding("formats", words, cure=cure, formats=tuple(formats))


def list_formats() -> list[dict[str, Any]]:
    """List the formats: how each is read and written here, and the extra that it needs."""
    from PIL import features

    from expinterp.images.formats import ALL_FORMATS

    here = {"WebP": bool(features.check("webp")), "AVIF": bool(features.check("avif"))}
    here |= {name: installed_version(package) is not None for name, (_, package) in EXTRAS.items()}
    return [
        {
            "format": form.name,
            "read": here.get(form.name, True),
            "written": bool(form.depths) and here.get(form.name, True),
            "bits": list(form.depths),
            "linear_light": form.radiance,
            "extra": EXTRAS.get(form.name, (None,))[0],
        }
        for form in ALL_FORMATS.values()
    ]


def _use(form: dict[str, Any]) -> str:
    """Return what can be done with the files of a format here."""
    if not form["read"]:
        return "not installed"
    if form["written"]:
        return "read and written"
    return "read, and written by 'expinterp merge'" if form["linear_light"] else "read"


def find_providers() -> Finding:
    """Report the devices that the installed ONNX Runtime supports."""
    import onnxruntime

    return Finding("providers", ", ".join(onnxruntime.get_available_providers()))


def find_model(device: Device) -> Finding:
    """Open the bundled model and time one tile of noise on the device."""
    import numpy as np

    from expinterp.refine import model_path, open_refiner

    refiner = open_refiner(device=device)
    noise = np.random.default_rng(1).random((*TILE, 3), np.float32)
    pictures = dict.fromkeys(refiner.contract.inputs, noise)
    refiner.residual(pictures)
    started = time.perf_counter()
    refiner.residual(pictures)
    seconds = time.perf_counter() - started
    return Finding(
        "model",
        f"{model_path()}, SHA-256 {refiner.digest}, {refiner.provider}, "
        f"{TILE[0]}x{TILE[1]} pixels in {1000 * seconds:.0f} ms",
    )


def find_cameras() -> Finding:
    """Report how many cameras are known, and files of the user that cannot be used."""
    from expinterp.library import open_library

    library = open_library()
    known = library.cameras.values()
    own = sum(len(camera.own) for camera in known)
    curves = sum(camera.curves for camera in known)
    words = f"{len(known)} cameras, {curves} curves; {own} of your own, in {library.folder}"
    if not library.damaged:
        return Finding("cameras", words)
    damaged = "; ".join(library.damaged)
    cure = "remove the damaged files, or measure these cameras again"
    return Finding("cameras", f"{words}; {damaged}", cure=cure)


def missing_library(error: ImportError) -> MissingExtraError | None:
    """Return an error with the remedy for a failed import; None if expinterp itself caused it."""
    if any(library in str(error) for library in OPENCV_LIBRARIES):
        return MissingExtraError(
            f"OpenCV needs a system library that is missing ({error}): run "
            "'apt install libgl1 libglib2.0-0', "
            "or 'pip uninstall -y opencv-python' and 'pip install opencv-python-headless'"
        )
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("expinterp"):
        return MissingExtraError(
            f"the Python package {error.name} is not installed: run "
            "'pip install --force-reinstall expinterp'"
        )
    return None


def _attempt(name: str, check: Callable[[], Finding]) -> Finding:
    """Run a check; an exception becomes its finding."""
    try:
        return check()
    except DeviceError as error:  # its message ends with a reference to doctor
        return Finding(name, str(error).partition(";")[0], error.exit_code, GPU_CURE)
    except ExpInterpError as error:
        return Finding(name, str(error), error.exit_code)
    except ImportError as error:
        return Finding(name, str(missing_library(error) or error), ExitCode.MISSING_EXTRA)

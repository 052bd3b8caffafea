"""Build ``expinterp/data/response_prior.npz`` from collections of response curves.

    python -m expinterp.training.prior FOLDER [-o FILE] [--without CAMERA]

FOLDER holds files ``measured_log_exposure*.npz`` (`log_exposure` (scenes, 256, 3), natural
logarithm, fitted to stacks by Debevec and Malik's method; `camera`, `scene`) and
``dorf_film_144.npz`` (`irradiance`, `brightness`: film curves of the DoRF collection, Grossberg and
Nayar 2004). The result holds a basis and the coordinates of every curve in it, not the curves. All
curves are ln exposure by code value, g(z).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expinterp.core.arrays import Floats
from expinterp.core.mapping import CODE_VALUES, CODES
from expinterp.core.response.calibration import ANCHOR, LEAST_SLOPE, increasing, to_common_contrast

DIMENSIONS = 24  # of the basis; 16 lose 0.1 dB on the cameras it is built from
FILM = 0.3  # share of the film curves in the mixture
FLAT = 0.3  # largest share of code values at which a measured curve does not rise; more is noise
SPREAD = 0.2  # standard deviation of a Gaussian around its centre, relative to that of all cameras
RELIABLE = (4, 251)  # code values outside are noise in measured curves, and extrapolated
CAMERAS = {  # what the files of curves call a camera: what EXIF calls it, the model with its maker
    "Canon EOS 550D?": "Canon EOS 550D",
    "D6503": "Sony D6503",
    "DMC-G7": "Panasonic DMC-G7",
    "DMC-GF7": "Panasonic DMC-GF7",
    "DMC-LX100": "Panasonic DMC-LX100",
    "EX2F": "SAMSUNG EX2F",
    "ILCE-6000": "SONY ILCE-6000",
    "NEX-5": "SONY NEX-5",
    "Nikon D2x (HDRPS)": "NIKON D2X",
    "PowerShot S95": "Canon PowerShot S95",
    "SM-A528B": "samsung SM-A528B",
    "X-H1": "FUJIFILM X-H1",
    "iPhone 6": "Apple iPhone 6",
    "iPhone XR": "Apple iPhone XR",
}
UNNAMED = {  # curves without a camera: EXIF names none
    "Olympus (P-numbered files, EXIF stripped)",
    "film scan",
    "mef_ma",
    "unknown (EXIF stripped, 1/3-stop shutter)",
}
FITTED_AGAIN = {  # scenes of the first file that the second one has under another name
    "ningning-artifact",  # eos550d-artifact
    "syclin-scene1",  # iphone6-scene1
    "syclin-scene2",  # ex2f-scene2
}
SMOOTHING = np.exp(-0.5 * (np.arange(-6, 7) / 1.5) ** 2)  # Gaussian, sigma 1.5 code values


def build_prior(
    folder: Path, *, without: str | None = None, without_scene: str | None = None
) -> dict[str, NDArray[Any]]:
    """Compute the arrays of the data file.

    Parameters
    ----------
    folder : Path
        The curves, see above.
    without : str, optional
        A camera whose curves are left out, to test the method on an unknown camera; as EXIF or as
        the files of curves name it.
    without_scene : str, optional
        A scene whose curve is left out, to test what the others of its camera are worth.

    Returns
    -------
    dict of str to array
        `mean` (256,), `basis` (d, 256), `coordinates` (n, 3, d), `weights` (n,), `covariance`
        (3·d, 3·d) and `cameras` (n,) of str, as `ResponsePrior` describes them.
    """
    measured, cameras = read_measured(folder, without_scene=without_scene)
    kept = cameras != CAMERAS.get(str(without), without)
    measured, cameras = measured[kept], cameras[kept]
    film = read_film(folder / "dorf_film_144.npz")
    shares = np.array([np.sum(cameras == camera) ** -0.5 for camera in cameras])
    shares /= shares.sum()
    curves = to_common_contrast(np.concatenate([measured, film]))
    weights = np.r_[shares * (1 - FILM), np.full(len(film), FILM / len(film))]
    mean = np.einsum("n,ncz->z", weights, curves) / 3
    scaled = ((curves - mean) * np.sqrt(weights)[:, None, None]).reshape(-1, CODES)
    basis = np.linalg.svd(scaled, full_matrices=False)[2][:DIMENSIONS]
    coordinates = (curves - mean) @ basis.T
    covariance = SPREAD**2 * channel_covariance(coordinates[: len(measured)], shares)
    named = ["" if camera in UNNAMED else str(camera) for camera in cameras]
    return {
        "mean": mean,
        "basis": basis,
        "coordinates": coordinates,
        "weights": weights,
        "covariance": covariance,
        "cameras": np.array([*named, *[""] * len(film)]),
    }


def read_measured(
    folder: Path, *, without_scene: str | None = None
) -> tuple[Floats, NDArray[np.str_]]:
    """Read all measured curves of a folder (scenes, 3, 256), repaired, and the camera of each.

    A scene that two files hold counts once, and curves of mere noise are dropped. Cameras are
    called as in EXIF, where EXIF names them.
    """
    curves, cameras = [], []
    for path in sorted(folder.glob("measured_log_exposure*.npz")):
        held = np.load(path)
        columns = (held[name] for name in ("log_exposure", "camera", "scene"))
        for logs, camera, scene in zip(*columns, strict=True):
            curve = np.array([repair(channel) for channel in logs.T.astype(np.float64)])
            if scene not in {*FITTED_AGAIN, without_scene} and flat_share(curve) <= FLAT:
                curves.append(curve)
                cameras.append(CAMERAS.get(str(camera), str(camera)))
    return np.array(curves), np.array(cameras)


def flat_share(curve: Floats) -> float:
    """Compute the share of steps at which a repaired curve rises no more than it must."""
    return float((np.diff(curve) < 1.001 * LEAST_SLOPE).mean())


def repair(curve: Floats) -> Floats:
    """Smooth a measured curve and extrapolate its noisy ends, below by ln(z + 1), above by a line."""
    low, high = RELIABLE
    padded = np.pad(curve, len(SMOOTHING) // 2, mode="edge")
    smooth = np.convolve(padded, SMOOTHING / SMOOTHING.sum(), mode="valid")
    rate = (smooth[low + 4] - smooth[low]) / np.log((low + 5) / (low + 1))
    smooth[:low] = smooth[low] + rate * np.log((CODE_VALUES[:low] + 1) / (low + 1))
    slope = max((smooth[high] - smooth[high - 8]) / 8, 0.002)
    smooth[high:] = smooth[high] + slope * (CODE_VALUES[high:] - high)
    return increasing(smooth)


def read_film(path: Path) -> Floats:
    """Read film curves (curves, 3, 256), equal in all channels."""
    held = np.load(path)
    rising = np.maximum.accumulate(held["brightness"], axis=1) + 1e-9 * np.arange(1024)
    codes = CODE_VALUES / 255
    light = np.array([np.interp(codes, curve, held["irradiance"]) for curve in rising])
    curves = increasing(np.log(np.maximum(light, 1e-4)))
    return np.repeat((curves - curves[:, ANCHOR, None])[:, None], 3, axis=1)


def channel_covariance(coordinates: Floats, weights: Floats) -> Floats:
    """Compute the covariance of (R, G, B) coordinates, symmetric in the channels.

    The mean of the channels has one covariance. Their deviations from it, which sum to zero, have
    another.
    """
    shared = coordinates.mean(axis=1)
    centred = shared - weights @ shared
    common = np.einsum("n,nd,ne->de", weights, centred, centred)
    apart = coordinates - shared[:, None]
    single = np.einsum("n,ncd,nce->de", weights, apart, apart) / 3
    covariance = np.kron(np.ones((3, 3)), common - single / 2) + np.kron(np.eye(3), 1.5 * single)
    return covariance + 1e-9 * np.eye(len(covariance))


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description="Build the prior of camera responses.")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("expinterp/data/response_prior.npz")
    )
    parser.add_argument("--without", metavar="CAMERA")
    options = parser.parse_args()
    arrays = build_prior(options.folder, without=options.without)
    names = arrays.pop("cameras")
    held: dict[str, Any] = {name: array.astype(np.float32) for name, array in arrays.items()}
    held["cameras"] = names
    np.savez_compressed(options.output, **held)


if __name__ == "__main__":
    main()

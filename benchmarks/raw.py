"""Raw pairs: how close the photograph between two raw files is to the developed true one.

Scenes are windows of radiance maps, recorded by a simulated sensor with a Bayer mosaic, written as DNG
and read by LibRaw. The medium is exposed so that a share of its pixels clips, as metering for the
midtones leaves it. Compared are: the raw pair; the same pair developed to JPEG, whose response has to be
estimated, with the network; and, for time, a script that develops both raw files and writes a TIFF.

    python benchmarks/raw.py --radiance radiance_maps/
    python benchmarks/raw.py --radiance radiance_maps/ --time
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from timing import TOOL, print_runs, run_in_turn, script

from expinterp.cli import main
from expinterp.images import Metadata, read_photograph, write_photograph
from expinterp.training.simulator.dng import Sensor, write_dng
from expinterp.training.simulator.triples import read_radiance

SCENES = 10
SIZE = 600, 900  # rows, columns of a window
BLUR = 0.7  # pixels: standard deviation of lens and low-pass filter
CLIPPED = 0.03  # share of values of the medium exposure that are white
MIDDLE = 0.18  # most that the median of the medium exposure may be
BRIGHTEST = 1e3
SENSORS = {"none": Sensor(), "real": Sensor(full_well=30_000, read_noise=4)}
LARGE = 6000, 4000
SCRIPT = """
import rawpy, sys, tifffile
options = dict(use_camera_wb=True, output_bps=16, no_auto_bright=True)
pictures = [rawpy.imread(name).postprocess(**options) for name in sys.argv[2:]]
tifffile.imwrite(sys.argv[1], pictures[0])
"""


def window(path: Path) -> np.ndarray:
    """Cut a window of a radiance map, exposed so that 1 is white in the medium."""
    radiance = read_radiance(path)
    top, left = (
        max(0, (side - size) // 2) for side, size in zip(radiance.shape, SIZE, strict=False)
    )
    cut = np.ascontiguousarray(radiance[top : top + SIZE[0], left : left + SIZE[1]])
    cut = cv2.GaussianBlur(cut, (0, 0), BLUR)
    gain = min(1 / np.quantile(cut, 1 - CLIPPED), MIDDLE / max(np.median(cut), 1e-9))
    return np.clip(cut * gain, 0, BRIGHTEST).astype(np.float32)


def psnr(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the PSNR in dB of code values of 8 or 16 bits against those of 16 bits."""
    top = np.iinfo(found.dtype).max
    return float(-10 * np.log10(np.mean((found / top - truth / 65_535) ** 2)))


def measure(radiance: np.ndarray, ev: float, sensor: Sensor, folder: Path) -> tuple[float, float]:
    """Return the PSNR of the raw pair and of its JPEGs, dB, against the developed true medium."""
    names = {"long": 2 ** (ev / 2), "medium": 1.0, "short": 2 ** (-ev / 2)}
    for seed, (name, exposure) in enumerate(names.items()):
        kind = SENSORS["none"] if name == "medium" else sensor
        random = np.random.default_rng(seed)
        write_dng(folder / f"{name}.dng", radiance, exposure, sensor=kind, random=random)
    shots = {name: read_photograph(folder / f"{name}.dng") for name in names}
    medium = shots["medium"]
    assert medium.encoding is not None
    truth = medium.encoding.finish(medium.pixels)
    for name in ("long", "short"):
        shot = shots[name]
        write_photograph(shot.pixels, folder / f"{name}.jpg", encoding=shot.encoding,
                         metadata=Metadata(icc=shot.metadata.icc), overwrite=True)  # fmt: skip
    results = []
    for kind, out in (("dng", "raw.tif"), ("jpg", "jpeg.png")):
        pair = [str(folder / f"{name}.{kind}") for name in ("long", "short")]
        code = main(["interpolate", *pair, "-o", str(folder / out), "--overwrite", "-q"])
        assert code == 0, f"{pair} failed with exit code {code}"
        results.append(psnr(read_photograph(folder / out).pixels, truth))
    return results[0], results[1]


def compare(folder: Path) -> None:
    """Print the PSNR of all scenes, and their means."""
    maps = sorted(path for path in folder.iterdir() if path.suffix in {".exr", ".hdr"})
    maps = maps[:: max(1, len(maps) // SCENES)][:SCENES]
    for ev in (4.0, 6.0):
        for noise, sensor in SENSORS.items():
            rows = []
            for path in maps:
                with TemporaryDirectory() as scratch:
                    rows.append(measure(window(path), ev, sensor, Path(scratch)))
                print(f"{ev:.0f} EV, noise {noise}, {path.name}: raw {rows[-1][0]:.2f} dB, "
                      f"JPEG {rows[-1][1]:.2f} dB", flush=True)  # fmt: skip
            raw, jpeg = np.mean(rows, axis=0)
            print(f"{ev:.0f} EV, noise {noise}: mean of {len(rows)}: raw {raw:.2f} dB, "
                  f"JPEG {jpeg:.2f} dB, {raw - jpeg:+.2f} dB")  # fmt: skip


def compare_time(folder: Path, runs: int) -> None:
    """Print time and memory of the command and of the script, for a pair of 24 MP."""
    path = next(path for path in sorted(folder.iterdir()) if path.suffix == ".hdr")
    radiance = cv2.resize(window(path), LARGE, interpolation=cv2.INTER_LINEAR)
    with TemporaryDirectory() as scratch:
        names = [str(Path(scratch) / name) for name in ("long.dng", "short.dng")]
        for name, exposure in zip(names, (4.0, 0.25), strict=True):
            write_dng(Path(name), radiance, exposure, sensor=SENSORS["real"])
        out = str(Path(scratch) / "out.tif")
        commands = {
            "LibRaw: develop two, write one": script(SCRIPT, out, names),
            "interpolate": [*TOOL, "interpolate", *names, "-o", out, "--overwrite", "-q"],
        }
        print_runs("two raw files of 24 MP", run_in_turn(commands, runs))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measure raw pairs against the true medium.")
    parser.add_argument(
        "--radiance", type=Path, required=True, help="folder of .hdr and .exr files"
    )
    parser.add_argument("--time", action="store_true", help="compare the time of a pair of 24 MP")
    parser.add_argument("--runs", type=int, default=5, help="of each, with --time")
    arguments = parser.parse_args()
    if arguments.time:
        compare_time(arguments.radiance, arguments.runs)
    else:
        compare(arguments.radiance)

"""Large pictures to measure time and memory on: ``examples/window`` enlarged, with grain."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from expinterp.brackets import Bracket, Plan

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
STRIP = 512  # rows enlarged at a time; the grain repeats after as many pixels
GRAIN = 1.5  # code values of 8 bits: with it, the files compress like photographs
PAIR = ("long", "short")


def write_pair(
    folder: Path, megapixels: float, suffix: str, *, moved: int = 0, shots: tuple[str, ...] = PAIR
) -> list[str]:
    """Write shots of the example as 8-bit JPEG (.jpg) or uncompressed 16-bit TIFF (.tif).

    The camera of the short one is moved `moved` pixels to the right. This happens in a process of its
    own: programs started later would inherit the peak of this one as theirs.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        moves = [moved if shot == "short" else 0 for shot in shots]
        arguments = ([folder] * len(shots), shots, [megapixels] * len(shots), [suffix] * len(shots))
        return [*pool.map(_write, *arguments, moves)]


def _write(folder: Path, shot: str, megapixels: float, suffix: str, right: int) -> str:
    image = cv2.imread(str(EXAMPLES / f"window_{shot}.jpg")).astype(np.float32)
    factor = (megapixels * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    width, height = (round(side * factor) for side in image.shape[1::-1])
    bits, options = {
        ".jpg": (8, [cv2.IMWRITE_JPEG_QUALITY, 92]),
        ".tif": (16, [cv2.IMWRITE_TIFF_COMPRESSION, 1]),
    }[suffix]
    large = np.empty((height, width, 3), f"u{bits // 8}")
    top_code = 2**bits - 1
    grain = np.random.default_rng(0).normal(0, GRAIN, (STRIP, STRIP, 3)).astype(np.float32)
    grain = np.tile(np.roll(grain, -right, axis=1), (1, -(-width // STRIP), 1))[:, :width]
    xs = (np.arange(width, dtype=np.float32) + right + 0.5) / factor - 0.5
    for top in range(0, height, STRIP):
        rows = min(STRIP, height - top)
        ys = (np.arange(top, top + rows, dtype=np.float32) + 0.5) / factor - 0.5
        places = np.meshgrid(xs, ys)
        strip = cv2.remap(image, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        strip += grain[:rows]
        large[top : top + rows] = np.clip(np.rint(strip * (top_code / 255)), 0, top_code)
    name = str(folder / f"{shot}{suffix}")
    cv2.imwrite(name, large, options)
    return name


def write_brackets(folder: Path, count: int, megapixels: float, suffix: str = ".jpg") -> Path:
    """Write so many brackets, all of the same pair, into folder/card; return a plan of them."""
    card = folder / "card"
    card.mkdir(parents=True)
    plan = folder / "plan.jsonl"
    lines = link_brackets(card, write_pair(folder, megapixels, suffix), count).lines()
    plan.write_text("".join(line + "\n" for line in lines), "utf-8")
    return plan


def link_brackets(card: Path, pair: list[str], count: int) -> Plan:
    """Link a pair into a folder so many times."""
    made = []
    for number in range(count):
        frames = [f"b{number:04}_{step}{Path(shot).suffix}" for step, shot in enumerate(pair)]
        for frame, shot in zip(frames, pair, strict=True):
            os.link(shot, card / frame)
        made.append(Bracket(f"b{number:04}", tuple(frames)))
    return Plan(str(card), tuple(made))

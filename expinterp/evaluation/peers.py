"""Results of other programs from the same photographs, with their own defaults.

They take 8 bits and three channels; 16-bit and grey photographs are converted, and the results are
converted back.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import cast

import cv2
import numpy as np

from expinterp.core.arrays import Floats, Planes
from expinterp.core.mapping import CODE_VALUES
from expinterp.errors import ExpInterpError
from expinterp.evaluation.scenes.cases import Case
from expinterp.evaluation.study import Candidate
from expinterp.images import Pixels, read_photograph, to_depth, write_photograph
from expinterp.metrics import out_of_range

STRIP = 256  # rows processed at a time
RAMP = 1e-9 * CODE_VALUES[:, None]  # makes constant parts of a curve increase


def reexpose(case: Case) -> Iterator[Candidate]:
    """Calibrate and merge the pair by Debevec and Malik's method in OpenCV, and re-expose it.

    The radiance map of the pair is exposed for the geometric mean of the times, through the
    response that OpenCV estimated. The ratio of the times is the stated one.

    Raises
    ------
    ExpInterpError
        If OpenCV refuses the pair.
    """
    shots = [to_rgb8(case.short), to_rgb8(case.long)]
    times = np.array([1.0, case.triple.ratio], np.float32)
    try:
        response = cv2.createCalibrateDebevec().process(shots, times)
    except cv2.error as error:  # too few pixels for its grid
        message = f"OpenCV cannot calibrate on this pair ({error.err})"
        raise ExpInterpError(message) from error
    merge = cv2.createMergeDebevec()
    curves = np.maximum.accumulate(response[:, 0].astype(np.float64) + RAMP, axis=0)
    medium = np.empty_like(shots[0])
    for top in range(0, len(medium), STRIP):
        rows = slice(top, top + STRIP)
        radiance = merge.process([shot[rows] for shot in shots], times, response)
        exposure = radiance * np.sqrt(case.triple.ratio)
        for c in range(3):
            codes = np.interp(exposure[..., c], curves[:, c], CODE_VALUES)
            medium[rows, :, c] = np.rint(codes)
    yield Candidate(from_rgb8(medium, case.long))


def merge_mertens(shots: Sequence[Pixels]) -> Candidate:
    """Fuse by OpenCV, weights: contrast 1, saturation 1, exposure 0; clipped and rounded."""
    merge = cv2.createMergeMertens(1, 1, 0)
    fused = cast(Planes, merge.process([to_rgb8(shot) for shot in shots]))
    return Candidate(from_rgb8(fused * 255, shots[0]), out_of_range(fused))


def has_enfuse() -> bool:
    """Whether enfuse is on the path."""
    return shutil.which("enfuse") is not None


def enfuse(shots: Sequence[Pixels]) -> Candidate:
    """Fuse by enfuse, weights: exposure 1, saturation 0.2, contrast 0.

    Raises
    ------
    ExpInterpError
        If it is missing, or fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{folder}/{index}.png" for index in range(len(shots))]
        for name, shot in zip(names, shots, strict=True):
            write_photograph(to_rgb8(shot), name)
        out = f"{folder}/fused.png"
        _run(["enfuse", "-o", out, *names])
        return Candidate(from_rgb8(read_photograph(out).pixels, shots[0]))


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, errors="replace")
    except (OSError, subprocess.CalledProcessError) as error:
        lines = str(getattr(error, "stderr", "") or error).strip().splitlines()
        message = f"{command[0]} failed ({lines[-1] if lines else 'without a message'})"
        raise ExpInterpError(message) from error


def to_rgb8(shot: Pixels) -> Pixels:
    """Convert a photograph to uint8, three channels."""
    codes = to_depth(shot, 8)
    return codes if codes.shape[2] == 3 else np.repeat(codes, 3, axis=2)


def from_rgb8(codes: Floats | Planes | Pixels, shot: Pixels) -> Pixels:
    """Convert code values 0..255 in three channels to the channels and dtype of a photograph."""
    rounded = np.clip(np.rint(codes), 0, 255).astype(np.uint8)[..., : shot.shape[2]]
    return to_depth(rounded, 8 * shot.itemsize)

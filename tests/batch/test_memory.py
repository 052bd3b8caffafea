"""The estimated memory of a bracket, compared with what it takes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from batch_samples import peak, shoot

from expinterp.batch import BatchSettings, Local
from expinterp.batch.memory import estimate_memory
from expinterp.batch.tasks import make_tasks
from expinterp.scene_io import FusionOptions, InterpolationOptions

SHAPE = (1400, 2100)  # large enough for pixels to count beside the process
REFINED = InterpolationOptions()
FUSED = FusionOptions(virtual=1)
CASES = {
    "refined": (".jpg", 8, 2, {"interpolation": REFINED}, 1),
    "refined TIFF": (".tif", 8, 2, {"interpolation": REFINED}, 1),
    "refined, 16 bits": (".tif", 16, 2, {"interpolation": REFINED}, 1),
    "four threads": (".jpg", 8, 2, {"interpolation": REFINED}, 4),
    "residual": (".png", 16, 2, {"interpolation": REFINED, "kinds": ("medium", "residual")}, 1),
    "to AVIF": (".jpg", 8, 2, {"interpolation": REFINED, "format": "avif"}, 1),
    "fused PNG": (".png", 8, 3, {"fusion": FUSED}, 1),
    "fused, 16 bits": (".tif", 16, 3, {"fusion": FUSED}, 1),
    "all": (".jpg", 8, 2, {"interpolation": REFINED, "fusion": FUSED}, 2),
}


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
@pytest.mark.parametrize("case", CASES)
def test_no_bracket_takes_more_than_is_expected_nor_half_as_much(tmp_path: Path, case: str) -> None:
    suffix, bits, frames, making, threads = CASES[case]
    made: dict[str, Any] = dict(making)
    bracket = shoot(tmp_path, "b", frames=frames, shape=SHAPE, suffix=suffix, bits=bits)
    settings = BatchSettings(tmp_path, tmp_path / "out", threads=threads, **made)
    (task,) = make_tasks([bracket], settings)
    (taken,) = Local(jobs=1, threads=threads, room=2**40).gather([task], settings, peak)
    assert estimate_memory(task, settings) / 2.2 < taken <= estimate_memory(task, settings)

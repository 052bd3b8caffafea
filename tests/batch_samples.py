"""Brackets of small pictures on the disk, and plans that name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from synthetic import expose, scene

from expinterp.batch.work import perform
from expinterp.brackets import Bracket, Plan
from expinterp.images import Metadata, with_exposure_time, write_photograph

SHAPE = (48, 64)
RATIO = 8.0
LONGEST = 1 / 15


def shoot(folder, name, *, frames=2, seed=0, suffix=".png", shape=SHAPE, camera=None, bits=8):
    """Write a bracket below `folder`: NAME_0, the longest, NAME_1 ..."""
    radiance = scene(shape, seed=seed)
    paths, times = [], []
    for step in range(frames):
        times.append(LONGEST / RATIO**step)
        path = f"{name}_{step}{suffix}"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pixels = expose(radiance, 2.0 / RATIO**step, bits=bits)
        write_photograph(
            np.ascontiguousarray(pixels),
            folder / path,
            metadata=with_exposure_time(Metadata(), times[-1]),
            overwrite=True,
        )
        paths.append(path)
    return Bracket(name, tuple(paths), "made so", tuple(times), None, camera)


def card(folder, count, **how):
    """Write a folder of so many brackets and give its plan."""
    names = [f"day {k % 2}/b{k:03}" for k in range(count)]
    brackets = [shoot(folder, name, seed=seed, **how) for seed, name in enumerate(names)]
    return Plan(str(folder), tuple(brackets))


def save_plan(plan, path):
    path.write_text("\n".join(plan.lines()) + "\n", "utf-8")
    return path


def contents(folder):
    """Map the files below a folder to their bytes, the journal left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "expinterp-journal.jsonl"
    }


def peak(task, settings):
    """Do a task and give the bytes that its process took at most; Linux only."""
    result = perform(task, settings)
    assert result.status == "done", result.error
    status = Path("/proc/self/status").read_text("utf-8").split()
    return int(status[status.index("VmHWM:") + 1]) * 1024

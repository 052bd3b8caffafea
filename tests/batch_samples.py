"""Brackets of small pictures on the disk, and plans that name them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from synthetic import expose, scene

from expinterp.batch import BatchSettings, Summary, Task, TaskResult, journal, run_batch
from expinterp.batch.execute import perform
from expinterp.brackets import Bracket, Plan
from expinterp.images import Metadata, with_exposure_time, write_photograph
from expinterp.scene_io import FusionOptions, InterpolationOptions

FUSE = FusionOptions(refine=False)
PLAIN = InterpolationOptions(refine=False)
KILLER = """
import os, signal
from expinterp import scene_io
begin = scene_io.begin_reading
def begin_or_die(job):
    poison = os.environ.get("POISON", "")
    once = os.environ.get("POISON_ONCE")
    if poison in job.images and not (once and os.path.exists(once)):
        if once:
            open(once, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return begin(job)
scene_io.begin_reading = begin_or_die
"""
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
    """Write a folder of brackets and return its plan."""
    names = [f"day {k % 2}/b{k:03}" for k in range(count)]
    brackets = [shoot(folder, name, seed=seed, **how) for seed, name in enumerate(names)]
    return Plan(str(folder), tuple(brackets))


def save_plan(plan, path):
    path.write_text("\n".join(plan.lines()) + "\n", "utf-8")
    return path


def contents(folder):
    """Map the files below a folder to their bytes, without the journal."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "expinterp-journal.jsonl"
    }


def peak(task, settings):
    """Run a task and return the bytes that its process took at most; Linux only."""
    result = perform(task, settings)
    assert result.status == "done", result.error
    status = Path("/proc/self/status").read_text("utf-8").split()
    return int(status[status.index("VmHWM:") + 1]) * 1024


def here(tasks: Sequence[Task], settings: BatchSettings) -> Generator[TaskResult, None, None]:
    """Run tasks in this process."""
    for task in tasks:
        yield perform(task, settings)


class Bench:
    """A folder of brackets and one for the results."""

    def __init__(self, path: Path, count: int = 3, **how: Any) -> None:
        self.folder, self.out = path / "card", path / "out"
        self.plan = card(self.folder, count, **how)

    def settings(self, options: InterpolationOptions = PLAIN, **more: Any) -> BatchSettings:
        return BatchSettings(self.folder, self.out, options, **more)

    def run(
        self,
        options: InterpolationOptions = PLAIN,
        *,
        runner: Any = here,
        on_existing: Any = "fail",
        **more: Any,
    ) -> Summary:
        ended = more.pop("ended", lambda result: None)
        settings = self.settings(options, **more)
        return run_batch(self.plan, settings, runner, on_existing=on_existing, ended=ended)

    def results(self) -> dict[str, str]:
        return {name: line["status"] for name, line in journal.read(self.out).results.items()}

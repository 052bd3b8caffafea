"""How much memory a task takes at its peak, so that those at work together fit.

The coefficients bound what ``python benchmarks/batch.py memory`` measured; bytes, of a process that
works with one thread.
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

from expinterp.batch.settings import Settings
from expinterp.batch.tasks import Task
from expinterp.brackets import Bracket
from expinterp.errors import ImageFileError
from expinterp.images.headers import Header, read_header
from expinterp.job import FuseJob
from expinterp.series import MAX_STEP

BASE = 200 * 2**20  # of a process that has opened the network, and done a tiny task
PAIR = {8: 17, 16: 26}  # a pixel, by depth, of interpolating
STACK = 22  # a pixel, of fusing, and for every exposure in it by depth:
EXPOSURE = {8: 6, 16: 10}
DOUBT = 0.5  # EV by which pixels may show a wider gap than files state
DEEP = {"png", "tiff"}  # formats that may hold 16 bits, and so are taken to
SHARE = 0.75  # of the machine's memory, that a batch takes unless told


def weigh(task: Task, settings: Settings) -> int:
    """Estimate the bytes that a task takes at its peak, its process included."""
    headers = [_read(settings.folder / frame) for frame in task.bracket.frames]
    pixels, depth = max((_size(header) for header in headers if header), default=(0, 8))
    each = PAIR[depth] if settings.interpolation else 0
    if settings.fusion:
        count = count_exposures(task.bracket, settings.fusion)
        each = max(each, STACK + EXPOSURE[depth] * count)
    return BASE + pixels * each


def count_exposures(bracket: Bracket, job: FuseJob) -> int:
    """Guess how many exposures are fused; one virtual one goes into a gap of unknown width."""
    gaps = len(bracket.frames) - 1
    if job.virtual != "auto":
        return len(bracket.frames) + gaps * job.virtual
    if bracket.evs is None:
        return len(bracket.frames) + gaps
    steps = [abs(one - two) for one, two in zip(bracket.evs, bracket.evs[1:], strict=False)]
    virtual = [math.ceil((step + DOUBT) / MAX_STEP) - 1 for step in steps]
    return len(bracket.frames) + sum(virtual)


def _read(path: Path) -> Header | None:
    try:
        return read_header(path)
    except ImageFileError:  # the task will say so
        return None


def _size(header: Header) -> tuple[int, int]:
    return header.rows * header.cols, 16 if header.format in DEEP else 8


def memory_room() -> int:
    """Count the bytes a batch may take unless told: a share of what there is, or is allowed."""
    limits = [2**40]  # where a system does not say
    with suppress(AttributeError, ValueError, OSError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # no container, or one without a limit
            limits.append(int(Path(path).read_text()))
    return int(min(limits) * SHARE)


def count_cpus() -> int:
    """Count the CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

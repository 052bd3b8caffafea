"""How much memory a task takes at its peak, so that those at work together fit.

The coefficients are measured: ``python benchmarks/batch.py memory``.
"""

from __future__ import annotations

import os
from pathlib import Path

from expinterp.batch.settings import Settings
from expinterp.batch.tasks import Task
from expinterp.errors import ImageFileError
from expinterp.images.headers import Header, read_header

BASE = 200 * 2**20  # bytes of a process that has done a small task
BYTES_PER_PIXEL = {8: 16, 16: 32}  # of depth, at the peak, beyond `BASE`
DEEP = {"png", "tiff"}  # formats that may hold 16 bits, and so are taken to
SHARE = 0.75  # of the machine's memory, that a batch takes unless told


def weigh(task: Task, settings: Settings) -> int:
    """Estimate the bytes that a task takes at its peak, its process included."""
    return BASE + max(_bytes(settings.folder / frame) for frame in task.bracket.frames)


def _bytes(path: Path) -> int:
    try:
        header = read_header(path)
    except ImageFileError:  # the task will say so
        return 0
    return header.rows * header.cols * BYTES_PER_PIXEL[_depth(header)]


def _depth(header: Header) -> int:
    return 16 if header.format in DEEP else 8


def memory_room() -> int:
    """Count the bytes a batch may take unless told: a share of what the machine has."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 2**40
    return int(total * SHARE)


def count_cpus() -> int:
    """Count the CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

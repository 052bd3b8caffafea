"""Freed memory is kept, even under Dask, and shared by all threads."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="glibc",
)
AT_WORK = """
import ctypes
import resource
from threading import Barrier, Thread
import numpy as np
from expinterp.scene_io.malloc import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        np.ones(10_000_000, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def threads():
    met = Barrier(6)
    def work():
        met.wait(10)
        array = np.ones(200_000, np.uint8)
        met.wait(10)
    started = [Thread(target=work) for _ in range(6)]
    [thread.start() for thread in started]
    [thread.join() for thread in started]
"""


def run(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a process whose allocator is set as Dask sets it."""
    environment = {**os.environ, "MALLOC_TRIM_THRESHOLD_": "65536"}
    return subprocess.run(
        [sys.executable, "-c", AT_WORK + script],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip


def test_memory_that_is_freed_is_kept_though_dask_has_it_given_back() -> None:
    wasted, _, kept = map(
        int, run("print(faults(), keep_freed_memory() or faults(), faults())").stdout.split()
    )
    assert kept < wasted / 10


def test_threads_that_come_share_the_memory_there_is() -> None:
    stats = "; ctypes.CDLL(None).malloc_stats()"
    arenas = [
        run(work + stats).stderr.count("Arena")
        for work in ("0", "threads()", "keep_freed_memory(); threads()")
    ]
    assert arenas[1] > arenas[0] == arenas[2]

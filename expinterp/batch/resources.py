"""Memory and CPUs of this machine, or the part that a control group allows.

Containers, systemd and schedulers such as SLURM put processes into control groups of Linux. A limit
holds for a group and all groups in it, so the lowest limit around this process counts. The files of
both versions are read: https://docs.kernel.org/admin-guide/cgroup-v2.html (``memory.max``,
``cpu.max``) and cgroup-v1.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from expinterp.core.parallel import usable_cores

SHARE = 0.75  # of the memory, used by default
GROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
MEMORY = (("memory.max",), ("memory.limit_in_bytes",))
CPU = (
    ("cpu.max",),
    ("cpu.cfs_quota_us", "cpu.cfs_period_us"),
)  # microseconds of CPU time, and the period


def memory_room() -> int:
    """Return the bytes that a batch uses by default: a share of the memory that is allowed."""
    return int(min([_installed(), *(limit for (limit,) in _limits(MEMORY))]) * SHARE)


def count_cpus() -> int:
    """Count the CPUs this process may use."""
    return min([usable_cores(), *(math.ceil(quota / period) for quota, period in _limits(CPU))])


def _installed() -> int:
    """Return the bytes of memory of this machine."""
    if sys.platform == "win32":
        import ctypes

        status = (ctypes.c_uint64 * 8)(64)  # MEMORYSTATUSEX: its size, then ullTotalPhys
        ctypes.windll.kernel32.GlobalMemoryStatusEx(status)
        return status[1]
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _limits(kinds: tuple[tuple[str, ...], ...]) -> Iterator[list[int]]:
    """Read the limits on this process: the numbers in files of either version."""
    for group in _groups():
        for names in kinds:
            with suppress(OSError, ValueError):  # no such file, or "max"
                words = " ".join((group / name).read_text("utf-8") for name in names).split()
                numbers = [int(word) for word in words]
                if min(numbers) > 0:  # -1 is no limit
                    yield numbers


def _groups() -> Iterator[Path]:
    """List the control groups around this process; none except on Linux."""
    with suppress(OSError, ValueError):
        for line in MEMBERSHIP.read_text("utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):  # none is named in version 2
                group = GROUPS / controller / path.lstrip("/")
                yield group
                yield from (place for place in group.parents if place.is_relative_to(GROUPS))

"""Memory that a process has freed: kept for what comes next, in one place.

glibc gives each thread an arena of its own, and none takes what another one freed: a process that
works on pictures with several threads holds a third more in the end, and grows for hundreds of
pictures. Dask has it give back at once whatever is freed, so that every array is paged in anew,
which took a third of the time.
"""

from __future__ import annotations

import ctypes
import os

MOST_KEPT = 32 * 2**20  # bytes of an array whose memory is kept; glibc takes no higher limit
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # as malloc.h calls them, M_...


def keep_freed_memory() -> None:
    """Let the threads of this process share what they freed, and keep it; without glibc, nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt:
        mallopt(_MMAP_THRESHOLD, MOST_KEPT)
        mallopt(_TRIM_THRESHOLD, 2 * MOST_KEPT)
        mallopt(_ARENA_MAX, 1)

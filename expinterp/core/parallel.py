"""Process the parts of an image in parallel threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

ROWS = 256  # that one thread copies at a time
AREA = 2**18  # pixels that one thread computes at a time: floats of these fit into a cache
LEAST = 8  # rows that one thread computes at a time, at least

Progress: TypeAlias = Callable[[float], None]  # called with the share done, 0..1
Part = TypeVar("Part")
Result = TypeVar("Result")


@dataclass
class _Threads:
    count: int = 0  # 0: as many as OpenCV uses


_threads = _Threads()


def use_threads(count: int) -> None:
    """Compute with so many threads in this process from now on, and let OpenCV start none of its own.

    Its threads would wait for the cores that ours use. A program that uses this package as a library
    keeps OpenCV's setting, unless it calls this.
    """
    _threads.count = count
    cv2.setNumThreads(1)


def count_threads() -> int:
    """Return the number of threads that this process computes with."""
    return _threads.count or max(cv2.getNumThreads(), 1)


def usable_cores() -> int:
    """Return the number of cores that this process may use, as OpenCV counted at first."""
    return max(cv2.getNumberOfCPUs(), 1)


def map_threads(
    work: Callable[[Part], Result],
    parts: Sequence[Part],
    *,
    threads: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> list[Result]:
    """Apply a function to all parts in threads; NumPy, OpenCV and ONNX Runtime release the GIL.

    Each thread, also the calling one, works on the next part until none is left: that takes fewer
    changes of thread than a future for each part.

    Parameters
    ----------
    threads : int, optional
        Number of threads; by default `count_threads`.
    progress : function, optional
        Called with the share done, 0..1, after every part of the calling thread, and at the end.

    Returns
    -------
    list
        The results, in the order of the parts.
    """
    results: dict[int, Result] = {}
    pending = iter([*enumerate(parts)])

    def work_on(report: Progress) -> None:
        try:
            for number, part in pending:
                results[number] = work(part)
                report(len(results) / len(parts))
        finally:
            deque(pending, 0)  # after a failure no thread begins another part

    helpers = min(threads or count_threads(), len(parts)) - 1
    with ThreadPoolExecutor(max(helpers, 1)) as pool:
        helping = [pool.submit(work_on, lambda share: None) for _ in range(helpers)]
        work_on(progress or (lambda share: None))
    for helper in helping:
        helper.result()
    if progress:
        progress(1.0)
    return [results[number] for number in range(len(parts))]


def iterate_threads(
    work: Callable[[Part], Result], parts: Sequence[Part], *, threads: int | None = None
) -> Iterator[Result]:
    """Apply a function to all parts in threads, and yield results before all are there.

    Parameters
    ----------
    threads : int, optional
        As for `map_threads`.

    Yields
    ------
    object
        The results, in the order of the parts.
    """
    with ThreadPoolExecutor(threads or count_threads()) as pool:
        apply = pool.map if len(parts) > 1 else map  # a thread costs more than a small image
        yield from apply(work, parts)


def strips(count: int, rows: int) -> list[slice]:
    """Divide `count` rows into strips of at most `rows`."""
    return [slice(start, min(start + rows, count)) for start in range(0, count, rows)]


def parts_of(shape: tuple[int, ...]) -> list[slice]:
    """Divide the rows of an image into strips of about `AREA` pixels, and `LEAST` rows at least."""
    return strips(shape[0], max(AREA // shape[1], LEAST))


def copy_image(image: NDArray[Any]) -> NDArray[Any]:
    """Copy a large array in threads: most of the time is that of fresh memory."""
    out = np.empty_like(image)

    def copy(rows: slice) -> None:
        out[rows] = image[rows]

    map_threads(copy, strips(len(image), ROWS))
    return out

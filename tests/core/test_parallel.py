from __future__ import annotations

from collections.abc import Iterator
from threading import Barrier, Event, get_ident

import cv2
import pytest

from expinterp.core import parallel
from expinterp.core.parallel import count_threads, map_threads, use_threads


@pytest.fixture
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = cv2.getNumThreads()
    monkeypatch.setattr(parallel, "_threads", parallel._Threads())
    yield
    cv2.setNumThreads(before)


@pytest.mark.usefixtures("_as_before")
def test_a_library_computes_with_as_many_threads_as_opencv() -> None:
    cv2.setNumThreads(3)
    assert count_threads() == 3
    assert cv2.getNumThreads() == 3


@pytest.mark.usefixtures("_as_before")
def test_opencv_starts_no_threads_beside_ours() -> None:
    use_threads(2)
    assert cv2.getNumThreads() == 1
    together = Barrier(2, timeout=20)  # which one thread alone would not pass
    assert sorted(map_threads(lambda _: together.wait(), range(4))) == [0, 0, 1, 1]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_results_are_in_the_order_of_the_parts(count: int, threads: int) -> None:
    assert map_threads(lambda part: part**2, range(count), threads=threads) == [
        part**2 for part in range(count)
    ]


def test_as_many_threads_work_as_are_asked_for() -> None:
    together = Barrier(3, timeout=20)
    assert len(set(map_threads(lambda _: together.wait() and get_ident(), range(3), threads=3))) > 1


@pytest.mark.parametrize("broken", [0, 1])
def test_after_a_failure_no_other_part_is_begun(broken: int) -> None:
    together, begun = Barrier(2, timeout=20), []

    def work(part: int) -> None:
        begun.append(part)
        together.wait()
        if part == broken:
            raise KeyboardInterrupt
        Event().wait(0.1)  # until after the failure

    with pytest.raises(KeyboardInterrupt):
        map_threads(work, range(9), threads=2)
    assert sorted(begun) == [0, 1]


def test_the_calling_thread_reports_progress_up_to_one() -> None:
    shares: list[tuple[int, float]] = []
    map_threads(str, range(50), threads=3, progress=lambda one: shares.append((get_ident(), one)))
    assert {thread for thread, _ in shares} == {get_ident()}
    assert [share for _, share in shares] == sorted(share for _, share in shares)
    assert shares[-1][1] == 1


def test_the_calling_thread_reports_each_of_its_parts() -> None:
    shares: list[float] = []
    map_threads(abs, range(4), threads=1, progress=shares.append)
    assert shares == [0.25, 0.5, 0.75, 1.0, 1.0]

from __future__ import annotations

from threading import Barrier, Event, get_ident

import pytest

from expinterp.core.parallel import map_threads


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

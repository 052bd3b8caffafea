"""A batch on many machines: chunks of tasks for Dask distributed, with storage that all share.

Every machine writes the same bytes as this one would. If a machine dies, its chunk runs again on
another; a chunk that killed several machines is split, to find the task that is the cause.
"""

from __future__ import annotations

import logging
import socket
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from expinterp import __version__
from expinterp.batch.execute import TaskResult, find_written, make_result, perform
from expinterp.batch.local import DIED
from expinterp.batch.resources import count_cpus
from expinterp.batch.settings import BatchSettings
from expinterp.batch.tasks import Task
from expinterp.errors import (
    DeviceError,
    ExpInterpError,
    ImageFileError,
    MissingExtraError,
    how_to_install,
)
from expinterp.library import VARIABLE, open_library
from expinterp.scene_io.malloc import keep_freed_memory

LOCAL = "local"
CHUNK = 20  # tasks sent together at most; Dask advises few tasks, of seconds each
AHEAD = 3  # chunks per thread sent in advance, so that no machine waits
SPARE = 4  # chunks per thread that are always left to cut, so that all machines end together
PATIENCE = 20  # seconds in which a scheduler must answer


@dataclass(frozen=True)
class Cluster:
    """Runs tasks on a Dask cluster.

    Attributes
    ----------
    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``; or ``local``: processes of this machine.
    jobs : int or None
        Processes of ``local``; None for the number of CPUs.
    threads : int or None
        Of each task; None for 1, since a machine runs a process for each CPU.
    notice : function
        Called with warnings that are shown at once.
    """

    address: str
    jobs: int | None = None
    threads: int | None = None
    notice: Callable[[str], None] = lambda message: None

    def run(
        self, tasks: Sequence[Task], settings: BatchSettings
    ) -> Generator[TaskResult, None, None]:
        """Run tasks.

        Raises
        ------
        DeviceError
            If the scheduler does not answer, or stops.
        MissingExtraError
            If Dask is not installed.
        ExpInterpError
            If a machine has another version, or does not have the folders.
        """
        if not tasks:
            return
        settings = replace(settings, threads=self.threads or 1)
        claimed = [replace(task, replace=True) for task in tasks]  # a chunk may run twice
        with _connect(self.address, min(self.jobs or count_cpus(), len(tasks))) as client:
            yield from _run(_cut(claimed, _count_threads(client)), settings, client, self.notice)


@contextmanager
def _connect(address: str, jobs: int) -> Iterator[Any]:
    """Open a client, and for ``local`` a cluster of its own; close both at the end."""
    dask = _load_dask()
    if address == LOCAL:
        with (
            dask.LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                memory_limit=0,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            dask.Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = dask.Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:  # a timeout is an OSError
        message = f"the scheduler {address} does not answer ({error}); start one: dask scheduler"
        raise DeviceError(message) from error
    with client:
        yield client


def _load_dask() -> Any:
    try:
        import distributed
    except ImportError as error:
        message = f"--cluster needs Dask; {how_to_install('cluster', 'dask', 'distributed')}"
        raise MissingExtraError(message) from error
    return distributed


def _count_threads(client: Any) -> int:
    return max(sum(map(int, client.nthreads().values())), 1)


def _cut(tasks: Sequence[Task], threads: int) -> Iterator[list[Task]]:
    """Cut tasks into chunks: large ones at first, single tasks at the end."""
    start = 0
    while left := len(tasks) - start:
        size = min(max(left // (threads * SPARE), 1), CHUNK)
        yield list(tasks[start : start + size])
        start += size


def _run(
    chunks: Iterator[list[Task]],
    settings: BatchSettings,
    client: Any,
    notice: Callable[[str], None],
) -> Iterator[TaskResult]:
    """Send chunks as others end, no more at a time than keep the cluster busy."""
    single: deque[list[Task]] = deque()  # the tasks of chunks that were split
    sent: dict[Any, list[Task]] = {}

    def send() -> Any:
        chunk = single.popleft() if single else next(chunks, None)
        if chunk is None:
            return None
        future = client.submit(perform_all, chunk, settings, __version__, pure=False, retries=2)
        sent[future] = chunk
        return future

    ahead = AHEAD * _count_threads(client)
    coming = _load_dask().as_completed([future for _ in range(ahead) if (future := send())])
    for future in coming:
        chunk = sent.pop(future)
        results = _results(future, chunk, settings)
        if results is None:
            notice(f"{len(chunk)} brackets killed the machines they ran on; each is tried alone")
            single.extend([task] for task in chunk)
        while len(sent) < ahead and (following := send()):
            coming.add(following)
        yield from results or ()


def _results(
    future: Any, chunk: Sequence[Task], settings: BatchSettings
) -> list[TaskResult] | None:
    """Return the results of a chunk; None if it must be split."""
    try:
        results: list[TaskResult] = future.result()
    except _load_dask().KilledWorker:
        if len(chunk) > 1:
            return None
        return [make_result(chunk[0], error=DIED, written=find_written(chunk[0], settings))]
    except ExpInterpError:
        raise
    except Exception as error:
        message = (
            f"the cluster failed ({type(error).__name__}: {error}); see the log of its machines"
        )
        raise DeviceError(message) from error
    return results


def perform_all(tasks: Sequence[Task], settings: BatchSettings, version: str) -> list[TaskResult]:
    """Run tasks on a machine of a cluster.

    Raises
    ------
    ExpInterpError
        If this machine cannot run any: another version, folders that are missing, or other
        cameras in the library.
    """
    if version != __version__:
        host = socket.gethostname()
        message = f"{host} has expinterp {__version__}, not {version}; install the same everywhere"
        raise ExpInterpError(message)
    for folder in (settings.folder, settings.out):
        if not folder.is_dir():
            message = (
                f"{folder}: is no folder on {socket.gethostname()}; every machine needs it there"
            )
            raise ImageFileError(message)
    if settings.library not in {None, open_library().digest()}:
        message = (
            f"{socket.gethostname()} has other cameras of your own; set {VARIABLE} to one folder "
            "for all machines, or add --camera any"
        )
        raise ExpInterpError(message)
    keep_freed_memory()
    return [perform(task, settings) for task in tasks]

"""A session of ONNX Runtime that ends: a run that takes too long is stopped, errors are ours."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from threading import Thread, get_ident
from typing import Any

from expinterp.core.arrays import Planes
from expinterp.errors import ModelError
from expinterp.refine.contract import REPAIR

LONGEST_RUN = 20.0  # seconds for a tile; the bundled network needs some thousandths
PAUSE = 0.5  # seconds between two looks at the runs


class TimedSession:
    """An ``InferenceSession``, for several threads at a time.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    """

    def __init__(self, session: Any) -> None:
        from onnxruntime import RunOptions

        self._session, self._options = session, RunOptions()
        self._options.log_severity_level = 4  # errors are raised, not printed
        self._begun: dict[int, float] = {}  # when the run of each thread began
        Thread(target=_watch, args=(weakref.ref(self),), daemon=True).start()

    def run(self, output_names: list[str], feeds: Mapping[str, Planes]) -> list[Planes]:
        """Compute the named outputs.

        Raises
        ------
        ModelError
            If the network fails, or takes longer than `LONGEST_RUN`.
        MemoryError
            If its results do not fit the memory.
        """
        thread = get_ident()
        self._begun[thread] = time.monotonic()
        try:
            outputs: list[Planes] = self._session.run(output_names, feeds, self._options)
        except Exception as error:  # onnxruntime has no public base class for its errors
            if "allocat" in str(error):
                raise MemoryError from error
            what = "takes too long" if self._options.terminate else "cannot be computed"
            message = f"the network {what} on a part of the picture; {REPAIR}"
            raise ModelError(message) from error
        else:
            return outputs
        finally:
            del self._begun[thread]

    def stop_long_runs(self) -> None:
        """Stop all runs if one of them takes too long."""
        now = time.monotonic()
        if any(now - begun > LONGEST_RUN for begun in [*self._begun.values()]):
            self._options.terminate = True


def _watch(session: weakref.ref[TimedSession]) -> None:
    """Look at the runs of a session until it is closed."""
    while watched := session():
        watched.stop_long_runs()
        del watched
        time.sleep(PAUSE)

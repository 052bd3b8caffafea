"""Silencing C libraries that write to the descriptor of stderr."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_lock = threading.Lock()
_users: list[int] = []  # the descriptor to restore, once for each user


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send what C libraries write to stderr nowhere, until the last thread is done."""
    with _lock:
        if not _users:
            with suppress(OSError):  # there is no stderr
                _users.append(os.dup(2))
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)
        else:
            _users.append(_users[0])
    try:
        yield
    finally:
        with _lock:
            kept = _users.pop() if _users else None
            if kept is not None and not _users:
                os.dup2(kept, 2)
                os.close(kept)

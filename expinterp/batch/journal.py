"""The journal of a batch: what was meant to be done, and what came of it, a line of JSON each.

It lies beside the outputs and is only ever added to. A run writes, in this order,

    header      what was asked for
    leftover    a file that belongs to no bracket, and why
    planned     a bracket, its outputs, and a fingerprint of all that decides what they hold
    result      a bracket that is finished: done, failed or skipped

so that after any end of the program, a pulled plug included, the last lines tell what is left to do.
A bracket may have several results; the last one counts, as long as its fingerprint is the planned
one. A line torn off in the middle, and kinds that are not known, are ignored.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from expinterp.errors import ImageFileError, OutputError, reason
from expinterp.files import JOURNAL

NAME = JOURNAL
SCHEMA_VERSION = 1
HEAD = b'{"kind": "header"'  # how every journal begins
BLOCK = 1 << 16  # bytes looked through at a time for the end of the last whole line
BUSY = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}  # what a lock says that another one holds


@dataclass
class JournalContents:
    """What a journal says, older runs corrected by newer ones.

    Attributes
    ----------
    header : dict
        Of the last run; empty if there was none.
    planned : dict of str to str
        Fingerprints of the brackets of the last run, by name, in its order.
    results : dict of str to dict
        The last result of each of these brackets that is of the same fingerprint.
    leftovers : list of dict
        Of the last run.
    claimed : set of str
        Outputs that a run was to make, where nothing of others lay, and that was interrupted before
        it told what came of them; relative, '/' between.
    made : dict of str to int
        Sizes of the outputs that were made, in bytes.
    begun : dict of str to list of str
        Those of `claimed` that the last run is at, by bracket.
    """

    header: dict[str, Any] = field(default_factory=dict)
    planned: dict[str, str] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    leftovers: list[dict[str, Any]] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    made: dict[str, int] = field(default_factory=dict)
    begun: dict[str, list[str]] = field(default_factory=dict)


def read(path: Path, *, records: bool = True) -> JournalContents:
    """Read a journal, one that is being written too.

    Parameters
    ----------
    path : Path
        Of the journal, or of the folder it lies in.
    records : bool
        Whether results keep what was reported of every job, which takes most of the room.

    Raises
    ------
    ImageFileError
        If it cannot be read, is no journal of a version this program knows, or holds what no batch
        writes: anybody may have touched it.
    """
    path = path / NAME if path.is_dir() else path
    try:
        with path.open("rb") as stream:
            return _gather(stream, path, records=records)
    except OSError as error:
        message = f"{path}: cannot be read ({reason(error)}); name the journal of a batch"
        raise ImageFileError(message) from error
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        words = f"{type(error).__name__}: {error}"[:80]
        message = f"{path}: a line of it is not as a batch writes it ({words}); remove that line"
        raise ImageFileError(message) from error


def _gather(stream: BinaryIO, path: Path, *, records: bool) -> JournalContents:
    contents = JournalContents()
    for line in _lines(stream):
        if line.get("schema_version", 0) > SCHEMA_VERSION:
            message = f"{path}: was written by a newer expinterp; upgrade this one"
            raise ImageFileError(message)
        if not contents.header and line.get("kind") != "header":
            break
        _take(contents, line if records else line | {"reports": []})
    if not (contents.header or _is_torn_header(stream)):
        message = f"{path}: is no journal of a batch; choose another file or folder"
        raise ImageFileError(message)
    contents.results = {
        name: result
        for name, result in contents.results.items()
        if contents.planned.get(name) == result["fingerprint"]
    }
    return contents


def _is_torn_header(stream: BinaryIO) -> bool:
    """Tell whether a file is empty, or a journal whose first run ended within its first line."""
    stream.seek(0)
    return HEAD.startswith(stream.read(len(HEAD)))


def _take(contents: JournalContents, line: dict[str, Any]) -> None:
    match line.get("kind"):
        case "header":
            contents.header, contents.planned, contents.leftovers, contents.begun = line, {}, [], {}
        case "leftover":
            contents.leftovers.append(line)
        case "planned":
            contents.planned[line["bracket"]] = line["fingerprint"]
            if line["claimed"]:
                contents.begun[line["bracket"]] = line["outputs"]
                contents.claimed.update(line["outputs"])
        case "result":
            contents.results[line["bracket"]] = line
            contents.claimed.difference_update(contents.begun.pop(line["bracket"], ()))
            contents.made.update(zip(line["outputs"], line["bytes"], strict=True))


def _lines(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Read the lines that are whole."""
    for text in stream:
        with suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict):
                yield line


class Journal:
    """A journal open for writing; made by `open_journal`.

    Lines that cannot be written, the disk being full, are kept and tried again with the next; at
    the end `flush` tells whether any are left.

    Attributes
    ----------
    path : Path
    contents : JournalContents
        What it said when it was opened, without the reports.
    """

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.path = path
        self.contents = read(path, records=False)
        self._stream = stream
        self._waiting: list[bytes] = []

    def add(self, *lines: dict[str, Any]) -> None:
        """Add lines; they are on the disk when this returns, or wait for `flush`."""
        self._waiting += [json.dumps(line).encode() + b"\n" for line in lines]
        with suppress(OutputError):
            self.flush()

    def flush(self) -> None:
        """Put on the disk what waits.

        Raises
        ------
        OutputError
            If the disk does not take it.
        """
        if not self._waiting:
            return
        end = self._stream.seek(0, os.SEEK_END)
        try:
            _write_all(self._stream, b"".join(self._waiting))
            os.fsync(self._stream.fileno())
        except OSError as error:
            with suppress(OSError):
                self._stream.truncate(end)
            message = f"{self.path}: cannot be written ({reason(error)}); make room and start again"
            raise OutputError(message) from error
        self._waiting.clear()


def _write_all(stream: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[stream.write(view) :]


@contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Open the journal of an output folder for adding to it, and keep other batches out.

    The lock is that of the operating system, so that none is left when the process dies.

    Raises
    ------
    OutputError
        If it cannot be written, or another batch is writing to this folder.
    ImageFileError
        If a file of its name is there that is no journal.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0)
    except OSError as error:
        message = f"{path}: cannot be written ({reason(error)}); choose another folder"
        raise OutputError(message) from error
    with stream:
        if not _lock(stream):
            message = f"{folder}: another batch is writing to this folder; wait until it ends"
            raise OutputError(message)
        journal = Journal(stream, path)
        _cut_torn_line(stream)
        yield journal


def _lock(stream: BinaryIO) -> bool:
    """Lock a file for this process; False if another one holds it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(2**31 - 2)  # a byte that is never written, since nobody could read it
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in BUSY  # else a file system without locks: nobody can be told
    return True


def _cut_torn_line(stream: BinaryIO) -> None:
    """Drop what follows the last whole line, so that the next one begins a line of its own."""
    end = stream.seek(0, os.SEEK_END)
    while end > 0:
        start = max(end - BLOCK, 0)
        stream.seek(start)
        last = stream.read(end - start).rfind(b"\n")
        if last >= 0:
            stream.truncate(start + last + 1)
            return
        end = start
    stream.truncate(0)

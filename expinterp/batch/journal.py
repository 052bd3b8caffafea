"""The journal of a batch: what is planned and what was done, in lines of JSON.

It lies beside the outputs, and lines are only added. A run writes, in this order,

    header      the options
    leftover    a file that belongs to no bracket, and why
    planned     a bracket, its outputs, and a fingerprint of all that decides what they hold
    result      a bracket that is finished: done, failed or skipped

so that after any end of the program, even a power failure, the journal shows what is left to do.
A bracket may have several results; the last one counts if its fingerprint is the planned one.
Incomplete lines and unknown kinds are ignored.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from expinterp.errors import ImageFileError, OutputError, reason
from expinterp.files import JOURNAL
from expinterp.text import MALFORMED, dump_json

NAME = JOURNAL
SCHEMA_VERSION = 1
HEAD = b'{"kind": "header"'  # how every journal begins
LONGEST = 1 << 26  # bytes of a line; the record of a bracket takes some thousands
BLOCK = 1 << 16  # bytes searched at a time for the end of the last complete line
BUSY = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}  # errors of a lock that another process holds


@dataclass
class JournalContents:
    """What a journal holds; newer runs replace older ones.

    Attributes
    ----------
    header : dict
        Of the last run; empty without one.
    planned : dict of str to str
        Fingerprints of the brackets of the last run, by name, in its order.
    results : dict of str to dict
        The last result of each of these brackets, if it has the same fingerprint.
    leftovers : list of dict
        Of the last run.
    claimed : set of str
        Outputs that belong to a batch though they have no result, since their run was interrupted;
        no other file was there before. Relative, '/' between.
    made : dict of str to int
        Sizes in bytes of the outputs that have results.
    begun : dict of str to list of str
        Outputs of the last run that have no result yet, by bracket.
    """

    header: dict[str, Any] = field(default_factory=dict)
    planned: dict[str, str] = field(default_factory=dict)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    leftovers: list[dict[str, Any]] = field(default_factory=list)
    claimed: set[str] = field(default_factory=set)
    made: dict[str, int] = field(default_factory=dict)
    begun: dict[str, list[str]] = field(default_factory=dict)


def read(path: Path, *, records: bool = True) -> JournalContents:
    """Read a journal; another process may be writing to it.

    Parameters
    ----------
    path : Path
        Of the journal, or of the folder it lies in.
    records : bool
        Whether results keep the records of their jobs, which take most of the memory.

    Raises
    ------
    ImageFileError
        If it cannot be read, is no journal, is of a newer version, or holds lines that no batch
        writes.
    """
    try:
        path = path / NAME if path.is_dir() else path
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may never end
            message = f"{path}: is not an ordinary file; name the journal of a batch"
            raise ImageFileError(message)
        with path.open("rb") as stream:
            return _gather(stream, path, records=records)
    except OSError as error:
        message = f"{path}: cannot be read ({reason(error)}); name the journal of a batch"
        raise ImageFileError(message) from error
    except MALFORMED as error:
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
    """Return whether a file is empty, or holds the beginning of a journal's first line only."""
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
    """Read the lines that are complete; refuse one that no batch can have written."""
    while text := stream.readline(LONGEST):
        if len(text) == LONGEST:
            msg = f"it has more than {LONGEST - 1} bytes"
            raise ValueError(msg)
        with suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict):
                yield line


class Journal:
    """A journal open for writing, from `open_journal`.

    Lines that cannot be written because the disk is full are kept and written with later ones; at
    the end, `flush` raises an error if any are left.

    Attributes
    ----------
    path : Path
    contents : JournalContents
        What it held when it was opened, without the records of jobs.
    """

    def __init__(self, stream: BinaryIO, path: Path) -> None:
        self.path = path
        self.contents = read(path, records=False)
        self._stream = stream
        self._waiting: list[bytes] = []

    def add(self, *lines: dict[str, Any]) -> None:
        """Add lines; they are on the disk when this returns, or are kept for `flush`."""
        self._waiting += [dump_json(line).encode() + b"\n" for line in lines]
        with suppress(OutputError):
            self.flush()

    def flush(self) -> None:
        """Write all lines that are kept.

        Raises
        ------
        OutputError
            If they cannot be written.
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
    """Open the journal of an output folder for writing, and lock it against other batches.

    The operating system holds the lock, so that none is left when the process dies.

    Raises
    ------
    OutputError
        If it cannot be written, or another batch is writing to this folder.
    ImageFileError
        If a file of this name is not a journal.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            message = f"{path}: is not an ordinary file; choose another folder"
            raise OutputError(message)
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
    """Lock a file for this process; return False if another process has locked it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            stream.seek(2**31 - 2)  # a byte far behind the end; nobody can read a locked one
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return (
            error.errno not in BUSY
        )  # on a file system without locks, the journal is used without one
    return True


def _cut_torn_line(stream: BinaryIO) -> None:
    """Remove an incomplete line at the end, so that the next line begins on its own."""
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

"""Opening files, checking outputs, and writing files in one step."""

from __future__ import annotations

import errno
import os
import secrets
import select
import shutil
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO, TypeAlias

from expinterp.errors import ImageFileError, OutputError, OutputExistsError, reason

Source: TypeAlias = "str | Path | BinaryIO"
STREAM = "-"
TEMPORARY = ".expinterp-*.part"
PATIENCE, PAUSE = 10.0, 0.05  # seconds that a pipe without a writer is waited for, at once
BLOCK = 1 << 20  # bytes read at a time
JOURNAL = "expinterp-journal.jsonl"  # of a batch; every folder of results has one


def source_name(source: Source) -> str:
    """Return the name of a source for messages: the path as given, or ``-`` for a stream."""
    return str(source) if isinstance(source, (str, Path)) else STREAM


def is_stream(source: Source) -> bool:
    """Return whether a source is standard input or an open file."""
    return not isinstance(source, (str, Path)) or str(source) == STREAM


def open_source(source: Source) -> BinaryIO:
    """Open a source for reading.

    Raises
    ------
    ImageFileError
        If there is no such file, or it may not be read.
    """
    if not isinstance(source, (str, Path)):
        return source
    if str(source) == STREAM:
        return sys.stdin.buffer
    try:
        if not Path(source).is_dir():  # Windows reports a folder as "permission denied"
            return Path(source).open("rb")
    except FileNotFoundError as error:
        message = f"{source}: no such file; check the path"
        raise ImageFileError(message) from error
    except (OSError, ValueError) as error:
        remedy = "its permissions" if isinstance(error, PermissionError) else "the path"
        message = f"{source}: cannot be read ({reason(error)}); check {remedy}"
        raise ImageFileError(message) from error
    message = f"{source}: is a folder; name an image file in it"
    raise ImageFileError(message)


def read_from(stream: BinaryIO, name: str, size: int = -1) -> bytes:
    """Read `size` bytes of an open file, or all that are left.

    Raises
    ------
    ImageFileError
        If it cannot be read.
    """
    try:
        return stream.read(size)
    except OSError as error:
        message = f"{name}: cannot be read ({reason(error)}); check the file"
        raise ImageFileError(message) from error


def read_rest(stream: BinaryIO, name: str, most: int) -> bytes:
    """Read what is left of an open file, `most` bytes at most.

    Raises
    ------
    ImageFileError
        If it cannot be read, or more is left: a sparse file, a stream without end.
    """
    size = _stated_size(stream)
    if 0 < size <= most:
        return read_from(stream, name)
    content = bytearray()
    while size <= most and len(content) <= most and (part := read_from(stream, name, BLOCK)):
        content += part
    if max(size, len(content)) <= most:
        return bytes(content)
    message = f"{name}: is longer than {most >> 30} GiB; save it with fewer pixels, or as a TIFF"
    raise ImageFileError(message)


def _stated_size(stream: BinaryIO) -> int:
    """Return the size of an open file; 0 for a pipe, a device, or bytes in memory."""
    try:
        return os.fstat(stream.fileno()).st_size
    except (OSError, ValueError):  # no file of the system
        return 0


def read_small(path: str | Path, most: int) -> bytes:
    """Read a file of `most` bytes at most; a pipe is waited for, unless nobody writes to it.

    Raises
    ------
    ImageFileError
        If it cannot be read, or is larger, as a device without end is.
    """
    try:
        with open(path, "rb", buffering=0, opener=_open_at_once) as stream:
            content = _read_to_end(stream, most)
    except (OSError, ValueError) as error:
        message = f"{path}: cannot be read ({reason(error)}); check the path"
        raise ImageFileError(message) from error
    if len(content) > most:
        message = f"{path}: is larger than {most:,} bytes, so not what is needed; check the path"
        raise ImageFileError(message)
    return content


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for somebody to write to a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read_to_end(stream: FileIO, most: int) -> bytes:
    """Read a file, and one byte more than `most` if there is one."""
    content = bytearray()
    waiting = time.monotonic() + PATIENCE if stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode) else 0
    while len(content) <= most:
        part = stream.read(min(most + 1 - len(content), BLOCK))
        if part is None:  # a pipe whose writer is busy
            select.select([stream], [], [])
        elif part:
            content += part
        elif content or time.monotonic() > waiting:
            break
        else:  # a pipe that nobody has opened for writing yet
            time.sleep(PAUSE)
    return bytes(content)


def check_output(target: str | Path, *, overwrite: bool, inputs: Iterable[Source] = ()) -> None:
    """Refuse an output that is an input, exists already, or has no folder.

    Raises
    ------
    OutputExistsError
        If the target is one of `inputs` (links count too), or exists and `overwrite` is False.
    OutputError
        If its folder is missing or read-only, or the target is not an ordinary file.
    """
    if str(target) == STREAM:
        return
    path = Path(target)
    try:
        _check_folder(path)
        if not path.exists():
            return
        for source in inputs:
            if not is_stream(source) and _same_file(path, str(source)):
                message = f"{target}: is the input {source}; choose another output name"
                raise OutputExistsError(message)
        if not path.is_file():
            message = f"{target}: is not an ordinary file; name a file, or - for standard output"
            raise OutputError(message)
    except (OSError, ValueError) as error:
        message = f"{target}: cannot be written ({reason(error)}); choose another output"
        raise OutputError(message) from error
    if not overwrite:
        message = f"{target}: exists already; choose another name, or add --overwrite"
        raise OutputExistsError(message)


def _check_folder(path: Path) -> None:
    """Refuse a folder that is missing or read-only."""
    if not path.parent.is_dir():
        message = f"{path}: there is no folder {path.parent}; create it first"
        raise OutputError(message)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        message = f"{path}: the folder {path.parent} is read-only; choose another one"
        raise OutputError(message)


def _same_file(path: Path, source: str) -> bool:
    """Return whether two paths name the same file, through links or other letter case too."""
    try:
        return path.samefile(source)
    except (OSError, ValueError):
        return False


def make_folder(folder: Path) -> None:
    """Create a folder, and those above it, where they are missing.

    Raises
    ------
    OutputError
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{folder}: cannot be created ({reason(error)}); choose another folder"
        raise OutputError(message) from error


@contextmanager
def replacing(target: str | Path, *, overwrite: bool) -> Iterator[BinaryIO]:
    """Open a temporary file beside the target; flush, measure and rename it if the block succeeds.

    The new file has the permissions of the one it replaces. After a failure or an interruption,
    neither the temporary file nor a half-written target is left.

    Raises
    ------
    OutputError
        If writing fails: the disk is full, or the folder read-only.
    OutputExistsError
        If the target was created in the meantime and `overwrite` is False.
    """
    path = Path(os.path.realpath(target))  # so that a link stays a link
    temporary = path.with_name(TEMPORARY.replace("*", secrets.token_hex(6)))
    try:
        with temporary.open("xb") as stream:
            with suppress(OSError):  # no file to replace, or a file system without permissions
                shutil.copymode(path, temporary)
            _lock(stream)
            yield stream
            _finish(stream)
        check_output(target, overwrite=overwrite)
        temporary.replace(path)
    except OSError as error:
        message = f"{target}: cannot be written ({reason(error)}); free some space or choose another output"
        raise OutputError(message) from error
    finally:
        with suppress(OSError):  # renamed, or held open by a virus scanner
            temporary.unlink()


def _finish(stream: BinaryIO) -> None:
    """Write all of an open file to the disk, and check that all of it is there."""
    stream.flush()
    os.fsync(stream.fileno())
    if os.fstat(stream.fileno()).st_size < stream.tell():  # some writers go back
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def sweep(folder: Path) -> None:
    """Remove the temporary files of killed processes from a folder; running ones lock theirs."""
    for path in folder.glob(TEMPORARY):
        with suppress(OSError):
            if not _is_locked(path):
                path.unlink()


def _lock(stream: BinaryIO) -> None:
    """Lock a file until it is closed or its process ends."""
    if sys.platform != "win32":  # Windows does not remove open files
        import fcntl

        with suppress(OSError):  # a file system without locks
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_locked(path: Path) -> bool:
    """Return whether a process has locked a file, on any machine."""
    if sys.platform != "win32":
        import fcntl

        try:
            with path.open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return isinstance(error, BlockingIOError)
    return False

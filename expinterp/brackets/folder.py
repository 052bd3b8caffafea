"""Find the pictures below a folder and read their headers: the only module here that opens files."""

from __future__ import annotations

import os
import posixpath
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import NamedTuple, cast

from expinterp.brackets.frames import Frame
from expinterp.brackets.thumbnail_match import pack_thumbnail
from expinterp.errors import ImageFileError, in_words, reason
from expinterp.files import JOURNAL
from expinterp.images.formats import SUFFIXES, named_format
from expinterp.images.header import Header, read_header
from expinterp.images.metadata.capture import read_capture
from expinterp.images.metadata.exif import read_thumbnail
from expinterp.images.separate_process import SeparateProcess
from expinterp.images.thumbnails import decode_thumbnail, read_thumbnail_of

FEW = 200  # files in a folder of which all get thumbnails, whatever they state
READERS = 4  # files opened at a time: on shared storage most of the time is waiting
MISSING = "need the package"  # words about an extra that is not installed
SAFE = {"jpeg", "png", "webp", "netpbm"}  # their decoders are in every browser, or our own
RESULTS = f"holds the results of a batch ({JOURNAL})"  # such a folder is not searched
# Folders that systems create beside pictures. Hidden ones are skipped because of their dot.
_SYSTEM_FOLDERS = {"@eadir", "__macosx", "$recycle.bin", "system volume information", "lost+found"}
_decoding_large = threading.Lock()


class _Entry(NamedTuple):
    """A file: its path relative to the scanned folder, its real path, and what is wrong with it."""

    path: str
    real: Path
    problem: str | None = None


def scan(folder: str | Path, *, exclude: Collection[str | Path] = ()) -> list[Frame]:
    """Find the pictures below a folder and read their headers.

    Hidden files and folders are skipped, and folders in `exclude`. A folder that holds the journal
    of a batch is listed, but not searched. Links to folders are followed, each folder once. The
    frames are sorted by path. A file, or a folder (path ending in ``/``), that cannot be read has a
    `problem`.

    Raises
    ------
    ImageFileError
        If there is no such folder, it may not be read, or it holds the journal of a batch.
    """
    root = Path(folder)
    if not root.is_dir():
        message = f"{folder}: not a folder; name a folder of photographs"
        raise ImageFileError(message)
    entries = list(_walk(root, {_identity(Path(path)) for path in exclude}))
    sizes = Counter(posixpath.dirname(entry.path) for entry in entries)

    def read(entry: _Entry) -> Frame:
        few = sizes[posixpath.dirname(entry.path)] <= FEW
        if entry.problem or named_format(entry.path) in SAFE:
            return _read_frame(entry, few)
        with _decoding_large if named_format(entry.path) != "raw" else nullcontext():
            return _read_apart(entry, few, apart)

    with closing(SeparateProcess()) as apart, ThreadPoolExecutor(READERS) as pool:
        return sorted(pool.map(read, entries), key=lambda frame: frame.path)


def _read_apart(entry: _Entry, among_few: bool, apart: SeparateProcess) -> Frame:
    """Read one file in another process; if a decoder crashes there, that is the problem of its frame."""
    try:
        # the other process may have another working folder
        placed = entry._replace(real=entry.real.absolute())
        return cast("Frame", apart.call(_read_frame, placed, among_few))
    except ImageFileError as error:
        return Frame(entry.path, "", problem=str(error))


def _identity(path: Path) -> tuple[int, int] | None:
    """Identify a folder, whatever its name; None if there is no such folder."""
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def _walk(root: Path, visited: set[tuple[int, int] | None]) -> Iterator[_Entry]:
    """List the pictures below a folder; real folders first, then the targets of links."""
    visited.add(None)
    folders, links = [("", root)], list[tuple[str, Path]]()
    while folders or links:
        prefix, real = folders.pop() if folders else links.pop()
        identity = _identity(real)
        if identity in visited:
            continue
        visited.add(identity)
        children = _list_folder(real)
        if isinstance(children, str):
            if real == root:
                message = f"{root}: {children}; name another folder of photographs"
                raise ImageFileError(message)
            yield _Entry(prefix, real, children)
            continue
        for child in children:
            path = prefix + child.name
            if _holds(child.is_dir):
                (links if child.is_symlink() else folders).append((path + "/", Path(child.path)))
            elif _is_picture(child.name):
                # Other than ordinary files are not opened: reading a pipe would never end.
                missing = child.is_symlink() and not _holds(Path(child.path).exists)
                broken = "link to a missing file" if missing else "no ordinary file"
                yield _Entry(path, Path(child.path), None if _holds(child.is_file) else broken)


def _list_folder(folder: Path) -> list[os.DirEntry[str]] | str:
    """List the entries of a folder by name, without hidden ones; return a problem instead, if any."""
    try:
        children = sorted(os.scandir(folder), key=lambda child: child.name)
    except OSError as error:
        return f"cannot be read ({reason(error)})"
    if any(child.name == JOURNAL for child in children):
        return RESULTS
    shown = (child for child in children if not child.name.startswith("."))
    return [child for child in shown if child.name.lower() not in _SYSTEM_FOLDERS]


def _holds(check: Callable[[], bool]) -> bool:
    """Run a check of a directory entry; circular links fail it."""
    with suppress(OSError):
        return check()
    return False


def is_damaged(frame: Frame) -> bool:
    """Return whether a file or folder should be readable, but is not."""
    expected = frame.path.endswith("/") or _is_picture(frame.path)
    damage = frame.problem not in {None, RESULTS} and MISSING not in (frame.problem or "")
    return damage and expected


def _is_picture(name: str) -> bool:
    """Return whether the suffix of a file is that of a format that is read."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - ten times as fast as a Path


def _read_frame(entry: _Entry, among_few: bool) -> Frame:
    """Read the header of one file; an error becomes the problem of its frame."""
    if entry.problem:
        return Frame(entry.path, "", problem=entry.problem)
    try:
        header = read_header(entry.real)
        capture = read_capture(header.exif, header.xmp)
        silent = capture.captured is None or capture.exposure.time is None
        thumbnail = _read_thumbnail(entry.real, header, decode=among_few or silent)
    except Exception as error:  # noqa: BLE001 - a file must not stop the others, whatever it does
        problem = in_words(error).removeprefix(f"{entry.real}: ")
        return Frame(entry.path, "", problem=problem)
    size = header.rows, header.cols
    facts = {"size": size, "depth": header.depth, "thumbnail": thumbnail, **vars(capture)}
    return Frame(entry.path, header.format, **facts)


def _read_thumbnail(path: Path, header: Header, *, decode: bool) -> bytes | None:
    """Read the thumbnail in the header; where there is none, that of the picture if `decode`."""
    stored = read_thumbnail(header.exif)
    grey = None if stored is None else decode_thumbnail(stored)
    if grey is None and decode:
        # A large picture may take a gigabyte to decode: the others wait for it.
        with _decoding_large if header.format != "jpeg" else nullcontext():
            grey = read_thumbnail_of(path, header.format)
    return None if grey is None else pack_thumbnail(grey)

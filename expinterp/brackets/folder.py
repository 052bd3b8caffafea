"""Finding the pictures below a folder and reading their headers: the one part that opens files."""

from __future__ import annotations

import os
import posixpath
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from expinterp.brackets.frames import RAW, Frame, Mode
from expinterp.brackets.shapes import LONGEST
from expinterp.brackets.thumbnail_match import make_look
from expinterp.errors import ImageFileError, reason
from expinterp.files import JOURNAL
from expinterp.images.formats import FORMATS
from expinterp.images.header import Header, read_header
from expinterp.images.metadata.capture import read_capture, read_thumbnail
from expinterp.images.thumbnails import decode_thumbnail, read_thumbnail_of

FEW = 2 * LONGEST  # files in a folder that may be of one scene, twins included: they are looked at
READERS = 4  # files opened at a time: on shared storage most of the time is waiting
READABLE = frozenset(suffix for form in FORMATS.values() for suffix in form.suffixes)
RAW_SUFFIXES = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq"}
    | {".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2"}
    | {".rwl", ".sr2", ".srf", ".srw", ".x3f"}
)
UNSUPPORTED = {
    ".heic": "HEIC",
    ".heif": "HEIF",
    ".hif": "HEIF",
    ".jxl": "JPEG XL",
    ".jp2": "JPEG 2000",
}
RESULTS = "results of a batch"  # what is said of a folder that holds a journal
_large = threading.Lock()
# Folders that systems keep beside one's pictures; hidden ones are passed over by their dot.
_NOT_ONES_OWN = {"@eadir", "__macosx", "$recycle.bin", "system volume information", "lost+found"}


@dataclass(frozen=True)
class _Entry:
    """A file by its relative and its real path, or what is wrong with it."""

    path: str
    real: Path
    problem: str | None = None


def scan(folder: str | Path, *, exclude: Collection[str | Path] = ()) -> list[Frame]:
    """Find the pictures below a folder and read what their headers say.

    Hidden files and folders are passed over; a folder that holds the journal of a batch is named,
    what lies in it is not. Links to folders are followed, each folder once.

    Parameters
    ----------
    folder : str or Path
        Where to look.
    exclude : collection of paths
        Folders to pass over, such as that of the outputs.

    Returns
    -------
    list of Frame
        Sorted by path. A file, or a folder (path ending in ``/``), that cannot be read has a
        `problem`.

    Raises
    ------
    ImageFileError
        If there is no such folder, it may not be read, or it holds the journal of a batch.
    """
    root = Path(folder)
    if not root.is_dir():
        message = f"{folder}: is no folder; name one that holds brackets"
        raise ImageFileError(message)
    entries = list(_walk(root, {_identity(Path(path)) for path in exclude}))
    crowds = Counter(posixpath.dirname(entry.path) for entry in entries)

    def read(entry: _Entry) -> Frame:
        return _read_frame(entry, alone=crowds[posixpath.dirname(entry.path)] <= FEW)

    with ThreadPoolExecutor(READERS) as pool:
        return sorted(pool.map(read, entries), key=lambda frame: frame.path)


def _identity(path: Path) -> tuple[int, int] | None:
    """Tell a folder apart from all others, whatever it is called; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _walk(root: Path, passed: set[tuple[int, int] | None]) -> Iterator[_Entry]:
    """List the pictures below a folder; real folders first, then those that links lead to."""
    passed.add(None)
    folders, links = [("", root)], list[tuple[str, Path]]()
    while folders or links:
        prefix, real = folders.pop() if folders else links.pop()
        identity = _identity(real)
        if identity in passed:
            continue
        passed.add(identity)
        try:
            children = sorted(os.scandir(real), key=lambda child: child.name)
        except OSError as error:
            if real == root:
                message = f"{root}: cannot be read ({reason(error)}); check its permissions"
                raise ImageFileError(message) from error
            yield _Entry(prefix, real, f"the folder cannot be read ({reason(error)})")
            continue
        if any(child.name == JOURNAL for child in children):
            if real == root:
                message = (
                    f"{root}: holds the results of a batch; name a folder of photographs, or take "
                    f"{JOURNAL} out of it"
                )
                raise ImageFileError(message)
            yield _Entry(prefix, real, RESULTS)
            continue
        for child in children:
            path = prefix + child.name
            if child.name.startswith(".") or child.name.lower() in _NOT_ONES_OWN:
                continue
            if _is_folder(child):
                (links if child.is_symlink() else folders).append((path + "/", Path(child.path)))
            elif _kind(child.name):
                yield _Entry(path, Path(child.path), _oddity(child))


def _is_folder(child: os.DirEntry[str]) -> bool:
    """Tell a folder; a link in a circle is none."""
    try:
        return child.is_dir()
    except OSError:
        return False


def _oddity(child: os.DirEntry[str]) -> str | None:
    """Say why a file cannot be opened, or must not be, since a pipe would keep us waiting."""
    try:
        ordinary = child.is_file()
    except OSError:
        ordinary = False
    if ordinary:
        return None
    return "a link that leads nowhere" if child.is_symlink() else "no ordinary file"


def is_damaged(frame: Frame) -> bool:
    """Tell a file or folder that should be readable and is not from what is never read."""
    ours = frame.path.endswith("/") or _kind(frame.path) == "picture"
    return frame.problem not in {None, RESULTS} and ours


def _kind(name: str) -> str | None:
    """Tell from the suffix what a file is: ``picture``, ``raw``, an unsupported format, or None."""
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - ten times as fast as a Path
    if suffix in READABLE:
        return "picture"
    return RAW if suffix in RAW_SUFFIXES else UNSUPPORTED.get(suffix)


def _read_frame(entry: _Entry, *, alone: bool) -> Frame:
    """Read the header of one file; whatever is wrong with it becomes its problem."""
    kind = _kind(entry.path)
    if entry.problem or kind is None:
        return Frame(entry.path, "", problem=entry.problem)
    if kind == RAW:
        return Frame(entry.path, RAW)
    if kind != "picture":
        return Frame(entry.path, "", problem=f"{kind} is not read")
    try:
        header = read_header(entry.real)
        capture = read_capture(header.exif)
        silent = capture.captured is None or capture.exposure.time is None
        look = _read_look(entry.real, header, decode=alone or silent)
    except ImageFileError as error:
        return Frame(entry.path, "", problem=str(error).removeprefix(f"{entry.real}: "))
    return Frame(
        path=entry.path,
        format=header.format,
        size=(header.rows, header.cols),
        depth=header.depth,
        captured=capture.captured,
        exposure=capture.exposure,
        bias=capture.bias,
        mode=cast("Mode | None", capture.mode),
        shot=capture.shot,
        focal_length=capture.focal_length,
        serial=capture.serial,
        look=look,
    )


def _read_look(path: Path, header: Header, *, decode: bool) -> bytes | None:
    """Look at the thumbnail in the header; where that is missing, at the picture, if told to."""
    thumbnail = read_thumbnail(header.exif)
    grey = None if thumbnail is None else decode_thumbnail(thumbnail)
    if grey is None and decode:
        # A large picture may take a gigabyte to decode: other files wait for it.
        with _large if header.format != "jpeg" else nullcontext():
            grey = read_thumbnail_of(path, header.format)
    return None if grey is None else make_look(grey)

"""Find the pictures below a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from expinterp.errors import ImageFileError, reason
from expinterp.files import JOURNAL
from expinterp.images.formats import SUFFIXES

RESULTS = f"holds the results of a batch ({JOURNAL})"  # such a folder is not searched
# Folders that systems create beside pictures. Hidden ones are skipped because of their dot.
_SYSTEM_FOLDERS = {"@eadir", "__macosx", "$recycle.bin", "system volume information", "lost+found"}


class FoundFile(NamedTuple):
    """A file: its path relative to the searched folder, its real path, and what is wrong with it."""

    path: str
    real: Path
    problem: str | None = None


def find_pictures(folder: str | Path, exclude: Iterable[str | Path] = ()) -> Iterator[FoundFile]:
    """List the pictures below a folder; what cannot be read has a problem.

    Hidden files and folders are skipped, and folders in `exclude`. A folder that holds the journal
    of a batch is listed, but not searched. Links to folders are followed, each folder once.

    Raises
    ------
    ImageFileError
        If there is no such folder, it may not be read, or it holds the journal of a batch.
    """
    root = Path(folder)
    if not root.is_dir():
        message = f"{folder}: not a folder; name a folder of photographs"
        raise ImageFileError(message)
    return _walk(root, {_identity(Path(path)) for path in exclude})


def is_picture(name: str) -> bool:
    """Return whether the suffix of a file is that of a format that is read."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - ten times as fast as a Path


def _identity(path: Path) -> tuple[int, int] | None:
    """Identify a folder, whatever its name; None if there is no such folder."""
    with suppress(OSError):
        status = path.stat()
        return status.st_dev, status.st_ino
    return None


def _walk(root: Path, visited: set[tuple[int, int] | None]) -> Iterator[FoundFile]:
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
            yield FoundFile(prefix, real, children)
            continue
        for child in children:
            path = prefix + child.name
            if _holds(child.is_dir):
                (links if child.is_symlink() else folders).append((path + "/", Path(child.path)))
            elif is_picture(child.name):
                # Other than ordinary files are not opened: reading a pipe would never end.
                missing = child.is_symlink() and not _holds(Path(child.path).exists)
                broken = "link to a missing file" if missing else "no ordinary file"
                yield FoundFile(path, Path(child.path), None if _holds(child.is_file) else broken)


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

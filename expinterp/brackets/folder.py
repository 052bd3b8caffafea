"""Read the headers of the pictures below a folder: the only module here that opens files."""

from __future__ import annotations

import posixpath
import threading
from collections import Counter
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path
from typing import cast

from expinterp.brackets.frames import Frame
from expinterp.errors import ImageFileError, in_words
from expinterp.images.formats import named_format
from expinterp.images.header import Header, read_header
from expinterp.images.metadata.capture import read_capture
from expinterp.images.metadata.exif import read_thumbnail
from expinterp.images.search import RESULTS, FoundFile, find_pictures, is_picture
from expinterp.images.separate_process import SeparateProcess
from expinterp.images.thumbnails import decode_thumbnail, pack_thumbnail, read_thumbnail_of

FEW = 200  # files in a folder of which all get thumbnails, whatever they state
READERS = 4  # files opened at a time: on shared storage most of the time is waiting
MISSING = "need the package"  # words about an extra that is not installed
SAFE = {"jpeg", "png", "webp", "netpbm"}  # their decoders are in every browser, or our own
_decoding_large = threading.Lock()


def scan(folder: str | Path, *, exclude: Collection[str | Path] = ()) -> list[Frame]:
    """Find the pictures below a folder, as `find_pictures` does, and read their headers.

    The frames are sorted by path. A file, or a folder (path ending in ``/``), that cannot be read
    has a `problem`.

    Raises
    ------
    ImageFileError
        If there is no such folder, it may not be read, or it holds the journal of a batch.
    """
    entries = list(find_pictures(folder, exclude))
    sizes = Counter(posixpath.dirname(entry.path) for entry in entries)

    def read(entry: FoundFile) -> Frame:
        few = sizes[posixpath.dirname(entry.path)] <= FEW
        if entry.problem or named_format(entry.path) in SAFE:
            return _read_frame(entry, few)
        with _decoding_large if named_format(entry.path) != "raw" else nullcontext():
            return _read_apart(entry, few, apart)

    with closing(SeparateProcess()) as apart, ThreadPoolExecutor(READERS) as pool:
        return sorted(pool.map(read, entries), key=lambda frame: frame.path)


def _read_apart(entry: FoundFile, among_few: bool, apart: SeparateProcess) -> Frame:
    """Read one file in another process; if a decoder crashes there, that is the problem of its frame."""
    try:
        # the other process may have another working folder
        placed = entry._replace(real=entry.real.absolute())
        return cast("Frame", apart.call(_read_frame, placed, among_few))
    except ImageFileError as error:
        return Frame(entry.path, "", problem=str(error))


def is_damaged(frame: Frame) -> bool:
    """Return whether a file or folder should be readable, but is not."""
    expected = frame.path.endswith("/") or is_picture(frame.path)
    damage = frame.problem not in {None, RESULTS} and MISSING not in (frame.problem or "")
    return damage and expected


def _read_frame(entry: FoundFile, among_few: bool) -> Frame:
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

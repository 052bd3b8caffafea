"""Photographs of a scene in a folder, and a command run on them as people type it."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from expinterp import cli
from expinterp.errors import ExitCode
from expinterp.images import Metadata, Pixels, read_photograph, with_exposure_time, write_photograph

Run = Callable[..., tuple[int, str, str]]  # a command: its code, stdout and stderr
RATIO = 16.0
TIMES = {"long": 1 / 30, "short": 1 / 480}
SHAPE = (48, 64)


def shoot(time: float, *, dtype: type = np.uint8) -> Pixels:
    """Photograph a scene of seven stops with a camera of gamma 2.2, clipped at the top."""
    generator = np.random.default_rng(7)
    stops = generator.uniform(-7, 0, (*SHAPE, 3)) + np.linspace(-1, 1, SHAPE[1])[:, np.newaxis]
    exposure = np.clip(2.0**stops * time * 120, 0, 1)
    top = np.iinfo(dtype).max
    return np.rint(exposure ** (1 / 2.2) * top).astype(dtype)


@dataclass
class Folder:
    """A folder with photographs in it, and a command run there."""

    path: Path
    capture: pytest.CaptureFixture[bytes]
    command: str

    def write(self, name: str, pixels: Pixels, *, time: float | None = None, **how: Any) -> str:
        metadata = how.pop("metadata", Metadata())
        if time:
            metadata = with_exposure_time(metadata, time)
        write_photograph(pixels, self.path / name, metadata=metadata, **how)
        return name

    def run(self, *arguments: str) -> tuple[int, bytes, str]:
        """Run the command; give its code, stdout and stderr."""
        code = cli.main([self.command, *arguments])
        out, err = self.capture.readouterr()
        return code, out, err.decode()

    def names(self) -> set[str]:
        return {path.name for path in self.path.iterdir()}

    def pixels(self, name: str) -> Pixels:
        return read_photograph(self.path / name).pixels

    def record(self, *arguments: str) -> dict[str, Any]:
        code, out, _ = self.run(*arguments, "--json")
        assert code == ExitCode.OK
        record: dict[str, Any] = json.loads(out)
        return record


def tagged(path: Path, pixels: Pixels, **tags: Any) -> None:
    """Write a JPEG with EXIF tags as a camera would, pixels as stored."""
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[{"orientation": 0x0112, "model": 0x0110}[tag]] = value
    Image.fromarray(pixels).save(path, quality=95, exif=exif)


def damaged_png(path: Path) -> None:
    """Write a PNG with less picture than its header promises, its checksums right: libpng prints a message."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 200, 200, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def read_terminal(descriptor: int) -> bytes:
    """Read until the other end is closed, which Linux reports as an error."""
    shown = b""
    try:
        while part := os.read(descriptor, 1 << 12):
            shown += part
    except OSError:
        pass
    os.close(descriptor)
    return shown


def progress_on_terminal(*arguments: str) -> bytes:
    """Run a command with stderr on a terminal without colour; return what is shown there."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "expinterp", *arguments],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "NO_COLOR": "1", "TERM": "xterm"},
    ) as running:
        os.close(theirs)
        shown = read_terminal(ours)
        assert running.stdout is not None
        assert running.stdout.read() == b""
    assert running.returncode == ExitCode.OK
    return shown

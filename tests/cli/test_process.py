"""The process of the command: signals at any moment, closed streams, terminals, odd folders."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from batch_samples import Bench, card
from cli_samples import damaged_png, read_terminal
from odd_samples import check
from PIL import Image

from expinterp.__main__ import MESSAGE
from expinterp.cli import process
from expinterp.errors import ExitCode
from expinterp.files import JOURNAL

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and descriptors of POSIX")
COMMAND = (sys.executable, "-m", "expinterp")
EVIL = "\x1b]0;PWNED\x07\x1b[2J\x9b31m\u202e\x7f"
END = "--- end of what a command shows ---"
RAW = (b"\x1b]0;", b"\x1b[2J", b"\x07", "\x9b".encode(), "\u202e".encode(), b"\x7f")


def fuse(folder: Path) -> tuple[str, ...]:
    frames = [str(folder / f"card/day 0/b000_{step}.png") for step in range(2)]
    return (*COMMAND, "fuse", *frames, "-o", str(folder / "out.png"), "--overwrite")


@POSIX
@pytest.mark.parametrize("moments", [4, pytest.param(150, marks=pytest.mark.slow)])
@pytest.mark.usefixtures("foreground")
def test_a_signal_at_any_moment_is_one_line(tmp_path: Path, moments: int) -> None:
    """From when Python has started: what it does before belongs to Python."""
    card(tmp_path / "card", 1)
    started = time.monotonic()
    subprocess.run(fuse(tmp_path), check=True)
    length = time.monotonic() - started
    chosen = random.Random(moments)
    for moment in range(moments):
        number = chosen.choice([signal.SIGINT, signal.SIGTERM])
        with subprocess.Popen(fuse(tmp_path), stderr=subprocess.PIPE) as running:
            time.sleep(0.1 + (moment + chosen.random()) / moments * length)
            running.send_signal(number)
            assert running.stderr is not None
            said = running.stderr.read()
        if running.returncode:
            assert (running.returncode, said.lstrip()) == (ExitCode.INTERRUPTED, MESSAGE)
        assert {path.name for path in tmp_path.iterdir()} <= {"card", "out.png"}


@POSIX
def test_a_signal_during_the_imports_is_one_line() -> None:
    code = (
        "import os, signal, sys\nfrom expinterp import __main__\n"
        "class Slow:\n def find_spec(self, name, *_):\n"
        "  if name == 'expinterp.cli': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n__main__.run()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.INTERRUPTED, b"", MESSAGE)


def test_an_interruption_waits_while_python_holds_the_lock_of_imports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent, found = [], []
    monkeypatch.setattr(process.Interruption, "_send_again", lambda _: sent.append("again"))
    finder = SimpleNamespace(find_spec=lambda *_: found.append(sys._getframe(1)))
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    assert importlib.util.find_spec("no_such_module") is None
    interruption = process.Interruption()
    interruption._raise(signal.SIGINT, found[0])
    assert (sent, interruption.began) == (["again"], None)
    with pytest.raises(KeyboardInterrupt):
        interruption._raise(signal.SIGINT, sys._getframe())


@POSIX
@pytest.mark.parametrize("raised", ["ImportError('numpy')", "SystemError()", "KeyboardInterrupt()"])
def test_what_a_library_makes_of_an_interruption_does_not_matter(raised: str) -> None:
    """NumPy makes an ImportError of Ctrl-C, if that comes while it loads."""
    done = run_with(
        "def scan(*_, **__):\n try: os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        f" except KeyboardInterrupt: raise {raised}\nbrackets.scan = scan"
    )
    assert (done.returncode, done.stderr) == (ExitCode.INTERRUPTED, MESSAGE)


@POSIX
def test_an_interruption_that_a_callback_swallows_comes_again() -> None:
    done = run_with(
        "class Callback:\n def __del__(self):\n  os.kill(os.getpid(), signal.SIGINT); time.sleep(1)\n"
        "def scan(*_, **__):\n Callback(); time.sleep(5); return []\nbrackets.scan = scan"
    )
    assert (done.returncode, done.stderr) == (ExitCode.INTERRUPTED, MESSAGE)


@POSIX
def test_a_second_signal_ends_a_clean_up_that_does_not_end() -> None:
    done = run_with(
        "def scan(*_, **__):\n try: os.kill(os.getpid(), signal.SIGINT); time.sleep(5)\n"
        " finally:\n  time.sleep(1.2); os.kill(os.getpid(), signal.SIGINT); time.sleep(9)\n"
        "brackets.scan = scan"
    )
    assert (done.returncode, done.stderr) == (ExitCode.INTERRUPTED, MESSAGE)


def run_with(change: str) -> subprocess.CompletedProcess[bytes]:
    """Run a batch in a process in which something is changed first."""
    code = (
        "import os, signal, sys, time\nfrom expinterp import __main__, brackets\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"{change}\nsys.argv = ['expinterp', 'batch', 'x', '-n']\n__main__.run()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)


@POSIX
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_stream_lends_its_place_to_no_file(tmp_path: Path, closed: int) -> None:
    """Where stderr was closed, the report was opened in its place, and libpng wrote into it."""
    made = Bench(tmp_path, 1)
    name = str(tmp_path / "r.html")
    made.run()
    damaged_png(tmp_path / "out/day 0/b000_mid.png")

    def close() -> None:
        os.close(closed)

    done = subprocess.run(
        (*COMMAND, "report", str(tmp_path / "out"), "-o", name), check=False, preexec_fn=close,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == ExitCode.OK
    page = Path(name).read_bytes()
    assert page.startswith(b"<!DOCTYPE html>")
    assert page.endswith(b"</html>\n")
    assert b"libpng" not in page + done.stderr


@POSIX
def test_a_reader_that_leaves_stops_no_batch(tmp_path: Path) -> None:
    card(tmp_path / "card", 2)
    read, write = os.pipe()
    os.close(read)
    words = ("batch", str(tmp_path / "card"), "-o", str(tmp_path / "out"), "--no-refine", "--json",
             "--mode", "fuse")  # fmt: skip
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            (*COMMAND, *words), stdout=closed, stderr=subprocess.PIPE, check=False
        )
    assert b"the batch goes on" in done.stderr
    assert len(list((tmp_path / "out").rglob("*_fused.png"))) == 2
    assert done.returncode == ExitCode.OK


@POSIX
def test_a_working_folder_that_is_gone_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for words in (
        ("batch", "card", "-o", "out"), ("batch", ".", "-n"), ("evaluate", "."), ("report", ".", "-o", "r.html"),
        ("interpolate", "a.jpg", "b.jpg", "-o", "o.png"), ("calibrate", "a", "b", "c", "-o", "c.json"),
    ):  # fmt: skip
        assert check(capsys, *words) in {3, 6}


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize("length", [250, 251, 300, 6000])
def test_names_of_any_length_are_used_or_refused_in_one_line(
    length: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    card(tmp_path / "card", 1)
    frames = [f"card/day 0/b000_{step}.png" for step in range(2)]
    name = "n" * length if length < 1000 else "n/" * (length // 2)
    plain = ("--no-refine",)
    for words in (
        ("interpolate", *frames, "-o", f"{name}.png", *plain),
        ("interpolate", *frames, "-o", f"{name}.png", "--count", "2", *plain),
        ("interpolate", *frames, "-o", "o.png", "--save-ghosts", f"{name}.png", *plain),
        ("interpolate", name, frames[1], "-o", "p.png", *plain),
        ("interpolate", *frames, "-o", "q.png", "--response", name, *plain),
        ("interpolate", *frames, "-o", "r.png", "--model", name),
        ("fuse", *frames, "-o", f"{name}.png", *plain),
        ("fuse", *frames, "-o", "s.png", "--save-virtual", name, *plain),
        ("calibrate", *frames, frames[0], "-o", name),
        ("batch", "card", "-o", name, *plain, "--mode", "fuse"),
        ("batch", name, "-o", "out", *plain),
        ("batch", "card", "-o", "out", "--name", "{bracket}" + name, *plain, "--mode", "fuse"),
        ("batch", "--plan", name, "-n"),
        ("batch", "card", "-o", "out2", "--log", name, *plain),
        ("batch", "card", "-o", "out3", "--report", f"{name}.html", *plain),
        ("report", name, "-o", "r.html"),
        ("report", "out", "-o", f"{name}.html"),
        ("evaluate", name),
        ("evaluate", "card", "--html", f"{name}.html"),
        ("train", name, "-o", "m.onnx"),
        ("tune", name, "-o", f"{name}.onnx"),
    ):  # fmt: skip
        check(capsys, *words)


def test_what_is_shown_to_people_holds_no_control_character(tmp_path: Path) -> None:
    """On a terminal, where names could set its title or forge lines."""
    pytest.importorskip("pty", reason="terminals of POSIX")
    made = card(tmp_path / f"in{EVIL}", 1, camera=f"Cam{EVIL}")
    folder = tmp_path / f"in{EVIL}" / "day 0"
    frames = [folder / f"b000_{step}.png" for step in range(2)]
    frames = [frame.rename(frame.with_name(f"{EVIL}{frame.name}")) for frame in frames]
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(folder / f"alone{EVIL}.png")
    (folder / f"bad{EVIL}.jpg").write_bytes(b"\xff\xd8\xff\xe0 no")
    plan = tmp_path / "plan.jsonl"
    plan.write_text('{"kind": "ev\\u001b[2Jil\\u0007"}\n', "utf-8")
    out = str(tmp_path / f"out{EVIL}.png")
    first, second = map(str, frames)
    commands = [
        ("interpolate", first, second, "-o", out, "--no-refine", "-v"),
        ("interpolate", first, second, "-o", out, "--no-refine"),
        ("interpolate", f"no{EVIL}.jpg", second, "-o", out, "--debug"),
        ("batch", str(folder), "-n", "--set-size", "2"),
        ("batch", str(folder), "-o", str(tmp_path / f"o{EVIL}"), "--no-refine", "-v"),
        ("batch", "--plan", str(plan), "-n"),
        ("evaluate", str(folder)),
        ("fuse", first, f"--cam{EVIL}"),
        ("cameras", "--remove", EVIL),
        ("train", str(folder), "-o", str(tmp_path / f"m{EVIL}.onnx")),
    ]
    assert made
    shown = on_terminal(*commands)
    assert len(shown) == len(commands)
    for text in shown:
        assert text.strip()
        assert not [raw for raw in RAW if raw in text], text


def on_terminal(*commands: Sequence[str]) -> list[bytes]:
    """Run commands with stdout and stderr on a terminal; return what each shows there."""
    import pty

    code = (
        "import json, sys; from expinterp.cli import main\n"
        f"for words in json.loads(sys.argv[1]): main(words); print({END!r}, flush=True)"
    )
    ours, theirs = pty.openpty()
    quiet = {**os.environ, "NO_COLOR": "1", "TERM": "dumb"}
    command = (sys.executable, "-c", code, json.dumps(commands))
    with subprocess.Popen(command, stdout=theirs, stderr=theirs, env=quiet):
        os.close(theirs)
        return read_terminal(ours).split(END.encode())[:-1]


def test_warnings_of_libraries_reach_nobody(tmp_path: Path) -> None:
    done = run_with(
        "import logging, threading, warnings\n"
        "def scan(*_, **__):\n"
        " warnings.warn('of a library'); logging.getLogger('tifffile').error('of a library')\n"
        " os.write(2, b'of a C library'); thread = threading.Thread(target=lambda: 1 / 0)\n"
        " thread.start(); thread.join(); return []\nbrackets.scan = scan"
    )
    assert done.stderr.count(b"\n") <= 1
    assert b"library" not in done.stderr
    assert b"Traceback" not in done.stderr


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Make a folder read-only, also for root: by a file system of its own."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,ro", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tmpfs")
def test_a_read_only_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    card(tmp_path / "card", 1)
    frames = [f"card/day 0/b000_{step}.png" for step in range(2)]
    with read_only(tmp_path / "ro"):
        for words in (
            ("interpolate", *frames, "-o", "ro/a.png", "--no-refine"),
            ("fuse", *frames, "-o", "a.png", "--save-virtual", "ro/v", "--no-refine"),
            ("batch", "card", "-o", "ro", "--no-refine", "--mode", "fuse"),
            ("batch", "card", "-o", "ro/out", "--no-refine", "--mode", "fuse"),
            ("batch", "card", "-o", "out", "--log", "ro/log", "--no-refine", "--mode", "fuse"),
            ("calibrate", *frames, frames[0], "-o", "ro/c.json", "--times", "1,2,3"),
            ("train", "card", "-o", "ro/m.onnx"),
        ):
            assert check(capsys, *words) != ExitCode.OK


def test_stderr_is_moved_once_and_stays_writable() -> None:
    assert process.INTERRUPTION.began is None
    done = run_with("pass")
    assert done.stderr.startswith(b"expinterp: error: x: ")
    assert JOURNAL.encode() not in done.stderr

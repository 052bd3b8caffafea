"""Run programs in turn, as a user starts them, and state what each costs.

The best time of the repeats counts, and the highest peak. Needs Linux or macOS.
"""

from __future__ import annotations

import compileall
import json
import math
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy

import expinterp
from expinterp.cli.tables import print_table

TOOL = [sys.executable, "-m", "expinterp"]
ENFUSE = "enfuse"
HAVE_ENFUSE = shutil.which(ENFUSE) is not None
FLOOR = "OpenCV: decode two, encode one"
MERTENS = "OpenCV: MergeMertens"
FLOOR_SCRIPT = """
import sys, cv2, numpy as np
images = [cv2.imread(name, cv2.IMREAD_UNCHANGED) for name in sys.argv[2:]]
cv2.imwrite(sys.argv[1], images[0])
"""
MERTENS_SCRIPT = """
import sys, cv2, numpy as np
images = [cv2.imread(name) for name in sys.argv[2:]]
fused = cv2.createMergeMertens(1, 1, 0).process(images)
cv2.imwrite(sys.argv[1], np.clip(np.rint(fused * 255), 0, 255).astype(np.uint8))
"""
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Run:
    """What a program took: seconds, seconds of all CPUs, MiB of memory at its peak."""

    seconds: float
    cpu: float
    peak: float


def script(source: str, out: str, pair: Sequence[str]) -> list[str]:
    """Return the command that runs a script on the name of a result and those of photographs."""
    return [sys.executable, "-c", source, out, *pair]


def run(command: Sequence[str]) -> Run:
    """Run a command; one that fails ends the benchmark with its message."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT
    )
    assert process.stderr is not None
    with process.stderr as stream:
        error = stream.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{' '.join(command)}: exit {process.returncode}\n{error.decode()}"
        raise SystemExit(message)
    unit = 1 if sys.platform == "darwin" else 1024  # bytes of ru_maxrss
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20)


def run_in_turn(
    commands: Mapping[str, Sequence[str]], repeat: int, *, emptied: Path | None = None
) -> dict[str, Run]:
    """Run all commands in turn, `repeat` times; return the best times of each and its highest peak.

    The folder `emptied` is emptied before each. Python compiles the package first, as pip does.
    """
    compileall.compile_dir(Path(expinterp.__file__).parent, quiet=2)
    results: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            if emptied:
                shutil.rmtree(emptied, ignore_errors=True)
                emptied.mkdir()
            results[name].append(run(command))
    return {name: summary(runs) for name, runs in results.items()}


def summary(runs: Sequence[Run]) -> Run:
    """Return the best times and the highest peak."""
    return Run(min(r.seconds for r in runs), min(r.cpu for r in runs), max(r.peak for r in runs))


def print_runs(title: str, results: Mapping[str, Run]) -> None:
    """Print what each program took, and its time relative to that of enfuse."""
    reference = results[ENFUSE].seconds if ENFUSE in results else math.nan
    rows = [
        (
            name,
            f"{one.seconds:.2f}",
            f"{one.cpu:.2f}",
            f"{one.peak:.0f}",
            f"{one.seconds / reference:.2f}",
        )[: 5 if ENFUSE in results else 4]
        for name, one in results.items()
    ]
    headers = ("", "seconds", "CPU seconds", "peak MiB", "/ enfuse")[: len(rows[0])]
    print_table(headers, rows, caption=f"{title}, {os.cpu_count()} cores", figures=True)
    print(flush=True)


def write_record(path: Path, record: Mapping[str, object]) -> None:
    """Write figures as JSON; runs become dictionaries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, default=asdict) + "\n", "utf-8")


def describe_machine() -> dict[str, object]:
    """Return what the figures depend on: processor, cores and versions."""
    import onnxruntime

    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "expinterp": expinterp.__version__,
        "numpy": numpy.__version__,
        "opencv": cv2.__version__,
        "onnxruntime": onnxruntime.__version__,
    }


def processor() -> str:
    """Return the name of the processor; that of its kind where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()

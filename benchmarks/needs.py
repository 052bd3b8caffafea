"""End a benchmark with one line, not a traceback, where something that it needs is missing."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from expinterp.errors import ExpInterpError, one_line
from expinterp.evaluation import Material, find_material

NAME = Path(sys.argv[0]).name


def require(package: str, extra: str) -> None:
    """Check that a Python package of an extra is installed; call it before importing the package."""
    if find_spec(package) is None:
        message = (
            f"{NAME}: the Python package {package} is missing; run pip install -e '.[{extra}]'"
        )
        raise SystemExit(message)


def existing(path: str) -> Path:
    """Check that a file or folder on the command line exists; a ``type`` for argparse."""
    if not Path(path).exists():
        message = f"there is no file or folder {path}; name existing data"
        raise ArgumentTypeError(message)
    return Path(path)


def material(scenes: Path, camera: str = "") -> Material:
    """Find the triples and brackets of the cameras whose name contains `camera`."""
    found = find_material(scenes).of_camera(camera)
    if not found.triples:
        message = (
            f"{NAME}: {scenes}: no long, medium and short shot of one scene"
            f"{camera and ' by ' + camera}; 'expinterp evaluate --help' explains what is needed"
        )
        raise SystemExit(message)
    return found


def run(main: Callable[[], None]) -> None:
    """Run a benchmark; a missing file or an error of expinterp ends it with one line."""
    try:
        main()
    except FileNotFoundError as error:
        message = f"{NAME}: {error.filename}: there is no such file"
        raise SystemExit(message) from None
    except ExpInterpError as error:
        print(f"{NAME}: {one_line(str(error))}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None

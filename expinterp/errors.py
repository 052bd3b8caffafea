"""Errors outside the program, and their exit codes.

::

    ValueError, TypeError        misuse of the library
    ExpInterpError          1    any error outside the program
    ├── ImageFileError      3    input unreadable, unsupported
    ├── PairError           4    inputs do not match
    │   └── EqualExposuresError  their exposures are equal
    ├── OutputExistsError   5    output exists
    ├── OutputError         6    cannot write
    ├── DeviceError         7    requested device unavailable
    ├── ModelError          8    model missing or corrupt
    │   └── ResidualError        computes no residual of these photographs
    └── MissingExtraError   9    names the command that installs it

A message is one line: what happened, to which file, what was expected, what to do.
"""

from __future__ import annotations

import json
import sys
from enum import IntEnum

STOPPED = "interrupted; no output is left half written"


def reason(error: Exception) -> str:
    """Return the text of a system error, without its number, for a message.

    Python raises another error for a name with a zero byte, or with half of a surrogate pair.

    Examples
    --------
    >>> reason(OSError(28, "No space left on device"))
    'no space left on device'
    """
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return "its name has a character that no file name can have"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def one_line(message: str) -> str:
    """Join the lines of a message; spaces within a line, as in file names, stay."""
    return " ".join(filter(None, map(str.strip, message.splitlines())))


def flaw(error: Exception) -> str:
    """Return what is wrong with the content of a JSON file, from the error that reading it raised.

    Examples
    --------
    >>> flaw(KeyError("response"))
    "'response' is missing"
    """
    match error:
        case UnicodeDecodeError():
            words = "not a text file"
        case json.JSONDecodeError():
            words = f"line {error.lineno} is not JSON"
        case KeyError():
            words = f"{error} is missing"
        case RecursionError():
            words = "it is nested too deeply"
        case OverflowError():
            words = "a number is too large"
        case ValueError():
            words = str(error)[:80]
        case _:
            words = "a value has the wrong type"
    return words


def how_to_install(extra: str, *packages: str) -> str:
    """Return the command that adds an extra, by the program that installed this one.

    pip finds packages by the extra; pipx and uv keep programs in environments of their own, to which
    the packages themselves are added.
    """
    if "/pipx/" in (here := sys.prefix.replace("\\", "/")):
        return f"pipx inject expinterp {' '.join(packages)}"
    if "/uv/tools/" in here:
        return f"uv tool install {' '.join(f'--with {name}' for name in packages)} expinterp"
    return f"pip install 'expinterp[{extra}]'"


class ExitCode(IntEnum):
    """Exit status of the command line; stable across releases."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    IMAGE_FILE = 3
    PAIR = 4
    OUTPUT_EXISTS = 5
    OUTPUT = 6
    DEVICE = 7
    MODEL = 8
    MISSING_EXTRA = 9
    BATCH = 10
    INTERRUPTED = 130


class ExpInterpError(Exception):
    """An error outside the program, not a misuse of it; the root of the tree above."""

    exit_code = ExitCode.UNEXPECTED


class ImageFileError(ExpInterpError):
    """An input cannot be read: missing, truncated, mislabelled, too large, unsupported."""

    exit_code = ExitCode.IMAGE_FILE


class PairError(ExpInterpError):
    """The inputs are not a long and a short exposure of one scene."""

    exit_code = ExitCode.PAIR


class EqualExposuresError(PairError):
    """The inputs show one scene, but are equally exposed."""


class OutputExistsError(ExpInterpError):
    """The output already exists, or is one of the inputs."""

    exit_code = ExitCode.OUTPUT_EXISTS


class OutputError(ExpInterpError):
    """The output cannot be written: folder missing, read-only, disk full."""

    exit_code = ExitCode.OUTPUT


class DeviceError(ExpInterpError):
    """The requested device is not available."""

    exit_code = ExitCode.DEVICE


class ModelError(ExpInterpError):
    """The network is missing or corrupt, breaks its contract, or tuning did not improve it."""

    exit_code = ExitCode.MODEL


class ResidualError(ModelError):
    """The network computed numbers that cannot be a residual of these photographs."""


class MissingExtraError(ExpInterpError):
    """An optional package, or a system library that a package needs, is not installed."""

    exit_code = ExitCode.MISSING_EXTRA


def is_too_large(error: BaseException) -> bool:
    """Return whether an error is about a file that needs more memory, or nesting, than there is."""
    no_memory = getattr(error, "code", None) == -4  # StsNoMem of an error of OpenCV
    return no_memory or isinstance(error, (MemoryError, RecursionError))


def in_words(error: BaseException) -> str:
    """Return the message of an error; for an unexpected one, with its type."""
    if isinstance(error, ExpInterpError):
        return str(error)
    if isinstance(error, RecursionError):
        return "a file is nested too deeply; leave it out"
    if is_too_large(error):
        return "not enough memory for images of this size; close other programs"
    return f"unexpected {type(error).__name__}: {error}"

"""What can go wrong outside the program, and the exit code each kind of it gives.

::

    ValueError, TypeError        misuse of the library
    ExpInterpError          1    the world failed
    ├── ImageFileError      3    input unreadable, unsupported
    ├── PairError           4    inputs do not match
    │   └── EqualExposuresError  they are equally exposed
    ├── OutputExistsError   5    refuses to overwrite
    ├── OutputError         6    cannot write
    ├── DeviceError         7    requested device unavailable
    ├── ModelError          8    model missing or corrupt
    └── MissingExtraError   9    names the pip command

A message is one line: what happened, to which file, what was expected, what to do.
"""

from __future__ import annotations

import json
from enum import IntEnum


def reason(error: Exception) -> str:
    """Take the plain words of a system error, for a message.

    Examples
    --------
    >>> reason(OSError(28, "No space left on device"))
    'no space left on device'
    """
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def one_line(message: str) -> str:
    """Put a message into one line, as those of libraries may not be; names keep their spaces."""
    return " ".join(filter(None, map(str.strip, message.splitlines())))


def flaw(error: Exception) -> str:
    """Say what is wrong with the content of a JSON file, by the error that taking it in gave.

    Examples
    --------
    >>> flaw(KeyError("response"))
    "'response' is missing"
    """
    match error:
        case UnicodeDecodeError():
            return "it is no text"
        case json.JSONDecodeError():
            return f"line {error.lineno} is no JSON"
        case KeyError():
            return f"{error} is missing"
        case ValueError():
            return str(error)[:80]
    return "something in it is of another kind than it should be"


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
    """A failure of the world, not of the caller; the root of the tree above."""

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
    """The output is there already, or is one of the inputs."""

    exit_code = ExitCode.OUTPUT_EXISTS


class OutputError(ExpInterpError):
    """The output cannot be written: folder missing, read-only, disk full."""

    exit_code = ExitCode.OUTPUT


class DeviceError(ExpInterpError):
    """The device that was asked for is not what the session runs on."""

    exit_code = ExitCode.DEVICE


class ModelError(ExpInterpError):
    """The network is missing, corrupt, breaks its contract, or is no better for being tuned."""

    exit_code = ExitCode.MODEL


class MissingExtraError(ExpInterpError):
    """An optional package, or a system library under one, is not installed."""

    exit_code = ExitCode.MISSING_EXTRA


def in_words(error: BaseException) -> str:
    """Say what went wrong; of an error that nobody foresaw, also its kind."""
    if isinstance(error, ExpInterpError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory for images of this size; close other programs"
    return f"unexpected {type(error).__name__}: {error}"

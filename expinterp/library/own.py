"""The user's own cameras: profiles of cameras in a folder, a file for each scene that was measured.

The folder is ``cameras`` in the platform's data folder, or in the one that the environment variable
``EXPINTERP_DATA`` names.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from expinterp.core.response.calibration import Profile
from expinterp.errors import ImageFileError, OutputError, flaw, reason
from expinterp.files import make_folder, read_small, replacing
from expinterp.library.names import ANY, read_name
from expinterp.text import MALFORMED

VARIABLE = "EXPINTERP_DATA"
MAX_PROFILE = 1_000_000  # bytes; a profile has about 10,000
NAME_LENGTH = 40  # letters of a camera in the name of its file; they may have four bytes each
REMEDY = "make one with 'expinterp calibrate'"


@dataclass(frozen=True, eq=False)
class OwnCurve:
    """A response that the user measured of a camera.

    Attributes
    ----------
    camera : str
        As it was named when it was measured.
    profile : Profile
    file : Path
    digest : str
        SHA-256 of the file.
    """

    camera: str
    profile: Profile
    file: Path
    digest: str


def own_folder() -> Path:
    """Return the folder of the user's own cameras; it need not exist."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).absolute() / "cameras"
    from platformdirs import user_data_path

    return user_data_path("expinterp", appauthor=False) / "cameras"


def read_profile(path: Path) -> Profile:
    """Read a profile made by ``expinterp calibrate``.

    Raises
    ------
    ImageFileError
        If the file cannot be read, or is not a profile.
    """
    try:
        return Profile.from_json(read_small(path, MAX_PROFILE).decode())
    except ImageFileError as error:
        message = f"cannot read the profile {str(error).partition(';')[0]}; {REMEDY}"
        raise ImageFileError(message) from error
    except MALFORMED as error:
        message = f"{path} is no camera profile ({flaw(error)}); {REMEDY}"
        raise ImageFileError(message) from error


def read_own(folder: Path) -> tuple[tuple[OwnCurve, ...], tuple[str, ...]]:
    """Read all curves of a folder, sorted by file; also a message for all that cannot be read."""
    curves, damaged = [], []
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - Path.glob hides a folder that is closed
    except FileNotFoundError:
        names = []
    except OSError as error:
        names, damaged = [], [f"{folder} cannot be read ({reason(error)})"]
    for path in [folder / name for name in names if name.endswith(".json")]:
        found = _read_file(path, _state(path))
        if isinstance(found, OwnCurve):
            curves.append(found)
        else:
            damaged.append(found)
    return tuple(curves), tuple(damaged)


def _state(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except OSError:  # reading it will report it
        return (-1, -1)
    return facts.st_size, facts.st_mtime_ns


@lru_cache(maxsize=1024)
def _read_file(path: Path, state: tuple[int, int]) -> OwnCurve | str:
    """Read a curve, again only if the file has changed; return what is wrong if it is damaged."""
    if not path.is_file():
        return f"{path} is not an ordinary file"
    try:
        profile = read_profile(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (ImageFileError, OSError) as error:
        return str(error).partition(";")[0]
    if not is_name(profile.camera or ""):
        return f"{path} names no camera"
    return OwnCurve(profile.camera or "", profile, path, digest)


def is_name(camera: str) -> bool:
    """Return whether a name can be that of a camera: it states a model, and is not `ANY`."""
    return bool(read_name(camera).model) and read_name(camera).model != ANY


def make_own_folder() -> Path:
    """Create the folder of the user's own cameras, if it is missing, and return it.

    Raises
    ------
    OutputError
        If it cannot be created or written.
    """
    folder = own_folder()
    try:
        make_folder(folder)
    except OutputError as error:
        message = f"{str(error).partition(';')[0]}; {VARIABLE} names another one"
        raise OutputError(message) from error
    if not os.access(folder, os.W_OK):
        message = (
            f"{folder}: cannot be written; check its permissions, or name another one in {VARIABLE}"
        )
        raise OutputError(message)
    return folder


def remember(profile: Profile) -> Path:
    """Store a profile in the user's folder, beside others of its camera; return its file.

    Raises
    ------
    ValueError
        If the profile names no camera.
    OutputError
        If it cannot be written.
    """
    if not is_name(profile.camera or ""):
        msg = f"a camera is remembered by its model; {profile.camera!r} names none"
        raise ValueError(msg)
    content = profile.to_json().encode()
    folder = make_own_folder()
    model = "".join(letter if letter.isalnum() else "-" for letter in profile.camera or "")
    file = folder / f"{model[:NAME_LENGTH].lower()}-{hashlib.sha256(content).hexdigest()[:10]}.json"
    with replacing(file, overwrite=True) as stream:  # of the same content, if it exists
        stream.write(content)
    return file


def forget(curve: OwnCurve) -> None:
    """Remove a curve from the user's folder.

    Raises
    ------
    OutputError
        If its file cannot be removed.
    """
    try:
        curve.file.unlink(missing_ok=True)
    except OSError as error:
        message = f"{curve.file}: cannot be removed ({reason(error)}); check its permissions"
        raise OutputError(message) from error

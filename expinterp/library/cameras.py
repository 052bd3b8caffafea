"""The library of cameras: the measured curves in the package, and those that the user added."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from expinterp.core.response.prior import ResponsePrior, load_prior
from expinterp.library.names import ANY, find_camera, nearest_cameras, read_name
from expinterp.library.own import OwnCurve, own_folder, read_own


class UnknownCameraError(ValueError):
    """A camera that was named is not in the library."""


@dataclass(frozen=True)
class KnownCamera:
    """A camera and its curves.

    Attributes
    ----------
    name : str
        Maker and model.
    built_in : int
        Number of curves in the package.
    own : tuple of OwnCurve
        The curves that the user added.
    """

    name: str
    built_in: int
    own: tuple[OwnCurve, ...] = ()

    @property
    def curves(self) -> int:
        """The number of all curves."""
        return self.built_in + len(self.own)


@dataclass(frozen=True, eq=False)
class CameraLibrary:
    """All cameras whose response was measured.

    Attributes
    ----------
    cameras : dict of str to KnownCamera
        By name, sorted.
    folder : Path
        Of the user's own cameras.
    damaged : tuple of str
        A message for each file there that cannot be used.
    prior : ResponsePrior
        Of all cameras in the package.
    """

    cameras: dict[str, KnownCamera]
    folder: Path
    damaged: tuple[str, ...]
    prior: ResponsePrior

    def find(self, name: str | None) -> str | None:
        """Return the name by which the library knows a camera; None if it does not."""
        return find_camera(name, self.cameras) if name else None

    def resolve(self, name: str) -> str:
        """Return the name by which the library knows a camera that the user named, or ``any``.

        Raises
        ------
        UnknownCameraError
            If it does not, with the nearest names.
        """
        if not isinstance(name, str):
            msg = f"camera must be a name, as 'expinterp cameras' lists them, not {name!r}"
            raise UnknownCameraError(msg)
        if name.strip().casefold() == ANY:
            return ANY
        found = self.find(name)
        if found is None:
            near = " or ".join(nearest_cameras(name, self.cameras))
            hint = f"did you mean {near}? " if near else ""
            msg = f"the camera {name!r} is not known; {hint}'expinterp cameras' lists them"
            raise UnknownCameraError(msg)
        return found

    def choose(self, stated: Iterable[str | None], *, named: str | None = None) -> str | None:
        """Choose the camera of shots: the `named` one, else the one that all shots state.

        None if a shot states none, an unknown one or another one, or if `named` is ``any``.

        Raises
        ------
        UnknownCameraError
            If the library does not know the camera that is named.
        """
        if named is not None:
            name = self.resolve(named)
            return None if name == ANY else name
        found = {self.find(name) for name in stated}
        return found.pop() if len(found) == 1 else None

    def narrow(
        self, stated: Iterable[str | None], *, named: str | None = None
    ) -> ResponsePrior | None:
        """Return the prior of the camera that `choose` finds; None if it finds none.

        A camera that the shots state is only presumed: they may have been edited.
        """
        name = self.choose(stated, named=named)
        if name is None:
            return None
        own = [curve.profile.response for curve in self.cameras[name].own]
        prior = self.prior.of_camera(name, own)
        return prior and replace(prior, presumed=named is None)

    def digest(self, name: str | None = None) -> str:
        """Compute a digest of the user's own curves: of one camera, or all."""
        chosen = self.cameras.values() if name is None else [self.cameras[name]]
        digests = sorted(curve.digest for camera in chosen for curve in camera.own)
        return hashlib.sha256("".join(digests).encode()).hexdigest()[:32]


def open_library() -> CameraLibrary:
    """Open the library as it is now."""
    prior, folder = load_prior(), own_folder()
    counts = {name: prior.cameras.count(name) for name in set(prior.cameras) - {""}}
    cameras = {name: KnownCamera(name, count) for name, count in counts.items()}
    curves, damaged = read_own(folder)
    for curve in sorted(curves, key=lambda each: not read_name(each.camera).makers):
        name = find_camera(curve.camera, cameras) or curve.camera
        known = cameras.get(name, KnownCamera(name, 0))
        cameras[name] = KnownCamera(name, known.built_in, (*known.own, curve))
    ordered = sorted(cameras, key=str.casefold)
    return CameraLibrary({name: cameras[name] for name in ordered}, folder, damaged, prior)


def cameras() -> list[str]:
    """List the names of all cameras whose response is known, built in and the user's own.

    Examples
    --------
    >>> "NIKON D90" in cameras()
    True
    """
    return list(open_library().cameras)


def prior_of(camera: str | None) -> ResponsePrior | None:
    """Return the prior of a camera by its name; None if the name is None or ``any``.

    Raises
    ------
    UnknownCameraError
        If the library does not know the camera.
    """
    return None if camera is None else open_library().narrow((), named=camera)
